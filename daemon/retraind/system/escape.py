"""How text from outside is shown: completely, and so that it cannot affect a terminal or deceive a reader.

Names and values come from anybody who can write to a share, messages from a service. Terminals would obey
escape sequences in them, line breaks would start lines of their own, and characters that change the direction
of writing would make one name look like another.
"""

import codecs
import json
import unicodedata
from typing import TextIO


def display(text: str) -> str:
    """Return a name or a value on one line for people: composed, with unprintable characters escaped."""
    text = unicodedata.normalize("NFC", text)
    if text.isprintable():
        return text
    return "".join(
        char
        if char.isprintable() or char == "\u3000"
        else char.encode("utf-8", "surrogateescape").decode("utf-8", "backslashreplace")
        if "\udc80" <= char <= "\udcff"
        else repr(char)[1:-1]
        for char in text
    )


def display_name(text: str) -> str:
    """Return a name like `display`, with a space at either end escaped too: nobody would see it."""
    shown = display(text)
    inner = shown.strip(" \u3000")
    if len(inner) == len(shown):
        return shown
    before, _, after = shown.partition(inner) if inner else ("", "", shown)
    return f"{_escaped(before)}{inner}{_escaped(after)}"


def _escaped(spaces: str) -> str:
    return "".join("\\x20" if char == " " else "\\u3000" for char in spaces)


def printable(text: str) -> str:
    """Return a text of several lines for people."""
    return "\n".join(map(display, text.split("\n")))


def json_escaped(document: str) -> str:
    """Return the same JSON document with unprintable characters escaped; they can only be in strings."""
    return "\n".join(
        line if line.isprintable() else "".join(map(_json_escaped, line)) for line in document.split("\n")
    )


def _json_escaped(char: str) -> str:
    return char if char.isprintable() or char == "\u3000" else json.dumps(char)[1:-1]


def is_unicode(stream: TextIO) -> bool:
    """Return whether a stream takes every character."""
    encoding = getattr(stream, "encoding", None)
    return encoding is None or codecs.lookup(encoding).name == "utf-8"
