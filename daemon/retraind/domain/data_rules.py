"""The names of the rules for data, and how settings can overrule them. Pure.

The rules themselves are in `dataset/rules/`; docs/data-rules.md describes each.
"""

import difflib
from typing import Literal

Overrule = Literal["warn", "ignore", "error"]
"""What becomes of a finding: a warning, nothing, an error."""

RULES = (
    "not-text", "unsupported-extension", "nul-bytes", "utf-16", "encoding", "encoding-doubtful",
    "utf-8-without-mark", "shift-jis-shows-late", "empty-file", "not-a-table", "blank-header",
    "separator-line", "type-line",
    "split-header", "lines-above-header", "padding-columns", "header-missing", "damaged-names",
    "one-column", "too-many-columns",
    "duplicate-columns", "empty-column-names", "empty-column-name", "other-delimiter",
    "backslash-escapes", "space-before-quote", "single-quotes", "stray-quotes", "doubled-line-breaks",
    "second-mark", "mark-inside",
    "repeated-header", "rule-line", "second-table", "columns-shifted", "record-types",
    "row-below-header",
    "rows-line", "subtotal-rows", "ctrl-z", "swallowed-rows", "blank-rows",
    "unclosed-quote", "header-too-long", "reading-ended", "ragged-rows", "too-few-rows", "evaluation-empty",
    "row-count",
    "empty-column", "date-range", "date-form", "number-notation", "missing-value-marker", "late-text",
    "rare-text",
    "damaged-values", "spreadsheet-remains",
    "target-missing", "target-empty", "too-few-answers", "few-answers", "target-one-value",
    "target-notation", "target-not-numeric", "too-many-classes", "late-class", "rare-class",
    "positive-value-missing", "evaluation-without-answers", "evaluation-one-class",
    "evaluation-lacks-classes", "rare-class-in-evaluation", "similar-classes", "classes-spelled-otherwise",
    "unknown-classes", "evaluation-in-time-series", "most-columns-in-time-series",
    "series-column-missing", "time-column-not-dates", "series-target-not-numeric", "series-value-empty",
    "too-many-series",
    "duplicate-times", "unsorted-times", "interval-below-minute", "interval-not-supported",
    "series-gap", "irregular-times", "columns-differ", "column-order",
    "column-types-differ", "columns-changed",
    "column-types-changed", "classes-changed", "rows-halved",
)  # fmt: skip
"""All of them, in the order of docs/data-rules.md."""

FIXED = frozenset(
    {"not-text", "unsupported-extension", "utf-16", "empty-file", "header-too-long", "not-a-table"}
)
"""Those that nobody can overrule: the file cannot be read as a table, so there is nothing to send."""


def likely(name: str) -> list[str]:
    """Return the rule that is probably meant, else all of them."""
    return difflib.get_close_matches(name, RULES, n=1) or list(RULES)
