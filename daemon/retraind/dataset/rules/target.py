"""Rules about the column that the model predicts.

What the values are decides about the kind of model, unless it is configured: text is classes; numbers are a
quantity, or classes if there are few of them.
"""

import unicodedata
from collections.abc import Iterable, Iterator

from retraind.dataset.reader.columns.facts import HANDFUL, MAX_CLASSES, Kind, LocatedValue, TargetFacts
from retraind.dataset.reader.columns.numbers import is_database_marker, is_marker, is_number
from retraind.dataset.reader.columns.spreadsheets import remains_of
from retraind.dataset.rules.data_file import DataFile
from retraind.dataset.rules.rows import ADVISED_ROWS, MIN_ROWS
from retraind.dataset.rules.service_messages import (
    EMPTY_TARGETS,
    FEW_ANSWERS,
    MANY_VALUES,
    TARGET,
)
from retraind.domain.prediction import PredictionType
from retraind.domain.problems import Finding

FEW_NUMBERS = 10
"""A numeric target with at most this many values may be classes; with more it counts as a quantity."""
SAMPLE_ROWS = 1_000
_CLASSES = (PredictionType.BINARY, PredictionType.MULTICLASS)
_LIMITS = {PredictionType.BINARY: 2}


def target_column(file: DataFile) -> Iterator[Finding]:
    """The target column exists, under exactly the configured name."""
    table = file.table
    if file.target is None or table.width == 0 or table.target_found or table.width > len(table.header):
        return  # in the last case not all names are known, and there are far too many columns anyway
    similar = look_alikes(file)
    previous = file.previous
    yield file.error(
        "target-missing",
        service=TARGET,
        line=1,
        column=file.target,
        similar=similar,
        delivery=previous.name if previous is not None and file.target in previous.columns else None,
        paired=file.paired,
    )


def look_alikes(file: DataFile) -> list[tuple[str, list[str]]]:
    """Return the columns whose names differ from the target's in what is hardly seen, and in what."""
    if file.target is None:
        return []
    plain = _plain(file.target)
    names = [file.text(name) for name in file.table.header]
    return [(name, _differences(name, file.target)) for name in names if name and _plain(name) == plain]


def _plain(name: str) -> str:
    text = unicodedata.normalize("NFKC", "".join(char for char in name if not _is_invisible(char)))
    return "".join(unicodedata.normalize("NFKC", text.casefold()).split()).strip("\"'")


def _is_invisible(char: str) -> bool:
    return unicodedata.category(char) in {"Cf", "Cc"} and not char.isspace()


_LINE_BREAKS = "\n\r\v\f\x85\u2028\u2029"
_NO_BREAK = "\u00a0\u202f\u2007"


def _differences(name: str, target: str) -> list[str]:
    """Return in what two names differ that look alike."""
    found = []
    names = (name, target)
    if _differ(*([char for char in each if _is_invisible(char)] for each in names)):
        found.append("invisible")
    if _differ(*([char for char in each if char in _LINE_BREAKS] for each in names)):
        found.append("line-break")
    spaces = [[char for char in each if char.isspace() and char not in _LINE_BREAKS] for each in names]
    plain = [[char for char in each if char not in _NO_BREAK] for each in spaces]
    if _differ(*([char for char in each if char in _NO_BREAK] for each in spaces)):
        found.append("no-break-space")
        if len(spaces[0]) == len(spaces[1]):
            plain = []
    if plain and _differ(*plain):
        found.append("space")
    letters = [
        "".join(char for char in each if not char.isspace() and not _is_invisible(char)) for each in names
    ]
    composed = [unicodedata.normalize("NFC", each) for each in letters]
    narrow = [unicodedata.normalize("NFKC", each) for each in composed]
    if _differ(*letters) and not _differ(*composed):
        found.append("composition")
    if _differ(*(each.casefold() for each in composed)) and not _differ(
        *(each.casefold() for each in narrow)
    ):
        found.append("width")
    if _differ(*narrow) and not _differ(*(each.casefold() for each in narrow)):
        found.append("case")
    return found or ["space"]


def _differ(one: object, other: object) -> bool:
    return one != other


def target_values(file: DataFile) -> Iterator[Finding]:
    """Enough rows have a value in the target, and the values suit what is predicted."""
    found, table = file.table.columns.target, file.table
    if found is None or not table.is_complete or not table.rows or table.ragged.count >= table.rows:
        return
    if not has_answers(file, found):
        if file.training:
            yield file.error(
                "target-empty", service=EMPTY_TARGETS, column=file.target, rows=table.rows, paired=file.paired
            )
        else:
            yield file.error(
                "evaluation-without-answers",
                service=FEW_ANSWERS,
                column=file.target,
                rows=table.rows,
                value=file.text(found.classes[0].value) if found.filled else None,
            )
        return
    wrong = [*_filled(file, found), *_unsuitable(file, found)]
    yield from wrong
    if not wrong and table.rows >= MIN_ROWS:
        yield from _classes(file, found)


def has_answers(file: DataFile, found: TargetFacts) -> bool:
    """Return whether the target has any value; one such as "?" in all rows to evaluate with is none."""
    if file.training or len(found.classes) != 1:
        return bool(found.filled)
    only = found.classes[0].value
    return bool(file.text(only).strip()) and not is_marker(only)


def _filled(file: DataFile, found: TargetFacts) -> Iterator[Finding]:
    """Rows without a value in the target do not count."""
    if not file.training or file.table.rows < MIN_ROWS:
        return
    if found.filled < MIN_ROWS <= found.filled + file.table.ragged.count:
        return  # ragged rows have no values
    if found.filled < MIN_ROWS:
        yield file.error(
            "too-few-answers",
            service=EMPTY_TARGETS,
            column=file.target,
            filled=found.filled,
            rows=file.table.rows,
            minimum=MIN_ROWS,
            paired=file.paired,
        )
    elif not file.time_series and found.filled + file.table.ragged.count < ADVISED_ROWS[0] <= file.table.rows:
        yield file.warning(
            "few-answers",
            service=EMPTY_TARGETS,
            column=file.target,
            filled=found.filled,
            rows=file.table.rows,
            low=ADVISED_ROWS[0],
        )


def is_quantity(file: DataFile, found: TargetFacts) -> bool:
    """Return whether the target is a number to predict, and not a class."""
    kind = file.task.prediction_type
    if kind is not None:
        return kind is PredictionType.REGRESSION
    return found.has_many and file.table.columns.kinds[found.column] is Kind.NUMBER


def are_classes(file: DataFile, found: TargetFacts) -> bool:
    """Return whether the target's values are classes, or may be."""
    if file.time_series:
        return False  # numbers alone are predicted
    kind = file.task.prediction_type
    if kind is not None:
        return kind in _CLASSES
    are_numbers = file.table.columns.kinds[found.column] is Kind.NUMBER  # in whatever notation
    return not found.has_many and (not are_numbers or len(found.classes) <= FEW_NUMBERS)


def is_refused(file: DataFile) -> bool:
    """Return whether the target's values do not suit what is predicted, which is an error of its own."""
    found = file.table.columns.target
    return found is not None and bool(found.filled) and any(True for _ in _unsuitable(file, found))


def _unsuitable(file: DataFile, found: TargetFacts) -> Iterator[Finding]:
    kind = file.task.prediction_type
    limit = MAX_CLASSES if kind is None else _LIMITS.get(kind, MAX_CLASSES)
    if is_quantity(file, found) and (wrong := notation(file, found)) is not None:
        yield wrong
    elif kind is PredictionType.REGRESSION:
        if found.text is not None:
            yield file.error(
                "target-not-numeric",
                service=TARGET,
                line=found.text.line,
                column=file.target,
                value=file.text(found.text.value),
                paired=file.paired,
            )
        elif file.training and _is_one_value(found):
            yield _one_value(file, found)
    elif len(found.classes) > limit and (
        kind is not None or (found.text is not None and not file.time_series)
    ):
        above = found.classes[limit]
        place = LocatedValue(above.line, above.value)
        if found.text is not None and (kind is not PredictionType.BINARY or is_marker(found.text.value)):
            place = found.text
        yield file.error(
            "too-many-classes",
            service=MANY_VALUES,
            line=place.line,
            column=file.target,
            value=file.text(place.value),
            limit=limit,
            binary=kind is PredictionType.BINARY,
            numeric=found.is_numeric,
            paired=file.paired,
        )
    elif file.training and _is_one_value(found):
        yield _one_value(file, found)


def notation(file: DataFile, found: TargetFacts) -> Finding | None:
    """Return what is wrong with the numbers of a target that are not written as plain ones, if any are."""
    numbers = file.table.columns.numbers.get(found.column)
    if numbers is None or not numbers.written:
        return None
    first, *others = numbers.written
    return file.error(
        "target-notation",
        service=TARGET,
        line=first.line,
        column=file.target,
        value=file.text(first.value),
        others=file.texts(others),
        notations=list(numbers.notations),
        paired=file.paired,
    )


def _is_one_value(found: TargetFacts) -> bool:
    """Return whether all values are the same one, or the same number."""
    if not found.is_numeric or found.has_many:
        return len(found.classes) == 1
    return len({float(each.value) for each in found.classes}) == 1


def _one_value(file: DataFile, found: TargetFacts) -> Finding:
    return file.error(
        "target-one-value",
        service=TARGET,
        column=file.target,
        value=file.text(found.classes[0].value),
        paired=file.paired,
    )


def spelling(name: str) -> str:
    """Return what is equal for names of classes that mean the same."""
    text = "".join(char for char in name if unicodedata.category(char) != "Cf")
    text = " ".join(unicodedata.normalize("NFKC", text).casefold().split()).strip("'\"")
    try:
        return repr(float(text)) if "_" not in text else text
    except ValueError:
        return text


def _similar(file: DataFile, found: TargetFacts) -> Iterator[Finding]:
    """Each class is spelled in one way."""
    first: dict[str, str] = {}
    similar = []
    for each in found.classes:
        name = file.text(each.value)
        usual = first.setdefault(spelling(name), name)
        if usual != name:
            similar.append((each.line, name, usual))
    if similar:
        line, name, usual = similar[0]
        yield file.warning(
            "similar-classes",
            line=line,
            column=file.target,
            value=name,
            similar=usual,
            others=[(other, as_first) for _, other, as_first in similar[1:]],
            total=len(similar),
        )


def marker_classes(file: DataFile) -> list[LocatedValue]:
    """Return the classes that stand for a missing value: the service takes them for classes like others."""
    found = file.table.columns.target
    if found is None or not file.training or not are_classes(file, found) or len(found.classes) == 1:
        return []
    rest = [each for each in found.classes if not is_marker(each.value)]
    are_numbers = all(is_number(each.value) for each in rest)
    stands_for_none = is_marker if rest and are_numbers else is_database_marker
    markers = [LocatedValue(each.line, each.value) for each in found.classes if stands_for_none(each.value)]
    return without_remains(file, markers)


def without_remains(file: DataFile, values: Iterable[LocatedValue]) -> list[LocatedValue]:
    """Return those values that are not what a spreadsheet has left, of which another rule tells."""
    return [each for each in values if remains_of(file.text(each.value).strip()) is None]


def _markers(file: DataFile) -> Iterator[Finding]:
    """A missing class is an empty value."""
    if markers := marker_classes(file):
        first, *others = markers
        yield file.warning(
            "missing-value-marker",
            line=first.line,
            column=file.target,
            among="classes",
            value=file.text(first.value),
            others=file.texts(others),
            columns=[file.target],
            total=1,
        )


def _classes(file: DataFile, found: TargetFacts) -> Iterator[Finding]:
    """All classes appear in the first 1,000 rows, and each in more than a handful."""
    if not file.training or not are_classes(file, found):
        return
    yield from _markers(file)
    if found.late:
        first, *others = found.late.first
        yield file.warning(
            "late-class",
            service=TARGET,
            line=first.line,
            column=file.target,
            value=file.text(first.value),
            others=file.texts(others),
            total=found.late.count,
            first_rows=SAMPLE_ROWS,
        )
    yield from _similar(file, found)
    if rare := [each for each in found.classes if each.rows <= HANDFUL]:
        yield file.warning(
            "rare-class",
            service=FEW_ANSWERS,
            line=rare[0].line,
            column=file.target,
            value=file.text(rare[0].value),
            rows=rare[0].rows,
            others=[(each.rows, file.text(each.value)) for each in rare[1:]],
            total=len(rare),
        )
    positive = file.task.positive_value
    if positive is not None and positive not in [file.text(each.value) for each in found.classes]:
        yield file.warning(
            "positive-value-missing",
            column=file.target,
            positive=positive,
            classes=[file.text(each.value) for each in found.classes],
            total=len(found.classes),
        )
