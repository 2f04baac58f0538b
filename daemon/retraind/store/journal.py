"""The journal: jobs and their append-only history, in SQLite through SQLAlchemy. The daemon's only memory.

Every write is one committed transaction and carries the version it was based on, so that the daemon and a
command in another process cannot overwrite each other. What a job's change means is decided elsewhere.
"""

import json
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import NamedTuple, Self

import sqlalchemy as sa

from retraind.domain.job import Job
from retraind.domain.people import Person
from retraind.domain.problems import LEGACY, Problem
from retraind.domain.records import ModelHold
from retraind.store.arrivals import Arrivals
from retraind.store.backup import before_upgrade
from retraind.store.contents import Contents
from retraind.store.cursors import Cursors
from retraind.store.database import Database
from retraind.store.events import Events
from retraind.store.holds import Holds
from retraind.store.hosts import Hosts
from retraind.store.jobs import Jobs
from retraind.store.rows import (
    ACTIVE,
    HELD,
    by_time,
    last_of,
    problem_in,
    read_detail,
    read_holds,
    read_jobs,
)
from retraind.store.schema import EVENTS, JOBS, MODELS
from retraind.system.clock import Clock

_MODEL = sa.func.json_each(sa.bindparam("models")).table_valued("value").c.value
_WORK = sa.select(JOBS.c.body).where(JOBS.c.model.in_(sa.select(_MODEL)), JOBS.c.state.in_(ACTIVE))
_HOLDS = HELD.where(MODELS.c.name.in_(sa.select(_MODEL)))
_LATEST = sa.select(
    _MODEL.label("model"),
    last_of(EVENTS.c.job, "job_filed", _MODEL).scalar_subquery().label("filed"),
    last_of(EVENTS.c.job, "model_switched", _MODEL).scalar_subquery().label("published"),
    last_of(EVENTS.c.detail, "key_warning", _MODEL).scalar_subquery().label("warning"),
    last_of(EVENTS.c.detail, "expectation", _MODEL).scalar_subquery().label("late"),
)
_job_id = sa.func.json_each(sa.bindparam("jobs")).table_valued("value").c.value
_JOBS = sa.select(JOBS.c.body).where(JOBS.c.id.in_(sa.select(_job_id)))
# Made once: to make them takes longer than what SQLite does with them.


class Standing(NamedTuple):
    """What people are shown of a model."""

    active: list[Job]
    """Oldest first."""
    hold: ModelHold | None
    last: Job | None
    """The job that was filed last."""
    published: Job | None
    """The job whose result was published last, as far as retraind did it."""
    warning: Problem | None
    """What has to be done soon about its key."""
    late: Problem | None = None
    """Which delivery is late."""


class Journal:
    """An open journal: its parts, and what is read from several of them at one moment. Thread-safe."""

    def __init__(self, database: Database, clock: Clock) -> None:
        self.database = database
        self.events = Events(database, clock)
        self.holds = Holds(database, self.events, clock)
        self.jobs = Jobs(database, self.events, self.holds, clock)
        self.hosts = Hosts(database, self.events)
        self.cursors = Cursors(database)
        self.contents = Contents(database)
        self.arrivals = Arrivals(database, self.events)

    @classmethod
    def open(
        cls, file: Path, clock: Clock | None = None, permit_upgrade: Callable[[], None] = lambda: None
    ) -> Self:
        """Open the journal in `file`; raises JournalError as `Database.open` does.

        `permit_upgrade` is called before the schema of an older journal is changed, and may raise it too.
        """
        at = clock or Clock()

        def back_up(journal: Path) -> Path:
            permit_upgrade()
            return before_upgrade(journal, at.now())

        return cls(Database.open(file, back_up), at)

    def close(self) -> None:
        """Close all connections."""
        self.database.close()

    def standings(self, models: Iterable[str]) -> dict[str, Standing]:
        """Return what people are shown of each of these models, all from one moment."""
        these = {"models": json.dumps(list(models))}
        with self.database.reader.connect() as connection:
            rows = connection.execute(_LATEST, these).all()
            in_work = by_time(read_jobs(connection.scalars(_WORK, these).all()))
            finished = json.dumps(sorted({job for row in rows for job in (row.filed, row.published) if job}))
            known = read_jobs(connection.scalars(_JOBS, {"jobs": finished}).all())
            holds = read_holds(connection.execute(_HOLDS, these))
        jobs = {job.id: job for job in known}
        found = {
            row.model: Standing(
                [], holds.get(row.model), jobs.get(row.filed), jobs.get(row.published),
                problem_in(read_detail(row.warning or "{}")), problem_in(read_detail(row.late or "{}")),
            )
            for row in rows
        }  # fmt: skip
        for job in in_work:
            found[job.model].active.append(job)
        return found

    def work_of(self, models: Iterable[str]) -> tuple[dict[str, list[Job]], dict[str, ModelHold]]:
        """Return the active jobs of these models, oldest first, and the holds of the models."""
        these = {"models": json.dumps(list(models))}
        found: dict[str, list[Job]] = {}
        with self.database.reader.connect() as connection:
            for job in by_time(read_jobs(connection.scalars(_WORK, these).all())):
                found.setdefault(job.model, []).append(job)
            return found, read_holds(connection.execute(_HOLDS, these))

    def rename_model(self, before: str, after: str, obsolete: str, by: Person | None = None) -> int:
        """Move all jobs, the history and the hold of `before` to `after`; returns how many jobs these are.

        The jobs' own holds stay, except those with the code `obsolete` and those worded by an earlier
        retraind, which are tried again. A hold of `after` itself takes precedence.
        """
        hold = sa.func.json_extract(JOBS.c.body, "$.hold.problem.code")
        body = sa.func.json_set(JOBS.c.body, "$.model", after, "$.version", JOBS.c.version + 1)
        freed = sa.func.json_set(body, "$.hold", sa.func.json("null"), "$.wait.wake_at", sa.func.json("null"))
        mine = JOBS.update().where(JOBS.c.model == before)
        with self.database.engine.begin() as connection:
            count = sum(
                connection.execute(
                    update.values(model=after, version=JOBS.c.version + 1, body=changed)
                ).rowcount
                for update, changed in ((mine.where(hold.in_((obsolete, LEGACY))), freed), (mine, body))
            )
            connection.execute(EVENTS.update().where(EVENTS.c.model == before).values(model=after))
            known = connection.execute(sa.select(MODELS.c.hold).where(MODELS.c.name == after)).first()
            if known is None or known.hold is None:
                if connection.scalar(sa.select(MODELS.c.name).where(MODELS.c.name == before)):
                    connection.execute(MODELS.delete().where(MODELS.c.name == after))
                connection.execute(MODELS.update().where(MODELS.c.name == before).values(name=after))
            connection.execute(MODELS.delete().where(MODELS.c.name == before))
            detail = {"of": before, "jobs": count, **(by.as_detail() if by else {})}
            self.events.append(connection, "model_adopted", None, detail, after)
        return count

    def last_trained(self, model: str) -> Job | None:
        """Return the model's job whose training finished last."""
        job_id = self.events.latest_job(model, "training_finished")
        return self.jobs.get(job_id) if job_id else None

    def published(self, model: str) -> str | None:
        """Return the id of the model's job whose result was published last, as far as retraind did it."""
        return self.events.latest_job(model, "model_switched")
