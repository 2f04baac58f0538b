"""`journal backup`, `restore` and `verify`: copies of the journal, made, read back and used."""

import argparse
import errno
import os
import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict
from pathlib import Path

from retraind.cli.journals import look, require_journal
from retraind.cli.live.onlooker import progress_bar
from retraind.cli.output import GOOD, print_json, print_words
from retraind.cli.ownership import act_as_owner
from retraind.domain.failures import JournalError
from retraind.domain.problems import file_problem, problem
from retraind.store import backup as backups
from retraind.store.backup import Backup
from retraind.store.instance import sole_instance
from retraind.system.clock import Clock


def backup(options: argparse.Namespace) -> int:
    """Make a backup, read it back, and delete the oldest ones if asked to."""
    loaded = look(options)
    act_as_owner(loaded.settings)
    journal = require_journal(loaded)
    folder = (options.folder or journal.with_name(backups.FOLDER)).absolute()
    with _answering(folder), progress_bar(unless=options.json) as watcher:
        made = backups.make(journal, folder, Clock().now(), watcher=watcher)
        deleted = backups.prune(folder, options.keep) if options.keep else []
    if options.json:
        print_json(_for_programs(made) | {"deleted": [str(path) for path in deleted]})
    else:
        print_words("backup_made", path=made.path, jobs=made.jobs, size=made.size, deleted=len(deleted))
    return GOOD


def verify(options: argparse.Namespace) -> int:
    """Read a backup completely, or the journal itself."""
    if options.file is None:
        loaded = look(options)
        act_as_owner(loaded.settings)
        journal = require_journal(loaded)
        with progress_bar(unless=options.json) as watcher:
            jobs = backups.check(journal, watcher)
        print_words("journal_sound", path=journal, jobs=jobs)
        return GOOD
    path = options.file.absolute()
    with _answering(path), progress_bar(unless=options.json) as watcher:
        found = backups.verify(path, watcher)
    if options.json:
        print_json(_for_programs(found))
    else:
        print_words("backup_sound", **_facts(found))
    return GOOD


def restore(options: argparse.Namespace) -> int:
    """Put a backup in the place of the journal."""
    path = options.file.absolute()
    # Opened before this process acts as somebody who perhaps may not.
    with _answering(path), progress_bar() as watcher, backups.opened(path, watcher) as (found, source):
        settings = look(options).settings
        act_as_owner(settings)
        journal = settings.state.journal_file
        with _answering(journal), sole_instance(journal):
            aside = backups.restore(found, source, journal, replace_key=options.replace_key, watcher=watcher)
    print_words("backup_restored", **_facts(found), journal=journal, aside=aside)
    return GOOD


@contextmanager
def _answering(path: Path) -> Iterator[None]:
    """Say in words what keeps a file from being read or written."""
    try:
        yield
    except sqlite3.Error as error:
        if getattr(error, "sqlite_errorcode", 0) == sqlite3.SQLITE_FULL:
            why = file_problem(OSError(errno.ENOSPC, os.strerror(errno.ENOSPC)))
        else:
            why = problem("backup_database_error", reason=str(error))
        raise JournalError(problem("backup_impossible", path=path, why=why)) from error
    except OSError as error:
        why = file_problem(error)
        why = why.but(path=None) if str(why.facts.get("path")) == str(path) else why
        raise JournalError(problem("backup_impossible", path=path, why=why)) from error


def _facts(found: Backup) -> dict[str, object]:
    return {
        "path": found.path,
        "made_at": found.made_at,
        "machine": found.host,
        "jobs": found.jobs,
    }


def _for_programs(found: Backup) -> dict[str, object]:
    """Return what may be shown: not the key."""
    return {name: value for name, value in asdict(found).items() if name != "key"} | {
        "has_key": found.key is not None
    }
