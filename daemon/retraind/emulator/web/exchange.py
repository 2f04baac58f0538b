"""One HTTP connection: reads requests, sends answers, and ends connections politely or rudely.

The `route` that it is given decides what a request means and what the answer is.
"""

import contextlib
import os
import socket
import ssl
import struct
import time
from collections.abc import Callable
from datetime import timedelta
from http.server import BaseHTTPRequestHandler
from socketserver import BaseServer
from typing import Any, Protocol, cast
from urllib.parse import parse_qsl, unquote

from retraind.emulator.config import RequestSeen
from retraind.emulator.web.answers import Answer

BLOCK = 1024 * 1024
"""Bytes that are read or written at once."""
_LARGEST_SMALL_BODY = 1024 * 1024
_LONGEST_DRAIN_SECONDS = 10.0
_BROKEN = (ConnectionError, TimeoutError, ssl.SSLError)


class HungUp(ConnectionError):
    """The connection ended, by the client or by us; nobody is left to answer."""


class Surroundings(Protocol):
    """What an exchange needs of its server."""

    route: "Callable[[Exchange], None]"
    idle_timeout: timedelta
    speaks_tls: bool
    on_request: Callable[[RequestSeen], None] | None

    def pause(self, span: timedelta) -> None:
        """Wait for `span`, or until the server stops."""


class Exchange(BaseHTTPRequestHandler):
    """One connection and the request that is being served on it."""

    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True
    wbufsize = 0

    def __init__(self, request: socket.socket, client_address: Any, server: BaseServer) -> None:
        self.surroundings = cast("Surroundings", server)
        super().__init__(request, client_address, server)

    def setup(self) -> None:
        """Prepare the connection; it ends after `idle_timeout` of silence."""
        self.request.settimeout(self.surroundings.idle_timeout.total_seconds())
        super().setup()

    def version_string(self) -> str:
        """Return the Server header."""
        return "retraind-emulator"

    # -- the request ---------------------------------------------------------------------------------------

    def handle_one_request(self) -> None:
        """Serve one request; the end of the connection is not an error."""
        try:
            super().handle_one_request()
        except HungUp:
            self.close_connection = True

    def serve(self) -> None:
        """Parse the request and pass it to the route."""
        began = time.monotonic()
        # The request line arrives as Latin-1; clients that forget to percent-encode mean UTF-8.
        path, _, query = self.path.encode("latin-1").decode("utf-8", "replace").partition("?")
        self.segments = tuple(unquote(part) for part in path.strip("/").split("/"))
        self.query = dict(parse_qsl(query, keep_blank_values=True, errors="replace"))
        self.answered: int | None = None
        self.unread = self._announced_length() or 0
        try:
            self.surroundings.route(self)
        except _BROKEN as error:
            raise HungUp(str(error)) from error
        finally:
            if self.surroundings.on_request is not None:
                seen = RequestSeen(self.command, path, self.answered, time.monotonic() - began)
                self.surroundings.on_request(seen)

    do_GET = do_HEAD = do_PUT = do_POST = do_DELETE = do_PATCH = do_OPTIONS = serve  # noqa: N815

    @property
    def base_url(self) -> str:
        """Scheme and authority that the client used."""
        scheme = "https" if self.surroundings.speaks_tls else "http"
        host, port = self.connection.getsockname()[:2]
        here = f"[{host}]:{port}" if ":" in host else f"{host}:{port}"
        return f"{scheme}://{self.headers.get('Host') or here}"

    @property
    def is_chunked(self) -> bool:
        """Whether the body comes with a transfer coding instead of a length."""
        return "Transfer-Encoding" in self.headers

    @property
    def has_length(self) -> bool:
        """Whether the body's length was announced as a number of bytes."""
        return self._announced_length() is not None

    def _announced_length(self) -> int | None:
        length = self.headers.get("Content-Length", "")
        return int(length) if length.isascii() and length.isdigit() else None

    def handle_expect_100(self) -> bool:
        """Let the client wait until its body is wanted."""
        return True

    def want_body(self) -> None:
        """Answer a client that asks before it sends its body."""
        if self.headers.get("Expect", "").lower() == "100-continue":
            self.send_response_only(100)
            self.end_headers()

    def read_into(self, view: memoryview) -> int:
        """Read some of the body into `view`; return the number of bytes, 0 at its end.

        Raises HungUp if the client goes away first.
        """
        wanted = min(len(view), self.unread)
        if wanted == 0:
            return 0
        try:
            got: int = self.rfile.readinto(view[:wanted])
        except _BROKEN as error:
            raise HungUp(f"The connection broke in the body: {error}.") from error
        self.unread -= got
        if got < wanted:
            raise HungUp(f"The body ended {self.unread} bytes early.")
        return got

    def small_body(self) -> bytes | None:
        """Return the complete body, or None if it has no length or is larger than a megabyte."""
        if self.is_chunked or self.unread > _LARGEST_SMALL_BODY:
            return None
        self.want_body()
        body = bytearray(self.unread)
        self.read_into(memoryview(body))
        return bytes(body)

    # -- the answer ----------------------------------------------------------------------------------------

    def send(self, answer: Answer) -> None:
        """Send a complete answer. If the body was not read to its end, the connection is closed after it."""
        whole = self.unread == 0 and not self.is_chunked
        self.begin(answer, len(answer.body), close=not whole)
        if self.command != "HEAD":
            self.wfile.write(answer.body)
        if not whole:
            self._drain()

    def begin(self, answer: Answer, length: int, *, close: bool = False) -> None:
        """Send status and headers for a body of `length` bytes that the caller writes to `wfile`."""
        self.answered = answer.status
        self.send_response(answer.status)
        if answer.content_type is not None:
            self.send_header("Content-Type", answer.content_type)
        self.send_header("Content-Length", str(length))
        for name, value in answer.headers.items():
            self.send_header(name, value)
        if close:
            self.send_header("Connection", "close")
        self.end_headers()

    def reset(self) -> None:
        """End the connection with a reset, as a crashed peer or a firewall does. Always raises HungUp."""
        linger_not = struct.pack("ii", 1, 0)
        self.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, linger_not)
        os.close(self.connection.detach())
        raise HungUp("The emulator reset the connection.")

    def hang_up(self) -> None:
        """End the connection without an answer. Always raises HungUp."""
        raise HungUp("The emulator closed the connection.")

    def pause(self, span: timedelta) -> None:
        """Wait for `span`, or until the emulator stops."""
        self.surroundings.pause(span)

    def _drain(self) -> None:
        # Closing while bytes still arrive would reset the connection, and could destroy our answer on its way
        # to the client. So what it sends is read until it notices, but not forever.
        with contextlib.suppress(OSError):
            self.connection.shutdown(socket.SHUT_WR)
            until = time.monotonic() + _LONGEST_DRAIN_SECONDS
            self.connection.settimeout(2)
            while time.monotonic() < until and self.rfile.read1(BLOCK):
                pass
        self.close_connection = True

    def log_message(self, format: str, *args: Any) -> None:  # noqa: A002  - http.server's signature
        """Log nothing: requests are reported to `on_request`."""
