"""Upload windows as they are written, and what is said of those that cannot be read."""

from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from retraind.config.mistakes import Mistake
from retraind.config.upload_window import hours_of
from retraind.report.wording import Voice
from retraind.report.wording.catalogue import LANGUAGES

HOUR = timedelta(hours=1)
ALL = set(range(7))

READ = [
    # the text, the days, from when to when after midnight, the zone
    ("22:00-06:00", ALL, 22, 30, None),
    ("9:00-17:00", ALL, 9, 17, None),
    ("18:00-24:00", ALL, 18, 24, None),
    ("18:00-00:00", ALL, 18, 24, None),
    ("00:00-24:00", ALL, 0, 24, None),
    ("mon-fri 22:00-05:00 Asia/Tokyo", {0, 1, 2, 3, 4}, 22, 29, "Asia/Tokyo"),
    ("22:00-05:00 Asia/Tokyo", ALL, 22, 29, "Asia/Tokyo"),
    ("22:00-05:00 UTC", ALL, 22, 29, "UTC"),
    ("mon,wed", {0, 2}, 0, 24, None),
    ("sat-sun", {5, 6}, 0, 24, None),
    ("fri-mon", {4, 5, 6, 0}, 0, 24, None),
    ("sun", {6}, 0, 24, None),
    ("sat-sun Etc/GMT-9", {5, 6}, 0, 24, "Etc/GMT-9"),
    ("mon-wed,sat 01:00-02:00", {0, 1, 2, 5}, 1, 2, None),
    ("  Mon - Friday , SUN   22:00 - 05:00 ", {0, 1, 2, 3, 4, 6}, 22, 29, None),
]


@pytest.mark.parametrize(("text", "days", "begin", "end", "zone"), READ)
def test_days_hours_and_a_zone_are_read(text, days, begin, end, zone):
    hours = hours_of(text)
    assert hours.days.week == days
    assert (hours.begin, hours.end) == (begin * HOUR, end * HOUR)
    assert (hours.zone and hours.zone.key) == zone


def test_business_days_and_days_off_name_a_country_and_perhaps_its_region():
    work, off = hours_of("business-days JP 22:00-05:00 Asia/Tokyo").days, hours_of("Days-off DE-BY").days
    assert (work.business.country, work.off) == ("JP", False)
    assert (off.business.country, off.off) == ("DE-BY", True)


REFUSED = [
    # the text, the code, what the message must contain: what is wrong, and what would do
    ("", "window_without_hours", ['"sat-sun"']),
    ("Asia/Tokyo", "window_without_hours", ['"22:00-06:00"']),
    ("8-9", "window_unreadable", ['"8-9"', '"22:00-06:00"']),
    ("22:00", "window_unreadable", ['"22:00"']),
    ("25:00-06:00", "window_unreadable", ['"25:00-06:00"']),
    ("24:00-06:00", "window_unreadable", ['"24:00-06:00"']),
    ("22:00–05:00", "window_unreadable", ["22:00–05:00"]),
    ("２２:00-05:00", "window_unreadable", ["２２:00-05:00"]),
    ("10pm-5am", "window_unreadable", ['"10pm-5am"']),
    ("22:00-22:00", "window_never_open", ["22:00-22:00", '"00:00-24:00"']),
    ("00:00-00:00", "window_never_open", ['"00:00-24:00"']),
    ("weekdays 22:00-05:00", "window_day_unknown", ['"weekdays"', '"mon-fri"']),
    ("22:00-05:00 weekends", "window_day_unknown", ['"weekends"', '"sat-sun"']),
    ("workdays JP 22:00-05:00", "window_day_unknown", ['"workdays"', '"business-days JP"']),
    ("business-day JP", "window_day_unknown", ['"business-day"', '"business-days JP"']),
    ("holidays JP", "window_day_unknown", ['"holidays"', '"days-off JP"']),
    ("mon-fir 22:00-05:00", "window_day_unknown", ['"fir"', '"mon-fri"']),
    ("mo-fr", "window_day_unknown", ['"mo-fr"', '"mon-fri"']),
    ("mon-", "window_day_unknown", ['"mon-"']),
    ("月-金 22:00-05:00", "window_day_unknown", ["月-金", '"mon-fri"']),
    ("mon-mon", "window_days_unreadable", ['"mon-mon"']),
    ("mon-wed-fri", "window_days_unreadable", ['"mon-wed-fri"', '"mon,wed"']),
    ("business-days 22:00-05:00", "window_country_missing", ['"business-days JP"']),
    ("days-off", "window_country_missing", ['"days-off JP"']),
    ("business-days jp", "country_unknown", ['"jp"', '"JP"']),
    ("business-days Asia/Tokyo", "country_unknown", ['"Asia/Tokyo"']),
    ("mon-fri 22:00-05:00 Tokyo", "zone_unknown", ['"Tokyo"', '"Asia/Tokyo"']),
    ("22:00-05:00 JST", "zone_unknown", ['"JST"', '"Asia/Tokyo"']),
    ("22:00-05:00 mon-fri", "window_parts_misplaced", ['"mon-fri 22:00-05:00"']),
    ("mon fri 22:00-05:00", "window_parts_misplaced", ['"mon,fri 22:00-05:00"']),
    ("UTC 22:00-05:00", "window_parts_misplaced", ['"22:00-05:00 UTC"']),
    ("mon 08:00-12:00 14:00-18:00", "window_parts_misplaced", ['["mon 08:00-12:00", "mon 14:00-18:00"]']),
    ("mon business-days JP", "window_parts_misplaced", ['["business-days JP", "mon"]']),
]


@pytest.mark.parametrize(("text", "code", "named"), REFUSED)
def test_a_window_that_cannot_be_read_is_told_with_what_would_do(text, code, named):
    with pytest.raises(Mistake) as refused:
        hours_of(text)
    assert refused.value.problem.code == code
    for language in LANGUAGES:
        told = Voice(language=language).tell(refused.value.problem)
        for words in named:
            assert words in told or words.strip('"') in told, told


@given(st.text(alphabet="monfritue sat,-/:0129JP business", max_size=24) | st.text(max_size=12))
def test_no_text_breaks_the_reader(text):
    try:
        hours = hours_of(text)
    except Mistake:
        return
    assert timedelta(0) <= hours.begin < hours.end <= hours.begin + 24 * HOUR
