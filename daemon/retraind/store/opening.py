"""Opening the journal for the daemon: a damaged one is set aside, and rebuilt from the job folders."""

from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from sqlalchemy.exc import SQLAlchemyError

from retraind.config.settings import Settings
from retraind.domain.failures import JournalDamagedError, JournalError
from retraind.domain.problems import problem
from retraind.store import backup
from retraind.store.copies.sidecar import JobFiles
from retraind.store.database import is_sound, reason_of, set_aside
from retraind.store.journal import Journal
from retraind.store.schema import SCHEMA
from retraind.system import log
from retraind.system.clock import Clock

_LOG = log.get(__name__)


@contextmanager
def opened(settings: Settings, clock: Clock) -> Iterator[Journal]:
    """Open the journal while the block runs. Raises JournalError when it cannot be used."""
    file = settings.state.journal_file
    for folder in (file.parent, file.with_name(backup.FOLDER)):
        with suppress(OSError):
            backup.clear_parts(folder)
    try:
        journal = Journal.open(file, clock)
    except JournalDamagedError as error:
        if not JobFiles.are_known(file):
            raise
        # Signed copies of all its jobs are in their folders, and nobody else can have written those.
        _LOG.error("journal_damaged", reason=error.problem, moved_to=str(set_aside(file)))
        journal = Journal.open(file, clock)
    if upgrade := journal.database.upgrade:
        schemas = {"before": upgrade.before, "after": SCHEMA}
        _LOG.warning("journal_upgraded", path=str(file), **schemas, backup=str(upgrade.backup))
    try:
        yield journal
    finally:
        journal.close()
        if (damage := journal.database.damage) and is_sound(file):
            _LOG.warning("journal_sound", reason=damage)
        elif damage:
            _LOG.error("journal_damaged", reason=damage, moved_to=str(set_aside(file)))


@contextmanager
def needed(journal: Path) -> Iterator[None]:
    """Raise JournalError for what keeps the journal from being used at the start."""
    try:
        yield
    except (SQLAlchemyError, OSError) as error:
        raise JournalError(problem("journal_unusable", path=journal, why=reason_of(error))) from error
