"""config.example.toml tells the truth: every key, and the code's own defaults."""

import re
import tomllib
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest
from pydantic import BaseModel

from retraind.config.expectation import ExpectSettings
from retraind.config.load import load
from retraind.config.settings import ModelNotifySettings, ModelSettings, Settings

EXAMPLE = Path(__file__).parents[2] / "config.example.toml"
COMMENTED_KEY = re.compile(r"^#(\w+) = ", re.MULTILINE)
PARTS = {"models.expect": ExpectSettings, "models.notify": ModelNotifySettings}
"""Tables in a model's table."""
NEEDED = {"models.drop", "models.api_key_file"}
"""Live keys without a default: those of the three-line configuration."""


@pytest.fixture(autouse=True)
def as_systemd_runs_it(monkeypatch):
    """The state folder's default depends on the machine; the example shows the one under systemd."""
    monkeypatch.setenv("STATE_DIRECTORY", "/var/lib/retraind")


def sections() -> dict[str, type[BaseModel]]:
    """Return the model behind each table, found by walking the schema."""
    found: dict[str, type[BaseModel]] = {}
    for name, field in Settings.model_fields.items():
        if name == "models":
            found[name] = ModelSettings
        elif isinstance(field.annotation, type) and issubclass(field.annotation, BaseModel):
            found[name] = field.annotation
    return found


def schema_keys() -> set[str]:
    outside = Settings.model_fields.keys() - sections().keys()
    keys = {f"{section}.{key}" for section, kind in sections().items() for key in kind.model_fields}
    return outside | (keys - PARTS.keys()) | {
        f"{part}.{key}" for part, kind in PARTS.items() for key in kind.model_fields
    }  # fmt: skip


def live_keys(content: dict[str, Any]) -> set[str]:
    tables = {name: table for name, table in content.items() if isinstance(table, dict) and name != "models"}
    tables["models"] = content["models"]["churn"]
    outside = {name for name, value in content.items() if not isinstance(value, dict)}
    return outside | {f"{section}.{key}" for section, table in tables.items() for key in table}


def commented_keys(text: str) -> set[str]:
    """Return the keys that stand in comments, each under the table that it follows."""
    pieces = re.split(r"^#?\[(\w+)(?:\.\w+)?((?:\.\w+)?)\].*$", text, flags=re.MULTILINE)
    return {
        f"{table}{part}.{key}"
        for table, part, body in zip(pieces[1::3], pieces[2::3], pieces[3::3], strict=True)
        for key in COMMENTED_KEY.findall(body)
    }


def load_text(text: str, folder: Path) -> Settings:
    """Load a configuration whose drop folder and key file are put into `folder`."""
    (folder / "drop").mkdir(exist_ok=True)
    key = folder / "churn.key"
    key.touch(0o600)
    config = folder / "config.toml"
    config.write_text(
        text.replace("/srv/drop/churn", str(folder / "drop")).replace("/etc/retraind/churn.key", str(key)),
        encoding="utf-8",
    )
    return load(config)[0]


SMALLEST = """\
[models.churn]
drop = "/srv/drop/churn"
api_key_file = "/etc/retraind/churn.key"
"""


def test_what_the_example_sets_is_what_holds_without_it(tmp_path):
    example = load_text(EXAMPLE.read_text("utf-8"), tmp_path)
    smallest = load_text(SMALLEST, tmp_path)
    for name in Settings.model_fields:
        assert getattr(example, name) == getattr(smallest, name), name


def test_a_changed_default_is_noticed(tmp_path, monkeypatch):
    field = ModelSettings.model_fields["settle"]
    monkeypatch.setattr(field, "default", field.default * 2)
    ModelSettings.model_rebuild(force=True)
    Settings.model_rebuild(force=True)
    try:
        with pytest.raises(AssertionError, match="models"):
            test_what_the_example_sets_is_what_holds_without_it(tmp_path)
    finally:
        monkeypatch.undo()
        ModelSettings.model_rebuild(force=True)
        Settings.model_rebuild(force=True)


def test_the_smallest_configuration_in_its_head_is_the_one_that_is_tested():
    head = re.sub(r"^#(   )?", "", EXAMPLE.read_text("utf-8").split("Durations")[0], flags=re.MULTILINE)
    assert SMALLEST in head


def test_every_key_is_shown():
    text = EXAMPLE.read_text("utf-8")
    assert schema_keys() == live_keys(tomllib.loads(text)) | commented_keys(text)


def test_a_key_is_live_exactly_when_it_has_a_default():
    text = EXAMPLE.read_text("utf-8")
    assert not live_keys(tomllib.loads(text)) & commented_keys(text)
    without = {
        f"{section}.{key}"
        for section, kind in sections().items()
        for key, field in kind.model_fields.items()
        if field.is_required() or field.default is None
    }
    in_parts = {f"{part}.{key}" for part, kind in PARTS.items() for key in kind.model_fields}
    assert commented_keys(text) == (without - NEEDED - PARTS.keys()) | in_parts


def test_the_commented_tables_work_as_they_stand(tmp_path):
    text = EXAMPLE.read_text("utf-8")
    head, _, part = text.partition("#[models.churn.expect]")
    part = re.sub(r"^#\[", "[", part, flags=re.MULTILINE)
    switched_on = "[models.churn.expect]" + re.sub(COMMENTED_KEY, r"\1 = ", part)
    settings = load_text(head + switched_on, tmp_path)
    expect, notify = settings.models["churn"].expect, settings.notify_of("churn")
    assert expect is not None
    assert expect.rule(frozenset()) is not None
    assert "files" in notify.on
    assert notify.patience == settings.notify.patience


@pytest.mark.parametrize(
    "switched_on",
    [
        ("proxy", "upload_rate", "upload_window", "upload_holidays", "poll_interval", "poll_timeout"),
        ("credential",),
        ("api_key",),
        ("secret_key", "model_id"),
        ("secret_credential", "model_id"),
        ("gate",),
    ],
    ids="+".join,
)
def test_commented_lines_work_as_they_stand(tmp_path, switched_on):
    text = EXAMPLE.read_text("utf-8")
    for key in switched_on:
        text, count = re.subn(rf"^#({key} = )", r"\1", text, flags=re.MULTILINE)
        assert count == 1
    if any("key" in key or "credential" in key for key in switched_on):
        text = text.replace("\napi_key_file", "\n#api_key_file")
    text = text.replace('switch = "manual"', 'switch = "gate"') if "gate" in switched_on else text
    config = tmp_path / "config.toml"
    config.touch(0o600)
    load_text(text, tmp_path)


def test_each_key_has_a_line_that_says_why():
    lines = EXAMPLE.read_text("utf-8").splitlines()
    key = re.compile(r"^#?\w+ = ")
    for before, line in pairwise(lines):
        if key.match(line):
            assert before.startswith("# ") or key.match(before), f"nothing explains {line!r}"
