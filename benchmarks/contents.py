"""How fast contents that are hard to read are checked, beside the csv module on the same bytes.

python -m benchmarks.contents [--size MB] [--rounds N] [--only WORD…] [--engine re2|re|none]

The fastest of the rounds counts, by CPU time, on which other load has less influence. A file with so many
errors that reading ends early if it takes long is read both ways, and the time to the early end counts.
"""

import argparse
import csv
import io
import sys
import time
from collections.abc import Callable
from functools import partial
from operator import itemgetter
from typing import NamedTuple

from benchmarks.nasty import Content, contents
from retraind.bundle import deflate
from retraind.dataset.preflight import preflight
from retraind.dataset.reader.automaton import Engine
from retraind.dataset.reader.rows import Limits
from retraind.dataset.reader.table import SourceFile

MB = 1_000_000


class Measured(NamedTuple):
    """What one content took: seconds by the clock, and CPU time of all threads."""

    name: str
    size: int
    csv: tuple[float, float]
    whole: tuple[float, float]
    """Read to its end."""
    ended: tuple[float, float] | None
    """Read as if it took long, if reading ends early then."""

    @property
    def ours(self) -> tuple[float, float]:
        """What it takes to know what is wrong, if so much is."""
        return self.whole if self.ended is None else self.ended

    @property
    def ratio(self) -> float:
        """How many times as fast as the csv module the check is, by CPU time."""
        return self.csv[1] / self.ours[1]


def timed(work: Callable[[], object]) -> tuple[float, float]:
    """Return how long something takes."""
    began, cpu = time.perf_counter(), time.process_time()
    work()
    return time.perf_counter() - began, time.process_time() - cpu


def read_rows(data: bytes) -> None:
    """Have the csv module read all rows."""
    with io.TextIOWrapper(io.BytesIO(data), "latin-1", newline="") as file:
        for _ in csv.reader(file):
            pass


def measured(name: str, content: Content, size: int, rounds: int, engine: Engine | None) -> Measured:
    """Read a content both ways, in turns."""
    data = content.of_size(size)
    source = SourceFile(f"train{content.suffix}", lambda: io.BytesIO(data))
    theirs: list[tuple[float, float]] = []
    ours: dict[float | None, list[tuple[float, float]]] = {None: [], 0: []}
    is_read: dict[float | None, bool] = {}

    def check(patience: float | None) -> None:
        limits = Limits(patience=patience, engine=engine)
        is_read[patience] = preflight(source, target=content.target, limits=limits).train is not None

    for _ in range(rounds):
        theirs.append(timed(lambda: read_rows(data)))
        for patience, times in ours.items():
            times.append(timed(partial(check, patience)))
    whole, ended, csvs = (min(each, key=itemgetter(1)) for each in (*ours.values(), theirs))
    return Measured(name, len(data), csvs, whole, ended if is_read[None] and not is_read[0] else None)


def told(found: Measured) -> str:
    """Return the figures of one content."""
    clock = found.csv[0] / found.ours[0]
    speed = found.size / found.ours[1] / MB
    whole = found.csv[1] / found.whole[1]
    ends = "" if found.ended is None else f" (ends early; to its end {whole:.2f} ×)"
    return f"{found.ratio:6.2f} × ({clock:5.2f} ×) {speed:6.1f} MB/s {found.name}{ends}\n"


def main() -> None:
    """Measure what the command line names, all contents by default, and name the slow ones at the end."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.contents", description=__doc__)
    parser.add_argument("--size", type=float, default=8, metavar="MB", help="of each file")
    parser.add_argument("--rounds", type=int, default=2)
    parser.add_argument("--only", nargs="+", default=[""], metavar="WORD", help="those whose names have one")
    parser.add_argument("--engine", type=Engine, choices=list(Engine), help="the best by default")
    options = parser.parse_args()
    csv.field_size_limit(int(options.size * MB) + (1 << 20))
    sys.stdout.write(f"× of the csv module's speed, by CPU time (by the clock); {deflate.cores()} cores\n")
    found = []
    for name, make in contents():
        if any(word in name for word in options.only):
            found.append(measured(name, make(), int(options.size * MB), options.rounds, options.engine))
            sys.stdout.write(told(found[-1]))
            sys.stdout.flush()
    slow = sorted((each for each in found if each.ratio < 1), key=lambda each: each.ratio)
    sys.stdout.write(f"\n{len(found)} contents, {len(slow)} of them slower than the csv module\n")
    sys.stdout.writelines(map(told, slow))
    sys.exit(bool(slow))


if __name__ == "__main__":
    main()
