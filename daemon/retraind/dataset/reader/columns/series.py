"""The times of a time series: their order, their distances, by series.

Unlike other columns, a series needs all of its rows. The service advises 10,000 of them at most, so the first
100,000 are compared and no more.
"""

import re
from calendar import monthrange
from collections import Counter
from collections.abc import Iterable, Sequence
from datetime import datetime, timedelta
from itertools import pairwise
from typing import NamedTuple

from retraind.dataset.reader.columns.dates import form_of
from retraind.dataset.reader.columns.facts import VALUE_BYTES, LocatedValue, SeriesFacts
from retraind.dataset.reader.columns.numbers import text_of
from retraind.dataset.reader.examples import Examples

MAX_SERIES = 200
SERIES_ROWS = 100_000
"""Rows that are compared."""
GAP_TIMES = 5
"""So many missing times in a row, or more, are a gap."""
IRREGULAR_SHARE = 0.05
"""Of the distances; a larger share at another distance than the usual one is irregular."""

_PARTS = re.compile(rb"\d+")
_YEAR_DIGITS = 4
_HALF_DAY = re.compile(r"(?P<afternoon>p\.?m|午後)|a\.?m|午前", re.IGNORECASE)
_HOUR = 3
"""Its place behind year, month and day."""


class _Moment(NamedTuple):
    when: datetime
    line: int
    value: bytes

    @property
    def located(self) -> LocatedValue:
        return LocatedValue(self.line, self.value)


class SeriesScan:
    """Receives the rows in the order of the file."""

    def __init__(self, time: int, series: int | None) -> None:
        self.time = time
        self.series = series
        self._rows = 0
        self._times: dict[bytes, list[_Moment]] = {}
        self._seen: dict[bytes, set[datetime]] = {}
        self._empty: Examples[LocatedValue] = Examples()
        self._duplicates: Examples[LocatedValue] = Examples()
        self._too_many: LocatedValue | None = None
        self._no_time: LocatedValue | None = None
        self._last: datetime | None = None
        self._ascending: bool | None = None
        self._unsorted: LocatedValue | None = None

    @property
    def columns(self) -> tuple[int, ...]:
        """The columns whose values it needs."""
        return (self.time,) if self.series is None else (self.time, self.series)

    @property
    def done(self) -> bool:
        """Whether it has compared all the rows that it compares."""
        return self._rows >= SERIES_ROWS

    def add(self, lines: Sequence[int], times: Sequence[bytes], series: Sequence[bytes] | None) -> None:
        """Read the times of some rows, and the names of their series."""
        for at, value in enumerate(times):
            if self.done:
                return
            self._rows += 1
            name = b"" if series is None else series[at][:VALUE_BYTES]
            if not value:
                self._empty.add(LocatedValue(lines[at], name))
            elif (when := moment(value)) is not None:
                self._add(_Moment(when, lines[at], value[:VALUE_BYTES]), name)
            elif self._no_time is None:
                self._no_time = LocatedValue(lines[at], value[:VALUE_BYTES])

    def _add(self, moment: _Moment, name: bytes) -> None:
        self._check_order(moment)
        times = self._times.get(name)
        if times is None:
            if len(self._times) >= MAX_SERIES:
                self._too_many = self._too_many or LocatedValue(moment.line, name)
                return
            times = self._times[name] = []
            self._seen[name] = set()
        if moment.when in self._seen[name]:
            self._duplicates.add(moment.located)
        else:
            self._seen[name].add(moment.when)
            times.append(moment)

    def _check_order(self, moment: _Moment) -> None:
        last, self._last = self._last, moment.when
        if last is None or last == moment.when or self._unsorted is not None:
            return
        ascending = last < moment.when
        if self._ascending is None:
            self._ascending = ascending
        elif ascending is not self._ascending:
            self._unsorted = moment.located

    def facts(self) -> SeriesFacts:
        """Return what was found so far."""
        distances = _Distances(self._times.values())
        return SeriesFacts(
            rows=self._rows,
            empty_time=self._empty,
            duplicates=self._duplicates,
            unsorted=self._unsorted,
            series=len(self._times) + (self._too_many is not None),
            too_many_series=self._too_many,
            gap=distances.gap,
            gap_periods=distances.gap_periods,
            irregular=distances.irregular,
            irregular_share=distances.irregular_share,
            below_minute=distances.below_minute,
            unsupported=distances.unsupported,
            no_time=None if self._times else self._no_time,
        )


_Pair = tuple[_Moment, _Moment]


class _Distances:
    """How far apart the times of all series are."""

    def __init__(self, all_times: Iterable[list[_Moment]]) -> None:
        self.gap: tuple[LocatedValue, LocatedValue] | None = None
        self.gap_periods = 0
        self.irregular: tuple[LocatedValue, LocatedValue] | None = None
        self.irregular_share = 0.0
        self.below_minute: tuple[LocatedValue, LocatedValue] | None = None
        self.unsupported: tuple[LocatedValue, LocatedValue] | None = None
        pairs = [pair for times in all_times for pair in pairwise(sorted(times))]
        if not pairs:
            return
        monthly = _is_monthly(pairs)
        steps = [_months(*pair) for pair in pairs] if monthly else [_seconds(*pair) for pair in pairs]
        counts = Counter(steps)
        usual = max(counts, key=lambda step: (counts[step], -step))
        self._judge(pairs, steps, usual)
        if counts[usual] * 2 > len(pairs) and not (_is_month_step(usual) if monthly else _is_step(usual)):
            first, second = pairs[steps.index(usual)]
            self.unsupported = (first.located, second.located)

    def _judge(self, pairs: list[_Pair], steps: list[float], usual: float) -> None:
        others = 0
        for (first, second), step in zip(pairs, steps, strict=True):
            missing = round(step / usual) - 1 if usual else 0
            places = (first.located, second.located)
            if self.below_minute is None and second.when - first.when < timedelta(minutes=1):
                self.below_minute = places
            if missing >= GAP_TIMES:
                if missing > self.gap_periods:
                    self.gap, self.gap_periods = places, missing
            elif step != usual:
                others += 1
                self.irregular = self.irregular or places
        self.irregular_share = others / len(pairs)


def _is_month_step(months: float) -> bool:
    """Return whether the service reads data at this distance: 1 to 11 months, 1 to 10 years."""
    return months in range(1, 12) or months in range(12, 121, 12)


def _is_step(seconds: float) -> bool:
    """Return whether the service reads data at this distance: 1 to 59 minutes, 23 hours, or 28 days."""
    units = ((60, 60), (3_600, 24), (86_400, 29))
    return any(seconds in range(unit, unit * limit, unit) for unit, limit in units)


def _seconds(first: _Moment, second: _Moment) -> float:
    return (second.when - first.when).total_seconds()


def _months(first: _Moment, second: _Moment) -> float:
    """Return the distance in months; a part of a month makes it a fraction."""
    whole = (second.when.year - first.when.year) * 12 + second.when.month - first.when.month
    return whole if _same_place(first.when, second.when) else whole + 0.5


def _is_monthly(pairs: list[_Pair]) -> bool:
    """Return whether the usual distance is one of months or years, which differ in days."""
    long = sum(second.when - first.when >= timedelta(days=28) for first, second in pairs)
    alike = sum(_same_place(first.when, second.when) for first, second in pairs)
    return 2 * long > len(pairs) and 2 * alike > len(pairs)


def _same_place(first: datetime, second: datetime) -> bool:
    """Return whether both are the same day of their months, or both are the last day."""
    if first.time() != second.time():
        return False
    return first.day == second.day or (_is_last(first) and _is_last(second))


def _is_last(when: datetime) -> bool:
    return when.day == monthrange(when.year, when.month)[1]


def moment(value: bytes) -> datetime | None:
    """Return the moment that a value is, as far as its numbers come in the order year, month, day, time."""
    if value.isdigit() and len(value) == _YEAR_DIGITS:
        parts = [int(value)]
    elif (form := form_of(value)) is None or form.year is None:
        return None
    elif form.is_digits:
        ends = (_YEAR_DIGITS, 6, 8, 10, 12, 14)
        parts = [int(value[start:end]) for start, end in pairwise((0, *ends)) if value[start:end]]
    else:
        parts = [int(part) for part in _PARTS.findall(value)[:6]]
        if parts[0] != form.year:
            if b"/" in value:
                return None  # the day or the month may come first
            parts = [*parts[2::-1], *parts[3:]]
        half = None if form.is_read else _HALF_DAY.search(text_of(value))
        if half is not None and len(parts) > _HOUR:
            parts[_HOUR] = parts[_HOUR] % 12 + (12 if half["afternoon"] else 0)
    try:
        return datetime(*(parts + [1] * (3 - len(parts))))  # type: ignore[arg-type]  # noqa: DTZ001
    except ValueError:
        return None
