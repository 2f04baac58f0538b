"""A folder mounted by sshfs from an sshd on loopback, with keys and a port of its own."""

import json
import os
import signal
import socket
import subprocess
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import pytest

from support.process import DIES_WITH_US, free_port, until

_HERE = Path(__file__).parent
NEEDED = ("sshfs", "fusermount3", "ssh", "ssh-keygen", "sshd", "setpriv")

SERVER = """
Port {port}
ListenAddress 127.0.0.1
HostKey {keys}/host
PidFile none
AuthorizedKeysFile {keys}/authorized
StrictModes no
UsePAM no
PasswordAuthentication no
Subsystem sftp /usr/bin/python3 -I {here}/sftp_faulty.py {keys}/rule {keys}/struck /usr/lib/openssh/sftp-server
"""


class Sshfs:
    """Mounts `folder` at `point`. The connection is a process (ssh) that can be killed or stopped."""

    def __init__(self, folder: Path, point: Path, *options: str) -> None:
        self.point = point
        self._folder = folder
        self._options = options
        for path in (folder, point):
            path.mkdir(parents=True, exist_ok=True)
        self.keys = Path(tempfile.mkdtemp(prefix="retraind-ssh-", dir="/tmp"))
        for name in ("host", "user"):
            subprocess.run(
                ["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", self.keys / name], check=True
            )
        (self.keys / "authorized").write_bytes((self.keys / "user.pub").read_bytes())
        self.port = free_port()
        (self.keys / "sshd_config").write_text(SERVER.format(port=self.port, keys=self.keys, here=_HERE))
        self._server: subprocess.Popen[bytes] | None = None
        self._mount: subprocess.Popen[bytes] | None = None

    def on(self) -> "Sshfs":
        """Start the server and mount the folder."""
        self.serve()
        self.mount()
        return self

    def serve(self) -> None:
        """Start the server."""
        if os.geteuid() == 0:
            Path("/run/sshd").mkdir(exist_ok=True)  # Where sshd confines those who have not logged in yet.
        with (self.keys / "log").open("ab") as log:
            self._server = subprocess.Popen(
                [*DIES_WITH_US, "/usr/sbin/sshd", "-D", "-e", "-f", self.keys / "sshd_config"],
                stdin=subprocess.DEVNULL, stdout=log, stderr=log, start_new_session=True,
            )  # fmt: skip
        until(self._listens, f"sshd listens; see {self.keys}/log", patience=20)

    def _listens(self) -> bool:
        with suppress(ConnectionRefusedError), socket.create_connection(("127.0.0.1", self.port), 5):
            return True
        return False

    def mount(self) -> None:
        """Mount it (again); what the last mount left is taken away."""
        self.unmount()
        options = [
            f"IdentityFile={self.keys}/user", "StrictHostKeyChecking=no", "UserKnownHostsFile=/dev/null",
            "BatchMode=yes", *self._options,
        ]  # fmt: skip
        # In the foreground, it and the ssh that it starts are ours to signal.
        self._mount = subprocess.Popen(
            [*DIES_WITH_US, "sshfs", "-f", "-F", "/dev/null", "-p", str(self.port), f"127.0.0.1:{self._folder}", self.point,
             "-o", ",".join(options)],
            stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, start_new_session=True,
        )  # fmt: skip
        until(lambda: self.is_mounted() or self._mount.poll() is not None, "sshfs mounts it", patience=20)
        if not self.is_mounted():
            said = self._mount.communicate()[1].decode().strip()
            self._mount = None
            pytest.skip(f"this machine does not let the tests mount a folder by sshfs: {said}")

    def is_mounted(self) -> bool:
        return f" {self.point} fuse.sshfs " in Path("/proc/mounts").read_text()

    def connections(self) -> list[int]:
        """Return the processes that carry the connection."""
        if self._mount is None:
            return []
        return [
            int(status.parent.name)
            for status in Path("/proc").glob("[0-9]*/stat")
            if _group_and_name(status) == (self._mount.pid, "ssh")
        ]

    def drop_connection(self) -> None:
        """Kill the connection, as a router that forgets it. Without `reconnect`, sshfs ends with it."""
        for pid in self.connections():
            os.kill(pid, signal.SIGKILL)

    @contextmanager
    def failing(self, request: str, how: str, after: int = 0) -> Iterator[Callable[[], bool]]:
        """Let one request fail while the block runs: `read`, `rename`, `lstat` …, `any`.

        `how`: `lost` (the connection breaks before the server has read it), `done` (the server does it, and
        the connection breaks before it says so) or `hang` (until the block ends). `after` requests of its
        kind are spared. Yields whether it has been met.
        """
        rule, struck = self.keys / "rule", self.keys / "struck"
        struck.write_bytes(b"")
        whole = rule.with_name("rule.whole")
        whole.write_text(json.dumps({"request": request, "how": how, "after": after}))
        whole.rename(rule)
        try:
            yield lambda: struck.stat().st_size > 0
        finally:
            rule.unlink(missing_ok=True)

    def hang(self) -> None:
        """Let nothing be answered any more, while all connections stay open."""
        os.killpg(self._mount.pid, signal.SIGSTOP)

    def answer(self) -> None:
        os.killpg(self._mount.pid, signal.SIGCONT)

    def unmount(self) -> None:
        """Take the mount away, dead or alive."""
        if self._mount is not None:
            with suppress(ProcessLookupError):
                os.killpg(self._mount.pid, signal.SIGKILL)
            self._mount.communicate()
            self._mount = None
        if self.is_mounted():
            subprocess.run(["fusermount3", "-u", "-z", self.point], check=True)

    def close(self) -> None:
        self.unmount()
        if self._server is not None:
            with suppress(ProcessLookupError):
                os.killpg(self._server.pid, signal.SIGKILL)
            self._server.wait()
        subprocess.run(["rm", "-r", self.keys], check=True)


def _group_and_name(status: Path) -> tuple[int, str]:
    try:
        before, _, after = status.read_text().rpartition(")")
    except (FileNotFoundError, ProcessLookupError):
        return 0, ""
    return int(after.split()[2]), before.partition("(")[2]
