"""Lanes without threads: what is given to them is run when the test says so, on its own thread."""

from collections.abc import Callable
from contextlib import contextmanager

from retraind.daemon import Daemon
from retraind.reconcile.lanes import Lane, Lanes, Shared


class ManualLane(Lane):
    """A lane whose tasks wait until they are run by hand."""

    def __init__(self, name: str) -> None:
        super().__init__(name, 1)
        self.tasks: dict[str, Callable[[], None]] = {}

    def submit(self, key, task):
        return self.tasks.setdefault(key, task) is task

    def run_one(self) -> bool:
        """Run the task that waits longest."""
        if not self.tasks:
            return False
        key = next(iter(self.tasks))
        self.tasks.pop(key)()
        return True


class ManualLanes(Lanes):
    """All lanes, by hand."""

    def __init__(self) -> None:
        super().__init__(1)
        self.lanes: dict[str, ManualLane] = {}

    def shared(self, name: Shared) -> ManualLane:
        return self.lanes.setdefault(name.value, ManualLane(name.value))

    def share(self, file_system: str) -> ManualLane:
        return self.lanes.setdefault(file_system, ManualLane(file_system))

    def retire(self, keep):
        pass

    def run_one(self) -> bool:
        """Run one task of the first lane that has any."""
        return any(lane.run_one() for lane in [*self.lanes.values()])

    @contextmanager
    def running(self):
        yield


def settle(daemon: Daemon, most: int = 10_000) -> None:
    """Let the daemon do all that is due now: rounds of its loop, and what these give to lanes."""
    for _ in range(most):
        if not (daemon.loop.work_off_due() or daemon.lanes.run_one()):
            return
    raise AssertionError("there is always something more to do")


def sweep(daemon: Daemon) -> None:
    """Sweep all file systems, and do what follows."""
    daemon.sweeps.sweep_soon()
    settle(daemon)
