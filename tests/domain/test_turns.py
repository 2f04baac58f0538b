"""Whose turn it is."""

from datetime import UTC, date, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from retraind.domain.job import IN_WORK, LIFE, RESTING, TALKS, End, Job, JobHold, Outcome, State, Waiting
from retraind.domain.names import order_of_key
from retraind.domain.problems import problem
from retraind.domain.turns import Turns, contradiction, in_turn, next_in_turn, turns
from support.variants import holds_for

START = datetime(2026, 1, 1, tzinfo=UTC)
ASIDE = JobHold(problem=problem("model_not_configured", model="churn", heir=None))
ENDED = End(outcome=Outcome.TRAINED)


def failed(resume_in):
    return End(outcome=Outcome.FAILED, resume_in=resume_in)


def job(key="", state=State.SEALED, number=0, **more):
    created = START + timedelta(seconds=number)
    return Job(
        id=f"job-{key}-{number}", model="churn", key=key, state=state, files=(),
        created_at=created, updated_at=created, **more,
    )  # fmt: skip


def keys(plan: Turns):
    return [each.key for each in plan.run]


def test_the_oldest_key_goes_first_as_people_count():
    waiting = [job("2026-10"), job("2026-9"), job("2026-11")]
    assert keys(turns(waiting, held=False, backlog="all")) == ["2026-9"]


def test_of_equal_keys_the_one_that_came_first_goes_first():
    late, early = job("x", number=9), job("x", number=1)
    assert turns([late, early], held=False, backlog="all").run == (early,)


@pytest.mark.parametrize("state", sorted(IN_WORK))
def test_a_delivery_waits_while_another_of_its_model_is_in_work(state):
    working, next_one = job("b", state), job("a")
    assert turns([next_one, working], held=False, backlog="all").run == (working,)
    assert next_in_turn([next_one, working]) is working


def test_while_none_is_in_work_all_wait_for_the_oldest_key():
    waiting = [job("2026-10", number=1), job("2026-9", number=2), job("2026-11", number=3)]
    assert next_in_turn(waiting).key == "2026-9"
    assert [each.key for each in in_turn(waiting)] == ["2026-9", "2026-10", "2026-11"]


def test_sealing_filing_and_a_switch_that_a_person_asked_for_need_no_turn():
    aside = [
        job("a", State.SEALING),
        job("b", State.FILING),
        job("c", State.SWITCHING, end=ENDED),
        job("d", State.RESTORING),
    ]
    working = job("e", State.UPLOADED)
    assert keys(turns([*aside, working, job("f")], held=False, backlog="all")) == ["a", "b", "c", "d", "e"]


def test_a_held_job_keeps_its_place():
    held = job("a", hold=ASIDE)
    assert turns([held, job("b")], held=False, backlog="all").run == ()
    working = job("b", State.CHECKED, hold=ASIDE)
    assert turns([job("a"), working], held=False, backlog="all").run == ()


@pytest.mark.parametrize("state", sorted(State))
def test_a_held_model_does_everything_but_talk(state):
    runs = turns([job("a", state)], held=True, backlog="all").run
    assert bool(runs) is (state not in TALKS)


def test_only_the_newest_of_a_backlog_is_kept_when_the_policy_says_so():
    old, middle, new = job("9"), job("10"), job("11")
    plan = turns([new, old, middle], held=False, backlog="latest")
    assert plan.run == (new,)
    assert plan.superseded == ((old, new), (middle, new))


def test_a_backlog_behind_a_running_job_is_superseded_too():
    working, old, new = job("8", State.UPLOADED), job("9"), job("10")
    plan = turns([working, old, new], held=False, backlog="latest")
    assert plan.run == (working,)
    assert plan.superseded == ((old, new),)


def test_a_job_coming_back_waits_until_the_model_is_free():
    back = job("a", State.RESTORING, end=failed(State.UPLOADED))
    working = job("b", State.REGISTERED)
    assert turns([back, working], held=False, backlog="all").run == (working,)
    assert turns([back, job("c")], held=False, backlog="all").run == (back,)


@pytest.mark.parametrize("backlog", ["all", "latest"])
def test_a_delivery_under_check_keeps_its_turn_when_an_older_key_arrives(backlog):
    """The journal calls both sealed; two of them past the check would be two trainings side by side."""
    checking, older, newer = job("5"), job("4"), job("6")
    plan = turns([checking, older, newer], held=False, backlog=backlog, running={checking.id})
    assert plan.run == (checking,)
    assert checking not in [superseded for superseded, _ in plan.superseded]


JOBS = st.lists(
    st.builds(
        job,
        key=st.sampled_from(["", "1", "2", "10", "b"]),
        state=st.sampled_from(sorted(LIFE.keys() - RESTING)),
        number=st.integers(0, 20),
        hold=st.sampled_from([None, None, ASIDE]),
        end=st.none()
        | st.just(ENDED)
        | st.builds(
            failed, st.sampled_from([None, State.SEALED, State.REGISTERED, State.UPLOADED, State.SWITCHING])
        ),
    ),
    max_size=8,
    unique_by=lambda each: each.id,
)


def takes_the_model(each):
    returning = each.state is State.RESTORING and each.end is not None
    return (
        each.occupies_model
        or each.state is State.SEALED
        or (returning and each.end.resume_in not in {None, State.SEALED})
    )


@holds_for(33, 100, JOBS, st.booleans(), st.sampled_from(["all", "latest"]), st.data())
def test_whatever_the_journal_holds_one_job_at_most_may_take_the_model(jobs, held, backlog, data):
    running = set(
        data.draw(st.lists(st.sampled_from([each.id for each in jobs]), max_size=1) if jobs else st.just([]))
    )
    plan = turns(jobs, held=held, backlog=backlog, running=running)
    run = list(plan.run)

    assert len(run) == len({each.id for each in run})
    assert sum(takes_the_model(each) for each in run) <= 1
    assert all(each.hold is None for each in run)
    assert not (held and any(each.state in TALKS for each in run))
    if any(each.occupies_model for each in jobs) and not running:
        assert not any(each.state is State.SEALED for each in run)
    dropped = [superseded for superseded, _ in plan.superseded]
    assert not {each.id for each in dropped} & {each.id for each in run}
    assert all(each.state is State.SEALED for each in dropped)
    assert all(newer.state is State.SEALED and newer not in dropped for _, newer in plan.superseded)
    if backlog == "all":
        assert not dropped
    # Nobody starves: with nothing held, something is always allowed to go on.
    if jobs and not held and all(each.hold is None for each in jobs):
        assert run
    # The order of the question does not matter.
    assert turns(reversed(jobs), held=held, backlog=backlog, running=running) == plan


@pytest.mark.parametrize("backlog", ["all", "latest"])
def test_none_is_sent_while_others_that_were_found_with_it_are_still_being_sealed(backlog):
    """Only then is it known which is the oldest, or the latest."""
    waiting = [job("2"), job("3"), job("1", State.SEALING)]
    plan = turns(waiting, held=False, backlog=backlog)
    assert (keys(plan), plan.superseded) == (["1"], ())
    going = turns(waiting, held=False, backlog=backlog, running={waiting[0].id})
    assert keys(going) == ["1", "2"], "what is being checked keeps its turn"


@pytest.mark.parametrize("more", [{"wait": Waiting(attempts=1)}, {"hold": ASIDE}])
def test_one_that_cannot_be_sealed_keeps_no_other_waiting(more):
    stuck = job("1", State.SEALING, **more)
    assert "2" in keys(turns([stuck, job("2")], held=False, backlog="all"))


CONTRADICTIONS = [
    # keys as they arrived, seconds between them, why
    (["31.10.2026", "01.11.2026"], 1, "days first"),
    (["30.10.2026", "31.10.2026", "01.11.2026", "02.11.2026"], 1, "days first, a week"),
    (["12-31-2026", "01-01-2027"], 1, "months first"),
    (["oct", "nov", "dec"], 1, "names of months"),
    (["week-52", "week-1"], 7 * 24 * 3600, "a counter that begins again"),
    (["churn-2026-11", "again-2026-10"], 1, "other names"),
]


@pytest.mark.parametrize(
    ("arrived", "seconds", "_why"), CONTRADICTIONS, ids=[row[-1] for row in CONTRADICTIONS]
)
def test_where_keys_contradict_the_arrivals_none_is_skipped_and_the_last_delivery_goes_last(
    arrived, seconds, _why
):
    waiting = [job(key, number=place * seconds) for place, key in enumerate(arrived)]
    assert contradiction(reversed(waiting)) is not None
    for backlog in ("all", "latest"):
        left, order = [*waiting], []
        while left:
            plan = turns(left, held=False, backlog=backlog)
            if not plan.superseded:
                assert in_turn(left)[0].key == keys(plan)[0] == next_in_turn(left).key
            if contradiction(left) is not None:
                assert plan.superseded == ()
            dropped = [each for each, _ in plan.superseded]
            order += [plan.run[0].key]
            left = [each for each in left if each not in (*dropped, *plan.run)]
        assert order[-1] == arrived[-1], "the last published is the last delivered"
        if backlog == "all":
            assert order == arrived


@pytest.mark.parametrize(
    ("arrived", "seconds"),
    [
        (["2026-11", "2026-10"], 10**6),
        (["20261130", "20261129"], 10**6),
        (["churn-2026-11", "churn-2026-9"], 10**6),
        (["10", "11", "9"], 10),
        (["batch-10", "batch-9"], 10),
        (["01.11.2026", "02.11.2026"], 10**6),
        (["a", "b"], 10**6),
    ],
)
def test_dates_that_begin_with_the_year_and_counters_of_one_batch_keep_their_order(arrived, seconds):
    waiting = [job(key, number=place * seconds) for place, key in enumerate(arrived)]
    assert contradiction(waiting) is None
    in_order = sorted(arrived, key=order_of_key)
    assert [each.key for each in in_turn(waiting)] == in_order
    assert keys(turns(waiting, held=False, backlog="latest")) == in_order[-1:]


DATES = st.dates(date(2026, 1, 1), date(2027, 12, 31))


@given(
    st.lists(DATES, min_size=2, max_size=6, unique=True),
    st.sampled_from(["%d.%m.%Y", "%m-%d-%Y", "%d%m%Y", "%Y-%m-%d"]),
)
def test_whatever_the_form_of_dates_that_arrive_in_order_the_newest_goes_last_and_is_never_skipped(
    days, form
):
    days.sort()
    waiting = [job(day.strftime(form), number=place * 86_400) for place, day in enumerate(days)]
    plan = turns(waiting, held=False, backlog="latest")
    assert waiting[-1] not in [each for each, _ in plan.superseded]
    assert in_turn(waiting)[-1] is waiting[-1]
