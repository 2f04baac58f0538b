"""Whatever happened, the words for the share name no path and no port of retraind's machine."""

import json
import random
import re
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from enum import Enum
from pathlib import Path
from typing import Any, Literal, get_args, get_origin

import pytest
from hypothesis import strategies as st

from retraind.cli.arguments import commands, parser
from retraind.config.settings import ModelSettings, StateSettings
from retraind.domain.failures import Party
from retraind.domain.problems import Finding, Problem, plain_fact, problem
from retraind.report.share_voice import share_voice
from retraind.report.wording import Audience, Host, Notice, Place, Said, Voice, catalogue
from retraind.report.wording.catalogue import COMMANDS_ONLY, LANGUAGES, Entry, unwrapped
from retraind.system.addresses import place_of
from support.variants import holds_for
from support.words import legacy

ROOT = "home-of-retraind"
"""In each path of the machine, and nowhere else."""
PORTS = ("48765", "50123")
"""What is said must not depend on the port: a number in it may have any digits."""
PATH = re.compile(r"(?<![\w./])/\w")


@pytest.fixture(scope="module")
def machine(tmp_path_factory) -> Path:
    root = tmp_path_factory.mktemp("machine") / ROOT
    for name in ("drop", "archive", "state"):
        (root / name).mkdir(parents=True)
    return root


class Facts:
    """Makes up facts that fit a wording, from a seed."""

    def __init__(self, seed: int, machine: Path, port: str) -> None:
        self.chance = random.Random(seed)
        self.machine = machine
        self.port = port

    def of(self, entry: Entry) -> dict[str, Any]:
        return {name: self.value(name, hint) for name, hint in entry.parameters.items()}

    def value(self, name: str, hint: Any) -> Any:
        kind = unwrapped(hint)
        if kind is not hint and self.chance.random() < 0.2:
            return None
        if get_origin(kind) is tuple:
            parts = get_args(kind)
            count = self.chance.randint(1, 3)
            return [self.value("", part) for part in (parts[:1] * count if ... in parts else parts)]
        return self.one(name, kind)

    def one(self, name: str, kind: Any) -> Any:
        if name == "path" or kind is Place:
            return str(
                self.machine
                / self.chance.choice(["drop", "archive", "state", "drop/train_1.csv", "state/x", "etc/key"])
            )
        if name == "host" or kind is Host:
            return f"{self.chance.choice(['service.test', '10.0.0.1', '[::1]'])}:{self.port}"
        if kind is Said:
            return self.chance.choice(
                [
                    problem(
                        "file_error", path=self.machine / "state" / "x", errno=5, reason="Input/output error"
                    ),
                    legacy(f"{self.machine}/drop cannot be read.", f"Check http://service.test:{self.port}."),
                ]
            )
        if get_origin(kind) is Literal or (isinstance(kind, type) and issubclass(kind, Enum)):
            return self.chance.choice(get_args(kind) or list(kind))
        return self.plain(kind)

    def plain(self, kind: Any) -> Any:
        made = {
            bool: self.chance.random() < 0.5,
            int: self.chance.randint(1, 5_000),
            float: self.chance.random(),
            datetime: datetime(2026, 11, 23, 2, 0, tzinfo=UTC),
            timedelta: timedelta(seconds=self.chance.randint(1, 100_000)),
            str: self.chance.choice(["train_1.csv", "churn", "2026-11", "eval/1.csv"]),
        }
        return made[kind if kind in made else str]


def told(voice: Voice, entry: Entry, facts: Mapping[str, Any]) -> str:
    """Return all that a voice makes of a problem."""
    if entry.function.__annotations__["return"] is Notice:
        notice = voice.notice(entry.code, facts)
        return f"{notice.title}\n{notice.text}"
    made = Problem(code=entry.code, facts={name: plain_fact(value) for name, value in facts.items()})
    made = Problem.from_json(made.as_json())
    finding = Finding(rule=entry.code, facts=made.facts)
    words = voice.finding_words(finding)
    return "\n".join(
        [
            voice.tell(made),
            words.what,
            json.dumps(voice.coded(made)),
            json.dumps(voice.facts(entry.code, made.facts)),
        ]
    )


def share_of(machine: Path, language: str) -> Voice:
    model = ModelSettings.model_validate(
        {"drop": machine / "drop", "done": machine / "archive", "api_key": "k"}
    )
    state = StateSettings(url=f"sqlite:///{machine}/state/journal.db", spool=machine / "state" / "spool")
    return share_voice(model, state, language=language).on("churn", "a-job")


@pytest.mark.parametrize("language", LANGUAGES)
@holds_for(4, 30, st.integers())
def test_no_wording_shows_a_path_or_a_port_of_the_machine_on_the_share(machine, language, seed):
    facts, unplaced = [Facts(seed, machine, port) for port in PORTS], Voice(Audience.SHARE, language)
    voices = (share_of(machine, language), unplaced.on("churn", "a-job"))
    for entry in catalogue(language).values():
        first, other = (each.of(entry) for each in facts)
        text = "\n".join(told(voice, entry, first) for voice in voices)
        assert ROOT not in text, entry.code
        assert not PATH.search(text), entry.code
        if first != other:
            assert text == "\n".join(told(voice, entry, other) for voice in voices), entry.code


@holds_for(4, 30, st.integers())
def test_japanese_on_the_share_has_commands_in_brackets_and_no_word_touches_a_place(machine, seed):
    """The code of the message follows a command."""
    facts, voice = Facts(seed, machine, PORTS[0]), share_of(machine, "ja")
    wrong = re.compile("：(?:awk|chmod) |(?:フォルダー|ファイル)(?:retraindの|以前の)")
    for entry in catalogue("ja").values():
        if entry.module in {"api", "intake", "jobs", "uploads"}:
            assert not wrong.search(told(voice, entry, facts.of(entry))), entry.code


COMMAND = re.compile(rf"\bretraind (?:{'|'.join(commands(parser()))})\b")
OF_OPERATORS = {"notifications", *COMMANDS_ONLY}


@pytest.mark.parametrize("language", LANGUAGES)
@holds_for(4, 30, st.integers())
def test_nobody_on_the_share_is_asked_to_run_retraind(machine, language, seed):
    """They cannot: they drop files again, or ask the operator."""
    facts, voice = Facts(seed, machine, PORTS[0]), share_of(machine, language)
    for entry in catalogue(language).values():
        if entry.module not in OF_OPERATORS and entry.code != "retry_line":
            assert not COMMAND.search(told(voice, entry, facts.of(entry))), entry.code


@pytest.mark.parametrize("language", LANGUAGES)
@pytest.mark.parametrize("code", ["training_unfinished", "next_after_training", "budget_used_up"])
def test_operators_get_the_command_and_the_share_gets_the_name_of_the_job(code, language):
    made = problem(
        code, timeout=timedelta(hours=1), status="job_running", results="results.zip", there=True, unclear=False,
        trainings=4, period="month", ends=datetime(2026, 12, 1, tzinfo=UTC),
    )  # fmt: skip
    on_the_share, of_the_operator = (
        Voice(audience, language).on("churn", "a-job").tell(made)
        for audience in (Audience.SHARE, Audience.OPERATOR)
    )
    assert COMMAND.search(of_the_operator)
    assert "a-job" in on_the_share
    assert not COMMAND.search(on_the_share)


@pytest.mark.parametrize(("language", "told"), [("en", "unreadable address"), ("ja", "読み取れないアドレス")])
def test_an_address_without_a_host_is_called_unreadable_in_the_reader_s_language(language, told):
    made = problem("address_unusable", party=Party.STORE, host=place_of("https://store test/x"))
    assert told in Voice(Audience.SHARE, language).tell(made)


def test_what_a_newer_version_noted_is_named_by_its_code_and_keeps_nothing_from_being_shown():
    newer = Problem("of_next_year", {"path": "/srv/x", "rate": 3}, (Finding("next-rule", facts={"a": 1}),))
    outer = Problem("backup_impossible", {"path": "/a", "why": newer})
    for audience in Audience:
        voice = Voice(audience)
        assert "of_next_year" in voice.tell(newer)
        assert "of_next_year" in voice.tell(outer)
        assert "next-rule" in voice.finding(newer.details[0])
        assert voice.coded(newer)["code"] == "of_next_year"
    assert Voice(Audience.SHARE).coded(newer)["facts"] == {}
