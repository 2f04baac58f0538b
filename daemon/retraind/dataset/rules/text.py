"""Rules about a file as text: its kind, its encoding, NUL bytes."""

from collections.abc import Iterator

from retraind.dataset.reader.encoding import HEAD_BYTES, UTF8_CODECS, BadByte, Encoding
from retraind.dataset.reader.encodings.part import UTF_16
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
    """The text is UTF-8 with a byte order mark, ASCII, or Shift_JIS that the service can detect.

    Nearly any bytes are valid Shift_JIS: the reader judges by the words whether they are meant so.
    """
    found = file.table.encoding
    if file.table.utf16:
        yield file.error("utf-16", service=ENCODING, paired=file.paired)
    elif found.name == "unknown":
        yield _not_supported(file, found)
    elif found.name == "utf-8":
        finding = file.warning("utf-8-without-mark", service=ENCODING, added=file.adds_bom)
        # With the mark there is nothing that the service could complain about.
        yield finding.without_service() if file.adds_bom else finding
    elif found.likely is not None:
        yield file.warning(
            "encoding-doubtful",
            service=ENCODING,
            line=found.likely.example.line,
            likely=found.likely.name,
            example=found.likely.example.text,
            is_ascii=found.name == "ascii",
            as_shift_jis=found.likely.example.as_shift_jis,
        )
    # Of a text that may be another encoding, its beginning says nothing.
    if found.name == "shift_jis" and found.ascii_head and found.likely is None:
        yield file.warning("shift-jis-shows-late", service=ENCODING, first_bytes=HEAD_BYTES)


def _not_supported(file: DataFile, found: Encoding) -> Finding:
    likely, bad = found.likely, found.not_utf8
    invalid = [each for each in (found.not_utf8, found.not_shift_jis) if each is not None]
    utf8 = bad is not None and (found.has_bom or (likely is not None and likely.codec in UTF8_CODECS))
    if found.part is not None:
        line = found.part.line
    elif utf8 and bad is not None:
        line = bad.line
    elif likely is not None:
        line = likely.example.line
    else:
        line = max(invalid, key=lambda each: each.offset).line  # of the encoding that was valid for longer
    return file.error(
        "encoding",
        service=ENCODING,
        line=line,
        has_bom=found.has_bom,
        not_utf8=_place(found.not_utf8),
        not_shift_jis=_place(found.not_shift_jis),
        likely=likely.name if likely is not None else None,
        escapes=found.escapes,
        example=likely.example.text if likely is not None else "",
        as_shift_jis=likely.example.as_shift_jis if likely is not None else "",
        damage=bad.damage if utf8 and bad is not None else None,
        cut=bad.cut.hex(" ").upper() if bad is not None else "",
        ends_early=file.table.ends_in_character,
        part=found.part.kind if found.part is not None else None,
        part_end=found.part.last_line if found.part is not None else None,
        paired=file.paired,
    )


def _place(bad: BadByte | None) -> tuple[int, int, int] | None:
    """Return the line, the offset and the value of a byte."""
    return None if bad is None else (bad.line, bad.offset, bad.value)


def nul_bytes(file: DataFile) -> Iterator[Finding]:
    """There are no NUL bytes: text contains none."""
    if (nul := file.table.nul) is not None:
        yield file.error(
            "nul-bytes",
            service=FORMAT,
            line=nul.line,
            offset=nul.offset,
            total=nul.count,
            is_utf16=nul.part is not None and nul.part.kind == UTF_16,
            paired=file.paired,
        )
