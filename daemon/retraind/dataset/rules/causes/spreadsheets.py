"""What a spreadsheet has left in place of values: formulas, errors, what a narrow column shows."""

import re
from collections.abc import Iterator

from retraind.dataset.reader.columns.facts import LocatedValue
from retraind.dataset.reader.columns.spreadsheets import Remains, remains_of
from retraind.dataset.rules.causes.cause import Cause
from retraind.dataset.rules.causes.sample import delimiter_of, rows_of
from retraind.dataset.rules.data_file import DataFile
from retraind.domain.problems import Finding, Severity

_MAY_BE = re.compile(rb'[,\t\r\n"](?:=["(\dA-Z\'@+-]|#|Err:5|Loading\.|\xe8\xaa\xad|\x93\xc7)')
_OF_VALUES = frozenset({"target-not-numeric", "too-many-classes", "late-text"})


def spreadsheet_remains(file: DataFile) -> Iterator[Cause]:
    """Cells have values, not what a spreadsheet shows or computes in their place."""
    found: dict[Remains, dict[int, dict[int, str]]] = {}  # by kind and column, the texts by line
    for at, line, text in _values(file):
        if (kind := remains_of(text)) is not None:
            found.setdefault(kind, {}).setdefault(at, {}).setdefault(line, text)
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
    if _MAY_BE.search(table.oddities.head):
        for row in rows_of(table, delimiter_of(table))[1:]:
            if len(row.cells) == table.width:
                yield from ((at, row.line, cell.strip()) for at, cell in enumerate(row.cells))
