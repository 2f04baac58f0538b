"""Rows of another width than the header's: how many there are, their widths, and the first ones."""

from collections.abc import Iterator
from typing import NamedTuple

from retraind.dataset.reader.examples import MAX_EXAMPLES, Examples
from retraind.dataset.reader.records import Batch
from retraind.dataset.reader.windows import VALUE_BYTES

_SEVERAL = 2


class RaggedRow(NamedTuple):
    """A row whose number of fields differs from the header's; `width` is 0 for an empty line."""

    line: int
    width: int
    text: bytes = b""
    """How it begins."""


class RaggedRows:
    """Receives batches of rows, of which some may be ragged."""

    def __init__(self, delimiter: bytes) -> None:
        self._delimiter = delimiter
        self.found: Examples[RaggedRow] = Examples()
        self.widths: set[int] = set()
        """Of those that are not empty, three at least if there are."""
        self.above = 0
        """Rows before the first one."""
        self.empty_lines = 0
        self.last_is_empty = False
        """The last row is an empty line."""

    def count(self, batch: Batch, width: int, above: int) -> int:
        """Count those of a batch below `above` rows of data; return how many rows of data they are."""
        self.last_is_empty = False
        total = batch.count - (batch.count_of(width) if width else 0)
        if not total:
            return 0
        self.last_is_empty = batch.last_is_empty
        empty = batch.count_of(0)
        if not self.found:
            ragged = (at for at, found in enumerate(batch.widths) if found != width and (found or width > 1))
            self.above = above + next(ragged, 0)
        # In a table of one column, an empty line is a missing value.
        rows = total if width == 1 else total - empty
        if width <= 1:
            total -= empty
        else:
            self.empty_lines += empty
        if len(self.widths) <= _SEVERAL:
            self.widths |= batch.kinds - {0, width}
        before = self.found.count
        if total and not self.found.full:
            for row in self._rows(batch, width):
                self.found.add(row)
                if self.found.full:
                    break
        self.found.count = before + total
        return rows

    def _rows(self, batch: Batch, width: int) -> Iterator[RaggedRow]:
        for at, (line, found) in enumerate(zip(batch.lines, batch.widths, strict=True)):
            if found != width and (found or width > 1):
                cells = batch.rows[at][:MAX_EXAMPLES] if found else []
                text = self._delimiter.join(cell.encode("latin-1") for cell in cells)
                yield RaggedRow(line, found, text[:VALUE_BYTES])

    @property
    def known_widths(self) -> set[int]:
        """The widths of rows that may be passed over; 0 for any, none if there is still something to learn.

        Widths that may be all there are must stay so; beside two wide ones, no other says anything.
        """
        if not self.found.full:
            return set()
        return self.widths if len(self.widths - {1}) <= 1 else {0}

    def pass_over(self, rows: int) -> None:
        """Count rows of known widths."""
        self.found.count += rows
        self.last_is_empty = self.last_is_empty and not rows

    def end(self) -> None:
        """Note the end of the file: many programs write an empty line there."""
        if self.last_is_empty:
            self.found.drop_last()
            self.empty_lines -= 1

    def all_alike(self, rows: int) -> bool:
        """Return whether all rows are ragged, and have the same width."""
        return self.found.count == rows and len(self.widths) == 1 and not self.empty_lines

    def width_below(self, rows: int) -> int:
        """Return the width of all rows from the first ragged one on, but for 1; 0 if there are several."""
        ragged = self.found.count - self.empty_lines
        wide = self.widths - {1}
        return min(wide) if len(wide) == 1 and ragged and rows - ragged == self.above else 0
