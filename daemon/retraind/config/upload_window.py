"""Reads `upload_window`: "22:00-06:00", "mon-fri 22:00-05:00 Asia/Tokyo", "business-days JP", or several."""

import re
from collections.abc import Mapping, Sequence
from datetime import date, timedelta
from functools import lru_cache
from typing import Annotated

from pydantic import AfterValidator, BeforeValidator

from retraind.config.calendars import WEEKDAYS, closest, country_of, zone_of
from retraind.config.mistakes import Mistake
from retraind.domain.expecting.business_days import BusinessDays
from retraind.domain.upload_window import Days, Hours, Window

BUSINESS, OFF = "business-days", "days-off"
"""The words before a country."""
_NAMES = ("monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday")
_SHORTEST_NAME = 3
_INSTEAD: Mapping[str, str] = {
    **dict(zip(_NAMES, WEEKDAYS, strict=True)),
    **{day: day for day in WEEKDAYS},
    **dict.fromkeys(("weekday", "weekdays"), "mon-fri"),
    **dict.fromkeys(("weekend", "weekends"), "sat-sun"),
    **dict.fromkeys(("workday", "workdays", "working-days", "business-days"), f"{BUSINESS} JP"),
    **dict.fromkeys(("holiday", "holidays", "days-off", "nonworking-days"), f"{OFF} JP"),
    **dict.fromkeys(("daily", "everyday", "always"), "mon-sun"),
}
"""What is probably meant by a word that is no day."""
_AROUND = re.compile(r"\s*([-,])\s*")
_TIME = r"(?:[01]?\d|2[0-3]):[0-5]\d"
_HOURS = re.compile(rf"({_TIME})-({_TIME}|24:00)", re.ASCII)
_DAY = timedelta(days=1)
_WEEK = len(WEEKDAYS)


def hours_of(text: str, closed: frozenset[date] = frozenset()) -> Hours:
    """Read one window; `closed` are the company's own holidays. Raises Mistake."""
    kinds = _sorted_out(_AROUND.sub(r"\1", text).split())
    days, calendars, hours, zones = kinds.days, kinds.calendars, kinds.hours, kinds.zones
    if kinds.out_of_order or max(len(days) + len(calendars), len(hours), len(zones)) > 1:
        raise Mistake("window_parts_misplaced", instead=_instead(kinds))
    if not (days or calendars or hours):
        raise Mistake("window_without_hours")
    begin, end = _begin_and_end(hours[0]) if hours else (timedelta(0), _DAY)
    return Hours(
        days=_days(days, calendars, closed),
        begin=begin,
        end=end,
        zone=zone_of(zones[0]) if zones else None,
    )


class _Kinds:
    """The parts of a window, by what they look like."""

    def __init__(self) -> None:
        self.days: list[str] = []
        self.calendars: list[tuple[str, str]] = []
        self.hours: list[str] = []
        self.zones: list[str] = []
        self.out_of_order = False


def _sorted_out(parts: Sequence[str]) -> _Kinds:
    kinds = _Kinds()
    left = list(parts)
    while left:
        part = left.pop(0)
        word = part.casefold()
        if part[0].isdigit():
            kinds.out_of_order |= bool(kinds.zones)
            kinds.hours.append(part)
        elif word in {BUSINESS, OFF}:
            if not left or left[0][0].isdigit():
                raise Mistake("window_country_missing", word=word)
            kinds.out_of_order |= bool(kinds.hours or kinds.zones)
            kinds.calendars.append((word, country_of(left.pop(0))))
        elif any(_weekday(each) is not None for each in re.split("[-,]", word)):
            kinds.out_of_order |= bool(kinds.hours or kinds.zones)
            kinds.days.append(part)
        elif word not in _INSTEAD and (kinds.hours or kinds.days or kinds.calendars or _is_zone(part)):
            zone_of(part)
            kinds.zones.append(part)
        else:
            raise Mistake("window_day_unknown", day=part, likely=closest(word, _INSTEAD))
    return kinds


def _is_zone(part: str) -> bool:
    try:
        zone_of(part)
    except Mistake:
        return "/" in part
    return True


def _instead(kinds: _Kinds) -> Sequence[str]:
    """Return the windows that are probably meant by parts that are not where they belong."""
    if kinds.calendars and (kinds.days or len(kinds.calendars) > 1):
        heads = [" ".join(pair) for pair in kinds.calendars] + kinds.days
    else:
        heads = [",".join(kinds.days) or " ".join(map(" ".join, kinds.calendars))]
    zone = kinds.zones[0] if kinds.zones else ""
    return [" ".join(filter(None, (head, hours, zone))) for head in heads for hours in (kinds.hours or [""])]


def _begin_and_end(text: str) -> tuple[timedelta, timedelta]:
    found = _HOURS.fullmatch(text)
    if found is None:
        raise Mistake("window_unreadable", hours=text)
    begin, end = (_time(each) for each in found.groups())
    if begin == end:
        raise Mistake("window_never_open", hours=text)
    return begin, end if begin < end else end + _DAY


def _time(text: str) -> timedelta:
    hours, minutes = text.split(":")
    return timedelta(hours=int(hours), minutes=int(minutes))


def _days(days: Sequence[str], calendars: Sequence[tuple[str, str]], closed: frozenset[date]) -> Days:
    if calendars:
        word, country = calendars[0]
        return Days(business=BusinessDays(country, closed), off=word == OFF)
    if not days:
        return Days()
    return Days(frozenset(day for part in days[0].casefold().split(",") for day in _range(part)))


def _range(text: str) -> Sequence[int]:
    names = text.split("-")
    found = []
    for name in names:
        if (day := _weekday(name)) is None:
            raise Mistake("window_day_unknown", day=name or text, likely=closest(name, _INSTEAD))
        found.append(day)
    first, last = found[0], found[-1]
    if len(found) > 2 or (len(found) > 1 and first == last):  # noqa: PLR2004
        raise Mistake("window_days_unreadable", days=text)
    return [day % _WEEK for day in range(first, last + (1 if first <= last else _WEEK + 1))]


def _weekday(name: str) -> int | None:
    """Return the number of a day by its name, or by how that begins; None for another word."""
    if len(name) < _SHORTEST_NAME:
        return None
    return next((number for number, each in enumerate(_NAMES) if each.startswith(name)), None)


@lru_cache(maxsize=256)
def window_of(texts: tuple[str, ...], closed: frozenset[date] = frozenset()) -> Window:
    """Read windows of which each one is open; `closed` are the company's own holidays. Raises Mistake."""
    return Window(tuple(hours_of(text, closed) for text in texts))


def has_calendar(value: object) -> bool:
    """Return whether a window depends on business days, as the file has it; not if it cannot be read."""
    texts = (value,) if isinstance(value, str) else tuple(value) if isinstance(value, list) else ()
    try:
        return any(each.days.business for each in window_of(texts).hours)
    except (Mistake, TypeError, AttributeError):
        return False  # This is reported for the key itself.


def _readable(text: str) -> str:
    hours_of(text)
    return " ".join(text.split())


def _some(texts: tuple[str, ...]) -> tuple[str, ...]:
    if not texts:
        raise Mistake("window_list_empty")
    return texts


def _listed(value: object) -> object:
    """Return one text as a list. It is read here, so that a mistake names the key, not a place in a list."""
    return (_readable(value),) if isinstance(value, str) else value


WindowTexts = Annotated[
    tuple[Annotated[str, AfterValidator(_readable)], ...],
    AfterValidator(_some),
    BeforeValidator(_listed),
]
"""Windows; in the file a text, or a list of them."""
