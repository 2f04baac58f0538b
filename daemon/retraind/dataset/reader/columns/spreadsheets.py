"""What a spreadsheet leaves in place of a value: a formula, an error, a column that was too narrow. Pure."""

import re
from enum import StrEnum

_LONGEST = 256  # characters
_ERROR = re.compile(
    r"#[¡¿]?[^\W_]+([ /.][^\W_]+)*[!?]|#N/[A-Z]|#\u041d/\u0414|#NV|#GETTING_DATA|Err:5\d\d|Loading\.\.\.|"
    r"(読み込んでいます|読み込み中)\.\.\."
)
"""In any language; their names are capitals, unlike those of hashtags."""
_NARROW = re.compile(r"#{3,}")
_OPERAND = (
    r"(?:[A-Z][A-Z0-9._]*\(.*\)|\(.*\)|(?:'[^']+'|\w+)!\$?[A-Z]+\$?\d+|\$?[A-Z]{1,3}\$?\d{1,7}|\d+(?:\.\d+)?%?|"
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
