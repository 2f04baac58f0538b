"""Where the addresses that the service names may lead: no further than base_url itself leads.

The service, or whoever poses as it, names the addresses of uploads and results. What counts is the peer of
the connection, so that no trick with names helps. Nothing is decided here about base_url, the proxy or
notifications: these come from the configuration.
"""

import ipaddress
import socket
from collections.abc import Callable, Iterator
from enum import StrEnum
from urllib.parse import urlsplit

from retraind.config.settings import ApiSettings
from retraind.config.types import allowed_of
from retraind.domain.problems import Problem, problem
from retraind.system.addresses import host_of

_NAT64 = ipaddress.IPv6Network("64:ff9b::/96")
_COMPATIBLE = ipaddress.IPv6Network("::/96")
_BROADCAST = ipaddress.IPv4Address("255.255.255.255")
_LAST_32_BITS = 0xFFFFFFFF
_PORTS = {"https": 443, "http": 80}


class Kind(StrEnum):
    """How far an address reaches, the farthest first."""

    PUBLIC = "public"
    PRIVATE = "private"
    """An address of a private network."""
    LOOPBACK = "loopback"
    """This machine itself."""
    CLOSED = "closed"
    """A link-local, multicast or unspecified address."""


class PeerRefused(Exception):
    """An address may not be used; nothing was sent there. Not an OSError, which urllib3 would wrap."""

    def __init__(self, kind: Kind | None, allow: str) -> None:
        super().__init__(kind)
        self.kind = kind
        """Where it leads; None for an address without https, which base_url has."""
        self.allow = allow
        """What in allow_hosts would let it through."""


def kind_of(address: str) -> Kind:
    """Return how far an IP address reaches, also one of IPv4 that IPv6 embeds. Raises ValueError."""
    found = _inner(ipaddress.ip_address(address.partition("%")[0]))
    if found.is_loopback:
        return Kind.LOOPBACK
    if found.is_link_local or found.is_multicast or found.is_unspecified or found == _BROADCAST:
        return Kind.CLOSED
    if not found.is_global or (isinstance(found, ipaddress.IPv6Address) and found.is_site_local):
        return Kind.PRIVATE
    return Kind.PUBLIC


class Reach:
    """What the addresses that the service names may lead to. Safe to use from several threads."""

    def __init__(self, settings: ApiSettings, base_is_proxied: Callable[[], bool]) -> None:
        """`base_is_proxied` returns whether base_url is reached through a proxy, which hides its peer."""
        self._base = str(settings.base_url)
        self._allowed = tuple(map(allowed_of, settings.allow_hosts))
        self._base_is_proxied = base_is_proxied

    def check_address(self, address: str, *, proxied: bool) -> None:
        """Raise PeerRefused for an address that may not be used, whatever its peer is.

        Behind a proxy, where the peer cannot be seen, an address in figures counts as the peer.
        """
        host = host_of(address)
        scheme = urlsplit(address).scheme.lower()
        if scheme == "http" and self._base.startswith("https:") and not self._lets(host, None, plain=True):
            raise PeerRefused(None, f"http://{host}")
        if proxied and (literal := _literal(host)):
            self._check(host, literal, proxied=True)

    def check_peer(self, host: str, peer: str) -> None:
        """Raise PeerRefused if nothing may be sent to `peer`, the other end of a connection for `host`."""
        self._check(host, peer, proxied=False)

    def _check(self, host: str, peer: str, *, proxied: bool) -> None:
        kind = kind_of(peer)
        if kind is Kind.PUBLIC or self._lets(host, peer):
            return
        if kind is Kind.PRIVATE and (proxied or self._base_kind() is not Kind.PUBLIC):
            return
        if kind is Kind.LOOPBACK and self._base_kind() is Kind.LOOPBACK:
            return
        raise PeerRefused(kind, host)

    def _lets(self, host: str, peer: str | None, *, plain: bool = False) -> bool:
        return any(each.lets(host, peer) for each in self._allowed if each.plain or not plain)

    def _base_kind(self) -> Kind | None:
        """Return how far base_url reaches, by its most public address. None if only a proxy knows it."""
        host = host_of(self._base)
        if self._base_is_proxied():
            literal = _literal(host)
            return kind_of(literal) if literal else None
        kinds = _kinds_of(self._base)
        return next((kind for kind in Kind if kind in kinds), Kind.PUBLIC)


def in_the_clear(settings: ApiSettings) -> Iterator[tuple[str, Problem]]:
    """Yield the settings that let keys or data be sent unencrypted, each with what may happen."""
    base = str(settings.base_url)
    if base.startswith("http:") and _kinds_of(base) != {Kind.LOOPBACK}:
        yield "api.base_url", problem("keys_unencrypted", host=settings.host)
    for text in settings.allow_hosts:
        if allowed_of(text).plain:
            yield "api.allow_hosts", problem("data_unencrypted", host=text)


def _kinds_of(address: str) -> set[Kind]:
    """Return the kinds of all addresses of a host; none if its name cannot be resolved at the moment."""
    parts = urlsplit(address)
    try:
        found = socket.getaddrinfo(
            parts.hostname, parts.port or _PORTS[parts.scheme], type=socket.SOCK_STREAM
        )
        return {kind_of(str(entry[4][0])) for entry in found}
    except (OSError, UnicodeError, ValueError):
        return set()


def _literal(host: str) -> str | None:
    """Return the address that a host name spells; also `127.1` and `0x7f000001`, as C libraries read them."""
    name = host.removesuffix(".")
    if name == "localhost" or name.endswith(".localhost"):
        return "127.0.0.1"
    try:
        return str(ipaddress.ip_address(name.partition("%")[0]))
    except ValueError:
        pass
    try:
        return socket.inet_ntoa(socket.inet_aton(name))
    except (OSError, UnicodeError):
        return None


def _inner(
    address: ipaddress.IPv4Address | ipaddress.IPv6Address,
) -> ipaddress.IPv4Address | ipaddress.IPv6Address:
    """Return the IPv4 address that an IPv6 address stands for, where it does."""
    if isinstance(address, ipaddress.IPv4Address) or address.is_loopback or address.is_unspecified:
        return address
    if address in _NAT64 or address in _COMPATIBLE:
        return ipaddress.IPv4Address(int(address) & _LAST_32_BITS)
    teredo = address.teredo
    return address.ipv4_mapped or address.sixtofour or (teredo[1] if teredo else address)
