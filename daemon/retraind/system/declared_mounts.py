"""Folders that should be mounts: what /etc/fstab and systemd's units say, beside what is mounted now.

Nothing here touches a share: files of the system and the mount table say all of it.
"""

import os
import time
from collections.abc import Iterable, Iterator, Mapping
from functools import lru_cache
from pathlib import Path

from retraind.system.mounts import MOST_LINKS, TABLE, Mount, may_hang, plain

FSTAB = Path("/etc/fstab")
UNITS = (
    Path("/etc/systemd/system"),
    Path("/run/systemd/system"),
    Path("/run/systemd/generator"),
    Path("/usr/local/lib/systemd/system"),
)
"""Where an administrator's units are. Those that the system ships, such as tmp.mount, are only offers."""
_TRUSTED_FOR = 0.02
"""Seconds for which it is not asked again whether these have changed: a start asks for each new folder."""


def missing_mount(folder: Path) -> Path | None:
    """Return where something should be mounted that leads to `folder`, and is not; None where all is there.

    Follows links, but not on what may hang.
    """
    declared = declared_mounts()
    return _missing(folder, declared, TABLE.now().on_top) if declared else None


def declared_mounts() -> frozenset[str]:
    """Return the folders that fstab(5), systemd.mount(5) or systemd.automount(5) say are mounts."""
    return _declared_lately(FSTAB, UNITS, int(time.monotonic() / _TRUSTED_FOR))


@lru_cache(maxsize=1)
def _declared_lately(table: Path, units: tuple[Path, ...], _moment: int) -> frozenset[str]:
    return _declared(table, units, _changed_at(table, *units))


def _changed_at(*paths: Path) -> tuple[int | None, ...]:
    found: list[int | None] = []
    for path in paths:
        try:
            found.append(os.stat(path).st_mtime_ns)  # noqa: PTH116 - for each of a thousand new folders
        except OSError:
            found.append(None)
    return tuple(found)


@lru_cache(maxsize=1)
def _declared(table: Path, units: tuple[Path, ...], _changed: tuple[int | None, ...]) -> frozenset[str]:
    """Return the same as long as nothing has changed: a start asks for each of a thousand new folders."""
    found = set(_in_fstab(_text(table)))
    for folder in units:
        for unit in (*folder.glob("*.mount"), *folder.glob("*.automount")):
            found.update(_in_unit(_text(unit)))
    return frozenset(found - {"/"})


def _text(file: Path) -> str:
    """Return a file's text; nothing where it is missing or this user may not read it."""
    try:
        return file.read_text("utf-8", "surrogateescape")
    except (FileNotFoundError, PermissionError):
        return ""


def _in_fstab(text: str) -> Iterator[str]:
    for line in text.splitlines():
        match line.split():
            case [source, point, kind, *_] if not source.startswith("#") and kind != "swap":
                if point.startswith("/"):
                    yield os.path.normpath(plain(point))


def _in_unit(text: str) -> Iterator[str]:
    for line in text.splitlines():
        key, _, value = line.partition("=")
        if key.strip() == "Where" and value.strip().startswith("/"):
            yield os.path.normpath(value.strip().replace("%%", "%"))


def _missing(folder: Path, declared: Iterable[str], mounted: Mapping[str, Mount]) -> Path | None:
    here, names, links = "/", list(folder.parts[:0:-1]), 0
    under = mounted.get("/")
    while names:
        above, here = here, os.path.join(here, names.pop())  # noqa: PTH118 - strings, as in the table
        mount = mounted.get(here)
        if here in declared and (mount is None or _is_the_folder_itself(mount, under, above, here, mounted)):
            return Path(here)
        under = mount or under
        if under is not None and may_hang(under.kind):
            continue
        try:
            target = os.readlink(here)  # noqa: PTH115
        except OSError:
            continue  # It is an ordinary folder, or whoever uses it reports the reason.
        links += 1
        if links > MOST_LINKS:
            return None
        # The whole way again, from the root: what lies there may be on other mounts.
        path = os.path.normpath(os.path.join(above, target, *reversed(names)))  # noqa: PTH118
        here, names, under = "/", path.split("/")[:0:-1], mounted.get("/")
    return None


def _is_the_folder_itself(
    mount: Mount, under: Mount | None, above: str, here: str, mounted: Mapping[str, Mount]
) -> bool:
    """Return whether a mount shows the folder that it lies on, and nothing else.

    `ReadWritePaths=` makes such mounts, of folders on which nothing is mounted.
    """
    if under is None or mount.device != under.device:
        return False
    point = above
    while point not in mounted and point != "/":
        point = os.path.dirname(point)  # noqa: PTH120
    inner = os.path.relpath(here, point)
    return mount.root == os.path.normpath(os.path.join(under.root, inner))  # noqa: PTH118
