"""Which prover suits what is known of a file: its columns, the ends of its lines, rows that are not data."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import NamedTuple

from retraind.dataset.reader.automaton import Engine, literal
from retraind.dataset.reader.breaks import CR, CRLF, LF
from retraind.dataset.reader.columns import ColumnScan
from retraind.dataset.reader.encodings.characters import ASCII
from retraind.dataset.reader.oddities import Oddities
from retraind.dataset.reader.prover import Form, Proved, Prover, Values, are_plain
from retraind.dataset.reader.records import Scanner

_TEXTS_TRIED = 3
"""Columns of text that are tried as witnesses: each is a new automaton."""

_FEW_NAMES = 50
"""Values of a witness that are names of columns, and not in a copy of the header: they cost time."""


_ANY_ENDING = frozenset({CR, LF, CRLF})


@dataclass(frozen=True, slots=True)
class Header:
    """The first row."""

    cells: tuple[bytes, ...] = ()  # at most MAX_CELLS
    width: int = 0


class Ahead(NamedTuple):
    """What was proved of a piece before those in front of it were read."""

    piece: bytes
    begin: int
    prover: Prover
    proved: Proved

    @property
    def is_plain(self) -> bool:
        """Whether there are plain bytes alone in the piece, also in the lines that were not proved."""
        piece, begin, proved = self.piece, self.begin, self.proved
        return (
            proved.plain and are_plain(piece, 0, begin) and are_plain(piece, begin + proved.size, len(piece))
        )

    @property
    def valid(self) -> range:
        """The bytes of the piece that are text in its encoding, where no quote is behind a backslash."""
        return range(self.begin, self.begin + self.proved.valid)


class Provers:
    """Keeps the prover that uses all that is known of the columns and of the ends of lines."""

    def __init__(self, delimiter: bytes, engine: Engine, oddities: Oddities, *, is_series: bool) -> None:
        self.codec = ASCII
        """The encoding of the text so far, if nothing else has to be found out about it."""
        self.wanted: tuple[int, ...] = ()
        """The columns about which the prover knows anything."""
        self.witness: int | None = None
        """A column that has a number or a date in each row that is proved, or a text that is no name.

        So no such row is the header once more, in whatever order and case, or has nothing but blanks.
        """
        self._delimiter = delimiter
        self._engine = engine
        self._oddities = oddities
        self._is_series = is_series  # then a row without a time or a target matters
        self._prover: Prover | None = None  # once there is one, another thread uses it as well
        self._version = 0  # of the columns' grammar
        self._copied: bytes | None = None  # the header's line, once there are enough examples of copies
        self._texts: re.Pattern[bytes] | None = None  # what a witness that is text has
        self._tried = 0  # columns of text
        self._names = 0  # values of the witness that are names
        self._with_gaps: set[int] = set()  # columns that cannot be witnesses

    def current(self, header: Header, columns: ColumnScan, endings: frozenset[bytes]) -> Prover:
        """Return the prover for this state of things."""
        if len(endings) != 1:
            endings = _ANY_ENDING
        # Once there are enough examples, blank rows and copies of the header are proved and counted.
        blank, copied = self._oddities.known
        if len(endings) > 1 or self._is_series:
            blank = None
        if (
            self._prover is None
            or self._version != columns.version
            or self._prover.form.endings != endings
            or self._prover.form.codec != self.codec
            or self._prover.blank != blank
            or self._copied != copied
        ):
            self._version, self._copied = columns.version, copied
            grammar = dict(columns.grammar())
            self.witness, usual = self._witness(header, columns)
            is_late = len(endings) == 1 and not columns.are_sampled
            copy = self._copy(header, grammar) if is_late else None
            if self.witness is not None:
                grammar[self.witness] = usual
            self.wanted = tuple(sorted(grammar))
            form = Form(self._delimiter, header.width, endings, self.codec)
            values = Values(grammar, columns.quoted())
            if self._prover is None or not self._prover.is_for(form, values, blank, copy):
                self._prover = Prover(form, values, self._engine, blank, copy)
        return self._prover

    def _copy(self, header: Header, grammar: Mapping[int, bytes]) -> bytes | None:
        """Return an expression for the header's line, if copies of it teach nothing any more.

        Without a witness they are searched for, in whatever form.
        """
        if self._copied is None or self.witness is None:
            return None
        known = all(re.fullmatch(each, header.cells[at]) for at, each in grammar.items())
        return literal(self._copied) if known else None

    def _witness(self, header: Header, columns: ColumnScan) -> tuple[int | None, bytes]:
        """Return a column that tells rows of data from others, and an expression for its values."""
        self._texts = None
        for at, usual in columns.filled():
            if at not in self._with_gaps and not any(re.fullmatch(usual, name) for name in header.cells):
                return at, usual
        names = self._oddities.names
        texts = names.others(self._delimiter) if names and self._tried < _TEXTS_TRIED else None
        column = next((at for at in columns.texts() if at not in self._with_gaps), None)
        if texts is None or column is None:
            return None, b""
        self._texts = re.compile(texts)
        return column, texts

    def ahead(self, piece: bytes) -> Ahead | None:
        """Prove records from the first line feed of a piece on; None if there is nothing to do it with."""
        prover = self._prover
        begin = piece.find(LF) + 1
        if prover is None or not begin:
            return None
        return Ahead(piece, begin, prover, prover.prove(piece, begin))

    def now(self, scanner: Scanner, piece: bytes) -> Ahead | None:
        """Do so with the next piece, if it is sure that what is proved is of use."""
        return self.ahead(piece) if self.witness is not None and scanner.ends_record_in(piece) else None

    def check(self, values: Mapping[int, Sequence[bytes]]) -> None:
        """Give up the witness if there is a row of data in which it has no such value."""
        if self.witness is None or self.witness not in values:
            return
        found, texts = values[self.witness], self._texts
        if b"" in found or (texts is not None and not self._are_texts(found, texts)):
            self._tried += texts is not None
            self._names = 0
            self._with_gaps.add(self.witness)
            self._prover = None

    def _are_texts(self, values: Sequence[bytes], texts: re.Pattern[bytes]) -> bool:
        """Return whether values are as they should be, but for few that may be in a copy of the header."""
        others = {value for value in set(values) if not texts.fullmatch(value)}
        if not others:
            return True
        self._names += sum(map(others.__contains__, values))
        names, copies = self._oddities.names, self._oddities.headers.count
        few = self._names <= _FEW_NAMES + 2 * copies
        return few and names is not None and all(map(names.are_known, others))
