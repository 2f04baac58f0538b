"""What is to be set up: from options, and from questions where a person can answer."""

import argparse
import getpass
import re
import sys
from collections.abc import Callable, Container, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal

from pydantic import TypeAdapter, ValidationError

from retraind.api.redaction import can_be_key
from retraind.cli.output import USAGE, Refused, print_problem, print_text
from retraind.config.types import ModelName
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
_MODEL: TypeAdapter[str] = TypeAdapter(ModelName)
_GROUP_NAME = re.compile(r"[a-z_][a-z0-9_-]{0,30}")
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


def wishes(
    options: argparse.Namespace,
    models: Mapping[str, Mapping[str, Any]],
    has_group: Callable[[str], bool],
    *,
    first: bool,
) -> Wishes:
    """Return what to set up. `models` are the tables that the configuration has; `first` asks more.

    `has_group` says whether the machine has a group. Raises Refused for what is missing, or cannot be used.
    """
    asking = asks(options)
    name = _model(options, models, asking=asking)
    present = models.get(name)
    drop, mode = options.drop, options.mode
    if present is not None:
        drop = drop or Path(str(present.get("drop", "")))
        mode = mode or present.get("mode", "pair")
    default = _DROP / name
    if drop is None:
        drop = Path(_ask("drop", str(default), _absolute)) if asking else default
    group = _group(options, has_group, asking=asking and present is None)
    if present is None and asking:
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


def _model(options: argparse.Namespace, models: Container[str], *, asking: bool) -> str:
    def name(text: str) -> str | None:
        """Of a model that is configured, the configuration decides."""
        try:
            return text if text in models else _MODEL.validate_python(text)
        except ValidationError:
            return None

    given = options.model or (_ask("model", None, name) if asking else "")
    if not given:
        raise Refused(problem("setup_model_unnamed"), USAGE)
    if name(given) is None:
        raise Refused(problem("setup_model_unusable", name=given), USAGE)
    return str(given)


def _group(options: argparse.Namespace, has_group: Callable[[str], bool], *, asking: bool) -> str | None:
    def name(text: str) -> str | None:
        return text if text and (_GROUP_NAME.fullmatch(text) or has_group(text)) else None

    given: str | None = options.group
    if given is None:
        return _ask("group", GROUP, name) if asking else None
    if name(given) is None:
        raise Refused(problem("setup_group_unusable", name=given), USAGE)
    return given


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
        with _answering():
            typed = getpass.getpass(Voice().label("setup_question", name="key", default=None))
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
    """Ask until the answer is one. `check` returns what is meant, or None."""
    while True:
        with _answering():
            typed = input(Voice().label("setup_question", name=name, default=default)).strip()
        typed = typed or default or ""
        if (meant := check(typed)) is not None:
            return meant
        print_text(Voice().label("setup_not_an_answer", name=name, text=typed))


@contextmanager
def _answering() -> Iterator[None]:
    """End the line of the question when no answer comes. Raises Refused, or KeyboardInterrupt."""
    try:
        yield
    except EOFError:
        print_text("")
        raise Refused(problem("setup_unanswered")) from None
    except KeyboardInterrupt:
        print_text("")
        raise


def _absolute(text: str) -> str | None:
    return text if text.startswith("/") else None


def _one_of(*choices: str) -> Callable[[str], str | None]:
    return lambda text: text if text in choices else None


def _yes_or_no(text: str) -> str | None:
    return {"y": "y", "yes": "y", "n": "n", "no": "n"}.get(text.lower())
