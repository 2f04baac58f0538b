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
        self._last: tuple[float, str, Answer] | None = None
        """What was returned last: when (`Clock.elapsed` seconds), and for which Accept header."""

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
        with self._lock:
            now = self._clock.elapsed()
            if self._last is None or now - self._last[0] > _FRESH or self._last[1] != accept:
                self._last = now, accept, self.metrics(accept)
            return self._last[2]

    def metrics(self, accept: str = "") -> Answer:
        """Return the metrics as they are now, in the format that an Accept header asks for."""
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
