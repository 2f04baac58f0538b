"""Proves many records good at once, with one automaton: each has the expected fields, and no value is new.

The automaton is a regular expression over bytes for one record, repeated. It matches as many complete records
from the start of a block as follow the grammar; the exact reader continues behind them. A stricter one comes
first: what it matches has none of the bytes that others would have to search for.
"""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from itertools import chain, groupby
from types import MappingProxyType
from typing import NamedTuple

from retraind.dataset.reader.automaton import Automaton, Engine, compiled, literal, matched, times
from retraind.dataset.reader.breaks import CR, CRLF, LF, QUOTE, line_breaks, line_feeds
from retraind.dataset.reader.encodings.characters import ASCII, beyond_ascii, decodes

MAX_WIDTH = 1_000
_NOT_PLAIN = rb"\x00-\x08\x0b\x0c\x0e-\x1f\\~-\xff"
"""Bytes that most tables have none of, as in brackets of an expression: all that shows another encoding, and
all that is searched for elsewhere. Where none of them is, nobody needs to search."""
_PLAIN = re.compile(b"[^%b]*+" % _NOT_PLAIN)
_ESCAPED = re.compile(rb"\\x([0-9a-f]{2})")
_RANGE_BEYOND_ASCII = re.compile(rb"-\\x[89a-f]")
_MOST_LITERATE = 200
"""Columns, up to which an expression for the characters of each value is worth its size."""
_MANY = 20
"""Known columns, from which on an automaton is dear."""
WORTH_ASKING = 100
"""Bytes of records for each column, from which on an automaton for those of other widths is worth making."""
LONG = 4
"""Line breaks, from which on a value is long: there may be rows in it."""


@dataclass(frozen=True, slots=True)
class Proved:
    """Complete records at the start of a block."""

    size: int  # bytes
    rows: int
    breaks: int  # physical lines; more than rows when quoted fields have line breaks
    short: int = 0  # bytes at the start in which no value has LONG line breaks or more
    lines: int = 0  # bytes at the start in which each record is a line
    plain: bool = False  # all of these bytes are plain ones
    valid: int = 0  # bytes at the start that are text in the form's encoding, without escaped quotes


def are_plain(data: bytes, begin: int, end: int) -> bool:
    """Return whether there are plain bytes alone between two places that are close together."""
    return _PLAIN.fullmatch(data, begin, end) is not None


@dataclass(frozen=True, slots=True)
class Form:
    """What is the same in all records of a file."""

    delimiter: bytes
    width: int
    endings: frozenset[bytes]  # that records may have
    codec: str = ASCII  # of the text, where it is known to have more


class Values(NamedTuple):
    """What is known of values, by column.

    The expressions are RE2's for bytes, without groups that capture, and match no delimiter, quote or line
    break. Quotes around such a value change nothing.
    """

    expressions: Mapping[int, bytes]
    """All values of these columns match."""
    quoted: Mapping[int, Sequence[bytes]] = MappingProxyType({})
    """But for these, if they are in quotes: they may have delimiters, quotes and line breaks."""


class _Grammar:
    """Writes the expression for one record."""

    def __init__(self, form: Form, values: Values, *, possessive: bool) -> None:
        self._form = form
        self._values, self._quoted = values
        self._most = b"+" if possessive else b""  # else the module would try shorter values before it fails

    def simple(self, others: Sequence[bytes] = ()) -> bytes:
        """No line break in quotes. Other quotes may be part of a value, as the csv module reads it.

        `others` are other records.
        """
        return self._repeated(b"|".join((*others, self._record(self._simple_field()))))

    def valid(self) -> bytes | None:
        """As the simple one, with characters of the encoding alone; None if known values may have others.

        Where a value has a quote inside, it has two, or is not matched: so no backslash is before one.
        """
        codec, delimiter = self._form.codec, self._form.delimiter
        texts = chain.from_iterable(self._quoted.values())
        if (
            self._form.width > _MOST_LITERATE
            or not all(decodes(text, codec) for text in texts)
            or not all(_are_valid_values(each, codec) for each in self._values.values())
        ):
            return None
        wide = beyond_ascii(codec)
        inside = b'(?:[^"\r\n\x80-\xff]|%b)*' % wide
        plain = b'(?:[^"\r\n\x80-\xff%b]|%b)*' % (delimiter, wide)
        return self._repeated(self._record(b'(?:"%b(?:""%b)*"|%b)' % (inside, inside, plain)))

    def plain(self) -> bytes | None:
        """As the simple one, with plain bytes alone; None if known values may have others."""
        texts = b"".join(chain.from_iterable(self._quoted.values()))
        if not are_plain(texts, 0, len(texts)) or not all(map(_are_plain_values, self._values.values())):
            return None
        return self._repeated(self._record(self._simple_field(barred=_NOT_PLAIN)))

    def with_breaks(self, *, few: bool) -> bytes:
        """Line breaks may be in quotes, and quotes alternate: one opens a text, the next one closes it."""
        return self._repeated(self._record(self._field_with_breaks(few=few), breaks=LONG - 1))

    def _field_with_breaks(self, *, few: bool) -> bytes:
        most = self._most
        plain = b'[^"\r\n%b]*%b' % (self._form.delimiter, most)
        quoted = b'[^"]*%b(?:""[^"]*%b)*%b' % (most, most, most)
        if few:
            line = b'[^"\r\n]*%b(?:""[^"\r\n]*%b)*%b' % (most, most, most)
            quoted = b"%b(?:(?:\r\n|\n|\r)%b){0,%d}%b" % (line, line, LONG - 1, most)
        return b'(?:(?:"%b")?%b)' % (quoted, plain)

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

    def _simple_field(self, *, empty: bool = True, barred: bytes = b"") -> bytes:
        most, delimiter = self._most, self._form.delimiter
        plain = b'[^"\r\n%b%b][^\r\n%b%b]*%b' % (delimiter, barred, delimiter, barred, most)
        inside = b'[^"\r\n%b]*%b' % (barred, most)
        quoted = b'"%b(?:""%b)*%b"' % (inside, inside, most)
        return b"(?:%b(?:%b)?|(?:%b)%b)" % (quoted, plain, plain, b"?" if empty else b"")

    def _record(self, some: bytes, *, breaks: int = 0) -> bytes:
        """`breaks`: the most line breaks of a known value."""
        *fields, last = (
            self._known(at, value, breaks) if (value := self._values.get(at)) is not None else some
            for at in range(self._form.width)
        )
        runs = ((field + self._form.delimiter, len([*equal])) for field, equal in groupby(fields))
        return b"".join(times(field, count) for field, count in runs) + last

    def _known(self, column: int, value: bytes, breaks: int) -> bytes:
        texts = (
            literal(text.replace(QUOTE, QUOTE + QUOTE))
            for text in self._quoted.get(column, ())
            if line_breaks(text, 0, len(text)) <= breaks
        )
        return b'(?:(?:%b)|"(?:%b)")' % (value, b"|".join((value, *texts)))

    def _repeated(self, record: bytes) -> bytes:
        # Longest first: CR LF is one line break.
        endings: list[bytes] = sorted(self._form.endings, key=len, reverse=True)
        return b"(?:(?:%b)(?:%b))*%b" % (record, b"|".join(endings), self._most)


class Prover:
    """Proves records of one form whose values, in some columns, are known."""

    def __init__(
        self,
        form: Form,
        values: Values,
        engine: Engine,
        blank: bytes | None = None,
        copy: bytes | None = None,
    ) -> None:
        """`blank` and `copy` are for records that are proved as well, whatever their values should be."""
        self.form = form
        self.blank = blank
        self.copy = copy
        self._engine = engine
        self._values = values
        self._grammar = _Grammar(form, values, possessive=engine is Engine.RE)
        self._ragged: dict[int, Automaton | None] = {}  # by width
        self._is_cut = CR in form.endings and CRLF not in form.endings  # the match may end inside CR LF
        self._ends_in_lf = form.endings in ({LF}, {CRLF})  # then each record has one line feed
        self._is_ascii = form.codec == ASCII
        self._is_likely = False  # a record was seen that may be proved
        self._asked = 0  # bytes of records
        self._proves = engine is not Engine.NONE and 0 < form.width <= MAX_WIDTH and bool(form.endings)

    @cached_property
    def _plain(self) -> Automaton | None:
        # Python's own module is so slow that a second expression costs more than it saves.
        if self._engine is not Engine.RE2 or not self._ends_in_lf or self.others:
            return None
        plain = self._grammar.plain() if self._is_ascii else self._grammar.valid()
        return None if plain is None else compiled(plain, self._engine)

    @cached_property
    def _simple(self) -> Automaton | None:
        return compiled(self._grammar.simple(self.others), self._engine) if self._proves else None

    @cached_property
    def _with_breaks(self) -> tuple[Automaton | None, ...]:
        """Few line breaks in a value, and any number of them."""
        if self._is_cut:
            return ()
        grammars = [self._grammar.with_breaks(few=few) for few in (True, False)]
        return tuple(compiled(each, self._engine) for each in grammars)

    @property
    def others(self) -> list[bytes]:
        """The expressions for records that are none of data, but are proved."""
        return [each for each in (self.blank, self.copy) if each is not None]

    def is_for(self, form: Form, values: Values, blank: bytes | None, copy: bytes | None) -> bool:
        """Return whether it proves just such records."""
        return (form, values, blank, copy) == (self.form, self._values, self.blank, self.copy)

    def prove(self, data: bytes, at: int) -> Proved:
        """Return what is proved of `data` from `at`, where a record begins."""
        if not self._proves or not self._is_worth_trying(data, at):
            return Proved(0, 0, 0)
        end = at if self._plain is None else matched(self._plain, data, at)
        valid = 0 if self._is_ascii else end - at
        is_done = end > at and data.find(LF, end) < 0
        if not is_done:
            end = self._end_of_simple(data, end)
        if self._is_cut and end > at and data.startswith(LF, end):
            end = data.rfind(CR, at, end - 1) + 1 or at
        rows = breaks = (line_feeds if self._ends_in_lf else line_breaks)(data, at, end)
        short = end
        lines = end - at
        # Most often only the start of a record is left.
        if is_done or data.find(LF, end) < 0 or data.find(QUOTE, end) < 0:
            return Proved(end - at, rows, breaks, short - at, lines, self._is_ascii and is_done, valid)
        for pattern in self._with_breaks:
            short = end
            if pattern is None or data.find(LF, end) < 0:
                break
            begin, end = end, matched(pattern, data, end)
            if end > begin:
                rows += _breaks_outside(data[begin:end])
                breaks += line_breaks(data, begin, end)
        return Proved(end - at, rows, breaks, short - at, lines, valid=valid)

    def _is_worth_trying(self, data: bytes, at: int) -> bool:
        """Return whether a record may be proved, if an automaton would be dear."""
        if self._is_likely or self.others or len(self._values.expressions) < _MANY:
            return True
        end = data.find(CR if self._is_cut else LF, at)
        if end < 0:
            return False
        fields = data[at:end].rstrip(CR).split(self.form.delimiter)
        self._is_likely = len(fields) != self.form.width or all(
            re.fullmatch(known, fields[column].strip(QUOTE))
            for column, known in self._values.expressions.items()
        )
        return self._is_likely

    def _end_of_simple(self, data: bytes, at: int) -> int:
        """Return where simple records end that begin at `at`, where plain ones have ended."""
        if self._is_ascii and self._plain is not None and are_plain(data, at, data.find(LF, at)):
            return at  # it is for its values that this line is none
        return at if self._simple is None else matched(self._simple, data, at)

    def ragged(self, data: bytes, at: int, width: int) -> Proved:
        """Return how many records at `at` are of this other width; of any other one if it is 0."""
        if not self._proves or self._is_cut:
            return Proved(0, 0, 0)
        if width not in self._ragged:
            self._ragged[width] = compiled(self._grammar.ragged(width), self._engine)
        pattern = self._ragged[width]
        end = at if pattern is None else matched(pattern, data, at)
        rows = line_breaks(data, at, end)
        return Proved(end - at, rows, rows)

    def knows_values(self, records: bytes) -> bool:
        """Return whether each of these records is as proved records are, or has another width."""
        if not self._proves or not records:
            return False
        self._asked += len(records)
        if self._asked < WORTH_ASKING * self.form.width:
            return False
        return self._other_width is not None and matched(self._other_width, records, 0) == len(records)

    def ends_alike(self, records: bytes) -> bool:
        """Return whether all these records surely end as the form says, of whatever width they are."""
        if self._is_cut or self._any_width is None:
            return False
        return matched(self._any_width, records, 0) == len(records)

    @cached_property
    def _any_width(self) -> Automaton | None:
        return None if self._engine is Engine.NONE else compiled(self._grammar.any_width(), self._engine)

    @cached_property
    def _other_width(self) -> Automaton | None:
        return compiled(self._grammar.other_width(), self._engine)


def _are_plain_values(expression: bytes) -> bool:
    """Return whether an expression for values surely matches plain bytes alone."""
    written = _ESCAPED.sub(lambda found: bytes.fromhex(found[1].decode("ascii")), expression)
    written = written.replace(rb"\.", b"")
    return b"[^" not in expression and are_plain(written, 0, len(written))


def _are_valid_values(expression: bytes, codec: str) -> bool:
    """Return whether an expression for values surely matches text in an encoding alone."""
    if b"[^" in expression or _RANGE_BEYOND_ASCII.search(expression):
        return False
    return decodes(_ESCAPED.sub(lambda found: bytes.fromhex(found[1].decode("ascii")), expression), codec)


def _breaks_outside(records: bytes) -> int:
    """Count the line breaks outside quotes, where quotes alternate."""
    outside = QUOTE.join(records.split(QUOTE)[::2])
    return line_breaks(outside, 0, len(outside))
