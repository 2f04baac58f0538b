"""What every request passes: method, prefix, Host, access; and the headers that every answer has."""

from collections.abc import Mapping
from types import MappingProxyType

from starlette.datastructures import Headers, MutableHeaders
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from retraind.domain.problems import Fact
from retraind.page.access import Access, Head, Refusal, Visitor
from retraind.page.look import Look
from retraind.report.wording import Words

HEADERS: Mapping[str, str] = MappingProxyType(
    {
        "content-security-policy": (
            "default-src 'none'; style-src 'self'; script-src 'self'; img-src 'self'; connect-src 'self'; "
            "form-action 'self'; base-uri 'none'; frame-ancestors 'none'"
        ),
        "x-content-type-options": "nosniff",
        "x-frame-options": "DENY",
        "referrer-policy": "same-origin",
        "cross-origin-opener-policy": "same-origin",
        "cross-origin-resource-policy": "same-origin",
        "permissions-policy": "camera=(), geolocation=(), microphone=()",
        "cache-control": "no-store",
    }
)
"""Nothing is loaded from elsewhere, nothing runs that is not the page's own file, nobody frames it."""
_METHODS = frozenset({"GET", "HEAD"})


class Guard:
    """Around the application."""

    def __init__(self, app: ASGIApp, access: Access, prefix: str) -> None:
        self._app = app
        self._access = access
        self._prefix = prefix

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass a request on, or answer it."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return

        async def send_with_headers(message: Message) -> None:
            if message["type"] == "http.response.start":
                headers = MutableHeaders(scope=message)
                for name, value in HEADERS.items():
                    headers.setdefault(name, value)
            await send(message)

        answer = self._answer(scope)
        await (answer or self._app)(scope, receive, send_with_headers)

    def _answer(self, scope: Scope) -> Response | None:
        """Return the answer to what is not passed on; the rest gets its visitor, and loses the prefix."""
        headers = Headers(scope=scope)
        request, client = Request(scope), scope.get("client")
        scope.setdefault("state", {})
        head = Head(tuple(headers.getlist("host")), headers, client[0] if client else None)
        visitor = self._access.judge(head)
        if visitor is Refusal.HOST:
            return _bare_page(Look(request, self._prefix), "page_host_refused", 421)
        if scope["method"] not in _METHODS:
            answer = _bare_page(Look(request, self._prefix), "page_read_only", 405)
            answer.headers["allow"] = "GET, HEAD"
            return answer
        path: str = scope["path"]
        if isinstance(visitor, Visitor):
            scope["state"]["visitor"] = visitor
        elif not path.startswith(f"{self._prefix}/static/"):
            # What every page uses says nothing, and the page that asks for access uses it as well.
            return self._unknown(Look(request, self._prefix))
        if self._prefix:
            if path == self._prefix:
                return RedirectResponse(f"{self._prefix}/", 308)
            if not path.startswith(f"{self._prefix}/"):
                return message_page(Look(request, self._prefix), "page_not_found", 404)
            scope["path"] = path.removeprefix(self._prefix)
        return None

    def _unknown(self, look: Look) -> Response:
        by_token = self._access.by_token
        answer = message_page(look, "page_access_needed", 401 if by_token else 403, token=by_token)
        if by_token:
            answer.headers["www-authenticate"] = 'Basic realm="retraind", charset="UTF-8"'
        return answer


def message_page(look: Look, code: str, status: int, /, **facts: Fact) -> Response:
    """Return a page that only says something."""
    return words_page(look, look.voice.words(code, facts), status)


def words_page(look: Look, words: Words, status: int) -> Response:
    """Return a page that only says these words."""
    return look.page("message.html", status, words=words)


def _bare_page(look: Look, code: str, status: int) -> Response:
    """Return a page without links and colours, since nothing else would be answered there."""
    return look.page("bare.html", status, words=look.voice.words(code, {}))
