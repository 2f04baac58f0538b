"""Which finished jobs have outlived their model's `retention`; what kills left behind.

Nothing is deleted by default. Failed deliveries that are still there, and the job whose model is the
published one, are kept whatever their age.
"""

import threading
from collections import deque
from collections.abc import Iterator
from datetime import timedelta

from sqlalchemy.exc import SQLAlchemyError

from retraind.bundle import spool
from retraind.config.settings import Settings
from retraind.domain.failures import Retry
from retraind.domain.job import RESTING, Job
from retraind.domain.problems import Problem, file_problem
from retraind.jobs.expiry import expire
from retraind.jobs.pipeline import Pipeline
from retraind.store.copies.job_folders import Part
from retraind.store.database import reason_of
from retraind.store.jobs import Conflict
from retraind.store.journal import Journal
from retraind.system import log
from retraind.system.clock import Clock

_LOG = log.get(__name__)

LONGEST_GRACE = timedelta(hours=1)
"""A job must be overdue for so long on the clock that does not jump: one wrong time server must not empty
done/."""
_LONGEST_INTERVAL = timedelta(minutes=10)
_SHORTEST_INTERVAL = timedelta(seconds=1)
_MOST_AT_ONCE = 500


def interval(settings: Settings) -> timedelta:
    """Return how often to tidy, so that nothing stays much longer than its retention."""
    spans = [model.retention for model in settings.models.values() if model.retention]
    return max(_SHORTEST_INTERVAL, min((_LONGEST_INTERVAL, *(span / 10 for span in spans))))


class Tidier:
    """Remembers since when a job has been overdue."""

    def __init__(self, pipeline: Pipeline, journal: Journal, clock: Clock, stopping: threading.Event) -> None:
        self._pipeline = pipeline
        self._journal = journal
        self._clock = clock
        self._stopping = stopping
        self._overdue: dict[str, float] = {}
        """By job, the moment when it was first seen to be overdue (`Clock.elapsed` seconds)."""
        self.parts: deque[Part] = deque()
        """What was found of interrupted copies and deletions. Any thread may append to it."""

    def tidy(self) -> None:
        """Delete what has been overdue for long enough, and bundles that no job needs."""
        self._clear_spool()
        self._clear_parts()
        overdue: dict[str, float] = {}
        for name, model in self._pipeline.settings.models.items():
            if model.retention is None:
                continue
            grace = min(model.retention, LONGEST_GRACE).total_seconds()
            for job in self._outlived(name, model.retention):
                if self._stopping.is_set():
                    return
                since = self._overdue.get(job.id, self._clock.elapsed())
                if self._clock.elapsed() - since < grace or not self._expire(job):
                    overdue[job.id] = since
        self._overdue = overdue

    def _clear_spool(self) -> None:
        folder = self._pipeline.settings.state.spool
        try:
            for name in spool.clear(folder, lambda: {job.id for job in self._journal.jobs.active()}):
                _LOG.info("bundle_removed", name=name)
        except OSError as error:
            _LOG.warning("spool_not_cleared", reason=file_problem(error))

    def _clear_parts(self) -> None:
        """Remove what is left of interrupted copies and deletions, except of jobs in work."""
        active = frozenset(job.id for job in self._journal.jobs.active())
        try:
            for path in self._pipeline.places.clear(active):
                _LOG.info("part_removed", folder=str(path))
        except (OSError, Retry) as error:
            _LOG.warning("part_not_removed", reason=_reason(error))
        for part in [self.parts.popleft() for _ in range(len(self.parts))]:
            if part.job in active or self._stopping.is_set():
                self.parts.append(part)
                continue
            folder = str(part.drop.joinpath(*part.below, part.name))
            try:
                part.remove()
            except FileNotFoundError:
                continue
            except OSError as error:
                self.parts.append(part)
                _LOG.warning("part_not_removed", folder=folder, reason=file_problem(error))
            else:
                _LOG.info("part_removed", folder=folder)

    def _outlived(self, model: str, retention: timedelta) -> Iterator[Job]:
        """Yield the jobs that are older than that, a part at a time: any number of them may have to stay."""
        before = self._clock.now() - retention
        published = self._journal.published(model)
        old = self._journal.jobs.begun_before(model, RESTING, before, _MOST_AT_ONCE)
        while old:
            yield from (job for job in old if job.updated_at < before and job.id != published)
            old = self._journal.jobs.begun_before(model, RESTING, before, _MOST_AT_ONCE, after=old[-1])

    def _expire(self, job: Job) -> bool:
        """Delete a job; returns False when it must stay for now."""
        try:
            if expire(job, self._pipeline.places, self._journal):
                _LOG.info("job_expired", job=job.id, model=job.model)
                return True
        except Conflict:
            # A person has asked for a retry, or a switch.
            return False
        except (OSError, Retry, SQLAlchemyError) as error:
            _LOG.warning("job_not_expired", job=job.id, model=job.model, reason=_reason(error))
        return False


def _reason(error: OSError | Retry | SQLAlchemyError) -> Problem:
    return error.problem if isinstance(error, Retry) else reason_of(error)
