"""The bundle: the zip the service wants, with the same bytes for the same input, streamed to the spool disk.

Written here rather than by zipfile, which offers no place for another compressor and none for more than one core.
The file is as plain as a zip can be: sizes stand before the data, and Zip64 is used only where 4 GiB may be passed.
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
from retraind.system.files import PRIVATE, make_folder, naming, sync_folder

_LOCAL = struct.Struct("<4sHHHHHLLLHH")
_CENTRAL = struct.Struct("<4sHHHHHHLLLHHHHHLL")
_END = struct.Struct("<4sHHHHLLH")
_END64 = struct.Struct("<4sQHHLLQQQQ")
_LOCATOR64 = struct.Struct("<4sLQL")
_PLAIN, _ZIP64 = 20, 45
"""The version of the format that a reader has to know."""
_UNIX = 3
_DEFLATE = 8
_UTF8 = 0x800
_EPOCH = (1 << 5) | 1
"""The earliest date a zip can tell, 1980-01-01; a real one would make equal inputs into different bundles."""
_MODE = 0o100644 << 16
_FULL = 0xFFFFFFFF
"""Stands where the number is in the Zip64 field."""
_MANY = 0xFFFF

_AHEAD = 2
"""Pieces in flight for each core; with fewer the cores wait for what is being read and written."""
_STRETCH = 8 << 20
"""Bytes that are written before the disk is put to work, so that little is left for it at the end, and before it is
asked again how much room it has."""

_UNSAFE = re.compile(r"[\x00-\x1f\x7f\\]")


def entry_name(folder: str, name: str) -> str:
    """Return what a file is called inside the bundle.

    A backslash, which Linux allows in names, would lead into another folder where the bundle is unpacked on Windows.
    """
    return f"{folder}/{_UNSAFE.sub('_', name)}"


class SizeChanged(Exception):
    """A file did not have as many bytes as was said."""


@dataclass(frozen=True)
class Member:
    """A file to put into the bundle."""

    name: str
    """Its path inside the zip."""
    size: int
    """Bytes; decides whether the entry needs Zip64."""
    open: Callable[[], BinaryIO]
    """Its reads may raise to end the work."""
    prefix: bytes = b""
    """Put before its bytes."""


@dataclass(frozen=True)
class Bundle:
    """A finished bundle."""

    path: Path
    bytes: int


@dataclass(slots=True)
class _Entry:
    name: bytes
    flags: int
    limit: int
    """Bytes that were announced."""
    zip64: bool
    offset: int = -1
    """Where it begins in the zip; -1 until it has."""
    given: int = 0
    """Bytes that were added; below, what of them is written."""
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
        """Return the line in the directory at the end."""
        numbers = (self.size, self.squeezed, self.offset)
        wide = [number for number in numbers if number >= _FULL]
        extra = struct.pack(f"<HH{len(wide)}Q", 1, 8 * len(wide), *wide) if wide else b""
        size, squeezed, offset = (min(number, _FULL) for number in numbers)
        version = _ZIP64 if wide or self.zip64 else _PLAIN
        head = (b"PK\1\2", _UNIX << 8 | version, version, self.flags, _DEFLATE, 0, _EPOCH, self.crc)
        rest = (squeezed, size, len(self.name), len(extra), 0, 0, 0, _MODE, offset)
        return _CENTRAL.pack(*head, *rest) + self.name + extra


def _directory(entries: Sequence[_Entry], offset: int) -> bytes:
    """Return all that stands behind the last member, which ends at `offset`."""
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
    """Remove the bundle `target`, whole or unfinished, if there is one."""
    target.unlink(missing_ok=True)
    _unfinished(target).unlink(missing_ok=True)


class Archive:
    """A zip in the making, for one thread to fill; the compressing is spread over the cores. A context manager.

    For each member `begin`, `add` as often as it takes, `end`; at last `finish`, before which the name `target` does not
    appear. What there was under it is replaced. All raise OSError. Left early, nothing of it stays.
    """

    def __init__(self, target: Path, compressor: Compressor, keep_free: int = 0) -> None:
        """Leave `keep_free` bytes of the disk to others: OSError (ENOSPC) before they are touched."""
        self._target = target
        self._keep_free = keep_free
        self._compressor = compressor
        self._entries: list[_Entry] = []
        self._offset = 0
        self._before = b""
        self._waiting: deque[tuple[_Entry, Future[tuple[bytes, int, int]] | None]] = deque()
        """Pieces in the order in which they are to be written, each member's followed by None."""
        self._room = 0
        """Where the zip may end without asking the disk again."""
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
        """Begin a member of `size` bytes, before which `prefix` is put."""
        limit = size + len(prefix)
        flags = 0 if name.isascii() else _UTF8
        zip64 = deflate.longest(limit) >= _FULL
        self._entries.append(_Entry(name.encode(), flags=flags, limit=limit, zip64=zip64))
        self._before = b""
        if prefix:
            self.add(prefix)

    def add(self, piece: bytes) -> None:
        """Add the next bytes of the member; returns when few enough are waiting to be compressed."""
        entry = self._entries[-1]
        entry.given += len(piece)
        if entry.given > entry.limit:
            raise SizeChanged
        self._waiting.append((entry, self._pool.submit(self._squeeze, piece, self._before)))
        self._before = piece[-deflate.WINDOW :]
        # Not all that is ready, lest the cores run out of work while this thread writes.
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
        # It is not waited for what is still being compressed: the next member may keep the cores busy.
        self._waiting.append((entry, None))

    def finish(self) -> Bundle:
        """Complete the zip: synced, and under its name."""
        while self._waiting:
            self._write_next()
        self._write(_directory(self._entries, self._offset))
        with naming(self._target):
            if self._syncing is not None:
                self._syncing.result()
            os.fsync(self._handle)
        _unfinished(self._target).replace(self._target)
        sync_folder(self._target.parent)
        return Bundle(self._target, self._offset)

    def _write_next(self) -> None:
        """Write what was added first of all that waits: a piece, or the end of a member."""
        entry, squeezing = self._waiting.popleft()
        if entry.offset < 0:
            entry.offset = self._offset
            # Written again once its numbers are known.
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
        """Return what a piece is compressed to, its CRC, and how long it was."""
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
        """See how far the zip may grow before it is asked again; it has to be `size` bytes at least."""
        with naming(self._target):
            disk = os.fstatvfs(self._handle)
        room = disk.f_bavail * disk.f_frsize - self._keep_free
        # Where nothing is kept free, the disk itself says when it is full.
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
    """Yield the bytes of a stream in pieces of `size`, but for the last, however little each read may give."""
    while piece := stream.read(size):
        while len(piece) < size and (more := stream.read(size - len(piece))):
            piece += more
        yield piece


def build(
    target: Path,
    members: Sequence[Member],
    compressor: Compressor,
    keep_free: int = 0,
) -> tuple[Bundle, tuple[str, ...]]:
    """Write the zip `target` (replacing what is there); returns it with the SHA-256 of the members' own bytes.

    Raises OSError, SizeChanged when a file is not as long as was said, and what its reads raise.
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
