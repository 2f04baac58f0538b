"""Line breaks and quotes, as bytes: what ends a line and a record. CR LF is one line break."""

import sys

QUOTE = b'"'
CR, LF, CRLF = b"\r", b"\n", b"\r\n"


_COUNTS_SLOWLY = sys.version_info < (3, 14)
"""Python looks at one byte after the other to count, but finds the next one many times faster."""
_MANY = 64 << 10  # bytes, from which on that matters
_FIRST = 4 << 10  # bytes that show how long lines are
_LONG_LINE = 40  # bytes of a line; with shorter ones, counting is faster


def line_breaks(data: bytes | bytearray, start: int, end: int) -> int:
    """Count the line breaks in data[start:end]."""
    breaks = line_feeds(data, start, end)
    if data.find(CR, start, end) >= 0:
        breaks += data.count(CR, start, end) - data.count(CRLF, start, end)
    return breaks


def line_feeds(data: bytes | bytearray, start: int, end: int) -> int:
    """Count the line feeds in data[start:end]."""
    if (
        not _COUNTS_SLOWLY
        or end - start < _MANY
        or data.count(LF, start, start + _FIRST) * _LONG_LINE > _FIRST
    ):
        return data.count(LF, start, end)
    around = len(data) - (end - start)
    if around > _MANY:
        part = data[start:end]
        return len(part) - len(part.replace(LF, b""))
    return len(data) - len(data.replace(LF, b"")) - data.count(LF, 0, start) - data.count(LF, end)


def kinds_of_breaks(data: bytes) -> frozenset[bytes]:
    """Return which of CR, LF and CR LF there are."""
    if data.find(CR) < 0:
        return frozenset({LF}) if data.find(LF) >= 0 else frozenset()
    pairs = data.count(CRLF)
    found = {CRLF: pairs, LF: data.count(LF) - pairs, CR: data.count(CR) - pairs}
    return frozenset(kind for kind, count in found.items() if count)
