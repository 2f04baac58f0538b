"""Whether a scan can be spared: what a folder and its files were like from outside at the last one.

A folder's own times change with every name that is added, removed or replaced, a file's with its content.
They are only compared with themselves, never with a clock, and count once they have stayed the same for
longer than the coarsest file system's grain: a change right after a scan may leave them as they were. Until
then, and when they have changed, the names in the folder are compared themselves.
"""

import os
import stat
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import NamedTuple, Self

from retraind.domain.job import Signature
from retraind.intake.pairing import Sighting
from retraind.system.clock import Clock
from retraind.system.files import status as status_at
from retraind.system.mounts import TABLE
from retraind.system.reading import Entry, Glance, glance, listed
from retraind.system.remote.verbs import is_mounted_in

GRAIN = 3.0
"""Seconds; the coarsest file systems (FAT) keep times to two seconds."""
_MOST_NAMES = 1_000
"""Names of one folder that are kept to be compared; with more of them, any change leads to a scan."""


Stamp = tuple[int, int, int, int]
"""What changes when the names in a folder do, or when another folder takes its place."""
Kind = tuple[bool, bool]
"""Whether an entry is an ordinary file, and whether it is a folder."""


def stamp_of(status: os.stat_result) -> Stamp:
    """Return a folder's stamp."""
    return status.st_dev, status.st_ino, status.st_mtime_ns, status.st_ctime_ns


def kind_of(entry: Entry) -> Kind:
    """Return an entry's kind. Most file systems give it with the name."""
    return entry.is_file(follow_symlinks=False), entry.is_dir(follow_symlinks=False)


def is_same(status: os.stat_result, signature: Signature, names: int = 1) -> bool:
    """Return whether a file is still a regular one with so many names, and as it was."""
    return (
        status.st_mtime_ns == signature.mtime_ns
        and status.st_size == signature.size
        and signature.inode in {0, status.st_ino}
        and status.st_nlink == names
        and stat.S_ISREG(status.st_mode)
    )


@dataclass(slots=True)
class Page:
    """One reading of a folder: its names, and the kind of each that makes a difference."""

    stamp: Stamp
    """From before the names were read."""
    names: list[str] = field(default_factory=list)
    """In the file system's order."""
    kinds: list[tuple[int, Kind]] = field(default_factory=list)
    """Each with the place of its name. Not of files whose status is compared, nor of what is ignored."""

    def add_kind(self, kind: Kind) -> None:
        """Add the kind of the last name."""
        if len(self.names) <= _MOST_NAMES:
            self.kinds.append((len(self.names) - 1, kind))

    def again(self, stamp: Stamp, entries: Iterable[Entry], ignored: Callable[[str], bool]) -> Self | None:
        """Return a new reading if it is the same but for what is `ignored`, None if not."""
        found = list(entries)
        names = [entry.name for entry in found]
        if names == self.names:
            kinds = self.kinds
        elif all(map(ignored, set(names).symmetric_difference(self.names))):
            places = {name: place for place, name in enumerate(names)}
            kinds = [(places[self.names[place]], kind) for place, kind in self.kinds]
        else:
            return None
        if any(kind_of(found[place]) != kind for place, kind in kinds):
            return None
        return type(self)(stamp, names, kinds)


class Known(NamedTuple):
    """What is known of a folder's names."""

    page: Page | None
    """None for too many names to keep."""
    stamp: Stamp
    since: float
    """When this stamp was there for the first time, at the latest (`Clock.elapsed` seconds)."""
    sure: bool
    """Whether the names were read so late that no later change can have left the stamp as it was."""

    @classmethod
    def of(cls, page: Page, before: Self | None, began: float, now: float) -> Self:
        """Return what a reading between `began` and `now` shows; `before` is what was known until then."""
        since = before.since if before is not None and before.stamp == page.stamp else now
        kept = page if len(page.names) <= _MOST_NAMES else None
        return cls(kept, page.stamp, since, began - since >= GRAIN)

    def again(
        self, drop: Path, folder: str, stamp: Stamp, clock: Clock, ignored: Callable[[str], bool]
    ) -> Self | None:
        """Return what is known of the folder now; None if its names have changed. Raises OSError.

        `folder` is its name in `drop`, and `stamp` the present one.
        """
        if self.sure and stamp == self.stamp:
            return self
        if self.page is None or stamp[:2] != self.stamp[:2]:
            return None
        began = clock.elapsed()
        with listed(drop, folder) as (status, entries):
            page = self.page.again(stamp_of(status), entries, ignored)
        return self.of(page, self, began, clock.elapsed()) if page is not None else None


class Rest:
    """A drop folder in which nothing is to be done but to wait for a change, and how it was then."""

    def __init__(
        self,
        drop: Path,
        known: Mapping[str, Known],
        files: Iterable[Sighting],
        until: float,
        *,
        remote: bool,
        ignored: Callable[[str], bool],
    ) -> None:
        """`known` is of the drop folder ("") and the folders in it, `files` are all that may change in place.

        `until` is when to scan again even so (`Clock.elapsed` seconds); `remote` that another machine may
        change the folder, so that it has to be opened: only then do network file systems ask for what is new;
        `ignored` returns whether a name may come and go.
        """
        self.until = until
        self._drop = drop
        self._files = [
            (seen.name, seen.signature.size, seen.signature.mtime_ns, seen.signature.inode, seen.names)
            for seen in files
        ]
        self._ignored = ignored
        self._simple = not (remote or self._files or len(known) > 1)
        self._near: int | None = None
        """The version of the mount table with which the folder is on a local disk, to be asked directly."""
        table = TABLE.lately()
        if self._simple and not (table.has_remote and table.followed(str(drop))[1]):
            self._near = TABLE.version
        self._note(known)

    def _note(self, known: Mapping[str, Known]) -> None:
        self.known = known
        self._stamp = known[""].stamp if self._simple and known[""].sure else None
        """Where nothing but the drop folder's times need be compared."""

    def lasts(self) -> bool:
        """Return whether the drop folder's times alone show that nothing changed. Never raises OSError."""
        if self._stamp is None:
            return False
        try:
            if self._near == TABLE.version:
                return stamp_of(os.stat(self._drop)) == self._stamp  # noqa: PTH116 - of ten thousand folders
            return stamp_of(status_at(self._drop, follow=True)) == self._stamp
        except OSError:
            return False

    @property
    def asks(self) -> Glance | None:
        """What `compare` looks at first, which can be done for many folders at once; None where it scans."""
        below = tuple(filter(None, self.known))
        if TABLE.now().has_remote and any(is_mounted_in(self._drop, folder) for folder in below):
            return None  # A scan has what is mounted there asked by its own helper.
        return self._drop, below, tuple(name for name, *_ in self._files)

    def compare(self, clock: Clock, found: Sequence[os.stat_result] | None = None) -> bool:
        """Return whether nothing has changed, and take note of new times. Never raises OSError.

        Costs a stat of each file, and a reading of the names where the times prove nothing. `found` is what a
        glance has just shown.
        """
        known = {}
        if (asks := self.asks) is None:
            return False
        _, below, _ = asks
        try:
            found = glance(*asks) if found is None else found
            folders, files = found[: len(below) + 1], found[len(below) + 1 :]
            for folder, now in zip(("", *below), folders, strict=True):
                after = self.known[folder].again(self._drop, folder, stamp_of(now), clock, self._ignored)
                if after is None:
                    return False
                known[folder] = after
            if not self._files_last(files):
                return False
        except OSError:
            return False
        self._note(known)
        return True

    def _files_last(self, found: Iterable[os.stat_result]) -> bool:
        for (_, size, mtime_ns, inode, names), status in zip(self._files, found, strict=True):
            if (
                status.st_mtime_ns != mtime_ns
                or status.st_size != size
                or inode not in {0, status.st_ino}
                or status.st_nlink != names
            ):
                return False
        return True
