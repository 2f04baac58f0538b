"""How much of an upload was sent is known to other processes, and costs no upload."""

import errno
import os

from retraind.bundle.progress import Progress, sent_bytes
from retraind.bundle.spool import clear

JOB = "2026-11-30T053520Z_2026-11_e6cc2b"


def test_it_is_known_while_it_lasts_and_gone_afterwards(tmp_path):
    spool = tmp_path / "spool"
    assert sent_bytes(spool, JOB) is None
    with Progress(spool, JOB) as sent:
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
        with Progress(tmp_path, JOB) as sent:
            sent(1)
            sent(2)
    (tmp_path / "file").touch()
    with Progress(tmp_path / "file", JOB) as sent:
        sent(1)


def test_what_a_kill_has_left_is_not_known(tmp_path):
    (tmp_path / f"{JOB}.sent").write_bytes(b"0" * 19 + b"7")
    assert sent_bytes(tmp_path, JOB) is None
    with Progress(tmp_path, JOB) as sent:
        assert sent_bytes(tmp_path, JOB) is None
        sent(3)
        assert sent_bytes(tmp_path, JOB) == 3


def test_what_a_kill_has_left_goes_with_the_jobs_bundle(tmp_path):
    other = "2026-11-30T053520Z_2026-12_e6cc2c"
    for name in (f"{JOB}.sent", f"{other}.sent", f"{JOB}.zip", "mine.sent"):
        (tmp_path / name).touch()
    assert sorted(clear(tmp_path, lambda: {other})) == [f"{JOB}.sent", f"{JOB}.zip"]
    assert sorted(path.name for path in tmp_path.iterdir()) == [f"{other}.sent", "mine.sent"]
