"""Scheduled work: APScheduler's interval jobs. Slow work is handed to a lane."""

from collections.abc import Callable
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from functools import partial

from apscheduler.executors.pool import ThreadPoolExecutor
from apscheduler.jobstores.base import JobLookupError
from apscheduler.schedulers.background import BackgroundScheduler

from retraind.reconcile.lanes import Lane, guarded


class Timetable:
    """Runs functions at intervals, on one thread; they must not take long."""

    def __init__(self) -> None:
        self._pool = ThreadPoolExecutor(1)
        self._scheduler = BackgroundScheduler(
            executors={"default": self._pool},
            # However late, everything is still run, once.
            job_defaults={"misfire_grace_time": None, "coalesce": True, "max_instances": 1},
            timezone=UTC,
        )

    def start(self) -> None:
        """Begin."""
        self._scheduler.start()

    def stop(self) -> None:
        """Run nothing more, and wait for what runs."""
        if self._scheduler.running:
            # APScheduler's own thread fails when it is shut down in the middle of its round; reading the
            # timetable waits for the end of that, and while paused it begins no other.
            self._scheduler.pause()
            self._scheduler.get_jobs()
            # It would wait while it has its lock, which a function may need before it ends.
            self._scheduler.shutdown(wait=False)
            self._pool.shutdown(wait=True)

    def every(
        self, interval: timedelta, name: str, task: Callable[[], None], lane: Lane | None = None
    ) -> None:
        """Run `task`, on a lane if one is given, at once and then every `interval`.

        It replaces what had this name.
        """
        function = partial(lane.submit, name, task) if lane else task
        self._scheduler.add_job(
            guarded, "interval", args=[name, function], seconds=interval.total_seconds(), id=name, name=name,
            replace_existing=True, next_run_time=datetime.now(UTC),
        )  # fmt: skip

    def start_over(self) -> None:
        """Run everything now: the wall clock, by which it was planned, has been set."""
        for job in self._scheduler.get_jobs():
            with suppress(JobLookupError):
                job.modify(next_run_time=datetime.now(UTC))
