"""The fast way through a CSV or TSV file: many records at once, most of them without looking at any.

With all but delimiters, line breaks and quotes deleted, a regular run of records is one short pattern repeated, and
quotes come in pairs. Runs that are not so regular are split line by line or read by the csv module. What is left over,
such as a record not yet complete, gets no answer here: records.Scanner is exact for all.
"""

import csv
import io
import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import overload

QUOTE = b'"'
CR, LF, CRLF = b"\r", b"\n", b"\r\n"

_QUOTED = re.compile(rb'"((?:[^"]+|"")*+)"?(.*)', re.DOTALL)
"""A value that begins with a quote: what is in the quotes, and what follows on them, which is taken as it is."""


@dataclass(frozen=True, slots=True)
class Block:
    """A run of complete records: how many have the expected width, their values as asked for, and the others."""

    size: int  # bytes
    breaks: int  # physical lines; more than records when quoted fields hold line breaks
    rows: int  # records of the expected width
    endings: frozenset[bytes]
    lines: Sequence[
        int
    ] = ()  # of these records, when columns were asked for: the physical line each starts in
    values: Mapping[int, Sequence[bytes]] = field(default_factory=dict)
    odd: Iterable[
        tuple[int, int]
    ] = ()  # the other records' lines and widths (0: an empty line); to be read once
    blank_last: bool = False


def line_breaks(data: bytes | bytearray, start: int, end: int) -> int:
    """Count the line breaks in data[start:end]; CR LF is one."""
    breaks = data.count(LF, start, end)
    if data.find(CR, start, end) >= 0:
        breaks += data.count(CR, start, end) - data.count(CRLF, start, end)
    return breaks


def _last_break(data: bytes, end: int) -> int:
    """Return where the last line break before `end` ends; 0 if there is none."""
    return max(data.rfind(LF, 0, end), data.rfind(CR, 0, end)) + 1


def _last_break_outside(data: bytes) -> int:
    """Return where the last line break outside quotes ends, if quotes simply alternate."""
    end = _last_break(data, len(data))
    odd = data.count(QUOTE, 0, end) % 2
    while odd:
        before = _last_break(data, data.rfind(QUOTE, 0, end))
        odd ^= data.count(QUOTE, before, end) % 2
        end = before
    return end


def _endings(outside: bytes) -> frozenset[bytes]:
    pairs = outside.count(CRLF)
    found = {CRLF: pairs, LF: outside.count(LF) - pairs, CR: outside.count(CR) - pairs}
    return frozenset(ending for ending, count in found.items() if count)


class _Lines(Sequence[int]):
    """The physical lines that records start in, counted only when one is asked for, which is seldom."""

    def __init__(self, first: int, records: Sequence[bytes], inside: Sequence[bytes]) -> None:
        """`inside` is what quotes hide; of each run a quote is left in `records`."""
        self._first = first
        self._records = records
        self._inside = inside

    @cached_property
    def _all(self) -> list[int]:
        found = []
        line, begin = self._first, 0
        for record in self._records:
            found.append(line)
            end = begin + record.count(QUOTE)
            line += 1 + sum(line_breaks(hidden, 0, len(hidden)) for hidden in self._inside[begin:end])
            begin = end
        return found

    def __len__(self) -> int:
        return len(self._records)

    @overload
    def __getitem__(self, at: int) -> int: ...

    @overload
    def __getitem__(self, at: slice) -> Sequence[int]: ...

    def __getitem__(self, at: int | slice) -> int | Sequence[int]:
        return self._all[at]


class Skeletons:
    """Answers for one delimiter; remembers the pattern it expects, so that comparing is one memory comparison."""

    def __init__(self, delimiter: bytes) -> None:
        self._delimiter = delimiter
        structure = {*delimiter, *CRLF, *QUOTE}
        self._rest = bytes(set(range(256)) - structure)
        self._kinds = bytes(byte if byte in structure else ord("x") for byte in range(256))
        self._openings = (delimiter + QUOTE, LF + QUOTE, CR + QUOTE)
        self._hiding = False  # the last run had structure in quotes, so the next one may as well
        self._unit = b""
        self._pattern = b""

    def block(
        self, data: bytes, line: int, width: int, wanted: Callable[[bytes], Sequence[int]]
    ) -> Block | None:
        """Return complete records from the start of `data`, which begins with a record in physical line `line`.

        They are compared with `width`, from 1. `wanted` tells, given the bytes, which columns' values are needed of
        them. None: there is no complete record, or it takes the exact way to know.
        """
        whole = data[: _last_break(data, len(data))]
        if not whole:
            return None
        columns = wanted(whole)
        if self._hiding and (block := self._quoted(whole, line, width, columns)) is not None:
            return block
        structure = whole.translate(None, self._rest)
        plain = QUOTE not in structure
        skeleton = structure
        if not plain:
            skeleton = structure.replace(QUOTE * 2, b"")
            if QUOTE in skeleton and not self._opens(whole):
                plain = True
                skeleton = skeleton.replace(QUOTE, b"")
        if QUOTE not in skeleton:
            # Between any two delimiters or line breaks stands an even number of quotes, or none that means anything.
            # So each of these is outside quotes, whatever the quotes are: a field whose quotes are open has an odd
            # number of them so far.
            self._hiding = False
            rows, ending = self._regular(skeleton, whole, width)
            if not rows:
                return self._split(whole, line, width, columns)
            values = self._values(whole, ending, width, columns, plain=plain)
            return Block(len(whole), rows, rows, frozenset({ending}), range(line, line + rows), values)
        block = None if self._hiding else self._quoted(whole, line, width, columns)
        self._hiding = block is not None
        return block or self._read(whole, line, width, columns)

    def _opens(self, data: bytes) -> bool:
        """Tell whether any quote can open a quoted field; elsewhere it is a character like others."""
        return data.startswith(QUOTE) or any(opening in data for opening in self._openings)

    def _regular(self, skeleton: bytes, outside: bytes, width: int) -> tuple[int, bytes]:
        """Return how many records there are and their line break, if all have `width` fields; else 0.

        `skeleton` is the structure of `outside`. An empty line has no place in the pattern if there are two columns
        or more; with one it would.
        """
        ending = CRLF if skeleton[width - 1 : width + 1] == CRLF else skeleton[width - 1 : width]
        if width == 1 or ending not in {CR, LF, CRLF}:
            return 0, ending
        unit = self._delimiter * (width - 1) + ending
        if unit != self._unit or len(self._pattern) < len(skeleton):
            self._unit = unit
            self._pattern = unit * (len(skeleton) // len(unit) + 1)
        rows, rest = divmod(len(skeleton), len(unit))
        if rest or not self._pattern.startswith(skeleton):
            return 0, ending
        if ending == CRLF and outside.count(CRLF) != rows:
            # A lone CR, then text, then a lone LF: in the skeleton they look like one line break.
            return 0, ending
        return rows, ending

    def _values(
        self, data: bytes, ending: bytes, width: int, columns: Sequence[int], *, plain: bool
    ) -> Mapping[int, Sequence[bytes]]:
        """Return the values of single columns of a regular run in which no quotes hide structure."""
        if not columns:
            return {}
        if len(columns) == 1:
            cells = {columns[0]: self._column(data, ending, width, columns[0])}
        else:
            every = data[: -len(ending)].replace(ending, self._delimiter).split(self._delimiter)
            cells = {column: every[column::width] for column in columns}
        if plain:
            return cells
        return {column: [self._unquoted(cell) for cell in found] for column, found in cells.items()}

    def _column(self, data: bytes, ending: bytes, width: int, column: int) -> list[bytes]:
        lines = data.split(ending)
        lines.pop()
        if column < width / 2:
            return [line.split(self._delimiter, column + 1)[column] for line in lines]
        back = width - column
        return [line.rsplit(self._delimiter, back)[-back] for line in lines]

    @staticmethod
    def _unquoted(cell: bytes) -> bytes:
        if not cell.startswith(QUOTE):
            return cell
        inner = cell[1:-1]
        if cell.endswith(QUOTE) and QUOTE not in inner:
            return inner
        # Not by the csv module, which refuses long values.
        found = _QUOTED.fullmatch(cell)
        assert found is not None
        quoted, rest = found.groups()
        return quoted.replace(QUOTE * 2, QUOTE) + rest

    def _quoted(self, data: bytes, line: int, width: int, columns: Sequence[int]) -> Block | None:
        """Return the records of a run in which quotes simply alternate, if it is regular.

        They do if each opening one follows a delimiter, a line break or a closing quote; then the latter two are one
        doubled quote.
        """
        parts = data.split(QUOTE)
        if not len(parts) % 2:
            whole = data[: _last_break_outside(data)]
            return self._quoted(whole, line, width, columns) if whole else None
        outside = QUOTE.join(parts[::2])
        kinds = outside.translate(self._kinds)
        if b'x"' in kinds:
            return None
        rows, ending = self._regular(kinds.translate(None, b'x"'), outside, width)
        if not rows:
            return None
        breaks = line_breaks(data, 0, len(data))
        if not columns:
            return Block(len(data), breaks, rows, frozenset({ending}))
        records = outside.split(ending)
        records.pop()
        inside = parts[1::2]
        values = {}
        for column in columns:
            if (found := self._values_outside(records, inside, width - column)) is None:
                return None
            values[column] = found
        return Block(len(data), breaks, rows, frozenset({ending}), _Lines(line, records, inside), values)

    def _values_outside(
        self, records: Sequence[bytes], inside: Sequence[bytes], back: int
    ) -> list[bytes] | None:
        """Return the values of a column, counted from the end.

        Of each quoted run only a quote is left in `records`; `inside` has its content. None where a value is quoted in
        part: then it takes the exact way to know what it means.
        """
        values = []
        end = 0
        for record in records:
            cells = record.rsplit(self._delimiter, back)
            cell = cells[-back]
            end += record.count(QUOTE)
            if cell == QUOTE and back == 1:
                cell = inside[end - 1]
            elif QUOTE in cell:
                if cell.strip(QUOTE):
                    return None
                before = len(cells[0]) if len(cells) > back else 0
                first = end - record.count(QUOTE, before)
                # A doubled quote ends one run and begins another.
                cell = QUOTE.join(inside[first : first + len(cell)])
            values.append(cell)
        return values

    def _split(self, data: bytes, line: int, width: int, columns: Sequence[int]) -> Block:
        """Take a run in which no quotes hide structure apart, line by line."""
        records = data.replace(CRLF, LF).replace(CR, LF).split(LF)
        records.pop()
        widths = [record.count(self._delimiter) + 1 if record else 0 for record in records]
        lines: list[int] = []
        values: dict[int, list[bytes]] = {column: [] for column in columns}
        if columns:
            for at, (record, found) in enumerate(zip(records, widths, strict=True), start=line):
                if found == width:
                    lines.append(at)
                    cells = record.split(self._delimiter)
                    for column in columns:
                        values[column].append(self._unquoted(cells[column]))
        return Block(
            size=len(data),
            breaks=len(records),
            rows=widths.count(width),
            endings=_endings(data),
            lines=lines,
            values=values,
            odd=((at, found) for at, found in enumerate(widths, start=line) if found != width),
            blank_last=widths[-1] == 0,
        )

    def _read(self, data: bytes, line: int, width: int, columns: Sequence[int]) -> Block | None:
        """Let the csv module read a run. The last record is left for next time: it may end in an open quote.

        None when there is no other, or when a field exceeds the module's limit, which is global and not ours to set.
        """
        # Latin-1 maps each byte to one character and back.
        text = io.StringIO(data.decode("latin-1"), newline="")
        reader = csv.reader(text, delimiter=self._delimiter.decode("ascii"))
        lines: list[int] = []
        values: dict[int, list[bytes]] = {column: [] for column in columns}
        odd: list[tuple[int, int]] = []
        last_lines = []
        rows = start = found = 0
        try:
            cells = next(reader)
            end = reader.line_num
            for following in reader:
                last_lines.append(end - 1)
                found = len(cells)
                if found != width:
                    odd.append((line + start, found))
                else:
                    rows += 1
                    if columns:
                        lines.append(line + start)
                    for column in columns:
                        values[column].append(cells[column].encode("latin-1"))
                cells, start, end = following, end, reader.line_num
        except csv.Error:
            return None
        if start == 0:
            return None
        physical = data.splitlines(keepends=True)
        return Block(
            size=sum(map(len, physical[:start])),
            breaks=start,
            rows=rows,
            endings=_endings(b"-".join({physical[at][-2:] for at in last_lines})),
            lines=lines,
            values=values,
            odd=odd,
            blank_last=found == 0,
        )
