"""Which character encoding a file is in, told from all of its bytes in one pass.

UTF-8 and Shift_JIS (as Windows writes it, code page 932) are tried side by side until one of them is ruled
out, or so much is good UTF-8 that it can be nothing else.
"""

import codecs
from collections.abc import Callable
from dataclasses import dataclass

HEAD_BYTES = 1_000
"""The service looks at this many bytes to tell the encoding."""

_WIDE_MARKS = (codecs.BOM_UTF32_LE, codecs.BOM_UTF32_BE, codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)
_SURE_UTF8 = (
    1_000  # bytes beyond ASCII that are all good UTF-8: no text in another encoding is that by chance
)
_WIDE_SHARE = 0.4  # of every other byte: Western text in UTF-16 has a NUL in nearly all of them


@dataclass(frozen=True, slots=True)
class BadByte:
    """The first byte at which a file stops being in an encoding. `offset` counts from 0, in bytes of the file."""

    offset: int
    line: int
    value: int


@dataclass(frozen=True, slots=True)
class Encoding:
    """What the bytes say. `name` is ascii, utf-8, utf-8-sig, shift_jis, or unknown when neither reading holds."""

    name: str
    ascii_head: bool  # the first 1,000 bytes are ASCII
    marked: bool = False  # the file starts with the mark of UTF-8
    not_utf8: BadByte | None = None
    not_shift_jis: BadByte | None = None

    def text(self, value: bytes) -> str:
        """Return the text of a value of this file, with a sign in place of what cannot be read."""
        return value.decode("cp932" if self.name == "shift_jis" else "utf-8", "replace")


def is_utf16(head: bytes) -> bool:
    """Tell UTF-16 and UTF-32 by their mark, or by a NUL in nearly every other byte."""
    if head.startswith(_WIDE_MARKS):
        return True
    start = head[:HEAD_BYTES]
    return sum(start[odd::2].count(0) > _WIDE_SHARE * len(start) / 2 for odd in (0, 1)) == 1


class _Reading:
    """One encoding, tried until the first byte that does not fit."""

    def __init__(self, codec: str) -> None:
        self.bad: BadByte | None = None
        self.beyond_ascii = 0  # bytes more than characters, which is at least one for each beyond ASCII
        self._decoder = codecs.getincrementaldecoder(codec)("strict")
        self._held = b""  # the beginning of a character that the last piece cut in two

    def feed(
        self, piece: bytes, offset: int, line_of: Callable[[int], int], *, ascii_only: bool, final: bool
    ) -> None:
        if self.bad is not None or (ascii_only and not self._held and not final):
            return
        try:
            text = self._decoder.decode(piece, final)
        except UnicodeDecodeError as error:
            place = error.start - len(self._held)
            self.bad = BadByte(offset + place, line_of(place), (self._held + piece)[error.start])
            return
        self.beyond_ascii += len(piece) - len(text)
        self._held = self._decoder.getstate()[0]


class EncodingCheck:
    """Takes a file's bytes piece by piece, without its UTF-8 mark; `result` tells the encoding at the end."""

    def __init__(self, head: bytes) -> None:
        self.mark = codecs.BOM_UTF8 if head.startswith(codecs.BOM_UTF8) else b""
        self._ascii_head = head[len(self.mark) : HEAD_BYTES].isascii()
        self._ascii = True
        self._offset = len(self.mark)
        self._utf8 = _Reading("utf-8")
        self._shift_jis = _Reading("cp932")

    def feed(self, piece: bytes, line_of: Callable[[int], int], *, final: bool = False) -> None:
        """Look at the next piece; `line_of` gives the line of an offset in it. End with an empty, final piece."""
        ascii_only = piece.isascii()
        self._ascii = self._ascii and ascii_only
        self._utf8.feed(piece, self._offset, line_of, ascii_only=ascii_only, final=final)
        if not self._only_utf8:
            self._shift_jis.feed(piece, self._offset, line_of, ascii_only=ascii_only, final=final)
        self._offset += len(piece)

    @property
    def _only_utf8(self) -> bool:
        return bool(self.mark) or self._utf8.beyond_ascii >= _SURE_UTF8

    def result(self) -> Encoding:
        """Return what is known after the last piece. UTF-8 wins when both readings hold: chance favours it."""
        not_utf8, not_shift_jis = self._utf8.bad, self._shift_jis.bad
        if not_utf8 is not None:
            name = "unknown" if self._only_utf8 or not_shift_jis else "shift_jis"
        elif self.mark:
            name = "utf-8-sig"
        else:
            name = "ascii" if self._ascii else "utf-8"
        return Encoding(name, self._ascii_head, bool(self.mark), not_utf8, not_shift_jis)
