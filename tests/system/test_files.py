"""Moves, writes and copies that survive a kill and a power loss, on real file systems."""

import ctypes
import errno
import hashlib
import os
import re
import resource
import shutil
import socket
import stat
import struct
import threading
from pathlib import Path

import pytest

import retraind
from retraind.domain.problems import file_problem
from retraind.system import copying, files, writing
from retraind.system.copying import copy_folder_verified
from retraind.system.files import make_folder, move, sha256_of, sync_folder, write_atomically, write_owned
from retraind.system.mounts import TABLE
from retraind.system.moving import move_contents, remove_tree, take_each
from retraind.system.reading import READ_SIZE, open_regular
from support.killing import at_every_point
from support.words import told


def tree(folder):
    return {
        str(path.relative_to(folder)): path.read_bytes() if path.is_file() else None
        for path in folder.rglob("*")
    }


@pytest.fixture
def record(monkeypatch):
    """Record syncs and renames in their order, with the names they were done to."""
    done = []
    plain = {"fsync": os.fsync, "replace": os.replace, "no_replace": files._rename_no_replace}

    def fsync(handle):
        done.append(("sync", Path(f"/proc/self/fd/{handle}").readlink().name))
        plain["fsync"](handle)

    def replace(source, target, **more):
        done.append(("rename", Path(target).name))
        plain["replace"](source, target, **more)

    def no_replace(source, target):
        done.append(("rename", target.name))
        plain["no_replace"](source, target)

    monkeypatch.setattr(os, "fsync", fsync)
    monkeypatch.setattr(os, "replace", replace)
    monkeypatch.setattr(files, "_rename_no_replace", no_replace)
    return done


# Moving


class OldMachine:
    """A C library whose renameat2 answers `code`; without a code it has no renameat2 at all."""

    def __init__(self, code):
        if code is not None:
            self.renameat2 = lambda *_: ctypes.set_errno(code) or -1


KERNELS = [None, "no renameat2", errno.ENOSYS, errno.EINVAL, errno.EOPNOTSUPP]


@pytest.fixture(params=KERNELS, ids=["this machine", "old library", "ENOSYS", "EINVAL", "EOPNOTSUPP"])
def kernel(request, monkeypatch):
    """Machines and file systems that can, and that cannot, rename without replacing in one call."""
    if request.param is not None:
        machine = OldMachine(request.param if isinstance(request.param, int) else None)
        monkeypatch.setattr(ctypes, "CDLL", lambda *_, **__: machine)


def test_a_sub_folder_that_a_killed_try_has_made_is_durable_before_its_file_leaves_the_other(
    tmp_path, record
):
    drop, job = tmp_path / "drop", tmp_path / "job"
    for folder in (drop / "train", job / "train"):
        folder.mkdir(parents=True)
    (drop / "train" / "1.csv").write_bytes(b"a,b\n")
    found = (drop / "train" / "1.csv").stat()
    assert take_each(drop, job, (("train/1.csv", found.st_size, found.st_mtime_ns, found.st_ino),))
    assert record == [("rename", "1.csv"), ("sync", "job"), ("sync", "train"), ("sync", "train")]


def test_what_a_disk_cannot_tell_of_passes_for_neither_there_nor_gone(monkeypatch):
    def broken(path, **_):
        raise OSError(errno.EIO, os.strerror(errno.EIO), str(path))

    monkeypatch.setattr(Path, "stat", broken)
    for ask in (files.exists, files.is_folder, files.is_file):
        with pytest.raises(OSError, match="Input/output error"):
            ask(Path("/srv/drop"))


def test_nobody_asks_pathlib_which_says_that_it_is_gone():
    asking = re.compile(r"\.(exists|is_dir|is_file|is_symlink)\(\)")
    source = Path(retraind.__file__).parent
    for path in source.rglob("*.py"):
        if path.relative_to(source).parts[0] not in {"demo", "emulator"}:
            assert not asking.search(path.read_text("utf-8")), path


@pytest.mark.usefixtures("kernel")
@pytest.mark.parametrize(
    "name", ["train.csv", "顧客.csv", " '&%+.csv", "-x.csv", "n" * 255, os.fsdecode(b"\xff.csv")]
)
def test_a_file_moves_with_its_bytes_and_its_identity(tmp_path, name):
    source, target = tmp_path / name, tmp_path / "into" / name
    source.write_bytes(b"a,b\n")
    target.parent.mkdir()
    before = source.stat()
    move(source, target)
    assert not source.exists()
    assert target.read_bytes() == b"a,b\n"
    assert (target.stat().st_ino, target.stat().st_mtime_ns) == (before.st_ino, before.st_mtime_ns)


@pytest.mark.usefixtures("kernel")
@pytest.mark.parametrize("kind", ["file", "empty folder", "folder", "link", "dangling link", "fifo"])
def test_a_move_overwrites_nothing(tmp_path, kind):
    source, target = tmp_path / "new.csv", tmp_path / "taken.csv"
    source.write_bytes(b"new")
    match kind:
        case "file":
            target.write_bytes(b"old")
        case "empty folder":
            target.mkdir()
        case "folder":
            target.mkdir()
            (target / "x").touch()
        case "link":
            (tmp_path / "aim").write_bytes(b"old")
            target.symlink_to(tmp_path / "aim")
        case "dangling link":
            target.symlink_to(tmp_path / "nowhere")
        case "fifo":
            os.mkfifo(target)
    before = target.lstat()
    with pytest.raises(FileExistsError) as caught:
        move(source, target)
    assert caught.value.filename == str(source)
    assert source.read_bytes() == b"new"
    assert target.lstat().st_ino == before.st_ino


@pytest.mark.usefixtures("kernel")
def test_a_folder_does_not_replace_an_empty_one(tmp_path):
    """A plain rename would."""
    (tmp_path / "new").mkdir()
    (tmp_path / "taken").mkdir()
    with pytest.raises(FileExistsError):
        move(tmp_path / "new", tmp_path / "taken")


@pytest.mark.usefixtures("kernel")
def test_a_missing_source_is_told(tmp_path):
    with pytest.raises(FileNotFoundError):
        move(tmp_path / "gone.csv", tmp_path / "target.csv")


def test_a_move_to_another_file_system_is_refused_and_nothing_happens(tmp_path, elsewhere):
    source = tmp_path / "train.csv"
    source.write_bytes(b"x")
    with pytest.raises(OSError, match="cross-device") as caught:
        move(source, elsewhere / "train.csv")
    assert caught.value.errno == errno.EXDEV
    assert source.read_bytes() == b"x"
    assert not list(elsewhere.iterdir())


def test_after_a_move_both_folders_are_synced(tmp_path, record):
    (tmp_path / "from").mkdir()
    (tmp_path / "into").mkdir()
    (tmp_path / "from" / "x.csv").touch()
    move(tmp_path / "from" / "x.csv", tmp_path / "into" / "x.csv")
    assert record == [("rename", "x.csv"), ("sync", "into"), ("sync", "from")]


@pytest.mark.parametrize("code", [errno.EINVAL, errno.ENOTSUP, errno.EBADF])
def test_a_network_that_cannot_sync_folders_is_left_to_its_server(tmp_path, monkeypatch, code):
    def refuse(_):
        raise OSError(code, os.strerror(code))

    monkeypatch.setattr(os, "fsync", refuse)
    sync_folder(tmp_path)


def test_a_disk_that_fails_to_sync_is_told(tmp_path, monkeypatch):
    def fail(_):
        raise OSError(errno.EIO, os.strerror(errno.EIO))

    monkeypatch.setattr(os, "fsync", fail)
    with pytest.raises(OSError, match="Input/output error"):
        sync_folder(tmp_path)


def test_missing_folders_are_made_from_the_top_each_name_synced(tmp_path, record):
    make_folder(tmp_path / "a" / "b" / "c")
    assert record == [("sync", tmp_path.name), ("sync", "a"), ("sync", "b")]
    make_folder(tmp_path / "a" / "b" / "c")
    assert len(record) == 3


def test_a_file_in_place_of_a_folder_is_told(tmp_path):
    (tmp_path / "a").touch()
    with pytest.raises(FileExistsError):
        make_folder(tmp_path / "a")


# Writing


def test_bytes_are_synced_before_the_name_and_the_name_before_the_return(tmp_path, record):
    write_atomically(tmp_path / "STATUS.txt", b"x")
    assert record == [("sync", ".STATUS.txt.tmp"), ("rename", "STATUS.txt"), ("sync", tmp_path.name)]


def test_a_kill_in_mid_write_leaves_the_old_or_the_new_text(tmp_path):
    path = tmp_path / "job.json"

    def prepare():
        path.write_bytes(b"old")

    for where in at_every_point(lambda: write_atomically(path, b"new"), prepare):
        assert path.read_bytes() in {b"old", b"new"}, where
        write_atomically(path, b"newer")
        assert tree(tmp_path) == {"job.json": b"newer"}, where


def test_a_file_with_an_owner_is_never_open_to_others_and_keeps_its_access_list(tmp_path):
    path = tmp_path / "config.toml"

    def prepare():
        path.write_bytes(b"old")

    for where in at_every_point(lambda: write_owned(path, b"new", os.getuid(), os.getgid(), 0o640), prepare):
        assert path.read_bytes() in {b"old", b"new"}, where
        part = path.with_name(".config.toml.tmp")
        assert not part.exists() or not part.stat().st_mode & 0o007, where
        write_owned(path, b"newer", os.getuid(), os.getgid(), 0o640)
        assert tree(tmp_path) == {"config.toml": b"newer"}, where
    entries = [(1, 6, 2**32 - 1), (2, 4, 12_345), (4, 4, 2**32 - 1), (16, 4, 2**32 - 1), (32, 0, 2**32 - 1)]
    access = struct.pack("<I", 2) + b"".join(struct.pack("<HHI", *entry) for entry in entries)
    try:
        os.setxattr(path, "system.posix_acl_access", access)
    except OSError:
        pytest.skip("no access control lists here")
    write_owned(path, b"newest", os.getuid(), os.getgid(), path.stat().st_mode & 0o777)
    assert os.getxattr(path, "system.posix_acl_access") == access


def test_readers_never_see_a_part(tmp_path):
    path = tmp_path / "STATUS.txt"
    texts = [bytes([letter]) * 200_000 for letter in b"abc"]
    write_atomically(path, texts[0])
    ended = threading.Event()
    parts = []

    def read():
        while not ended.is_set():
            content = path.read_bytes()
            if content not in texts:
                parts.append(len(content))

    readers = [threading.Thread(target=read) for _ in range(2)]
    for reader in readers:
        reader.start()
    for number in range(60):
        write_atomically(path, texts[number % 3])
    ended.set()
    for reader in readers:
        reader.join()
    assert parts == []


@pytest.mark.parametrize("place", ["STATUS.txt", ".STATUS.txt.tmp"])
@pytest.mark.parametrize("kind", ["link", "hard link", "dangling link", "fifo"])
def test_nothing_is_written_through_what_somebody_planted(tmp_path, place, kind):
    victim = tmp_path / "victim"
    victim.write_bytes(b"keep")
    drop = tmp_path / "drop"
    drop.mkdir()
    match kind:
        case "link":
            (drop / place).symlink_to(victim)
        case "hard link":
            (drop / place).hardlink_to(victim)
        case "dangling link":
            (drop / place).symlink_to(tmp_path / "created")
        case "fifo":
            os.mkfifo(drop / place)
    write_atomically(drop / "STATUS.txt", b"hello")
    assert victim.read_bytes() == b"keep"
    assert not (tmp_path / "created").exists()
    assert tree(drop) == {"STATUS.txt": b"hello"}
    assert stat.S_ISREG((drop / "STATUS.txt").lstat().st_mode)


def test_a_full_disk_leaves_the_old_text_and_no_part(tmp_path, monkeypatch):
    path = tmp_path / "STATUS.txt"
    path.write_bytes(b"old")

    def full(_):
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(OSError, match="No space left"):
        write_atomically(path, b"new")
    assert tree(tmp_path) == {"STATUS.txt": b"old"}


# Reading


def test_an_ordinary_file_is_read_whole_or_in_pieces(tmp_path):
    path = tmp_path / "x.csv"
    path.write_bytes(b"a,b\n1,2\n")
    with open_regular(path) as file:
        assert file.read(3) == b"a,b"
        assert file.read() == b"\n1,2\n"
        assert file.read(3) == b""
    with open_regular(path) as file:
        assert list(file) == [b"a,b\n", b"1,2\n"]


@pytest.mark.parametrize(
    ("kind", "code"),
    [
        ("link", errno.ELOOP),
        ("dangling link", errno.ELOOP),
        ("fifo", errno.EINVAL),
        ("folder", errno.EINVAL),
        ("socket", errno.ENXIO),
        ("nothing", errno.ENOENT),
    ],
)
@pytest.mark.timeout(10)
def test_only_ordinary_files_are_opened_and_nothing_blocks(tmp_path, kind, code, monkeypatch):
    monkeypatch.chdir(tmp_path)
    path = tmp_path / "x.csv"
    server = socket.socket(socket.AF_UNIX)
    match kind:
        case "link":
            (tmp_path / "aim").write_text("secret")
            path.symlink_to(tmp_path / "aim")
        case "dangling link":
            path.symlink_to("nowhere")
        case "fifo":
            os.mkfifo(path)
        case "folder":
            path.mkdir()
        case "socket":
            server.bind("x.csv")
    TABLE.now()  # It stays open from the first time on.
    before = len(list(Path("/proc/self/fd").iterdir()))
    with pytest.raises(OSError, match=r".") as caught:
        open_regular(path)
    assert caught.value.errno == code
    assert len(list(Path("/proc/self/fd").iterdir())) == before
    server.close()


@pytest.mark.parametrize("device", ["/dev/zero", "/dev/tty", "/dev/full"])
@pytest.mark.timeout(10)
def test_devices_are_refused(device):
    with pytest.raises(OSError, match=r"."):
        open_regular(Path(device))


class Enough(Exception):
    """Somebody asked for an end."""


def test_a_long_read_can_be_ended(tmp_path):
    path = tmp_path / "x.csv"
    path.write_bytes(b"x" * (3 * READ_SIZE))
    reads = iter([None, None])

    def pause():
        if next(reads, "over") == "over":
            raise Enough

    with pytest.raises(Enough):
        sha256_of(path, pause)


# Copying


@pytest.fixture
def job_folder(tmp_path):
    folder = tmp_path / "2026-01-01T000000Z_1_abcdef"
    (folder / "train").mkdir(parents=True)
    (folder / "eval").mkdir()
    (folder / "train" / "1.csv").write_bytes(b"a,b\n" * 700_000)  # more than one read
    (folder / "eval" / "1.csv").write_bytes(b"a,b\n3,4\n")
    (folder / ("長" * 83 + ".csv")).write_bytes(b"a name of 253 bytes")
    (folder / "RESULT.txt").write_text("The model was retrained.")
    (folder / "empty.csv").touch()
    os.utime(folder / "train" / "1.csv", (1_000_000_000, 1_000_000_000))
    return folder


def test_a_folder_is_copied_whole_to_another_file_system(job_folder, elsewhere):
    target = elsewhere / job_folder.name
    copy_folder_verified(job_folder, target)
    assert tree(target) == tree(job_folder)
    assert (target / "train" / "1.csv").stat().st_mtime == 1_000_000_000
    assert [path.name for path in elsewhere.iterdir()] == [job_folder.name]


def test_a_copy_cut_off_anywhere_appears_whole_or_not_at_all_and_can_be_repeated(job_folder, elsewhere):
    (job_folder / "train" / "1.csv").write_bytes(b"a,b\n1,2\n")
    target = elsewhere / job_folder.name
    everything = tree(job_folder)

    def prepare():
        shutil.rmtree(elsewhere)
        elsewhere.mkdir()

    for where in at_every_point(lambda: copy_folder_verified(job_folder, target), prepare):
        assert not target.exists() or tree(target) == everything, where
        copy_folder_verified(job_folder, target)
        assert tree(target) == everything, where
        assert [path.name for path in elsewhere.iterdir()] == [job_folder.name], where


@pytest.mark.parametrize("removed", [[], ["RESULT.txt"], ["train/1.csv", "eval/1.csv", "empty.csv"]])
def test_a_copy_is_completed_though_the_original_is_already_half_deleted(job_folder, elsewhere, removed):
    """A kill between the copy and the end of the deletion: the next try finds both, and the copy has more."""
    target = elsewhere / job_folder.name
    copy_folder_verified(job_folder, target)
    everything = tree(target)
    for name in removed:
        (job_folder / name).unlink()
    (job_folder / "RESULT.txt").write_text("The model was retrained. Written anew.")
    copy_folder_verified(job_folder, target)
    assert tree(target) == everything | {"RESULT.txt": b"The model was retrained. Written anew."}


def test_a_part_that_a_kill_left_beside_the_folder_is_removed_with_the_next_copy(job_folder, elsewhere):
    """A retry was killed while it copied, and the next one just after it had made the folder itself."""
    target = elsewhere / job_folder.name
    part = target.with_name(f".{target.name}.partial")
    part.mkdir()
    (part / ".train_1.csv.copy").write_bytes(b"half")
    target.mkdir()
    copy_folder_verified(job_folder, target)
    assert not part.exists()
    assert tree(target) == tree(job_folder)


def test_a_copy_that_differs_is_never_given_its_name(job_folder, elsewhere, monkeypatch):
    plain = files.sha256_of
    monkeypatch.setattr(
        copying,
        "sha256_of",
        lambda path, pause: plain(path, pause) + ("!" if elsewhere in path.resolve().parents else ""),
    )
    with pytest.raises(OSError, match="copy differs"):
        copy_folder_verified(job_folder, elsewhere / job_folder.name)
    assert not (elsewhere / job_folder.name).exists()


def test_a_file_system_that_keeps_no_times_still_takes_the_copy(job_folder, elsewhere, monkeypatch):
    def refuse(*_, **__):
        raise PermissionError(errno.EPERM, os.strerror(errno.EPERM))

    monkeypatch.setattr(os, "utime", refuse)
    monkeypatch.setattr(os, "fchmod", refuse)
    copy_folder_verified(job_folder, elsewhere / job_folder.name)
    assert tree(elsewhere / job_folder.name) == tree(job_folder)


def test_a_copy_is_no_program_that_runs_with_the_services_rights(job_folder, elsewhere):
    """The copy belongs to the service's user; a set-uid bit would lend that user's rights to everybody."""
    (job_folder / "empty.csv").chmod(0o6777)
    copy_folder_verified(job_folder, elsewhere / job_folder.name)
    assert (elsewhere / job_folder.name / "empty.csv").stat().st_mode & 0o7777 == 0o666


def test_rights_and_times_are_set_on_the_copy_and_on_nothing_that_takes_its_name(
    job_folder, elsewhere, tmp_path, monkeypatch
):
    victim = tmp_path / "key"
    victim.touch(0o600)
    (job_folder / "empty.csv").chmod(0o666)
    chmod = os.fchmod
    swapped = []

    def swap_and_set(handle, mode):
        for half in elsewhere.rglob(".*.copy"):
            half.rename(half.with_name("kept"))
            half.symlink_to(victim)
            swapped.append(half)
        chmod(handle, mode)

    monkeypatch.setattr(os, "fchmod", swap_and_set)
    with pytest.raises(OSError, match=r"."):
        copy_folder_verified(job_folder, elsewhere / job_folder.name)
    assert swapped
    assert victim.stat().st_mode & 0o777 == 0o600


def test_links_in_the_folder_are_not_followed(job_folder, elsewhere, tmp_path):
    (tmp_path / "secret").write_text("secret")
    (job_folder / "link.csv").symlink_to(tmp_path / "secret")
    expected = {name: content for name, content in tree(job_folder).items() if name != "link.csv"}
    copy_folder_verified(job_folder, elsewhere / job_folder.name)
    assert tree(elsewhere / job_folder.name) == expected


def test_a_link_planted_where_the_copy_is_made_is_removed_not_entered(job_folder, elsewhere, tmp_path):
    victim = tmp_path / "victim"
    victim.mkdir()
    (victim / "keep").touch()
    (elsewhere / f".{job_folder.name}.partial").symlink_to(victim)
    copy_folder_verified(job_folder, elsewhere / job_folder.name)
    assert tree(victim) == {"keep": b""}
    assert tree(elsewhere / job_folder.name) == tree(job_folder)


def test_a_name_taken_by_something_else_is_not_overwritten(job_folder, elsewhere):
    (elsewhere / job_folder.name).write_text("somebody's file")
    with pytest.raises(FileExistsError):
        copy_folder_verified(job_folder, elsewhere / job_folder.name)
    assert (elsewhere / job_folder.name).read_text() == "somebody's file"


def test_folders_too_deep_to_be_copied_are_told(job_folder, elsewhere):
    (job_folder / "/".join("123456789")).mkdir(parents=True)
    with pytest.raises(OSError, match="folders too deep"):
        copy_folder_verified(job_folder, elsewhere / job_folder.name)
    assert not (elsewhere / job_folder.name).exists()


def test_no_more_is_copied_than_was_sealed(job_folder, elsewhere):
    content = (job_folder / "RESULT.txt").read_bytes()
    known = {
        "RESULT.txt": copying.Sealed(len(content), hashlib.sha256(content).hexdigest()),
        "eval/1.csv": copying.Sealed(8, hashlib.sha256(b"other by").hexdigest()),
    }
    with (job_folder / "RESULT.txt").open("ab") as file:
        file.write(b"x" * 1000)
    changed = copy_folder_verified(job_folder, elsewhere / job_folder.name, sealed=known)
    assert changed == ["eval/1.csv"]
    assert (elsewhere / job_folder.name / "RESULT.txt").read_bytes() == content


def test_a_file_that_grows_while_it_is_copied_is_copied_as_it_was_first_seen(job_folder, elsewhere):
    path = job_folder / "train" / "1.csv"
    before = path.read_bytes()

    def grow():
        with path.open("ab") as file:
            file.write(b"x" * (1 << 20))

    copy_folder_verified(job_folder, elsewhere / job_folder.name, grow)
    assert (elsewhere / job_folder.name / "train" / "1.csv").read_bytes() == before


def test_files_that_appear_while_the_folder_is_copied_are_not_lost(job_folder, elsewhere):
    def appear():
        (job_folder / "train" / "2.csv").write_bytes(b"x")

    with pytest.raises(OSError, match="folder changes while copied"):
        copy_folder_verified(job_folder, elsewhere / job_folder.name, appear)
    assert list(elsewhere.iterdir()) == []


def test_countless_files_are_not_copied(job_folder, elsewhere, monkeypatch):
    monkeypatch.setattr(copying, "MOST_ENTRIES", 5)
    with pytest.raises(OSError, match="too many files there") as refused:
        copy_folder_verified(job_folder, elsewhere / job_folder.name)
    assert told(file_problem(refused.value)) == (
        f"{job_folder} has more than 5 files and folders. Move some of them away."
    )


def test_a_kill_while_a_failed_copy_is_removed_is_made_up_for_by_the_next_try(
    job_folder, elsewhere, monkeypatch
):
    (job_folder / "train" / "1.csv").write_bytes(b"a,b\n1,2\n")
    target = elsewhere / job_folder.name

    def refuse(*_):
        raise OSError(errno.EIO, os.strerror(errno.EIO))

    def prepare():
        shutil.rmtree(elsewhere)
        elsewhere.mkdir()

    def fail():
        with monkeypatch.context() as patch:
            patch.setattr(writing, "finish_here", refuse)
            with pytest.raises(OSError, match="Input/output"):
                copy_folder_verified(job_folder, target)

    prepare()
    fail()
    assert list(elsewhere.iterdir()) == []
    for where in at_every_point(fail, prepare):
        copy_folder_verified(job_folder, target)
        assert [path.name for path in elsewhere.iterdir()] == [job_folder.name], where
        assert tree(target) == tree(job_folder), where


def test_contents_are_moved_one_by_one_and_can_be_again_after_a_kill(tmp_path):
    source, target = tmp_path / "a", tmp_path / "b"

    def prepare():
        for folder in (source, target):
            shutil.rmtree(folder, ignore_errors=True)
        (source / "train").mkdir(parents=True)
        (source / "notes").mkdir()
        (source / "train" / "1.csv").write_bytes(b"1")
        (source / "notes" / "x").write_bytes(b"2")
        (source / "RESULT.txt").write_bytes(b"3")
        (source / "link").symlink_to("nothing")
        target.mkdir()

    def work():
        move_contents(source, target, frozenset({"train"}))

    prepare()
    inode = (source / "train").stat().st_ino
    work()
    everything = tree(target)
    assert (target / "train").stat().st_ino != inode
    assert list(source.iterdir()) == []
    for where in at_every_point(work, prepare):
        work()
        assert tree(target) == everything, where
        assert list(source.iterdir()) == [], where


# Deleting


def nested(folder, depth, inmost=b"x"):
    """Make so many folders in one another; their path is longer than the system takes."""
    folder.mkdir()
    handle = os.open(folder, os.O_DIRECTORY)
    for _ in range(depth):
        os.mkdir("d", dir_fd=handle)
        inner = os.open("d", os.O_DIRECTORY, dir_fd=handle)
        os.close(handle)
        handle = inner
    file = os.open("x", os.O_WRONLY | os.O_CREAT, dir_fd=handle)
    os.write(file, inmost)
    os.close(file)
    os.close(handle)


def test_a_folder_is_deleted_with_all_that_is_in_it(tmp_path):
    victim = tmp_path / "victim"
    victim.mkdir()
    (victim / "keep").touch()
    folder = tmp_path / "job"
    for name in ("a/b/c", "a/d", "e"):
        (folder / name).mkdir(parents=True)
        (folder / name / "x.csv").touch()
    (folder / "a" / "link").symlink_to(victim)
    os.mkfifo(folder / "fifo")
    remove_tree(folder)
    assert tree(tmp_path) == {"victim": None, "victim/keep": b""}


def test_however_deep_folders_lie_they_are_deleted_with_few_handles(tmp_path):
    """Whoever may write to the share can nest thousands."""
    nested(tmp_path / "job", 3_000)
    limits = resource.getrlimit(resource.RLIMIT_NOFILE)
    used = max(int(path.name) for path in Path("/proc/self/fd").iterdir())
    resource.setrlimit(resource.RLIMIT_NOFILE, (used + 10, limits[1]))
    try:
        remove_tree(tmp_path / "job")
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, limits)
    assert list(tmp_path.iterdir()) == []


def test_a_folder_moved_away_while_it_is_emptied_takes_the_deletion_nowhere_else(tmp_path, monkeypatch):
    (tmp_path / "job" / "a" / "b").mkdir(parents=True)
    (tmp_path / "job" / "a" / "b" / "x.csv").touch()
    (tmp_path / "victim" / "b").mkdir(parents=True)
    (tmp_path / "victim" / "keep").touch()
    unlink = os.unlink

    def move_and_unlink(name, **where):
        unlink(name, **where)
        (tmp_path / "victim" / "b").rmdir()
        (tmp_path / "job" / "a" / "b").rename(tmp_path / "victim" / "b")

    monkeypatch.setattr(os, "unlink", move_and_unlink)
    with pytest.raises(OSError, match="folder changes while deleted"):
        remove_tree(tmp_path / "job")
    assert tree(tmp_path / "victim") == {"b": None, "keep": b""}


def test_a_link_to_a_folder_is_not_deleted_through(tmp_path):
    (tmp_path / "victim").mkdir()
    (tmp_path / "victim" / "keep").touch()
    (tmp_path / "job").symlink_to(tmp_path / "victim")
    with pytest.raises(OSError, match=r"."):
        remove_tree(tmp_path / "job")
    assert tree(tmp_path / "victim") == {"keep": b""}
