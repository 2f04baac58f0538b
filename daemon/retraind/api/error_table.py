"""What the service's answers mean: the vendor's error table, each row with the action it asks for.

The vendor documents code, error and message; only the message tells the rows apart. Whatever the table does not
know is judged by the HTTP status alone, and never as permanent: a proxy may have answered, and for a moment only.
"""

import re
from collections.abc import Callable, Iterator, Mapping
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from email.utils import parsedate_to_datetime
from http import HTTPStatus
from types import MappingProxyType

from pydantic_core import from_json

from retraind.api.redaction import hidden
from retraind.domain.failures import Hold, JobFailed, Retry, Scope, Setback
from retraind.domain.problems import legacy
from retraind.system import log

_LONGEST_WAIT = timedelta(hours=1)
"""A Retry-After beyond this is not waited for to its end: nobody would hear of it, and it may be a mistake."""
_LONGEST_MESSAGE = 500
"""Characters of a message of the service that are kept."""


class NotKnown(JobFailed):
    """The service does not know the retrain job. What the status check says of one without an upload is undocumented."""


def _credential(what: str, remedy: str = "") -> Callable[[], Setback]:
    return lambda: Hold(legacy(what, remedy), scope=Scope.MODEL, credential=True, refused=True)


def _model(what: str, remedy: str) -> Callable[[], Setback]:
    return lambda: Hold(legacy(what, remedy), scope=Scope.MODEL)


def _job(what: str, remedy: str, *, restart: bool = True) -> Callable[[], Setback]:
    return lambda: JobFailed(legacy(what, remedy), restart=restart)


_RELEASE = "It is tried again every six hours. Once that is fixed, try at once: retraind release MODEL"

TABLE: Mapping[str, Callable[[], Setback]] = MappingProxyType(
    {
        "invalid_api_key": _credential("The service does not know the key."),
        "inactive_credential": _credential("The service says the key is wrong or has expired."),
        "not_found_credential": _credential("The service says the key is wrong."),
        "this user may be deleted": _credential(
            "The service says the account may have been deleted.",
            "Check on the service's screen whether the account still exists.",
        ),
        "this model may be deleted": _model(
            "The service says the model may have been deleted.",
            f"Check on the service's screen whether the model still exists. {_RELEASE}",
        ),
        "this job may be deleted": _job(
            "The service says the retrain job may have been deleted.",
            "Run: retraind retry JOB, to have the data trained anew.",
        ),
        "not found retrain job": lambda: NotKnown(
            legacy(
                "The service does not know the retrain job (any more).",
                "Run: retraind retry JOB, to have the data trained anew.",
            ),
        ),
        "not found classifier": _job(
            "The published model's API no longer exists, so it cannot be switched. The training itself succeeded.",
            "Publish the model again on the service's screen, then run: retraind retry JOB",
            restart=False,
        ),
        "retrain job is not finished": lambda: Retry(
            legacy("The service says the retrain job has not finished yet."), effect=False
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
    return re.sub(r"\s+", "", message).rstrip(".").casefold()


_ROWS = {normal_form(message): setback for message, setback in TABLE.items()}


def message_in(body: bytes) -> str | None:
    """Return the service's message in the body of an error, whose shape the manual leaves open.

    That is the field `message`; but a text of the table counts wherever it stands.
    """
    try:
        value = from_json(body)
    except ValueError:
        value = body.decode("utf-8", "replace")
    known = next((text for text in _texts_in(value) if normal_form(text) in _ROWS), None)
    if known is not None or not isinstance(value, dict):
        return known
    message = value.get("message")
    return message if isinstance(message, str) else None


def _texts_in(value: object) -> Iterator[str]:
    left = [value]
    while left:
        match left.pop():
            case str() as text:
                yield text
            case dict() as fields:
                left.extend(fields.values())
            case list() as items:
                left.extend(items)
            case _:
                pass


def worded(message: str, *secrets: str) -> str:
    """Return a message of the service as it may be shown: short, on one line, without keys and signatures."""
    message = hidden(message[: 10 * _LONGEST_MESSAGE], *secrets)
    text = " ".join(log.mask(message).split())
    text = "".join(sign for sign in text if sign.isprintable())
    return text if len(text) <= _LONGEST_MESSAGE else text[: _LONGEST_MESSAGE - 1] + "…"


def is_web_page(start: bytes) -> bool:
    """Tell whether a body that begins like this is a page for people: a captive portal's, a gateway's."""
    return start.lstrip()[:9].lower().startswith((b"<!doctype", b"<html"))


def judge(status: int, message: str | None, retry_after: str | None, now: datetime) -> Setback:
    """Return what to do about an answer that is not a success.

    `message` is the service's own, if it gave one, free of secrets; `retry_after` the header's text; `now` counts
    for its date form.
    """
    if message and (row := _ROWS.get(normal_form(message))):
        return row()
    said = f' and says "{message}"' if message else ""
    name = f"HTTP {status} ({_phrase(status)})"
    if status in {HTTPStatus.TOO_MANY_REQUESTS, HTTPStatus.REQUEST_TIMEOUT} or status >= 500:  # noqa: PLR2004
        of_host = status != HTTPStatus.REQUEST_TIMEOUT
        return Retry(
            legacy(f"The service answers {name}{said}."),
            after=wait_asked_for(retry_after, now),
            of_host=of_host,
        )
    if status in {HTTPStatus.UNAUTHORIZED, HTTPStatus.FORBIDDEN}:
        # The manual has no such row: a key that the service refuses is told by its message.
        return Retry(
            legacy(
                f"The service's address refuses the request: {name}{said}.",
                "If this lasts, replace the key, and check whether a proxy or firewall answers in the service's place.",
            ),
            credential=True,
        )
    if 300 <= status < 400:  # noqa: PLR2004
        return Retry(
            legacy(
                f"The service's address answers with a redirect, {name}, which is not followed.",
                "Check api.base_url, and whether a proxy or a sign-in page answers in the service's place.",
            ),
        )
    return Retry(
        legacy(
            f"The service answers {name}{said}, which its manual does not explain.",
            "If this lasts, check api.base_url, the service's announcements, and whether a proxy answers in its place.",
        ),
    )


def wait_asked_for(retry_after: str | None, now: datetime) -> timedelta | None:
    """Read a Retry-After header, seconds or an HTTP date; None when absent or unreadable. At most an hour."""
    text = (retry_after or "").strip()
    if text.isascii() and text.isdigit():
        # Longer numbers are beyond an hour in any case, and beyond what int() reads.
        return min(timedelta(seconds=int(text[:12])), _LONGEST_WAIT)
    with suppress(ValueError, OverflowError):
        moment = parsedate_to_datetime(text)
        moment = moment if moment.tzinfo else moment.replace(tzinfo=UTC)
        return min(max(moment - now, timedelta(0)), _LONGEST_WAIT)
    return None


def _phrase(status: int) -> str:
    try:
        return HTTPStatus(status).phrase
    except ValueError:
        return "unknown"
