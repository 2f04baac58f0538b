"""Whose turn it is: one job at a time for each model, oldest key first. Pure.

Where the order of the keys contradicts that of the arrivals (`31.10.2026`, then `01.11.2026`), nobody knows
which is meant. Then the one that arrived first goes first, so that the last delivery is published last, and
none is skipped.
"""

from collections.abc import Container, Iterable
from dataclasses import dataclass
from typing import Any, Literal

from retraind.domain.job import TALKS, Job, State
from retraind.domain.names import order_of_key, out_of_order


@dataclass(frozen=True)
class Turns:
    """What may be done for one model."""

    run: tuple[Job, ...] = ()
    """Jobs whose step may be run once their `wake_at` has come."""
    superseded: tuple[tuple[Job, Job], ...] = ()
    """Jobs that will not be sent, each with the newer one that takes its place."""


def turns(
    jobs: Iterable[Job],
    *,
    held: bool,
    backlog: Literal["all", "latest"],
    running: Container[str] = (),
) -> Turns:
    """Decide for one model's active jobs; `running` has the ids of those whose step is being run now.

    Sealing, filing and switches that a person asked for need no turn. Of the others one occupies the model:
    one in work, else one that comes back into work, else the sealed one with the oldest key. A held one still
    occupies it, since people rely on the order; and a sealed one that is being preflighted keeps its turn,
    whatever older key arrives meanwhile. No sealed one gets the turn while others that were found with it are
    still being sealed: only then is it known which is the oldest, or the latest.

    None is superseded while the keys contradict the order of the arrivals (see `contradiction`).
    """
    jobs = sorted(jobs, key=_place)
    free = [job for job in jobs if not _needs_turn(job)]
    occupying = [job for job in jobs if job.occupies_model]
    returning = [job for job in jobs if job.state is State.RESTORING and _needs_turn(job)]
    sealing = any(job.state is State.SEALING and not job.wait.attempts and job.hold is None for job in jobs)
    waiting = _in_order(job for job in jobs if job.state is State.SEALED)
    sealed = [job for job in waiting if not sealing or job.id in running]
    begun = [job for job in (*occupying, *returning, *sealed) if job.id in running]
    superseded: tuple[tuple[Job, Job], ...] = ()
    if backlog == "latest" and len(sealed) > 1 and contradiction(sealed) is None:
        superseded = tuple((job, sealed[-1]) for job in sealed[:-1] if job not in begun)
        sealed = [job for job in sealed if job in begun] or sealed[-1:]
    turn = (begun or occupying or returning or sealed)[:1]
    return Turns(tuple(job for job in (*free, *turn) if _may_run(job, held)), superseded)


def _needs_turn(job: Job) -> bool:
    if job.state is State.RESTORING:
        return job.end is not None and job.end.resume_in not in {None, State.SEALED}
    return job.state is State.SEALED or job.occupies_model


def _may_run(job: Job, held: bool) -> bool:  # noqa: FBT001
    return job.hold is None and not (held and job.state in TALKS)


def in_turn(jobs: Iterable[Job]) -> list[Job]:
    """Sort one model's active jobs for people: what is in work first, then what waits, by turn."""
    jobs = sorted(jobs, key=_place)
    sealed = _in_order(job for job in jobs if job.state is State.SEALED)
    return [*(job for job in jobs if job.state is not State.SEALED), *sealed]


def next_in_turn(jobs: Iterable[Job]) -> Job | None:
    """Return the job that a model's sealed deliveries wait for: the one in work, else the first of them."""
    jobs = in_turn(jobs)
    sealed = (job for job in jobs if job.state is State.SEALED)
    return next((job for job in jobs if job.occupies_model), None) or next(sealed, None)


def owned_files(jobs: Iterable[Job]) -> frozenset[str]:
    """Return the files of jobs that could not be sealed yet: theirs, though some are in the drop folder."""
    return frozenset(file.name for job in jobs if job.state is State.SEALING for file in job.files)


def contradiction(jobs: Iterable[Job]) -> tuple[Job, Job] | None:
    """Return two sealed jobs of one model of which the second arrived later and has the earlier key.

    None where the order of the keys is that of the arrivals, or is meant.
    """
    sealed = sorted((job for job in jobs if job.state is State.SEALED), key=_place)
    return out_of_order([(job.key, job.created_at, job) for job in sealed])


def _in_order(sealed: Iterable[Job]) -> list[Job]:
    """Sort sealed jobs by turn: by key, or as they arrived where the keys contradict that."""
    sealed = sorted(sealed, key=_place)
    if contradiction(sealed) is not None:
        sealed.sort(key=lambda job: (job.created_at, _place(job)))
    return sealed


def _place(job: Job) -> tuple[Any, ...]:
    return order_of_key(job.key), job.created_at, job.id
