"""What is known of a column as one of dates: their forms, those out of range, what stands for a missing one.

Also what is remembered of values, whatever they are: their shapes.
"""

import functools
import re
from collections.abc import Collection, Iterator, Sequence

from retraind.dataset.reader.automaton import STRUCTURE, literal
from retraind.dataset.reader.breaks import LF
from retraind.dataset.reader.columns.dates import (
    ANY_YEAR,
    BAD_YEARS,
    DATED,
    USUAL_YEARS,
    Form,
    form_of,
    guard,
    written_as,
)
from retraind.dataset.reader.columns.facts import VALUE_BYTES, DateFacts, LocatedValue
from retraind.dataset.reader.columns.numbers import DIGITS_ALIKE, is_marker
from retraind.dataset.reader.examples import MAX_EXAMPLES, Examples

DATES_COUNTED = 1_000
"""Dates out of range that are counted in a column; after that it is known well enough."""

_NEVER = frozenset({b"99991231", b"999912"})  # digits that mean a date even where there is no other one
_MOST_SHAPES = 64
_WRITTEN_SHAPES = 8
"""Shapes of a column that an expression has: a table may have a thousand columns."""


_ANYTHING = (b"", re.compile(b""))


@functools.lru_cache(maxsize=1_000)  # columns of one table have the same shapes
def _values_of(shape: bytes, head: int) -> bytes:
    """Return an expression for the values of a shape."""
    return literal(shape[:head]) + b"[0-9]".join(map(literal, shape[head:].split(b"0")))


class Shapes:
    """Remembers values by their shape, with all digits alike: a column has few, and knowing one is fast."""

    def __init__(self, head: int = 0) -> None:
        """Digits among the first `head` bytes are not alike."""
        self._head = head
        self._known: set[bytes] = set()
        self._written: list[bytes] | None = []  # None: not known yet

    def add(self, value: bytes) -> None:
        """Remember a value's shape, unless there are too many."""
        if len(self._known) < _MOST_SHAPES:
            self._known.add(self._shape(value))
            self._written = None

    def _shape(self, value: bytes) -> bytes:
        return value[: self._head] + value[self._head :].translate(DIGITS_ALIKE)

    def have(self, value: bytes) -> bool:
        """Return whether a value's shape is known."""
        return self._shape(value) in self._known

    def written(self) -> list[bytes]:
        """Return an expression for the values of each shape; none if there are many."""
        if self._written is None:
            self._written = [] if len(self._known) > _WRITTEN_SHAPES else [*self._expressions()]
        return self._written

    def _expressions(self) -> Iterator[bytes]:
        for shape in sorted(self._known):
            if not STRUCTURE.search(shape):
                yield _values_of(shape, self._head)

    def others(self, values: Sequence[bytes]) -> list[bytes]:
        """Return the values of other shapes that are not empty, each once."""
        if not self._known:
            return [value for value in dict.fromkeys(values) if value]
        return [value for value in dict.fromkeys(values) if value and self._shape(value) not in self._known]


class KnownDates:
    """What is known of a column as one of dates."""

    def __init__(self) -> None:
        self.bad: Examples[LocatedValue] = Examples()
        self.forms: list[tuple[Form, LocatedValue]] = []
        self.are_digits = True
        """All of them can as well be numbers."""
        self.unread: LocatedValue | None = None
        self._all_bad = True  # all dates so far are out of range
        self.has_time = False
        self.usual = 0  # dates in usual years
        self.count = 0
        self._pattern = _ANYTHING  # for values of the last guard
        self.ended: LocatedValue | None = None
        """What is no date, behind the sample: the service has judged the column by its first rows."""
        self._markers: dict[bytes, LocatedValue] = {}  # the first place of each
        self._written: bytes | None = DATED  # an expression for all values
        self._shapes = Shapes(head=len("yyyy"))  # of dates that are not read

    def add_marker(self, place: LocatedValue) -> bool:
        """Note a value that stands for a missing date; return whether there are not too many of them."""
        if place.value not in self._markers:
            if len(self._markers) >= MAX_EXAMPLES:
                return False
            self._markers[place.value] = place
            self._shapes.add(place.value)
        return True

    def knows_marker(self, value: bytes) -> bool:
        """Return whether a value was seen before that stands for a missing date."""
        return value in self._markers

    def counts(self, value: bytes) -> bool:
        """Return whether it matters how often a value comes: digits, dates out of range, and what is none."""
        form = form_of(value)
        return form is None or (form.is_digits and self.are_digits) or form.out_of_range

    def add(self, form: Form, place: LocatedValue) -> None:
        """Note a date."""
        self.count += not form.is_digits or form.year != 0  # zeros alone are no sign of dates
        self.usual += form.year in USUAL_YEARS or place.value in _NEVER
        self.has_time = self.has_time or form.has_time
        self._all_bad = self._all_bad and form.out_of_range
        if form.out_of_range and self.bad.count < DATES_COUNTED:
            self.bad.add(place)
        if not form.is_read:
            self.unread = self.unread or place
            self._shapes.add(place.value)
            self._written = written_as(place.value, self._written)
        self._add_form(form, place)

    def _add_form(self, form: Form, place: LocatedValue) -> None:
        for at, (known, first) in enumerate(self.forms):
            if known.key == form.key and form.zeros <= known.zeros:
                return
            if known.is_like(form):
                self.forms[at] = (known._replace(zeros=known.zeros | form.zeros), first)
                return
        if len(self.forms) < MAX_EXAMPLES:
            self.forms.append((form, place))
            self.are_digits = self.are_digits and form.is_digits

    @property
    def are_dates(self) -> bool:
        """Whether these are dates: digits alone are, if most of the years are usual ones."""
        return bool(self.forms) and (
            not self.are_digits or (len(self.forms) == 1 and self.usual * 2 > self.count)
        )

    def guard(self) -> bytes | None:
        """Return an expression for dates that teach nothing; None if all do."""
        return None if self.ended is not None else self._with_markers(self._good() or self._written)

    def _good(self) -> bytes | None:
        """Return an expression for dates of the column's form that are in range; None if there is none."""
        if self.unread is not None or len(self.forms) != 1 or self.bad.count >= DATES_COUNTED:
            return None
        return guard(self.forms[0][0])

    def _with_markers(self, dates: bytes | None) -> bytes | None:
        if dates is None or not self._markers:
            return dates
        return b"%b|%b" % (dates, b"|".join(map(literal, self._markers)))

    def known(self) -> list[bytes]:
        """Return expressions for dates that teach nothing within the sample."""
        read = self._read()
        if self.unread is not None:
            return [*self._shapes.written(), *read]
        good = self._with_markers(b"|".join(read)) if read else None
        return [] if good is None else [good]

    def _read(self) -> list[bytes]:
        """Return expressions for dates in range that are in one of the column's forms."""
        if self.are_digits or self.bad.count >= DATES_COUNTED:
            return []
        return sorted(filter(None, {guard(form) for form, _ in self.forms if form.is_read}))

    def _count_bad(self, lines: Sequence[int], values: Sequence[bytes]) -> bool:
        """Count dates out of range at once, if all values are of the one form; return whether they are."""
        if self.are_digits or (good := self._good()) is None:
            return False
        form = guard(self.forms[0][0], ANY_YEAR) or good
        text = LF.join([*values, b""])
        if text.count(LF) > len(values) or re.fullmatch(b"(?:(?:%b)?\n)*+" % form, text) is None:
            return False
        in_range = len(re.findall(good + LF, text))
        count = self.bad.count + len(values) - values.count(b"") - in_range
        for at, value in enumerate(values):
            if self.bad.full:
                break
            if value and not self._match(good, [value]):
                self.bad.add(LocatedValue(lines[at], value[:VALUE_BYTES]))
        self._all_bad = self._all_bad and not in_range
        self.bad.count = min(count, DATES_COUNTED)
        return True

    def bad_ones(self) -> bytes | None:
        """Return an expression for dates that only have to be counted; None as long as others are likely."""
        if not self._all_bad or not self.bad.full or self.are_digits or self._good() is None:
            return None
        return guard(self.forms[0][0], BAD_YEARS)

    def count_bad(self, dates: int) -> None:
        """Count dates out of range, of which there are enough examples."""
        self.bad.count = min(self.bad.count + dates, DATES_COUNTED)

    def telling(self, lines: Sequence[int], values: Sequence[bytes]) -> Collection[bytes]:
        """Return those values of the sample that teach anything and are not counted yet."""
        others = values if self.unread is None else self._shapes.others(values)
        known = b"|".join(self.known())
        if (known and self._match(known, others)) or self._count_bad(lines, values):
            return ()
        return {value for value in others if value and not (known and self._match(known, [value]))}

    def _match(self, guard: bytes, values: Sequence[bytes]) -> bool:
        if self._pattern[0] != guard:
            self._pattern = guard, re.compile(b"(?:(?:%s)?\n)*+" % guard)
        text = LF.join([*values, b""])
        return text.count(LF) == len(values) and self._pattern[1].fullmatch(text) is not None

    def late(self, lines: Sequence[int], values: Sequence[bytes]) -> bool:
        """Read values after the sample; return whether the guard has changed."""
        before = known = self.guard()
        if before is None or self._match(before, values):
            return False
        if self._count_bad(lines, values):
            return self.guard() != before
        for at, value in enumerate(values):
            if known is None:
                break
            if not value or self._match(known, [value]):
                continue  # Elsewhere such a value is passed over without a look.
            form, place = form_of(value), LocatedValue(lines[at], value[:VALUE_BYTES])
            if form is None and not (is_marker(value) and self.add_marker(place)):
                self.ended = place
                return True
            if form is not None and self._good() is not None:
                self.add(form, place)
            elif form is not None:  # the column is known well enough, but for values that stand for none
                self._written = written_as(place.value, self._written)
            known = self.guard()
        return known != before

    def facts(self) -> DateFacts:
        """Return what was found."""
        several = tuple(place for _, place in self.forms) if len(self.forms) > 1 else ()
        return DateFacts(self.bad, self.unread, several, self.has_time, tuple(self._markers.values()))
