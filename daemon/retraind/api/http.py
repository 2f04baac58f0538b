"""The way out: sessions with the configured proxy and CA, and what the failures of the network mean.

Knows nothing of the vendor. A failure is worded from its kind alone: its own text would show addresses.
"""

import base64
import platform
import ssl
import time
from collections.abc import Callable, Iterator, Mapping
from typing import Any

import requests
from requests.adapters import HTTPAdapter
from requests.utils import get_auth_from_url, select_proxy
from urllib3.exceptions import (
    ConnectTimeoutError,
    DecodeError,
    HTTPError,
    LocationParseError,
    NameResolutionError,
    NewConnectionError,
    ProtocolError,
    ProxyError,
    ReadTimeoutError,
    SSLError,
)
from urllib3.util import Retry as Urllib3Retry

import retraind
from retraind.api.reach import Reach
from retraind.config.settings import ApiSettings
from retraind.config.types import PROXY_SCHEMES
from retraind.domain.failures import Retry
from retraind.domain.problems import legacy
from retraind.system.addresses import UnreadableAddress, check_address

USER_AGENT = f"retraind/{retraind.__version__} (Python {platform.python_version()})"
NetworkError = requests.RequestException | HTTPError
"""All that a request, or reading its answer, raises."""
NETWORK_ERRORS = (requests.RequestException, HTTPError)
_LOOK_UP_SECONDS = 0.5
"""How often a sender that waits for its peer looks up to see whether the daemon is stopping."""


def _never() -> None:
    """Never pause."""


def new_session(
    settings: ApiSettings, pause: Callable[[], None] = _never, reach: Reach | None = None
) -> requests.Session:
    """Return a session with the configured proxy and CA, that never adds credentials of its own from ~/.netrc.

    `pause` is called again and again while a body is sent, and may raise. With `reach`, a request raises PeerRefused before
    its first byte where its address or its peer is none to send anything to.
    """
    session = _Session(settings)
    adapter = _Adapter(settings.timeout.total_seconds(), pause, reach)
    session.mount("https://", adapter)
    session.mount("http://", adapter)
    return session


def is_proxied(settings: ApiSettings, address: str) -> bool:
    """Tell whether a request to this address would go through a proxy, by the configuration or the environment."""
    return _proxy_for(settings, address) is not None


def is_proxy_usable(settings: ApiSettings) -> bool:
    """Tell whether the proxy on the way to base_url, if there is one, has an address that can be read for certain."""
    try:
        _check_proxy(_proxy_for(settings, str(settings.base_url)))
    except requests.exceptions.InvalidProxyURL:
        return False
    return True


def _proxy_for(settings: ApiSettings, address: str) -> str | None:
    merged = _Session(settings).merge_environment_settings(address, {}, None, None, None)
    proxy: str | None = select_proxy(address, merged["proxies"])
    return proxy


def basic_auth(user: str, password: str) -> str:
    """Return the value of the header that tells user and password, in UTF-8 (RFC 7617)."""
    return f"Basic {base64.b64encode(f'{user}:{password}'.encode()).decode()}"


def time_out(settings: ApiSettings) -> tuple[float, float]:
    """Return the time-outs as requests wants them: seconds to connect, seconds of silence."""
    return settings.connect_timeout.total_seconds(), settings.timeout.total_seconds()


class _Session(requests.Session):
    """What the configuration says wins over the environment; requests would have it the other way round."""

    def __init__(self, settings: ApiSettings) -> None:
        super().__init__()
        self.headers["User-Agent"] = USER_AGENT
        self.auth = lambda request: request
        self._proxies = {"http": settings.proxy, "https": settings.proxy} if settings.proxy else None
        self._ca_bundle = str(settings.ca_bundle) if settings.ca_bundle else None

    def merge_environment_settings(self, *arguments: Any, **named: Any) -> Any:
        """Return requests' own choice, but for what is configured."""
        merged = super().merge_environment_settings(*arguments, **named)
        if self._proxies:
            merged["proxies"] = dict(self._proxies)
        if self._ca_bundle:
            merged["verify"] = self._ca_bundle
        return merged

    def send(self, request: Any, **named: Any) -> Any:
        """Send a request, unless the proxy that it would go through cannot be read for certain."""
        _check_proxy(select_proxy(request.url, named.get("proxies")))
        return super().send(request, **named)


def _check_proxy(proxy: str | None) -> None:
    """Raise InvalidProxyURL, with nothing of the address in it, for what no configuration would be let through with."""
    try:
        if proxy:
            check_address(proxy if "://" in proxy else f"http://{proxy}", PROXY_SCHEMES)
    except UnreadableAddress:
        raise requests.exceptions.InvalidProxyURL from None


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


class _PeerChecker:
    """Mixed into urllib3's connections: the peer is checked before the first byte, that of a handshake included."""

    check_peer: Callable[[str, str], None]
    host: str

    def _new_conn(self) -> Any:
        made = super()._new_conn()  # type: ignore[misc]
        try:
            self.check_peer(self.host, made.getpeername()[0])
        except BaseException:
            made.close()
            raise
        return made


class _PatientSender:
    """Mixed into urllib3's connections: sending waits for a slow peer as long as receiving does.

    urllib3 would give each piece of a body the time-out for connecting, in which a slow line cannot take it.
    """

    silence_seconds: float
    pause: Callable[[], None]
    sock: Any
    connect: Callable[[], None]

    def send(self, data: bytes) -> None:
        if self.sock is None:
            self.connect()
        before = self.sock.gettimeout()
        self.sock.settimeout(min(_LOOK_UP_SECONDS, self.silence_seconds))
        self._send_all(memoryview(data))
        # What follows may still be part of connecting: a tunnel's answer, a handshake.
        self.sock.settimeout(before)

    def _send_all(self, left: memoryview) -> None:
        silent_since = time.monotonic()
        while left:
            self.pause()
            try:
                left = left[self.sock.send(left) :]
                silent_since = time.monotonic()
            except TimeoutError:
                if time.monotonic() - silent_since >= self.silence_seconds:
                    raise


class _Adapter(HTTPAdapter):
    def __init__(self, silence_seconds: float, pause: Callable[[], None], reach: Reach | None) -> None:
        self._reach = reach
        self._sender = {"silence_seconds": silence_seconds, "pause": staticmethod(pause)}
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
            made = type(kind.__name__, (_PatientSender, kind), dict(self._sender))
            # A proxy is the configuration's, and whom it connects to cannot be seen.
            if self._reach is not None and not proxied:
                check = {"check_peer": staticmethod(self._reach.check_peer)}
                made = type(kind.__name__, (_PeerChecker, made), check)
            self._kinds[kind, proxied] = made
        pool.ConnectionCls = self._kinds[kind, proxied]
        return pool

    def proxy_headers(self, proxy: str) -> dict[str, str]:
        """Return the header with the proxy's user and password, in UTF-8; requests knows Latin-1 only."""
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


# ---------------------------------------------------------------------- failures


def causes_of(error: BaseException) -> Iterator[BaseException]:
    """Yield an error and all it was made from, outermost first."""
    yield error
    inside = [*error.args, getattr(error, "reason", None), error.__cause__]
    seen: list[BaseException] = []
    for cause in inside:
        if isinstance(cause, BaseException) and not any(cause is other for other in seen):
            seen.append(cause)
            yield from causes_of(cause)


_WORDS: Mapping[tuple[type[BaseException], ...], str] = {
    (
        requests.exceptions.InvalidProxyURL,
    ): "The address of the proxy on the way to {} cannot be used (api.proxy, or a variable such as HTTPS_PROXY).",
    (
        requests.exceptions.ProxyError,
        ProxyError,
    ): "The proxy on the way to {} does not let the connection through.",
    (ssl.SSLCertVerificationError,): "The TLS certificate of {} could not be verified.",
    (
        requests.exceptions.SSLError,
        SSLError,
        ssl.SSLError,
    ): "A TLS connection to {} could not be set up.",
    (NameResolutionError,): "The name of {} could not be resolved.",
    (ConnectionRefusedError,): "The connection to {} was refused.",
    (NewConnectionError,): "The network has no way to {}.",
    # After NewConnectionError, which is one of them.
    (requests.exceptions.ConnectTimeout, ConnectTimeoutError): "Connecting to {} took too long.",
    (
        requests.exceptions.Timeout,
        ReadTimeoutError,
        TimeoutError,
    ): "The connection to {} stayed silent for too long.",
    (requests.exceptions.ContentDecodingError, DecodeError): "The answer of {} could not be decompressed.",
    (
        requests.exceptions.InvalidURL,
        requests.exceptions.MissingSchema,
        requests.exceptions.InvalidSchema,
        LocationParseError,
    ): "The address of {} cannot be used.",
    (
        requests.ConnectionError,
        requests.exceptions.ChunkedEncodingError,
        ProtocolError,
    ): "The connection to {} broke off.",
}
_OF_THE_REQUEST = (
    requests.exceptions.ContentDecodingError,
    DecodeError,
    requests.exceptions.InvalidURL,
    requests.exceptions.MissingSchema,
    requests.exceptions.InvalidSchema,
    LocationParseError,
)
"""Failures that tell nothing of the host: another request may well succeed."""
_BEFORE_THE_FIRST_BYTE = (
    requests.exceptions.ProxyError,
    ProxyError,
    ssl.SSLCertVerificationError,
    requests.exceptions.ConnectTimeout,
    ConnectTimeoutError,
    NewConnectionError,
    LocationParseError,
    requests.exceptions.InvalidURL,
)


def word_failure(error: NetworkError, whom: str) -> str:
    """Say what went wrong on the network, from the kinds of error alone: their text would show the address."""
    causes = tuple(causes_of(error))
    for kinds, words in _WORDS.items():
        if any(isinstance(cause, kinds) for cause in causes):
            return words.format(whom)
    return f"The request to {whom} failed ({type(error).__name__})."


def never_connected(error: NetworkError) -> bool:
    """Tell whether the failure came before the first byte of the request was sent."""
    return any(isinstance(cause, _BEFORE_THE_FIRST_BYTE) for cause in causes_of(error))


def network_retry(error: NetworkError, whom: str) -> Retry:
    """Return the Retry for a failure of the network."""
    remedy = ""
    if any(
        isinstance(cause, requests.exceptions.SSLError | SSLError | ssl.SSLError)
        for cause in causes_of(error)
    ):
        remedy = "Where a company proxy inspects TLS, name its certificate in api.ca_bundle."
    of_host = not any(isinstance(cause, _OF_THE_REQUEST) for cause in causes_of(error))
    return Retry(
        legacy(word_failure(error, whom), remedy), of_host=of_host, effect=not never_connected(error)
    )
