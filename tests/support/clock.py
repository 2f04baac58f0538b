"""A clock that stands still unless a test moves it."""

from datetime import UTC, datetime, timedelta

from retraind.system.clock import Clock


class ManualClock(Clock):
    """A clock that tests move."""

    def __init__(self, start: datetime = datetime(2026, 1, 1, tzinfo=UTC)) -> None:
        self._now = start
        self._elapsed = 0.0

    def now(self) -> datetime:
        """Return the wall time as set."""
        return self._now

    def elapsed(self) -> float:
        """Return the seconds that `pass_time` has added up."""
        return self._elapsed

    def pass_time(self, span: timedelta) -> None:
        """Let `span` pass on both clocks."""
        self._now += span
        self._elapsed += span.total_seconds()

    def jump(self, span: timedelta) -> None:
        """Move the wall clock alone, as an administrator or a time server would."""
        self._now += span
