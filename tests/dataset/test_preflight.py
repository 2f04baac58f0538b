"""Every rule of the check before the upload: what breaks it, and what people read then."""

import bz2
import dataclasses
import gzip
import hashlib
import io
import tracemalloc
import zipfile

import pytest

from retraind.dataset.preflight import Limits, PreviousDelivery, SourceFile, preflight
from retraind.domain.problems import Finding, Severity
from retraind.report.wording import Voice, Words
from support.tables import file_at

GOOD = "id,color,joined\n" + "".join(f"{n},red,2024-01-{n % 28 + 1:02}\n" for n in range(200))


def table(*lines: str, rows: int = 120, end: str = "\n") -> str:
    """A header and good rows of three columns, with `lines` after them."""
    return end.join(["a,b,c", *(f"{n},x,y" for n in range(rows)), *lines]) + end


def source(content: str | bytes, name: str = "train_2026-11.csv", encoding: str = "utf-8-sig") -> SourceFile:
    data = content if isinstance(content, bytes) else content.encode(encoding)
    return SourceFile(name, lambda: io.BytesIO(data))


def evaluation(content: str | bytes) -> SourceFile:
    return source(content, "eval_2026-11.csv")


def workbook() -> bytes:
    held = io.BytesIO()
    with zipfile.ZipFile(held, "w") as archive:
        archive.writestr("[Content_Types].xml", "<Types/>")
    return held.getvalue()


def archive() -> bytes:
    held = io.BytesIO()
    with zipfile.ZipFile(held, "w") as archive:
        archive.writestr("train.csv", "a,b\n")
    return held.getvalue()


def only(findings: tuple[Finding, ...], rule: str) -> Finding:
    found = [finding for finding in findings if finding.rule == rule]
    assert len(found) == 1, [paragraph(finding) for finding in findings]
    return found[0]


def paragraph(finding: Finding) -> str:
    return Voice().finding(finding)


def words(finding: Finding) -> Words:
    return Voice().finding_words(finding)


def test_a_good_pair_has_no_findings():
    answer = preflight(source(GOOD), evaluation(GOOD))
    assert answer.ok
    assert answer.findings == ()


def test_the_facts_of_a_file_are_reported():
    data = GOOD.encode("utf-8-sig")
    facts = preflight(source(data)).train
    assert dataclasses.asdict(facts) == {
        "name": "train_2026-11.csv",
        "encoding": "utf-8-sig",
        "delimiter": ",",
        "columns": ("id", "color", "joined"),
        "rows": 200,
        "bytes": len(data),
        "sha256": hashlib.sha256(data).hexdigest(),
        "line_ending": "LF",
    }


def test_a_file_on_disk_is_read_and_shown_under_its_own_name(tmp_path):
    path = tmp_path / "学習_2026-11.csv"
    path.write_bytes(GOOD.encode("utf-8-sig"))
    answer = preflight(file_at(path))
    assert answer.ok
    assert answer.train.name == "学習_2026-11.csv"


def test_a_file_that_cannot_be_opened_is_the_callers_to_handle(tmp_path):
    with pytest.raises(FileNotFoundError):
        preflight(file_at(tmp_path / "gone.csv"))


def test_each_file_is_opened_once_and_closed():
    streams = []

    def opening() -> io.BytesIO:
        streams.append(io.BytesIO(GOOD.encode()))
        return streams[-1]

    preflight(SourceFile("a.csv", opening))
    assert [stream.closed for stream in streams] == [True]


def test_the_second_file_is_begun_once_the_first_one_is_read_so_that_progress_goes_forward():
    read = []

    class Watched(io.BytesIO):
        def __init__(self, name: str) -> None:
            super().__init__(GOOD.encode())
            self._name = name

        def read(self, size: int | None = -1) -> bytes:
            piece = super().read(size)
            read.append(self._name)
            return piece

    files = [SourceFile(name, lambda name=name: Watched(name)) for name in ("train.csv", "eval.csv")]
    assert preflight(*files, limits=Limits(piece=64)).ok
    assert len(read) > 20
    assert read == sorted(read, reverse=True)


WIDE = ",".join(f"c{n}" for n in range(1000))
WIDE_ROWS = "".join("1," * 999 + "1\n" for _ in range(20))
MANY = "a,kind\n" + "".join(f"{n},k{n % 201}\n" for n in range(900))

# rule, severity, the file, the line, a part of the sentence
ONE_FILE = {
    "an Excel workbook under a .csv name is recognised": (
        "not-text", "error", workbook(), None,
        "an Excel workbook or another Office file, not comma-separated text"),
    "an old Excel workbook is recognised": (
        "not-text", "error", b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + bytes(600), None, "is an Excel workbook"),
    "a zip archive is recognised": ("not-text", "error", archive(), None, "is a zip archive"),
    "a gzip file is recognised": ("not-text", "error", gzip.compress(GOOD.encode()), None, "gzip"),
    "a Parquet file is recognised": ("not-text", "error", b"PAR1\x15\x04" + bytes(90), None, "Parquet"),
    "a bzip2 file is recognised": ("not-text", "error", bz2.compress(GOOD.encode()), None, "bzip2"),
    "a PDF document is recognised": ("not-text", "error", b"%PDF-1.7\n%\xe2\xe3\xcf\xd3\n", None, "PDF"),
    "UTF-16 with its mark is named": ("utf-16", "error", GOOD.encode("utf-16"), None, "UTF-16"),
    "UTF-16 without its mark is named": ("utf-16", "error", GOOD.encode("utf-16-le"), None, "UTF-16"),
    "bytes that are neither UTF-8 nor Shift_JIS are located": (
        "encoding", "error", table("1,caf\xe9,2").encode("latin-1"), 122,
        "neither UTF-8 (byte 0xE9 in line 122, "),
    "a damaged byte after the UTF-8 mark is located": (
        "encoding", "error", b"\xef\xbb\xbfa,b\r\n1,2\r\n3,\xff\r\n", 3,
        "byte order mark (BOM) of UTF-8, but this line contains an invalid byte (0xFF, at offset 15)."),
    "a character cut off at the end of the file is located": (
        "encoding", "error", table("1,2,日本").encode("utf-8-sig")[:-2], 122,
        "The file ends in the middle of a character"),
    "UTF-8 without its mark is reported": (
        "utf-8-without-mark", "warning", table("1,2,日本").encode(), None, "without a byte order mark"),
    "Shift_JIS that shows itself late is reported": (
        "shift-jis-shows-late", "warning", table("1,2,日本", rows=300).encode("cp932"), None,
        "first 1,000 bytes"),
    "NUL bytes are located and counted": (
        "nul-bytes", "error", table("1,\0\0,2", "1,\0,3"), 122, "(3 NUL bytes in the file)"),
    "an empty file is reported": ("empty-file", "error", b"", None, "is empty (0 bytes)"),
    "a file of the mark alone is empty": (
        "empty-file", "error", b"\xef\xbb\xbf", None, "only line breaks or a byte order mark (3 bytes)."),
    "a file of line breaks alone is empty": ("empty-file", "error", "\r\n\r\n", None, "contains no data"),
    "an empty line in place of the header is reported": (
        "blank-header", "error", "\n" + table(), 1, "The first line is empty"),
    "a header without rows is too little": (
        "too-few-rows", "error", "a,b\n", None,
        "a header but no rows of data; the service requires at least 11"),
    "one row is too few": ("too-few-rows", "error", table(rows=1), None, "The file has 1 row;"),
    "ten rows are too few": ("too-few-rows", "error", table(rows=10), None, "has 10 rows"),
    "fewer rows than advised are reported": (
        "row-count", "warning", table(rows=11), None, "100 to 1,000,000"),
    "one column is too few": ("one-column", "error", "a\n" + "1\n" * 120, 1, 'only one column ("a")'),
    "semicolons in a .csv file are named": (
        "one-column", "error", "a;b;c\n" + "1,5;2;3\n" * 120, 1, "evidently separated by semicolons"),
    "tabs in a .csv file are named": (
        "one-column", "error", "a\tb\n" + "1\t2\n" * 120, 1, "evidently separated by tabs"),
    "a thousand columns are too many": (
        "too-many-columns", "error", f"{WIDE}\n{WIDE_ROWS}", 1,
        "has 1,000 columns; the service accepts at most 999."),
    "equal column names are named": (
        "duplicate-columns", "error", table().replace("a,b,c", "a,b,a"), 1, '"a" (2 times)'),
    "one column without a name is reported": (
        "empty-column-name", "warning", table().replace("a,b,c", ",b,c"), 1, "Column 1 has no name"),
    "two columns without a name are an error": (
        "empty-column-names", "error", table().replace("a,b,c", ",b,"), 1,
        "2 columns have no name: columns 1 and 3."),
    "a row that is too short is located": (
        "ragged-rows", "error", table("1,2"), 122,
        'This row ("1,2") has 2 columns, but the header has 3.'),
    "a row that is too long is located": ("ragged-rows", "error", table("1,2,3,4"), 122, "has 4 columns"),
    "further bad rows are listed and counted": (
        "ragged-rows", "error", table("1,2", "1,2,3", "1", "", "1,2,3,4"), 122,
        "(also line 124 with 1, line 125 with none, line 126 with 4; 4 rows in total)"),
    "many bad rows are counted": (
        "ragged-rows", "error", table(*["1,2"] * 9000, "1,2,3"), 122, "9,000 rows in total"),
    "the same fault in every row is reported once": (
        "ragged-rows", "error", "a,b\n" + "1,2,\n" * 2500, 2,
        "Each of the 2,500 rows has 3 columns, but the header has 2."),
    "the same fault in every row is reported once, whatever stands at the end": (
        "ragged-rows", "error", "a,b\n" + "1,2,\n" * 2500 + "\n", 2,
        "Each of the 2,500 rows has 3 columns, but the header has 2."),
    "an empty line is another fault than that of every row": (
        "ragged-rows", "error", "a,b\n1,2,\n\n" + "1,2\n" + "1,2,\n" * 20, 2,
        "(also line 3 with none, line 5 with 3"),
    "an empty line between rows is a bad row": (
        "ragged-rows", "error", table("", "1,2,3"), 122, "This line is empty, but the header has 3"),
    "of two empty lines at the end only one is let pass": (
        "ragged-rows", "error", table("", ""), 122, "This line is empty"),
    "a bad row after line breaks in quotes is located by its physical line": (
        "ragged-rows", "error", table('"1\n\n",2,3', "1,2"), 125, "has 2 columns"),
    "a quote that stays open is located where it opens": (
        "unclosed-quote", "error", table('"1\n",2,"3', *["1,2,3"] * 50), 123, "is not closed before the end"),
    "a column without values is named": (
        "empty-column", "warning", table().replace(",x,", ",,"), None, 'Column "b" has no value in any row.'),
    "dates before 1970 are located": (
        "date-range", "warning", GOOD + "1,red,1969-12-31\n2,red,0001/01/01\n", 202,
        '"1969-12-31" (also line 203 "0001/01/01"; 2 rows in total); the service accepts 1970-01-01 to 3999-'),
    "dates after 3999 are located": (
        "date-range", "warning", GOOD + "1,red,9999-12-31 00:00\n", 202, "9999-12-31"),
    "dates out of range late in a long file are located": (
        "date-range", "warning", GOOD + "1,red,2024-01-01\n" * 3000 + '1,"red",4000-01-01\n', 3202,
        "4000-01-01"),
}  # fmt: skip


@pytest.mark.parametrize(("rule", "severity", "content", "line", "part"), ONE_FILE.values(), ids=ONE_FILE)
def test_a_broken_rule_is_reported(rule, severity, content, line, part):
    finding = only(preflight(source(content)).findings, rule)
    assert finding.severity == severity
    assert finding.line == line
    assert part in words(finding).what
    assert words(finding).what.endswith(".")
    assert words(finding).remedy.endswith(".")


def test_japanese_in_utf_16_without_its_mark_shows_as_nul_bytes_and_its_encoding_is_advised():
    content = "番号,名前\n" + "一二三四五六,日本語日本語\n" * 120
    finding = only(preflight(source(content, encoding="utf-16-le")).errors, "nul-bytes")
    assert "as UTF-8 with BOM" in words(finding).remedy


# what a file may be without any finding
LET_PASS = {
    "plain ASCII needs no mark": table().encode("ascii"),
    "Shift_JIS that shows itself at once": ("番号,b,c\n" + table()[6:]).encode("cp932"),
    "CR LF line ends": table(end="\r\n"),
    "CR line ends, as old programs for the Mac write": table(end="\r"),
    "mixed line ends": table(end="\r\n") + table()[6:],
    "no line end after the last row": table().rstrip("\n"),
    "one empty line at the end": table(""),
    "one empty line at the end, CR LF": table("", end="\r\n"),
    "quoted fields with delimiters, line breaks and doubled quotes": table('"1,x","2\r\n2","3""3"'),
    "a quote inside an unquoted field": table('5" pipe,x,y', 'x,the "best",y'),
    "missing values as empty strings": table(",,", "1,,"),
    "values that only look like dates here and there": table("1969-01-01,x,y"),
    "a column whose name begins as a Parquet file does": table().replace("a,", "PAR1,", 1).encode("ascii"),
    "a column whose name begins as a bzip2 file does": table().replace("a,", "BZhours,", 1).encode("ascii"),
    "a column whose name begins as a PDF document does": table()
    .replace("a,", "%PDF-mails,", 1)
    .encode("ascii"),
    "999 columns": ",".join(f"c{n}" for n in range(999)) + "\n" + ("1," * 998 + "1\n") * 100,
}


@pytest.mark.parametrize("content", LET_PASS.values(), ids=LET_PASS)
@pytest.mark.parametrize("small", [False, True], ids=["whole", "in small pieces"])
def test_what_is_let_pass(content, small):
    piece = 7 if len(content) < 50_000 else 701  # of much text, also smaller than a row
    limits = Limits(piece=piece, sample=5) if small else Limits()
    findings = [
        each
        for each in preflight(source(content), limits=limits).findings
        if each.rule != "rare-text"  # of columns that are not like each other on purpose
        and not (small and each.rule == "late-text")  # which a smaller sample makes true
    ]
    assert list(map(paragraph, findings)) == []


@pytest.mark.parametrize("name", ["train.txt", "train.xlsx", "train", "train.csv.tmp"])
def test_an_extension_that_the_service_does_not_take_is_reported_and_the_file_read_all_the_same(name):
    answer = preflight(source(table("1,2"), name))
    assert [finding.rule for finding in answer.errors] == ["unsupported-extension", "ragged-rows"]


def test_a_tsv_file_is_separated_by_tabs():
    assert preflight(source(table().replace(",", "\t"), "train.tsv")).ok


def test_a_tsv_file_with_commas_is_better_called_csv():
    answer = preflight(source(table(), "train.tsv"))
    finding = only(answer.errors, "one-column")
    assert "evidently separated by commas" in words(finding).what
    assert (
        words(finding).remedy
        == "Change the extension of the file to .csv, or export the file with tabs between the columns, "
        "and deliver the file again."
    )


def test_several_findings_are_reported_at_once_errors_first():
    content = table("1,2", "1,2,日本").replace("a,b,c", "a,a,")
    answer = preflight(source(content, encoding="utf-8"))
    assert [finding.rule for finding in answer.findings] == [
        "duplicate-columns", "ragged-rows", "utf-8-without-mark", "empty-column-name",
    ]  # fmt: skip
    assert not answer.ok
    assert len(answer.errors) == len(answer.warnings) == 2


def test_time_series_have_narrower_limits():
    header = ",".join(f"c{n}" for n in range(201))
    answer = preflight(source(f"{header}\n" + ("1," * 200 + "1\n") * 15), time_series=True)
    assert "at most 200 in time-series mode" in words(only(answer.errors, "too-many-columns")).what
    assert "20 to 10,000" in words(only(answer.warnings, "row-count")).what


@pytest.mark.parametrize("content", [table(), "a,b\n" + "1,2\n" * 120], ids=["three columns", "two columns"])
@pytest.mark.parametrize("end", ["\n", "\r\n"], ids=["LF", "CR LF"])
def test_the_line_for_excel_is_reported_and_nothing_that_follows_from_it(content, end):
    answer = preflight(source(f"sep=,{end}{content}"))
    finding = only(answer.findings, "separator-line")
    assert answer.findings == (finding,)
    assert (finding.severity, finding.line) == ("error", 1)
    assert words(finding).remedy == "Remove this line, and deliver the file again."


def test_more_rows_than_advised_are_reported():
    answer = preflight(source(table(rows=10_001)), time_series=True)
    assert words(only(answer.warnings, "row-count")).remedy == "Deliver fewer rows, for example the latest."


PAIRS = {
    "a column that only one file has is named": (
        table().replace("a,b,c", "a,b,d"), "columns-differ", 'this file lacks "c" and also has "d".'),
    "the same columns in another order are reported as such": (
        table().replace("a,b,c", "b,a,c"), "column-order", 'another order: column 1 is "b" instead of "a".'),
    "an evaluation file without rows is reported": (
        "a,b,c\n", "evaluation-empty", "nothing to evaluate the model with."),
}  # fmt: skip


@pytest.mark.parametrize(("content", "rule", "part"), PAIRS.values(), ids=PAIRS)
def test_the_two_files_of_a_pair_must_fit(content, rule, part):
    finding = only(preflight(source(table()), evaluation(content)).errors, rule)
    assert finding.file == "eval_2026-11.csv"
    assert part in words(finding).what
    assert "look the same" not in words(finding).what


@pytest.mark.parametrize(
    ("ours", "theirs"), [("が", "か\u3099"), ("x" * 50, "x" * 51)], ids=["composed", "long"]
)
def test_names_that_differ_and_look_the_same_are_explained(ours, theirs):
    files = [table().replace("a,", f"{name},", 1) for name in (ours, theirs)]
    finding = only(preflight(*map(source, files)).errors, "columns-differ")
    assert "Names that look the same here differ" in words(finding).what


def test_columns_are_compared_as_text_whatever_the_encodings():
    header = "番号,b,c\n" + table()[6:]
    assert preflight(source(header), evaluation(header.encode("cp932"))).ok


def test_a_small_evaluation_file_is_no_finding():
    assert preflight(source(table()), evaluation(table(rows=1))).findings == ()


def test_changes_since_the_last_delivery_are_reported():
    last = PreviousDelivery("2026-10-01T020000Z_2026-10_0a1b2c", ("a", "b", "c"), 240)
    answer = preflight(source(table().replace("a,b,c", "a,b,d")), previous=last)
    assert answer.ok
    columns, rows = map(paragraph, answer.findings)
    assert (
        "Compared with the last good delivery (2026-10-01T020000Z_2026-10_0a1b2c), this file lacks" in columns
    )
    assert "fell from 240 in the last good delivery (2026-10-01T020000Z_2026-10_0a1b2c) to 120" in rows


def test_nothing_is_reported_when_little_changed_since_the_last_delivery():
    last = PreviousDelivery("an earlier one", ("a", "b", "c"), 239)
    assert preflight(source(table()), previous=last).findings == ()


# the values of a target column in order, and what is found
TARGETS = {
    "two hundred classes are allowed": ([f"k{n % 200}" for n in range(1200)], None, None),
    "more classes are an error": ([f"k{n % 201}" for n in range(900)], "too-many-classes", 2),
    "a number for each row is no class": ([f"{n}.5" for n in range(3000)], None, None),
    "text among many numbers makes classes": ([*map(str, range(3000)), "n/a"], "too-many-classes", 3002),
    "digits with underscores are text": ([f"{n}_1" for n in range(300)], "too-many-classes", 2),
    "digits with underscores among many numbers are text": (
        [*map(str, range(3000)), "1_1"], "too-many-classes", 3002),
    "a class that appears late is located": (["yes"] * 1000 + ["no"] * 6, "late-class", 1002),
    "a class within the first thousand rows is early": (["yes"] * 999 + ["no"] * 2000, None, None),
    "few numbers may be classes": (["0"] * 2000 + ["1"] * 10, "late-class", 2002),
    "missing values are no class": (["yes", "no"] * 750 + [""] * 10, None, None),
}  # fmt: skip


@pytest.mark.parametrize(("values", "rule", "line"), TARGETS.values(), ids=TARGETS)
@pytest.mark.parametrize("quote", ["", '"'], ids=["plain", "quoted"])
def test_the_target_column_is_checked_when_it_is_known(values, rule, line, quote):
    content = "a,目的\n" + "".join(f"1,{quote}{value}{quote}\n" for value in values)
    answer = preflight(source(content), target="目的")
    assert [(finding.rule, finding.line) for finding in answer.findings] == ([(rule, line)] if rule else [])


@pytest.mark.parametrize(
    ("early", "late"),
    [("1,yes\r", "1,yes\n"), ("1,yes\n", "1,yes\r"), ("1,yes\r", '"1\n",yes\r')],
    ids=["CR then LF", "LF then CR", "CR, with LF in quotes"],
)
def test_a_late_class_is_located_whatever_the_line_breaks(early, late):
    content = "a,b\n" + early * 1000 + "1,no\n" + late * 400
    finding = only(preflight(source(content), target="b").warnings, "late-class")
    assert finding.line == 1002


def test_a_target_that_is_no_column_is_reported():
    assert only(preflight(source(table()), target="解約").errors, "target-missing").column == "解約"


def test_a_target_is_not_missed_among_more_names_than_are_kept():
    header = ",".join(f"c{n}" for n in range(6000))
    answer = preflight(source(f"{header}\n" + ("1," * 5999 + "1\n") * 11), target="c5999")
    assert [finding.rule for finding in answer.errors] == ["too-many-columns"]


def test_a_finding_reads_as_one_paragraph():
    answer = preflight(source(table("1,2", *["x,y,z"] * 26, "1", rows=15)), evaluation(table()))
    assert paragraph(answer.errors[0]) == (
        'train_2026-11.csv, line 17: This row ("1,2") has 2 columns, but the header has 3 (also line 44 with 1; '
        '2 rows in total). The service calls this "rows with a different number of variables". '
        "What to do: Correct these rows in the source, and deliver both files again."
    )


def test_what_stands_in_a_file_cannot_disturb_the_screen():
    name = "a\x1b[31m\u202e" + "x" * 100
    answer = preflight(source(table().replace("a,b", f"{name},{name}"), "train\n\x07.csv"))
    shown = paragraph(only(answer.errors, "duplicate-columns"))
    assert shown.isprintable()
    assert "train\\n\\x07.csv" in shown
    assert "\\x1b[31m\\u202e" in shown
    assert len(shown) < 400


def test_a_long_value_is_shown_shortened():
    finding = only(preflight(source("x" * 41 + "\n")).errors, "one-column")
    assert f'("{"x" * 40}…")' in words(finding).what


def test_facts_are_small_whatever_a_file_contains():
    names = [f"{n}" + "名" * 4_000 for n in range(90)]
    previous = PreviousDelivery("an earlier one", ("a", "b"), 1)
    answer = preflight(source(f"{','.join(names * 2)}\n"), previous=previous)
    assert {"duplicate-columns", "columns-changed"} <= {finding.rule for finding in answer.findings}
    for finding in answer.findings:
        assert len(finding.as_json()) < 6 * 512 + 1_000
    assert only(answer.warnings, "columns-changed").facts["extra_total"] == 90 * 2


def test_a_name_that_is_not_valid_unicode_is_reported_as_well():
    finding = only(preflight(source(table(), "train\udcff.csv"), target="a\udcff").errors, "target-missing")
    assert paragraph(finding).startswith("train\\xff.csv, line 1: The column")
    assert Finding.from_json(finding.as_json()) == finding


@pytest.mark.parametrize(
    ("head", "cause"),
    [
        (b"a,b", "seems to have no line breaks"),
        (
            b'a,"b\n\n","c\n',
            "longer than 1 MiB, so the rest of the file was not read. A quote opens in line 3 ",
        ),
    ],
)
def test_a_first_row_without_end_stops_the_reading_and_is_reported(head, cause):
    served = 0

    class Endless(io.RawIOBase):
        def read(self, size: int = -1) -> bytes:
            nonlocal served
            served += size
            return head if served == size else b"x" * size

    limits = Limits(piece=256 << 10, header=1 << 20)
    answer = preflight(SourceFile("train.csv", Endless), limits=limits)
    assert cause in words(only(answer.errors, "header-too-long")).what
    assert answer.train is None
    assert served < 4 << 20  # with what was read ahead


class Endless(io.RawIOBase):
    """Rows without end."""

    def __init__(self, row: bytes) -> None:
        self._rows = row * 1000
        self.served = 0

    def read(self, _size: int = -1) -> bytes:
        head = b"" if self.served else b"a,b\n" + b"1,2\n" * 50
        self.served += 1
        return head + self._rows


class Sink:
    def __init__(self) -> None:
        self.ended = False

    def take(self, piece: bytes) -> None:
        """Ignore it."""

    def end(self) -> None:
        self.ended = True


@pytest.mark.parametrize("row", [b"1\n", b"a,b\n", b'1,"2\n3",4\n'])
def test_a_file_with_too_many_errors_that_takes_too_long_is_read_in_part_and_never_sent(row):
    endless, sink = Endless(row), Sink()
    limits = Limits(piece=4096, patience=0, errors=10_000)
    answer = preflight(SourceFile("train.csv", lambda: endless), sinks=[sink], limits=limits)
    ended = only(answer.errors, "reading-ended")
    assert ended.facts["errors"] > 10_000
    assert ended.line > 10_000
    assert f"{ended.facts['errors']:,} rows" in words(ended).what
    assert answer.train is None
    assert not sink.ended
    assert not [finding.rule for finding in answer.findings if finding.rule in {"row-count", "rows-halved"}]
    assert endless.served * len(row) * 1000 < 16 << 20  # with what was read ahead


@pytest.mark.parametrize(
    ("limits", "rules"),
    [
        (Limits(piece=4096, patience=0, errors=20_001), {}),
        (Limits(piece=4096, patience=3600, errors=10), {}),
        (Limits(piece=4096, patience=0, errors=10), {"ragged-rows": "warn"}),
        (Limits(piece=4096, patience=0, errors=10), {"ragged-rows": "ignore"}),
    ],
)
def test_other_files_are_read_to_their_end(limits, rules):
    data = b"a,b\n" + b"1,2\n" * 50 + b"1\n" * 20_000
    answer = preflight(SourceFile("train.csv", lambda: io.BytesIO(data)), limits=limits, rules=rules)
    assert answer.train is not None
    assert answer.train.sha256 == hashlib.sha256(data).hexdigest()
    assert answer.train.rows == 20_050
    assert answer.ok == bool(rules)


class Made(io.RawIOBase):
    """A large file that is made while it is read."""

    def __init__(self, head: bytes, body: bytes, size: int) -> None:
        self._left = size
        self._held = head
        self._body = body

    def read(self, size: int = -1) -> bytes:
        while len(self._held) < size and self._left > 0:
            self._held += self._body
            self._left -= len(self._body)
        piece, self._held = self._held[:size], self._held[size:]
        return piece


# tracing makes the slower ways slower still, so those get less to read in smaller pieces, and less to hold
MIB = 1 << 20
TEXT = "日本" * 30
BODIES = {
    "regular": ("1,some text,日本\n" * 999, 50 * MIB, Limits(), 16 * MIB),
    "quoted": (f'"1","some ""text""","{TEXT}"\n' * 99, 4 * MIB, Limits(piece=16 << 10), MIB),
    "with an empty column, dates and bad rows": (
        f"2024-01-01,,{TEXT}\n" * 99 + "1,2\n", 2 * MIB, Limits(piece=16 << 10), MIB),
    "with a wrong quote in each row": (f'1,{TEXT},"3"4\n' * 99, 2 * MIB, Limits(piece=16 << 10), MIB),
}  # fmt: skip


@pytest.mark.parametrize(("body", "size", "limits", "held"), BODIES.values(), ids=BODIES)
def test_memory_does_not_grow_with_the_file(body, size, limits, held):
    head = "a,b,c\n".encode("utf-8-sig")
    # What the first run alone needs, such as counters of coverage, is not of the file.
    preflight(SourceFile("train.csv", lambda: Made(head, body.encode(), size // 8)), limits=limits)
    stream = Made(head, body.encode(), size)
    tracemalloc.start()
    try:
        answer = preflight(SourceFile("train.csv", lambda: stream), limits=limits)
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert answer.train.bytes >= size
    assert peak < held


def test_severity_is_a_word():
    assert str(Severity.ERROR) == "error"
