"""What a unit takes away, found out in mount namespaces as systemd makes them."""

import os
from pathlib import Path

import pytest

from retraind.system.mounts import mounts, present_mounts
from retraind.system.service.sandbox import Kind, Obstacle, hidden_by, obstacle, sandbox
from support.namespaces import BIND, READ_ONLY, REMOUNT, in_mounts, reachable

UNIT_TABLE = """
1 1 254:0 / / ro,relatime - ext4 /dev/vda rw
2 1 0:5 /systemd/inaccessible/dir /home ro - tmpfs tmpfs rw
3 1 0:5 /host/inaccessible/dir /root ro - tmpfs tmpfs rw
4 1 254:0 /srv/drop /srv/drop rw - ext4 /dev/vda rw
5 1 254:0 /tmp/systemd-private-1-retraind.service-x/tmp /tmp rw - ext4 /dev/vda rw
6 1 0:9 / /mnt/image ro - squashfs /dev/loop0 ro
7 1 0:5 /systemd/inaccessible/dir /opt/closed ro - tmpfs tmpfs rw
"""
STATUS = "Name:\tretraind\nNoNewPrivs:\t1\nSeccomp:\t2\n"


@pytest.fixture
def in_unit(monkeypatch):
    monkeypatch.setenv("INVOCATION_ID", "0123456789abcdef")


def test_the_directives_of_the_shipped_unit_are_noticed(in_unit):
    assert sandbox(mounts(UNIT_TABLE), STATUS, 65_534) == {
        "ProtectSystem": "strict",
        "ProtectHome": "true",
        "PrivateTmp": "true",
        "PrivateUsers": "true",
        "NoNewPrivileges": "true",
        "SystemCallFilter": "set",
    }


def test_outside_a_unit_there_is_none():
    assert sandbox(mounts(UNIT_TABLE), STATUS, 65_534) == {}


def test_what_hides_a_path_is_known_without_touching_it(in_unit):
    table = mounts(UNIT_TABLE)
    paths = ("/home/anna/drop", "/root/key", "/tmp/key", "/opt/closed/gate", "/srv/drop/churn")
    assert [hidden_by(Path(path), table) for path in paths] == [
        "ProtectHome", "ProtectHome", "PrivateTmp", "InaccessiblePaths", None,
    ]  # fmt: skip


def test_of_an_open_unit_there_is_little_to_notice(in_unit):
    assert sandbox(mounts("1 1 254:0 / / rw - ext4 /dev/vda rw"), "NoNewPrivs:\t0\n", None) == {}


@pytest.fixture
def place(tmp_path):
    """A folder that everybody can reach, write in and read."""
    reachable(tmp_path)
    drop = tmp_path / "drop"
    drop.mkdir()
    drop.chmod(0o777)
    return drop


pytestmark = pytest.mark.skipif(os.geteuid() != 0, reason="only root can mount")


def read_only(libc, path, *, whole):
    raw = os.fsencode(path)
    if whole:
        assert libc.mount(b"t", raw, b"tmpfs", READ_ONLY, None) == 0
    else:
        assert libc.mount(raw, raw, None, BIND, None) == 0
        assert libc.mount(None, raw, None, BIND | REMOUNT | READ_ONLY, None) == 0


@pytest.mark.parametrize("there", [True, False])
@pytest.mark.parametrize(("whole", "directive"), [(False, "ReadWritePaths"), (True, None)])
def test_what_the_unit_made_read_only_is_told_from_a_read_only_file_system(
    in_unit, place, whole, directive, there
):
    path = place if there else place / "done" / "to come"

    def ask():
        return obstacle(path, present_mounts(), write=True), obstacle(place, present_mounts(), write=False)

    answer = in_mounts(lambda libc: read_only(libc, place, whole=whole), ask)
    assert answer == repr((Obstacle(Kind.READ_ONLY, directive), None))


def hide(libc, path, home):
    """As ProtectHome=true does it: a folder that nobody may enter takes the place of /home."""
    closed = path.parent / "systemd" / "inaccessible" / "dir"
    closed.mkdir(parents=True)
    closed.chmod(0)
    assert libc.mount(os.fsencode(closed), home, None, BIND, None) == 0


def test_what_protect_home_hides_is_told(in_unit, place):
    def ask():
        table = present_mounts()
        return [obstacle(Path("/home/anna/drop"), table, write=write) for write in (True, False)]

    answer = in_mounts(lambda libc: hide(libc, place, b"/home"), ask)
    assert answer == repr([Obstacle(Kind.HIDDEN, "ProtectHome")] * 2)


def test_what_rights_alone_forbid_names_no_directive(in_unit, place):
    place.chmod(0o755)
    os.chown(place, 0, 0)
    answer = in_mounts(lambda _: None, lambda: obstacle(place, present_mounts(), write=True))
    assert answer == repr(Obstacle(Kind.DENIED))


def test_what_can_be_used_is_no_obstacle(in_unit, place):
    answer = in_mounts(lambda _: None, lambda: obstacle(place, present_mounts(), write=True))
    assert answer == "None"
