"""retraind as users run it: a process of its own, seen only through its folders, log, commands and exit code."""

import io
import json
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, redirect_stderr, redirect_stdout
from datetime import timedelta
from pathlib import Path

from retraind import daemon
from retraind.cli import main
from retraind.config.load import load
from retraind.emulator import read_records
from retraind.reconcile.upkeep import caretaker
from support import zygote
from support.world import table

NOBODY = 65_534
DIES_WITH_US = ("setpriv", "--pdeathsig", "KILL")
"""Before a command: a server does not outlive the tests, however they end."""
daemon._ONCE_STEP = 0.08  # A run lasts a fraction of a second; its own step would be most of it.


def in_a_hurry(*arguments: str) -> int:
    """Run `retraind` with less time between two looks at keys and holds."""
    caretaker.INTERVAL = timedelta(seconds=0.5)
    return main([*arguments])


@contextmanager
def somebody() -> Iterator[None]:
    """Act as an ordinary user, whom permissions stop."""
    if os.geteuid():
        yield
        return
    os.seteuid(NOBODY)
    try:
        yield
    finally:
        os.seteuid(0)


class Site:
    """An installation below `root`: configuration, keys, share, journal."""

    def __init__(self, root: Path, url: str, **options: str) -> None:
        self.root = root
        self.config = root / "config.toml"
        self.log = root / "retraind.log"
        self._text = (
            f'[api]\nbase_url = "{url}"\ntimeout = 5\n'
            f'[state]\nurl = "sqlite:///{root}/state/journal.db"\nspool = "{root}/state/spool"\n'
            '[poll]\ninterval = "200ms"\nupload_doubt = "1s"\n'
            '[work]\nretry_first = "100ms"\nretry_longest = "2s"\n'
            + "".join(f"{line}\n" for line in options.values())
        )
        self.process: zygote.Forked | subprocess.Popen[bytes] | None = None
        self.write()

    def write(self) -> None:
        self.config.write_text(self._text)

    def add_model(self, name: str, key: str, more: str = 'settle = "300ms"') -> Path:
        drop = self.root / "share" / name
        drop.mkdir(parents=True, exist_ok=True)
        key_file = self.root / f"{name}.key"
        key_file.touch(0o600)
        key_file.write_text(key)
        self._text += f'[models.{name}]\ndrop = "{drop}"\napi_key_file = "{key_file}"\n{more}\n'
        self.write()
        return drop

    def start(
        self, *arguments: str, wait: bool = True, own: bool = False, hurried: bool = False, **environment: str
    ) -> None:
        """Start the daemon; with `own` in a Python of its own, for what is measured of it.

        With `hurried` it looks after keys and holds every half second.
        """
        command = ["run", "-c", str(self.config), *arguments]
        with self.log.open("ab") as log:
            before = log.tell()
            if own:
                self.process = subprocess.Popen([sys.executable, "-m", "retraind", *command], stderr=log)
            else:
                handle = log.fileno()
                run = {"run": f"{__name__}:in_a_hurry"} if hurried else {}
                self.process = zygote.zygote().start(
                    *command, out=handle, err=handle, environment=environment, **run
                )
        if wait:
            until(lambda: b'"ready"' in self.log.read_bytes()[before:] or self.ended(), "the daemon is ready")

    def once(self) -> int:
        """Work off what is complete, in this process, which spares a start; returns the exit code of `run
        --once`."""
        settings, file = load(self.config)
        with daemon.Daemon(settings, file) as made:
            return made.run(once=True)

    def ended(self) -> bool:
        return self.process is not None and self.process.poll() is not None

    def stop(self, number: int = signal.SIGTERM, patience: float = 10) -> int:
        assert self.process is not None
        self.process.send_signal(number)
        return self.process.wait(patience)

    def kill(self) -> None:
        if self.process is not None and not self.ended():
            self.process.kill()
            self.process.wait()

    def command(self, *arguments: str) -> subprocess.CompletedProcess[str]:
        """Run a command; those that only read or ask run in this process, which spares a start for each."""
        name, *others = arguments
        if name not in {"run", "rebuild"}:
            out, err = io.StringIO(), io.StringIO()
            with redirect_stdout(out), redirect_stderr(err):
                code = main([name, "-c", str(self.config), *others])
            return subprocess.CompletedProcess([name, *others], code, out.getvalue(), err.getvalue())
        return zygote.run(name, "-c", self.config, *others)

    def records(self, event: str) -> list[dict]:
        """Return what the emulated service has on record of one kind."""
        return [record for record in read_records(self.root / "service") if record["event"] == event]

    def jobs(self) -> list[dict]:
        done = self.command("jobs", "--json", "-n", "1000")
        return json.loads(done.stdout) if done.returncode == 0 else []

    def events(self) -> list[dict]:
        return [json.loads(line) for line in self.log.read_text().splitlines() if line.startswith("{")]


def free_port() -> int:
    """Return a port of this machine on which nothing listens yet."""
    with socket.create_server(("127.0.0.1", 0)) as found:
        return found.getsockname()[1]


def until(condition: Callable[[], object], what: str, patience: float = 60) -> None:
    """Wait until `condition` holds; fail in words when it does not come true."""
    asked = time.monotonic()
    deadline = asked + patience
    while not condition():
        now = time.monotonic()
        assert now < deadline, f"waited {patience} s in vain until {what}"
        # What takes long to ask, such as a command, is asked less often.
        time.sleep(min(0.2, max(0.04, 4 * (now - asked))))
        asked = time.monotonic()


def deliver(drop: Path, name: str, content: bytes) -> None:
    """Hand a file over as a careful ETL job does: hidden name, sync, rename."""
    target = drop / name
    hidden = target.with_name(f".{target.name}"[:255])
    with hidden.open("wb") as file:
        file.write(content)
        file.flush()
        os.fsync(file.fileno())
    hidden.rename(target)


def deliver_pair(drop: Path, key: str = "1", offset: int = 0) -> None:
    """Hand over a training and an evaluation file."""
    deliver(drop, f"train_{key}.csv", table(30, offset))
    deliver(drop, f"eval_{key}.csv", table(20, offset))


def filed(drop: Path) -> list[Path]:
    """Return the job folders in done/ and failed/."""
    return sorted(
        path for place in ("done", "failed") if (drop / place).is_dir() for path in (drop / place).iterdir()
    )
