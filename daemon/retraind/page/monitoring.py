"""/metrics, /healthz and /readyz of the status page: what the daemon would answer, even when it cannot."""

from sqlalchemy.exc import DatabaseError
from starlette.requests import Request
from starlette.responses import Response

from retraind.config.settings import Settings
from retraind.domain.failures import JournalError
from retraind.page.look import Look
from retraind.page.reading import Reader
from retraind.report.monitoring.endpoints import Endpoints
from retraind.report.monitoring.health import health
from retraind.store.views.gauges import Gauges, gauges


class Monitoring:
    """Answers programs."""

    def __init__(self, reader: Reader) -> None:
        self._reader = reader
        self._endpoints = Endpoints(
            lambda: health(reader.file, reader.clock.now()), self._gauges, reader.settings, reader.clock
        )

    def __call__(self, _reader: Reader, request: Request, look: Look) -> Response | None:
        """Return the answer for a request's path; None for another one."""
        found = self._endpoints.answer(request.scope["path"], request.headers.get("accept", ""), look.voice)
        return found and Response(found.body, found.status, {"content-type": found.media})

    def _gauges(self, settings: Settings) -> Gauges | None:
        try:
            return gauges(self._reader.journal(), settings.models)
        except (JournalError, DatabaseError):
            return None  # The other metrics are of use then most of all.
