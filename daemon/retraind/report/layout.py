"""The layout of texts on the share: wrapped for any editor, each command on one line, to be copied.

Japanese has no spaces to wrap at: a line may end after any character, except where typesetting rules it out
(no 。 and no closing bracket begins a line, no opening one ends it). No name, date, command or short
parenthesis is cut.
"""

import re
import unicodedata
from collections.abc import Iterable, Iterator

from retraind.system.escape import printable

WIDTH = 100
"""Of texts on the share, which any editor shows."""
_COMMAND = re.compile(
    r"\bretraind (?:adopt [^\s」]+ [^\s」（]+|(?:release|retry|switch|show)(?: --all)? [^\s」（]+"
    r"|rebuild|status|jobs|check)(?: --(?:state|accept) [^\s」（]+)*(?: -c (?:'[^']*'|[^\s」（]+))?"
)
_NO_BREAK = "\x00"
_WORD = re.compile(r"[^ ]+ *| +")
_BLANKS = str.maketrans(dict.fromkeys("\t\n\v\f\r", " "))
_JAPANESE_HELD = re.compile(
    rf"{_COMMAND.pattern}|「[^「」]{{1,40}}」|（[^（）「」、。]{{1,40}}）"
    r"|\d+年\d+月\d+日 \d+:\d\d:\d\d [A-Z]*|\d[\d,.]*[^\W\d_A-Za-z]"
)
"""Commands, names in their brackets, short parentheses, moments, and numbers with their counters."""
_BEHIND_COMMAND = re.compile(rf"(?P<command>{_COMMAND.pattern})(?: (?=\()|(?=（))")
"""A command with the code of its message behind it, which is not to be copied with it."""
_NEVER_FIRST = frozenset(
    "、。，．・：；？！）］｝〕〉》」』】～〜…‥％々ーぁぃぅぇぉっゃゅょゎァィゥェォッャュョヮヵヶ)]},.:;!?%"
)
_NEVER_LAST = frozenset("（［｛〔〈《「『【([{")


def cells(text: str) -> int:
    """Return how many columns a line takes: East Asian characters take two."""
    return len(text) if text.isascii() else len(text) + sum(map(_is_wide, text))


def _is_wide(char: str) -> bool:
    return unicodedata.east_asian_width(char) in {"W", "F"}


def fill(text: str, first: str = "", following: str = "", width: int = WIDTH, language: str = "en") -> str:
    """Wrap a paragraph; names and commands are not cut, and a code behind a command begins a line."""
    text = text.translate(_BLANKS)
    if "retraind " not in text:
        return _filled(text, first, following, width, language)
    lines = _BEHIND_COMMAND.sub(r"\g<command>\n", text).split("\n")
    return "\n".join(
        _filled(line, following if number else first, following, width, language)
        for number, line in enumerate(lines)
    )


def _filled(text: str, first: str, following: str, width: int, language: str) -> str:
    if cells(first) + cells(text) <= width:
        return (first + text).rstrip(" ")
    if language == "ja":
        return _wrapped(_pieces(text), first, following, width)
    held = text
    if "retraind " in text:
        held = _COMMAND.sub(lambda found: found[0].replace(" ", _NO_BREAK), text)
    return _wrapped(_WORD.findall(held), first, following, width).replace(_NO_BREAK, " ")


def _wrapped(pieces: Iterable[str], first: str, following: str, width: int) -> str:
    lines: list[str] = []
    line, room = first, width - cells(first)
    begun = False
    for piece in pieces:
        word = piece.rstrip(" ")
        taken = cells(word)
        if begun and taken > room:
            lines.append(line.rstrip(" "))
            line, room = following, width - cells(following)
        line += piece
        room -= taken + len(piece) - len(word)
        begun = True
    return "\n".join([*lines, line.rstrip(" ")])


def _pieces(text: str) -> Iterator[str]:
    """Return the parts of a paragraph between which a line may end."""
    held = {at for found in _JAPANESE_HELD.finditer(text) for at in range(found.start() + 1, found.end())}
    begin = 0
    for at in range(1, len(text)):
        before, after = text[at - 1], text[at]
        if at in held or after == " " or after in _NEVER_FIRST or before in _NEVER_LAST:
            continue
        if before == " " or _is_wide(before) or _is_wide(after):
            yield text[begin:at]
            begin = at
    yield text[begin:]


class LaidOut(str):
    """A text that `paragraphs` leaves as it is."""

    __slots__ = ()


def bullets(sentences: Iterable[str], width: int = WIDTH, language: str = "en") -> str:
    """List sentences, wrapped."""
    return "\n".join(fill(sentence, "  - ", "    ", width, language) for sentence in sentences)


def paragraphs(parts: Iterable[str], width: int = WIDTH, language: str = "en") -> str:
    """Join paragraphs; their long lines are wrapped, except indented ones."""
    wrapped = (
        part
        if isinstance(part, LaidOut)
        else "\n".join(
            line
            if cells(line) <= width or line.startswith(" ")
            else fill(line, width=width, language=language)
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
