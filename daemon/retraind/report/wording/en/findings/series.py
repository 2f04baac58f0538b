"""Time series: their columns, and the order and distances of their times."""

from retraind.report.wording.en._parts import count, quoted
from retraind.report.wording.en.findings._parts import also, located
from retraind.report.wording.words import Words


def evaluation_in_time_series() -> Words:
    return Words(
        "The service's time-series mode takes no evaluation data; whether it accepts this file is not "
        "documented.",
        'Deliver the training file alone, with mode = "train-only", if the service rejects the pair.',
    )


def most_columns_in_time_series(columns: int) -> Words:
    return Words(
        f"The header has {count(columns, 'column')}. The service's manual contradicts itself on whether that "
        "many are accepted in time-series mode.",
        "Omit a column that the model does not need.",
    )


def series_column_missing(column: str) -> Words:
    return Words(
        f"The column {quoted(column)}, which is configured for the time series, is not in the file.",
        "Correct the column's name in the file, or have time_column or series_column corrected in the "
        "configuration.",
    )


def series_target_not_numeric(column: str, value: str) -> Words:
    return Words(
        f"The target column {quoted(column)} contains {quoted(value)} in this line; in time-series mode the "
        "service predicts numbers only.",
        "Write the target as plain numbers.",
    )


def series_value_empty(column: str) -> Words:
    return Words(
        f"The column {quoted(column)} has no value in this line; the service cannot train a series with an "
        "empty time or target.",
        "Fill the value, or leave out the row.",
    )


def too_many_series(column: str, value: str, limit: int) -> Words:
    return Words(
        f"The column {quoted(column)} names more than {limit:,} series; {quoted(value)} in this line is one "
        "too many.",
        "Split the data into several models.",
    )


def duplicate_times(
    *, column: str, value: str, others: tuple[tuple[int, str], ...], total: int, by_series: bool
) -> Words:
    """`others` are the next of `total` rows: the line, the time."""
    within = " within its series" if by_series else ""
    return Words(
        f"The time {quoted(value)} in column {quoted(column)} occurs a second time{within}"
        f"{also(located(others), total, 'rows')}.",
        "Keep one row per time."
        if by_series
        else "Keep one row per time; if there are several series, series_column in the "
        "configuration must name their column.",
    )


def unsorted_times(column: str, value: str) -> Words:
    return Words(
        f"The rows are not sorted by time: {quoted(value)} in column {quoted(column)} breaks the order in "
        "this line.",
        "Sort the whole file by time, ascending or descending.",
    )


def series_gap(*, column: str, value: str, before: str, before_line: int, missing: int) -> Words:
    return Words(
        f"Between {quoted(before)} (line {before_line:,}) and {quoted(value)} in column {quoted(column)} "
        f"{count(missing, 'time is', 'times are')} missing.",
        "Fill the gap, or leave out the rows before it.",
    )


def irregular_times(*, column: str, value: str, before: str, before_line: int, percent: int) -> Words:
    return Words(
        f"{percent:,} % of the times in column {quoted(column)} do not follow the one before at the usual "
        f"interval, the first of them {quoted(value)} after {quoted(before)} (line {before_line:,}).",
        "Use the same interval between all rows.",
    )


def time_column_not_dates(*, column: str, value: str, is_serial: bool) -> Words:
    """`is_serial`: the value is a day as Excel counts them."""
    if is_serial:
        return Words(
            f"Column {quoted(column)}, which is configured as the time of the series, has numbers instead of "
            f"dates: {quoted(value)}. They seem to be dates as Excel counts days.",
            "Give the column a date format in Excel (yyyy-mm-dd), and save the sheet as CSV again.",
        )
    return Words(
        f"Column {quoted(column)}, which is configured as the time of the series, has no dates: "
        f"{quoted(value)} in this line.",
        "Write its dates as YYYY-MM-DD, with a time as YYYY-MM-DD hh:mm:ss; if another column has the times, "
        "have time_column corrected in the configuration.",
    )


def interval_below_minute(*, column: str, value: str, before: str, before_line: int) -> Words:
    return Words(
        f"The times {quoted(before)} (line {before_line:,}) and {quoted(value)} in column {quoted(column)} "
        "are less than a minute apart; the service accepts intervals of a minute or more.",
        "Aggregate the rows to whole minutes or longer.",
    )


def interval_not_supported(*, column: str, value: str, before: str, before_line: int) -> Words:
    return Words(
        f"Most times in column {quoted(column)} are as far apart as {quoted(before)} (line "
        f"{before_line:,}) and {quoted(value)}; the service accepts intervals of 1 to 59 minutes, 1 to 23 "
        "hours, 1 to 28 days, 1 to 11 months, or 1 to 10 years.",
        "Aggregate the rows to one of these intervals.",
    )
