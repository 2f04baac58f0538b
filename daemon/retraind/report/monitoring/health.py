"""Whether retraind works, and whether it is ready: one answer for commands, probes and metrics. Pure."""

from datetime import datetime
from pathlib import Path
from typing import NamedTuple

from retraind.domain.problems import Problem, problem
from retraind.report.daemon_condition import Condition, condition_of, condition_problem, kernel_state
from retraind.store.instance import DaemonState, instance_since, read_state, running_instance


class Health(NamedTuple):
    """How the daemon is."""

    condition: Condition
    trouble: Problem | None
    """Why it does not work: it hangs, is stopped, or does not sweep. A new start may help."""
    unwritable: Problem | None
    """Why it cannot write its journal. That ends without a new start."""
    starting: Problem | None
    """That it has not scanned all folders yet."""
    state: DaemonState | None
    """What the daemon wrote of itself, if it is the one that runs."""

    @property
    def wrong(self) -> Problem | None:
        """What somebody may have to see to, if anything."""
        return self.trouble or self.unwritable

    @property
    def unready(self) -> Problem | None:
        """Why it takes no deliveries in now, if it does not."""
        return self.wrong or self.starting


def health_of(
    process: int | None,
    state: DaemonState | None,
    now: datetime,
    kernel: str | None = None,
    since: datetime | None = None,
) -> Health:
    """Return how the daemon is that has the journal's lock as `process`; see `condition_of`."""
    condition = condition_of(process, state, now, kernel, since)
    mine = state if state is not None and state.pid == process else None
    trouble = condition_problem(condition, process, state)
    if process is None:
        stopped, seen = (state.stopped_at, state.written_at) if state else (None, None)
        trouble = problem("daemon_not_running", stopped=stopped, seen=seen)
    unwritable = starting = None
    if mine is not None and mine.journal_trouble is not None:
        unwritable = problem("daemon_cannot_write", why=mine.journal_trouble)
    if process is not None and (mine is None or mine.ready_at is None):
        starting = problem("daemon_starting", since=mine and mine.started_at)
    return Health(condition, trouble, unwritable, starting, mine)


def health(journal: Path, now: datetime) -> Health:
    """Return how the daemon is whose journal this is, as another process can know it."""
    process = running_instance(journal)
    return health_of(process, read_state(journal), now, kernel_state(process), instance_since(journal))
