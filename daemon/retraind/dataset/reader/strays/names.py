"""Rows that are not data: the header once more, nothing but delimiters and blanks, a line under the names.

Values are Latin-1, which maps each byte to one character; so a character beyond ASCII is several, in UTF-8 or
in Shift_JIS.
"""

import re
from collections.abc import Callable, Sequence
from functools import cached_property

MARK = b"\xef\xbb\xbf"
"""U+FEFF in UTF-8: the byte order mark where it opens a file."""
LOST = b"\xef\xbf\xbd"
"""U+FFFD in UTF-8: what programs write in place of a character that they cannot read."""
CTRL_Z = b"\x1a"
FORM_FEED = b"\x0c"
"""What reports have between pages, each of which may begin with the names."""

_TELLING = 8  # characters in all names, from which on a row in another case or order is no chance
_ORDERED = 3  # names, from which on another order of them is no chance either
_NAME = 512  # bytes of a name, to recognise the header by
_MOST_NAMES = 2_000  # bytes of all names that a witness tells apart
_TOLD_APART = 64  # bytes of a name

_MARKS = tuple(each.decode("latin-1") for each in (MARK, CTRL_Z, FORM_FEED))
BLANK = rb"(?:[ \t]|\xe3\x80\x80|\x81\x40|\xc2\xa0)"
"""An expression for a space, a tab, U+3000 in UTF-8 and in Shift_JIS, U+00A0 in UTF-8."""
BLANK_BYTES = (b" ", b"\t", b"\xe3\x80\x80", b"\x81\x40", b"\xc2\xa0")
_BLANKS = re.compile(BLANK.decode("latin-1") + "*")
BLANK_STARTS = frozenset({"", " ", "\t", "\xe3", "\x81", "\xc2"})
"""Of rows that may be blank."""

_LINE_STARTS = frozenset(
    bytes((byte,)) for byte in b",;|\t-=:\x84\xe2" + b"".join(each[:1] for each in (MARK, *BLANK_BYTES))
)
"""The first bytes of lines that may be blank, be all hyphens or begin with a mark, whatever the delimiter."""

_HYPHENS = re.compile(r":?(?:-+|=+):?|(?:\xe2\x94[\x80\x81]|\xe2\x95\x90|\x84[\x9f\xaa]){2,}")
"""Hyphens, equals signs, lines of boxes in UTF-8 or Shift_JIS; colons as in Markdown."""
_OTHER_SIGNS = re.compile(r"([_*~+#])\1{2,}")  # these may be values when they are few
RULE_STARTS = frozenset("-=: \xe2\x84")
RULE_BYTES = (b"--", b"==", b"\xe2\x94", b"\xe2\x95\x90", b"\x84\x9f", b"\x84\xaa")
"""How the cells of a line of hyphens or the like begin, without spaces."""
RULE = rb'"?:?(?:-{2,}|={2,}|(?:\xe2\x94[\x80\x81]|\xe2\x95\x90|\x84[\x9f\xaa]){2,}):?"?'
"""An expression for such a cell."""
_MANY_CELLS, _LONG_CELL = 3, 5  # from which on a row of hyphens is none of values that are missing


def is_blank(cells: Sequence[str]) -> bool:
    """Return whether a row has nothing but blanks between its delimiters."""
    return cells[0][:1] in BLANK_STARTS and (not any(cells) or all(map(_BLANKS.fullmatch, cells)))


def is_rule(cells: Sequence[str]) -> bool:
    """Return whether a row is a line under the names of the columns."""
    parts = [cell.strip(" ") for cell in cells]
    if not parts or not parts[0]:
        return False
    if all(map(_OTHER_SIGNS.fullmatch, parts)):
        return True
    return all(map(_HYPHENS.fullmatch, parts)) and any(len(part) > 1 for part in parts)


def is_rule_inside(cells: Sequence[str]) -> bool:
    """Return whether a row among others is surely a line, and none of values that are missing."""
    if cells[0][:1] not in RULE_STARTS or not is_rule(cells):
        return False
    sizes = {len(cell.strip(" ")) for cell in cells}
    return min(sizes) > 1 and (len(cells) >= _MANY_CELLS or len(sizes) > 1 or min(sizes) >= _LONG_CELL)


def without_mark(cells: Sequence[str]) -> list[str]:
    """Return names without what a file's start, or the end of one before it, may add to the first one."""
    first, *others = cells or ("",)
    first = first[:_NAME]
    if max(map(len, others), default=0) > _NAME:
        others = [cell[:_NAME] for cell in others]
    while first.startswith(_MARKS):
        first = first[next(len(mark) for mark in _MARKS if first.startswith(mark)) :]
        if first.startswith('"') and first.endswith('"') and len(first) > 1:
            first = first[1:-1]  # a quote after the mark does not open anything
    return [first, *others]


def _plain(names: Sequence[str]) -> list[str]:
    text = "\n".join(names).encode("latin-1").lower().decode("latin-1")
    found = text.split("\n")
    if len(found) != len(names):
        found = [name.encode("latin-1").lower().decode("latin-1") for name in names]
    return [name.strip(" ") for name in found] if " " in text else found


class Names:
    """The names of the columns, and what rows look like that have them once more, or have nothing."""

    def __init__(self, cells: Sequence[str]) -> None:
        self.cells = tuple(without_mark(cells))
        self.are_long = max(map(len, self.cells)) >= _NAME
        self.plain = _plain(self.cells)
        """In lower case, without spaces around them."""
        self._exact = frozenset(self.cells)
        self._sorted = sorted(self.plain)
        self._known = frozenset(self.plain)
        self._folded = frozenset(name.lower() for name in self.plain)
        self._ends = tuple(self._folded)
        self.tell = sum(map(len, self.cells)) >= _TELLING
        self._may_be_reordered = self.tell and len(self.cells) >= _ORDERED

    def are_known(self, name: bytes) -> bool:
        """Return whether this is one of the names, whatever its case and the spaces around it."""
        return name.lower().strip(b" ").decode("latin-1") in self._known

    @cached_property
    def may_begin(self) -> Callable[[bytes], object]:
        """Return whether a line of the header's width without quotes may be one of these."""
        firsts = {name.encode("latin-1")[:1] for name in self.plain}
        starts = _LINE_STARTS.union(firsts, (CTRL_Z,), map(bytes.upper, firsts)) - {b""}
        return re.compile(b"[%b]" % b"".join(map(re.escape, sorted(starts)))).match

    def may_be_line(self, line: bytes) -> bool:
        """Return whether a line without quotes may be the header once more, have a mark, or be blank."""
        if line[:1] in _LINE_STARTS:
            return True
        return line.decode("latin-1").lower().rstrip(" ").endswith(self._ends)

    def may_end(self, last: str) -> bool:
        """Return whether a row with this last value may be the header once more."""
        return last == self.cells[-1] or (self.tell and last.lower().strip(" ") in self._folded)

    def is_header(self, cells: Sequence[str]) -> bool:
        """Return whether a row has the names, in another case, order or with spaces if they are long."""
        if tuple(cells) == self.cells:
            return True
        different = set(cells)
        if len(different) < len(self._known):
            return False
        width = len(self.cells)
        if self._may_be_reordered and len(cells) == len(different) == width and different == self._exact:
            return not cells[0].startswith(_MARKS)
        names = without_mark(cells)
        if len(names) == 2 * width - 1 and names[width - 1].endswith(self.cells[0]):
            return tuple(names[width:]) == self.cells[1:]  # behind a row without a line break
        if tuple(names) == self.cells:
            return True
        plain = _plain(names) if self.tell and len(names) == width else []
        return plain == self.plain or (self._may_be_reordered and sorted(plain) == self._sorted)

    def is_reordered(self, cells: Sequence[str]) -> bool:
        """Return whether a row that is the header has the names in another order."""
        return len(cells) == len(self.cells) and _plain(without_mark(cells)) != self.plain

    def others(self, delimiter: bytes) -> bytes | None:
        """An expression for texts that are no name, in any case, and are not blank; None if it is long.

        It is one for the prover. Texts with some blanks at the start do not match either, nor do names with
        blanks behind them, and those that begin like a line of hyphens.
        """
        if sum(map(len, self.cells)) > _MOST_NAMES:
            return None
        trie: _Trie = _Trie()
        for name in sorted(self._known - {""}):  # a name before those that begin with it
            text = name.encode("latin-1")
            (trie.add if len(text) <= _TOLD_APART else trie.exclude)(text[:_TOLD_APART])
        for beginning in (*BLANK_BYTES[2:], *RULE_BYTES):
            trie.exclude(beginning)
        return trie.expression(b'"\r\n\x0c\x1a' + delimiter, first=True)


class _Trie:
    """Texts that share their beginnings, to write an expression for all other texts."""

    def __init__(self) -> None:
        self.after: dict[int, _Trie] = {}
        self.ends = False  # a text ends here
        self.excluded = False

    def add(self, text: bytes) -> None:
        """Add a text."""
        node = self
        for byte in text:
            ends = node.ends
            node = node.after.setdefault(byte, _Trie())
            node.ends = node.ends or (ends and byte == ord(" "))
        node.ends = True

    def exclude(self, beginning: bytes) -> None:
        """Add a beginning that no other text may have."""
        node = self
        for byte in beginning:
            node = node.after.setdefault(byte, _Trie())
        node.excluded = True

    def expression(self, structure: bytes, *, first: bool = False) -> bytes:
        """Return an expression for what may follow; `structure` are bytes that no text has."""
        cases = {byte: {byte, *bytes((byte,)).swapcase()} for byte in self.after}
        ended = self.ends or first
        barred = b"".join(
            b"\\x%02x" % byte
            for byte in sorted(
                {*structure, *(b" \t" if ended else b""), *(each for some in cases.values() for each in some)}
            )
        )
        inner = b"".join(b"\\x%02x" % byte for byte in structure)
        ways = [b"[^%b][^%b]*" % (barred, inner)]
        if self.ends and ord(" ") not in self.after:
            ways.append(b" +[^ \t%b][^%b]*" % (inner, inner))
        for byte, node in self.after.items():
            if node.excluded or byte in structure:
                continue
            spelt = b"".join(b"\\x%02x" % each for each in sorted(cases[byte]))
            ways.append(b"[%b]%b" % (spelt, node.expression(structure)))
        return b"(?:%b)" % b"|".join(ways if ended else [*ways, b""])
