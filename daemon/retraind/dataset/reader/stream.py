"""Reads a file once for everything that needs its bytes: preflight, digest and bundle, in parallel.

The reader is at most a few pieces ahead of the slowest of them, which bounds the memory.
"""

import hashlib
from collections import deque
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from functools import partial
from types import TracebackType
from typing import Protocol, Self, TypeVar

from retraind.bundle import deflate
from retraind.bundle.zip_writer import pieces
from retraind.dataset.reader.provers import Ahead
from retraind.dataset.reader.rows import Limits
from retraind.dataset.reader.table import ReadResult, Series, SourceFile, TableReader

_Found = TypeVar("_Found")

_AHEAD = 4
"""Pieces that may wait for the preflight or the digest."""


class ByteSink(Protocol):
    """Receives a file's bytes in order. `end` is not called for a file that turns out not to be a table."""

    def take(self, piece: bytes) -> None:
        """Receive the next piece."""

    def end(self) -> None:
        """Receive the end of the file."""


class _Worker:
    """Does one thing after the other on its own thread, which it joins at the end."""

    def __init__(self, name: str) -> None:
        self._name = name
        self._waiting: deque[Future[None]] = deque()

    def __enter__(self) -> Self:
        self._pool = ThreadPoolExecutor(1, thread_name_prefix=self._name)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._pool.shutdown(cancel_futures=True)

    def submit(self, do: Callable[[], _Found]) -> Future[_Found]:
        return self._pool.submit(do)

    def put(self, do: Callable[[], None]) -> None:
        self._waiting.append(self._pool.submit(do))
        while self._waiting and (self._waiting[0].done() or len(self._waiting) > _AHEAD):
            self._waiting.popleft().result()

    def drain(self) -> None:
        while self._waiting:
            self._waiting.popleft().result()


def _take(table: TableReader, piece: bytes, ahead: Future[Ahead | None] | None) -> None:
    # What the other thread has not begun need not be waited for.
    table.take(piece, None if ahead is None or ahead.cancel() else ahead.result())


def read_once(
    source: SourceFile,
    sink: ByteSink | None = None,
    *,
    target: str | None = None,
    series: Series | None = None,
    limits: Limits | None = None,
) -> ReadResult:
    """Read a file and return what is in it as a table; `sink` receives the same bytes.

    Raises what reading raises, and what `sink` raises.
    """
    limits = limits or Limits()
    table = TableReader(source, target=target, series=series, limits=limits)
    digest = hashlib.sha256()

    with (
        source.open() as stream,
        _Worker("preflight") as scanning,
        _Worker("digest") as digesting,
        _Worker("proof") as proving,
    ):
        for number, piece in enumerate(pieces(stream, deflate.PIECE if sink else limits.piece)):
            # Two threads prove, every other piece each.
            second = number % 2 and deflate.cores() > 1
            ahead = proving.submit(partial(table.prove_ahead, piece)) if second else None
            scanning.put(partial(_take, table, piece, ahead))
            digesting.put(partial(digest.update, piece))
            if sink is not None:
                sink.take(piece)
            if table.is_unreadable:
                break
        scanning.drain()
        digesting.drain()
    if sink is not None and not table.is_unreadable:
        sink.end()
    return table.finish(digest.hexdigest())
