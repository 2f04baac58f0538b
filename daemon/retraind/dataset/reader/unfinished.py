"""A record that has been read in part: how the csv module continues it, and what is kept of it meanwhile."""

from dataclasses import dataclass, field
from enum import Enum, auto

MAX_CELLS = 5_000
"""Cells kept of one record; the service accepts 999. The reported width is exact all the same."""


class FieldState(Enum):
    """Which part of a field the reader is in."""

    START = auto()
    UNQUOTED = auto()  # no quote opened, or it has closed: every byte is part of the value
    QUOTED = auto()
    AFTER_QUOTE = auto()  # after a quote inside quotes: it closes them, unless a second one follows


_STAND_IN = {FieldState.UNQUOTED: "-", FieldState.QUOTED: '"', FieldState.AFTER_QUOTE: '""'}


@dataclass(slots=True)
class Unfinished:
    """What has been read of a record. Its memory does not grow with the record's length."""

    line: int  # in which the record starts
    keep: int  # characters of each field
    size: int = 0  # bytes, if the record is the first of the file
    ended: int = 0  # fields
    cells: list[str] = field(default_factory=list)  # of these fields, at most MAX_CELLS
    cell: str = ""  # of the field that has not ended
    state: FieldState = FieldState.START
    quote_line: int = 0  # of the last opening quote

    def stand_in(self, delimiter: str) -> str:
        """Return a text that brings the csv module into this state. It is a field, or the start of one."""
        return _STAND_IN.get(self.state, delimiter)

    def fields(self, found: list[str]) -> list[str]:
        """Return the fields behind the ended ones, given what the module found from the stand-in on."""
        match self.state:
            case FieldState.START:
                return found[1:]
            case FieldState.UNQUOTED:
                return [(self.cell + found[0][1:])[: self.keep], *found[1:]]
            case FieldState.QUOTED | FieldState.AFTER_QUOTE:
                return [(self.cell + found[0])[: self.keep], *found[1:]]

    def add(self, fields: list[str]) -> None:
        """Add fields, of which the last has not ended."""
        more = min(MAX_CELLS - len(self.cells), len(fields) - 1)
        self.cells += [each[: self.keep] for each in fields[:more]]
        self.ended += len(fields) - 1
        self.cell = fields[-1][: self.keep]

    def add_quotes(self, count: int, line: int) -> None:
        """Add this many quotes in a row, in this line."""
        literal = count
        if self.state is not FieldState.UNQUOTED:
            if self.state is FieldState.START:
                self.quote_line = line
                count -= 1
            literal, odd = divmod(count + (self.state is FieldState.AFTER_QUOTE), 2)
            self.state = FieldState.AFTER_QUOTE if odd else FieldState.QUOTED
        self.cell += '"' * min(literal, self.keep - len(self.cell))
