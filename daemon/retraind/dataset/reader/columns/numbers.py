"""Numbers: what counts as one, and what people and programs write instead of one. Pure.

The service's manual leaves open which notations it reads. A plain number has an optional sign, digits, an
optional point and an optional exponent.
"""

import functools
import math
import re
import unicodedata
from collections.abc import Sequence

from retraind.dataset.reader.columns.facts import Notation
from retraind.dataset.reader.columns.spreadsheets import remains_of

PLAIN_NUMBER = rb" *[+-]?(?:[0-9]+(?:\.[0-9]*)?|\.[0-9]+)(?:[eE][+-]?[0-9]+)? *"
"""As a regular expression, for values on one line."""

_NUMBER = re.compile(rb"\s*[+-]?(?:[0-9]+(?:\.[0-9]*)?|\.[0-9]+)(?:[eE][+-]?[0-9]+)?\s*")
_CORE = r"(?:[0-9]+(?:\.[0-9]*)?|\.[0-9]+)(?:[eE][+-]?[0-9]+)?"
_LONGEST = 64  # bytes of a number in any notation
_REMEMBERED = 1_000  # values, which only differ in their digits from most others
_DIGIT = re.compile(rb"[0-9\x80-\xff]")
DIGITS_ALIKE = bytes.maketrans(b"0123456789", b"0000000000")
"""For `bytes.translate`."""

_MONEY = (
    r"(?:US|HK|NT|AU|CA|R)?\$|[¥€£₩₹฿₫₱₽₺]|円|元|원|kr\.?|zł|Kč|Rs\.|Fr\.|JPY|USD|EUR|GBP|CNY|CHF|SEK|NOK|DKK|"
    r"PLN|CZK"
)
_PREFIXES: tuple[tuple[Notation | None, re.Pattern[str]], ...] = (
    (Notation.APOSTROPHE, re.compile(r"['’]")),  # noqa: RUF001
    (None, re.compile(r"[+-]")),
    (Notation.OTHER_MINUS, re.compile(r"[−–▲△]")),  # noqa: RUF001
    (Notation.CURRENCY, re.compile(rf"(?:{_MONEY}|\\(?=[0-9]))", re.IGNORECASE)),
)
_SUFFIXES = (
    (Notation.TRAILING_MINUS, re.compile(r"[-−–]\Z")),  # noqa: RUF001
    (Notation.PERCENT, re.compile(r"[%‰]\Z")),
    (Notation.CURRENCY, re.compile(rf"(?:{_MONEY})\Z", re.IGNORECASE)),
    (Notation.MULTIPLIER, re.compile(r"[千万億兆]\Z")),
    (Notation.FLAG, re.compile(r"\s[)\]*#]\Z")),  # as statistics mark values that are incomplete
)
_MOST_PARTS = 6
_WIDE_DIGIT = re.compile("[\uff10-\uff19]")
_WIDE_MINUS, _MINUS = "\uff0d", "\u2212"  # code page 932 does not distinguish them
_GROUPED = tuple(
    re.compile(pattern)
    for pattern in (
        r"[0-9]{1,3}(?:,[0-9]{2})*(?:,[0-9]{3})+(?:\.[0-9]*)?",
        r"[0-9]{1,3}(?:['’´`][0-9]{3})+(?:[.,][0-9]*)?",  # noqa: RUF001
        r"[0-9]{1,3}(?: [0-9]{3})+(?:[.,][0-9]*)?",
    )
)
_DECIMAL_COMMA = re.compile(r"[0-9]*,[0-9]+(?:[eE][+-]?[0-9]+)?|[0-9]{1,3}(?:\.[0-9]{3})+,[0-9]*|[0-9]+,")

_BRACKETS = frozenset({"()", "[]", "<>", "{}"})
_OF_DATABASES = frozenset(
    each.casefold()
    for each in (
        "",
        "NA",
        "N/A",
        "#N/A",
        "#NA",
        "NaT",
        "NaN",
        "NULL",
        r"\N",
    )
)
"""What databases, R, Python and Excel write for a missing value."""

_MARKERS = _OF_DATABASES | frozenset(
    each.casefold()
    for each in (
        # programs, SAS, Eurostat; what people write; the same in Japanese
        *("nil", "None"),
        *(f"{sign}{number}" for sign in ("", "+", "-") for number in ("NaN", "Inf", "Infinity", "∞")),
        *(f"{sign}1.#{number}" for sign in ("", "-") for number in ("INF", "QNAN", "IND", "SNAN")),
        *(".", "..", "...", ":", "…", "///"),
        *("-", "--", "---", "\u2014", "\u2013", "\u2015", "\u30fc", "?", "??", "*", "**", "***", "\u00d7"),
        *("n.a.", "n.d.", "nd", "tbd", "missing", "unknown", "undefined", "-none-", "blank"),
        *(
            "なし",
            "無し",
            "無",
            "不明",
            "未定",
            "未入力",
            "未設定",
            "欠損",
            "欠測",
            "該当なし",
            "空白",
            "対象外",
        ),
    )
)


def is_number(value: bytes) -> bool:
    """Return whether a value is a plain number."""
    return _NUMBER.fullmatch(value) is not None


def all_numbers(values: Sequence[bytes]) -> bool:
    """Return whether all values are plain numbers or empty; faster than asking one by one."""
    try:
        total = sum(map(float, filter(None, values)))
    except ValueError:
        total = math.nan
    # What Python alone calls a number: 1_000, nan, inf. A sum too large says nothing either.
    if math.isfinite(total) and b"_" not in b"".join(values):
        return True
    return all(is_number(value) for value in values if value)


def text_of(value: bytes) -> str:
    """Return a value's text, whatever the file's encoding turns out to be; for what is short and plain."""
    try:
        return value.decode("utf-8")
    except UnicodeDecodeError:
        return value.decode("cp932", "replace")


def is_marker(value: bytes) -> bool:
    """Return whether a value stands for a missing number, such as NA, -, NULL or an error of Excel."""
    if not value or len(value) > _LONGEST:
        return False
    text = unicodedata.normalize("NFKC", text_of(value)).strip()
    return _plain(text) in _MARKERS or remains_of(text) is not None


def _plain(text: str) -> str:
    """Return what may be a marker, without the brackets around it; a value of spaces is one as it is."""
    text = text.strip().casefold()
    return text[1:-1] if text[:1] + text[-1:] in _BRACKETS else text


def is_database_marker(value: bytes) -> bool:
    """Return whether a value stands for a missing one in databases and programs, and means nothing else."""
    return 0 < len(value) <= _LONGEST and _plain(text_of(value)) in _OF_DATABASES


def notations(value: bytes) -> tuple[Notation, ...]:
    """Return what keeps a value from being a plain number; nothing if it is one, or is something else."""
    if len(value) > _LONGEST or not _DIGIT.search(value):
        return ()
    return _notations(value.translate(DIGITS_ALIKE))


@functools.lru_cache(maxsize=_REMEMBERED)
def _notations(value: bytes) -> tuple[Notation, ...]:
    if is_number(value):
        return ()
    written = text_of(value).strip().replace(_WIDE_MINUS, _MINUS)
    text = half_width = unicodedata.normalize("NFKC", written)
    found = [Notation.FULL_WIDTH] if _WIDE_DIGIT.search(written) else []
    for notation, rest in _peeled(text):
        text = rest
        if notation is not None:
            found.append(notation)
    if any(pattern.fullmatch(text) for pattern in _GROUPED):
        found.append(Notation.THOUSANDS)
    elif _DECIMAL_COMMA.fullmatch(text):
        found.append(Notation.DECIMAL_COMMA)
    elif not re.fullmatch(_CORE, text):
        return ()
    # All that is left is a sign in full width, or a blank: around it, behind a plus or minus.
    return tuple(found) or (Notation.BLANK if half_width == written else Notation.FULL_WIDTH,)


def _peeled(text: str) -> list[tuple[Notation | None, str]]:
    """Return what stands around the digits, each with the text that is left then."""
    steps: list[tuple[Notation | None, str]] = []
    signed = False
    while len(steps) < _MOST_PARTS:
        notation, rest = _outermost(text)
        is_sign = notation in {None, Notation.OTHER_MINUS, Notation.TRAILING_MINUS}
        if rest == text or (is_sign and signed):
            break
        signed = signed or is_sign
        text = rest.strip()
        steps.append((notation, text))
    return steps


def _outermost(text: str) -> tuple[Notation | None, str]:
    """Return what stands at one end of a number, and the rest; nothing and the same if it is all digits."""
    if text.startswith("(") and text.endswith(")"):
        return Notation.PARENTHESES, text[1:-1]
    for notation, prefix in _PREFIXES:
        if (match := prefix.match(text)) is not None:
            return notation, text[match.end() :]
    for notation, suffix in _SUFFIXES:
        if (match := suffix.search(text)) is not None:
            return notation, text[: match.start()]
    return None, text
