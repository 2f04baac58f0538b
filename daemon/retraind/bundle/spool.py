"""The spool: the folder where bundles wait to be sent, each named after its job."""

import re
import stat
from collections.abc import Callable, Collection
from pathlib import Path

from retraind.bundle.progress import note_name

_BUNDLE = re.compile(r"\.?\d{4}-\d\d-\d\dT\d{6}Z_([^/]*_)?[0-9a-f]{6}(\.zip(\.part)?|\.progress)")


def bundle_name(job_id: str) -> str:
    """Return the name of a job's bundle."""
    return f"{job_id}.zip"


def has_bundle(path: Path, size: int | None) -> bool:
    """Return whether a bundle is there with the size that it was made with."""
    try:
        status = path.stat()
    except FileNotFoundError:
        return False
    return stat.S_ISREG(status.st_mode) and status.st_size == size


def clear(spool: Path, wanted: Callable[[], Collection[str]]) -> list[str]:
    """Remove the bundles of all jobs that are not `wanted`; returns their names.

    A kill, a job that a person deleted or a journal from a backup may leave some behind. Files with other
    names stay. Raises OSError.
    """
    # Listed before the journal is read: what appears later belongs to a job that the journal already knows.
    try:
        names = [path.name for path in spool.iterdir()]
    except FileNotFoundError:
        names = []
    names = [name for name in names if _BUNDLE.fullmatch(name)]
    kept = {name for job in wanted() for name in (bundle_name(job), note_name(job))} if names else set()
    left = [name for name in names if name.removeprefix(".").removesuffix(".part") not in kept]
    for name in left:
        (spool / name).unlink(missing_ok=True)
    return left
