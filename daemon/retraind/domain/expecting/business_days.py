"""Which days are not business days: weekends, a country's holidays, a company's own."""

from dataclasses import dataclass, field
from datetime import date, timedelta
from functools import cached_property
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import holidays

_DAY = timedelta(days=1)
_LONGEST_BREAK = 60
"""Days. Whoever never works has no business days, and nothing could be moved to one."""


def is_country(code: str) -> bool:
    """Return whether the holidays of this country (ISO 3166-1), and perhaps region, are known."""
    import holidays  # noqa: PLC0415 - few configurations name a country, and importing it takes a while

    country, _, subdivision = code.partition("-")
    known = holidays.list_supported_countries()
    return country in known and (not subdivision or subdivision in known[country])


@dataclass(frozen=True)
class BusinessDays:
    """The days of work of one company."""

    country: str
    """A code as `is_country` knows them, with a region after a hyphen where its holidays differ (`DE-BY`)."""
    closed: frozenset[date] = field(default=frozenset())
    """The company's own holidays."""

    @cached_property
    def _holidays(self) -> "holidays.HolidayBase":
        import holidays  # noqa: PLC0415

        country, _, subdivision = self.country.partition("-")
        return holidays.country_holidays(country, subdiv=subdivision or None)

    def includes(self, day: date) -> bool:
        """Return whether people work on this day."""
        return day not in self.closed and self._holidays.is_working_day(day)

    def next_from(self, day: date, step: int) -> date:
        """Return the first business day from `day` on, or back from it with a `step` of -1."""
        for distance in range(_LONGEST_BREAK):
            if self.includes(found := day + step * distance * _DAY):
                return found
        return day
