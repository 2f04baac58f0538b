"""What the values of single columns show, row by row.

All cells of the first rows (the sample) are read, since the service judges types by them. After the sample
only what can still teach something is read: `grammar` says which values cannot. Rows that are too short or
too long say nothing about columns.
"""

from collections.abc import Collection, Iterator, Mapping, Sequence
from itertools import chain, pairwise
from typing import NamedTuple

from retraind.dataset.reader.automaton import Engine, compiled, matched
from retraind.dataset.reader.breaks import LF
from retraind.dataset.reader.columns.dates import form_of
from retraind.dataset.reader.columns.facts import (
    VALUE_BYTES,
    ColumnFacts,
    Kind,
    LocatedValue,
)
from retraind.dataset.reader.columns.known_dates import KnownDates
from retraind.dataset.reader.columns.known_numbers import KnownNumbers
from retraind.dataset.reader.columns.numbers import PLAIN_NUMBER, all_numbers, is_marker, is_number
from retraind.dataset.reader.columns.series import SeriesScan
from retraind.dataset.reader.columns.target import NEVER, TargetScan

_DATE_DIGITS = 6  # the fewest of a date that is digits alone
_FIRST_VALUES = (4, 32)  # that mostly show what a column is; the others are then read at once
_REMEMBERED = 100  # values of a column that teach nothing more
_SOME_ROWS = 10  # of numbers or dates, from which on a text below them is not theirs
_SAMPLED_AT_ONCE = 200  # rows of the sample
_ALIKE = 20  # columns of which the same is known, from which on it pays to match their values together
_EARLY_VERSIONS = 24  # after these, the grammar is rebuilt only once as many rows again were read


class Roles(NamedTuple):
    """The columns with a meaning for the model, by index from 0."""

    target: int | None = None
    time: int | None = None
    series: int | None = None


class _Column:
    """One column: what it may still be during the sample, and what it is after it."""

    def __init__(self) -> None:
        self.filled = False
        self.dates: KnownDates | None = KnownDates()
        self.numbers: KnownNumbers | None = KnownNumbers()
        self.settled = False  # nothing more can be learnt
        self.broken: LocatedValue | None = None  # the first text below numbers or dates
        self._first = 0  # line of the first value
        self._had_values = False  # some were numbers or dates
        self.has_gaps = False  # some rows of the sample have no value
        self._learnt = {b""}  # the first values that say nothing more, however often they come

    def sample(self, lines: Sequence[int], values: Sequence[bytes]) -> None:
        """Read values of the sample."""
        self.has_gaps = self.has_gaps or b"" in values
        if self._are_numbers(values):
            self._note_numbers(lines, values)
        elif not self._learnt.issuperset(values):
            for begin, end in pairwise((0, *_FIRST_VALUES, len(values))):
                if any(values[begin:end]):
                    self._learn(lines[begin:end], values[begin:end])

    def taught(self) -> tuple[bytes | None, bool]:
        """Return an expression for values of the sample that teach nothing, or only how many they are.

        It is None if that is any value. Also return whether they are counted.
        """
        if self.numbers is None and self.dates is not None and (bad := self.dates.bad_ones()) is not None:
            return b"(?:%b)?" % bad, True
        return self.grammar(early=True), False

    def pass_over(self, values: Sequence[bytes], *, counted: bool) -> None:
        """Note values of which `taught` says what there is to know."""
        empty = values.count(b"")
        self.has_gaps = self.has_gaps or empty > 0
        if counted:
            assert self.dates is not None
            self.dates.count_bad(len(values) - empty)

    def _are_numbers(self, values: Sequence[bytes]) -> bool:
        """Return whether all values are numbers that teach no more than that this is no column of dates."""
        if self.numbers is None or not all_numbers(values):
            return False
        return self.dates is None or any(map(_is_no_date, filter(None, values))) or not any(values)

    def _note_numbers(self, lines: Sequence[int], values: Sequence[bytes]) -> None:
        first = next(filter(None, values), None)
        if first is not None:
            assert self.numbers is not None
            self.filled = self.numbers.plain = True
            self.dates = None
            self._first = self._first or lines[values.index(first)]

    def _learn(self, lines: Sequence[int], values: Sequence[bytes]) -> None:
        telling: Collection[bytes] | None = None  # all values
        if self.dates is None:
            if self.numbers is None:
                return
            if self.numbers.are_numbers:
                telling = self.numbers.telling(values)
        elif self.numbers is None:
            telling = self.dates.telling(lines, values)
        else:
            # Where no value was a number or a date yet, thousands of NA are one.
            telling = {value for value in set(values) if not self._is_known_marker(value)}
        if telling is not None and not telling:
            return
        for at, value in enumerate(values):
            if value not in self._learnt and (telling is None or value in telling):
                self.filled = True
                self._first = self._first or lines[at]
                self._read(LocatedValue(lines[at], value[:VALUE_BYTES]), value)
                if self._is_learnt(value):
                    self._learnt |= {value} if len(self._learnt) < _REMEMBERED else set()
                elif self.dates is None and self.numbers is None:
                    self._note_break(LocatedValue(lines[at], value[:VALUE_BYTES]))
                    return

    def _note_break(self, place: LocatedValue) -> None:
        if self._had_values and place.line - self._first >= _SOME_ROWS:
            self.broken = place

    def _is_learnt(self, value: bytes) -> bool:
        """Return whether a value says nothing more, however often it comes: some dates are counted."""
        if self.dates is not None and self.numbers is None and not self.dates.counts(value):
            return True
        return self._is_known_marker(value)

    def _is_known_marker(self, value: bytes) -> bool:
        """Return whether a value was seen before that stands for a missing date or number, and is no more."""
        known = [each.knows_marker(value) for each in (self.dates, self.numbers) if each is not None]
        return bool(known) and all(known)

    def _read(self, place: LocatedValue, value: bytes) -> None:
        if self.numbers is not None:
            if is_number(value):
                self.numbers.plain = True
                if self.dates is not None and _is_no_date(value):
                    self.dates = None
                    return
            elif not self.numbers.add(place):
                self._had_values = self._had_values or self.numbers.are_numbers
                self.numbers = None
            elif self.dates is not None and not is_marker(value):
                self.dates = None
                return
        if self.dates is not None:
            form = form_of(value)
            if form is not None:
                self.dates.add(form, place)
            elif not is_marker(value) or not self.dates.add_marker(place):
                self._had_values = self._had_values or bool(self.dates.forms)
                self.dates = None

    @property
    def kind(self) -> Kind:
        if not self.filled:
            return Kind.EMPTY
        if self.dates is not None and self.dates.are_dates:
            return Kind.DATE
        return Kind.NUMBER if self.numbers is not None and self.numbers.are_numbers else Kind.TEXT

    @property
    def is_undecided(self) -> bool:
        """Whether it may be one of dates as well as one of numbers."""
        return self.dates is not None and self.numbers is not None

    def grammar(self, *, early: bool = False) -> bytes | None:
        """Return an expression for the values that teach nothing; None if that is any value.

        `early`: in the sample, where more can be learnt.
        """
        if self.kind is Kind.EMPTY:
            return b""
        if not early:
            found = self.usual()
        elif self.numbers is None and self.dates is None:
            return None
        else:
            found = b"|".join(self._known())
        return None if found is None else b"(?:%s)?" % found

    def _known(self) -> list[bytes]:
        """Return expressions for the values that teach nothing within the sample, unless all do."""
        if self.is_undecided:
            return []
        known = self.numbers or self.dates
        return [] if known is None else known.known()

    def usual(self, *, early: bool = False) -> bytes | None:
        """Return an expression for the numbers or dates that teach nothing; None if this has none."""
        if early and self.is_undecided:
            return None
        match self.kind:
            case Kind.DATE:
                assert self.dates is not None
                return b"|".join(self.dates.known()) or None if early else self.dates.guard()
            case Kind.NUMBER:
                assert self.numbers is not None
                return None if self.settled or self.numbers.deviates else PLAIN_NUMBER
            case Kind.EMPTY | Kind.TEXT:
                return None

    def late(self, lines: Sequence[int], values: Sequence[bytes]) -> bool:
        """Read values after the sample; return whether the grammar has changed."""
        match self.kind:
            case Kind.EMPTY:
                self.filled = any(values)
                self.numbers = self.dates = None
                return self.filled
            case Kind.DATE:
                assert self.dates is not None
                changed = self.dates.late(lines, values)
                self.broken = self.broken or self.dates.ended
                return changed
            case Kind.NUMBER:
                assert self.numbers is not None
                if self.settled or self.numbers.deviates or all_numbers(values):
                    return False
                at = next(at for at, value in enumerate(values) if value and not is_number(value))
                place = LocatedValue(lines[at], values[at][:VALUE_BYTES])
                self.settled = not self.numbers.add(place)
                self.broken = place if self.settled else None
                return True
            case Kind.TEXT:
                return False


def _is_no_date(number: bytes) -> bool:
    """Return whether a number, if it is one, cannot be a date."""
    return len(number) < _DATE_DIGITS or not number.isdigit()


class ColumnScan:
    """Reads all columns of the first rows (the sample), then only those that can still show something."""

    def __init__(
        self,
        width: int,
        roles: Roles | None = None,
        *,
        time_series: bool = False,
        engine: Engine = Engine.NONE,
    ) -> None:
        roles = roles or Roles()
        self._engine = engine
        self._columns = [_Column() for _ in range(width)]
        self._lines: list[int] = []  # rows of the sample that are not read yet
        self._cells: list[bytes] = []  # all of their values, row by row
        self._target = None if roles.target is None else TargetScan(roles.target, note_empty=time_series)
        self._series = None if roles.time is None else SeriesScan(roles.time, roles.series)
        self._rows_since = 0  # rows read since the grammar changed last
        self._rows_before = 0  # and those read until then
        self._stale = False
        self._version = 0
        self._early = True  # the sample is not read yet
        self._learnt = 0  # rows of it that were received
        self._begun = False  # some of it was read
        self._next = 1  # after so many, the grammar is asked for again

    def sample(self, lines: Sequence[int], cells: Sequence[bytes]) -> None:
        """Read rows of the sample: their lines, and all of their values, row by row."""
        # Of a wide table, few rows come at a time.
        self._lines += lines
        self._learnt += len(lines)
        if self._learnt >= self._next:
            self._version += 1
            self._next = 2 * self._learnt
        self._cells += cells
        if len(self._lines) >= _SAMPLED_AT_ONCE:
            self._read_sample()
        width = len(self._columns)
        if self._target is not None:
            self._target.add(lines, cells[self._target.column :: width], early=True)
        if self._series is not None:
            self._add_series(lines, {at: cells[at::width] for at in self._series.columns})

    @property
    def are_sampled(self) -> bool:
        """Whether the next row may belong to the sample."""
        return self._early

    def end_sample(self) -> None:
        """Note that no more of the sample is to come."""
        if self._early:
            self._early = False
            self._version += 1

    def _read_sample(self) -> None:
        """Read what waits of the sample."""
        lines, self._lines = self._lines, []
        cells, self._cells = self._cells, []
        if lines:
            for at, values in self._telling(cells):
                self._columns[at].sample(lines, values)
            self._begun = True

    def _telling(self, cells: Sequence[bytes]) -> Iterator[tuple[int, Sequence[bytes]]]:
        """Yield the columns that may teach anything, and their values; others are passed over.

        A wide table has many columns of which the same is known.
        """
        width = len(self._columns)
        if not self._begun or width < _ALIKE or self._engine is not Engine.RE2:
            yield from ((at, cells[at::width]) for at in range(width))
            return
        alike: dict[tuple[bytes | None, bool], list[int]] = {}
        for at, column in enumerate(self._columns):
            alike.setdefault(column.taught(), []).append(at)
        for (known, counted), columns in alike.items():
            values = [cells[at::width] for at in columns]
            if self._match(known, values):
                for at, found in zip(columns, values, strict=True):
                    self._columns[at].pass_over(found, counted=counted)
            else:
                yield from zip(columns, values, strict=True)

    def _match(self, known: bytes | None, values: Sequence[Sequence[bytes]]) -> bool:
        """Return whether all values of some columns surely are as they should be."""
        if known is None or len(values) < _ALIKE:
            return known is None
        text = LF.join([*chain.from_iterable(values), b""])
        automaton = compiled(b"(?:%b\n)*" % known, self._engine)
        are_lines = text.count(LF) == len(values) * len(values[0])
        return automaton is not None and are_lines and matched(automaton, text, 0) == len(text)

    @property
    def version(self) -> int:
        """A number that changes when `grammar` has changed so much that it should be asked again."""
        return self._version

    @property
    def wanted(self) -> tuple[int, ...]:
        """The columns whose values `add` needs of the rows after the sample."""
        return tuple(self.grammar())

    def grammar(self) -> Mapping[int, bytes]:
        """Return, by column, an expression for all values on one line that teach nothing new.

        The syntax is that of RE2, for bytes. Values of other columns teach nothing, whatever they are.
        """
        self._read_sample()
        found = {
            at: each
            for at, column in enumerate(self._columns)
            if (each := column.grammar(early=self._early)) is not None
        }
        if self._target is not None:
            found.pop(self._target.column, None)
            if (target := self._target_grammar()) is not None:
                found[self._target.column] = target
        if self._series is not None and not self._series.done:
            found |= dict.fromkeys(self._series.columns, NEVER)
        return dict(sorted(found.items()))

    def quoted(self) -> Mapping[int, Sequence[bytes]]:
        """Return, by column, values with a delimiter or the like that teach nothing, where in quotes."""
        if self._target is None or self._columns[self._target.column].kind is not Kind.TEXT:
            return {}
        return {self._target.column: found} if (found := self._target.quoted()) else {}

    def filled(self) -> Iterator[tuple[int, bytes]]:
        """Yield columns of numbers or dates without a gap in the sample, with expressions as in `grammar`.

        They do not match the empty value.
        """
        taken = self._taken()
        for at, column in enumerate(self._columns):
            if at in taken or column.has_gaps:
                continue
            if (usual := column.usual(early=self._early)) is not None:
                yield at, usual

    def texts(self) -> Iterator[int]:
        """Yield the columns of text without a gap in the sample and without a meaning for the model."""
        taken = self._taken()
        for at, column in enumerate(self._columns):
            if at not in taken and column.kind is Kind.TEXT and not column.has_gaps:
                yield at

    def _taken(self) -> set[int]:
        taken = set() if self._target is None else {self._target.column}
        return taken if self._series is None else taken | set(self._series.columns)

    def _target_grammar(self) -> bytes | None:
        if self._target is None:
            return None
        column = self._columns[self._target.column]
        usual = column.grammar(early=self._early)  # as for a column without a meaning
        if self._early and column.is_undecided:
            return NEVER
        own = self._target.grammar(within=usual)
        return usual if own is None else own

    def add(self, lines: Sequence[int], values: Mapping[int, Sequence[bytes]]) -> None:
        """Read rows after the sample: their lines, and at least the values of the columns `wanted`."""
        self.end_sample()
        self._read_sample()
        changed = False
        before = self._state
        for at, found in values.items():
            changed |= self._columns[at].late(lines, found)
        if self._target is not None and self._target.column in values:
            self._target.add(lines, values[self._target.column], early=False)
        self._add_series(lines, values)
        self._note_change(len(lines), changed=changed or before != self._state)

    @property
    def _state(self) -> tuple[object, ...]:
        return (
            None if self._target is None else self._target.state,
            self._series is None or self._series.done,
        )

    def _add_series(self, lines: Sequence[int], values: Mapping[int, Sequence[bytes]]) -> None:
        series = self._series
        if series is not None and not series.done and series.time in values:
            names = None if series.series is None else values[series.series]
            series.add(lines, values[series.time], names)

    def _note_change(self, rows: int, *, changed: bool) -> None:
        """Count the rows that were read; ask for the grammar again, but not too often."""
        self._rows_since += rows
        if changed:
            self._stale = True
        if self._stale and (self._version < _EARLY_VERSIONS or self._rows_since >= self._rows_before):
            self._version += 1
            self._stale = False
            self._rows_before += self._rows_since
            self._rows_since = 0

    def facts(self) -> ColumnFacts:
        """Return what was found so far."""
        self._read_sample()
        kinds = tuple(column.kind for column in self._columns)
        return ColumnFacts(
            kinds=kinds,
            empty=tuple(at for at, kind in enumerate(kinds) if kind is Kind.EMPTY),
            dates={
                at: column.dates.facts()
                for at, (column, kind) in enumerate(zip(self._columns, kinds, strict=True))
                if kind is Kind.DATE and column.dates is not None
            },
            numbers={
                at: column.numbers.facts()
                for at, (column, kind) in enumerate(zip(self._columns, kinds, strict=True))
                if kind is Kind.NUMBER and column.numbers is not None and column.numbers.deviates
            },
            broken={
                at: column.broken for at, column in enumerate(self._columns) if column.broken is not None
            },
            target=None if self._target is None else self._target.facts(),
            series=None if self._series is None else self._series.facts(),
        )
