"""A second table below the first one is named once, wherever it begins and however wide it is."""

from itertools import product

import pytest

from retraind.dataset.preflight import Limits
from retraind.dataset.reader.automaton import Engine
from retraind.domain.problems import Finding, Severity
from retraind.report.wording import Voice
from support.tables import findings_in
from support.variants import variants

NAMES = "id,plan,days,left"
SHOPS = "region,manager\nnorth,Ada\nsouth,Bob\n"
SAME = "shop,area,sum,open\n" + "".join(f"n{at},Bob,{at},x\n" for at in range(9))
WIDER = "a,b,c,d,e,f\n" + "1,2,3,4,5,6\n" * 9
ROWS = {count: [f"{at},{'ab'[at % 2]},{at % 90},{at % 2}\n" for at in range(count)] for count in (60, 4_000)}


def first(count: int = 60) -> str:
    return "".join([NAMES, "\n", *ROWS[count]])


def found(content: str, **options) -> list[Finding]:
    return [each for each in findings_in(content, **options) if each.rule != "row-count"]


TABLES_BELOW = (
    (SHOPS, 0, "error", '"region" and "manager": 2 columns, but the header has 4'),
    ("\n" + SHOPS, 1, "error", '"region" and "manager"'),
    ("\n\nShops\n" + SHOPS, 3, "error", '"region" and "manager"'),
    ("\n(60 rows affected)\n" + SHOPS, 2, "error", '"region" and "manager"'),
    (WIDER, 0, "error", '"a", "b", "c", "d", "e" and 1 more: 6 columns'),
    (SAME, 0, "warning", '"shop", "sum" and "open"'),
    ("\n" + SAME, 1, "error", '"shop", "sum" and "open"'),
    ("\nShops\n" + SAME, 2, "error", '"shop", "sum" and "open"'),
    ("0,1,a,3,4\n1,1,b,3,4\n", 0, "error", None),
)
PIECES = 512 << 10, 777


@pytest.mark.parametrize(
    ("case", "count", "engine", "piece"),
    variants(
        TABLES_BELOW, ROWS, Engine, PIECES,
        default=[
            (case, count, engine, piece)
            for (number, case), count, (place, engine), (at, piece) in product(
                enumerate(TABLES_BELOW), ROWS, enumerate(Engine), enumerate(PIECES)
            )
            if (number + place + at) % 2 == 0
        ],
    ),
)  # fmt: skip
def test_a_second_table_is_the_only_finding(case, count, engine, piece):
    below, begins, severity, names = case
    (finding,) = found(first(count) + below, limits=Limits(engine=engine, piece=piece))
    assert (finding.rule, finding.severity, finding.line) == (
        "second-table",
        Severity(severity),
        count + 2 + begins,
    )
    text = Voice().finding(finding)
    assert (
        f"begin in this line, with the names {names}" in text if names else "all rows have 5 columns" in text
    )


def test_a_sheet_pads_the_narrower_of_two_tables():
    content = first() + ",,,\n" + SHOPS.replace("\n", ",,\n")
    (finding,) = found(content)
    assert (finding.rule, finding.severity, finding.line) == ("second-table", Severity.WARNING, 63)


def test_the_target_of_a_second_table_is_no_class_of_the_first():
    (finding,) = found(first() + SAME, target="left")
    assert (finding.rule, finding.line) == ("second-table", 62)


def test_results_of_two_queries_have_their_lines_and_the_second_table():
    rules = "id,plan,days,left\n--,----,----,----\n"
    content = rules + "".join(ROWS[60]) + "\n(60 rows affected)\n" + "a,b\n-,-\n1,2\n3,4\n"
    assert sorted((each.rule, each.line) for each in found(content)) == [
        ("rule-line", 2),
        ("second-table", 65),
    ]


GOOD = {
    "a text in one column": "x1,a,3,1\n",
    "texts in different rows": "x1,a,3,1\n1,a,y,1\n",
    "a total": "Total,,270,\n",
    "what is missing": "NA,NA,NA,NA\n",
    "the same text": "closed,closed,closed,closed\n",
    "blank rows and numbers": ",,,\n5,a,3,1\n",
    "a note below a blank row": ",,,\nNote: as of May,,,\n",
}


@pytest.mark.parametrize("below", GOOD.values(), ids=GOOD)
@pytest.mark.parametrize("count", ROWS)
def test_other_rows_are_no_second_table(below, count):
    content = first(count) + below + ROWS[60][3]
    assert "second-table" not in [each.rule for each in found(content)]
    assert "second-table" not in [each.rule for each in found(first(count) + below)]


@pytest.mark.parametrize(
    "rows",
    [
        ["1,a,3\n", *ROWS[60][:3]],  # they are not the last ones
        ["1,a,3\n"],
        ["1,a,1,000,1\n", "2,a,1,005,1\n"],  # thousands separators
        ["1,a\n", "1,a,3\n", "1,a\n"],
    ],
)
def test_rows_of_another_width_are_no_second_table_unless_all_below_have_it(rows):
    assert [each.rule for each in found(first() + "".join(rows))] == ["ragged-rows"]


@pytest.mark.parametrize("engine", [Engine.RE2, Engine.RE, Engine.NONE])
def test_a_third_width_far_below_is_seen_by_every_engine(engine):
    """Rows of another width are passed over where there are enough examples of them."""
    wide = "1,2,3,4,5,6\n"
    below = "Shops\n" + (wide + "end\n") * 3 + wide * 20_000 + "1,2,3\n" + wide * 9
    rules = [each.rule for each in found(first(4_000) + below, limits=Limits(engine=engine))]
    assert rules == ["ragged-rows"]


@pytest.mark.parametrize(
    ("content", "line"),
    [
        ("Sheet: customers\n" + first() + "\nSheet: shops\n" + SHOPS * 9, 1),
        ("downloaded: now\n\n,Tokyo,Tokyo\nday,mean,low\n,,note\n" + "2026/1/2,5.5,8\n" * 99, 1),
        (
            '"Source","Bank",\n\n"Updated","2026-11-01",\n\nCountry,Code,2019,2020\n'
            + "Aruba,ABW,5.5,7\n" * 99,
            1,
        ),
    ],
    ids=["two sheets", "names in several rows", "years as names"],
)
def test_a_title_is_found_above_tables_that_are_not_alone_or_have_odd_names(content, line):
    errors = [each for each in found(content) if each.severity is Severity.ERROR]
    assert [(each.rule, each.line) for each in errors] == [("lines-above-header", line)]


def test_the_target_as_a_value_is_no_name_below_a_title():
    rows = "".join(f"{at // 3},{['plan', 'days', 'left'][at % 3]},x\n" for at in range(60))
    assert [each.rule for each in found("id,field,value\n" + rows, target="left")] == ["target-missing"]


DATED = "id,plan,day,sum,left\n" + "".join(
    f"{at},{'ab'[at % 2]},2026-01-{at % 28 + 1:02},{at}.5,{at % 2}\n" for at in range(4_000)
)
SHIFTED = {
    "one further left": lambda cells: [*cells[1:], ""],
    "one further right": lambda cells: ["", *cells[:-1]],
    "two in each other's place": lambda cells: [*cells[:2], cells[3], cells[2], cells[4]],
}


@pytest.mark.parametrize("count", [90, 3_000])
@pytest.mark.parametrize("shift", SHIFTED.values(), ids=SHIFTED)
def test_columns_that_are_in_other_places_from_a_row_on_are_told_of_once(count, shift):
    lines = DATED.splitlines()[: 2 * count]
    lines[count:] = (",".join(shift(line.split(","))) for line in lines[count:])
    findings = [each for each in found("\n".join([*lines, ""])) if each.rule != "empty-column"]
    assert [(each.rule, each.line) for each in findings] == [("columns-shifted", count + 1)]
    assert '"day"' in Voice().finding(findings[0])
    assert "「day」" in Voice(language="ja").finding(findings[0])


@pytest.mark.parametrize(
    "change",
    [
        lambda at, row: row if at < 90 else row.replace("2026-01-", "day "),
        lambda at, row: row if at != 90 else "x,a,x,x,1",
        lambda at, row: row if at < 90 or at % 9 else "x,a,x,x,1",
        lambda at, row: row if at < 90 else f"{at},a,,,1",
    ],
)
def test_columns_stay_in_their_places_where_only_one_changes_or_some_rows_do(change):
    header, *rows = DATED.splitlines()[:200]
    content = "\n".join([header, *(change(at, row) for at, row in enumerate(rows)), ""])
    assert "columns-shifted" not in {each.rule for each in found(content)}
