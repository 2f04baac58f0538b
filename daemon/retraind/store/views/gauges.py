"""Numbers of all models at one moment, for monitoring: a few queries, each answered by an index."""

from collections.abc import Collection, Mapping
from datetime import datetime
from typing import NamedTuple

import sqlalchemy as sa

from retraind.domain.job import Outcome, State
from retraind.store.journal import Journal
from retraind.store.rows import ACTIVE, each_of, last_of, moment
from retraind.store.schema import EVENTS, HOSTS, JOBS

_GOOD = (Outcome.TRAINED.value, Outcome.SWITCHED.value)


class Gauges(NamedTuple):
    """What the journal says at one moment. Models without something are missing there."""

    jobs: Mapping[str, Mapping[State, int]]
    """By model and state, without zeros."""
    on_hold: Mapping[str, int]
    """Jobs that wait for a person, by model."""
    stuck: Mapping[str, int]
    """Jobs that have met transient failures for longer than `notify.patience`, by model."""
    held: frozenset[str]
    """Models on hold."""
    late: frozenset[str]
    """Models of which a delivery is late, or missing."""
    succeeded: Mapping[str, datetime]
    """When a delivery of each model was last trained, or published."""
    down: frozenset[str]
    """Hosts whose circuit is open."""


def gauges(journal: Journal, models: Collection[str]) -> Gauges:
    """Read the numbers. Of models that are not among `models`, only jobs are counted."""
    late = journal.events.last_problems("expectation", models)
    with journal.database.reader.connect() as connection:
        on_hold, stuck = _stopped(connection)
        return Gauges(
            journal.jobs.counts(),
            on_hold,
            stuck,
            frozenset(journal.holds.all()),
            frozenset(name for name, what in late.items() if what),
            _succeeded(connection, models),
            frozenset(connection.scalars(sa.select(HOSTS.c.name))),
        )


def _stopped(connection: sa.Connection) -> tuple[Mapping[str, int], Mapping[str, int]]:
    held = sa.func.json_extract(JOBS.c.body, "$.hold.problem.code").is_not(None)
    stuck = sa.or_(
        sa.func.json_extract(JOBS.c.body, "$.wait.stuck").is_(sa.true()),
        sa.func.json_extract(JOBS.c.body, "$.tries.upload_held").is_(sa.true()),
    )
    query = (
        sa.select(JOBS.c.model, sa.func.sum(held).label("held"), sa.func.sum(stuck).label("stuck"))
        .where(JOBS.c.state.in_(ACTIVE))
        .group_by(JOBS.c.model)
    )
    rows = connection.execute(query).all()
    return (
        {row.model: row.held for row in rows if row.held},
        {row.model: row.stuck for row in rows if row.stuck},
    )


def _succeeded(connection: sa.Connection, models: Collection[str]) -> Mapping[str, datetime]:
    model = each_of(models)
    good = sa.func.json_extract(EVENTS.c.detail, "$.outcome").in_(_GOOD)
    last = last_of(EVENTS.c.at, "job_filed", model).where(good).scalar_subquery()
    rows = connection.execute(sa.select(model.label("model"), last.label("at")))
    return {row.model: moment(row.at) for row in rows if row.at is not None}
