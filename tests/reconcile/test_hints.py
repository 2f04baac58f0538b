"""What leads to scans and passes: events, sweeps, what commands wrote, reloads."""

import itertools
import os
import threading
from dataclasses import replace
from datetime import timedelta

import pytest

from retraind.config.load import load
from retraind.daemon import Daemon
from retraind.domain.job import Job, Outcome, State
from retraind.domain.problems import problem
from retraind.reconcile import folders
from retraind.reconcile.work_queue import Asked
from support.clock import ManualClock
from support.lanes import ManualLanes, by_hand, settle, sweep
from support.words import legacy
from support.world import a_world, table


def in_status(drop):
    return " ".join((drop / "STATUS.txt").read_text("utf-8-sig").split())


# Events


def test_a_burst_of_events_is_one_scan_after_a_moment(daemon):
    daemon.queue.take_due(100)
    for _ in range(50):
        daemon.folders.ask_for_scan("churn")
    assert daemon.queue.take_due(100) == []
    daemon._clock.pass_time(timedelta(seconds=folders.HINT_DELAY))
    assert daemon.queue.take_due(100) == [Asked("churn", scan=True)]


def test_endless_events_in_a_folder_that_takes_long_leave_as_much_time_to_others(daemon, monkeypatch):
    """Each scan meets the next event before it ends."""
    folder, looks = daemon.folders.get("churn"), []
    settle(daemon)
    plain = folder.drop_folder.look

    def slow():
        looks.append(daemon._clock.elapsed())
        daemon._clock.pass_time(timedelta(seconds=3))
        return plain()

    monkeypatch.setattr(folder.drop_folder, "look", slow)
    while daemon._clock.elapsed() < 60:
        daemon.folders.ask_for_scan("churn")
        settle(daemon)
        daemon._clock.pass_time(timedelta(seconds=0.1))
    assert 8 <= len(looks) <= 11
    assert all(later - before >= 5.9 for before, later in itertools.pairwise(looks))


def test_hints_may_come_before_the_loop_begins_and_for_models_that_are_gone(daemon):
    for name in ("churn", "unheard-of"):
        daemon.folders.ask_for_scan(name)
    daemon._clock.pass_time(timedelta(seconds=1))
    settle(daemon)


# Sweeps


def test_a_sweep_passes_over_folders_in_which_nothing_changes_and_finds_what_does(daemon, drops, monkeypatch):
    for _ in range(3):
        sweep(daemon)
        daemon._clock.pass_time(timedelta(seconds=10))
    scanned = []
    plain = daemon.loop.scan
    monkeypatch.setattr(daemon.loop, "scan", lambda folder, *_: scanned.append(folder.name) or plain(folder))
    sweep(daemon)
    assert not scanned
    (drops[1] / "train_1.csv").write_bytes(b"a,b\n1,2\n")
    os.utime(drops[1], (1, 1))
    sweep(daemon)
    assert scanned == ["price"]
    assert "train_1.csv" in in_status(drops[1])


def test_a_sweep_considers_all_jobs_in_work_though_their_folders_have_nothing_new(daemon, drops):
    """Whatever was missed is made up for: nothing has to be remembered but the journal."""
    for name in ("train_1.csv", "eval_1.csv", "1.done"):
        (drops[0] / name).write_bytes(table())
    for _ in range(4):
        sweep(daemon)
        daemon._clock.pass_time(timedelta(seconds=10))
    (before,) = daemon.journal.jobs.active()
    assert before.wait.attempts, "the service is not there"
    daemon.queue.forget("churn")
    daemon._clock.pass_time(timedelta(hours=1))
    settle(daemon)
    assert daemon.journal.jobs.active() == [before]
    sweep(daemon)
    assert daemon.journal.jobs.get(before.id).wait.attempts > before.wait.attempts


def test_a_sweep_reads_the_journal_once_for_all_folders_whose_status_it_brings(daemon, drops, monkeypatch):
    asked = []
    plain = daemon.journal.standings
    monkeypatch.setattr(
        daemon.journal, "standings", lambda models: asked.append(set(models)) or plain(models)
    )
    sweep(daemon)
    assert asked == [{"churn", "price"}]
    assert all((drop / "STATUS.txt").exists() for drop in drops)


def test_a_file_system_whose_sweep_takes_longer_than_the_interval_is_not_swept_by_a_second_thread(
    daemon, monkeypatch
):
    """Sweeps would take one thread of the share after the other."""
    (file_system,) = daemon.folders.file_systems()
    scanned = []
    plain = daemon.loop.scan

    def scan(folder, *_):
        scanned.append(folder.name)
        daemon.sweeps.sweep(file_system)  # as another thread of the lane does
        plain(folder)

    monkeypatch.setattr(daemon.loop, "scan", scan)
    daemon.sweeps.sweep(file_system)
    assert sorted(scanned) == ["churn", "price"]
    daemon.sweeps.sweep(file_system)
    assert len(scanned) > 2, "the next one finds it free"


def test_a_stop_does_not_wait_for_a_sweep_of_many_folders(daemon, monkeypatch):
    (file_system,) = daemon.folders.file_systems()
    scanned = []
    monkeypatch.setattr(
        daemon.loop, "scan", lambda folder, *_: (scanned.append(folder.name), daemon._stopping.set())
    )
    daemon.sweeps.sweep(file_system)
    assert len(scanned) == 1


def test_ready_does_not_wait_longer_than_fifteen_seconds_for_a_share_that_hangs(daemon):
    daemon.folders.get("price").file_system = "share that hangs"
    daemon.sweeps.begin()
    begun = daemon._clock.elapsed()
    assert not daemon.sweeps.all_swept(begun)
    daemon.sweeps.sweep(daemon.folders.get("churn").file_system)
    assert not daemon.sweeps.all_swept(begun)
    daemon._clock.pass_time(timedelta(seconds=14))
    assert not daemon.sweeps.all_swept(begun)
    daemon._clock.pass_time(timedelta(seconds=1))
    assert daemon.sweeps.all_swept(begun)


def test_ready_waits_for_all_file_systems_that_answer(daemon):
    begun = daemon._clock.elapsed()
    assert not daemon.sweeps.all_swept(begun)
    for file_system in daemon.folders.file_systems():
        daemon.sweeps.sweep(file_system)
    assert daemon.sweeps.all_swept(begun)


# What commands wrote


@pytest.fixture
def heard(daemon, monkeypatch):
    """Models that were asked for."""
    settle(daemon)
    models = []
    plain = daemon.queue.ask
    monkeypatch.setattr(
        daemon.queue, "ask", lambda name, *given, **more: models.append(name) or plain(name, *given, **more)
    )
    return models


def test_a_hold_that_begins_or_ends_is_heard_of_once(daemon, heard):
    for change in (
        lambda: daemon.journal.holds.hold("churn", legacy("It is gone.", "Bring it."), credential=False),
        lambda: daemon.journal.holds.release("churn", problem("released_by_person")),
    ):
        change()
        daemon.loop.ask_for_changed()
        assert heard == ["churn"]
        settle(daemon)
        heard.clear()
        daemon.loop.ask_for_changed()
        assert heard == []


def test_a_job_that_a_pass_has_seen_is_not_asked_for_again_and_one_that_somebody_ended_is(daemon, heard):
    now = daemon._clock.now()
    job = Job(
        id="job-1", model="churn", key="1", state=State.FILING, files=(), created_at=now, updated_at=now
    )  # fmt: skip
    job = daemon.journal.jobs.add(job, "delivery_complete")
    daemon.queue.ask("churn")
    while daemon.loop.work_off_due():
        pass
    heard.clear()
    daemon.loop.ask_for_changed()
    assert heard == [], "the daemon's own change, which a pass has followed"
    daemon.journal.jobs.write(job, replace(job, state=State.FAILED), "job_filed")
    daemon.loop.ask_for_changed()
    assert heard == ["churn"]


def test_a_wish_is_heard_of_though_nothing_else_has_changed(tmp_path):
    with a_world(tmp_path) as world:
        done = world.run(world.sealing())
        assert done.outcome is Outcome.TRAINED
        with Daemon(world.settings, tmp_path / "config.toml", world.clock, lanes=ManualLanes()) as daemon:
            daemon.folders.allow_writing()
            daemon.begin()
            sweep(daemon)
            daemon._heed_journal()
            settle(daemon)
            world.asked_to_switch(done)
            world.clock.pass_time(timedelta(seconds=30))
            daemon._heed_journal()
            settle(daemon)
            assert daemon.journal.jobs.get(done.id).outcome is Outcome.SWITCHED


def test_a_change_that_could_not_be_read_is_heard_of_later(daemon, heard, monkeypatch):
    daemon._heed_journal()
    daemon.journal.holds.hold("churn", legacy("It is gone.", "Bring it."), credential=False)
    heard.clear()
    with monkeypatch.context() as patch:
        patch.setattr(daemon.journal.holds, "all", lambda: 1 // 0)
        daemon._clock.pass_time(timedelta(seconds=10))
        with pytest.raises(ZeroDivisionError):
            daemon._heed_journal()
    daemon._clock.pass_time(timedelta(seconds=10))
    daemon._heed_journal()
    assert heard == ["churn"]


# Reloads


def test_a_folder_that_a_reload_gives_up_says_so(site, daemon, drops):
    sweep(daemon)
    (site.root / "share" / "other").mkdir()
    text = site.config.read_text()
    site.config.write_text(text.replace(f'"{drops[0]}"', f'"{site.root}/share/other"'))
    daemon._read_again()
    sweep(daemon)
    assert "Files that are dropped here are not taken in." in in_status(drops[0])
    assert "Nothing is waiting" in in_status(site.root / "share" / "other")
    assert "Nothing is waiting" in in_status(drops[1])


def test_a_folder_that_was_given_up_while_retraind_was_stopped_says_so(site, drops):
    other = site.root / "share" / "other"
    other.mkdir()
    for drop in (drops[0], other):
        site.config.write_text(site.config.read_text().replace(f'"{drops[0]}"', f'"{drop}"'))
        with by_hand(site.config, ManualClock()) as daemon:
            sweep(daemon)
    assert "Files that are dropped here are not taken in." in in_status(drops[0])
    assert "Nothing is waiting" in in_status(other)


def test_a_model_that_is_taken_out_and_put_back_is_watched_again(site, daemon, drops):
    sweep(daemon)
    text = site.config.read_text()
    site.config.write_text(text[: text.index("[models.price]")])
    daemon._read_again()
    sweep(daemon)
    assert daemon.folders.get("price") is None
    site.config.write_text(text)
    daemon._read_again()
    sweep(daemon)
    assert "Nothing is waiting" in in_status(drops[1])
    for name in ("train_1.csv", "eval_1.csv", "1.done"):
        (drops[1] / name).write_bytes(table())
        sweep(daemon)
    assert [job.model for job in daemon.journal.jobs.newest()] == ["price"]


def test_a_reload_does_not_wait_for_the_loop(site, daemon):
    """A pass may wait for the journal, and signals are heeded on the thread that reloads."""
    settings, _ = load(site.config)
    begun, end = threading.Event(), threading.Event()
    daemon.journal.work_of, plain = (
        (lambda models: (begun.set(), end.wait(30), plain(models))[2]),
        daemon.journal.work_of,
    )
    daemon.queue.ask("churn")
    looping = threading.Thread(target=daemon.loop.work_off_due)
    looping.start()
    try:
        assert begun.wait(10)
        daemon.reload.take_over(daemon.settings, settings)
    finally:
        end.set()
        looping.join(10)
