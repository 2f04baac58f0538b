"""The one loop: reconcile(model) = observe, decide, act, publish.

Everything that happens only asks the queue. A pass reads the journal and what the last scan saw, decides, and
gives work to lanes; it touches no drop folder and no network itself. A lane that has finished something
requests the next pass.
"""

import secrets
import threading
from collections.abc import Callable, Iterable, Sequence
from contextlib import nullcontext
from functools import partial

from sqlalchemy.exc import SQLAlchemyError

from retraind.domain.job import Job, State
from retraind.domain.names import SHORT_ID, job_id
from retraind.domain.records import ModelHold
from retraind.domain.turns import owned_files, turns
from retraind.intake.pairing import Delivery
from retraind.jobs.outcomes import superseded
from retraind.jobs.pipeline import Pipeline
from retraind.reconcile.decide import Decision, Situation, decide
from retraind.reconcile.folders import Folder, Folders
from retraind.reconcile.lanes import LANE_OF, Claims, Lanes, Shared, guarded, report_journal
from retraind.reconcile.publishing import Publisher
from retraind.reconcile.upkeep.overdue import Overdue
from retraind.reconcile.work_queue import Asked, Gathering, WorkQueue
from retraind.store.jobs import Write
from retraind.store.journal import Journal
from retraind.system import log
from retraind.system.clock import Clock

_LOG = log.get(__name__)

_MOST_AT_ONCE = 200
"""Models of one round, so that the journal is read once for all of them."""
_GATHERING = 0.005
"""Seconds after a round that has read the journal and was not full: what trickles in shares the next one."""
_GATHERING_AT_START = 0.1
"""The same until all folders have been scanned once, which requests a pass for each."""
_AFTER_FAILURE = 5.0
"""Seconds until a model is reconciled again after the journal failed, or an internal error."""
_TURNLESS = frozenset({State.SEALING, State.RESTORING})
"""States whose step needs no turn, and does not give one to the next."""


_Versions = tuple[frozenset[tuple[str, int]], ModelHold | None]
"""The versions of a model's active jobs, and its hold."""
_NONE: _Versions = (frozenset(), None)


def _versions(jobs: Iterable[Job], hold: ModelHold | None) -> _Versions:
    return frozenset((job.id, job.version) for job in jobs), hold


class Loop:
    """Reconciles models, on one thread of its own."""

    def __init__(
        self,
        queue: WorkQueue,
        lanes: Lanes,
        folders: Folders,
        *,
        pipeline: Pipeline,
        journal: Journal,
        publisher: Publisher,
        overdue: Overdue,
        clock: Clock,
        stopping: threading.Event,
        recovered: Callable[[Folder], bool] = lambda _: True,
    ) -> None:
        """Take the parts to work with.

        `recovered` returns whether a folder's jobs are known; otherwise a pass follows when they are.
        """
        self._queue = queue
        self._lanes = lanes
        self._folders = folders
        self._pipeline = pipeline
        self._journal = journal
        self._publisher = publisher
        self._overdue = overdue
        self._clock = clock
        self._stopping = stopping
        self._recovered = recovered
        self._claims = Claims()
        self._seen: dict[str, _Versions] = {}
        """What the last pass of each model found in the journal."""
        self._claiming = threading.Lock()
        self._thread = threading.Thread(target=self._run, name="loop")

    def start(self) -> None:
        """Begin."""
        self._thread.start()

    def stop(self) -> None:
        """End the loop; what runs on lanes is theirs to end."""
        self._queue.close()
        if self._thread.is_alive():
            self._thread.join()

    def _run(self) -> None:
        while asked := self._queue.take(_MOST_AT_ONCE):
            self._round(asked)
            if len(asked) < _MOST_AT_ONCE and not all(each.scan for each in asked):
                self._stopping.wait(_GATHERING if self._folders.may_write else _GATHERING_AT_START)

    def work_off_due(self) -> bool:
        """Reconcile what is due now, on this thread; returns whether there was anything."""
        asked = self._queue.take_due(_MOST_AT_ONCE)
        if asked:
            self._round(asked)
        return bool(asked)

    def ask_for_changed(self) -> None:
        """Request a pass for the models of which no pass has seen the present active jobs and hold.

        A command in another process may have changed them. Most of what is written to the journal is the
        daemon's own, and a pass has followed already.
        """
        active: dict[str, list[Job]] = {}
        for job in self._journal.jobs.active():
            active.setdefault(job.model, []).append(job)
        holds, seen = self._journal.holds.all(), self._seen.copy()
        for name in sorted({*active, *holds, *seen}):
            if _versions(active.get(name, []), holds.get(name)) != seen.get(name, _NONE):
                self._queue.ask(name)

    def ask_for_all(self) -> None:
        """Request a pass for every model with jobs in work: it makes up for whatever was missed or failed."""
        for name in self._journal.jobs.models_in_work():
            self._queue.ask(name)

    def _round(self, asked: Sequence[Asked]) -> None:
        for each in asked:
            if each.scan and not guarded(f"scan {each.model}", partial(self._observe, each.model)):
                self._queue.ask(each.model, _AFTER_FAILURE, scan=True)
        passes = [each.model for each in asked if not each.scan]
        if passes and not guarded("round", partial(self._reconcile_all, passes)):
            for name in passes:
                self._queue.ask(name, _AFTER_FAILURE)

    def _reconcile_all(self, names: Sequence[str]) -> None:
        active, holds = self._journal.work_of(names)
        for name in names:
            if self._stopping.is_set():
                return
            task = partial(self._reconcile, name, active.get(name, []), holds.get(name))
            if not guarded(f"pass {name}", task):
                self._queue.ask(name, _AFTER_FAILURE)

    # Observe

    def _observe(self, name: str) -> None:
        folder = self._folders.get(name)
        if folder is not None:
            self._lanes.share(folder.file_system).submit(f"scan {name}", partial(self.scan, folder))

    def gathering(self) -> Gathering:
        """Return what gathers the passes that follow from many scans."""
        return Gathering(self._queue, self._clock)

    def scan(self, folder: Folder, passes: Gathering | None = None) -> None:
        """Scan a folder on this thread, and request what follows; a pass from `passes`, if that is given."""
        if self._stopping.is_set():
            return
        try:
            scanned = folder.scan(self._clock)
        except SQLAlchemyError as error:
            # The order in which files arrived cannot be noted; the next sweep scans again.
            report_journal(error)
            return
        except Exception:  # noqa: BLE001 - logged with its trace; the other folders still have to be scanned
            _LOG.exception("look_crashed", model=folder.name)
            return
        if scanned.again_at is not None:
            self._queue.ask(folder.name, max(0.0, scanned.again_at - self._clock.elapsed()), scan=True)
        # Until its job folders have been read, a pass could only request that.
        if scanned.news and (self._recovered(folder) or folder.trouble):
            # Nothing is written before READY, which requests a pass of all: without jobs, this one had
            # nothing to do.
            has_jobs = self._seen.get(folder.name, _NONE) != _NONE
            if has_jobs or folder.unseen or self._folders.may_write:
                (passes or self._queue).ask(folder.name)

    # Decide and act

    def _reconcile(self, name: str, jobs: list[Job], hold: ModelHold | None) -> None:
        folder = self._folders.get(name)
        self._seen[name] = _versions(jobs, hold)
        model = self._pipeline.settings.models.get(name)
        if model is None and self._pipeline.is_refused(name):
            return
        now = self._clock.elapsed()
        found = folder.found() if folder else ()
        if folder is not None:
            folder.owned = owned_files(jobs)
        recovered = folder is None or self._recovered(folder)
        decision = decide(
            Situation(
                now=self._clock.now(),
                complete=found,
                jobs=tuple(jobs),
                held=hold is not None,
                backlog=model.backlog if model else "all",
                reachable=folder.reachable if folder else True,
                recovered=recovered,
                at_work=self._claims.all(),
                taken_in=folder.taken_within_hour(now) if folder else 0,
            )
        )
        self._act(name, folder, decision)
        if folder is not None:
            may_write = self._folders.may_write and (recovered or folder.trouble)
            if may_write:
                self._note_absence(folder, now)
                if (again := self._overdue.mind(name, folder.view, self._folders.names)) is not None:
                    self._queue.ask(name, again)
            if recovered:
                folder.dealt_with(found)  # Where `run --once` waits for that, all of it has been noted.
            if may_write:
                if decision.take_in or decision.supersede:
                    self._publisher.reconsider(folder)
                if not decision.take_in:
                    # Otherwise the pass that follows the seal does, which takes a moment.
                    self._publisher.publish_changes(folder, jobs, hold)
                self._queue.ask(name, self._publisher.checked_in(folder))

    def _note_absence(self, folder: Folder, now: float) -> None:
        """Record that a folder has been out of reach for long, or is back."""
        trouble, out_for = folder.trouble, folder.out_for(now)
        patience = self._pipeline.settings.notify.patience.total_seconds()
        if trouble and out_for < patience:
            # The next scan may be later, or hang.
            self._queue.ask(folder.name, patience - out_for)
            return
        if folder.out_noted is None:
            # Asked for each of a thousand folders on its own, it would take most of a start.
            fresh = {each.name: each for each in self._folders.all() if each.out_noted is None}
            fresh[folder.name] = folder
            for name, away in self._journal.events.last_problems("folder_away", fresh).items():
                fresh[name].out_noted = away is not None
        if folder.out_noted != bool(trouble):
            self._journal.events.note_change("folder_away", folder.name, trouble)
            folder.out_noted = bool(trouble)

    def _act(self, name: str, folder: Folder | None, decision: Decision) -> None:
        run = [*decision.run]
        if decision.supersede:
            # Where a command or a step was faster, the next pass sees what it did.
            run += self._journal.jobs.write_each(
                Write(job, superseded(job, newer), "delivery_superseded", {})
                for job, newer in decision.supersede
            )
        if folder is not None:
            run += [self._begin(folder, delivery) for delivery in decision.take_in]
        for job in run:
            self._submit(job, folder)
        if decision.wake_at is not None:
            self._queue.ask(name, max(0.0, (decision.wake_at - self._clock.now()).total_seconds()))

    def _begin(self, folder: Folder, delivery: Delivery) -> Job:
        """Record a delivery as a job; its files are sealed next, so that writers cannot reach them."""
        now = self._clock.now()
        job = Job(
            id=job_id(now, delivery.key, secrets.token_hex(SHORT_ID // 2)),
            model=folder.name,
            key=delivery.key,
            state=State.SEALING,
            files=delivery.files,
            created_at=now,
            updated_at=now,
            drop=str(folder.model.drop),
            flaw=delivery.problem,
        )
        folder.taken_in.append(self._clock.elapsed())
        names = [file.name for file in job.files]
        return self._journal.jobs.add(job, "delivery_complete", files=names, drop=job.drop)

    def _submit(self, job: Job, folder: Folder | None) -> None:
        """Give a job's step to its lane.

        Where models queue to be sent, the place in the queue is the model's, whichever of its jobs has the
        turn. Otherwise a model whose newest delivery counts would queue again with each, and might never be
        sent.
        """
        shared = LANE_OF[job.state]
        if shared is not None:
            lane = self._lanes.shared(shared)
        elif folder is not None:
            lane = self._lanes.share(folder.file_system)
        else:
            return  # Its model is gone; a reload that brings it back requests a pass.
        key = job.model if shared is Shared.SEND else job.id
        lane.submit(key, partial(self._work, job.model, job.id, shared))

    def _work(self, name: str, planned: str, lane: Shared | None) -> None:
        if not self._stopping.is_set() and not guarded(planned, partial(self._advance, name, planned, lane)):
            self._queue.ask(name, _AFTER_FAILURE)
            # Scans skip a folder while files are moved.
            self._queue.ask(name, _AFTER_FAILURE, scan=True)

    def _advance(self, name: str, planned: str, lane: Shared | None) -> None:
        """Run the steps of a job on a lane, one after the other as long as they belong to the lane."""
        job, folder = self._claim(name, planned, lane), self._folders.get(name)
        if job is None:
            return
        within = frozenset(state for state, other in LANE_OF.items() if other is lane)
        sealing = job.state is State.SEALING
        try:
            with folder.moves.one() if sealing and folder else nullcontext():
                job = self._pipeline.advance(
                    job, frozenset({job.state}) if job.state in _TURNLESS else within - _TURNLESS
                )
        finally:
            self._claims.release(job.id)
        self._queue.ask(name)
        if sealing or job.state is State.RETURNED:
            # Scans have skipped the names that this job owned, and no event says that it no longer does.
            if job.state is State.RETURNED and folder is not None:
                folder.drop_folder.distrust({file.name for file in job.files})
            self._queue.ask(name, scan=True)

    def _claim(self, name: str, planned: str, lane: Shared | None) -> Job | None:
        """Take the job whose turn it is by now: one that goes first may have arrived meanwhile."""
        with self._claiming:
            # Before the journal: whoever ends a job's steps after it was read here requests a pass.
            at_work = self._claims.all()
            active, holds = self._journal.work_of([name])
            plan = turns(active.get(name, []), held=name in holds, backlog="all", running=at_work)
            mine = (job for job in plan.run if LANE_OF[job.state] is lane and job.id not in at_work)
            job = next((job for job in mine if lane is Shared.SEND or job.id == planned), None)
            if job is not None:
                self._claims.claim(job.id)
            return job
