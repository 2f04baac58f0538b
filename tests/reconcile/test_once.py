"""`run --once` works off all that is complete, however fast scans, passes and seals are, and then ends."""

import pytest

from retraind.daemon import Daemon
from retraind.reconcile import decide, once
from retraind.reconcile.once import Once
from support.lanes import by_hand, sweep
from support.process import Site, filed
from support.world import a_world, table

BROKEN = b"one\n1\n"


@pytest.fixture
def site(tmp_path):
    made = Site(tmp_path, "http://127.0.0.1:9")
    made.add_model("churn", "key-of-churn-0123456789", 'settle = "0s"\nmode = "train-only"')
    return made


@pytest.fixture
def drop(site):
    return site.root / "share" / "churn"


def put(drop, *keys, content=BROKEN):
    for key in keys:
        (drop / f"train_{key}.csv").write_bytes(content)


def test_more_than_is_taken_in_at_once_is_worked_off_though_nothing_waits_for_its_training(
    site, drop, monkeypatch
):
    monkeypatch.setattr(decide, "_MOST_AT_ONCE", 3)
    monkeypatch.setattr(once, "_MARGIN", 0.0)
    monkeypatch.setattr("retraind.daemon._ONCE_STEP", 0.001)
    put(drop, *range(20))
    assert site.once() == 1
    assert len(filed(drop)) == 20


def test_it_ends_though_there_is_no_room_for_more(site, drop, monkeypatch):
    monkeypatch.setattr(decide, "MOST_AN_HOUR", 2)
    monkeypatch.setattr(once, "_MARGIN", 0.0)
    put(drop, *range(5))
    assert site.once() == 1
    assert len(filed(drop)) == 2


@pytest.fixture
def daemon(site):
    with by_hand(site.config) as made:
        yield made


@pytest.fixture
def run(daemon, monkeypatch):
    """One run past the time in which what arrives is waited for."""
    monkeypatch.setattr(once, "_MARGIN", -1.0)
    return Once(daemon.settings, daemon.journal, daemon.folders, daemon.sweeps, daemon._clock)


def test_it_waits_for_the_first_scan_of_all_folders(daemon, run):
    assert not run.is_worked_off()
    sweep(daemon)
    assert run.is_worked_off()


def test_what_a_scan_has_found_is_waited_for(daemon, run, drop):
    put(drop, 1)
    (file_system,) = daemon.folders.file_systems()
    daemon.sweeps.sweep(file_system)
    assert not run.is_worked_off(), "no pass has seen it"
    while daemon.loop.work_off_due():
        assert not run.is_worked_off()
    daemon.lanes.share(file_system).run_one()
    assert not run.is_worked_off(), "it is sealed, and the folder has not been scanned since"


def test_only_what_happens_in_the_run_counts(site, daemon, drop):
    put(drop, 1)
    sweep(daemon)
    assert len(filed(drop)) == 1
    later = Once(daemon.settings, daemon.journal, daemon.folders, daemon.sweeps, daemon._clock)
    assert not later.ended_badly()
    put(drop, 2)
    sweep(daemon)
    assert later.ended_badly(), "though it came and went between two questions"


def test_a_delivery_of_an_earlier_run_that_fails_in_this_one_counts(tmp_path):
    with a_world(tmp_path) as world:
        world.emulator.set_faults({"train_fails": 1.0})
        world.sealing(train=table())
        with Daemon(world.settings, tmp_path / "config.toml") as daemon:
            assert daemon.run(once=True) == 1
        with Daemon(world.settings, tmp_path / "config.toml") as daemon:
            assert daemon.run(once=True) == 0
