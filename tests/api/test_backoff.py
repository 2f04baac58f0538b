"""How long is waited: doubling, drawn from all of it, never less than was asked for."""

import random
from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from retraind.api.backoff import FLOOR, backoff

FIRST, LONGEST = timedelta(seconds=5), timedelta(minutes=10)


class At(random.Random):
    """No chance at all: always the same place between two bounds."""

    def __init__(self, place):
        super().__init__()
        self.place = place

    def uniform(self, a, b):
        return a + (b - a) * self.place


def test_the_longest_wait_doubles_up_to_its_cap():
    waits = [backoff(tries, FIRST, LONGEST, None, At(1.0)) for tries in (0, 1, 2, 6, 7, 8, 1_000_000)]
    assert waits == [FIRST, 2 * FIRST, 4 * FIRST, 64 * FIRST, LONGEST, LONGEST, LONGEST]


def test_the_shortest_wait_is_the_floor_however_often_it_was_tried():
    assert {backoff(tries, FIRST, LONGEST, None, At(0.0)) for tries in range(30)} == {FLOOR}


def test_a_first_wait_beyond_the_longest_does_not_grow():
    first = timedelta(days=36_500)
    assert {backoff(tries, first, LONGEST, None, At(1.0)) for tries in (0, 20, 1_000)} == {LONGEST}


def test_a_first_wait_below_the_floor_is_kept_to():
    moment = timedelta(milliseconds=100)
    assert backoff(0, moment, LONGEST, None, At(0.0)) == moment


def test_a_cap_below_the_floor_is_kept_to():
    moment = timedelta(milliseconds=100)
    assert {backoff(9, FIRST, moment, None, At(place)) for place in (0.0, 0.5, 1.0)} == {moment}


def test_the_waits_of_many_are_spread_over_all_of_it():
    chance = random.Random(20261125)
    waits = sorted(backoff(9, FIRST, LONGEST, None, chance) for _ in range(1000))
    tenths = [
        sum(LONGEST * tenth <= wait * 10 < LONGEST * (tenth + 1) for wait in waits) for tenth in range(10)
    ]
    assert min(tenths) > 60


@pytest.mark.parametrize(("place", "more"), [(0.0, timedelta(0)), (1.0, FIRST)])
def test_what_was_asked_for_is_kept_to_and_spread_a_little(place, more):
    asked = timedelta(minutes=20)
    assert backoff(0, FIRST, LONGEST, asked, At(place)) == asked + more


def test_asking_for_nothing_makes_no_wait_shorter():
    assert backoff(7, FIRST, LONGEST, timedelta(0), At(1.0)) == LONGEST


spans = st.timedeltas(timedelta(milliseconds=1), timedelta(days=1))


@given(st.integers(0, 10_000), spans, spans, st.none() | spans, st.randoms(use_true_random=False))
def test_no_wait_is_longer_than_the_cap_or_shorter_than_was_asked_for(tries, first, longest, asked, chance):
    wait = backoff(tries, first, longest, asked, chance)
    assert wait >= (asked or timedelta(0))
    assert wait <= max(longest, (asked or timedelta(0)) + first, FLOOR)
