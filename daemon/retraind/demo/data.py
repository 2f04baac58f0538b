"""The demo's data: Seattle's weather, split in time, and a delivery with mistakes in it."""

import csv
import io
from importlib import resources

FILE = "seattle-weather.csv"
TARGET = "weather"
_FIRST_EVALUATED_YEAR = "2015"


def _rows() -> list[list[str]]:
    text = resources.files("retraind.demo").joinpath(FILE).read_text(encoding="utf-8")
    return list(csv.reader(io.StringIO(text)))


def _as_csv(rows: list[list[str]]) -> bytes:
    out = io.StringIO()
    csv.writer(out, lineterminator="\n").writerows(rows)
    return out.getvalue().encode("utf-8-sig")


def good_delivery() -> tuple[bytes, bytes]:
    """Return training data (the first three years) and evaluation data (the last)."""
    header, *days = _rows()
    train = [day for day in days if day[0] < _FIRST_EVALUATED_YEAR]
    evaluation = [day for day in days if day[0] >= _FIRST_EVALUATED_YEAR]
    return _as_csv([header, *train]), _as_csv([header, *evaluation])


def bad_delivery() -> tuple[bytes, bytes]:
    """Return what a broken export writes: numbers with commas, and a column renamed in one file only."""
    header, *days = _rows()
    train = [[*day] for day in days[:400]]
    for number in (15, 42, 108):
        train[number][1] = "1,012.5"
    broken = _as_csv([header, *train]).replace(b'"1,012.5"', b"1,012.5")
    renamed = ["wind_speed" if name == "wind" else name for name in header]
    return broken, _as_csv([renamed, *days[400:500]])
