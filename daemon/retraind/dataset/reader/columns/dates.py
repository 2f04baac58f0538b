"""Dates: the forms that the service reads, and those that people and programs write. Pure.

The service's manual lists fifty forms. A column keeps one of them.
"""

import functools
import re
import unicodedata
from typing import NamedTuple

from retraind.dataset.reader.columns.numbers import text_of

FIRST_YEAR, LAST_YEAR = 1970, 3999
USUAL_YEARS = range(1900, 2101)
"""Digits alone are taken for dates only where most of them are in these years."""

_LONGEST = 80  # bytes of a date in any form
_REMEMBERED = 2_000  # values: a table has the same days again and again

_DIGIT = re.compile(rb"[0-9\x80-\xff]")
_NO_DIGIT = re.compile(r"[^0-9]")
_MONTHS, _DAYS, _HOURS = range(1, 13), range(1, 32), range(24)

_TIME = r"(?P<hour>\d{1,2}):(?P<minute>\d{2})(?::(?P<second>\d{2}))?"
_MORE = (
    r"(?P<more>(?:[.,]\d+)? ?(?:[AaPp]\.?[Mm]\.?|午[前後])? ?"
    r"(?:Z|z|(?:UTC|GMT|JST)?(?:[+-]\d{1,2}(?::?\d{2})?)?)(?:\[[\w/+-]+\])?)"
)
_TIME_IN_KANJI = rf"(?:午[前後] ?)?(?:\d{{1,2}}時(?:半|\d{{1,2}}分(?:\d{{1,2}}秒)?)?|{_TIME})"
_DAY_OF_WEEK = r"(?: ?\((?:[日月火水木金土]|[A-Za-z]{3})\))?"
_MONTH_NAME = r"(?:jan|feb|mar|apr|may|jun|jul|aug|sep|oct|nov|dec)[a-z]{0,6}\.?"
_ERA, _ERA_LETTER = r"(?:明治|大正|昭和|平成|令和)", "[MTSHR明大昭平令]"

_READ = re.compile(
    rf"(?P<year>\d{{4}})(?P<by>[-/])(?P<month>\d{{1,2}})(?P=by)(?P<day>\d{{1,2}})(?: {_TIME})?", re.ASCII
)
_READ_SHORT = re.compile(r"(?P<year>\d{4})-(?P<month>\d{1,2})", re.ASCII)
_READ_DAY_FIRST = re.compile(r"(?P<day>\d{1,2})-(?P<month>\d{1,2})-(?P<year>\d{4})", re.ASCII)
_READ_NAMED = re.compile(r"(?:jan|feb|mar|apr|may|jun|jul|aug|sep|oct|nov|dec)-\d{2}", re.ASCII)
_COMPACT = re.compile(r"(?P<year>\d{4})(?P<month>\d{2})(?P<day>\d{2})?", re.ASCII)

_OTHERS = tuple(
    (name, re.compile(pattern, re.ASCII | re.IGNORECASE))
    for name, pattern in (
        (
            "year-first",
            rf"(?P<year>\d{{4}})(?P<by>[-/.])(?P<month>\d{{1,2}})(?P=by)(?P<day>\d{{1,2}})\.?{_DAY_OF_WEEK}"
            rf"(?:(?:T|,? +)(?:{_TIME_IN_KANJI}{_MORE}))?",
        ),
        ("slashed-month", r"(?P<year>\d{4})/(?P<month>\d{1,2})"),
        (
            "year-last",
            rf"(?P<one>\d{{1,2}})(?P<by>[-/.])(?P<two>\d{{1,2}})(?P=by)(?P<year>\d{{4}}){_DAY_OF_WEEK}"
            rf"(?:(?:T|,? +){_TIME}{_MORE})?",
        ),
        (
            "short-year",
            r"(?=\d{2}[-/]|\d[-/]\d{1,2}[-/]\d{2})(?P<one>\d{1,2})(?P<by>[-/])(?P<two>\d{1,2})(?P=by)"
            rf"(?P<three>\d{{1,2}}){_DAY_OF_WEEK}"
            rf"(?: +{_TIME}{_MORE})?",
        ),
        ("short-dots", r"(?P<one>\d{2})\.(?P<two>\d{2})\.(?P<three>\d{2})"),
        (
            "kanji",
            rf"(?P<year>\d{{4}})年(?: ?(?P<month>\d{{1,2}})月(?: ?(?P<day>\d{{1,2}})日)?)?{_DAY_OF_WEEK}"
            rf"(?: ?{_TIME_IN_KANJI})?",
        ),
        (
            "short-kanji",
            rf"\d{{2}}年 ?(?P<month>\d{{1,2}})月(?: ?(?P<day>\d{{1,2}})日)?{_DAY_OF_WEEK}"
            rf"(?: ?{_TIME_IN_KANJI})?",
        ),
        (
            "era",
            rf"{_ERA} ?(?:\d{{1,2}}|元)[年./-](?: ?(?P<month>\d{{1,2}})(?:月|[./-](?=\d)|\Z)"
            rf"(?: ?(?P<day>\d{{1,2}})日?)?)?{_DAY_OF_WEEK}(?: ?{_TIME_IN_KANJI})?",
        ),
        (
            "era-letter",
            rf"{_ERA_LETTER}\.? ?\d{{1,2}}(?P<by>[./-])(?P<month>\d{{1,2}})(?P=by)(?P<day>\d{{1,2}})"
            rf"{_DAY_OF_WEEK}(?: +{_TIME_IN_KANJI})?",
        ),
        (
            "era-letter",
            rf"{_ERA_LETTER}\d{{1,2}}年(?P<month>\d{{1,2}})月(?:(?P<day>\d{{1,2}})日)?"
            rf"(?: ?{_TIME_IN_KANJI})?",
        ),
        (
            "compact-time",
            r"(?P<year>\d{4})(?P<month>\d{2})(?P<day>\d{2})[T _-]?(?P<hour>\d{2}):?(?P<minute>\d{2})"
            rf"(?::?(?P<second>\d{{2}}))?{_MORE}",
        ),
        (
            "named",
            rf"(?:[a-z]{{3,9}},? )?(?P<day>\d{{1,2}})(?:st|nd|rd|th)?[- /.]*{_MONTH_NAME}[- /.,]*\d{{2,4}}"
            rf"(?:,? {_TIME}{_MORE})?",
        ),
        (
            "named",
            rf"(?:[a-z]{{3,9}},? )?{_MONTH_NAME} +(?P<day>\d{{1,2}})(?:st|nd|rd|th)?,?"
            rf"(?: {_TIME}{_MORE})?,? +\d{{4}}"
            rf"(?:,? (?:@ )?{_TIME.replace('P<', 'P<late_')}(?:[.:]\d+)? ?(?:[AP]M)?)?",
        ),
        (
            "named-dots",
            rf"(?P<day>\d{{1,2}})-{_MONTH_NAME}-\d{{2,4}} (?P<hour>\d{{1,2}})\.(?P<minute>\d{{2}})\.\d{{2}}"
            r"(?:\.\d+)? ?(?:[AP]M)?(?: [+-]\d{2}:\d{2})?",
        ),
        ("named-joined", rf"(?P<day>\d{{1,2}}){_MONTH_NAME}\d{{2,4}}:{_TIME}(?:\.\d+)?"),
        (
            "dashed-time",
            r"(?P<year>\d{4})-(?P<month>\d{2})-(?P<day>\d{2})-(?P<hour>\d{2})\.(?P<minute>\d{2})\.\d{2}"
            r"(?:\.\d+)?",
        ),
        ("named-month", rf"{_MONTH_NAME}[- /']*\d{{4}}|\d{{4}}[- /]{_MONTH_NAME}"),
        ("week", r"(?P<year>\d{4})-?W\d{2}(?:-\d)?"),
        ("quarter", r"(?P<year>\d{4})[- ]?Q[1-4]|Q[1-4][- /]\d{4}"),
        ("time", rf"(?:午[前後] ?)?{_TIME}{_MORE}"),
        ("time", r"午[前後] ?\d{1,2}時(?:半|\d{1,2}分(?:\d{1,2}秒)?)?|\d{1,2}時\d{1,2}分(?:\d{1,2}秒)?"),
    )
)


class Form(NamedTuple):
    """How a date is written, and its year."""

    key: str
    """Equal for dates of one form, apart from leading zeros."""
    is_read: bool
    """The service reads dates of this form."""
    zeros: frozenset[str] = frozenset()
    """Parts with a leading zero, as 0m, and parts of one digit, as 1m; a form has not both."""
    year: int | None = None
    has_time: bool = False
    is_digits: bool = False
    """It can as well be a plain number."""

    def is_like(self, other: "Form") -> bool:
        """Return whether both are in one form."""
        if self.key != other.key:
            return False
        both = self.zeros | other.zeros
        return not any("0" + part in both and "1" + part in both for part in "mdh")

    @property
    def out_of_range(self) -> bool:
        """Whether the service does not accept dates of this year."""
        return self.year is not None and not FIRST_YEAR <= self.year <= LAST_YEAR


def form_of(value: bytes) -> Form | None:
    """Return in which form a value is a date; None if it is none."""
    return None if len(value) > _LONGEST or not _DIGIT.search(value) else _form_of(value)


@functools.lru_cache(maxsize=_REMEMBERED)
def _form_of(value: bytes) -> Form | None:
    if value.isascii():
        written = value.decode("ascii")
        return _read(written) or _compact(written) or _other(written)
    written = text_of(value).strip()
    text = unicodedata.normalize("NFKC", written)
    found = _other(text)
    if found is None and (plain := _read(text)) is not None:
        found = plain._replace(is_read=False, key="full-width " + plain.key)
    return found


def _read(text: str) -> Form | None:
    match = _READ.fullmatch(text)
    if match is not None:
        hour, second = match["hour"], match["second"]
        time = "" if hour is None else " H:mm" if second is None else " H:mm:ss"
        key = f"yyyy{match['by']}M{match['by']}d{time}"
        zeros = _zeros(m=match["month"], d=match["day"], h=hour)
        is_read = int(hour or 0) in _HOURS
        key += "" if is_read else " after midnight"
        return Form(key, is_read=is_read, zeros=zeros, year=int(match["year"]), has_time=hour is not None)
    match = _READ_SHORT.fullmatch(text)
    if match is not None and int(match["month"]) in _MONTHS:
        return Form("yyyy-M", is_read=True, zeros=_zeros(m=match["month"]), year=int(match["year"]))
    match = _READ_DAY_FIRST.fullmatch(text)
    if match is not None and int(match["month"]) in _MONTHS and int(match["day"]) in _DAYS:
        zeros = _zeros(m=match["month"], d=match["day"])
        return Form("d-M-yyyy", is_read=True, zeros=zeros, year=int(match["year"]))
    if _READ_NAMED.fullmatch(text.lower()):
        return Form("mmm-yy", is_read=text[:1].isupper() and text[1:].islower())
    return None


def _zeros(**parts: str | None) -> frozenset[str]:
    return frozenset(
        ("1" if len(digits) == 1 else "0") + part
        for part, digits in parts.items()
        if digits and (len(digits) == 1 or digits[0] == "0")
    )


def _compact(text: str) -> Form | None:
    match = _COMPACT.fullmatch(text)
    if match is not None and text.strip(text[0]) == "" and text[0] in "09":  # not set, or never
        key = "yyyyMM" if match["day"] is None else "yyyyMMdd"
        return Form(key, is_read=True, year=int(match["year"]), is_digits=True)
    if match is None or int(match["month"]) not in _MONTHS or int(match["day"] or 1) not in _DAYS:
        return None
    key = "yyyyMM" if match["day"] is None else "yyyyMMdd"
    return Form(key, is_read=True, year=int(match["year"]), is_digits=True)


def _other(text: str) -> Form | None:
    for name, pattern in _OTHERS:
        match = pattern.fullmatch(text)
        if match is None:
            continue
        groups = match.groupdict()
        if not _is_date(groups) and not (groups.get("year") == "0000" and not int(_NO_DIGIT.sub("", text))):
            continue
        key = f"{name} {groups.get('by') or ''}".strip()
        if name == "time":
            return Form(key, is_read=False, has_time=True)
        year = groups.get("year")
        has_time = any(value for part, value in groups.items() if part.endswith("hour"))
        return Form(
            key + (" time" if has_time else ""),
            is_read=False,
            year=None if year is None else int(year),
            has_time=has_time or "時" in text,
            is_digits=text.isdigit(),
        )
    return None


def _is_date(groups: dict[str, str | None]) -> bool:
    """Return whether the numbers can be a month, a day, an hour."""

    def within(part: str, low: int, high: int) -> bool:
        return groups.get(part) is None or low <= int(groups[part] or 0) <= high

    if not (within("month", 1, 12) and within("day", 1, 31) and within("hour", 0, 24)):
        return False
    if not (within("minute", 0, 59) and within("second", 0, 60)):
        return False
    numbers = [int(groups[part] or 0) for part in ("one", "two", "three") if groups.get(part)]
    # Two of the numbers are month and day: with a year of two digits, the first two or the last two.
    pairs = [numbers[:2], numbers[1:]] if len(numbers) > len("md") else [numbers[:2]]
    return any(not pair or (min(pair) in _MONTHS and max(pair) in _DAYS) for pair in pairs)


_GUARDS = {
    "yyyy-M-d": (rb"-", "md"),
    "yyyy/M/d": (rb"/", "md"),
    "yyyy-M-d H:mm": (rb"-", "mdh"),
    "yyyy/M/d H:mm": (rb"/", "mdh"),
    "yyyy-M-d H:mm:ss": (rb"-", "mdhs"),
    "yyyy/M/d H:mm:ss": (rb"/", "mdhs"),
}
_YEARS = rb"(?:19[7-9][0-9]|[23][0-9][0-9][0-9])"
BAD_YEARS = rb"(?:0[0-9][0-9][0-9]|1[0-8][0-9][0-9]|19[0-6][0-9]|[4-9][0-9][0-9][0-9])"
ANY_YEAR = rb"[0-9][0-9][0-9][0-9]"

_DATED_PLAIN = rb"[ '-+./:A-Za-z-]*[0-9][ '-+.-:A-Za-z-]*"
_DATED_WIDE = rb"[ '-+./:A-Za-z\x5b-\x5f\x80-\xff-]*[0-9][ '-+.-:A-Za-z\x5b-\xff-]*"
_DATED = tuple((text, re.compile(text)) for text in (_DATED_PLAIN, _DATED_WIDE))
DATED = _DATED_PLAIN
"""An expression for values with a digit, which no value that stands for a missing date has."""


def written_as(value: bytes, known: bytes | None) -> bytes | None:
    """Return an expression for dates in any form, of this value and those known; None if there is none."""
    if known is None or _DATED[0][1].fullmatch(value):
        return known
    begin = next(at for at, (text, _) in enumerate(_DATED) if text == known)
    return next((text for text, pattern in _DATED[begin:] if pattern.fullmatch(value)), None)


@functools.lru_cache(maxsize=_REMEMBERED)
def guard(form: Form, years: bytes = _YEARS) -> bytes | None:
    """Return an expression for dates of some years in the same form; None if there is none for it."""

    def part(name: str) -> bytes:
        if name == "h":  # up to 23
            one = rb"[1-9]|" if "1h" in form.zeros else rb"0[0-9]|" if "0h" in form.zeros else b""
            return rb"(?:%b1[0-9]|2[0-3])" % one
        if "1" + name in form.zeros:
            return rb"[1-9][0-9]?"
        return rb"[0-9][0-9]" if "0" + name in form.zeros else rb"[1-9][0-9]"

    if form.key == "yyyyMMdd":
        return years + rb"(?:0[1-9]|1[0-2])(?:0[1-9]|[12][0-9]|3[01])"
    if form.key == "yyyyMM":
        return years + rb"(?:0[1-9]|1[0-2])"
    if form.key not in _GUARDS:
        return None
    by, parts = _GUARDS[form.key]
    found = years + by + part("m") + by + part("d")
    if "h" in parts:
        found += b" " + part("h") + rb":[0-9][0-9]"
    return found + (rb":[0-9][0-9]" if "s" in parts else b"")
