"""How fast something is, and how long it takes yet."""

from datetime import timedelta

import pytest

from retraind.cli.live.pace import Pace, Paces


@pytest.mark.parametrize(
    ("seen", "rate", "left"),
    [
        ([], None, None),
        ([(0, 0)], None, None),
        ([(0, 0), (0.5, 500)], None, None),  # too short to tell
        ([(0, 0), (1, 100)], 100, 9),
        ([(5, 400), (7, 600)], 100, 4),
        ([(0, 0), (1, 100), (2, 100), (4, 100)], 25, 36),  # it stands since
        ([(0, 0), (1, 100), *((at, 100) for at in range(2, 14))], 0, None),  # for longer than is remembered
        ([(0, 0), *((at, 10 * at) for at in range(1, 5)), *((at, 40 + 90 * (at - 4)) for at in range(5, 15))], 90, 1 / 3),
        ([(0, 0), (2, 800), (3, 0), (4, 50)], 50, 19),  # it has begun again
        ([(0, 0), (1, 1000)], 1000, 0),
        ([(0, 0), (1, 1200)], 1200, 0),  # more than was announced
    ],
)  # fmt: skip
def test_the_last_seconds_decide(seen, rate, left):
    pace = Pace()
    for at, done in seen:
        pace.see(at, done)
    assert pace.rate == (rate if rate is None else pytest.approx(rate, rel=0.1))
    found = pace.left(1000)
    assert found == (
        None if left is None else pytest.approx(timedelta(seconds=left), abs=timedelta(seconds=1))
    )
    assert pace.left(None) is None


def test_many_looks_are_few_samples():
    pace = Pace()
    for at in range(10_000):
        pace.see(at / 100, at)
    assert len(pace._samples) < 60
    assert pace.rate == pytest.approx(100, rel=0.05)


def test_what_has_ended_is_forgotten():
    paces = Paces()
    before = paces.of({("a", "upload"): 1, ("b", "upload"): 1}, 0.0)
    after = paces.of({("b", "upload"): 3}, 2.0)
    assert after[("b", "upload")] is before[("b", "upload")]
    assert after[("b", "upload")].rate == 1
    assert paces.of({("a", "upload"): 1}, 3.0)[("a", "upload")] is not before[("a", "upload")]
