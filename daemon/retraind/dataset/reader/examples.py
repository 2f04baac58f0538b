"""Examples of what is unusual in a file: the first few, and how many there are."""

from dataclasses import dataclass, field
from typing import Generic, TypeVar

T = TypeVar("T")

MAX_EXAMPLES = 5  # enough to find the cause, few enough for one sentence


@dataclass(slots=True)
class Examples(Generic[T]):
    """Counts all and keeps the first `MAX_EXAMPLES`: a million bad rows take no more memory than five."""

    first: list[T] = field(default_factory=list)
    count: int = 0

    def __bool__(self) -> bool:
        return self.count > 0

    @property
    def full(self) -> bool:
        """True when no more are kept; they are still counted."""
        return len(self.first) >= MAX_EXAMPLES

    def add(self, item: T) -> None:
        """Count one more, and keep it if it is among the first."""
        if self.count < MAX_EXAMPLES:
            self.first.append(item)
        self.count += 1

    def drop_last(self) -> None:
        """Remove what was added last."""
        self.count -= 1
        del self.first[self.count :]
