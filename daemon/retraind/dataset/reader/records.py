"""From bytes to records, the exact way: where each record of a CSV or TSV file starts, and its fields.

Windows of the file are read one after the other; what one leaves unfinished is continued in the next. Nothing
here knows a character encoding or a rule of the service: in UTF-8 and in Shift_JIS alike, the bytes of comma,
tab, quote, CR and LF never occur inside another character, so bytes are all that is needed. Text is Latin-1,
which maps each byte to one character and back.
"""

import csv
import re
from collections.abc import Callable, Hashable, Iterable, Mapping, Sequence
from functools import cached_property
from typing import Any, overload

from retraind.dataset.reader.breaks import CR, CRLF, LF, QUOTE, kinds_of_breaks, line_breaks
from retraind.dataset.reader.unfinished import FieldState, Unfinished
from retraind.dataset.reader.windows import (
    VALUE_BYTES,
    CsvWindow,
    EmptyLines,
    LastPart,
    LineWindow,
    Window,
    Wish,
)

MAX_WINDOW = 64 << 10
"""Bytes read at once: less than the csv module's limit for a field, which is global and not ours to set."""

_CONTINUED = 4 << 10  # the same at first, for a record that is continued: most end soon


_MANY_EMPTY = re.compile(rb"[\r\n]{256,}+")


class Batch:
    """Consecutive complete records. What is rarely needed is found out when it is."""

    def __init__(self, window: Window, line: int) -> None:
        """`line` is the physical line in which the first record starts."""
        self.count = window.count
        """The number of records."""
        self._window = window
        self._line = line

    @property
    def widths(self) -> list[int]:
        """The number of fields of each record; 0 for an empty line."""
        return self._window.widths

    def count_of(self, width: int) -> int:
        """Return how many records have this width."""
        return self._window.count_of(width)

    @property
    def last_is_empty(self) -> bool:
        """True when the last record is an empty line; there must be one."""
        return self._window.last_is_empty

    @property
    def kinds(self) -> set[int]:
        """The widths there are."""
        return self._window.kinds()

    @property
    def data(self) -> bytes:
        """The bytes in which these records end."""
        return self._window.data

    @property
    def more_breaks(self) -> int:
        """How many more line breaks than records `data` has; negative for a record that was read in parts."""
        return self._window.breaks - self.count

    @property
    def is_plain(self) -> bool:
        """True when each record is one line of `data`."""
        return self._window.breaks == self.count

    @cached_property
    def rows(self) -> list[list[str]]:
        """The fields of each record, as Latin-1; at most MAX_CELLS of one that was read in parts."""
        return self._window.rows()

    def labelled(
        self,
        label: Callable[[list[str]], Iterable[str]],
        may_be_line: Callable[[bytes], object],
        may_be: Callable[[Sequence[Sequence[str]]], Iterable[int]],
    ) -> Mapping[str, list[int]]:
        """Return the places of the records with each label, from 0; of equal ones, one is looked at.

        Which may have any is found out faster: `may_be_line` of lines without quotes, `may_be` of other rows.
        """
        keys: Sequence[Any] = self._window.keys()
        places: Iterable[int] = range(len(keys))
        if keys and isinstance(keys[0], bytes):
            different: Iterable[Any] = filter(may_be_line, dict.fromkeys(keys))
        else:
            places = [*may_be(keys)]
            different = dict.fromkeys(map(keys.__getitem__, places))
        found: dict[str, set[Hashable]] = {}
        for key in different:
            for each in label(self._window.row_of(key)):
                found.setdefault(each, set()).add(key)
        return {each: [at for at in places if keys[at] in labelled] for each, labelled in found.items()}

    def equal_to(self, row: list[str], most: int) -> tuple[int, list[int]]:
        """Return how many records have exactly these fields, and the places of the first ones, from 0."""
        return self._window.equal_to(row, most)

    @property
    def values(self) -> Mapping[int, Sequence[bytes]]:
        """The values of the columns that were wished for, shortened, of the records that have that width."""
        return self._window.values()

    @cached_property
    def lines(self) -> Sequence[int]:
        """The physical line in which each record starts, from 1."""
        if self.is_plain or not self.count:
            return range(self._line, self._line + self.count)
        return (self._line, *(self._line + last for last in self._window.last_lines(self.count - 1)))

    def lines_of(self, width: int) -> Sequence[int]:
        """Return the lines of the records that have this width; they are found out once one is asked for."""
        return _Lines(self, width)

    @cached_property
    def endings(self) -> frozenset[bytes]:
        """The line breaks that end these records."""
        if not self.count:
            return frozenset()
        kinds = kinds_of_breaks(self.data)
        if self.is_plain or len(kinds) <= 1:
            return kinds
        lines = self.data.splitlines(keepends=True)
        ends = {lines[last - 1][-2:] for last in self._window.last_lines(self.count)}
        return kinds_of_breaks(b"-".join(ends))


class _Lines(Sequence[int]):
    def __init__(self, batch: Batch, width: int) -> None:
        self._batch = batch
        self._width = width

    @cached_property
    def _all(self) -> Sequence[int]:
        batch, width = self._batch, self._width
        if len(self) == batch.count:
            return batch.lines
        return [line for line, found in zip(batch.lines, batch.widths, strict=True) if found == width]

    def __len__(self) -> int:
        return self._batch.count_of(self._width)

    @overload
    def __getitem__(self, at: int) -> int: ...

    @overload
    def __getitem__(self, at: slice) -> Sequence[int]: ...

    def __getitem__(self, at: int | slice) -> int | Sequence[int]:
        return self._all[at]


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
        self._delimiter = delimiter
        self._final = False
        self._returned = b""

    def feed(self, piece: bytes, begin: int = 0, *, final: bool = False) -> None:
        """Add the next piece of the file, from `begin` on. `final`: it is the last one.

        The piece is not copied if all bytes before it have been read.
        """
        if self.waiting or self._returned:
            waiting = memoryview(self.data)[self.at :]
            piece, begin = b"".join((waiting, self._returned, memoryview(piece)[begin:])), 0
        self._final = final
        self._returned = CR if piece.endswith(CR) and not final else b""
        self.data = piece[:-1] if self._returned else piece  # the LF of a CR LF may come in the next piece
        self.at = begin

    def feed_line(self, piece: bytes) -> int:
        """Add the next piece up to its first line feed, if a record surely ends there; return where."""
        line, end = self._line_with(piece)
        if line:
            self.data, self.at, self._returned = line, 0, b""
        return end

    def ends_record_in(self, piece: bytes) -> bool:
        """Return whether a record surely ends at the first line feed of the next piece."""
        return self._line_with(piece)[1] > 0

    def _line_with(self, piece: bytes) -> tuple[bytes, int]:
        """Return what waits up to the first line feed of the next piece, and where it ends there."""
        end = piece.find(LF) + 1
        if not end or self.unfinished is not None:
            return b"", 0
        line = b"".join((memoryview(self.data)[self.at :], self._returned, memoryview(piece)[:end]))
        return (b"", 0) if line.count(QUOTE) % 2 else (line, end)

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
        """Continue behind bytes that are read, or need not be: up to the end of a record, or inside one."""
        self.at += size
        self.line += breaks

    def read(self, size: int, wish: Wish | None = None, keep: int = VALUE_BYTES) -> Batch | None:
        """Read about `size` bytes; None when there are no more.

        The batch is empty when no record ends in these bytes. Of the values of a record that does not end in
        them, `keep` characters are kept. A record that an open quote continues to the end of the file is not
        returned; `unclosed_line` is set instead.
        """
        wish = wish or Wish()
        if not self.waiting:
            return self._last(wish) if self._final else None
        size = max(1, min(size, MAX_WINDOW, csv.field_size_limit() - 8))
        record = self.unfinished
        if record is not None:
            return self._continue(record, self._next(min(size, max(_CONTINUED, record.size))), wish)
        if wish.most != 1 and (found := _MANY_EMPTY.match(self.data, self.at)):
            batch = Batch(EmptyLines(found[0], wish), self.line)
            self.skip(len(found[0]), batch.count)
            return batch
        data = self._next(size)
        if not data.endswith((CR, LF)):
            self.unfinished = Unfinished(self.line, keep)
            return self._continue(self.unfinished, data, wish)
        window: Window
        if data.find(QUOTE) < 0:
            window = LineWindow(data, self._delimiter, wish)
        else:
            window = CsvWindow(data, self._delimiter, wish)
        batch = Batch(window, self.line)
        self.skip(len(window.data), window.breaks)
        if window.rest is not None:
            self.unfinished = Unfinished(self.line - _breaks_in(window.rest), keep, size=len(window.data))
            self._add(self.unfinished, [self._delimiter.decode("latin-1"), *window.rest], window)
        return batch

    def peek(self, size: int) -> bytes:
        """Return the bytes in which the next records end; nothing inside a record."""
        return b"" if self.unfinished is not None else self._next(min(size, MAX_WINDOW))

    def _next(self, size: int) -> bytes:
        """Return the next bytes, to the end of a line if any line ends in them."""
        data, at = self.data, self.at
        end = min(at + size, len(data))
        end = data.rfind(LF, at, end) + 1 or data.rfind(CR, at, end) + 1 or end
        if data.startswith(CRLF, end - 1):
            end += 1
        return data[at:end]

    def _continue(self, record: Unfinished, data: bytes, wish: Wish) -> Batch:
        """Read more of a record, at most to its end."""
        line = record.line
        inner = data.rstrip(QUOTE)
        quote = inner.find(QUOTE)
        text = inner if quote < 0 else inner[:quote]
        if record.in_quotes and len(text) >= _CONTINUED:
            record.add_quoted(text)
            record.size += len(text)
            self.skip(len(text), line_breaks(text, 0, len(text)))
            return Batch(LastPart(b"", None, 0, wish), line)
        if inner and not record.in_quotes and quote < 0:
            ending = self._continue_plain(record, inner)
        else:
            ending = self._continue_csv(record, inner) if inner else b""
        if ending:
            self.unfinished = None
            return Batch(LastPart(ending, record.row, record.width, wish), line)
        if quotes := len(data) - len(inner):
            record.add_quotes(quotes, self.line)
            self.skip(quotes, 0)
        record.size += len(data)
        return Batch(LastPart(b"", None, 0, wish), line)

    def _continue_plain(self, record: Unfinished, data: bytes) -> bytes:
        """Read bytes without a quote, up to a line break, outside quotes. Return the line break, if any."""
        line = data.splitlines(keepends=True)[0]
        text = line.rstrip(b"\r\n")
        if text:
            record.add_plain(text, self._delimiter)
        self.skip(len(line), len(line) > len(text))
        return line[len(text) :]

    def _continue_csv(self, record: Unfinished, data: bytes) -> bytes:
        """Read bytes, at most to the end of the record. Return the line break there, if it ends."""
        window = CsvWindow(data, self._delimiter, Wish(most=1), record.stand_in(self._delimiter))
        self.skip(len(window.data), window.breaks)
        if window.rest is not None:
            self._add(record, window.rest, window)
            return b""
        record.add(window.rows()[0])
        return CRLF if window.data.endswith(CRLF) else window.data[-1:]

    def _add(self, record: Unfinished, found: list[str], window: Window) -> None:
        """Add what is at the end of a window, from a stand-in on."""
        if window.open_quote:
            goes_on = record.state in {FieldState.QUOTED, FieldState.AFTER_QUOTE} and len(found) == 1
            if not goes_on:
                record.quote_line = self.line - (_breaks_in(found[-1:]) if window.breaks else 0)
            after = FieldState.QUOTED
        elif window.data.endswith(self._delimiter):
            after = FieldState.START
        else:
            after = FieldState.UNQUOTED
        record.add(found)
        record.state = after

    def _last(self, wish: Wish) -> Batch | None:
        """Return the last record, which no line break ends."""
        record, self.unfinished = self.unfinished, None
        if record is None:
            return None
        if record.state is FieldState.QUOTED:
            self.unclosed_line = record.quote_line
            return None
        return Batch(LastPart(b"", record.row, record.width, wish), record.line)
