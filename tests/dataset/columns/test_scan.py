"""Columns read block by block, with whatever proves the blocks, against a naive reading of all rows."""

import csv
import io
import random
import re
from dataclasses import dataclass, field
from itertools import chain, product

import pytest
from hypothesis import example
from hypothesis import strategies as st

from retraind.dataset.reader.columns import ColumnScan, Roles
from retraind.dataset.reader.columns.dates import form_of
from retraind.dataset.reader.columns.facts import ENOUGH_ROWS, HANDFUL, MAX_CLASSES, Kind
from retraind.dataset.reader.columns.known_dates import DATES_COUNTED
from retraind.dataset.reader.columns.numbers import is_marker, is_number, notations
from retraind.dataset.reader.prover import Engine
from retraind.dataset.reader.rows import Limits
from retraind.dataset.reader.table import SourceFile
from support.tables import file_of, read_table
from support.variants import holds_for, variants

CELLS = {
    "number": ["1", "2.5", "-3", "", "1e3", "40", "NA", "1-", "x", "nan"],
    "date": ["2026-01-05", "2026-11-30", "", "9999-12-31", "2026-1-5", "2026/01/05", "1969-01-01", "x"],
    "text": ["a", "b", "", "NULL", 'say "so"', "x,y", "a\nb"],
}
ROWS = st.tuples(
    *(st.sampled_from(cells) for cells in CELLS.values()), st.sampled_from(["yes", "no", "", "maybe"])
)
MIXED = st.lists(st.tuples(ROWS, st.integers(1, 80)), min_size=1, max_size=7)
"""Rows, each repeated: so blocks can be proved, classes become frequent, and something new comes late."""


def sample(scan, line, cells):
    """Read one row of the sample."""
    scan.sample([line], cells)


@st.composite
def one_change(draw):
    """Many rows alike, and then some of which one cell is different: nothing else betrays it."""
    row = draw(ROWS)
    at = draw(st.integers(0, 3))
    other = draw(ROWS)[at]
    changed = (*row[:at], other, *row[at + 1 :])
    return [
        (row, draw(st.integers(110, 200))),
        (changed, draw(st.integers(1, 9))),
        (row, draw(st.integers(0, 40))),
    ]


RUNS = MIXED | one_change()


@dataclass
class Naive:
    """What the rows show, read one by one without any cleverness."""

    empty: list[int] = field(default_factory=list)
    classes: list[tuple[bytes, int, int]] = field(default_factory=list)
    filled: int = 0
    text: tuple[int, bytes] | None = None
    late: list[tuple[int, bytes]] = field(default_factory=list)


def naive(rows: list[tuple[int, list[bytes]]], sample: int) -> Naive:
    found = Naive()
    width = len(rows[0][1])
    found.empty = [at for at in range(width) if not any(row[at] for _, row in rows)]
    known: dict[bytes, list[int]] = {}
    for number, (line, row) in enumerate(rows):
        value = row[3]
        if not value:
            continue
        found.filled += 1
        if found.text is None and not is_number(value):
            found.text = (line, value)
        if value not in known and len(known) <= MAX_CLASSES:
            known[value] = [line, 0]
            if number >= sample:
                found.late.append((line, value))
        if value in known:
            known[value][1] += 1
    found.classes = [(value, line, min(rows, HANDFUL + 1)) for value, (line, rows) in known.items()]
    return found


def late_numbers(rows: list[tuple[int, list[bytes]]], sample: int) -> tuple[bool, list[int], list[int]]:
    """Return whether the first column is one of numbers, and the lines of what deviates in it."""
    early = [(line, row[0]) for line, row in rows[:sample] if row[0]]
    is_column = bool(early) and all(is_number(v) or notations(v) or is_marker(v) for _, v in early)
    is_column = is_column and any(is_number(value) or notations(value) for _, value in early)
    written = [line for line, value in early if notations(value)]
    markers = [line for line, value in early if is_marker(value)]
    if is_column and not written and not markers:
        for line, row in rows[sample:]:
            if row[0] and not is_number(row[0]):
                written, markers = [line] if notations(row[0]) else [], [line] if is_marker(row[0]) else []
                break
    return is_column, written[:5], markers[:5]


def bad_dates(rows: list[tuple[int, list[bytes]]], sample: int) -> tuple[bool, int] | None:
    """Return whether the second column has several forms, and how many dates out of range it has."""
    early = [row[1] for _, row in rows[:sample] if row[1]]
    if not early or any(form_of(value) is None for value in early):
        return None
    forms = []
    count = 0
    for number, (_, row) in enumerate(rows):
        if not row[1]:
            continue
        form = form_of(row[1])
        if form is None:
            break
        at = next((at for at, known in enumerate(forms) if known.is_like(form)), None)
        if at is None:
            forms.append(form)
        else:
            forms[at] = forms[at]._replace(zeros=forms[at].zeros | form.zeros)
        count += form.out_of_range
        if number >= sample and len(forms) > 1:
            break
        if number >= sample and count >= DATES_COUNTED:
            break
        if number == sample - 1 and len(forms) > 1:
            break
    return len(forms) > 1, count


@holds_for(
    37,
    150,
    runs=RUNS,
    engine=st.sampled_from(Engine),
    sample=st.sampled_from([1, 5, 40, 130]),
    first=st.sampled_from([2, 100]),
    piece=st.sampled_from([64, 4096]),
)
@example(
    [(("1", "2026-01-05", "a", "yes"), 300), (("1", "2026-01-05", "a", "no"), 1)], Engine.RE2, 5, 100, 4096
)
@example(
    [(("", "2026-01-05", "a", "yes"), 300), (("1", "2026-01-05", "a", "yes"), 9)], Engine.RE2, 5, 100, 4096
)
@example(
    [(("1", "2026-01-05", "a", "yes"), 300), (("1-", "2026-01-05", "a", "yes"), 9)], Engine.RE2, 5, 100, 4096
)
@example(
    [(("1", "2026-01-05", "a", "yes"), 300), (("1", "2026-1-5", "a", "yes"), 9)], Engine.RE2, 5, 100, 4096
)
@example([(("1", "", "", ""), 300), (("NA", "2026-1-5", "", "no"), 3)], Engine.RE2, 5, 100, 4096)
@example([(("1", "2026-01-05", "a", "yes"), 120), (("x", "2026-1-5", "", "no"), 9)], Engine.RE2, 130, 2, 4096)
def test_what_is_proved_teaches_nothing(runs, engine, sample, first, piece):
    cells = [list(row) for row, times in runs for _ in range(times)]
    text = io.StringIO(newline="")
    csv.writer(text, lineterminator="\n").writerows([["n", "d", "t", "target"], *cells])
    data = text.getvalue().encode()
    lines, line = [], 2
    for row in cells:
        lines.append(line)
        line += 1 + sum(cell.count("\n") for cell in row)
    rows = [(line, [cell.encode() for cell in row]) for line, row in zip(lines, cells, strict=True)]

    limits = Limits(piece=piece, sample=sample, first=first, engine=engine)
    found = read_table(file_of(data), target="target", limits=limits).columns

    expected = naive(rows, sample)
    assert list(found.empty) == expected.empty
    target = found.target
    assert [tuple(each) for each in target.late.first] == expected.late[:5]
    assert [(each.value, each.line, each.rows) for each in target.classes] == expected.classes
    assert target.filled == min(expected.filled, ENOUGH_ROWS)
    assert target.text == expected.text

    is_column, written, markers = late_numbers(rows, sample)
    assert (found.kinds[0] is Kind.NUMBER) == is_column
    numbers = found.numbers.get(0)
    assert (numbers is not None) == (is_column and bool(written or markers))
    if numbers is not None:
        assert [each.line for each in numbers.written] == written
        assert [each.line for each in numbers.markers] == markers

    dates = bad_dates(rows, sample)
    assert (found.kinds[1] is Kind.DATE) == (dates is not None)
    if dates is not None:
        assert (bool(found.dates[1].forms), found.dates[1].out_of_range.count) == dates


@pytest.mark.parametrize("engine", Engine)
@pytest.mark.parametrize("classes", [150, 200, 201, 400])
@pytest.mark.parametrize("prefix", ["k", ""], ids=["text", "numbers"])
def test_many_classes_are_counted_to_one_more_than_are_accepted(classes, prefix, engine):
    data = "a,b\n" + "".join(f"1,{prefix}{n % classes}\n" for n in range(4 * classes))
    limits = Limits(piece=512, sample=20, engine=engine)
    found = read_table(SourceFile("t.csv", lambda: io.BytesIO(data.encode())), target="b", limits=limits)
    target = found.columns.target
    assert len(target.classes) == min(classes, MAX_CLASSES + 1)
    assert target.has_many == (classes > MAX_CLASSES)
    assert target.late.count == len(target.classes) - 20


def test_the_grammar_is_asked_for_only_some_dozens_of_times_however_often_it_changes():
    width = 300
    scan = ColumnScan(width, Roles(target=0))
    for line in range(2, 102):
        sample(scan, line, [b"x", *[b""] * (width - 1)])
    seen = {scan.version}
    for row in range(1, width):
        wanted = scan.wanted
        values = {at: [b"1" if at == row else b""] for at in wanted}
        scan.add([102 + row], values | {0: [b"k%d" % row]})
        seen.add(scan.version)
    assert len(seen) < 48
    assert scan.facts().empty == ()


def test_a_column_that_deviates_is_not_read_any_more_but_for_dates_that_are_missing():
    scan = ColumnScan(3)
    for line in range(2, 102):
        sample(scan, line, [b"1", b"2026-01-05", b"x"])
    scan.end_sample()
    assert scan.wanted == (0, 1)
    scan.add([102], {0: [b"12-"], 1: [b"2026-01-05 10:00"]})
    assert scan.wanted == (1,)
    assert scan.version > 0
    scan.add([103, 104], {1: [b"2026/01/05", b"9999-12-31"]})
    assert scan.facts().dates[1].forms == ((2, b"2026-01-05"), (102, b"2026-01-05 10:00"))
    assert not scan.facts().dates[1].out_of_range
    scan.add([105, 106], {1: [b"NULL", b"no date"]})
    assert scan.facts().dates[1].markers == ((105, b"NULL"),)
    assert scan.wanted == ()


def test_a_column_of_digits_is_one_of_dates_only_if_most_years_are_usual():
    scan = ColumnScan(3)
    for day in range(1, 29):
        sample(
            scan, 1 + day, [b"202601%02d" % day, b"8765010%d" % (day % 10), b"20260131" if day < 20 else b"7"]
        )
    sample(scan, 40, [b"99991231", b"", b""])
    found = scan.facts()
    assert found.kinds == (Kind.DATE, Kind.NUMBER, Kind.NUMBER)
    assert found.dates[0].out_of_range.count == 1


def test_memory_and_time_of_a_column_of_bad_dates_are_bounded():
    scan = ColumnScan(1)
    sample(scan, 2, [b"2026-01-05"])
    scan.add(range(3, 5003), {0: [b"9999-12-31"] * 5000})
    assert scan.facts().dates[0].out_of_range.count == DATES_COUNTED
    assert re.fullmatch(scan.grammar()[0], b"9999-12-31")


@pytest.mark.parametrize("form", ["平成%d年3月4日", "1%d０"])
def test_values_whose_bytes_end_in_zero_are_known_by_their_shape(form):
    values = [(form % number).encode() for number in range(10, 70)]
    scan = ColumnScan(1)
    scan.sample(range(60), values)
    assert re.fullmatch(scan.grammar()[0], (form % 99).encode())


def test_a_line_break_is_not_counted_among_dates_out_of_range():
    scan = ColumnScan(1)
    scan.sample(range(60), [*[b"1899-12-31"] * 50, b"\n", *[b"1899-12-30"] * 9])
    assert scan.facts().dates[0].out_of_range.count == 59


ALIKE = {
    "number": (["1", "2.5", "-3"], ["", "NA", "1-", "x", "2026-01-05", "nan", "1\n"]),
    "whole number": (["20260105", "7", "99991231"], ["", "8765", "x", "-", "2026-01-05"]),
    "date": (["2026-01-05", "2026-11-30"], ["", "9999-12-31", "2026-1-5", "05.01.2026", "x", "NA", "\n"]),
    "date out of range": (["1899-12-31", "0001-01-01"], ["", "2026-01-05", "1899/12/31", "x", "-"]),
    "date in several forms": (["2026-01-05", "2026/1/5", "05.01.2026"], ["", "9999-12-31", "x", "Jan-26"]),
    "text": (["a", "b"], ["", "1", "2026-01-05"]),
}
"""Usual values and rare ones."""


@holds_for(
    10,
    300,
    kinds=st.lists(st.sampled_from([*ALIKE]), min_size=1, max_size=2),
    rare=st.sampled_from([0, 0.0005, 0.01]),
    seed=st.integers(0, 999),
)
def test_columns_of_which_the_same_is_known_teach_the_same_together_and_one_by_one(kinds, rare, seed):
    chance = random.Random(seed)

    def row() -> list[bytes]:
        cells = (ALIKE[kinds[at % len(kinds)]][chance.random() < rare] for at in range(30))
        return [chance.choice(each).encode() for each in cells]

    rows = [row() for _ in range(240)]
    found = []
    for each in (Engine.NONE, Engine.RE2):
        scan = ColumnScan(30, engine=each)
        for at in range(0, len(rows), 30):
            scan.sample(range(at, at + 30), [*chain(*rows[at : at + 30])])
        found.append((scan.facts(), scan.grammar(), dict(scan.filled())))
    assert found[0] == found[1]


@pytest.mark.parametrize("form", ["%s-03-07", "%s/3/7", "%s-12-31 10:00:59"])
@pytest.mark.parametrize("early", [True, False])
def test_dates_out_of_range_are_counted_alike_one_by_one_and_many_at_once(form, early):
    years = ["2024", "1969", "4000", "1970", "3999", "0001", "", "1999"] * 60
    values = [(form % year).encode() if year else b"" for year in years]
    found = []
    for step in (1, len(values)):
        scan = ColumnScan(1)
        scan.sample(range(40), values[:40])
        for at in range(40, len(values), step):
            lines, some = range(at, min(at + step, len(values))), values[at : at + step]
            if early:
                scan.sample(lines, some)
            else:
                scan.add(lines, {0: some})
        found.append(scan.facts())
    assert found[0] == found[1]
    assert found[0].dates[0].out_of_range.count == 3 * 60


FORMS = (
    "11/30/2026", "30.11.2026", "2026-11-30T10:00:00Z", "30-NOV-26", "令和6年11月30日", "2026年11月30日",
    "November 30", "Nov 30 2026", "2026/11", "10:30",
)  # fmt: skip
MISSING = "NA", "-", "NULL", "\\N", "不明", "#N/A"
ENCODINGS = "utf-8", "cp932"
READERS = list(product(Engine, ENCODINGS))


@pytest.mark.parametrize(
    ("date", "marker", "engine", "encoding"),
    variants(
        FORMS, MISSING, Engine, ENCODINGS,
        default=[  # each form with each reader, and with each marker
            (date, marker, *READERS[(form + place) % len(READERS)])
            for (form, date), (place, marker) in product(enumerate(FORMS), enumerate(MISSING))
        ],
    ),
)  # fmt: skip
def test_what_stands_for_a_date_is_found_behind_the_first_rows_in_whatever_form_the_others_are(
    date, marker, engine, encoding
):
    rows = [f"{at},{date},x\n" for at in range(2_000)]
    rows[1_500:1_500] = [f"1,{marker},x\n", "2,,x\n"]
    data = "".join(["n,d,t\n", *rows]).encode(encoding)
    source = file_of(data)
    found = read_table(source, limits=Limits(engine=engine)).columns.dates
    if date == "November 30":  # which is no date
        assert not found
    else:
        assert found[1].markers == ((1_502, marker.encode(encoding)),)


def test_what_is_known_by_its_shape_hides_nothing_new():
    scan = ColumnScan(5)
    for line in range(2, 602):
        day = b"2026-01-%02dT10:00:00Z" % (line % 28 + 1)
        sample(scan, line, [day, b"NA" if line % 2 else b"7", b"%d,%03d" % (line % 9, line), b"NA", b"5%"])
    sample(scan, 602, [b"9999-12-31T10:00:00Z", b"unheard of", b"3,5", b"1", b"x"])
    found = scan.facts()
    assert found.kinds == (Kind.DATE, Kind.TEXT, Kind.NUMBER, Kind.NUMBER, Kind.TEXT)
    assert found.dates[0].out_of_range.first == [(602, b"9999-12-31T10:00:00Z")]
    assert found.numbers[2].notations == ("thousands", "decimal-comma")


def test_a_column_of_the_last_day_alone_is_one_of_dates():
    scan = ColumnScan(2)
    for line in range(2, 40):
        sample(scan, line, [b"99991231", b"99990101"])
    assert scan.facts().kinds == (Kind.DATE, Kind.NUMBER)


@pytest.mark.parametrize("engine", [Engine.RE2, Engine.RE, Engine.NONE])
def test_what_ends_a_column_of_dates_is_the_same_value_whatever_is_read_with_it(engine):
    """Values that are passed over where they are proved end no column where they are not."""
    for dates, near in (("R6.1.2", " 3"), ("12.31.2024", "7")):
        rows = [dates] * 50 + [near] + [dates] * 300 + ["none at all", near, "never"] + [dates] * 9
        text = "day,x\n" + "".join(f"{each},1\n" for each in rows)
        source = file_of(text, "t.csv", "utf-8")
        found = {
            read_table(source, limits=Limits(piece, sample=9, engine=engine)).columns.broken[0]
            for piece in (50, 999, 1 << 18)
        }
        assert {(each.line, each.value) for each in found} == {(353, b"none at all")}, dates
