"""One read of a file, for all that want its bytes: the check, the digest and the bundle, side by side.

How far the reader is ahead of the slowest of them is bounded, and with it the memory.
"""

import codecs
import hashlib
from collections import deque
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from types import TracebackType
from typing import Protocol, Self

from retraind.bundle import deflate
from retraind.bundle.zip_writer import Archive, pieces
from retraind.dataset.reader.table import Limits, Reading, SourceFile, TableReader

_AHEAD = 4
"""Pieces that may wait for the check."""


class Taker(Protocol):
    """Gets a file's bytes in order, and is told when it has had all. What is hopeless as a table may end early."""

    def take(self, piece: bytes) -> None:
        """Get the next piece."""

    def end(self) -> None:
        """Get nothing more."""


class Packer:
    """A Taker that puts a file into an archive, with the mark of UTF-8 before it if `mark` asks for one that it lacks.

    Whether it does is told from the file's first piece. `marked` says what was done, so that it can be compared with what
    the whole file has shown in the end.
    """

    def __init__(self, archive: Archive, name: str, size: int, *, mark: bool) -> None:
        self._archive = archive
        self._name = name
        self._size = size
        self._mark = mark
        self._begun = False
        self.marked = False

    def take(self, piece: bytes) -> None:
        """Get the next piece."""
        if not self._begun:
            self.marked = self._mark and _unmarked_utf8(piece)
            self._archive.begin(self._name, self._size, codecs.BOM_UTF8 if self.marked else b"")
            self._begun = True
        self._archive.add(piece)

    def end(self) -> None:
        """Get nothing more."""
        if not self._begun:
            self._archive.begin(self._name, self._size)
        self._archive.end()


def _unmarked_utf8(start: bytes) -> bool:
    if start.startswith(codecs.BOM_UTF8) or start.isascii():
        return False
    try:
        codecs.getincrementaldecoder("utf-8")().decode(start)
    except UnicodeDecodeError:
        return False
    return True


class _Lane:
    """Gives pieces to `take`, one after the other, on a thread of its own that it joins at the end."""

    def __init__(self, name: str, take: Callable[[bytes], None]) -> None:
        self._name = name
        self._take = take
        self._waiting: deque[Future[None]] = deque()

    def __enter__(self) -> Self:
        self._pool = ThreadPoolExecutor(1, thread_name_prefix=self._name)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._pool.shutdown(cancel_futures=True)

    def put(self, piece: bytes) -> None:
        self._waiting.append(self._pool.submit(self._take, piece))
        while self._waiting and (self._waiting[0].done() or len(self._waiting) > _AHEAD):
            self._waiting.popleft().result()

    def drain(self) -> None:
        while self._waiting:
            self._waiting.popleft().result()


def read_once(
    source: SourceFile, taker: Taker | None = None, *, target: str | None = None, limits: Limits | None = None
) -> Reading:
    """Read a file and return what is in it as a table, its bytes having gone to `taker` as well.

    Raises what reading raises, and what `taker` raises.
    """
    limits = limits or Limits()
    table = TableReader(source, target=target, limits=limits)
    digest = hashlib.sha256()

    def look(piece: bytes) -> None:
        for start in range(0, len(piece), limits.piece):
            table.take(piece[start : start + limits.piece])

    with (
        source.open() as stream,
        _Lane("check", look) as checking,
        _Lane("digest", digest.update) as digesting,
    ):
        for piece in pieces(stream, deflate.PIECE if taker else limits.piece):
            checking.put(piece)
            digesting.put(piece)
            if taker is not None:
                taker.take(piece)
            if table.hopeless:
                break
        checking.drain()
        digesting.drain()
    if taker is not None and not table.hopeless:
        taker.end()
    return table.finish(digest.hexdigest())
