"""Lines of hyphens below a header or among the rows: they are found wherever they are, and are no values."""

from itertools import product

import pytest

from retraind.dataset.preflight import Limits
from retraind.dataset.reader.automaton import Engine
from retraind.domain.problems import Finding, Severity
from retraind.report.wording import Voice
from support.tables import findings_in
from support.variants import variants

NAMES = "id,plan,left\n"
ROWS = {
    "a number in each row": [f"{at},ab{at % 9},{'no' if at % 3 else 'yes'}\n" for at in range(3_000)],
    "a text in each row": [f"n{at % 50},ab{at % 9},{'no' if at % 3 else 'yes'}\n" for at in range(3_000)],
    "gaps": [f"{at if at % 2 else ''},{'' if at % 2 else 'x'},{'no' if at % 3 else 'yes'}\n" for at in range(3_000)],
}  # fmt: skip
RULE = {
    "as wide as the names": "--,----,----\n",
    "as wide as the columns": "------------,------------,------------\n",
    "in quotes": '"--","----","----"\n',
    "padded": "--  ,----  ,----  \n",
    "equals signs": "==,====,====\n",
    "boxes": "──,────,────\n",
}


def found(content: str, **limits) -> list[Finding]:
    return findings_in(content, target="left", limits=Limits(**limits))


PIECES = 512 << 10, 999


@pytest.mark.parametrize(
    ("rows", "rule", "engine", "piece"),
    variants(
        ROWS, RULE, Engine, PIECES,
        default=[
            (rows, rule, engine, piece)
            for rows, (number, rule), (place, engine), piece in product(ROWS, enumerate(RULE), enumerate(Engine), PIECES)
            if rule in {"as wide as the names", "in quotes"} or ((number + place) % len(Engine) == 0 and piece == PIECES[0])
        ],
    ),
)  # fmt: skip
def test_a_line_among_the_rows_is_the_only_finding_wherever_it_is(rows, rule, engine, piece):
    for at in (1, 700, 2_500):
        content = "".join([NAMES, *ROWS[rows][:at], RULE[rule], *ROWS[rows][at:]])
        (finding,) = found(content, engine=engine, piece=piece)
        assert (finding.rule, finding.line, finding.severity) == ("rule-line", at + 2, Severity.ERROR)


@pytest.mark.parametrize("engine", Engine)
@pytest.mark.parametrize("rows", ROWS.values(), ids=ROWS)
def test_pages_that_begin_with_the_names_and_a_line_are_one_finding(rows, engine):
    pages = [rows[at : at + 40] for at in range(0, len(rows), 40)]
    later = "".join(
        "".join([NAMES, *(["--,----,----\n"] if at else []), *page]) for at, page in enumerate(pages)
    )
    (finding,) = found(later, engine=engine)
    assert (finding.rule, finding.line) == ("repeated-header", 42)
    assert "with a line of hyphens or similar characters below it" in Voice().finding(finding)
    each = "".join("".join([NAMES, "--,----,----\n", *page]) for page in pages)
    (finding,) = found(each, engine=engine)
    assert (finding.rule, finding.line) == ("rule-line", 2)
    assert f"both appear again {len(pages) - 1} times" in Voice().finding(finding)


def test_lines_between_groups_of_rows_are_counted():
    rows = ROWS["a number in each row"]
    groups = ["".join([*rows[at : at + 10], RULE["as wide as the names"]]) for at in range(0, 3_000, 10)]
    (finding,) = found(NAMES + "".join(groups))
    assert (finding.rule, finding.line) == ("rule-line", 12)
    assert "(also line 23, line 34, line 45, line 56; 300 lines in total)" in Voice().finding(finding)


@pytest.mark.parametrize("value", ["-", "--", "---", "- -", "-1", "--x", "==>"])
@pytest.mark.parametrize("late", [False, True])
def test_a_row_of_values_that_are_missing_is_no_line(value, late):
    rows = [f"n{at % 7},{['on', 'off'][at % 2]}\n" for at in range(2_000)]
    rows.insert(1_900 if late else 500, f"{value},{value}\n")
    assert "rule-line" not in [each.rule for each in found("plan,left\n" + "".join(rows))]
