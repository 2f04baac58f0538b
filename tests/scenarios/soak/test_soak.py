"""A taste of `make soak`: seconds of its traffic.

What grows takes hours to show, so its sums are tested by themselves.
"""

import pytest

from scenarios.soak.campaign import Sample, growth, installed, soak, summary


def test_some_seconds_of_traffic_with_faults_lose_and_double_nothing(tmp_path):
    with installed(tmp_path, 6, "suite") as here:
        assert not soak(here, 4 / 60, 4.0, print)
        assert here.account.deliveries > 5
        assert sum(here.account.filed.values()) >= here.account.deliveries
    assert f"{here.account.deliveries:,} deliveries" in summary(here)


def samples(**grows):
    return [
        Sample(
            float(at), 80 + grows.get("memory", 0) * at, 10, 20, 5000 + grows.get("journal", 0) * at, 0.1 * at
        )
        for at in range(100)
    ]


@pytest.mark.quick
def test_what_stays_as_it_is_is_flat():
    table, wrong = growth(samples())
    assert not wrong
    assert "threads" in table


@pytest.mark.parametrize(("grows", "named"), [({"memory": 1}, "memory"), ({"journal": 100}, "journal")])
@pytest.mark.quick
def test_what_grows_is_named(grows, named):
    (wrong,) = growth(samples(**grows))[1]
    assert wrong.startswith(named)
