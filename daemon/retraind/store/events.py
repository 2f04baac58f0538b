"""The journal's append-only history."""

import json
import statistics
from collections.abc import Iterable, Mapping
from datetime import UTC, datetime
from typing import Any

import sqlalchemy as sa

from retraind.domain.job import Job
from retraind.domain.problems import Problem
from retraind.domain.records import Entry, Event
from retraind.store.database import Database
from retraind.store.rows import (
    UPLOAD_EVENTS,
    each_of,
    event_in,
    last_of,
    lasts_of,
    moment,
    problem_in,
    read_detail,
    write_detail,
)
from retraind.store.schema import EVENTS
from retraind.system.clock import Clock

_UPLOADS = 9
_TELLING_BYTES = 1 << 20
_CLOCK_SLACK = 86_400.0
"""Seconds that a clock may be corrected by."""


def is_news(problem: Problem | None, before: Problem | None) -> bool:
    """Return whether a model's present problem is another one than `before`; None is none."""
    return before is not None if problem is None else not problem.is_same(before)


class Events:
    """The history of all jobs and models."""

    def __init__(self, database: Database, clock: Clock) -> None:
        self._database = database
        self._clock = clock

    def note(self, event: str, job: Job | None = None, model: str | None = None, **detail: object) -> None:
        """Append an event that changes no job."""
        with self._database.engine.begin() as connection:
            self.append(connection, event, job, detail, model)

    def history(
        self, job_id: str | None = None, limit: int | None = None, model: str | None = None
    ) -> list[Event]:
        """Return the history of all, of a job or of a model, oldest first; with `limit`, its latest part."""
        query = sa.select(EVENTS).limit(limit)
        if job_id is not None:
            query = query.where(EVENTS.c.job == job_id)
        if model is not None:
            # A sum, so that SQLite reads the model's events, and not all events from the last one on.
            query = query.where(EVENTS.c.model == model).order_by((EVENTS.c.id + 0).desc())
        else:
            query = query.order_by(EVENTS.c.id.desc())
        return [event_in(row) for row in reversed(self._database.rows(query))]

    def of_model(self, model: str | None, events: Iterable[str], limit: int) -> list[Event]:
        """Return the last events of these kinds that are about a model and none of its jobs, newest first.

        None for those that are about no model: hosts, and the journal itself.
        """
        mine = sa.and_(EVENTS.c.model == model, EVENTS.c.event.in_(sorted(events)), EVENTS.c.job.is_(None))
        query = sa.select(EVENTS).where(mine).order_by(EVENTS.c.at.desc(), EVENTS.c.id.desc()).limit(limit)
        return [event_in(row) for row in self._database.rows(query)]

    def entries_after(self, place: int, events: Iterable[str], limit: int) -> list[Entry]:
        """Return the history's entries of these events after a place, oldest first."""
        query = sa.select(EVENTS).where(EVENTS.c.id > place, EVENTS.c.event.in_(sorted(events)))
        rows = self._database.rows(query.order_by(EVENTS.c.id).limit(limit))
        return [Entry(row.id, event_in(row)) for row in rows]

    def last_entry(self) -> int:
        """Return the place of the history's last entry; 0 for an empty one."""
        return int(self._database.rows(sa.select(sa.func.max(EVENTS.c.id)))[0][0] or 0)

    def keys_seen(self, models: Iterable[str]) -> dict[tuple[str, str], datetime]:
        """Return when each key of these models, by model and fingerprint, was first seen."""
        query = sa.select(EVENTS.c.model, EVENTS.c.at, EVENTS.c.detail).where(
            EVENTS.c.model.in_(sa.select(each_of(models))), EVENTS.c.event == "key_seen"
        )
        rows = self._database.rows(query.order_by(EVENTS.c.at.desc()))
        return {(row.model, json.loads(row.detail)["key"]): moment(row.at) for row in rows}

    def note_key(self, model: str, key: str) -> datetime:
        """Append that the key with this fingerprint is seen at a model for the first time; returns when."""
        now = self._clock.now()
        self.note("key_seen", model=model, key=key)
        return now

    def note_change(self, event: str, model: str, problem: Problem | None, **detail: object) -> bool:
        """Append a model's present problem, None for none; returns False when the history has it already."""
        if not is_news(problem, self.last_problem(event, model)):
            return False
        self.note(event, None, model, what=problem, **detail)
        return True

    def last_problem(self, event: str, model: str) -> Problem | None:
        """Return what `note_change` appended last."""
        return self.last_problems(event, [model])[model]

    def last_problems(self, event: str, models: Iterable[str]) -> dict[str, Problem | None]:
        """Return the same of many models at once."""
        model = each_of(models)
        query = sa.select(model, last_of(EVENTS.c.detail, event, model).scalar_subquery())
        rows = self._database.rows(query)
        return {name: problem_in(read_detail(detail or "{}")) for name, detail in rows}

    def last_details(self, event: str, models: Iterable[str]) -> dict[str, Mapping[str, Any]]:
        """Return the detail of the last event of a kind, of each model that has one."""
        rows = self._database.rows(lasts_of(event, models))
        return {row.model: read_detail(row.detail) for row in rows}

    def trainings_since(self, model: str, moment: datetime) -> int:
        """Count the trainings that a model's uploads have started since `moment`.

        Those that a limit of the account prevented do not count.
        """
        # Later ones were written while the clock was wrong, and would count in every period until then.
        mine = sa.and_(
            EVENTS.c.model == model,
            EVENTS.c.at >= moment.timestamp(),
            EVENTS.c.at <= self._clock.now().timestamp() + _CLOCK_SLACK,
        )
        uploads = sa.select(sa.func.count()).where(mine, EVENTS.c.event.in_(UPLOAD_EVENTS))
        uploaded_at = sa.func.json_extract(EVENTS.c.detail, "$.uploaded_at")
        prevented = sa.select(sa.func.count()).where(
            mine,
            EVENTS.c.event == "training_prevented",
            uploaded_at >= moment.astimezone(UTC).isoformat(),
        )
        balance = sa.select(uploads.scalar_subquery() - prevented.scalar_subquery())
        return max(0, int(self._database.rows(balance)[0][0]))

    def line_speed(self, model: str) -> float | None:
        """Return the median bytes per second of the model's last uploads; None when there were none.

        Small ones depend more on delays than on the line, and do not count.
        """
        query = sa.select(EVENTS.c.detail).where(EVENTS.c.model == model, EVENTS.c.event == "upload_complete")
        rows = self._database.rows(query.order_by(EVENTS.c.at.desc()).limit(_UPLOADS))
        speeds = [
            said["bytes"] / max(said["seconds"], 0.001)
            for said in (json.loads(row.detail) for row in rows)
            if said.get("bytes", 0) >= _TELLING_BYTES
        ]
        return statistics.median(speeds) if speeds else None

    def append(
        self,
        connection: sa.Connection,
        event: str,
        job: Job | None,
        detail: Mapping[str, object],
        model: str | None = None,
        *,
        at: datetime | None = None,
    ) -> None:
        """Append an event within a transaction; `at` is its moment where that is not now."""
        connection.execute(
            EVENTS.insert().values(
                at=(at or self._clock.now()).timestamp(),
                job=job.id if job else None,
                model=job.model if job else model,
                event=event,
                detail=write_detail(detail),
            )
        )

    def latest_jobs(self, model: str, event: str, number: int) -> list[str]:
        """Return the jobs that a model's events of a kind were about, the latest first."""
        last = sa.func.max(EVENTS.c.at)
        query = sa.select(EVENTS.c.job).where(EVENTS.c.model == model, EVENTS.c.event == event)
        query = query.group_by(EVENTS.c.job).order_by(last.desc(), sa.func.max(EVENTS.c.id).desc())
        return [row.job for row in self._database.rows(query.limit(number)) if row.job]

    def latest_job(self, model: str, event: str) -> str | None:
        """Return the job of a model's latest event of a kind."""
        return next((row.job for row in self._database.rows(last_of(EVENTS.c.job, event, model))), None)
