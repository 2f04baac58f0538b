"""The page of all keys: types and defaults from the settings' models, the words from config.example.toml."""

import json
import re
import types
import typing
from collections.abc import Iterator, Mapping
from datetime import timedelta
from enum import Enum
from pathlib import Path
from typing import Any, Literal, NamedTuple, get_args, get_origin

from pydantic import BaseModel, HttpUrl, SecretStr
from pydantic.fields import FieldInfo

from retraind.config import types as kinds
from retraind.config.expectation import ExpectSettings
from retraind.config.settings import ModelNotifySettings, ModelSettings, Settings

EXAMPLE = Path(__file__).parents[2] / "config.example.toml"
_HEAD = re.compile(r"^#?\[(?P<table>[\w.]+)\](?:\s*# (?P<about>.+))?$")
_KEY = re.compile(r"^(?P<off>#?)(?P<key>\w+) = (?P<value>.*)$")


class Table(NamedTuple):
    """A table of the configuration."""

    name: str
    """As a configuration has it: `sweep`, `models.NAME`; empty for the keys above all tables."""
    prefix: str
    """What its keys begin with in these documents: `sweep`, `models`."""
    model: type[BaseModel]


class Told(NamedTuple):
    """What the example says of a key."""

    about: str
    value: str
    """As it is written there; with a default, that is the default."""
    has_default: bool


TABLES: tuple[Table, ...] = (
    Table("", "", Settings),
    *(
        Table(name, name, field.annotation)
        for name, field in Settings.model_fields.items()
        if isinstance(field.annotation, type) and issubclass(field.annotation, BaseModel)
    ),
    Table("models.NAME", "models", ModelSettings),
    Table("models.NAME.expect", "models.expect", ExpectSettings),
    Table("models.NAME.notify", "models.notify", ModelNotifySettings),
)


def all_keys() -> Iterator[tuple[Table, str, FieldInfo]]:
    """Yield each key that a configuration may have, with its table."""
    tables = {"models", "expect"} | {table.prefix for table in TABLES}
    for table in TABLES:
        for name, field in table.model.model_fields.items():
            is_table = name in tables if table.prefix in {"", "models"} else False
            if not is_table:
                yield table, name, field


def full_name(table: Table, key: str) -> str:
    """Return a key as these documents call it: `sweep.interval`, `models.settle`."""
    return f"{table.prefix}.{key}".removeprefix(".")


def anchor(name: str) -> str:
    """Return where the page explains a key."""
    return name.replace(".", "-")


def told() -> tuple[Mapping[str, Told], Mapping[str, str]]:
    """Read the example: what it says of each key, and of each table.

    A remark stands above a key, or above several that follow each other.
    """
    found: dict[str, Told] = {}
    tables: dict[str, str] = {}
    prefix, remark, fresh = "", [""], True
    lines = iter(_lines())
    for line in lines:
        if head := _HEAD.match(line):
            prefix = head["table"].replace("models.churn", "models")
            tables[prefix] = head["about"] or " ".join(remark).strip()
            remark, fresh = [""], True
        elif match := _KEY.match(line):
            value = match["value"]
            while value.startswith("[") and not value.rstrip().endswith("]"):
                value += " " + next(lines).strip()
            name = f"{prefix}.{match['key']}".removeprefix(".")
            found[name] = Told(" ".join(remark).strip(), value.strip(), not match["off"])
            fresh = True
        elif line.startswith("# "):
            remark = [line[2:]] if fresh else [*remark, line[2:]]
            fresh = False
        else:
            remark, fresh = [""], True
    return found, tables


def _lines() -> list[str]:
    """Return the example's lines below its head."""
    _, _, below = EXAMPLE.read_text("utf-8").partition("\n\n# Events below")
    return f"# Events below{below}".splitlines()


def page() -> str:
    """Return the page as Markdown."""
    about, tables = told()
    parts = ["---\ntocdepth: 2\n---\n", "# Configuration reference\n", _head()]
    shown: set[str] = set()
    for table, name, field in all_keys():
        if table.name not in shown:
            shown.add(table.name)
            heading = f"`[{table.name}]`" if table.name else "Above all tables"
            parts.append(f"<!-- id: {anchor(table.prefix or 'top')} -->\n## {heading}\n")
            if words := tables.get(table.prefix):
                parts.append(
                    f"{_marked(words[:1].upper() + words[1:])}{'' if words.endswith('.') else '.'}\n"
                )
        full = full_name(table, name)
        parts += _entry(full, field, about[full])
    return "\n".join(parts)


def _head() -> str:
    head, _, _ = EXAMPLE.read_text("utf-8").partition("\n\n# Events below")
    text = re.sub(r"^# ?", "", head, flags=re.MULTILINE)
    text = re.sub(
        r"((?:^  .+\n)+)", lambda found: f"```toml\n{_dedented(found[1])}```\n", text, flags=re.MULTILINE
    )
    text = text.replace("retraind: every key, with its default. ", "Every key, with its default. ")
    return re.sub(r' A line without "#".+?has no default\.', "", text, flags=re.DOTALL) + "\n"


def _dedented(text: str) -> str:
    return re.sub(r"^  ", "", text, flags=re.MULTILINE)


def _entry(full: str, field: FieldInfo, words: Told) -> Iterator[str]:
    yield f"<!-- id: {anchor(full)} -->\n### `{full.rpartition('.')[2]}`\n"
    yield f"{_marked(words.about)}\n"
    yield f"- Type: {kind_of(field)}"
    if field.is_required():
        yield f"- Required. Example: `{words.value}`"
    elif words.has_default and field.default is not None:
        yield f"- Default: `{words.value}`"
    else:
        # In a table of its own that is not there unless somebody writes it, a key may have a default all the same.
        default = "none" if field.default is None else f"`{_written(field.default)}`"
        yield f"- Default: {default}. Example: `{words.value}`"
    yield ""


def _written(value: Any) -> str:
    """Return a default as a configuration would have it."""
    return json.dumps(list(value) if isinstance(value, frozenset | tuple) else value)


def _marked(text: str) -> str:
    """Return words of the example as Markdown: commands and paths as code, the rest as it is."""
    text = re.sub(r"([<>|*_\[\]])", r"\\\1", text)
    return re.sub(r"\bdocs/([\w-]+)\.md", r"[\1](\1.md)", text)


_NAMED: Mapping[Any, str] = {
    bool: "`true` or `false`",
    int: "a number",
    str: "text",
    Path: "a path",
    HttpUrl: "an address",
    SecretStr: "text; secret",
    dict: "a table",
}


def kind_of(field: FieldInfo) -> str:
    """Return what values a key has, in words."""
    hint = field.annotation
    bounds = {type(each).__name__: each for each in field.metadata}
    words = _kind(hint, tuple(field.metadata))
    low, high = bounds.get("Ge"), bounds.get("Le")
    if low is not None and high is not None:
        words += f", {low.ge} to {high.le}"
    return words


def _kind(hint: Any, marks: tuple[Any, ...] = ()) -> str:
    origin = get_origin(hint)
    if origin in {typing.Union, types.UnionType}:
        parts = [_kind(each, marks) for each in get_args(hint) if each is not type(None)]
        return " or ".join(dict.fromkeys(parts))
    if origin is typing.Annotated:
        inner, *more = get_args(hint)
        return _kind(inner, (*more, *marks))
    if origin is Literal:
        return _one_of(get_args(hint))
    if isinstance(hint, type) and issubclass(hint, Enum):
        return _one_of([each.value for each in hint])
    if origin in {tuple, frozenset}:
        inner = _kind(next(each for each in get_args(hint) if each is not ...))
        return f"a list; each {inner}" if inner.startswith(("one of", "a number")) else "a list of texts"
    return _plain_kind(origin or hint, marks)


def _plain_kind(hint: Any, marks: tuple[Any, ...]) -> str:
    if hint is timedelta:
        return _duration(marks)
    if hint is int and get_args(kinds.Size)[1] in marks:
        return 'a number of bytes, or a size such as `"20GiB"`'
    if hint is Path and get_args(kinds.AbsolutePath)[-1] in marks:
        return "an absolute path"
    return _NAMED.get(hint, "text")


def _duration(marks: tuple[Any, ...]) -> str:
    if get_args(kinds.SpanWithUnit)[-1] in marks:
        return "a duration with its unit"
    return "a duration, more than 0" if get_args(kinds.PositiveSpan)[-1] in marks else "a duration"


def _one_of(values: Any) -> str:
    return "one of " + ", ".join(f'`"{each}"`' for each in values)
