"""Makes systemd wait for a slow start, as long as the start makes progress."""

import os
import threading
import time
from collections.abc import Callable
from types import TracebackType
from typing import Self

from retraind.system.clock import Clock
from retraind.system.service import systemd

_STEP = 5.0
"""Seconds between two requests for more time."""
_MORE_SECONDS = 60
"""Which each of them asks for."""
_LONGEST = 15 * 60.0
"""Seconds after which no more time is requested."""
_BUSY = 0.05
"""The part of a processor whose use counts as progress: a start that only waits uses less."""


class Progress:
    """Since when nothing has moved."""

    def __init__(self, count: Callable[[], int], clock: Clock) -> None:
        """`count` returns a number that grows with each piece of work."""
        self._count = count
        self._clock = clock
        self._seen, self._moved_at = count(), clock.elapsed()

    def moved_at(self) -> float:
        """Return when something was last seen to have moved (`Clock.elapsed` seconds)."""
        if (now := self._count()) != self._seen:
            self._seen, self._moved_at = now, self._clock.elapsed()
        return self._moved_at


class Starting:
    """Asks from entering on, on a thread of its own, until it is left or `end` is called."""

    def __init__(self, progress: Callable[[], int] = lambda: 0) -> None:
        """`progress` returns a number that grows while the start makes progress."""
        self._progress = progress
        self._ended = threading.Event()
        self._thread = threading.Thread(target=self._work, name="starting", daemon=True)

    def __enter__(self) -> Self:
        if os.environ.get("NOTIFY_SOCKET"):
            self._thread.start()
        return self

    def __exit__(
        self, _kind: type[BaseException] | None, _error: BaseException | None, _trace: TracebackType | None
    ) -> None:
        self.end()

    def follow(self, progress: Callable[[], int]) -> None:
        """Go by another number from now on."""
        self._progress = progress

    def end(self) -> None:
        """Ask no more."""
        self._ended.set()
        if self._thread.is_alive():
            self._thread.join()

    def _work(self) -> None:
        began = time.monotonic()
        before, busy = self._progress(), time.process_time()
        while not self._ended.wait(_STEP) and time.monotonic() - began < _LONGEST:
            now, used = self._progress(), time.process_time()
            if now != before or used - busy >= _BUSY * _STEP:
                systemd.report(f"EXTEND_TIMEOUT_USEC={_MORE_SECONDS * 1_000_000}")
            before, busy = now, used
