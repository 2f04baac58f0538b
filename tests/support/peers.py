"""A raw little server for what no emulator would ever answer, and words for what comes of it."""

import contextlib
import hashlib
import socket
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from retraind.api.client import ApiClient
from retraind.domain.failures import Hold, JobFailed, Retry, Setback
from retraind.emulator import EmulatedModel
from retraind.report.wording import Audience, Said, Voice

CHURN = EmulatedModel("churn", model_id=1001, api_key="key-of-churn", secret_key="secret-of-account")
PRICE = EmulatedModel("price", model_id=1002, api_key="key-of-price", secret_key="secret-of-another")


_SHORT = 1 << 16
MIB = 1 << 20


@dataclass
class Visit:
    """One request as it came over the wire, and the connection to answer it on."""

    method: str
    target: str
    headers: dict[str, str]
    connection: socket.socket
    early: bytes
    size: int = 0
    digest: Any = field(default_factory=hashlib.sha256)
    body: bytes = b""
    """What was read, as long as it is short."""

    @property
    def has_all(self) -> bool:
        """Return whether the announced body was read."""
        return self.size == int(self.headers.get("content-length", 0))

    def take(self, most: int | None = None) -> None:
        """Read the announced body, or `most` bytes of it."""
        left = int(self.headers.get("content-length", 0)) - self.size
        left = left if most is None else min(left, most)
        block = memoryview(bytearray(1 << 20))
        while left > 0:
            got = min(len(self.early), left)
            if got:
                block[:got], self.early = self.early[:got], self.early[got:]
            else:
                got = self.connection.recv_into(block[: min(left, len(block))])
            if not got:
                return
            self.digest.update(block[:got])
            if self.size < _SHORT:
                self.body += bytes(block[:got])
            self.size += got
            left -= got


Play = bytes | Callable[[Visit], None]


class Peer:
    """Answers each connection's one request with the next of `plays`, the last one for ever."""

    def __init__(self, plays: list[Play]) -> None:
        self.visits: list[Visit] = []
        self._plays = plays
        self._socket = socket.create_server(("127.0.0.1", 0))
        self._lock = threading.Lock()
        self._open: list[socket.socket] = []
        self._threads = [threading.Thread(target=self._accept, daemon=True)]
        self._threads[0].start()
        self.port = self._socket.getsockname()[1]
        self.url = f"http://127.0.0.1:{self.port}"

    def stop(self) -> None:
        with contextlib.suppress(OSError):
            self._socket.shutdown(socket.SHUT_RDWR)
        self._socket.close()
        for connection in self._open:
            with contextlib.suppress(OSError):
                connection.shutdown(socket.SHUT_RDWR)
        for thread in self._threads:
            thread.join(10)
            assert not thread.is_alive()

    def _accept(self) -> None:
        with contextlib.suppress(OSError):
            while True:
                connection, _ = self._socket.accept()
                self._open.append(connection)
                thread = threading.Thread(target=self._serve, args=(connection,), daemon=True)
                self._threads.append(thread)
                thread.start()

    def _serve(self, connection: socket.socket) -> None:
        with connection, contextlib.suppress(OSError):
            head = b""
            while b"\r\n\r\n" not in head:
                piece = connection.recv(65_536)
                if not piece:
                    return
                head += piece
                if head.startswith(b"\x16"):  # TLS, which this is not
                    connection.sendall(answer(400))
                    return
            head, early = head.split(b"\r\n\r\n", 1)
            first, *lines = head.decode("latin-1").split("\r\n")
            method, target, _ = first.split(" ")
            headers = {name.lower(): value.strip() for name, value in (line.split(":", 1) for line in lines)}
            visit = Visit(method, target, headers, connection, early)
            with self._lock:
                play = self._plays[min(len(self.visits), len(self._plays) - 1)]
                self.visits.append(visit)
            if callable(play):
                play(visit)
            else:
                visit.take()
                connection.sendall(play)
                # A close while bytes still come in would be a reset.
                connection.shutdown(socket.SHUT_WR)
                connection.settimeout(1)
                while connection.recv(65_536):
                    pass


def answer(status: int = 200, body: bytes | str = b"", **headers: str) -> bytes:
    """Return a whole HTTP answer; underscores in header names stand for dashes."""
    body = body.encode() if isinstance(body, str) else body
    fields = {"Content-Length": str(len(body)), "Connection": "close"}
    fields |= {name.replace("_", "-"): value for name, value in headers.items()}
    lines = [f"HTTP/1.1 {status} Whatever", *(f"{name}: {value}" for name, value in fields.items()), "", ""]
    return "\r\n".join(lines).encode("latin-1") + body


def dripping(begun: bytes = b"") -> Play:
    """Return a play that sends the begin of an answer, and then another byte of it for ever."""

    def play(visit: Visit) -> None:
        visit.connection.sendall(begun)
        while True:
            visit.connection.sendall(b"x")
            time.sleep(0.05)

    return play


def drip(visit: Visit) -> None:
    """Answer well, in the end: one byte at a time."""
    visit.take()
    for byte in answer(200, '{"status": "job_running"}' + " " * 200):
        time.sleep(0.02)
        visit.connection.sendall(bytes([byte]))


def flood(start: bytes, more: bytes) -> Play:
    """Return what begins with `start` and then has megabytes of `more`."""

    def play(visit: Visit) -> None:
        visit.take()
        visit.connection.sendall(start)
        for _ in range(12):
            visit.connection.sendall(more * (MIB // 4 // len(more)))

    return play


ENDLESS = {
    "interim answers": flood(b"", b"HTTP/1.1 100 Continue\r\n\r\n"),
    "trailers": flood(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n", b"x: y\r\n"),
    "compressed blocks of nothing": flood(
        b"HTTP/1.1 200 OK\r\nContent-Encoding: deflate\r\n\r\n", b"\x00\x00\x00\xff\xff"
    ),
}
"""Answers that go on and on, and hold nothing."""


def action(setback: Exception) -> str:
    """Name what the error table asks for."""
    match setback:
        case Hold(credential=True):
            return "another credential"
        case Hold():
            return "a person for the model"
        case JobFailed(restart=True):
            return "this job fails"
        case JobFailed():
            return "this step fails"
        case Retry():
            return "again later"
    raise AssertionError(repr(setback))


def in_words(setback: Setback, audience: Audience = Audience.OPERATOR) -> Said:
    """Return in words what happened, and what to do."""
    return Voice(audience).on("churn", "JOB").say(setback.problem)


def call(client: ApiClient, number: int, key: str = "some-key", job: str = "some-job") -> object:
    """Make one of the four calls."""
    match number:
        case 1:
            return client.register("train.csv", key)
        case 2:
            return client.status(job, key)
        case 3:
            return client.switch(job, key)
    return client.issue_key(1001, key)
