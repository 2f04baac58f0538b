"""Whether the journal can be written. If not, its history cannot say so, so this remembers it."""

import os
from collections.abc import Callable
from concurrent.futures import Executor, Future
from datetime import datetime, timedelta

from retraind.domain.problems import Problem
from retraind.report.messages import journal_message
from retraind.report.notifications import Notifier
from retraind.store.database import Database
from retraind.system import log
from retraind.system.clock import Clock

_LOG = log.get(__name__)

_INTERVAL = 5.0
"""Seconds between two tries to write, while the journal cannot be written."""
_IDLE_INTERVAL = 30.0
"""Seconds between two checks of the space on its disk."""
_LEAST_SPACE = 1 << 20
"""Bytes below which it is tried whether the journal can be written."""
_AGAIN = timedelta(hours=1)
"""How often it is logged that this lasts."""


class JournalWatch:
    """Watches the errors of the journal's database, and tries to write while there are any."""

    def __init__(
        self,
        database: Database,
        notifier: Notifier,
        background: Executor,
        clock: Clock,
        patience: Callable[[], timedelta],
    ) -> None:
        """`background` runs what a slow disk may delay; `patience` returns `notify.patience`."""
        self._database = database
        self._notifier = notifier
        self._background = background
        self._clock = clock
        self._patience = patience
        self.trouble: Problem | None = None
        """Why it cannot be written."""
        self._failures = 0
        self._failed_at = 0.0
        self._begun: tuple[float, datetime] = (0.0, clock.now())
        """Since when (`Clock.elapsed` seconds, and the moment)."""
        self._logged_at = 0.0
        self._announced = False
        self._try: Future[None] | None = None
        self._due = 0.0

    def mind(self) -> None:
        """Take note of what has failed; never waits for the disk."""
        now = self._clock.elapsed()
        if self._database.failures != self._failures:
            self._failures, self._failed_at = self._database.failures, now
            self._note(self._database.failure, now)
        elif self.trouble and self._is_tried() and now - self._failed_at >= 2 * _INTERVAL:
            self._end()
        if self.trouble and now - self._begun[0] >= self._patience().total_seconds() and not self._announced:
            self._announced = True
            self._notifier.announce(journal_message(self._begun[1], self.trouble, self._notifier.voice))
        if now >= self._due and (self._try is None or self._try.done()):
            self._due = now + (_INTERVAL if self.trouble else _IDLE_INTERVAL)
            self._try = self._background.submit(self._work, bool(self.trouble))

    def _note(self, why: Problem, now: float) -> None:
        if self.trouble is None:
            self._begun, self._due = (now, self._clock.now()), now + _INTERVAL
        if self.trouble is None or now - self._logged_at >= _AGAIN.total_seconds():
            self._logged_at = now
            _LOG.error("journal_not_written", reason=why)
        self.trouble = why

    def _is_tried(self) -> bool:
        """Return whether a try has ended since the last failure."""
        return self._try is not None and self._try.done()

    def _end(self) -> None:
        _LOG.info("journal_writable_again")
        if self._announced:
            self._notifier.announce(journal_message(self._clock.now(), None, self._notifier.voice))
        self.trouble, self._announced = None, False

    def _work(self, in_trouble: bool) -> None:  # noqa: FBT001 - it is passed through an executor
        if in_trouble or self._is_space_low():
            self._database.try_to_write()

    def _is_space_low(self) -> bool:
        disk = os.statvfs(self._database.folder)
        return disk.f_bavail * disk.f_frsize < _LEAST_SPACE or bool(disk.f_flag & os.ST_RDONLY)
