"""One daemon at a time works with a journal."""

import os
import subprocess
import sys
import time

import pytest

from retraind.domain.failures import JournalError
from retraind.store.instance import running_instance, sole_instance


def test_a_second_instance_is_refused_and_told_who_has_it(tmp_path):
    file = tmp_path / "journal.db"
    program = (
        "import sys, pathlib; from retraind.store.instance import sole_instance\n"
        "with sole_instance(pathlib.Path(sys.argv[1])):\n  print('mine', flush=True); sys.stdin.read()"
    )
    other = subprocess.Popen(
        [sys.executable, "-c", program, str(file)], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    )
    try:
        assert other.stdout.readline() == "mine\n"
        with pytest.raises(JournalError, match=f"journal_in_use.*{other.pid}"), sole_instance(file):
            pass
        assert running_instance(file) == other.pid
    finally:
        other.kill()
        other.communicate()
    # The kernel dropped the lock with the process.
    with sole_instance(file):
        assert running_instance(file) == os.getpid()
    assert running_instance(file) is None
    assert running_instance(tmp_path / "no" / "journal.db") is None


def test_a_lock_that_a_killed_daemon_leaves_for_a_moment_is_waited_for(tmp_path):
    """A program that it was about to start has it from the fork until it is executed."""
    file = tmp_path / "journal.db"
    with sole_instance(file):
        fork = os.fork()
        if fork == 0:
            # The child has the parent's lock as well, and keeps it a while after the parent has let go.
            time.sleep(0.5)
            os._exit(0)
    try:
        assert running_instance(file) is not None
        with sole_instance(file):
            assert running_instance(file) == os.getpid()
    finally:
        os.waitpid(fork, 0)


def test_the_lock_file_is_never_written_through_a_link(tmp_path):
    victim = tmp_path / "victim"
    victim.write_text("precious")
    (tmp_path / "journal.db.lock").symlink_to(victim)
    with pytest.raises(OSError, match="symbolic"), sole_instance(tmp_path / "journal.db"):
        pass
    assert victim.read_text() == "precious"
