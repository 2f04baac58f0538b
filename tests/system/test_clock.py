"""How long something lasted, in words."""

from datetime import timedelta

import pytest

from retraind.system.clock import span_for_people

SPANS = [
    (0, "0 s"),
    (0.34, "0.3 s"),
    (59.7, "1 min"),
    (61, "1 min 1 s"),
    (3_600, "1 h"),
    (90_061, "1 d 1 h"),
    (86_401, "1 d 1 s"),
    (99 * 86_400 + 3_600, "99 d 1 h"),
    (1_020 * 86_400 + 3_600, "1,020 d"),
    (-3_600, "0 s"),
]


@pytest.mark.parametrize(("seconds", "words"), SPANS)
def test_a_span_is_told_in_its_two_largest_units_and_never_as_less_than_nothing(seconds, words):
    assert span_for_people(timedelta(seconds=seconds)) == words
