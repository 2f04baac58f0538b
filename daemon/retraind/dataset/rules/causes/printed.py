"""Tables as programs print them for people: lines under the names, frames, pages, one value a line."""

import re
from collections.abc import Iterator, Sequence

from retraind.dataset.reader.strays.names import is_rule
from retraind.dataset.reader.table import ReadResult
from retraind.dataset.rules.causes.below import line_below
from retraind.dataset.rules.causes.cause import Cause, everything
from retraind.dataset.rules.causes.joined import is_name_alone
from retraind.dataset.rules.causes.sample import delimiter_of, head_text
from retraind.dataset.rules.data_file import DataFile
from retraind.domain.problems import Finding, Severity

_LINES = "-=+─-╿"  # hyphens, equals signs, all of Unicode's lines for boxes
_RULE = re.compile(rf"(?=.*(?:--|==|──|━━|══|-:|:-|\|-))[{_LINES}|:\s,;\t]+|\s*([*_~#+])\1{{4,}}\s*")
"""A line under the names, of any form: with columns, in Markdown, as a part of a frame."""
_RECORD = re.compile(r"-\[ (RECORD|レコード) \d+ \]|\*{3,} ?\d+\. (row|行) ?\*{3,}")
_PROMPT = re.compile(r"\s*(SQL|mysql|MariaDB.*|sqlite|\w+[=-][#>])>?\s.*|\s*SQL>|shape: \(", re.IGNORECASE)
_LOOKED_AT = 40  # lines above the names: a statement and its echo


def is_rule_text(text: str) -> bool:
    """Return whether a line stands under names of columns, or between parts of a table."""
    return _RULE.fullmatch(text) is not None


def printed_table(file: DataFile) -> Iterator[Cause]:
    """The file is delimited text, not what a program shows on a screen, with a frame or after a prompt."""
    table = file.table
    lines = head_text(table).splitlines()[: _LOOKED_AT + 3]
    begin = next((at for at, line in enumerate(lines) if line.strip() and not _PROMPT.match(line)), 0)
    shown = lines[begin : begin + 3]
    if not shown:
        return
    prompted = begin > 0 and len(shown) > 1 and not is_rule_text(shown[0]) and is_rule_text(shown[1])
    framed = len(shown) > 2 and [*map(is_rule_text, shown)] == [True, False, True]  # noqa: PLR2004
    if not (prompted or framed or _RECORD.match(shown[0])):
        return
    line = begin + 1 + prompted
    yield Cause(_finding(file, line, separated=prompted and _is_separated(shown, table)), everything)


def _is_separated(lines: Sequence[str], table: ReadResult) -> bool:
    delimiter = delimiter_of(table)
    return delimiter in lines[0] and lines[0].count(delimiter) == lines[1].count(delimiter)


def rule_line(file: DataFile) -> Iterator[Cause]:
    """No line of hyphens stands between the header and the rows, or among them."""
    table = file.table
    first = [cell.decode("latin-1") for cell in table.oddities.first_row]
    second = head_text(table).splitlines()[1:2]
    under = bool(second) and is_rule_text(second[0])
    lines = [row.line for row in table.ragged.first if _is_one(file, row.text, row.width)]
    if len(first) == table.width > 1 and is_rule(first):
        finding = _finding(file, 2, separated=True, pages=table.oddities.headers.count)
        yield Cause(finding, lambda each: _at_rule_line(each, file), Severity.ERROR)
    elif inside := _inside(table):
        finding = _finding(file, inside[0], separated=True, under_names=False, others=inside[1:])
        yield Cause(finding, lambda each: each.line in inside, Severity.ERROR)
    elif table.width == 1 and under:
        yield Cause(_finding(file, 2, separated=False), everything)
    elif lines and (lines == [2] or len(lines) == table.ragged.count):
        alone = len(lines) == table.ragged.count or line_below(table) is not None
        finding = _finding(file, lines[0], separated=True, under_names=lines[0] == 2)  # noqa: PLR2004
        yield Cause(finding, lambda each: each.rule == "ragged-rows" and alone)


def _inside(table: ReadResult) -> list[int]:
    """Return the first lines of hyphens that are not below a copy of the header, which tells of them."""
    headers = table.oddities.headers.first
    return [line for line in table.oddities.rules.first if line - 1 not in headers]


def _is_one(file: DataFile, text: bytes, width: int) -> bool:
    return width == 1 and is_rule_text(file.text(text))


def _finding(
    file: DataFile,
    line: int,
    *,
    separated: bool,
    pages: int = 0,
    under_names: bool = True,
    others: Sequence[int] = (),
) -> Finding:
    below = line_below(file.table)
    rules, pages_too = file.table.oddities.rules, file.table.oddities.headers.count
    return file.error(
        "rule-line",
        line=line,
        end_line=below.line if below is not None and below.counts else None,
        delimiter=delimiter_of(file.table),
        separated=separated,
        under_names=under_names,
        pages=pages,
        others=others,
        total=max(rules.count - pages_too, 1 + len(others)) if others else 1,
        paired=file.paired,
    )


def _at_rule_line(finding: Finding, file: DataFile) -> bool:
    table = file.table
    if finding.rule == "ragged-rows":  # what counts the rows, and empty lines before the names of each page
        below, headers = line_below(table), table.oddities.headers
        empty = all(row.width == 0 or row.line == (below and below.line) for row in table.ragged.first)
        return below is not None or (bool(headers) and empty)
    if finding.rule == "target-missing":  # names and values are padded to the width of the column
        return any(name != name.rstrip() for name in table.header)
    if table.oddities.headers and is_name_alone(finding, file):
        return True
    return finding.line is not None and finding.line in {2, *_of_pages(table), *table.oddities.rules.first}


def _of_pages(table: ReadResult) -> Iterator[int]:
    """Yield the lines of the first headers inside the table, and those below each of them."""
    for line in table.oddities.headers.first:
        yield from (line, line + 1)
