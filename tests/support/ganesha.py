"""An NFS server in user space, NFS-Ganesha, in a network of its own; and the client of libnfs, which writes to
it."""

import os
import signal
import subprocess
import tempfile
from contextlib import suppress
from pathlib import Path

from support import network
from support.network import Network
from support.process import DIES_WITH_US, until

NEEDED = ("ganesha.nfsd", "nfs-cp", "nfs-ls", *network.NEEDED)

_CONFIG = """
NFS_CORE_PARAM {{ Protocols = 4; Enable_NLM = false; Enable_RQUOTA = false; }}
NFSv4 {{
    Graceless = true; Lease_Lifetime = 5; Grace_Period = 5; Only_Numeric_Owners = true;
    RecoveryBackend = fs; RecoveryRoot = {state}/recovery;
}}
EXPORT {{
    Export_Id = 1; Path = {folder}; Pseudo = /drop; Protocols = 4; Transports = TCP;
    Access_Type = RW; Squash = No_Root_Squash; SecType = sys; FSAL {{ Name = VFS; }}
}}
LOG {{ Default_Log_Level = EVENT; }}
"""


class Ganesha:
    """Exports `folder` as /drop, by NFS 4."""

    def __init__(self, network: Network, folder: Path) -> None:
        self._network = network
        self.state = Path(tempfile.mkdtemp(prefix="retraind-nfs-", dir="/tmp"))
        (self.state / "recovery").mkdir()
        (self.state / "ganesha.conf").write_text(_CONFIG.format(state=self.state, folder=folder))
        self._process: subprocess.Popen[bytes] | None = None

    def on(self) -> "Ganesha":
        """Start it."""
        files = ("-L", self.state / "log", "-f", self.state / "ganesha.conf", "-p", self.state / "pid")
        self._process = subprocess.Popen(
            [*DIES_WITH_US, *self._network.inside("ganesha.nfsd", "-F", *files)],
            stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, start_new_session=True,
        )  # fmt: skip
        until(self._answers, f"the server answers; see {self.state}/log", patience=30)
        return self

    def _answers(self) -> bool:
        assert self._process.poll() is None, (self.state / "log").read_text(errors="replace")
        # The exit code of nfs-ls says nothing.
        return not self._client("nfs-ls", "nfs://127.0.0.1/drop/?version=4").stderr

    def _client(self, *command: str | Path) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            self._network.inside(*command), capture_output=True, text=True, timeout=60, check=False
        )

    def put(self, name: str, content: bytes) -> None:
        """Copy a file there, by another client of the server."""
        with tempfile.NamedTemporaryFile(prefix="retraind-") as local:
            local.write(content)
            local.flush()
            done = self._client("nfs-cp", local.name, f"nfs://127.0.0.1/drop/{name}?version=4")
        assert done.returncode == 0, done.stderr

    def freeze(self, frozen: bool = True) -> None:  # noqa: FBT001, FBT002 - as a switch
        """Let it answer nobody, or let it continue."""
        os.killpg(self._process.pid, signal.SIGSTOP if frozen else signal.SIGCONT)

    def off(self) -> None:
        """Kill it."""
        if self._process is not None:
            with suppress(ProcessLookupError):
                os.killpg(self._process.pid, signal.SIGKILL)
            self._process.wait()
            self._process = None

    def close(self) -> None:
        self.off()
        subprocess.run(["rm", "-r", self.state], check=True)
