"""Upload windows against an oracle that looks at the clocks minute by minute."""

from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from retraind.config.upload_window import window_of

MINUTE, DAY = timedelta(minutes=1), timedelta(days=1)
WEEKDAYS = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")


def is_open_by_the_clocks(week, begin, end, zone, moment):
    """Return whether the clocks show it; `begin` and `end` are minutes after midnight."""
    shown = moment.astimezone(zone)
    minute, today = 60 * shown.hour + shown.minute, shown.weekday()
    if begin < end:
        return today in week and begin <= minute < end
    return (today in week and minute >= begin) or ((today - 1) % 7 in week and minute < end)


CHANGES = {
    # zones with days on which their clocks changed, or were about to: forward, back, at midnight, by half an hour
    "Asia/Tokyo": ["1951-05-06", "1951-09-08", "2026-03-29"],
    "Europe/Berlin": ["2026-03-29", "2026-10-25", "1945-05-24"],
    "America/Sao_Paulo": ["2017-10-15", "2018-02-18", "2018-11-04", "2019-02-17", "2026-10-18"],
    "Australia/Lord_Howe": ["2026-04-05", "2026-10-04"],
    "America/St_Johns": ["2006-04-02", "2006-10-29"],
    "Africa/Casablanca": ["2026-02-15", "2026-03-22"],
    "Pacific/Apia": ["2011-12-30"],
    "Antarctica/Troll": ["2026-03-29", "2026-10-25"],
    "UTC": ["2026-02-28"],
}
PLACES = st.sampled_from([(zone, day) for zone, days in CHANGES.items() for day in days])
MINUTES = st.integers(0, 1439) | st.sampled_from([0, 1, 60, 90, 120, 150, 180, 1380, 1410, 1439])


def clock_time(minutes):
    return f"{minutes // 60:02}:{minutes % 60:02}"


@given(
    place=PLACES,
    before=st.integers(-60, 2 * 24 * 60).map(lambda minutes: timedelta(minutes=minutes))
    | st.timedeltas(-DAY, DAY),
    week=st.sets(st.integers(0, 6), min_size=1) | st.just(set(range(7))),
    hours=st.tuples(MINUTES, MINUTES),
)
@example(("Europe/Berlin", "2026-03-29"), 0 * MINUTE, set(range(7)), (150, 240))
@example(("Europe/Berlin", "2026-03-29"), 0 * MINUTE, set(range(7)), (120, 180))
@example(("Europe/Berlin", "2026-10-25"), 1 * MINUTE, set(range(7)), (60, 150))
@example(("America/Sao_Paulo", "2018-11-04"), 600 * MINUTE, {6}, (0, 300))
@example(("America/St_Johns", "2006-10-29"), -1 * MINUTE, {5}, (1380, 1))
@settings(max_examples=120)
def test_it_opens_in_the_minute_in_which_the_clocks_first_show_it(place, before, week, hours):
    (name, day), (begin, end) = place, hours
    zone = ZoneInfo(name)
    if begin == end:
        end = (end + 1) % 1440
    days = ",".join(WEEKDAYS[each] for each in sorted(week))
    window = window_of((f"{days} {clock_time(begin)}-{clock_time(end)} {name}",))
    moment = datetime.fromisoformat(day).replace(tzinfo=UTC) + DAY - before
    opening = window.opens(moment).at
    found = moment
    while not is_open_by_the_clocks(week, begin, end, zone, found):
        found = (found + MINUTE).replace(second=0, microsecond=0)
    # Clocks of long ago differ from UTC by odd seconds.
    assert opening == found if zone.utcoffset(found).seconds % 60 == 0 else abs(opening - found) < MINUTE
    assert window.opens(opening).at == opening


WINDOWS = (
    "22:00-05:00",
    "fri 22:00-05:00",
    "mon-fri 02:15-02:45",
    "sat-sun",
    "sun 00:00-24:00",
    "sat 23:30-00:01",
)


@pytest.mark.long
@pytest.mark.parametrize(
    ("name", "years"),
    [
        ("Asia/Tokyo", (1948, 1950)),
        ("Asia/Tokyo", (2026, 2027)),
        ("Europe/Berlin", (1945, 1946)),
        ("Europe/Berlin", (2025, 2028)),
        ("America/Sao_Paulo", (2017, 2020)),
        ("Australia/Lord_Howe", (2025, 2027)),
        ("America/St_Johns", (2006, 2007)),
        ("Pacific/Apia", (2011, 2012)),
    ],
)
def test_for_years_it_opens_and_closes_in_the_minutes_in_which_the_clocks_say_so(name, years):
    zone = ZoneInfo(name)
    each = [window_of((f"{text} {name}",)).hours[0] for text in WINDOWS]
    rules = [(hours.days.week, hours.begin // MINUTE, (hours.end // MINUTE) % 1440 or 1440) for hours in each]
    moment = datetime(years[0], 1, 1, tzinfo=UTC)
    was_open: list[bool | None] = [None] * len(rules)
    opening: list[datetime | None] = [None] * len(rules)
    while moment.year < years[1]:
        shown = moment.astimezone(zone)
        minute, today = 60 * shown.hour + shown.minute, shown.weekday()
        for number, (week, begin, end) in enumerate(rules):
            if begin < end:
                is_open = today in week and begin <= minute < end
            else:
                is_open = (today in week and minute >= begin) or ((today - 1) % 7 in week and minute < end)
            if is_open is was_open[number]:
                continue
            assert each[number].is_open(moment) is is_open, (WINDOWS[number], moment)
            if is_open:
                assert opening[number] in {None, moment}, WINDOWS[number]
                assert each[number].opens(moment) == moment
            else:
                opening[number] = each[number].opens(moment)
            was_open[number] = is_open
        moment += MINUTE


def opens(text, moment, *, closed=frozenset()):
    texts = (text,) if isinstance(text, str) else tuple(text)
    return window_of(texts, closed).opens(datetime.fromisoformat(moment))


def test_the_night_that_begins_on_a_friday_is_fridays():
    nights = "mon-fri 22:00-05:00 Asia/Tokyo"
    saturday = "2026-11-28T04:59+09:00"
    assert opens(nights, saturday).at == datetime.fromisoformat(saturday)
    assert opens(nights, "2026-11-28T05:00+09:00").at == datetime.fromisoformat("2026-11-30T22:00+09:00")
    # Sunday's night is not Monday's.
    assert opens(nights, "2026-11-30T00:30+09:00").at == datetime.fromisoformat("2026-11-30T22:00+09:00")


DAYS_OF_WORK = [
    # the window, from when on, when it opens
    ("business-days JP 22:00-05:00 Asia/Tokyo", "2026-09-18T23:00+09:00", "2026-09-18T23:00+09:00"),
    # Monday to Wednesday are holidays: Respect for the Aged, a day between two holidays, the equinox.
    ("business-days JP 22:00-05:00 Asia/Tokyo", "2026-09-19T05:00+09:00", "2026-09-24T22:00+09:00"),
    ("days-off JP Asia/Tokyo", "2026-09-18T23:00+09:00", "2026-09-19T00:00+09:00"),
    ("days-off JP Asia/Tokyo", "2026-09-22T12:00+09:00", "2026-09-22T12:00+09:00"),
    ("days-off JP 08:00-20:00 Asia/Tokyo", "2026-09-23T20:00+09:00", "2026-09-26T08:00+09:00"),
    ("days-off DE-BY Europe/Berlin", "2026-01-05T12:00+01:00", "2026-01-06T00:00+01:00"),
    ("days-off DE-BE Europe/Berlin", "2026-01-05T12:00+01:00", "2026-01-10T00:00+01:00"),
    # Where people work from Sunday to Thursday.
    ("days-off SA Asia/Riyadh", "2026-11-26T12:00+03:00", "2026-11-27T00:00+03:00"),
]


@pytest.mark.parametrize(("window", "moment", "opening"), DAYS_OF_WORK)
def test_business_days_and_days_off_are_those_of_the_country(window, moment, opening):
    assert opens(window, moment).at == datetime.fromisoformat(opening)


def test_a_companys_own_holidays_are_no_business_days():
    closed = frozenset({date(2026, 12, 29), date(2026, 12, 30)})
    nights, off = "business-days JP 22:00-05:00 Asia/Tokyo", "days-off JP Asia/Tokyo"
    assert opens(nights, "2026-12-29T21:00+09:00").at == datetime.fromisoformat("2026-12-29T22:00+09:00")
    assert opens(nights, "2026-12-29T21:00+09:00", closed=closed).at > datetime.fromisoformat(
        "2026-12-31T00:00+09:00"
    )
    assert opens(off, "2026-12-28T21:00+09:00", closed=closed).at == datetime.fromisoformat(
        "2026-12-29T00:00+09:00"
    )


def test_of_several_windows_the_one_that_opens_first_counts_with_its_zone():
    either = ["mon-fri 22:00-05:00 Asia/Tokyo", "sat-sun Europe/Berlin"]
    opening = opens(either, "2026-11-28T06:00+09:00")
    assert (opening.at, opening.zone.key) == (
        datetime.fromisoformat("2026-11-28T00:00+01:00"),
        "Europe/Berlin",
    )
    assert opens(either, "2026-11-27T20:00+09:00").zone.key == "Asia/Tokyo"


def test_a_window_that_no_day_is_left_for_does_not_open():
    closed = frozenset(date(2026, 1, 1) + days * DAY for days in range(500))
    assert opens("business-days JP 22:00-05:00 Asia/Tokyo", "2026-01-05T12:00+09:00", closed=closed) is None


def test_midnight_to_midnight_is_what_no_hours_are():
    (named,), (whole,) = (window_of((text,)).hours for text in ("sat 00:00-24:00 UTC", "sat UTC"))
    assert named == whole == replace(whole, begin=timedelta(0), end=DAY)
