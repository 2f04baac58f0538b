"""The forms of dates: which the service reads, which are the same, and which years are in range."""

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from retraind.dataset.reader.columns.dates import form_of, guard

READ = ["2026-11-30", "2026/11/30", "2026-1-5", "2026/1/05", "2026-11-30 10:00", "2026/11/30 9:05:07", "2026-11",
        "2026-1", "20261130", "202611", "30-11-2026", "3-1-2026", "Nov-26"]  # fmt: skip
NOT_READ = [
    "2013-01-01T10:00:00Z", "2026-11-30T10:00", "2026-11-30T10:00:00+09:00", "2026-11-30 10:00:00.123",
    "2026-11-30 10:00:00 UTC", "2026-11-30 10:00 AM", "2026-11-30T10:00:00[Asia/Tokyo]", "2026.11.30",
    "2026.1.5 10:00", "30.11.2026", "11/30/2026", "30/11/2026", "30/11/2026 10:00", "1/5/26", "26/1/5",
    "11-30-2026", "2026/11", "2026年11月30日", "2026年1月5日 10時30分", "2026年11月", "2026年1月5日(月)",
    "2026/11/30(月)", "２０２６年１月５日", "２０２６／１１／３０", "R6.4.1", "R6/4/1", "H30.12.1", "令和6年4月1日",
    "令和元年5月1日", "平成30年", "昭和64年1月7日", "㋿6年4月1日", "㍻30年4月1日", "令和6年4月", "202611301030", "20261130103000",
    "20261130T103000Z", "20261130 10:30", "30-Nov-2026", "30 Nov 2026", "Nov 30, 2026", "November 30, 2026",
    "Mon, 30 Nov 2026 10:00:00 +0900", "Mon Nov 30 10:00:00 2026", "Nov 2026", "2026-W05", "2026Q1", "10:30",
    "9:05:00", "10:30 PM", "2026-11-30 24:00", "2026/11/30 25:30", "2026/11/30 1:02:03 午後 GMT+9", "2026/11/30 午後 1:02", "nov-26", "30-NOV-26 10.05.00.000000000 AM", "30NOV2026:10:05:00", "2026-11-30-10.05.00.000000",
    "2026年1月5日 午前9時05分", "2026年1月5日午後9:05", "2026年1月5日（月） 午後 9時半", "2026/1/5 9時05分", "26年1月5日 9時",
    "令和6年1月5日　14時30分", "R6.1.5 午前9時", "令6.1.5", "平31.4.30", "午前9時", "午後 9:05", "10時30分",
    "Jan  5 2026 12:00AM", "Jan  5 2026 12:00:00:000AM",
]  # fmt: skip
NO_DATE = ["", "a", "12", "2026", "1.5", "13/13/2026", "12345678", "2026-11-30x", "1-2", "1.2.3", "A6.4.1",
           "R6.13.1", "192.168.0.1", "25:00", "10:75", "2:1", "Nova-26", "May", "(123)", "R6", "090-1234-5678",
           "2026年度", "12月", "9時", "9時間", "令和", "平3", "大1-2"]  # fmt: skip


@pytest.mark.parametrize("value", READ)
def test_the_service_reads_these_forms(value):
    assert form_of(value.encode()).is_read


@pytest.mark.parametrize("value", NOT_READ)
@pytest.mark.parametrize("encoding", ["utf-8", "cp932"])
def test_people_and_programs_write_dates_that_the_service_does_not_read(value, encoding):
    try:
        data = value.encode(encoding)
    except UnicodeEncodeError:
        pytest.skip("not in this encoding")
    assert not form_of(data).is_read


@pytest.mark.parametrize("value", NO_DATE)
def test_other_text_is_no_date(value):
    assert form_of(value.encode()) is None


@pytest.mark.parametrize(
    ("one", "other", "alike"),
    [
        ("2026-11-30", "2026-01-05", True), ("2026-1-5", "2026-11-30", True), ("2026-1-5", "2026-01-05", False),
        ("2026-11-30", "2026/11/30", False), ("2026-11-30", "2026-11-30 10:00", False),
        ("2026-11-30 10:00", "2026-11-30 10:00:00", False), ("2026-11-30 9:00", "2026-11-30 10:00", True),
        ("2026-11-30 9:00", "2026-11-30 09:00", False), ("2026.11.30", "2026.1.5", True),
        ("2026-11-30T10:00:00Z", "2026-11-30", False), ("20261130", "2026-11-30", False),
    ],
)  # fmt: skip
def test_dates_are_of_one_form_apart_from_what_no_leading_zero_can_show(one, other, alike):
    assert form_of(one.encode()).is_like(form_of(other.encode())) is alike


@pytest.mark.parametrize(
    ("value", "out"),
    [("1969-12-31", True), ("1970-01-01", False), ("3999-12-31", False), ("4000-01-01", True), ("99991231", True),
     ("00000000", True), ("99999999", True),
     ("0000-00-00", True), ("9999.12.31", True), ("9999年12月31日", True), ("R6.4.1", False), ("1900/1/1", True)],
)  # fmt: skip
def test_years_that_the_service_does_not_accept_are_known(value, out):
    assert form_of(value.encode()).out_of_range is out


@given(
    st.sampled_from([value for value in READ if guard(form_of(value.encode()))]),
    st.tuples(st.integers(0, 9999), st.integers(1, 12), st.integers(1, 31)),
    st.booleans(),
    st.sampled_from("-/"),
)
def test_a_guard_matches_just_dates_in_range_in_its_form(known, date, zeros, by):
    form = form_of(known.encode())
    year, month, day = date
    value = f"{year:04}{by}{month:02}{by}{day:02}" if zeros else f"{year:04}{by}{month}{by}{day}"
    if re.fullmatch(guard(form), value.encode()):
        found = form_of(value.encode())
        assert found.is_like(form)
        assert found.zeros <= form.zeros
        assert not found.out_of_range


@given(st.text("0123456789-/.: TZ年月日時RHS令和元JanNov", max_size=20))
def test_any_text_is_judged(text):
    form_of(text.encode())
