"""Rows that are no data: the header once more, nothing but delimiters and blanks, a line under the names.

Values are Latin-1, which maps each byte to one character; so a character beyond ASCII is several, in UTF-8 or
in Shift_JIS.
"""

import re
from collections.abc import Callable, Iterator, Sequence
from functools import cached_property

from retraind.dataset.reader.breaks import QUOTE

MARK = b"\xef\xbb\xbf"
"""U+FEFF in UTF-8: the byte order mark where it opens a file."""
CTRL_Z = b"\x1a"

_TELLING = 8  # characters in all names, from which on a row in another case or order is no chance
_ORDERED = 3  # names, from which on another order of them is no chance either
_NAME = 512  # bytes of a name, to recognise the header by
_MOST_NAMES = 2_000  # bytes of all names that a witness tells apart
_TOLD_APART = 64  # bytes of a name

_SMALL = 64 << 10  # bytes of a window

_MARKS = tuple(each.decode("latin-1") for each in (MARK, CTRL_Z))
_BLANK = rb"(?:[ \t]|\xe3\x80\x80|\x81\x40|\xc2\xa0)"  # U+3000 in UTF-8 and in Shift_JIS, U+00A0 in UTF-8
_BLANK_BYTES = (b" ", b"\t", b"\xe3\x80\x80", b"\x81\x40", b"\xc2\xa0")
_BLANKS = re.compile(_BLANK.decode("latin-1") + "*")
_BLANK_STARTS = frozenset({"", " ", "\t", "\xe3", "\x81", "\xc2"})

_HYPHENS = re.compile(r":?(?:-+|=+):?|(?:\xe2\x94[\x80\x81]|\xe2\x95\x90|\x84[\x9f\xaa]){2,}")
"""Hyphens, equals signs, lines of boxes in UTF-8 or Shift_JIS; colons as in Markdown."""
_OTHER_SIGNS = re.compile(r"([_*~+#])\1{2,}")  # these may be values when they are few


def is_blank(cells: Sequence[str]) -> bool:
    """Return whether a row has nothing but blanks between its delimiters."""
    return cells[0][:1] in _BLANK_STARTS and (not any(cells) or all(map(_BLANKS.fullmatch, cells)))


def is_rule(cells: Sequence[str]) -> bool:
    """Return whether a row is a line under the names of the columns."""
    parts = [cell.strip(" ") for cell in cells]
    if not parts or not parts[0]:
        return False
    if all(map(_OTHER_SIGNS.fullmatch, parts)):
        return True
    return all(map(_HYPHENS.fullmatch, parts)) and any(len(part) > 1 for part in parts)


def without_mark(cells: Sequence[str]) -> list[str]:
    """Return names without what a file's start, or the end of one before it, may add to the first one."""
    first, *others = (cell[:_NAME] for cell in cells or ("",))
    while first.startswith(_MARKS):
        first = first[next(len(mark) for mark in _MARKS if first.startswith(mark)) :]
        if first.startswith('"') and first.endswith('"') and len(first) > 1:
            first = first[1:-1]  # a quote after the mark does not open anything
    return [first, *others]


def _plain(names: Sequence[str]) -> list[str]:
    return [name.encode("latin-1").lower().strip(b" ").decode("latin-1") for name in names]


def _quoted(name: bytes) -> bytes:
    return QUOTE + name.replace(QUOTE, b'""') + QUOTE


class _Next:
    """Finds the next place of something in the same bytes, again and again from later places on."""

    def __init__(self, search: Callable[[bytes, int], int]) -> None:
        self._search = search
        self._data = b""
        self._begin = self._place = -1

    def find(self, data: bytes, at: int) -> int:
        """Return the next place from `at` on; the number of bytes if there is none."""
        if len(data) <= _SMALL:  # a part of what is searched again
            return self._search(data, at)
        if data is not self._data or not self._begin <= at <= self._place:
            self._data, self._begin, self._place = data, at, self._search(data, at)
        return self._place


class Names:
    """The names of the columns, and what rows look like that have them once more, or have nothing."""

    def __init__(self, cells: Sequence[str]) -> None:
        self.cells = tuple(without_mark(cells))
        self.are_long = max(map(len, self.cells)) >= _NAME
        self.plain = _plain(self.cells)
        """In lower case, without spaces around them."""
        self._sorted = sorted(self.plain)
        self._known = frozenset(self.plain)
        self.tell = sum(map(len, self.cells)) >= _TELLING

    def are_known(self, name: bytes) -> bool:
        """Return whether this is one of the names, whatever its case and the spaces around it."""
        return name.lower().strip(b" ").decode("latin-1") in self._known

    def may_be(self, cells: Sequence[str]) -> bool:
        """Return whether a row may be the header once more, by its last value."""
        last = cells[-1]
        return last == self.cells[-1] or (
            self.tell and last.encode("latin-1").lower().strip(b" ").decode("latin-1") in self._known
        )

    def is_header(self, cells: Sequence[str]) -> bool:
        """Return whether a row has the names, in another case, order or with spaces if they are long."""
        if tuple(cells) == self.cells:
            return True
        names = without_mark(cells)
        width = len(self.cells)
        if len(names) == 2 * width - 1 and names[width - 1].endswith(self.cells[0]):
            return tuple(names[width:]) == self.cells[1:]  # behind a row without a line break
        if tuple(names) == self.cells:
            return True
        plain = _plain(names) if self.tell and len(names) == width else []
        return plain == self.plain or (width >= _ORDERED and sorted(plain) == self._sorted)

    def is_reordered(self, cells: Sequence[str]) -> bool:
        """Return whether a row that is the header has the names in another order."""
        return len(cells) == len(self.cells) and _plain(without_mark(cells)) != self.plain

    def others(self, delimiter: bytes) -> bytes | None:
        """An expression for texts that are no name, in any case, and are not blank; None if it is long.

        It is one for the prover. Texts with some blanks at the start or behind a name do not match either.
        """
        if sum(map(len, self.cells)) > _MOST_NAMES:
            return None
        trie: _Trie = _Trie()
        for name in self._known - {""}:
            text = name.encode("latin-1")
            (trie.add if len(text) <= _TOLD_APART else trie.exclude)(text[:_TOLD_APART])
        for blank in _BLANK_BYTES[2:]:
            trie.exclude(blank)
        return trie.expression(b'"\r\n\x1a' + delimiter, first=True)


class Search:
    """Finds rows that are no data among many, without reading each of them."""

    def __init__(self, names: Names, delimiter: bytes, ending: bytes) -> None:
        """`ending` is the line break behind the header."""
        self._names = names
        self._delimiter = delimiter
        self._before = ending[-1:]
        self._row_of_delimiters = self._before + delimiter * (len(names.cells) - 1) + ending[:1]
        self._plain_blanks: dict[bool, tuple[bytes, bool]] = {}  # of what was seen last, small and large
        # Quotes inside a name are doubled where it is in quotes.
        parts = (part for name in self._names.plain for part in name.split('"'))
        self._longest = max(parts, key=len).encode("latin-1")
        self._rare: tuple[bytes, ...] | None = None
        self._next_blank = _Next(self._search_blank)
        self._next_header = _Next(self._search_header)
        self._next_of_both = _Next(self._search_both)

    def note_first_rows(self, rows: bytes) -> None:
        """Read some rows: a byte of the names that they do not have is found very fast."""
        names = (
            "".join(self._names.plain).encode("latin-1")
            if self._names.tell
            else "".join(self._names.cells).encode("latin-1")
        )
        both = ((byte.lower(), byte.upper()) if self._names.tell else (byte,) for byte in _bytes(names))
        self._rare = next(
            (tuple(dict.fromkeys(each)) for each in both if not any(byte in rows for byte in each)), ()
        )

    def may_stand_in(self, data: bytes, at: int = 0) -> bool:
        """Return whether a header that is no exact copy may stand in records."""
        if not self._names.tell or (self._rare and all(data.find(byte, at) < 0 for byte in self._rare)):
            return False
        return data.lower().find(self._longest, at) >= 0

    def are_exact(self, data: bytes, copies: Callable[[], int]) -> bool:
        """Return whether records have no copies of the header but exact ones; `copies` counts these."""
        if not self.may_stand_in(data):
            return True
        names = self._delimiter.decode("latin-1").join(self._names.cells).encode("latin-1").lower()
        return data.lower().count(self._longest) == copies() * names.count(self._longest)

    def are_empty(self, data: bytes, around: bytes, rows: Callable[[], int]) -> bool:
        """Return whether records have no blank rows but those of delimiters; `rows` counts these.

        What holds for what is `around` the records was mostly found out before.
        """
        if self._has_plain_blanks(around) or self._has_plain_blanks(data):
            return True
        first = self._blank_row.match(data) is not None
        return len(self._blank_line.findall(data)) + first == rows()

    def find_blank(self, data: bytes, at: int) -> int:
        """Return where a row of nothing but blanks begins, `at` or later; the number of bytes if nowhere."""
        return self._next_blank.find(data, at)

    def find_header(self, data: bytes, at: int) -> int:
        """Return where the header stands once more, `at` or later; the number of bytes if nowhere."""
        return self._next_header.find(data, at)

    def find_either(self, data: bytes, at: int) -> int:
        """Return the next place of both, whichever line breaks end the rows."""
        return self._next_of_both.find(data, at)

    def _search_both(self, data: bytes, at: int) -> int:
        return min(_first(row, line, data, at) for row, line in (self._any_blank, self._any_header))

    def _search_blank(self, data: bytes, at: int) -> int:
        if self._has_plain_blanks(data):
            if data.startswith(self._row_of_delimiters[1:], at):
                return at
            found = data.find(self._row_of_delimiters, at)
            return len(data) if found < 0 else found + 1
        return _first(self._blank_row, self._blank_line, data, at)

    def _search_header(self, data: bytes, at: int) -> int:
        if self._rare and all(data.find(byte, at) < 0 for byte in self._rare):
            return len(data)
        if self._names.tell and data.lower().find(self._longest, at) < 0:
            return len(data)
        return _first(self._header_row, self._header_line, data, at)

    def _has_plain_blanks(self, data: bytes) -> bool:
        """Return whether all blank rows are delimiters alone: no value is blanks, nor has quotes."""
        known = self._plain_blanks.get(is_small := len(data) <= _SMALL)
        # A window that is searched was peeked at before; a large piece is the same object.
        if known is not None and (data == known[0] if is_small else data is known[0]):
            return known[1]
        self._plain_blanks[is_small] = data, (found := self._are_blanks_plain(data))
        return found

    def _are_blanks_plain(self, data: bytes) -> bool:
        blanks = [each for each in _BLANK_BYTES if each != self._delimiter and data.find(each[:1]) >= 0]
        begun = (before + blank for before in (self._before, self._delimiter) for blank in blanks)
        return data.find(QUOTE) < 0 and not any(data.find(each) >= 0 for each in begun)

    @cached_property
    def _blank_text(self) -> bytes:
        some = b'"?%b*+"?' % _BLANK
        if self._delimiter == b"\t":
            some = b'(?:"%b*+"|%b*+)' % (_BLANK, _BLANK.replace(rb"\t", b""))
        return some + b"(?:%b%b){%d}" % (re.escape(self._delimiter), some, len(self._names.cells) - 1)

    @cached_property
    def _header_text(self) -> bytes:
        names = [name.encode("latin-1") for name in self._names.cells]
        marks = b'(?:%b|%b|")*' % (MARK, CTRL_Z)
        if not self._names.tell:
            forms = (b'(?:%b"?|%b)' % (re.escape(name), re.escape(_quoted(name))) for name in names)
            return marks + re.escape(self._delimiter).join(forms)
        written = {
            form for name in names for form in (name.strip(b" "), name.strip(b" ").replace(QUOTE, b'""'))
        }
        one = b'"? *(?:%b) *"?' % b"|".join(map(re.escape, sorted(written, key=len, reverse=True)))
        return b"(?i:%b%b(?:%b%b){%d})" % (marks, one, re.escape(self._delimiter), one, len(names) - 1)

    @cached_property
    def _blank_row(self) -> re.Pattern[bytes]:
        return re.compile(b"%b(?=[\r\n])" % self._blank_text)

    @cached_property
    def _blank_line(self) -> re.Pattern[bytes]:
        return re.compile(b"%b%b(?=[\r\n])" % (self._before, self._blank_text))

    @cached_property
    def _header_row(self) -> re.Pattern[bytes]:
        return re.compile(b"%b(?=[\r\n])" % self._header_text)

    @cached_property
    def _header_line(self) -> re.Pattern[bytes]:
        return re.compile(b"%b%b(?=[\r\n])" % (self._before, self._header_text))

    @cached_property
    def _any_blank(self) -> tuple[re.Pattern[bytes], re.Pattern[bytes]]:
        return self._blank_row, re.compile(b"[\r\n]%b(?=[\r\n])" % self._blank_text)

    @cached_property
    def _any_header(self) -> tuple[re.Pattern[bytes], re.Pattern[bytes]]:
        return self._header_row, re.compile(b"[\r\n]%b(?=[\r\n])" % self._header_text)


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
        ways = [b"[^%b][^%b]*" % (barred, b"".join(b"\\x%02x" % byte for byte in structure))]
        for byte, node in self.after.items():
            if node.excluded or byte in structure:
                continue
            spelt = b"".join(b"\\x%02x" % each for each in sorted(cases[byte]))
            ways.append(b"[%b]%b" % (spelt, node.expression(structure)))
        return b"(?:%b)" % b"|".join(ways if ended else [*ways, b""])


def _first(row: re.Pattern[bytes], line: re.Pattern[bytes], data: bytes, at: int) -> int:
    """Return where a row begins, which may be `at`; the number of bytes if nowhere."""
    if row.match(data, at):
        return at
    found = line.search(data, at)
    return len(data) if found is None else found.start() + 1


def _bytes(data: bytes) -> Iterator[bytes]:
    for value in dict.fromkeys(data):
        yield bytes((value,))
