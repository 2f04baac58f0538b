"""Where commands print tables."""

import sys

from rich.console import Console

_ANY_WIDTH = 10_000


class _Console(Console):
    def on_broken_pipe(self) -> None:
        """Leave it to `main`, as all other output does."""
        raise BrokenPipeError


def console() -> Console:
    """Return where tables are printed: as wide as the terminal, and as they like for programs."""
    return _Console(
        width=None if sys.stdout.isatty() else _ANY_WIDTH, highlight=False, markup=False, emoji=False
    )
