"""The parts of a daemon, put together. Nothing is started here."""

import threading
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from functools import partial
from pathlib import Path

from retraind.api.circuit_breaker import Breaker
from retraind.api.client import ApiClient
from retraind.api.credentials import Credentials
from retraind.api.object_store import ObjectStore
from retraind.config.settings import Settings
from retraind.daemon.journal_watch import JournalWatch
from retraind.daemon.monitoring import Monitoring
from retraind.intake.inotify import Watcher
from retraind.jobs.pipeline import Pipeline
from retraind.reconcile.daemon_view import SWEEP_PATIENCE, DaemonView, Sources
from retraind.reconcile.folders import Folders
from retraind.reconcile.hints import Reload, Sweeps
from retraind.reconcile.hosts import Hosts
from retraind.reconcile.lanes import Lanes, Shared
from retraind.reconcile.loop import Loop
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
from retraind.report.monitoring.heartbeat import Heartbeat
from retraind.report.notifications import Notifier, recipients_of
from retraind.store.copies.recovery import Rebuilt
from retraind.store.journal import Journal
from retraind.store.sightings import JournalMemory
from retraind.system.clock import Clock

_SHOWN_WITHIN = 0.5
"""Seconds until STATUS.txt shows what a step did, if others follow. The end of the last is shown at once."""


class Parts:
    """What a daemon is made of, beside its journal, its lanes and its timetable."""

    def __init__(
        self,
        settings: Settings,
        config: Path,
        journal: Journal,
        lanes: Lanes,
        *,
        clock: Clock,
        stopping: threading.Event,
    ) -> None:
        """Make them all. Raises ConfigError for recipients of notifications that cannot be used."""

        def present() -> Settings:
            return pipeline.settings

        def patience() -> timedelta:
            return present().notify.patience

        self.queue = queue = WorkQueue(clock)
        breaker = Breaker(clock)
        self.service = ApiClient(settings.api, clock, breaker)
        self.credentials = Credentials(self.service, clock)
        store = ObjectStore(settings.api, clock, breaker, lambda: present().work.bytes_per_second)
        self.pipeline = pipeline = Pipeline(
            settings, journal, self.service, store, self.credentials, clock=clock, stopping=stopping,
            changed=lambda job: queue.ask(job.model, _SHOWN_WITHIN),
        )  # fmt: skip
        shares, memory = pipeline.shares, partial(JournalMemory, journal.database)
        self.folders = folders = Folders(shares, clock, queue, lanes.hashing, memory)
        self.hosts = Hosts(breaker, journal, queue, clock, patience)
        self.orphans = orphans = Orphans(queue, journal, present)
        self.publisher = publisher = Publisher(
            lanes, journal, shares, clock, settings=present, outages=self.hosts.outages, orphans=orphans.of
        )

        def changed(name: str) -> None:
            publisher.reconsider(folders.get(name))
            queue.ask(name)

        def found(rebuilt: Rebuilt) -> None:
            if rebuilt.parts:
                tidier.parts.extend(rebuilt.parts)
                lanes.shared(Shared.RETENTION).submit("parts", tidier.tidy)
            orphans.note_unknown(rebuilt.foreign)
            if rebuilt.adopted:
                pipeline.reconsider()

        self.tidier = tidier = Tidier(pipeline, journal, clock, stopping)
        self.recoverer = Recoverer(journal, lanes, queue, clock=clock, stopping=stopping, found=found)
        self.caretaker = caretaker = Caretaker(
            pipeline,
            journal,
            self.credentials,
            clock=clock,
            stopping=stopping,
            changed=changed,
            config=config,
        )
        self.expecting = Expecting(journal, clock, settings=present, folders=folders, changed=changed)
        self.growth = Growth(pipeline, journal, clock, stopping)
        self.overdue = Overdue(journal, clock, patience)
        self.silence = Silence(folders, queue, clock, patience)

        self.loop = loop = Loop(
            queue, lanes, folders, pipeline=pipeline, journal=journal, publisher=publisher,
            overdue=self.overdue, clock=clock, stopping=stopping, recovered=self.recoverer.has_read,
        )  # fmt: skip
        self.watcher = Watcher()
        self.sweeps = sweeps = Sweeps(loop, lanes, folders, self.watcher, clock=clock, stopping=stopping)
        self.reload = Reload(
            queue, folders, self.watcher, publisher=publisher, shares=shares, journal=journal
        )

        self.background = ThreadPoolExecutor(1, thread_name_prefix="background")
        """One thread, for what the journal's disk may delay."""
        self.notifier = Notifier(settings, journal, recipients_of(settings, clock), clock)
        self.journal_watch = watch = JournalWatch(
            journal.database, self.notifier, self.background, clock, patience
        )
        sources = Sources(lambda: watch.trouble, lambda: {**caretaker.key_ends}, pipeline.tally.counts)
        self.view = DaemonView(config, present, folders, sweeps, clock, sources=sources)
        heartbeat = Heartbeat(
            present, clock, swept=lambda: sweeps.all_ended, writes=journal.database.try_to_write,
            patience=lambda: 3 * present().sweep.interval + SWEEP_PATIENCE,
        )  # fmt: skip
        self.monitoring = Monitoring(present, self.view, journal, heartbeat, clock)

    def progress(self) -> int:
        """Return a number that grows while the start makes progress."""
        return self.recoverer.progress + self.folders.touches.scans
