"""The first and the last rows of a file, read as text in several ways: other delimiters, other quotes."""

import csv
import io
import re
from collections.abc import Iterator, Sequence
from functools import lru_cache
from itertools import islice
from typing import Any, NamedTuple

from retraind.dataset.reader.encoding import Encoding
from retraind.dataset.reader.table import OTHER_DELIMITERS, ReadResult

MOSTLY = 0.95
"""The share of rows with the same width that makes a table; the head of a real one may have a bad row."""

_BREAK = re.compile(r"\r\n?|\n")
_TRIED, _SEVERAL = 20, 3  # lines at which a row may begin, and rows that show that one does

_DATE = re.compile(
    r"\d{4}[-/.年]\d{1,2}[-/.月]\d{1,2}日?([T ].*)?|\d{1,2}[-/.]\d{1,2}[-/.]\d{4}([T ].*)?", re.DOTALL
)
_NUMBER = re.compile(r"[+-]?(\d+([.,]\d+)*|\.\d+)([eE][+-]?\d+)?\s*%?")


class Row(NamedTuple):
    """A row, and the physical line in which it starts."""

    line: int
    cells: list[str]


def values_of(table: ReadResult, column: int, rows: Sequence[Sequence[bytes]]) -> list[str]:
    """Return the texts of a column in some rows, without blanks around them; those that are not empty."""
    found = [row[column] for row in rows]
    together = b"\n".join(found)
    is_plain = together.isascii() and together.count(b"\n") == len(found) - 1
    texts = together.decode("ascii").split("\n") if is_plain else map(table.text, found)
    return [value for text in texts if (value := text.strip())]


def delimiter_of(table: ReadResult) -> str:
    """Return the delimiter of a table as text."""
    return "," if table.facts is None else table.facts.delimiter


def head_text(table: ReadResult) -> str:
    """Return the start of a file as text."""
    return _text(table.oddities.head, table.encoding)


class Part(NamedTuple):
    """Complete lines of a file, and the physical line in which they begin."""

    line: int
    text: str
    table: ReadResult

    def rows(self) -> list[Row]:
        """Return the rows below the header, as the table is read, that have its width."""
        if self.line == 1:
            return data_rows(self.table)
        rows = _read(self.text, self.line, delimiter=delimiter_of(self.table))
        return [row for row in rows if len(row.cells) == self.table.width]


def parts_of(table: ReadResult) -> list[Part]:
    """Return the start of a file, and its end if that is elsewhere."""
    text = head_text(table)
    length = len(text) if table.oddities.head_is_all else max(map(text.rfind, "\r\n")) + 1
    parts = [Part(1, text[:length], table)]
    end = _end(table.oddities.end, table.encoding, delimiter_of(table), table.width)
    return parts if end is None else [*parts, Part(table.oddities.end_line + end[0], end[1], table)]


@lru_cache(maxsize=2)
def _end(data: bytes, encoding: Encoding, delimiter: str, width: int) -> tuple[int, str] | None:
    """Return how many breaks are before a row, and the text from there on."""
    text = encoding.text(data)
    for line, found in enumerate(islice(_BREAK.finditer(text), _TRIED), start=1):
        rows = csv.reader(io.StringIO(text[found.end() :], newline=""), delimiter=delimiter)
        try:
            if [len(row) for row in islice(rows, _SEVERAL)] == [width] * _SEVERAL:
                return line, text[found.end() :]
        except csv.Error:
            continue
    return None


@lru_cache(maxsize=2)  # many rules ask for it
def _text(head: bytes, encoding: Encoding) -> str:
    return encoding.text(head)


def rows_of(
    table: ReadResult,
    delimiter: str,
    *,
    escape: str | None = None,
    skip_spaces: bool = False,
    quote: str = '"',
) -> list[Row]:
    """Return the complete rows at the start of a file; the values of an empty line are an empty list."""
    form = {"delimiter": delimiter, "escapechar": escape, "skipinitialspace": skip_spaces, "quotechar": quote}
    try:
        rows = list(_read(head_text(table), 1, **form))
    except csv.Error:  # a field longer than the module reads: this is not a table in this reading
        return []
    if not table.oddities.head_is_all:
        del rows[-1:]
    while rows and not rows[-1].cells:
        rows.pop()
    return rows


def _read(text: str, line: int, **form: Any) -> Iterator[Row]:
    """Yield the rows of a text that begins in this line."""
    reader = csv.reader(io.StringIO(text, newline=""), **form)
    before = 0
    for cells in reader:
        yield Row(line + before, cells)
        before = reader.line_num


def data_rows(table: ReadResult) -> list[Row]:
    """Return the rows at the start of a file, without its header, that have the table's width."""
    return [row for row in rows_of(table, delimiter_of(table))[1:] if len(row.cells) == table.width]


def share(rows: Sequence[Row], width: int) -> float:
    """Return the share of rows with this width."""
    return sum(len(row.cells) == width for row in rows) / len(rows) if rows else 0.0


def is_table(rows: Sequence[Row]) -> bool:
    """Return whether these are a header of several names and rows of its width."""
    return len(rows) > 1 and len(rows[0].cells) > 1 and share(rows[1:], len(rows[0].cells)) >= MOSTLY


def other_delimiters(table: ReadResult) -> list[str]:
    """Return the delimiters that a file could have besides the one that its name says, likeliest first."""
    own = delimiter_of(table)
    counts = {delimiter: table.oddities.head.count(delimiter) for delimiter in OTHER_DELIMITERS}
    others = sorted(filter(counts.__getitem__, counts), key=counts.__getitem__, reverse=True)
    return [name for delimiter in others if (name := delimiter.decode("ascii")) != own]


def is_number(value: str) -> bool:
    """Return whether a value is a number, in whatever way it is written."""
    return _NUMBER.fullmatch(value.strip()) is not None


def is_date(value: str) -> bool:
    """Return whether a value is a date, in whatever way it is written."""
    return _DATE.fullmatch(value.strip()) is not None
