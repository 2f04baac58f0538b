"""What a shell is offered: its own protocol, spoken as the shell's function does."""

import os
import subprocess
import sys
from contextlib import closing
from datetime import UTC, datetime
from pathlib import Path

import pytest

from retraind.domain.names import SHORT_ID
from retraind.store.journal import Journal
from support.jobs import job_of

WHEN = datetime(2026, 11, 1, tzinfo=UTC)
CONFIG = """
[state]
url = "sqlite:///{root}/journal.db"
[models.churn]
drop = "{root}/churn"
api_key = "k"
[models.price]
drop = "{root}/price"
api_key = "k"
"""


def offered(line: str, folder: Path) -> set[str]:
    """Return what the program answers to a shell about this line, whose end is where TAB was pressed."""
    answers, to_shell = os.pipe()
    variables = os.environ | {
        "_ARGCOMPLETE": "1", "_ARGCOMPLETE_IFS": "\n", "_ARGCOMPLETE_SHELL": "bash", "COMP_LINE": line,
        "COMP_POINT": str(len(line.encode())), "COMP_TYPE": "", "_ARGCOMPLETE_COMP_WORDBREAKS": "",
    }  # fmt: skip
    code = f"import os; os.dup2({to_shell}, 8); from retraind.cli import main; main()"
    with os.fdopen(answers) as read:
        ended = subprocess.run(
            [sys.executable, "-c", code], env=variables, cwd=folder, pass_fds=[to_shell], capture_output=True, check=False,
        )  # fmt: skip
        os.close(to_shell)
        assert ended.stderr == b""
        return {name.strip() for name in read.read().split("\n") if name.strip()}


@pytest.fixture
def configured(tmp_path):
    for model in ("churn", "price"):
        (tmp_path / model).mkdir()
    path = tmp_path / "config.toml"
    path.write_text(CONFIG.format(root=tmp_path))
    path.chmod(0o600)
    return path


def test_a_shell_is_offered_commands_and_options(tmp_path):
    assert {"retry", "rebuild", "release"} == offered("retraind re", tmp_path)
    assert "--online" in offered("retraind check --", tmp_path)


def test_a_shell_is_offered_the_configurations_models_and_the_journals_jobs(configured):
    with closing(Journal.open(configured.parent / "journal.db")) as journal:
        job = journal.jobs.add(
            job_of(
                id="2026-11-01T000000Z_2026-11_c8c212",
                model="churn",
                key="2026-11",
                state="failed",
                files=(),
                created_at=WHEN,
                updated_at=WHEN,
            ),
            "sealed",
        )
    line = f"retraind -c {configured}"
    assert offered(f"{line} jobs --model ", configured.parent) == {"churn", "price"}
    assert offered(f"{line} show ", configured.parent) == {job.id[-SHORT_ID:]}
    assert offered(f"{line} release ", configured.parent) == {job.id[-SHORT_ID:], "churn", "price"}


@pytest.mark.parametrize("content", ["", "[models", "[models.churn]\ndrop = '/nowhere'\n"])
def test_a_configuration_or_a_journal_that_cannot_be_read_offers_nothing_and_says_nothing(tmp_path, content):
    (tmp_path / "config.toml").write_text(content)
    (tmp_path / "journal.db").write_text("this is not a database")
    assert offered("retraind show ", tmp_path) == set()
