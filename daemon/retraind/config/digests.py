"""When digests are due: "daily 08:00" or "weekly mon 08:00", by this machine's clock or that of a zone."""

import re
from datetime import UTC, date, datetime, time, timedelta
from typing import Annotated, NamedTuple
from zoneinfo import ZoneInfo

from pydantic import AfterValidator

from retraind.config.calendars import WEEKDAYS, zone_of
from retraind.config.mistakes import Mistake
from retraind.config.types import clocks_show

NEVER = "never"
_TIMES = re.compile(
    rf"(?:daily|weekly +(?P<day>{'|'.join(WEEKDAYS)})[a-z]*) +(?P<at>(?:[01]?\d|2[0-3]):[0-5]\d)"
    r"(?: +(?P<zone>[A-Za-z][\w/+-]*))?",
    re.IGNORECASE,
)
_DAY = timedelta(days=1)
_WEEK = 7


class DigestTimes(NamedTuple):
    """A time of each day, or of one day of each week."""

    weekday: int | None
    """0 is Monday; None is each day."""
    at: time
    zone: ZoneInfo | None
    """None is this machine's."""

    def next_after(self, moment: datetime) -> datetime:
        """Return the first of these times after `moment`, in UTC.

        A time that clocks skip counts as much later as they are set forward; of one that comes twice, the
        first counts.
        """
        day = moment.astimezone(self.zone).date() - _DAY
        while True:
            found = self._on(day)
            if found > moment and self.weekday in {None, day.weekday()}:
                return found
            day += _DAY

    def _on(self, day: date) -> datetime:
        if self.zone is None:
            return clocks_show(day, self.at).astimezone(UTC)
        return datetime.combine(day, self.at, self.zone).astimezone(UTC)


def digest_of(text: str) -> DigestTimes | None:
    """Read when digests are due; None is never. Raises Mistake."""
    if text == NEVER:
        return None
    found = _TIMES.fullmatch(text.strip())
    if found is None:
        raise Mistake("digest_unreadable")
    zone = zone_of(found["zone"]) if found["zone"] else None
    day = WEEKDAYS.index(found["day"].lower()) if found["day"] else None
    return DigestTimes(day, time.fromisoformat(found["at"].zfill(len("00:00"))), zone)


def _readable(text: str) -> str:
    digest_of(text)
    return " ".join(text.split())


DigestText = Annotated[str, AfterValidator(_readable)]
