"""Keeps the small file in which `status` finds what the daemon knows of itself: `store/instance.py`.

One thread writes it, at least once in each sweep interval, and at once after what people wait for. What the
daemon cannot reach is asked by another one, since shares may hang.
"""

import hashlib
import math
import os
import threading
from collections.abc import Callable, Iterator, Mapping, Sequence
from datetime import datetime, timedelta
from pathlib import Path
from typing import NamedTuple

from retraind import __version__
from retraind.api.credentials import Origin, origin_of, passed_file
from retraind.config.exposure import gate_words
from retraind.config.settings import Settings
from retraind.domain.counts import Counts
from retraind.domain.failures import Hold
from retraind.domain.problems import Problem, problem
from retraind.reconcile.folders import Folders
from retraind.reconcile.hints import Sweeps
from retraind.store.instance import (
    Configuration,
    DaemonState,
    RefusedReload,
    Unreachable,
    write_state,
)
from retraind.system import log
from retraind.system.clock import Clock
from retraind.system.files import is_file
from retraind.system.mounts import present_mounts
from retraind.system.probe import Question, ask_each
from retraind.system.reading import read_all
from retraind.system.rights import present_account
from retraind.system.service.sandbox import Kind, Obstacle, obstacle, sandbox

_LOG = log.get(__name__)

_LONGEST_INTERVAL = timedelta(seconds=30)
_SHORTEST_INTERVAL = timedelta(seconds=1)
_LOOK_INTERVAL = 300.0
"""Seconds until what is out of reach is asked again: rights and mounts seldom change."""
_FIRST_LOOK = 5.0
"""Seconds until a start that is not ready yet asks for it at first; otherwise it does once it is."""
_STOP_PATIENCE = 0.5
"""Seconds that the end waits for a question to a share."""
_MOST_LISTED = 200
TIMETABLE_BEAT = timedelta(seconds=20)
"""How often the timetable shows that it runs."""
SWEEP_PATIENCE = timedelta(seconds=60)
"""How much longer than three sweep intervals a sweep may take before it counts as hanging."""


class Sources(NamedTuple):
    """What other parts of the daemon know, to be asked for at any time, from any thread."""

    journal_trouble: Callable[[], Problem | None]
    keys_end: Callable[[], Mapping[str, datetime]]
    counts: Callable[[], Counts]


class DaemonView:
    """What the daemon knows of itself. Safe to use from several threads."""

    def __init__(
        self,
        config: Path,
        settings: Callable[[], Settings],
        folders: Folders,
        sweeps: Sweeps,
        clock: Clock,
        *,
        sources: Sources,
    ) -> None:
        self._sources = sources
        self._journal = settings().state.journal_file
        self._config = config
        self._settings = settings
        self._folders = folders
        self._sweeps = sweeps
        self._clock = clock
        self._lock = threading.Lock()
        """For the fields up to `_thread`."""
        self._started_at = self._alive_at = clock.now()
        self._begun = self._timetable_at = clock.elapsed()
        self._ready_at: datetime | None = None
        self._stopped_at: datetime | None = None
        self._configuration = self._read_configuration()
        self._refused: RefusedReload | None = None
        self._unreachable: tuple[Unreachable, ...] = ()
        self._thread: threading.Thread | None = None
        self._looker: threading.Thread | None = None
        self._look_at = self._begun + _FIRST_LOOK
        """When to ask again what is out of reach (`Clock.elapsed` seconds)."""
        self._changed, self._stopping = threading.Event(), threading.Event()
        self._failure: str | None = None
        """Why the file could not be written last time; each reason is logged once."""

    def start(self) -> None:
        """Begin to write."""
        self._thread = threading.Thread(target=self._run, name="view", daemon=True)
        self._thread.start()

    def stop(self) -> None:
        """Write for the last time, and end."""
        self._stopping.set()
        self._changed.set()
        if self._thread is None:
            return
        self._thread.join()
        if self._looker is not None:
            self._looker.join(_STOP_PATIENCE)
        with self._lock:
            self._stopped_at = self._clock.now()
        self.write()

    def beat(self) -> None:
        """Note that the daemon's own loop turns."""
        with self._lock:
            self._alive_at = self._clock.now()

    def beat_of_timetable(self) -> None:
        """Note that the timetable runs what is due."""
        with self._lock:
            self._timetable_at = self._clock.elapsed()

    def ready(self) -> None:
        """Note that all folders have been scanned once."""
        with self._lock:
            self._ready_at = self._clock.now()
            self._look_at = 0.0
        self._changed.set()

    def reloaded(self) -> None:
        """Note that the configuration was read again, and is in force."""
        with self._lock:
            self._configuration, self._refused = self._read_configuration(), None
            self._look_at = 0.0
        self._changed.set()

    def refused(self, problems: Sequence[Problem]) -> None:
        """Note that a reload left the configuration as it was."""
        with self._lock:
            self._refused = RefusedReload(at=self._clock.now(), problems=tuple(problems))
        self._changed.set()

    @property
    def mistakes(self) -> Sequence[Problem]:
        """Why the last reload was refused; nothing where it was not."""
        with self._lock:
            return self._refused.problems if self._refused else ()

    def _read_configuration(self) -> Configuration:
        try:
            digest = hashlib.sha256(read_all(self._config)).hexdigest()
        except OSError:
            digest = None
        return Configuration(path=str(self._config.absolute()), sha256=digest, read_at=self._clock.now())

    @property
    def interval(self) -> timedelta:
        """How long it takes until the file is written again."""
        return max(_SHORTEST_INTERVAL, min(_LONGEST_INTERVAL, self._settings().sweep.interval))

    def _run(self) -> None:
        while not self._stopping.is_set():
            self.write()
            self._look_now_and_then()
            self._changed.wait(self.interval.total_seconds())
            self._changed.clear()

    def _look_now_and_then(self) -> None:
        with self._lock:
            due = self._clock.elapsed() >= self._look_at
            if not due or (self._looker is not None and self._looker.is_alive()):
                return
            self._look_at = self._clock.elapsed() + _LOOK_INTERVAL
        self._looker = threading.Thread(target=self.look, name="view of shares", daemon=True)
        self._looker.start()

    def look(self) -> None:
        """Ask what is out of reach."""
        found = tuple(unreachable(self._settings()))
        with self._lock:
            self._unreachable = found
        self._changed.set()

    def write(self) -> None:
        """Write the file now. A failure is logged: the reader finds that the file is old."""
        try:
            write_state(self._journal, self.state())
        except OSError as error:
            reason = error.strerror or str(error)
            if reason != self._failure:
                _LOG.warning("state_not_written", reason=reason)
            self._failure = reason
        else:
            self._failure = None

    def state(self) -> DaemonState:
        """Return what the daemon knows of itself now."""
        now, interval = self._clock.now(), self._settings().sweep.interval
        elapsed = self._clock.elapsed()
        swept, all_swept = self._sweeps.last_ended, self._sweeps.all_ended
        last = max(swept, self._begun)

        def moment(at: float) -> datetime:
            return now - timedelta(seconds=elapsed - at)

        with self._lock:
            out = [*self._unreachable, *self._folders_out_of_reach()]
            return DaemonState(
                pid=os.getpid(),
                version=__version__,
                started_at=self._started_at,
                ready_at=self._ready_at,
                stopped_at=self._stopped_at,
                written_at=now,
                again_at=now + self.interval,
                alive_at=self._alive_at,
                timetable_at=moment(self._timetable_at),
                last_sweep_at=moment(swept) if swept else None,
                whole_sweep_at=moment(all_swept) if all_swept else None,
                sweep_due_at=moment(last) + 3 * interval + SWEEP_PATIENCE,
                journal_trouble=self._sources.journal_trouble(),
                configuration=self._configuration,
                upload_rate=self._settings().work.upload_rate,
                refused_reload=self._refused,
                sandbox=dict(sandbox(present_mounts(), _status(), present_account().hidden_gid)),
                unreachable=tuple(out[:_MOST_LISTED]),
                unreachable_more=max(0, len(out) - _MOST_LISTED),
                waiting_since={name: moment(since) for name, since in self._waiting_since()},
                keys_end=dict(self._sources.keys_end()),
                counts=self._sources.counts(),
            )

    def _folders_out_of_reach(self) -> Iterator[Unreachable]:
        known = {each.setting for each in self._unreachable}
        for folder in self._folders.all():
            setting, trouble = f"models.{folder.name}.drop", folder.view.trouble
            if trouble is not None and setting not in known:
                yield Unreachable(model=folder.name, setting=setting, directive=None, problem=trouble)

    def _waiting_since(self) -> Iterator[tuple[str, float]]:
        for folder in self._folders.all():
            files = (seen.since for wait in folder.view.waiting for seen in wait.files)
            if math.isfinite(oldest := min(files, default=math.inf)):
                yield folder.name, oldest


def _status() -> str:
    try:
        return Path("/proc/self/status").read_text(encoding="utf-8", errors="replace")
    except OSError:
        return ""  # Without /proc, little of the sandbox can be noticed.


def unreachable(settings: Settings) -> Iterator[Unreachable]:
    """Yield what this process needs by its configuration and cannot use.

    A share that hangs is given up after a while; it is reported by the scans.
    """
    table = present_mounts()

    def question(need: _Need) -> Question[Obstacle | None]:
        return need.path, lambda place: obstacle(place, table, write=need.write)

    needs = [*_needs(settings)]
    for need, answer in zip(needs, ask_each(list(map(question, needs))), strict=True):
        if isinstance(answer, Obstacle):
            yield Unreachable(
                model=need.model,
                setting=need.setting,
                directive=answer.directive,
                problem=_problem(need.setting, need.path, answer),
            )
    for name, model in settings.models.items():
        origin = origin_of(name, model)
        if origin.credential is not None and not _is_passed(origin.credential, origin):
            found = problem("credential_not_passed", setting=origin.setting, credential=origin.credential)
            yield Unreachable(model=name, setting=origin.setting, directive="LoadCredential", problem=found)


class _Need(NamedTuple):
    model: str | None
    setting: str
    path: Path
    write: bool


def _needs(settings: Settings) -> Iterator[_Need]:
    yield _Need(None, "state.spool", settings.state.spool, write=True)
    if settings.api.ca_bundle is not None:
        yield _Need(None, "api.ca_bundle", settings.api.ca_bundle, write=False)
    for name, model in settings.models.items():
        before = f"models.{name}"
        yield _Need(name, f"{before}.drop", model.drop, write=True)
        for key, folder in (("done", model.done), ("failed", model.failed)):
            if folder is not None and not folder.is_relative_to(model.drop):
                yield _Need(name, f"{before}.{key}", folder, write=True)
        origin = origin_of(name, model)
        if origin.path is not None:
            yield _Need(name, origin.setting, origin.path, write=False)
        for path in gate_words(model):
            yield _Need(name, f"{before}.gate", path, write=False)


def _is_passed(credential: str, origin: Origin) -> bool:
    try:
        return is_file(passed_file(credential, origin), follow=True)
    except (Hold, OSError, ValueError):
        return False


def _problem(setting: str, path: Path, found: Obstacle) -> Problem:
    match found.kind:
        case Kind.READ_ONLY:
            return problem("path_read_only", setting=setting, path=path, directive=found.directive)
        case Kind.HIDDEN:
            return problem("path_hidden", setting=setting, path=path, directive=found.directive)
        case Kind.DENIED:
            return problem("path_denied", setting=setting, path=path)
