"""Repairs what a process was started with: its standard streams and its locale.

Call `open_streams` before anything else opens a file, and `require_utf8` before the command line is read.
"""

import gc
import io
import os
import sys
from pathlib import Path

_ENCODING = "retraind-output"
"""The option of Python's -X that carries the encoding for output into UTF-8 mode."""
_OPTIONS = sys._xoptions  # noqa: SLF001 - documented, though only for CPython
_UTF8 = "utf-8"


def open_streams() -> None:
    """Open /dev/null in the place of standard streams that are closed.

    Their numbers would go to the next files that are opened, such as the journal, and what a library writes
    to standard error would end up there.
    """
    for number, (name, mode) in enumerate((("stdin", "r"), ("stdout", "w"), ("stderr", "w"))):
        try:
            os.fstat(number)
        except OSError:
            # Those below are open by now, so this one is the lowest free number.
            handle = os.open(os.devnull, os.O_RDWR)
            os.set_inheritable(handle, True)
            assert handle == number
        if getattr(sys, name) is None:
            # As Python itself opens them: for the life of the process.
            opened = open(number, mode, encoding=_UTF8, closefd=False)  # noqa: SIM115
            setattr(sys, name, opened)


def require_utf8() -> None:
    """Start this program again, in Python's UTF-8 mode, where names of files are not UTF-8 for it.

    A share has names in UTF-8 whatever the locale of this machine. The process stays the same; programs that
    it starts inherit the mode, if they are Python.
    """
    # Where the option is there already, somebody has forced UTF-8 mode off.
    if sys.getfilesystemencoding() == _UTF8 or _ENCODING in _OPTIONS or not sys.executable:
        return
    # The bytes themselves: decoded by the locale, some do not come back.
    arguments = Path("/proc/self/cmdline").read_bytes().split(b"\0")[1:-1]
    options = [sys.executable, "-X", "utf8", "-X", f"{_ENCODING}={sys.stdout.encoding}"]
    command = [*map(os.fsencode, options), *arguments]
    os.execve(sys.executable, command, os.environb | {b"PYTHONUTF8": b"1"})  # noqa: S606 - this very program


def soften_output() -> None:
    """Let output go on in the encoding of the locale, with what that cannot express written as an escape."""
    encoding = _OPTIONS.get(_ENCODING)
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(encoding=str(encoding) if encoding else None, errors="backslashreplace")


def stop_collecting() -> None:
    """Do without Python's garbage collector: during imports it would go through what they make repeatedly."""
    gc.disable()


def start_collecting() -> None:
    """Collect garbage again, but not from what is there now: modules stay."""
    if not gc.isenabled():
        gc.freeze()
        gc.enable()
