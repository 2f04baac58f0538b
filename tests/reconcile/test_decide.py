"""What is to be done in which situation: a table. How jobs take turns is in tests/domain/test_turns.py."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from retraind.domain.job import RESTING, Job, JobHold, Role, SealedFile, Signature, State, Waiting
from retraind.intake.pairing import Delivery
from retraind.reconcile.decide import MOST_ACTIVE, MOST_AN_HOUR, Decision, Situation, decide
from support.words import legacy

NOW = datetime(2026, 11, 23, 12, tzinfo=UTC)
SOON, LATER = NOW + timedelta(minutes=1), NOW + timedelta(hours=1)
ASIDE = JobHold(problem=legacy("Somebody has to look at this.", "Look."))
ONCE = 50
"""Deliveries that one pass takes in."""


def file(name):
    return SealedFile(role=Role.TRAIN, name=name, signature=Signature(inode=1, size=1, mtime_ns=1))


def job(key="1", state=State.SEALED, **more):
    return Job(
        id=f"job-{key}", model="churn", key=key, state=state, files=(file(f"train_{key}.csv"),),
        created_at=NOW - timedelta(hours=2), updated_at=NOW - timedelta(hours=2), **more,
    )  # fmt: skip


def delivery(key):
    return Delivery(key, (file(f"train_{key}.csv"),))


def deliveries(*keys):
    return tuple(delivery(str(key)) for key in keys)


def jobs(count, state=State.SEALED):
    return tuple(job(f"old-{number:05}", state) for number in range(count))


SEALED, OTHER, THIRD = job("1"), job("2"), job("3")
WORKING = job("9", State.UPLOADED)
TABLE = {
    "nothing to do": (Situation(NOW), Decision()),
    "a delivery is complete": (
        Situation(NOW, deliveries("1")),
        Decision(take_in=deliveries("1")),
    ),
    "a job may go on": (Situation(NOW, jobs=(SEALED,)), Decision(run=(SEALED,))),
    "both": (
        Situation(NOW, deliveries("2"), (SEALED,)),
        Decision(take_in=deliveries("2"), run=(SEALED,)),
    ),
    "the oldest key of a backlog goes first": (
        Situation(NOW, jobs=(THIRD, SEALED, OTHER)),
        Decision(run=(SEALED,)),
    ),
    "of a backlog the latest alone counts": (
        Situation(NOW, jobs=(THIRD, SEALED, OTHER), backlog="latest"),
        Decision(supersede=((SEALED, THIRD), (OTHER, THIRD)), run=(THIRD,)),
    ),
    "one that a thread has is not superseded": (
        Situation(NOW, jobs=(SEALED, OTHER, THIRD), backlog="latest", at_work=frozenset({"job-1"})),
        Decision(supersede=((OTHER, THIRD),)),
    ),
    "nor any while one of them is in work": (
        Situation(NOW, jobs=(WORKING, SEALED), backlog="latest"),
        Decision(run=(WORKING,)),
    ),
    "the others wait while one is in work": (
        Situation(NOW, jobs=(SEALED, WORKING)),
        Decision(run=(WORKING,)),
    ),
    "what a thread has is not run by another": (
        Situation(NOW, jobs=(SEALED, WORKING), at_work=frozenset({WORKING.id})),
        Decision(),
    ),
    "a step whose time has not come is waited for": (
        Situation(NOW, jobs=(job("9", State.UPLOADED, wait=Waiting(wake_at=LATER)),)),
        Decision(wake_at=LATER),
    ),
    "its time has come": (
        Situation(NOW, jobs=(due := job("9", State.UPLOADED, wait=Waiting(wake_at=NOW)),)),
        Decision(run=(due,)),
    ),
    "of several waits the first ends first": (
        Situation(
            NOW,
            jobs=(
                job("1", State.FILING, wait=Waiting(wake_at=LATER)),
                job("2", State.SEALING, wait=Waiting(wake_at=SOON, attempts=1)),
                job("3", State.UPLOADED, wait=Waiting(wake_at=LATER)),
            ),
        ),
        Decision(wake_at=SOON),
    ),
    "a wait that a clock set back has stretched is over": (
        Situation(
            NOW,
            jobs=(old := replace(job("9", State.UPLOADED, wait=Waiting(wake_at=LATER)), updated_at=LATER),),
        ),
        Decision(run=(old,)),
    ),
    "a job on hold is left alone and keeps its place": (
        Situation(NOW, jobs=(job("1", hold=ASIDE), OTHER)),
        Decision(),
    ),
    "a model on hold does not talk to the service": (
        Situation(NOW, jobs=(job("9", State.BUNDLED), SEALED), held=True),
        Decision(),
    ),
    "but takes in, seals, checks and files": (
        Situation(NOW, deliveries("5"), (SEALED, filing := job("8", State.FILING)), held=True),
        Decision(take_in=deliveries("5"), run=(filing, SEALED)),
    ),
    "a share that never answered is not touched": (
        Situation(NOW, jobs=(SEALED, WORKING, job("8", State.FILING)), reachable=False),
        Decision(),
    ),
    "nor waited for by the clock: it says so itself": (
        Situation(NOW, jobs=(job("9", State.UPLOADED, wait=Waiting(wake_at=SOON)),), reachable=False),
        Decision(),
    ),
    "sealed ones wait while others found with them are being sealed": (
        Situation(NOW, jobs=(OTHER, sealing := job("1", State.SEALING))),
        Decision(run=(sealing,)),
    ),
    "also to be superseded": (
        Situation(NOW, jobs=(SEALED, OTHER, sealing_3 := job("3", State.SEALING)), backlog="latest"),
        Decision(run=(sealing_3,)),
    ),
    "but not for one that could not be sealed": (
        Situation(NOW, jobs=(OTHER, job("1", State.SEALING, wait=Waiting(attempts=1, wake_at=SOON)))),
        Decision(run=(OTHER,), wake_at=SOON),
    ),
    "nor for one on hold": (
        Situation(NOW, jobs=(OTHER, job("1", State.SEALING, hold=ASIDE))),
        Decision(run=(OTHER,)),
    ),
    "files of a job that is being sealed are its own": (
        Situation(NOW, deliveries("1", "2"), (own := job("1", State.SEALING),)),
        Decision(take_in=deliveries("2"), run=(own,)),
    ),
    "also while it waits for another try": (
        Situation(NOW, deliveries("1"), (job("1", State.SEALING, wait=Waiting(attempts=3, wake_at=SOON)),)),
        Decision(wake_at=SOON),
    ),
    "once it is sealed the same name is another delivery": (
        Situation(NOW, deliveries("1"), (SEALED,)),
        Decision(take_in=deliveries("1"), run=(SEALED,)),
    ),
    "a part is taken in at a time, oldest key first": (
        Situation(NOW, deliveries(*range(ONCE + 7))),
        Decision(take_in=deliveries(*range(ONCE))),
    ),
    "no more than an hour may bring": (
        Situation(NOW, deliveries(*range(9)), taken_in=MOST_AN_HOUR - 4),
        Decision(take_in=deliveries(*range(4))),
    ),
    "nothing more within the hour": (
        Situation(NOW, deliveries(1), taken_in=MOST_AN_HOUR),
        Decision(),
    ),
    "no more than may be unfinished": (
        Situation(NOW, deliveries(*range(9)), jobs(MOST_ACTIVE - 2, State.FILING)),
        Decision(take_in=deliveries(0, 1), run=jobs(MOST_ACTIVE - 2, State.FILING)),
    ),
    "a backlog that is full, or more than full": (
        Situation(NOW, deliveries(1), jobs(MOST_ACTIVE + 3)),
        Decision(run=jobs(1)),
    ),
}


@pytest.mark.parametrize(("situation", "decision"), TABLE.values(), ids=TABLE)
def test_what_is_decided(situation, decision):
    assert decide(situation) == decision


states = st.sampled_from(sorted(set(State) - RESTING))
situations = st.builds(
    Situation,
    now=st.just(NOW),
    complete=st.lists(st.integers(0, 9), unique=True).map(lambda keys: deliveries(*sorted(keys))),
    jobs=st.lists(
        st.builds(
            job,
            st.integers(0, 9).map(str),
            states,
            wait=st.builds(
                Waiting, attempts=st.integers(0, 1), wake_at=st.sampled_from((None, NOW, SOON, LATER))
            ),
            hold=st.sampled_from((None, None, ASIDE)),
        ),
        unique_by=lambda each: each.id,
    ).map(tuple),
    held=st.booleans(),
    backlog=st.sampled_from(("all", "latest")),
    reachable=st.booleans(),
    at_work=st.frozensets(st.integers(0, 9).map("job-{}".format), max_size=4),
    taken_in=st.sampled_from((0, MOST_AN_HOUR - 1)),
)


@given(situations)
def test_whatever_the_situation_nothing_is_done_twice_too_early_or_against_a_hold(situation):
    decision = decide(situation)
    superseded = {each.id for each, _ in decision.supersede}
    for each in decision.run:
        assert each.id not in situation.at_work
        assert each.due(NOW) <= NOW
        assert each.hold is None
        assert each.id not in superseded
    assert len({each.id for each in decision.run}) == len(decision.run)
    assert sum(each.occupies_model or each.state is State.SEALED for each in decision.run) <= 1
    assert set(decision.take_in) <= set(situation.complete)
    assert decision.wake_at is None or decision.wake_at > NOW
    assert all(newer.id not in superseded for _, newer in decision.supersede)


@given(situations)
def test_what_has_been_taken_in_is_not_taken_in_again(situation):
    taken = decide(situation).take_in
    begun = tuple(replace(job(each.key, State.SEALING), id=f"new-{each.key}") for each in taken)
    again = decide(replace(situation, jobs=(*situation.jobs, *begun)))
    assert not set(taken) & set(again.take_in)
