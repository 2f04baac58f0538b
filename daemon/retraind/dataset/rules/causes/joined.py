"""What joining files, or exporting them by certain programs, leaves inside a table."""

from collections.abc import Iterator

from retraind.dataset.reader.strays.names import MARK, is_rule
from retraind.dataset.rules import target
from retraind.dataset.rules.causes.cause import Cause
from retraind.dataset.rules.causes.missing_header import missing_header
from retraind.dataset.rules.causes.sample import delimiter_of
from retraind.dataset.rules.data_file import DataFile
from retraind.dataset.rules.rows import MIN_ROWS
from retraind.dataset.rules.service_messages import FEW_EVALUATION_ROWS, FEW_ROWS
from retraind.domain.problems import Finding, Severity

HEADER_RULES = frozenset({"target-missing", "columns-changed", "columns-differ", "column-order"})
"""Findings that follow from a name that is read wrongly."""

_MARK_TWICE_ENCODED = "\u00ef\u00bb\u00bf".encode()
"""A mark that a program has taken for three characters."""
_BLANK_SHARE = 0.1
_ABOVE = 4  # lines above the header once more, which are empty or a title


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
    # A target's name with a mark in it is told of as such.
    told = [1] if not table.target_found and target.look_alikes(file) else []
    inside = [line for line in found.marks.first if line not in (*lines, *told)]
    total = found.marks.count - found.marked_rows.count - in_header - len(told)
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
    if is_rule([cell.decode("latin-1") for cell in found.first_row]):
        return  # a printed table with pages, of which the line under its names tells
    finding = file.error(
        "repeated-header",
        line=lines[0],
        others=lines[1:],
        total=total,
        reordered=found.reordered,
        ruled=lines[0] + 1 in found.rules.first,
        paired=file.paired,
    )

    def explains(each: Finding) -> bool:
        if each.rule == "ragged-rows":  # an empty line or a #TYPE before each of them
            above = {line - before for line in found.headers.first for before in range(1, _ABOVE)}
            rows = file.table.ragged
            return rows.count <= total * (_ABOVE - 1) and all(
                row.line in found.headers.first or (row.line in above and row.width < 2)  # noqa: PLR2004
                for row in rows.first
            )
        return (
            is_name_alone(each, file)
            or each.line in lines
            or (each.line is not None and each.line - 1 in lines and each.rule != "ragged-rows")
            or each.rule in {"duplicate-times", "unsorted-times"}
        )

    yield Cause(finding, explains, Severity.ERROR)


def is_name_alone(finding: Finding, file: DataFile) -> bool:
    """Return whether the target's own name is all that is said to be a class behind the first rows."""
    if finding.rule != "late-class" or finding.facts["total"] != 1 or file.target is None:
        return False
    return str(finding.facts["value"]).strip().lower() == file.target.strip().lower()


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
