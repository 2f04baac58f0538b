"""A file as a table: its header and its rows."""

from retraind.report.wording.en._parts import count, listing, quoted, shortened
from retraind.report.wording.en.findings._parts import (
    DELIMITED,
    also,
    column_name,
    delimiter_name,
    deliver,
    rows_found,
)
from retraind.report.wording.words import Words

DELETE_BLANK_ROWS = "Excel writes such rows where cells were cleared; delete the rows in the sheet instead."

# The header


def empty_file(size: int, paired: bool) -> Words:
    return Words(
        f"The file contains no data, only line breaks or a byte order mark ({count(size, 'byte')})."
        if size
        else "The file is empty (0 bytes).",
        f"Check that the export ran to completion, and {deliver(paired)}.",
    )


def blank_header(paired: bool) -> Words:
    return Words(
        "The first line is empty; the service reads the column names from the first row.",
        f"Remove the empty lines above the column names, and {deliver(paired)}.",
    )


def one_column(
    *,
    name: str,
    delimiter: str,
    other_delimiter: str | None,
    other_extension: str | None,
    paired: bool,
    fixed_width: bool = False,
    whole_lines: bool = False,
) -> Words:
    """`delimiter` is the expected one; `other_delimiter`, if any, is evidently used instead."""
    again = deliver(paired)
    if whole_lines:
        return Words(
            f"The header has only one column ({quoted(name)}): the line as a whole is enclosed in quotes, "
            "which makes it a single value.",
            "Enclose each value in quotes, not the line (Excel does this to lines that are in one column), "
            f"and {again}.",
        )
    if fixed_width:
        return Words(
            f"The header has only one column ({quoted(name)}): all lines are equally long and padded with "
            "spaces, so the columns seem to have fixed widths.",
            f"Export the file with {delimiter_name(delimiter)} between the columns, and {again}.",
        )
    if other_delimiter is None:
        return Words(
            f"The header has only one column ({quoted(name)}); the service requires at least two.",
            f"Check whether the export omitted columns, and {again}.",
        )
    return Words(
        f"The header has only one column when read as {DELIMITED.get(delimiter, 'text')} ({quoted(name)}); "
        f"its columns are evidently separated by {delimiter_name(other_delimiter)}.",
        f"Change the extension of the file to {shortened(other_extension)}, or export the file with "
        f"{delimiter_name(delimiter)} between the columns, and {again}."
        if other_extension
        else f"Export the file with {delimiter_name(delimiter)} between the columns, and {again}.",
    )


def too_many_columns(columns: int, limit: int, time_series: bool, paired: bool) -> Words:
    mode = " in time-series mode" if time_series else ""
    return Words(
        f"The header has {count(columns, 'column')}; the service accepts at most {limit:,}{mode}.",
        f"Omit columns that the model does not need, and {deliver(paired)}.",
    )


def duplicate_columns(names: tuple[tuple[str, int], ...], total: int, paired: bool) -> Words:
    """`names` are the first of `total`, each with the number of its occurrences."""
    repeated = [f"{quoted(name)} ({times:,} times)" for name, times in names]
    return Words(
        f"Column names are repeated: {listing(repeated, total)}.",
        f"Give each column a unique name, and {deliver(paired)}.",
    )


def empty_column_names(places: tuple[int, ...], total: int, paired: bool) -> Words:
    """`places` are those of the first of `total`, from 1."""
    columns = listing([f"{place:,}" for place in places], total)
    return Words(
        f"{count(total, 'column')} have no name: columns {columns}. The service accepts at most one.",
        f"Name these columns or remove them, and {deliver(paired)}. A delimiter at the end of each line "
        "adds such a column.",
    )


def empty_column_name(column: int) -> Words:
    return Words(
        f"Column {column:,} has no name; the service accepts one such column.",
        "Name the column, or remove it if it is an index that was exported by mistake, or comes from a "
        "delimiter at the end of each line.",
    )


# Rows


def unclosed_quote(paired: bool, delimiter: str = ",") -> Words:
    if delimiter == "\t":
        return Words(
            "A quote opens a value in this line and is not closed before the end of the file, so everything "
            "after it is one value.",
            "Leave quotes out of tab-separated values, or double each of them and enclose the value in "
            f"quotes. If the file ends in the middle of a row, export it again. Then {deliver(paired)}.",
        )
    return Words(
        "A quote opens in this line and is not closed before the end of the file, so everything after it "
        "is one value.",
        f'Close the quote, and {deliver(paired)}. A quote inside a value is written as two quotes (""). '
        "If the file ends in the middle of a row, export it again.",
    )


def header_too_long(limit: int, quote_line: int | None, paired: bool) -> Words:
    """`limit` is in bytes; `quote_line` is where a quote opens, if that is the cause."""
    cause = (
        "The file seems to have no line breaks, or is not a table."
        if quote_line is None
        else f"A quote opens in line {quote_line:,} and is not closed."
    )
    fix = "Export the file with one row per line" if quote_line is None else "Close the quote"
    return Words(
        f"The first row, which has the column names, is longer than {limit / 2**20:,g} MiB, so the rest of "
        f"the file was not read. {cause}",
        f"{fix}, and {deliver(paired)}.",
    )


def reading_ended(size: int, errors: int, paired: bool) -> Words:
    """`size` is in bytes; `errors` is the number of rows that have one."""
    return Words(
        f"The file was read only to this line (offset {size:,}): {errors:,} rows before it have errors. The "
        "rest was not checked.",
        f"Fix what the other findings name, and {deliver(paired)}.",
    )


def ragged_rows(
    *,
    columns: int,
    expected: int,
    others: tuple[tuple[int, int], ...],
    total: int,
    all_rows: bool,
    paired: bool,
    reason: str | None = None,
    text: str = "",
) -> Words:
    """`columns` is 0 for an empty line; else `text` is how the row begins.

    `others` are the next of `total` rows: the line, the columns.

    `reason`: the file is cut in this row; values have line-breaks or delimiters, without quotes; or
    rows are short of values at their end.
    """
    if all_rows and total > 1:
        return Words(
            f"Each of the {total:,} rows has {count(columns, 'column')}, but the header has {expected:,}.",
            "Check whether the lines end with a missing or an extra delimiter, or the header lacks a name, "
            f"and {deliver(paired)}.",
        )
    row = f"This row ({quoted(text)})" if text else "This row"
    this = (
        f"{row} has {count(columns, 'column')}, but the header has {expected:,}"
        if columns
        else f"This line is empty, but the header has {count(expected, 'column')}"
    )
    others_found = (f"line {line:,} with {found or 'none'}" for line, found in others)
    what = f"{this}{also(others_found, total, 'rows')}."
    again = deliver(paired)
    if reason == "cut":
        return Words(
            f"{what} The file ends in the middle of it, without a line break.",
            f"Check that the export and the transfer ran to completion, and {again}.",
        )
    if reason == "line-breaks":
        return Words(
            f"{what} This row and the next one appear to be one, split by a line break inside a value.",
            "Enclose values that contain line breaks in double quotes, or remove the line breaks, and "
            f"{again}.",
        )
    fix = f"Correct {'these rows' if total > 1 else 'this row'} in the source"
    if not columns and not any(found for _, found in others):
        fix = f"Remove {'the empty lines' if total > 1 else 'this line'}"
    if reason == "short":
        return Words(
            f"{what} Values at the end of these rows seem to be missing: Excel, for example, leaves out the "
            "delimiters of empty ones.",
            "Write a delimiter for each empty value (in Excel: fill the last column, or add one that is "
            f"never empty), and {again}.",
        )
    if reason == "quotes":
        what += (
            " A value in quotes seems to begin with a space before its quote, or to contain a quote that is "
            "not doubled: then a delimiter inside it ends the value."
        )
    how = {
        "quotes": "write no space before the quote that opens a value, and each quote inside it as two "
        "quotes",
        "delimiters": "values that contain the delimiter, such as texts or numbers with thousands "
        "separators, must be enclosed in double quotes",
    }.get(reason or "")
    return Words(what, f"{fix}, and {again}." if how is None else f"{fix}: {how}. Then {again}.")


def columns_shifted(
    *, column: str | int, columns: tuple[str | int, ...], values: tuple[str, ...], total: int, paired: bool
) -> Words:
    """`columns` are the first of `total`, with their `values` in this row."""
    names = listing([column_name(each) for each in columns or (column,)], total)
    return Words(
        f"From this line on, {names} have other kinds of values than above, such as "
        f"{' and '.join(map(quoted, values[:2]))}: the columns seem to be shifted or in another order. The "
        "service reads them by the names in the first row.",
        "Join only files that have the same columns in the same order, and check that no row has a delimiter "
        f"too many or too few. Then {deliver(paired)}.",
    )


def evaluation_empty(blank_rows: int = 0) -> Words:
    """`blank_rows` have no values and do not count; the first one is in this line."""
    if blank_rows:
        return Words(
            f"{_only_delimiters(blank_rows)} The file has no other rows, so there is nothing to evaluate the "
            "model with.",
            "Deliver both files again, with rows that have values in the evaluation file.",
        )
    return Words(
        f"{rows_found(0)}, so there is nothing to evaluate the model with.",
        "Deliver both files again, with rows in the evaluation file.",
    )


def too_few_rows(rows: int, minimum: int, paired: bool, blank_rows: int = 0) -> Words:
    """`blank_rows` have no values and do not count; the first one is in this line."""
    if blank_rows:
        return Words(
            f"{_only_delimiters(blank_rows)} {count(rows, 'other row')} {'is' if rows == 1 else 'are'} left; "
            f"the service requires at least {minimum:,} for training.",
            f"{DELETE_BLANK_ROWS} Check that the export contains all rows, and {deliver(paired)}.",
        )
    return Words(
        f"{rows_found(rows)}; the service requires at least {minimum:,} for training.",
        f"Check that the export ran to completion, and {deliver(paired)}.",
    )


def blank_rows(blank_rows: int, rows: int) -> Words:
    """`rows` have values."""
    return Words(
        f"{_only_delimiters(blank_rows)} {count(rows, 'row')} with values "
        f"{'is' if rows == 1 else 'are'} left.",
        DELETE_BLANK_ROWS,
    )


def _only_delimiters(blank_rows: int) -> str:
    if blank_rows == 1:
        return "This row consists of delimiters only; it has no values and does not count."
    return (
        f"{count(blank_rows, 'row')}, from this line on, consist of delimiters only; they have no values and "
        "do not count."
    )


def row_count(rows: int, low: int, high: int) -> Words:
    return Words(
        f"{rows_found(rows)}; the service recommends {low:,} to {high:,}.",
        "Deliver more rows if there are any."
        if rows < low
        else "Deliver fewer rows, for example the latest.",
    )
