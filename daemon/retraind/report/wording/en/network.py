"""The network: why a request gets no answer, and where requests may go."""

from datetime import datetime
from typing import Literal

from retraind.domain.failures import Party
from retraind.report.wording.en._parts import moment, whom
from retraind.report.wording.words import Host, Name, Said, Words

_TLS = "If a company proxy inspects TLS, name its certificate in api.ca_bundle."
_REACHES = {
    "private": "an address of a private network",
    "loopback": "this machine itself (loopback)",
    "closed": "a link-local, multicast or unspecified address",
}


def proxy_address_unusable(party: Party, host: Host) -> Words:
    return Words(
        f"The address of the proxy on the way to {whom(party, host)} cannot be used.",
        "Correct api.proxy, or the variable that names the proxy, such as HTTPS_PROXY.",
        operator_only=True,
    )


def proxy_failed(party: Party, host: Host) -> str:
    return f"The proxy on the way to {whom(party, host)} cannot be reached or refuses the connection."


def certificate_not_trusted(party: Party, host: Host) -> Words:
    return Words(f"The TLS certificate of {whom(party, host)} cannot be verified.", _TLS, operator_only=True)


def tls_failed(party: Party, host: Host) -> Words:
    return Words(f"A TLS connection to {whom(party, host)} cannot be set up.", _TLS, operator_only=True)


def name_not_resolved(party: Party, host: Host) -> str:
    return f"The host name of {whom(party, host)} cannot be resolved."


def connection_refused(party: Party, host: Host) -> str:
    return f"The connection to {whom(party, host)} was refused."


def no_route(party: Party, host: Host) -> str:
    return f"The network has no route to {whom(party, host)}."


def connect_timed_out(party: Party, host: Host) -> str:
    return f"Connecting to {whom(party, host)} timed out."


def connection_stalled(party: Party, host: Host) -> str:
    return f"The connection to {whom(party, host)} timed out: it was silent for too long."


def response_not_decompressed(party: Party, host: Host) -> str:
    return f"The response from {whom(party, host)} cannot be decompressed."


def address_unusable(party: Party, host: Host) -> str:
    return f"The address of {whom(party, host)} cannot be used."


def connection_lost(
    party: Party, host: Host, received: int | None = None, expected: int | None = None
) -> str:
    """`received` and `expected` are the bytes of the response, where they are known."""
    known = received is not None and expected is not None
    progress = f" after {received:,} of {expected:,} bytes" if known else ""
    return f"The connection to {whom(party, host)} was lost{progress}."


def request_failed(party: Party, host: Host, kind: Name) -> str:
    """`kind` is the library's name for the error."""
    return f"The request to {whom(party, host)} failed ({kind})."


def host_failing(host: Host, since: datetime, last: Said) -> Words:
    return Words(
        f"{host} has been failing since {moment(since)}. Until it recovers, retraind tries it from time to "
        f"time. Last error: {last.what}",
        last.remedy,
    )


def address_not_allowed(
    host: Host,
    purpose: Literal["upload", "results"],
    reach: Literal["private", "loopback", "closed"] | None,
    allow: Name,
    job: str,
) -> Words:
    """`reach` is where the address leads, None for one without https; `allow` is for allow_hosts."""
    why = (
        f"leads to {_REACHES[reach]}, where base_url does not lead"
        if reach
        else "does not use https, as base_url does"
    )
    return Words(
        f"The service named an address for the {purpose} that is not allowed: its host ({host}) {why}. "
        "Nothing was sent there.",
        f'If the service is meant to name this host, add "{allow}" to allow_hosts in [api] and restart '
        f"retraind. retraind also tries again within hours. To try now, run: retraind release {job}",
        operator_only=True,
    )


def keys_unencrypted(host: Host) -> Words:
    return Words(
        f"API keys and data are sent to http://{host} unencrypted.",
        "Write https:// if the service supports it.",
    )


def data_unencrypted(host: Host) -> Words:
    """`host` is an entry of allow_hosts."""
    return Words(
        f"Data may be sent to {host} unencrypted.", "Write the host without http:// if it supports https."
    )
