import hashlib
import os
import threading

import pytest

from retraind.intake.manifests import hashing
from retraind.intake.manifests.hashing import FileHash
from retraind.reconcile.lanes import Lane
from support.process import until

CONTENT = b"a,b\n1,2\n" * 1_000


@pytest.fixture
def lane():
    made = Lane("manifests", 1)
    yield made
    made.close()


def hash_of(drop, name, size, known=lambda: None):
    return FileHash(drop, name, size, known)


def test_a_file_that_grows_for_ever_is_read_as_far_as_a_scan_has_seen_it(tmp_path, lane):
    path = tmp_path / "train_1.csv"
    path.write_bytes(CONTENT)
    found, over = hash_of(tmp_path, path.name, len(CONTENT)), threading.Event()

    def grow():
        with path.open("ab") as file:
            while not over.is_set():
                file.write(bytes(1 << 20))

    writer = threading.Thread(target=grow)
    writer.start()
    try:
        lane.take_turns("churn", found.step)
        until(lambda: found.done, "it is known", patience=20)
    finally:
        over.set()
        writer.join()
    assert found.value == hashlib.sha256(CONTENT).hexdigest()


def test_a_long_file_gives_others_their_turn_and_is_right_at_the_end(tmp_path, lane, monkeypatch):
    monkeypatch.setattr(hashing, "_TURN", 0.0)
    monkeypatch.setattr(hashing, "READ_SIZE", 100)
    (tmp_path / "long").write_bytes(CONTENT)
    (tmp_path / "short").write_bytes(b"x")
    ended = []
    long = hash_of(tmp_path, "long", len(CONTENT), lambda: ended.append("long"))
    short = hash_of(tmp_path, "short", 1, lambda: ended.append("short"))
    both = threading.Event()
    lane.take_turns("first", lambda: not both.wait(30))
    for name, each in (("churn", long), ("price", short)):
        lane.take_turns(name, each.step)
    both.set()
    until(lambda: long.done and short.done, "both are known")
    assert ended == ["short", "long"]
    assert long.value == hashlib.sha256(CONTENT).hexdigest()


def test_a_stop_ends_it_within_a_turn(tmp_path, monkeypatch):
    """A sparse file of a tebibyte takes half an hour to read."""
    monkeypatch.setattr(hashing, "_TURN", 0.01)
    with (tmp_path / "endless").open("wb") as file:
        os.truncate(file.fileno(), 1 << 40)
    lane, endless = Lane("manifests", 1), hash_of(tmp_path, "endless", 1 << 40)
    lane.take_turns("churn", endless.step)
    until(lambda: endless._read, "it is being read")
    closing = threading.Thread(target=lane.close)
    closing.start()
    closing.join(5)
    assert not closing.is_alive()
    assert not endless.done


def test_a_file_that_has_become_shorter_is_given_up(tmp_path):
    (tmp_path / "short").write_bytes(CONTENT)
    found = hash_of(tmp_path, "short", 2 * len(CONTENT))
    while found.step():
        pass
    assert found.value == hashlib.sha256(CONTENT).hexdigest()
