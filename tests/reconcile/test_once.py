"""`run --once` works off all that is complete, however fast scans, passes and seals are, and then ends."""

import time
from datetime import timedelta

import pytest

from retraind.config.load import load
from retraind.daemon import Daemon
from retraind.domain.job import State
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


def test_during_an_outage_it_ends_after_the_time_that_it_was_given_and_with_1(site, drop, capsys):
    (drop / "train_1.csv").write_bytes(table())
    began = time.monotonic()
    with Daemon(load(site.config)[0], site.config) as daemon:
        assert daemon.run(once=True, longest=timedelta(seconds=2)) == 1
    assert 2 <= time.monotonic() - began < 20
    told = capsys.readouterr()
    assert "out_of_time" in told.out + told.err
    assert filed(drop) == [], "it is not lost, nor failed"
    (job,) = site.jobs()
    assert job["attempts"] > 0


def test_time_that_is_enough_changes_nothing(site, drop):
    put(drop, 1)
    with Daemon(load(site.config)[0], site.config) as daemon:
        assert daemon.run(once=True, longest=timedelta(hours=1)) == 1
    assert len(filed(drop)) == 1


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (["--once", "--for", "soon"], "--for = soon: This is not a duration."),
        (["--once", "--for", "0s"], "--for = 0s: This duration must be longer than zero."),
        (["--for", "1h"], "--for requires --once"),
    ],
)
def test_a_time_that_makes_no_sense_is_wrong_usage(site, arguments, told):
    done = site.command("run", *arguments)
    assert done.returncode == 2
    assert told in done.stderr


def test_what_waits_behind_a_delivery_on_hold_keeps_no_run_from_ending(tmp_path):
    with a_world(tmp_path, budget="0/year") as world:
        world.sealing(key="1", train=table())
        world.sealing(key="2", train=table(offset=1))
        with Daemon(world.settings, tmp_path / "config.toml") as daemon:
            assert daemon.run(once=True, longest=timedelta(seconds=60)) == 1
        first, second = world.journal.jobs.active()
        assert first.hold
        assert second.state is State.SEALED
        history = [event.event for event in world.journal.events.history()]
        assert "held" in history
