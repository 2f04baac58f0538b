"""How long the journal's look-ups take with a long history, against the same look-ups with a short one.

python -m benchmarks.history [--jobs 100000] [--models 100]
"""

import argparse
import json
import secrets
import statistics
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from itertools import islice
from pathlib import Path
from typing import Any

from sqlalchemy import create_engine

from retraind.config.settings import Settings
from retraind.domain.job import (
    Data,
    End,
    Job,
    Outcome,
    Registration,
    Role,
    SealedFile,
    Signature,
    State,
    Training,
)
from retraind.domain.names import job_id
from retraind.report.model_status import overview
from retraind.report.wording import Voice
from retraind.store.journal import Journal
from retraind.store.rows import content_of
from retraind.store.schema import EVENTS, JOBS

SHORT = 100
RUNS = 15
COLUMNS = tuple(f"column_{number}" for number in range(30))
STORY = (
    "delivery_complete",
    "delivery_sealed",
    "data_checked",
    "bundle_built",
    "retrain_job_registered",
    "upload_started",
    "upload_complete",
    "status_seen",
    "status_seen",
    "training_finished",
    "switch_decided",
    "model_switched",
    "job_filed",
)
"""What a job's history says, from end to end."""


def a_job(number: int, models: int) -> Job:
    """Make a finished job as the pipeline leaves it; the last of all are still in work."""
    moment = datetime(2020, 1, 1, tzinfo=UTC) + timedelta(minutes=10 * number)
    files = tuple(
        SealedFile(
            role=role,
            name=f"{role}_{number}.csv",
            signature=Signature(size=10_000, mtime_ns=number, inode=number),
            sha256=secrets.token_hex(32),
        )
        for role in (Role.TRAIN, Role.EVAL)
    )
    failed = number % 20 == 0
    return Job(
        id=job_id(moment, str(number), f"{number:06x}"),
        model=f"model-{number % models}",
        key=str(number),
        state=State.FAILED if failed else State.DONE,
        files=files,
        created_at=moment,
        updated_at=moment,
        data=Data(rows={"train": 5_000, "eval": 500}, columns=COLUMNS),
        registration=Registration(retrain_job_id=secrets.token_hex(16)),
        training=Training(uploaded_at=moment, trained_at=None if failed else moment),
        end=End(outcome=Outcome.FAILED if failed else Outcome.SWITCHED),
    )


def fill(file: Path, jobs: int, models: int) -> None:
    """Write a history of `jobs` jobs into a new journal."""
    Journal.open(file).close()
    engine = create_engine(f"sqlite:///{file}")
    made = (a_job(number, models) for number in range(jobs))
    for part in batches(made, 2_000):
        with engine.begin() as connection:
            connection.execute(
                JOBS.insert(),
                [
                    {
                        "id": job.id,
                        "model": job.model,
                        "state": job.state.value,
                        "created_at": job.created_at.timestamp(),
                        "content": content_of(job),
                        "version": len(STORY),
                        "body": job.to_json(),
                    }
                    for job in part
                ],
            )
            connection.execute(
                EVENTS.insert(),
                [
                    {
                        "at": job.created_at.timestamp() + at,
                        "job": job.id,
                        "model": job.model,
                        "event": event,
                        "detail": json.dumps(
                            {"from": "one", "to": "another", "bytes": 2_000_000, "seconds": 1.5}
                        ),
                    }
                    for job in part
                    for at, event in enumerate(STORY)
                ],
            )
    engine.dispose()


def batches(made: Iterator[Job], size: int) -> Iterator[list[Job]]:
    """Cut an iterator into lists."""
    while part := list(islice(made, size)):
        yield part


def lookups(journal: Journal, settings: Settings, jobs: int) -> dict[str, Callable[[], Any]]:
    """Return what is looked up, by who asks for it."""
    some = a_job(jobs // 2 - 1, len(settings.models))
    model = some.model
    known = journal.jobs.get(some.id)
    assert known is not None
    return {
        "retraind status": lambda: overview(settings, journal, Voice()),
        "retraind jobs": lambda: journal.jobs.newest(limit=20),
        "retraind jobs --before (half-way)": lambda: journal.jobs.newest(limit=20, before=known),
        "retraind jobs --model": lambda: journal.jobs.newest(model, limit=20),
        "retraind jobs --state failed": lambda: journal.jobs.newest(
            None, frozenset({State.FAILED}), limit=20
        ),
        "retraind jobs --state sealed (there is none)": lambda: journal.jobs.newest(
            None, frozenset({State.SEALED}), limit=20
        ),
        "retraind show (by the short id)": lambda: journal.jobs.find(some.id[-6:]),
        "retraind show (by the beginning)": lambda: journal.jobs.find(some.id[:20]),
        "a job's history": lambda: journal.events.history(some.id),
        "sweep: a model's jobs in work": lambda: journal.jobs.active(model),
        "sweep: what is told of a model": lambda: journal.standings([model]),
        "sweep: what is told of all models": lambda: journal.standings(settings.models),
        "dispatch: all jobs in work": journal.jobs.active,
        "check: the last good delivery": lambda: journal.last_trained(model),
        "check: the same content": lambda: journal.contents.trained(
            model, content_of(known) or "", besides=""
        ),
        "register: trainings of this month": lambda: journal.events.trainings_since(
            model, known.created_at - timedelta(days=30)
        ),
        "bundle: the line's speed": lambda: journal.events.line_speed(model),
        "clean: finished before a day": lambda: journal.jobs.begun_before(
            model, frozenset({State.DONE}), known.created_at, 50
        ),
        "start: what is known of a model": lambda: journal.jobs.versions(model),
    }


def median_ms(action: Callable[[], Any]) -> float:
    """Return the middle of several runs, in milliseconds."""
    action()
    took = []
    for _ in range(RUNS):
        began = time.perf_counter()
        action()
        took.append(time.perf_counter() - began)
    return statistics.median(took) * 1_000


def measure(root: Path, jobs: int, models: int) -> dict[str, float]:
    """Return milliseconds by look-up, for a journal of so many jobs."""
    file = root / f"journal-{jobs}.db"
    fill(file, jobs, models)
    tables = {}
    for number in range(models):
        (drop := root / f"drop-{number}").mkdir(exist_ok=True)
        tables[f"model-{number}"] = {"drop": drop, "api_key": "unused"}
    settings = Settings.model_validate({"state": {"url": f"sqlite:///{file}"}, "models": tables})
    journal = Journal.open(file)
    found = {name: median_ms(action) for name, action in lookups(journal, settings, jobs).items()}
    journal.close()
    _say(f"{jobs:>7,} jobs, {jobs * len(STORY):>9,} events: {file.stat().st_size / 1e6:,.0f} MB")
    return found


def _say(line: str) -> None:
    sys.stdout.write(line + "\n")
    sys.stdout.flush()


def main() -> None:
    """Measure a short and a long history, and print them side by side."""
    parser = argparse.ArgumentParser(description="How the journal's look-ups grow with its history.")
    parser.add_argument("--jobs", type=int, default=100_000)
    parser.add_argument("--models", type=int, default=100)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="retraind-history-") as folder:
        short = measure(Path(folder), max(SHORT, options.models), options.models)
        long = measure(Path(folder), options.jobs, options.models)
    _say(f"\n{'look-up':<48}{'short':>10}{'long':>10}{'ratio':>8}")
    for name, took in long.items():
        _say(f"{name:<48}{short[name]:>7.2f} ms{took:>7.2f} ms{took / short[name]:>8.1f}")


if __name__ == "__main__":
    main()
