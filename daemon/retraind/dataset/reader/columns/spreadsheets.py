"""What a spreadsheet leaves in place of a value: a formula, an error, a column that was too narrow. Pure."""

import re
from collections.abc import Sequence
from enum import StrEnum

_LONGEST = 256  # characters
_ERROR = re.compile(
    r"#[¡¿]?[^\W_]{2,}([ /.][^\W_]+)*[!?]|#N/[A-Z]|#\u041d/\u0414|#NV|#GETTING_DATA|Err:5\d\d|Loading\.\.\.|"
    r"(読み込んでいます|読み込み中)\.\.\."
)
"""In any language; their names are capitals, unlike those of hashtags."""
_NARROW = re.compile(r"#{3,}")
_OPERAND = (
    r"(?>[A-Z][A-Z0-9._]*\(.*\)|\(.*\)|(?:'[^']+'|\w+)!\$?[A-Z]+\$?\d+|\$?[A-Z]{1,3}\$?\d{1,7}|\d+(?:\.\d+)?%?|"
    r'"[^"]*")'
)
_FORMULA = re.compile(rf'=(?:"[^"]*"|[-+@]?{_OPERAND}(?:[-+*/^&:<>=]+{_OPERAND})*)', re.DOTALL)
_NUMBER = re.compile(r"=\d[\d.]*%?|=\([^()]*\)")
"""What follows an equals sign in measurements, besides < and >; and what is a face."""


class Remains(StrEnum):
    """What stands in place of a value."""

    FORMULA = "formula"
    ERROR = "error"
    NARROW = "narrow"
    ROUNDED = "rounded"
    """A long number in short: its last digits are lost."""
    DATED = "dated"
    """A code that looked like a date."""


_ROUNDED = re.compile(r"[1-9](\.\d{1,5})?E\+1[1-9]")
_MONTHS = "Jan|Feb|Mar|Apr|May|Jun|Jul|Aug|Sep|Oct|Nov|Dec"
_MONTH = f"(?:{_MONTHS})"
_DATED = re.compile(rf"\d{{1,2}}月\d{{1,2}}日|\d{{1,2}}-{_MONTH}|{_MONTH}-\d{{2}}")
_NEAR_DATES = (
    re.compile(rf"-(?:(?<=\d-){_MONTH}|(?<={_MONTH}-)\d)"),
    re.compile(r"月(?<=\d月)\d"),
)
"""What stands in a text in which there may be such a date; each begins with what is found very fast."""


def may_be_changed(text: str) -> bool:
    """Return whether a text may have values that `changed` returns."""
    return "E+1" in text or any(each.search(text) is not None for each in _NEAR_DATES)


def changed(values: Sequence[str]) -> tuple[Remains, list[int]] | None:
    """Return what a spreadsheet has made of a column's values, and the places of these; None if nothing."""
    filled = sum(map(bool, values))
    rounded = [at for at, value in enumerate(values) if _ROUNDED.fullmatch(value)]
    if rounded and len(rounded) == filled:
        return Remains.ROUNDED, rounded
    dated = [at for at, value in enumerate(values) if _DATED.fullmatch(value)]
    return (Remains.DATED, dated) if dated and len(dated) * 2 < filled else None


def remains_of(text: str) -> Remains | None:
    """Return what a spreadsheet has left of a value; None if it is a value."""
    if text[:1] not in {"#", "=", "E", "L", "読"} or len(text) > _LONGEST:
        return None
    if _NARROW.fullmatch(text):
        return Remains.NARROW
    if _ERROR.fullmatch(text):
        return Remains.ERROR if text[:1] != "#" or text == text.upper() else None
    if _FORMULA.fullmatch(text) and not _NUMBER.fullmatch(text):
        return Remains.FORMULA
    return None
