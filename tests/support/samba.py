"""A Samba server in a network of its own, and those who write to it: smbclient, and one that keeps files
open."""

import base64
import json
import os
import signal
import subprocess
import tempfile
from contextlib import suppress
from pathlib import Path
from typing import Any, Self

from support import network
from support.network import WIRE, Network
from support.process import DIES_WITH_US, until

_HERE = Path(__file__).parent
_SYSTEM_PYTHON = "/usr/bin/python3"
"""Samba's own client, as a module, belongs to the distribution's Python."""
NEEDED = ("smbd", "smbclient", *network.NEEDED)


def has_client() -> bool:
    """Return whether Samba's own client is there as a module: Debian's package python3-samba."""
    found = Path(_SYSTEM_PYTHON).exists() and subprocess.run(
        [_SYSTEM_PYTHON, "-I", "-c", "import samba.samba3.libsmb_samba_internal"],
        capture_output=True, check=False,
    )  # fmt: skip
    return bool(found) and found.returncode == 0


_CONFIG = """
[global]
    server role = standalone server
    server min protocol = NT1
    client min protocol = NT1
    interfaces = lo {wire}
    bind interfaces only = yes
    disable netbios = yes
    smb ports = 445
    private dir = {state}
    lock directory = {state}
    state directory = {state}
    cache directory = {state}
    pid directory = {state}
    ncalrpc dir = {state}/n
    log file = {state}/log
    map to guest = Bad User
    guest account = root
    load printers = no
    printcap name = /dev/null
    disable spoolss = yes

[drop]
    path = {folder}
    guest ok = yes
    read only = no
    vfs objects = streams_xattr
"""


class Samba:
    """Exports `folder` as //127.0.0.1/drop. Options are lines of the share's section."""

    def __init__(self, network: Network, folder: Path, *options: str) -> None:
        self._network = network
        # The names of sockets are short.
        self.state = Path(tempfile.mkdtemp(prefix="retraind-smb-", dir="/tmp"))
        self.config = self.state / "smb.conf"
        text = _CONFIG.format(wire=WIRE, state=self.state, folder=folder)
        self.config.write_text(text + "".join(f"    {line}\n" for line in options))
        self._process: subprocess.Popen[bytes] | None = None

    def on(self) -> "Samba":
        """Start it."""
        self._process = subprocess.Popen(
            [*DIES_WITH_US, *self._network.inside("smbd", "--foreground", "--no-process-group", "-s", self.config)],
            stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, start_new_session=True,
        )  # fmt: skip
        until(self._answers, f"smbd answers; see {self.state}/log", patience=20)
        return self

    def _answers(self) -> bool:
        assert self._process.poll() is None, (self.state / "log").read_text(errors="replace")
        return self.client("exit").returncode == 0

    def off(self) -> None:
        """End it, with the connections that it serves."""
        if self._process is not None:
            with suppress(ProcessLookupError):
                os.killpg(self._process.pid, signal.SIGKILL)
            self._process.wait()
            self._process = None

    def freeze(self, frozen: bool = True) -> None:  # noqa: FBT001, FBT002 - as a switch
        """Let it answer nobody, as a server that hangs, or let it continue."""
        os.killpg(self._process.pid, signal.SIGSTOP if frozen else signal.SIGCONT)

    def client(self, *commands: str) -> subprocess.CompletedProcess[str]:
        """Run commands of smbclient, one after the other, up to the first that fails."""
        return subprocess.run(
            self._network.inside(
                "smbclient", "--no-pass", "-s", self.config, "//127.0.0.1/drop", "-c", "; ".join(commands)
            ),
            capture_output=True, text=True, timeout=60, check=False,
        )  # fmt: skip

    def does(self, *commands: str) -> str:
        """Run commands of smbclient, all of which succeed; returns what it prints."""
        for command in commands:
            # Of several, smbclient tells only of the last whether it succeeded.
            done = self.client(command)
            assert done.returncode == 0, f"{command}: {done.stdout}{done.stderr}"
        return done.stdout

    def put(self, name: str, content: bytes, *, verb: str = "put") -> None:
        """Copy a file there: `put`, or `reput`, which appends what the file there lacks."""
        with tempfile.NamedTemporaryFile(prefix="retraind-") as local:
            local.write(content)
            local.flush()
            self.does(f'{verb} {local.name} "{name}"')

    def get(self, name: str) -> bytes:
        """Return what a client reads of a file."""
        with tempfile.TemporaryDirectory(prefix="retraind-") as local:
            self.does(f'get "{name}" {local}/got')
            return Path(local, "got").read_bytes()

    def holder(self, dialect: str = "3") -> "Holder":
        """Return a client that keeps files open; `dialect` 1 has calls that the others lack."""
        return Holder(
            self._network.inside(_SYSTEM_PYTHON, "-I", _HERE / "smb_holder.py", self.config, dialect)
        )

    def close(self) -> None:
        self.off()
        subprocess.run(["rm", "-r", self.state], check=True)


class SmbError(Exception):
    """The server refused a call; says its status."""


class Holder:
    """A client in a process of its own, which keeps its connection and its open files until it is told."""

    def __init__(self, command: list[str]) -> None:
        self._process = subprocess.Popen(
            [*DIES_WITH_US, *command], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
        )

    def _ask(self, call: str, *arguments: Any, **named: Any) -> Any:
        self._process.stdin.write(json.dumps([call, arguments, named]) + "\n")
        self._process.stdin.flush()
        answer = self._process.stdout.readline()
        assert answer, "the client has ended"
        failure, value = json.loads(answer)
        if failure:
            raise SmbError(failure)
        return value

    def open(self, name: str, **how: int) -> int:
        """Open or create a file. `how` is as in MS-SMB2 2.2.13: ShareAccess, CreateDisposition …"""
        return self._ask("open", name, **how)

    def set_size(self, handle: int, size: int) -> None:
        self._ask("set_size", handle, size)

    def write(self, handle: int, content: bytes, offset: int = 0) -> None:
        self._ask("write", handle, base64.b64encode(content).decode(), offset)

    def close(self, handle: int) -> None:
        self._ask("close", handle)

    def freeze(self) -> None:
        """Let the client answer nothing, an oplock break included, as a laptop that sleeps."""
        self._process.send_signal(signal.SIGSTOP)

    def end(self) -> None:
        """Kill it: its connection breaks, and the server closes its files."""
        self._process.kill()
        self._process.communicate()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.end()
