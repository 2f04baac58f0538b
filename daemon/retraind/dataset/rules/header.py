"""Rules about a file's first row, which has the column names."""

import csv
from collections import Counter
from collections.abc import Iterator

from retraind.dataset.reader.encodings.verdict import LOST
from retraind.dataset.reader.table import DELIMITERS, OTHER_DELIMITERS, ReadResult
from retraind.dataset.rules.data_file import DataFile
from retraind.dataset.rules.service_messages import FEW_ROWS, MANY_COLUMNS, ONE_COLUMN, SAME_NAME
from retraind.domain.problems import Finding

_LINES, _FEWEST_LINES = 50, 5
_OTHER_SIGNS = ("\x01", "\x1f", "^", "~", "¦", "§", "\uff0c", "\uff1b", "\u3001", ":", "#")
"""Of Hive, of programs on mainframes, of Japanese keyboards."""
MIN_COLUMNS = 2
MAX_COLUMNS, MAX_COLUMNS_TIME_SERIES = 999, 200


def header(file: DataFile) -> Iterator[Finding]:
    """The first row has at least two, and not too many, column names."""
    table = file.table
    limit = MAX_COLUMNS_TIME_SERIES if file.time_series else MAX_COLUMNS
    if table.empty:
        size = table.facts.bytes if table.facts is not None else 0
        yield file.error("empty-file", service=FEW_ROWS, size=size, paired=file.paired)
    elif not table.header and not table.is_complete:
        return
    elif table.width == 0:
        yield file.error("blank-header", service=ONE_COLUMN, line=1, paired=file.paired)
    elif table.width < MIN_COLUMNS:
        other, delimiter = other_delimiter(table), DELIMITERS.get(table.suffix, b",")
        yield file.error(
            "one-column",
            service=ONE_COLUMN,
            line=1,
            name=table.text(table.header[0]),
            delimiter=delimiter.decode("ascii"),
            other_delimiter=other.decode("ascii") if other else _other_sign(table),
            whole_lines=len(table.header[0].split(delimiter)) > 1,
            fixed_width=other is None and _has_fixed_width(table),
            other_extension=next((suffix for suffix, each in DELIMITERS.items() if each == other), None),
            paired=file.paired,
        )
    elif table.width > limit:
        yield file.error(
            "too-many-columns",
            service=MANY_COLUMNS,
            line=1,
            columns=table.width,
            limit=limit,
            time_series=file.time_series,
            paired=file.paired,
        )


def other_delimiter(table: ReadResult) -> bytes | None:
    """Return the delimiter that a file with a header of one column evidently uses; None if there is none."""
    if table.width != 1 or table.facts is None or not table.header:
        return None
    counts = {
        delimiter: table.header[0].count(delimiter)
        for delimiter in OTHER_DELIMITERS
        if delimiter != table.facts.delimiter.encode("ascii")
    }
    likely = max(counts, key=counts.__getitem__)
    return likely if counts[likely] else None


def _other_sign(table: ReadResult) -> str | None:
    """Return a sign that divides the first lines, all into as many parts, and which no one expects."""
    lines = table.text(table.oddities.head).splitlines()[:_LINES]
    if len(lines) >= _FEWEST_LINES:
        for sign in _OTHER_SIGNS:
            counts = {line.count(sign) for line in lines[:-1]}
            if len(counts) == 1 and counts != {0}:
                return sign
    return " " if _has_spaces_between(table) else None


def _has_fixed_width(table: ReadResult) -> bool:
    """Return whether the first lines are equally long, filled up with spaces: columns have fixed widths."""
    lines = table.oddities.head.splitlines()[:_LINES][:-1]
    spaced = sum(b"  " in line for line in lines) * 2 > len(lines)
    return len(lines) >= _FEWEST_LINES and spaced and len({*map(len, lines)}) == 1


def _has_spaces_between(table: ReadResult) -> bool:
    """Return whether spaces divide the first lines, all into as many parts, as R writes tables."""
    lines = table.text(table.oddities.head).splitlines()[:_LINES]
    if len(lines) < _FEWEST_LINES:
        return False
    names, *rows = csv.reader(lines[:-1], delimiter=" ", skipinitialspace=True)
    widths = {len([cell for cell in row if cell]) for row in rows}
    width = len([name for name in names if name])
    # R leaves out the name of the row names.
    return len(widths) == 1 and width > 1 and widths <= {width, width + 1}


def column_names(file: DataFile) -> Iterator[Finding]:
    """All names differ, and at most one is empty. Case and spaces make a difference."""
    table = file.table
    if table.width < MIN_COLUMNS:
        return
    counts = Counter(_same(table, name) for name in table.header if name)
    if repeated := [name for name, count in counts.items() if count > 1]:
        yield file.error(
            "duplicate-columns",
            service=SAME_NAME,
            line=1,
            column=_shown(table, repeated[0]),
            names=[(_shown(table, name), counts[name]) for name in repeated],
            total=len(repeated),
            paired=file.paired,
        )
    unnamed = [at for at, name in enumerate(table.header, start=1) if not name]
    if len(unnamed) > 1:
        yield file.error(
            "empty-column-names",
            service=SAME_NAME,
            line=1,
            column=unnamed[0],
            places=unnamed,
            total=len(unnamed),
            paired=file.paired,
        )
    elif unnamed:
        yield file.warning("empty-column-name", line=1, column=unnamed[0])


def _same(table: ReadResult, name: bytes) -> str | bytes:
    """Return what is equal for equal names: the text, or the bytes where they are no text."""
    text = table.text(name)
    return name if LOST in text else text


def _shown(table: ReadResult, name: str | bytes) -> str:
    return name if isinstance(name, str) else table.text(name)
