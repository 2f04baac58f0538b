"""Proves many records good at once, with one automaton: each has the expected fields, and no value is new.

The automaton is a regular expression over bytes for one record, repeated. It matches as many complete records
from the start of a block as follow the grammar; the exact reader continues behind them. google-re2 matches
fastest and lets other threads run meanwhile; without it, Python's own module does the same.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from functools import cached_property
from importlib import import_module
from types import ModuleType
from typing import Protocol

from retraind.dataset.reader.breaks import CR, CRLF, LF, QUOTE, line_breaks

MAX_WIDTH = 5_000
MAX_MEMORY = 64 << 20
"""Bytes for one automaton, which grows as it runs; few need one. Where that is not enough, it is slower."""

LONG = 4
"""Line breaks, from which on a value is long: there may be rows in it."""


class Engine(StrEnum):
    """What runs the automaton."""

    RE2 = "re2"
    RE = "re"
    NONE = "none"  # every record is read the exact way


@dataclass(frozen=True, slots=True)
class Proved:
    """Complete records at the start of a block."""

    size: int  # bytes
    rows: int
    breaks: int  # physical lines; more than rows when quoted fields have line breaks
    short: int = 0  # bytes at the start in which no value has LONG line breaks or more


class _Match(Protocol):
    def end(self) -> int: ...


class _Pattern(Protocol):
    def match(self, data: bytes, at: int) -> _Match | None: ...


def _re2() -> ModuleType | None:
    try:
        return import_module("re2")
    except ImportError:
        return None


def best_engine() -> Engine:
    """Return the fastest engine that is installed."""
    return Engine.RE if _re2() is None else Engine.RE2


@dataclass(frozen=True, slots=True)
class Form:
    """What is the same in all records of a file."""

    delimiter: bytes
    width: int
    endings: frozenset[bytes]  # that records may have


class _Grammar:
    """Writes the expression for one record."""

    def __init__(self, form: Form, values: Mapping[int, bytes], *, possessive: bool) -> None:
        self._form = form
        self._values = values
        self._most = b"+" if possessive else b""  # else the module would try shorter values before it fails

    def simple(self) -> bytes:
        """No line break in quotes. Other quotes may be part of a value, as the csv module reads it."""
        return self._repeated(self._record(self._simple_field()))

    def with_breaks(self, *, few: bool) -> bytes:
        """Line breaks may be in quotes, and quotes alternate: one opens a text, the next one closes it."""
        return self._repeated(self._record(self._field_with_breaks(few=few)))

    def _field_with_breaks(self, *, few: bool) -> bytes:
        most = self._most
        plain = b'[^"\r\n%b]*%b' % (self._form.delimiter, most)
        quoted = b'[^"]*%b(?:""[^"]*%b)*%b' % (most, most, most)
        if few:
            line = b'[^"\r\n]*%b(?:""[^"\r\n]*%b)*%b' % (most, most, most)
            quoted = b"%b(?:(?:\r\n|\n|\r)%b){0,%d}%b" % (line, line, LONG - 1, most)
        return b'(?:"%b"|%b)' % (quoted, plain)

    def other_width(self) -> bytes:
        """As the simple one, and records of any other width."""
        some, delimiter, width = self._simple_field(), self._form.delimiter, self._form.width
        others = [b"(?:%b%b){%d,}%b" % (some, delimiter, width, some)]
        if width > 1:
            others.append(b"(?:%b%b){0,%d}%b" % (some, delimiter, width - 2, some))
        return self._repeated(b"|".join((self._record(some), *others)))

    def ragged(self, width: int) -> bytes:
        """Simple records of this width, or if it is 0, of any but the form's; none is an empty line."""
        some, delimiter, expected = self._simple_field(), self._form.delimiter, self._form.width
        if width > 1:
            return self._repeated(delimiter.join([some] * width))
        one = self._simple_field(empty=False)
        if width == 1:
            return self._repeated(one)
        fewer = b"%b%b(?:%b%b){0,%d}%b" % (some, delimiter, some, delimiter, max(expected - 3, 0), some)
        more = b"(?:%b%b){%d,}%b" % (some, delimiter, expected, some)
        return self._repeated(b"|".join((one, more, *([fewer] if expected > len("ab") else []))))

    def any_width(self) -> bytes:
        """Line breaks may be in quotes; what matters is how records end."""
        some, delimiter = self._field_with_breaks(few=False), self._form.delimiter
        return self._repeated(b"%b(?:%b%b)*%b" % (some, delimiter, some, self._most))

    def _simple_field(self, *, empty: bool = True) -> bytes:
        most, delimiter = self._most, self._form.delimiter
        plain = b'[^"\r\n%b][^\r\n%b]*%b' % (delimiter, delimiter, most)
        quoted = b'"[^"\r\n]*%b(?:""[^"\r\n]*%b)*%b"' % (most, most, most)
        return b"(?:%b(?:%b)?|(?:%b)%b)" % (quoted, plain, plain, b"?" if empty else b"")

    def _record(self, some: bytes) -> bytes:
        fields = [
            some if (value := self._values.get(at)) is None else b'(?:(?:%b)|"(?:%b)")' % (value, value)
            for at in range(self._form.width)
        ]
        return self._form.delimiter.join(fields)

    def _repeated(self, record: bytes) -> bytes:
        # Longest first: CR LF is one line break.
        endings: list[bytes] = sorted(self._form.endings, key=len, reverse=True)
        return b"(?:(?:%b)(?:%b))*%b" % (record, b"|".join(endings), self._most)


class Prover:
    """Proves records of one form whose values, in some columns, match an expression each.

    The expressions are RE2's for bytes, without groups that capture, and match no delimiter, quote or line
    break. Quotes around such a value change nothing.
    """

    def __init__(self, form: Form, values: Mapping[int, bytes], engine: Engine) -> None:
        self.form = form
        self._engine = engine
        self._grammar = _Grammar(form, values, possessive=engine is Engine.RE)
        self._simple: _Pattern | None = None
        self._ragged: dict[int, _Pattern | None] = {}  # by width
        self._is_cut = CR in form.endings and CRLF not in form.endings  # the match may end inside CR LF
        if engine is Engine.NONE or not 0 < form.width <= MAX_WIDTH or not form.endings:
            return
        self._simple = _compiled(self._grammar.simple(), engine)

    @cached_property
    def _with_breaks(self) -> tuple[_Pattern | None, ...]:
        """Few line breaks in a value, and any number of them."""
        if self._is_cut:
            return ()
        grammars = [self._grammar.with_breaks(few=few) for few in (True, False)]
        return tuple(_compiled(each, self._engine) for each in grammars)

    def prove(self, data: bytes, at: int) -> Proved:
        """Return what is proved of `data` from `at`, where a record begins."""
        if self._simple is None:
            return Proved(0, 0, 0)
        end = _end(self._simple, data, at)
        if self._is_cut and end > at and data.startswith(LF, end):
            end = data.rfind(CR, at, end - 1) + 1 or at
        rows = breaks = line_breaks(data, at, end)
        short = end
        # Most often only the start of a record is left.
        if data.find(LF, end) < 0 or data.find(QUOTE, end) < 0:
            return Proved(end - at, rows, breaks, short - at)
        for pattern in self._with_breaks:
            short = end
            if pattern is None or data.find(LF, end) < 0:
                break
            begin, end = end, _end(pattern, data, end)
            if end > begin:
                rows += _breaks_outside(data[begin:end])
                breaks += line_breaks(data, begin, end)
        return Proved(end - at, rows, breaks, short - at)

    def ragged(self, data: bytes, at: int, width: int) -> Proved:
        """Return how many records at `at` are of this other width; of any other one if it is 0."""
        if self._simple is None or self._is_cut:
            return Proved(0, 0, 0)
        if width not in self._ragged:
            self._ragged[width] = _compiled(self._grammar.ragged(width), self._engine)
        pattern = self._ragged[width]
        end = at if pattern is None else _end(pattern, data, at)
        rows = line_breaks(data, at, end)
        return Proved(end - at, rows, rows)

    def knows_values(self, records: bytes) -> bool:
        """Return whether each of these records is as proved records are, or has another width."""
        if self._simple is None or not records:
            return False
        return self._other_width is not None and _end(self._other_width, records, 0) == len(records)

    def ends_alike(self, records: bytes) -> bool:
        """Return whether all these records surely end as the form says, of whatever width they are."""
        if self._is_cut or self._any_width is None:
            return False
        return _end(self._any_width, records, 0) == len(records)

    @cached_property
    def _any_width(self) -> _Pattern | None:
        return None if self._engine is Engine.NONE else _compiled(self._grammar.any_width(), self._engine)

    @cached_property
    def _other_width(self) -> _Pattern | None:
        return _compiled(self._grammar.other_width(), self._engine)


def _end(pattern: _Pattern, data: bytes, at: int) -> int:
    match = pattern.match(data, at)
    return at if match is None else match.end()


def _breaks_outside(records: bytes) -> int:
    """Count the line breaks outside quotes, where quotes alternate."""
    outside = QUOTE.join(records.split(QUOTE)[::2])
    return line_breaks(outside, 0, len(outside))


def _compiled(expression: bytes, engine: Engine) -> _Pattern | None:
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
        pattern: _Pattern = re2.compile(expression, options)
    except re2.error:
        return None
    finally:
        re2.purge()  # it would keep the last 128, each with its automaton
    return pattern
