"""The rules of the service's time-series mode. All of them warn."""

from datetime import datetime, timedelta

import pytest

from retraind.dataset.preflight import SourceFile, preflight
from retraind.report.wording import Voice
from support.tables import file_of

START = datetime(2026, 1, 1)  # noqa: DTZ001
DAY = timedelta(days=1)


def file(rows: list[str], header: str = "t,y", name: str = "train.csv") -> SourceFile:
    data = "".join(f"{row}\n" for row in (header, *rows)).encode("utf-8-sig")
    return file_of(data, name)


def times(count: int, step: timedelta = DAY, form: str = "%Y-%m-%d") -> list[str]:
    return [(START + at * step).strftime(form) for at in range(count)]


def rows(moments: list[str]) -> list[str]:
    return [f"{moment},{at % 50}" for at, moment in enumerate(moments)]


def found(source: SourceFile, *more: SourceFile, **options: object) -> list[tuple[str, int | None]]:
    options = {"target": "y", "time_series": True, "time_column": "t"} | options
    result = preflight(source, *more, **options)
    for finding in result.findings:
        assert Voice().finding(finding)
        assert finding.severity == "warning"
    return [(each.rule, each.line) for each in result.findings]


MONTH_ENDS = ["2026-01-31", "2026-02-28", "2026-03-31", "2026-04-30", "2026-05-31", "2026-06-30", "2026-07-31",
              "2026-08-31", "2026-09-30", "2026-10-31", "2026-11-30", "2026-12-31", "2027-01-31", "2027-02-28",
              "2027-03-31", "2027-04-30", "2027-05-31", "2027-06-30", "2027-07-31", "2027-08-31"]  # fmt: skip
MINUTES = "%Y-%m-%d %H:%M"
DAYS = times(60)
TABLE = {
    "every day": (DAYS, []),
    "backwards": (DAYS[::-1], []),
    "every hour": (times(60, timedelta(hours=1), MINUTES), []),
    "every minute": (times(60, timedelta(minutes=1), MINUTES), []),
    "every 90 minutes": (times(60, timedelta(minutes=90), MINUTES), [("interval-not-supported", 3)]),
    "every 45 days": (times(60, timedelta(days=45)), [("interval-not-supported", 3)]),
    "every 23 hours": (times(60, timedelta(hours=23), MINUTES), []),
    "every 28 days": (times(60, timedelta(days=28)), []),
    "every 18 months": ([f"{1990 + at * 3 // 2}-{at * 18 % 12 + 1:02}" for at in range(30)],
                        [("interval-not-supported", 3)]),
    "every month": ([f"2026/{at % 12 + 1}/1".replace("2026", str(2026 + at // 12)) for at in range(36)], []),
    "months alone": ([f"{2026 + at // 12}-{at % 12 + 1:02}" for at in range(36)], []),
    "every year": ([str(1990 + at) for at in range(30)], []),
    "month ends": (MONTH_ENDS, []),
    "digits alone": (times(60, DAY, "%Y%m%d"), []),
    "twice": ([*DAYS[:30], DAYS[29], *DAYS[30:]], [("duplicate-times", 32)]),
    "out of order": ([*DAYS[:30], DAYS[31], DAYS[30], *DAYS[32:]], [("unsorted-times", 33)]),
    "five missing": ([*DAYS[:30], *DAYS[35:]], [("series-gap", 32)]),
    "four missing, once": ([*DAYS[:30], *DAYS[34:]], []),
    "months missing": (["2026-01", "2026-02", "2026-03", "2026-04", *[f"{2027 + at // 12}-{at % 12 + 1:02}" for at in range(24)]],
                       [("series-gap", 6)]),
    "without weekends": ([day for at, day in enumerate(times(90)) if at % 7 < 5], [("irregular-times", 7)]),
    "at any time": ([(START + timedelta(hours=24 * at + at * at % 7)).strftime(MINUTES) for at in range(40)],
                    [("irregular-times", 3)]),
    "every half minute": (times(60, timedelta(seconds=30), "%Y-%m-%d %H:%M:%S"), [("interval-below-minute", 3)]),
    "days as Excel counts them": ([str(45_000 + at) for at in range(60)], [("time-column-not-dates", 2)]),
    "no times at all": ([f"shop {at}" for at in range(60)], [("time-column-not-dates", 2)]),
    "by the hour, day first with dots": (times(60, timedelta(hours=1), "%d.%m.%Y %H:%M"), [("date-form", 2)]),
    "by the hour, month first": (times(60, timedelta(hours=1), "%m/%d/%Y %H:%M"), [("date-form", 2)]),
    "by the half day": (times(60, timedelta(hours=1), "%Y/%m/%d %I:%M %p"), [("date-form", 2)]),
    "by the half day in Japanese": (
        [f"2026/1/{at // 24 + 1} 午{'前後'[at % 24 // 12]}{at % 12}:00" for at in range(60)], [("date-form", 2)]),
    "without a time": ([*DAYS[:30], "", *DAYS[30:]], [("series-value-empty", 32)]),
}  # fmt: skip


@pytest.mark.parametrize(("moments", "expected"), TABLE.values(), ids=TABLE)
def test_the_times_of_a_series_are_complete_in_order_and_regular(moments, expected):
    assert found(file(rows(moments))) == expected


def by_shop(shops: int, days: list[str]) -> list[str]:
    return [f"{day},{shop},{shop % 40}.5" for day in days for shop in range(shops)]


def test_times_are_unique_within_a_series_only():
    several = by_shop(5, DAYS)
    assert found(file(several, "t,shop,y"), series_column="shop") == []
    assert found(file(several, "t,shop,y"))[0] == ("duplicate-times", 3)


@pytest.mark.parametrize(("shops", "expected"), [(200, []), (201, [("too-many-series", 202)])])
def test_at_most_two_hundred_series_are_accepted(shops, expected):
    assert found(file(by_shop(shops, times(20)), "t,shop,y"), series_column="shop") == expected


def test_a_row_without_a_target_is_told_and_the_first_of_them_located():
    moments = rows(DAYS)
    moments[40] = f"{DAYS[40]},"
    moments[50] = f"{DAYS[50]},"
    assert found(file(moments)) == [("series-value-empty", 42)]


@pytest.mark.parametrize("value", ["1.{}", "many {}"])
def test_a_late_row_without_a_target_is_found_among_more_values_than_a_class_has(value):
    hours = times(9_000, timedelta(hours=1), MINUTES)
    moments = [f"{hour},{value.format(at)}" for at, hour in enumerate(hours)]
    moments[8_500] = f"{hours[8_500]},"
    result = preflight(file(moments), target="y", time_series=True, time_column="t")
    assert ("series-value-empty", 8_502) in [(each.rule, each.line) for each in result.findings]


@pytest.mark.parametrize("late", [40, 3000])
def test_text_in_the_target_is_told(late):
    moments = rows(times(4000, timedelta(hours=1), MINUTES))
    moments[late] = moments[late].split(",")[0] + ",many"
    assert found(file(moments)) == [("series-target-not-numeric", late + 2)]


@pytest.mark.parametrize(
    ("value", "rule"), [("many", "series-target-not-numeric"), ("NULL", "missing-value-marker")]
)
def test_text_among_more_than_two_hundred_numbers_is_no_matter_of_classes(value, rule):
    moments = [f"{hour},{at}.5" for at, hour in enumerate(times(400, timedelta(hours=1), MINUTES))]
    moments[40] = moments[40].split(",")[0] + f",{value}"
    assert found(file(moments)) == [(rule, 42)]


def test_what_is_out_of_order_after_the_sample_is_found_as_well():
    hours = times(3000, timedelta(hours=1), MINUTES)
    hours[2500], hours[2501] = hours[2501], hours[2500]
    assert found(file(rows(hours))) == [("unsorted-times", 2503)]


def test_an_evaluation_file_is_told_and_its_times_are_not_judged():
    evaluation = file(rows(DAYS[::2][:3] + DAYS[:40]), name="eval.csv")
    assert found(file(rows(DAYS)), evaluation) == [("evaluation-in-time-series", None)]


def test_a_configured_column_that_is_missing_is_told():
    assert found(file(rows(DAYS)), time_column="time", series_column="shop") == [
        ("series-column-missing", 1), ("series-column-missing", 1),
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("columns", "rule", "ok"),
    [(199, None, True), (200, "most-columns-in-time-series", True), (201, "too-many-columns", False)],
)
def test_two_hundred_columns_are_doubtful_and_more_are_refused(columns, rule, ok):
    header = ",".join(["t", "y", *(f"c{at}" for at in range(columns - 2))])
    source = file([row + ",1" * (columns - 2) for row in rows(DAYS)], header)
    result = preflight(source, target="y", time_series=True, time_column="t")
    assert [each.rule for each in result.findings] == ([rule] if rule else [])
    assert result.ok == ok


def test_without_the_names_of_its_columns_a_series_is_judged_by_its_limits_alone():
    assert found(file(rows([DAYS[0]] * 60)), time_column=None) == []
