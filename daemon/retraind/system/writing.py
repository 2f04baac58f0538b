"""Writing new files piece by piece, on local disks and through helper processes."""

import contextlib
import os
from pathlib import Path
from typing import BinaryIO, Protocol

from retraind.system.reading import READ_SIZE, naming, status_of_open
from retraind.system.remote.helper import Helper
from retraind.system.remote.verbs import asked_for, where


class Writer(Protocol):
    """A new file that is written piece by piece."""

    def write(self, piece: bytes) -> None:
        """Write the next bytes. Raises OSError."""

    def finish(self, like: BinaryIO | None = None) -> None:
        """Make the bytes durable, and close the file; with `like`, it gets its times and rights, if allowed.

        Raises OSError: some file systems say only when it is closed that the bytes do not fit.
        """

    def close(self) -> None:
        """Close it, finished or not."""


class _LocalWriter:
    def __init__(self, path: Path, mode: int) -> None:
        self._path = path
        self._file = os.fdopen(create_here(path, mode), "wb")

    def write(self, piece: bytes) -> None:
        with naming(self._path):
            self._file.write(piece)

    def finish(self, like: BinaryIO | None = None) -> None:
        with naming(self._path):
            self._file.flush()
            finish_here(self._file.fileno(), status_of_open(like) if like is not None else None)
            self._file.close()

    def close(self) -> None:
        with contextlib.suppress(OSError):  # What was not finished does not count.
            self._file.close()


class _FarWriter:
    def __init__(self, helper: Helper, there: Path, path: Path, mode: int) -> None:
        self._path = path
        self._helper = helper
        self._handle = helper.keep("create_here", {"path": there, "mode": mode})
        self._open = True
        self._waiting: list[bytes] = []
        self._size = 0

    def write(self, piece: bytes) -> None:
        self._waiting.append(piece)
        self._size += len(piece)
        if self._size >= READ_SIZE:
            self._flush()

    def _flush(self) -> None:
        content, self._waiting, self._size = b"".join(self._waiting), [], 0
        with naming(self._path), asked_for(self._path):
            self._helper.call("write_here", {"handle": self._handle, "content": content}, kind="sync")

    def finish(self, like: BinaryIO | None = None) -> None:
        self._flush()
        status = status_of_open(like) if like is not None else None
        with naming(self._path), asked_for(self._path):
            self._helper.call("finish_here", {"handle": self._handle, "like": status}, kind="sync")
            self._helper.call("close_here", {"handle": self._handle}, kind="sync")
        self._helper.closed(self._handle)
        self._open = False

    def close(self) -> None:
        if self._open:
            self._open = False
            self._helper.release(self._handle)


def create(path: Path, mode: int) -> Writer:
    """Create a file under a free name, to write it piece by piece. Raises OSError."""
    helper, there = where(path)
    if helper is None:
        return _LocalWriter(there, mode)
    with asked_for(path):
        return _FarWriter(helper, there, path, mode)


def create_here(path: Path, mode: int) -> int:
    """Create a file under a free name; returns its handle. Raises OSError."""
    return os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC, mode)


def finish_here(handle: int, like: os.stat_result | None) -> None:
    """Make the bytes of an open file durable, and give it times and rights like another's. Raises OSError.

    The copy belongs to the service's user. With the rights to execute it, and to do so as its owner,
    somebody's file would become a program that anybody can run with the service's rights.
    """
    if like is not None:
        # By handle: the name may lead to another file now.
        with contextlib.suppress(OSError):
            os.fchmod(handle, like.st_mode & 0o666)
        with contextlib.suppress(OSError):
            os.utime(handle, ns=(like.st_atime_ns, like.st_mtime_ns))
    os.fsync(handle)
