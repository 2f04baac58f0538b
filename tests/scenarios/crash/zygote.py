"""A process that has imported everything and started nothing; it forks a retraind for each order it reads.

Starting Python and importing retraind takes a second; a fork takes a millisecond. What runs after the fork is
`retraind.cli.main` as anywhere else, with its arguments, its log in a file, and the points of `crash.points` wrapped.
"""

# ruff: noqa: T201 - printing is what it is for

import ctypes
import gc
import importlib
import json
import os
import select
import signal
import subprocess
import sys
import time
import traceback
from pathlib import Path
from typing import NamedTuple

_IMPORTED_LATE = (
    "alembic.command", "alembic.config", "alembic.ddl.sqlite", "alembic.script", "apscheduler.triggers.date",
    "apscheduler.triggers.interval", "encodings.idna", "mako.template", "multiprocessing.util",
    "requests.packages", "retraind.cli", "retraind.daemon", "retraind.jobs.gate.command", "retraind.report.model_status", "sqlite3",
    "sqlalchemy.dialects.sqlite", "stringprep", "scenarios.crash.points",
)  # fmt: skip
PATIENCE = 60.0
"""Seconds after which a run that has not come to rest is stuck."""
_STUCK = "stuck"


class Ended(NamedTuple):
    """How one retraind ended."""

    exit_code: int
    """Negative: the signal that ended it."""
    struck: str | None
    """The point at which it was killed; "moment" when that was a moment of time."""
    stuck: bool
    seconds: float

    @property
    def killed(self) -> bool:
        return self.struck is not None and not self.stuck


class Zygote:
    """Starts retrainds cheaply. Use as a context manager."""

    def __enter__(self):
        self._process = subprocess.Popen(
            [sys.executable, "-m", "scenarios.crash.zygote"],
            stdin=subprocess.PIPE, stdout=subprocess.PIPE,
            env=os.environ | {"PYTHONPATH": os.pathsep.join(path for path in sys.path if path)},
        )  # fmt: skip
        assert self._process.stdout.readline() == b"ready\n"
        return self

    def __exit__(self, *_):
        self._process.stdin.close()
        self._process.wait()
        self._process.stdout.close()

    def run(self, root: Path, *arguments: str, plan: dict | None = None) -> Ended:
        """Run a command with the plan of its death, below `root`; returns when it has ended."""
        order = {"root": str(root), "arguments": arguments, "plan": plan or {}}
        self._process.stdin.write(json.dumps(order).encode() + b"\n")
        self._process.stdin.flush()
        return Ended(**json.loads(self._process.stdout.readline()))


def _serve() -> None:
    for name in _IMPORTED_LATE:
        importlib.import_module(name)
    gc.collect()
    gc.freeze()
    signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGCHLD})
    print("ready", flush=True)
    for line in sys.stdin:
        order = json.loads(line)
        struck = Path(order["root"], "struck")
        struck.unlink(missing_ok=True)
        began = time.monotonic()
        pid = os.fork()
        if pid == 0:
            _be_retraind(order, struck)
        code, why = _await(pid, order["plan"].get("moment"))
        found = struck.read_text() if struck.exists() and code == -signal.SIGKILL else why
        answer = Ended(code, found, found == _STUCK, round(time.monotonic() - began, 4))
        print(json.dumps(answer._asdict()), flush=True)


def _await(pid: int, moment: float | None) -> tuple[int, str | None]:
    """Wait for the child's end, and bring it about at `moment` or when patience is over."""
    handle = os.pidfd_open(pid)
    why = None
    for patience, reason in ((moment, "moment"), (PATIENCE, _STUCK)):
        if patience is None:
            continue
        if select.select([handle], [], [], patience)[0]:
            break
        os.kill(pid, signal.SIGKILL)
        why = reason
        break
    _, status = os.waitpid(pid, 0)
    os.close(handle)
    code = os.waitstatus_to_exitcode(status)
    return code, why if code == -signal.SIGKILL else None


def _be_retraind(order: dict, struck: Path) -> None:
    code = 70
    try:
        # No process outlives its zygote, whatever becomes of that.
        ctypes.CDLL(None).prctl(1, signal.SIGKILL)
        signal.pthread_sigmask(signal.SIG_UNBLOCK, {signal.SIGCHLD})
        nothing = os.open(os.devnull, os.O_RDONLY)
        log = os.open(Path(order["root"], "retraind.log"), os.O_WRONLY | os.O_APPEND | os.O_CREAT)
        for handle, stream in ((nothing, 0), (log, 1), (log, 2)):
            os.dup2(handle, stream)
        from retraind import cli  # noqa: PLC0415
        from scenarios.crash.points import Points  # noqa: PLC0415

        points = Points(order["plan"], struck)
        points.install()
        code = cli.main(order["arguments"])
        points.dump(Path(order["root"], "passes.json"))
    except BaseException:  # noqa: BLE001 - nothing may return into the zygote's loop
        traceback.print_exc()
    finally:
        sys.stdout.flush()
        sys.stderr.flush()
        os._exit(code)


if __name__ == "__main__":
    _serve()
