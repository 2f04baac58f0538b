"""Rules about a file's rows: where they end, their width, their number."""

from collections.abc import Iterator

from retraind.dataset.reader.columns.dates import form_of
from retraind.dataset.reader.columns.facts import Kind
from retraind.dataset.reader.columns.numbers import is_number
from retraind.dataset.reader.table import ReadResult
from retraind.dataset.rules.data_file import DataFile
from retraind.dataset.rules.header import other_delimiter
from retraind.dataset.rules.service_messages import FEW_EVALUATION_ROWS, FEW_ROWS, RAGGED
from retraind.domain.problems import Finding

MIN_ROWS = 11
ADVISED_ROWS, ADVISED_ROWS_TIME_SERIES = (100, 1_000_000), (20, 10_000)


def quotes(file: DataFile) -> Iterator[Finding]:
    """Each opening quote has its closing one, and the first row ends."""
    table = file.table
    if table.unclosed_line is not None:
        yield file.error(
            "unclosed-quote",
            service=RAGGED,
            line=table.unclosed_line,
            delimiter="," if table.facts is None else table.facts.delimiter,
            paired=file.paired,
        )
    if table.endless_header is not None:
        yield file.error(
            "header-too-long",
            service=RAGGED,
            line=1,
            limit=table.endless_header.limit,
            quote_line=table.endless_header.quote_line,
            paired=file.paired,
        )


def reading_ended(file: DataFile) -> Iterator[Finding]:
    """The file is read to its end, unless that would take long and too much of it is wrong."""
    if (part := file.table.in_part) is not None:
        yield file.error(
            "reading-ended", line=part.line, size=part.size, errors=part.errors, paired=file.paired
        )


def ragged(file: DataFile) -> Iterator[Finding]:
    """Every row has as many columns as the header.

    An empty line between rows counts as a row without columns: the manual does not say whether the service
    skips it. One empty line at the end of the file is written by many programs and accepted.
    """
    table = file.table
    if not table.ragged or table.width == 0 or other_delimiter(table) is not None:
        return
    first, *others = table.ragged.first
    if table.nul is not None and not others and first.line == table.nul.line:
        return  # of which another rule tells
    yield file.error(
        "ragged-rows",
        service=RAGGED,
        line=first.line,
        text=table.text(first.text),
        columns=first.width,
        expected=table.width,
        others=[(each.line, each.width) for each in others],
        total=table.ragged.count,
        all_rows=table.same_width,
        reason=_reason(table),
        paired=file.paired,
    )


def _reason(table: ReadResult) -> str | None:
    """Return why rows probably have another width: a file that ends in one, quotes, breaks, delimiters."""
    rows = table.ragged.first
    first, width = rows[0], table.width
    ends = not table.oddities.tail.endswith((b"\n", b"\r"))
    if table.ragged.count == 1 and first.width < width and first.line == table.oddities.last_line and ends:
        return "cut"
    if table.ragged.count > 1 and _begins_as_others(table) and lacks_last_values(table):
        return "short"
    pairs = list(zip(rows[::2], rows[1::2], strict=False))
    if pairs and all(
        one.line + 1 == other.line and one.width and other.width and one.width + other.width - 1 == width
        for one, other in pairs
    ):
        return "line-breaks"
    if table.ragged.count > 1 and lacks_last_values(table):
        return "short"
    if table.same_width or not all(row.width > width for row in rows):
        return None
    return "quotes" if all(b'"' in row.text for row in rows) else "delimiters"


def _begins_as_others(table: ReadResult) -> bool:
    """Return whether these rows begin with a number or a date, as the others do: none is the rest of one."""
    kinds, delimiter = table.columns.kinds, b"," if table.facts is None else table.facts.delimiter.encode()
    firsts = [row.text.partition(delimiter)[0] for row in table.ragged.first]
    return (kinds[:1] == (Kind.NUMBER,) and all(map(is_number, firsts))) or (
        kinds[:1] == (Kind.DATE,) and all(form_of(first) is not None for first in firsts)
    )


def lacks_last_values(table: ReadResult) -> bool:
    """Return whether rows are like the others, but for values at their end that are missing."""
    kinds, delimiter = table.columns.kinds, b"," if table.facts is None else table.facts.delimiter.encode()
    return not table.same_width and all(
        1 < row.width < table.width
        and all(
            is_number(cell)
            if kind is Kind.NUMBER
            else form_of(cell) is not None
            if kind is Kind.DATE
            else True
            for cell, kind in zip(row.text.split(delimiter), kinds, strict=False)
            if cell
        )
        for row in table.ragged.first
    )


def row_count(file: DataFile) -> Iterator[Finding]:
    """There are enough rows to train, or any to evaluate with, and as many as the service recommends."""
    table = file.table
    if not table.is_complete or table.empty or table.width == 0:
        return
    low, high = ADVISED_ROWS_TIME_SERIES if file.time_series else ADVISED_ROWS
    if not file.training:
        if not table.rows:
            yield file.error("evaluation-empty", service=FEW_EVALUATION_ROWS)
    elif table.rows < MIN_ROWS:
        yield file.error(
            "too-few-rows", service=FEW_ROWS, rows=table.rows, minimum=MIN_ROWS, paired=file.paired
        )
    elif not low <= table.rows <= high:
        yield file.warning("row-count", rows=table.rows, low=low, high=high)
