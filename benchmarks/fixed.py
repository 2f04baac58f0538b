"""What a delivery costs whatever its size: what is synced, in which order, and its time on a slow disk.

python -m benchmarks.fixed [--sync-ms 5] [--runs 5] [--how marker|rename] [--before [COMMIT]]

A daemon runs under strace, which lets every fsync take so long. Each run is a delivery of another model, of
two small files. The clock starts when their marker is created, or when they get their names. What strace
itself costs is counted, what the service takes to answer is not.
"""

import argparse
import json
import os
import re
import shutil
import signal
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime
from pathlib import Path
from typing import NamedTuple

from benchmarks import before, sink

HINT = 0.05
"""Seconds in which events gather."""
SETTLE = 1.0
_QUIET = 3.5
"""Seconds after which a file's times are trusted."""
_CALLS = "openat,fsync,fdatasync,rename,renameat2,mkdir,pwrite64,sendto,recvfrom"
_LINE = re.compile(r"(\d+) +(\d+\.\d+) (.*)")
_RESUMED = re.compile(r"<\.\.\. \w+ resumed>(.*)")
_TOOK = re.compile(r"<(\d+\.\d+)>$")
_OPENED = re.compile(r"openat\(.*\) = (\d+)<([^>]*)>")
_HANDLE = re.compile(r"\d+<([^>]*)>")
_PINNED = re.compile(r"/proc/self/fd/(\d+)")


class Call(NamedTuple):
    """A system call of the daemon."""

    begin: float
    end: float
    thread: str
    text: str

    @property
    def name(self) -> str:
        """Its name."""
        return self.text.partition("(")[0]


def read(trace: Path) -> Iterator[Call]:
    """Yield the calls of a trace in the order in which they ended."""
    begun: dict[str, tuple[float, str]] = {}
    opened: dict[str, str] = {}
    for line in trace.read_text("utf-8", errors="replace").splitlines():
        found = _LINE.match(line)
        if found is None:
            continue
        thread, at, text = found[1], float(found[2]), found[3]
        if text.endswith("<unfinished ...>"):
            begun[thread] = at, text.removesuffix("<unfinished ...>").rstrip()
            continue
        if (resumed := _RESUMED.match(text)) is not None:
            at, first = begun.pop(thread)
            text = first + resumed[1]
        if (made := _OPENED.match(text)) is not None:
            opened[made[1]] = made[2]
        took = _TOOK.search(text)
        plain = _PINNED.sub(lambda handle: opened.get(handle[1], handle[0]), text)
        yield Call(at, at + (float(took[1]) if took else 0.0), thread, plain)


class Delivery(NamedTuple):
    """What one delivery took, in seconds, and what it had synced."""

    sealed: float
    """Beyond the hint's delay, or `settle`."""
    first_byte: float
    """From checked, without the service's answers."""
    stored: float
    """Beyond the hint's delay, or `settle`."""
    synced: Sequence[str]


def measured(calls: Sequence[Call], moments: Mapping[str, float], began: float, root: Path) -> Delivery:
    """Return what the trace and the log say of the delivery that began at a moment."""
    checked, stored = moments["data_checked"], moments["upload_complete"]
    mine = [call for call in calls if began <= call.begin < stored]
    synced = [
        _what(handle[1].replace(str(root), "").lstrip("/"))
        for call in mine
        if call.name in {"fsync", "fdatasync"} and (handle := _HANDLE.search(call.text)) is not None
    ]
    first_byte = next(call.begin for call in mine if call.name == "sendto" and '"PUT /' in call.text)
    answers, asked = 0.0, dict[str, Call]()
    for call in mine:
        if not checked <= call.begin < first_byte:
            continue
        if call.name == "sendto" and '"GET /v1' in call.text:
            asked[call.thread] = call
        elif call.name == "recvfrom" and (question := asked.pop(call.thread, None)) is not None:
            answers += call.end - question.end
    return Delivery(
        moments["delivery_sealed"] - began, first_byte - checked - answers, stored - began, synced
    )


def _what(name: str) -> str:
    """Return what a file or folder is, whatever the job is called."""
    name = re.sub(r"\d{4}-\d\d-\d\dT\d{6}Z_\w+?_[0-9a-f]{6}", "JOB", name)
    return re.sub(r"^drop-\d+", "DROP", re.sub(r"_\d+\.csv", ".csv", name))


def run(options: argparse.Namespace, root: Path, tree: Path) -> list[Delivery]:
    """Deliver to the daemon of a work tree, and return what each delivery took."""
    key = root / "key"
    key.touch(0o600)
    key.write_text("key-of-a-benchmark")
    ready = 'ready = "marker"' if options.how == "marker" else f'settle = "{SETTLE:g}s"'
    drops = [root / f"drop-{number}" for number in range(options.runs + 1)]
    with sink.running() as address:
        text = (
            f'[api]\nbase_url = "{address}"\n[state]\nurl = "sqlite:///{root}/state/journal.db"\n'
            f'spool = "{root}/state/spool"\n'
        )
        for number, drop in enumerate(drops):
            drop.mkdir()
            text += f'[models.m{number}]\ndrop = "{drop}"\napi_key_file = "{key}"\n{ready}\n'
        (root / "config.toml").write_text(text)
        log, trace = root / "log", root / "trace"
        slow = f"inject=fsync,fdatasync:delay_enter={round(options.sync_ms * 1000)}"
        with log.open("wb") as writer:
            process = subprocess.Popen(
                ["strace", "-f", "--seccomp-bpf", "-y", "-ttt", "-T", "-s", "4000", "-o", trace,
                 "-e", f"trace={_CALLS}", "-e", slow,
                 sys.executable, "-m", "retraind", "run", "-c", root / "config.toml"],
                stderr=writer, env={**os.environ, "PYTHONPATH": str(tree / "daemon")},
            )  # fmt: skip
        try:
            _wait(log, '"event": "ready"', process)
            began = []
            for number, drop in enumerate(drops):
                began.append(_deliver(drop, options.how))
                _wait(log, f'"upload_complete".*"m{number}"', process)
                time.sleep(1)
        finally:
            children = Path(f"/proc/{process.pid}/task/{process.pid}/children").read_text("ascii").split()
            for child in children:
                os.kill(int(child), signal.SIGTERM)
            process.wait(60)
        calls = list(read(trace))
    moments: list[dict[str, float]] = [{} for _ in drops]
    for line in log.read_text("utf-8").splitlines():
        event = json.loads(line)
        if str(event.get("model", "")).startswith("m") and "job" in event:
            moment = datetime.fromisoformat(event["timestamp"]).timestamp()
            moments[int(event["model"][1:])].setdefault(event["event"], moment)
    free = HINT if options.how == "marker" else SETTLE
    # The first one pays for what a daemon does once.
    found = zip(moments[1:], began[1:], strict=True)
    return [measured(calls, seen, moment + free, root) for seen, moment in found]


def _wait(log: Path, pattern: str, process: subprocess.Popen[bytes]) -> None:
    while re.search(pattern, log.read_text("utf-8")) is None:
        if process.poll() is not None:
            raise SystemExit(log.read_text("utf-8"))
        time.sleep(0.05)


def _deliver(drop: Path, how: str) -> float:
    """Put a small delivery into a drop folder; returns when its marker came, or its names."""
    for name in ("train", "eval"):
        rows = "".join(f"{number},{number * 7 % 13},{number % 2}\n" for number in range(600))
        (drop / f".{name}").write_text(f"a,b,{drop.name}\n{rows}", "ascii")
    os.sync()
    if how == "marker":
        for name in ("train", "eval"):
            (drop / f".{name}").rename(drop / f"{name}_1.csv")
        time.sleep(_QUIET)
        began = time.time()
        (drop / "1.done").touch()
        return began
    began = time.time()
    for name in ("train", "eval"):
        (drop / f".{name}").rename(drop / f"{name}_1.csv")
    return began


def main() -> None:
    """Print the medians, and what one delivery had synced, in order."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").split("\n", 1)[0])
    parser.add_argument(
        "--sync-ms", type=float, default=5.0, help="what every fsync is made to take at least"
    )
    parser.add_argument("--runs", type=int, default=5)
    parser.add_argument("--how", choices=("marker", "rename"), default="marker")
    parser.add_argument("--before", nargs="?", const=before.COMMIT, help="measure this commit instead")
    options = parser.parse_args()
    tree = before.tree_of(options.before, Path("build").resolve()) if options.before else before.ROOT
    place = Path(tempfile.mkdtemp(prefix="retraind-fixed-", dir="build")).resolve()
    try:
        found = run(options, place, tree)
    finally:
        shutil.rmtree(place)
    beyond = "the hint's delay" if options.how == "marker" else "settle"
    for what, values in (
        (f"{options.how} to sealed, beyond {beyond}", [each.sealed for each in found]),
        ("checked to the first byte, without the service's answers", [each.first_byte for each in found]),
        (f"{options.how} to stored, beyond {beyond}", [each.stored for each in found]),
    ):
        spread = f"{1e3 * min(values):.0f} to {1e3 * max(values):.0f}"
        sys.stdout.write(f"{what:<60} {1e3 * statistics.median(values):6.0f} ms ({spread})\n")
    sys.stdout.write(f"synced until it is stored: {len(found[-1].synced)}\n")
    for name in found[-1].synced:
        sys.stdout.write(f"  {name}\n")


if __name__ == "__main__":
    main()
