"""The reader against csv-spectrum, a public set of CSV files with what they mean.

`make spectrum` fetches it from npm.
"""

import json
from pathlib import Path

import pytest

from retraind.dataset.reader.records import Scanner

FETCHED = Path(__file__).parents[2] / "build" / "csv-spectrum" / "package"
AT_ODDS = {"location_coordinates"}
"""The set's answer has another telephone number than the file."""
FILES = sorted(file for file in (FETCHED / "csvs").glob("*.csv") if file.stem not in AT_ODDS)


@pytest.mark.skipif(not FILES, reason="csv-spectrum is not here; fetch it with: make spectrum")
def test_the_set_is_whole():
    assert len(FILES) >= 11


@pytest.mark.parametrize("file", FILES, ids=lambda file: file.stem)
@pytest.mark.parametrize("piece", [1, 7, 1 << 20])
def test_a_file_of_the_set_is_read_as_it_is_meant(file, piece):
    data = file.read_bytes()
    scanner = Scanner(b",")
    records = []
    for start in range(0, len(data) + piece, piece):
        scanner.feed(data[start : start + piece], final=start >= len(data))
        while (batch := scanner.read(piece)) is not None:
            records += batch.rows
    header, *rows = [
        [cell.encode("latin-1").decode().replace("\r\n", "\n") for cell in cells] for cells in records
    ]
    meant = json.loads((FETCHED / "json" / f"{file.stem}.json").read_text("utf-8").replace("\\r\\n", "\\n"))
    assert [dict(zip(header, row, strict=True)) for row in rows] == meant
    assert scanner.unclosed_line is None
