"""What is known of a column as one of numbers: how they are written, and what stands for a missing one."""

from collections.abc import Collection, Sequence

from retraind.dataset.reader.columns.facts import LocatedValue, Notation, NumberFacts
from retraind.dataset.reader.columns.known_dates import Shapes
from retraind.dataset.reader.columns.numbers import PLAIN_NUMBER, all_numbers, is_marker, is_number, notations
from retraind.dataset.reader.examples import MAX_EXAMPLES


class KnownNumbers:
    """What is known of a column as one of numbers."""

    def __init__(self) -> None:
        self.plain = False  # there is a number
        self.notations: dict[Notation, None] = {}
        self.written: list[LocatedValue] = []
        self.markers: list[LocatedValue] = []
        self._shapes = Shapes()  # once there are enough examples

    def telling(self, values: Sequence[bytes]) -> Collection[bytes]:
        """Return those values of the sample that teach anything, once there has been a number."""
        if all_numbers(values):
            return ()
        others = self._shapes.others(values)
        return () if all_numbers(others) else {value for value in others if not is_number(value)}

    def add(self, place: LocatedValue) -> bool:
        """Read what is no plain number; return whether it stands for one, or for none."""
        if found := notations(place.value):
            self.notations |= dict.fromkeys(found)
            examples = self.written
        elif is_marker(place.value):
            examples = self.markers
        else:
            return False
        if len(examples) < MAX_EXAMPLES:
            examples.append(place)
        else:
            self._shapes.add(place.value)
        return True

    def known(self) -> list[bytes]:
        """Return expressions for values that teach nothing within the sample."""
        return [*([PLAIN_NUMBER] if self.are_numbers else ()), *self._shapes.written()]

    def knows_marker(self, value: bytes) -> bool:
        """Return whether a value that stands for none teaches nothing any more."""
        return len(self.markers) >= MAX_EXAMPLES and self._shapes.have(value)

    @property
    def are_numbers(self) -> bool:
        """Whether there is a number, however it is written."""
        return self.plain or bool(self.written)

    @property
    def deviates(self) -> bool:
        """Whether there is anything to report."""
        return bool(self.written or self.markers)

    def facts(self) -> NumberFacts:
        """Return what was found."""
        return NumberFacts(tuple(self.notations), tuple(self.written), tuple(self.markers))
