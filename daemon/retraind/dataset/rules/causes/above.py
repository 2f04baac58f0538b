"""What is above or beside the table: a title, comments, lines for Excel or from PowerShell, blank columns."""

import re
from collections.abc import Iterator, Sequence
from typing import NamedTuple

from retraind.dataset.rules.causes.cause import Cause, everything, rules
from retraind.dataset.rules.causes.sample import (
    MOSTLY,
    Row,
    delimiter_of,
    is_date,
    is_number,
    is_table,
    other_delimiters,
    rows_of,
    share,
)
from retraind.dataset.rules.data_file import DataFile
from retraind.dataset.rules.header import MIN_COLUMNS
from retraind.dataset.rules.service_messages import RAGGED, SAME_NAME
from retraind.domain.problems import Finding, Severity

_SEPARATOR_LINE = re.compile(r'\s*"?sep=([^\w\s"]|\t| )?"?[,;|\t"]*+\s*+', re.IGNORECASE)
_TYPE_LINE = re.compile(r'\s*"?#TYPE\s+([^",;\t]*)', re.IGNORECASE)
_COMMENT = re.compile(r"\s*(#|//|--|%|/\*|;|'|!|\*|REM\b)", re.IGNORECASE)
_YEAR = re.compile(r"(19|20)\d\d")

_LOOKED_AT = 60  # lines above a table; a file with more of them is something else
_MOST_PARTS = 10  # of a header
_FEW_ROWS = 5  # of a table, from which on it shows itself
_ROWS = 200  # of the table below, which is enough to recognise it
_CONTRAST = 0.8  # of a column's values are numbers or dates under a name that is neither


def separator_line(file: DataFile) -> Iterator[Cause]:
    """The first line is the header, not the line that tells Excel which delimiter to use."""
    first = file.table.text(file.table.oddities.first_line).lstrip("\ufeff")
    found = _SEPARATOR_LINE.fullmatch(first)
    if found is None or not file.table.header:
        return
    own = delimiter_of(file.table)
    named = found[1] or own
    other = named if named != own and rows_of(file.table, named)[1:2] else None
    if other is not None and not len(rows_of(file.table, other)[1].cells) > 1:
        other = None
    finding = file.error(
        "separator-line",
        service=RAGGED,
        line=1,
        delimiter=own,
        other_delimiter=other,
        paired=file.paired,
    )
    yield Cause(finding, everything, Severity.ERROR)


def type_line(file: DataFile) -> Iterator[Cause]:
    """The first line is the header, not the name of a type, which Windows PowerShell writes."""
    found = _TYPE_LINE.match(file.table.text(file.table.oddities.first_line).lstrip("\ufeff"))
    if found is not None:
        finding = file.warning("type-line", service=RAGGED, line=1, name=found[1].strip(), paired=file.paired)
        yield Cause(finding, everything, Severity.WARNING)


def split_header(file: DataFile) -> Iterator[Cause]:
    """The header is one line: no line break inside a name splits it."""
    table = file.table
    if not table.ragged or table.width < MIN_COLUMNS:
        return
    rows = rows_of(table, delimiter_of(table))[: _LOOKED_AT + _ROWS]
    for lines in range(2, min(_MOST_PARTS, len(rows) - _FEW_ROWS) + 1):
        parts, body = rows[:lines], rows[lines:]
        width = sum(len(row.cells) for row in parts) - lines + 1
        if len(body[0].cells) != width or share(body, width) < MOSTLY:
            continue
        cells = [cell for row in parts for cell in row.cells]
        are_parts = all(0 < len(row.cells) < width for row in parts)
        if are_parts and not any(is_number(cell) or is_date(cell) for cell in cells):
            name = f"{parts[0].cells[-1]}\n{parts[1].cells[0]}"
            finding = file.error(
                "split-header",
                service=RAGGED,
                line=1,
                name=name,
                last=parts[-1].line,
                columns=width,
                paired=file.paired,
            )
            yield Cause(finding, everything)
        return


def lines_above(file: DataFile) -> Iterator[Cause]:
    """The first line is the header, not a title or a comment above it."""
    table = file.table
    own = delimiter_of(table)
    if not _may_have_lines_above(file) or _is_separated_otherwise(file):
        return
    for delimiter in (own, *other_delimiters(table)):
        rows = rows_of(table, delimiter)[: _LOOKED_AT + _ROWS]
        at = header_at(rows) or (_target_at(rows, file) if delimiter == own else 0)
        at = at or (_names_above_data(rows) if delimiter == own else 0)
        has_names = bool(at)
        at = at or (_data_at(rows) if delimiter == own else 0)
        if not at:
            continue
        first = next((row for row in rows[:at] if any(row.cells)), rows[0])
        finding = file.warning(
            "lines-above-header",
            service=RAGGED,
            line=1,
            text=delimiter.join(first.cells).strip(delimiter),
            text_line=first.line,
            header=delimiter.join(rows[at].cells).strip(delimiter) if has_names else "",
            header_line=rows[at].line,
            delimiter=own,
            other_delimiter=None if delimiter == own else delimiter,
            padding=_padding(rows[at:]),
            paired=file.paired,
        )
        passes = has_names and delimiter == own and all(map(_is_comment, rows[:at]))
        yield Cause(finding, everything, Severity.WARNING if passes else None)
        return


def _may_have_lines_above(file: DataFile) -> bool:
    """Return whether anything in a header shows that it is none; false for those of good tables."""
    table = file.table
    first = table.text(table.oddities.first_line)
    return bool(table.ragged) or table.width < MIN_COLUMNS or _has_unnamed(table.header) or (
        (file.target is not None and not table.target_found) or _COMMENT.match(first) is not None
    )  # fmt: skip


def _is_separated_otherwise(file: DataFile) -> bool:
    """Return whether the file is a table from its first line on, with another delimiter."""
    others = (rows_of(file.table, delimiter) for delimiter in other_delimiters(file.table))
    return any(is_table(rows) and share(rows, len(rows[0].cells)) == 1 for rows in others)


def _has_unnamed(header: Sequence[bytes]) -> bool:
    return any(not name.strip() for name in header) or len(set(header)) < len(header)


def _target_at(rows: Sequence[Row], file: DataFile) -> int:
    """Return the place of the row with the target's name, if the first one does not have it."""
    places = (
        at
        for at in range(1, min(_LOOKED_AT, len(rows) - 1))
        if file.target in rows[at].cells
        and share(rows[at:], len(rows[at].cells)) >= MOSTLY
        and not any(file.target in row.cells for row in rows[at + 1 :])  # where it is a value
    )
    return 0 if file.target is None or file.table.target_found else next(places, 0)


def _names_above_data(rows: Sequence[Row]) -> int:
    """Return the place of the fullest of several rows of names between a title and the data; 0 if none is."""
    width = max((len(row.cells) for row in rows), default=0)
    if len(rows) <= _FEW_ROWS or width < MIN_COLUMNS or len(rows[0].cells) != 1:
        return 0
    begin = next(
        (at for at in range(1, min(_LOOKED_AT, len(rows) - _FEW_ROWS)) if _begins_data(rows[at:], width)), 0
    )
    filled = {at: sum(map(bool, rows[at].cells)) for at in range(begin) if len(rows[at].cells) == width}
    return (
        max(filled, key=filled.__getitem__) if any(count >= MIN_COLUMNS for count in filled.values()) else 0
    )


def _begins_data(rows: Sequence[Row], width: int) -> bool:
    body = rows[:_ROWS]
    if len(body[0].cells) != width or share(body, width) < MOSTLY:
        return False
    return any(_is_value(_cell(body[0], column), body, column) for column in range(width))


def _data_at(rows: Sequence[Row]) -> int:
    """Return the place of the first row below a title, where no row has names; 0 if there is none."""
    for at in range(1, min(_LOOKED_AT, len(rows) - 2) + 1):
        body, above = rows[at : at + _ROWS], rows[:at]
        width = len(body[0].cells)
        if width < MIN_COLUMNS or share(body, width) < MOSTLY or not any(row.cells for row in above):
            continue
        if any(sum(map(bool, row.cells)) > 1 or len(row.cells) in {2, 3} for row in above):
            return 0  # names, of which some are missing
        return at if any(_is_value(_cell(body[0], column), body, column) for column in range(width)) else 0
    return 0


def _is_value(cell: str, body: Sequence[Row], column: int) -> bool:
    values = [value for row in body if (value := _cell(row, column))]
    alike = sum(is_number(value) or is_date(value) for value in values)
    return (is_number(cell) or is_date(cell)) and alike >= _CONTRAST * len(values)


def header_at(rows: Sequence[Row]) -> int:
    """Return the place of the row that is evidently the header; 0 if it is the first, or unknown."""
    outlines = [_outline(row) for row in rows[:_LOOKED_AT]]
    for at in range(1, min(_LOOKED_AT, len(rows) - 2) + 1):
        header, below = rows[at], rows[at + 1 : at + _ROWS]
        width = len(header.cells)
        above = rows[:at]
        if width < MIN_COLUMNS or not all(each.is_outside(width, width) for each in outlines[:at]):
            continue
        comments = [row for row in above if any(row.cells)]
        are_comments = all(map(_is_comment, comments))
        if not are_comments and any(map(_is_above_value, header.cells, below[0].cells)):
            continue
        body = _until_gap(below, width)
        if share(body, width) < MOSTLY or not any(row.cells for row in above):
            continue
        used = [column for column in range(width) if any(_cell(row, column) for row in body)]
        if len(used) < MIN_COLUMNS or not all(each.is_outside(width, len(used)) for each in outlines[:at]):
            continue
        filled = sum(bool(_cell(header, column)) for column in used)
        commented = filled >= MIN_COLUMNS and bool(comments) and are_comments
        # A name may begin as a comment does.
        commented = commented and not any(len(row.cells) == width for row in comments)
        if commented or _is_header(header, body, used, above):
            return at
    return 0


def _until_gap(body: Sequence[Row], width: int) -> Sequence[Row]:
    """Return rows up to an empty line, if all of these have this width: another table may be below it."""
    gap = next((at for at, row in enumerate(body) if not row.cells), 0)
    return body[:gap] if gap >= _FEW_ROWS and share(body[:gap], width) == 1 else body


def _cell(row: Row, column: int) -> str:
    return row.cells[column].strip() if column < len(row.cells) else ""


def _is_comment(row: Row) -> bool:
    return bool(row.cells) and _COMMENT.match(row.cells[0]) is not None


class _Outline(NamedTuple):
    is_comment: bool
    width: int
    filled: int  # cells

    def is_outside(self, width: int, used: int) -> bool:
        """Return whether a row cannot belong to a table of this width, of which so many columns are used."""
        return self.is_comment or self.width != width or self.filled < used


def _outline(row: Row) -> _Outline:
    return _Outline(_is_comment(row), len(row.cells), sum(bool(cell.strip()) for cell in row.cells))


def _is_header(header: Row, body: Sequence[Row], used: Sequence[int], above: Sequence[Row]) -> bool:
    names = [_cell(header, column) for column in used]
    filled = [name for name in names if name]
    if len(filled) < len(names) - 1 or len(set(filled)) < len(filled):
        return False
    if any(map(_is_no_name, filled)):
        return False
    if any(_contrasts(_cell(header, column), body, column) for column in used) or _has_years(
        header, body, used
    ):
        return True
    # A table of text alone: the lines above have to be a title, and the names must not be values.
    titled = all(sum(map(bool, row.cells)) < 2 for row in above)  # noqa: PLR2004
    return titled and not any(
        _cell(header, column) in {_cell(row, column) for row in body} for column in used
    )


def _is_no_name(cell: str) -> bool:
    return (is_number(cell) and not _YEAR.fullmatch(cell)) or is_date(cell)


def _is_above_value(cell: str, below: str) -> bool:
    """Return whether what a header might have surely is no name: a number or a date, in a column in use."""
    return bool(below.strip()) and _is_no_name(cell.strip())


def _has_years(header: Row, body: Sequence[Row], used: Sequence[int]) -> bool:
    """Return whether some names are years in order, above values that are not."""
    columns = [column for column in used if _YEAR.fullmatch(_cell(header, column))]
    years = [_cell(header, column) for column in columns]
    values = [value for row in body for column in columns if (value := _cell(row, column))]
    return (
        len(years) >= MIN_COLUMNS
        and years in (sorted(years), sorted(years, reverse=True))
        and sum(map(bool, map(_YEAR.fullmatch, values))) < _CONTRAST * len(values)
    )


def _contrasts(name: str, body: Sequence[Row], column: int) -> bool:
    values = [value for row in body if (value := _cell(row, column))]
    alike = sum(is_number(value) or is_date(value) for value in values)
    return len(values) > 1 and bool(name) and not is_number(name) and alike >= _CONTRAST * len(values)


def _padding(rows: Sequence[Row]) -> tuple[int, ...]:
    """Return the places, from 1, of the columns without a name and without a value."""
    width = len(rows[0].cells)
    return tuple(at + 1 for at in range(width) if not any(_cell(row, at) for row in rows))


def padding_columns(file: DataFile) -> Iterator[Cause]:
    """Every column has a name; those without one are not blank columns beside the table."""
    table = file.table
    unnamed = [at for at, name in enumerate(table.header) if not name.strip()]
    blank = [at for at in unnamed if at in table.columns.empty]
    if len(unnamed) < MIN_COLUMNS or not blank or len(unnamed) - len(blank) > 1:
        return
    at_end = blank == list(range(table.width - len(blank), table.width))
    finding = file.error(
        "padding-columns",
        service=SAME_NAME,
        line=1,
        column=blank[0] + 1,
        places=[at + 1 for at in blank],
        total=len(blank),
        at_end=at_end,
        paired=file.paired,
    )
    explained = rules("empty-column-names", "empty-column")
    ends_early = at_end and table.same_width and table.ragged.first[0].width == table.width - len(blank)

    def explains(each: Finding) -> bool:
        return explained(each) or (ends_early and each.rule == "ragged-rows")

    yield Cause(finding, explains)
