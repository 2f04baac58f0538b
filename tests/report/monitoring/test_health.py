"""Health tells the truth: of a daemon that hangs, is stopped, cannot write, or has never been there."""

import os
import signal
from datetime import UTC, datetime, timedelta

import pytest

from retraind.cli import main
from retraind.domain.problems import problem
from retraind.report.monitoring.health import health_of
from retraind.report.wording import Voice
from retraind.store.instance import Configuration, DaemonState, read_state, write_state
from support.process import until
from support.world import key_of

NOW = datetime(2026, 11, 23, 12, tzinfo=UTC)
SECOND = timedelta(seconds=1)
FULL = problem("database_error", reason="database or disk is full")


def state(**other) -> DaemonState:
    facts = {
        "pid": 7, "version": "1", "started_at": NOW - timedelta(hours=1), "ready_at": NOW - timedelta(minutes=59),
        "written_at": NOW, "again_at": NOW + 30 * SECOND, "alive_at": NOW, "last_sweep_at": NOW,
        "timetable_at": NOW, "sweep_due_at": NOW + 150 * SECOND,
        "configuration": Configuration(path="/c", sha256="0", read_at=NOW),
    }  # fmt: skip
    return DaemonState(**(facts | other))


CASES = [
    ("all is well", 7, state(), "S", True, True, None),
    ("nothing was ever there", None, None, None, False, False, "daemon_not_running"),
    ("it was killed", None, state(), None, False, False, "daemon_not_running"),
    ("it was stopped", None, state(stopped_at=NOW), None, False, False, "daemon_not_running"),
    ("it begins, and has written nothing", 7, None, "S", True, False, None),
    ("the state is of the last run", 8, state(journal_trouble=FULL), "S", True, False, None),
    ("it has not scanned all folders yet", 7, state(ready_at=None), "S", True, False, None),
    ("SIGSTOP", 7, state(), "T", False, False, "daemon_suspended"),
    ("the disk of its state is full or hangs", 7, state(again_at=NOW - 31 * SECOND), "D", False, False, "daemon_silent"),
    ("its scheduler is dead", 7, state(timetable_at=NOW - 121 * SECOND), "S", False, False, "daemon_timetable_hangs"),
    ("its scheduler is late", 7, state(timetable_at=NOW - 119 * SECOND), "S", True, True, None),
    ("every share hangs", 7, state(sweep_due_at=NOW - SECOND), "S", False, False, "daemon_scans_hang"),
    ("one of several shares hangs", 7, state(whole_sweep_at=NOW - timedelta(days=1)), "S", True, True, None),
    ("the journal's disk is full", 7, state(journal_trouble=FULL), "S", True, False, "daemon_cannot_write"),
]  # fmt: skip


@pytest.mark.parametrize("row", CASES, ids=[row[0] for row in CASES])
def test_what_health_says(row):
    _, process, known, kernel, alive, ready, code = row
    found = health_of(process, known, NOW, kernel)
    assert (found.trouble is None) == alive
    assert (found.unready is None) == ready
    assert (found.wrong and found.wrong.code) == code
    if found.unready:
        assert "\n" not in Voice().tell(found.unready)


def test_a_newer_journal_trouble_is_read_from_the_file_as_it_was_written(tmp_path):
    write_state(tmp_path / "journal.db", state(journal_trouble=FULL))
    known = read_state(tmp_path / "journal.db")
    assert known is not None
    assert known.journal_trouble == FULL


def test_the_command_follows_a_real_daemon_through_its_life(site, capsys):
    def health() -> tuple[int, str]:
        code = main(["health", "-c", str(site.config)])
        said = capsys.readouterr()
        lines = (said.out + said.err).splitlines()
        assert len(lines) == 1, lines
        return code, lines[0]

    site.add_model("churn", key_of("churn"))
    assert health() == (1, "retraind: retraind is NOT RUNNING.")
    site.start()
    # READY waits for no disk, and so not for this state to be written.
    until(lambda: health()[1].startswith("retraind works; last sweep: "), "it is seen that it is ready")
    assert health()[0] == 0
    assert site.process is not None
    os.kill(site.process.pid, signal.SIGSTOP)
    until(lambda: health()[0] == 1, "it is seen that the process is stopped")
    assert "STOPPED by a signal" in health()[1]
    os.kill(site.process.pid, signal.SIGCONT)
    until(lambda: health()[0] == 0, "it is seen that it continues")
    site.kill()
    code, line = health()
    assert code == 1
    assert "NOT RUNNING: it was last seen on " in line


def test_the_command_reads_neither_key_nor_journal(tmp_path, capsys):
    (tmp_path / "config.toml").write_text(
        f'[state]\nurl = "sqlite:///{tmp_path}/journal.db"\nspool = "{tmp_path}/spool"\n'
        '[models.churn]\ndrop = "/nowhere"\napi_key_file = "/nowhere/key"\n'
    )
    assert main(["health", "-c", str(tmp_path / "config.toml")]) == 1
    assert "NOT RUNNING" in capsys.readouterr().err
    assert sorted(each.name for each in tmp_path.iterdir()) == ["config.toml"]
