"""What the values of single columns show: empty columns, dates out of range, the target's classes.

Receives every row of the expected width; rows that are too short or too long say nothing about columns.
"""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import NamedTuple

from retraind.dataset.reader.examples import Examples

MAX_CLASSES = 200
FEW_NUMBERS = 10
"""A numeric target with at most this many values may be classes; with more it counts as a quantity."""

FIRST_YEAR, LAST_YEAR = 1970, 3999

_DATE = re.compile(rb"(\d{4})(?:-\d{1,2}-\d{1,2}|/\d{1,2}/\d{1,2})(?:[T ].*)?", re.DOTALL)
_VALUE_BYTES = 512  # of a value that is kept; longer ones that begin alike count as equal

_ANY = rb'[^,\t"\r\n]*'
_IN_RANGE = (
    rb"(?:19[7-9][0-9]|[23][0-9]{3})%b|[0-9]{0,3}(?:[^0-9,\t\"\r\n]%b)?|[0-9]{4}(?:[^-/,\t\"\r\n]%b)?"
    % (_ANY, _ANY, _ANY)
)
"""What does not begin as a date out of range does."""
_NUMBER = rb"[ ]*[-+]?(?:[0-9]+(?:\.[0-9]*)?|\.[0-9]+)(?:[eE][-+]?[0-9]+)?[ ]*"
_STRUCTURE = re.compile(rb'[,\t"\r\n]')


class LocatedValue(NamedTuple):
    """A value, and the physical line in which its row starts."""

    line: int
    value: bytes


@dataclass(frozen=True, slots=True)
class TargetFacts:
    """The target column's values."""

    column: int
    classes: int  # counted up to one more than the service accepts
    text: LocatedValue | None  # the first value that is not a number; None: the target is numeric
    late: Examples[LocatedValue]  # values that first appear after the sample, each once


@dataclass(frozen=True, slots=True)
class ColumnFacts:
    """What was found in the columns, by index from 0."""

    empty: tuple[int, ...] = ()
    dates: Mapping[int, Examples[LocatedValue]] = field(
        default_factory=dict
    )  # date columns, with their values out of range
    target: TargetFacts | None = None


def _out_of_range(value: bytes) -> bool:
    match = _DATE.fullmatch(value)
    return match is not None and not FIRST_YEAR <= int(match[1]) <= LAST_YEAR


def _add_dates(bad: Examples[LocatedValue], lines: Sequence[int], values: Sequence[bytes]) -> None:
    # As text, all dates from 1970 to 3999 sort between these two, so most values need no further check.
    if max(values, default=b"") < b"4" and min(filter(None, values), default=b"2") >= b"1970":
        return
    for line, value in zip(lines, values, strict=True):
        if _out_of_range(value):
            bad.add(LocatedValue(line, value[:_VALUE_BYTES]))


def _is_number(value: bytes) -> bool:
    try:
        float(value)
    except ValueError:
        return False
    return b"_" not in value  # 1_000 is a number in Python only


def _all_numbers(values: Sequence[bytes]) -> bool:
    try:
        sum(map(float, filter(None, values)))
    except ValueError:
        return False
    return b"_" not in b"".join(values)


def _literally(value: bytes) -> bytes:
    return b"".join(b"\\x%02x" % byte for byte in value)


class _Target:
    def __init__(self, column: int) -> None:
        self.column = column
        self.text: LocatedValue | None = None
        self.late: Examples[LocatedValue] = Examples()
        self.known: set[bytes] = set()

    @property
    def done(self) -> bool:
        return self.text is not None and len(self.known) > MAX_CLASSES

    def grammar(self) -> bytes | None:
        """Return an expression for the values that show nothing new; None when no value can."""
        if self.done:
            return None
        if len(self.known) > MAX_CLASSES:
            return b"(?:%b)?" % _NUMBER
        # A longer value may begin like one of the longest.
        plain = [
            key
            for key in self.known
            if len(key) < _VALUE_BYTES and not _STRUCTURE.search(key) and not _out_of_range(key)
        ]
        return b"(?:%b)?" % b"|".join(map(_literally, sorted(plain)))

    def add(self, lines: Sequence[int], values: Sequence[bytes], *, early: bool) -> None:
        if self.text is None and len(self.known) > MAX_CLASSES and _all_numbers(values):
            return
        for value in dict.fromkeys(values):
            key = value[:_VALUE_BYTES]
            if not key or key in self.known:
                continue
            if self.text is None and not _is_number(value):
                self.text = LocatedValue(lines[values.index(value)], key)
            if len(self.known) <= MAX_CLASSES:
                self.known.add(key)
                if not early:
                    self.late.add(LocatedValue(lines[values.index(value)], key))


class ColumnScan:
    """Reads all columns of the first rows (the sample), then only those that can still show something."""

    def __init__(self, width: int, target: int | None) -> None:
        self._empty = set(range(width))
        self._maybe_dates = set(range(width))
        self._dates: dict[int, Examples[LocatedValue]] = {}
        self._target = None if target is None else _Target(target)
        self.version = 0
        """Changes whenever the grammar should be asked for again."""
        self._shown = 0  # of what the grammar rests on, when it was asked for
        self._outdated = 0  # how often something has changed since

    def sample(self, line: int, cells: Sequence[bytes]) -> None:
        """Read one row of the sample. A column whose values in it are all dates is a date column."""
        self._empty = {column for column in self._empty if not cells[column]}
        for column in tuple(self._maybe_dates):
            value = cells[column]
            if not value:
                continue
            if _DATE.fullmatch(value):
                bad = self._dates.setdefault(column, Examples())
                if _out_of_range(value):
                    bad.add(LocatedValue(line, value[:_VALUE_BYTES]))
            else:
                self._maybe_dates.discard(column)
                self._dates.pop(column, None)
        if self._target is not None:
            self._target.add((line,), (cells[self._target.column],), early=True)

    def grammar(self) -> Mapping[int, bytes]:
        """Return, by column, an expression for RE2 whose values show nothing new.

        The values it matches have no delimiter, quote or line break. In other columns no value shows
        anything.
        """
        self._shown, self._outdated = self._known, 0
        found = dict.fromkeys(self._empty, b"")
        found |= dict.fromkeys(self._dates, _IN_RANGE)
        if self._target is not None and (classes := self._target.grammar()) is not None:
            found[self._target.column] = classes
        return found

    @property
    def wanted(self) -> tuple[int, ...]:
        """The columns whose values are needed of rows after the sample."""
        columns = self._empty | self._dates.keys()
        if self._target is not None and not self._target.done:
            columns.add(self._target.column)
        return tuple(sorted(columns))

    def add(self, lines: Sequence[int], values: Mapping[int, Sequence[bytes]]) -> None:
        """Read rows after the sample: their lines, and the values of the columns that are `wanted`."""
        self._empty -= {column for column in self._empty if any(values[column])}
        for column, bad in self._dates.items():
            _add_dates(bad, lines, values[column])
        if self._target is not None and self._target.column in values:
            self._target.add(lines, values[self._target.column], early=False)
        if self._known != self._shown:
            # A new grammar costs more than some rows that the old one does not match.
            self._outdated += 1
            if self._outdated > self.version:
                self.version += 1

    @property
    def _known(self) -> int:
        return len(self._empty) - (0 if self._target is None else len(self._target.known))

    def facts(self) -> ColumnFacts:
        """Return what was found so far."""
        target = self._target
        return ColumnFacts(
            tuple(sorted(self._empty)),
            self._dates,
            None
            if target is None
            else TargetFacts(target.column, len(target.known), target.text, target.late),
        )
