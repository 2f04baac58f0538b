"""The heartbeat: a URL that is called while all is well, so that a monitor elsewhere notices when it stops.

It is called after every file system has been swept and the journal was written; with /fail after its path if
that does not happen in time, and with /start at each start. healthchecks.io defined this convention; other
services support it too.
"""

import threading
from collections.abc import Callable
from datetime import timedelta
from urllib.parse import urlsplit, urlunsplit

from requests.utils import get_auth_from_url

from retraind.api.failures import NETWORK_ERRORS, network_retry
from retraind.api.http import Connections, basic_auth, new_session
from retraind.config.settings import Settings
from retraind.domain.failures import Party
from retraind.domain.problems import Problem, problem
from retraind.system import log
from retraind.system.addresses import place_of
from retraind.system.clock import Clock

_LOG = log.get(__name__)

_SHORTEST_INTERVAL = 60.0
"""Seconds between two calls, whatever they say. That of a start does not count."""
_CONNECT_TIME = timedelta(seconds=3)
_SILENCE = timedelta(seconds=4)
_LONGEST_CALL = _CONNECT_TIME + _SILENCE
"""Even if a byte comes now and then. Below the time that a stop may take."""


class Heartbeat:
    """Calls the address of `notify.heartbeat`. For one thread at a time; others wait."""

    def __init__(
        self,
        settings: Callable[[], Settings],
        clock: Clock,
        *,
        swept: Callable[[], float],
        patience: Callable[[], timedelta],
        writes: Callable[[], bool],
    ) -> None:
        """Take what is to be well.

        `swept` returns since when every file system has been swept (`Clock.elapsed` seconds; 0 for never),
        `patience` how long that may take, and `writes` tries whether the journal can be written.
        """
        self._settings = settings
        self._clock = clock
        self._swept = swept
        self._patience = patience
        self._writes = writes
        self._lock = threading.Lock()
        self._begun = clock.elapsed()
        self._called_at: float | None = None
        """When it was called last (`Clock.elapsed` seconds)."""
        self._counted = 0.0
        """The sweep for which success was reported last."""
        self._failing = False
        """Whether the last call did not succeed; each failure in a row is logged once."""

    def begin(self) -> None:
        """Report a start."""
        with self._lock:
            self._begun = self._clock.elapsed()
            self._call("start")

    def mind(self) -> None:
        """Report success or failure if that is due."""
        with self._lock:
            now = self._clock.elapsed()
            if self._settings().notify.heartbeat is None:
                return
            if self._called_at is not None and now - self._called_at < _SHORTEST_INTERVAL:
                return
            swept = self._swept()
            if swept <= self._counted:
                if now - max(swept, self._begun) > self._patience().total_seconds():
                    self._called_at = now
                    self._call("fail")
                return
            good = self._writes()
            self._called_at = self._clock.elapsed()
            if good:
                self._counted = swept
            self._call("" if good else "fail")

    def _call(self, what: str) -> None:
        url = self._settings().notify.heartbeat
        if url is None:
            return
        address = url.get_secret_value()
        trouble = self._send(address, what)
        if trouble is not None and not self._failing:
            _LOG.warning("heartbeat_not_sent", to=place_of(address), of=what or "success", reason=trouble)
        self._failing = trouble is not None

    def _send(self, address: str, what: str) -> Problem | None:
        """Call the address; returns why that failed, without any of the address but its host."""
        api = self._settings().api.model_copy(update={"connect_timeout": _CONNECT_TIME, "timeout": _SILENCE})
        user, password = get_auth_from_url(address)
        headers = {"Authorization": basic_auth(user, password)} if user else {}
        connections, late = Connections(), problem("recipient_silent", limit=_LONGEST_CALL)
        try:
            with (
                connections.limited(_LONGEST_CALL),
                new_session(api, connections=connections) as session,
                session.get(beside(address, what), headers=headers) as answer,
            ):
                status = answer.status_code
        except NETWORK_ERRORS as error:
            if connections.has_ended:
                return late
            return network_retry(error, Party.RECIPIENT, place_of(address)).problem
        if connections.has_ended:
            return late
        return None if 200 <= status < 300 else problem("heartbeat_refused", status=status)  # noqa: PLR2004


def beside(address: str, what: str) -> str:
    """Return an address with another part behind its path."""
    parts = urlsplit(address)
    path = f"{parts.path.rstrip('/')}/{what}" if what else parts.path
    return urlunsplit(parts._replace(path=path))
