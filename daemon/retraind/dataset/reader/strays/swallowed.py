"""Rows inside a value: a quote that is left open swallows those below it, up to the next quote."""

import re
from collections.abc import Sequence
from itertools import repeat
from typing import NamedTuple

from retraind.dataset.reader.breaks import CR, LF, QUOTE
from retraind.dataset.reader.examples import Examples
from retraind.dataset.reader.records import Batch
from retraind.dataset.reader.windows import VALUE_BYTES

_SWALLOWED = 3  # rows in one value, from which on they are no chance
_SWALLOWED_TABBED = 1  # of tab-separated values: text has hardly any tabs
_MOSTLY = 0.9  # of its lines
_QUOTED = re.compile(rb'"([^"]*(?:""[^"]*)*)"')


class SwallowedRows(NamedTuple):
    """Rows inside one value, from the line of the quote that opens it to the line of the one that ends it."""

    first: int
    last: int


class Swallowed:
    """Looks for them, and keeps the first."""

    def __init__(self, delimiter: bytes, width: int) -> None:
        self.found: Examples[SwallowedRows] = Examples()
        self._delimiter = delimiter
        self._separators = width - 1
        self.fewest = _SWALLOWED_TABBED if delimiter == b"\t" else _SWALLOWED
        """Rows in a value, from which on they count; it has more line breaks than that."""
        self._fewest_delimiters = self.fewest * self._separators
        self._others = bytes(each for each in range(256) if each not in delimiter + CR + LF + QUOTE)

    def read(self, cells: Sequence[str], line: int, last: int) -> None:
        """Read a row of several lines."""
        if last > line + self.fewest and self._has_rows(cells):
            self.found.add(SwallowedRows(line, last))

    def read_all(self, batch: Batch, next_line: int) -> None:
        """Read many rows; `next_line` is that behind them."""
        for at in (at for at, row in enumerate(batch.rows) if self._has_rows(row)):
            if self.found.full:  # to find out the lines takes longer than the rest
                self.found.count += 1
            else:
                line, end, *_ = (*batch.lines[at : at + 2], next_line)
                self.found.add(SwallowedRows(line, end - 1))

    def _has_rows(self, cells: Sequence[str]) -> bool:
        # Of most rows, a look at all values at once says enough.
        inside = "".join(cells).count(self._delimiter.decode("latin-1"))
        return inside >= self._fewest_delimiters and any(
            self._are_rows(cell.encode("latin-1")) for cell in cells
        )

    def count_in(self, records: bytes) -> int | None:
        """Count the records with rows in a value; None if they have to be read, as examples.

        Each quote in them encloses a value, or is doubled.
        """
        if not self.found.full:
            return None if self._are_in(records) else 0
        _, *parts = _QUOTED.split(records)
        values = (each.replace(QUOTE + QUOTE, b"-") if QUOTE in each else each for each in parts[::2])
        # Of values that are rows, few differ in their delimiters and line breaks.
        shown = QUOTE.join([each[:VALUE_BYTES] for each in values])
        shapes = shown.translate(None, self._others).split(QUOTE)
        rows = set(filter(self._are_rows, set(shapes)))
        count, counted = 0, False
        for shape, after in zip(shapes, parts[1::2], strict=True):
            if shape in rows and not counted:
                counted = True
                count += 1
            counted = counted and not (LF in after or CR in after)
        self.found.count += count
        return count

    def _are_in(self, records: bytes) -> bool:
        """Return whether a value contains rows."""
        inside = records.replace(QUOTE + QUOTE, b"").split(QUOTE)[1::2]
        if max(map(bytes.count, inside, repeat(self._delimiter)), default=0) < self._fewest_delimiters:
            return False
        return any(
            self._are_rows(text.replace(b'""', b'"'))
            for text in (found[1] for found in _QUOTED.finditer(records))
            if max(text.count(LF), text.count(CR)) > self.fewest
        )

    def _are_rows(self, value: bytes) -> bool:
        """Return whether most of a value's lines have as many delimiters as a row; not the first and last."""
        if value.count(self._delimiter) < self._fewest_delimiters:
            return False
        lines = value[:VALUE_BYTES].splitlines()[1:-1]
        alike = sum(each.count(self._delimiter) == self._separators for each in lines)
        return alike >= self.fewest and alike >= _MOSTLY * len(lines)
