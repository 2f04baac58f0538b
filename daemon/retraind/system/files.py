"""The one place that renames and syncs files, so that the order that survives a power loss is written once.

Rule: a file's bytes are synced before its name is, and after a rename both folders are synced. The exception
is what is written again at each start.
"""

import contextlib
import ctypes
import errno
import hashlib
import io
import itertools
import os
import stat
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, BinaryIO

if TYPE_CHECKING:
    from typing_extensions import Buffer

READ_SIZE = 1 << 20
"""Bytes per read when whole files are streamed."""

LONGEST_STEM = 60
"""Characters kept of a name to which something is added; file systems accept 255 bytes at most."""
MOST_ENTRIES = 10_000
"""Files and folders that one folder is moved or copied with."""
_HANDLES = "/proc/self/fd"
_FOLDER_ONLY = os.O_PATH | os.O_DIRECTORY | os.O_CLOEXEC
_TO_EMPTY = os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC
_AT_FDCWD = -100
_RENAME_NOREPLACE = 1
_NO_RENAMEAT2 = frozenset({errno.ENOSYS, errno.EINVAL, errno.EOPNOTSUPP})


class Refused(OSError):
    """What the file system allows and retraind refuses: a problem's code and its facts."""

    def __init__(self, code: str, path: Path | str, number: int = errno.EINVAL, **facts: int) -> None:
        super().__init__(number, code.replace("_", " "), str(path))
        self.code = code
        self.facts = facts


@contextlib.contextmanager
def held(folder: Path, *below: str) -> Iterator[Path]:
    """Pin `folder`, or the one that the names `below` lead to from there; yields a path that means it alone.

    Links on the way to `folder` are followed, but none after that. Whatever is renamed, or put in the
    folder's place meanwhile, the path still means the folder that was opened, so that what is in it can be
    checked first and then used. Raises OSError: ENOTDIR for a link or anything else that is not a folder. An
    OSError raised in the block names the plain path.
    """
    plain = folder.joinpath(*below)
    handle = _open_folder(folder, None, folder)
    try:
        for number, name in enumerate(below, 1):
            inner = _open_folder(name, handle, folder.joinpath(*below[:number]))
            os.close(handle)
            handle = inner
        path = Path(_HANDLES, str(handle))
        try:
            yield path
        except OSError as error:
            if isinstance(error.filename, str) and Path(error.filename).is_relative_to(path):
                error.filename = str(plain / Path(error.filename).relative_to(path))
            raise
    finally:
        os.close(handle)


def seen_by_others(path: Path) -> Path:
    """Return the name of a path that `held` yields for other processes of this user, while it is pinned."""
    own = Path(_HANDLES)
    return Path(f"/proc/{os.getpid()}/fd") / path.relative_to(own) if path.is_relative_to(own) else path


def _open_folder(name: Path | str, inside: int | None, plain: Path) -> int:
    try:
        if inside is None:
            return os.open(name, _FOLDER_ONLY)
        return os.open(name, _FOLDER_ONLY | os.O_NOFOLLOW, dir_fd=inside)
    except OSError as error:
        error.filename = str(plain)
        raise


@contextlib.contextmanager
def beside(folder: Path, name: str) -> Iterator[Path]:
    """Yield the path of the file `name`, which may be one folder deep, with its folder pinned."""
    *below, last = name.split("/")
    with held(folder, *below) as place:
        yield place / last


def status_of(folder: Path, name: str) -> os.stat_result:
    """Return the status of `name` below `folder`, links not followed. Raises OSError."""
    with beside(folder, name) as path:
        return path.lstat()


def exists(path: Path, *, follow: bool = False) -> bool:
    """Return whether something has this name; with `follow`, whether links lead to something.

    Raises OSError when the file system cannot tell: what cannot be read now must not count as gone. (With
    os.path it does, and since Python 3.14 with pathlib, too.)
    """
    return kind_of(path, follow=follow) is not None


def is_folder(path: Path, *, follow: bool = False) -> bool:
    """Return whether a folder has this name; with `follow`, also a link to one. Raises like `exists`."""
    return kind_of(path, follow=follow) == stat.S_IFDIR


def is_file(path: Path, *, follow: bool = False) -> bool:
    """Return the same for a regular file."""
    return kind_of(path, follow=follow) == stat.S_IFREG


def kind_of(path: Path, *, follow: bool = False) -> int | None:
    """Return the kind of file that a path leads to, as of `stat.S_IFMT`; None for nothing."""
    try:
        return stat.S_IFMT(path.stat(follow_symlinks=follow).st_mode)
    except (FileNotFoundError, NotADirectoryError):
        return None


@contextlib.contextmanager
def naming(path: Path) -> Iterator[None]:
    """Let an OSError that names no file, such as that of an open one, name `path`."""
    try:
        yield
    except OSError as error:
        if error.filename is None:
            error.filename = str(path)
        raise


def sync_folder(folder: Path) -> None:
    """Make the names in `folder` durable.

    Some network file systems refuse fsync on folders (EINVAL); then it is up to their server.
    """
    handle = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        with naming(folder):
            os.fsync(handle)
    except OSError as error:
        if error.errno not in {errno.EINVAL, errno.ENOTSUP, errno.EBADF}:
            raise
    finally:
        os.close(handle)


def sync_file(path: Path) -> None:
    """Make the bytes of a regular file durable, whoever wrote them. Raises OSError like `open_regular`."""
    with naming(path), open_regular(path) as file:
        os.fsync(file.fileno())


PRIVATE = 0o700
"""The mode of folders that only the service's user can read."""


def make_folder(folder: Path, mode: int = 0o777) -> None:
    """Create `folder` and its missing parents, durably. An existing folder is left as it is.

    `mode` is that of each new one, less the umask.
    """
    missing = []
    while not is_folder(folder, follow=True):
        missing.append(folder)
        folder = folder.parent
    for path in reversed(missing):
        path.mkdir(mode, exist_ok=True)
        sync_folder(path.parent)


def _rename_no_replace(source: Path, target: Path) -> None:
    libc = ctypes.CDLL(None, use_errno=True)
    rename = getattr(libc, "renameat2", None)
    code = errno.ENOSYS
    if rename is not None:
        done = rename(_AT_FDCWD, os.fsencode(source), _AT_FDCWD, os.fsencode(target), _RENAME_NOREPLACE)
        if done == 0:
            return
        code = ctypes.get_errno()
    if code not in _NO_RENAMEAT2:
        raise OSError(code, os.strerror(code), str(source), None, str(target))
    # File systems without RENAME_NOREPLACE (some SMB and NFS mounts): the check and the rename are two calls,
    # which is as close as they allow.
    if exists(target):
        raise FileExistsError(errno.EEXIST, os.strerror(errno.EEXIST), str(source), None, str(target))
    source.rename(target)


def move(source: Path, target: Path) -> None:
    """Rename `source` to the free name `target` on the same file system, and sync both folders.

    Raises FileExistsError when the name is taken (nothing is overwritten), and OSError (EXDEV) across file
    systems.
    """
    _rename_no_replace(source, target)
    sync_folder(target.parent)
    if source.parent != target.parent:
        sync_folder(source.parent)


def remove_part(path: Path) -> Path:
    """Remove what `write_atomically` left beside `path` when it was killed; returns the name it had."""
    temporary = path.with_name(f".{path.name}.tmp")
    clear(temporary)
    return temporary


def clear(path: Path) -> None:
    """Free the name of one of retraind's own files. A folder that somebody gave that name is put aside."""
    try:
        path.unlink(missing_ok=True)
    except IsADirectoryError:
        put_aside(path)


def put_in_place(temporary: Path, path: Path) -> None:
    """Rename `temporary` to `path`, replacing a file there. A folder of that name is put aside."""
    try:
        temporary.replace(path)
    except IsADirectoryError:
        put_aside(path)
        temporary.replace(path)


@contextlib.contextmanager
def no_part_left(path: Path) -> Iterator[None]:
    """Remove the file `path` if the block raises: it would take up space where there may be none left."""
    try:
        yield
    except Exception:
        with contextlib.suppress(OSError):
            path.unlink(missing_ok=True)
        raise


def write_atomically(path: Path, content: bytes, mode: int = 0o644, *, durable: bool = True) -> None:
    """Replace `path` by `content`, so that a reader sees the old or the new text, never a part.

    Callers ensure that a path has one writer at a time. What is not `durable` may be lost, or left empty, by
    a power loss: for what is written again at each start.
    """
    # A leftover, or a link that somebody planted under this name, is removed, never written through.
    temporary = remove_part(path)
    handle = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC, mode)
    with no_part_left(temporary):
        with naming(path), os.fdopen(handle, "wb") as file:
            file.write(content)
            file.flush()
            if durable:
                os.fsync(file.fileno())
        put_in_place(temporary, path)
    if durable:
        sync_folder(path.parent)


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


def never() -> None:
    """Never pause."""


def open_regular(path: Path | str, pause: Callable[[], None] = never, named: Path | None = None) -> BinaryIO:
    """Open a regular file for unbuffered reading; a link as the last name is not followed.

    `pause` is called before each read and may raise. Errors of the reads name the file `named`, for a path
    that is invalid by then. Raises OSError: ELOOP for a link, EINVAL for anything else that is not a regular
    file.
    """
    handle = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_CLOEXEC | os.O_NONBLOCK)
    if not stat.S_ISREG(os.fstat(handle).st_mode):
        os.close(handle)
        raise Refused("not_a_regular_file", path)
    return _PausingFile(handle, named or Path(path), pause)


def sha256_of(path: Path, pause: Callable[[], None] = never) -> str:
    """Return the SHA-256 of a file's bytes in hexadecimal; `pause` is called between reads and may raise."""
    with open_regular(path, pause) as file:
        return sha256_of_open(file)


def sha256_of_open(file: BinaryIO) -> str:
    """Return the SHA-256 of the rest of an open file."""
    digest = hashlib.sha256()
    while chunk := file.read(READ_SIZE):
        digest.update(chunk)
    return digest.hexdigest()


def move_contents(
    source: Path, target: Path, renewed: frozenset[str], pause: Callable[[], None] = never
) -> None:
    """Rename what is in the folder `source` into the folder `target`; what exists there stays behind.

    Folders named in `renewed` are created again in `target`, so that somebody who has the old ones open
    cannot reach the new ones. Can be repeated. Raises OSError: EXDEV across file systems, EINVAL where it is
    too much.
    """
    names = [path.name for path in source.iterdir()]
    if len(names) > MOST_ENTRIES:
        raise Refused("too_many_files_there", source, most=MOST_ENTRIES)
    for name in sorted(names):
        pause()
        if name in renewed and is_folder(source / name):
            make_folder(target / name)
            with held(source, name) as old, held(target, name) as fresh:
                move_contents(old, fresh, frozenset(), pause)
            with contextlib.suppress(FileNotFoundError, NotADirectoryError):
                remove_if_empty(source / name)
        else:
            with contextlib.suppress(FileExistsError, FileNotFoundError):
                _rename_no_replace(source / name, target / name)
    sync_folder(target)
    sync_folder(source)


def remove_if_empty(folder: Path) -> bool:
    """Remove a folder; returns False if it is not empty. Raises OSError."""
    try:
        folder.rmdir()
    except OSError as error:
        if error.errno not in {errno.ENOTEMPTY, errno.EEXIST}:
            raise
        return False
    return True


def remove_emptied(folder: Path) -> Path | None:
    """Remove a folder whose contents were moved. What was put there since is put aside; returns where."""
    try:
        if remove_if_empty(folder):
            sync_folder(folder.parent)
            return None
        return put_aside(folder)
    except FileNotFoundError:
        return None
    except NotADirectoryError:
        return put_aside(folder)


def remove(path: Path) -> None:
    """Delete whatever has this name, a folder with its contents; no link is followed. Raises OSError."""
    if is_folder(path):
        remove_tree(path)
    else:
        path.unlink(missing_ok=True)


def remove_tree(folder: Path) -> None:
    """Delete a folder with its contents. No link is followed, so that nothing outside the folder is deleted.

    However deep its folders are, one is open at a time: neither recursion nor handles run out. Raises
    OSError.
    """
    handle = os.open(folder, _TO_EMPTY)
    above: list[tuple[str, list[str], tuple[int, int]]] = []
    """The way down: each folder's name in the one above, the other folders there, and its identity."""
    try:
        left = _empty(handle)
        while left or above:
            if left:
                name = left.pop()
                inner = os.open(name, _TO_EMPTY, dir_fd=handle)
                above.append((name, left, _identity(handle)))
                os.close(handle)
                handle = inner
                left = _empty(handle)
            else:
                name, left, identity = above.pop()
                outer = os.open("..", _TO_EMPTY, dir_fd=handle)
                os.close(handle)
                handle = outer
                if _identity(handle) != identity:
                    raise Refused("folder_changes_while_deleted", folder, errno.EBUSY)
                os.rmdir(name, dir_fd=handle)
    finally:
        os.close(handle)
    folder.rmdir()


def _empty(folder: int) -> list[str]:
    """Delete all but folders; returns the names of these."""
    folders = []
    with os.scandir(folder) as entries:
        for entry in list(entries):
            if entry.is_dir(follow_symlinks=False):
                folders.append(entry.name)
            else:
                os.unlink(entry.name, dir_fd=folder)
    return folders


def _identity(folder: int) -> tuple[int, int]:
    status = os.fstat(folder)
    return status.st_dev, status.st_ino


def put_aside(path: Path) -> Path:
    """Rename whatever has `path`'s name, so that the name is free; returns the new path. Nothing is lost."""
    for number in itertools.count(1):
        aside = path.with_name(f"{path.name[:LONGEST_STEM]}.foreign-{number}")
        with contextlib.suppress(FileExistsError):
            move(path, aside)
            return aside
    raise AssertionError("numbers are endless")
