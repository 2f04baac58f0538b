"""Reads the configuration: a TOML file overridden by RETRAIND_... variables.

What is checked here needs no network. Every mistake is collected and told with file, key, value and remedy.
"""

import difflib
import os
import re
import shlex
import tomllib
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, NamedTuple

from pydantic import BaseModel, ValidationError
from pydantic_core import ErrorDetails

from retraind.config.settings import ENV_PREFIX, ModelSettings, Settings, table_mistakes
from retraind.config.types import KNOWN, ONLY_LOOKING, expanded
from retraind.domain.failures import ConfigError
from retraind.system import addresses, log
from retraind.system.files import is_file
from retraind.system.probe import ask_each

CONFIG_VARIABLE = "RETRAIND_CONFIG"
SYSTEM_CONFIG = Path("/etc/retraind/config.toml")
_PATHS = ("drop", "done", "failed", "api_key_file", "secret_key_file")
"""Keys of a model's table that name what has to be there."""


def find_config(named: Path | None = None) -> Path:
    """Return the file to read: `named`, else $RETRAIND_CONFIG, ./config.toml, /etc/retraind/config.toml.

    Raises ConfigError when there is none.
    """
    if named is None and (variable := os.environ.get(CONFIG_VARIABLE)):
        named = Path(variable)
    if named is not None:
        if not _is_there(named):
            raise ConfigError([f"{named}: there is no such file. Name the configuration with -c FILE."])
        return named
    for candidate in (Path("config.toml"), SYSTEM_CONFIG):
        if _is_there(candidate):
            return candidate
    raise ConfigError(
        [
            f"There is no configuration: neither ./config.toml nor {SYSTEM_CONFIG} exists and "
            f"${CONFIG_VARIABLE} is not set. Start from config.example.toml, or name a file with -c FILE."
        ]
    )


def _is_there(file: Path) -> bool:
    try:
        return is_file(file, follow=True)
    except OSError:
        return True  # Reading it will tell what is in the way.


def load(named: Path | None = None) -> tuple[Settings, Path]:
    """Read and validate the configuration; returns it with the file it came from.

    A drop folder whose share is out of reach, or hangs, is no mistake. Raises ConfigError with every mistake found.
    """
    file, content = _read(named)
    return _validated(file, content, _look_at_paths(content)), file


def load_to_look(named: Path | None = None) -> tuple[Settings, Path, list[str]]:
    """Read the configuration for a command that only looks, or writes a wish into the journal.

    A share that is away and a key file that is open to others are no reason to tell nothing of all models: such
    mistakes are returned. Raises ConfigError for all others.
    """
    file, content = _read(named)
    found = _look_at_paths(content)
    try:
        return _validated(file, content, found), file, []
    except ConfigError as error:
        looking = ONLY_LOOKING.set(True)
        try:
            return _validated(file, content, found), file, error.problems
        except ConfigError:
            raise error from None
        finally:
            ONLY_LOOKING.reset(looking)


def _read(named: Path | None) -> tuple[Path, dict[str, Any]]:
    file = find_config(named)
    try:
        return file, tomllib.loads(file.read_text(encoding="utf-8"))
    except tomllib.TOMLDecodeError as error:
        raise ConfigError([f"{file}: this is not valid TOML: {error}."]) from None
    except UnicodeDecodeError as error:
        raise ConfigError(
            [f"{file}: this is not UTF-8 text (byte {error.start}). Save it as UTF-8."]
        ) from None
    except OSError as error:
        closed = isinstance(error, PermissionError)
        remedy = " Let the service's user read it, and run commands as that user." * closed
        raise ConfigError([f"{file}: it cannot be read: {error.strerror}.{remedy}"]) from None


class _Found(NamedTuple):
    """What is at a path."""

    place: Path
    """The path without links, as far as they could be followed."""
    status: os.stat_result | OSError


def _look_at_paths(content: Mapping[str, Any]) -> dict[Path, _Found]:
    """Look at all folders and files that the models name, with patience: a share may hang."""
    paths = [
        expanded(Path(value))
        for table in _tables(content).values()
        for key in _PATHS
        if isinstance(value := table.get(key), str) and "\0" not in value
    ]
    return {
        path: _Found(Path(os.path.abspath(path)), found) if isinstance(found, OSError) else found  # noqa: PTH100
        for path, found in zip(paths, ask_each([(path, _look_at) for path in paths]), strict=True)
    }


def _look_at(place: Path) -> _Found:
    try:
        return _Found(place, place.stat())
    except OSError as error:
        return _Found(place, error)


def _validated(file: Path, content: dict[str, Any], found: Mapping[Path, _Found]) -> Settings:
    problems = list(_unknown_variables())
    if not ONLY_LOOKING.get():
        problems += _exposed_secrets(file, content)
    settings = None
    known = KNOWN.set({path: each.status for path, each in found.items()})
    try:
        settings = Settings(**content)
    except ValidationError as error:
        # Rules between keys are not asked of a table with a wrong key in it; so they are asked here, of all tables.
        details = [detail for detail in error.errors() if not _is_between_keys(detail)]
        problems += [_word(file, detail) for detail in details]
        tables = _tables(content)
        problems += [
            f"{file}: models.{name}: {mistake}."
            for name, table in tables.items()
            for mistake in table_mistakes(table)
        ]
    finally:
        KNOWN.reset(known)
    problems += _folder_conflicts(file, _drop_folders(content), found)
    if problems or settings is None:
        raise ConfigError(problems)
    return settings


def _is_between_keys(detail: ErrorDetails) -> bool:
    location = detail["loc"]
    return detail["type"] == "value_error" and location[0] == "models" and len(location) == 2  # noqa: PLR2004


def _tables(content: Mapping[str, Any]) -> dict[str, dict[str, object]]:
    """Collect the models' keys from file and variables, even from a configuration that is otherwise wrong."""
    models = content.get("models")
    found: dict[str, dict[str, object]] = {}
    if isinstance(models, dict):
        found = {name: dict(table) for name, table in models.items() if isinstance(table, dict)}
    for variable, value in os.environ.items():
        if match := re.fullmatch(rf"{ENV_PREFIX}MODELS__(.+?)__(.+)", variable, re.IGNORECASE):
            found.setdefault(match[1].lower(), {})[match[2].lower()] = value
    return found


def _drop_folders(content: Mapping[str, Any]) -> dict[str, Path]:
    return {
        name: Path(drop)
        for name, table in _tables(content).items()
        if isinstance(drop := table.get("drop"), str)
    }


def _folder_conflicts(file: Path, folders: Mapping[str, Path], found: Mapping[Path, _Found]) -> Iterator[str]:
    """Tell which models share a drop folder or lie inside one another, links resolved and mounts seen through.

    Sorted by path, a folder's descendants follow it directly, so one pass with a stack of parents finds all.
    """
    parents: list[tuple[str, Path]] = []
    known: dict[tuple[int, int], str] = {}
    for name, (folder, status) in sorted(
        ((name, found[path]) for name, folder in folders.items() if (path := expanded(folder)) in found),
        key=lambda item: item[1].place.parts,
    ):
        while parents and not folder.is_relative_to(parents[-1][1]):
            parents.pop()
        other, parent = parents[-1] if parents else (None, None)
        where = "the same folder as" if folder == parent else "a folder inside"
        parents.append((name, folder))
        if isinstance(status, os.stat_result):
            # One folder may be mounted in two places.
            twin = known.setdefault((status.st_dev, status.st_ino), name)
            if twin != name:
                other, where = twin, "the same folder as"
        if other is not None:
            yield (
                f"{file}: models.{name}.drop = {str(folders[name])!r}: this is {where} models.{other}.drop. "
                "Give every model a drop folder of its own, beside the others."
            )


def _exposed_secrets(file: Path, content: Mapping[str, Any]) -> Iterator[str]:
    models = content.get("models")
    tables = models.items() if isinstance(models, dict) else ()
    keys = [
        f"models.{name}.{key}"
        for name, table in tables
        if isinstance(table, dict)
        for key in ("api_key", "secret_key")
        if key in table
    ]
    notify = content.get("notify")
    if isinstance(notify, dict) and notify.get("urls"):
        keys.append("notify.urls")
    if keys and file.stat().st_mode & 0o007:
        yield (
            f"{file}: {', '.join(keys)}: this file holds a secret and other users of this machine can read it. "
            f"Run: chmod o= {shlex.quote(str(file))}, or keep it elsewhere: in a key file, or in a variable."
        )


def _unknown_variables() -> Iterator[str]:
    sections = {name.upper() for name in Settings.model_fields}
    for variable in sorted(os.environ):
        if not variable.upper().startswith(ENV_PREFIX) or variable.upper() == CONFIG_VARIABLE:
            continue
        section = variable[len(ENV_PREFIX) :].upper().split("__")[0]
        if section not in sections and not section.startswith("TESTS_"):
            yield f"Environment variable {variable}: it sets nothing.{_did_you_mean(section, sections)}"


def _did_you_mean(word: str, words: set[str]) -> str:
    close = difflib.get_close_matches(word, sorted(words), n=1)
    return f" Did you mean {close[0]}?" if close else f" Known are: {', '.join(sorted(words))}."


def _known_keys(location: tuple[int | str, ...]) -> set[str]:
    """List the keys that a table may have, found by walking the schema."""
    if len(location) == 1:
        return set(Settings.model_fields)
    if location[0] == "models":
        return set(ModelSettings.model_fields)
    section = Settings.model_fields.get(str(location[0]))
    kind = section.annotation if section else None
    return set(kind.model_fields) if isinstance(kind, type) and issubclass(kind, BaseModel) else set()


_SECRET_KEYS = {"api_key", "secret_key", "urls"}
_ADDRESSES = {"base_url", "proxy", "url"}
_TABLE_EXPECTED = {"model_type", "dict_type"}
"""pydantic's types of error for another value in the place of a table."""


def _word(file: Path, detail: ErrorDetails) -> str:
    """Turn one of pydantic's errors into a sentence: where, key, value, what is wrong, what to do."""
    location = tuple(part for part in detail["loc"] if part != "[key]")
    # The value itself, or the list or table that it is in.
    parts = [str(part).upper() for part in location]
    variables = {ENV_PREFIX + "__".join(parts[:length]) for length in range(1, len(parts) + 1)}
    set_by = next((name for name in os.environ if name.upper() in variables), None)
    where = f"Environment variable {set_by}" if set_by else str(file)
    key = ".".join(str(part) for part in location)
    value = detail["input"]
    shown = ""
    if detail["type"] == "extra_forbidden" or detail["type"] in _TABLE_EXPECTED:
        pass  # It may be a secret with its key misspelt, or left out.
    elif _SECRET_KEYS & {str(part) for part in location}:
        shown = " = (hidden)"
    elif location[-1] in _ADDRESSES and isinstance(value, str):
        shown = (
            f" = {address!r}" if (address := addresses.shown(value)) != addresses.HIDDEN else f" = {address}"
        )
    elif isinstance(value, str | int | float | bool) or (isinstance(value, list) and len(str(value)) < 80):  # noqa: PLR2004
        shown = f" = {log.mask(repr(addresses.shown_value(value)))}"
    match detail["type"]:
        case "extra_forbidden":
            keys = _known_keys(location)
            what = f"there is no such key.{_did_you_mean(str(location[-1]), keys)}"
        case "missing":
            what = "this key is needed." + (
                " Name the folder where this model's files arrive." if location[-1] == "drop" else ""
            )
            if location == ("models",):
                what = "no model is configured. Add a table [models.NAME] with drop and api_key_file."
            shown = ""
        case kind if kind in _TABLE_EXPECTED:
            what = f"this is a table: write [{key}{'.NAME' * (key == 'models')}], and its keys below."
        case "value_error":
            what = str(detail["ctx"]["error"])
            what = what if what.endswith((".", "?", ")")) else what + "."
        case _:
            what = detail["msg"] + "."
    return f"{where}: {key}{shown}: {what}"
