"""Who else can read or change a file: with owners in sight, and hidden as under PrivateUsers=."""

import grp
import os
import stat
import struct
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace

import pytest

from retraind.system import rights
from retraind.system.rights import READ, WRITE, Access, Account, Ways, present_account, way_to
from support.namespaces import BIND, READ_ONLY, REMOUNT, as_private_users, in_mounts, reachable

SERVICE, OTHER, ETL, NAMELESS = 4210, 4211, 4220, 4230
"""Numbers: the service's user and group, another user with a group of their own, a group of several."""

pytestmark = pytest.mark.skipif(os.geteuid() != 0, reason="only root can give files away")


@pytest.fixture(autouse=True)
def people(monkeypatch):
    """Let the machine have these users and groups."""
    users = {
        0: ("root", 0),
        SERVICE: ("retraind", SERVICE),
        OTHER: ("anna", OTHER),
        4212: ("ben", 4212),
        4213: ("carl", 4213),
    }
    groups = {0: ("root", []), SERVICE: ("retraind", []), OTHER: ("anna", []), ETL: ("etl", ["retraind", "ben"]),
              50: ("staff", []), 4213: ("carl", ["ben"])}  # fmt: skip

    def user(uid):
        name, gid = users[uid]
        return SimpleNamespace(pw_name=name, pw_uid=uid, pw_gid=gid)

    def group(gid):
        name, members = groups[gid]
        return SimpleNamespace(gr_name=name, gr_gid=gid, gr_mem=members)

    monkeypatch.setattr(rights, "pwd", SimpleNamespace(getpwuid=user, getpwall=lambda: map(user, users)))
    monkeypatch.setattr(rights, "grp", SimpleNamespace(getgrgid=group, struct_group=grp.struct_group))


OPEN = Account(SERVICE, SERVICE, frozenset({ETL, NAMELESS}))
HIDING = Account(SERVICE, SERVICE, frozenset({65_534}), hidden_uid=65_534, hidden_gid=65_534)


@pytest.fixture
def made(tmp_path) -> Callable[..., Path]:
    def make(uid: int, gid: int, mode: int, *, folder: bool = False) -> Path:
        path = tmp_path / ("folder" if folder else "file")
        path.mkdir() if folder else path.touch()
        os.chown(path, uid, gid)
        path.chmod(mode)
        return path

    return make


READERS = [
    ("a key of root's for nobody", OPEN, 0, 0, 0o600, None),
    ("the README's: root's, for the service's group", OPEN, 0, SERVICE, 0o640, None),
    ("the same with owners hidden", HIDING, 0, SERVICE, 0o640, None),
    ("for everybody", OPEN, 0, SERVICE, 0o644, (None,)),
    ("for the group that people drop files with", OPEN, 0, ETL, 0o640, ("etl",)),
    ("the same with owners hidden", HIDING, 0, 65_534, 0o640, ("",)),
    ("the service's own, for a group that is hidden", HIDING, SERVICE, 65_534, 0o440, ("",)),
    ("the service's own, shown to nobody", HIDING, SERVICE, 65_534, 0o400, None),
    ("Kubernetes: root's, for fsGroup", OPEN, 0, NAMELESS, 0o440, None),
    ("a group without a name that the service is not in", OPEN, 0, 4_299, 0o440, ("4299",)),
    ("SMB with uid= and gid= of the service", OPEN, SERVICE, SERVICE, 0o660, None),
    ("SMB with gid= of the writers", OPEN, SERVICE, ETL, 0o660, ("etl",)),
    ("another user's, for a group of hers alone", OPEN, OTHER, OTHER, 0o640, None),
    ("another user's, for a group of hers that has a member", OPEN, 4213, 4213, 0o640, ("carl",)),
    ("a container's: of a user and group that have no names there", OPEN, 1_234, 1_234, 0o640, None),
    ("a memberless group that anybody may be put in", OPEN, 0, 50, 0o640, ("staff",)),
]


@pytest.mark.parametrize("row", READERS, ids=[row[0] for row in READERS])
def test_who_else_can_read(made, row):
    _, account, uid, gid, mode, who = row
    path = made(uid, gid, mode)
    assert account.beyond(READ, path, path) == (who and Access(path, *who))


WRITERS = [
    ("root's, for everybody to read", OPEN, 0, 0, 0o644, None),
    ("everybody's", OPEN, 0, 0, 0o646, (None,)),
    ("a gate of somebody's whose umask is 002", OPEN, OTHER, OTHER, 0o664, None),
    ("the same with owners hidden: it cannot be known", HIDING, 65_534, 65_534, 0o664, None),
    ("root's, for the group that drops files", OPEN, 0, ETL, 0o664, ("etl",)),
    ("the same with owners hidden", HIDING, 0, 65_534, 0o664, ("",)),
    ("somebody's, for the group that drops files", OPEN, OTHER, ETL, 0o664, ("etl",)),
    ("the service's, in its own group", HIDING, SERVICE, SERVICE, 0o664, None),
    ("an SMB mount's of the service", OPEN, SERVICE, SERVICE, 0o660, None),
]  # fmt: skip


@pytest.mark.parametrize("row", WRITERS, ids=[row[0] for row in WRITERS])
def test_who_else_can_change_a_file(made, row):
    _, account, uid, gid, mode, who = row
    path = made(uid, gid, mode)
    assert account.beyond(WRITE, path, path) == (who and Access(path, *who))


FOLDERS = [
    ("everybody's", OPEN, 0, 0, 0o777, True),
    ("everybody's, but sticky", OPEN, 0, 0, 0o1777, False),
    ("Debian's /usr/local: root's, for staff, which nobody is in", OPEN, 0, 50, 0o2775, False),
    ("the same with owners hidden: it cannot be known", HIDING, 0, 65_534, 0o2775, False),
    ("a drop folder without the sticky bit", OPEN, SERVICE, ETL, 0o2770, True),
    ("the same with owners hidden", HIDING, SERVICE, 65_534, 0o2770, True),
    ("the README's drop folder", HIDING, SERVICE, 65_534, 0o3770, False),
    ("of somebody whose umask is 002", OPEN, OTHER, OTHER, 0o775, False),
]


@pytest.mark.parametrize("row", FOLDERS, ids=[row[0] for row in FOLDERS])
def test_who_can_put_another_file_in_its_place(made, row):
    _, account, uid, gid, mode, bad = row
    folder = made(uid, gid, mode, folder=True)
    (folder / "gate.py").touch(0o644)
    found = [access.path for access in Ways(account).changers(folder / "gate.py")]
    assert found == [folder] * bad


def test_a_folder_further_up_counts_and_so_does_the_one_of_a_link(tmp_path):
    (tmp_path / "open" / "closed").mkdir(parents=True)
    (tmp_path / "open" / "closed" / "gate.py").touch(0o644)
    (tmp_path / "open").chmod(0o777)
    assert [each.path for each in Ways(OPEN).changers(tmp_path / "open" / "closed" / "gate.py")] == [
        tmp_path / "open"
    ]
    (tmp_path / "links").mkdir()
    (tmp_path / "links").chmod(0o777)
    (tmp_path / "gate.py").touch(0o644)
    (tmp_path / "links" / "gate.py").symlink_to("../gate.py")
    assert [each.path for each in Ways(OPEN).changers(tmp_path / "links" / "gate.py")] == [tmp_path / "links"]


def test_a_link_is_followed_as_the_kernel_does(tmp_path):
    (tmp_path / "a" / "b").mkdir(parents=True)
    (tmp_path / "a" / "b" / "file").touch()
    (tmp_path / "link").symlink_to("a/b")
    (tmp_path / "loop").symlink_to("loop")
    assert way_to(tmp_path / "link" / ".." / "b" / "file")[1] == tmp_path / "a" / "b" / "file"
    with pytest.raises(OSError, match="symbolic links"):
        way_to(tmp_path / "loop")
    with pytest.raises(FileNotFoundError):
        way_to(tmp_path / "gone" / "file")


def test_each_folder_on_the_way_to_many_files_is_looked_at_once_and_links_lead_elsewhere(
    tmp_path, monkeypatch
):
    keys, other = tmp_path / "keys", tmp_path / "other"
    for folder in (keys, other):
        folder.mkdir()
        (folder / "one").touch(0o644)
    (keys / "two").symlink_to("../other/one")
    (tmp_path / "link").symlink_to("keys")
    other.chmod(0o777)
    ways, looked = Ways(OPEN), []
    plain = Account.beyond
    monkeypatch.setattr(
        Account,
        "beyond",
        lambda self, right, file, path: looked.append(path) or plain(self, right, file, path),
    )
    assert [*ways.changers(keys / "one")] == [*ways.changers(tmp_path / "link" / "one")] == []
    assert [each.path for each in ways.changers(keys / "two")] == [other]
    assert [each.path for each in ways.changers(keys / ".." / "other" / "one")] == [other]
    assert looked.count(keys) == 1
    assert looked.count(other) == 1


def with_list(path: Path, *entries: tuple[int, int, int]) -> None:
    """Give a file an access control list: tag, rights, number."""
    raw = struct.pack("<I", 2) + b"".join(struct.pack("<HHI", *entry) for entry in entries)
    try:
        os.setxattr(path, "system.posix_acl_access", raw)
    except OSError as error:
        pytest.skip(f"no access control lists here: {error.strerror}")


NONE = 0xFFFF_FFFF


@pytest.mark.parametrize(
    ("entry", "who"),
    [((0x02, 4, 4212), ("ben", True)), ((0x08, 4, ETL), ("etl", False)), ((0x02, 4, SERVICE), None)],
)
def test_an_access_control_list_counts(made, entry, who):
    path = made(0, 0, 0o600)
    with_list(path, (0x01, 6, NONE), *([entry] if entry[0] == 2 else []), (0x04, 0, NONE),
              *([entry] if entry[0] == 8 else []), (0x10, 4, NONE), (0x20, 0, NONE))  # fmt: skip
    assert stat.S_IMODE(path.stat().st_mode) == 0o640, "the mask is shown as the group's rights"
    assert OPEN.beyond(READ, path, path) == (who and Access(path, who[0], is_user=who[1]))
    assert OPEN.beyond(WRITE, path, path) is None


def test_an_own_group_that_other_users_have_too_is_an_ordinary_one(made, monkeypatch):
    monkeypatch.setattr(
        rights.grp, "getgrgid", lambda gid: SimpleNamespace(gr_name="users", gr_gid=gid, gr_mem=[])
    )
    many = [SimpleNamespace(pw_name=str(uid), pw_uid=uid, pw_gid=100) for uid in (SERVICE, OTHER)]
    monkeypatch.setattr(rights.pwd, "getpwall", lambda: many)
    path = made(SERVICE, 100, 0o640)
    assert Account(SERVICE, 100).beyond(READ, path, path) == Access(path, "users")
    many.pop()
    assert Account(SERVICE, 100).beyond(READ, path, path) is None


def test_under_private_users_what_is_hidden_is_known_as_hidden(tmp_path):
    reachable(tmp_path)
    key, own, gate = (tmp_path / name for name in ("key", "own", "gate"))
    for path, owner, group, mode in (
        (key, 0, ETL, 0o644),
        (own, 0, SERVICE, 0o640),
        (gate, OTHER, OTHER, 0o664),
    ):
        path.touch()
        os.chown(path, owner, group)
        path.chmod(mode)
    key.chmod(0o640)

    def ask() -> object:
        account = present_account()
        return (
            (account.uid, account.gid, account.hidden_uid, account.hidden_gid),
            account.beyond(READ, key, key),
            account.beyond(READ, own, own),
            account.beyond(WRITE, gate, gate),
        )

    assert as_private_users(SERVICE, ask) == repr(
        ((SERVICE, SERVICE, 65_534, 65_534), Access(key, ""), None, None)
    )


def test_what_is_hidden_is_known_without_the_kernels_own_number(monkeypatch):
    """ProcSubset=pid, which the shipped unit has, hides /proc/sys."""

    def read(path, **_):
        if path.name == "gid_map":
            return "0 0 1\n997 997 1\n"
        raise FileNotFoundError(path)

    monkeypatch.setattr(Path, "read_text", read)
    assert rights._hidden("gid") == 65_534


def test_the_own_account_is_known():
    account = present_account()
    assert (account.uid, account.gid, account.groups) == (
        os.geteuid(),
        os.getegid(),
        frozenset(os.getgroups()),
    )


@pytest.mark.parametrize("in_unit", [False, True])
def test_on_a_read_only_mount_nobody_writes_unless_the_unit_made_it_so(tmp_path, monkeypatch, in_unit):
    """Kubernetes gives the folders of ConfigMaps all rights; ProtectSystem= shows what others can write."""
    folder = reachable(tmp_path) / "volume"
    folder.mkdir()
    folder.chmod(0o777)
    (folder / "config.toml").touch()
    (folder / "config.toml").chmod(0o666)
    if in_unit:
        monkeypatch.setenv("INVOCATION_ID", "0123456789abcdef")

    def mount(libc):
        raw = os.fsencode(folder)
        assert libc.mount(raw, raw, None, BIND, None) == 0
        assert libc.mount(None, raw, None, BIND | REMOUNT | READ_ONLY, None) == 0

    def ask():
        return [access.path.name for access in Ways(OPEN).changers(folder / "config.toml")]

    found = in_mounts(mount, ask)
    assert found == repr(["config.toml", "volume"] if in_unit else [])
