"""What file systems are like, read from the mount table: inotify stays silent on some, and some make owners and rights up."""

import re
from collections.abc import Iterable
from pathlib import Path
from typing import NamedTuple

MOUNT_TABLE = Path("/proc/self/mountinfo")

_NETWORK = frozenset(
    {
        *(
            "9p",
            "afpfs",
            "afs",
            "autofs",
            "beegfs",
            "ceph",
            "cifs",
            "coda",
            "davfs",
            "drvfs",
            "fhgfs",
            "gfs2",
        ),
        *(
            "glusterfs",
            "gpfs",
            "lustre",
            "ncpfs",
            "nfs",
            "nfs4",
            "ocfs2",
            "orangefs",
            "prl_fs",
            "pvfs2",
            "smb2",
        ),
        *("smb3", "smbfs", "vboxsf", "virtiofs", "vmhgfs"),
    }
)
"""Types whose changes may be made by another machine, of which this kernel does not hear."""

_RIGHTS_MADE_UP = frozenset(
    {
        *(
            "9p",
            "afpfs",
            "cifs",
            "davfs",
            "drvfs",
            "exfat",
            "hfs",
            "hfsplus",
            "hpfs",
            "iso9660",
            "msdos",
            "ncpfs",
        ),
        *("ntfs", "ntfs3", "prl_fs", "smb2", "smb3", "smbfs", "udf", "umsdos", "vboxsf", "vfat", "vmhgfs"),
    }
)
"""Types that may show the owner and the rights that the mount's options name, whoever made a file."""


class Mount(NamedTuple):
    """One line of the mount table: proc(5)."""

    number: str
    parent: str
    """The number of the mount that this one lies on."""
    point: Path
    kind: str
    """The type of the file system."""


def mounts(table: str) -> list[Mount]:
    """Parse a mount table in the form of /proc/self/mountinfo; lines of another form are left out."""
    found = []
    for line in table.split("\n"):
        before, separator, after = line.partition(" - ")
        match before.split(" "):
            case [number, parent, _, _, point, *_] if separator:
                plain = re.sub(r"\\([0-7]{3})", lambda octal: chr(int(octal[1], 8)), point)
                found.append(Mount(number, parent, Path(plain), after.split(" ")[0]))
    return found


def present_mounts() -> list[Mount]:
    """Return what is mounted now; nothing where the system does not tell. Touches none of it."""
    try:
        return mounts(MOUNT_TABLE.read_text(errors="surrogateescape"))
    except FileNotFoundError:
        return []


def type_of(path: Path, table: Iterable[Mount]) -> str | None:
    """Return the type of the file system that `path` is on, None where the table does not tell.

    Walks as the kernel does, from mount to the mount that lies on it: what a later mount covers is not met.
    """
    path = path.resolve()
    met = [mount for mount in table if path.is_relative_to(mount.point)]
    numbers = {mount.number for mount in met}
    here = next((mount for mount in met if mount.parent == mount.number or mount.parent not in numbers), None)
    kind = None
    while here is not None:
        kind = here.kind
        met.remove(here)
        on_it = [mount for mount in met if mount.parent == here.number]
        here = min(on_it, key=lambda mount: len(mount.point.parts), default=None)
    return kind


def tells_of_changes(path: Path, table: Iterable[Mount]) -> bool:
    """Tell whether inotify hears of every change below `path`. FUSE may be anything, so it counts as a network."""
    kind = type_of(path, table)
    return kind is not None and kind not in _NETWORK and not kind.startswith("fuse")


def makes_rights_up(path: Path, table: Iterable[Mount]) -> str | None:
    """Return the type of `path`'s file system if owners and rights on it may be those of the mount; None where they are real.

    FUSE may be anything. What the table does not tell counts as an ordinary disk.
    """
    kind = type_of(path, table)
    return kind if kind is not None and (kind in _RIGHTS_MADE_UP or kind.startswith("fuse")) else None
