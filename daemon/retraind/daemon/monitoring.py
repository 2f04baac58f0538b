"""What the daemon offers to monitoring: /metrics and probes, the file for node_exporter, the heartbeat."""

import os
import threading
from collections.abc import Callable
from datetime import timedelta

from sqlalchemy.exc import SQLAlchemyError

from retraind.config.settings import Settings
from retraind.config.types import host_and_port_of
from retraind.daemon.metrics_server import MetricsServer
from retraind.domain.problems import Problem, file_problem
from retraind.reconcile.daemon_view import DaemonView
from retraind.reconcile.lanes import guarded
from retraind.report.monitoring.endpoints import Endpoints
from retraind.report.monitoring.health import Health, health_of
from retraind.report.monitoring.heartbeat import Heartbeat
from retraind.store.journal import Journal
from retraind.store.views.gauges import Gauges, gauges
from retraind.system import log
from retraind.system.clock import Clock
from retraind.system.files import write_atomically

_LOG = log.get(__name__)

_HEARTBEAT_STEP = timedelta(seconds=5)
_SHORTEST_INTERVAL = timedelta(seconds=1)
_STOP_PATIENCE = 8.0
"""Seconds that a stop waits for a call of the heartbeat, which has seven."""


class _Recurring(threading.Thread):
    """Runs something at intervals, on a thread of its own: it may wait for a disk or a network."""

    def __init__(self, name: str, task: Callable[[], object], interval: Callable[[], timedelta]) -> None:
        super().__init__(name=name, daemon=True)
        self._task = task
        self._interval = interval
        self._stopping = threading.Event()

    def run(self) -> None:
        """Run it until stopped."""
        while not self._stopping.is_set():
            guarded(self.name, self._task)
            self._stopping.wait(self._interval().total_seconds())

    def stop(self) -> None:
        """Run it no more, and wait for what runs."""
        self._stopping.set()
        self.join(_STOP_PATIENCE)


class Monitoring:
    """Owns the threads of monitoring."""

    def __init__(
        self,
        settings: Callable[[], Settings],
        view: DaemonView,
        journal: Journal,
        heartbeat: Heartbeat,
        clock: Clock,
    ) -> None:
        self.heartbeat = heartbeat
        self._settings = settings
        self._view = view
        self._journal = journal
        self._clock = clock
        self._server: MetricsServer | None = None
        self._threads: dict[str, _Recurring] = {}
        self._endpoints = Endpoints(self._health, self._gauges, settings, clock)
        self._failure: Problem | None = None
        """Why the text file could not be written last time; each reason is logged once."""

    def start(self) -> None:
        """Listen, and begin to write. Raises ConfigError for an address that cannot be used."""
        settings = self._settings()
        if (listen := settings.metrics.listen) is not None:
            place, hosts = host_and_port_of(listen), settings.page.allowed_hosts
            self._server = MetricsServer(place, self._endpoints.answer, hosts=hosts)
            self._server.start()
        guarded("heartbeat", self.heartbeat.begin)
        self.configure()

    def configure(self) -> None:
        """Begin what the settings require by now, and that does not run yet."""
        settings = self._settings()
        if settings.metrics.textfile is not None:
            self._keep_running("textfile", self.write, self._interval)
        if settings.notify.heartbeat is not None:
            self._keep_running("heartbeat", self.heartbeat.mind, lambda: _HEARTBEAT_STEP)

    def _keep_running(self, name: str, task: Callable[[], object], interval: Callable[[], timedelta]) -> None:
        if name not in self._threads:
            self._threads[name] = _Recurring(name, task, interval)
            self._threads[name].start()

    def stop(self) -> None:
        """End all threads."""
        if self._server is not None:
            self._server.stop()
        for thread in self._threads.values():
            thread.stop()

    @property
    def port(self) -> int | None:
        """Where it listens, if it does."""
        return self._server.port if self._server else None

    def _interval(self) -> timedelta:
        return max(_SHORTEST_INTERVAL, self._settings().sweep.interval)

    def _health(self) -> Health:
        return health_of(os.getpid(), self._view.state(), self._clock.now())

    def _gauges(self, settings: Settings) -> Gauges | None:
        try:
            return gauges(self._journal, settings.models)
        except SQLAlchemyError:
            return None  # The journal's watch reports it.

    def write(self) -> None:
        """Write the file for node_exporter, if one is configured. A failure is logged once."""
        path = self._settings().metrics.textfile
        if path is None:
            return
        text = self._endpoints.metrics().body
        try:
            write_atomically(path, text, 0o644, durable=False)
        except OSError as error:
            failure = file_problem(error)
            if failure != self._failure:
                _LOG.warning("metrics_not_written", path=str(path), reason=failure)
            self._failure = failure
        else:
            self._failure = None
