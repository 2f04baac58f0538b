"""Failures, typed by what to do next; nothing else decides what happens after one.

A step of a job that cannot continue raises exactly one `Setback`.
"""

import errno
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum

from retraind.domain.problems import Problem, file_problem

OUT_OF_REACH = frozenset(
    {
        *(errno.EIO, errno.ESTALE, errno.ENODEV, errno.ENXIO, errno.EREMOTEIO),
        *(errno.ENOTCONN, errno.ECONNABORTED, errno.ECONNREFUSED, errno.ECONNRESET, errno.ESHUTDOWN),
        *(errno.EHOSTDOWN, errno.EHOSTUNREACH, errno.ENETDOWN, errno.ENETUNREACH, errno.ETIMEDOUT),
    }
)
"""What a file system answers that exists and does not work."""


class Party(StrEnum):
    """Whom a request is for."""

    SERVICE = "service"
    STORE = "store"
    """The object store, at an address that the service named."""
    RECIPIENT = "recipient"
    """Of a notification."""


class Scope(StrEnum):
    """How far a hold reaches."""

    JOB = "job"
    """Only this job waits; the ones behind it wait for it."""
    MODEL = "model"
    """No job of the model talks to the service; deliveries are still taken in."""


@dataclass
class Setback(Exception):
    """A step could not be completed."""

    problem: Problem
    """What happened; free of secrets."""

    def __str__(self) -> str:
        return str(self.problem)


@dataclass
class Retry(Setback):
    """A transient failure: the same step is tried again automatically."""

    after: timedelta | None = None
    """The wait that the other side asked for (Retry-After), if it did."""
    of_host: bool = False
    """True when the other side itself is in trouble, whatever the request was: a `Breaker` counts these."""
    host: str | None = None
    """The host that failed, as the `Breaker` names it; None for a failure of another kind."""
    outage: bool = False
    """True when that host's circuit is open: its outage is reported once, for all that wait for it."""
    effect: bool = True
    """False when the request certainly changed nothing on the other side."""
    credential: bool = False
    """True when another key might help, though nothing says for certain that the key was refused."""


@dataclass
class Hold(Setback):
    """Nothing will change until a person or a new credential comes; nothing is lost meanwhile."""

    scope: Scope = Scope.MODEL
    credential: bool = False
    """True when another key would end the hold; the daemon then looks for one automatically."""
    refused: bool = False
    """True when the service refused the key. Which one that is, and how to renew it, is still to be added."""
    shown: str | None = None
    """The fingerprint of the key that the service refused. It may have been replaced since."""
    until: datetime | None = None
    """When a hold of a job ends automatically, if it does."""
    uploads: bool = False
    """True when it is for uploads that failed with one retrain job after the other."""
    registers_again: bool = False
    """True when the retrain job has ended without a training, through no fault of the data: the job goes back
    to before its registration, and gets another one after the hold."""


@dataclass
class JobFailed(Setback):
    """This delivery cannot succeed as it is."""

    restart: bool = True
    """True when `retraind retry` starts from the beginning; False when the retrain job is still good, and
    only the failed step is repeated."""


class ConfigError(Exception):
    """The configuration cannot be used; carries every mistake found, not just the first."""

    def __init__(self, problems: Sequence[Problem]) -> None:
        super().__init__("; ".join(f"{each.code} {dict(each.facts)}" for each in problems))
        self.problems = problems


class ConfigOutOfReach(ConfigError):
    """The configuration cannot be read at the moment; later it perhaps can."""


class JournalError(Exception):
    """The journal cannot be opened or is in use, or lacks what was asked for; the problem says why."""

    def __init__(self, problem: Problem) -> None:
        super().__init__(problem)
        self.problem = problem


class JournalDamagedError(JournalError):
    """What is in the journal's file makes no sense. The job folders know most of what it held."""


class Stopped(Exception):
    """Raised inside a long step when the daemon is stopping; the step is repeated after the next start."""


def reason_in(error: Retry | OSError) -> Problem:
    """Return why something could not be done with a folder on a share."""
    return error.problem if isinstance(error, Retry) else file_problem(error)
