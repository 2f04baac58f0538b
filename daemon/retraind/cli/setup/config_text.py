"""Edits the text of a configuration, and keeps its comments and order.

Every edit is verified: unless the new text contains the old settings and the change, nothing is returned.
"""

import json
import re
import tomllib
from collections.abc import Iterator, Mapping
from typing import Any

_BARE = re.compile(r"[A-Za-z0-9_-]+")
_HEADER = re.compile(r"[ \t]*\[(?P<name>[^\[\]]+|.*\".*|.*'.*)\][ \t]*(#.*)?")


class NotEditable(Exception):
    """The text is written in a way that only a person can change; carries what to write there."""


def with_model(text: str, name: str, settings: Mapping[str, str]) -> str:
    """Add a model's table at the end. Raises NotEditable."""
    lines = [f"[models.{_key(name)}]", *(f"{key} = {_value(value)}" for key, value in settings.items())]
    tables = _tables(text)
    models = tables.get("models", {}) | {name: dict(settings)}
    return _proven(_appended(text, lines), tables | {"models": models}, lines)


def with_base_url(text: str, url: str) -> str:
    """Set api.base_url, which is not set yet. Raises NotEditable."""
    line = f"base_url = {_value(url)}"
    tables = _tables(text)
    wanted = dict(tables) | {"api": dict(tables.get("api", {})) | {"base_url": url}}
    rows = text.split("\n")
    place = next((number for number, path in _headers(rows) if path == ("api",)), None)
    if place is None:
        return _proven(_appended(text, ["[api]", line]), wanted, ["[api]", line])
    ending = "\r" if rows[place].endswith("\r") else ""
    rows.insert(place + 1, line + ending)
    return _proven("\n".join(rows), wanted, ["[api]", line])


def without_model(text: str, name: str) -> str:
    """Remove a model's table and the tables in it, with the remarks in them and above. Raises NotEditable."""
    tables = _tables(text)
    models = {other: table for other, table in tables["models"].items() if other != name}
    wanted = {key: value for key, value in tables.items() if key != "models"}
    wanted |= {"models": models} if models else {}
    rows = text.split("\n")
    starts = [(_with_remarks(rows, number), path) for number, path in _headers(rows)]
    ends = [*(start for start, _ in starts[1:]), len(rows)][: len(starts)]
    kept = rows[: starts[0][0]] if starts else rows
    for (start, path), end in zip(starts, ends, strict=True):
        if path[:2] != ("models", name):
            kept += rows[start:end]
    shorter = "\n".join(kept).rstrip("\r\n ")
    ending = "\r\n" if "\r\n" in text else "\n"
    return _proven(shorter + ending if shorter else "", wanted, [f"[models.{_key(name)}]"])


def _headers(rows: list[str]) -> Iterator[tuple[int, tuple[str, ...]]]:
    """Yield the number of each line that is the head of a table, with the table's name in parts."""
    start = 0
    for number, row in enumerate(rows):
        plain = row.rstrip("\r")
        if not _HEADER.fullmatch(plain):
            continue
        try:
            # What comes before it is complete, so this is not inside a text or a list of several lines.
            _tables("\n".join(each.rstrip("\r") for each in rows[start:number]))
            table: Any = tomllib.loads(plain)
        except tomllib.TOMLDecodeError:
            continue
        start, path = number, []
        while table and isinstance(table, dict):
            (part, table), *_ = table.items()
            path.append(part)
        yield number, tuple(path)


def _with_remarks(rows: list[str], header: int) -> int:
    """Return where the lines begin that belong to a head: remarks right above it, but not the file's own."""
    first = header
    while first and rows[first - 1].lstrip().startswith("#"):
        first -= 1
    return first or header


def _appended(text: str, lines: list[str]) -> str:
    ending = "\r\n" if "\r\n" in text else "\n"
    before = text.rstrip("\r\n ")
    return ending.join([*([before, ""] if before else []), *lines, ""])


def _proven(text: str, wanted: Mapping[str, Any], lines: list[str]) -> str:
    try:
        if _tables(text) == wanted:
            return text
    except tomllib.TOMLDecodeError:
        pass
    raise NotEditable("\n".join(lines))


def _tables(text: str) -> dict[str, Any]:
    return tomllib.loads(text.removeprefix("\ufeff").replace("\r\n", "\n"))


def _key(name: str) -> str:
    return name if _BARE.fullmatch(name) else _value(name)


def _value(text: str) -> str:
    return json.dumps(text, ensure_ascii=False).replace("\x7f", "\\u007f")
