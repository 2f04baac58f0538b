"""What a shell is offered: its own protocol, spoken as the shell's function does."""

import os
import sqlite3
import traceback
from contextlib import closing
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import pytest

from retraind.cli.completion import complete
from retraind.domain.problems import problem
from retraind.domain.records import Outage
from retraind.store.backup import make
from retraind.store.journal import Journal
from support.jobs import job_of

HOST = "api.example.com"
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
    process = os.fork()
    if not process:
        os.dup2(to_shell, 8)
        os.dup2(to_shell, 2)
        os.chdir(folder)
        os.environ |= {
            "_ARGCOMPLETE": "1", "_ARGCOMPLETE_IFS": "\n", "_ARGCOMPLETE_SHELL": "bash", "COMP_LINE": line,
            "COMP_POINT": str(len(line.encode())), "COMP_TYPE": "", "_ARGCOMPLETE_COMP_WORDBREAKS": "",
        }  # fmt: skip
        try:
            complete()  # Ends the process once the shell is answered.
        except BaseException:  # noqa: BLE001 - never back into the tests
            os.write(to_shell, traceback.format_exc().encode())
        os._exit(2)
    os.close(to_shell)
    with os.fdopen(answers) as read:
        told = read.read()
    assert os.waitpid(process, 0)[1] == 0, told
    return {name.strip() for name in told.split("\n") if name.strip()}


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
    (tmp_path / "file").touch(), (tmp_path / "folder").mkdir()
    for line, expected in (
        ("journal ", {"backup", "restore", "verify"}),
        ("journal verify ", {"file", "folder/"}),
        ("journal backup ", {"folder/"}),
        ("journal backup --keep ", set()),
        ("model ", {"add", "remove"}),
        ("model add ", set()),
        ("model add x --mode ", {"pair", "train-only"}),
        ("model add x --group roo", {"root"}),
        ("preflight --language ", {"en", "ja"}),
        ("retry x --accept ragged", {"ragged-rows"}),
    ):
        assert offered(f"retraind {line}", tmp_path) == expected, line


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
        journal.jobs.add(replace(job, id="2026-11-01T000000Z_1_c8c213", model="before"), "sealed")
        journal.hosts.replace([Outage(HOST, WHEN, 9, problem("database_error", reason=""), WHEN)])
    make(configured.parent / "journal.db", configured.parent / "backups", WHEN)
    line = f"retraind -c {configured}"
    assert offered(f"{line} jobs --model ", configured.parent) == {"churn", "price"}
    ids = {"c8c212", "c8c213"}
    assert offered(f"{line} show ", configured.parent) == ids
    assert offered(f"{line} release ", configured.parent) == {*ids, "churn", "price", HOST}
    assert offered(f"{line} adopt ", configured.parent) == {"before"}
    assert offered(f"{line} adopt before ", configured.parent) == {"churn", "price"}
    assert offered(f"{line} model remove ", configured.parent) == {"churn", "price"}
    backups = {str(each) for each in (configured.parent / "backups").iterdir()}
    assert len(backups) == 1
    assert backups < offered(f"{line} journal restore ", configured.parent)
    assert offered(f"{line} journal verify {configured.parent}/ba", configured.parent) == {
        *backups, f"{configured.parent}/backups/",
    }  # fmt: skip


def test_a_journal_of_an_older_version_is_left_as_it_is(configured):
    journal = configured.parent / "journal.db"
    Journal.open(journal).close()
    with closing(sqlite3.connect(journal)) as older:
        older.execute("UPDATE alembic_version SET version_num = '0007'")
        older.commit()
    before = journal.read_bytes()
    assert offered(f"retraind -c {configured} show ", configured.parent) == set()
    assert journal.read_bytes() == before
    assert not (configured.parent / "backups").exists()


@pytest.mark.parametrize("content", ["", "[models", "[models.churn]\ndrop = '/nowhere'\n"])
def test_a_configuration_or_a_journal_that_cannot_be_read_offers_nothing_and_says_nothing(tmp_path, content):
    (tmp_path / "config.toml").write_text(content)
    (tmp_path / "journal.db").write_text("this is not a database")
    assert offered("retraind show ", tmp_path) == set()
