"""A network of the tests' own: a namespace with a loopback, and a wire to a machine that is emulated."""

import ctypes
import os
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from support.process import DIES_WITH_US

NEEDED = ("unshare", "nsenter", "setpriv", "ip")
HERE, THERE = "10.77.0.1", "10.77.0.2"
"""The addresses at both ends of the wire."""
WIRE = "tap0"
_NEW_NET = 0x40000000
_SET_UP = f"""
ip link set lo up
if ip tuntap add {WIRE} mode tap 2>/dev/null; then
    ip address add {HERE}/24 dev {WIRE}
    ip link set {WIRE} up
fi
echo up
exec sleep infinity
"""


class Network:
    """Lasts until it is closed; what was started in it is ended by those who have started it."""

    def __init__(self) -> None:
        if os.geteuid():
            pytest.skip("only root can make a network of its own")
        self._process = subprocess.Popen(
            [*DIES_WITH_US, "unshare", "--net", "sh", "-euc", _SET_UP],
            stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE,
        )  # fmt: skip
        if self._process.stdout.readline() != b"up\n":
            said = self._process.communicate()[1].decode().strip()
            pytest.skip(f"this machine gives the tests no network of their own: {said}")
        self.namespace = Path(f"/proc/{self._process.pid}/ns/net")

    def inside(self, *command: Any) -> list[str]:
        """Return the command that runs `command` in it."""
        return ["nsenter", f"--net={self.namespace}", *map(str, command)]

    @contextmanager
    def entered(self) -> Iterator[None]:
        """Let this thread make its sockets there."""
        with Path("/proc/thread-self/ns/net").open() as home, self.namespace.open() as there:
            _enter(there.fileno())
            try:
                yield
            finally:
                _enter(home.fileno())

    def close(self) -> None:
        self._process.kill()
        self._process.communicate()


def _enter(namespace: int) -> None:
    if ctypes.CDLL(None, use_errno=True).setns(namespace, _NEW_NET):
        raise OSError(ctypes.get_errno(), "setns")
