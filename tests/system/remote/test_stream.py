"""The bytes of a file on a share: each of them, in order, whatever the file's size and whoever ends early."""

import itertools
import os
import random
from pathlib import Path

import pytest

from retraind.system import files, reading
from retraind.system.remote.stream import SLOT
from support.faulty import Rule

SIZES = [0, 1, SLOT - 1, SLOT, SLOT + 1, 3 * SLOT, 4 * SLOT + 5, 9 * SLOT]


PIECES = {"slots": SLOT, "less": SLOT // 3, "more": 5 * SLOT}


def test_all_bytes_come_in_order(share):
    wrong = []
    for size, (kind, piece) in itertools.product(SIZES, PIECES.items()):
        content = os.urandom(size)
        (share.folder / "x").write_bytes(content)
        with reading.open_regular(share.point / "x") as file:
            found = b"".join(iter(lambda file=file, piece=piece: file.read(piece), b""))
        if found != content:
            wrong.append((size, kind))
    assert wrong == []


def test_one_can_go_to_and_fro(share):
    content = os.urandom(3 * SLOT + 100)
    (share.folder / "x").write_bytes(content)
    chance = random.Random(1)
    with reading.open_regular(share.point / "x") as file:
        for _ in range(30):
            start, size = chance.randrange(len(content)), chance.randrange(1, SLOT)
            file.seek(start)
            assert file.tell() == start
            assert file.read(size) == content[start : start + size]
        file.seek(0)
        assert file.read() == content
        buffer = bytearray(10)
        file.seek(7)
        assert file.readinto(buffer) == 10
        assert buffer == content[7:17]


def test_what_is_appended_after_the_end_is_read_too(share):
    (share.folder / "x").write_bytes(b"a" * 10)
    with reading.open_regular(share.point / "x") as file:
        assert file.read(100) == b"a" * 10
        assert file.read(100) == b""
        with (share.folder / "x").open("ab") as more:
            more.write(b"b" * (2 * SLOT))
        assert b"".join(iter(lambda: file.read(SLOT), b"")) == b"b" * (2 * SLOT)


def test_whoever_ends_early_leaves_nothing_behind(share):
    (share.folder / "x").write_bytes(os.urandom(8 * SLOT))
    before = {path.name for path in Path("/proc/self/fd").iterdir()}
    for _ in range(20):
        with reading.open_regular(share.point / "x") as file:
            file.read(SLOT + 1)
    assert len({path.name for path in Path("/proc/self/fd").iterdir()} - before) <= 4
    assert files.names_in(share.point) == ["x"]


def test_an_error_in_the_middle_comes_after_the_bytes_before_it(share):
    (share.folder / "x").write_bytes(os.urandom(6 * SLOT))
    with share.failing(Rule(("read",), beyond=2 * SLOT)), reading.open_regular(share.point / "x") as file:
        assert len(file.read(SLOT)) == SLOT
        with pytest.raises(OSError, match="Input/output"):
            b"".join(iter(lambda: file.read(SLOT), b""))
