"""Whether a folder in a drop folder is a table that Spark or Hadoop has written: a folder of part files."""

import itertools
from pathlib import Path

from retraind.config.patterns import canonical
from retraind.intake.names.piece_names import piece_in
from retraind.intake.names.proof_names import SUCCESS_MARKER
from retraind.system.files import held
from retraind.system.reading import listed
from retraind.system.remote.errors import NoAnswer
from retraind.system.remote.verbs import is_mounted_in

_MOST_NAMES = 1_000
_OWN_NAMES = (SUCCESS_MARKER, "_temporary", "_committed_", "_started_")
"""Names, or their beginnings, of what the programs put beside the parts."""


def is_unload(drop: Path, folder: str, name: str) -> bool:
    """Return whether the folder `name` in a drop folder, or in `folder` in it, holds the parts of a table.

    It is not looked into where it is a mount point: whatever is mounted there may hang.
    """
    try:
        with held(drop, *([folder] if folder else [])) as place:
            if is_mounted_in(place, name):
                return False
            with held(place, name) as inside, listed(inside, most=_MOST_NAMES) as (_, entries):
                return any(_is_part(entry.name) for entry in itertools.islice(entries, _MOST_NAMES))
    except NoAnswer:
        raise
    except OSError:
        return False  # Whoever may not look into it is told that it is a folder.


def _is_part(name: str) -> bool:
    if name.startswith(_OWN_NAMES):
        return True
    piece = piece_in(canonical(name).partition(".")[0])
    return piece is not None and piece.family.name in {"spark", "part"}
