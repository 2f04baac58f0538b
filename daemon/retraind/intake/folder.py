"""One model's drop folder: a look at what is there now, remembered until the next look.

A look is a scandir and a stat of every file that a pattern recognises; it opens nothing but manifests. Files are
judged by how long they stayed the same on the daemon's own clock, never by their own times: copies carry old or
future ones.
"""

import fnmatch
import os
import re
import stat
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import Executor, Future
from dataclasses import dataclass, replace
from pathlib import Path

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from retraind.clock import Clock
from retraind.files import open_regular, sha256_of
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
)
from retraind.job import Role, Signature
from retraind.patterns import Pattern, canonical, display
from retraind.settings import ModelSettings

_OWN_NAMES = frozenset({"STATUS.txt"})
_LARGEST_MANIFEST = 1 << 20
"""Bytes of a manifest that are read; a longer one is refused."""
_MOST_STRANGERS = 20


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


class _ManifestFile(BaseModel):
    model_config = ConfigDict(extra="ignore")
    name: str
    size: int = Field(ge=0)
    sha256: str = Field(pattern=r"^[0-9a-fA-F]{64}$")


class _Manifest(BaseModel):
    model_config = ConfigDict(extra="ignore")
    files: list[_ManifestFile] = Field(min_length=1, max_length=10)


def signature_of(status: os.stat_result) -> Signature:
    """Return what tells whether a file was touched."""
    return Signature(size=status.st_size, mtime_ns=status.st_mtime_ns, inode=status.st_ino)


class DropFolder:
    """The drop folder of one model, and what the last look remembers of it. Looks are serialised."""

    def __init__(
        self,
        model: ModelSettings,
        ignore: tuple[str, ...],
        clock: Clock,
        hashing: Executor,
        hint: Callable[[], None],
    ) -> None:
        """`hashing` computes SHA-256 for manifests in the background; `hint` is called when one is known."""
        self.model = model
        self._clock = clock
        self._hashing = hashing
        self._hint = hint
        self._train = Pattern(model.train)
        self._eval = Pattern(model.eval) if model.mode == "pair" else None
        self._ignore = re.compile("|".join(fnmatch.translate(canonical(name)) for name in ignore) or "(?!)")
        self._seen: dict[str, Sighting] = {}
        self._doubted: set[str] = set()
        self._hashes: dict[tuple[str, Signature], Future[str]] = {}
        self._lock = threading.Lock()

    @property
    def folders(self) -> tuple[Path, ...]:
        """The folders in which files may appear."""
        below = {pattern.folder for pattern in (self._train, self._eval) if pattern}
        return tuple(self.model.drop / folder for folder in sorted(below | {""}))

    def distrust(self, names: set[str]) -> None:
        """Let files that changed while they were taken settle, even if a marker or a manifest vouches for them."""
        with self._lock:
            self._doubted |= names

    def look(self) -> View:
        """See what is in the folder now. Never raises for what it finds there; trouble is part of the view."""
        with self._lock:
            try:
                return self._look()
            except OSError as error:
                return View(
                    trouble=f"The drop folder {self.model.drop} cannot be read: {error.strerror}. "
                    "Nothing is taken from it until it can."
                )

    def _look(self) -> View:
        strangers: list[str] = []
        seen = {sighting.name: sighting for sighting in self._sightings(strangers)}
        self._seen = seen
        self._doubted &= seen.keys()
        current = {(name, sighting.signature) for name, sighting in seen.items()}
        for gone in self._hashes.keys() - current:
            self._hashes.pop(gone).cancel()
        now = self._clock.elapsed()
        complete: list[Delivery] = []
        waiting: dict[str, Waiting] = {}
        for each in group(seen.values()):
            claims = self._claims(each) if self.model.ready == "manifest" and each.manifests else None
            match judge(each, self.model, now, claims):
                case Delivery() as delivery:
                    complete.append(delivery)
                case Waiting() as wait:
                    waiting[each.key] = wait
                case None:
                    pass
        marker = shared_marker(seen.values(), waiting) if complete else None
        if marker is not None:
            complete[-1] = replace(complete[-1], files=(*complete[-1].files, marker.as_sealed()))
        dues = [wait.due for wait in waiting.values() if wait.due is not None]
        hidden = len(strangers) - _MOST_STRANGERS
        if hidden > 0:
            strangers[_MOST_STRANGERS:] = [f"{hidden} more files are not recognised either."]
        return View(tuple(complete), tuple(waiting.values()), tuple(strangers), min(dues, default=None))

    def _sightings(self, strangers: list[str]) -> Iterator[Sighting]:
        for folder in self.folders:
            top = folder == self.model.drop
            try:
                entries = os.scandir(folder)
            except FileNotFoundError:
                if top:
                    raise
                continue
            with entries:
                for entry in entries:
                    if self._ignore.match(canonical(entry.name)) or (top and entry.name in _OWN_NAMES):
                        continue
                    sighting = self._sighting(entry, "" if top else folder.name, strangers)
                    if sighting is not None:
                        yield sighting

    def _sighting(self, entry: os.DirEntry[str], folder: str, strangers: list[str]) -> Sighting | None:
        name = f"{folder}/{entry.name}" if folder else entry.name
        if entry.is_dir(follow_symlinks=False):
            return None
        role_and_key = self._recognise(entry.name, folder)
        try:
            status = entry.stat(follow_symlinks=False)
        except FileNotFoundError:
            return None
        if not stat.S_ISREG(status.st_mode):
            strangers.append(f"{display(name)} is not an ordinary file (links and devices are not followed).")
            return None
        if role_and_key is None:
            strangers.append(f"{display(name)} is left alone: its name is none that this folder expects.")
            return None
        if not _is_utf8(entry.name):
            strangers.append(f"{display(name)} is left alone: its name is not UTF-8. Please rename it.")
            return None
        role, key = role_and_key
        signature = signature_of(status)
        before = self._seen.get(name)
        since = before.since if before and before.signature == signature else self._clock.elapsed()
        return Sighting(name, role, key, signature, since, doubted=name in self._doubted)

    def _recognise(self, name: str, folder: str) -> tuple[Role, str] | None:
        for role, pattern in ((Role.TRAIN, self._train), (Role.EVAL, self._eval)):
            if pattern and canonical(pattern.folder) == canonical(folder):
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
        if self.model.ready == "manifest" and plain.endswith("manifest.json"):
            return Role.MANIFEST, plain.removesuffix("manifest.json").removesuffix(".")
        return None

    # Manifests

    def _claims(self, each: Group) -> Claims:
        """Compare a group's files with its manifest, as far as is known now."""
        if len(each.manifests) > 1:
            return Claims(False, ("There are two manifests for this delivery. Please remove one.",))
        shown = display(each.manifests[0].name)
        try:
            with open_regular(self.model.drop / each.manifests[0].name) as file:
                text = file.read(_LARGEST_MANIFEST + 1) or b""
            manifest = _Manifest.model_validate_json(text[: _LARGEST_MANIFEST + 1])
        except FileNotFoundError:
            return Claims(False, (f"{shown} has just vanished.",))
        except ValidationError as error:
            first = error.errors()[0]
            where = ".".join(str(part) for part in first["loc"]) or "the text"
            return Claims(False, (f"{shown} is not a complete manifest yet: {where}: {first['msg']}.",))
        return self._compare(each, shown, manifest)

    def _compare(self, each: Group, shown: str, manifest: _Manifest) -> Claims:
        claimed = {canonical(file.name): file for file in manifest.files}
        present = {canonical(seen.name): seen for seen in each.data}
        reasons = [
            f"{shown} names {file.name}, which is not there."
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
            found = self._hash(seen)
            if found is None:
                reasons.append(f"{what} is being compared with {shown}.")
            elif found != file.sha256.lower():
                reasons.append(
                    f"The content of {what} is not what {shown} says (SHA-256 {found[:12]}… instead of "
                    f"{file.sha256[:12].lower()}…). It may still be arriving; if not, please deliver it again."
                )
        return Claims(not reasons, tuple(sorted(reasons)))

    def _hash(self, seen: Sighting) -> str | None:
        known = self._hashes.get((seen.name, seen.signature))
        if known is None:
            known = self._hashing.submit(sha256_of, self.model.drop / seen.name)
            self._hashes[(seen.name, seen.signature)] = known
            known.add_done_callback(lambda future: None if future.cancelled() else self._hint())
        if not known.done() or known.cancelled():
            return None
        if isinstance(known.exception(), OSError):
            # Gone or unreadable between the look and the read: the next look starts over.
            del self._hashes[(seen.name, seen.signature)]
            return None
        return known.result()


def _is_utf8(name: str) -> bool:
    return not any("\udc80" <= char <= "\udcff" for char in name)
