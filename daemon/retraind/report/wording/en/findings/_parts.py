"""Parts of sentences about findings."""

from collections.abc import Iterable

from retraind.report.wording.en._parts import count, quoted

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
DELIMITERS = {",": "commas", "\t": "tabs", ";": "semicolons", "|": "vertical bars"}


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
