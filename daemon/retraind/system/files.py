"""The one place that renames and syncs files, so that the order that survives a power loss is in one place.

Rule: a file's bytes are synced before its name is, and after a rename both folders are synced. The exception
is what is written again at each start. A function that is a `verb` here runs in a helper process if its path
leads to a remote or FUSE file system (see `remote/verbs.py`).
"""

import contextlib
import ctypes
import errno
import itertools
import os
import stat
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import BinaryIO

from retraind.system.mounts import TABLE
from retraind.system.reading import naming, never, open_regular, sha256_of_open
from retraind.system.remote.early import Ahead
from retraind.system.remote.helpers import HELPERS
from retraind.system.remote.verbs import HANDLES, is_far, release, verb, where
from retraind.system.remote.wire import FAR

LONGEST_STEM = 60
"""Characters kept of a name to which something is added; file systems accept 255 bytes at most."""
_HANDLES = Path(HANDLES)
_ACL = "system.posix_acl_access"
_FOLDER_ONLY = os.O_PATH | os.O_DIRECTORY | os.O_CLOEXEC
_AT_FDCWD = -100
_RENAME_NOREPLACE = 1
_NO_RENAMEAT2 = frozenset({errno.ENOSYS, errno.EINVAL, errno.EOPNOTSUPP})


@contextlib.contextmanager
def held(folder: Path, *below: str, ahead: Sequence[Ahead] = ()) -> Iterator[Path]:
    """Pin `folder`, or the one that the names `below` lead to from there; yields a path that means it alone.

    Links on the way to `folder` are followed, but none after that. Whatever is renamed, or put in the
    folder's place meanwhile, the path still means the folder that was opened, so that what is in it can be
    checked first and then used. On a remote file system the handle is in the helper process, and only the
    functions of this module know the path. Raises OSError: ENOTDIR for a link or anything else that is not a
    folder. An OSError raised in the block names the plain path.

    What is asked of the folder first anyway, `ahead`, is sent to a helper along with the pinning.
    """
    if not below and _is_pinned(folder):
        yield folder
        return
    path = _pin(folder, below, ahead)
    try:
        yield path
    except OSError as error:
        if isinstance(error.filename, str) and Path(error.filename).is_relative_to(path):
            error.filename = str(folder.joinpath(*below, Path(error.filename).relative_to(path)))
        raise
    finally:
        _release(path)


@contextlib.contextmanager
def held_or_made(folder: Path, name: str, mode: int) -> Iterator[Path]:
    """Pin the folder `name` in `folder` like `held`; it is made like `make_folder` where it is missing."""
    with contextlib.ExitStack() as holding:
        try:
            place = holding.enter_context(held(folder, name))
        except FileNotFoundError:
            make_folder(folder / name, mode)
            place = holding.enter_context(held(folder, name))
        yield place


def _is_pinned(folder: Path) -> bool:
    text = str(folder)  # Strings: for each file of a thousand models.
    return text.startswith(FAR) or (text.startswith(HANDLES) and "/" not in text[len(HANDLES) :])


def _pin(folder: Path, below: Sequence[str], ahead: Sequence[Ahead]) -> Path:
    table = TABLE.lately()
    if not (table.has_remote or is_far(folder)):
        return Path(f"{HANDLES}{open_pinned(folder, below)}")
    helper, there = where(folder)
    if helper is None:
        path = Path(f"{HANDLES}{_open_folder(there, None, folder)}")
    elif not table.has_remote_below(_real(there)):
        # All in one go, since nothing else can be mounted in between.
        with _naming_always(folder.joinpath(*below)):
            return helper.pin(there, tuple(below), ahead)
    else:
        with _naming_always(folder):
            path = helper.pin(there, ())
    for number, name in enumerate(below, 1):
        try:
            inner = _pin_inside(path, name, folder.joinpath(*below[:number]))
        finally:
            _release(path)
        path = inner
    return path


def _real(there: Path) -> str:
    if not is_far(there):
        return str(there)
    helper, handle, rest = HELPERS.pinned(str(there))
    return f"{helper.real(handle)}/{rest}".rstrip("/")


def _pin_inside(path: Path, name: str, plain: Path) -> Path:
    helper, there = where(path / name)
    if helper is None:
        return Path(f"{HANDLES}{_open_folder(name, int(path.name), plain)}")
    with _naming_always(plain):
        if is_far(there):
            return helper.pin(there.parent, (there.name,))
        return helper.pin(there, ())  # something is mounted there, so it is no link


def _release(path: Path) -> None:
    if is_far(path):
        release(path)
    else:
        os.close(int(path.name))


@contextlib.contextmanager
def _naming_always(plain: Path) -> Iterator[None]:
    try:
        yield
    except OSError as error:
        error.filename = str(plain)
        raise


def seen_by_others(path: Path) -> Path:
    """Return the name of a path that `held` yields for other processes of this user, while it is pinned."""
    if is_far(path):
        helper, handle, rest = HELPERS.pinned(str(path))
        return Path(f"/proc/{helper.pid}/fd/{handle}", rest)
    return (
        Path(f"/proc/{os.getpid()}/fd") / path.relative_to(_HANDLES)
        if path.is_relative_to(_HANDLES)
        else path
    )


def open_pinned(folder: Path, below: Sequence[str]) -> int:
    """Open the folder that `held` would, in this process; returns its handle. Raises OSError."""
    handle = _open_folder(folder, None, folder)
    for number, name in enumerate(below, 1):
        try:
            inner = _open_folder(name, handle, folder.joinpath(*below[:number]))
        finally:
            os.close(handle)
        handle = inner
    return handle


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
        return status(path)


@verb()
def status(path: Path, *, follow: bool = False) -> os.stat_result:
    """Return the status of what a path leads to; with `follow`, links too. Raises OSError.

    With `follow` also that of a pinned folder itself.
    """
    return path.stat(follow_symlinks=follow)


@verb()
def names_in(folder: Path) -> list[str]:
    """Return the names in a folder, in the file system's order. Raises OSError."""
    return os.listdir(folder)  # noqa: PTH208 - names, not paths


@verb()
def unlink(path: Path) -> None:
    """Remove a name that is not a folder's; nothing where there is none. Raises OSError."""
    path.unlink(missing_ok=True)


@verb()
def owner_of_new_file(path: Path) -> int:
    """Return who owns a file that is made under the free name `path`, which is removed again.

    Raises OSError.
    """
    handle = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC, 0o600)
    try:
        return os.fstat(handle).st_uid
    finally:
        os.close(handle)
        path.unlink(missing_ok=True)


@verb()
def file_system_id(path: Path) -> int:
    """Return the file system's own id; 0 where it has none. Raises OSError."""
    return os.statvfs(path).f_fsid


@verb()
def is_mounted_read_only(path: Path) -> bool:
    """Return whether nobody can write where a path leads. Raises OSError."""
    return bool(os.statvfs(path).f_flag & os.ST_RDONLY)


@verb()
def is_allowed(path: Path, mode: int) -> bool:
    """Return whether this user may do what `mode` says, as for os.access."""
    return os.access(path, mode, effective_ids=True)


@verb()
def real_path(path: Path) -> Path:
    """Return where a path leads, with all links followed as far as they can be."""
    return Path(os.path.realpath(path))


def is_folder_below(folder: Path, *below: str) -> bool:
    """Return whether a folder has these names below `folder`, no link followed after that.

    Raises OSError where the file system cannot tell, as `exists` does.
    """
    *between, name = below
    try:
        with held(folder, *between) as place:
            return is_folder(place / name)
    except (FileNotFoundError, NotADirectoryError):
        return False


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


@verb()
def kind_of(path: Path, *, follow: bool = False) -> int | None:
    """Return the kind of file that a path leads to, as of `stat.S_IFMT`; None for nothing."""
    try:
        return stat.S_IFMT(path.stat(follow_symlinks=follow).st_mode)
    except (FileNotFoundError, NotADirectoryError):
        return None


@verb("sync")
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


@verb("sync")
def sync_file(path: Path) -> None:
    """Make the bytes of a regular file durable, whoever wrote them. Raises OSError like `open_regular`."""
    with naming(path), open_regular(path) as file:
        os.fsync(file.fileno())


PRIVATE = 0o700
"""The mode of folders that only the service's user can read."""


@verb("sync")
def make_folder(folder: Path, mode: int = 0o777, *, synced_later: bool = False) -> None:
    """Create `folder` and its missing parents, durably. An existing folder is left as it is.

    `mode` is that of each new one, less the umask. `synced_later`: whoever calls has the name of `folder`
    made durable.
    """
    try:
        try:
            folder.mkdir(mode)
        except FileNotFoundError:
            make_folder(folder.parent, mode)
            folder.mkdir(mode)
    except FileExistsError:
        # A link is not followed: it may lead to a file system that hangs. Whoever uses the folder sees to it.
        if kind_of(folder) not in {stat.S_IFDIR, stat.S_IFLNK, None}:
            raise
    else:
        if not synced_later:
            sync_folder(folder.parent)


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


@verb("sync")
def rename_free(source: Path, target: Path) -> None:
    """Rename `source` to the free name `target` on the same file system; the caller syncs both folders.

    Raises FileExistsError when the name is taken (nothing is overwritten), and OSError (EXDEV) across file
    systems.
    """
    _rename_no_replace(source, target)


@verb("sync")
def move(source: Path, target: Path) -> None:
    """Rename like `rename_free`, and sync both folders."""
    _rename_no_replace(source, target)
    sync_folder(target.parent)
    if source.parent != target.parent:
        sync_folder(source.parent)


@verb()
def remove_part(path: Path) -> Path:
    """Remove what `write_atomically` left beside `path` when it was killed; returns the name it had."""
    temporary = path.with_name(f".{path.name}.tmp")
    clear(temporary)
    return temporary


@verb()
def clear(path: Path) -> None:
    """Free the name of one of retraind's own files. A folder that somebody gave that name is put aside."""
    try:
        path.unlink(missing_ok=True)
    except IsADirectoryError:
        put_aside(path)


@verb("sync")
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
            unlink(path)
        raise


@contextlib.contextmanager
def _replaced(path: Path, mode: int) -> Iterator[BinaryIO]:
    """Yield a new file of that mode, which takes the place of `path` once it is written."""
    # A leftover, or a link that somebody planted under this name, is removed, never written through.
    temporary = remove_part(path)
    handle = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC, mode)
    with no_part_left(temporary):
        with naming(path), os.fdopen(handle, "wb") as file:
            yield file
        put_in_place(temporary, path)


@verb("sync")
def write_atomically(
    path: Path, content: bytes, mode: int = 0o644, *, durable: bool = True, synced_later: bool = False
) -> None:
    """Replace `path` by `content`, so that a reader sees the old or the new text, never a part.

    Callers ensure that a path has one writer at a time. What is not `durable` may be lost, or left empty, by
    a power loss: for what is written again at each start. With `synced_later` the caller syncs the folder.
    """
    with _replaced(path, mode) as file:
        file.write(content)
        file.flush()
        if durable:
            os.fsync(file.fileno())
    if durable and not synced_later:
        sync_folder(path.parent)


def write_owned(path: Path, content: bytes, owner: int, group: int, mode: int) -> None:
    """Replace a local file like `write_atomically`, with an owner, a group and rights.

    Nobody else can read the bytes before the file has these. An access control list stays.
    """
    with _replaced(path, 0o600) as file:
        file.write(content)
        os.fchown(file.fileno(), owner, group)
        os.fchmod(file.fileno(), mode)
        _copy_acl(path, file.fileno())
        file.flush()
        os.fsync(file.fileno())
    sync_folder(path.parent)


def _copy_acl(path: Path, handle: int) -> None:
    try:
        os.setxattr(handle, _ACL, os.getxattr(path, _ACL))
    except OSError as error:
        if error.errno not in {errno.ENOENT, errno.ENODATA, errno.EOPNOTSUPP}:
            raise


@verb("read")
def sha256_of(path: Path, pause: Callable[[], None] = never) -> str:
    """Return the SHA-256 of a file's bytes in hexadecimal; `pause` is called between reads and may raise."""
    with open_regular(path, pause) as file:
        return sha256_of_open(file)


@verb()
def remove_if_empty(folder: Path) -> bool:
    """Remove a folder; returns False if it is not empty. Raises OSError."""
    try:
        folder.rmdir()
    except OSError as error:
        if error.errno not in {errno.ENOTEMPTY, errno.EEXIST}:
            raise
        return False
    return True


@verb("sync")
def put_aside(path: Path) -> Path:
    """Rename whatever has `path`'s name, so that the name is free; returns the new path. Nothing is lost."""
    for number in itertools.count(1):
        aside = path.with_name(f"{path.name[:LONGEST_STEM]}.foreign-{number}")
        with contextlib.suppress(FileExistsError):
            move(path, aside)
            return aside
    raise AssertionError("numbers are endless")
