"""How requests are sent: by whom, and over sessions with the configured proxy, CA and time-outs.

Knows nothing of the vendor, and nothing of what an answer or a failure means.
"""

import base64
import platform
import socket
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from datetime import timedelta
from functools import partial
from typing import Any

import requests
from requests.adapters import HTTPAdapter
from requests.utils import get_auth_from_url, select_proxy
from urllib3.exceptions import ReadTimeoutError
from urllib3.util import Retry as Urllib3Retry

import retraind
from retraind.api.answers import ORDINARY, PAUSE_SECONDS, Allowance, BoundedResponse
from retraind.api.certificates import certificates_in
from retraind.api.circuit_breaker import Breaker
from retraind.api.proxies import check_answer, proxy_for, tunnel_refusal
from retraind.api.reach import Reach
from retraind.config.settings import ApiSettings
from retraind.system.clock import Clock

USER_AGENT = f"retraind/{retraind.__version__} (Python {platform.python_version()})"


class Caller:
    """What the clients of the service and of the object store have in common."""

    def __init__(
        self, settings: ApiSettings, clock: Clock | None = None, breaker: Breaker | None = None
    ) -> None:
        self._settings = settings
        self._clock = clock or Clock()
        self._breaker = breaker or Breaker(self._clock)


class Connections:
    """Those that a session opens, which another thread can end: time-outs alone count only silence."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._open: list[socket.socket] = []
        self.has_ended = False

    def add(self, made: socket.socket) -> None:
        """Take one that was opened. Raises TimeoutError once they have been ended."""
        with self._lock:
            if self.has_ended:
                raise TimeoutError
            # TLS takes the file descriptor of the socket for one of its own.
            self._open.append(made.dup())

    def end(self) -> None:
        """End all of them, and those to come: whoever waits for one meets the end of the stream."""
        with self._lock:
            self.has_ended = True
            for each in self._open:
                with suppress(OSError):
                    each.shutdown(socket.SHUT_RDWR)

    def close(self) -> None:
        """Forget them."""
        with self._lock:
            for each in self._open:
                each.close()
            self._open.clear()

    @contextmanager
    def limited(self, limit: timedelta) -> Iterator[None]:
        """End them if the block lasts longer than this."""
        timer = threading.Timer(limit.total_seconds(), self.end)
        timer.daemon = True
        timer.start()
        try:
            yield
        finally:
            timer.cancel()
            self.close()


def new_session(
    settings: ApiSettings,
    pause: Callable[[], None] = lambda: None,
    reach: Reach | None = None,
    permit: Callable[[int], int] = lambda wanted: wanted,
    *,
    connections: Connections | None = None,
    allowance: Allowance = ORDINARY,
) -> requests.Session:
    """Return a session with the configured proxy, CA and time-outs.

    It adds no credentials from ~/.netrc, follows no redirect, and leaves the body of an answer to be read, as
    far as `allowance` goes. `pause` is called repeatedly while a body is sent, and may raise. `permit` is
    called with the number of bytes that are about to be sent; it returns, perhaps after a while, how many of
    them may be. With `reach`, a request raises PeerRefused before its first byte if nothing may be sent to
    its address or its peer. `connections` are given those that the session opens.
    """
    session = _Session(settings)
    adapter = _Adapter(
        settings.timeout.total_seconds(), pause, permit, reach, connections=connections, allowance=allowance
    )
    session.mount("https://", adapter)
    session.mount("http://", adapter)
    return session


def is_proxied(settings: ApiSettings, address: str) -> bool:
    """Return whether the configuration or the environment sends requests to this address through a proxy."""
    return proxy_for(settings, address) is not None


def basic_auth(user: str, password: str) -> str:
    """Return the value of the header with user and password, in UTF-8 (RFC 7617)."""
    return f"Basic {base64.b64encode(f'{user}:{password}'.encode()).decode()}"


class _Session(requests.Session):
    """The configuration wins over the environment; with requests it is the other way round."""

    def __init__(self, settings: ApiSettings) -> None:
        super().__init__()
        self._settings = settings
        self.headers["User-Agent"] = USER_AGENT
        self.auth = lambda request: request
        self._proxies = {"http": settings.proxy, "https": settings.proxy} if settings.proxy else None
        self._certificates = certificates_in(settings.ca_bundle) if settings.ca_bundle else None
        self._always = {
            "timeout": (settings.connect_timeout.total_seconds(), settings.timeout.total_seconds()),
            "allow_redirects": False,
            "stream": True,
        }

    def request(self, *arguments: Any, **named: Any) -> Any:
        """Send a request and return its answer, whose body is still to be read."""
        return super().request(*arguments, **(named | self._always))

    def merge_environment_settings(self, *arguments: Any, **named: Any) -> Any:
        """Return requests' own choice, except for what is configured."""
        merged = super().merge_environment_settings(*arguments, **named)
        if self._proxies:
            merged["proxies"] = dict(self._proxies)
        if self._certificates:
            merged["verify"] = self._certificates.path()
        return merged

    def send(self, request: Any, **named: Any) -> Any:
        """Send a request. Raises ProxyUnusable, and ProxyRefused for what a proxy answered itself."""
        if proxy := proxy_for(self._settings, request.url):
            proxy.check()
        try:
            response = super().send(request, **named)
        except requests.exceptions.ProxyError as error:
            raise tunnel_refusal(error) or error from None
        check_answer(response)
        return response


class _OneRepetition(Urllib3Retry):
    """A GET is repeated once when its connection breaks, since the peer may have closed a pooled one.

    Never after a time-out, which would double it.
    """

    def increment(
        self,
        method: Any = None,
        url: Any = None,
        response: Any = None,
        error: Any = None,
        *rest: Any,
        **named: Any,
    ) -> Any:
        if isinstance(error, ReadTimeoutError):
            raise error
        return super().increment(method, url, response, error, *rest, **named)


class _Connection:
    """Mixed into urllib3's connections: each is shown before its first byte, also of a handshake.

    Sending waits for a slow peer for as long as receiving does. urllib3 gives each piece of a body the
    time-out for connecting, in which a slow line cannot take it.
    """

    opened: Callable[[str, socket.socket], None]
    """Is shown the host, and the connection to it or to its proxy; may raise."""
    host: str
    silence_seconds: float
    pause: Callable[[], None]
    permit: Callable[[int], int]
    sock: Any
    connect: Callable[[], None]

    def _new_conn(self) -> Any:
        made = super()._new_conn()  # type: ignore[misc]
        try:
            self.opened(self.host, made)
        except BaseException:
            made.close()
            raise
        return made

    def send(self, data: bytes) -> None:
        if self.sock is None:
            self.connect()
        before = self.sock.gettimeout()
        self.sock.settimeout(min(PAUSE_SECONDS, self.silence_seconds))
        self._send_all(memoryview(data))
        # What follows may still be part of connecting: a tunnel's answer, a handshake.
        self.sock.settimeout(before)

    def _send_all(self, left: memoryview) -> None:
        silent_since, permitted = time.monotonic(), 0
        while left:
            self.pause()
            if not permitted:
                permitted = self.permit(len(left))
                silent_since = time.monotonic()  # The peer is not to blame for that wait.
            try:
                sent = self.sock.send(left[:permitted])
                left, permitted = left[sent:], permitted - sent
                silent_since = time.monotonic()
            except TimeoutError:
                if time.monotonic() - silent_since >= self.silence_seconds:
                    raise


def _meet(reach: Reach | None, connections: Connections | None, host: str, made: socket.socket) -> None:
    if reach is not None:
        reach.check_peer(host, made.getpeername()[0])
    if connections is not None:
        connections.add(made)


class _Adapter(HTTPAdapter):
    def __init__(
        self,
        silence_seconds: float,
        pause: Callable[[], None],
        permit: Callable[[int], int],
        reach: Reach | None,
        *,
        connections: Connections | None,
        allowance: Allowance,
    ) -> None:
        self._reach = reach
        self._connections = connections
        self._own = {
            "response_class": staticmethod(partial(BoundedResponse, allowance=allowance)),
            "silence_seconds": silence_seconds,
            "pause": staticmethod(pause),
            "permit": staticmethod(permit),
        }
        self._kinds: dict[tuple[type, bool], type] = {}
        repetition = _OneRepetition(
            total=1,
            connect=0,
            read=1,
            status=0,
            redirect=0,
            other=0,
            allowed_methods={"GET"},
            respect_retry_after_header=False,  # or else urllib3 keeps answers with that header to itself
        )
        super().__init__(pool_connections=4, pool_maxsize=32, max_retries=repetition)

    def get_connection_with_tls_context(
        self, request: Any, verify: Any, proxies: Any = None, cert: Any = None
    ) -> Any:
        """Return requests' own choice, with connections that check their peer and send patiently."""
        proxied = select_proxy(request.url, proxies) is not None
        if self._reach is not None:
            self._reach.check_address(request.url, proxied=proxied)
        pool: Any = super().get_connection_with_tls_context(request, verify, proxies, cert)
        kind = type(pool).ConnectionCls
        if (kind, proxied) not in self._kinds:
            # The proxy comes from the configuration, and the peer behind it cannot be seen.
            opened = partial(_meet, None if proxied else self._reach, self._connections)
            own = {**self._own, "opened": staticmethod(opened)}
            self._kinds[kind, proxied] = type(kind.__name__, (_Connection, kind), own)
        pool.ConnectionCls = self._kinds[kind, proxied]
        return pool

    def proxy_headers(self, proxy: str) -> dict[str, str]:
        """Return the header with the proxy's user and password, in UTF-8; requests knows only Latin-1."""
        user, password = get_auth_from_url(proxy)
        if not user:
            return {}
        return {"Proxy-Authorization": basic_auth(user, password)}

    def cert_verify(self, *arguments: Any, **named: Any) -> None:
        """Raise SSLError, not OSError, when the file with the CA's certificates is gone."""
        try:
            super().cert_verify(*arguments, **named)  # type: ignore[no-untyped-call]
        except OSError:
            raise requests.exceptions.SSLError from None
