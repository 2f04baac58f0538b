"""How languages are written: how improbable a word is in one of them, in bits.

A word costs what its characters cost (frequent ones less than rare ones), and what it costs that one kind of
character follows another: a kanji between two lower-case letters is rare, and so is a capital behind a
lower-case letter. The figures are estimates; only large differences between sums of them mean anything.
"""

import unicodedata
from collections.abc import Callable, Mapping
from math import log2
from typing import NamedTuple

START, DIGIT, POINT = "^", "0", "."  # before a word: nothing or a space, a digit, a punctuation mark
LOWER, UPPER, SIGN = "a", "A", "_"  # of ASCII
MARKED, CAPITAL = "l", "u"  # Latin letters beyond ASCII: é, É
OTHER_LOWER, OTHER_UPPER, CASELESS = "m", "v", "o"  # of other alphabets
HIRAGANA, KATAKANA, HALF_WIDTH, IDEOGRAPH, HANGUL = "j", "k", "h", "c", "g"
WIDE, SYMBOL, CONTROL = "f", "s", "x"

_AFTER: Mapping[str, Mapping[str, float]] = {
    START: {"a": 1.5, "A": 1.5, "_": 4, "l": 5, "u": 5, "m": 1.5, "v": 1.5, "o": 1, "j": 3, "k": 2.5,
            "h": 2.5, "c": 1.2, "g": 1, "f": 3.5, "s": 5},
    DIGIT: {"a": 3, "A": 3, "_": 4, "l": 8, "u": 8, "m": 7, "v": 7, "o": 7, "j": 3, "k": 3, "h": 4, "c": 2,
            "g": 2, "f": 4, "s": 3},
    POINT: {"a": 1.5, "A": 1.5, "_": 4, "l": 5, "u": 5, "m": 2, "v": 2, "o": 2, "j": 3, "k": 2.5, "h": 3,
            "c": 1.5, "g": 1.5, "f": 3.5, "s": 4},
    LOWER: {"a": 0.2, "A": 6, "_": 6, "l": 3.5, "u": 9, "m": 9, "v": 9, "o": 9, "j": 6, "k": 5, "h": 7,
            "c": 6, "g": 6, "f": 6, "s": 5, "x": 9},
    UPPER: {"a": 0.7, "A": 1, "_": 4, "l": 3.5, "u": 3.5, "m": 8, "v": 8, "o": 8, "j": 5, "k": 3, "h": 6,
            "c": 3.5, "g": 4, "f": 5},
    SIGN: {"a": 2, "A": 2, "_": 3, "l": 6, "u": 6, "m": 6, "v": 6, "j": 4, "k": 3.5, "h": 5, "c": 3, "g": 3,
           "f": 4, "s": 5},
    MARKED: {"a": 0.3, "A": 8, "_": 7, "l": 3.5, "u": 9, "s": 5},
    CAPITAL: {"a": 1, "A": 1.5, "l": 4, "u": 4},
    OTHER_LOWER: {"a": 9, "A": 8, "m": 0.2, "v": 9},
    OTHER_UPPER: {"a": 9, "A": 8, "m": 0.5, "v": 0.7},
    CASELESS: {"a": 8, "A": 8, "o": 0.2},
    HALF_WIDTH: {"a": 10, "A": 5, "_": 7, "j": 7, "k": 7, "h": 0.3, "f": 5, "s": 5, "x": 8},
    IDEOGRAPH: {"a": 7, "A": 5, "_": 6.5, "j": 2.5, "k": 4, "h": 6, "c": 0.3, "g": 8, "f": 4},
    KATAKANA: {"a": 7, "A": 5, "_": 7, "j": 3, "k": 0.2, "h": 7, "c": 3, "f": 4},
    HIRAGANA: {"a": 7, "A": 6, "_": 7, "j": 0.3, "k": 4, "h": 7, "c": 2, "f": 4},
    HANGUL: {"a": 6, "A": 5, "c": 6, "g": 0.2},
    WIDE: {"a": 4, "A": 3, "j": 3, "k": 2.5, "h": 3, "c": 2, "f": 1, "g": 2},
    SYMBOL: {"a": 2, "A": 2, "l": 5, "u": 5, "s": 3, "c": 4, "m": 4, "v": 4, "o": 4},
    CONTROL: {},
}  # fmt: skip
_OTHERWISE = 6.0  # bits, for one kind after another that the table does not have


class Sign(NamedTuple):
    """What a character is in a writing."""

    kind: str
    bits: float


class Writing:
    """A language, or several that are written alike."""

    def __init__(
        self,
        sign: Callable[[str], Sign],
        between: Callable[[str, str], float] = lambda _before, _char: 0.0,
    ) -> None:
        """`sign` is asked for characters beyond ASCII; `between` for what else a pair of them costs."""
        self.sign = sign
        self._between = between
        self._known: dict[str, Sign] = {}

    def bits(self, word: str) -> float:
        """Return how improbable a word is; what stands before it, one character of ASCII, is a part of it."""
        total = 0.0
        letters = 0
        earlier, kind, before = START, START, " "
        for char in word:
            sign = self._known.get(char)
            if sign is None:
                sign = self._known[char] = _ascii(char) or self.sign(char)
            if sign.kind in _BEFORE:
                earlier, kind, before = kind, sign.kind, char
                continue
            total += sign.bits + _AFTER[kind].get(sign.kind, _OTHERWISE) + self._between(before, char)
            if kind in _SELDOM_LONE and earlier in _ASCII_LETTERS and sign.kind in _ASCII_LETTERS:
                total += _BETWEEN_LETTERS
            earlier, kind, before = kind, sign.kind, char
            letters += 1
        return total + (_LONE if letters == 1 and kind in _ALPHABETIC else 0.0)


_BEFORE = frozenset({START, DIGIT, POINT})
_ALPHABETIC = frozenset({MARKED, CAPITAL, OTHER_LOWER, OTHER_UPPER, CASELESS})
_LONE = 4.0  # a word of a single letter
_SELDOM_LONE = frozenset({KATAKANA, HALF_WIDTH, IDEOGRAPH, WIDE})
_ASCII_LETTERS = frozenset({LOWER, UPPER})
_BETWEEN_LETTERS = 5.0  # one such character alone between letters of ASCII


def _ascii(char: str) -> Sign | None:
    """Return what a character is in all writings; None for what is beyond ASCII."""
    if char == "\ufffd":
        return UNREADABLE
    if not char.isascii():
        return None
    if char.isalpha():
        return Sign(LOWER, 4.3) if char.islower() else Sign(UPPER, 4.5)
    if char.isdigit():
        return Sign(DIGIT, 0)
    if char <= " ":
        return Sign(START, 0)
    return Sign(POINT, 0) if char < "@" else Sign(SIGN, 3.5)


def ranked(frequent: str) -> dict[str, float]:
    """Return the bits of characters that are given in order of their frequency."""
    return {char: 5 + 1.25 * log2(1 + rank / 12) for rank, char in enumerate(frequent)}


_UNITS = frozenset("°€£µ")
_USUAL_SYMBOLS = frozenset("«»’“”–§²³½ºª©®™·…¡¿‘„×№")
_UNIT, _SYMBOL, _RARE_SYMBOL, _NO_BREAK, _CONTROL = 5.5, 7.0, 12.0, 6.0, 16.0
_RARE_LETTER = 9.5


UNREADABLE = Sign(CONTROL, 20.0)
"""Bytes that mean nothing in an encoding, shown as U+FFFD."""


def alphabet(letters: Mapping[str, float], script: str) -> Writing:
    """Return the writing of an alphabet: the bits of its usual letters, in lower case or without one.

    `script` begins the Unicode names of all its letters.
    """

    def sign(char: str) -> Sign:
        if char == "\xa0":
            return Sign(SYMBOL, _NO_BREAK)
        if not char.isalpha() or char in "ªºµ":
            if unicodedata.category(char)[0] == "C":
                return Sign(CONTROL, _CONTROL)
            usual = _UNIT if char in _UNITS else _SYMBOL if char in _USUAL_SYMBOLS else _RARE_SYMBOL
            return Sign(SYMBOL, usual)
        ours = unicodedata.name(char, "").startswith(script)
        latin = unicodedata.name(char, "").startswith("LATIN")
        bits = letters.get(char) or letters.get(char.lower()) or (_RARE_LETTER if ours else 14.0)
        if char.islower():
            return Sign(MARKED if latin else OTHER_LOWER, bits)
        if char.isupper():
            return Sign(CAPITAL, bits + 0.5) if latin else Sign(OTHER_UPPER, bits)
        return Sign(CASELESS, bits)

    return Writing(sign, _of_metres)


def _of_metres(before: str, char: str) -> float:
    """Return what it saves that a power stands behind a metre."""
    return -5.0 if char in "²³" and before == "m" else 0.0


def latin(usual: str) -> Writing:
    """Return the writing of languages with these letters beyond ASCII."""
    return alphabet(dict.fromkeys(usual, 4.5), "LATIN")


_COMMON, _RARE, _VERY_RARE = 13.0, 16.5, 19.0


def ideographs(frequent: str, codec: str, common: int, rare: int) -> Writing:
    """Return the writing of a language in Han characters or Hangul.

    Characters that are not frequent are common below the code `common` of the codec, and rare below `rare`.
    """
    bits = ranked(frequent)

    def rarity(char: str) -> float:
        try:
            code = int.from_bytes(char.encode(codec))
        except UnicodeEncodeError:
            return _VERY_RARE
        return _COMMON if code < common else _RARE if code < rare else _VERY_RARE

    def sign(char: str) -> Sign:
        if "\uac00" <= char <= "\ud7a3":
            return Sign(HANGUL, bits.get(char) or rarity(char))
        if "\u4e00" <= char <= "\u9fff":
            return Sign(IDEOGRAPH, bits.get(char) or rarity(char))
        if "\u3000" <= char <= "\u303f" or "\uff00" <= char <= "\uff5e":
            return Sign(WIDE, 6)
        category = unicodedata.category(char)[0]
        return Sign(CONTROL, _CONTROL) if category == "C" else Sign(SYMBOL, _RARE_SYMBOL + 2)

    return Writing(sign)
