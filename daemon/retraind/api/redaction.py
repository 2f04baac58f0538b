"""What a key looks like, and how keys are hidden in texts from outside, whatever is between their characters.

Knows neither where a text comes from nor where it goes.
"""

import hashlib
import re
import unicodedata
from collections.abc import Iterator
from typing import NamedTuple

from retraind.system.addresses import HIDDEN

SHORTEST_PIECE = 8
"""Consecutive characters of a key that are hidden, even if the rest of it is not there."""
_ENCODED = re.compile("%([0-9a-fA-F]{2})")
_FIRST, _LAST = "!", "~"
"""A key consists of characters between these."""


def can_be_key(text: str) -> bool:
    """Return whether a text consists of the characters of keys. Only these can be sent in a header."""
    return bool(text) and all(_FIRST <= char <= _LAST for char in text)


def fingerprint(key: str) -> str:
    """Return what distinguishes keys without showing them."""
    return hashlib.sha256(b"retraind fingerprint\0" + key.encode()).hexdigest()[:12]


def hidden(text: str, *secrets: str) -> str:
    """Return `text` without these secrets, and without pieces of them, as a person would read and copy them.

    Case, width and percent-encoding make no difference, nor do characters in between that are in no key:
    white space, line breaks, combining and invisible characters.
    """
    found = [
        span for secret in secrets for decoding in (False, True) for span in _spans(text, secret, decoding)
    ]
    shown, end = [], 0
    for begin, until in sorted(found):
        if begin >= end:
            shown.append(text[end:begin] + HIDDEN)
        end = max(end, until)
    return "".join(shown) + text[end:]


def holds(text: str, secret: str) -> bool:
    """Return whether all of a secret is in `text`, as `hidden` reads it; False for one as short as a word."""
    if len(secret) < SHORTEST_PIECE:
        return False
    plain = _plain(secret)
    return any(plain in "".join(each.char for each in _read(text, decoding)) for decoding in (False, True))


class _Char(NamedTuple):
    char: str
    begin: int
    end: int


def _spans(text: str, secret: str, decoding: bool) -> Iterator[tuple[int, int]]:  # noqa: FBT001
    plain = _plain(secret)
    length = min(len(plain), SHORTEST_PIECE)
    if not length:
        return
    pieces = {plain[at : at + length] for at in range(len(plain) - length + 1)}
    read = list(_read(text, decoding))
    joined = "".join(each.char for each in read)
    begin = end = 0
    for at in range(len(joined) - length + 1):
        if joined[at : at + length] not in pieces:
            continue
        if at > end or begin == end:
            if begin != end:
                yield read[begin].begin, read[end - 1].end
            begin = at
        end = at + length
    if begin != end:
        yield read[begin].begin, read[end - 1].end


def _plain(secret: str) -> str:
    return "".join(each.char for each in _read(secret, decoding=False))


def _read(text: str, decoding: bool) -> Iterator[_Char]:  # noqa: FBT001
    """Yield the characters of which a key may consist, in small letters, with their positions in `text`."""
    at = 0
    while at < len(text):
        code = _ENCODED.match(text, at) if decoding else None
        end = code.end() if code else at + 1
        char = chr(int(code[1], 16)) if code else text[at]
        for each in char if char.isascii() else unicodedata.normalize("NFKD", char):
            if _FIRST <= each <= _LAST:
                yield _Char(each.lower(), at, end)
        at = end
