"""What is in a drop folder at one moment: one scandir, and one stat of each file that a pattern recognises.

Nothing is opened but the folders. Whether a file has arrived completely is not decided here.
"""

import bisect
import errno
import os
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field
from operator import itemgetter
from pathlib import Path
from typing import NamedTuple

from retraind.config.patterns import Globs, Pattern, canonical
from retraind.config.settings import ModelSettings
from retraind.domain.file_rules import refusal_of
from retraind.domain.job import Role, Signature
from retraind.domain.names import FOLDER_NAME
from retraind.domain.problems import Problem, file_problem, problem
from retraind.intake.pairing import SUCCESS_MARKER, Sighting
from retraind.intake.settling import TO_LIST, Page, is_same, kind_of, stamp_of
from retraind.intake.share_identity import MARKER
from retraind.system.escape import display_name
from retraind.system.links import hidden_names, listed_names

_OWN_NAMES = frozenset({"STATUS.txt", ".STATUS.txt.tmp", MARKER, f".{MARKER}.tmp"})
_MOST_STRANGERS = 20
_MANY_STRANGERS = 1_000
"""From so many on, names that nothing recognises are only counted."""
MOST_FILES = 10_000
"""Files of deliveries that one scan takes note of; the others follow once these are taken in."""
MOST_ENTRIES = 200_000
"""Names that one scan reads; of a folder with a hundred thousand files, these are all."""
_GONE = frozenset({errno.ENOENT, errno.ENOTDIR, errno.ELOOP})
"""A sub-folder was removed, or replaced by something else, since it was listed."""


def signature_of(status: os.stat_result) -> Signature:
    """Return what changes when a file is touched."""
    return Signature(size=status.st_size, mtime_ns=status.st_mtime_ns, inode=status.st_ino)


def flaw_of(status: os.stat_result, names: int = 1) -> Problem | None:
    """Return why a file is not taken whatever its name; None when it may be.

    `names` is how many names it has in its folder: with one elsewhere, it may be somebody else's.
    """
    refusal = refusal_of(status, names=names)
    return problem(refusal.value) if refusal else None


def unreadable(file: str, error: OSError) -> Problem:
    """Return that a file in a drop folder cannot be read."""
    return problem("file_unreadable", file=file, why=file_problem(error).but(path=None))


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
        """Return whether a name is ignored, whatever has it."""
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
        """Return whether a name would be expected if it ended in .csv: `train_1.xlsx`, `train_1.csv.gz`."""
        stem, dot, ending = plain.rpartition(".")
        found = self.recognise("", f"{stem if dot else ending}.csv", folder)
        return found is not None and found[0] in self.patterns


@dataclass
class Strangers:
    """What is left alone: the first of them by name, a screenful, and how many there are."""

    count: int = 0
    first: list[tuple[str, Problem]] = field(default_factory=list)
    """Names, each with the reason."""

    def add(self, name: str, why: Problem) -> None:
        """Count one, and keep it if it is among the first."""
        self.count += 1
        bisect.insort(self.first, (name, why), key=itemgetter(0))
        del self.first[_MOST_STRANGERS + 1 :]

    def told(self) -> tuple[Problem, ...]:
        """Return what to tell people."""
        # A name that is not UTF-8 cannot be kept as it is.
        told = tuple(problem("left_alone", file=display_name(name), why=why) for name, why in self.first)
        if self.count <= _MOST_STRANGERS + 1:
            return told
        more = problem("more_left_alone", more=self.count - _MOST_STRANGERS)
        return (*told[:_MOST_STRANGERS], more)


class Found(NamedTuple):
    """A file that the last scan did not see, or not like this."""

    name: str
    """Path below the drop folder."""
    role: Role
    key: str
    signature: Signature
    changed_ns: int
    """Its ctime."""
    names: int = 1
    """How many names it has, all in its folder."""


class Listing:
    """One reading of a drop folder."""

    def __init__(self, names: Names, known: Mapping[str, Sighting]) -> None:
        """`known` is what the last scan saw."""
        self.same: list[Sighting] = []
        """Files that are as they were."""
        self.new: list[Found] = []
        self.strangers = Strangers()
        self.pages: dict[str, Page] = {}
        """Of the drop folder ("") and of those in it that were read."""
        self.may_recover = False
        """True when a file with an expected name is not taken now, and may be later while the names stay the
        same."""
        self._names = names
        self._drop = Path()
        self._known = known
        self._entries = 0
        self._inodes: dict[str, Counter[int]] = {}
        """How many names each inode has, by folder. Read where it makes a difference."""

    @property
    def cut(self) -> bool:
        """Return whether there is more in the folder than was read."""
        return len(self.same) + len(self.new) > MOST_FILES or self._entries > MOST_ENTRIES

    def read(self, drop: Path) -> None:
        """Read the drop folder, and those in it where files are expected. Raises OSError.

        The drop folder itself may be a link, since the owner has configured it. Nothing below it may.
        """
        self._drop = drop
        below: list[str] = []
        self._read(drop, "", below)
        for folder in sorted(below):
            self._read(drop, folder, [])

    def _read(self, drop: Path, folder: str, below: list[str]) -> None:
        try:
            handle = os.open(f"{drop}/{folder}", TO_LIST | (os.O_NOFOLLOW if folder else 0))
        except OSError as error:
            if folder and error.errno in _GONE:
                self.may_recover = True
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
                self.strangers.add(name, problem("folder_expected"))
            return
        role_and_key = self._names.recognise(entry.name, plain, folder)
        if is_folder:
            if role_and_key is not None:
                self.strangers.add(name, problem("file_expected"))
            elif not folder and FOLDER_NAME.fullmatch(entry.name):
                # Somebody who wants another try has moved all of it here.
                self.strangers.add(name, problem("folder_of_job"))
        elif role_and_key is not None:
            self._take(entry, name, *role_and_key)
        elif self.strangers.count >= _MANY_STRANGERS:
            self.strangers.count += 1
        else:
            self.strangers.add(name, self._flaw_of(entry, plain, folder))

    def _flaw_of(self, entry: os.DirEntry[str], plain: str, folder: str) -> Problem:
        if not entry.is_file(follow_symlinks=False):
            return problem("not_regular_file")
        if not _is_utf8(entry.name):
            return problem("name_not_utf8")
        if plain != plain.strip() and self._names.recognise("", plain.strip(), folder):
            return problem("name_with_outer_space")
        if self._names.lacks_ending_alone(plain, folder):
            return problem("ending_not_expected")
        return problem("name_not_expected")

    def _take(self, entry: os.DirEntry[str], name: str, role: Role, key: str) -> None:
        try:
            status = entry.stat(follow_symlinks=False)
        except FileNotFoundError:
            self.may_recover = True  # Its name was read, so its return changes no name.
            return
        if flaw := flaw_of(status, self._names_of(name, status)):
            self.may_recover = True
            self.strangers.add(name, flaw)
        elif not _is_utf8(entry.name):
            self.strangers.add(name, problem("name_not_utf8"))
        else:
            found = Found(name, role, key, signature_of(status), status.st_ctime_ns, status.st_nlink)
            self.new.append(found)

    def _names_of(self, name: str, status: os.stat_result) -> int:
        """Return how many names the file `name` has in its folder."""
        if status.st_nlink == 1:
            return 1
        folder = name.rpartition("/")[0]
        try:
            if folder not in self._inodes:
                self._inodes[folder] = listed_names(self._drop, folder)
            return self._inodes[folder][status.st_ino] + hidden_names(self._drop, name, status)
        except OSError as error:
            if error.errno in _GONE:
                return 1
            raise


def _is_same(entry: os.DirEntry[str], known: Sighting) -> bool:
    try:
        return is_same(entry.stat(follow_symlinks=False), known.signature, known.names)
    except FileNotFoundError:
        return False


def _is_utf8(name: str) -> bool:
    return name.isascii() or not any("\udc80" <= char <= "\udcff" for char in name)
