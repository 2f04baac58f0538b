"""What commands print, with control characters from outside escaped, and their exit codes."""

import json
import sys
from collections.abc import Container
from typing import Any

from rich.console import Console
from rich.table import Table

from retraind.domain.problems import Problem
from retraind.report.wording import Voice
from retraind.system.escape import json_escaped, printable
from retraind.system.startup import is_unicode

# ruff: noqa: T201

GOOD, BAD, USAGE = 0, 1, 2
"""Exit codes: all is well, something failed, usage or configuration."""


class Refused(Exception):
    """A command cannot do what it was asked for."""

    def __init__(self, problem: Problem, code: int = BAD) -> None:
        """`code` is the exit code."""
        self.problem, self.code = problem, code


def print_problem(problem: Problem) -> None:
    """Print what is wrong, on standard error."""
    print(printable(f"retraind: {Voice().tell(problem)}"), file=sys.stderr)


def print_text(text: str) -> None:
    """Print a text."""
    print(printable(text))


def print_words(code: str, /, **facts: Any) -> None:
    """Print the words of a code."""
    print_text(Voice().label(code, **facts))


def print_json(value: Any) -> None:
    """Print a value for programs."""
    # Escapes of the output's own would not be JSON.
    text = json.dumps(value, ensure_ascii=not is_unicode(sys.stdout), indent=2, default=str)
    print(json_escaped(text))


class _Console(Console):
    def on_broken_pipe(self) -> None:
        """Leave it to `main`, as all other output does."""
        raise BrokenPipeError


def console() -> Console:
    """Return where tables are printed: as wide as the terminal, and wide enough for programs."""
    return _Console(width=None if sys.stdout.isatty() else 160, highlight=False, markup=False, emoji=False)


def new_table(*columns: str, numbers: Container[str] = ()) -> Table:
    """Return an empty table that cuts nothing off in narrow terminals; `numbers` are right-aligned."""
    table, voice = Table(box=None, pad_edge=False, header_style="bold"), Voice()
    for name in columns:
        heading = voice.label("column", name=name)
        table.add_column(heading, overflow="fold", justify="right" if name in numbers else "left")
    return table
