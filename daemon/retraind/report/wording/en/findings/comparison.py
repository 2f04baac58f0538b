"""Files compared with each other and with an earlier delivery."""

from collections.abc import Sequence

from retraind.report.wording.en._parts import count, listing, quoted
from retraind.report.wording.words import Name, Words


def _difference(
    missing: tuple[Sequence[str], int], extra: tuple[Sequence[str], int], columns: int, expected_columns: int
) -> str:
    """Of `missing` and `extra` columns there are the first names and the total."""
    lacks, has = (
        [quoted(name) if name else "a column without a name" for name in names]
        for names, _ in (missing, extra)
    )
    phrases = []
    if lacks:
        phrases.append(f"lacks {listing(lacks, missing[1])}")
    if has:
        phrases.append(f"also has {listing(has, extra[1])}")
    if not phrases:
        phrases.append(f"has {count(columns, 'column')}, not {expected_columns:,}")
    text = f"this file {' and '.join(phrases)}."
    if set(lacks) & set(has):
        text += " Names that look the same here differ in how a character is composed, or further on."
    return text


def columns_differ(
    *,
    other: Name,
    missing: tuple[str, ...],
    missing_total: int,
    extra: tuple[str, ...],
    extra_total: int,
    columns: int,
    expected_columns: int,
) -> Words:
    difference = _difference((missing, missing_total), (extra, extra_total), columns, expected_columns)
    return Words(
        f"Compared with {other}, {difference}",
        "Give both files the same columns, and deliver both files again.",
    )


def column_order(other: Name, place: int, name: str, expected: str) -> Words:
    return Words(
        f"The columns are the same as in {other}, but in another order: column {place:,} is {quoted(name)} "
        f"instead of {quoted(expected)}.",
        "Write the columns of both files in the same order, and deliver both files again.",
    )


def columns_changed(
    *,
    delivery: Name,
    missing: tuple[str, ...] = (),
    missing_total: int = 0,
    extra: tuple[str, ...] = (),
    extra_total: int = 0,
    columns: int = 0,
    expected_columns: int = 0,
) -> Words:
    """Without further facts, only the order of the columns differs."""
    difference = (
        _difference((missing, missing_total), (extra, extra_total), columns, expected_columns)
        if columns or expected_columns
        else "the columns are in another order."
    )
    return Words(
        f"Compared with the last good delivery ({delivery}), {difference}",
        "Check that this is intended: the retrained model may expect other columns than its callers send.",
    )


def rows_halved(delivery: Name, rows: int, previous_rows: int) -> Words:
    return Words(
        f"The number of rows fell from {previous_rows:,} in the last good delivery ({delivery}) to {rows:,}.",
        "Check that the export ran to completion.",
    )


_KINDS = {"number": "numbers", "date": "dates", "text": "text"}


def column_types_differ(column: str, other: Name, columns: tuple[tuple[str, str], ...], total: int) -> Words:
    """`columns` are the first of `total`: the name, what it has in the `other` file."""
    first, *others = columns or ((column, ""),)
    names = listing([quoted(name) for name, _ in others], total - 1) if total > 1 else ""
    return Words(
        f"Column {quoted(first[0])} has text, but only {_KINDS.get(first[1], 'other values')} in {other}"
        f"{f'; the same is true of {names}' if names else ''}.",
        "Check that both files come from the same source and have the columns in the same places.",
    )


def column_types_changed(
    column: str, delivery: Name, changed: tuple[tuple[str, str, str], ...], total: int
) -> Words:
    """`changed` are the first of `total` columns: the name, what it had before, what it has now."""
    first, *others = changed or ((column, "", ""),)
    names = listing([quoted(name) for name, _, _ in others], total - 1) if total > 1 else ""
    return Words(
        f"Column {quoted(first[0])} has {_KINDS.get(first[2], 'other values')}, but had "
        f"{_KINDS.get(first[1], 'others')} in the last trained delivery ({delivery})"
        f"{f'; {names} changed as well' if names else ''}.",
        "Check that the source did not change by mistake: the service may reject columns of another type.",
    )


def classes_changed(
    *,
    column: str,
    delivery: Name,
    missing: tuple[str, ...],
    missing_total: int,
    extra: tuple[str, ...],
    extra_total: int,
) -> Words:
    lacks, has = (list(map(quoted, names)) for names in (missing, extra))
    phrases = [f"lacks {listing(lacks, missing_total)}"] if lacks else []
    if has:
        phrases.append(f"also has {listing(has, extra_total)}")
    return Words(
        f"Compared with the last trained delivery ({delivery}), the target column {quoted(column)} "
        f"{' and '.join(phrases) or 'has other classes'}.",
        "Check that this is intended: the service may reject other classes than those of the last training.",
    )
