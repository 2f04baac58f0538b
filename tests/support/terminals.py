"""A terminal to run commands on, as a person has one: a pseudo-terminal, and what is on it at each moment."""

import fcntl
import os
import re
import signal
import struct
import sys
import termios
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from retraind.cli import main
from retraind.cli.live import bars
from retraind.store import backup
from support import zygote
from support.process import until

_CODES = re.compile(r"\x1b\[[0-9;?]*[a-zA-Z]")
_LAST = b"\x00"
"""What no command writes."""
ALTERNATE, BACK = "\x1b[?1049h", "\x1b[?1049l"
"""What takes the whole terminal, and gives it back with what was on it."""
HIDDEN, VISIBLE = "\x1b[?25l", "\x1b[?25h"
"""The cursor."""


def on_terminal(path: str, words: list[str], shell: bool) -> int:  # noqa: FBT001
    """Be a process whose controlling terminal this is, in its foreground; runs in the zygote's child.

    With `shell` this process is as a shell is, and the command is a child of it: only such a one can be
    stopped.
    """
    os.setsid()
    tty = os.open(path, os.O_RDWR)
    fcntl.ioctl(tty, termios.TIOCSCTTY, 0)
    if shell and (child := os.fork()):
        return os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
    if shell:
        os.setpgid(0, 0)
        signal.signal(signal.SIGTTOU, signal.SIG_IGN)
        os.tcsetpgrp(tty, os.getpid())
    for handle in (0, 1, 2):
        os.dup2(tty, handle)
    sys.stdin = open(0, encoding="utf-8", closefd=False)  # noqa: SIM115 - for the life of the process
    # Tests have no work that takes long.
    bars._SOON, backup._INSTRUCTIONS = -1.0, 100
    return main(words)


class Terminal:
    """A terminal with one command on it."""

    def __init__(self, columns: int, rows: int) -> None:
        self._ours, self.theirs = os.openpty()
        self.resize(columns, rows)
        self.process: zygote.Forked | None = None
        self._text = b""
        self._reading = threading.Thread(target=self._read, daemon=True)
        self._reading.start()

    def _read(self) -> None:
        while True:
            try:
                piece = os.read(self._ours, 65_536)
            except OSError:
                return
            if not piece:
                return
            self._text += piece

    def run(self, *words: object, shell: bool = False, **environment: str) -> None:
        self.process = zygote.zygote().start(
            os.ttyname(self.theirs), list(map(str, words)), shell, out=self.theirs, err=self.theirs,
            environment={"TERM": "xterm-256color", **environment}, run=f"{__name__}:on_terminal",
        )  # fmt: skip

    def resize(self, columns: int, rows: int) -> None:
        fcntl.ioctl(self.theirs, termios.TIOCSWINSZ, struct.pack("HHHH", rows, columns, 0, 0))

    def type(self, text: str) -> None:
        os.write(self._ours, text.encode())

    @property
    def text(self) -> str:
        """All that was written so far."""
        return self._text.removesuffix(_LAST).decode("utf-8", "replace")

    @property
    def plain(self) -> str:
        """The same without colours and the like."""
        return _CODES.sub("", self.text)

    @property
    def screen(self) -> list[str]:
        """The lines of what was drawn last on the whole terminal."""
        _, _, last = self.text.rpartition("\x1b[H")
        return [line.rstrip() for line in _CODES.sub("", last).replace("\r", "").split("\n")]

    def shows(self, text: str) -> bool:
        return any(text in line for line in self.screen)

    def wait_for(self, text: str) -> None:
        until(lambda: self.shows(text), f"the terminal shows {text!r}; it shows {self.screen}")

    def modes(self) -> list[object]:
        return termios.tcgetattr(self.theirs)

    def child(self) -> int:
        """Return the process of a command below a shell."""
        pid = self.process.pid
        return int(Path(f"/proc/{pid}/task/{pid}/children").read_text())

    def end(self) -> int:
        """Wait for the command's end; returns its exit code."""
        assert self.process is not None
        code = self.process.wait(30)
        os.write(self.theirs, _LAST)
        until(lambda: _LAST in self._text, "all is read that was written")
        return code

    def close(self) -> None:
        if self.process is not None:
            self.process.kill()
            self.process.wait(30)
        os.close(self.theirs)
        self._reading.join(5)
        os.close(self._ours)


@contextmanager
def terminal(columns: int = 80, rows: int = 24) -> Iterator[Terminal]:
    made = Terminal(columns, rows)
    try:
        yield made
    finally:
        made.close()
