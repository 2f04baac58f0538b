"""From bytes to records: where each record of a CSV or TSV file starts and how many fields it has.

Quoting means what Python's csv module means by it (default dialect, not strict). Nothing here knows a
character encoding or a rule of the service: in UTF-8 and in Shift_JIS alike, the bytes of comma, tab, quote,
CR and LF never occur inside another character, so bytes are all that is needed.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from retraind.bundle.skeleton import CR, CRLF, LF, QUOTE, Block, Skeletons, line_breaks

MAX_CELLS = 5_000
"""Cells kept of one record; the service takes 999. The width told is exact all the same."""

_FAST_BYTES = (
    4 << 20
)  # more than this without a record's end is no ordinary file, and the exact way copies less
_SPLIT_BYTES = 64 << 10


class RecordTooLong(Exception):
    """A record does not end within the limit. `quote_line` tells where an open quote began, if that is the cause."""

    def __init__(self, line: int, quote_line: int | None) -> None:
        super().__init__(f"The record that starts in line {line} does not end within the limit.")
        self.line = line
        self.quote_line = quote_line


@dataclass(frozen=True, slots=True)
class Record:
    """One record. `line` is the physical line it starts in (from 1); `width` is 0 for an empty line."""

    line: int
    width: int
    ending: bytes  # CR, LF, CRLF, or nothing at the end of the file
    cells: tuple[bytes, ...] = ()  # only when asked for, and at most MAX_CELLS


class _Next:
    """The next place of one byte, remembered, so that a rare byte is not sought again for every record."""

    __slots__ = ("_at", "_buffer", "_byte")

    def __init__(self, buffer: bytearray, byte: bytes) -> None:
        self._buffer = buffer
        self._byte = byte
        self._at = -1

    def after(self, start: int) -> int:
        """Return the first place at or after `start`, or the buffer's length. `start` must never go back."""
        if self._at < start:
            found = self._buffer.find(self._byte, start)
            self._at = len(self._buffer) if found < 0 else found
        return self._at


@dataclass(slots=True)
class _Walk:
    """What walking through a record field by field found."""

    width: int = 0
    end: int = 0  # of the last field; the line break follows
    open_quote: int | None = None  # the record does not end: a quote opened here and did not close
    cells: list[tuple[int, int, int]] | None = None  # start, end of the quoted part (or start), end


class _Buffer:
    """Finds records in a buffer that does not change meanwhile."""

    def __init__(self, buffer: bytearray, delimiter: bytes) -> None:
        self.buffer = buffer
        self._delimiter = delimiter
        self._returns = _Next(buffer, CR)
        self._feeds = _Next(buffer, LF)
        self._quotes = _Next(buffer, QUOTE)

    def line_end(self, start: int) -> int:
        """Return where the physical line that holds `start` ends."""
        return min(self._feeds.after(start), self._returns.after(start))

    def ending(self, end: int) -> bytes:
        """Return the line break at `end`; nothing at the end of the buffer."""
        if self.buffer[end : end + 1] != CR:
            return LF if end < len(self.buffer) else b""
        return CRLF if self.buffer[end + 1 : end + 2] == LF else CR

    def walk(self, start: int, *, cells: bool) -> tuple[_Walk, bool]:
        """Return the record that starts at `start`, and whether it holds a quote."""
        end = self.line_end(start)
        if self._quotes.after(start) < end:
            return self._fields(start, cells=cells), True
        width = self.buffer.count(self._delimiter, start, end) + 1 if end > start else 0
        return _Walk(width, end), False

    def _fields(self, start: int, *, cells: bool) -> _Walk:
        walk = _Walk(cells=[] if cells else None)
        at = start
        while True:
            unquoted = at
            if self.buffer.startswith(QUOTE, at):
                unquoted = self._after_quotes(at + 1)
                if unquoted == 0:
                    walk.open_quote = at
                    return walk
            end = self.line_end(unquoted)
            stop = self.buffer.find(self._delimiter, unquoted, end)
            walk.width += 1
            walk.end = end if stop < 0 else stop
            if walk.cells is not None and walk.width <= MAX_CELLS:
                walk.cells.append((at, unquoted, walk.end))
            if stop < 0:
                return walk
            at = stop + 1

    def _after_quotes(self, at: int) -> int:
        """Return the place after the closing quote of the field whose content starts at `at`; 0 if it is missing."""
        while (at := self.buffer.find(QUOTE, at) + 1) and self.buffer.startswith(QUOTE, at):
            at += 1
        return at

    def cells(self, start: int, walk: _Walk) -> tuple[bytes, ...]:
        """Return the first MAX_CELLS values of a record, without their quotes."""
        if walk.cells is not None:
            return tuple(self._value(*place) for place in walk.cells)
        if walk.end - start <= _SPLIT_BYTES:
            return tuple(bytes(self.buffer[start : walk.end]).split(self._delimiter)[:MAX_CELLS])
        values = []
        for _ in range(min(walk.width, MAX_CELLS)):
            stop = self.buffer.find(self._delimiter, start, walk.end)
            stop = walk.end if stop < 0 else stop
            values.append(bytes(self.buffer[start:stop]))
            start = stop + 1
        return tuple(values)

    def _value(self, start: int, unquoted: int, end: int) -> bytes:
        rest = bytes(self.buffer[unquoted:end])
        if unquoted == start:
            return rest
        return bytes(self.buffer[start + 1 : unquoted - 1]).replace(QUOTE * 2, QUOTE) + rest


class Scanner:
    """Takes a file's bytes piece by piece and gives its records.

    `block` is the fast way: it gives many records at once, or nothing. `records` is the exact way and gives every
    complete record. At most one incomplete record is held, of at most `record_limit` bytes and one piece.
    """

    def __init__(self, delimiter: bytes, *, record_limit: int) -> None:
        self.line = 1  # of the first byte not yet given out
        self.unclosed_line: int | None = None  # where a quote opened that the end of the file left open
        self._delimiter = delimiter
        self._record_limit = record_limit
        self._skeletons = Skeletons(delimiter)
        self._pending = bytearray()
        self._at = 0
        self._retry_at = 0  # bytes: an incomplete record is looked at again once it has doubled

    def feed(self, piece: bytes) -> None:
        """Add the next piece of the file."""
        self._compact()
        self._pending += piece

    def line_of(self, piece: bytes, offset: int) -> int:
        """Return the physical line of piece[offset], where `piece` is what will be fed next."""
        offset = max(offset, 0)
        line = self.line + line_breaks(self._pending, self._at, len(self._pending))
        line += line_breaks(piece, 0, offset)
        split = self._pending.endswith(CR) and piece.startswith(LF) and offset > 0
        return line - 1 if split else line

    def block(self, width: int, columns: Sequence[int]) -> Block | None:
        """Give all complete records at once, compared with `width`; None means: use `records`."""
        held = len(self._pending) - self._at
        if not self._retry_at <= held <= _FAST_BYTES:
            return None
        self._compact()
        block = self._skeletons.block(bytes(self._pending), self.line, width, columns)
        if block is not None:
            self._at = block.size
            self.line += block.breaks
            self._retry_at = 0
        return block

    def records(self, *, final: bool, cells: bool) -> Iterator[Record]:
        """Give each complete record, with its values when `cells`. `final`: nothing more will be fed.

        A record that a quote leaves open at the end of the file is not given; `unclosed_line` tells of it.
        Raises RecordTooLong. May be left early; the next call goes on from there.
        """
        size = len(self._pending)
        if size - self._at < self._retry_at and not final:
            return
        self._retry_at = 0
        buffer = _Buffer(self._pending, self._delimiter)
        while self._at < size:
            start = self._at
            walk, quoted = buffer.walk(start, cells=cells)
            if walk.open_quote is not None:
                quote_line = self.line + line_breaks(self._pending, start, walk.open_quote)
                self._limit(size - start, quote_line)
                if final:
                    self.unclosed_line = quote_line
                    self._at = size
                break
            self._limit(walk.end - start, None)
            ending = buffer.ending(walk.end)
            after = walk.end + len(ending)
            if after == size and ending not in {LF, CRLF} and not final:
                break
            self._at = after
            line = self.line
            if quoted:
                self.line += line_breaks(self._pending, start, after)
            elif ending:
                self.line += 1
            yield Record(line, walk.width, ending, buffer.cells(start, walk) if cells else ())
        self._retry_at = min(2 * (size - self._at), self._record_limit + 1)

    def _limit(self, size: int, quote_line: int | None) -> None:
        if size > self._record_limit:
            raise RecordTooLong(self.line, quote_line)

    def _compact(self) -> None:
        del self._pending[: self._at]
        self._at = 0
