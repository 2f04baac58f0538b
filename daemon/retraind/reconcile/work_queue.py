"""Which models are to be reconciled, and when. Whatever happens only asks; asking twice is asking once.

One loop takes from the queue, so no model is reconciled twice at once, and a request made while its model is
being reconciled is served afterwards.
"""

import heapq
import math
import threading
from collections.abc import Iterable
from typing import NamedTuple, Self

from retraind.system.clock import Clock

_GATHERED = 0.1
"""Seconds for which requests are gathered."""
_OUTDATED = 16
"""So many entries may be out of date before the order is rebuilt, however few are not."""


class Asked(NamedTuple):
    """What is to be done for a model."""

    model: str
    scan: bool
    """True when its drop folder is to be scanned; False when only its jobs are to be considered."""


class WorkQueue:
    """A queue of models by due time. Safe to ask from any thread; one thread takes."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._changed = threading.Condition()
        self._due: dict[Asked, float] = {}
        """`Clock.elapsed` seconds."""
        self._order: list[tuple[float, Asked]] = []
        """A heap; an entry that `_due` does not confirm is out of date."""
        self._closed = False

    def ask(self, model: str, after: float = 0.0, *, scan: bool = False) -> None:
        """Have a model reconciled in `after` seconds, or earlier if that was requested already."""
        with self._changed:
            self._ask(Asked(model, scan), self._clock.elapsed() + after)

    def ask_each(self, models: Iterable[str]) -> None:
        """Have models reconciled now, all in one round."""
        now = self._clock.elapsed()
        with self._changed:
            for model in models:
                self._ask(Asked(model, scan=False), now)

    def _ask(self, asked: Asked, due: float) -> None:
        if self._due.get(asked, math.inf) <= due or self._closed:
            return
        self._due[asked] = due
        heapq.heappush(self._order, (due, asked))
        if len(self._order) > 2 * len(self._due) + _OUTDATED:
            self._order = sorted((moment, each) for each, moment in self._due.items())
        if self._first() == due:
            self._changed.notify()

    def forget(self, model: str) -> None:
        """Forget what was requested for a model that is gone."""
        with self._changed:
            for scan in (False, True):
                self._due.pop(Asked(model, scan), None)

    def take(self, most: int) -> list[Asked]:
        """Wait until something is due and return `most` of it, earliest first; nothing once closed."""
        with self._changed:
            while not self._closed:
                if due := self._take_due(most):
                    return due
                first = self._first()
                self._changed.wait(None if first == math.inf else max(0.0, first - self._clock.elapsed()))
            return []

    def take_due(self, most: int) -> list[Asked]:
        """Return what is due now, without waiting."""
        with self._changed:
            return self._take_due(most)

    def close(self) -> None:
        """Wake up the thread that waits; nothing is returned any more."""
        with self._changed:
            self._closed = True
            self._changed.notify_all()

    def _take_due(self, most: int) -> list[Asked]:
        now, taken = self._clock.elapsed(), list[Asked]()
        while len(taken) < most and self._first() <= now:
            _, asked = heapq.heappop(self._order)
            del self._due[asked]
            taken.append(asked)
        return taken

    def _first(self) -> float:
        while self._order and self._due.get(self._order[0][1]) != self._order[0][0]:
            heapq.heappop(self._order)
        return self._order[0][0] if self._order else math.inf


class Gathering:
    """Requests of one thread for passes that nobody waits for, made many at a time.

    The journal is read once for all of one round. Leaving it requests the last ones.
    """

    def __init__(self, queue: WorkQueue, clock: Clock) -> None:
        self._queue = queue
        self._clock = clock
        self._models: list[str] = []
        self._since = 0.0

    def ask(self, model: str) -> None:
        """Have a model reconciled soon."""
        now = self._clock.elapsed()
        if not self._models:
            self._since = now
        self._models.append(model)
        if now - self._since >= _GATHERED:
            self._request()

    def _request(self) -> None:
        models, self._models = self._models, []
        self._queue.ask_each(models)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._request()
