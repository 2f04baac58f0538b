"""What to do for a model, as a value. Pure: a situation goes in, a decision comes out."""

from dataclasses import dataclass
from datetime import datetime
from typing import Literal

from retraind.domain.job import Job
from retraind.domain.turns import owned_files, turns
from retraind.intake.pairing import Delivery

MOST_ACTIVE = 1_000
"""Deliveries of one model that are taken in and not finished; further ones wait in the drop folder."""
MOST_AN_HOUR = 1_000
"""Deliveries of one model that are taken in within an hour; each leaves some 10 KB in the journal."""
_MOST_AT_ONCE = 50
"""Deliveries that one pass takes in."""


@dataclass(frozen=True)
class Situation:
    """What is known of a model at one moment."""

    now: datetime
    complete: tuple[Delivery, ...] = ()
    """Deliveries that a scan has just found complete, oldest key first."""
    jobs: tuple[Job, ...] = ()
    """The active ones."""
    held: bool = False
    backlog: Literal["all", "latest"] = "all"
    reachable: bool = True
    """False before the folder's share has answered for the first time: steps would hang there."""
    recovered: bool = True
    """False until it is known what the job folders know better than the journal."""
    at_work: frozenset[str] = frozenset()
    """The ids of the jobs that a thread works on."""
    taken_in: int = 0
    """Deliveries taken in within the hour."""


@dataclass(frozen=True)
class Decision:
    """What to do."""

    take_in: tuple[Delivery, ...] = ()
    supersede: tuple[tuple[Job, Job], ...] = ()
    """Jobs that will not be sent, each with the newer one that replaces it."""
    run: tuple[Job, ...] = ()
    """Jobs whose step runs now."""
    wake_at: datetime | None = None
    """When the next step becomes due."""


def decide(situation: Situation) -> Decision:
    """Decide about one model."""
    if not situation.recovered:
        return Decision()
    take_in = _take_in(situation)
    if not situation.reachable:
        return Decision(take_in)
    plan = turns(situation.jobs, held=situation.held, backlog=situation.backlog, running=situation.at_work)
    may_run = [job for job in plan.run if job.id not in situation.at_work]
    due = tuple(job for job in may_run if job.due(situation.now) <= situation.now)
    later = [job.due(situation.now) for job in may_run if job not in due]
    return Decision(take_in, plan.superseded, due, min(later, default=None))


def _take_in(situation: Situation) -> tuple[Delivery, ...]:
    """Choose what is taken in now: a part at a time, so that other folders of the share get their scans."""
    owned = owned_files(situation.jobs)
    room = min(MOST_ACTIVE - len(situation.jobs), MOST_AN_HOUR - situation.taken_in, _MOST_AT_ONCE)
    free = [each for each in situation.complete if not {file.name for file in each.files} & owned]
    return tuple(free[: max(0, room)])
