"""What pydantic does not check: rules between keys, between models, and what is on the machine.

Plain functions. They read what the file and the variables give, whatever its shape, so that a mistake in one
key hides no other; each yields the location of a setting and what is wrong with it.
"""

import errno
import os
import re
import stat
from collections.abc import Collection, Iterable, Iterator, Mapping
from datetime import timedelta
from functools import lru_cache
from importlib.util import find_spec
from pathlib import Path
from typing import Any, NamedTuple

from retraind.config.patterns import Pattern, can_both_match
from retraind.config.settings import WORK, ModelSettings, StateSettings
from retraind.config.types import budget_of, expanded, is_open_to_others, to_span
from retraind.config.upload_window import has_calendar
from retraind.domain.failures import OUT_OF_REACH
from retraind.domain.problems import Problem, problem
from retraind.system.files import real_path, status
from retraind.system.mounts import TABLE, may_hang_alone, present_mounts
from retraind.system.probe import NoAnswer, ask_each
from retraind.system.service.sandbox import hidden_by

Given = Mapping[str, Any]
Location = tuple[str | int, ...]
"""The keys that lead to a setting, such as ("models", "churn", "drop")."""
Wrong = tuple[Location, Problem]

_FOLDERS = ("drop", "done", "failed")
_API_KEYS = ("api_key", "api_key_file", "credential")
_SECRET_KEYS = ("secret_key", "secret_key_file", "secret_credential")
_TRUE = ("true", "1", "yes", "y", "on", "t")  # as pydantic reads the text of a variable
_KEY_FILES = ("api_key_file", "secret_key_file")
KEYS = frozenset((*_API_KEYS, *_SECRET_KEYS))
"""The settings that are a credential, or lead to one."""


class Found(NamedTuple):
    """What is at a path."""

    place: Path
    """The path without links, as far as they could be followed."""
    status: os.stat_result | OSError


def tables(given: Given) -> dict[str, dict[str, Any]]:
    """Return the models' tables, without keys that have no value."""
    models = given.get("models")
    named = models.items() if isinstance(models, dict) else ()
    return {
        name: {key: value for key, value in table.items() if value is not None}
        for name, table in named
        if isinstance(table, dict)
    }


def paths(given: Given) -> dict[Location, Path]:
    """Return the paths where something must be."""
    named: dict[Location, Any] = {
        ("models", name, key): table.get(key)
        for name, table in tables(given).items()
        for key in (*_FOLDERS, *_KEY_FILES)
    }
    if isinstance(api := given.get("api"), dict):
        named["api", "ca_bundle"] = api.get("ca_bundle")
    found = {
        location: expanded(Path(value))
        for location, value in named.items()
        if isinstance(value, str) and "\0" not in value
    }
    return {
        location: path
        for location, path in found.items()
        if location[-1] not in _FOLDERS or path.is_absolute()
    }


def look_at(places: Iterable[Path], hanging: Collection[Path]) -> dict[Path, Found]:
    """Find out what is at each path. A share that hangs is given up after a while.

    What is in the folders `hanging` is not asked for.
    """
    silent = (
        {
            path: Found(_comparable(path), OSError(errno.ETIMEDOUT, os.strerror(errno.ETIMEDOUT), str(path)))
            for path in dict.fromkeys(places)
            if any(path.is_relative_to(folder) for folder in hanging)
        }
        if hanging
        else {}
    )
    asked = [path for path in dict.fromkeys(places) if path not in silent]
    answers = ask_each([(path, _look_at) for path in asked])
    return silent | {
        path: Found(_comparable(path), answer) if isinstance(answer, OSError) else answer
        for path, answer in zip(asked, answers, strict=True)
    }


def _look_at(place: Path) -> Found:
    try:
        found = status(place, follow=True)
    except NoAnswer:
        raise
    except OSError as error:
        return Found(real_path(place), error)
    return Found(real_path(place), found)


def _comparable(path: Path) -> Path:
    """Return a path in the form in which it can be compared. No share is asked."""
    return Path(os.path.abspath(expanded(path)))  # noqa: PTH100


# What only the daemon enforces


def missing(places: Mapping[Location, Path], found: Mapping[Path, Found]) -> Iterator[Wrong]:
    """Yield folders and files that are missing.

    A folder, or the certificates, whose share is out of reach is not a mistake: the daemon waits for it.
    """
    table = present_mounts()
    for location, path in places.items():
        status = found[path].status
        if isinstance(status, FileNotFoundError | PermissionError) and (unit := hidden_by(path, table)):
            yield location, problem("path_hidden_by_unit", directive=unit)
        elif mistake := _mistake_at(str(location[-1]), status):
            yield location, mistake


def _mistake_at(key: str, status: os.stat_result | OSError) -> Problem | None:
    if isinstance(status, FileNotFoundError):
        return problem("path_missing")
    if isinstance(status, OSError):
        waits = key in {*_FOLDERS, "ca_bundle"} and status.errno in OUT_OF_REACH
        return None if waits else problem("path_inaccessible", reason=status.strerror)
    if key in _FOLDERS:
        return None if stat.S_ISDIR(status.st_mode) else problem("not_a_folder")
    return None if stat.S_ISREG(status.st_mode) else problem("not_a_file")


# What all commands need


def not_local(state: StateSettings) -> Iterator[Wrong]:
    """Yield what must be on a local disk and is not: where it hangs, so does whoever has it open.

    Nothing is touched.
    """
    for key, folder in (("url", state.journal_file.parent), ("spool", state.spool)):
        _, mount = TABLE.now().followed(str(folder))
        if mount is not None and may_hang_alone(mount.kind):
            yield ("state", key), problem("place_not_local", point=mount.point, kind=mount.kind)


def shared_folders(places: Mapping[Location, Path], found: Mapping[Path, Found]) -> Iterator[Wrong]:
    """Yield drop folders that are the same as another one or inside it, through links and mounts.

    Sorted by path, a folder is followed by its descendants, so one pass with a stack of parents finds all.
    """
    parents: list[tuple[str, str]] = []
    known: dict[tuple[int, int], str] = {}
    drops = [(str(location[1]), found[path]) for location, path in places.items() if location[-1] == "drop"]
    for name, (folder, found_there) in sorted(drops, key=lambda drop: drop[1].place.parts):
        text = str(folder)
        while parents and text != parents[-1][1] and not text.startswith(f"{parents[-1][1].rstrip('/')}/"):
            parents.pop()
        other, parent = parents[-1] if parents else (None, None)
        same = text == parent
        parents.append((name, text))
        if isinstance(found_there, os.stat_result):
            # One folder may be mounted in two places.
            twin = known.setdefault((found_there.st_dev, found_there.st_ino), name)
            if twin != name:
                other, same = twin, True
        if other is not None:
            yield ("models", name, "drop"), problem("drop_folder_overlaps", other=other, same=same)


def filed_elsewhere(places: Mapping[Location, Path], found: Mapping[Path, Found]) -> Iterator[Wrong]:
    """Yield folders for what is filed that are in the drop folder of another model."""
    drops = _drops(places, found)
    for location, path in places.items():
        if location[-1] in {"done", "failed"}:
            other = _drop_above(found[path].place, drops)
            if other not in {None, location[1]}:
                yield location, problem("place_in_drop_folder", other=other)


def state_in_reach(
    state: StateSettings, places: Mapping[Location, Path], found: Mapping[Path, Found]
) -> Iterator[Wrong]:
    """Yield what is in a drop folder, where its writers could replace the journal and fill its disk."""
    drops = _drops(places, found)
    for key, folder in (("url", state.journal_file.parent), ("spool", state.spool)):
        other = _drop_above(real_path(folder), drops)
        if other is not None:
            yield ("state", key), problem("place_in_drop_folder", other=other)


def in_own_folders(
    state: StateSettings, places: Mapping[Location, Path], found: Mapping[Path, Found]
) -> Iterator[Wrong]:
    """Yield folders of models that are where retraind keeps, and clears away, things of its own."""
    own = {real_path(folder) for folder in state.own_folders}
    for location, path in places.items():
        if location[-1] not in _FOLDERS:
            continue
        place = found[path].place
        if above := own.intersection((place, *place.parents)):
            yield location, problem("place_in_own_folder", folder=above.pop())


def _drops(places: Mapping[Location, Path], found: Mapping[Path, Found]) -> Mapping[Path, str]:
    return {
        found[path].place: str(location[1]) for location, path in places.items() if location[-1] == "drop"
    }


def _drop_above(folder: Path, drops: Mapping[Path, str]) -> str | None:
    return next((drops[each] for each in (folder, *folder.parents) if each in drops), None)


def missing_socks(given: Given) -> Iterator[Wrong]:
    """Yield that the proxy needs a library that is not installed."""
    api = given.get("api")
    proxy = api.get("proxy") if isinstance(api, dict) else None
    if isinstance(proxy, str) and lacks_socks(proxy):
        yield ("api", "proxy"), problem("socks_missing")


def lacks_socks(proxy: str) -> bool:
    """Return whether the address of a proxy requires a library that is not installed."""
    return bool(re.match(r"(?i)socks\w*://", proxy)) and find_spec("socks") is None


def between_keys(given: Given) -> Iterator[Wrong]:
    """Yield what is wrong between the keys of each model's table."""
    for name, table in tables(given).items():
        for check in (_credentials, _gate, _patterns, _filing, _retention, _prediction, _window):
            for mistake in check(table):
                yield ("models", name), mistake


def page(given: Given) -> Iterator[Wrong]:
    """Yield what is wrong between the keys of the status page."""
    table = given.get("page")
    if not isinstance(table, dict):
        return
    listen, header = table.get("listen"), table.get("user_header")
    if header and not table.get("user_header_from"):
        yield ("page", "user_header"), problem("page_header_from_anybody")
    if not isinstance(listen, str) or table.get("token_file") or header:
        return
    try:
        is_open = is_open_to_others(listen)
    except ValueError:
        return  # This is reported for the key itself.
    if is_open:
        yield ("page", "listen"), problem("page_open_to_anybody")


def _credentials(table: Given) -> Iterator[Problem]:
    api = [key for key in _API_KEYS if key in table]
    secret = [key for key in _SECRET_KEYS if key in table]
    if len(api) + len(secret) != 1:
        yield problem("credentials_not_one", given=api + secret)
    elif secret and "model_id" not in table:
        yield problem("model_id_missing", credential=secret[0])
    elif api and "model_id" in table:
        yield problem("model_id_unneeded")


def _gate(table: Given) -> Iterator[Problem]:
    asked = table.get("switch") == "gate"
    if asked and not table.get("gate"):
        yield problem("gate_missing")
    if "gate" in table and not asked:
        yield problem("gate_unused")


def _patterns(table: Given) -> Iterator[Problem]:
    train, evaluation = (table.get(key, ModelSettings.model_fields[key].default) for key in ("train", "eval"))
    if table.get("mode", "pair") != "pair" or not isinstance(train, str) or not isinstance(evaluation, str):
        return
    overlap = _overlap(train, evaluation)
    if overlap is None:
        return  # This is reported for the pattern itself.
    if overlap:
        yield problem("patterns_overlap", train=train, evaluation=evaluation)
    if ("{key}" in train) != ("{key}" in evaluation):
        yield problem("key_in_one_pattern")


@lru_cache(maxsize=64)
def _overlap(train: str, evaluation: str) -> bool | None:
    """Return whether a name can match both patterns, None where one is none.

    Most of a thousand models have the same two.
    """
    try:
        return can_both_match(Pattern(train), Pattern(evaluation))
    except ValueError:
        return None


def _filing(table: Given) -> Iterator[Problem]:
    if "done" not in table and "failed" not in table:
        return
    named = {key: _comparable(Path(path)) for key in _FOLDERS if isinstance(path := table.get(key), str)}
    drop, done, failed = map(named.get, _FOLDERS)
    for key, folder in named.items():
        if drop and key != "drop" and (folder == drop or folder.is_relative_to(drop / WORK)):
            yield problem("filing_folder_in_use", key=key, arriving=folder == drop, default=drop / key)
    if done and done == failed:
        yield problem("filing_folders_equal")


def _retention(table: Given) -> Iterator[Problem]:
    budget = budget_of(table.get("budget"))
    try:
        retention = to_span(table.get("retention"))
    except ValueError:
        # This is reported for the key itself.
        return
    if budget and isinstance(retention, timedelta) and retention < budget.longest:
        yield problem("retention_too_short", longest=budget.longest)


def _prediction(table: Given) -> Iterator[Problem]:
    kind = table.get("prediction_type")
    is_series = str(table.get("time_series")).strip().lower() in _TRUE
    for key in ("prediction_type", "positive_value", "time_column"):
        if key in table and "target" not in table:
            yield problem("setting_requires", key=key, other="target")
    for key in ("time_column", "series_column"):
        if key in table and not is_series:
            yield problem("setting_requires", key=key, other="time_series = true")
    if "series_column" in table and "time_column" not in table:
        yield problem("setting_requires", key="series_column", other="time_column")
    if "positive_value" in table and kind in {"multiclass", "regression"}:
        yield problem("settings_contradict", key="positive_value", other=f'prediction_type = "{kind}"')
    if is_series and kind in {"binary", "multiclass"}:
        yield problem("settings_contradict", key="time_series", other=f'prediction_type = "{kind}"')
    named: dict[Any, str] = {}
    for key in ("target", "time_column", "series_column"):
        name = table.get(key)
        if isinstance(name, str) and (other := named.setdefault(name, key)) != key:
            yield problem("column_named_twice", key=key, other=other, name=name)


def _window(table: Given) -> Iterator[Problem]:
    windows = table.get("upload_window")
    if "upload_holidays" in table and not has_calendar(windows):
        yield problem("holidays_unused")
