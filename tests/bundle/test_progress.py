"""How much of an upload was sent is known to other processes, and costs no upload."""

import errno
import fcntl
import os

import pytest

from retraind.bundle import progress
from retraind.bundle.progress import Doing, Noted, Progress, progress_of, under_way
from retraind.bundle.spool import clear

JOB = "2026-11-30T053520Z_2026-11_e6cc2b"


def sent_bytes(spool, job):
    noted = progress_of(spool, job)
    return noted and noted.done


def test_it_is_known_while_it_lasts_and_gone_afterwards(tmp_path):
    spool = tmp_path / "spool"
    assert sent_bytes(spool, JOB) is None
    with Progress(spool, JOB, Doing.UPLOAD, 10**15) as sent:
        assert sent_bytes(spool, JOB) is None, "nothing is known yet"
        for number in (0, 7, 10**15, 3):
            sent(number)
            assert sent_bytes(spool, JOB) == number
    assert sent_bytes(spool, JOB) is None
    assert list(spool.iterdir()) == []


def test_a_full_disk_or_a_folder_that_cannot_be_written_ends_no_upload(tmp_path, monkeypatch):
    def full(*_):
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    with monkeypatch.context() as patched:
        patched.setattr(os, "pwrite", full)
        with Progress(tmp_path, JOB, Doing.UPLOAD, 3) as sent:
            sent(1)
            sent(2)
    (tmp_path / "file").touch()
    with Progress(tmp_path / "file", JOB, Doing.UPLOAD, 3) as sent:
        sent(1)


def test_what_a_kill_has_left_is_not_known(tmp_path):
    (tmp_path / f"{JOB}.progress").write_bytes(b"0" * 19 + b"7")
    assert sent_bytes(tmp_path, JOB) is None
    with Progress(tmp_path, JOB, Doing.UPLOAD, 3) as sent:
        assert sent_bytes(tmp_path, JOB) is None
        sent(3)
        assert sent_bytes(tmp_path, JOB) == 3


def test_whoever_reads_what_a_kill_has_left_keeps_no_step_from_being_shown(tmp_path, monkeypatch):
    path = tmp_path / f"{JOB}.progress"
    path.touch()
    with path.open("rb") as reader:
        fcntl.flock(reader, fcntl.LOCK_SH)
        monkeypatch.setattr(progress.time, "sleep", lambda _: fcntl.flock(reader, fcntl.LOCK_UN))
        with Progress(tmp_path, JOB, Doing.UPLOAD, 3) as sent:
            sent(2)
            assert sent_bytes(tmp_path, JOB) == 2


def test_a_reader_that_is_stopped_keeps_no_step_waiting(tmp_path, monkeypatch):
    waits = []
    monkeypatch.setattr(progress.time, "sleep", waits.append)
    path = tmp_path / f"{JOB}.progress"
    path.touch()
    with path.open("rb") as reader:
        fcntl.flock(reader, fcntl.LOCK_SH)
        with Progress(tmp_path, JOB, Doing.UPLOAD, 3) as sent:
            sent(2)
    assert 0 < sum(waits) < 1
    assert not path.exists()


def test_what_a_kill_has_left_goes_with_the_jobs_bundle(tmp_path):
    other = "2026-11-30T053520Z_2026-12_e6cc2c"
    for name in (f"{JOB}.progress", f"{other}.progress", f"{JOB}.zip", "mine.progress"):
        (tmp_path / name).touch()
    assert sorted(clear(tmp_path, lambda: {other})) == [f"{JOB}.progress", f"{JOB}.zip"]
    assert sorted(path.name for path in tmp_path.iterdir()) == [f"{other}.progress", "mine.progress"]


def test_what_is_under_way_is_known_of_all_jobs(tmp_path):
    other = "2026-11-30T053520Z_2026-12_e6cc2c"
    assert under_way(tmp_path / "none") == {}
    (tmp_path / f"{other}.zip").touch()
    with (
        Progress(tmp_path, JOB, Doing.UPLOAD, 10) as sent,
        Progress(tmp_path, other, Doing.BUNDLE, 8 << 20) as read,
    ):
        assert under_way(tmp_path) == {}, "nothing is known yet"
        sent(3)
        read(1 << 20)
        assert under_way(tmp_path) == {
            JOB: Noted(Doing.UPLOAD, 3, 10), other: Noted(Doing.BUNDLE, 1 << 20, 8 << 20)
        }  # fmt: skip
        assert under_way(tmp_path)[JOB].percent == 30
    assert under_way(tmp_path) == {}


@pytest.mark.parametrize(("total", "noted"), [(8 << 20, True), ((8 << 20) - 1, False)])
def test_what_is_read_in_a_moment_leaves_no_note(tmp_path, total, noted):
    with Progress(tmp_path, JOB, Doing.PREFLIGHT, total) as read:
        read(5)
        assert (progress_of(tmp_path, JOB) is not None) is noted
        assert bool(list(tmp_path.iterdir())) is noted


@pytest.mark.parametrize(
    "text",
    [b"", b"upload", b"dance     00000000000000000003 00000000000000000003", b"upload    " + b"\xff" * 41],
)
def test_a_note_of_another_retraind_says_nothing(tmp_path, text):
    path = tmp_path / f"{JOB}.progress"
    path.write_bytes(text)
    with path.open("r+b") as writer:
        fcntl.flock(writer, fcntl.LOCK_EX)
        assert progress_of(tmp_path, JOB) is None
        assert under_way(tmp_path) == {}


@pytest.mark.parametrize(
    ("done", "total", "percent"), [(0, 3, 0), (2, 3, 66), (3, 3, 100), (4, 3, 100), (0, 0, 100)]
)
def test_how_much_is_done_is_never_more_than_all(done, total, percent):
    assert Noted(Doing.UPLOAD, done, total).percent == percent
