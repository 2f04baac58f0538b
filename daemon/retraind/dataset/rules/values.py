"""Rules about the values in columns: empty columns, dates, the target."""

from collections.abc import Iterator

from retraind.dataset.reader.columns import (
    FEW_NUMBERS,
    FIRST_YEAR,
    LAST_YEAR,
    MAX_CLASSES,
    LocatedValue,
)
from retraind.dataset.rules.data_file import DataFile
from retraind.dataset.rules.service_messages import DATES, TARGET
from retraind.domain.problems import Finding

SAMPLE_ROWS = 1_000


def empty_columns(file: DataFile) -> Iterator[Finding]:
    """Every column has a value. A column without any is allowed, and rarely intended."""
    table = file.table
    empty = table.columns.empty
    if not empty or not table.rows or table.ragged.count >= table.rows:
        return
    yield file.warning(
        "empty-column",
        column=file.column(empty[0]),
        columns=[file.column(at) for at in empty],
        total=len(empty),
    )


def dates(file: DataFile) -> Iterator[Finding]:
    """Dates are in the supported period, in columns whose first values are all dates (Y-M-D, Y/M/D)."""
    for at, bad in file.table.columns.dates.items():
        if not bad:
            continue
        first, *others = bad.first
        yield file.warning(
            "date-range",
            service=DATES,
            line=first.line,
            column=file.column(at),
            value=file.table.text(first.value),
            others=_texts(file, others),
            total=bad.count,
            first_year=FIRST_YEAR,
            last_year=LAST_YEAR,
        )


def target(file: DataFile) -> Iterator[Finding]:
    """The target column exists, has not too many classes, and all of them appear in the first 1,000 rows.

    A numeric target with few different values may be meant as classes; with more it counts as a quantity.
    """
    table = file.table
    if file.target is None or table.width == 0:
        return
    found = table.columns.target
    if not table.target_found:
        if table.width > len(table.header):
            return  # not all names are known, and there are far too many columns anyway
        yield file.error("target-missing", service=TARGET, line=1, column=file.target, paired=file.paired)
    elif found is None:
        return
    elif found.text is not None and found.classes > MAX_CLASSES:
        yield file.error(
            "too-many-classes",
            service=TARGET,
            line=found.text.line,
            column=file.target,
            value=table.text(found.text.value),
            limit=MAX_CLASSES,
            paired=file.paired,
        )
    elif found.late and file.training and (found.text is not None or found.classes <= FEW_NUMBERS):
        first, *others = found.late.first
        yield file.warning(
            "late-class",
            service=TARGET,
            line=first.line,
            column=file.target,
            value=table.text(first.value),
            others=_texts(file, others),
            total=found.late.count,
            first_rows=SAMPLE_ROWS,
        )


def _texts(file: DataFile, values: list[LocatedValue]) -> list[tuple[int, str]]:
    return [(each.line, file.table.text(each.value)) for each in values]
