"""The values of columns: what is empty, dates, numbers."""

from retraind.report.wording.en._parts import listing, quoted, sentence
from retraind.report.wording.en.findings._parts import (
    also,
    also_lines,
    as_plain_numbers,
    column_name,
    located,
    other_columns,
)
from retraind.report.wording.words import Words


def empty_column(columns: tuple[str | int, ...], total: int) -> Words:
    """`columns` are the names, or else the places, of the first of `total`."""
    empty = sentence(listing([column_name(column) for column in columns], total))
    return Words(
        f"{empty} {'has' if total == 1 else 'have'} no value in any row.",
        f"Check whether the source still fills {'this column' if total == 1 else 'these columns'}.",
    )


def date_range(
    *,
    column: str | int,
    value: str,
    others: tuple[tuple[int, str], ...],
    total: int,
    first_year: int,
    last_year: int,
    at_least: bool = False,
) -> Words:
    """`others` are the next of `total` rows, or of `at_least` so many: the line, the value."""
    rows = "or more rows" if at_least else "rows"
    return Words(
        f"{sentence(column_name(column))} contains the date "
        f"{quoted(value)}{also(located(others), total, rows)}; the service accepts {first_year}-01-01 to "
        f"{last_year}-12-31.",
        "Leave unknown dates empty.",
    )


def date_form(
    *,
    column: str | int,
    value: str,
    others: tuple[tuple[int, str], ...],
    has_time: bool,
    out_of_range: tuple[tuple[int, str], ...],
    columns: tuple[str | int, ...],
    total: int,
    first_year: int,
    last_year: int,
) -> Words:
    """`others` are the first dates in further forms; the first of `total` columns are named."""
    forms = [quoted(value), *(f"{quoted(text)} (line {line:,})" for line, text in others)]
    found = (
        f"has dates in several formats: {listing(forms)}; the service requires one format per column"
        if others
        else f"has dates in a format that the service does not read as dates: {quoted(value)}"
    )
    never = "".join(f", among them {quoted(text)} in line {line:,}" for line, text in out_of_range)
    remedy = "Write all dates as YYYY-MM-DD, with a time as YYYY-MM-DD hh:mm:ss"
    if not has_time:
        remedy = "Write all dates as YYYY-MM-DD"
    if out_of_range:
        remedy += f", and leave dates before {first_year} or after {last_year} empty"
    return Words(
        f"{sentence(column_name(column))} {found}{never}{other_columns(columns, total)}.",
        f"{remedy}. If a column is not meant as a date, nothing needs to be done.",
    )


def number_notation(
    *,
    column: str | int,
    value: str,
    others: tuple[tuple[int, str], ...],
    notations: tuple[str, ...],
    columns: tuple[str | int, ...],
    total: int,
) -> Words:
    """`others` are the next values; the first of `total` columns are named."""
    return Words(
        f"{sentence(column_name(column))} contains {quoted(value)}{also_lines(others)}, which the service "
        "may "
        f"read as text and not as a number{other_columns(columns, total)}.",
        as_plain_numbers(notations) + ".",
    )


def late_text(
    *,
    column: str | int,
    value: str,
    among: str,
    columns: tuple[str | int, ...],
    total: int,
    first_rows: int,
) -> Words:
    """The column has numbers or dates only in the `first_rows`; the first of `total` columns are named."""
    kind = "dates" if among == "dates" else "numbers"
    return Words(
        f"{sentence(column_name(column))} has {kind} only in the first {first_rows:,} rows, by which the "
        f"service judges it, but {quoted(value)} in this line{other_columns(columns, total)}.",
        "Check this value in the source. If the column is meant to have texts, nothing needs to be done.",
    )


def rare_text(
    *,
    column: str | int,
    value: str,
    others: tuple[tuple[int, str], ...],
    among: str,
    columns: tuple[str | int, ...],
    total: int,
) -> Words:
    """`others` are the next texts among numbers or dates; the first of `total` columns are named."""
    return Words(
        f"{sentence(column_name(column))} mostly has {'dates' if among == 'dates' else 'numbers'}, "
        f"but {quoted(value)} in this line{also_lines(others)}. Because of it, the service may read the "
        f"column as text{other_columns(columns, total)}.",
        "Correct such values in the source, and leave missing ones empty. If the column is meant to have "
        "texts, nothing needs to be done.",
    )


def missing_value_marker(
    *,
    column: str | int,
    value: str,
    others: tuple[tuple[int, str], ...],
    columns: tuple[str | int, ...],
    total: int,
    among: str,
) -> Words:
    """`others` are the next values, `among` numbers, dates or classes; `total` columns have any."""
    if among == "classes":
        return Words(
            f"{sentence(column_name(column))} contains {quoted(value)}{also_lines(others)} as a class. For "
            "the service only an empty value is a missing one, so the model learns to predict this value.",
            "Leave missing values empty: the service ignores rows without a value in the target.",
        )
    kind = "dates" if among == "dates" else "numbers"
    return Words(
        f"{sentence(column_name(column))} contains {kind} and {quoted(value)}{also_lines(others)}. For the "
        "service only an empty value is a missing one, so it may read the column as text"
        f"{other_columns(columns, total)}.",
        "Leave missing values empty.",
    )
