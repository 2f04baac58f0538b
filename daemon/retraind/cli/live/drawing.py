"""Lines for a terminal, cut to its width, and progress bars with speed and time left."""

from typing import NamedTuple, TextIO

from rich.text import Text

from retraind.cli.live.pace import Pace
from retraind.report.layout import cells
from retraind.report.wording import Voice
from retraind.system.escape import display, is_unicode

GAP = "  "
_LEAST_BAR, _LONGEST_BAR = 8, 40
"""Columns."""
_DONE = "green"
_DIM = "dim"


class Glyphs(NamedTuple):
    """The characters of lines that a terminal can show."""

    unicode: bool
    done: str
    open: str
    cut: str


_UNICODE, _ASCII = Glyphs(True, "━", "─", "…"), Glyphs(False, "#", "-", "~")


def glyphs_of(stream: TextIO) -> Glyphs:
    """Return the characters for a stream."""
    return _UNICODE if is_unicode(stream) else _ASCII


def printable(text: str, glyphs: Glyphs) -> str:
    """Return a text on one line, as the terminal can show it."""
    text = display(text)
    return text if glyphs.unicode else text.encode("ascii", "backslashreplace").decode()


def cut(text: str, width: int, glyphs: Glyphs) -> str:
    """Return a text on one line, of at most so many columns."""
    text = printable(text, glyphs)
    if cells(text) <= width:
        return text
    kept, room = "", width - 1
    for char in text:
        room -= cells(char)
        if room < 0:
            break
        kept += char
    return kept + glyphs.cut if width > 0 else ""


def column(text: str, width: int, glyphs: Glyphs) -> str:
    """Return a text of just so many columns."""
    text = cut(text, width, glyphs)
    return text + " " * (width - cells(text))


class Amount(NamedTuple):
    """How far something is."""

    done: int
    total: int | None
    is_bytes: bool = True


def progress_line(width: int, label: str, amount: Amount, pace: Pace, glyphs: Glyphs) -> Text:
    """Return a line with a bar: what does not fit is left out, what matters least first."""
    voice, done, total = Voice(), amount.done, amount.total
    rate, left = pace.rate, pace.left(total)
    parts = {
        "share": "" if not total else voice.label("progress_share", percent=min(100, 100 * done // total)),
        "left": "" if left is None else voice.label("progress_left", span=left),
        "rate": ""
        if rate is None or not total
        else voice.label("progress_rate", rate=round(rate), size=amount.is_bytes),
        "amount": ""
        if not total
        else voice.label("progress_amount", done=done, total=total, size=amount.is_bytes),
    }
    parts = {name: part for name, part in parts.items() if part}

    def room() -> int:
        return (
            width
            - cells(printable(label, glyphs))
            - sum(len(GAP) + cells(part) for part in parts.values())
            - len(GAP)
        )

    for name in ("amount", "rate", "left"):
        if room() < _LEAST_BAR:
            parts.pop(name, None)
    line = Text(cut(label, width, glyphs))
    if total and room() >= _LEAST_BAR:
        length = min(room(), _LONGEST_BAR)
        filled = min(length, length * done // total)
        line.append(GAP + glyphs.done * filled, _DONE).append(glyphs.open * (length - filled), _DIM)
    for name in ("share", "amount", "rate", "left"):
        if name in parts:
            line.append(GAP + parts[name])
    line.truncate(width)
    return line
