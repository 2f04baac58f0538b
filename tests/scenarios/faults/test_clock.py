"""Wall clocks that are set, forwards and back, while jobs wait: nothing stalls, nothing is given up."""

import threading
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from retraind.api.object_store import AddressExpired, InDoubt
from retraind.domain.job import Outcome, State
from retraind.reconcile.timetable import Timetable
from support.words import legacy, told
from support.world import a_world, table

pytestmark = pytest.mark.quick

YEARS = timedelta(days=3 * 365)
OWN_CLOCK = {"now": lambda: datetime.now(UTC)}
"""Nobody sets the service's clock when this machine's is set."""


def test_a_wait_that_a_clock_set_back_has_stretched_is_over(world):
    job = world.run(world.sealing(), until=State.UPLOADED)
    job = world.journal.jobs.write(
        job, replace(job, wait=replace(job.wait, wake_at=world.clock.now() + timedelta(minutes=5)))
    )
    assert job.due(world.clock.now()) == job.wait.wake_at
    world.clock.jump(-YEARS)
    assert job.due(world.clock.now()) == world.clock.now()
    job = world.pipeline.advance(job)
    assert job.state is State.DONE or job.wait.wake_at < world.clock.now() + timedelta(days=1)


def test_a_small_correction_of_the_clock_cuts_no_wait_short(world):
    job = world.run(world.sealing(), until=State.UPLOADED)
    job = world.journal.jobs.write(
        job, replace(job, wait=replace(job.wait, wake_at=world.clock.now() + timedelta(minutes=5)))
    )
    world.clock.jump(-timedelta(seconds=30))
    assert job.due(world.clock.now()) == job.wait.wake_at


@pytest.mark.parametrize("jump", [YEARS, -YEARS], ids=["forwards", "back"])
@pytest.mark.parametrize(
    "state", [State.SEALED, State.BUNDLED, State.REGISTERED, State.UPLOADED, State.FILING]
)
def test_a_job_goes_on_whatever_the_clock_does(tmp_path, state, jump):
    with a_world(tmp_path, service=OWN_CLOCK) as world:
        job = world.run(world.sealing(), until=state)
        world.clock.jump(jump)
        job = world.run(job)
        assert job.outcome is Outcome.TRAINED
        assert len(world.records("training_started")) == 1


@pytest.mark.parametrize("jump", [timedelta(days=2), -timedelta(days=2)], ids=["forwards", "back"])
def test_a_training_is_waited_for_as_long_as_before_when_the_clock_is_set(world, jump):
    job = world.run(world.sealing(), until=State.UPLOADED)
    left = job.training.deadline - world.clock.now()
    world.clock.jump(jump)
    assert world.pipeline.jumps.mind()
    assert not world.pipeline.jumps.mind(), "it is told once"
    shifted = world.journal.jobs.get(job.id)
    assert abs(shifted.training.deadline - world.clock.now() - left) < timedelta(minutes=1)


def test_a_deadline_that_only_the_clock_has_brought_about_fails_nothing(world, monkeypatch):
    job = world.run(world.sealing(), until=State.UPLOADED)
    plain = world.client.status
    monkeypatch.setattr(
        world.client, "status", lambda *key: plain(*key)._replace(status="training", download_url=None)
        if hasattr(plain(*key), "_replace")
        else plain(*key).__class__(**{**vars(plain(*key)), "status": "training", "download_url": None}),
    )  # fmt: skip
    world.clock.jump(timedelta(days=3))
    job = world.step(job)
    assert job.state is State.UPLOADED, (
        "nobody asks whether the training took too long before the clock is seen to"
    )
    monkeypatch.undo()
    assert world.run(job).outcome is Outcome.TRAINED


def test_a_deadline_never_lies_further_ahead_than_a_whole_time_out(world, monkeypatch):
    """The machine was restarted with a clock that had been ahead by years."""
    job = world.run(world.sealing(), until=State.UPLOADED)
    job = world.journal.jobs.write(
        job, replace(job, training=replace(job.training, deadline=world.clock.now() + YEARS))
    )
    monkeypatch.setattr(
        world.pipeline.store, "get", lambda *_: (_ for _ in ()).throw(AddressExpired(legacy("Expired.")))
    )
    monkeypatch.setattr("retraind.jobs.steps.FINISHED", "not a word that is ever said")
    job = world.step(job)
    assert job.training.deadline <= world.clock.now() + world.settings.poll.timeout


def test_an_upload_in_doubt_is_not_watched_for_years(world):
    job = world.run(world.sealing(), until=State.REGISTERED)
    ahead = world.clock.now() + YEARS
    word = world.client.status(job.retrain_job_id, (world.root / "churn.key").read_text()).status
    job = world.journal.jobs.write(
        job,
        replace(
            job,
            registration=replace(
                job.registration, put_started_at=ahead, put_ended_at=ahead, untouched_status=word
            ),
        ),
    )
    job = world.run(job, most=timedelta(minutes=10))
    assert job.outcome is Outcome.TRAINED


def test_an_address_from_before_the_clock_was_set_back_is_not_taken_for_a_fresh_one_for_years(
    world, monkeypatch
):
    job = world.run(world.sealing(), until=State.REGISTERED)
    job = world.journal.jobs.write(
        job, replace(job, tries=replace(job.tries, registered_at=world.clock.now() + YEARS))
    )
    with monkeypatch.context() as patch:
        patch.setattr(
            world.pipeline.store,
            "put",
            lambda *_, **_more: (_ for _ in ()).throw(InDoubt(legacy("No."), address_refused=True)),
        )
        job = world.step(job)
    assert "a moment old" not in told(job.wait.trouble)
    job = world.run(job, until=State.BUNDLED)
    assert job.state is State.BUNDLED
    assert world.run(job).outcome is Outcome.TRAINED


def test_trainings_noted_while_the_clock_was_years_ahead_do_not_use_up_every_budget_until_then(tmp_path):
    with a_world(tmp_path, service=OWN_CLOCK, budget="1/month") as world:
        world.clock.jump(YEARS)
        assert world.run(world.sealing()).outcome is Outcome.TRAINED
        world.clock.jump(-YEARS)
        second = world.run(world.sealing(key="2", train=table(40, 2)))
        assert second.outcome is Outcome.TRAINED


def test_what_is_planned_is_planned_anew_when_the_clock_was_set():
    ran, timetable = threading.Semaphore(0), Timetable()
    timetable.start()
    try:
        timetable.every(timedelta(hours=1), "sweep", ran.release)
        assert ran.acquire(timeout=10)
        assert not ran.acquire(timeout=0.1)
        timetable.start_over()
        assert ran.acquire(timeout=10), "it does not wait until the old hour has come"
    finally:
        timetable.stop()
