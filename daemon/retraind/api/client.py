"""The vendor's four calls over requests. Knows how to ask and how to read the answer, not when or why to ask.

A GET is repeated once when its connection breaks; further tries are the pipeline's, which notes them in the
journal. Every failure is raised as a `Setback`, without the request's address and headers: these carry
secrets.
"""

import re
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from typing import Annotated, Any, Protocol, TypeVar
from urllib.parse import quote

import requests
from pydantic import (
    BaseModel,
    ConfigDict,
    Field,
    HttpUrl,
    TypeAdapter,
    ValidationError,
    ValidatorFunctionWrapHandler,
    WrapValidator,
)

from retraind.api.circuit_breaker import Breaker
from retraind.api.error_table import is_web_page, judge, message_in, shortened
from retraind.api.failures import NETWORK_ERRORS, Unreadable, network_retry
from retraind.api.http import Caller, new_session
from retraind.api.redaction import can_be_key, fingerprint, hidden, holds
from retraind.config.settings import ApiSettings
from retraind.domain.failures import Hold, Party, Retry
from retraind.domain.problems import problem
from retraind.system import log
from retraind.system.addresses import place_with_user
from retraind.system.clock import Clock
from retraind.system.escape import display

LARGEST_ANSWER = 1 << 20
"""Bytes of a JSON answer that are read; the documented answers have fewer than a thousand."""

_HTTP_URL = TypeAdapter(HttpUrl)
_SECOND_DIGITS, _MILLISECOND_DIGITS = 10, 13
_DATE_DIGITS = {8: "%Y%m%d", 14: "%Y%m%d%H%M%S"}


class _Answer(BaseModel):
    """Unknown fields are ignored: the vendor may add some."""

    model_config = ConfigDict(frozen=True, extra="ignore")


_AnswerT = TypeVar("_AnswerT", bound=_Answer)


def _or_none(value: Any, read: ValidatorFunctionWrapHandler) -> Any:
    """Treat an optional field of the wrong type as absent, rather than refuse the complete answer."""
    try:
        return read(value)
    except ValidationError:
        return None


_LONGEST_ID = 1_000
_LONGEST_WORD = 100
_EMPTY = "(empty)"
_NotEmpty = Annotated[str, Field(min_length=1, max_length=_LONGEST_ID)]
_Number = Annotated[int | None, WrapValidator(_or_none)]
_Text = Annotated[str | None, WrapValidator(_or_none)]


class _Named(_Answer):
    """Which retrain job an answer is about."""

    retrain_job_id: _Text = None


_Metadata = Annotated[_Named | None, WrapValidator(_or_none)]


class Registration(_Answer):
    """A retrain job that waits for its data."""

    retrain_job_id: _NotEmpty
    upload_url: str = Field(repr=False)
    """A pre-signed address, and so a secret."""


class TrainingStatus(_Answer):
    """What the service reports of a retrain job."""

    status: str
    model_id: _Number = None
    message: _Text = None
    download_url: _Text = Field(default=None, repr=False)
    """A pre-signed address, and so a secret."""
    metadata: _Metadata = Field(default=None, repr=False)


class _Key(_Answer):
    api_key: str = Field(repr=False, pattern=r"^[\x21-\x7e]+$", max_length=4096)
    end_date: Any = None


class _Done(_Answer):
    metadata: _Metadata = None


@dataclass(frozen=True)
class IssuedKey:
    """An API key from the Get API Key call."""

    value: str = field(repr=False)
    ends_at: datetime | None
    """None when the service's `end_date` could not be read; its format is undocumented."""


class Service(Protocol):
    """The four calls. All may raise Retry, Hold or JobFailed.

    `status` and `switch` may be repeated without any effect; the others leave an unused retrain job or key
    behind.
    """

    def register(self, file_name: str, api_key: str) -> Registration:
        """Open a retrain job, with an address to upload `file_name` to. A complete upload starts it."""

    def status(self, retrain_job_id: str, api_key: str) -> TrainingStatus:
        """Ask how a retrain job is doing."""

    def switch(self, retrain_job_id: str, api_key: str) -> None:
        """Make a finished retrain job's model the published one."""

    def issue_key(self, model_id: int, secret_key: str) -> IssuedKey:
        """Have a new API key issued for a model, with the account's secret key."""


class ApiClient(Caller):
    """`Service` over HTTP. Safe to use from several threads."""

    def __init__(
        self, settings: ApiSettings, clock: Clock | None = None, breaker: Breaker | None = None
    ) -> None:
        super().__init__(settings, clock, breaker)
        self._base = str(settings.base_url).rstrip("/")
        self._host = settings.host
        self._idle: list[requests.Session] = []
        self._is_closed = False
        self._lock = threading.Lock()

    def close(self) -> None:
        """Close all pooled connections; those in use close once they are not."""
        with self._lock:
            self._is_closed = True
            for session in self._idle:
                session.close()
            self._idle.clear()

    def register(self, file_name: str, api_key: str) -> Registration:
        """Call 1, Retrain Data Upload."""
        answer = self._call(Registration, "GET", "retrain_jobs/upload_url", api_key, {"filename": file_name})
        try:
            _HTTP_URL.validate_python(answer.upload_url)
        except ValidationError:
            raise Retry(problem("upload_address_missing", host=self._host)) from None
        if answer.retrain_job_id in {".", ".."}:
            # As a part of a path, it would lead to another call.
            raise Retry(problem("retrain_job_id_unusable", host=self._host))
        self._refuse_echo(api_key, answer.retrain_job_id, place_with_user(answer.upload_url))
        return answer

    def status(self, retrain_job_id: str, api_key: str) -> TrainingStatus:
        """Call 2, Retrain Status Check."""
        path = f"retrain_jobs/{quote(retrain_job_id, safe='')}"
        answer = self._call(TrainingStatus, "GET", path, api_key)
        self._refuse_other(retrain_job_id, answer.metadata)
        self._refuse_echo(api_key, place_with_user(answer.download_url or ""))
        message = shortened(answer.message, api_key) if answer.message else answer.message
        # The word is compared as it is, shown and kept.
        word = log.mask(hidden(answer.status[: 10 * _LONGEST_WORD], api_key))
        # No word is kept as "": that is what an unknown retrain job has.
        word = display(word[:_LONGEST_WORD]) or _EMPTY
        return answer.model_copy(update={"status": word, "message": message})

    def switch(self, retrain_job_id: str, api_key: str) -> None:
        """Call 3, Retrain Model Switch."""
        path = f"retrain_jobs/{quote(retrain_job_id, safe='')}/update_model"
        answer = self._call(_Done, "PUT", path, api_key)
        self._refuse_other(retrain_job_id, answer.metadata)

    def issue_key(self, model_id: int, secret_key: str) -> IssuedKey:
        """Call 4, Get API Key."""
        parameters = {"credential_type": "retrain", "model_id": str(model_id)}
        answer = self._call(_Key, "GET", "api-key", secret_key, parameters)
        return IssuedKey(answer.api_key, read_end_date(answer.end_date))

    @contextmanager
    def _session(self) -> Iterator[requests.Session]:
        """Lend a session to one thread at a time: requests does not promise that several can share one.

        There are never more than were needed at the same time. Threads come and go, for years.
        """
        with self._lock:
            session = self._idle.pop() if self._idle else None
        if session is None:
            session = new_session(self._settings)
        try:
            yield session
        finally:
            with self._lock:
                if self._is_closed:
                    session.close()
                else:
                    self._idle.append(session)

    def _call(
        self,
        kind: type[_AnswerT],
        method: str,
        path: str,
        key: str,
        parameters: dict[str, str] | None = None,
    ) -> _AnswerT:
        if not can_be_key(key):
            raise Hold(problem("key_unusable"), credential=True)
        with self._breaker.guard(self._host):
            try:
                return self._ask(kind, method, path, key, parameters)
            except Hold as hold:
                if hold.refused:
                    hold.shown = fingerprint(key)
                raise

    def _ask(
        self,
        kind: type[_AnswerT],
        method: str,
        path: str,
        key: str,
        parameters: dict[str, str] | None,
    ) -> _AnswerT:
        try:
            with (
                self._session() as session,
                session.request(
                    method,
                    f"{self._base}/v1/external/{path}{_query(parameters or {})}",
                    headers={"x-api-key": key, "Accept": "application/json"},
                ) as response,
            ):
                body = response.raw.read(LARGEST_ANSWER + 1, decode_content=True)
        except NETWORK_ERRORS as error:
            raise network_retry(error, Party.SERVICE, self._host) from None
        if len(body) > LARGEST_ANSWER:
            raise Retry(problem("response_too_long", host=self._host, most=LARGEST_ANSWER))
        if not 200 <= response.status_code < 300:  # noqa: PLR2004
            message = message_in(body)
            said = shortened(message, key) if message else None
            retry_after = response.headers.get("Retry-After")
            raise judge(self._host, response.status_code, said, retry_after, self._clock.now())
        try:
            return kind.model_validate_json(body or b"(empty)")
        except ValidationError:
            raise unreadable(body, self._host) from None

    def _refuse_other(self, retrain_job_id: str, metadata: _Named | None) -> None:
        """Raise Unreadable for an answer that says that it is about another retrain job."""
        if metadata and metadata.retrain_job_id not in {None, retrain_job_id}:
            raise Unreadable(problem("other_retrain_job_answered", host=self._host))

    def _refuse_echo(self, api_key: str, *names: str) -> None:
        """Raise Retry if the service's answer has the key in what is kept, shown, or asked of others."""
        if any(holds(name, api_key) for name in names):
            raise Retry(problem("key_echoed", host=self._host))


def _query(parameters: dict[str, str]) -> str:
    """Percent-encode parameters: a space as %20, since not every server takes + for one in a query.

    What is not UTF-8 in a file's name cannot be sent; the service needs the name only for its extension.
    """
    pairs = (
        f"{name}={quote(value.encode('utf-8', 'surrogateescape').decode('utf-8', 'replace'), safe='')}"
        for name, value in parameters.items()
    )
    return "?" + "&".join(pairs) if parameters else ""


def unreadable(body: bytes, host: str) -> Retry:
    """Return the Retry for a success that is not what the manual says, by what it looks like."""
    start = body[:200].lstrip()
    if is_web_page(start):
        return Retry(problem("web_page_returned", party=Party.SERVICE, host=host))
    if start.startswith((b"{", b"[")):
        return Unreadable(problem("response_incomplete", host=host))
    return Unreadable(problem("response_not_json" if body else "response_empty", host=host))


def read_end_date(value: object) -> datetime | None:
    """Read the Get API Key call's `end_date`, whose format is undocumented; None when it is unreadable.

    A date means its beginning, and a time without a zone is UTC: keys are renewed days before.
    """
    text = ""
    if isinstance(value, str):
        text = value.strip().replace("/", "-")
    with suppress(ValueError, OverflowError, OSError):
        if isinstance(value, int | float) and not isinstance(value, bool):
            text = str(int(value))
        if text.isascii() and text.isdigit():
            found = _from_digits(text)
        elif re.match("[A-Z][a-z]{2}", text):
            found = parsedate_to_datetime(text)
        else:
            found = datetime.fromisoformat(text)
        return (found if found.tzinfo else found.replace(tzinfo=UTC)).astimezone(UTC)
    return None


def _from_digits(text: str) -> datetime:
    """Read 20261231, 20261231235959, or seconds or milliseconds since 1970. Raises ValueError."""
    match len(text):
        case length if length in _DATE_DIGITS:
            return datetime.strptime(text, _DATE_DIGITS[length]).replace(tzinfo=UTC)
        case length if length == _SECOND_DIGITS:
            return datetime.fromtimestamp(int(text), UTC)
        case length if length == _MILLISECOND_DIGITS:
            return datetime.fromtimestamp(int(text) / 1000, UTC)
        case _:
            raise ValueError("not a moment")
