"""The rows of a table: how many there are, which differ in width, and what their values show.

The first row is the header, the next ones are the sample. The header and some rows are read the exact way.
Behind them, records are proved many at once where possible; where not, some are read the exact way, and
proving is tried again.
"""

from collections.abc import Collection
from dataclasses import dataclass, replace
from functools import partial
from typing import NamedTuple

from retraind.bundle import deflate
from retraind.dataset.reader.automaton import Engine, best_engine
from retraind.dataset.reader.breaks import LF
from retraind.dataset.reader.columns import ColumnScan, Roles
from retraind.dataset.reader.encodings.characters import ASCII
from retraind.dataset.reader.encodings.names import column_named
from retraind.dataset.reader.oddities import Oddities
from retraind.dataset.reader.prover import LONG, Proved, Prover
from retraind.dataset.reader.provers import Ahead, Header, Provers
from retraind.dataset.reader.ragged import RaggedRows
from retraind.dataset.reader.records import MAX_WINDOW, Batch, Scanner
from retraind.dataset.reader.unfinished import MAX_CELLS, FieldState
from retraind.dataset.reader.windows import VALUE_BYTES, Wish

_FIRST_WINDOW = 2 << 10
"""Bytes read the exact way where proving fails; twice as many each time that it soon fails again."""

_WORTH = 16
"""Proving has succeeded if it proves this many times what is then read the exact way."""

MAX_SCANNED = 1_000
"""Columns: the values of wider tables are not looked at, since the service accepts 999."""

_WIDE_SAMPLE = 100
"""Rows of the sample of such tables, which is for what is odd about rows."""

_LONG_RECORDS = 20_000
"""Records of several lines that are searched for rows inside a value; after these, it is no accident."""


@dataclass(frozen=True, slots=True)
class Limits:
    """How many bytes are read and kept at once, and how many rows the sample has. Tests make them small."""

    piece: int = deflate.PIECE
    waiting: int = 1 << 20  # of a row that is not complete yet, for the prover
    header: int = 4 << 20
    sample: int = 1_000  # the service requires every class within this many rows
    first: int = 100  # rows of the sample that are all read, to compare them with the header
    engine: Engine | None = None  # None: the fastest that is installed
    patience: float | None = 10.0  # seconds; a file with too many errors is not read any longer
    errors: int = 10_000  # rows with an error that are not too many


@dataclass(frozen=True, slots=True)
class EndlessHeader:
    """The first row is longer than `limit` bytes."""

    limit: int
    quote_line: int | None  # the line of the open quote, if that is the cause


@dataclass(frozen=True, slots=True)
class ReadInPart:
    """How far a file was read that has too many errors."""

    line: int  # the first one that was not read
    size: int  # bytes before it
    errors: int  # rows with one, until then


class Names(NamedTuple):
    """The names of columns with a meaning for the model."""

    target: str | None = None
    time: str | None = None
    series: str | None = None
    is_series: bool = False
    """The file is a time series."""


def _regular(batch: Batch, width: int, strays: Collection[int]) -> list[int]:
    """Return the places of rows of data among those of the header's width."""
    of_width = (at for at, found in enumerate(batch.widths) if found == width)
    return [place for place, at in enumerate(of_width) if at not in strays]


def _sampled(batch: Batch, width: int, strays: Collection[int]) -> list[bytes]:
    """Return all values of the rows of data, row by row, shortened."""
    rows = batch.rows
    if strays or batch.count_of(width) < batch.count:
        rows = [row for at, row in enumerate(rows) if len(row) == width and at not in strays]
    for between in ("\0", "\n"):  # all at once, if no value has it
        found = between.join(map(between.join, rows)).encode("latin-1").split(between.encode("latin-1"))
        if len(found) == len(rows) * width and max(map(len, found)) <= VALUE_BYTES:
            return found
    return [value[:VALUE_BYTES].encode("latin-1") for row in rows for value in row]


class RowReader:
    """Receives the text of a file in pieces, and counts and checks its rows."""

    def __init__(self, delimiter: bytes, names: Names, limits: Limits) -> None:
        self.header: Header | None = None
        self.endless_header: EndlessHeader | None = None
        self.count = 0
        """Rows after the header, without empty lines."""
        self.unclosed_line: int | None = None
        """The line of a quote that is still open at the end of the file."""
        self.ragged = RaggedRows(delimiter)
        self.endings: frozenset[bytes] = frozenset()
        self.columns = ColumnScan(0)
        self.roles = Roles()
        self._engine = engine = limits.engine or best_engine()
        self.oddities = Oddities(delimiter, engine, limits.first)
        self._delimiter = delimiter
        self._names = names
        self._limits = limits
        self._sample = limits.sample
        self._scanner = Scanner(delimiter)
        self._provers = Provers(delimiter, engine, self.oddities, is_series=names.is_series)
        self.prove_ahead, self.prove_now = self._provers.ahead, partial(self._provers.now, self._scanner)
        """Prove what can be proved of any piece, on another thread; of the next one, on that which reads."""
        self._window = self._least = _FIRST_WINDOW
        self._ahead: Ahead | None = None
        self._odd = -1  # where the next row begins, in what was fed last, that is to be read the exact way
        self._swallowed_to = 0  # what is before this place, in the same, is read the exact way
        self._trusted: tuple[int | None, bool] = (None, False)
        """The witness, and whether blank rows are proved: for which other odd rows were not searched for."""
        self._searched = b""  # what has no odd rows, of what is read next
        self._was_odd = False  # of the records read last, one might be what a table does not have
        self._long_records = 0  # that were searched for rows in them

    @property
    def width(self) -> int:
        """The number of fields of the header."""
        return 0 if self.header is None else self.header.width

    @property
    def errors(self) -> int:
        """Rows with an error, so far."""
        too_wide = self.count if self.width > MAX_SCANNED else 0
        return self.ragged.found.count + self.oddities.errors + too_wide

    def line_of(self, piece: bytes, offset: int) -> int:
        """Return the physical line of piece[offset], where `piece` is the next one to be taken."""
        return self._scanner.line_of(piece, offset)

    def take(self, piece: bytes, ahead: Ahead | None = None, codec: str = ASCII) -> None:
        """Read the next piece, which the oddities have got; `ahead` is what has been proved of it.

        `codec` is that of the text, if nothing else has to be found out about it.
        """
        self._ahead = ahead
        self._provers.codec = codec
        if self.endless_header is None:
            # The rest of the piece need not be joined with what is left of the one before.
            if begin := self._scanner.feed_line(piece):
                self._read_fed(final=False)
            self._scanner.feed(piece, begin)
            self._read_fed(final=False)

    def finish(self) -> None:
        """Read what is left after the last piece."""
        if self.endless_header is not None:
            return
        self._scanner.feed(b"", final=True)
        self._read_fed(final=True)
        if self.width > 1:
            self.ragged.end()
        self.unclosed_line = self._scanner.unclosed_line

    def _read_fed(self, *, final: bool) -> None:
        """Read all records that can be read by now."""
        self._odd = self._swallowed_to = 0
        if not self._read_header():
            return
        while True:
            if proves := self._may_prove():
                self._prove()
                if self._waits(final=final):
                    return
            if early := self._is_early():
                rest = self._sample - self.count
                wish = Wish(most=rest if proves else min(rest, max(self._limits.first, 1)))
            else:
                wish = self._wish()
            batch = self._scanner.read(self._window if proves else MAX_WINDOW, wish)
            if batch is None:
                return
            if not batch.count:
                self._least = min(2 * self._least, MAX_WINDOW)
                self._window = max(self._window, self._least)
            self._read(batch, early=early)

    def _read_header(self) -> bool:
        """Return whether the header is read."""
        while self.header is None:
            if (batch := self._scanner.read(MAX_WINDOW, Wish(most=1), self._limits.header)) is None:
                begun = self._scanner.unfinished
                if begun is not None and begun.size > self._limits.header:
                    quote_line = begun.quote_line if begun.state is FieldState.QUOTED else None
                    self.endless_header = EndlessHeader(self._limits.header, quote_line)
                return False
            if batch.rows:
                self._begin(batch)
        return True

    def _is_early(self) -> bool:
        """Return whether the next row belongs to the sample."""
        if self.count < self._sample and self.width:
            return True
        self.columns.end_sample()
        return False

    def _may_prove(self) -> bool:
        """Return whether rows may be passed over that teach nothing."""
        return not self._is_early() or (self.count >= self._limits.first and not self.oddities.needs_rows)

    def _wish(self) -> Wish:
        """Return what has to be read of the next records."""
        prover, wanted = self._current_prover, self._provers.wanted
        data = self._scanner.peek(self._window)
        odd = -1
        if 0 < self._scanner.waiting <= 2 * len(data):
            odd = self.oddities.find(data, 0)
        elif data:
            # What waits is searched once, not each window of it.
            odd = self.oddities.find(self._scanner.data, self._scanner.at) - self._scanner.at
        keep = 0 <= odd < len(data)
        self._searched = b"" if keep else data
        keep = keep or self._was_odd
        if not wanted or prover.knows_values(data):
            return Wish(keep=keep)
        return Wish(columns=wanted, width=self.width, keep=keep)

    @property
    def _current_prover(self) -> Prover:
        return self._provers.current(self.header or Header(), self.columns, self.endings)

    def _begin(self, batch: Batch) -> None:
        cells = tuple(cell.encode("latin-1") for cell in batch.rows[0][:MAX_CELLS])
        self.header = Header(cells, batch.widths[0])
        self.endings = batch.endings
        self.oddities.header(batch.rows[0][:MAX_CELLS], next(iter(batch.endings), LF))
        if self.width > MAX_SCANNED:
            self._sample = min(self._sample, _WIDE_SAMPLE)
        self.roles = Roles(
            *(
                None if name is None else column_named(cells, name)
                for name in (self._names.target, self._names.time, self._names.series)
            )
        )
        if self.width <= MAX_SCANNED:
            self.columns = ColumnScan(
                self.width, self.roles, time_series=self._names.is_series, engine=self._engine
            )

    def _waits(self, *, final: bool) -> bool:
        """Return whether a record that the prover may prove is not complete yet."""
        scanner = self._scanner
        return (
            not final
            and scanner.unfinished is None
            and scanner.waiting <= self._limits.waiting
            and not scanner.has_line()
        )

    def _prove(self) -> None:
        """Pass over as many records as can be proved, and over ragged ones once there are enough examples."""
        scanner = self._scanner
        if scanner.unfinished is not None or not scanner.waiting:
            return
        proved = self._proved(self._current_prover)
        if proved.rows:
            prover = self._current_prover
            if prover.others:
                rows = scanner.data[scanner.at : scanner.at + proved.lines]
                self.oddities.count_proved(
                    rows, blank=prover.blank is not None, copies=prover.copy is not None
                )
            scanner.skip(proved.size, proved.breaks)
            self.count += proved.rows
            self.ragged.last_is_empty = False
        widths = self.ragged.known_widths if self.width > 1 and self._odd < 0 else ()
        if widths and scanner.waiting:
            tried = (self._current_prover.ragged(scanner.data, scanner.at, each) for each in widths)
            ragged = max(tried, key=lambda each: each.size)
            if self.oddities.may_have_names(scanner.data[scanner.at : scanner.at + ragged.size]):
                ragged = Proved(0, 0, 0)
            scanner.skip(ragged.size, ragged.breaks)
            self.count += ragged.rows
            self.ragged.pass_over(ragged.rows)
            proved = replace(proved, size=proved.size + ragged.size)
        if proved.size >= _WORTH * self._window:
            self._window = self._least
        elif scanner.waiting:
            self._window = min(2 * max(self._window, self._least), MAX_WINDOW)

    def _proved(self, prover: Prover) -> Proved:
        """Return what is proved, up to a row that has to be read the exact way for another reason."""
        data, at = self._scanner.data, self._scanner.at
        if at < self._swallowed_to:
            return Proved(0, 0, 0)
        trusted = (self._provers.witness, prover.blank is not None)
        if 0 <= self._odd <= at or trusted != self._trusted:
            self._trusted = trusted
            only_marks = trusted[0] is not None
            self._odd = self.oddities.find(data, at, only_marks=only_marks, no_blank=trusted[1])
        if self._odd >= 0:
            proved = prover.prove(data[at : self._odd], 0)
        elif (ahead := self._ahead) and ahead[:3] == (data, at, prover):
            proved = ahead.proved
        else:
            proved = prover.prove(data, at)
        if prover.blank is not None and proved.size > proved.lines:
            # Where values have line breaks, blank rows cannot be counted.
            blank = self.oddities.find(data, at + proved.lines)
            if 0 <= blank < at + proved.size:
                proved = prover.prove(data[at:blank], 0)
        if proved.size > proved.short and self._long_records < _LONG_RECORDS:
            records = data[at + proved.short : at + proved.size]
            swallowed = self.oddities.count_swallowed(records)
            self._long_records += swallowed or 1 + len(records) // MAX_WINDOW
            if swallowed is None:
                self._swallowed_to = at + min(proved.size, _WORTH * self._window)
                return Proved(0, 0, 0)
        return proved

    def _read(self, batch: Batch, *, early: bool) -> None:
        """Look at each record."""
        if not batch.count:
            return
        if len(self.endings) <= 1:
            self._add_endings(batch, early=early)
        self._was_odd = early or self._may_be_odd(batch)
        strays = self._note(batch, early=early) if self._was_odd else ()
        regular = batch.count_of(self.width) if self.width else 0
        self.count += regular + self.ragged.count(batch, self.width, self.count)
        if not regular or self.width > MAX_SCANNED:
            return
        lines = batch.lines_of(self.width)
        places = _regular(batch, self.width, strays) if strays else ()
        if strays:
            lines = [lines[at] for at in places]
        if not lines:
            return
        if early:
            cells = _sampled(batch, self.width, strays)
            witness = self._provers.witness
            self._provers.check({} if witness is None else {witness: cells[witness :: self.width]})
            self.columns.sample(lines, cells)
        elif values := batch.values:
            if strays:
                values = {column: [found[at] for at in places] for column, found in values.items()}
            self._provers.check(values)
            self.columns.add(lines, values)

    def _add_endings(self, batch: Batch, *, early: bool) -> None:
        # To find out which of several line breaks end a record is slow.
        several = batch.more_breaks > 0 and len(self.endings) == 1 and not early
        if several and self._current_prover.ends_alike(batch.data):
            return
        if not batch.endings <= self.endings:
            self.endings |= batch.endings
            self.oddities.mixed = len(self.endings) != 1
            # Odd rows have been searched for by one kind of line break.
            self._odd, self._searched = 0, b""

    def _may_be_odd(self, batch: Batch) -> bool:
        """Return whether a record may be one that a table does not have."""
        if batch.more_breaks < 0:
            return True
        if batch.more_breaks >= LONG and self._long_records < _LONG_RECORDS:
            return True
        if not self._searched:
            return True
        if not self._searched.startswith(batch.data) and self.oddities.find(batch.data, 0) >= 0:
            return True
        return self.oddities.may_have_names(batch.data)

    def _note(self, batch: Batch, *, early: bool) -> Collection[int]:
        """Look for what a table does not have; return the places of rows that say nothing about columns."""
        begun = self._scanner.unfinished
        end = self._scanner.line if begun is None else begun.line
        if not early:
            search = self._long_records < _LONG_RECORDS
            self._long_records += batch.count if search and batch.more_breaks else 0
            data, at = batch.data, self._scanner.at
            is_part = begun is None and self._scanner.data.startswith(data, max(0, at - len(data)))
            around = self._scanner.data if is_part else data
            return frozenset(self.oddities.records(batch, end, around, search=search))
        lines = batch.lines
        if batch.count > 1 and batch.kinds == {0}:  # a long run of empty lines
            self.oddities.sample(lines[:1], ((),), lines[:1])
            return ()
        lasts = [max(line, after - 1) for line, after in zip(lines, (*lines[1:], end), strict=True)]
        return self.oddities.sample(lines, batch.rows, lasts)
