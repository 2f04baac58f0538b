"""The trainer that does not train: it checks the data and scores a model that learned nothing.

For harnesses that run thousands of jobs; needs only the standard library.
"""

import math
import threading
from typing import Any

from retraind.emulator.training.results import as_document, write_results
from retraind.emulator.training.rules import (
    Checked,
    CheckStopped,
    DataRefused,
    TargetProfile,
    check_upload,
)
from retraind.emulator.training.trainings import Task, TrainerStopped


class InstantTrainer:
    """Implements `Trainer` in the calling thread."""

    def __init__(self) -> None:
        self._stopping = threading.Event()

    def train(self, task: Task) -> str | None:
        """Check the data and write the baseline's metrics."""
        if self._stopping.is_set():
            raise TrainerStopped
        try:
            checked = check_upload(
                task.upload, task.file_name, task.target, task.limits, self._stopping.is_set
            )
        except DataRefused as refused:
            return str(refused)
        except CheckStopped as stopped:
            raise TrainerStopped from stopped
        write_results(task.results, _documents(checked))
        return None

    def stop(self) -> None:
        """Abort the check that runs, if any."""
        self._stopping.set()


def baseline(task: str, train: TargetProfile, evaluation: TargetProfile) -> dict[str, float]:
    """Return the metric of a model that always predicts the training data's majority class, or its mean."""
    count = evaluation.filled
    if task == "classification":
        majority, _ = train.classes.most_common(1)[0]
        return {"accuracy": evaluation.classes[majority] / count}
    mean = train.total / train.filled
    squared = evaluation.total_of_squares / count - 2 * mean * evaluation.total / count + mean * mean
    return {"rmse": math.sqrt(max(squared, 0.0))}


def _documents(checked: Checked) -> dict[str, bytes]:
    train = checked.train
    evaluation = checked.evaluation or train
    metrics: dict[str, Any] = {
        "task": checked.task,
        "evaluated_on": "evaluation data" if checked.evaluation else "training data",
        "rows": {"train": train.rows, "evaluation": evaluation.rows},
        "baseline": baseline(checked.task, train.target, evaluation.target),
    }
    model = {
        "trainer": "instant",
        "task": checked.task,
        "target": checked.target,
        "columns": list(train.columns),
        "rows": metrics["rows"],
    }
    return {"metrics.json": as_document(metrics), "model.json": as_document(model)}
