"""The table of a job's life, the names of jobs, their form as JSON, and what becomes of their parts."""

import json
import re
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from retraind.domain.flat import flattened, translated
from retraind.domain.job import (
    IN_WORK,
    LIFE,
    RESTING,
    TALKS,
    Bundled,
    Data,
    End,
    Gate,
    Job,
    JobHold,
    Outcome,
    Publication,
    Registration,
    Role,
    SealedFile,
    Shown,
    Signature,
    State,
    Training,
    Tries,
    Waiting,
    Waivers,
)
from retraind.domain.names import job_id, order_of_key
from retraind.domain.people import Request
from retraind.domain.problems import Finding, Problem
from retraind.jobs import outcomes
from retraind.jobs.policies import upload_in_trouble
from retraind.jobs.steps import DataSteps, ServiceSteps
from support.variants import holds_for

LONGEST_ID_BYTES = 120
ON_SMB = re.compile(r'[^\x00-\x1f\x7f<>:"/\\|?*\s]+[^\x00-\x1f\x7f<>:"/\\|?*\s.]')


def reachable(begin):
    found, waiting = {begin}, [begin]
    while waiting:
        for state in LIFE[waiting.pop()].next - found:
            found.add(state)
            waiting.append(state)
    return found


def test_every_state_is_in_the_table_and_can_be_reached():
    assert set(LIFE) == set(State)
    assert reachable(State.SEALING) == set(State)


@pytest.mark.parametrize("state", sorted(State))
def test_a_state_has_a_step_or_is_a_place_to_rest(state):
    step = LIFE[state].step
    assert (step is None) == (state in {State.DONE, State.FAILED, State.RETURNED})
    if step is not None:
        assert callable(getattr(DataSteps, step, None) or getattr(ServiceSteps, step))


@pytest.mark.parametrize("state", sorted(set(State) - RESTING))
def test_every_job_in_motion_can_come_to_rest(state):
    assert reachable(state) & RESTING
    assert state not in LIFE[state].next


def test_no_two_states_share_a_step():
    steps = [stage.step for stage in LIFE.values() if stage.step]
    assert len(steps) == len(set(steps))


def test_states_that_occupy_a_model_or_talk_are_never_resting_ones():
    assert not (IN_WORK | TALKS) & RESTING
    assert State.SEALED not in IN_WORK


def test_what_failed_is_only_restored_or_filed_with_another_note_and_what_was_returned_is_over():
    assert LIFE[State.FAILED].next == {State.RESTORING, State.FILING}
    assert not LIFE[State.RETURNED].next


KEYS = st.text(st.characters(codec="utf-8", exclude_characters="/\0"), max_size=90)
MOMENTS = st.datetimes(datetime(1970, 1, 1), datetime(2199, 12, 31), timezones=st.just(UTC))  # noqa: DTZ001


@given(MOMENTS, KEYS)
@example(datetime(2026, 11, 23, tzinfo=UTC), 'a:b<c>d"e|f?g*h\\i')
@example(datetime(2026, 11, 23, tzinfo=UTC), " . ..")
@example(datetime(2026, 11, 23, tzinfo=UTC), "\r\n\t\x85\u2028")
@example(datetime(2026, 11, 23, tzinfo=UTC), "十一月の顧客データ" * 9)
def test_a_job_is_named_so_that_every_share_can_hold_its_folder(moment, key):
    name = job_id(moment, key, "a1b2c3")
    assert ON_SMB.fullmatch(name)
    assert len(name.encode()) <= LONGEST_ID_BYTES
    assert name.endswith("_a1b2c3")
    assert name.startswith(moment.strftime("%Y-%m-%dT%H%M%SZ_"))


@given(MOMENTS, st.integers(1, 10**8), KEYS, KEYS)
def test_folders_sort_by_the_time_of_their_jobs(moment, seconds, one, other):
    later = moment + timedelta(seconds=seconds)
    assert job_id(moment, one, "ffffff") < job_id(later, other, "000000")


def test_equal_keys_in_the_same_second_are_still_two_jobs():
    moment = datetime(2026, 1, 1, tzinfo=UTC)
    assert job_id(moment, "x", "000000") != job_id(moment, "x", "000001")


@pytest.mark.parametrize(
    ("keys", "why"),
    [
        (["", "1", "2", "10"], "digits count by value"),
        (["2026-9", "2026-10", "2026-11"], "months without a leading zero"),
        (["a2b10", "a10b2"], "digits in the middle"),
        (["v1", "V2", "v3"], "case does not matter"),
        (["x", "x1"], "a key before its continuations"),
        (["九月", "十月"], "other scripts by their code points"),
    ],
)
def test_keys_are_ordered_as_people_count(keys, why):
    mixed = keys[::-1]
    mixed.sort(key=order_of_key)
    assert mixed == keys, why


@given(st.lists(st.text(max_size=20), max_size=5))
@example(["٣", "3", "²", "x"])
def test_any_keys_can_be_ordered(keys):
    assert len(sorted(keys, key=order_of_key)) == len(keys)


FILE_NAMES = st.text(st.characters(codec="utf-8", exclude_characters="/\0"), min_size=1, max_size=30).filter(
    lambda name: name not in {".", ".."}
)
SIGNATURES = st.builds(
    Signature, size=st.integers(0, 2**63), mtime_ns=st.integers(-(2**63), 2**63), inode=st.integers(0, 2**64)
)
FILES = st.builds(
    SealedFile,
    role=st.sampled_from(Role),
    name=st.lists(FILE_NAMES, min_size=1, max_size=2).map("/".join),
    signature=SIGNATURES,
    sha256=st.none() | st.text("0123456789abcdef", min_size=64, max_size=64),
)
PROBLEMS = st.builds(Problem, code=st.sampled_from(["file_error", "gate_refused"]))
COUNTS = st.integers(0, 10**9)
JOBS = st.builds(
    Job,
    id=st.text(min_size=1, max_size=30),
    model=st.just("churn"),
    key=st.text(max_size=30),
    state=st.sampled_from(State),
    files=st.lists(FILES, max_size=3).map(tuple),
    created_at=MOMENTS,
    updated_at=MOMENTS,
    version=COUNTS,
    drop=st.none() | st.text(max_size=9),
    filed_in=st.none() | st.text(max_size=9),
    wait=st.builds(
        Waiting,
        wake_at=st.none() | MOMENTS,
        attempts=COUNTS,
        trouble=st.none() | PROBLEMS,
        host=st.none() | st.text(max_size=9),
        since=st.none() | MOMENTS,
        stuck=st.booleans(),
    ),
    hold=st.none() | st.builds(JobHold, problem=PROBLEMS, until=st.none() | MOMENTS),
    tries=st.builds(
        Tries, registrations=COUNTS, registered_at=st.none() | MOMENTS, upload_held=st.booleans()
    ),
    waived=st.builds(Waivers, budget=st.booleans(), window=st.booleans()),
    data=st.none()
    | st.builds(
        Data,
        rows=st.dictionaries(st.sampled_from(["train", "eval"]), COUNTS, min_size=1),
        columns=st.lists(st.text(max_size=9), max_size=3).map(tuple),
        warnings=st.lists(st.builds(Finding, rule=st.just("row-count")), max_size=1).map(tuple),
    ),
    bundle=st.none() | st.builds(Bundled, name=st.text(max_size=9), bytes=COUNTS),
    registration=st.none()
    | st.builds(
        Registration,
        retrain_job_id=st.text(max_size=9),
        ticket=st.none() | st.just("ticket-nobody-may-see"),
        untouched_status=st.none() | st.text(max_size=9),
        address_refused=st.none() | PROBLEMS,
        put_started_at=st.none() | MOMENTS,
        put_ended_at=st.none() | MOMENTS,
    ),
    training=st.none()
    | st.builds(
        Training,
        uploaded_at=MOMENTS,
        deadline=st.none() | MOMENTS,
        continues=st.none() | st.text(max_size=9),
        status=st.none() | st.text(max_size=9),
        message=st.none() | st.text(max_size=9),
        unknown_since=st.none() | MOMENTS,
        trained_at=st.none() | MOMENTS,
        model_id=st.none() | COUNTS,
        results_name=st.none() | st.just("results.zip"),
        results_bytes=st.none() | COUNTS,
    ),
    gate=st.none()
    | st.builds(
        Gate,
        exit=st.none() | st.integers(-64, 255),
        output=st.text(max_size=9),
        shown=st.lists(
            st.builds(
                Shown, name=st.text(max_size=9), bytes=COUNTS, sha256=st.just("0"), copied=st.booleans()
            ),
            max_size=1,
        ).map(tuple),
    ),
    publication=st.none() | st.builds(Publication, at=MOMENTS, by_hand=st.booleans(), open=st.booleans()),
    end=st.none()
    | st.builds(
        End,
        outcome=st.sampled_from(Outcome),
        problem=st.none() | PROBLEMS,
        failed_in=st.none() | st.sampled_from(State),
        resume_in=st.none() | st.sampled_from(State),
        earlier_job=st.none() | st.text(max_size=9),
        continued_in=st.none() | st.text(max_size=9),
    ),
)


@pytest.mark.parametrize("name", ["", "/x", "../x", "train/..", "a/b/c", "x\0.csv", "./x", "train/"])
def test_no_job_names_a_file_outside_its_folder(name):
    """job.json lies on the share, where anybody may have written it."""
    with pytest.raises(ValueError, match="not the name of a file"):
        SealedFile(role=Role.TRAIN, name=name, signature=Signature(size=1, mtime_ns=1, inode=1))
    written = json.loads(A_JOB.to_json())
    written["files"][0]["name"] = name
    with pytest.raises(ValueError, match="not the name of a file"):
        Job.from_json(json.dumps(written))


@holds_for(12, 50, JOBS)
def test_a_job_survives_being_written_as_json(job):
    assert Job.from_json(job.to_json()) == job


@holds_for(12, 50, JOBS)
def test_fields_that_an_earlier_version_wrote_and_this_one_has_given_up_are_passed_over(job):
    written = json.loads(job.to_json())
    for part in (written, written["wait"], *written["files"]):
        part["given_up"] = "x"
    assert Job.from_json(json.dumps(written)) == job


@holds_for(12, 50, JOBS)
def test_what_lies_beside_the_data_rebuilds_the_job_without_its_upload_address(job):
    text = job.portable()
    assert b"ticket" not in text
    registration = job.registration and replace(job.registration, ticket=None)
    assert Job.from_json(text) == replace(job, registration=registration)


@holds_for(50, 200, JOBS)
def test_a_job_without_parts_as_an_earlier_version_wrote_it_is_the_same_job(job):
    flat = flattened(json.loads(job.to_json()))
    assert Job.from_json(translated(json.dumps(flat))) == job


def test_a_flaw_that_a_job_without_parts_had_before_its_end_is_kept():
    flawed = replace(A_JOB, flaw=Problem(code="pair_incomplete"))
    flat = flattened(json.loads(flawed.to_json()))
    assert (flat["problem"]["code"], flat["outcome"]) == ("pair_incomplete", None)
    assert Job.from_json(translated(json.dumps(flat))) == flawed


def test_json_with_parts_is_not_translated():
    text = A_JOB.to_json()
    assert translated(text) is text


# ------------------------------------------------------------------ what resets keep, and what they do not

NOW = datetime(2026, 11, 23, 12, tzinfo=UTC)
HOUR = timedelta(hours=1)
MET = Problem(code="file_error", facts={"path": "/x"})
A_JOB = Job(
    id="2026-11-23T120000Z_a_000000",
    model="churn",
    key="a",
    state=State.REGISTERED,
    files=(
        SealedFile(
            role=Role.TRAIN, name="train_a.csv", signature=Signature(size=1, mtime_ns=1, inode=1), sha256="0"
        ),
    ),
    created_at=NOW,
    updated_at=NOW,
    drop="/share/churn",
)
FULL = replace(
    A_JOB,
    filed_in="/share/churn/failed",
    flaw=MET,
    wait=Waiting(wake_at=NOW, attempts=3, trouble=MET, host="api:443", since=NOW - HOUR, stuck=True),
    hold=JobHold(problem=MET, until=NOW),
    tries=Tries(registrations=5, registered_at=NOW, upload_held=True),
    waived=Waivers(budget=True, window=True),
    data=Data(rows={"train": 3}, columns=("x",), warnings=(Finding(rule="row-count"),)),
    bundle=Bundled(name="a.zip", bytes=9),
    registration=Registration(
        retrain_job_id="r", ticket="t", untouched_status="w", put_started_at=NOW, put_ended_at=NOW
    ),
    training=Training(uploaded_at=NOW, deadline=NOW, status="s", unknown_since=NOW, continues="older"),
    gate=Gate(exit=1, output="no"),
    publication=Publication(at=NOW, by_hand=True, first_at=NOW - HOUR, open=True, note=MET),
    end=End(outcome=Outcome.FAILED, problem=MET, failed_in=State.UPLOADED, continued_in="newer"),
)
"""A job that has every part: more than any job has at a time."""


def restored(to, job=FULL):
    return outcomes.restored(to, job.files, NOW + HOUR).change(job)


def changed(before, after):
    return {name for name, value in vars(after).items() if value != vars(before)[name]}


def test_a_dropped_registration_leaves_what_counts_on():
    assert changed(FULL, outcomes.unregistered(FULL)) == {"registration"}
    again = outcomes.register_again(MET).change(replace(FULL, wait=replace(FULL.wait, trouble=None)))
    assert (again.registration, again.tries, again.wait) == (None, FULL.tries, FULL.wait)


def test_an_upload_that_has_trouble_keeps_it_through_further_registrations():
    for state in (State.CHECKED, State.BUNDLED, State.REGISTERED):
        assert upload_in_trouble(replace(FULL, state=state), State.BUNDLED)
        assert not upload_in_trouble(replace(FULL, state=state), State.UPLOADED)
    assert not upload_in_trouble(replace(FULL, tries=Tries(registered_at=NOW)), State.BUNDLED)
    assert not upload_in_trouble(replace(FULL, wait=Waiting(attempts=3)), State.BUNDLED)


def test_a_release_ends_the_hold_and_the_wait_but_not_the_count_of_tries():
    free = outcomes.released(FULL)
    assert changed(FULL, free) == {"hold", "wait"}
    assert (free.hold, free.wait) == (None, replace(FULL.wait, wake_at=None, trouble=None))


def test_a_retry_from_the_start_forgets_what_was_sent_and_keeps_where_the_job_was():
    begun = restored(State.SEALED)
    assert begun == replace(
        A_JOB,
        filed_in=FULL.filed_in,
        wait=FULL.wait,
        hold=FULL.hold,
        tries=Tries(registered_at=NOW),
        data=replace(FULL.data, warnings=()),
        bundle=FULL.bundle,
        publication=replace(FULL.publication, open=False),
    )


def test_waivers_last_until_a_training_was_sent():
    unsent = replace(FULL, training=None)
    assert restored(State.SEALED).waived == Waivers()
    assert restored(State.SEALED, unsent).waived == unsent.waived
    assert restored(State.UPLOADED).waived == FULL.waived


@pytest.mark.parametrize("to", [State.REGISTERED, State.TRAINED, State.SWITCHING])
def test_a_retry_of_one_step_forgets_the_end_alone(to):
    assert changed(FULL, restored(to)) == {"end", "flaw"}


def test_a_retry_that_waits_for_the_same_training_gives_it_the_whole_time_again():
    again = restored(State.UPLOADED)
    assert changed(FULL, again) == {"end", "flaw", "training"}
    assert again.training == replace(FULL.training, deadline=NOW + HOUR)


def test_a_failure_keeps_all_that_is_known_of_what_was_sent():
    failed = outcomes.failed(A_JOB, MET, restart=False)
    after = failed.change(replace(FULL, end=None))
    assert changed(replace(FULL, end=None), after) == {"end"}
    assert (after.end.failed_in, after.end.resume_in) == (State.REGISTERED, State.REGISTERED)
    assert outcomes.failed(A_JOB, MET, restart=True).change(FULL).end.resume_in is State.SEALED


def test_a_change_is_applied_to_the_job_as_it_is_by_then():
    """A command or a reload may have written to the job while its step was run."""
    go = outcomes.failed(A_JOB, MET, restart=True).after(lambda job: replace(job, bundle=None))
    meanwhile = replace(FULL, model="renamed", waived=Waivers(window=True))
    after = go.change(meanwhile)
    assert changed(meanwhile, after) == {"bundle", "end"}


PROBLEM = Problem(
    "file_problem", {"why": Problem("no_such_thing", {"path": "/a"})}, (Finding("target-empty"),)
)
EVERY_PART = Job(
    id="2026-11-30T020000Z_1_c8c21f", model="churn", key="1", state=State.DONE,
    files=(SealedFile(role=Role.TRAIN, name="t.csv", signature=Signature(size=1, mtime_ns=2, inode=3)),),
    created_at=datetime(2026, 11, 30, tzinfo=UTC), updated_at=datetime(2026, 11, 30, tzinfo=UTC),
    flaw=PROBLEM, wait=Waiting(trouble=PROBLEM), hold=JobHold(problem=PROBLEM), tries=Tries(),
    waived=Waivers(), data=Data(warnings=(Finding("target-empty", facts={"column": "a"}),)),
    asked=Request(what="retry", by="aiko", at=datetime(2026, 11, 30, tzinfo=UTC)),
    bundle=Bundled(name="b.zip", bytes=1), registration=Registration(retrain_job_id="r", address_refused=PROBLEM),
    training=Training(uploaded_at=datetime(2026, 11, 30, tzinfo=UTC)),
    gate=Gate(output="", shown=(Shown(name="t.csv", bytes=1, sha256="0", copied=True),)),
    publication=Publication(note=PROBLEM), end=End(outcome=Outcome.TRAINED, problem=PROBLEM),
)  # fmt: skip
OF_NAMES = {"rows", "scores", "facts"}
"""Their fields are names of somebody else's, not ours."""


def of_a_newer_version(written, *, named=False):
    """Return a job's JSON with one more field in each of its parts."""
    if isinstance(written, list):
        return [of_a_newer_version(each) for each in written]
    if not isinstance(written, dict):
        return written
    more = {name: of_a_newer_version(value, named=name in OF_NAMES) for name, value in written.items()}
    return more if named else more | {"of_a_newer_version": {"any": ["thing"]}}


def test_fields_of_a_newer_version_are_passed_over_in_every_part():
    parts = vars(EVERY_PART)
    assert all(part is not None for name, part in parts.items() if name not in {"drop", "filed_in"})
    newer = json.dumps(of_a_newer_version(json.loads(EVERY_PART.to_json())))
    assert newer.count("of_a_newer_version") > 25
    assert Job.from_json(translated(newer)) == EVERY_PART


def test_the_copy_for_the_first_version_is_the_whole_job_for_today_s():
    assert Job.from_json(translated(EVERY_PART.portable())) == EVERY_PART
    plain = replace(EVERY_PART, hold=None, data=None, registration=None, training=None, gate=None, end=None)
    assert Job.from_json(translated(plain.portable())) == plain
