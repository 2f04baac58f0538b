"""The journal's file as SQLite sees it: opened by one daemon at a time, locked, damaged, deleted under it, set aside.

What is written in it is not known here: that is journal.py.
"""

import fcntl
import itertools
import os
import sqlite3
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any, Self

import sqlalchemy as sa
from sqlalchemy.exc import DatabaseError, OperationalError, SQLAlchemyError

from retraind.domain.failures import JournalDamagedError, JournalError
from retraind.domain.problems import legacy
from retraind.store.schema import migrate
from retraind.system.files import PRIVATE, exists, make_folder, move, sync_file

_LOCK_PATIENCE = 30.0
"""Seconds to wait for another program that is writing."""
_LOCK_MOMENT = 2.0
"""Seconds that the lock of a killed daemon may outlive it."""
_LOCK_STEP = 0.05
_SOUND_PATIENCE = 4.0
"""Seconds to read a journal anew when the daemon ends; it has eight for all."""
_CONNECTIONS = 24
"""More than the daemon has threads that use the journal at the same time."""
_DAMAGED = frozenset({sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB})
_LOCKED = frozenset({sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED})


class Database:
    """An open file. Safe to use from several threads."""

    def __init__(self, engine: sa.Engine, file: Path) -> None:
        self.engine = engine
        """For transactions that write: each owns the write lock from its start."""
        self.reader = engine.execution_options(read_only=True)
        """For transactions that only read."""
        self.damage: str | None = None
        """What of the file has turned out to make no sense, as SQLite says it."""
        self._file = file
        self._identity = _identity(file)
        self._watching: sa.Connection | None = None

        @sa.event.listens_for(engine, "do_connect")
        def _same_file(*_: object) -> None:
            # Another file would begin to live beside the one that the other connections still have.
            if not self.in_place:
                gone = sqlite3.OperationalError(f"{file} was deleted or replaced")
                raise OperationalError(None, None, gone)

        @sa.event.listens_for(engine, "handle_error")
        def _note_damage(context: sa.engine.ExceptionContext) -> None:
            if _code(context.original_exception) in _DAMAGED:
                self.damage = str(context.original_exception)

    @classmethod
    def open(cls, file: Path) -> Self:
        """Open the journal in `file`, creating it or bringing it to the present schema.

        Raises JournalError when the file is no journal, is from a newer retraind or cannot be written.
        """
        try:
            make_folder(file.parent, PRIVATE)
        except OSError as error:
            raise JournalError(
                legacy(
                    f"The journal's folder {file.parent} cannot be created: {error.strerror}. "
                    "Create it for the service's user, or set state.url."
                )
            ) from error
        engine = _engine(file)
        try:
            _make_private(file)
            migrate(engine, file)
            _write_ahead(engine)
            return cls(engine, file)
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
            # The disk does not tell just now; only what is surely gone is written anew.
            return True

    def examine(self) -> str | None:
        """Read the whole file and return what is wrong with it, if anything; it takes seconds for a long history."""
        try:
            with self.reader.connect() as connection:
                found = connection.exec_driver_sql("PRAGMA quick_check(1)").scalar_one()
        except DatabaseError:
            return self.damage
        if found != "ok":
            self.damage = str(found)
        return self.damage

    def rescue(self) -> Path | None:
        """Write out again what was deleted or replaced under the daemon; returns the new file, None without need.

        The open connections still have all of it. A file that took its place is left there, and this one is put
        beside it.
        """
        if self.in_place or self.damage:
            return None
        make_folder(self._file.parent)
        target = self._file if not exists(self._file) else _free_name(self._file, "replaced")
        temporary = target.with_name(f".{target.name}.tmp")
        temporary.unlink(missing_ok=True)
        # The one connection that is surely from before.
        self.data_version()
        assert self._watching is not None
        self._watching.connection.cursor().execute("VACUUM INTO ?", (str(temporary),))
        temporary.chmod(0o600)
        sync_file(temporary)
        if target == self._file:
            for ending in ("-wal", "-shm"):
                target.with_name(target.name + ending).unlink(missing_ok=True)
        move(temporary, target)
        return target

    def data_version(self) -> int:
        """Return a number that changes whenever any other connection, in any process, has written.

        Meant for one caller: it keeps a connection of its own to compare on.
        """
        if self._watching is None:
            self._watching = self.reader.connect()
        version = self._watching.exec_driver_sql("PRAGMA data_version").scalar_one()
        self._watching.rollback()
        return int(version)


def _identity(file: Path) -> tuple[int, int] | None:
    try:
        status = file.stat()
    except (FileNotFoundError, NotADirectoryError):
        return None
    return status.st_dev, status.st_ino


def _code(error: BaseException | None) -> int:
    """Return SQLite's primary result code; 0 for what is not SQLite's."""
    return getattr(error, "sqlite_errorcode", 0) & 0xFF


def is_there(file: Path) -> bool:
    """Tell whether there is a journal in `file`. Raises JournalError where this user may not look."""
    try:
        return exists(file, follow=True)
    except PermissionError:
        raise _of_another(file) from None


def _of_another(file: Path, beside: Path | None = None) -> JournalError:
    return JournalError(
        legacy(
            f"The journal {file} cannot be used: this user may not read and write {beside or 'it'}. Run commands as the "
            "service's user, such as: sudo -u retraind retraind status"
        )
    )


def unusable(file: Path, error: DatabaseError) -> JournalError:
    """Word what keeps a journal from being used, and what helps."""
    if exists(file, follow=True) and not os.access(file, os.R_OK | os.W_OK, effective_ids=True):
        return _of_another(file)
    kind = JournalDamagedError if _code(error.orig) in _DAMAGED else JournalError
    return kind(legacy(f"The journal {file} cannot be used: {error.orig}.", remedy(error)))


def remedy(error: SQLAlchemyError) -> str:
    """Say what helps when the journal cannot be read or written."""
    code = _code(getattr(error, "orig", None))
    if code in _DAMAGED:
        return "It is damaged, or no journal at all. If it is retraind's own, run: retraind rebuild"
    if code in _LOCKED:
        return "Another program keeps it locked. End that program; fuser tells which it is."
    return "Free space where it is, or mend the disk; all goes on by itself then."


def _engine(file: Path) -> sa.Engine:
    # SQLite keeps the handle of a closed connection for as long as another one has a lock, so all are kept open, and those
    # used last are used first, lest each of them fills a cache of its own.
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
        cursor = connection.cursor()
        cursor.execute("PRAGMA synchronous = FULL")
        cursor.close()

    @sa.event.listens_for(engine, "begin")
    def _begin(connection: sa.Connection) -> None:
        # A transaction that reads before it writes must own the write lock from the start, or it can fail
        # half-way with "database is locked" however long the time-out.
        connection.exec_driver_sql("BEGIN IMMEDIATE" if _writes(connection) else "BEGIN")

    return engine


def _write_ahead(engine: sa.Engine) -> None:
    """Have readers and the writer not wait for each other; the file remembers it. Not before it is known to be ours."""
    connection = engine.raw_connection()
    try:
        connection.cursor().execute("PRAGMA journal_mode = WAL")
    except sqlite3.DatabaseError as error:
        raise DatabaseError(None, None, error) from error
    finally:
        connection.close()


def _writes(connection: sa.Connection) -> bool:
    return not connection.get_execution_options().get("read_only", False)


def _free_name(file: Path, word: str) -> Path:
    """Return the first name beside `file`, `word` and a number added, that nothing has."""
    names = (file.with_name(f"{file.name}.{word}-{number}") for number in itertools.count(1))
    return next(name for name in names if not exists(name))


def is_sound(file: Path) -> bool:
    """Read the closed journal in `file` anew, and tell whether all of it makes sense.

    SQLite also calls a file malformed of which the disk has not shown it everything. False as well when that takes too
    long to be found out.
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


def set_aside(file: Path) -> Path:
    """Rename a journal that cannot be used, with what belongs to it, so that a new one can be begun.

    Returns the new name. Nothing is deleted. Call with `sole_instance` held.
    """
    aside = _free_name(file, "bad")
    for ending in ("", "-wal", "-shm"):
        part = file.with_name(file.name + ending)
        if exists(part):
            part.rename(aside.with_name(aside.name + ending))
    return aside


def running_instance(file: Path) -> int | None:
    """Return the process number of the daemon that works with the journal in `file`, or None.

    Raises JournalError where this user may not look.
    """
    lock = file.with_name(file.name + ".lock")
    try:
        handle = os.open(lock, os.O_RDONLY | os.O_CLOEXEC)
    except FileNotFoundError:
        return None
    except PermissionError:
        raise _of_another(file, lock) from None
    try:
        fcntl.flock(handle, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except BlockingIOError:
        owner = os.read(handle, 32).decode(errors="replace").strip()
        return int(owner) if owner.isdecimal() else 0
    else:
        return None
    finally:
        os.close(handle)


def _make_private(file: Path) -> None:
    """Begin an empty file that only its owner can read; SQLite gives its companions the same rights."""
    with suppress(FileExistsError):
        os.close(os.open(file, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600))


@contextmanager
def sole_instance(file: Path) -> Iterator[None]:
    """Keep the journal in `file` for this process alone while the block runs.

    The kernel drops the lock when the process ends, however it ends; a program that it was about to start may still
    have it for a moment. Raises JournalError when another process has it for longer, with that process's number.
    """
    make_folder(file.parent, PRIVATE)
    lock = file.with_name(file.name + ".lock")
    handle = os.open(lock, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC | os.O_NOFOLLOW, 0o600)
    try:
        if not _locked(handle):
            owner = os.read(handle, 32).decode(errors="replace").strip()
            raise JournalError(
                legacy(
                    f"Another retraind (process {owner or 'unknown'}) already works with the journal {file}. "
                    "Stop that one first, or give this one a journal of its own with state.url."
                )
            )
        os.ftruncate(handle, 0)
        os.write(handle, f"{os.getpid()}\n".encode())
        yield
    finally:
        os.close(handle)


def _locked(handle: int) -> bool:
    """Lock an open file for this process alone; returns False where another one has kept it for `_LOCK_MOMENT`."""
    deadline = time.monotonic() + _LOCK_MOMENT
    while True:
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            if time.monotonic() >= deadline:
                return False
            time.sleep(_LOCK_STEP)
        else:
            return True
