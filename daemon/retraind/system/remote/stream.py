"""The bytes of a file that a helper has open, in memory that both share, read ahead.

Not through a pipe: each byte would be copied twice more. Nor spliced into one: that locks the pipe while it
reads, and whoever has the other end would hang with the file system.
"""

import contextlib
import mmap
import os
from collections.abc import Callable
from contextlib import ExitStack

from retraind.system.remote import wire
from retraind.system.remote.errors import NoAnswer
from retraind.system.remote.helper import Helper

SLOT = 1 << 20
"""Bytes that are read at a time."""
_SLOTS = 4


class Stream:
    """Reads a file from one place on. For one thread."""

    def __init__(self, helper: Helper, handle: int, start: int) -> None:
        """Begin at `start` of the file that is open in the helper as `handle`. Raises OSError."""
        self._handle = handle
        self._next = start
        """Where the next order begins."""
        self._orders: list[int] = []
        """The slots that are being filled, in order."""
        self._free = list(range(_SLOTS))
        self._slot: int | None = None
        """The slot that is being read, how far, and up to where it is filled."""
        self._at = self._filled = 0
        self._ending = ExitStack()
        with ExitStack() as beginning:
            memory = os.memfd_create("retraind")
            beginning.callback(os.close, memory)
            os.ftruncate(memory, SLOT * _SLOTS)
            self._memory = mmap.mmap(memory, SLOT * _SLOTS)
            self._view = memoryview(self._memory)
            self._ending.callback(self._memory.close)
            self._ending.callback(self._view.release)
            self._talk = self._ending.enter_context(helper.conversation())
            self._talk.order("share_here", {}, memory)
            wire.raise_error(self._talk.answer(None))
        self._order()

    def read(self, size: int, pause: Callable[[], None]) -> bytes:
        """Return the next bytes: `size` of them, unless the file ends. Raises OSError, NoAnswer."""
        pieces, left = [], size
        while left and (self._slot is not None or self._fill(pause)):
            assert self._slot is not None
            begin = self._slot * SLOT + self._at
            piece = bytes(self._view[begin : begin + min(left, self._filled - self._at)])
            pieces.append(piece)
            left -= len(piece)
            self._at += len(piece)
            if self._at == self._filled:
                self._free.append(self._slot)
                self._slot = None
                self._order()
        return pieces[0] if len(pieces) == 1 else b"".join(pieces)

    def _order(self) -> None:
        """Have free slots filled: one at first, since most files are short, and all of them after that."""
        while self._free and (len(self._orders) < _SLOTS - 1 if self._filled == SLOT else not self._orders):
            slot = self._free.pop(0)
            self._talk.order("fill_here", {"handle": self._handle, "start": self._next, "slot": slot})
            self._orders.append(slot)
            self._next += SLOT

    def _fill(self, pause: Callable[[], None]) -> bool:
        """Take the next slot that is filled; returns False at the end of the file."""
        self._order()
        answer = self._talk.answer(pause)
        slot = self._orders.pop(0)
        wire.raise_error(answer)
        got: int = answer["value"]
        if got < SLOT:
            # The end, for now. What was ordered beyond it begins in the wrong place.
            self._next -= SLOT * (1 + len(self._orders)) - got
            while self._orders:
                self._talk.answer(pause)
                self._free.append(self._orders.pop(0))
        if not got:
            self._free.append(slot)
            self._filled = 0
            return False
        self._slot, self._at, self._filled = slot, 0, got
        return True

    def close(self) -> None:
        """End it. The connection is of no more use where answers are still to come."""
        view = self._view
        if self._orders:
            with contextlib.suppress(_Unfinished, NoAnswer), self._ending:
                raise _Unfinished
        else:
            self._ending.close()
        del view


class _Unfinished(Exception):
    """Orders were given whose answers nobody waits for."""
