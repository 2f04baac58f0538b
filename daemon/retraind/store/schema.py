"""The journal's tables, and how those of an older journal are migrated. Their meaning is in journal.py."""

from collections.abc import Callable
from functools import cache
from pathlib import Path
from typing import NamedTuple

import sqlalchemy as sa

from retraind import __version__
from retraind.domain.failures import JournalError
from retraind.domain.names import SHORT_ID
from retraind.domain.problems import Problem, problem
from retraind.system.files import exists

SCHEMA = "0008"
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
    sa.Column("trial", sa.Text),  # a hold that ended for a try, until it is known whether its reason is gone
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
    sa.Column("told", sa.Integer, nullable=False),  # the last event that was reported to it, or need not be
)
"""Who is notified of what is in the history."""

SIGHTINGS = sa.Table(
    "sightings",
    METADATA,
    sa.Column("folder", sa.String, primary_key=True),
    sa.Column("name", sa.String, primary_key=True),
    sa.Column("body", sa.Text, nullable=False),  # the rest of a Remembered as JSON
)
"""The files that wait in drop folders where markers count, and in which order they arrived."""

UPGRADES = sa.Table(
    "upgrades",
    METADATA,
    sa.Column("schema", sa.String, primary_key=True),  # that the journal was brought to, or began with
    sa.Column("version", sa.String, nullable=False),  # of the retraind that did so
    sa.Column("backup", sa.String),  # the file with the journal as it was before
)
"""For an older retraind, which is told how to go back: so this table stays as it is in all later schemas."""

_VERSION = sa.Table(
    "alembic_version", METADATA, sa.Column("version_num", sa.String(32), primary_key=True, nullable=False)
)
"""Alembic's own table, in which it keeps the schema's revision."""


class Upgrade(NamedTuple):
    """A journal was brought to the present schema."""

    before: str
    """The schema that it had."""
    backup: Path
    """The journal as it was."""


def migrate(engine: sa.Engine, file: Path, back_up: Callable[[Path], Path]) -> Upgrade | None:
    """Create the tables, or bring them to the present schema; returns what was upgraded, if anything.

    `back_up` is called with the journal before anything is changed, while nobody else can write to it, and
    returns the backup. Raises what it raises, and JournalError when the file is another program's or from a
    newer retraind.
    """
    # Usually there is nothing to do, and then no lock is needed that another program may have.
    with engine.execution_options(read_only=True).connect() as reading:
        if _VERSION.name in sa.inspect(reading).get_table_names() and _revision(reading) == SCHEMA:
            return None
    with engine.begin() as connection:
        tables = sa.inspect(connection).get_table_names()
        if not tables:
            # A new journal needs no migrations. A test checks that both ways have the same result.
            for statement in _creation():
                connection.exec_driver_sql(statement)
            connection.execute(_VERSION.insert().values(version_num=SCHEMA))
            connection.execute(UPGRADES.insert().values(schema=SCHEMA, version=__version__))
            return None
        present = _revision(connection) if _VERSION.name in tables else None
        if present == SCHEMA:
            return None
        if present is None or JOBS.name not in tables:
            raise JournalError(problem("journal_of_another_program", path=file))
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
            raise JournalError(_too_new(connection, file, present, tables))
        backup = back_up(file)
        config.attributes["connection"] = connection
        alembic.command.upgrade(config, SCHEMA)
        upgrade = {"schema": SCHEMA, "version": __version__, "backup": str(backup)}
        connection.execute(UPGRADES.insert().values(upgrade))
        return Upgrade(present, backup)


@cache
def _creation() -> tuple[str, ...]:
    """Return the statements that create all tables."""
    made: list[str] = []

    def note(statement: sa.sql.ddl.ExecutableDDLElement, *_: object, **__: object) -> None:
        made.append(str(statement.compile(dialect=engine.dialect)))

    engine = sa.create_mock_engine("sqlite://", note)
    METADATA.create_all(engine, checkfirst=False)
    return tuple(made)


def _too_new(connection: sa.Connection, file: Path, schema: str, tables: list[str]) -> Problem:
    """Say which retraind has written the journal, and which backup is of the last schema known here."""
    known = UPGRADES.name in tables
    later = (
        connection.execute(sa.select(UPGRADES).where(UPGRADES.c.schema > SCHEMA).order_by(UPGRADES.c.schema))
        if known
        else ()
    )
    rows = list(later)
    backup = Path(rows[0].backup) if rows and rows[0].backup else None
    return problem(
        "journal_too_new",
        path=file,
        schema=schema,
        version=rows[-1].version if rows else None,
        backup=backup if backup and exists(backup) else None,
    )


def revision(connection: sa.Connection) -> str | None:
    """Return the revision of an open journal; None for the file of another program."""
    return _revision(connection) if sa.inspect(connection).has_table(_VERSION.name) else None


def _revision(connection: sa.Connection) -> str | None:
    found: str | None = connection.scalar(sa.select(_VERSION.c.version_num))
    return found


def touch(connection: sa.Connection) -> None:
    """Write what is there already."""
    connection.execute(_VERSION.update().values(version_num=_VERSION.c.version_num))
