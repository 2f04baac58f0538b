"""The file: noticed writers, full syncs."""

import sqlite3

import pytest
from sqlalchemy.exc import SQLAlchemyError

from retraind.domain.failures import JournalError
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
