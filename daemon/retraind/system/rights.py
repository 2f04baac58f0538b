"""Who besides root and the service can read or change a file, as far as the file system shows it.

In a user namespace (systemd's PrivateUsers=, rootless containers) other owners and groups are shown as one
that means nobody. What cannot be known there is not held against a file; root, who sees all, can ask.
"""

import errno
import grp
import os
import pwd
import stat
import struct
from collections import deque
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

from retraind.system.files import is_allowed, is_file, is_mounted_read_only, status
from retraind.system.links import target_of
from retraind.system.mounts import MOST_LINKS, TABLE
from retraind.system.remote.errors import NoAnswer
from retraind.system.remote.verbs import verb
from retraind.system.service.units import is_unit

READ, WRITE = 4, 2
"""Bits of rights, as in a mode."""
_ACL = "system.posix_acl_access"
_BYTES = "latin-1"
"""As which bytes travel in a text."""
_NO_ACL = frozenset({errno.ENODATA, errno.EOPNOTSUPP, errno.ENOSYS})
_ACL_ENTRY = struct.Struct("<HHI")
_ACL_HEADER = 4
_USER, _OWN_GROUP, _GROUP, _MASK = 0x02, 0x04, 0x08, 0x10
"""Tags of entries: acl(5)."""
_UNMAPPED = 0xFFFF_FFFF
_NOBODY = 65_534
"""The kernel's own number for owners that are hidden."""
_EVERYTHING = f"{0:10} {0:10} {_UNMAPPED:10}"


class Shown(NamedTuple):
    """What the file system shows of a file's rights."""

    status: os.stat_result
    acl: bytes
    """Its access control list; empty without one."""


class Access(NamedTuple):
    """Somebody who has a right that only root and the service should have."""

    path: Path
    """What they can read or change: the file, or a folder on the way to it."""
    who: str | None
    """The group, or the user with `is_user`; None for every user of the machine. Empty where it is hidden."""
    is_user: bool = False


@dataclass(frozen=True)
class Account:
    """The service's user, and which numbers stand for anybody."""

    uid: int
    gid: int
    groups: frozenset[int] = frozenset()
    """Its further groups."""
    hidden_uid: int | None = None
    """The owner that is shown for users this namespace does not know; None where all are known."""
    hidden_gid: int | None = None

    def beyond(self, right: int, file: Path | Shown, path: Path) -> Access | None:
        """Return who else has a right to a file, whose rights may be known already. No link is followed.

        `path` is what it is called. Raises OSError.
        """
        status, acl = shown(file) if isinstance(file, Path) else file
        if status.st_mode & right:
            return Access(path, None)
        if not status.st_mode >> 3 & right:
            return None  # The group's bits also limit the entries of an access control list.
        is_folder = stat.S_ISDIR(status.st_mode)
        own_group = True
        if entries := _entries(acl):
            mask = next((bits for tag, bits, _ in entries if tag == _MASK), 7) & right
            for tag, bits, number in entries:
                if tag == _OWN_GROUP:
                    own_group = bool(bits & mask)
                elif tag == _USER and bits & mask and not self._is_known_user(number, status.st_uid, right):
                    return Access(path, _user(number), is_user=True)
                elif tag == _GROUP and bits & mask:
                    group = self.hidden_gid if number == _UNMAPPED else number
                    if group is not None and self._lets_in(group, status.st_uid, right, is_folder=is_folder):
                        return Access(path, self._group(group))
        if own_group and self._lets_in(status.st_gid, status.st_uid, right, is_folder=is_folder):
            return Access(path, self._group(status.st_gid))
        return None

    def _is_known_user(self, number: int, owner: int, right: int) -> bool:
        if number in {_UNMAPPED, self.hidden_uid}:
            # Somebody else can be the hidden owner, who may write anyway.
            return right == WRITE and owner == self.hidden_uid
        return number in {0, self.uid, owner}

    def _lets_in(self, gid: int, owner: int, right: int, *, is_folder: bool) -> bool:
        """Return whether a group lets in anybody but root, the service and the file's owner."""
        if gid == 0:
            return False
        if gid == self.hidden_gid:
            # To read, the service itself needs a group with other members. Who writes may be the owner alone,
            # with a group of their own; in a folder of root's, a group that nobody is in, such as staff.
            return right == READ or owner == self.uid or (owner == 0 and not is_folder)
        group = _group_of(gid)
        if group is None:
            # Kubernetes' fsGroup and the like: numbers that only this container uses.
            return gid not in {self.gid, *self.groups, owner}
        if gid == self.gid or group.gr_name == _user(self.uid):
            return not _is_private(gid, self.uid)
        others = set(group.gr_mem) - {"root", _user(self.uid), _user(owner)}
        if group.gr_name == _user(owner):
            return bool(others) or not _is_private(gid, owner)
        return bool(others) or not is_folder or _is_primary_of_others(gid, {0, self.uid, owner})

    def _group(self, gid: int) -> str:
        if gid == self.hidden_gid:
            return ""
        group = _group_of(gid)
        return group.gr_name if group else str(gid)


def present_account() -> Account:
    """Return the account of this process."""
    return Account(
        os.geteuid(),
        os.getegid(),
        frozenset(os.getgroups()),
        _hidden("uid"),
        _hidden("gid"),
    )


def account_of(uid: int) -> Account:
    """Return the account of another user, for root. A number without a name has the group of that number."""
    try:
        user = pwd.getpwuid(uid)
    except KeyError:
        return Account(uid, uid)
    return Account(uid, user.pw_gid, frozenset(os.getgrouplist(user.pw_name, user.pw_gid)))


def _hidden(kind: str) -> int | None:
    """Return the number that stands for all that this user namespace does not map; None where it maps all."""
    try:
        mapped = Path(f"/proc/self/{kind}_map").read_text(encoding="utf-8")
    except OSError:
        return None  # Without /proc nothing is known to be hidden.
    if mapped.split() == _EVERYTHING.split():
        return None
    try:
        return int(Path(f"/proc/sys/kernel/overflow{kind}").read_text(encoding="utf-8"))
    except OSError:
        return _NOBODY  # ProcSubset=pid hides this.


def shown(path: Path) -> Shown:
    """Return what the file system shows of a file's rights, links not followed. Raises OSError."""
    status, acl = _shown(path)
    return Shown(status, acl.encode(_BYTES))


@verb()
def _shown(path: Path) -> tuple[os.stat_result, str]:
    status = path.lstat()
    # The group's bits also limit the list's entries; a link has none of its own.
    has_list = status.st_mode & stat.S_IRWXG and not stat.S_ISLNK(status.st_mode)
    return status, _acl(path) if has_list else ""


def start_of(path: Path, size: int) -> tuple[Shown, bytes]:
    """Return a file's rights, with its first bytes: of what was opened, whatever has its name by then.

    Of what is not a regular file, no bytes. Links are followed. Raises OSError.
    """
    status, acl, content = _start_of(path, size)
    return Shown(status, acl.encode(_BYTES)), content.encode(_BYTES)


@verb()
def _start_of(path: Path, size: int) -> tuple[os.stat_result, str, str]:
    # Not blocking: somebody may have put a pipe there.
    handle = os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC)
    try:
        status = os.fstat(handle)
        if not stat.S_ISREG(status.st_mode):
            return status, "", ""
        return status, _acl(handle), os.read(handle, size).decode(_BYTES)
    finally:
        os.close(handle)


def _acl(file: Path | int) -> str:
    try:
        return os.getxattr(file, _ACL).decode(_BYTES)
    except OSError as error:
        if error.errno in _NO_ACL:
            return ""
        raise


def _entries(acl: bytes) -> list[tuple[int, int, int]]:
    """Return the entries of an access control list as tag, rights and number."""
    return list(_ACL_ENTRY.iter_unpack(acl[_ACL_HEADER:]))


def _group_of(gid: int) -> grp.struct_group | None:
    try:
        return grp.getgrgid(gid)
    except KeyError:
        return None


def _is_private(gid: int, uid: int) -> bool:
    """Return whether a user's group is for that user: of the same name, without a name, or without others."""
    group = _group_of(gid)
    return group is None or group.gr_name == _user(uid) or not _is_primary_of_others(gid, {0, uid})


def _is_primary_of_others(gid: int, known: set[int]) -> bool:
    return any(each.pw_gid == gid and each.pw_uid not in known for each in pwd.getpwall())


def _user(uid: int) -> str:
    if uid == _UNMAPPED:
        return ""
    try:
        return pwd.getpwuid(uid).pw_name
    except KeyError:
        return str(uid)


def way_to(path: Path) -> tuple[list[Path], Path]:
    """Return the folders in which names are looked up on the way to `path`, and the place where it ends.

    The place has no link on its way. Raises OSError for too many links, or what cannot be looked at.
    """
    folders: dict[str, None] = {}
    here, links = "/", 0
    names = deque(path.absolute().parts[1:])
    while names:
        folders[here] = None
        name = names.popleft()
        if name == "..":
            here = os.path.dirname(here)  # noqa: PTH120 - strings: for each file of a thousand models
            continue
        place = os.path.join(here, name)  # noqa: PTH118
        # With nothing remote, without a Path: they are many.
        found = status(Path(place)) if TABLE.lately().has_remote else os.lstat(place)
        if not stat.S_ISLNK(found.st_mode):
            here = place
            continue
        links += 1
        if links > MOST_LINKS:
            raise OSError(errno.ELOOP, os.strerror(errno.ELOOP), str(path))
        target = target_of(Path(place))
        here = "/" if target.startswith("/") else here
        names.extendleft(part for part in reversed(target.split("/")) if part not in {"", "."})
    return [Path(folder) for folder in folders], Path(here)


class Way(NamedTuple):
    """How a path leads to a file."""

    place: Path
    """Where the file is, without a link on the way."""
    folders: tuple[Path, ...]
    """In which names are looked up, the last one first."""


class Ways:
    """Looks at many files one after the other, and at each folder on the way to them once."""

    def __init__(self, account: Account) -> None:
        self.account = account
        self._to_folders: dict[Path, Way] = {}
        self._changers: dict[Path, Access | None] = {}

    def to(self, path: Path) -> Way:
        """Return how a path leads to a file. Raises OSError."""
        folder = path.parent
        if path.name in {"", ".."}:
            return _way(path)
        if folder not in self._to_folders:
            self._to_folders[folder] = _way(folder)
        above = self._to_folders[folder]
        place = above.place / path.name
        if stat.S_ISLNK(status(place).st_mode):
            return _way(path)
        return Way(place, (above.place, *(each for each in above.folders if each != above.place)))

    def changers(self, path: Path, way: Way | None = None) -> Iterator[Access]:
        """Yield who besides root, the service and its owner can change a file, or put another in its place.

        In a folder with the sticky bit only owners can rename and delete, and on a read-only mount nobody
        can: Kubernetes gives the folders of ConfigMaps all rights. Raises OSError.
        """
        way = way or self.to(path)
        if (found := self.account.beyond(WRITE, way.place, path)) and not _is_read_only(way.place):
            yield found
        for folder in way.folders:
            if folder not in self._changers:
                self._changers[folder] = self._changer_of(folder)
            if found := self._changers[folder]:
                yield found

    def _changer_of(self, folder: Path) -> Access | None:
        sticky = status(folder).st_mode & stat.S_ISVTX
        found = None if sticky else self.account.beyond(WRITE, folder, folder)
        return None if found and _is_read_only(folder) else found


def _way(path: Path) -> Way:
    folders, place = way_to(path)
    return Way(place, tuple(reversed(folders)))


def _is_read_only(path: Path) -> bool:
    """Return whether nobody can write; in a unit, ProtectSystem= makes read-only what others can write."""
    return not is_unit() and is_mounted_read_only(path)


def program_named(name: str, path: str | None = None) -> Path | None:
    """Return the program that a command's first word leads to, as execvp(3) finds it; None for none.

    `path` is a PATH, by default this process's own. Raises NoAnswer where a file system does not answer.
    """
    folders = [""] if "/" in name else (os.get_exec_path() if path is None else path.split(os.pathsep))
    for folder in folders:
        file = Path(folder, name)
        try:
            if is_file(file, follow=True) and is_allowed(file, os.X_OK):
                return file
        except NoAnswer:
            raise
        except OSError:
            continue  # It cannot be run from there either.
    return None
