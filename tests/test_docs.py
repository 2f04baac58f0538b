"""The documents say what the code does: tables, schema, examples, commands and links.

Run as a program, this file rewrites docs/report.schema.json.
"""

import ast
import json
import os
import re
import shlex
import subprocess
import sys
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from functools import cache
from pathlib import Path
from typing import Any

import jsonschema
import pytest

from retraind.cli.arguments import parser
from retraind.cli.output import BAD
from retraind.config.load import load
from retraind.config.settings import ModelSettings, SweepSettings
from retraind.daemon import Daemon
from retraind.dataset.rules import service_messages
from retraind.dataset.rules.service_messages import Concern
from retraind.demo.data import bad_delivery, good_delivery
from retraind.demo.show import STORY
from retraind.domain.data_rules import FIXED, RULES
from retraind.domain.job import LIFE, Outcome, State
from retraind.emulator import EmulatedModel, Emulator, EmulatorConfig
from retraind.intake.drop_folder import DropFolder
from retraind.report.report_json import Report
from retraind.report.wording import Voice
from support.clock import ManualClock
from support.source import dotted

ROOT = Path(__file__).parents[1]
DOCS = ROOT / "docs"
SCHEMA = DOCS / "report.schema.json"
SOURCE = ROOT / "daemon" / "retraind"
PAGES = sorted([*ROOT.glob("*.md"), *DOCS.rglob("*.md")])


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_no_line_of_prose_is_longer_than_a_line_of_code(page):
    prose = re.sub(r"^```.*?^```", "", page.read_text("utf-8"), flags=re.DOTALL | re.MULTILINE)
    assert [line for line in prose.splitlines() if len(line) > 110 and not line.startswith("|")] == []


def rows(page: Path, heading: str) -> list[list[str]]:
    """Return the cells of the first table under a heading, without its head."""
    _, _, after = page.read_text("utf-8").partition(f"\n## {heading}\n")
    assert after, f"{page.name} has no heading {heading!r}"
    lines = re.findall(r"^\|.*\|$", after.split("\n## ")[0], flags=re.MULTILINE)
    return [[cell.strip().strip("`") for cell in line.strip("|").split("|")] for line in lines[2:]]


def blocks(page: Path, language: str) -> list[str]:
    return re.findall(rf"^```{language}\n(.*?)^```$", page.read_text("utf-8"), flags=re.MULTILINE | re.DOTALL)


# Tables


def test_the_table_of_a_jobs_life_is_the_code_s():
    told = {
        state: (step or None, frozenset(filter(None, after.replace("`", "").split(", "))))
        for state, step, after, _ in rows(DOCS / "architecture.md", "The life of a job")
    }
    assert told == {
        state.value: (stage.step, frozenset(each.value for each in stage.next))
        for state, stage in LIFE.items()
    }


def test_every_outcome_is_explained():
    assert {row[0] for row in rows(DOCS / "operations.md", "Outcomes")} == {each.value for each in Outcome}


_TELLS = re.compile(
    r"_LOG\.(debug|info|warning|error|exception|critical)|Go|Write|not_switched"
    r"|(\w+\.)?_?journal\.(jobs|events)\.(add|write|write_each|note|note_change)"
    r"|self\._?events\.append|self\.append|self\.note|self\.(trainings\.)?uploaded|_written|self\._events\.note"
)
"""The calls that write a line of the log or of a job's history; the event is their first text."""


def events_in(source: str) -> Iterator[str]:
    for node in ast.walk(ast.parse(source)):
        found: list[ast.expr] = []
        match node:
            case ast.Call() if _TELLS.fullmatch(dotted(node.func)):
                found = node.args
            case ast.keyword(arg="event") | ast.Assign(targets=[ast.Name("event")]):
                found = [node.value]
        for argument in found:
            if not isinstance(argument, ast.Constant | ast.IfExp):
                continue
            texts = [each.value for each in ast.walk(argument) if isinstance(each, ast.Constant)]
            if events := [text for text in texts if isinstance(text, str)]:
                yield from events
                break


def test_every_event_is_explained():
    told = [row[0] for row in rows(DOCS / "operations.md", "Log and history events")]
    assert len(told) == len(set(told))
    logged = {
        event
        for path in SOURCE.rglob("*.py")
        if not {"emulator", "demo", "migrations"} & set(path.relative_to(SOURCE).parts)
        for event in events_in(path.read_text("utf-8"))
    }
    assert {"ready", "delivery_sealed", "retry", "upload_complete", "switch_asked", "model_held"} <= logged
    assert set(told) == logged


def findings_in(source: str) -> Iterator[tuple[str, str, str]]:
    """Yield rule, severity and the service's words of each finding that the code can make."""
    for call in ast.walk(ast.parse(source)):
        if not isinstance(call, ast.Call) or not re.search(r"\.(error|warning)$", dotted(call.func)):
            continue
        said = next(
            (
                vars(service_messages)[each.id]
                for word in call.keywords
                if word.arg == "service"
                for each in ast.walk(word.value)
                if isinstance(each, ast.Name) and each.id in vars(service_messages)
            ),
            None,
        )
        words = (said.english or said.japanese) if said else ""
        yield ast.literal_eval(call.args[0]), dotted(call.func).rpartition(".")[2], words


def test_every_rule_for_data_is_explained():
    told = [(rule, kind, words) for rule, _, kind, words in rows(DOCS / "data-rules.md", "The rules")]
    made = {
        finding
        for path in (SOURCE / "dataset" / "rules").rglob("*.py")
        for finding in findings_in(path.read_text("utf-8"))
    }
    assert len(told) == len(set(told))
    assert set(told) == made


def test_every_rule_for_data_can_be_named_in_the_configuration():
    told = [rule for rule, *_ in rows(DOCS / "data-rules.md", "The rules")]
    assert set(RULES) == set(told), "add it to domain/data_rules.py"
    assert len(RULES) == len(set(RULES))
    fixed = (DOCS / "data-rules.md").read_text("utf-8").partition("\nNobody can overrule ")[2]
    assert set(re.findall(r"`([a-z0-9-]+)`", fixed.partition(":")[0])) == FIXED <= set(RULES)


def test_every_message_of_the_service_is_explained():
    told = [tuple(row) for row in rows(DOCS / "data-rules.md", "The service's messages")]
    meanings = {
        Concern.DATA: "the data is at fault",
        Concern.ACCOUNT: "the model is held",
        Concern.SERVICE: "the service is at fault",
    }
    assert told == [
        (
            each.number or "",
            each.english or "",
            each.japanese or "",
            meanings[each.concern],
        )
        for each in service_messages.MESSAGES
    ]


def test_every_command_is_in_the_readme():
    (commands,) = (action for action in parser()._actions if action.dest == "command" or action.choices)
    told = " ".join(row[0] for row in rows(ROOT / "README.md", "Commands and exit codes"))
    assert [name for name in commands.choices if not re.search(rf"\b{name}\b", told)] == []


# The schema of report.json


def schema() -> str:
    made = {"$schema": "https://json-schema.org/draft/2020-12/schema"} | Report.model_json_schema(
        mode="serialization"
    )
    return json.dumps(made, indent=2) + "\n"


def test_the_schema_of_the_report_is_the_code_s():
    assert SCHEMA.read_text("utf-8") == schema(), "run: .venv/bin/python tests/test_docs.py"


def test_real_reports_keep_the_schema_and_the_documented_gate_works(tmp_path):
    drop = tmp_path / "drop"
    drop.mkdir()
    for key, files in (("1", good_delivery()), ("2", bad_delivery())):
        for role, content in zip(("train", "eval"), files, strict=True):
            (drop / f"{role}_{key}.csv").write_bytes(content)
    (gate,) = (block for block in blocks(DOCS / "switch.md", "python") if block.startswith("#!"))
    (tmp_path / "gate.py").write_text(gate)
    key = tmp_path / "key"
    key.touch(0o600)
    key.write_text("key-of-weather")
    model = EmulatedModel("weather", 1001, "key-of-weather", target="weather")
    with Emulator(EmulatorConfig(tmp_path / "service", models=(model,), trainer="instant")) as emulator:
        config = tmp_path / "config.toml"
        config.write_text(
            f'[api]\nbase_url = "{emulator.url}"\n'
            f'[state]\nurl = "sqlite:///{tmp_path}/state/journal.db"\nspool = "{tmp_path}/state/spool"\n'
            f'[poll]\ninterval = "200ms"\n'
            f'[models.weather]\ndrop = "{drop}"\napi_key_file = "{key}"\nsettle = 0\n'
            f'switch = "gate"\ngate = "{sys.executable} {tmp_path}/gate.py"\n'
        )
        with Daemon(*load(config)) as daemon:
            assert daemon.run(once=True) == BAD
    checker = jsonschema.Draft202012Validator(
        json.loads(SCHEMA.read_text("utf-8")), format_checker=jsonschema.FormatChecker()
    )
    reports: list[dict[str, Any]] = [
        json.loads(path.read_bytes()) for path in sorted(drop.glob("*/*/report.json"))
    ]
    assert [report["outcome"] for report in reports] == ["trained", "failed"]
    assert reports[0]["gate_exit"] == 1, "the instant trainer only guesses, and the gate saw it"
    for report in reports:
        checker.validate(report)


# Examples


def take_in(drop: Path, **settings: Any) -> list[list[str]]:
    """Scan a drop folder until all has settled; return the names of the files of each complete delivery."""
    key = drop.parent / "key"
    key.touch(0o600)
    clock = ManualClock()
    model = ModelSettings(drop=drop, api_key_file=key, **settings)
    with ThreadPoolExecutor(1) as hashing:
        folder = DropFolder(model, SweepSettings().ignore, clock, hashing.submit, lambda: None)
        folder.look()
        hashing.submit(int).result()
        clock.pass_time(timedelta(minutes=1))
        return [sorted(file.name for file in delivery.files) for delivery in folder.look().complete]


@pytest.fixture
def place(tmp_path) -> Path:
    """An export folder and a drop folder."""
    for name in ("export", "drop"):
        (tmp_path / name).mkdir()
    train, evaluation = good_delivery()
    for name, content in (("train", train), ("eval", evaluation)):
        (tmp_path / "export" / f"{name}.csv").write_bytes(content)
        (tmp_path / "export" / f"{name}_2026-11.csv").write_bytes(content)
    return tmp_path


def run_example(text: str, language: str, place: Path) -> None:
    text = text.replace("/srv/drop/churn", str(place / "drop")).replace("/export", str(place / "export"))
    interpreter = {"sh": ["sh", "-eu"], "python": [sys.executable]}[language]
    program = place / f"example.{language}"
    program.write_text(text, encoding="utf-8")
    subprocess.run(
        [*interpreter, str(program)], check=True, timeout=60, env=os.environ | {"LC_ALL": "C.UTF-8"}
    )


def examples() -> list[Any]:
    """Find the examples that hand files over, and the configuration that each needs."""
    found = []
    for page in (ROOT / "README.md", DOCS / "handoff.md"):
        for language in ("sh", "python"):
            for text in blocks(page, language):
                if "/srv/drop/churn" not in text or "sudo " in text or "report.json" in text:
                    continue
                ready = "manifest" if "manifest" in text else "marker" if ".done" in text else "settle"
                found.append(pytest.param(text, language, ready, id=f"{page.stem}-{language}-{ready}"))
    return found


@pytest.mark.parametrize(("text", "language", "ready"), examples())
def test_a_hand_off_example_delivers(place, text, language, ready):
    run_example(text, language, place)
    extra = {"marker": ["2026-11.done"], "manifest": ["2026-11.manifest.json"], "settle": []}[ready]
    assert take_in(place / "drop", ready=ready) == [[*extra, "eval_2026-11.csv", "train_2026-11.csv"]]
    assert (place / "drop" / "train_2026-11.csv").read_bytes() == good_delivery()[0]


@pytest.mark.parametrize(("outcome", "code"), [("trained", 0), ("failed", 1)])
def test_the_program_that_waits_tells_of_its_own_delivery_alone(tmp_path, outcome, code):
    """Its names have capitals, an earlier delivery with these names has failed, and a job is still in work."""
    (text,) = (text for text in blocks(DOCS / "handoff.md", "python") if "report.json" in text)
    text = (
        text.replace("/srv/drop/churn", str(tmp_path)).replace("2026-11", "2026-Q4").replace("(60)", "(0.05)")
    )
    (tmp_path / "wait.py").write_text(text)

    def report(place: str, outcome: str) -> None:
        files = [{"name": "train_2026-Q4.csv"}, {"name": "eval_2026-Q4.csv"}]
        told = {"key": "2026-q4", "outcome": outcome, "summary": f"in {place}", "files": files}
        (tmp_path / place).mkdir(parents=True)
        (tmp_path / place / "report.json").write_text(json.dumps(told))

    report("failed/before", "failed")
    report("given", outcome)
    in_work = f"cp -r given .retraind/now; sed -i s/{outcome}/unknown/ .retraind/now/*"
    hand_off = f"mkdir -p done .retraind; {in_work}; mv given done/"
    done = subprocess.run(
        [sys.executable, tmp_path / "wait.py", "sh", "-c", hand_off],
        cwd=tmp_path, capture_output=True, text=True, timeout=30, check=False,
    )  # fmt: skip
    assert (done.stdout, done.returncode) == (f"{outcome} in given\n", code)


def test_there_is_an_example_of_each_way_in_each_language():
    ids = {str(each.id) for each in examples()}
    assert {"README-sh-settle", "README-sh-marker"} <= ids
    assert {"handoff-sh-settle", "handoff-sh-marker", "handoff-sh-manifest"} <= ids
    assert {"handoff-python-settle", "handoff-python-manifest"} <= ids


@pytest.mark.parametrize("cells", rows(ROOT / "README.md", "Which files are recognised"))
def test_the_names_in_the_readme_are_recognised_as_it_says(tmp_path, cells):
    files, key, pattern = cells
    drop = tmp_path / "drop"
    names = re.findall(r"[^`]+\.[ct]sv", files)
    names = [name.removeprefix(" and ") for name in names]
    assert len(names) == 2
    for name in names:
        (drop / name).parent.mkdir(parents=True, exist_ok=True)
        (drop / name).write_text("a,b\n1,2\n")
    settings = dict(re.findall(r'(train|eval) = "([^"]+)"', pattern))
    (tmp_path / "key").touch(0o600)
    model = ModelSettings(drop=drop, api_key_file=tmp_path / "key", settle=0, **settings)
    with ThreadPoolExecutor(1) as hashing:
        (delivery,) = (
            DropFolder(model, SweepSettings().ignore, ManualClock(), hashing.submit, lambda: None)
            .look()
            .complete
        )
    assert delivery.key == ("" if key == "none" else key)


@pytest.mark.parametrize("page", [ROOT / "README.md", DOCS / "rehearse.md"], ids=lambda page: page.stem)
def test_the_documented_configurations_are_valid(tmp_path, monkeypatch, page):
    (text,) = blocks(page, "toml")
    for path in re.findall(r'"(/[^"]+)"', text):
        if path.endswith((".key", ".py")):
            (tmp_path / Path(path).name).touch(0o600)
            text = text.replace(path, str(tmp_path / Path(path).name))
        elif "drop =" in text and f'drop = "{path}"' in text:
            (tmp_path / Path(path).name).mkdir()
            text = text.replace(path, str(tmp_path / Path(path).name))
    (tmp_path / "config.toml").write_text(text)
    monkeypatch.setenv("STATE_DIRECTORY", str(tmp_path))
    load(tmp_path / "config.toml")


def commands_in(page: Path) -> Iterator[list[str]]:
    """Find the calls of retraind in a page's shell examples and in its code words."""
    text = page.read_text("utf-8")
    for block in blocks(page, "sh"):
        for line in block.replace("\\\n", " ").splitlines():
            words = shlex.split(line, comments=True)
            if words[:3] == ["sudo", "-u", "retraind"]:
                words = words[3:]
            if words[:2] == ["sudo", "systemd-run"]:
                words = words[next(at for at, word in enumerate(words) if word.endswith("/retraind")) :]
            if words and Path(words[0]).name == "retraind":
                yield words[1:]
    for code in re.findall(r"`retraind ([a-z][^`]*)`", text):
        yield shlex.split(re.sub(r"\[EVAL\]|…", "", code))


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_the_commands_shown_exist(page, capsys):
    for words in commands_in(page):
        made = parser()
        (subcommands,) = (action for action in made._actions if action.choices)
        if len(words) == 1:
            assert words[0] in subcommands.choices, words
            continue
        try:
            made.parse_args(words)
        except SystemExit:
            pytest.fail(f"{page.name}: retraind {shlex.join(words)}: {capsys.readouterr().err}")


def test_the_demo_s_excerpt_is_what_it_prints():
    readme = (ROOT / "README.md").read_text("utf-8")
    told = [Voice().label("demo_step", state=state) for state in STORY]
    assert [text for text in told if f"✔ {text}" not in readme] == []


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_links_lead_somewhere(page):
    for target in re.findall(r"\]\(([^)\s]+)\)", page.read_text("utf-8")):
        if "://" in target:
            continue
        name, _, anchor = target.partition("#")
        found = page.parent / name if name else page
        assert found.exists(), target
        if anchor:
            headings = re.findall(r"^#+ (.+)$", found.read_text("utf-8"), flags=re.MULTILINE)
            anchors = {re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-") for heading in headings}
            assert anchor in anchors, target


PROMISES = [DOCS / "security.md", DOCS / "reliability.md"]
"""Pages whose every promise names the test that shows it."""
TESTS = ROOT / "tests"


@cache
def defined_in(path: Path) -> set[str]:
    return {
        node.name
        for node in ast.walk(ast.parse(path.read_text("utf-8")))
        if isinstance(node, ast.FunctionDef) and node.name.startswith("test_")
    }


def shown_by(text: str) -> list[tuple[str, str]]:
    """Return path and name of each test in the lists under "Shown by:": a file, and below it its tests."""
    found = []
    for items in re.findall(r"^Shown by:\n\n((?: *- .*\n)+)", text, flags=re.MULTILINE):
        path = ""
        for item in items.splitlines():
            if file := re.fullmatch(r"- `(tests/[\w/]+\.py)`", item):
                path = file[1]
                continue
            test = re.fullmatch(r"  - `(test_\w+)`(: .+)?", item)
            assert path, item
            assert test, item
            found.append((path, test[1]))
    return found


@pytest.mark.parametrize("page", PROMISES, ids=lambda page: page.stem)
def test_every_test_that_a_promise_names_exists(page):
    text = page.read_text("utf-8")
    named = shown_by(text)
    assert named
    for path, test in named:
        assert (ROOT / path).is_file(), path
        assert test in defined_in(ROOT / path), f"{path}::{test}"
    code = set(re.findall(r"`([^`\n]+)`", text))
    assert {each for each in code if re.fullmatch(r"test_\w+", each)} == {test for _, test in named}
    assert [each for each in code if each.startswith("tests/") and not (ROOT / each).exists()] == []
    bare = {each for each in code if re.fullmatch(r"test_\w+\.py", each)}
    assert bare <= {path.name for path in TESTS.rglob("test_*.py")}


@pytest.mark.parametrize("page", PROMISES, ids=lambda page: page.stem)
def test_every_promise_names_a_test(page):
    sections = re.split(r"^(?=##+ )", page.read_text("utf-8"), flags=re.MULTILINE)
    promises = [section for section in sections if section.startswith("### ")]
    assert promises
    assert [promise.partition("\n")[0] for promise in promises if not shown_by(promise)] == []


@pytest.mark.parametrize("page", PROMISES, ids=lambda page: page.stem)
def test_no_two_promises_have_one_heading(page):
    headings = re.findall(r"^#+ (.+)$", page.read_text("utf-8"), flags=re.MULTILINE)
    assert len(headings) == len(set(headings))


def test_every_state_is_explained():
    meanings = {
        state: meaning for state, _, _, meaning in rows(DOCS / "architecture.md", "The life of a job")
    }
    assert all(meanings[state.value] for state in State)


if __name__ == "__main__":
    SCHEMA.write_text(schema(), encoding="utf-8")
