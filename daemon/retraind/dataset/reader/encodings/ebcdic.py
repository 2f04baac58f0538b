"""Recognises EBCDIC, the character sets of mainframes, in which no letter or digit is that of ASCII."""

import re

from retraind.dataset.reader.encodings.verdict import Example, Verdict

_CODEC = "cp037"  # digits, most letters and signs are the same in all of them
_FEWEST = 32  # bytes
_MOSTLY = 0.9  # of the bytes
_FEW, _SOME = 0.02, 0.03
_USUAL = re.compile(
    rb"[\x05\x0d\x15\x25\x40\x4b-\x4d\x5c-\x5e\x60\x61\x6b\x6d\x7a\x7d\x7f\x81-\x89\x91-\x99\xa2-\xa9\xc1-\xc9"
    rb"\xd1-\xd9\xe2-\xe9\xf0-\xf9]"
)
_STRANGE = re.compile(rb"[\x0a\x20\x2c0-9]")  # ends of lines, spaces, commas and digits of ASCII
_SHOWN = 40


def ebcdic_in(head: bytes) -> Verdict | None:
    """Return that the start of a file is in EBCDIC, with its first words; None if it is not."""
    if len(head) < _FEWEST or head.isascii():
        return None
    usual, strange = len(_USUAL.findall(head)), len(_STRANGE.findall(head))
    separators = head.count(b"\x6b") + head.count(b"\x40") + head.count(b"\x05")
    if usual < _MOSTLY * len(head) or strange > _FEW * len(head) or separators < _SOME * len(head):
        return None
    text = head[:_SHOWN].decode(_CODEC).splitlines()[0].strip()
    return Verdict("EBCDIC", _CODEC, float("inf"), 1, usual=True, example=Example(1, text, ""))
