"""What is known about columns and their values: plain data."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import NamedTuple

from retraind.dataset.reader.examples import Examples

MAX_CLASSES = 200
"""Different values that the service accepts as classes; one more is kept, to know that there are more."""
HANDFUL = 5
"""Rows with a class that are so few that training or evaluation may lack it."""
ENOUGH_ROWS = 100
"""Rows with a value in the target that are counted; the service recommends this many."""
VALUE_BYTES = 512
"""Kept of a value; longer ones that begin alike count as equal."""


class LocatedValue(NamedTuple):
    """A value, and the physical line in which its row starts."""

    line: int
    value: bytes


class Kind(StrEnum):
    """What the values of a column are, judged by the first rows as the service does."""

    EMPTY = "empty"
    NUMBER = "number"
    DATE = "date"
    TEXT = "text"


class Notation(StrEnum):
    """What keeps a number from being read as one."""

    TRAILING_MINUS = "trailing-minus"
    OTHER_MINUS = "other-minus"
    PARENTHESES = "parentheses"
    APOSTROPHE = "apostrophe"
    THOUSANDS = "thousands"
    CURRENCY = "currency"
    PERCENT = "percent"
    DECIMAL_COMMA = "decimal-comma"
    FULL_WIDTH = "full-width"
    MULTIPLIER = "multiplier"
    FLAG = "flag"
    BLANK = "blank"


@dataclass(frozen=True, slots=True)
class ClassFacts:
    """One value of the target."""

    value: bytes
    line: int  # of the first row that has it
    rows: int  # counted up to one more than a handful


@dataclass(frozen=True, slots=True)
class TargetFacts:
    """The target column's values."""

    column: int
    classes: tuple[ClassFacts, ...]  # in the order of the file; at most one more than the service accepts
    filled: int  # rows with a value, counted up to ENOUGH_ROWS
    text: LocatedValue | None  # the first value that is not a number; None: the target is numeric
    late: Examples[LocatedValue]  # values that first appear after the sample, each once
    empty_line: int | None = None  # the first row without a value

    @property
    def is_numeric(self) -> bool:
        """Whether all values are numbers."""
        return self.text is None

    @property
    def has_many(self) -> bool:
        """Whether there are more different values than the service accepts as classes."""
        return len(self.classes) > MAX_CLASSES


@dataclass(frozen=True, slots=True)
class NumberFacts:
    """A column of numbers, some of which are not written as such."""

    notations: tuple[Notation, ...] = ()
    written: tuple[LocatedValue, ...] = ()  # the first ones with a notation
    markers: tuple[LocatedValue, ...] = ()  # the first ones that stand for a missing value


@dataclass(frozen=True, slots=True)
class DateFacts:
    """A column of dates."""

    out_of_range: Examples[LocatedValue]
    unread: LocatedValue | None = None  # the first one in a form that the service does not read
    forms: tuple[LocatedValue, ...] = ()  # the first one in each form, if there are several
    has_time: bool = False
    markers: tuple[LocatedValue, ...] = ()  # the first of each value that stands for a missing date


@dataclass(frozen=True, slots=True)
class SeriesFacts:
    """A time series: its times, by series."""

    rows: int  # that were compared
    empty_time: Examples[LocatedValue]  # the value is that of the series
    duplicates: Examples[LocatedValue]
    unsorted: LocatedValue | None = None
    series: int = 0  # counted up to one more than the service accepts
    too_many_series: LocatedValue | None = None  # the first one too many
    gap: tuple[LocatedValue, LocatedValue] | None = None  # the rows before and after the longest one
    gap_periods: int = 0  # that are missing in it
    irregular: tuple[LocatedValue, LocatedValue] | None = None  # the first rows at another distance
    irregular_share: float = 0.0
    below_minute: tuple[LocatedValue, LocatedValue] | None = None  # the first rows that are too close
    unsupported: tuple[LocatedValue, LocatedValue] | None = None  # the first rows at the usual distance
    no_time: LocatedValue | None = None  # the first value, if none is a time


@dataclass(frozen=True, slots=True)
class ColumnFacts:
    """What was found in the columns, by index from 0."""

    kinds: tuple[Kind, ...] = ()
    empty: tuple[int, ...] = ()
    dates: Mapping[int, DateFacts] = field(default_factory=dict)
    numbers: Mapping[int, NumberFacts] = field(default_factory=dict)  # only those with something to report
    broken: Mapping[int, LocatedValue] = field(default_factory=dict)  # the first text below numbers or dates
    target: TargetFacts | None = None
    series: SeriesFacts | None = None
