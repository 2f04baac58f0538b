"""Recognises UTF-7, whose bytes are all ASCII: a plus sign begins other characters, in Base64 of UTF-16."""

import base64
import binascii
import re
from collections.abc import Callable
from typing import NamedTuple

_SEQUENCE = re.compile(rb"\+([A-Za-z0-9+/]*)(-?)")
_NUMBER = re.compile(rb"[0-9]+(?:[eE][+-]?[0-9]+)?")
_OPEN = re.compile(rb"\+[A-Za-z0-9+/]*\Z")
_LETTERS = re.compile(
    "[\u00a1-\u024f\u0370-\u04ff\u2010-\u2122\u3000-\u30ff\u3400-\u9fff\uac00-\ud7a3\uff01-\uffe5]+"
)
_BITS, _OF_BASE64 = 16, 6  # of a character, and of a byte of Base64

_MOST = 400  # sequences that are looked at: more of them change no verdict
_LONGEST = 1_024  # bytes of one that the end of a piece may cut
_SURE_WORDS, _SURE_CHARS = 2, 4


class Found(NamedTuple):
    """A word in UTF-7."""

    line: int
    text: str
    written: str


class Utf7:
    """Receives a file's bytes in pieces, as long as they are ASCII."""

    def __init__(self) -> None:
        self.first: Found | None = None
        self._texts: set[str] = set()
        self._count = 0
        self._is_other = False  # a plus sign is just one
        self._last = b""  # the end of the last piece, where such a word has begun

    @property
    def is_likely(self) -> bool:
        """True when each plus sign begins a word in another script, and there is one."""
        return self.first is not None and not self._is_other

    @property
    def is_sure(self) -> bool:
        """True when this is no chance: there are two such words, or a long one."""
        return self.is_likely and (
            len(self._texts) >= _SURE_WORDS or max(map(len, self._texts)) >= _SURE_CHARS
        )

    def feed(self, piece: bytes, line_of: Callable[[int], int], *, final: bool = False) -> None:
        """Read the next piece; `line_of` returns the line of an offset in it."""
        if self._is_other or self._count >= _MOST or (not self._last and piece.find(b"+") < 0):
            return
        data, before = self._last + piece, len(self._last)
        self._last = b""
        if not final and (cut := _OPEN.search(data, max(0, len(data) - _LONGEST))) is not None:
            data, self._last = data[: cut.start()], cut[0]
        for found in _SEQUENCE.finditer(data):
            if self._count >= _MOST:
                return
            if found[0] == b"+-":  # stands for a plus sign
                continue
            text = _text(found[1])
            if text is None:
                self._is_other = True
                return
            self._count += 1
            self._texts.add(text)
            if self.first is None:
                line = line_of(max(0, found.start() - before))
                self.first = Found(line, text, found[0].decode("ascii"))


def _text(written: bytes) -> str | None:
    """Return what is written in Base64; None if that is no text in another script."""
    rest = len(written) * _OF_BASE64 % _BITS
    if not written or rest >= _OF_BASE64 or _NUMBER.fullmatch(written):
        return None
    try:
        data = base64.b64decode(written + b"=" * (-len(written) % 4), validate=True)
        text = data[: len(written) * _OF_BASE64 // _BITS * 2].decode("utf-16-be")
    except (binascii.Error, UnicodeDecodeError):
        return None
    # The bits that fill the last byte are zeros.
    if base64.b64encode(text.encode("utf-16-be")).rstrip(b"=") != written.rstrip(b"="):
        return None
    letters = "".join(char for char in text if not char.isascii())
    return text if letters and _LETTERS.fullmatch(letters) else None
