"""One helper process, from outside: sends it requests, waits for responses, and abandons it if it hangs.

Each call has its own connection to its own thread in the helper, so a slow call delays nothing else. Nothing
here ever waits for the process itself: it may be one that cannot even be killed.
"""

import contextlib
import select
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

from retraind.system.mounts import TABLE, Mount
from retraind.system.remote import wire
from retraind.system.remote.early import Ahead, EarlyAnswers, Kind
from retraind.system.remote.errors import NoAnswer
from retraind.system.remote.wire import Channel, Message

PATIENCE = 10.0
"""Seconds that a call may show no sign of progress before its file system counts as silent."""
_TIMES: Mapping[Kind, int] = {"look": 1, "read": 6, "sync": 30}
"""How many times as long each may take."""
_START_PATIENCE = 30.0
"""Seconds that a process may take to start, on a machine under load."""
_SLICE = 0.1
_MODULE = "retraind.system.file_server"


class _Connection(NamedTuple):
    channel: Channel
    thread: int
    """The id of the thread at the other end."""


class Helper:
    """A process that touches one file system."""

    def __init__(self, number: int, mount: Mount, limit: Callable[[], float]) -> None:
        """Start it. `limit` returns the most patience that there is now. Raises OSError."""
        self.number = number
        self.mount = mount
        self.used_at = time.monotonic()
        self._limit = limit
        self._lock = threading.Lock()
        self._free: list[_Connection] = []
        self._all: set[Channel] = set()
        self._pinned: dict[int, str] = {}
        """Its open handles, with the real path of each."""
        self._early = EarlyAnswers()
        self._busy = 0
        self.given_up = False
        """True once it is not asked any more."""
        self.given_up_at = 0.0
        """When, by the monotonic clock."""
        self.mounts_then = 0
        """The version of the mount table at that time."""
        self.waited = 0.0
        """Seconds for which it was waited for in vain."""
        self.answered = 0
        """How many calls it has answered."""
        control, theirs = socket.socketpair()
        self._control = Channel(control)
        with theirs:
            self._process = subprocess.Popen(  # noqa: S603 - our own module
                [sys.executable, "-I", "-X", "utf8", "-m", _MODULE, str(theirs.fileno()), str(number)],
                pass_fds=[theirs.fileno()],
                stdin=subprocess.DEVNULL,
                stdout=subprocess.DEVNULL,
                stderr=subprocess.DEVNULL,
                cwd="/",
                process_group=0,
                env={"LC_ALL": "C.UTF-8"},
            )

    @property
    def pid(self) -> int:
        """The id of the process."""
        return self._process.pid

    @property
    def is_idle(self) -> bool:
        """Return whether nothing is asked of it, or kept open in it."""
        with self._lock:
            return not (self._busy or self._pinned)

    @property
    def has_ended(self) -> bool:
        """Return whether the process has ended. Never waits."""
        return self._process.poll() is not None

    def give_up(self) -> None:
        """Ask nothing more, wake up who waits for it, and kill it; it ends once the kernel lets it."""
        with self._lock:
            if not self.given_up:
                self.given_up_at, self.mounts_then = time.monotonic(), TABLE.version
            self.given_up = True
            free, self._free = self._free, []
            # Those who use the others close them.
            used = [*self._all.difference(each.channel for each in free), self._control]
        with contextlib.suppress(ProcessLookupError):
            self._process.send_signal(signal.SIGKILL)
        for channel in used:
            with contextlib.suppress(OSError):
                channel.plain.shutdown(socket.SHUT_RDWR)
        for connection in free:
            self._drop(connection)

    def real(self, handle: int) -> str:
        """Return the path at which a pinned folder was found, without links."""
        return self._pinned.get(handle, self.mount.point.as_posix())

    # Calls

    def call(
        self,
        name: str,
        given: Mapping[str, Any],
        *,
        pause: Callable[[], None] | None = None,
        kind: Kind = "look",
    ) -> Any:
        """Have it do a verb, and return what that returns. Raises OSError as the verb does, and NoAnswer."""
        answer = self.ask(name, given, pause=pause, kind=kind)
        match answer.header.get("as"):
            case "bytes":
                return answer.content
            case "rows":
                return wire.rows_of(answer.content)
            case _:
                return wire.decoded(answer.header["value"])

    def ask(
        self,
        name: str,
        given: Mapping[str, Any],
        *,
        pause: Callable[[], None] | None = None,
        kind: Kind = "look",
    ) -> Message:
        """Return the answer as it comes, for a verb that answers with bytes. Raises like `call`."""
        answer = self._early.take(name, given)
        if answer is not None:
            wire.raise_error(answer.header)
            return answer
        values = dict(given)
        at = next((key for key, value in values.items() if isinstance(value, bytes)), None)
        header: dict[str, Any] = {"verb": name}
        content = b"" if at is None else values.pop(at)
        if at is not None:
            header["content"] = at
        header["given"] = {key: wire.encoded(value) for key, value in values.items()}
        with self._asking() as connection:
            connection.channel.send(Message(header, content))
            self._wait(connection.channel.ready, connection.thread, pause, kind)
            answer = connection.channel.receive()
        self.answered += 1
        wire.raise_error(answer.header)
        return answer

    @contextlib.contextmanager
    def _asking(self) -> Iterator[_Connection]:
        """Use a connection; where something goes wrong with it, nobody else gets it."""
        with self._lock:
            if self.given_up:
                raise self._silent()
            self._busy += 1
            connection = self._free.pop() if self._free else None
        try:
            connection = connection or self._connect()
            try:
                yield connection
            except BaseException:
                self._drop(connection)
                raise
            with self._lock:
                self._free.append(connection)
        except (EOFError, ConnectionError, TimeoutError) as error:
            if not self.given_up:
                self.give_up()
            raise self._silent() from error
        finally:
            self.used_at = time.monotonic()
            with self._lock:
                self._busy -= 1

    def _connect(self) -> _Connection:
        plain, theirs = socket.socketpair()
        ours = Channel(plain)
        with theirs, self._lock:
            self._all.add(ours)
            if self.given_up:
                raise ConnectionError
            self._control.send(Message({}, handle=theirs.fileno()))
        plain.settimeout(_START_PATIENCE)
        connection = _Connection(ours, ours.receive().header["thread"])
        plain.settimeout(PATIENCE)
        return connection

    def _drop(self, connection: _Connection) -> None:
        with self._lock:
            self._all.discard(connection.channel)
        connection.channel.close()

    def _wait(self, ready: select.poll, thread: int, pause: Callable[[], None] | None, kind: Kind) -> None:
        """Wait until something can be read. Raises NoAnswer, and what `pause` raises.

        A thread that goes through a hundred thousand files, or hashes gigabytes, runs now and then: it is
        waited for. One that sleeps in a single call is not.
        """
        quiet, before = 0.0, ""
        while not ready.poll(_SLICE * 1000):
            if pause is not None:
                pause()
            pulse = self._turns(thread)
            quiet = quiet + _SLICE if pulse == before else 0.0
            before = pulse
            patience = min(PATIENCE * _TIMES[kind], self._limit())
            if self.given_up or quiet >= patience:
                self.waited = max(self.waited, quiet)
                self.give_up()
                raise self._silent()

    def _turns(self, thread: int) -> str:
        """Return the CPU time that the kernel counts for a thread. Touches no share."""
        with contextlib.suppress(OSError):
            return Path(f"/proc/{self.pid}/task/{thread}/schedstat").read_text()
        return ""

    def _silent(self) -> NoAnswer:
        return NoAnswer(self.mount.point, self.mount.point)

    # Folders and files that stay open in it

    def pin(self, folder: Path, below: tuple[str, ...], ahead: Sequence[Ahead] = ()) -> Path:
        """Pin a folder there: the path that means it, until `release`. Raises OSError as `files.held`.

        The requests `ahead` are answered in the same go: whoever makes them then does not wait.
        """
        given = {"folder": wire.encoded(folder), "below": wire.encoded(below)}
        order = {"verb": "pin", "given": given, "ahead": list(ahead)}
        with self._asking() as connection:
            connection.channel.send(Message(order))
            self._wait(connection.channel.ready, connection.thread, None, "look")
            answer = connection.channel.receive()
            early = []
            for each in ahead if "value" in answer.header else ():
                self.wait(connection, None, each.kind)
                early.append(connection.channel.receive())
        self.answered += 1
        wire.raise_error(answer.header)
        handle, real = wire.decoded(answer.header["value"])
        path = Path(f"{wire.FAR}{self.number}/{handle}")
        with self._lock:
            self._pinned[handle] = real
        for each, found in zip(ahead, early, strict=True):
            self._early.put(each, path, handle, found)
        return path

    def keep(self, name: str, given: Mapping[str, Any]) -> int:
        """Have it open a file, which stays open until `release`; returns the handle there. Raises OSError."""
        handle: int = self.call(name, given, kind="read")
        with self._lock:
            self._pinned[handle] = ""
        return handle

    def closed(self, handle: int) -> None:
        """Take note that a handle there is open no longer."""
        with self._lock:
            self._pinned.pop(handle, None)
        self._early.forget(handle)

    def release(self, handle: int) -> None:
        """Close what stayed open there. Does not wait for it, and never raises OSError."""
        self.closed(handle)
        if self.given_up:
            return
        with contextlib.suppress(OSError), self._asking() as connection:
            order = {"verb": "close_here", "given": {"handle": handle}, "quiet": 1}
            connection.channel.send(Message(order))

    @contextlib.contextmanager
    def conversation(self) -> Iterator["Conversation"]:
        """Keep a connection for several orders, which are given before the answers to earlier ones come."""
        with self._asking() as connection:
            yield Conversation(self, connection)

    def wait(self, connection: _Connection, pause: Callable[[], None] | None, kind: Kind = "read") -> None:
        """Wait until a message can be received. Raises NoAnswer, and what `pause` raises."""
        if not connection.channel.has_message:
            self._wait(connection.channel.ready, connection.thread, pause, kind)


class Conversation:
    """A connection of one caller's own."""

    def __init__(self, helper: Helper, connection: _Connection) -> None:
        self._helper = helper
        self._connection = connection

    def order(self, name: str, given: Mapping[str, Any], handle: int | None = None) -> None:
        """Have the helper do something; the answer is received later, in the order of the orders."""
        values = {key: wire.encoded(value) for key, value in given.items()}
        self._connection.channel.send(Message({"verb": name, "given": values}, handle=handle))

    def answer(self, pause: Callable[[], None] | None) -> Mapping[str, Any]:
        """Return the next answer. Raises NoAnswer, EOFError, and what `pause` raises."""
        self._helper.wait(self._connection, pause)
        return self._connection.channel.receive().header
