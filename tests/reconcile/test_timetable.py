"""What happens every so often, and how it ends."""

import threading
from datetime import timedelta

import pytest

from retraind.reconcile.lanes import Lane
from retraind.reconcile.timetable import Timetable
from support.process import until

HOUR = timedelta(hours=1)


@pytest.fixture
def timetable():
    made = Timetable()
    yield made
    made.stop()


def test_a_stop_in_the_middle_of_a_round_ends_its_thread_in_order(timetable, monkeypatch):
    entered = threading.Event()
    plain = timetable._scheduler._lookup_executor

    def slow(name):
        entered.set()
        threading.Event().wait(0.2)
        return plain(name)

    monkeypatch.setattr(timetable._scheduler, "_lookup_executor", slow)
    failed = []
    monkeypatch.setattr(threading, "excepthook", failed.append)
    timetable.start()
    timetable.every(HOUR, "sweep", int)
    assert entered.wait(10)
    timetable.stop()
    assert not failed


def test_a_function_that_uses_the_timetable_while_it_is_stopped_does_not_hang(timetable):
    begun, stopping = threading.Event(), threading.Event()

    def function():
        begun.set()
        stopping.wait(10)
        threading.Event().wait(0.1)
        timetable.start_over()

    timetable.start()
    timetable.every(HOUR, "sweep", function)
    assert begun.wait(10)
    stopper = threading.Thread(target=timetable.stop, daemon=True)
    stopper.start()
    stopping.set()
    stopper.join(10)
    assert not stopper.is_alive()


def test_what_is_run_every_while_waits_for_a_thread_once(timetable):
    lane, free, taken = Lane("test", 1), threading.Event(), threading.Event()
    lane.submit("hangs", lambda: (taken.set(), free.wait(10)))
    assert taken.wait(10)
    timetable.start()
    timetable.every(timedelta(milliseconds=5), "often", lambda: lane.submit("often", int))
    threading.Event().wait(0.3)
    assert list(lane._waiting) == ["often"]
    free.set()
    lane.close()


def test_what_breaks_is_run_again_and_keeps_nothing_else_from_being_run(timetable, monkeypatch):
    told, ran = [], []
    monkeypatch.setattr(
        "retraind.reconcile.lanes._LOG.exception", lambda event, **more: told.append((event, more["task"]))
    )
    timetable.start()
    timetable.every(timedelta(milliseconds=20), "broken", lambda: 1 // 0)
    timetable.every(timedelta(milliseconds=20), "sound", lambda: ran.append(1))
    until(lambda: len(told) > 2 and len(ran) > 2, "both are run again and again")
    assert set(told) == {("task_crashed", "broken")}


def test_what_is_planned_under_the_same_name_takes_its_place(timetable):
    first, second = [], []
    timetable.start()
    timetable.every(timedelta(milliseconds=20), "sweep", lambda: first.append(1))
    until(lambda: first, "it is run at once")
    timetable.every(timedelta(milliseconds=20), "sweep", lambda: second.append(1))
    until(lambda: second, "so is what takes its place")
    seen = len(first)
    until(lambda: len(second) > 3, "that is run again")
    assert len(first) <= seen + 1
