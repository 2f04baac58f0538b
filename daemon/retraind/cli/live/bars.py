"""A bar for long work of one command, on standard error of a terminal, gone when the work is done."""

import sys
import time
from datetime import timedelta

from rich.live import Live
from rich.text import Text

from retraind.cli.live.drawing import GAP, Amount, glyphs_of, progress_line
from retraind.cli.live.pace import Pace
from retraind.cli.live.terminal import live_below, size_of
from retraind.domain.progress import Work
from retraind.report.wording import Voice

_SOON = 0.5
"""Seconds of work that nobody wonders about."""
_A_SECOND = 4
"""How often the bar is drawn."""


class Bar:
    """Hears from the thread that works, and draws on one of its own: the work may stand still."""

    def __init__(self) -> None:
        self._began = time.monotonic()
        self._seen: tuple[Work, int, int | None] | None = None
        self._work: Work | None = None
        self._pace, self._since = Pace(), self._began
        self._live: Live | None = None

    def __call__(self, work: Work, done: int, total: int | None) -> None:
        """Take note of how far the work is."""
        self._seen = work, done, total
        if self._live is None and time.monotonic() - self._began > _SOON:
            self._live = live_below(sys.stderr, self._line, _A_SECOND)
            self._live.start()

    def end(self) -> None:
        """Remove the bar."""
        if self._live is not None:
            self._live.stop()

    def _line(self) -> Text:
        assert self._seen is not None
        work, done, total = self._seen
        now = time.monotonic()
        if work is not self._work:
            self._work, self._pace, self._since = work, Pace(), now
        label = Voice().label("progress_of_work", work=work)
        if total is None:
            return Text(
                label + GAP + Voice().label("progress_elapsed", span=timedelta(seconds=now - self._since))
            )
        self._pace.see(now, done)
        amount = Amount(done, total, is_bytes=work is not Work.RECOVERY)
        columns, _ = size_of(sys.stderr)
        return progress_line(columns - 1, label, amount, self._pace, glyphs_of(sys.stderr))
