"""From bytes to records, the exact way: where each record of a CSV or TSV file starts, and its fields.

The csv module reads them, in its default dialect, a window at a time: what a window leaves unfinished is
continued in the next one. Nothing here knows a character encoding or a rule of the service: in UTF-8 and in
Shift_JIS alike, the bytes of comma, tab, quote, CR and LF never occur inside another character, so bytes are
all that is needed. The module gets them as Latin-1, which maps each byte to one character and back.
"""

import csv
import io
from collections.abc import Iterator, Sequence
from functools import cached_property
from itertools import chain, islice
from typing import Protocol

from retraind.dataset.reader.breaks import CR, CRLF, LF, QUOTE, kinds_of_breaks, line_breaks
from retraind.dataset.reader.unfinished import FieldState, Unfinished

VALUE_BYTES = 512
"""Kept of a value, unless more is requested; longer values with the same beginning count as equal."""

MAX_WINDOW = 64 << 10
"""Bytes read at once: less than the csv module's limit for a field, which is global and not ours to set."""

_END = "end"


class _CsvReader(Protocol):
    @property
    def line_num(self) -> int: ...

    def __iter__(self) -> Iterator[list[str]]: ...


class _Window:
    """Some bytes, and what the csv module finds in them."""

    def __init__(self, data: bytes, delimiter: str, before: str = "", most: int | None = None) -> None:
        """`before` is read first; at most `most` records are read."""
        self.data = data
        self.breaks = line_breaks(data, 0, len(data))
        self.rest: list[str] | None = None
        """The fields of the last record, if it does not end in these bytes."""
        self.open_quote = False
        self.before = before
        self._delimiter = delimiter
        self.rows = self._rows(most)

    def _rows(self, most: int | None) -> list[list[str]]:
        reader = self._reader()
        rows = list(reader) if most is None else list(islice(reader, most))
        if reader.line_num <= self.breaks:
            # There may be more records than requested.
            self.data = b"".join(self.data.splitlines(keepends=True)[: reader.line_num])
            self.breaks = reader.line_num
            return rows
        ends_line = self.data.endswith((CR, LF))
        if reader.line_num > self.breaks + (not ends_line):
            self.open_quote = rows[-1] != [_END]
            if self.open_quote:
                rows[-1][-1] = rows[-1][-1].removesuffix(_END)
            else:
                rows.pop()
        if self.open_quote or not ends_line:
            self.rest = rows.pop()
        return rows

    def _reader(self) -> _CsvReader:
        """Return a reader that reads a mark after the last line: if a quote is open, as part of its field."""
        text = io.StringIO(self.before + self.data.decode("latin-1"), newline="")
        return csv.reader(chain(text, (_END,)), delimiter=self._delimiter)

    def last_lines(self, count: int) -> Iterator[int]:
        """Yield the number of the last line of each of the first records, from 1."""
        reader = self._reader()
        for _ in islice(reader, count):
            yield reader.line_num


class Batch:
    """Consecutive complete records. What is rarely needed is found out when it is."""

    def __init__(self, rows: list[list[str]], first: int, line: int, window: _Window | None) -> None:
        """`first` is the line in which the first record starts, `line` that in which the window does."""
        self.rows = rows
        """The fields of each record, as Latin-1."""
        self.widths = list(map(len, rows))
        """The number of fields of each record; 0 for an empty line."""
        self._first = first
        self._line = line
        self._window = window

    @property
    def _one_line_each(self) -> bool:
        return self._window is not None and self._window.breaks == len(self.rows)

    @property
    def data(self) -> bytes:
        """The bytes in which these records end."""
        return b"" if self._window is None else self._window.data

    @property
    def is_plain(self) -> bool:
        """True when each record is one line of `data`."""
        return self._window is not None and not self._window.before and self._one_line_each

    @cached_property
    def lines(self) -> Sequence[int]:
        """The physical line in which each record starts, from 1."""
        if self._window is None or len(self.rows) <= 1:
            return (self._first,) * len(self.rows)
        if self._one_line_each:
            return (self._first, *range(self._line + 1, self._line + len(self.rows)))
        return (self._first, *(self._line + last for last in self._window.last_lines(len(self.rows) - 1)))

    @cached_property
    def endings(self) -> frozenset[bytes]:
        """The line breaks that end these records."""
        if self._window is None or not self.rows:
            return frozenset()
        kinds = kinds_of_breaks(self._window.data)
        if self._one_line_each or len(kinds) <= 1:
            return kinds
        lines = self._window.data.splitlines(keepends=True)
        ends = {lines[last - 1][-2:] for last in self._window.last_lines(len(self.rows))}
        return kinds_of_breaks(b"-".join(ends))


def _breaks_in(fields: list[str]) -> int:
    text = ",".join(fields).encode("latin-1")
    return line_breaks(text, 0, len(text))


class Scanner:
    """Receives a file's bytes in pieces and returns its records, in batches.

    Memory does not grow with the length of a record.
    """

    def __init__(self, delimiter: bytes) -> None:
        self.line = 1  # of the first byte not yet read
        self.unclosed_line: int | None = None  # the line of a quote that is still open at the end of the file
        self.unfinished: Unfinished | None = None  # the record that has been read in part
        self.data = b""  # what was fed
        self.at = 0  # what stands before has been read
        self._delimiter = delimiter.decode("latin-1")
        self._final = False
        self._returned = b""

    def feed(self, piece: bytes, *, final: bool = False) -> None:
        """Add the next piece of the file. `final`: it is the last one."""
        data = b"".join((memoryview(self.data)[self.at :], self._returned, piece))
        self._final = final
        self._returned = CR if data.endswith(CR) and not final else b""
        self.data = data[:-1] if self._returned else data  # the LF of a CR LF may come in the next piece
        self.at = 0

    def line_of(self, piece: bytes, offset: int) -> int:
        """Return the physical line of piece[offset], where `piece` is the next one to be fed."""
        before = self.data[self.at :] + self._returned + piece[: max(offset, 0)]
        return self.line + line_breaks(before, 0, len(before))

    @property
    def waiting(self) -> int:
        """The number of bytes fed and not yet read."""
        return len(self.data) - self.at

    def has_line(self) -> bool:
        """Return whether there is a line break in what waits."""
        return self.data.find(LF, self.at) >= 0 or self.data.find(CR, self.at) >= 0

    def skip(self, size: int, breaks: int) -> None:
        """Continue behind complete records that need not be read."""
        self.at += size
        self.line += breaks

    def read(self, size: int, most: int | None = None, keep: int = VALUE_BYTES) -> Batch | None:
        """Read about `size` bytes, and at most `most` records; None when there are no more bytes.

        The batch is empty when no record ends in these bytes. Of the values of a record that began before,
        `keep` characters are kept. A record that an open quote continues to the end of the file is not
        returned; `unclosed_line` is set instead.
        """
        if not self.waiting:
            return self._last() if self._final else None
        data = self._next(max(1, min(size, MAX_WINDOW, csv.field_size_limit() - 8)))
        if inner := data.rstrip(QUOTE):
            return self._read(inner, most, keep)
        record = self.unfinished or Unfinished(self.line, keep)
        record.add_quotes(len(data), self.line)
        record.size += len(data)
        self.unfinished = record
        self.at += len(data)
        return Batch([], self.line, self.line, None)

    def _next(self, size: int) -> bytes:
        """Return the next bytes, to the end of a line if any line ends in them."""
        data, at = self.data, self.at
        end = min(at + size, len(data))
        end = data.rfind(LF, at, end) + 1 or data.rfind(CR, at, end) + 1 or end
        if data.startswith(CRLF, end - 1):
            end += 1
        return data[at:end]

    def _read(self, data: bytes, most: int | None, keep: int) -> Batch:
        """Read bytes of which the last is not a quote."""
        begun, line = self.unfinished, self.line
        before = "" if begun is None else begun.stand_in(self._delimiter)
        window = _Window(data, self._delimiter, before, most)
        self.at += len(window.data)
        self.line += window.breaks
        rows, rest = window.rows, window.rest
        batch = Batch(rows, line if begun is None else begun.line, line, window)
        if begun is not None and rows:
            fields = begun.fields(rows[0])
            batch.widths[0] = begun.ended + len(fields)
            rows[0] = [*begun.cells, *fields]
            begun = None
        self.unfinished = None if rest is None else self._rest(begun, window, rest, keep)
        return batch

    def _rest(self, begun: Unfinished | None, window: _Window, found: list[str], keep: int) -> Unfinished:
        """Return the record at the end of a window, given the fields found there."""
        record = begun or Unfinished(self.line - _breaks_in(found), keep)
        fields = found if begun is None else begun.fields(found)
        if window.open_quote:
            if len(fields) > 1 or record.state not in {FieldState.QUOTED, FieldState.AFTER_QUOTE}:
                record.quote_line = self.line - _breaks_in(found[-1:])
            record.state = FieldState.QUOTED
        elif window.data.endswith(self._delimiter.encode("latin-1")):
            record.state = FieldState.START
        else:
            record.state = FieldState.UNQUOTED
        record.add(fields)
        record.size += len(window.data)
        return record

    def _last(self) -> Batch | None:
        """Return the last record, which no line break ends."""
        record, self.unfinished = self.unfinished, None
        if record is None:
            return None
        if record.state is FieldState.QUOTED:
            self.unclosed_line = record.quote_line
            return None
        batch = Batch([[*record.cells, record.cell]], record.line, record.line, None)
        batch.widths = [record.ended + 1]
        return batch
