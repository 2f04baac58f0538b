"""A process that has imported retraind and runs nothing; it forks a retraind whenever it is asked for one.

Starting Python and importing retraind takes half a second of a processor; a fork takes a millisecond. What
runs after the fork is `retraind.cli.main` as anywhere else, in a process of its own, with its own arguments,
environment, user and standard streams. Each worker of the tests has one zygote, started when it is first
needed.
"""

import atexit
import contextlib
import ctypes
import gc
import importlib
import json
import os
import select
import signal
import socket
import subprocess
import sys
import tempfile
import threading
import time
import traceback
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, TextIO

_IMPORTED_LATE = (
    "alembic.command", "alembic.config", "alembic.ddl.sqlite", "alembic.script", "apscheduler.triggers.date",
    "apscheduler.triggers.interval", "encodings.idna", "mako.template", "multiprocessing.util", "requests.packages",
    "retraind.cli.control", "retraind.cli.jobs", "retraind.cli.requests", "retraind.cli.run", "retraind.daemon",
    "retraind.dataset.preflight", "retraind.dataset.reader.stream", "retraind.jobs.gate.command",
    "retraind.report.model_status", "sqlalchemy.dialects.sqlite", "sqlite3", "stringprep",
)  # fmt: skip
_OF_SYSTEMD = frozenset(
    {"STATE_DIRECTORY", "CREDENTIALS_DIRECTORY", "NOTIFY_SOCKET", "INVOCATION_ID", "WATCHDOG_USEC"}
)
"""What each process gets from whoever has it forked."""
_MAIN = "retraind.cli:main"
_LONGEST_ORDER = 1 << 17
_FIRST_FREE = 3
"""The first handle after the standard streams."""
_MOST_HANDLES = 4096


class Forked:
    """A process that the zygote has forked, with what `subprocess.Popen` offers of one."""

    def __init__(self, channel: socket.socket) -> None:
        self._channel = channel
        self.pid = int(channel.recv(64))
        self.returncode: int | None = None
        """As of Popen: negative for the signal that ended it."""

    def poll(self) -> int | None:
        try:
            return self.wait(0)
        except subprocess.TimeoutExpired:
            return None

    def wait(self, timeout: float | None = None) -> int:
        if self.returncode is None:
            self._channel.settimeout(timeout)
            try:
                self.returncode = int(self._channel.recv(64))
            except (TimeoutError, BlockingIOError):
                raise subprocess.TimeoutExpired(f"retraind, process {self.pid}", timeout or 0) from None
            self._channel.close()
        return self.returncode

    def send_signal(self, number: int) -> None:
        if self.poll() is None:
            with contextlib.suppress(ProcessLookupError):  # It has ended since; the word of it is on its way.
                os.kill(self.pid, number)

    def terminate(self) -> None:
        self.send_signal(signal.SIGTERM)

    def kill(self) -> None:
        self.send_signal(signal.SIGKILL)


class Zygote:
    """The process that forks. Ends when `close` is called, or with the process that has started it."""

    def __init__(self) -> None:
        self._control, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        with theirs:
            self._process = subprocess.Popen(
                [sys.executable, "-m", "support.zygote", str(theirs.fileno())],
                stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, pass_fds=[theirs.fileno()],
                env=os.environ | {"PYTHONPATH": os.pathsep.join(path for path in sys.path if path)},
            )  # fmt: skip
        self._lock = threading.Lock()

    def close(self) -> None:
        """End it, and whatever it has forked that still runs."""
        self._control.close()
        self._process.wait()

    def start(
        self,
        *arguments: Any,
        out: int,
        err: int,
        environment: Mapping[str, str] | None = None,
        run: str = _MAIN,
    ) -> Forked:
        """Start `retraind` with the arguments, or another function that returns an exit code.

        `out` and `err` are handles of open files. User, folder, umask and environment are those of this
        process.
        """
        order = {
            "run": run,
            "arguments": arguments if run != _MAIN else [list(map(str, arguments))],
            "environment": dict(os.environ | (environment or {})),
            "folder": os.getcwd(),  # noqa: PTH109 - no path is made of it
            "user": os.geteuid(),
            "umask": _umask(),
        }
        ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        with theirs, self._lock:
            socket.send_fds(self._control, [json.dumps(order).encode()], [out, err, theirs.fileno()])
        return Forked(ours)


def _umask() -> int:
    mask = os.umask(0)
    os.umask(mask)
    return mask


_started: list[Zygote] = []


def zygote() -> Zygote:
    """Return the one of this process."""
    if not _started:
        _started.append(Zygote())
        atexit.register(end)
    return _started[0]


def end() -> None:
    """End the one of this process, if there is one."""
    while _started:
        _started.pop().close()


def run(*arguments: Any, **environment: str) -> subprocess.CompletedProcess[str]:
    """Run a command in a process of its own to its end, with what it prints."""
    with tempfile.TemporaryFile("w+") as out, tempfile.TemporaryFile("w+") as err:
        process = zygote().start(*arguments, out=out.fileno(), err=err.fileno(), environment=environment)
        try:
            code = process.wait(60)
        finally:
            process.kill()
        out.seek(0)
        err.seek(0)
        return subprocess.CompletedProcess(arguments, code, out.read(), err.read())


def printing(*arguments: Any, run: str) -> tuple[Forked, TextIO]:
    """Start a function in a process of its own; returns that, and what it prints, to be read meanwhile."""
    reading, writing = os.pipe()
    try:
        return zygote().start(*arguments, out=writing, err=2, run=run), os.fdopen(reading, encoding="utf-8")
    finally:
        os.close(writing)


# What runs in the zygote


def _serve(control: socket.socket) -> None:
    for name in _IMPORTED_LATE:
        importlib.import_module(name)
    with contextlib.suppress(ImportError, OSError):
        importlib.import_module("support.passthrough")  # not where libfuse or mfusepy is missing
    _work_once()
    gc.collect()
    gc.freeze()
    running: dict[int, tuple[int, socket.socket]] = {}
    events = select.poll()
    events.register(control, select.POLLIN)
    while True:
        for handle, _ in events.poll():
            if handle in running:
                events.unregister(handle)
                os.close(handle)
                pid, channel = running.pop(handle)
                with channel:
                    _tell(channel, os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]))
                continue
            order, handles, *_ = socket.recv_fds(control, _LONGEST_ORDER, 3)
            if not order:
                return
            out, err, answers = handles
            work = json.loads(order)
            module, _, function = work["run"].partition(":")
            do = getattr(importlib.import_module(module), function)
            pid = os.fork()
            if pid == 0:
                _become(work, do, out, err)
            os.close(out)
            os.close(err)
            channel = socket.socket(fileno=answers)
            _tell(channel, pid)
            end = os.pidfd_open(pid)
            running[end] = pid, channel
            events.register(end, select.POLLIN)


def _work_once() -> None:
    """Work off a delivery, so that its SQL is compiled, and what else is made once for a process is there."""
    from retraind.cli.arguments import parser  # noqa: PLC0415 - of the zygote alone
    from support import statements  # noqa: PLC0415
    from support.process import Site, deliver_pair  # noqa: PLC0415
    from support.world import KEY, an_account  # noqa: PLC0415

    statements.share()
    parser()
    for name in list(os.environ):
        if name.startswith("RETRAIND_") or name in _OF_SYSTEMD:
            del os.environ[name]
    with tempfile.TemporaryDirectory(prefix="retraind-zygote-") as folder:
        root = Path(folder)
        with an_account(root) as service:
            site = Site(root, service.url)
            deliver_pair(site.add_model("churn", KEY, 'settle = "0s"'))
            assert site.once() == 0, "what all tests rely on works"


def _tell(channel: socket.socket, number: int) -> None:
    with contextlib.suppress(BrokenPipeError):  # Nobody waits any more.
        channel.send(b"%d" % number)


def _become(order: dict[str, Any], do: Callable[..., int], out: int, err: int) -> None:
    """Be what was asked for, and end. Nothing returns into the zygote's loop."""
    code = 1
    try:
        os.dup2(out, 1)
        os.dup2(err, 2)
        os.closerange(_FIRST_FREE, _MOST_HANDLES)
        os.environ.clear()
        os.environ.update(order["environment"])
        time.tzset()
        os.chdir(order["folder"])
        os.umask(order["umask"])
        os.setresuid(os.getuid(), order["user"], order["user"])
        # No process outlives its zygote, whatever becomes of that.
        ctypes.CDLL(None).prctl(1, signal.SIGKILL)
        try:
            code = do(*order["arguments"])
        except SystemExit as ending:
            code = int(ending.code or 0)
        # As at the end of any Python: threads come to their end, and what is to be done at exit is done.
        threading._shutdown()
        atexit._run_exitfuncs()
    except BaseException:  # noqa: BLE001 - it is told where it is looked for
        traceback.print_exc()
    finally:
        sys.stdout.flush()
        sys.stderr.flush()
        os._exit(code)


if __name__ == "__main__":
    with socket.socket(fileno=int(sys.argv[1])) as mine:
        _serve(mine)
