"""Values that name a part of a calendar: days of the week, zones, countries, a company's own holidays."""

import difflib
from collections.abc import Mapping
from datetime import date
from functools import lru_cache
from pathlib import Path
from typing import Annotated
from zoneinfo import ZoneInfo, available_timezones

from pydantic import AfterValidator

from retraind.config.mistakes import Mistake
from retraind.domain.expecting.business_days import is_country
from retraind.domain.problems import Problem, file_problem
from retraind.system import log
from retraind.system.reading import read_all

_LOG = log.get(__name__)

WEEKDAYS = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")


def zone_of(name: str) -> ZoneInfo:
    """Return a time zone by its name in the tz database. Raises Mistake."""
    try:
        return ZoneInfo(name)
    except (ValueError, OSError, KeyError):  # It is a malformed path, a folder, or not there.
        raise Mistake("zone_unknown", name=name, likely=_likely_zone(name)) from None


def _likely_zone(name: str) -> str | None:
    """Return the zone that is probably meant: by its city alone, in another case, or nearly so."""
    return closest(name.strip().replace(" ", "_").casefold(), _zones())


@lru_cache
def _zones() -> Mapping[str, str]:
    """Return the zones by their names, and by their cities alone, in lower case."""
    zones = sorted(available_timezones())
    # Of several with one city, the shorter is not one of a county.
    folded = {zone.rpartition("/")[2].casefold(): zone for zone in sorted(zones, key=len, reverse=True)}
    return folded | {zone.casefold(): zone for zone in zones}


def closest(word: str, known: Mapping[str, str]) -> str | None:
    """Return what the name in `known` stands for that is nearest to a word; None if none is near."""
    found = difflib.get_close_matches(word, known, n=1, cutoff=0.8)
    return known[found[0]] if found else None


def _zone(name: str) -> str:
    zone_of(name)
    return name


def country_of(code: str) -> str:
    """Return the code of a country, and perhaps its region, whose holidays are known. Raises Mistake."""
    if not is_country(code):
        raise Mistake("country_unknown", code=code)
    return code


ZoneName = Annotated[str, AfterValidator(_zone)]
Country = Annotated[str, AfterValidator(country_of)]


def closed_days(file: Path) -> frozenset[date]:
    """Read a company's holidays: a date a line as 2026-12-29, anything after it is a remark.

    Raises OSError, and Mistake for a line that is no date.
    """
    days = set()
    # Remarks may be in any encoding.
    for number, line in enumerate(read_all(file).decode("utf-8-sig", "replace").splitlines(), 1):
        text = line.partition("#")[0].split()
        if not text:
            continue
        try:
            days.add(date.fromisoformat(text[0].replace("/", "-")))
        except ValueError:
            raise Mistake("closed_day_unreadable", line=number, text=text[0]) from None
    return frozenset(days)


def closed_days_or_trouble(file: Path) -> frozenset[date] | Problem:
    """Return a company's holidays, or why they cannot be read."""
    try:
        return closed_days(file)
    except OSError as error:
        return file_problem(error, file)
    except Mistake as mistake:
        return mistake.problem


class ClosedDays:
    """Companies' holidays, read again each time. For several threads."""

    def __init__(self) -> None:
        self._trouble: dict[Path, Problem] = {}

    def of(self, file: Path | None) -> frozenset[date]:
        """Return the days in a file; none without one, or where it cannot be read, which is logged once."""
        if file is None:
            return frozenset()
        found = closed_days_or_trouble(file)
        before = self._trouble.pop(file, None)
        if not isinstance(found, Problem):
            return found
        self._trouble[file] = found
        if found != before:
            _LOG.warning("closed_days_not_read", file=str(file), reason=found)
        return frozenset()
