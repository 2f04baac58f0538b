"""The column that the model predicts, and its classes."""

from collections.abc import Iterable

from retraind.report.wording.en._parts import count, listing, quoted
from retraind.report.wording.en.findings._parts import also, also_lines, as_plain_numbers, deliver, located
from retraind.report.wording.words import Name, Words

_DIFFERENCES = {
    "invisible": "an invisible character",
    "line-break": "a line break",
    "no-break-space": "a no-break space",
    "space": "a space",
    "composition": "how a character is composed",
    "width": "full-width and half-width characters",
    "case": "upper and lower case",
}


def target_missing(
    column: str,
    paired: bool,
    similar: tuple[tuple[str, tuple[str, ...]], ...] = (),
    delivery: Name | None = None,
) -> Words:
    """`similar` are the columns that look alike, each with what makes the difference.

    `delivery` is the last trained one, if it had the column.
    """
    if similar:
        names = listing([f"{quoted(name)} (it differs in {_differences(how)})" for name, how in similar])
        return Words(
            f"The column {quoted(column)}, which the model predicts, is not in the file under exactly this "
            f"name; {names} {'looks' if len(similar) == 1 else 'look'} like it.",
            f"Give the column exactly the configured name, and {deliver(paired)}; or have the target's "
            "name corrected in the configuration.",
        )
    if delivery is not None:
        return Words(
            f"The column {quoted(column)}, which the model predicts, is not in the file; the last trained "
            f"delivery ({delivery}) had it.",
            f"Check whether the source still exports the column, and {deliver(paired)}.",
        )
    return Words(
        f"The column {quoted(column)}, which the model predicts, is not in the file.",
        f"Add the column to the file, and {deliver(paired)}; or have the target's name corrected in "
        "the configuration.",
    )


def _differences(how: tuple[str, ...]) -> str:
    return listing([_DIFFERENCES.get(each, "spelling") for each in how])


def target_empty(column: str, rows: int, paired: bool) -> Words:
    return Words(
        f"The target column {quoted(column)} has no value in any of the {count(rows, 'row')}, so there is "
        "nothing to learn from.",
        f"Check whether the source fills this column, and {deliver(paired)}.",
    )


def evaluation_without_answers(column: str, rows: int, value: str | None = None) -> Words:
    """All rows have the same `value`, which stands for a missing one, or none."""
    found = (
        f"has no value in any of the {count(rows, 'row')}"
        if value is None
        else f"has {quoted(value)}, which stands for a missing value, in all {count(rows, 'row')}"
    )
    return Words(
        f"The target column {quoted(column)} {found} of the evaluation file; without the correct answers, "
        "the model cannot be evaluated.",
        "Fill the column in the evaluation file, and deliver both files again.",
    )


def too_few_answers(column: str, filled: int, rows: int, minimum: int, paired: bool) -> Words:
    return Words(
        f"Only {filled:,} of the {count(rows, 'row')} {'has' if filled == 1 else 'have'} a value in the "
        f"target column {quoted(column)}. The service ignores the others, and requires at least "
        f"{minimum:,} for training.",
        f"Check whether the source fills this column, and {deliver(paired)}.",
    )


def few_answers(column: str, filled: int, rows: int, low: int) -> Words:
    return Words(
        f"Only {filled:,} of the {count(rows, 'row')} have a value in the target column {quoted(column)}. "
        f"The service ignores the others, and recommends at least {low:,}.",
        "Check whether the source fills this column.",
    )


def target_one_value(column: str, value: str, paired: bool) -> Words:
    return Words(
        f"The target column {quoted(column)} has the same value in every row ({quoted(value)}), so there is "
        "nothing to distinguish.",
        f"Check whether the export left out the other rows, and {deliver(paired)}.",
    )


def target_not_numeric(column: str, value: str, paired: bool) -> Words:
    return Words(
        f"The target column {quoted(column)} contains {quoted(value)} in this line, but the model predicts a "
        "number.",
        "Write numbers only, leave unknown values empty, and "
        f"{deliver(paired)}. If the model predicts classes, have prediction_type corrected in the "
        "configuration.",
    )


def target_notation(
    column: str, value: str, others: tuple[tuple[int, str], ...], notations: tuple[str, ...], paired: bool
) -> Words:
    """`others` are the next values."""
    names = listing([_NOTATIONS[each] for each in notations if each in _NOTATIONS]) or "another notation"
    return Words(
        f"The target column {quoted(column)} contains numbers with {names}: {quoted(value)}"
        f"{also_lines(others)}. The service reads such a column as text.",
        f"{as_plain_numbers(notations)}, and {deliver(paired)}.",
    )


_NOTATIONS = {
    "trailing-minus": "a trailing minus",
    "other-minus": "another character than a hyphen as the minus",
    "parentheses": "parentheses",
    "apostrophe": "an apostrophe",
    "thousands": "thousands separators",
    "currency": "a currency symbol",
    "percent": "a percent sign",
    "decimal-comma": "a decimal comma",
    "full-width": "full-width characters",
    "multiplier": "a multiplier such as 万",
    "flag": "a character after the number",
    "blank": "spaces in or around them",
}


def too_many_classes(
    *,
    column: str,
    value: str,
    limit: int,
    paired: bool,
    binary: bool = False,
    numeric: bool = False,
) -> Words:
    """`binary`: the model distinguishes two classes."""
    if binary:
        return Words(
            f"The target column {quoted(column)} has a third value, {quoted(value)} in this line, but the "
            "model distinguishes two classes.",
            f"Correct or leave out the other rows, and {deliver(paired)}; or have prediction_type corrected "
            "in the configuration.",
        )
    if numeric:
        return Words(
            f"The target column {quoted(column)} has more than {limit:,} different values ({quoted(value)} "
            f"in this line), but the model distinguishes at most {limit:,} classes.",
            f"Merge rare classes, and {deliver(paired)}; or have prediction_type set to regression in "
            "the configuration.",
        )
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


def rare_class(column: str, value: str, rows: int, others: tuple[tuple[int, str], ...], total: int) -> Words:
    """`others` are the next of `total` classes: the rows, the name."""
    return Words(
        f"The class {quoted(value)} of the target column {quoted(column)} has only {count(rows, 'row')}"
        f"{also(_rows(others), total, 'classes')}; the service may find no row of it to evaluate with.",
        "Deliver more rows of such classes, or merge them with others.",
    )


def rare_class_in_evaluation(
    column: str, value: str, rows: int, others: tuple[tuple[int, str], ...], total: int
) -> Words:
    """`others` are the next of `total` classes: the rows, the name."""
    return Words(
        f"The evaluation data has only {count(rows, 'row')} of the class {quoted(value)} of the target "
        f"column {quoted(column)}{also(_rows(others), total, 'classes')}; the service may find this too few.",
        "Deliver more rows of such classes in the evaluation file.",
    )


def _rows(others: Iterable[tuple[int, str]]) -> list[str]:
    return [f"{quoted(name)} with {rows:,}" for rows, name in others]


def positive_value_missing(column: str, positive: str, classes: tuple[str, ...], total: int) -> Words:
    """`classes` are the first of `total`."""
    return Words(
        f"The positive value {quoted(positive)} does not occur in the target column {quoted(column)}, "
        f"which has {listing(list(map(quoted, classes)), total)}.",
        "Correct the values in the source, or have positive_value corrected in the configuration.",
    )


def classes_spelled_otherwise(
    *, column: str, value: str, expected: str, others: tuple[tuple[str, str], ...], total: int, other: Name
) -> Words:
    """`others` are the next of `total` classes: as they are here, as they are in the `other` file."""
    further = (f"{quoted(ours)} for {quoted(theirs)}" for ours, theirs in others)
    return Words(
        f"The class {quoted(value)} of the target column {quoted(column)} is spelled {quoted(expected)} in "
        f"{other}{also(further, total, 'classes')}; for the service these are different classes.",
        "Spell the classes the same way in both files.",
    )


def similar_classes(
    *, column: str, value: str, similar: str, others: tuple[tuple[str, str], ...], total: int
) -> Words:
    """`others` are the next of `total` classes, each with the one that it is like."""
    further = (f"{quoted(one)} for {quoted(other)}" for one, other in others)
    return Words(
        f"The target column {quoted(column)} contains both {quoted(similar)} and, in this line, "
        f"{quoted(value)}{also(further, total, 'classes')}; for the service these are different classes.",
        "Spell each class in one way.",
    )


def unknown_classes(column: str, classes: tuple[str, ...], total: int, other: Name) -> Words:
    """`classes` are the first of `total`."""
    return Words(
        f"The {'class' if total == 1 else 'classes'} {listing(list(map(quoted, classes)), total)} of the "
        "target column "
        f"{quoted(column)} {'does' if total == 1 else 'do'} not occur in {other}, so the model cannot "
        f"predict {'it' if total == 1 else 'them'}.",
        "Check that both files come from the same source.",
    )


def evaluation_one_class(column: str, value: str, absent: tuple[str, ...], total: int) -> Words:
    """`absent` are the first of the `total` classes that only the training file has."""
    lacks = f", and lacks {listing(list(map(quoted, absent)), total)}" if absent else ""
    return Words(
        f"The evaluation data has only the class {quoted(value)} in the target column "
        f"{quoted(column)}{lacks}.",
        "Add rows of every class to the evaluation file, and deliver both files again.",
    )


def evaluation_lacks_classes(column: str, classes: tuple[str, ...], total: int) -> Words:
    """`classes` are the first of `total`."""
    return Words(
        f"The evaluation data has no row with {listing(list(map(quoted, classes)), total)} in the target "
        f"column {quoted(column)}; the service requires every class of the training data.",
        "Add rows of every class to the evaluation file.",
    )
