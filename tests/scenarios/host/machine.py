"""A Debian that is booted: systemd is process 1 of a container, with a disk and a loopback network of its own.

    host.run("systemctl reload retraind")       what it prints; fails in words when the command does
    host.attempt("retraind status").code        the same, when it may fail
    host.drop("anna", "train_1.csv", data)      write into the drop folder as a user
    host.journal()                              what the service has logged
    host.reboot(), host.power_cut()             orderly, or with the loss of whatever was not synced

Requires root, systemd-nspawn and loop devices. The machine's own process 1 need not be systemd.
"""

import contextlib
import fcntl
import json
import os
import pty
import select
import shlex
import shutil
import signal
import struct
import subprocess
import tempfile
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Self

from support.process import until

_BOOT_PATIENCE = 90.0
_HALT_PATIENCE = 90.0
_COMMAND_PATIENCE = 300.0
_EXT4_SHUTDOWN = 0x8004587D
_WITHOUT_LOG = 2
"""EXT4_GOING_FLAGS_NOLOGFLUSH: whatever is not on the disk now never gets there."""
_PATH = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"

_ENDS_WITH_US = ("setpriv", "--pdeathsig", "KILL")
"""Tests that are killed leave no machine behind."""
_OWN_MOUNTS = ("unshare", "--mount", "--propagation", "slave")
_NETWORK = "ip link set lo up && echo up && exec sleep infinity"
_BOOT = """
disk=$1 root=$2 network=$3 cgroup=$4 unified=$5
mount --options loop "$disk" "$root"
# Its own group of processes, so that all of them can be ended together.
mkdir "$cgroup"
echo $$ >"$cgroup/cgroup.procs"
if [ "$unified" != /sys/fs/cgroup ]; then
    mount --types cgroup2 none /sys/fs/cgroup
fi
exec systemd-nspawn --quiet --boot --directory="$root" --register=no --keep-unit --console=pipe \\
    --network-namespace-path="$network" --resolv-conf=off --timezone=off --link-journal=no \\
    --bind=/dev/fuse --capability=CAP_SYS_ADMIN,CAP_MKNOD --property=DeviceAllow=/dev/fuse
"""


@dataclass(frozen=True)
class Result:
    """How a command ended."""

    code: int
    out: str
    err: str

    @property
    def text(self) -> str:
        """All that it has printed."""
        return self.out + self.err


def unified_hierarchy() -> str | None:
    """Return where the cgroup-v2 hierarchy is mounted; None where it is not."""
    for line in Path("/proc/self/mountinfo").read_text("utf-8").splitlines():
        before, _, after = line.partition(" - ")
        if after.startswith("cgroup2 "):
            return before.split(" ")[4]
    return None


@dataclass
class Host:
    """One machine. A context manager: entering boots it, leaving ends it without care."""

    disk: Path
    """Its disk, which nobody else may use meanwhile."""
    drop_folder: str = "/srv/drop/churn"
    _network: subprocess.Popen[bytes] | None = None
    """A process that keeps the network while the machine is off: the service on it is another machine."""
    _machine: subprocess.Popen[bytes] | None = None
    _leader: int = 0
    """Its process 1."""
    _folder: Path = field(default_factory=lambda: Path(tempfile.mkdtemp(prefix="retraind-host-")))
    _boots: int = 0

    def __enter__(self) -> Self:
        """Boot."""
        try:
            self._network = subprocess.Popen(
                [*_ENDS_WITH_US, "unshare", "--net", "sh", "-c", _NETWORK],
                stdout=subprocess.PIPE,
            )
            assert self._network.stdout is not None
            assert self._network.stdout.readline() == b"up\n", "no network"
            self.boot()
        except BaseException:
            self.__exit__()
            raise
        return self

    def __exit__(self, *_: object) -> None:
        self._end()
        if self._network is not None:
            self._network.kill()
            self._network.wait()
            if self._network.stdout is not None:
                self._network.stdout.close()
        shutil.rmtree(self._folder, ignore_errors=True)

    # On and off

    def boot(self) -> None:
        """Start the machine; returns when systemd has started everything that is enabled."""
        unified = unified_hierarchy()
        assert unified is not None, "no cgroup2 is mounted"
        assert self._network is not None
        self._boots += 1
        root = self._folder / "root"
        root.mkdir(exist_ok=True)
        network = f"/proc/{self._network.pid}/ns/net"
        given = (self.disk, root, network, self._cgroup, unified)
        with self._console.open("wb") as console:
            self._machine = subprocess.Popen(
                [*_ENDS_WITH_US, *_OWN_MOUNTS, "bash", "-euc", _BOOT, "boot", *map(str, given)],
                stdin=subprocess.DEVNULL,
                stdout=console,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )
        until(self._find_leader, f"systemd is process 1. The console:\n{self.console}", _BOOT_PATIENCE)
        until(self._has_booted, "the machine has booted", _BOOT_PATIENCE)

    @property
    def _cgroup(self) -> Path:
        return Path(unified_hierarchy() or "") / f"{self._folder.name}-{self._boots}"

    @property
    def _console(self) -> Path:
        return self._folder / f"console-{self._boots}"

    @property
    def console(self) -> str:
        """What the machine has printed since it was booted."""
        return self._console.read_text("utf-8", "replace")

    def _find_leader(self) -> bool:
        assert self._machine is not None
        assert self._machine.poll() is None, f"the machine does not start:\n{self.console}"
        children = Path(f"/proc/{self._machine.pid}/task/{self._machine.pid}/children").read_text("utf-8")
        for child in children.split():
            with contextlib.suppress(OSError):
                status = Path(f"/proc/{child}/status").read_text("utf-8")
                if "Name:\tsystemd\n" in status and status.split("NSpid:", 1)[1].split("\n")[0].endswith(
                    "\t1"
                ):
                    self._leader = int(child)
                    return True
        return False

    def _has_booted(self) -> bool:
        state = self.attempt("systemctl is-system-running").out.strip()
        return state in {"running", "degraded"}

    def halt(self) -> None:
        """Shut the machine down in order."""
        assert self._machine is not None
        # What nspawn understands as a wish for an orderly end: SIGRTMIN+4 to process 1.
        os.kill(self._leader, signal.SIGRTMIN + 4)
        self._machine.wait(_HALT_PATIENCE)
        self._forget()

    def reboot(self) -> None:
        """Shut it down in order, and boot it again."""
        self.halt()
        self.boot()

    def power_cut(self) -> None:
        """Take its power away: every process ends, and what was not synced to the disk is lost."""
        root = os.open(f"/proc/{self._leader}/root", os.O_RDONLY | os.O_DIRECTORY)
        try:
            fcntl.ioctl(root, _EXT4_SHUTDOWN, struct.pack("I", _WITHOUT_LOG))
        finally:
            os.close(root)
        self._end()

    def _end(self) -> None:
        if self._machine is None:
            return
        # The end of process 1 is that of all others.
        for process in filter(None, (self._leader, self._machine.pid)):
            with contextlib.suppress(ProcessLookupError):
                os.kill(process, signal.SIGKILL)
        self._machine.wait()
        self._forget()

    def _forget(self) -> None:
        self._machine, self._leader = None, 0
        until(self._is_gone, "nothing of the machine is left", 30)

    def _is_gone(self) -> bool:
        """Return whether its disk is free again, which is when its last process has ended."""
        for folder, _, _ in os.walk(self._cgroup, topdown=False):
            with contextlib.suppress(OSError):
                Path(folder).rmdir()
        loops = subprocess.run(
            ["losetup", "--associated", self.disk], capture_output=True, text=True, check=True
        )
        return not loops.stdout and not self._cgroup.exists()

    # Commands and files

    def inside(self, *words: str) -> list[str]:
        """Return the command line that runs a program inside, for whoever has to talk with it."""
        assert self._leader, "the machine is off"
        clean = ["env", "--ignore-environment", f"PATH={_PATH}", "HOME=/root", "LANG=C.UTF-8", "TERM=dumb"]
        return ["nsenter", f"--target={self._leader}", "--all", *clean, *words]

    def on_its_network(self, *words: str) -> list[str]:
        """Return the command line of a program of this machine on the network of that one."""
        assert self._network is not None
        return [*_ENDS_WITH_US, "nsenter", f"--target={self._network.pid}", "--net", *words]

    def attempt(
        self,
        command: str,
        *,
        user: str = "root",
        given: str | bytes = b"",
        patience: float = _COMMAND_PATIENCE,
    ) -> Result:
        """Run a shell's command, with `given` as its standard input."""
        words = (
            ["sh", "-c", command] if user == "root" else ["runuser", "--login", user, "--command", command]
        )
        data = given.encode() if isinstance(given, str) else given
        done = subprocess.run(
            self.inside(*words), input=data, capture_output=True, timeout=patience, check=False
        )
        return Result(
            done.returncode, done.stdout.decode("utf-8", "replace"), done.stderr.decode("utf-8", "replace")
        )

    def run(
        self,
        command: str,
        *,
        user: str = "root",
        given: str | bytes = b"",
        patience: float = _COMMAND_PATIENCE,
    ) -> str:
        """Run a command that has to succeed; returns its output."""
        result = self.attempt(command, user=user, given=given, patience=patience)
        assert result.code == 0, f"{command!r} ended with {result.code}:\n{result.text}"
        return result.out

    def converse(self, command: str, answers: Mapping[str, str], patience: float = 120) -> str:
        """Run a shell's command in a terminal, and answer what it asks; returns what the terminal shows.

        A question is a line that waits after a colon. One that holds none of `answers` gets an empty line.
        """
        ours, theirs = pty.openpty()
        with subprocess.Popen(
            self.inside("setsid", "--ctty", "sh", "-c", command),
            stdin=theirs, stdout=theirs, stderr=theirs, start_new_session=True,
        ) as process:  # fmt: skip
            os.close(theirs)
            shown, answered = "", 0
            try:
                while select.select([ours], [], [], patience)[0]:
                    try:
                        shown += os.read(ours, 4096).decode("utf-8", "replace")
                    except OSError:
                        break  # Nobody has the terminal open any more.
                    if shown.endswith(": ") and len(shown) > answered:
                        question, answered = shown.rpartition("\n")[2], len(shown)
                        told = next((text for part, text in answers.items() if part in question), "")
                        os.write(ours, f"{told}\n".encode())
                else:
                    process.kill()
            finally:
                os.close(ours)
        assert process.returncode == 0, f"{command!r} ended with {process.returncode}:\n{shown}"
        return shown

    def write(self, file: str, content: str | bytes, mode: str = "0644") -> None:
        """Write a file as root, with its folder."""
        self.run(f"install -D --mode={mode} /dev/stdin {shlex.quote(file)}", given=content)

    def read(self, file: str) -> str:
        """Return what is in a file."""
        return self.run(f"cat {shlex.quote(file)}")

    def copy(self, folder: Path, files: list[str], to: str) -> None:
        """Copy files of this machine into a folder of that one."""
        packed = subprocess.run(
            ["tar", "--create", "--no-recursion", "--directory", folder, "--null", "--files-from=-"],
            input="\0".join(files).encode(), capture_output=True, check=True,
        )  # fmt: skip
        self.run(
            f"mkdir --parents {to} && tar --extract --no-same-owner --directory {to}", given=packed.stdout
        )

    def user(self, name: str, *groups: str) -> None:
        """Create a user who can log in."""
        self.run(f"useradd --create-home --shell /bin/bash --groups '{','.join(groups)}' {name}")

    def drop(
        self, user: str, name: str, content: bytes, *, folder: str | None = None, umask: str = "027"
    ) -> None:
        """Write a file into a drop folder as a user, in one go, as a copy does."""
        target = shlex.quote(f"{folder or self.drop_folder}/{name}")
        self.run(f"umask {umask}; cat > {target}", user=user, given=content)

    def journal(self, unit: str = "retraind") -> list[dict[str, object]]:
        """Return the events that a service has logged since it was installed, each with its `PRIORITY`.

        Lines that are not an event are under `MESSAGE`.
        """
        found = []
        for line in self.run(f"journalctl --unit {unit} --output json --no-pager").splitlines():
            entry = json.loads(line)
            message = entry["MESSAGE"]
            event = json.loads(message) if isinstance(message, str) and message.startswith("{") else {}
            found.append({**event, "MESSAGE": message, "PRIORITY": entry.get("PRIORITY")})
        return found

    def events(self, name: str) -> list[dict[str, object]]:
        """Return the service's events of a name."""
        return [entry for entry in self.journal() if entry.get("event") == name]

    def property(self, name: str, unit: str = "retraind") -> str:
        """Return a property of a unit, such as ActiveState, MainPID, NRestarts or StatusText."""
        return self.run(f"systemctl show --property {name} --value {unit}").strip()

    def until(self, condition: Callable[[], object], what: str, patience: float = 60) -> None:
        """Wait for a condition; what the service says is shown when it does not come true."""
        try:
            until(condition, what, patience)
        except AssertionError as late:
            said = self.attempt(
                "systemctl status --no-pager --full retraind; journalctl -u retraind -n 40 -o cat"
            )
            raise AssertionError(f"{late}\n{said.text}") from None

    def finds(self, pattern: str) -> list[str]:
        """Return the files that a shell's pattern finds."""
        return self.attempt(f"ls -d {pattern} 2>/dev/null").out.split("\n")[:-1]


@contextlib.contextmanager
def booted(disk: Path) -> Iterator[Host]:
    """Boot a machine with this disk while the block runs."""
    with Host(disk) as host:
        yield host
