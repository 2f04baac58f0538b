"""How Japanese is written: kanji by how usual they are, and which half-width kana can follow which."""

from functools import cache
from math import inf

from retraind.dataset.reader.encodings.frequent import KANJI
from retraind.dataset.reader.encodings.writing import (
    CAPITAL,
    CONTROL,
    HALF_WIDTH,
    HIRAGANA,
    IDEOGRAPH,
    KATAKANA,
    SYMBOL,
    WIDE,
    Sign,
    Writing,
    ranked,
)

_HALF_WIDTH = "ﾞｳｼｶﾁﾏﾀﾝｲｮﾐｸﾄｵｷﾊﾗﾅｻｰｽｺﾜﾘﾔﾉﾌﾋﾂｱﾆﾓﾙﾃﾎｴﾛｯﾟｾｹﾖﾍﾑｭﾒﾚｿﾈｬｨﾕﾇｪｧｫｩ･ｦ｢｣､｡"  # in order of frequency
_VOICED = frozenset("ｳｶｷｸｹｺｻｼｽｾｿﾀﾁﾂﾃﾄﾊﾋﾌﾍﾎ")  # these can have a ﾞ
_HALF_VOICED = frozenset("ﾊﾋﾌﾍﾎ")  # and these a ﾟ
_ONLY_AFTER = {
    "ﾞ": (_VOICED, 10.0),
    "ﾟ": (_HALF_VOICED, 10.0),
    **dict.fromkeys("ｬｭｮ", (frozenset("ｷｼﾁﾆﾋﾐﾘﾞﾟﾌﾃ"), 7.0)),
    **dict.fromkeys("ｧｨｩｪｫ", (frozenset("ｳﾌﾃﾄﾞｼﾁﾂｸｲｽﾊﾘﾐ"), 5.0)),  # in loanwords
}
"""What some kana follow, and what it costs that they follow anything else."""
_SELDOM_FIRST = {"ﾝ": 5.0, "ｯ": 6.0, "･": 4.0, "､": 12.0, "｡": 12.0, "｣": 12.0}
_SELDOM_INSIDE = {"､": 3.0, "｡": 3.0, "｣": 3.0}
_HYPHENS = frozenset("0123456789ｰ")
_NO_LENGTH = frozenset("ｯﾝ･､｡｢([")

_LEVEL_1, _LEVEL_2, _VENDOR, _GAIJI = 13.0, 16.5, 15.0, 14.0
_HALVES, _HALF = "縺繧繝", 32.0  # what is left of kana in UTF-8; as words they are next to unknown
_LEVEL_2_AT, _VENDOR_AT = 0x989F, 0xED40
_USUAL_WIDE = frozenset("　、。・（）「」～－／％：＆！？．，")
_VENDOR_SYMBOLS = frozenset("①②③④⑤⑥⑦⑧⑨⑩⑪⑫㈱㈲㈹№℡㍻㍼㍽㎡㎏㎝㎜㏄ⅠⅡⅢⅣⅤ─━│┃┌┐└┘├┤┬┴┼※○●△▲□■◎☆★→×℃〒")
_RANGES = (
    ("\u3041", "\u309e", Sign(HIRAGANA, 5.2)),
    ("\u30a1", "\u30fe", Sign(KATAKANA, 5.5)),
    ("\ue000", "\ue757", Sign(IDEOGRAPH, _GAIJI)),
    ("\uff10", "\uff5a", Sign(WIDE, 5.5)),
)


def _kanji(char: str, bits: dict[str, float]) -> float:
    usual = bits.get(char)
    if usual is not None:
        return usual
    try:
        code = int.from_bytes(char.encode("cp932"))
    except UnicodeEncodeError:
        return _VENDOR
    return _LEVEL_1 if code < _LEVEL_2_AT else _LEVEL_2 if code < _VENDOR_AT else _VENDOR


def _between(before: str, char: str) -> float:
    """Return what a half-width character costs beside its frequency, for what stands before it."""
    if not _is_half_width(char):
        return 8.0 if before == "ｰ" and char in "CF" else 0.0  # rather degrees than a hyphen
    if char in _ONLY_AFTER:
        usual, bits = _ONLY_AFTER[char]
        return 0.0 if before in usual else bits
    if char in "ｲｳ" and before == "m":
        return 7.0  # rather square and cubic metres
    first = not _is_half_width(before)
    if char == "ｰ":
        # Between digits it is a hyphen, and a line of them stands for a missing value.
        return 10.0 if before in _NO_LENGTH else -4.0 if before in _HYPHENS else 5.0 if first else 0.0
    return (_SELDOM_FIRST if first or before in "･ｯ" else _SELDOM_INSIDE).get(char, 0.0)


_ANY_KANA, _ANY_WORD = 6.3, 2.5  # bits: of 63 characters, each as likely as any other


def any_kana_bits(word: str) -> float:
    """Return how improbable a word is as half-width kana in any order, as in a code."""
    kana = [char for char in word if not char.isascii() or char.isalpha()]
    if len(kana) < 2 or not all(map(_is_half_width, kana)):  # noqa: PLR2004
        return inf
    return _ANY_WORD + _ANY_KANA * len(kana)


def _is_half_width(char: str) -> bool:
    return "\uff61" <= char <= "\uff9f"


@cache
def japanese() -> Writing:
    """Return the writing of Japanese."""
    kanji = ranked(KANJI) | dict.fromkeys(_HALVES, _HALF)
    signs = {char: Sign(HALF_WIDTH, 3.3 + rank / 10) for rank, char in enumerate(_HALF_WIDTH)}
    signs |= dict.fromkeys(_USUAL_WIDE, Sign(WIDE, 5.5)) | dict.fromkeys(_VENDOR_SYMBOLS, Sign(WIDE, 7.0))

    def sign(char: str) -> Sign:
        if "\u4e00" <= char <= "\u9fff" or "\uf900" <= char <= "\ufaff" or char in "々〆仝ヶ":
            return Sign(IDEOGRAPH, _kanji(char, kanji))
        known = signs.get(char) or next(
            (found for first, last, found in _RANGES if first <= char <= last), None
        )
        if known is not None:
            return known
        if not char.isprintable():
            return Sign(CONTROL, 14.0)
        return Sign(WIDE if char > "\u3000" else CAPITAL if char.isalpha() else SYMBOL, 12.0)

    return Writing(sign, _between)
