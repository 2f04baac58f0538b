"""Texts that are a table in another reading: other delimiters, escapes, quotes or line ends."""

import csv
import io
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import NamedTuple

from retraind.dataset.reader.table import DELIMITERS, OTHER_DELIMITERS, ReadResult
from retraind.dataset.rules.causes.cause import Cause, everything, rules
from retraind.dataset.rules.causes.sample import (
    Part,
    Row,
    delimiter_of,
    head_text,
    is_table,
    other_delimiters,
    parts_of,
    rows_of,
    share,
)
from retraind.dataset.rules.data_file import DataFile
from retraind.dataset.rules.header import MIN_COLUMNS
from retraind.dataset.rules.service_messages import RAGGED
from retraind.domain.problems import Finding, Severity

_NEAR = 50  # lines between an escape and the bad row that it leads to
_STYLE = 0.5  # of the rows have a space before a quote: their writer puts one before each
_FEW_ROWS = 3
_LONG_ROW = 10  # lines
_OF_WIDTH = frozenset({"one-column", "duplicate-columns", "empty-column-names", "empty-column-name"})
_SPACED = re.compile(r'[ \u3000]+"')


def other_delimiter(file: DataFile) -> Iterator[Cause]:
    """The columns are separated by what the file's name says."""
    table = file.table
    if table.width < MIN_COLUMNS:  # what a header of one column shows is said with it
        return
    own = delimiter_of(table)
    if not any(
        other in table.oddities.first_line for other in OTHER_DELIMITERS if other != own.encode("ascii")
    ):
        return
    for delimiter in other_delimiters(table):
        rows = rows_of(table, delimiter)
        if len(rows) < _FEW_ROWS or not is_table(rows):
            continue
        # Names and values of a good table may all have the same sign in them, in some of its columns.
        whole = share(rows, len(rows[0].cells)) == 1 and len(rows[0].cells) >= table.width
        finding = file.warning(
            "other-delimiter",
            service=RAGGED,
            line=1,
            delimiter=own,
            other_delimiter=delimiter,
            other_extension=next(
                (suffix for suffix, each in DELIMITERS.items() if each == delimiter.encode("ascii")), None
            ),
            columns=len(rows[0].cells),
            header=table.text(table.oddities.first_line),
            decimal_commas=own == "," and _decimal_commas(rows),
            paired=file.paired,
        )
        yield Cause(finding, everything, Severity.WARNING if whole else None)
        return


def _decimal_commas(rows: Sequence[Row]) -> bool:
    return any(re.fullmatch(r"[+-]?[\d. ]*\d,\d+", cell.strip()) for row in rows[1:] for cell in row.cells)


def escapes(file: DataFile) -> Iterator[Cause]:
    """A quote inside a value is written as two quotes, not with a backslash before it."""
    table = file.table
    own = delimiter_of(table)
    hits = table.oddities.escapes_shift_jis if table.encoding.name == "shift_jis" else table.oddities.escapes
    if not hits and b"\\" not in table.oddities.head:
        return
    text = head_text(table)
    usual, escaped = rows_of(table, own), rows_of(table, own, escape="\\")
    better = "\\" in text and _is_regular(escaped) and (len(escaped) > len(usual) or not _is_regular(usual))
    trouble = _trouble(file)
    more = better and len(escaped) > len(usual)
    near = [line for line in hits.first if trouble is not None and 0 <= trouble - line <= _NEAR]
    quietly = None if better or near or not _is_regular(escaped) else _quietly_escaped(table)
    if not better and not near and quietly is None:
        return
    begin, text = (quietly.line, quietly.text) if quietly else (1, text)
    sequence = '\\"' if near else next((each for each in ('\\"', f"\\{own}") if each in text), "\\")
    line = begin - 1 + _line_of(text, sequence) if sequence in text else min(near)
    finding = file.warning(
        "backslash-escapes", service=RAGGED, line=line, sequence=sequence, paired=file.paired
    )
    yield Cause(finding, _rows, Severity.WARNING if more or quietly else None)


def _quietly_escaped(table: ReadResult) -> Part | None:
    """Return a part in which values in quotes end too early at escaped quotes, without another width."""
    own = delimiter_of(table)
    for part in parts_of(table):
        if '\\"' in part.text and _stray_in(part.text, own) and not _stray_in(part.text, own, escape="\\"):
            return part
    return None


class _Stray(NamedTuple):
    row: int
    line: int


def _stray_in(text: str, delimiter: str, escape: str | None = None) -> _Stray | None:
    """Return the first line with a quote that ends elsewhere, and that in which its row begins.

    A value may go on behind the text.
    """
    reader = csv.reader(io.StringIO(text, newline=""), delimiter=delimiter, escapechar=escape, strict=True)
    before = 0
    try:
        for _ in reader:
            before = reader.line_num
    except csv.Error as error:
        return None if "end of data" in str(error) else _Stray(before + 1, reader.line_num)
    return None


def _has_stray(lines: Mapping[int, str], line: int, delimiter: str) -> bool:
    """Return whether the row that begins in a line has a quote that ends elsewhere."""
    found = _stray_in("\n".join(lines.get(line + at, "") for at in range(_LONG_ROW)), delimiter)
    return found is not None and found.row == 1


def spaces_before_quotes(file: DataFile) -> Iterator[Cause]:
    """A quote that encloses a value stands right after the delimiter, without a space between them."""
    table = file.table
    own = delimiter_of(table)
    spaced = re.compile(rf'(?:^|{re.escape(own)})[ \u3000]+"', re.MULTILINE)
    text = head_text(table)
    if not any(each in text for each in (' "', '\u3000"')):  # far faster than the expression
        return
    found = spaced.search(text)
    if found is None:
        return
    usual, skipping = rows_of(table, own), rows_of(table, own, skip_spaces=True)
    lines = text.splitlines()
    usually = sum(spaced.search(line) is not None for line in lines) >= _STYLE * len(lines)
    if not (_is_regular(skipping) and (not _is_regular(usual) or usually)):
        return
    line = len(text[: found.end()].splitlines())
    finding = file.warning("space-before-quote", service=RAGGED, line=line, paired=file.paired)
    in_names = line == 1

    def explains(each: Finding) -> bool:
        return _rows(each) or (in_names and each.rule in {"target-missing", "columns-changed"})

    in_values = sum(any(map(_SPACED.match, row.cells)) for row in usual) >= _STYLE * len(usual)
    yield Cause(finding, explains, Severity.WARNING if in_values else None)


def stray_quotes(file: DataFile) -> Iterator[Cause]:
    """A quote inside a value in quotes is written as two quotes: a single one ends the value."""
    table = file.table
    own = delimiter_of(table)
    if table.width < MIN_COLUMNS or table.unclosed_line is not None or table.oddities.swallowed:
        return
    for begin, text, _ in parts_of(table):
        stray = _stray_in(text, own) if '"' in text else None
        if stray is None or ('\\"' in text and any(escapes(file))):
            continue
        lines = dict(enumerate(text.splitlines(), start=begin))
        finding = file.warning(
            "stray-quotes",
            service=RAGGED if table.ragged else None,
            line=begin + stray.row - 1,
            quote_line=begin + stray.line - 1,
            text=lines[begin + stray.row - 1],
            paired=file.paired,
        )
        all_stray = all(_has_stray(lines, row.line, own) for row in table.ragged.first)
        yield Cause(finding, rules("ragged-rows") if all_stray else rules(), Severity.WARNING)
        return


def single_quotes(file: DataFile) -> Iterator[Cause]:
    """Values are enclosed in double quotes, not in apostrophes, which are parts of the values."""
    table = file.table
    own = delimiter_of(table)
    text = head_text(table)
    if "'" not in text:
        return
    read, usual = rows_of(table, own, quote="'"), rows_of(table, own)
    end = rf"(?=[{re.escape(own)}\r\n]|\Z)"
    enclosed = re.compile(rf"(?:^|(?<={re.escape(own)}))'(?:[^']++|'')*+'{end}", re.MULTILINE)
    first = enclosed.search(text)
    if first is None or not _is_regular(read):
        return
    begun = set(_lines_of(text, (found.start() for found in enclosed.finditer(text))))
    if sum(row.line in begun for row in read) < _STYLE * len(read):
        return
    line = min(begun)
    finding = file.warning("single-quotes", service=RAGGED, line=line, text=first[0], paired=file.paired)
    parted = not _is_regular(usual) or all(b"'" in row.text for row in table.ragged.first)

    def explains(each: Finding) -> bool:
        in_names = line == 1 and each.rule in {"target-missing", "columns-changed"}
        return in_names or (parted and (_rows(each) or each.rule in _OF_WIDTH))

    yield Cause(finding, explains, Severity.WARNING)


def _lines_of(text: str, places: Iterable[int]) -> Iterator[int]:
    """Yield the lines of places, which are in order."""
    ending = "\n" if "\n" in text else "\r"
    line, before = 1, 0
    for place in places:
        line += text.count(ending, before, place)
        before = place
        yield line


def line_ends(file: DataFile) -> Iterator[Cause]:
    """Each row is followed by one line break."""
    table = file.table
    if any(row.width for row in table.ragged.first) or not table.ragged:
        return
    head = table.oddities.head
    breaks = head.count(b"\n") or head.count(b"\r")
    doubled = head.count(b"\r\r\n")
    if doubled >= max(2, breaks // 2):
        ending = "CR CR LF"
    elif _every_second_is_empty(rows_of(table, delimiter_of(table))):
        ending = "CR LF CR LF" if b"\r\n\r\n" in head else "LF LF"
    else:
        return
    finding = file.error(
        "doubled-line-breaks",
        service=RAGGED,
        line=table.ragged.first[0].line,
        ending=ending,
        paired=file.paired,
    )
    yield Cause(finding, lambda each: each.rule == "ragged-rows")


def _every_second_is_empty(rows: Sequence[Row]) -> bool:
    filled, empty = rows[::2], rows[1::2]
    return (
        len(empty) >= _FEW_ROWS and all(row.cells for row in filled) and not any(row.cells for row in empty)
    )


def _is_regular(rows: Sequence[Row]) -> bool:
    return len(rows) > 1 and is_table(rows) and share(rows, len(rows[0].cells)) == 1


def _trouble(file: DataFile) -> int | None:
    """Return the line of the first row that is too long or too short, or of the quote that stays open."""
    table = file.table
    lines = [row.line for row in table.ragged.first] + [table.unclosed_line or 0]
    return min((line for line in lines if line), default=None)


def _line_of(text: str, sequence: str) -> int:
    return len(text[: text.index(sequence) + 1].splitlines())


def _rows(finding: Finding) -> bool:
    """Explain what is wrong with rows and values; the header is read right."""
    return finding.rule not in {
        "duplicate-columns", "empty-column-names", "empty-column-name", "target-missing", "one-column",
        "too-many-columns",
    }  # fmt: skip
