"""The parts of a daemon, put together. Nothing is started here."""

import threading
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
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
from retraind.daemon.upkeep import Upkeep, put_upkeep_together
from retraind.intake.inotify import Watcher
from retraind.jobs.pipeline import Pipeline
from retraind.reconcile.daemon_view import SWEEP_PATIENCE, DaemonView, Sources
from retraind.reconcile.folders import Folders
from retraind.reconcile.hints import JournalHints, Reload, Sweeps, ask_for_scan
from retraind.reconcile.hosts import Hosts
from retraind.reconcile.lanes import Lanes
from retraind.reconcile.loop import Loop
from retraind.reconcile.publishing import Publisher
from retraind.reconcile.upkeep.orphans import Orphans
from retraind.reconcile.work_queue import WorkQueue
from retraind.report.monitoring.heartbeat import Heartbeat
from retraind.report.notifications import Notifier, recipients_of
from retraind.store.journal import Journal
from retraind.store.sightings import JournalMemory
from retraind.system.clock import Clock

_TOLD_WITHIN = 0.5
"""Seconds until STATUS.txt shows what a step did, if others follow. The end of the last is shown at once."""


@dataclass(frozen=True)
class Parts:
    """What a daemon is made of, beside its journal, its lanes and its timetable."""

    queue: WorkQueue
    folders: Folders
    loop: Loop
    pipeline: Pipeline
    credentials: Credentials
    sweeps: Sweeps
    reload: Reload
    publisher: Publisher
    upkeep: Upkeep
    hosts: Hosts
    hints: JournalHints
    notifier: Notifier
    watcher: Watcher
    view: DaemonView
    monitoring: Monitoring
    journal_watch: JournalWatch
    service: ApiClient
    background: ThreadPoolExecutor
    """One thread, for what the journal's disk may delay."""

    @property
    def progress(self) -> int:
        """A number that grows while the start makes progress."""
        return self.upkeep.recoverer.progress + self.folders.touches.scans


def put_together(
    settings: Settings,
    config: Path,
    journal: Journal,
    lanes: Lanes,
    *,
    clock: Clock,
    stopping: threading.Event,
) -> Parts:
    """Make all parts. Raises ConfigError for recipients of notifications that cannot be used."""
    queue, breaker = WorkQueue(clock), Breaker(clock)
    service = ApiClient(settings.api, clock, breaker)
    credentials = Credentials(service, clock)

    def present() -> Settings:
        return pipeline.settings

    def patience() -> timedelta:
        return present().notify.patience

    pipeline = Pipeline(
        settings,
        journal,
        service,
        ObjectStore(settings.api, clock, breaker, lambda: present().work.bytes_per_second),
        credentials,
        clock=clock,
        stopping=stopping,
        changed=lambda job: queue.ask(job.model, _TOLD_WITHIN),
    )

    hosts = Hosts(breaker, journal, queue, clock, patience)
    notifier = Notifier(settings, journal, recipients_of(settings, clock), clock)
    shares = pipeline.shares
    folders: Folders = Folders(
        shares,
        clock,
        lanes.hashing,
        lambda model: ask_for_scan(queue, folders, model),
        partial(JournalMemory, journal.sightings),
    )
    orphans = Orphans(queue, journal, present)
    publisher = Publisher(
        lanes, journal, shares, clock, settings=present, outages=hosts.outages, orphans=orphans.of
    )
    upkeep = put_upkeep_together(
        pipeline,
        journal,
        lanes,
        queue,
        folders,
        credentials=credentials,
        publisher=publisher,
        orphans=orphans,
        config=config,
        settings=present,
        patience=patience,
        clock=clock,
        stopping=stopping,
    )
    loop = Loop(
        queue,
        lanes,
        folders,
        pipeline=pipeline,
        journal=journal,
        publisher=publisher,
        overdue=upkeep.overdue,
        clock=clock,
        stopping=stopping,
        recovered=upkeep.recoverer.has_read,
    )
    watcher, background = Watcher(), ThreadPoolExecutor(1, thread_name_prefix="background")
    sweeps = Sweeps(loop, lanes, folders, watcher, clock=clock, stopping=stopping)
    journal_watch = JournalWatch(journal.database, notifier, background, clock, patience)
    sources = Sources(
        lambda: journal_watch.trouble, lambda: {**upkeep.caretaker.key_ends}, pipeline.tally.counts
    )
    view = DaemonView(config, present, folders, sweeps, clock, sources=sources)
    heartbeat = Heartbeat(
        present,
        clock,
        swept=lambda: sweeps.all_ended,
        patience=lambda: 3 * present().sweep.interval + SWEEP_PATIENCE,
        writes=journal.database.try_to_write,
    )
    return Parts(
        queue=queue,
        folders=folders,
        loop=loop,
        pipeline=pipeline,
        credentials=credentials,
        sweeps=sweeps,
        reload=Reload(queue, folders, watcher, publisher, shares),
        publisher=publisher,
        upkeep=upkeep,
        hosts=hosts,
        hints=JournalHints(loop, journal, hosts),
        notifier=notifier,
        watcher=watcher,
        view=view,
        monitoring=Monitoring(present, view, journal, heartbeat, clock),
        journal_watch=journal_watch,
        service=service,
        background=background,
    )
