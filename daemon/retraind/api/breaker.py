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
from retraind.errors import Retry, Setback

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

        A Retry of the host's own making that leaves the block counts as its failure, any other end as an answer.
        """
        asking = self._enter(host, refusal)
        try:
            yield
        except Setback as end:
            if isinstance(end, Retry) and end.of_host:
                self._failed(host, end, asking=asking)
            else:
                self._answered(host)
            raise
        except BaseException:
            # Stopped, a bundle that cannot be read: nothing was learnt about the host.
            self._undecided(host, asking=asking)
            raise
        else:
            self._answered(host)

    def _enter(self, host: str, refusal: type[Retry]) -> bool:
        """Return whether the request finds out if the host is back; raises `refusal` while it is left alone."""
        with self._lock:
            circuit = self._circuits.setdefault(host, _Circuit())
            if circuit.failures < FAILURES:
                return False
            left = circuit.closed_at - self._clock.elapsed()
            if left <= 0 and not circuit.asking:
                circuit.asking = True
                return True
            wait = timedelta(seconds=max(left, 1.0) + self._chance.uniform(0, 1))
            tries = circuit.failures
        raise refusal(
            f"{host} has failed {tries} times in a row, so it is left alone for {span_for_people(wait)}. "
            f"The last time: {circuit.reason}",
            after=wait,
        )

    def _failed(self, host: str, trouble: Retry, *, asking: bool) -> None:
        with self._lock:
            circuit = self._circuits.setdefault(host, _Circuit())
            circuit.reason = trouble.what
            if circuit.failures >= FAILURES and not asking:
                # It was under way when the circuit opened, and tells no more than those before it.
                return
            circuit.failures += 1
            circuit.asking = False
            if circuit.failures >= FAILURES:
                pause = min(LONGEST_PAUSE, FIRST_PAUSE * 2 ** min(circuit.failures - FAILURES, 16))
                pause *= self._chance.uniform(0.5, 1)
                circuit.closed_at = self._clock.elapsed() + max(pause, trouble.after or pause).total_seconds()

    def _answered(self, host: str) -> None:
        with self._lock:
            self._circuits.pop(host, None)

    def _undecided(self, host: str, *, asking: bool) -> None:
        with self._lock:
            if asking and host in self._circuits:
                self._circuits[host].asking = False
