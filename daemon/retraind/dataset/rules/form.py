"""Rules about a file's form: what kind of file it is, its encoding, its column names."""

from collections import Counter
from collections.abc import Iterator

from retraind.dataset.findings import Finding, listing, plural, quote
from retraind.dataset.reader.encoding import HEAD_BYTES, BadByte
from retraind.dataset.reader.examples import SHOWN
from retraind.dataset.reader.table import DELIMITERS, OTHER_DELIMITERS, Reading
from retraind.dataset.rules.context import (
    ENCODING,
    FEW_ROWS,
    FORMAT,
    MANY_COLUMNS,
    ONE_COLUMN,
    RAGGED,
    SAME_NAME,
    Case,
)

MIN_COLUMNS = 2
MAX_COLUMNS, MAX_COLUMNS_TIME_SERIES = 999, 200

_DELIMITER_NAMES = {b",": "commas", b"\t": "tabs", b";": "semicolons", b"|": "vertical bars"}
_KINDS = {".csv": "comma-separated", ".tsv": "tab-separated"}


def content(case: Case) -> Iterator[Finding]:
    """Text in a .csv or .tsv file, not something else under that name."""
    table = case.table
    if table.foreign is not None:
        yield case.error(
            "not-text",
            f"the file is {table.foreign}, not {_KINDS.get(table.suffix, 'comma- or tab-separated')} text.",
            "save or export the table as CSV (UTF-8) and deliver that file.",
            service=FORMAT,
        )
    elif table.suffix not in DELIMITERS:
        ending = f"the extension {quote(table.suffix)}" if table.suffix else "no extension"
        yield case.error(
            "unsupported-extension",
            f"the file has {ending}; the service takes .csv (commas) and .tsv (tabs).",
            "deliver the file as .csv or .tsv, according to what separates its columns.",
            service=FORMAT,
        )


def encoding(case: Case) -> Iterator[Finding]:
    """UTF-8 with its mark, ASCII, or Shift_JIS that shows itself early."""
    table = case.table
    told = table.encoding
    if table.utf16:
        yield case.error(
            "utf-16",
            'the text is in UTF-16 (some programs call it "Unicode text").',
            f"save the file as UTF-8 with BOM and {case.again}.",
            service=ENCODING,
        )
    elif told.name == "unknown":
        yield _undecodable(case)
    elif told.name == "utf-8":
        yield case.warning(
            "utf-8-without-mark",
            "the text is UTF-8 without a byte order mark (BOM) and not all ASCII; the service promises to read "
            "UTF-8 only with the mark.",
            "write the file as UTF-8 with BOM (in Python: encoding utf-8-sig).",
            service=ENCODING,
        )
    elif told.name == "shift_jis" and told.ascii_head:
        yield case.warning(
            "shift-jis-shows-late",
            f"the text is Shift_JIS, but its first {HEAD_BYTES:,} bytes are plain ASCII; the service looks only at "
            "these and may misread the rest.",
            "write the file as UTF-8 with BOM, or give a column a Japanese name.",
            service=ENCODING,
        )


def _undecodable(case: Case) -> Finding:
    told = case.table.encoding
    reasons = [
        f"not {name} ({_bad_byte(bad)})"
        for name, bad in (("UTF-8", told.not_utf8), ("Shift_JIS", told.not_shift_jis))
        if bad is not None
    ]
    bad_bytes = [bad for bad in (told.not_utf8, told.not_shift_jis) if bad is not None]
    likelier = max(bad_bytes, key=lambda bad: bad.offset)  # the encoding that fitted longer
    mark = "the file starts with the mark of UTF-8, but the text is " if told.marked else "the text is "
    return case.error(
        "encoding",
        f"{mark}{' and '.join(reasons)}.",
        f"save the file as UTF-8 with BOM and {case.again}; if only single lines are damaged, mend them in the "
        "source.",
        service=ENCODING,
        line=likelier.line,
    )


def _bad_byte(bad: BadByte) -> str:
    return f"byte 0x{bad.value:02X} in line {bad.line}, {bad.offset:,} bytes from the start"


def nul_bytes(case: Case) -> Iterator[Finding]:
    """No NUL bytes: text has none."""
    if (nul := case.table.nul) is not None:
        yield case.error(
            "nul-bytes",
            f"this line holds a NUL byte, {nul.offset:,} bytes from the start of the file "
            f"({plural(nul.count, 'NUL byte')} in all); text has none, so the file is probably damaged or was "
            "not written to its end.",
            "export the file again, as UTF-8 with BOM, and deliver the new one.",
            service=FORMAT,
            line=nul.line,
        )


def header(case: Case) -> Iterator[Finding]:
    """A first row with at least two, and not too many, column names."""
    table = case.table
    limit = MAX_COLUMNS_TIME_SERIES if case.time_series else MAX_COLUMNS
    if table.empty:
        size = table.facts.bytes if table.facts is not None else 0
        yield case.error(
            "empty-file",
            "the file holds empty lines only." if size else "the file is empty (0 bytes).",
            f"look whether the export ran to its end, and {case.again}.",
            service=FEW_ROWS,
        )
    elif not table.header and not table.whole:
        return
    elif table.width == 0:
        yield case.error(
            "blank-header",
            "the first line is empty; the service takes the first row for the column names.",
            f"remove the empty lines above the column names and {case.again}.",
            service=ONE_COLUMN,
            line=1,
        )
    elif separator_line(table):
        yield case.error(
            "separator-line",
            "the first line, which tells Excel what separates the columns, is no header; the service takes the first "
            "row for the column names.",
            f"remove this line and {case.again}.",
            service=RAGGED,
            line=1,
        )
    elif table.width < MIN_COLUMNS:
        yield _one_column(case)
    elif table.width > limit:
        mode = " in time-series mode" if case.time_series else ""
        yield case.error(
            "too-many-columns",
            f"the header has {table.width:,} columns; the service takes at most {limit}{mode}.",
            "leave out columns that the model does not need.",
            service=MANY_COLUMNS,
            line=1,
        )


def separator_line(table: Reading) -> bool:
    """Tell whether the first row is the line by which Excel is told what separates the columns, and no header."""
    return [name.lower() for name in table.header] == [b"sep=", b""]


def other_delimiter(table: Reading) -> bytes | None:
    """Return what evidently separates the columns of a file whose header is one column; None when nothing does."""
    if table.width != 1 or table.facts is None or not table.header:
        return None
    counts = {
        delimiter: table.header[0].count(delimiter)
        for delimiter in OTHER_DELIMITERS
        if delimiter != table.facts.delimiter.encode("ascii")
    }
    likely = max(counts, key=counts.__getitem__)
    return likely if counts[likely] else None


def _one_column(case: Case) -> Finding:
    table = case.table
    kind = _KINDS.get(table.suffix, "comma-separated")
    name = quote(table.text(table.header[0]))
    other = other_delimiter(table)
    if other is None:
        message = f"the header has one column only ({name}); the service needs at least two."
        remedy = f"look whether the export left out columns, and {case.again}."
    else:
        message = (
            f"the header is one column only when read as {kind} ({name}); its columns are evidently separated by "
            f"{_DELIMITER_NAMES[other]}."
        )
        fitting = next((suffix for suffix, delimiter in DELIMITERS.items() if delimiter == other), None)
        remedy = f"deliver the file with the extension {fitting}, or" if fitting else "export the file"
        remedy += f" with {_DELIMITER_NAMES[DELIMITERS.get(table.suffix, b',')]} between the columns."
        if fitting:
            remedy = remedy.replace("or with", "or export it with")
    return case.error("one-column", message, remedy, service=ONE_COLUMN, line=1)


def column_names(case: Case) -> Iterator[Finding]:
    """All names different, and at most one empty. Names that differ in case or in blanks count as different."""
    counts = Counter(case.table.header)
    empty = counts.pop(b"", 0)
    repeated = [name for name, count in counts.items() if count > 1]
    if case.table.width < MIN_COLUMNS or separator_line(case.table):
        return
    if repeated:
        first = case.table.text(repeated[0])
        names = listing(
            [f"{quote(case.table.text(name))} {counts[name]} times" for name in repeated[:SHOWN]],
            len(repeated),
        )
        yield case.error(
            "duplicate-columns",
            f"column names occur more than once: {names}.",
            "give each column a name of its own.",
            service=SAME_NAME,
            line=1,
            column=first,
        )
    if empty:
        places = [str(at) for at, name in enumerate(case.table.header, start=1) if not name]
        where = f"{'columns' if empty > 1 else 'column'} {listing(places[:SHOWN], empty)}"
        if empty > 1:
            yield case.error(
                "empty-column-names",
                f"{empty} columns have no name: {where}. The service allows one at most.",
                "name these columns, or remove them: a delimiter at the end of each line makes such a column.",
                service=SAME_NAME,
                line=1,
                column=int(places[0]),
            )
        else:
            yield case.warning(
                "empty-column-name",
                f"{where} has no name; the service allows one such column.",
                "name the column, or remove it if it is an index that was exported by mistake.",
                line=1,
                column=int(places[0]),
            )
