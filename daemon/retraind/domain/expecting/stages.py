"""The stage of a model's deliveries now: on time, late or missing."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from itertools import pairwise

from retraind.domain.expecting.dues import Dues, window_end


class Stage(StrEnum):
    """How a model stands with its deliveries."""

    FINE = "fine"
    """Nothing is due that has not come."""
    LATE = "late"
    """A due date has passed."""
    MISSING = "missing"
    """So long ago that what comes now is for the next due date."""


@dataclass(frozen=True)
class Expectation:
    """How a model stands at one moment."""

    stage: Stage
    due: datetime
    """The next due date; if late or missing, the first that nothing came for."""


def expectation(dues: Dues, last: datetime | None, since: datetime, now: datetime) -> Expectation:
    """Return how a model stands at `now`.

    `last` is its last arrival. Due dates up to `since` do not count.
    By a rule, an arrival is for the due date nearest to it: one that comes early is for the next, one that
    comes late for the last, up to half-way between them.
    """
    met = since if last is None else max(since, dues.of(last))
    due = dues.after(met)
    if now < due:
        return Expectation(Stage.FINE, due)
    return Expectation(Stage.LATE if now < window_end(dues, due) else Stage.MISSING, due)


def intervals(arrivals: Sequence[datetime]) -> list[float]:
    """Return the seconds between arrivals."""
    return [(later - earlier).total_seconds() for earlier, later in pairwise(arrivals)]
