"""The service on a host's network: a process of this machine, which a power cut over there does not end."""

import subprocess
import sys
from pathlib import Path
from typing import Any, Self

from retraind.emulator import read_records
from scenarios.host.machine import Host
from scenarios.host.readme import SERVICE
from support.process import until
from support.world import key_of


class Service:
    """An emulated account with models. A context manager: entering starts it."""

    def __init__(self, host: Host, folder: Path, *models: str, **options: str) -> None:
        """`options` are the emulator's, such as `queue_time="3s"`."""
        self._host, self._folder = host, folder
        self._models, self._options = models or ("churn",), options
        self._process: subprocess.Popen[bytes] | None = None

    def __enter__(self) -> Self:
        """Start it."""
        words = [sys.executable, "-m", "retraind", "emulate", "--trainer", "instant"]
        words += ["--listen", SERVICE.removeprefix("http://"), "--state", str(self._folder)]
        for name in self._models:
            words += ["--model", f"{name}:target=churned:key={key_of(name)}"]
        for option, value in self._options.items():
            words += [f"--{option.replace('_', '-')}", value]
        with (self._folder.with_suffix(".log")).open("wb") as log:
            self._process = subprocess.Popen(
                self._host.on_its_network(*words), stdin=subprocess.DEVNULL, stdout=log, stderr=log
            )
        until(self._listens, "the service listens", 30)
        return self

    def _listens(self) -> bool:
        assert self._process is not None
        assert self._process.poll() is None, self._folder.with_suffix(".log").read_text("utf-8")
        return b"8089" in self._folder.with_suffix(".log").read_bytes()

    def __exit__(self, *_: object) -> None:
        """End it."""
        if self._process is not None:
            self._process.kill()
            self._process.wait()

    def restart(self, **options: str) -> None:
        """End it, as if it had failed, and start it with other options."""
        self.__exit__()
        self._options = options
        self.__enter__()

    def records(self, event: str) -> list[dict[str, Any]]:
        """Return what it has on record of one kind."""
        return [record for record in read_records(self._folder) if record["event"] == event]
