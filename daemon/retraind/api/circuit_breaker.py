"""A circuit breaker for each host: while one is down, one request tries it now and then, and the others wait.

Without it, each of a thousand models would try on its own. The libraries for this hold a lock while the
guarded call runs, so every upload would queue behind the slowest. `outages` returns what is down; the daemon
records it in the journal and passes it to `resume` after a restart.
"""

import random
import threading
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime, timedelta

from retraind.domain.failures import Retry, Setback
from retraind.domain.problems import Problem, problem
from retraind.domain.records import Outage
from retraind.system.clock import Clock

FAILURES = 5
"""How many in a row open the circuit."""
FIRST_PAUSE = timedelta(seconds=5)
LONGEST_PAUSE = timedelta(minutes=5)
FORGET_AFTER = timedelta(days=1)
"""After this time without a request, although one was allowed, a host is no longer of interest."""


@dataclass
class _Circuit:
    since: datetime
    """When the first of the failures in a row happened."""
    next_try: datetime
    """When requests are let through again, by the wall clock, for people."""
    failures: int = 0
    closed_at: float = 0.0
    """The same in `Clock.elapsed` seconds, which counts."""
    asking: bool = False
    """True while one request finds out whether the host is back."""
    reason: Problem | None = None


class Breaker:
    """The circuits of all hosts. Safe to use from several threads."""

    def __init__(self, clock: Clock, chance: random.Random | None = None) -> None:
        self._clock = clock
        self._chance = chance or random.Random()  # noqa: S311 - spreads retries, guards nothing
        self._circuits: dict[str, _Circuit] = {}
        self._lock = threading.Lock()

    @contextmanager
    def guard(self, host: str, refusal: type[Retry] = Retry) -> Iterator[None]:
        """Let the block talk to `host`, or raise `refusal` at once while the host's circuit is open.

        A Retry with `of_host` that leaves the block counts as the host's failure and gets its name, as a
        refusal does. Any other Setback, or none, counts as an answer.
        """
        asking = self._enter(host, refusal)
        try:
            yield
        except Setback as end:
            if isinstance(end, Retry) and end.of_host:
                end.host = host
                self._failed(host, end, asking=asking)
            else:
                self._answered(host)
            raise
        except BaseException:
            # Stopped, or a bundle that cannot be read: this says nothing about the host.
            self._undecided(host, asking=asking)
            raise
        else:
            self._answered(host)

    def outages(self) -> tuple[Outage, ...]:
        """Return the hosts that are down, sorted by name."""
        with self._lock:
            for host, circuit in list(self._circuits.items()):
                unwanted = self._clock.elapsed() - circuit.closed_at - FORGET_AFTER.total_seconds()
                if circuit.failures >= FAILURES and not circuit.asking and unwanted > 0:
                    del self._circuits[host]
            return tuple(
                Outage(host, circuit.since, circuit.failures, circuit.reason, circuit.next_try)
                for host, circuit in sorted(self._circuits.items())
                if circuit.failures >= FAILURES and circuit.reason is not None
            )

    def resume(self, outages: Iterable[Outage]) -> None:
        """Take over what was down before a restart. The first request to each host is let through at once."""
        with self._lock:
            for outage in outages:
                self._circuits[outage.host] = _Circuit(
                    outage.since,
                    next_try=self._clock.now(),
                    failures=max(outage.failures, FAILURES),
                    closed_at=self._clock.elapsed(),
                    reason=outage.reason,
                )

    def try_now(self, host: str) -> None:
        """Let the next request to a host that is down through at once: a person asked for it."""
        with self._lock:
            circuit = self._circuits.get(host)
            if circuit is not None:
                circuit.closed_at, circuit.next_try = self._clock.elapsed(), self._clock.now()

    def _enter(self, host: str, refusal: type[Retry]) -> bool:
        """Return whether the request tests if the host is back. Raises `refusal` while it is left alone."""
        with self._lock:
            circuit = self._circuits.get(host)
            if circuit is None or circuit.failures < FAILURES:
                return False
            left = circuit.closed_at - self._clock.elapsed()
            if left <= 0 and not circuit.asking:
                circuit.asking = True
                return True
            wait = timedelta(seconds=max(left, 1.0) + self._chance.uniform(0, 1))
            # These facts stay the same while the outage lasts: they are shown in histories and in STATUS.txt.
            assert circuit.reason is not None
            down = problem("host_failing", host=host, since=circuit.since, last=circuit.reason)
        raise refusal(down, after=wait, host=host, outage=True, effect=False)

    def _failed(self, host: str, failure: Retry, *, asking: bool) -> None:
        with self._lock:
            now = self._clock.now()
            circuit = self._circuits.setdefault(host, _Circuit(now, next_try=now))
            circuit.reason = failure.problem
            failure.outage = circuit.failures + 1 >= FAILURES
            if circuit.failures >= FAILURES and not asking:
                # It was under way when the circuit opened, and says no more than those before it.
                return
            circuit.failures += 1
            circuit.asking = False
            if circuit.failures >= FAILURES:
                pause = min(LONGEST_PAUSE, FIRST_PAUSE * 2 ** min(circuit.failures - FAILURES, 16))
                # At most one request is sent at a time, so half a pause is spread enough.
                pause *= self._chance.uniform(0.5, 1)
                # A longer wait that the host asks for binds the job that was asked, not everybody else.
                pause = min(LONGEST_PAUSE, max(pause, failure.after or pause))
                circuit.closed_at = self._clock.elapsed() + pause.total_seconds()
                circuit.next_try = now + pause

    def _answered(self, host: str) -> None:
        with self._lock:
            self._circuits.pop(host, None)

    def _undecided(self, host: str, *, asking: bool) -> None:
        with self._lock:
            if asking and host in self._circuits:
                self._circuits[host].asking = False
