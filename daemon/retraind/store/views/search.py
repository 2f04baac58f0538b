"""Lists of jobs, a page at a time: by model, by state, by a part of the id, which has the key."""

import re
import unicodedata
from collections.abc import Collection
from datetime import UTC, datetime
from typing import Any, NamedTuple

import sqlalchemy as sa

from retraind.domain.job import Job, State
from retraind.domain.names import SHORT_ID
from retraind.store.journal import Journal
from retraind.store.rows import read_jobs
from retraind.store.schema import JOBS

_LONGEST_TEXT = 200
"""Characters; no id is longer."""
_SHORT = re.compile(rf"[0-9a-fA-F]{{{SHORT_ID}}}")


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
    """Return up to `limit` jobs, in an order for which there is an index whatever is wanted.

    A text that is the short id of a job, with a letter in it, finds that job alone.
    """
    with journal.database.reader.connect() as connection:
        ids: list[str] = list(connection.scalars(_by_short_id(wanted))) if _is_short_id(wanted.text) else []
        if not ids:
            query = _by_text(wanted) if wanted.text else _by_time(connection, wanted)
            ids = list(connection.scalars(query.limit(limit + 1)))
        shown = ids[:limit]
        jobs = read_jobs(connection.scalars(sa.select(JOBS.c.body).where(JOBS.c.id.in_(shown))).all())
    known = {job.id: job for job in jobs}
    return Found([known[each] for each in shown if each in known], shown[-1] if len(ids) > limit else None)


def _by_time(connection: sa.Connection, wanted: Wanted) -> sa.Select[Any]:
    """Sort by the moment at which jobs began, for which each filter has an index."""
    query = sa.select(JOBS.c.id).order_by(JOBS.c.created_at.desc(), JOBS.c.id.desc())
    if wanted.model is not None:
        query = query.where(JOBS.c.model == wanted.model)
    if wanted.states:
        query = query.where(JOBS.c.state.in_(sorted(wanted.states)))
    if wanted.before is not None:
        began = connection.scalar(sa.select(JOBS.c.created_at).where(JOBS.c.id == wanted.before))
        place = sa.tuple_(JOBS.c.created_at, JOBS.c.id)
        # That job may have been deleted since; its id says when it began, to the second.
        query = query.where(
            place < sa.tuple_(_begun(wanted.before) if began is None else began, wanted.before)
        )
    return query


def _begun(job_id: str) -> float:
    try:
        return datetime.strptime(job_id[:18], "%Y-%m-%dT%H%M%SZ").replace(tzinfo=UTC).timestamp()
    except ValueError:
        return 0.0


def _is_short_id(text: str) -> bool:
    """Return whether a text names a job, as commands take it. A number is rather a part of a date."""
    return bool(_SHORT.fullmatch(text)) and not text.isdecimal()


def _by_short_id(wanted: Wanted) -> sa.Select[Any]:
    """Look up a job whose short id the text is: what most people search for, and the index has."""
    query = sa.select(JOBS.c.id).where(
        sa.func.substr(JOBS.c.id, sa.text(f"-{SHORT_ID}")) == wanted.text.lower()
    )
    if wanted.model is not None:
        query = query.where(JOBS.c.model.concat("") == wanted.model)
    if wanted.states:
        query = query.where(JOBS.c.state.concat("").in_(sorted(wanted.states)))
    return query


def _by_text(wanted: Wanted) -> sa.Select[Any]:
    """Sort by the id, whose index is read and no job; ids begin with the moment as well.

    Of one model, the index is read that has its ids. An empty text is appended to what would lead SQLite to
    an index in another order.
    """
    query = sa.select(JOBS.c.id).order_by(JOBS.c.id.desc())
    query = query.where(JOBS.c.id.like(f"%{_escaped(wanted.text)}%", escape="\\"))
    if wanted.model is not None:
        query = query.where(JOBS.c.model == wanted.model)
    if wanted.states:
        query = query.where(JOBS.c.state.concat("").in_(sorted(wanted.states)))
    if wanted.before is not None:
        query = query.where(JOBS.c.id < wanted.before)
    return query


def _escaped(text: str) -> str:
    """Return a text as ids have it: composed, with hyphens for spaces."""
    composed = "-".join(unicodedata.normalize("NFC", text[:_LONGEST_TEXT]).split())
    return composed.replace("\\", "\\\\").replace("%", "\\%").replace("_", "\\_")
