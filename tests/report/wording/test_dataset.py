"""What people read of findings, whatever their facts are."""

import ast
import io
import re
from pathlib import Path
from types import NoneType
from typing import Any, get_args, get_origin

import pytest
from hypothesis import strategies as st

import retraind.dataset
from retraind.dataset.preflight import PreviousDelivery, SourceFile, preflight
from retraind.dataset.reader.table import FileKind
from retraind.domain.problems import Finding, Severity
from retraind.report.wording import Name, Voice, catalogue
from support.source import dotted
from support.variants import holds_for

RULES = sorted(
    call.args[0].value
    for path in (Path(retraind.dataset.__file__).parent / "rules").glob("*.py")
    for call in ast.walk(ast.parse(path.read_text("utf-8")))
    if isinstance(call, ast.Call) and re.search(r"\.(error|warning)$", dotted(call.func))
)
BAD_CHARACTERS = "a\n\r\t\0\x07\x1b\x85\u202e\u2028\u3000\u0301\U000e0001\"'\\,.;日é"
TEXTS = st.text(st.sampled_from(BAD_CHARACTERS), max_size=60) | st.text(max_size=60)
NUMBERS = st.integers(0, 2**53)


@st.composite
def findings(draw: st.DrawFn, rule: str) -> Finding:
    entry = catalogue("en")[rule.replace("-", "_")]
    facts = {
        name: draw(strategy(kind))
        for name, kind in entry.parameters.items()
        if name not in entry.optional or draw(st.booleans())
    }
    return Finding(
        rule=rule,
        severity=draw(st.sampled_from(Severity)),
        file=draw(TEXTS),
        line=draw(st.none() | NUMBERS),
        column=facts.pop("column", None),
        facts=facts,
        service_message=draw(st.none() | TEXTS),
        service_message_ja=draw(st.none() | TEXTS),
    )


def strategy(kind: Any) -> st.SearchStrategy:
    """Return values of a fact's type, with texts as bad as they can be."""
    plain = {str: TEXTS, Name: TEXTS, bool: st.booleans(), int: NUMBERS, NoneType: st.none()}
    if kind in plain:
        return plain[kind]
    kinds = get_args(kind)
    if get_origin(kind) is not tuple:
        return st.one_of(*map(strategy, kinds))
    if kinds[-1] is Ellipsis:
        return st.lists(strategy(kinds[0]), max_size=6).map(tuple)
    return st.tuples(*map(strategy, kinds))


def is_safe(text: str) -> bool:
    return all(char.isprintable() or char == "\u3000" for char in text)


@pytest.mark.parametrize("rule", RULES)
@holds_for(5, 15, data=st.data())
def test_a_finding_of_any_rule_can_be_read_safely_whatever_its_facts_are(rule, data):
    finding = data.draw(findings(rule))
    kept = Finding.from_json(finding.as_json())
    text = Voice().finding(kept)
    assert text == Voice().finding(finding)
    assert is_safe(text), text


CELLS = st.sampled_from(
    ["", "a", "A", "2024-01-01", "0001-01-01", "sep=", '"', "5", "\x1b[31m", "\u202e", "日", "\0"]
)
TABLES = st.lists(st.lists(CELLS, max_size=4).map(",".join), max_size=14).map("\n".join)


OPTIONS = st.fixed_dictionaries(
    {
        "previous": st.lists(CELLS, min_size=1).map(
            lambda names: PreviousDelivery("a job", tuple(names), 30)
        ),
        "target": st.none() | CELLS,
        "adds_bom": st.booleans(),
    }
)


@holds_for(
    26,
    80,
    train=TABLES,
    evaluation=TABLES,
    encoding=st.sampled_from(["utf-8", "utf-8-sig", "cp932", "utf-16"]),
    extension=st.sampled_from([".csv", ".tsv", ".\x1bx", ""]),
    options=OPTIONS,
)
def test_findings_about_any_files_can_be_stored_and_read(train, evaluation, encoding, extension, options):
    contents = [content.encode(encoding, "ignore") for content in (train, evaluation)]
    sources = [
        SourceFile(f"{role}\x07{extension}", lambda content=content: io.BytesIO(content))
        for role, content in zip(("train", "eval"), contents, strict=True)
    ]
    for finding in preflight(*sources, **options).findings:
        kept = Finding.from_json(finding.as_json())
        assert kept == finding
        assert is_safe(Voice().finding(kept))


@pytest.mark.parametrize("kind", FileKind)
def test_every_kind_of_file_has_a_name(kind):
    finding = Finding(rule="not-text", facts={"kind": kind.value, "extension": ".csv", "paired": False})
    assert "a binary file" not in Voice().finding(finding)


@pytest.mark.parametrize(
    ("kind", "todo"),
    [
        ("gzip", ("Decompress it", "展開（解凍）")),
        ("office", ("in Excel: CSV UTF-8", "「CSV UTF-8（コンマ区切り）」")),
        ("pdf", ("Save or export", "エクスポート")),
    ],
)
def test_what_is_no_text_has_a_remedy_of_its_kind(kind, todo):
    finding = Finding(rule="not-text", facts={"kind": kind, "extension": ".csv", "paired": False})
    for language, words in zip(("en", "ja"), todo, strict=True):
        assert words in Voice(language=language).finding(finding)


def test_in_japanese_columns_are_told_by_name_or_place_each_as_what_it_is():
    facts = {"column": 1, "value": "id", "others": (), "among": "numbers", "total": 4}
    told = [
        Voice(language="ja").finding(Finding(rule="rare-text", facts=facts | {"columns": columns}))
        for columns in [(1, "a", "b", 4), (1, 3, "a", 4)]
    ]
    assert "項目「a」、「b」、4列目も同様です。" in told[0]
    assert "3列目、項目「a」、4列目も同様です。" in told[1]


def test_in_japanese_further_values_follow_the_first_one():
    facts = {"column": "y", "value": "0%", "notations": ("percent",), "paired": False}
    others = ((3, "1%"), (4, "2%"))
    told = Voice(language="ja").finding(Finding(rule="target-notation", facts=facts | {"others": others}))
    assert "数値「0%」（ほかに3行目の「1%」、4行目の「2%」）が含まれているため、" in told
