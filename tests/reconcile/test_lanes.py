"""What waits on a lane, what runs, and what a lane that hangs leaves alone."""

import threading
from contextlib import contextmanager

import pytest

from retraind.domain.job import LIFE
from retraind.reconcile import lanes as lanes_module
from retraind.reconcile.lanes import LANE_OF, Claims, Lane, Lanes, Shared
from support.process import until


@pytest.fixture
def lane():
    made = Lane("test", 1)
    yield made
    made.close()


@contextmanager
def taken(lane, threads=1):
    """Keep all threads of a lane busy while the block runs."""
    free, began = threading.Event(), threading.Semaphore(0)
    for number in range(threads):
        lane.submit(f"hangs {number}", lambda: (began.release(), free.wait(30)))
        assert began.acquire(timeout=10)
    try:
        yield free
    finally:
        free.set()


def test_each_state_with_a_step_has_a_lane():
    assert {state for state, stage in LIFE.items() if stage.step} == set(LANE_OF)


def test_what_waits_for_a_thread_waits_once_however_often_it_is_asked_for(lane):
    ran = []
    with taken(lane):
        assert lane.submit("step", lambda: ran.append(1))
        for _ in range(20):
            assert not lane.submit("step", lambda: ran.append(2))
    until(lambda: ran, "it has run")
    assert lane.submit("step", lambda: ran.append(3)), "it may be asked for again"
    until(lambda: ran == [1, 3], "it is run again")


def test_what_is_asked_for_while_it_runs_is_run_once_more(lane):
    began, free, ran = threading.Event(), threading.Event(), []

    def task():
        ran.append(1)
        began.set()
        free.wait(10)

    lane.submit("step", task)
    assert began.wait(10)
    assert lane.submit("step", task)
    assert not lane.submit("step", task)
    free.set()
    until(lambda: len(ran) == 2, "it has run twice")


def test_tasks_are_begun_in_the_order_in_which_they_were_asked_for(lane):
    ran = []
    with taken(lane):
        for name in "dacb":
            lane.submit(name, lambda name=name: ran.append(name))
    until(lambda: len(ran) == 4, "all have run")
    assert ran == ["d", "a", "c", "b"]


def test_no_more_threads_work_than_the_lane_has_and_none_without_need():
    lane, lock, together, most = Lane("test", 3), threading.Lock(), [0], []

    def task():
        with lock:
            together[0] += 1
            most.append(together[0])
        threading.Event().wait(0.02)
        with lock:
            together[0] -= 1

    assert not lane._threads
    lane.submit("alone", task)
    until(lambda: len(most) == 1 and not together[0], "the first has run")
    lane.submit("alone", task)
    until(lambda: len(most) == 2 and not together[0], "so has the second")
    assert len(lane._threads) == 1
    for number in range(12):
        lane.submit(str(number), task)
    until(lambda: len(most) == 14, "all have run")
    lane.close()
    assert max(most) == 3


def test_threads_that_have_nothing_to_do_end_and_others_come_when_there_is_something(lane, monkeypatch):
    """A thousand mounts have a thousand lanes."""
    monkeypatch.setattr(lanes_module, "_LINGER", 0.05)
    ran = []
    for number in range(3):
        lane.submit("step", lambda number=number: ran.append(number))
        until(lambda: not lane._threads, "its thread has ended")
    assert ran == [0, 1, 2]


def test_a_task_that_breaks_is_logged_and_leaves_the_others_to_be_done(lane, monkeypatch):
    told, ran = [], []
    monkeypatch.setattr(
        lanes_module._LOG, "exception", lambda event, **more: told.append((event, more["task"]))
    )

    def broken():
        raise ValueError("a bug")

    for number in range(20):
        lane.submit(f"broken {number}", broken)
    lane.submit("sound", lambda: ran.append(1))
    until(lambda: ran, "the last has run")
    assert told == [("task_crashed", f"test: broken {number}") for number in range(20)]


def test_a_task_for_which_no_thread_could_be_made_is_not_lost(lane, monkeypatch):
    ran = []
    with monkeypatch.context() as patch:
        patch.setattr(threading.Thread, "start", no_thread)
        with pytest.raises(RuntimeError):
            lane.submit("step", lambda: ran.append(1))
    assert lane.submit("step", lambda: ran.append(2)), "it may be asked for again"
    until(lambda: ran == [2], "it has run")


def no_thread(_):
    raise RuntimeError("can't start new thread")


def test_where_no_other_thread_can_be_made_those_that_there_are_take_all(monkeypatch):
    lane, ran = Lane("test", 4), []
    with taken(lane), monkeypatch.context() as patch:
        patch.setattr(threading.Thread, "start", no_thread)
        assert lane.submit("step", lambda: ran.append(1))
    until(lambda: ran, "it has run")
    lane.close()


def test_closing_waits_for_what_runs_and_begins_nothing_more(lane):
    ran = []
    with taken(lane) as free:
        lane.submit("step", lambda: ran.append(1))
        lane.close(wait=False)
        assert not lane.submit("another", lambda: ran.append(2))
        closer = threading.Thread(target=lane.close)
        closer.start()
        closer.join(0.1)
        assert closer.is_alive(), "something still runs"
        free.set()
        closer.join(10)
    assert not closer.is_alive()
    assert not ran


def test_a_lane_that_hangs_delays_what_is_on_it_alone():
    lanes, ran = Lanes(1), []
    with lanes.running(), taken(lanes.share("share 1"), lanes_module.SHARE_THREADS):
        lanes.share("share 1").submit("scan", lambda: ran.append("share 1"))
        lanes.share("share 2").submit("scan", lambda: ran.append("share 2"))
        for name in Shared:
            lanes.shared(name).submit("step", lambda name=name: ran.append(name))
        until(lambda: len(ran) == 1 + len(Shared), "all others have run")
        assert "share 1" not in ran


def test_a_file_system_that_no_folder_is_on_any_more_begins_nothing_and_is_waited_for_at_the_end():
    lanes, ran = Lanes(1), []
    running = lanes.running()
    running.__enter__()
    gone = lanes.share("gone")
    with taken(gone, lanes_module.SHARE_THREADS) as free:
        gone.submit("scan", lambda: ran.append("before"))
        lanes.retire({"kept"})
        assert lanes.share("gone") is not gone
        lanes.share("gone").submit("scan", lambda: ran.append("after"))
        until(lambda: ran == ["after"], "what is asked for now is run")
        closer = threading.Thread(target=running.__exit__, args=(None, None, None))
        closer.start()
        closer.join(0.1)
        assert closer.is_alive()
        free.set()
        closer.join(10)
    assert not closer.is_alive()
    assert ran == ["after"]


def test_a_job_is_at_work_until_it_is_released():
    claims = Claims()
    claims.claim("job")
    assert claims.all() == {"job"}
    claims.release("job")
    assert claims.all() == frozenset()
