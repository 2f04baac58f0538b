"""Collects the words of a text that are not ASCII, while it is read in pieces."""

import re
from collections.abc import Callable
from typing import NamedTuple

from retraind.dataset.reader.breaks import line_breaks

MAX_WORDS = 400
"""Different words that are kept: more evidence changes no verdict."""
MAX_BYTES = 256 << 10
"""Read from the first byte on that is not ASCII; a verdict does not wait for a gigabyte of equal words."""
WORD_BYTES = 64
"""Kept of a word."""

_WORD = re.compile(
    rb"(?<![\x40-\xff])[ !#-+\-./0-9:<=>?]?[\x40-\x7f]*+[\x80-\xff][\x40-\xff]*+[ !#-+\-./0-9:<=>?]?"
)
"""Bytes from @ on, with one above 127, and a character before and behind them that is no delimiter. The
second byte of a character is no less than @ in all of these encodings but GB 18030 (rare characters)."""

_INSIDE = bytes(range(0x40, 0x100))
"""The bytes inside a word."""
_BEYOND_ASCII = re.compile(rb"[\x80-\xff]")
_MAX_OPEN = 4 << 10
"""Bytes kept of a word that goes on in the next piece: more than are kept of a word."""

_DIGITS_ALIKE = bytes(ord("0") if ord("0") <= byte <= ord("9") else byte for byte in range(256))


class Word(NamedTuple):
    """A word, and the physical line in which it occurs first."""

    value: bytes
    line: int


class Evidence:
    """The first different words of a file, whatever pieces it is read in."""

    def __init__(self) -> None:
        self._known: dict[bytes, Word] = {}
        self._open = b""  # the end of the text so far, where a word may go on
        self._size = 0  # of the text so far
        self._end: int | None = None  # how far words are read; None as long as all was ASCII
        self.is_full = False
        """True when no more words are needed."""

    @property
    def words(self) -> tuple[Word, ...]:
        """The words in the order of their first occurrence."""
        return tuple(self._known.values())

    def add(
        self, piece: bytes, line_of: Callable[[int], int], *, ascii_only: bool, final: bool = False
    ) -> None:
        """Read the next piece, and at the end an empty one; `line_of` returns the line of an offset in it."""
        before, offset = len(self._open), self._size - len(self._open)
        self._size += len(piece)
        if ascii_only and self._open.isascii():
            self._keep(piece, self._open)
            return
        data = self._open + piece
        if self._end is None and (first := _BEYOND_ASCII.search(data)):
            self._end = offset + first.start() + MAX_BYTES
        # A word that the end of the piece cuts is read with the next one.
        end = len(data) if final else _end_outside(data)
        most = (self._end or 0) - offset
        self.is_full = most <= len(data)
        read = self._note_words(data, most if self.is_full else end, before, line_of)
        self._keep(data[read:])

    def _note_words(self, data: bytes, end: int, before: int, line_of: Callable[[int], int]) -> int:
        """Note the words in data[:end], and return where the last one ends.

        `line_of` counts from data[before] on.
        """
        line = at = read = 0
        for match in _WORD.finditer(data, 0, max(0, end)):
            read = match.end()
            value = match[0][:WORD_BYTES].translate(_DIGITS_ALIKE)
            if value not in self._known:
                begin = max(match.start(), before)  # inside a line: no CR LF is cut
                line = line + line_breaks(data, at, begin) if line else line_of(begin - before)
                at = begin
                self._known[value] = Word(value, line)
                if len(self._known) >= MAX_WORDS:
                    self.is_full = True
                    break
        return read

    def _keep(self, piece: bytes, held: bytes = b"") -> None:
        """Keep the end of the text, from two bytes before the last word on; `held` is before the piece.

        The first of the two decides whether the second one belongs to the word.
        """
        outside = _end_outside(piece)
        if outside:
            held, piece = held[-1:] if outside == 1 else b"", piece[max(0, outside - 2) :]
        self._open = (held + piece[:_MAX_OPEN])[:_MAX_OPEN]


def _end_outside(data: bytes) -> int:
    """Return where the last word of a text begins, which may go on."""
    end = data[-_MAX_OPEN:]
    if before := end.rstrip(_INSIDE):
        return len(data) - len(end) + len(before)
    others = data.translate(None, _INSIDE)  # faster than one byte after the other
    return data.rfind(others[-1:]) + 1 if others else 0
