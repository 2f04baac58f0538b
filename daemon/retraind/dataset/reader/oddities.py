"""What shows that a file is not a table as it should be: evidence, noted while the file is read.

It is cheap on good data: most of it is the first and the last bytes, a few rows of the sample, and searches
for bytes that are rare. What the evidence means is decided in rules/causes/.
"""

import re
from collections.abc import Callable, Collection, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from itertools import chain, islice, repeat

from retraind.dataset.reader.automaton import Engine, place_of, searcher
from retraind.dataset.reader.breaks import CR, LF, QUOTE, line_breaks
from retraind.dataset.reader.examples import MAX_EXAMPLES, Examples
from retraind.dataset.reader.records import Batch
from retraind.dataset.reader.strays.names import (
    BLANK_STARTS,
    CTRL_Z,
    FORM_FEED,
    LOST,
    MARK,
    RULE_STARTS,
    Names,
    is_blank,
    is_rule,
    is_rule_inside,
)
from retraind.dataset.reader.strays.searching import Blanks, Copies, Rules, marked_row
from retraind.dataset.reader.strays.swallowed import Swallowed, SwallowedRows

HEAD = 64 << 10
"""Kept from the start of the text, in bytes."""
_MARK = MARK.decode("latin-1")
_ODD_STARTS = RULE_STARTS | BLANK_STARTS | {_MARK[:1]}
"""Of rows that may be blank, or begin with a mark."""
_TAIL = 4 << 10
_END = 8 << 10
_EDGE = 3  # bytes of the last piece, in which something may begin that ends in the next one
_CELL = 64  # bytes kept of their values
_CELLS = 1_000  # kept of a row
_TABLE = 2  # columns, from which on a row of nothing but delimiters shows itself

_CTRL_Z_LINES = (b"\n\x1a", b"\r\x1a")
_ESCAPED = re.compile(rb'\\"[^"\r\n,;|\t]')
_SIGNS = rb"\xef(?:\xbb\xbf|\xbf\xbd)"
"""An expression for a mark, or a lost character."""
_LEADS = frozenset(range(0x81, 0xA0)) | frozenset(range(0xE0, 0xFD))
"""First bytes of Shift_JIS characters, whose second byte may be that of a backslash."""


@dataclass(frozen=True, slots=True)
class OddityFacts:
    """The evidence. Lines are physical lines, from 1."""

    head: bytes = b""  # after the byte order mark
    head_is_all: bool = True
    tail: bytes = b""
    end: bytes = b""  # more of it, with lines of which the first may be cut; none of it is in the head
    end_line: int = 1  # the line in which that begins
    last_line: int = 1
    rows: tuple[tuple[bytes, ...], ...] = ()  # the first of the header's width, without copies; shortened
    first_row: tuple[bytes, ...] = ()  # the one after the header, of any width; values are shortened
    blank: Examples[int] = field(default_factory=Examples)  # rows of nothing but delimiters
    headers: Examples[int] = field(default_factory=Examples)  # rows that are the header once more
    reordered: bool = False  # one of them has the names in another order
    rules: Examples[int] = field(default_factory=Examples)  # lines of hyphens, of the header's width
    marked_rows: Examples[int] = field(default_factory=Examples)  # rows that begin with U+FEFF
    marks: Examples[int] = field(default_factory=Examples)  # all U+FEFF, also those
    lost: Examples[int] = field(default_factory=Examples)  # all U+FFFD
    ctrl_z: Examples[int] = field(default_factory=Examples)  # bytes 0x1A at the start of a line
    escapes: Examples[int] = field(default_factory=Examples)  # backslashes before a quote
    escapes_shift_jis: Examples[int] = field(default_factory=Examples)  # other than half characters
    swallowed: Examples[SwallowedRows] = field(default_factory=Examples)

    @property
    def first_line(self) -> bytes:
        """The first line, without its end."""
        return self.head.partition(b"\n")[0].partition(b"\r")[0]


class Oddities:
    """Receives what the reader reads of one file. All bytes go through `feed`, in order."""

    def __init__(self, delimiter: bytes, engine: Engine, rows: int = 100) -> None:
        """`rows` of the sample are kept, to compare them with the header."""
        self._most_rows = rows
        self._delimiter = delimiter
        self._engine = engine
        self._signs = searcher(_SIGNS, engine)
        self._head = b""
        self._size = 0
        self._tail = b""
        self.names: Names | None = None
        """The names of the columns, unless there is one column only."""
        self._blanks: Blanks | None = None
        self._copies: Copies | None = None
        self._rules: Rules | None = None
        self.mixed = False
        """Not all rows end as the header does."""
        self._below_header = True  # the next row is the one after the header, or after a copy of it
        self._rows: list[tuple[bytes, ...]] = []
        self._first_row: tuple[bytes, ...] | None = None
        self._blank: Examples[int] = Examples()
        self.headers: Examples[int] = Examples()
        """Rows that are the header once more, so far."""
        self._reordered = False
        self._rule_rows: Examples[int] = Examples()
        self._marked_rows: Examples[int] = Examples()
        self._marks: Examples[int] = Examples()
        self._lost: Examples[int] = Examples()
        self._ctrl_z: Examples[int] = Examples()
        self._escapes: Examples[int] = Examples()
        self._escapes_shift_jis: Examples[int] = Examples()
        self._swallowed = Swallowed(delimiter, 0)

    def feed(
        self, piece: bytes, line_of: Callable[[int], int], *, plain: bool = False, valid: range = range(0)
    ) -> None:
        """Read the next piece, without the byte order mark; `line_of` returns the line of an offset in it.

        `plain`: it has plain bytes alone, as the prover says. `valid`: these lines have no escaped quotes.
        """
        if len(self._head) < HEAD:
            self._head += piece[: HEAD - len(self._head)]
        edge = self._tail[-_EDGE:]
        self._size += len(piece)
        self._tail = piece if len(piece) >= _END else self._tail[-_END:] + piece
        if not plain or b"\\" in edge:
            self._find_odd_bytes(edge, piece, line_of, valid)

    def _find_odd_bytes(self, edge: bytes, piece: bytes, line_of: Callable[[int], int], valid: range) -> None:
        # What begins with one byte is found many times faster than several.
        if self._signs.search(piece, 0) or self._signs.search(edge + piece[:_EDGE], 0):
            for sign, found in ((MARK, self._marks), (LOST, self._lost)):
                _note_all(found, sign, edge, piece, line_of)
        if CTRL_Z in piece:
            data = (edge[-1:] or b"\n") + piece
            begun = [each for each in _CTRL_Z_LINES if place_of(each, data, 0, self._engine) >= 0]
            _note_ctrl_z(self._ctrl_z, data, begun, line_of)
        self._escapes_in(edge, piece[: valid.start] if valid else piece, line_of)
        if valid:
            self._escapes_in(b"", piece[valid.stop :], lambda offset: line_of(valid.stop + offset))

    def _escapes_in(self, edge: bytes, piece: bytes, line_of: Callable[[int], int]) -> None:
        if self._escapes_shift_jis.full or not all(each in piece or each in edge for each in (b"\\", b'"')):
            return
        for found in _ESCAPED.finditer(edge + piece):
            if found.end() <= len(edge):
                continue
            at = found.start()
            _note(self._escapes, piece, at - len(edge), line_of)
            if not at or found.string[at - 1] not in _LEADS:
                _note(self._escapes_shift_jis, piece, at - len(edge), line_of)
            if self._escapes_shift_jis.full:
                return

    def header(self, cells: Sequence[str], ending: bytes) -> None:
        """Read the header: its names, and the line break after it."""
        if len(cells) >= _TABLE:
            self.names = Names(cells)
            self._blanks = Blanks(len(cells), self._delimiter, ending, self._engine)
            line = self._head.partition(LF)[0].partition(CR)[0]
            self._copies = Copies(self.names, line, self._delimiter, ending, self._engine)
            self._rules = Rules(len(cells), self._delimiter, ending, self._engine)
            self._swallowed = Swallowed(self._delimiter, len(cells))

    @property
    def _width(self) -> int:
        return 0 if self.names is None else len(self.names.cells)

    @property
    def needs_rows(self) -> bool:
        """Whether the next row of the sample matters, whatever its values are."""
        return self.names is not None and (self._below_header or len(self._rows) < self._most_rows)

    def may_have_names(self, data: bytes) -> bool:
        """Return whether a header that is no exact copy may stand in records."""
        return self._copies is not None and self._copies.may_stand_in(data)

    @property
    def errors(self) -> int:
        """Rows that are errors, so far, apart from ragged ones."""
        return self.headers.count + self._marked_rows.count + self._rule_rows.count

    @property
    def known(self) -> tuple[bytes | None, bytes | None]:
        """For the prover: an expression for blank rows, and the header's line; None if each is looked at."""
        blanks, copies = self._blanks, self._copies
        return (
            None if blanks is None or not self._blank.full else blanks.text,
            None if copies is None or not self.headers.full else copies.line,
        )

    def count_proved(self, rows: bytes, *, blank: bool, copies: bool) -> None:
        """Count blank rows, and copies of the header's line, where each row is a line and ends as it does."""
        if blank and self._blanks is not None:
            self._blank.count += self._blanks.count(rows)
        if copies and self._copies is not None:
            self.headers.count += self._copies.count(rows)

    def find(
        self,
        data: bytes,
        at: int,
        *,
        only_marks: bool = False,
        no_blank: bool = False,
    ) -> int:
        """Return where a row begins, from `at` on, that has to be read the exact way; -1 if there is none.

        These rows are the header once more, rows of nothing but blanks or hyphens, and those with a mark of
        a file's start. A row begins at `at`. `only_marks`: other rows are told otherwise; `no_blank`: those
        of blanks are.
        """
        blanks, copies, rules = self._blanks, self._copies, self._rules
        if blanks is None or copies is None or rules is None:
            return -1
        first = marked_row(data, at, self._engine) if self._marks else len(data)
        if not only_marks:
            copies.note_first_rows(self._head.partition(b"\n")[2])
            first = min(first, copies.find(data, at, mixed=self.mixed))
            first = min(first, rules.find(data, at, mixed=self.mixed))
            if not no_blank:
                first = min(first, blanks.find(data, at, mixed=self.mixed))
        return first if first < len(data) else -1

    def count_swallowed(self, records: bytes) -> int | None:
        """Count the records with rows in a value; None if they have to be read instead.

        Each quote in the records encloses a value, or is doubled.
        """
        return 0 if self.names is None else self._swallowed.count_in(records)

    def sample(self, lines: Sequence[int], rows: Sequence[Sequence[str]], lasts: Sequence[int]) -> set[int]:
        """Read records of the sample: their first physical lines, values as Latin-1, and last lines.

        Return the places of those that are none of data, though they may have the width of one.
        """
        names, strays = self.names, set()
        if names is None:
            return set()
        width, may_end = self._width, names.may_end
        for at, row in enumerate(rows):
            is_usual = (
                len(row) == width
                and row[0][:1] not in _ODD_STARTS
                and lasts[at] == lines[at]
                and not self._below_header
                and not may_end(row[-1])
            )
            if not is_usual:
                if self._is_stray(lines[at], row, lasts[at], names):
                    strays.add(at)
            elif len(self._rows) < self._most_rows:
                self._rows.append(_kept(row))
        return strays

    def _is_stray(self, line: int, cells: Sequence[str], last: int, names: Names) -> bool:
        below, self._below_header = self._below_header, False
        if self._first_row is None:
            self._first_row = _kept(cells)
        if cells and cells[0].startswith(_MARK):
            self._marked_rows.add(line)
        self._swallowed.read(cells, line, last)
        width = self._width
        if len(cells) == width and is_blank(cells):
            self._blank.add(line)
            return any(cells)
        if len(cells) in {width, 2 * width - 1} and names.may_end(cells[-1]) and names.is_header(cells):
            self.headers.add(line)
            self._reordered = self._reordered or names.is_reordered(cells)
            self._below_header = True
            return True
        if len(cells) == width:
            if (below and is_rule(cells)) or is_rule_inside(cells):
                self._rule_rows.add(line)
                return True
            if len(self._rows) < self._most_rows:
                self._rows.append(_kept(cells))
        return False

    def records(self, batch: Batch, next_line: int, around: bytes, *, search: bool) -> Collection[int]:
        """Read many records after the sample as `sample` does; `next_line` is that behind them.

        They are part of `around`. `search`: values are searched for rows. Return the places of those that
        have blanks or hyphens and nothing else.
        """
        names = self.names
        empty: Collection[int] = ()
        if names is None:
            return ()
        if self._are_alike(batch, names, around):
            _count(self._blank, batch, [""] * self._width)
            _count(self.headers, batch, [*names.cells])
        else:
            empty = self._each(batch, names)
        if search and (
            batch.more_breaks < 0
            or (batch.more_breaks and _has_many_lines(batch.data, self._swallowed.fewest))
        ):
            self._swallowed.read_all(batch, next_line)
        return empty

    def _each(self, batch: Batch, names: Names) -> Collection[int]:
        def labels(row: list[str]) -> Iterable[str]:
            is_usual = not row or (row[0][:1] not in _ODD_STARTS and not names.may_end(row[-1]))
            return () if is_usual else self._labels(row, names)

        def may_be(rows: Sequence[Sequence[str]]) -> Iterator[int]:
            lasts = set(filter(names.may_end, {row[-1] for row in rows if row}))
            for at, row in enumerate(rows):
                if row and (row[-1] in lasts or row[0][:1] in _ODD_STARTS):
                    yield at

        is_regular = batch.count_of(self._width) == batch.count
        found = batch.labelled(labels, names.may_begin if is_regular else names.may_be_line, may_be)
        for label, examples in (
            ("blank", self._blank), ("copy", self.headers), ("marked", self._marked_rows),
            ("rule", self._rule_rows),
        ):  # fmt: skip
            if places := found.get(label):
                _add(examples, batch.lines, places)
        self._reordered = self._reordered or "reordered" in found
        return found.get("empty", ())

    def _labels(self, row: list[str], names: Names) -> Iterator[str]:
        if len(row) == self._width and is_blank(row):
            yield "blank"
            if any(row):
                yield "empty"
        if len(row) == self._width and is_rule_inside(row):
            yield from ("rule", "empty")
        if names.may_end(row[-1]) and names.is_header(row):
            yield "copy"
            if not self._reordered and names.is_reordered(row):
                yield "reordered"
        if row[0][:3] == _MARK:
            yield "marked"

    def _are_alike(self, batch: Batch, names: Names, around: bytes) -> bool:
        """Return whether each row that is not data surely has just the names, or nothing."""
        data = batch.data
        marks = (MARK, CTRL_Z, FORM_FEED)
        if batch.more_breaks < 0 or any(data.find(each) >= 0 for each in marks) or names.are_long:
            return False
        assert self._blanks is not None
        assert self._copies is not None
        assert self._rules is not None
        if self._rules.may_be_in(data, 0) and self._rules.find(data, 0, mixed=self.mixed) < len(data):
            return False
        return self._blanks.are_delimiters(
            data, around, lambda: batch.equal_to([""] * self._width, 0)[0], mixed=self.mixed
        ) and self._copies.are_exact(data, lambda: batch.equal_to([*names.cells], 0)[0])

    def facts(self, next_line: int) -> OddityFacts:
        """Return the evidence, after the last piece; `next_line` is the line after the last line break."""
        end = self._tail[-_END:][-max(0, self._size - HEAD) :] if self._size > HEAD else b""
        return OddityFacts(
            head=self._head,
            head_is_all=self._size <= HEAD,
            tail=self._tail[-_TAIL:],
            end=end,
            end_line=next_line - line_breaks(end, 0, len(end)),
            last_line=next_line - self._tail.endswith((b"\n", b"\r")),
            rows=tuple(self._rows),
            first_row=self._first_row or (),
            blank=self._blank,
            headers=self.headers,
            reordered=self._reordered,
            rules=self._rule_rows,
            ctrl_z=self._ctrl_z,
            marked_rows=self._marked_rows,
            marks=self._marks,
            lost=self._lost,
            escapes=self._escapes,
            escapes_shift_jis=self._escapes_shift_jis,
            swallowed=self._swallowed.found,
        )


def _note(found: Examples[int], piece: bytes, at: int, line_of: Callable[[int], int]) -> None:
    found.add(0 if found.full else line_of(min(max(at, 0), len(piece))))


def _note_all(
    found: Examples[int], sign: bytes, edge: bytes, piece: bytes, line_of: Callable[[int], int]
) -> None:
    """Note a sign of several bytes wherever it ends in a piece; `edge` is what stands before it."""
    for at in _all(edge + piece, sign):
        if at + len(sign) > len(edge):
            if found.full:
                found.count += (edge + piece).count(sign, at)
                break
            _note(found, piece, at - len(edge), line_of)


def _note_ctrl_z(
    found: Examples[int], data: bytes, begun: Sequence[bytes], line_of: Callable[[int], int]
) -> None:
    """Note each line that begins with it, as such texts show; a byte stands before the piece."""
    found_at = (islice(_all(data, each), MAX_EXAMPLES) for each in begun)
    places = sorted(chain(*found_at))[: MAX_EXAMPLES - len(found.first)]
    for at in places:
        found.add(line_of(at))
    found.count += sum(map(data.count, begun)) - len(places)


def _has_many_lines(data: bytes, breaks: int) -> bool:
    """Return whether there are more line breaks than this between two quotes."""
    parts = data.replace(QUOTE + QUOTE, b"").replace(CR, LF).split(QUOTE)
    return max(map(bytes.count, parts, repeat(LF))) > breaks


def _count(found: Examples[int], batch: Batch, row: list[str]) -> None:
    count, places = batch.equal_to(row, MAX_EXAMPLES - len(found.first))
    for at in places:
        found.add(batch.lines[at])
    found.count += count - len(places)


def _add(found: Examples[int], lines: Sequence[int], places: Sequence[int]) -> None:
    shown = places[: MAX_EXAMPLES - len(found.first)]
    for at in shown:
        found.add(lines[at])
    found.count += len(places) - len(shown)


def _all(data: bytes, text: bytes) -> Iterator[int]:
    at = data.find(text)
    while at >= 0:
        yield at
        at = data.find(text, at + len(text))


def _kept(cells: Sequence[str]) -> tuple[bytes, ...]:
    cells = cells[:_CELLS]
    found = "\0".join(cells).encode("latin-1").split(b"\0")
    if len(found) == len(cells) and max(map(len, found)) <= _CELL:
        return tuple(found)
    return tuple(cell[:_CELL].encode("latin-1") for cell in cells)
