"""Which file systems tell of changes: read from the mount table, since inotify stays silent on network shares."""

import re
from collections.abc import Iterable
from pathlib import Path

MOUNT_TABLE = Path("/proc/self/mountinfo")

_NETWORK = frozenset(
    "9p afpfs afs beegfs ceph cifs coda davfs drvfs fhgfs glusterfs gpfs lustre ncpfs nfs nfs4 ocfs2 pvfs2 smb2 smb3 "
    "smbfs vboxsf virtiofs vmhgfs".split()
)
"""Types whose changes may be made by another machine, of which this kernel does not hear."""


def mounts(table: str) -> list[tuple[Path, str]]:
    """Parse a mount table in the form of /proc/self/mountinfo into (mount point, type), in mounting order."""
    found = []
    for line in table.splitlines():
        before, separator, after = line.partition(" - ")
        fields = before.split(" ")
        if separator and len(fields) > 4:  # noqa: PLR2004 - the mount point is the fifth field: proc(5)
            point = re.sub(r"\\([0-7]{3})", lambda octal: chr(int(octal[1], 8)), fields[4])
            found.append((Path(point), after.split(" ")[0]))
    return found


def type_of(path: Path, table: Iterable[tuple[Path, str]]) -> str | None:
    """Return the type of the file system that `path` is on; later mounts cover earlier ones."""
    path = path.resolve()
    best: tuple[int, str] | None = None
    for point, kind in table:
        depth = len(point.parts)
        if path.is_relative_to(point) and (best is None or depth >= best[0]):
            best = (depth, kind)
    return best[1] if best else None


def tells_of_changes(path: Path, table: Iterable[tuple[Path, str]]) -> bool:
    """Tell whether inotify hears of every change below `path`. FUSE may be anything, so it counts as a network."""
    kind = type_of(path, table)
    return kind is not None and kind not in _NETWORK and not kind.startswith("fuse")
