"""Parts of sentences about findings."""

from collections.abc import Iterable

from retraind.report.wording.en._parts import count, listing, quoted, sentence

KINDS = {
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
FORMATS = {".csv": "comma-separated", ".tsv": "tab-separated"}
DELIMITED = {",": "comma-separated", "\t": "tab-separated"}
DELIMITERS = {",": "commas", "\t": "tabs", ";": "semicolons", "|": "vertical bars", " ": "spaces"}


def delimiter_name(delimiter: str) -> str:
    return DELIMITERS.get(delimiter) or quoted(delimiter)


def deliver(paired: bool, file: str = "the file") -> str:
    return f"deliver {'both files' if paired else file} again"


def column_name(column: str | int) -> str:
    return f"column {column}" if isinstance(column, int) else f"column {quoted(column)}"


def also(others: Iterable[str], total: int, noun: str) -> str:
    """Return the parenthesis with further places: (also line 44, line 91; 3 rows in total)."""
    also = ", ".join(others)
    return f" (also {also}; {total:,} {noun} in total)" if also else ""


def located(values: Iterable[tuple[int, str]]) -> Iterable[str]:
    return (f"line {line:,} {quoted(value)}" for line, value in values)


def rows_found(rows: int) -> str:
    return f"The file has {count(rows, 'row')}" if rows else "The file has a header but no rows of data"


def also_lines(others: Iterable[tuple[int, str]]) -> str:
    """Return the parenthesis with further values: (also line 44 "NA", line 91 "-")."""
    found = ", ".join(located(others))
    return f" (also {found})" if found else ""


def other_columns(columns: tuple[str | int, ...], total: int) -> str:
    """Return what is said of the columns beside the first one."""
    if total <= 1:
        return ""
    names = listing(
        [quoted(name) if isinstance(name, str) else f"{name:,}" for name in columns[1:]], total - 1
    )
    return f"; so {'does' if total == 2 else 'do'} {count_only(total - 1, 'column')} {names}"  # noqa: PLR2004


def count_only(number: int, noun: str) -> str:
    """Return a noun in the number of what follows."""
    return noun if number == 1 else f"{noun}s"


_AS_PLAIN = {
    "trailing-minus": 'put the minus in front ("-12.5")',
    "other-minus": 'write the minus as "-"',
    "parentheses": 'write negative numbers with a minus in front ("-12.5")',
    "apostrophe": "omit the apostrophe",
    "thousands": 'omit the thousands separators ("1234")',
    "currency": "omit the currency symbol",
    "percent": "omit the percent sign",
    "decimal-comma": 'write a decimal point ("1.5")',
    "multiplier": 'write numbers in full ("12000" for "1.2万")',
    "flag": "omit the characters after the numbers",
    "blank": "omit the spaces (full-width, no-break, or after a sign)",
    "full-width": 'write half-width (ASCII) digits ("12")',
}


def as_plain_numbers(notations: tuple[str, ...]) -> str:
    """Return what to do so that values become plain numbers."""
    steps = [_AS_PLAIN[each] for each in notations if each in _AS_PLAIN]
    return sentence(listing(steps)) if steps else "Write plain numbers"
