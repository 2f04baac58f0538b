"""Jobs with the same bytes: what has already been trained, and what was sent and failed."""

import sqlalchemy as sa

from retraind.domain.job import IN_WORK, Job, Outcome, State
from retraind.store.database import Database
from retraind.store.rows import read_jobs, was_trained
from retraind.store.schema import JOBS


class Contents:
    """Finds jobs by the content of their data files."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def trained(self, model: str, content: str, besides: str) -> Job | None:
        """Return the model's latest job that got the same bytes trained, or is about to, if there is one."""
        ended = {State.DONE, State.SWITCHING, State.FILING}
        jobs = self._with_content(model, content, besides)
        return next(
            (job for job in jobs if job.state in IN_WORK or (job.state in ended and was_trained(job))),
            None,
        )

    def sent_and_failed(self, model: str, content: str, besides: str) -> Job | None:
        """Return the model's latest job that failed after it had sent the same bytes, or is restored now."""
        failed = {State.FAILED, State.RESTORING, State.FILING}
        jobs = self._with_content(model, content, besides)
        return next(
            (job for job in jobs if job.state in failed and job.outcome is Outcome.FAILED and job.was_sent),
            None,
        )

    def duplicates(self, model: str, content: str, besides: str) -> list[Job]:
        """Return the model's jobs that were not sent since the same bytes had been trained, newest first."""
        jobs = self._with_content(model, content, besides)
        return [job for job in jobs if job.outcome is Outcome.DUPLICATE]

    def _with_content(self, model: str, content: str, besides: str) -> list[Job]:
        query = sa.select(JOBS.c.body).where(
            JOBS.c.model == model, JOBS.c.content == content, JOBS.c.id != besides
        )
        found = read_jobs([row.body for row in self._database.rows(query)])
        return sorted(found, key=lambda job: job.created_at, reverse=True)
