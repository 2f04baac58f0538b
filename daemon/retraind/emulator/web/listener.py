"""The listening socket, its accept loop, and the thread of each connection, all ended by `stop`."""

import contextlib
import socket
import socketserver
import ssl
import sys
import threading
from collections.abc import Callable
from datetime import timedelta
from http.server import ThreadingHTTPServer
from typing import Any

from retraind.emulator.config import EmulatorConfig, EmulatorError, RequestSeen
from retraind.emulator.web.exchange import Exchange

_ACCEPT_POLL_SECONDS = 0.5
_JOIN_SECONDS = 30.0


class Listener(ThreadingHTTPServer):
    """Accepts connections on one address and serves each in a thread of its own.

    Raises EmulatorError if the address or the certificate cannot be used.
    """

    request_queue_size = 128
    # They are joined in `stop`; this only keeps a forgotten emulator from blocking the exit.
    daemon_threads = True
    allow_reuse_address = True

    def __init__(self, config: EmulatorConfig, route: Callable[[Exchange], None]) -> None:
        self.route = route
        self.idle_timeout = config.idle_timeout
        self.speaks_tls = config.certificate is not None
        self.on_request: Callable[[RequestSeen], None] | None = config.on_request
        self.address_family = socket.AF_INET6 if ":" in config.host else socket.AF_INET
        self._stopping = threading.Event()
        self._lock = threading.Lock()
        self._connections: dict[threading.Thread, socket.socket] = {}
        try:
            super().__init__((config.host, config.port), Exchange)
        except OSError as error:
            reason = error.strerror or str(error)
            raise EmulatorError(
                f"The emulator cannot listen on {config.host}:{config.port}: {reason}."
            ) from error
        if config.certificate is not None:
            self._wrap(config)
        self._accepting = threading.Thread(
            target=self.serve_forever, args=(_ACCEPT_POLL_SECONDS,), name="emulator-accept", daemon=True
        )

    def start(self) -> None:
        """Begin to accept connections."""
        self._accepting.start()

    def stop(self) -> None:
        """Close the listening socket and every connection, and join their threads."""
        self._stopping.set()
        if self._accepting.is_alive():
            # Wakes the accept loop, which would otherwise only notice at its next poll.
            with contextlib.suppress(OSError):
                socket.socket.shutdown(self.socket, socket.SHUT_RDWR)
            self.shutdown()
            self._accepting.join()
        self.socket.close()
        with self._lock:
            connections = dict(self._connections)
        for connection in connections.values():
            # Not SSLSocket.shutdown, which would take the TLS state away from the thread that reads.
            with contextlib.suppress(OSError):
                socket.socket.shutdown(connection, socket.SHUT_RDWR)
        for thread in connections:
            thread.join(_JOIN_SECONDS)

    def pause(self, span: timedelta) -> None:
        """Wait for `span`, or until the server stops."""
        self._stopping.wait(span.total_seconds())

    def server_bind(self) -> None:
        """Bind without the reverse DNS look-up of HTTPServer, which can take seconds."""
        socketserver.TCPServer.server_bind(self)
        self.server_name, self.server_port = self.server_address[:2]  # type: ignore[assignment]

    def process_request(self, request: Any, client_address: Any) -> None:
        """Serve one connection in a new thread that `stop` joins."""
        thread = threading.Thread(
            target=self._serve_connection,
            args=(request, client_address),
            name="emulator-connection",
            daemon=True,
        )
        with self._lock:
            self._connections[thread] = request
        thread.start()

    def handle_error(self, request: Any, client_address: Any) -> None:
        """Print errors of our own; connections that broke are normal."""
        if not isinstance(sys.exception(), ConnectionError | TimeoutError | ssl.SSLError):
            super().handle_error(request, client_address)

    def _serve_connection(self, request: socket.socket, client_address: Any) -> None:
        try:
            self.process_request_thread(request, client_address)
        finally:
            with self._lock:
                del self._connections[threading.current_thread()]

    def _wrap(self, config: EmulatorConfig) -> None:
        assert config.certificate is not None
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        try:
            context.load_cert_chain(config.certificate, config.certificate_key)
        except (OSError, ssl.SSLError) as error:
            self.socket.close()
            raise EmulatorError(f"The certificate {config.certificate} cannot be used: {error}.") from error
        # The handshake is done in the connection's thread: a silent client must not block the others.
        self.socket = context.wrap_socket(self.socket, server_side=True, do_handshake_on_connect=False)
