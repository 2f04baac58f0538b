"""The vendor's four calls over requests. Knows how to ask and how to read the answer, not when or why to ask.

Retries in here are limited to one repetition of a GET on a broken pooled connection; everything longer is decided
by the pipeline, which remembers it in the journal. Every failure is raised as one of `errors.Setback`, worded
without the request's address or headers, since these carry secrets.
"""

import platform
import threading
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, date, datetime
from typing import Any, Protocol, TypeVar
from urllib.parse import quote, urlsplit

import requests
import urllib3.exceptions
from pydantic import BaseModel, ConfigDict, HttpUrl, TypeAdapter, ValidationError
from requests.adapters import HTTPAdapter
from urllib3.util import Retry as Urllib3Retry

import retraind
from retraind.api.answers import judge
from retraind.clock import Clock
from retraind.errors import Retry, Setback
from retraind.settings import ApiSettings

USER_AGENT = f"retraind/{retraind.__version__} (Python {platform.python_version()})"
LARGEST_ANSWER = 1 << 20
"""Bytes of a JSON answer that are read; the documented ones are below one thousand."""

_HTTP_URL = TypeAdapter(HttpUrl)


class _Answer(BaseModel):
    """Unknown fields are let pass: the vendor may add some."""

    model_config = ConfigDict(frozen=True, extra="ignore")


_AnswerT = TypeVar("_AnswerT", bound=_Answer)


class Registration(_Answer):
    """A retrain job that waits for its data."""

    retrain_job_id: str
    upload_url: str
    """A pre-signed address, and so a secret."""


class TrainingStatus(_Answer):
    """What the service says of a retrain job."""

    status: str
    model_id: int | None = None
    message: str | None = None
    download_url: str | None = None
    """A pre-signed address, and so a secret."""


class _Key(_Answer):
    api_key: str
    end_date: Any = None


class _Done(_Answer):
    pass


@dataclass(frozen=True)
class IssuedKey:
    """An API key from the Get API Key call."""

    value: str
    ends_at: datetime | None
    """None when the service's `end_date` could not be read; its format is undocumented."""


class Service(Protocol):
    """The four calls. All may raise Retry, Hold or JobFailed; all but `register` and `issue_key` may be repeated
    without any effect, and these two leave only an unused retrain job or key behind."""

    def register(self, file_name: str, api_key: str) -> Registration:
        """Ask for an address to upload `file_name` to. Starts nothing until the upload is complete."""

    def status(self, retrain_job_id: str, api_key: str) -> TrainingStatus:
        """Ask how a retrain job is doing."""

    def switch(self, retrain_job_id: str, api_key: str) -> None:
        """Make a finished retrain job's model the published one."""

    def issue_key(self, model_id: int, secret_key: str) -> IssuedKey:
        """Have a new API key issued for a model, with the account's secret key."""


def new_session(settings: ApiSettings) -> requests.Session:
    """Return a session with the configured proxy and CA, that never adds credentials of its own from ~/.netrc."""
    session = requests.Session()
    session.headers["User-Agent"] = USER_AGENT
    session.auth = lambda request: request
    if settings.proxy:
        session.proxies = {"http": settings.proxy, "https": settings.proxy}
    if settings.ca_bundle:
        session.verify = str(settings.ca_bundle)
        # The environment's REQUESTS_CA_BUNDLE would win over session.verify.
        session.trust_env = False
    stale = Urllib3Retry(total=1, connect=0, read=1, status=0, redirect=0, other=0, allowed_methods={"GET"})
    adapter = HTTPAdapter(pool_connections=4, pool_maxsize=32, max_retries=stale)
    session.mount("https://", adapter)
    session.mount("http://", adapter)
    return session


def word_failure(error: requests.RequestException, whom: str) -> str:
    """Say what went wrong on the network, from the kind of error alone: its text would show the address."""
    match error:
        case requests.exceptions.ProxyError():
            return f"The proxy on the way to {whom} does not let the connection through."
        case requests.exceptions.SSLError():
            return f"The TLS certificate of {whom} could not be verified."
        case requests.exceptions.ConnectTimeout():
            return f"Connecting to {whom} took too long."
        case requests.exceptions.Timeout():
            return f"The connection to {whom} stayed silent for too long."
        case requests.exceptions.ConnectionError() if "NameResolution" in repr(error):
            return f"The name of {whom} could not be resolved."
        case requests.exceptions.ConnectionError() if "refused" in repr(error):
            return f"The connection to {whom} was refused."
        case requests.exceptions.ConnectionError() | requests.exceptions.ChunkedEncodingError():
            return f"The connection to {whom} broke off."
        case _:
            return f"The request to {whom} failed ({type(error).__name__})."


def never_connected(error: requests.RequestException) -> bool:
    """Tell whether the failure came before the first byte of the request was sent."""
    if isinstance(error, requests.exceptions.ConnectTimeout | requests.exceptions.ProxyError):
        return True
    causes = ("NameResolution", "NewConnectionError")
    return isinstance(error, requests.exceptions.ConnectionError) and any(
        name in repr(error) for name in causes
    )


def network_retry(error: requests.RequestException, whom: str) -> Retry:
    """Return the Retry for a failure of the network."""
    remedy = ""
    if isinstance(error, requests.exceptions.SSLError):
        remedy = "Where a company proxy inspects TLS, name its certificate in api.ca_bundle."
    return Retry(word_failure(error, whom), remedy)


class ApiClient:
    """`Service` over HTTP. Safe to use from several threads."""

    def __init__(self, settings: ApiSettings, clock: Clock | None = None) -> None:
        self._settings = settings
        self._clock = clock or Clock()
        self._base = str(settings.base_url).rstrip("/")
        self._host = urlsplit(self._base).netloc
        self._timeout = (settings.connect_timeout.total_seconds(), settings.timeout.total_seconds())
        # requests.Session keeps cookies and is not promised to be safe across threads: one each.
        self._local = threading.local()
        self._sessions: list[requests.Session] = []
        self._lock = threading.Lock()

    def close(self) -> None:
        """Close all pooled connections."""
        with self._lock:
            for session in self._sessions:
                session.close()
            self._sessions.clear()

    def register(self, file_name: str, api_key: str) -> Registration:
        """Call 1, Retrain Data Upload."""
        answer = self._call(Registration, "GET", "retrain_jobs/upload_url", api_key, {"filename": file_name})
        try:
            _HTTP_URL.validate_python(answer.upload_url)
        except ValidationError:
            raise Retry("The service's answer holds no usable upload address.") from None
        return answer

    def status(self, retrain_job_id: str, api_key: str) -> TrainingStatus:
        """Call 2, Retrain Status Check."""
        return self._call(TrainingStatus, "GET", f"retrain_jobs/{quote(retrain_job_id, safe='')}", api_key)

    def switch(self, retrain_job_id: str, api_key: str) -> None:
        """Call 3, Retrain Model Switch."""
        self._call(_Done, "PUT", f"retrain_jobs/{quote(retrain_job_id, safe='')}/update_model", api_key)

    def issue_key(self, model_id: int, secret_key: str) -> IssuedKey:
        """Call 4, Get API Key."""
        parameters = {"credential_type": "retrain", "model_id": str(model_id)}
        answer = self._call(_Key, "GET", "api-key", secret_key, parameters)
        return IssuedKey(answer.api_key, read_end_date(answer.end_date))

    def _session(self) -> requests.Session:
        session: requests.Session | None = getattr(self._local, "session", None)
        if session is None:
            session = new_session(self._settings)
            self._local.session = session
            with self._lock:
                self._sessions.append(session)
        return session

    def _call(
        self,
        kind: type[_AnswerT],
        method: str,
        path: str,
        key: str,
        parameters: dict[str, str] | None = None,
    ) -> _AnswerT:
        whom = f"the service ({self._host})"
        try:
            with self._session().request(
                method,
                f"{self._base}/v1/external/{path}",
                params=parameters,
                headers={"x-api-key": key, "Accept": "application/json"},
                timeout=self._timeout,
                allow_redirects=False,
                stream=True,
            ) as response:
                body = response.raw.read(LARGEST_ANSWER + 1, decode_content=True)
        except requests.RequestException as error:
            raise network_retry(error, whom) from None
        except (OSError, urllib3.exceptions.HTTPError) as error:
            raise Retry(f"The answer of {whom} broke off ({type(error).__name__}).") from None
        if len(body) > LARGEST_ANSWER:
            raise Retry(
                f"The answer of {whom} is longer than {LARGEST_ANSWER} bytes, which no documented answer is.",
                "Check api.base_url, and whether a proxy answers in the service's place.",
            )
        if response.status_code != requests.codes.ok:
            raise self._judge(response, body)
        try:
            return kind.model_validate_json(body or b"(empty)")
        except ValidationError:
            raise unreadable(body, whom) from None

    def _judge(self, response: requests.Response, body: bytes) -> Setback:
        message = None
        with suppress(ValidationError):
            message = _Error.model_validate_json(body).message
        return judge(response.status_code, message, response.headers.get("Retry-After"), self._clock.now())


class _Error(_Answer):
    message: str | None = None


def unreadable(body: bytes, whom: str) -> Retry:
    """Return the Retry for a success answer that is not what the manual says, and say what it looks like."""
    start = body[:200].lstrip().lower()
    if not body:
        what = f"The answer of {whom} is empty."
    elif start.startswith((b"<!doctype", b"<html")):
        what = f"The answer of {whom} is a web page instead of data."
    elif start.startswith((b"{", b"[")):
        what = f"The answer of {whom} is cut off or lacks a documented field."
    else:
        what = f"The answer of {whom} is not JSON."
    return Retry(what, "If this stays so, a proxy or sign-in page may be answering in the service's place.")


def read_end_date(value: object) -> datetime | None:
    """Read the Get API Key call's `end_date`, whose format the vendor leaves open; None when it is unreadable.

    A date without a time counts from its beginning: renewing a day early is harmless.
    """
    for kind in (datetime, date):
        with suppress(ValidationError):
            found = TypeAdapter(kind).validate_python(
                value.replace("/", "-") if isinstance(value, str) else value
            )
            if not isinstance(found, datetime):
                found = datetime(found.year, found.month, found.day, tzinfo=UTC)
            return found if found.tzinfo else found.replace(tzinfo=UTC)
    return None
