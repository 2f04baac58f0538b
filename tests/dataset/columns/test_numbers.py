"""Numbers, what is written instead of one, and what stands for a missing one."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from retraind.dataset.reader.columns.facts import Notation
from retraind.dataset.reader.columns.numbers import all_numbers, is_marker, is_number, notations
from support.variants import holds_for

PLAIN = ["0", "1", "-1", "+1", "1.5", ".5", "5.", "1e5", "1E-5", " 7 ", "007", "1e400"]
NO_NUMBER = [
    "",
    "1_000",
    "nan",
    "NaN",
    "inf",
    "-inf",
    "Infinity",
    "0x1F",
    "1,5",
    "１",
    "1 2",
    "--1",
    "e5",
    ".",
]


@pytest.mark.parametrize("value", PLAIN)
def test_a_plain_number_is_one_and_has_no_other_notation(value):
    assert is_number(value.encode())
    assert notations(value.encode()) == ()
    assert all_numbers([value.encode(), b""])


@pytest.mark.parametrize("value", NO_NUMBER)
def test_what_python_or_people_call_a_number_is_not_always_one(value):
    assert not is_number(value.encode())
    assert all_numbers([value.encode()]) == (value == "")


@given(st.lists(st.sampled_from(PLAIN + NO_NUMBER)))
def test_many_are_judged_like_each(values):
    data = [value.encode() for value in values]
    assert all_numbers(data) == all(is_number(value) for value in data if value)


NOTATIONS = {
    "12.5-": [Notation.TRAILING_MINUS],
    "1,234.50-": [Notation.TRAILING_MINUS, Notation.THOUSANDS],
    "12 -": [Notation.TRAILING_MINUS],
    "−5": [Notation.OTHER_MINUS],
    "▲1,200": [Notation.OTHER_MINUS, Notation.THOUSANDS],
    "△3": [Notation.OTHER_MINUS],
    "(1,234.5)": [Notation.PARENTHESES, Notation.THOUSANDS],
    "'00123": [Notation.APOSTROPHE],
    "1'234": [Notation.THOUSANDS],
    "1’234’567.5": [Notation.THOUSANDS],
    "1,234": [Notation.THOUSANDS],
    "-12,34,567": [Notation.THOUSANDS],
    "1 234,5": [Notation.THOUSANDS],
    "1\u00a0234": [Notation.THOUSANDS],
    "1\u202f234\u202f567": [Notation.THOUSANDS],
    "¥1,234": [Notation.CURRENCY, Notation.THOUSANDS],
    "￥500": [Notation.CURRENCY],
    "-$5.20": [Notation.CURRENCY],
    "$-5.20": [Notation.CURRENCY],
    "5 €": [Notation.CURRENCY],
    "1200円": [Notation.CURRENCY],
    "\\1,234": [Notation.CURRENCY, Notation.THOUSANDS],
    "USD 5": [Notation.CURRENCY],
    "12%": [Notation.PERCENT],
    "12 %": [Notation.PERCENT],
    "1,5": [Notation.DECIMAL_COMMA],
    "-0,25": [Notation.DECIMAL_COMMA],
    "1.234,56": [Notation.DECIMAL_COMMA],
    "１２３": [Notation.FULL_WIDTH],
    "1.1 )": [Notation.FLAG],
    "-3 ］": [Notation.FLAG],
    "1,234 *": [Notation.FLAG, Notation.THOUSANDS],
    "5\u3000": [Notation.BLANK],
    "\u00a01.5": [Notation.BLANK],
    "- 5": [Notation.BLANK],
    "1．5": [Notation.FULL_WIDTH],
    "－5": [Notation.OTHER_MINUS],
    "300万円": [Notation.CURRENCY, Notation.MULTIPLIER],
    "1.2億": [Notation.MULTIPLIER],
    "－１，２３４．５％": [Notation.FULL_WIDTH, Notation.OTHER_MINUS, Notation.PERCENT, Notation.THOUSANDS],
}


@pytest.mark.parametrize(("value", "expected"), NOTATIONS.items())
@pytest.mark.parametrize("encoding", ["utf-8", "cp932"])
def test_numbers_as_people_write_them_are_recognised(value, expected, encoding):
    try:
        data = value.encode(encoding)
    except UnicodeEncodeError:
        pytest.skip("not in this encoding")
    assert list(notations(data)) == expected


@pytest.mark.parametrize(
    "value",
    ["", "-", "abc", "12-34", "090-1234-5678", "1,2,3", "12a", "A1", "1-2", "2024-01-05", "10:30", "1.2.3",
     "%", "¥", "()", "(a)", "1/2", "12kg", "1)", "5*", "万", "1万2千", "a )", "1,,2", "--", "+-1", "−−1", "12--", "1 2 3", "192.168.0.1"],
)  # fmt: skip
def test_other_text_with_digits_is_no_number_in_any_notation(value):
    assert notations(value.encode()) == ()


@holds_for(40, 400, st.text(max_size=12))
def test_any_text_is_judged(text):
    data = text.encode("utf-8", "surrogatepass")
    if is_number(data):
        assert notations(data) == ()
    is_marker(data)


MARKERS = ["NA", "na", "n/a", "N/A", "#N/A", "NaN", "-nan", "NULL", "null", "\\N", "-", "--", "None", "inf", "+Inf",
           "-Infinity", "#DIV/0!", "?", ".", "…", "－", "ー", "―", "なし", "不明", "Ｎ／Ａ", " NA ", "1.#QNAN",
           " ", "\u3000", "(Blank)", "[NULL]", "{missing}"]  # fmt: skip


@pytest.mark.parametrize("value", MARKERS)
def test_what_stands_for_a_missing_number_is_recognised(value):
    assert is_marker(value.encode())


@pytest.mark.parametrize(
    "value", ["", "0", "a", "Nantes", "infra", "none of them", "n", "東京", "minus", "-1"]
)
def test_other_text_stands_for_nothing(value):
    assert not is_marker(value.encode())
