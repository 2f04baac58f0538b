"""Lists of jobs, a page at a time: by model, by state, by a part of the id, which has the key."""

import unicodedata
from collections.abc import Collection
from typing import NamedTuple

import sqlalchemy as sa

from retraind.domain.job import Job, State
from retraind.store.journal import Journal
from retraind.store.rows import read_jobs
from retraind.store.schema import JOBS

_LONGEST_TEXT = 200
"""Characters; no id is longer."""


class Wanted(NamedTuple):
    """Which jobs are wanted."""

    model: str | None = None
    states: Collection[State] = ()
    """Empty for all."""
    text: str = ""
    """A part of the id: of the time, the key or the short id."""
    before: str | None = None
    """Only those that come after this id in the list."""


class Found(NamedTuple):
    """A part of a list, newest first."""

    jobs: list[Job]
    more: str | None
    """The id after which the list continues; None at its end."""


def search(journal: Journal, wanted: Wanted, limit: int) -> Found:
    """Return up to `limit` jobs. An id begins with the moment at which its job began, so they sort by it."""
    query = sa.select(JOBS.c.id)
    if wanted.model is not None:
        query = query.where(JOBS.c.model == wanted.model)
    if wanted.states:
        query = query.where(JOBS.c.state.in_(sorted(wanted.states)))
    if wanted.before is not None:
        query = query.where(JOBS.c.id < wanted.before)
    if wanted.text:
        query = query.where(JOBS.c.id.like(f"%{_escaped(wanted.text)}%", escape="\\"))
    with journal.database.reader.connect() as connection:
        ids = list(connection.scalars(query.order_by(JOBS.c.id.desc()).limit(limit + 1)))
        wanted_ids = ids[:limit]
        jobs = read_jobs(connection, sa.select(JOBS.c.body).where(JOBS.c.id.in_(wanted_ids)))
    more = wanted_ids[-1] if len(ids) > limit else None
    return Found(sorted(jobs, key=lambda job: job.id, reverse=True), more)


def _escaped(text: str) -> str:
    """Return a text as ids have it: composed, with hyphens for spaces."""
    composed = "-".join(unicodedata.normalize("NFC", text[:_LONGEST_TEXT]).split())
    return composed.replace("\\", "\\\\").replace("%", "\\%").replace("_", "\\_")
