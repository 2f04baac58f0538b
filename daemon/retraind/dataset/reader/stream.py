"""Reads a file once for everything that needs its bytes: preflight, digest and bundle, in parallel.

The reader is at most a few pieces ahead of the slowest of them, which bounds the memory.
"""

import hashlib
from collections import deque
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import suppress
from functools import partial
from threading import Event
from types import TracebackType
from typing import Protocol, Self

from retraind.bundle import deflate
from retraind.bundle.zip_writer import pieces
from retraind.dataset.reader.provers import Ahead
from retraind.dataset.reader.rows import Limits
from retraind.dataset.reader.table import ReadResult, Series, SourceFile, TableReader

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

    def put(self, do: Callable[[], None]) -> None:
        self._waiting.append(self._pool.submit(do))
        while self._waiting and (self._waiting[0].done() or len(self._waiting) > _AHEAD):
            self._waiting.popleft().result()

    def drain(self) -> None:
        while self._waiting:
            self._waiting.popleft().result()


class _Proofs:
    """Proves pieces of a table before they are read: on a thread of its own, and on the one that waits."""

    def __init__(self, table: TableReader) -> None:
        self._table = table
        self._pending: deque[tuple[Future[Ahead | None], bytes]] = deque()
        self._begun = Event()  # the first piece was read: now it is known what a good record is

    def __enter__(self) -> Self:
        self._pool = ThreadPoolExecutor(1, thread_name_prefix="proof")
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._begun.set()
        self._pool.shutdown(cancel_futures=True)

    def add(self, piece: bytes) -> Future[Ahead | None]:
        """Have a piece proved, in turn."""
        found: Future[Ahead | None] = Future()
        self._pending.append((found, piece))
        if deflate.cores() > 1:
            self._pool.submit(self._run)
        return found

    def take(self, piece: bytes, found: Future[Ahead | None]) -> None:
        """Read a piece once it is proved. What no one has begun to prove need not be waited for."""
        if found.cancel():
            with suppress(ValueError):
                self._pending.remove((found, piece))
            self._table.take(piece)
        else:
            while not found.done() and self._prove_next():
                pass
            self._table.take(piece, found.result())
        self._begun.set()

    def _run(self) -> None:
        self._begun.wait()
        self._prove_next()

    def _prove_next(self) -> bool:
        """Prove the first piece that no one has begun to prove; return whether there was one."""
        try:
            found, piece = self._pending.popleft()
        except IndexError:
            return False
        if found.set_running_or_notify_cancel():
            try:
                found.set_result(self._table.prove_ahead(piece))
            except BaseException as error:  # noqa: BLE001
                found.set_exception(error)
        return True


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
        _Proofs(table) as proofs,
    ):
        for piece in pieces(stream, deflate.PIECE if sink else limits.piece):
            scanning.put(partial(proofs.take, piece, proofs.add(piece)))
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
