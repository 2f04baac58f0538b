"""The rhythm of past arrivals: a period with its phase, and the days of the week on which nothing comes.

Arrivals scatter around their due dates. A line through many of them knows the next due date better than the
last arrival does, and half a period after it is late enough to be sure: with a scatter (one standard
deviation) of a tenth of the period, five standard deviations.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta, tzinfo
from statistics import median

from retraind.domain.expecting.business_days import BusinessDays
from retraind.domain.expecting.stages import intervals

_FEWEST = 6
_WEEKS = timedelta(weeks=4)
"""How much is looked at before days of the week, or hours, without arrivals are believed."""
_MANY = 40
MOST = 1_000
"""Arrivals that are looked at: the last ones, and all of the last weeks."""
_SHORT, _SHORTER = timedelta(days=3.5), timedelta(hours=12)
"""A shorter period may leave out days of the week, or hours of them as well."""
_SAME = 0.25
"""Of a period: what comes this soon after another belongs to it, as a correction does."""
_MOST_SCATTER = 0.25
"""Of a period: arrivals that scatter more have no rhythm."""
_TOLERANCE = 0.5
_OF_CLOCKS = [3_600.0 * hours for hours in (1, 2, 3, 4, 6, 8, 12, 24, 48, 7 * 24, 14 * 24)]
"""Seconds: the periods of those who follow a clock. Nights and weekends hide how long others are."""
_NEAR = 0.1


@dataclass(frozen=True)
class Rhythm:
    """Due dates that were learnt. Each is half a period after something was expected."""

    period: timedelta
    origin: datetime
    """An expected moment."""
    zone: tzinfo
    worked: frozenset[tuple[int, int]] = frozenset()
    """Where the period is short: days of the week, from 0 for Monday, with hours, at which things come."""
    business: BusinessDays | None = None

    def after(self, moment: datetime) -> datetime:
        """Return the first due date after `moment`."""
        number = (moment - self._tolerance - self.origin) // self.period + 1
        while self._is_off(expected := self.origin + number * self.period):
            number += 1
        return expected + self._tolerance

    def of(self, arrival: datetime) -> datetime:
        """Return the due date that an arrival is for: the next, as each is later than what was expected."""
        return self.after(arrival)

    @property
    def _tolerance(self) -> timedelta:
        return self.period * _TOLERANCE

    def _is_off(self, expected: datetime) -> bool:
        if self.period >= _SHORT:
            return False
        day = expected.astimezone(self.zone).date()
        closed = self.business is not None and not self.business.includes(day)
        return closed or _slot(expected, self.zone, self.period) not in self.worked


def _slot(moment: datetime, zone: tzinfo, period: timedelta) -> tuple[int, int]:
    local = moment.astimezone(zone)
    return local.weekday(), local.hour if period < _SHORTER else 0


def rhythm(
    arrivals: Sequence[datetime], zone: tzinfo = UTC, business: BusinessDays | None = None
) -> Rhythm | None:
    """Return the rhythm of these arrivals, which are in order; None while there is none to be seen."""
    recent = [each for each in arrivals[-MOST:] if arrivals[-1] - each <= _WEEKS + _SHORT]
    kept = _without_repeats(recent if len(recent) > _MANY else arrivals[-_MANY:])
    if len(kept) < _FEWEST:
        return None
    # Days on which nothing comes make some intervals longer, and a gap does too; most are one period.
    usual = median(intervals(kept))
    usual_of_clocks = min(_OF_CLOCKS, key=lambda each: abs(each - usual))
    by_the_clock = abs(usual_of_clocks - usual) <= _NEAR * usual
    length = usual_of_clocks if by_the_clock else usual
    numbers = [0]
    for interval in intervals(kept):
        numbers.append(numbers[-1] + max(1, round(interval / length)))
    seconds = [(each - kept[0]).total_seconds() for each in kept]
    slope = length if by_the_clock else _slope(numbers, seconds)
    start = median(at - slope * number for number, at in zip(numbers, seconds, strict=True))
    if slope <= 0 or _scatter(numbers, seconds, slope, start) > _MOST_SCATTER * slope:
        return None
    period, origin = timedelta(seconds=slope), kept[0] + timedelta(seconds=start)
    if period >= _SHORT:
        return Rhythm(period, origin, zone)
    if kept[-1] - kept[0] < _WEEKS:
        return None
    met = (origin + round((each - origin) / period) * period for each in kept)
    worked = frozenset(_slot(each, zone, period) for each in met)
    return Rhythm(period, origin, zone, worked, business)


def _without_repeats(arrivals: Sequence[datetime]) -> list[datetime]:
    if len(arrivals) <= 1:
        return list(arrivals)
    usual = median(intervals(arrivals))
    kept = [arrivals[0]]
    for each in arrivals[1:]:
        if (each - kept[-1]).total_seconds() >= _SAME * usual:
            kept.append(each)
    return kept


def _slope(numbers: Sequence[int], seconds: Sequence[float]) -> float:
    """Return the slope of a line that a few outliers do not move: the median over distant pairs."""
    half = len(numbers) // 2
    return median(
        (seconds[at + half] - seconds[at]) / (numbers[at + half] - numbers[at])
        for at in range(len(numbers) - half)
    )


def _scatter(numbers: Sequence[int], seconds: Sequence[float], slope: float, start: float) -> float:
    return median(abs(at - slope * number - start) for number, at in zip(numbers, seconds, strict=True))
