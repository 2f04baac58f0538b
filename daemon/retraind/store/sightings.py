"""The memory of a drop folder that is in the journal."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from retraind.domain.sightings import Remembered
from retraind.store.journal import Journal


@dataclass(frozen=True)
class JournalMemory:
    """The memory that is in the journal, of one drop folder; `to_look` makes it one that is told nothing."""

    journal: Journal
    drop: Path
    to_look: bool = False

    def recall(self) -> Mapping[str, Remembered]:
        """Return what was noted, by name."""
        return self.journal.sightings(str(self.drop))

    def note(self, fresh: Sequence[Remembered], gone: Collection[str]) -> None:
        """Note files that are new or changed, and forget the names that are gone."""
        if not self.to_look:
            self.journal.note_sightings(str(self.drop), fresh, gone)
