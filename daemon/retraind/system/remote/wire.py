"""Messages between retraind and its helper processes: a JSON header, raw bytes behind it, perhaps a handle.

Nothing in a message is ever executed. Texts are names of files, which need not be text: they travel byte for
byte.
"""

import json
import os
import select
import socket
import struct
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

from retraind.system.remote.errors import HelperFailed, Refused

_PREFIX = struct.Struct(">IQ")
"""The lengths of the header and of the bytes behind it."""
FAR = "/\0"
"""How paths begin of what a helper has pinned: no other path can, and no system call takes it."""
_SECOND = 1_000_000_000
_CHUNK = 1 << 16
"""Bytes that are received at a time; most messages are shorter."""
_ROW = struct.Struct("=7Q3q")
"""A status in `rows`: its times may be before 1970."""
ROW_SIZE = _ROW.size
_NO_ROW = bytes(ROW_SIZE)
"""A file's mode is never 0."""
_as_json = json.JSONEncoder(separators=(",", ":")).encode


class Message(NamedTuple):
    """What one side sends."""

    header: dict[str, Any]
    content: bytes = b""
    handle: int | None = None
    """An open file that the receiver gets a handle of."""


class Channel:
    """One end of a connection, on which messages are sent and received."""

    def __init__(self, plain: socket.socket) -> None:
        self.plain = plain
        self.ready = select.poll()
        """Tells whether there is something to receive."""
        self.ready.register(plain, select.POLLIN)
        self._read = bytearray()
        """What was received beyond the last message."""
        self._handles: list[int] = []

    @property
    def has_message(self) -> bool:
        """Return whether a whole header was received already."""
        return (
            len(self._read) >= _PREFIX.size
            and len(self._read) >= _PREFIX.size + _PREFIX.unpack_from(self._read)[0]
        )

    def send(self, message: Message) -> None:
        """Send a message. Raises OSError, TimeoutError where the socket has a time-out."""
        _send(self.plain, message)

    def send_together(self, messages: Iterable[Message]) -> None:
        """Send several messages, which wake the receiver once."""
        self.plain.sendall(b"".join(part for each in messages for part in (_packed(each), each.content)))

    def receive(self) -> Message:
        """Receive a message. Raises EOFError where the other side has ended, OSError."""
        self._fill(_PREFIX.size)
        header, content = _PREFIX.unpack_from(self._read)
        end = _PREFIX.size + header
        self._fill(end)
        told = json.loads(self._read[_PREFIX.size : end])
        start = bytes(self._read[end : end + content])
        del self._read[: end + content]
        rest = _exactly(self.plain, content - len(start)) if len(start) < content else b""
        return Message(told, start + rest if rest else start, self._handles.pop() if self._handles else None)

    def _fill(self, size: int) -> None:
        while len(self._read) < size:
            more, handles, _, _ = socket.recv_fds(self.plain, _CHUNK, 1)
            if not more:
                raise EOFError
            self._read += more
            self._handles += handles

    def close(self) -> None:
        """Close it."""
        self.plain.close()


def _send(channel: socket.socket, message: Message) -> None:
    start, content = _packed(message), message.content
    if message.handle is None:
        if len(content) <= _CHUNK:
            start, content = start + content, b""
        channel.sendall(start)
    else:
        sent = socket.send_fds(channel, [start], [message.handle])
        channel.sendall(start[sent:])
    if content:
        channel.sendall(content)


def _packed(message: Message) -> bytes:
    header = _as_json(message.header).encode("ascii")
    return _PREFIX.pack(len(header), len(message.content)) + header


def _exactly(channel: socket.socket, size: int) -> bytearray:
    data = bytearray(size)
    view, got = memoryview(data), 0
    while got < size:
        more = channel.recv_into(view[got:])
        if not more:
            raise EOFError
        got += more
    return data


def numbers(status: os.stat_result) -> list[int]:
    """Return what is sent of a file's status."""
    return [
        status.st_mode, status.st_ino, status.st_dev, status.st_nlink, status.st_uid, status.st_gid,
        status.st_size, status.st_atime_ns, status.st_mtime_ns, status.st_ctime_ns,
    ]  # fmt: skip


def status_of(sent: Sequence[int]) -> os.stat_result:
    """Return the status that was sent."""
    mode, inode, device, links, user, group, size, read, changed, inode_changed = sent
    return os.stat_result((
        mode, inode, device, links, user, group, size,
        read // _SECOND, changed // _SECOND, inode_changed // _SECOND,
        read / _SECOND, changed / _SECOND, inode_changed / _SECOND, read, changed, inode_changed,
    ))  # fmt: skip


def packed(names: Sequence[str], flags: bytes) -> bytes:
    """Return names of files, each with a byte of its own, as raw bytes."""
    return flags + b"\0".join(map(os.fsencode, names))


def unpacked(content: bytes, count: int) -> tuple[list[str], bytes]:
    """Return the names that were packed, and the byte of each."""
    names = content[count:].split(b"\0") if count else []
    return [os.fsdecode(name) for name in names], content[:count]


def rows(found: Iterable[os.stat_result | None]) -> bytes:
    """Return statuses, or None, as raw bytes."""
    return b"".join(_NO_ROW if each is None else _ROW.pack(*numbers(each)) for each in found)


def rows_of(content: bytes) -> list[os.stat_result | None]:
    """Return the statuses again."""
    return [status_of(row) if row[0] else None for row in _ROW.iter_unpack(content)]


def text_of(name: str) -> str:
    """Return a file name's bytes, as characters that JSON can hold."""
    return os.fsencode(name).decode("latin-1")


def name_of(text: str) -> str:
    """Return the file name again."""
    return os.fsdecode(text.encode("latin-1"))


def encoded(value: object) -> Any:  # noqa: PLR0911 - a table
    """Return a value as JSON has it. Bytes are not among them: they are a message's content."""
    match value:
        case None | bool() | int() | float():
            return value
        case str():
            return {"n": text_of(value)}
        case Path():
            return {"p": text_of(str(value))}
        case os.stat_result():
            return {"s": numbers(value)}
        case frozenset():
            return {"f": [encoded(each) for each in sorted(value)]}
        case tuple() if value and all(type(each) is str for each in value):
            return {"N": text_of("\0".join(value))}
        case tuple():
            return {"t": [encoded(each) for each in value]}
        case list():
            return [encoded(each) for each in value]
        case Mapping():
            return {"m": [[encoded(key), encoded(each)] for key, each in value.items()]}
        case _:
            raise TypeError(f"{type(value).__name__} cannot be sent")


def decoded(sent: Any) -> Any:  # noqa: PLR0911 - the same table
    """Return the value."""
    if isinstance(sent, list):
        return [decoded(each) for each in sent]
    if not isinstance(sent, dict):
        return sent
    ((kind, value),) = sent.items()
    match kind:
        case "n":
            return name_of(value)
        case "N":
            return tuple(name_of(value).split("\0"))
        case "p":
            return Path(name_of(value))
        case "s":
            return status_of(value)
        case "f":
            return frozenset(decoded(each) for each in value)
        case "t":
            return tuple(decoded(each) for each in value)
        case _:
            return {decoded(key): decoded(each) for key, each in value}


def encoded_error(error: OSError) -> dict[str, Any]:
    """Return an error of the file system as JSON has it."""
    path = text_of(error.filename) if isinstance(error.filename, str) else None
    refused = {"code": error.code, "facts": error.facts} if isinstance(error, Refused) else {}
    return {"errno": error.errno, "path": path, **refused}


def raise_error(sent: Mapping[str, Any]) -> None:
    """Raise what the other side answered, if it is an error."""
    if "bug" in sent:
        raise HelperFailed(sent["bug"])
    if "errno" in sent:
        path, number = name_of(sent["path"]) if sent["path"] is not None else None, sent["errno"]
        if "code" in sent:
            raise Refused(sent["code"], path or "", number, **sent["facts"])
        raise OSError(number, os.strerror(number or 0), path)
