import hashlib
import io
import os
import subprocess
import sys
import threading
import tracemalloc
import zipfile
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from retraind.bundle.archive import Member, build
from retraind.errors import Stopped


def never() -> None:
    """Never pause."""


def member(name: str, content: bytes) -> Member:
    return Member(name, len(content), lambda: io.BytesIO(content))


NAMES = [
    "train.csv",
    "売上 2026年.csv",
    'it\'s "50%" &+#.csv',
    "-rf.csv",
    "長" * 83 + ".csv",
    "n" * 251 + ".csv",
]
CONTENT = b"a,b\n" + b"1,2\n" * 5000


@pytest.fixture(params=range(len(NAMES)))
def bundle(request, tmp_path):
    name = NAMES[request.param]
    made = build(
        tmp_path / "b.zip",
        [member(f"train_src/{name}", CONTENT), member(f"eval_src/{name}", os.urandom(100_000))],
        never,
    )
    return made.path, name


@pytest.mark.parametrize(
    "command", [["unzip", "-t"], ["7z", "t"], ["bsdtar", "-tvf"]], ids=lambda words: words[0]
)
def test_other_programs_find_the_bundle_sound(bundle, tool, command):
    tool(command[0])
    done = subprocess.run(
        [*command, str(bundle[0])], capture_output=True, check=False, env=os.environ | {"LC_ALL": "C.UTF-8"}
    )
    assert done.returncode == 0, done.stdout + done.stderr


def test_bsdtar_reads_the_very_names_and_bytes(bundle, tool):
    path, name = bundle
    out = subprocess.run(
        [tool("bsdtar"), "-xOf", str(path), f"train_src/{name}"], capture_output=True, check=True,
        env=os.environ | {"LC_ALL": "C.UTF-8"},
    )  # fmt: skip
    assert out.stdout == CONTENT


def test_python_finds_two_deflated_members_with_utf8_names_and_nothing_odd(bundle):
    path, name = bundle
    with zipfile.ZipFile(path) as archive:
        assert archive.testzip() is None
        assert archive.namelist() == [f"train_src/{name}", f"eval_src/{name}"]
        for info in archive.infolist():
            assert info.compress_type == zipfile.ZIP_DEFLATED
            assert info.flag_bits == (
                0 if name.isascii() else 0x800
            )  # no data descriptors; UTF-8 where it matters
            assert info.extra == b""
        assert archive.read(f"train_src/{name}") == CONTENT


@given(st.lists(st.binary(max_size=5000), min_size=1, max_size=3))
@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None, max_examples=30)
def test_equal_input_makes_equal_bytes_and_the_hashes_are_right(tmp_path, contents):
    members = [member(f"m{number}.csv", content) for number, content in enumerate(contents)]
    first, second = (build(tmp_path / f"{name}.zip", members, never) for name in "ab")
    assert first.path.read_bytes() == second.path.read_bytes()
    assert first.sha256 == second.sha256 == hashlib.sha256(first.path.read_bytes()).hexdigest()
    assert first.bytes == first.path.stat().st_size
    assert first.member_sha256 == tuple(hashlib.sha256(content).hexdigest() for content in contents)


def test_what_an_interrupted_try_left_is_replaced(tmp_path):
    def stop() -> None:
        raise Stopped

    target = tmp_path / "spool" / "b.zip"
    with pytest.raises(Stopped):
        build(target, [member("a.csv", CONTENT)], stop)
    assert not target.exists()
    build(target, [member("a.csv", CONTENT)], never)
    assert [path.name for path in target.parent.iterdir()] == ["b.zip"]
    assert target.stat().st_mode & 0o077 == 0


def test_a_reader_never_sees_half_a_bundle(tmp_path):
    target = tmp_path / "b.zip"
    build(target, [member("a.csv", CONTENT)], never)
    whole, seen, stop = target.read_bytes(), set(), threading.Event()

    def read() -> None:
        while not stop.is_set():
            seen.add(target.read_bytes())

    reader = threading.Thread(target=read)
    reader.start()
    for _ in range(20):
        build(target, [member("a.csv", CONTENT)], never)
    stop.set()
    reader.join()
    assert seen == {whole}


class Zeros(io.RawIOBase):
    """So many zero bytes, held nowhere."""

    def __init__(self, size: int) -> None:
        self.left = size

    def readable(self) -> bool:
        return True

    def readinto(self, buffer) -> int:
        count = min(len(buffer), self.left)
        buffer[:count] = bytes(count)
        self.left -= count
        return count


def test_memory_does_not_grow_with_the_file(tmp_path):
    size = 60 << 20
    tracemalloc.start()
    try:
        build(tmp_path / "b.zip", [Member("a.csv", size, lambda: Zeros(size))], never)
        assert tracemalloc.get_traced_memory()[1] < 12 << 20
    finally:
        tracemalloc.stop()


@pytest.mark.long
@pytest.mark.timeout(900)
def test_past_four_gibibytes_it_is_a_zip64_that_others_read(tmp_path, tool):
    size = (4 << 30) + 4321
    path = tmp_path / "b.zip"
    build(
        path, [Member("train_src/a.csv", size, lambda: Zeros(size)), member("eval_src/a.csv", CONTENT)], never
    )
    for command in (["unzip", "-t"], ["7z", "t"], ["bsdtar", "-tf"], [sys.executable, "-m", "zipfile", "-t"]):
        tool(command[0])
        subprocess.run([*command, str(path)], capture_output=True, check=True)
    with zipfile.ZipFile(path) as archive:
        assert archive.getinfo("train_src/a.csv").file_size == size
        assert archive.read("eval_src/a.csv") == CONTENT
    assert Path(path).stat().st_size < 1 << 30
