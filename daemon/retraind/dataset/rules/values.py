"""Rules about the values in columns: empty columns, dates, numbers."""

import re
from collections.abc import Iterator, Sequence

from retraind.dataset.reader.columns.dates import FIRST_YEAR, LAST_YEAR, form_of
from retraind.dataset.reader.columns.facts import Kind, Notation, NumberFacts
from retraind.dataset.reader.columns.known_dates import DATES_COUNTED
from retraind.dataset.reader.columns.numbers import is_marker, is_number, notations
from retraind.dataset.reader.table import ReadResult
from retraind.dataset.rules import target
from retraind.dataset.rules.causes.sample import data_rows
from retraind.dataset.rules.data_file import DataFile
from retraind.dataset.rules.service_messages import DATES
from retraind.dataset.rules.target import SAMPLE_ROWS
from retraind.domain.problems import Finding

_FIRST_ROWS, _FEWEST = 20, 5  # that show what a column is; values among them
_SOME_VALUES = 50  # of a column, from which on few of them are an accident
_FEW = 0.05  # of the values
_OPEN_YEAR = re.compile(rb"(?:1[5-9]|20)[0-9]{2}-")
_FEW_WORDS = 3  # that stand for a missing value


def empty_columns(file: DataFile) -> Iterator[Finding]:
    """Every column has a value. A column without any is allowed, and rarely intended."""
    table = file.table
    if not table.rows or table.ragged.count >= table.rows:
        return
    empty = [at for at in table.columns.empty if at != table.roles.target]
    if empty:
        yield file.warning(
            "empty-column",
            column=file.column(empty[0]),
            columns=[file.column(at) for at in empty],
            total=len(empty),
        )


def dates(file: DataFile) -> Iterator[Finding]:
    """Dates are in a form that the service reads, one for each column, and in the supported period."""
    odd = {}
    for at, found in file.table.columns.dates.items():
        bad = found.out_of_range
        if found.unread is not None or found.forms:
            odd[at] = found
        if bad and found.unread is None:
            first, *others = bad.first
            yield file.warning(
                "date-range",
                service=DATES,
                line=first.line,
                column=file.column(at),
                value=file.text(first.value),
                others=file.texts(others),
                total=bad.count,
                at_least=bad.count >= DATES_COUNTED,
                first_year=FIRST_YEAR,
                last_year=LAST_YEAR,
            )
    if not odd:
        return
    at, found = next(iter(odd.items()))
    first, *others = found.forms or filter(None, [found.unread])
    yield file.warning(
        "date-form",
        line=first.line,
        column=file.column(at),
        value=file.text(first.value),
        others=file.texts(others),
        has_time=any(each.has_time for each in odd.values()),
        out_of_range=file.texts(found.out_of_range.first[:1] if found.unread is not None else ()),
        columns=[file.column(each) for each in odd],
        total=len(odd),
        first_year=FIRST_YEAR,
        last_year=LAST_YEAR,
    )


def late_text(file: DataFile) -> Iterator[Finding]:
    """A column of numbers or dates in the first rows has no text behind them."""
    table = file.table
    kinds = table.columns.kinds
    late = {
        at: place
        for at, place in sorted(table.columns.broken.items(), key=lambda each: each[1].line)
        if kinds[at] in {Kind.NUMBER, Kind.DATE}
        and at != table.roles.target  # which has rules of its own
        and place.value != table.header[at]
    }
    if late:
        at, first = next(iter(late.items()))
        yield file.warning(
            "late-text",
            line=first.line,
            column=file.column(at),
            value=file.text(first.value),
            among="dates" if kinds[at] is Kind.DATE else "numbers",
            columns=[file.column(each) for each in late],
            total=len(late),
            first_rows=SAMPLE_ROWS,
        )


def rare_text(file: DataFile) -> Iterator[Finding]:
    """A column whose first rows nearly all have numbers or dates has no few texts among them."""
    table = file.table
    may_be = [
        at
        for at, kind in enumerate(table.columns.kinds)
        if kind is Kind.TEXT and at != table.roles.target and _begins_with_values(table, at)
    ]
    rows = data_rows(table) if may_be else []
    found: dict[int, tuple[str, list[tuple[int, str]]]] = {}
    for at in may_be:
        values = [(row.line, row.cells[at]) for row in rows if row.cells[at]]
        data = [value.encode() for _, value in values]
        are_numbers = [is_number(value) or bool(notations(value)) for value in data]
        are_dates = [form_of(value) is not None for value in data]
        usual = max(are_numbers, are_dates, key=sum)
        texts = [
            place
            for place, value, is_usual in zip(values, data, usual, strict=True)
            if not is_usual and not is_marker(value)
        ]
        are_few = len(texts) <= _FEW * len(values) or _stand_for_none(values, texts)
        if len(values) >= _SOME_VALUES and texts and are_few:
            found[at] = ("numbers" if usual is are_numbers else "dates", texts)
    if found:
        at, (among, ((line, text), *others)) = next(iter(found.items()))
        yield file.warning(
            "rare-text",
            line=line,
            column=file.column(at),
            value=text,
            others=others,
            among=among,
            columns=[file.column(each) for each in found],
            total=len(found),
        )


def _begins_with_values(table: ReadResult, at: int) -> bool:
    """Return whether a column of text begins with numbers or dates."""
    if at in table.columns.broken:
        return True
    first = [row[at] for row in table.oddities.rows[:_FIRST_ROWS] if at < len(row) and row[at]]
    usual = sum(is_number(value) or form_of(value) is not None for value in first)
    return len(first) > _FEWEST and usual * 2 > len(first)


def _stand_for_none(values: Sequence[tuple[int, str]], texts: Sequence[tuple[int, str]]) -> bool:
    """Return whether texts among many different numbers or dates are the same few words, without a digit."""
    words = {text for _, text in texts}
    others = {value for _, value in values} - words
    return len(words) <= _FEW_WORDS < len(others) / 10 and not any(map(str.isdigit, "".join(words)))


def _are_open_years(found: NumberFacts) -> bool:
    """Return whether what looks like trailing minuses stands behind years, of ranges without an end."""
    return found.notations == (Notation.TRAILING_MINUS,) and all(
        _OPEN_YEAR.fullmatch(each.value) for each in found.written
    )


def numbers(file: DataFile) -> Iterator[Finding]:
    """Numbers are written as plain numbers, and missing ones as nothing at all."""
    # The target is judged on its own: as one of numbers, or compared with the training data's.
    skipped = file.table.roles.target if target.is_refused(file) or not file.training else None
    deviating = {
        at: found
        for at, found in file.table.columns.numbers.items()
        if at != skipped and not _are_open_years(found)
    }
    written = {at: found for at, found in deviating.items() if found.written}
    if written:
        at, found = next(iter(written.items()))
        first, *others = found.written
        yield file.warning(
            "number-notation",
            line=first.line,
            column=file.column(at),
            value=file.text(first.value),
            others=file.texts(others),
            notations=list(dict.fromkeys(each for found in written.values() for each in found.notations)),
            columns=[file.column(each) for each in written],
            total=len(written),
        )
    dates = file.table.columns.dates.items()
    markers = {at: found.markers for at, found in deviating.items() if not found.written}
    markers |= {at: found.markers for at, found in dates if at != skipped}
    marked = {at: left for at, found in markers.items() if (left := target.without_remains(file, found))}
    if target.marker_classes(file):  # of which the rules about the target tell
        marked = {at: found for at, found in marked.items() if at != file.table.roles.target}
    if marked:
        at, (first, *others) = min(marked.items())
        yield file.warning(
            "missing-value-marker",
            line=first.line,
            among="dates" if at in file.table.columns.dates else "numbers",
            column=file.column(at),
            value=file.text(first.value),
            others=file.texts(others),
            columns=[file.column(each) for each in marked],
            total=len(marked),
        )
