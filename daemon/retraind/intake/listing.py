"""What is in a drop folder at one moment: one scandir, and one stat of each file that a pattern recognises.

Nothing is opened but the folders. Whether a file has arrived completely is not decided here.
"""

import bisect
import errno
import os
import stat
from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import timedelta
from operator import itemgetter
from pathlib import Path
from typing import NamedTuple

from retraind.config.patterns import ENDINGS, Globs, Pattern, canonical
from retraind.config.settings import ModelSettings
from retraind.domain.file_rules import refusal_of
from retraind.domain.job import Role, Signature
from retraind.domain.names import FOLDER_NAME
from retraind.domain.problems import Problem, problem
from retraind.intake.names.piece_names import piece_in
from retraind.intake.names.proof_names import (
    CONTROL_ENDINGS,
    MANIFEST_ENDING,
    MARKER_ENDING,
    SHARED_SUMS,
    SUCCESS_MARKER,
    SUMS_ENDINGS,
    Control,
    control_in,
)
from retraind.intake.names.unload_folder import is_unload
from retraind.intake.pairing import Download, Sighting
from retraind.intake.settling import Page, is_same, kind_of, stamp_of
from retraind.intake.share_identity import MARKER
from retraind.system.escape import display_name
from retraind.system.links import hidden_names, listed_names
from retraind.system.reading import Entry, listed, listed_ahead
from retraind.system.remote.verbs import is_mounted_in

_OWN_NAMES = frozenset({"STATUS.txt", ".STATUS.txt.tmp", MARKER, f".{MARKER}.tmp"})
_OWN_FOLDERS = frozenset(
    {
        *("done", "failed", "lost+found", "system volume information"),
        *("$recycle.bin", "#recycle", "@eadir", "#snapshot", "~snapshot"),
    }
)
"""Those of file systems and of storage appliances, and retraind's own unless others are configured."""
_MOST_STRANGERS = 20
_MANY_STRANGERS = 1_000
"""From so many on, names that nothing recognises are only counted."""
MOST_FILES = 10_000
"""Files of deliveries that one scan takes note of; the others follow once these are taken in."""
MOST_ENTRIES = 200_000
"""Names that one scan reads; of a folder with a hundred thousand files, these are all."""
ASKS_FIRST = (listed_ahead(MOST_ENTRIES + 1),)
"""What a reading asks of the drop folder first, for `files.held`."""
_NONE: frozenset[str] = frozenset()
_GONE = frozenset({errno.ENOENT, errno.ENOTDIR, errno.ELOOP})
"""A sub-folder was removed, or replaced by something else, since it was listed."""


def signature_of(status: os.stat_result, *, numbered: bool = True) -> Signature:
    """Return what changes when a file is touched; not `numbered` where inode numbers change by themselves."""
    inode = status.st_ino if numbered else 0
    return Signature(size=status.st_size, mtime_ns=status.st_mtime_ns, inode=inode)


def is_signed_by(status: os.stat_result, signature: Signature) -> bool:
    """Return whether a file is still the one that had this signature."""
    return signature_of(status, numbered=signature.inode != 0) == signature


def flaw_of(status: os.stat_result, names: int = 1) -> Problem | None:
    """Return why a file is not taken whatever its name; None when it may be.

    `names` is how many names it has in its folder: with one elsewhere, it may be somebody else's.
    """
    refusal = refusal_of(status, names=names)
    return problem(refusal.value) if refusal else None


class Meaning(NamedTuple):
    """What a name stands for."""

    role: Role
    key: str
    covers: str | None = None
    """The canonical name, perhaps without its extension, of the one file that a marker or manifest is for."""


class Names:
    """What the names in one model's drop folder mean."""

    def __init__(self, model: ModelSettings, ignore: tuple[str, ...]) -> None:
        self.patterns = {Role.TRAIN: Pattern.of(model.train)}
        if model.mode == "pair":
            self.patterns[Role.EVAL] = Pattern.of(model.eval)
        self.ignored = Globs.of(ignore)
        self.below = {canonical(pattern.folder): pattern.folder for pattern in self.patterns.values()}
        """The folders in which files are expected, by their canonical names."""
        self.below.pop("", None)
        filed = (folder for folder in (model.done, model.failed) if folder and folder.parent == model.drop)
        self.own_folders = _OWN_FOLDERS.union(canonical(folder.name) for folder in filed)
        """Folders that are retraind's, or were, or the file system's own."""
        self._by_folder: dict[str, list[tuple[Role, Pattern]]] = {}
        for role, pattern in self.patterns.items():
            self._by_folder.setdefault(canonical(pattern.folder), []).append((role, pattern))
        self._ready = model.ready

    def is_ignored(self, name: str) -> bool:
        """Return whether a name is ignored, whatever has it."""
        plain = canonical(name)
        return plain in self.ignored and name not in _OWN_NAMES and not control_in(plain)

    def control(self, plain: str, folder: str) -> tuple[Control, Meaning] | None:
        """Return of which data file a name shows that it is being downloaded; None if of none."""
        control = control_in(plain)
        meaning = self._data(control.of, folder) if control else None
        return (control, meaning) if control and meaning else None

    def recognise(self, name: str, plain: str, folder: str) -> Meaning | None:
        """Return what a name in the drop folder, or in `folder` below it, stands for; None for a stranger.

        `plain` is the name's canonical form.
        """
        found = self._data(plain, folder)
        if found is not None:
            return found
        if self._ready == "marker":
            if name == SUCCESS_MARKER and not folder:
                return Meaning(Role.MARKER, "")
            return self._proof(Role.MARKER, plain, MARKER_ENDING, folder)
        if self._ready == "manifest":
            if plain in SHARED_SUMS and not folder:
                return Meaning(Role.MANIFEST, "")
            endings = (MANIFEST_ENDING, *SUMS_ENDINGS)
            proofs = (self._proof(Role.MANIFEST, plain, ending, folder) for ending in endings)
            return next((each for each in proofs if each), None)
        return None

    def _data(self, plain: str, folder: str) -> Meaning | None:
        if not plain.endswith(ENDINGS):
            return None
        for role, pattern in self._by_folder.get(canonical(folder) if folder else "", ()):
            key = pattern.key_in(plain)
            if key is not None:
                return Meaning(role, key)
        return None

    def _proof(self, role: Role, plain: str, ending: str, folder: str) -> Meaning | None:
        """Return what a marker or manifest with this extension is for: a key, or one file named in full."""
        if not f".{plain}".endswith(ending):
            return None
        stem = f".{plain}".removesuffix(ending).removeprefix(".")
        data = self._data(stem, folder) or (self._data(f"{stem}.csv", folder) if stem else None)
        if data is not None:
            return Meaning(role, data.key, f"{canonical(folder)}/{stem}" if folder else stem)
        return None if folder else Meaning(role, stem)

    def lacks_ending_alone(self, plain: str, folder: str) -> bool:
        """Return whether a name would be expected if it ended in .csv: `train_1.xlsx`, `train_1.csv.gz`."""
        stem, dot, ending = plain.rpartition(".")
        found = self.recognise("", f"{stem if dot else ending}.csv", folder)
        return found is not None and found.role in self.patterns


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
    covers: str | None = None
    """As for `Meaning`."""
    names: int = 1
    """How many names it has, all in its folder."""


class Controlled(NamedTuple):
    """A control file beside a download."""

    name: str
    """Path below the drop folder."""
    control: Control
    of: Found
    """The file that is being downloaded, as far as its name tells; the rest is that of the control file."""


class Downloads:
    """The downloads into one drop folder that seem to be under way."""

    def __init__(self, patience: timedelta) -> None:
        """`patience` is how long what is beside a download counts though it does not change."""
        self._patience = patience.total_seconds()
        self._controls: dict[str, tuple[Controlled, float]] = {}
        """What the last scan saw beside downloads, each since when it has been like this, by name."""

    def __bool__(self) -> bool:
        return bool(self._controls)

    def see(self, controls: Iterable[Controlled], now: float) -> bool:
        """Take note of what a scan saw beside downloads; returns whether that has changed."""
        before, self._controls = self._controls, {}
        for each in controls:
            known = before.get(each.name)
            same = known is not None and known[0].of.signature == each.of.signature
            self._controls[each.name] = (each, known[1] if known and same else now)
        return before != self._controls

    def under_way(self) -> dict[str, Download]:
        """Return the downloads by the canonical names of their files."""
        return {
            canonical(each.of.name): Download(name, None if each.control.in_place else since + self._patience)
            for name, (each, since) in self._controls.items()
        }

    def without_their_names(self, seen: Iterable[str]) -> list[Sighting]:
        """Return the files that have not got their names yet; `seen` are the names that are there."""
        there = set(map(canonical, seen)) if self._controls else set()
        return [
            Sighting(each.of.name, each.of.role, each.of.key, each.of.signature, since)
            for each, since in self._controls.values()
            if canonical(each.of.name) not in there
        ]


class Listing:
    """One reading of a drop folder."""

    def __init__(self, names: Names, known: Mapping[str, Sighting]) -> None:
        """`known` is what the last scan saw."""
        self.same: list[Sighting] = []
        """Files that are as they were."""
        self.new: list[Found] = []
        self.controls: list[Controlled] = []
        self.strangers = Strangers()
        self.pages: dict[str, Page] = {}
        """Of the drop folder ("") and of those in it that were read."""
        self.may_recover = False
        """True when a file with an expected name is not taken now, and may be later while the names stay the
        same."""
        self._names = names
        self._drop: Path
        self._known = known
        self._entries = 0
        self._mounted: set[str] = set()
        self._inodes: dict[str, Counter[int]] = {}
        """How many names each inode has, by folder. Read where it makes a difference."""

    @property
    def cut(self) -> bool:
        """Return whether there is more in the folder than was read."""
        return len(self.same) + len(self.new) > MOST_FILES or self._entries > MOST_ENTRIES

    @property
    def elsewhere(self) -> frozenset[str]:
        """The folders in the drop folder from which nothing can be renamed to the folder for work."""
        root = self.pages.get("")
        if len(self.pages) == 1:
            return frozenset()
        return frozenset(
            folder
            for folder, page in self.pages.items()
            if folder and root and (page.stamp[0] != root.stamp[0] or folder in self._mounted)
        )

    def read(self, drop: Path) -> None:
        """Read the drop folder, and those in it where files are expected. Raises OSError.

        The drop folder itself may be a link, since the owner has configured it. Nothing below it may.
        """
        self._drop = drop
        below: list[str] = []
        self._read(drop, "", below)
        for folder in sorted(below):
            if is_mounted_in(drop, folder):
                self._mounted.add(folder)
            self._read(drop, folder, [])

    def _read(self, drop: Path, folder: str, below: list[str]) -> None:
        prefix, begun = f"{folder}/" if folder else "", False

        def is_wanted(name: str) -> bool:
            """Return whether the status of a name is needed."""
            plain = canonical(name)
            return (
                prefix + name in self._known
                or self._names.recognise(name, plain, folder) is not None
                or self._names.control(plain, folder) is not None
            )

        try:
            with listed(drop, folder, most=MOST_ENTRIES + 1, wanted=is_wanted) as (status, entries):
                begun = True
                page = self.pages[folder] = Page(stamp_of(status), may_come=_NONE if folder else _OWN_NAMES)
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
        except OSError as error:
            if begun or not folder or error.errno not in _GONE:
                raise
            self.may_recover = True

    def _see(self, entry: Entry, name: str, folder: str, page: Page, below: list[str]) -> None:
        plain = canonical(entry.name)
        if plain.endswith(CONTROL_ENDINGS) and (control := self._names.control(plain, folder)):
            page.add_kind(kind_of(entry))
            self._take_control(entry, name, folder, *control)
            return
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
        meaning = self._names.recognise(entry.name, plain, folder)
        if is_folder:
            if flaw := self._flaw_of_folder(entry, plain, folder, meaning):
                self.strangers.add(name, flaw)
        elif meaning is not None:
            self._take(entry, name, meaning)
        elif self.strangers.count >= _MANY_STRANGERS:
            self.strangers.count += 1
        else:
            self.strangers.add(name, self._flaw_of(entry, plain, folder))

    def _flaw_of_folder(
        self, entry: Entry, plain: str, folder: str, meaning: Meaning | None
    ) -> Problem | None:
        """Return what to tell of a folder; None of one that belongs here."""
        if not folder and plain in self._names.own_folders:
            return None  # Also where `done` could be a marker's name.
        wanted = meaning or self._names.recognise("", f"{plain}.csv", folder)
        if (
            wanted is not None
            and wanted.role in self._names.patterns
            and is_unload(self._drop, folder, entry.name)
        ):
            joined = entry.name if meaning else f"{entry.name}.csv"
            return problem("folder_of_pieces", folder=entry.name, joined=joined)
        if meaning is not None:
            return problem("file_expected")
        if not folder and FOLDER_NAME.fullmatch(entry.name):
            # Somebody who wants another try has moved all of it here.
            return problem("folder_of_job")
        return problem("folder_not_expected")

    def _flaw_of(self, entry: Entry, plain: str, folder: str) -> Problem:
        if not entry.is_file(follow_symlinks=False):
            return problem("not_regular_file")
        if not _is_utf8(entry.name):
            return problem("name_not_utf8")
        if plain != plain.strip() and self._names.recognise("", plain.strip(), folder):
            return problem("name_with_outer_space")
        if self._names.lacks_ending_alone(plain, folder):
            return problem("ending_not_expected")
        piece = piece_in(plain[:-4]) if plain.endswith((".csv", ".tsv")) else None
        if piece is not None and piece.family.unmistakable:
            return problem("piece_not_expected")
        return problem("name_not_expected")

    def _take_control(self, entry: Entry, name: str, folder: str, control: Control, meaning: Meaning) -> None:
        try:
            status = entry.stat(follow_symlinks=False)
        except FileNotFoundError:
            return
        if stat.S_ISREG(status.st_mode) and _is_utf8(entry.name):
            of = f"{folder}/{control.of}" if folder else control.of
            found = Found(of, meaning.role, meaning.key, signature_of(status), status.st_ctime_ns)
            self.controls.append(Controlled(name, control, found))

    def _take(self, entry: Entry, name: str, meaning: Meaning) -> None:
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
            role, key, covers = meaning
            found = Found(name, role, key, signature_of(status), status.st_ctime_ns, covers, status.st_nlink)
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


def _is_same(entry: Entry, known: Sighting) -> bool:
    try:
        return is_same(entry.stat(follow_symlinks=False), known.signature, known.names)
    except FileNotFoundError:
        return False


def _is_utf8(name: str) -> bool:
    return name.isascii() or not any("\udc80" <= char <= "\udcff" for char in name)
