"""The characters of an encoding, as a regular expression for bytes."""

import functools
from collections.abc import Collection

ASCII = "ascii"
_BEYOND_ASCII = 0x80
_NEXT = rb"[\x80-\xbf]"
_UTF_8 = b"|".join(
    (
        rb"[\xc2-\xdf]" + _NEXT,
        rb"(?:\xe0[\xa0-\xbf]|[\xe1-\xec\xee\xef][\x80-\xbf]|\xed[\x80-\x9f])" + _NEXT,
        rb"(?:\xf0[\x90-\xbf]|[\xf1-\xf3][\x80-\xbf]|\xf4[\x80-\x8f])" + _NEXT * 2,
    )
)


def text_in(codec: str) -> bytes:
    """Return an expression for text in an encoding that has ASCII as it is."""
    return rb"(?:[\x00-\x7f]|%b)*" % beyond_ascii(codec)


@functools.cache
def beyond_ascii(codec: str) -> bytes:
    """Return an expression for all characters beyond ASCII that are known to Python's codec.

    The encoding is UTF-8, or one with no more than two bytes in a character.
    """
    if codec == "utf-8":
        return _UTF_8
    single: list[int] = []
    pairs: dict[frozenset[int], list[int]] = {}  # first bytes, by the second bytes that they may have
    for first in range(_BEYOND_ASCII, 0x100):
        if decodes(bytes([first]), codec):
            single.append(first)
        elif following := frozenset(each for each in range(0x100) if decodes(bytes([first, each]), codec)):
            pairs.setdefault(following, []).append(first)
    double = [_one_of(leads) + _one_of(following) for following, leads in pairs.items()]
    return b"|".join([_one_of(single), *double])


def decodes(value: bytes, codec: str) -> bool:
    """Return whether bytes are valid in an encoding."""
    try:
        value.decode(codec)
    except UnicodeDecodeError:
        return False
    return True


def _one_of(values: Collection[int]) -> bytes:
    found = sorted(values)
    begins = [each for each in found if each - 1 not in values]
    ends = [each for each in found if each + 1 not in values]
    return b"[%b]" % b"".join(b"\\x%02x-\\x%02x" % each for each in zip(begins, ends, strict=True))
