"""From bytes to records: where each record of a CSV or TSV file starts and how many fields it has.

Quotes are read as Python's csv module reads them (default dialect, not strict). Nothing here knows a
character encoding or a rule of the service: in UTF-8 and in Shift_JIS alike, the bytes of comma, tab, quote,
CR and LF never occur inside another character, so bytes are all that is needed.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from enum import Enum, auto

from retraind.dataset.reader.blocks import CR, CRLF, LF, QUOTE, Block, BlockReader, line_breaks

MAX_CELLS = 5_000
"""Cells kept of one record; the service accepts 999. The reported width is exact all the same."""

VALUE_BYTES = 512
"""Kept of a value, unless more is requested; longer values with the same beginning count as equal."""

_ENDINGS = (CRLF, LF, CR)


@dataclass(frozen=True, slots=True)
class Record:
    """One record. `line` is the physical line it starts in (from 1); `width` is 0 for an empty line."""

    line: int
    width: int
    ending: bytes  # CR, LF, CRLF, or nothing at the end of the file
    cells: tuple[bytes, ...]  # at most MAX_CELLS, each at most as long as requested


class _ByteFinder:
    """Finds the next occurrence of one byte and remembers it, so that a rare byte is searched for rarely."""

    __slots__ = ("_at", "_byte", "_data")

    def __init__(self, data: bytes, byte: bytes) -> None:
        self._data = data
        self._byte = byte
        self._at = -1

    def after(self, start: int) -> int:
        """Return the first position from `start` on, or the data's length. `start` must never decrease."""
        if self._at < start:
            found = self._data.find(self._byte, start)
            self._at = len(self._data) if found < 0 else found
        return self._at


class FieldState(Enum):
    """Which part of a field a parser is in."""

    START = auto()
    UNQUOTED = auto()  # no quote opened, or it has closed: every byte is part of the value
    QUOTED = auto()
    AFTER_QUOTE = auto()  # after a quote inside quotes: it closes them, unless a second one follows


class FieldParser:
    """Parses one record, field by field. It can stop and resume at any byte, and keeps little."""

    def __init__(self, delimiter: bytes, keep: int) -> None:
        self.size = 0  # bytes read
        self.breaks = 0  # line breaks among them, which are in quotes
        self.quote_breaks = 0  # line breaks before the last opening quote
        self.state = FieldState.START
        self._delimiter = delimiter
        self._keep = keep
        self._ended = 0  # fields
        self._cells: list[bytes] = []
        self._cell = bytearray()

    @property
    def width(self) -> int:
        """The number of fields so far."""
        return self._ended + 1 if self.size else 0

    @property
    def cells(self) -> tuple[bytes, ...]:
        """The values so far, without their quotes."""
        return tuple((*self._cells, bytes(self._cell))[: min(MAX_CELLS, self.width)])

    def feed(self, data: bytes, start: int, quotes: _ByteFinder, line_end: Callable[[int], int]) -> int:
        """Continue at `start`. Return the position of the record's line break, or the length of `data`."""
        at = start
        while at < len(data):
            if self.state is FieldState.QUOTED:
                end = quotes.after(at)
                self._add(data[at : min(end, at + self._keep)])
                self.breaks += line_breaks(data, at, end)
                at = end + 1
                if end < len(data):
                    self.state = FieldState.AFTER_QUOTE
            elif data.startswith(QUOTE, at) and self.state is not FieldState.UNQUOTED:
                if self.state is FieldState.AFTER_QUOTE:
                    self._add(QUOTE)
                else:
                    self.quote_breaks = self.breaks
                self.state = FieldState.QUOTED
                at += 1
            else:
                end = line_end(at)
                if quotes.after(at) < end:
                    stop = data.find(self._delimiter, at, end)
                    at = self._field(data, at, end if stop < 0 else stop)
                    if stop < 0:
                        break
                    self._end_field()
                    at += 1
                else:
                    at = self._fields(data, at, end)
                    break
        at = min(at, len(data))
        self.size += at - start
        return at

    def _field(self, data: bytes, at: int, end: int) -> int:
        self.state = FieldState.UNQUOTED
        self._add(data[at : min(end, at + self._keep)])
        return end

    def _fields(self, data: bytes, at: int, end: int) -> int:
        """Read the rest of a line, or of the data, that contains no quote."""
        if at == end:
            return end
        first, *others = data[at:end].split(self._delimiter, MAX_CELLS - len(self._cells))
        self._add(first[: self._keep])
        count = data.count(self._delimiter, at, end)
        if others:
            self._end_field()
            self._cells += [cell[: self._keep] for cell in others[:-1]]
            self._cell = bytearray(others[-1][: self._keep])
            count -= 1
        self._ended += count
        self.state = FieldState.START if data.endswith(self._delimiter, at, end) else FieldState.UNQUOTED
        return end

    def _add(self, part: bytes) -> None:
        room = self._keep - len(self._cell)
        if room > 0:
            self._cell += part[:room]

    def _end_field(self) -> None:
        self._ended += 1
        self.state = FieldState.START
        if len(self._cells) < MAX_CELLS:
            self._cells.append(bytes(self._cell))
        self._cell.clear()


class Scanner:
    """Receives a file's bytes in pieces and returns its records.

    `block` is the fast way: it returns many records at once, or None. `record` is the exact way and returns
    every record. Memory does not grow with the length of a record.
    """

    def __init__(self, delimiter: bytes) -> None:
        self.line = 1  # of the first byte not yet returned
        self.unclosed_line: int | None = None  # the line of a quote that is still open at the end of the file
        self._delimiter = delimiter
        self._blocks = BlockReader(delimiter)
        self._parser: FieldParser | None = None
        self._final = False
        self._begin(b"")

    def _begin(self, data: bytes) -> None:
        self._returned = CR if data.endswith(CR) and not self._final else b""
        self._data = data[:-1] if self._returned else data  # the LF of a CR LF may come in the next piece
        self._at = 0
        self._returns = _ByteFinder(self._data, CR)
        self._feeds = _ByteFinder(self._data, LF)
        self._quotes = _ByteFinder(self._data, QUOTE)

    def feed(self, piece: bytes, *, final: bool = False) -> None:
        """Add the next piece of the file. `final`: it is the last one."""
        self._final = final
        self._begin(self._data[self._at :] + self._returned + piece)

    def line_of(self, piece: bytes, offset: int) -> int:
        """Return the physical line of piece[offset], where `piece` is the next one to be fed."""
        before = self._data[self._at :] + self._returned + piece[: max(offset, 0)]
        return self.line + self.current.breaks + line_breaks(before, 0, len(before))

    @property
    def current(self) -> FieldParser:
        """What the exact way has read so far of the current record."""
        return self._parser or FieldParser(self._delimiter, 0)

    @property
    def in_record(self) -> bool:
        """True when the exact way is in a record whose end it has not reached."""
        return self._parser is not None

    @property
    def waiting(self) -> int:
        """The number of bytes fed and not yet read."""
        return len(self._data) - self._at

    def _line_end(self, start: int) -> int:
        return min(self._feeds.after(start), self._returns.after(start))

    def block(
        self, width: int, wanted: Callable[[bytes], Sequence[int]], most: int | None = None
    ) -> Block | None:
        """Return all complete records at once, compared with `width`; None means: feed more, or use `record`.

        `wanted` returns, for these bytes, the columns whose values are needed. At most `most` records are
        returned.
        """
        if self._parser is not None:
            return None
        data = self._data[self._at :]
        if most is not None:
            data = b"".join(data.splitlines(keepends=True)[:most])
        block = self._blocks.block(data, self.line, width, wanted)
        if block is not None:
            self._at += block.size
            self.line += block.breaks
        return block

    def record(self, keep: int = VALUE_BYTES) -> Record | None:
        """Return the next record, if its end is known; at most `keep` bytes are kept of each value.

        A record that an open quote continues to the end of the file is not returned; `unclosed_line` is set
        instead.
        """
        if self._parser is None:
            if not self.waiting:
                return None
            self._parser = FieldParser(self._delimiter, keep)
        parser = self._parser
        self._at = parser.feed(self._data, self._at, self._quotes, self._line_end)
        ending = next((end for end in _ENDINGS if self._data.startswith(end, self._at)), b"")
        if not ending and not self._final:
            return None
        self._parser = None
        if not ending and parser.state is FieldState.QUOTED:
            self.unclosed_line = self.line + parser.quote_breaks
            return None
        record = Record(self.line, parser.width, ending, parser.cells)
        self._at += len(ending)
        self.line += parser.breaks + (1 if ending else 0)
        return record
