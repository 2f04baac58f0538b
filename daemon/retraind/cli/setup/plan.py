"""The steps that set up a model, or remove it, given the state of the machine. Nothing is changed here.

The order is folders, key, drop-in, configuration, service: a kill in between leaves a service that runs as
before, and the next try does the rest. What is already as it should be needs no step.
"""

import os
import stat
import tempfile
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, NamedTuple

from retraind.cli.output import USAGE, Refused
from retraind.cli.setup import config_text, dropin
from retraind.cli.setup.steps import Command, File, Folder, Gone, Machine, Step
from retraind.cli.setup.wishes import EDITIONS, GROUP, Wishes
from retraind.config.exposure import secret_values
from retraind.config.load import SYSTEM_CONFIG, load_each, read_unchecked
from retraind.config.settings import ApiSettings, Settings
from retraind.domain.failures import ConfigError
from retraind.domain.problems import Problem, file_problem, problem
from retraind.system.files import exists, is_folder, kind_of, real_path, status
from retraind.system.mounts import mount_of, present_mounts
from retraind.system.service.units import UNIT, read_unit

USER = "retraind"
_DROPIN = "config.conf"
_TIMER = "retraind-backup.timer"
_STATE = Path("/var/lib/retraind")
_STICKY_AND_SHARED = 0o3770


@dataclass
class Plan:
    """What is to be done, in this order, and what somebody should know of it."""

    steps: list[Step] = field(default_factory=list)
    notes: list[Problem] = field(default_factory=list)


class Written(NamedTuple):
    """The configuration as it is on the disk."""

    file: Path
    there: bool
    text: str
    tables: Mapping[str, Any]

    @property
    def models(self) -> Mapping[str, Mapping[str, Any]]:
        """The models' tables."""
        models = self.tables.get("models")
        return models if isinstance(models, dict) else {}


def read_config(named: Path | None) -> Written:
    """Read the configuration that is to be edited, without checking it. Raises ConfigError."""
    file = real_path(named or SYSTEM_CONFIG)
    try:
        there = exists(file, follow=True)
    except OSError:
        there = True  # Reading it reports the reason.
    return Written(file, True, *read_unchecked(file)) if there else Written(file, False, "", {})


def to_add(wishes: Wishes, config: Written, machine: Machine, key: Callable[[], str]) -> Plan:
    """Return what sets a model up. `key` asks for its key, if none is there and none was given."""
    plan = Plan()
    if not isinstance(config.tables.get("models", {}), dict):
        _checked(config.text, config)
    present = config.models.get(wishes.model)
    if present is not None:
        _refuse_other(wishes, present)
    credential = wishes.model if present is None else present.get("credential")
    if credential is None and wishes.key is not None:
        raise Refused(problem("setup_key_elsewhere", model=wishes.model), USAGE)
    text = _with_wishes(wishes, config)
    settings = _checked(text, config)
    drop = real_path(settings.models[wishes.model].drop)
    user = read_unit().user or USER
    plan.steps += _accounts(user, wishes, drop, machine)
    plan.steps += _folders(user, config, machine)
    plan.steps += _drop_folder(user, wishes, drop, machine, plan.notes)
    keys = [] if credential is None else list(_key(machine.keys / credential, wishes.key, machine, key))
    plan.steps += keys
    plan.steps += _dropin(settings, config.file, machine, [step.path for step in keys])
    plan.steps += _configuration(text, config, user)
    plan.steps += _service(plan.steps, wishes, config, machine)
    if wishes.start and config.file != real_path(SYSTEM_CONFIG):
        plan.notes.append(problem("setup_other_config", file=config.file, usual=SYSTEM_CONFIG, unit=UNIT))
    return plan


def to_remove(model: str, config: Written, machine: Machine, *, start: bool) -> Plan:
    """Return what takes a model out of the configuration; its folders and its key stay."""
    if model not in config.models:
        raise Refused(problem("model_unknown", name=model, known=sorted(config.models)), USAGE)
    table = config.models[model]
    text = _edited(config, lambda: config_text.without_model(config.text, model))
    user = read_unit().user or USER
    key = machine.keys / str(table.get("credential", ""))
    plan = Plan(notes=[problem("setup_left", model=model, path=Path(str(table.get("drop"))))])
    if table.get("credential") and kind_of(key) is not None:
        plan.notes.append(problem("setup_key_left", path=key))
    runs = machine.unit(UNIT).get("ActiveState") in {"active", "activating", "reloading"}
    last = len(config.models) == 1
    if last and start:
        plan.steps.append(Command(("systemctl", "disable", "--now", UNIT, _TIMER)))
    if last or not runs:
        # A service that runs says so itself when it is reloaded.
        words = ("retraind", "-c", str(config.file), "farewell", model)
        plan.steps.append(Command(words, optional=True))
    # The configuration first: a drop-in that passes a key too many does no harm.
    settings = None if last else _checked(text, config)
    plan.steps += _configuration(text, config, user)
    if settings is not None:
        plan.steps += _dropin(settings, config.file, machine, [])
    elif kind_of(_dropin_file(machine)) is not None:
        plan.steps.append(Gone(_dropin_file(machine)))
    if start:
        plan.steps.append(Command(("systemctl", "daemon-reload")))
        if runs and not last:
            plan.steps.append(Command(("systemctl", "reload", UNIT)))
    return plan


def _refuse_other(wishes: Wishes, present: Mapping[str, Any]) -> None:
    """Refuse to change what a person has written for a model."""
    asked = {"drop": str(wishes.drop), "mode": wishes.mode, "switch": wishes.switch}
    defaults = {"mode": "pair", "switch": "manual"}
    for setting, wished in asked.items():
        found = present.get(setting, defaults.get(setting))
        if setting == "drop":
            found = str(Path(str(found)))
        if wished is not None and found != wished:
            raise Refused(
                problem("setup_model_differs", model=wishes.model, setting=setting, present=str(found)), USAGE
            )


def _with_wishes(wishes: Wishes, config: Written) -> str:
    """Return the text of the configuration with the model and the edition in it."""
    text = config.text
    url = None if wishes.edition is None else EDITIONS[wishes.edition]
    default = str(ApiSettings.model_fields["base_url"].default).rstrip("/")
    api = config.tables.get("api")
    found = api.get("base_url") if isinstance(api, dict) else None
    if wishes.edition is not None and str(found or default).rstrip("/") != (url or default):
        if found is not None:
            raise Refused(problem("setup_edition_differs", address=str(found)), USAGE)
        text = _edited(config, lambda: config_text.with_base_url(config.text, url or default))
    if wishes.model in config.models:
        return text
    table = {"drop": str(wishes.drop), "credential": wishes.model}
    table |= {"mode": wishes.mode} if wishes.mode != "pair" else {}
    table |= {"switch": wishes.switch} if wishes.switch else {}
    return _edited(config, lambda: config_text.with_model(text, wishes.model, table))


def _edited(config: Written, edit: Callable[[], str]) -> str:
    try:
        return edit()
    except config_text.NotEditable as error:
        raise Refused(problem("setup_config_not_editable", file=config.file, text=str(error))) from None


def _checked(text: str, config: Written) -> Settings:
    """Return the settings of a text that is not in its place yet. Raises ConfigError for every mistake in it.

    Folders that are missing now are none.
    """
    with tempfile.TemporaryDirectory(prefix="retraind-") as folder:
        draft = Path(folder) / config.file.name
        draft.touch(0o600)
        draft.write_bytes(text.encode())
        try:
            loaded = load_each(draft)
        except ConfigError as error:
            raise ConfigError([_in_place(each, config.file) for each in error.problems]) from None
    if loaded.refused:
        refused = [each for found in loaded.refused.values() for each in found]
        raise ConfigError([_in_place(each, config.file) for each in refused])
    return loaded.settings


def _in_place(mistake: Problem, file: Path) -> Problem:
    return mistake.but(file=file) if "file" in mistake.facts else mistake


def _accounts(user: str, wishes: Wishes, drop: Path, machine: Machine) -> Iterator[Step]:
    """Yield what creates the service's user, and the group of those who deliver."""
    if machine.user(user) is None:
        words = ("useradd", "--system", "--user-group", "--home-dir", str(_STATE))
        yield Command((*words, "--shell", "/usr/sbin/nologin", user))
    group = _group(wishes, drop)
    if group is None:
        return
    if machine.group(group) is None:
        yield Command(("groupadd", "--system", group))
    elif machine.user(user) is not None and machine.is_member(user, group):
        return
    if group != user:
        yield Command(("usermod", "--append", "--groups", group, user))


def _group(wishes: Wishes, drop: Path) -> str | None:
    return wishes.group or (GROUP if _kind(drop) is None else None)


def _kind(path: Path) -> int | None:
    try:
        return kind_of(path, follow=True)
    except OSError as error:
        raise Refused(file_problem(error, path)) from None


def _folders(user: str, config: Written, machine: Machine) -> Iterator[Step]:
    for path, group, mode in ((config.file.parent, user, 0o750), (machine.keys, "root", 0o700)):
        if _kind(path) is None:
            yield Folder(path, "root", group, mode)
        elif not is_folder(path, follow=True):
            raise Refused(problem("setup_not_a_folder", path=path))


def _drop_folder(
    user: str, wishes: Wishes, drop: Path, machine: Machine, notes: list[Problem]
) -> Iterator[Step]:
    group = _group(wishes, drop)
    _refuse_files_on_the_way(drop)
    if _kind(drop) is None:
        yield Folder(drop, user, group or GROUP, _STICKY_AND_SHARED)
        return
    found = status(drop, follow=True)
    mount = mount_of(drop, present_mounts())
    elsewhere = mount is not None and (mount.is_remote or mount.point == drop)
    own = found.st_uid == machine.user(user)
    # A kill between the creation of a folder and its rights leaves one of root's with nothing in it.
    if elsewhere or not (own or (not found.st_uid and not any(drop.iterdir()))):
        notes.append(
            problem("setup_folder_left", path=drop, user=user, mode=f"{stat.S_IMODE(found.st_mode):o}")
        )
        return
    wanted = machine.group(group) if group else found.st_gid
    if (own, stat.S_IMODE(found.st_mode), found.st_gid) != (True, _STICKY_AND_SHARED, wanted):
        yield Folder(drop, user, group or found.st_gid, _STICKY_AND_SHARED)


def _refuse_files_on_the_way(folder: Path) -> None:
    for path in (folder, *folder.parents):
        if (kind := _kind(path)) is not None:
            if kind != stat.S_IFDIR:
                raise Refused(problem("setup_not_a_folder", path=path))
            return


def _key(path: Path, given: str | None, machine: Machine, ask: Callable[[], str]) -> Iterator[File]:
    """Yield what puts the key in its place; one that is there stays, if no other was given."""
    try:
        there = kind_of(path)
        if there not in {None, stat.S_IFREG}:
            raise Refused(problem("setup_not_a_file", path=path))
        encrypted = kind_of(path.with_name(f"{path.name}.cred")) is not None
        if given is None and there is None and not encrypted:
            given = ask()
        if given is None:
            return
        content = f"{given}\n".encode()
        if there == stat.S_IFREG:
            found = path.stat()
            mine = (found.st_uid, stat.S_IMODE(found.st_mode)) == (machine.user("root"), 0o600)
            if mine and path.read_bytes() == content:
                return
    except OSError as error:
        raise Refused(file_problem(error, path)) from None
    yield File(path, content, "root", "root", 0o600, secret=True)


def _dropin_file(machine: Machine) -> Path:
    return machine.units / f"{UNIT}.d" / _DROPIN


def _dropin(settings: Settings, config: Path, machine: Machine, coming: list[Path]) -> Iterator[Step]:
    path = _dropin_file(machine)
    try:
        before = path.read_text("utf-8")
    except FileNotFoundError:
        before = None
    except OSError as error:
        raise Refused(file_problem(error, path)) from None
    optional = before is not None and "\nWants=" in before
    keys = dropin.passed_keys(settings, machine.keys, dict(read_unit().credentials), coming)
    text = "\n".join([*dropin.lines(settings, config, keys, optional_mounts=optional), ""])
    if text == before:
        return
    if _kind(path.parent) is None:
        yield Folder(path.parent, "root", "root", 0o755)
    yield File(path, text.encode(), "root", "root", 0o644, before)


def _configuration(text: str, config: Written, user: str) -> Iterator[Step]:
    if text == config.text and config.there:
        return
    secrets = tuple(secret_values(config.tables))
    if not config.there:
        yield File(config.file, text.encode(), "root", user, 0o640, hidden=secrets)
        return
    found = config.file.stat()
    rights = found.st_uid, found.st_gid, stat.S_IMODE(found.st_mode)
    yield File(config.file, text.encode(), *rights, before=config.text, hidden=secrets)


def _service(steps: list[Step], wishes: Wishes, config: Written, machine: Machine) -> Iterator[Step]:
    """Yield what lets systemd take it over."""
    if not wishes.start:
        return
    unit = machine.unit(UNIT)
    if unit.get("LoadState") != "loaded":
        raise Refused(problem("setup_unit_missing", unit=UNIT))
    if unit.get("NeedDaemonReload") == "yes" or any(
        isinstance(step, File) and step.path == _dropin_file(machine) for step in steps
    ):
        yield Command(("systemctl", "daemon-reload"))
    if unit.get("UnitFileState") != "enabled":
        yield Command(("systemctl", "enable", UNIT))
    if steps or unit.get("ActiveState") != "active" or _is_newer(unit, [config.file, _dropin_file(machine)]):
        yield Command(("systemctl", "restart", UNIT))
    timer = machine.unit(_TIMER)
    if (
        wishes.backup
        and timer.get("LoadState") == "loaded"
        and (timer.get("UnitFileState") != "enabled" or timer.get("ActiveState") != "active")
    ):
        yield Command(("systemctl", "enable", "--now", _TIMER))


def _is_newer(unit: Mapping[str, str], files: list[Path]) -> bool:
    """Return whether something was written since the service was started: a set-up was killed in between."""
    started = unit.get("ActiveEnterTimestamp", "").removeprefix("@")
    written = [path.stat().st_ctime for path in files if os.access(path, os.F_OK)]
    return started.isdigit() and any(time > int(started) + 1 for time in written)
