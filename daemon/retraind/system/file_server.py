"""The helper process: performs what `remote/` requests on the files of one file system.

`python -m retraind.system.file_server HANDLE NUMBER`: HANDLE is a socket over which connections arrive,
NUMBER identifies the helper to the process that started it. It has no lock, key or journal, decides nothing,
and ends with the process that started it.
"""

import contextlib
import functools
import inspect
import itertools
import mmap
import os
import socket
import sys
import threading
import traceback
from collections.abc import Callable
from pathlib import Path
from typing import Any

from retraind.system import copying, files, links, moving, reading, rights, writing  # noqa: F401 - their verbs
from retraind.system.copying import Sealed
from retraind.system.remote import wire
from retraind.system.remote.helpers import HELPERS
from retraind.system.remote.stream import SLOT
from retraind.system.remote.verbs import HANDLES, VERBS
from retraind.system.remote.wire import FAR, Channel, Message

_STACK = 1 << 20
"""Bytes of a thread's stack; nothing here is deep."""


class _Left(Exception):
    """Whoever asked does not wait for the answer any more."""


class _Connection:
    """One thread's work: one request after the other."""

    def __init__(self, channel: socket.socket, number: int) -> None:
        self._channel = Channel(channel)
        self._token = f"{FAR}{number}/"
        self._memory = memoryview(b"")
        self._own: dict[str, Callable[..., Message]] = {
            "pin": self._pin,
            "open_here": self._open,
            "create_here": self._create,
            "close_here": self._close,
            "status_here": self._status,
            "names_here": self._names,
            "statuses_here": self._statuses,
            "write_here": self._write,
            "finish_here": self._finish,
            "fill_here": self._fill,
        }

    def serve(self) -> None:
        """Answer until the other side has ended."""
        self._channel.send(Message({"thread": threading.get_native_id()}))
        with contextlib.suppress(EOFError, ConnectionError, _Left):
            while True:
                request = self._channel.receive()
                answer = self._answer(request)
                if "quiet" not in request.header:
                    self._channel.send(answer)
                if "ahead" in request.header and "value" in answer.header:
                    self._answer_ahead(request.header["ahead"], answer.header["value"])
        self._channel.close()

    def _answer(self, request: Message) -> Message:
        header = request.header
        try:
            given = {key: self._inside(wire.decoded(value)) for key, value in header["given"].items()}
            if "content" in header:
                given[header["content"]] = request.content
            if request.handle is not None:
                return self._share(request.handle)
            if (own := self._own.get(header["verb"])) is not None:
                return own(**given)
            return self._do(header["verb"], given)
        except OSError as error:
            if isinstance(error.filename, str):
                error.filename = str(self._outside(Path(error.filename)))
            return Message(wire.encoded_error(error))
        except _Left:
            raise
        except Exception:  # noqa: BLE001 - raised at the other side
            return Message({"bug": traceback.format_exc()})

    def _answer_ahead(self, requests: list[Any], pinned: Any) -> None:
        """Answer what is asked of a folder at once when it is pinned.

        Answers of one kind are sent together; those that may take longer keep no others waiting.
        """
        handle, _ = wire.decoded(pinned)
        for _, alike in itertools.groupby(requests, key=lambda request: request[-1]):
            answers = []
            for verb, at, below, given, _ in alike:
                given[at] = wire.encoded(Path(f"{self._token}{handle}", below))
                answers.append(self._answer(Message({"verb": verb, "given": given})))
            self._channel.send_together(answers)

    def _do(self, name: str, given: dict[str, Any]) -> Message:
        function = VERBS[name]
        if "pause" in _parameters(name):
            given["pause"] = self._stay
        if "sealed" in given:
            given["sealed"] = {file: Sealed(*known) for file, known in given["sealed"].items()}
        value = function(**given)
        if isinstance(value, bytes):
            return Message({"as": "bytes"}, value)
        if isinstance(value, list) and any(isinstance(each, os.stat_result) for each in value):
            return Message({"as": "rows"}, wire.rows(value))
        return Message({"value": wire.encoded(self._outside(value) if isinstance(value, Path) else value)})

    def _stay(self) -> None:
        """Raise where nobody waits for the answer any more."""
        try:
            if not self._channel.plain.recv(1, socket.MSG_PEEK | socket.MSG_DONTWAIT):
                raise _Left
        except BlockingIOError:
            pass

    def _inside(self, value: Any) -> Any:
        """Return a path as it is called here, and anything else as it is."""
        if not isinstance(value, Path):
            return value
        text = str(value)
        return Path(HANDLES + text.removeprefix(self._token)) if text.startswith(self._token) else value

    def _outside(self, path: Path) -> Path:
        text = str(path)
        return Path(self._token + text.removeprefix(HANDLES)) if text.startswith(HANDLES) else path

    # What keeps something open here

    def _pin(self, folder: Path, below: tuple[str, ...]) -> Message:
        handle = files.open_pinned(folder, below)
        return Message({"value": wire.encoded((handle, os.readlink(f"{HANDLES}{handle}")))})  # noqa: PTH115

    def _open(self, path: Path) -> Message:
        return Message({"value": reading.open_handle(path)})

    def _create(self, path: Path, mode: int) -> Message:
        return Message({"value": writing.create_here(path, mode)})

    def _close(self, handle: int) -> Message:
        os.close(handle)
        return Message({"value": None})

    def _status(self, handle: int) -> Message:
        return Message({"value": wire.encoded(os.fstat(handle))})

    def _write(self, handle: int, content: bytes) -> Message:
        left = memoryview(content)
        while left:
            left = left[os.write(handle, left) :]
        return Message({"value": None})

    def _finish(self, handle: int, like: os.stat_result | None) -> Message:
        writing.finish_here(handle, like)
        return Message({"value": None})

    def _share(self, memory: int) -> Message:
        """Take memory that both sides see, for the bytes of files."""
        try:
            self._memory = memoryview(mmap.mmap(memory, 0))
        finally:
            os.close(memory)
        return Message({"value": None})

    def _fill(self, handle: int, start: int, slot: int) -> Message:
        """Put a file's bytes into a slot of the shared memory, as many as there are."""
        left = self._memory[slot * SLOT : (slot + 1) * SLOT]
        while left and (got := os.preadv(handle, [left], start)):
            left, start = left[got:], start + got
        return Message({"value": SLOT - len(left)})

    # Folders

    def _names(self, folder: Path, *, below: bool, most: int | None) -> Message:
        found = reading.names_here(folder, below=below, most=most)
        header = {
            "count": len(found.names), "statuses": len(found.statuses), "status": wire.numbers(found.status),
        }  # fmt: skip
        return Message(header, wire.rows(found.statuses) + wire.packed(found.names, found.kinds))

    def _statuses(self, folder: Path, names: tuple[str, ...]) -> Message:
        return Message({}, wire.rows(reading.statuses_here(folder, names)))


@functools.cache
def _parameters(name: str) -> frozenset[str]:
    return frozenset(inspect.signature(VERBS[name]).parameters)


def main() -> None:
    """Serve until the other side has ended."""
    HELPERS.serving = True
    control = Channel(socket.socket(fileno=int(sys.argv[1])))
    control.plain.set_inheritable(False)
    threading.stack_size(_STACK)
    with contextlib.suppress(EOFError, ConnectionError):
        while (handle := control.receive().handle) is not None:
            connection = _Connection(socket.socket(fileno=handle), int(sys.argv[2]))
            threading.Thread(target=connection.serve, daemon=True).start()
    # A thread may be in a call that never returns; nothing is to be cleaned up.
    os._exit(0)


if __name__ == "__main__":
    main()
