"""Dates, numbers and missing values as they are written in columns: warnings, with the form to use."""

import pytest

from retraind.dataset.preflight import preflight
from retraind.report.wording import Voice
from support.tables import file_of, findings_in

LONG = 3000  # rows: more than the sample


def found(values: list[str], encoding: str = "utf-8-sig", **options: object) -> list:
    data = ("n,値\n" + "".join(f'{at},"{value}"\n' for at, value in enumerate(values))).encode(encoding)
    return findings_in(data, **options)


def dates(form: str, count: int = 120) -> list[str]:
    return [form.format(y=2026, m=at % 12 + 1, d=at % 28 + 1) for at in range(count)]


DAYS = dates("{y}-{m:02}-{d:02}", LONG)
NUMBERS = [str(at) for at in range(LONG)]
TABLE = {
    "amounts with a minus behind": (["1935-", "120", "7-", "2021"] * 30, "number-notation", 2, '"1935-"', "in front"),
    "dots": (dates("{y}.{m:02}.{d:02}"), "date-form", 2, '"2026.01.01"', "YYYY-MM-DD"),
    "年月日": (dates("{y}年{m}月{d}日"), "date-form", 2, '"2026年1月1日"', "YYYY-MM-DD."),
    "an era": (dates("R8.{m}.{d}"), "date-form", 2, '"R8.1.1"', "YYYY-MM-DD."),
    "ISO": (dates("{y}-{m:02}-{d:02}T10:00:00Z"), "date-form", 2, "T10:00:00Z", "YYYY-MM-DD hh:mm:ss"),
    "month first": (dates("{m}/{d}/{y}"), "date-form", 2, '"1/1/2026"', "YYYY-MM-DD"),
    "dots, and never": ([*dates("{y}.{m:02}.{d:02}"), "9999.12.31"], "date-form", 2,
                        'among them "9999.12.31" in line 122', "after 3999 empty"),
    "two forms": (["2026/1/5", *dates("{y}-{m:02}-{d:02}")], "date-form", 2,
                  '"2026/1/5" and "2026-01-01" (line 3)', "one"),
    "another form, late": ([*DAYS, "2026/01/05"], "date-form", 2, '"2026/01/05" (line 3,002)', "one"),
    "with a time, late": ([*DAYS, "2026-01-05 10:00"], "date-form", 2, '"2026-01-05 10:00" (line 3,002)', "one"),
    "two dates in a value, late": ([*DAYS, "2026-01-05\n2026-01-06"], "late-text", 3002, "2026-01-05", "Check"),
    "never": ([*DAYS, "9999-12-31"], "date-range", 3002, "9999-12-31", "empty"),
    "never, in nines": ([*dates("{y}{m:02}{d:02}"), "99999999"], "date-range", 122, "99999999", "empty"),
    "not set, as SAP writes it": ([*dates("{y}{m:02}{d:02}"), "00000000"], "date-range", 122, "00000000", "empty"),
    "never, in digits": ([*dates("{y}{m:02}{d:02}"), "99991231"], "date-range", 122, "99991231", "empty"),
    "often never": ([*DAYS, *["9999-12-31"] * 1500], "date-range", 3002, "1,000 or more rows in total", "empty"),
    "a minus behind": ([*NUMBERS[:120], "5-"], "number-notation", 122, '"5-"', "minus in front"),
    "a minus behind, late": ([*NUMBERS, "5-"], "number-notation", 3002, '"5-"', "minus in front"),
    "a decimal comma": (["1,5"] * 120, "number-notation", 2, '"1,5"', "decimal point"),
    "full-width digits": (["１２"] * 120, "number-notation", 2, '"１２"', "half-width"),
    "yen": (["¥1,200"] * 120, "number-notation", 2, '"¥1,200"', "currency symbol and omit the thousands"),
    "NA": ([*NUMBERS[:120], "NA"], "missing-value-marker", 122, '"NA"', "empty"),
    "NULL, late": ([*NUMBERS, "NULL"], "missing-value-marker", 3002, '"NULL"', "empty"),
    "\\N": ([*NUMBERS[:50], *["\\N"] * 70], "missing-value-marker", 52, '"\\N"', "empty"),
}  # fmt: skip


@pytest.mark.parametrize(("values", "rule", "line", "says", "remedy"), TABLE.values(), ids=TABLE)
def test_what_the_service_may_not_read_is_a_warning_with_the_form_to_use(values, rule, line, says, remedy):
    (finding,) = found(values)
    assert (finding.rule, finding.severity, finding.line, finding.column) == (rule, "warning", line, "値")
    words = Voice().finding_words(finding)
    assert says in words.what
    assert remedy in f"{words.what} {words.remedy}"


@pytest.mark.parametrize(
    "values", [dates("{y}年{m}月{d}日"), dates("令和8年{m}月{d}日"), ["５０"] * 120, ["不明", "5"] * 60]
)
def test_japanese_values_are_recognised_in_each_encoding(values):
    (one,), (other,) = found(values), found(values, "cp932")
    assert (one.rule, one.facts) == (other.rule, other.facts)


GOOD = {
    "dates": DAYS, "dates without zeros": dates("{y}/{m}/{d}"), "dates with times": dates("{y}-{m:02}-{d:02} 10:00"),
    "dates and empty ones": [*DAYS[:120], ""], "months": dates("{y}-{m:02}"), "years": ["1890", "2026"] * 60,
    "numbers": NUMBERS, "exponents": ["1e-5", "2.5E+3"] * 60, "ids": [f"{10_000_000 + 7919 * at}" for at in range(120)],
    "codes": [f"A{at}" for at in range(120)], "phones": [f"090-1234-{at:04}" for at in range(120)],
    "postal codes": [f"{100 + at}-0001" for at in range(120)], "scores": ["2:1", "0:0"] * 60, "text with dashes": ["a", "-"] * 60,
    "addresses": ["192.168.0.1", "10.0.0.1"] * 60, "versions": ["1.2.3", "1.10.0"] * 60, "names": ["Nan", "Ina"] * 60,
    "lists": ["1,2,3", "4,5"] * 60, "sentences": ["He paid $5, 20% less.", "1,000 times"] * 60,
    "years from which on": ["1935-", "1940", "1998-", "2021"] * 30,
}  # fmt: skip


@pytest.mark.parametrize("values", GOOD.values(), ids=GOOD)
def test_good_values_are_no_finding(values):
    assert [Voice().finding(each) for each in found(values)] == []


def test_columns_alike_are_one_finding_that_names_them():
    rows = "".join(f"{at},1-,2-,NA,7%\n" for at in range(119))
    data = f"n,a,b,c,d\n{rows}119,1,2,3,4\n".encode()
    findings = preflight(file_of(data, "train.csv")).findings
    assert [(each.rule, each.column, each.facts["columns"]) for each in findings] == [
        ("number-notation", "a", ("a", "b", "d")), ("missing-value-marker", "c", ("c",)),
    ]  # fmt: skip
    assert 'so do columns "b" and "d".' in Voice().finding(findings[0])
