"""What a spreadsheet has left in place of values: formulas, errors, what a narrow column shows."""

import re
from collections.abc import Iterator

from retraind.dataset.reader.columns.facts import Kind, LocatedValue
from retraind.dataset.reader.columns.spreadsheets import Remains, changed, may_be_changed, remains_of
from retraind.dataset.rules.causes.cause import Cause
from retraind.dataset.rules.causes.sample import parts_of
from retraind.dataset.rules.data_file import DataFile
from retraind.domain.problems import Finding, Severity

_MAY_BE = re.compile(r'(?:\A|[,\t\r\n"])(?:=["(\dA-Z\'@+-]|#|Err:5|Loading\.|読)')
_SIGNS = ("=", "#", "Err:5", "Loading.", "読")
"""What is searched for before, which is far faster."""
_OF_VALUES = frozenset(
    {
        "target-not-numeric",
        "series-target-not-numeric",
        "too-many-classes",
        "late-text",
        "target-one-value",
        "evaluation-without-answers",
    }
)


def spreadsheet_remains(file: DataFile) -> Iterator[Cause]:
    """Cells have values, not what a spreadsheet shows or computes in their place."""
    found: dict[Remains, dict[int, dict[int, str]]] = {}  # by kind and column, the texts by line
    for at, line, text in _values(file):
        if (kind := remains_of(text)) is not None:
            found.setdefault(kind, {}).setdefault(at, {}).setdefault(line, text)
    for at, kind, places in _changed(file):
        found.setdefault(kind, {}).setdefault(at, {}).update(places)
    for kind, columns in found.items():
        at = min(columns)
        (line, text), *others = sorted(columns[at].items())
        finding = file.warning(
            "spreadsheet-remains",
            line=line,
            column=file.column(at),
            kind=kind,
            value=text,
            others=others,
            columns=[file.column(each) for each in sorted(columns)],
            total=len(columns),
            paired=file.paired,
        )
        yield Cause(finding, _is_about_remains, Severity.WARNING)


def _is_about_remains(each: Finding) -> bool:
    return each.rule in _OF_VALUES and remains_of(str(each.facts.get("value")).strip()) is not None


def _values(file: DataFile) -> Iterator[tuple[int, int, str]]:
    """Yield values that may be remains, each with its column and line."""
    table = file.table
    places = [
        *((at, place) for at, found in table.columns.numbers.items() for place in found.markers),
        *((at, place) for at, found in table.columns.dates.items() for place in found.markers),
    ]
    if (target := table.columns.target) is not None:
        places += [(target.column, LocatedValue(each.line, each.value)) for each in target.classes]
    for at, place in places:
        yield at, place.line, file.text(place.value).strip()
    for part in parts_of(table):
        if any(sign in part.text for sign in _SIGNS) and _MAY_BE.search(part.text):
            for row in part.rows():
                yield from ((at, row.line, cell.strip()) for at, cell in enumerate(row.cells))


def _changed(file: DataFile) -> Iterator[tuple[int, Remains, dict[int, str]]]:
    """Yield the columns of which a spreadsheet has changed values, and these by line."""
    for part in parts_of(file.table):
        rows = part.rows() if may_be_changed(part.text) else []
        for at, kind in enumerate(file.table.columns.kinds if rows else ()):
            values = [row.cells[at].strip() for row in rows] if kind in {Kind.TEXT, Kind.NUMBER} else []
            if (found := changed(values)) is not None:
                yield at, found[0], {rows[place].line: values[place] for place in found[1]}
