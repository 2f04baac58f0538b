"""The metrics of a trained model, read from the service's results file, for people to look at.

The format of the file is up to the service. If it contains metrics.json or metrics.csv, their numbers are
shown; nothing is decided by them.
"""

import csv
import hashlib
import io
import json
import math
import zipfile
import zlib
from collections.abc import Iterator, Mapping
from pathlib import Path, PurePosixPath
from typing import Any

from retraind.system import log
from retraind.system.reading import open_regular

_LOG = log.get(__name__)

_LARGEST = 32 << 20
"""Bytes of a results file that is read at all."""
_LARGEST_MEMBER = 1 << 20
_LARGEST_DIRECTORY = 256 << 10
"""Bytes of the list of members. An archive can name hundreds of thousands in a few megabytes."""
_END = b"PK\x05\x06"
_END_BYTES = 22
_LARGE_ENDS = (b"PK\x06\x06", b"PK\x06\x07")
"""Of archives with more members, or larger ones, than are read here."""
_LONGEST_END = _END_BYTES + 0xFFFF + 76
_MOST = 24
"""Figures that are kept."""
_LONGEST_NAME = 60
_PLAIN = frozenset({zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED})
_UNREADABLE = (
    OSError,
    ValueError,
    OverflowError,
    EOFError,
    RuntimeError,
    zipfile.BadZipFile,
    zlib.error,
    csv.Error,
)
"""What a file that is damaged, encrypted or made to do harm leads to."""


def scores_in(path: Path, sha256: str) -> dict[str, float]:
    """Return the figures by name, in the order of the file; none where there are none.

    `sha256` is of what the service sent: another file in its place is not read.
    """
    try:
        with open_regular(path) as file:
            content = file.read(_LARGEST + 1)
        if len(content) > _LARGEST or hashlib.sha256(content).hexdigest() != sha256:
            return {}
        return dict(_first(_figures(content)))
    except _UNREADABLE as error:
        _LOG.info("scores_not_read", reason=f"{type(error).__name__}: {error}")
        return {}


def _first(figures: Iterator[tuple[str, float]]) -> Iterator[tuple[str, float]]:
    found: set[str] = set()
    for name, value in figures:
        if len(found) == _MOST:
            return
        if name and len(name) <= _LONGEST_NAME and name not in found and math.isfinite(value):
            found.add(name)
            yield name, value


def _has_few_members(content: bytes) -> bool:
    """Return whether the list of an archive's members is short; it is read into memory as a whole."""
    end = content[-_LONGEST_END:]
    at = end.rfind(_END)
    if at < 0 or len(end) - at < _END_BYTES or any(sign in end for sign in _LARGE_ENDS):
        return False
    return int.from_bytes(end[at + 12 : at + 16], "little") <= _LARGEST_DIRECTORY


def _figures(content: bytes) -> Iterator[tuple[str, float]]:
    if not _has_few_members(content):
        return
    with zipfile.ZipFile(io.BytesIO(content)) as archive:
        for info in archive.infolist():
            kind = PurePosixPath(info.filename).name
            if kind not in {"metrics.json", "metrics.csv"} or info.compress_type not in _PLAIN:
                continue
            with archive.open(info) as member:
                text = _text(member.read(_LARGEST_MEMBER))
            yield from _of_json(json.loads(text)) if kind == "metrics.json" else _of_csv(text)


def _text(content: bytes) -> str:
    try:
        return content.decode("utf-8-sig")
    except UnicodeDecodeError:
        return content.decode("cp932")


def _of_json(document: Any) -> Iterator[tuple[str, float]]:
    """Take the numbers at the top, or those of the model where another one is beside it."""
    if isinstance(document, Mapping) and isinstance(document.get("model"), Mapping):
        document = document["model"]
    if isinstance(document, Mapping):
        for name, value in document.items():
            if isinstance(value, int | float) and not isinstance(value, bool):
                yield name, float(value)


def _of_csv(text: str) -> Iterator[tuple[str, float]]:
    """Take each row of a name and a number."""
    for row in csv.reader(text.splitlines()):
        if len(row) >= 2:  # noqa: PLR2004 - a name and a value
            try:
                value = float(row[1])
            except ValueError:
                continue  # A heading.
            yield row[0].strip(), value
