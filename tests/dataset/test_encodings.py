"""Which encoding a file is in: every table in Shift_JIS passes, and what only looks like it does not."""

import io
import itertools
import random
from unittest import mock

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from retraind.dataset.preflight import Preflight, SourceFile, preflight
from retraind.dataset.reader.automaton import Engine
from retraind.dataset.reader.encoding import EncodingDetector
from retraind.dataset.reader.encodings import evidence as evidence_module
from retraind.dataset.reader.encodings.evidence import MAX_BYTES, MAX_WORDS, WORD_BYTES, Evidence
from retraind.domain.problems import Finding
from retraind.report.wording import Voice
from support.languages import FOREIGN, JAPANESE, UNITS
from support.tables import file_of
from support.variants import long

SIZES = 1, 2, 3, 5, 12
"""How many different values a table has."""


def checked(data: bytes, **options: str) -> Preflight:
    return preflight(file_of(data, "train.csv"), **options)


def rows(values: list[str], header: str = "id,name,left", count: int = 40) -> str:
    return f"{header}\r\n" + "".join(
        f"{n},{value},{n % 2}\r\n" for n, value in zip(range(count), itertools.cycle(values), strict=False)
    )


def tables(words: str, seed: str) -> list[str]:
    """Tables with some of the words, of every size, always the same ones."""
    values, chance = words.split(" "), random.Random(seed)
    made = [rows(chance.sample(values, min(size, len(values)))) for size in SIZES for _ in range(2)]
    return [*made, rows(["x"], f"id,{chance.choice(values)},left")]


def encoding_findings(answer: Preflight) -> list[Finding]:
    return [finding for finding in answer.findings if finding.rule.startswith("encoding")]


def about(data: bytes) -> tuple[Finding, str]:
    (finding,) = encoding_findings(checked(data))
    return finding, Voice().finding(finding)


def encodable(text: str, codec: str) -> bytes:
    return text.encode(codec, "ignore")


@pytest.mark.parametrize("kind", JAPANESE)
def test_every_japanese_table_in_shift_jis_passes(kind):
    for text in tables(JAPANESE[kind], kind):
        answer = checked(text.encode("cp932"))
        if answer.train.encoding in {"ascii", "utf-8"}:  # a word or two may be valid UTF-8 by chance
            assert answer.ok
            continue
        assert answer.train.encoding == "shift_jis", text
        assert encoding_findings(answer) == [] or kind in {"characters of the user", "rare kanji"}, text


@pytest.mark.parametrize("count", [1, 2, 10, 100, 1000])
@pytest.mark.parametrize(
    "characters",
    [
        "".join(
            bytes((lead, trail)).decode("cp932") for lead in range(0x98, 0xA0) for trail in range(0xA0, 0xF0)
        ),
        "".join(bytes((0xFA, trail)).decode("cp932") for trail in range(0x80, 0xFD)),
        "".join(map(chr, range(0xE000, 0xE757))),
        "".join(map(chr, range(0xFF66, 0xFF9E))),
        "".join(map(chr, range(0xFF61, 0xFFA0))),
    ],
    ids=["rare kanji", "kanji of IBM", "characters of the user", "half-width kana", "any half-width"],
)
def test_not_even_random_characters_of_shift_jis_are_refused(characters, count):
    chance = random.Random(count)
    for length in (1, 2, 3, 6):
        values = ["".join(chance.choices(characters, k=length)) for _ in range(count)]
        assert checked(rows(values, count=max(40, count)).encode("cp932")).ok


@pytest.mark.parametrize("tables", [100, long(300)])
def test_few_made_up_words_of_half_width_kana_are_no_other_encoding(tables):
    kana = "".join(map(chr, range(0xFF61, 0xFFA0)))
    chance = random.Random(14)
    for _ in range(tables):
        length, count = chance.randint(2, 9), chance.randint(1, 20)
        values = ["".join(chance.choices(kana, k=length)) for _ in range(count)]
        assert checked(rows(values).encode("cp932")).ok, values


def verdicts(
    language: str, codec: str, sizes: tuple[int, ...], judged: tuple[int, ...]
) -> dict[int, list[str]]:
    """For each number of different values that is judged, what becomes of tables with so many."""
    words, chance = FOREIGN[language][0].split(" "), random.Random(codec)
    found: dict[int, list[str]] = {}
    for size in sizes:
        for _ in range(6):
            data = encodable(rows(chance.sample(words, min(size, len(words)))), codec)
            if data.isascii() or size not in judged:
                continue
            findings = encoding_findings(checked(data))
            found.setdefault(size, []).append(str(findings[0].severity) if findings else "silent")
    return found


@pytest.mark.parametrize(
    ("language", "codec"),
    [(language, codec) for language, (_, codecs) in FOREIGN.items() for codec in codecs],
)
def test_a_table_in_another_encoding_is_refused_from_a_few_words_on(language, codec):
    found = verdicts(language, codec, SIZES, judged=(3, 5, 12))
    assert set(found[12]) == {"error"}
    assert found[5].count("error") >= 5
    assert "silent" not in found[5]
    assert "silent" not in found[3]


def test_four_of_five_tables_with_a_single_word_in_another_encoding_are_noticed():
    found = [
        each
        for language, (_, codecs) in FOREIGN.items()
        for codec in codecs
        for each in verdicts(language, codec, (1,), judged=(1,)).get(1, [])
    ]
    assert found.count("silent") / len(found) < 0.2
    assert found.count("error") / len(found) > 0.3


@pytest.mark.parametrize("word", UNITS)
def test_a_single_western_name_of_a_column_is_noticed(word):
    data = rows(["x", "y"], f"id,{word},left").encode("cp1252")
    finding, _ = about(data)
    assert (finding.line, finding.facts["likely"]) == (1, "Windows-1252")


def test_the_refusal_names_the_encoding_the_line_the_word_and_the_remedy():
    finding, paragraph = about(rows(["Lyon", "Gérard", "Hélène"]).encode("cp1252"))
    assert (finding.rule, finding.line) == ("encoding", 3)
    assert paragraph == (
        'train.csv, line 3: The text is probably Windows-1252 (Western European): this line contains "Gérard", '
        'which would read "G駻ard" in Shift_JIS. The service supports only UTF-8 and Shift_JIS. The service '
        'calls this "character encoding is not supported". What to do: Save the file as UTF-8 with BOM, and '
        "deliver it again."
    )


def test_a_doubt_shows_both_readings_and_stops_nothing():
    data = rows(["crème"]).encode("mac_roman")
    finding, paragraph = about(data)
    assert checked(data).ok
    assert checked(data).train.encoding == "shift_jis"
    assert (finding.rule, finding.line) == ("encoding-doubtful", 2)
    assert 'reads "cr塾e" in Shift_JIS and "crème" in Mac Roman (Western European, Mac)' in paragraph


@pytest.mark.parametrize("end", ["\n", "\r\n", "\r"], ids=["LF", "CR LF", "CR"])
@pytest.mark.parametrize(
    ("damaged", "cut"),
    [
        ("解約".encode()[:-1], "E7 B4"),
        ("解約".encode()[:-2], "E7"),
        ("約\U00020bb7".encode()[:-1], "F0 A0 AE"),
    ],
)
def test_a_character_that_is_cut_in_utf_8_without_a_mark_is_located(end, damaged, cut):
    data = rows(["男性", "女性", "大阪府"]).replace("\r\n", end).encode()
    lines = data.split(end.encode())
    lines[21] = b"20," + damaged + b",0"
    finding, paragraph = about(end.encode().join(lines))
    assert (finding.rule, finding.line, finding.facts["likely"]) == ("encoding", 22, "UTF-8")
    assert (finding.facts["damage"], finding.facts["cut"]) == ("cut", cut)
    offset = len(end.encode().join(lines[:21])) + len(end) + 3 + len(damaged) - (len(cut) + 1) // 3
    assert f"only the first of its bytes are present ({cut}, at offset {offset})" in paragraph
    assert "Correct this line in the source" in paragraph


def test_a_cut_character_in_much_utf_8_is_located_as_well():
    data = rows(["男性", "女性"], count=5_000).encode()
    at = data.rindex("女性".encode())
    finding, _ = about(data[: at + 5] + data[at + 6 :])
    assert (finding.line, finding.facts["damage"], finding.facts["likely"]) == (5_001, "cut", "UTF-8")


def test_a_single_wrong_byte_in_utf_8_is_reported_as_such():
    finding, paragraph = about(rows(["男性", "女性"]).encode() + b"\xff,x,1\r\n")
    assert (finding.line, finding.facts["damage"]) == (42, "stray")
    assert "The text is UTF-8, but this line contains an invalid byte (0xFF, at offset " in paragraph


def cesu_8(text: str) -> bytes:
    halves = text.encode("utf-16-be", "surrogatepass")
    units = [int.from_bytes(halves[at : at + 2]) for at in range(0, len(halves), 2)]
    return "".join(map(chr, units)).encode("utf-8", "surrogatepass")


@pytest.mark.parametrize("mark", [b"", b"\xef\xbb\xbf"], ids=["no mark", "mark"])
def test_halves_of_characters_as_in_cesu_8_are_named(mark):
    finding, paragraph = about(mark + cesu_8(rows(["東京", "\U00020bb7田", "大阪"])))
    assert (finding.rule, finding.line, finding.facts["damage"]) == ("encoding", 3, "surrogate")
    assert "The text is CESU-8" in paragraph
    assert "AL32UTF8" in paragraph


def test_the_names_of_columns_are_read_in_the_likely_encoding():
    answer = checked(rows(["男性", "女性"], "番号,性別,解約").encode("euc_jp"), target="解約")
    assert answer.train.columns == ("番号", "性別", "解約")
    assert [finding.rule for finding in answer.errors] == ["encoding"]


@pytest.mark.parametrize(
    ("codec", "words", "name"),
    [
        ("iso2022_jp", ["関東", "関西"], "ISO-2022-JP"),
        ("iso2022_jp_2", ["九州", "四国"], "ISO-2022-JP"),
        ("iso2022_jp_ext", ["ｶﾝﾄｳ", "ｶﾝｻｲ"], "ISO-2022-JP"),
        ("iso2022_kr", ["서울", "부산"], "ISO-2022-KR"),
        ("hz", ["上海", "北京"], "HZ"),
    ],
)
def test_an_encoding_of_ascii_bytes_is_named_and_nothing_that_follows_from_it(codec, words, name):
    data = rows(words).encode(codec)
    assert data.isascii()
    finding, paragraph = about(data)
    assert checked(data).findings == (finding,)
    assert (finding.rule, finding.line) == ("encoding", 2)
    assert f"The text is {name}" in paragraph
    assert f'contains "{words[0]}"' in paragraph


@pytest.mark.parametrize("piece", [1, 2, 5, 7, 23, 999])
@pytest.mark.parametrize("engine", Engine)
@pytest.mark.parametrize(
    ("codec", "words", "name"),
    [("iso2022_jp", "関東", "ISO-2022-JP"), ("hz", "上海", "HZ"), ("hz", "上海和北京" * 40, "HZ")],
    ids=ascii,
)
def test_an_escape_sequence_is_found_wherever_the_pieces_end(codec, words, name, engine, piece):
    detector = EncodingDetector(b"", engine)
    data = b"a,b\n" * 3 + f"x,{words}\n".encode(codec)
    for start in range(0, len(data), piece):
        part = data[start : start + piece]
        detector.feed(part, lambda offset, start=start: data.count(b"\n", 0, start + offset) + 1)
    found = detector.result()
    assert (found.likely.name, found.likely.example.line) == (name, 4)


@pytest.mark.parametrize(
    "value", ["\x1b[31mred\x1b[0m", "~{", "~{x~}", "a ~{b} c", "\x1b", "\x1b(B", "$B4XEl"]
)
def test_other_escape_sequences_in_ascii_are_no_encoding(value):
    assert checked(rows([value]).encode()).ok


def test_what_is_damaged_in_shift_jis_is_located_without_another_name():
    data = (
        rows(["東京", "大阪", "さくら"]).encode("cp932").replace("大阪".encode("cp932"), b"\x91\xe5\x8d,", 1)
    )
    finding, paragraph = about(data)
    assert (finding.rule, finding.line, finding.facts["likely"]) == ("encoding", 3, None)
    assert "nor Shift_JIS (byte 0x8D in line 3, " in paragraph


def test_the_second_half_of_a_file_cannot_hide_in_the_first_pieces():
    """A word is evidence wherever it stands, up to the number of words and bytes that are kept."""
    plain = "".join(f"{n},plain,0\r\n" for n in range(60_000))
    finding, _ = about((f"id,name,left\r\n{plain}" + rows(["Gérard", "Hélène", "Amélie"])).encode("cp1252"))
    assert (finding.rule, finding.line) == ("encoding", 60_003)


def test_evidence_is_bounded_whatever_a_file_contains():
    evidence = Evidence()
    text = "".join(f"{chr(0x4E00 + n)}田\n" for n in range(2 * MAX_WORDS)).encode("gb18030")
    evidence.add(text, lambda _: 1, ascii_only=False)
    assert evidence.is_full
    assert len(evidence.words) == MAX_WORDS
    evidence = Evidence()
    evidence.add(b"\xe9" * MAX_BYTES, lambda _: 1, ascii_only=False)
    assert evidence.is_full
    assert [len(word.value) for word in evidence.words] == [WORD_BYTES]


WORDS = st.text("aé日本,;. -\t\n0", max_size=12)


@given(
    st.lists(WORDS, max_size=40), st.lists(st.integers(1, 60), min_size=1), st.sampled_from([9, 40, 5_000])
)
@example(["a", "0日0"], [1], 9)
def test_the_words_of_a_text_are_the_same_whatever_pieces_it_is_read_in(parts, sizes, most):
    text = "".join(parts).encode("cp932", "replace")

    def words(pieces):
        evidence, before = Evidence(), 0
        for piece in (*pieces, b""):
            at = before
            line_of = lambda offset, at=at: 1 + text.count(b"\n", 0, at + offset)  # noqa: E731
            if not evidence.is_full:
                evidence.add(piece, line_of, ascii_only=piece.isascii(), final=not piece)
            before += len(piece)
        return evidence.words

    def cut():
        left = text
        for size in itertools.cycle(sizes):
            if not left:
                return
            yield left[:size]
            left = left[size:]

    with mock.patch.object(evidence_module, "MAX_BYTES", most):
        assert words(cut()) == words([text] if text else [])


def test_the_verdict_does_not_depend_on_where_a_piece_ends_in_damaged_utf_8():
    data = ("番号,値\n" + "百,一\n" * 400).encode() + b"\xff,1\n"
    whole, parted = EncodingDetector(data), EncodingDetector(data)
    whole.feed(data, lambda _: 1)
    for at in range(0, len(data), 100):
        parted.feed(data[at : at + 100], lambda _: 1)
    found, same = whole.result(), parted.result()
    assert (found.name, found.likely, found.not_shift_jis) == (same.name, same.likely, same.not_shift_jis)


def test_long_text_without_characters_beyond_ascii_takes_no_longer_than_its_length():
    evidence = Evidence()
    text = b"x" * (MAX_BYTES - 1) + b"\x00\xe9\n"
    evidence.add(text, lambda _: 1, ascii_only=False)  # minutes, if each x began a search
    assert len(evidence.words) == 1


NAMES = {
    "as NEC wrote it": ("髙値", b"\xee\xe0\x92l"),
    "as Windows writes it": ("髙値", b"\xfb\xfc\x92l"),
    "a sign of NEC twice in the table": ("≒率", "≒率".encode("cp932")),
    "a Roman numeral of IBM": ("ⅰ期", b"\xfa\x40\x8a\xfa"),
    "a wave dash, as other programs read it": ("期間〜", "期間～".encode("cp932")),
    "a minus sign, as other programs read it": ("−値", "－値".encode("cp932")),
}  # fmt: skip


@pytest.mark.parametrize(("target", "name"), NAMES.values(), ids=NAMES)
def test_the_target_is_found_by_its_text_whatever_bytes_stand_for_it(target, name):
    header = "番号,銘柄,".encode("cp932") + name + b"\r\n"
    answer = checked(header + b"1,2,3\r\n" * 20, target=target)
    assert "target-missing" not in [finding.rule for finding in answer.findings]


def test_a_target_in_another_composition_is_not_the_same():
    data = rows(["x"], "id,か\u3099,left").encode("utf-8-sig")
    assert [finding.rule for finding in checked(data, target="が").errors] == ["target-missing"]


def test_names_that_are_equal_as_text_are_repeated_names():
    header = b"\xee\xe0\x92l,\xfb\xfc\x92l,x\r\n"
    (finding,) = checked(header + b"1,2,3\r\n" * 20).errors
    assert finding.rule == "duplicate-columns"
    assert finding.facts["names"] == (("髙値", 2),)


def test_a_pair_is_compared_by_text():
    names = b"\xee\xe0\x92l,x\r\n", b"\xfb\xfc\x92l,x\r\n", "髙値,x\r\n".encode("utf-8-sig")
    files = [SourceFile("a.csv", lambda name=name: io.BytesIO(name + b"1,2\r\n" * 20)) for name in names]
    for train, evaluation in itertools.permutations(files, 2):
        assert preflight(train, evaluation).ok


def test_kanji_in_euc_jp_that_are_valid_utf_8_are_noticed():
    (finding,) = encoding_findings(checked(rows(["有", "無"]).encode("euc_jp")))
    assert (finding.line, finding.facts["likely"], finding.facts["example"]) == (2, "EUC-JP", "有")
    assert checked(rows(["e\u0301te\u0301", "a\u0301"]).encode()).train.encoding == "utf-8"


@settings(max_examples=60)
@given(
    data=st.lists(
        st.binary(max_size=40) | st.text("髙ｱあ①", max_size=12).map(lambda text: text.encode("cp932"))
    )
)
@example([b"\x81", b"\x40\x8d", b"\x82"])
@example([b"\x81", b"\x81"])
@example([b"\xfc\x4b", b"\x4c\xfc"])
@example([b"\xe3\x81", b"\x82\xa0", b"\xff"])
def test_with_an_automaton_the_same_bytes_are_valid(data):
    found = []
    for engine in (Engine.NONE, Engine.RE2):
        detector = EncodingDetector(b"", engine)
        for piece in (*data, b""):
            detector.feed(piece, lambda offset: offset, final=not piece)
        found.append(detector.result())
    assert found[0] == found[1]
