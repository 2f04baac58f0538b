"""Moving files from folder to folder, and deleting folders with all that is in them.

Nothing is overwritten, and nothing outside the folders is touched.
"""

import contextlib
import errno
import os
import stat
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from retraind.system.files import (
    beside,
    exists,
    held,
    is_folder,
    make_folder,
    names_in,
    put_aside,
    remove_if_empty,
    rename_free,
    status,
    sync_file,
    sync_folder,
    write_atomically,
)
from retraind.system.reading import never
from retraind.system.remote.errors import Refused
from retraind.system.remote.verbs import verb

Seen = tuple[str, int, int, int]
"""A file that was seen: its name in the folder or in a sub-folder, its size, the time of its last change in
nanoseconds, and its inode number, 0 where that does not count."""
MOST_ENTRIES = 10_000
"""Files and folders that one folder is moved or copied with."""
_TO_EMPTY = os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC


@verb("sync")
def sync_seen(folder: Path, files: tuple[Seen, ...]) -> None:
    """Make the bytes of files in `folder` durable, all at once, as far as they are as they were seen.

    Raises OSError like `open_regular`.
    """

    def sync(seen: Seen) -> None:
        with contextlib.suppress(FileNotFoundError, NotADirectoryError), beside(folder, seen[0]) as path:
            if _is_as_seen(path, seen):
                sync_file(path)

    # A disk syncs several files in hardly more time than one.
    with_bytes = [seen for seen in files if seen[1]]
    with ThreadPoolExecutor(max(1, len(with_bytes)), thread_name_prefix="sync") as pool:
        others = pool.map(sync, with_bytes[1:])
        for first in with_bytes[:1]:
            sync(first)
        list(others)


def _is_as_seen(path: Path, seen: Seen) -> bool:
    found = status(path)
    same = (found.st_size, found.st_mtime_ns) == seen[1:3] and seen[3] in {0, found.st_ino}
    return same and stat.S_ISREG(found.st_mode)


@verb()
def are_as_seen(folder: Path, files: tuple[Seen, ...]) -> bool:
    """Return whether all files are in `folder` as they were seen. Raises OSError.

    A writer that still has a file open can continue to write after a rename.
    """
    try:
        for seen in files:
            with beside(folder, seen[0]) as path:
                if not _is_as_seen(path, seen):
                    return False
    except (FileNotFoundError, NotADirectoryError):
        return False
    return True


@verb("sync", together=True)
def take_in(
    source: Path, place: Path, name: str, files: tuple[Seen, ...], *, note: str, content: bytes
) -> bool:
    """Move files out of `source` into the folder `name` in `place`, where a `note` precedes them, durably.

    The folder is created where it is missing. Returns False when a file is not as it was seen, before its
    rename or after the last one; some files may have been moved even so. Can be repeated. Raises OSError.
    """
    with ThreadPoolExecutor(2, thread_name_prefix="take-in") as meanwhile:
        # Their writers may not have synced them, and from now on they are ours.
        synced = meanwhile.submit(sync_seen, source, files)
        make_folder(place / name, synced_later=True)
        named = meanwhile.submit(sync_folder, place)
        with held(place, name) as folder:
            write_atomically(folder / note, content, synced_later=True)
            named.result()
            synced.result()
            try:
                return take_each(source, folder, files) and are_as_seen(folder, files)
            except OSError as error:
                if error.errno != errno.EXDEV:
                    raise
                # `place` is a mount of its own; the next scan finds that, and reports it.
                return False


@verb("sync")
def take_each(source: Path, target: Path, files: tuple[Seen, ...]) -> bool:
    """Rename files, in their order, to the same names in the folder `target`, and sync all their folders.

    Returns False at the first that is not as it was seen, or is on another file system. Can be repeated: of
    what an earlier try has renamed, the folders are synced. Raises OSError like `move`.
    """
    fresh, old = dict[str, Path](), dict[str, Path]()
    with contextlib.ExitStack() as holding:
        try:
            return all(_take(seen, (source, old), (target, fresh), holding) for seen in files)
        finally:
            # Where they came from is last: a name may be in two folders after a power loss, never in none.
            # A kill may have come between the making of a sub-folder and the syncing of its name.
            above = () if "" in fresh else (target,)
            for folder in (*above, *fresh.values(), *old.values()):
                sync_folder(folder)


_Places = tuple[Path, dict[str, Path]]
"""A folder, and itself and its sub-folders as far as they are pinned, by their names."""


def _take(seen: Seen, source: _Places, target: _Places, holding: contextlib.ExitStack) -> bool:
    *below, name = seen[0].split("/")

    def entered(place: _Places) -> Path:
        folder, pinned = place
        key = "/".join(below)
        if key not in pinned:
            pinned[key] = holding.enter_context(held(folder, *below))
        return pinned[key] / name

    with contextlib.suppress(FileNotFoundError, NotADirectoryError):
        if exists(entered(target)):
            with contextlib.suppress(FileNotFoundError, NotADirectoryError):
                entered(source)
            return True
    try:
        if not _is_as_seen(entered(source), seen):
            return False
        if below:
            make_folder(target[0] / below[0])
        rename_free(entered(source), entered(target))
    except (FileNotFoundError, NotADirectoryError):
        return False
    except OSError as error:
        if error.errno != errno.EXDEV:
            raise
        # Its folder is a mount of its own; the next scan finds that, and reports it.
        return False
    return True


@verb("sync")
def move_contents(
    source: Path, target: Path, renewed: frozenset[str], pause: Callable[[], None] = never
) -> None:
    """Rename what is in the folder `source` into the folder `target`; what exists there stays behind.

    Folders named in `renewed` are created again in `target`, so that somebody who has the old ones open
    cannot reach the new ones. Can be repeated. Raises OSError: EXDEV across file systems, EINVAL where it is
    too much.
    """
    names = names_in(source)
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
                rename_free(source / name, target / name)
    sync_folder(target)
    sync_folder(source)


@verb("sync")
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


@verb("sync")
def remove(path: Path) -> None:
    """Delete whatever has this name, a folder with its contents; no link is followed. Raises OSError."""
    if is_folder(path):
        remove_tree(path)
    else:
        path.unlink(missing_ok=True)


@verb("sync")
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
