"""What preflight finds in data files. A finding's line and column are facts as well.

Values of a file are shown in quotes, shortened and escaped.
"""

from collections.abc import Iterable, Sequence

from retraind.report.wording.en._parts import count, listing, quoted, sentence, shortened
from retraind.report.wording.words import Name, Words

_KINDS = {
    "office": "an Excel workbook or another Office file",
    "old-office": "an Excel workbook or another old Office file",
    "zip": "a zip archive",
    "empty-zip": "an empty zip archive",
    "gzip": "a gzip-compressed file",
    "bzip2": "a bzip2-compressed file",
    "xz": "an xz-compressed file",
    "zstd": "a zstd-compressed file",
    "7z": "a 7-Zip archive",
    "parquet": "a Parquet file",
    "arrow": "an Arrow file",
    "sqlite": "an SQLite database",
    "pdf": "a PDF document",
}
_FORMATS = {".csv": "comma-separated", ".tsv": "tab-separated"}
_DELIMITED = {",": "comma-separated", "\t": "tab-separated"}
_DELIMITERS = {",": "commas", "\t": "tabs", ";": "semicolons", "|": "vertical bars"}


def _delimiter(delimiter: str) -> str:
    return _DELIMITERS.get(delimiter) or quoted(delimiter)


def _deliver(paired: bool, file: str = "the file") -> str:
    return f"deliver {'both files' if paired else file} again"


def _column(column: str | int) -> str:
    return f"column {column}" if isinstance(column, int) else f"column {quoted(column)}"


def _also(others: Iterable[str], total: int, noun: str) -> str:
    """Return the parenthesis with further places: (also line 44, line 91; 3 rows in total)."""
    also = ", ".join(others)
    return f" (also {also}; {total:,} {noun} in total)" if also else ""


def _values(values: Iterable[tuple[int, str]]) -> Iterable[str]:
    return (f"line {line:,} {quoted(value)}" for line, value in values)


# The file as text


def not_text(kind: str, extension: str, paired: bool) -> Words:
    expected = _FORMATS.get(extension, "comma- or tab-separated")
    return Words(
        f"The file is {_KINDS.get(kind, 'a binary file')}, not {expected} text.",
        f"Save or export the table as CSV (UTF-8), and {_deliver(paired, 'it')}.",
    )


def unsupported_extension(extension: str, paired: bool) -> Words:
    found = f"the extension {quoted(extension)}" if extension else "no extension"
    return Words(
        f"The file has {found}; the service accepts .csv (commas) and .tsv (tabs).",
        f"Name the file .csv or .tsv according to its delimiter, and {_deliver(paired, 'it')}.",
    )


def utf_16(paired: bool) -> Words:
    return Words(
        'The text is UTF-16 (some programs call it "Unicode text").',
        f"Save the file as UTF-8 with BOM, and {_deliver(paired, 'it')}.",
    )


def encoding(
    has_bom: bool,
    not_utf8: tuple[int, int, int] | None,
    not_shift_jis: tuple[int, int, int] | None,
    paired: bool,
) -> Words:
    """Of the first byte that is invalid in an encoding there are the line, the offset and the value."""
    reasons = [
        f"{name} (byte 0x{bad[2]:02X} in line {bad[0]:,}, offset {bad[1]:,})"
        for name, bad in (("UTF-8", not_utf8), ("Shift_JIS", not_shift_jis))
        if bad is not None
    ]
    found = f"neither {' nor '.join(reasons)}" if len(reasons) > 1 else f"not {''.join(reasons) or 'UTF-8'}"
    start = (
        "The file starts with the byte order mark (BOM) of UTF-8, but the text is"
        if has_bom
        else "The text is"
    )
    return Words(
        f"{start} {found}.",
        f"Save the file as UTF-8 with BOM, and {_deliver(paired, 'it')}. If only some lines are damaged, "
        "fix them in the source.",
    )


def utf_8_without_mark(added: bool) -> Words:
    """`added`: the service gets the text with the mark."""
    if added:
        return Words(
            "The text is UTF-8 without a byte order mark (BOM). The service receives it with a BOM; the "
            "file itself does not change."
        )
    return Words(
        "The text is UTF-8 without a byte order mark (BOM) and contains characters other than ASCII; the "
        "service guarantees UTF-8 support only with a BOM.",
        "Write the file as UTF-8 with BOM (in Python: encoding utf-8-sig).",
    )


def shift_jis_shows_late(first_bytes: int) -> Words:
    return Words(
        f"The text is Shift_JIS, but its first {first_bytes:,} bytes are plain ASCII. The service detects "
        "the encoding from these only, and may misread the rest.",
        "Write the file as UTF-8 with BOM, or give a column a Japanese name.",
    )


def nul_bytes(offset: int, total: int, paired: bool) -> Words:
    return Words(
        f"This line contains a NUL byte at offset {offset:,} ({count(total, 'NUL byte')} in the file). Text "
        "contains no NUL bytes, so the file is probably damaged or was not written completely.",
        f"Export the file again as UTF-8 with BOM, and {_deliver(paired, 'it')}.",
    )


# The header


def empty_file(size: int, paired: bool) -> Words:
    return Words(
        f"The file contains no data, only line breaks or a byte order mark ({count(size, 'byte')})."
        if size
        else "The file is empty (0 bytes).",
        f"Check that the export ran to completion, and {_deliver(paired)}.",
    )


def blank_header(paired: bool) -> Words:
    return Words(
        "The first line is empty; the service reads the column names from the first row.",
        f"Remove the empty lines above the column names, and {_deliver(paired)}.",
    )


def separator_line(paired: bool) -> Words:
    return Words(
        "The first line tells Excel which delimiter to use; the service reads the column names from the "
        "first row.",
        f"Remove this line, and {_deliver(paired)}.",
    )


def one_column(
    name: str, delimiter: str, other_delimiter: str | None, other_extension: str | None, paired: bool
) -> Words:
    """`delimiter` is the expected one; `other_delimiter`, if any, is evidently used instead."""
    again = _deliver(paired)
    if other_delimiter is None:
        return Words(
            f"The header has only one column ({quoted(name)}); the service requires at least two.",
            f"Check whether the export omitted columns, and {again}.",
        )
    return Words(
        f"The header has only one column when read as {_DELIMITED.get(delimiter, 'text')} ({quoted(name)}); "
        f"its columns are evidently separated by {_delimiter(other_delimiter)}.",
        f"Change the extension of the file to {shortened(other_extension)}, or export the file with "
        f"{_delimiter(delimiter)} between the columns, and {again}."
        if other_extension
        else f"Export the file with {_delimiter(delimiter)} between the columns, and {again}.",
    )


def too_many_columns(columns: int, limit: int, time_series: bool, paired: bool) -> Words:
    mode = " in time-series mode" if time_series else ""
    return Words(
        f"The header has {count(columns, 'column')}; the service accepts at most {limit:,}{mode}.",
        f"Omit columns that the model does not need, and {_deliver(paired)}.",
    )


def duplicate_columns(names: tuple[tuple[str, int], ...], total: int, paired: bool) -> Words:
    """`names` are the first of `total`, each with the number of its occurrences."""
    repeated = [f"{quoted(name)} ({times:,} times)" for name, times in names]
    return Words(
        f"Column names are repeated: {listing(repeated, total)}.",
        f"Give each column a unique name, and {_deliver(paired)}.",
    )


def empty_column_names(places: tuple[int, ...], total: int, paired: bool) -> Words:
    """`places` are those of the first of `total`, from 1."""
    columns = listing([f"{place:,}" for place in places], total)
    return Words(
        f"{count(total, 'column')} have no name: columns {columns}. The service accepts at most one.",
        f"Name these columns or remove them, and {_deliver(paired)}. A delimiter at the end of each line "
        "adds such a column.",
    )


def empty_column_name(column: int) -> Words:
    return Words(
        f"Column {column:,} has no name; the service accepts one such column.",
        "Name the column, or remove it if it is an index that was exported by mistake.",
    )


# Rows


def unclosed_quote(paired: bool) -> Words:
    return Words(
        "A quote opens in this line and is not closed before the end of the file, so everything after it "
        "is one value.",
        f'Close the quote, and {_deliver(paired)}. A quote inside a value is written as two quotes (""). '
        "If the file ends in the middle of a row, export it again.",
    )


def header_too_long(limit: int, quote_line: int | None, paired: bool) -> Words:
    """`limit` is in bytes; `quote_line` is where a quote opens, if that is the cause."""
    cause = (
        "The file seems to have no line breaks, or is not a table."
        if quote_line is None
        else f"A quote opens in line {quote_line:,} and is not closed."
    )
    fix = "Export the file with one row per line" if quote_line is None else "Close the quote"
    return Words(
        f"The first row, which has the column names, is longer than {limit / 2**20:,g} MiB, so the rest of "
        f"the file was not read. {cause}",
        f"{fix}, and {_deliver(paired)}.",
    )


def ragged_rows(
    *,
    columns: int,
    expected: int,
    others: tuple[tuple[int, int], ...],
    total: int,
    all_rows: bool,
    paired: bool,
) -> Words:
    """`columns` is 0 for an empty line. `others` are the next of `total` rows: the line, the columns."""
    if all_rows and total > 1:
        return Words(
            f"Each of the {total:,} rows has {count(columns, 'column')}, but the header has {expected:,}.",
            "Check whether the lines end with a missing or an extra delimiter, or the header lacks a name, "
            f"and {_deliver(paired)}.",
        )
    this = (
        f"This row has {count(columns, 'column')}, but the header has {expected:,}"
        if columns
        else f"This line is empty, but the header has {count(expected, 'column')}"
    )
    also = (f"line {line:,} with {found or 'none'}" for line, found in others)
    return Words(
        f"{this}{_also(also, total, 'rows')}.",
        f"Correct {'these rows' if total > 1 else 'this row'} in the source, and {_deliver(paired)}.",
    )


def _rows(rows: int) -> str:
    return f"The file has {count(rows, 'row')}" if rows else "The file has a header but no rows of data"


def evaluation_empty() -> Words:
    return Words(
        f"{_rows(0)}, so there is nothing to evaluate the model with.",
        "Deliver both files again, with rows in the evaluation file.",
    )


def too_few_rows(rows: int, minimum: int, paired: bool) -> Words:
    return Words(
        f"{_rows(rows)}; the service requires at least {minimum:,} for training.",
        f"Check that the export ran to completion, and {_deliver(paired)}.",
    )


def row_count(rows: int, low: int, high: int) -> Words:
    return Words(
        f"{_rows(rows)}; the service recommends {low:,} to {high:,}.",
        "Deliver more rows if there are any."
        if rows < low
        else "Deliver fewer rows, for example the latest.",
    )


# Values


def empty_column(columns: tuple[str | int, ...], total: int, first_rows: int | None) -> Words:
    """`columns` are the names, or else the places, of the first of `total`."""
    empty = sentence(listing([_column(column) for column in columns], total))
    rows = "any row" if first_rows is None else f"the first {count(first_rows, 'row')}"
    return Words(
        f"{empty} {'has' if total == 1 else 'have'} no value in {rows}.",
        f"Check whether the source still fills {'this column' if total == 1 else 'these columns'}.",
    )


def date_range(
    *,
    column: str | int,
    value: str,
    others: tuple[tuple[int, str], ...],
    total: int,
    first_year: int,
    last_year: int,
) -> Words:
    """`others` are the next of `total` rows: the line, the value."""
    return Words(
        f"{sentence(_column(column))} contains the date "
        f"{quoted(value)}{_also(_values(others), total, 'rows')}; the service accepts {first_year}-01-01 to "
        f"{last_year}-12-31.",
        "Leave unknown dates empty.",
    )


def target_missing(column: str, paired: bool) -> Words:
    return Words(
        f"The column {quoted(column)}, which the model predicts, is not in the file.",
        f"Add the column to the file, and {_deliver(paired)}; or correct the target's name in the "
        "configuration.",
    )


def too_many_classes(column: str, value: str, limit: int, paired: bool) -> Words:
    return Words(
        f"The target column {quoted(column)} contains text ({quoted(value)} in this line), so its values "
        f"are classes, and there are more than {limit:,} of them.",
        "If the column is meant to be numeric, leave unknown values empty; otherwise merge rare classes. "
        f"Then {_deliver(paired)}.",
    )


def late_class(
    column: str, value: str, others: tuple[tuple[int, str], ...], total: int, first_rows: int
) -> Words:
    """`others` are the next of `total` classes: the line, the name."""
    return Words(
        f"The class {quoted(value)} of the target column {quoted(column)} first appears in this line"
        f"{_also(_values(others), total, 'classes')}; the service requires all classes within the first "
        f"{count(first_rows, 'row')}.",
        "Shuffle the rows before the export.",
    )


# Comparisons


def _difference(
    missing: tuple[Sequence[str], int], extra: tuple[Sequence[str], int], columns: int, expected_columns: int
) -> str:
    """Of `missing` and `extra` columns there are the first names and the total."""
    lacks, has = (list(map(quoted, names)) for names, _ in (missing, extra))
    phrases = []
    if lacks:
        phrases.append(f"lacks {listing(lacks, missing[1])}")
    if has:
        phrases.append(f"also has {listing(has, extra[1])}")
    if not phrases:
        phrases.append(f"has {count(columns, 'column')}, not {expected_columns:,}")
    text = f"this file {' and '.join(phrases)}."
    if set(lacks) & set(has):
        text += " Names that look the same here differ in how a character is composed, or further on."
    return text


def columns_differ(
    *,
    other: Name,
    missing: tuple[str, ...],
    missing_total: int,
    extra: tuple[str, ...],
    extra_total: int,
    columns: int,
    expected_columns: int,
) -> Words:
    difference = _difference((missing, missing_total), (extra, extra_total), columns, expected_columns)
    return Words(
        f"Compared with {other}, {difference}",
        "Give both files the same columns, and deliver both files again.",
    )


def column_order(other: Name, place: int, name: str, expected: str) -> Words:
    return Words(
        f"The columns are the same as in {other}, but in another order: column {place:,} is {quoted(name)} "
        f"instead of {quoted(expected)}.",
        "Write the columns of both files in the same order, and deliver both files again.",
    )


def columns_changed(
    *,
    delivery: Name,
    missing: tuple[str, ...] = (),
    missing_total: int = 0,
    extra: tuple[str, ...] = (),
    extra_total: int = 0,
    columns: int = 0,
    expected_columns: int = 0,
) -> Words:
    """Without further facts, only the order of the columns differs."""
    difference = (
        _difference((missing, missing_total), (extra, extra_total), columns, expected_columns)
        if columns or expected_columns
        else "the columns are in another order."
    )
    return Words(
        f"Compared with the last good delivery ({delivery}), {difference}",
        "Check that this is intended: the retrained model may expect other columns than its callers send.",
    )


def rows_halved(delivery: Name, rows: int, previous_rows: int) -> Words:
    return Words(
        f"The number of rows fell from {previous_rows:,} in the last good delivery ({delivery}) to {rows:,}.",
        "Check that the export ran to completion.",
    )
