"""Whatever is asked for is done, once, and not before its time."""

import threading
from datetime import timedelta

from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule

from retraind.reconcile.work_queue import Asked, Gathering, WorkQueue
from retraind.system.clock import Clock
from support.clock import ManualClock

MODELS = ("churn", "price", "stock")
FOREVER = 1_000_000_000.0

models = st.sampled_from(MODELS)
seconds = st.sampled_from((0.0, 0.0, 0.5, 1.0, 3.0, 60.0, 1e9))


class AgainstADictionary(RuleBasedStateMachine):
    """Compares the queue with the plainest thing that keeps its promises."""

    def __init__(self):
        super().__init__()
        self.clock = ManualClock()
        self.queue = WorkQueue(self.clock)
        self.due: dict[Asked, float] = {}

    @rule(model=models, after=seconds, scan=st.booleans(), times=st.integers(1, 3))
    def ask(self, model, after, scan, times):
        asked = Asked(model, scan)
        for _ in range(times):
            self.queue.ask(model, after, scan=scan)
        self.due[asked] = min(self.due.get(asked, FOREVER * 9), self.clock.elapsed() + after)

    @rule(span=seconds)
    def wait(self, span):
        self.clock.pass_time(timedelta(seconds=min(span, 100.0)))

    @rule(model=models)
    def forget(self, model):
        self.queue.forget(model)
        for scan in (False, True):
            self.due.pop(Asked(model, scan), None)

    @rule(most=st.integers(1, 7))
    def take(self, most):
        taken = self.queue.take_due(most)
        now = self.clock.elapsed()
        due = sorted((moment, asked) for asked, moment in self.due.items() if moment <= now)
        assert taken == [asked for _, asked in due[:most]], "what is due, earliest first, each once"
        for asked in taken:
            del self.due[asked]

    @invariant()
    def it_keeps_little_that_is_out_of_date(self):
        assert len(self.queue._order) <= 2 * 2 * len(MODELS) + 17

    def teardown(self):
        self.clock.pass_time(timedelta(seconds=2 * FOREVER))
        self.take(1_000)
        assert not self.due, "nothing is lost"
        assert self.queue.take_due(1_000) == []


TestAgainstADictionary = AgainstADictionary.TestCase
TestAgainstADictionary.settings = settings(max_examples=60, stateful_step_count=40)


@given(st.lists(st.tuples(models, seconds), max_size=12))
def test_asking_twice_is_asking_once(asked):
    once, twice = WorkQueue(ManualClock()), WorkQueue(ManualClock())
    for model, after in asked:
        once.ask(model, after)
        twice.ask(model, after)
        twice.ask(model, after)
    assert once.take_due(99) == twice.take_due(99)


def test_of_two_times_the_earlier_counts_whichever_was_asked_for_last():
    clock = ManualClock()
    queue = WorkQueue(clock)
    queue.ask("churn", 9)
    queue.ask("churn", 3)
    queue.ask("price", 3)
    queue.ask("price", 9)
    clock.pass_time(timedelta(seconds=2.9))
    assert queue.take_due(9) == []
    clock.pass_time(timedelta(seconds=0.1))
    assert [asked.model for asked in queue.take_due(9)] == ["churn", "price"]
    clock.pass_time(timedelta(seconds=60))
    assert queue.take_due(9) == []


def test_what_is_asked_for_while_its_model_is_at_work_is_heard():
    queue = WorkQueue(Clock())
    queue.ask("churn")
    assert queue.take(1) == [Asked("churn", scan=False)]
    queue.ask("churn")
    assert queue.take(1) == [Asked("churn", scan=False)]


def test_asking_the_same_ever_earlier_keeps_no_more_than_a_few_of_its_moments():
    queue = WorkQueue(ManualClock())
    for number in range(10_000, 0, -1):
        queue.ask("churn", float(number), scan=True)
    assert len(queue._order) < 100


class Taker(threading.Thread):
    """Waits for the queue as the loop does."""

    def __init__(self, queue):
        super().__init__(daemon=True)
        self.queue = queue
        self.taken = []
        self.start()

    def run(self):
        while taken := self.queue.take(10):
            self.taken += taken


def test_who_waits_for_what_is_late_is_woken_by_what_is_early():
    queue = WorkQueue(Clock())
    queue.ask("late", 600)
    taker = Taker(queue)
    threading.Event().wait(0.05)
    queue.ask("early", 0.1)
    queue.ask("now")
    threading.Event().wait(0.5)
    queue.close()
    taker.join(10)
    assert [asked.model for asked in taker.taken] == ["now", "early"]


def test_closing_ends_whoever_waits_and_nothing_is_given_out_any_more():
    queue = WorkQueue(Clock())
    taker = Taker(queue)
    threading.Event().wait(0.05)
    queue.close()
    taker.join(10)
    assert not taker.is_alive()
    queue.ask("churn")
    assert queue.take(1) == []
    assert queue.take_due(1) == []


def test_what_many_threads_ask_for_at_the_same_time_is_all_given_out():
    queue = WorkQueue(Clock())
    taker = Taker(queue)
    names = [f"model-{number}" for number in range(300)]

    def ask(mine):
        for name in mine:
            queue.ask(name, 0.01)
            queue.ask(name, scan=True)

    askers = [threading.Thread(target=ask, args=(names[start::3],)) for start in range(3)]
    for asker in askers:
        asker.start()
    for asker in askers:
        asker.join()
    threading.Event().wait(0.5)
    queue.close()
    taker.join(10)
    assert sorted(taker.taken) == sorted([Asked(name, scan) for name in names for scan in (False, True)])


def test_passes_that_are_gathered_are_due_together_after_a_moment_and_at_the_end():
    clock = ManualClock()
    queue = WorkQueue(clock)
    with Gathering(queue, clock) as passes:
        passes.ask("churn")
        assert queue.take_due(9) == []
        clock.pass_time(timedelta(seconds=0.1))
        passes.ask("price")
        assert {asked.model for asked in queue.take_due(9)} == {"churn", "price"}
        passes.ask("stock")
    assert queue.take_due(9) == [Asked("stock", scan=False)]
