"""The values of columns: dates, the target."""

from retraind.report.wording.en._parts import count, listing, quoted, sentence
from retraind.report.wording.en.findings._parts import also, column_name, deliver, located
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
) -> Words:
    """`others` are the next of `total` rows: the line, the value."""
    return Words(
        f"{sentence(column_name(column))} contains the date "
        f"{quoted(value)}{also(located(others), total, 'rows')}; the service accepts {first_year}-01-01 to "
        f"{last_year}-12-31.",
        "Leave unknown dates empty.",
    )


def target_missing(column: str, paired: bool) -> Words:
    return Words(
        f"The column {quoted(column)}, which the model predicts, is not in the file.",
        f"Add the column to the file, and {deliver(paired)}; or correct the target's name in the "
        "configuration.",
    )


def too_many_classes(column: str, value: str, limit: int, paired: bool) -> Words:
    return Words(
        f"The target column {quoted(column)} contains text ({quoted(value)} in this line), so its values "
        f"are classes, and there are more than {limit:,} of them.",
        "If the column is meant to be numeric, leave unknown values empty; otherwise merge rare classes. "
        f"Then {deliver(paired)}.",
    )


def late_class(
    column: str, value: str, others: tuple[tuple[int, str], ...], total: int, first_rows: int
) -> Words:
    """`others` are the next of `total` classes: the line, the name."""
    return Words(
        f"The class {quoted(value)} of the target column {quoted(column)} first appears in this line"
        f"{also(located(others), total, 'classes')}; the service requires all classes within the first "
        f"{count(first_rows, 'row')}.",
        "Shuffle the rows before the export.",
    )
