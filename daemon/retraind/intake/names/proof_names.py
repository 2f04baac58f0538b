"""The names of markers and manifests, and of what is beside a file while it is downloaded. Pure."""

import re
from typing import NamedTuple

SUCCESS_MARKER = "_SUCCESS"
SHARED_SUMS = frozenset({"sha256sums", "sha256sums.txt", "sha256sum", "sha256sum.txt"})
"""Lists of checksums that are named after no delivery, in their canonical form. They may be for several."""
MARKER_ENDING = ".done"
MANIFEST_ENDING = ".manifest.json"
SUMS_ENDINGS = (".sha256", ".sha256sum")


def is_sums(name: str) -> bool:
    """Return whether a manifest is a list of checksums as `sha256sum` writes it, by its name."""
    return name.lower().endswith(SUMS_ENDINGS) or name.lower() in SHARED_SUMS


class Control(NamedTuple):
    """What shows that a download of a file is under way."""

    of: str
    """The name of the file."""
    in_place: bool
    """True where the program writes into the file itself, which is incomplete as long as this is there.

    Otherwise the data may be in this one until it replaces the file; one that nobody removed proves nothing.
    """


_IN_PLACE = (".aria2", ".lftp-pget-status", ".st")
"""aria2, lftp's pget, axel."""
_BESIDE = (
    ".part", ".partial", ".crdownload", ".filepart", ".download", ".opdownload", ".!ut", ".!qb", ".bc!",
)  # fmt: skip
CONTROL_ENDINGS = _IN_PLACE + _BESIDE
_RCLONE = re.compile(r"\.[0-9a-f]{8}(?=\.partial$)")


def control_in(plain: str) -> Control | None:
    """Return what a name (in its canonical form) says as that of a control file; None if it is none."""
    if not plain.endswith(CONTROL_ENDINGS):
        return None  # Nearly every name; there can be a hundred thousand.
    ending = next((each for each in _IN_PLACE if plain.endswith(each)), None)
    if ending:
        return Control(plain.removesuffix(ending), in_place=True)
    plain = _RCLONE.sub("", plain)
    ending = next(each for each in _BESIDE if plain.endswith(each))
    return Control(plain.removesuffix(ending), in_place=False)
