"""Collects the words of a text that are not ASCII, while it is read in pieces."""

import re
from collections.abc import Callable
from typing import NamedTuple

from retraind.dataset.reader.breaks import line_breaks

MAX_WORDS = 400
"""Different words that are kept: more evidence changes no verdict."""
MAX_BYTES = 256 << 10
"""Read of pieces that are not ASCII; a verdict does not wait for a gigabyte in which all words are equal."""
WORD_BYTES = 64
"""Kept of a word."""

_WORD = re.compile(
    rb"(?<![\x40-\xff])[ !#-+\-./0-9:<=>?]?[\x40-\x7f]*+[\x80-\xff][\x40-\xff]*+[ !#-+\-./0-9:<=>?]?"
)
"""Bytes from @ on, with one above 127, and a character before and behind them that is no delimiter. The
second byte of a character is no less than @ in all of these encodings but GB 18030 (rare characters)."""

_DIGITS_ALIKE = bytes(ord("0") if ord("0") <= byte <= ord("9") else byte for byte in range(256))


class Word(NamedTuple):
    """A word, and the physical line in which it occurs first."""

    value: bytes
    line: int


class Evidence:
    """The first different words of a file."""

    def __init__(self) -> None:
        self._known: dict[bytes, Word] = {}
        self._read = 0

    @property
    def is_full(self) -> bool:
        """True when no more words are needed."""
        return len(self._known) >= MAX_WORDS or self._read >= MAX_BYTES

    @property
    def words(self) -> tuple[Word, ...]:
        """The words in the order of their first occurrence."""
        return tuple(self._known.values())

    def add(self, piece: bytes, line_of: Callable[[int], int]) -> None:
        """Read a piece that is not ASCII; `line_of` returns the line of an offset in it.

        A word that is cut by the end of a piece counts as two, at most one in each piece.
        """
        self._read += len(piece)
        line, at = 0, 0
        for match in _WORD.finditer(piece):
            value = match[0][:WORD_BYTES].translate(_DIGITS_ALIKE)
            if value not in self._known:
                begin = match.start()  # inside a line: no CR LF is cut
                line = line + line_breaks(piece, at, begin) if line else line_of(begin)
                at = begin
                self._known[value] = Word(value, line)
                if len(self._known) >= MAX_WORDS:
                    return
