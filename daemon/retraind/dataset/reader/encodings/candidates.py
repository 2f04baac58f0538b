"""The encodings that a file may be in by mistake, and how the languages in them are written."""

from collections.abc import Callable
from dataclasses import dataclass
from functools import cache

from retraind.dataset.reader.encodings.frequent import HANGUL, HANZI, TRADITIONAL
from retraind.dataset.reader.encodings.japanese import japanese
from retraind.dataset.reader.encodings.writing import Sign, Writing, alphabet, ideographs, latin


@dataclass(frozen=True, slots=True)
class Candidate:
    """An encoding: what findings call it, Python's name for it, how its words are written."""

    name: str
    codec: str
    writing: Callable[[], Writing]
    rarity: float = 0.0
    """Bits by which a file in this encoding is less to be expected than one in the usual ones: many for those
    in which random half-width kana, rare kanji or user-defined characters may happen to look like words."""


@cache
def _western() -> Writing:
    return latin("éèàêçôîâûùïëœæäöüßñáíóúãõåø")


@cache
def _central() -> Writing:
    return latin("ąćęłńóśźżáčďéěíňřšťúůýžöüőűăâîșțşţäôľđ")


@cache
def _turkish() -> Writing:
    return latin("ığşçöüİâ")


@cache
def _baltic() -> Writing:
    return latin("āčēģīķļņšūžąęėįųõäöü")


@cache
def _cyrillic() -> Writing:
    return alphabet({char: 2.6 + at / 5 for at, char in enumerate("оеаинтсрвлкмдпуягбыьзчйжхшюэцщфіїєґё")},
                    "CYRILLIC")  # fmt: skip


@cache
def _greek() -> Writing:
    return alphabet(
        {char: 2.8 + at / 5 for at, char in enumerate("ατοσιεςνπημκρυλίάόέγδωήχθύφώβξζψ")}, "GREEK"
    )


@cache
def _hebrew() -> Writing:
    return alphabet(dict.fromkeys("אבגדהוזחטיכךלמםנןסעפףצץקרשת", 4.3), "HEBREW")


@cache
def _arabic() -> Writing:
    return alphabet(dict.fromkeys("ابتثجحخدذرزسشصضطظعغفقكلمنهويةىءأإآئؤ", 4.5), "ARABIC")


@cache
def _thai() -> Writing:
    return alphabet({char: 3.6 + at / 12 for at, char in
                     enumerate("านรกอเงมยลวสดตทบปคหแจพชขใไโผธศณถฟซภ\u0e31\u0e35\u0e48\u0e49\u0e34\u0e37"
                               "\u0e38\u0e4c\u0e39\u0e30\u0e33")}, "THAI")  # fmt: skip


@cache
def _any() -> Writing:
    """Return the writing of texts in UTF-8: of any language, most often Japanese."""
    western, east, korean = _western(), japanese(), _korean()

    def sign(char: str) -> Sign:
        writing = korean if "\uac00" <= char <= "\ud7a3" else western if char < "\u0370" else east
        return writing.sign(char)

    return Writing(sign)


@cache
def _simplified() -> Writing:
    return ideographs(HANZI, "gb2312", 0xD800, 0x10000)


@cache
def _traditional() -> Writing:
    return ideographs(TRADITIONAL, "big5", 0xC6A1, 0x10000)


@cache
def _korean() -> Writing:
    return ideographs(HANGUL, "euc_kr", 0xC8FF, 0x10000)


SHIFT_JIS = Candidate("Shift_JIS", "cp932", japanese)

UTF_8 = Candidate("UTF-8", "utf-8", _any)
CESU_8 = Candidate("CESU-8", "cesu-8", _any)

OTHERS = (
    UTF_8,
    CESU_8,
    Candidate("Windows-1252", "cp1252", _western),
    Candidate("EUC-JP", "euc_jp", japanese),
    Candidate("GBK", "gb18030", _simplified, 3),
    Candidate("EUC-KR", "cp949", _korean, 3),
    Candidate("Big5", "cp950", _traditional, 3),
    Candidate("Windows-1250", "cp1250", _central, 3),
    Candidate("Windows-1251", "cp1251", _cyrillic, 6),
    Candidate("Windows-1253", "cp1253", _greek, 8),
    Candidate("Windows-1254", "cp1254", _turkish, 4),
    Candidate("Windows-1257", "cp1257", _baltic, 6),
    Candidate("Mac Roman", "mac_roman", _western, 3),
    Candidate("CP850", "cp850", _western, 4),
    Candidate("CP852", "cp852", _central, 6),
    Candidate("KOI8-R", "koi8_r", _cyrillic, 7),
    Candidate("CP866", "cp866", _cyrillic, 7),
    Candidate("ISO-8859-5", "iso8859_5", _cyrillic, 12),
    Candidate("Mac Cyrillic", "mac_cyrillic", _cyrillic, 11),
    Candidate("ISO-8859-2", "iso8859_2", _central, 4),
    Candidate("ISO-8859-7", "iso8859_7", _greek, 10),
    Candidate("Windows-1255", "cp1255", _hebrew, 12),
    Candidate("Windows-1256", "cp1256", _arabic, 12),
    Candidate("Windows-874", "cp874", _thai, 12),
)
