"""Messages: what is sent arrives, byte for byte, and nothing in them is executed."""

import errno
import os
import socket
import threading
from pathlib import Path

import pytest

from retraind.system.remote import wire
from retraind.system.remote.errors import HelperFailed, Refused
from retraind.system.remote.wire import Channel, Message

VALUES = [
    None, True, 3, -1, 2**63, 1.5, "train_1.csv", "日本.csv", "not UTF-8: \udcff\udc80", "", (), (1, "a"), [],
    ["a", "b"], frozenset({"x", "\udcff"}), {"a": (1, "b"), "c": None}, Path("/srv/日本/\udcff"), Path("/\x001/2/x"),
]  # fmt: skip


@pytest.mark.parametrize("value", VALUES, ids=range(len(VALUES)))
def test_a_value_arrives_as_it_was(value):
    assert wire.decoded(wire.encoded(value)) == value


def test_what_cannot_be_sent_is_refused():
    with pytest.raises(TypeError):
        wire.encoded(object())


@pytest.mark.parametrize("moment", [0, -5_000_000_001, 1_700_000_000_123_456_789])
def test_a_status_arrives_as_it_was(tmp_path, moment):
    path = tmp_path / "file"
    path.write_bytes(b"x" * 5)
    os.utime(path, ns=(moment, moment))
    before = path.stat()
    after = wire.decoded(wire.encoded(before))
    for name in (
        "st_mode",
        "st_ino",
        "st_dev",
        "st_size",
        "st_mtime_ns",
        "st_ctime_ns",
        "st_mtime",
        "st_uid",
        "st_nlink",
    ):
        assert getattr(after, name) == getattr(before, name), name
    (row, missing) = wire.rows_of(wire.rows([before, None]))
    assert missing is None
    assert (row.st_mtime_ns, row.st_ino) == (before.st_mtime_ns, before.st_ino)


def test_names_arrive_whatever_their_bytes_are():
    names = ["a", "\udcff", "日本", "x" * 255]
    assert wire.unpacked(wire.packed(names, b"\1\2\0\1"), 4) == (names, b"\1\2\0\1")
    assert wire.unpacked(wire.packed([], b""), 0) == ([], b"")


ERRORS = [
    FileNotFoundError(errno.ENOENT, "no", "/x/\udcff"),
    OSError(errno.EIO, "io"),
    PermissionError(errno.EACCES, ""),
]


@pytest.mark.parametrize("error", ERRORS, ids=repr)
def test_an_error_arrives_as_the_same_kind(error):
    with pytest.raises(type(error)) as raised:
        wire.raise_error(wire.encoded_error(error))
    assert (raised.value.errno, raised.value.filename) == (error.errno, error.filename)


def test_what_retraind_refuses_keeps_its_code_and_facts():
    with pytest.raises(Refused) as raised:
        wire.raise_error(wire.encoded_error(Refused("too_many_files_there", "/x", most=3)))
    assert (raised.value.code, raised.value.facts, raised.value.filename) == (
        "too_many_files_there",
        {"most": 3},
        "/x",
    )


def test_a_bug_at_the_other_side_is_not_taken_for_an_answer():
    with pytest.raises(HelperFailed, match="Traceback"):
        wire.raise_error({"bug": "Traceback"})


@pytest.fixture
def ends():
    ours, theirs = socket.socketpair()
    with ours, theirs:
        yield Channel(ours), Channel(theirs)


def test_messages_that_arrive_together_are_told_apart(ends):
    ours, theirs = ends
    sent = [Message({"n": number}, bytes([number]) * number) for number in range(5)]
    for message in sent:
        ours.send(message)
    assert [theirs.receive() for _ in sent] == sent


def test_a_long_message_arrives_whole(ends):
    ours, theirs = ends
    content = os.urandom(5_000_000)
    sender = threading.Thread(target=ours.send, args=(Message({}, content),))
    sender.start()
    assert theirs.receive().content == content
    sender.join()


def test_a_handle_comes_with_its_message(ends, tmp_path):
    ours, theirs = ends
    (tmp_path / "x").write_bytes(b"content")
    with (tmp_path / "x").open("rb") as file:
        ours.send(Message({"a": 1}, handle=file.fileno()))
    ours.send(Message({"a": 2}))
    handle = theirs.receive().handle
    assert os.read(handle, 100) == b"content"
    os.close(handle)
    assert theirs.receive().handle is None


@pytest.mark.parametrize("sent", [b"", b"\0\0\0\5"], ids=["at its beginning", "in its middle"])
def test_the_end_of_the_other_side_is_told(ends, sent):
    ours, theirs = ends
    ours.plain.sendall(sent)
    ours.close()
    with pytest.raises(EOFError):
        theirs.receive()
