"""What watching costs now and at an earlier commit, by CPU time of the process, in turns.

python -m benchmarks.watching_before --tree FOLDER [--folders N] [--models N] [--rounds N] [--idle SECONDS]

Of new folders: the first sweep, and the one that marks them and writes STATUS.txt. Of starts: what they need
to READY, in the three seconds after it, and with nothing to do. The least of the rounds counts.
"""

import argparse
import json
import os
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

from benchmarks import watching

AFTER_READY = 3
UNTIL_IDLE = 65
"""Seconds after which all folders are at rest: two sweeps have seen what the start has written."""
MILLISECONDS = 1_000


def cpu_of(process: int) -> float:
    """Return the seconds of CPU that a process has used, to the nanosecond: clock_getcpuclockid(3)."""
    return time.clock_gettime(~process << 3 | 2)


def sweeps(folders: int) -> Iterator[tuple[str, float]]:
    """Measure the tree whose benchmarks these are; it may be one in which `folders` was called otherwise."""
    for kind, name in watching.KINDS.items():

        def fill(drop: Path, name: Callable[[int], str] = name) -> None:
            for number in range(watching.FILES):
                (drop / name(number)).write_bytes(watching.DATA)

        with watching._folder() as place, watching._swept(place, folders, fill) as (made, _):  # noqa: SLF001
            daemon: Any = made
            for what, yes in (("first sweep", False), ("marked and told", True)):
                if hasattr(daemon, "folders"):
                    daemon.folders.allow_writing(yes=yes)
                else:
                    (daemon.watch.writing.set if yes else daemon.watch.writing.clear)()
                begun = time.process_time()
                watching._sweep(daemon)  # noqa: SLF001
                yield f"{folders:,} folders x {watching.FILES} {kind}, {what}", time.process_time() - begun


def starts(models: int, idle: int) -> Iterator[tuple[str, float]]:
    """Measure two starts: with new folders, and with the same once more, which is then left alone."""
    with watching._folder() as place:  # noqa: SLF001
        site = watching.Site(place, models)
        for which in ("first", "second"):
            with site.running() as daemon:
                process = int(daemon._proc.name)  # noqa: SLF001
                what, ready = f"{which} start, {models:,} models", cpu_of(process)
                yield f"{what}, to READY", ready
                time.sleep(AFTER_READY)
                yield f"{what}, {AFTER_READY} s after", cpu_of(process) - ready
                if which == "second" and idle:
                    time.sleep(UNTIL_IDLE - AFTER_READY)
                    used = cpu_of(process)
                    time.sleep(idle)
                    yield f"idle, {models:,} models, for a second", (cpu_of(process) - used) / idle


def measured(tree: Path, arguments: list[str]) -> Mapping[str, float]:
    """Return the figures of one tree, in a process of its own."""
    place = {"PYTHONPATH": f"{tree / 'daemon'}:{tree}"}
    # Compiled by the first that imports it, or not at all: neither is what is compared.
    subprocess.run([sys.executable, "-m", "compileall", "-q", tree / "daemon"], check=True)
    command = [sys.executable, "-P", __file__, "--one", f"--tree={tree}", *arguments]
    found = subprocess.run(command, cwd=tree, env={**os.environ, **place}, check=True, stdout=subprocess.PIPE)
    return {name: float(value) for name, value in json.loads(found.stdout.splitlines()[-1]).items()}


def main() -> None:
    """Compare both trees, or measure one for that."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.watching_before", description=__doc__)
    parser.add_argument("--folders", type=int, default=500)
    parser.add_argument("--models", type=int, default=500)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--idle", type=int, default=0, metavar="SECONDS", help="0: not measured")
    parser.add_argument("--tree", type=Path, required=True, help="where an earlier commit is checked out")
    parser.add_argument("--one", action="store_true", help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.one:
        vars(watching)["log"].set_up(level="ERROR")
        found = dict(sweeps(options.folders)) if options.folders else {}
        for models in filter(None, (options.models, 1 if options.models else 0)):
            found |= dict(starts(models, options.idle if models > 1 else 0))
        sys.stdout.write(json.dumps(found) + "\n")
        return
    arguments = [f"--{name}={getattr(options, name)}" for name in ("folders", "models", "idle")]
    trees = [Path(__file__).parents[1], options.tree.resolve()]
    runs: dict[Path, list[Mapping[str, float]]] = {tree: [] for tree in trees}
    for number in range(options.rounds):
        for tree in trees[:: 1 if number % 2 else -1]:
            runs[tree].append(measured(tree, arguments))
    for name in runs[trees[0]][0]:
        now, then = (min(run[name] for run in runs[tree]) * MILLISECONDS for tree in trees)
        sys.stdout.write(f"{name:<52} {now:9.2f} ms, before {then:9.2f} ms  {now / then:5.2f} x\n")


if __name__ == "__main__":
    main()
