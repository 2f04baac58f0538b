"""One model's drop folder: scans of it, each of which knows what the last one saw.

A scan lists the folder and opens nothing but manifests. Files are judged by how long they stayed the same on
the daemon's own clock, never by their own times: copies carry old or future ones.
"""

import errno
import math
import os
import threading
import zlib
from collections.abc import Callable, Collection, Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from functools import partial
from pathlib import Path
from typing import NamedTuple, Protocol, Self

from retraind.config.settings import ModelSettings
from retraind.domain.job import Role
from retraind.domain.names import out_of_order
from retraind.domain.problems import Problem, file_problem, problem
from retraind.domain.sightings import Remembered
from retraind.intake.copies import without_copies
from retraind.intake.inode_numbers import InodeNumbers, without_lasting_numbers
from retraind.intake.listing import ASKS_FIRST, MOST_ENTRIES, MOST_FILES, Downloads, Listing, Names, Strangers
from retraind.intake.manifests.claims import Manifests
from retraind.intake.manifests.hashing import Hashing
from retraind.intake.near_keys import with_hints
from retraind.intake.pairing import (
    Delivery,
    Sighting,
    Waiting,
    group,
    judge,
    shared_marker,
)
from retraind.intake.pieces import without_pieces
from retraind.intake.rights import unreadable
from retraind.intake.settling import Known, Rest
from retraind.intake.share_identity import Away, Exposed
from retraind.system.clock import Clock
from retraind.system.files import held
from retraind.system.reading import forbidden_among
from retraind.system.remote.errors import NoAnswer

_EPOCH = datetime.fromtimestamp(0, UTC)
_LONGEST_REST = 300.0
"""Seconds after which a folder is scanned though nothing in it seems to have changed."""
_MOST_COPIES = 20
"""Copies that are listed one by one."""
_TOO_MANY = problem("too_many_files", files=MOST_FILES, names=MOST_ENTRIES)


@dataclass(frozen=True)
class View:
    """What a scan saw."""

    complete: tuple[Delivery, ...] = ()
    """To be sealed now, oldest key first."""
    waiting: tuple[Waiting, ...] = ()
    strangers: tuple[Problem, ...] = ()
    """What is left alone, and what limits the scan; at most a screenful."""
    due: float | None = None
    """When time alone may make something complete (`Clock.elapsed` seconds)."""
    trouble: Problem | None = None
    """Why nothing can be taken from the folder."""
    away: bool = False
    """True when the folder is not the one that is known, or does not answer: nothing may be written there."""
    silent: bool = False
    """True when its share does not answer."""

    def without(self, owned: Collection[str]) -> Self:
        """Return the same without deliveries of which a job owns every file that is there."""
        if not owned:
            return self
        complete = (each for each in self.complete if any(file.name not in owned for file in each.files))
        waiting = (
            each
            for each in self.waiting
            if not each.files or any(file.name not in owned for file in each.files)
        )
        return replace(self, complete=tuple(complete), waiting=tuple(waiting))


class Memory(Protocol):
    """What outlives the process: the order in which files arrived in a folder, and which were taken in.

    All raise SQLAlchemyError.
    """

    def recall(self) -> Mapping[str, Remembered]:
        """Return what was noted, by name."""

    def note(self, fresh: Sequence[Remembered], gone: Collection[str]) -> None:
        """Note files that are new or changed, and forget the names that are gone."""

    def was_delivered(self, name: str) -> bool:
        """Return whether a file of this name was taken in from the folder before."""


class Seen(NamedTuple):
    """What a glance has shown of a folder at rest."""

    rest: Rest
    found: Sequence[os.stat_result]

    def of(self, rest: Rest) -> Sequence[os.stat_result] | None:
        """Return it unless the folder has another rest by now."""
        return self.found if self.rest is rest else None


class _Left(NamedTuple):
    """What a scan left alone, and what limits it."""

    strangers: Strangers
    cut: bool
    numbered: bool
    """Whether inode numbers are stable."""

    def told(self) -> tuple[Problem, ...]:
        """Return what to tell people."""
        told = self.strangers.told()
        told = (_TOO_MANY, *told) if self.cut else told  # What was not read may have arrived.
        return told if self.numbered else (problem("inode_numbers_change"), *told)


class DropFolder:
    """The drop folder of one model, and what the last scan saw in it. Scans are serialised."""

    def __init__(
        self,
        model: ModelSettings,
        ignore: tuple[str, ...],
        clock: Clock,
        hashing: Hashing | None,
        hint: Callable[[], None],
        *,
        hold: Callable[[], AbstractContextManager[Path]] | None = None,
        largest: int | None = None,
        remote: bool = True,
        memory: Memory | None = None,
    ) -> None:
        """`hashing` computes SHA-256 for manifests in the background; `hint` is called when one is known.

        `hashing` is None where that is left to another process. `hold` pins the drop folder (see
        `files.held`) and may raise Away or Exposed; `largest` is the most bytes that a file may have;
        `remote` is as for `Rest`; `memory` knows what was delivered before and, where markers count, which of
        two files arrived first: that cannot be seen after a restart.
        """
        self.model = model
        self._hold = hold or partial(held, model.drop, ahead=ASKS_FIRST)
        self._largest = largest
        self._clock = clock
        self._names = Names(model, ignore)
        self._seen: dict[str, Sighting] = {}
        """By name, in order."""
        self._memory = memory if model.ready == "marker" else None
        self._deliveries = memory
        self._noted: dict[str, Remembered] | None = None
        """What the memory has; None before the first scan."""
        self._number = 0
        """Counts the scans that found something changed, from where the memory ends."""
        self._unnoted = False
        """True while the memory lacks something that was seen."""
        self._view = View()
        self._left: _Left | None = None
        """What the last view reports, beside deliveries and copies."""
        self._lasts = -math.inf
        """Until when the view stays valid for these files (`Clock.elapsed` seconds)."""
        self._known: Mapping[str, Known] = {}
        """By the names of the folders that were read; "" is the drop folder itself."""
        self.rest: Rest | None = None
        """What a sweep compares, to find out whether the folder has changed; None where it scans."""
        self._remote = remote
        # Not all folders at the same time.
        self._longest_rest = _LONGEST_REST * (0.8 + zlib.crc32(os.fsencode(model.drop)) % 100 / 500)
        self._downloads = Downloads(model.pair_timeout)
        self._doubted: set[str] = set()
        self._numbers = InodeNumbers(model.drop)
        self._manifests = Manifests(model.drop, hashing, hint, largest)
        self._denied = False
        """True when a file cannot be read, which can be fixed without a visible change."""
        self._lock = threading.Lock()

    @property
    def folders(self) -> tuple[Path, ...]:
        """The folders in which files may appear."""
        return (self.model.drop, *(self.model.drop / folder for folder in sorted(self._names.below.values())))

    @property
    def root(self) -> Known | None:
        """What the last scan that could read the drop folder knows of the names in it."""
        return self._known.get("")

    def distrust(self, names: set[str]) -> None:
        """Let files settle that changed while they were taken in, whatever vouches for them.

        They settle from now on: a network share may still show them as they were at first.
        """
        with self._lock:
            self._doubted |= names
            now = self._clock.elapsed()
            for name in names & self._seen.keys():
                self._seen[name] = self._seen[name]._replace(since=now)
            self._lasts, self.rest = -math.inf, None

    def is_unchanged(self, now: float | None = None, seen: Seen | None = None) -> bool:
        """Return whether a scan would find what the last one found, so that a sweep may skip the folder.

        Every few minutes a scan is due even so: network shares report changes late, and some never. `now`
        spares a sweep of ten thousand folders as many calls of the clock, and `seen` as many of a helper.
        """
        rest = self.rest
        if rest is None or (self._clock.elapsed() if now is None else now) >= rest.until:
            return False
        if rest.lasts():
            return True
        if not self._lock.acquire(blocking=False):
            return False  # A scan is running.
        try:
            if self.rest is not rest or not rest.compare(self._clock, seen.of(rest) if seen else None):
                return False
            self._known = rest.known
            return True
        finally:
            self._lock.release()

    def look(self) -> View:
        """Scan the folder now. Never raises for what it finds there; trouble is part of the view."""
        began = self._clock.elapsed()
        with self._lock:
            self.rest = None
            try:
                with self._hold() as drop:
                    return self._look(drop, began)
            except Away as away:
                return View(trouble=away.problem, away=True)
            except Exposed as exposed:
                return View(trouble=exposed.problem)
            except OSError as error:
                silent = isinstance(error, NoAnswer)
                named = not silent and isinstance(error.filename, str)
                path = error.filename if named else str(self.model.drop)
                trouble = problem("folder_unreadable", why=file_problem(error, path))
                return View(trouble=trouble, away=silent, silent=silent)

    def _look(self, drop: Path, began: float) -> View:
        listing = Listing(self._names, self._seen)
        listing.read(drop)
        # One moment for all, after the last of them was read: none is taken to be older than it is.
        now = self._clock.elapsed()
        listing.new = self._numbers.mind(listing.new, self._seen)
        left = _Left(listing.strangers, listing.cut, self._numbers.are_stable)
        changed = bool(listing.new) or len(listing.same) < len(self._seen)
        first = self._noted is None
        if self._noted is None:
            self._noted = dict(self._memory.recall()) if self._memory else {}
            self._number = max((max(kept.look, kept.came) for kept in self._noted.values()), default=0)
        if changed:
            self._lasts = -math.inf  # Even if the memory fails now: the view is not of these files.
            self._number += 1
            self._seen = self._sightings(listing, now, self._noted if first else {}, first=first)
        if changed or first or self._unnoted:
            self._note(self._noted, steady=not changed)
        changed = self._downloads.see(listing.controls, now) or changed
        if changed or now >= self._lasts or left != self._left:
            self._view = self._judge(drop, now, left.told(), listing.elsewhere, cut=listing.cut)
            self._left = left
            self._lasts = self._lasting(self._view, now)
        self._known = {
            folder: Known.of(page, self._known.get(folder), began, now)
            for folder, page in listing.pages.items()
        }
        if now < self._lasts and not listing.may_recover:
            until = min(self._lasts, now + self._longest_rest)
            self.rest = Rest(
                self.model.drop,
                self._known,
                self._seen.values(),
                until,
                remote=self._remote,
                ignored=self._names.is_ignored,
            )
        return self._view

    def _sightings(
        self, listing: Listing, now: float, kept: Mapping[str, Remembered], *, first: bool
    ) -> dict[str, Sighting]:
        """Return what is there now; `kept` is what the memory knows of it.

        In the first scan of a process the file system's times prove nothing: much may have happened since the
        last one.
        """
        seen = {known.name: known for known in listing.same}
        for name, role, key, signature, changed_ns, covers, names in listing.new:
            before = self._seen.get(name)
            since = before.since if before and before.signature == signature else now
            known = before or kept.get(name)
            look = known.look if known and known.signature == signature else self._number
            came = known.came if known else self._number
            seen[name] = Sighting(
                name, role, key, signature, since,
                look=look, came=came, changed_ns=None if first else changed_ns,
                covers=covers, arrived_ns=changed_ns, names=names,
            )  # fmt: skip
        return dict(sorted(seen.items()))

    def _note(self, noted: dict[str, Remembered], *, steady: bool) -> None:
        """Let the memory know which file arrived when, before anything is decided by it.

        A file that grows is noted when it arrives, when a marker does, and once a scan finds it as the one
        before did: not with each of a thousand writes.
        """
        if self._memory is None:
            return
        self._unnoted = True  # until that is done
        marked = any(seen.role is Role.MARKER and seen.look == self._number for seen in self._seen.values())
        fresh, left = [], False
        for name, seen in self._seen.items():
            known, now = noted.get(name), Remembered(name, seen.signature, seen.look, seen.came)
            if known == now:
                continue
            if known is None or marked or steady or seen.look < self._number:
                fresh.append(now)
            else:
                left = True
        gone = noted.keys() - self._seen.keys()
        if fresh or gone:
            self._memory.note(fresh, gone)
            for name in gone:
                del noted[name]
            noted.update({each.name: each for each in fresh})
        self._unnoted = left

    def _judge(
        self,
        drop: Path,
        now: float,
        strangers: tuple[Problem, ...],
        elsewhere: frozenset[str],
        *,
        cut: bool,
    ) -> View:
        self._doubted &= self._seen.keys()
        if not (self._seen or self._downloads or self.model.ready == "manifest"):
            self._denied = False
            return View(strangers=strangers)
        seen = [
            sighting
            if sighting.doubted == (name in self._doubted)
            else sighting._replace(doubted=name in self._doubted)
            for name, sighting in self._seen.items()
        ]
        seen, copies = without_copies(seen, self._was_delivered)
        strangers += _told(copies)
        self._manifests.begin(seen, now, self.model.settle.total_seconds())
        data: dict[str, tuple[Sighting, ...]] = {}
        complete: list[Delivery] = []
        waiting: dict[str, Waiting] = {}
        whole, pieces = without_pieces(seen, self.model, self._downloads.without_their_names(self._seen))
        downloads, by_manifest = self._downloads.under_way(), self.model.ready == "manifest"
        for each in group(whole):
            claims = self._manifests.of(drop, each) if by_manifest and each.manifests else None
            match judge(each, self.model, now, claims, self._largest, downloads=downloads):
                case Delivery() as delivery if why := self._held_back(delivery, elsewhere, cut=cut):
                    waiting[each.key] = Waiting(each.key, each.data, why, None)
                case Delivery() as delivery:
                    complete.append(delivery)
                    data[each.key] = each.data
                case Waiting() as wait:
                    waiting[each.key] = wait
        denied = _denied(drop, complete)
        self._denied = bool(denied)
        for delivery in complete if denied else ():
            if why := tuple(denied[file.name] for file in delivery.files if file.name in denied):
                waiting[delivery.key] = Waiting(delivery.key, data[delivery.key], why, None)
        taken = self._as_they_arrived([each for each in complete if each.key not in waiting])
        complete = without_lasting_numbers(self.model.drop, taken)
        marker = shared_marker(seen, waiting) if complete else None
        if marker is not None:
            complete[-1] = replace(complete[-1], files=(*complete[-1].files, marker.as_sealed()))
        for sums in self._manifests.used_up(drop, complete) if by_manifest else ():
            complete[-1] = replace(complete[-1], files=(*complete[-1].files, sums.as_sealed()))
        dues = [wait.due for wait in waiting.values() if wait.due is not None]
        waits = with_hints([*waiting.values()], self.model)
        return View(tuple(complete), (*waits, *pieces), strangers, min(dues, default=None))

    def _as_they_arrived(self, complete: list[Delivery]) -> list[Delivery]:
        """Sort deliveries that were found at the same time; they are in the order of their keys.

        Where keys say nothing about time, the file system's times show which arrived first.
        """
        arrivals = []
        for each in complete:
            changes = [self._seen[file.name].arrived_ns for file in each.files if file.name in self._seen]
            moment = _EPOCH + timedelta(microseconds=max(changes, default=0) // 1_000)
            arrivals.append((each.key, moment, each))
        if out_of_order(arrivals, together=timedelta.max) is None:
            return complete
        return [each for _, _, each in sorted(arrivals, key=lambda arrival: arrival[1])]

    def _was_delivered(self, name: str) -> bool:
        return self._deliveries is not None and self._deliveries.was_delivered(name)

    def _lasting(self, view: View, now: float) -> float:
        """Return until when the same files make the same view; `now` where that is not known."""
        if view.complete or self._denied or self._unnoted:
            return now
        settle = self.model.settle.total_seconds()
        if any(now < seen.since + settle or seen.role is Role.MANIFEST for seen in self._seen.values()):
            # Manifests are compared with files in the background, and what is said of a file changes as it
            # settles.
            return now
        return math.inf if view.due is None else view.due

    def _held_back(self, delivery: Delivery, elsewhere: frozenset[str], *, cut: bool) -> tuple[Problem, ...]:
        """Return why a complete delivery is not taken in now; nothing where it is."""
        if away := _from_elsewhere(delivery, elsewhere):
            return away
        roles = {file.role for file in delivery.files}
        timed_out = delivery.problem is not None or not roles >= self._names.patterns.keys()
        return (_TOO_MANY,) if cut and timed_out else ()


def _told(copies: Sequence[tuple[str, Problem]]) -> tuple[Problem, ...]:
    """Return what is reported of copies that are left alone: names, each with the reason."""
    told = tuple(problem("left_alone", file=name, why=why) for name, why in copies[:_MOST_COPIES])
    more = len(copies) - _MOST_COPIES
    return (*told, problem("more_left_alone", more=more)) if more > 0 else told


def _from_elsewhere(delivery: Delivery, elsewhere: frozenset[str]) -> tuple[Problem, ...]:
    """Return from which folders a delivery cannot be sealed, since they are file systems of their own."""
    folders = {file.name.rpartition("/")[0] for file in delivery.files} & elsewhere
    return tuple(problem("arrival_folder_mounted", folder=folder) for folder in sorted(folders))


def _denied(drop: Path, deliveries: Sequence[Delivery]) -> Mapping[str, Problem]:
    """Return which files cannot be read, by name, before they are taken in, so that people can help."""
    by_folder: dict[str, list[str]] = {}
    for delivery in deliveries:
        for file in delivery.files:
            folder, _, name = file.name.rpartition("/")
            by_folder.setdefault(folder, []).append(name)
    found = {}
    for folder, names in by_folder.items():
        prefix = f"{folder}/" if folder else ""
        try:
            with held(drop, *([folder] if folder else [])) as place:
                forbidden = forbidden_among(place, tuple(names))
        except NoAnswer:
            raise
        except OSError:
            # It is changing at this moment. Whether they can be taken in turns out when they are.
            continue
        for name in forbidden:
            error = PermissionError(errno.EACCES, os.strerror(errno.EACCES), str(drop / prefix / name))
            found[prefix + name] = unreadable(drop, prefix + name, error)
    return found
