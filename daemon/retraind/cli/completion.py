"""What a shell offers when TAB is pressed: commands, options, and names of models, jobs, hosts and backups.

A completion never fails and changes nothing: if something cannot be read, nothing is offered. A person waits
for it, so the configuration and the journal are imported only where they are needed.
"""

# ruff: noqa: PLC0415

import argparse
import grp
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import closing, contextmanager
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

import argcomplete
from argcomplete.completers import DirectoriesCompleter, FilesCompleter

from retraind.cli.arguments import commands, parser
from retraind.domain.data_rules import FIXED, RULES
from retraind.domain.failures import ConfigError, JournalError
from retraind.domain.job import State
from retraind.domain.names import SHORT_ID

if TYPE_CHECKING:
    from retraind.config.load import WithoutKeys
    from retraind.store.journal import Journal

_MOST_JOBS = 50
_Words = tuple[str, ...]
_Completer = Callable[..., Iterable[str]]


def complete() -> None:
    """Answer the shell and end the program."""
    made = parser()
    for words, command in _commands_in(made):
        for action in command._actions:  # noqa: SLF001 - argcomplete's own way to name what an argument can be
            if action.choices is None:
                action.completer = _completer(words, action)  # type: ignore[attr-defined]
    argcomplete.autocomplete(made, always_complete_options=False)


def _commands_in(
    parent: argparse.ArgumentParser, words: _Words = ()
) -> Iterator[tuple[_Words, argparse.ArgumentParser]]:
    yield words, parent
    for name, command in commands(parent).items():
        yield from _commands_in(command, (*words, name))


def _completer(words: _Words, action: argparse.Action) -> _Completer:
    """Return what completes an argument of a command."""
    if (found := _OF_COMMANDS.get((*words, action.dest))) or (found := _OF_ALL.get(action.dest)):
        return partial(_quietly, found)
    if action.type is Path:
        return _folders if action.metavar == "FOLDER" else _files
    return _nothing


def _quietly(completer: _Completer, **given: Any) -> Iterable[str]:
    from sqlalchemy.exc import SQLAlchemyError

    try:
        return completer(**given)
    except (JournalError, SQLAlchemyError, OSError):
        return []


_files = FilesCompleter()
_folders = DirectoriesCompleter()


def _nothing(**_: Any) -> list[str]:
    return []


def _models(prefix: str = "", *, parsed_args: argparse.Namespace, **_: Any) -> list[str]:
    config = _config(parsed_args)
    return [name for name in config.settings.models if name.startswith(prefix)] if config else []


def _written_models(prefix: str = "", *, parsed_args: argparse.Namespace, **_: Any) -> list[str]:
    """Models of the configuration that is edited, also those whose tables have mistakes."""
    from retraind.config.load import SYSTEM_CONFIG

    config = _config(parsed_args, SYSTEM_CONFIG)
    names = [*config.settings.models, *config.refused] if config else []
    return [name for name in names if name.startswith(prefix)]


def _former_models(prefix: str = "", *, parsed_args: argparse.Namespace, **_: Any) -> list[str]:
    """Models with jobs that are no longer in the configuration."""
    with _journal(parsed_args) as journal:
        names = journal.jobs.counts().keys() if journal else ()
        return sorted(
            {name for name in names if name.startswith(prefix)} - {*_models(parsed_args=parsed_args)}
        )


def _jobs(prefix: str = "", *, parsed_args: argparse.Namespace, **_: Any) -> dict[str, str]:
    """Short ids of the newest jobs, each with what it is, and models where the command takes them."""
    found: dict[str, str] = {}
    if hasattr(parsed_args, "all"):
        found |= dict.fromkeys(_models(parsed_args=parsed_args), "")
    if not getattr(parsed_args, "all", False):
        with _journal(parsed_args) as journal:
            newest = journal.jobs.newest(limit=_MOST_JOBS) if journal else ()
            found |= {job.id[-SHORT_ID:]: f"{job.model} {job.key}, {job.state.value}" for job in newest}
    return {name: about for name, about in found.items() if name.startswith(prefix)}


def _to_release(prefix: str = "", *, parsed_args: argparse.Namespace, **_: Any) -> dict[str, str]:
    """The same, and hosts that are down."""
    found = _jobs(prefix, parsed_args=parsed_args)
    if not parsed_args.all:
        with _journal(parsed_args) as journal:
            hosts = journal.hosts.all() if journal else ()
            found |= {host: "is down" for host in hosts if host.startswith(prefix)}
    return found


def _backups(prefix: str = "", *, parsed_args: argparse.Namespace, **_: Any) -> list[str]:
    """Backups beside the journal, and any file."""
    from retraind.store import backup

    # First what whoever asks can see: then this process is perhaps somebody else.
    found = [*_files(prefix)]
    if (config := _config(parsed_args)) and _acts_as_owner(config):
        there = backup.backups_in(config.settings.state.journal_file.with_name(backup.FOLDER))
        found += [str(path) for path in there if str(path).startswith(prefix)]
    return found


def _groups(prefix: str = "", **_: Any) -> list[str]:
    return [each.gr_name for each in grp.getgrall() if each.gr_name.startswith(prefix)]


def _states(prefix: str = "", **_: Any) -> list[str]:
    return [state.value for state in State if state.value.startswith(prefix)]


def _rules(prefix: str = "", **_: Any) -> list[str]:
    return [rule for rule in RULES if rule not in FIXED and rule.startswith(prefix)]


_OF_ALL: Mapping[str, _Completer] = {
    "job": _jobs,
    "before": _jobs,
    "model": _models,
    "models": _models,
    "new": _models,
    "state": _states,
    "accept": _rules,
    "group": _groups,
}
"""By the name of the argument."""
_OF_COMMANDS: Mapping[_Words, _Completer] = {
    ("init", "model"): _nothing,
    ("model", "add", "model"): _nothing,
    ("model", "remove", "model"): _written_models,
    ("adopt", "old"): _former_models,
    ("release", "name"): _to_release,
    ("journal", "restore", "file"): _backups,
    ("journal", "verify", "file"): _backups,
}
"""By the words of the command and the name of the argument."""


def _config(options: argparse.Namespace, usual: Path | None = None) -> "WithoutKeys | None":
    from retraind.config.load import load_without_keys

    given = getattr(options, "config", None)
    try:
        return load_without_keys(Path(given) if given else usual)
    except (ConfigError, OSError):
        return None


def _acts_as_owner(config: "WithoutKeys") -> bool:
    """What root opens, it could leave behind: SQLite has files beside the journal."""
    from retraind.cli.ownership import act_as_owner

    try:
        act_as_owner(config.settings)
    except (JournalError, OSError):
        return False
    return True


@contextmanager
def _journal(options: argparse.Namespace) -> "Iterator[Journal | None]":
    """Open the journal to read. Raises JournalError."""
    from retraind.store.views.read_only import ReadOnlyJournal
    from retraind.system.clock import Clock

    config = _config(options)
    if config is None or not _acts_as_owner(config):
        yield None
        return
    with closing(ReadOnlyJournal(config.settings.state.journal_file, Clock())) as opened:
        yield opened.get()
