"""Finds a column by its name, whatever the encoding that the file has it in."""

from collections.abc import Sequence

from retraind.dataset.reader.encodings.candidates import OTHERS, SHIFT_JIS
from retraind.dataset.reader.encodings.verdict import decode

_ESCAPING = ("iso2022_jp_2", "iso2022_jp_ext", "iso2022_kr", "hz")

_READ_DIFFERENTLY = str.maketrans("〜−‖¢£¬—¦", "～－∥￠￡￢―￤")
"""Characters of Shift_JIS that programs read as two different ones; on the right, those of Windows."""


def column_named(cells: Sequence[bytes], name: str) -> int | None:
    """Return the place of the first column whose name is `name`, from 0; None if there is none.

    A name is compared as text: in Shift_JIS, several bytes stand for the same character (髙 is FB FC and
    EE E0). A file in an encoding that the service does not read has columns as well.
    """
    wide = name.translate(_READ_DIFFERENTLY)
    for at, cell in enumerate(cells):
        if cell == name.encode("utf-8", "surrogatepass"):
            return at
    for at, cell in enumerate(cells):
        if not cell.isascii() and decode(cell, SHIFT_JIS.codec) == wide:
            return at
    if name.isascii():
        return None
    codecs = (*(other.codec for other in OTHERS), *_ESCAPING)
    return next((at for at, cell in enumerate(cells) if any(_is(cell, name, each) for each in codecs)), None)


def _is(cell: bytes, name: str, codec: str) -> bool:
    return decode(cell, codec) == name
