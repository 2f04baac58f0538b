"""The loop: who runs when, what is asked for again, and what a share that hangs leaves alone."""

import threading
from dataclasses import replace
from datetime import timedelta

import pytest
import sqlalchemy as sa

from retraind.domain.job import End, Outcome, State
from retraind.reconcile import lanes as lanes_module
from retraind.reconcile.lanes import SHARE_THREADS, Lanes, Shared
from retraind.reconcile.loop import _AFTER_FAILURE
from retraind.reconcile.work_queue import Asked
from support.lanes import ManualLanes, by_hand, parts_of, scan, settle, sweep
from support.process import Site, until
from support.world import a_world, table


@pytest.fixture
def world(tmp_path):
    with a_world(tmp_path) as made:
        yield made


@pytest.fixture
def parts(world):
    """A loop that does nothing by itself: what is run is what the test runs."""
    return parts_of(world, ManualLanes())


def run(parts, job):
    """Run the step of a job on its lane."""
    job = parts.loop._journal.jobs.get(job.id)
    lane = lanes_module.LANE_OF[job.state]
    parts.loop._advance("churn", job.id, lane)


def sent(world, job):
    """Whether a job has got as far as the service. What comes after depends on the emulator's own threads."""
    return world.journal.jobs.get(job.id).training is not None


# Turns


def test_deliveries_found_half_sealed_after_a_kill_are_trained_one_after_the_other(world, parts):
    first = world.sealing(key="1", train=table(40, 1))
    second = world.sealing(key="2", train=table(40, 2))
    for job in (first, second):
        run(parts, job)
        assert world.journal.jobs.get(job.id).state is State.SEALED
    for _ in range(2):
        run(parts, second)
        assert world.journal.jobs.get(first.id).state is State.UPLOADED
        assert world.journal.jobs.get(second.id).state is State.SEALED


def test_a_job_that_another_thread_ends_in_the_moment_before_it_is_claimed_is_not_worked_on_again(
    world, parts, monkeypatch
):
    job = world.sealing(train=b"age\n1\n")
    run(parts, job)
    plain = world.journal.work_of
    parts.loop._claims.claim(job.id)  # by the other thread

    def read_and_lose_the_processor(models):
        found = plain(models)
        monkeypatch.setattr(world.journal, "work_of", plain)
        assert world.run(world.journal.jobs.get(job.id)).state is State.FAILED
        parts.loop._claims.release(job.id)
        return found

    monkeypatch.setattr(world.journal, "work_of", read_and_lose_the_processor)
    run(parts, job)
    assert world.journal.jobs.get(job.id).state is State.FAILED
    assert [event.event for event in world.journal.events.history(job.id)].count("job_filed") == 1


def test_a_delivery_that_a_person_brings_back_waits_for_the_one_in_work(world, parts):
    failed = world.run(world.sealing(key="1", train=b"age\n1\n"))
    assert failed.outcome is Outcome.FAILED
    other = world.run(world.sealing(key="2", train=table(40, 2)), until=State.BUNDLED)
    world.asked_to_retry(failed)
    run(parts, failed)
    assert world.journal.jobs.get(failed.id).state is State.SEALED
    run(parts, failed)
    assert world.journal.jobs.get(failed.id).state is State.SEALED
    assert world.journal.jobs.get(other.id).state is State.UPLOADED


@pytest.mark.parametrize("backwards", [False, True])
def test_of_deliveries_found_together_the_oldest_key_is_sent_first_in_whatever_order_they_are_sealed(
    world, parts, backwards
):
    for key in "312":
        world.drop(f"train_{key}.csv", table(40, int(key)))
        world.drop(f"eval_{key}.csv", table(20))
    scanned_settled(world, parts)
    (share,) = (parts.lanes.share(name) for name in parts.folders.file_systems())
    order = sorted(world.journal.jobs.active("churn"), key=lambda job: job.key, reverse=backwards)
    assert len(order) == 3
    for job in order:
        share.run(job.id)
        while parts.loop.work_off_due():
            assert bool(parts.lanes.shared(Shared.SEND).tasks) == (job is order[-1])
    parts.lanes.shared(Shared.SEND).run_one()
    assert {job.key: job.state for job in world.journal.jobs.active("churn")} == {
        "1": State.UPLOADED, "2": State.SEALED, "3": State.SEALED,
    }  # fmt: skip


def scanned_settled(world, parts):
    """Have the folder scanned until its files have settled, and what is complete taken in; no more."""
    for _ in range(2):
        parts.queue.ask("churn", scan=True)
        while parts.loop.work_off_due():
            for lane in [*parts.lanes.lanes.values()]:
                if "scan churn" in lane.tasks:
                    lane.run("scan churn")
        world.clock.pass_time(timedelta(seconds=11))


def test_of_a_backlog_found_together_none_but_the_latest_is_sent_in_whatever_order_they_are_sealed(tmp_path):
    with a_world(tmp_path, backlog="latest", settle=0) as world:
        parts = parts_of(world, ManualLanes())
        for key in "312":
            world.drop(f"train_{key}.csv", table(40, int(key)))
            world.drop(f"eval_{key}.csv", table(20))
        parts.queue.ask("churn", scan=True)
        settle(parts)
        assert {job.key for job in world.journal.jobs.newest() if job.outcome is Outcome.SUPERSEDED} == {
            "1",
            "2",
        }
        assert [job.key for job in world.journal.jobs.newest() if sent(world, job)] == ["3"]


# Lanes


@pytest.fixture
def running(world):
    """A loop that runs, with one thread on each lane, whose steps take until `free` is set."""
    free, taken = threading.Event(), threading.Event()

    def work(job, _states):
        taken.set()
        free.wait(30)
        return job

    parts = parts_of(world, Lanes(1))
    parts.plain, parts.free, parts.taken = world.pipeline.advance, free, taken
    world.pipeline.advance = work
    with parts.lanes.running():
        parts.loop.start()
        yield parts
        free.set()
        world.stopping.set()
        parts.loop.stop()


def waiting(lane):
    """How many tasks wait for a thread of a lane."""
    return len(lane._waiting)


def heard(parts):
    """Wait until the loop has dealt with all that is due."""
    now = parts.queue._clock.elapsed()
    until(
        lambda: all(due > now for due in [*parts.queue._due.values()]),
        "all has been given to lanes",
        patience=20,
    )


def test_a_step_that_waits_for_a_thread_waits_once_however_often_it_is_asked_for(world, running):
    """A thousand models that deliver at midnight would else wait in their millions."""
    done = [world.run(world.sealing(key=key, train=table(40, int(key))), until=State.SEALED) for key in "12"]
    for job in done:
        world.journal.jobs.write(job, replace(job, state=State.FILING, end=End(outcome=Outcome.SUPERSEDED)))
    lane = running.lanes.shared(Shared.CLOSE)
    running.queue.ask("churn")
    assert running.taken.wait(10)
    for _ in range(20):
        running.queue.ask("churn")
        heard(running)
    until(lambda: waiting(lane) == 1, "one waits")
    running.free.set()
    world.pipeline.advance = running.plain
    until(lambda: not waiting(lane), "what waited has been run")


@pytest.mark.parametrize("state", [State.TRAINED, State.FILING])
def test_what_has_been_trained_does_not_queue_behind_what_has_still_to_be_sent(world, running, state):
    """On the night on which all deliver at once, the last upload may end hours after the first training."""
    running.lanes.shared(Shared.SEND).submit("upload", lambda: running.free.wait(30))
    world.pipeline.advance = running.plain
    job = world.run(world.sealing(), until=state)
    running.queue.ask("churn")
    until(lambda: world.journal.jobs.get(job.id).state is State.DONE, "it is filed", patience=15)


def test_what_has_been_judged_does_not_queue_behind_gates(world, running):
    work = world.pipeline.advance

    def advance(job, states):
        return (work if job.state is State.TRAINED else running.plain)(job, states)

    world.pipeline.advance = running.plain
    world.run(world.sealing(key="1", train=table(40, 1)), until=State.TRAINED)
    world.pipeline.advance = advance
    running.queue.ask("churn")
    assert running.taken.wait(10)
    judged = world.run(world.sealing(key="2", train=table(40, 2)), until=State.FILING)
    running.queue.ask("churn")
    until(lambda: world.journal.jobs.get(judged.id).state is State.DONE, "it is filed", patience=15)


def test_a_model_keeps_its_place_in_the_queue_though_a_newer_delivery_takes_its_turn(tmp_path):
    """If each delivery queued again, a model that gets one every ten minutes might never be sent."""
    order = []
    with a_world(tmp_path, backlog="latest") as world:
        parts = parts_of(world, ManualLanes())
        lane = parts.lanes.shared(Shared.SEND)
        plain = world.pipeline.advance
        world.pipeline.advance = lambda job, states: (order.append(job.key), plain(job, states))[1]
        for key in "12":
            world.run(world.sealing(key=key, train=table(40, int(key))), until=State.SEALED)
            parts.queue.ask("churn")
            while parts.loop.work_off_due():
                pass
            lane.submit("another model", lambda: order.append("another model"))
        while lane.run_one():
            pass
    assert order[:2] == ["2", "another model"]


def test_a_stop_while_lanes_are_busy_ends_when_their_steps_do_and_begins_no_other(world, running):
    jobs = [world.sealing(key=key, train=table(40, int(key))) for key in "123456"]
    begun = []
    work = world.pipeline.advance
    world.pipeline.advance = lambda job, states: (begun.append(job.id), work(job, states))[1]
    running.queue.ask("churn")
    until(lambda: len(begun) == SHARE_THREADS, "all threads of the share are at work")
    (share,) = running.lanes._shares.values()
    world.stopping.set()
    running.loop.stop()
    closer = threading.Thread(target=share.close)
    closer.start()
    closer.join(0.1)
    assert closer.is_alive()
    running.free.set()
    closer.join(10)
    assert not closer.is_alive()
    assert len(begun) == SHARE_THREADS < len(jobs)


# What fails is asked for again, and not without pause


def locked(*_, **__):
    raise sa.exc.OperationalError("SELECT", {}, Exception("database is locked"))


@pytest.fixture
def told(monkeypatch):
    """What is logged as errors."""
    events = []
    for module in ("lanes", "loop"):
        for level in ("error", "exception"):
            log = f"retraind.reconcile.{module}._LOG.{level}"
            monkeypatch.setattr(log, lambda event, **_: events.append(event))
    return events


@pytest.mark.parametrize("call", ["work_of", "add"])
def test_what_a_pass_could_not_do_for_the_journal_is_done_soon_without_a_sweep(
    tmp_path, monkeypatch, told, call
):
    with a_world(tmp_path, settle=0) as world:
        parts = parts_of(world, ManualLanes())
        world.drop("train_1.csv", table())
        world.drop("eval_1.csv", table(20))
        parts.queue.ask("churn", scan=True)
        with monkeypatch.context() as patch:
            patch.setattr(world.journal if call == "work_of" else world.journal.jobs, call, locked)
            settle(parts)
            assert told == ["journal_unusable"], "once, not without end"
        assert world.journal.jobs.newest() == []
        world.clock.pass_time(timedelta(seconds=_AFTER_FAILURE))
        settle(parts)
        (job,) = world.journal.jobs.newest()
        assert sent(world, job)


def test_a_step_that_could_not_be_noted_is_run_again_soon_without_a_sweep(world, parts, monkeypatch, told):
    job = world.sealing()
    with monkeypatch.context() as patch:
        patch.setattr(world.journal.jobs, "write", locked)
        parts.queue.ask("churn")
        settle(parts)
        assert told == ["journal_unusable"]
        assert not parts.loop._claims.all()
    world.clock.pass_time(timedelta(seconds=_AFTER_FAILURE))
    settle(parts)
    assert sent(world, job)


def test_a_bug_in_the_pass_of_one_model_keeps_no_other_from_its_own(world, parts, monkeypatch, told):
    job = world.sealing()
    plain = parts.loop._reconcile

    def broken(name, *others, **more):
        if name != "churn":
            raise ValueError("a bug")
        plain(name, *others, **more)

    monkeypatch.setattr(parts.loop, "_reconcile", broken)
    for name in ("first", "churn", "last"):
        parts.queue.ask(name)
    settle(parts)
    assert told == ["task_crashed", "task_crashed"]
    assert sent(world, job)


def test_a_step_that_breaks_is_tried_again_now_and_then(world, parts, monkeypatch, told):
    monkeypatch.setattr(world.pipeline, "advance", lambda *_: 1 // 0)
    job = world.sealing()
    parts.queue.ask("churn")
    for times in (1, 2, 3):
        settle(parts)
        assert told == ["task_crashed"] * times
        world.clock.pass_time(timedelta(seconds=_AFTER_FAILURE))
    assert world.journal.jobs.get(job.id) == job


def test_a_scan_that_breaks_leaves_the_others_to_be_done(world, parts, monkeypatch, told):
    folder = parts.folders.get("churn")
    monkeypatch.setattr(folder.drop_folder, "look", lambda: 1 // 0)
    job = world.sealing()
    for scan_too in (True, False):
        parts.queue.ask("churn", scan=scan_too)
    settle(parts)
    assert "look_crashed" in told
    assert sent(world, job)


@pytest.mark.parametrize("limit", ["MOST_ACTIVE", "MOST_AN_HOUR"])
def test_a_delivery_for_which_there_is_no_room_waits_for_a_sweep(tmp_path, monkeypatch, limit):
    monkeypatch.setattr(f"retraind.reconcile.decide.{limit}", 1)
    with a_world(tmp_path, settle=0) as world:
        parts = parts_of(world, ManualLanes())
        for key in "12":
            world.drop(f"train_{key}.csv", table(40, int(key)))
            world.drop(f"eval_{key}.csv", table(20))
        parts.queue.ask("churn", scan=True)
        settle(parts)
        assert [job.key for job in world.journal.jobs.newest()] == ["1"]
        assert parts.folders.get("churn").view.complete
        scans = [asked for asked in parts.queue._due if asked.scan]
        assert not scans


def test_a_folder_out_of_reach_is_scanned_with_the_sweeps_alone(world, parts):
    world.share.rename(world.root / "elsewhere")
    parts.queue.ask("churn", scan=True)
    settle(parts)
    assert parts.folders.get("churn").view.trouble
    (asked,) = parts.queue._due.items()
    assert asked == (Asked("churn", scan=False), 900.0), "and reported once `notify.patience` has passed"


# Scans and moves at the same time


def complete(tmp_path, **model):
    """A world whose drop folder has a complete delivery."""
    return a_world(tmp_path, **{"settle": 0, **model})


def drop(world, key="1"):
    world.drop(f"train_{key}.csv", table(40, int(key)))
    world.drop(f"eval_{key}.csv", table(20))


def seal_all(parts):
    for lane in [*parts.lanes.lanes.values()]:
        for key in [key for key in lane.tasks if key != "publish" and not key.startswith("scan")]:
            lane.run(key)


def test_what_a_scan_saw_before_it_was_sealed_does_not_begin_once_more(tmp_path):
    with complete(tmp_path) as world:
        parts = parts_of(world, ManualLanes())
        drop(world)
        folder = parts.folders.get("churn")
        parts.loop.scan(folder)
        parts.loop.work_off_due()
        (job,) = world.journal.jobs.active("churn")
        parts.loop.scan(folder)
        assert folder.found(), "its files are still there, and the job owns them"
        seal_all(parts)
        assert world.journal.jobs.get(job.id).state is State.SEALED
        settle(parts)
        assert len(world.journal.jobs.newest()) == 1


def test_what_is_taken_in_is_told_once_it_is_sealed(tmp_path):
    """Told before, it would be told twice within moments."""
    with complete(tmp_path) as world:
        parts = parts_of(world, ManualLanes())
        drop(world)
        parts.loop.scan(parts.folders.get("churn"))
        parts.loop.work_off_due()
        assert not any("publish" in lane.tasks for lane in parts.lanes.lanes.values())
        seal_all(parts)
        parts.loop.work_off_due()
        assert any("publish" in lane.tasks for lane in parts.lanes.lanes.values())


def test_what_a_scan_sees_while_it_is_sealed_does_not_begin_once_more(tmp_path, monkeypatch):
    with complete(tmp_path) as world:
        parts = parts_of(world, ManualLanes())
        drop(world)
        folder = parts.folders.get("churn")
        parts.loop.scan(folder)
        parts.loop.work_off_due()
        plain = folder.drop_folder.look

        def look():
            view = plain()
            seal_all(parts)
            return view

        with monkeypatch.context() as patch:
            patch.setattr(folder.drop_folder, "look", look)
            parts.loop.scan(folder)
        assert folder.unseen
        settle(parts)
        assert len(world.journal.jobs.newest()) == 1
        assert not folder.unseen
        assert folder.view.complete == ()


def test_a_folder_is_not_scanned_while_files_are_moved_and_is_afterwards(tmp_path, monkeypatch):
    """Half a delivery would be told of on the share."""
    with complete(tmp_path) as world:
        parts = parts_of(world, ManualLanes())
        drop(world)
        folder = parts.folders.get("churn")
        parts.loop.scan(folder)
        before = folder.view
        with folder.moves.one():
            (world.share / "eval_1.csv").unlink()
            parts.loop.scan(folder)
            assert folder.view is before
            assert folder.found() == ()
        parts.queue.ask("churn", scan=True)
        settle(parts)
        assert [wait.key for wait in folder.view.waiting] == ["1"]


def test_a_scan_that_is_asked_for_while_one_is_under_way_comes_after_as_long_a_pause_as_that_one_took(
    tmp_path, monkeypatch
):
    """Endless events in a folder that takes long must leave as much time to others."""
    with complete(tmp_path) as world:
        parts = parts_of(world, ManualLanes())
        folder, looks = parts.folders.get("churn"), []
        plain = folder.drop_folder.look

        def slow():
            looks.append(world.clock.elapsed())
            world.clock.pass_time(timedelta(seconds=3))
            parts.loop.scan(folder)  # as another thread of the lane does
            return plain()

        monkeypatch.setattr(folder.drop_folder, "look", slow)
        parts.loop.scan(folder)
        settle(parts)
        assert looks == [0.0]
        world.clock.pass_time(timedelta(seconds=2.9))
        settle(parts)
        assert looks == [0.0]
        world.clock.pass_time(timedelta(seconds=0.1))
        settle(parts)
        assert looks == [0.0, 6.0]


def test_a_model_that_a_reload_removes_in_mid_scan_is_left_alone(tmp_path, monkeypatch):
    site = Site(tmp_path, "http://127.0.0.1:9")
    drop = site.add_model("churn", "key-of-churn-0123456789", "settle = 0")
    before = site.config.read_text()
    site.add_model("price", "key-of-price-0123456789", "settle = 0")
    with by_hand(site.config) as daemon:
        sweep(daemon)
        for name in ("train_1.csv", "eval_1.csv"):
            (tmp_path / "share" / "price" / name).write_bytes(table())
        folder = daemon.folders.get("price")
        plain = folder.drop_folder.look

        def look():
            view = plain()
            assert view.complete
            site.config.write_text(before)
            daemon._read_again()
            return view

        monkeypatch.setattr(folder.drop_folder, "look", look)
        scan(daemon, "price")
        assert daemon.folders.get("price") is None
        assert daemon.journal.jobs.newest() == []
        status = (tmp_path / "share" / "price" / "STATUS.txt").read_text("utf-8-sig")
        assert "removed from retraind's configuration" in " ".join(status.split())
        sweep(daemon)
        assert drop.is_dir()
        assert (tmp_path / "share" / "price" / "STATUS.txt").read_text("utf-8-sig") == status


# Clocks


@pytest.mark.parametrize("days", [-3, 3])
def test_a_clock_that_is_set_back_or_forward_stretches_no_wait(world, parts, days):
    job = world.run(world.sealing(), until=State.CHECKED)
    waits = world.journal.jobs.write(
        job, replace(job, wait=replace(job.wait, wake_at=world.clock.now() + timedelta(days=2)))
    )
    parts.queue.ask("churn")
    settle(parts)
    assert world.journal.jobs.get(job.id) == waits
    world.clock.jump(timedelta(days=days))
    parts.loop.ask_for_all()  # as the sweeps do, which begin anew when the clock was set
    settle(parts)
    assert sent(world, job)


# A share that hangs


def test_a_share_that_hangs_delays_no_other_share_no_other_lane_and_not_the_loop(tmp_path, monkeypatch):
    monkeypatch.setattr("retraind.reconcile.folders.HINT_DELAY", 0.01)
    with a_world(tmp_path, settle=0) as world:
        (tmp_path / "hung").mkdir()
        models = {
            "churn": world.model,
            "hung": world.model.model_copy(update={"drop": tmp_path / "hung"}),
        }
        world.settings = world.pipeline.configure(world.settings.model_copy(update={"models": models}))
        parts = parts_of(world, Lanes(1))
        folder, end, hanging = parts.folders.get("hung"), threading.Event(), threading.Semaphore(0)
        folder.file_system = "share that hangs"

        def hang():
            hanging.release()
            end.wait(60)
            raise OSError(5, "Input/output error")

        monkeypatch.setattr(folder.drop_folder, "look", hang)
        # All threads of the share hang, in a scan and in seals.
        with parts.lanes.running():
            parts.loop.start()
            try:
                parts.queue.ask("hung", scan=True)
                for number in range(SHARE_THREADS - 1):
                    parts.lanes.share("share that hangs").submit(f"seal {number}", hang)
                for _ in range(SHARE_THREADS):
                    assert hanging.acquire(timeout=10)
                for number in range(50):  # events, steps, sweeps
                    parts.queue.ask("hung", scan=bool(number % 2))
                    parts.publisher.publish_soon(folder)
                drop(world)
                parts.queue.ask("churn", scan=True)
                until(
                    lambda: any(sent(world, job) for job in world.journal.jobs.newest("churn")),
                    "the other share's delivery is sent",
                    patience=30,
                )
                until((world.share / "STATUS.txt").exists, "and told of", patience=10)
                heard(parts)
                assert len(parts.lanes.share("share that hangs")._waiting) <= 2
            finally:
                end.set()
                world.stopping.set()
                parts.loop.stop()
