"""Which encoding a text is most probably in, by its words."""

import codecs
import re
import string
import unicodedata
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import NamedTuple

from retraind.dataset.reader.encodings.candidates import CESU_8, OTHERS, SHIFT_JIS, UTF_8, Candidate
from retraind.dataset.reader.encodings.evidence import WORD_BYTES, Word
from retraind.dataset.reader.encodings.japanese import any_kana_bits

SURE_BITS = 20
"""A text that is 2^20 times as improbable in Shift_JIS as in another encoding is not Shift_JIS."""
DOUBT_BITS = 4
"""From here on, Shift_JIS is doubtful."""
_SURE_BITS_OF_A_WORD = 1.5
"""And so much for each of its words: in many words, small differences that mean nothing add up."""

_USUAL_BITS = 11.5
"""What a character beyond ASCII costs at most, on average, in a text that means something: random characters
of Shift_JIS are rare ones in any other encoding."""

_ROUNDS = (0, 8, 40, None)
"""After so many words, the candidates that are far behind are dropped."""
_HOPELESS_BITS = 60.0

LOST = "\ufffd"
"""What stands in place of a character that cannot be read, here and in what other programs write."""
_NO_LETTERS = string.whitespace + string.digits + string.punctuation
_CUT_KANA = re.compile(rb"\xe3[\x81-\x83](?![\x80-\xbf])")
"""Two of the three bytes of kana. In Shift_JIS they are three kanji that hardly any word has."""
_CUT_LETTER = re.compile(rb"(?<=[a-z])\xc3(?![\x80-\xbf])")
"""One of the two bytes of a letter such as é; in Shift_JIS it is half-width kana behind Latin letters."""
_ANY_KANA, _ANY_LETTER = "\u3042".encode(), "\u00e9".encode()
_SURROGATES = re.compile(rb"\xed([\xa0-\xaf])([\x80-\xbf])\xed([\xb0-\xbf])([\x80-\xbf])")


class Example(NamedTuple):
    """A word that shows which encoding the text is in."""

    line: int
    text: str
    as_shift_jis: str


@dataclass(frozen=True, slots=True)
class Verdict:
    """The encoding that a text is most probably in."""

    name: str
    codec: str
    bits: float
    """The logarithm, to base 2, of how much likelier it is than Shift_JIS."""
    words: int
    usual: bool
    """Its characters are, on average, usual ones."""
    example: Example

    @property
    def is_sure(self) -> bool:
        """True when the text is not Shift_JIS."""
        return self.usual and self.bits >= max(SURE_BITS, _SURE_BITS_OF_A_WORD * self.words)

    @property
    def is_doubt(self) -> bool:
        """True when the text may not be Shift_JIS."""
        return self.bits >= DOUBT_BITS


def decode(value: bytes, codec: str, *, complete: bool = True) -> str:
    """Return the text of bytes in an encoding, with U+FFFD in place of those that mean nothing in it.

    If they are not `complete`, a character that is cut off at the end is left out.
    """
    if codec == CESU_8.codec:
        value, codec = _SURROGATES.sub(_joined, value), UTF_8.codec
    return codecs.getincrementaldecoder(codec)("replace").decode(value, complete)


def _joined(pair: re.Match[bytes]) -> bytes:
    high, low = (0xD000 | pair[at][0] << 6 & 0xFC0 | pair[at + 1][0] & 0x3F for at in (1, 3))
    return chr(0x10000 + ((high & 0x3FF) << 10 | low & 0x3FF)).encode()


def _read(candidate: Candidate, value: bytes, *, complete: bool = True) -> str:
    """Return a word in an encoding; what is cut off in UTF-8 is any kana or letter."""
    if candidate is UTF_8:
        value = _CUT_LETTER.sub(_ANY_LETTER, _CUT_KANA.sub(_ANY_KANA, value))
    return decode(value, candidate.codec, complete=complete)


def _bits_of(candidate: Candidate, value: bytes) -> float:
    text = _read(candidate, value, complete=len(value) < WORD_BYTES)
    bits = candidate.writing().bits(text)
    return min(bits, any_kana_bits(text)) if candidate is SHIFT_JIS else bits


def _bits(candidate: Candidate, words: Sequence[Word]) -> float:
    return sum(_bits_of(candidate, word.value) for word in words)


def judge(words: Sequence[Word]) -> Verdict | None:
    """Return the likeliest encoding of a text with these words; None if that is Shift_JIS."""
    sums = {each: each.rarity for each in (SHIFT_JIS, *OTHERS)}
    for begin, end in pairwise(_ROUNDS):
        if len(sums) == 1:
            return None
        sums = {each: bits + _bits(each, words[begin:end]) for each, bits in sums.items()}
        limit = min(sums.values()) + _HOPELESS_BITS
        sums = {each: bits for each, bits in sums.items() if bits < limit or each is SHIFT_JIS}
    likeliest = min(sums, key=sums.__getitem__)
    if likeliest is SHIFT_JIS:
        return None
    return Verdict(
        likeliest.name,
        likeliest.codec,
        sums[SHIFT_JIS] - sums[likeliest],
        len(words),
        has_usual(words, likeliest),
        _example(words, likeliest),
    )


def are_marks_alone(words: Sequence[Word]) -> bool:
    """Return whether each word in UTF-8 begins with a mark that belongs above a letter, without the letter.

    Such words are EUC-JP: kanji with bytes as low as these are also valid UTF-8.
    """
    firsts = [decode(word.value, UTF_8.codec).lstrip(_NO_LETTERS)[:1] for word in words]
    return bool(firsts) and all(first and unicodedata.category(first).startswith("M") for first in firsts)


def has_usual(words: Sequence[Word], candidate: Candidate) -> bool:
    """Return whether the characters of these words are, on average, usual ones in an encoding."""
    texts = (_read(candidate, word.value, complete=False) for word in words)
    bits = [candidate.writing().sign(char).bits for text in texts for char in text if not char.isascii()]
    return sum(bits) / max(1, len(bits)) <= _USUAL_BITS


def _example(words: Sequence[Word], likeliest: Candidate) -> Example:
    """Return the first word that shows the difference at least half as well as the best one."""
    gains = [_bits_of(SHIFT_JIS, word.value) - _bits_of(likeliest, word.value) for word in words]
    shown = next(word for word, bits in zip(words, gains, strict=True) if bits >= max(gains) / 2)
    text, as_shift_jis = (
        decode(shown.value, each.codec, complete=False).strip() for each in (likeliest, SHIFT_JIS)
    )
    return Example(shown.line, text, as_shift_jis)
