"""Puts causes in the place of the findings that follow from them, in one file and between two."""

from collections.abc import Callable, Container, Iterator, Sequence
from dataclasses import replace

from retraind.dataset.rules.causes import (
    above,
    below,
    below_header,
    damage,
    dialect,
    foreign,
    joined,
    missing_header,
    printed,
    second_table,
    spreadsheets,
)
from retraind.dataset.rules.causes.cause import Cause, applied, has_errors
from retraind.dataset.rules.data_file import DataFile
from retraind.domain.problems import Finding, Severity

Rule = Callable[[DataFile], Iterator[Cause]]

SHAPES: tuple[Rule, ...] = (
    above.separator_line,
    above.type_line,
    foreign.foreign,
    printed.printed_table,
    dialect.single_quotes,
    second_table.record_types,
    above.split_header,
    above.lines_above,
    dialect.other_delimiter,
    dialect.escapes,
    dialect.spaces_before_quotes,
    dialect.line_ends,
)
"""Why a file is read wrongly as a whole. The first one that applies explains everything."""

PARTS: tuple[Rule, ...] = (
    joined.marks,
    joined.repeated_header,
    printed.rule_line,
    second_table.second_table,
    second_table.shifted_columns,
    below_header.row_below_header,
    below.rows_line,
    below.subtotals,
    below.ctrl_z,
    joined.swallowed_rows,
    dialect.stray_quotes,
    joined.blank_rows,
    missing_header.missing_header,
    above.padding_columns,
    damage.damaged_names,
    damage.damaged_values,
    spreadsheets.spreadsheet_remains,
)
"""What is wrong with a part of a file. Each explains what follows from it."""

HEADERS = (*SHAPES, joined.marks, missing_header.missing_header, damage.damaged_names)
"""Why the names of columns are not what they should be."""

_BETWEEN = frozenset({"columns-differ", "column-order"})
_HEADER_RULES = frozenset(
    {"separator-line", "type-line", "not-a-table", "split-header", "lines-above-header", "other-delimiter",
     "second-mark", "padding-columns", "header-missing", "rule-line", "one-column",
     "record-types", "damaged-names"}
)  # fmt: skip

_OF_QUOTES = frozenset({"space-before-quote", "single-quotes"})
"""These are about names where the line is the first one."""

_OF_ONE_ROW = frozenset({"row-below-header", "rows-line", "subtotal-rows", "second-table"})
"""These are about a row that is none of data."""

_OF_KINDS = frozenset(
    {"rare-text", "late-text", "columns-shifted", "row-below-header", "spreadsheet-remains", "subtotal-rows",
     "second-table", "rows-line", "blank-rows"}
)  # fmt: skip
"""These tell why a column of numbers or dates has text."""

_OF_NAMES = frozenset({"target-missing", "columns-changed"})

_ROW_RULES = frozenset(
    {"backslash-escapes", "space-before-quote", "single-quotes", "repeated-header", "rule-line",
     "second-table", "swallowed-rows", "ctrl-z", "evaluation-empty", "too-few-rows"}
)  # fmt: skip


def explained(file: DataFile, findings: Sequence[Finding], *, ignored: Container[str] = ()) -> list[Finding]:
    """Return the findings about a file's table, with the causes in place of what follows from them.

    Causes of rules that are `ignored` replace nothing, so that what follows from them is seen.
    """
    left = list(findings)
    warned = False
    for rule in SHAPES:
        for cause in rule(file):
            made = applied(cause, left, replacing=cause.finding.rule not in ignored)
            if made is not None and made[0] not in left and made[0].severity is Severity.ERROR:
                return made
            warned = warned or made is not None
            left = made or left
        if warned:
            break
    for rule in PARTS:
        if warned and rule is missing_header.missing_header:  # the first row is not a header anyway
            continue
        for cause in rule(file):
            left = applied(cause, left, replacing=cause.finding.rule not in ignored) or left
    apart = {each.line for each in left if each.rule in _OF_ONE_ROW}
    left = [each for each in left if each.line not in apart or each.rule in _OF_ONE_ROW or has_errors([each])]
    if any(each.rule == "one-column" and _is_told(each) for each in left):
        left = [each for each in left if each.rule not in _OF_NAMES]  # all names are in the one
    return left


def _is_told(finding: Finding) -> bool:
    """Return whether a finding stops the delivery, or its owner lets it pass."""
    return finding.severity is Severity.ERROR or finding.overruled is not None


def explained_between(
    files: Sequence[tuple[DataFile, Sequence[Finding]]],
    between: Sequence[Finding],
    *,
    ignored: Container[str] = (),
) -> list[Finding]:
    """Return the findings about two files together, after those that compare them.

    Where the names or the rows of one file are wrong, comparing them with the other's says nothing.
    """
    found: Sequence[Finding] = [finding for _, findings in files for finding in findings]
    if any(each.rule == "single-quotes" for each in found):  # which are in the names of classes then
        between = [finding for finding in between if finding.rule != "classes-spelled-otherwise"]
    found, between = _explained_by_remains(files, found, between, ignored)
    odd = {each.file for each in found if each.rule in _OF_KINDS}
    between = [each for each in between if each.rule != "column-types-differ" or each.file not in odd]
    names = [finding for finding in between if finding.rule in _BETWEEN]
    apart = {(each.file, each.line) for each in found if each.rule in _OF_ONE_ROW}
    between = [each for each in between if each.line is None or (each.file, each.line) not in apart]
    wrong = {each.rule for each in found if _is_told(each)}
    in_names = {each.rule for each in found if each.rule in _OF_QUOTES and each.line == 1}
    if wrong & (_HEADER_RULES | in_names):
        return [*found]
    if wrong & _ROW_RULES:
        return [*found, *names]
    if not has_errors(names):
        return [*found, *between]
    causes = [
        (index, cause.finding)
        for index, (file, _) in enumerate(files)
        for rule in HEADERS
        for cause in rule(file)
        if cause.finding.rule in _HEADER_RULES and cause.finding.rule not in ignored
    ]
    if not causes:
        return [*found, *between]
    first = {index: replace(finding, severity=Severity.ERROR) for index, finding in reversed(causes)}
    known = {(finding.file, finding.rule) for finding in first.values()}
    kept = [finding for finding in found if (finding.file, finding.rule) not in known]
    return [*(first[index] for index in sorted(first)), *kept]


def _explained_by_remains(
    files: Sequence[tuple[DataFile, Sequence[Finding]]],
    found: Sequence[Finding],
    between: Sequence[Finding],
    ignored: Container[str],
) -> tuple[Sequence[Finding], Sequence[Finding]]:
    """Return both with what a spreadsheet has left in place of the errors that follow from it."""
    for file, _ in files if has_errors(between) else ():
        for cause in spreadsheets.spreadsheet_remains(file):
            made = replace(cause.finding, severity=Severity.ERROR)
            follow = [each for each in between if each.file == made.file and cause.explains(each)]
            if has_errors(follow) and made.rule not in ignored:
                found = [*(each for each in found if replace(each, severity=Severity.ERROR) != made), made]
                between = [each for each in between if each not in follow]
    return found, between
