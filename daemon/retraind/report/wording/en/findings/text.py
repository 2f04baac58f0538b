"""A file as text: its kind, its encoding, characters that do not belong in it."""

from retraind.report.wording.en._parts import count, quoted
from retraind.report.wording.en.findings._parts import FORMATS, KINDS, deliver
from retraind.report.wording.neutral import COMPRESSED, OFFICE
from retraind.report.wording.words import Words

_IN_EXCEL = " (in Excel: CSV UTF-8, comma delimited)"


def not_text(kind: str, extension: str, paired: bool) -> Words:
    expected = FORMATS.get(extension, "comma- or tab-separated")
    save = "Save or export the table as CSV (UTF-8)"
    if kind in COMPRESSED:
        save = "Decompress it, make the table in it a file in CSV (UTF-8)"
    elif kind in OFFICE:
        save = f"Save the table as CSV (UTF-8){_IN_EXCEL}"
    return Words(
        f"The file is {KINDS.get(kind, 'a binary file')}, not {expected} text.",
        f"{save}, and {deliver(paired, 'it')}.",
    )


def unsupported_extension(extension: str, paired: bool) -> Words:
    found = f"the extension {quoted(extension)}" if extension else "no extension"
    return Words(
        f"The file has {found}; the service accepts .csv (commas) and .tsv (tabs).",
        f"Name the file .csv or .tsv according to its delimiter, and {deliver(paired, 'it')}.",
    )


def utf_16(paired: bool) -> Words:
    return Words(
        'The text is UTF-16 (some programs call it "Unicode text").',
        f"Save the file as UTF-8 with BOM{_IN_EXCEL}, and {deliver(paired, 'it')}.",
    )


def utf_8_without_mark(added: bool) -> Words:
    """`added`: the service gets the text with the mark."""
    if added:
        return Words(
            "The text is UTF-8 without a byte order mark (BOM). The service receives it with a BOM; the "
            "file itself does not change."
        )
    return Words(
        "The text is UTF-8 without a byte order mark (BOM) and contains characters other than ASCII; the "
        "service guarantees UTF-8 support only with a BOM.",
        "Write the file as UTF-8 with BOM (in Python: encoding utf-8-sig).",
    )


def shift_jis_shows_late(first_bytes: int) -> Words:
    return Words(
        f"The text is Shift_JIS, but its first {first_bytes:,} bytes are plain ASCII. The service detects "
        "the encoding from these only, and may misread the rest.",
        "Write the file as UTF-8 with BOM, or give a column a Japanese name.",
    )


def nul_bytes(offset: int, total: int, paired: bool, *, is_utf16: bool = False) -> Words:
    """`is_utf16`: the text behind is in that encoding, in which every other byte is NUL."""
    if is_utf16:
        return Words(
            "From this line on, the text is in another encoding than above: UTF-16 (offset "
            f"{offset:,}). A program has probably appended to the file.",
            "Append in the encoding of the file (in Windows PowerShell, >> appends UTF-16: use Add-Content), "
            f"and {deliver(paired)}.",
        )
    return Words(
        f"This line contains a NUL byte at offset {offset:,} ({count(total, 'NUL byte')} in the file). Text "
        "contains no NUL bytes, so the file is probably damaged or was not written completely.",
        f"Export the file again as UTF-8 with BOM, and {deliver(paired, 'it')}.",
    )
