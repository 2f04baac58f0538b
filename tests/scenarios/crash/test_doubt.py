"""Uploads of which it is not known whether they arrived: what retraind does, and what it cannot know.

The service of these tests is as hard as it may be: every complete PUT begins a training, and the status says
nothing of an upload for a while.
"""

from datetime import timedelta

import pytest

from retraind.domain.job import Outcome, State
from retraind.emulator import STATUSES, WORST_CASE, Fault, StatusWords
from scenarios.crash.installation import UPLOAD_DOUBT_MS, Installation, Model
from scenarios.crash.invariants import violations_after_kill, violations_at_rest
from scenarios.crash.test_transitions import good
from support.process import until
from support.variants import variants
from support.world import a_world

SILENT = StatusWords(waiting_for_upload="in_progress", waiting="in_progress")


UNTOUCHED = {"a word": 0.0, "not known": 1.0}
"""What the status check says of a retrain job without an upload."""


def killed_when_all_was_sent(root, hidden_ms, untouched):
    manners = {"hidden_time": timedelta(milliseconds=hidden_ms)}
    facts = WORST_CASE | {"status_unknown": UNTOUCHED[untouched]}
    with Installation(root, (Model("churn"),), facts=facts, manners=manners) as here:
        good(here)
        assert here.run(plan={"point": "after request upload", "pass": 1}).killed
        assert not violations_after_kill(here)
        assert here.run().exit_code in {0, 1}
        return violations_at_rest(here)


@pytest.mark.parametrize("untouched", UNTOUCHED)
def test_an_upload_that_the_service_shows_within_upload_doubt_is_not_sent_again(root, untouched):
    assert not killed_when_all_was_sent(root, UPLOAD_DOUBT_MS * 0.5, untouched)


@pytest.mark.parametrize("untouched", UNTOUCHED)
def test_the_limit_an_upload_that_the_service_hides_for_longer_than_upload_doubt_is_trained_twice(
    root, untouched
):
    """Nobody could know better: to the client it looks like one that never arrived.

    So upload_doubt has to be longer
    than the service hides an upload; docs/reliability.md says so.
    """
    found = killed_when_all_was_sent(root, UPLOAD_DOUBT_MS * 8, untouched)
    assert any(violation.startswith("doubled") for violation in found)


@pytest.mark.quick
def test_a_later_try_that_surely_failed_does_not_end_the_doubt_about_an_earlier_one(tmp_path):
    """The first PUT arrives, unseen; the second is refused; then the first shows."""
    late = {"words": SILENT, "queue_time": timedelta(seconds=90), "repeated_upload": "again-always"}
    with a_world(tmp_path, service=late, poll={"upload_doubt": 60}) as world:
        job = world.run(world.sealing(), until=State.REGISTERED)
        world.emulator.set_faults({"upload_lost_answer": Fault(times=1)})
        job = world.step(job)
        assert job.registration.put_started_at is not None
        world.wait_until(job.registration.put_ended_at + timedelta(seconds=61))
        world.emulator.set_faults({"upload_503": Fault(times=1)})
        job = world.step(job)
        assert world.records("fault_struck")[-1]["fault"] == "upload_503"
        world.wait_until(world.clock.now() + timedelta(seconds=60))
        until(lambda: world.records("training_finished"), "the first upload shows")
        job = world.run(job)
        assert job.outcome is Outcome.TRAINED
        assert len(world.records("training_started")) == 1


@pytest.mark.quick
def test_a_status_word_that_is_empty_shows_an_upload_as_any_other_does(tmp_path):
    """It is another answer than that the retrain job is not known."""
    late = {
        "words": StatusWords(waiting=""),
        "queue_time": timedelta(minutes=5),
        "facts": {"status_unknown": 1.0},
    }
    with a_world(
        tmp_path, service=late | {"repeated_upload": "again-always"}, poll={"upload_doubt": 60}
    ) as world:
        world.emulator.set_faults({"upload_lost_answer": Fault(times=1)})
        job = world.run(world.sealing())
        assert job.outcome is Outcome.TRAINED
        assert len(world.records("put_received")) == len(world.records("training_started")) == 1
        assert "(empty)" in {event.detail.get("status") for event in world.journal.events.history(job.id)}


@pytest.mark.quick
def test_a_half_upload_is_sent_again_to_the_same_retrain_job(tmp_path):
    with a_world(tmp_path, service={"repeated_upload": "again-always"}) as world:
        world.emulator.set_faults({"upload_reset": Fault(times=1)})
        job = world.run(world.sealing())
        assert job.outcome is Outcome.TRAINED
        assert len(world.records("registered")) == len(world.records("training_started")) == 1
        assert [record["complete"] for record in world.records("put_received")] == [False, True]


OF_EACH_KIND = [301, 403, 409, 503]


@pytest.mark.parametrize("status", variants(STATUSES, default=OF_EACH_KIND))
def test_an_upload_that_arrived_and_was_answered_with_an_error_is_seen_in_the_status_and_not_sent_again(
    tmp_path, status
):
    late = {"words": SILENT, "queue_time": timedelta(seconds=50), "repeated_upload": "again-always"}
    with a_world(tmp_path, service=late, poll={"upload_doubt": 60}) as world:
        world.emulator.set_faults({f"upload_{status}_after": Fault(times=1)})
        job = world.run(world.sealing())
        assert job.outcome is Outcome.TRAINED
        assert len(world.records("registered")) == len(world.records("training_started")) == 1


@pytest.mark.parametrize("status", variants(STATUSES, default=OF_EACH_KIND))
def test_an_upload_that_did_not_arrive_is_sent_again_only_once_the_doubt_is_over(tmp_path, status):
    with a_world(tmp_path, service={"repeated_upload": "again-always"}, poll={"upload_doubt": 60}) as world:
        job = world.run(world.sealing(), until=State.REGISTERED)
        world.emulator.set_faults({f"upload_{status}": Fault(times=1)})
        began = world.clock.now()
        job = world.run(job)
        assert job.outcome is Outcome.TRAINED
        assert job.training.uploaded_at - began >= timedelta(seconds=60)
        # What says that the address is of no use leads to another, after the same wait.
        refused = 400 <= status < 500 and status not in {408, 409, 429}
        assert len(world.records("registered")) == 1 + refused
