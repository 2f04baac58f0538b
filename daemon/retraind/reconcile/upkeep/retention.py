"""Which finished jobs are too old, too many or too large for their model's `retention`; what kills left.

Nothing is deleted by default. Failed deliveries that are still there are kept unless `retention_failed` says
otherwise; the job whose model is the published one, and the one before, always.
"""

import threading
from collections import deque
from collections.abc import Callable, Container, Iterable, Iterator, Mapping
from datetime import datetime, timedelta
from itertools import islice

from sqlalchemy.exc import SQLAlchemyError

from retraind.bundle import spool
from retraind.config.settings import ModelSettings, Settings
from retraind.domain.failures import Retry
from retraind.domain.job import RESTING, Job, State
from retraind.domain.problems import Problem, file_problem
from retraind.jobs.expiry import Limits, expire, limits_of, needed, outlived
from retraind.jobs.pipeline import Pipeline
from retraind.store.copies.job_folders import Part
from retraind.store.database import reason_of
from retraind.store.jobs import Conflict
from retraind.store.journal import Journal
from retraind.system import log
from retraind.system.clock import Clock
from retraind.system.files import names_in

_LOG = log.get(__name__)

LONGEST_GRACE = timedelta(hours=1)
"""A job must be overdue for so long on the clock that does not jump: one wrong time server must not empty
done/."""
_LONGEST_INTERVAL = timedelta(minutes=10)
_SHORTEST_INTERVAL = timedelta(seconds=1)
_MOST_AT_ONCE = 500


def interval(settings: Settings) -> timedelta:
    """Return how often to tidy, so that nothing stays much longer than its retention."""
    kept = [span for model in settings.models.values() for span in (model.retention, model.retention_failed)]
    spans = [span for span in kept if span]
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
        self.keeps = False
        """Whether this is kept in the journal: for processes that live shorter than the grace."""
        self._kept: dict[str, dict[str, str]] = {}
        """What the journal has of it: by model and job, the moments."""
        self.parts: deque[Part] = deque()
        """What was found of interrupted copies and deletions. Any thread may append to it."""

    def tidy(self) -> None:
        """Delete what has been overdue for long enough, and bundles that no job needs."""
        self._clear_spool()
        self._clear_parts()
        models = self._pipeline.settings.models
        overdue: dict[str, float] = {}
        if self.keeps:
            self._recall(models)
        for name, model in models.items():
            waiting: dict[str, float] = {}
            for job, grace, failed in self._all_outlived(name, model):
                if self._stopping.is_set():
                    return
                since = self._overdue.get(job.id, self._clock.elapsed())
                waits = self._clock.elapsed() - since < grace.total_seconds()
                if waits or not self._expire(job, failed=failed):
                    waiting[job.id] = since
            if self.keeps:
                self._keep(name, waiting)
            overdue |= waiting
        self._overdue = overdue

    def _recall(self, models: Iterable[str]) -> None:
        """Take over what earlier processes have seen to be overdue. What the future says does not count."""
        fresh = set(models) - self._kept.keys()
        details = self._journal.events.last_details("waits_for_deletion", fresh)
        now, clock = self._clock.elapsed(), self._clock.now()
        for model in fresh:
            self._kept[model] = kept = dict(details.get(model, {}).get("jobs", {}))
            for job, moment in kept.items():
                age = (clock - datetime.fromisoformat(moment)).total_seconds()
                self._overdue.setdefault(job, now - max(0.0, age))

    def _keep(self, model: str, waiting: Mapping[str, float]) -> None:
        """Keep since when the jobs of a model have been overdue, where that is news."""
        now, clock = self._clock.elapsed(), self._clock.now()
        kept = self._kept[model]
        jobs = {
            job: kept.get(job) or (clock - timedelta(seconds=now - since)).isoformat()
            for job, since in islice(waiting.items(), _MOST_AT_ONCE)
        }
        if jobs != kept:
            self._kept[model] = jobs
            self._journal.events.note("waits_for_deletion", model=model, jobs=jobs)

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

    def _all_outlived(self, name: str, model: ModelSettings) -> Iterator[tuple[Job, timedelta, bool]]:
        """Yield the jobs of a model that have to go, for how long they must have had to, and as what.

        The last is true for a failed delivery that has to go with its folder.
        """
        done, failed = limits_of(model, State.DONE), limits_of(model, State.FAILED)
        if not (done or failed):
            return
        stays = needed(model, self._journal, name, self._clock.now())
        if done.span:
            grace = min(done.span, LONGEST_GRACE)
            yield from ((job, grace, False) for job in self._outlived(name, done.span, stays))
        for state, limits in ((State.DONE, done._replace(span=None)), (State.FAILED, failed)):
            if limits:
                grace = min(limits.span or LONGEST_GRACE, LONGEST_GRACE)
                jobs = self._beyond(name, state, limits, stays)
                yield from ((job, grace, state is State.FAILED) for job in jobs)

    def _beyond(self, name: str, state: State, limits: Limits, stays: Callable[[Job], bool]) -> Iterable[Job]:
        jobs = self._journal.jobs.all_in(name, state)
        there: Container[str] = ()
        if jobs and limits.by_room:
            places = self._pipeline.places
            try:
                with places.place(jobs[0], places.filed(jobs[0], failed=state is State.FAILED)) as place:
                    there = frozenset(names_in(place))
            except (OSError, Retry) as error:
                _LOG.warning("job_not_expired", job=jobs[-1].id, model=name, reason=_reason(error))
        return outlived(jobs, limits, self._clock.now(), there, stays)

    def _outlived(self, model: str, retention: timedelta, stays: Callable[[Job], bool]) -> Iterator[Job]:
        """Yield the jobs that are older than that, a part at a time: any number of them may have to stay."""
        before = self._clock.now() - retention
        last: Job | None = None
        while old := self._journal.jobs.begun_before(model, RESTING, before, _MOST_AT_ONCE, after=last):
            yield from (job for job in old if job.updated_at < before and not stays(job))
            last = old[-1]

    def _expire(self, job: Job, *, failed: bool = False) -> bool:
        """Delete a job; returns False when it must stay for now."""
        try:
            if expire(job, self._pipeline.places, self._journal, failed=failed):
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
