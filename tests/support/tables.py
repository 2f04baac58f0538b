"""Tables read on one thread, piece by piece; the product reads them on several, with `Reading`."""

import hashlib
from functools import partial
from pathlib import Path

from retraind.dataset.reader.rows import Limits
from retraind.dataset.reader.table import ReadResult, SourceFile, TableReader


def file_at(path: Path) -> SourceFile:
    """Return a file on disk, under its own name."""
    return SourceFile(path.name, partial(path.open, "rb"))


def read_table(source: SourceFile, *, target: str | None = None, limits: Limits) -> ReadResult:
    """Read a table and return what is in it."""
    digest = hashlib.sha256()
    with source.open() as stream:
        reader = TableReader(source, target=target, limits=limits)
        while not reader.is_unreadable and (piece := stream.read(limits.piece)):
            digest.update(piece)
            reader.take(piece)
    return reader.finish(digest.hexdigest())
