"""The daemon: puts the parts together, owns their threads, listens to signals and to systemd.

Nothing is decided here about a job or a file.
"""

import os
import threading
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from datetime import timedelta
from functools import partial
from pathlib import Path
from types import MappingProxyType
from typing import Self

from sqlalchemy.exc import SQLAlchemyError

from retraind import __version__
from retraind.api.reach import in_the_clear
from retraind.config.load import unknown_variables
from retraind.config.settings import Settings
from retraind.daemon.admission import Refused, admitted, report_refused
from retraind.daemon.assembly import Parts
from retraind.daemon.starting import Progress, Starting
from retraind.daemon.status_line import StatusLine
from retraind.domain.failures import ConfigError, JournalError
from retraind.domain.problems import Problem, problem
from retraind.jobs import preflight
from retraind.reconcile.daemon_view import TIMETABLE_BEAT
from retraind.reconcile.lanes import Lanes, Shared, guarded, report_journal
from retraind.reconcile.once import Once
from retraind.reconcile.publishing import publish_no_start
from retraind.reconcile.timetable import Timetable
from retraind.reconcile.upkeep import caretaker, expecting, growth, retention
from retraind.report.notifications import recipients_of
from retraind.store.instance import sole_instance
from retraind.store.opening import needed, opened
from retraind.system import log
from retraind.system.clock import Clock
from retraind.system.remote.helpers import HELPERS
from retraind.system.service import systemd
from retraind.system.service.signals import Signals, Wish
from retraind.system.service.systemd import watchdog_interval

_LOG = log.get(__name__)

_READY_STEP = 0.02
"""Seconds between two checks whether all folders have been scanned."""
_STOP_PATIENCE = 8.0
"""Seconds for running steps to reach a safe point; systemd waits ten."""
_ONCE_STEP = 0.2
_MIND_INTERVAL = 1.0
"""Seconds between two checks of what nothing else reports."""
_READ_PATIENCE = 15.0
"""Seconds that a start waits for job folders to be read; models whose folders take longer begin later."""
_REST = 9
"""After going through the jobs, wait so many times as long as it took: with thousands of jobs it takes a
while, and while all models deliver at once the journal changes constantly."""


class Daemon:
    """One running retraind. A context manager: entering opens the journal, leaving joins every thread."""

    def __init__(
        self,
        settings: Settings,
        config: Path,
        clock: Clock | None = None,
        lanes: Lanes | None = None,
        refused: Refused = MappingProxyType({}),
    ) -> None:
        """Take a configuration as `admitted` returns it.

        `lanes` are for tests that run the lanes' work themselves.
        """
        self.refused, self._status = refused, StatusLine()
        self.settings, self.lanes = settings, lanes or Lanes(settings.work.parallel)
        self._config, self._clock = config, clock or Clock()
        self._stopping, self.signals = threading.Event(), Signals()
        self._seen: int | None = None
        """The version of the journal that was read last."""
        self._heed_at = 0.0
        """When to read it again (`Clock.elapsed` seconds)."""
        self._code = 0
        """What `run` returns: 1 when systemd should start it again."""
        self._mind_at = 0.0
        """When to check what nothing else reports (`Clock.elapsed` seconds)."""
        self._exit = ExitStack()

    def __enter__(self) -> Self:
        """Open everything; raises JournalError when another instance runs or the journal cannot be used."""
        file = self.settings.state.journal_file
        with ExitStack() as opening, needed(file):
            self._starting = opening.enter_context(Starting())
            opening.enter_context(sole_instance(file))
            with _reported_on_shares(self.settings, self._clock):
                self.journal = opening.enter_context(opened(self.settings, self._clock))
            self._put_together()
            opening.callback(lambda: self.publisher.note_standings(self.folders.all()))
            opening.callback(self.parts.service.close)
            opening.callback(self.parts.background.shutdown, wait=True, cancel_futures=True)
            opening.enter_context(self.lanes.running())
            own = (self.view, self.loop, self.timetable, self._watcher, self._notifier)
            for part in (*own, self.parts.monitoring):
                opening.callback(part.stop)
            self._exit = opening.pop_all()
        return self

    def __exit__(self, *_: object) -> None:
        self._stopping.set()
        self._exit.close()
        HELPERS.end_all()

    def _put_together(self) -> None:
        self.parts = parts = Parts(
            self.settings, self._config, self.journal, self.lanes, clock=self._clock, stopping=self._stopping
        )
        self._starting.follow(parts.progress)
        self._moving = Progress(parts.progress, self._clock)
        self.queue, self.folders, self.loop = parts.queue, parts.folders, parts.loop
        self.pipeline, self.credentials, self.sweeps = parts.pipeline, parts.credentials, parts.sweeps
        self.reload, self.publisher, self.hosts = parts.reload, parts.publisher, parts.hosts
        self.caretaker, self.orphans = parts.caretaker, parts.orphans
        self.timetable, self.view = Timetable(), parts.view
        self._notifier, self._watcher, self.recoverer = parts.notifier, parts.watcher, parts.recoverer

    def run(self, *, once: bool = False, longest: timedelta | None = None) -> int:
        """Work until stopped, or with `once` until everything that is complete now has been processed.

        With `longest`, that ends after this time at the latest. Returns the exit code: 0, or with `once` 1
        when a job failed or is held, or the time was not enough.
        """
        _LOG.info("starting", version=__version__, config=str(self._config), models=len(self.settings.models))
        _warn(self.settings)
        # Until all folders have been scanned, none is written to.
        self.folders.allow_writing(yes=once)
        self.parts.overdue.keeps = self.parts.tidier.keeps = once
        worked_off = (
            Once(self.settings, self.journal, self.folders, self.sweeps, self._clock, longest=longest)
            if once
            else None
        )
        self.parts.monitoring.start()
        self.view.start()
        self.begin()
        self._notifier.start()
        self.loop.start()
        self._schedule()
        if once:
            self.view.ready()
            self._schedule_keys()
        self.timetable.start()
        try:
            return self._work_off(worked_off) if worked_off else self._work()
        finally:
            self._stop(problem("run_ended" if once else "retraind_stopped"))

    def begin(self) -> None:
        """Watch the folders, and bring the journal up to date with them."""
        with _reported_on_shares(self.settings, self._clock), needed(self.settings.state.journal_file):
            self.recoverer.begin(self.settings)
            self.reload.begin(self.settings, self.refused)
            self.sweeps.begin()
            self.pipeline.configure(self.settings, self.refused)
            self.pipeline.judging.clear()
            self.caretaker.end_holds_of_last_time()
            self.pipeline.reconsider()
            self.orphans.mind()
            report_refused(self.refused, self.settings, self.journal)

    def _schedule(self) -> None:
        self.timetable.every(TIMETABLE_BEAT, "beat", self.view.beat_of_timetable)
        self.timetable.every(self.settings.sweep.interval, "sweep", self.sweeps.sweep_soon)
        lane, interval = self.lanes.shared(Shared.RETENTION), retention.interval(self.settings)
        self.timetable.every(interval, "tidy", self.parts.tidier.tidy, lane)
        self.timetable.every(interval, "late", self.recoverer.read_late, lane)
        self.timetable.every(growth.INTERVAL, "growth", self.parts.growth.mind, lane)

    def _schedule_keys(self) -> None:
        lane = self.lanes.shared(Shared.UPKEEP)
        self.timetable.every(caretaker.INTERVAL, "keys", self.caretaker.mind, lane)
        self.timetable.every(expecting.INTERVAL, "expected", self.parts.expecting.mind, lane)

    def stop(self) -> None:
        """Ask `run` to return; safe from any thread."""
        self.signals.stop()

    def _wait(self, patience: float) -> bool:
        """Wait for a signal for so many seconds and obey it; returns whether to continue."""
        self.view.beat()
        wish = self.signals.wait(patience)
        if (now := self._clock.elapsed()) >= self._mind_at:
            self._mind_at = now + _MIND_INTERVAL
            self._mind()
        match wish:
            case Wish.RELOAD:
                self._read_again()
            case Wish.STOP:
                self._stopping.set()
                return False
            case Wish.NOTHING:
                pass
        return True

    def _mind(self) -> None:
        """Notice what nothing else reports: what hangs, and what the journal cannot take."""
        self.parts.silence.mind()
        self.recoverer.report()
        self.parts.journal_watch.mind()
        trouble, mistakes = self.parts.journal_watch.trouble, self.view.mistakes
        self._status.say(self.folders.all(), self.refused, trouble, mistakes)

    def _work(self) -> int:
        beat = min(watchdog_interval() or 1.0, 1.0)
        ready, begun, due = False, self._clock.elapsed(), 0.0
        while self._wait(beat if ready else _READY_STEP) and self._journal_is_well():
            if not ready and self._all_begun(begun):
                ready = True
                self._be_ready()
            elif self._clock.elapsed() < due:
                continue  # It is only waited for READY.
            due = self._clock.elapsed() + (0.0 if ready else beat)
            self._beat()
            guarded("regroup", partial(self.reload.regroup, self.settings, self.sweeps))
            try:
                self._heed_journal()
                if self.pipeline.jumps.mind():
                    self.timetable.start_over()
                self.hosts.mind()
            except SQLAlchemyError as error:
                report_journal(error)
        return self._code

    def _all_begun(self, begun: float) -> bool:
        """Return whether all models have begun, as far as their shares answer and do so in time."""
        now = self._clock.elapsed()
        if not self.sweeps.all_swept(begun) and now < self._moving.moved_at() + _READ_PATIENCE:
            return False
        late = now >= begun + _READ_PATIENCE
        return late or self.recoverer.all_known(self.folders.all())

    def _work_off(self, once: Once) -> int:
        """Run until everything that is complete now has been processed."""
        rest = _ONCE_STEP
        while self._wait(rest) and self._journal_is_well():
            began = self._clock.elapsed()
            self.hosts.heed()
            self.hosts.mind()
            done = self.recoverer.all_known(self.folders.all()) and once.is_worked_off()
            if done or once.is_out_of_time():
                break
            rest = max(_ONCE_STEP, _REST * (self._clock.elapsed() - began))
        if not self._code:
            self._notifier.deliver()
            self.parts.monitoring.heartbeat.mind()
            self._code = int(once.ended_badly() or bool(self.refused))
        return self._code

    def _heed_journal(self) -> None:
        """Go through the jobs if the journal has changed: a command in another process may have done it."""
        began = self._clock.elapsed()
        if began < self._heed_at or (version := self.journal.database.data_version()) == self._seen:
            return
        self._notifier.nudge()
        self.hosts.heed()  # First: a job that is tried now is to reach its host.
        self.loop.ask_for_changed()
        self.orphans.mind()
        self._status.count(self.journal)
        self._seen = version  # Not before: if the journal had failed meanwhile, the change would be missed.
        ended = self._clock.elapsed()
        self._heed_at = ended + _REST * (ended - began)

    def _be_ready(self) -> None:
        """Report to systemd, and begin what is not urgent: with a long history it takes seconds."""
        self._seen = None
        self._starting.end()
        systemd.report("READY=1")
        self.view.ready()
        _LOG.info("ready", models=len(self.folders.all()))
        self.folders.allow_writing()
        self.publisher.expect_all(self.folders.all())
        self.queue.ask_each(self.folders.names())
        self.sweeps.sweep_soon()
        self._schedule_keys()
        self.parts.background.submit(preflight.prepare)
        self.parts.background.submit(self.journal.database.examine)

    def _journal_is_well(self) -> bool:
        """Return whether the journal is still the file that was opened; if not, only a new start helps."""
        damage = self.journal.database.damage
        if damage is None and self.journal.database.in_place:
            return True
        why = problem("journal_lost", damage=damage) if damage else problem("journal_gone")
        _LOG.error("journal_lost", reason=why)
        self._code = 1
        return False

    def _beat(self) -> None:
        """Report to systemd that the daemon is alive, if its sweeps are."""
        patience = 3 * self.settings.sweep.interval.total_seconds() + 60
        # One share that hangs, or takes long, is no reason to start again, which would not help it.
        if self._clock.elapsed() - max(self.sweeps.last_ended, self._moving.moved_at()) < patience:
            systemd.report("WATCHDOG=1")

    def _stop(self, why: Problem) -> None:
        self._stopping.set()
        systemd.report("STOPPING=1")
        _LOG.info("stopping")
        HELPERS.hurry()  # What hangs now is not waited for.
        ender = threading.Timer(_STOP_PATIENCE, _end_hard, [self._code])
        ender.daemon = True
        ender.start()
        try:
            self.recoverer.report(end=True)
            self._exit.close()
            self.publisher.publish_all_ends(self.folders.all(), why)
        finally:
            ender.cancel()
        _LOG.info("stopped")

    def _read_again(self) -> None:
        """SIGHUP: take models and timings from the file.

        A mistake that concerns no model alone leaves everything as it was.
        """
        try:
            read, _, refused = admitted(self._config, self.folders.hanging())
            fresh = _as_begun(read, self.settings)
            recipients = recipients_of(fresh, self._clock)
        except ConfigError as error:
            for mistake in error.problems:
                _LOG.error("reload_refused", problem=mistake)
            self.view.refused(error.problems)
            return
        systemd.report("RELOADING=1")
        if fresh != read:
            _LOG.warning("restart_needed", reason=problem("restart_needed"))
        before = self.settings
        log.set_level(fresh.log_level)
        self.settings, self.refused = self.pipeline.configure(fresh, refused), refused
        self._notifier.configure(fresh, recipients)
        self.parts.monitoring.configure()
        self.pipeline.reconsider()
        self.orphans.mind()
        self.recoverer.begin(fresh)
        for name in self.reload.take_over(before, fresh, refused):
            self.caretaker.forget(name)
        self.caretaker.guard.mind()
        self.sweeps.begin()
        report_refused(self.refused, self.settings, self.journal)
        self._schedule()
        self.queue.ask_each({job.model for job in self.journal.jobs.active()} | fresh.models.keys())
        systemd.report("READY=1")
        self.view.reloaded()
        _LOG.info("reloaded", models=len(fresh.models))


def _warn(settings: Settings) -> None:
    for key, what in in_the_clear(settings.api):
        _LOG.warning("not_encrypted", key=key, reason=what)
    for unknown in unknown_variables():
        _LOG.warning("variable_unknown", variable=unknown.facts["variable"], reason=unknown)


def _as_begun(read: Settings, begun: Settings) -> Settings:
    """Return settings that were read again, with what only a start reads as it was then."""
    work = read.work.model_copy(update={"parallel": begun.work.parallel})
    metrics = read.metrics.model_copy(update={"listen": begun.metrics.listen})
    begun_with = {"api": begun.api, "state": begun.state, "work": work, "metrics": metrics}
    return read.model_copy(update=begun_with)


def _end_hard(code: int) -> None:
    """End at once: a step hangs in a system call. Every step can be repeated, so nothing is lost."""
    _LOG.warning("stopped_hard", reason=problem("step_cut_off"))
    os._exit(code)


@contextmanager
def _reported_on_shares(settings: Settings, clock: Clock) -> Iterator[None]:
    """Report in all folders when retraind cannot start: their STATUS.txt is out of date."""
    try:
        yield
    except (JournalError, SQLAlchemyError, OSError):
        publish_no_start(settings, clock)
        raise
