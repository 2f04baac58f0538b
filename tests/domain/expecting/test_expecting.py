"""Ten years on a manual clock: no false alarm by a rule, and every gap is seen."""

import random
from datetime import UTC, date, datetime, time, timedelta
from itertools import pairwise
from zoneinfo import ZoneInfo

import pytest

from retraind.domain.expecting.business_days import BusinessDays
from retraind.domain.expecting.dues import Every, Interval, Roll, Rule
from retraind.domain.expecting.learning import rhythm
from retraind.domain.expecting.stages import Expectation, Stage, expectation
from support.variants import long

TOKYO, BERLIN, NEW_YORK = ZoneInfo("Asia/Tokyo"), ZoneInfo("Europe/Berlin"), ZoneInfo("America/New_York")
BEGIN = datetime(2020, 1, 1, tzinfo=UTC)
END = datetime(2030, 1, 1, tzinfo=UTC)
JAPAN = BusinessDays("JP", frozenset({date(2026, 8, 13), date(2026, 8, 14)}))
RULES = {
    "month": Rule(Every.MONTH, time(9), TOKYO, day=5),
    "last day, business days": Rule(Every.MONTH, time(9), TOKYO, day=31, business=JAPAN, roll=Roll.NEXT),
    "first day, the business day before": Rule(Every.MONTH, time(0), BERLIN, day=1, business=BusinessDays("DE-BY"), roll=Roll.PREVIOUS),
    "month without August": Rule(Every.MONTH, time(23, 59), BERLIN, day=15, months_off=frozenset({8})),
    "week": Rule(Every.WEEK, time(2, 30), NEW_YORK, day=6),
    "day": Rule(Every.DAY, time(2, 30), NEW_YORK),
    "business day": Rule(Every.DAY, time(9), TOKYO, business=JAPAN),
    "business day without a month": Rule(Every.DAY, time(9), TOKYO, business=JAPAN, months_off=frozenset({1})),
}  # fmt: skip


def dues_of(rule, begin=BEGIN, end=END):
    found = [rule.after(begin)]
    while found[-1] < end:
        found.append(rule.after(found[-1]))
    return found


def moments_of_interest(dues):
    """Return when something could change: at due dates, and half-way between them, and just before and after."""
    for due, later in pairwise(dues):
        for moment in (due, due + (later - due) / 2):
            yield from (moment - timedelta(seconds=1), moment, moment + timedelta(seconds=1))


DAILY = [name for name, rule in RULES.items() if rule.every is Every.DAY]
YEARS = datetime(2025, 6, 1, tzinfo=UTC), datetime(2027, 6, 1, tzinfo=UTC)
"""With each change of the clocks twice, and the company's holidays."""


@pytest.mark.parametrize(
    ("name", "begin", "end"),
    [
        *((name, *(YEARS if name in DAILY else (BEGIN, END))) for name in RULES),
        *(long(name, BEGIN, END, id=f"{name}, ten years") for name in DAILY),
    ],
)
def test_years_of_deliveries_that_come_in_time_raise_no_alarm(name, begin, end):
    """Ten years; of what comes daily, two by default."""
    rule, chance = RULES[name], random.Random(name)
    dues = dues_of(rule, begin, end)
    # As early as half a period, and as late as a moment before the due date.
    arrivals = [
        due - (due - before) / 2 * chance.random() - timedelta(seconds=2) for before, due in pairwise(dues)
    ]
    arrived = 0
    for moment in moments_of_interest(dues[1:]):
        while arrived < len(arrivals) and arrivals[arrived] <= moment:
            arrived += 1
        stands = expectation(rule, arrivals[arrived - 1], dues[0], moment)
        assert stands.stage is Stage.FINE, (moment, arrivals[arrived - 1], stands)


@pytest.mark.parametrize("name", RULES)
def test_every_gap_is_late_at_once_and_missing_half_way_to_the_next(name):
    rule, chance = RULES[name], random.Random(name)
    dues = dues_of(rule)
    for number in chance.sample(range(2, len(dues) - 3), min(60, len(dues) - 5)):
        before, gap, later = dues[number - 1 : number + 2]
        last = before - timedelta(minutes=1)
        half = gap + (later - gap) / 2
        told = [
            expectation(rule, last, BEGIN, moment)
            for moment in (gap - timedelta(seconds=1), gap, half, later)
        ]
        assert told[0] == Expectation(Stage.FINE, gap)
        assert told[1] == Expectation(Stage.LATE, gap)
        assert told[2] == Expectation(Stage.MISSING, gap)
        assert told[3] == Expectation(Stage.MISSING, gap)
        assert expectation(rule, half - timedelta(seconds=1), BEGIN, half).stage is Stage.FINE
        assert (
            expectation(rule, half + timedelta(seconds=1), BEGIN, later + timedelta(seconds=1)).stage
            is Stage.FINE
        )


def test_a_delivery_that_comes_again_after_its_due_date_is_not_taken_for_the_next_one():
    rule = RULES["month"]
    corrected = datetime(2026, 3, 6, tzinfo=UTC)
    assert expectation(rule, corrected, BEGIN, datetime(2026, 4, 5, 0, 1, tzinfo=UTC)).stage is Stage.LATE


def test_the_31st_is_the_last_day_of_a_month_and_moves_to_a_business_day():
    told = [
        due.astimezone(TOKYO)
        for due in dues_of(
            RULES["last day, business days"],
            datetime(2028, 1, 1, tzinfo=UTC),
            datetime(2028, 6, 1, tzinfo=UTC),
        )
    ]
    assert [(each.month, each.day, each.hour) for each in told[:5]] == [
        (1, 31, 9),
        (2, 29, 9),
        (3, 31, 9),
        (5, 1, 9),
        (5, 31, 9),
    ]


def test_a_time_that_a_clock_change_leaves_out_is_an_hour_later_and_one_that_comes_twice_the_first():
    rule = RULES["day"]
    spring, autumn = datetime(2026, 3, 8, tzinfo=NEW_YORK), datetime(2026, 11, 1, tzinfo=NEW_YORK)
    assert rule.after(spring).astimezone(NEW_YORK).isoformat() == "2026-03-08T03:30:00-04:00"
    assert (
        Rule(Every.DAY, time(1, 30), NEW_YORK).after(autumn).astimezone(NEW_YORK).isoformat()
        == "2026-11-01T01:30:00-04:00"
    )


def test_company_holidays_and_those_of_the_country_have_no_due_date():
    days = {
        due.astimezone(TOKYO).date()
        for due in dues_of(
            RULES["business day"], datetime(2026, 8, 1, tzinfo=UTC), datetime(2026, 9, 1, tzinfo=UTC)
        )
    }
    assert not days & {date(2026, 8, 11), date(2026, 8, 13), date(2026, 8, 14), date(2026, 8, 15)}
    assert date(2026, 8, 12) in days


def test_due_dates_before_the_expectation_began_do_not_count():
    rule = RULES["month"]
    last, now = datetime(2026, 3, 4, tzinfo=UTC), datetime(2026, 5, 10, tzinfo=UTC)
    later = datetime(2026, 6, 30, tzinfo=UTC)
    assert expectation(rule, last, later, now) == Expectation(Stage.FINE, rule.after(later))
    assert expectation(rule, None, now, now) == Expectation(Stage.FINE, rule.after(now))
    assert expectation(rule, last, BEGIN, now) == Expectation(Stage.MISSING, rule.after(rule.of(last)))


def test_an_interval_counts_from_the_last_arrival():
    last = datetime(2026, 3, 4, tzinfo=UTC)
    rule = Interval(timedelta(days=35), last)
    due = last + timedelta(days=35)
    assert expectation(rule, last, BEGIN, due - timedelta(seconds=1)) == Expectation(Stage.FINE, due)
    assert expectation(rule, last, BEGIN, due) == Expectation(Stage.LATE, due)
    assert expectation(rule, last, BEGIN, due + timedelta(days=18)).stage is Stage.MISSING


WEEKDAYS, ALL = frozenset(range(5)), frozenset(range(7))
RHYTHMS = {
    "month": (timedelta(days=30.4), ALL, None),
    "week": (timedelta(days=7), ALL, None),
    "day": (timedelta(days=1), ALL, None),
    "weekday": (timedelta(days=1), WEEKDAYS, None),
    "six hours": (timedelta(hours=6), ALL, None),
    "hour of office": (timedelta(hours=1), WEEKDAYS, range(8, 18)),
}


def expected_of(name, years):
    period, days, hours = RHYTHMS[name]
    moment = BEGIN + timedelta(hours=9, minutes=30)
    while moment < BEGIN + timedelta(days=365 * years):
        if moment.weekday() in days and (hours is None or moment.hour in hours):
            yield moment
        moment += period


@pytest.mark.parametrize(
    ("name", "years"),
    [
        ("month", 40),
        ("week", 20),
        ("day", 2),
        ("weekday", 2),
        ("six hours", 0.5),
        ("hour of office", 0.25),
        long("day", 4),
        long("weekday", 4),
        long("six hours", 1),
        long("hour of office", 0.5),
    ],
)
def test_a_rhythm_with_a_scatter_of_a_tenth_is_learnt_without_false_alarms_and_each_gap_is_seen(name, years):
    period, chance = RHYTHMS[name][0], random.Random(name)
    arrivals, false, learnt, gaps, seen, is_gap = [], 0, 0, 0, 0, False
    begins, gaps_by = BEGIN - timedelta(days=1), random.Random(f"gaps of {name}")
    for expected in expected_of(name, years):
        known = rhythm(arrivals)
        arrival = expected + period * chance.gauss(0, 0.1)
        if known is not None:
            learnt += 1
            just_before = arrival - timedelta(seconds=1)
            if not is_gap:
                false += expectation(known, arrivals[-1], begins, just_before).stage is not Stage.FINE
            is_gap = gaps_by.random() < 0.04
            if is_gap:
                # This one does not come; the next one finds it reported.
                gaps += 1
                latest = expected + period * 0.9
                seen += expectation(known, arrivals[-1], begins, latest).stage is not Stage.FINE
                continue
        arrivals.append(max(arrival, arrivals[-1] if arrivals else arrival))
    assert learnt > 50
    assert gaps
    assert seen == gaps
    assert false / years < 1


def test_too_few_or_irregular_arrivals_have_no_rhythm():
    chance = random.Random(1)
    days = [BEGIN + timedelta(days=30 * number) for number in range(5)]
    assert rhythm([]) is rhythm(days) is None
    moments = sorted(BEGIN + timedelta(days=300 * chance.random() ** 3) for _ in range(30))
    assert rhythm(moments) is None


def test_corrections_sent_soon_after_do_not_disturb_a_rhythm():
    arrivals = sorted(
        BEGIN + timedelta(days=7 * week, minutes=minutes)
        for week in range(12)
        for minutes in (0, 20)[: 1 + week % 3 // 2]
    )
    known = rhythm(arrivals)
    assert known is not None
    assert abs(known.period - timedelta(days=7)) < timedelta(hours=1)
