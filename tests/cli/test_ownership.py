"""What root leaves in the state folder, the service could not use; so commands that write act as its owner."""

import json
import os
import shutil
import sqlite3
import stat
import sys
from contextlib import closing
from pathlib import Path

import pytest

from retraind.cli import control as _imported_while_all_can_be_read  # noqa: F401
from retraind.cli import main
from retraind.cli.output import BAD, GOOD
from retraind.store.instance import sole_instance
from support.process import NOBODY, Site, deliver_pair, somebody
from support.world import KEY
from support.zygote import run

pytestmark = [
    pytest.mark.skipif(os.geteuid() != 0, reason="only root can act as another user"),
]


@pytest.fixture
def owned(disk, service):
    """An installation whose service is run by another user, with one job that failed."""
    disk.chmod(0o755)
    site = Site(disk, service.url)
    site.drop = site.add_model("churn", KEY, 'settle = "0s"')
    deliver_pair(site.drop)
    (site.drop / "eval_1.csv").write_text("only one column\n1\n")
    assert site.once() == BAD
    hand_over(disk)
    site.config.chmod(0o640)
    os.chown(site.config, 0, 0)
    return site


def hand_over(folder: Path) -> None:
    for path in (folder, *folder.rglob("*")):
        os.chown(path, NOBODY, NOBODY, follow_symlinks=False)


def strangers(site: Site) -> list[Path]:
    """Return what in the state and on the share does not belong to the service."""
    folders = (site.root / "state", site.root / "share")
    return [path for folder in folders for path in folder.rglob("*") if path.lstat().st_uid != NOBODY]


@pytest.mark.parametrize("lost", [False, True], ids=["the journal is there", "the journal is lost"])
def test_rebuild_as_root_leaves_nothing_of_roots(owned, lost):
    if lost:
        for path in (owned.root / "state").glob("journal.db*"):
            path.unlink()
    done = run("rebuild", "-c", owned.config)
    assert done.returncode == GOOD, done.stderr
    assert strangers(owned) == []


def test_root_restores_a_backup_that_the_service_cannot_read(owned, disk):
    made = json.loads(run("journal", "backup", "--json", "-c", owned.config).stdout)["path"]
    kept = disk / "of-root"
    kept.mkdir(0o700)
    backup = Path(made).rename(kept / "kept.db")
    backup.chmod(0o600)
    os.chown(backup, 0, 0)
    shutil.rmtree(owned.root / "state/backups")
    (owned.root / "state/journal.db").unlink()
    done = run("journal", "restore", backup, "-c", owned.config)
    assert done.returncode == GOOD, done.stderr
    assert strangers(owned) == []


@pytest.mark.parametrize("command", [("jobs",), ("status",)])
def test_root_who_looks_after_an_upgrade_leaves_nothing_of_roots(owned, command):
    older(owned)
    run(*command, "-c", owned.config)
    assert strangers(owned) == []
    (kept,) = (owned.root / "state/backups").iterdir()
    assert kept.name.startswith("upgrade-")


@pytest.mark.skipif(
    not all(folder.stat().st_mode & stat.S_IXOTH for folder in Path(__file__).parents),
    reason="other users cannot read the code here, as below /root",
)
def test_no_command_upgrades_a_journal_that_an_older_retraind_is_using(owned):
    older(owned)
    before = (owned.root / "state/journal.db").read_bytes()
    with sole_instance(owned.root / "state/journal.db"):
        for words in (["jobs"], ["status", "--json"], ["retry", "1", "--no-wait"]):
            done = run(*words, "-c", owned.config)
            assert done.returncode == BAD
            assert "older retraind, which is still using it" in " ".join(done.stderr.split())
    assert (owned.root / "state/journal.db").read_bytes() == before


def older(site: Site) -> None:
    """Make the journal one of the schema before the upgrades were noted."""
    with closing(sqlite3.connect(site.root / "state/journal.db")) as journal:
        journal.execute("UPDATE alembic_version SET version_num = '0007'")
        journal.execute("DROP TABLE upgrades")
        journal.commit()


def test_requests_as_root_leave_nothing_of_roots(owned):
    (job,) = (path.name for path in (owned.drop / "failed").iterdir())
    assert run("retry", "-c", owned.config, job).returncode == GOOD
    assert strangers(owned) == []


def test_root_who_runs_the_service_by_hand_leaves_nothing_of_roots(owned):
    """It acts as the service's user, or refuses: that user cannot read a Python below /root."""
    deliver_pair(owned.drop, "2", 7)
    hand_over(owned.drop)
    done = run("run", "-c", owned.config, "--once")
    with somebody():
        readable = os.access(os.__file__, os.R_OK, effective_ids=True)
    if readable:
        assert [path.name for path in (owned.drop / "done").iterdir() if "_2_" in path.name]
    else:
        assert done.returncode == BAD
        assert f"but that user cannot read {sys.prefix}" in done.stderr
    assert strangers(owned) == []


def test_whoever_cannot_act_as_the_owner_is_told_who_it_is(owned, capsys):
    owned.config.chmod(0o644)
    for path in (owned.root / "state", *(owned.root / "state").rglob("*")):
        os.chown(path, 1, 1)
    for mode in (0o700, 0o755):
        (owned.root / "state").chmod(mode)
        with somebody():
            assert main(["rebuild", "-c", str(owned.config)]) == BAD
        told = capsys.readouterr().err
        assert "permission denied" in told
        assert mode == 0o700 or "sudo -u daemon retraind" in told, "whose it is can be seen"
