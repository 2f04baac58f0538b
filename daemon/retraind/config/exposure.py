"""Which secrets and programs of the configuration other users can reach.

Found when the configuration is read, and again while the daemon runs: rights change without a reload.
"""

import pwd
import re
import stat
import tomllib
from collections.abc import Callable, Iterator, Mapping, Sequence
from functools import lru_cache, partial
from pathlib import Path
from typing import Any, NamedTuple

from retraind.config.settings import ModelSettings, Settings
from retraind.domain.problems import Problem, problem
from retraind.system import addresses
from retraind.system.files import is_file, status
from retraind.system.mounts import makes_rights_up, present_mounts
from retraind.system.probe import Question, ask_each
from retraind.system.reading import read_all
from retraind.system.rights import (
    READ,
    WRITE,
    Access,
    Account,
    Shown,
    Ways,
    account_of,
    present_account,
    program_named,
    shown,
    way_to,
)
from retraind.system.service.units import read_unit

HOLDS = frozenset({"key_file_exposed", "file_changeable", "secrets_exposed"})
"""The codes of holds that are for rights, and end with the reason."""
_KEY_FILES = ("api_key_file", "secret_key_file")
_STARTERS = re.compile(
    r"(?:python|pypy|perl|ruby|node|Rscript|php|lua|julia)[\d.]*|(?:ba|da|z|k|a)?sh|env|nice|timeout|setsid"
)
"""Programs that run another one, which their command names. Files that others are given may be mere data."""


class Exposure(NamedTuple):
    """Something that others can reach."""

    model: str | None
    """The model concerned; None for all."""
    problem: Problem


class Answers(NamedTuple):
    """What was found, and whether some of it could not be looked at."""

    found: tuple[Exposure, ...]
    unknown: frozenset[str | None]
    """The models of which something could not be looked at, such as a gate on a share that hangs."""

    @property
    def problems(self) -> list[Problem]:
        """All that was found."""
        return [each.problem for each in self.found]

    def of(self, model: str) -> Problem | None:
        """Return why a model has to wait."""
        return next((each.problem for each in self.found if each.model in {model, None}), None)


def service_account(state: Path) -> Account:
    """Return the account of the service: for root that of the state folder's owner, or as the unit says."""
    own = present_account()
    if own.uid:
        return own
    try:
        owner = status(state, follow=True).st_uid
    except OSError:
        owner = 0
    if owner:
        return account_of(owner)
    user = read_unit().user
    return _named(user) if user else own


def _named(user: str) -> Account:
    try:
        return account_of(pwd.getpwnam(user).pw_uid)
    except KeyError:
        return present_account()


def exposures(settings: Settings, config: Path | None = None, *, programs: bool = True) -> Answers:
    """Return what others can reach of what the configuration names, and of its own file `config`.

    Without `programs`, only keys and that file. A share that hangs is given up after a while.
    """
    look = _Look(service_account(settings.state.journal_file.parent))
    asked: list[tuple[str | None, Question[list[Problem]]]] = []

    def ask(model: str | None, path: Path, find: Callable[[Path], Iterator[Problem]]) -> None:
        # The question is about the path as it is written: a link on the way can be turned as well.
        asked.append((model, (path, lambda _: list(find(path)))))

    if config is not None:
        ask(None, config, look.of_file)
    if programs and settings.api.ca_bundle is not None:
        ask(None, settings.api.ca_bundle, partial(look.of_program, "api.ca_bundle"))
    for name, model in settings.models.items():
        for key in _KEY_FILES:
            if (path := getattr(model, key)) is not None:
                ask(name, path, partial(look.of_key, f"models.{name}.{key}"))
        for path, find in _of_gate(look, f"models.{name}.gate", model) if programs else ():
            ask(name, path, find)
    found: list[Exposure] = []
    unknown: set[str | None] = set()
    for (concerned, _), answer in zip(asked, ask_each([each for _, each in asked]), strict=True):
        if isinstance(answer, OSError):
            unknown.add(concerned)
        else:
            found += [Exposure(concerned, each) for each in answer]
    return Answers(tuple(found), frozenset(unknown))


def _of_gate(
    look: "_Look", setting: str, model: ModelSettings
) -> Iterator[tuple[Path, Callable[[Path], Iterator[Problem]]]]:
    """Yield what to ask about a gate's files, each with the path to find out first whether it answers."""
    for path in gate_words(model):
        yield path, partial(look.of_program, setting)
    if model.gate and not model.gate[0].startswith("/"):
        yield Path("/"), partial(look.of_command, setting, model.gate[0])


class _Look:
    """Looks at files one after the other, and at each folder on the way to them once."""

    def __init__(self, account: Account) -> None:
        self._account = account
        self._ways = Ways(account)
        self._keys: dict[Path, tuple[Access | None, Access | None]] = {}
        """Who can read a key file, and who can change it: many models may have the same one."""

    def of_key(self, setting: str, path: Path) -> Iterator[Problem]:
        """Yield that others can read a key file, or put another in its place. Raises OSError."""
        if path not in self._keys:
            self._keys[path] = self._key(path)
        reader, changer = self._keys[path]
        if reader:
            yield key_exposed(setting, reader)
        elif changer:
            yield _changeable(setting, path, changer)

    def _key(self, path: Path) -> tuple[Access | None, Access | None]:
        if not is_file(path, follow=True):
            return None, None  # What is missing is reported as that.
        way = self._ways.to(path)
        if access := key_access(self._account, shown(way.place), path):
            return access, None
        return None, next(self._ways.changers(path, way), None)

    def of_program(self, setting: str, path: Path) -> Iterator[Problem]:
        """Yield that others can change a file on which the service relies, or replace it. Raises OSError."""
        if not is_file(path, follow=True):
            return  # What is missing is reported as that.
        if access := next(self._ways.changers(path), None):
            yield _changeable(setting, path, access)

    def of_command(self, setting: str, name: str, _: Path) -> Iterator[Problem]:
        """Yield the same of the program that a name leads to by PATH. Raises OSError."""
        if found := program_named(name):
            yield from self.of_program(setting, found)

    def of_file(self, config: Path) -> Iterator[Problem]:
        """Yield that others can change the configuration, or read the secrets in it. Raises OSError."""
        yield from self.of_program("", config)
        _, place = way_to(config)
        access = self._account.beyond(READ, place, config)
        if access is not None and (settings := secrets_in(config)):
            yield problem("secrets_exposed", file=config, settings=settings, **_who(access))


def of_key(account: Account, setting: str, path: Path) -> Problem | None:
    """Return that others can read a key file, or put another in its place. Raises OSError."""
    return next(_Look(account).of_key(setting, path), None)


def key_access(account: Account, file: Shown, path: Path) -> Access | None:
    """Return who else has rights to a key file."""
    if file.status.st_mode & stat.S_IRWXO:
        return Access(path, None)
    return account.beyond(READ, file, path) or account.beyond(WRITE, file, path)


def _changeable(setting: str, path: Path, access: Access) -> Problem:
    folder = None if access.path == path else access.path
    return problem("file_changeable", setting=setting, path=path, folder=folder, **_who(access))


def key_exposed(setting: str, access: Access) -> Problem:
    """Return that others can read, or change, a key file."""
    return problem("key_file_exposed", setting=setting, path=access.path, **_who(access))


def secrets_in(config: Path) -> list[str]:
    """Return which settings in the configuration's file are secrets. Raises OSError."""
    return [*_secrets_in(read_all(config))]


@lru_cache(maxsize=1)
def _secrets_in(content: bytes) -> tuple[str, ...]:
    """Return the same of its content: with a thousand models it takes long, and it is asked each minute."""
    try:
        return tuple(settings_with_secrets(tables_in(content)))
    except ValueError:
        return ()  # It is reported that it cannot be read.


class _NotReadable(tomllib.TOMLDecodeError):
    """What tomllib does not report itself. From Python 3.14 on, its own class wants more than a text."""

    def __init__(self, text: str) -> None:
        ValueError.__init__(self, text)


@lru_cache(maxsize=1)
def tables_in(content: bytes) -> Mapping[str, Any]:
    """Return what a configuration's file holds: a start asks for it twice, with perhaps a thousand models.

    Nobody may change it. Raises TOMLDecodeError and UnicodeDecodeError, which are ValueErrors.
    """
    # Editors on Windows begin a file with a byte order mark, which TOML does not know.
    text = content.decode("utf-8").removeprefix("\ufeff")
    try:
        return tomllib.loads(text.replace("\r\n", "\n").replace("\r", "\n"))
    except tomllib.TOMLDecodeError:
        raise
    except ValueError:
        raise _NotReadable("A number has too many digits") from None
    except RecursionError:
        raise _NotReadable("Lists or tables are nested too deeply") from None


def settings_with_secrets(content: Mapping[str, Any]) -> list[str]:
    """Return which settings in what the configuration's file holds are secrets."""
    return [name for name, _ in _secrets(content)]


def secret_values(content: Mapping[str, Any]) -> Iterator[str]:
    """Yield the secrets themselves, which must not be shown."""
    for _, value in _secrets(content):
        yield from map(str, value if isinstance(value, list) else [value])


def _secrets(content: Mapping[str, Any]) -> Iterator[tuple[str, object]]:
    models = content.get("models")
    tables = {
        f"models.{name}": table
        for name, table in (models.items() if isinstance(models, dict) else ())
        if isinstance(table, dict)
    }
    for name, table in tables.items():
        yield from ((f"{name}.{key}", table[key]) for key in ("api_key", "secret_key") if table.get(key))
    for name, table in tables.items():
        if isinstance(own := table.get("notify"), dict) and own.get("urls"):
            yield f"{name}.notify.urls", own["urls"]
    if isinstance(notify := content.get("notify"), dict):
        yield from ((f"notify.{key}", notify[key]) for key in ("urls", "heartbeat") if notify.get(key))
    api = content.get("api")
    proxy = api.get("proxy") if isinstance(api, dict) else None
    if isinstance(proxy, str) and ":" in addresses.place_with_user(proxy).rpartition("@")[0]:
        yield "api.proxy", proxy


def _who(access: Access) -> dict[str, Any]:
    group, user = (None, access.who) if access.is_user else (access.who, None)
    return {"group": group, "user": user, "file_system": makes_rights_up(access.path, present_mounts())}


def gate_files(model: ModelSettings) -> list[Path]:
    """Return the files that a gate is: its program, and the one that this runs.

    Raises NoAnswer where a file system does not answer.
    """
    found = program_named(model.gate[0]) if model.gate else None
    return [found, *_run_by(model.gate or ())] if found else []


def gate_words(model: ModelSettings) -> list[Path]:
    """Return the same files as the command names them, whether they are there or not."""
    words = model.gate or ()
    named = [Path(word) for word in words[:1] if word.startswith("/")]
    return [*named, *_run_by(words)]


def _run_by(words: Sequence[str]) -> list[Path]:
    if not words or not _STARTERS.fullmatch(Path(words[0]).name):
        return []
    return [Path(word) for word in words[1:] if word.startswith("/")][:1]


def of_gate(setting: str, model: ModelSettings) -> Problem | None:
    """Return that others can change a gate, for the moment before it runs. Raises OSError."""
    look = _Look(present_account())
    return next((each for path in gate_files(model) for each in look.of_program(setting, path)), None)
