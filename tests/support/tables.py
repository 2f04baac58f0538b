"""Tables: files of them, what is found in these, and tables read on one thread, piece by piece."""

import hashlib
import io
from functools import partial
from pathlib import Path
from typing import Any

from retraind.dataset.preflight import preflight
from retraind.dataset.reader.rows import Limits
from retraind.dataset.reader.table import ReadResult, SourceFile, TableReader
from retraind.domain.problems import Finding


def file_at(path: Path) -> SourceFile:
    """Return a file on disk, under its own name."""
    return SourceFile(path.name, partial(path.open, "rb"))


def file_of(content: str | bytes, name: str = "t.csv", encoding: str = "utf-8-sig") -> SourceFile:
    """Return a file with this content."""
    data = content if isinstance(content, bytes) else content.encode(encoding)
    return SourceFile(name, lambda: io.BytesIO(data))


def findings_in(content: str | bytes, name: str = "t.csv", **options: Any) -> list[Finding]:
    """Return what preflight finds in a file with this content."""
    return list(preflight(file_of(content, name), **options).findings)


def read_table(source: SourceFile, *, target: str | None = None, limits: Limits) -> ReadResult:
    """Read a table and return what is in it. The product reads on several threads, with `Reading`."""
    digest = hashlib.sha256()
    with source.open() as stream:
        reader = TableReader(source, target=target, limits=limits)
        while not reader.is_unreadable and (piece := stream.read(limits.piece)):
            digest.update(piece)
            reader.take(piece)
    return reader.finish(digest.hexdigest())
