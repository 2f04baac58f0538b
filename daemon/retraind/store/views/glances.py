"""All models at one moment, in a few queries that read no whole job: for a page that lists a thousand."""

from collections.abc import Collection
from datetime import datetime
from typing import Any, NamedTuple

import sqlalchemy as sa

from retraind.domain.job import Outcome, State
from retraind.domain.problems import Problem
from retraind.domain.records import ModelHold
from retraind.store.journal import Journal
from retraind.store.rows import ACTIVE, HELD, lasts_of, moment, problem_in, read_detail, read_holds
from retraind.store.schema import EVENTS, JOBS


class Active(NamedTuple):
    """A job in work, as far as a list shows it."""

    id: str
    key: str
    state: State
    created_at: datetime
    updated_at: datetime
    uploaded_at: datetime | None
    hold: Problem | None
    trouble: Problem | None
    attempts: int
    """Tries of the present step that met a transient failure, in a row."""
    stuck: bool


class Filed(NamedTuple):
    """The job of a model that was filed last."""

    id: str
    outcome: Outcome | None
    """None where an earlier retraind did not note it."""
    reason: Problem | None
    """Why it failed."""
    at: datetime


class Glance(NamedTuple):
    """One model."""

    name: str
    active: list[Active]
    """Oldest first."""
    hold: ModelHold | None
    filed: Filed | None
    warning: Problem | None
    """What has to be done soon about its key."""
    late: Problem | None
    """Which delivery is late."""


class Glances(NamedTuple):
    """All models at one moment."""

    by_name: dict[str, Glance]
    last_event: int
    """The place of the history's last entry by then."""


def glances(journal: Journal, models: Collection[str], before: Glances | None = None) -> Glances:
    """Return these models, and those with jobs in work.

    With `before`, what the history says is read again of those models alone that it has new entries of.
    """
    with journal.database.reader.connect() as connection:
        last = connection.scalar(sa.select(sa.func.max(EVENTS.c.id))) or 0
        active = _active(connection)
        names = dict.fromkeys([*models, *active])
        holds = read_holds(connection.execute(HELD))
        known = _unchanged(connection, before) if before is not None and before.last_event <= last else {}
        asked = [name for name in names if name not in known]
        filed = _last(connection, asked, "job_filed")
        problems = [_last(connection, asked, event) for event in ("key_warning", "expectation")]

    def glance(name: str) -> Glance:
        if name in known:
            return known[name]._replace(active=active.get(name, []), hold=holds.get(name))
        return Glance(
            name,
            active.get(name, []),
            holds.get(name),
            _filed(filed[name]) if name in filed else None,
            *(problem_in(read_detail(each[name].detail)) if name in each else None for each in problems),
        )

    return Glances({name: glance(name) for name in names}, last)


def _unchanged(connection: sa.Connection, before: Glances) -> dict[str, Glance]:
    """Return the models of which the history has no new entry."""
    # DISTINCT would lead SQLite through the whole index by model.
    changed = set(connection.scalars(sa.select(EVENTS.c.model).where(EVENTS.c.id > before.last_event)))
    return {name: known for name, known in before.by_name.items() if name not in changed}


def _active(connection: sa.Connection) -> dict[str, list[Active]]:
    def part(path: str) -> sa.ColumnElement[Any]:
        return sa.func.json_extract(JOBS.c.body, path)

    query = sa.select(
        JOBS.c.id, JOBS.c.model, JOBS.c.state, JOBS.c.created_at,
        part("$.key").label("key"), part("$.updated_at").label("updated_at"),
        part("$.training.uploaded_at").label("uploaded_at"), part("$.hold.problem").label("hold"),
        part("$.wait.trouble").label("trouble"), part("$.wait.attempts").label("attempts"),
        part("$.wait.stuck").label("stuck"), part("$.tries.upload_held").label("upload_held"),
    ).where(JOBS.c.state.in_(ACTIVE))  # fmt: skip
    found: dict[str, list[Active]] = {}
    for row in sorted(connection.execute(query), key=lambda row: (row.created_at, row.id)):
        found.setdefault(row.model, []).append(
            Active(
                row.id,
                row.key,
                State(row.state),
                moment(row.created_at),
                datetime.fromisoformat(row.updated_at),
                datetime.fromisoformat(row.uploaded_at) if row.uploaded_at else None,
                Problem.from_json(row.hold) if row.hold else None,
                Problem.from_json(row.trouble) if row.trouble else None,
                row.attempts or 0,
                bool(row.stuck or row.upload_held),
            )
        )
    return found


def _last(connection: sa.Connection, models: Collection[str], event: str) -> dict[str, sa.Row[Any]]:
    """Return the last event of a kind, of each model that has one."""
    return {row.model: row for row in connection.execute(lasts_of(event, models))}


def _filed(row: sa.Row[Any]) -> Filed:
    detail = read_detail(row.detail)
    outcome, reason = detail.get("outcome"), detail.get("reason")
    return Filed(
        row.job,
        Outcome(outcome) if outcome else None,
        reason if isinstance(reason, Problem) else None,
        moment(row.at),
    )


class Pulse(NamedTuple):
    """What changes whenever a page may have something new to show."""

    last_event: int
    active: int
    versions: int


def pulse(journal: Journal) -> Pulse:
    """Return the journal's pulse."""
    last = sa.select(sa.func.max(EVENTS.c.id)).scalar_subquery()
    query = sa.select(last, sa.func.count(), sa.func.sum(JOBS.c.version)).where(JOBS.c.state.in_(ACTIVE))
    (row,) = journal.database.rows(query)
    return Pulse(row[0] or 0, row[1], row[2] or 0)
