"""Tidying up: which finished jobs have outlived their model's `retention`. Only the pipeline deletes them.

Nothing is deleted by default. What a person may still want is kept whatever its age: failed deliveries, and the job whose
model is the published one.
"""

import threading
from collections.abc import Iterator, Sequence
from datetime import timedelta

from sqlalchemy.exc import SQLAlchemyError

from retraind.bundle import spool
from retraind.config.settings import Settings
from retraind.domain.failures import Retry
from retraind.domain.job import Job, State
from retraind.jobs.expiry import expire
from retraind.jobs.pipeline import Pipeline
from retraind.store.jobs import Conflict
from retraind.store.journal import Journal
from retraind.store.recovery import Part
from retraind.system import log
from retraind.system.clock import Clock

_LOG = log.get(__name__)

LONGEST_GRACE = timedelta(hours=1)
"""A job has to be overdue for so long on the clock that does not jump: one wrong time server must not empty done/."""
_LONGEST_INTERVAL = timedelta(minutes=10)
_SHORTEST_INTERVAL = timedelta(seconds=1)
_MOST_AT_ONCE = 500
_RESTING = frozenset({State.DONE, State.FAILED, State.RETURNED})


def interval(settings: Settings) -> timedelta:
    """Return how often to tidy: so that nothing stays much longer than it is to be kept."""
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
        self.parts: Sequence[Part] = ()
        """What the start has found of copies and deletions that were cut off."""

    def tidy(self) -> None:
        """Delete what has been overdue for long enough, and what nobody needs on the spool."""
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
            _LOG.warning("spool_not_cleared", reason=error.strerror)

    def _clear_parts(self) -> None:
        """Remove what is left of copies and deletions that were cut off, but for those whose job is at work."""
        active = frozenset(job.id for job in self._journal.jobs.active())
        try:
            for path in self._pipeline.places.clear(active):
                _LOG.info("part_removed", folder=str(path))
        except (OSError, Retry) as error:
            _LOG.warning("part_not_removed", reason=str(error))
        left = []
        for part in self.parts:
            if part.job in active or self._stopping.is_set():
                left.append(part)
                continue
            folder = str(part.drop.joinpath(*part.below, part.name))
            try:
                part.remove()
            except FileNotFoundError:
                continue
            except OSError as error:
                left.append(part)
                _LOG.warning("part_not_removed", folder=folder, reason=str(error))
            else:
                _LOG.info("part_removed", folder=folder)
        self.parts = left

    def _outlived(self, model: str, retention: timedelta) -> Iterator[Job]:
        """Yield the jobs that are older than that, a part at a time: there may be any number that have to stay."""
        before = self._clock.now() - retention
        published = self._journal.published(model)
        old = self._journal.jobs.begun_before(model, _RESTING, before, _MOST_AT_ONCE)
        while old:
            yield from (job for job in old if job.updated_at < before and job.id != published)
            old = self._journal.jobs.begun_before(model, _RESTING, before, _MOST_AT_ONCE, after=old[-1])

    def _expire(self, job: Job) -> bool:
        """Have a job deleted; returns False when it has to stay for now."""
        try:
            if expire(job, self._pipeline.places, self._journal):
                _LOG.info("job_expired", job=job.id, model=job.model)
                return True
        except Conflict:
            # A person wants it back, or published.
            return False
        except (OSError, Retry, SQLAlchemyError) as error:
            _LOG.warning("job_not_expired", job=job.id, model=job.model, reason=str(error))
        return False
