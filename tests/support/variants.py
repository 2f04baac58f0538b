"""Variants of a test of which a few stand for all in the default suite; `make long` runs every one."""

from collections.abc import Collection, Iterable
from itertools import product
from typing import Any

import pytest


def long(*values: Any, id: str | None = None) -> Any:  # noqa: A002 - as pytest calls it
    """Return a variant that is run by `make long` alone."""
    return pytest.param(*values, marks=pytest.mark.long, id=id)


def variants(*axes: Iterable[Any], default: Collection[Any]) -> list[Any]:
    """Return all combinations of the values of some axes, of which only those in `default` run by default."""
    combinations = list(product(*axes)) if len(axes) > 1 else [(value,) for value in axes[0]]
    chosen = [each if isinstance(each, tuple) else (each,) for each in default]
    assert all(each in combinations for each in chosen), "a default that is no variant would run nothing"
    return [pytest.param(*each) if each in chosen else long(*each) for each in combinations]
