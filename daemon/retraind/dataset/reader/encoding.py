"""Detects the character encoding of a file from all of its bytes, in one pass.

UTF-8 and Shift_JIS (as Windows writes it, code page 932) are tried side by side until one of them is ruled
out, or there is so much valid UTF-8 that the file can be nothing else.
"""

import codecs
from collections.abc import Callable
from dataclasses import dataclass

HEAD_BYTES = 1_000
"""The service detects the encoding from the first bytes, this many."""

_WIDE_BOMS = (codecs.BOM_UTF32_LE, codecs.BOM_UTF32_BE, codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)
_SURE_UTF8 = (
    1_000  # bytes beyond ASCII that are all valid UTF-8: no text in another encoding is that by chance
)
_WIDE_SHARE = 0.4  # of every other byte: Western text in UTF-16 has a NUL in nearly all of them


@dataclass(frozen=True, slots=True)
class BadByte:
    """The first byte of a file that is invalid in an encoding."""

    offset: int  # in the file, from 0
    line: int
    value: int


@dataclass(frozen=True, slots=True)
class Encoding:
    """The detected encoding."""

    name: str  # ascii, utf-8, utf-8-sig, shift_jis, or unknown when the bytes are valid in none of them
    ascii_head: bool  # the first 1,000 bytes are ASCII
    has_bom: bool = False  # the file starts with the byte order mark of UTF-8
    not_utf8: BadByte | None = None
    not_shift_jis: BadByte | None = None

    def text(self, value: bytes) -> str:
        """Return the text of a value of this file, with U+FFFD in place of bytes that are invalid."""
        return value.decode("cp932" if self.name == "shift_jis" else "utf-8", "replace")


def is_utf16(head: bytes) -> bool:
    """Return whether this is UTF-16 or UTF-32: it has their mark, or nearly every other byte is NUL."""
    if head.startswith(_WIDE_BOMS):
        return True
    start = head[:HEAD_BYTES]
    return sum(start[odd::2].count(0) > _WIDE_SHARE * len(start) / 2 for odd in (0, 1)) == 1


class _Candidate:
    """One encoding, tried until the first invalid byte."""

    def __init__(self, codec: str) -> None:
        self.bad: BadByte | None = None
        self.beyond_ascii = 0  # bytes more than characters, which is at least one for each beyond ASCII
        self._decoder = codecs.getincrementaldecoder(codec)("strict")
        self._cut = b""  # the beginning of a character that continues in the next piece

    def feed(
        self, piece: bytes, offset: int, line_of: Callable[[int], int], *, ascii_only: bool, final: bool
    ) -> None:
        if self.bad is not None or (ascii_only and not self._cut and not final):
            return
        try:
            text = self._decoder.decode(piece, final)
        except UnicodeDecodeError as error:
            at = error.start - len(self._cut)
            self.bad = BadByte(offset + at, line_of(at), (self._cut + piece)[error.start])
            return
        self.beyond_ascii += len(piece) - len(text)
        self._cut = self._decoder.getstate()[0]


class EncodingDetector:
    """Receives a file's bytes in pieces, without the byte order mark; `result` returns the encoding."""

    def __init__(self, head: bytes) -> None:
        self.bom = codecs.BOM_UTF8 if head.startswith(codecs.BOM_UTF8) else b""
        self._ascii_head = head[len(self.bom) : HEAD_BYTES].isascii()
        self._ascii = True
        self._offset = len(self.bom)
        self._utf8 = _Candidate("utf-8")
        self._shift_jis = _Candidate("cp932")

    def feed(self, piece: bytes, line_of: Callable[[int], int], *, final: bool = False) -> None:
        """Read the next piece; `line_of` returns the line of an offset in it. The final piece is empty."""
        ascii_only = piece.isascii()
        self._ascii = self._ascii and ascii_only
        self._utf8.feed(piece, self._offset, line_of, ascii_only=ascii_only, final=final)
        if not self._only_utf8:
            self._shift_jis.feed(piece, self._offset, line_of, ascii_only=ascii_only, final=final)
        self._offset += len(piece)

    @property
    def _only_utf8(self) -> bool:
        return bool(self.bom) or self._utf8.beyond_ascii >= _SURE_UTF8

    def result(self) -> Encoding:
        """Return the encoding after the last piece. UTF-8 wins if both are valid: it rarely is by chance."""
        not_utf8, not_shift_jis = self._utf8.bad, self._shift_jis.bad
        if not_utf8 is not None:
            name = "unknown" if self._only_utf8 or not_shift_jis else "shift_jis"
        elif self.bom:
            name = "utf-8-sig"
        else:
            name = "ascii" if self._ascii else "utf-8"
        return Encoding(name, self._ascii_head, bool(self.bom), not_utf8, not_shift_jis)
