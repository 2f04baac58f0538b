"""The encoding of a file: what it is, or may be, instead of UTF-8 or Shift_JIS."""

from retraind.report.wording.en._parts import quoted, shortened
from retraind.report.wording.en.findings._parts import deliver
from retraind.report.wording.words import Words

LANGUAGES = {
    "Windows-1252": "Western European",
    "Mac Roman": "Western European, Mac",
    "CP850": "Western European, DOS",
    "Windows-1250": "Central European",
    "ISO-8859-2": "Central European",
    "CP852": "Central European, DOS",
    "Windows-1251": "Cyrillic",
    "KOI8-R": "Cyrillic",
    "CP866": "Cyrillic, DOS",
    "ISO-8859-5": "Cyrillic",
    "Mac Cyrillic": "Cyrillic, Mac",
    "Windows-1253": "Greek",
    "ISO-8859-7": "Greek",
    "Windows-1254": "Turkish",
    "Windows-1255": "Hebrew",
    "Windows-1256": "Arabic",
    "Windows-1257": "Baltic",
    "Windows-874": "Thai",
    "GBK": "simplified Chinese",
    "Big5": "traditional Chinese",
    "EUC-KR": "Korean",
    "HZ": "simplified Chinese",
    "ISO-2022-CN": "Chinese",
    "ISO-2022-KR": "Korean",
}
_NEEDED = "The service supports only UTF-8 and Shift_JIS."


def _named(encoding: str) -> str:
    language = LANGUAGES.get(encoding)
    return f"{encoding} ({language})" if language else shortened(encoding)


def _save(paired: bool) -> str:
    return f"Save the file as UTF-8 with BOM, and {deliver(paired, 'it')}."


def encoding(
    *,
    has_bom: bool,
    not_utf8: tuple[int, int, int] | None,
    not_shift_jis: tuple[int, int, int] | None,
    likely: str | None = None,
    escapes: bool = False,
    example: str = "",
    as_shift_jis: str = "",
    damage: str | None = None,
    cut: str = "",
    part: str | None = None,
    part_end: int | None = None,
    ends_early: bool = False,
    line: int | None = None,
    paired: bool,
) -> Words:
    """Of the first byte that is invalid in an encoding there are the line, the offset and the value.

    From this line on the text is in the encoding `part`, or "binary" up to line `part_end`, if that is known.
    `ends_early`: the file ends in the middle of a character.

    `likely` is the encoding that the text seems to be in, and `example` a word of this line in it. `damage`
    is what is wrong with UTF-8: cut (with the bytes that are left), surrogate or stray.
    """
    if likely == "EBCDIC":
        return Words(
            f"The text is EBCDIC, as mainframes write it, and begins with {quoted(example)}. {_NEEDED}",
            "Have it converted when it is transferred (FTP: ASCII mode instead of binary), or convert it to "
            f"UTF-8 with BOM, and {deliver(paired, 'it')}.",
        )
    if escapes:
        shown = f", and contains {quoted(example)}" if example else ""
        return Words(
            f"The text is {_named(likely or 'ISO-2022')}: this line switches to another character set with "
            f"an escape sequence{shown}. {_NEEDED}",
            _save(paired),
        )
    if part is not None and line is not None:
        words = _part(part, line, part_end, has_bom=has_bom, paired=paired)
    elif ends_early:
        words = Words(
            "The file ends in the middle of a character: it is cut off.",
            f"Check that the export and the transfer ran to completion, and {deliver(paired)}.",
        )
    elif damage is not None and not_utf8 is not None:
        words = _damaged(damage, not_utf8, cut, has_bom=has_bom, paired=paired)
    else:
        words = _unlike(likely, example, as_shift_jis, not_utf8, not_shift_jis, paired=paired)
    return words


def _unlike(
    likely: str | None,
    example: str,
    as_shift_jis: str,
    not_utf8: tuple[int, int, int] | None,
    not_shift_jis: tuple[int, int, int] | None,
    *,
    paired: bool,
) -> Words:
    if likely is not None and not_shift_jis is None:
        return Words(
            f"The text is probably {_named(likely)}: this line contains {quoted(example)}, which would read "
            f"{quoted(as_shift_jis)} in Shift_JIS. {_NEEDED}",
            _save(paired),
        )
    places = [
        f"{name} (byte 0x{bad[2]:02X} in line {bad[0]:,}, offset {bad[1]:,})"
        for name, bad in (("UTF-8", not_utf8), ("Shift_JIS", not_shift_jis))
        if bad is not None
    ]
    text = f"neither {' nor '.join(places)}" if len(places) > 1 else f"not {''.join(places) or 'UTF-8'}"
    if likely is not None:
        return Words(
            f"The text is {text}. It is probably {_named(likely)}: this line contains {quoted(example)}.",
            _save(paired),
        )
    return Words(
        f"The text is {text}.",
        f"{_save(paired)} If only some lines are damaged, fix them in the source.",
    )


def _part(part: str, line: int, end: int | None, *, has_bom: bool, paired: bool) -> Words:
    where = (
        "From this line on"
        if end is None
        else "In this line"
        if end == line
        else f"From this line to line {end:,}"
    )
    if part == "binary" and line == 1:
        return Words(
            "The file is not text, or is damaged from its first line on.",
            f"Save or export the table as CSV (UTF-8), and {deliver(paired, 'it')}.",
        )
    if part == "binary":
        return Words(
            f"{where}, the file contains bytes that are not text: it is damaged, or part of another file was "
            "written into it.",
            f"Check the export and the transfer of the file, export it again, and {deliver(paired, 'it')}.",
        )
    if line == 1 and has_bom:
        return Words(
            f"The file starts with the byte order mark (BOM) of UTF-8, but the text is {_named(part)}.",
            f"Do not add the BOM alone; save the file as UTF-8 with BOM, and {deliver(paired, 'it')}.",
        )
    append = " (in Windows PowerShell, >> appends UTF-16: use Add-Content -Encoding UTF8)"
    return Words(
        f"{where}, the text is in another encoding than above: {_named(part)}. Files in different encodings "
        "have probably been joined, or a program has appended to the file.",
        f"Convert all parts to UTF-8 before they are joined{append if part == 'UTF-16' else ''}, and "
        f"{deliver(paired)} as UTF-8 with BOM.",
    )


def _damaged(damage: str, bad: tuple[int, int, int], cut: str, *, has_bom: bool, paired: bool) -> Words:
    _, offset, value = bad
    start = (
        "The file starts with the byte order mark (BOM) of UTF-8, but"
        if has_bom
        else "The text is UTF-8, but"
    )
    again = deliver(paired, "the file")
    if damage == "surrogate":
        return Words(
            f"The text is CESU-8: it looks like UTF-8, but a character in this line, such as an emoji or a "
            f"rare kanji, is written as two halves of three bytes each (offset {offset:,}).",
            f"Export the file as UTF-8 with BOM, and {again}. In Oracle databases, UTF8 means CESU-8, and "
            "AL32UTF8 means UTF-8.",
        )
    if damage == "cut":
        return Words(
            f"{start} a character in this line is cut off: only the first of its bytes are present "
            f"({shortened(cut)}, at offset {offset:,}).",
            f"Correct this line in the source, and {again} as UTF-8 with BOM. Programs that limit values to "
            "a number of bytes cut characters in this way.",
        )
    return Words(
        f"{start} this line contains an invalid byte (0x{value:02X}, at offset {offset:,}).",
        f"Correct this line in the source, and {again} as UTF-8 with BOM.",
    )


def encoding_doubtful(likely: str, example: str, as_shift_jis: str, is_ascii: bool) -> Words:
    """`example` is a word of this line in the encoding `likely`; `as_shift_jis` is it as it stands."""
    if is_ascii:
        return Words(
            f"The text is plain ASCII, but may be {_named(likely)}: {quoted(as_shift_jis)} in this line "
            f"reads {quoted(example)} in {_named(likely)}.",
            "Check which one is right. Saved as UTF-8 with BOM, the file leaves no doubt.",
        )
    return Words(
        f"The text is valid Shift_JIS, but may be {_named(likely)} instead: a word in this line reads "
        f"{quoted(as_shift_jis)} in Shift_JIS and {quoted(example)} in {_named(likely)}.",
        "Check which one is right. Saved as UTF-8 with BOM, the file leaves no doubt.",
    )
