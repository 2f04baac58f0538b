"""What commands begin with: the configuration, though parts of it may be wrong, and the journal."""

import argparse
from collections.abc import Iterator
from contextlib import closing, contextmanager
from functools import partial
from pathlib import Path

from sqlalchemy.exc import DatabaseError

from retraind.cli.output import Refused, print_problem
from retraind.cli.ownership import act_as_owner, permit_upgrade
from retraind.config.load import Loaded, load_to_look
from retraind.config.settings import Settings
from retraind.domain.problems import problem
from retraind.store.database import is_there, unusable
from retraind.store.journal import Journal


def look(options: argparse.Namespace) -> Loaded:
    """Read the configuration, and report what is wrong with it. Raises ConfigError where all of it is."""
    loaded = load_to_look(options.config)
    for each in loaded.problems:
        print_problem(each)
    return loaded


def require_journal(loaded: Loaded) -> Path:
    """Return the journal's file. Raises Refused where there is none."""
    file = loaded.settings.state.journal_file
    if not is_there(file):
        raise Refused(problem("journal_missing", path=file, config=loaded.file.absolute()))
    return file


@contextmanager
def opened_journal(loaded: Loaded, *, write: bool = False) -> Iterator[tuple[Settings, Journal]]:
    """Open the journal, which must exist; to `write`, act as its owner. Raises JournalError, Refused."""
    if write:
        act_as_owner(loaded.settings)
    file, permit = require_journal(loaded), partial(permit_upgrade, loaded.settings)
    with closing(Journal.open(file, permit_upgrade=permit)) as journal:
        try:
            yield loaded.settings, journal
        except DatabaseError as error:
            raise unusable(file, error) from error
