"""The page of all commands, from the parser: as `retraind COMMAND --help` shows them."""

import argparse
import os
import re
from collections.abc import Iterator

from retraind.cli.arguments import commands, complete_parser

_WIDTH = "100"


def page() -> str:
    """Return the page as Markdown."""
    os.environ["COLUMNS"] = _WIDTH  # argparse asks it, else the terminal.
    parser = complete_parser()
    parts = [
        "---\ntocdepth: 2\n---\n",
        "# Command reference\n",
        f"{_plain(parser.description or '')}\n\n{_plain(parser.epilog or '')}\n",
        "Options of all commands:\n",
        *_options(parser),
    ]
    for name, command in commands(parser).items():
        parts += _command(name, command)
    return "\n".join(parts)


def _command(name: str, command: argparse.ArgumentParser) -> Iterator[str]:
    yield f"<!-- id: retraind-{name.replace(' ', '-')} -->\n## `retraind {name}`\n"
    yield f"{_plain(command.description or '')}\n"
    yield f"```text\n{re.sub('^usage: ', '', command.format_usage()).rstrip()}\n```\n"
    yield from _options(command)
    for inner, more in commands(command).items():
        yield from _command(f"{name} {inner}", more)


def _options(parser: argparse.ArgumentParser) -> Iterator[str]:
    rows = []
    for action in parser._actions:  # noqa: SLF001 - argparse has no other way to list them
        if isinstance(action, argparse._HelpAction | argparse._SubParsersAction):  # noqa: SLF001
            continue
        if action.help == argparse.SUPPRESS:
            continue
        rows.append(f"| {_names(action)} | {_help(parser, action)} |")
    if rows:
        yield "\n".join(["| argument | meaning |", "|---|---|", *rows, ""])


def _names(action: argparse.Action) -> str:
    value = action.metavar if isinstance(action.metavar, str) else None
    if value is None and action.choices is not None:
        value = ",".join(map(str, action.choices))
    if value is None and action.nargs != 0:
        value = action.dest.upper()
    if not action.option_strings:
        return f"`{value}`"
    shown = f" {value}" if value and action.nargs != 0 else ""
    return ", ".join(f"`{name}{shown}`" for name in action.option_strings)


def _help(parser: argparse.ArgumentParser, action: argparse.Action) -> str:
    formatter = parser._get_formatter()  # noqa: SLF001 - it fills in defaults and choices
    return _plain(formatter._expand_help(action)) if action.help else ""  # noqa: SLF001


def _plain(text: str) -> str:
    return re.sub(r"([<>|*_\[\]])", r"\\\1", " ".join(text.split()))
