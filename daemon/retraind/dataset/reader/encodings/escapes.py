"""Finds encodings whose bytes are all ASCII: they switch character sets by escape sequences."""

import re

_ESCAPES = (
    (b"\x1b$)C", "ISO-2022-KR", "iso2022_kr"),
    (b"\x1b$)A", "ISO-2022-CN", "ascii"),
    (b"\x1b$A", "ISO-2022-CN", "ascii"),
    (b"\x1b$B", "ISO-2022-JP", "iso2022_jp_2"),
    (b"\x1b$@", "ISO-2022-JP", "iso2022_jp_2"),
    (b"\x1b$(D", "ISO-2022-JP", "iso2022_jp_2"),
    (b"\x1b(I", "ISO-2022-JP", "iso2022_jp_ext"),
)
"""What switches to characters beyond ASCII, the name of the encoding, Python's codec for it."""

LONGEST = max(len(escape) for escape, _, _ in _ESCAPES)

LONGEST_HZ = 1_024
"""Bytes of a text in HZ, from what begins it to what ends it; both are on one line."""
_HZ = re.compile(rb"~\{(?:[\x21-\x77][\x21-\x7e])+~\}")


def begun_in(end: bytes) -> int:
    """Return how many bytes at the end of a piece may begin what switches character sets."""
    found = end[-LONGEST_HZ:].rpartition(b"~{") if b"~" in end[-LONGEST_HZ:] else (b"", b"", b"")
    return LONGEST - 1 if not found[1] or b"\n" in found[2] else max(LONGEST - 1, 2 + len(found[2]))


def escape_in(piece: bytes) -> tuple[int, str, str] | None:
    """Return where text in such an encoding begins: the offset, the encoding's name, Python's codec."""
    found = None
    if b"\x1b" in piece:
        places = ((piece.find(escape), name, codec) for escape, name, codec in _ESCAPES)
        found = min((place for place in places if place[0] >= 0), default=None)
    # A search for one byte is far faster than one for two.
    if found is None and b"~" in piece and b"~{" in piece and (hz := _HZ.search(piece)) is not None:
        return hz.start(), "HZ", "hz"
    return found
