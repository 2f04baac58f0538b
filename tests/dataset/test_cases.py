"""Files as people really make them, each with the right verdict: one finding that names the cause.

The data is made up, after public reports; the comments name them.
"""

import re
from dataclasses import dataclass
from pathlib import Path

import pytest

from retraind.dataset.preflight import SourceFile, preflight
from retraind.domain.problems import Finding, Severity
from retraind.report.wording import Voice

CASES = Path(__file__).with_name("cases")
ERROR, WARNING = Severity.ERROR, Severity.WARNING


@dataclass(frozen=True)
class Expected:
    """The one finding in one of the files."""

    severity: Severity
    line: int | None = None
    """None where the finding is about no line."""
    says: tuple[str, ...] = ()
    """What names the cause or the remedy."""
    rule: str | None = None
    evaluation: bool = False
    anywhere: bool = False
    """The line is whichever the rule chooses."""


@dataclass(frozen=True)
class Case:
    """A delivery, and what has to be found in it."""

    files: tuple[str, ...]
    """The training file and, if there is one, the evaluation file, in a folder of `cases`."""
    expected: tuple[Expected, ...] = ()
    """Nothing: it passes without an error."""
    target: str | None = None

    @property
    def name(self) -> str:
        """What the case is called in the list of tests."""
        return self.files[0].rpartition(".")[0]


def error(line: int | None, *says: str, rule: str | None = None, evaluation: bool = False) -> Expected:
    return Expected(ERROR, line, says, rule, evaluation)


def warning(line: int | None, *says: str, rule: str | None = None, evaluation: bool = False) -> Expected:
    return Expected(WARNING, line, says, rule, evaluation)


TABLE = (
    # polygonplanet/encoding.js#12
    Case(("01-cp1252-as-sjis/excel_fr.csv",), (error(1, "Windows-1252", rule="encoding"),)),
    Case(("01-cp1252-as-sjis/logger.csv",), (error(1, "Windows-1252", rule="encoding"),)),
    # whatwg/encoding#157
    Case(("02-eucjp-as-sjis/eucjp.csv",), (error(1, "EUC-JP", rule="encoding"),)),
    # MyCometG3/QLStephenSwift#19
    Case(("03-iso2022jp-as-ascii/jis_ok.csv",), (error(1, "ISO-2022-JP", rule="encoding"),)),
    # oracle/python-cx_Oracle#411
    Case(("05-cut-utf8-as-sjis/cut.csv",), (error(22, "UTF-8", rule="encoding"),)),
    # suer/redmine_export_with_journals#3: the name has an IBM kanji
    Case(("06-ibm-kanji-target/taka.csv",), target="髙値"),
    # microsoft/AzureStorageExplorer#3136
    Case(("07-rows-of-commas/train.csv",), (error(7, "delimiters only", rule="too-few-rows"),)),
    Case(
        ("07-rows-of-commas/train.csv", "07-rows-of-commas/eval.csv"),
        (error(7, rule="too-few-rows"), error(2, rule="evaluation-empty", evaluation=True)),
    ),
    # alteryx/evalml#889
    Case(("08-one-class/train.csv",), (error(None, "yes", rule="target-one-value"),), target="left"),
    # DataZooDE/erpl#22
    Case(("09-high-dates/dashes.csv",), (Expected(WARNING, rule="date-range", anywhere=True),)),
    Case(
        ("09-high-dates/dots.csv",), (Expected(WARNING, rule="date-form", says=("valid_to",), anywhere=True),)
    ),
    # svenvc/NeoCSV#10
    Case(("10-title-lines/title.csv",), (error(1, "line 2", rule="lines-above-header"),)),
    Case(("10-title-lines/comment.csv",), (error(1, "line 2", rule="lines-above-header"),)),
    Case(("10-title-lines/padded.csv",), (error(1, "line 3", rule="lines-above-header"),)),
    # PowerShell/PowerShell#5131
    Case(("11-powershell-type-line/train.csv",), (error(1, "-NoTypeInformation", rule="type-line"),)),
    # IATI/ckanext-iati#370
    Case(("12-not-a-table/login.csv",), (error(1, "HTML", rule="not-a-table"),)),
    Case(("12-not-a-table/pointer.csv",), (error(1, "LFS", rule="not-a-table"),)),
    # Quartz/bad-data-guide#40
    Case(("14-ctrl-z/train.csv",), (error(122, "0x1A", rule="ctrl-z"),)),
    # ClickHouse/ClickHouse#10624
    Case(("15-backslash-quotes/train.csv",), (error(2, '\\"', rule="backslash-escapes"),)),
    # wpninjas/ninja-forms#2404
    Case(("16-repeated-header/train.csv",), (error(602, "header", rule="repeated-header"),)),
    # saulpw/visidata#1711
    Case(("17-second-bom/double.csv",), (error(1, "byte order mark", rule="second-mark"),)),
    # h2oai/wave-h2o-automl#6
    Case(("18-no-header/train.csv",), (warning(1, "column names", rule="header-missing"),)),
    # mholt/PapaParse#600
    Case(("19-semicolons/told_wrong.csv",), (error(1, "semicolons", rule="other-delimiter"),)),
    # tarql/tarql#45
    Case(("20-tsv-quotes/train.tsv",), (warning(102, "702", rule="swallowed-rows"),)),
    # EC-CUBE/ec-cube#5252
    Case(("30-sjis-backslash/sjis.csv",)),
    # microsoft/go-sqlcmd#620
    Case(("42-sqlcmd-dashes/train.csv",), (error(2, "hyphens", rule="rule-line"),), target="left"),
    Case(
        ("42-sqlcmd-dashes/train.csv", "42-sqlcmd-dashes/eval.csv"),
        (error(2, "hyphens", rule="rule-line"), error(2, "hyphens", evaluation=True, rule="rule-line")),
        target="left",
    ),
    Case(
        ("46-target-name-nearly/blank_behind.csv",),
        (error(1, '"left "', rule="target-missing"),),
        target="left",
    ),
    # OpenTreeMap/otm-core#2532
    Case(
        ("46-target-name-nearly/nbsp.csv",),
        (error(1, "no-break space", rule="target-missing"),),
        target="left",
    ),
    # odoo#18798
    Case(
        ("47-numbers-with-signs/percent.csv",),
        (error(2, "percent", rule="target-notation"),),
        target="amount",
    ),
    Case(
        ("47-numbers-with-signs/thousands.csv",),
        (error(2, "thousands", rule="target-notation"),),
        target="amount",
    ),
    Case(
        ("47-numbers-with-signs/trailing_minus.csv",),
        (error(2, "minus", rule="target-notation"),),
        target="amount",
    ),
    # biolab/orange3-prototypes#177
    Case(
        ("48-nan-in-target/train_nan.csv", "48-nan-in-target/eval_nan.csv"),
        (
            error(2, "NaN", rule="too-many-classes"),
            error(7, "NaN", rule="target-not-numeric", evaluation=True),
        ),
        target="amount",
    ),
    # 18F/data-act-pilot#166
    Case(
        ("49-classes-spelled-otherwise/train_true.csv", "49-classes-spelled-otherwise/eval_true.csv"),
        (warning(2, '"TRUE"', '"True"', evaluation=True, rule="classes-spelled-otherwise"),),
        target="left",
    ),
    # apple/turicreate#1617
    Case(
        ("56-evaluation-without-answers/train_1.csv", "56-evaluation-without-answers/eval_1.csv"),
        (error(None, "left", evaluation=True, rule="evaluation-without-answers"),),
        target="left",
    ),
)


def source(name: str) -> SourceFile:
    path = CASES / name
    return SourceFile(path.name, lambda: path.open("rb"))


def fits(finding: Finding, expected: Expected, case: Case) -> bool:
    file, words = source(case.files[-1 if expected.evaluation else 0]), Voice().finding_words(finding)
    said = f"{words.what} {words.remedy}"
    return (
        finding.severity is expected.severity
        and finding.file == file.name
        and (expected.anywhere or finding.line == expected.line)
        and expected.rule in {None, finding.rule}
        and all(part in said for part in expected.says)
    )


@pytest.mark.parametrize(
    "case",
    [
        pytest.param(
            case,
            id=f"{case.name}{'+eval' if len(case.files) > 1 else ''}",
        )
        for case in TABLE
    ],
)
def test_a_file_of_real_life_gets_the_one_finding_that_names_its_cause(case):
    result = preflight(*map(source, case.files), target=case.target)
    said = [f"{each.rule} {each.severity}: {Voice().finding(each)}" for each in result.findings]
    assert len(result.errors) == sum(each.severity is ERROR for each in case.expected), said
    for expected in case.expected:
        assert sum(fits(finding, expected, case) for finding in result.findings) == 1, (expected, said)


VALUE, NUMBER, LATIN = re.compile(r"「[^」]*」"), re.compile(r"\d+(?:,\d{3})*"), re.compile(r"[A-Za-z]{2,}")
NAMES = {
    "ASCII", "BOM", "CESU", "CSV", "ClickHouse", "Ctrl", "ESCAPED", "BY", "EUC", "Excel", "Export", "Csv", "ConvertTo",
    "FEFF", "GBK", "Git", "LFS", "HTML", "HEADER", "ISO", "Invoke", "JP", "JSON", "JIS", "Mac", "MySQL", "NOCOUNT", "ON", "SET",
    "NoTypeInformation", "NUL", "PowerShell", "Python", "Roman", "SQL", "Shift", "Spark", "Sqlcmd", "True", "Unicode",
    "UTF", "Web", "Windows", "XML", "YYYY", "MM", "MARKUP", "FEEDBACK", "OFF", "PAGESIZE", "Plus", "mysql", "DD", "hh", "mm", "ss", "CR", "LF", "copy", "csv", "tsv",
    "doublequote", "escape", "escapechar", "footer", "newline", "off", "pandas", "prediction", "type", "pset", "psql",
    "regression", "retraind", "sig", "sqlcmd", "target", "utf",
}  # fmt: skip
"""Of programs, formats, options and settings: they are the same in each language."""


@pytest.mark.parametrize("case", [pytest.param(case, id=str(case.files)) for case in TABLE])
def test_a_finding_in_japanese_has_the_values_of_the_english_one_and_no_english_word(case):
    for finding in preflight(*map(source, case.files), target=case.target).findings:
        words, english = Voice(language="ja").finding_words(finding), Voice().finding_words(finding)
        for text, original in ((words.what, english.what), (words.remedy, english.remedy)):
            assert set(LATIN.findall(VALUE.sub("", text.replace(finding.file, "")))) - NAMES == set()
            assert original == "" or text.endswith("。")
        told = f"{words.what}{words.remedy}"
        assert set(NUMBER.findall(f"{english.what} {english.remedy}")) <= set(NUMBER.findall(told))


def test_every_folder_is_in_the_table():
    # The pieces of an unload are judged by their names, in tests/intake/test_pieces.py.
    told = {Path(file).parts[0] for case in TABLE for file in case.files} | {"40-unload-shards"}
    assert told == {path.name for path in CASES.iterdir()}
    files = {file for case in TABLE for file in case.files}
    data = {str(path.relative_to(CASES)) for path in CASES.glob("*/*") if path.suffix in {".csv", ".tsv"}}
    pieces = {path for path in data if path.startswith("40-")}
    assert data - pieces == files
