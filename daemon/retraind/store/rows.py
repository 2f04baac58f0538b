"""Rows of the journal's tables, to and from what they hold."""

import json
from collections.abc import Iterable, Mapping, Sequence
from datetime import UTC, datetime
from functools import lru_cache
from typing import Any

import sqlalchemy as sa
from pydantic_core import from_json

from retraind.domain.flat import in_facts
from retraind.domain.job import RESTING, Job, Outcome, State
from retraind.domain.problems import Finding, Problem
from retraind.domain.records import Event, ModelHold
from retraind.store.schema import EVENTS, MODELS

ACTIVE = sorted(set(State) - RESTING)
_MANY_BODIES = 50
"""Of so many jobs at once, those with short JSON are cached: jobs that wait for their turn."""
_SHORT_BODY = 2_000
"""Characters."""
_KNOWN_BODIES = 1_500
"""So many are cached, some 12 MB: the longest backlog of one model, and some more."""
UPLOAD_EVENTS = ("upload_complete", "upload_found_complete")
"""The events with which a training begins, and is counted against the model's budget."""
_SAME_UPLOAD = 1.0
"""Seconds between a job's `uploaded_at` and the event of it, at most."""


def by_time(jobs: Iterable[Job]) -> list[Job]:
    """Sort jobs, oldest first: to sort, SQLite would read all jobs by time."""
    return sorted(jobs, key=lambda job: (job.created_at, job.id))


def read_jobs(bodies: Sequence[str]) -> list[Job]:
    """Read the jobs with these bodies."""
    many = len(bodies) >= _MANY_BODIES
    return [_known_job(body) if many and len(body) <= _SHORT_BODY else Job.from_json(body) for body in bodies]


HELD = sa.select(MODELS).where(MODELS.c.hold.is_not(None))
"""Asks for the models on hold."""


def read_holds(rows: Iterable[sa.Row[Any]]) -> dict[str, ModelHold]:
    """Read what `HELD` has found, by model."""
    return {
        row.name: ModelHold(row.name, moment(row.held_since), read_problem(row.hold), row.credential)
        for row in rows
    }


def last_of(what: sa.Column[Any], event: str, model: str | sa.ColumnElement[str]) -> sa.Select[Any]:
    """Ask for a column of a model's last such event."""
    return (
        sa.select(what)
        .where(EVENTS.c.model == model, EVENTS.c.event == event)
        .order_by(EVENTS.c.at.desc(), EVENTS.c.id.desc())
        .limit(1)
    )


def each_of(names: Iterable[str]) -> sa.ColumnElement[str]:
    """Return a column that has these names, however many: one query is for all of them."""
    column: sa.ColumnElement[str] = sa.func.json_each(json.dumps(list(names))).table_valued("value").c.value
    return column


def lasts_of(event: str, models: Iterable[str]) -> sa.Select[Any]:
    """Ask for the last such event of each of these models that has one."""
    model = each_of(models)
    latest = last_of(EVENTS.c.id, event, model).scalar_subquery()
    return sa.select(EVENTS).where(EVENTS.c.id.in_(sa.select(latest).select_from(model.table)))


def event_in(row: sa.Row[Any]) -> Event:
    """Read an entry of the history."""
    return Event(moment(row.at), row.job, row.model, row.event, read_detail(row.detail))


def read_problem(text: str) -> Problem:
    """Read a problem, or a finished sentence that an earlier retraind wrote."""
    return Problem.from_plain(in_facts(from_json(text) if text.startswith("{") else text))


def write_detail(detail: Mapping[str, object]) -> str:
    """Return an event's detail as JSON."""
    return json.dumps(dict(detail), ensure_ascii=False, default=_plain)


def read_detail(text: str) -> dict[str, Any]:
    """Read an event's detail; problems in it are Problems again."""
    detail: dict[str, Any] = json.loads(text)
    return {
        name: Problem.from_plain(value) if isinstance(value, dict) and "code" in value else value
        for name, value in detail.items()
    }


def problem_in(detail: Mapping[str, Any]) -> Problem | None:
    """Return the problem in an event that reports one, or with None its end."""
    what = detail.get("what")
    if isinstance(what, str):
        return Problem.from_plain(in_facts(detail))  # by an earlier retraind
    return what


def _plain(value: Any) -> Any:
    return value.as_plain() if isinstance(value, Problem | Finding) else str(value)


def was_trained(job: Job) -> bool:
    """Return whether a job had the service train, and did not fail."""
    return job.retrain_job_id is not None and job.outcome is not Outcome.FAILED


def row_of(job: Job) -> dict[str, Any]:
    """Return a job's row."""
    return {
        "id": job.id,
        "model": job.model,
        "state": job.state.value,
        "created_at": job.created_at.timestamp(),
        "content": content_of(job),
        "version": job.version,
        "body": job.to_json(),
    }


def moment(seconds: float) -> datetime:
    """Read a moment."""
    return datetime.fromtimestamp(seconds, UTC)


def is_counted(connection: sa.Connection, job: Job) -> bool:
    """Return whether the training that a job shares with another one was counted with that one."""
    training = job.training
    if training is None or not (training.continues or (job.end and job.end.continued_in)):
        return False
    moment = training.uploaded_at.timestamp()
    shared = sa.select(EVENTS.c.id).where(
        EVENTS.c.model == job.model,
        EVENTS.c.event.in_(UPLOAD_EVENTS),
        EVENTS.c.job != job.id,
        # A job takes over the moment with the training; the event was written right after it.
        EVENTS.c.at.between(moment - _SAME_UPLOAD, moment + _SAME_UPLOAD),
    )
    return connection.execute(shared.limit(1)).first() is not None


@lru_cache(_KNOWN_BODIES)
def _known_job(body: str) -> Job:
    """Read a job unless the same was read before: each step of one reads all that wait behind it."""
    return Job.from_json(body)


def content_of(job: Job) -> str | None:
    """Return what deliveries of the same bytes have in common: the data files' hashes by role."""
    hashes = [f"{file.role}:{file.sha256}" for file in job.data_files]
    return " ".join(hashes) if all(file.sha256 for file in job.data_files) else None
