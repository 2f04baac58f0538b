"""A header that is missing: the first row looks like the rows below it."""

import re
from collections.abc import Iterator, Sequence
from enum import Enum, auto

from retraind.dataset.rules.causes.cause import Cause, rules
from retraind.dataset.rules.causes.sample import is_date, is_number, values_of
from retraind.dataset.rules.data_file import DataFile
from retraind.domain.problems import Severity

_FEW_ROWS = 5
_SEQUENCE = 3  # numbers, whose order says something
_MARGIN = 0.1
_INSIDE = 0.7  # of the numbers; that of a column that rises is often outside
_YEARS = range(1900, 2101)
_NUMBERS = re.compile(r"\d+")
_LETTER = re.compile(r"[^\s.+-]")


class _Sight(Enum):
    """What a value of the first row looks like beside its column."""

    NAME = auto()
    NEUTRAL = auto()
    NUMBER = auto()
    VALUE = auto()


def missing_header(file: DataFile) -> Iterator[Cause]:
    """The first row has the names of the columns."""
    table = file.table
    rows = table.oddities.rows
    if table.width < 2 or len(rows) < _FEW_ROWS or table.width > len(table.header):  # noqa: PLR2004
        return
    numbers: list[tuple[float, bool]] = []
    sights: list[_Sight] = []
    kept = min(map(len, rows))  # of a wide row, only the first values
    for at, name in enumerate(table.header[:kept]):
        head = table.text(name).strip()
        sight = _sight(head, values := values_of(table, at, rows))
        if sight is _Sight.NAME:
            return
        if sight is _Sight.NUMBER:
            number, below = _value(head), list(map(_value, values))
            margin = _MARGIN * (max(below) - min(below))  # the first row of a count is next to the others
            numbers.append((number, min(below) - margin <= number <= max(below) + margin))
        sights.append(sight)
        if sights.count(_Sight.NEUTRAL) * 2 > kept:
            return
    decimals = any(b"." in name for name in table.header)
    if not _is_data(sights, numbers, decimals=decimals):
        return
    finding = file.warning(
        "header-missing",
        line=1,
        values=[table.text(name) for name in table.header],
        total=table.width,
        paired=file.paired,
    )
    follows = rules("duplicate-columns", "empty-column-names", "empty-column-name", "target-missing")
    yield Cause(finding, follows, Severity.WARNING)


def _sight(head: str, values: Sequence[str]) -> _Sight:
    if not head or not values:
        return _Sight.NEUTRAL
    dates, numbers = all(map(is_date, values)), all(map(is_number, values))
    if is_number(head) and numbers:
        return _Sight.NUMBER
    if head in values or (is_date(head) and dates) or _is_numbered(head, values):
        return _Sight.VALUE
    return _Sight.NAME if (dates or numbers) and not is_date(head) else _Sight.NEUTRAL


def _is_numbered(head: str, values: Sequence[str]) -> bool:
    """Return whether all are the same text with numbers in it, such as A001."""
    shape = _NUMBERS.sub("0", head)
    before, number, _ = shape.partition("0")
    is_numbered = bool(number) and _LETTER.search(before) is not None
    return is_numbered and all(_NUMBERS.sub("0", value) == shape for value in values)


def _value(text: str) -> float:
    """Return a number, whatever its marks: only its size matters here."""
    try:
        return float(text.rstrip("% ").replace(",", ""))
    except ValueError:
        return 0.0


def _is_data(sights: Sequence[_Sight], numbers: Sequence[tuple[float, bool]], *, decimals: bool) -> bool:
    """`numbers` are those of the first row, each with whether it is in the range of its column."""
    values = sights.count(_Sight.VALUE)
    if not numbers:
        return values == len(sights)
    if values:
        return True
    # Years, ranks and wavelengths are names of columns, too: they stand in order, or out of the range.
    row = [number for number, _ in numbers]
    inside = sum(is_inside for _, is_inside in numbers)
    if all(number in _YEARS for number in row) or inside < _INSIDE * len(numbers):
        return False
    ordered = row in (sorted(row), sorted(row, reverse=True)) and len(set(row)) == len(row)
    return len(row) >= _SEQUENCE and (decimals or not ordered)
