"""Which hosts are down: recorded in the journal, and published in the folders that wait for them."""

from collections.abc import Callable
from datetime import timedelta

from retraind.api.circuit_breaker import Breaker
from retraind.domain.records import Outage
from retraind.reconcile.work_queue import WorkQueue
from retraind.store.journal import Journal
from retraind.system import log
from retraind.system.clock import Clock

_LOG = log.get(__name__)


class Hosts:
    """Compares what the circuit breaker knows with what was recorded last."""

    def __init__(
        self,
        breaker: Breaker,
        journal: Journal,
        queue: WorkQueue,
        clock: Clock,
        patience: Callable[[], timedelta],
    ) -> None:
        """`patience` returns how long a host may be down before somebody is notified."""
        self._breaker = breaker
        self._journal = journal
        self._queue = queue
        self._clock = clock
        self._patience = patience
        self._outages: tuple[Outage, ...] = tuple(journal.hosts.all().values())
        self._lasting: frozenset[str] = frozenset()
        """Those of them that were recorded as down for long."""
        self._place = journal.events.last_entry()
        """Up to where in the history people's requests were heeded. Each start tries all anyway."""
        breaker.resume(self._outages)

    def outages(self) -> tuple[Outage, ...]:
        """Return the hosts that were down at the last check."""
        return self._outages

    def heed(self) -> None:
        """Let the hosts be tried now for which a person asked, by the jobs that wait for them."""
        asked, self._place = self._journal.hosts.asked_since(self._place)
        for host in asked:
            self._breaker.try_now(host)
            for model in self._journal.jobs.wake(host):
                self._queue.ask(model)

    def mind(self) -> None:
        """Record what has changed, and request a pass for the models that wait for it."""
        outages = self._breaker.outages()
        long_ago = self._clock.now() - self._patience()
        lasting = frozenset(outage.host for outage in outages if outage.since <= long_ago)
        if (outages, lasting) == (self._outages, self._lasting):
            return
        begun, ended = self._journal.hosts.replace(outages, lasting)
        self._outages, self._lasting = outages, lasting
        for outage in begun:
            _LOG.error("host_down", host=outage.host, reason=outage.reason)
        for outage in ended:
            lasted = self._clock.now() - outage.since
            _LOG.info("host_back", host=outage.host, after_s=round(lasted.total_seconds()))
        changed = {outage.host for outage in (*begun, *ended)}
        for model in {job.model for job in self._journal.jobs.active() if job.wait.host in changed}:
            self._queue.ask(model)
