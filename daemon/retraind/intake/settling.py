"""Whether a scan can be spared: what a folder and its files were like from outside at the last one.

A folder's own times change with every name that is added, removed or replaced, a file's with its content.
They are only compared with themselves, never with a clock, and count once they have stayed the same for
longer than the coarsest file system's grain: a change right after a scan may leave them as they were. Until
then, and when they have changed, the names in the folder are compared themselves.
"""

import os
import stat
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import NamedTuple, Self

from retraind.domain.job import Signature
from retraind.intake.pairing import Sighting
from retraind.system.clock import Clock
from retraind.system.files import status as status_at
from retraind.system.mounts import TABLE
from retraind.system.reading import TO_LIST, Entry, Glance, glance, listed
from retraind.system.remote.verbs import is_mounted_in

GRAIN = 3.0
"""Seconds; the coarsest file systems (FAT) keep times to two seconds."""
_MOST_NAMES = 1_000
"""Names of one folder that are kept to be compared; with more of them, any change leads to a scan."""


Stamp = tuple[int, int, int, int]
"""What changes when the names in a folder do, or when another folder takes its place."""
Kind = tuple[bool, bool]
"""Whether an entry is an ordinary file, and whether it is a folder."""
Entries = Callable[[], AbstractContextManager[Iterable[Entry]]]


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
    may_come: frozenset[str] = frozenset()
    """Names that change nothing when they come: retraind's own, which it writes after the first scan."""

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
        elif all(map(ignored, self._changed(names))):
            places = {name: place for place, name in enumerate(names)}
            kinds = [(places[self.names[place]], kind) for place, kind in self.kinds]
        else:
            return None
        if any(kind_of(found[place]) != kind for place, kind in kinds):
            return None
        return type(self)(stamp, names, kinds, self.may_come)

    def _changed(self, names: Sequence[str]) -> set[str]:
        now, before = set(names), set(self.names)
        return (now - before - self.may_come) | (before - now)


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
        self, stamp: Stamp, clock: Clock, ignored: Callable[[str], bool], entries: Entries
    ) -> Self | None:
        """Return what is known of the folder now; None if its names have changed. Raises OSError.

        `stamp` is the present one, and `entries` opens the folder's names.
        """
        if self.sure and stamp == self.stamp:
            return self
        if self.page is None or stamp[:2] != self.stamp[:2]:
            return None
        began = clock.elapsed()
        with entries() as found:
            page = self.page.again(stamp, found, ignored)
        return self.of(page, self, began, clock.elapsed()) if page is not None else None


@contextmanager
def _entries(drop: Path, folder: str) -> Iterator[Iterable[Entry]]:
    with listed(drop, folder) as (_, found):
        yield found


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
        self._place = str(drop)
        files = [*files]
        self._names = tuple(seen.name for seen in files)
        self._files = [
            (seen.signature.size, seen.signature.mtime_ns, seen.signature.inode, seen.names) for seen in files
        ]
        self._ignored = ignored
        self._simple = not (remote or self._files or len(known) > 1)
        self._near: int | None = None
        """The version of the mount table with which all of it is on a local disk, to be asked directly."""
        table = TABLE.lately()
        if not table.has_remote or (len(known) == 1 and table.followed(self._place)[1] is None):
            self._near = TABLE.version
        self._note(known)

    def _note(self, known: Mapping[str, Known]) -> None:
        self.known = known
        self._below = tuple(filter(None, known))
        self._stamp = known[""].stamp if self._simple and known[""].sure else None
        """Where nothing but the drop folder's times need be compared."""

    @property
    def _is_near(self) -> bool:
        return self._near == TABLE.version

    def lasts(self) -> bool:
        """Return whether the drop folder's times alone show that nothing changed. Never raises OSError."""
        if self._stamp is None:
            return False
        try:
            if self._is_near:
                return stamp_of(os.stat(self._place)) == self._stamp  # noqa: PTH116 - of ten thousand folders
            return stamp_of(status_at(self._drop, follow=True)) == self._stamp
        except OSError:
            return False

    @property
    def asks(self) -> Glance | None:
        """What `compare` looks at first, which can be done for many folders at once; None where it scans."""
        below = self._below
        if below and TABLE.lately().has_remote and any(is_mounted_in(self._drop, each) for each in below):
            return None  # A scan has what is mounted there asked by its own helper.
        return self._drop, below, self._names

    def compare(self, clock: Clock, found: Sequence[os.stat_result] | None = None) -> bool:
        """Return whether nothing has changed, and take note of new times. Never raises OSError.

        Costs a stat of each file, and a reading of the names where the times prove nothing. `found` is what a
        glance has just shown.
        """
        try:
            here = found is None and self._is_near
            known = self._again_here(clock) if here else self._again(clock, found)
        except OSError:
            return False
        if known is None:
            return False
        self._note(known)
        return True

    def _again(self, clock: Clock, found: Sequence[os.stat_result] | None) -> Mapping[str, Known] | None:
        """Return what is known now; None where anything has changed. Raises OSError."""
        if (asks := self.asks) is None:
            return None
        found = glance(*asks) if found is None else found
        folders, files = found[: len(self._below) + 1], found[len(self._below) + 1 :]
        known = {}
        for folder, now in zip(("", *self._below), folders, strict=True):
            entries = partial(_entries, self._drop, folder)
            after = self.known[folder].again(stamp_of(now), clock, self._ignored, entries)
            if after is None:
                return None
            known[folder] = after
        return known if self._files_last(files) else None

    def _again_here(self, clock: Clock) -> Mapping[str, Known] | None:
        """Do the same on a local disk, opening each of ten thousand folders once."""
        known, drop = {}, os.open(self._place, TO_LIST)
        try:
            for folder, before in self.known.items():
                here = os.open(folder, TO_LIST | os.O_NOFOLLOW, dir_fd=drop) if folder else drop
                try:
                    entries = partial(os.scandir, here)
                    after = before.again(stamp_of(os.fstat(here)), clock, self._ignored, entries)
                finally:
                    if folder:
                        os.close(here)
                if after is None:
                    return None
                known[folder] = after
            return known if self._files_last(os.lstat(name, dir_fd=drop) for name in self._names) else None
        finally:
            os.close(drop)

    def _files_last(self, found: Iterable[os.stat_result]) -> bool:
        for (size, mtime_ns, inode, names), status in zip(self._files, found, strict=True):
            if (
                status.st_mtime_ns != mtime_ns
                or status.st_size != size
                or inode not in {0, status.st_ino}
                or status.st_nlink != names
            ):
                return False
        return True
