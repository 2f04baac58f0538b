"""How long to wait after a transient failure. Pure, except for the randomness that is passed in."""

import random
from datetime import timedelta

FLOOR = timedelta(seconds=1)
"""The shortest wait. Without it, what has just failed might be tried again at once."""
_MOST_DOUBLINGS = 20


def backoff(
    attempts: int, first: timedelta, longest: timedelta, asked: timedelta | None, chance: random.Random
) -> timedelta:
    """Return the wait after `attempts` earlier tries that failed in a row.

    It doubles from `first` to `longest` and is then drawn evenly from all of that ("full jitter"), so that
    the jobs that met the same outage spread as widely as possible. It is never shorter than what the other
    side asked for; a little more, also drawn, spreads those that were asked for the same moment.
    """
    doubled = 2 ** min(attempts, _MOST_DOUBLINGS)
    cap = longest if first > longest / doubled else first * doubled
    wait = between(min(FLOOR, cap), cap, chance)
    return wait if asked is None else max(wait, asked + between(timedelta(0), min(first, longest), chance))


def between(shortest: timedelta, longest: timedelta, chance: random.Random) -> timedelta:
    """Draw a span evenly from between two."""
    return timedelta(seconds=chance.uniform(shortest.total_seconds(), longest.total_seconds()))
