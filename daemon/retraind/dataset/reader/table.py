"""Reads one CSV or TSV file once, from first byte to last, and returns what is in it. It knows no rules.

Memory does not grow with the file: of what is unusual, the first few examples are kept and the rest is
counted.
"""

import time
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from enum import StrEnum
from pathlib import PurePath
from typing import BinaryIO, NamedTuple

from retraind.dataset.reader.automaton import best_engine
from retraind.dataset.reader.breaks import CR, CRLF, LF
from retraind.dataset.reader.columns import ColumnFacts, Roles
from retraind.dataset.reader.encoding import Damage, Encoding, EncodingDetector, is_utf16
from retraind.dataset.reader.encodings.part import Part, Start
from retraind.dataset.reader.examples import Examples
from retraind.dataset.reader.oddities import OddityFacts
from retraind.dataset.reader.provers import Ahead, Header
from retraind.dataset.reader.ragged import RaggedRow
from retraind.dataset.reader.rows import (
    EndlessHeader,
    Limits,
    Names,
    ReadInPart,
    RowReader,
)

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

    @property
    def suffix(self) -> str:
        """The extension in lower case; the manual does not say whether the service accepts upper case."""
        return PurePath(self.name).suffix.lower()


class Series(NamedTuple):
    """The names of the columns that make a time series, as far as they are known."""

    time: str | None = None
    series: str | None = None


@dataclass(frozen=True, slots=True)
class TableFacts:
    """What is known about a file that was read to its end."""

    name: str
    encoding: str  # ascii, utf-8, utf-8-sig, shift_jis or unknown
    delimiter: str
    columns: tuple[str, ...]  # at most 5,000, however many the file has
    rows: int  # records after the header; empty lines and rows of nothing but delimiters are not counted
    bytes: int
    sha256: str  # of the bytes in the file, in hexadecimal
    line_ending: str  # LF, CRLF, CR, mixed or none; line breaks inside quotes do not count


@dataclass(frozen=True, slots=True)
class NulBytes:
    """The place of the first NUL byte, and the number of them."""

    line: int
    offset: int
    count: int
    part: Part | None
    """What begins there, if it is not a few bytes only."""


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
    width_below: int = 0  # from the first ragged row on, all have this width or one column
    columns: ColumnFacts = field(default_factory=ColumnFacts)
    roles: Roles = field(default_factory=Roles)
    nul: NulBytes | None = None
    unclosed_line: int | None = None
    endless_header: EndlessHeader | None = None
    in_part: ReadInPart | None = None  # set if the rest was not read, since too much of it is wrong
    oddities: OddityFacts = field(default_factory=OddityFacts)

    @property
    def target_found(self) -> bool:
        """True when the column that the model predicts is there."""
        return self.roles.target is not None

    @property
    def ends_in_character(self) -> bool:
        """True when the file, valid till then, ends with the first bytes of a character."""
        bad = self.encoding.first_bad
        return (
            self.facts is not None
            and bad is not None
            and bad.offset + max(1, len(bad.cut)) >= self.facts.bytes
            and (bad.damage is Damage.CUT or bad is self.encoding.not_shift_jis)
        )

    @property
    def is_complete(self) -> bool:
        """True when every record was recognised, so that the number of rows is right."""
        return self.unclosed_line is None and self.endless_header is None and self.in_part is None

    def text(self, value: bytes) -> str:
        """Return the text of a value of this file."""
        return self.encoding.text(value)


def kind_of(head: bytes) -> FileKind | None:
    """Return the kind of a file by its first bytes; None when it may be text."""
    kind = next((kind for signature, kind in _SIGNATURES if head.startswith(signature)), None)
    if kind is FileKind.ZIP and any(part in head for part in _WORKBOOK_PARTS):
        return FileKind.OFFICE
    return kind


def _guessed_delimiter(head: bytes) -> bytes:
    first = head.splitlines()[0] if head else b""
    return b"\t" if first.count(b"\t") > first.count(b",") else b","


class TableReader:
    """Receives one file in pieces of any size, and returns at the end what is in it.

    Pass it every piece, then call `finish` once. It must not be used by several threads at once.
    """

    def __init__(
        self,
        source: SourceFile,
        *,
        target: str | None = None,
        series: Series | None = None,
        limits: Limits | None = None,
    ) -> None:
        """`series`: the file is a time series."""
        self.is_unreadable = False
        """True once the file is known not to be a table: the rest of it is ignored."""
        self._source = source
        time, by = series or Series()
        self._names = Names(target, time, by, is_series=series is not None)
        self._limits = limits or Limits()
        self._head = b""
        self._unreadable: ReadResult | None = None
        self._text: _TextReader | None = None

    def prove_ahead(self, piece: bytes) -> Ahead | None:
        """Prove of a piece what can be proved while those in front of it are read.

        Another thread may do this. What it returns is for `take`, which does the same if it has nothing.
        """
        return None if self._text is None else self._text.prove_ahead(piece)

    def take(self, piece: bytes, ahead: Ahead | None = None) -> None:
        """Read the next piece."""
        if self._text is not None:
            self._text.take(piece, ahead)
            self.is_unreadable = self._text.endless_header is not None or self._text.in_part is not None
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
        self._text = _TextReader(start, delimiter, self._names, self._limits)
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

    def __init__(self, head: bytes, delimiter: bytes, names: Names, limits: Limits) -> None:
        self._delimiter = delimiter
        self._bytes = 0
        self._encoding = EncodingDetector(head, limits.engine or best_engine())
        self._rows = RowReader(delimiter, names, limits)
        self._nul: NulBytes | None = None
        self._limits = limits
        self._spent = 0.0  # seconds; waiting for the file does not count
        self.in_part: ReadInPart | None = None

    @property
    def endless_header(self) -> EndlessHeader | None:
        """Set once the first row is too long to be read."""
        return self._rows.endless_header

    def prove_ahead(self, piece: bytes) -> Ahead | None:
        return self._rows.prove_ahead(piece)

    def take(self, piece: bytes, ahead: Ahead | None = None) -> None:
        if self.endless_header is not None or self.in_part is not None:
            return
        began = time.monotonic()
        text = piece if self._bytes else piece[len(self._encoding.bom) :]
        self._bytes += len(piece)
        ahead = ahead or self._rows.prove_now(text)
        if ahead is not None and ahead.piece is not text:
            ahead = None
        plain = ahead is not None and ahead.is_plain
        valid = range(0) if ahead is None else ahead.valid

        def line_of(offset: int) -> int:
            return self._rows.line_of(text, offset)

        self._encoding.feed(text, line_of, plain=plain, valid=valid)
        self._rows.oddities.feed(text, line_of, plain=plain, valid=valid)
        if not plain and (nul := text.find(b"\0")) >= 0:
            self._count_nul(text, nul)
        self._rows.take(text, ahead, self._encoding.codec)
        self._spent += time.monotonic() - began
        errors, patience = self._rows.errors, self._limits.patience
        if patience is not None and self._spent >= patience and errors > self._limits.errors:
            self.in_part = ReadInPart(self._rows.line_of(b"", 0), self._bytes, errors)

    def finish(self) -> None:
        if self.endless_header is not None or self.in_part is not None:
            return
        self._encoding.feed(b"", lambda offset: self._rows.line_of(b"", offset), final=True)
        self._rows.finish()

    def _count_nul(self, piece: bytes, at: int) -> None:
        if self._nul is None:
            offset = self._bytes - len(piece) + at
            line = self._rows.line_of(piece, at)
            behind = Start(line)
            behind.add(piece[at:])
            self._nul = NulBytes(line, offset, piece.count(0), behind.damage())
        else:
            self._nul = replace(self._nul, count=self._nul.count + piece.count(0))

    def result(self, source: SourceFile, sha256: str) -> ReadResult:
        """Return what was found, after the last piece."""
        rows = self._rows
        encoding = self._encoding.result()
        header = rows.header or Header()
        oddities = rows.oddities.facts(rows.line_of(b"", 0))
        count = rows.count - oddities.blank.count
        facts = TableFacts(
            name=source.name,
            encoding=encoding.name,
            delimiter=self._delimiter.decode("ascii"),
            columns=tuple(encoding.text(name) for name in header.cells),
            rows=count,
            bytes=self._bytes,
            sha256=sha256,
            line_ending=self._line_ending(),
        )
        return ReadResult(
            name=source.name,
            suffix=source.suffix,
            facts=facts if self.endless_header is None and self.in_part is None else None,
            empty=rows.count == 0
            and header.width == 0
            and self.endless_header is None
            and rows.unclosed_line is None,
            encoding=encoding,
            header=header.cells,
            width=header.width,
            rows=count,
            ragged=rows.ragged.found,
            same_width=rows.ragged.all_alike(rows.count),
            width_below=rows.ragged.width_below(rows.count),
            columns=rows.columns.facts(),
            roles=rows.roles,
            nul=self._nul,
            unclosed_line=rows.unclosed_line,
            endless_header=self.endless_header,
            in_part=self.in_part,
            oddities=oddities,
        )

    def _line_ending(self) -> str:
        endings = self._rows.endings
        if len(endings) == 1:
            return _ENDINGS[min(endings)]
        return "mixed" if endings else "none"
