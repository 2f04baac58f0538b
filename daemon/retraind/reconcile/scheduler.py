"""When things happen: APScheduler runs looks, sweeps and jobs' steps on bounded pools of threads.

Level-triggered: `dispatch` reads what the journal says and schedules whatever may go on; it can be called at any
time and any number of times. Nothing is remembered here that a restart would miss.
"""

import threading
from collections.abc import Callable, Container, Iterable, Iterator, Mapping
from contextlib import contextmanager, suppress
from datetime import UTC, datetime, timedelta
from typing import Any

from apscheduler.events import EVENT_JOB_ERROR, JobExecutionEvent
from apscheduler.executors.pool import ThreadPoolExecutor
from apscheduler.jobstores.base import JobLookupError
from apscheduler.schedulers.background import BackgroundScheduler
from sqlalchemy.exc import SQLAlchemyError

from retraind.domain.job import Job, Outcome, State
from retraind.domain.turns import turns
from retraind.jobs.pipeline import Pipeline
from retraind.reconcile.scans import Looks
from retraind.store.database import remedy
from retraind.store.journal import Journal
from retraind.system import log
from retraind.system.clock import Clock

_LOG = log.get(__name__)

_LOOKERS = 16
"""Most threads for looks, made as they are needed; a share that hangs blocks two."""
_LOOKS = "looks"
_PLANNED_LOOKERS = _LOOKERS // 2
"""Threads at planned looks; sweeps find others free, however many shares hang."""
_TALKERS = 4
"""Threads for short questions to the service, which must not queue behind uploads."""
_LOST_AFTER = timedelta(hours=1)
"""What no thread has begun by then may have got lost on its way to one, and may be planned again."""
_TALK = frozenset({State.UPLOADED, State.SWITCHING})
_SEND = frozenset({State.SEALED, State.CHECKED, State.BUNDLED, State.REGISTERED})
"""Checks, bundles and uploads. What has been trained must not queue behind all that has still to be sent."""
_TURNLESS = frozenset({State.SEALING, State.RESTORING})


class _Busy:
    """Which keys are being worked on. A call for a busy key is remembered instead of being run beside it."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._again: dict[str, bool] = {}

    def begin(self, key: str) -> bool:
        """Claim `key`; False when it is taken, and then its holder is told by `end`."""
        with self._lock:
            if key in self._again:
                self._again[key] = True
                return False
            self._again[key] = False
            return True

    def end(self, key: str) -> bool:
        """Give `key` up; returns whether somebody asked for it meanwhile."""
        with self._lock:
            return self._again.pop(key)

    def __contains__(self, key: object) -> bool:
        with self._lock:
            return key in self._again


class Scheduler:
    """The daemon's timetable. `start` begins, `stop` ends and joins every thread."""

    def __init__(
        self,
        pipeline: Pipeline,
        journal: Journal,
        clock: Clock,
        look: Callable[[str], float | None],
    ) -> None:
        """Take the parts to call.

        `look` looks at a model's folder and returns in how many seconds to look again, if earlier than the sweep.
        """
        self._pipeline = pipeline
        self._journal = journal
        self._clock = clock
        self._look = look
        self._busy = _Busy()
        self._looks = Looks(self._call_looker, _PLANNED_LOOKERS)
        self._dispatching = threading.Lock()
        self._planned_at: dict[str, float] = {}
        """When the steps and tasks were planned that have not begun (`Clock.elapsed` seconds), by name."""
        self._stopped = False
        self.unreachable: set[str] = set()
        """Models whose share does not answer. Their steps would hang and keep their threads from all others."""
        self._pools = {
            "look": ThreadPoolExecutor(_LOOKERS),
            "work": ThreadPoolExecutor(pipeline.settings.work.parallel),
            "talk": ThreadPoolExecutor(_TALKERS),
            "gate": ThreadPoolExecutor(pipeline.settings.work.parallel),
            "close": ThreadPoolExecutor(pipeline.settings.work.parallel),
            "default": ThreadPoolExecutor(1),
        }
        self._timetable = BackgroundScheduler(
            executors=self._pools,
            # However late, everything is still run, once. For steps, keys in _Busy replace APScheduler's instance count,
            # which would drop a run instead of remembering it.
            job_defaults={"misfire_grace_time": None, "coalesce": True, "max_instances": 1_000_000},
            timezone=UTC,
        )
        self._timetable.add_listener(self._tell_error, EVENT_JOB_ERROR)

    def start(self) -> None:
        """Begin to run what is scheduled."""
        self._timetable.start()

    def stop(self) -> None:
        """Schedule nothing more, and wait for the steps that are being run."""
        self._stopped = True
        if self._timetable.running:
            # APScheduler's own thread stumbles over a shutdown in the middle of its round; reading the timetable waits
            # for the end of that, and paused it begins no other.
            self._timetable.pause()
            self._timetable.get_jobs()
            # It would wait with its lock held, which a step may need to come to its end.
            self._timetable.shutdown(wait=False)
            for pool in self._pools.values():
                pool.shutdown(wait=True)

    def every(
        self, interval: timedelta, name: str, function: Callable[[], None], pool: str = "default"
    ) -> None:
        """Run `function` at once and then every `interval`, unless it waits for a thread then or is still at it."""
        self._timetable.add_job(
            function, "interval", seconds=interval.total_seconds(), id=name, name=name, executor=pool,
            replace_existing=True, next_run_time=datetime.now(UTC), max_instances=1,
        )  # fmt: skip

    def start_over(self) -> None:
        """Run everything that is planned now: the wall clock, by which it was planned, has been set.

        A step whose time has not come is put back by itself.
        """
        for task in self._timetable.get_jobs():
            with suppress(JobLookupError):
                task.modify(next_run_time=datetime.now(UTC))

    def soon(self, name: str, function: Callable[[], None], pool: str = "default") -> None:
        """Run `function` once, at once, unless it waits for a thread already."""
        if not self._is_planned(name):
            self._plan(name, name, datetime.now(UTC), pool, function)

    def cancel(self, name: str) -> None:
        """Stop what `every` began."""
        try:
            self._timetable.remove_job(name)
        except JobLookupError:
            _LOG.debug("nothing_to_cancel", name=name)

    def _plan(
        self, task: str, label: str, when: datetime, pool: str, function: Callable[..., None], *arguments: str
    ) -> None:
        """Have a task run once, instead of what was planned under its name and has not been given to a thread."""
        self._planned_at[task] = self._clock.elapsed()

        def run() -> None:
            # From here on it may be planned again: what is asked for now may come too late for this run.
            self._planned_at.pop(task, None)
            function(*arguments)

        self._timetable.add_job(
            run, "date", run_date=when, id=task, name=label, executor=pool, replace_existing=True
        )

    def _is_planned(self, name: str) -> bool:
        """Tell whether a task is planned or waits for a thread, as far as it cannot have got lost on its way."""
        planned_at = self._planned_at.get(name)
        return planned_at is not None and self._clock.elapsed() - planned_at < _LOST_AFTER.total_seconds()

    def _planned(self, name: str) -> datetime | None:
        """Return when a task is to be run; None when it is not, or when that is not known before the start."""
        task = self._timetable.get_job(name)
        moment: datetime | None = getattr(task, "next_run_time", None)
        return moment

    # Looks

    def look_in(self, model: str, seconds: float) -> None:
        """Look at a model's folder in so many seconds, or earlier if that has already been asked for."""
        if self._stopped:
            return
        now = self._clock.elapsed()
        self._looks.plan(model, now + seconds, now)

    def _call_looker(self, seconds: float) -> None:
        if not self._stopped:
            self._timetable.add_job(
                self._look_at_due, "date", run_date=datetime.now(UTC) + timedelta(seconds=seconds), id=_LOOKS,
                name=_LOOKS, executor="look", replace_existing=True,
            )  # fmt: skip

    def _look_at_due(self) -> None:
        if not self._looks.come():
            return
        while (model := self._looks.take(self._clock.elapsed())) is not None:
            try:
                self.look_now(model)
            except BaseException:
                self._looks.fail(self._clock.elapsed())
                raise

    def look_now(self, model: str, look: Callable[[str], float | None] | None = None) -> None:
        """Look at a model's folder on this thread, unless another thread is doing so; then it looks once more.

        `look` is called in place of the usual one.
        """
        key = f"look {model}"
        if not self._busy.begin(key):
            return
        soon = None
        began = self._clock.elapsed()
        try:
            soon = (look or self._look)(model)
        finally:
            again = self._busy.end(key)
        if again:
            # Where looks take long, endless events must not make one follow the other: others need the time too.
            soon = self._clock.elapsed() - began
        if soon is not None:
            self.look_in(model, soon)

    # Jobs

    def dispatch(self, models: Iterable[str] | None = None) -> None:
        """Schedule the steps of every job that may go on, of `models` or of all."""
        with self._dispatching:
            jobs: Mapping[str, list[Job]]
            held: Container[str]
            if models is None:
                jobs = _by_model(self._journal.active())
                held = self._journal.holds() if jobs else {}
            else:
                jobs = {model: self._journal.active(model) for model in models}
                held = {model for model in jobs if self._journal.is_held(model)}
            for model, active in jobs.items():
                self._dispatch(model, active, held=model in held)

    def _dispatch(self, model: str, active: list[Job], *, held: bool) -> None:
        if model in self.unreachable:
            return
        table = self._pipeline.settings.models.get(model)
        plan = turns(active, held=held, backlog=table.backlog if table else "all", running=self._busy)
        run = list(plan.run)
        if plan.superseded:
            # Where a command or a step was faster, the next dispatch sees what it did.
            run += self._journal.write_each(
                "delivery_superseded", [(job, _superseded_by(newer)) for job, newer in plan.superseded]
            )
        for job in run:
            if job.id not in self._busy and not self._stopped:
                self._schedule(job)

    def _schedule(self, job: Job) -> None:
        """Plan a job's step, unless it is planned for as early already, or waits for a thread."""
        when = job.due(self._clock.now())
        task = _task_of(job)
        if self._is_planned(task):
            planned = self._planned(task)
            if planned is None or planned <= when:
                return
        self._plan(task, f"{job.state} {job.id}", when, _pool_of(job.state), self._run, task, job.model)

    @contextmanager
    def working_on(self, job_id: str) -> Iterator[None]:
        """Keep the steps of a job from being run by another thread while the block does."""
        self._busy.begin(job_id)
        try:
            yield
        finally:
            self._busy.end(job_id)

    def _run(self, task: str, model: str) -> None:
        job = self._claim(task, model)
        if job is None:
            return
        owned = job.state is State.SEALING
        try:
            job = self._pipeline.advance(job, _together(job.state))
        finally:
            self._busy.end(job.id)
        # Not after an exception: the sweep dispatches again soon enough, and does not spin on what is broken.
        if not self._stopped:
            self.dispatch([model])
            if owned or job.state is State.RETURNED:
                # Looks have passed over names that this job owned, and no event tells that it does no more.
                self.look_in(model, 0)

    def _claim(self, task: str, model: str) -> Job | None:
        """Return the job whose turn it is by now: an older key, or one that counts more, may have arrived meanwhile."""
        with self._dispatching:
            active = self._journal.active(model)
            plan = turns(active, held=self._journal.is_held(model), backlog="all", running=self._busy)
            job = next((job for job in plan.run if _task_of(job) == task), None)
            if job is None or not self._busy.begin(job.id):
                return None
            if self._journal.get(job.id) == job:
                return job
            # Another thread ended its steps after the journal was read here, and dispatches anew once it has.
            self._busy.end(job.id)
            return None

    @staticmethod
    def _tell_error(event: JobExecutionEvent) -> None:
        if isinstance(event.exception, SQLAlchemyError):
            tell_of_journal(event.exception)
            return
        # A bug. The sweep dispatches again, so nothing is lost; but it must be seen.
        _LOG.error("task_crashed", task=event.job_id, error=repr(event.exception), trace=event.traceback)


def _superseded_by(newer: Job) -> Mapping[str, Any]:
    return {"outcome": Outcome.SUPERSEDED, "earlier_job": newer.id, "state": State.FILING}


def _pool_of(state: State) -> str:
    """Return the name of the threads that run a state's step."""
    if state in _TALK:
        return "talk"
    if state is State.TRAINED:
        return "gate"
    return "work" if state in _SEND else "close"


def _task_of(job: Job) -> str:
    """Return the name under which a job's step is planned.

    Where models queue for a thread to be sent, the place in the queue is the model's, whichever of its jobs has the turn.
    Else a model whose newest delivery counts would begin to queue anew with each, and might never get there.
    """
    return f"send {job.model}" if job.state in _SEND else job.id


def _together(state: State) -> frozenset[State]:
    """Return the states whose steps may be run one after the other, beginning with that of `state`."""
    if state in _TURNLESS:
        # A job gets here without its turn, and may go no further without it.
        return frozenset({state})
    # Each state's steps run in the pool made for them: a gate must not keep others from polling, or from being filed.
    return frozenset(other for other in State if _pool_of(other) == _pool_of(state)) - _TURNLESS


def tell_of_journal(error: SQLAlchemyError) -> None:
    """Log that the journal could not be read or written. What was to be done is done with the next sweep."""
    _LOG.error(
        "journal_unusable",
        reason=str(getattr(error, "orig", None) or error),
        remedy=remedy(error),
    )


def _by_model(jobs: Iterable[Job]) -> dict[str, list[Job]]:
    found: dict[str, list[Job]] = {}
    for job in jobs:
        found.setdefault(job.model, []).append(job)
    return found
