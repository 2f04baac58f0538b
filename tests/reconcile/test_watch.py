"""The daemon's own sweeps and looks, in this process, with a service that is not there."""

import os
from datetime import UTC, datetime, timedelta

import pytest

from retraind.config.load import load
from retraind.daemon import Daemon
from retraind.domain.job import Job, Problem, State
from retraind.intake.share_identity import MARKER
from retraind.system.clock import ManualClock
from support.process import Site

NAMES = ("churn", "price")


def names_in(folder):
    return sorted(path.name for path in folder.iterdir())


@pytest.fixture
def site(tmp_path):
    made = Site(tmp_path, "http://127.0.0.1:9")
    for name in NAMES:
        made.add_model(name, f"key-of-{name}-0123456789", 'ready = "marker"')
    return made


@pytest.fixture
def drops(site):
    return [site.root / "share" / name for name in NAMES]


@pytest.fixture
def daemon(site):
    settings, file = load(site.config)
    with Daemon(settings, file, ManualClock()) as made:
        made.watch.start()
        yield made


def sweep(daemon):
    for name in {watched.sweep for watched in daemon.teller.watched.values()}:
        daemon.watch.sweep(name)


def test_no_folder_is_written_to_before_all_were_looked_at(daemon, drops):
    """READY has to wait for the looks, and of a thousand folders the disk would take many seconds."""
    daemon.watch.writing.clear()
    sweep(daemon)
    assert all(watched.view.trouble is None for watched in daemon.teller.watched.values())
    assert [names_in(drop) for drop in drops] == [[], []]
    daemon.watch.writing.set()
    sweep(daemon)
    assert [names_in(drop) for drop in drops] == [[MARKER, "STATUS.txt"]] * 2


def test_a_folder_is_marked_before_the_first_delivery_is_taken_from_it(daemon, drops):
    daemon.watch.writing.clear()
    for name in ("train_1.csv", "eval_1.csv", "1.done"):
        (drops[0] / name).write_bytes(b"a,b\n1,2\n")
        sweep(daemon)
    assert {MARKER, ".retraind"} <= set(names_in(drops[0]))
    assert [job.key for job in daemon.journal.jobs()] == ["1"]
    assert names_in(drops[1]) == []


def test_a_sweep_passes_over_folders_in_which_nothing_changes_and_finds_what_does(daemon, drops, monkeypatch):
    for _ in range(3):
        sweep(daemon)
        daemon._clock.pass_time(timedelta(seconds=10))
    looked = []
    plain = daemon.watch.look
    monkeypatch.setattr(daemon.watch, "look", lambda name, news: looked.append(name) or plain(name, news))
    sweep(daemon)
    assert not looked
    (drops[1] / "train_1.csv").write_bytes(b"a,b\n1,2\n")
    os.utime(drops[1], (1, 1))
    sweep(daemon)
    assert looked == ["price"]
    assert "train_1.csv" in (drops[1] / "STATUS.txt").read_text("utf-8-sig")


def test_a_folder_whose_status_could_not_be_told_is_not_passed_over(daemon, drops, monkeypatch):
    with monkeypatch.context() as patch:
        patch.setattr("retraind.reconcile.publishing.write_status", full)
        for _ in range(3):
            sweep(daemon)
            daemon._clock.pass_time(timedelta(seconds=10))
    sweep(daemon)
    assert (drops[0] / "STATUS.txt").exists()


def test_a_sweep_asks_the_journal_once_for_all_folders_that_it_tells(daemon, drops, monkeypatch):
    asked = []
    plain = daemon.journal.standings
    monkeypatch.setattr(
        daemon.journal, "standings", lambda models: asked.append(set(models)) or plain(models)
    )
    sweep(daemon)
    assert asked == [set(NAMES)]
    assert all((drop / "STATUS.txt").exists() for drop in drops)


def test_a_telling_that_another_overtakes_does_not_bring_back_what_it_had_read(daemon, drops, monkeypatch):
    sweep(daemon)
    plain = daemon.journal.standings

    def read_and_be_overtaken(models):
        found = plain(models)
        monkeypatch.setattr(daemon.journal, "standings", plain)
        daemon.journal.hold_model("churn", Problem(what="It is gone.", remedy="Bring it."), credential=False)
        daemon.teller.tell(["churn"])
        return found

    monkeypatch.setattr(daemon.journal, "standings", read_and_be_overtaken)
    daemon.teller.tell(NAMES)
    assert "It is gone." in (drops[0] / "STATUS.txt").read_text("utf-8-sig")


def full(*_):
    raise OSError(28, os.strerror(28))


def test_a_folder_whose_share_hangs_is_to_be_told_once_however_much_happens(daemon):
    (sweep,) = {watched.sweep for watched in daemon.teller.watched.values()}
    for _ in range(50):
        daemon.teller.tell_soon(["churn", "price"])  # no thread comes: the timetable has not been started
    assert sorted(daemon.teller._untold[sweep].names) == ["churn", "price"]


def test_the_steps_of_many_deliveries_are_told_together_and_wait_for_no_telling(daemon, drops, monkeypatch):
    """On the night on which all deliver at once, it was a quarter of the work to tell of each step on its own."""
    (sweep,) = {watched.sweep for watched in daemon.teller.watched.values()}
    asked = []
    plain = daemon.journal.standings
    monkeypatch.setattr(daemon.journal, "standings", lambda models: asked.append(1) or plain(models))
    now = datetime(2026, 11, 23, tzinfo=UTC)
    for number in range(20):
        job = Job(
            id=f"job-{number}", model=NAMES[number % 2], key=str(number), state=State.SEALED, files=(),
            created_at=now, updated_at=now,
        )  # fmt: skip
        daemon.watch.heed(daemon.journal.add(job, "delivery_complete"))
    assert not asked
    daemon.teller._tell_rest(sweep)
    assert len(asked) == 1
    assert all("In work" in (drop / "STATUS.txt").read_text("utf-8-sig") for drop in drops)


def test_a_folder_that_a_reload_gives_up_says_so(site, daemon, drops):
    sweep(daemon)
    (site.root / "share" / "other").mkdir()
    text = site.config.read_text()
    site.config.write_text(text.replace(f'"{drops[0]}"', f'"{site.root}/share/other"'))
    daemon._read_again()
    sweep(daemon)
    assert "Files that are dropped here are not taken in." in (drops[0] / "STATUS.txt").read_text("utf-8-sig")
    assert "Nothing is waiting" in (site.root / "share" / "other" / "STATUS.txt").read_text("utf-8-sig")
    assert "Nothing is waiting" in (drops[1] / "STATUS.txt").read_text("utf-8-sig")


def test_a_folder_that_was_given_up_while_retraind_was_stopped_says_so(site, drops):
    other = site.root / "share" / "other"
    other.mkdir()
    for drop in (drops[0], other):
        site.config.write_text(site.config.read_text().replace(f'"{drops[0]}"', f'"{drop}"'))
        settings, file = load(site.config)
        with Daemon(settings, file, ManualClock()) as daemon:
            daemon.watch.start()
            sweep(daemon)
    assert "Files that are dropped here are not taken in." in (drops[0] / "STATUS.txt").read_text("utf-8-sig")
    assert "Nothing is waiting" in (other / "STATUS.txt").read_text("utf-8-sig")
