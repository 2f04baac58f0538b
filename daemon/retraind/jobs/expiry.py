"""Deleting a finished job: which ones are to go, then its folder, then what the journal knows of it."""

from collections.abc import Callable, Container, Iterable
from datetime import datetime, timedelta
from typing import NamedTuple

from retraind.config.settings import ModelSettings
from retraind.domain.job import Job, State
from retraind.jobs.folders import Places
from retraind.store.jobs import Conflict
from retraind.store.journal import Journal
from retraind.system.files import exists, move, sync_folder
from retraind.system.moving import remove


class Limits(NamedTuple):
    """What a model keeps of its jobs in one of their places; None limits nothing."""

    span: timedelta | None
    most: int | None
    size: int | None
    """Bytes."""

    def __bool__(self) -> bool:
        return any(limit is not None for limit in self)

    @property
    def by_room(self) -> bool:
        """Whether what is there counts, not only how old it is."""
        return self.most is not None or self.size is not None


def limits_of(model: ModelSettings, state: State) -> Limits:
    """Return what a model keeps of its jobs that are done, or failed."""
    if state is State.FAILED:
        return Limits(model.retention_failed, model.retention_failed_count, model.retention_failed_size)
    return Limits(model.retention, model.retention_count, model.retention_size)


def size_of(job: Job) -> int:
    """Return how many bytes were delivered and fetched for a job; its notes do not count."""
    results = (job.training.results_bytes if job.training else None) or 0
    return sum(file.signature.size for file in job.files) + results


def outlived(
    jobs: Iterable[Job], limits: Limits, now: datetime, there: Container[str], stays: Callable[[Job], bool]
) -> list[Job]:
    """Return which of the jobs in one place have to go, oldest first.

    `jobs` are the newest first. Only those whose folders are `there` take room, and of these the newest stays
    however large it is. Those that `stay` take room as well.
    """
    going, count, size = [], 0, 0
    for job in jobs:
        beyond = limits.span is not None and job.updated_at < now - limits.span
        if job.id in there:
            count, size = count + 1, size + size_of(job)
            beyond |= limits.most is not None and count > limits.most
            beyond |= limits.size is not None and size > limits.size and count > 1
        if beyond and not stays(job):
            going.append(job)
    return going[::-1]


def needed(model: ModelSettings, journal: Journal, name: str, now: datetime) -> Callable[[Job], bool]:
    """Return which jobs no limit of count or size deletes.

    These are the job whose model is published, the one that was published before, to which `switch` goes
    back, and those whose trainings `budget` counts.
    """
    published = frozenset(journal.events.latest_jobs(name, "model_switched", 2))
    counted = now - model.trainings.longest if model.trainings else None
    return lambda job: job.id in published or (counted is not None and job.updated_at > counted)


def expire(job: Job, places: Places, journal: Journal, *, failed: bool = False) -> bool:
    """Delete the folder of a job that rests, and then what the journal knows of it.

    Returns False for a failed delivery whose folder is still there, unless `failed` ones are to be deleted:
    nobody has used it, so otherwise it is not ours to delete; and for a job whose folder is in work again.
    Raises Conflict when somebody asked for the job meanwhile, Retry while the share is away, and OSError.
    """
    filed = places.filed_in(job, failed=job.state is State.FAILED)
    if places.has(job, places.model(job).work_folder):
        # A share restored from a backup has it there. Forgotten, it would be taken for a job in work.
        return False
    with places.place(job, filed) as place:
        if job.state is State.FAILED and not failed and exists(place / job.id):
            return False
        if journal.jobs.get(job.id) != job:
            raise Conflict(job.id)
        # Nobody ever sees half of a job's folder, and the name that a kill leaves shows what it was.
        # What has that name before may be anybody's: the job is forgotten only once its own folder is gone.
        going = place / f".{job.id}.expired"
        remove(going)
        if exists(place / job.id):
            move(place / job.id, going)
            remove(going)
        sync_folder(place)
    journal.jobs.forget(job)
    return True
