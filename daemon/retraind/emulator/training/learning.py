"""One real training: gradient-boosted trees on checked data, with its metrics, predictions and importances.

Imported by the worker process only: pandas and scikit-learn take a second or two to load. Sizes are capped,
so that a few thousand rows take about two seconds and the largest upload well under a minute. The same data
always gives the same results.
"""

import platform
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import sklearn
from sklearn.base import is_regressor
from sklearn.dummy import DummyClassifier, DummyRegressor
from sklearn.ensemble import HistGradientBoostingClassifier, HistGradientBoostingRegressor
from sklearn.metrics import get_scorer
from threadpoolctl import threadpool_limits  # type: ignore[import-untyped]

from retraind.emulator.training.columns import Columns, fit_columns, numbers
from retraind.emulator.training.metrics import classification_scores, regression_scores
from retraind.emulator.training.results import as_document, write_results
from retraind.emulator.training.rules import Checked, Table

_SEED = 20_170_601
_MOST_ROWS = 200_000
_MOST_CELLS = 8_000_000
_ROWS_AT_A_TIME = 100_000
_CELLS_WORTH_THREADS = 200_000
"""Smaller data is trained on one processor: threads would only wait for each other."""
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
    model, baseline = _fit(checked.task, columns, train)
    features = columns.encode(evaluation.cells)
    predicted, scores = _evaluate(model, features, evaluation)
    predictions = pd.DataFrame(
        {"actual": evaluation.target.to_numpy(dtype=object), **predicted}, index=evaluation.cells.index
    )
    metrics = {
        "task": checked.task,
        "evaluated_on": "evaluation data" if checked.evaluation else "held-out training data",
        "rows": {"train": len(train.cells), "evaluation": len(evaluation.cells)},
        "model": scores,
        "baseline": _evaluate(baseline, features, evaluation)[1],
    }
    return {
        "metrics.json": as_document(metrics),
        "predictions.csv": predictions.to_csv(index_label="row", float_format="%.6g").encode("utf-8-sig"),
        "feature_importance.csv": _importance(model, columns, features, evaluation),
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
    """Read a table as text; of one that is too large a random sample of its rows."""
    most = min(_MOST_ROWS, _MOST_CELLS // len(table.columns))
    if checked.task == "classification":
        # Each class has its own trees, so many classes leave time for fewer rows.
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


# -- models ------------------------------------------------------------------------------------------------


def _fit(task: str, columns: Columns, train: _Part) -> tuple[Any, Any]:
    """Return the trained model, and one that learned nothing but the most frequent class, or the mean."""
    features = columns.encode(train.cells)
    # The hours of dates without a time are; the trees need at least one value.
    features[:, np.isnan(features).all(axis=0)] = 0
    settings: dict[str, Any] = {
        "categorical_features": columns.is_category,
        "early_stopping": False,
        "min_samples_leaf": max(2, min(20, len(features) // 10)),
        "random_state": _SEED,
    }
    if task == "regression":
        target = numbers(train.target)
        model, baseline = HistGradientBoostingRegressor(max_iter=_TREES, **settings), DummyRegressor()
    else:
        target = train.target.to_numpy(dtype=object).astype(str)
        classes = len(np.unique(target))
        rounds = max(2, min(_TREES, _MOST_TREES_OVER_ALL_CLASSES // classes))
        baseline = DummyClassifier(strategy="prior")
        # The trees need more than one class; the rows held out may have had the only one of another.
        model = HistGradientBoostingClassifier(max_iter=rounds, **settings) if classes > 1 else baseline
    return model.fit(features, target), baseline.fit(features, target)


def _evaluate(model: Any, features: np.ndarray, part: _Part) -> tuple[dict[str, Any], dict[str, float]]:
    """Return the columns of the predictions, and the scores over the rows whose target is known."""
    if is_regressor(model):
        predicted, actual = model.predict(features), numbers(part.target)
        known = np.isfinite(actual)
        return {"predicted": predicted}, regression_scores(actual[known], predicted[known])
    probabilities, actual = model.predict_proba(features), part.target.to_numpy(dtype=object)
    predicted = model.classes_[probabilities.argmax(axis=1)]
    known = actual != ""
    named = {f"probability of {name}": probabilities[:, at] for at, name in enumerate(model.classes_)}
    scores = classification_scores(actual[known], predicted[known], probabilities[known], model.classes_)
    return {"predicted": predicted, **named}, scores


# -- documents ---------------------------------------------------------------------------------------------


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


def _importance(model: Any, columns: Columns, features: np.ndarray, part: _Part) -> bytes:
    """Return by how much the score drops when the values of each column are shuffled among a few rows."""
    choice = np.random.default_rng(_SEED)
    known = np.flatnonzero((part.target != "").to_numpy())
    rows = np.sort(choice.permutation(known)[:_IMPORTANCE_ROWS])
    sample, target = features[rows], part.target.iloc[rows]
    regression = is_regressor(model)
    actual = numbers(target) if regression else target.to_numpy(dtype=object).astype(str)
    score = get_scorer("neg_mean_absolute_error" if regression else "accuracy")
    best = score(model, sample, actual)
    found = []
    for column, place in columns.places()[:_IMPORTANCE_COLUMNS]:
        shuffled = sample.copy()
        shuffled[:, place] = sample[choice.permutation(len(sample)), place]
        found.append((column.name, best - score(model, shuffled, actual)))
    found.sort(key=lambda pair: -pair[1])
    table = pd.DataFrame(found, columns=["column", "importance"])
    return table.to_csv(index=False, float_format="%.6g").encode("utf-8-sig")
