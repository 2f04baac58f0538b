"""A tally that stays small: how many there were, and the first few of them."""

from dataclasses import dataclass, field
from typing import Generic, TypeVar

T = TypeVar("T")

SHOWN = 5  # enough to find the cause by, short enough for one sentence


@dataclass(slots=True)
class Few(Generic[T]):
    """Counts all, keeps the first `SHOWN`: a file with a million bad rows costs no more memory than one."""

    first: list[T] = field(default_factory=list)
    count: int = 0

    def __bool__(self) -> bool:
        return self.count > 0

    def add(self, item: T) -> None:
        """Count one more, and keep it while there is room."""
        if self.count < SHOWN:
            self.first.append(item)
        self.count += 1

    def drop_last(self) -> None:
        """Take back what was added last."""
        self.count -= 1
        del self.first[self.count :]
