"""Detects the character encoding of a file from all of its bytes, in one pass.

UTF-8 and Shift_JIS (as Windows writes it, code page 932) are tried side by side until one of them is ruled
out, or there is so much valid UTF-8 that the file can be nothing else. Nearly any bytes are valid Shift_JIS,
so what is valid in it is judged by its words: `encodings/`.
"""

import codecs
import functools
from collections.abc import Callable
from dataclasses import dataclass
from enum import StrEnum

from retraind.dataset.reader.automaton import Automaton, Engine, compiled, matched
from retraind.dataset.reader.breaks import LF
from retraind.dataset.reader.encodings.candidates import CESU_8, SHIFT_JIS, UTF_8
from retraind.dataset.reader.encodings.characters import ASCII, text_in
from retraind.dataset.reader.encodings.ebcdic import ebcdic_in
from retraind.dataset.reader.encodings.escapes import LONGEST, LONGEST_HZ, begun_in, escape_in
from retraind.dataset.reader.encodings.evidence import Evidence
from retraind.dataset.reader.encodings.part import Part, Start
from retraind.dataset.reader.encodings.utf7 import Utf7
from retraind.dataset.reader.encodings.verdict import (
    DOUBT_BITS,
    Example,
    Verdict,
    are_marks_alone,
    decode,
    judge,
)

HEAD_BYTES = 1_000
"""The service detects the encoding from the first bytes, this many."""

UTF8_CODECS = frozenset({UTF_8.codec, CESU_8.codec})
"""The codecs of texts that are UTF-8 but for single characters."""

_WIDE_BOMS = (codecs.BOM_UTF32_LE, codecs.BOM_UTF32_BE, codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)
_SURE_UTF8 = (
    1_000  # bytes beyond ASCII that are all valid UTF-8: no text in another encoding is that by chance
)
_WIDE_SHARE = 0.4  # of every other byte: Western text in UTF-16 has a NUL in nearly all of them
_BEFORE = 1 << 10  # bytes before an invalid one, in its line
_ESCAPED_BYTES = 256  # shown of a text with escape sequences


class Damage(StrEnum):
    """What is wrong with a byte in UTF-8."""

    CUT = "cut"
    """It begins a character whose other bytes are missing."""
    SURROGATE = "surrogate"
    """It begins half a character, as programs write it that think in UTF-16."""
    STRAY = "stray"
    """It begins no character."""


@dataclass(frozen=True, slots=True)
class BadByte:
    """The first byte of a file that is invalid in an encoding."""

    offset: int  # in the file, from 0
    line: int
    value: int
    damage: Damage = Damage.STRAY  # in UTF-8
    cut: bytes = b""  # the bytes that are there of a character that is cut


@dataclass(frozen=True, slots=True)
class Encoding:
    """The detected encoding."""

    name: str  # ascii, utf-8, utf-8-sig, shift_jis, or unknown when it is none of them
    ascii_head: bool  # the first 1,000 bytes are ASCII
    has_bom: bool = False  # the file starts with the byte order mark of UTF-8
    not_utf8: BadByte | None = None
    not_shift_jis: BadByte | None = None
    likely: Verdict | None = None
    """The encoding that the file is in when it is unknown; else that it may be in."""
    part: Part | None = None
    """What is damaged, or in another encoding than the text before it, in a file that is in none."""
    escapes: bool = False
    """The bytes of commas and quotes are those of other characters: nothing can be read."""

    @property
    def first_bad(self) -> BadByte | None:
        """The first byte that is invalid in what the text was in until then, as far as that is known."""
        if self.name != "unknown" or self.escapes:
            return None
        if self.likely is not None:
            return self.not_utf8 if self.likely.codec in UTF8_CODECS else None
        found = [each for each in (self.not_utf8, self.not_shift_jis) if each is not None]
        return max(found, key=lambda each: each.offset, default=None)

    def text(self, value: bytes) -> str:
        """Return the text of a value of this file, with U+FFFD in place of bytes that are invalid."""
        if self.name == "shift_jis":
            return decode(value, "cp932")
        if self.name == "unknown" and self.likely is not None:
            return decode(value, self.likely.codec)
        if (bad := self.first_bad) is not None and bad is self.not_shift_jis:
            return decode(value, SHIFT_JIS.codec)
        return value.decode("utf-8", "replace")


def is_utf16(head: bytes) -> bool:
    """Return whether this is UTF-16 or UTF-32: it has their mark, or nearly every other byte is NUL."""
    if head.startswith(_WIDE_BOMS):
        return True
    start = head[:HEAD_BYTES]
    return sum(start[odd::2].count(0) > _WIDE_SHARE * len(start) / 2 for odd in (0, 1)) == 1


class _Candidate:
    """One encoding, tried until the first invalid byte."""

    def __init__(self, codec: str) -> None:
        self.bad: BadByte | None = None
        self.behind: Start | None = None
        """The text from the line of that byte on."""
        self.beyond_ascii = 0  # decoded bytes more than characters: at least one for each beyond ASCII
        self._decoder = codecs.getincrementaldecoder(codec)("strict")
        self._cut = b""  # the beginning of a character that continues in the next piece

    def feed(
        self,
        piece: bytes,
        offset: int,
        line_of: Callable[[int], int],
        *,
        before: bytes,
        valid: Automaton | None = None,
        ascii_only: bool,
        final: bool,
    ) -> None:
        """`before` are the last bytes ahead of the piece.

        `valid` matches text in this encoding, faster than the decoder and without Python's lock.
        """
        if self.behind is not None and not self.behind.is_full:
            self.behind.add(piece)
        if self.bad is not None or (ascii_only and not self._cut and not final):
            return
        passed = 0 if valid is None else self._pass(piece, valid)
        rest = piece[passed:]
        try:
            text = self._decoder.decode(rest, final)
        except UnicodeDecodeError as error:
            self.bad = self._bad_byte(error, rest, offset + passed, lambda at: line_of(passed + at))
            # Its character may have begun in the piece before.
            known, at = before + piece, len(before) + self.bad.offset - offset
            self.behind = Start(self.bad.line)
            self.behind.add(known[max(known.rfind(LF, 0, at) + 1, at - _BEFORE) :])
            valid_bytes = (self._cut + rest)[: error.start]
            self.beyond_ascii += error.start - len(self._cut) - len(valid_bytes.decode(error.encoding))
            return
        self.beyond_ascii += len(rest) - len(text)
        self._cut = self._decoder.getstate()[0]

    def _pass(self, piece: bytes, valid: Automaton) -> int:
        """Return how many bytes need not be decoded."""
        begin = 0
        if self._cut:
            begin = 1
            whole = self._cut + piece[:begin]
            if matched(valid, whole, 0) < len(whole):
                return 0
            self._decoder.reset()
            self._cut = b""
        return matched(valid, piece, begin)

    def _bad_byte(
        self, error: UnicodeDecodeError, piece: bytes, offset: int, line_of: Callable[[int], int]
    ) -> BadByte:
        at = error.start - len(self._cut)
        data = self._cut + piece
        value, following = data[error.start], data[error.start + 1 : error.start + 2]
        damage, cut = Damage.STRAY, b""
        if value == _SURROGATE_LEAD and b"\xa0" <= following <= b"\xbf":
            damage = Damage.SURROGATE
        elif _FIRST_LEAD <= value <= _LAST_LEAD:
            damage, cut = Damage.CUT, data[error.start : error.end]
        return BadByte(offset + at, line_of(at), value, damage, cut)


@functools.cache
def _valid(codec: str, engine: Engine) -> Automaton | None:
    return compiled(text_in(codec), engine)


_SURROGATE_LEAD, _FIRST_LEAD, _LAST_LEAD = 0xED, 0xC2, 0xF4


class EncodingDetector:
    """Receives a file's bytes in pieces, without the byte order mark; `result` returns the encoding."""

    def __init__(self, head: bytes, engine: Engine = Engine.NONE) -> None:
        self._engine = engine
        self.bom = codecs.BOM_UTF8 if head.startswith(codecs.BOM_UTF8) else b""
        self._ascii_head = head[len(self.bom) : HEAD_BYTES].isascii()
        self._ascii = True
        self._offset = len(self.bom)
        self._utf8 = _Candidate(UTF_8.codec)
        self._shift_jis = _Candidate(SHIFT_JIS.codec)
        self._evidence = Evidence()
        self._before = b""  # the last bytes of all pieces until now
        self._last = b""  # the end of the last piece, where an escape sequence may have begun
        self._escaped: Verdict | None = None
        self._utf7 = Utf7()
        self._ebcdic = ebcdic_in(head)

    def feed(
        self,
        piece: bytes,
        line_of: Callable[[int], int],
        *,
        plain: bool = False,
        valid: range = range(0),
        final: bool = False,
    ) -> None:
        """Read the next piece; `line_of` returns the line of an offset in it. The final piece is empty.

        `plain`: it has plain bytes alone, as the prover says. `valid`: these bytes are lines of text in the
        encoding that was the `codec`.
        """
        ascii_only = plain or piece.isascii()
        self._ascii = self._ascii and ascii_only
        begin = 0
        if valid and not self._keeps_text():
            self._try(piece, range(valid.start), line_of, ascii_only=ascii_only, final=final)
            begin = valid.start if self._keeps_text() else valid.stop
        self._try(piece, range(begin, len(piece)), line_of, ascii_only=ascii_only, final=final)
        self._before = (self._before + piece[-_BEFORE:])[-_BEFORE:]
        if not self._only_utf8 and not self._evidence.is_full:
            self._evidence.add(piece, line_of, ascii_only=ascii_only, final=final)
        if self._ascii and self._escaped is None:
            self._find_escape(piece, line_of, plain=plain)
            self._utf7.feed(piece, line_of, final=final)
        self._offset += len(piece)

    def _try(
        self, piece: bytes, part: range, line_of: Callable[[int], int], *, ascii_only: bool, final: bool
    ) -> None:
        """Read a part of a piece."""

        def line_of_part(offset: int) -> int:
            return line_of(part.start + offset)

        text, offset = piece[part.start : part.stop], self._offset + part.start
        before = (self._before + piece[max(0, part.start - _BEFORE) : part.start])[-_BEFORE:]
        self._utf8.feed(text, offset, line_of_part, before=before, ascii_only=ascii_only, final=final)
        if not self._only_utf8:
            valid = self._valid_shift_jis
            self._shift_jis.feed(
                text, offset, line_of_part, before=before, valid=valid, ascii_only=ascii_only, final=final
            )

    def _keeps_text(self) -> bool:
        """Return whether all of the next bytes are wanted, since one before them is invalid."""
        behind = (self._utf8.behind, self._shift_jis.behind)
        return any(each is not None and not each.is_full for each in behind)

    @property
    def codec(self) -> str:
        """The encoding, if it is known that the text has more than ASCII, and it is valid so far."""
        if self._only_utf8:
            return ASCII if self._ascii or self._utf8.bad is not None else UTF_8.codec
        return ASCII if self._utf8.bad is None or self._shift_jis.bad is not None else SHIFT_JIS.codec

    @property
    def _valid_shift_jis(self) -> Automaton | None:
        # Most files are UTF-8 and need no such automaton; Python's own module is slower than the decoder.
        is_worth = self._engine is Engine.RE2 and self._utf8.bad is not None
        return _valid(SHIFT_JIS.codec, self._engine) if is_worth else None

    def _find_escape(self, piece: bytes, line_of: Callable[[int], int], *, plain: bool) -> None:
        more = LONGEST - 1 if len(self._last) < LONGEST else LONGEST_HZ
        start = self._last + piece[:more]
        found, data, before = escape_in(start), start, len(self._last)
        if found is None and not plain:
            found, data, before = escape_in(piece), piece, 0
        end = self._last + piece if len(piece) < LONGEST_HZ else piece
        self._last = end[-begun_in(end) :]
        if found is None:
            return
        at, name, codec = found
        if data is start:
            data = start + piece[more : more + _ESCAPED_BYTES]
        shown = data[at : at + _ESCAPED_BYTES].splitlines()[0]
        text = "" if codec == "ascii" else decode(shown, codec, complete=False)
        text = text.partition(",")[0].partition("\t")[0]
        example = Example(line_of(max(0, at - before)), text, "")
        self._escaped = Verdict(name, codec, float("inf"), 1, usual=True, example=example)

    @property
    def _only_utf8(self) -> bool:
        return bool(self.bom) or self._utf8.beyond_ascii >= _SURE_UTF8

    def result(self) -> Encoding:
        """Return the encoding after the last piece. UTF-8 wins if both are valid: it rarely is by chance."""
        # How much of the file was tried as Shift_JIS until it was UTF-8 for sure says nothing.
        not_utf8, not_shift_jis = self._utf8.bad, None if self._only_utf8 else self._shift_jis.bad
        if self._ebcdic is not None and not_utf8 is not None:
            return Encoding("unknown", self._ascii_head, likely=self._ebcdic, escapes=True)
        if self._ascii and self._escaped is not None and not self.bom:
            return Encoding("unknown", self._ascii_head, likely=self._escaped, escapes=True)
        if self._ascii and not self.bom and (word := self._utf7.first) and self._utf7.is_likely:
            example = Example(word.line, word.text, word.written)
            seven = Verdict("UTF-7", "utf-7", DOUBT_BITS, 1, usual=True, example=example)
            sure = self._utf7.is_sure
            return Encoding("unknown" if sure else "ascii", self._ascii_head, likely=seven, escapes=sure)
        likely = part = None
        is_utf8 = self._only_utf8 or not are_marks_alone(self._evidence.words)
        if not_utf8 is None and is_utf8:
            name = "utf-8-sig" if self.bom else "ascii" if self._ascii else "utf-8"
        elif not_utf8 is not None and self._only_utf8:
            name, likely = "unknown", self._damaged_utf8(not_utf8)
        else:
            found = judge(self._evidence.words)
            likely = found if found is not None and found.is_doubt else None
            is_other = not_shift_jis is not None or (likely is not None and likely.is_sure)
            name = "unknown" if is_other else "shift_jis"
        if name == "unknown":
            part = self._part(likely)
            likely = likely if part is None else None
        return Encoding(name, self._ascii_head, bool(self.bom), not_utf8, not_shift_jis, likely, part)

    def _part(self, likely: Verdict | None) -> Part | None:
        """Return what begins at the first byte that is invalid in the encoding of the text before it."""
        utf8, shift_jis = self._utf8, self._shift_jis
        if utf8.bad is None or utf8.behind is None or utf8.bad.damage is Damage.SURROGATE:
            return None
        if self._only_utf8:
            return utf8.behind.damage() or utf8.behind.encoding(UTF_8.codec)
        damage = utf8.behind.damage()
        if damage is not None or shift_jis.bad is None or shift_jis.behind is None:
            return damage
        is_known = (likely is not None and likely.is_sure) or shift_jis.bad.offset <= utf8.bad.offset
        return shift_jis.behind.damage() or (None if is_known else shift_jis.behind.encoding(SHIFT_JIS.codec))

    def _damaged_utf8(self, bad: BadByte) -> Verdict:
        candidate = CESU_8 if bad.damage is Damage.SURROGATE else UTF_8
        return Verdict(
            candidate.name, candidate.codec, float("inf"), 1, usual=True, example=Example(bad.line, "", "")
        )
