"""What the daemon asks of Python, of the C library and of the kernel for its whole process."""

import ctypes
import gc
import os
import sys

_TURN_SECONDS = 0.0005
_NEW_OBJECTS = 5_000
"""After so many more, Python looks for garbage; after its own 700, that is a third of a first look at many files."""
_ARENA_MAX = -8
"""glibc's number for it, from its malloc.h."""
_ARENAS = 2


def prepare() -> None:
    """Set all of it up. Call once, when all is imported."""
    _let_threads_alternate()
    _seldom_look_for_garbage()
    _share_memory_among_threads()


def _let_threads_alternate() -> None:
    """Let the threads of this process take shorter turns at Python.

    The check holds Python's lock nearly all the time, and those who read and compress need it for an instant each. At
    Python's own five milliseconds they wait longer for it than they work.
    """
    sys.setswitchinterval(_TURN_SECONDS)


def _seldom_look_for_garbage() -> None:
    """Spare what was imported, and what is known of folders: it stays, and looking through it takes time."""
    gc.freeze()
    gc.set_threshold(_NEW_OBJECTS, *gc.get_threshold()[1:])


def _share_memory_among_threads() -> None:
    """Let all threads get their memory from the same places.

    glibc gives each of the first threads one of its own, eight for each core, and what is freed in one is of no use to
    the others: with threads that come and go for each delivery, a process grows for days.
    """
    mallopt = getattr(ctypes.CDLL(None), "mallopt", None)
    if mallopt is not None:  # musl has no such thing
        mallopt(_ARENA_MAX, _ARENAS)


def terminals() -> frozenset[int]:
    """Return which of standard input, output and error are a terminal."""
    return frozenset(handle for handle in range(3) if os.isatty(handle))


def leave(handles: frozenset[int]) -> None:
    """Read nothing there and write to nowhere from now on.

    On a terminal that was closed each write fails, and if Python's own at its end does, that becomes the exit code.
    """
    nowhere = os.open(os.devnull, os.O_RDWR | os.O_CLOEXEC)
    for handle in handles:
        os.dup2(nowhere, handle)
    os.close(nowhere)
