"""Which folders should be mounts and are not."""

import os
from pathlib import Path
from types import SimpleNamespace

import pytest

from retraind.system import declared_mounts
from retraind.system.declared_mounts import missing_mount
from retraind.system.mounts import Table, mounts

ROOT = "22 1 254:0 / / rw,relatime shared:1 - ext4 /dev/vda rw\n"


@pytest.fixture
def system(tmp_path, monkeypatch):
    """Make a system of one's own: its fstab, units and mount table."""
    units = tmp_path / "units"
    units.mkdir()

    def make(fstab="", table="", **unit_files):
        monkeypatch.setattr(declared_mounts, "FSTAB", tmp_path / "fstab")
        present = Table(mounts(ROOT + table))
        monkeypatch.setattr(declared_mounts, "TABLE", SimpleNamespace(now=lambda: present))
        monkeypatch.setattr(declared_mounts, "UNITS", (units, tmp_path / "not-there"))
        (tmp_path / "fstab").write_text(fstab)
        for name, text in unit_files.items():
            (units / name.replace("__", ".")).write_text(text)

    return make


CASES = [
    # folder, fstab, mount table after the root's line, the missing mount, why
    ("/srv/drop/a", "//s/x /srv/drop/a cifs defaults 0 0", "", "/srv/drop/a", "the folder itself"),
    ("/srv/drop/a", "//s/x /srv/drop cifs defaults 0 0", "", "/srv/drop", "a folder above it"),
    ("/srv/drop/a/done", "//s/x /srv/drop/a/ cifs x 0 0", "", "/srv/drop/a", "a slash at the end"),
    ("/srv/drop/ab", "//s/x /srv/drop/a cifs x 0 0", "", None, "a name that only begins so"),
    ("/srv/drop", "//s/x /srv/drop/a cifs x 0 0", "", None, "a folder below it"),
    ("/srv/drop/a", "#//s/x /srv/drop/a cifs x 0 0", "", None, "a comment"),
    ("/srv/drop/a", "/dev/sda1 / ext4 x 0 1\n/dev/sda2 none swap sw 0 0", "", None, "the root and swap"),
    ("/srv/a b", r"//s/x /srv/a\040b cifs x 0 0", "", "/srv/a b", "a blank as fstab writes it"),
    ("/srv/a", "//s/x /srv/a cifs noauto 0 0", "", "/srv/a", "mounted by hand, and not mounted now"),
    ("/srv/a", "//s/x /srv/a cifs x 0 0", "30 22 0:40 / /srv/a rw - cifs //s/x rw\n", None, "mounted"),
    ("/srv/a", "/m /srv/a none bind 0 0", "30 22 0:40 /m /srv/a rw - nfs s:/x rw\n", None, "a bind mount"),
    (
        "/srv/a",
        "/b /srv/a none bind 0 0",
        "30 22 254:0 /b /srv/a rw - ext4 /dev/vda rw\n",
        None,
        "of the same disk",
    ),
    (
        "/srv/a",
        "//s/x /srv/a cifs x 0 0",
        "30 22 254:0 /srv/a /srv/a rw - ext4 /dev/vda rw\n",
        "/srv/a",
        "ReadWritePaths= shows the empty folder itself",
    ),
    (
        "/srv/a/b",
        "//s/x /srv/a/b cifs x 0 0",
        "30 22 254:9 /sub /srv/a rw - ext4 /dev/vdb rw\n31 30 254:9 /sub/b /srv/a/b rw - ext4 /dev/vdb rw\n",
        "/srv/a/b",
        "the same, on a disk of which a part is mounted",
    ),
    (
        "/srv/a",
        "//s/x /srv/a cifs x 0 0",
        "30 22 0:40 / /srv/a rw - cifs //s/x rw\n31 30 254:0 /srv/a /srv/a rw - ext4 /dev/vda rw\n",
        "/srv/a",
        "mounted after the start, under what ReadWritePaths= shows",
    ),
    (
        "/srv/a",
        "//s/x /srv/a cifs x 0 0",
        "30 22 0:9 / /srv/a rw - autofs systemd-1 rw\n",
        None,
        "an automount",
    ),
]


@pytest.mark.parametrize("case", CASES, ids=[row[-1] for row in CASES])
def test_a_folder_that_should_be_a_mount_is_known(system, case):
    folder, fstab, table, missing, why = case
    system(fstab, table)
    assert missing_mount(Path(folder)) == (Path(missing) if missing else None), why


@pytest.mark.parametrize("kind", ["mount", "automount"])
def test_units_count_like_lines_of_fstab(system, kind):
    system(**{f"srv-a__{kind}": "[Mount]\nWhat=//s/x\n Where = /srv/a\n"})
    assert missing_mount(Path("/srv/a/drop")) == Path("/srv/a")
    assert missing_mount(Path("/srv/b")) is None


def test_links_are_followed_to_where_the_mount_should_be(system, tmp_path):
    (tmp_path / "share").mkdir()
    (tmp_path / "drop").symlink_to("share/x/..")
    system(f"//s/x {tmp_path}/share cifs x 0 0")
    assert missing_mount(tmp_path / "drop" / "churn") == tmp_path / "share"


def test_links_in_a_circle_end(system, tmp_path):
    (tmp_path / "a").symlink_to("b")
    (tmp_path / "b").symlink_to("a")
    system("//s/x /srv/a cifs x 0 0")
    assert missing_mount(tmp_path / "a") is None


def test_what_may_hang_is_not_touched(system, tmp_path, monkeypatch):
    touched = []
    monkeypatch.setattr(
        os, "readlink", lambda path: touched.append(str(path)) or (_ for _ in ()).throw(OSError())
    )
    system("//s/x /srv/share/inner/x cifs x 0 0", "30 22 0:40 / /srv/share rw - nfs4 s:/x rw\n")
    assert missing_mount(Path("/srv/share/inner/x")) == Path("/srv/share/inner/x")
    assert touched == ["/srv"]


def test_a_change_is_seen_a_moment_later_and_the_files_are_not_asked_for_each_of_many_folders(
    system, tmp_path, monkeypatch
):
    now, asked = [5.0], []
    monkeypatch.setattr(declared_mounts.time, "monotonic", lambda: now[0])
    plain = declared_mounts._changed_at
    monkeypatch.setattr(declared_mounts, "_changed_at", lambda *paths: asked.append(paths) or plain(*paths))
    system()
    for number in range(100):
        assert missing_mount(Path(f"/srv/{number}")) is None
    assert len(asked) == 1
    (tmp_path / "fstab").write_text("//s/x /srv/7 cifs x 0 0")
    now[0] += 2 * declared_mounts._TRUSTED_FOR
    assert missing_mount(Path("/srv/7")) == Path("/srv/7")


def test_a_system_without_fstab_and_units_declares_nothing(system, tmp_path, monkeypatch):
    system()
    monkeypatch.setattr(declared_mounts, "FSTAB", tmp_path / "not-there")
    assert missing_mount(Path("/srv/a")) is None
