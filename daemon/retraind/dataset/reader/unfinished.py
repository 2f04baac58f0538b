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

    @property
    def in_quotes(self) -> bool:
        """True when a line break or a delimiter would be part of the value."""
        return self.state is FieldState.QUOTED

    @property
    def width(self) -> int:
        """The number of fields, if the record ends here."""
        return self.ended + 1

    @property
    def row(self) -> list[str]:
        """The fields, if the record ends here."""
        return [*self.cells, self.cell][:MAX_CELLS]

    def stand_in(self, delimiter: bytes) -> str:
        """Return a text that brings the csv module into this state. It is a field, or the start of one."""
        return _STAND_IN.get(self.state, delimiter.decode("latin-1"))

    def add(self, found: list[str]) -> None:
        """Add what the module found from the stand-in on. The state stays: the caller knows the next one."""
        match self.state:
            case FieldState.START:
                fields = found[1:]
            case FieldState.UNQUOTED:
                fields = [self.cell + found[0][1 : 1 + self.keep - len(self.cell)], *found[1:]]
            case FieldState.QUOTED | FieldState.AFTER_QUOTE:
                fields = [self.cell + found[0][: self.keep - len(self.cell)], *found[1:]]
        more = min(MAX_CELLS - len(self.cells), len(fields) - 1)
        self.cells += [each[: self.keep] for each in fields[:more]]
        self.ended += len(fields) - 1
        self.cell = fields[-1][: self.keep]

    def add_plain(self, data: bytes, delimiter: bytes) -> None:
        """Add bytes outside quotes that have no quote and no line break."""
        first, *others = data.split(delimiter, MAX_CELLS - len(self.cells) + 1)
        self.cell += first[: self.keep - len(self.cell)].decode("latin-1")
        if others:
            self.cells.append(self.cell)
            self.cells += [each[: self.keep].decode("latin-1") for each in others[:-1]]
            del self.cells[MAX_CELLS:]
            self.ended += data.count(delimiter)
            self.cell = others[-1][: self.keep].decode("latin-1")
        self.state = FieldState.START if data.endswith(delimiter) else FieldState.UNQUOTED

    def add_quoted(self, text: bytes) -> None:
        """Add bytes inside quotes that have no quote."""
        self.cell += text[: self.keep - len(self.cell)].decode("latin-1")

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
