"""Reads a file once for everything that needs its bytes: preflight, digest and bundle, in parallel.

The reader is at most a few pieces ahead of the slowest of them, which bounds the memory. The start of the
next file can be read while the last pieces of this one are looked at: until it is known what a good record
is, there is work for one thread only.
"""

import hashlib
from collections import deque
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import ExitStack, suppress
from functools import partial
from itertools import chain
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
_START = 256 << 10
"""Bytes that are read first, by one thread: mostly enough to learn what a good record is, so that others can
help with the rest."""


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


class Reading:
    """The reading of one file. Use it in a `with` statement."""

    def __init__(
        self,
        source: SourceFile,
        *,
        target: str | None = None,
        series: Series | None = None,
        limits: Limits | None = None,
    ) -> None:
        limits = limits or Limits()
        self._source = source
        self._piece = limits.piece
        self._table = TableReader(source, target=target, series=series, limits=limits)
        self._scanning, self._digesting = _Worker("preflight"), _Worker("digest")
        self._proofs = _Proofs(self._table)
        self._held = ExitStack()
        self._pieces: Iterator[bytes] | None = None

    def __enter__(self) -> Self:
        for each in (self._scanning, self._digesting, self._proofs):
            self._held.enter_context(each)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._held.__exit__(kind, error, trace)

    def begin(self) -> None:
        """Open the file, and have its start read. Raises OSError."""
        if self._pieces is None:
            stream = self._held.enter_context(self._source.open())
            found = pieces(stream, self._piece)
            first = next(found, b"")
            for part in (first[:_START], first[_START:]):
                self._scan(part)
            self._pieces = chain((first,) if first else (), found)

    def _scan(self, part: bytes) -> None:
        if part:
            self._scanning.put(partial(self._proofs.take, part, self._proofs.add(part)))

    def run(self, sink: ByteSink | None = None, meanwhile: Callable[[], None] | None = None) -> ReadResult:
        """Read the file to its end, and return what is in it as a table; `sink` receives the same bytes.

        `meanwhile` is called while what was read last is still being looked at. Raises what it, the reading
        and the sink raise.
        """
        table, digest = self._table, hashlib.sha256()
        self.begin()
        assert self._pieces is not None
        for number, piece in enumerate(self._pieces):
            if number:
                self._scan(piece)
            self._digesting.put(partial(digest.update, piece))
            if sink is not None:
                sink.take(piece)
            if table.is_unreadable:
                break
        if meanwhile is not None:
            meanwhile()
        self._scanning.drain()
        self._digesting.drain()
        if sink is not None and not table.is_unreadable:
            sink.end()
        return table.finish(digest.hexdigest())
