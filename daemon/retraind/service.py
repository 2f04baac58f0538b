"""The daemon: puts the parts together, owns their threads, listens to signals and to systemd.

Nothing is decided here about a job or a file.
"""

import os
import secrets
import signal
import sqlite3
import threading
from collections import deque
from collections.abc import Collection, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import AbstractContextManager, ExitStack, contextmanager
from dataclasses import dataclass, field, replace
from datetime import timedelta
from functools import partial
from pathlib import Path
from queue import Empty, SimpleQueue
from types import FrameType
from typing import Self

from sqlalchemy.exc import SQLAlchemyError

from retraind import __version__, log, tidy
from retraind.api.breaker import Breaker
from retraind.api.client import ApiClient
from retraind.api.credentials import Credentials, explained, origin_of, presumed_issue, warning_of
from retraind.api.upload import ObjectStore
from retraind.clock import Clock, for_people
from retraind.config import load
from retraind.database import is_sound, set_aside, sole_instance
from retraind.errors import ConfigError, Hold, JournalDamagedError, JournalError, Setback
from retraind.intake.folder import DropFolder, View
from retraind.intake.mounts import MOUNT_TABLE, mounts, tells_of_changes
from retraind.intake.pairing import Delivery
from retraind.intake.share import Away
from retraind.intake.watcher import Watcher
from retraind.job import SHORT_ID, Job, Problem, State, job_id
from retraind.jobfile import JobFiles
from retraind.journal import Journal, Outage, Standing
from retraind.pipeline import Pipeline
from retraind.rebuild import rebuild
from retraind.report.notify import Notifier, recipients_of
from retraind.report.status import (
    STATUS,
    expected_names,
    status_text,
    stopped_text,
    write_status,
)
from retraind.scheduler import Scheduler, tell_of_journal
from retraind.settings import ModelSettings, Settings
from retraind.systemd import notify, watchdog_interval

_LOG = log.get(__name__)

_SWEEP = "sweep"
_KEYS = "keys"
_TIDY = "tidy"
_HINT_DELAY = 0.05
"""Seconds that a burst of events has to gather into one look."""
_KEYS_INTERVAL = timedelta(seconds=15)
_HOUR = 3600.0
_HOLD_RETRY = timedelta(hours=6)
"""How often a refused key is tried again unchanged: the account may have been mended on the vendor's side."""
_AGE_INTERVAL = timedelta(hours=1)
"""How often the age of a key is looked at that people replace."""
_END_INTERVAL = timedelta(minutes=1)
"""How often that of other keys is, and of those whose end was warned of: a warning ends when they are replaced."""
_RENEWAL_RETRY = timedelta(minutes=10)
_READY_STEP = 0.02
"""Seconds between two questions whether all folders have been looked at."""
_STOP_PATIENCE = 8.0
"""Seconds for running steps to reach a safe point; systemd is told ten."""
_ONCE_MARGIN = 5.0
_FIRST_SWEEP_PATIENCE = 15.0
"""Seconds that a start waits for shares that do not answer."""
_ONCE_STEP = 0.2
_MOST_ACTIVE = 1_000
"""Deliveries of one model that are taken in and not finished; further ones wait in the drop folder."""
_BACKLOG_FULL = f"{_MOST_ACTIVE:,} deliveries have been taken in and are not finished. Further ones are taken in as these are."
_MOST_AN_HOUR = 1_000
"""Deliveries of one model that are taken in within an hour; each leaves some 10 KB in the journal for good."""
_HOUR_FULL = (
    f"{_MOST_AN_HOUR:,} deliveries have been taken in within the hour. Further ones are taken in later."
)
_WISHES = frozenset({State.SWITCHING, State.RESTORING})
"""States that a person's command can ask for."""
_TOLD_TOGETHER = 200
"""Folders of a sweep that are told in one go, so that the journal is asked for all of them at once."""
_MOST_AT_ONCE = 50
"""Deliveries that one look takes in."""


@dataclass
class _Watched:
    """A model under watch and what was last told about it."""

    folder: DropFolder
    sweep: str
    """The name of the sweep that looks at it: one for each file system, as at the start."""
    view: View = field(default_factory=View)
    begun: deque[float] = field(default_factory=deque)
    """When each delivery of the last hour was taken in (`Clock.elapsed` seconds)."""
    told: tuple[object, ...] = ()
    """Empty while there is something to tell."""
    tellings: int = 0
    """How often it was told."""
    out_since: float | None = None
    """Since when the folder is out of reach (`Clock.elapsed` seconds)."""
    noted: bool | None = None
    """Whether the history has it that the folder is out of reach; None while that was not looked up."""
    telling: threading.Lock = field(default_factory=threading.Lock)


@dataclass
class _Untold:
    """Models of one file system whose STATUS.txt is to be brought up to date."""

    names: SimpleQueue[str] = field(default_factory=SimpleQueue)
    telling: threading.Lock = field(default_factory=threading.Lock)


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
        reason = error.strerror if isinstance(error, OSError) else str(getattr(error, "orig", error))
        raise JournalError(
            f"The journal {journal}, or what is kept beside it, cannot be used: {reason}. If the disk is full or "
            "read-only, mend that; nothing is lost, and all goes on with the next start."
        ) from error


class Daemon:
    """One running retraind. Use as a context manager: entering opens the journal, leaving joins every thread."""

    def __init__(self, settings: Settings, config: Path, clock: Clock | None = None) -> None:
        self.settings = settings
        self._config = config
        self._clock = clock or Clock()
        self._watched: dict[str, _Watched] = {}
        self._stopping = threading.Event()
        self._writing = threading.Event()
        """Set when folders may be written to without a delivery: to mark them, and to tell people."""
        self._writing.set()
        # A signal may strike while the main thread is inside an Event's lock; only a SimpleQueue's put may be
        # called from a handler then.
        self._signals: SimpleQueue[int] = SimpleQueue()
        self._untold: dict[str, _Untold] = {}
        """By sweep."""
        self._swept: dict[str, float | None] = {}
        """When each sweep was last seen at work (`Clock.elapsed` seconds); None before its first end."""
        self._key_due: dict[str, float] = {}
        """When to look again at how long a model's key will last (`Clock.elapsed` seconds)."""
        self._outages: tuple[Outage, ...] = ()
        """The hosts that are down, as they were noted last."""
        self._lasting: frozenset[str] = frozenset()
        """Those that were noted as down for long."""
        self._held: frozenset[str] = frozenset()
        """The models that were on hold when a command was last heeded."""
        self._begun: set[str] | None = None
        """With `once`, the jobs that its exit code is about."""
        self._begun_at = self._clock.elapsed()
        self._terminal = os.isatty(0)
        """Started by hand: then SIGHUP may mean that the terminal was closed."""
        self._code = 0
        """What `run` returns: 1 when systemd is to start it again."""
        self._exit = ExitStack()

    def __enter__(self) -> Self:
        """Open everything; raises JournalError when another instance runs or the journal cannot be used."""
        file = self.settings.state.journal_file
        with ExitStack() as opening, _needed(file):
            opening.enter_context(sole_instance(file))
            self.journal = opening.enter_context(_opened(self.settings, self._clock))
            self._breaker = Breaker(self._clock)
            self._notifier = Notifier(
                self.settings, self.journal, recipients_of(self.settings, self._clock), self._clock
            )
            self._outages = tuple(self.journal.outages().values())
            self._breaker.resume(self._outages)
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
            self._hashing = ThreadPoolExecutor(1, thread_name_prefix="hash")
            opening.callback(self._hashing.shutdown, wait=True, cancel_futures=True)
            self._tidier = tidy.Tidier(self.pipeline, self.journal, self._clock, self._stopping)
            self._watcher = Watcher()
            self._scheduler = Scheduler(self.pipeline, self.journal, self._clock, self._look)
            opening.callback(self._scheduler.stop)
            opening.callback(self._watcher.stop)
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
        self._begun = set() if once else None
        if not once:
            self._writing.clear()  # until all folders have been looked at
        file = self.settings.state.journal_file
        with _needed(file):
            found = rebuild(self.settings, self.journal, JobFiles.beside(file), believe=False)
            if found.adopted:
                self.journal.note("journal_mended", jobs=len(found.adopted))
            self._end_holds_of_last_time()
            self.pipeline.reconsider()
        self._notifier.start()
        self._watch_all()
        self._scheduler.start()
        self._schedule_sweeps()
        if once:
            self._scheduler.every(_KEYS_INTERVAL, _KEYS, self._mind_keys)
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
        terminal_gone = self._terminal and not os.isatty(0)
        if number == signal.SIGHUP and not terminal_gone:
            self._read_again()
            return True
        self._stopping.set()
        return False

    def _work(self) -> int:
        beat = min(watchdog_interval() or 1.0, 1.0)
        seen = -1
        ready = False
        begun = self._clock.elapsed()
        while self._heed_signals(beat if ready else _READY_STEP) and self._journal_is_well():
            if not ready and self._all_swept(begun):
                ready = True
                seen = -1
                self._be_ready()
            self._beat()
            try:
                if (version := self.journal.database.data_version()) != seen:
                    # Perhaps a command in another process changed a job.
                    seen = version
                    self._notifier.nudge()
                    self._scheduler.dispatch()
                    self._tell_wishes()
                    self._say()
                if self.pipeline.mind_clock():
                    self._scheduler.start_over()
                self._mind_hosts()
            except SQLAlchemyError as error:
                tell_of_journal(error)
        return self._code

    def _be_ready(self) -> None:
        """Tell systemd, and begin with what has time: with a thousand models, or a long history, it takes seconds."""
        notify("READY=1")
        _LOG.info("ready", models=len(self._watched))
        self._writing.set()
        for sweep in self._swept:
            self._scheduler.soon(f"first {sweep}", partial(self._sweep, sweep), pool="look")
        self._scheduler.every(_KEYS_INTERVAL, _KEYS, self._mind_keys)
        self._hashing.submit(self.journal.database.examine)

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
        latest = max((moment or 0.0 for moment in self._swept.values()), default=0.0)
        # One share that hangs is no reason to start anew; that would not wake it.
        if self._clock.elapsed() - max(latest, self._begun_at) < patience:
            notify("WATCHDOG=1")

    def _mind_hosts(self) -> None:
        """Note which hosts are down, for whoever asks the journal, and tell the folders that wait for them."""
        before, outages = self._outages, self._breaker.outages()
        worth_a_word = self._clock.now() - self.settings.notify.patience
        lasting = frozenset(outage.host for outage in outages if outage.since <= worth_a_word)
        if (outages, lasting) == (before, self._lasting):
            return
        self.journal.set_outages(outages, lasting)
        self._outages, self._lasting = outages, lasting
        since = {outage.host: outage.since for outage in before}
        fresh = {outage.host: outage for outage in outages}
        for host in fresh.keys() - since.keys():
            _LOG.error("host_down", host=host, reason=fresh[host].reason)
        for host in since.keys() - fresh.keys():
            lasted = self._clock.now() - since[host]
            _LOG.info("host_back", host=host, after_s=round(lasted.total_seconds()))
        changed = fresh.keys() ^ since.keys()
        self._tell_soon({job.model for job in self.journal.active() if job.waits_for in changed})

    def _tell_wishes(self) -> None:
        """Tell the folders of what commands asked for, though no step may be run that would: a hold may be in the way."""
        holds = frozenset(self.journal.holds())
        wanted = {job.model for job in self.journal.jobs(states=_WISHES)}
        self._tell_soon(wanted | (self._held ^ holds))
        self._held = holds

    def _say(self) -> None:
        """Tell systemd in a line what is going on."""
        if os.environ.get("NOTIFY_SOCKET"):
            held = len(self.journal.holds())
            active = len(self.journal.active())
            notify(f"STATUS=Models watched: {len(self._watched)}, on hold: {held}; jobs in work: {active}")

    def _work_off(self) -> int:
        """Run until everything that is complete now has come to rest."""
        assert self._begun is not None
        longest = max(model.settle.total_seconds() for model in self.settings.models.values())
        begun = self._clock.elapsed()
        deadline = begun + longest + _ONCE_MARGIN
        while self._heed_signals(_ONCE_STEP) and self._journal_is_well():
            self._mind_hosts()
            views = [watched.view for watched in self._watched.values()]
            arriving = self._clock.elapsed() < deadline and any(
                view.complete or any(wait.arriving for wait in view.waiting) for view in views
            )
            if self._all_swept(begun) and not arriving and not self._movable():
                break
        if self._code:
            return self._code
        self._notifier.deliver()
        jobs = [job for job in map(self.journal.get, sorted(self._begun)) if job]
        bad = [job for job in jobs if job.state is State.FAILED or job.hold] or self.journal.holds()
        return 1 if bad or any(watched.view.trouble for watched in self._watched.values()) else 0

    def _movable(self) -> bool:
        """Tell whether some job will still go on by itself."""
        holds = self.journal.holds()
        active = self.journal.active()
        if self._begun is not None:
            self._begun.update(job.id for job in active)
        return any(job.hold is None and job.model not in holds and not job.waits_for_window for job in active)

    def _stop(self) -> None:
        self._stopping.set()
        notify("STOPPING=1")
        _LOG.info("stopping")
        ender = threading.Timer(_STOP_PATIENCE, _end_hard, [self._code])
        ender.daemon = True
        ender.start()
        try:
            self._exit.close()
            for name, watched in self._watched.items():
                self._tell_end(name, watched, "retraind was stopped")
        finally:
            ender.cancel()
        _LOG.info("stopped")

    # ------------------------------------------------------------------ watching

    def _watch_all(self) -> None:
        if self.settings.sweep.observer != "none":
            self._watcher.start()
        telling: dict[int, bool] = {}
        for name in self.settings.models:
            self._watch(name, telling)

    def _watch(self, name: str, telling: dict[int, bool]) -> None:
        """Watch a model's folder; `telling` remembers which file systems tell of changes."""
        model = self.settings.models[name]

        def hint() -> None:
            self._scheduler.look_in(name, _HINT_DELAY)

        def hold() -> AbstractContextManager[Path]:
            return self.pipeline.shares.held(name, model.drop, claim=self._writing.is_set())

        device = _device_of(model.drop)
        if not device or device not in telling:
            table = MOUNT_TABLE.read_text(errors="surrogateescape") if MOUNT_TABLE.exists() else ""
            telling[device] = tells_of_changes(model.drop, mounts(table))
        folder = DropFolder(
            model,
            self.settings.sweep.ignore,
            self._clock,
            self._hashing,
            hint,
            hold=hold,
            largest=self.settings.bundle.largest,
            remote=not telling[device],
        )
        self._watched[name] = _Watched(folder, f"{_SWEEP} {device}")
        wanted = {"auto": telling[device], "inotify": True, "none": False}[self.settings.sweep.observer]
        heard = wanted and self._watcher.watch(name, folder.folders, hint)
        _LOG.info("watching", model=name, drop=str(model.drop), by="inotify and sweep" if heard else "sweep")

    def _schedule_sweeps(self) -> None:
        """Sweep each file system on its own, so that a share that hangs keeps no other waiting; and tidy up."""
        self._scheduler.every(tidy.interval(self.settings), _TIDY, self._tidier.tidy, pool="look")
        fresh = {watched.sweep for watched in self._watched.values()}
        for gone in self._swept.keys() - fresh:
            self._scheduler.cancel(gone)
            del self._swept[gone]
        for name in fresh:
            self._swept.setdefault(name, None)
            self._scheduler.every(self.settings.sweep.interval, name, partial(self._sweep, name), pool="look")

    def _all_swept(self, begun: float) -> bool:
        """Tell whether every folder has been looked at once, as far as its share answers at all."""
        patient = self._clock.elapsed() < begun + _FIRST_SWEEP_PATIENCE
        done = [moment is not None for moment in self._swept.values()]
        return all(done) if patient else any(done)

    def _sweep(self, sweep: str) -> None:
        """Look at every folder of one file system, then let everything go on that may."""
        self._watcher.mend()
        now = self._clock.elapsed()
        news: list[str] = []
        for name, watched in list(self._watched.items()):
            if self._stopping.is_set():
                return
            if watched.sweep == sweep and not (watched.told and watched.folder.is_unchanged(now)):
                self._look_for_sweep(name, news)
                if len(news) == _TOLD_TOGETHER:
                    self._tell(news)
                    news.clear()
        self._tell(news)
        self._scheduler.dispatch()
        self._swept[sweep] = self._clock.elapsed()

    def _look_for_sweep(self, name: str, news: list[str]) -> None:
        try:
            self._scheduler.look_now(name, partial(self._look, news=news))
        except SQLAlchemyError:
            raise
        except Exception:  # noqa: BLE001 - logged with its trace; the other folders still have to be looked at
            _LOG.exception("look_crashed", model=name)

    def _look(self, name: str, news: list[str] | None = None) -> float | None:
        """Look at one folder and seal what is complete; returns the seconds until the next look is due.

        What there is to tell is told, or left to the caller by adding the model to `news`.
        """
        watched = self._watched.get(name)
        if watched is None:
            return None
        view = watched.folder.look()
        if view.trouble and view.trouble != watched.view.trouble:
            _LOG.error("folder_unreadable", model=name, reason=view.trouble)
        elif watched.view.trouble and not view.trouble:
            _LOG.info("folder_readable_again", model=name)
        if view != watched.view:
            watched.told = ()
        watched.view = view
        writing = self._writing.is_set()
        if writing:
            self._mind_folder(name, watched)
        begun = self._begin_all(name, watched) if view.complete else False
        if begun:
            self._scheduler.dispatch([name])
        # The first look always tells: what STATUS.txt says may be from before a kill.
        known = not begun and watched.told and _has_status(watched.folder.model.drop)
        if writing and not known and not view.away:
            if news is None:
                self._tell([name])
            else:
                news.append(name)
        if begun:
            return 0.0
        return max(0.0, view.due - self._clock.elapsed()) if view.due is not None else None

    def _mind_folder(self, name: str, watched: _Watched) -> None:
        """Note that a folder has been out of reach for long, or is back."""
        trouble = watched.view.trouble
        if not trouble:
            watched.out_since = None
        elif watched.out_since is None:
            watched.out_since = self._clock.elapsed()
        patience = self.settings.notify.patience.total_seconds()
        if watched.out_since is not None and self._clock.elapsed() - watched.out_since < patience:
            return
        if watched.noted is None:
            watched.noted = self.journal.last_word("folder_away", name) is not None
        if watched.noted != bool(trouble):
            self.journal.note_change("folder_away", name, trouble or None)
            watched.noted = bool(trouble)

    def _begin_all(self, name: str, watched: _Watched) -> bool:
        # A job that could not be sealed yet owns its files, though they are still in the drop folder.
        active = self.journal.active(name)
        owned = {file.name for job in active if job.state is State.SEALING for file in job.files}
        # A part at a time, so that the other folders of the same share are looked at as well.
        now = self._clock.elapsed()
        while watched.begun and watched.begun[0] <= now - _HOUR:
            watched.begun.popleft()
        most = min(_MOST_ACTIVE - len(active), _MOST_AN_HOUR - len(watched.begun), _MOST_AT_ONCE)
        begun = 0
        for delivery in watched.view.complete:
            names = {file.name for file in delivery.files}
            if names & owned or self._stopping.is_set() or begun >= most:
                continue
            begun += 1
            watched.begun.append(now)
            if self._begin(name, watched.folder.model, delivery).state is State.RETURNED:
                watched.folder.distrust(names)
        return begun > 0

    def _begin(self, name: str, model: ModelSettings, delivery: Delivery) -> Job:
        """Record a delivery as a job and seal it at once, so that writers cannot reach it while it waits."""
        now = self._clock.now()
        job = Job(
            id=job_id(now, delivery.key, secrets.token_hex(SHORT_ID // 2)),
            model=name,
            key=delivery.key,
            state=State.SEALING,
            files=delivery.files,
            created_at=now,
            updated_at=now,
            problem=delivery.problem,
        )
        if self._begun is not None:
            self._begun.add(job.id)
        # The journal's change makes others dispatch; none of them may seal the same files at the same time.
        with self._scheduler.working_on(job.id):
            self.journal.add(
                job, "delivery_complete", files=[file.name for file in job.files], drop=str(model.drop)
            )
            return self.pipeline.advance_one(job)

    def _changed(self, job: Job) -> None:
        """Hear of a job's step."""
        if job.state is State.RETURNED and (watched := self._watched.get(job.model)) is not None:
            watched.folder.distrust({file.name for file in job.files})
        self._tell([job.model])

    def _tell_end(self, name: str, watched: _Watched, why: str) -> None:
        """Say on the share that nobody looks after the folder now."""
        if watched.view.trouble:
            return
        try:
            with self.pipeline.shares.held(name, watched.folder.model.drop) as drop:
                write_status(drop, stopped_text(name, self._clock.now(), why), self._clock.now())
        except OSError as error:
            _LOG.warning("status_not_written", model=name, reason=error.strerror)
        except Away as away:
            _LOG.warning("status_not_written", model=name, reason=away.what)

    def _tell_soon(self, models: Collection[str]) -> None:
        """Bring STATUS.txt up to date from other threads: a share that hangs must not keep the one that calls."""
        sweeps = set()
        for name in models:
            if (watched := self._watched.get(name)) is not None:
                self._untold.setdefault(watched.sweep, _Untold()).names.put(name)
                sweeps.add(watched.sweep)
        for sweep in sweeps:
            self._scheduler.soon(f"tell {sweep}", partial(self._tell_rest, sweep), pool="look")

    def _tell_rest(self, sweep: str) -> None:
        """Tell what is to be told on one file system, on a single thread: it may hang."""
        untold = self._untold[sweep]
        while not untold.names.empty() and untold.telling.acquire(blocking=False):
            try:
                self._tell({untold.names.get() for _ in range(untold.names.qsize())})
            finally:
                untold.telling.release()

    def _tell(self, models: Collection[str]) -> None:
        """Bring STATUS.txt up to date where what it tells has changed."""
        folders = {name: watched for name in models if (watched := self._watched.get(name)) is not None}
        if not folders:
            return
        before = {name: watched.tellings for name, watched in folders.items()}
        standings = self.journal.standings(folders)
        for name, watched in folders.items():
            with watched.telling:
                if watched.tellings != before[name]:
                    # Another thread was faster, and perhaps told of what has happened since.
                    standings |= self.journal.standings([name])
                self._tell_watched(name, watched, standings[name])
                watched.tellings += 1

    def _tell_watched(self, name: str, watched: _Watched, standing: Standing) -> None:
        jobs, hold, last, published, warning = standing
        view = watched.view
        if view.complete:
            limits = (
                (_BACKLOG_FULL, len(jobs) >= _MOST_ACTIVE),
                (_HOUR_FULL, len(watched.begun) >= _MOST_AN_HOUR),
            )
            full = tuple(sentence for sentence, reached in limits if reached)
            view = replace(view, strangers=(*full, *view.strangers))
        awaited = {job.waits_for for job in jobs}
        outages = [outage for outage in self._outages if outage.host in awaited]
        told = (
            view.waiting, view.strangers, view.trouble,
            tuple((job.id, job.state, job.hold, job.trouble) for job in jobs),
            hold, not hold and warning, last and (last.id, last.version), published and (published.id, published.switched_at),
            [(outage.host, outage.since, outage.reason) for outage in outages],
        )  # fmt: skip
        if view.away or (told == watched.told and _has_status(watched.folder.model.drop)):
            return
        expected = expected_names(watched.folder.model)
        text = status_text(
            name, view, jobs, hold, last, expected=expected, warning=None if hold else warning, published=published,
            outages=outages, service=self.settings.api.host,
        )  # fmt: skip
        try:
            with self.pipeline.shares.held(name, watched.folder.model.drop) as drop:
                write_status(drop, text, self._clock.now())
            watched.told = told
        except OSError as error:
            _LOG.warning("status_not_written", model=name, reason=error.strerror)
        except Away as away:
            _LOG.warning("status_not_written", model=name, reason=away.what)

    # ------------------------------------------------------------------ keys and reloading

    def _end_holds_of_last_time(self) -> None:
        """A hold for a credential is tried again after a start: the key may have been replaced meanwhile."""
        for name, hold in self.journal.holds().items():
            if hold.credential:
                self.journal.release_model(name, "retraind was started", trial=True)

    def _mind_keys(self) -> None:
        """End holds whose key has been replaced, and renew keys that retraind fetches itself."""
        for name, hold in self.journal.holds().items():
            if not hold.credential or name not in self.settings.models:
                continue
            present = self.pipeline.present_fingerprint(name)
            replaced = present is not None and present != self.pipeline.refused.get(name)
            if replaced or abs(self._clock.now() - hold.since) > _HOLD_RETRY:
                why = "the API key was replaced" if replaced else "the key is tried again"
                self.journal.release_model(name, why, trial=not replaced)
                self._key_due.pop(name, None)
                _LOG.info("model_released", model=name, why=why)
                self._scheduler.dispatch([name])
                self._tell([name])
        for job in self.journal.active():
            if (
                job.hold
                and job.held_until
                and (job.held_until <= self._clock.now() or job.clock_was_set_back(self._clock.now()))
            ):
                self.journal.write(job, "released", hold=None, held_until=None)
                self._scheduler.dispatch([job.model])
        for name, model in self.settings.models.items():
            if self._clock.elapsed() >= self._key_due.get(name, 0.0):
                again = self._mind_end(name, model)
                self._key_due[name] = self._clock.elapsed() + again.total_seconds()

    def _mind_end(self, name: str, model: ModelSettings) -> timedelta:
        """Renew a key that retraind fetches itself, or warn of the end of one that people replace.

        Returns when to look again.
        """
        warning, again = None, _END_INTERVAL
        try:
            if self.credentials.renew(name, model):
                _LOG.info("key_renewed", model=name, ends_at=str(self.credentials.ends_at(name)))
        except Setback as trouble:
            ends = self.credentials.ends_at(name)
            until = f" The present one ends on {for_people(ends)}." if ends else ""
            why = Problem(what=trouble.what, remedy=trouble.remedy)
            if isinstance(trouble, Hold):
                why = explained(trouble, name, model)
            what = f"A new API key could not be fetched. {why.what}{until}"
            warning, again = Problem(what=what, remedy=why.remedy), _RENEWAL_RETRY
            _LOG.warning("key_not_renewed", model=name, reason=why.told())
        if model.model_id is None and (key := self.pipeline.present_fingerprint(name)) is not None:
            issued = presumed_issue(self.journal.first_seen(name, key), self.credentials.arrived_at(model))
            warning = warning_of(issued, self._clock.now(), origin_of(name, model))
            again = _END_INTERVAL if warning else _AGE_INTERVAL
        if self.journal.note_warning(name, warning):
            if warning:
                _LOG.warning("key_ends_soon", model=name, reason=warning.told())
            self._tell([name])
        return again

    def _read_again(self) -> None:
        """SIGHUP: take over models and timings from the file; a mistake in it leaves everything as it was."""
        try:
            fresh, _ = load(self._config)
            recipients = recipients_of(fresh, self._clock)
        except ConfigError as error:
            for problem in error.problems:
                _LOG.error("reload_refused", problem=problem)
            return
        notify("RELOADING=1")
        if (fresh.api, fresh.state, fresh.work.parallel) != (
            self.settings.api,
            self.settings.state,
            self.settings.work.parallel,
        ):
            _LOG.warning(
                "restart_needed", reason="[api], [state] and work.parallel are read at the start only"
            )
        before = self.settings
        self.settings = self.pipeline.settings = fresh
        self._notifier.configure(fresh, recipients)
        for name in before.models.keys() - fresh.models.keys():
            self._watcher.forget(name)
            self._tell_end(
                name, self._watched.pop(name), "The model was taken out of retraind's configuration"
            )
            _LOG.info("model_removed", model=name)
        telling: dict[int, bool] = {}
        for name, model in fresh.models.items():
            if before.models.get(name) != model or (before.sweep, before.bundle) != (
                fresh.sweep,
                fresh.bundle,
            ):
                self._watcher.forget(name)
                self._watch(name, telling)
                self._scheduler.look_in(name, 0)  # A sweep that is on its way may have begun without it.
                self.credentials.forget(name)
                self._key_due.pop(name, None)
        self._schedule_sweeps()
        self.pipeline.reconsider()
        self._scheduler.dispatch()
        notify("READY=1")
        self._say()
        _LOG.info("reloaded", models=len(fresh.models))


def _device_of(folder: Path) -> int:
    """Return the number of the file system that `folder` is on; 0 where that cannot be told now."""
    try:
        return folder.stat().st_dev
    except OSError:
        return 0


def _has_status(drop: Path) -> bool:
    return os.path.lexists(f"{drop}/{STATUS}")  # noqa: TID251 - one more try to write it does no harm


def _end_hard(code: int) -> None:
    """End at once: a step hangs in a system call. Every step can be repeated, so nothing is lost."""
    _LOG.warning(
        "stopped_hard",
        reason="a step did not reach a safe point in time; it is repeated after the next start",
    )
    os._exit(code)
