"""What shows that a file is not a table as it should be: evidence, noted while the file is read.

It is cheap on good data: most of it is the first and the last bytes, a few rows of the sample, and searches
for bytes that are rare. What the evidence means is decided in rules/causes/.
"""

import re
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import NamedTuple

from retraind.dataset.reader.examples import MAX_EXAMPLES, Examples
from retraind.dataset.reader.records import VALUE_BYTES, Batch

HEAD = 64 << 10
"""Kept from the start of the text, in bytes."""
MARK = b"\xef\xbb\xbf"
"""U+FEFF in UTF-8: the byte order mark where it opens a file."""

_MARK = MARK.decode("latin-1")
_TAIL = 256
_EDGE = 3  # bytes of the last piece, in which something may begin that ends in the next one
_ROWS = 100  # of the sample, to compare with the header
_CELL = 64  # bytes kept of their values
_CELLS = 1_000  # kept of a row
_TELLING = 8  # characters in all names, from which on a row in another case is no chance
_NAME = 512  # bytes of a name, to recognise the header by
_TABLE = 2  # columns, from which on a row of nothing but delimiters shows itself
_NEEDLE = 64  # bytes of the header that are searched for; a long text is found faster, up to a point
_BLANK = 16  # the same for delimiters
_SWALLOWED = 3  # rows in one value, from which on they are no chance
_SWALLOWED_TABBED = 1  # of tab-separated values: text has hardly any tabs
_MOSTLY = 0.9  # of its lines

_ESCAPED = re.compile(rb'\\"[^"\r\n,;|\t]')
_LEADS = frozenset(range(0x81, 0xA0)) | frozenset(range(0xE0, 0xFD))
"""First bytes of Shift_JIS characters, whose second byte may be that of a backslash."""
_QUOTED = re.compile(rb'"([^"]*(?:""[^"]*)*)"')


class SwallowedRows(NamedTuple):
    """Rows inside one value, from the line of the quote that opens it to the line of the one that ends it."""

    first: int
    last: int


@dataclass(frozen=True, slots=True)
class OddityFacts:
    """The evidence. Lines are physical lines, from 1."""

    head: bytes = b""  # after the byte order mark
    head_is_all: bool = True
    tail: bytes = b""
    last_line: int = 1
    rows: tuple[tuple[bytes, ...], ...] = ()  # the first of the header's width, without copies; shortened
    first_row: tuple[bytes, ...] = ()  # the one after the header, of any width; values are shortened
    blank: Examples[int] = field(default_factory=Examples)  # rows of nothing but delimiters
    headers: Examples[int] = field(default_factory=Examples)  # rows that are the header once more
    marked_rows: Examples[int] = field(default_factory=Examples)  # rows that begin with U+FEFF
    marks: Examples[int] = field(default_factory=Examples)  # all U+FEFF, also those
    escapes: Examples[int] = field(default_factory=Examples)  # backslashes before a quote
    escapes_shift_jis: Examples[int] = field(default_factory=Examples)  # other than half characters
    swallowed: Examples[SwallowedRows] = field(default_factory=Examples)

    @property
    def first_line(self) -> bytes:
        """The first line, without its end."""
        return next(iter(self.head.splitlines()), b"")


class Oddities:
    """Receives what the reader reads of one file. All bytes go through `feed`, in order."""

    def __init__(self, delimiter: bytes) -> None:
        self._delimiter = delimiter
        self._head = b""
        self._size = 0
        self._tail = b""
        self._header: tuple[str, ...] = ()
        self._plain: list[str] = []
        self._longest = b""
        self._last_names: frozenset[str] = frozenset()
        self._fewest_swallowed = _SWALLOWED_TABBED if delimiter == b"\t" else _SWALLOWED
        self._blank_row = self._copy = b""
        self._rare: bytes | None = None
        self._blank_starts: tuple[bytes, ...] = ()
        self._copy_starts: tuple[bytes, ...] = ()
        self._rows: list[tuple[bytes, ...]] = []
        self._first_row: tuple[bytes, ...] | None = None
        self._blank: Examples[int] = Examples()
        self.headers: Examples[int] = Examples()
        """Rows that are the header once more, so far."""
        self._marked_rows: Examples[int] = Examples()
        self._marks: Examples[int] = Examples()
        self._escapes: Examples[int] = Examples()
        self._escapes_shift_jis: Examples[int] = Examples()
        self._swallowed: Examples[SwallowedRows] = Examples()

    def feed(self, piece: bytes, line_of: Callable[[int], int]) -> None:
        """Read the next piece, without the byte order mark; `line_of` returns the line of an offset in it."""
        if len(self._head) < HEAD:
            self._head += piece[: HEAD - len(self._head)]
        edge = self._tail[-_EDGE:]
        self._size += len(piece)
        self._tail = (self._tail + piece[-_TAIL:])[-_TAIL:]
        # One byte is found many times faster than several, and most tables have none of these.
        if MARK[1:2] in piece or MARK[1:2] in edge:
            for at in _all(edge + piece, MARK):
                if at + len(MARK) > len(edge):
                    self._note(self._marks, piece, at - len(edge), line_of)
        if not self._escapes_shift_jis.full and all(each in piece or each in edge for each in (b"\\", b'"')):
            self._escapes_in(edge, piece, line_of)

    @staticmethod
    def _note(found: Examples[int], piece: bytes, at: int, line_of: Callable[[int], int]) -> None:
        found.add(0 if found.full else line_of(min(max(at, 0), len(piece))))

    def _escapes_in(self, edge: bytes, piece: bytes, line_of: Callable[[int], int]) -> None:
        data = edge + piece
        if b'\\"' not in data:
            return
        for found in _ESCAPED.finditer(data):
            if found.end() <= len(edge):
                continue
            at = found.start()
            self._note(self._escapes, piece, at - len(edge), line_of)
            if not at or data[at - 1] not in _LEADS:
                self._note(self._escapes_shift_jis, piece, at - len(edge), line_of)
            if self._escapes_shift_jis.full:
                return

    def header(self, cells: Sequence[str], ending: bytes) -> None:
        """Read the header: its names, and the line break after it."""
        self._header = tuple(_without_mark(cells))
        width = len(self._header)
        if width < _TABLE:
            return
        last = self._header[-1]
        self._last_names = frozenset({last})
        if sum(map(len, self._header)) >= _TELLING:
            self._plain = _plain(self._header)
            self._longest = max(self._plain, key=len).encode("latin-1")
            written = (last, last.lower(), last.upper(), last.title(), last.capitalize(), last.strip())
            self._last_names |= {form for each in written for form in (each, f" {each}", f"{each} ")}
        before, after = ending[-1:], ending[:1]
        names = [name.encode("latin-1") for name in self._header]
        blank = self._delimiter * (width - 1)
        self._blank_row = before + _start(blank, _BLANK, after)
        self._copy = before + _start(self._delimiter.join(names), _NEEDLE, after)
        # Where there are quotes, each value may have some or not.
        self._blank_starts = tuple(before + each + self._delimiter for each in (b"", b'""'))
        self._copy_starts = tuple(before + each + self._delimiter for each in (names[0], _quoted(names[0])))

    @cached_property
    def _odd(self) -> tuple[re.Pattern[bytes], re.Pattern[bytes]]:
        """A row of nothing but delimiters or the header once more, with any quotes: here, on a later line."""
        names = [name.encode("latin-1") for name in self._header]
        forms = [b"(?:%s|%s)" % (re.escape(name), re.escape(_quoted(name))) for name in names]
        empty = [b'(?:"")?'] * len(names)
        odd = b"|".join(re.escape(self._delimiter).join(each) for each in (empty, forms))
        return re.compile(b"(?:%s)(?=[\r\n])" % odd), re.compile(b"[\r\n](?:%s)(?=[\r\n])" % odd)

    def may_have_names(self, data: bytes) -> bool:
        """Return whether the longest name stands in records, in any case: a header that is no exact copy."""
        return bool(self._plain) and self._longest in data.lower()

    def find(self, data: bytes, at: int, *, mixed: bool = False, only_marks: bool = False) -> int:
        """Return where a row begins, from `at` on, that has to be read the exact way; -1 if there is none.

        These rows are copies of the header, rows of nothing but delimiters, and those with a mark of a file's
        start. A row begins at `at`. `mixed`: not all lines end as the header does. `only_marks`: other rows
        are told otherwise.
        """
        if len(self._header) < _TABLE:
            return -1
        first = len(data)
        if self._marks and (found := data.find(MARK, at)) >= 0:
            first = max(data.rfind(b"\n", at, found), data.rfind(b"\r", at, found), at - 1) + 1
        if only_marks:
            return _known(first, len(data))
        if mixed:
            found = at if self._odd[0].match(data, at) else _place(self._odd[1].search(data, at), len(data))
            return _known(min(first, found), len(data))
        if self._rare is None:
            self._rare = self._rare_byte()
        may_copy = data.find(self._rare, at) >= 0
        if data.find(b'"', at) < 0:
            first = _line(data, self._blank_row, at, first)
            return _known(_line(data, self._copy, at, first) if may_copy else first, len(data))
        for needle in (*self._blank_starts, *(self._copy_starts if may_copy else ())):
            found = _line(data, needle, at, first)
            if found < first and not self._odd[0].match(data, found):
                found = _place(self._odd[1].search(data, found), first)
            first = min(first, found)
        return _known(first, len(data))

    def _rare_byte(self) -> bytes:
        """Return a byte of the names that the first rows do not have: one byte is found very fast."""
        rows = self._head.partition(b"\n")[2]
        names = "".join(self._header).encode("latin-1")
        return next((byte for byte in _bytes(names) if byte not in rows), names[:1])

    def has_swallowed_rows(self, records: bytes) -> bool:
        """Return whether a value contains rows. Each quote in the records encloses one, or is doubled."""
        if len(self._header) < _TABLE:
            return False
        texts = (found[1] for found in _QUOTED.finditer(records))
        return any(
            self._are_rows(text.replace(b'""', b'"'))
            for text in texts
            if max(text.count(b"\n"), text.count(b"\r")) > self._fewest_swallowed
        )

    def record(self, line: int, cells: Sequence[str], last: int, *, early: bool) -> None:
        """Read a record of any width: its values as Latin-1, its first physical line, and its last one.

        `early`: it is one of the sample.
        """
        width = len(self._header)
        if width < _TABLE:
            return
        if early and self._first_row is None:
            self._first_row = _kept(cells)
        if cells and cells[0].startswith(_MARK):
            self._marked_rows.add(line)
        if len(cells) == width:
            self._row(line, cells, early=early)
        elif len(cells) == 2 * width - 1 and self._is_header(cells):
            self.headers.add(line)
        if last > line and any(self._are_rows(cell.encode("latin-1")) for cell in cells):
            self._swallowed.add(SwallowedRows(line, last))

    def records(self, batch: Batch, next_line: int, *, search: bool) -> None:
        """Read many records after the sample as `record` does one; `next_line` is that behind them.

        `search`: values are searched for rows.
        """
        if len(self._header) < _TABLE:
            return
        if self._are_alike(batch):
            _count(self._blank, batch, [""] * len(self._header))
            _count(self.headers, batch, [*self._header])
        else:
            self._each(batch)
        if search and batch.more_breaks:
            for line, row, end in zip(batch.lines, batch.rows, (*batch.lines[1:], next_line), strict=True):
                if end > line + 1 and any(self._are_rows(cell.encode("latin-1")) for cell in row):
                    self._swallowed.add(SwallowedRows(line, end - 1))

    def _each(self, batch: Batch) -> None:
        lines, rows = batch.lines, batch.rows
        blank = [at for at, row in enumerate(rows) if row and not any(row)]
        copies = [at for at, row in enumerate(rows) if row and row[-1] in self._last_names]
        marked = [at for at, row in enumerate(rows) if row and row[0][:3] == _MARK]
        _add(self._blank, lines, [at for at in blank if len(rows[at]) == len(self._header)])
        _add(self.headers, lines, [at for at in copies if self._is_header(rows[at])])
        _add(self._marked_rows, lines, marked)

    def _are_alike(self, batch: Batch) -> bool:
        """Return whether each row with the names of the columns surely has just these."""
        if batch.more_breaks < 0 or batch.data.find(MARK) >= 0 or max(map(len, self._header)) >= _NAME:
            return False
        if not self.may_have_names(batch.data):
            return True
        copies, _ = batch.equal_to([*self._header], 0)
        names = self._delimiter.decode("latin-1").join(self._header).encode("latin-1").lower()
        return batch.data.lower().count(self._longest) == copies * names.count(self._longest)

    def _row(self, line: int, cells: Sequence[str], *, early: bool) -> None:
        if not any(cells):
            self._blank.add(line)
        elif cells[-1] in self._last_names and self._is_header(cells):
            self.headers.add(line)
        elif early and len(self._rows) < _ROWS:
            self._rows.append(_kept(cells))

    def _is_header(self, cells: Sequence[str]) -> bool:
        """Return whether a row has the names of the columns, with other spaces and case if they are long."""
        if tuple(cells) == self._header:
            return True
        names = _without_mark(cells)
        width = len(self._header)
        if len(names) == 2 * width - 1 and names[width - 1].endswith(self._header[0]):
            return tuple(names[width:]) == self._header[1:]  # behind a row without a line break
        return tuple(names) == self._header or (bool(self._plain) and _plain(names) == self._plain)

    def _are_rows(self, value: bytes) -> bool:
        """Return whether most of a value's lines have as many delimiters as a row; not the first and last."""
        lines = value[:VALUE_BYTES].splitlines()[1:-1]
        separators = len(self._header) - 1
        alike = sum(each.count(self._delimiter) == separators for each in lines)
        return alike >= self._fewest_swallowed and alike >= _MOSTLY * len(lines)

    def facts(self, next_line: int) -> OddityFacts:
        """Return the evidence, after the last piece; `next_line` is the line after the last line break."""
        return OddityFacts(
            head=self._head,
            head_is_all=self._size <= HEAD,
            tail=self._tail,
            last_line=next_line - self._tail.endswith((b"\n", b"\r")),
            rows=tuple(self._rows),
            first_row=self._first_row or (),
            blank=self._blank,
            headers=self.headers,
            marked_rows=self._marked_rows,
            marks=self._marks,
            escapes=self._escapes,
            escapes_shift_jis=self._escapes_shift_jis,
            swallowed=self._swallowed,
        )


def _start(text: bytes, most: int, after: bytes) -> bytes:
    """Return the start of a line that is searched for: all of a short one, with what ends it."""
    return text[:most] if len(text) > most else text + after


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


def _line(data: bytes, needle: bytes, at: int, end: int) -> int:
    """Return where a line begins as the needle does, which begins with the break before it; `end` if none."""
    if data.startswith(needle[1:], at):
        return at
    found = data.find(needle, at, end)
    return end if found < 0 else found + 1


def _place(found: re.Match[bytes] | None, end: int) -> int:
    return end if found is None else found.start() + 1


def _known(place: int, end: int) -> int:
    return place if place < end else -1


def _bytes(data: bytes) -> Iterator[bytes]:
    for value in dict.fromkeys(data):
        yield bytes((value,))


def _all(data: bytes, text: bytes) -> Iterator[int]:
    at = data.find(text)
    while at >= 0:
        yield at
        at = data.find(text, at + len(text))


def _quoted(name: bytes) -> bytes:
    return b'"' + name.replace(b'"', b'""') + b'"'


def _kept(cells: Sequence[str]) -> tuple[bytes, ...]:
    return tuple(cell[:_CELL].encode("latin-1") for cell in cells[:_CELLS])


def _plain(names: Sequence[str]) -> list[str]:
    return [name.encode("latin-1").lower().strip(b" ").decode("latin-1") for name in names]


def _without_mark(cells: Sequence[str]) -> list[str]:
    """Return names without what a file's start may add to the first one."""
    first, *others = (cell[:_NAME] for cell in cells or ("",))
    while first.startswith(_MARK):
        first = first[len(_MARK) :]
        if first.startswith('"') and first.endswith('"') and len(first) > 1:
            first = first[1:-1]  # a quote after the mark does not open anything
    return [first, *others]
