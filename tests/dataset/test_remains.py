"""What other programs have damaged, or have left in a table: lost characters, errors of spreadsheets, totals."""

import pytest

from retraind.dataset.preflight import preflight
from retraind.dataset.reader.columns.spreadsheets import Remains, remains_of
from retraind.domain.prediction import PredictionType
from retraind.domain.problems import Severity
from retraind.report.wording import Voice
from support.tables import file_of, findings_in

NAMES = "id,plan,days,left"
ROWS = [f"{at},{'ab'[at % 2]},{at % 90},{'yn'[at % 2]}" for at in range(150)]


def table(change=lambda _, row: row, names: str = NAMES) -> str:
    return "\r\n".join([names, *(change(at, row) for at, row in enumerate(ROWS)), ""])


def misread(text: str, encoding: str) -> str:
    return text.encode().decode(encoding)


def plan(value: str):
    return lambda at, row: row.replace(",a,", f",{value},") if at % 20 == 4 else row


def days(value: str):
    return lambda at, row: ",".join([*row.split(",")[:2], value, "y"]) if at % 40 == 4 else row


WARNED = {
    "lost": (table(plan("caf\ufffd")), "damaged-values", 6, "U+FFFD"),
    "far behind": (
        NAMES + "\n" + "".join(f"{at},{'x' * 99},1,y\n" for at in range(2_000)) + "9,\ufffd,1,y\n",
        "damaged-values", 2_002, "is lost"),
    "lost names": (table(names="id,pl\ufffdn,days,left"), "damaged-names", 1, '"pl�n" has lost characters'),
    "names of question marks": (table(names="id,????,??????,left"), "damaged-names", 1, '"????" and "??????" have'),
    "names that are errors": (table(names="id,plan,#REF!,left"), "damaged-names", 1, '"#REF!" is a formula or an error'),
    "names misread": (table(names=f"id,plan,{misread('número', 'cp1252')},left"), "damaged-names", 1, '"número" is meant'),
    "question marks": (
        table(lambda _, row: row.replace(",a,", ",????,").replace(",b,", ",??????,")), "damaged-values", 2,
        'Column "plan" mostly has question marks'),
    **{
        f"{text} in {encoding}": (
            table(plan(misread(text, encoding))), "damaged-values", 6, f'"{text}" is meant')
        for text, encoding in (
            ("café", "cp1252"), ("it’s", "cp1252"), ("10 °C", "latin-1"), ("カタカナ", "latin-1"), ("東京都", "cp932"),
            ("Москва", "cp1251"), ("Žluťoučký", "cp1250"), ("naïvement où", "cp437"), ("Größe über", "mac_roman"))
    },
    "narrow": (table(days("########")), "spreadsheet-remains", 6, "column is too narrow"),
    "an error": (table(days("#DIV/0!")), "spreadsheet-remains", 6, "an error of a spreadsheet"),
    "an error among texts": (table(plan("#N/A")), "spreadsheet-remains", 6, "an error of a spreadsheet"),
    "a formula": (table(days("=A1+1")), "spreadsheet-remains", 6, "a formula instead of its result"),
    "codes as formulas": (table(plan('="001"')), "spreadsheet-remains", 6, 'Column "plan" contains "="001""'),
    "an error far behind": (
        "\n".join([NAMES, *(f"{at},a,{at},y" for at in range(9_000)), "1,a,#REF!,y", ""]), "spreadsheet-remains", 9_002,
        '"#REF!"'),
    "long numbers": (table(lambda at, _: f"{at},a,4.90{at % 9}23E+12,y"), "spreadsheet-remains", 2, "Its last digits are lost"),
    "codes as dates": (
        table(lambda at, row: row.replace(",a,", ",2月5日,").replace(",b,", f",{at % 9}-32,") if at else row), "spreadsheet-remains", 4,
        "taken for a date"),
    "genes as dates": (
        table(lambda at, row: row.replace(",a,", ",2-Sep,") if at % 4 == 2 else row), "spreadsheet-remains", 4, "taken for a date"),
    "Shift_JIS read as Windows-1252": (
        table(lambda at, row: row.replace(",a,", f",{('“Œ‹ž“s', 'ƒJƒ^ƒJƒi')[at % 4 // 2]},")), "damaged-values", 2,
        'be Shift_JIS that a program has read as Windows-1252 and saved again: "東京都" is meant'),
    "a typing error": (table(lambda _, row: row.replace(",30,", ",3O,")), "rare-text", 32, '"3O" in this line (also line 122'),
    "a typing error at the start": (table(lambda _, row: row.replace("1,b,1,", "1,b,l,")), "rare-text", 3, '"l" in this line'),
    "a text among dates": (
        table(lambda at, _: f"{at},a,{'soon' if at == 60 else f'2026-01-{at % 28 + 1:02}'},y"), "rare-text", 62, "mostly has dates"),
    "a sign of a missing value": (
        table(lambda at, row: row if at % 8 else row.replace(f",{at % 90},", ",X,")), "rare-text", 2, 'mostly has numbers, but "X"'),
    "quotes that are not doubled": (table(plan('"5" pipe"')), "stray-quotes", 6, "is not doubled"),
    "subtotals": (
        table(lambda at, row: f"{row}\r\nSubtotal,,{at},n" if at % 50 == 9 else row), "subtotal-rows", 12,
        '("Subtotal") seems to be a total of other rows (also line 63'),
    "subtotals, with CR alone": (
        table(lambda at, row: f"{row}\r\nSubtotal,,{at},n" if at % 50 == 9 else row).replace("\r\n", "\r"), "subtotal-rows", 12,
        '"Subtotal"'),
    "subtotals of groups": (
        table(lambda at, row: f"{row}\r\n,東京支店 計,{at}," if at % 50 == 9 else row), "subtotal-rows", 12, "東京支店 計"),
}  # fmt: skip


@pytest.mark.parametrize(("content", "rule", "line", "part"), WARNED.values(), ids=WARNED)
def test_what_is_left_or_damaged_is_the_only_warning(content, rule, line, part):
    (finding,) = findings_in(content)
    assert (finding.rule, finding.line, finding.severity) == (rule, line, Severity.WARNING)
    assert part in Voice().finding(finding)
    assert Voice(language="ja").finding(finding)


def test_errors_of_a_spreadsheet_in_the_target_are_what_refuses_it():
    content = table(lambda at, _: f"{at},a,{at * 1.5},{'#VALUE!' if at == 4 else at}")
    assert [each.rule for each in findings_in(content, target="left")] == ["spreadsheet-remains"]
    (error,) = findings_in(content, target="left", prediction_type=PredictionType.REGRESSION)
    assert (error.rule, error.line, error.severity) == ("spreadsheet-remains", 6, Severity.ERROR)


def test_lost_names_are_why_they_are_equal_and_why_the_target_is_missing():
    content = table(names="id,????,????,left")
    assert [(each.rule, each.severity) for each in findings_in(content)] == [("damaged-names", "error")]
    assert [each.rule for each in findings_in(content, target="plan")] == ["damaged-names"]


def test_lost_names_are_why_two_files_differ():
    files = [table(), table(names="id,pl??n,????,left")]
    sources = [file_of(text, f"{at}.csv", "utf-8") for at, text in enumerate(files)]
    assert [(each.rule, each.file) for each in preflight(*sources).errors] == [("damaged-names", "1.csv")]


def test_errors_in_the_answers_to_evaluate_with_are_what_refuses_them():
    good = table(lambda at, _: f"{at},a,1,{at}")
    bad = good.replace("9,a,1,9\r\n", "9,a,1,#REF!\r\n")
    train = good + "".join(f"{at},a,1,{at}\r\n" for at in range(150, 300))
    files = [file_of(text, f"{name}.csv", "utf-8") for name, text in (("t", train), ("e", bad))]
    result = preflight(*files, target="left")
    assert [(each.file, each.rule) for each in result.errors] == [("e.csv", "spreadsheet-remains")]
    assert not [each for each in result.warnings if each.rule == "spreadsheet-remains"]


def test_the_class_of_a_total_is_none():
    files = [file_of(text, f"{at}.csv", "utf-8")
             for at, text in enumerate((table(), table() + "Total,,,99\r\n"))]  # fmt: skip
    assert [each.rule for each in preflight(*files, target="left").findings] == ["rows-line"]


def test_what_cannot_be_read_is_not_said_to_be_damaged():
    data = table(names="id,pl?n,days,left").encode("utf-8-sig").replace(b"?", b"\xff")
    findings = findings_in(data)
    assert [each.rule for each in findings] == ["encoding"]


def records(begin: str, data: str, *end: str) -> str:
    return "\r\n".join([begin, *(data.format(at) for at in range(99)), *end, ""])


ZENGIN = records(
    "1,21,0,1234567890,ﾃｽﾄ,1201,0001,ﾐｽﾞﾎ,001", "2,0005,ﾐﾂﾋﾞｼ,001,ﾎﾝﾃﾝ,,1,{:07},ﾔﾏﾀﾞ,1000,1", "8,99,99000", "9"
)
REFUSED = {
    "for a bank": (ZENGIN, "record-types", 1, '"2" (11 columns)'),
    "head and trailer": (records("H,20261130,ORDERS", "D,{},a,x", "T,99"), "record-types", 1, '"H" (3 columns)'),
    "filled up": (records("H,20261130,,", "D,{},a,x", "T,99,,"), "record-types", 1, '"D" (4 columns)'),
    "quotes and commas in quotes": (table(plan('"5" pipe, long"')), "stray-quotes", 6, "as two quotes"),
    "what Excel leaves out": (
        table(lambda at, row: row if at < 16 else row.rpartition(",")[0]), "ragged-rows", 18, "leaves out the delimiters of empty ones"),
    "NUL bytes at the end": (table() + "\0" * 99, "nul-bytes", 152, "damaged"),
    "a prompt": (table() + "sqlite> \r\n", "rows-line", 152, "is below the table"),
    "a conflict of versions": (
        table(lambda at, row: {70: "<<<<<<< HEAD\r\n", 71: "=======\r\n", 72: ">>>>>>> ours\r\n"}.get(at, "") + row),
        "rows-line", 72, '"<<<<<<< HEAD"'),
    "a line of a log": (
        table(lambda at, row: row + "\r\n2026-11-30 10:00:00,123 INFO fetched 50 rows" if at == 70 else row), "rows-line", 73,
        "is among the rows"),
    "a trace": (
        table() + 'Traceback (most recent call last):\r\n  File "x.py", line 3\r\nValueError: x\r\n', "rows-line", 152,
        "the export has probably failed"),
    "an error of a server": (table() + "<html><body>504 Gateway Time-out</body></html>\r\n", "rows-line", 152, "probably failed"),
    "no data alone": ("No data available\r\n", "not-a-table", 1, "a message from a program"),
    "no data in Japanese": ("該当するデータはありません\r\n", "not-a-table", 1, '"該当するデータはありません"'),
    "a page's number": (table(lambda at, row: row + "\r\n\fPage 2" if at == 70 else row), "rows-line", 73, '"Page 2"'),
    "a message of PHP": (
        table(lambda at, row: row + "\r\n<b>Warning</b>: x in y.php on line 3<br />" if at == 70 else row),
        "rows-line", 73, "the export has probably failed"),
    "a message of PHP above": (
        "<br />\r\n<b>Warning</b>: x in y.php on line 3<br />\r\n" + table(), "not-a-table", 1, '"Warning: x in y.php on line 3"'),
    "lines in quotes": (
        "".join(f'"{row}"\r\n' for row in [NAMES, *ROWS]), "one-column", 1, "the line as a whole is enclosed in quotes"),
    "a trailer": (table() + "T,150\r\n", "rows-line", 152, "is below the table"),
    "a count among the rows": (
        table(lambda at, row: row + "\r\n\r\n(71 rows affected)\r\n" if at == 70 else row), "rows-line", 74,
        "is among the rows and is not one of them"),
    "the same in Japanese": (
        table(lambda at, row: row + "\r\n3 行処理されました" if at == 70 else row), "rows-line", 73, "is among the rows"),
    "an error among the rows": (
        table(lambda at, row: row + "\r\nORA-01555: snapshot too old" if at == 70 else row), "rows-line", 73,
        "the export has probably failed"),
}  # fmt: skip


@pytest.mark.parametrize(("content", "rule", "line", "part"), REFUSED.values(), ids=REFUSED)
def test_records_and_messages_are_the_only_error(content, rule, line, part):
    errors = [each for each in findings_in(content) if each.severity is Severity.ERROR]
    assert [(each.rule, each.line) for each in errors] == [(rule, line)]
    assert part in Voice().finding(errors[0])
    assert Voice(language="ja").finding(errors[0])


GOOD = {
    "faces, hashtags, colours": table(lambda at, row: row.replace(",a,", f",{('=)', '=', '#1', '#FF00AA', '#A!')[at % 5]},")),
    "measurements": table(lambda at, row: row.replace(",a,", f",{('=0.5', '<5', '>10', '=(5)')[at % 4]},")),
    "accents": table(lambda at, row: row.replace(",a,", f",{('café', 'SÃO', '»Â«', '«É»', 'ÉÀ', 'Ô…', 'CAFÉ’S', '§§', '…')[at % 9]},")),
    "Russian": table(lambda at, row: row.replace(",a,", f",{('Москва', 'РОСС', 'В', 'Г', '№1')[at % 5]},")),
    "kana": table(lambda at, row: row.replace(",a,", f",{('ﾃｽﾄ', 'ﾂｱ', '縺れ', '繧繝', '譚')[at % 5]},")),
    "questions": table(lambda _, row: row.replace(",a,", ",really??,"), names="id,plan,days,left?"),
    "totals that are values": table(lambda _, row: row.replace(",a,", ",Total,")),
    "categories of totals": table(lambda at, row: f"Total,{row.partition(',')[2]}" if at % 3 else row),
    "scientific numbers": table(lambda at, _: f"{at},a,{at * 1.7e11:.3E},y"),
    "grades": table(lambda at, _: f"{at},a,{'K' if at % 5 else at % 12},y"),
    "months": table(lambda at, row: row.replace(",a,", f",{at % 12 + 1}月,").replace(",b,", ",Jan-26,")),
    "ranges": table(lambda at, row: row.replace(",a,", f",{at % 5 * 10}-{at % 5 * 10 + 9},")),
    "inches": table(plan('5" pipe')),
    "many letters of several lines": table(plan('"Dear Sir,\n' + "please come\n" * 999 + 'Kate"')),
    "quoted words in quotes": table(plan('"He said ""no"""')),
    "words in curly quotes": table(plan("“OK” “A” ‹b› ž")),
    "totals beside blanks": table(lambda at, row: f"Total,{'' if at % 2 else 'x'},{at},y" if at % 3 else row),
    "one marker": table(lambda _, row: row.replace(",a,", ",??,").replace(",b,", ",??,")),
}  # fmt: skip
RULES = {
    "stray-quotes",
    "rare-text",
    "damaged-values",
    "damaged-names",
    "spreadsheet-remains",
    "subtotal-rows",
    "record-types",
}


@pytest.mark.parametrize("content", GOOD.values(), ids=GOOD)
def test_what_only_looks_like_it_is_no_finding(content):
    assert not {each.rule for each in findings_in(content)} & RULES


@pytest.mark.parametrize("name", ["start", "A", "H", "1", "type"])
def test_a_column_of_codes_is_no_type_of_records(name):
    content = table(lambda _, row: f"1,{row}", names=f"{name},{NAMES}")
    assert "record-types" not in {each.rule for each in findings_in(content, target="other")}


@pytest.mark.parametrize(
    ("text", "kind"),
    [
        ("#REF!", Remains.ERROR), ("#¡DIV/0!", Remains.ERROR), ("#N/D", Remains.ERROR), ("#GETTING_DATA", Remains.ERROR),
        ("#WERT!", Remains.ERROR), ("#ЗНАЧ!", Remains.ERROR), ("Err:502", Remains.ERROR), ("#NOM ?", None),
        ("=SUM(A1:B2)", Remains.FORMULA), ("=Sheet1!A1*2", Remains.FORMULA), ('="a"&"b"', Remains.FORMULA),
        ("=-A1", Remains.FORMULA), ("=1", None), ("=", None), ("==", None), ("##", None), ("###", Remains.NARROW),
    ],
)  # fmt: skip
def test_remains_are_told_from_values(text, kind):
    assert remains_of(text) is kind
