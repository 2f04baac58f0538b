"""One model's drop folder: a look at what is there now, remembered until the next look.

A look is a scandir and a stat of every file that a pattern recognises; it opens nothing but manifests. Files are
judged by how long they stayed the same on the daemon's own clock, never by their own times: copies carry old or
future ones.
"""

import bisect
import codecs
import errno
import fnmatch
import itertools
import os
import re
import stat
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import Executor, Future
from contextlib import AbstractContextManager
from dataclasses import dataclass, field, replace
from functools import partial
from pathlib import Path
from typing import NamedTuple

from pydantic import BaseModel, ConfigDict, Field, ValidationError
from pydantic_core import ErrorDetails

from retraind.clock import Clock
from retraind.files import beside, held, open_regular, sha256_of
from retraind.intake.pairing import (
    SUCCESS_MARKER,
    Claims,
    Delivery,
    Group,
    Sighting,
    Waiting,
    group,
    judge,
    shared_marker,
    too_large,
)
from retraind.intake.share import MARKER, Away
from retraind.job import Role, Signature
from retraind.patterns import Pattern, canonical
from retraind.settings import ModelSettings
from retraind.shown import display

_OWN_NAMES = frozenset({"STATUS.txt", ".STATUS.txt.tmp", MARKER, f".{MARKER}.tmp"})
_LARGEST_MANIFEST = 1 << 20
"""Bytes of a manifest that are read; a longer one is refused."""
_MOST_MANIFEST_BYTES = 16 << 20
"""Bytes of manifests that one look reads."""
_MOST_HASHES = 2
"""Files of one folder that wait to be read for their SHA-256. One thread reads them for all folders in turn, and a
folder of countless files must not be in front of every other."""
_LONGEST_NAME = 300
"""Characters of a name that a manifest made up."""
_MOST_STRANGERS = 20
_MANY_STRANGERS = 1_000
"""From so many on, names that nothing recognises are only counted: asking after each takes its time on a share."""
_MOST_FILES = 10_000
"""Files of deliveries that one look takes note of; the rest comes into view once these are taken."""
_MOST_ENTRIES = 100_000
"""Names that one look reads."""
_TOO_MANY = (
    f"There are more files here than one look takes in ({_MOST_FILES:,} data files, {_MOST_ENTRIES:,} names). "
    "The rest is taken in as these leave; please remove what is not meant for retraind."
)
_GONE = frozenset({errno.ENOENT, errno.ENOTDIR, errno.ELOOP})
"""A sub-folder was removed, or replaced by something else, since it was listed."""


@dataclass(frozen=True)
class View:
    """What a look saw."""

    complete: tuple[Delivery, ...] = ()
    """To be sealed now, oldest key first."""
    waiting: tuple[Waiting, ...] = ()
    strangers: tuple[str, ...] = ()
    """Sentences on files that nothing recognises; at most a screenful."""
    due: float | None = None
    """When time alone may make something complete (`Clock.elapsed` seconds)."""
    trouble: str | None = None
    """Why the folder could not be read, a complete sentence."""
    away: bool = False
    """True when the folder is not the one that is known, so that nothing may be written there either."""


class _Found(NamedTuple):
    name: str
    role: Role
    key: str
    signature: Signature


@dataclass
class _Strangers:
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


class _ManifestFile(BaseModel):
    model_config = ConfigDict(extra="ignore")
    name: str
    size: int = Field(ge=0, lt=1 << 63)
    sha256: str = Field(pattern=r"^[0-9a-fA-F]{64}$")


class _Manifest(BaseModel):
    model_config = ConfigDict(extra="ignore")
    files: list[_ManifestFile] = Field(min_length=1, max_length=10)


def signature_of(status: os.stat_result) -> Signature:
    """Return what tells whether a file was touched."""
    return Signature(size=status.st_size, mtime_ns=status.st_mtime_ns, inode=status.st_ino)


def flaw_of(status: os.stat_result) -> str | None:
    """Say, as the rest of a sentence, why a file is not taken whatever its name; None when it may be."""
    if not stat.S_ISREG(status.st_mode):
        return "is not an ordinary file (links are not followed)"
    if status.st_nlink > 1:
        # Whoever may not read a file can often still give it a second name, here.
        return (
            "has a second name somewhere (a hard link), so it may be somebody else's; please deliver a copy"
        )
    return None


class DropFolder:
    """The drop folder of one model, and what the last look remembers of it. Looks are serialised."""

    def __init__(
        self,
        model: ModelSettings,
        ignore: tuple[str, ...],
        clock: Clock,
        hashing: Executor,
        hint: Callable[[], None],
        *,
        hold: Callable[[], AbstractContextManager[Path]] | None = None,
        largest: int | None = None,
    ) -> None:
        """`hashing` computes SHA-256 for manifests in the background; `hint` is called when one is known.

        `largest` is the most bytes that a file may have. `hold` holds the drop folder (see `files.held`) and may raise Away.
        """
        self.model = model
        self._hold = hold or partial(held, model.drop)
        self._largest = largest
        self._clock = clock
        self._hashing = hashing
        self._hint = hint
        self._patterns = {Role.TRAIN: Pattern(model.train)}
        if model.mode == "pair":
            self._patterns[Role.EVAL] = Pattern(model.eval)
        self._ignore = re.compile("|".join(fnmatch.translate(canonical(name)) for name in ignore) or "(?!)")
        self._seen: dict[str, Sighting] = {}
        self._doubted: set[str] = set()
        self._hashes: dict[tuple[str, Signature], Future[str]] = {}
        self._unreadable: dict[tuple[str, Signature], str] = {}
        self._entries = 0
        """Names read so far in this look."""
        self._manifest_bytes = 0
        """Bytes of manifests read so far in this look."""
        self._lock = threading.Lock()
        self._below = {canonical(pattern.folder): pattern.folder for pattern in self._patterns.values()}
        self._below.pop("", None)

    @property
    def folders(self) -> tuple[Path, ...]:
        """The folders in which files may appear."""
        return (self.model.drop, *(self.model.drop / folder for folder in sorted(self._below.values())))

    def distrust(self, names: set[str]) -> None:
        """Let files that changed while they were taken settle, even if a marker or a manifest vouches for them."""
        with self._lock:
            self._doubted |= names

    def look(self) -> View:
        """See what is in the folder now. Never raises for what it finds there; trouble is part of the view."""
        with self._lock:
            try:
                with self._hold() as drop:
                    return self._look(drop)
            except Away as away:
                return View(trouble=str(away), away=True)
            except OSError as error:
                path = error.filename if isinstance(error.filename, str) else str(self.model.drop)
                what = "The drop folder" if path == str(self.model.drop) else "In the drop folder,"
                return View(
                    trouble=f"{what} {display(path)} cannot be read: {error.strerror or error}. "
                    "Nothing is taken from the folder until it can."
                )

    def _look(self, drop: Path) -> View:
        strangers = _Strangers()
        found = sorted(
            itertools.islice(self._found(drop, strangers), _MOST_FILES + 1), key=lambda file: file.name
        )
        # Of what was not seen it cannot be said that it has not arrived.
        cut = len(found) > _MOST_FILES or self._entries > _MOST_ENTRIES
        # One moment for all, after the last of them was read: none is taken to be older than it is, and files that
        # come into view together with their marker are not taken to have come after it.
        now = self._clock.elapsed()
        seen: dict[str, Sighting] = {}
        for name, role, key, signature in found:
            before = self._seen.get(name)
            since = before.since if before and before.signature == signature else now
            appeared = before.appeared if before else now
            doubted = name in self._doubted
            seen[name] = Sighting(name, role, key, signature, since, appeared=appeared, doubted=doubted)
        self._seen = seen
        self._doubted &= seen.keys()
        current = {(name, sighting.signature) for name, sighting in seen.items()}
        for gone in self._hashes.keys() - current:
            self._hashes.pop(gone).cancel()
        self._unreadable = {known: why for known, why in self._unreadable.items() if known in current}
        self._manifest_bytes = 0
        complete: list[Delivery] = []
        waiting: dict[str, Waiting] = {}
        for each in group(seen.values()):
            claims = self._claims(drop, each) if self.model.ready == "manifest" and each.manifests else None
            match judge(each, self.model, now, claims, self._largest):
                case Delivery() as delivery if cut and not self._is_whole(delivery):
                    waiting[each.key] = Waiting(each.key, each.data, (_TOO_MANY,), None)
                case Delivery() as delivery:
                    unreadable = _unreadable(drop, delivery)
                    if unreadable:
                        waiting[each.key] = Waiting(each.key, each.data, unreadable, None)
                    else:
                        complete.append(delivery)
                case Waiting() as wait:
                    waiting[each.key] = wait
                case None:
                    pass
        marker = shared_marker(seen.values(), waiting) if complete else None
        if marker is not None:
            complete[-1] = replace(complete[-1], files=(*complete[-1].files, marker.as_sealed()))
        dues = [wait.due for wait in waiting.values() if wait.due is not None]
        told = (_TOO_MANY, *strangers.told()) if cut else tuple(strangers.told())
        return View(tuple(complete), tuple(waiting.values()), told, min(dues, default=None))

    def _is_whole(self, delivery: Delivery) -> bool:
        """Tell whether a delivery has all that it could have, so that it was not given up waiting for."""
        roles = {file.role for file in delivery.files}
        return delivery.problem is None and roles >= self._patterns.keys()

    def _found(self, drop: Path, strangers: _Strangers) -> Iterator[_Found]:
        self._entries = 0
        below: list[str] = []
        yield from self._inside(drop, "", strangers, below)
        for folder in sorted(below):
            yield from self._inside(drop, folder, strangers, [])

    def _inside(self, drop: Path, folder: str, strangers: _Strangers, below: list[str]) -> Iterator[_Found]:
        """Yield what is in the drop folder or in `folder` below it; adds the sub-folders to look into to `below`.

        The drop folder itself may be a link, since the owner has configured it. Nothing below it may.
        """
        flags = os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC
        try:
            handle = os.open(drop / folder, flags | (os.O_NOFOLLOW if folder else 0))
        except OSError as error:
            if folder and error.errno in _GONE:
                return
            raise
        try:
            with os.scandir(handle) as entries:
                for entry in entries:
                    self._entries += 1
                    if self._entries > _MOST_ENTRIES:
                        return
                    if self._ignore.match(canonical(entry.name)) or (not folder and entry.name in _OWN_NAMES):
                        continue
                    if not folder and canonical(entry.name) in self._below:
                        if entry.is_dir(follow_symlinks=False):
                            below.append(entry.name)
                        else:
                            strangers.add(f"{display(entry.name)} is not a folder, though one is expected.")
                        continue
                    file = self._file(entry, folder, strangers)
                    if file is not None:
                        yield file
        finally:
            os.close(handle)

    def _file(self, entry: os.DirEntry[str], folder: str, strangers: _Strangers) -> _Found | None:
        name = f"{folder}/{entry.name}" if folder else entry.name
        role_and_key = self._recognise(entry.name, folder)
        if entry.is_dir(follow_symlinks=False):
            if role_and_key is not None:
                strangers.add(f"{display(name)} is left alone: it is a folder.")
            return None
        if role_and_key is None and strangers.count >= _MANY_STRANGERS:
            strangers.add()
            return None
        try:
            status = entry.stat(follow_symlinks=False)
        except FileNotFoundError:
            return None
        if flaw := flaw_of(status):
            why = f"it {flaw}."
        elif not _is_utf8(entry.name):
            why = "its name is not UTF-8. Please rename it."
        elif role_and_key is None:
            why = "its name is none that this folder expects."
        else:
            return _Found(name, *role_and_key, signature_of(status))
        strangers.add(f"{display(name)} is left alone: {why}")
        return None

    def _recognise(self, name: str, folder: str) -> tuple[Role, str] | None:
        for role, pattern in self._patterns.items():
            if canonical(pattern.folder) == canonical(folder):
                key = pattern.key_of(name)
                if key is not None:
                    return role, key
        if folder:
            return None
        plain = canonical(name)
        if self.model.ready == "marker":
            if name == SUCCESS_MARKER:
                return Role.MARKER, ""
            if plain.endswith(".done"):
                return Role.MARKER, plain.removesuffix(".done")
        if self.model.ready == "manifest" and f".{plain}".endswith(".manifest.json"):
            return Role.MANIFEST, f".{plain}".removesuffix(".manifest.json").removeprefix(".")
        return None

    # Manifests

    def _claims(self, drop: Path, each: Group) -> Claims:
        """Compare a group's files with its manifest, as far as is known now."""
        if len(each.manifests) > 1:
            return Claims(False, ("There are two manifests for this delivery. Please remove one.",))
        shown = display(each.manifests[0].name)
        if self._manifest_bytes > _MOST_MANIFEST_BYTES:
            return Claims(False, (f"{shown} is read once those before it have been taken.",))
        try:
            with open_regular(drop / each.manifests[0].name) as file:
                text = file.read(_LARGEST_MANIFEST + 1)
        except OSError as error:
            return Claims(False, (f"{shown} cannot be read: {error.strerror or error}.",))
        self._manifest_bytes += len(text)
        if len(text) > _LARGEST_MANIFEST:
            return Claims(
                False, (f"{shown} is too long for a manifest ({_LARGEST_MANIFEST:,} bytes at most).",)
            )
        try:
            # Windows programs like to begin UTF-8 with a byte order mark.
            manifest = _Manifest.model_validate_json(text.removeprefix(codecs.BOM_UTF8))
        except ValidationError as error:
            return Claims(False, (_wrong_manifest(shown, error.errors()[0]),))
        return self._compare(each, shown, manifest)

    def _compare(self, each: Group, shown: str, manifest: _Manifest) -> Claims:
        claimed = {canonical(file.name): file for file in manifest.files}
        present = {canonical(seen.name): seen for seen in each.data}
        if len(claimed) < len(manifest.files):
            return Claims(False, (f"{shown} names a file twice.",))
        reasons = [
            f"{shown} names {display(file.name)[:_LONGEST_NAME]}, which is not there."
            for name, file in claimed.items()
            if name not in present
        ]
        reasons += [
            f"{shown} does not name {display(seen.name)}."
            for name, seen in present.items()
            if name not in claimed
        ]
        for name in claimed.keys() & present.keys():
            file, seen = claimed[name], present[name]
            what = display(seen.name)
            if file.size != seen.signature.size:
                reasons.append(f"{what} has {seen.signature.size} bytes so far; {shown} says {file.size}.")
                continue
            if too_large(seen.signature.size, self._largest):
                continue
            found = self._hash(seen)
            if found is None:
                trouble = self._unreadable.get((seen.name, seen.signature))
                reasons.append(
                    f"{what} cannot be read: {trouble}."
                    if trouble
                    else f"{what} is being compared with {shown}."
                )
            elif found != file.sha256.lower():
                reasons.append(
                    f"The content of {what} is not what {shown} says (SHA-256 {found[:12]}… instead of "
                    f"{file.sha256[:12].lower()}…). It may still be arriving; if not, please deliver it again."
                )
        return Claims(not reasons, tuple(sorted(reasons)))

    def _hash(self, seen: Sighting) -> str | None:
        """Return the SHA-256 of a file, or None while it is not known."""
        which = (seen.name, seen.signature)
        known = self._hashes.get(which)
        if known is None:
            if sum(not other.done() for other in self._hashes.values()) >= _MOST_HASHES:
                return None
            known = self._hashing.submit(self._sha256, seen.name)
            self._hashes[which] = known
            known.add_done_callback(lambda future: None if future.cancelled() else self._hint())
            return None
        if not known.done() or known.cancelled():
            return None
        trouble = known.exception()
        if isinstance(trouble, OSError):
            # The next look tries again. That is the sweep's, since nothing is under way that would hint.
            self._unreadable[which] = trouble.strerror or str(trouble)
            del self._hashes[which]
            return None
        self._unreadable.pop(which, None)
        return known.result()

    def _sha256(self, name: str) -> str:
        with held(self.model.drop) as drop, beside(drop, name) as path:
            return sha256_of(path)


def _unreadable(drop: Path, delivery: Delivery) -> tuple[str, ...]:
    """Say which files of a delivery may not be read: asked before they are taken, so that people can help."""
    found = []
    for file in delivery.files:
        try:
            with beside(drop, file.name) as path:
                open_regular(path).close()
        except PermissionError as error:
            found.append(
                f"{display(file.name)} may not be read by retraind ({error.strerror}). "
                "Please give the service's user the right to read it."
            )
        except OSError:
            # It is changing just now. Whether it can be taken turns out when it is.
            continue
    return tuple(found)


def _wrong_manifest(shown: str, error: ErrorDetails) -> str:
    if error["type"] == "json_invalid":
        return f"{shown} is not complete JSON so far ({error['ctx']['error']})."
    where = ".".join(str(part) for part in error["loc"]) or "the whole"
    return f"{shown} is not a manifest ({where}: {error['msg']})."


def _is_utf8(name: str) -> bool:
    return name.isascii() or not any("\udc80" <= char <= "\udcff" for char in name)
