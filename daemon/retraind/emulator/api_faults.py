"""The faults of the API calls, as they look on the wire.

Most strike before the call is looked at, so nothing happens but the odd answer; `api_slow`, `api_truncated` and
`api_extra_fields` spoil the answer of a call that took effect.
"""

import json
from collections.abc import Callable
from email.utils import format_datetime

from retraind.emulator.answers import Answer, as_html, as_json
from retraind.emulator.config import EmulatorConfig
from retraind.emulator.exchange import BLOCK, Exchange
from retraind.emulator.faults import Dice

PORTAL_PATH = "/portal"


class ApiFaults:
    """Spoils API calls as the dice say."""

    def __init__(self, config: EmulatorConfig, dice: Dice) -> None:
        self._config = config
        self._dice = dice
        self._instead: dict[str, Callable[[Exchange], Answer]] = {
            "api_429": self._too_many_seconds,
            "api_429_date": self._too_many_date,
            "api_429_bare": lambda _: _TOO_MANY,
            "api_500": lambda _: Answer(500, content_type=None),
            "api_503": lambda _: as_html("503 Service Temporarily Unavailable", status=503),
            "api_html": lambda _: portal(),
            "api_redirect": lambda exchange: _redirect(exchange.base_url + PORTAL_PATH),
            "api_wrong_json": lambda _: as_json(["retrain_job_id", "upload_url"]),
            "api_empty": lambda _: Answer(200, content_type=None),
        }

    def strike_instead(self, exchange: Exchange) -> bool:
        """Return whether a fault took the call's place; it is answered then."""
        for name, answer in self._instead.items():
            if self._dice.strikes(name):
                exchange.send(answer(exchange))
                return True
        if self._dice.strikes("api_huge"):
            self._send_huge(exchange)
            return True
        return False

    def spoil(self, exchange: Exchange, answer: Answer) -> Answer:
        """Return the right answer, spoiled if a fault strikes."""
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
        if self._dice.strikes("api_truncated"):
            answer = Answer(answer.status, answer.body[: len(answer.body) // 2])
        return answer

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


def _redirect(location: str) -> Answer:
    return Answer(302, content_type=None, headers={"Location": location})
