"""What the service's answers mean: the vendor's error table, with our code for each row and what to do next.

The vendor documents code, error and message; only the message distinguishes the rows. An answer that is not
in the table is judged by its HTTP status alone, and never as permanent: a proxy may have answered, for a
moment only.
"""

import re
from collections.abc import Callable, Iterator, Mapping
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from email.utils import parsedate_to_datetime
from functools import partial
from http import HTTPStatus
from types import MappingProxyType
from typing import NamedTuple

from pydantic_core import from_json

from retraind.api.failures import NotKnown
from retraind.api.redaction import hidden
from retraind.dataset.rules.service_messages import account_limit
from retraind.domain.failures import Hold, JobFailed, Party, Retry, Setback
from retraind.domain.problems import Problem, problem
from retraind.system import log

_LONGEST_WAIT = timedelta(hours=1)
"""The longest Retry-After that is obeyed: a longer one may be a mistake."""
_LONGEST_MESSAGE = 500
"""Characters of a message of the service that are kept."""


class Row(NamedTuple):
    """What an error message means."""

    code: str
    """What happened."""
    then: Callable[[Problem], Setback]
    """What to do next."""


_refused_key = partial(Hold, credential=True, refused=True)
_this_step = partial(JobFailed, restart=False)
_later = partial(Retry, effect=False)

TABLE: Mapping[str, Row] = MappingProxyType(
    {
        "invalid_api_key": Row("key_unknown", _refused_key),
        "inactive_credential": Row("key_inactive", _refused_key),
        "not_found_credential": Row("key_wrong", _refused_key),
        "this user may be deleted": Row("account_deleted", _refused_key),
        "this model may be deleted": Row("model_deleted", Hold),
        "this job may be deleted": Row("retrain_job_deleted", JobFailed),
        "not found retrain job": Row("retrain_job_unknown", NotKnown),
        "not found classifier": Row("published_model_missing", _this_step),
        "retrain job is not finished": Row("retrain_job_not_finished", _later),
        "model id is required": Row("model_id_required", Hold),
        "not found configuration_file": Row("model_configuration_missing", Hold),
    }
)
"""Vendor's manual: error messages of Retrain Data Upload, Status Check, Model Switch and Get API Key."""


def normal_form(message: str) -> str:
    """Return a message without regard to case, white space and the full stop."""
    return re.sub(r"\s+", "", message).rstrip(".").casefold()


_ROWS = {normal_form(message): row for message, row in TABLE.items()}


def message_in(body: bytes) -> str | None:
    """Return the service's message in the body of an error, whose shape is undocumented.

    That is the field `message`; but a message of the table counts in any field.
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


def shortened(message: str, *secrets: str) -> str:
    """Return a message of the service as it may be shown: short, on one line, without keys and signatures."""
    message = hidden(message[: 10 * _LONGEST_MESSAGE], *secrets)
    text = " ".join(log.mask(message).split())
    text = "".join(char for char in text if char.isprintable())
    return text if len(text) <= _LONGEST_MESSAGE else text[: _LONGEST_MESSAGE - 1] + "…"


def is_web_page(start: bytes) -> bool:
    """Return whether a body that begins like this is a page for people: a captive portal's, a gateway's."""
    return start.lstrip()[:9].lower().startswith((b"<!doctype", b"<html"))


def judge(host: str, status: int, message: str | None, retry_after: str | None, now: datetime) -> Setback:
    """Return what to do about an answer of the service that is not a success.

    `message` is the service's own, if there is one, free of secrets; `retry_after` is the header's text,
    which may be a date and so depends on `now`.
    """
    if message and (row := _ROWS.get(normal_form(message))):
        return row.then(problem(row.code))
    if limit := account_limit(message):
        return Hold(problem(limit, message=message))
    if is_of_host(status) or status == HTTPStatus.REQUEST_TIMEOUT or 300 <= status < 400:  # noqa: PLR2004
        return Retry(
            http_error(Party.SERVICE, host, status, said=message),
            after=wait_asked_for(retry_after, now),
            of_host=is_of_host(status),
        )
    if status in {HTTPStatus.UNAUTHORIZED, HTTPStatus.FORBIDDEN}:
        # The manual has no such row: a refused key is recognized by its message.
        return Retry(problem("request_refused", host=host, status=status, said=message), credential=True)
    return Retry(problem("response_unexplained", host=host, status=status, said=message))


def http_error(
    party: Party, host: str, status: int, *, error_code: str | None = None, said: str | None = None
) -> Problem:
    """Return what a status says. `error_code` is the object store's, `said` the service's message."""
    if 300 <= status < 400:  # noqa: PLR2004
        return problem("redirect_returned", party=party, host=host, status=status)
    return problem("error_returned", party=party, host=host, status=status, error_code=error_code, said=said)


def is_of_host(status: int) -> bool:
    """Return whether a status says that the host itself is in trouble, whatever it was asked for."""
    return status == HTTPStatus.TOO_MANY_REQUESTS or status >= HTTPStatus.INTERNAL_SERVER_ERROR


def wait_asked_for(retry_after: str | None, now: datetime) -> timedelta | None:
    """Read a Retry-After header: seconds or an HTTP date, at most an hour. None when absent or unreadable."""
    text = (retry_after or "").strip()
    if text.isascii() and text.isdigit():
        # Longer numbers are beyond an hour in any case, and beyond what int() reads.
        return min(timedelta(seconds=int(text[:12])), _LONGEST_WAIT)
    with suppress(ValueError, OverflowError):
        moment = parsedate_to_datetime(text)
        moment = moment if moment.tzinfo else moment.replace(tzinfo=UTC)
        return min(max(moment - now, timedelta(0)), _LONGEST_WAIT)
    return None
