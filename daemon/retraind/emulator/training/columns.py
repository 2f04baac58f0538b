"""Turns columns of text into numbers that trees can learn from; imported by the worker process only."""

from dataclasses import dataclass
from typing import Literal

import numpy as np
import pandas as pd

_MOST_CATEGORIES = 200
_NUMBERS_AT_LEAST = 0.99
"""A column is numeric if at least this share of its filled cells are numbers; the others count as missing."""
_MOSTLY_DIFFERENT = 0.5
"""Text of which more than this share of cells differ is a name or a remark, and not used."""
_DATE_PARTS = r"(\d{4})\D+(\d{1,2})\D+(\d{1,2})(?:\D+(\d{1,2}):(\d{2}))?"
_DATE_WIDTH = 6
_THURSDAY = 3
"""The weekday of day 0, 1970-01-01, where Monday is 0."""


@dataclass(frozen=True, slots=True)
class Column:
    """A column that is used, and how it is read."""

    index: int
    name: str
    kind: Literal["number", "date", "category"]
    categories: tuple[str, ...] = ()

    @property
    def width(self) -> int:
        """How many numbers represent one cell."""
        return _DATE_WIDTH if self.kind == "date" else 1

    def encode(self, cells: pd.Series) -> np.ndarray:
        """Return `width` numbers for each cell; NaN is missing, or was not in the training data."""
        match self.kind:
            case "number":
                return numbers(cells).reshape(-1, 1)
            case "date":
                return _date_parts(cells)
            case "category":
                codes = pd.Categorical(cells, categories=list(self.categories)).codes.astype(float)
                codes[codes < 0] = np.nan
                return codes.reshape(-1, 1)


@dataclass(frozen=True, slots=True)
class Columns:
    """All columns that are used."""

    used: tuple[Column, ...]
    unused: tuple[str, ...]

    @property
    def is_category(self) -> list[bool]:
        """For each number of an encoded row, whether it is a code without order."""
        return [column.kind == "category" for column in self.used for _ in range(column.width)] or [False]

    def encode(self, cells: pd.DataFrame) -> np.ndarray:
        """Return all rows as numbers; one column of zeros if no column is used."""
        encoded = [column.encode(cells[column.index]) for column in self.used]
        return np.hstack(encoded) if encoded else np.zeros((len(cells), 1))

    def places(self) -> list[tuple[Column, slice]]:
        """Return each column with its place in an encoded row."""
        ends = np.cumsum([column.width for column in self.used]).tolist()
        return [(column, slice(end - column.width, end)) for column, end in zip(self.used, ends, strict=True)]


def fit_columns(cells: pd.DataFrame, names: tuple[str, ...], dates: frozenset[str], target: int) -> Columns:
    """Decide from the training rows how each column but number `target` is read."""
    used: list[Column] = []
    unused: list[str] = []
    for index, name in enumerate(names):
        if index == target:
            continue
        column = _column(index, name, cells[index], is_date=name in dates)
        if column is None:
            unused.append(name)
        else:
            used.append(column)
    return Columns(tuple(used), tuple(unused))


def numbers(cells: pd.Series) -> np.ndarray:
    """Return the cells as numbers; NaN for anything else."""
    found: np.ndarray = pd.to_numeric(cells, errors="coerce").to_numpy(dtype=float, na_value=np.nan)
    return np.where(np.isfinite(found), found, np.nan)


def _column(index: int, name: str, cells: pd.Series, *, is_date: bool) -> Column | None:
    filled = cells[cells != ""]
    counts = filled.value_counts()
    if len(counts) <= 1:
        return None
    if is_date:
        return Column(index, name, "date")
    if np.isfinite(numbers(filled)).mean() >= _NUMBERS_AT_LEAST:
        return Column(index, name, "number")
    if len(counts) > _MOST_CATEGORIES and len(counts) > _MOSTLY_DIFFERENT * len(filled):
        return None
    frequent = sorted(counts.items(), key=lambda pair: (-pair[1], str(pair[0])))[:_MOST_CATEGORIES]
    return Column(index, name, "category", tuple(str(value) for value, _ in frequent))


def _date_parts(cells: pd.Series) -> np.ndarray:
    """Return year, month, day of the month, day since 1970, weekday and hour."""
    parts = (
        cells.str.extract(_DATE_PARTS).apply(pd.to_numeric, errors="coerce").to_numpy(float, na_value=np.nan)
    )
    year, month, day, hour, minute = parts.T
    known = np.isfinite(year) & (month >= 1) & (month <= 12)  # noqa: PLR2004  - months
    months = ((year[known] - 1970) * 12 + month[known] - 1).astype(int).astype("datetime64[M]")
    days = np.full(len(cells), np.nan)
    days[known] = months.astype("datetime64[D]").astype(int) + day[known] - 1
    return np.column_stack([year, month, day, days, (days + _THURSDAY) % 7, hour + minute / 60])
