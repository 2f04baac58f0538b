"""Several tables: another one below the first, rows with columns in other places, records of types."""

import re
from collections import Counter
from collections.abc import Iterator, Sequence
from functools import partial

from retraind.dataset.reader.columns.facts import Kind
from retraind.dataset.reader.ragged import RaggedRow
from retraind.dataset.reader.table import ReadResult
from retraind.dataset.rules.causes.below import says_end
from retraind.dataset.rules.causes.cause import Cause, everything
from retraind.dataset.rules.causes.sample import (
    Row,
    delimiter_of,
    is_date,
    is_number,
    parts_of,
    rows_of,
)
from retraind.dataset.rules.data_file import DataFile
from retraind.dataset.rules.header import MIN_COLUMNS
from retraind.dataset.rules.rows import lacks_last_values
from retraind.dataset.rules.service_messages import RAGGED
from retraind.domain.problems import Finding, Severity

_LETTER = re.compile(r"[^\W\d_]")
_BEGINS = re.compile(
    r"[*#]?(H|HD|HE|HDR|HEAD|HEADER|FH|FHR|BOF|BEGIN|START|A|[01]|0[01]|00[01])[\dA-Z]{0,2}", re.IGNORECASE
)
_IS_DATA = re.compile(
    r"(D|DT|DA|DE|DTL|DAT|DATA|DETAIL|DET|B|BODY|R|REC|RECORD|M|L|LINE|\d{1,3})[\dA-Z]{0,2}", re.IGNORECASE
)
_ENDS = re.compile(r"[*#]?(T|TR|TRL|TRA?ILER|FT|FTR|E|END|EOF|Z|9|09|99|999)[\dA-Z]{0,2}", re.IGNORECASE)
"""Codes of records, in their first column: of a file's head, of its data, of its end."""
_MOST_TYPES = 6
_DATA_SHARE = 0.5
_FEWEST_ROWS = 10  # above and below, that show what is in a column
_NEAR = 5  # lines above its names: a title, empty lines, a count of the rows above


def second_table(file: DataFile) -> Iterator[Cause]:
    """One table is in the file: no other one begins below it."""
    table = file.table
    if table.width < MIN_COLUMNS:
        return
    if table.width_below:
        yield from _of_another_width(file)
    elif found := _names_below(table):
        yield _of_this_width(file, *found)


def shifted_columns(file: DataFile) -> Iterator[Cause]:
    """All rows have the same columns: from none on, several columns have another kind of values for good."""
    table = file.table
    columns: dict[int, list[int]] = {}
    for at, place in table.columns.broken.items():
        columns.setdefault(place.line, []).append(at)
    for line, places in sorted(columns.items()):
        if len(places) < MIN_COLUMNS or any(second_table(file)):
            continue
        rows = [row for part in parts_of(table) for row in part.rows()]
        above, below = ([row for row in rows if (row.line < line) is first] for first in (True, False))
        shifted = [at for at in places if _is_shifted(at, above, below)]
        if len(shifted) >= MIN_COLUMNS:
            finding = file.warning(
                "columns-shifted",
                line=line,
                column=file.column(shifted[0]),
                columns=[file.column(at) for at in shifted],
                values=[table.text(table.columns.broken[at].value) for at in shifted],
                total=len(shifted),
                paired=file.paired,
            )
            yield Cause(finding, partial(_is_in, line), Severity.WARNING)
            return


def _is_in(line: int, finding: Finding) -> bool:
    return finding.line == line


def _is_shifted(at: int, above: Sequence[Row], below: Sequence[Row]) -> bool:
    """Return whether a column has numbers or dates alone above, and none of them below."""
    befores, afters = ([cell for row in rows if (cell := row.cells[at].strip())] for rows in (above, below))
    if min(len(befores), len(afters)) < _FEWEST_ROWS:
        return False
    return any(
        all(map(is_kind, befores)) and not any(map(is_kind, afters)) for is_kind in (is_number, is_date)
    )


def record_types(file: DataFile) -> Iterator[Cause]:
    """All rows are of one type: the first column has no codes that say how to read each of them.

    Files for banks and for other systems begin with a record about the file and end with one that counts.
    """
    table = file.table
    begin = table.text(table.oddities.first_line).split(delimiter_of(table))
    first = begin[0].strip('" ')
    if not _BEGINS.fullmatch(first):
        return
    rows = rows_of(table, delimiter_of(table))
    if len(rows) <= _NEAR:
        return
    widths: dict[str, set[int]] = {}
    counts: Counter[str] = Counter()
    for row in rows:
        code = row.cells[0].strip() if row.cells else ""
        widths.setdefault(code, set()).add(len(row.cells))
        counts[code] += 1
    code, count = counts.most_common(1)[0]
    is_head = counts[first] == 1 and first.isdigit() == code.isdigit()
    if not is_head or not _IS_DATA.fullmatch(code) or count < _DATA_SHARE * len(rows):
        return
    if len(counts) > _MOST_TYPES or any(len(each) > 1 for each in widths.values()):
        return
    has_names = all(cell and not is_number(cell) and not is_date(cell) for cell in begin[1:])
    if has_names and {len(begin)} == widths[code]:
        return
    finding = file.error(
        "record-types",
        service=RAGGED if table.ragged else None,
        line=1,
        types=[(each, max(found)) for each, found in widths.items()],
        total=len(widths),
        data=code,
        paired=file.paired,
    )
    # Of records that a spreadsheet has filled up to the same number of columns, the last one is sure enough.
    last = table.text(table.oddities.tail).rstrip().splitlines()[-1:]
    end = last[0].partition(delimiter_of(table))[0].strip('" ') if last else ""
    is_sure = (
        _ENDS.fullmatch(end) is not None and end.isdigit() == code.isdigit() and counts[end] < MIN_COLUMNS
    )
    yield Cause(finding, everything, Severity.WARNING if is_sure and end != code else None)


def _of_another_width(file: DataFile) -> Iterator[Cause]:
    """Yield the cause that explains all ragged rows, if they are together at the end."""
    table = file.table
    ragged, width = table.ragged, table.width_below
    row = next((each for each in ragged.first if each.width == width), None)
    if ragged.count < MIN_COLUMNS or table.rows == 0 or table.same_width or row is None or _is_cut(table):
        return
    cells = [cell.strip() for cell in _cells(table, row)]
    names = cells if _are_names(cells) else []
    if not names and (lacks_last_values(table) or any(map(_is_split, cells, cells[1:]))):
        return
    finding = _finding(file, row.line, names, columns=width)
    yield Cause(finding, lambda each: each.rule == "ragged-rows")


def _is_cut(table: ReadResult) -> bool:
    """Return whether all that is said to be below is one row."""
    return sum(row.width > 1 for row in table.ragged.first) < MIN_COLUMNS


def _is_split(cell: str, after: str) -> bool:
    """Return whether two values are parts of a number with a thousands separator."""
    return bool(re.fullmatch(r"[^\d\s]?\d{1,3}", cell) and re.fullmatch(r"\d{3}(\.\d*)?", after))


def _cells(table: ReadResult, row: RaggedRow) -> list[str]:
    return table.text(row.text).split(delimiter_of(table))


def _are_names(cells: Sequence[str]) -> bool:
    filled = [cell for cell in cells if cell]
    named = all(_LETTER.search(cell) and not is_number(cell) and not is_date(cell) for cell in filled)
    return len(filled) >= max(1, len(cells) - 1) and named and len(set(filled)) == len(filled)


def _names_below(table: ReadResult) -> tuple[int, list[str]] | None:
    """Return the line and texts of a row below which no column has numbers or dates any more."""
    broken = table.columns.broken
    line = max((place.line for place in broken.values()), default=0)
    names = {at: table.text(place.value) for at, place in broken.items() if place.line == line}
    if any(names[at] == table.text(table.header[at]) for at in names):
        return None  # the header once more
    if not names or line >= table.oddities.last_line or not _are_names([*names.values()]):
        return None
    others = [
        at for at, kind in enumerate(table.columns.kinds)
        if kind in {Kind.NUMBER, Kind.DATE} and at not in broken
    ]  # fmt: skip
    is_apart = line - 1 in table.oddities.blank.first and not any(map(says_end, names.values()))
    is_sure = is_apart or (len(names) >= MIN_COLUMNS and not others)
    return (line, [*names.values()]) if is_sure else None


def _of_this_width(file: DataFile, line: int, names: Sequence[str]) -> Cause:
    table = file.table
    finding = _finding(file, line, names, columns=table.width)
    above = range(line - _NEAR, line)

    def explains(each: Finding) -> bool:
        if each.rule == "ragged-rows":
            rows = table.ragged
            return rows.count <= _NEAR and all(row.line in above and row.width <= 1 for row in rows.first)
        return each.line == line

    return Cause(finding, explains, Severity.WARNING)


def _finding(file: DataFile, line: int, names: Sequence[str], *, columns: int) -> Finding:
    return file.warning(
        "second-table",
        service=RAGGED,
        line=line,
        names=names,
        columns=columns,
        expected=file.table.width,
        paired=file.paired,
    )
