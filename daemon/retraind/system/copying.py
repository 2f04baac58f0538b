"""Copies that are compared with their source, limited in size, and made only if there is space."""

import contextlib
import errno
import hashlib
import itertools
import os
import stat
from collections.abc import Callable, Iterator, Mapping
from contextlib import closing
from pathlib import Path
from types import MappingProxyType
from typing import BinaryIO, NamedTuple

from retraind.system.files import (
    LONGEST_STEM,
    clear,
    held,
    is_folder,
    kind_of,
    make_folder,
    move,
    names_in,
    no_part_left,
    put_aside,
    put_in_place,
    sha256_of,
    status,
    sync_folder,
    unlink,
)
from retraind.system.moving import MOST_ENTRIES, remove
from retraind.system.reading import READ_SIZE, listed, never, open_regular
from retraind.system.remote.errors import Refused
from retraind.system.remote.verbs import verb
from retraind.system.writing import create

_DEEPEST = 8
"""How deep folders are copied; each keeps two file handles open meanwhile."""
_BLOCK = 4096
"""Bytes that a file's last block, or a name, may take in addition."""


class Sealed(NamedTuple):
    """What is known about a file before it is copied."""

    size: int
    """Bytes. If there are more now, the rest is not copied."""
    sha256: str | None = None


_NOTHING_KNOWN: Mapping[str, Sealed] = MappingProxyType({})


@verb("sync", together=True)
def copy_folder_verified(
    source: Path,
    target: Path,
    pause: Callable[[], None] = never,
    sealed: Mapping[str, Sealed] = _NOTHING_KNOWN,
    keep_free: int = 0,
) -> list[str]:
    """Copy the folder `source` to `target` on another file system; `target` appears complete or not at all.

    Every byte is read back and compared before the name appears. The source stays; the caller deletes it once
    this has returned. Can be repeated: an incomplete copy left by an earlier crash is replaced, and a
    complete one is updated with what is left of the source, file by file. Links and other things without
    bytes are not copied.

    No file is copied beyond its present length, or the length in `sealed`, by its path below the folder.
    Raises OSError before anything is written if fewer than `keep_free` bytes would stay free. If it raises,
    no part of a copy is left. Returns the files that differ from `sealed`: their bytes were changed before.
    """
    files, needed = _planned(source, target, sealed)
    look_for_room(target.parent, needed, keep_free, target)
    partial = partial_of(target)
    # A kill may have left one, also beside the folder that it was to become.
    remove(partial)
    if is_folder(target):
        changed = _copy_files(source, target, pause, files)
        sync_folder(target.parent)
        return changed
    try:
        make_folder(partial)
        changed = _copy_files(source, partial, pause, files)
        move(partial, target)
    except Exception:
        # What cannot be removed now is removed by the next attempt, and by the next start.
        with contextlib.suppress(OSError):
            remove(partial)
        raise
    return changed


def partial_of(folder: Path) -> Path:
    """Return the name under which a copy of a folder is made."""
    return folder.with_name(f".{folder.name}.partial")


def look_for_room(folder: Path, needed: int, keep_free: int, target: Path) -> None:
    """Raise OSError if `keep_free` would not be left. Some file systems do not show their size."""
    free = free_space(folder)
    if needed and free is not None and free - keep_free < needed:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC), str(target))


@verb()
def free_space(folder: Path) -> int | None:
    """Return the free bytes on a folder's disk; None where the file system does not show its size."""
    disk = os.statvfs(folder)
    return disk.f_bavail * disk.f_frsize if disk.f_blocks else None


def _planned(source: Path, target: Path, sealed: Mapping[str, Sealed]) -> tuple[Mapping[str, Sealed], int]:
    """Return what to copy, by paths below the folder, and the bytes that it needs.

    Raises OSError where it is too much, or too deep.
    """
    files: dict[str, Sealed] = {}
    needed = 0
    count = itertools.count(1)

    def look(folder: Path, below: str, depth: int) -> None:
        nonlocal needed
        if depth > _DEEPEST:
            raise Refused("folders_too_deep", source / below, most=_DEEPEST)
        with (
            held(folder.parent, folder.name) as inside,
            listed(inside, most=MOST_ENTRIES + 1, wanted=lambda _: True) as (_, entries),
        ):
            for entry in entries:
                if next(count) > MOST_ENTRIES:
                    raise Refused("too_many_files_there", source, most=MOST_ENTRIES)
                name = f"{below}{entry.name}"
                if entry.is_dir(follow_symlinks=False):
                    look(inside / entry.name, f"{name}/", depth + 1)
                elif entry.is_file(follow_symlinks=False):
                    size = entry.stat(follow_symlinks=False).st_size
                    known = sealed.get(name)
                    files[name] = Sealed(min(size, known.size), known.sha256) if known else Sealed(size)
                    if _size_of(target / name) != files[name].size:
                        needed += files[name].size + _BLOCK

    look(source, "", 0)
    return files, needed


def _size_of(path: Path) -> int | None:
    try:
        found = status(path)
    except (FileNotFoundError, NotADirectoryError):
        return None
    return found.st_size if stat.S_ISREG(found.st_mode) else None


def _copy_files(
    source: Path, target: Path, pause: Callable[[], None], files: Mapping[str, Sealed], below: str = ""
) -> list[str]:
    """Copy to the folder `target`, verified, every file in `source` that it does not have."""
    changed = []
    with held(source.parent, source.name) as inside, held(target.parent, target.name) as copy:
        for entry in sorted(names_in(inside)):
            path, to, name = inside / entry, copy / entry, f"{below}{entry}"
            kind = kind_of(path)
            if kind == stat.S_IFDIR:
                _clear_away(to, stat.S_IFDIR)
                make_folder(to)
                changed += _copy_files(path, to, pause, files, f"{name}/")
            elif kind == stat.S_IFREG:
                if name not in files:
                    raise Refused("folder_changes_while_copied", path, errno.EBUSY)
                _clear_away(to, stat.S_IFREG)
                if not _copy_file(path, to, pause, files[name]):
                    changed.append(name)
        sync_folder(copy)
    return changed


def _clear_away(path: Path, wanted: int) -> None:
    """Put aside what has `path`'s name and is of another kind: somebody put it there."""
    if kind_of(path) not in {None, wanted}:
        put_aside(path)


def _copy_file(source: Path, target: Path, pause: Callable[[], None], known: Sealed) -> bool:
    """Copy a file unless the copy is there; returns False if it differs from what is known of it."""
    temporary = target.with_name(f".{target.name[:LONGEST_STEM]}.copy")
    with open_regular(source, pause) as reader:
        if _size_of(target) == known.size:
            digest = sha256_of_start(reader, known.size)
            if sha256_of(target, pause) == digest:
                return known.sha256 in {None, digest}
            reader.seek(0)
        with no_part_left(temporary):
            digest = _copy_compared(reader, temporary, target, pause, known)
            put_in_place(temporary, target)
    return known.sha256 in {None, digest}


def _copy_compared(
    reader: BinaryIO, temporary: Path, target: Path, pause: Callable[[], None], known: Sealed
) -> str:
    """Copy the start of an open file and read the copy back; returns its SHA-256."""
    digest = copy_start(reader, temporary, known.size)
    if sha256_of(temporary, pause) != digest:
        raise Refused("copy_differs", target, errno.EIO)
    reader.seek(0)
    if known.sha256 not in {None, digest} and sha256_of_start(reader, known.size) != digest:
        # A second read returns something else: the disk fails, nobody has changed the file.
        raise Refused("file_reads_differently", target, errno.EIO)
    return digest


def copy_start(reader: BinaryIO, target: Path, size: int, mode: int | None = None) -> str:
    """Copy at most `size` bytes of an open file to the new file `target`, durably; returns their SHA-256.

    The copy gets the times and rights of the open file, or `mode`. If it raises OSError, what was written
    stays.
    """
    unlink(target)
    digest = hashlib.sha256()
    with closing(create(target, 0o666 if mode is None else mode)) as writer:
        for chunk in _start_of(reader, size):
            digest.update(chunk)
            writer.write(chunk)
        writer.finish(reader if mode is None else None)
    return digest.hexdigest()


def _start_of(reader: BinaryIO, size: int) -> Iterator[bytes]:
    while size and (chunk := reader.read(min(READ_SIZE, size))):
        size -= len(chunk)
        yield chunk


def sha256_of_start(reader: BinaryIO, size: int) -> str:
    """Return the SHA-256 of at most the next `size` bytes of an open file."""
    digest = hashlib.sha256()
    for chunk in _start_of(reader, size):
        digest.update(chunk)
    return digest.hexdigest()


def copy_in_place(source: Path, target: Path, size: int, mode: int = 0o644) -> None:
    """Replace `target` by a copy of `source`'s first `size` bytes, durably. If it raises, no part is left."""
    temporary = target.with_name(f".{target.name}.part")
    clear(temporary)
    with no_part_left(temporary):
        with open_regular(source) as reader:
            copy_start(reader, temporary, size, mode)
        put_in_place(temporary, target)
    sync_folder(target.parent)
