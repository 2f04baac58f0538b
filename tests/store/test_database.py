"""The file: noticed writers, full syncs, one daemon at a time."""

import os
import sqlite3
import subprocess
import sys
import time

import pytest
from sqlalchemy.exc import SQLAlchemyError

from retraind.domain.failures import JournalError
from retraind.store.database import running_instance, sole_instance
from retraind.store.journal import Journal


@pytest.fixture
def journal(tmp_path):
    opened = Journal.open(tmp_path / "journal.db")
    yield opened
    opened.close()


def test_another_process_that_writes_is_noticed(journal, tmp_path):
    before = journal.database.data_version()
    assert journal.database.data_version() == before
    other = sqlite3.connect(tmp_path / "journal.db")
    other.execute("UPDATE jobs SET version = 1")
    other.commit()
    other.close()
    assert journal.database.data_version() == before  # an update of nothing changes nothing
    again = Journal.open(tmp_path / "journal.db")
    again.events.note("made")
    again.close()
    assert journal.database.data_version() != before


def test_a_connection_that_fails_raises_what_all_others_do(journal):
    database = journal.database
    database.data_version()
    database._watching.connection.driver_connection.close()
    with pytest.raises(SQLAlchemyError):
        database.data_version()


def test_the_file_is_written_ahead_and_synced_in_full(journal, tmp_path):
    with journal.database.engine.begin() as connection:
        assert connection.exec_driver_sql("PRAGMA journal_mode").scalar() == "wal"
        assert connection.exec_driver_sql("PRAGMA synchronous").scalar() == 2


def test_what_a_power_loss_may_take_is_synced_with_the_next_write_of_another_kind(journal):
    """On one connection: what is written after it is synced as before."""
    for engine, level in ((journal.database.relaxed, 1), (journal.database.engine, 2)) * 2:
        with engine.begin() as connection:
            assert connection.exec_driver_sql("PRAGMA synchronous").scalar() == level


def test_a_file_that_is_no_journal_is_told_and_left_as_it_is(tmp_path):
    file = tmp_path / "journal.db"
    file.write_bytes(b"not a database, whatever it is called" * 100)
    with pytest.raises(JournalError, match="journal_unusable"):
        Journal.open(file)
    assert file.read_bytes().startswith(b"not a database")


def test_a_second_instance_is_refused_and_told_who_has_it(tmp_path):
    file = tmp_path / "journal.db"
    program = (
        "import sys, pathlib; from retraind.store.database import sole_instance\n"
        "with sole_instance(pathlib.Path(sys.argv[1])):\n  print('mine', flush=True); sys.stdin.read()"
    )
    other = subprocess.Popen(
        [sys.executable, "-c", program, str(file)], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    )
    try:
        assert other.stdout.readline() == "mine\n"
        with pytest.raises(JournalError, match=f"journal_in_use.*{other.pid}"), sole_instance(file):
            pass
        assert running_instance(file) == other.pid
    finally:
        other.kill()
        other.communicate()
    # The kernel dropped the lock with the process.
    with sole_instance(file):
        assert running_instance(file) == os.getpid()
    assert running_instance(file) is None
    assert running_instance(tmp_path / "no" / "journal.db") is None


def test_a_lock_that_a_killed_daemon_leaves_for_a_moment_is_waited_for(tmp_path):
    """A program that it was about to start has it from the fork until it is executed."""
    file = tmp_path / "journal.db"
    with sole_instance(file):
        fork = os.fork()
        if fork == 0:
            # The child has the parent's lock as well, and keeps it a while after the parent has let go.
            time.sleep(0.5)
            os._exit(0)
    try:
        assert running_instance(file) is not None
        with sole_instance(file):
            assert running_instance(file) == os.getpid()
    finally:
        os.waitpid(fork, 0)


def test_the_lock_file_is_never_written_through_a_link(tmp_path):
    victim = tmp_path / "victim"
    victim.write_text("precious")
    (tmp_path / "journal.db.lock").symlink_to(victim)
    with pytest.raises(OSError, match="symbolic"), sole_instance(tmp_path / "journal.db"):
        pass
    assert victim.read_text() == "precious"
