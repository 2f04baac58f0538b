from retraind.reconcile.scans import Looks


class Calls(Looks):
    """Planned looks, with the seconds in which a thread was called."""

    def __init__(self):
        self.called = []
        super().__init__(self.called.append, most=2)


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


def test_a_thread_that_never_comes_is_called_again_in_time():
    looks = Calls()
    looks.plan("early", 3.0, 1.0)
    looks.plan("late", 5.0, 10.0)
    assert looks.called == [2.0]
    looks.plan("latest", 20.0, 5_000.0)
    assert looks.called == [2.0, 0.0]
