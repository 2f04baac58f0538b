"""The compressors: one piece of a DEFLATE stream at a time, so that all cores can work on one file.

A piece is primed with the bytes before it, so that it can refer back to them, and ends on a byte boundary.
Pieces one after the other, and then `END`, are one plain stream, as any other compressor would write it.
"""

import importlib
import os
import zlib
from dataclasses import dataclass
from typing import Any

PIECE = 1 << 20
"""Bytes that are compressed at once. It is the same on every machine, since equal bundles need equal
pieces."""
WINDOW = 32 << 10
"""Bytes that DEFLATE can refer back."""
END = b"\x03\x00"
"""An empty last block."""

_MOST_CORES = 8
"""More would need more memory, and these are already faster than preflight."""
_LONGEST_STORED = 0xFFFF
_STORED_HEAD = 5


@dataclass(frozen=True, slots=True)
class Compressor:
    """A library and its level."""

    module: str
    level: int

    @property
    def _library(self) -> Any:
        return importlib.import_module(self.module)

    def squeeze(self, piece: bytes, before: bytes) -> bytes:
        """Compress a piece that follows `before`, without Python's lock.

        What does not get smaller is stored as it is: `longest` depends on that.
        """
        library = self._library
        options = {"zdict": before[-WINDOW:]} if before else {}
        stream = library.compressobj(self.level, library.DEFLATED, -15, **options)
        squeezed: bytes = stream.compress(piece) + stream.flush(library.Z_SYNC_FLUSH)
        return squeezed if len(squeezed) < len(piece) else _stored(piece)

    def checksum(self, piece: bytes) -> int:
        """Return the CRC-32 of a piece."""
        crc: int = self._library.crc32(piece)
        return crc

    def joined_checksum(self, before: int, crc: int, size: int) -> int:
        """Return the CRC-32 of something and then a piece of `size` bytes, from that of each.

        It lets each core take the checksum of its own piece.
        """
        joined: int = getattr(self._library, "crc32_combine", combined)(before, crc, size)
        return joined


def _available(*choices: Compressor) -> Compressor:
    """Return the first whose library is installed: not every kind of machine has a wheel of each."""
    for choice in choices:
        try:
            importlib.import_module(choice.module)
        except ImportError:
            continue
        return choice
    raise AssertionError("zlib is part of Python")


def cores() -> int:
    """Return how many cores may be used to compress."""
    return min(len(os.sched_getaffinity(0)), _MOST_CORES)


def fast() -> Compressor:
    """Return the compressor for a fast line."""
    return _available(
        Compressor("isal.isal_zlib", 2), Compressor("zlib_ng.zlib_ng", 2), Compressor("zlib", 1)
    )


def small() -> Compressor:
    """Return the compressor for a slow line."""
    return _available(Compressor("zlib_ng.zlib_ng", 4), Compressor("zlib", 5))


_BREAK_EVEN = 2.2e6
"""Bytes per second and core below which a smaller bundle saves more time on the line than it costs.

With the typical table, `small` saves 0.027 of the file's size and costs 1/60 - 1/250 s per MB and core.
"""


def fitting(line_speed: float | None) -> Compressor:
    """Return the compressor that gets a bundle over a line soonest; an unknown line counts as fast."""
    if line_speed is not None and line_speed < _BREAK_EVEN * cores():
        return small()
    return fast()


def longest(size: int) -> int:
    """Return the largest number of bytes that `size` bytes are compressed to."""
    blocks = size // _LONGEST_STORED + size // PIECE + 1
    return size + _STORED_HEAD * blocks + len(END)


def combined(before: int, crc: int, size: int) -> int:
    """Do what `crc32_combine` does, which zlib has from Python 3.15 on: append `size` zeros to `before`."""
    return zlib.crc32(bytes(size), before ^ 0xFFFFFFFF) ^ 0xFFFFFFFF ^ crc


def _stored(piece: bytes) -> bytes:
    parts = []
    for start in range(0, len(piece), _LONGEST_STORED):
        part = piece[start : start + _LONGEST_STORED]
        length = len(part).to_bytes(2, "little")
        parts += [b"\x00", length, bytes(byte ^ 0xFF for byte in length), part]
    return b"".join(parts)
