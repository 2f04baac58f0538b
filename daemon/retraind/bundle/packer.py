"""Packs a delivery's files into the zip while they are read for the preflight."""

import codecs

from retraind.bundle.zip_writer import Archive


class Packer:
    """Packs a file into an archive. With `mark` it adds the byte order mark to a file of UTF-8 that has none.

    The file's first piece decides. `marked` is what was done, to be compared with what the complete file
    turned out to be.
    """

    def __init__(self, archive: Archive, name: str, size: int, *, mark: bool) -> None:
        self._archive = archive
        self._name = name
        self._size = size
        self._mark = mark
        self._begun = False
        self.marked = False

    def take(self, piece: bytes) -> None:
        """Receive the next piece."""
        if not self._begun:
            self.marked = self._mark and _unmarked_utf8(piece)
            self._archive.begin(self._name, self._size, codecs.BOM_UTF8 if self.marked else b"")
            self._begun = True
        self._archive.add(piece)

    def end(self) -> None:
        """Receive the end of the file."""
        if not self._begun:
            self._archive.begin(self._name, self._size)
        self._archive.end()


def _unmarked_utf8(start: bytes) -> bool:
    if start.startswith(codecs.BOM_UTF8) or start.isascii():
        return False
    try:
        codecs.getincrementaldecoder("utf-8")().decode(start)
    except UnicodeDecodeError:
        return False
    return True
