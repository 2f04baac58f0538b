"""Lines fit, whatever is in them."""

import io
import re

import pytest

from retraind.cli.live.drawing import Amount, column, cut, glyphs_of, progress_line
from retraind.cli.live.pace import Pace
from retraind.report.layout import cells

UNICODE, ASCII = glyphs_of(io.StringIO()), glyphs_of(io.TextIOWrapper(io.BytesIO(), encoding="ascii"))


@pytest.mark.parametrize(
    ("text", "width", "told"),
    [
        ("short", 5, "short"),
        ("too long", 5, "too …"),
        ("売上予測", 8, "売上予測"),
        ("売上予測", 7, "売上予…"),
        ("売上予測", 6, "売上…"),  # half a character is none
        ("a\x1b[31mb\n", 40, "a\\x1b[31mb\\n"),
        ("any", 1, "…"),
        ("any", 0, ""),
        ("", 0, ""),
    ],
)
def test_a_text_is_cut_to_its_columns(text, width, told):
    assert cut(text, width, UNICODE) == told
    assert cells(column(text, width, UNICODE)) == width


def test_a_terminal_without_unicode_gets_none():
    assert cut("売上 and more", 15, ASCII) == "\\u58f2\\u4e0a a~"
    line = progress_line(60, "price: upload", Amount(50, 100), Pace(), ASCII).plain
    assert re.fullmatch(r"price: upload  #+-+   50 %  50 B of 100 B", line)
    assert abs(line.count("#") - line.count("-")) <= 1


def paced(rate: int) -> Pace:
    pace = Pace()
    for at in range(4):
        pace.see(at, rate * at)
    return pace


MIB = 1 << 20


@pytest.mark.parametrize(
    ("width", "told"),
    [
        (100, "2026-11: upload  ━━━━━━━━━─────────────────────────────────   30 %  3.0 MiB of 10.0 MiB  1.0 MiB/s  0:07 left"),
        (60, "2026-11: upload  ━━─────────   30 %  1.0 MiB/s  0:07 left"),
        (50, "2026-11: upload  ━━━────────────   30 %  0:07 left"),
        (34, "2026-11: upload  ━━────────   30 %"),
        (24, "2026-11: upload   30 %"),
        (12, "2026-11: up…"),
    ],
)  # fmt: skip
def test_what_matters_least_is_left_out_first(width, told):
    line = progress_line(width, "2026-11: upload", Amount(3 * MIB, 10 * MIB), paced(MIB), UNICODE).plain
    assert cells(line) <= width
    assert "".join(line.replace("━", "").replace("─", "").split()) == "".join(
        told.replace("━", "").replace("─", "").split()
    )
    assert ("━" in line) is ("━" in told)


@pytest.mark.parametrize(
    "amount",
    [Amount(0, 0), Amount(5, 0), Amount(0, 7), Amount(9, 7), Amount(3, None), Amount(1 << 45, 1 << 46)],
)
def test_no_line_is_longer_than_the_terminal(amount):
    for width in range(1, 140):
        line = progress_line(width, "demand-forecast 売上: check", amount, paced(3), UNICODE)
        assert line.cell_len <= width
