"""The bundle: the zip that the service requires, the same bytes for the same input, streamed to the spool.

Written here, because zipfile can use neither another compressor nor more than one core. The file is as plain
as a zip can be: sizes are before the data, and Zip64 is used only where 4 GiB may be exceeded.
"""

import errno
import hashlib
import os
import re
import struct
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import BinaryIO, Self

from retraind.bundle import deflate
from retraind.bundle.deflate import Compressor
from retraind.system.files import PRIVATE, make_folder, sync_folder
from retraind.system.reading import naming

_LOCAL = struct.Struct("<4sHHHHHLLLHH")
_CENTRAL = struct.Struct("<4sHHHHHHLLLHHHHHLL")
_END = struct.Struct("<4sHHHHLLH")
_END64 = struct.Struct("<4sQHHLLQQQQ")
_LOCATOR64 = struct.Struct("<4sLQL")
_PLAIN, _ZIP64 = 20, 45
"""The version of the format that a reader needs."""
_UNIX = 3
_DEFLATE = 8
_UTF8 = 0x800
_EPOCH = (1 << 5) | 1
"""The earliest date of a zip, 1980-01-01; real dates would make different bundles of equal inputs."""
_MODE = 0o100644 << 16
_FULL = 0xFFFFFFFF
"""Means that the number is in the Zip64 field."""
_MANY = 0xFFFF

_AHEAD = 2
"""Pieces in work for each core; with fewer, the cores wait for reads and writes."""
_STRETCH = 8 << 20
"""Bytes after which what was written is synced, so that little is left to sync at the end, and after which
the free space is checked again."""

_UNSAFE = re.compile(r"[\x00-\x1f\x7f\\]")


def entry_name(folder: str, name: str) -> str:
    """Return a file's name inside the bundle.

    A backslash, which Linux allows in names, would lead to another folder when the bundle is unpacked on
    Windows.
    """
    return f"{folder}/{_UNSAFE.sub('_', name)}"


class SizeChanged(Exception):
    """A file does not have the announced number of bytes."""


@dataclass(frozen=True)
class Member:
    """A file to put into the bundle."""

    name: str
    """Its path inside the zip."""
    size: int
    """Bytes; decides whether the entry needs Zip64."""
    open: Callable[[], BinaryIO]
    """Opens the file; its reads may raise to abort the work."""
    prefix: bytes = b""
    """Bytes before those of the file."""


@dataclass(slots=True)
class _Entry:
    name: bytes
    flags: int
    limit: int
    """Bytes that were announced."""
    zip64: bool
    offset: int = -1
    """Where it begins in the zip; -1 until it does."""
    given: int = 0
    """Bytes that were added; those below are of what is written."""
    crc: int = 0
    size: int = 0
    squeezed: int = 0

    def local(self) -> bytes:
        """Return the header before the data."""
        extra = struct.pack("<HHQQ", 1, 16, self.size, self.squeezed) if self.zip64 else b""
        sizes = (_FULL, _FULL) if self.zip64 else (self.squeezed, self.size)
        version = _ZIP64 if self.zip64 else _PLAIN
        return (
            _LOCAL.pack(
                b"PK\3\4",
                version,
                self.flags,
                _DEFLATE,
                0,
                _EPOCH,
                self.crc,
                *sizes,
                len(self.name),
                len(extra),
            )
            + self.name
            + extra
        )

    def central(self) -> bytes:
        """Return the entry in the directory at the end."""
        numbers = (self.size, self.squeezed, self.offset)
        wide = [number for number in numbers if number >= _FULL]
        extra = struct.pack(f"<HH{len(wide)}Q", 1, 8 * len(wide), *wide) if wide else b""
        size, squeezed, offset = (min(number, _FULL) for number in numbers)
        version = _ZIP64 if wide or self.zip64 else _PLAIN
        head = (b"PK\1\2", _UNIX << 8 | version, version, self.flags, _DEFLATE, 0, _EPOCH, self.crc)
        rest = (squeezed, size, len(self.name), len(extra), 0, 0, 0, _MODE, offset)
        return _CENTRAL.pack(*head, *rest) + self.name + extra


def _directory(entries: Sequence[_Entry], offset: int) -> bytes:
    """Return what follows the last member, which ends at `offset`."""
    lines = b"".join(entry.central() for entry in entries)
    count = len(entries)
    wide = b""
    if offset >= _FULL or len(lines) >= _FULL or count >= _MANY:
        wide = _END64.pack(
            b"PK\6\6", _END64.size - 12, _UNIX << 8 | _ZIP64, _ZIP64, 0, 0, count, count, len(lines), offset
        ) + _LOCATOR64.pack(b"PK\6\7", 0, offset + len(lines), 1)
    counts = (min(count, _MANY),) * 2
    return lines + wide + _END.pack(b"PK\5\6", 0, 0, *counts, min(len(lines), _FULL), min(offset, _FULL), 0)


def _unfinished(target: Path) -> Path:
    return target.with_name(f".{target.name}.part")


def discard(target: Path) -> None:
    """Remove the bundle `target`, complete or unfinished, if there is one."""
    target.unlink(missing_ok=True)
    _unfinished(target).unlink(missing_ok=True)


class Archive:
    """A zip that one thread fills; all cores compress. A context manager.

    For each member call `begin`, `add` as often as needed, and `end`; at last `finish`. Only then does the
    name `target` appear; a file there is replaced. All raise OSError. If the block is left early, nothing
    stays.
    """

    def __init__(self, target: Path, compressor: Compressor, keep_free: int = 0) -> None:
        """Leave `keep_free` bytes of the disk free: OSError (ENOSPC) before they are used."""
        self._target = target
        self._keep_free = keep_free
        self._compressor = compressor
        self._entries: list[_Entry] = []
        self._offset = 0
        self._before = b""
        self._waiting: deque[tuple[_Entry, Future[tuple[bytes, int, int]] | None]] = deque()
        """Pieces in the order of writing; None after the last one of a member."""
        self._room = 0
        """How far the zip can grow before the free space is checked again."""
        self._synced = 0
        self._syncing: Future[None] | None = None
        self._cores = deflate.cores()

    def __enter__(self) -> Self:
        make_folder(self._target.parent, PRIVATE)
        flags = os.O_RDWR | os.O_CREAT | os.O_TRUNC | os.O_NOFOLLOW | os.O_CLOEXEC
        self._handle = os.open(_unfinished(self._target), flags, 0o600)
        try:
            self._ask_for_room(0)
        except OSError:
            os.close(self._handle)
            _unfinished(self._target).unlink(missing_ok=True)
            raise
        self._pool = ThreadPoolExecutor(self._cores, thread_name_prefix="bundle")
        self._disk = ThreadPoolExecutor(1, thread_name_prefix="bundle-disk")
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._pool.shutdown(cancel_futures=True)
        self._disk.shutdown(cancel_futures=True)
        with suppress(OSError):
            _unfinished(self._target).unlink(missing_ok=True)
        with naming(self._target):
            os.close(self._handle)

    def begin(self, name: str, size: int, prefix: bytes = b"") -> None:
        """Begin a member of `size` bytes, after `prefix`."""
        limit = size + len(prefix)
        flags = 0 if name.isascii() else _UTF8
        zip64 = deflate.longest(limit) >= _FULL
        self._entries.append(_Entry(name.encode(), flags=flags, limit=limit, zip64=zip64))
        self._before = b""
        if prefix:
            self.add(prefix)

    def add(self, piece: bytes) -> None:
        """Add the next bytes of the member; waits while too many wait to be compressed."""
        entry = self._entries[-1]
        entry.given += len(piece)
        if entry.given > entry.limit:
            raise SizeChanged
        self._waiting.append((entry, self._pool.submit(self._squeeze, piece, self._before)))
        self._before = piece[-deflate.WINDOW :]
        # Not all that is ready: the cores would run out of work while this thread writes.
        _, first = self._waiting[0]
        if first is None or first.done():
            self._write_next()
        while len(self._waiting) > _AHEAD * self._cores:
            self._write_next()

    def end(self) -> None:
        """End the member. Raises SizeChanged when not all its bytes were added."""
        entry = self._entries[-1]
        if entry.given != entry.limit:
            raise SizeChanged
        # What is still being compressed is not waited for: the next member keeps the cores busy.
        self._waiting.append((entry, None))

    def finish(self) -> int:
        """Complete the zip: sync it and give it its name; returns its bytes."""
        while self._waiting:
            self._write_next()
        self._write(_directory(self._entries, self._offset))
        with naming(self._target):
            if self._syncing is not None:
                self._syncing.result()
            os.fsync(self._handle)
        _unfinished(self._target).replace(self._target)
        sync_folder(self._target.parent)
        return self._offset

    def _write_next(self) -> None:
        """Write what waits longest: a piece, or the end of a member."""
        entry, squeezing = self._waiting.popleft()
        if entry.offset < 0:
            entry.offset = self._offset
            # It is written again once its numbers are known.
            self._write(entry.local())
        if squeezing is None:
            self._write(deflate.END)
            entry.squeezed += len(deflate.END)
            with naming(self._target):
                _write_at(self._handle, entry.local(), entry.offset)
            return
        squeezed, crc, size = squeezing.result()
        self._write(squeezed)
        entry.squeezed += len(squeezed)
        entry.crc = self._compressor.joined_checksum(entry.crc, crc, size)
        entry.size += size

    def _squeeze(self, piece: bytes, before: bytes) -> tuple[bytes, int, int]:
        """Return a piece compressed, its CRC and its length."""
        return self._compressor.squeeze(piece, before), self._compressor.checksum(piece), len(piece)

    def _write(self, data: bytes) -> None:
        if self._offset + len(data) > self._room:
            self._ask_for_room(len(data))
        with naming(self._target):
            _write_at(self._handle, data, self._offset)
        self._offset += len(data)
        if self._offset - self._synced >= _STRETCH and (self._syncing is None or self._syncing.done()):
            if self._syncing is not None:
                with naming(self._target):
                    self._syncing.result()
            self._synced = self._offset
            self._syncing = self._disk.submit(os.fdatasync, self._handle)

    def _ask_for_room(self, size: int) -> None:
        """Check how far the zip can grow until the next check; at least `size` bytes are needed."""
        with naming(self._target):
            disk = os.fstatvfs(self._handle)
        room = disk.f_bavail * disk.f_frsize - self._keep_free
        # Where nothing is kept free, writing fails when the disk is full.
        if room < size and self._keep_free:
            raise OSError(
                errno.ENOSPC,
                f"fewer than {self._keep_free:,} bytes would be left, which are kept free for the journal",
                str(self._target.parent),
            )
        self._room = self._offset + max(size, min(room, _STRETCH))


def _write_at(handle: int, data: bytes, offset: int) -> None:
    left = memoryview(data)
    while left:
        written = os.pwrite(handle, left, offset)
        left, offset = left[written:], offset + written


def pieces(stream: BinaryIO, size: int) -> Iterator[bytes]:
    """Yield the bytes of a stream in pieces of `size`, except the last, however little each read returns."""
    while piece := stream.read(size):
        while len(piece) < size and (more := stream.read(size - len(piece))):
            piece += more
        yield piece


def build(
    target: Path, members: Sequence[Member], compressor: Compressor, keep_free: int = 0
) -> tuple[int, tuple[str, ...]]:
    """Write the zip `target`, replacing what is there; returns its bytes, and the SHA-256 of each file.

    Raises OSError, SizeChanged when a file does not have the announced size, and what its reads raise.
    """
    hashes = []
    with Archive(target, compressor, keep_free) as archive:
        for member in members:
            digest = hashlib.sha256()
            archive.begin(member.name, member.size, member.prefix)
            with member.open() as stream:
                for piece in pieces(stream, deflate.PIECE):
                    digest.update(piece)
                    archive.add(piece)
            archive.end()
            hashes.append(digest.hexdigest())
        return archive.finish(), tuple(hashes)
