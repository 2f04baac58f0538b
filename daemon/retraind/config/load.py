"""Reads the configuration: a TOML file, over which RETRAIND_... variables take precedence.

Nothing here needs the network. All mistakes are collected, each with its file or variable, setting and value.
"""

import difflib
import json
import os
import tomllib
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from datetime import date, time
from pathlib import Path
from typing import Any, NamedTuple, get_args

from pydantic import ValidationError
from pydantic_core import ErrorDetails

from retraind.config import checks, exposure
from retraind.config.checks import Given, Location
from retraind.config.examples import wrong_type
from retraind.config.mistakes import Mistake, refused
from retraind.config.settings import ENV_PREFIX, ModelSettings, Settings
from retraind.domain.failures import OUT_OF_REACH, ConfigError, ConfigOutOfReach
from retraind.domain.problems import Problem, problem
from retraind.system import addresses, log
from retraind.system.files import exists, is_file
from retraind.system.reading import read_all

CONFIG_VARIABLE = "RETRAIND_CONFIG"
SYSTEM_CONFIG = Path("/etc/retraind/config.toml")


def find_config(named: Path | None = None) -> Path:
    """Return the file to read: `named`, else $RETRAIND_CONFIG, ./config.toml, /etc/retraind/config.toml.

    Raises ConfigError when there is none.
    """
    if named is None and (variable := os.environ.get(CONFIG_VARIABLE)):
        named = Path(variable)
    here = Path("config.toml")
    for candidate in (named,) if named is not None else (here, SYSTEM_CONFIG):
        if _is_there(candidate):
            return candidate
    if named is not None:
        raise ConfigError([problem("config_not_a_file" if exists(named) else "config_missing", file=named)])
    raise ConfigError([problem("no_config", here=here, system=SYSTEM_CONFIG, variable=CONFIG_VARIABLE)])


def _is_there(file: Path) -> bool:
    try:
        return is_file(file, follow=True)
    except OSError:
        return True  # Reading it reports the reason.


def load(named: Path | None) -> tuple[Settings, Path]:
    """Read and check the configuration; returns it with the file it came from.

    Raises ConfigError with every mistake. A drop folder whose share is out of reach, or hangs, is none, nor
    is what others can read or change: it holds the models concerned.
    """
    loaded = load_each(named)
    if loaded.problems:
        raise ConfigError(loaded.problems)
    return loaded.settings, loaded.file


class Lack(NamedTuple):
    """What a model lacks on this machine."""

    key: str
    """Of its table."""
    problem: Problem


class Loaded(NamedTuple):
    """A configuration, of which parts may be wrong."""

    settings: Settings
    """With the models whose tables can be used."""
    file: Path
    refused: Mapping[str, list[Problem]]
    """The other models, with the mistakes in their tables."""
    lacks: Mapping[str, list[Lack]]
    """What only the daemon enforces, for the models in `settings`."""
    general: list[Problem]
    """The same, for no model alone."""
    problems: list[Problem]
    """All of it."""


_SHOWN_TABLES = ("language", "state", "page", "log_level")
"""What a process without keys reads besides the models' tables and the service's name."""


class _Wrong(NamedTuple):
    location: Location
    problem: Problem

    def model(self, order: Sequence[str]) -> str | None:
        """Return the model that it is about, of those in `order`; None where it is about no model alone."""
        if len(self.location) < 2 or self.location[0] != "models":  # noqa: PLR2004
            return None
        named = [str(self.location[1])]
        mistake = self.problem.facts.get("mistake")
        if isinstance(mistake, Problem) and isinstance(other := mistake.facts.get("other"), str):
            named.append(other)  # Of two models with one folder, the later one is wrong.
        return max(named, key=order.index) if set(named) <= set(order) else named[0]


def load_each(named: Path | None, hanging: Collection[Path] = ()) -> Loaded:
    """Read the configuration model by model. Raises ConfigError when it cannot be used for any.

    Nothing in the folders `hanging` is asked for: they are known not to answer.
    """
    file = find_config(named)
    _, content = read_unchecked(file)
    given = _merged(_variables(), content)
    places = checks.paths(given)
    found = checks.look_at(places.values(), hanging)
    settings, wrong = _settings(file, given)
    between = (
        checks.missing_socks(given),
        checks.between_keys(given),
        checks.page(given),
        checks.shared_folders(places, found),
        checks.filed_elsewhere(places, found),
    )
    wrong += [mistake for each in between for mistake in _located(file, given, each)]
    settings, refused, general = _without_refused(file, given, settings, wrong)
    misplaced: list[_Wrong] = []
    if settings is not None:
        misplaced = [*_located(file, given, checks.not_local(settings.state))]
        # What is not local may hang, so it is not looked into.
        if not misplaced:
            state = settings.state
            misplaced = [*_located(file, given, checks.state_in_reach(state, places, found))]
            if own := [*_located(file, given, checks.in_own_folders(state, places, found))]:
                wrong += own
                settings, refused, general = _without_refused(file, given, settings, wrong)
        general += misplaced
    lenient = [*_located(file, given, checks.missing(places, found))]
    problems = [each.problem for each in (*misplaced, *wrong, *lenient)]
    if general or settings is None:
        raise ConfigError(problems)
    lacks, general = _by_model(lenient, [*checks.tables(given)])
    return Loaded(
        settings,
        file,
        {name: [each.problem for each in found] for name, found in refused.items()},
        {
            name: [Lack(str(each.location[-1]), each.problem) for each in found]
            for name, found in lacks.items()
            if name in settings.models
        },
        [each.problem for each in general],
        problems,
    )


def load_to_look(named: Path | None) -> Loaded:
    """Do the same for a command that only looks, or writes a wish into the journal.

    The problems include what others can read or change. The daemon looks at that itself, and holds the models
    concerned while it runs. None is a reason to show nothing about any model.
    """
    loaded = load_each(named)
    exposed = exposure.exposures(loaded.settings, loaded.file.absolute(), programs=False).problems
    return loaded._replace(problems=loaded.problems + exposed)


class WithoutKeys(NamedTuple):
    """What a process is to know that shows and sends nothing: no credential, and nothing on the machine."""

    settings: Settings
    """With the models whose tables can be read, without their credentials."""
    file: Path
    refused: frozenset[str]
    """The other models."""


def load_without_keys(named: Path | None) -> WithoutKeys:
    """Read the configuration for a process without keys. No folder is looked at.

    Raises ConfigError where what such a process needs is wrong.
    """
    file = find_config(named)
    _, content = read_unchecked(file)
    given = _merged(_variables(), content)
    shown: dict[str, Any] = {name: given[name] for name in _SHOWN_TABLES if name in given}
    if isinstance(api := given.get("api"), dict) and "base_url" in api:
        shown["api"] = {"base_url": api["base_url"]}
    tables = {
        name: {key: value for key, value in table.items() if key not in {*checks.KEYS, "notify"}}
        for name, table in checks.tables(given).items()
    }
    shown["models"] = tables
    settings, wrong = _settings(file, shown)
    wrong += _located(file, given, checks.page(given))
    settings, refused, general = _without_refused(file, shown, settings, wrong)
    if settings is not None:
        general += _located(file, given, checks.not_local(settings.state))
    if general or settings is None:
        raise ConfigError([each.problem for each in wrong or general])
    return WithoutKeys(settings, file, frozenset(refused))


def _without_refused(
    file: Path, given: Given, settings: Settings | None, wrong: Sequence[_Wrong]
) -> tuple[Settings | None, dict[str, list[_Wrong]], list[_Wrong]]:
    """Return settings without the models whose tables are wrong, these models, and what is wrong besides."""
    tables = checks.tables(given)
    refused, general = _by_model(wrong, [*tables])
    if refused and not general:
        usable = {name: table for name, table in tables.items() if name not in refused}
        settings, _ = _settings(file, {**given, "models": usable})
    return settings, refused, general


def _by_model(wrong: Iterable[_Wrong], order: Sequence[str]) -> tuple[dict[str, list[_Wrong]], list[_Wrong]]:
    """Sort mistakes by the model that they are about; returns those about no model alone besides."""
    found: dict[str, list[_Wrong]] = {}
    general = []
    for each in wrong:
        if (model := each.model(order)) is None:
            general.append(each)
        else:
            found.setdefault(model, []).append(each)
    return found, general


def _settings(file: Path, given: Given) -> tuple[Settings | None, list[_Wrong]]:
    try:
        return Settings(**given), []
    except ValidationError as error:
        return None, [_refusal(file, detail) for detail in error.errors()]


def read_unchecked(file: Path) -> tuple[str, Mapping[str, Any]]:
    """Return the text of a configuration's file, and what it holds. Raises ConfigError."""
    try:
        content = read_all(file)
        return content.decode(), exposure.tables_in(content)
    except tomllib.TOMLDecodeError as error:
        mistake = problem("config_not_toml", file=file, text=str(error))
    except UnicodeDecodeError as error:
        mistake = problem("config_not_utf8", file=file, offset=error.start)
    except OSError as error:
        denied = isinstance(error, PermissionError)
        mistake = problem("config_unreadable", file=file, reason=error.strerror, denied=denied)
        if error.errno in OUT_OF_REACH:
            raise ConfigOutOfReach([mistake]) from None
    raise ConfigError([mistake])


def _variables() -> dict[str, Any]:
    """Return what RETRAIND_... variables set. Where there are none, what reads them is not imported."""
    if not any(name.upper().startswith(ENV_PREFIX) for name in os.environ):
        return {}
    from retraind.config.variables import Variables  # noqa: PLC0415

    return Variables()()


def _merged(over: Mapping[str, Any], under: Mapping[str, Any]) -> dict[str, Any]:
    """Return tables in which `over` takes precedence, key by key."""
    merged = dict(under)
    for key, value in over.items():
        below = merged.get(key)
        merged[key] = _merged(value, below) if isinstance(value, dict) and isinstance(below, dict) else value
    return merged


def unknown_variables() -> Iterator[Problem]:
    """Yield the RETRAIND_... variables that are for no table. They may be others' own.

    Kubernetes sets RETRAIND_PORT and more for each pod beside a service that is called retraind.
    """
    sections = [name.upper() for name in Settings.model_fields]
    for variable in sorted(os.environ):
        if not variable.upper().startswith(ENV_PREFIX) or variable.upper() == CONFIG_VARIABLE:
            continue
        section = variable[len(ENV_PREFIX) :].upper().split("__")[0]
        if section not in sections and not section.startswith("TESTS_"):
            known = _closest(section, sections)
            yield problem("variable_unknown", variable=variable, known=known)


def _closest(word: str, words: Iterable[str]) -> list[str]:
    """Return the word that is probably meant, else all of them."""
    known = sorted(words)
    return difflib.get_close_matches(word, known, n=1) or known


_LIMITS = ("expected", "ge", "le")
"""What pydantic calls a limit that a value exceeds, and the choices that there are."""


def _refusal(file: Path, detail: ErrorDetails) -> _Wrong:
    """Turn an error of pydantic's into a problem."""
    location = tuple(part for part in detail["loc"] if part != "[key]")
    value = detail["input"] if location == detail["loc"] else None
    key, context = str(location[-1]), detail.get("ctx", {})
    match detail["type"]:
        case "extra_forbidden":
            # The value may be a secret whose key is misspelt, or missing.
            value, mistake = None, problem("setting_unknown", known=_closest(key, _known_keys(location)))
        case "model_type" | "dict_type":
            value, mistake = None, problem("table_expected", table=".".join(map(str, location)))
        case "missing" | "too_short":
            mistake = problem("setting_missing", key=key)
        case "value_error" if isinstance(error := context["error"], Mistake):
            mistake = error.problem
        case kind:
            limit = next((str(context[name]) for name in _LIMITS if name in context), None)
            limit = limit and limit.replace("'", '"')  # As everywhere else.
            wrong = wrong_type(location, detail["input"], kind)
            more = wrong._asdict() if wrong else {}
            mistake = problem("value_invalid", kind=kind, limit=limit, text=detail["msg"], **more)
    return _Wrong(location, _placed(file, location, value, mistake))


def _known_keys(location: Location) -> Iterable[str]:
    """Return the keys of the table in which an unknown one is."""
    table: Any = Settings
    *inside, _ = location
    if inside and inside[0] == "models":
        table, inside = ModelSettings, inside[2:]
    for name in inside:
        hint = table.model_fields[str(name)].annotation
        table = next(each for each in (hint, *get_args(hint)) if hasattr(each, "model_fields"))
    return table.model_fields  # type: ignore[no-any-return]


def _located(file: Path, given: Given, wrong: Iterable[checks.Wrong]) -> Iterator[_Wrong]:
    for location, mistake in wrong:
        value: Any = given
        for key in location:
            value = value.get(key) if isinstance(value, dict) else None  # A default is not given.
        yield _Wrong(location, _placed(file, location, value, mistake))


def _placed(file: Path, location: Location, value: object, mistake: Problem) -> Problem:
    """Return a mistake with its setting, its value, and the file or variable that sets it."""
    parts = [str(part).upper() for part in location]
    # The value itself, or the list or table that it is in.
    variables = {ENV_PREFIX + "__".join(parts[:length]) for length in range(1, len(parts) + 1)}
    variable = next((name for name in os.environ if name.upper() in variables), None)
    setting = ".".join(map(str, location))
    return refused(setting, mistake, file=file, variable=variable, value=_shown(location, value))


_SECRET_KEYS = {"api_key", "secret_key", "urls", "heartbeat"}
_ADDRESSES = {"base_url", "proxy", "url"}
_LONGEST_LIST = 80


def _shown(location: Location, value: object) -> str | None:
    """Return a value as it would be written in the file, without secrets; None for tables and long lists."""
    if value is None or isinstance(value, dict):
        return None
    if _SECRET_KEYS.intersection(map(str, location)):
        return addresses.HIDDEN
    if location[-1] in _ADDRESSES and isinstance(value, str):
        value = addresses.shown(value)
    if isinstance(value, date | time):
        return value.isoformat()
    text = log.mask(json.dumps(addresses.shown_value(value), ensure_ascii=False, default=str))
    return None if isinstance(value, list) and len(text) > _LONGEST_LIST else text
