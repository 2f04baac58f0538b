"""The moments at which deliveries are due by a rule, and to which of them an arrival belongs."""

import calendar
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta, tzinfo
from enum import StrEnum
from typing import Protocol

from retraind.domain.expecting.business_days import BusinessDays

_DAY = timedelta(days=1)
_MONTHS = 12
_WEEK = 7
_MOST_WITHOUT = 1_000
"""Periods in a row that have no due date: no rule leaves out more."""


class Every(StrEnum):
    """How often deliveries are due."""

    MONTH = "month"
    WEEK = "week"
    DAY = "day"


class Roll(StrEnum):
    """Where a due date goes that is not a business day."""

    NONE = "none"
    NEXT = "next-business-day"
    PREVIOUS = "previous-business-day"


class Dues(Protocol):
    """A sequence of due dates without an end, in order."""

    def after(self, moment: datetime) -> datetime:
        """Return the first due date after `moment`."""

    def of(self, arrival: datetime) -> datetime:
        """Return the due date that an arrival is for."""


@dataclass(frozen=True)
class Rule:
    """Due dates of a calendar, in local time.

    A time that a change of clocks leaves out counts an hour later, one that occurs twice counts the first
    time. A month without the day has its last day instead.
    """

    every: Every
    at: time
    zone: tzinfo
    day: int = 1
    """Of the month, from 1, or of the week, from 0 for Monday."""
    business: BusinessDays | None = None
    roll: Roll = Roll.NONE
    months_off: frozenset[int] = frozenset()
    """Months without due dates, from 1."""

    def after(self, moment: datetime) -> datetime:
        """Return the first due date after `moment`."""
        period = self._period(moment.astimezone(self.zone).date()) - 1
        return next(due for due in self._dues(period, 1) if due > moment)

    def of(self, arrival: datetime) -> datetime:
        """Return the due date nearest to an arrival, the later of two that are equally near."""
        earlier, later = self._before(arrival), self.after(arrival)
        return earlier if arrival - earlier < later - arrival else later

    def _before(self, moment: datetime) -> datetime:
        period = self._period(moment.astimezone(self.zone).date()) + 1
        return next(due for due in self._dues(period, -1) if due <= moment)

    def _dues(self, period: int, step: int) -> Iterator[datetime]:
        """Return the due dates from that of a period on, in steps of a period."""
        without = 0
        while without < _MOST_WITHOUT:
            due = self._due_in(period)
            without = 0 if due else without + 1
            if due:
                yield due
            period += step
        raise ValueError(self)

    def _period(self, day: date) -> int:
        match self.every:
            case Every.MONTH:
                return day.year * _MONTHS + day.month - 1
            case Every.WEEK:
                return (day.toordinal() - 1) // _WEEK
            case Every.DAY:
                return day.toordinal()

    def _due_in(self, period: int) -> datetime | None:
        match self.every:
            case Every.MONTH:
                year, month = divmod(period, _MONTHS)
                _, last = calendar.monthrange(year, month + 1)
                day = date(year, month + 1, min(self.day, last))
            case Every.WEEK:
                day = date.fromordinal(period * _WEEK + 1 + self.day)
            case Every.DAY:
                day = date.fromordinal(period)
        if day.month in self.months_off:
            return None
        if self.business is not None:
            if self.every is Every.DAY and not self.business.includes(day):
                return None
            if self.roll is not Roll.NONE:
                day = self.business.next_from(day, 1 if self.roll is Roll.NEXT else -1)
        return datetime.combine(day, self.at, self.zone).astimezone(UTC)


@dataclass(frozen=True)
class Interval:
    """A due date a fixed time after the last arrival."""

    length: timedelta
    last: datetime
    """The last arrival, or when waiting began."""

    def after(self, moment: datetime) -> datetime:
        """Return the first due date after `moment`."""
        return self.last + ((moment - self.last) // self.length + 1) * self.length

    def of(self, arrival: datetime) -> datetime:
        """Return when something came: from then on the time to the next is counted."""
        return arrival


def window_end(dues: Dues, due: datetime) -> datetime:
    """Return until when an arrival is for this due date: the middle between it and the next."""
    return due + (dues.after(due) - due) / 2
