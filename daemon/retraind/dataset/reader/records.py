"""From bytes to records: where each record of a CSV or TSV file starts and how many fields it has.

Quoting means what Python's csv module means by it (default dialect, not strict). Nothing here knows a
character encoding or a rule of the service: in UTF-8 and in Shift_JIS alike, the bytes of comma, tab, quote,
CR and LF never occur inside another character, so bytes are all that is needed.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from enum import Enum, auto

from retraind.dataset.reader.skeleton import CR, CRLF, LF, QUOTE, Block, Skeletons, line_breaks

MAX_CELLS = 5_000
"""Cells kept of one record; the service takes 999. The width told is exact all the same."""

VALUE_BYTES = 512
"""Kept of a value, unless more is asked for; longer ones that begin alike count as equal."""

_ENDINGS = (CRLF, LF, CR)


@dataclass(frozen=True, slots=True)
class Record:
    """One record. `line` is the physical line it starts in (from 1); `width` is 0 for an empty line."""

    line: int
    width: int
    ending: bytes  # CR, LF, CRLF, or nothing at the end of the file
    cells: tuple[bytes, ...]  # at most MAX_CELLS, each at most as long as asked for


class _Next:
    """The next place of one byte, remembered, so that a rare byte is not sought again for every field."""

    __slots__ = ("_at", "_byte", "_data")

    def __init__(self, data: bytes, byte: bytes) -> None:
        self._data = data
        self._byte = byte
        self._at = -1

    def after(self, start: int) -> int:
        """Return the first place at or after `start`, or the data's length. `start` must never go back."""
        if self._at < start:
            found = self._data.find(self._byte, start)
            self._at = len(self._data) if found < 0 else found
        return self._at


class In(Enum):
    """Where in a field a walk stands."""

    START = auto()
    PLAIN = auto()  # no quote opened, or one has closed: what comes is taken as it is
    QUOTES = auto()
    CLOSING = auto()  # after a quote in quotes: it closes them, or a second one makes it a character


class Walk:
    """A walk through one record, field by field. Can stop and go on anywhere, and holds little of what it has seen."""

    def __init__(self, delimiter: bytes, keep: int) -> None:
        self.size = 0  # bytes gone through
        self.breaks = 0  # line breaks among them, which are in quotes
        self.quote_breaks = 0  # those before the last opening quote
        self.place = In.START
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

    def through(self, data: bytes, start: int, quotes: _Next, line_end: Callable[[int], int]) -> int:
        """Go on at `start`; returns where the record's line break is, or the length of `data`."""
        at = start
        while at < len(data):
            if self.place is In.QUOTES:
                end = quotes.after(at)
                self._add(data[at : min(end, at + self._keep)])
                self.breaks += line_breaks(data, at, end)
                at = end + 1
                if end < len(data):
                    self.place = In.CLOSING
            elif data.startswith(QUOTE, at) and self.place is not In.PLAIN:
                if self.place is In.CLOSING:
                    self._add(QUOTE)
                else:
                    self.quote_breaks = self.breaks
                self.place = In.QUOTES
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
        self.place = In.PLAIN
        self._add(data[at : min(end, at + self._keep)])
        return end

    def _fields(self, data: bytes, at: int, end: int) -> int:
        """Take the rest of a line, or of the data, in which no quote stands."""
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
        self.place = In.START if data.endswith(self._delimiter, at, end) else In.PLAIN
        return end

    def _add(self, part: bytes) -> None:
        room = self._keep - len(self._cell)
        if room > 0:
            self._cell += part[:room]

    def _end_field(self) -> None:
        self._ended += 1
        self.place = In.START
        if len(self._cells) < MAX_CELLS:
            self._cells.append(bytes(self._cell))
        self._cell.clear()


class Scanner:
    """Takes a file's bytes piece by piece and gives its records.

    `block` is the fast way: it gives many records at once, or nothing. `record` is the exact way and gives every
    record. What is held does not grow with the length of a record.
    """

    def __init__(self, delimiter: bytes) -> None:
        self.line = 1  # of the first byte not yet given out
        self.unclosed_line: int | None = None  # where a quote opened that the end of the file left open
        self._delimiter = delimiter
        self._skeletons = Skeletons(delimiter)
        self._walk: Walk | None = None
        self._final = False
        self._begin(b"")

    def _begin(self, data: bytes) -> None:
        self._returned = CR if data.endswith(CR) and not self._final else b""
        self._data = data[:-1] if self._returned else data  # its LF may come in the next piece
        self._at = 0
        self._returns = _Next(self._data, CR)
        self._feeds = _Next(self._data, LF)
        self._quotes = _Next(self._data, QUOTE)

    def feed(self, piece: bytes, *, final: bool = False) -> None:
        """Add the next piece of the file. `final`: there is none after it."""
        self._final = final
        self._begin(self._data[self._at :] + self._returned + piece)

    def line_of(self, piece: bytes, offset: int) -> int:
        """Return the physical line of piece[offset], where `piece` is what will be fed next."""
        before = self._data[self._at :] + self._returned + piece[: max(offset, 0)]
        return self.line + self.walked.breaks + line_breaks(before, 0, len(before))

    @property
    def walked(self) -> Walk:
        """What the exact way has seen of the record that it is in."""
        return self._walk or Walk(self._delimiter, 0)

    @property
    def walking(self) -> bool:
        """True when the exact way stands in a record whose end has not come yet."""
        return self._walk is not None

    @property
    def waiting(self) -> int:
        """How many bytes were fed and not yet looked at."""
        return len(self._data) - self._at

    def _line_end(self, start: int) -> int:
        return min(self._feeds.after(start), self._returns.after(start))

    def block(
        self, width: int, wanted: Callable[[bytes], Sequence[int]], most: int | None = None
    ) -> Block | None:
        """Give all complete records at once, compared with `width`; None means: feed more, or use `record`.

        `wanted` tells, given the bytes, which columns' values are needed of them. There may be `most` records in it.
        """
        if self._walk is not None:
            return None
        data = self._data[self._at :]
        if most is not None:
            data = b"".join(data.splitlines(keepends=True)[:most])
        block = self._skeletons.block(data, self.line, width, wanted)
        if block is not None:
            self._at += block.size
            self.line += block.breaks
        return block

    def record(self, keep: int = VALUE_BYTES) -> Record | None:
        """Give the next record, if its end is there; at most `keep` bytes are kept of each value.

        A record that a quote leaves open at the end of the file is not given; `unclosed_line` tells of it.
        """
        if self._walk is None:
            if not self.waiting:
                return None
            self._walk = Walk(self._delimiter, keep)
        walk = self._walk
        self._at = walk.through(self._data, self._at, self._quotes, self._line_end)
        ending = next((end for end in _ENDINGS if self._data.startswith(end, self._at)), b"")
        if not ending and not self._final:
            return None
        self._walk = None
        if not ending and walk.place is In.QUOTES:
            self.unclosed_line = self.line + walk.quote_breaks
            return None
        record = Record(self.line, walk.width, ending, walk.cells)
        self._at += len(ending)
        self.line += walk.breaks + (1 if ending else 0)
        return record
