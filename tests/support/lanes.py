"""The daemon's loop on the test's own thread: lanes without threads, run when the test says so."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from retraind.config.load import load
from retraind.daemon import Daemon
from retraind.reconcile.folders import Folders
from retraind.reconcile.lanes import Lane, Lanes, Shared
from retraind.reconcile.loop import Loop
from retraind.reconcile.publishing import Publisher
from retraind.reconcile.upkeep.overdue import Overdue
from retraind.reconcile.work_queue import WorkQueue
from retraind.store.sightings import JournalMemory
from retraind.system.clock import Clock
from support.world import World


class ManualLane(Lane):
    """A lane whose tasks wait until they are run by hand."""

    def __init__(self, name: str) -> None:
        super().__init__(name, 1)
        self.tasks: dict[str, Callable[[], None]] = {}

    def submit(self, key, task):
        return self.tasks.setdefault(key, task) is task

    def run(self, key: str) -> None:
        """Run one task."""
        self.tasks.pop(key)()

    def run_one(self) -> bool:
        """Run the task that waits longest; returns whether there was one."""
        if not self.tasks:
            return False
        self.run(next(iter(self.tasks)))
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

    def hashing(self, file_system: str) -> ManualLane:
        name = f"manifests on {file_system}"
        return self.lanes.setdefault(name, ManualLane(name))

    def retire(self, keep):
        kept = {*keep, *(f"manifests on {name}" for name in keep), *(shared.value for shared in Shared)}
        for name in self.lanes.keys() - kept:
            del self.lanes[name]

    def run_one(self) -> bool:
        """Run one task of the first lane that has any."""
        return any(lane.run_one() for lane in [*self.lanes.values()])

    @contextmanager
    def running(self):
        yield


@dataclass
class Parts:
    """What of a daemon reconciles models."""

    queue: WorkQueue
    lanes: Lanes
    folders: Folders
    publisher: Publisher
    loop: Loop


def parts_of(world: World, lanes: Lanes) -> Parts:
    """Put the loop of a daemon together around a world's pipeline."""
    queue, shares = WorkQueue(world.clock), world.pipeline.shares
    memory = partial(JournalMemory, world.journal.database)
    folders = Folders(shares, world.clock, queue, None, memory)
    folders.allow_writing()
    folders.watch(world.settings, world.settings.models)
    publisher = Publisher(
        lanes,
        world.journal,
        shares,
        world.clock,
        settings=lambda: world.settings,
        outages=tuple,
        orphans=lambda _: (),
    )
    overdue = Overdue(world.journal, world.clock, lambda: world.settings.notify.patience)
    loop = Loop(
        queue, lanes, folders, pipeline=world.pipeline, journal=world.journal, publisher=publisher,
        overdue=overdue, clock=world.clock, stopping=world.stopping,
    )  # fmt: skip
    return Parts(queue, lanes, folders, publisher, loop)


@contextmanager
def by_hand(config: Path, clock: Clock | None = None) -> Iterator[Daemon]:
    """A daemon that has begun, may write to its folders and does nothing by itself."""
    settings, file = load(config)
    with Daemon(settings, file, clock, lanes=ManualLanes()) as daemon:
        daemon.folders.allow_writing()
        daemon.begin()
        know_jobs(daemon)
        yield daemon


def know_jobs(daemon: Daemon) -> None:
    """Let the job folders be read, as a daemon does with the first pass of each model."""
    for folder in daemon.folders.all():
        if folder.reachable and not daemon.recoverer.has_read(folder):
            daemon.lanes.share(folder.file_system).run(f"recover {folder.name}")
    daemon.queue.take_due(10_000)


def settle(reconciling: Daemon | Parts, most: int = 10_000) -> None:
    """Let all be done that is due now: rounds of the loop, and what these give to lanes."""
    for _ in range(most):
        if not (reconciling.loop.work_off_due() or reconciling.lanes.run_one()):
            return
    raise AssertionError("there is always something more to do")


def sweep(daemon: Daemon) -> None:
    """Sweep all file systems, and do what follows."""
    daemon.sweeps.sweep_soon()
    settle(daemon)


def scan(daemon: Daemon, name: str) -> None:
    """Scan one model's folder, and do what follows at once."""
    daemon.queue.ask(name, scan=True)
    settle(daemon)
