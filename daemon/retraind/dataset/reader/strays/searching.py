"""Finds rows that are not data among many, without reading each of them: names.py says which these are."""

import csv
import re
from collections.abc import Callable, Iterator
from functools import cache, cached_property
from typing import Protocol

from retraind.dataset.reader.automaton import Engine, Searcher, place_of, searcher, times
from retraind.dataset.reader.breaks import QUOTE
from retraind.dataset.reader.strays.names import (
    BLANK,
    BLANK_BYTES,
    CTRL_Z,
    FORM_FEED,
    MARK,
    RULE,
    RULE_BYTES,
    Names,
    is_blank,
    is_rule_inside,
)

_SMALL = 64 << 10  # bytes of a window
_MANY_NAMES = 50  # an expression for any of them in each place is too slow


class _Search(Protocol):
    def __call__(self, data: bytes, at: int, *, mixed: bool) -> int: ...


class _Next:
    """Finds the next row of a kind in the same bytes, again and again from later places on."""

    def __init__(self, search: _Search) -> None:
        self._search = search
        self._data, self._mixed = b"", False
        self._begin = self._place = -1

    def find(self, data: bytes, at: int, *, mixed: bool) -> int:
        """Return where such a row begins, `at` or later; the number of bytes if nowhere.

        `mixed`: not all lines end as the header does.
        """
        if len(data) <= _SMALL:  # a part of what is searched again
            return self._search(data, at, mixed=mixed)
        if data is not self._data or mixed != self._mixed or not self._begin <= at <= self._place:
            self._data, self._mixed, self._begin = data, mixed, at
            self._place = self._search(data, at, mixed=mixed)
        return self._place


class _Rows:
    """Rows of one kind, by an expression for one without its end."""

    def __init__(self, text: bytes, before: bytes, engine: Engine) -> None:
        """`before` is the byte before each of them, which ends a line."""
        self._text, self._before, self._engine = text, before, engine
        self._row = re.compile(b"%b[\r\n]" % text)
        self._last = b""  # the row that was matched last: most of a kind are equal

    @cached_property
    def _line(self) -> Searcher:
        return searcher(b"%b%b[\r\n]" % (self._before, self._text), self._engine)

    @cached_property
    def _any_line(self) -> Searcher:
        return searcher(b"[\r\n]%b[\r\n]" % self._text, self._engine)

    def find(self, data: bytes, at: int, *, mixed: bool) -> int:
        """Return where a row begins, which may be `at`; the number of bytes if nowhere."""
        if self._last and data.startswith(self._last, at):
            return at
        if (row := self._row.match(data, at)) is not None:
            self._last = row[0]
            return at
        found = (self._any_line if mixed else self._line).search(data, at)
        return len(data) if found is None else found.start() + 1


@cache
def _marked_line(engine: Engine) -> Searcher:
    return searcher(b'[\r\n]"?' + MARK, engine)


def marked_row(data: bytes, at: int, engine: Engine) -> int:
    """Return where a row begins with a mark; the number of bytes if nowhere."""
    if place_of(MARK, data, at, engine) < 0:
        return len(data)
    if data.startswith((MARK, QUOTE + MARK), at):
        return at
    found = _marked_line(engine).search(data, at)
    return len(data) if found is None else found.start() + 1


class Blanks:
    """Rows of nothing but delimiters and blanks."""

    def __init__(self, width: int, delimiter: bytes, ending: bytes, engine: Engine) -> None:
        """`ending` is the line break behind the header."""
        self._width = width
        self._engine = engine
        self._delimiter = delimiter
        self._before, self._ending = ending[-1:], ending
        self._of_delimiters = self._before + delimiter * (width - 1) + ending[:1]
        self._plain: dict[bool, tuple[bytes, bool]] = {}  # of what was seen last, small and large
        self.find = _Next(self._find).find

    def are_delimiters(self, data: bytes, around: bytes, rows: Callable[[], int], *, mixed: bool) -> bool:
        """Return whether such records are surely all delimiters alone; `rows` counts these.

        What holds for what is `around` the records was mostly found out before. `mixed` is as for `find`.
        """
        if mixed:
            return self.find(data, 0, mixed=True) == len(data)
        if self._are_plain(around) or self._are_plain(data):
            return True
        if self.find(data, 0, mixed=False) == len(data):
            return rows() == 0
        return self.count(data) == rows()

    @cached_property
    def text(self) -> bytes:
        """An expression of RE2 for such a row, without its end."""
        inside, outside = b"%b*" % BLANK, b"%b*" % BLANK
        if self._delimiter == b"\t":
            outside = outside.replace(rb"\t", b"")
        one = b'(?:(?:"%b")?%b)' % (inside, outside)
        return one + times(re.escape(self._delimiter) + one, self._width - 1)

    def count(self, rows: bytes) -> int:
        """Count such rows among complete ones, each of which is a line."""
        lines = rows.split(self._before)
        end = self._ending[:-1]
        if self._are_plain(rows):
            return lines.count(self._of_delimiters[1:-1] + end)
        row = re.compile(self.text + end)
        blank = set(filter(row.fullmatch, set(lines)))  # few, as they differ in blanks alone
        return sum(map(blank.__contains__, lines))

    @cached_property
    def _rows(self) -> _Rows:
        return _Rows(self.text, self._before, self._engine)

    def _find(self, data: bytes, at: int, *, mixed: bool) -> int:
        if data.find(self._delimiter, at) < 0:
            return len(data)
        if mixed or not self._are_plain(data):
            return self._rows.find(data, at, mixed=mixed)
        if data.startswith(self._of_delimiters[1:], at):
            return at
        found = place_of(self._of_delimiters, data, at, self._engine)
        return len(data) if found < 0 else found + 1

    def _are_plain(self, data: bytes) -> bool:
        """Return whether such rows are delimiters alone, since no value is blanks, nor has quotes."""
        known = self._plain.get(is_small := len(data) <= _SMALL)
        # A window that is searched was peeked at before; a large piece is the same object.
        if known is not None and (data == known[0] if is_small else data is known[0]):
            return known[1]
        blanks = [each for each in BLANK_BYTES if each != self._delimiter and data.find(each[:1]) >= 0]
        begun = (before + blank for before in (self._before, self._delimiter) for blank in blanks)
        is_begun = data.startswith(tuple(blanks)) or any(
            place_of(each, data, 0, self._engine) >= 0 for each in begun
        )
        found = data.find(QUOTE) < 0 and not is_begun
        self._plain[is_small] = data, found
        return found


class Rules:
    """Lines of hyphens or the like, in as many columns as the header has."""

    def __init__(self, width: int, delimiter: bytes, ending: bytes, engine: Engine) -> None:
        """`ending` is the line break behind the header."""
        cell = b" *%b *" % RULE
        text = cell + times(re.escape(delimiter) + cell, width - 1)
        self._engine = engine
        self._rows = _Rows(text, ending[-1:], engine)
        self.find = _Next(self._find).find

    def may_be_in(self, data: bytes, at: int) -> bool:
        """Return whether such a row may stand in records."""
        # One byte is found far faster than several.
        return any(
            data.find(each[:1], at) >= 0 and place_of(each, data, at, self._engine) >= 0
            for each in RULE_BYTES
        )

    def _find(self, data: bytes, at: int, *, mixed: bool) -> int:
        return self._rows.find(data, at, mixed=mixed) if self.may_be_in(data, at) else len(data)


class Copies:
    """The header once more, and rows that look like it."""

    def __init__(self, names: Names, line: bytes, delimiter: bytes, ending: bytes, engine: Engine) -> None:
        """`line` is the first one of the file, and `ending` the line break behind the header."""
        self._names = names
        self._engine = engine
        self._delimiter = delimiter
        self._before = ending[-1:]
        self._line = line + ending[:-1]
        row = next(csv.reader([line.decode("latin-1")], delimiter=delimiter.decode("latin-1")), [])
        is_other = tuple(row) != names.cells or is_blank(row) or is_rule_inside(row)
        self.line = None if is_other else line
        """The first line, if it is just the header and a copy of it is nothing else."""
        # Quotes inside a name are doubled where it is in quotes.
        parts = (part for name in names.plain for part in name.split('"'))
        self._longest = max(parts, key=len).encode("latin-1")
        self._rare: tuple[bytes, ...] | None = None
        self.find = _Next(self._find).find

    def count(self, rows: bytes) -> int:
        """Count copies of the header's line among complete rows, each of which is a line."""
        return rows.split(self._before).count(self._line)

    def note_first_rows(self, rows: bytes) -> None:
        """Read some rows, if that was not done: a byte of the names that they lack is found very fast."""
        if self._rare is not None:
            return
        tell = self._names.tell
        names = "".join(self._names.plain if tell else self._names.cells).encode("latin-1")
        both = ((byte.lower(), byte.upper()) if tell else (byte,) for byte in _bytes(names))
        rare = (tuple(dict.fromkeys(each)) for each in both if not any(byte in rows for byte in each))
        self._rare = next(rare, ())

    def may_stand_in(self, data: bytes) -> bool:
        """Return whether a header that is no exact copy may stand in records.

        Short names are looked for only as they are, behind a row without a line break.
        """
        if not self._may_be_in(data, 0):
            return False
        return self._names.tell or self._first_names.search(data) is not None

    def are_exact(self, data: bytes, copies: Callable[[], int]) -> bool:
        """Return whether records have no copies of the header but exact ones; `copies` counts these."""
        if not self.may_stand_in(data):
            return True
        names = self._delimiter.decode("latin-1").join(self._names.cells).encode("latin-1").lower()
        return data.lower().count(self._longest) == copies() * names.count(self._longest)

    def _may_be_in(self, data: bytes, at: int) -> bool:
        if self._rare and all(data.find(byte, at) < 0 for byte in self._rare):
            return False
        if not self._names.tell or data[at : at + _SMALL].lower().find(self._longest) >= 0:
            return True
        return len(data) > at + _SMALL and data.lower().find(self._longest, at) >= 0

    def _find(self, data: bytes, at: int, *, mixed: bool) -> int:
        if not self._may_be_in(data, at):
            return len(data)
        if not self._names.tell or len(self._names.cells) <= _MANY_NAMES:
            return self._rows.find(data, at, mixed=mixed)
        found = data.lower().find(self._longest, at)
        return max(data.rfind(each, at, found) for each in (b"\n", b"\r")) + 1 or at

    @cached_property
    def _rows(self) -> _Rows:
        return _Rows(self._text, self._before, self._engine)

    @cached_property
    def _first_names(self) -> re.Pattern[bytes]:
        """The first name and the start of the second one, whatever stands before."""
        first, second = (
            b"|".join(dict.fromkeys(re.escape(each) for each in (name, name.replace(QUOTE, QUOTE * 2))))
            for name in (cell.encode("latin-1") for cell in self._names.cells[:2])
        )
        return re.compile(b'(?:%b)"*%b"?(?:%b)' % (first, re.escape(self._delimiter), second))

    @property
    def _text(self) -> bytes:
        names = [name.encode("latin-1") for name in self._names.cells]
        marks = b'(?:%b|%b|%b|")*' % (MARK, CTRL_Z, FORM_FEED)
        if not self._names.tell:
            forms = (b'(?:%b"?|%b)' % (re.escape(name), re.escape(_quoted(name))) for name in names)
            return marks + re.escape(self._delimiter).join(forms)
        written = {
            form for name in names for form in (name.strip(b" "), name.strip(b" ").replace(QUOTE, b'""'))
        }
        one = b'"? *(?:%b) *"? *' % b"|".join(map(re.escape, sorted(written, key=len, reverse=True)))
        return b"(?i:%b%b(?:%b%b){%d})" % (marks, one, re.escape(self._delimiter), one, len(names) - 1)


def _quoted(name: bytes) -> bytes:
    return QUOTE + name.replace(QUOTE, b'""') + QUOTE


def _bytes(data: bytes) -> Iterator[bytes]:
    for value in dict.fromkeys(data):
        yield bytes((value,))
