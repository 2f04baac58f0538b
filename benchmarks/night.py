"""What a night costs on which all models deliver at once, and how long people wait meanwhile.

    python -m benchmarks.night [--models N] [--each N] [--training SECONDS] [--upload SECONDS]

A daemon of its own process works for many models against the emulated service, in a temporary folder ($TMPDIR
says where). Uploads are slow and trainings take their time, so that a backlog builds up. What is told of CPU
and memory is of the daemon alone.
"""

import argparse
import itertools
import random
import statistics
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime, timedelta
from pathlib import Path

from benchmarks.watching import PATIENCE, Running
from retraind.domain.job import State
from retraind.emulator import EmulatedModel, Emulator, EmulatorConfig
from retraind.emulator.config import RequestSeen
from retraind.store.journal import Journal

POLL = 5.0
"""Seconds between two questions about a training; it is not to grow here."""
ROWS = 200
COMMAND_EVERY = 15.0
SAMPLE_EVERY = 1.0
SETTLED = 10.0
"""Seconds after the last delivery was filed."""


class Polls:
    """When the service was asked about each training."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._asked: dict[str, list[float]] = {}

    def see(self, request: RequestSeen) -> None:
        """Take note of a request."""
        if request.method == "GET" and "/retrain_jobs/" in request.path:
            with self._lock:
                self._asked.setdefault(request.path, []).append(time.monotonic())

    def late(self) -> list[float]:
        """Return by how many seconds each question was late."""
        gaps = (
            later - earlier for times in self._asked.values() for earlier, later in itertools.pairwise(times)
        )
        # The first question comes at once, before the upload; what is asked again sooner was asked for the
        # results.
        return [gap - POLL for gap in gaps if gap >= POLL]


def _key(model: str) -> str:
    return f"key-of-{model}-0123456789"


def _configure(root: Path, url: str, models: list[str]) -> Path:
    config = root / "config.toml"
    text = (
        f'[api]\nbase_url = "{url}"\n[state]\nurl = "sqlite:///{root}/state/journal.db"\n'
        f'spool = "{root}/state/spool"\n[poll]\ninterval = "{POLL:g}s"\nslowest = "{POLL:g}s"\n'
    )
    for model in models:
        (root / "share" / model).mkdir(parents=True)
        key = root / f"{model}.key"
        key.touch(0o600)
        key.write_text(_key(model))
        text += (
            f'[models.{model}]\ndrop = "{root}/share/{model}"\napi_key_file = "{key}"\nsettle = "1s"\n'
            'mode = "train-only"\n'
        )
    config.write_text(text)
    return config


def _deliver(root: Path, models: list[str], each: int) -> None:
    chance = random.Random(1)
    for number, model in itertools.product(range(each), models):
        rows = "".join(f"{chance.randrange(90)},{chance.choice('abc')},{row % 2}\n" for row in range(ROWS))
        hidden = root / "share" / model / ".hidden"
        hidden.write_text(f"age,plan,churned\n{rows}", "utf-8-sig")
        hidden.rename(hidden.with_name(f"train_{number:04}.csv"))


@contextmanager
def _daemon(config: Path, log: Path) -> Iterator[Running]:
    with log.open("wb") as writer:
        begun = time.perf_counter()
        process = subprocess.Popen(
            [sys.executable, "-m", "retraind", "run", "-c", str(config)], stderr=writer
        )
    try:
        while b'"event": "ready"' not in log.read_bytes():
            if process.poll() is not None:
                raise SystemExit(log.read_text())
            time.sleep(0.1)
        yield Running(process, time.perf_counter() - begun)
    finally:
        process.terminate()
        begun = time.perf_counter()
        process.wait(PATIENCE)
        _tell("from SIGTERM to the end", f"{time.perf_counter() - begun:.1f} s")


def _filed(root: Path, models: list[str]) -> int:
    places = (root / "share" / model / place for model in models for place in ("done", "failed"))
    return sum(1 for place in places if place.is_dir() for _ in place.iterdir())


def _command(config: Path, name: str) -> float:
    begun = time.perf_counter()
    subprocess.run(
        [sys.executable, "-m", "retraind", name, "-c", str(config)], stdout=subprocess.DEVNULL, check=False
    )
    return time.perf_counter() - begun


def _waits_for_notice(root: Path, emulator: Emulator) -> list[float]:
    """Return how many seconds passed from the end of each training until its delivery was filed."""
    ended = {
        job["retrain_job_id"]: job["trainings"][-1]["ended_at"] for job in emulator.jobs() if job["trainings"]
    }
    journal = Journal.open(root / "state" / "journal.db")
    try:
        done = journal.jobs.newest(states=frozenset({State.DONE}))
    finally:
        journal.close()
    return [
        (job.updated_at - datetime.fromisoformat(ended[job.retrain_job_id])).total_seconds()
        for job in done
        if job.retrain_job_id in ended
    ]


def _tell(what: str, value: str) -> None:
    sys.stdout.write(f"{what:<66} {value:>24}\n")
    sys.stdout.flush()


def _spread(values: list[float]) -> str:
    values = sorted(values)
    return f"{statistics.median(values):.1f} s, {values[len(values) * 99 // 100]:.1f} s"


def night(options: argparse.Namespace, root: Path) -> None:
    """Deliver, wait until all is filed, and tell what it took."""
    models = [f"m{number:04}" for number in range(options.models)]
    polls = Polls()
    service = EmulatorConfig(
        root / "service",
        models=tuple(
            EmulatedModel(name, number, _key(name), target="churned") for number, name in enumerate(models, 1)
        ),
        trainer="instant",
        faults={"upload_stall": 1.0},
        stall_time=timedelta(seconds=options.upload),
        train_time=timedelta(seconds=options.training),
        on_request=polls.see,
    )
    with Emulator(service) as emulator:
        config = _configure(root, emulator.url, models)
        with _daemon(config, root / "retraind.log") as daemon:
            total = options.models * options.each
            memory, cpu, begun = daemon.status("VmRSS"), daemon.cpu(), time.monotonic()
            _deliver(root, models, options.each)
            threads = 0
            commands: list[float] = []
            while _filed(root, models) < total:
                threads = max(threads, daemon.status("Threads"))
                if time.monotonic() - begun > COMMAND_EVERY * (len(commands) + 1):
                    commands.append(_command(config, "status"))
                time.sleep(SAMPLE_EVERY)
            took, cpu = time.monotonic() - begun, daemon.cpu() - cpu
            time.sleep(SETTLED)
            peak, after = daemon.status("VmHWM"), daemon.status("VmRSS")
            _tell(f"{total:,} deliveries of {options.models:,} models", f"{took:.0f} s")
            _tell("CPU for each", f"{cpu / total:.3f} s")
            _tell("memory before, at most, afterwards", f"{memory >> 10}, {peak >> 10}, {after >> 10} MB")
            _tell("threads at most", str(threads))
            _tell("questions about trainings are late by (median, 99 %)", _spread(polls.late()))
            _tell(
                "from the end of a training to filed (median, 99 %)",
                _spread(_waits_for_notice(root, emulator)),
            )
            _tell("retraind status (median, 99 %)", _spread(commands))


def main() -> None:
    """Run it."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n", 1)[0])
    parser.add_argument("--models", type=int, default=300)
    parser.add_argument("--each", type=int, default=3, help="deliveries of each model")
    parser.add_argument("--training", type=float, default=30, help="seconds that a training takes")
    parser.add_argument(
        "--upload", type=float, default=0.1, help="seconds that the object store lets an upload wait"
    )
    options = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="retraind-bench-") as place:
        night(options, Path(place))


if __name__ == "__main__":
    main()
