"""How fast all uploads together may send: a token bucket that they take turns at."""

import threading
from collections import deque
from collections.abc import Callable

from retraind.system.clock import Clock
from retraind.system.reading import READ_SIZE

_TURN_SECONDS = 0.05
"""How long the limit must rest after one turn: short, so that peers see bytes often, and turns are fair."""
_BURST_SECONDS = 0.25
"""What was not sent for so long may be made up for: threads wake late, and a line stalls now and then."""
_LONGEST_WAIT = 0.25
"""Seconds between two checks of whether the daemon is stopping, and of the limit, which a reload changes."""
_SMALLEST_TURN = 1 << 10
_SMALLEST_PIECE = 64 << 10


class TokenBucket:
    """What may be sent, by the time. For one thread at a time; bytes, and seconds of any clock."""

    def __init__(self) -> None:
        self._level = 0.0
        """Bytes that may be sent at once; below zero, what was sent before its time."""
        self._at: float | None = None

    def take(self, now: float, rate: int, wanted: int) -> int:
        """Return how many of the `wanted` bytes may be sent now; 0 if none yet. `rate` is that of now on."""
        passed = 0.0 if self._at is None else now - self._at
        self._at = now
        turn = turn_of(rate)
        # A turn at another rate is not paid for at this one.
        self._level = min(max(self._level, -turn) + passed * rate, rate * _BURST_SECONDS)
        if self._level < 0:
            return 0
        given = min(wanted, turn)
        self._level -= given
        return given

    def seconds(self, rate: int) -> float:
        """Return how long it takes until something may be sent."""
        # A byte more: what floats round off must not make it wait again for nothing.
        return max(0.0, 1 - self._level) / rate


def turn_of(rate: int) -> int:
    """Return how many bytes are sent in one turn."""
    return max(_SMALLEST_TURN, min(READ_SIZE, int(rate * _TURN_SECONDS)))


class RateLimit:
    """Lets uploads take turns, first come, first served. For any number of threads."""

    def __init__(self, clock: Clock, rate: Callable[[], int | None]) -> None:
        """`rate` returns the limit that is in force, bytes a second; None is no limit."""
        self._clock = clock
        self._rate = rate
        self._lock = threading.Lock()
        self._bucket = TokenBucket()
        self._turns: deque[threading.Condition] = deque()
        """Who waits. Only the first is woken, by the time; it wakes the next one."""

    def piece(self) -> int:
        """Return how many bytes to read at a time, so that what is noted of the progress is never old."""
        rate = self._rate()
        return READ_SIZE if rate is None else max(_SMALLEST_PIECE, min(READ_SIZE, rate))

    def take(self, wanted: int, pause: Callable[[], None]) -> int:
        """Wait until something may be sent; returns how many of the `wanted` bytes.

        `pause` is called while it waits, several times a second, and may raise.
        """
        if self._rate() is None:
            return wanted
        with self._lock:
            turn = threading.Condition(self._lock)
            self._turns.append(turn)
            try:
                while (rate := self._rate()) is not None:
                    pause()
                    wait = _LONGEST_WAIT
                    if self._turns[0] is turn:
                        if given := self._bucket.take(self._clock.elapsed(), rate, wanted):
                            return given
                        wait = min(wait, self._bucket.seconds(rate))
                    turn.wait(wait)
                return wanted
            finally:
                self._turns.remove(turn)
                if self._turns:
                    self._turns[0].notify()
