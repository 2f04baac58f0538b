"""Reads one CSV or TSV file once, from first byte to last, and returns what is in it. It knows no rules.

Memory does not grow with the file: of what is unusual, the first few examples are kept and the rest is
counted.
"""

import hashlib
from collections.abc import Callable
from dataclasses import dataclass, field
from enum import StrEnum
from pathlib import Path, PurePath
from typing import BinaryIO, NamedTuple

from retraind.dataset.reader.blocks import CR, CRLF, LF, Block
from retraind.dataset.reader.columns import ColumnFacts, ColumnScan
from retraind.dataset.reader.encoding import Encoding, EncodingDetector, is_utf16
from retraind.dataset.reader.examples import Examples
from retraind.dataset.reader.records import MAX_CELLS, FieldState, Record, Scanner

DELIMITERS = {".csv": b",", ".tsv": b"\t"}
OTHER_DELIMITERS = (b",", b"\t", b";", b"|")

_HEAD = 4_096


class FileKind(StrEnum):
    """What a file is that is not text."""

    OFFICE = "office"
    OLD_OFFICE = "old-office"
    ZIP = "zip"
    EMPTY_ZIP = "empty-zip"
    GZIP = "gzip"
    BZIP2 = "bzip2"
    XZ = "xz"
    ZSTD = "zstd"
    SEVEN_ZIP = "7z"
    PARQUET = "parquet"
    ARROW = "arrow"
    SQLITE = "sqlite"
    PDF = "pdf"


_SIGNATURES = (
    (b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1", FileKind.OLD_OFFICE),
    (b"PK\x03\x04", FileKind.ZIP),
    (b"PK\x05\x06", FileKind.EMPTY_ZIP),
    (b"\x1f\x8b", FileKind.GZIP),
    (b"PAR1\x15", FileKind.PARQUET),  # a column's name may begin with the first four
    *((b"BZh%d1AY&SY" % level, FileKind.BZIP2) for level in range(1, 10)),
    (b"\xfd7zXZ\x00", FileKind.XZ),
    (b"\x28\xb5\x2f\xfd", FileKind.ZSTD),
    (b"7z\xbc\xaf\x27\x1c", FileKind.SEVEN_ZIP),
    (b"SQLite format 3\x00", FileKind.SQLITE),
    (b"ARROW1\x00\x00", FileKind.ARROW),
    *((b"%%PDF-%d." % version, FileKind.PDF) for version in (1, 2)),
)
_WORKBOOK_PARTS = (b"[Content_Types].xml", b"_rels/.rels", b"xl/", b"docProps/")
_ENDINGS = {LF: "LF", CRLF: "CRLF", CR: "CR"}


@dataclass(frozen=True, slots=True)
class SourceFile:
    """A file to read: the name that people know, and a function that opens it at its first byte."""

    name: str
    open: Callable[[], BinaryIO]

    @classmethod
    def from_path(cls, path: Path) -> "SourceFile":
        """Return the source of a file on disk, under its own name."""
        return cls(path.name, lambda: path.open("rb"))

    @property
    def suffix(self) -> str:
        """The extension in lower case; the manual does not say whether the service accepts upper case."""
        return PurePath(self.name).suffix.lower()


@dataclass(frozen=True, slots=True)
class Limits:
    """How many bytes are read and kept at once, and how many rows the sample has. Tests make them small."""

    piece: int = 256 << 10
    waiting: int = 1 << 20  # of a row that is not complete yet, for the fast way
    header: int = 4 << 20
    sample: int = 1_000  # the service requires every class within this many rows


@dataclass(frozen=True, slots=True)
class TableFacts:
    """What is known about a file that was read to its end."""

    name: str
    encoding: str  # ascii, utf-8, utf-8-sig, shift_jis or unknown
    delimiter: str
    columns: tuple[str, ...]  # at most 5,000, however many the file has
    rows: int  # records after the header; empty lines are not counted
    bytes: int
    sha256: str  # of the bytes in the file, in hexadecimal
    line_ending: str  # LF, CRLF, CR, mixed or none; line breaks inside quotes do not count


class RaggedRow(NamedTuple):
    """A row whose number of fields differs from the header's; `width` is 0 for an empty line."""

    line: int
    width: int


@dataclass(frozen=True, slots=True)
class EndlessHeader:
    """The first row is longer than `limit` bytes."""

    limit: int
    quote_line: int | None  # the line of the open quote, if that is the cause


@dataclass(frozen=True, slots=True)
class NulBytes:
    """The place of the first NUL byte, and the number of them."""

    line: int
    offset: int
    count: int


@dataclass(frozen=True, slots=True)
class ReadResult:
    """Everything found in a file. `facts` is None when the file could not be read to its end as a table."""

    name: str
    suffix: str
    facts: TableFacts | None = None
    not_text: FileKind | None = None  # what the file is instead of text
    utf16: bool = False
    empty: bool = False  # no bytes at all, or line breaks only
    encoding: Encoding = field(default_factory=lambda: Encoding("ascii", ascii_head=True))
    header: tuple[bytes, ...] = ()
    width: int = 0
    rows: int = 0
    ragged: Examples[RaggedRow] = field(default_factory=Examples)
    same_width: bool = False  # every row is ragged, and all have the same width
    columns: ColumnFacts = field(default_factory=ColumnFacts)
    target_found: bool = False
    nul: NulBytes | None = None
    unclosed_line: int | None = None
    endless_header: EndlessHeader | None = None

    @property
    def is_complete(self) -> bool:
        """True when every record was recognised, so that the number of rows is right."""
        return self.unclosed_line is None and self.endless_header is None

    def text(self, value: bytes) -> str:
        """Return the text of a value of this file."""
        return self.encoding.text(value)


def kind_of(head: bytes) -> FileKind | None:
    """Return the kind of a file by its first bytes; None when it may be text."""
    kind = next((kind for signature, kind in _SIGNATURES if head.startswith(signature)), None)
    if kind is FileKind.ZIP and any(part in head for part in _WORKBOOK_PARTS):
        return FileKind.OFFICE
    return kind


def read_table(source: SourceFile, *, target: str | None = None, limits: Limits | None = None) -> ReadResult:
    """Read `source` once and return what is in it. Raises OSError when it cannot be read."""
    limits = limits or Limits()
    digest = hashlib.sha256()
    with source.open() as stream:
        reader = TableReader(source, target=target, limits=limits)
        while not reader.is_unreadable and (piece := stream.read(limits.piece)):
            digest.update(piece)
            reader.take(piece)
    return reader.finish(digest.hexdigest())


def _guessed_delimiter(head: bytes) -> bytes:
    first = head.splitlines()[0] if head else b""
    return b"\t" if first.count(b"\t") > first.count(b",") else b","


def _encoded(name: str) -> set[bytes]:
    forms = {name.encode("utf-8", "surrogatepass")}
    try:
        forms.add(name.encode("cp932"))
    except UnicodeEncodeError:  # no column of a Shift_JIS file can have this name
        return forms
    return forms


class TableReader:
    """Receives one file in pieces of any size, and returns at the end what is in it.

    Pass it every piece, then call `finish` once. It must not be used by several threads at once.
    """

    def __init__(
        self, source: SourceFile, *, target: str | None = None, limits: Limits | None = None
    ) -> None:
        self.is_unreadable = False
        """True once the file is known not to be a table: the rest of it is ignored."""
        self._source = source
        self._target = target
        self._limits = limits or Limits()
        self._head = b""
        self._unreadable: ReadResult | None = None
        self._text: _TextReader | None = None

    def take(self, piece: bytes) -> None:
        """Read the next piece."""
        if self._text is not None:
            self._text.take(piece)
            self.is_unreadable = self._text.endless_header is not None
        elif not self.is_unreadable:
            self._head += piece
            if len(self._head) >= _HEAD:
                self._begin()

    def _begin(self) -> None:
        """Find out from the first bytes what the file is."""
        head, self._head = self._head, b""
        start = head[:_HEAD]
        kind = kind_of(start)
        utf16 = kind is None and is_utf16(start)
        if kind is not None or utf16:
            self._unreadable = ReadResult(self._source.name, self._source.suffix, not_text=kind, utf16=utf16)
            self.is_unreadable = True
            return
        delimiter = DELIMITERS.get(self._source.suffix) or _guessed_delimiter(start)
        self._text = _TextReader(start, delimiter, self._target, self._limits)
        self._text.take(head)

    def finish(self, sha256: str) -> ReadResult:
        """Return what is in the file, after its last piece; `sha256` is that of its bytes."""
        if self._text is None and self._unreadable is None:
            self._begin()
        if self._text is None:
            assert self._unreadable is not None
            return self._unreadable
        self._text.finish()
        return self._text.result(self._source, sha256)


class _TextReader:
    """Reads one file of text."""

    def __init__(self, head: bytes, delimiter: bytes, target: str | None, limits: Limits) -> None:
        self.endless_header: EndlessHeader | None = None
        self._delimiter = delimiter
        self._target = target
        self._limits = limits
        self._bytes = 0
        self._encoding = EncodingDetector(head)
        self._scanner = Scanner(delimiter)
        self._nul: NulBytes | None = None
        self._header: Record | None = None
        self._rows = 0
        self._ragged: Examples[RaggedRow] = Examples()
        self._widths: set[int] = set()  # of ragged rows that are not empty
        self._empty_lines = 0
        self._last_is_empty = False
        self._endings: set[bytes] = set()
        self._columns = ColumnScan(0, None)
        self._target_at: int | None = None

    def take(self, piece: bytes) -> None:
        if self.endless_header is not None:
            return
        text = piece if self._bytes else piece[len(self._encoding.bom) :]
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
        if self._last_is_empty and self._width > 1:
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
        """Read all records that can be read by now."""
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
            if not exact and not scanner.in_record:
                block = scanner.block(self._width, self._columns.wanted)
                if block is not None:
                    self._block(block)
                    continue
                if scanner.waiting <= self._limits.waiting and not final:
                    return
                exact = True  # for all waiting bytes: trying the fast way again after each record is slow
            if (record := scanner.record()) is None:
                return
            self._record(record, early=False)

    def _every_column(self, _data: bytes) -> range:
        return range(self._width)

    def _sample(self, block: Block) -> None:
        columns = (block.values[column] for column in range(self._width))
        for line, *cells in zip(block.lines, *columns, strict=True):
            self._columns.sample(line, cells)
        self._count(block)

    def _block(self, block: Block) -> None:
        if block.values:
            self._columns.add(block.lines, block.values)
        self._count(block)

    def _count(self, block: Block) -> None:
        self._rows += block.rows
        self._endings |= block.endings
        self._last_is_empty = block.last_is_empty
        for line, width in block.ragged:
            self._ragged_row(line, width)

    def _record(self, record: Record, *, early: bool) -> None:
        if record.ending:
            self._endings.add(record.ending)
        self._last_is_empty = record.width == 0
        if record.width != self._width or not record.width:
            self._ragged_row(record.line, record.width)
            return
        self._rows += 1
        if self._width > MAX_CELLS:
            return
        if early:
            self._columns.sample(record.line, record.cells)
        else:
            self._columns.add((record.line,), {at: (value,) for at, value in enumerate(record.cells)})

    def _ragged_row(self, line: int, width: int) -> None:
        """Count a row of another width. In a file of one column, an empty line is a missing value."""
        if width or self._width == 1:
            self._rows += 1
        if width or self._width > 1:
            self._ragged.add(RaggedRow(line, width))
            if not width:
                self._empty_lines += 1
            elif len(self._widths) <= 1:
                self._widths.add(width)

    def _open(self, header: Record | None) -> None:
        current = self._scanner.current
        if header is None:
            if current.size > self._limits.header:
                quote_line = 1 + current.quote_breaks if current.state is FieldState.QUOTED else None
                self.endless_header = EndlessHeader(self._limits.header, quote_line)
            return
        self._header = header
        self._endings |= {header.ending} - {b""}
        if self._target is not None:
            forms = _encoded(self._target)
            self._target_at = next((at for at, name in enumerate(header.cells) if name in forms), None)
        if header.width <= MAX_CELLS:
            self._columns = ColumnScan(header.width, self._target_at)

    def result(self, source: SourceFile, sha256: str) -> ReadResult:
        """Return what was found, after the last piece."""
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
        return ReadResult(
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
            columns=self._columns.facts(),
            target_found=self._target_at is not None,
            nul=self._nul,
            unclosed_line=unclosed_line,
            endless_header=self.endless_header,
        )

    def _line_ending(self) -> str:
        if len(self._endings) == 1:
            return _ENDINGS[min(self._endings)]
        return "mixed" if self._endings else "none"
