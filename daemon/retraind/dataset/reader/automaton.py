"""What matches bytes against regular expressions, from the start as far as possible.

google-re2 matches fastest and lets other threads run meanwhile; without it, Python's own module does the
same.
"""

import re
from enum import StrEnum
from functools import lru_cache
from importlib import import_module
from types import ModuleType
from typing import Protocol, cast

_NOT_ITSELF = re.compile(rb"[^0-9A-Za-z ]")
_FEW = 20
"""Times; an engine is ready sooner if it has to count more of them."""
_MAX_COUNT = 1_000  # to which RE2 counts
STRUCTURE = re.compile(rb'[,\t"\r\n]')
"""Bytes that no expression for values may match, whatever the delimiter is: they stand between values."""
MAX_MEMORY = 64 << 20
"""Bytes for one automaton, which grows as it runs; few need one. Where that is not enough, it is slower."""


class Engine(StrEnum):
    """What runs the automaton."""

    RE2 = "re2"
    RE = "re"
    NONE = "none"  # every record is read the exact way


class _Match(Protocol):
    def end(self) -> int: ...


class _Place(Protocol):
    def start(self) -> int: ...


class Searcher(Protocol):
    """A compiled expression that is searched for."""

    def search(self, data: bytes, at: int) -> _Place | None:
        """Return the first match from `at` on."""


class Automaton(Protocol):
    """A compiled expression."""

    def match(self, data: bytes, at: int) -> _Match | None:
        """Match from `at`."""


def _re2() -> ModuleType | None:
    try:
        return import_module("re2")
    except ImportError:
        return None


def best_engine() -> Engine:
    """Return the fastest engine that is installed."""
    return Engine.RE if _re2() is None else Engine.RE2


def literal(text: bytes) -> bytes:
    """Return an expression for this text alone, short where it is made of letters, digits and spaces."""
    return _NOT_ITSELF.sub(lambda found: b"\\x%02x" % ord(found[0]), text)


def times(expression: bytes, count: int) -> bytes:
    """Return an expression for one thing so many times."""
    if count < _FEW:
        return expression * count
    counts = [_MAX_COUNT] * (count // _MAX_COUNT) + [count % _MAX_COUNT]
    return b"".join(b"(?:%b){%d}" % (expression, each) for each in counts if each)


def compiled(expression: bytes, engine: Engine) -> Automaton | None:
    """Return the automaton of an expression in RE2's syntax, for bytes; None if it would be too large."""
    if engine is Engine.RE:
        return re.compile(expression)
    re2 = import_module("re2")
    options = re2.Options()
    options.encoding = re2.Options.Encoding.LATIN1
    options.longest_match = True
    options.never_capture = True
    options.log_errors = False
    options.max_mem = MAX_MEMORY
    try:
        pattern: Automaton = re2.compile(expression, options)
    except re2.error:
        return None
    finally:
        re2.purge()  # it would keep the last 128, each with its automaton
    return pattern


def searcher(expression: bytes, engine: Engine) -> Searcher:
    """Return what searches for an expression in the syntax of both engines."""
    found = compiled(expression, engine) if engine is Engine.RE2 else None
    return re.compile(expression) if found is None else cast("Searcher", found)


@lru_cache(maxsize=100)
def _literal_searcher(text: bytes) -> Searcher:
    return searcher(literal(text), Engine.RE2)


def place_of(text: bytes, data: bytes, at: int, engine: Engine) -> int:
    """Return where a text begins, `at` or later; -1 if nowhere.

    It is as fast as its first byte is rare; `bytes.find` looks at most bytes for a text of several.
    """
    if engine is not Engine.RE2:
        return data.find(text, at)
    found = _literal_searcher(text).search(data, at)
    return -1 if found is None else found.start()


def matched(automaton: Automaton, data: bytes, at: int) -> int:
    """Return where the match that begins at `at` ends: there if there is none."""
    match = automaton.match(data, at)
    return at if match is None else match.end()
