"""What joining files, or exporting them by certain programs, leaves inside a table."""

import re
from collections.abc import Iterator

from retraind.dataset.reader.examples import MAX_EXAMPLES
from retraind.dataset.reader.strays import MARK
from retraind.dataset.reader.table import ReadResult
from retraind.dataset.rules.causes.cause import Cause, everything
from retraind.dataset.rules.causes.missing_header import missing_header
from retraind.dataset.rules.causes.sample import delimiter_of, head_text
from retraind.dataset.rules.data_file import DataFile
from retraind.dataset.rules.rows import MIN_ROWS
from retraind.dataset.rules.service_messages import FEW_EVALUATION_ROWS, FEW_ROWS, RAGGED
from retraind.domain.problems import Finding, Severity

HEADER_RULES = frozenset({"target-missing", "columns-changed", "columns-differ", "column-order"})
"""Findings that follow from a name that is read wrongly."""

_DASHES = re.compile(r"-+")
_RULE_LINE = re.compile(r"[-+|=\s,;]+")
_ROWS_LINE = re.compile(
    r"\W{0,2}\d[\d,.]*\s*(rows?|records?|lines?|行|件|レコード)[^,\t;|]{0,60}|completion time: .*",
    re.IGNORECASE,
)
_MARK_TWICE_ENCODED = "\u00ef\u00bb\u00bf".encode()
"""A mark that a program has taken for three characters."""
_NOTE = re.compile(r"[※#*＊]|注[)）:：]|出典|(note|source|copyright|total|report)\b", re.IGNORECASE)  # noqa: RUF001
_CTRL_Z = b"\x1a"
_BLANK_SHARE = 0.1
_LAST_LINES = 3


def marks(file: DataFile) -> Iterator[Cause]:
    """U+FEFF stands at the start of the file only, and only once."""
    table = file.table
    found = table.oddities
    in_header = bool(table.header) and table.header[0].startswith((MARK, _MARK_TWICE_ENCODED))
    if table.encoding.name == "shift_jis" or not (found.marks or in_header):
        return
    lines = ([1] if in_header else []) + found.marked_rows.first
    repeated = set(found.headers.first)
    if lines:
        finding = file.error(
            "second-mark",
            line=lines[0],
            in_header=in_header,
            has_bom=table.encoding.has_bom,
            others=lines[1:],
            total=found.marked_rows.count + in_header,
            header_too=bool(repeated & set(lines)),
            paired=file.paired,
        )

        def explains(each: Finding) -> bool:
            return each.line in lines or (in_header and each.rule in HEADER_RULES)

        yield Cause(finding, explains, Severity.ERROR)
    inside = [line for line in found.marks.first if line not in lines]
    total = found.marks.count - found.marked_rows.count - in_header
    if inside and total > 0:
        finding = file.warning(
            "mark-inside", line=inside[0], others=inside[1:], total=max(total, len(inside))
        )
        yield Cause(finding, lambda _: False, Severity.WARNING)


def repeated_header(file: DataFile) -> Iterator[Cause]:
    """The header stands in the first row only."""
    found = file.table.oddities
    lines = [line for line in found.headers.first if line not in found.marked_rows.first]
    total = found.headers.count - (len(found.headers.first) - len(lines))
    if not lines or any(missing_header(file)):  # a row of data may well be repeated
        return
    finding = file.error("repeated-header", line=lines[0], others=lines[1:], total=total, paired=file.paired)

    def explains(each: Finding) -> bool:
        if each.rule == "ragged-rows":  # an empty line or a #TYPE before each of them
            above = {line - 1 for line in found.headers.first}
            rows = file.table.ragged
            return rows.count <= total and all(
                row.line in found.headers.first or (row.line in above and row.width < 2)  # noqa: PLR2004
                for row in rows.first
            )
        return each.line in lines or each.rule in {"duplicate-times", "unsorted-times"}

    yield Cause(finding, explains, Severity.ERROR)


def rule_line(file: DataFile) -> Iterator[Cause]:
    """No line of hyphens stands between the header and the rows."""
    table = file.table
    cells = [table.text(cell).strip() for cell in table.oddities.first_row]
    names = [table.text(name).strip() for name in table.header]
    as_columns = (
        len(cells) == len(names) > 1
        and all(map(_DASHES.fullmatch, cells))
        and any(len(cell) > 1 for cell in cells)
    )
    second = head_text(table).splitlines()[1:2]
    is_rule = bool(second) and "--" in second[0] and _RULE_LINE.fullmatch(second[0]) is not None
    as_text = table.width == 1 and is_rule
    as_one = (
        0 < table.ragged.count <= _LAST_LINES
        and (table.ragged.first[0].line, table.ragged.first[0].width) == (2, 1)
        and (bool(second) and _DASHES.fullmatch(second[0].strip()) is not None)
    )
    if not as_columns and not as_text and not as_one:
        return
    finding = file.error(
        "rule-line",
        line=2,
        end_line=_end_line(table),
        delimiter=delimiter_of(table),
        separated=as_columns or as_one,
        paired=file.paired,
    )
    if as_one:
        alone = table.ragged.count == 1 or _end_line(table) is not None
        yield Cause(finding, lambda each: each.rule == "ragged-rows" and alone)
    elif as_columns:
        yield Cause(finding, lambda each: _at_rule_line(each, table), Severity.ERROR)
    else:
        yield Cause(finding, everything)


def _at_rule_line(finding: Finding, table: ReadResult) -> bool:
    if finding.rule == "ragged-rows":
        return _end_line(table) is not None
    if finding.rule == "target-missing":  # names and values are padded to the width of the column
        return any(name != name.rstrip() for name in table.header)
    return finding.line == 2  # noqa: PLR2004


def rows_line(file: DataFile) -> Iterator[Cause]:
    """No line stands below the table, such as one that counts the rows, or a note."""
    if (line := _end_line(file.table)) is not None:
        text = _last_text(file.table)
    elif (note := _note_below(file.table)) is not None:
        line, text = note
    else:
        return
    finding = file.error("rows-line", service=RAGGED, line=line, text=text, paired=file.paired)
    yield Cause(finding, lambda each: each.rule == "ragged-rows")


def _last_text(table: ReadResult) -> str:
    lines = table.text(table.oddities.tail.rstrip(b"\r\n \x1a")).splitlines()
    return lines[-1].strip() if len(lines) > 1 else ""


def _end_line(table: ReadResult) -> int | None:
    """Return the line below the table that counts its rows, if nothing else is wrong with any row."""
    ragged = table.ragged
    if not 0 < ragged.count <= _LAST_LINES or any(row.width > 1 for row in ragged.first):
        return None
    counting = [row.line for row in ragged.first if row.width == 1]
    apart = ragged.first[-1].line - ragged.first[0].line >= ragged.count
    if len(counting) != 1 or apart or not _ROWS_LINE.fullmatch(_last_text(table)):
        return None
    return counting[0]


def _note_below(table: ReadResult) -> tuple[int, str] | None:
    """Return the first line below the table, and its text; an empty line or a mark sets it apart."""
    ragged, last = table.ragged, table.oddities.last_line
    if not 0 < ragged.count <= MAX_EXAMPLES or any(row.width > 1 for row in ragged.first):
        return None
    first, end = ragged.first[0].line, ragged.first[-1].line
    filled = [row.line for row in ragged.first if row.width]
    lines = table.text(table.oddities.tail).splitlines()
    if not filled or end - first >= ragged.count or end < last - 1 or last + 1 - filled[0] >= len(lines):
        return None
    text = lines[filled[0] - last - 1].strip().strip('"')
    return (filled[0], text) if first < filled[0] or _NOTE.match(text) else None


def ctrl_z(file: DataFile) -> Iterator[Cause]:
    """The file does not end with the byte that ended a text in DOS."""
    table = file.table
    tail = table.oddities.tail
    at = tail.find(_CTRL_Z)
    if at < 0 or tail[at:].strip(b"\x1a\r\n \0"):
        return
    ragged = table.ragged.first
    alone = 0 < table.ragged.count <= _LAST_LINES and ragged[-1].width == 1 and not any(
        row.width for row in ragged[:-1]
    )  # fmt: skip
    own_line = not at or tail[at - 1 : at] in (b"\n", b"\r")
    line = table.oddities.last_line if own_line or not table.ragged else table.ragged.first[-1].line
    if alone and own_line:
        line = ragged[-1].line
    finding = file.warning("ctrl-z", line=line, paired=file.paired)
    yield Cause(
        finding,
        lambda each: alone if each.rule == "ragged-rows" else each.line == line,
        Severity.WARNING,
    )


def swallowed_rows(file: DataFile) -> Iterator[Cause]:
    """A quote that opens a value is meant as one: it does not swallow the rows up to the next quote."""
    table = file.table
    found = table.oddities.swallowed
    if not found:
        return
    first, *others = found.first
    inside = {line for each in found.first for line in range(each.first, each.last + 1)}
    finding = file.warning(
        "swallowed-rows",
        line=first.first,
        last=first.last,
        others=[(each.first, each.last) for each in others],
        total=found.count,
        delimiter=delimiter_of(table),
        paired=file.paired,
    )

    def explains(each: Finding) -> bool:
        if each.rule == "ragged-rows":
            return all(row.line in inside for row in table.ragged.first)
        return each.rule in {"too-few-rows", "evaluation-empty", "unclosed-quote", "row-count", "rows-halved"}

    yield Cause(finding, explains, Severity.WARNING)


def blank_rows(file: DataFile) -> Iterator[Cause]:
    """The rows have values, at least some of them."""
    table = file.table
    blank = table.oddities.blank
    if not blank:
        return
    facts = {"line": blank.first[0], "blank_rows": blank.count}
    if file.training and table.rows < MIN_ROWS:
        finding = file.error(
            "too-few-rows", service=FEW_ROWS, rows=table.rows, minimum=MIN_ROWS, paired=file.paired, **facts
        )
    elif not file.training and not table.rows:
        finding = file.error("evaluation-empty", service=FEW_EVALUATION_ROWS, **facts)
    else:
        finding = file.warning("blank-rows", rows=table.rows, **facts)
    many = blank.count >= _BLANK_SHARE * (table.rows + blank.count) and blank.count > 1
    few = finding.rule != "blank-rows"
    yield Cause(finding, _few_rows if few else lambda _: False, Severity.WARNING if many else None)


def _few_rows(finding: Finding) -> bool:
    return finding.rule in {
        "too-few-rows", "evaluation-empty", "empty-column", "row-count", "rows-halved", "too-few-answers",
        "few-answers", "target-one-value", "rare-class", "positive-value-missing", "classes-changed",
    }  # fmt: skip
