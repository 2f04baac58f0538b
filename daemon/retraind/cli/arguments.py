"""What can be written on the command line, and which function each command is."""

import argparse
import importlib
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from functools import cache, partial
from pathlib import Path
from typing import Any, cast

from retraind import __version__

_JOB = "the job's id, its beginning or its last part, or the delivery's key"
_NAME = "the model's name: lower-case letters, digits, - and _"
_Add = Callable[..., argparse.ArgumentParser]


class _Command(argparse.ArgumentParser):
    """The parser of one command."""

    is_complete = False

    def parse_known_args(self, args: Any = None, namespace: Any = None) -> Any:
        """Parse the command's arguments. Those that its own module adds are added now: the import is slow."""
        self.complete()
        options, unknown = super().parse_known_args(args, namespace)
        if unknown:
            # Else the error would come with the usage of retraind, not with that of the command.
            self.error(f"unrecognized arguments: {' '.join(unknown)}")
        return options, unknown

    def complete(self) -> None:
        """Add the arguments that the command's own module has."""
        if self.get_default("own_arguments") and not self.is_complete:
            self.is_complete = True
            module, _ = self.get_default("command").split(":")
            importlib.import_module(module).add_arguments(self)


def parse(arguments: Sequence[str]) -> argparse.Namespace:
    """Parse a command line; a wrong one ends the program with exit code 2."""
    made = parser()
    options = made.parse_args(arguments)
    if options.config is not None and options.own_arguments:
        made.error("emulate and demo read no configuration: leave out -c/--config")
    if getattr(options, "accept", None) and options.all:
        made.error("--accept is for one job: leave out --all")
    if options.keeps_running and options.longest is not None and not options.once:
        made.error("--for requires --once")
    return options


@cache
def parser() -> argparse.ArgumentParser:
    """Build the parser, once for all command lines of a process."""
    made = argparse.ArgumentParser(
        prog="retraind",
        description="Watches drop folders, sends new data to the retraining service and switches the model.",
        epilog="Exit codes: 0 success, 1 something failed, 2 wrong usage or configuration.",
    )
    made.add_argument("--version", action="version", version=f"retraind {__version__}")
    made.set_defaults(keeps_running=False)
    _add_config(made, None)
    add = partial(_add, made.add_subparsers(metavar="COMMAND", required=True, parser_class=_Command))
    _add_setup(add)
    _add_running(add)
    _add_showing(add)
    _add_control(add)
    _add_journal(add)
    _add_preflight(add)
    _add_rehearsal(add)
    return made


def complete_parser() -> argparse.ArgumentParser:
    """Build the parser with every command's arguments, for the manual page."""
    made = parser()
    for command in commands(made).values():
        if isinstance(command, _Command):
            command.complete()
    return made


def commands(of: argparse.ArgumentParser) -> Mapping[str, argparse.ArgumentParser]:
    """Return the parser of each command in a parser, by the command's name; none where it has no commands."""
    found = [each.choices for each in of._actions if isinstance(each, argparse._SubParsersAction)]  # noqa: SLF001
    return cast("Mapping[str, argparse.ArgumentParser]", found[0] if found else {})


_FOUND = "$RETRAIND_CONFIG, ./config.toml, /etc/retraind/config.toml"
"""Where a configuration is looked for."""
_EDITED = "/etc/retraind/config.toml"
"""Where the one is that commands edit."""


def _add_config(to: argparse.ArgumentParser, default: str | None, found: str = _FOUND) -> None:
    to.add_argument(
        "-c", "--config", type=Path, metavar="FILE", default=default, help=f"the configuration (else {found})"
    )


def _add(
    commands: Any,
    name: str,
    function: str,
    text: str,
    *,
    json: bool = False,
    own_arguments: bool = False,
    found: str = _FOUND,
) -> argparse.ArgumentParser:
    """Add a command, with the options that many have. One with `own_arguments` gets them from its module.

    `found` says where the configuration is looked for.
    """
    command: argparse.ArgumentParser = commands.add_parser(
        name, help=text, description=f"{text[0].upper()}{text[1:]}."
    )
    command.set_defaults(command=function, own_arguments=own_arguments)
    if not own_arguments:
        # Without a default of its own, so that one before the command counts.
        _add_config(command, argparse.SUPPRESS, found)
    if json:
        command.add_argument("--json", action="store_true", help="print JSON for programs")
    return command


def _add_setup(add: _Add) -> None:
    add = partial(add, found=_EDITED)
    init = add(
        "init", "retraind.cli.setup.init:init", "ask questions, then set up a model and the service (as root)"
    )
    init.add_argument(
        "--edition", choices=("global", "japan"), help="Easy Predictive Analytics, or Prediction One in Japan"
    )
    _add_wishes(init, named=False)
    model = add("model", "", "set up another model, or remove one from the configuration (as root)")
    actions = model.add_subparsers(metavar="ACTION", required=True, parser_class=_Command)
    to = partial(_add, actions, found=_EDITED)
    one_more = to("add", "retraind.cli.setup.init:add", "set up another model")
    one_more.set_defaults(edition=None)
    _add_wishes(one_more, named=True)
    remove = to(
        "remove",
        "retraind.cli.setup.init:remove",
        "remove a model from the configuration; its folders, jobs and key stay",
    )
    remove.add_argument("model", metavar="NAME", help="the model")
    _add_manner(remove)


def _add_wishes(to: argparse.ArgumentParser, *, named: bool) -> None:
    if named:
        to.add_argument("model", metavar="NAME", help=_NAME)
    else:
        to.add_argument("--model", metavar="NAME", help=_NAME)
    to.add_argument("--drop", metavar="FOLDER", type=Path, help="the drop folder (default: /srv/drop/NAME)")
    to.add_argument(
        "--group", help="the group that writes to the drop folder; created if missing (default: etl)"
    )
    to.add_argument("--mode", choices=("pair", "train-only"), help="what arrives (default: pair)")
    to.add_argument(
        "--switch", choices=("manual", "always"), help="who publishes the model (default: manual)"
    )
    key = to.add_mutually_exclusive_group()
    key.add_argument("--key-file", metavar="FILE", type=Path, help="read the API key from this file")
    key.add_argument("--key-stdin", action="store_true", help="read the API key from standard input")
    to.add_argument(
        "--no-backup", dest="backup", action="store_false", help="set up no nightly backup of the journal"
    )
    _add_manner(to)


def _add_manner(to: argparse.ArgumentParser) -> None:
    to.add_argument(
        "--no-start",
        dest="start",
        action="store_false",
        help="do not start or reload the service, for building machine images",
    )
    to.add_argument("--yes", action="store_true", help="do not ask for confirmation")
    to.add_argument("--dry-run", action="store_true", help="only print what would be done")


def _add_running(add: _Add) -> None:
    run = add("run", "retraind.cli.run:run", "watch the drop folders and work, in the foreground")
    run.add_argument("--once", action="store_true", help="process what is complete now, then exit (for cron)")
    run.add_argument(
        "--for",
        dest="longest",
        metavar="TIME",
        help="with --once: exit after this time at the latest, such as 1h",
    )
    run.set_defaults(keeps_running=True)
    check = add(
        "check", "retraind.cli.setup.check:check", "check configuration, folders and credentials", json=True
    )
    check.add_argument(
        "--online", action="store_true", help="also ask the service whether it accepts each key"
    )
    check.add_argument(
        "--reload",
        action="store_true",
        help="only check, quickly, whether a running retraind would accept the configuration",
    )
    dropin = add(
        "systemd-dropin",
        "retraind.cli.setup.dropin:systemd_dropin",
        "print a drop-in for the systemd unit: the folders, mounts and keys of the configuration",
    )
    dropin.add_argument(
        "--optional-mounts",
        action="store_true",
        help="start the service even if a share cannot be mounted; its models then wait",
    )
    dropin.add_argument(
        "--keys",
        metavar="FOLDER",
        type=Path,
        help="the folder with a key file for each credential, of the same name",
    )
    dropin.add_argument(
        "--key", metavar="NAME=FILE", action="append", help="the key file of one credential; can be repeated"
    )


def _add_showing(add: _Add) -> None:
    add("page", "retraind.page.command:page", "serve the status page for browsers, in the foreground")
    add("status", "retraind.cli.jobs:status", "show models, what is in work and what is on hold", json=True)
    watch = add(
        "watch",
        "retraind.cli.live.watch:watch",
        "show live on the terminal what retraind does; q or Ctrl-C quits",
    )
    watch.add_argument("--model", metavar="NAME", help="only this model, with all its deliveries in work")
    add(
        "health",
        "retraind.cli.health:health",
        "show in one line whether retraind works; exit with 1 if it does not",
    )
    jobs = add("jobs", "retraind.cli.jobs:jobs", "list jobs, newest first", json=True)
    jobs.add_argument("--model", help="only jobs of this model")
    jobs.add_argument("--state", help="only jobs in this state, such as done or failed")
    jobs.add_argument("--before", metavar="JOB", help="only jobs older than this one, to continue a list")
    jobs.add_argument("-n", "--limit", type=_at_least_one, default=20, help="how many (default: 20)")
    show = add("show", "retraind.cli.jobs:show", "show one job and its history", json=True)
    show.add_argument("job", metavar="JOB", help=_JOB)


def _add_control(add: _Add) -> None:
    retry = add(
        "retry",
        "retraind.cli.requests:retry",
        "retry a failed job, or a waiting job without further delay",
        json=True,
    )
    retry.add_argument("job", metavar="JOB", help=_JOB)
    retry.add_argument(
        "--all", action="store_true", help="JOB is a model: retry all of its failed and waiting jobs"
    )
    retry.add_argument(
        "--accept",
        metavar="RULE",
        action="append",
        default=[],
        help="send the data although it violates this rule of docs/data-rules.md; can be repeated",
    )
    release = add(
        "release",
        "retraind.cli.requests:release",
        "end the hold of a model or a job, or retry a failing host now",
        json=True,
    )
    release.add_argument("name", metavar="MODEL|JOB|HOST", help="what to release, by its name")
    release.add_argument("--all", action="store_true", help="also end the holds of all jobs of MODEL")
    switch = add("switch", "retraind.cli.requests:switch", "publish the model of a finished job", json=True)
    switch.add_argument("job", metavar="JOB", help=_JOB)
    for each in (retry, release, switch):
        each.add_argument("--no-wait", action="store_true", help="do not wait for the result")
    snooze = add(
        "snooze", "retraind.cli.control:snooze", "stop reporting late deliveries of a model for a while"
    )
    snooze.add_argument("model", metavar="MODEL", help="the model")
    snooze.add_argument("time", metavar="TIME", nargs="?", help="how long from now, such as 30d")
    snooze.add_argument("--end", action="store_true", help="expect its deliveries again from now on")
    adopt = add(
        "adopt",
        "retraind.cli.control:adopt",
        "move the jobs of a model that was renamed in the configuration to its new name",
    )
    adopt.add_argument("old", metavar="OLD", help="the name that is no longer in the configuration")
    adopt.add_argument("new", metavar="NEW", help="its name now")
    add(
        "notify",
        "retraind.cli.setup.check:notify",
        "send a test message to every address in [notify]",
        json=True,
    )
    farewell = add(
        "farewell",
        "retraind.cli.setup.farewell:farewell",
        "before removing retraind, say in every STATUS.txt that files are no longer processed",
    )
    farewell.add_argument(
        "models", metavar="MODEL", nargs="*", help="only for these models, which are about to be removed"
    )
    add("rebuild", "retraind.cli.control:rebuild", "rebuild a lost or damaged journal from the job folders")


def _add_journal(add: _Add) -> None:
    journal = add("journal", "", "make, verify and restore backups of the journal")
    to = partial(_add, journal.add_subparsers(metavar="ACTION", required=True, parser_class=_Command))
    backup = to("backup", "retraind.cli.backups:backup", "make a backup and verify it", json=True)
    backup.add_argument(
        "folder",
        metavar="FOLDER",
        type=Path,
        nargs="?",
        help="where to (default: backups/ next to the journal)",
    )
    backup.add_argument(
        "--keep", metavar="N", type=_at_least_one, help="delete all but the newest N in FOLDER"
    )
    restore = to("restore", "retraind.cli.backups:restore", "replace the journal with a backup")
    restore.add_argument("file", metavar="BACKUP", type=Path, help="the backup file")
    restore.add_argument(
        "--replace-key", action="store_true", help="restore even if the backup has another signing key"
    )
    verify = to(
        "verify",
        "retraind.cli.backups:verify",
        "verify a backup, or the journal, by reading all of it",
        json=True,
    )
    verify.add_argument(
        "file", metavar="BACKUP", type=Path, nargs="?", help="the backup file (default: the journal itself)"
    )


def _at_least_one(text: str) -> int:
    with suppress(ValueError):
        if (number := int(text)) > 0:
            return number
    raise argparse.ArgumentTypeError(f"{text!r} is not a whole number of at least 1")


def _add_preflight(add: _Add) -> None:
    preflight = add(
        "preflight",
        "retraind.cli.preflight:preflight",
        "check files against the service's rules, as before an upload",
        json=True,
    )
    preflight.add_argument("train", metavar="TRAIN", type=Path, help="the training file")
    preflight.add_argument("evaluation", metavar="EVAL", type=Path, nargs="?", help="the evaluation file")
    preflight.add_argument(
        "--model",
        metavar="NAME",
        help="check as the daemon would for this model: with its settings, against its last good delivery",
    )
    preflight.add_argument(
        "--target", metavar="COLUMN", help="also check the rules for the column to predict"
    )
    preflight.add_argument(
        "--prediction-type",
        choices=("binary", "multiclass", "regression"),
        help="the kind of model, which the target must suit",
    )
    preflight.add_argument("--positive-value", metavar="VALUE", help="the class that a binary model predicts")
    preflight.add_argument("--time-series", action="store_true", help="use the limits of time-series mode")
    preflight.add_argument(
        "--time-column", metavar="COLUMN", help="the column with the times of a time series"
    )
    preflight.add_argument(
        "--series-column",
        metavar="COLUMN",
        help="the column with the name of the series, if there are several",
    )
    preflight.add_argument(
        "--language", choices=("en", "ja"), default="en", help="the language of the report"
    )


def _add_rehearsal(add: _Add) -> None:
    add(
        "emulate",
        "retraind.emulator:run_from_arguments",
        "run the service locally, to rehearse without an account",
        own_arguments=True,
    )
    add(
        "demo",
        "retraind.demo:run_from_arguments",
        "show a complete job on real data, in a temporary folder",
        own_arguments=True,
    )
