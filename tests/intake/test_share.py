"""Whether a drop folder's folder for work is the service's alone."""

import os
import shutil
import stat

import pytest

from retraind.domain.problems import problem
from retraind.intake import share_identity as share_module
from retraind.intake.share_identity import Exposed, Shares
from retraind.system.mounts import mounts
from support.process import NOBODY
from support.words import told

needs_root = pytest.mark.skipif(os.geteuid() != 0, reason="only root can give folders away")


@pytest.fixture
def shares(tmp_path):
    return Shares(tmp_path / "state" / "shares")


@pytest.fixture
def drop(tmp_path):
    folder = tmp_path / "drop"
    folder.mkdir()
    return folder


def used(shares, drop):
    with shares.drop("churn", drop) as held, shares.work(drop, held) as work:
        return work.resolve()


def mounted_as(monkeypatch, kind):
    table = mounts(f"1 1 0:1 / / rw - {kind} //server/share rw")
    monkeypatch.setattr(share_module, "present_mounts", lambda: table)


def test_a_folder_that_retraind_made_is_its_own_whatever_the_umask(shares, drop):
    before = os.umask(0)
    try:
        used(shares, drop)
    finally:
        os.umask(before)
    assert stat.S_IMODE((drop / ".retraind").stat().st_mode) == 0o700
    assert used(shares, drop) == drop / ".retraind"
    assert shares.trouble_of_drop("churn", drop) is None


@pytest.mark.parametrize("mode", [0o720, 0o702, 0o2770, 0o3777])
def test_a_folder_that_others_may_write_in_is_refused_until_they_may_not(shares, drop, mode):
    (drop / ".retraind").mkdir()
    (drop / ".retraind").chmod(mode)
    with pytest.raises(Exposed) as refused:
        used(shares, drop)
    assert refused.value.problem == problem("folder_writable_by_others", path=drop / ".retraind")
    assert told(refused.value.problem).endswith(f"Run: chmod go-w {drop}/.retraind")
    assert shares.trouble_of_drop("churn", drop) == refused.value.problem
    (drop / ".retraind").chmod(0o755)
    assert used(shares, drop) == drop / ".retraind"


@needs_root
def test_a_folder_of_another_user_is_refused(shares, drop):
    (drop / ".retraind").mkdir(0o700)
    os.chown(drop / ".retraind", NOBODY, NOBODY)
    for _ in range(2):
        with pytest.raises(Exposed, match=f"folder_of_another_user.*{NOBODY}"):
            used(shares, drop)
    assert sorted(path.name for path in drop.iterdir()) == [".retraind", ".retraind-id"]


@needs_root
def test_where_the_server_maps_users_the_folder_belongs_to_whom_all_that_retraind_makes_belongs_to(
    shares, drop, monkeypatch
):
    """NFS shows other numbers than the one that this machine knows: all_squash, a number that the server
    maps."""
    used(shares, drop)
    os.chown(drop / ".retraind", NOBODY, NOBODY)
    plain = os.fstat

    def mapped(handle):
        status = plain(handle)
        fields = list(status)
        fields[stat.ST_UID] = NOBODY
        return os.stat_result(fields)

    monkeypatch.setattr(os, "fstat", mapped)
    assert used(shares, drop) == drop / ".retraind"


@needs_root
@pytest.mark.parametrize("kind", ["cifs", "vfat", "exfat", "fuse.sshfs"])
def test_where_the_mount_makes_rights_up_there_is_a_warning(shares, drop, monkeypatch, capsys, kind):
    mounted_as(monkeypatch, kind)
    (drop / ".retraind").mkdir()
    (drop / ".retraind").chmod(0o777)
    os.chown(drop / ".retraind", NOBODY, NOBODY)
    for _ in range(3):
        assert used(shares, drop) == drop / ".retraind"
    assert capsys.readouterr().out.count("rights_made_up") == 1
    assert shares.trouble_of_drop("churn", drop) is None


@needs_root
@pytest.mark.parametrize("kind", ["ext4", "nfs4", "xfs"])
def test_where_rights_are_real_there_is_none(shares, drop, monkeypatch, kind):
    mounted_as(monkeypatch, kind)
    (drop / ".retraind").mkdir()
    os.chown(drop / ".retraind", NOBODY, NOBODY)
    with pytest.raises(Exposed):
        used(shares, drop)


@needs_root
def test_a_command_that_root_runs_takes_the_services_folder_for_the_services(shares, drop):
    used(shares, drop)
    for path in (drop, drop / ".retraind", drop / ".retraind-id", shares.memory.folder):
        os.chown(path, NOBODY, NOBODY)
    assert shares.trouble_of_drop("churn", drop) is None


def test_a_link_in_its_place_is_still_refused(shares, drop, tmp_path):
    (tmp_path / "other").mkdir()
    (drop / ".retraind").symlink_to(tmp_path / "other")
    with pytest.raises(NotADirectoryError):
        used(shares, drop)
    (drop / ".retraind").unlink()
    used(shares, drop)
    shutil.rmtree(drop / ".retraind")
    used(shares, drop)
