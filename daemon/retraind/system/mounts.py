"""What the mount table shows of file systems: on some inotify is silent, some make up owners and rights."""

import os
import re
from collections.abc import Iterable
from pathlib import Path
from typing import NamedTuple

MOUNT_TABLE = Path("/proc/self/mountinfo")

_NETWORK = frozenset(
    {
        "9p", "afpfs", "afs", "autofs", "beegfs", "ceph", "cifs", "coda", "davfs", "drvfs", "fhgfs",
        "gfs2", "glusterfs", "gpfs", "lustre", "ncpfs", "nfs", "nfs4", "ocfs2", "orangefs",
        "prl_fs", "pvfs2", "smb2", "smb3", "smbfs", "vboxsf", "virtiofs", "vmhgfs",
    }
)  # fmt: skip
"""Types whose files may be changed by another machine, which this kernel does not notice."""

_RIGHTS_MADE_UP = frozenset(
    {
        "9p", "afpfs", "cifs", "davfs", "drvfs", "exfat", "hfs", "hfsplus", "hpfs", "iso9660",
        "msdos", "ncpfs", "ntfs", "ntfs3", "prl_fs", "smb2", "smb3", "smbfs", "udf", "umsdos",
        "vboxsf", "vfat", "vmhgfs",
    }
)  # fmt: skip
"""Types that may show the owner and rights of the mount's options, whoever created a file."""


class Mount(NamedTuple):
    """One line of the mount table: proc(5)."""

    number: str
    parent: str
    """The number of the mount that this one lies on."""
    point: Path
    kind: str
    """The type of the file system."""
    root: str = "/"
    """Which folder of the file system is mounted."""
    read_only: bool = False
    """Whether this mount is."""
    file_system_read_only: bool = False
    """Whether the file system is, wherever it is mounted."""


def may_hang(kind: str) -> bool:
    """Return whether a type of file system is a network's, or a process's (FUSE)."""
    return kind in _NETWORK or kind.startswith("fuse")


def mounts(table: str) -> list[Mount]:
    """Parse a mount table in the form of /proc/self/mountinfo; lines of another form are ignored."""
    found = []
    for line in table.split("\n"):
        before, separator, after = line.partition(" - ")
        match before.split(" "):
            case [number, parent, _, root, point, options, *_] if separator:
                kind, *more = after.split(" ")
                here, everywhere = ("ro" in each.split(",") for each in (options, (more or [""])[-1]))
                found.append(Mount(number, parent, Path(_plain(point)), kind, _plain(root), here, everywhere))
    return found


def _plain(escaped: str) -> str:
    return re.sub(r"\\([0-7]{3})", lambda octal: chr(int(octal[1], 8)), escaped)


def present_mounts() -> list[Mount]:
    """Return what is mounted now; nothing where the system does not show it. Touches none of it."""
    try:
        return mounts(MOUNT_TABLE.read_text(errors="surrogateescape"))
    except FileNotFoundError:
        return []


def type_of(path: Path, table: Iterable[Mount]) -> str | None:
    """Return the type of the file system that `path` is on, None where the table does not show it."""
    mount = mount_of(path, table)
    return mount.kind if mount else None


def mount_of(path: Path, table: Iterable[Mount]) -> Mount | None:
    """Return the mount that `path` is on, None where the table does not show it.

    Follows the mounts as the kernel does, each to the one on top of it: what a later mount covers is not
    reached.
    """
    path = path.resolve()
    met = [mount for mount in table if path.is_relative_to(mount.point)]
    numbers = {mount.number for mount in met}
    here = next((mount for mount in met if mount.parent == mount.number or mount.parent not in numbers), None)
    found = None
    while here is not None:
        found = here
        met.remove(here)
        on_it = [mount for mount in met if mount.parent == here.number]
        here = min(on_it, key=lambda mount: len(mount.point.parts), default=None)
    return found


def type_of_device(device: int) -> str | None:
    """Return the type of the file system with a device number (st_dev), None where the table lacks it.

    Touches no file system.
    """
    number = f"{os.major(device)}:{os.minor(device)}"
    try:
        table = MOUNT_TABLE.read_text(errors="surrogateescape")
    except FileNotFoundError:
        return None
    for line in table.split("\n"):
        before, separator, after = line.partition(" - ")
        if separator and before.split(" ")[2] == number:
            return after.split(" ")[0]
    return None


def tells_of_changes(path: Path, table: Iterable[Mount]) -> bool:
    """Return whether inotify reports all changes below `path`. FUSE counts as a network."""
    kind = type_of(path, table)
    return kind is not None and not may_hang(kind)


def makes_rights_up(path: Path, table: Iterable[Mount]) -> str | None:
    """Return the type of `path`'s file system if it may make up owners and rights; None where they are real.

    FUSE may be anything. What the table does not show counts as an ordinary disk.
    """
    kind = type_of(path, table)
    return kind if kind is not None and (kind in _RIGHTS_MADE_UP or kind.startswith("fuse")) else None
