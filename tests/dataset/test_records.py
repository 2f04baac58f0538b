"""The reader against Python's csv module: same records, widths and lines, however the bytes are cut."""

import csv
import io
import itertools

import pytest
from hypothesis import example
from hypothesis import strategies as st

from retraind.dataset.reader.automaton import Engine
from retraind.dataset.reader.records import Scanner
from retraind.dataset.reader.rows import Limits
from retraind.dataset.reader.windows import Wish
from support.tables import file_of, read_table
from support.variants import holds_for

TEXTS = st.text(alphabet='a,"\n\r日 \té', max_size=60)
REGULAR = st.builds(
    lambda rows, ending, last: ending.join(",".join(row) for row in rows) + (ending if last else ""),
    st.lists(
        st.lists(
            st.sampled_from(["", "a", '"a"', '"a,b"', '"x""y"', '"1\n2"', '"\r"', "日"]),
            min_size=2,
            max_size=2,
        ),
        min_size=1,
        max_size=12,
    ),
    st.sampled_from(["\n", "\r\n", "\r"]),
    st.booleans(),
)
ALMOST = st.lists(
    st.sampled_from(['"', '""', "a", ",", "\n", '"a,b"', '"\n"', ',"', "1,2\n", '\r\n"']), max_size=30
).map(lambda parts: "".join(parts) + "\n")
"""Nearly regular, with a quote at a wrong place now and then."""
PIECES = st.integers(1, 40)


def by_csv(text: str, delimiter: str = ",") -> tuple[list[tuple[int, list[str]]], bool]:
    """Return each record's first line and cells as csv sees them, and whether a quote is still open."""
    reader = csv.reader(io.StringIO(text, newline=""), delimiter=delimiter)
    records, line = [], 1
    for cells in reader:
        records.append((line, cells))
        line = reader.line_num + 1
    probe = list(csv.reader(io.StringIO(text + "\nZ", newline=""), delimiter=delimiter))
    unclosed = bool(probe) and probe[-1][-1] != "Z"
    return records, unclosed


def records_of(data: bytes, piece: int, window: int, most: int | None = None) -> tuple[list, Scanner, set]:
    scanner = Scanner(b",")
    seen, endings = [], set()
    for start in range(0, len(data) + piece, piece):
        scanner.feed(data[start : start + piece], final=start >= len(data))
        while (batch := scanner.read(window, Wish(most=most))) is not None:
            assert most is None or len(batch.rows) <= most
            assert [len(row) for row in batch.rows] == list(batch.widths)
            endings |= batch.endings
            seen += zip(batch.lines, batch.rows, strict=True)
    return seen, scanner, endings


@holds_for(
    75,
    300,
    text=TEXTS | REGULAR | ALMOST,
    piece=PIECES,
    window=st.integers(1, 40),
    most=st.sampled_from([None, 1, 2, 3]),
    encoding=st.sampled_from(["utf-8", "cp932"]),
)
@example(text='"a', piece=1, window=9, most=None, encoding="utf-8")
@example(text='a,"b""', piece=1, window=9, most=None, encoding="utf-8")
@example(text="a\r\r\n\r", piece=1, window=9, most=None, encoding="utf-8")
@example(text='"\n"\r\n\r', piece=9, window=9, most=None, encoding="utf-8")
@example(text='end\n"end', piece=9, window=9, most=1, encoding="utf-8")
@example(text='a,\n,,\nb,"', piece=2, window=9, most=None, encoding="utf-8")
@example(text='"\r\n"x"\n\n"""\n"",,"""', piece=9, window=1, most=None, encoding="utf-8")
def test_the_exact_way_gives_the_records_that_csv_gives(text, piece, window, most, encoding):
    data = text.encode(encoding, "ignore")
    expected, unclosed = by_csv(data.decode("latin-1"))
    seen, scanner, _ = records_of(data, piece, window, most)
    if unclosed:
        expected.pop()
    assert (scanner.unclosed_line is not None) == unclosed
    assert seen == expected


@holds_for(
    40,
    200,
    parts=st.lists(
        st.tuples(st.sampled_from(['"', "x", "y\r\n", "z\r", "é"]), st.sampled_from([1, 2, 3000, 5000]))
        | st.tuples(st.sampled_from(['"', ',"', '",', "\n"]), st.just(1)),
        max_size=15,
    ),
    piece=st.sampled_from([4999, 1 << 16]),
    window=st.sampled_from([2 << 10, 8 << 10]),
)
@example(
    parts=[('1,"', 1), ("z\r", 9000), ("x", 14000), ('",\n', 1), ("2\n", 1)], piece=1 << 16, window=8 << 10
)
@example(parts=[('1,"', 1), ("x", 9000), ('"', 2), ("x", 9000), ('"', 1)], piece=1 << 16, window=8 << 10)
def test_long_texts_in_quotes_are_passed_over_as_csv_reads_them(parts, piece, window):
    data = "".join(part * times for part, times in parts).encode()
    expected, unclosed = by_csv(data.decode("latin-1"))
    seen, scanner, _ = records_of(data, piece, window)
    if unclosed:
        expected.pop()
    assert (scanner.unclosed_line is not None) == unclosed
    assert [(line, [cell[:512] for cell in row]) for line, row in seen] == [
        (line, [cell[:512] for cell in row]) for line, row in expected
    ]


@holds_for(25, 100, text=TEXTS | REGULAR | ALMOST, piece=PIECES, window=st.integers(1, 40))
def test_the_endings_are_those_of_records_and_the_open_quote_is_where_it_opens(text, piece, window):
    """Compared with a reading one byte at a time, as csv itself does it."""
    data = text.encode()
    _, scanner, endings = records_of(data, piece, window)
    state, line, opened, found = "start", 1, 0, set()
    at = 0
    while at < len(data):
        two = data[at : at + 2] == b"\r\n"
        byte = data[at : at + 1]
        if byte in {b"\r", b"\n"}:
            line += 1
            if state != "quoted":
                found.add(b"\r\n" if two else byte)
                state = "start"
            at += two
        elif byte == b'"' and state != "plain":
            if state == "start":
                opened = line
            state = "closed" if state == "quoted" else "quoted"
        elif state != "quoted":
            state = "start" if byte == b"," else "plain"
        at += 1
    assert endings == found
    assert scanner.line == line
    assert scanner.unclosed_line == (opened if state == "quoted" else None)


@holds_for(
    75,
    300,
    text=TEXTS | REGULAR,
    piece=PIECES,
    sample=st.integers(0, 3),
    waiting=st.sampled_from([0, 20, 1000]),
    target=st.sampled_from([None, "a"]),
    engine=st.sampled_from(Engine),
)
@example(text='h,i\na,b\r"x"\n', piece=40, sample=0, waiting=0, target=None, engine=Engine.RE2)
@example(text="h,i\na,b\rxyz\nc,d\r\n", piece=40, sample=0, waiting=0, target=None, engine=Engine.RE2)
@example(text='h,i\nc,d\n1,2"\n3,"4\n', piece=40, sample=0, waiting=0, target=None, engine=Engine.RE2)
@example(text="h,i\n1,2\n\n", piece=3, sample=0, waiting=0, target=None, engine=Engine.RE2)
def test_reading_counts_rows_and_ragged_rows_as_csv_does(text, piece, *, sample, waiting, target, engine):
    records, unclosed = by_csv(text)
    if unclosed:
        records.pop()
    header = records[0][1] if records else []
    rows = records[1:]
    width = len(header)
    counted = [(line, row) for line, row in rows if row or width == 1]
    ragged = [(line, len(row)) for line, row in rows if len(row) != width and (row or width > 1)]
    if rows and not rows[-1][1] and width > 1:
        ragged.pop()  # one empty line at the end is let pass

    data = text.encode()
    reading = read_table(
        file_of(data),
        target=target,
        limits=Limits(piece=piece, waiting=waiting, sample=sample, engine=engine),
    )

    assert reading.width == width
    blank = [
        line
        for line, row in counted
        if width > 1 and len(row) == width and not "".join(row).strip(" \t\u3000")
    ]
    assert reading.rows + reading.oddities.blank.count == len(counted)
    assert set(reading.oddities.blank.first) <= set(blank)
    if "\r" not in text:
        assert reading.oddities.blank.count == len(blank)
    assert reading.ragged.count == len(ragged)
    assert [(row.line, row.width) for row in reading.ragged.first] == ragged[:5]
    assert (reading.unclosed_line is not None) == unclosed
    if width > 1:
        assert list(reading.facts.columns) == header
        regular = [row for line, row in rows if len(row) == width and line not in blank]
        empty = [at for at in range(width) if not any(row[at] for row in regular)]
        if header not in regular:  # a copy of the header is no value
            assert list(reading.columns.empty) == empty


def test_no_byte_inside_a_shift_jis_character_looks_like_structure():
    """The reader works on bytes because of this: 0x5C and 0x7C do occur as second bytes, these never do."""
    for lead, trail in itertools.product(range(0x80, 0x100), b',\t"\r\n\0'):
        text = bytes((lead, trail)).decode("cp932", "replace")
        assert text.endswith(chr(trail))


@pytest.mark.parametrize("piece", [1, 2, 7, 64])
def test_shift_jis_with_backslash_and_bar_as_second_bytes_is_read_whole(piece):
    text = "名前,値\n" + "ソ表能,ポ―|\\\n" * 12
    reading = read_table(file_of(text.encode("cp932")), limits=Limits(piece=piece, sample=2))
    assert reading.encoding.name == "shift_jis"
    assert reading.facts.columns == ("名前", "値")
    assert (reading.rows, reading.ragged.count) == (12, 0)


@pytest.mark.parametrize("between", ["\n", '""'], ids=["a line break", "a doubled quote"])
@pytest.mark.parametrize("sample", [1, 1000])
def test_a_field_beyond_the_csv_module_limit_is_read_and_the_limit_left_alone(between, sample):
    before = csv.field_size_limit()
    long = "x" * (before + 10)
    text = f'a,b\n1,2\n"{long + between + long}",""\n3,4\n'
    reading = read_table(file_of(text.encode()), limits=Limits(sample=sample, piece=1 << 20))
    assert (reading.rows, reading.ragged.count, reading.columns.empty) == (3, 0, ())
    assert csv.field_size_limit() == before


@pytest.mark.parametrize(
    ("text", "ending"),
    [
        ("a,b\n1,2\n", "LF"),
        ("a,b\r\n1,2\r\n", "CRLF"),
        ("a,b\r1,2\r", "CR"),
        ("a,b\r\n1,2\n", "mixed"),
        ('a,b\n"1\r\n2",2\n', "LF"),
        ("a,b", "none"),
    ],
)
@pytest.mark.parametrize("sample", [0, 1000])
@pytest.mark.parametrize("piece", [1, 1000])
def test_line_endings_are_detected_and_those_in_quotes_do_not_count(text, ending, sample, piece):
    reading = read_table(file_of(text.encode()), limits=Limits(piece=piece, sample=sample))
    assert reading.facts.line_ending == ending
    assert reading.ragged.count == 0


@pytest.mark.parametrize("between", ["\n", "\0"])
@pytest.mark.parametrize("more", [1, 3])
def test_first_rows_are_kept_value_by_value_also_where_a_table_is_too_wide(between, more):
    width = 1_000 + more
    names, row = ([f"{name}{at}" for at in range(width)] for name in ("c", ""))
    row[0] = f'"a{between * more}b"'
    text = "".join(",".join(each) + "\n" for each in [names, *[row] * 3])
    kept = read_table(file_of(text.encode()), limits=Limits()).oddities.rows
    assert {each[:2] for each in kept} == {(f"a{between * more}b".encode(), b"1")}
