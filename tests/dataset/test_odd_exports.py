"""Exports that went wrong: what a person is told about them is why, where, and what to do."""

import base64
import json

import pytest

from retraind.dataset.preflight import SourceFile, preflight
from retraind.domain.problems import Severity
from retraind.report.wording import Voice
from support.tables import file_of, findings_in

NAMES = "id,plan,days,left"
ROWS = [f"{at},{'ab'[at % 2]},{at % 90},{at % 2}" for at in range(150)]
TABLE = "\r\n".join([NAMES, *ROWS, ""])


def changed(value, *, count: int = 150) -> str:
    return "\r\n".join([NAMES, *(value(at, row) for at, row in enumerate(ROWS[:count])), ""])


NAMED = changed(lambda _, row: f"x{row}")
REFUSED = {
    "cut": (TABLE[:1_503], "ragged-rows", 136, "The file ends in the middle of it"),
    "line breaks without quotes": (
        changed(lambda at, row: row.replace(",a,", ",a\r\nb,") if at % 20 == 4 else row), "ragged-rows", 6,
        "split by a line break inside a value"),
    "commas without quotes": (
        changed(lambda at, row: row.replace(",a,", ",a, b,") if at % 20 == 4 else row), "ragged-rows", 6,
        "must be enclosed in double quotes"),
    "thousands separators without quotes": (
        changed(lambda at, _: f"{at},a,{at * 100:,},1"), "ragged-rows", 12, "must be enclosed in double quotes"),
    "an error below the table": (
        TABLE + "ORA-01555: snapshot too old: rollback, number 9\r\n", "rows-line", 152, "the export has probably failed"),
    "an error and its report": (
        TABLE + "ERROR:\r\nORA-01555: snapshot too old\r\n\r\n150 rows selected.\r\n", "rows-line", 153, "ORA-01555"),
    "an error of SQL Server": (
        TABLE + "Msg 1205, Level 13, State 51\r\nTransaction was deadlocked.\r\n", "rows-line", 152,
        "the export has probably failed"),
    "an error in Japanese": (TABLE + "エラー：接続が切断されました\r\n", "rows-line", 152, "the export has probably failed"),
    "the end of a report": (
        TABLE + "\r\n\r\n" + "".join(f'"{each}"\r\n' for each in ("Report: Left", "Copyright (c) Example", "Confidential", "By A")),
        "rows-line", 154, '"Report: Left"'),
    "fixed widths": (
        "".join(f"{row.replace(',', ' '):40}\r\n" for row in [NAMES, *ROWS]), "one-column", 1, "fixed widths"),
    "EBCDIC": (TABLE.encode("cp037"), "encoding", 1, 'EBCDIC, as mainframes write it, and begins with "id,plan,days,left"'),
    "EBCDIC of fixed width": (
        "".join(f"{row.replace(',', ' '):40}" for row in ROWS).encode("cp500"), "encoding", 1, "EBCDIC"),
    "carets": (TABLE.replace(",", "^"), "one-column", 1, 'separated by "^"'),
    "control characters of Hive": (TABLE.replace(",", "\x01"), "one-column", 1, 'separated by "\\x01"'),
    "full-width commas": (TABLE.replace(",", "，"), "one-column", 1, 'separated by "，"'),
    "blank names": (TABLE.replace("left", "left,,"), "padding-columns", 1, "5 and 6"),
    **{
        f"a note {note}": (TABLE + f"{note}総務省統計局\r\n", "rows-line", 152, f'("{note}')
        for note in ("注1）", "（注）", "資料：", "（出所）", "備考：", "注２　：")
    },
    "what Polars prints": (
        "shape: (150, 2)\n┌────┬──────┐\n│ id ┆ left │\n│ -- ┆ --   │\n╞════╪══════╡\n" + "│ 1  ┆ 0    │\n" * 150, "rule-line", 2,
        "a printed table"),
    "YAML": ("- id: 1\n  plan: a\n" * 99, "not-a-table", 1, "The file is YAML"),
    "line breaks as a program writes them": (TABLE.replace("\r\n", "\\r\\n"), "not-a-table", 1, 'written as "\\n"'),
    "a string of JSON": (json.dumps(TABLE), "not-a-table", 1, "Decode the text where the file is written"),
    "base64": (base64.encodebytes(TABLE.encode()), "not-a-table", 1, "base64"),
    "base64 in one line": (base64.b64encode(TABLE.encode()), "not-a-table", 1, "base64"),
    **{
        f"records of banks, {size} bytes": (
            b"".join(f"{each:<{size}}".encode("cp932")[:size] for each in ("1210", *["2ﾔﾏﾀﾞ ﾀﾛｳ 0001"] * 20, "8", "9")),
            "not-a-table", 1, "Zengin")
        for size in (120, 200)
    },
    "a sentence": ("Sorry, unable to open the file at present.\n", "not-a-table", 1, "a message from a program"),
    "a sentence in Japanese": ("ただいまメンテナンス中です。\n", "not-a-table", 1, "a message from a program"),
    "a message below empty lines": ("\n\nno rows selected\n\n", "not-a-table", 1, '"no rows selected"'),
    "an answer of e-Stat": (
        '"RESULT"\r\n"STATUS","100"\r\n"ERROR_MSG","認証に失敗しました。"\r\n', "not-a-table", 1, "認証に失敗しました"),
    "NUL bytes alone": (b"\0" * 5_000, "nul-bytes", 1, "5,000 NUL bytes"),
    "NUL bytes in a row": (TABLE.replace("\r\n9,", "\r\n\0\0\x009,"), "nul-bytes", 11, "NUL"),
    "names in two rows": (
        "id,plan,days,,\r\n,,mean,sum,share\r\n" + "".join(f"{at},{at},{at},{at},{at}\r\n" for at in range(150)),
        "row-below-header", 2, "The column names are in two rows"),
    "the same names in two rows": (
        "id,days,days,left\r\n,mean,sum,share\r\n" + "".join(f"{at},{at},{at},{at}\r\n" for at in range(150)),
        "row-below-header", 2, '"mean", "sum" and "share"'),
    "a title above the header once more": (
        TABLE + "\r\nPage 2\r\n" + TABLE, "repeated-header", 154, "repeats the header"),
}  # fmt: skip


@pytest.mark.parametrize(("content", "rule", "line", "part"), REFUSED.values(), ids=REFUSED)
def test_the_only_error_says_what_went_wrong(content, rule, line, part):
    errors = [each for each in findings_in(content) if each.severity is Severity.ERROR]
    assert [(each.rule, each.line) for each in errors] == [(rule, line)]
    for language in ("en", "ja"):
        assert Voice(language=language).finding(errors[0])
    assert part in Voice().finding(errors[0])


WARNED = {
    "a note that is filled up": (TABLE + "資料：総務省統計局,,,\r\n", "rows-line", 152, "a note"),
    "a total of what it names": (
        NAMED + "合計: キャンペーン,,100,\r\n", "rows-line", 152, "合計: キャンペーン"),
    "a total with a sign of what it lacks": (NAMED + "合計,ab,100,--\r\n", "rows-line", 152, '"合計"'),
    "records that are filled up": (
        "1,21,0,1234567890\r\n" + "".join(f"2,{at:04},ﾐｽﾞﾎ,001\r\n" for at in range(150)) + "8,150,1000,\r\n9,,,\r\n",
        "record-types", 1, '"9" (4 columns)'),
}  # fmt: skip


@pytest.mark.parametrize(("content", "rule", "line", "part"), WARNED.values(), ids=WARNED)
def test_the_only_warning_says_what_went_wrong(content, rule, line, part):
    (finding,) = findings_in(content)
    assert (finding.rule, finding.line, finding.severity) == (rule, line, Severity.WARNING)
    assert part in Voice().finding(finding)
    assert Voice(language="ja").finding(finding)


def test_numbers_of_the_evaluation_data_that_are_not_plain_are_told_of_as_such():
    texts = ["id,y\n" + "".join(f"{at},{value(at)}\n" for at in range(count)) for count, value in (
        (250, lambda at: at * 1_000), (50, lambda at: f'"{at * 1_000:,}"'))]  # fmt: skip
    files = [file_of(text, name, "utf-8")
             for name, text in zip(("t.csv", "e.csv"), texts, strict=True)]  # fmt: skip
    (error,) = preflight(*files, target="y").errors
    assert (error.file, error.rule, error.line) == ("e.csv", "target-notation", 3)


def test_a_date_that_is_not_set_is_one_of_the_form_of_the_others():
    content = "id,day,x\n" + "".join(
        f"{at},{'00.00.0000' if at % 9 == 4 else f'{at % 28 + 1:02}.01.2026'},1\n" for at in range(150)
    )
    (finding,) = findings_in(content)
    assert finding.rule == "date-form"
    assert 'among them "00.00.0000" in line 6' in Voice().finding(finding)


@pytest.mark.parametrize(
    "content",
    [
        changed(lambda at, row: row.replace(",a,", ",ORA-01555: old,") if at == 148 else row),
        TABLE + "error,a,1,0\r\n",
        NAMED + "Total: Cereal,ab,100,1\r\n",
        NAMED + "備考：x,ab,,\r\n",
        "9,a,b,c\n" + "".join(f"1,{at},x,y\n" for at in range(150)) + "2,1,x,y\n",
        "Name: Full\nAda\nBob\nEve\nKim\nLee\n",
    ],
)
def test_what_only_looks_like_an_error_or_a_delimiter_is_none(content):
    assert not {each.rule for each in findings_in(content)} & {"rows-line", "ragged-rows", "record-types"}
    assert all(each.facts.get("other_delimiter") is None for each in findings_in(content))


FAR = NAMES + "\n" + "".join(f"{at},some words that are plain,{at % 9},0\n" for at in range(9_000))
"""More than is kept of a file's start."""


@pytest.mark.parametrize("value", ['"5" pipe, x"', ' "a, b"'])
def test_quotes_that_do_not_enclose_values_are_told_of_far_behind(value):
    (error,) = findings_in(FAR.replace("\n5000,some words that are plain", f"\n5000,{value}"))
    assert (error.rule, error.line, error.facts["reason"]) == ("ragged-rows", 5_002, "quotes")
    assert "not doubled" in Voice().finding(error)


@pytest.mark.parametrize(
    ("value", "rule"),
    [
        ("cafÃ©", "damaged-values"),
        ('"5" pipe"', "stray-quotes"),
        ('"a \\"b\\" c"', "backslash-escapes"),
        ("#REF!", "spreadsheet-remains"),
        ('"=A1&B1"', "spreadsheet-remains"),
        ("2-Sep", "spreadsheet-remains"),
        ("?????", "damaged-values"),
    ],
)
@pytest.mark.parametrize("end", ["\n", "\r\n"])
def test_damage_that_lasts_to_the_end_of_a_long_file_is_found_there(value, rule, end):
    lines = FAR.splitlines()
    for at in range(5_001, len(lines)):
        bad = value[: 3 + at % 2 * 9] if value == "?????" else value
        lines[at] = (
            lines[at].replace("some words that are plain", bad) if at % 3 == 0 or "?" in value else lines[at]
        )
    (finding,) = findings_in(end.join([*lines, ""]))
    assert (finding.rule, finding.severity) == (rule, Severity.WARNING)
    assert 8_000 < finding.line <= len(lines)
    assert value.strip('"')[:3] in lines[finding.line - 1]


@pytest.mark.parametrize(
    ("value", "rule"),
    [('"5" pipe"', "stray-quotes"), ('"a \\"b\\" c"', "backslash-escapes"), ("2-Sep", "spreadsheet-remains")],
)
@pytest.mark.parametrize("end", ["\n", "\r\n", "\r"])
def test_damage_at_the_start_of_a_long_file_is_found_there(value, rule, end):
    (finding,) = findings_in(
        FAR.replace("\n50,some words that are plain", f"\n50,{value}").replace("\n", end)
    )
    assert (finding.rule, finding.line) == (rule, 52)


@pytest.mark.parametrize("at", [5_000, 8_900])
def test_a_subtotal_far_behind_is_one(at):
    (finding,) = findings_in(FAR.replace(f"\n{at},", f"\nSubtotal,,45,\n{at},"))
    assert (finding.rule, finding.line) == ("subtotal-rows", at + 2)


def test_the_end_of_a_long_file_is_read_from_a_row_on_also_inside_letters():
    letter = '"Dear ""Sir"",\nplease, do, come\nsoon"'
    assert findings_in(FAR.replace("some words that are plain", letter)) == []


def test_quotes_escaped_quietly_are_told_of_once():
    content = changed(lambda at, row: row.replace(",a,", ',"a ""b"" c",' if at % 3 else ',"a \\"b\\" c",'))
    assert [each.rule for each in findings_in(content)] == ["backslash-escapes"]
    assert [each.rule for each in findings_in(content + "合計,,100,\r\n")] == [
        "backslash-escapes",
        "rows-line",
    ]


def test_a_value_with_nul_bytes_says_nothing_else():
    content = "\r\n".join([NAMES, *(f"{at},a,1,0" for at in range(2_000)), "\0\x007,a,1,0", ""])
    assert [each.rule for each in findings_in(content)] == ["nul-bytes"]


def test_a_column_without_a_name_that_one_file_has_alone_is_called_so():
    files = [
        file_of(text, name, "utf-8")
        for name, text in (
            ("t.csv", TABLE),
            ("e.csv", TABLE.replace(NAMES, f",{NAMES}").replace("\r\n", "\r\n1,")),
        )
    ]
    error = next(each for each in preflight(*files).errors if each.rule == "columns-differ")
    assert "this file also has a column without a name" in Voice().finding(error)
    assert "（名前なし）" in Voice(language="ja").finding(error)


@pytest.mark.parametrize("codec", ["cp932", "euc_jp", "gbk", "koi8_r", "cp1252", "utf-8"])
def test_other_encodings_are_not_taken_for_ebcdic(codec):
    text = {"gbk": "北京上海", "koi8_r": "Москва", "cp1252": "élève à côté"}.get(
        codec, "東京カンリョウ株式会社"
    )
    data = "".join(f"{text * 9}\n" for _ in range(150)).encode(codec)
    assert "EBCDIC" not in {each.facts.get("likely") for each in findings_in(data)}


@pytest.mark.parametrize("codec", ["cp037", "iso2022_jp", "utf-7"])
def test_columns_are_not_compared_with_those_of_a_text_that_cannot_be_read(codec):
    good = TABLE.replace("plan", "契約") if codec != "cp037" else TABLE
    odd = good.replace("id,", "番号,") if codec != "cp037" else good
    files = [
        file_of(data, name)
        for name, data in (("train.csv", odd.encode(codec)), ("eval.csv", good.encode("utf-8-sig")))
    ]
    for pair in (files, files[::-1]):
        assert [(each.file, each.rule) for each in preflight(*pair, target="left").errors] == [
            ("train.csv", "encoding")
        ]


def pair_of(train: str, evaluation: str) -> list[SourceFile]:
    return [file_of(text, name, "utf-8") for name, text in (("t.csv", train), ("e.csv", evaluation))]


def test_text_in_the_evaluation_data_where_the_training_data_has_numbers_is_told_of():
    days = "id,plan,day,left\n" + "".join(f"{at},a,2026-01-{at % 28 + 1:02},{at % 2}\n" for at in range(150))
    other = days.replace(",a,", ",never,x").replace("\n", "\nn").replace("id,plan,never", "id")
    (finding,) = preflight(*pair_of(days, other.rpartition("n")[0])).findings
    assert (finding.file, finding.rule, finding.severity) == (
        "e.csv",
        "column-types-differ",
        Severity.WARNING,
    )
    assert 'Column "id" has text, but only numbers in t.csv; the same is true of "day"' in Voice().finding(
        finding
    )
    assert "項目「day」も異なります" in Voice(language="ja").finding(finding)


@pytest.mark.parametrize(
    "evaluation",
    [
        changed(lambda _, row: row.replace(",a,", ",,")),
        changed(lambda at, row: row if at % 40 else f"{at},a,twelve,1"),  # of which another rule tells
        changed(lambda _, row: ",".join([row.partition(",")[0], "a", "NA", "1"])),
    ],
)
def test_the_evaluation_data_may_lack_values_of_the_training_data(evaluation):
    found = {each.rule for each in preflight(*pair_of(changed(lambda _, row: row), evaluation)).findings}
    assert "column-types-differ" not in found
