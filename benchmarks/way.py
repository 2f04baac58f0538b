"""What each part of a byte's way costs, one after the other on one thread.

python -m benchmarks.way read|digest|check|deflate|checksum|write|sync|send FILE ADDRESS
"""

import hashlib
import os
import sys
import tempfile
from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path

from benchmarks.timing import timed
from retraind.api.object_store import ObjectStore
from retraind.bundle import deflate
from retraind.bundle.zip_writer import pieces
from retraind.config.settings import ApiSettings
from retraind.dataset.preflight import SourceFile
from retraind.dataset.reader.table import TableReader
from retraind.system.reading import open_regular

PARTS = {
    "read": "read, from the page cache",
    "digest": "SHA-256",
    "check": "check",
    "deflate": "deflate",
    "checksum": "CRC-32",
    "write": "write the zip",
    "sync": "sync the zip",
    "send": "send the zip",
}


def _never() -> None:
    """Never pause."""


def _each(work: Callable[[bytes], object], loaded: Sequence[bytes]) -> None:
    for piece in loaded:
        work(piece)


def _check(path: Path, loaded: Sequence[bytes]) -> None:
    table = TableReader(SourceFile(path.name, partial(open_regular, path)))
    _each(table.take, loaded)
    table.finish("")


def _read(path: Path) -> list[bytes]:
    with open_regular(path) as file:
        return list(pieces(file, deflate.PIECE))


def _skim(path: Path) -> None:
    with open_regular(path) as file:
        for _ in pieces(file, deflate.PIECE):
            pass


def work(part: str, path: Path, address: str) -> None:
    """Do one part with a file, whose bytes are in memory already but for `read`."""
    loaded, fast, digest = _read(path), deflate.fast(), hashlib.sha256()
    squeeze = partial(fast.squeeze, before=b"")
    made = [squeeze(piece) for piece in loaded] if part in {"write", "sync", "send"} else []
    store = ObjectStore(ApiSettings.model_validate({"base_url": address}))
    with tempfile.NamedTemporaryFile(dir=path.parent, buffering=0) as target:
        if part != "write":
            _each(target.write, made)
        parts: dict[str, Callable[[], object]] = {
            "read": partial(_skim, path),
            "digest": partial(_each, digest.update, loaded),
            "check": partial(_check, path, loaded),
            "deflate": partial(_each, squeeze, loaded),
            "checksum": partial(_each, fast.checksum, loaded),
            "write": partial(_each, target.write, made),
            "sync": partial(os.fsync, target.fileno()),
            "send": partial(store.put, f"{address}/store", Path(target.name), _never),
        }
        with timed():
            parts[part]()


if __name__ == "__main__":
    work(sys.argv[1], Path(sys.argv[2]), sys.argv[3])
