"""What is counted of steps, for monitoring."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from retraind.domain.counts import BOUNDS, Tally
from retraind.domain.failures import Hold, Retry
from retraind.domain.job import Bundled, End, Job, Outcome, State, Training
from retraind.domain.problems import problem
from retraind.jobs.outcomes import Go, Wait
from retraind.jobs.pipeline import counted
from support.clock import ManualClock

NOW = datetime(2026, 11, 25, 12, tzinfo=UTC)


def a_job(state: State, **parts) -> Job:
    job = Job(
        id="20261125T120000Z_1_abcdef", model="churn", key="1", state=state, files=(), created_at=NOW,
        updated_at=NOW, drop="/srv/drop/churn",
    )  # fmt: skip
    return replace(job, **parts)


def counts_of(job: Job, outcome, clock=None):
    tally, clock = Tally(), clock or ManualClock(NOW)

    def step(_job):
        clock.pass_time(timedelta(seconds=2))
        if isinstance(outcome, BaseException):
            raise outcome
        return outcome

    if isinstance(outcome, BaseException):
        with pytest.raises(type(outcome)):
            counted(step, tally, clock)(job)
    else:
        assert counted(step, tally, clock)(job) is outcome
    return tally.counts()


def test_a_step_that_is_complete_is_counted_with_its_time():
    took = counts_of(a_job(State.SEALED), Go(State.CHECKED, "data_checked")).steps["preflight"]
    assert (sum(took.counts), took.seconds) == (1, 2)


def test_of_polling_the_training_is_counted_and_only_at_its_end():
    training = Training(uploaded_at=NOW - timedelta(hours=2), deadline=None)
    job = a_job(State.UPLOADED, training=training)
    assert counts_of(job, Wait(timedelta(minutes=1))).steps == {}
    took = counts_of(job, Go(State.TRAINED, "training_finished")).steps["poll"]
    assert took.seconds == 2 * 3_600 + 2
    assert took.counts[BOUNDS.index(14_400)] == 1


def test_bytes_are_counted_when_an_upload_is_complete_not_when_an_earlier_one_is_found():
    job = a_job(State.REGISTERED, bundle=Bundled(name="x.zip", bytes=5_000))
    assert counts_of(job, Go(State.UPLOADED, "upload_complete")).uploaded == {"churn": 5_000}
    assert counts_of(job, Go(State.UPLOADED, "upload_found_complete")).uploaded == {}


@pytest.mark.parametrize(
    ("failure", "retries"),
    [
        (Retry(problem("internal_error", kind="x")), {"churn": 1}),
        (Retry(problem("internal_error", kind="x"), host="a", of_host=True), {"churn": 1}),
        (Retry(problem("internal_error", kind="x"), host="a", of_host=False), {}),
        (OSError(5, "Input/output error"), {"churn": 1}),
        (Hold(problem("internal_error", kind="x")), {}),
    ],
    ids=["transient", "of a host", "the host is down and was not asked", "disk", "hold"],
)
def test_tries_that_met_a_transient_failure_are_counted(failure, retries):
    found = counts_of(a_job(State.BUNDLED), failure)
    assert found.retries == retries
    assert found.steps == {}


def test_a_delivery_is_counted_when_it_is_filed_not_when_its_end_is_decided():
    ended = a_job(State.FILING, end=End(outcome=Outcome.FAILED))
    assert counts_of(ended, Go(State.FAILED, "job_filed")).filed == {"churn": {"failed": 1}}
    assert counts_of(a_job(State.TRAINED), Go(State.FILING, "x")).filed == {}
