"""How good predictions are; imported by the worker process only."""

import numpy as np
from sklearn.metrics import f1_score

_LEAST_PROBABILITY = 1e-15


def classification_scores(
    actual: np.ndarray, predicted: np.ndarray, probabilities: np.ndarray, classes: np.ndarray
) -> dict[str, float]:
    """Score a classifier; `classes` are those of the columns of `probabilities`."""
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


def regression_scores(actual: np.ndarray, predicted: np.ndarray) -> dict[str, float]:
    """Score a regressor."""
    error = predicted - actual
    spread = float(((actual - actual.mean()) ** 2).sum())
    return {
        "mae": float(np.abs(error).mean()),
        "rmse": float(np.sqrt((error**2).mean())),
        "r2": 1 - float((error**2).sum()) / spread if spread else 0.0,
    }
