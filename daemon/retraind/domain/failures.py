"""Failures, typed by what to do next; nothing else decides what happens after one.

A step of a job that cannot go on raises exactly one `Setback`. Whoever raises it also words it: `what` happened,
as a complete sentence, and `remedy`, what a person can do about it.
"""

import errno
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from pathlib import Path

_SILENT = "The share does not answer. Mend it, or mount it again."
OUT_OF_REACH: Mapping[int, str] = {
    errno.EIO: "The disk or the share does not work; look into the machine's log.",
    errno.ESTALE: "The share was exported anew; mount it again.",
    **dict.fromkeys(
        (
            *(errno.ENOTCONN, errno.ECONNABORTED, errno.ECONNREFUSED, errno.ECONNRESET, errno.ESHUTDOWN),
            *(errno.EHOSTDOWN, errno.EHOSTUNREACH, errno.ENETDOWN, errno.ENETUNREACH, errno.ETIMEDOUT),
            *(errno.ENODEV, errno.ENXIO, errno.EREMOTEIO),
        ),
        _SILENT,
    ),
}
"""What a file system answers that is there and does not work, and what helps."""
_DISK_REMEDIES: Mapping[int, str] = {
    errno.ENOSPC: "Free some space there.",
    errno.EDQUOT: "Free some space there, or raise the quota.",
    errno.EACCES: "Let the service's user read and write there.",
    errno.EPERM: "Let the service's user read and write there.",
    errno.EROFS: "The file system is read-only; mount it writable.",
    errno.EEXIST: "Something else has a name that retraind needs; move it away.",
    errno.ENOTDIR: "A link or a file is where retraind keeps a folder; move it away.",
    errno.ELOOP: "A link is where retraind keeps a file; remove it.",
    **OUT_OF_REACH,
}


def disk_remedy(error: OSError) -> str:
    """Say what helps when the file system answers with this error; nothing where nobody can know."""
    return _DISK_REMEDIES.get(error.errno or 0, "")


def unseen(path: Path | str, error: OSError) -> str:
    """Say that a path cannot be looked at, why, and what helps."""
    return f"{path} cannot be looked at: {error.strerror}. {disk_remedy(error)}".strip()


class Scope(StrEnum):
    """How far a hold reaches."""

    JOB = "job"
    """Only this job waits; the ones behind it wait for it."""
    MODEL = "model"
    """No job of the model talks to the service; deliveries are still taken in."""


@dataclass
class Setback(Exception):
    """A step could not be completed."""

    what: str
    """What happened: a complete sentence, free of secrets."""
    remedy: str = ""
    """What a person can do next; empty when nobody needs to act."""

    def __str__(self) -> str:
        return f"{self.what} {self.remedy}".strip()


@dataclass
class Retry(Setback):
    """Passing trouble: the same step is tried again by itself."""

    after: timedelta | None = None
    """The wait that the other side asked for (Retry-After), if it did."""
    of_host: bool = False
    """True when the other side itself is in trouble, whatever it was asked for: a `Breaker` counts these."""
    host: str | None = None
    """The host that was in trouble, as the `Breaker` names it; None for trouble of another kind."""
    outage: bool = False
    """True when that host's circuit is open, so that its outage is reported once, for all that wait for it."""
    effect: bool = True
    """False when the request certainly changed nothing on the other side."""
    credential: bool = False
    """True when another key might help, though nothing says for certain that the key was refused."""


@dataclass
class Hold(Setback):
    """Nothing will change until a person or a new credential comes; nothing is lost meanwhile."""

    scope: Scope = Scope.MODEL
    credential: bool = False
    """True when another key would end the hold; the daemon then looks for one by itself."""
    refused: bool = False
    """True when the service refused the key that it was shown. Which one that is, and how to renew it, is not said yet."""
    shown: str | None = None
    """The fingerprint of the key that the service refused. Another one may be there by now."""
    until: datetime | None = None
    """When a hold of a job ends by itself, if it does."""
    uploads: bool = False
    """True when it is for uploads that failed with one retrain job after the other."""


@dataclass
class JobFailed(Setback):
    """This delivery cannot succeed as it is."""

    restart: bool = True
    """True when a later `retraind retry` has to begin anew; False when the retrain job is still good and the
    failed step alone is repeated."""


class ConfigError(Exception):
    """The configuration cannot be used; carries every mistake found, not just the first."""

    def __init__(self, problems: list[str]) -> None:
        super().__init__("\n".join(problems))
        self.problems = problems


class JournalError(Exception):
    """The journal cannot be opened or is in use; the message says why and what to do."""


class JournalDamagedError(JournalError):
    """What is in the journal's file makes no sense. The job folders know most of what it held."""


class Stopped(Exception):
    """Raised inside a long step when the daemon is stopping; the step is repeated after the next start."""
