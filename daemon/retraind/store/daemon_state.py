"""What the daemon knows of itself, in a small file beside the journal: for `status`, in another process.

Nobody else writes it, and the daemon never reads it. It has no secrets.
"""

from collections.abc import Mapping
from datetime import datetime
from pathlib import Path

from pydantic import BaseModel, ConfigDict, ValidationError

from retraind.domain.counts import Counts
from retraind.domain.problems import Problem
from retraind.system.files import write_atomically
from retraind.system.reading import open_regular

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
