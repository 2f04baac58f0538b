"""A model's last runs as numbers, for charts, read without reading whole jobs."""

import json
from collections.abc import Mapping
from datetime import datetime
from typing import NamedTuple

import sqlalchemy as sa

from retraind.domain.job import RESTING, State
from retraind.store.journal import Journal
from retraind.store.schema import JOBS


class Run(NamedTuple):
    """One job that has ended."""

    id: str
    key: str
    failed: bool
    began: datetime
    ended: datetime
    """When the training had finished; of a job without one, when it was filed."""
    rows: int | None
    """Data rows of the training file."""
    bytes: int
    """Of the data files."""
    scores: Mapping[str, float]
    """The figures of the trained model."""


def last_runs(journal: Journal, model: str, limit: int) -> list[Run]:
    """Return a model's last runs, oldest first."""
    states = sorted(RESTING - {State.RETURNED})
    body = JOBS.c.body
    size = sa.text(
        "(SELECT sum(json_extract(value, '$.signature.size')) FROM json_each(jobs.body, '$.files')"
        " WHERE json_extract(value, '$.role') IN ('train', 'eval')) AS size"
    )
    query = (
        sa.select(
            JOBS.c.id,
            JOBS.c.state,
            sa.func.json_extract(body, "$.key").label("key"),
            sa.func.json_extract(body, "$.created_at").label("began"),
            sa.func.coalesce(
                sa.func.json_extract(body, "$.training.trained_at"),
                sa.func.json_extract(body, "$.updated_at"),
            ).label("ended"),
            sa.func.json_extract(body, "$.data.rows.train").label("rows"),
            size,
            sa.func.json_extract(body, "$.training.scores").label("scores"),
        )
        .where(JOBS.c.model == model, JOBS.c.state.in_(states))
        .order_by(JOBS.c.id.desc())
        .limit(limit)
    )
    rows = journal.database.rows(query)
    return [
        Run(
            row.id,
            row.key,
            row.state == State.FAILED,
            datetime.fromisoformat(row.began),
            datetime.fromisoformat(row.ended),
            row.rows,
            row.size or 0,
            json.loads(row.scores) if row.scores else {},
        )
        for row in reversed(rows)
    ]
