"""The journal: jobs and their append-only history, in SQLite through SQLAlchemy. The daemon's only memory.

Every write is one committed transaction and carries the version it was based on, so that the daemon and a command
in another process cannot overwrite each other. What a job's change means is decided elsewhere.
"""

import fcntl
import itertools
import json
import os
import sqlite3
import statistics
import sys
from collections.abc import Container, Iterable, Iterator, Mapping
from contextlib import contextmanager, suppress
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, NamedTuple, Self

import sqlalchemy as sa
from sqlalchemy.exc import DatabaseError, OperationalError, SQLAlchemyError

from retraind.clock import Clock
from retraind.errors import JournalDamagedError, JournalError
from retraind.files import PRIVATE, make_folder, move, sync_file
from retraind.job import IN_WORK, LIFE, RESTING, SHORT_ID, Job, Outcome, Problem, State

_UPLOADS = 9
_TELLING_BYTES = 1 << 20
UPLOAD_EVENTS = ("upload_complete", "upload_found_complete")
"""The events with which a training begins, and is counted against the model's budget."""
_CLOCK_SLACK = 86_400.0
"""Seconds that a clock may be corrected by."""
_LOCK_PATIENCE = 30.0
"""Seconds to wait for another program that is writing."""
_DAMAGED = frozenset({sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB})
_LOCKED = frozenset({sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED})
SCHEMA = "0005"
"""The newest revision in migrations/versions."""
METADATA = sa.MetaData()

JOBS = sa.Table(
    "jobs",
    METADATA,
    sa.Column("id", sa.String, primary_key=True),
    sa.Column("model", sa.String, nullable=False),
    sa.Column("state", sa.String, nullable=False),
    sa.Column("created_at", sa.Float, nullable=False),  # seconds since 1970, to sort and page by
    sa.Column("content", sa.String),  # hash over the data files' hashes; None until checked
    sa.Column("version", sa.Integer, nullable=False),
    sa.Column("body", sa.Text, nullable=False),  # the whole Job as JSON
    sa.Index("jobs_by_state", "state", "created_at"),
    sa.Index("jobs_by_model_state", "model", "state", "created_at"),
    sa.Index("jobs_by_model", "model", "created_at"),
    sa.Index("jobs_by_time", "created_at"),
    sa.Index("jobs_known", "model", "id", "version", "state"),
    sa.Index("jobs_by_content", "model", "content"),
    sa.Index("jobs_by_short_id", sa.text(f"substr(id, -{SHORT_ID})")),
)
"""Columns beside the body exist to be searched; the body alone is what a Job is made of."""

EVENTS = sa.Table(
    "events",
    METADATA,
    sa.Column("id", sa.Integer, primary_key=True, autoincrement=True),
    sa.Column("at", sa.Float, nullable=False),
    sa.Column("job", sa.String),
    sa.Column("model", sa.String),
    sa.Column("event", sa.String, nullable=False),
    sa.Column("detail", sa.Text, nullable=False),
    sa.Index("events_by_job", "job", "id"),
    sa.Index("events_by_model", "model", "event", "at"),
)

MODELS = sa.Table(
    "models",
    METADATA,
    sa.Column("name", sa.String, primary_key=True),
    sa.Column("held_since", sa.Float),
    sa.Column("hold", sa.Text),  # a Problem as JSON
    sa.Column("credential", sa.Boolean, nullable=False, default=False),
    sa.Column("trial", sa.Text),  # a hold that ended to see whether its reason has gone, until that is known
)

HOSTS = sa.Table(
    "hosts",
    METADATA,
    sa.Column("name", sa.String, primary_key=True),
    sa.Column("since", sa.Float, nullable=False),
    sa.Column("failures", sa.Integer, nullable=False),
    sa.Column("reason", sa.Text, nullable=False),
    sa.Column("next_try", sa.Float, nullable=False),
    sa.Column("told", sa.Boolean, nullable=False, server_default=sa.false()),
)
"""The hosts that are down, for as long as they are."""

RECIPIENTS = sa.Table(
    "recipients",
    METADATA,
    sa.Column("name", sa.String, primary_key=True),
    sa.Column("told", sa.Integer, nullable=False),  # the last event that it has been told of, or need not be
)
"""Who is notified of what is in the history."""

_VERSION = sa.Table(
    "alembic_version", METADATA, sa.Column("version_num", sa.String(32), primary_key=True, nullable=False)
)
"""Alembic's own table, in which it keeps the schema's revision."""


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


class Conflict(Exception):
    """Another writer changed the job since it was read."""


class Journal:
    """An open journal. Safe to use from several threads."""

    def __init__(self, engine: sa.Engine, clock: Clock, file: Path) -> None:
        self._engine = engine
        self._reader = engine.execution_options(read_only=True)
        self._clock = clock
        self._file = file
        self._identity = _identity(file)
        self._watching: sa.Connection | None = None
        self.damage: str | None = None
        """What of the file has turned out to make no sense, as SQLite says it."""

        @sa.event.listens_for(engine, "do_connect")
        def _same_file(*_: object) -> None:
            # Another file would begin to live beside the one that the other connections still have.
            if not self.in_place:
                gone = sqlite3.OperationalError(f"{file} was deleted or replaced")
                raise OperationalError(None, None, gone)

        @sa.event.listens_for(engine, "handle_error")
        def _note_damage(context: sa.engine.ExceptionContext) -> None:
            if _code(context.original_exception) in _DAMAGED:
                self.damage = str(context.original_exception)

    @classmethod
    def open(cls, file: Path, clock: Clock | None = None) -> Self:
        """Open the journal in `file`, creating it or bringing it to the present schema.

        Raises JournalError when the file is no journal, is from a newer retraind or cannot be written.
        """
        try:
            make_folder(file.parent, PRIVATE)
        except OSError as error:
            raise JournalError(
                f"The journal's folder {file.parent} cannot be created: {error.strerror}. "
                "Create it for the service's user, or set state.url."
            ) from error
        engine = _engine(file)
        try:
            _make_private(file)
            _migrate(engine, file)
            _write_ahead(engine)
            return cls(engine, clock or Clock(), file)
        except DatabaseError as error:
            engine.dispose()
            raise unusable(file, error) from error
        except (OSError, JournalError):
            engine.dispose()
            raise

    def close(self) -> None:
        """Close all connections."""
        if self._watching is not None:
            self._watching.close()
            self._watching = None
        self._engine.dispose()

    @property
    def in_place(self) -> bool:
        """True while the journal's name leads to the file that was opened."""
        return _identity(self._file) == self._identity

    def examine(self) -> str | None:
        """Read the whole file and return what is wrong with it, if anything; it takes seconds for a long history."""
        try:
            with self._reader.connect() as connection:
                found = connection.exec_driver_sql("PRAGMA quick_check(1)").scalar_one()
        except DatabaseError:
            return self.damage
        if found != "ok":
            self.damage = str(found)
        return self.damage

    def rescue(self) -> Path | None:
        """Write out again what was deleted or replaced under the daemon; returns the new file, None without need.

        The open connections still have all of it. A file that took its place is left there, and this one is put
        beside it.
        """
        if self.in_place or self.damage:
            return None
        make_folder(self._file.parent)
        target = self._file if not self._file.exists() else _free_name(self._file, "replaced")
        temporary = target.with_name(f".{target.name}.tmp")
        temporary.unlink(missing_ok=True)
        # The one connection that is surely from before.
        self.data_version()
        assert self._watching is not None
        self._watching.connection.cursor().execute("VACUUM INTO ?", (str(temporary),))
        temporary.chmod(0o600)
        sync_file(temporary)
        if target == self._file:
            for ending in ("-wal", "-shm"):
                target.with_name(target.name + ending).unlink(missing_ok=True)
        move(temporary, target)
        return target

    def data_version(self) -> int:
        """Return a number that changes whenever any other connection, in any process, has written.

        Meant for one caller: it keeps a connection of its own to compare on.
        """
        if self._watching is None:
            self._watching = self._reader.connect()
        version = self._watching.exec_driver_sql("PRAGMA data_version").scalar_one()
        self._watching.rollback()
        return int(version)

    # Jobs

    def add(self, job: Job, event: str, **detail: Any) -> Job:
        """Record a new job."""
        with self._engine.begin() as connection:
            connection.execute(JOBS.insert().values(_row(job)))
            self._append(connection, event, job, detail)
        return job

    def write(
        self, job: Job, event: str | None = None, /, detail: Mapping[str, Any] | None = None, **changes: Any
    ) -> Job:
        """Replace the fields `changes` of `job`, with `event` in its history, in one transaction.

        A change of state has to be one that the table of a job's life allows. Raises Conflict when the journal
        holds another version than `job`.
        """
        to = changes.get("state", job.state)
        if to != job.state and to not in LIFE[job.state].next:
            raise ValueError(f"a job cannot go from {job.state} to {to}")
        after = job.changed(**changes, updated_at=self._clock.now(), version=job.version + 1)
        with self._engine.begin() as connection:
            changed = connection.execute(
                JOBS.update().where(JOBS.c.id == job.id, JOBS.c.version == job.version).values(_row(after))
            )
            if changed.rowcount != 1:
                raise Conflict(job.id)
            if event:
                passed = {"from": job.state, "to": to} if to != job.state else {}
                self._append(connection, event, after, passed | dict(detail or {}))
        return after

    def get(self, job_id: str) -> Job | None:
        """Return the job with this id."""
        with self._reader.connect() as connection:
            body = connection.scalar(sa.select(JOBS.c.body).where(JOBS.c.id == job_id))
        return Job.model_validate_json(body) if body else None

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
                UPLOAD_EVENTS[0]: job.uploaded_at,
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
        # Sorted here: for an order SQLite would rather go through all jobs by time.
        query = sa.select(JOBS.c.body).where(JOBS.c.state.in_(sorted(set(State) - RESTING)))
        if model is not None:
            query = query.where(JOBS.c.model == model)
        return sorted(self._jobs(query), key=lambda job: (job.created_at, job.id))

    def begun_before(self, model: str, states: frozenset[State], moment: datetime, limit: int) -> list[Job]:
        """Return the model's jobs in one of `states` that were begun before `moment`, oldest first."""
        query = sa.select(JOBS.c.body).where(
            JOBS.c.model == model,
            JOBS.c.state.in_(sorted(states)),
            JOBS.c.created_at < moment.timestamp(),
        )
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
        query = sa.select(JOBS.c.body).where(
            JOBS.c.model == model, JOBS.c.content == content, JOBS.c.id != besides
        )
        jobs = sorted(self._jobs(query), key=lambda job: job.created_at, reverse=True)
        return next(
            (job for job in jobs if job.state in IN_WORK or (job.state in trained and _was_trained(job))),
            None,
        )

    def _jobs(self, query: sa.Select[Any]) -> list[Job]:
        with self._reader.connect() as connection:
            return [Job.model_validate_json(body) for (body,) in connection.execute(query)]

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

    def warning(self, model: str) -> str | None:
        """Return what is to be told of a model's key."""
        return self.last_word("key_warning", model)

    def last_word(self, event: str, model: str) -> str | None:
        """Return what `note_change` appended last."""
        query = sa.select(EVENTS.c.detail).where(EVENTS.c.model == model, EVENTS.c.event == event)
        with self._reader.connect() as connection:
            detail = connection.scalar(query.order_by(EVENTS.c.at.desc(), EVENTS.c.id.desc()).limit(1))
        text: str | None = json.loads(detail)["what"] if detail else None
        return text

    def last_filed(self, model: str) -> Job | None:
        """Return the model's job that was filed last."""
        return self._get(self._latest(model, "job_filed"))

    def last_trained(self, model: str) -> Job | None:
        """Return the model's job whose training finished last."""
        return self._get(self._latest(model, "training_finished"))

    def published(self, model: str) -> str | None:
        """Return the id of the model's job whose result was published last, as far as retraind did it."""
        return self._latest(model, "model_switched")

    def _get(self, job_id: str | None) -> Job | None:
        return self.get(job_id) if job_id else None

    def _latest(self, model: str, event: str) -> str | None:
        query = (
            sa.select(EVENTS.c.job)
            .where(EVENTS.c.model == model, EVENTS.c.event == event)
            .order_by(EVENTS.c.at.desc(), EVENTS.c.id.desc())
            .limit(1)
        )
        with self._reader.connect() as connection:
            found: str | None = connection.scalar(query)
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
            on_trial = sa.select(MODELS.c.name).where(MODELS.c.name == model, MODELS.c.trial.is_not(None))
            if connection.execute(on_trial).first() is None:
                return False
        with self._engine.begin() as connection:
            connection.execute(MODELS.update().where(MODELS.c.name == model).values(trial=None))
            why = "the service accepts the key again"
            self._append(connection, "model_released", None, {"why": why}, model)
        return True

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

    # Holds

    def holds(self) -> dict[str, ModelHold]:
        """Return the held models by name."""
        with self._reader.connect() as connection:
            rows = connection.execute(sa.select(MODELS).where(MODELS.c.hold.is_not(None))).all()
        return {
            row.name: ModelHold(
                row.name, _moment(row.held_since), Problem.model_validate_json(row.hold), row.credential
            )
            for row in rows
        }


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


def _identity(file: Path) -> tuple[int, int] | None:
    try:
        status = file.stat()
    except OSError:
        return None
    return status.st_dev, status.st_ino


def _code(error: BaseException | None) -> int:
    """Return SQLite's primary result code; 0 for what is not SQLite's."""
    return getattr(error, "sqlite_errorcode", 0) & 0xFF


def unusable(file: Path, error: DatabaseError) -> JournalError:
    """Word what keeps a journal from being used, and what helps."""
    kind = JournalDamagedError if _code(error.orig) in _DAMAGED else JournalError
    return kind(f"The journal {file} cannot be used: {error.orig}. {remedy(error)}")


def remedy(error: SQLAlchemyError) -> str:
    """Say what helps when the journal cannot be read or written."""
    code = _code(getattr(error, "orig", None))
    if code in _DAMAGED:
        return "It is damaged, or no journal at all. If it is retraind's own, run: retraind rebuild"
    if code in _LOCKED:
        return "Another program keeps it locked. End that program; fuser tells which it is."
    return "Free space where it is, or mend the disk; all goes on by itself then."


def _engine(file: Path) -> sa.Engine:
    engine = sa.create_engine(
        sa.URL.create("sqlite", database=str(file)), connect_args={"timeout": _LOCK_PATIENCE}
    )

    @sa.event.listens_for(engine, "connect")
    def _set_up(connection: Any, _record: object) -> None:
        # SQLAlchemy, not the driver, begins transactions (see below).
        connection.isolation_level = None
        cursor = connection.cursor()
        cursor.execute("PRAGMA synchronous = FULL")
        cursor.close()

    @sa.event.listens_for(engine, "begin")
    def _begin(connection: sa.Connection) -> None:
        # A transaction that reads before it writes must own the write lock from the start, or it can fail
        # half-way with "database is locked" however long the time-out.
        connection.exec_driver_sql("BEGIN IMMEDIATE" if _writes(connection) else "BEGIN")

    return engine


def _write_ahead(engine: sa.Engine) -> None:
    """Have readers and the writer not wait for each other; the file remembers it. Not before it is known to be ours."""
    connection = engine.raw_connection()
    try:
        connection.cursor().execute("PRAGMA journal_mode = WAL")
    except sqlite3.DatabaseError as error:
        raise DatabaseError(None, None, error) from error
    finally:
        connection.close()


def _writes(connection: sa.Connection) -> bool:
    return not connection.get_execution_options().get("read_only", False)


def _migrate(engine: sa.Engine, file: Path) -> None:
    # Most often there is nothing to do, and then no lock is needed that another program may have.
    with engine.execution_options(read_only=True).connect() as reading:
        if _VERSION.name in sa.inspect(reading).get_table_names() and _revision(reading) == SCHEMA:
            return
    with engine.begin() as connection:
        tables = sa.inspect(connection).get_table_names()
        if not tables:
            # A new journal needs no history of its schema. A test holds both ways to the same result.
            METADATA.create_all(connection)
            connection.execute(_VERSION.insert().values(version_num=SCHEMA))
            return
        present = _revision(connection) if _VERSION.name in tables else None
        if present == SCHEMA:
            return
        if present is None or JOBS.name not in tables:
            raise JournalError(
                f"{file} belongs to another program: it has tables, but none of a journal. "
                "Name a file of its own for the journal with state.url."
            )
        # Alembic takes longer to import than most commands take to run, and is rarely needed.
        import alembic.command  # noqa: PLC0415
        import alembic.config  # noqa: PLC0415
        import alembic.script  # noqa: PLC0415

        config = alembic.config.Config()
        config.set_main_option("script_location", str(Path(__file__).parent / "migrations"))
        known = {
            step.revision for step in alembic.script.ScriptDirectory.from_config(config).walk_revisions()
        }
        if present not in known:
            raise JournalError(
                f"The journal {file} was written by a newer retraind (schema {present}). "
                "Install that version again, or restore the journal from before the update."
            )
        config.attributes["connection"] = connection
        alembic.command.upgrade(config, SCHEMA)


def _revision(connection: sa.Connection) -> str | None:
    revision: str | None = connection.scalar(sa.select(_VERSION.c.version_num))
    return revision


def _free_name(file: Path, word: str) -> Path:
    """Return the first name beside `file`, `word` and a number added, that nothing has."""
    names = (file.with_name(f"{file.name}.{word}-{number}") for number in itertools.count(1))
    return next(name for name in names if not os.path.lexists(name))


def set_aside(file: Path) -> Path:
    """Rename a journal that cannot be used, with what belongs to it, so that a new one can be begun.

    Returns the new name. Nothing is deleted. Call with `sole_instance` held.
    """
    aside = _free_name(file, "bad")
    for ending in ("", "-wal", "-shm"):
        part = file.with_name(file.name + ending)
        if part.exists():
            part.rename(aside.with_name(aside.name + ending))
    return aside


def running_instance(file: Path) -> int | None:
    """Return the process number of the daemon that works with the journal in `file`, or None."""
    try:
        handle = os.open(file.with_name(file.name + ".lock"), os.O_RDONLY | os.O_CLOEXEC)
    except FileNotFoundError:
        return None
    try:
        fcntl.flock(handle, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except BlockingIOError:
        owner = os.read(handle, 32).decode(errors="replace").strip()
        return int(owner) if owner.isdecimal() else 0
    else:
        return None
    finally:
        os.close(handle)


def _make_private(file: Path) -> None:
    """Begin an empty file that only its owner can read; SQLite gives its companions the same rights."""
    with suppress(FileExistsError):
        os.close(os.open(file, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600))


@contextmanager
def sole_instance(file: Path) -> Iterator[None]:
    """Keep the journal in `file` for this process alone while the block runs.

    The kernel drops the lock when the process ends, however it ends. Raises JournalError when another process
    has it, with that process's number.
    """
    make_folder(file.parent, PRIVATE)
    lock = file.with_name(file.name + ".lock")
    handle = os.open(lock, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC | os.O_NOFOLLOW, 0o600)
    try:
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            owner = os.read(handle, 32).decode(errors="replace").strip()
            raise JournalError(
                f"Another retraind (process {owner or 'unknown'}) already works with the journal {file}. "
                "Stop that one first, or give this one a journal of its own with state.url."
            ) from None
        os.ftruncate(handle, 0)
        os.write(handle, f"{os.getpid()}\n".encode())
        yield
    finally:
        os.close(handle)
