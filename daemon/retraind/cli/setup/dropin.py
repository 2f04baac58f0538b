"""`systemd-dropin`: the part of the unit that depends on the configuration: folders, mounts and keys.

The shipped unit sees every file system read-only, knows no share and passes no key: systemd.unit(5),
systemd.exec(5).
"""

import argparse
import os
import string
from collections.abc import Collection, Iterator, Mapping, Sequence
from pathlib import Path

from retraind.cli.output import BAD, GOOD, USAGE, Refused, print_problem, print_text
from retraind.config.load import load_to_look
from retraind.config.settings import ModelSettings, Settings
from retraind.domain.problems import Problem, problem
from retraind.report.wording import Voice
from retraind.system.files import exists

_HOMES = (Path("/home"), Path("/root"), Path("/run/user"))
"""What `ProtectHome=` hides."""
_TEMPORARY = (Path("/tmp"), Path("/var/tmp"))  # noqa: S108 - they are only compared with
"""What `PrivateTmp=` replaces."""
_ENCRYPTED = ".cred"
"""How the name of a key ends that `systemd-creds encrypt` has written."""
_UNIT_CHARACTERS = frozenset(string.ascii_letters + string.digits + ":_.")
_NEEDS_QUOTES = frozenset(" \t\"'")


def systemd_dropin(options: argparse.Namespace) -> int:
    """Print a drop-in for the unit, made from the configuration."""
    loaded = load_to_look(options.config)
    told = dict(map(_told, options.key or ()))
    keys, missing = _keys(loaded.settings, told, options.keys)
    for line in lines(loaded.settings, loaded.file, keys, optional_mounts=options.optional_mounts):
        print_text(line)
    for each in missing:
        print_text(f"#LoadCredential={each.facts['credential']}:…")
        print_problem(each)
    return BAD if missing else GOOD


def lines(
    settings: Settings, file: Path, keys: Mapping[str, Path], *, optional_mounts: bool
) -> Iterator[str]:
    """Return the lines of the drop-in; `keys` has the file of each credential of the configuration `file`."""
    yield Voice().label("dropin_head", file=file.absolute())
    yield from _lines(settings, keys, optional_mounts=optional_mounts)


def passed_keys(
    settings: Settings, folder: Path, before: Mapping[str, Path], coming: Collection[Path]
) -> dict[str, Path]:
    """Return the file of each credential that is there, or among `coming`; `before` is where they were."""
    there = {name: path for name, path in before.items() if not _is_missing(path)}
    there |= {path.name: path for path in coming}
    return _keys(settings, there, folder, coming)[0]


def _told(text: str) -> tuple[str, Path]:
    name, separator, file = text.partition("=")
    if not separator or not Path(file).is_absolute():
        raise Refused(problem("dropin_key_malformed", text=text), USAGE)
    return name, Path(file)


def _keys(
    settings: Settings, told: Mapping[str, Path], folder: Path | None, coming: Collection[Path] = ()
) -> tuple[dict[str, Path], list[Problem]]:
    """Return the file of each credential, and what is wrong with the others.

    A file that does not exist must not be named: the service could not start, for any model.
    """
    keys, missing = {}, []
    for name, model in settings.models.items():
        credential = model.credential or model.secret_credential
        if credential is None:
            continue
        file = told.get(credential)
        if file is None and folder is not None:
            plain = folder.absolute() / credential
            encrypted = plain.with_name(plain.name + _ENCRYPTED)
            file = encrypted if _is_missing(plain) and not _is_missing(encrypted) else plain
        if file is None or (file not in coming and _is_missing(file)):
            missing.append(problem("dropin_key_missing", model=name, credential=credential, path=file))
        else:
            keys[credential] = file
    return keys, missing


def _is_missing(file: Path) -> bool:
    try:
        return not exists(file, follow=True)
    except PermissionError:
        return False  # Only root may look into the folder, and systemd is root.


def _lines(settings: Settings, keys: Mapping[str, Path], *, optional_mounts: bool) -> Iterator[str]:
    """Return the drop-in. One line for each folder, so that a difference shows what has changed."""
    written, needed = _written(settings), _needed(settings)
    yield "[Unit]"
    for folder in needed:
        if optional_mounts:
            units = " ".join(_mount_units(folder))
            yield f"Wants={units}"
            yield f"After={units}"
        else:
            yield f"RequiresMountsFor={_quoted(folder)}"
    yield ""
    yield "[Service]"
    for folder in written:
        if not any(folder.is_relative_to(other) for other in written if other != folder):
            # The service also starts where the folder is missing, for the other models.
            yield f"ReadWritePaths={_quoted(folder, '-')}"
    if any(_is_below(path, _HOMES) for path in (*written, *_read(settings))):
        yield "ProtectHome=read-only"
    if any(_is_below(path, _TEMPORARY) for path in (*written, *_read(settings))):
        yield "PrivateTmp=false"
    for credential, file in keys.items():
        directive = "LoadCredentialEncrypted" if file.name.endswith(_ENCRYPTED) else "LoadCredential"
        yield f"{directive}={credential}:{_plain(file)}"


def _written(settings: Settings) -> list[Path]:
    """Return the folders that retraind writes to, besides the service's own state folder."""
    found = dict.fromkeys(
        folder
        for model in settings.models.values()
        for folder in (model.drop, model.done_folder, model.failed_folder)
    )
    found |= dict.fromkeys(_state_folders(settings))
    if settings.metrics.textfile is not None:
        found[settings.metrics.textfile.parent] = None
    return list(found)


def _state_folders(settings: Settings) -> Iterator[Path]:
    """Return where the state is, if the configuration says so: by default it is where systemd says."""
    state = settings.state
    if "url" in state.model_fields_set:
        yield state.journal_file.parent
    if "spool" in state.model_fields_set:
        yield state.spool


def _needed(settings: Settings) -> list[Path]:
    """Return the folders that may be mounts: what must be there before the service starts."""
    found: dict[Path, None] = {}
    for model in settings.models.values():
        folders = [model.drop, *_arriving(model)]
        filed = (model.done_folder, model.failed_folder)
        folders += [folder for folder in filed if folder.parent != model.drop]
        found |= dict.fromkeys(folders)
    return list(found | dict.fromkeys(_state_folders(settings)))


def _arriving(model: ModelSettings) -> Iterator[Path]:
    """Return the folders in the drop folder that files arrive in: each may be a mount."""
    for pattern in (model.train, model.eval):
        folder, separator, _ = pattern.partition("/")
        if separator and not set("*{}").intersection(folder):
            yield model.drop / folder


def _read(settings: Settings) -> Iterator[Path]:
    """Return what is only read."""
    if settings.api.ca_bundle:
        yield settings.api.ca_bundle
    for model in settings.models.values():
        yield from filter(None, (model.api_key_file, model.secret_key_file))
        yield from (Path(word) for word in model.gate or () if Path(word).is_absolute())


def _is_below(path: Path, folders: Sequence[Path]) -> bool:
    return any(path.is_relative_to(folder) for folder in folders)


def _mount_units(folder: Path) -> Iterator[str]:
    """Return the units of all mounts that may be on the way to a folder; systemd ignores missing ones."""
    for path in (*reversed(folder.parents), folder):
        if path != path.parent:
            yield f"{_escaped(path)}.mount"


def _escaped(path: Path) -> str:
    """Return a path as a unit's name: systemd-escape(1)."""
    found = ""
    for part in path.parts[1:]:
        found += "-" if found else ""
        for byte in os.fsencode(part):
            char = chr(byte)
            plain = char in _UNIT_CHARACTERS and not (char == "." and not found)
            found += char if plain else f"\\x{byte:02x}"
    return found


def _plain(path: Path) -> str:
    """Return a path without systemd's specifiers. Raises Refused for one that no line can name."""
    text = str(path)
    if not text.isprintable():
        raise Refused(problem("dropin_path_unwritable", path=path), USAGE)
    return text.replace("%", "%%")


def _quoted(path: Path, prefix: str = "") -> str:
    """Return a path as an entry of a list that is separated by spaces."""
    text = prefix + _plain(path).replace("\\", "\\\\").replace('"', '\\"')
    return f'"{text}"' if _NEEDS_QUOTES.intersection(text) else text
