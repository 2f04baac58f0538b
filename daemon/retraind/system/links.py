"""The names that a file has in one folder: those that are listed, and the short ones of NTFS, which are not.

A file with more names than these has another one elsewhere, and may be somebody else's.
"""

import errno
import os
import re
from collections import Counter
from pathlib import Path

from retraind.system.files import beside
from retraind.system.mounts import type_of_device
from retraind.system.remote.verbs import verb

_SHORT_NAME = "system.ntfs_dos_name"
"""Where ntfs-3g keeps a file's short name."""
_NTFS = frozenset({"ntfs", "ntfs3", "fuseblk"})
"""File systems that count a short name as a link and may not show it. fuseblk is ntfs-3g on a disk."""
_PLAIN = re.compile(r"[A-Za-z0-9_!#$%&'()@^`{}~-]{1,8}(\.[A-Za-z0-9_!#$%&'()@^`{}~-]{1,3})?")
"""Names that are short already, and need no other one."""


def listed_names(folder: Path, name: str = "") -> Counter[int]:
    """Return how many names each inode has in a folder, or in the one called `name` in it.

    Links lead to `folder`, but not from it to `name`. Raises OSError.
    """
    return Counter(_inodes_in(folder / name, below=True) if name else _inodes_in(folder))


@verb()
def target_of(link: Path) -> str:
    """Return where a link leads, as it is written. Raises OSError."""
    return os.readlink(link)  # noqa: PTH115 - a Path would drop a part of it


@verb()
def _inodes_in(folder: Path, *, below: bool = False) -> list[int]:
    flags = os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC | (os.O_NOFOLLOW if below else 0)
    handle = os.open(folder, flags)
    try:
        with os.scandir(handle) as entries:
            return [entry.inode() for entry in entries]
    finally:
        os.close(handle)


@verb()
def _has_short_name(path: Path) -> bool | None:
    """Return whether a file has a short name of NTFS; None where the file system does not show it."""
    try:
        return bool(os.getxattr(path, _SHORT_NAME, follow_symlinks=False))
    except OSError as error:
        if error.errno == errno.ENODATA:
            return False
        if error.errno not in {errno.ENOTSUP, errno.EACCES, errno.EPERM, errno.EINVAL}:
            raise
    return None


def hidden_names(folder: Path, name: str, status: os.stat_result) -> int:
    """Return how many names the file `name` has in a folder that are not listed: the short one of NTFS.

    ntfs-3g shows it. The kernel's driver does not: there each file whose name is too long for MS-DOS counts
    as having one. Raises OSError.
    """
    with beside(folder, name) as path:
        has = _has_short_name(path)
    if has is not None:
        return int(has)
    is_ntfs = type_of_device(status.st_dev) in _NTFS
    return 1 if is_ntfs and not _PLAIN.fullmatch(path.name) else 0


def names_beside(folder: Path, name: str, status: os.stat_result) -> int:
    """Return how many names the file `name` with this status has in its folder. Raises OSError."""
    if status.st_nlink == 1:
        return 1
    below = name.rpartition("/")[0]
    return listed_names(folder, below)[status.st_ino] + hidden_names(folder, name, status)
