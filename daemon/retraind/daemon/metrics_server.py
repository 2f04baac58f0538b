"""A small HTTP server: GET only, one request per connection, few connections, all of them short."""

import ipaddress
import socket
import socketserver
import sys
import threading
import time
from collections.abc import Callable, Collection
from dataclasses import dataclass
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler
from typing import Any

from retraind.domain.failures import ConfigError
from retraind.domain.problems import file_problem, problem
from retraind.report.monitoring.endpoints import Answer
from retraind.system import log
from retraind.system.addresses import named_host

_LOG = log.get(__name__)

_TEXT = "text/plain; charset=utf-8"
_STEP = 0.5
"""Seconds between two looks at the connections."""


@dataclass(frozen=True)
class Limits:
    """What clients may take."""

    connections: int = 8
    """At a time; further ones are closed at once."""
    silence: float = 5.0
    """Seconds for which one may send or read nothing."""
    longest: float = 15.0
    """Seconds that a connection lives, whatever it does."""


Application = Callable[[str, str], Answer | None]
"""Returns the answer for a path and an Accept header; None where nothing is."""


class MetricsServer:
    """Answers on a thread of its own, and on one for each connection; `stop` joins them all."""

    def __init__(
        self,
        place: tuple[str, int],
        answer: Application,
        limits: Limits | None = None,
        hosts: Collection[str] = (),
    ) -> None:
        """Listen. Raises ConfigError for an address that cannot be used.

        A client may call it by the name in `place`, that of the machine, and `hosts`, besides names that no
        web page of somebody else's can have.
        """
        own = frozenset(each.lower() for each in (place[0], socket.gethostname(), *hosts))
        try:
            self._server = _Server(place, answer, limits or Limits(), own)
        except OSError as error:
            listen = f"{place[0]}:{place[1]}"
            why = file_problem(error).but(path=None)
            raise ConfigError([problem("metrics_address_taken", listen=listen, why=why)]) from None
        self.port: int = self._server.server_address[1]
        self._thread = threading.Thread(
            target=self._server.serve_forever, args=(_STEP,), name="metrics", daemon=True
        )

    def start(self) -> None:
        """Begin to answer."""
        self._thread.start()

    def stop(self) -> None:
        """End all connections, and wait for their threads."""
        if self._thread.is_alive():
            self._server.shutdown()
            self._thread.join()
        self._server.end_all()
        self._server.server_close()


class _Server(socketserver.ThreadingTCPServer):
    allow_reuse_address = True
    request_queue_size = 16

    def __init__(
        self, place: tuple[str, int], answer: Application, limits: Limits, hosts: Collection[str]
    ) -> None:
        self.answer = answer
        self.hosts = hosts
        self._limits = limits
        self._lock = threading.Lock()
        self._open: dict[socket.socket, float] = {}
        """The connections, and when they end (`time.monotonic`)."""
        self.address_family = socket.getaddrinfo(*place, type=socket.SOCK_STREAM)[0][0]
        handler = type("Limited", (_Handler,), {"timeout": limits.silence})
        super().__init__(place, handler)

    def process_request(self, request: Any, client_address: Any) -> None:
        """Answer on another thread, if there are not too many."""
        with self._lock:
            full = len(self._open) >= self._limits.connections
            if not full:
                self._open[request] = time.monotonic() + self._limits.longest
        if full:
            self.shutdown_request(request)
        else:
            super().process_request(request, client_address)

    def close_request(self, request: Any) -> None:
        """Forget a connection."""
        with self._lock:
            self._open.pop(request, None)
            super().close_request(request)

    def service_actions(self) -> None:
        """End connections that have lived long enough."""
        self.end_all(before=time.monotonic())

    def end_all(self, before: float = float("inf")) -> None:
        """Interrupt the connections that end before a moment."""
        with self._lock:
            for request, end in self._open.items():
                if end < before:
                    try:
                        request.shutdown(socket.SHUT_RDWR)
                    except OSError:
                        continue  # The client has gone.

    def handle_error(self, request: Any, client_address: Any) -> None:  # noqa: ARG002 - so it is called
        """Log an error of our own; a client that has gone, or was too slow, is none."""
        error = sys.exception()
        if not isinstance(error, OSError):
            _LOG.error("metrics_failed", exc_info=error)


class _Handler(BaseHTTPRequestHandler):
    server: _Server
    server_version = "retraind"
    sys_version = ""

    def do_GET(self) -> None:
        """Answer."""
        if not self._is_called_by_own_name():
            text = b"unknown host: call the address, or add the name to page.allowed_hosts\n"
            self._send(Answer(HTTPStatus.MISDIRECTED_REQUEST, _TEXT, text))
            return
        answer = self.server.answer(self.path.partition("?")[0], self.headers.get("Accept", ""))
        self._send(answer or Answer(HTTPStatus.NOT_FOUND, _TEXT, b"not found\n"))

    def _is_called_by_own_name(self) -> bool:
        """Return whether this is no browser that was led here by a name of somebody else's.

        Such a name has a dot, and a browser sends it. Prometheus and probes use an address, or what is
        listed.
        """
        named = self.headers.get_all("Host") or []
        if not named:
            return True
        host = named_host(named[0])
        if len(named) > 1 or not host:
            return False
        return "." not in host or host in self.server.hosts or _is_address(host)

    do_HEAD = do_GET  # noqa: N815 - so http.server names them

    def _refuse(self) -> None:
        self._send(Answer(HTTPStatus.METHOD_NOT_ALLOWED, _TEXT, b"GET only\n"))

    do_POST = do_PUT = do_PATCH = do_DELETE = do_OPTIONS = _refuse  # noqa: N815

    def _send(self, answer: Answer) -> None:
        self.send_response(answer.status)
        self.send_header("Content-Type", answer.media)
        self.send_header("Content-Length", str(len(answer.body)))
        self.send_header("Cache-Control", "no-store")
        self.send_header("X-Content-Type-Options", "nosniff")
        if answer.status == HTTPStatus.METHOD_NOT_ALLOWED:
            self.send_header("Allow", "GET, HEAD")
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(answer.body)

    def log_message(self, format: str, *args: Any) -> None:  # noqa: A002 - so the class names it
        """Log nothing: a scrape is no event."""


def _is_address(host: str) -> bool:
    try:
        ipaddress.ip_address(host.removeprefix("[").removesuffix("]"))
    except ValueError:
        return False
    return True
