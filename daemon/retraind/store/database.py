"""The journal's file as SQLite sees it: opened, written ahead, damaged, gone, set aside.

What is written in it is not known here: that is journal.py.
"""

import errno
import itertools
import os
import sqlite3
import time
from collections.abc import Callable, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any, Self

import sqlalchemy as sa
from sqlalchemy.exc import DatabaseError, OperationalError, SQLAlchemyError

from retraind.domain.failures import JournalDamagedError, JournalError
from retraind.domain.problems import Problem, file_problem, problem
from retraind.store.instance import of_another
from retraind.store.schema import Upgrade, migrate, touch
from retraind.system.files import PRIVATE, exists, make_folder, status

KEY_NAME = "seal.key"
"""The file beside the journal with the key that signs job.json."""
_LOCK_PATIENCE = 30.0
"""Seconds to wait for another program that is writing."""
_SOUND_PATIENCE = 4.0
"""Seconds to read a journal again when the daemon ends, which has eight in all."""
_CONNECTIONS = 24
"""More than the daemon has threads that use the journal at the same time."""
_VERSION = "PRAGMA data_version"
_TRIED_BYTES = 32 << 10
_FAILING = frozenset({errno.ENOSPC, errno.EDQUOT, errno.EROFS, errno.EIO})
_DAMAGED = frozenset({sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB})
_LOCKED = frozenset({sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED})


class _Gone(sqlite3.OperationalError):
    """The journal's name does not lead to the file that was opened."""


class Database:
    """An open file. Safe to use from several threads."""

    def __init__(self, engine: sa.Engine, file: Path, upgrade: Upgrade | None = None) -> None:
        self.upgrade = upgrade
        """What was done to open the file, if it was of an earlier retraind."""
        self.engine = engine
        """For transactions that write: each owns the write lock from its start."""
        self.reader = engine.execution_options(read_only=True)
        """For transactions that only read."""
        self.relaxed = engine.execution_options(synced_later=True)
        """For transactions that write what a power loss may take: the next one of another kind syncs them."""
        self.damage: str | None = None
        """What has turned out to be wrong with the file, in SQLite's words."""
        self.failures = 0
        """How many calls have failed, not counting those that the journal's tables refuse."""
        self.failure = problem("journal_gone")
        """Why the last of them has."""
        self._file = file
        self._identity = _identity(file)
        self._watching: sa.Connection | None = None

        @sa.event.listens_for(engine, "do_connect")
        def _same_file(*_: object) -> None:
            # This connection would be to another file than the others.
            if not self.in_place:
                raise OperationalError(None, None, _Gone())

        @sa.event.listens_for(engine, "handle_error")
        def _note_damage(context: sa.engine.ExceptionContext) -> None:
            if _code(context.original_exception) in _DAMAGED:
                self.damage = str(context.original_exception)
            if isinstance(context.sqlalchemy_exception, OperationalError):
                self.failure = reason_of(context.sqlalchemy_exception)
                self.failures += 1

    @classmethod
    def open(cls, file: Path, back_up: Callable[[Path], Path]) -> Self:
        """Open the journal in `file`, creating it or bringing it to the present schema after `back_up`.

        Raises what `back_up` raises, and JournalError when the file is not a journal, is from a newer
        retraind or cannot be written.
        """
        try:
            make_folder(file.parent, PRIVATE)
        except OSError as error:
            why = file_problem(error).but(path=None)
            raise JournalError(problem("journal_folder_missing", path=file.parent, why=why)) from error
        engine = _engine(file)
        try:
            _make_private(file)
            upgrade = migrate(engine, file, back_up)
            _write_ahead(engine)
            return cls(engine, file, upgrade)
        except DatabaseError as error:
            engine.dispose()
            raise unusable(file, error) from error
        except (OSError, JournalError):
            engine.dispose()
            raise

    def close(self) -> None:
        """Close all connections."""
        if self._watching is not None:
            self._watching.close()
            self._watching = None
        self.engine.dispose()

    @property
    def in_place(self) -> bool:
        """True while the journal's name leads to the file that was opened."""
        try:
            return _identity(self._file) == self._identity
        except OSError:
            return True  # Nothing is known for certain now.

    def examine(self) -> str | None:
        """Read the complete file, which may take seconds, and return what is wrong with it, if anything."""
        try:
            with self.reader.connect() as connection:
                found = connection.exec_driver_sql("PRAGMA quick_check(1)").scalar_one()
        except DatabaseError:
            return self.damage
        if found != "ok":
            self.damage = str(found)
        return self.damage

    @property
    def folder(self) -> Path:
        """Where the file is, with its companions."""
        return self._file.parent

    def rows(self, query: sa.Executable) -> Sequence[Any]:
        """Return what a query finds, read by itself."""
        with self.reader.connect() as connection:
            return connection.execute(query).all()

    def try_to_write(self) -> bool:
        """Write without changing anything; returns whether it succeeds."""
        try:
            with self.engine.begin() as connection:
                touch(connection)
        except SQLAlchemyError:
            return False  # It is counted.
        return True

    def data_version(self) -> int:
        """Return a number that changes whenever any other connection, in any process, has written.

        Meant for one caller: it keeps a connection of its own to compare on.
        """
        if self._watching is None:
            self._watching = self.reader.connect()
        try:
            # Asked each second for years; all the layers take ten times as long.
            driver = self._watching.connection.driver_connection
            return int(driver.execute(_VERSION).fetchone()[0])  # type: ignore[union-attr]
        except sqlite3.Error:
            # The layers count it, and raise what callers expect.
            version = self._watching.exec_driver_sql(_VERSION).scalar_one()
        self._watching.rollback()
        return int(version)


def _identity(file: Path) -> tuple[int, int] | None:
    try:
        found = status(file, follow=True)
    except (FileNotFoundError, NotADirectoryError):
        return None
    return found.st_dev, found.st_ino


def _code(error: BaseException | None) -> int:
    """Return SQLite's primary result code; 0 for what is not SQLite's."""
    return getattr(error, "sqlite_errorcode", 0) & 0xFF


def is_damage(error: BaseException) -> bool:
    """Return whether SQLite says with an error that the file is damaged."""
    return _code(error) in _DAMAGED


def is_there(file: Path) -> bool:
    """Return whether there is a journal in `file`. Raises JournalError where this user cannot look."""
    try:
        return exists(file, follow=True)
    except PermissionError:
        raise of_another(file, file) from None


def unusable(file: Path, error: DatabaseError) -> JournalError:
    """Return what keeps a journal from being used."""
    if exists(file, follow=True) and not os.access(file, os.R_OK | os.W_OK, effective_ids=True):
        return of_another(file, file)
    kind = JournalDamagedError if _code(error.orig) in _DAMAGED else JournalError
    return kind(problem("journal_unusable", path=file, why=reason_of(error)))


def reason_of(error: SQLAlchemyError | sqlite3.Error | OSError) -> Problem:
    """Return why a journal, or a file, cannot be read or written."""
    if isinstance(error, OSError):
        return file_problem(error)
    original = getattr(error, "orig", None) or error
    if isinstance(original, _Gone):
        return problem("journal_gone")
    reason, code = str(original), _code(original)
    if code in _DAMAGED:
        return problem("journal_damaged", reason=reason)
    return problem("journal_locked" if code in _LOCKED else "database_error", reason=reason)


def _engine(file: Path) -> sa.Engine:
    # SQLite keeps the handle of a closed connection for as long as another one has a lock, so all are kept
    # open, and those used last are used first: each has a cache of its own.
    engine = sa.create_engine(
        sa.URL.create("sqlite", database=str(file)),
        connect_args={"timeout": _LOCK_PATIENCE},
        pool_size=_CONNECTIONS,
        pool_use_lifo=True,
    )

    @sa.event.listens_for(engine, "connect")
    def _set_up(connection: Any, _record: object) -> None:
        # SQLAlchemy, not the driver, begins transactions (see below).
        connection.isolation_level = None

    @sa.event.listens_for(engine, "begin")
    def _begin(connection: sa.Connection) -> None:
        # A transaction that reads before it writes must own the write lock from the start, or it can fail
        # halfway with "database is locked" however long the time-out.
        if not _writes(connection):
            connection.exec_driver_sql("BEGIN")
            return
        # In the write-ahead log: whether the log is synced with each commit, or with the next that is FULL.
        later = connection.get_execution_options().get("synced_later", False)
        connection.exec_driver_sql(f"PRAGMA synchronous = {'NORMAL' if later else 'FULL'}")
        connection.exec_driver_sql("BEGIN IMMEDIATE")

    return engine


def _write_ahead(engine: sa.Engine) -> None:
    """Let readers and the writer not wait for each other. The file keeps this, so it must be a journal."""
    connection = engine.raw_connection()
    try:
        connection.cursor().execute("PRAGMA journal_mode = WAL")
    except sqlite3.DatabaseError as error:
        raise DatabaseError(None, None, error) from error
    finally:
        connection.close()


def _writes(connection: sa.Connection) -> bool:
    return not connection.get_execution_options().get("read_only", False)


def is_sound(file: Path) -> bool:
    """Read the closed journal in `file` again, and return whether all of it is consistent.

    SQLite also calls a file malformed of which the disk has not returned everything. False as well when
    reading takes too long.
    """
    deadline = time.monotonic() + _SOUND_PATIENCE
    try:
        connection = sqlite3.connect(f"{file.as_uri()}?mode=rw", uri=True, timeout=_SOUND_PATIENCE)
    except sqlite3.Error:
        return False
    try:
        connection.set_progress_handler(lambda: time.monotonic() > deadline, 10_000)
        return bool(connection.execute("PRAGMA quick_check(1)").fetchone() == ("ok",))
    except sqlite3.Error:
        return False
    finally:
        connection.close()


def set_aside(file: Path, because: str = "bad") -> Path:
    """Rename a journal that cannot be used, with its companions, so that a new one can be created.

    Returns the new name. Nothing is deleted. Call with `sole_instance` held.
    """
    names = (file.with_name(f"{file.name}.{because}-{number}") for number in itertools.count(1))
    aside = next(name for name in names if not exists(name))
    for ending in ("", "-wal", "-shm"):
        part = file.with_name(file.name + ending)
        if exists(part):
            part.rename(aside.with_name(aside.name + ending))
    return aside


def _make_private(file: Path) -> None:
    """Create an empty file that only its owner can read; SQLite gives its companions the same permissions."""
    with suppress(FileExistsError):
        os.close(os.open(file, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600))


def trouble_of_disk(file: Path) -> Problem | None:
    """Return what keeps this process from writing beside the journal in `file`; None where it is not known.

    For another process than the daemon, which must not write to the journal to find out.
    """
    try:
        handle = os.open(file.parent, os.O_TMPFILE | os.O_WRONLY | os.O_CLOEXEC, 0o600)
    except OSError as error:
        return file_problem(error, file.parent) if error.errno in _FAILING else None
    try:
        os.write(handle, bytes(_TRIED_BYTES))
        os.fsync(handle)
    except OSError as error:
        return file_problem(error, file.parent)
    finally:
        os.close(handle)
    return None
