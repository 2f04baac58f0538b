from datetime import time, timedelta

import pytest
from pydantic import TypeAdapter, ValidationError

from retraind.config.expectation import ExpectSettings
from retraind.domain.expecting.dues import Every

READ = TypeAdapter(ExpectSettings).validate_python


@pytest.mark.parametrize(
    ("every", "by", "day", "at"),
    [
        ("month", "5th 09:00", 5, time(9)),
        ("month", "31 23:59", 31, time(23, 59)),
        ("month", "last 9:00", 31, time(9)),
        ("week", "Monday 9:05", 0, time(9, 5)),
        ("week", "sun 00:00", 6, time(0)),
        ("day", "02:30", 1, time(2, 30)),
    ],
)
def test_a_day_and_a_time_are_read(every, by, day, at):
    rule = READ({"every": every, "by": by, "tz": "Asia/Tokyo"}).rule(frozenset())
    assert (rule.every, rule.day, rule.at, str(rule.zone)) == (Every(every), day, at, "Asia/Tokyo")


@pytest.mark.parametrize(
    ("table", "code"),
    [
        ({"every": "month", "by": "32nd 09:00"}, "due_unreadable"),
        ({"every": "month", "by": "mon 09:00"}, "due_unreadable"),
        ({"every": "month", "by": "last monday"}, "due_unreadable"),
        ({"every": "week", "by": "24:00"}, "due_unreadable"),
        ({"every": "day"}, "due_missing"),
        ({"every": "35d", "by": "09:00"}, "due_without_calendar"),
        ({"every": "auto", "by": "09:00"}, "due_without_calendar"),
        ({"every": "day", "by": "09:00", "tz": "Tokyo"}, "zone_unknown"),
        ({"every": "day", "by": "09:00", "tz": "../etc"}, "zone_unknown"),
        ({"every": "day", "by": "09:00", "calendar": "Japan"}, "country_unknown"),
        ({"every": "day", "by": "09:00", "calendar": "DE-XX"}, "country_unknown"),
        ({"every": "month", "by": "5 09:00", "roll": "next-business-day"}, "business_days_unknown"),
        ({"every": "auto", "closed": "/etc/holidays.txt"}, "business_days_unknown"),
    ],
)
def test_a_rule_that_cannot_be_used_says_why(table, code):
    with pytest.raises(ValidationError) as refused:
        READ(table)
    (error,) = refused.value.errors()
    assert error["ctx"]["error"].problem.code == code


def test_a_time_after_the_last_delivery_and_a_learnt_rhythm_are_no_calendar():
    assert READ({"every": "35d"}).interval == timedelta(days=35)
    assert READ({"every": "35d"}).rule(frozenset()) is None
    assert READ({"every": "auto"}).rule(frozenset()) is None
    assert READ({"every": "auto"}).interval is None
