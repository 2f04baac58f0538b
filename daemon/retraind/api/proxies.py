"""The proxy on the way to an address: what names it, whether it can be used, and what it answers itself.

Knows nothing of the vendor. Errors carry no address: a proxy's may have a password.
"""

import os
import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlsplit

import requests
from requests.utils import get_environ_proxies, select_proxy

from retraind.config.checks import lacks_socks
from retraind.config.settings import ApiSettings
from retraind.config.types import PROXY_SCHEMES
from retraind.domain.failures import Party
from retraind.domain.problems import Problem, problem
from retraind.system.addresses import UnreadableAddress, check_address, place_of

SETTING = "api.proxy"
_TUNNEL_REFUSED = re.compile(r"Tunnel connection failed: (\d{3})\b")
"""What http.client says when a proxy opens no tunnel; it keeps the status nowhere else."""
_SCHEME = re.compile(r"(?:^|,)\s*([A-Za-z][\w-]*)(?=\s|,|$)(?!\s*=)")
"""The name of each way to authenticate in a Proxy-Authenticate header (RFC 9110)."""


class ProxyUnusable(requests.exceptions.InvalidProxyURL):
    """The address of a proxy cannot be read for certain, or asks for what is not installed."""

    def __init__(self, source: str, *, socks: bool) -> None:
        """`source` is the setting or variable with the address, `socks` that the library for SOCKS misses."""
        super().__init__("the proxy's address cannot be used")
        self.source, self.socks = source, socks


class ProxyRefused(requests.exceptions.ProxyError):
    """The proxy answered itself, and passed nothing on."""

    def __init__(self, status: int, schemes: tuple[str, ...] = ()) -> None:
        """`schemes` are the ways to authenticate that it offers, as far as they are known."""
        super().__init__("the proxy refused the request")
        self.status, self.schemes = status, schemes


@dataclass(frozen=True)
class Proxy:
    """A proxy, and the setting or environment variable that names it."""

    address: str
    source: str

    def check(self) -> None:
        """Raise ProxyUnusable for an address that the configuration would not accept."""
        text = self.address if "://" in self.address else f"http://{self.address}"
        try:
            check_address(text, PROXY_SCHEMES)
        except UnreadableAddress:
            raise ProxyUnusable(self.source, socks=False) from None
        if lacks_socks(text):
            raise ProxyUnusable(self.source, socks=True)


def proxy_for(settings: ApiSettings, address: str) -> Proxy | None:
    """Return the proxy that the configuration, else the environment, names for requests to an address."""
    if settings.proxy:
        return Proxy(settings.proxy, SETTING)
    # As requests does it.
    named = get_environ_proxies(address, no_proxy=None)
    proxy = select_proxy(address, named)
    return Proxy(proxy, _variable(address, named)) if proxy else None


def _variable(address: str, named: Mapping[str, str]) -> str:
    """Return the name of the variable that `select_proxy` takes the proxy from."""
    parts = urlsplit(address)
    keys = (f"{parts.scheme}://{parts.hostname}", parts.scheme, f"all://{parts.hostname}", "all")
    name = f"{next(key for key in keys if key in named)}_proxy"
    # The one in lower case counts first.
    return name if os.environ.get(name) else next(each for each in os.environ if each.lower() == name)


def unusable(settings: ApiSettings) -> Problem | None:
    """Return that the proxy on the way to base_url, if there is one, cannot be used, and what names it."""
    address = str(settings.base_url)
    try:
        if proxy := proxy_for(settings, address):
            proxy.check()
    except ProxyUnusable as error:
        facts = {"party": Party.SERVICE, "host": place_of(address), **facts_of(error)}
        return problem("proxy_address_unusable", **facts)
    return None


def check_answer(response: requests.Response) -> None:
    """Raise ProxyRefused for the answer that only proxies give, and close it."""
    if response.status_code == requests.codes.proxy_authentication_required:
        response.close()
        offered = response.headers.get("Proxy-Authenticate", "")
        raise ProxyRefused(response.status_code, tuple(dict.fromkeys(_SCHEME.findall(offered))))


def tunnel_refusal(error: requests.exceptions.ProxyError) -> ProxyRefused | None:
    """Return the proxy's answer to a request for a tunnel; None where there was no answer."""
    found = _TUNNEL_REFUSED.search(str(error))
    return ProxyRefused(int(found[1])) if found else None


def facts_of(error: BaseException) -> dict[str, Any]:
    """Return what an error of this module says."""
    match error:
        case ProxyUnusable():
            return {"source": error.source, "socks": error.socks}
        case ProxyRefused():
            return {"status": error.status, "schemes": error.schemes}
        case _:
            return {}


def is_own_page(response: requests.Response, start: bytes) -> bool:
    """Return whether an error, whose body begins with `start`, is a page for people, as proxies write it."""
    kind = response.headers.get("Content-Type", "").lower()
    return (
        start.lstrip()[:9].lower().startswith((b"<!doctype", b"<html"))
        or kind.startswith(("text/html", "application/xhtml"))
        or "X-Squid-Error" in response.headers
    )
