"""Variants of a test of which a few stand for all; `make long` runs the others."""

import inspect
from collections.abc import Callable, Iterable
from functools import wraps
from itertools import product
from typing import Any

import pytest
from hypothesis import given, settings


def long(*values: Any, id: str | None = None) -> Any:  # noqa: A002 - as pytest calls it
    """Return a variant that is run by `make long` alone."""
    return pytest.param(*values, marks=pytest.mark.long, id=id)


def system(*values: Any, id: str | None = None) -> Any:  # noqa: A002 - as pytest calls it
    """Return a variant that is run by `make test-system`."""
    return pytest.param(*values, marks=pytest.mark.system, id=id)


def variants(*axes: Iterable[Any], default: Iterable[Any]) -> list[Any]:
    """Return all combinations of the values of some axes, of which only those in `default` run by default."""
    combinations = list(product(*axes)) if len(axes) > 1 else [(value,) for value in axes[0]]
    chosen = [each if isinstance(each, tuple) else (each,) for each in default]
    assert all(each in combinations for each in chosen), "a default that is no variant would run nothing"
    return [pytest.param(*each) if each in chosen else long(*each) for each in combinations]


def holds_for(few: int, many: int, *strategies: Any, **named: Any) -> Callable[[Callable[..., None]], Any]:
    """Try a property with `few` examples, and with `many` by `make long`; the others are as for `given`."""

    def decorate(holds: Callable[..., None]) -> Any:
        tries = {
            count: settings(max_examples=count)(given(*strategies, **named)(holds)) for count in (few, many)
        }

        @pytest.mark.parametrize("count", [pytest.param(few, id="few"), long(many, id="many")])
        @wraps(tries[few])
        def test(*args: Any, count: int, **kwargs: Any) -> None:
            tries[count](*args, **kwargs)

        plain = inspect.signature(tries[few])
        keyword = inspect.Parameter("count", inspect.Parameter.KEYWORD_ONLY)
        test.__signature__ = plain.replace(parameters=[*plain.parameters.values(), keyword])
        return test

    return decorate
