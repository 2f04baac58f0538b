"""Time as the daemon sees it, in one small object that tests replace.

Wall time is for people and for the journal; `elapsed` measures how long something lasts, since the wall
clocks of servers jump in both directions.
"""

import time
from datetime import UTC, datetime, timedelta, tzinfo
from functools import lru_cache


class Clock:
    """The machine's clocks."""

    def now(self) -> datetime:
        """Return the wall time, aware, in UTC."""
        return datetime.now(UTC)

    def elapsed(self) -> float:
        """Return seconds since an arbitrary start, on a clock that never jumps."""
        return time.monotonic()


def for_people(moment: datetime, zone: tzinfo | None = None) -> str:
    """Format a moment in local time with its zone, to the second; None is this machine's zone."""
    return moment.astimezone(zone).strftime("%Y-%m-%d %H:%M:%S %Z")


def with_offset(moment: datetime) -> str:
    """Format a moment like `for_people`, with the offset: readers elsewhere may not know the zone's name."""
    local = moment.astimezone()
    return for_people(moment) + (f" (UTC{local.isoformat()[-6:]})" if local.utcoffset() else "")


_ONLY_DAYS = 100


@lru_cache
def span_for_people(span: timedelta) -> str:
    """Format a duration in its two largest units, such as `2 h 5 min`."""
    return " ".join(f"{number} {unit}" for number, unit in largest_units(span))


def largest_units(span: timedelta) -> list[tuple[str, str]]:
    """Return a duration in its two largest units, of `d`, `h`, `min` and `s`, each with its number.

    From a hundred days on, only the days are returned.
    """
    seconds = max(0, round(span.total_seconds()))
    if not seconds and span > timedelta(0):
        return [(f"{span.total_seconds():.1f}", "s")]
    if span.days >= _ONLY_DAYS:
        return [(f"{span.days:,}", "d")]
    units = (("d", 86_400), ("h", 3_600), ("min", 60), ("s", 1))
    parts: list[tuple[str, str]] = []
    for unit, size in units:
        count, seconds = divmod(seconds, size)
        if count:
            parts.append((str(count), unit))
    return parts[:2] or [("0", "s")]
