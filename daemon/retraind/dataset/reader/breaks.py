"""Line breaks and quotes, as bytes: what ends a line and a record. CR LF is one line break."""

QUOTE = b'"'
CR, LF, CRLF = b"\r", b"\n", b"\r\n"


def line_breaks(data: bytes | bytearray, start: int, end: int) -> int:
    """Count the line breaks in data[start:end]."""
    breaks = data.count(LF, start, end)
    if data.find(CR, start, end) >= 0:
        breaks += data.count(CR, start, end) - data.count(CRLF, start, end)
    return breaks


def kinds_of_breaks(data: bytes) -> frozenset[bytes]:
    """Return which of CR, LF and CR LF there are."""
    if data.find(CR) < 0:
        return frozenset({LF}) if data.find(LF) >= 0 else frozenset()
    pairs = data.count(CRLF)
    found = {CRLF: pairs, LF: data.count(LF) - pairs, CR: data.count(CR) - pairs}
    return frozenset(kind for kind, count in found.items() if count)
