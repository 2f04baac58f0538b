"""A share that hangs, as a `hard` mount does whose server is gone: each call blocks in the kernel, for ever."""

import json
import threading
from contextlib import contextmanager

import pytest

from faults.faulty import Rule
from process import Site, deliver
from retraind.intake.share import Shares
from retraind.job import Problem, State
from world import a_world, table

HANGS = Rule(("getattr", "opendir", "readdir", "open", "readlink", "statfs"), answer="hang")
SILENT = "Connection timed out. The share does not answer. Mend it, or mount it again."


@pytest.fixture(autouse=True)
def _soon_out_of_patience(monkeypatch):
    monkeypatch.setattr("retraind.patience.PATIENCE", 0.5)


@pytest.fixture
def site(tmp_path, faulty):
    """An installation with two models on a share that is to hang, by links, and one beside it that is well."""
    made = Site(tmp_path, "http://127.0.0.1:1")
    made.share = faulty(tmp_path / "disk", tmp_path / "hung")
    made.add_model("well", "k")
    for name in ("first", "second"):
        (made.share.point / name).mkdir()
        (tmp_path / "share" / name).symlink_to(made.share.point / name)
        made.add_model(name, "k")
    return made


@pytest.fixture
def jobs(tmp_path, site):
    """A job that is done and one that has failed."""
    with a_world(tmp_path) as world:
        found = (
            world.run(world.sealing("1")), world.run(world.sealing("2", train=b"broken\n1\n")),
        )  # fmt: skip
        world.journal.hold_model("well", Problem(what="It is held.", remedy=""), credential=False)
    assert [job.state for job in found] == [State.DONE, State.FAILED]
    return [job.id for job in found]


@contextmanager
def hanging(share):
    """Let the share hang while the block runs, in which a command is run."""
    share.tell(HANGS)
    try:
        yield
        assert share.struck()
        # One when the configuration was read and one afterwards, not one for each model.
        left = [thread for thread in threading.enumerate() if thread.name == "asker"]
        assert len(left) <= 2
    finally:
        share.tell()
    for thread in left:
        thread.join(10)


def test_status_tells_of_it_and_shows_all_else(site, jobs):
    deliver(site.root / "share" / "well", "train_1.csv", table(20))
    with hanging(site.share):
        done = site.command("status", "--json")
    assert done.returncode == 1
    told = {model["name"]: model for model in json.loads(done.stdout)["models"]}
    for name in ("first", "second"):
        assert told[name]["trouble"] == f"{told[name]['drop']} cannot be looked at: {SILENT}"
        assert told[name]["trouble"] in told[name]["sentences"]
    assert told["well"]["trouble"] is None
    assert told["well"]["waiting"] == ["1"]


def test_check_finds_it_wrong_and_checks_all_else(site):
    with hanging(site.share):
        done = site.command("check")
    assert done.returncode == 1
    lines = done.stdout.splitlines()
    drops = {name: site.root / "share" / name for name in ("well", "first", "second")}
    assert f"ok     models.well.drop: {drops['well']} can be read and written" in lines
    for name in ("first", "second"):
        assert f"WRONG  models.{name}.drop: {drops[name]} cannot be looked at: {SILENT}" in lines
        assert f"ok     models.{name} credential: the API key is there" in lines


COMMANDS = {
    "jobs": (["jobs"], "done"),
    "show": (["show", "DONE"], "History:"),
    "switch": (["switch", "DONE"], "noted."),
    "retry": (["retry", "FAILED"], "noted."),
    "release": (["release", "well"], "well: released."),
}


@pytest.mark.parametrize(("words", "said"), COMMANDS.values(), ids=COMMANDS)
def test_commands_about_other_models_do_not_wait_for_it(site, jobs, words, said):
    named = dict(zip(("DONE", "FAILED"), jobs, strict=True))
    with hanging(site.share):
        done = site.command(*(named.get(word, word) for word in words))
    assert (done.returncode, done.stderr) == (0, "")
    assert said in done.stdout


def test_a_folder_that_hangs_is_not_taken_for_another_one(site, jobs):
    """Nobody can tell now whether it is the folder that is known."""
    shares = Shares.beside(site.root / "state" / "journal.db")
    drop = site.root / "share" / "first"
    with shares.held("first", drop):
        pass
    with hanging(site.share):
        done = site.command("release", "first")
    assert done.returncode == 1
    assert f"{drop} cannot be looked at: {SILENT}" in done.stderr
    assert shares.forget("first"), "it is still known"
