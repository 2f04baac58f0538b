"""How text from outside is shown: whole, and so that it can do nothing to a screen or to whoever reads it.

Names and values come from whoever can write to a share, messages from a service. Escape sequences in them would be
obeyed by terminals, line breaks would make lines of their own, and signs that turn the direction of writing would make
a name look like another.
"""

import json
import unicodedata


def display(text: str) -> str:
    """Return a name or a value on one line, as people should see it: composed, whatever cannot be printed escaped."""
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


def printable(text: str) -> str:
    """Return a text of several lines as people should see it."""
    return "\n".join(map(display, text.split("\n")))


def json_escaped(document: str) -> str:
    """Return a JSON document that says the same with whatever cannot be printed escaped; all of that is in strings."""
    return "\n".join(
        line if line.isprintable() else "".join(map(_json_escaped, line)) for line in document.split("\n")
    )


def _json_escaped(char: str) -> str:
    return char if char.isprintable() or char == "\u3000" else json.dumps(char)[1:-1]
