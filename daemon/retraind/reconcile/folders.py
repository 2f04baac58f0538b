"""The drop folders under watch: on which file system each is, and what the last scan of it saw."""

import threading
from collections import deque
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import NamedTuple

from retraind.config.settings import ModelSettings, Settings
from retraind.domain.problems import Problem, file_problem
from retraind.intake.drop_folder import DropFolder, Memory, Seen, View
from retraind.intake.listing import ASKS_FIRST
from retraind.intake.pairing import Delivery
from retraind.intake.share_identity import Shares
from retraind.reconcile.lanes import Lane
from retraind.reconcile.work_queue import WorkQueue
from retraind.report.status_file import STATUS
from retraind.system import log
from retraind.system.clock import Clock
from retraind.system.files import exists, status
from retraind.system.mounts import TABLE, tells_of_changes
from retraind.system.probe import ask_each
from retraind.system.reading import far_glances
from retraind.system.remote import helper
from retraind.system.remote.verbs import file_system_of

_LOG = log.get(__name__)

HINT_DELAY = 0.05
"""Seconds in which a burst of events gathers into one scan."""
_HOUR = 3600.0

_SOON = 300.0
"""Seconds in which time alone is going to make something complete."""
_MOST_HALVES = 3


class Moves:
    """Moves of files out of a drop folder. What a scan saw before the end of one may no longer be there."""

    def __init__(self) -> None:
        self._count = 0
        self._under_way = 0
        self._lock = threading.Lock()

    @contextmanager
    def one(self) -> Iterator[None]:
        """Move files while the block runs."""
        with self._lock:
            self._count += 1
            self._under_way += 1
        try:
            yield
        finally:
            with self._lock:
                self._count += 1
                self._under_way -= 1

    def mark(self) -> int | None:
        """Return a number that stays the same until files are moved; None while some are."""
        with self._lock:
            return None if self._under_way else self._count


class Touches:
    """Which threads are comparing or scanning folders: one that hangs outlives a reload, and is seen here."""

    def __init__(self) -> None:
        self.by_thread: dict[int, tuple[str, float]] = {}
        """The file system, and since when (`Clock.elapsed` seconds)."""
        self.scans = 0
        """Another number after each scan of any folder."""

    def longest(self) -> dict[str, float]:
        """Return since when file systems have been touched, by their names."""
        found: dict[str, float] = {}
        for file_system, since in [*self.by_thread.values()]:
            found[file_system] = min(since, found.get(file_system, since))
        return found


class Scanned(NamedTuple):
    """The result of a scan."""

    news: bool = False
    """True when a pass should follow."""
    again_at: float | None = None
    """When to scan again, if before the next sweep (`Clock.elapsed` seconds)."""


@dataclass
class Folder:
    """A model's drop folder under watch, and what is remembered of it.

    It is scanned on the lane of its share, which may hang meanwhile. Any thread may read the rest.
    """

    name: str
    drop_folder: DropFolder
    file_system: str
    """The name of the lane that touches it."""
    last: View = field(default_factory=View)
    """What the last scan saw."""
    owned: frozenset[str] = frozenset()
    """Files that are those of a job, though they could not be taken in yet."""
    reachable: bool = True
    """False before its share has answered for the first time."""
    moves: Moves = field(default_factory=Moves)
    taken_in: deque[float] = field(default_factory=deque)
    """When each delivery of the last hour was taken in (`Clock.elapsed` seconds)."""
    has_status: bool = False
    published: str = ""
    """What STATUS.txt says; empty while it has to be written."""
    is_publish_due: bool = False
    """True from READY until STATUS.txt was written: the pass that was requested needs no other scan."""
    considered: tuple[object, ...] = ()
    """What the last pass knew that had STATUS.txt brought up to date."""
    considered_until: float = 0.0
    """Until when that counts (`Clock.elapsed` seconds)."""
    check_due: float = 0.0
    """When STATUS.txt is to say again that the folder was checked (`Clock.elapsed` seconds)."""
    publishing: threading.Lock = field(default_factory=threading.Lock)
    """For the thread that writes STATUS.txt."""
    retired: bool = False
    """True when it is no longer under watch, so that STATUS.txt belongs to another one."""
    scans: int = 0
    """How many scans have ended."""
    scan_seconds: float = 0.0
    """How long the last scan took."""
    touches: Touches = field(default_factory=Touches)
    hangs: Problem | None = None
    """That its share does not answer: the view is an old one."""
    unread: Problem | None = None
    """Why it is not known what its job folders know better than the journal."""
    out_since: float | None = None
    """Since when the folder is out of reach (`Clock.elapsed` seconds)."""
    may_have_moved: bool = False
    """True when it is to be found out again on which file system it is."""
    out_noted: bool | None = None
    """Whether the history says that the folder is out of reach; None before it was read."""
    _found: tuple[Delivery, ...] = ()
    """Complete deliveries of the last scan that no pass has handled yet."""
    _found_at: int | None = 0
    """The mark of `moves` at which they, and the view, were found."""
    _scanning: bool = False
    _asked: bool = False
    """True when a scan was requested while one was running."""
    _lock: threading.Lock = field(default_factory=threading.Lock)
    """For the four fields before it. Never held while the share is touched."""

    @property
    def model(self) -> ModelSettings:
        """The settings with which it is watched."""
        return self.drop_folder.model

    @property
    def view(self) -> View:
        """What the last scan saw, without what is in work."""
        return self.last.without(self.owned)

    @property
    def may_rest(self) -> bool:
        """Whether a sweep may skip it: otherwise a scan leads to the pass that has STATUS.txt written."""
        return bool(self.published) or self.is_publish_due

    @property
    def trouble(self) -> Problem | None:
        """Why nothing is taken from the folder now."""
        return self.hangs or self.last.trouble or self.unread

    def is_unchanged(self, now: float, seen: Seen | None = None) -> bool:
        """Return whether a scan would find what the last one found (`now` in `Clock.elapsed` seconds).

        `seen` is what a glance has just shown.
        """
        if not self.may_rest:
            return False
        touching, thread = self.touches.by_thread, threading.get_ident()
        touching[thread] = (self.file_system, now)
        try:
            return self.drop_folder.is_unchanged(now, seen)
        finally:
            del touching[thread]

    def scan(self, clock: Clock) -> Scanned:
        """Scan the folder now, unless another thread is doing so; that one then requests another scan.

        Where scans take long, endless requests must not make one follow the other: other folders need the
        time too.
        """
        with self._lock:
            if self._scanning:
                self._asked = True
                return Scanned()
            self._scanning, self._asked = True, False
        began, news = clock.elapsed(), False
        due: list[float] = []
        try:
            self.touches.by_thread[threading.get_ident()] = (self.file_system, began)
            news = self._scan()
            due += [] if self.view.due is None else [self.view.due]
        finally:
            del self.touches.by_thread[threading.get_ident()]
            self.scans += 1
            self.touches.scans += 1
            ended = clock.elapsed()
            self.scan_seconds = ended - began
            with self._lock:
                self._scanning = False
                due += [ended + self.scan_seconds] if self._asked else []
        return Scanned(news, min(due, default=None))

    def _scan(self) -> bool:
        mark = self.moves.mark()
        if mark is None:
            return False  # A scan is requested when the move ends.
        known = self.drop_folder.root
        view, after = self.drop_folder.look(), self.drop_folder.root
        elsewhere = bool(known and after and known.stamp[0] != after.stamp[0])
        if not view.trouble and after and after.page:
            has_status = STATUS in after.page.names
        else:
            has_status = _is_there(self.model.drop / STATUS)
        with self._lock:
            if self.moves.mark() != mark:
                return False
            before, self.last = self.last, view
            if (before.trouble and not view.trouble) or elsewhere:
                self.may_have_moved = True
            fresh = not self.reachable or view != before
            self.reachable, self.has_status = self.reachable or not view.silent, has_status
            self._found, self._found_at = view.complete, mark
            if fresh or not has_status:
                self.published = ""
        if view.trouble and view.trouble != before.trouble:
            _LOG.error("folder_unreadable", model=self.name, reason=view.trouble)
        elif before.trouble and not view.trouble:
            _LOG.info("folder_readable_again", model=self.name)
        return bool(fresh or view.complete or view.trouble or not self.published)

    def found(self) -> tuple[Delivery, ...]:
        """Return what the last scan found and no pass has handled, unless files were moved since."""
        with self._lock:
            return self._found if self._found_at == self.moves.mark() else ()

    def dealt_with(self, found: tuple[Delivery, ...]) -> None:
        """Forget what was found, unless another scan has found something since."""
        with self._lock:
            if self._found is found:
                self._found = ()

    @property
    def unseen(self) -> bool:
        """Whether something may be complete that no pass has handled."""
        with self._lock:
            return bool(self._found) or self._found_at != self.moves.mark()

    def out_for(self, now: float) -> float:
        """Return for how many seconds the folder has been out of reach (`now` in `Clock.elapsed` seconds)."""
        if not self.trouble:
            self.out_since = None
            return 0.0
        if self.out_since is None:
            self.out_since = now
        return now - self.out_since

    def about_to_arrive(self, now: float) -> bool | None:
        """Return whether something here is about to be taken in; None while that is not known."""
        if not self.scans or self.trouble:
            return None
        return bool(self.view.complete) or (self.view.due is not None and self.view.due - now < _SOON)

    @property
    def halves(self) -> tuple[str, ...]:
        """The names of the first files that wait for the other one of their delivery."""
        return tuple(seen.name for wait in self.view.waiting for seen in wait.files)[:_MOST_HALVES]

    def taken_within_hour(self, now: float) -> int:
        """Count the deliveries that were taken in within the hour (`now` in `Clock.elapsed` seconds)."""
        while self.taken_in and self.taken_in[0] <= now - _HOUR:
            self.taken_in.popleft()
        return len(self.taken_in)


def glances(folders: Sequence[Folder], now: float) -> dict[str, Seen]:
    """Glance at those of these folders, of one file system, that are at rest and that a helper looks at.

    One call for all of them; returns what it has shown, by model (`now` in `Clock.elapsed` seconds).
    """
    if len(folders) == 1 or not TABLE.lately().has_remote:
        return {}
    resting = [
        (each, rest, asks)
        for each in folders
        if each.may_rest
        and (rest := each.drop_folder.rest) is not None
        and now < rest.until
        and (asks := rest.asks) is not None
    ]
    found = far_glances([asks for *_, asks in resting]) if len(resting) > 1 else []
    return {
        folder.name: Seen(rest, answer)
        for (folder, rest, _), answer in zip(resting, found, strict=False)
        if answer is not None
    }


def _is_there(path: Path) -> bool:
    try:
        return exists(path)
    except OSError:
        return False  # At worst it is written once more.


class _FileSystem(NamedTuple):
    name: str
    reports_changes: bool
    """Whether inotify reports every change."""


class Folders:
    """All drop folders under watch. Replaced by whole snapshots, so that any thread may read them."""

    def __init__(
        self,
        shares: Shares,
        clock: Clock,
        queue: WorkQueue,
        hashing: Callable[[str], Lane] | None,
        memory: Callable[[Path, str], Memory],
    ) -> None:
        """Watch nothing yet.

        `hashing` returns the lane on which the files of a file system are compared with manifests; with None
        they are not. `memory` returns that of a drop folder, given also the name of its model.
        """
        self._shares = shares
        self._clock = clock
        self._queue = queue
        self._hashing = hashing
        self._memory = memory
        self._folders: Mapping[str, Folder] = {}
        self._writing = threading.Event()
        self.touches = Touches()
        """Which threads are touching any of them."""
        self._table_version = 0
        """Of the mount table that the folders' file systems were last compared with."""

    def allow_writing(self, *, yes: bool = True) -> None:
        """Say whether folders may be written to without a delivery: their markers and STATUS.txt."""
        if yes:
            self._writing.set()
        else:
            self._writing.clear()

    @property
    def may_write(self) -> bool:
        """Whether folders may be written to without a delivery."""
        return self._writing.is_set()

    def get(self, name: str) -> Folder | None:
        """Return a model's folder, if it is under watch."""
        return self._folders.get(name)

    def all(self) -> Sequence[Folder]:
        """Return all folders."""
        return tuple(self._folders.values())

    def names(self) -> Sequence[str]:
        """Return the names of all models with a folder."""
        return tuple(self._folders)

    def on(self, file_system: str) -> Sequence[Folder]:
        """Return the folders on one file system."""
        return tuple(each for each in self._folders.values() if each.file_system == file_system)

    def file_systems(self) -> set[str]:
        """Return the names of all file systems with folders."""
        return {each.file_system for each in self._folders.values()}

    def hanging(self) -> frozenset[Path]:
        """Return the drop folders on file systems that do not answer now: whoever touches one hangs too."""
        now = self._clock.elapsed()
        silent = {each for each, since in self.touches.longest().items() if now - since > helper.PATIENCE}
        return frozenset(each.model.drop for each in self.all() if each.file_system in silent)

    def ask_for_scan(self, name: str) -> None:
        """Request a scan of a model's folder.

        Where scans take long, endless events must not make one follow the other: other folders need the time
        too.
        """
        folder = self.get(name)
        self._queue.ask(name, max(HINT_DELAY, folder.scan_seconds if folder else 0.0), scan=True)

    def watch(self, settings: Settings, fresh: Mapping[str, ModelSettings]) -> dict[str, bool]:
        """Watch what `settings` name; the folders of the models `fresh` are replaced.

        Returns the fresh ones, each with whether inotify reports all changes of its folder. Waits for shares
        that hang no longer than `helper.PATIENCE`, once each.
        """
        told, hanging = {}, self.hanging()
        TABLE.now()
        version = TABLE.version  # A change from now on is seen by `moved`.
        asked = [model.drop for model in fresh.values() if model.drop not in hanging]
        answers = dict(
            zip(asked, ask_each([(drop, partial(status, follow=True)) for drop in asked]), strict=True)
        )
        folders = {**self._folders}
        for name in folders.keys() - settings.models.keys():
            folders.pop(name).retired = True
        for name, model in fresh.items():
            answer, before = answers.get(model.drop), folders.get(name)
            on, trouble = _file_system(model.drop), None
            if model.drop in hanging and before is not None and before.model.drop == model.drop:
                trouble = before.trouble
            elif isinstance(answer, OSError):
                trouble = file_problem(answer, model.drop)
                _LOG.error("folder_unreadable", model=name, reason=trouble)
            folder = Folder(
                name,
                self._drop_folder(name, model, settings, on),
                on.name,
                View(trouble=trouble),
                reachable=not trouble and model.drop not in hanging,
                touches=self.touches,
            )
            if before is not None:
                before.retired = True
                folder.taken_in = before.taken_in
                if before.model.drop == model.drop:
                    folder.moves = before.moves
            folders[name] = folder
            told[name] = on.reports_changes
        self._folders = folders
        if fresh.keys() == folders.keys():
            self._table_version = version
        return told

    def moved(self) -> list[str]:
        """Return the models whose folders are on another file system than they were.

        Something was mounted or unmounted since, or a link on the way leads elsewhere. Cheap where nothing
        was, and touches no share.
        """
        TABLE.now()
        changed, self._table_version = self._table_version != TABLE.version, TABLE.version
        asked = [each for each in self._folders.values() if changed or each.may_have_moved]
        exactly = {each.name for each in asked if each.may_have_moved}
        for folder in asked:
            folder.may_have_moved = False
        # Logins and containers change the table, too: then a moment's links do for all that lie side by side.
        return [
            each.name
            for each in asked
            if _file_system(each.model.drop, lately=each.name not in exactly).name != each.file_system
        ]

    def _drop_folder(
        self, name: str, model: ModelSettings, settings: Settings, on: _FileSystem
    ) -> DropFolder:
        hashing = self._hashing

        def hold() -> AbstractContextManager[Path]:
            return self._shares.drop(name, model.drop, claim=self.may_write, ahead=ASKS_FIRST)

        return DropFolder(
            model,
            settings.sweep.ignore,
            self._clock,
            (lambda step: hashing(on.name).take_turns(name, step)) if hashing else None,
            partial(self.ask_for_scan, name),
            hold=hold,
            largest=settings.bundle.largest,
            remote=not on.reports_changes,
            memory=self._memory(model.drop, name),
        )


def _file_system(folder: Path, *, lately: bool = False) -> _FileSystem:
    """Return what `folder` is on. Touches nothing that may hang. `lately` is as for `file_system_of`."""
    name, mount = file_system_of(folder, lately=lately)
    return _FileSystem(name, reports_changes=tells_of_changes(mount))
