"""Deleting folders with all that is in them, so that nothing outside them is deleted."""

import errno
import os
from pathlib import Path

from retraind.system.files import is_folder, put_aside, remove_if_empty, sync_folder
from retraind.system.remote.errors import Refused
from retraind.system.remote.verbs import verb

_TO_EMPTY = os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC


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
