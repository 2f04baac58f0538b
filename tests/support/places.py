"""Where tests keep their files: in memory, where a sync costs nothing, on the machine's disk, or on both at
once."""

import os
import shutil
import tempfile
from pathlib import Path

MEMORY = Path("/dev/shm")
_ENOUGH = 2 << 30
"""Bytes that a run of all tests never needs."""


def keep_in_memory() -> None:
    """Have pytest make its temporary folders in memory, unless somebody has named another place."""
    if (
        MEMORY.is_dir()
        and shutil.disk_usage(MEMORY).free > _ENOUGH
        and not os.statvfs(MEMORY).f_flag & os.ST_NOEXEC
    ):
        os.environ.setdefault("PYTEST_DEBUG_TEMPROOT", str(MEMORY))


def in_memory(prefix: str) -> Path:
    """Make a folder in memory where the machine has such a place."""
    return Path(tempfile.mkdtemp(prefix=prefix, dir=MEMORY if MEMORY.is_dir() else None))


def on_disk() -> Path:
    """Make a folder where the machine keeps temporary files, which is a disk on most."""
    return Path(tempfile.mkdtemp(prefix="retraind-"))


def another_file_system(than: Path) -> Path | None:
    """Make a folder on another file system; None where the machine has no two of them."""
    for make in (on_disk, lambda: in_memory("retraind-")):
        made = make()
        if made.stat().st_dev != than.stat().st_dev:
            return made
        made.rmdir()
    return None
