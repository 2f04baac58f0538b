"""Texts that are no data: a row of units or types below the header, and texts behind many numbers."""

import pytest

from retraind.dataset.preflight import Limits
from retraind.dataset.reader.automaton import Engine
from retraind.domain.problems import Severity
from retraind.report.wording import Voice
from support.tables import findings_in

NAMES = "id,day,plan,left\n"
ROWS = [f"{at},2026-01-{at % 28 + 1:02},{'ab'[at % 2]},{at % 2}\n" for at in range(3_000)]


def found(content, **options):
    return [each for each in findings_in(content, **options) if each.rule != "row-count"]


@pytest.mark.parametrize(
    "row",
    [
        "int,date,str,bool\n",
        ",[day],,[0/1]\n",
        "番号,日付,,\n",
        "No.,Date,Plan,Left?\n",
        '"(no.)","(day)","",""\n',
    ],
)
def test_a_row_of_units_or_types_below_the_header_is_the_only_finding(row):
    (finding,) = found(NAMES + row + "".join(ROWS[:150]), target="plan")
    assert (finding.rule, finding.line, finding.severity) == ("row-below-header", 2, Severity.WARNING)
    assert "units, types or more names" in Voice().finding(finding)
    assert "単位" in Voice(language="ja").finding(finding)


def test_one_unit_is_enough_where_one_column_has_numbers():
    assert [each.rule for each in found("name,size\n,[cm]\n" + "x,1\ny,2\n" * 60)] == ["row-below-header"]
    assert [each.rule for each in found("name,size\nz,big\n" + "x,1\ny,2\n" * 60)] == ["rare-text"]


@pytest.mark.parametrize(
    "row", ["NA,NA,a,1\n", ",,a,\n", "x1,2026-01-01,a,x\n", "-,-,-,-\n", "1,never,a,often\n", "NULL,,,NULL\n"]
)
def test_another_first_row_is_data(row):
    assert "row-below-header" not in {each.rule for each in found(NAMES + row + "".join(ROWS[:150]))}


@pytest.mark.parametrize("engine", Engine)
@pytest.mark.parametrize(
    ("row", "text"),
    [
        ("pending,2026-01-01,a,1\n", 'Column "id" has numbers only in the first 1,000 rows'),
        ("7,soon,a,1\n", 'Column "day" has dates only in the first 1,000 rows'),
    ],
)
def test_a_text_far_below_numbers_or_dates_is_told_of(row, text, engine):
    content = "".join([NAMES, *ROWS[:2_000], row, *ROWS[2_000:]])
    (finding,) = found(content, limits=Limits(engine=engine))
    assert (finding.rule, finding.line, finding.severity) == ("late-text", 2_002, Severity.WARNING)
    assert text in Voice().finding(finding)
    early = "".join([NAMES, *ROWS[:200], row, *ROWS[200:]])
    (finding,) = found(early, limits=Limits(engine=engine))
    assert (finding.rule, finding.line, finding.severity) == ("rare-text", 202, Severity.WARNING)


def test_the_target_has_rules_of_its_own():
    content = "".join([NAMES, *ROWS[:2_000], "1,2026-01-01,a,often\n"])
    assert "late-text" not in {each.rule for each in found(content, target="left")}


def test_numbers_of_which_some_may_be_dates_are_numbers_all_the_same():
    values = ["202601", *["202602"] * 200, "030013", *["202603"] * 900]
    content = "a,b\n" + "".join(f"{value},x\n" for value in values)
    assert found(content) == []
