"""Rules about a file as text: its kind, its encoding, NUL bytes."""

from collections.abc import Iterator

from retraind.dataset.reader.encoding import HEAD_BYTES, BadByte
from retraind.dataset.reader.table import DELIMITERS
from retraind.dataset.rules.data_file import DataFile
from retraind.dataset.rules.service_messages import ENCODING, FORMAT
from retraind.domain.problems import Finding


def content(file: DataFile) -> Iterator[Finding]:
    """The file is text and its extension is .csv or .tsv."""
    table = file.table
    if table.not_text is not None:
        yield file.error(
            "not-text", service=FORMAT, kind=table.not_text, extension=table.suffix, paired=file.paired
        )
    elif table.suffix not in DELIMITERS:
        yield file.error("unsupported-extension", service=FORMAT, extension=table.suffix, paired=file.paired)


def encoding(file: DataFile) -> Iterator[Finding]:
    """The text is UTF-8 with a byte order mark, ASCII, or Shift_JIS that the service can detect."""
    found = file.table.encoding
    if file.table.utf16:
        yield file.error("utf-16", service=ENCODING, paired=file.paired)
    elif found.name == "unknown":
        invalid = [bad for bad in (found.not_utf8, found.not_shift_jis) if bad is not None]
        likelier = max(invalid, key=lambda bad: bad.offset)  # the encoding that was valid for longer
        yield file.error(
            "encoding",
            service=ENCODING,
            line=likelier.line,
            has_bom=found.has_bom,
            not_utf8=_place(found.not_utf8),
            not_shift_jis=_place(found.not_shift_jis),
            paired=file.paired,
        )
    elif found.name == "utf-8":
        finding = file.warning("utf-8-without-mark", service=ENCODING, added=file.adds_bom)
        # With the mark there is nothing that the service could complain about.
        yield finding.without_service() if file.adds_bom else finding
    elif found.name == "shift_jis" and found.ascii_head:
        yield file.warning("shift-jis-shows-late", service=ENCODING, first_bytes=HEAD_BYTES)


def _place(bad: BadByte | None) -> tuple[int, int, int] | None:
    """Return the line, the offset and the value of a byte."""
    return None if bad is None else (bad.line, bad.offset, bad.value)


def nul_bytes(file: DataFile) -> Iterator[Finding]:
    """There are no NUL bytes: text contains none."""
    if (nul := file.table.nul) is not None:
        yield file.error(
            "nul-bytes", service=FORMAT, line=nul.line, offset=nul.offset, total=nul.count, paired=file.paired
        )
