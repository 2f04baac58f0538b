"""Whose turn it is: one job at a time for each model, oldest key first. Pure."""

from collections.abc import Collection, Iterable
from dataclasses import dataclass
from typing import Literal

from retraind.job import TALKS, Job, State, order_of_key


@dataclass(frozen=True)
class Turns:
    """What may go on for one model."""

    run: tuple[Job, ...] = ()
    """Jobs whose step may be run once their `wake_at` has come."""
    superseded: tuple[tuple[Job, Job], ...] = ()
    """Jobs that will not be sent, each with the newer one that takes its place."""


def turns(jobs: Iterable[Job], *, held: bool, backlog: Literal["all", "latest"]) -> Turns:
    """Decide for one model's active jobs.

    Sealing, filing, restoring and switches that a person asked for need no turn. Of the others one occupies the
    model; a held one goes on occupying it, since its successors' order is part of what people rely on.
    """
    jobs = list(jobs)
    free = [job for job in jobs if job.state is not State.SEALED and not job.occupies_model]
    occupying = [job for job in jobs if job.occupies_model]
    sealed = sorted(
        (job for job in jobs if job.state is State.SEALED),
        key=lambda job: (order_of_key(job.key), job.created_at),
    )
    superseded: tuple[tuple[Job, Job], ...] = ()
    if backlog == "latest" and len(sealed) > 1:
        superseded = tuple((job, sealed[-1]) for job in sealed[:-1])
        sealed = sealed[-1:]
    candidates = [*free, *(occupying or sealed[:1])]
    return Turns(tuple(job for job in candidates if _may_run(job, held)), superseded)


def _may_run(job: Job, held: bool) -> bool:  # noqa: FBT001
    return job.hold is None and not (held and job.state in TALKS)


def waiting_behind(jobs: Collection[Job], job: Job) -> Job | None:
    """Return the job that `job` has to wait for, if it is sealed behind another of its model."""
    if job.state is not State.SEALED:
        return None
    return next((other for other in jobs if other.occupies_model), None)
