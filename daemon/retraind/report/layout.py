"""The layout of texts on the share: wrapped for any editor, each command on one line, to be copied."""

import re
import textwrap
import unicodedata
from collections.abc import Iterable

from retraind.system.escape import printable

WIDTH = 100
"""Of texts on the share, which any editor shows."""
_COMMAND = re.compile(
    r"\bretraind (?:adopt \S+ \S+|(?:release|retry|switch|show)(?: --all)? \S+|rebuild|status|jobs|check)"
    r"(?: --state \S+)?(?: -c (?:'[^']*'|\S+))?"
)
_NO_BREAK, _SECOND_CELL = "\x00", "\x01"


def cells(text: str) -> int:
    """Return how many columns a line takes: East Asian characters take two."""
    return len(text) if text.isascii() else len(text) + sum(map(_is_wide, text))


def _is_wide(char: str) -> bool:
    return unicodedata.east_asian_width(char) in {"W", "F"}


def fill(text: str, first: str = "", following: str = "", width: int = WIDTH) -> str:
    """Wrap a paragraph; names and commands are not cut."""
    held = _COMMAND.sub(lambda found: found[0].replace(" ", _NO_BREAK), text)
    if not text.isascii():
        held = "".join(char + _SECOND_CELL * _is_wide(char) for char in held)
    wrapped = textwrap.fill(
        held,
        width,
        initial_indent=first,
        subsequent_indent=following,
        break_long_words=False,
        break_on_hyphens=False,
    )
    return wrapped.replace(_NO_BREAK, " ").replace(_SECOND_CELL, "")


class LaidOut(str):
    """A text that `paragraphs` leaves as it is."""

    __slots__ = ()


def bullets(sentences: Iterable[str], width: int = WIDTH) -> str:
    """List sentences, wrapped."""
    return "\n".join(fill(sentence, "  - ", "    ", width) for sentence in sentences)


def paragraphs(parts: Iterable[str], width: int = WIDTH) -> str:
    """Join paragraphs; their long lines are wrapped, except indented ones."""
    wrapped = (
        part
        if isinstance(part, LaidOut)
        else "\n".join(
            line if cells(line) <= width or line.startswith(" ") else fill(line, width=width)
            for line in part.splitlines()
        )
        for part in parts
    )
    return "\n\n".join(wrapped) + "\n"


def as_bytes(text: str) -> bytes:
    """Encode a text for the share: with a BOM and CRLF, so that Windows' own editor shows any language right.

    Whatever came from outside and cannot be printed is escaped.
    """
    return b"\xef\xbb\xbf" + printable(text).replace("\n", "\r\n").encode("utf-8", "backslashreplace")
