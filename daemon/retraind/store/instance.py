"""The daemon that works with a journal, as other processes see it: its lock, and what it knows of itself.

Both are small files beside the journal. Nobody else writes them; they have no secrets.
"""

import fcntl
import os
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from datetime import UTC, datetime
from pathlib import Path

from pydantic import BaseModel, ConfigDict, ValidationError

from retraind.domain.counts import Counts
from retraind.domain.failures import JournalError
from retraind.domain.problems import Problem, problem
from retraind.system.files import PRIVATE, make_folder, write_atomically
from retraind.system.reading import open_regular

_LOCK_MOMENT = 2.0
"""Seconds that the lock of a killed daemon may outlive it."""
_LOCK_STEP = 0.05
_LARGEST = 4 << 20
"""Bytes that are read."""


class _Part(BaseModel):
    # A newer retraind may have more to say.
    model_config = ConfigDict(frozen=True, extra="ignore", defer_build=True)


class Configuration(_Part):
    """The configuration in force."""

    path: str
    sha256: str | None
    """Of the file as it was read; None where it could not be read again."""
    read_at: datetime


class RefusedReload(_Part):
    """A reload that left the configuration as it was."""

    at: datetime
    problems: tuple[Problem, ...]


class Unreachable(_Part):
    """Something that the daemon needs and cannot reach."""

    model: str | None
    setting: str
    directive: str | None
    """The unit's directive that takes it away; None where something else does."""
    problem: Problem


class DaemonState(_Part):
    """The daemon as it saw itself at `written_at`. Moments are UTC."""

    schema_version: int = 1
    pid: int
    version: str
    started_at: datetime
    ready_at: datetime | None = None
    """When all folders had been scanned once."""
    stopped_at: datetime | None = None
    written_at: datetime
    again_at: datetime
    """When it is written again at the latest."""
    alive_at: datetime
    """When the daemon's own loop last turned. It turns each second."""
    timetable_at: datetime | None = None
    """When the timetable, which asks for sweeps, last ran something. It does so every few seconds."""
    last_sweep_at: datetime | None = None
    """When a sweep last ended, of any file system."""
    whole_sweep_at: datetime | None = None
    """Since when every file system has been swept: the oldest of their last sweeps."""
    journal_trouble: Problem | None = None
    """Why the journal cannot be written."""
    sweep_due_at: datetime
    """When a sweep should have ended; after that all shares hang, and the watchdog acts."""
    configuration: Configuration
    upload_rate: str | None = None
    """How fast all uploads together may send; None is as fast as the line is."""
    refused_reload: RefusedReload | None = None
    """The last reload, if it was refused."""
    sandbox: dict[str, str] = {}
    """The directives of the unit that the daemon notices, with their values."""
    unreachable: tuple[Unreachable, ...] = ()
    unreachable_more: int = 0
    """How many more there are than are listed."""
    waiting_since: Mapping[str, datetime] = {}
    """Since when the oldest file has waited in a drop folder, of each model where one does."""
    keys_end: Mapping[str, datetime] = {}
    """When each model's key ends, as far as that is known."""
    counts: Counts = Counts()
    """What was counted since the start."""


def state_file(journal: Path) -> Path:
    """Return where the state of the daemon with this journal is kept."""
    return journal.with_name(f"{journal.name}.daemon.json")


def write_state(journal: Path, state: DaemonState) -> None:
    """Replace the state. It is not synced: it counts only while the daemon lives. Raises OSError."""
    write_atomically(state_file(journal), state.model_dump_json().encode(), 0o600, durable=False)


def read_state(journal: Path) -> DaemonState | None:
    """Return the state; None where there is none, or it cannot be read."""
    try:
        with open_regular(state_file(journal)) as file:
            return DaemonState.model_validate_json(file.read(_LARGEST))
    except (OSError, ValidationError):
        return None


def lock_of(file: Path) -> Path:
    """Return the file by which one daemon keeps the journal in `file` for itself."""
    return file.with_name(file.name + ".lock")


def running_instance(file: Path) -> int | None:
    """Return the process id of the daemon that works with the journal in `file`, or None.

    Raises JournalError where this user cannot look.
    """
    lock = lock_of(file)
    try:
        handle = os.open(lock, os.O_RDONLY | os.O_CLOEXEC)
    except FileNotFoundError:
        return None
    except PermissionError:
        raise of_another(file, lock) from None
    try:
        fcntl.flock(handle, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except BlockingIOError:
        return _owner(handle)
    else:
        return None
    finally:
        os.close(handle)


def instance_since(file: Path) -> datetime | None:
    """Return when whoever works with the journal in `file` began, or last did; None where it is not known."""
    with suppress(OSError):
        return datetime.fromtimestamp(lock_of(file).stat().st_mtime, UTC)
    return None


@contextmanager
def sole_instance(file: Path) -> Iterator[None]:
    """Keep the journal in `file` for this process alone while the block runs.

    The kernel drops the lock when the process ends, however it ends; a program that it was about to start may
    still have it for a moment. Raises JournalError, with the other process's id, when another process keeps
    it.
    """
    make_folder(file.parent, PRIVATE)
    lock = lock_of(file)
    handle = os.open(lock, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC | os.O_NOFOLLOW, 0o600)
    try:
        if not _locked(handle):
            raise JournalError(problem("journal_in_use", path=file, process=_owner(handle)))
        os.ftruncate(handle, 0)
        os.write(handle, f"{os.getpid()}\n".encode())
        yield
    finally:
        os.close(handle)


def _locked(handle: int) -> bool:
    """Lock an open file for this process; returns False when another one has kept it for `_LOCK_MOMENT`."""
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


def _owner(handle: int) -> int:
    """Return the process id in an open lock file, 0 where it is not known."""
    owner = os.read(handle, 32).decode(errors="replace").strip()
    return int(owner) if owner.isdecimal() else 0


def of_another(file: Path, denied: Path) -> JournalError:
    """Return that this user cannot use the journal in `file`, because `denied` is closed to them."""
    owner = _owner_name(file) or _owner_name(file.parent)
    return JournalError(problem("journal_of_another_user", path=file, denied=denied, owner=owner))


def _owner_name(path: Path) -> str | None:
    """Return whose a file is; None for root, for somebody without a name, and where nobody may look."""
    with suppress(OSError, KeyError):
        return path.owner() if path.stat().st_uid else None
    return None
