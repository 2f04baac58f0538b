"""The responses to /metrics, /healthz and /readyz, for both the daemon and the status page."""

import threading
from collections.abc import Callable
from typing import NamedTuple

from retraind.config.settings import Settings
from retraind.domain.problems import Problem
from retraind.report.monitoring.health import Health
from retraind.report.wording import Voice
from retraind.store.views.gauges import Gauges
from retraind.system.clock import Clock

_OPEN_METRICS = "application/openmetrics-text;version=1.0.0"
_FRESH = 1.0
"""Seconds for which all scrapers share what was read."""


class Answer(NamedTuple):
    """What is returned for a path."""

    status: int
    media: str
    body: bytes


class Endpoints:
    """Asks for what is to be known, and shapes it. Safe to use from several threads."""

    def __init__(
        self,
        health: Callable[[], Health],
        gauges: Callable[[Settings], Gauges | None],
        settings: Callable[[], Settings],
        clock: Clock,
    ) -> None:
        """`gauges` returns None while the journal cannot be read."""
        self._health = health
        self._gauges = gauges
        self._settings = settings
        self._clock = clock
        self._lock = threading.Lock()
        self._last: dict[str, tuple[float, Answer]] = {}
        """What was returned last in each format, and when (`Clock.elapsed` seconds)."""

    def answer(self, path: str, accept: str, voice: Voice | None = None) -> Answer | None:
        """Return the answer for a path, in the words of a voice; None for another path."""
        match path:
            case "/metrics":
                return self._shared(accept)
            case "/healthz":
                return probe(self._health().trouble, voice or Voice())
            case "/readyz":
                return probe(self._health().unready, voice or Voice())
            case _:
                return None

    def _shared(self, accept: str) -> Answer:
        accept = _OPEN_METRICS if takes_open_metrics(accept) else ""
        with self._lock:
            now = self._clock.elapsed()
            if accept not in self._last or now - self._last[accept][0] > _FRESH:
                self._last[accept] = now, self.metrics(accept)
            return self._last[accept][1]

    def metrics(self, accept: str = "") -> Answer:
        """Return the metrics as they are now, in the format of one of the two Accept headers."""
        # It takes a moment to import, and many installations do without.
        from retraind.report.monitoring.metrics import Observed, exposition  # noqa: PLC0415

        settings = self._settings()
        observed = Observed(self._health(), [*settings.models], settings.api.host, self._gauges(settings))
        body, media = exposition(observed, accept)
        return Answer(200, media, body)


def probe(wrong: Problem | None, voice: Voice) -> Answer:
    """Return the answer of a probe."""
    text = voice.tell(wrong) if wrong else "ok"
    return Answer(503 if wrong else 200, "text/plain; charset=utf-8", f"{text}\n".encode())


def takes_open_metrics(accept: str) -> bool:
    """Return whether a client accepts OpenMetrics, as far as its header can be read.

    The library would take any version from it, and raise for one that is none.
    """
    kind, version = _OPEN_METRICS.split(";")
    for each in accept.lower().split(","):
        asked, *parameters = (part.strip() for part in each.split(";"))
        if asked == kind and {version} >= {part for part in parameters if part.startswith("version=")}:
            return True
    return False
