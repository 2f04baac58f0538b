"""What is counted, by whom it is read."""

import threading

import pytest

from retraind.domain.counts import BOUNDS, Counts, Tally


@pytest.mark.parametrize(
    ("seconds", "place"),
    [(0.0, 0), (0.1, 0), (0.11, 1), (86_400.0, len(BOUNDS) - 1), (86_401.0, len(BOUNDS))],
)
def test_a_step_is_counted_by_the_first_bound_that_it_does_not_exceed(seconds, place):
    tally = Tally()
    tally.step("bundle", seconds)
    took = tally.counts().steps["bundle"]
    assert [number for number, count in enumerate(took.counts) if count] == [place]
    assert took.seconds == seconds


def test_counts_are_the_same_after_they_were_written():
    tally = Tally()
    tally.step("bundle", 3)
    tally.retry("churn")
    tally.upload("churn", 2**60)
    tally.end("churn", "trained")
    counts = tally.counts()
    assert Counts.model_validate_json(counts.model_dump_json()) == counts


def test_nothing_is_lost_when_threads_count_at_the_same_time():
    tally = Tally()

    def work() -> None:
        for _ in range(500):
            tally.retry("churn")
            tally.step("poll", 1)

    threads = [threading.Thread(target=work) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    counts = tally.counts()
    assert counts.retries["churn"] == sum(counts.steps["poll"].counts) == 2_000
