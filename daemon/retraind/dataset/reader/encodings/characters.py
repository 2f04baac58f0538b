"""The characters of an encoding with one or two bytes each, as a regular expression for bytes."""

from collections.abc import Iterable

_BEYOND_ASCII = 0x80


def text_in(codec: str) -> bytes:
    """Return an expression for text in an encoding, all of whose characters are known to Python's codec.

    The encoding needs to have ASCII as it is, and no more than two bytes in a character.
    """
    single: list[int] = [*range(_BEYOND_ASCII)]
    pairs: dict[frozenset[int], list[int]] = {}  # first bytes, by the second bytes that they may have
    for first in range(_BEYOND_ASCII, 0x100):
        if _decodes(bytes([first]), codec):
            single.append(first)
        elif following := frozenset(each for each in range(0x100) if _decodes(bytes([first, each]), codec)):
            pairs.setdefault(following, []).append(first)
    double = [_one_of(leads) + _one_of(following) for following, leads in pairs.items()]
    return b"(?:%b)*" % b"|".join([_one_of(single), *double])


def _decodes(value: bytes, codec: str) -> bool:
    try:
        value.decode(codec)
    except UnicodeDecodeError:
        return False
    return True


def _one_of(values: Iterable[int]) -> bytes:
    return b"[%b]" % b"".join(b"\\x%02x" % each for each in sorted(values))
