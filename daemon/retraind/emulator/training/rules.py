"""The service's rules for data: reads an upload once, as a stream, and names the first rule that it violates.

Needs only the standard library, so that both trainers can use it.
"""

import codecs
import csv
import io
import math
import re
import zipfile
import zlib
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path, PurePosixPath
from typing import IO, Literal

NOT_SUPPORTED = "not in a supported file format"
BAD_ENCODING = "character encoding is not supported"
SAME_NAME = "multiple variables with the same name"
ONE_VARIABLE = "only one variable"
TOO_MANY_VARIABLES = "too many variables"
RAGGED = "rows with a different number of variables"
INSUFFICIENT = "insufficient data"
NO_MATCH = "the variables in the training data and evaluation data must match exactly"
UNAVAILABLE = "unavailable prediction type"
TOO_MANY_VALUES = (
    "The number of unique values contained in the variable to be predicted exceeds the number of values that "
    "can be handled by the specified prediction type."
)
EMPTY_TARGETS = "Too much missing data for the item you want to predict"
FEW_ANSWERS = (
    "There is too little data in the evaluation data that contains the correct value available for the "
    "variable you want to predict."
)
TOO_MANY_ROWS = "データの行数が10000行を超えるためモデルを作成できません"
"""In time-series mode. The vendor's manual has no English for it."""
BAD_DATE = "date and time not within the supported period"
NO_TARGET = "the variable to be predicted is not in the data"
"""The vendor has no message for this one."""

LOOKED_AT_BYTES = 1_000
LOOKED_AT_ROWS = 1_000
LEAST_ROWS = 11
MOST_CLASSES = 200
_LEAST_CLASSES = 2
MOST_NUMERIC_CLASSES = 10
"""A numeric column with at most this many different values is a choice, not a quantity."""

MOST_ROWS_OF_A_SERIES = 10_000
_ESCAPES = (b"\x1b$", b"\x1b(")
"""How ISO-2022-JP, whose bytes are all ASCII, changes between its sets of characters."""

_DELIMITERS = {".csv": ",", ".tsv": "\t"}
_DATE = re.compile(
    r"(\d{4})(?:[-/.]\d{1,2}[-/.]\d{1,2}|年\d{1,2}月\d{1,2}日)(?:[T ]\d{1,2}:\d{2}(?::\d{2}(?:\.\d+)?)?Z?)?"
)
_FIRST_YEAR, _LAST_YEAR = 1970, 3999
_ROWS_BETWEEN_STOPS = 10_000


class DataRefused(Exception):
    """The data violates a rule; the message is the service's own."""


class CheckStopped(Exception):
    """The check was aborted."""


@dataclass(frozen=True, slots=True)
class Limits:
    """What the service accepts, by what the model is."""

    accept_plain_utf8: bool = True
    time_series: bool = False
    prediction_type: Literal["binary", "multiclass", "regression"] | None = None
    strict: bool = False
    """What the vendor leaves open is taken the worst way: 200 columns and evaluation data in time-series
    mode, evaluation data that lacks some of the classes, a class of one row."""

    @property
    def max_columns(self) -> int:
        """The most columns; the manual contradicts itself about 200 in time-series mode."""
        return (199 if self.strict else 200) if self.time_series else 999


@dataclass(slots=True)
class TargetProfile:
    """What is known of the column to predict, collected row by row."""

    filled: int = 0
    numeric: bool = True
    total: float = 0.0
    total_of_squares: float = 0.0
    classes: Counter[str] = field(default_factory=Counter)
    """Counts of the first values, at most one more than the service accepts."""
    classes_early: int = 0
    """How many classes are in the rows in which the service looks for them."""

    def add(self, value: str) -> None:
        """Add one value."""
        if not value:
            return
        self.filled += 1
        if value in self.classes or len(self.classes) <= MOST_CLASSES:
            self.classes[value] += 1
        if self.numeric:
            number = as_number(value)
            self.numeric = number is not None
            if number is not None:
                self.total += number
                self.total_of_squares += number * number

    @property
    def task(self) -> Literal["classification", "regression"]:
        """The kind of model that predicts such a column."""
        quantity = self.numeric and len(self.classes) > MOST_NUMERIC_CLASSES
        return "regression" if quantity else "classification"


@dataclass(frozen=True, slots=True)
class Table:
    """One table of a valid upload."""

    path: Path
    member: str | None
    """Name inside the zip at `path`; None if the file is the table itself."""
    encoding: str
    delimiter: str
    columns: tuple[str, ...]
    rows: int
    dates: frozenset[str]
    """Names of the columns whose filled cells are all dates."""
    target: TargetProfile

    @contextmanager
    def open(self) -> Iterator[IO[str]]:
        """Open the table as text, at its beginning."""
        with _open_bytes(self.path, self.member) as raw:
            yield io.TextIOWrapper(raw, encoding=self.encoding, newline="")


@dataclass(frozen=True, slots=True)
class Checked:
    """A valid upload."""

    train: Table
    evaluation: Table | None
    target: str

    @property
    def task(self) -> Literal["classification", "regression"]:
        """The kind of model that the target column needs."""
        return self.train.target.task


def check_upload(
    path: Path,
    file_name: str,
    target: str | None,
    limits: Limits,
    stopped: Callable[[], bool] = lambda: False,
) -> Checked:
    """Check an upload against all rules.

    Raises DataRefused with the service's message, or CheckStopped once `stopped` returns True.
    """
    try:
        members = _members(path, file_name)
        tables = [
            _read_table(path, member, name, target, limits, stopped=stopped) for member, name in members
        ]
    except UnicodeDecodeError as error:
        raise DataRefused(BAD_ENCODING) from error
    except (csv.Error, zipfile.BadZipFile, zlib.error, NotImplementedError, EOFError) as error:
        raise DataRefused(NOT_SUPPORTED) from error
    train = tables[0]
    evaluation = tables[1] if len(tables) > 1 else None
    if evaluation is not None and evaluation.columns != train.columns:
        raise DataRefused(NO_MATCH)
    chosen = train.columns[-1] if target is None else target
    if chosen not in train.columns:
        raise DataRefused(NO_TARGET)
    if limits.strict and limits.time_series and evaluation is not None:
        raise DataRefused(NOT_SUPPORTED)  # The manual forbids evaluation data, and has no message for it.
    if limits.time_series and train.rows > MOST_ROWS_OF_A_SERIES:
        raise DataRefused(TOO_MANY_ROWS)
    if evaluation is not None and not evaluation.rows:
        raise DataRefused(INSUFFICIENT)
    _check_target(train.target, evaluation.target if evaluation else None, limits)
    return Checked(train, evaluation, chosen)


def _check_target(train: TargetProfile, evaluation: TargetProfile | None, limits: Limits) -> None:
    """Check the values to predict. Rows without one do not count."""
    if train.filled < LEAST_ROWS:
        raise DataRefused(EMPTY_TARGETS)
    if evaluation is not None and not evaluation.filled:
        raise DataRefused(FEW_ANSWERS)
    if limits.prediction_type == "regression" or limits.time_series:
        if not train.numeric or (evaluation is not None and not evaluation.numeric):
            raise DataRefused(UNAVAILABLE)
    elif limits.prediction_type is not None or train.task == "classification":
        _check_classes(train, evaluation, limits)


def _check_classes(train: TargetProfile, evaluation: TargetProfile | None, limits: Limits) -> None:
    classes = train.classes.keys()
    if len(classes) < _LEAST_CLASSES:
        raise DataRefused(UNAVAILABLE)
    if len(classes) > (2 if limits.prediction_type == "binary" else MOST_CLASSES):
        raise DataRefused(TOO_MANY_VALUES)
    if train.classes_early < len(classes):
        raise DataRefused(UNAVAILABLE)
    if evaluation is None:
        # The service takes every tenth row, or each half, for the evaluation: one row is in one part only.
        lacking = limits.strict and min(train.classes.values()) < 2  # noqa: PLR2004
    else:
        found = classes & evaluation.classes.keys()
        lacking = len(found) < (len(classes) if limits.strict else _LEAST_CLASSES)
    if lacking:
        raise DataRefused(FEW_ANSWERS)


def as_number(value: str) -> float | None:
    """Return the finite number that `value` spells, or None."""
    try:
        number = float(value)
    except ValueError:
        return None
    return number if math.isfinite(number) else None


def _members(path: Path, file_name: str) -> list[tuple[str | None, str]]:
    """Return what to read: names inside the zip (None: the file itself), and file names."""
    suffix = PurePosixPath(file_name).suffix.lower()
    if suffix in _DELIMITERS:
        return [(None, file_name)]
    if suffix != ".zip":
        raise DataRefused(NOT_SUPPORTED)
    with zipfile.ZipFile(path) as archive:
        infos = archive.infolist()
    names = sorted((info.filename for info in infos), reverse=True)
    layout = [PurePosixPath(name).parent.as_posix() for name in names]
    deflated = all(info.compress_type == zipfile.ZIP_DEFLATED for info in infos)
    encrypted = any(info.flag_bits & 1 for info in infos)
    if layout != ["train_src", "eval_src"] or not deflated or encrypted:
        raise DataRefused(NOT_SUPPORTED)
    return [(name, name) for name in names]


def _read_table(
    path: Path,
    member: str | None,
    name: str,
    target: str | None,
    limits: Limits,
    *,
    stopped: Callable[[], bool],
) -> Table:
    delimiter = _DELIMITERS.get(PurePosixPath(name).suffix.lower())
    if delimiter is None:
        raise DataRefused(NOT_SUPPORTED)
    with _open_bytes(path, member) as raw:
        encoding = _encoding(raw.read(LOOKED_AT_BYTES), limits)
    with _open_bytes(path, member) as raw:
        text = io.TextIOWrapper(raw, encoding=encoding, newline="")
        rows = csv.reader(text, delimiter=delimiter)
        columns = next(rows, [])
        _check_header(columns, limits)
        profile, count, dates = _read_rows(rows, columns, target, stopped)
    if count < LEAST_ROWS and not (member or "").startswith("eval_src/"):
        raise DataRefused(INSUFFICIENT)
    return Table(path, member, encoding, delimiter, tuple(columns), count, dates, profile)


def _check_header(columns: list[str], limits: Limits) -> None:
    if not columns:
        raise DataRefused(NOT_SUPPORTED)
    if len(set(columns)) < len(columns):
        raise DataRefused(SAME_NAME)
    if len(columns) == 1:
        raise DataRefused(ONE_VARIABLE)
    if len(columns) > limits.max_columns:
        raise DataRefused(TOO_MANY_VARIABLES)


def _read_rows(
    rows: Iterator[list[str]], columns: list[str], target: str | None, stopped: Callable[[], bool]
) -> tuple[TargetProfile, int, frozenset[str]]:
    width = len(columns)
    predicted = columns.index(target) if target in columns else width - 1
    profile = TargetProfile()
    # The index of each column that has held only dates so far -> whether one is out of the supported period.
    dates = dict.fromkeys(range(width), False)
    filled: set[int] = set()
    count = 0
    blank = False
    for row in rows:
        if not row:
            blank = True  # allowed at the very end only
            continue
        if len(row) != width or blank:
            raise DataRefused(RAGGED)
        profile.add(row[predicted])
        _look_for_dates(row, dates, filled)
        count += 1
        if count == LOOKED_AT_ROWS:
            profile.classes_early = len(profile.classes)
            dates = {index: out for index, out in dates.items() if index in filled}
        if count % _ROWS_BETWEEN_STOPS == 0 and stopped():
            raise CheckStopped
    if count < LOOKED_AT_ROWS:
        profile.classes_early = len(profile.classes)
    found = {index: out for index, out in dates.items() if index in filled}
    if any(found.values()):
        raise DataRefused(BAD_DATE)
    return profile, count, frozenset(columns[index] for index in found)


def _look_for_dates(row: list[str], dates: dict[int, bool], filled: set[int]) -> None:
    """Remove from `dates` the columns that hold something else; note years out of the supported period."""
    for index in tuple(dates):
        cell = row[index]
        if not cell:
            continue
        match = _DATE.fullmatch(cell)
        if match is None:
            del dates[index]
            continue
        filled.add(index)
        if not _FIRST_YEAR <= int(match[1]) <= _LAST_YEAR:
            dates[index] = True


def _encoding(head: bytes, limits: Limits) -> str:
    """Return the encoding by the first bytes, as the service does. Raises DataRefused for an unknown one."""
    if head.startswith(codecs.BOM_UTF8):
        return "utf-8-sig"
    if any(escape in head for escape in _ESCAPES):
        raise DataRefused(BAD_ENCODING)
    if head.isascii():
        return "utf-8"
    candidates = ("utf-8", "cp932") if limits.accept_plain_utf8 else ("cp932",)
    if not limits.accept_plain_utf8 and _decodes(head, "utf-8"):
        raise DataRefused(BAD_ENCODING)
    for encoding in candidates:
        if _decodes(head, encoding):
            return encoding
    raise DataRefused(BAD_ENCODING)


def _decodes(head: bytes, encoding: str) -> bool:
    decoder = codecs.getincrementaldecoder(encoding)()
    try:
        decoder.decode(head, final=len(head) < LOOKED_AT_BYTES)
    except UnicodeDecodeError:
        return False
    return True


@contextmanager
def _open_bytes(path: Path, member: str | None) -> Iterator[IO[bytes]]:
    if member is None:
        with path.open("rb") as file:
            yield file
    else:
        with zipfile.ZipFile(path) as archive, archive.open(member) as file:
            yield file
