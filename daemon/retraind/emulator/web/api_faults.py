"""The faults of the API calls, as they look on the wire.

Most replace the call, so that nothing is done; `api_slow`, `api_truncated`, `api_extra_fields`,
`api_error_shape`, `api_end_date` and all that end with `_after` change the answer of a call that took effect.
"""

import itertools
import json
from collections.abc import Callable
from email.utils import format_datetime
from functools import partial
from typing import Any

from retraind.emulator.config import EmulatorConfig
from retraind.emulator.faults import API_ANSWERS, API_ANSWERS_AFTER, Dice, status_of
from retraind.emulator.web.answers import Answer, as_html, as_json
from retraind.emulator.web.exchange import BLOCK, Exchange

PORTAL_PATH = "/portal"
_BARE = frozenset({204, 400, 408, 409, 500})
"""Statuses that come without a body; the others come with a page for people."""


class ApiFaults:
    """Makes API calls fail as the dice decide."""

    def __init__(self, config: EmulatorConfig, dice: Dice) -> None:
        self._config = config
        self._dice = dice
        self._shapes = itertools.cycle(_SHAPES)
        self._dates = itertools.cycle(_DATES)
        self._instead: dict[str, Callable[[Exchange], Answer]] = {
            **{name: partial(_some, status_of(name)) for name in API_ANSWERS},
            "api_429": self._too_many_seconds,
            "api_429_day": lambda _: Answer(429, _TOO_MANY.body, headers={"Retry-After": "86400"}),
            "api_429_date": self._too_many_date,
            "api_429_bare": lambda _: _TOO_MANY,
            "api_html": lambda _: portal(),
            "api_redirect": lambda exchange: _redirect(exchange.base_url + PORTAL_PATH),
            "api_wrong_json": lambda _: as_json(["retrain_job_id", "upload_url"]),
            "api_empty": lambda _: Answer(200, content_type=None),
        }

    def strike_instead(self, exchange: Exchange) -> bool:
        """Return whether a fault replaced the call, which is answered then."""
        for name, answer in self._instead.items():
            if self._dice.strikes(name):
                exchange.send(answer(exchange))
                return True
        if self._dice.strikes("api_huge"):
            self._send_huge(exchange)
            return True
        return False

    def spoil(self, exchange: Exchange, answer: Answer) -> Answer:
        """Return the answer, changed if a fault strikes."""
        if self._dice.strikes("api_slow"):
            exchange.pause(self._config.slow_time)
        if self._dice.strikes("api_extra_fields"):
            value = json.loads(answer.body)
            extra = {
                "request_id": "c0ffee",
                "links": {"self": exchange.path},
                "warnings": [None],
                "nested": [[1]],
            }
            answer = as_json({**extra, **value}, status=answer.status)
        if answer.status >= 400 and self._dice.strikes("api_error_shape"):  # noqa: PLR2004
            answer = next(self._shapes)(answer)
        if b'"end_date"' in answer.body and self._dice.strikes("api_end_date"):
            answer = as_json(json.loads(answer.body) | {"end_date": next(self._dates)(self._config)})
        if self._dice.strikes("api_truncated"):
            answer = Answer(answer.status, answer.body[: len(answer.body) // 2])
        return self._after(exchange, answer)

    def _after(self, exchange: Exchange, answer: Answer) -> Answer:
        """Return another answer, though the call took effect, if such a fault strikes."""
        for name in API_ANSWERS_AFTER:
            if self._dice.strikes(name):
                return _some(status_of(name), exchange)
        if self._dice.strikes("api_empty_after"):
            return Answer(200, content_type=None)
        return portal() if self._dice.strikes("api_html_after") else answer

    def _too_many_seconds(self, _: Exchange) -> Answer:
        seconds = int(self._config.retry_after.total_seconds())
        return Answer(429, _TOO_MANY.body, headers={"Retry-After": str(seconds)})

    def _too_many_date(self, _: Exchange) -> Answer:
        date = format_datetime(self._config.now() + self._config.retry_after, usegmt=True)
        return Answer(429, _TOO_MANY.body, headers={"Retry-After": date})

    def _send_huge(self, exchange: Exchange) -> None:
        head, tail = b'{"status": "', b'"}'
        exchange.begin(Answer(200), self._config.huge_bytes)
        exchange.wfile.write(head)
        left = self._config.huge_bytes - len(head) - len(tail)
        block = b"x" * BLOCK
        while left > 0:
            exchange.wfile.write(block[:left])
            left -= len(block)
        exchange.wfile.write(tail)


_TOO_MANY = as_json({"message": "Too Many Requests"}, status=429)


def portal() -> Answer:
    """Return the page of a captive portal."""
    return as_html("Welcome! Please log in to use this network.")


def _redirect(location: str, status: int = 302) -> Answer:
    return Answer(status, content_type=None, headers={"Location": location})


def _some(status: int, exchange: Exchange) -> Answer:
    """Return the answer with a status that something between client and service may send."""
    if status in {301, 307}:
        return _redirect(exchange.base_url + PORTAL_PATH, status)
    if status in _BARE:
        return Answer(status, content_type=None)
    return as_html(f"{status} {exchange.responses.get(status, ('',))[0]}", status=status)


def _reshaped(change: Callable[[dict[str, Any]], Any]) -> Callable[[Answer], Answer]:
    return lambda answer: as_json(change(json.loads(answer.body)), status=answer.status)


_SHAPES: tuple[Callable[[Answer], Answer], ...] = (
    _reshaped(lambda body: {"error": body}),
    _reshaped(lambda body: {"errors": [{"code": body.get("code"), "detail": body["message"]}]}),
    _reshaped(lambda body: {"message": {"en": body["message"]}}),
    _reshaped(lambda body: body["message"]),
    lambda answer: Answer(answer.status, json.loads(answer.body)["message"].encode(), "text/plain"),
)
"""Other shapes of a refusal's message."""
_DATES: tuple[Callable[[EmulatorConfig], Any], ...] = (
    lambda config: int((config.now() + config.key_lifetime).timestamp()),
    lambda config: int((config.now() + config.key_lifetime).timestamp() * 1000),
    lambda config: f"{config.now() + config.key_lifetime:%Y/%m/%d %H:%M:%S}",
    lambda config: f"{config.now() + config.key_lifetime:%Y%m%d}",
    lambda config: format_datetime(config.now() + config.key_lifetime),
    lambda _: "in about a month",
    lambda _: None,
)
"""Other forms of a key's end."""
