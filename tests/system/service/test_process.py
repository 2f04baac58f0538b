"""What is asked for a whole process, each time of one of its own."""

import os
import pty
import subprocess
import sys

COUNT_ARENAS = """
import ctypes, gc, os, sys, threading
from retraind.system.service import process
process.prepare()
assert gc.get_freeze_count() and sys.getswitchinterval() < 0.005
barrier = threading.Barrier(20)
threads = [threading.Thread(target=lambda: (bytearray(100_000), barrier.wait())) for _ in range(20)]
[thread.start() for thread in threads]
[thread.join() for thread in threads]
libc = ctypes.CDLL(None)
libc.fdopen.restype = ctypes.c_void_p
out = ctypes.c_void_p(libc.fdopen(1, b"w"))
libc.malloc_info(0, out)
libc.fflush(out)
"""


def test_threads_that_come_and_go_share_the_memory_that_they_free():
    told = subprocess.run(
        [sys.executable, "-c", COUNT_ARENAS], capture_output=True, check=True, text=True
    ).stdout
    assert 1 <= told.count("<heap nr=") <= 2


COUNT_PAGE_FAULTS = """
import resource
from retraind.system.service import process
process.prepare()
def read(times):
    for _ in range(times):
        [b"x" * (1 << 20) for _ in range(6)]
    return resource.getrusage(resource.RUSAGE_SELF).ru_minflt
print(-read(3) + read(20))
"""


def test_the_memory_of_a_files_pieces_is_not_fetched_from_the_kernel_for_each_of_them():
    told = subprocess.run(
        [sys.executable, "-c", COUNT_PAGE_FAULTS], capture_output=True, check=True, text=True
    ).stdout
    pages = (1 << 20) // os.sysconf("SC_PAGE_SIZE")
    assert int(told) < 6 * pages  # of 120 pieces


WRITE_ON_A_CLOSED_TERMINAL = """
import sys
from retraind.system.service import process
had = process.terminals()
print("had", sorted(had), file=sys.stderr, flush=True)
sys.stdin.read()
gone = had - process.terminals()
process.leave(gone)
print("what nobody reads any more")
print("left", sorted(gone), file=sys.stderr)
"""


def test_a_terminal_that_was_closed_is_left_and_what_was_redirected_is_not():
    ours, theirs = pty.openpty()
    with subprocess.Popen(
        [sys.executable, "-c", WRITE_ON_A_CLOSED_TERMINAL],
        stdin=subprocess.PIPE,
        stdout=theirs,
        stderr=subprocess.PIPE,
        text=True,
    ) as child:
        os.close(theirs)
        assert child.stderr.readline() == "had [1]\n"
        os.close(ours)
        _, said = child.communicate()
    assert said == "left [1]\n"
    assert child.returncode == 0
