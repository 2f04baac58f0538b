"""How much of its time the daemon spends on what, in this process, with a service that is not there."""

import threading
from datetime import timedelta

import pytest

from retraind.config.load import load
from retraind.daemon import Daemon
from retraind.domain.problems import problem
from retraind.reconcile.once import Once
from support.clock import ManualClock
from support.process import Site


@pytest.fixture
def clock():
    return ManualClock()


@pytest.fixture
def daemon(tmp_path, clock):
    site = Site(tmp_path, "http://127.0.0.1:9")
    for name in ("churn", "price"):
        site.add_model(name, f"key-of-{name}-0123456789")
    settings, file = load(site.config)
    with Daemon(settings, file, clock) as made:
        yield made


def test_a_journal_that_changes_all_the_time_is_gone_through_for_a_tenth_of_the_time(
    daemon, clock, monkeypatch
):
    """Thousands of deliveries at once: the more jobs there are, the longer it takes, and the more often one
    changes."""
    gone_through = []

    def heed():
        gone_through.append(clock.elapsed())
        clock.pass_time(timedelta(seconds=0.5))

    monkeypatch.setattr(daemon.loop, "ask_for_changed", heed)
    while clock.elapsed() < 100:
        daemon.journal.events.note("something")
        daemon._heed_journal()
        clock.pass_time(timedelta(seconds=0.25))
    assert 15 <= len(gone_through) <= 20


def test_a_change_of_the_journal_is_not_missed_while_jobs_are_left_alone(daemon, clock, monkeypatch):
    gone_through = []
    monkeypatch.setattr(
        daemon.loop,
        "ask_for_changed",
        lambda: (gone_through.append(1), clock.pass_time(timedelta(seconds=1))),
    )
    daemon._heed_journal()
    daemon.journal.events.note("something")
    daemon._heed_journal()
    assert len(gone_through) == 1
    for _ in range(2):
        clock.pass_time(timedelta(seconds=10))
        daemon._heed_journal()
        assert len(gone_through) == 2


def test_once_rests_the_longer_the_more_jobs_there_are_to_go_through(daemon, clock, monkeypatch):
    rests = []

    def rest(seconds):
        rests.append(seconds)
        return len(rests) < 4

    class Working(Once):
        def is_worked_off(self):
            clock.pass_time(timedelta(seconds=0.5))
            return False

    monkeypatch.setattr(daemon, "_wait", rest)
    daemon._work_off(Working(daemon.settings, daemon.journal, daemon.folders, daemon.sweeps, clock))
    assert rests[1:] == [4.5, 4.5, 4.5]


def test_a_share_that_is_slow_keeps_no_other_from_hearing_that_all_has_stopped(daemon, monkeypatch):
    daemon.begin()
    both, ended = threading.Barrier(2, timeout=10), []
    plain = daemon.publisher.publish_end

    def slowly(folder, why, standing):
        both.wait()
        plain(folder, why, standing)
        ended.append(folder.name)

    monkeypatch.setattr(daemon.publisher, "publish_end", slowly)
    daemon.publisher.publish_all_ends(daemon.folders.all(), problem("retraind_stopped"))
    assert sorted(ended) == ["churn", "price"]


BOUND = [
    # what is changed, to what
    ("[api]\n", '[api]\nconnect_timeout = "7s"\n'),
    ("/spool", "/other"),
    ("[work]\n", "[work]\nparallel = 3\n"),
]


@pytest.mark.parametrize(("before", "after"), BOUND, ids=["api", "state", "work.parallel"])
def test_what_is_read_at_the_start_only_stays_as_it_was_and_each_reload_says_so(
    daemon, before, after, monkeypatch
):
    told = []
    monkeypatch.setattr("retraind.daemon._LOG.warning", lambda event, **_: told.append(event))
    begun = daemon.settings
    text = daemon._config.read_text()
    assert before in text
    daemon._config.write_text(text.replace(before, after, 1))
    for reloads in (1, 2):
        daemon._read_again()
        assert told == ["restart_needed"] * reloads
        assert daemon.pipeline.settings == begun
    daemon._config.write_text(text)
    daemon._read_again()
    assert len(told) == 2
