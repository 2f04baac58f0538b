"""The bundle: the zip the service wants, with the same bytes for the same input, streamed to the spool disk."""

import hashlib
import os
import re
import zipfile
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

from retraind.files import READ_SIZE, make_folder, sync_folder

_EPOCH = (1980, 1, 1, 0, 0, 0)
"""The earliest time a zip can tell; a real one would make equal inputs into different bundles."""
_LEVEL = 6


_UNSAFE = re.compile(r"[\x00-\x1f\x7f\\]")


def entry_name(folder: str, name: str) -> str:
    """Return what a file is called inside the bundle.

    A backslash, which Linux allows in names, would lead into another folder where the bundle is unpacked on Windows.
    """
    return f"{folder}/{_UNSAFE.sub('_', name)}"


@dataclass(frozen=True)
class Member:
    """A file to put into the bundle."""

    name: str
    """Its path inside the zip."""
    size: int
    """Bytes; decides whether the entry needs Zip64."""
    open: Callable[[], BinaryIO]
    """Its reads may raise to end the work."""


@dataclass(frozen=True)
class Bundle:
    """A finished bundle."""

    path: Path
    bytes: int
    sha256: str
    member_sha256: tuple[str, ...]
    """Of the members' content, in their order."""


def _unfinished(target: Path) -> Path:
    return target.with_name(f".{target.name}.part")


def discard(target: Path) -> None:
    """Remove the bundle `target`, whole or unfinished, if there is one."""
    target.unlink(missing_ok=True)
    _unfinished(target).unlink(missing_ok=True)


def build(target: Path, members: Sequence[Member], pause: Callable[[], None]) -> Bundle:
    """Write the zip `target` (replacing what is there) with `members`, holding one read of them in memory.

    `pause` is called between reads of the finished zip and may raise. Names are stored as UTF-8 and flagged so. Raises OSError.
    """
    make_folder(target.parent)
    temporary = _unfinished(target)
    hashes = []
    flags = os.O_RDWR | os.O_CREAT | os.O_TRUNC | os.O_NOFOLLOW | os.O_CLOEXEC
    with os.fdopen(os.open(temporary, flags, 0o600), "w+b") as file:
        with zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED, compresslevel=_LEVEL) as archive:
            for member in members:
                entry = zipfile.ZipInfo(member.name, _EPOCH)
                entry.compress_type = zipfile.ZIP_DEFLATED
                entry.create_system = 3  # Unix, whatever this runs on, for equal bytes
                entry.external_attr = 0o100644 << 16
                entry.file_size = member.size
                hashes.append(_copy(member, archive, entry))
        file.flush()
        os.fsync(file.fileno())
    digest = hashlib.sha256()
    with temporary.open("rb", buffering=0) as file:
        while piece := file.read(READ_SIZE):
            digest.update(piece)
            pause()
    size = temporary.stat().st_size
    temporary.replace(target)
    sync_folder(target.parent)
    return Bundle(target, size, digest.hexdigest(), tuple(hashes))


def _copy(member: Member, archive: zipfile.ZipFile, entry: zipfile.ZipInfo) -> str:
    digest = hashlib.sha256()
    with member.open() as source, archive.open(entry, "w") as sink:
        while piece := source.read(READ_SIZE):
            digest.update(piece)
            sink.write(piece)
    return digest.hexdigest()
