"""What a helper process costs on a FUSE file system, each figure beside the same work done directly.

    python -m benchmarks.shares [--rounds N] [--size MB] [--files N]

The file system is the passthrough of the tests, a process of its own that answers one call at a time. Times
are of alternating rounds; the ratio is the median of the rounds' ratios. The limits are those that a change
must keep: scan and seal 1.3 times, reads 0.8 of the speed.
"""

import argparse
import logging
import os
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from functools import partial
from itertools import count
from pathlib import Path

import structlog

from retraind.config.settings import WORK, ModelSettings
from retraind.domain.job import Job, Role, SealedFile, State
from retraind.intake.drop_folder import DropFolder
from retraind.intake.listing import ASKS_FIRST, signature_of
from retraind.intake.settling import GRAIN
from retraind.intake.share_identity import Shares
from retraind.jobs.seal import seal
from retraind.reconcile.folders import Folder, glances
from retraind.store.copies.sidecar import JobFiles
from retraind.system import reading
from retraind.system.clock import Clock
from retraind.system.files import PRIVATE, held, held_or_made
from retraind.system.remote.helpers import HELPERS

_PASSTHROUGH = Path(__file__).parents[1] / "tests" / "support" / "passthrough.py"
_COPIES = JobFiles(b"k" * 32)
_MILLISECONDS = 1_000
_MB = 1_000_000
_NOW = datetime(2026, 1, 1, tzinfo=UTC)


@contextmanager
def mounted(root: Path) -> Iterator[tuple[Path, Path]]:
    """Yield a folder, and where the file system shows it."""
    folder, point, rules = root / "disk", root / "share", root / "rules"
    folder.mkdir()
    point.mkdir()
    rules.write_text("[]")
    command = [sys.executable, *map(str, (_PASSTHROUGH, folder, point, rules))]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, bufsize=0)
    assert process.stdout is not None
    try:
        if process.stdout.read(1) != b"r":
            raise SystemExit("This machine does not let anybody mount a file system of their own.")
        yield folder, point
    finally:
        HELPERS.serving = False
        HELPERS.end_all()
        subprocess.run(["umount", "--lazy", point], check=False)
        process.kill()
        process.wait()


def seconds(work: Callable[[], object], *, direct: bool) -> float:
    """Return how long some work takes, in this process or through the helper."""
    HELPERS.serving = direct
    began = time.perf_counter()
    work()
    took = time.perf_counter() - began
    HELPERS.serving = False
    return took


def compare(name: str, work: Callable[[], object], rounds: int) -> float:
    """Print how long some work takes both ways; returns the ratio."""
    seconds(work, direct=True)
    seconds(work, direct=False)
    pairs = [(seconds(work, direct=True), seconds(work, direct=False)) for _ in range(rounds)]
    ratio = statistics.median(far / near for near, far in pairs)
    near, far = (statistics.median(each) * _MILLISECONDS for each in zip(*pairs, strict=True))
    sys.stdout.write(f"{name:28} {near:10.2f} ms  {far:10.2f} ms  {ratio:5.2f} ×\n")
    sys.stdout.flush()
    return ratio


def _model(drop: Path, settle: float) -> ModelSettings:
    return ModelSettings.model_validate({"drop": drop, "api_key": "k", "settle": timedelta(seconds=settle)})


def _scanning(drop: Path, memory: Path) -> Callable[[], object]:
    """Return the work of scanning a drop folder as the daemon does, which first proves that it is known."""
    (drop / WORK).mkdir()
    hold = partial(Shares(memory / drop.name).drop, "churn", drop, ahead=ASKS_FIRST)

    def work() -> None:
        assert not DropFolder(_model(drop, 3600), (), Clock(), None, lambda: None, hold=hold).look().trouble

    return work


def _resting(folder: Path, point: Path) -> Callable[[], object]:
    """Return the work of sweeping twenty folders at rest, of twenty files each."""
    watched = []
    for number in range(20):
        drop = folder / f"rest_{number}"
        drop.mkdir()
        for file in range(20):
            (drop / f"train_{file}.csv").write_bytes(b"x")
        made = DropFolder(_model(point / drop.name, 0), (), Clock(), None, lambda: None)
        watched.append(Folder(f"m{number}", made, "share", published="said"))
        made.look()

    def work() -> None:
        now = Clock().elapsed()
        seen = glances(watched, now)
        for each in watched:
            assert each.is_unchanged(now, seen.get(each.name))

    return work


def _sealing(folder: Path, point: Path) -> Callable[[], object]:
    """Return the work of sealing a delivery of two files."""
    numbers = count()

    def run() -> None:
        number = next(numbers)
        names = {Role.TRAIN: f"train_{number}.csv", Role.EVAL: f"eval_{number}.csv"}
        for name in names.values():
            (folder / name).write_bytes(b"a,b\n1,2\n" * 10_000)
        files = tuple(
            SealedFile(role=role, name=name, signature=signature_of((folder / name).lstat()))
            for role, name in names.items()
        )
        job = Job(
            id=f"2026-01-01T000000Z_{number}_abcdef", model="churn", key=str(number), state=State.SEALING,
            created_at=_NOW, updated_at=_NOW, files=files,
        )  # fmt: skip
        with held(point) as drop, held_or_made(drop, WORK, PRIVATE) as work:
            assert seal(job, drop, work, _COPIES)

    return run


def _read(path: Path) -> None:
    with reading.open_regular(path) as file:
        while file.read(reading.READ_SIZE):
            pass


def main() -> None:
    """Measure."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=7)
    parser.add_argument("--size", type=int, default=200, help="megabytes of the file that is read")
    parser.add_argument("--files", type=int, default=2_000, help="in the folder that is scanned")
    options = parser.parse_args()
    structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(logging.WARNING))
    root = Path(tempfile.mkdtemp(prefix="bench-shares-"))
    try:
        with mounted(root) as (folder, point):
            sys.stdout.write(f"{'':28} {'direct':>10}     {'helper':>10}     ratio\n")
            for name, files in (("few", 20), ("many", options.files)):
                (folder / name).mkdir()
                for number in range(files):
                    (folder / name / f"train_{number}.csv").write_bytes(b"x")
            compare(f"scan, {options.files} files", _scanning(point / "many", root), options.rounds)
            compare("scan, 20 files", _scanning(point / "few", root), options.rounds)
            resting = DropFolder(_model(point / "few", 0), (), Clock(), None, lambda: None)
            resting.look()
            sweep = _resting(folder, point)
            time.sleep(GRAIN + 1)  # Until then, times prove nothing, and the names are read.
            compare("sweep of a folder at rest", resting.is_unchanged, options.rounds)
            compare("sweep of 20 at rest", sweep, options.rounds)
            compare("seal, two files", _sealing(folder, point), options.rounds)
            with (folder / "large").open("wb") as file:
                for _ in range(options.size):
                    file.write(os.urandom(_MB))
            compare(f"read, {options.size} MB", lambda: _read(point / "large"), options.rounds)
    finally:
        shutil.rmtree(root, ignore_errors=True)


if __name__ == "__main__":
    main()
