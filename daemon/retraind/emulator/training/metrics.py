"""How good predictions are, beside those of a model that learned nothing; imported by the worker process only."""

from dataclasses import dataclass

import numpy as np
from sklearn.metrics import f1_score

_LEAST_PROBABILITY = 1e-15


@dataclass(frozen=True, slots=True)
class Scores:
    """Metric name to value, of the model and of the baseline."""

    model: dict[str, float]
    baseline: dict[str, float]


def classification_scores(
    actual: np.ndarray,
    predicted: np.ndarray,
    probabilities: np.ndarray,
    classes: np.ndarray,
    shares: np.ndarray,
) -> Scores:
    """Score a classifier; the baseline always answers the largest of `shares`, the classes' parts in training."""
    majority = np.full(len(actual), classes[shares.argmax()], dtype=object)
    constant = np.tile(shares, (len(actual), 1))
    return Scores(
        _classification(actual, predicted, probabilities, classes),
        _classification(actual, majority, constant, classes),
    )


def regression_scores(actual: np.ndarray, predicted: np.ndarray, mean: float) -> Scores:
    """Score a regressor; the baseline always answers `mean`, that of the training data."""
    return Scores(_regression(actual, predicted), _regression(actual, np.full(len(actual), mean)))


def _classification(
    actual: np.ndarray, predicted: np.ndarray, probabilities: np.ndarray, classes: np.ndarray
) -> dict[str, float]:
    right = actual == predicted
    recalls = [right[actual == name].mean() for name in np.unique(actual.astype(str))]
    place = {name: at for at, name in enumerate(classes)}
    given = [
        probabilities[row, place[name]] if name in place else 0.0  # a class that training never saw
        for row, name in enumerate(actual)
    ]
    return {
        "accuracy": float(right.mean()),
        "balanced_accuracy": float(np.mean(recalls)),
        "log_loss": float(-np.log(np.clip(given, _LEAST_PROBABILITY, 1)).mean()),
        "macro_f1": float(
            f1_score(actual.astype(str), predicted.astype(str), average="macro", zero_division=0)
        ),
    }


def _regression(actual: np.ndarray, predicted: np.ndarray) -> dict[str, float]:
    error = predicted - actual
    spread = float(((actual - actual.mean()) ** 2).sum())
    return {
        "mae": float(np.abs(error).mean()),
        "rmse": float(np.sqrt((error**2).mean())),
        "r2": 1 - float((error**2).sum()) / spread if spread else 0.0,
    }
