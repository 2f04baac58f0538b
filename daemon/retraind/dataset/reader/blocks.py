"""The fast way through a CSV or TSV file: many records at once, mostly without parsing any of them.

Once everything but delimiters, line breaks and quotes is deleted (what is left is called the skeleton),
regular records are one short pattern repeated, and quotes come in pairs. Less regular records are split line
by line or read by the csv module. Everything else, such as a record that is not yet complete, is left to
records.Scanner.
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
"""A value that begins with a quote: the part in quotes, and what follows it literally."""


@dataclass(frozen=True, slots=True)
class Block:
    """Consecutive complete records: those of the expected width with requested values, and the others."""

    size: int  # bytes
    breaks: int  # physical lines; more than records when quoted fields hold line breaks
    rows: int  # records of the expected width
    endings: frozenset[bytes]
    lines: Sequence[
        int
    ] = ()  # of these records, when columns were requested: the physical line each starts in
    values: Mapping[int, Sequence[bytes]] = field(default_factory=dict)
    ragged: Iterable[
        tuple[int, int]
    ] = ()  # the other records' lines and widths (0: an empty line); can be iterated once
    last_is_empty: bool = False


def line_breaks(data: bytes | bytearray, start: int, end: int) -> int:
    """Count the line breaks in data[start:end]; CR LF is one."""
    breaks = data.count(LF, start, end)
    if data.find(CR, start, end) >= 0:
        breaks += data.count(CR, start, end) - data.count(CRLF, start, end)
    return breaks


def _last_break(data: bytes, end: int) -> int:
    """Return the end of the last line break before `end`; 0 if there is none."""
    return max(data.rfind(LF, 0, end), data.rfind(CR, 0, end)) + 1


def _last_break_outside(data: bytes) -> int:
    """Return the end of the last line break outside quotes, provided that quotes simply alternate."""
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
    """The physical lines in which records start, counted only when one is requested, which is rare."""

    def __init__(self, first: int, records: Sequence[bytes], inside: Sequence[bytes]) -> None:
        """`inside` is the text in quotes; `records` has one quote in place of each such text."""
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


class BlockReader:
    """Returns blocks for one delimiter. Remembers the expected pattern, which makes comparing fast."""

    def __init__(self, delimiter: bytes) -> None:
        self._delimiter = delimiter
        structure = {*delimiter, *CRLF, *QUOTE}
        self._no_structure = bytes(set(range(256)) - structure)
        self._kinds = bytes(byte if byte in structure else ord("x") for byte in range(256))
        self._openings = (delimiter + QUOTE, LF + QUOTE, CR + QUOTE)
        self._hiding = False  # the last block had structure in quotes, so the next one probably has too
        self._unit = b""
        self._pattern = b""

    def block(
        self, data: bytes, line: int, width: int, wanted: Callable[[bytes], Sequence[int]]
    ) -> Block | None:
        """Return complete records from the start of `data`, where a record begins in physical line `line`.

        They are compared with `width`, from 1. `wanted` returns, for these bytes, the columns whose values
        are needed. None: there is no complete record, or only the exact way can tell.
        """
        complete = data[: _last_break(data, len(data))]
        if not complete:
            return None
        columns = wanted(complete)
        if self._hiding and (block := self._quoted(complete, line, width, columns)) is not None:
            return block
        structure = complete.translate(None, self._no_structure)
        plain = QUOTE not in structure
        skeleton = structure
        if not plain:
            skeleton = structure.replace(QUOTE * 2, b"")
            if QUOTE in skeleton and not self._opens(complete):
                plain = True
                skeleton = skeleton.replace(QUOTE, b"")
        if QUOTE not in skeleton:
            # Between any two delimiters or line breaks there is an even number of quotes, or none with a
            # meaning. So all delimiters and line breaks are outside quotes: a field with an open quote has an
            # odd number so far.
            self._hiding = False
            rows, ending = self._regular(skeleton, complete, width)
            if not rows:
                return self._split(complete, line, width, columns)
            values = self._values(complete, ending, width, columns, plain=plain)
            return Block(len(complete), rows, rows, frozenset({ending}), range(line, line + rows), values)
        block = None if self._hiding else self._quoted(complete, line, width, columns)
        self._hiding = block is not None
        return block or self._read(complete, line, width, columns)

    def _opens(self, data: bytes) -> bool:
        """Return whether any quote can open a quoted field; elsewhere it is a literal character."""
        return data.startswith(QUOTE) or any(opening in data for opening in self._openings)

    def _regular(self, skeleton: bytes, outside: bytes, width: int) -> tuple[int, bytes]:
        """Return the number of records and their line break, if all have `width` fields; else 0.

        `skeleton` is the structure of `outside`. Needs two columns or more: with one, an empty line looks
        regular.
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
            # A lone CR, some text, and a lone LF look like one line break in the skeleton.
            return 0, ending
        return rows, ending

    def _values(
        self, data: bytes, ending: bytes, width: int, columns: Sequence[int], *, plain: bool
    ) -> Mapping[int, Sequence[bytes]]:
        """Return the values of single columns of regular records without structure in quotes."""
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
        # Not by the csv module, which rejects long values.
        found = _QUOTED.fullmatch(cell)
        assert found is not None
        quoted, rest = found.groups()
        return quoted.replace(QUOTE * 2, QUOTE) + rest

    def _quoted(self, data: bytes, line: int, width: int, columns: Sequence[int]) -> Block | None:
        """Return the block of regular records in which opening and closing quotes simply alternate.

        They do if each opening quote follows a delimiter, a line break or a closing quote. In the last case
        the two are one doubled quote.
        """
        parts = data.split(QUOTE)
        if not len(parts) % 2:
            complete = data[: _last_break_outside(data)]
            return self._quoted(complete, line, width, columns) if complete else None
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

        `records` has one quote in place of each quoted text, and `inside` has these texts. None where a value
        is quoted in part: only the exact way knows its meaning.
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
                # A doubled quote ends one quoted text and begins another.
                cell = QUOTE.join(inside[first : first + len(cell)])
            values.append(cell)
        return values

    def _split(self, data: bytes, line: int, width: int, columns: Sequence[int]) -> Block:
        """Split records without structure in quotes, line by line."""
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
            ragged=((at, found) for at, found in enumerate(widths, start=line) if found != width),
            last_is_empty=widths[-1] == 0,
        )

    def _read(self, data: bytes, line: int, width: int, columns: Sequence[int]) -> Block | None:
        """Let the csv module read records, all but the last, which may end in an open quote.

        None when there is no other, or when a field exceeds the module's limit, which is global and not ours
        to set.
        """
        # Latin-1 maps each byte to one character and back.
        text = io.StringIO(data.decode("latin-1"), newline="")
        reader = csv.reader(text, delimiter=self._delimiter.decode("ascii"))
        lines: list[int] = []
        values: dict[int, list[bytes]] = {column: [] for column in columns}
        ragged: list[tuple[int, int]] = []
        last_lines = []
        rows = start = found = 0
        try:
            cells = next(reader)
            end = reader.line_num
            for following in reader:
                last_lines.append(end - 1)
                found = len(cells)
                if found != width:
                    ragged.append((line + start, found))
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
            ragged=ragged,
            last_is_empty=found == 0,
        )
