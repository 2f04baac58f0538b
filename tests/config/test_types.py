import time
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import TypeAdapter, ValidationError

from retraind.config.types import Budget, RateText, Size, Span, rate_of

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


def test_rates_are_read_and_told_when_their_unit_may_mean_two_things():
    read = TypeAdapter(RateText).validate_python
    for text, rate in {
        "20 MB/s": 20_000_000,
        "20MB/s": 20_000_000,
        " 1.5 GB/s ": 1_500_000_000,
        "50 Mbit/s": 6_250_000,
        "100 kbit/s": 12_500,
        "1 Gbit/s": 125_000_000,
        "10 kB/s": 10_000,
        "2 MiB/s": 2 << 20,
        "64 KiB/s": 64 << 10,
        "1 GiB/s": 1 << 30,
    }.items():
        assert rate_of(read(text)) == rate, text
    for wrong in (
        *("20", 20, 20.5, "20 M", "20 MB", "20 Mb", "20 Mb/s", "20 mb/s", "20 Mbps", "20 MBps", "20 Mbit"),
        *("MB/s", "-1 MB/s", "1e3 MB/s", "1,5 MB/s", "20 B/s", "２０ MB/s", "20 TB/s", "fast", ""),
    ):
        with pytest.raises(ValueError, match="rate_unreadable"):
            read(wrong)
    for slow in ("0 MB/s", "9.999 kB/s", "79 kbit/s"):
        with pytest.raises(ValueError, match="rate_too_low"):
            read(slow)


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
        now += timedelta(minutes=50) if clocks_change_near(now) else timedelta(hours=17)


def clocks_change_near(moment):
    before, after = (moment + timedelta(days=days) for days in (-2, 2))
    return before.astimezone().utcoffset() != after.astimezone().utcoffset()
