"""Limits on responses: how long one may take, and how many bytes it may have.

A read time-out limits neither: every byte restarts it, and headers, interim responses, trailers and empty
compressed blocks may go on forever.
"""

import io
import math
import time
from collections.abc import Callable
from dataclasses import dataclass
from http.client import HTTPException, HTTPResponse
from typing import TYPE_CHECKING, Any

from urllib3.exceptions import HTTPError

if TYPE_CHECKING:
    from typing_extensions import Buffer

PAUSE_SECONDS = 0.5
"""How often whoever waits for a peer checks whether the daemon is stopping."""
_LONGEST_HEAD = 1 << 20
"""Bytes of the headers, with those of interim answers (100 Continue)."""


class AnswerEndless(HTTPError):
    """An answer has more bytes than any that is of use. A kind of error that urllib3 does not wrap."""


def counted_too_many(error: BaseException) -> bool:
    """Return whether http.client gave up on headers, interim answers or trailers, which newer Pythons count.

    It raises its base class for nothing else.
    """
    return type(error) is HTTPException


@dataclass(frozen=True)
class Allowance:
    """What is granted to an answer, beyond two time-outs of waiting for it."""

    largest: int = 2 << 20
    """Bytes of the body, as they come."""
    slowest: float = math.inf
    """Bytes that have to come in each further second; with infinity there is none."""
    pause: Callable[[], None] = lambda: None
    """Called repeatedly while it is waited for; may raise."""


ORDINARY = Allowance()


class BoundedResponse(HTTPResponse):
    """An answer whose reading raises TimeoutError or AnswerEndless beyond its allowance."""

    def __init__(self, sock: Any, *arguments: Any, allowance: Allowance, **named: Any) -> None:
        super().__init__(sock, *arguments, **named)
        self._largest = allowance.largest
        self._wire = _Wire(sock, self.fp.detach(), allowance)
        self.fp = io.BufferedReader(self._wire)

    def begin(self) -> None:
        """Read the headers."""
        try:
            super().begin()
        except HTTPException as error:
            if counted_too_many(error):
                raise AnswerEndless from error
            raise
        self._wire.left = self._largest


class _Wire(io.RawIOBase):
    def __init__(self, sock: Any, plain: Any, allowance: Allowance) -> None:
        """`plain` is what http.client would read from: it keeps the socket open until it is closed."""
        self.left = _LONGEST_HEAD
        self._sock = sock
        self._plain = plain
        self._allowance = allowance
        self._silence = sock.gettimeout() or math.inf
        self._waited = 0.0
        self._received = 0

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: "Buffer", /) -> int:
        if self.left <= 0:
            raise AnswerEndless
        before = self._sock.gettimeout()
        self._sock.settimeout(min(PAUSE_SECONDS, self._silence))
        try:
            count = self._receive(buffer)
        finally:
            self._sock.settimeout(before)
        self.left -= count
        self._received += count
        return count

    def _receive(self, buffer: "Buffer") -> int:
        silent = 0.0
        while True:
            self._allowance.pause()
            began = time.monotonic()
            try:
                count: int | None = self._sock.recv_into(buffer)
            except TimeoutError:
                count = None
            took = time.monotonic() - began
            silent, self._waited = silent + took, self._waited + took
            if count is not None and not self._is_slow():
                return count
            if silent >= self._silence or self._is_slow():
                raise TimeoutError("the answer does not come in time")

    def _is_slow(self) -> bool:
        beyond = self._waited - 2 * self._silence
        return beyond > 0 and self._received < beyond * self._allowance.slowest

    def close(self) -> None:
        super().close()
        self._plain.close()
