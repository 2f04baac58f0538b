"""What job folders know better than the journal, read model by model before anything is taken in for it.

A model whose folders take long, because somebody has put thousands of others among them, delays itself alone.
"""

import threading
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from pathlib import Path

from sqlalchemy.exc import SQLAlchemyError

from retraind.config.patterns import canonical
from retraind.config.settings import Settings
from retraind.domain.failures import Stopped
from retraind.domain.problems import Problem, file_problem, problem
from retraind.reconcile.folders import Folder
from retraind.reconcile.lanes import Lanes, report_journal
from retraind.reconcile.work_queue import WorkQueue
from retraind.store.copies.job_folders import Names, Place, places_of
from retraind.store.copies.recovery import Rebuilt, Recovery
from retraind.store.copies.sidecar import JobFiles
from retraind.store.journal import Journal
from retraind.system import log
from retraind.system.clock import Clock

_LOG = log.get(__name__)

_AGAIN = 15.0
"""Seconds until places that could not be read are tried again."""
_AFTER_FAILURE = 5.0
"""Seconds until they are tried again after the journal failed, or an internal error."""
_QUIET = 3.0
"""Seconds without an adopted job after which it is reported how many there were."""


class Recoverer:
    """Reads the places of each model on the lane of its share, once the share has answered."""

    def __init__(
        self,
        journal: Journal,
        lanes: Lanes,
        queue: WorkQueue,
        *,
        clock: Clock,
        stopping: threading.Event,
        found: Callable[[Rebuilt], None],
    ) -> None:
        """`found` is called with what was found in each place, on any thread."""
        self._journal = journal
        self._lanes = lanes
        self._queue = queue
        self._clock = clock
        self._stopping = stopping
        self._found = found
        self._recovery: Recovery | None = None
        self._left: dict[str, Sequence[Place]] = {}
        """By model, its places if any of them has still to be read; first those that decide most."""
        self._late: dict[Path, Place] = {}
        """Places outside of drop folders that could not be read yet. No model waits for them."""
        self._read: set[Path] = set()
        self._reading: dict[Path, threading.Lock] = {}
        """Several models may file in one place."""
        self._lock = threading.Lock()
        self._adopted = 0
        self._adopted_at = 0.0
        self.progress = 0
        """Grows while job folders are read."""

    def begin(self, settings: Settings) -> None:
        """Take note of what is to be read for these settings; what was read before is not read again.

        Raises OSError and SQLAlchemyError.
        """
        self._recovery = Recovery(settings, self._journal, JobFiles.beside(settings.state.journal_file))
        left: dict[str, list[Place]] = {}
        for place in places_of(settings.models):
            if place.folder not in self._read:
                for name in place.models:
                    left.setdefault(name, []).append(place)
        with self._lock:
            self._left = {**left}
            self._late = {folder: place for folder, place in self._late.items() if folder not in self._read}

    def has_read(self, folder: Folder) -> bool:
        """Return whether all places of a model have been read.

        Otherwise they are read once its drop folder is known to be the right one, and a pass follows.
        """
        if self.is_known(folder.name):
            return True
        if folder.reachable and not folder.view.trouble:
            if self._has_none(folder):
                return True
            lane = self._lanes.share(folder.file_system)
            lane.submit(f"recover {folder.name}", partial(self._recover, folder))
        return False

    def is_known(self, name: str) -> bool:
        """Return whether all places of a model have been read."""
        with self._lock:
            return name not in self._left

    def all_known(self, folders: Sequence[Folder]) -> bool:
        """Return whether nothing is left to read of what can be read now."""
        return all(self.is_known(folder.name) or folder.trouble for folder in folders if folder.reachable)

    def _recover(self, folder: Folder) -> None:
        name, trouble = folder.name, None
        with self._lock:
            places = self._left.get(name, ())
        try:
            for place, names in zip(places, self._names(places), strict=True):
                inside = place.folder.is_relative_to(folder.model.drop)
                try:
                    self._read_once(place, names)
                except OSError as error:
                    why = problem("job_folders_unreadable", why=file_problem(error, place.folder))
                    if inside:
                        trouble = trouble or why
                    elif place.folder not in self._late:
                        _LOG.warning("job_folders_unreadable", folder=str(place.folder), reason=why)
                        self._late[place.folder] = place
        except Stopped:
            return
        except Exception:
            self._queue.ask(name, _AFTER_FAILURE)
            raise
        self._note(folder, places, trouble)

    def _has_none(self, folder: Folder) -> bool:
        """Take note of a model's places as read where the last scan of its drop folder has seen none of them.

        Of a thousand models most have no job folders. Nobody but retraind makes any.
        """
        root = folder.drop_folder.root
        with self._lock:
            places = self._left.get(folder.name, ())
            if folder.unread or root is None or root.page is None or not places:
                return False
            # There are file systems to which names are the same that differ in case.
            there = set(map(canonical, root.page.names))
            for drop, below in (place.way for place in places):
                if drop != folder.model.drop or not below[:1] or not below[0].isascii():
                    return False
                if canonical(below[0]) in there:
                    return False
            self._read.update(place.folder for place in places)
            self.progress += 1
            del self._left[folder.name]
        return True

    def _note(self, folder: Folder, places: Sequence[Place], trouble: Problem | None) -> None:
        before, folder.unread = folder.unread, trouble
        if trouble is not None:
            if not trouble.is_same(before):
                _LOG.error("job_folders_unreadable", model=folder.name, reason=trouble)
            self._queue.ask(folder.name, _AGAIN)
            return
        with self._lock:
            if self._left.get(folder.name) is places:  # Otherwise a reload has changed it.
                del self._left[folder.name]
        self._queue.ask(folder.name)

    def _names(self, places: Sequence[Place]) -> list[Names | OSError]:
        assert self._recovery is not None, "it has begun"
        return self._recovery.names(places)

    def _read_once(self, place: Place, names: Names | OSError | None = None) -> None:
        """Read a place unless it was read; `names` are those in it. Raises OSError, and Stopped."""
        with self._lock:
            reading = self._reading.setdefault(place.folder, threading.Lock())
        with reading:
            if place.folder in self._read:
                return
            assert self._recovery is not None, "it has begun"
            found = self._recovery.read(place, self._pause, names)
            self._read.add(place.folder)
            self.progress += 1
        with self._lock:
            self._adopted += len(found.adopted)
            self._adopted_at = self._clock.elapsed() if found.adopted else self._adopted_at
        self._found(found)

    def _pause(self) -> None:
        self.progress += 1
        if self._stopping.is_set():
            raise Stopped

    def read_late(self) -> None:
        """Read places elsewhere that could not be read, such as an archive whose share was away."""
        late: Mapping[Path, Place] = {**self._late}
        for folder, place in late.items():
            try:
                self._read_once(place)
            except OSError:
                continue  # It was reported when it was found.
            except Stopped:
                return
            self._late.pop(folder, None)
            for name in place.models:
                self._queue.ask(name)

    def report(self, *, end: bool = False) -> None:
        """Record how many jobs were adopted, once no more seem to follow, or at the `end`."""
        with self._lock:
            if not self._adopted or not (end or self._clock.elapsed() - self._adopted_at >= _QUIET):
                return
            count, self._adopted = self._adopted, 0
        try:
            self._journal.events.note("journal_mended", jobs=count)
        except SQLAlchemyError as error:
            report_journal(error)
            with self._lock:
                self._adopted += count
