"""What hangs is not a drop folder, but holds what the installation itself needs: its configuration, a key …"""

import subprocess
import sys
import threading
from pathlib import Path

import pytest

from retraind.system.remote.helpers import HELPERS
from support.faulty import Rule
from support.process import Site, filed, until
from support.running import running
from support.world import a_world, an_account, key_of

pytestmark = pytest.mark.usefixtures("impatient_helpers")

HANGS = Rule(("getattr", "opendir", "readdir", "open", "read", "readlink", "statfs", "create"), answer="hang")
SILENT = "Connection timed out"


@pytest.fixture
def site(tmp_path, faulty):
    """An installation with two models on a local disk, and a share that is to hang."""
    made = Site(tmp_path, "http://127.0.0.1:1")
    made.share = faulty(tmp_path / "disk", tmp_path / "hung")
    for name in ("first", "second"):
        made.add_model(name, key_of(name))
    return made


@pytest.fixture
def served(tmp_path, site):
    with an_account(tmp_path, "first", "second") as emulator:
        site._text = site._text.replace("http://127.0.0.1:1", emulator.url)
        site.write()
        yield site


def onto(share, path: Path) -> None:
    """Move a file to the share, with a link in its place."""
    there = share.folder / path.name
    there.write_bytes(path.read_bytes())
    there.chmod(path.stat().st_mode & 0o777)
    path.unlink()
    path.symlink_to(share.point / path.name)


COMMANDS = [
    ["status"], ["check"], ["check", "--reload"], ["jobs"], ["show", "x"], ["retry", "x"], ["switch", "x"],
    ["release", "first"], ["snooze", "first", "1d"], ["adopt", "a", "b"], ["health"], ["notify"], ["farewell"], ["journal", "backup"],
    ["systemd-dropin"], ["page"],
]  # fmt: skip


@pytest.mark.quick
def test_every_command_ends_when_the_configuration_hangs_and_says_so(site):
    onto(site.share, site.config)
    before = threading.active_count()
    site.share.tell(HANGS)
    for words in COMMANDS:
        done = site.command(*words)
        assert (done.returncode, words) == (1, words)
        assert f"{site.config} cannot be read: {SILENT}." in done.stderr
    assert site.share.struck()
    assert threading.active_count() <= before + 1, "none hangs there"


def test_a_start_whose_configuration_hangs_ends_so_that_systemd_tries_again(site):
    """Exit code 2 would be the last word."""
    program = (
        "from retraind import cli\nfrom retraind.system.remote import helper\n"
        "helper.PATIENCE = 0.5\n"
        "raise SystemExit(cli.main())"
    )
    onto(site.share, site.config)
    site.share.tell(HANGS)
    done = subprocess.run(
        [sys.executable, "-c", program, "run", "-c", site.config],
        stderr=subprocess.PIPE, timeout=60, text=True, check=False,
    )  # fmt: skip
    assert (done.returncode, SILENT in done.stderr) == (1, True)


def test_a_reload_whose_configuration_hangs_leaves_all_as_it_was(served):
    onto(served.share, served.config)
    with running(served) as run:
        served.share.tell(HANGS)
        until(lambda: run.daemon.view.state().ready_at, "it is ready")
        run.daemon.signals.reload()
        until(lambda: run.daemon.view.state().refused_reload, "it is refused")
        [told] = run.daemon.view.state().refused_reload.problems
        assert told.code == "config_unreadable"
        run.deliver("first")
        until(lambda: filed(served.root / "share" / "first"), "its work goes on")
        served.share.tell()
        until(lambda: served.command("check", "--reload").returncode == 0, "it is read again")
        run.daemon.signals.reload()
        until(lambda: not run.daemon.view.state().refused_reload, "it is reloaded")


@pytest.mark.parametrize("when", ["before the start", "later"])
def test_a_key_file_that_hangs_keeps_no_other_model_waiting(served, when):
    onto(served.share, served.root / "first.key")
    if when == "before the start":
        served.share.tell(HANGS)
    with running(served) as run:
        until(lambda: run.daemon.view.state().ready_at, "it is ready")
        served.share.tell(HANGS)
        run.daemon.signals.reload()
        for name in ("first", "second"):
            run.deliver(name)
        until(lambda: filed(served.root / "share" / "second"), "the other model works")
        assert not filed(served.root / "share" / "first")
        until(lambda: "The key file cannot be read at the moment" in run.status(), "it is told")
        served.share.tell()
        until(lambda: filed(served.root / "share" / "first"), "its own model works once it answers")


def test_a_daemon_whose_key_hangs_ends(served, monkeypatch):
    monkeypatch.setattr("retraind.system.remote.helper.PATIENCE", 60.0)
    onto(served.share, served.root / "first.key")
    with running(served) as run:
        until(lambda: run.daemon.view.state().ready_at, "it is ready")
        served.share.tell(HANGS)
        run.deliver("first")
        until(served.share.struck, "it hangs")
        run.stop()
        assert served.share.struck()


def test_a_command_ends_when_the_place_that_it_is_given_hangs(tmp_path, site, monkeypatch):
    monkeypatch.setattr("retraind.system.remote.helper._TIMES", dict.fromkeys(("look", "read", "sync"), 1))
    with a_world(tmp_path):
        """So that there is a journal."""
    there = site.share.point / "there"
    site.share.tell(HANGS)
    for code, words in (
        (1, ["journal", "backup", str(there)]),
        (1, ["journal", "verify", str(there / "x.db")]),
        (1, ["journal", "restore", str(there / "x.db")]),
        (2, ["preflight", str(there / "train.csv")]),
    ):
        done = site.command(*words)
        assert (done.returncode, words) == (code, words)
        assert SILENT in " ".join((done.stdout + done.stderr).split())
    assert site.share.struck()


@pytest.mark.parametrize("key", ["url", "spool"])
@pytest.mark.quick
def test_what_must_be_on_a_local_disk_is_refused_elsewhere_and_not_touched(site, key):
    place = site.share.point / "state"
    there = {"url": f"sqlite:///{place}/journal.db", "spool": f"{place}/spool"}[key]
    here = {"url": f"sqlite:///{site.root}/state/journal.db", "spool": f"{site.root}/state/spool"}[key]
    site._text = site._text.replace(f'{key} = "{here}"', f'{key} = "{there}"')
    site.write()
    site.share.tell(HANGS)
    for words in COMMANDS:
        done = site.command(*words)
        assert (done.returncode, words) == (2, words)
        assert f"state.{key}" in done.stderr
        assert f"This is on {site.share.point}, a file system of type fuse" in done.stderr
    assert site.share.struck() == []


@pytest.mark.parametrize(
    "rule",
    [
        Rule(("write",), answer="hang"), Rule(("fsync", "flush"), answer="hang"), Rule(("rename",), answer="hang"),
        Rule(("read",), answer="hang"), Rule(("read",), answer="hang", beyond=1 << 16), Rule(("getattr",), answer="hang", after=4),
    ],
)  # fmt: skip
def test_a_backup_on_a_share_that_hangs_in_the_middle_ends_and_leaves_nothing_here(
    tmp_path, site, rule, monkeypatch
):
    monkeypatch.setattr("retraind.system.remote.helper._TIMES", dict.fromkeys(("look", "read", "sync"), 1))
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    with a_world(tmp_path):
        """So that there is a journal."""
    there = site.share.point / "there"
    assert site.command("journal", "backup", str(there), "--keep", "1").returncode == 0
    [made] = (site.share.folder / "there").iterdir()
    before = set(tmp_path.rglob("*"))
    for words in (
        ["backup", str(there)],
        ["verify", str(there / made.name)],
        ["restore", str(there / made.name)],
    ):
        HELPERS.end_all()
        site.share.tell(rule)
        done = site.command("journal", *words)
        if site.share.struck():
            assert (done.returncode, words) == (1, words)
            assert SILENT in " ".join((done.stdout + done.stderr).split())
    site.share.tell()
    HELPERS.end_all()
    here = {path for path in set(tmp_path.rglob("*")) - before if site.share.folder not in path.parents}
    assert not {path for path in here if site.share.point not in path.parents and "hung" not in path.name}, (
        "all is cleared away"
    )


@pytest.mark.quick
def test_a_backup_on_a_share_is_private_and_can_be_restored(tmp_path, site):
    with a_world(tmp_path):
        """So that there is a journal."""
    there = site.share.point / "there"
    for _ in range(2):
        assert site.command("journal", "backup", str(there)).returncode == 0
    made, *_ = sorted((site.share.folder / "there").iterdir())
    assert made.stat().st_mode & 0o777 == 0o600
    shown = there / made.name
    assert site.command("journal", "verify", str(shown)).returncode == 0
    done = site.command("journal", "restore", str(shown))
    assert done.returncode == 0, done.stderr
    assert site.command("journal", "verify").returncode == 0
    made.write_bytes(made.read_bytes()[:5000] + b"x" * 5000)
    done = site.command("journal", "verify", str(shown))
    assert (done.returncode, "x.db" in done.stderr, "copy.db" in done.stderr) == (1, False, False)
