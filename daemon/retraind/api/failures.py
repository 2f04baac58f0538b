"""What can go wrong between this machine and others. One map leads from the libraries' errors to our own.

    Setback                  what to do next (domain/failures.py)
      · Retry
          · Unreadable       a success whose body is not the documented one
          · NoResults        the training has finished, and what came as its results is of no use
          · NotSent          an upload failed
              · NotStored    the object store certainly does not have the file
              · InDoubt      only the service knows whether the object store has it
      · Hold
      · JobFailed
          · NotKnown         the service does not know the retrain job
      · AddressExpired       another pre-signed address has to be asked for

A failure's facts come from the kind of an error alone: its text would show addresses.
"""

import ssl
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from http import HTTPStatus
from typing import Any, NamedTuple

from requests import exceptions as requests
from urllib3 import exceptions as urllib3

from retraind.api import proxies
from retraind.api.answers import AnswerEndless, counted_too_many
from retraind.api.certificates import CertificatesUnreadable
from retraind.api.proxies import ProxyRefused
from retraind.domain.failures import JobFailed, Party, Retry, Setback
from retraind.domain.problems import problem


class Unreadable(Retry):
    """A success whose body is not the documented one: the call may well have taken effect."""


class NoResults(Retry):
    """The training has finished, and there is no address of its results, or nothing complete behind it."""


class NotKnown(JobFailed):
    """The service does not know the retrain job. It may answer so as long as nothing was uploaded."""


@dataclass
class AddressExpired(Setback):
    """The pre-signed address no longer works; another one has to be asked for."""


@dataclass
class NotSent(Retry):
    """An upload that failed."""

    address_refused: bool = False
    """True when the answer says that another try with the same address is of no use."""


@dataclass
class NotStored(NotSent):
    """No byte of the file left this machine: the store does not have it, so sending it again is safe."""


@dataclass
class InDoubt(NotSent):
    """Some of the file was sent. Whatever was answered, only the service knows whether the store has it."""


NetworkError = requests.RequestException | urllib3.HTTPError
"""All that a request, or reading its answer, raises."""
NETWORK_ERRORS = (requests.RequestException, urllib3.HTTPError)


class _Row(NamedTuple):
    errors: tuple[type[BaseException], ...]
    code: str
    effect: bool = True
    """False when not even the first byte of the request was sent."""
    of_host: bool = True
    """False when another request to the same host may well succeed."""


_MAP = (
    _Row((CertificatesUnreadable,), "certificates_unreadable", effect=False, of_host=False),
    _Row((requests.InvalidProxyURL,), "proxy_address_unusable", effect=False, of_host=False),
    _Row((requests.ProxyError, urllib3.ProxyError), "proxy_failed", effect=False),
    _Row((ssl.SSLCertVerificationError,), "certificate_not_trusted", effect=False),
    _Row((requests.SSLError, urllib3.SSLError, ssl.SSLError), "tls_failed"),
    _Row((urllib3.NameResolutionError,), "name_not_resolved", effect=False),
    _Row((ConnectionRefusedError,), "connection_refused", effect=False),
    _Row((urllib3.NewConnectionError,), "no_route", effect=False),
    _Row((requests.ConnectTimeout, urllib3.ConnectTimeoutError), "connect_timed_out", effect=False),
    _Row((requests.Timeout, urllib3.ReadTimeoutError, TimeoutError), "connection_stalled"),
    _Row((AnswerEndless,), "response_endless", of_host=False),
    _Row((requests.ContentDecodingError, urllib3.DecodeError), "response_not_decompressed", of_host=False),
    _Row(
        (requests.InvalidURL, requests.MissingSchema, requests.InvalidSchema, urllib3.LocationParseError),
        "address_unusable", effect=False, of_host=False,
    ),
    _Row((requests.ConnectionError, requests.ChunkedEncodingError, urllib3.ProtocolError), "connection_lost"),
    _Row((BaseException,), "request_failed"),
)  # fmt: skip
"""The first row with one of an error's causes counts: a time-out of connecting is also a time-out."""


def network_retry(error: NetworkError, party: Party, host: str) -> Retry:
    """Return the Retry for a failure of the network."""
    causes = tuple(_causes_of(error))
    kinds = tuple(AnswerEndless if counted_too_many(cause) else type(cause) for cause in causes)
    row = next(row for row in _MAP if any(issubclass(kind, row.errors) for kind in kinds))
    facts: dict[str, Any] = {"party": party, "host": host, **_progress(causes), "kind": type(error).__name__}
    facts |= proxies.facts_of(error)
    if isinstance(error, CertificatesUnreadable):
        facts |= error.facts
    code = row.code
    if isinstance(error, ProxyRefused):
        denied = error.status == HTTPStatus.PROXY_AUTHENTICATION_REQUIRED
        code = "proxy_requires_authentication" if denied else "proxy_refused"
    return Retry(problem(code, **facts), effect=row.effect, of_host=row.of_host)


def _causes_of(error: BaseException) -> Iterator[BaseException]:
    """Yield an error and all it was made from, outermost first."""
    yield error
    seen: list[BaseException] = []
    for cause in (*error.args, getattr(error, "reason", None), error.__cause__):
        if isinstance(cause, BaseException) and not any(cause is other for other in seen):
            seen.append(cause)
            yield from _causes_of(cause)


def _progress(causes: Sequence[BaseException]) -> dict[str, int]:
    """Return how many bytes of a body came, and how many there should have been, where that is known."""
    for cause in causes:
        if isinstance(cause, urllib3.IncompleteRead) and isinstance(cause.expected, int):
            return {"received": cause.partial, "expected": cause.partial + cause.expected}
    return {}
