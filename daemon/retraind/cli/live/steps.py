"""The steps of `run --once` that take long, as bars below the log, if a person runs it on a terminal."""

import sys
import time
from collections.abc import Iterator
from contextlib import closing, contextmanager
from io import TextIOBase
from typing import TextIO, cast

from rich.console import Console, Group
from rich.live import Live
from rich.text import Text
from sqlalchemy.exc import DatabaseError

from retraind.bundle.progress import under_way
from retraind.cli.live.drawing import Amount, glyphs_of, progress_line
from retraind.cli.live.pace import Paces
from retraind.cli.live.terminal import StillConsole, is_watched, size_of
from retraind.config.settings import Settings
from retraind.domain.failures import JournalError
from retraind.domain.names import key_in
from retraind.report.wording import Voice
from retraind.store.views.read_only import ReadOnlyJournal
from retraind.system.clock import Clock

_A_SECOND = 3
"""How often the bars are drawn."""
_MOST = 8
"""Bars."""


@contextmanager
def steps_shown(settings: Settings, *, unless: bool) -> Iterator[TextIO]:
    """Show how far the steps are that take long while the block runs; yields the stream for the log."""
    if unless or not is_watched(sys.stderr):
        yield sys.stderr
        return
    console = StillConsole(sys.stderr)
    with (
        closing(ReadOnlyJournal(settings.state.journal_file, Clock())) as journal,
        Live(
            console=console,
            get_renderable=_Bars(settings, journal).lines,
            refresh_per_second=_A_SECOND,
            transient=True,
            redirect_stdout=False,
            redirect_stderr=False,
        ),
    ):
        yield cast("TextIO", _Above(console, sys.stderr))


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
        self._paces = Paces()
        self._models: dict[str, str] = {}

    def lines(self) -> Group:
        """Return the bars as they are now."""
        found = sorted(under_way(self._settings.state.spool).items())
        paces = self._paces.of({(job, noted.doing): noted.done for job, noted in found}, time.monotonic())
        columns, _ = size_of(sys.stderr)
        lines = []
        for job, noted in found[:_MOST]:
            label = Voice().label(
                "progress_of_step", key=key_in(job), model=self._model(job), doing=noted.doing
            )
            amount, pace = Amount(noted.done, noted.total), paces[job, noted.doing]
            lines.append(progress_line(columns - 1, label, amount, pace, glyphs_of(sys.stderr)))
        return Group(*lines)

    def _model(self, job_id: str) -> str:
        if job_id not in self._models:
            try:
                job = self._journal.get().jobs.get(job_id)
            except (JournalError, DatabaseError):
                return ""
            self._models[job_id] = job.model if job else ""
            self._journal.rest()
        return self._models[job_id]
