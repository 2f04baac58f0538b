"""Progress of long work, as the code that does the work reports it, whether or not anybody shows it."""

from enum import StrEnum
from typing import Protocol


class Work(StrEnum):
    """What takes long."""

    PREFLIGHT = "preflight"
    """Bytes of data files."""
    COPY = "copy"
    """Bytes of a journal."""
    READ_BACK = "read_back"
    """A journal is read completely; how much of it was read is not known."""
    RECOVERY = "recovery"
    """Job folders."""


class Watcher(Protocol):
    """Is shown now and then how far work has come. It is called often, and has to be fast."""

    def __call__(self, work: Work, done: int, total: int | None) -> None:
        """Take what is done, of how much; `total` is None where that is not known."""


def unwatched(work: Work, done: int, total: int | None) -> None:
    """Show it to nobody."""
