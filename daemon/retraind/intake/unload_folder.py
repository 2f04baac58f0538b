"""Whether a folder in a drop folder is a table that Spark or Hadoop has written: a folder of part files."""

import itertools
import os
from pathlib import Path

from retraind.config.patterns import canonical
from retraind.intake.piece_names import piece_in
from retraind.intake.proof_names import SUCCESS_MARKER
from retraind.intake.settling import TO_LIST
from retraind.system.mounts import present_mounts

_MOST_NAMES = 1_000
_OWN_NAMES = (SUCCESS_MARKER, "_temporary", "_committed_", "_started_")
"""Names, or their beginnings, of what the programs put beside the parts."""


def is_unload(drop: int, name: str) -> bool:
    """Return whether the folder `name` in the open folder `drop` holds the parts of a table.

    It is not looked into where it is a mount point: whatever is mounted there may hang.
    """
    try:
        path = f"{Path(f'/proc/self/fd/{drop}').readlink()}/{name}"
        if any(str(mount.point) == path for mount in present_mounts()):
            return False
        handle = os.open(name, TO_LIST | os.O_NOFOLLOW, dir_fd=drop)
    except OSError:
        return False  # Whoever may not look into it is told that it is a folder.
    try:
        with os.scandir(handle) as entries:
            return any(_is_part(entry.name) for entry in itertools.islice(entries, _MOST_NAMES))
    finally:
        os.close(handle)


def _is_part(name: str) -> bool:
    if name.startswith(_OWN_NAMES):
        return True
    piece = piece_in(canonical(name).partition(".")[0])
    return piece is not None and piece.family.name in {"spark", "part"}
