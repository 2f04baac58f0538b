"""What the daemon sets in Python, the C library and the kernel for its process."""

import ctypes
import gc
import os
import pwd
import sys

_TURN_SECONDS = 0.0005
_NEW_OBJECTS = 5_000
"""New objects after which Python collects garbage; with its own 700, that is a third of a first scan of many
files."""
_ARENA_MAX = -8
"""M_ARENA_MAX in glibc's malloc.h."""
_ARENAS = 2
_MMAP_THRESHOLD, _TRIM_THRESHOLD = -3, -1
"""M_MMAP_THRESHOLD and M_TRIM_THRESHOLD."""
_PIECES, _KEPT = 2 << 20, 8 << 20
"""Bytes: more than any piece of a file has; kept in place of being given back to the kernel."""


def prepare() -> None:
    """Set all of it. Call once, after all imports."""
    _let_threads_alternate()
    _seldom_look_for_garbage()
    _share_memory_among_threads()
    _keep_memory_for_pieces()


def _let_threads_alternate() -> None:
    """Shorten the turns of the threads at Python's lock.

    Preflight holds the lock nearly all the time, and the threads that read and compress need it for moments.
    With Python's own five milliseconds they wait longer for it than they work.
    """
    sys.setswitchinterval(_TURN_SECONDS)


def _seldom_look_for_garbage() -> None:
    """Exempt what was imported, and collect less often: most of what is in memory stays there."""
    gc.freeze()
    gc.set_threshold(_NEW_OBJECTS, *gc.get_threshold()[1:])


def _share_memory_among_threads() -> None:
    """Let all threads share memory arenas.

    glibc gives threads arenas of their own, up to eight for each core, and the others cannot use what is
    freed in one: with threads that come and go for each delivery, the process grows for days.
    """
    _set_malloc(_ARENA_MAX, _ARENAS)


def _keep_memory_for_pieces() -> None:
    """Keep a few megabytes that were freed.

    Files are read in pieces. glibc would give the memory of most of them back to the kernel, which has to
    clear it again, page by page, for the next one.
    """
    _set_malloc(_MMAP_THRESHOLD, _PIECES)
    _set_malloc(_TRIM_THRESHOLD, _KEPT)


def _set_malloc(parameter: int, value: int) -> None:
    mallopt = getattr(ctypes.CDLL(None), "mallopt", None)
    if mallopt is not None:  # musl has none
        mallopt(parameter, value)


def become(user: int, group: int) -> None:
    """Take over the rights of another user, with all of their groups, for good. Raises PermissionError.

    A user without a name has no other groups than `group`.
    """
    try:
        entry = pwd.getpwuid(user)
    except KeyError:
        os.setgroups([group])
    else:
        group = entry.pw_gid
        os.initgroups(entry.pw_name, group)
    os.setresgid(group, group, group)
    os.setresuid(user, user, user)


def terminals() -> frozenset[int]:
    """Return which of standard input, output and error are a terminal."""
    return frozenset(handle for handle in range(3) if os.isatty(handle))


def leave(handles: frozenset[int]) -> None:
    """Replace these handles by /dev/null.

    On a terminal that was closed each write fails, and if Python's own at its end does, that becomes the exit
    code.
    """
    nowhere = os.open(os.devnull, os.O_RDWR | os.O_CLOEXEC)
    for handle in handles:
        os.dup2(nowhere, handle)
    os.close(nowhere)
