"""What the service's answers mean: the vendor's error table, each row with the action it asks for.

The vendor documents code, error and message; only the message tells the rows apart. Whatever the table does not
know is judged by the HTTP status alone.
"""

import re
from collections.abc import Callable, Mapping
from datetime import UTC, datetime, timedelta
from email.utils import parsedate_to_datetime
from http import HTTPStatus
from types import MappingProxyType

from retraind.errors import Hold, JobFailed, Retry, Scope, Setback

_LONGEST_WAIT = timedelta(days=1)


def _credential(what: str) -> Callable[[], Setback]:
    remedy = (
        "Fetch a new API key on the service's screen and put it where the old one was; retraind notices by itself. "
        "Keys end 30 days after they were issued."
    )
    return lambda: Hold(what, remedy, scope=Scope.MODEL, credential=True)


def _model(what: str, remedy: str) -> Callable[[], Setback]:
    return lambda: Hold(what, remedy, scope=Scope.MODEL)


def _job(what: str, remedy: str, *, restart: bool = True) -> Callable[[], Setback]:
    return lambda: JobFailed(what, remedy, restart=restart)


_RELEASE = "When that is mended, run: retraind release MODEL"

TABLE: Mapping[str, Callable[[], Setback]] = MappingProxyType(
    {
        "invalid_api_key": _credential("The service does not know the API key."),
        "inactive_credential": _credential("The service says the API key is wrong or has expired."),
        "not_found_credential": _credential("The service says the API key is wrong."),
        "this user may be deleted": _credential("The service says the account may have been deleted."),
        "this model may be deleted": _model(
            "The service says the model may have been deleted.",
            f"Check on the service's screen whether the model still exists. {_RELEASE}",
        ),
        "this job may be deleted": _job(
            "The service says the retrain job may have been deleted.",
            "Run: retraind retry JOB, to have the data trained anew.",
        ),
        "not found retrain job": _job(
            "The service does not know the retrain job (any more).",
            "Run: retraind retry JOB, to have the data trained anew.",
        ),
        "not found classifier": _job(
            "The published model's API no longer exists, so it cannot be switched. The training itself succeeded.",
            "Publish the model again on the service's screen, then run: retraind retry JOB",
            restart=False,
        ),
        "retrain job is not finished": lambda: Retry(
            "The service says the retrain job has not finished yet."
        ),
        "model id is required": _model(
            "The service misses the model's id.", f"Set model_id in the configuration. {_RELEASE}"
        ),
        "not found configuration_file": _model(
            "The service has lost the model's configuration file.",
            f"Check the model on the service's screen, or ask its support. {_RELEASE}",
        ),
    }
)
"""Vendor's manual: error messages of the Retrain Data Upload, Status Check, Model Switch and Get API Key calls."""


def normal_form(message: str) -> str:
    """Return a message without regard to case, white space and the full stop."""
    return re.sub(r"\s+", " ", message).strip().rstrip(".").strip().casefold()


def judge(status: int, message: str | None, retry_after: str | None, now: datetime) -> Setback:
    """Return what to do about an answer that is not a success.

    `message` is the service's own, if it gave one; `retry_after` the header's text; `now` counts for its date form.
    """
    if message and (row := TABLE.get(normal_form(message))):
        return row()
    said = f' and says "{message}"' if message else ""
    name = f"HTTP {status} ({_phrase(status)})"
    if status in {HTTPStatus.TOO_MANY_REQUESTS, HTTPStatus.REQUEST_TIMEOUT} or status >= 500:  # noqa: PLR2004
        return Retry(f"The service answers {name}{said}.", after=wait_asked_for(retry_after, now))
    if status in {HTTPStatus.UNAUTHORIZED, HTTPStatus.FORBIDDEN}:
        return Hold(
            f"The service refuses the API key: {name}{said}.",
            "Check the key, and whether a proxy or firewall answers in the service's place.",
            credential=True,
        )
    if 300 <= status < 400:  # noqa: PLR2004
        return Retry(
            f"The service's address answers with a redirect, {name}, which is not followed.",
            "Check api.base_url, and whether a proxy or a sign-in page answers in the service's place.",
        )
    return Hold(
        f"The service answers {name}{said}, which its manual does not explain.",
        f"Check api.base_url and the service's announcements. {_RELEASE}",
    )


def wait_asked_for(retry_after: str | None, now: datetime) -> timedelta | None:
    """Read a Retry-After header, seconds or an HTTP date; None when absent or unreadable. At most a day."""
    if not retry_after:
        return None
    if retry_after.strip().isdecimal():
        seconds = min(int(retry_after), int(_LONGEST_WAIT.total_seconds()))
        return timedelta(seconds=seconds)
    try:
        moment = parsedate_to_datetime(retry_after)
    except ValueError:
        return None
    moment = moment if moment.tzinfo else moment.replace(tzinfo=UTC)
    return min(max(moment - now, timedelta(0)), _LONGEST_WAIT)


def _phrase(status: int) -> str:
    try:
        return HTTPStatus(status).phrase
    except ValueError:
        return "unknown"
