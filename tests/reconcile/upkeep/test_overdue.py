"""What cannot become a delivery is told after a while: once, together, and not too often."""

from datetime import timedelta

import pytest

from retraind.reconcile.upkeep.overdue import DAY
from retraind.report.wording import Voice
from support.clock import ManualClock
from support.lanes import by_hand, settle, sweep

PATIENCE = timedelta(minutes=15)
STEP = PATIENCE / 5
PAUSE = timedelta(hours=3, minutes=1)


def notes(daemon, model="churn"):
    """Return what was noted of a model, each with its number of things, or None where nothing is left."""
    history = daemon.journal.events.history()
    return [event.detail for event in history if event.event == "not_taken_in" and event.model == model]


def numbers(daemon, model="churn"):
    return [detail.get("number") for detail in notes(daemon, model)]


def later(daemon, *spans):
    for span in spans:
        daemon._clock.pass_time(span)
        settle(daemon)
        sweep(daemon)


def put(drop, *names):
    for name in names:
        (drop / name).write_bytes(b"a,b\n1,2\n")


def test_it_is_told_after_the_patience_once_and_together(daemon, drops):
    put(drops[0], "train_1.csv", "eval_2.csv", "traning_3.csv", "readme.md")
    (drops[0] / "eval_4.csv").mkdir()
    sweep(daemon)
    later(daemon, PATIENCE - timedelta(seconds=1))
    assert notes(daemon) == []
    later(daemon, STEP + timedelta(seconds=1))
    (note,) = notes(daemon)
    assert note["number"] == 4
    text = Voice().on("churn").tell(note["what"])
    assert "1 (train_1.csv): The evaluation file has not arrived" in text
    assert "traning_3.csv: This folder does not expect" in text
    assert "eval_4.csv: It is a folder; this folder expects a file" in text
    assert "readme.md" not in text
    later(daemon, *[PATIENCE] * 10)
    assert len(notes(daemon)) == 1
    assert notes(daemon, "price") == []


def test_a_restart_tells_nothing_again(site, daemon, drops):
    put(drops[0], "train_1.csv")
    sweep(daemon)
    later(daemon, PATIENCE + STEP)
    assert numbers(daemon) == [1]
    daemon.__exit__()
    with by_hand(site.config, ManualClock(daemon._clock.now())) as again:
        sweep(again)
        later(again, PATIENCE + STEP, PAUSE, PAUSE)  # a pause of an earlier process lasts
        assert numbers(again) == [1]
        put(drops[0], "train_2.csv")
        sweep(again)
        later(again, PATIENCE + STEP)
        assert numbers(again) == [1, 1]
        assert "train_2.csv" in str(notes(again)[1]["what"])
        assert "train_1.csv" not in str(notes(again)[1]["what"])


def test_short_runs_count_from_the_first_that_saw_it(site, daemon, drops):
    """Each `run --once` of cron is a process of its own, and ends long before the patience."""
    clock = ManualClock(daemon._clock.now())
    daemon.__exit__()

    def short_run(after):
        clock.pass_time(after)
        with by_hand(site.config, ManualClock(clock.now())) as run:
            run.parts.overdue.keeps = True
            sweep(run)
            return numbers(run), [event.event for event in run.journal.events.history()]

    put(drops[0], "train_1.csv", "traning_2.csv")
    for _ in range(2):
        told, history = short_run(PATIENCE / 3)
        assert told == []
        assert history.count("waits_in_folder") == 1
    put(drops[0], "train_3.csv")
    (drops[0] / "train_1.csv").write_bytes(b"a,b\n1,2\n3,4\n")
    told, history = short_run(PATIENCE)
    assert told == [1], "another file has come since, and one has changed"
    assert short_run(PATIENCE / 2)[0] == [1]
    told, history = short_run(PATIENCE + STEP)
    assert told == [1, 2]
    assert short_run(PATIENCE * 10)[0] == [1, 2]


def test_a_day_of_files_that_nobody_can_use_is_told_four_times(daemon, drops):
    for hour in range(24):
        put(drops[0], f"train_{hour}.csv")
        sweep(daemon)
        later(daemon, PATIENCE, PATIENCE, PATIENCE, PATIENCE)
    assert len(notes(daemon)) == 4
    later(daemon, PAUSE)
    assert sum(numbers(daemon)) == 24, "each is told once"


def test_the_pauses_are_kept_across_restarts(site, daemon, drops):
    for number in range(4):
        put(drops[0], f"train_{number}.csv")
        sweep(daemon)
        later(daemon, PAUSE, PAUSE)
    assert numbers(daemon) == [1] * 4
    daemon.__exit__()
    with by_hand(site.config, ManualClock(daemon._clock.now())) as again:
        put(drops[0], "train_5.csv")
        sweep(again)
        later(again, PATIENCE + STEP)
        assert numbers(again) == [1] * 4
        later(again, DAY)
        assert numbers(again) == [1] * 5


def test_what_came_a_moment_apart_is_told_together(daemon, drops):
    for number in range(5):
        put(drops[0], f"train_{number}.csv")
        sweep(daemon)
        later(daemon, STEP / 5)
    later(daemon, *[STEP] * 10)
    assert numbers(daemon) == [5]


def test_what_comes_later_is_told_soon_as_long_as_it_is_little(daemon, drops):
    put(drops[0], "train_1.csv")
    sweep(daemon)
    later(daemon, PATIENCE + STEP)
    put(drops[0], "train_2.csv")
    sweep(daemon)
    later(daemon, *[STEP] * 7)
    assert numbers(daemon) == [1, 1]


def test_what_still_changes_is_not_told(daemon, drops):
    for length in range(1, 20):
        (drops[0] / "train_1.csv").write_bytes(b"a,b\n" * length)
        sweep(daemon)
        later(daemon, PATIENCE / 2)
    assert notes(daemon) == []
    later(daemon, PATIENCE, STEP)
    assert numbers(daemon) == [1]


def test_what_is_gone_and_comes_again_is_told_again(daemon, drops):
    put(drops[0], "train_1.csv")
    sweep(daemon)
    later(daemon, PATIENCE + STEP)
    (drops[0] / "train_1.csv").unlink()
    later(daemon, PAUSE)
    assert numbers(daemon) == [1, None]
    put(drops[0], "train_1.csv")
    sweep(daemon)
    later(daemon, PATIENCE + STEP)
    assert numbers(daemon) == [1, None, 1]


def test_a_folder_that_is_out_of_reach_for_a_while_changes_nothing(daemon, drops):
    put(drops[0], "train_1.csv")
    sweep(daemon)
    later(daemon, PATIENCE + STEP)
    drops[0].rename(drops[0].with_name("away"))
    later(daemon, timedelta(minutes=1))
    drops[0].with_name("away").rename(drops[0])
    later(daemon, PATIENCE, STEP, PAUSE)
    assert numbers(daemon) == [1]


@pytest.mark.parametrize("name", ["train_1.csv", "eval_1.csv"])
def test_many_are_told_in_a_few_lines(daemon, drops, name):
    put(drops[0], *(f"{name[:-5]}{number}.csv" for number in range(2_000)))
    sweep(daemon)
    later(daemon, PATIENCE + STEP)
    (note,) = notes(daemon)
    assert note["number"] == 2_000
    assert len(note["what"].facts["lines"]) == 10
    assert "And 1,990 more." in Voice().on("churn").tell(note["what"])
