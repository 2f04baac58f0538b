"""Opens the journal for a process that only reads: nothing is created, migrated or locked.

The journal may be missing, locked, of another version, or replaced by another file while the process runs.
"""

import sqlite3
from contextlib import suppress
from pathlib import Path
from typing import Any

import sqlalchemy as sa
from sqlalchemy.exc import DatabaseError
from sqlalchemy.pool import QueuePool

from retraind.domain.failures import JournalError
from retraind.domain.problems import Problem, problem
from retraind.store.database import Database, is_there, reason_of
from retraind.store.journal import Journal
from retraind.store.schema import SCHEMA, revision
from retraind.system.clock import Clock
from retraind.system.files import exists

_CONNECTIONS = 48
"""More than a server has threads that read."""
_PATIENCE = 2.0
"""Seconds to wait for a program that has locked the journal; pages do not wait longer."""


class ReadOnlyJournal:
    """The journal in a file, opened again whenever another file has its name. Not thread-safe."""

    def __init__(self, file: Path, clock: Clock) -> None:
        self.file = file
        self._clock = clock
        self._journal: Journal | None = None

    def get(self) -> Journal:
        """Return the journal. Raises JournalError while it cannot be read."""
        if self._journal is not None and self._journal.database.in_place:
            return self._journal
        self.close()
        if not is_there(self.file):
            raise JournalError(problem("page_journal_missing", path=self.file))
        engine = _engine(self.file)
        try:
            with engine.connect() as connection:
                found = revision(connection)
        except DatabaseError as error:
            engine.dispose()
            raise JournalError(trouble_of(self.file, error)) from error
        if found != SCHEMA:
            engine.dispose()
            raise JournalError(_of_another_version(self.file, found))
        self._journal = Journal(Database(engine, self.file), self._clock)
        return self._journal

    def rest(self) -> None:
        """Close the connections that are not in use, after each request.

        One that stayed open would keep SQLite from merging what is written ahead when the daemon ends, and
        could be to a journal that was replaced.
        """
        if self._journal is not None:
            self._journal.database.engine.dispose()

    def close(self) -> None:
        """Close all connections."""
        if self._journal is not None:
            self._journal.close()
            self._journal = None


def trouble_of(file: Path, error: DatabaseError) -> Problem:
    """Return why a journal cannot be read now."""
    return problem("page_journal_unreadable", path=file, why=reason_of(error))


def _of_another_version(file: Path, found: str | None) -> Problem:
    if found is None:
        return problem("journal_of_another_program", path=file)
    return problem("journal_too_new" if found > SCHEMA else "page_journal_too_old", path=file, schema=found)


def _engine(file: Path) -> sa.Engine:
    engine = sa.create_engine(
        "sqlite://",
        creator=lambda: _connect(file),
        poolclass=QueuePool,
        pool_size=_CONNECTIONS,
        pool_use_lifo=True,
    )

    @sa.event.listens_for(engine, "connect")
    def _set_up(connection: Any, _record: object) -> None:
        connection.isolation_level = None
        connection.execute("PRAGMA query_only = ON")

    @sa.event.listens_for(engine, "begin")
    def _begin(connection: sa.Connection) -> None:
        connection.exec_driver_sql("BEGIN")

    return engine


def _connect(file: Path) -> sqlite3.Connection:
    address = f"{file.absolute().as_uri()}?mode=ro"
    connection = _open(address)
    try:
        connection.execute("SELECT 1 FROM sqlite_master LIMIT 1").fetchone()
    except sqlite3.OperationalError as error:
        connection.close()
        if not _is_at_rest(file, error):
            raise
        # No daemon has the journal open, and SQLite may not create here what it wants beside a file that
        # others could write to.
        return _open(f"{address}&immutable=1")
    return connection


def _is_at_rest(file: Path, error: sqlite3.OperationalError) -> bool:
    """Return whether the journal cannot be opened only because nobody has it open."""
    wanted = {sqlite3.SQLITE_CANTOPEN, sqlite3.SQLITE_READONLY}
    if getattr(error, "sqlite_errorcode", 0) & 0xFF not in wanted:
        return False
    with suppress(OSError):
        return not exists(file.with_name(file.name + "-wal"))
    return False


def _open(address: str) -> sqlite3.Connection:
    return sqlite3.connect(address, uri=True, timeout=_PATIENCE, check_same_thread=False)
