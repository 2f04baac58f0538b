"""What the journal has besides jobs: events, holds of models, hosts that are down."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any, NamedTuple

from retraind.domain.people import Person
from retraind.domain.problems import Problem

ACCOUNT_LIMITS = frozenset({"account_storage_full", "account_models_full", "account_time_used"})
"""The codes of holds for a limit of the account at the service."""


class Event(NamedTuple):
    """One line of a job's history."""

    at: datetime
    job: str | None
    model: str | None
    event: str
    detail: Mapping[str, Any]
    """What is known besides, plain values; what happened is a Problem."""

    @property
    def over(self) -> bool:
        """Whether it names nothing that is wrong: of what reports a problem and its end, the end."""
        return self.detail.get("what") is None


class Entry(NamedTuple):
    """An event and its place in the history."""

    id: int
    event: Event


class Outage(NamedTuple):
    """A host that does not answer, or answers that it cannot."""

    host: str
    """Its name and port: all of its address that may be shown."""
    since: datetime
    """When the first of the failures in a row was met."""
    failures: int
    reason: Problem
    """What the last of them was."""
    next_try: datetime
    """When the next request is let through."""


class HostTry(NamedTuple):
    """A person wanted a host that is down to be tried at once."""

    at: datetime
    by: Person


class ModelHold(NamedTuple):
    """Why no job of a model talks to the service."""

    model: str
    since: datetime
    problem: Problem
    credential: bool
    """True when another key would end it."""

    @property
    def of_account(self) -> bool:
        """True for a limit of the account, which the service shows only by not training."""
        return self.problem.code in ACCOUNT_LIMITS
