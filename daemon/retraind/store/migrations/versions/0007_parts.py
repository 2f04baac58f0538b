"""Jobs of parts, in place of flat fields."""

import sqlalchemy as sa
from alembic import op

from retraind.domain.flat import translated
from retraind.domain.job import Job

revision = "0007"
down_revision = "0006"

_JOBS = sa.table("jobs", sa.column("id", sa.String), sa.column("body", sa.Text))
_BATCH = 500
"""Jobs that are in memory at a time."""


def upgrade() -> None:
    """Write each job again, its facts in parts and its finished sentences as problems."""
    connection, after = op.get_bind(), ""
    write = _JOBS.update().where(_JOBS.c.id == sa.bindparam("job")).values(body=sa.bindparam("written"))
    while rows := connection.execute(_next(after)).all():
        connection.execute(write, [{"job": row.id, "written": _written(row.body)} for row in rows])
        after = rows[-1].id


def _next(after: str) -> sa.Select[tuple[str, str]]:
    return sa.select(_JOBS.c.id, _JOBS.c.body).where(_JOBS.c.id > after).order_by(_JOBS.c.id).limit(_BATCH)


def _written(body: str) -> str:
    body = str(translated(body))
    try:
        return Job.from_json(body).to_json()
    except ValueError:
        return body  # whoever reads it says what is wrong with it
