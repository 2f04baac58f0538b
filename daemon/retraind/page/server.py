"""The process: its socket, its limits, what it reports to systemd."""

import asyncio
import os
import resource
import signal
import socket
import stat
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import uvicorn
from uvicorn.config import Config
from uvicorn.protocols.http.h11_impl import H11Protocol
from uvicorn.server import ServerState

from retraind.config.load import WithoutKeys
from retraind.config.settings import PageSettings
from retraind.config.types import listen_of
from retraind.domain.failures import ConfigError
from retraind.domain.problems import file_problem, problem
from retraind.page.access import Access
from retraind.page.app import App
from retraind.page.live import Live
from retraind.page.reading import Reader
from retraind.system import log
from retraind.system.clock import Clock
from retraind.system.service import systemd

_LOG = log.get(__name__)

_BACKLOG = 128
_LARGEST_HEAD = 16 << 10
"""Bytes of a request's head."""
_SOCKET_MODE = 0o660
"""Whoever is in the group of the process may connect: the reverse proxy."""


@dataclass(frozen=True)
class Limits:
    """How long clients are waited for, and how many there may be."""

    head: float = 10.0
    """Seconds until a connection has sent the head of its next request."""
    write: float = 30.0
    """Seconds for which a client may read nothing of what is sent to it."""
    connections: int = 256
    """So many are answered. As many more are told that there are too many; what else connects is let go."""
    files: int = field(default_factory=lambda: resource.getrlimit(resource.RLIMIT_NOFILE)[0])
    """What the process may have open. Without a free one, each try to accept a connection would be logged."""
    step: float = 2.0
    """Seconds between two looks at a connection."""

    @property
    def most(self) -> int:
        """How many connections there may be before further ones are let go."""
        return min(2 * self.connections, self.files // 2)

    @property
    def backlog(self) -> int:
        """How many are accepted before the first of them is looked at."""
        return max(1, min(_BACKLOG, self.files // 8))


class Patient(H11Protocol):
    """uvicorn's HTTP, which ends connections of clients that send or read too slowly."""

    limits = Limits()

    def __init__(
        self,
        config: Config,
        server_state: ServerState,
        app_state: dict[str, Any],
        _loop: asyncio.AbstractEventLoop | None = None,
    ) -> None:
        super().__init__(config, server_state, app_state, _loop)
        self._idle_since = 0.0
        self._stuck_since: float | None = None
        self._watch: asyncio.TimerHandle | None = None

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        """Begin to watch the connection."""
        super().connection_made(transport)
        if len(self.connections) > self.limits.most:
            transport.abort()
            return
        self._idle_since = self.loop.time()
        self._watch = self.loop.call_later(self.limits.step, self._look)

    def connection_lost(self, exc: Exception | None) -> None:
        """End watching."""
        if self._watch is not None:
            self._watch.cancel()
        super().connection_lost(exc)

    def pause_writing(self) -> None:
        """Note that the client does not read."""
        self._stuck_since = self.loop.time()
        super().pause_writing()

    def resume_writing(self) -> None:
        """Note that it does again."""
        self._stuck_since = None
        super().resume_writing()

    def _look(self) -> None:
        now = self.loop.time()
        # None until the first request, whatever its type says.
        if self.cycle is not None and not self.cycle.response_complete:  # type: ignore[redundant-expr]
            self._idle_since = now
        stuck = self._stuck_since is not None and now - self._stuck_since > self.limits.write
        silent = now - self._idle_since > self.limits.head + (
            self.limits.write if self.transport.is_closing() else 0
        )
        if stuck or silent:
            self.transport.abort()
            return
        self._watch = self.loop.call_later(self.limits.step, self._look)


class _Server(uvicorn.Server):
    def __init__(self, config: Config, live: Live, address: str) -> None:
        super().__init__(config)
        self._live = live
        self._address = address

    @contextmanager
    def capture_signals(self) -> Iterator[None]:
        """Let SIGTERM and SIGINT end the server; uvicorn would raise them again at the end."""
        if threading.current_thread() is not threading.main_thread():
            yield
            return
        before = {
            number: signal.signal(number, self.handle_exit) for number in (signal.SIGTERM, signal.SIGINT)
        }
        try:
            yield
        finally:
            for number, handler in before.items():
                signal.signal(number, handler)

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        """Listen, and report it."""
        await super().startup(sockets)
        systemd.report("READY=1")
        _LOG.info("page_ready", address=self._address)

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        """End the streams first: each would be waited for."""
        systemd.report("STOPPING=1")
        self._live.close()
        await super().shutdown(sockets)


def serve(loaded: WithoutKeys, clock: Clock | None = None, limits: Limits | None = None) -> None:
    """Serve until SIGTERM or SIGINT. Raises ConfigError for what keeps it from beginning."""
    settings = loaded.settings.page
    access = Access(settings, loaded.settings.language)
    with listening(settings) as (listener, address):
        reader = Reader(loaded, clock or Clock())
        try:
            made_server(reader, settings, access, address, limits).run(sockets=[listener])
        finally:
            reader.close()


def made_server(
    reader: Reader, settings: PageSettings, access: Access, address: str, limits: Limits | None = None
) -> uvicorn.Server:
    """Return a server that can be run on sockets."""
    live, allowed = Live(reader), limits or Limits()
    config = Config(
        App(reader, access, live, settings.prefix).asgi,
        http=type("Limited", (Patient,), {"limits": allowed}),
        loop="asyncio",
        ws="none",
        lifespan="off",
        log_config=None,
        access_log=False,
        proxy_headers=False,  # Who is connected is who is trusted, or not.
        server_header=False,
        limit_concurrency=allowed.connections,
        backlog=allowed.backlog,
        timeout_keep_alive=5,
        timeout_graceful_shutdown=2,
        h11_max_incomplete_event_size=_LARGEST_HEAD,
    )
    return _Server(config, live, address)


@contextmanager
def listening(settings: PageSettings) -> Iterator[tuple[socket.socket, str]]:
    """Open the socket of `listen`, and say how a browser on this machine reaches it. Raises ConfigError."""
    place = listen_of(settings.listen)
    try:
        listener = _unix(place) if isinstance(place, Path) else _tcp(*place)
    except OSError as error:
        why = file_problem(error).but(path=None)
        raise ConfigError([problem("page_address_taken", listen=settings.listen, why=why)]) from None
    with listener:
        if isinstance(place, Path):
            try:
                yield listener, f"{settings.listen}{settings.prefix}"
            finally:
                with suppress(FileNotFoundError):
                    place.unlink()
        else:
            host, port = listener.getsockname()[:2]
            shown = f"[{host}]" if ":" in host else host
            yield listener, f"http://{shown}:{port}{settings.prefix}/"


def _tcp(host: str, port: int) -> socket.socket:
    family, kind, protocol, _, address = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)[0]
    made = socket.socket(family, kind | socket.SOCK_CLOEXEC, protocol)
    try:
        made.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        made.bind(address)
        made.listen(_BACKLOG)
    except OSError:
        made.close()
        raise
    return made


def _unix(path: Path) -> socket.socket:
    """Listen on a Unix socket in place of one that a kill has left, not of one that is in use."""
    made = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM | socket.SOCK_CLOEXEC)
    try:
        with suppress(FileNotFoundError):
            if stat.S_ISSOCK(path.lstat().st_mode):
                try:
                    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as other:
                        other.connect(str(path))
                except ConnectionRefusedError:
                    path.unlink()
        mask = os.umask(0o777 & ~_SOCKET_MODE)
        try:
            made.bind(str(path))
        finally:
            os.umask(mask)
        made.listen(_BACKLOG)
    except OSError:
        made.close()
        raise
    return made
