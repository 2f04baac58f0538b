"""`make bench`: runs the contests, prints them as tables and writes all runs to a JSON file."""

import argparse
import sys
import tempfile
from datetime import UTC, datetime
from pathlib import Path

from benchmarks import before, parts, parts_real
from benchmarks.figures import figures
from benchmarks.measure import compete
from benchmarks.parts import ALL_KINDS, MB, Plan
from benchmarks.parts_real import ALL_TABLES
from benchmarks.results import Found, Measured, machine, merge
from benchmarks.tables import text

PARTS = parts.PARTS | parts_real.PARTS
USUAL = (*parts.USUAL, *parts_real.USUAL)


def main() -> None:
    """Run what the command line asks for."""
    options = _options()
    options.out.parent.mkdir(parents=True, exist_ok=True)
    own = figures(options.folder)
    _say(own)
    for part in options.parts:
        _say(f"\n{part}: {PARTS[part].__doc__}")
        began = datetime.now(UTC)
        measured = []
        with tempfile.TemporaryDirectory(prefix="bench-", dir=options.folder) as folder:
            plan = Plan(
                Path(folder),
                options.size * MB,
                options.large * MB,
                tuple(options.kinds),
                tuple(options.tables),
                options.before,
                options.folder,
            )
            for contest in PARTS[part](plan):
                _say(f"\n {contest.name}, {contest.bytes / MB:,.0f} MB, {options.rounds} rounds")
                results = compete(contest, options.rounds, _say)
                measured.append(Measured(contest.name, contest.bytes, results))
                _say(text(measured[-1]))
        merge(options.out, part, Found(began, options.rounds, f"{machine()}; {own}", tuple(measured)))
    _say(f"\nAll runs are in {options.out}; python -m benchmarks.report puts them into docs/performance.md.")


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="make bench", description=__doc__)
    parser.add_argument("--size", type=int, default=60, metavar="MB", help="of the training file")
    parser.add_argument(
        "--large", type=int, default=10_000, metavar="MB", help="the same for the part `large`"
    )
    parser.add_argument("--parts", nargs="+", choices=PARTS, default=USUAL)
    parser.add_argument("--kinds", nargs="+", choices=ALL_KINDS, default=ALL_KINDS)
    parser.add_argument("--tables", nargs="+", choices=ALL_TABLES, default=ALL_TABLES)
    parser.add_argument(
        "--before", default=before.COMMIT, metavar="COMMIT", help="what the parts on real tables run beside"
    )
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--folder", type=Path, default=Path("build"), help="where there is room for data")
    parser.add_argument("--out", type=Path, default=Path("build/benchmarks.json"))
    options = parser.parse_args()
    options.folder = options.folder.resolve()
    options.folder.mkdir(parents=True, exist_ok=True)
    return options


def _say(line: str) -> None:
    sys.stdout.write(line + "\n")
    sys.stdout.flush()


if __name__ == "__main__":
    main()
