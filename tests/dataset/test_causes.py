"""Causes: what is wrong with a file is named once, in place of what follows from it, and good tables have none."""

import json
import signal

import pytest
from hypothesis import example
from hypothesis import strategies as st

from retraind.dataset.preflight import Limits, preflight
from retraind.domain.problems import Finding, Severity
from retraind.report.wording import Voice
from support.tables import file_of, findings_in
from support.variants import holds_for

MARK = b"\xef\xbb\xbf"
ROWS = [["id", "plan", "days", "left"]] + [
    [str(at), "ab"[at % 2], str(at * 7 % 90), str(at % 2)] for at in range(150)
]
JAPANESE = [["店舗", "月", "売上", "備考"]] + [
    [f"A{at % 5}店", str(at % 12 + 1), str(at * 3), "良い" if at % 2 else "悪い"] for at in range(150)
]
NO_VALUES = [""] * 4


def table(rows=ROWS, delimiter=",", end="\r\n", *, quotes=False):
    if quotes:
        rows = [[f'"{cell}"' for cell in row] for row in rows]
    return "".join([delimiter.join(row) + end for row in rows])


def notes(value, *, delimiter=","):
    """Return a table with a column that is written as `value` says for each row."""
    rows = [f"{at}{delimiter}{value(at)}{delimiter}{at % 2}\n" for at in range(150)]
    return "".join([delimiter.join(["id", "note", "left"]) + "\n", *rows])


def said(finding: Finding) -> str:
    return Voice().finding(finding)


ABOVE, HTML = "lines-above-header", "<html><title>Sign in</title><body>Hello, you</body></html>\n"
TSV_QUOTES = {50: '"Alpha wing, left', 300: '"Beta'}

# the content, the rule, its line, what the sentences say
REFUSED = {
    "a title": ("Sales, 2026\n" + table(end="\n"), ABOVE, 1, "line 2"),
    "a title and a blank line": ("Sales\r\n\r\n" + table(), ABOVE, 1, "line 3"),
    "a title in quotes": ('"Sales, all"\r\n' + table(quotes=True), ABOVE, 1, "line 2"),
    "a title in two lines": ('"Sales\nall"\n' + table(end="\n"), ABOVE, 1, "line 3"),
    "a title in Shift_JIS": (("売上一覧\r\n" + table(JAPANESE)).encode("cp932"), ABOVE, 1, "売上一覧"),
    "a title with CR line ends": ("Sales\r" + table(end="\r"), ABOVE, 1, "line 2"),
    "a title above semicolons": ("Sales\r\n" + table(delimiter=";"), ABOVE, 1, "by semicolons"),
    "blank rows": (",,,\r\n,,,\r\n" + table(), ABOVE, 1, "line 3"),
    "a row of groups": ("Customer,,Usage,\r\n" + table(), ABOVE, 1, "line 2"),
    "comments": ("# exported\n# by a, b\n" + table(end="\n"), ABOVE, 1, "line 3"),
    "comments of programmers": ("// exported\n" + table(end="\n"), ABOVE, 1, "line 2"),
    "a type": ("#TYPE A.B\n" + table(quotes=True), "type-line", 1, "-NoTypeInformation"),
    "a type above semicolons": ("#TYPE A.B\n" + table(delimiter=";"), "type-line", 1, "-NoTypeInformation"),
    "sep in quotes": ('"sep=,"\r\n' + table(), "separator-line", 1, "Excel"),
    "sep with semicolons": ("sep=;\r\n" + table(delimiter=";"), "separator-line", 1, "by semicolons"),
    "blank columns": (table([["", "", *row] for row in ROWS]), "padding-columns", 1, "1 and 2"),
    "blank columns at the end": (table([[*row, "", ""] for row in ROWS]), "padding-columns", 1, "5 and 6"),
    "blank columns and an unnamed index": (
        table([[*row, "", "", "" if at == 0 else str(at)] for at, row in enumerate(ROWS)]), "padding-columns", 1,
        "5 and 6"),
    "decimal commas in all rows": (
        "id;x;y\n" + "".join(f"{at};0,{at};{at},5\n" for at in range(120)), "one-column", 1, "semicolons"),
    "decimal commas below a name with a comma": (
        "a, b;x;y\n" + "".join(f"n{at};0,{at};{at},5\n" for at in range(120)), "other-delimiter", 1, "semicolons"),
    "a page to sign in": (HTML, "not-a-table", 1, '"Sign in"'),
    "a page in EUC-JP": ("<html><p>ログイン、</html>".encode("euc_jp"), "not-a-table", 1, "HTML"),
    "XML of a store": (
        "<?xml version='1.0'?>\n<Error><Code>AccessDenied</Code></Error>", "not-a-table", 1, '"AccessDenied"'),
    "JSON": (json.dumps([{"id": at, "x": "a,b"} for at in range(99)]), "not-a-table", 1, "JSON"),
    "long JSON": (json.dumps([{"id": at, "x": "y" * 99} for at in range(999)]), "not-a-table", 1, "JSON"),
    "an email": ("From: a@b\nTo: c@d\nSubject: Sales, 1\nDate: x\n\nhello\n", "not-a-table", 1, "email"),
    "a dump": ("-- dump\nCREATE TABLE t (\n  id int,\n  x int\n);\n", "not-a-table", 1, "SQL"),
    "spaces between the columns": (table(delimiter=" ", end="\n"), "one-column", 1, "separated by spaces"),
    "spaces of R, and names of rows": (
        '"id" "plan"\n' + "".join(f'"{at}" {at} "a b"\n' for at in range(99)), "one-column", 1, "separated by spaces"),
    "values twice in a first row of data": (
        table([["0", "0", str(at / 4), "ab"[at % 2]] for at in range(99)]), "header-missing", 1, '"0.0"'),
    "the header again": (table([*ROWS[:80], *ROWS]), "repeated-header", 81, "repeats the header"),
    "the header again, far away": (
        table([*ROWS, *ROWS[1:] * 60, *ROWS]), "repeated-header", 9152, "repeats the header"),
    "the header again, with quotes": (
        table([*ROWS, *ROWS[1:] * 9]) + table(quotes=True), "repeated-header", 1502, "repeats the header"),
    "a file after a file": (table().encode() + MARK + table().encode(), "second-mark", 152, "header after it"),
    "a mark in quotes": (b'"' + MARK + table(quotes=True)[1:].encode(), "second-mark", 1, "first column"),
    "three marks": (MARK * 3 + table().encode(), "second-mark", 1, "twice"),
    "CR CR LF": (table(end="\r\r\n"), "doubled-line-breaks", 2, 'newline=""'),
    "each second line empty": (table(end="\n\n"), "doubled-line-breaks", 2, "LF LF"),
    "Ctrl-Z after many": (table() + "\x1a" * 99, "ctrl-z", 152, "0x1A"),
    "Ctrl-Z after an empty line": (table() + "\r\n\x1a\r\n", "ctrl-z", 153, "0x1A"),
    "an escaped quote": (notes(lambda at: '"a \\"b, c\\" d"' if at == 99 else '"x"'), "backslash-escapes", 101,
                         '(\\")'),
    "an escaped quote in Shift_JIS": (
        notes(lambda _: '"表\\"b, ソ\\"ソ"').encode("cp932"), "backslash-escapes", 2, '(\\")'),
    "an escaped comma": (notes(lambda at: "a\\, b" if at == 9 else "x"), "backslash-escapes", 11, "(\\,)"),
    "a space before a quote": (notes(lambda _: ' "a, b"'), "space-before-quote", 2, "space"),
    "decimal commas in some rows": (
        "id;a, b;x\n" + "".join(f"{at};n;{at}{',5' * (at % 2)}\n" for at in range(99)), "other-delimiter", 1,
        "semicolons"),
    "a space before each quote": (
        table(quotes=True).replace(',"', ', "').replace('"a"', '"a, b"'), "space-before-quote", 1, "space"),
    "hyphens as wide as the columns": (
        table([ROWS[0], ["-" * 12] * 4, *ROWS[1:]]), "rule-line", 2, "hyphens"),
    "hyphens and a count": (
        table([ROWS[0], ["--", "----", "----", "----"], *ROWS[1:]]) + "\r\n(150 rows affected)\r\n", "rule-line",
        2, "Line 154 counts the rows"),
    "a printed table": (" id | x\n----+---\n" + "  1 | 2\n" * 20, "rule-line", 2, "hyphens"),
    "notes below the table": (
        table() + '\r\n\r\n"Copyright (c), all rights"\r\n"Do not distribute"\r\n', "rows-line", 154, "Copyright"),
    "a note in Japanese": (
        (table(JAPANESE) + "※2026年11月末時点\r\n").encode("cp932"), "rows-line", 152, "※2026年"),
    "a count of rows": (table() + "\r\n(150 行処理されました)\r\n", "rows-line", 153, "below the table"),
    "rows of quotes": (table([*ROWS[:6], *[NO_VALUES] * 99], quotes=True), "too-few-rows", 7, "99 rows"),
    "rows of delimiters, very many": (table([*ROWS[:6], *[NO_VALUES] * 50_000]), "too-few-rows", 7, "50,000"),
    "a title above a table without names": (
        "Sales\n" + table(ROWS[1:], end="\n"), ABOVE, 1, "no line has the column names"),
    "a title with commas above a table without names": (
        "Sales,,,\n" + table(ROWS[1:], end="\n"), ABOVE, 1, "The data begins in line 2"),
    "a program's error": (
        'psql: error: connection to server at "db" (10.0.0.1), port 5432 failed: FATAL: no\n', "not-a-table", 1,
        "message from a program"),
    "a shortcut": ("[InternetShortcut]\r\nURL=https://a.example/t.csv\r\n", "not-a-table", 1, "shortcut"),
    "YAML": ("---\nid: 1\nplan: a\n", "not-a-table", 1, "YAML"),
    "an escaped line break": (notes(lambda at: "a\\\nb" if at == 5 else "a"), "backslash-escapes", 7, "backslash"),
    "the header again, in capitals": (
        table(ROWS) + "ID,PLAN,DAYS,LEFT\r\n" + table(ROWS[1:]), "repeated-header", 152, "repeats the header"),
    "the header again, with spaces, far away": (
        table([*ROWS, *ROWS[1:] * 60]) + "id, plan, days, left\r\n" + table(ROWS[1:]), "repeated-header", 9152,
        "repeats the header"),
    "the header again, behind a row without a line break": (
        table()[:-2] + table(), "repeated-header", 151, "repeats the header"),
    "the header again, behind a row far away": (
        table([*ROWS, *ROWS[1:] * 60])[:-2] + table(), "repeated-header", 9151, "repeats the header"),
    "a mark that is three characters": (
        "\u00ef\u00bb\u00bf" + table(), "second-mark", 1, "twice at the start"),
    "the header again, below an empty line": (table() + "\r\n" + table(), "repeated-header", 153, "repeats"),
    "the header again, below a type": (
        table(quotes=True) + "#TYPE A.B\r\n" + table(quotes=True), "repeated-header", 153, "repeats"),
    "one line of hyphens": (
        "id,plan,days,left\r\n" + "-" * 30 + "\r\n" + table(ROWS[1:]), "rule-line", 2, "hyphens"),
    "decimal commas and a bad row": (
        "id;a, b;x\n" + "".join(f"{at};n;{at},5\n" for at in range(99)) + "sum\n", "other-delimiter", 1,
        "semicolons"),
    "rows of blanks": (table([*ROWS[:6], *[[" ", "", "\u3000", "  "]] * 99]), "too-few-rows", 7, "99 rows"),
    "rows of blanks in Shift_JIS, far away": (
        table([*JAPANESE[:6], *[["\u3000", " ", "", " "]] * 30_000]).encode("cp932"), "too-few-rows", 7, "30,000"),
    "the header again in another order": (
        table([*ROWS, ROWS[0][::-1], *ROWS[1:]]), "repeated-header", 152, "another order"),
    "the header again in another order and case, far away": (
        table([*ROWS, *ROWS[1:] * 60, ["LEFT", "id", "Plan", "days"]]), "repeated-header", 9152, "another order"),
    "the header again behind a page break": (table() + "\f" + table(), "repeated-header", 152, "repeats the header"),
    "the header again behind Ctrl-Z": (table() + "\x1a" + table(), "repeated-header", 152, "repeats the header"),
    "pages": (
        "".join(table([*ROWS[:21]]) + "\r\n" for _ in range(4)), "repeated-header", 23, "on each page"),
    "Ctrl-Z in a line of its own": (table() + "\x1a\r\n" + table(ROWS[1:]), "ctrl-z", 152, "another file"),
    "equals signs below the names": (table([ROWS[0], ["=" * 9] * 4, *ROWS[1:]]), "rule-line", 2, "sqlcmd"),
    "lines of boxes below the names": (
        table([JAPANESE[0], ["─" * 4] * 4, *JAPANESE[1:]]).encode("cp932"), "rule-line", 2, "sqlcmd"),
    "a line among the rows": (table() + "=" * 30 + "\r\n" + table(ROWS[1:]), "rule-line", 152, "between the rows"),
    "pages of SQL*Plus": (
        "".join(
            table([["id        ", "plan"], ["-" * 10] * 2, *[[f"{at:10}", "a   "] for at in range(14)]]) + "\r\n"
            for _ in range(9)
        ) + "126 rows selected.\r\n\r\n", "rule-line", 2, "SQL*Plus prints it"),
    "pages of SQL*Plus below an empty line and a prompt": (
        "SQL> select id, x from t;\r\n\r\n" + table([["id", "x"], ["--", "--"], *[["1", "2"]] * 20]), "rule-line", 4,
        "SQL*Plus"),
    "a frame of mysql": (
        "+----+---+\n| id | x |\n+----+---+\n" + "|  1 | 2, or so |\n" * 20 + "+----+---+\n20 rows in set (0.00 sec)\n",
        "rule-line", 1, "mysql"),
    "a frame of boxes": ("┌────┬───┐\n│ id │ x │\n├────┼───┤\n" + "│  1 │ 2 │\n" * 20, "rule-line", 1, "frame"),
    "a table in Markdown": ("| id | x |\n|:--:|---|\n" + "| 1 | 2 |\n" * 20, "rule-line", 2, "printed table"),
    "records of psql": ("-[ RECORD 1 ]---\nid | 1\nx  | a, b\n" * 20, "rule-line", 1, "printed table"),
    "records of mysql": ("******* 1. row *******\nid: 1\n x: a, b\n" * 20, "rule-line", 1, "printed table"),
    "rows selected": (table() + "\r\n150 rows selected.\r\n\r\nSQL> spool off\r\n", "rows-line", 153, "FEEDBACK"),
    "an answer of mysql": (table() + "Query OK, 150 rows affected (0.02 sec)\r\n", "rows-line", 152, "Query OK"),
    "a time of Hive": (table() + "Time taken: 1.2 seconds, Fetched: 150 row(s)\n", "rows-line", 152, "Time taken"),
    "the end": (table() + "[EOF]\r\n", "rows-line", 152, "[EOF]"),
    "the end in Japanese": ((table(JAPANESE) + "以上\r\n").encode("cp932"), "rows-line", 152, "以上"),
    "a total below an empty line": (
        table() + "\r\n" + table([["合計", "", "10650", ""]]), "rows-line", 153, "or the end"),
    "apostrophes around values": (
        table([[f"'{cell}, x'" for cell in row] for row in ROWS]), "single-quotes", 1, "double quotes"),
    "apostrophes around some delimiters": (
        notes(lambda at: "'a, b'" if at == 60 else "'a'"), "single-quotes", 2, "double quotes"),
    "UTF-7": (table(JAPANESE).encode("utf-7"), "encoding", 1, "UTF-7"),
    "UTF-7, far away": (
        (notes(lambda _: "x") + "1,東京,0\n2,大阪,1\n").encode("utf-7"), "encoding", 152, "東京"),
    "half a kana": (notes(lambda at: "@" if at == 99 else "x").encode().replace(b"@", b"\xe3\x81"), "encoding", 101,
                    "cut off"),
    "a traceback, one line of which has the width of a row": (
        table([row[:3] for row in ROWS]) + 'Traceback (most recent call last):\n  File "x.py", line 3, in main\n'
        "    main()\nMemoryError\n", "rows-line", 152, "export has probably failed"),
    "an answer in JSON below the table": (
        table() + '{"error":"timeout","code":504}\r\n', "rows-line", 152, "export has probably failed"),
    "a quote that opens a row and ends in the next one": (
        table([*ROWS[:60], ['"58', *ROWS[60][1:]], ["59", '"a, b, c"', "3", "1"], *ROWS[62:]]), "stray-quotes", 61,
        "in line 62,"),
    "two rows that lack their last values": (
        table([["id", "plan", "left"], *[[str(at), "a"] if at in {60, 61} else [str(at), "b", "1"] for at in range(150)]]),
        "ragged-rows", 62, "delimiter for each empty value"),
    "a header that a line break splits": (
        "id,pl\nan,days,left\r\n" + table(ROWS[1:]), "split-header", 1, '"pl\\nan"'),
    "a header that several line breaks split": (
        "id,pl\nan,da\nys,left\r\n" + table(ROWS[1:]), "split-header", 1, "ends in line 3"),
    "numbers of pages": (
        table(ROWS[:60]) + "- 1 -\r\n" + table(ROWS[60:120]) + "- 2 -\r\n" + table(ROWS[120:]), "rows-line", 61, "- 1 -"),
    "an empty line": (table([*ROWS[:60], [], *ROWS[60:]]), "ragged-rows", 61, "Remove this line"),
    "rows of one comma": (table([row[:2] for row in [*ROWS[:6], *[NO_VALUES] * 99]]), "too-few-rows", 7, "99"),
}  # fmt: skip


@pytest.mark.parametrize(("content", "rule", "line", "part"), REFUSED.values(), ids=REFUSED)
def test_a_cause_is_the_only_error(content, rule, line, part):
    errors = [finding for finding in findings_in(content) if finding.severity is Severity.ERROR]
    assert [(finding.rule, finding.line) for finding in errors] == [(rule, line)]
    assert part in said(errors[0])


WARNED = {
    "a first row of data": (
        table([[str(1000 + at), "ab"[at % 2], str(at / 2)] for at in range(99)]), "header-missing", 1, "like data"),
    "a first row of Japanese data": (table(JAPANESE[1:]), "header-missing", 1, "like data"),
    "a first row of numbers": (
        table([[f"{5 + at % 3 / 9:.2f}", f"{3 + at % 7 / 9:.2f}", f"{1 + at % 5 / 9:.2f}"] for at in range(99)]),
        "header-missing", 1, "like data"),
    "a first row of a log": (
        "".join(f"Nov 30 10:{at % 60:02}:01 host app[12]: user={at}, state {at * 7}\n" for at in range(99)),
        "header-missing", 1, "like the values below"),
    "a first row of text that comes again": (
        table([["pq"[at % 2], "xyz"[at % 3], "st"[at % 2]] for at in range(99)]), "header-missing", 1, "like data"),
    "a mark in a value": (table().replace("\n50,a", "\n50,\ufeffa"), "mark-inside", 52, "invisible"),
    "Ctrl-Z in the last value": (table()[:-2] + "\x1a", "ctrl-z", 151, "0x1A"),
    "a space before each quote": (
        table(quotes=True).replace(',"', ', "'), "space-before-quote", 1, "space"),
    "semicolons that pass": (
        "id;a, b;x\n" + "".join(f"{at};n;{at},5\n" for at in range(120)), "other-delimiter", 1, "semicolons"),
    "many rows of delimiters": (table([*ROWS, *[NO_VALUES] * 99]), "blank-rows", 152, "99 rows"),
    "a quote that swallows rows": (
        notes(lambda at: TSV_QUOTES.get(at * 10, "x")), "swallowed-rows", 7, "line 32"),
    "many rows of blanks": (table([*ROWS, *[[" "] * 4] * 99]), "blank-rows", 152, "99 rows"),
    "Ctrl-Z before a row": (table() + "\x1a" + table(ROWS[1:]), "ctrl-z", 152, "another file"),
    "a total": (table([*ROWS, ["Total", "", "10650", "75"]]), "rows-line", 152, "a total"),
    "a total of Japanese": ((table([*JAPANESE, ["合 計", "", "9", ""]])).encode("cp932"), "rows-line", 152, "a total"),
    "an end with delimiters": (table([*ROWS, ["", "EOF", "", ""]]), "rows-line", 152, "a total"),
    "apostrophes without delimiters": (
        notes(lambda _: "'ab'"), "single-quotes", 2, "double quotes"),
    "a word that may be UTF-7": (notes(lambda at: "+AOk-" if at == 9 else "x").encode(), "encoding-doubtful", 11, "UTF-7"),
    "NULL among dates": (
        notes(lambda at: "NULL" if at == 9 else f"2026-01-{at % 28 + 1:02}"), "missing-value-marker", 11, "dates"),
    "a date that means never, far away": (
        notes(lambda at: f"2026-01-{at % 28 + 1:02}") + "1,2026-01-01,0\n" * 2000 + "1,infinity,0\n",
        "missing-value-marker", 2152, "dates"),
    "a first row of whole numbers": (
        table([[str(99 - at), str(at % 7), str(at % 3 + 10), str(at % 5 + 50)] for at in range(1, 99)]),
        "header-missing", 1, "like data"),
    "JSON in lines": ("\n".join(json.dumps({"id": at, "x": "a"}) for at in range(120)), "not-a-table", 1, "JSON"),
    "escaped quotes that keep the rows' width": (
        notes(lambda _: '"a \\"b\\" c"'), "backslash-escapes", 2, '(\\")'),
    "an escaped quote at the end of a value": (
        notes(lambda at: '"disk, 5\\""' if at % 10 == 5 else '"x"'), "backslash-escapes", 7, '(\\")'),
}  # fmt: skip


@pytest.mark.parametrize(("content", "rule", "line", "part"), WARNED.values(), ids=WARNED)
def test_a_file_that_passes_otherwise_is_not_refused_for_a_cause(content, rule, line, part):
    findings = [each for each in findings_in(content) if each.rule != "row-count"]
    assert [(each.rule, each.severity, each.line) for each in findings] == [(rule, Severity.WARNING, line)]
    assert part in said(findings[0])


# Good tables that look a little like something else
GOOD = {
    "years as names": table([["shop", "2019", "2020", "2021"], *[[f"s{at}", "1.5", "7", "3"] for at in range(120)]]),
    "years alone as names": table([["2019", "2020"], *[[str(at), str(at * 2)] for at in range(120)]]),
    "numbers from 0 as names": table([["0", "1", "2"], *[[str(at % 5)] * 3 for at in range(120)]]),
    "wavelengths as names": table([["400.5", "401.0", "401.5"], *[["0.1", "0.2", str(at)] for at in range(120)]]),
    "months as names": table([["shop", "2026-01", "2026-02"], *[[f"s{at}", "1", "2"] for at in range(120)]]),
    "names in angle brackets": table([["<TICKER>", "<DATE>", "<VOL>"], *[["a", "20260101", "1"]] * 120]),
    "a name that begins with a hash": table([["#id", "plan"], *[[str(at), "x"] for at in range(120)]]),
    "text alone": table([["name", "city"], *[[f"n{'x' * (at % 7)}", f"c{'y' * (at % 5)}"] for at in range(120)]]),
    "names in brackets": "[0;1],[2;3],left\r\n" + "".join(f"{at},{at % 7},{at % 2}\r\n" for at in range(120)),
    "names in brackets with commas": "[0,1],left\r\n" + "".join(f"{at},{at % 7},{at % 2}\r\n" for at in range(120)),
    "JSON in cells": notes(lambda at: '"{""a"": ' + str(at) + ', ""b"": ""x\\""y""}"'),
    "HTML in cells": notes(lambda at: f'"<html><p>{at}, you</p></html>"'),
    "comments in cells": notes(lambda at: f'"# {at}, b"'),
    "paths that end with a backslash": notes(lambda at: f'"C:\\a, b{at}\\"'),
    "hyphens for missing values": table([ROWS[0], ["-"] * 4, *ROWS[1:]]),
    "a header-like value": table([ROWS[0], ["id", "plan", "3", "1"], *ROWS[1:]]),
    "letters of several lines": notes(lambda at: f'"Dear Sir,\n\nplease, do, come\nsoon, {at}\nand go\nKate"'),
    "the same sign in all rows": table([["id", "a|b", "left"], *[[str(at), "x|y", "1"] for at in range(120)]]),
    "lists with semicolons": notes(lambda at: f"a;b;{at}"),
    "a value of quotes": notes(lambda at: f'"{at}, """'),
    "Shift_JIS with half a backslash": table([*JAPANESE, *[["表", "1", "2", "ソ"]] * 9], quotes=True).encode("cp932"),
    "a few rows without values": table([*ROWS, NO_VALUES, NO_VALUES]),
    "a few rows of blanks": table([*ROWS, [" "] * 4, ["\u3000"] * 4]),
    "the names in capitals as classes": table([["a", "b"], *[["A", "B"], ["a", "C"]] * 60]),
    "escaped backslashes": notes(lambda _: '"a \\\\""b"""'),
    "totals in the middle": table([*ROWS[:80], ["Total", "", "3", "1"], *ROWS[80:]]),
    "a last row like others": table([["kind", "n"], *[[["Total", "Part"][at % 2], str(at)] for at in range(120)]]),
    "the last of the names": table([["name", "n"], *[[f"T{'o' * (at % 9)}", str(at)] for at in range(119)], ["Total", "7"]]),
    "apostrophes in text": notes(lambda at: "rock 'n' roll" if at % 2 else "'tis"),
    "inches and feet": notes(lambda _: "5'"),
    "masked values": table([ROWS[0], ["**"] * 4, *ROWS[1:]]),
    "signs of blood groups": notes(lambda at: ["A+", "AB-", "+", "0-"][at % 4]),
    "numbers with a plus": notes(lambda at: f"+{at}20-"),
    "names as values": table([["city", "name"], *[["Name", "City"], ["city", "x"]] * 60]),
    "Ctrl-Z for an apostrophe": notes(lambda at: f"it\x1as {at}"),
    "an unnamed index": table([["", *ROWS[0]], *[[str(at), *row] for at, row in enumerate(ROWS[1:])]]),
}  # fmt: skip
CAUSES = frozenset({each[1] for each in (*REFUSED.values(), *WARNED.values())}) - {
    "one-column",
    "missing-value-marker",
}


@pytest.mark.parametrize("content", GOOD.values(), ids=GOOD)
@pytest.mark.parametrize("limits", [Limits(), Limits(piece=11, sample=3)], ids=["whole", "in small pieces"])
def test_good_tables_have_no_cause(content, limits):
    assert [said(each) for each in findings_in(content, limits=limits) if each.rule in CAUSES] == []


WORDS = st.text(alphabet='ab#/;|\\"<{[-, =\n\t0123é日', max_size=12)


def quoted(row):
    return ",".join('"' + cell.replace('"', '""') + '"' for cell in row) + "\r\n"


@holds_for(
    37,
    150,
    st.integers(2, 4).flatmap(
        lambda width: st.lists(st.lists(WORDS, min_size=width, max_size=width), min_size=12, max_size=30)
    ),
)
@example([["a", "a\nb,c\nb,c\nb,c\n"]] * 12)
def test_no_text_in_quotes_refuses_a_good_table(rows):
    names = [["number", "text", "note", "more"][: len(rows[0])]]
    content = "".join(map(quoted, names + [[str(at), *row[1:]] for at, row in enumerate(rows)]))
    assert [said(each) for each in findings_in(content) if each.severity is Severity.ERROR] == []


def both(train, evaluation, **options):
    files = [file_of(data, name) for name, data in (("train.csv", train), ("eval.csv", evaluation))]
    return [(each.file, each.rule) for each in preflight(*files, **options).errors]


@pytest.mark.parametrize("target", [None, "left"])
def test_columns_are_not_compared_where_the_cause_is_in_one_file(target):
    assert both("Sales\n" + table(), table(), target=target) == [("train.csv", "lines-above-header")]
    assert both(table(), "Sales\n" + table(), target=target) == [("eval.csv", "lines-above-header")]


@pytest.mark.parametrize(
    ("train", "evaluation", "rules", "rule"),
    [
        (("'gold'", "'tin'"), ("gold", "tin"), {}, "single-quotes"),
        (("'gold'", "'tin'"), ("gold", "tin"), {"single-quotes": "ignore"}, "classes-spelled-otherwise"),
        (("gold", "tin"), ("GOLD", "tin"), {}, "classes-spelled-otherwise"),
    ],
)
def test_classes_in_apostrophes_are_not_said_to_be_spelled_otherwise_too(train, evaluation, rules, rule):
    files = []
    for name, classes in (("train.csv", train), ("eval.csv", evaluation)):
        data = ("id,left\n" + "".join(f"{at},{classes[at % 2]}\n" for at in range(150))).encode()
        files.append(file_of(data, name))
    said = {each.rule for each in preflight(*files, target="left", rules=rules).findings}
    assert said & {"single-quotes", "classes-spelled-otherwise"} == {rule}


def test_two_files_without_a_header_are_refused_for_that():
    rows = [[str(1000 + at), "ab"[at % 2], str(at / 2)] for at in range(99)]
    assert both(table(rows), table(rows[::-1])) == [
        ("train.csv", "header-missing"), ("eval.csv", "header-missing"),
    ]  # fmt: skip


def test_findings_that_do_not_follow_from_a_cause_are_still_reported():
    content = table([*ROWS[:80], *ROWS]) + "1,2\r\n"
    rules = [each.rule for each in findings_in(content, target="gone") if each.severity is Severity.ERROR]
    assert sorted(rules) == ["ragged-rows", "repeated-header", "target-missing"]


@pytest.mark.parametrize("delimiter", [";", "\t", "|"])
def test_a_header_of_one_column_is_not_said_to_lack_the_target_too(delimiter):
    other = table(delimiter=delimiter)
    assert both(other, other, target="left") == [("train.csv", "one-column"), ("eval.csv", "one-column")]
    assert both(table(), other, target="left") == [("eval.csv", "one-column")]
    assert both(other, other, target="left", accepted={"one-column"}) == []


def test_quotes_behind_spaces_in_the_header_are_not_said_to_lack_the_target_too():
    spaced = table(quotes=True).replace(',"', ', "')
    assert both(spaced, table(), target="left") == [("train.csv", "space-before-quote")]
    assert both(table(), spaced, target="left") == [("eval.csv", "space-before-quote")]
    assert both(spaced, spaced, target="left") == [
        ("train.csv", "space-before-quote"), ("eval.csv", "space-before-quote"),
    ]  # fmt: skip


def test_names_that_are_padded_above_hyphens_are_not_said_to_lack_the_target_too():
    padded = [[cell.ljust(12) for cell in row] for row in [ROWS[0], ["-" * 12] * 4, *ROWS[1:]]]
    errors = [each for each in findings_in(table(padded), target="left") if each.severity is Severity.ERROR]
    assert [(each.rule, each.line) for each in errors] == [("rule-line", 2)]


def test_a_quote_in_a_tsv_is_said_to_open_a_value():
    content = notes(lambda at: {20: '"Alpha', 22: '"Beta'}.get(at, "x"), delimiter="\t")
    assert [(each.rule, each.line) for each in findings_in(content, "t.tsv")] == [("swallowed-rows", 22)]
    open_one = notes(lambda at: '"Alpha' if at == 20 else "x", delimiter="\t")
    (finding,) = [each for each in findings_in(open_one, "t.tsv") if each.severity is Severity.ERROR]
    assert (finding.rule, finding.line) == ("unclosed-quote", 22)
    assert "Leave quotes out of tab-separated values" in said(finding)


@pytest.mark.parametrize(
    ("values", "among"),
    [
        (["1", "NULL"], "NULL"), (["1", "0", "NaN"], "NaN"), (["1", "0", "-"], "-"), (["yes", "no", "N/A"], "N/A"),
        (["yes", "no", "-"], None), (["yes", "no", "unknown"], None), (["yes", "no"], None),
    ],
)  # fmt: skip
def test_a_class_that_means_a_missing_value_is_told_of_and_counts_as_the_service_counts_it(values, among):
    content = "".join(["id,x,left\n", *(f"{at},a,{values[at % len(values)]}\n" for at in range(150))])
    findings = findings_in(content, target="left")
    assert [each.rule for each in findings] == (["missing-value-marker"] if among else [])
    assert all(f'"{among}"' in said(each) and "as a class" in said(each) for each in findings)


def test_evaluation_data_without_rows_has_the_services_own_words_for_it():
    for content in ("id,plan,days,left\r\n", table([ROWS[0], *[NO_VALUES] * 3])):
        files = [file_of(data, "t.csv", "utf-8") for data in (table(), content)]
        (finding,) = preflight(*files).errors
        assert finding.rule == "evaluation-empty"
        assert finding.service_message is None
        assert finding.service_message_ja == "データ数が少ないため、評価処理が実行できません"


@pytest.mark.parametrize("last", ["x", "total"])
def test_rows_that_are_wider_than_what_is_kept_of_them_are_compared_as_far_as_that_goes(last):
    columns = [*["a"] * 1_100, ""]
    rows = "".join(",".join(columns[1:]) + f",{end}\n" for end in [*["b"] * 30, ""])
    rules = [each.rule for each in findings_in(",".join(columns) + "\n" + rows + "," * 1_100 + last + "\n")]
    assert "too-many-columns" in rules


@pytest.mark.parametrize("end", ["114", "114\r\n", "\r\n", "\r\n\r\n", "\r\n9,b\r\n", "more of a text\r\n"])
def test_a_row_that_is_cut_is_no_note_below_the_table(end):
    assert "rows-line" not in [each.rule for each in findings_in(table() + end)]


def test_the_service_says_nothing_of_a_total_that_has_all_columns():
    (fits,) = findings_in(table([*ROWS, ["Total", "", "10650", "75"]]))
    (set_apart,) = findings_in(table() + "\r\n" + table([["合計", "", "10650", ""]]))
    assert fits.rule == set_apart.rule == "rows-line"
    assert fits.service_message is None
    assert set_apart.service_message == "rows with a different number of variables"


def test_what_the_owner_does_not_mind_needs_no_cause():
    content = "Sales\r\n" + table()
    assert not [
        each
        for each in findings_in("#TYPE a\n" + table(), rules={"type-line": "ignore"})
        if each.rule == "type-line"
    ]
    rules = {each.rule for each in findings_in(content, rules={"lines-above-header": "ignore"})}
    assert {"one-column", "ragged-rows"} & rules


MANY = 60_000
BUSY = {
    "a long name": b"a" * MANY + b",b\n" + b"1,2\n" * 20,
    "hyphens": b"name\n" + b"-" * MANY + b"x\n" + b"1\n" * 20,
    "a separator's line": b"sep=" + b"\t" * MANY + b"x\na,b\n" + b"1,2\n" * 20,
    "a pointer of git-annex": b"/annex/objects/" * MANY + b" x\n" + b"1,2\n" * 20,
    "a title of spaces": b"<html><title>" + b" " * MANY + b"\n",
    "many titles": b"<html>" + b"<title>" * MANY + b"\n",
    "a sender": b"To: b\nDate: c\nSubject: x\nFrom " + b"@" * MANY + b"\n\n",
    "lists in lists": b"[" * MANY,
    "objects in objects": b'{"a":' * MANY + b"\n",
    "a line of lists": b"[" * MANY + b"]" * MANY + b"\n",
    "apostrophes": b"a,b\n" + b"1,'x\n" * 20_000 + b"1\n",
    "apostrophes in one value": b"a,b\n1,'" + b"'" * MANY + b"x\n",
    "apostrophes that open and do not close": b"a,b\n" + b",'" * MANY + b"\n",
    "signs of a rule": b"a\n" + b"-=+| " * (MANY // 5) + b"x\n1\n",
    "stars of a record": b"*" * MANY + b" 1. x\n",
    "a prompt": b"\n" + b"SQL" * MANY + b"\n--\n",
    "a count below": table().encode() + b"\r\n" + b"1" * MANY + b" " * MANY + b"x\r\n",
    "signs below": table().encode() + b"\r\n" + b"-" * MANY + b"x\r\n",
    "a total of signs": b"a,b\n" + b"1,2\n" * 20 + b"-" * 3_000 + b"total" + b"-" * 900 + b"x,\n",
    "names like a row of blanks": b"a,b\n" + (b" " * 999 + b"," + b" " * 999 + b"x\n") * 60,
    "plus signs": b"a,b\n" + b"+" * MANY + b"," + b"+A" * MANY + b"\n" + b"1,2\n" * 20,
}


@pytest.fixture
def limited():
    """Fail beyond two seconds of CPU time. The tests are written for expressions that would outlive us."""

    def end(*_):
        pytest.fail("it is busy without end")

    before = signal.signal(signal.SIGVTALRM, end)
    signal.setitimer(signal.ITIMER_VIRTUAL, 2)
    yield
    signal.setitimer(signal.ITIMER_VIRTUAL, 0)
    signal.signal(signal.SIGVTALRM, before)


@pytest.mark.usefixtures("limited")
@pytest.mark.parametrize("content", BUSY.values(), ids=BUSY)
def test_no_text_keeps_an_expression_busy(content):
    assert findings_in(MARK + content)
