"""[models.NAME.expect]: when a model's next delivery is due."""

import re
from datetime import date, time, timedelta, tzinfo
from typing import Annotated, Literal, Self
from zoneinfo import ZoneInfo

from pydantic import (
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    TypeAdapter,
    ValidationError,
    model_validator,
)
from tzlocal import get_localzone

from retraind.config.calendars import WEEKDAYS, Country, ZoneName
from retraind.config.mistakes import Mistake
from retraind.config.types import AnyPath, SpanWithUnit, Words
from retraind.domain.expecting.business_days import BusinessDays
from retraind.domain.expecting.dues import Every, Roll, Rule

AUTO = "auto"
_CLOCK = r"(?P<clock>(?:[01]?\d|2[0-3]):[0-5]\d)"
_LAST_DAY = 31
_BY = {
    Every.MONTH: re.compile(rf"(?P<day>0?[1-9]|[12]\d|3[01])(?:st|nd|rd|th)? +{_CLOCK}|last +(?P<last>\S+)"),
    Every.WEEK: re.compile(rf"(?P<day>{'|'.join(WEEKDAYS)})[a-z]* +{_CLOCK}"),
    Every.DAY: re.compile(_CLOCK),
}
_EXAMPLES = {Every.MONTH: "5th 09:00", Every.WEEK: "mon 09:00", Every.DAY: "09:00"}


def _day_and_time(every: Every, by: str) -> tuple[int, time]:
    """Return the day of the month or the week, and the time. Raises Mistake."""
    found = _BY[every].fullmatch(by.strip().lower())
    if found is None:
        raise Mistake("due_unreadable", every=every, example=_EXAMPLES[every])
    parts = found.groupdict()
    if last := parts.get("last"):
        return _LAST_DAY, _day_and_time(Every.DAY, last)[1]
    day = parts.get("day", "1")
    number = int(day) if day.isdecimal() else WEEKDAYS.index(day)
    return number, time.fromisoformat(parts["clock"].zfill(len("00:00")))


_SPAN = TypeAdapter(SpanWithUnit)


def _every(value: object) -> object:
    """Read a time here, so that a mistake is one alone, and not one for each kind of value."""
    if value in (*Every, AUTO) or isinstance(value, timedelta):
        return value
    try:
        return _SPAN.validate_python(None if isinstance(value, bool) else value)
    except ValidationError as error:
        mistake = error.errors()[0].get("ctx", {}).get("error")
        if isinstance(mistake, Mistake) and mistake.problem.code != "duration_unreadable":
            raise mistake from None
        raise Mistake("every_unreadable") from None


class ExpectSettings(BaseModel):
    """[models.NAME.expect]: when deliveries are due."""

    model_config = ConfigDict(extra="forbid", frozen=True, defer_build=True)

    every: Annotated[Literal["month", "week", "day", "auto"] | SpanWithUnit, BeforeValidator(_every)]
    """A period of the calendar, a time after the last delivery, or what is learnt from past ones."""
    by: str | None = None
    """The day and the local time at which a delivery of a month, a week or a day is due."""
    tz: ZoneName | None = None
    """The zone of `by`; None is this machine's."""
    calendar: Country | None = None
    """The country, and perhaps its region, whose weekends and holidays are no business days."""
    closed: AnyPath | None = None
    """A file with the company's own holidays, a date a line."""
    roll: Roll = Roll.NONE
    months_off: Annotated[frozenset[Annotated[int, Field(ge=1, le=12)]], Words] = frozenset()

    @model_validator(mode="after")
    def _fits(self) -> Self:
        every = self._period
        if every is not None and self.by is None:
            raise Mistake("due_missing", every=every, example=_EXAMPLES[every])
        if every is not None and self.by is not None:
            _day_and_time(every, self.by)
        elif self.by is not None:
            raise Mistake("due_without_calendar")
        if self.calendar is None and (self.roll is not Roll.NONE or self.closed is not None):
            raise Mistake("business_days_unknown")
        return self

    @property
    def _period(self) -> Every | None:
        return Every(self.every) if isinstance(self.every, str) and self.every != AUTO else None

    @property
    def zone(self) -> tzinfo:
        """The zone of `by`."""
        return ZoneInfo(self.tz) if self.tz is not None else get_localzone()

    def business_days(self, closed: frozenset[date]) -> BusinessDays | None:
        """Return the days of work, with the company's own holidays; None where every day counts."""
        return BusinessDays(self.calendar, closed) if self.calendar else None

    def rule(self, closed: frozenset[date]) -> Rule | None:
        """Return the due dates of a calendar; None where they depend on what has come."""
        every = self._period
        if every is None or self.by is None:
            return None
        day, at = _day_and_time(every, self.by)
        return Rule(every, at, self.zone, day, self.business_days(closed), self.roll, self.months_off)

    @property
    def interval(self) -> timedelta | None:
        """The time after the last delivery, where that is what counts."""
        return self.every if isinstance(self.every, timedelta) else None
