"""A circuit breaker for each host: when one is down, one request in a while asks, and all others wait at home.

Without it a thousand models would each try on their own. The libraries for this hold a lock while the guarded
call runs, which would queue up every upload behind the slowest.
"""

import random
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import timedelta

from retraind.clock import Clock, span_for_people
from retraind.errors import Retry, Stopped

FAILURES = 5
"""So many in a row open the circuit."""
FIRST_PAUSE = timedelta(seconds=5)
LONGEST_PAUSE = timedelta(minutes=5)


@dataclass
class _Circuit:
    failures: int = 0
    closed_at: float = 0.0
    """When requests are let through again (`Clock.elapsed` seconds)."""
    asking: bool = False
    """True while one request finds out whether the host is back."""
    reason: str = ""


class Breaker:
    """The circuits of all hosts. Safe to use from several threads."""

    def __init__(self, clock: Clock | None = None, chance: random.Random | None = None) -> None:
        self._clock = clock or Clock()
        self._chance = chance or random.Random()  # noqa: S311 - spreads retries, guards nothing
        self._circuits: dict[str, _Circuit] = {}
        self._lock = threading.Lock()

    @contextmanager
    def guard(self, host: str, refusal: type[Retry] = Retry) -> Iterator[None]:
        """Let the block talk to `host`, or raise `refusal` at once while the host's circuit is open.

        A Retry that leaves the block counts as a failure of the host, an answer of any other kind as success.
        """
        self._enter(host, refusal)
        try:
            yield
        except Retry as trouble:
            self._failed(host, trouble)
            raise
        except (Stopped, OSError):
            # Nothing was learnt about the host.
            self._undecided(host)
            raise
        except BaseException:
            self._answered(host)
            raise
        else:
            self._answered(host)

    def _enter(self, host: str, refusal: type[Retry]) -> None:
        with self._lock:
            circuit = self._circuits.setdefault(host, _Circuit())
            if circuit.failures < FAILURES:
                return
            left = circuit.closed_at - self._clock.elapsed()
            if left <= 0 and not circuit.asking:
                circuit.asking = True
                return
            wait = timedelta(seconds=max(left, 1.0) + self._chance.uniform(0, 1))
            tries = circuit.failures
        raise refusal(
            f"{host} has failed {tries} times in a row, so it is left alone for {span_for_people(wait)}. "
            f"The last time: {circuit.reason}",
            after=wait,
        )

    def _failed(self, host: str, trouble: Retry) -> None:
        with self._lock:
            circuit = self._circuits[host]
            circuit.failures += 1
            circuit.asking = False
            circuit.reason = trouble.what
            if circuit.failures >= FAILURES:
                pause = min(LONGEST_PAUSE, FIRST_PAUSE * 2 ** min(circuit.failures - FAILURES, 16))
                pause *= self._chance.uniform(0.5, 1)
                circuit.closed_at = self._clock.elapsed() + max(pause, trouble.after or pause).total_seconds()

    def _answered(self, host: str) -> None:
        with self._lock:
            self._circuits.pop(host, None)

    def _undecided(self, host: str) -> None:
        with self._lock:
            if host in self._circuits:
                self._circuits[host].asking = False
