from datetime import date

import pytest
import structlog

from retraind.config.calendars import ClosedDays, closed_days, zone_of
from retraind.config.expectation import ExpectSettings
from retraind.config.mistakes import Mistake
from retraind.domain.expecting.dues import Roll


def test_company_holidays_are_read_with_remarks_and_refused_with_their_line(tmp_path):
    file = tmp_path / "closed.txt"
    file.write_text("\ufeff# our own\n2026-12-29 # year end\n\n2026/12/30 stocktaking\n", "utf-8")
    closed = closed_days(file)
    assert closed == {date(2026, 12, 29), date(2026, 12, 30)}
    rule = ExpectSettings.model_validate(
        {"every": "day", "by": "09:00", "calendar": "JP", "roll": "none"}
    ).rule(closed)
    assert rule.roll is Roll.NONE
    assert not rule.business.includes(date(2026, 12, 29))
    file.write_text("2026-12-29\n29.12.2026\n")
    with pytest.raises(Mistake) as refused:
        closed_days(file)
    assert refused.value.problem.facts["line"] == 2


def test_remarks_may_be_in_any_encoding(tmp_path):
    file = tmp_path / "closed.txt"
    file.write_bytes("2026-12-29 年末休業\n".encode("cp932"))
    assert closed_days(file) == {date(2026, 12, 29)}


def test_company_holidays_that_cannot_be_read_are_none_and_are_logged_once_until_they_can(tmp_path):
    closed, file = ClosedDays(), tmp_path / "closed.txt"
    with structlog.testing.capture_logs() as logged:
        assert closed.of(None) == closed.of(file) == closed.of(file) == frozenset()
        file.write_text("2026-12-29\n")
        assert closed.of(file) == {date(2026, 12, 29)}
        file.write_text("29.12.2026\n")
        assert closed.of(file) == frozenset()
    assert [each["reason"].code for each in logged] == ["file_error", "closed_day_unreadable"]
    assert {each["event"] for each in logged} == {"closed_days_not_read"}


@pytest.mark.parametrize(
    ("name", "likely"),
    [
        ("asia/tokyo", "Asia/Tokyo"),
        ("Asia/Tokio", "Asia/Tokyo"),
        ("Tokyo", "Asia/Tokyo"),
        ("Sao Paulo", "America/Sao_Paulo"),
        ("JST", None),
        ("../etc/passwd", None),
        ("Asia", None),
    ],
)
def test_a_zone_that_there_is_not_is_told_with_the_one_that_is_probably_meant(name, likely):
    with pytest.raises(Mistake) as refused:
        zone_of(name)
    assert refused.value.problem.facts == {"name": name, "likely": likely}
