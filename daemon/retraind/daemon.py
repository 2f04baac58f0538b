"""The daemon: puts the parts together, owns their threads, listens to signals and to systemd.

Nothing is decided here about a job or a file.
"""

import os
import signal
import sqlite3
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, contextmanager
from functools import lru_cache
from pathlib import Path
from queue import Empty, SimpleQueue
from types import FrameType
from typing import Self

from sqlalchemy.exc import SQLAlchemyError

from retraind import __version__
from retraind.api.circuit_breaker import Breaker
from retraind.api.client import ApiClient
from retraind.api.credentials import Credentials
from retraind.api.object_store import ObjectStore
from retraind.api.reach import in_the_clear
from retraind.config.load import load
from retraind.config.settings import Settings
from retraind.domain.failures import ConfigError, JournalDamagedError, JournalError, disk_remedy
from retraind.domain.job import Job, State
from retraind.jobs.pipeline import Pipeline
from retraind.reconcile import retention, upkeep
from retraind.reconcile.publishing import Teller, tell_no_start
from retraind.reconcile.scheduler import Scheduler, tell_of_journal
from retraind.reconcile.upkeep import Caretaker
from retraind.reconcile.watch import Watch
from retraind.report.notifications import Notifier, recipients_of
from retraind.store.database import is_sound, set_aside, sole_instance
from retraind.store.journal import Journal
from retraind.store.recovery import rebuild
from retraind.store.sidecar import JobFiles
from retraind.system import log, process
from retraind.system.clock import Clock
from retraind.system.systemd import notify, watchdog_interval

_LOG = log.get(__name__)

_KEYS = "keys"
_TIDY = "tidy"
_READY_STEP = 0.02
"""Seconds between two questions whether all folders have been looked at."""
_STOP_PATIENCE = 8.0
"""Seconds for running steps to reach a safe point; systemd is told ten."""
_TELLERS = 16
"""Threads that say in all folders, of which there may be thousands, that retraind has stopped: within the same eight seconds."""
_ONCE_MARGIN = 5.0
_ONCE_STEP = 0.2
_REST = 9
"""So many times as long as it took to go through the jobs, they are left alone: of thousands it takes a while, and in a night
on which all deliver at once the journal changes all the time."""
_WISHES = frozenset({State.SWITCHING, State.RESTORING})
"""States that a person's command can ask for."""


@contextmanager
def _opened(settings: Settings, clock: Clock) -> Iterator[Journal]:
    file = settings.state.journal_file
    try:
        journal = Journal.open(file, clock)
    except JournalDamagedError as error:
        if not JobFiles.are_known(file):
            raise
        # Sealed copies of all its jobs are in their folders, and nobody else can have written those.
        _LOG.error("journal_damaged", reason=str(error), moved_to=str(set_aside(file)))
        journal = Journal.open(file, clock)
    try:
        journal.database.data_version()  # opens the connection that could still read it after its deletion
        yield journal
    finally:
        try:
            if kept := journal.database.rescue():
                _LOG.warning("journal_written_again", file=str(kept))
        except (SQLAlchemyError, sqlite3.Error, OSError) as error:
            _LOG.exception("journal_not_written_again", reason=str(error))
        journal.close()
        if (damage := journal.database.damage) and is_sound(file):
            _LOG.warning("journal_sound", reason=f"{damage}, but not any more when it was read anew")
        elif damage:
            _LOG.error("journal_damaged", reason=damage, moved_to=str(set_aside(file)))


@contextmanager
def _needed(journal: Path) -> Iterator[None]:
    """Say in words what keeps the journal from being used at the start."""
    try:
        yield
    except (SQLAlchemyError, OSError) as error:
        reason, remedy = str(getattr(error, "orig", error)), ""
        if isinstance(error, OSError):
            where = f"{error.filename}: " if isinstance(error.filename, str) else ""
            reason, remedy = f"{where}{error.strerror}", disk_remedy(error)
        raise JournalError(
            f"The journal {journal}, or what is kept beside it, cannot be used: {reason}. "
            f"{remedy or 'If the disk is full or read-only, mend that.'} Nothing is lost, and all goes on with the next start."
        ) from error


class Daemon:
    """One running retraind. Use as a context manager: entering opens the journal, leaving joins every thread."""

    def __init__(self, settings: Settings, config: Path, clock: Clock | None = None) -> None:
        self.settings = settings
        self._config = config
        self._clock = clock or Clock()
        self._stopping = threading.Event()
        # A signal may strike while the main thread is inside an Event's lock; only a SimpleQueue's put may be
        # called from a handler then.
        self._signals: SimpleQueue[int] = SimpleQueue()
        self._lasting: frozenset[str] = frozenset()
        """The hosts that were noted as down for long."""
        self._held: frozenset[str] = frozenset()
        """The models that were on hold when a command was last heeded."""
        self._seen: int | None = None
        """The version of the journal that was heeded last."""
        self._heed_at = 0.0
        """When to heed it again (`Clock.elapsed` seconds)."""
        self._begun: set[str] | None = None
        """With `once`, the jobs that its exit code is about."""
        self._begun_at = self._clock.elapsed()
        self._terminals = process.terminals()
        """Those of a daemon that was started by hand: then SIGHUP may mean that they were closed."""
        self._code = 0
        """What `run` returns: 1 when systemd is to start it again."""
        self._exit = ExitStack()

    def __enter__(self) -> Self:
        """Open everything; raises JournalError when another instance runs or the journal cannot be used."""
        file = self.settings.state.journal_file
        with ExitStack() as opening, _needed(file):
            opening.enter_context(sole_instance(file))
            with self._told_of_failure():
                self.journal = opening.enter_context(_opened(self.settings, self._clock))
            self._breaker = Breaker(self._clock)
            self._notifier = Notifier(
                self.settings, self.journal, recipients_of(self.settings, self._clock), self._clock
            )
            outages = tuple(self.journal.outages().values())
            self._breaker.resume(outages)
            self._service = ApiClient(self.settings.api, self._clock, self._breaker)
            opening.callback(self._service.close)
            self.credentials = Credentials(self._service, self._clock)
            self.pipeline = Pipeline(
                self.settings,
                self.journal,
                self._service,
                ObjectStore(self.settings.api, self._clock, self._breaker),
                self.credentials,
                clock=self._clock,
                stopping=self._stopping,
                changed=self._changed,
            )
            self._background = ThreadPoolExecutor(1, thread_name_prefix="background")
            opening.callback(self._background.shutdown, wait=True, cancel_futures=True)
            self.scheduler = Scheduler(self.pipeline, self.journal, self._clock, self._look)
            self.teller = Teller(self.pipeline, self.journal, self.scheduler, self._clock)
            self.teller.outages = outages
            self.watch = Watch(
                self.pipeline,
                self.journal,
                self.scheduler,
                self.teller,
                clock=self._clock,
                stopping=self._stopping,
                hashing=self._background,
            )
            self.caretaker = Caretaker(
                self.pipeline,
                self.journal,
                self.credentials,
                clock=self._clock,
                stopping=self._stopping,
                changed=self._go_on,
            )
            self._tidier = retention.Tidier(self.pipeline, self.journal, self._clock, self._stopping)
            opening.callback(self.scheduler.stop)
            opening.callback(self.watch.stop)
            opening.callback(self._notifier.stop)
            self._exit = opening.pop_all()
        return self

    def __exit__(self, *_: object) -> None:
        self._stopping.set()
        self._exit.close()

    # ------------------------------------------------------------------ running

    def run(self, *, once: bool = False) -> int:
        """Work until stopped, or with `once` until what is complete now has been worked off.

        Returns the exit code: 0, or with `once` 1 when a job failed or is held.
        """
        _LOG.info("starting", version=__version__, config=str(self._config), models=len(self.settings.models))
        for key, what in in_the_clear(self.settings.api):
            _LOG.warning("not_encrypted", key=key, reason=what)
        self._begun = set() if once else None
        if not once:
            self.watch.writing.clear()  # until all folders have been looked at
        self.watch.start()
        file = self.settings.state.journal_file
        with self._told_of_failure(), _needed(file):
            found = rebuild(
                self.settings,
                self.journal,
                JobFiles.beside(file),
                believe=False,
                besides=self.scheduler.unreachable,
            )
            if found.adopted:
                self.journal.note("journal_mended", jobs=len(found.adopted))
            self._tidier.parts = found.parts
            self.pipeline.clear_gate()
            self.caretaker.end_holds_of_last_time()
            self.pipeline.reconsider()
            self.teller.unknown = tuple(found.foreign)
            self.teller.mind_left()
        self._notifier.start()
        self.scheduler.start()
        self.watch.schedule()
        self._schedule_tidying()
        if once:
            self.scheduler.every(upkeep.INTERVAL, _KEYS, self.caretaker.mind)
        try:
            return self._work_off() if once else self._work()
        finally:
            self._stop()

    def stop(self) -> None:
        """Ask `run` to return; safe from any thread and from signal handlers."""
        self._signals.put(signal.SIGTERM)

    def handle_signals(self) -> None:
        """Let SIGTERM and SIGINT stop the daemon and SIGHUP reload it. Call from the main thread."""

        def handle(number: int, _frame: FrameType | None) -> None:
            self._signals.put(number)

        for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
            signal.signal(number, handle)

    def _heed_signals(self, patience: float) -> bool:
        """Wait for a signal for so many seconds and obey it; returns whether to go on."""
        try:
            number = self._signals.get(timeout=patience)
        except Empty:
            return True
        gone = self._terminals - process.terminals()
        if number == signal.SIGHUP and not gone:
            self._read_again()
            return True
        process.leave(gone)
        self._stopping.set()
        return False

    def _work(self) -> int:
        beat = min(watchdog_interval() or 1.0, 1.0)
        ready = False
        begun = self._clock.elapsed()
        while self._heed_signals(beat if ready else _READY_STEP) and self._journal_is_well():
            if not ready and self.watch.all_swept(begun):
                ready = True
                self._seen = None
                self._be_ready()
            self._beat()
            try:
                self._heed_journal()
                if self.pipeline.mind_clock():
                    self.scheduler.start_over()
                self._mind_hosts()
            except SQLAlchemyError as error:
                tell_of_journal(error)
        return self._code

    def _heed_journal(self) -> None:
        """Go through the jobs if the journal has changed: perhaps a command in another process did it."""
        began = self._clock.elapsed()
        if began < self._heed_at or (version := self.journal.database.data_version()) == self._seen:
            return
        self._seen = version
        self._notifier.nudge()
        self.scheduler.dispatch()
        self.teller.mind_left()
        self._tell_wishes()
        self._say()
        ended = self._clock.elapsed()
        self._heed_at = ended + _REST * (ended - began)

    def _be_ready(self) -> None:
        """Tell systemd, and begin with what has time: with a thousand models, or a long history, it takes seconds."""
        _tell_systemd("READY=1")
        _LOG.info("ready", models=len(self.teller.watched))
        self.watch.writing.set()
        self.watch.sweep_soon()
        self.scheduler.every(upkeep.INTERVAL, _KEYS, self.caretaker.mind)
        self._background.submit(self.journal.database.examine)

    def _journal_is_well(self) -> bool:
        """Tell whether the journal is still the file that was opened; without it, only a new start helps."""
        if self.journal.database.damage is None and self.journal.database.in_place:
            return True
        reason = self.journal.database.damage or "its file was deleted or replaced"
        _LOG.error(
            "journal_lost", reason=reason, remedy="Start retraind again; the job folders know what it held."
        )
        self._code = 1
        return False

    def _beat(self) -> None:
        """Tell systemd that the daemon lives, if its sweep does."""
        patience = 3 * self.settings.sweep.interval.total_seconds() + 60
        # One share that hangs is no reason to start anew; that would not wake it.
        if self._clock.elapsed() - max(self.watch.last_swept, self._begun_at) < patience:
            _tell_systemd("WATCHDOG=1")

    def _mind_hosts(self) -> None:
        """Note which hosts are down, for whoever asks the journal, and tell the folders that wait for them."""
        before, outages = self.teller.outages, self._breaker.outages()
        worth_a_word = self._clock.now() - self.settings.notify.patience
        lasting = frozenset(outage.host for outage in outages if outage.since <= worth_a_word)
        if (outages, lasting) == (before, self._lasting):
            return
        self.journal.set_outages(outages, lasting)
        self.teller.outages, self._lasting = outages, lasting
        since = {outage.host: outage.since for outage in before}
        fresh = {outage.host: outage for outage in outages}
        for host in fresh.keys() - since.keys():
            _LOG.error("host_down", host=host, reason=fresh[host].reason)
        for host in since.keys() - fresh.keys():
            lasted = self._clock.now() - since[host]
            _LOG.info("host_back", host=host, after_s=round(lasted.total_seconds()))
        changed = fresh.keys() ^ since.keys()
        self.teller.tell_soon({job.model for job in self.journal.active() if job.waits_for in changed})

    def _tell_wishes(self) -> None:
        """Tell the folders of what commands asked for, though no step may be run that would: a hold may be in the way."""
        holds = frozenset(self.journal.holds())
        wanted = {job.model for job in self.journal.jobs(states=_WISHES)}
        self.teller.tell_soon(wanted | (self._held ^ holds))
        self._held = holds

    def _schedule_tidying(self) -> None:
        self.scheduler.every(retention.interval(self.settings), _TIDY, self._tidier.tidy, pool="look")

    def _say(self) -> None:
        """Tell systemd in a line what is going on."""
        if os.environ.get("NOTIFY_SOCKET"):
            held = len(self.journal.holds())
            active = self.journal.count_active()
            _tell_systemd(
                f"STATUS=Models watched: {len(self.teller.watched)}, on hold: {held}; jobs in work: {active}"
            )

    def _work_off(self) -> int:
        """Run until everything that is complete now has come to rest."""
        assert self._begun is not None
        longest = max(model.settle.total_seconds() for model in self.settings.models.values())
        begun = self._clock.elapsed()
        deadline = begun + longest + _ONCE_MARGIN
        rest = _ONCE_STEP
        while self._heed_signals(rest) and self._journal_is_well():
            looked = self._clock.elapsed()
            self._mind_hosts()
            views = [watched.view for watched in self.teller.watched.values()]
            arriving = self._clock.elapsed() < deadline and any(
                view.complete or any(wait.arriving for wait in view.waiting) for view in views
            )
            if self.watch.all_swept(begun) and not arriving and not self._movable():
                break
            rest = max(_ONCE_STEP, _REST * (self._clock.elapsed() - looked))
        if self._code:
            return self._code
        self._notifier.deliver()
        jobs = [job for job in map(self.journal.get, sorted(self._begun)) if job]
        # What has failed and continues in a delivery of the same files counts there.
        failed = [job for job in jobs if job.state is State.FAILED and not job.continued_in]
        bad = failed or [job for job in jobs if job.hold] or self.journal.holds()
        if bad or any(watched.view.trouble for watched in self.teller.watched.values()):
            self._code = 1
        return self._code

    def _movable(self) -> bool:
        """Tell whether some job will still go on by itself."""
        holds = self.journal.holds()
        active = self.journal.active()
        if self._begun is not None:
            self._begun.update(job.id for job in active)
        stuck = holds.keys() | self.scheduler.unreachable
        return any(job.hold is None and job.model not in stuck and not job.waits_for_window for job in active)

    def _tell_end(self) -> None:
        """Say in all folders that nobody looks after them now: many at a time, since shares are slow, and one may hang."""
        telling = ThreadPoolExecutor(_TELLERS, thread_name_prefix="end")
        told = [
            telling.submit(self.teller.tell_end, name, watched, "retraind was stopped")
            for name, watched in self.teller.watched.items()
        ]
        telling.shutdown()
        for each in told:
            each.result()

    @contextmanager
    def _told_of_failure(self) -> Iterator[None]:
        """Say in all folders when retraind cannot start: what STATUS.txt says there is from before."""
        try:
            yield
        except (JournalError, SQLAlchemyError, OSError):
            tell_no_start(self.settings, self._clock)
            raise

    def _stop(self) -> None:
        self._stopping.set()
        _tell_systemd("STOPPING=1")
        _LOG.info("stopping")
        ender = threading.Timer(_STOP_PATIENCE, _end_hard, [self._code])
        ender.daemon = True
        ender.start()
        try:
            self._exit.close()
            self._tell_end()
        finally:
            ender.cancel()
        _LOG.info("stopped")

    # ------------------------------------------------------------------ hearing and reloading

    def _look(self, model: str) -> float | None:
        return self.watch.look(model)

    def _changed(self, job: Job) -> None:
        """Hear of a job's step."""
        if self._begun is not None:
            self._begun.add(job.id)
        self.watch.heed(job)

    def _go_on(self, model: str) -> None:
        """Let a model's jobs go on, and tell of it."""
        self.scheduler.dispatch([model])
        self.teller.tell_soon([model])

    def _read_again(self) -> None:
        """SIGHUP: take over models and timings from the file; a mistake in it leaves everything as it was."""
        try:
            read, _ = load(self._config)
            fresh = _as_begun(read, self.settings)
            recipients = recipients_of(fresh, self._clock)
        except ConfigError as error:
            for problem in error.problems:
                _LOG.error("reload_refused", problem=problem)
            return
        _tell_systemd("RELOADING=1")
        if fresh != read:
            _LOG.warning(
                "restart_needed", reason="[api], [state] and work.parallel are read at the start only"
            )
        before = self.settings
        self.settings = self.pipeline.settings = fresh
        self._notifier.configure(fresh, recipients)
        for name in self.watch.take_over(before):
            self.caretaker.forget(name)
        self._schedule_tidying()
        self.pipeline.reconsider()
        self.teller.mind_left()
        self.scheduler.dispatch()
        _tell_systemd("READY=1")
        self._say()
        _LOG.info("reloaded", models=len(fresh.models))


def _tell_systemd(*assignments: str) -> None:
    """Tell systemd how it goes; that it does not listen ends nothing."""
    try:
        notify(*assignments)
    except OSError as error:
        _not_told(str(error.strerror))


@lru_cache
def _not_told(reason: str) -> None:
    """Log it once: there is something to tell each second."""
    _LOG.warning("systemd_not_told", reason=reason)


def _as_begun(read: Settings, begun: Settings) -> Settings:
    """Return settings that were read again, with what holds until the end as it was when all began."""
    work = read.work.model_copy(update={"parallel": begun.work.parallel})
    return read.model_copy(update={"api": begun.api, "state": begun.state, "work": work})


def _end_hard(code: int) -> None:
    """End at once: a step hangs in a system call. Every step can be repeated, so nothing is lost."""
    _LOG.warning(
        "stopped_hard",
        reason="a step did not reach a safe point in time; it is repeated after the next start",
    )
    os._exit(code)
