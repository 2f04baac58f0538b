"""What is to be set up: from options, and from questions where a person can answer."""

import argparse
import getpass
import sys
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal

from retraind.api.redaction import can_be_key
from retraind.cli.output import USAGE, Refused, print_problem, print_text
from retraind.domain.problems import problem
from retraind.report.wording import Voice

EDITIONS: Mapping[str, str | None] = {
    "global": None,
    "japan": "https://developer-api.predictionone.sony.biz",
}
"""The addresses of the service; None is the default's."""
GROUP = "etl"
"""The group of those who deliver, if nobody names another."""
_Question = Literal["model", "drop", "group", "mode", "edition", "backup", "agreed"]
_DROP = Path("/srv/drop")
_LONGEST_KEY = 16_384


@dataclass(frozen=True)
class Wishes:
    """What somebody wants to have set up."""

    model: str
    drop: Path
    group: str | None
    """None leaves the group of a folder that is there, and is `GROUP` for a new one."""
    mode: str
    edition: str | None
    switch: str | None
    key: str | None = field(repr=False)
    backup: bool
    start: bool


def asks(options: argparse.Namespace) -> bool:
    """Return whether somebody is there who answers."""
    return not options.yes and sys.stdin.isatty()


def confirmed(options: argparse.Namespace) -> bool:
    """Return whether somebody agrees; where nobody can be asked, --yes does."""
    if not asks(options):
        return bool(options.yes)
    return _ask("agreed", "y", _yes_or_no) == "y"


def wishes(options: argparse.Namespace, models: Mapping[str, Mapping[str, Any]], *, first: bool) -> Wishes:
    """Return what to set up. `models` are the tables that the configuration has; `first` asks more.

    Raises Refused for what is missing, or cannot be used.
    """
    asking = asks(options)
    name = options.model or (_ask("model", None, _anything) if asking else "")
    if not name:
        raise Refused(problem("setup_model_unnamed"), USAGE)
    present = models.get(name)
    drop, mode, group = options.drop, options.mode, options.group
    if present is not None:
        drop = drop or Path(str(present.get("drop", "")))
        mode = mode or present.get("mode", "pair")
    default = _DROP / name
    if drop is None:
        drop = Path(_ask("drop", str(default), _absolute)) if asking else default
    if present is None and asking:
        group = group or _ask("group", GROUP, _anything)
        mode = mode or _ask("mode", "pair", _one_of("pair", "train-only"))
    edition = options.edition
    if first and edition is None and not models and asking:
        edition = _ask("edition", "global", _one_of(*EDITIONS))
    backup = options.backup
    if first and backup and not models and asking:
        backup = _ask("backup", "y", _yes_or_no) == "y"
    if not drop.is_absolute():
        raise Refused(problem("setup_not_absolute", path=drop), USAGE)
    return Wishes(
        name,
        drop,
        group,
        mode or "pair",
        edition,
        options.switch,
        given_key(options),
        backup,
        options.start,
    )


def given_key(options: argparse.Namespace) -> str | None:
    """Return the key that the options name. Raises Refused for one that cannot be read or used."""
    if options.key_file is not None:
        try:
            with options.key_file.open("rb") as file:
                content = file.read(_LONGEST_KEY)
        except OSError as error:
            found = problem("setup_key_unreadable", path=options.key_file, reason=error.strerror)
            raise Refused(found) from None
        return _key(content)
    if options.key_stdin:
        return _key(sys.stdin.buffer.readline(_LONGEST_KEY))
    return None


def asked_key(options: argparse.Namespace, model: str) -> str:
    """Ask for the key, without showing what is typed. Raises Refused when nobody can be asked."""
    if not asks(options):
        raise Refused(problem("setup_key_missing", model=model), USAGE)
    while True:
        try:
            typed = getpass.getpass(Voice().label("setup_question", name="key", default=None))
        except EOFError:
            raise Refused(problem("setup_unanswered")) from None
        try:
            return _key(typed.encode())
        except Refused as refused:
            print_problem(refused.problem)


def _key(content: bytes) -> str:
    key = content.decode("utf-8-sig", "replace").strip()
    if not can_be_key(key):
        raise Refused(problem("setup_key_malformed", empty=not key), USAGE)
    return key


def _ask(name: _Question, default: str | None, check: Callable[[str], str | None]) -> str:
    return _answer(Voice().label("setup_question", name=name, default=default), default, check)


def _answer(question: str, default: str | None, check: Callable[[str], str | None]) -> str:
    """Ask until the answer is one. `check` returns what is meant, or None."""
    while True:
        try:
            typed = input(question).strip() or default or ""
        except EOFError:
            raise Refused(problem("setup_unanswered")) from None
        if (meant := check(typed)) is not None:
            return meant
        print_text(Voice().label("setup_not_an_answer", text=typed))


def _anything(text: str) -> str | None:
    return text or None


def _absolute(text: str) -> str | None:
    return text if text.startswith("/") else None


def _one_of(*choices: str) -> Callable[[str], str | None]:
    return lambda text: text if text in choices else None


def _yes_or_no(text: str) -> str | None:
    return {"y": "y", "yes": "y", "n": "n", "no": "n"}.get(text.lower())
