"""Shares whose files have another inode number each time, and drop folders in which other ones are mounted."""

import os

import pytest

from retraind.cli.setup.checkup import checkup
from retraind.config.load import load
from retraind.config.settings import ModelSettings
from retraind.domain.job import State
from retraind.intake.drop_folder import DropFolder
from retraind.system.clock import Clock
from support.faulty import Rule
from support.process import Site, deliver, filed, until
from support.running import running
from support.words import told
from support.world import an_account, key_of, table

RENUMBERED = Rule(("getattr",), "*.csv", answer="renumber")
NESTED = 'settle = "300ms"\ntrain = "train/{key}.csv"\neval = "eval/{key}.csv"'


@pytest.fixture
def site(tmp_path):
    with an_account(tmp_path, "churn") as emulator:
        yield Site(tmp_path, emulator.url)


@pytest.mark.parametrize("ready", ['settle = "300ms"', 'ready = "marker"\nsettle = "300ms"'])
def test_files_whose_inode_numbers_change_settle_are_sealed_and_filed(site, tmp_path, faulty, ready):
    drop = site.add_model("churn", key_of("churn"), ready)
    site._text += '[sweep]\ninterval = "300ms"\n'
    site.write()
    share = faulty(tmp_path / "disk", drop)
    share.tell(RENUMBERED)
    with running(site) as run:
        for name in ("train_1.csv", "eval_1.csv", *(["1.done"] if "marker" in ready else [])):
            deliver(share.folder, name, table(40) if name != "1.done" else b"")
        until(lambda: filed(share.folder), "it is filed")
        (folder,) = filed(share.folder)
        assert folder.parent.name == "done"
        view = run.daemon.folders.get("churn").view
        assert any("different inode number" in told(each) for each in view.strangers)
        until(
            lambda: b"different inode number" in (share.folder / "STATUS.txt").read_bytes(),
            "STATUS.txt says it",
        )
        jobs = run.daemon.journal.jobs
        until(lambda: [job.state for job in jobs.newest() if job.state is State.DONE], "it is done")
        assert [job.state for job in jobs.newest() if job.state is not State.RETURNED] == [State.DONE]


@pytest.mark.quick
def test_a_file_that_was_replaced_is_not_taken_for_one_whose_number_changes(tmp_path):
    model = ModelSettings.model_validate({"drop": tmp_path, "api_key": "k", "settle": "1h"})
    folder = DropFolder(model, (), Clock(), None, lambda: None)
    for _ in range(6):
        deliver(tmp_path, "train_1.csv", table(40))
        os.utime(tmp_path / "train_1.csv", (1, 1))
        assert folder.look().strangers == ()


@pytest.mark.parametrize("kind", ["another file system", "the same one"])
def test_a_folder_of_the_drop_folder_that_is_a_mount_is_reported_and_nothing_is_tried_for_ever(
    site, tmp_path, mount, kind
):
    drop = site.add_model("churn", key_of("churn"), NESTED)
    site._text += '[sweep]\ninterval = "300ms"\n'
    site.write()
    (drop / "train").mkdir()
    (drop / "eval").mkdir()
    inner = tmp_path / "inner"
    inner.mkdir()
    what = ("-t", "tmpfs", "retraind-tests") if kind == "another file system" else ("--bind", inner)
    mounted = mount(drop / "train", *what)
    settings, _ = load(site.config)
    wrong = [each for each in checkup(settings, online=False) if not each.good]
    assert [f"{drop}/train is on a file system of its own" in each.text for each in wrong] == [True]
    with running(site) as run:
        for folder in ("train", "eval"):
            deliver(drop / folder, "1.csv", table(40))
        until(lambda: b"train/ is on a file system of its own" in read(drop / "STATUS.txt"), "it says why")
        assert run.daemon.journal.jobs.newest() == []
        content = (drop / "train" / "1.csv").read_bytes()
        mounted.off()
        deliver(drop / "train", "1.csv", content)
        until(lambda: filed(drop), "as an ordinary folder it serves")


def read(path):
    return path.read_bytes() if path.exists() else b""
