"""What a file is from its first invalid byte on: in another encoding, or damaged."""

import re
from dataclasses import dataclass
from typing import NamedTuple

from retraind.dataset.reader.breaks import line_breaks
from retraind.dataset.reader.encodings.candidates import SHIFT_JIS
from retraind.dataset.reader.encodings.evidence import Evidence
from retraind.dataset.reader.encodings.verdict import LOST, decode, has_usual, judge

BINARY = "binary"
"""What is no text at all."""
UTF_16 = "UTF-16"

_KEPT = 16 << 10
"""Bytes from the first invalid one on: enough to recognise an encoding, and the end of most damage."""
_JUDGED = 4 << 10
"""Of these, in which the encoding shows."""
_FEWEST_WORDS = 2
_AT_END = 1 << 10
"""Bytes at the end of these in which damage may go on."""

_CONTROLS = re.compile(rb"[\x00-\x08\x0b\x0e-\x19\x1c-\x1f\x7f]")
_FEWEST_CONTROLS = 4  # different ones; what separates columns and lines is one or two
_ERASED = re.compile(rb"([\x80\xa0\xfd-\xff])\1{15,}+")
"""A run of a byte that begins no character in UTF-8, nor in the Shift_JIS that people write."""
_FEWEST_NULS = 8  # of text in UTF-16
_ONE_SIDE = 0.95  # of these, which are every other byte


class Part(NamedTuple):
    """A part of a file that is not as the rest."""

    kind: str
    """The name of its encoding, or BINARY."""
    line: int
    """The line in which it begins."""
    last_line: int | None
    """That in which it ends, as far as that is known."""

    @property
    def is_damage(self) -> bool:
        """Whether it is read wrongly as rows."""
        return self.kind in {BINARY, UTF_16}


@dataclass
class Start:
    """Receives the first bytes of a part."""

    line: int
    data: bytes = b""

    @property
    def is_full(self) -> bool:
        """True when no more bytes are needed."""
        return len(self.data) >= _KEPT

    def add(self, piece: bytes) -> None:
        """Read the next bytes."""
        self.data += piece[: _KEPT - len(self.data)]

    def damage(self) -> Part | None:
        """Return the part if it is text in UTF-16 or none at all, whatever the rest is in."""
        if is_utf16(self.data):
            return Part(UTF_16, self.line, None)
        controls = _CONTROLS.findall(self.data)
        if len({*controls}) >= _FEWEST_CONTROLS or _ERASED.search(self.data):
            return Part(BINARY, self.line, self._last_line())
        return None

    def _last_line(self) -> int | None:
        ends = [
            found.end() for expression in (_CONTROLS, _ERASED) for found in expression.finditer(self.data)
        ]
        end = max(ends)
        if self.is_full and end > len(self.data) - _AT_END:
            return None
        return self.line + line_breaks(self.data, 0, end)

    def encoding(self, codec: str) -> Part | None:
        """Return the part if it is in another encoding than the text before it, which is in `codec`."""
        lines = self.data[:_JUDGED].splitlines()[: None if len(self.data) < _JUDGED else -1]
        other = {at: line for at, line in enumerate(lines) if not _is_valid(line, codec)}
        evidence = Evidence()
        evidence.add(b"\n".join(other.values()), lambda _: self.line, ascii_only=False, final=True)
        words = evidence.words
        if len(words) < _FEWEST_WORDS:
            return None
        found = judge(words)
        likely = SHIFT_JIS if found is None else found
        is_usual = has_usual(words, SHIFT_JIS) if found is None else found.usual and found.is_doubt
        if likely.codec == codec or not is_usual:
            return None
        if not all(_is_valid(line, likely.codec) for line in other.values()):
            return None  # only some characters are damaged
        ends = any(not line.isascii() for line in lines[max(other) + 1 :])
        return Part(likely.name, self.line, self.line + max(other) if ends else None)


def _is_valid(line: bytes, codec: str) -> bool:
    return LOST not in decode(line.replace(LOST.encode(), b""), codec)


def is_utf16(data: bytes) -> bool:
    """Return whether NULs in a text are the halves of characters."""
    nuls = [found.start() % 2 for found in re.finditer(b"\0", data)]
    odd = sum(nuls)
    return len(nuls) >= _FEWEST_NULS and max(odd, len(nuls) - odd) >= _ONE_SIDE * len(nuls)
