"""A part of a file that is damaged, or in another encoding than the rest: one finding says so and where."""

import random
from functools import partial
from itertools import pairwise

import pytest

from retraind.dataset.preflight import Limits, Preflight, preflight
from retraind.dataset.reader.automaton import Engine
from retraind.dataset.reader.encoding import EncodingDetector
from retraind.report.wording import Voice
from support.tables import file_of

BOM = b"\xef\xbb\xbf"
NAMES = "佐藤太郎", "鈴木花子", "高橋一郎", "田中美咲", "伊藤健", "渡辺直子", "山本翔太"
CITIES = "北海道", "宮城県", "東京都", "神奈川県", "愛知県", "大阪府", "福岡県"
ROWS = 3_000


def lines(count: int = ROWS) -> list[str]:
    made = (f"C{n:06d},{NAMES[n % 7]},{CITIES[n * 3 % 11 % 7]},{n * 7 % 9973},{n % 2}" for n in range(count))
    return ["顧客ID,氏名,都道府県,利用額,解約", *made]


def table(codec: str, changed: dict[int, bytes] | None = None) -> bytes:
    """A table with some lines, from 1, in place of its own."""
    mark = BOM if codec == "utf-8" else b""
    rows = [(changed or {}).get(at) or line.encode(codec) for at, line in enumerate(lines(), start=1)]
    return mark + b"\r\n".join([*rows, b""])


def ascii_table() -> bytes:
    return b"id,amount,left\r\n" + b"".join(b"%d,%d,%d\r\n" % (n, n * 7 % 9973, n % 2) for n in range(ROWS))


def checked(data: bytes) -> Preflight:
    return preflight(file_of(data, "train.csv"))


def only_error(data: bytes, rule: str = "encoding") -> str:
    answer = checked(data)
    found = [each.rule for each in answer.findings if each.rule != "utf-8-without-mark"]
    assert found == [rule], [Voice().finding(each) for each in answer.findings]
    return Voice().finding(answer.findings[0])


def overwritten(data: bytes, junk: bytes) -> bytes:
    at = data.index(b"\n", len(data) // 2) + 20
    return data[:at] + junk + data[at + len(junk) :]


@pytest.mark.parametrize(
    "base", [table("utf-8"), table("cp932"), ascii_table()], ids=["utf-8", "cp932", "ascii"]
)
@pytest.mark.parametrize("size", [100, 512, 5_000])
@pytest.mark.parametrize("seed", range(5))
def test_bytes_that_are_no_text_are_damage_and_nothing_that_follows_from_it_is_reported(base, size, seed):
    said = only_error(overwritten(base, random.Random(seed).randbytes(size)))
    assert "bytes that are not text" in said
    assert "line 15" in said


@pytest.mark.parametrize(
    "content", [b"\xff" * 5_000, b"\xff\xd8\xff\xe0\x00\x10JFIF" + random.Random(1).randbytes(3_000)]
)
def test_a_file_that_is_no_text_at_all_is_said_to_be_none(content):
    assert "The file is not text" in only_error(content)


def test_damage_that_begins_in_the_header_leaves_nothing_to_say_about_columns():
    said = only_error(random.Random(1).randbytes(500) + table("utf-8"))
    assert "train.csv, line 1:" in said


@pytest.mark.parametrize("data", [table("utf-8"), ascii_table()], ids=["utf-8", "ascii"])
def test_a_block_of_erased_flash_is_damage_not_cyrillic(data):
    assert "bytes that are not text" in only_error(overwritten(data, b"\xff" * 300))


def test_a_block_of_zeros_that_cuts_a_character_is_only_a_block_of_zeros():
    data = table("utf-8")
    at = data.index("藤".encode(), len(data) // 2) + 2
    assert "400 NUL bytes" in only_error(data[:at] + bytes(400) + data[at + 400 :], "nul-bytes")


@pytest.mark.parametrize(
    ("codec", "other", "name"),
    [
        ("utf-8", "cp932", "Shift_JIS"),
        ("utf-8", "euc_jp", "EUC-JP"),
        ("cp932", "utf-8", "UTF-8"),
        ("cp932", "euc_jp", "EUC-JP"),
    ],
)
class TestAnotherEncoding:
    def test_of_all_rows_from_a_line_on_is_named(self, codec, other, name):
        own = lines()
        data = table(codec, {at: own[at - 1].encode(other) for at in range(1_600, len(own) + 1)})
        assert f"line 1600: From this line on, the text is in another encoding than above: {name}." in (
            only_error(data)
        )

    @pytest.mark.parametrize("count", [1, 3, 20])
    def test_of_some_rows_is_named_with_these(self, codec, other, name, count):
        own = lines()
        data = table(codec, {at: own[at - 1].encode(other) for at in range(1_600, 1_600 + count)})
        said = only_error(data)
        assert f"another encoding than above: {name}." in said
        # A row of EUC-JP may be valid Shift_JIS by chance.
        ends = range(1_598 + count, 1_600 + count) if other == "euc_jp" else [1_599 + count]
        assert "In this line" in said or any(f"From this line to line {end:,}" in said for end in ends)


def test_the_names_of_a_file_that_is_cut_off_are_read_in_its_encoding():
    data = table("cp932") + "C9,佐".encode("cp932")[:-1]
    source = file_of(data, "train.csv")
    assert [each.rule for each in preflight(source, target="解約").findings] == ["encoding"]
    (missing,) = preflight(source, target="解約済").findings[1:]
    assert "解約" in Voice().finding(missing)


def test_a_mark_of_utf_8_before_shift_jis_is_named():
    assert "(BOM) of UTF-8, but the text is Shift_JIS" in only_error(BOM + table("cp932"))


@pytest.mark.parametrize("rows", [1, 100])
def test_what_powershell_appends_in_utf_16_is_named(rows):
    appended = "".join(f"{n},{n * 7 % 100},{n % 2}\r\n" for n in range(9_000, 9_000 + rows)).encode(
        "utf-16-le"
    )
    assert "UTF-16" in only_error(ascii_table() + appended, "nul-bytes")
    japanese = "".join(f"{line}\r\n" for line in lines(rows)[1:]).encode("utf-16-le")
    for codec in ("utf-8", "cp932"):
        assert "UTF-16" in only_error(table(codec) + japanese)


@pytest.mark.parametrize("size", [2, 4, 5, 7, 8])
def test_values_that_are_cut_in_every_row_are_no_other_encoding(size):
    cut = {
        at: b",".join([*each[:1], each[1][:size], *each[2:]])
        for at, line in enumerate(lines()[1:], start=2)
        if (each := line.encode().split(b","))
    }
    assert "a character in this line is cut off" in only_error(table("utf-8", cut))


def test_a_row_that_is_wrong_elsewhere_is_still_reported():
    own = lines()
    data = table("utf-8", {1_600: own[1_599].encode("cp932"), 2_000: own[1_999].encode() + b",x"})
    assert {each.rule for each in checked(data).errors} == {"encoding", "ragged-rows"}


@pytest.mark.parametrize("codec", ["utf-8", "cp932"])
@pytest.mark.parametrize("row", ["C9,佐藤,東京都,1,は", "C9,佐"])
def test_a_file_that_ends_in_the_middle_of_a_character_is_cut_off(codec, row):
    said = only_error(table(codec) + row.encode(codec)[:-1])
    assert f"line {ROWS + 2}: The file ends in the middle of a character" in said
    assert "ran to completion" in said


def line_of(data: bytes, start: int, offset: int) -> int:
    return 1 + data.count(b"\n", 0, start + offset)


@pytest.mark.parametrize("engine", Engine)
@pytest.mark.parametrize("codec", ["utf-8", "cp932"])
@pytest.mark.parametrize(
    "damage", [b"", b"\xe4", b"\x81", b"\xa4\xa4\xa4\xa2", b"\0\x01\x02\x03\x04\x05\xff"], ids=repr
)
def test_what_is_damaged_is_the_same_wherever_the_pieces_end(damage, codec, engine):
    table = "".join(f"{line}\n" for line in lines(300)).encode(codec)
    row = table.index(b"C000150") + 8
    for at in range(row, row + 14):
        data = table[:at] + damage + table[at + 1 :]

        def found(*cuts: int, data: bytes = data):
            detector = EncodingDetector(data[:1_000], engine)
            for start, end in pairwise((0, *cuts, len(data))):
                detector.feed(data[start:end], partial(line_of, data, start))
            detector.feed(b"", lambda _: 302, final=True)
            return detector.result()

        whole = found()
        assert all(found(cut) == whole for cut in range(at - 6, at + len(damage) + 4)), at
        assert found(*range(at - 40, at + 60, 3)) == whole


def test_that_a_damaged_file_was_not_read_to_its_end_is_said_as_well():
    rows = b"1,\x81\x01\x02\x03\x04\x05\xff\r\n1\r\n1,2,3,4\r\n"
    data = b"id,amount,left\r\n" + b"1,2,0\r\n" * 9 + rows * 10_000
    answer = preflight(file_of(data, "train.csv"), limits=Limits(piece=4_096, patience=0, errors=10_000))
    assert [each.rule for each in answer.errors] == ["encoding", "reading-ended"]
