"""How long the pages of the status page take, with a long history, alone and while a bundle is being made.

    python -m benchmarks.page [--jobs 100000] [--models 1000] [--each 200] [--size 60]

The page is a process of its own, asked over HTTP by one client. Beside it stands what this machine gives
anybody at the same moment: a static file from the same process, and a fixed piece of work in this one. The
CPU time of the page's process says what a page costs, whatever else the machine does.
"""

import argparse
import hashlib
import http.client
import os
import random
import statistics
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from urllib.parse import quote

from benchmarks.data import write_table
from benchmarks.history import STORY, a_job, fill
from retraind.store.journal import Journal

GOAL_MS = 100.0
PATIENCE = 60.0
WRITES_EVERY = 0.5
"""Seconds; after each, nothing that was read before counts."""
WORK = bytes(4 << 20)
"""Hashed, it takes a few milliseconds of a core."""


def configure(root: Path, models: int) -> Path:
    """Write a configuration of so many models; nothing that it names exists."""
    config = root / "config.toml"
    tables = (
        f'[models.model-{number}]\ndrop = "/srv/drop/{number}"\napi_key_file = "/etc/keys/{number}"\n'
        for number in range(models)
    )
    config.write_text(
        f'[state]\nurl = "sqlite:///{root}/journal.db"\nspool = "{root}/spool"\n'
        f'[page]\nlisten = "unix:{root}/page.sock"\n{"".join(tables)}'
    )
    return config


class Client(http.client.HTTPConnection):
    """Over a Unix socket."""

    def __init__(self, path: Path, process: int) -> None:
        super().__init__("localhost", timeout=PATIENCE)
        self._path = path
        self._tasks = Path(f"/proc/{process}/task")

    def spent(self) -> float:
        """Return how many milliseconds of CPU the process has used."""
        used = 0
        for task in self._tasks.iterdir():
            with suppress(OSError):
                used += int((task / "schedstat").read_text().split()[0])
        return used / 1e6

    def connect(self) -> None:
        """Connect."""
        import socket  # noqa: PLC0415 - its name is an attribute's, too

        self.sock = socket.socket(socket.AF_UNIX)
        self.sock.settimeout(PATIENCE)
        self.sock.connect(str(self._path))

    def ask(self, address: str) -> str:
        """Return a page."""
        self.request("GET", address)
        answer = self.getresponse()
        text = answer.read().decode()
        assert answer.status == 200, (answer.status, address)
        return text


def pages(jobs: int, models: int, chance: random.Random) -> dict[str, Callable[[], str]]:
    """Return how to make up an address of each kind."""

    def job() -> str:
        return quote(a_job(chance.randrange(jobs), models).id)

    def model() -> str:
        return f"/models/model-{chance.randrange(models)}"

    return {
        "all models": lambda: f"/?page={chance.randint(1, 20)}",
        "models by name": lambda: f"/?q={chance.randrange(models)}",
        "a model": model,
        "jobs, the newest": lambda: "/jobs",
        "jobs, half-way": lambda: f"/jobs?before={job()}",
        "jobs that failed": lambda: "/jobs?show=failed",
        "jobs by short id": lambda: f"/jobs?q={job()[-6:]}",
        "jobs of a model by name": lambda: (
            f"/jobs?q=nothing-has-this-name&model=model-{chance.randrange(models)}"
        ),
        "jobs, nothing found": lambda: "/jobs?q=nothing-has-this-name",
        "a job": lambda: f"/jobs/{job()}",
        "its report.json": lambda: (
            f"/jobs/{quote(a_job(1 + 2 * chance.randrange(jobs // 2), models).id)}/report.json"
        ),
    }


def percentile(values: list[float], part: float) -> float:
    """Return the value below which a part of all lies."""
    ordered = sorted(values)
    return ordered[min(len(ordered) - 1, int(part * len(ordered)))]


def timed(action: Callable[[], object]) -> float:
    """Return how many milliseconds something takes."""
    began = time.perf_counter()
    action()
    return (time.perf_counter() - began) * 1_000


@contextmanager
def serving(root: Path, config: Path) -> Iterator[Client]:
    """Run the page as users do."""
    command = [sys.executable, "-m", "retraind", "page", "-c", str(config)]
    with (root / "page.log").open("wb") as log, subprocess.Popen(command, stderr=log) as process:
        deadline = time.monotonic() + PATIENCE
        while not (root / "page.sock").exists():
            assert process.poll() is None, (root / "page.log").read_text()
            assert time.monotonic() < deadline
            time.sleep(0.05)
        try:
            yield Client(root / "page.sock", process.pid)
        finally:
            process.terminate()


@contextmanager
def bundling(root: Path, size: int) -> Iterator[None]:
    """Make one bundle after the other, as fast as retraind does, and write to the journal meanwhile."""
    for name in ("train", "eval"):
        (root / "delivery" / name).mkdir(parents=True, exist_ok=True)
        write_table(root / "delivery" / name / f"{name}.csv", "numeric", size << 20)
    stopping = threading.Event()
    journal = Journal.open(root / "journal.db")

    def write() -> None:
        while not stopping.wait(WRITES_EVERY):
            journal.events.note("data_checked", model="model-1")

    def run() -> None:
        command = [
            sys.executable,
            "-m",
            "benchmarks.ours",
            "build",
            str(root / "delivery"),
            str(root / "b.zip"),
            "small",
        ]
        while not stopping.is_set():
            subprocess.run(command, check=True, stdout=subprocess.DEVNULL)

    threads = [threading.Thread(target=each) for each in (run, write)]
    for thread in threads:
        thread.start()
    try:
        yield
    finally:
        stopping.set()
        for thread in threads:
            thread.join()
        journal.close()


def measure(client: Client, kinds: dict[str, Callable[[], str]], each: int, chance: random.Random) -> None:
    """Ask for all kinds of pages in turn, and print what it took."""
    client.close()  # The server may have ended a connection that was idle meanwhile.
    static = next(part for part in client.ask("/").split('"') if part.endswith("page.css"))
    took: dict[str, list[float]] = {name: [] for name in kinds}
    used: dict[str, list[float]] = {name: [] for name in kinds}
    plain: list[float] = []
    own: list[float] = []
    order = [name for name in kinds for _ in range(each)]
    chance.shuffle(order)
    for name in order:
        address, before = kinds[name](), client.spent()
        took[name].append(timed(lambda at=address: client.ask(at)))  # type: ignore[misc]
        used[name].append(client.spent() - before)
        plain.append(timed(lambda: client.ask(static)))
        own.append(timed(lambda: hashlib.sha256(WORK).digest()))
    rows = [*took.items(), ("this machine: a static file", plain), ("this machine: a hash of 4 MiB", own)]
    for name, values in rows:
        late = percentile(values, 0.95)
        verdict = "" if name.startswith("this machine") or late < GOAL_MS else f"  over {GOAL_MS:.0f} ms"
        cpu = f"{statistics.median(used[name]):>9.1f}" if name in used else " " * 9
        _say(f"{name:<34}{statistics.median(values):>9.1f}{late:>9.1f}{max(values):>9.1f}{cpu}{verdict}")


def _say(line: str) -> None:
    sys.stdout.write(line + "\n")
    sys.stdout.flush()


def main() -> None:
    """Fill a journal, and measure twice."""
    parser = argparse.ArgumentParser(description="How long the pages of the status page take.")
    parser.add_argument("--jobs", type=int, default=100_000)
    parser.add_argument("--models", type=int, default=1_000)
    parser.add_argument("--each", type=int, default=200, help="requests of each kind of page")
    parser.add_argument("--size", type=int, default=60, help="MiB of each file that is bundled meanwhile")
    options = parser.parse_args()
    chance = random.Random(7)
    with tempfile.TemporaryDirectory(prefix="retraind-page-") as folder:
        root = Path(folder)
        fill(root / "journal.db", options.jobs, options.models)
        _say(f"load {' '.join(f'{each:.1f}' for each in os.getloadavg())} on {os.cpu_count()} cores")
        _say(f"{options.models:,} models, {options.jobs:,} jobs, {options.jobs * len(STORY):,} events")
        kinds = pages(options.jobs, options.models, chance)
        with serving(root, configure(root, options.models)) as client:
            _say(f"\n{'alone':<34}{'median':>9}{'95 %':>9}{'most':>9}{'CPU':>9}  ms")
            measure(client, kinds, options.each, chance)
            with bundling(root, options.size):
                _say(f"\n{'while a bundle is made':<34}{'median':>9}{'95 %':>9}{'most':>9}{'CPU':>9}  ms")
                measure(client, kinds, options.each, chance)


if __name__ == "__main__":
    main()
