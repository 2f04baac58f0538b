"""Text that an earlier conversion has damaged: characters that are lost, or were read in another encoding."""

import codecs
import re
import sys
from collections.abc import Container, Iterator, Sequence
from enum import StrEnum
from functools import cache
from typing import NamedTuple

from retraind.dataset.reader.columns.spreadsheets import remains_of
from retraind.dataset.reader.encodings.verdict import LOST
from retraind.dataset.reader.table import ReadResult
from retraind.dataset.rules.causes.cause import Cause
from retraind.dataset.rules.causes.sample import Part, Row, parts_of
from retraind.dataset.rules.data_file import DataFile
from retraind.domain.problems import Finding, Severity

_LETTER = re.compile(r"[^\W\d_]")
_QUESTIONS = ("??", "？？")  # noqa: RUF001
_RUN = re.compile(r"[^\x00-\x7f]{2,}")
_C1 = {ord(char): byte for byte in range(0x80, 0xA0) if (char := bytes([byte]).decode("cp1252", "ignore"))}
"""The characters of Windows-1252 that ISO-8859-1 lacks; the bytes without any are control characters."""
_READINGS = {
    "cp1252": "Windows-1252", "cp932": "Shift_JIS", "cp1251": "Windows-1251", "cp1250": "Windows-1250",
    "cp437": "code page 437", "cp850": "code page 850", "mac_roman": "Mac Roman",
}  # fmt: skip
_SPECIAL = re.compile(f"[\x80-\x9f{re.escape(''.join(map(chr, _C1)))}]")
_JAPANESE = re.compile(rf'(?<![^\x00-\x20,;"=(/]){_SPECIAL.pattern}[^\x00-\x20,;")/]+')
"""Words that begin with the first byte of a character of Shift_JIS, as Windows-1252 has it."""
_USUAL = re.compile("[ぁ-んァ-ヶー々一-龠]")
_LEADS = range(0xC2, 0xF5)  # first bytes of characters in UTF-8
_CONTINUED = range(0x80, 0xC0)  # their other bytes
_MOST_WORDS = 1_000
_WRITTEN = re.compile(
    "[\u00a0-\u017f\u0370-\u0fff\u1e00-\u206f\u20a0-\u22ff\u2500-\u27bf\u3000-\ud7ff\uf900-\ufaff\ufe00-\uffef]"
    "|[\U0001f000-\U0001faff]"
)
"""Characters that people write, unlike those of phonetics and of rare scripts."""
_LONGEST = 4  # bytes of a character
_SURE = 3  # characters, from which on a single word is sure
_MOSTLY = 0.5  # of a column's values


class _Damaged(NamedTuple):
    """Lines with bytes that mean nothing."""

    line: int
    last_line: int
    is_no_text: bool = False
    echoes: frozenset[str] = frozenset()
    """Rules about the text that say the same in other words."""

    def explains(self, finding: Finding, table: ReadResult) -> bool:
        """Return whether a finding about the table follows from these bytes."""
        if finding.rule == "reading-ended":  # it alone says that the rest was not read
            return False
        if self.line == 1 and self.is_no_text:  # there are no names any more
            return True
        if finding.rule == "ragged-rows":
            return all(self.line - 1 <= row.line <= self.last_line + 1 for row in table.ragged.first)
        return finding.line is not None and self.line <= finding.line <= self.last_line


def explained_by_bytes(
    file: DataFile, of_text: Sequence[Finding], of_table: Sequence[Finding]
) -> list[Finding]:
    """Return the findings about a file as text and as a table, without what follows from its damaged bytes.

    Rows are cut there, and have NULs, quotes and delimiters that no one wrote.
    """
    refused = {each.rule for each in of_text if each.severity is Severity.ERROR}
    damaged = _damaged(file.table, refused)
    if damaged is None:
        return [*of_text, *of_table]
    return [
        *(each for each in of_text if each.rule not in damaged.echoes),
        *(each for each in of_table if not damaged.explains(each, file.table)),
    ]


def _damaged(table: ReadResult, refused: Container[str]) -> _Damaged | None:
    encoding, nul = table.encoding, table.nul
    bad = encoding.first_bad
    if "encoding" in refused and (part := encoding.part) is not None:
        if part.is_damage:
            return _Damaged(
                part.line, part.last_line or sys.maxsize, is_no_text=True, echoes=frozenset({"nul-bytes"})
            )
        return _Damaged(part.line, part.line)
    if "nul-bytes" in refused and nul is not None:
        if nul.part is not None:
            return _Damaged(
                nul.line,
                nul.part.last_line or sys.maxsize,
                is_no_text=True,
                echoes=frozenset({"encoding", "encoding-doubtful"}),
            )
        cuts = bad is not None and bad.offset < nul.offset <= bad.offset + _LONGEST
        return _Damaged(nul.line, nul.line, echoes=frozenset({"encoding"} if cuts else ()))
    if "encoding" in refused and bad is not None:
        return _Damaged(bad.line, bad.line)
    return None


class Damage(StrEnum):
    """What has happened to a text."""

    LOST = "lost"
    QUESTIONS = "question-marks"
    MISREAD = "misread"
    SPREADSHEET = "spreadsheet"


class Misread(NamedTuple):
    """A word of UTF-8 that was read in another encoding."""

    word: str
    codec: str
    is_japanese: bool = False  # Shift_JIS, not UTF-8

    @property
    def encoding(self) -> str:
        """The name of the encoding in which it was read."""
        return _READINGS[self.codec]

    @property
    def was(self) -> str:
        """The name of the encoding in which it was."""
        return "Shift_JIS" if self.is_japanese else "UTF-8"

    def meant_by(self, text: str) -> str:
        """Return a text as it was before."""
        if self.is_japanese:
            return _JAPANESE.sub(lambda run: _meant_in_japanese(run[0]) or run[0], text)
        return _RUN.sub(lambda run: _meant(run[0], self.codec) or run[0], text)


def damaged_names(file: DataFile) -> Iterator[Cause]:
    """The names of the columns are what they were in the source."""
    table = file.table
    if table.encoding.name == "unknown":  # then U+FFFD is ours
        return
    names = [table.text(name) for name in table.header]
    first_line = table.text(table.oddities.first_line)
    misread = misread_in(first_line) if not first_line.isascii() else None
    damaged = {at: kind for at, name in enumerate(names) if (kind := _damage_of(name, misread)) is not None}
    if not damaged:
        return
    at, kind = next(iter(damaged.items()))
    finding = file.warning(
        "damaged-names",
        line=1,
        column=at + 1,
        kind=kind,
        names=[names[each] for each in damaged if damaged[each] is kind],
        total=sum(each is kind for each in damaged.values()),
        meant=misread.meant_by(names[at]) if misread is not None and kind is Damage.MISREAD else "",
        encoding=misread.encoding if misread is not None and kind is Damage.MISREAD else "",
        was=misread.was if misread is not None else "",
        paired=file.paired,
    )

    def explains(each: Finding) -> bool:
        if each.rule == "duplicate-columns":
            return names.index(str(each.column)) in damaged
        return each.rule in {"target-missing", "columns-changed"}

    yield Cause(finding, explains, Severity.WARNING)


def _damage_of(name: str, misread: Misread | None) -> Damage | None:
    if LOST in name:
        return Damage.LOST
    if _are_questions(name):
        return Damage.QUESTIONS
    if remains_of(name.strip()) is not None:
        return Damage.SPREADSHEET
    return Damage.MISREAD if misread is not None and misread.meant_by(name) != name else None


def _are_questions(text: str) -> bool:
    """Return whether a text has no letter any more, but several question marks side by side."""
    return any(each in text for each in _QUESTIONS) and not _LETTER.search(text)


def damaged_values(file: DataFile) -> Iterator[Cause]:
    """Values are what they were in the source: no character of them is lost or read in another encoding."""
    table = file.table
    if table.encoding.name == "unknown":
        return
    lost = [line for line in table.oddities.lost.first if line > 1]
    parts = parts_of(table)
    misread = next((found for part in parts if (found := _misread(file, part)) is not None), None)
    if misread is not None:
        yield misread
    elif lost and table.encoding.name != "shift_jis":
        yield _values(file, Damage.LOST, lost[0], others=lost[1:], total=table.oddities.lost.count)
    for part in parts:
        if any(each in part.text for each in _QUESTIONS) and (found := _questions(file, part.rows())):
            yield found
            return


def _misread(file: DataFile, part: Part) -> Cause | None:
    """Return a cause if a value was read in another encoding."""
    misread = None if part.text.isascii() else misread_in(part.text)
    if misread is None:
        return None
    found = ((row, cell) for row in part.rows() for cell in row.cells if misread.word in cell)
    row, value = next(found, (None, ""))
    if row is None:
        return None
    return _values(
        file,
        Damage.MISREAD,
        row.line,
        value=value,
        meant=misread.meant_by(value),
        encoding=misread.encoding,
        was=misread.was,
        column=file.column(row.cells.index(value)),
    )


def _questions(file: DataFile, rows: Sequence[Row]) -> Cause | None:
    """Return a cause if most values of a column are question marks, though not all are the same sign."""
    for at in range(file.table.width):
        filled = [(row.line, row.cells[at]) for row in rows if row.cells[at].strip()]
        found = [(line, value) for line, value in filled if _are_questions(value)]
        if len({value for _, value in found}) > 1 and len(found) >= _MOSTLY * len(filled):
            line, value = found[0]
            return _values(file, Damage.QUESTIONS, line, value=value, column=file.column(at))
    return None


def _values(
    file: DataFile, kind: Damage, line: int, *, column: str | int | None = None, **facts: object
) -> Cause:
    known = {"value": "", "meant": "", "encoding": "", "was": "", "others": [], "total": 1} | facts
    finding = file.warning("damaged-values", line=line, column=column, kind=kind, paired=file.paired, **known)
    return Cause(finding, lambda _: False, Severity.WARNING)


def misread_in(text: str) -> Misread | None:
    """Return a word that was UTF-8 and is read in another encoding, if that is no chance."""
    found: dict[str, Misread] = {}
    for word in list(dict.fromkeys(_words().findall(text)))[:_MOST_WORDS]:
        for codec in _READINGS:
            if (meant := _meant(word, codec)) is None:
                continue
            first = found.setdefault(codec, Misread(word, codec))
            is_usual = codec == "cp1252" and all(char < "\u0100" or char >= "\u2000" for char in meant)
            if is_usual or len(meant) >= _SURE or first.word != word:
                return first
    if len(_SPECIAL.findall(text)) < _SURE:
        return None
    words = [word for word in dict.fromkeys(_JAPANESE.findall(text)) if _meant_in_japanese(word)]
    return Misread(words[0], "cp1252", is_japanese=True) if len(words) > 1 else None


def _meant_in_japanese(word: str) -> str | None:
    """Return what a word of Shift_JIS was meant to be that was read as Windows-1252; None if it is none."""
    try:
        meant = _encoded(word, "cp1252").decode("cp932")
    except UnicodeError:
        return None
    is_usual = len(meant) > 1 and all(map(_USUAL.match, meant))
    return meant if is_usual else None


@cache
def _words() -> re.Pattern[str]:
    """Return an expression for words that may have been UTF-8, by their first character."""
    firsts = {
        char
        for codec in _READINGS
        for lead in _LEADS
        for data in ([bytes([lead, each]) for each in _CONTINUED] if codec == "cp932" else [bytes([lead])])
        for char in data.decode(codec, "ignore")[:1]
    }
    # An expression that begins with a set of characters is searched for many times faster.
    return re.compile(rf"[{re.escape(''.join(sorted(firsts)))}](?<![^\x00-\x7f][\s\S])[^\x00-\x7f]+")


def _meant(word: str, codec: str) -> str | None:
    """Return what a word of UTF-8 was meant to be that was read in an encoding; None if it is none."""
    # What cannot be read at the end has become another sign.
    word = word.rstrip("・" + LOST)
    try:
        data = _encoded(word[:1], codec)
        if not data or data[0] not in _LEADS:
            return None
        # The last character may be cut.
        meant = codecs.getincrementaldecoder("utf-8")().decode(_encoded(word, codec))
    except UnicodeError:
        return None
    if not meant or not all(map(_WRITTEN.match, meant)):
        return None
    if codec == "cp932":  # in which half-width kana are single bytes
        return meant if len(meant) > 1 and all(char >= "\u3000" for char in meant) else None
    return meant


def _encoded(text: str, codec: str) -> bytes:
    return text.translate(_C1).encode("latin-1") if codec == "cp1252" else text.encode(codec)
