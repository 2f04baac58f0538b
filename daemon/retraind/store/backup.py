"""Backups of the journal: one file with all that belongs together, which is checked before it counts.

A backup is a copy of the journal, in which a table of its own holds the key that signs job.json, and when and
where the copy was made. It can be made while a daemon works; to restore one, no daemon may work. SQLite opens
files on local disks only: it would hang with any other, so backups on shares are copied there and back.
"""

import fcntl
import fnmatch
import itertools
import os
import platform
import re
import secrets
import sqlite3
import tempfile
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from functools import partial
from pathlib import Path

from retraind import __version__
from retraind.domain.failures import JournalDamagedError, JournalError
from retraind.domain.problems import Problem, problem
from retraind.domain.progress import Watcher, Work, unwatched
from retraind.store.database import KEY_NAME, is_damage, reason_of, set_aside
from retraind.store.schema import SCHEMA
from retraind.system.copying import copy_in_place
from retraind.system.files import (
    PRIVATE,
    clear,
    exists,
    make_folder,
    names_in,
    status,
    sync_file,
    sync_folder,
    unlink,
    write_atomically,
)
from retraind.system.reading import open_regular, status_of_open
from retraind.system.remote.verbs import where

_TABLE = "backup"
FOLDER = "backups"
"""Beside the journal."""
_NAME = "journal-{:%Y-%m-%dT%H%M%SZ}.db"
_PATTERN = "journal-*Z.db"
_UPGRADE_NAME = "upgrade-{:%Y-%m-%dT%H%M%SZ}.db"
_UPGRADE_PATTERN = "upgrade-*Z.db"
"""These are not among those that `--keep` counts: a nightly one must not take away the way back."""
_PART = re.compile(r"\.(journal|upgrade)-[-\dT]+Z\.db\.[\da-f]{8}(-journal)?")
"""How a backup is called while it is made, and what SQLite puts beside it."""
_COPY = re.compile(r"\.(journal|upgrade)-[-\dT]+Z\.db\.part")
"""How it is called while it is copied to a share."""
_OLD = timedelta(days=1)
_UPGRADES_KEPT = 2
_PRIVATE_FILE = 0o600
_INSTRUCTIONS = 10_000
"""Of SQLite's virtual machine, after which whoever watches is shown how far it is: a few milliseconds."""
_PAGES = 1_000
"""That are restored at a time."""


@dataclass(frozen=True, slots=True)
class Backup:
    """A backup that has been read completely."""

    path: Path
    made_at: datetime
    host: str
    jobs: int
    size: int
    """Bytes."""
    key: bytes | None
    """What signs job.json; None if the journal had no key yet."""


def make(
    journal: Path, folder: Path, now: datetime, name: str = _NAME, watcher: Watcher = unwatched
) -> Backup:
    """Make a backup of `journal` in `folder`, and read it back.

    Raises JournalError, OSError, sqlite3.Error.
    """
    make_folder(folder, PRIVATE)
    path = folder / name.format(now.astimezone(UTC))
    place = folder if _is_local(folder) else journal.parent
    key = _key_beside(journal)
    with _part(place, path.name) as part:
        with (
            _connected(journal) as source,
            _watched(source, watcher, partial(_copied, watcher, journal, part)),
        ):
            # One transaction: it waits for nobody, and nobody waits for it.
            source.execute("VACUUM INTO ?", (str(part),))
        with _connected(part, "rw") as copy, copy:
            copy.execute(f"CREATE TABLE {_TABLE} (made_at REAL, host TEXT, version TEXT, key BLOB)")
            about = (now.timestamp(), platform.node(), __version__, key)
            copy.execute(f"INSERT INTO {_TABLE} VALUES (?, ?, ?, ?)", about)  # noqa: S608 - a constant
        sync_file(part)
        found = verify(part, watcher)
        if place == folder:
            part.rename(path)
            sync_folder(folder)
            return replace(found, path=path)
        _clear_copies(folder, now)
        copy_in_place(part, path, found.size, _PRIVATE_FILE)
    return verify(path, watcher)


@contextmanager
def _part(place: Path, name: str) -> Iterator[Path]:
    """Yield the path of a new file in which the backup `name` is made; what is left of it is removed.

    It is locked meanwhile, so that others know that it is no leftover. Raises OSError.
    """
    clear_parts(place)
    part = place / f".{name}.{secrets.token_hex(4)}"
    handle = _locked_new_file(part)
    try:
        yield part
    finally:
        clear(part)
        os.close(handle)


def _locked_new_file(path: Path) -> int:
    while True:
        handle = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, _PRIVATE_FILE)
        fcntl.flock(handle, fcntl.LOCK_EX)
        if os.fstat(handle).st_nlink:
            return handle
        os.close(handle)  # Somebody took it for a leftover before it was locked.


def clear_parts(place: Path) -> None:
    """Remove what backups left in a local folder when they were killed. Raises OSError."""
    for name in filter(_PART.fullmatch, names_in(place)):
        with suppress(OSError):  # It is being made, or somebody else's.
            _clear_leftover(place / name)


def _clear_leftover(path: Path) -> None:
    part = path.with_name(path.name.removesuffix("-journal"))
    try:
        handle = os.open(part, os.O_RDONLY | os.O_NOFOLLOW | os.O_CLOEXEC)
    except FileNotFoundError:
        clear(path)
        return
    try:
        fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        clear(path)
    finally:
        os.close(handle)


def _clear_copies(folder: Path, now: datetime) -> None:
    """Remove what is left in a folder on a share of copies that nobody has continued for a day."""
    for name in filter(_COPY.fullmatch, names_in(folder)):
        with suppress(OSError):
            if now.timestamp() - status(folder / name).st_mtime > _OLD.total_seconds():
                unlink(folder / name)


def before_upgrade(journal: Path, now: datetime) -> Path:
    """Back up a journal that is about to be migrated; the last two such backups are kept.

    Without a way back, nothing is migrated. Raises JournalDamagedError and JournalError.
    """
    folder = journal.with_name(FOLDER)
    try:
        made = make(journal, folder, now, _UPGRADE_NAME)
        prune(folder, _UPGRADES_KEPT, _UPGRADE_PATTERN)
    except (sqlite3.Error, OSError) as error:
        if is_damage(error):
            raise JournalDamagedError(_damage(journal, error)) from error
        why = reason_of(error)
        raise JournalError(problem("journal_not_backed_up", path=journal, folder=folder, why=why)) from error
    return made.path


def verify(path: Path, watcher: Watcher = unwatched) -> Backup:
    """Read a backup completely. Raises what `opened` does."""
    with opened(path, watcher) as (found, _):
        return found


@contextmanager
def opened(path: Path, watcher: Watcher = unwatched) -> Iterator[tuple[Backup, sqlite3.Connection]]:
    """Read a backup completely, and keep it open: whoever restores it perhaps may not open it.

    Raises JournalError where it cannot be restored here, and OSError.
    """
    with open_regular(path) as file:
        size = status_of_open(file).st_size
    with _connected_wherever(path, size) as connection:
        try:
            found = _read(connection, path, size, watcher)
        except sqlite3.DatabaseError as error:
            raise JournalDamagedError(problem("backup_damaged", path=path, reason=str(error))) from error
        yield found, connection


def _read(backup: sqlite3.Connection, path: Path, size: int, watcher: Watcher) -> Backup:
    _require_sound(backup, lambda reason: problem("backup_damaged", path=path, reason=reason), watcher)
    tables = {name for (name,) in backup.execute("SELECT name FROM sqlite_master WHERE type = 'table'")}
    if not {_TABLE, "jobs", "alembic_version"} <= tables:
        raise JournalError(problem("backup_of_another_program", path=path))
    (schema,) = backup.execute("SELECT version_num FROM alembic_version").fetchone()
    if schema > SCHEMA:
        raise JournalError(problem("journal_too_new", path=path, schema=schema))
    (jobs,) = backup.execute("SELECT count(*) FROM jobs").fetchone()
    made_at, host, key = backup.execute(f"SELECT made_at, host, key FROM {_TABLE}").fetchone()  # noqa: S608
    return Backup(path, datetime.fromtimestamp(made_at, UTC), host, jobs, size, key)


def check(journal: Path, watcher: Watcher = unwatched) -> int:
    """Read the journal itself completely; returns the number of jobs. Raises JournalError."""
    try:
        with _connected(journal) as found:
            _require_sound(found, lambda reason: _damage(journal, reason), watcher)
            (jobs,) = found.execute("SELECT count(*) FROM jobs").fetchone()
    except sqlite3.DatabaseError as error:
        raise JournalDamagedError(_damage(journal, error)) from error
    return int(jobs)


def restore(
    backup: Backup,
    source: sqlite3.Connection,
    journal: Path,
    *,
    replace_key: bool = False,
    watcher: Watcher = unwatched,
) -> Path | None:
    """Put a backup, opened as `source`, in the journal's place.

    Returns what the journal that was there is called now, if any.

    Call with `sole_instance` held. Killed at any point, it leaves the earlier journal, or none, which the
    next start rebuilds from the job folders; repeated, it ends as intended. The key that signs job.json is
    replaced only with `replace_key`: what the present one has signed could no longer be read. Raises
    JournalError, OSError, sqlite3.Error.
    """
    present = _key_beside(journal)
    key_file = journal.with_name(KEY_NAME)
    if present is not None and backup.key is not None and present != backup.key and not replace_key:
        raise JournalError(problem("backup_key_differs", path=backup.path, key=key_file))
    part = journal.with_name(f".{journal.name}.restored")
    clear(part)
    try:
        with _connected(part, "rwc") as copy:
            part.chmod(_PRIVATE_FILE)
            source.backup(copy, pages=_PAGES, progress=partial(_restored, watcher, backup.size))
            copy.execute(f"DROP TABLE {_TABLE}")
            copy.commit()
        sync_file(part)
        if backup.key is not None and present != backup.key:
            if present is not None:
                write_atomically(_unused(key_file), present, _PRIVATE_FILE)
            write_atomically(key_file, backup.key, _PRIVATE_FILE)
        aside = set_aside(journal, "replaced") if exists(journal) else None
        part.rename(journal)
        sync_folder(journal.parent)
    finally:
        clear(part)
    return aside


def prune(folder: Path, keep: int, pattern: str = _PATTERN) -> list[Path]:
    """Delete all but the newest `keep` backups in a folder, which `make` has made; returns those deleted."""
    old = _named(folder, pattern)[: -keep or None]
    for path in old:
        unlink(path)
    return old


def backups_in(folder: Path) -> list[Path]:
    """Return the backups in a folder that were made here, those before upgrades last."""
    return [path for pattern in (_PATTERN, _UPGRADE_PATTERN) for path in _named(folder, pattern)]


def _named(folder: Path, pattern: str) -> list[Path]:
    try:
        names = names_in(folder)
    except (FileNotFoundError, NotADirectoryError):
        return []
    return [folder / name for name in sorted(fnmatch.filter(names, pattern))]


def _is_local(path: Path) -> bool:
    return where(path)[0] is None


@contextmanager
def _connected_wherever(path: Path, size: int) -> Iterator[sqlite3.Connection]:
    """Connect to a backup, or to a copy of one that is on a share, which is deleted before anything else.

    Whoever restores it may act as somebody else by then.
    """
    if _is_local(path):
        with _connected(path) as connection:
            yield connection
        return
    with ExitStack() as leaving:
        with tempfile.TemporaryDirectory(prefix="retraind-") as private:
            copy = Path(private, "copy.db")
            copy_in_place(path, copy, size, _PRIVATE_FILE)
            connection = leaving.enter_context(_connected(copy))
            with suppress(sqlite3.DatabaseError):  # It is opened when it is first read.
                connection.execute("PRAGMA schema_version").fetchone()
        yield connection


@contextmanager
def _connected(file: Path, mode: str = "ro") -> Iterator[sqlite3.Connection]:
    connection = sqlite3.connect(f"{file.absolute().as_uri()}?mode={mode}", uri=True, timeout=30)
    try:
        yield connection
    finally:
        connection.close()


@contextmanager
def _watched(connection: sqlite3.Connection, watcher: Watcher, report: Callable[[], None]) -> Iterator[None]:
    """Report how far SQLite is while the block runs; nothing is done for it where nobody watches."""

    def tell() -> None:
        # An exception would end what SQLite does.
        with suppress(OSError):
            report()

    if watcher is not unwatched:
        connection.set_progress_handler(tell, _INSTRUCTIONS)
    try:
        yield
    finally:
        connection.set_progress_handler(None, 0)


def _copied(watcher: Watcher, journal: Path, part: Path) -> None:
    watcher(Work.COPY, part.stat().st_size, journal.stat().st_size)


def _restored(watcher: Watcher, size: int, _status: int, left: int, pages: int) -> None:
    watcher(Work.COPY, size * (pages - left) // max(1, pages), size)


def _require_sound(
    connection: sqlite3.Connection, damage: Callable[[str], Problem], watcher: Watcher
) -> None:
    with _watched(connection, watcher, lambda: watcher(Work.READ_BACK, 0, None)):
        (found,) = connection.execute("PRAGMA integrity_check(1)").fetchone()
    if found != "ok":
        raise JournalDamagedError(damage(found))


def _damage(file: Path, reason: object) -> Problem:
    return problem("journal_unusable", path=file, why=problem("journal_damaged", reason=str(reason)))


def _key_beside(journal: Path) -> bytes | None:
    try:
        with open_regular(journal.with_name(KEY_NAME)) as file:
            return file.read()
    except FileNotFoundError:
        return None


def _unused(path: Path) -> Path:
    names = (path.with_name(f"{path.name}.replaced-{number}") for number in itertools.count(1))
    return next(name for name in names if not exists(name))
