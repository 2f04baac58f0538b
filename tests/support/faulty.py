"""A share that fails on command: a real file system in user space, in a process of its own
(`passthrough.py`)."""

import json
import os
import signal
import subprocess
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import asdict, dataclass
from pathlib import Path

import pytest

from retraind.system.mounts import TABLE
from support import zygote
from support.process import until

_MOST = 1 << 30
_READY = b"ready\n"


@dataclass(frozen=True)
class Rule:
    """What is to fail, and how."""

    calls: tuple[str, ...]
    """Names of the file system's functions, as in `passthrough.py`."""
    path: str = "*"
    """A pattern for the path below the mount point, which begins with /."""
    answer: str = "EIO"
    """The name of an errno, `die` (the process ends), `hang` (no answer until the rule is taken back),
    `renumber` (a file has another inode number each time) or `note` (it is written down, and nothing fails)."""
    beyond: int = 0
    """Bytes of a file that are read or written without a fault."""
    after: int = 0
    """Calls that are spared."""
    times: int = _MOST
    """Calls that are struck after that."""


@contextmanager
def mounting() -> Iterator[Callable[[Path, Path], "Faulty"]]:
    """Mount folders through file systems that fail on command, until the block ends."""
    with ExitStack() as ending:

        def mounted(folder: Path, point: Path) -> Faulty:
            made = Faulty(folder, point)
            ending.callback(made.off)
            return made.on()

        yield mounted


class Faulty:
    """Shows `folder` at `point`, with the faults that it is told to have."""

    def __init__(self, folder: Path, point: Path) -> None:
        self.folder = folder
        self.point = point
        self._rules = point.with_name(f"{point.name}.rules")
        self._log = self._rules.with_name(f"{self._rules.name}.log")
        self._process: zygote.Forked | None = None
        for path in (folder, point):
            path.mkdir(parents=True, exist_ok=True)
        self.tell()

    def tell(self, *rules: Rule) -> None:
        """Let these rules hold from now on, and no others."""
        fresh = self._rules.with_suffix(".fresh")
        fresh.write_text(json.dumps([asdict(rule) for rule in rules]))
        # First, since the rules may strike at once.
        self._log.write_bytes(b"")
        fresh.replace(self._rules)

    def struck(self) -> list[str]:
        """Return the calls that failed: number of the rule, call and path."""
        return self._log.read_text().splitlines()

    @contextmanager
    def failing(self, *rules: Rule):
        """Let each of the rules strike at least once while the block runs."""
        self.tell(*rules)
        try:
            yield self
            struck = {line.partition(" ")[0] for line in self.struck()}
        finally:
            self.tell()
        assert struck == {str(number) for number in range(len(rules))}, "every fault was met"

    def on(self, folder: Path | None = None) -> "Faulty":
        """Mount it, or another folder in its place."""
        self._said, theirs = os.pipe()
        try:
            order = [str(path) for path in (folder or self.folder, self.point, self._rules)]
            self._process = zygote.zygote().start(*order, out=theirs, err=theirs, run=f"{__name__}:_serve")
        finally:
            os.close(theirs)
        text = b""
        while not text.endswith(_READY) and (piece := os.read(self._said, 4096)):
            text += piece
        if not text.endswith(_READY):
            self._ended()
            said = text.decode().strip().rpartition("\n")[2]
            if os.environ.get("RETRAIND_TESTS_NEED_TOOLS") and "Unable to find libfuse" in said:
                pytest.fail("libfuse is not installed, and CI promised that it is")
            pytest.skip(f"this machine does not let the tests mount a file system of their own: {said}")
        TABLE.now()  # Each call trusts what was mounted a moment ago.
        return self

    def off(self) -> None:
        """Unmount it, dead or alive. What is still open of it goes on being dead."""
        if self._process is not None:
            self.tell()
            subprocess.run(["umount", "--lazy", self.point], check=True)
            self._process.kill()
            self._ended()

    def _ended(self) -> None:
        self._process.wait()
        self._process = None
        os.close(self._said)

    def die(self) -> None:
        """Kill its process. The mount stays, and nothing can be done there."""
        self._process.kill()
        self._process.wait()

    def stop(self) -> None:
        """Let it not even read what the kernel asks, until it goes on."""
        self._process.send_signal(signal.SIGSTOP)
        # What a thread takes before the signal reaches it could not even be killed.
        until(lambda: set(self._states()) == {"T"}, "all its threads have stopped")

    def _states(self) -> list[str]:
        tasks = Path(f"/proc/{self._process.pid}/task").iterdir()
        return [(each / "stat").read_text().rpartition(") ")[2][0] for each in tasks]

    def go_on(self) -> None:
        self._process.send_signal(signal.SIGCONT)

    def dead(self) -> bool:
        """Tell whether its process has ended; the kernel tells those who read of it a moment before."""
        with suppress(subprocess.TimeoutExpired):
            self._process.wait(10)
        return self._process.returncode is not None


def _serve(*order: str) -> int:
    """Be the file system; runs in the zygote's child."""
    from support.passthrough import show  # noqa: PLC0415 - it needs libfuse

    show(*order)
    return 0
