"""All of the service's rules for data, and those that compare a file with another. Reads no files: table.py did.

A rule is a function that takes what is known of one file, or of two, and yields findings. What the service's
manual leaves open is said where it is decided.
"""

from collections.abc import Callable, Iterator

from retraind.dataset.findings import Finding, listing, plural, quote
from retraind.dataset.reader.examples import SHOWN
from retraind.dataset.rules import form, rows
from retraind.dataset.rules.context import NOT_EQUAL, Case
from retraind.system.escape import display


def _difference(ours: tuple[str, ...], theirs: tuple[str, ...]) -> str:
    """Say how our columns differ from theirs: a phrase that continues "the file ..."; empty when only the order does."""
    known, expected = set(ours), set(theirs)
    missing = [name for name in theirs if name not in known]
    extra = [name for name in ours if name not in expected]
    phrases = []
    if missing:
        phrases.append(f"lacks {listing([quote(name) for name in missing[:SHOWN]], len(missing))}")
    if extra:
        phrases.append(f"also has {listing([quote(name) for name in extra[:SHOWN]], len(extra))}")
    if not phrases and len(ours) != len(theirs):
        phrases.append(f"has {plural(len(ours), 'column')}, not {len(theirs):,}")
    if set(map(quote, missing)) & set(map(quote, extra)):
        phrases[-1] += " (names that look alike here differ in how a character is composed, or further on)"
    return " and ".join(phrases)


def _order(ours: tuple[str, ...], theirs: tuple[str, ...]) -> str:
    at, name, expected = next(
        (at, name, expected)
        for at, (name, expected) in enumerate(zip(ours, theirs, strict=True), start=1)
        if name != expected
    )
    return f"first at column {at}: {quote(name)} instead of {quote(expected)}"


def pair(train: Case, evaluation: Case) -> Iterator[Finding]:
    """Training and evaluation data have exactly the same columns.

    The service says "exactly" and leaves open whether the order counts; it is taken to count.
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
    file = display(theirs.name)
    if difference := _difference(ours.columns, theirs.columns):
        yield evaluation.error(
            "columns-differ",
            f"compared with {file} this file {difference}.",
            "give both files the same columns and deliver both again.",
            service=NOT_EQUAL,
            line=1,
        )
    else:
        yield evaluation.error(
            "column-order",
            f"the columns are those of {file}, only their order differs ({_order(ours.columns, theirs.columns)}).",
            "write both files with their columns in the same order and deliver both again.",
            service=NOT_EQUAL,
            line=1,
        )


def since_last(case: Case) -> Iterator[Finding]:
    """What changed since the model's last good delivery, and may be a mishap in the source."""
    facts, previous = case.table.facts, case.previous
    if facts is None or previous is None or case.table.width == 0:
        return
    if previous.columns and facts.columns != previous.columns:
        difference = _difference(facts.columns, previous.columns)
        how = f"this file {difference}" if difference else "the columns stand in another order"
        yield case.warning(
            "columns-changed",
            f"compared with the last good delivery ({display(previous.name)}) {how}.",
            "look whether this was meant: the retrained model may expect other columns than its callers send.",
            line=1,
        )
    if case.table.whole and facts.rows * 2 <= previous.rows:
        yield case.warning(
            "rows-halved",
            f"the number of rows fell from {previous.rows:,} in the last good delivery ({display(previous.name)}) to "
            f"{facts.rows:,}.",
            "look whether the export ran to its end.",
        )


RULES: tuple[Callable[[Case], Iterator[Finding]], ...] = (
    form.content,
    form.encoding,
    form.nul_bytes,
    form.header,
    form.column_names,
    rows.quotes,
    rows.ragged,
    rows.row_count,
    rows.empty_columns,
    rows.dates,
    rows.target,
    since_last,
)
"""The rules for one file, in the order in which people should read of them."""

UNREAD_RULES: tuple[Callable[[Case], Iterator[Finding]], ...] = (form.content, form.encoding)
"""The rules for a file that was not read, because it is no text or text in UTF-16."""
