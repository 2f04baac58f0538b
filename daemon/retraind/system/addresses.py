"""Web addresses: what is wrong with one that a person wrote, and how much of any can be shown.

A password may contain the characters that end it. So no part of an address is shown that cannot be parsed for
certain.
"""

import ipaddress
import re
from collections.abc import Collection, Iterable
from urllib.parse import urlsplit

HIDDEN = "(hidden)"
WEB = ("https", "http")
_SCHEME = re.compile(r"[a-z][a-z0-9+.-]*", re.IGNORECASE)
_UNFIT = re.compile(r"[\s\x00-\x1f\x7f\"<>\\^`{|}]")
"""Characters that no address contains unencoded. Libraries drop some of them, and then read another
address."""
_NO_SECRET = re.compile(r"(?:[a-z][a-z0-9+.-]*://)?[\w./~-]*", re.IGNORECASE)
"""A text without any character that separates a password from the rest."""
_HOST = re.compile(r"[\w.-]{1,253}")
_LONGEST_LABEL = 63


class UnreadableAddress(ValueError):
    """A text cannot be read as an address for certain. The message is a code, and shows nothing of the text.

    no_scheme, other_scheme: the scheme is missing, or is not one of those that are allowed. character: there
    is a space or another character that must be percent-encoded. host: the host or port cannot be read.
    password: there may be a password that ends too early.
    """


def place_of(address: str) -> str:
    """Return host and port of an address: the part that can be shown; empty where it cannot be read."""
    try:
        authority = _read(address)[1]
    except UnreadableAddress:
        return ""
    return authority.rpartition("@")[2]


def place_with_user(address: str) -> str:
    """Return what is between scheme and path, however it is written. Must not be shown."""
    return re.split(r"[/?#]", address.partition("://")[2], maxsplit=1)[0]


def host_of(address: str) -> str:
    """Return the host of an address in lower case, without brackets; empty where it cannot be parsed."""
    try:
        return urlsplit(address).hostname or ""
    except ValueError:
        return ""


def named_host(header: str) -> str:
    """Return the host of a Host header without its port, in lower case; nothing for what is no host."""
    host, colon, port = header.rpartition(":") if not header.endswith("]") else (header, "", "")
    if not colon:
        host = header
    elif not port.isdecimal():
        return ""
    return host.lower().removesuffix(".")


def shown(address: str) -> str:
    """Return an address without its user, password and query; hidden where these cannot be distinguished."""
    if _NO_SECRET.fullmatch(address):
        return address
    try:
        scheme, authority, path, _ = _read(address)
    except UnreadableAddress:
        return HIDDEN
    user, _, place = authority.rpartition("@")
    return f"{scheme}://{f'{HIDDEN}@' * bool(user)}{place}{path}"


def check_address(text: str, schemes: Collection[str] = WEB) -> None:
    """Raise UnreadableAddress unless a text that a person wrote is an address with one of these schemes."""
    scheme, _, _, _ = _read(text)
    if scheme.lower() not in schemes:
        raise UnreadableAddress("other_scheme")


def shown_value(value: object) -> object:
    """Return a value of the configuration as messages show it: possible addresses without their secrets."""
    if isinstance(value, str):
        return shown(value) if _may_be_address(value) else value
    if isinstance(value, Iterable):
        return [shown_value(each) for each in value]
    return value


def _may_be_address(text: str) -> bool:
    return "://" in text or ("@" in text and not text.startswith(("/", "~")))


def _read(address: str) -> tuple[str, str, str, str]:
    """Parse an address into scheme, user and place, path, and the rest. Raises UnreadableAddress."""
    if _UNFIT.search(address):
        raise UnreadableAddress("character")
    try:
        parts = urlsplit(address)
        host, port = parts.hostname, parts.port
    except ValueError:
        raise UnreadableAddress("host") from None
    if not _SCHEME.fullmatch(parts.scheme) or not address.lower().startswith(f"{parts.scheme}://"):
        raise UnreadableAddress("no_scheme")
    if not host or not _is_host(host) or port == 0:
        raise UnreadableAddress("host")
    read = address[: len(parts.scheme)], parts.netloc, parts.path, f"{parts.query}{parts.fragment}"
    if "@" in f"{parts.path}{read[3]}":
        before = address.removeprefix(f"{read[0]}://").rpartition("@")[0]
        # Teams has webhooks with such a path; their hosts have a dot, and there is no colon in front of it.
        if ":" in before or "." not in host:
            raise UnreadableAddress("password")
    return read


def _is_host(host: str) -> bool:
    if ":" in host:
        try:
            ipaddress.IPv6Address(host)
        except ValueError:
            return False
        return True
    labels = host.removesuffix(".").split(".")
    return bool(_HOST.fullmatch(host)) and all(0 < len(label) <= _LONGEST_LABEL for label in labels)
