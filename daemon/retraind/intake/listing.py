"""What is in a drop folder at one moment: one scandir, and one stat of each file that a pattern recognises.

Nothing is opened but the folders. Whether a file has arrived whole is not decided here.
"""

import bisect
import errno
import os
import stat
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import NamedTuple

from retraind.config.patterns import Globs, Pattern, canonical
from retraind.config.settings import ModelSettings
from retraind.domain.job import Role, Signature
from retraind.domain.names import FOLDER_NAME
from retraind.intake.pairing import SUCCESS_MARKER, Sighting
from retraind.intake.settling import TO_LIST, Page, is_same, kind_of, stamp_of
from retraind.intake.share_identity import MARKER
from retraind.system.escape import display

_OWN_NAMES = frozenset({"STATUS.txt", ".STATUS.txt.tmp", MARKER, f".{MARKER}.tmp"})
_MOST_STRANGERS = 20
_MANY_STRANGERS = 1_000
"""From so many on, names that nothing recognises are only counted."""
_NOT_ORDINARY = "is not an ordinary file (links are not followed)"
_NOT_UTF8 = "its name is not UTF-8. Please rename it."
MOST_FILES = 10_000
"""Files of deliveries that one look takes note of; the rest comes into view once these are taken."""
MOST_ENTRIES = 200_000
"""Names that one look reads; a folder of a hundred thousand files is to be read whole."""
_GONE = frozenset({errno.ENOENT, errno.ENOTDIR, errno.ELOOP})
"""A sub-folder was removed, or replaced by something else, since it was listed."""


def signature_of(status: os.stat_result) -> Signature:
    """Return what tells whether a file was touched."""
    return Signature(size=status.st_size, mtime_ns=status.st_mtime_ns, inode=status.st_ino)


def flaw_of(status: os.stat_result) -> str | None:
    """Say, as the rest of a sentence, why a file is not taken whatever its name; None when it may be."""
    if not stat.S_ISREG(status.st_mode):
        return _NOT_ORDINARY
    if status.st_nlink > 1:
        # Whoever may not read a file can often still give it a second name, here.
        return (
            "has a second name somewhere (a hard link), so it may be somebody else's; please deliver a copy"
        )
    return None


class Names:
    """What the names in one model's drop folder mean."""

    def __init__(self, model: ModelSettings, ignore: tuple[str, ...]) -> None:
        self.patterns = {Role.TRAIN: Pattern(model.train)}
        if model.mode == "pair":
            self.patterns[Role.EVAL] = Pattern(model.eval)
        self.ignored = Globs.of(ignore)
        self.below = {canonical(pattern.folder): pattern.folder for pattern in self.patterns.values()}
        """The folders in which files are expected, by their canonical names."""
        self.below.pop("", None)
        self._by_folder: dict[str, list[tuple[Role, Pattern]]] = {}
        for role, pattern in self.patterns.items():
            self._by_folder.setdefault(canonical(pattern.folder), []).append((role, pattern))
        self._ready = model.ready

    def is_ignored(self, name: str) -> bool:
        """Tell whether a name means nothing whatever has it."""
        return canonical(name) in self.ignored and name not in _OWN_NAMES

    def recognise(self, name: str, plain: str, folder: str) -> tuple[Role, str] | None:
        """Return what a name in the drop folder, or in `folder` below it, stands for; None for a stranger.

        `plain` is the name's canonical form.
        """
        for role, pattern in self._by_folder.get(canonical(folder), ()):
            key = pattern.key_in(plain)
            if key is not None:
                return role, key
        if folder:
            return None
        if self._ready == "marker":
            if name == SUCCESS_MARKER:
                return Role.MARKER, ""
            if plain.endswith(".done"):
                return Role.MARKER, plain.removesuffix(".done")
        if self._ready == "manifest" and f".{plain}".endswith(".manifest.json"):
            return Role.MANIFEST, f".{plain}".removesuffix(".manifest.json").removeprefix(".")
        return None

    def lacks_ending_alone(self, plain: str, folder: str) -> bool:
        """Tell whether a strange name would be a right one if it ended in .csv: `train_1.xlsx`, `train_1.csv.gz`."""
        stem, dot, ending = plain.rpartition(".")
        found = self.recognise("", f"{stem if dot else ending}.csv", folder)
        return found is not None and found[0] in self.patterns


@dataclass
class Strangers:
    """Sentences on what is left alone: the first in order of a screenful, and how many there are."""

    count: int = 0
    first: list[str] = field(default_factory=list)

    def add(self, sentence: str | None = None) -> None:
        """Count one, and keep its sentence if there is one and it comes early enough."""
        self.count += 1
        if sentence is not None:
            bisect.insort(self.first, sentence)
            del self.first[_MOST_STRANGERS + 1 :]

    def told(self) -> list[str]:
        """Return what to tell people."""
        if self.count <= _MOST_STRANGERS + 1:
            return self.first
        return [
            *self.first[:_MOST_STRANGERS],
            f"{self.count - _MOST_STRANGERS} more are left alone too.",
        ]


class Found(NamedTuple):
    """A file that the last look did not see, or not like this."""

    name: str
    """Path below the drop folder."""
    role: Role
    key: str
    signature: Signature
    changed_ns: int
    """Its ctime."""


class Listing:
    """One reading of a drop folder."""

    def __init__(self, names: Names, known: Mapping[str, Sighting]) -> None:
        """`known` is what the last look saw."""
        self.same: list[Sighting] = []
        """Files that are as they were."""
        self.new: list[Found] = []
        self.strangers = Strangers()
        self.pages: dict[str, Page] = {}
        """Of the drop folder ("") and of those in it that were read."""
        self.may_mend = False
        """True when a file of a right name is not taken now, and may be later without the names' telling."""
        self._names = names
        self._known = known
        self._entries = 0

    @property
    def cut(self) -> bool:
        """Tell whether there is more in the folder than was read."""
        return len(self.same) + len(self.new) > MOST_FILES or self._entries > MOST_ENTRIES

    def read(self, drop: Path) -> None:
        """Read the drop folder, and those in it where files are expected. Raises OSError.

        The drop folder itself may be a link, since the owner has configured it. Nothing below it may.
        """
        below: list[str] = []
        self._read(drop, "", below)
        for folder in sorted(below):
            self._read(drop, folder, [])

    def _read(self, drop: Path, folder: str, below: list[str]) -> None:
        try:
            handle = os.open(f"{drop}/{folder}", TO_LIST | (os.O_NOFOLLOW if folder else 0))
        except OSError as error:
            if folder and error.errno in _GONE:
                self.may_mend = True
                return
            raise
        prefix = f"{folder}/" if folder else ""
        try:
            page = self.pages[folder] = Page(stamp_of(os.fstat(handle)))
            with os.scandir(handle) as entries:
                for entry in entries:
                    self._entries += 1
                    if self._entries > MOST_ENTRIES or len(self.same) + len(self.new) > MOST_FILES:
                        return
                    page.names.append(entry.name)
                    name = prefix + entry.name
                    known = self._known.get(name)
                    if known is not None and _is_same(entry, known):
                        self.same.append(known)
                    else:
                        self._see(entry, name, folder, page, below)
        finally:
            os.close(handle)

    def _see(self, entry: os.DirEntry[str], name: str, folder: str, page: Page, below: list[str]) -> None:
        plain = canonical(entry.name)
        if plain in self._names.ignored or (not folder and entry.name in _OWN_NAMES):
            return
        _, is_folder = kind = kind_of(entry)
        page.add_kind(kind)
        if not folder and plain in self._names.below:
            if is_folder:
                below.append(entry.name)
            else:
                self.strangers.add(f"{display(entry.name)} is not a folder, though one is expected.")
            return
        role_and_key = self._names.recognise(entry.name, plain, folder)
        if is_folder:
            if role_and_key is not None:
                self.strangers.add(f"{display(name)} is left alone: it is a folder.")
            elif not folder and FOLDER_NAME.fullmatch(entry.name):
                # Somebody who wants another try has moved all of it here.
                self.strangers.add(
                    f"{display(name)} is left alone: it is the folder of a job. To have its files taken in, move them out "
                    "of it into this folder."
                )
        elif role_and_key is not None:
            self._take(entry, name, *role_and_key)
        elif self.strangers.count >= _MANY_STRANGERS:
            self.strangers.add()
        else:
            self.strangers.add(f"{display(name)} is left alone: {self._flaw_of(entry, plain, folder)}")

    def _flaw_of(self, entry: os.DirEntry[str], plain: str, folder: str) -> str:
        if not entry.is_file(follow_symlinks=False):
            return f"it {_NOT_ORDINARY}."
        if not _is_utf8(entry.name):
            return _NOT_UTF8
        if self._names.lacks_ending_alone(plain, folder):
            return "only files that end in .csv or .tsv are taken."
        return "its name is none that this folder expects."

    def _take(self, entry: os.DirEntry[str], name: str, role: Role, key: str) -> None:
        try:
            status = entry.stat(follow_symlinks=False)
        except FileNotFoundError:
            self.may_mend = True  # Its name was read; that it is back would be no news.
            return
        if flaw := flaw_of(status):
            self.may_mend = True
            self.strangers.add(f"{display(name)} is left alone: it {flaw}.")
        elif not _is_utf8(entry.name):
            self.strangers.add(f"{display(name)} is left alone: {_NOT_UTF8}")
        else:
            self.new.append(Found(name, role, key, signature_of(status), status.st_ctime_ns))


def _is_same(entry: os.DirEntry[str], known: Sighting) -> bool:
    try:
        return is_same(entry.stat(follow_symlinks=False), known.signature)
    except FileNotFoundError:
        return False


def _is_utf8(name: str) -> bool:
    return name.isascii() or not any("\udc80" <= char <= "\udcff" for char in name)
