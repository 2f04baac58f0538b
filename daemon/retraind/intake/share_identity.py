"""Whether a configured folder is the one that is known: an unmounted share leaves an empty folder behind.

Each folder gets a marker with a random id, and the state folder remembers it. A folder without its marker is
not touched. A folder that was never used before gets its marker at its first use, unless the system says that
something should be mounted there and nothing is.

The folder for work in a drop folder must be the service's alone as well: whoever can write to the share can
put a folder of their own in its place.
"""

import contextlib
import hashlib
import os
import secrets
import stat
import threading
from collections.abc import Container, Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple, Self

from pydantic import BaseModel, ConfigDict, ValidationError

from retraind.config.settings import WORK
from retraind.domain.failures import Retry
from retraind.domain.problems import Problem, file_problem, problem
from retraind.system import log
from retraind.system.declared_mounts import missing_mount
from retraind.system.files import (
    PRIVATE,
    exists,
    file_system_id,
    held,
    held_or_made,
    make_folder,
    owner_of_new_file,
    write_atomically,
)
from retraind.system.files import status as status_at
from retraind.system.mounts import makes_rights_up, present_mounts
from retraind.system.reading import open_regular, read_start
from retraind.system.remote.early import Ahead
from retraind.system.remote.errors import NoAnswer
from retraind.system.remote.verbs import ahead as ahead_of

_LOG = log.get(__name__)

MARKER = ".retraind-id"
"""The marker's name in the folder. Not a secret: it identifies folders and protects nothing from people."""
_PROBE = ".retraind-owner"
"""The name of a file that is made to find out who owns the files that retraind makes."""
_OTHERS_WRITE = stat.S_IWGRP | stat.S_IWOTH
_LONGEST = 64
"""Bytes of a marker."""
_ASKS_MARKER = ahead_of(read_start, MARKER, size=_LONGEST)
_ASKS_WORK = ahead_of(status_at, WORK)
_EXPLANATION = b"\nretraind knows this folder by this file. Please leave it here.\n"


@dataclass
class Away(Retry):
    """The folder is not the one that is known; its share is probably not mounted."""


@dataclass
class Exposed(Retry):
    """The folder for work, or a job's folder in it, is not the service's alone."""


class _Identity(NamedTuple):
    """What distinguishes a folder whose marker was merely deleted from another folder in its place."""

    device: int
    inode: int
    file_system: int
    """The file system's own id; 0 where it has none, and then nothing is known."""


class _Known(BaseModel):
    model_config = ConfigDict(frozen=True, extra="ignore")
    folder: str
    id: str
    identity: _Identity
    left: bool = False
    """Whether the folder says that its model is no longer in the configuration."""
    language: str | None = None
    """That of its readers, where it is not that of all folders."""


class Left(NamedTuple):
    """A drop folder whose model is no longer in the configuration."""

    folder: Path
    language: str | None


class Memory:
    """What is known of each folder, in a file for each use."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def recall(self, name: str) -> _Known | None:
        """Return what is known of a use. Raises OSError."""
        try:
            with open_regular(self.file(name)) as file:
                return _Known.model_validate_json(file.read())
        except (FileNotFoundError, ValidationError):
            return None

    def keep(self, name: str, known: _Known) -> None:
        """Remember it. Raises OSError."""
        make_folder(self.folder, PRIVATE)
        write_atomically(self.file(name), known.model_dump_json().encode(), 0o600)

    def file(self, name: str) -> Path:
        """Return where it is remembered."""
        return self.folder / f"{name}.json"

    def models(self) -> list[str]:
        """Return the models whose drop folders are known. Raises OSError."""
        names = (file.stem for file in self.folder.iterdir() if file.suffix == ".json")
        # The others are folders for filing, and earlier ones.
        return sorted(name for name in names if "." not in name and "@" not in name)

    def left_behind(self, models: Container[str]) -> dict[str, Left]:
        """Return the drop folders of models other than these that do not say yet that nobody watches them."""
        found: dict[str, Left] = {}
        with contextlib.suppress(OSError):
            for name in self.models():
                known = self.recall(name) if name not in models else None
                if known is not None and not known.left:
                    found[name] = Left(Path(known.folder), known.language)
        return found


class Shares:
    """The folders that are known, by a name for each use. Safe to use from several threads."""

    def __init__(self, memory: Path) -> None:
        """Remember in the folder `memory`."""
        self.memory = Memory(memory)
        self._lock = threading.Lock()
        self._meetings: dict[str, threading.Lock] = {}
        """By folder, since its share may hang."""
        self._known: dict[str, _Known] = {}
        self._warned: set[Path] = set()
        """The drop folders of which it was logged that their permissions are made up."""

    @classmethod
    def beside(cls, journal: Path) -> Self:
        """Remember in a folder beside `journal`."""
        return cls(journal.with_name("shares"))

    @contextlib.contextmanager
    def held(
        self, name: str, folder: Path, *, claim: bool = True, ahead: Sequence[Ahead] = ()
    ) -> Iterator[Path]:
        """Pin `folder` (see `files.held`) once it has proved to be the one known as `name`.

        Raises Away when it is not, and OSError. A folder that was never used gets a marker, or without
        `claim` is accepted as it is: for commands that only read. `ahead` is as for `files.held`.
        """
        with held(folder, ahead=(_ASKS_MARKER, *ahead)) as path:
            self._check(name, folder, path, claim=claim)
            yield path

    @contextlib.contextmanager
    def drop(
        self, name: str, folder: Path, *, claim: bool = True, ahead: Sequence[Ahead] = ()
    ) -> Iterator[Path]:
        """Pin a drop folder like `held`, once its folder for work, if any, is the service's alone.

        Raises Exposed as well.
        """
        with self.held(name, folder, claim=claim, ahead=(_ASKS_WORK, *ahead)) as drop:
            self._guard_work(folder, drop, read_only=not claim)
            yield drop

    def _guard_work(self, folder: Path, drop: Path, *, read_only: bool) -> None:
        try:
            status = status_at(drop / WORK)
        except (FileNotFoundError, NotADirectoryError):
            return
        if stat.S_ISDIR(status.st_mode):
            self._refuse_exposed(status, folder / WORK, folder, drop, read_only=read_only)

    def exposure(self, folder: Path, drop: Path) -> Problem | None:
        """Return why a drop folder's folder for work would not be used; None where it would, or is missing.

        Writes nothing.
        """
        try:
            self._guard_work(folder, drop, read_only=True)
        except Exposed as exposed:
            return exposed.problem
        return None

    @contextlib.contextmanager
    def work(self, folder: Path, drop: Path) -> Iterator[Path]:
        """Pin the folder for work in the drop folder `folder`, pinned as `drop`; it is made if missing.

        Raises Exposed when it is not the service's alone, and OSError.
        """
        with held_or_made(drop, WORK, PRIVATE) as work:
            self.guard(work, folder / WORK, folder, drop)
            yield work

    def guard(self, inside: Path, plain: Path, folder: Path, drop: Path) -> None:
        """Raise Exposed when a folder, pinned as `inside`, belongs to another user or others can write to it.

        A job's folder has the permissions that it needs once it is filed; in the folder for work nobody can
        reach it. Where the mount makes permissions up, nothing is known, and a warning is logged.
        """
        self._refuse_exposed(status_at(inside, follow=True), plain, folder, drop, read_only=False)

    def _refuse_exposed(
        self, status: os.stat_result, plain: Path, folder: Path, drop: Path, *, read_only: bool
    ) -> None:
        foreign = status.st_uid not in _own_users(self.memory.folder)
        open_to_others = plain.name == WORK and bool(status.st_mode & _OTHERS_WRITE)
        if not foreign and not open_to_others:
            return
        if kind := makes_rights_up(folder, present_mounts()):
            if folder not in self._warned and not read_only:
                self._warned.add(folder)
                _LOG.warning("rights_made_up", folder=str(folder), file_system=kind)
            return
        if foreign and status.st_uid != _owner_of_own(drop, read_only=read_only):
            raise Exposed(problem("folder_of_another_user", path=plain, user=status.st_uid))
        if open_to_others:
            raise Exposed(problem("folder_writable_by_others", path=plain))

    def is_own(self, status: os.stat_result) -> bool:
        """Return whether something belongs to the service's user, or to this one."""
        return status.st_uid in _own_users(self.memory.folder) - {0} or status.st_uid == os.geteuid()

    @contextlib.contextmanager
    def held_earlier(self, names: Iterable[str], folder: Path) -> Iterator[Path]:
        """Pin a folder that had one of these uses earlier, once it is known to be the same as then.

        Raises Away when it is not, and OSError. One of which nothing is known any more is accepted as it is.
        """
        with held(folder) as path:
            marker = _read(path)
            for name in names:
                known = self.memory.recall(_earlier(name, folder)) or self.memory.recall(name)
                if known is None or known.folder != str(folder):
                    continue
                if known.id != marker and known.identity != _identity(path):
                    raise Away(problem("earlier_folder_replaced", path=folder))
            yield path

    def trouble(self, name: str, folder: Path) -> Problem | None:
        """Return why `folder` would be refused; None when it would not. Writes nothing. Raises NoAnswer."""
        return _refusal(self.held(name, folder, claim=False), folder)

    def trouble_of_drop(self, name: str, folder: Path) -> Problem | None:
        """Return the same of a drop folder and its folder for work."""
        return _refusal(self.drop(name, folder, claim=False), folder)

    def before(self, name: str, folder: Path) -> Path | None:
        """Return the folder that is known as `name`, if that is another one than `folder`."""
        try:
            known = self.memory.recall(name)
        except OSError:
            return None  # Whatever uses the folder reports it.
        if known is None or known.folder == str(folder):
            if known is not None and not known.left:
                with self._lock:
                    self._known.setdefault(name, known)  # So that the first use reads it no second time.
            return None
        return Path(known.folder)

    def note_language(self, name: str, language: str | None) -> None:
        """Note in which language of its own, if any, people read what is in a drop folder just used."""
        with self._lock, contextlib.suppress(OSError):  # Then the next one notes it.
            known = self._known.get(name)
            if known is not None and known.language != language:
                self._known[name] = known = known.model_copy(update={"language": language})
                self.memory.keep(name, known)

    def leave(self, name: str) -> None:
        """Note that a drop folder says that its model is no longer in the configuration."""
        with contextlib.suppress(OSError):  # Then the next start says it again.
            if (known := self.memory.recall(name)) is not None:
                self.memory.keep(name, known.model_copy(update={"left": True}))
        with self._lock:
            self._known.pop(name, None)

    def knows(self, name: str, folder: Path) -> bool:
        """Return whether `folder` was in use as `name` before. No share is asked."""
        try:
            known = self.memory.recall(name)
        except OSError:
            return False  # Whatever uses the folder reports it.
        return known is not None and known.folder == str(folder)

    def forget(self, name: str) -> bool:
        """Accept the folder that is there next as the one called `name`; returns whether one was known."""
        with self._lock:
            self._known.pop(name, None)
            try:
                self.memory.file(name).unlink()
            except FileNotFoundError:
                return False
            return True

    def _check(self, name: str, folder: Path, path: Path, *, claim: bool) -> None:
        marker = _read(path)
        with self._lock:
            known = self._known.get(name)
        if known is not None and known.id == marker and known.folder == str(folder):
            return
        # Perhaps a person has accepted another folder meanwhile.
        known = self.memory.recall(name)
        if known is None or known.folder != str(folder):
            if marker is None and (point := missing_mount(folder)):
                # The empty folder under a share must not become the one that is known.
                raise Away(problem("folder_not_mounted", path=folder, point=point))
            if claim:
                # Two jobs may be the first to be filed, and only one marker can be the right one.
                with self._meetings.setdefault(str(folder), threading.Lock()):
                    self._get_to_know(name, folder, path)
        elif known.id == marker:
            if known.left and claim:
                known = known.model_copy(update={"left": False})
                self.memory.keep(name, known)
            with self._lock:
                self._known[name] = known
        elif marker is None and known.identity.file_system and known.identity == _identity(path):
            if claim:
                with self._meetings.setdefault(str(folder), threading.Lock()):
                    # It may be that of another job, which has become known since this one saw none.
                    if _read(path) is None:
                        _LOG.warning("marker_replaced", folder=str(folder))
                        _write(path, known.id)
        else:
            model = name.partition(".")[0]
            raise Away(
                problem("folder_replaced", path=folder, model=model)
                if marker
                else problem("folder_marker_missing", path=folder, marker=MARKER, model=model)
            )

    def _get_to_know(self, name: str, folder: Path, path: Path) -> None:
        known = self.memory.recall(name)
        if known is not None and known.folder == str(folder):
            self._check(name, folder, path, claim=False)
            return
        marker = _read(path)
        if marker is None:
            marker = secrets.token_hex(16)
            _write(path, marker)
        if known is not None:
            # Jobs that were filed there may be retried.
            self.memory.keep(_earlier(name, Path(known.folder)), known)
        known = _Known(folder=str(folder), id=marker, identity=_identity(path))
        self.memory.keep(name, known)
        with self._lock:
            self._known[name] = known
        _LOG.info("folder_known", name=name, folder=str(folder))


def _own_users(memory: Path) -> frozenset[int]:
    """Return the ids of trusted users: root, this one, and the service's if a person runs a command."""
    users = {0, os.geteuid()}
    with contextlib.suppress(FileNotFoundError):
        users.add(memory.stat().st_uid)
    return frozenset(users)


def _owner_of_own(drop: Path, *, read_only: bool) -> int:
    """Return who owns the files that retraind makes in `drop`: NFS servers may map user ids."""
    if read_only:
        return status_at(drop / MARKER).st_uid if exists(drop / MARKER) else os.geteuid()
    return owner_of_new_file(drop / f"{_PROBE}-{secrets.token_hex(4)}.tmp")


def _earlier(name: str, folder: Path) -> str:
    """Return the name under which a folder is known that had a use earlier."""
    return f"{name}@{hashlib.sha256(os.fsencode(folder)).hexdigest()[:16]}"


def _read(path: Path) -> str | None:
    """Return the id in a folder's marker, None where there is none."""
    try:
        marker = read_start(path / MARKER, _LONGEST)
    except FileNotFoundError:
        return None
    return marker.partition(b"\n")[0].decode("ascii", "replace") or None


def _write(path: Path, marker: str) -> None:
    write_atomically(path / MARKER, marker.encode() + _EXPLANATION)


def _identity(path: Path) -> _Identity:
    status = status_at(path, follow=True)
    return _Identity(status.st_dev, status.st_ino, file_system_id(path))


def _refusal(holding: contextlib.AbstractContextManager[Path], folder: Path) -> Problem | None:
    try:
        with holding:
            return None
    except (Away, Exposed) as refused:
        return refused.problem
    except NoAnswer:
        raise
    except OSError as error:
        return file_problem(error, folder)
