"""Drop folders under watch: when they are written to, what is remembered of a scan and across a reload."""

import os
import threading
from collections import Counter
from datetime import timedelta

import pytest

from retraind.intake.drop_folder import View
from retraind.intake.share_identity import MARKER
from retraind.reconcile.folders import Moves
from retraind.reconcile.work_queue import Asked
from retraind.system.mounts import TABLE
from support.clock import ManualClock
from support.lanes import by_hand, settle, sweep


def names_in(folder):
    return sorted(path.name for path in folder.iterdir())


def drop(daemon, folder, key="1"):
    """Write a delivery and, once a scan has seen its files, its marker."""
    for name in (f"train_{key}.csv", f"eval_{key}.csv"):
        (folder / name).write_bytes(b"a,b\n1,2\n")
    daemon.folders.get("churn").drop_folder.look()
    (folder / f"{key}.done").touch()


def test_no_folder_is_written_to_before_all_were_scanned(daemon, drops):
    """READY has to wait for the scans, and of a thousand folders the disk would take many seconds."""
    daemon.folders.allow_writing(yes=False)
    sweep(daemon)
    assert all(folder.view.trouble is None for folder in daemon.folders.all())
    assert [names_in(drop) for drop in drops] == [[], []]
    daemon.folders.allow_writing()
    sweep(daemon)
    assert [names_in(drop) for drop in drops] == [[MARKER, "STATUS.txt"]] * 2


def test_until_then_a_pass_is_requested_where_it_has_anything_to_do(site, drops):
    """Of a thousand models most have neither a delivery nor a job."""
    with by_hand(site.config, ManualClock()) as daemon:
        daemon.folders.allow_writing(yes=False)
        daemon.sweeps.sweep(daemon.folders.get("churn").file_system)
        assert daemon.queue.take_due(10) == []
        drop(daemon, drops[0])
        daemon.sweeps.sweep(daemon.folders.get("churn").file_system)
        assert daemon.queue.take_due(10) == [Asked("churn", scan=False)]
        for _ in range(2):
            daemon.queue.ask("churn")
            daemon.loop.work_off_due()
        assert [job.key for job in daemon.journal.jobs.active()] == ["1"]
        for file in drops[0].iterdir():
            file.unlink()
        daemon.loop.scan(daemon.folders.get("churn"))
        assert not daemon.folders.get("churn").unseen
        assert daemon.queue.take_due(10) == [Asked("churn", scan=False)], "it has a job"


def test_what_ready_asked_to_be_published_needs_no_scan_and_what_could_not_be_does(
    daemon, drops, monkeypatch
):
    daemon.folders.allow_writing(yes=False)
    sweep(daemon)
    daemon.folders.allow_writing()
    scans = daemon.folders.touches.scans
    for folder in daemon.folders.all():
        folder.is_publish_due = True
    daemon.queue.ask_each(daemon.folders.names())
    for name in daemon.folders.file_systems():
        daemon.sweeps.sweep(name)
    assert daemon.folders.touches.scans == scans
    with monkeypatch.context() as patch:
        patch.setattr("retraind.reconcile.publishing.write_status", lambda *_, **__: 1 / 0)
        with pytest.raises(ZeroDivisionError):
            settle(daemon)
    sweep(daemon)
    assert daemon.folders.touches.scans > scans
    assert [names_in(drop) for drop in drops] == [[MARKER, "STATUS.txt"]] * 2


def test_after_a_change_of_the_mount_table_no_link_is_read_for_each_of_many_folders(daemon, monkeypatch):
    read, plain = Counter[str](), os.readlink

    def readlink(path, **given):
        read[str(path)] += 1
        return plain(path, **given)

    daemon.folders.moved()
    monkeypatch.setattr(TABLE, "_outdated", True)
    monkeypatch.setattr(os, "readlink", readlink)
    assert daemon.folders.moved() == []
    assert read[str(daemon.folders.get("churn").model.drop)] == 1
    assert set(read.values()) == {1}


def test_a_folder_is_marked_before_the_first_delivery_is_taken_from_it(daemon, drops):
    daemon.folders.allow_writing(yes=False)
    drop(daemon, drops[0])
    sweep(daemon)
    assert {MARKER, ".retraind"} <= set(names_in(drops[0]))
    assert [job.key for job in daemon.journal.jobs.newest()] == ["1"]
    assert names_in(drops[1]) == []


@pytest.fixture
def folder(daemon):
    return daemon.folders.get("churn")


def test_what_was_found_is_there_until_a_pass_has_dealt_with_it(daemon, drops, folder):
    drop(daemon, drops[0])
    assert folder.scan(daemon._clock).news
    (found,) = folder.found()
    assert folder.found() == (found,), "a pass that fails does not lose it"
    assert folder.unseen
    folder.dealt_with(folder.found())
    assert folder.found() == ()
    assert not folder.unseen
    assert folder.view.complete == (found,)


def test_what_a_scan_finds_while_a_pass_deals_with_what_the_one_before_found_is_not_lost(
    daemon, drops, folder
):
    drop(daemon, drops[0], "1")
    folder.scan(daemon._clock)
    before = folder.found()
    drop(daemon, drops[0], "2")
    folder.scan(daemon._clock)
    folder.dealt_with(before)
    assert [delivery.key for delivery in folder.found()] == ["1", "2"]


def test_what_was_found_before_files_were_moved_counts_no_more(daemon, drops, folder):
    drop(daemon, drops[0])
    folder.scan(daemon._clock)
    with folder.moves.one():
        assert folder.found() == ()
        assert not folder.scan(daemon._clock).news
    assert folder.found() == ()
    assert folder.unseen
    folder.scan(daemon._clock)
    assert len(folder.found()) == 1


def test_moves_at_the_same_time_are_all_waited_for():
    moves = Moves()
    marks = [moves.mark()]
    with moves.one():
        with moves.one():
            assert moves.mark() is None
        assert moves.mark() is None
    marks.append(moves.mark())
    assert None not in marks
    assert len(set(marks)) == 2


def test_nobody_waits_for_a_scan_that_hangs(daemon, folder, monkeypatch):
    begun, end = threading.Event(), threading.Event()

    def hang():
        begun.set()
        end.wait(30)
        return View()

    monkeypatch.setattr(folder.drop_folder, "look", hang)
    scanner = threading.Thread(target=folder.scan, args=(daemon._clock,))
    scanner.start()
    try:
        assert begun.wait(10)
        assert folder.found() == ()
        assert folder.scan(daemon._clock) == (False, None)
        daemon.queue.ask("churn")
        while daemon.loop.work_off_due():
            pass
    finally:
        end.set()
        scanner.join(10)
    assert not scanner.is_alive()


def test_a_scan_that_breaks_does_not_keep_the_next_from_its_work(daemon, folder, monkeypatch):
    with monkeypatch.context() as patch:
        patch.setattr(folder.drop_folder, "look", lambda: 1 // 0)
        with pytest.raises(ZeroDivisionError):
            folder.scan(daemon._clock)
    assert folder.scan(daemon._clock).news


def test_what_was_taken_in_within_the_hour_and_what_is_being_moved_outlives_a_reload(site, daemon, folder):
    folder.taken_in.append(daemon._clock.elapsed())
    site.config.write_text(site.config.read_text().replace('ready = "marker"', 'settle = "5s"'))
    with folder.moves.one():
        daemon._read_again()
        fresh = daemon.folders.get("churn")
        assert fresh is not folder
        assert folder.retired
        assert not fresh.retired
        assert fresh.taken_within_hour(daemon._clock.elapsed()) == 1
        assert fresh.moves.mark() is None
    daemon._clock.pass_time(timedelta(hours=1))
    assert fresh.taken_within_hour(daemon._clock.elapsed()) == 0
    settle(daemon)


def test_a_folder_that_comes_back_and_goes_again_is_out_of_reach_from_the_second_time_on(folder):
    for away, back in ((10.0, 20.0), (30.0, 40.0)):
        folder.last = View(trouble="It cannot be read.")
        assert folder.out_for(away) == 0
        assert folder.out_for(away + 5) == 5
        folder.last = View()
        assert folder.out_for(back) == 0
