"""The journal's jobs: every write is one committed transaction and names the version it was based on."""

import re
import sys
import unicodedata
from collections.abc import Iterable, Mapping
from contextlib import suppress
from dataclasses import replace
from datetime import datetime
from typing import Any, NamedTuple

import sqlalchemy as sa

from retraind.domain.job import LIFE, RESTING, Job, State
from retraind.domain.names import SHORT_ID
from retraind.domain.problems import Problem
from retraind.store.database import Database
from retraind.store.events import Events
from retraind.store.holds import Holds
from retraind.store.rows import ACTIVE, UPLOAD_EVENTS, by_time, is_counted, read_jobs, row_of
from retraind.store.schema import EVENTS, JOBS
from retraind.system.clock import Clock

_BEGINS_ID = re.compile(r"\d{4}-\d\d-\d\dT\d")
"""What is longer than a date, and hardly a key."""


class Write(NamedTuple):
    """What is to be written to one job."""

    job: Job
    after: Job
    """The same with some parts replaced."""
    event: str | None
    detail: Mapping[str, object]


class Version(NamedTuple):
    """How new the journal's record of a job is."""

    version: int
    state: State


class Conflict(Exception):
    """Another writer changed the job since it was read."""


class Jobs:
    """The records of all jobs."""

    def __init__(self, database: Database, events: Events, holds: Holds, clock: Clock) -> None:
        self._database = database
        self._events = events
        self._holds = holds
        self._clock = clock

    def add(self, job: Job, event: str, **detail: object) -> Job:
        """Record a new job."""
        with self._database.engine.begin() as connection:
            connection.execute(JOBS.insert().values(row_of(job)))
            self._events.append(connection, event, job, detail)
        return job

    def write(
        self,
        job: Job,
        after: Job,
        event: str | None = None,
        detail: Mapping[str, object] | None = None,
        also: Write | None = None,
        *,
        hold: Problem | None = None,
    ) -> Job:
        """Replace `job` by `after`, with `event` in its history, in one transaction; returns the new version.

        A change of state has to be one that the table of a job's life allows. Raises Conflict when the
        journal holds another version than `job`. With `also`, another job is written to in the same
        transaction, and with `hold` the job's model is held in it.
        """
        with self._database.engine.begin() as connection:
            if also is not None:
                self._write(connection, also)
            written = self._write(connection, Write(job, after, event, detail or {}))
            if hold is not None:
                self._holds.hold_with(connection, job.model, hold, credential=False)
            return written

    def write_each(self, writes: Iterable[Write]) -> list[Job]:
        """Do the same with many jobs in a single transaction, which costs the disk no more than one of them.

        Returns them as they are now, without those of which the journal has another version.
        """
        written = []
        with self._database.engine.begin() as connection:
            for write in writes:
                with suppress(Conflict):
                    written.append(self._write(connection, write))
        return written

    def _write(self, connection: sa.Connection, write: Write) -> Job:
        job, after, event, detail = write
        if after.state != job.state and after.state not in LIFE[job.state].next:
            raise ValueError(f"a job cannot go from {job.state} to {after.state}")
        after = replace(after, updated_at=self._clock.now(), version=job.version + 1)
        changed = connection.execute(
            JOBS.update().where(JOBS.c.id == job.id, JOBS.c.version == job.version).values(row_of(after))
        )
        if changed.rowcount != 1:
            raise Conflict(job.id)
        if event:
            passed = {"from": job.state, "to": after.state} if after.state != job.state else {}
            self._events.append(connection, event, after, passed | dict(detail))
        return after

    def get(self, job_id: str) -> Job | None:
        """Return the job with this id."""
        rows = self._database.rows(sa.select(JOBS.c.body).where(JOBS.c.id == job_id))
        return Job.from_json(rows[0].body) if rows else None

    def versions(self, model: str) -> dict[str, "Version"]:
        """Return which jobs of a model are known, in which version and state."""
        query = sa.select(JOBS.c.id, JOBS.c.version, JOBS.c.state).where(JOBS.c.model == model)
        return {row.id: Version(row.version, State(row.state)) for row in self._database.rows(query)}

    def adopt(self, job: Job) -> None:
        """Record a job as its folder knows it, in place of an older version or of nothing."""
        with self._database.engine.begin() as connection:
            connection.execute(JOBS.delete().where(JOBS.c.id == job.id))
            connection.execute(JOBS.insert().values(row_of(job)))
            self._events.append(connection, "job_adopted", job, {"state": job.state})
            uploaded_at = job.training.uploaded_at if job.training else None
            # What is searched for in the history: the budget, the last good delivery, the published model.
            milestones = {
                UPLOAD_EVENTS[0]: None if is_counted(connection, job) else uploaded_at,
                "training_finished": job.trained_at,
                "model_switched": job.publication.at if job.publication else None,
                "job_filed": job.updated_at if job.state in RESTING else None,
            }
            mine = sa.and_(EVENTS.c.job == job.id, EVENTS.c.event.in_({*milestones, *UPLOAD_EVENTS}))
            connection.execute(EVENTS.delete().where(mine))
            for event, moment in milestones.items():
                if moment is not None:
                    self._events.append(connection, event, job, {}, at=moment)

    def find(self, name: str, limit: int | None = None) -> list[Job]:
        """Return the jobs that a person calls `name`, newest first.

        An id or the short id at its end counts before a delivery's key, and that before the beginning of an
        id, unless it is longer than a date: each id begins with one, as most keys do.
        """
        short = sa.text(f"substr(id, -{SHORT_ID}) = :short").bindparams(short=name)
        key = sa.func.json_extract(JOBS.c.body, "$.key")
        # LIKE would read every job: it need not compare as the index is sorted.
        begins = sa.and_(JOBS.c.id >= name, JOBS.c.id < name + chr(sys.maxunicode))
        same = {name, unicodedata.normalize("NFC", name), unicodedata.normalize("NFD", name)}
        # To find a key, every job is read.
        rest = (begins, key.in_(sorted(same))) if _BEGINS_ID.match(name) else (key.in_(sorted(same)), begins)
        for called in (sa.or_(JOBS.c.id == name, short), *rest):
            query = sa.select(JOBS.c.body).where(called)
            if found := self._jobs(query.order_by(JOBS.c.created_at.desc(), JOBS.c.id.desc()).limit(limit)):
                return found
        return []

    def newest(
        self,
        model: str | None = None,
        states: frozenset[State] | None = None,
        limit: int | None = None,
        before: Job | None = None,
    ) -> list[Job]:
        """Return jobs, newest first; with `before`, those that come after that one."""
        query = sa.select(JOBS.c.body)
        if model is not None:
            query = query.where(JOBS.c.model == model)
        if states is not None:
            query = query.where(JOBS.c.state.in_(sorted(states)))
        place = sa.tuple_(JOBS.c.created_at, JOBS.c.id)
        if before is not None:
            query = query.where(place < sa.tuple_(before.created_at.timestamp(), before.id))
        return self._jobs(query.order_by(JOBS.c.created_at.desc(), JOBS.c.id.desc()).limit(limit))

    def active(self, model: str | None = None) -> list[Job]:
        """Return the jobs that are in work or wait for something, oldest first."""
        query = sa.select(JOBS.c.body).where(JOBS.c.state.in_(ACTIVE))
        if model is not None:
            query = query.where(JOBS.c.model == model)
        return by_time(self._jobs(query))

    def wake(self, host: str) -> frozenset[str]:
        """Let the jobs that wait for a host be tried now; returns their models."""
        waiting = [
            job for job in self.active() if job.wait.host == host and job.wait.wake_at and not job.hold
        ]
        self.write_each(
            Write(job, replace(job, wait=replace(job.wait, wake_at=None)), None, {}) for job in waiting
        )
        return frozenset(job.model for job in waiting)

    def models_in_work(self) -> set[str]:
        """Return the models with jobs that are in work or wait for something."""
        query = sa.select(JOBS.c.model).where(JOBS.c.state.in_(ACTIVE)).distinct()
        return {row.model for row in self._database.rows(query)}

    def count_active(self) -> int:
        """Count the jobs that are in work or wait for something."""
        query = sa.select(sa.func.count()).where(JOBS.c.state.in_(ACTIVE))
        return int(self._database.rows(query)[0][0])

    def begun_before(
        self, model: str, states: frozenset[State], moment: datetime, limit: int, after: Job | None = None
    ) -> list[Job]:
        """Return the model's jobs in one of `states` that were begun before `moment`, oldest first.

        With `after`, those that come after that one.
        """
        query = sa.select(JOBS.c.body).where(
            JOBS.c.model == model,
            JOBS.c.state.in_(sorted(states)),
            JOBS.c.created_at < moment.timestamp(),
        )
        if after is not None:
            place = sa.tuple_(JOBS.c.created_at, JOBS.c.id)
            query = query.where(place > sa.tuple_(after.created_at.timestamp(), after.id))
        return self._jobs(query.order_by(JOBS.c.created_at, JOBS.c.id).limit(limit))

    def all_in(self, model: str, state: State) -> list[Job]:
        """Return all of a model's jobs in a state, newest first."""
        query = sa.select(JOBS.c.body).where(JOBS.c.model == model, JOBS.c.state == state)
        return self._jobs(query.order_by(JOBS.c.created_at.desc(), JOBS.c.id.desc()))

    def forget(self, job: Job) -> None:
        """Delete a job and its history. Raises Conflict when the journal holds another version than `job`."""
        with self._database.engine.begin() as connection:
            gone = connection.execute(JOBS.delete().where(JOBS.c.id == job.id, JOBS.c.version == job.version))
            if gone.rowcount != 1:
                raise Conflict(job.id)
            connection.execute(EVENTS.delete().where(EVENTS.c.job == job.id))

    def counts(self) -> dict[str, dict[State, int]]:
        """Count jobs by model and state, without zeros."""
        query = sa.select(JOBS.c.model, JOBS.c.state, sa.func.count()).group_by(JOBS.c.model, JOBS.c.state)
        counts: dict[str, dict[State, int]] = {}
        for model, state, count in self._database.rows(query):
            counts.setdefault(model, {})[State(state)] = count
        return counts

    def counts_of(self, model: str) -> dict[State, int]:
        """Count a model's jobs by state, without zeros."""
        query = sa.select(JOBS.c.state, sa.func.count()).where(JOBS.c.model == model).group_by(JOBS.c.state)
        return {State(state): count for state, count in self._database.rows(query)}

    def _jobs(self, query: sa.Select[Any]) -> list[Job]:
        return read_jobs([row.body for row in self._database.rows(query)])
