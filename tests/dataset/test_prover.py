"""What is proved at once, against the exact way and Python's csv module: the same to the letter."""

import csv
import hashlib
import io
import random
import threading
from dataclasses import replace
from itertools import product

import pytest
from hypothesis import example
from hypothesis import strategies as st

from retraind.bundle import deflate
from retraind.dataset.reader import automaton, prover
from retraind.dataset.reader.automaton import Engine
from retraind.dataset.reader.breaks import CR, CRLF, LF
from retraind.dataset.reader.columns import ColumnScan, Roles
from retraind.dataset.reader.prover import Form, Prover, Values
from retraind.dataset.reader.records import Scanner
from retraind.dataset.reader.rows import Limits
from retraind.dataset.reader.strays.names import Names
from retraind.dataset.reader.stream import Reading
from retraind.dataset.reader.table import ReadResult, SourceFile, TableReader
from support.tables import file_of, read_table
from support.variants import holds_for, variants

ENGINES = [Engine.RE2, Engine.RE]
FIELDS = ["", "a", '"a"', "17", '"17"', "-1.5e3", "2024-01-02", "1969-01-02", '"4000/1/2"', "日", "\0", "b'c"]
ODD = ['"a,b"', '"x""y"', '"1\n2"', '"\r"', '"1\r\n2"', 'a"b', '"a"b', '"', '""""', "a,b", "\ufeff", "\x1a"]
TABLES = st.builds(
    lambda rows, endings, last: (
        "".join(",".join(row) + endings[at % len(endings)] for at, row in enumerate(rows)) + last
    ),
    st.lists(
        st.lists(st.sampled_from(FIELDS * 3 + ODD), min_size=2, max_size=2)
        | st.lists(st.sampled_from(FIELDS), max_size=3),
        min_size=1,
        max_size=30,
    ),
    st.lists(st.sampled_from(["\n", "\n", "\r\n", "\r"]), min_size=1, max_size=3),
    st.sampled_from(["", "a", "a,b", '"', "\n", "\r", "1,2"]),
)
TEXTS = TABLES | st.text(alphabet='a1,"\n\r\0日\ufeff', max_size=80)


def sample(scan, line, cells):
    """Read one row of the sample."""
    scan.sample([line], cells)


@pytest.mark.parametrize("engine", ENGINES)
def test_an_expression_for_one_text_matches_it_and_nothing_else(engine):
    for text in [*(bytes((byte,)) for byte in range(256)), b"a.b*(c)[d]{2}|^$", "\\N 金 10%".encode()]:
        pattern = automaton.compiled(automaton.literal(text), engine)
        assert automaton.matched(pattern, text, 0) == len(text)
        assert automaton.matched(pattern, text[:-1] + bytes(((text[-1] + 1) % 256,)), 0) == 0


def reading(data: bytes, limits: Limits, target: str | None = "a") -> ReadResult:
    return read_table(file_of(data), target=target, limits=limits)


def reading_at_once(data: bytes, limits: Limits, target: str | None = "a") -> ReadResult:
    """As the product does, on several threads."""
    with Reading(file_of(data), target=target, limits=limits) as reading:
        return reading.run()


@holds_for(
    100,
    500,
    text=TEXTS,
    bom=st.booleans(),
    header=st.sampled_from(["", "a,b\n", "b,a\r\n", "a\n"]),
    piece=st.sampled_from([1, 2, 3, 5, 16, 1000]),
    sample=st.integers(0, 9),
    first=st.sampled_from([1, 2, 100]),
    waiting=st.sampled_from([0, 9, 1000]),
    engine=st.sampled_from(ENGINES),
)
@example(
    text="1,2\r\n", bom=False, header="a,b\r", piece=9, sample=0, first=100, waiting=9, engine=Engine.RE2
)
@example(
    text="1,2\r\n3,4\r", bom=False, header="a,b\r", piece=1, sample=0, first=100, waiting=9, engine=Engine.RE
)
@example(
    text='1,"2\n\n",\n', bom=False, header="a,b\n", piece=9, sample=0, first=100, waiting=9, engine=Engine.RE2
)
@example(text="a\n\n,\n", bom=False, header="", piece=1, sample=0, first=1, waiting=0, engine=Engine.RE2)
@example(
    text='1,a"\n"b,2\n', bom=False, header="a,b\n", piece=9, sample=0, first=100, waiting=9, engine=Engine.RE2
)
def test_a_file_reads_the_same_whether_or_not_records_are_proved(
    text, bom, header, *, piece, sample, first, waiting, engine
):
    data = (b"\xef\xbb\xbf" if bom else b"") + (header + text).encode()
    exact = reading(data, Limits(sample=sample, first=first, engine=Engine.NONE))
    for each in (engine, Engine.NONE):
        assert reading(data, Limits(piece, waiting, sample=sample, first=first, engine=each)) == exact


_ODD = (
    b'\\"x', b'x\\"', b'"\\"x"', b'\x95\\"x', b'"\x95\\"', b'"\x95\\""x"', b"\x95", b"\x83", b"\xff", b"\xe8\xa1", b"\0",
    b"\x1a", b"\n\x1a", b"\xef\xbb\xbf", b"\xef\xbf\xbd", b"\xef", b'"', b'""', b",", b"\n", b"\x87\x40", "髙".encode("cp932"),
)  # fmt: skip


@pytest.mark.parametrize("codec", ["utf-8", "utf-8-sig", "cp932"])
@pytest.mark.parametrize("seed", range(40))
def test_what_is_wrong_in_japanese_text_is_found_wherever_it_stands(codec, seed):
    chance = random.Random(seed)
    classes = ["東京都", "表", "ソ・能", 'か"な', "ﾊﾝｶｸ", "x,表"]
    rows = (
        ["番号", "氏名", "所在地"],
        *([str(at), "株式会社 表①" * (at % 3), chance.choice(classes)] for at in range(400)),
    )
    made = io.StringIO(newline="")
    csv.writer(made, lineterminator=chance.choice(["\n", "\r\n"]), quoting=chance.choice([0, 1])).writerows(
        rows
    )
    data = bytearray(made.getvalue().encode(codec))
    for _ in range(chance.choice([0, 1, 3])):
        at = chance.randrange(len(data) // 2, len(data))
        data[at:at] = chance.choice(_ODD)
    target = chance.choice([None, "氏名", "所在地"])
    exact = reading(bytes(data), Limits(sample=20, first=10, engine=Engine.NONE), target=target)
    for piece in (97, 4096, 10_000):
        limits = Limits(piece=piece, sample=20, first=10, engine=Engine.RE2)
        assert reading(bytes(data), limits, target=target) == exact


@holds_for(
    60,
    300,
    text=TEXTS,
    width=st.integers(1, 3),
    endings=st.sampled_from([{LF}, {CR}, {CRLF}, {CR, LF, CRLF}]),
    engine=st.sampled_from(ENGINES),
)
@example(text="a,b\r\n", width=2, endings={CR}, engine=Engine.RE2)
@example(text='\n"\r",\n', width=1, endings={CR}, engine=Engine.RE2)
@example(text='"a\n",b\n"\n\n",""\nc', width=2, endings={LF}, engine=Engine.RE2)
def test_what_is_proved_is_what_csv_reads(text, width, endings, engine):
    data = text.encode()
    if data.endswith(CR):
        return  # whether an LF follows is known only with the next piece
    proved = Prover(Form(b",", width, frozenset(endings)), Values({}), engine).prove(data, 0)
    if not proved.size:
        return
    done, rest = data[: proved.size].decode("latin-1"), data[proved.size :].decode("latin-1")
    records = list(csv.reader(io.StringIO(done, newline="")))
    assert len(records) == proved.rows
    assert {len(record) or 1 for record in records} == {width}
    assert proved.breaks == len(data[: proved.size].splitlines())
    assert [*records, *csv.reader(io.StringIO(rest, newline=""))] == list(
        csv.reader(io.StringIO(done + rest, newline=""))
    )


@pytest.mark.parametrize("engine", ENGINES)
@pytest.mark.parametrize("ending", [LF, CR, CRLF])
@pytest.mark.parametrize("field", ["a", '"a"', "", '"a,b"', '"a""b"', 'a"b', '"a\nb"', '"\r\n"', "日本"])
def test_regular_records_are_proved(field, ending, engine):
    """Else the properties above would hold for a prover that never proves anything."""
    record = f"{field},2".encode() + ending
    proved = Prover(Form(b",", 2, frozenset({ending})), Values({}), engine).prove(record * 9 + b"1,2", 0)
    if ending == CR and "\n" in field:
        assert proved.size == 0  # too rare to be worth the care that a CR needs
    else:
        assert (proved.size, proved.rows) == (9 * len(record), 9)
        assert proved.breaks == 9 * len(record.splitlines())


@pytest.mark.parametrize("engine", ENGINES)
@pytest.mark.parametrize(
    ("fragment", "good", "bad"),
    [
        (rb"[0-9]*", ["1", '"1"', "", '""'], ["a", '"a"', "1a", '"1,"', '"1"1']),
        (rb"a|ab|(?:a|b)c", ["a", "ab", '"ab"', "bc"], ["", "b", "abc", "A"]),
        (b"", ["", '""'], ["a", '"a"', " "]),
    ],
)
def test_a_value_must_match_its_column(fragment, good, bad, engine):
    for at in (0, 2):
        grammar = Prover(Form(b",", 3, frozenset({LF})), Values({at: fragment}), engine)
        for value, size in [*((value, 1) for value in good), *((value, 0) for value in bad)]:
            cells = ["x", "y", "z"]
            cells[at] = value
            record = (",".join(cells) + "\n").encode()
            assert grammar.prove(record, 0).rows == size, (value, at)


@pytest.mark.parametrize("engine", ENGINES)
def test_proving_ends_before_the_first_record_that_is_not_good(engine):
    data = b"1,2\n" * 5 + b"3\n" + b"4,5\n"
    assert Prover(Form(b",", 2, frozenset({LF})), Values({}), engine).prove(data, 8).size == 12


def test_without_re2_pythons_own_module_is_used(monkeypatch):
    assert automaton.best_engine() is Engine.RE2
    monkeypatch.setitem(__import__("sys").modules, "re2", None)
    assert automaton.best_engine() is Engine.RE
    assert reading(b"a,b\n" + b"1,2\n" * 3000, Limits(piece=512)).rows == 3000


@pytest.mark.parametrize(
    ("value", "shows"),
    [
        ("1969-12-31", True), ("1970-01-01", False), ("3999-12-31", False), ("4000-1-1", True),
        ("2024/01/01", True), ("2024-1-01", True), ("99991231", True), ("n/a", True), ("", False),
        ("1969", True), ("1969-", True), ("2024-01-01 10:00", True), (" 2024-01-01", True),
    ],
)  # fmt: skip
def test_the_dates_that_are_not_proved_are_those_out_of_range_or_in_another_form(value, shows):
    scan = ColumnScan(2)
    sample(scan, 2, [b"2024-01-01", b"x"])
    prover = Prover(Form(b",", 2, frozenset({LF})), Values(scan.grammar()), Engine.RE2)
    assert prover.prove(f"{value},x\n".encode(), 0).rows == (not shows)


def test_the_classes_that_are_known_are_proved_and_others_are_not():
    scan = ColumnScan(2, Roles(target=1))
    for value in (b"yes", b"no", b"a.b", b"x,y") * 25 + (b"rare",):
        sample(scan, 2, [b"1", value])
    prover = Prover(Form(b",", 2, frozenset({LF})), Values(scan.grammar()), Engine.RE2)
    for value, known in {
        "yes": 1,
        "": 1,
        '"no"': 1,
        "a.b": 1,
        "axb": 0,
        "No": 0,
        "maybe": 0,
        "rare": 0,
    }.items():
        assert prover.prove(f"1,{value}\n".encode(), 0).rows == known, value


@pytest.mark.parametrize("engine", ENGINES)
@pytest.mark.parametrize("text", ["Tokyo, Japan", 'a "b" c', "a\nb", "a\r\nb\nc", '",\n"'])
def test_known_classes_with_delimiters_quotes_and_line_breaks_are_proved(text, engine):
    scan = ColumnScan(2, Roles(target=1))
    for line in range(2, 140):
        sample(scan, line, [b"x", (text.encode(), b"plain")[line % 2]])
    prover = Prover(Form(b",", 2, frozenset({LF})), Values(scan.grammar(), scan.quoted()), engine)
    written = io.StringIO(newline="")
    csv.writer(written, lineterminator="\n").writerows([["1", text], ["2", "plain"], ["3", text]])
    known, new = written.getvalue().encode(), b'4,"Tokyo, Jap"\n'
    proved = prover.prove(known * 3 + new, 0)
    assert (proved.size, proved.rows) == (3 * len(known), 9)


@pytest.mark.parametrize("engine", ENGINES)
@pytest.mark.parametrize("breaks", range(6))
def test_values_of_many_lines_are_proved_and_told_apart(breaks, engine):
    """There may be rows in them, which the caller looks for."""
    records = b"1,2\n" + b'3,"a' + b"\r\nb" * breaks + b'"\n'
    proved = Prover(Form(b",", 2, frozenset({LF})), Values({}), engine).prove(records, 0)
    assert (proved.size, proved.rows, proved.breaks) == (len(records), 2, 2 + breaks)
    assert proved.short == (len(records) if breaks < prover.LONG else 4)


@holds_for(40, 200, text=TEXTS, width=st.integers(1, 3), engine=st.sampled_from(ENGINES))
@example(text="a,1\na\n\na,b,c\n", width=2, engine=Engine.RE2)
@example(text='"a"",""b",1\n', width=1, engine=Engine.RE)
def test_records_that_teach_nothing_are_those_of_other_widths_and_those_with_known_values(
    text, width, engine
):
    data = text.encode()
    reader = Prover(Form(b",", width, frozenset({LF})), Values({0: b"[a1]*"}), engine)
    known = reader.knows_values(data * -(-prover.WORTH_ASKING * width // len(data or b"-")) or data)
    records = list(csv.reader(io.StringIO(data.decode("latin-1"), newline="")))
    teaches = any(len(record) == width and record[0].strip("a1") for record in records)
    if known:
        assert data.endswith(LF)
        assert not teaches
    elif data.endswith(LF) and '"' not in text and "\r" not in text:
        assert teaches or (width == 1 and "\n\n" in f"\n{text}")


@holds_for(
    40,
    200,
    text=TEXTS,
    width=st.integers(2, 3),
    other=st.integers(0, 4),
    ending=st.sampled_from([LF, CRLF]),
    engine=st.sampled_from(ENGINES),
)
@example(text='""\n1\n\n', width=2, other=1, ending=LF, engine=Engine.RE2)
@example(text='a\na,b\na,b,"c"d\n', width=2, other=0, ending=LF, engine=Engine.RE)
def test_records_of_another_width_are_told_as_csv_reads_them(text, width, other, ending, engine):
    data = text.encode()
    ragged = Prover(Form(b",", width, frozenset({ending})), Values({}), engine).ragged(data, 0, other)
    done, rest = data[: ragged.size].decode("latin-1"), data[ragged.size :].decode("latin-1")
    records = list(csv.reader(io.StringIO(done, newline="")))
    assert len(records) == ragged.rows == ragged.breaks
    widths = {len(record) for record in records}
    assert widths <= ({other} if other else {*range(1, 9)} - {width})
    assert [*records, *csv.reader(io.StringIO(rest, newline=""))] == list(
        csv.reader(io.StringIO(done + rest, newline=""))
    )


def test_ragged_rows_without_end_are_counted_as_each_of_them():
    """Once there are enough examples, they are counted at once: odd and good rows between them are found."""
    between = ["1,2,3", "", "surname,b,c", ",,", '"x",y', '1,"2\n3"', "\ufeff1,2", "1,2,3,4", "1"]
    between += ["Surname,B,C", "1,2,3surname,b,c", "surname"]
    for rows in (["1,2"] * 40, ["1,2", "1", "1,2,3,4"] * 14, [""] * 9 + ["1,2"] * 30):
        for odd in between:
            text = "\n".join(["surname,b,c", *rows, odd, *rows, "1,2,3", *rows, odd, ""]).encode()
            exact = reading(text, Limits(sample=3, engine=Engine.NONE))
            assert exact.ragged.count >= 3 * len(rows)
            for piece, engine in product((64, 1 << 18), ENGINES):
                assert reading(text, Limits(piece, sample=3, engine=engine)) == exact, (odd, engine)


@pytest.mark.parametrize("engine", [*ENGINES, Engine.NONE])
@pytest.mark.parametrize("between", ["", "7,8\n", '7,"8\n"\n', "7\n"])
@pytest.mark.parametrize("odd", ["a,b", '"a",b', ",", '"",', "\ufeffa,b", '\ufeff"a",b'])
def test_odd_rows_without_end_are_counted_as_each_of_them(odd, between, engine):
    text = "a,b\n" + "1,2\n" * 9 + (between + odd + "\n") * 300
    found = reading(text.encode(), Limits(piece=999, sample=5, engine=engine), target=None).oddities
    lines = found.blank if odd.strip('",') == "" else found.headers
    step = len(between.splitlines()) + 1
    assert lines.count == 300
    assert lines.first == [10 + step * number for number in range(1, 6)]


@pytest.mark.parametrize("engine", [*ENGINES, Engine.NONE])
@pytest.mark.parametrize("blank", ["\t,,", " ,,", "\u3000,,", "\xa0,,"])
def test_a_row_that_begins_with_a_blank_is_found_wherever_a_piece_begins(blank, engine):
    text = "a,b,c\n" + "1,2,3\n" * 1_000 + blank + "\n1,2,3\n"
    exact = reading(text.encode(), Limits(sample=5, engine=Engine.NONE))
    assert exact.oddities.blank.first == [1_002]
    for piece in (6 * 1_001, 1_001, 6_008, 6_009):  # these begin at the row, and in it
        assert reading(text.encode(), Limits(piece, sample=5, engine=engine)) == exact, piece


@pytest.mark.parametrize("engine", [*ENGINES, Engine.NONE])
@pytest.mark.parametrize(
    ("text", "lines"),
    [
        ("1,2,3\n" * 50 + "1,2,3\r\t,,\n1,2,3\n", [53]),  # the first line break of this kind
        ("1,2,3\r" * 50 + "1,2,3\n , ,\n1,2,3\n", [53]),
        ("1,2,3\n" * 50 + "1,2,3\r,,\r\u3000,,\n1,2,3\n", [53, 54]),
    ],
)
def test_rows_of_blanks_are_found_behind_line_breaks_of_any_kind(text, lines, engine):
    data = ("a,b,c" + text[5] + text).encode()
    for piece in (50, 333, 1 << 18):
        found = reading(data, Limits(piece, sample=5, engine=engine)).oddities.blank
        assert (found.first, found.count) == (lines, len(lines)), piece


@pytest.mark.parametrize("engine", [*ENGINES, Engine.NONE])
@pytest.mark.parametrize(
    ("names", "again"),
    [
        ("a,b", "a,b"),
        ("a,b", 'a,"b"'),
        ('"a""b",c', 'a"b,c'),
        ('q"x,y', 'q"x,y'),
        (",b", ",b"),
        ("surname,place", "surname,place"),
    ],
)
def test_headers_behind_rows_without_a_line_break_are_counted_as_each_of_them(names, again, engine):
    """Names too short to be known in another case are known as they are, among ragged rows too."""
    joined = f'1,"2"{again}\n'
    text = names + "\n" + "1,2\n" * 9 + joined * 9 + "1,2,3\n" * 9 + "1,2\n" * 900 + joined
    for piece in (7, 50, 999, 1 << 18):
        found = reading(text.encode(), Limits(piece, sample=5, engine=engine), target=None).oddities.headers
        assert (found.count, found.first[:1]) == (10, [11])


def test_the_last_line_of_swallowed_rows_is_that_of_their_own_record():
    """Also where the record behind them is read in several parts."""
    swallowed = '1,"x\n' + "3,4\n" * 20 + '"\n'
    text = "a,b\n" + "1,2\n" * 9 + swallowed + '1,"' + "y\n" * 9000 + '"\n'
    for engine in (*ENGINES, Engine.NONE):
        found = reading(text.encode(), Limits(sample=5, engine=engine)).oddities.swallowed
        assert [(each.first, each.last) for each in found.first] == [(11, 32)]


@pytest.fixture
def read_exactly(monkeypatch):
    """How many bytes the exact reader has read."""
    sizes = []
    read = Scanner.read

    def counted(self, *args):
        before = self.waiting
        batch = read(self, *args)
        sizes.append(before - self.waiting)
        return batch

    monkeypatch.setattr(Scanner, "read", counted)
    return sizes


@pytest.mark.parametrize("engine", ENGINES)
@pytest.mark.parametrize("ending", ["\n", "\r\n", "\r"])
@pytest.mark.parametrize(
    ("header", "rows"),
    [
        ("identity,customer,class", ["{n},customer {n},a", "{n}.5,x,b", "{n},y,a", "{n},customers,b"]),
        ('"identity",customer,"class"', ["{n},yes,1", "{n},z,1"]),
    ],
)
def test_copies_of_the_header_are_proved_once_there_are_examples(header, rows, ending, engine, read_exactly):
    lines = [header, *([each.format(n=n) for n in range(9) for each in rows] + [header, header]) * 300]
    lines[200:200] = [header.upper(), header.replace("customer", " customer "), ",,"]
    text = ending.join(lines) + ending
    for piece in (999, 1 << 18):
        limits = Limits(piece, sample=100, first=10, engine=engine)
        exact = reading(text.encode(), replace(limits, engine=Engine.NONE), target="class")
        read_exactly.clear()
        assert reading(text.encode(), limits, target="class") == exact
        assert exact.oddities.headers.count == lines.count(header) + 1
        assert sum(read_exactly) < len(text) / 2


@pytest.mark.parametrize("engine", ENGINES)
def test_values_with_marks_are_proved(engine, read_exactly):
    """What matters is a mark that a row begins with."""
    rows = ["1,\ufeffx", '2,"\ufeff"', "3,z"] * 4000
    lines = ["a,b", "\ufeff4,5", *rows, '6,"y\n\ufeff"', '"\ufeff7",8', *rows, "\r\ufeff9,1", ""]
    text = "\n".join(lines)
    limits = Limits(sample=10, first=5, engine=engine)
    exact = reading(text.encode(), replace(limits, engine=Engine.NONE))
    read_exactly.clear()
    assert reading(text.encode(), limits) == exact
    assert exact.oddities.marked_rows.count == 3
    assert sum(read_exactly) < len(text.encode()) / 2


@pytest.mark.parametrize("engine", ENGINES)
def test_a_text_that_begins_with_a_name_is_no_name(engine):
    others = Names(["Item", "item no", "x" * 99, ""]).others(b",")
    pattern = automaton.compiled(others, engine)
    for text in ["item 5", "ITEM  X ", "item n", "item no 1", "items", "item\x00", "x", "y" * 99]:
        assert automaton.matched(pattern, text.encode(), 0) == len(text)
    for text in ["item", "ITEM ", "item  ", "Item No", "item no  ", " item 5", "", " ", "x" * 99, "-- 1"]:
        assert automaton.matched(pattern, text.encode(), 0) < max(1, len(text))


@pytest.mark.parametrize(("ending", "of_14"), [("\n", 13), ("\r\n", 11)])
@pytest.mark.parametrize("piece", [999, 1 << 18])
def test_rows_inside_values_are_counted_where_records_are_proved_as_where_they_are_read(piece, ending, of_14):
    """Once for each record; of a value, its first 512 bytes say whether there are rows in it."""
    rows, prose = "x\n" + "3,4,5\n" * 20, "x\n" + "y\n" * 20
    long = "x" * 480 + "\n" + "3,4,5\n" * 5
    texts = (rows, prose, long, "x" * 9 + long, rows.replace("3", '""3""'), '""' + rows, '""' * 9 + long)
    records = [f'1,{first},"{each}"\n' for first in ("x", f'"{rows}"') for each in texts]
    text = ("a,b,c\n" + "1,x,y\n" * 9 + "".join(records) * 40).replace("\n", ending)
    counts = {
        reading(text.encode(), Limits(piece, sample=5, engine=engine)).oddities.swallowed.count
        for engine in Engine
    }
    assert counts == {40 * of_14}


@holds_for(
    20,
    100,
    text=TEXTS,
    piece=st.sampled_from([1, 7, 40]),
    engine=st.sampled_from(ENGINES),
    sample=st.integers(0, 3),
)
@example(text='1,"2\n3"\n' * 40, piece=7, engine=Engine.RE2, sample=0)
@example(text="1,2\r\n" * 40, piece=7, engine=Engine.RE2, sample=0)
def test_two_threads_find_what_one_finds(text, piece, engine, sample):
    data = ("a,b\n" + text).encode()
    limits = Limits(piece, sample=sample, engine=engine)
    both = reading_at_once(data, limits)
    assert both == reading(data, limits)
    if both.facts is not None:
        assert both.facts.sha256 == hashlib.sha256(data).hexdigest()


@pytest.mark.parametrize("engine", ENGINES)
def test_what_was_proved_ahead_is_used(engine, monkeypatch):
    """Else the property above would hold for a thread whose work is thrown away."""
    reader = TableReader(SourceFile("t.csv", io.BytesIO), limits=Limits(sample=3, engine=engine))
    pieces = [b"a,b\n" + b"1,2\n" * 2000 + b"3,", b"4\n" + b"5,6\n" * 2000]
    assert reader.prove_ahead(pieces[0]) is None
    reader.take(pieces[0])
    ahead = reader.prove_ahead(pieces[1])
    assert (ahead.begin, ahead.proved.rows) == (2, 2000)
    proved = []
    prove = Prover.prove
    monkeypatch.setattr(Prover, "prove", lambda *given: proved.append(given[1]) or prove(*given))
    reader.take(pieces[1], ahead)
    assert proved == [b"3,4\n"]
    assert reader.finish("").rows == 4001


@pytest.mark.parametrize("engine", [*ENGINES, Engine.NONE])
@pytest.mark.parametrize("ending", ["\n", "\r\n", "\r", "\n\r\n"])
@pytest.mark.parametrize("header", ["", "a", "a,b"])
def test_a_long_run_of_empty_lines_is_read_as_each_of_them(header, ending, engine):
    text = header + ending + "1,2" + ending * 700 + "3,4" + ending
    results = [
        reading(text.encode(), Limits(piece=piece, sample=sample, engine=engine))
        for piece in (999, 1 << 18)
        for sample in (0, 1000)
    ]
    found = results[0]
    lines = len(ending.splitlines())
    assert found.facts.line_ending == {"\n": "LF", "\r\n": "CRLF", "\r": "CR", "\n\r\n": "mixed"}[ending]
    if header == "a,b":
        assert found.ragged.count == 700 * lines - 1 + (lines - 1)
        assert [row.width for row in found.ragged.first] == [0] * 5
    for other in results[1:]:
        assert (other.rows, other.ragged) == (found.rows, found.ragged)


@pytest.mark.parametrize("engine", ENGINES)
@pytest.mark.parametrize("odd", [",,", '"","",""', "id,name,n", '"id","name","n"'])
def test_a_blank_row_and_the_header_once_more_are_found_beside_a_column_of_numbers(odd, engine):
    """Numbers in every row of the sample prove the other rows, until one row has none."""
    rows = [f"{n},x,{n}" for n in range(60)]
    text = "\n".join(["id,name,n", *rows[:40], odd, *rows[40:50], ",y,", *rows[50:], odd]) + "\n"
    for piece in (64, 1 << 18):
        limits = Limits(piece=piece, sample=10, engine=engine)
        found = reading(text.encode(), limits).oddities
        lines = found.blank if odd.strip(',"') == "" else found.headers
        assert (lines.first, lines.count) == ([42, len(rows) + 4], 2)
        assert found == reading(text.encode(), Limits(sample=10, engine=Engine.NONE)).oddities


@holds_for(20, 100, text=TEXTS, ending=st.sampled_from([LF, CRLF]), engine=st.sampled_from(ENGINES))
@example(text='a,"b\nc"\r\nd\r\n', ending=CRLF, engine=Engine.RE)
@example(text='a,b"\r\nc"\nd\r\n', ending=CRLF, engine=Engine.RE2)
def test_records_that_end_alike_are_told_only_where_all_do(text, ending, engine):
    data = text.encode()
    alike = Prover(Form(b",", 2, frozenset({ending})), Values({}), engine).ends_alike(data)
    scanner = Scanner(b",")
    scanner.feed(data, final=True)
    ends = frozenset().union(*(batch.endings for batch in iter(lambda: scanner.read(1000), None)))
    if alike:
        assert ends <= {ending}
        assert scanner.unclosed_line is None


ODD_ROWS = ["NAME,Plan,City", "city,name,plan", " name , plan,city", "\x1aname,plan,city", ",,", " ,\u3000,", '"","\u3000"," "',
            "plan,city,NAME", "\ufeffname,plan,city", '"name" ,plan,"city" ']  # fmt: skip
TEXT_ROWS = {
    "words": ["Ann,a,Kobe", "Bob,b,Nara"],
    "words with gaps": ["Ann,,Kobe", ",b,Nara", "Bob,b,"],
    "words in quotes": ['"Ann, x","a","Kobe"', '"B""b",b,Nara', '"a\nb",c,x'],
    "names as words": ["name,a,Kobe", "Bob,Plan,city"],
    "words with spaces": [" Ann ,a , Kobe", "Bob, b,\u3000Nara"],
}  # fmt: skip


@pytest.mark.parametrize(
    ("rows", "ending"),
    variants(
        TEXT_ROWS, ("\n", "\r\n", "\r"),
        default=[*((rows, "\n") for rows in TEXT_ROWS), ("words in quotes", "\r\n"), ("words with gaps", "\r")],
    ),
)  # fmt: skip
def test_rows_that_are_no_data_are_found_in_tables_of_text_alone(rows, ending):
    """No number proves such rows to be data; a text that is no column's name does, where there is one."""
    rows = TEXT_ROWS[rows]
    for odd in ODD_ROWS:
        for often in (1, 12):  # more blank rows than examples are kept of are proved and counted
            lines = ["name,plan,city", *rows * 9, *([odd, *rows, rows[0]] * often), *rows * 9, odd, ""]
            data = ending.join(lines).encode()
            exact = reading(data, Limits(sample=5, engine=Engine.NONE))
            found = exact.oddities.blank if odd.strip(',"\u3000 ') == "" else exact.oddities.headers
            assert found.count == often + 1
            for piece, engine in product((50, 1 << 18), ENGINES):
                found = reading(data, Limits(piece, sample=5, engine=engine))
                assert found == exact, (odd, engine)


@pytest.mark.parametrize("engine", ENGINES)
@pytest.mark.parametrize(
    "odd",
    ["\0", "\x1b$B", "\n\x1a", '\\"', "\ufeff", "\n\ufeff", "é", "\x7f", "+AGEwQg-", "\\", "~"],
)
def test_nothing_odd_is_missed_in_pieces_that_are_proved_to_have_plain_bytes_alone(odd, engine):
    """Nobody searches these pieces for what is no such byte; it may be cut by the end of a piece."""
    rows = [f"{number},{number}x" for number in range(100)]
    limits = Limits(512, sample=5, engine=engine)
    for length in range(3_905, 3_930):
        start = f"id,{'n' * length}"  # 4 KiB are read as one piece
        data = "\n".join([start, *rows, f"40,a{odd}b", *rows, ""]).encode()
        exact = reading(data, Limits(sample=5, engine=Engine.NONE))
        assert reading(data, limits) == exact
        assert reading_at_once(data, limits) == exact


@pytest.mark.parametrize(
    ("values", "plain"),
    [({}, True), ({0: rb"[a-z]|\."}, True), ({0: rb"\x61|\xe3"}, False), ({0: rb"[^,]*"}, False)],
)
def test_bytes_are_proved_plain_unless_a_known_value_may_have_others(values, plain):
    prover = Prover(Form(b",", 2, frozenset({LF})), Values(values), Engine.RE2)
    proved = prover.prove(b'a,"b""c"\n' * 9 + b"1", 0)
    assert (proved.rows, proved.plain) == (9, plain)
    for byte in (0, 0x1A, 0x1B, ord("\\"), ord("~"), 0x7F, 0x80, 0xFF):
        proved = prover.prove(b"a,b\n" * 9 + b"a,%c\n" % byte + b"a,b\n", 0)
        assert (proved.rows, proved.plain) == (11, False)


@pytest.mark.parametrize("cores", [1, 2])
def test_pieces_wait_for_no_other_thread_where_none_has_begun(cores, monkeypatch):
    """One core has no other thread; on two, the first piece tells what a good record is."""
    monkeypatch.setattr(deflate, "cores", lambda: cores)
    data = b"a,b\n" + b"1,2\n" * 5000
    limits = Limits(piece=256, sample=5)
    assert reading_at_once(data, limits) == reading(data, limits)


def test_what_a_sink_raises_ends_all_threads_of_a_reading():
    class Full:
        def __init__(self) -> None:
            self.left = 9

        def take(self, _: bytes) -> None:
            self.left -= 1
            if not self.left:
                raise OSError(28, "No space left on device")

        def end(self) -> None: ...

    data = b"a,b\n" + b"1,2\n" * (3 << 20)
    before = threading.active_count()
    source = file_of(data)
    with pytest.raises(OSError, match="No space"), Reading(source) as reading:
        reading.run(Full())
    assert threading.active_count() == before
