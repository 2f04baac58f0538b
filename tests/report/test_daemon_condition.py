"""Whether the daemon works, from what another process can know of it."""

import os
import signal
import subprocess
from datetime import UTC, datetime, timedelta

import pytest

from retraind.domain.problems import problem
from retraind.report.daemon_condition import Condition, condition_of, condition_problem, kernel_state
from retraind.report.wording import Voice
from retraind.store.instance import (
    Configuration,
    DaemonState,
    RefusedReload,
    read_state,
    state_file,
    write_state,
)

NOW = datetime(2026, 11, 23, 12, tzinfo=UTC)
SECOND = timedelta(seconds=1)


def state(**other) -> DaemonState:
    facts = {
        "pid": 7, "version": "1", "started_at": NOW - timedelta(hours=1), "ready_at": NOW - timedelta(minutes=59),
        "written_at": NOW, "again_at": NOW + 30 * SECOND, "alive_at": NOW, "last_sweep_at": NOW,
        "sweep_due_at": NOW + 150 * SECOND, "configuration": Configuration(path="/c", sha256="0", read_at=NOW),
    }  # fmt: skip
    return DaemonState(**(facts | other))


CASES = [
    ("all is well", 7, state(), "S", Condition.RUNNING),
    ("nobody has the lock", None, state(), None, Condition.NOT_RUNNING),
    ("an earlier retraind writes no state", 7, None, "S", Condition.RUNNING),
    ("the state is of the last run", 8, state(), "S", Condition.RUNNING),
    ("it has never written one, and has just begun", 7, None, "S", Condition.RUNNING, NOW - 800 * SECOND),
    ("it has never written one", 7, None, "S", Condition.SILENT, NOW - 1000 * SECOND),
    ("it has only written one in its last run", 7, state(pid=6), "S", Condition.SILENT, NOW - 1000 * SECOND),
    ("it has run for long, and reports", 7, state(), "S", Condition.RUNNING, NOW - 90_000 * SECOND),
    ("somebody has stopped it", 7, state(), "T", Condition.SUSPENDED),
    ("its thread hangs in the kernel and keeps the lock", 7, state(), "Z", Condition.ZOMBIE),
    ("it should have written", 7, state(again_at=NOW - 31 * SECOND), "D", Condition.SILENT),
    ("it is a little late", 7, state(again_at=NOW - 29 * SECOND), "R", Condition.RUNNING),
    ("its loop stands still, the writer does not", 7, state(alive_at=NOW - 61 * SECOND), "S", Condition.LOOP_HANGS),
    ("no sweep ends", 7, state(sweep_due_at=NOW - SECOND), "S", Condition.SCANS_HANG),
    ("it starts, which takes long", 7, state(ready_at=None, started_at=NOW - 600 * SECOND, alive_at=NOW - 500 * SECOND), "S", Condition.STARTING),
    ("it starts and will never end", 7, state(ready_at=None, alive_at=NOW - timedelta(hours=1)), "S", Condition.LOOP_HANGS),
    ("it is being stopped", 7, state(stopped_at=NOW), "S", Condition.STOPPING),
]  # fmt: skip


@pytest.mark.parametrize("row", CASES, ids=[row[0] for row in CASES])
def test_how_the_daemon_is(row):
    _, process, known, kernel, condition, *since = row
    assert condition_of(process, known, NOW, kernel, *since) is condition
    found = condition_problem(condition, process, known)
    assert (found is None) == (condition.is_good or process is None)
    if found is not None:
        assert "(process 7)" in Voice().tell(found)
        assert "is running" not in Voice().tell(found)


def test_the_kernel_shows_a_process_that_somebody_stopped():
    process = subprocess.Popen(["sleep", "60"])
    try:
        process.send_signal(signal.SIGSTOP)
        os.waitpid(process.pid, os.WUNTRACED)
        assert kernel_state(process.pid) == "T"
        process.kill()
        os.waitid(os.P_PID, process.pid, os.WEXITED | os.WNOWAIT)
        assert kernel_state(process.pid) == "Z"
    finally:
        process.wait()
    assert kernel_state(process.pid) is None


def test_the_state_is_for_the_services_user_and_is_read_as_it_was_written(tmp_path):
    journal = tmp_path / "journal.db"
    assert read_state(journal) is None
    refused = RefusedReload(at=NOW, problems=(problem("duration_unreadable"),))
    written = state(refused_reload=refused, sandbox={"ProtectHome": "true"})
    write_state(journal, written)
    assert read_state(journal) == written
    assert state_file(journal).stat().st_mode & 0o777 == 0o600
    state_file(journal).write_text('{"pid": "none"')
    assert read_state(journal) is None


def test_what_a_newer_retraind_adds_is_passed_over(tmp_path):
    journal = tmp_path / "journal.db"
    text = state().model_dump_json().replace('{"schema_version":1', '{"more":{"x":1},"schema_version":2', 1)
    state_file(journal).write_text(text)
    assert read_state(journal) == state(schema_version=2)
