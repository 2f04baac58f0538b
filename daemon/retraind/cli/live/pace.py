"""How fast work is, and how much time is left, from its progress in the last seconds. Pure."""

from collections import deque
from collections.abc import Mapping
from datetime import timedelta

StepKey = tuple[str, str]
"""A job, and what is done for it."""

_WINDOW = 10.0
"""Seconds that are remembered: the pace of lines and disks changes."""
_APART = 0.25
"""Seconds between two samples, at least."""
_TELLING = 1.0
"""Seconds after which a pace is more than chance."""


class Pace:
    """The pace of one piece of work."""

    def __init__(self) -> None:
        self._samples: deque[tuple[float, int]] = deque()

    def see(self, at: float, done: int) -> None:
        """Note what is done at a moment (seconds of a clock that never jumps), also when that is no more."""
        samples = self._samples
        if samples and done < samples[-1][1]:
            samples.clear()  # It has begun again.
        if len(samples) > 1 and at - samples[-2][0] < _APART:
            samples.pop()
        samples.append((at, done))
        while at - samples[0][0] > _WINDOW and len(samples) > 2:  # noqa: PLR2004 - two are needed
            samples.popleft()

    @property
    def rate(self) -> float | None:
        """What is done in a second; None while that is not known."""
        if not self._samples:
            return None
        (begun, before), (at, done) = self._samples[0], self._samples[-1]
        return (done - before) / (at - begun) if at - begun >= _TELLING else None

    def left(self, total: int | None) -> timedelta | None:
        """Return how long it takes yet; None while that is not known, or nothing moves."""
        rate = self.rate
        if not rate or total is None:
            return None
        return timedelta(seconds=max(0, total - self._samples[-1][1]) / rate)


class Paces:
    """The paces of all that is in work; what has ended is forgotten."""

    def __init__(self) -> None:
        self._known: dict[StepKey, Pace] = {}

    def of(self, done: Mapping[StepKey, int], at: float) -> Mapping[StepKey, Pace]:
        """Note what is done at a moment of each piece of work; returns their paces."""
        found = {key: self._known.get(key) or Pace() for key in done}
        for key, number in done.items():
            found[key].see(at, number)
        self._known = found
        return found
