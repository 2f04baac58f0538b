"""What a systemd unit hides from this process, as the mount table and the kernel show it."""

import os
from collections.abc import Mapping, Sequence
from enum import StrEnum
from pathlib import Path
from typing import NamedTuple

from retraind.system.files import is_allowed, is_mounted_read_only, status
from retraind.system.mounts import Mount, mount_of
from retraind.system.service.units import is_unit

_HOMES = tuple(map(Path, ("/home", "/root", "/run/user")))
_TEMPORARY = tuple(map(Path, ("/tmp", "/var/tmp")))  # noqa: S108 - asked about, not used
_PRIVATE_TMP = "systemd-private-"
_INACCESSIBLE = "/inaccessible/"
"""In systemd's folder for what it puts in the place of what is out of reach."""
_SYSTEM = tuple(map(Path, ("/usr", "/etc", "/")))


class Kind(StrEnum):
    """How something is out of reach."""

    READ_ONLY = "read_only"
    HIDDEN = "hidden"
    DENIED = "denied"


class Obstacle(NamedTuple):
    """Why a path cannot be used."""

    kind: Kind
    directive: str | None = None
    """The unit's directive that is the reason; None where something else is."""


def obstacle(path: Path, table: Sequence[Mount], *, write: bool) -> Obstacle | None:
    """Return what keeps this process from a path; None where nothing does, or it does not exist.

    Of a folder that does not exist yet, the one counts in which it would be made. Touches the path. Raises
    OSError where it cannot be told.
    """
    try:
        status(path, follow=True)
    except (PermissionError, FileNotFoundError) as error:
        if hidden := hidden_by(path, table):
            return Obstacle(Kind.HIDDEN, hidden)
        if isinstance(error, PermissionError):
            return Obstacle(Kind.DENIED)
        return obstacle(path.parent, table, write=True) if write else None
    if write and is_mounted_read_only(path):
        return Obstacle(Kind.READ_ONLY, "ReadWritePaths" if _read_only_here(path, table) else None)
    wanted = os.R_OK | (os.W_OK | os.X_OK if write else 0)
    return None if is_allowed(path, wanted) else Obstacle(Kind.DENIED)


def hidden_by(path: Path, table: Sequence[Mount]) -> str | None:
    """Return the directive that hides what is at `path`, if one does."""
    mount = mount_of(path, table)
    if mount is None or not is_unit():
        return None
    if mount.point in _HOMES and (_INACCESSIBLE in mount.root or mount.kind == "tmpfs"):
        return "ProtectHome"
    if mount.point in _TEMPORARY and (_PRIVATE_TMP in mount.root or mount.root == "/tmp"):  # noqa: S108
        return "PrivateTmp"
    return "InaccessiblePaths" if _INACCESSIBLE in mount.root else None


def _read_only_here(path: Path, table: Sequence[Mount]) -> bool:
    """Return whether a path is read-only for this unit, on a file system that can be written."""
    mount = mount_of(path, table)
    return is_unit() and mount is not None and mount.read_only and not mount.file_system_read_only


def sandbox(table: Sequence[Mount], status: str, hidden_gid: int | None) -> Mapping[str, str]:
    """Return the unit's directives that can be noticed, with their values; nothing outside a unit.

    `status` is /proc/self/status, `hidden_gid` the group that other groups are shown as, if they are.
    """
    if not is_unit():
        return {}
    found: dict[str, str] = {}
    sealed = [(mount := mount_of(each, table)) is not None and mount.read_only for each in _SYSTEM]
    if any(sealed):
        found["ProtectSystem"] = "strict" if sealed[2] else "full" if sealed[1] else "true"
    home = mount_of(_HOMES[0], table)
    if home is not None and home.point == _HOMES[0]:
        if _INACCESSIBLE in home.root:
            found["ProtectHome"] = "true"
        elif home.read_only:
            found["ProtectHome"] = "tmpfs" if home.kind == "tmpfs" else "read-only"
    temporary = mount_of(_TEMPORARY[0], table)
    if temporary is not None and _PRIVATE_TMP in temporary.root:
        found["PrivateTmp"] = "true"
    if hidden_gid is not None:
        found["PrivateUsers"] = "true"
    lines = dict(line.split(":\t", 1) for line in status.splitlines() if ":\t" in line)
    if lines.get("NoNewPrivs") == "1":
        found["NoNewPrivileges"] = "true"
    if lines.get("Seccomp") == "2":
        found["SystemCallFilter"] = "set"
    return found
