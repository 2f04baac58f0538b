"""How long to wait after passing trouble before the next try. Pure but for the chance that is passed in."""

import random
from datetime import timedelta

FLOOR = timedelta(seconds=1)
"""The shortest wait: chance alone could make it nothing, and what has just failed would be asked again at once."""
_MOST_DOUBLINGS = 20


def backoff(
    attempts: int, first: timedelta, longest: timedelta, asked: timedelta | None, chance: random.Random
) -> timedelta:
    """Return the wait after `attempts` earlier tries that failed in a row.

    It doubles from `first` to `longest` and is then drawn evenly from all of that ("full jitter"), so that many jobs
    that met the same outage spread as wide as they can. What the other side asked for is never undercut, and a little
    more, drawn as well, keeps those apart who were all told the same moment.
    """
    doubled = 2 ** min(attempts, _MOST_DOUBLINGS)
    cap = longest if first > longest / doubled else first * doubled
    wait = between(min(FLOOR, cap), cap, chance)
    return wait if asked is None else max(wait, asked + between(timedelta(0), min(first, longest), chance))


def between(shortest: timedelta, longest: timedelta, chance: random.Random) -> timedelta:
    """Draw a span evenly from between two."""
    return timedelta(seconds=chance.uniform(shortest.total_seconds(), longest.total_seconds()))
