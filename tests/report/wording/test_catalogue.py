"""Each code that the source names has its wording, with just its facts; and no wording is without use."""

import ast
import re
from collections.abc import Iterator
from datetime import datetime, timedelta
from functools import cache
from pathlib import Path
from typing import Any, NamedTuple

import jinja2
import pytest

import retraind
from retraind.report.wording.catalogue import COMMANDS_ONLY, LANGUAGES, catalogue
from support.source import dotted

SOURCE = Path(retraind.__file__).parent
MAKERS = re.compile(
    r"problem|print_words|Mistake|_matching|_Row|(.*\.)?_?(voice|about)\.(label|notice)|(file|evaluation)\.(error|warning)"
)
"""Calls whose first argument is a code: of a problem, of a label, of a notification, of a finding."""
GIVEN = {"details", "service", "line", "column", "when"}
"""Keywords of these calls that are no facts."""
KNOWN = {"model", "job", "line", "column"}
"""What a voice adds: facts that its reader knows, and a finding's place."""


class Use(NamedTuple):
    code: str
    facts: frozenset[str]
    open: bool
    """Further facts come as a mapping."""
    where: str


TEMPLATES = SOURCE / "page" / "templates"


def uses_in_templates() -> Iterator[Use]:
    for path in TEMPLATES.glob("*.html"):
        tree = jinja2.Environment().parse(path.read_text("utf-8"))
        for call in tree.find_all(jinja2.nodes.Call):
            if isinstance(call.node, jinja2.nodes.Name) and call.node.name == "say":
                facts = frozenset(each.key for each in call.kwargs)
                (code,) = call.args
                yield Use(code.value, facts, open=False, where=f"{path.name}:{call.lineno}")


@cache
def nodes() -> tuple[tuple[Path, tuple[ast.AST, ...]], ...]:
    """Return what the source consists of, by file, but for the wording itself."""
    return tuple(
        (path, tuple(ast.walk(ast.parse(path.read_text("utf-8")))))
        for path in SOURCE.rglob("*.py")
        if "wording" not in path.parts
    )


@cache
def uses() -> tuple[Use, ...]:
    return (*uses_in_templates(), *uses_in_modules())


def uses_in_modules() -> Iterator[Use]:
    for path, parts in nodes():
        if "emulator" in path.relative_to(SOURCE).parts:
            continue
        for call in parts:
            if not isinstance(call, ast.Call) or not call.args:
                continue
            if not MAKERS.fullmatch(dotted(call.func)):
                continue
            codes = [node.value for node in ast.walk(call.args[0]) if isinstance(node, ast.Constant)]
            for code in codes:
                if isinstance(code, str) and code.replace("-", "_").isidentifier():
                    facts = frozenset(each.arg for each in call.keywords if each.arg) - GIVEN
                    if dotted(call.func) == "_Row":
                        facts -= {"good"}
                    mapping = any(each.arg is None for each in call.keywords) or len(call.args) > 1
                    where = f"{path.relative_to(SOURCE)}:{call.lineno}"
                    yield Use(code.replace("-", "_"), facts, mapping, where)


def test_each_code_has_its_wording_with_just_its_facts():
    english = catalogue("en")
    wrong = []
    for use in uses():
        entry = english.get(use.code)
        if entry is None:
            wrong.append(f"{use.where}: {use.code} has no wording")
            continue
        wanted = set(entry.parameters) - KNOWN
        missing = set() if use.open else wanted - use.facts - entry.optional
        extra = use.facts - set(entry.parameters)
        if missing or extra:
            wrong.append(f"{use.where}: {use.code} lacks {sorted(missing)}, has besides {sorted(extra)}")
    assert wrong == []


def test_what_happens_to_data_has_no_wording_for_commands_only_which_other_languages_lack():
    packages = ("jobs", "api", "dataset", "intake", "bundle", "config")
    english = catalogue("en")
    named = {use.code for use in uses() if use.where.startswith(packages)}
    assert {code for code in named if english[code].module in COMMANDS_ONLY} == set()


INSIDE = {
    "finding_line",
    "left_to_operator",
    "legacy_hidden",
    "of_a_newer_version",
    "on_the_machine",
    "unreadable_address",
    "code_named",
}
"""Said by the wording itself."""


@pytest.mark.parametrize("template", sorted(TEMPLATES.glob("*.html")), ids=lambda path: path.name)
def test_templates_have_no_words_of_their_own(template):
    tree = jinja2.Environment().parse(template.read_text("utf-8"))
    markup = "".join(data.data for data in tree.find_all(jinja2.nodes.TemplateData))
    text = re.sub(r"<!?/?[a-z][^<>]*>", " ", re.sub(r'"[^"]*"', '""', markup), flags=re.IGNORECASE)
    names = {"retraind", "report.json"}
    assert set(re.findall(r"[^\W\d_][\w.]*", text)) - names == set()


def test_nothing_is_worded_in_vain():
    named = {use.code for use in uses()} | INSIDE
    texts = {
        node.value.replace("-", "_")
        for _, parts in nodes()
        for node in parts
        if isinstance(node, ast.Constant) and isinstance(node.value, str)
    }
    assert sorted(set(catalogue("en")) - named - texts) == []


@pytest.mark.parametrize("language", LANGUAGES)
def test_every_fact_has_a_type(language):
    for code, entry in catalogue(language).items():
        for name, kind in entry.parameters.items():
            assert kind is not Any, (code, name)
            assert kind not in {datetime | str, timedelta | str}, (code, name)
