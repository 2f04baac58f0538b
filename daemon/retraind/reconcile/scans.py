"""Which folders are to be looked at, and when: a timetable of its own, since thousands of looks may be due at once."""

import heapq
import math
import threading
from collections.abc import Callable

_FEW = 16
"""Moments that may be out of date before the order is made anew."""
_LOST_AFTER = 3600.0
"""Seconds. A thread that has not come by then may have got lost on its way, and another is called."""


class Looks:
    """Looks that are planned, and the threads that see to them. Thousands may be due at once, so none has a task."""

    def __init__(self, call: Callable[[float], None], most: int) -> None:
        """`call` has a thread come in so many seconds, instead of the one that was called before and has not come.

        No more than `most` threads are at it.
        """
        self._call = call
        self._most = most
        self._lock = threading.Lock()
        self._due: dict[str, float] = {}
        """By model (`Clock.elapsed` seconds)."""
        self._order: list[tuple[float, str]] = []
        """A heap; what is not in `_due` has been planned anew."""
        self._called: float | None = None
        """When a thread comes."""
        self._there = 0

    def plan(self, model: str, when: float, now: float) -> None:
        """Plan a look, unless an earlier one is planned already."""
        with self._lock:
            known = self._due.get(model)
            if known is not None and known <= when:
                return
            self._due[model] = when
            heapq.heappush(self._order, (when, model))
            if len(self._order) > 2 * len(self._due) + _FEW:
                self._order = sorted((due, name) for name, due in self._due.items())
            self._call_thread(now)

    def come(self) -> bool:
        """Begin to take looks on this thread; returns False when there are enough."""
        with self._lock:
            self._called = None
            if self._there == self._most:
                return False
            self._there += 1
            return True

    def take(self, now: float) -> str | None:
        """Return the model whose look is due; None when there is none, and then this thread is done."""
        with self._lock:
            model = None
            if self._first() <= now:
                _, model = heapq.heappop(self._order)
                del self._due[model]
            else:
                self._there -= 1
            self._call_thread(now)
            return model

    def fail(self, now: float) -> None:
        """Leave what is due to other threads."""
        with self._lock:
            self._there -= 1
            self._call_thread(now)

    def _first(self) -> float:
        while self._order and self._due.get(self._order[0][1]) != self._order[0][0]:
            heapq.heappop(self._order)
        return self._order[0][0] if self._order else math.inf

    def _call_thread(self, now: float) -> None:
        when = self._first()
        called = self._called is not None and now - _LOST_AFTER <= self._called <= when
        # Those that are there take what is due, one after the other.
        enough = when <= now and self._there == self._most
        if when < math.inf and not called and not enough:
            self._called = when
            self._call(max(0.0, when - now))
