"""The routes of the page. Another one is a line in `routes`."""

from collections.abc import Callable

from sqlalchemy.exc import DatabaseError
from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from retraind.domain.failures import JournalError
from retraind.page.access import Access
from retraind.page.assets import asset
from retraind.page.guard import Guard, message_page, words_page
from retraind.page.job_pages import job_note, job_page, job_report, jobs_page
from retraind.page.live import Live
from retraind.page.look import Look
from retraind.page.model_pages import model_page, models_page
from retraind.page.monitoring import Monitoring
from retraind.page.reading import Reader
from retraind.store.views.read_only import trouble_of
from retraind.system import log

_LOG = log.get(__name__)

Page = Callable[[Reader, Request, Look], Response | None]


class App:
    """What answers requests, with the parts that are shared by all."""

    def __init__(self, reader: Reader, access: Access, live: Live, prefix: str) -> None:
        self._reader = reader
        self._prefix = prefix
        self._live = live
        self._monitoring = self._shown(Monitoring(reader))
        pages = Starlette(
            routes=self.routes(),
            exception_handlers={HTTPException: self._not_found, Exception: self._crashed},
        )
        # Such a redirect would lead out of the prefix, and from https to http.
        pages.router.redirect_slashes = False
        # Around all of it, for Starlette answers crashes outside of its own middleware.
        self.asgi = Guard(pages, access, self._prefix)

    def routes(self) -> list[Route]:
        """Return all addresses, without the prefix."""
        return [
            Route("/", self._shown(models_page)),
            Route("/models/{model}", self._shown(model_page, "page_model_not_found", "model")),
            Route("/jobs", self._shown(jobs_page)),
            Route("/jobs/{job}", self._shown(job_page, "page_job_not_found", "job")),
            Route("/jobs/{job}/report.json", self._shown(job_report, "page_job_not_found", "job")),
            Route("/jobs/{job}/note.txt", self._shown(job_note, "page_job_not_found", "job")),
            Route("/live", self._stream),
            *(Route(path, self._monitoring) for path in ("/metrics", "/healthz", "/readyz")),
            Route("/static/{digest}/{name}", asset),
        ]

    def _shown(self, page: Page, missing: str = "", named: str = "") -> Callable[[Request], Response]:
        """Return what answers for a page; `missing` says that what the path's `named` means is not there."""

        def answer(request: Request) -> Response:
            look = Look(request, self._prefix)
            try:
                found = page(self._reader, request, look)
            except JournalError as error:
                return words_page(look, look.voice.words(error.problem.code, error.problem.facts), 503)
            except DatabaseError as error:
                problem = trouble_of(self._reader.file, error)
                return words_page(look, look.voice.words(problem.code, problem.facts), 503)
            finally:
                self._reader.rest()
            if found is None:
                return message_page(look, missing, 404, name=request.path_params[named])
            return found

        return answer

    async def _stream(self, request: Request) -> Response:
        return await self._live.stream(request, Look(request, self._prefix))

    def _not_found(self, request: Request, error: Exception) -> Response:
        status = error.status_code if isinstance(error, HTTPException) else 404
        return message_page(Look(request, self._prefix), "page_not_found", status)

    def _crashed(self, request: Request, error: Exception) -> Response:
        _LOG.error("page_crashed", path=request.url.path, exc_info=error)
        return message_page(Look(request, self._prefix), "page_crashed", 500)
