"""A running daemon's whole way with deliveries, from the drop folder to the last byte in the object store.

python -m benchmarks.stored marker FOLDER ADDRESS TREE
python -m benchmarks.stored rename FOLDER ADDRESS TREE
python -m benchmarks.stored many FOLDER ADDRESS TREE COUNT

`marker`: the two files have been there for a while, and the clock starts when their marker is created.
`rename`: it starts when both get their names; `settle` is not counted. `many`: COUNT deliveries of one model
with the bytes of FOLDER and a row more, another in each; the clock stops when the last is filed. TREE is the
work tree whose retraind runs.
"""

import json
import os
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime
from pathlib import Path
from typing import Any

from benchmarks.measure import memory

SETTLE = 1.0
_QUIET = 3.5
"""Seconds after which a file's times are trusted."""
_PATIENCE = 900.0
_STAGES = {"delivery_sealed": "to sealed, s", "data_checked": "to checked, s", "upload_complete": "seconds"}


class Site:
    """A daemon with two models: one that is measured, and one whose delivery comes before, to warm up."""

    def __init__(self, root: Path, address: str, ready: str) -> None:
        self.root = root
        self.log = root / "retraind.log"
        self.config = root / "config.toml"
        key = root / "key"
        key.touch(0o600)
        key.write_text("key-of-a-benchmark")
        text = (
            f'[api]\nbase_url = "{address}"\n[state]\nurl = "sqlite:///{root}/state/journal.db"\n'
            f'spool = "{root}/state/spool"\n[poll]\ninterval = "20ms"\n'
        )
        for name in ("warm", "churn"):
            self.drop(name).mkdir()
            text += f'[models.{name}]\ndrop = "{self.drop(name)}"\napi_key_file = "{key}"\n{ready}\n'
        self.config.write_text(text)

    def drop(self, name: str) -> Path:
        """Return a model's drop folder."""
        return self.root / f"drop-{name}"

    def events(self, model: str) -> Iterator[dict[str, Any]]:
        """Yield what the log says of a model's jobs."""
        for line in self.log.read_text("utf-8").splitlines():
            if line.endswith("}") and (event := json.loads(line)).get("model") == model:
                yield event

    def wait_for(self, model: str, event: str, count: int = 1) -> None:
        """Wait until the log has an event of a model so many times."""
        deadline = time.monotonic() + _PATIENCE
        while sum(each["event"] == event for each in self.events(model)) < count:
            if time.monotonic() > deadline:
                raise SystemExit(self.log.read_text("utf-8"))
            time.sleep(0.1)

    @contextmanager
    def running(self, tree: Path) -> Iterator[int]:
        """Run the daemon of a work tree, warmed up; yields its process id."""
        with self.log.open("wb") as writer:
            process = subprocess.Popen(
                [sys.executable, "-m", "retraind", "run", "-c", str(self.config)],
                stderr=writer,
                env={**os.environ, "PYTHONPATH": str(tree / "daemon")},
            )
        try:
            while b'"event": "ready"' not in self.log.read_bytes():
                if process.poll() is not None:
                    raise SystemExit(self.log.read_text("utf-8"))
                time.sleep(0.05)
            for name in ("train_0.csv", "eval_0.csv"):
                (self.drop("warm") / name).write_text("a,b\n" + "1,2\n" * 100, "ascii")
            (self.drop("warm") / "0.done").touch()
            self.wait_for("warm", "upload_complete")
            yield process.pid
        finally:
            process.send_signal(signal.SIGTERM)
            process.wait(_PATIENCE)


def _cpu(pid: int) -> float:
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def one(how: str, files: list[Path], site: Site, tree: Path) -> dict[str, Any]:
    """Deliver two files, and return what the log says of when."""
    drop = site.drop("churn")
    with site.running(tree) as pid:
        names = ["train_1.csv", "eval_1.csv"] if how == "marker" else [".train", ".eval"]
        for path, name in zip(files, names, strict=True):
            path.rename(drop / name)
        time.sleep(_QUIET)
        idle = memory(pid)["VmRSS"]
        Path(f"/proc/{pid}/clear_refs").write_text("5", encoding="ascii")
        cpu, began = _cpu(pid), time.time()
        if how == "marker":
            (drop / "1.done").touch()
        else:
            for name in names:
                (drop / name).rename(drop / f"{name[1:]}_1.csv")
            began += SETTLE
        site.wait_for("churn", "upload_complete")
        told: dict[str, Any] = {
            "cpu_seconds": _cpu(pid) - cpu, "peak_bytes": memory(pid)["VmHWM"], "idle_bytes": idle,
        }  # fmt: skip
    for event in site.events("churn"):
        if (stage := _STAGES.get(event["event"])) is not None:
            told[stage] = datetime.fromisoformat(event["timestamp"]).timestamp() - began
    for path, name in zip(files, ("train_1.csv", "eval_1.csv"), strict=True):
        next(drop.rglob(name)).rename(path)
    return told


def many(files: list[Path], site: Site, tree: Path, count: int) -> dict[str, Any]:
    """Deliver one after the other to one model, until all are filed."""
    drop = site.drop("churn")
    contents = [path.read_bytes() for path in files]
    with site.running(tree) as pid:
        for number in range(count):
            for name, content in zip(("train", "eval"), contents, strict=True):
                # No two are the same, or the later ones were duplicates.
                (drop / f".{name}_{number:04}").write_bytes(content + content.splitlines(True)[1 + number])
        os.sync()
        cpu, began = _cpu(pid), time.time()
        for number in range(count):
            for name in ("train", "eval"):
                (drop / f".{name}_{number:04}").rename(drop / f"{name}_{number:04}.csv")
        site.wait_for("churn", "job_filed", count)
        return {
            "seconds": time.time() - began,
            "cpu_seconds": _cpu(pid) - cpu,
            "peak_bytes": memory(pid)["VmHWM"],
        }


def main() -> None:
    """Do as the command line says."""
    how, folder, address, tree, *count = sys.argv[1:]
    files = sorted(Path(folder).glob("*/*"), reverse=True)
    root = Path(tempfile.mkdtemp(prefix="stored-", dir=Path(folder).resolve().parent))
    try:
        site = Site(root, address, 'ready = "marker"' if how == "marker" else f'settle = "{SETTLE:g}s"')
        if how == "many":
            told = many(files, site, Path(tree), int(count[0]))
        else:
            told = one(how, files, site, Path(tree))
    finally:
        shutil.rmtree(root)
    sys.stdout.write(json.dumps(told) + "\n")


if __name__ == "__main__":
    main()
