"""Terminals that are drawn on: as a whole until one is left, or below what is written."""

import os
import select
import signal
import sys
import termios
from collections.abc import Callable
from contextlib import suppress
from types import FrameType, TracebackType
from typing import Self, TextIO

from rich.console import Console, ConsoleDimensions, RenderableType
from rich.live import Live
from rich.text import Text

_USUAL = 80, 24
"""Where a terminal does not know its size."""
_KEYS = 1_024
"""Bytes of what was typed, that are read at a time."""


def size_of(stream: TextIO) -> tuple[int, int]:
    """Return the columns and lines of a terminal as they are now."""
    with suppress(OSError):
        columns, rows = os.get_terminal_size(stream.fileno())
        return columns or _USUAL[0], rows or _USUAL[1]
    return _USUAL


class StillConsole(Console):
    """A console that leaves the cursor alone: whatever ends the process, it is there afterwards."""

    def __init__(self, stream: TextIO) -> None:
        super().__init__(file=stream, force_terminal=True, highlight=False, markup=False, emoji=False)

    def show_cursor(self, show: bool = True) -> bool:  # noqa: ARG002, FBT001, FBT002 - as Rich declares it
        """Do nothing."""
        return False


def live_below(stream: TextIO, lines: Callable[[], RenderableType], a_second: float) -> Live:
    """Return what draws `lines` below whatever else is written, so often, until it is stopped."""
    return Live(
        console=StillConsole(stream),
        get_renderable=lines,
        refresh_per_second=a_second,
        transient=True,
        redirect_stdout=False,
        redirect_stderr=False,
    )


class Screen:
    """The whole terminal, as long as the block runs. What was on it before is there again afterwards.

    That is so however the block is left; SIGTERM leaves it with SystemExit, Ctrl-C with KeyboardInterrupt.
    While somebody has stopped the process with Ctrl-Z, the terminal is the shell's.
    """

    def __init__(self) -> None:
        self._console = Console(highlight=False, markup=False, emoji=False)
        self._live = Live(
            console=self._console,
            screen=True,
            auto_refresh=False,
            redirect_stdout=False,
            redirect_stderr=False,
        )
        self._keys = sys.stdin.fileno() if sys.stdin.isatty() else None
        self._modes: list[object] | None = None
        self._drawn: tuple[object, ...] = ()
        self._handlers: dict[int, object] = {}
        self._interrupted = False
        self._waits = False
        self._stop_asked = False

    def __enter__(self) -> Self:
        for number, handler in (
            (signal.SIGINT, self._interrupt),
            (signal.SIGTERM, _end),
            (signal.SIGTSTP, self._stop),
        ):
            self._handlers[number] = signal.signal(number, handler)
        self._take()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._leave()
        for number, handler in self._handlers.items():
            signal.signal(number, handler)  # type: ignore[arg-type]

    def draw(self, lines: list[Text]) -> None:
        """Show these lines, if they are others than before."""
        size = size_of(sys.stdout)
        if (drawn := (size, lines)) != self._drawn:
            self._console.size = ConsoleDimensions(*size)
            self._live.update(Text("\n").join(lines), refresh=True)
            self._drawn = drawn

    def key(self, patience: float) -> str:
        """Return what is typed within so many seconds; nothing if nothing is."""
        if self._interrupted:
            raise KeyboardInterrupt
        self._waits = True
        try:
            if self._stop_asked:
                self._pause()
                return ""
            ready, _, _ = select.select([] if self._keys is None else [self._keys], [], [], patience)
        except InterruptedError:
            return ""
        finally:
            self._waits = False
        return (
            os.read(self._keys, _KEYS).decode("utf-8", "replace") if ready and self._keys is not None else ""
        )

    def _take(self) -> None:
        if self._keys is not None:
            # What is typed is not shown, and not held back until the end of a line.
            self._modes = termios.tcgetattr(self._keys)
            modes = termios.tcgetattr(self._keys)
            modes[3] &= ~(termios.ECHO | termios.ICANON)
            termios.tcsetattr(self._keys, termios.TCSADRAIN, modes)
        self._live.start()
        self._drawn = ()

    def _leave(self) -> None:
        self._live.stop()
        if self._keys is not None and self._modes is not None:
            termios.tcsetattr(self._keys, termios.TCSADRAIN, self._modes)  # type: ignore[arg-type]

    def _interrupt(self, _number: int, _frame: FrameType | None) -> None:
        # What is raised while Python frees something, or calls from within a library, is only printed.
        self._interrupted = True
        raise KeyboardInterrupt

    def _stop(self, _number: int, _frame: FrameType | None) -> None:
        self._stop_asked = True
        if self._waits:  # In the middle of drawing, the rest would be written to the shell's terminal.
            self._pause()

    def _pause(self) -> None:
        """Give the terminal back, and stop until somebody lets the process continue."""
        self._stop_asked = False
        self._leave()
        signal.signal(signal.SIGTSTP, signal.SIG_DFL)
        os.kill(os.getpid(), signal.SIGTSTP)
        signal.signal(signal.SIGTSTP, self._stop)
        self._take()


def _end(number: int, _frame: FrameType | None) -> None:
    raise SystemExit(128 + number)
