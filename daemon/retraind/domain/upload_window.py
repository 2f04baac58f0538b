"""The hours in which a model's uploads may begin. Pure.

What counts is what the clocks of a zone show: an hour that they skip is in no window, and one that they show
twice is open twice. The hours after midnight belong to the day on which a window begins: the night that
begins on a Friday is Friday's.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta, tzinfo

from retraind.domain.expecting.business_days import BusinessDays

_DAY = timedelta(days=1)
_HORIZON = 400
"""Days after which a window that has not opened is one that does not."""
_FARTHEST = timedelta(hours=26)
"""More than any zone's clocks differ from UTC, and one change of them."""
_STEP = timedelta(hours=1)
"""No zone changes its clocks twice in so short a time."""
_SECOND = timedelta(seconds=1)


@dataclass(frozen=True)
class Days:
    """The days on which a window begins."""

    week: frozenset[int] = frozenset(range(7))
    """Days of the week, from 0 for Monday."""
    business: BusinessDays | None = None
    off: bool = False
    """With `business`: only the days on which nobody works; else only those on which people do."""

    def include(self, day: date) -> bool:
        """Return whether a window begins on this day."""
        if day.weekday() not in self.week:
            return False
        return self.business is None or self.business.includes(day) is not self.off


@dataclass(frozen=True)
class Hours:
    """The same hours of several days, by the clocks of one zone."""

    days: Days
    begin: timedelta
    """After midnight."""
    end: timedelta
    """After the same midnight, and later than `begin`, by a day at most."""
    zone: tzinfo | None
    """None is this machine's."""

    def is_open(self, moment: datetime) -> bool:
        """Return whether the clocks show one of these hours."""
        shown = _clocks(moment, self.zone)
        begun = (shown.date() - back * _DAY for back in (0, 1))
        return any(
            self.begin <= shown - _midnight(day) < self.end and self.days.include(day) for day in begun
        )

    def opens(self, moment: datetime) -> datetime | None:
        """Return when it is open next, from `moment` on, in UTC; None if that is too far away."""
        if self.is_open(moment):
            return moment.astimezone(UTC)
        found: datetime | None = None
        first = _clocks(moment, self.zone).date() - _DAY
        for day in (first + ahead * _DAY for ahead in range(_HORIZON)):
            if not self.days.include(day):
                continue
            # Clocks that are set back over midnight can show the end of a day after the start of the next.
            if found is not None and _midnight(day) > _clocks(found, self.zone) + _DAY:
                break
            later = [each for each in self._begins(day) if each >= moment]
            found = min([*later, *([found] if found else [])], default=None)
        return found

    def _begins(self, day: date) -> Iterator[datetime]:
        """Return the moments at which the clocks come to show the hours of a day, in UTC."""
        begin, end = _midnight(day) + self.begin, _midnight(day) + self.end
        for since, until, offset in _periods(begin - _FARTHEST, end + _FARTHEST, self.zone):
            start = max(since, (begin - offset).replace(tzinfo=UTC))
            if start < min(until, (end - offset).replace(tzinfo=UTC)):
                yield start


@dataclass(frozen=True)
class Opening:
    """When uploads may begin."""

    at: datetime
    """In UTC."""
    zone: tzinfo | None
    """That of the hours; None is this machine's."""

    @property
    def zone_name(self) -> str | None:
        """Its name in the tz database; None where the hours name no zone."""
        return getattr(self.zone, "key", None)


@dataclass(frozen=True)
class Window:
    """All hours in which a model's uploads may begin."""

    hours: tuple[Hours, ...]

    def opens(self, moment: datetime) -> Opening | None:
        """Return when it is open next, from `moment` on; None if it does not open within a year."""
        found = ((each.opens(moment), each.zone) for each in self.hours)
        return min((Opening(at, zone) for at, zone in found if at), key=lambda each: each.at, default=None)


def _midnight(day: date) -> datetime:
    return datetime.combine(day, time())


def _clocks(moment: datetime, zone: tzinfo | None) -> datetime:
    """Return what the clocks of a zone show, without the zone."""
    return moment.astimezone(zone).replace(tzinfo=None, fold=0)


def _offset(moment: datetime, zone: tzinfo | None) -> timedelta:
    return moment.astimezone(zone).utcoffset() or timedelta(0)


def _periods(
    begin: datetime, end: datetime, zone: tzinfo | None
) -> Iterator[tuple[datetime, datetime, timedelta]]:
    """Return the periods without a change of the clocks from `begin` to `end` UTC, each with the offset."""
    since = moment = begin.replace(tzinfo=UTC)
    until = end.replace(tzinfo=UTC)
    offset = _offset(moment, zone)
    while moment < until:
        later = min(moment + _STEP, until)
        if _offset(later, zone) != offset:
            change = _change(moment, later, zone)
            yield since, change, offset
            since, offset = change, _offset(change, zone)
        moment = later
    yield since, until, offset


def _change(before: datetime, after: datetime, zone: tzinfo | None) -> datetime:
    """Return the first second at which a zone's clocks are as they are `after`."""
    offset = _offset(before, zone)
    while after - before > _SECOND:
        middle = before + (after - before) // 2
        middle = middle.replace(microsecond=0)
        if _offset(middle, zone) == offset:
            before = middle
        else:
            after = middle
    return after
