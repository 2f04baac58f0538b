"""Who runs when: a job that needs no turn for one step may not take one for the next."""

import threading
from datetime import timedelta

import pytest

from retraind.job import Outcome, State
from retraind.scheduler import _MOST_LOOKING, Scheduler, _Looks
from world import a_world, table


@pytest.fixture
def world(tmp_path):
    with a_world(tmp_path) as made:
        yield made


@pytest.fixture
def scheduler(world):
    """A timetable that is never started: what is run is what the test runs."""
    return Scheduler(world.pipeline, world.journal, world.clock, lambda _model: None)


def test_deliveries_found_half_sealed_after_a_kill_are_trained_one_after_the_other(world, scheduler):
    first = world.sealing(key="1", train=table(40, 1))
    second = world.sealing(key="2", train=table(40, 2))
    for job in (first, second):
        scheduler._run(job.id, "churn")
        assert world.journal.get(job.id).state is State.SEALED
    scheduler._run(second.id, "churn")
    assert world.journal.get(second.id).state is State.SEALED
    scheduler._run(first.id, "churn")
    assert world.journal.get(first.id).state is State.UPLOADED


def test_a_job_that_another_thread_ends_in_the_moment_before_it_is_claimed_is_not_worked_on_again(
    world, scheduler, monkeypatch
):
    job = world.sealing(train=b"age\n1\n")
    scheduler._run(job.id, "churn")
    plain = world.journal.active

    def read_and_lose_the_processor(model=None):
        found = plain(model)
        monkeypatch.setattr(world.journal, "active", plain)
        assert world.run(world.journal.get(job.id)).state is State.FAILED
        return found

    monkeypatch.setattr(world.journal, "active", read_and_lose_the_processor)
    scheduler._run(job.id, "churn")
    assert world.journal.get(job.id).state is State.FAILED
    assert [event.event for event in world.journal.events(job.id)].count("job_filed") == 1


def test_a_delivery_that_a_person_brings_back_waits_for_the_one_in_work(world, scheduler):
    failed = world.run(world.sealing(key="1", train=b"age\n1\n"))
    assert failed.outcome is Outcome.FAILED
    other = world.run(world.sealing(key="2", train=table(40, 2)), until=State.BUNDLED)
    world.journal.write(failed, "retry_asked", state=State.RESTORING)
    scheduler._run(failed.id, "churn")
    scheduler._run(failed.id, "churn")
    assert world.journal.get(failed.id).state is State.SEALED
    assert world.journal.get(other.id).state is State.BUNDLED


def test_a_stop_in_the_middle_of_a_round_of_the_timetable_ends_its_thread_in_order(scheduler, monkeypatch):
    entered = threading.Event()
    plain = scheduler._timetable._lookup_executor

    def slow(name):
        entered.set()
        threading.Event().wait(0.2)
        return plain(name)

    monkeypatch.setattr(scheduler._timetable, "_lookup_executor", slow)
    failed = []
    monkeypatch.setattr(threading, "excepthook", failed.append)
    scheduler.start()
    scheduler.look_in("churn", 0)
    assert entered.wait(10)
    scheduler.stop()
    assert not failed


def test_a_task_that_asks_for_something_while_all_is_being_stopped_does_not_hang(world):
    begun, stopping = threading.Event(), threading.Event()

    def look(_model):
        begun.set()
        stopping.wait(10)
        # As a step does that was past the question whether to stop.
        threading.Event().wait(0.1)
        scheduler._planned("another")

    scheduler = Scheduler(world.pipeline, world.journal, world.clock, look)
    scheduler.start()
    scheduler.look_in("churn", 0)
    assert begun.wait(10)
    stopper = threading.Thread(target=scheduler.stop, daemon=True)
    stopper.start()
    stopping.set()
    stopper.join(10)
    assert not stopper.is_alive()


def test_endless_events_in_a_folder_that_takes_long_leave_as_much_time_to_others(world, monkeypatch):
    """Each look meets the next event before it ends."""

    def look(model):
        world.clock.pass_time(timedelta(seconds=3))
        scheduler.look_now(model)

    scheduler = Scheduler(world.pipeline, world.journal, world.clock, look)
    planned = []
    monkeypatch.setattr(scheduler, "look_in", lambda model, seconds: planned.append((model, seconds)))
    scheduler.look_now("churn")
    assert planned == [("churn", 3.0)]


class Calls(_Looks):
    """Planned looks, with the seconds in which a thread was called."""

    def __init__(self):
        self.called = []
        super().__init__(self.called.append)


def test_looks_are_taken_when_they_are_due_and_a_thread_is_called_for_the_first():
    looks = Calls()
    for model, when in (("late", 9.0), ("later", 12.0), ("early", 3.0), ("late", 7.0), ("late", 8.0)):
        looks.plan(model, when, 1.0)
    assert looks.called == [8.0, 2.0]
    assert looks.come()
    assert [looks.take(6.0), looks.take(6.0)] == ["early", None]
    assert looks.called == [8.0, 2.0, 1.0]
    assert looks.come()
    assert [looks.take(20.0) for _ in range(3)] == ["late", "later", None]
    assert len(looks.called) == 4, "a second thread was called to help"


def test_planning_the_same_look_again_and_again_keeps_no_more_than_a_few_of_its_moments():
    looks = Calls()
    for number in range(10_000, 0, -1):
        looks.plan("churn", float(number), 0.0)
    assert len(looks._order) < 100


def test_of_the_threads_for_looks_half_are_left_to_sweeps_when_all_others_hang(world):
    hanging, end = threading.Semaphore(0), threading.Event()

    def look(_model):
        hanging.release()
        end.wait(60)

    scheduler = Scheduler(world.pipeline, world.journal, world.clock, look)
    scheduler.start()
    try:
        for number in range(50):
            scheduler.look_in(str(number), 0)
        for _ in range(_MOST_LOOKING):
            assert hanging.acquire(timeout=10)
        swept = threading.Event()
        scheduler.soon("sweep", swept.set, pool="look")
        assert swept.wait(10)
        assert not hanging.acquire(blocking=False)
    finally:
        end.set()
        scheduler.stop()


def test_a_look_that_breaks_leaves_the_others_to_be_done(world):
    looked, done = [], threading.Event()

    def look(model):
        looked.append(model)
        if len(looked) == 20:
            done.set()
        raise ValueError(model)

    scheduler = Scheduler(world.pipeline, world.journal, world.clock, look)
    scheduler.start()
    try:
        for number in range(20):
            scheduler.look_in(str(number), 0)
        assert done.wait(10)
    finally:
        scheduler.stop()
    assert sorted(looked, key=int) == [str(number) for number in range(20)]
