"""A share on a host: a file system in user space, which can hang as one does whose server is gone."""

from importlib.util import find_spec
from pathlib import Path

import support
from scenarios.host.machine import Host

_PROGRAMS = "/opt/share"


class Share:
    """Mounted at a folder of the host. What is in it lies in another folder."""

    def __init__(self, host: Host, point: str) -> None:
        self._host, self.point = host, point
        self.behind = f"/srv/server{point}"
        """Where its files really are."""
        self._unit = f"share-{point.strip('/').replace('/', '-')}"
        passthrough = Path(str(support.__path__[0])) / "passthrough.py"
        library = find_spec("mfusepy")  # not imported here, where libfuse may be missing
        assert library is not None
        for file in (passthrough, Path(str(library.origin))):
            host.write(f"{_PROGRAMS}/{file.name}", file.read_bytes())
        host.run(f"install -d -o retraind -g etl -m 3770 {self.behind} && mkdir --parents {point}")
        host.write(f"{_PROGRAMS}/{self._unit}.rules", "[]")

    def mount(self) -> "Share":
        """Mount it; returns when it is there."""
        command = f"/usr/bin/python3 {_PROGRAMS}/passthrough.py {self.behind} {self.point}"
        self._host.run(
            f"systemd-run --quiet --unit {self._unit} -p TimeoutStopSec=2s -p StandardOutput=null "
            f"{command} {_PROGRAMS}/{self._unit}.rules allow_other"
        )
        self._host.until(lambda: not self._host.attempt(f"mountpoint -q {self.point}").code, "it is mounted")
        return self

    def hang(self) -> None:
        """Answer no call from now on."""
        self._host.run(f"systemctl kill --signal=STOP {self._unit}")

    def answer(self) -> None:
        """Answer again, also the calls of before."""
        self._host.run(f"systemctl kill --signal=CONT {self._unit}")
