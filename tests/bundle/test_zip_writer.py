import errno
import hashlib
import io
import os
import random
import shutil
import subprocess
import sys
import threading
import tracemalloc
import zipfile
import zlib
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from retraind.bundle import deflate, zip_writer
from retraind.bundle.deflate import Compressor
from retraind.bundle.zip_writer import Archive, Member, SizeChanged, build
from retraind.domain.failures import Stopped

COMPRESSORS = {"fast": deflate.fast(), "small": deflate.small(), "zlib": Compressor("zlib", 1)}


def member(name: str, content: bytes) -> Member:
    return Member(name, len(content), lambda: io.BytesIO(content))


def make(target: Path, *members: Member, by: Compressor = COMPRESSORS["fast"]):
    return build(target, members, by)


NAMES = [
    "train.csv",
    "売上 2026年.csv",
    'it\'s "50%" &+#.csv',
    "-rf.csv",
    "長" * 83 + ".csv",
    "n" * 251 + ".csv",
]
CONTENT = b"a,b\n" + b"1,2\n" * 5000
LONG = b"".join(b"%d,%f\n" % (number, number**0.5) for number in range(15_000)) * 12
"""More than two pieces. What is repeated is too long ago for deflate to see it."""


@pytest.fixture(params=range(len(NAMES)))
def bundle(request, tmp_path):
    name = NAMES[request.param]
    path = tmp_path / "b.zip"
    make(path, member(f"train_src/{name}", CONTENT), member(f"eval_src/{name}", os.urandom(100_000)))
    return path, name


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
    with zipfile.ZipFile(path) as found:
        assert found.testzip() is None
        assert found.namelist() == [f"train_src/{name}", f"eval_src/{name}"]
        for info in found.infolist():
            assert info.compress_type == zipfile.ZIP_DEFLATED
            assert info.flag_bits == (
                0 if name.isascii() else 0x800
            )  # no data descriptors; UTF-8 where it matters
            assert info.extra == b""
            assert info.create_version == info.extract_version == 20
            assert info.date_time == (1980, 1, 1, 0, 0, 0)
        assert found.read(f"train_src/{name}") == CONTENT


# Reads from the front, as a stream, and so depends on the headers before the data.
JAVA = """
import java.io.*; import java.util.zip.*;
class Read { public static void main(String[] a) throws Exception {
  try (var in = new ZipInputStream(new FileInputStream(a[0]))) {
    for (ZipEntry e; (e = in.getNextEntry()) != null; ) {
      long n = 0; byte[] b = new byte[65536]; for (int k; (k = in.read(b)) > 0; ) n += k;
      System.out.println(e.getName().length() + " " + n); } } } }
"""


@pytest.mark.skipif(shutil.which("javac") is None, reason="there is no JDK, which is large to ask for")
@pytest.mark.system
def test_java_reads_it_as_a_stream(tmp_path):
    path = tmp_path / "b.zip"
    make(path, member("train_src/売上.csv", LONG), member("eval_src/a.csv", b""), by=COMPRESSORS["small"])
    (tmp_path / "Read.java").write_text(JAVA)
    out = subprocess.run(
        ["java", "-Xshare:auto", "-XX:TieredStopAtLevel=1", tmp_path / "Read.java", path],
        capture_output=True,
        check=True,
        text=True,
    ).stdout
    assert out.splitlines() == [f"16 {len(LONG)}", "14 0"]


@pytest.mark.parametrize("by", COMPRESSORS.values(), ids=COMPRESSORS.keys())
@pytest.mark.parametrize(
    "content",
    [b"", b"x", LONG, random.Random(1).randbytes(3 << 20), b"\0" * ((2 << 20) + 1), LONG[: 2 << 20]],
    ids=["nothing", "one byte", "text", "noise", "zeros", "whole pieces"],
)
def test_every_kind_of_content_comes_back_from_every_compressor(tmp_path, by, content):
    make(tmp_path / "b.zip", member("a.csv", content), by=by)
    with zipfile.ZipFile(tmp_path / "b.zip") as found:
        assert found.read("a.csv") == content
        assert found.getinfo("a.csv").compress_size <= deflate.longest(len(content))


def test_a_piece_refers_back_to_the_one_before(tmp_path):
    noise = random.Random(1).randbytes(30_000)
    padding = b"0" * (deflate.PIECE - len(noise))
    made, _ = make(tmp_path / "b.zip", member("a.csv", padding + noise + noise))
    assert made < 1.5 * len(noise)


@given(st.lists(st.binary(max_size=5000), min_size=1, max_size=3), st.sampled_from(sorted(COMPRESSORS)))
@settings(suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow], max_examples=30)
def test_equal_input_makes_equal_bytes_and_the_hashes_are_right(tmp_path, contents, name):
    members = [member(f"m{number}.csv", content) for number, content in enumerate(contents)]
    (first, hashes), (second, _) = (
        make(tmp_path / f"{each}.zip", *members, by=COMPRESSORS[name]) for each in "ab"
    )
    made = (tmp_path / "a.zip").read_bytes()
    assert made == (tmp_path / "b.zip").read_bytes()
    assert len(made) == first == second
    assert hashes == tuple(hashlib.sha256(content).hexdigest() for content in contents)


def test_it_makes_no_difference_how_much_each_read_gives_or_how_many_cores_there_are(tmp_path, monkeypatch):
    class Dribble(io.BytesIO):
        def read(self, size=-1):
            return super().read(min(size, 100_003))

    make(tmp_path / "a.zip", member("a.csv", LONG))
    monkeypatch.setattr(deflate, "cores", lambda: 7)
    make(tmp_path / "b.zip", Member("a.csv", len(LONG), lambda: Dribble(LONG)))
    assert (tmp_path / "a.zip").read_bytes() == (tmp_path / "b.zip").read_bytes()


def test_what_is_put_before_a_file_is_part_of_the_member(tmp_path):
    path = tmp_path / "b.zip"
    with Archive(path, COMPRESSORS["fast"]) as made:
        made.begin("a.csv", len(LONG), prefix=b"\xef\xbb\xbf")
        made.add(LONG)
        made.end()
        made.finish()
    with zipfile.ZipFile(path) as found:
        assert found.read("a.csv") == b"\xef\xbb\xbf" + LONG


@pytest.mark.parametrize("said", [len(LONG) - 1, len(LONG) + 1])
def test_a_file_that_is_not_as_long_as_was_said_makes_no_bundle(tmp_path, said):
    with pytest.raises(SizeChanged):
        make(tmp_path / "b.zip", Member("a.csv", said, lambda: io.BytesIO(LONG)))
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize(
    ("missing", "fast", "small"),
    [
        (("isal",), "zlib_ng.zlib_ng", "zlib_ng.zlib_ng"),
        (("zlib_ng",), "isal.isal_zlib", "zlib"),
        (("isal", "zlib_ng"), "zlib", "zlib"),
    ],
)
def test_where_a_library_is_missing_the_next_best_takes_its_place(
    tmp_path, monkeypatch, missing, fast, small
):
    for name in missing:
        for module in (name, f"{name}.{name}", f"{name}.isal_zlib"):
            monkeypatch.setitem(sys.modules, module, None)
    assert [deflate.fast().module, deflate.small().module] == [fast, small]
    for by in (deflate.fast(), deflate.small()):
        make(tmp_path / "b.zip", member("a.csv", LONG), by=by)
        with zipfile.ZipFile(tmp_path / "b.zip") as found:
            assert found.read("a.csv") == LONG


def test_the_libraries_that_make_it_fast_are_there():
    assert [deflate.fast().module, deflate.small().module] == ["isal.isal_zlib", "zlib_ng.zlib_ng"]


def test_the_size_is_close_to_that_of_the_vendors_script(tmp_path):
    level6 = len(zlib.compress(LONG, 6))
    fast, _ = make(tmp_path / "f.zip", member("a.csv", LONG))
    small, _ = make(tmp_path / "s.zip", member("a.csv", LONG), by=COMPRESSORS["small"])
    assert fast < 1.2 * level6
    assert small < 1.1 * level6


def test_what_an_interrupted_try_left_is_replaced(tmp_path):
    def stop() -> None:
        raise Stopped

    target = tmp_path / "spool" / "b.zip"
    with pytest.raises(Stopped):
        make(target, Member("a.csv", 1, stop))
    assert not list(target.parent.iterdir())
    zip_writer._unfinished(target).touch(0o600)
    zip_writer._unfinished(target).write_bytes(b"left by a kill" * 100_000)
    make(target, member("a.csv", CONTENT))
    assert [path.name for path in target.parent.iterdir()] == ["b.zip"]
    assert zipfile.ZipFile(target).testzip() is None
    assert target.stat().st_mode & 0o077 == 0


class BrokenDisk(Exception):
    """Raised by a read."""


def test_a_read_that_fails_ends_the_work_and_its_threads(tmp_path):
    class Failing(io.BytesIO):
        def read(self, size=-1):
            if self.tell() > 1 << 20:
                raise BrokenDisk
            return super().read(size)

    with pytest.raises(BrokenDisk):
        make(tmp_path / "b.zip", Member("a.csv", len(LONG), lambda: Failing(LONG)))
    assert not list(tmp_path.iterdir())
    assert not [thread for thread in threading.enumerate() if thread.name.startswith("bundle")]


def test_a_write_that_fails_is_told(tmp_path):
    """As when the disk is full; also what the disk tells only when it is synced."""
    for call in ("pwrite", "fdatasync", "fsync"):
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(os, call, lambda *_: (_ for _ in ()).throw(OSError(28, "No space left on device")))
            patch.setattr(zip_writer, "_STRETCH", 1000)
            with pytest.raises(OSError, match="No space left"):
                make(tmp_path / "b.zip", member("a.csv", LONG))
        assert not list(tmp_path.iterdir()), call


def test_a_reader_never_sees_half_a_bundle(tmp_path):
    target = tmp_path / "b.zip"
    make(target, member("a.csv", CONTENT))
    whole, seen, stop = target.read_bytes(), set(), threading.Event()

    def read() -> None:
        while not stop.is_set():
            seen.add(target.read_bytes())

    reader = threading.Thread(target=read)
    reader.start()
    for _ in range(20):
        make(target, member("a.csv", CONTENT))
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
        make(tmp_path / "b.zip", Member("a.csv", size, lambda: Zeros(size)))
        assert tracemalloc.get_traced_memory()[1] < 12 << 20
    finally:
        tracemalloc.stop()


def _sound(path: Path, tool) -> None:
    for command in (["unzip", "-t"], ["7z", "t"], ["bsdtar", "-tf"], [sys.executable, "-m", "zipfile", "-t"]):
        tool(command[0])
        subprocess.run([*command, str(path)], capture_output=True, check=True)


def test_an_entry_that_might_pass_four_gibibytes_is_a_zip64_entry_that_others_read(
    tmp_path, tool, monkeypatch
):
    path = tmp_path / "b.zip"
    monkeypatch.setattr(deflate, "longest", lambda size: size + ((4 << 30) if size == len(LONG) else 0))
    make(path, member("train_src/a.csv", LONG), member("eval_src/a.csv", CONTENT))
    _sound(path, tool)
    with zipfile.ZipFile(path) as found:
        assert [info.extract_version for info in found.infolist()] == [45, 20]
        assert found.read("train_src/a.csv") == LONG
    assert path.read_bytes()[4:6] == b"\x2d\0"


def test_every_number_that_does_not_fit_is_in_its_zip64_field(tmp_path):
    """As for files and places past 4 GiB: Python's reader takes each number from where the format puts it."""
    wide = 5 << 30
    entry = zip_writer._Entry(b"a.csv", flags=0, limit=wide, offset=wide, zip64=True, size=wide, squeezed=7)
    (tmp_path / "b.zip").write_bytes(zip_writer._directory([entry], offset=0))
    with zipfile.ZipFile(tmp_path / "b.zip") as found:
        info = found.getinfo("a.csv")
        assert (info.file_size, info.compress_size, info.header_offset) == (wide, 7, wide)


@pytest.mark.long
@pytest.mark.timeout(900)
def test_past_four_gibibytes_it_is_a_zip64_that_others_read(tmp_path, tool):
    size = (4 << 30) + 4321
    path = tmp_path / "b.zip"
    make(path, Member("train_src/a.csv", size, lambda: Zeros(size)), member("eval_src/a.csv", CONTENT))
    _sound(path, tool)
    with zipfile.ZipFile(path) as found:
        assert found.getinfo("train_src/a.csv").file_size == size
        assert found.read("eval_src/a.csv") == CONTENT
    assert Path(path).stat().st_size < 1 << 30


@pytest.mark.long
@pytest.mark.timeout(900)
def test_a_member_that_begins_past_four_gibibytes_is_read_by_others(tmp_path, tool, monkeypatch):
    """A sparse file: the compressor is skipped, and every piece of zeros is stored."""
    size = (4 << 30) - (8 << 20)
    monkeypatch.setattr(Compressor, "squeeze", lambda _self, piece, _before: deflate._stored(piece))
    path = tmp_path / "b.zip"
    make(
        path,
        Member("train_src/a.csv", size, lambda: Zeros(size)),
        Member("eval_src/a.csv", 9 << 20, lambda: Zeros(9 << 20)),
        member("eval_src/b.csv", CONTENT),
    )
    _sound(path, tool)
    with zipfile.ZipFile(path) as found:
        assert found.getinfo("eval_src/b.csv").header_offset > 4 << 30
        assert found.read("eval_src/b.csv") == CONTENT


def test_space_that_is_kept_free_is_not_begun_on(tmp_path):
    plenty = 1 << 60
    with (
        pytest.raises(OSError, match="kept free") as refused,
        Archive(tmp_path / "x.zip", COMPRESSORS["fast"], plenty),
    ):
        pass
    assert refused.value.errno == errno.ENOSPC
    assert list(tmp_path.iterdir()) == []


def test_however_many_members_there_are_few_pieces_wait(tmp_path):
    waiting = []
    with Archive(tmp_path / "b.zip", COMPRESSORS["fast"]) as made:
        for number in range(500):
            made.begin(f"{number}.csv", 1)
            made.add(b"x")
            waiting.append(len(made._waiting))
            made.end()
        made.finish()
    assert max(waiting) <= zip_writer._AHEAD * deflate.cores()
    with zipfile.ZipFile(tmp_path / "b.zip") as found:
        assert found.testzip() is None
        assert len(found.namelist()) == 500
