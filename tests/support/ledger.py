"""What the emulated service trained with, by its own ledger: each training that began, and the content it
began with."""

import hashlib
import zipfile
from collections import Counter, defaultdict
from pathlib import Path
from typing import NamedTuple

from retraind.emulator import read_records

Content = tuple[str, ...]
"""A model, and the hashes of what it was sent: training data, evaluation data."""


class History(NamedTuple):
    """By content: the retrain jobs that began to train, and how many of these trainings succeeded and failed."""

    started: dict[Content, list[str]]
    finished: Counter[Content]
    failed: Counter[Content]

    def doubled(self) -> dict[Content, list[str]]:
        """Return what was trained twice, and by which retrain jobs.

        Data with which a training failed may be delivered, or tried, again; each time by a retrain job of its
        own.
        """
        return {
            content: jobs
            for content, jobs in self.started.items()
            if len(jobs) > 1 + self.failed[content]
            or self.finished[content] > 1
            or len(set(jobs)) < len(jobs)
        }


def history(state_dir: Path) -> History:
    """Read the records of the service whose state is in `state_dir`."""
    uploads: dict[tuple[str, int], Content] = {}
    trained: dict[tuple[str, int], Content] = {}
    made = History(defaultdict(list), Counter(), Counter())
    for record in read_records(state_dir):
        job, event = record["retrain_job_id"], record["event"]
        if event == "put_received" and record["complete"]:
            path = state_dir / "objects" / job / f"upload-{record['upload']}"
            uploads[job, record["upload"]] = (record["model"], *content_of(path))
        elif event == "training_started":
            content = trained[job, record["training"]] = uploads[job, record["of_upload"]]
            made.started[content].append(job)
        elif event == "training_finished":
            made.finished[trained[job, record["training"]]] += 1
        elif event == "training_failed":
            made.failed[trained[job, record["training"]]] += 1
    return made


def content_of(upload: Path) -> tuple[str, ...]:
    """Return the hashes of the files that were sent, whether in a zip or alone."""
    if not zipfile.is_zipfile(upload):
        return (hashlib.sha256(upload.read_bytes()).hexdigest(),)
    with zipfile.ZipFile(upload) as bundle:
        members = sorted(bundle.namelist(), reverse=True)  # train_src before eval_src
        return tuple(hashlib.sha256(bundle.read(name)).hexdigest() for name in members)
