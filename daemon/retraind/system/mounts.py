"""What the mount table says about file systems: some deliver no inotify events, some invent owners."""

import errno
import os
import re
import select
import threading
import time
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import NamedTuple

MOUNT_TABLE = Path("/proc/self/mountinfo")
_ROOT = Path("/")
MOST_LINKS = 40
"""As in the kernel."""

_NETWORK = frozenset(
    {
        "9p", "afpfs", "afs", "autofs", "beegfs", "ceph", "cifs", "coda", "davfs", "drvfs", "fhgfs",
        "gfs2", "glusterfs", "gpfs", "lustre", "ncpfs", "nfs", "nfs4", "ocfs2", "orangefs",
        "prl_fs", "pvfs2", "smb2", "smb3", "smbfs", "vboxsf", "virtiofs", "vmhgfs",
    }
)  # fmt: skip
"""Types whose files may be changed by another machine, which this kernel does not notice."""

_OF_HOST = frozenset({"9p", "drvfs", "prl_fs", "vboxsf", "virtiofs", "vmhgfs"})
"""Of these, types that a virtual machine's host provides: they hang only when all of it does."""

_RIGHTS_MADE_UP = frozenset(
    {
        "9p", "afpfs", "cifs", "davfs", "drvfs", "exfat", "hfs", "hfsplus", "hpfs", "iso9660",
        "msdos", "ncpfs", "ntfs", "ntfs3", "prl_fs", "smb2", "smb3", "smbfs", "udf", "umsdos",
        "vboxsf", "vfat", "vmhgfs",
    }
)  # fmt: skip
"""Types that may show the owner and rights of the mount's options, whoever created a file."""


_TRUSTED_FOR = 0.02
"""Seconds for which the table is not asked for again by each call."""
_MOST_FOLLOWED = 20_000
_FOLLOWED_FOR = 1.0
"""Seconds for which links on the way to a folder count as they were: they are the operator's."""


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
    device: str = ""
    """The numbers of the file system's device: the same for all its mounts, bind mounts too."""
    source: str = ""
    """What is mounted, such as a server's export."""

    @property
    def is_remote(self) -> bool:
        """Return whether calls may wait for another machine, or another process, perhaps forever.

        What the whole system runs on is not: it runs.
        """
        return self.point != _ROOT and may_hang(self.kind)


def may_hang(kind: str) -> bool:
    """Return whether a type of file system is a network's, or a process's (FUSE)."""
    return kind in _NETWORK or kind.startswith("fuse")


def may_hang_alone(kind: str) -> bool:
    """Return whether a type of file system may hang while this machine works."""
    return may_hang(kind) and kind not in _OF_HOST


def mounts(table: str) -> list[Mount]:
    """Parse a mount table in the form of /proc/self/mountinfo; lines of another form are ignored."""
    found = []
    for line in table.split("\n"):
        before, separator, after = line.partition(" - ")
        match before.split(" "):
            case [number, parent, device, root, point, options, *_] if separator:
                kind, *more = after.split(" ")
                here, everywhere = ("ro" in each.split(",") for each in (options, (more or [""])[-1]))
                found.append(
                    Mount(
                        number, parent, Path(plain(point)), kind, plain(root), here, everywhere,
                        device, plain((more or [""])[0]),
                    )
                )  # fmt: skip
    return found


def plain(escaped: str) -> str:
    """Return a path as it is: in the mount table and in fstab, spaces are octal numbers."""
    return re.sub(r"\\([0-7]{3})", lambda octal: chr(int(octal[1], 8)), escaped)


def present_mounts() -> Sequence[Mount]:
    """Return what is mounted now; nothing where the system does not show it. Touches none of it."""
    return TABLE.now().found


def _read_mounts() -> list[Mount]:
    try:
        return mounts(MOUNT_TABLE.read_text(errors="surrogateescape"))
    except FileNotFoundError:
        return []


class Table:
    """The mounts of one moment, by their points."""

    def __init__(self, found: Sequence[Mount]) -> None:
        self.found = found
        self.on_top = {str(mount.point): mount for mount in found}
        """The last one on a point covers the others."""
        self._followed: dict[str, tuple[float, tuple[str, Mount | None]]] = {}
        """Until when, by the monotonic clock, and what."""
        self._remote = {point for point, mount in self.on_top.items() if mount.is_remote}

    @property
    def has_remote(self) -> bool:
        """Return whether there is any mount that may hang."""
        return bool(self._remote)

    def mount_of(self, path: str) -> Mount | None:
        """Return what a path without links is on."""
        while path not in self.on_top:
            if path in {"/", ""}:
                return None
            path = os.path.dirname(path)  # noqa: PTH120 - strings: for thousands of folders at each sweep
        return self.on_top[path]

    def has_remote_below(self, path: str) -> bool:
        """Return whether there is a mount that may hang somewhere below a folder."""
        return any(point.startswith(f"{path.rstrip('/')}/") for point in self._remote)

    def followed_lately(self, path: str) -> tuple[str, Mount | None]:
        """Return what `followed` returned a moment ago, if it was asked: starts ask again and again."""
        now = time.monotonic()
        known = self._followed.get(path)
        if known is not None and now < known[0]:
            return known[1]
        if len(self._followed) >= _MOST_FOLLOWED:
            self._followed.clear()
        above, _, name = path.rpartition("/")
        if not above or name in {"", ".", ".."}:
            found = self.followed(path)
        else:
            # Most paths differ in their last name alone.
            here, mount = self.followed_lately(above)
            found = self._follow(here, [name]) if mount is None else (f"{here.rstrip('/')}/{name}", mount)
        self._followed[path] = (now + _FOLLOWED_FOR, found)
        return found

    def followed(self, path: str) -> tuple[str, Mount | None]:
        """Follow the links in a path, and return where it leads with the mount that may hang there.

        The file system of that mount is not touched: links on it are not followed.
        """
        path = os.path.abspath(path)  # noqa: PTH100 - does not touch anything
        return self._follow("/", path.split("/")[:0:-1])

    def _follow(self, here: str, names: list[str]) -> tuple[str, Mount | None]:
        """Follow `names`, the last one first, from a place without links."""
        links = 0
        while names:
            name = names.pop()
            if name in {"", "."}:
                continue
            if name == "..":
                here = os.path.dirname(here)  # noqa: PTH120
                continue
            here = f"{here.rstrip('/')}/{name}"
            if here in self._remote:
                return os.path.join(here, *reversed(names)), self.on_top[here]  # noqa: PTH118
            try:
                target = os.readlink(here)  # noqa: PTH115
            except OSError as error:
                if error.errno == errno.EINVAL:
                    continue  # an ordinary folder or file
                return os.path.join(here, *reversed(names)), None  # noqa: PTH118
            links += 1
            if links > MOST_LINKS:
                return os.path.join(here, *reversed(names)), None  # noqa: PTH118
            here = "/" if target.startswith("/") else os.path.dirname(here)  # noqa: PTH120
            names += target.split("/")[::-1]
        return here, None


class MountTable:
    """What is mounted now. Reading it touches no mount, and it is read again only when it has changed."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._table: Table | None = None
        self._changes = select.poll()
        self._handle: int | None = None
        self._asked_at = -_TRUSTED_FOR
        self._outdated = False
        """True while a change was seen and could not be read."""
        self.version = 0
        """Counts the changes that were seen."""

    def lately(self) -> Table:
        """Return the present table, or that of a moment ago: each call that names a path asks for it."""
        table = self._table
        return table if table and time.monotonic() - self._asked_at < _TRUSTED_FOR else self.now()

    def now(self) -> Table:
        """Return the present table; the last known one while it cannot be read. Raises OSError at first."""
        with self._lock:
            self._asked_at = time.monotonic()
            try:
                self._outdated = self._outdated or self._has_changed()
                if self._table is None or self._outdated:
                    self._table = Table(_read_mounts())
                    self._outdated = False
                    self.version += 1
            except OSError:  # As when this process may open no more files for a while.
                if self._table is None:
                    raise
            return self._table

    def _has_changed(self) -> bool:
        """Return whether the kernel has noted a change since it was asked last: proc(5)."""
        if self._handle is None:
            try:
                self._handle = os.open(MOUNT_TABLE, os.O_RDONLY | os.O_CLOEXEC)
            except FileNotFoundError:
                return False
            self._changes.register(self._handle, select.POLLPRI)
            self._changes.poll(0)
            return True
        return bool(self._changes.poll(0))

    def forget(self) -> None:
        """Begin again, in a process that was forked: with the handle it would share what was noted."""
        self.__init__()  # type: ignore[misc]


TABLE = MountTable()
"""Of this process."""
os.register_at_fork(after_in_child=TABLE.forget)


def type_of(path: Path, table: Iterable[Mount]) -> str | None:
    """Return the type of the file system that `path` is on, None where the table does not show it."""
    mount = mount_of(path, table)
    return mount.kind if mount else None


def mount_of(path: Path, table: Iterable[Mount]) -> Mount | None:
    """Return the mount that `path` is on, None where the table does not show it.

    Follows the mounts as the kernel does, each to the one on top of it: what a later mount covers is not
    reached.
    """
    table = list(table)
    path = Path(Table(table).followed(str(path))[0])
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
    return next((mount.kind for mount in present_mounts() if mount.device == number), None)


def tells_of_changes(mount: Mount | None) -> bool:
    """Return whether inotify reports all changes on a mount. Of FUSE, and of what is unknown, it may not."""
    return mount is not None and not may_hang(mount.kind)


def makes_rights_up(path: Path, table: Iterable[Mount]) -> str | None:
    """Return the type of `path`'s file system if it may make up owners and rights; None where they are real.

    FUSE may be anything. What the table does not show counts as an ordinary disk.
    """
    kind = type_of(path, table)
    return kind if kind is not None and (kind in _RIGHTS_MADE_UP or kind.startswith("fuse")) else None
