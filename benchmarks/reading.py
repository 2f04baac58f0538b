"""How fast the checks alone are, on real tables: beside an earlier commit, re2 by itself and the csv module.

python -m benchmarks.reading [--size MB] [--rounds N] [--tables NAME…] [--before COMMIT | --tree FOLDER]

The fastest of the rounds counts, and its CPU time beside it: on a machine that does other work as well, that
of all threads says more than the clock.
"""

import argparse
import sys
import tempfile
from collections.abc import Iterator, Mapping
from pathlib import Path

from benchmarks import before
from benchmarks.measure import Run, Way, python, run
from benchmarks.parts import MB, Plan, delivery, size_of
from benchmarks.parts_real import ALL_TABLES

NOW, BEFORE, RE2, CSV = "now", "before", "re2 alone", "csv module"


def ways(folder: Path, earlier: Path | None) -> Iterator[Way]:
    """Yield what is compared on the files of one delivery."""
    files = [folder / f"{each}_src" / f"{each}.csv" for each in ("train", "eval")]
    yield Way(NOW, python("ours", "check", folder))
    if earlier is not None:
        yield Way(BEFORE, before.python(earlier, "ours", "check", folder))
    yield Way(RE2, python("limits", "re2", *files))
    yield Way(CSV, python("limits", "csv", *files))


def fastest(folder: Path, earlier: Path | None, rounds: int) -> Mapping[str, tuple[float, float]]:
    """Return the least time of each way, and its least CPU time, in seconds."""
    runs: dict[str, list[Run]] = {}
    for _ in range(rounds):
        for way in ways(folder, earlier):
            runs.setdefault(way.name, []).append(run(way))
    return {
        name: (min(each.seconds for each in found), min(each.cpu_seconds for each in found))
        for name, found in runs.items()
    }


def line(name: str, size: int, least: Mapping[str, tuple[float, float]]) -> str:
    """Return the figures of one table: MB/s by the clock and by CPU time, and how they compare with now."""
    told = [f"{name:11}"]
    for way, (seconds, cpu) in least.items():
        text = f"{way} {size / seconds / MB:5.0f} ({size / cpu / MB:4.0f})"
        if way != NOW:
            text += f" {seconds / least[NOW][0]:5.2f} × ({cpu / least[NOW][1]:.2f} ×)"
        told.append(text)
    return "   ".join(told)


def main() -> None:
    """Measure the tables that the command line names, all of them by default."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.reading", description=__doc__)
    parser.add_argument("--size", type=float, default=60, metavar="MB", help="of the larger file")
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--tables", nargs="+", choices=ALL_TABLES, default=ALL_TABLES)
    parser.add_argument("--before", metavar="COMMIT", help=f"for example {before.COMMIT}")
    parser.add_argument("--tree", type=Path, metavar="FOLDER", help="where an earlier commit is checked out")
    parser.add_argument("--folder", type=Path, default=Path("build"), help="where there is room for data")
    options = parser.parse_args()
    kept = options.folder.resolve()
    kept.mkdir(parents=True, exist_ok=True)
    earlier = options.tree or (options.before and before.tree_of(options.before, kept))
    sys.stdout.write("MB/s by the clock (by CPU time of all threads); × is how many times faster now is\n")
    with tempfile.TemporaryDirectory(prefix="reading-", dir=kept) as folder:
        plan = Plan(Path(folder), int(options.size * MB), 0, (), tuple(options.tables), "", kept)
        for name in plan.tables:
            with delivery(plan, name, plan.size) as files:
                found = fastest(files, earlier, options.rounds)
                sys.stdout.write(line(name, size_of(files), found) + "\n")
                sys.stdout.flush()


if __name__ == "__main__":
    main()
