"""The layout of texts on the share: wrapped for any editor, each command on one line, to be copied."""

import re
import textwrap
from collections.abc import Iterable

from retraind.system.escape import printable

_WIDTH = 100
_COMMAND = re.compile(r"\bretraind (?:adopt \S+|release|retry|switch|rebuild|show)(?: \S+)?")
_NO_BREAK = "\x00"


def fill(text: str, first: str = "", following: str = "") -> str:
    """Wrap a paragraph; names are not cut."""
    held = _COMMAND.sub(lambda found: found[0].replace(" ", _NO_BREAK), text)
    wrapped = textwrap.fill(
        held,
        _WIDTH,
        initial_indent=first,
        subsequent_indent=following,
        break_long_words=False,
        break_on_hyphens=False,
    )
    return wrapped.replace(_NO_BREAK, " ")


def bullets(sentences: Iterable[str]) -> str:
    """List sentences, wrapped."""
    return "\n".join(fill(sentence, "  - ", "    ") for sentence in sentences)


def paragraphs(parts: Iterable[str]) -> str:
    """Join paragraphs; their long lines are wrapped, except indented ones."""
    wrapped = (
        "\n".join(
            line if len(line) <= _WIDTH or line.startswith(" ") else fill(line) for line in part.splitlines()
        )
        for part in parts
    )
    return "\n\n".join(wrapped) + "\n"


def as_bytes(text: str) -> bytes:
    """Encode a text for the share: with a BOM and CRLF, so that Windows' own editor shows any language right.

    Whatever came from outside and cannot be printed is escaped.
    """
    return b"\xef\xbb\xbf" + printable(text).replace("\n", "\r\n").encode("utf-8", "backslashreplace")
