"""What a shell offers when TAB is pressed: commands, options, and names of models and jobs.

A completion never fails: what cannot be read offers nothing.
"""

import argparse
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import argcomplete
from argcomplete.completers import FilesCompleter
from sqlalchemy.exc import SQLAlchemyError

from retraind.cli.arguments import commands, parser
from retraind.config.load import Loaded, load_each
from retraind.domain.failures import ConfigError, JournalError
from retraind.domain.job import Job, State
from retraind.domain.names import SHORT_ID
from retraind.store.database import is_there
from retraind.store.journal import Journal

_MOST_JOBS = 50


def complete() -> None:
    """Answer the shell and end the program."""
    made = parser()
    for each in (made, *commands(made).values()):
        for action in each._actions:  # noqa: SLF001 - argcomplete's own way to name what an argument can be
            action.completer = _COMPLETERS.get(action.dest, _files)  # type: ignore[attr-defined]
    argcomplete.autocomplete(made, always_complete_options=False)


_files = FilesCompleter()


def _models(prefix: str = "", *, parsed_args: argparse.Namespace, **_: Any) -> list[str]:
    loaded = _loaded(parsed_args)
    return [name for name in loaded.settings.models if name.startswith(prefix)] if loaded else []


def _jobs(prefix: str = "", *, parsed_args: argparse.Namespace, **_: Any) -> dict[str, str]:
    """Short ids of the newest jobs, each with what it is, and models where the command takes them."""
    found = {job.id[-SHORT_ID:]: f"{job.model} {job.key}, {job.state.value}" for job in _newest(parsed_args)}
    if getattr(parsed_args, "all", False):
        found = {}
    if hasattr(parsed_args, "all"):
        found |= dict.fromkeys(_models(parsed_args=parsed_args), "")
    return {name: about for name, about in found.items() if name.startswith(prefix)}


def _states(prefix: str = "", **_: Any) -> list[str]:
    return [state.value for state in State if state.value.startswith(prefix)]


_COMPLETERS = {
    "job": _jobs,
    "name": _jobs,
    "before": _jobs,
    "model": _models,
    "new": _models,
    "state": _states,
}
"""By the name of the argument; the others are files."""


def _loaded(options: argparse.Namespace) -> Loaded | None:
    given = getattr(options, "config", None)
    try:
        return load_each(Path(given) if given else None)
    except (ConfigError, OSError):
        return None


def _newest(options: argparse.Namespace) -> Iterator[Job]:
    loaded = _loaded(options)
    try:
        if loaded is None or not is_there(loaded.settings.state.journal_file):
            return
        with closing(Journal.open(loaded.settings.state.journal_file)) as journal:
            yield from journal.jobs.newest(limit=_MOST_JOBS)
    except (JournalError, SQLAlchemyError, OSError):
        return
