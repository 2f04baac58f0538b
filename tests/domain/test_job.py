"""The table of a job's life, the names of jobs, and their form as JSON."""

import json
import re
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st
from pydantic import ValidationError

from retraind.domain.job import (
    IN_WORK,
    LIFE,
    RESTING,
    TALKS,
    Job,
    Role,
    SealedFile,
    Signature,
    State,
    job_id,
    order_of_key,
)
from retraind.domain.problems import Problem
from retraind.jobs.steps import DataSteps, ServiceSteps

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
JOBS = st.builds(
    Job,
    id=st.text(min_size=1, max_size=30),
    model=st.just("churn"),
    key=st.text(max_size=30),
    state=st.sampled_from(State),
    files=st.lists(FILES, max_size=3).map(tuple),
    created_at=MOMENTS,
    updated_at=MOMENTS,
    wake_at=st.none() | MOMENTS,
    trouble=st.none() | st.text(max_size=30),
    hold=st.none() | st.builds(Problem, what=st.text(max_size=9), remedy=st.text(max_size=9)),
    rows=st.dictionaries(st.sampled_from(["train", "eval"]), st.integers(0, 10**9)),
    columns=st.lists(st.text(max_size=9), max_size=3).map(tuple),
    upload_ticket=st.none() | st.just("ticket-nobody-may-see"),
)


@pytest.mark.parametrize("name", ["", "/x", "../x", "train/..", "a/b/c", "x\0.csv", "./x", "train/"])
def test_no_job_names_a_file_outside_its_folder(name):
    """job.json lies on the share, where anybody may have written it."""
    with pytest.raises(ValueError, match="not the name of a file"):
        SealedFile(role=Role.TRAIN, name=name, signature=Signature(size=1, mtime_ns=1, inode=1))


@given(JOBS)
@settings(max_examples=50, deadline=None)
def test_a_job_survives_being_written_as_json(job):
    assert Job.from_json(job.model_dump_json()) == job


@given(JOBS)
@settings(max_examples=50, deadline=None)
def test_fields_that_an_earlier_version_wrote_and_this_one_has_given_up_are_passed_over(job):
    written = json.loads(job.model_dump_json())
    for part in (written, *written["files"]):
        part["given_up"] = "x"
    assert Job.from_json(json.dumps(written)) == job
    with pytest.raises(ValidationError):
        job.changed(given_up="x")


@given(JOBS)
@settings(max_examples=50, deadline=None)
def test_what_lies_beside_the_data_rebuilds_the_job_without_its_upload_address(job):
    text = job.portable()
    assert b"ticket-nobody-may-see" not in text
    assert "upload_ticket" not in json.loads(text)
    assert Job.model_validate_json(text) == job.changed(upload_ticket=None)
