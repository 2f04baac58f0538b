"""Hints that a drop folder changed, from watchdog's inotify reader. A hint says "scan now" and nothing else.

watchdog's observers start a thread for each scheduled path; its reader underneath (InotifyFD) serves any
number of folders with one thread, so it is used directly. Folders that cannot be watched are left to the
sweep.
"""

import errno
import itertools
import os
import threading
from collections.abc import Callable, Iterable
from pathlib import Path

from watchdog.observers.inotify_c import (
    CallbackId,
    InotifyConstants,
    InotifyEvent,
    InotifyFD,
    Mask,
    WatchDescriptor,
)

from retraind.domain.problems import problem
from retraind.system import log
from retraind.system.files import held
from retraind.system.remote.verbs import is_far

_LOG = log.get(__name__)

_CHANGES = Mask(
    InotifyConstants.IN_CREATE
    | InotifyConstants.IN_CLOSE_WRITE
    | InotifyConstants.IN_MOVED_FROM
    | InotifyConstants.IN_MOVED_TO
    | InotifyConstants.IN_DELETE
    | InotifyConstants.IN_MOVE_SELF
    | InotifyConstants.IN_ONLYDIR
)
"""Not IN_MODIFY: a scan at every write of a growing file would find nothing out."""
_NUMBERS = itertools.count()
"""Of the callbacks."""


class _Folders:
    """The folders of one model: keeps them watched and receives their events."""

    def __init__(
        self,
        model: str,
        folders: Iterable[Path],
        hint: Callable[[], None],
        reader: InotifyFD,
        partial: set["_Folders"],
    ) -> None:
        """`partial` has this in it as long as some of the folders are not watched."""
        self.model = model
        self._folders = tuple(dict.fromkeys(folders))
        self._hint = hint
        self._reader = reader
        self._partial = partial
        # One that has just taken another's name is for a moment known under both.
        self._numbers = {folder: CallbackId(next(_NUMBERS)) for folder in self._folders}
        self._watched: dict[Path, WatchDescriptor] = {}
        self._reported: set[Path] = set()
        self._ended = False
        self._lock = threading.Lock()

    def complete(self) -> tuple[bool, bool]:
        """Watch folders that are not watched yet; returns whether all are now, and whether some are new."""
        added = False
        with self._lock:
            for folder in self._folders if not self._ended else ():
                if folder not in self._watched and (wd := self._add(folder)) is not None:
                    self._watched[folder] = wd
                    added = True
            all_watched = len(self._watched) == len(self._folders)
            if all_watched or self._ended:
                self._partial.discard(self)
            else:
                self._partial.add(self)
            return all_watched, added

    def _add(self, folder: Path) -> WatchDescriptor | None:
        try:
            # Pinned: whoever can write in the drop folder could otherwise have anything watched, by a link.
            drop = self._folders[0]
            with held(drop, *(() if folder is drop else folder.relative_to(drop).parts)) as pinned:
                if is_far(pinned):
                    return None  # Something else is mounted there, and inotify has nothing to say of it.
                wd = self._reader.add_callback(os.fsencode(pinned), _CHANGES, self, self._numbers[folder])
            if wd < 0:
                # watchdog ignores EACCES and continues with a watch that the kernel does not know.
                self._reader.remove_callbacks([(wd, self._numbers[folder])])
                raise PermissionError(errno.EACCES, os.strerror(errno.EACCES))
        except FileNotFoundError:
            return None
        except OSError as error:
            if folder not in self._reported:
                self._reported.add(folder)
                limit = error.errno in {errno.ENOSPC, errno.ENOMEM}
                why = problem(
                    "folder_not_watched", path=folder, reason=error.strerror or str(error), limit=limit
                )
                _LOG.warning("folder_not_watched", model=self.model, folder=str(folder), reason=why)
            return None
        self._reported.discard(folder)
        return wd

    def end(self, *, remove: bool) -> None:
        """Give no more hints; with `remove`, end the kernel's watches as well."""
        with self._lock:
            self._ended = True
            self._partial.discard(self)
            if remove:
                self._reader.remove_callbacks(
                    [(wd, self._numbers[folder]) for folder, wd in self._watched.items()]
                )
            self._watched.clear()

    def _lost(self, wd: WatchDescriptor) -> None:
        with self._lock:
            for folder in [folder for folder, known in self._watched.items() if known == wd]:
                del self._watched[folder]
                self._partial.add(self)
                self._reader.remove_callbacks([(wd, self._numbers[folder])])

    def on_event(self, event: InotifyEvent) -> None:
        # retraind's own writes would otherwise lead to endless scans.
        if self._ended or event.name == b"STATUS.txt" or event.name.startswith(b"."):
            return
        if event.is_move_self:
            self._lost(event.wd)
        if event.is_directory:
            self.complete()
        self._hint()

    def on_watch_deleted(self, wd: WatchDescriptor) -> None:
        if not self._ended:
            self._lost(wd)
            self.complete()
            self._hint()

    def on_queue_overflow(self) -> None:
        if not self._ended:
            self._hint()


class Watcher:
    """Watches folders with inotify. Start it, add folders, stop it; `stop` joins its only thread."""

    def __init__(self) -> None:
        self._reader: InotifyFD | None = None
        self._models: dict[str, _Folders] = {}
        self._partial: set[_Folders] = set()
        self._lock = threading.Lock()

    def start(self) -> bool:
        """Begin; returns False where the machine has no inotify instance left, and only sweeps find files."""
        try:
            self._reader = InotifyFD()
        except OSError as error:
            why = problem("inotify_unavailable", reason=error.strerror or str(error))
            _LOG.warning("inotify_unavailable", reason=why)
            return False
        self._reader.start()
        return True

    def watch(
        self, model: str, folders: Iterable[Path], hint: Callable[[], None], *, now: bool = True
    ) -> bool:
        """Call `hint` from now on when something in `folders` changes; returns whether all could be watched.

        A folder that is not there yet is watched once it is: after an event of the folder around it, or by
        `complete`. With `now` False, all of them are left to `complete`.
        """
        self.forget(model)
        with self._lock:
            if self._reader is None:
                return False
            watched = self._models[model] = _Folders(model, folders, hint, self._reader, self._partial)
            if not now:
                self._partial.add(watched)
                return False
        return watched.complete()[0]

    def complete(self, may: Callable[[str], bool] = lambda _: True) -> None:
        """Watch what could not be watched before: folders that are new, or back. Cheap, for each sweep.

        `may` returns whether the folders of a model may be touched.
        """
        for watched in self._partial.copy():
            if may(watched.model) and watched.complete()[1]:
                watched.on_queue_overflow()  # Something may have arrived in it already.

    def forget(self, model: str) -> None:
        """Stop watching a model's folders."""
        with self._lock:
            watched = self._models.pop(model, None)
        if watched is not None:
            watched.end(remove=True)

    def stop(self) -> None:
        """End all watching and join the thread. No more hints are given once this was called."""
        with self._lock:
            reader, self._reader = self._reader, None
            models, self._models = self._models, {}
        for watched in models.values():
            watched.end(remove=False)
        if reader is not None:
            reader.stop()
            reader.join()
