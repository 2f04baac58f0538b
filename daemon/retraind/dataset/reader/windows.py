"""What is in a window, a few kilobytes of a file: the records that end in it, and what is left of the last.

Where there are no quotes, each line is a record; otherwise the csv module reads, in its default dialect.
"""

import csv
import io
from collections import Counter
from collections.abc import Hashable, Iterator, Mapping, Sequence
from functools import cached_property
from itertools import chain, islice, repeat
from operator import itemgetter
from typing import Any, NamedTuple, Protocol, TypeVar

from retraind.dataset.reader.breaks import CR, LF, line_breaks

VALUE_BYTES = 512
"""Kept of a value, unless more is requested; longer values with the same beginning count as equal."""

_END = "end"
_SHORT = 24  # bytes of a line; of shorter ones, all delimiters are counted faster at once
_FIRST_LINES = 32  # that show whether lines repeat themselves
_FEW = 8  # of them that differ


class Wish(NamedTuple):
    """What is to be found besides the widths of records."""

    most: int | None = None  # records; then all of their fields are kept
    columns: Sequence[int] = ()  # whose values are kept, of records that have
    width: int = 0
    keep: bool = False  # all fields are asked for afterwards


class Window(Protocol):
    """Bytes in which records end."""

    data: bytes
    breaks: int  # line breaks
    count: int  # complete records
    rest: list[str] | None  # the fields of the last record, if it does not end in these bytes
    open_quote: bool  # a quote is open at the end

    @property
    def widths(self) -> list[int]:
        """The number of fields of each complete record; 0 for an empty line."""

    def count_of(self, width: int) -> int:
        """Return how many records have this width."""

    @property
    def last_is_empty(self) -> bool:
        """True when the last record is an empty line; there must be one."""

    def kinds(self) -> set[int]:
        """Return the widths there are."""

    def rows(self) -> list[list[str]]:
        """Return the fields of the complete records, as Latin-1."""

    def keys(self) -> Sequence[Hashable]:
        """Return something for each record that is equal for records with the same fields."""

    def row_of(self, key: Any) -> list[str]:
        """Return the fields of the records that have this key."""

    def equal_to(self, row: list[str], most: int) -> tuple[int, list[int]]:
        """Return how many records have exactly these fields, and the places of the first ones, from 0."""

    def values(self) -> Mapping[int, Sequence[bytes]]:
        """Return the values of the columns that were wished for, shortened."""

    def last_lines(self, count: int) -> Iterator[int]:
        """Yield the number of the last line of each of the first records, from 1."""


_T = TypeVar("_T")


def _places(records: list[_T], record: _T, most: int) -> tuple[int, list[int]]:
    count = records.count(record)
    places: list[int] = []
    while len(places) < min(count, most):
        places.append(records.index(record, places[-1] + 1 if places else 0))
    return count, places


class LineWindow:
    """Complete lines without a quote."""

    def __init__(self, data: bytes, delimiter: bytes, wish: Wish) -> None:
        self.rest: list[str] | None = None
        self.open_quote = False
        if data.find(CR) < 0:
            lines = data.split(LF, -1 if wish.most is None else wish.most)
            after = lines.pop()
        else:
            lines = data.splitlines()
            after = b""
            if wish.most is not None and len(lines) > wish.most:
                after = b"".join(data.splitlines(keepends=True)[wish.most :])
                del lines[wish.most :]
        self.data = data[: len(data) - len(after)] if after else data
        self.breaks = self.count = len(lines)
        self._lines = lines
        self._delimiter = delimiter
        self._wish = wish
        self._with = self._widths()
        """How many lines have this number of delimiters."""

    def _widths(self) -> Counter[int]:
        if self._lines and self.count * _SHORT > len(self.data):
            first = self._lines[0].count(self._delimiter)
            if self._are_of(first):
                return Counter({first: self.count})
        return Counter(self._counts())

    def _are_of(self, delimiters: int) -> bool:
        """Return whether all lines end alike and have this number of delimiters."""
        delimiter = self._delimiter
        if self.data.find(CR) >= 0 or self.data.count(delimiter) != delimiters * self.count:
            return False
        others = bytes(byte for byte in range(256) if byte not in (delimiter[0], LF[0]))
        return self.data.translate(None, others) == (delimiter * delimiters + LF) * self.count

    def _counts(self) -> Iterator[int]:
        return map(bytes.count, self._lines, repeat(self._delimiter))

    @cached_property
    def _empty(self) -> int:
        return self._lines.count(b"") if self._with[0] else 0

    @cached_property
    def widths(self) -> list[int]:
        """The number of fields of each record; 0 for an empty line."""
        return [count + 1 if line else 0 for line, count in zip(self._lines, self._counts(), strict=True)]

    def count_of(self, width: int) -> int:
        """Return how many records have this width."""
        if width == 0:
            return self._empty
        return self._with[width - 1] - (self._empty if width == 1 else 0)

    @property
    def last_is_empty(self) -> bool:
        """True when the last record is an empty line."""
        return not self._lines[-1]

    def kinds(self) -> set[int]:
        """Return the widths there are."""
        return {width for width in (0, *(count + 1 for count in self._with)) if self.count_of(width)}

    def rows(self) -> list[list[str]]:
        """Return the fields of all records."""
        delimiter = self._delimiter.decode("latin-1")
        return [line.decode("latin-1").split(delimiter) if line else [] for line in self._lines]

    def keys(self) -> Sequence[bytes]:
        """Return the lines."""
        return self._lines

    def row_of(self, key: bytes) -> list[str]:
        """Return the fields of a line."""
        return key.decode("latin-1").split(self._delimiter.decode("latin-1")) if key else []

    def equal_to(self, row: list[str], most: int) -> tuple[int, list[int]]:
        """Return how many records have exactly these fields, and the places of the first ones."""
        line = self._delimiter.decode("latin-1").join(row).encode("latin-1")
        if line.count(self._delimiter) != len(row) - 1:
            return 0, []  # a delimiter would have to be in quotes
        return _places(self._lines, line, most)

    def values(self) -> Mapping[int, Sequence[bytes]]:
        """Return the values of the wished columns, shortened."""
        delimiter, width, columns = self._delimiter, self._wish.width, self._wish.columns
        if not columns:
            return {}
        most = max(columns) + 1
        lines = self._lines
        if self.count_of(width) < self.count:
            counted = zip(self._lines, self._counts(), strict=True)
            lines = [line for line, found in counted if found == width - 1 and line]
        if len(lines) > _FIRST_LINES and len(set(lines[:_FIRST_LINES])) <= _FEW:
            different = {line: line.split(delimiter, most) for line in set(lines)}
            shown = ({line: each[at][:VALUE_BYTES] for line, each in different.items()} for at in columns)
            return {at: [*map(each.__getitem__, lines)] for at, each in zip(columns, shown, strict=True)}
        cells = [line.split(delimiter, most) for line in lines]
        return {column: [each[column][:VALUE_BYTES] for each in cells] for column in columns}

    @staticmethod
    def last_lines(count: int) -> Iterator[int]:
        """Yield the number of the last line of each of the first records."""
        return iter(range(1, count + 1))


class _CsvReader(Protocol):
    @property
    def line_num(self) -> int: ...

    def __iter__(self) -> Iterator[list[str]]: ...


class CsvWindow:
    """Bytes that the csv module reads: lines, or a part of one line. They do not end with a quote."""

    def __init__(self, data: bytes, delimiter: bytes, wish: Wish, before: str = "") -> None:
        """`before` is read first; it brings the module into the state that the last window ended in.

        Without `most`, the window has to end with a line break.
        """
        self.data = data
        self.breaks = line_breaks(data, 0, len(data))
        self.rest: list[str] | None = None
        self.open_quote = False
        self._before = before
        self._delimiter = delimiter.decode("latin-1")
        self._wish = wish
        self._rows: list[list[str]] | None = None
        self._ends: list[int] = []  # the last lines of these records, if few were asked for
        self._values: Sequence[Sequence[str]] = ()
        self._with: dict[int, int] = {}  # how many records have this width, once asked for
        if wish.most is None:
            self.widths = self._count()
        else:
            self._rows = self._read(wish.most)
            self.widths = list(map(len, self._rows))
        self.count = len(self.widths)

    def _reader(self) -> _CsvReader:
        """Return a reader that reads a mark after the last line: if a quote is open, as part of its field."""
        text = self._before + self.data.decode("latin-1")
        lines = io.StringIO(text, newline="") if self.breaks else (text,)
        return csv.reader(chain(lines, (_END,)), delimiter=self._delimiter)

    def _count(self) -> list[int]:
        """Read lines, without keeping more of a record than is needed."""
        widths: list[int] = []
        reader = self._reader()
        row: list[str] = []
        width, columns = self._wish.width, self._wish.columns
        if self._wish.keep:
            self._rows = list(reader)
            self._end(self._rows.pop())
            return list(map(len, self._rows))
        if columns:
            add = widths.append
            pick = itemgetter(*columns)
            picked: list[Any] = []  # a string, or a tuple of some
            for row in reader:
                found = len(row)
                add(found)
                if found == width:
                    picked.append(pick(row))
            if widths[-1] == width:
                picked.pop()
            self._values = list(zip(*picked, strict=True)) if len(columns) > 1 else (picked,)
        else:
            widths = [len(row := each) for each in reader]
        widths.pop()
        self._end(row)
        return widths

    def count_of(self, width: int) -> int:
        """Return how many records have this width."""
        if width not in self._with:
            self._with[width] = self.widths.count(width)
        return self._with[width]

    @property
    def last_is_empty(self) -> bool:
        """True when the last record is an empty line."""
        return self.widths[-1] == 0

    def kinds(self) -> set[int]:
        """Return the widths there are."""
        return set(self.widths)

    def _end(self, last: list[str]) -> None:
        """Note what the last record tells: it is the mark, or ends with it."""
        if last != [_END]:
            self.open_quote = True
            self.rest = [*last[:-1], last[-1].removesuffix(_END)]

    def _read(self, most: int) -> list[list[str]]:
        reader = self._reader()
        rows: list[list[str]] = []
        for row in islice(reader, most):
            rows.append(row)
            self._ends.append(reader.line_num)
        if reader.line_num <= self.breaks:
            # There may be more records than requested.
            self.data = b"".join(self.data.splitlines(keepends=True)[: reader.line_num])
            self.breaks = reader.line_num
            return rows
        ends_line = self.data.endswith((CR, LF))
        if reader.line_num > self.breaks + (not ends_line):
            self._end(rows.pop())
        if not self.open_quote and not ends_line:
            self.rest = rows.pop()
        return rows

    def rows(self) -> list[list[str]]:
        """Return the fields of the complete records."""
        if self._rows is None:
            self._rows = list(islice(self._reader(), len(self.widths)))
        return self._rows

    def equal_to(self, row: list[str], most: int) -> tuple[int, list[int]]:
        """Return how many records have exactly these fields, and the places of the first ones."""
        return _places(self.rows(), row, most)

    def keys(self) -> Sequence[tuple[str, ...]]:
        """Return the rows."""
        return [*map(tuple, self.rows())]

    @staticmethod
    def row_of(key: tuple[str, ...]) -> list[str]:
        """Return the fields of a row."""
        return [*key]

    def values(self) -> Mapping[int, Sequence[bytes]]:
        """Return the values of the wished columns, shortened."""
        columns = self._wish.columns
        if columns and self._rows is not None:
            rows, width = self._rows, self._wish.width
            if self.count_of(width) < self.count:
                rows = [row for row in rows if len(row) == width]
            return {column: _encoded([row[column] for row in rows]) for column in columns}
        if not self._values:
            return dict.fromkeys(columns, ())
        return {column: _encoded(found) for column, found in zip(columns, self._values, strict=True)}

    def last_lines(self, count: int) -> Iterator[int]:
        """Yield the number of the last line of each of the first records."""
        if self._ends:
            yield from self._ends[:count]
            return
        reader = self._reader()
        for _ in islice(reader, count):
            yield reader.line_num


def _encoded(values: Sequence[str]) -> list[bytes]:
    for between in ("\n", "\0"):  # all at once, if no value has it
        found = between.join(values).encode("latin-1").split(between.encode("latin-1"))
        if len(found) == len(values) and max(map(len, found)) <= VALUE_BYTES:
            return found
    return [value[:VALUE_BYTES].encode("latin-1") for value in values]


class EmptyLines:
    """Line breaks and nothing else, where a record would begin."""

    def __init__(self, data: bytes, wish: Wish) -> None:
        self.data = data
        self.breaks = self.count = line_breaks(data, 0, len(data))
        self.rest: list[str] | None = None
        self.open_quote = False
        self._wish = wish

    @cached_property
    def widths(self) -> list[int]:
        """The number of fields of each record."""
        return [0] * self.count

    def count_of(self, width: int) -> int:
        """Return how many records have this width."""
        return 0 if width else self.count

    @property
    def last_is_empty(self) -> bool:
        """Return that it is."""
        return True

    @staticmethod
    def kinds() -> set[int]:
        """Return the width there is."""
        return {0}

    def rows(self) -> list[list[str]]:
        """Return the fields, of which there are none."""
        return [[] for _ in range(self.count)]

    def keys(self) -> Sequence[bytes]:
        """Return the lines."""
        return [b""] * self.count

    @staticmethod
    def row_of(key: bytes) -> list[str]:  # noqa: ARG004
        """Return the fields, of which there are none."""
        return []

    @staticmethod
    def equal_to(row: list[str], most: int) -> tuple[int, list[int]]:  # noqa: ARG004
        """Return that no record has any fields."""
        return 0, []

    def values(self) -> Mapping[int, Sequence[bytes]]:
        """Return the values, of which there are none."""
        return dict.fromkeys(self._wish.columns, ())

    @staticmethod
    def last_lines(count: int) -> Iterator[int]:
        """Yield the number of the last line of each of the first records."""
        return iter(range(1, count + 1))


class LastPart:
    """The end of a record that was read in several parts; or the end of a part, if `row` is None."""

    def __init__(self, ending: bytes, row: list[str] | None, width: int, wish: Wish) -> None:
        self.data = ending
        self.breaks = -1  # it is not one line
        self.widths = [] if row is None else [width]
        self.count = len(self.widths)
        self.rest: list[str] | None = None
        self.open_quote = False
        self._row = row
        self._wish = wish

    def count_of(self, width: int) -> int:
        """Return how many records have this width: one or none."""
        return self.widths.count(width)

    @property
    def last_is_empty(self) -> bool:
        """Return that it is not."""
        return False

    def kinds(self) -> set[int]:
        """Return the width there is."""
        return set(self.widths)

    def rows(self) -> list[list[str]]:
        """Return the fields of the record."""
        return [] if self._row is None else [self._row]

    def keys(self) -> Sequence[tuple[str, ...]]:
        """Return the row."""
        return [*map(tuple, self.rows())]

    @staticmethod
    def row_of(key: tuple[str, ...]) -> list[str]:
        """Return the fields of the row."""
        return [*key]

    def equal_to(self, row: list[str], most: int) -> tuple[int, list[int]]:
        """Return how many records have exactly these fields, one or none, and the place."""
        return _places(self.rows(), row, most)

    def values(self) -> Mapping[int, Sequence[bytes]]:
        """Return the values of the wished columns, shortened."""
        row = self._row
        if row is None or self.widths != [self._wish.width]:
            return dict.fromkeys(self._wish.columns, ())
        return {column: _encoded([row[column]]) for column in self._wish.columns}

    @staticmethod
    def last_lines(count: int) -> Iterator[int]:
        """Yield nothing: one record is not followed by any."""
        return iter(range(min(count, 0)))
