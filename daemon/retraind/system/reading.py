"""Reading files and listing folders, on local disks and through helper processes."""

import contextlib
import hashlib
import io
import itertools
import os
import stat
from collections.abc import Callable, Iterable, Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, BinaryIO, NamedTuple, Protocol, cast

from retraind.system.mounts import TABLE
from retraind.system.remote import wire
from retraind.system.remote.early import Ahead
from retraind.system.remote.errors import Refused
from retraind.system.remote.helper import Helper
from retraind.system.remote.stream import Stream
from retraind.system.remote.verbs import asked_for, is_far, verb, where

if TYPE_CHECKING:
    from typing_extensions import Buffer

READ_SIZE = 1 << 20
"""Bytes per read when whole files are streamed."""
_TO_READ = os.O_RDONLY | os.O_NOFOLLOW | os.O_CLOEXEC | os.O_NONBLOCK
TO_LIST = os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC
"""How a folder is opened for its names, or only to have a network's client ask for what is new."""
_FILE, _FOLDER = 1, 2
"""The bytes by which a helper says what a name is of."""
_FEW = 64
"""Names in a folder up to which the status of each file comes with them."""


@contextlib.contextmanager
def naming(path: Path) -> Iterator[None]:
    """Let an OSError that names no file, such as that of an open one, name `path`."""
    try:
        yield
    except OSError as error:
        if error.filename is None:
            error.filename = str(path)
        raise


class _PausingFile(io.FileIO):
    """A file whose reads can be aborted from outside."""

    def __init__(self, handle: int, path: Path, pause: Callable[[], None]) -> None:
        super().__init__(handle, "rb")
        self._path = path
        self._pause = pause

    def read(self, size: int | None = -1, /) -> bytes:
        self._pause()
        with naming(self._path):
            return super().read(size) or b""

    def readinto(self, buffer: "Buffer", /) -> int:
        self._pause()
        with naming(self._path):
            return super().readinto(buffer) or 0


class _FarFile(io.RawIOBase):
    """A file that a helper process has open. Its bytes are read ahead."""

    def __init__(self, helper: Helper, handle: int, path: Path, pause: Callable[[], None]) -> None:
        super().__init__()
        self.helper = helper
        self.handle = handle
        self._path = path
        self._pause = pause
        self._at = 0
        self._stream: Stream | None = None

    def readable(self) -> bool:
        return True

    def seekable(self) -> bool:
        return True

    def read(self, size: int | None = -1, /) -> bytes:
        if size is None or size < 0:
            return b"".join(iter(lambda: self.read(READ_SIZE), b""))
        self._pause()
        with naming(self._path), asked_for(self._path):
            if self._stream is None:
                self._stream = Stream(self.helper, self.handle, self._at)
            piece = self._stream.read(size, self._pause)
        self._at += len(piece)
        return piece

    def readinto(self, buffer: "Buffer", /) -> int:
        view = memoryview(buffer).cast("B")
        piece = self.read(len(view))
        view[: len(piece)] = piece
        return len(piece)

    def seek(self, offset: int, whence: int = os.SEEK_SET, /) -> int:
        if whence != os.SEEK_SET:
            raise io.UnsupportedOperation
        self._leave_stream()
        self._at = offset
        return offset

    def tell(self) -> int:
        return self._at

    def _leave_stream(self) -> None:
        if self._stream is not None:
            self._stream.close()
            self._stream = None

    def close(self) -> None:
        if not self.closed:
            self._leave_stream()
            self.helper.release(self.handle)
        super().close()


def never() -> None:
    """Never pause."""


def open_regular(path: Path, pause: Callable[[], None] = never, named: Path | None = None) -> BinaryIO:
    """Open a regular file for unbuffered reading; a link as the last name is not followed.

    `pause` is called before each read, while it takes long too, and may raise. Errors of the reads name the
    file `named`, for a path that is invalid by then. Raises OSError: ELOOP for a link, EINVAL for anything
    else that is not a regular file. What is open has no handle here if it is on a remote file system: for its
    status there is `status_of_open`.
    """
    if is_far(path) or TABLE.lately().has_remote:
        helper, there = where(path)
        if helper is not None:
            with asked_for(path):
                handle = helper.keep("open_here", {"path": there})
            return cast("BinaryIO", _FarFile(helper, handle, named or path, pause))
    return _PausingFile(open_handle(path), named or path, pause)


@verb("read")
def read_start(path: Path, size: int) -> bytes:
    """Return at most the first `size` bytes of a regular file. Raises OSError like `open_regular`."""
    handle = open_handle(path)
    try:
        with naming(path):
            return os.read(handle, size)
    finally:
        os.close(handle)


@verb()
def read_all(path: Path) -> bytes:
    """Return what is in the small file that a path leads to, links followed: for what the operator names.

    Raises OSError.
    """
    return path.read_bytes()


def open_handle(path: Path) -> int:
    """Open a regular file here; returns its handle. Raises OSError like `open_regular`."""
    handle = os.open(path, _TO_READ)
    if not stat.S_ISREG(os.fstat(handle).st_mode):
        os.close(handle)
        raise Refused("not_a_regular_file", path)
    return handle


def status_of_open(file: BinaryIO) -> os.stat_result:
    """Return the status of an open file. Raises OSError."""
    if isinstance(file, _FarFile):
        found: os.stat_result = file.helper.call("status_here", {"handle": file.handle})
        return found
    return os.fstat(file.fileno())


def open_seen_by_others(file: BinaryIO) -> Path:
    """Return a path that leads other processes of this user to an open file, as long as it is open."""
    if isinstance(file, _FarFile):
        return Path(f"/proc/{file.helper.pid}/fd/{file.handle}")
    return Path(f"/proc/{os.getpid()}/fd/{file.fileno()}")


def sha256_of_open(file: BinaryIO) -> str:
    """Return the SHA-256 of the rest of an open file."""
    digest = hashlib.sha256()
    while chunk := file.read(READ_SIZE):
        digest.update(chunk)
    return digest.hexdigest()


# Folders


class Entry(Protocol):
    """A name in a folder, as os.DirEntry is one. Links are not followed."""

    @property
    def name(self) -> str:
        """The name."""

    def is_file(self, *, follow_symlinks: bool) -> bool:
        """Return whether it is a regular file."""

    def is_dir(self, *, follow_symlinks: bool) -> bool:
        """Return whether it is a folder."""

    def stat(self, *, follow_symlinks: bool) -> os.stat_result:
        """Return its status. Raises OSError, FileNotFoundError where it has gone."""


class _FarEntry(NamedTuple):
    """A name that a helper process has read."""

    name: str
    kind: int
    folder: Path
    status: os.stat_result | None

    def is_file(self, *, follow_symlinks: bool) -> bool:  # noqa: ARG002 - as os.DirEntry has it
        return self.kind == _FILE

    def is_dir(self, *, follow_symlinks: bool) -> bool:  # noqa: ARG002
        return self.kind == _FOLDER

    def stat(self, *, follow_symlinks: bool) -> os.stat_result:  # noqa: ARG002
        if self.status is None:
            raise FileNotFoundError(2, os.strerror(2), str(self.folder / self.name))
        return self.status


@contextlib.contextmanager
def listed(
    folder: Path,
    name: str = "",
    *,
    most: int | None = None,
    wanted: Callable[[str], bool] = lambda _: False,
) -> Iterator[tuple[os.stat_result, Iterable[Entry]]]:
    """Open a folder, or the one called `name` in it, and yield its status and what is in it then.

    Links lead to `folder`, but not from it to `name`. At most `most` names are needed, and the status of
    those that are `wanted`: no other may be asked for. Raises OSError.
    """
    path = folder / name if name else folder
    if is_far(folder) or TABLE.lately().has_remote:
        helper, there = where(path)
        if helper is not None:
            with asked_for(path):
                yield _listed_far(helper, there, most, wanted, below=bool(name))
            return
    handle = os.open(f"{folder}/{name}", TO_LIST | (os.O_NOFOLLOW if name else 0))
    try:
        status = os.fstat(handle)
        with os.scandir(handle) as entries:
            yield status, entries
    finally:
        os.close(handle)


def listed_ahead(most: int | None = None) -> Ahead:
    """Return what `listed` asks of a pinned folder first."""
    return Ahead("names_here", "folder", "", {"below": False, "most": most})


def _listed_far(
    helper: Helper,
    there: Path,
    most: int | None,
    wanted: Callable[[str], bool],
    *,
    below: bool,
) -> tuple[os.stat_result, list[Entry]]:
    answer = helper.ask("names_here", {"folder": there, "below": below, "most": most})
    count, sent = answer.header["count"], answer.header["statuses"] * wire.ROW_SIZE
    names, kinds = wire.unpacked(answer.content[sent:], count)
    files = (name for name, kind in zip(names, kinds, strict=True) if kind == _FILE)
    statuses = dict(zip(files, wire.rows_of(answer.content[:sent]), strict=False)) if sent else {}
    asked = tuple(name for name in names if name not in statuses and wanted(name))
    if asked:
        found = helper.ask("statuses_here", {"folder": there, "names": asked})
        statuses.update(zip(asked, wire.rows_of(found.content), strict=True))
    entries: list[Entry] = [
        _FarEntry(name, kind, there, statuses.get(name)) for name, kind in zip(names, kinds, strict=True)
    ]
    return wire.status_of(answer.header["status"]), entries


class Names(NamedTuple):
    """What is in a folder."""

    status: os.stat_result
    """Of the folder."""
    names: list[str]
    kinds: bytes
    """Of each name."""
    statuses: list[os.stat_result | None]
    """Of the regular files, in this order; none where there are many names."""


def names_here(folder: Path, *, below: bool, most: int | None) -> Names:
    """Return what is in a folder. Raises OSError.

    Where there are few names, the status of each file comes with them, wanted or not: that is cheaper than to
    be asked again. Nothing else is touched, for another file system may be mounted there.
    """
    handle = os.open(folder, TO_LIST | (os.O_NOFOLLOW if below else 0))
    names, kinds = [], bytearray()
    try:
        status = os.fstat(handle)
        with os.scandir(handle) as entries:
            for entry in entries:
                names.append(entry.name)
                kinds.append(
                    _FILE if entry.is_file(follow_symlinks=False) else
                    _FOLDER if entry.is_dir(follow_symlinks=False) else 0
                )  # fmt: skip
                if most is not None and len(names) >= most:
                    break
        few = [name for name, kind in zip(names, kinds, strict=True) if kind == _FILE]
        return Names(status, names, bytes(kinds), _statuses_in(handle, few if len(names) <= _FEW else ()))
    finally:
        os.close(handle)


def statuses_here(folder: Path, names: tuple[str, ...]) -> list[os.stat_result | None]:
    """Return the status of each name in a folder, links not followed; None where nothing has it."""
    handle = os.open(folder, os.O_PATH | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        return _statuses_in(handle, names)
    finally:
        os.close(handle)


def _statuses_in(folder: int, names: Iterable[str]) -> list[os.stat_result | None]:
    found: list[os.stat_result | None] = []
    for name in names:
        try:
            found.append(os.lstat(name, dir_fd=folder))
        except FileNotFoundError:
            found.append(None)
    return found


@verb()
def statuses(folder: Path, names: tuple[str, ...]) -> list[os.stat_result | None]:
    """Return the status of each name in a folder, links not followed; None where nothing has it.

    Raises OSError.
    """
    return statuses_here(folder, names)


@verb()
def glance(drop: Path, below: tuple[str, ...], names: tuple[str, ...]) -> list[os.stat_result]:
    """Return the status of a folder, of the folders `below` it, and of the files `names`, in this order.

    The folders are opened, which makes the clients of network file systems ask for what is new. Links lead to
    `drop`, but not to those below it. Raises OSError where one is not there.
    """
    found = []
    handle = os.open(drop, TO_LIST)
    try:
        found.append(os.fstat(handle))
        for name in below:
            inner = os.open(name, TO_LIST | os.O_NOFOLLOW, dir_fd=handle)
            found.append(os.fstat(inner))
            os.close(inner)
        found += [os.lstat(name, dir_fd=handle) for name in names]
    finally:
        os.close(handle)
    return found


Glance = tuple[Path, tuple[str, ...], tuple[str, ...]]
"""What `glance` is given."""


@verb()
def glance_each(
    drops: tuple[str, ...], below: tuple[tuple[str, ...], ...], names: tuple[tuple[str, ...], ...]
) -> list[os.stat_result | None]:
    """Glance at many folders at once, and return all in one list; None in place of what cannot be seen.

    The paths are texts: this is for a helper that is asked by name, with what `where` has returned.
    """
    found: list[os.stat_result | None] = []
    for drop, folders, files in zip(drops, below, names, strict=True):
        try:
            found += glance(Path(drop), folders, files)
        except OSError:
            found += [None] * (1 + len(folders) + len(files))
    return found


def far_glances(asked: Sequence[Glance]) -> list[list[os.stat_result] | None]:
    """Glance at the folders that other processes look at, each process asked once; None for all others."""
    found: list[list[os.stat_result] | None] = [None] * len(asked)
    there: dict[Helper, list[tuple[int, Path]]] = {}
    for number, (drop, *_) in enumerate(asked):
        with contextlib.suppress(OSError):  # It does not answer now, and whoever asks for it alone sees that.
            helper, real = where(drop)
            if helper is not None:
                there.setdefault(helper, []).append((number, real))
    for helper, these in there.items():
        given = {
            "drops": tuple(str(real) for _, real in these),
            "below": tuple(asked[number][1] for number, _ in these),
            "names": tuple(asked[number][2] for number, _ in these),
        }
        with contextlib.suppress(OSError):
            answer = iter(helper.call("glance_each", given))
            for number, _ in these:
                _, below, names = asked[number]
                count = 1 + len(below) + len(names)
                seen = [each for each in itertools.islice(answer, count) if each is not None]
                found[number] = seen if len(seen) == count else None
    return found


@verb("read")
def forbidden_among(folder: Path, names: tuple[str, ...]) -> tuple[str, ...]:
    """Return which of the files `names` in a folder this user is not allowed to read.

    A file that is not there, or is something else by now, is not among them. Raises OSError where the folder
    cannot be opened.
    """
    found = []
    handle = os.open(folder, os.O_PATH | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        for name in names:
            try:
                os.close(os.open(name, _TO_READ, dir_fd=handle))
            except PermissionError:
                found.append(name)
            except OSError:
                continue
    finally:
        os.close(handle)
    return tuple(found)
