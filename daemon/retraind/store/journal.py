"""The journal: jobs and their append-only history, in SQLite through SQLAlchemy. The daemon's only memory.

Every write is one committed transaction and carries the version it was based on, so that the daemon and a command
in another process cannot overwrite each other. What a job's change means is decided elsewhere.
"""

import json
import statistics
import sys
from collections.abc import Container, Iterable, Mapping
from contextlib import suppress
from datetime import UTC, datetime
from functools import lru_cache
from pathlib import Path
from typing import Any, NamedTuple, Self

import sqlalchemy as sa

from retraind.domain.job import IN_WORK, LIFE, RESTING, SHORT_ID, Job, Outcome, Problem, Signature, State
from retraind.domain.sightings import Remembered
from retraind.store.database import Database
from retraind.store.schema import EVENTS, HOSTS, JOBS, MODELS, RECIPIENTS, SIGHTINGS
from retraind.system.clock import Clock

_UPLOADS = 9
_TELLING_BYTES = 1 << 20
UPLOAD_EVENTS = ("upload_complete", "upload_found_complete")
"""The events with which a training begins, and is counted against the model's budget."""
_ACTIVE = sorted(set(State) - RESTING)
_MANY_BODIES = 50
"""From so many jobs at once on, those are remembered whose JSON is short, as it is while they wait for their turn."""
_SHORT_BODY = 2_000
"""Characters."""
_KNOWN_BODIES = 1_500
"""So many are remembered, some 12 MB: the longest backlog of one model, and some more."""
_SAME_UPLOAD = 1.0
"""Seconds between a job's `uploaded_at` and the event of it, at most."""
_SIGNATURE = ("size", "mtime_ns", "inode")
_CLOCK_SLACK = 86_400.0
"""Seconds that a clock may be corrected by."""


class Event(NamedTuple):
    """One line of a job's history."""

    at: datetime
    job: str | None
    model: str | None
    event: str
    detail: Mapping[str, Any]


class Entry(NamedTuple):
    """An event and its place in the history."""

    id: int
    event: Event


class Version(NamedTuple):
    """How much the journal knows of a job."""

    version: int
    state: State


class Outage(NamedTuple):
    """A host that does not answer, or answers that it cannot."""

    host: str
    """Its name and port: all of its address that may be shown."""
    since: datetime
    """When the first of the failures in a row was met."""
    failures: int
    reason: str
    """What the last of them was: a complete sentence."""
    next_try: datetime
    """When the next request is let through."""


class ModelHold(NamedTuple):
    """Why no job of a model talks to the service."""

    model: str
    since: datetime
    problem: Problem
    credential: bool
    """True when another key would end it."""


class Write(NamedTuple):
    """What is to be written to one job."""

    job: Job
    event: str | None
    detail: Mapping[str, Any]
    changes: Mapping[str, Any]


class Standing(NamedTuple):
    """What the journal has to tell people of a model."""

    active: list[Job]
    """Oldest first."""
    hold: ModelHold | None
    last: Job | None
    """The job that was filed last."""
    published: Job | None
    """The job whose result was published last, as far as retraind did it."""
    warning: Problem | None
    """What is soon to be done about its key."""


class Conflict(Exception):
    """Another writer changed the job since it was read."""


class Journal:
    """An open journal. Safe to use from several threads."""

    def __init__(self, database: Database, clock: Clock) -> None:
        self.database = database
        self._engine = database.engine
        self._reader = database.reader
        self._clock = clock

    @classmethod
    def open(cls, file: Path, clock: Clock | None = None) -> Self:
        """Open the journal in `file`; raises JournalError as `Database.open` does."""
        return cls(Database.open(file), clock or Clock())

    def close(self) -> None:
        """Close all connections."""
        self.database.close()

    # Jobs

    def add(self, job: Job, event: str, **detail: Any) -> Job:
        """Record a new job."""
        with self._engine.begin() as connection:
            connection.execute(JOBS.insert().values(_row(job)))
            self._append(connection, event, job, detail)
        return job

    def write(
        self,
        job: Job,
        event: str | None = None,
        /,
        detail: Mapping[str, Any] | None = None,
        also: Write | None = None,
        **changes: Any,
    ) -> Job:
        """Replace the fields `changes` of `job`, with `event` in its history, in one transaction.

        A change of state has to be one that the table of a job's life allows. Raises Conflict when the journal
        holds another version than `job`. With `also`, another job is written to in the same transaction.
        """
        with self._engine.begin() as connection:
            if also is not None:
                self._write(connection, *also)
            return self._write(connection, job, event, detail or {}, changes)

    def write_each(self, event: str, changes: Iterable[tuple[Job, Mapping[str, Any]]]) -> list[Job]:
        """Do the same with many jobs in a single transaction, which costs the disk as little as one of them alone.

        Returns them as they are now, without those of which the journal holds another version.
        """
        written = []
        with self._engine.begin() as connection:
            for job, fields in changes:
                with suppress(Conflict):
                    written.append(self._write(connection, job, event, {}, fields))
        return written

    def _write(
        self,
        connection: sa.Connection,
        job: Job,
        event: str | None,
        detail: Mapping[str, Any],
        changes: Mapping[str, Any],
    ) -> Job:
        to = changes.get("state", job.state)
        if to != job.state and to not in LIFE[job.state].next:
            raise ValueError(f"a job cannot go from {job.state} to {to}")
        after = job.changed(**changes, updated_at=self._clock.now(), version=job.version + 1)
        changed = connection.execute(
            JOBS.update().where(JOBS.c.id == job.id, JOBS.c.version == job.version).values(_row(after))
        )
        if changed.rowcount != 1:
            raise Conflict(job.id)
        if event:
            passed = {"from": job.state, "to": to} if to != job.state else {}
            self._append(connection, event, after, passed | dict(detail))
        return after

    def get(self, job_id: str) -> Job | None:
        """Return the job with this id."""
        with self._reader.connect() as connection:
            body = connection.scalar(sa.select(JOBS.c.body).where(JOBS.c.id == job_id))
        return Job.from_json(body) if body else None

    def versions(self, model: str) -> dict[str, "Version"]:
        """Return which jobs of a model are known, in which version and state."""
        query = sa.select(JOBS.c.id, JOBS.c.version, JOBS.c.state).where(JOBS.c.model == model)
        with self._reader.connect() as connection:
            return {row.id: Version(row.version, State(row.state)) for row in connection.execute(query)}

    def adopt(self, job: Job) -> None:
        """Record a job as its folder knows it, in place of an older version or of nothing."""
        with self._engine.begin() as connection:
            connection.execute(JOBS.delete().where(JOBS.c.id == job.id))
            connection.execute(JOBS.insert().values(_row(job)))
            self._append(connection, "job_adopted", job, {"state": job.state})
            # What is looked up in the history: the budget, the last good delivery, the published model.
            milestones = {
                UPLOAD_EVENTS[0]: None if _is_counted(connection, job) else job.uploaded_at,
                "training_finished": job.trained_at,
                "model_switched": job.switched_at,
                "job_filed": job.updated_at if job.state in RESTING else None,
            }
            mine = sa.and_(EVENTS.c.job == job.id, EVENTS.c.event.in_({*milestones, *UPLOAD_EVENTS}))
            connection.execute(EVENTS.delete().where(mine))
            for event, moment in milestones.items():
                if moment is not None:
                    self._append(connection, event, job, {}, at=moment)

    def find(self, beginning: str, limit: int = 3) -> list[Job]:
        """Return jobs whose id, or the short id at its end, is or begins with `beginning`."""
        # LIKE would read every job: it is not sure to mean what the index is sorted by.
        begins = sa.and_(JOBS.c.id >= beginning, JOBS.c.id < beginning + chr(sys.maxunicode))
        ends = sa.text(f"substr(id, -{SHORT_ID}) = :short").bindparams(short=beginning)
        return self._jobs(sa.select(JOBS.c.body).where(sa.or_(begins, ends)).order_by(JOBS.c.id).limit(limit))

    def jobs(
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
        """Return the jobs that something can still happen to by itself, oldest first."""
        query = sa.select(JOBS.c.body).where(JOBS.c.state.in_(_ACTIVE))
        if model is not None:
            query = query.where(JOBS.c.model == model)
        return _by_time(self._jobs(query))

    def active_models(self) -> set[str]:
        """Return the models with jobs that something can still happen to by itself."""
        query = sa.select(JOBS.c.model).where(JOBS.c.state.in_(_ACTIVE)).distinct()
        with self._reader.connect() as connection:
            return set(connection.scalars(query))

    def work_of(self, models: Iterable[str]) -> tuple[dict[str, list[Job]], frozenset[str]]:
        """Return the active jobs of these models, oldest first, and which of the models are held; of one moment."""
        model = sa.func.json_each(json.dumps(list(models))).table_valued("value").c.value
        active = sa.select(JOBS.c.body).where(JOBS.c.model.in_(sa.select(model)), JOBS.c.state.in_(_ACTIVE))
        held = sa.select(MODELS.c.name).where(MODELS.c.name.in_(sa.select(model)), MODELS.c.hold.is_not(None))
        found: dict[str, list[Job]] = {}
        with self._reader.connect() as connection:
            for job in _by_time(_read_jobs(connection, active)):
                found.setdefault(job.model, []).append(job)
            return found, frozenset(connection.scalars(held))

    def models_in_work(self) -> list[str]:
        """Return the models with jobs that something can still happen to by itself."""
        query = sa.select(JOBS.c.model).where(JOBS.c.state.in_(_ACTIVE)).distinct()
        with self._reader.connect() as connection:
            return list(connection.scalars(query))

    def count_active(self) -> int:
        """Count the jobs that something can still happen to by itself."""
        query = sa.select(sa.func.count()).where(JOBS.c.state.in_(_ACTIVE))
        with self._reader.connect() as connection:
            return connection.scalar(query) or 0

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

    def forget(self, job: Job) -> None:
        """Delete a job and its history. Raises Conflict when the journal holds another version than `job`."""
        with self._engine.begin() as connection:
            gone = connection.execute(JOBS.delete().where(JOBS.c.id == job.id, JOBS.c.version == job.version))
            if gone.rowcount != 1:
                raise Conflict(job.id)
            connection.execute(EVENTS.delete().where(EVENTS.c.job == job.id))

    def counts(self) -> dict[str, dict[State, int]]:
        """Count jobs by model and state; what there is none of is missing."""
        query = sa.select(JOBS.c.model, JOBS.c.state, sa.func.count()).group_by(JOBS.c.model, JOBS.c.state)
        counts: dict[str, dict[State, int]] = {}
        with self._reader.connect() as connection:
            for model, state, count in connection.execute(query):
                counts.setdefault(model, {})[State(state)] = count
        return counts

    def same_content(self, model: str, content: str, besides: str) -> Job | None:
        """Return the model's latest job that got the same bytes trained, or is about to, if there is one."""
        trained = {State.DONE, State.SWITCHING, State.FILING}
        jobs = self._with_content(model, content, besides)
        return next(
            (job for job in jobs if job.state in IN_WORK or (job.state in trained and _was_trained(job))),
            None,
        )

    def failed_content(self, model: str, content: str, besides: str) -> Job | None:
        """Return the model's latest job that failed after the same bytes had been sent, or that comes back from there."""
        failed = {State.FAILED, State.RESTORING, State.FILING}
        jobs = self._with_content(model, content, besides)
        return next(
            (job for job in jobs if job.state in failed and job.outcome is Outcome.FAILED and job.was_sent),
            None,
        )

    def _with_content(self, model: str, content: str, besides: str) -> list[Job]:
        query = sa.select(JOBS.c.body).where(
            JOBS.c.model == model, JOBS.c.content == content, JOBS.c.id != besides
        )
        return sorted(self._jobs(query), key=lambda job: job.created_at, reverse=True)

    def _jobs(self, query: sa.Select[Any]) -> list[Job]:
        with self._reader.connect() as connection:
            return _read_jobs(connection, query)

    # History

    def note(self, event: str, job: Job | None = None, model: str | None = None, **detail: Any) -> None:
        """Append an event that changes no job."""
        with self._engine.begin() as connection:
            self._append(connection, event, job, detail, model)

    def events(self, job_id: str | None = None, limit: int | None = None) -> list[Event]:
        """Return the history, oldest first; with `limit`, its latest part."""
        query = sa.select(EVENTS).order_by(EVENTS.c.id.desc()).limit(limit)
        if job_id is not None:
            query = query.where(EVENTS.c.job == job_id)
        with self._reader.connect() as connection:
            rows = connection.execute(query).all()
        return [
            Event(_moment(row.at), row.job, row.model, row.event, json.loads(row.detail))
            for row in reversed(rows)
        ]

    def entries_after(self, place: int, events: Iterable[str], limit: int) -> list[Entry]:
        """Return the history's entries of these events after a place, oldest first."""
        query = sa.select(EVENTS).where(EVENTS.c.id > place, EVENTS.c.event.in_(sorted(events)))
        with self._reader.connect() as connection:
            rows = connection.execute(query.order_by(EVENTS.c.id).limit(limit)).all()
        return [
            Entry(row.id, Event(_moment(row.at), row.job, row.model, row.event, json.loads(row.detail)))
            for row in rows
        ]

    def last_entry(self) -> int:
        """Return the place of the history's last entry; 0 for an empty one."""
        with self._reader.connect() as connection:
            return connection.scalar(sa.select(sa.func.max(EVENTS.c.id))) or 0

    def recipients(self) -> dict[str, int]:
        """Return up to which place of the history each recipient of notifications has been told."""
        with self._reader.connect() as connection:
            return {row.name: row.told for row in connection.execute(sa.select(RECIPIENTS))}

    def set_recipient(self, name: str, told: int | None) -> None:
        """Record up to where a recipient has been told; None forgets it."""
        with self._engine.begin() as connection:
            connection.execute(RECIPIENTS.delete().where(RECIPIENTS.c.name == name))
            if told is not None:
                connection.execute(RECIPIENTS.insert().values(name=name, told=told))

    def _append(
        self,
        connection: sa.Connection,
        event: str,
        job: Job | None,
        detail: Mapping[str, Any],
        model: str | None = None,
        *,
        at: datetime | None = None,
    ) -> None:
        connection.execute(
            EVENTS.insert().values(
                at=(at or self._clock.now()).timestamp(),
                job=job.id if job else None,
                model=job.model if job else model,
                event=event,
                detail=json.dumps(dict(detail), ensure_ascii=False, default=str),
            )
        )

    def first_seen(self, model: str, key: str) -> datetime:
        """Return when the key with this fingerprint was first seen at a model, which is now if it is a new one."""
        query = sa.select(EVENTS.c.at, EVENTS.c.detail).where(
            EVENTS.c.model == model, EVENTS.c.event == "key_seen"
        )
        with self._reader.connect() as connection:
            rows = connection.execute(query.order_by(EVENTS.c.at)).all()
        for row in rows:
            if json.loads(row.detail)["key"] == key:
                return _moment(row.at)
        now = self._clock.now()
        self.note("key_seen", model=model, key=key)
        return now

    def note_change(self, event: str, model: str, what: str | None) -> bool:
        """Append what there is to tell of a model now, None for nothing; returns False when that is in the history."""
        if self.last_word(event, model) == what:
            return False
        self.note(event, model=model, what=what)
        return True

    def last_word(self, event: str, model: str) -> str | None:
        """Return what `note_change` appended last."""
        text: str | None = self._last_detail(event, model).get("what")
        return text

    def note_warning(self, model: str, warning: Problem | None) -> bool:
        """Append what is to be told of a model's key now; returns False when that is in the history."""
        if self.warning(model) == warning:
            return False
        told = {"what": warning.what, "remedy": warning.remedy} if warning else {"what": None}
        self.note("key_warning", model=model, **told)
        return True

    def warning(self, model: str) -> Problem | None:
        """Return what is to be told of a model's key."""
        return _warning_in(self._last_detail("key_warning", model))

    def _last_detail(self, event: str, model: str) -> dict[str, Any]:
        with self._reader.connect() as connection:
            detail = connection.scalar(_last(EVENTS.c.detail, event, model))
        found: dict[str, Any] = json.loads(detail) if detail else {}
        return found

    def last_trained(self, model: str) -> Job | None:
        """Return the model's job whose training finished last."""
        job_id = self._latest(model, "training_finished")
        return self.get(job_id) if job_id else None

    def published(self, model: str) -> str | None:
        """Return the id of the model's job whose result was published last, as far as retraind did it."""
        return self._latest(model, "model_switched")

    def _latest(self, model: str, event: str) -> str | None:
        with self._reader.connect() as connection:
            found: str | None = connection.scalar(_last(EVENTS.c.job, event, model))
        return found

    def line_speed(self, model: str) -> float | None:
        """Return the bytes per second of the model's last uploads, the middle one of a few; None when there were none.

        Small ones say more about delays than about the line, and do not count.
        """
        query = sa.select(EVENTS.c.detail).where(EVENTS.c.model == model, EVENTS.c.event == "upload_complete")
        with self._reader.connect() as connection:
            details = connection.scalars(query.order_by(EVENTS.c.at.desc()).limit(_UPLOADS)).all()
        speeds = [
            said["bytes"] / max(said["seconds"], 0.001)
            for said in map(json.loads, details)
            if said.get("bytes", 0) >= _TELLING_BYTES
        ]
        return statistics.median(speeds) if speeds else None

    def trainings_since(self, model: str, moment: datetime) -> int:
        """Count the trainings that a model's uploads have started since `moment`."""
        query = sa.select(sa.func.count()).where(
            EVENTS.c.model == model,
            EVENTS.c.event.in_(UPLOAD_EVENTS),
            EVENTS.c.at >= moment.timestamp(),
            # What lies ahead was written while the clock was wrong, and would count in every period until then.
            EVENTS.c.at <= self._clock.now().timestamp() + _CLOCK_SLACK,
        )
        with self._reader.connect() as connection:
            return connection.scalar(query) or 0

    # Models

    def standings(self, models: Iterable[str]) -> dict[str, Standing]:
        """Return what there is to tell of each of these models, all from one moment."""
        model = sa.func.json_each(json.dumps(list(models))).table_valued("value").c.value
        latest = sa.select(
            model.label("model"),
            _last(EVENTS.c.job, "job_filed", model).scalar_subquery().label("filed"),
            _last(EVENTS.c.job, "model_switched", model).scalar_subquery().label("published"),
            _last(EVENTS.c.detail, "key_warning", model).scalar_subquery().label("warning"),
        )
        active = sa.select(JOBS.c.body).where(JOBS.c.model.in_(sa.select(model)), JOBS.c.state.in_(_ACTIVE))
        with self._reader.connect() as connection:
            rows = connection.execute(latest).all()
            in_work = _by_time(_read_jobs(connection, active))
            finished = json.dumps(sorted({job for row in rows for job in (row.filed, row.published) if job}))
            job_id = sa.func.json_each(finished).table_valued("value").c.value
            known = _read_jobs(connection, sa.select(JOBS.c.body).where(JOBS.c.id.in_(sa.select(job_id))))
            holds = _read_holds(connection, MODELS.c.name.in_(sa.select(model)))
        jobs = {job.id: job for job in known}
        found = {
            row.model: Standing(
                [], holds.get(row.model), jobs.get(row.filed), jobs.get(row.published),
                _warning_in(json.loads(row.warning or "{}")),
            )
            for row in rows
        }  # fmt: skip
        for job in in_work:
            found[job.model].active.append(job)
        return found

    def rename_model(self, before: str, after: str, obsolete: str) -> int:
        """Let `after` have all jobs, the history and the hold of `before`; returns how many jobs these are.

        Their own holds last, but for those with the reason `obsolete`. A hold of `after` itself counts more.
        """
        hold = sa.func.json_extract(JOBS.c.body, "$.hold.what")
        body = sa.func.json_set(JOBS.c.body, "$.model", after, "$.version", JOBS.c.version + 1)
        freed = sa.func.json_set(body, "$.hold", sa.func.json("null"), "$.wake_at", sa.func.json("null"))
        mine = JOBS.update().where(JOBS.c.model == before)
        with self._engine.begin() as connection:
            count = sum(
                connection.execute(
                    update.values(model=after, version=JOBS.c.version + 1, body=changed)
                ).rowcount
                for update, changed in ((mine.where(hold == obsolete), freed), (mine, body))
            )
            connection.execute(EVENTS.update().where(EVENTS.c.model == before).values(model=after))
            known = connection.execute(sa.select(MODELS.c.hold).where(MODELS.c.name == after)).first()
            if known is None or known.hold is None:
                if connection.scalar(sa.select(MODELS.c.name).where(MODELS.c.name == before)):
                    connection.execute(MODELS.delete().where(MODELS.c.name == after))
                connection.execute(MODELS.update().where(MODELS.c.name == before).values(name=after))
            connection.execute(MODELS.delete().where(MODELS.c.name == before))
            self._append(connection, "model_adopted", None, {"of": before, "jobs": count}, after)
        return count

    def hold_model(self, model: str, problem: Problem, *, credential: bool) -> bool:
        """Hold a model; returns False when it was already held for the same reason."""
        with self._engine.begin() as connection:
            known = connection.execute(
                sa.select(MODELS.c.hold, MODELS.c.trial).where(MODELS.c.name == model)
            ).first()
            hold = problem.model_dump_json()
            if known is not None and known.hold == hold:
                return False
            goes_on = known is not None and known.trial == hold
            values = {
                "held_since": self._clock.now().timestamp(), "hold": hold, "credential": credential, "trial": None,
            }  # fmt: skip
            if known is None:
                connection.execute(MODELS.insert().values(name=model, **values))
            else:
                connection.execute(MODELS.update().where(MODELS.c.name == model).values(values))
            self._append(
                connection,
                "hold_goes_on" if goes_on else "model_held",
                None,
                {"what": problem.what, "remedy": problem.remedy},
                model,
            )
        return True

    def release_model(self, model: str, why: str, *, trial: bool = False) -> bool:
        """End a model's hold; returns False when there was none.

        With `trial`, only to see whether its reason has gone: `end_trial` tells that, or a new hold that it has not.
        """
        with self._engine.begin() as connection:
            done = connection.execute(
                MODELS.update()
                .where(MODELS.c.name == model, MODELS.c.hold.is_not(None))
                .values(hold=None, held_since=None, trial=MODELS.c.hold if trial else None)
            )
            if not done.rowcount:
                return False
            self._append(connection, "hold_tried" if trial else "model_released", None, {"why": why}, model)
        return True

    def end_trial(self, model: str) -> bool:
        """Record that the reason of a hold has gone, if one was on trial."""
        with self._reader.connect() as connection:
            on_trial = sa.select(MODELS.c.credential).where(
                MODELS.c.name == model, MODELS.c.trial.is_not(None)
            )
            tried = connection.execute(on_trial).first()
            if tried is None:
                return False
        with self._engine.begin() as connection:
            connection.execute(MODELS.update().where(MODELS.c.name == model).values(trial=None))
            why = "the service accepts the key again" if tried.credential else "its reason is gone"
            self._append(connection, "model_released", None, {"why": why}, model)
        return True

    def holds(self) -> dict[str, ModelHold]:
        """Return the held models by name."""
        with self._reader.connect() as connection:
            return _read_holds(connection, sa.true())

    def is_held(self, model: str) -> bool:
        """Tell whether a model is held."""
        query = sa.select(MODELS.c.name).where(MODELS.c.name == model, MODELS.c.hold.is_not(None))
        with self._reader.connect() as connection:
            return connection.execute(query).first() is not None

    # Drop folders

    def sightings(self, folder: str) -> dict[str, Remembered]:
        """Return what was noted of the files that wait in a drop folder, by name."""
        query = sa.select(SIGHTINGS.c.name, SIGHTINGS.c.body).where(SIGHTINGS.c.folder == folder)
        with self._reader.connect() as connection:
            rows = connection.execute(query).all()
        found = {}
        for row in rows:
            *signature, look, came = json.loads(row.body)
            known = Signature(**dict(zip(_SIGNATURE, signature, strict=True)))
            found[row.name] = Remembered(row.name, known, look, came)
        return found

    def note_sightings(self, folder: str, fresh: Iterable[Remembered], gone: Iterable[str]) -> None:
        """Note files that are new in a drop folder, or changed, and forget the names that are gone."""
        rows = [
            {
                "folder": folder,
                "name": each.name,
                "body": json.dumps(
                    [*(getattr(each.signature, part) for part in _SIGNATURE), each.look, each.came]
                ),
            }
            for each in fresh
        ]
        old = sa.func.json_each(json.dumps([*gone, *(row["name"] for row in rows)])).table_valued("value")
        with self._engine.begin() as connection:
            connection.execute(
                SIGHTINGS.delete().where(
                    SIGHTINGS.c.folder == folder, SIGHTINGS.c.name.in_(sa.select(old.c.value))
                )
            )
            if rows:
                connection.execute(SIGHTINGS.insert(), rows)

    # Hosts

    def outages(self) -> dict[str, Outage]:
        """Return the hosts that are down, by name."""
        with self._reader.connect() as connection:
            rows = connection.execute(sa.select(HOSTS).order_by(HOSTS.c.name)).all()
        return {
            row.name: Outage(row.name, _moment(row.since), row.failures, row.reason, _moment(row.next_try))
            for row in rows
        }

    def set_outages(self, outages: Iterable[Outage], lasting: Container[str] = ()) -> None:
        """Replace what is known of hosts that are down; a host that begins or ends to be is an event.

        So is one that begins to be `lasting`.
        """
        fresh = {outage.host: outage for outage in outages}
        before = self.outages()
        with self._engine.begin() as connection:
            told = set(connection.scalars(sa.select(HOSTS.c.name).where(HOSTS.c.told)))
            connection.execute(HOSTS.delete())
            for outage in fresh.values():
                connection.execute(
                    HOSTS.insert().values(
                        name=outage.host,
                        since=outage.since.timestamp(),
                        failures=outage.failures,
                        reason=outage.reason,
                        next_try=outage.next_try.timestamp(),
                        told=outage.host in told or outage.host in lasting,
                    )
                )
            for host in fresh.keys() - before.keys():
                self._append(connection, "host_down", None, {"host": host, "reason": fresh[host].reason})
            for host, outage in fresh.items():
                if host in lasting and host not in told:
                    detail = {"host": host, "since": outage.since, "reason": outage.reason}
                    self._append(connection, "host_still_down", None, detail)
            for host in before.keys() - fresh.keys():
                detail = {"host": host, "since": before[host].since, "lasting": host in told}
                self._append(connection, "host_back", None, detail)


def _by_time(jobs: Iterable[Job]) -> list[Job]:
    """Sort jobs, oldest first: for an order SQLite would rather go through all of them by time."""
    return sorted(jobs, key=lambda job: (job.created_at, job.id))


def _is_counted(connection: sa.Connection, job: Job) -> bool:
    """Tell whether the training that a job shares with another one has been counted with that one."""
    if job.uploaded_at is None or not (job.continues or job.continued_in):
        return False
    moment = job.uploaded_at.timestamp()
    shared = sa.select(EVENTS.c.id).where(
        EVENTS.c.model == job.model,
        EVENTS.c.event.in_(UPLOAD_EVENTS),
        EVENTS.c.job != job.id,
        # A job takes over the moment with the training; the event was written right after it.
        EVENTS.c.at.between(moment - _SAME_UPLOAD, moment + _SAME_UPLOAD),
    )
    return connection.execute(shared.limit(1)).first() is not None


def _read_jobs(connection: sa.Connection, query: sa.Select[Any]) -> list[Job]:
    bodies = connection.scalars(query).all()
    many = len(bodies) >= _MANY_BODIES
    return [_known_job(body) if many and len(body) <= _SHORT_BODY else Job.from_json(body) for body in bodies]


@lru_cache(_KNOWN_BODIES)
def _known_job(body: str) -> Job:
    """Read a job unless the same was read before: each step of one asks for all that wait behind it."""
    return Job.from_json(body)


def _read_holds(connection: sa.Connection, which: sa.ColumnElement[bool]) -> dict[str, ModelHold]:
    rows = connection.execute(sa.select(MODELS).where(MODELS.c.hold.is_not(None), which)).all()
    return {
        row.name: ModelHold(
            row.name, _moment(row.held_since), Problem.model_validate_json(row.hold), row.credential
        )
        for row in rows
    }


def _last(what: sa.Column[Any], event: str, model: str | sa.ColumnElement[str]) -> sa.Select[Any]:
    """Ask for a column of a model's last such event."""
    return (
        sa.select(what)
        .where(EVENTS.c.model == model, EVENTS.c.event == event)
        .order_by(EVENTS.c.at.desc(), EVENTS.c.id.desc())
        .limit(1)
    )


def _warning_in(detail: Mapping[str, Any]) -> Problem | None:
    return Problem(what=detail["what"], remedy=detail.get("remedy", "")) if detail.get("what") else None


def _was_trained(job: Job) -> bool:
    return job.retrain_job_id is not None and job.outcome is not Outcome.FAILED


def _row(job: Job) -> dict[str, Any]:
    return {
        "id": job.id,
        "model": job.model,
        "state": job.state.value,
        "created_at": job.created_at.timestamp(),
        "content": content_of(job),
        "version": job.version,
        "body": job.model_dump_json(),
    }


def content_of(job: Job) -> str | None:
    """Return what tells deliveries of the same bytes apart from others: the data files' hashes by role."""
    hashes = [f"{file.role}:{file.sha256}" for file in job.data_files]
    return " ".join(hashes) if all(file.sha256 for file in job.data_files) else None


def _moment(seconds: float) -> datetime:
    return datetime.fromtimestamp(seconds, UTC)
