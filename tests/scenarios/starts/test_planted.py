"""Somebody who may write in one model's folder makes thousands of things among its job folders."""

import threading
from pathlib import Path

import pytest

from retraind.store.copies import recovery
from support.process import deliver_pair, filed, until
from support.running import Running
from support.world import an_account, key_of

NAMES = ("churn", "price")
BIG = 16 << 20


@pytest.fixture
def service(tmp_path):
    with an_account(tmp_path, *NAMES) as emulator:
        yield emulator


@pytest.fixture
def drops(site):
    return {name: site.add_model(name, key_of(name), 'settle = "0s"') for name in NAMES}


def plant(done, number, copy):
    """Make job-like folders whose job.json are names of one file."""
    done.mkdir(exist_ok=True)
    source = done / ".source"
    source.write_bytes(copy)
    for each in range(number):
        folder = done / f"2026-01-01T000000Z_{each}_abcdef"
        folder.mkdir()
        (folder / "job.json").hardlink_to(source)


def test_hard_linked_copies_of_many_megabytes_are_not_read(site, drops):
    """Each was read, 16 MB of it; with 300 of them a start took over a minute."""
    plant(drops["churn"] / "done", 300, b'{"seal": "' + b"a" * (BIG - 64) + b'", "job": ""}')
    site.start(own=True)
    assert _bytes_read(site.process.pid) < 100 << 20, "of 5 GB"
    for name in NAMES:
        deliver_pair(drops[name])
        until(lambda name=name: filed_of(drops[name]), f"{name} is filed")


def filed_of(drop):
    return [path for path in filed(drop) if path.name.startswith("2026-1")]


def _bytes_read(process):
    lines = Path(f"/proc/{process}/io").read_text().splitlines()
    return int(dict(line.split(": ") for line in lines)["rchar"])


def test_while_one_models_folders_are_read_the_others_work_and_it_takes_nothing_in(site, drops, monkeypatch):
    done = drops["churn"] / "done"
    done.mkdir()
    for each in range(20_000):
        (done / f"2026-01-01T000000Z_{each}_abcdef").mkdir()
    reading, go_on = threading.Event(), threading.Event()
    plain = recovery.copies_in

    def copies_in(place, *others, **more):
        if place.folder == done:
            reading.set()
            assert go_on.wait(60)
        return plain(place, *others, **more)

    monkeypatch.setattr(recovery, "copies_in", copies_in)
    monkeypatch.setattr("retraind.system.remote.helper.PATIENCE", 60.0)
    monkeypatch.setattr("retraind.daemon._READ_PATIENCE", 0.5)
    run = Running(site)
    for name in NAMES:
        deliver_pair(drops[name])
    run.start()
    try:
        assert reading.wait(20)
        until(lambda: filed(drops["price"]), "the other model's delivery is filed")
        until(lambda: run.daemon.folders.may_write, "the daemon is ready")
        assert run.daemon.journal.jobs.newest("churn") == []
        assert (drops["churn"] / "train_1.csv").exists()
        go_on.set()
        until(lambda: run.daemon.journal.jobs.newest("churn"), "it is taken in once they are read")
    finally:
        go_on.set()
        run.stop()
