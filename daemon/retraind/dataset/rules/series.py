"""Rules for the service's time-series mode. They warn: most are documented for the desktop program only."""

from collections.abc import Iterator

from retraind.dataset.reader.columns.facts import Kind, LocatedValue, SeriesFacts, TargetFacts
from retraind.dataset.reader.columns.numbers import is_marker
from retraind.dataset.reader.columns.series import IRREGULAR_SHARE, MAX_SERIES
from retraind.dataset.rules.data_file import DataFile
from retraind.dataset.rules.header import MAX_COLUMNS_TIME_SERIES
from retraind.dataset.rules.service_messages import (
    DUPLICATE_TIMES,
    GAP,
    INTERVAL,
    IRREGULAR,
    MANY_COLUMNS,
    MANY_SERIES,
    SERIES_FAILED,
)
from retraind.dataset.rules.target import is_refused
from retraind.domain.problems import Finding

_SERIALS = range(20_000, 80_000)
"""Days since 1900, as Excel counts them, of the years 1954 to 2119."""


def series(file: DataFile) -> Iterator[Finding]:
    """The columns of the series are there, and its times are complete, in order and regular."""
    table = file.table
    if not file.time_series or table.width == 0:
        return
    if not file.training:
        yield file.warning("evaluation-in-time-series")
        return
    if table.width == MAX_COLUMNS_TIME_SERIES:
        yield file.warning("most-columns-in-time-series", service=MANY_COLUMNS, line=1, columns=table.width)
    named = ((file.task.time_column, table.roles.time), (file.task.series_column, table.roles.series))
    missing = [name for name, at in named if name is not None and at is None]
    for name in missing:
        yield file.warning("series-column-missing", line=1, column=name)
    target = table.columns.target
    if (
        target is not None
        and target.text is not None
        and not _is_missing(file, target)
        and not is_refused(file)
    ):
        yield file.warning(
            "series-target-not-numeric",
            line=target.text.line,
            column=file.target,
            value=file.text(target.text.value),
        )
    if target is not None and target.filled and target.empty_line is not None:
        yield file.warning(
            "series-value-empty", service=SERIES_FAILED, line=target.empty_line, column=file.target
        )
    found = table.columns.series
    if found is not None and (file.task.series_column is None or not missing):
        yield from _times(file, found)


def _is_missing(file: DataFile, target: TargetFacts) -> bool:
    """Return whether the text among numbers stands for a missing one, which has a rule of its own."""
    is_number = file.table.columns.kinds[target.column] is Kind.NUMBER
    return is_number and target.text is not None and is_marker(target.text.value)


def _times(file: DataFile, found: SeriesFacts) -> Iterator[Finding]:
    column = file.task.time_column
    kind = Kind.DATE if file.table.roles.time is None else file.table.columns.kinds[file.table.roles.time]
    if found.no_time is not None and kind is not Kind.DATE:
        value = file.text(found.no_time.value)
        yield file.warning(
            "time-column-not-dates",
            line=found.no_time.line,
            column=column,
            value=value,
            is_serial=kind is Kind.NUMBER and value.isdecimal() and int(value) in _SERIALS,
        )
        return
    if found.empty_time:
        yield file.warning(
            "series-value-empty", service=SERIES_FAILED, line=found.empty_time.first[0].line, column=column
        )
    if found.too_many_series is not None:
        yield file.warning(
            "too-many-series",
            service=MANY_SERIES,
            line=found.too_many_series.line,
            column=file.task.series_column,
            value=file.text(found.too_many_series.value),
            limit=MAX_SERIES,
        )
    if found.duplicates:
        first, *others = found.duplicates.first
        yield file.warning(
            "duplicate-times",
            service=DUPLICATE_TIMES,
            line=first.line,
            column=column,
            value=file.text(first.value),
            others=file.texts(others),
            total=found.duplicates.count,
            by_series=file.task.series_column is not None,
        )
    if found.unsorted is not None:
        yield file.warning(
            "unsorted-times",
            line=found.unsorted.line,
            column=column,
            value=file.text(found.unsorted.value),
        )
    yield from _distances(file, found)


def _distances(file: DataFile, found: SeriesFacts) -> Iterator[Finding]:
    if found.below_minute is not None:
        yield file.warning("interval-below-minute", service=INTERVAL, **_between(file, found.below_minute))
        return
    if found.unsupported is not None:
        yield file.warning("interval-not-supported", service=INTERVAL, **_between(file, found.unsupported))
    if found.gap is not None:
        missing = found.gap_periods
        yield file.warning("series-gap", service=GAP, missing=missing, **_between(file, found.gap))
    if found.irregular is not None and found.irregular_share > IRREGULAR_SHARE:
        percent = round(100 * found.irregular_share)
        yield file.warning(
            "irregular-times", service=IRREGULAR, percent=percent, **_between(file, found.irregular)
        )


def _between(file: DataFile, times: tuple[LocatedValue, LocatedValue]) -> dict[str, str | int | None]:
    """Return the place of the second of two times that follow one another, with both."""
    first, second = times
    return {
        "line": second.line,
        "column": file.task.time_column,
        "value": file.text(second.value),
        "before": file.text(first.value),
        "before_line": first.line,
    }
