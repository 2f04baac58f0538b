"""The steps of `run --once` that take long, as bars below the log, if a person runs it on a terminal."""

import sys
import time
from collections.abc import Iterator
from contextlib import closing, contextmanager
from io import TextIOBase
from typing import TextIO, cast

from rich.console import Console, Group
from rich.text import Text
from sqlalchemy.exc import DatabaseError

from retraind.cli.live.drawing import glyphs_of
from retraind.cli.live.terminal import live_below, size_of
from retraind.cli.live.under_way import Steps, step_line
from retraind.config.settings import Settings
from retraind.domain.failures import JournalError
from retraind.domain.names import key_in
from retraind.store.views.read_only import ReadOnlyJournal
from retraind.system.clock import Clock

_A_SECOND = 3
"""How often the bars are drawn."""
_MOST = 8
"""Bars."""


@contextmanager
def steps_shown(settings: Settings) -> Iterator[TextIO]:
    """Show how far the steps are that take long while the block runs; yields what takes the log meanwhile."""
    with (
        closing(ReadOnlyJournal(settings.state.journal_file, Clock())) as journal,
        live_below(sys.stderr, _Bars(settings, journal).lines, _A_SECOND) as live,
    ):
        yield cast("TextIO", _Above(live.console, sys.stderr))


class _Above(TextIOBase):
    """Standard error, written to above the bars."""

    def __init__(self, console: Console, stream: TextIO) -> None:
        self._console, self._stream = console, stream

    @property
    def encoding(self) -> str:  # type: ignore[override]
        """As the stream's."""
        return self._stream.encoding

    def fileno(self) -> int:
        """As the stream's."""
        return self._stream.fileno()

    def isatty(self) -> bool:
        """As the stream."""
        return self._stream.isatty()

    def write(self, text: str, /) -> int:
        """Write lines; the terminal wraps them, as without the bars."""
        self._console.print(Text.from_ansi(text.removesuffix("\n")), soft_wrap=True)
        return len(text)


class _Bars:
    def __init__(self, settings: Settings, journal: ReadOnlyJournal) -> None:
        self._settings, self._journal = settings, journal
        self._steps = Steps()
        self._models: dict[str, str] = {}

    def lines(self) -> Group:
        """Return the bars as they are now."""
        found = sorted(self._steps.now(self._settings.state.spool, time.monotonic()).items())
        columns, _ = size_of(sys.stderr)
        glyphs = glyphs_of(sys.stderr)
        return Group(
            *(
                step_line(columns - 1, key_in(job), step, glyphs, model=self._model(job))
                for job, step in found[:_MOST]
            )
        )

    def _model(self, job_id: str) -> str:
        if job_id not in self._models:
            try:
                job = self._journal.get().jobs.get(job_id)
            except (JournalError, DatabaseError):
                return ""
            self._models[job_id] = job.model if job else ""
            self._journal.rest()
        return self._models[job_id]
