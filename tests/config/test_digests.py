"""Digests come once a day or once a week, whatever clocks do, in every zone."""

from datetime import UTC, date, datetime, time, timedelta
from itertools import pairwise
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from retraind.config.digests import DigestTimes, digest_of
from retraind.config.mistakes import Mistake

ZONES = ("Europe/Berlin", "America/New_York", "Asia/Tokyo", "Australia/Lord_Howe", "America/Santiago", "UTC")
"""Clocks that are set by an hour, by half an hour, at midnight, and never."""
times = st.builds(
    DigestTimes, st.none() | st.integers(0, 6), st.builds(time, st.integers(0, 23), st.integers(0, 59)),
    st.sampled_from(ZONES).map(ZoneInfo),
)  # fmt: skip
moments = st.integers(1_577_836_800, 2_051_222_400).map(lambda seconds: datetime.fromtimestamp(seconds, UTC))
"""From 2020 to 2035."""


@given(times, moments)
def test_the_next_one_is_later_within_a_period_and_on_its_day(when, moment):
    found = when.next_after(moment)
    longest = timedelta(days=1 if when.weekday is None else 7, hours=1)
    assert timedelta(0) < found - moment <= longest
    local = found.astimezone(when.zone)
    assert when.weekday in {None, local.weekday()} or local.time() < when.at, "only a skipped midnight"
    if local.replace(tzinfo=None).time() != when.at:
        # Clocks were set forward past it.
        before = (found - timedelta(hours=1, minutes=1)).astimezone(when.zone)
        assert before.utcoffset() < local.utcoffset()


@given(times, moments, st.integers(1, 40))
def test_over_weeks_each_day_or_week_has_one(when, moment, number):
    """On a clock that is moved by hand: none is left out, and none comes twice."""
    found = [when.next_after(moment)]
    for _ in range(number):
        found.append(when.next_after(found[-1]))
        assert when.next_after(found[-2] + (found[-1] - found[-2]) / 2) == found[-1]
    step = timedelta(days=1 if when.weekday is None else 7)
    days = [each.astimezone(when.zone).date() for each in found]
    assert all(later - day == step for day, later in pairwise(days))


@pytest.mark.parametrize(
    ("text", "moment", "due"),
    [
        # Clocks are set forward past 02:30 on March 29, and back to it on October 25.
        ("daily 02:30 Europe/Berlin", "2026-03-28T12:00+01:00", "2026-03-29T03:30+02:00"),
        ("daily 02:30 Europe/Berlin", "2026-10-24T12:00+02:00", "2026-10-25T02:30+02:00"),
        ("daily 02:30 Europe/Berlin", "2026-10-25T02:30+02:00", "2026-10-26T02:30+01:00"),
        ("weekly MONDAY 8:00  Asia/Tokyo", "2026-11-30T08:00+09:00", "2026-12-07T08:00+09:00"),
        ("weekly mon 08:00 Asia/Tokyo", "2026-11-30T07:59:59+09:00", "2026-11-30T08:00+09:00"),
    ],
)
def test_the_documented_times(text, moment, due):
    assert digest_of(text).next_after(datetime.fromisoformat(moment)) == datetime.fromisoformat(due)


def test_without_a_zone_this_machine_s_clock_counts():
    found = digest_of("daily 08:00").next_after(datetime(2026, 11, 30, tzinfo=UTC)).astimezone()
    assert (found.hour, found.minute) == (8, 0)
    assert found.date() >= date(2026, 11, 29)


@pytest.mark.parametrize(
    "text", ["", "daily", "weekly 08:00", "mon 08:00", "daily 24:00", "daily 08:00 No/Where"]
)
def test_what_cannot_be_read_is_refused(text):
    with pytest.raises(Mistake):
        digest_of(text)


def test_never_is_none():
    assert digest_of("never") is None
