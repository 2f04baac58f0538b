"""Rules that compare files: evaluation with training data, and training data with the previous delivery's."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from retraind.dataset.reader.columns.dates import form_of
from retraind.dataset.reader.columns.facts import HANDFUL, Kind, TargetFacts
from retraind.dataset.reader.columns.numbers import is_marker, is_number
from retraind.dataset.rules import target
from retraind.dataset.rules.data_file import DataFile
from retraind.dataset.rules.service_messages import (
    CLASSES_CHANGED,
    FEW_ANSWERS,
    NOT_EQUAL,
    TARGET,
    TYPE_CHANGED,
)
from retraind.domain.prediction import PredictionType
from retraind.domain.problems import Finding

_CLASS_CHARS = 64
_MUST_BE_CLASSES = 2
"""Different numbers in a target that can only be classes."""


def pair(train: DataFile, evaluation: DataFile) -> Iterator[Finding]:
    """Training and evaluation data have exactly the same columns.

    The manual says "exactly" and leaves open whether the order counts; the stricter reading is that it does.
    """
    ours, theirs = evaluation.table.facts, train.table.facts
    if (
        ours is None
        or theirs is None
        or not ours.columns
        or not theirs.columns
        or ours.columns == theirs.columns
    ):
        return
    if train.table.target_found and not evaluation.table.target_found:
        reported = _reported(evaluation)  # a missing target is an error of its own
        left = [[name for name in names if name not in reported] for names in (ours.columns, theirs.columns)]
        if left[0] == left[1]:
            return
    if difference := _difference(ours.columns, theirs.columns):
        yield evaluation.error("columns-differ", service=NOT_EQUAL, line=1, other=theirs.name, **difference)
    else:
        place, name, expected = next(
            (place, name, expected)
            for place, (name, expected) in enumerate(zip(ours.columns, theirs.columns, strict=True), start=1)
            if name != expected
        )
        yield evaluation.error(
            "column-order",
            service=NOT_EQUAL,
            line=1,
            other=theirs.name,
            place=place,
            name=name,
            expected=expected,
        )


def kinds(train: DataFile, evaluation: DataFile) -> Iterator[Finding]:
    """Columns that have numbers or dates alone in the training data have no text in the evaluation data."""
    if train.table.ragged or evaluation.table.ragged or not evaluation.is_read:
        return
    table = evaluation.table
    texts = {
        evaluation.text(name)
        for at, (name, kind) in enumerate(zip(table.header, table.columns.kinds, strict=False))
        if kind is Kind.TEXT and any(_is_text(row[at : at + 1]) for row in table.oddities.rows)
    }
    differ = [
        (train.text(name), kind.value)
        for at, (name, kind) in enumerate(zip(train.table.header, train.table.columns.kinds, strict=False))
        if kind in {Kind.NUMBER, Kind.DATE} and train.text(name) in texts
        if at != train.table.roles.target and at not in train.table.columns.broken
    ]
    if differ:
        yield evaluation.warning(
            "column-types-differ",
            column=differ[0][0],
            other=train.table.name,
            columns=differ,
            total=len(differ),
        )


def _is_text(value: Sequence[bytes]) -> bool:
    """Return whether the one value there may be is no number, no date and no sign of a missing one."""
    return any(each and not (is_number(each) or is_marker(each) or form_of(each)) for each in value)


def answers(train: DataFile, evaluation: DataFile) -> Iterator[Finding]:
    """The evaluation data has the training data's classes, spelled alike, or numbers if it has numbers."""
    ours, theirs = evaluation.table.columns.target, train.table.columns.target
    if ours is None or theirs is None or not theirs.filled or not target.has_answers(evaluation, ours):
        return
    if target.is_quantity(train, theirs):
        if ours.text is None or target.is_quantity(evaluation, ours):
            return
        yield target.notation(evaluation, ours) or evaluation.error(
            "target-not-numeric",
            service=TARGET,
            line=ours.text.line,
            column=evaluation.target,
            value=evaluation.text(ours.text.value),
            paired=True,
        )
    elif (
        target.are_classes(train, theirs)
        and not target.is_refused(train)
        and not ours.has_many
        and len(theirs.classes) > 1
    ):
        yield from _classes(train, evaluation, theirs, ours)


def _classes(
    train: DataFile, evaluation: DataFile, theirs: TargetFacts, ours: TargetFacts
) -> Iterator[Finding]:
    known = {train.text(each.value): each for each in theirs.classes}
    found = {evaluation.text(each.value): each for each in ours.classes}
    by_spelling = {target.spelling(name): name for name in known}
    otherwise = {
        name: by_spelling[target.spelling(name)]
        for name in found
        if name not in known and target.spelling(name) in by_spelling
    }
    present = (found.keys() & known.keys()) | set(otherwise.values())
    absent = [name for name in known if name not in present]
    strange = [name for name in found if name not in known and name not in otherwise]
    if otherwise:
        first = next(iter(otherwise))
        yield evaluation.warning(
            "classes-spelled-otherwise",
            line=found[first].line,
            column=evaluation.target,
            value=first,
            expected=otherwise[first],
            others=[*otherwise.items()][1:],
            total=len(otherwise),
            other=train.table.name,
        )
    if strange:
        yield evaluation.warning(
            "unknown-classes",
            line=found[strange[0]].line,
            column=evaluation.target,
            classes=strange,
            total=len(strange),
            other=train.table.name,
        )
    if len(found) == 1 and _must_be_classes(train, theirs):
        yield evaluation.error(
            "evaluation-one-class",
            service=FEW_ANSWERS,
            column=evaluation.target,
            value=next(iter(found)),
            absent=absent,
            total=len(absent),
        )
    elif absent:
        yield evaluation.warning(
            "evaluation-lacks-classes",
            service=FEW_ANSWERS,
            column=evaluation.target,
            classes=absent,
            total=len(absent),
        )
    if rare := [name for name, each in found.items() if each.rows <= HANDFUL and len(found) > 1]:
        yield evaluation.warning(
            "rare-class-in-evaluation",
            service=FEW_ANSWERS,
            line=found[rare[0]].line,
            column=evaluation.target,
            value=rare[0],
            rows=found[rare[0]].rows,
            others=[(found[name].rows, name) for name in rare[1:]],
            total=len(rare),
        )


def _must_be_classes(file: DataFile, found: TargetFacts) -> bool:
    kind = file.task.prediction_type
    return (
        kind in {PredictionType.BINARY, PredictionType.MULTICLASS}
        or not found.is_numeric
        or len(found.classes) == _MUST_BE_CLASSES
    )


def since_last(file: DataFile) -> Iterator[Finding]:
    """Columns and number of rows are like the last good delivery's; if not, the source may be at fault."""
    facts, previous = file.table.facts, file.previous
    if facts is None or previous is None or file.table.width == 0:
        return
    reported = _reported(file)
    columns = tuple(name for name in facts.columns if name not in reported)
    expected = tuple(name for name in previous.columns if name not in reported)
    if expected and columns != expected:
        yield file.warning(
            "columns-changed", line=1, delivery=previous.name, **_difference(columns, expected)
        )
    yield from _kinds_changed(file, previous.kinds_by_name)
    yield from _classes_changed(file)
    if file.table.is_complete and facts.rows * 2 <= previous.rows:
        yield file.warning(
            "rows-halved", delivery=previous.name, rows=facts.rows, previous_rows=previous.rows
        )


def _reported(file: DataFile) -> set[str]:
    """Return the target's name, and what it may be called in this file, if it is not found."""
    if file.target is None or file.table.target_found:
        return set()
    return {file.target, *(name for name, _ in target.look_alikes(file))}


def _kinds_changed(file: DataFile, before: Mapping[str, str]) -> Iterator[Finding]:
    """Columns are of the same kind as before: numbers, dates, text."""
    previous = file.previous
    assert previous is not None
    now = [
        (file.text(name), kind)
        for name, kind in zip(file.table.header, file.table.columns.kinds, strict=False)
    ]
    changed = [
        (name, before[name], kind.value)
        for name, kind in now
        if before.get(name, kind) not in {kind, Kind.EMPTY} and kind is not Kind.EMPTY
    ]
    if changed:
        yield file.warning(
            "column-types-changed",
            service=TYPE_CHANGED,
            line=1,
            column=changed[0][0],
            delivery=previous.name,
            changed=changed,
            total=len(changed),
        )


def _classes_changed(file: DataFile) -> Iterator[Finding]:
    """The target has the same classes as before."""
    previous, found = file.previous, file.table.columns.target
    if previous is None or found is None or not found.filled or previous.target != file.target:
        return
    if not previous.classes or not target.are_classes(file, found):
        return
    now = [kept_class(file.text(each.value)) for each in found.classes]
    missing = [name for name in previous.classes if name not in now]
    extra = [name for name in now if name not in previous.classes]
    if missing or extra:
        yield file.warning(
            "classes-changed",
            service=CLASSES_CHANGED,
            column=file.target,
            delivery=previous.name,
            missing=missing,
            missing_total=len(missing),
            extra=extra,
            extra_total=len(extra),
        )


def kept_class(name: str) -> str:
    """Return as much of the name of a class as is remembered for the next delivery."""
    return name[:_CLASS_CHARS]


def _difference(ours: Sequence[str], theirs: Sequence[str]) -> dict[str, Any]:
    """Return facts about how our columns differ from theirs; none if they differ in order only."""
    known, expected = set(ours), set(theirs)
    missing = [name for name in theirs if name not in known]
    extra = [name for name in ours if name not in expected]
    if not missing and not extra and len(ours) == len(theirs):
        return {}
    return {
        "missing": missing,
        "missing_total": len(missing),
        "extra": extra,
        "extra_total": len(extra),
        "columns": len(ours),
        "expected_columns": len(theirs),
    }
