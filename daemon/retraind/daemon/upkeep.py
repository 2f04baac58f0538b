"""What keeps jobs, keys and folders in order beside the passes, put together. Nothing is started here."""

import threading
from collections.abc import Callable
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path

from retraind.api.credentials import Credentials
from retraind.config.settings import Settings
from retraind.jobs.pipeline import Pipeline
from retraind.reconcile.folders import Folders
from retraind.reconcile.lanes import Lanes, Shared
from retraind.reconcile.publishing import Publisher
from retraind.reconcile.upkeep.caretaker import Caretaker
from retraind.reconcile.upkeep.expecting import Expecting
from retraind.reconcile.upkeep.growth import Growth
from retraind.reconcile.upkeep.orphans import Orphans
from retraind.reconcile.upkeep.overdue import Overdue
from retraind.reconcile.upkeep.recovering import Recoverer
from retraind.reconcile.upkeep.retention import Tidier
from retraind.reconcile.upkeep.silence import Silence
from retraind.reconcile.work_queue import WorkQueue
from retraind.store.copies.recovery import Rebuilt
from retraind.store.journal import Journal
from retraind.system.clock import Clock


@dataclass(frozen=True)
class Upkeep:
    """The parts of it; each minds one thing."""

    caretaker: Caretaker
    expecting: Expecting
    growth: Growth
    orphans: Orphans
    overdue: Overdue
    recoverer: Recoverer
    silence: Silence
    tidier: Tidier


def put_upkeep_together(
    pipeline: Pipeline,
    journal: Journal,
    lanes: Lanes,
    queue: WorkQueue,
    folders: Folders,
    *,
    credentials: Credentials,
    publisher: Publisher,
    orphans: Orphans,
    config: Path,
    settings: Callable[[], Settings],
    patience: Callable[[], timedelta],
    clock: Clock,
    stopping: threading.Event,
) -> Upkeep:
    """Make the parts. `settings` and `patience` return what is in force."""
    tidier = Tidier(pipeline, journal, clock, stopping)

    def found(rebuilt: Rebuilt) -> None:
        if rebuilt.parts:
            tidier.parts.extend(rebuilt.parts)
            lanes.shared(Shared.RETENTION).submit("parts", tidier.tidy)
        orphans.note_unknown(rebuilt.foreign)
        if rebuilt.adopted:
            pipeline.reconsider()

    def changed(name: str) -> None:
        publisher.reconsider(folders.get(name))
        queue.ask(name)

    return Upkeep(
        caretaker=Caretaker(
            pipeline, journal, credentials, clock=clock, stopping=stopping, changed=changed, config=config
        ),
        expecting=Expecting(journal, clock, settings=settings, folders=folders, changed=changed),
        growth=Growth(pipeline, journal, clock, stopping),
        orphans=orphans,
        overdue=Overdue(journal, clock, patience),
        recoverer=Recoverer(journal, lanes, queue, clock=clock, stopping=stopping, found=found),
        silence=Silence(folders, queue, clock, patience),
        tidier=tidier,
    )
