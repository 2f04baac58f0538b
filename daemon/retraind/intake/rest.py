"""Whether a look can be spared: what a folder and its files were like from outside when they were last looked at.

A folder's own times change with every name that comes, goes or is replaced, a file's with its content. They are only
compared with themselves, never with a clock, and count once they have stayed the same for longer than the coarsest
file system's grain: a change right after a look may leave them as they were.
"""

import os
import stat
from collections.abc import Iterable

from retraind.intake.pairing import Sighting
from retraind.job import Signature

GRAIN = 3.0
"""Seconds; file systems tell times to two seconds at the coarsest (FAT)."""
TO_LIST = os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC
"""How a folder is opened to be listed, or only to be asked after."""


Stamp = tuple[int, int, int, int]
"""What changes when the names in a folder do, or when another folder takes its place."""


def stamp_of(status: os.stat_result) -> Stamp:
    """Take a folder's stamp."""
    return status.st_dev, status.st_ino, status.st_mtime_ns, status.st_ctime_ns


def is_same(status: os.stat_result, signature: Signature) -> bool:
    """Tell whether a file is still an ordinary one of one name, and as it was."""
    return (
        status.st_mtime_ns == signature.mtime_ns
        and status.st_size == signature.size
        and status.st_ino == signature.inode
        and status.st_nlink == 1
        and stat.S_ISREG(status.st_mode)
    )


class Stamps:
    """The stamps that the looks at one drop folder found, each with the moment since when it is known."""

    def __init__(self) -> None:
        self._known: dict[str, tuple[Stamp, float]] = {}

    def note(self, found: dict[str, Stamp], began: float, now: float) -> bool:
        """Take note of what a look found, by folder; returns whether all of it was old enough when the look began."""
        before = self._known
        self._known = {
            folder: known if (known := before.get(folder)) is not None and known[0] == stamp else (stamp, now)
            for folder, stamp in found.items()
        }
        return all(began - since >= GRAIN for _, since in self._known.values())


class Rest:
    """A drop folder in which nothing is to be done but to wait for a change, and how it looked."""

    def __init__(
        self, drop: str, stamps: dict[str, Stamp], files: Iterable[Sighting], until: float, *, remote: bool
    ) -> None:
        """`stamps` are those of the drop folder ("") and the folders in it, `files` all that may change in place.

        `until` is when to look again even so (`Clock.elapsed` seconds); `remote` that another machine may change the
        folder, so that it has to be opened: only then do network file systems ask for what is new.
        """
        self.until = until
        self._drop = drop
        self._stamp = stamps[""]
        self._below = [(folder, stamp) for folder, stamp in stamps.items() if folder]
        self._files = [
            (seen.name, (seen.signature.size, seen.signature.mtime_ns, seen.signature.inode, 1))
            for seen in files
        ]
        self._remote = remote

    def lasts(self) -> bool:
        """Tell whether all is as it was. Costs a stat of each folder and file; never raises for what it meets."""
        try:
            if not (self._remote or self._below or self._files):
                return stamp_of(os.stat(self._drop)) == self._stamp  # noqa: PTH116 - of ten thousand folders
            handle = os.open(self._drop, TO_LIST)
            try:
                return (
                    stamp_of(os.fstat(handle)) == self._stamp
                    and all(self._stamp_of(folder, handle) == stamp for folder, stamp in self._below)
                    and self._files_last(handle)
                )
            finally:
                os.close(handle)
        except OSError:
            return False

    def _stamp_of(self, folder: str, drop: int) -> Stamp:
        handle = os.open(folder, TO_LIST | os.O_NOFOLLOW, dir_fd=drop)
        try:
            return stamp_of(os.fstat(handle))
        finally:
            os.close(handle)

    def _files_last(self, drop: int) -> bool:
        for name, expected in self._files:
            status = os.stat(name, dir_fd=drop, follow_symlinks=False)
            if (status.st_size, status.st_mtime_ns, status.st_ino, status.st_nlink) != expected:
                return False
        return True
