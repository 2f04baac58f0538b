"""`run --once`: when everything that is complete now has been worked off, and how it ended."""

import sys
from datetime import timedelta

from retraind.config.settings import Settings
from retraind.domain.job import Job, State
from retraind.domain.problems import problem
from retraind.domain.turns import turns
from retraind.reconcile.folders import Folders
from retraind.reconcile.hints import Sweeps
from retraind.store.journal import Journal
from retraind.system import log
from retraind.system.clock import Clock

_LOG = log.get(__name__)

_MARGIN = 5.0
"""Seconds that files may take to arrive, besides the time to settle."""
_BEGINS_OR_ENDS = ("delivery_complete", "job_filed")


class Once:
    """Watches the jobs of one run."""

    def __init__(
        self,
        settings: Settings,
        journal: Journal,
        folders: Folders,
        sweeps: Sweeps,
        clock: Clock,
        *,
        longest: timedelta | None = None,
    ) -> None:
        """`longest` is how long the run may last: during an outage it would last until that is over."""
        self._journal = journal
        self._folders = folders
        self._sweeps = sweeps
        self._clock = clock
        self._begun = clock.elapsed()
        settle = max(model.settle.total_seconds() for model in settings.models.values())
        self._deadline = self._begun + settle + _MARGIN
        self._seen: set[str] = set()
        """Jobs that the exit code depends on; those that began and ended meanwhile are in the history."""
        self._longest = longest
        self._out_of_time = False
        self._place = journal.events.last_entry()

    def is_worked_off(self) -> bool:
        """Return whether nothing is left that continues without a person."""
        # Jobs are read last: what a scan found may have become one meanwhile.
        swept = self._sweeps.all_swept(self._begun)
        folders = self._folders.all()
        arriving = self._clock.elapsed() < self._deadline and any(
            folder.view.complete or any(wait.arriving for wait in folder.view.waiting) for folder in folders
        )
        unseen = any(folder.unseen for folder in folders if folder.reachable)
        return swept and not arriving and not unseen and not self._movable()

    def is_out_of_time(self) -> bool:
        """Return whether the run has lasted as long as it may; it has ended badly then."""
        if self._longest is None or self._clock.elapsed() - self._begun < self._longest.total_seconds():
            return False
        left = self._journal.jobs.active()
        waits = next((job.wait.trouble for job in left if job.wait.trouble), None)
        reason = problem("run_out_of_time", limit=self._longest, jobs=len(left), waits=waits)
        _LOG.error("out_of_time", reason=reason)
        self._out_of_time = True
        return True

    def _movable(self) -> bool:
        held = self._journal.holds.all()
        out_of_reach = {folder.name for folder in self._folders.all() if not folder.reachable}
        by_model: dict[str, list[Job]] = {}
        for job in self._journal.jobs.active():
            self._seen.add(job.id)
            by_model.setdefault(job.model, []).append(job)
        # What waits behind a job on hold, or behind one that waits for its window, does not move either.
        movable = (
            job
            for model, jobs in by_model.items()
            if model not in out_of_reach
            for job in turns(jobs, held=model in held, backlog="all").run
        )
        return any(not job.waits_for_window for job in movable)

    def ended_badly(self) -> bool:
        """Return whether a job of this run failed or is held, a model is held, or a folder is unreadable.

        Also when there was not enough time.
        """
        history = self._journal.events.entries_after(self._place, _BEGINS_OR_ENDS, sys.maxsize)
        ids = self._seen | {entry.event.job for entry in history if entry.event.job}
        jobs = [job for job in map(self._journal.jobs.get, sorted(ids)) if job]
        return (
            self._out_of_time
            or any(_is_bad(job) for job in jobs)
            or bool(self._journal.holds.all())
            or any(folder.trouble for folder in self._folders.all())
        )


def _is_bad(job: Job) -> bool:
    # What has failed and continues in a delivery of the same files counts there.
    continued = job.end is not None and job.end.continued_in is not None
    return (job.state is State.FAILED and not continued) or job.hold is not None
