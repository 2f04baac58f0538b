"""Who runs when: a job that needs no turn for one step may not take one for the next."""

import threading
from datetime import timedelta

import pytest
from retraind.reconcile.scheduler import _LOST_AFTER, _PLANNED_LOOKERS, Scheduler, _task_of

from retraind.config.settings import WorkSettings
from retraind.domain.job import Outcome, State
from support.process import until
from support.world import a_world, table


@pytest.fixture
def world(tmp_path):
    with a_world(tmp_path) as made:
        yield made


@pytest.fixture
def scheduler(world):
    """A timetable that is never started: what is run is what the test runs."""
    return Scheduler(world.pipeline, world.journal, world.clock, lambda _model: None)


def run(scheduler, world, job):
    """Run what is planned for a job's step."""
    scheduler._run(_task_of(world.journal.get(job.id)), "churn")


def test_deliveries_found_half_sealed_after_a_kill_are_trained_one_after_the_other(world, scheduler):
    first = world.sealing(key="1", train=table(40, 1))
    second = world.sealing(key="2", train=table(40, 2))
    for job in (first, second):
        run(scheduler, world, job)
        assert world.journal.get(job.id).state is State.SEALED
    for _ in range(2):
        run(scheduler, world, second)
        assert world.journal.get(first.id).state is State.UPLOADED
        assert world.journal.get(second.id).state is State.SEALED


def test_a_job_that_another_thread_ends_in_the_moment_before_it_is_claimed_is_not_worked_on_again(
    world, scheduler, monkeypatch
):
    job = world.sealing(train=b"age\n1\n")
    run(scheduler, world, job)
    plain = world.journal.active

    def read_and_lose_the_processor(model=None):
        found = plain(model)
        monkeypatch.setattr(world.journal, "active", plain)
        assert world.run(world.journal.get(job.id)).state is State.FAILED
        return found

    monkeypatch.setattr(world.journal, "active", read_and_lose_the_processor)
    run(scheduler, world, job)
    assert world.journal.get(job.id).state is State.FAILED
    assert [event.event for event in world.journal.events(job.id)].count("job_filed") == 1


def test_a_delivery_that_a_person_brings_back_waits_for_the_one_in_work(world, scheduler):
    failed = world.run(world.sealing(key="1", train=b"age\n1\n"))
    assert failed.outcome is Outcome.FAILED
    other = world.run(world.sealing(key="2", train=table(40, 2)), until=State.BUNDLED)
    world.journal.write(failed, "retry_asked", state=State.RESTORING)
    run(scheduler, world, failed)
    assert world.journal.get(failed.id).state is State.SEALED
    run(scheduler, world, failed)
    assert world.journal.get(failed.id).state is State.SEALED
    assert world.journal.get(other.id).state is State.UPLOADED


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
        for _ in range(_PLANNED_LOOKERS):
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


@pytest.fixture
def running(world):
    """A timetable that runs, whose only thread for work is taken until `free` is set."""
    free, taken = threading.Event(), threading.Event()

    def work(job, _states):
        taken.set()
        free.wait(10)
        return job

    world.pipeline.advance = work
    world.pipeline.settings = world.settings.model_copy(update={"work": WorkSettings(parallel=1)})
    scheduler = Scheduler(world.pipeline, world.journal, world.clock, lambda _model: None)
    scheduler.start()
    scheduler.free, scheduler.taken = free, taken
    yield scheduler
    free.set()
    scheduler.stop()


def waiting(scheduler, pool):
    """How many tasks wait for a thread of a pool."""
    return scheduler._pools[pool]._pool._work_queue.qsize()


def fired(scheduler):
    """Wait until nothing is planned any more: all is with the threads."""
    until(lambda: not scheduler._timetable.get_jobs(), "all has been handed to threads")


def test_a_step_that_waits_for_a_thread_waits_once_however_often_it_is_asked_for(world, running):
    """A thousand models that deliver at midnight would else wait in their millions."""
    for key in "12":
        world.sealing(key=key, train=table(40, int(key)))
    running.dispatch()
    assert running.taken.wait(10)
    fired(running)
    for _ in range(20):
        running.dispatch()
        fired(running)
    assert waiting(running, "close") == 1
    running.free.set()
    until(lambda: not waiting(running, "close"), "what waited has been run")


@pytest.mark.parametrize("state", [State.TRAINED, State.FILING])
def test_what_has_been_trained_does_not_queue_behind_what_has_still_to_be_sent(world, running, state):
    """On the night on which all deliver at once, the last upload may end hours after the first training."""
    running.soon("upload", lambda: running.free.wait(30), pool="work")
    del world.pipeline.advance
    job = world.run(world.sealing(), until=state)
    running.dispatch()
    until(lambda: world.journal.get(job.id).state is State.DONE, "it is filed", patience=15)


def test_what_has_been_judged_does_not_queue_behind_gates(world, running):
    work = world.pipeline.advance
    del world.pipeline.advance
    plain = world.pipeline.advance
    world.pipeline.advance = lambda job, states: (work if job.state is State.TRAINED else plain)(job, states)
    world.run(world.sealing(key="1", train=table(40, 1)), until=State.TRAINED)
    running.dispatch()
    assert running.taken.wait(10)
    judged = world.run(world.sealing(key="2", train=table(40, 2)), until=State.FILING)
    running.dispatch()
    until(lambda: world.journal.get(judged.id).state is State.DONE, "it is filed", patience=5)


def test_a_model_keeps_its_place_in_the_queue_though_a_newer_delivery_takes_its_turn(tmp_path):
    """Where each delivery began to queue anew, a model that gets one every ten minutes might never be sent."""
    free, taken, order = threading.Event(), threading.Event(), []
    with a_world(tmp_path, backlog="latest") as world:
        plain = world.pipeline.advance
        world.pipeline.advance = lambda job, states: (order.append(job.key), plain(job, states))[1]
        world.pipeline.settings = world.settings.model_copy(update={"work": WorkSettings(parallel=1)})
        scheduler = Scheduler(world.pipeline, world.journal, world.clock, lambda _model: None)
        scheduler.start()
        try:
            scheduler.soon("upload", lambda: (taken.set(), free.wait(10)), pool="work")
            assert taken.wait(10)
            world.run(world.sealing(key="1", train=table(40, 1)), until=State.SEALED)
            scheduler.dispatch()
            fired(scheduler)
            scheduler.soon("another model", lambda: order.append("another model"), pool="work")
            fired(scheduler)
            world.run(world.sealing(key="2", train=table(40, 2)), until=State.SEALED)
            scheduler.dispatch()
            fired(scheduler)
            free.set()
            until(lambda: "another model" in order, "all that queued has had its turn")
        finally:
            free.set()
            scheduler.stop()
    assert order.index("2") < order.index("another model")


def test_what_is_run_every_while_waits_for_a_thread_once(world):
    free, taken = threading.Event(), threading.Event()
    scheduler = Scheduler(world.pipeline, world.journal, world.clock, lambda _model: None)
    scheduler.start()
    try:
        scheduler.soon("hangs", lambda: (taken.set(), free.wait(10)))
        assert taken.wait(10)
        scheduler.every(timedelta(milliseconds=5), "often", lambda: None)
        threading.Event().wait(0.3)
        assert waiting(scheduler, "default") == 1
    finally:
        free.set()
        scheduler.stop()


def test_what_is_to_be_run_soon_waits_for_a_thread_once_however_often_it_is_asked_for(world):
    free, taken, ran = threading.Event(), threading.Event(), []
    scheduler = Scheduler(world.pipeline, world.journal, world.clock, lambda _model: None)
    scheduler.start()
    try:
        scheduler.soon("hangs", lambda: (taken.set(), free.wait(10)))
        assert taken.wait(10)
        for _ in range(20):
            scheduler.soon("tell", lambda: ran.append(1))
            fired(scheduler)
        assert waiting(scheduler, "default") == 1
        free.set()
        until(lambda: ran, "it has been run")
        scheduler.soon("tell", lambda: ran.append(2))
        until(lambda: ran == [1, 2], "it is run again when it is asked for again")
    finally:
        free.set()
        scheduler.stop()


def test_a_step_for_which_no_thread_could_be_made_is_planned_again_in_time(world, scheduler, monkeypatch):
    job = world.sealing()
    scheduler.dispatch()
    scheduler._timetable.remove_job(job.id)  # as when it was lost
    scheduler.dispatch()
    assert scheduler._timetable.get_job(job.id) is None
    world.clock.pass_time(_LOST_AFTER)
    scheduler.dispatch()
    assert scheduler._timetable.get_job(job.id) is not None
