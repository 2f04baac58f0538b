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
BAD_DATE = "date and time not within the supported period"
NO_TARGET = "the variable to be predicted is not in the data"
"""The vendor has no message for this one."""

LOOKED_AT_BYTES = 1_000
LOOKED_AT_ROWS = 1_000
LEAST_ROWS = 11
MOST_CLASSES = 200
MOST_NUMERIC_CLASSES = 10
"""A numeric column with at most this many different values is a choice, not a quantity."""

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
    """What the service accepts in the mode of the model."""

    max_columns: int = 999
    accept_plain_utf8: bool = True


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
    if train.target.filled < LEAST_ROWS or (evaluation is not None and not evaluation.target.filled):
        raise DataRefused(INSUFFICIENT)
    if train.target.task == "classification":
        classes = len(train.target.classes)
        if not 1 < classes <= MOST_CLASSES or train.target.classes_early < classes:
            raise DataRefused(UNAVAILABLE)
    return Checked(train, evaluation, chosen)


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
