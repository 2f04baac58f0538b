"""One real training: gradient-boosted trees on checked data, with its metrics, predictions and importances.

Imported by the worker process only: pandas and scikit-learn take a second or two to load. Sizes are capped so that
a few thousand rows take about two seconds and the largest upload well under a minute; the same data always give
the same results.
"""

import platform
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import sklearn
from sklearn.ensemble import HistGradientBoostingClassifier, HistGradientBoostingRegressor
from threadpoolctl import threadpool_limits  # type: ignore[import-untyped]

from retraind.emulator.training.columns import Columns, fit_columns, numbers
from retraind.emulator.training.metrics import Scores, classification_scores, regression_scores
from retraind.emulator.training.results import as_document, write_results
from retraind.emulator.training.rules import Checked, Table

_SEED = 20_170_601
_MOST_ROWS = 200_000
_MOST_CELLS = 8_000_000
_ROWS_AT_A_TIME = 100_000
_CELLS_WORTH_THREADS = 200_000
"""Smaller data are trained on one processor: threads would spend their time waiting for each other."""
_TREES = 60
_MOST_TREES_OVER_ALL_CLASSES = 400
_HELD_OUT = 0.2
_IMPORTANCE_ROWS = 300
_IMPORTANCE_COLUMNS = 60


@dataclass(frozen=True, slots=True)
class _Part:
    """Rows to train or to evaluate on; the index of `cells` is the row's number in its file, from 1."""

    cells: pd.DataFrame
    target: pd.Series


def learn(checked: Checked, results: Path) -> None:
    """Train on `checked` and write the results zip."""
    train, evaluation = _parts(checked)
    with threadpool_limits(limits=1 if train.cells.size < _CELLS_WORTH_THREADS else None, user_api="openmp"):
        write_results(results, _learn(checked, train, evaluation))


def _learn(checked: Checked, train: _Part, evaluation: _Part) -> dict[str, bytes]:
    target_index = checked.train.columns.index(checked.target)
    columns = fit_columns(train.cells, checked.train.columns, checked.train.dates, target_index)
    predictor = _fit(checked.task, columns, train)
    features = columns.encode(evaluation.cells)
    scores, predictions = predictor.evaluate(features, evaluation)
    return {
        "metrics.json": as_document(_metrics(checked, train, evaluation, scores)),
        "predictions.csv": predictions.to_csv(index_label="row", float_format="%.6g").encode("utf-8-sig"),
        "feature_importance.csv": _importance(predictor, columns, features, evaluation),
        "model.json": as_document(_model(checked, train, columns)),
    }


# -- rows --------------------------------------------------------------------------------------------------


def _parts(checked: Checked) -> tuple[_Part, _Part]:
    train = _read(checked.train, checked)
    if checked.evaluation is not None:
        return _filled(train), _read(checked.evaluation, checked)
    train = _filled(train)
    order = np.random.default_rng(_SEED).permutation(len(train.cells))
    held_out = max(1, round(len(order) * _HELD_OUT))
    return _take(train, np.sort(order[held_out:])), _take(train, np.sort(order[:held_out]))


def _read(table: Table, checked: Checked) -> _Part:
    """Read a table as text, and only a fair sample of its rows if it is too large."""
    most = min(_MOST_ROWS, _MOST_CELLS // len(table.columns))
    if checked.task == "classification":
        # Each class has trees of its own, so many classes leave time for fewer rows.
        most = min(most, 4 * _MOST_ROWS // len(checked.train.target.classes))
    share = min(1.0, most / max(table.rows, 1))
    choice = np.random.default_rng(_SEED)
    pieces = []
    with table.open() as text:
        for piece in pd.read_csv(
            text,
            sep=table.delimiter,
            header=0,
            names=list(range(len(table.columns))),
            dtype=str,
            na_filter=False,
            index_col=False,
            chunksize=_ROWS_AT_A_TIME,
        ):
            kept = piece if share >= 1 else piece[choice.random(len(piece)) < share]
            pieces.append(kept)
    cells = pd.concat(pieces)
    cells.index = cells.index + 1
    return _Part(cells, cells[table.columns.index(checked.target)])


def _filled(part: _Part) -> _Part:
    return _take(part, np.flatnonzero((part.target != "").to_numpy()))


def _take(part: _Part, rows: np.ndarray) -> _Part:
    return _Part(part.cells.iloc[rows], part.target.iloc[rows])


# -- predictors --------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class _Classifier:
    trees: Any
    """None if the training rows hold one class only."""
    classes: np.ndarray
    shares: np.ndarray
    """The share of each class in the training rows."""

    def probabilities(self, features: np.ndarray) -> np.ndarray:
        if self.trees is None:
            return np.ones((len(features), 1))
        found: np.ndarray = self.trees.predict_proba(features)
        return found

    def score(self, features: np.ndarray, actual: pd.Series) -> float:
        best = self.classes[self.probabilities(features).argmax(axis=1)]
        return float((best == actual.to_numpy()).mean())

    def evaluate(self, features: np.ndarray, part: _Part) -> tuple[Scores, pd.DataFrame]:
        probabilities = self.probabilities(features)
        predicted = self.classes[probabilities.argmax(axis=1)]
        known = (part.target != "").to_numpy()
        actual = part.target.to_numpy(dtype=object)
        scores = classification_scores(
            actual[known], predicted[known], probabilities[known], self.classes, self.shares
        )
        table = {"actual": actual, "predicted": predicted}
        table |= {f"probability of {name}": probabilities[:, at] for at, name in enumerate(self.classes)}
        return scores, pd.DataFrame(table, index=part.cells.index)


@dataclass(frozen=True, slots=True)
class _Regressor:
    trees: Any
    mean: float

    def score(self, features: np.ndarray, actual: pd.Series) -> float:
        return -float(np.abs(self.trees.predict(features) - numbers(actual)).mean())

    def evaluate(self, features: np.ndarray, part: _Part) -> tuple[Scores, pd.DataFrame]:
        predicted = self.trees.predict(features)
        actual = numbers(part.target)
        known = np.isfinite(actual)
        scores = regression_scores(actual[known], predicted[known], self.mean)
        table = {"actual": part.target.to_numpy(dtype=object), "predicted": predicted}
        return scores, pd.DataFrame(table, index=part.cells.index)


def _fit(task: str, columns: Columns, train: _Part) -> _Classifier | _Regressor:
    features = columns.encode(train.cells)
    features[:, np.isnan(features).all(axis=0)] = (
        0  # as the hours of bare dates; the trees need one value at least
    )
    settings: dict[str, Any] = {
        "categorical_features": columns.is_category,
        "early_stopping": False,
        "min_samples_leaf": max(2, min(20, len(features) // 10)),
        "random_state": _SEED,
    }
    if task == "regression":
        wanted = numbers(train.target)
        trees = HistGradientBoostingRegressor(max_iter=_TREES, **settings).fit(features, wanted)
        return _Regressor(trees, float(wanted.mean()))
    classes, codes, counts = np.unique(
        train.target.to_numpy(dtype=object).astype(str), return_inverse=True, return_counts=True
    )
    shares = counts / counts.sum()
    if len(classes) == 1:
        return _Classifier(None, classes, shares)
    rounds = max(2, min(_TREES, _MOST_TREES_OVER_ALL_CLASSES // len(classes)))
    trees = HistGradientBoostingClassifier(max_iter=rounds, **settings).fit(features, codes)
    return _Classifier(trees, classes, shares)


# -- documents ---------------------------------------------------------------------------------------------


def _metrics(checked: Checked, train: _Part, evaluation: _Part, scores: Scores) -> dict[str, Any]:
    return {
        "task": checked.task,
        "evaluated_on": "evaluation data" if checked.evaluation else "held-out training data",
        "rows": {"train": len(train.cells), "evaluation": len(evaluation.cells)},
        "model": scores.model,
        "baseline": scores.baseline,
    }


def _model(checked: Checked, train: _Part, columns: Columns) -> dict[str, Any]:
    return {
        "trainer": "sklearn",
        "task": checked.task,
        "target": checked.target,
        "columns": {column.name: column.kind for column in columns.used},
        "not_used": columns.unused,
        "rows": {"file": checked.train.rows, "trained": len(train.cells)},
        "encoding": checked.train.encoding,
        "versions": {
            "python": platform.python_version(),
            "pandas": pd.__version__,
            "scikit-learn": sklearn.__version__,
        },
    }


def _importance(
    predictor: _Classifier | _Regressor, columns: Columns, features: np.ndarray, part: _Part
) -> bytes:
    """Tell for each column how much worse the score gets when its values are shuffled among a few rows."""
    choice = np.random.default_rng(_SEED)
    known = np.flatnonzero((part.target != "").to_numpy())
    rows = np.sort(choice.permutation(known)[:_IMPORTANCE_ROWS])
    sample, actual = features[rows], part.target.iloc[rows]
    best = predictor.score(sample, actual)
    found = []
    for column, place in columns.places()[:_IMPORTANCE_COLUMNS]:
        shuffled = sample.copy()
        shuffled[:, place] = sample[choice.permutation(len(sample)), place]
        found.append((column.name, best - predictor.score(shuffled, actual)))
    found.sort(key=lambda pair: -pair[1])
    table = pd.DataFrame(found, columns=["column", "importance"])
    return table.to_csv(index=False, float_format="%.6g").encode("utf-8-sig")
