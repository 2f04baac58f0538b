"""What commands print, with control characters from outside escaped, and their exit codes."""

import json
import re
import shutil
import sys
from datetime import datetime
from typing import Any, TextIO

from retraind.domain.problems import Problem
from retraind.report.layout import WIDTH, cells, fill
from retraind.report.wording import Voice
from retraind.system.escape import is_unicode, json_escaped, printable

# ruff: noqa: T201

_COLUMN = re.compile(r"\S+ {2,}")

GOOD, BAD, USAGE = 0, 1, 2
"""Exit codes: all is well, something failed, usage or configuration."""


class Refused(Exception):
    """A command cannot do what it was asked for."""

    def __init__(self, problem: Problem, code: int = BAD, voice: Voice | None = None) -> None:
        """`code` is the exit code; `voice` knows the model and the job that it is about, where it is."""
        self.problem, self.code, self.voice = problem, code, voice or Voice()


def text_width() -> int:
    """Return how wide texts are laid out that have more than a paragraph."""
    return min(WIDTH, _columns(sys.stdout) or WIDTH)


def _columns(stream: TextIO) -> int | None:
    """Return how wide a terminal is; None for what is no terminal."""
    return shutil.get_terminal_size().columns if stream.isatty() else None


def fitted(text: str, stream: TextIO, language: str = "en") -> str:
    """Return a text as it is printed: on a terminal, its lines are wrapped between words."""
    columns, lines = _columns(stream), printable(text).split("\n")
    return "\n".join(lines if columns is None else (wrapped(line, columns, language) for line in lines))


def _print(text: str, stream: TextIO, language: str = "en") -> None:
    print(fitted(text, stream, language), file=stream)


def wrapped(line: str, columns: int, language: str = "en") -> str:
    """Wrap a line between words, below its own indentation, or below what follows its first column."""
    if cells(line) <= columns:
        return line
    if found := _COLUMN.match(line):
        return fill(line[found.end() :], found[0], " " * found.end(), columns, language)
    indent = line[: len(line) - len(line.lstrip())]
    return fill(line.lstrip(), indent, indent + "    " * bool(indent), columns, language)


def print_problem(problem: Problem, voice: Voice | None = None) -> None:
    """Print what is wrong, on standard error."""
    from retraind.system.log import priority  # noqa: PLC0415 - brings structlog, which few commands need

    begin, told = priority("ERROR", sys.stderr), f"retraind: {(voice or Voice()).tell(problem)}"
    _print("\n".join(begin + line for line in told.split("\n")), sys.stderr)


def print_text(text: str, language: str = "en") -> None:
    """Print a text."""
    _print(text, sys.stdout, language)


def print_laid_out(text: str) -> None:
    """Print a text that is as wide as `text_width` says already."""
    print(printable(text))


def print_words(code: str, /, **facts: Any) -> None:
    """Print the words of a code."""
    print_text(Voice().label(code, **facts))


def print_json(value: Any) -> None:
    """Print a value for programs."""
    # Escapes of the output's own would not be JSON.
    text = json.dumps(value, ensure_ascii=not is_unicode(sys.stdout), indent=2, default=_as_text)
    print(json_escaped(text))


def _as_text(value: object) -> str:
    return value.isoformat() if isinstance(value, datetime) else str(value)
