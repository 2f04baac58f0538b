"""Reads one CSV or TSV file once, from first byte to last, and tells what is in it. Judges nothing: rules.py does.

Memory does not grow with the file: of what is unusual, the first few places are kept and the rest is counted.
"""

import hashlib
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path, PurePath
from typing import BinaryIO, NamedTuple

from retraind.dataset.reader.columns import ColumnFacts, ColumnWatch
from retraind.dataset.reader.encoding import Encoding, EncodingCheck, is_utf16
from retraind.dataset.reader.examples import Few
from retraind.dataset.reader.records import MAX_CELLS, In, Record, Scanner
from retraind.dataset.reader.skeleton import CR, CRLF, LF, Block

DELIMITERS = {".csv": b",", ".tsv": b"\t"}
OTHER_DELIMITERS = (b",", b"\t", b";", b"|")

_HEAD = 4_096

_FOREIGN = (
    (b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1", "an Excel workbook or another old Office file"),
    (b"PK\x03\x04", "a zip archive"),
    (b"PK\x05\x06", "an empty zip archive"),
    (b"\x1f\x8b", "a gzip-compressed file"),
    (b"PAR1\x15", "a Parquet file"),  # the first four alone may begin the name of a column
    *((b"BZh%d1AY&SY" % level, "a bzip2-compressed file") for level in range(1, 10)),
    (b"\xfd7zXZ\x00", "an xz-compressed file"),
    (b"\x28\xb5\x2f\xfd", "a zstd-compressed file"),
    (b"7z\xbc\xaf\x27\x1c", "a 7-Zip archive"),
    (b"SQLite format 3\x00", "an SQLite database"),
    (b"ARROW1\x00\x00", "an Arrow file"),
    *((b"%%PDF-%d." % version, "a PDF document") for version in (1, 2)),
)
_WORKBOOK_PARTS = (b"[Content_Types].xml", b"_rels/.rels", b"xl/", b"docProps/")
_ENDINGS = {LF: "LF", CRLF: "CRLF", CR: "CR"}


@dataclass(frozen=True, slots=True)
class SourceFile:
    """A file to check: the name people know it by, and a way to open it for reading its bytes from the start."""

    name: str
    open: Callable[[], BinaryIO]

    @classmethod
    def from_path(cls, path: Path) -> "SourceFile":
        """Return the source for a file on disk, shown under its own name."""
        return cls(path.name, lambda: path.open("rb"))

    @property
    def suffix(self) -> str:
        """The name's extension in lower case. Whether the service minds capitals is left open by its manual."""
        return PurePath(self.name).suffix.lower()


@dataclass(frozen=True, slots=True)
class Limits:
    """How much is read and held at once, in bytes, and how many rows the sample has. Tests make them small."""

    piece: int = 256 << 10
    held: int = 1 << 20  # of a row whose end has not come yet, for the fast way
    header: int = 4 << 20
    sample: int = 1_000  # the service wants every class within so many rows


@dataclass(frozen=True, slots=True)
class TableFacts:
    """What is known of a file that was read to its end."""

    name: str
    encoding: str  # ascii, utf-8, utf-8-sig, shift_jis or unknown
    delimiter: str
    columns: tuple[str, ...]  # at most 5,000, whatever the file says
    rows: int  # records after the header; empty lines are not counted
    bytes: int
    sha256: str  # of the bytes as they are, in hexadecimal
    line_ending: str  # LF, CRLF, CR, mixed or none; line breaks inside quotes do not count


class Ragged(NamedTuple):
    """A row with another number of fields than the header; `width` is 0 for an empty line."""

    line: int
    width: int


@dataclass(frozen=True, slots=True)
class EndlessHeader:
    """The first row does not end. `quote_line` tells where an open quote began, if that is the cause."""

    quote_line: int | None


@dataclass(frozen=True, slots=True)
class NulBytes:
    """Where the first NUL byte stands, and how many there are."""

    line: int
    offset: int
    count: int


@dataclass(frozen=True, slots=True)
class Reading:
    """Everything one pass over a file found. `facts` is None when the file could not be read to its end as a table."""

    name: str
    suffix: str
    facts: TableFacts | None = None
    foreign: str | None = None  # what the file is instead of text, with its article
    utf16: bool = False
    empty: bool = False  # no bytes at all, or line breaks only
    encoding: Encoding = field(default_factory=lambda: Encoding("ascii", ascii_head=True))
    header: tuple[bytes, ...] = ()
    width: int = 0
    rows: int = 0
    ragged: Few[Ragged] = field(default_factory=Few)
    same_width: bool = False  # every row is ragged, and all in the same way
    columns: ColumnFacts = field(default_factory=ColumnFacts)
    target_found: bool = False
    nul: NulBytes | None = None
    unclosed_line: int | None = None
    endless_header: EndlessHeader | None = None

    @property
    def whole(self) -> bool:
        """True when every record was recognised, so that counts of rows mean something."""
        return self.unclosed_line is None and self.endless_header is None

    def text(self, value: bytes) -> str:
        """Return the text of a value of this file."""
        return self.encoding.text(value)


def foreign_kind(head: bytes) -> str | None:
    """Tell what a file is whose first bytes are not those of text; None when they may be."""
    for magic, kind in _FOREIGN:
        if head.startswith(magic):
            if kind == "a zip archive" and any(part in head for part in _WORKBOOK_PARTS):
                return "an Excel workbook or another Office file"
            return kind
    return None


def read_table(source: SourceFile, *, target: str | None = None, limits: Limits | None = None) -> Reading:
    """Read `source` once and return what is in it. Raises OSError when it cannot be read."""
    limits = limits or Limits()
    digest = hashlib.sha256()
    with source.open() as stream:
        reader = TableReader(source, target=target, limits=limits)
        while not reader.hopeless and (piece := stream.read(limits.piece)):
            digest.update(piece)
            reader.take(piece)
    return reader.finish(digest.hexdigest())


def _guess_delimiter(head: bytes) -> bytes:
    first = head.splitlines()[0] if head else b""
    return b"\t" if first.count(b"\t") > first.count(b",") else b","


def _encoded(name: str) -> set[bytes]:
    forms = {name.encode("utf-8", "surrogatepass")}
    try:
        forms.add(name.encode("cp932"))
    except UnicodeEncodeError:  # then no column of a Shift_JIS file can have this name
        return forms
    return forms


class TableReader:
    """Takes one file piece by piece, from first byte to last, and tells at the end what is in it.

    Give it every piece, in pieces of any size, then call `finish` once. Not safe to use from several threads at once.
    """

    def __init__(
        self, source: SourceFile, *, target: str | None = None, limits: Limits | None = None
    ) -> None:
        self.hopeless = False
        """True when what was seen is no table and what follows will not be looked at; the rest need not be read."""
        self._source = source
        self._target = target
        self._limits = limits or Limits()
        self._head = b""
        self._not_text: Reading | None = None
        self._pass: _Pass | None = None

    def take(self, piece: bytes) -> None:
        """Look at the next piece."""
        if self._pass is not None:
            self._pass.take(piece)
            self.hopeless = self._pass.endless_header is not None
        elif not self.hopeless:
            self._head += piece
            if len(self._head) >= _HEAD:
                self._begin()

    def _begin(self) -> None:
        """Tell from the first bytes what the file is."""
        head, self._head = self._head, b""
        start = head[:_HEAD]
        kind = foreign_kind(start)
        utf16 = kind is None and is_utf16(start)
        if kind is not None or utf16:
            self._not_text = Reading(self._source.name, self._source.suffix, foreign=kind, utf16=utf16)
            self.hopeless = True
            return
        delimiter = DELIMITERS.get(self._source.suffix) or _guess_delimiter(start)
        self._pass = _Pass(start, delimiter, self._target, self._limits)
        self._pass.take(head)

    def finish(self, sha256: str) -> Reading:
        """Return what is in the file, once all its pieces were taken; `sha256` is that of its bytes."""
        if self._pass is None and self._not_text is None:
            self._begin()
        if self._pass is None:
            assert self._not_text is not None
            return self._not_text
        self._pass.finish()
        return self._pass.reading(self._source, sha256)


class _Pass:
    """The state of one pass over one file of text."""

    def __init__(self, head: bytes, delimiter: bytes, target: str | None, limits: Limits) -> None:
        self.endless_header: EndlessHeader | None = None
        self._delimiter = delimiter
        self._target = target
        self._limits = limits
        self._bytes = 0
        self._encoding = EncodingCheck(head)
        self._scanner = Scanner(delimiter)
        self._nul: NulBytes | None = None
        self._header: Record | None = None
        self._rows = 0
        self._ragged: Few[Ragged] = Few()
        self._widths: set[int] = set()  # of rows that are not empty and have another than the header
        self._empty_lines = 0
        self._blank_last = False
        self._endings: set[bytes] = set()
        self._watch = ColumnWatch(0, None)
        self._target_at: int | None = None

    def take(self, piece: bytes) -> None:
        if self.endless_header is not None:
            return
        text = piece if self._bytes else piece[len(self._encoding.mark) :]
        self._bytes += len(piece)
        self._encoding.feed(text, lambda offset: self._scanner.line_of(text, offset))
        if (nul := text.find(b"\0")) >= 0:
            self._count_nul(text, nul)
        self._scanner.feed(text)
        self._drain(final=False)

    def finish(self) -> None:
        if self.endless_header is not None:
            return
        self._encoding.feed(b"", lambda offset: self._scanner.line_of(b"", offset), final=True)
        self._scanner.feed(b"", final=True)
        self._drain(final=True)
        if self._blank_last and self._width > 1:
            self._ragged.drop_last()
            self._empty_lines -= 1

    def _count_nul(self, piece: bytes, at: int) -> None:
        if self._nul is None:
            offset = self._bytes - len(piece) + at
            self._nul = NulBytes(self._scanner.line_of(piece, at), offset, piece.count(0))
        else:
            self._nul = NulBytes(self._nul.line, self._nul.offset, self._nul.count + piece.count(0))

    @property
    def _width(self) -> int:
        return 0 if self._header is None else self._header.width

    def _drain(self, *, final: bool) -> None:
        """Look at all that can be looked at by now."""
        scanner = self._scanner
        if self._header is None:
            self._open(scanner.record(keep=self._limits.header))
        exact = not 0 < self._width <= MAX_CELLS
        while self._header is not None and self._rows < self._limits.sample:
            left = self._limits.sample - self._rows
            if not exact and (block := scanner.block(self._width, self._every_column, left)) is not None:
                self._sample(block)
                continue
            exact = True
            if (record := scanner.record()) is None:
                return
            self._record(record, early=True)
        exact = not self._width
        while self._header is not None:
            if not exact and not scanner.walking:
                block = scanner.block(self._width, self._watch.wanted)
                if block is not None:
                    self._block(block)
                    continue
                if scanner.waiting <= self._limits.held and not final:
                    return
                exact = True  # for all that is there: to try the fast way after each record would take long
            if (record := scanner.record()) is None:
                return
            self._record(record, early=False)

    def _every_column(self, _data: bytes) -> range:
        return range(self._width)

    def _sample(self, block: Block) -> None:
        columns = (block.values[column] for column in range(self._width))
        for line, *cells in zip(block.lines, *columns, strict=True):
            self._watch.sample(line, cells)
        self._count(block)

    def _block(self, block: Block) -> None:
        if block.values:
            self._watch.add(block.lines, block.values)
        self._count(block)

    def _count(self, block: Block) -> None:
        self._rows += block.rows
        self._endings |= block.endings
        self._blank_last = block.blank_last
        for line, width in block.odd:
            self._odd_row(line, width)

    def _record(self, record: Record, *, early: bool) -> None:
        if record.ending:
            self._endings.add(record.ending)
        self._blank_last = record.width == 0
        if record.width != self._width or not record.width:
            self._odd_row(record.line, record.width)
            return
        self._rows += 1
        if self._width > MAX_CELLS:
            return
        if early:
            self._watch.sample(record.line, record.cells)
        else:
            self._watch.add((record.line,), {at: (value,) for at, value in enumerate(record.cells)})

    def _odd_row(self, line: int, width: int) -> None:
        """Count a row of another width. Where there is one column, an empty line is a missing value."""
        if width or self._width == 1:
            self._rows += 1
        if width or self._width > 1:
            self._ragged.add(Ragged(line, width))
            if not width:
                self._empty_lines += 1
            elif len(self._widths) <= 1:
                self._widths.add(width)

    def _open(self, header: Record | None) -> None:
        walked = self._scanner.walked
        if header is None:
            if walked.size > self._limits.header:
                quote_line = 1 + walked.quote_breaks if walked.place is In.QUOTES else None
                self.endless_header = EndlessHeader(quote_line)
            return
        self._header = header
        self._endings |= {header.ending} - {b""}
        if self._target is not None:
            forms = _encoded(self._target)
            self._target_at = next((at for at, name in enumerate(header.cells) if name in forms), None)
        if header.width <= MAX_CELLS:
            self._watch = ColumnWatch(header.width, self._target_at)

    def reading(self, source: SourceFile, sha256: str) -> Reading:
        """Return what was found, once all was seen."""
        encoding = self._encoding.result()
        header = () if self._header is None else self._header.cells
        unclosed_line = self._scanner.unclosed_line
        facts = TableFacts(
            name=source.name,
            encoding=encoding.name,
            delimiter=self._delimiter.decode("ascii"),
            columns=tuple(encoding.text(name) for name in header) if self._width else (),
            rows=self._rows,
            bytes=self._bytes,
            sha256=sha256,
            line_ending=self._line_ending(),
        )
        return Reading(
            name=source.name,
            suffix=source.suffix,
            facts=facts if self.endless_header is None else None,
            empty=self._rows == 0
            and self._width == 0
            and self.endless_header is None
            and unclosed_line is None,
            encoding=encoding,
            header=header,
            width=self._width,
            rows=self._rows,
            ragged=self._ragged,
            same_width=self._ragged.count == self._rows and len(self._widths) == 1 and not self._empty_lines,
            columns=self._watch.facts(),
            target_found=self._target_at is not None,
            nul=self._nul,
            unclosed_line=unclosed_line,
            endless_header=self.endless_header,
        )

    def _line_ending(self) -> str:
        if len(self._endings) == 1:
            return _ENDINGS[min(self._endings)]
        return "mixed" if self._endings else "none"
