"""A limit of the account holds the model: the data is not blamed, nothing is lost and nothing is doubled."""

from dataclasses import replace
from datetime import timedelta

import pytest

from retraind.domain.job import Outcome, State
from retraind.domain.turns import turns
from retraind.emulator import Fault
from retraind.reconcile.upkeep.caretaker import Caretaker
from support.ledger import history
from support.words import told
from support.world import a_world, table

KINDS = {
    "account_storage": "data storage is full",
    "account_models": "as many models as its plan allows",
    "account_time": "computation time is used up",
}
A_DAY = timedelta(days=1)


@pytest.fixture
def world(tmp_path):
    with a_world(tmp_path, service={"key_lifetime": timedelta(days=400)}) as made:
        yield made


@pytest.fixture
def caretaker(world):
    return Caretaker(
        world.pipeline, world.journal, world.credentials,
        clock=world.clock, stopping=world.stopping, changed=lambda _model: None,
    )  # fmt: skip


def refused(world, times=1, fault="account_storage", **sealing):
    """Deliver what the service does not train with; return the job."""
    world.emulator.set_faults({fault: Fault(times=times)})
    return world.run(world.sealing(**sealing))


def current(world, job):
    return world.journal.jobs.get(job.id)


def events(world, *begins):
    return [each.event for each in world.journal.events.history() if each.event.startswith(begins)]


@pytest.mark.parametrize(("fault", "says"), KINDS.items(), ids=KINDS)
def test_the_model_is_held_the_job_goes_back_and_is_trained_after_the_hold(world, fault, says):
    job = refused(world, fault=fault)
    hold = world.journal.holds.all()["churn"]
    assert says in told(hold.problem.but(model="churn"))
    assert (job.state, job.end, job.registration, job.training) == (State.BUNDLED, None, None, None)
    assert events(world, "training_prevented", "model_") == ["training_prevented", "model_held"]
    assert not list(world.settings.state.spool.iterdir()), "nothing waits on the spool meanwhile"
    world.journal.holds.release("churn", hold.problem)
    job = world.run(current(world, job))
    assert job.outcome is Outcome.TRAINED
    found = history(world.root / "service")
    assert not found.doubled()
    assert sum(found.failed.values()) == 1
    assert sum(found.finished.values()) == 1
    assert len(world.records("registered")) == 2


def test_nothing_is_asked_of_the_service_while_the_model_is_held(world):
    job = refused(world)
    before = len(world.records("registered"))
    world.clock.pass_time(timedelta(hours=12))
    assert world.pipeline.advance(current(world, job)).state is State.BUNDLED
    assert len(world.records("registered")) == before


def test_it_is_tried_again_once_a_day_and_reported_once(world, caretaker):
    job = refused(world, times=3)
    for _ in range(2):
        world.clock.pass_time(timedelta(hours=23, minutes=59))
        caretaker.mind()
        assert world.journal.holds.is_held("churn"), "a day has not passed"
        world.clock.pass_time(timedelta(minutes=2))
        caretaker.mind()
        assert not world.journal.holds.is_held("churn")
        job = world.run(current(world, job))
        assert (job.state, job.hold) == (State.BUNDLED, None)
        assert world.journal.holds.is_held("churn")
    world.clock.pass_time(A_DAY + timedelta(minutes=1))
    caretaker.mind()
    assert world.run(current(world, job)).outcome is Outcome.TRAINED
    assert events(world, "model_", "hold_") == [
        "model_held", "hold_tried", "hold_goes_on", "hold_tried", "hold_goes_on", "hold_tried", "model_released",
    ]  # fmt: skip


def test_a_restart_does_not_end_the_hold(world, caretaker):
    refused(world)
    caretaker.end_holds_of_last_time()
    assert world.journal.holds.is_held("churn")


def test_data_that_is_refused_after_the_hold_is_blamed_and_the_hold_is_over(world, caretaker):
    job = refused(world)
    world.clock.pass_time(A_DAY + timedelta(minutes=1))
    caretaker.mind()
    world.emulator.set_faults({"train_fails": 1.0})
    job = world.run(current(world, job))
    assert (job.state, job.problem.code) == (State.FAILED, "training_failed")
    assert events(world, "model_released") == ["model_released"]


def test_another_limit_than_before_is_news(world, caretaker):
    job = refused(world)
    world.clock.pass_time(A_DAY + timedelta(minutes=1))
    caretaker.mind()
    world.emulator.set_faults({"account_time": Fault(times=1)})
    world.run(current(world, job))
    assert events(world, "model_held", "hold_goes_on") == ["model_held", "model_held"]


def test_a_training_that_was_prevented_costs_no_budget(tmp_path):
    with a_world(tmp_path, budget="1/month", service={"key_lifetime": timedelta(days=400)}) as world:
        job = refused(world)
        world.journal.holds.release("churn", world.journal.holds.all()["churn"].problem)
        assert world.run(current(world, job)).outcome is Outcome.TRAINED
        second = world.run(world.sealing(key="2", train=table(offset=2)))
        assert second.hold is not None, "one training was made"


def test_many_days_of_a_full_account_do_not_use_up_the_registrations(world):
    job = refused(world, times=8)
    for _ in range(7):
        world.journal.holds.release("churn", world.journal.holds.all()["churn"].problem)
        job = world.run(current(world, job))
        assert (job.state, job.hold) == (State.BUNDLED, None)
    world.journal.holds.release("churn", world.journal.holds.all()["churn"].problem)
    assert world.run(current(world, job)).outcome is Outcome.TRAINED


def test_the_next_deliveries_wait_and_are_taken_in_their_order(world):
    job = refused(world)
    second = world.step(world.sealing(key="2", train=table(offset=2)))
    assert second.state is State.SEALED
    held = turns(world.journal.jobs.active("churn"), held=True, backlog="latest")
    assert (held.run, held.superseded) == ((), ())
    world.journal.holds.release("churn", world.journal.holds.all()["churn"].problem)
    after = turns(world.journal.jobs.active("churn"), held=False, backlog="latest")
    assert [each.id for each in after.run] == [job.id]


def test_a_failed_job_whose_training_another_has_taken_over_is_not_retried_beside_it(tmp_path):
    with a_world(tmp_path, poll_timeout="1s", service={"train_time": timedelta(seconds=30)}) as world:
        world.emulator.set_faults({"account_storage": Fault(times=1)})
        first = world.run(world.sealing())
        assert first.problem.code == "training_unfinished"
        world.configure(poll_timeout="1h")
        second = world.run(world.sealing(key="2"))
        assert (second.state, second.registration) == (State.BUNDLED, None)
        first = current(world, first)
        assert first.end.continued_in == second.id
        assert second.has_training_of(first)
        assert not replace(second, state=State.FAILED).has_training_of(first)


def test_an_unknown_message_about_a_limit_still_fails_the_job(world, monkeypatch):
    monkeypatch.setattr("retraind.emulator.training.trainings._STRIKES", {"account_time": "quota exceeded"})
    job = refused(world, fault="account_time")
    assert (job.state, job.problem.code) == (State.FAILED, "training_failed")
