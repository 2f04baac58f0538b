"""The target column: its classes, whether it is numeric, how many rows have a value."""

import re
from collections.abc import Iterator, Sequence

from retraind.dataset.reader.automaton import STRUCTURE, literal
from retraind.dataset.reader.columns.facts import (
    ENOUGH_ROWS,
    HANDFUL,
    MAX_CLASSES,
    VALUE_BYTES,
    ClassFacts,
    LocatedValue,
    TargetFacts,
)
from retraind.dataset.reader.columns.numbers import PLAIN_NUMBER, all_numbers, is_number
from retraind.dataset.reader.examples import Examples

NEVER = rb"[^\x00-\xff]"
"""An expression that matches nothing."""

_FILLED = rb'[^,\t"\r\n]+'
"""An expression for any text that is a value whatever the delimiter is."""
_GRAMMAR_BYTES = 16 << 10  # of all classes in it


class _Class:
    __slots__ = ("line", "rows")

    def __init__(self, line: int) -> None:
        self.line = line
        self.rows = 0


class TargetScan:
    """Receives all values of the target in the order of the rows, apart from those that teach nothing."""

    def __init__(self, column: int, *, note_empty: bool) -> None:
        """`note_empty`: the first row without a value matters."""
        self.column = column
        self._note_empty = note_empty
        self._text: LocatedValue | None = None
        self._late: Examples[LocatedValue] = Examples()
        self._classes: dict[bytes, _Class] = {}
        self._many: set[bytes] = set()  # the classes of which there are more than a handful of rows
        self._filled = 0
        self._empty_line: int | None = None

    @property
    def state(self) -> tuple[bool, bool, bool, int]:
        """What the grammar depends on."""
        return self.done, self._filled < ENOUGH_ROWS, self._needs_empty, self._known

    @property
    def _known(self) -> int:
        return -1 if len(self._classes) > MAX_CLASSES else len(self._many)

    @property
    def _needs_empty(self) -> bool:
        return self._note_empty and self._empty_line is None

    @property
    def done(self) -> bool:
        """Whether no further value can teach anything."""
        return self._text is not None and len(self._classes) > MAX_CLASSES and not self._needs_empty

    def add(self, lines: Sequence[int], values: Sequence[bytes], *, early: bool) -> None:
        """Read the values of some rows; `early`: they belong to the sample."""
        if self._teach_nothing(values):
            return
        for at, value in enumerate(values):
            if value:
                self._filled = min(self._filled + 1, ENOUGH_ROWS)
                if value not in self._many:
                    self._add(LocatedValue(lines[at], value[:VALUE_BYTES]), early=early)
            elif self._needs_empty:
                self._empty_line = lines[at]

    def _add(self, place: LocatedValue, *, early: bool) -> None:
        if self._text is None and not is_number(place.value):
            self._text = place
        known = self._classes.get(place.value)
        if known is None:
            if len(self._classes) > MAX_CLASSES:
                return
            known = self._classes[place.value] = _Class(place.line)
            if not early:
                self._late.add(place)
        known.rows += 1
        if known.rows > HANDFUL:
            self._many.add(place.value)

    def _teach_nothing(self, values: Sequence[bytes]) -> bool:
        if self.done:
            return True
        if self._filled < ENOUGH_ROWS or (self._needs_empty and b"" in values):
            return False
        if len(self._classes) > MAX_CLASSES:
            return self._text is not None or all_numbers(values)
        return set(values) <= self._many | {b""}

    def grammar(self, within: bytes | None = None) -> bytes | None:
        """Return an expression for the values that teach nothing; None if that is any value.

        `within` is one for those that teach nothing of the column as such, such as dates in range.
        """
        if self.done:
            return None
        empty = [] if self._needs_empty else [b""]
        if self._filled < ENOUGH_ROWS:
            return b"(?:%s)" % b"|".join(empty) if empty else NEVER
        if len(self._classes) > MAX_CLASSES:
            if self._text is not None:
                return _FILLED if within is None else NEVER
            return PLAIN_NUMBER if not empty else b"(?:%s)?" % PLAIN_NUMBER
        classes = [
            literal(key)
            for key in self._known_classes()
            if not STRUCTURE.search(key) and (within is None or re.fullmatch(within, key))
        ]
        return b"(?:%s)" % b"|".join([*classes, *empty]) if classes or empty else NEVER

    def quoted(self) -> list[bytes]:
        """Return the classes with a delimiter or the like that teach nothing, where they are in quotes."""
        if self.done or self._filled < ENOUGH_ROWS or len(self._classes) > MAX_CLASSES:
            return []
        return list(filter(STRUCTURE.search, self._known_classes()))

    def _known_classes(self) -> Iterator[bytes]:
        """Yield the first classes of which there are many rows."""
        size = 0
        for key in self._classes:
            size += len(key)
            if size > _GRAMMAR_BYTES:
                return
            if key in self._many and len(key) < VALUE_BYTES:
                yield key

    def facts(self) -> TargetFacts:
        """Return what was found so far."""
        classes = tuple(ClassFacts(value, each.line, each.rows) for value, each in self._classes.items())
        return TargetFacts(self.column, classes, self._filled, self._text, self._late, self._empty_line)
