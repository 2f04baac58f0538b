"""How commands speak: exit codes, and output that no file name can turn into orders to a terminal."""

import json
import sys
from collections.abc import Container
from typing import Any

from rich.console import Console
from rich.table import Table

from retraind.domain.problems import Problem
from retraind.report.wording import Voice
from retraind.system.escape import json_escaped, printable

# ruff: noqa: T201

GOOD, BAD, USAGE = 0, 1, 2
"""Exit codes: all is well, something failed, usage or configuration."""


def complain(text: str) -> None:
    """Say what is wrong."""
    print(printable(f"retraind: {text}"), file=sys.stderr)


def complain_of(problem: Problem) -> None:
    """Say what is wrong."""
    complain(Voice().tell(problem))


def say(text: str) -> None:
    """Say what was asked for."""
    print(printable(text))


def print_json(value: Any) -> None:
    """Print what was asked for, for programs."""
    print(json_escaped(json.dumps(value, ensure_ascii=False, indent=2, default=str)))


class _Console(Console):
    def on_broken_pipe(self) -> None:
        """Leave it to `main`, as all other output does."""
        raise BrokenPipeError


def console() -> Console:
    """Return where tables are printed: as wide as the terminal, and wide enough for programs."""
    return _Console(width=None if sys.stdout.isatty() else 160, highlight=False, markup=False, emoji=False)


def new_table(*headings: str, numbers: Container[str] = ()) -> Table:
    """Return a table as all commands have it: nothing is cut off, however narrow the terminal. `numbers` are to the right."""
    table = Table(box=None, pad_edge=False, header_style="bold")
    for heading in headings:
        table.add_column(heading, overflow="fold", justify="right" if heading in numbers else "left")
    return table
