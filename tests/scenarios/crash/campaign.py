"""`make crash`: thousands of seeded runs on all cores, and a table of what came of them.

python -m crash.campaign 10000 --seed 1 --workers 2     kill until there were 10,000 kills
python -m crash.campaign --run 1:4711                   play one run again; its folder is kept
"""

# ruff: noqa: T201 - printing is what it is for

import argparse
import itertools
import multiprocessing
import os
import sys
import time
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import FIRST_COMPLETED, ProcessPoolExecutor, wait

from scenarios.crash.points import KINDS
from scenarios.crash.scenario import Verdict, run

_PROGRESS_SECONDS = 10.0


def verdicts(seed: str, kills: int, workers: int) -> Iterator[Verdict]:
    """Play runs `seed:0`, `seed:1`, … until there were so many kills."""
    done = 0
    with ProcessPoolExecutor(workers, multiprocessing.get_context("spawn")) as pool:
        numbers = itertools.count()
        running = {pool.submit(run, f"{seed}:{next(numbers)}") for _ in range(workers)}
        while running:
            ended, running = wait(running, return_when=FIRST_COMPLETED)
            for future in ended:
                verdict = future.result()
                done += verdict.kills
                yield verdict
                if done < kills:
                    running.add(pool.submit(run, f"{seed}:{next(numbers)}"))


def summary(found: list[Verdict], seconds: float) -> str:
    """Lay out what came of all runs."""
    struck = sum((verdict.struck for verdict in found), Counter[str]())
    kinds: Counter[str] = Counter()
    for name, count in struck.items():
        kinds[next((kind for kind in KINDS if name == kind or name.startswith(f"{kind} ")), name)] += count
    lines = ["", f"{'killed at':<32}{'kills':>8}", "-" * 40]
    lines += [f"{kind:<32}{count:>8}" for kind, count in sorted(kinds.items())]
    rows = {
        "runs": len(found),
        "kills": struck.total(),
        "different points": len(struck),
        "starts": sum(verdict.starts for verdict in found),
        "runs with a violation": sum(bool(verdict.violations) for verdict in found),
        "files lost or changed": sum(verdict.lost for verdict in found),
        "trainings doubled": sum(verdict.doubled for verdict in found),
        "minutes": round(seconds / 60, 1),
    }
    lines += ["-" * 40, *(f"{name:<32}{value:>8}" for name, value in rows.items())]
    return "\n".join(lines)


def complaint(verdict: Verdict) -> str:
    """Say what a run has found, and how to play it again."""
    return "\n".join(
        [
            f"\nVIOLATION in run {verdict.seed}:",
            *(f"  - {text}" for text in verdict.violations),
            f"  kills: {dict(verdict.struck)}",
            f"  kept in {verdict.kept}; to play it again: make crash RUN={verdict.seed}",
        ]
    )


def main() -> int:
    parser = argparse.ArgumentParser(
        prog="make crash", description="Kill retraind at random and look what is lost."
    )
    parser.add_argument("kills", type=int, nargs="?", default=1000)
    parser.add_argument("--seed", default=str(int(time.time())))
    parser.add_argument("--workers", type=int, default=os.cpu_count() or 1)
    parser.add_argument("--run", metavar="SEED:NUMBER", help="play this one run, and keep its folder")
    options = parser.parse_args()
    if options.run:
        verdict = run(options.run, keep=True)
        print(complaint(verdict) if verdict.violations else f"nothing wrong; kills: {dict(verdict.struck)}")
        print(f"kept in {verdict.kept}")
        return bool(verdict.violations)
    print(f"{options.kills} kills, seed {options.seed}, {options.workers} workers", flush=True)
    began = told = time.monotonic()
    found: list[Verdict] = []
    for verdict in verdicts(options.seed, options.kills, options.workers):
        found.append(verdict)
        if verdict.violations:
            print(complaint(verdict), flush=True)
        if time.monotonic() - told > _PROGRESS_SECONDS:
            told = time.monotonic()
            kills = sum(each.kills for each in found)
            wrong = sum(bool(each.violations) for each in found)
            print(f"{told - began:6.0f} s  {len(found)} runs  {kills} kills  {wrong} violations", flush=True)
    print(summary(found, time.monotonic() - began))
    return any(verdict.violations for verdict in found)


if __name__ == "__main__":
    sys.exit(main())
