"""New tables and migrated ones are the same, and what is not ours is left alone."""

import sqlite3
from pathlib import Path

import pytest
import sqlalchemy as sa
from alembic import command
from alembic.config import Config
from alembic.script import ScriptDirectory

import retraind
from retraind.domain.failures import JournalError
from retraind.store.journal import Journal
from retraind.store.schema import SCHEMA


def migrated(file: Path, revision: str = "head") -> sqlite3.Connection:
    """Make a journal step by step, as one from the first version was."""
    engine = sa.create_engine(f"sqlite:///{file}")
    config = Config()
    config.set_main_option("script_location", str(Path(retraind.__file__).parent / "store" / "migrations"))
    with engine.begin() as connection:
        config.attributes["connection"] = connection
        command.upgrade(config, revision)
    engine.dispose()
    return sqlite3.connect(file)


def schema_of(connection: sqlite3.Connection) -> set[tuple]:
    tables = [row[0] for row in connection.execute("SELECT name FROM sqlite_master WHERE type = 'table'")]
    columns = {
        (table, *row[1:]) for table in tables for row in connection.execute(f"PRAGMA table_info({table})")
    }
    indexes = {
        (table, index[1], index[2], *(row[2] for row in connection.execute(f"PRAGMA index_info({index[1]})")))
        for table in tables
        for index in connection.execute(f"PRAGMA index_list({table})")
    }
    return columns | indexes | set(connection.execute("SELECT version_num FROM alembic_version"))


def test_a_new_journal_and_a_migrated_one_are_the_same(tmp_path):
    Journal.open(tmp_path / "new.db").close()
    with sqlite3.connect(tmp_path / "new.db") as new:
        assert schema_of(new) == schema_of(migrated(tmp_path / "old.db"))


def test_a_journal_of_the_first_version_is_brought_up_to_date_with_its_jobs(tmp_path):
    file = tmp_path / "journal.db"
    with migrated(file, "0001") as old:
        old.execute("INSERT INTO jobs VALUES ('one', 'churn', 'done', 0, NULL, 1, '{}')")
    Journal.open(file).close()
    with sqlite3.connect(file) as connection:
        assert schema_of(connection) == schema_of(migrated(tmp_path / "fresh.db"))
        assert connection.execute("SELECT id FROM jobs").fetchall() == [("one",)]


def test_the_schema_that_the_code_expects_is_the_newest_migration():
    config = Config()
    config.set_main_option("script_location", str(Path(retraind.__file__).parent / "store" / "migrations"))
    assert ScriptDirectory.from_config(config).get_current_head() == SCHEMA


def test_a_journal_from_a_newer_version_is_refused_and_left_as_it_is(tmp_path):
    file = tmp_path / "journal.db"
    Journal.open(file).close()
    with sqlite3.connect(file) as connection:
        connection.execute("UPDATE alembic_version SET version_num = '9999'")
    with pytest.raises(JournalError, match=r"journal_too_new.*9999"):
        Journal.open(file)
    with sqlite3.connect(file) as connection:
        assert connection.execute("SELECT version_num FROM alembic_version").fetchone() == ("9999",)
