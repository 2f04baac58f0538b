"""Who may see the page, and how much: the Host header, the token, the header of a reverse proxy.

Decides about a request's head alone; nothing of the journal is known here.
"""

import base64
import binascii
import hmac
import ipaddress
import os
import stat
from collections.abc import Mapping
from enum import Enum
from typing import NamedTuple

from retraind.config.settings import PageSettings
from retraind.config.types import listen_of, trusted_of
from retraind.domain.failures import ConfigError
from retraind.domain.problems import Problem, file_problem, problem
from retraind.report.wording.catalogue import LANGUAGES
from retraind.system.addresses import named_host
from retraind.system.reading import open_regular

LEAST_TOKEN = 20
"""Characters of a token: too many to be guessed."""
_LARGEST_TOKEN = 4_096
_OF_THIS_MACHINE = frozenset({"localhost", "127.0.0.1", "[::1]"})
_ANYWHERE = frozenset({"0.0.0.0", "::"})  # noqa: S104 - nothing is bound here
_LONGEST_USER = 200


class Visitor(NamedTuple):
    """Who asks."""

    is_operator: bool
    """Has shown a token, or was named by the proxy: may see paths of the machine and commands."""
    user: str = ""
    """As the proxy names them."""
    language: str = LANGUAGES[0]
    """The configuration's, for a browser that prefers none of those there are."""


class Refusal(Enum):
    """Why nothing is shown."""

    HOST = "host"
    ACCESS = "access"


class Head(NamedTuple):
    """What of a request decides."""

    hosts: tuple[str, ...]
    """Each Host header that it has."""
    headers: Mapping[str, str]
    """By name in lower case."""
    peer: str | None
    """The address of whoever is connected; None for a Unix socket."""


class Access:
    """The rules of a configuration."""

    def __init__(self, settings: PageSettings, language: str = LANGUAGES[0]) -> None:
        """Read the token. `language` is the configuration's. Raises ConfigError."""
        self._language = language
        self._token = read_token(settings)
        self._header = settings.user_header.lower() if settings.user_header else None
        trusted = [trusted_of(each) for each in settings.user_header_from]
        self._networks = [each for each in trusted if each is not None]
        self._trusts_socket = None in trusted
        place = listen_of(settings.listen)
        own = {place[0]} - _ANYWHERE if isinstance(place, tuple) else set()
        named = {*settings.allowed_hosts, *(f"[{each}]" if ":" in each else each for each in own)}
        self._hosts = _OF_THIS_MACHINE | {each.lower() for each in named}

    @property
    def by_token(self) -> bool:
        """Whether a token gives access."""
        return self._token is not None

    def judge(self, head: Head) -> Visitor | Refusal:
        """Return who asks, or why nothing is shown."""
        if len(head.hosts) != 1 or named_host(head.hosts[0]) not in self._hosts:
            return Refusal.HOST
        if self._token is None and self._header is None:
            # The configuration allows this on this machine only.
            return Visitor(is_operator=False, language=self._language)
        if self._token is not None and hmac.compare_digest(_given(head.headers), self._token):
            return Visitor(is_operator=True, language=self._language)
        if self._header is not None and self._trusts(head.peer):
            user = head.headers.get(self._header, "").strip()[:_LONGEST_USER]
            if user:
                return Visitor(is_operator=True, user=user, language=self._language)
        return Refusal.ACCESS

    def _trusts(self, peer: str | None) -> bool:
        if peer is None:
            return self._trusts_socket
        try:
            address = ipaddress.ip_address(peer.partition("%")[0])
        except ValueError:
            return False
        mapped = address.ipv4_mapped if isinstance(address, ipaddress.IPv6Address) else None
        return any((mapped or address) in network for network in self._networks)


def _given(headers: Mapping[str, str]) -> bytes:
    """Return the token of a request: as Bearer, or as the password of Basic, which browsers ask for."""
    scheme, _, value = headers.get("authorization", "").partition(" ")
    match scheme.lower():
        case "bearer":
            return value.strip().encode("utf-8", "replace")
        case "basic":
            try:
                return base64.b64decode(value.strip(), validate=True).partition(b":")[2]
            except (binascii.Error, ValueError):
                return b""
        case _:
            pass
    return b""


def read_token(settings: PageSettings) -> bytes | None:
    """Return the token, if there is one. Raises ConfigError for a file that is none, or open to others."""
    path = settings.token_file
    if path is None:
        return None

    def unusable(why: Problem) -> ConfigError:
        return ConfigError([problem("page_token_unusable", path=path, why=why)])

    try:
        with open_regular(path) as file:
            mode = os.fstat(file.fileno()).st_mode
            token = file.read(_LARGEST_TOKEN).strip()
    except OSError as error:
        raise unusable(file_problem(error).but(path=None)) from None
    if mode & stat.S_IRWXO:
        raise unusable(problem("page_token_exposed"))
    if len(token) < LEAST_TOKEN:
        raise unusable(problem("page_token_short", least=LEAST_TOKEN))
    return token
