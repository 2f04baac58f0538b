"""Rules about a file's rows and the values in them."""

from collections.abc import Iterator

from retraind.dataset.findings import Finding, listing, others, plural, quote
from retraind.dataset.reader.columns import EMPTY_ROWS, FEW_NUMBERS, MAX_CLASSES, Odd
from retraind.dataset.reader.examples import SHOWN
from retraind.dataset.rules.context import DATES, FEW_ROWS, RAGGED, TARGET, Case
from retraind.dataset.rules.form import other_delimiter, separator_line

MIN_ROWS = 11
ADVISED_ROWS, ADVISED_ROWS_TIME_SERIES = (100, 1_000_000), (20, 10_000)
SAMPLE_ROWS = 1_000


def _column_phrase(column: str | int) -> str:
    return f"column {column}" if isinstance(column, int) else f"column {quote(column)}"


def quotes(case: Case) -> Iterator[Finding]:
    """Each opening quote has its closing one, and no record is without an end."""
    table = case.table
    if table.unclosed_line is not None:
        yield case.error(
            "unclosed-quote",
            "a quote opens in this line and is not closed before the end of the file, so everything after it is "
            "one value.",
            'close the quote; a quote inside a value is written twice (""). If the file ends in the middle of a '
            "row, export it again.",
            service=RAGGED,
            line=table.unclosed_line,
        )
    if table.endless_header is not None:
        quote_line = table.endless_header.quote_line
        cause = (
            "it looks as if the file has no line breaks, or is no table at all."
            if quote_line is None
            else f"a quote opens in line {quote_line:,} and is not closed for so long."
        )
        yield case.error(
            "header-too-long",
            f"the first row, which has the column names, is longer than 4 MiB, so the file was not read any "
            f"further: {cause}",
            "export the file again with one row per line."
            if quote_line is None
            else f"close the quote, and {case.again}.",
            service=RAGGED,
            line=1,
        )


def ragged(case: Case) -> Iterator[Finding]:
    """Every row has the header's number of columns.

    An empty line between rows counts as a row without columns: whether the service skips it is left open. One
    empty line at the end of the file is what many programs write and is let pass.
    """
    table = case.table
    if not table.ragged or table.width == 0 or other_delimiter(table) is not None or separator_line(table):
        return
    first, *rest = table.ragged.first
    count = table.ragged.count
    this = f"has {plural(first.width, 'column')}" if first.width else "is empty"
    message = f"this row {this} where the header has {table.width:,}"
    remedy = "correct these rows in the source" if count > 1 else "correct this row in the source"
    if table.same_width and count > 1:
        message += f", and so it is with each of the {count:,} rows"
        remedy = "look whether the lines end with a delimiter too many or too few, or the header lacks a name"
    else:
        message += others(
            (
                f"line {row.line:,} with {row.width:,}" if row.width else f"line {row.line:,}, empty"
                for row in rest
            ),
            count,
            "rows",
        )
    yield case.error(
        "ragged-rows",
        f"{message}.",
        f"{remedy}, and {case.again}.",
        service=RAGGED,
        line=first.line,
    )


def row_count(case: Case) -> Iterator[Finding]:
    """Enough rows to train, or any to evaluate with; and not far from what the service advises."""
    table = case.table
    if not table.whole or table.empty or table.width == 0:
        return
    low, high = ADVISED_ROWS_TIME_SERIES if case.time_series else ADVISED_ROWS
    rows = f"there {'is' if table.rows == 1 else 'are'} {plural(table.rows, 'row')}"
    if not table.rows:
        rows = "there is a header but no row of data"
    if not case.training:
        if not table.rows:
            yield case.error(
                "evaluation-empty",
                f"{rows}, so there is nothing to evaluate the model with.",
                "deliver both files again, with rows in the evaluation file.",
                service=FEW_ROWS,
            )
    elif table.rows < MIN_ROWS:
        yield case.error(
            "too-few-rows",
            f"{rows}; the service needs at least {MIN_ROWS} to train.",
            f"look whether the export ran to its end, and {case.again}.",
            service=FEW_ROWS,
        )
    elif not low <= table.rows <= high:
        yield case.warning(
            "row-count",
            f"{rows}; the service advises {low:,} to {high:,}.",
            "deliver more rows if there are any."
            if table.rows < low
            else "deliver fewer rows, for example the latest.",
        )


def _also(case: Case, rest: list[Odd]) -> Iterator[str]:
    return (f"line {odd.line:,} {quote(case.table.text(odd.value))}" for odd in rest)


def empty_columns(case: Case) -> Iterator[Finding]:
    """A column without any value is allowed, and hardly ever meant."""
    table = case.table
    empty = table.columns.empty
    if not empty or not table.rows or table.ragged.count >= table.rows:
        return
    names = [_column_phrase(case.column(at)) for at in empty[:SHOWN]]
    rows = f"in the first {EMPTY_ROWS:,} rows" if table.rows > EMPTY_ROWS else "in any row"
    have = f"{'has' if len(empty) == 1 else 'have'} no value {rows}"
    yield case.warning(
        "empty-column",
        f"{listing(names, len(empty))} {have}.",
        "look whether the source still fills this."
        if len(empty) == 1
        else "look whether the source still fills these.",
        column=case.column(empty[0]),
    )


def dates(case: Case) -> Iterator[Finding]:
    """Dates within the period that the service takes, in columns whose first values all are dates (Y-M-D, Y/M/D)."""
    for at, odd in case.table.columns.dates.items():
        if not odd:
            continue
        first, *rest = odd.first
        yield case.warning(
            "date-range",
            f"{_column_phrase(case.column(at))} holds the date {quote(case.table.text(first.value))} here, and the "
            f"service takes 1970-01-01 to 3999-12-31{others(_also(case, rest), odd.count, 'rows')}.",
            "leave unknown dates empty.",
            service=DATES,
            line=first.line,
            column=case.column(at),
        )


def target(case: Case) -> Iterator[Finding]:
    """The target column is there, and its classes are not too many and show themselves in the first 1,000 rows.

    A numeric target with few different values may be meant as classes; with more it is taken for a quantity.
    """
    if case.target is None or case.table.width == 0:
        return
    name = quote(case.target)
    facts = case.table.columns.target
    if not case.table.target_found:
        if case.table.width > len(case.table.header):
            return  # there are more names than are kept, and far too many columns anyway
        yield case.error(
            "target-missing",
            f"the column {name}, which the model is to predict, is not among the columns.",
            "deliver the file with this column, or correct the target's name in the configuration.",
            service=TARGET,
            line=1,
            column=case.target,
        )
        return
    if facts is None:
        return
    if facts.text is not None and facts.classes > MAX_CLASSES:
        yield case.error(
            "too-many-classes",
            f"the target column {name} holds text ({quote(case.table.text(facts.text.value))} here) and so is read as "
            f"classes, of which it has more than {MAX_CLASSES}.",
            "if it is meant to be a number, leave unknown values empty; otherwise join rare classes.",
            service=TARGET,
            line=facts.text.line,
            column=case.target,
        )
    elif facts.late and case.training and (facts.text is not None or facts.classes <= FEW_NUMBERS):
        first, *rest = facts.late.first
        yield case.warning(
            "late-class",
            f"the class {quote(case.table.text(first.value))} of the target column {name} appears here for the first "
            f"time{others(_also(case, rest), facts.late.count, 'classes')}; the service "
            f"wants all classes within the first {SAMPLE_ROWS:,} rows.",
            "shuffle the rows before the export.",
            service=TARGET,
            line=first.line,
            column=case.target,
        )
