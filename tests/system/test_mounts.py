"""Which file systems tell of changes."""

import errno
from pathlib import Path

import pytest

from retraind.system import mounts as system_mounts
from retraind.system.mounts import (
    MOUNT_TABLE,
    MountTable,
    makes_rights_up,
    mount_of,
    mounts,
    tells_of_changes,
    type_of,
)

TABLE = r"""
22 1 254:0 / / rw,relatime shared:1 - ext4 /dev/vda rw
23 22 0:5 / /dev rw,nosuid shared:2 - devtmpfs udev rw
30 22 0:40 / /mnt/share rw - cifs //server/share rw,vers=3.0
31 22 0:41 / /mnt/with\040blank\011tab\134slash rw shared:7 master:3 - nfs4 server:/x rw
32 22 254:0 /srv/data /mnt/bind rw,relatime - ext4 /dev/vda rw
33 30 0:42 / /mnt/share/inner rw - tmpfs tmpfs rw
34 22 0:43 / /mnt/fuse rw - fuse.sshfs me@server:/x rw
35 22 0:44 / /mnt/ntfs rw - fuseblk /dev/sdb1 rw
36 22 0:45 / /mnt/vm rw - virtiofs tag rw
37 22 0:46 / /mnt/hidden/under rw - nfs server:/y rw
38 22 0:47 / /mnt/hidden rw - tmpfs tmpfs rw
39 22 0:48 / /mnt/twice rw - ext4 /dev/sdc1 rw
40 39 0:49 / /mnt/twice rw - nfs4 server:/z rw
41 22 0:50 / /mnt/日本 rw - ceph mon:/ rw
42 22 0:51 / /mnt/overlay rw - overlay overlay rw,lowerdir=/a - b
43 22 0:52 / /mnt/auto rw - autofs systemd-1 rw
not a line of a mount table
44 22
45 22 0:53 / /mnt/without-separator rw ext4 /dev/sdd rw
"""

CASES = [
    # path, type, told of changes, why
    ("/srv/data", "ext4", True, "an ordinary disk"),
    ("/mnt/sharepoint", "ext4", True, "a name that only begins like a mount point"),
    ("/mnt/share", "cifs", False, "Windows share"),
    ("/mnt/share/a/b/c", "cifs", False, "deep in it"),
    ("/mnt/share/inner/x", "tmpfs", True, "another file system mounted inside a share"),
    ("/mnt/with blank\ttab\\slash/drop", "nfs4", False, "signs that the table writes as octal numbers"),
    ("/mnt/bind/drop", "ext4", True, "a bind mount has the type of what it shows"),
    ("/mnt/fuse/x", "fuse.sshfs", False, "FUSE may be anything"),
    ("/mnt/ntfs", "fuseblk", False, "FUSE on a disk, as may be anything too"),
    ("/mnt/vm", "virtiofs", False, "the host changes it"),
    ("/mnt/hidden/under/x", "tmpfs", True, "a later mount covers the earlier, deeper one"),
    ("/mnt/twice/x", "nfs4", False, "two mounts on one point: the upper one counts"),
    ("/mnt/日本/x", "ceph", False, "a mount point in Japanese"),
    ("/mnt/overlay/x", "overlay", True, "containers"),
    ("/mnt/auto/share", "autofs", False, "what will be mounted there is not known yet"),
    ("/mnt/without-separator/x", "ext4", True, "a line that makes no sense is passed over"),
]


@pytest.mark.parametrize(("path", "kind", "heard", "why"), CASES, ids=[row[-1] for row in CASES])
def test_the_mount_table_tells_what_lies_under_a_path(path, kind, heard, why):
    table = mounts(TABLE)
    assert type_of(Path(path), table) == kind, why
    assert tells_of_changes(mount_of(Path(path), table)) is heard, why


@pytest.mark.parametrize(
    "kind", ["nfs", "nfs4", "cifs", "smb3", "9p", "glusterfs", "vboxsf", "fuse", "fuse.rclone"]
)
def test_file_systems_that_other_machines_write_to_are_swept(kind):
    assert not tells_of_changes(mount_of(Path("/x"), mounts(f"1 0 0:1 / / rw - {kind} x rw")))


def test_line_ends_are_those_of_the_kernel_only():
    """Python knows many more, and a mount point may hold them."""
    point = "/mnt/a\x0bb\x85c\u2028d"
    table = mounts(f"1 0 0:1 / / rw - ext4 x rw\n2 1 0:2 / {point} rw - nfs x rw\n")
    assert type_of(Path(point) / "x", table) == "nfs"


@pytest.mark.parametrize("table", ["", "nonsense", "1 2 3"])
def test_without_a_table_nothing_is_promised(table):
    assert type_of(Path("/x"), mounts(table)) is None
    assert not tells_of_changes(mount_of(Path("/x"), mounts(table)))


def test_a_link_is_judged_by_where_it_leads(tmp_path):
    (tmp_path / "share").mkdir()
    (tmp_path / "link").symlink_to(tmp_path / "share")
    table = mounts(f"1 0 0:1 / / rw - ext4 x rw\n2 1 0:2 / {tmp_path.resolve()}/share rw - nfs x rw\n")
    assert type_of(tmp_path / "link", table) == "nfs"


def test_this_machines_own_table_is_understood(tmp_path):
    table = mounts(MOUNT_TABLE.read_text(errors="surrogateescape"))
    assert tells_of_changes(mount_of(tmp_path, table))
    assert type_of(Path("/proc/self"), table) == "proc"


RIGHTS = [
    ("/srv/data", None, "an ordinary disk"),
    ("/mnt/share", "cifs", "Windows share"),
    ("/mnt/bind/drop", None, "a bind mount of an ordinary disk"),
    ("/mnt/twice", None, "NFS asks the server"),
    ("/mnt/fuse/x", "fuse.sshfs", "FUSE may be anything"),
    ("/mnt/ntfs", "fuseblk", "a Windows disk"),
    ("/mnt/share/inner/x", None, "another file system mounted inside a share"),
]


@pytest.mark.parametrize(("path", "kind", "why"), RIGHTS, ids=[case[2] for case in RIGHTS])
def test_where_owners_and_rights_may_be_those_of_the_mount(path, kind, why):
    assert makes_rights_up(Path(path), mounts(TABLE)) == kind, why


def test_where_the_table_tells_nothing_rights_count_as_real():
    assert makes_rights_up(Path("/srv"), []) is None


def test_the_last_known_table_counts_while_the_present_one_cannot_be_read(monkeypatch):
    """A daemon that may open no more files for a moment must not end, nor take a share for a local disk."""
    table = MountTable()
    before = table.now()
    monkeypatch.setattr(MountTable, "_has_changed", lambda _: True)

    def denied():
        raise OSError(errno.EMFILE, "Too many open files")

    monkeypatch.setattr(system_mounts, "_read_mounts", denied)
    assert table.now() is before
    monkeypatch.undo()
    version = table.version
    assert table.now() is not before, "what was missed is made up for"
    assert table.version == version + 1
