"""What can be written on the command line."""

import subprocess
import sys
from pathlib import Path

import pytest

from retraind.cli.arguments import parse

OWN = Path("/etc/own.toml")
OTHER = Path("/etc/other.toml")


@pytest.mark.parametrize(
    ("line", "config"),
    [
        ("status", None),
        (f"status -c {OWN}", OWN),
        (f"-c {OWN} status", OWN),
        (f"--config {OWN} status", OWN),
        (f"--config={OWN} jobs --model churn", OWN),
        (f"-c {OTHER} status -c {OWN}", OWN),
        (f"-c {OWN} preflight emulate", OWN),  # a file of that name, not the command
    ],
)
def test_the_configuration_is_named_before_or_after_the_command(line, config):
    assert parse(line.split()).config == config


@pytest.mark.parametrize("line", [f"-c {OWN} emulate --list-faults", f"--config {OWN} demo"])
def test_a_configuration_that_a_command_would_not_read_is_a_mistake(capsys, line):
    with pytest.raises(SystemExit) as ended:
        parse(line.split())
    assert ended.value.code == 2
    assert "read no configuration" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("line", "words"),
    [
        ("", "required: COMMAND"),
        ("dance", "invalid choice: 'dance'"),
        ("-c", "expected one argument"),
        ("demo -c x", "unrecognized arguments: -c x"),
        ("health --json", "usage: retraind health"),
        ("jobs -n 0", "'0' is not a whole number of at least 1"),
        ("jobs -n -1", "'-1' is not a whole number of at least 1"),
        ("journal backup --keep 0", "'0' is not a whole number of at least 1"),
        ("journal backup --keep many", "'many' is not a whole number of at least 1"),
        ("emulate --fault nonsense=1", "no fault named 'nonsense'"),
    ],
)
def test_wrong_usage_ends_with_2_and_says_what_is_wrong(capsys, line, words):
    with pytest.raises(SystemExit) as ended:
        parse(line.split())
    assert ended.value.code == 2
    assert words in capsys.readouterr().err


def test_the_arguments_of_emulate_are_known_when_it_is_called():
    assert parse(["emulate", "--seed", "7"]).seed == 7
    assert parse(["demo", "--keep"]).keep


@pytest.mark.parametrize(
    ("module", "without"),
    [
        ("retraind.cli.preflight", {"sqlalchemy", "requests", "structlog", "rich", "pydantic"}),
        ("retraind.cli.completion", {"sqlalchemy", "requests", "structlog", "rich", "pydantic"}),
        ("retraind.cli.health", {"sqlalchemy", "requests", "rich"}),
        ("retraind.cli.run", {"rich", "pygments"}),
    ],
)
def test_what_is_run_often_or_for_years_imports_nothing_that_it_can_do_without(module, without):
    look = f"import sys, {module}; print(*sys.modules)"
    done = subprocess.run([sys.executable, "-c", look], capture_output=True, text=True, check=True)
    assert not without & {name.partition(".")[0] for name in done.stdout.split()}


def test_no_other_command_imports_the_emulator():
    look = "import sys; from retraind.cli.arguments import parse; parse(['status'])"
    done = subprocess.run(
        [sys.executable, "-c", f"{look}; sys.exit('retraind.emulator' in sys.modules)"], check=False
    )
    assert done.returncode == 0
