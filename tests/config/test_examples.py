"""The examples for whoever wrote a wrong value: one for each key that needs one, and each is right."""

import tomllib
from collections.abc import Iterator
from enum import Enum
from types import UnionType
from typing import Annotated, Any, Literal, Union, get_args, get_origin

import pytest
from pydantic import BaseModel, TypeAdapter
from pydantic.fields import FieldInfo

from retraind.config.examples import EXAMPLES, kind_of
from retraind.config.settings import ModelSettings, Settings


def fields(model: type[BaseModel], before: str = "") -> Iterator[tuple[str, FieldInfo]]:
    """Yield each key of a table and of the tables in it, by its name."""
    for name, field in model.model_fields.items():
        table = next((each for each in _parts(field.annotation) if _is_table(each)), None)
        table = ModelSettings if (before, name) == ("", "models") else table
        if table is None:
            yield before + name, field
        else:
            yield from fields(table, f"{before}{name}.")


def _parts(hint: Any) -> Iterator[Any]:
    yield hint
    for part in get_args(hint):
        yield from _parts(part)


def _is_table(hint: Any) -> bool:
    return isinstance(hint, type) and issubclass(hint, BaseModel)


def needs_one(field: FieldInfo) -> bool:
    """Return whether the value is more than a choice, a number, or a table."""
    union = get_origin(field.annotation) in {Union, UnionType}
    hints = get_args(field.annotation) if union else (field.annotation,)
    hints = [get_args(each)[0] if get_origin(each) is Annotated else each for each in hints]
    plain = (type(None), bool, int)
    return not all(each in plain or get_origin(each) in {Literal, dict} or _is_choice(each) for each in hints)


def _is_choice(hint: Any) -> bool:
    return isinstance(hint, type) and issubclass(hint, Enum)


FIELDS = dict(fields(Settings))


def test_each_key_that_needs_an_example_has_one_and_no_other_key():
    assert {name for name, field in FIELDS.items() if needs_one(field)} <= EXAMPLES.keys()
    assert EXAMPLES.keys() <= FIELDS.keys()


@pytest.mark.parametrize("name", EXAMPLES)
def test_each_example_is_right(name):
    field = FIELDS[name]
    value = tomllib.loads(f"x = {EXAMPLES[name]}")["x"]
    TypeAdapter(
        Annotated[field.annotation, *field.metadata] if field.metadata else field.annotation
    ).validate_python(value)
    assert kind_of(value) in {"text", "list"}
