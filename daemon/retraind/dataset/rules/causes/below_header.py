"""A row between the names and the data: units, types, or a second line of names."""

import re
from collections.abc import Hashable, Iterator, Sequence

from retraind.dataset.reader.columns.numbers import is_marker
from retraind.dataset.rules.causes.cause import Cause
from retraind.dataset.rules.causes.sample import delimiter_of, is_date, is_number, rows_of, values_of
from retraind.dataset.rules.data_file import DataFile
from retraind.domain.problems import Severity

_FEWEST_ROWS = 10
_OF_NAMES = frozenset({"duplicate-columns", "empty-column-names", "empty-column-name"})
_TEXTS = 2  # above numbers or dates, from which on they are no accident
_UNIT = re.compile(
    r"[\[(（〔【].*[\])）〕】]|%|％|℃|°C|"  # noqa: RUF001
    r"(tiny|small|big)?int(eger|\d+)?|float(\d+)?|double( precision)?|real|decimal|numeric|number|"
    r"date(time)?|timestamp|string|str|(n?var)?char2?(\(\d+\))?|bool(ean)?|数値|整数|実数|日付|日時|文字列|単位.*",
    re.IGNORECASE,
)


def row_below_header(file: DataFile) -> Iterator[Cause]:
    """The first row is one of data: it has no texts where all other rows have numbers or dates."""
    table = file.table
    first, rows = [table.text(value).strip() for value in table.oddities.first_row], table.oddities.rows
    if len(first) != table.width or len(rows) <= _FEWEST_ROWS or rows[0] != table.oddities.first_row:
        return
    texts = []
    for at, head in enumerate(first[: min(map(len, rows))]):
        second = table.text(rows[1][at]).strip()
        if second and not (is_number(second) or is_date(second)):
            continue  # as most texts: the others need no look
        values = values_of(table, at, rows[1:])
        if len(values) < _FEWEST_ROWS or not (all(map(is_number, values)) or all(map(is_date, values))):
            continue
        if is_number(head) or is_date(head) or is_marker(head.encode()):
            return
        texts += [head] if head else []
    if len(texts) < _TEXTS and not any(map(_UNIT.fullmatch, texts)):
        return
    read = rows_of(table, delimiter_of(table))
    line = read[1].line if len(read) > 1 else 2
    filled = [value for value in first if value]
    names = [table.text(name).strip() for name in table.header]
    completes = _are_names(list(zip(names, first, strict=True))) and not _are_names(names)
    finding = file.warning(
        "row-below-header",
        line=line,
        values=filled,
        total=len(filled),
        completes=completes,
        paired=file.paired,
    )
    yield Cause(
        finding, lambda each: each.line == line or (completes and each.rule in _OF_NAMES), Severity.WARNING
    )


def _are_names(names: Sequence[Hashable]) -> bool:
    """Return whether all of these differ, and at most one is empty."""
    return len(set(names)) == len(names)
