"""What a scrape of the metrics costs with a long history, and how that grows.

python -m benchmarks.scrape [--jobs 100000] [--models 1000] [--rounds 15]
"""

import argparse
import os
import statistics
import sys
import tempfile
import time
from collections.abc import Callable, Iterable
from contextlib import closing
from datetime import UTC, datetime, timedelta
from pathlib import Path

from benchmarks.history import fill
from retraind.domain.counts import Tally
from retraind.report.monitoring.health import Health, health_of
from retraind.report.monitoring.metrics import Observed, exposition
from retraind.store.instance import Configuration, DaemonState, read_state, write_state
from retraind.store.journal import Journal
from retraind.store.views.gauges import gauges

SERVICE = "service.example.com:443"


def state_of(models: Iterable[str]) -> DaemonState:
    """Return what a daemon writes that has counted something of each model."""
    now, tally = datetime.now(UTC), Tally()
    names = [*models]
    for name in names:
        tally.retry(name)
        tally.upload(name, 1 << 30)
        for outcome in ("trained", "failed", "duplicate"):
            tally.end(name, outcome)
    for step in ("seal", "preflight", "bundle", "register", "upload", "poll", "decide", "file"):
        tally.step(step, 1.0)
    return DaemonState(
        pid=os.getpid(),
        version="1",
        started_at=now,
        ready_at=now,
        written_at=now,
        again_at=now + timedelta(minutes=1),
        alive_at=now,
        last_sweep_at=now,
        sweep_due_at=now + timedelta(hours=1),
        configuration=Configuration(path="/etc/retraind/config.toml", sha256=None, read_at=now),
        waiting_since=dict.fromkeys(names, now),
        keys_end=dict.fromkeys(names, now),
        counts=tally.counts(),
    )


def median_ms(action: Callable[[], object], rounds: int) -> float:
    """Return how many milliseconds of CPU something takes."""
    spent = []
    for _ in range(rounds):
        began = time.process_time()
        action()
        spent.append((time.process_time() - began) * 1_000)
    return statistics.median(spent)


def measure(root: Path, jobs: int, models: int, rounds: int) -> dict[str, float]:
    """Return what each part of a scrape costs, in milliseconds, and how much it returns."""
    file = root / f"{jobs}-{models}" / "journal.db"
    file.parent.mkdir()
    fill(file, jobs, models)
    with closing(Journal.open(file)) as journal:
        names = [*journal.jobs.counts()]
        # What is looked for longest: the last success of models that have had none.
        unsuccessful = median_ms(lambda: gauges(journal, names), rounds)
        with journal.database.engine.begin() as connection:
            connection.exec_driver_sql(
                """UPDATE events SET detail = '{"outcome": "switched"}' WHERE event = 'job_filed'"""
            )
        state = state_of(names)
        health: Health = health_of(os.getpid(), state, datetime.now(UTC))
        found = gauges(journal, names)
        text = exposition(Observed(health, names, SERVICE, found))[0]
        return {
            "queries": median_ms(lambda: gauges(journal, names), rounds),
            "queries if none ever succeeded": unsuccessful,
            "text": median_ms(lambda: exposition(Observed(health, names, SERVICE, found)), rounds),
            "state written": median_ms(lambda: write_state(file, state), rounds),
            "state read": median_ms(lambda: read_state(file), rounds),
            "series": float(sum(not line.startswith(b"#") for line in text.splitlines())),
            "KB": len(text) / 1_000,
        }


def main() -> None:
    """Measure, and print a table."""
    parser = argparse.ArgumentParser(prog="make bench-scrape", description=__doc__)
    parser.add_argument("--jobs", type=int, default=100_000)
    parser.add_argument("--models", type=int, default=1_000)
    parser.add_argument("--rounds", type=int, default=15)
    options = parser.parse_args()
    sizes = ((1_000, 10), (1_000, options.models), (options.jobs, options.models))
    with tempfile.TemporaryDirectory(prefix="bench-") as folder:
        for jobs, models in sizes:
            found = measure(Path(folder), jobs, models, options.rounds)
            told = ", ".join(f"{name}: {value:,.1f}" for name, value in found.items())
            sys.stdout.write(f"{jobs:,} jobs, {models:,} models (ms of CPU): {told}\n")


if __name__ == "__main__":
    main()
