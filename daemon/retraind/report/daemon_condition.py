"""Whether the daemon works, as another process can know it: from its lock, its own state, and the kernel."""

from datetime import datetime, timedelta
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING

from retraind.domain.problems import Problem, problem

if TYPE_CHECKING:
    from retraind.store.instance import DaemonState

_GRACE = timedelta(seconds=30)
"""How much later than it said the daemon may write its state: the machine may be busy."""
_LOOP_PATIENCE = timedelta(seconds=60)
"""How long its loop, which turns each second, may stand still: a reload waits for shares."""
_TIMETABLE_PATIENCE = timedelta(seconds=120)
"""How long its timetable, which runs something every few seconds, may run nothing."""
_START_PATIENCE = timedelta(minutes=15)
"""How long systemd lets a start take."""


class Condition(StrEnum):
    """How the daemon is."""

    RUNNING = "running"
    STARTING = "starting"
    NOT_RUNNING = "not_running"
    STOPPING = "stopping"
    SUSPENDED = "suspended"
    """Somebody has stopped its process with a signal."""
    ZOMBIE = "zombie"
    """It has ended, but a thread that hangs in the kernel keeps its lock."""
    SILENT = "silent"
    """It does not report any more."""
    LOOP_HANGS = "loop_hangs"
    TIMETABLE_HANGS = "timetable_hangs"
    """Nothing that is due at an interval is run."""
    SCANS_HANG = "scans_hang"
    """No scan of a drop folder has ended for long."""

    @property
    def is_good(self) -> bool:
        """Whether it works, or will soon."""
        return self in {Condition.RUNNING, Condition.STARTING}


_BY_KERNEL = {
    "T": Condition.SUSPENDED,
    "t": Condition.SUSPENDED,
    "Z": Condition.ZOMBIE,
    "X": Condition.ZOMBIE,
}
"""By the state of the process: proc(5)."""


def condition_of(
    process: int | None,
    state: "DaemonState | None",
    now: datetime,
    kernel: str | None = None,
    since: datetime | None = None,
) -> Condition:
    """Return how the daemon is that has had the journal's lock as `process`, and `since` when.

    `kernel` is what the kernel calls the process's state: a letter of proc(5). None is what is not known.
    """
    if process is None:
        return Condition.NOT_RUNNING
    if kernel is not None and (found := _BY_KERNEL.get(kernel)) is not None:
        return found
    if state is None or state.pid != process:
        # It has not written its state yet. An earlier retraind writes none, but nobody would know if it hung.
        late = since is not None and now > since + _START_PATIENCE
        return Condition.SILENT if late else Condition.RUNNING
    starting = state.ready_at is None and now < state.started_at + _START_PATIENCE
    signs = {
        Condition.STOPPING: state.stopped_at is not None,
        Condition.SILENT: now > state.again_at + _GRACE,
        Condition.STARTING: starting,
        Condition.LOOP_HANGS: state.written_at > state.alive_at + _LOOP_PATIENCE,
        Condition.TIMETABLE_HANGS: state.timetable_at is not None
        and state.written_at > state.timetable_at + _TIMETABLE_PATIENCE,
        Condition.SCANS_HANG: now > state.sweep_due_at,
    }
    return next((condition for condition, shown in signs.items() if shown), Condition.RUNNING)


def kernel_state(process: int | None) -> str | None:
    """Return the letter of a process's state; None where the kernel does not show it."""
    try:
        text = Path(f"/proc/{process}/stat").read_text(encoding="utf-8", errors="replace")
    except OSError:
        return None
    # The name of the program, in brackets, may contain anything.
    return text.rpartition(")")[2].split()[0]


def condition_problem(  # noqa: PLR0911 - one for each condition
    condition: Condition, process: int | None, state: "DaemonState | None"
) -> Problem | None:
    """Return what is wrong with the daemon; None where nothing is, or it does not run."""
    match condition:
        case Condition.RUNNING | Condition.STARTING | Condition.NOT_RUNNING:
            return None
        case Condition.STOPPING:
            return problem("daemon_stopping", process=process, since=state and state.stopped_at)
        case Condition.SUSPENDED:
            return problem("daemon_suspended", process=process)
        case Condition.ZOMBIE:
            return problem("daemon_zombie", process=process)
        case Condition.SILENT:
            return problem("daemon_silent", process=process, since=state and state.written_at)
        case Condition.LOOP_HANGS:
            return problem("daemon_loop_hangs", process=process, since=state and state.alive_at)
        case Condition.TIMETABLE_HANGS:
            return problem("daemon_timetable_hangs", process=process, since=state and state.timetable_at)
        case Condition.SCANS_HANG:
            since = state and (state.last_sweep_at or state.started_at)
            return problem("daemon_scans_hang", process=process, since=since)
