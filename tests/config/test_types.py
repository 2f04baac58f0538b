import time
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import TypeAdapter, ValidationError

from retraind.config.types import Budget, Size, Span

SPAN = TypeAdapter(Span)
UNITS = {"s": 1, "m": 60, "min": 60, "h": 3600, "d": 86400, "w": 604800}


@given(st.lists(st.tuples(st.integers(0, 999), st.sampled_from(sorted(UNITS))), min_size=1, max_size=4))
def test_durations_add_up_their_parts(parts):
    text = " ".join(f"{count}{unit}" for count, unit in parts)
    assert SPAN.validate_python(text).total_seconds() == sum(count * UNITS[unit] for count, unit in parts)


def test_sizes_are_read_and_told_when_they_make_no_sense():
    read = TypeAdapter(Size).validate_python
    assert [read("20GiB"), read("500 MiB"), read(7), read("7")] == [20 << 30, 500 << 20, 7, 7]
    for wrong in ("20GB", "-1MiB", "MiB", "1.5GiB", -1):
        with pytest.raises(ValueError, match=r"size_unreadable|greater than or equal"):
            read(wrong)


@given(st.integers(0, 10**6))
def test_a_bare_number_is_seconds(seconds):
    assert SPAN.validate_python(seconds) == SPAN.validate_python(str(seconds)) == timedelta(seconds=seconds)


@given(st.text(max_size=12))
def test_no_text_is_taken_for_a_duration_by_accident(text):
    try:
        SPAN.validate_python(text)
    except ValidationError:
        return
    assert any(char.isdigit() for char in text)


@given(
    st.sampled_from(["day", "week", "month", "year"]),
    st.integers(0, 3_000_000_000).map(lambda seconds: datetime.fromtimestamp(seconds, UTC)),
)
def test_a_period_begins_before_and_ends_after_every_moment_in_it(period, now):
    budget = Budget(1, period)
    assert budget.begins(now) <= now < budget.ends(now)
    assert budget.begins(budget.ends(now)) == budget.ends(now)
    assert budget.begins(budget.ends(now) - timedelta(seconds=1)) == budget.begins(now)


@pytest.fixture(
    params=["Africa/Cairo", "America/Santiago", "America/Havana", "Atlantic/Azores", "Europe/Berlin"]
)
def zone(request, monkeypatch):
    """A zone in which clocks change, in most of these at midnight."""
    monkeypatch.setenv("TZ", request.param)
    time.tzset()
    yield
    monkeypatch.undo()
    time.tzset()


@pytest.mark.usefixtures("zone")
@pytest.mark.parametrize("period", ["day", "week", "month", "year"])
def test_no_change_of_the_clocks_makes_a_period_end_before_the_next_begins(period):
    budget, now = Budget(1, period), datetime(2012, 1, 1, tzinfo=UTC)
    while now.year < 2013:
        end = budget.ends(now)
        assert budget.begins(now) <= now < end
        assert budget.begins(end) == end
        now += timedelta(minutes=50) if clocks_change_near(now) else timedelta(hours=7)


def clocks_change_near(moment):
    before, after = (moment + timedelta(days=days) for days in (-2, 2))
    return before.astimezone().utcoffset() != after.astimezone().utcoffset()
