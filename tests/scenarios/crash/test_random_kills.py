"""A taste of `make crash`: some kills at random points, the same in every run."""

import pytest

from scenarios.crash.campaign import complaint, summary
from scenarios.crash.scenario import run

KILLS = 8
"""In each of the parts, so that they can run beside one another."""


@pytest.mark.parametrize("part", range(8))
def test_killed_at_random_it_loses_nothing_and_trains_nothing_twice(part):
    found = []
    while sum(verdict.kills for verdict in found) < KILLS:
        found.append(run(f"suite-{part}:{len(found)}"))
        assert not found[-1].violations, complaint(found[-1])
    print(summary(found, sum(verdict.seconds for verdict in found)))  # noqa: T201 - shown with -rP
