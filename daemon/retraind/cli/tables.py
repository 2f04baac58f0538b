"""Tables of what commands print."""

import sys
from collections.abc import Container

from rich.console import Console
from rich.table import Table

from retraind.report.wording import Voice

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


def new_table(*columns: str, numbers: Container[str] = ()) -> Table:
    """Return an empty table that cuts nothing off in narrow terminals; `numbers` are right-aligned."""
    table, voice = Table(box=None, pad_edge=False, header_style="bold"), Voice()
    for name in columns:
        heading = voice.label("column", name=name)
        table.add_column(heading, overflow="fold", justify="right" if name in numbers else "left")
    return table
