"""Hints that a drop folder changed, from watchdog's inotify reader. A hint says "look now" and nothing else.

watchdog's observers start a thread for each scheduled path; its reader underneath (InotifyFD) serves any number
of folders with one thread, so it is used directly. Folders that cannot be watched are left to the sweep.
"""

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

from retraind import log

_LOG = log.get(__name__)

_CHANGES = Mask(
    InotifyConstants.IN_CREATE
    | InotifyConstants.IN_CLOSE_WRITE
    | InotifyConstants.IN_MODIFY
    | InotifyConstants.IN_MOVED_FROM
    | InotifyConstants.IN_MOVED_TO
    | InotifyConstants.IN_DELETE
    | InotifyConstants.IN_ONLYDIR
)


class _Folder:
    """Receives the events of one model's folders."""

    def __init__(self, hint: Callable[[], None]) -> None:
        self._hint = hint

    def on_event(self, event: InotifyEvent) -> None:
        # retraind's own writes would otherwise call for looks without end.
        if event.name != b"STATUS.txt" and not event.name.startswith(b"."):
            self._hint()

    def on_watch_deleted(self, wd: WatchDescriptor) -> None:
        del wd
        self._hint()

    def on_queue_overflow(self) -> None:
        self._hint()


class Watcher:
    """Watches folders with inotify. Start it, add folders, stop it; `stop` joins its only thread."""

    def __init__(self) -> None:
        self._reader: InotifyFD | None = None
        self._watches: dict[str, list[tuple[WatchDescriptor, CallbackId]]] = {}
        self._lock = threading.Lock()

    def start(self) -> bool:
        """Begin; returns False where the machine has no inotify instance left, and the sweep has to do alone."""
        try:
            self._reader = InotifyFD()
        except OSError as error:
            _LOG.warning(
                "inotify_unavailable", reason=error.strerror, remedy="the sweep alone finds new files"
            )
            return False
        self._reader.start()
        return True

    def watch(self, model: str, folders: Iterable[Path], hint: Callable[[], None]) -> bool:
        """Call `hint` from now on when something in `folders` changes; returns whether all could be watched."""
        if self._reader is None:
            return False
        receiver = _Folder(hint)
        complete = True
        with self._lock:
            watches = self._watches.setdefault(model, [])
            for folder in folders:
                number = CallbackId(id(receiver))
                try:
                    watches.append(
                        (self._reader.add_callback(os.fsencode(folder), _CHANGES, receiver, number), number)
                    )
                except FileNotFoundError:
                    complete = False
                except OSError as error:
                    complete = False
                    _LOG.warning(
                        "folder_not_watched", model=model, folder=str(folder), reason=error.strerror,
                        remedy="the sweep finds new files; raise fs.inotify.max_user_watches for faster pick-up",
                    )  # fmt: skip
        return complete

    def forget(self, model: str) -> None:
        """Stop watching a model's folders."""
        with self._lock:
            watches = self._watches.pop(model, [])
        if self._reader is not None:
            self._reader.remove_callbacks(watches)

    def stop(self) -> None:
        """End all watching and join the thread."""
        reader, self._reader = self._reader, None
        if reader is not None:
            reader.stop()
            reader.join()
