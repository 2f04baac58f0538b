"""Rules that compare files: evaluation with training data, and training data with the previous delivery's."""

from collections.abc import Iterator, Sequence
from typing import Any

from retraind.dataset.rules.data_file import DataFile
from retraind.dataset.rules.service_messages import NOT_EQUAL
from retraind.domain.problems import Finding


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


def since_last(file: DataFile) -> Iterator[Finding]:
    """Columns and number of rows are like the last good delivery's; if not, the source may be at fault."""
    facts, previous = file.table.facts, file.previous
    if facts is None or previous is None or file.table.width == 0:
        return
    if previous.columns and facts.columns != previous.columns:
        yield file.warning(
            "columns-changed",
            line=1,
            delivery=previous.name,
            **_difference(facts.columns, previous.columns),
        )
    if file.table.is_complete and facts.rows * 2 <= previous.rows:
        yield file.warning(
            "rows-halved", delivery=previous.name, rows=facts.rows, previous_rows=previous.rows
        )


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
