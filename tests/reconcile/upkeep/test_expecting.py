"""What is late is noted once, and shown until something arrives; over restarts, pauses and shares that are away."""

from datetime import UTC, datetime, timedelta

import pytest

from retraind.cli import main
from retraind.config.settings import NotifySettings
from retraind.report.messages import message_of
from support.clock import ManualClock
from support.lanes import by_hand, settle, sweep

BEGIN = datetime(2026, 3, 1, 12, tzinfo=UTC)
EXPECT = """
[models.churn.expect]
every = "month"
by = "5th 09:00"
tz = "Asia/Tokyo"
"""
DUE = datetime(2026, 3, 5, tzinfo=UTC)
"""Nine in Tokyo."""


@pytest.fixture
def expecting(site):
    site.config.write_text(site.config.read_text() + EXPECT)
    return site


@pytest.fixture
def daemon(expecting):
    with by_hand(expecting.config, ManualClock(BEGIN)) as made:
        sweep(made)
        made.parts.expecting.mind()
        yield made


def until(daemon, moment):
    daemon._clock.pass_time(moment - daemon._clock.now())
    settle(daemon)
    sweep(daemon)
    daemon.parts.expecting.mind()
    settle(daemon)


def deliver(daemon, drop, key):
    for name in (f"train_{key}.csv", f"eval_{key}.csv", f"{key}.done"):
        (drop / name).write_text(f"a,b\n{key},2\n" if name.endswith("csv") else "")
    sweep(daemon)
    daemon._clock.pass_time(timedelta(minutes=1))
    sweep(daemon)
    settle(daemon)
    assert not list(drop.glob("*_*.csv"))
    daemon.parts.expecting.mind()
    settle(daemon)


def told(daemon):
    """Return what was noted: a code, whether something arrived, or None."""
    history = [event.detail for event in daemon.journal.events.history() if event.event == "expectation"]
    return [detail["what"].code if detail["what"] else detail["arrived"] for detail in history]


def status(drop):
    return (drop / "STATUS.txt").read_text("utf-8-sig")


def test_a_late_delivery_is_told_once_at_each_stage_and_when_it_has_come(daemon, drops):
    until(daemon, DUE - timedelta(minutes=1))
    assert told(daemon) == []
    until(daemon, DUE)
    until(daemon, DUE + timedelta(days=1))
    assert told(daemon) == ["delivery_late"]
    assert "LATE: The delivery due by 2026-03-05 09:00:00 JST" in status(drops[0])
    assert "LATE" not in status(drops[1])
    until(daemon, DUE + timedelta(days=16))
    until(daemon, DUE + timedelta(days=45))
    assert told(daemon) == ["delivery_late", "delivery_missing"]
    deliver(daemon, drops[0], 1)
    assert told(daemon) == ["delivery_late", "delivery_missing", True]
    assert "LATE" not in status(drops[0])


def test_a_half_of_a_pair_is_named_and_is_no_delivery(daemon, drops):
    (drops[0] / "train_1.csv").write_text("a,b\n1,2\n")
    until(daemon, DUE + timedelta(hours=1))
    assert told(daemon) == ["delivery_late"]
    assert 'Only a part is there: "train_1.csv"' in " ".join(status(drops[0]).split())


def test_a_half_that_comes_later_is_shown_and_nobody_is_notified_again(daemon, drops):
    until(daemon, DUE + timedelta(hours=1))
    (drops[0] / "eval_1.csv").write_text("a,b\n1,2\n")
    until(daemon, DUE + timedelta(hours=2))
    until(daemon, DUE + timedelta(hours=2, minutes=1))
    assert 'Only a part is there: "eval_1.csv"' in " ".join(status(drops[0]).split())
    history = [event for event in daemon.journal.events.history() if event.event == "expectation"]
    settings = daemon.settings
    assert [bool(message_of(event, None, settings)) for event in history] == [True, False]


def test_a_restart_tells_nothing_again_and_a_file_that_came_while_stopped_is_not_late(expecting, drops):
    clock = ManualClock(BEGIN)
    with by_hand(expecting.config, clock) as daemon:
        daemon.parts.expecting.mind()
        until(daemon, DUE + timedelta(hours=1))
        assert told(daemon) == ["delivery_late"]
    with by_hand(expecting.config, clock) as daemon:
        until(daemon, DUE + timedelta(hours=2))
        assert told(daemon) == ["delivery_late"]
        deliver(daemon, drops[0], 1)
    for name in ("train_2.csv", "eval_2.csv", "2.done"):
        (drops[0] / name).write_text("a,b\n2,2\n" if name.endswith("csv") else "")
    clock.pass_time(timedelta(days=31, hours=1))
    with by_hand(expecting.config, clock) as daemon:
        daemon.parts.expecting.mind()
        assert told(daemon) == ["delivery_late", True]
        sweep(daemon)
        daemon.parts.expecting.mind()
        assert told(daemon) == ["delivery_late", True]
        until(daemon, clock.now() + timedelta(minutes=1))
        assert not list(drops[0].glob("*_2.csv"))
        assert told(daemon) == ["delivery_late", True]


def test_nothing_is_late_while_the_folder_cannot_be_read(daemon, drops):
    drops[0].rename(drops[0].with_name("away"))
    until(daemon, DUE + timedelta(hours=1))
    assert told(daemon) == []
    drops[0].with_name("away").rename(drops[0])
    until(daemon, DUE + timedelta(hours=2))
    assert told(daemon) == ["delivery_late"]


def test_a_snoozed_model_is_not_late_and_is_expected_again_afterwards(expecting, daemon, drops):
    until(daemon, DUE + timedelta(hours=1))
    daemon.journal.arrivals.snooze("churn", daemon._clock.now() + timedelta(days=40))
    until(daemon, DUE + timedelta(days=2))
    assert told(daemon) == ["delivery_late", False]
    assert "LATE" not in status(drops[0])
    until(daemon, DUE + timedelta(days=32))
    assert told(daemon) == ["delivery_late", False]
    until(daemon, datetime(2026, 5, 5, 1, tzinfo=UTC))
    assert told(daemon) == ["delivery_late", False, "delivery_late"]


def test_the_command_snoozes_ends_a_snooze_and_refuses_in_words(expecting, daemon, capsys):
    options = ["-c", str(expecting.config), "snooze"]
    assert main([*options, "churn", "30d"]) == 0
    assert "Nothing is expected of churn until" in capsys.readouterr().out
    assert main([*options, "churn", "--end"]) == 0
    assert main([*options, "price", "30d"]) == 2
    assert main([*options, "churn", "30"]) == 2
    assert main([*options, "churn"]) == 2
    assert main([*options, "churm", "30d"]) == 2
    assert "[models.price.expect]" in capsys.readouterr().err


def test_it_is_notified_when_late_and_when_arrived_after_all_but_not_when_snoozed(daemon, drops):
    until(daemon, DUE + timedelta(hours=1))
    deliver(daemon, drops[0], 1)
    until(daemon, DUE + timedelta(days=32))
    daemon.journal.arrivals.snooze("churn", daemon._clock.now() + timedelta(days=90))
    until(daemon, DUE + timedelta(days=33))
    settings = daemon.settings.model_copy(update={"notify": NotifySettings(urls=())})
    history = [event for event in daemon.journal.events.history() if event.event == "expectation"]
    messages = [message_of(event, None, settings) for event in history]
    assert [message and message.title for message in messages] == [
        "churn: a delivery is late",
        "churn: the late delivery has arrived",
        "churn: a delivery is late",
        None,
    ]
