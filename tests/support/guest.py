"""A machine of its own with a real kernel that mounts SMB and NFS shares: User Mode Linux, on the files of this
one.

The modules for `cifs` and `nfs` are those of Debian's package user-mode-linux; this machine's kernel needs
none.
"""

import os
import shlex
import signal
import subprocess
import tempfile
from contextlib import suppress
from pathlib import Path

import pytest

from support.network import HERE, THERE, WIRE, Network
from support.process import DIES_WITH_US, until

NEEDED = ("linux.uml", "modprobe", "mount.cifs", "mount.nfs")

INIT = """#!/bin/sh
export PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin HOME=/root LANG=C.UTF-8
mount -t proc proc /proc; mount -t sysfs sysfs /sys; mount -t tmpfs tmpfs /run; mount -t devtmpfs dev /dev
ip link set lo up; ip addr add {there}/24 dev vec0; ip link set vec0 up
mkdir -p /run/kernel/lib/modules /run/state /run/share
ln -s /usr/lib/uml/modules/$(uname -r) /run/kernel/lib/modules/
printf '#!/bin/sh\\nexec modprobe --dirname /run/kernel "$@"\\n' >/run/kernel/modprobe
chmod +x /run/kernel/modprobe
echo /run/kernel/modprobe >/proc/sys/kernel/modprobe
cd {orders}
touch booted
while :; do
    for order in *.order; do
        [ -e "$order" ] || continue
        rm "$order.taken" 2>/dev/null; mv "$order" "$order.taken"
        ( sh "$order.taken" >"$order.out" 2>&1; echo $? >"$order.code.tmp"; mv "$order.code.tmp" "$order.code" ) &
    done
    sleep 0.1
done
"""


class Guest:
    """Runs shell commands as root. Ends as by a power cut."""

    def __init__(self, network: Network) -> None:
        wired = subprocess.run(network.inside("ip", "link", "show", WIRE), capture_output=True, check=False)
        if wired.returncode:
            pytest.skip("this machine has no wires to an emulated one (/dev/net/tun)")
        self._orders = Path(tempfile.mkdtemp(prefix="retraind-guest-", dir="/tmp"))
        self._number = 0
        init = self._orders / "init"
        init.write_text(INIT.format(there=THERE, orders=self._orders))
        init.chmod(0o700)
        with (self._orders / "console").open("wb") as console:
            self._process = subprocess.Popen(
                [*DIES_WITH_US, *network.inside(
                    "linux.uml", "mem=384M", "rootfstype=hostfs", "hostfs=/", "rw", f"init={init}",
                    "con=null", "con0=null,fd:1", "quiet", f"umid={self._orders.name}",
                    f"vec0:transport=tap,ifname={WIRE},depth=128",
                )],
                stdin=subprocess.DEVNULL, stdout=console, stderr=console, start_new_session=True,
                env=os.environ | {"HOME": str(self._orders), "TMPDIR": "/tmp"},
            )  # fmt: skip
        booted = self._orders / "booted"
        until(
            lambda: booted.exists() or self._process.poll() is not None, "the guest has booted", patience=40
        )
        if not booted.exists():
            said = self.console()
            self.close()
            pytest.skip(f"this machine runs no User Mode Linux: {said[-500:]}")

    def console(self) -> str:
        return (self._orders / "console").read_text(errors="replace")

    def start(self, command: str) -> Path:
        """Run a command in the background; returns the file to which its exit code will be written."""
        self._number += 1
        order = self._orders / f"{self._number}.order"
        fresh = order.with_suffix(".new")
        fresh.write_text(command)
        fresh.rename(order)
        return order.with_name(f"{order.name}.code")

    def run(self, command: str, patience: float = 60) -> tuple[int, str]:
        """Run a command to its end; returns its exit code and all that it has printed."""
        code = self.start(command)
        until(code.exists, f"the guest has done {command!r}", patience)
        return int(code.read_text()), code.with_suffix(".out").read_text(errors="replace")

    def does(self, *command: object) -> str:
        """Run a command that succeeds."""
        code, said = self.run(shlex.join(map(str, command)))
        assert code == 0, f"{command}: {said}"
        return said

    def mount(self, kind: str, source: str, options: str) -> Path:
        """Mount a share of the machine at the other end of the wire; returns where."""
        self.does("mount", "-t", kind, source.format(HERE), "/run/share", "-o", options)
        return Path("/run/share")

    def close(self) -> None:
        with suppress(ProcessLookupError):
            os.killpg(self._process.pid, signal.SIGKILL)
        self._process.wait()
        subprocess.run(["rm", "-r", self._orders], check=True)
