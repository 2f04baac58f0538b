"""The service's rules for data, one function each, and their wording. Reads no files: table.py did.

A rule takes what is known of one file, or of both, and yields findings. The service's own messages are those of the
manual of Prediction One; what it leaves open is said where it is decided.
"""

from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass

from retraind.bundle.columns import FEW_NUMBERS, MAX_CLASSES, Odd
from retraind.bundle.encoding import HEAD_BYTES, BadByte
from retraind.bundle.few import SHOWN
from retraind.bundle.findings import Finding, Severity, listing, others, plural, quote, show
from retraind.bundle.table import DELIMITERS, OTHER_DELIMITERS, Reading, TableFacts

FORMAT = "not in a supported file format"
ENCODING = "character encoding is not supported"
SAME_NAME = "multiple variables with the same name"
ONE_COLUMN = "only one variable"
MANY_COLUMNS = "too many variables"
RAGGED = "rows with a different number of variables"
FEW_ROWS = "insufficient data"
NOT_EQUAL = "the variables in the training data and evaluation data must match exactly"
TARGET = "unavailable prediction type"
DATES = "date and time not within the supported period"

MIN_COLUMNS = 2
MAX_COLUMNS, MAX_COLUMNS_TIME_SERIES = 999, 200
MIN_ROWS = 11
ADVISED_ROWS, ADVISED_ROWS_TIME_SERIES = (100, 1_000_000), (20, 10_000)
SAMPLE_ROWS = 1_000

_DELIMITER_NAMES = {b",": "commas", b"\t": "tabs", b";": "semicolons", b"|": "vertical bars"}
_KINDS = {".csv": "comma-separated", ".tsv": "tab-separated"}


@dataclass(frozen=True, slots=True)
class Case:
    """One file and what is known about its part in the delivery."""

    table: Reading
    training: bool  # False: the evaluation file
    time_series: bool = False
    target: str | None = None
    previous: TableFacts | None = None

    def error(
        self,
        rule: str,
        message: str,
        remedy: str,
        *,
        service: str | None = None,
        line: int | None = None,
        column: str | int | None = None,
    ) -> Finding:
        """Return a finding that stops the delivery."""
        return Finding(
            Severity.ERROR, rule, show_name(self.table.name), line, column, message, service, remedy
        )

    def warning(
        self,
        rule: str,
        message: str,
        remedy: str,
        *,
        service: str | None = None,
        line: int | None = None,
        column: str | int | None = None,
    ) -> Finding:
        """Return a finding that people are told of."""
        return Finding(
            Severity.WARNING, rule, show_name(self.table.name), line, column, message, service, remedy
        )

    def column(self, index: int) -> str | int:
        """Return a column's name, or its place from 1 when it has none."""
        return self.table.text(self.table.header[index]) or index + 1


def show_name(name: str) -> str:
    """Return a file's name in full, control characters escaped."""
    return "".join(char if char.isprintable() else repr(char)[1:-1] for char in name)


def _column_phrase(column: str | int) -> str:
    return f"column {column}" if isinstance(column, int) else f"column {quote(column)}"


def _both(case: Case) -> str:
    return "deliver both files again" if not case.training else "deliver again"


# What kind of file it is ------------------------------------------------------------------------------------


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
            "save the file as UTF-8 with BOM and deliver it again.",
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
    mark = "the file starts with the mark of UTF-8, but the text is " if len(reasons) == 1 else "the text is "
    return case.error(
        "encoding",
        f"{mark}{' and '.join(reasons)}.",
        "save the file as UTF-8 with BOM and deliver it again; if only single lines are damaged, mend them in the "
        "source.",
        service=ENCODING,
        line=max(
            bad_bytes, key=lambda bad: bad.offset
        ).line,  # the likelier encoding is the one that went further
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
            "export the file again and deliver the new one.",
            service=FORMAT,
            line=nul.line,
        )


# The header -------------------------------------------------------------------------------------------------


def header(case: Case) -> Iterator[Finding]:
    """A first row with at least two, and not too many, column names."""
    table = case.table
    limit = MAX_COLUMNS_TIME_SERIES if case.time_series else MAX_COLUMNS
    if table.empty:
        size = table.facts.bytes if table.facts is not None else 0
        yield case.error(
            "empty-file",
            "the file holds empty lines only." if size else "the file is empty (0 bytes).",
            "look whether the export ran to its end, and deliver the file again.",
            service=FEW_ROWS,
        )
    elif not table.header:
        return
    elif table.width == 0:
        yield case.error(
            "blank-header",
            "the first line is empty; the service takes the first row for the column names.",
            "remove the empty lines above the column names and deliver the file again.",
            service=ONE_COLUMN,
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
        remedy = "look whether the export left out columns, and deliver the file again."
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
    if case.table.width < MIN_COLUMNS:
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


# The rows ---------------------------------------------------------------------------------------------------


def quotes(case: Case) -> Iterator[Finding]:
    """Each opening quote has its closing one, and no record is without an end."""
    table = case.table
    if table.unclosed_line is not None:
        yield case.error(
            "unclosed-quote",
            "a quote opens in this line and is not closed before the end of the file, so everything after it is "
            "one value.",
            'close the quote; a quote inside a value is written twice (""). If the file ends in the middle of a '
            "row, export it again.",
            service=RAGGED,
            line=table.unclosed_line,
        )
    if table.too_long is not None:
        quote_line = table.too_long.quote_line
        cause = (
            "it looks as if the file has no line breaks, or is no table at all."
            if quote_line is None
            else f"a quote opens in line {quote_line:,} and is not closed for so long."
        )
        yield case.error(
            "record-too-long",
            f"the row that starts here is longer than any row can sensibly be (64 MiB), so reading stopped: {cause}",
            "close the quote, or export the file again with one row per line.",
            service=RAGGED,
            line=table.too_long.line,
        )


def ragged(case: Case) -> Iterator[Finding]:
    """Every row has the header's number of columns.

    An empty line between rows counts as a row without columns: whether the service skips it is left open. One empty
    line at the end of the file is what many programs write and is let pass.
    """
    table = case.table
    if not table.ragged or table.width == 0 or other_delimiter(table) is not None:
        return
    first, *rest = table.ragged.first
    count = table.ragged.count
    this = f"has {plural(first.width, 'column')}" if first.width else "is empty"
    message = f"this row {this} where the header has {table.width:,}"
    remedy = "correct these rows in the source" if count > 1 else "correct this row in the source"
    if table.same_width and count > 1:
        message += f", and so it is with each of the {count:,} rows"
        remedy = "look whether the lines end with a delimiter too many or too few, or the header lacks a name"
    else:
        message += others(
            (
                f"line {row.line:,} with {row.width:,}" if row.width else f"line {row.line:,}, empty"
                for row in rest
            ),
            count,
            "row",
        )
    yield case.error(
        "ragged-rows",
        f"{message}.",
        f"{remedy}, and deliver the file again.",
        service=RAGGED,
        line=first.line,
    )


def row_count(case: Case) -> Iterator[Finding]:
    """Enough rows to train, or any to evaluate with; and not far from what the service advises."""
    table = case.table
    if not table.whole or table.empty or table.width == 0:
        return
    low, high = ADVISED_ROWS_TIME_SERIES if case.time_series else ADVISED_ROWS
    rows = (
        f"there is a header but no row of data"
        if not table.rows
        else f"there are {plural(table.rows, 'row')}"
    )
    if not case.training:
        if not table.rows:
            yield case.error(
                "evaluation-empty",
                f"{rows}, so there is nothing to evaluate the model with.",
                "deliver both files again, with rows in the evaluation file.",
                service=FEW_ROWS,
            )
    elif table.rows < MIN_ROWS:
        yield case.error(
            "too-few-rows",
            f"{rows}; the service needs at least {MIN_ROWS} to train.",
            "look whether the export ran to its end, and deliver the file again.",
            service=FEW_ROWS,
        )
    elif not low <= table.rows <= high:
        yield case.warning(
            "row-count",
            f"{rows}; the service advises {low:,} to {high:,}.",
            "deliver more rows if there are any."
            if table.rows < low
            else "deliver fewer rows, for example the latest.",
        )


# The values -------------------------------------------------------------------------------------------------


def _also(case: Case, rest: list[Odd]) -> Iterator[str]:
    return (f"line {odd.line:,} {quote(case.table.text(odd.value))}" for odd in rest)


def empty_columns(case: Case) -> Iterator[Finding]:
    """A column without any value is allowed, and hardly ever meant."""
    table = case.table
    empty = table.columns.empty
    if not empty or not table.rows or table.ragged.count >= table.rows:
        return
    names = [_column_phrase(case.column(at)) for at in empty[:SHOWN]]
    have = "has no value in any row" if len(empty) == 1 else "have no value in any row"
    yield case.warning(
        "empty-column",
        f"{listing(names, len(empty))} {have}.",
        "look whether the source still fills this."
        if len(empty) == 1
        else "look whether the source still fills these.",
        column=case.column(empty[0]),
    )


def dates(case: Case) -> Iterator[Finding]:
    """Dates within the period that the service takes, in columns whose first values all are dates (Y-M-D, Y/M/D)."""
    for at, odd in case.table.columns.dates.items():
        if not odd:
            continue
        first, *rest = odd.first
        yield case.warning(
            "date-range",
            f"{_column_phrase(case.column(at))} holds the date {quote(case.table.text(first.value))} here, and the "
            f"service takes 1970-01-01 to 3999-12-31{others(_also(case, rest), odd.count, 'row')}.",
            "leave unknown dates empty.",
            service=DATES,
            line=first.line,
            column=case.column(at),
        )


def target(case: Case) -> Iterator[Finding]:
    """The target column is there, and its classes are not too many and show themselves in the first 1,000 rows.

    A numeric target with few different values may be meant as classes; with more it is taken for a quantity.
    """
    if case.target is None or case.table.width == 0:
        return
    name = quote(case.target)
    facts = case.table.columns.target
    if not case.table.target_found:
        yield case.error(
            "target-missing",
            f"the column {name}, which the model is to predict, is not among the columns.",
            "deliver the file with this column, or correct the target's name in the configuration.",
            service=TARGET,
            line=1,
            column=case.target,
        )
        return
    if facts is None:
        return
    if facts.text is not None and facts.classes > MAX_CLASSES:
        yield case.error(
            "too-many-classes",
            f"the target column {name} holds text ({quote(case.table.text(facts.text.value))} here) and so is read as "
            f"classes, of which it has more than {MAX_CLASSES}.",
            "if it is meant to be a number, leave unknown values empty; otherwise join rare classes.",
            service=TARGET,
            line=facts.text.line,
            column=case.target,
        )
    elif facts.late and case.training and (facts.text is not None or facts.classes <= FEW_NUMBERS):
        first, *rest = facts.late.first
        yield case.warning(
            "late-class",
            f"the class {quote(case.table.text(first.value))} of the target column {name} appears here for the first "
            f"time{others(_also(case, rest), facts.late.count, 'class').replace('classs', 'classes')}; the service "
            f"wants all classes within the first {SAMPLE_ROWS:,} rows.",
            "shuffle the rows before the export.",
            service=TARGET,
            line=first.line,
            column=case.target,
        )


# Against the other file and the last delivery ---------------------------------------------------------------


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
    file = show_name(theirs.name)
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
    if facts.columns != previous.columns:
        difference = _difference(facts.columns, previous.columns)
        how = f"this file {difference}" if difference else "the columns stand in another order"
        yield case.warning(
            "columns-changed",
            f"compared with the last delivery ({show_name(previous.name)}) {how}.",
            "look whether this was meant: the retrained model may expect other columns than its callers send.",
            line=1,
        )
    if case.table.whole and facts.rows * 2 <= previous.rows:
        yield case.warning(
            "rows-halved",
            f"the number of rows fell from {previous.rows:,} in the last delivery ({show_name(previous.name)}) to "
            f"{facts.rows:,}.",
            "look whether the export ran to its end.",
        )


RULES: tuple[Callable[[Case], Iterator[Finding]], ...] = (
    content,
    encoding,
    nul_bytes,
    header,
    column_names,
    quotes,
    ragged,
    row_count,
    empty_columns,
    dates,
    target,
    since_last,
)
"""The rules for one file, in the order in which people should read of them."""

STOP_AT_CONTENT: tuple[Callable[[Case], Iterator[Finding]], ...] = (content, encoding)
"""The rules for a file that was not read because it is no text, or not in a known encoding."""
