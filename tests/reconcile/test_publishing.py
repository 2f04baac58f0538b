"""STATUS.txt of all folders: written together, by one thread at a time, and again until it has been."""

import errno
import os
import threading
from datetime import UTC, datetime, timedelta

import pytest

from retraind.domain.job import Job, State
from retraind.domain.problems import problem
from retraind.intake.share_identity import Memory
from retraind.reconcile import publishing
from retraind.system import files
from support.clock import ManualClock
from support.lanes import by_hand, settle, sweep
from support.words import legacy
from support.world import table

NAMES = ("churn", "price")
GONE = legacy("It is gone.", "Bring it.")


def text_in(drop):
    return (drop / "STATUS.txt").read_text("utf-8-sig")


def share_of(daemon):
    (name,) = daemon.folders.file_systems()
    return daemon.lanes.share(name)


def full(*_, **__):
    raise OSError(28, os.strerror(28))


def test_a_folder_whose_status_could_not_be_written_is_not_passed_over(daemon, drops, monkeypatch):
    with monkeypatch.context() as patch:
        patch.setattr("retraind.reconcile.publishing.write_status", full)
        for _ in range(3):
            sweep(daemon)
            daemon._clock.pass_time(timedelta(seconds=10))
    sweep(daemon)
    assert (drops[0] / "STATUS.txt").exists()


def test_why_a_status_could_not_be_written_is_logged_once_and_again_after_it_could(
    daemon, drops, monkeypatch, capsys
):
    """As long as a client of the share keeps the file open, nothing new is said each time."""
    for number in (1, 2):
        with monkeypatch.context() as patch:
            patch.setattr("retraind.reconcile.publishing.write_status", full)
            for _ in range(3):
                daemon.journal.holds.hold("churn", legacy(f"It is held, {number}."), credential=False)
                daemon.queue.ask("churn")
                sweep(daemon)
                daemon._clock.pass_time(timedelta(seconds=10))
        lines = [line for line in capsys.readouterr().out.splitlines() if "status_not_written" in line]
        assert sum("model=churn" in line for line in lines) == 1
        sweep(daemon)
        assert f"It is held, {number}." in text_in(drops[0])
        daemon.journal.holds.release("churn", GONE)


def test_news_that_could_not_be_written_over_an_older_status_is_with_the_next_sweep(
    daemon, drops, monkeypatch
):
    for _ in range(3):
        sweep(daemon)
        daemon._clock.pass_time(timedelta(seconds=10))
    daemon.journal.holds.hold("churn", GONE, credential=False)
    daemon.queue.ask("churn")
    with monkeypatch.context() as patch:
        patch.setattr("retraind.reconcile.publishing.write_status", full)
        settle(daemon)
    assert "It is gone." not in text_in(drops[0])
    sweep(daemon)
    assert "It is gone." in text_in(drops[0])


def test_a_delivery_of_which_one_file_cannot_be_moved_is_said_to_be_in_work_and_not_to_lack_the_other(
    daemon, site, drops, monkeypatch
):
    """Nobody is to deliver the other file again, and nobody is notified that it is missing."""
    move = files._rename_no_replace

    def protected(source, target):
        if source.name == "eval_1.csv":
            raise PermissionError(errno.EPERM, os.strerror(errno.EPERM), str(source))
        move(source, target)

    with monkeypatch.context() as patch:
        patch.setattr(files, "_rename_no_replace", protected)
        for name in ("train_1.csv", "eval_1.csv", "1.done"):
            (drops[0] / name).write_bytes(table() if name.endswith(".csv") else b"")
        for _ in range(3):
            sweep(daemon)
            daemon._clock.pass_time(timedelta(seconds=10))
        assert not (drops[0] / "train_1.csv").exists()
        daemon._clock.pass_time(timedelta(days=1))
        sweep(daemon)
        assert not daemon.journal.events.last_details("not_taken_in", ["churn"])
        for text in (text_in(drops[0]), site.command("status").stdout):
            assert "1 is being taken in. " in text
            assert "eval_1.csv: Operation not permitted" in text
            assert "lsattr" in text
            assert "has not arrived" not in text
            assert "will be taken in" not in text
    daemon._clock.pass_time(timedelta(seconds=10))
    sweep(daemon)
    (drops[0] / "train_1.csv").write_bytes(table(50))
    sweep(daemon)
    assert "1 (train_1.csv): The evaluation file has not arrived" in text_in(drops[0])


def test_news_for_which_the_journal_failed_is_with_the_next_sweep(daemon, drops, monkeypatch):
    for _ in range(3):
        sweep(daemon)
        daemon._clock.pass_time(timedelta(seconds=10))
    daemon.journal.holds.hold("churn", GONE, credential=False)
    daemon.queue.ask("churn")
    while daemon.loop.work_off_due():
        pass
    with monkeypatch.context() as patch:
        patch.setattr(daemon.journal, "standings", lambda _: 1 // 0)
        with pytest.raises(ZeroDivisionError):
            share_of(daemon).run("publish")
    sweep(daemon)
    assert "It is gone." in text_in(drops[0])


def test_a_status_that_somebody_deletes_comes_back(daemon, drops):
    for _ in range(3):
        sweep(daemon)
        daemon._clock.pass_time(timedelta(seconds=10))
    (drops[0] / "STATUS.txt").unlink()
    sweep(daemon)
    assert (drops[0] / "STATUS.txt").exists()


def test_a_thread_that_another_overtakes_does_not_bring_back_what_it_had_read(daemon, drops, monkeypatch):
    sweep(daemon)
    plain = daemon.journal.standings
    (file_system,) = daemon.folders.file_systems()

    def read_and_be_overtaken(models):
        found = plain(models)
        monkeypatch.setattr(daemon.journal, "standings", plain)
        daemon.journal.holds.hold("churn", GONE, credential=False)
        daemon.publisher.publish_soon(daemon.folders.get("churn"))
        share_of(daemon).run("publish")  # as another thread of the lane does
        return found

    monkeypatch.setattr(daemon.journal, "standings", read_and_be_overtaken)
    for folder in daemon.folders.all():
        daemon.publisher.publish_soon(folder)
    share_of(daemon).run("publish")
    assert "It is gone." in text_in(drops[0])
    assert not daemon.publisher._due.get(file_system)


def test_a_pass_that_knows_of_no_change_gives_the_share_no_work_and_one_that_does_gives_it_some(daemon):
    sweep(daemon)
    for model, publishes in ((lambda: None, False), (hold_it(daemon), True), (warn_of_its_key(daemon), True)):
        model()
        daemon.queue.ask("churn")
        while daemon.loop.work_off_due():
            pass
        assert ("publish" in share_of(daemon).tasks) == publishes
        settle(daemon)


def hold_it(daemon):
    return lambda: daemon.journal.holds.hold("churn", GONE, credential=False)


def warn_of_its_key(daemon):
    """A pass does not read what is said of keys: who notes it says that it has changed."""

    def warn():
        daemon.journal.holds.release("churn", problem("released_by_person"))
        settle(daemon)
        daemon.journal.events.note_change("key_warning", "churn", GONE)
        daemon.caretaker._changed("churn")

    return warn


def test_a_pass_has_the_file_compared_with_the_journal_now_and_then_though_it_knows_of_no_change(daemon):
    sweep(daemon)
    daemon._clock.pass_time(timedelta(minutes=5))
    daemon.queue.ask("churn")
    while daemon.loop.work_off_due():
        pass
    assert "publish" in share_of(daemon).tasks


def test_a_folder_whose_share_hangs_waits_to_be_written_once_however_much_happens(daemon):
    (file_system,) = daemon.folders.file_systems()
    for _ in range(50):
        for folder in daemon.folders.all():
            daemon.publisher.publish_soon(folder)  # no thread comes
    assert sorted(daemon.publisher._due[file_system]) == ["churn", "price"]
    assert list(share_of(daemon).tasks) == ["publish"]


def test_the_steps_of_many_deliveries_are_published_together_and_wait_for_no_share(
    daemon, drops, monkeypatch
):
    """On a night on which all deliver at once, publishing each step on its own was a quarter of the work."""
    asked = []
    plain = daemon.journal.standings
    monkeypatch.setattr(daemon.journal, "standings", lambda models: asked.append(1) or plain(models))
    now = datetime(2026, 11, 23, tzinfo=UTC)
    for number in range(20):
        job = Job(
            id=f"job-{number}", model=NAMES[number % 2], key=str(number), state=State.SEALED, files=(),
            created_at=now, updated_at=now,
        )  # fmt: skip
        daemon.queue.ask(daemon.journal.jobs.add(job, "delivery_complete").model)
        daemon.loop.work_off_due()
    assert not asked
    share_of(daemon).run("publish")
    assert len(asked) == 1
    assert all("In work" in text_in(drop) for drop in drops)


def test_a_folder_that_was_given_up_is_not_written_to_by_who_was_about_to(site, daemon, drops):
    sweep(daemon)
    daemon.queue.ask("price")
    daemon.journal.holds.hold("price", GONE, credential=False)
    while daemon.loop.work_off_due():
        pass
    assert "publish" in share_of(daemon).tasks
    text = site.config.read_text()
    site.config.write_text(text[: text.index("[models.price]")])
    daemon._read_again()
    settle(daemon)
    assert "keeps this file up to date" not in text_in(drops[1])
    assert "removed from retraind's configuration" in " ".join(text_in(drops[1]).split())


def test_a_folder_is_not_given_up_in_the_middle_of_a_write(daemon, drops, monkeypatch):
    sweep(daemon)
    folder, entered, go_on = daemon.folders.get("churn"), threading.Event(), threading.Event()
    plain = publishing.write_status

    def slow(drop, text, now, voice, **how):
        if "It is gone." in text:
            entered.set()
            go_on.wait(10)
        return plain(drop, text, now, voice, **how)

    monkeypatch.setattr(publishing, "write_status", slow)
    daemon.journal.holds.hold("churn", GONE, credential=False)
    writer = threading.Thread(target=daemon.publisher.publish, args=([folder],))
    writer.start()
    assert entered.wait(10)
    ended = "retraind was stopped."
    ender = threading.Thread(
        target=daemon.publisher.publish_end, args=(folder, problem("retraind_stopped"), None)
    )
    ender.start()
    go_on.set()
    writer.join(10)
    ender.join(10)
    assert ended in text_in(drops[0])
    daemon.publisher.publish([folder])
    assert ended in text_in(drops[0])


def test_what_a_folder_says_of_a_delivery_follows_it_on_its_way(daemon, drops):
    for name in ("train_1.csv", "eval_1.csv"):
        (drops[0] / name).write_bytes(table())
    sweep(daemon)
    assert "train_1.csv" in text_in(drops[0])
    (drops[0] / "1.done").touch()
    sweep(daemon)
    assert "In work" in text_in(drops[0])


# That it still looks


def checked(drop):
    """Return when STATUS.txt last said that something changed, and that the folder was checked."""
    lines = text_in(drop).splitlines()
    return [line for line in lines if line.startswith(("Last changed", "Last checked"))]


def a_day(daemon, step=timedelta(minutes=1)):
    """Let a day pass; yields after each step."""
    for _ in range(timedelta(days=1) // step):
        daemon._clock.pass_time(step)
        sweep(daemon)
        yield


def quiet(daemon):
    for _ in range(3):
        sweep(daemon)
        daemon._clock.pass_time(timedelta(seconds=10))


def test_over_an_idle_day_each_status_says_every_hour_that_the_folder_was_checked_and_is_else_left_alone(
    daemon, drops, monkeypatch
):
    quiet(daemon)
    last = {drop: daemon._clock.now() for drop in drops}
    begun = {drop: checked(drop) for drop in drops}
    writes, plain = [], publishing.write_status

    def counted(drop, text, now, voice, **how):
        writes.append(plain(drop, text, now, voice, **how))
        return writes[-1]

    monkeypatch.setattr(publishing, "write_status", counted)
    known = {drop: checked(drop) for drop in drops}
    for _ in a_day(daemon):
        for drop in drops:
            if checked(drop) != known[drop]:
                known[drop], last[drop] = checked(drop), daemon._clock.now()
            assert daemon._clock.now() - last[drop] <= timedelta(hours=1)
    assert all(known[drop][0] == begun[drop][0] for drop in drops), "nothing has changed"
    assert all(writes)
    assert len(writes) <= 2 * 24 * len(drops)


def test_an_idle_day_costs_few_reads_of_the_journal(daemon, monkeypatch):
    """A sweep reads nothing for it: passes that are due for it come together."""
    quiet(daemon)
    reads = []
    for name in ("work_of", "standings"):
        plain = getattr(daemon.journal, name)
        monkeypatch.setattr(
            daemon.journal, name, lambda models, plain=plain: reads.append(models) or plain(models)
        )
    for _ in a_day(daemon):
        pass
    # Of each folder every 45 to 55 minutes: a pass, and what STATUS.txt says.
    assert len(reads) <= 2 * 2 * 33


@pytest.mark.parametrize("broken", ["loop", "journal"])
def test_where_the_loop_or_the_journal_fails_status_grows_old(daemon, drops, monkeypatch, broken):
    quiet(daemon)
    before = checked(drops[0])
    if broken == "loop":
        monkeypatch.setattr(daemon.loop, "work_off_due", lambda: False)
    else:
        monkeypatch.setattr(daemon.journal, "work_of", lambda _: 1 // 0)
    daemon._clock.pass_time(timedelta(hours=3))
    daemon.sweeps.sweep_soon()
    for _ in range(50):
        daemon.loop.work_off_due()
        daemon.lanes.run_one()
    assert checked(drops[0]) == before


def test_a_folder_that_nobody_watches_any_more_does_not_say_that_it_is_checked(daemon, drops):
    quiet(daemon)
    daemon.publisher.publish_all_ends(daemon.folders.all(), problem("retraind_stopped"))
    assert [line.partition(":")[0] for line in checked(drops[0])] == ["Last changed"]


def test_a_status_is_in_the_language_that_a_reload_gave_its_model(site, daemon, drops):
    for _ in range(3):
        sweep(daemon)
    assert "Last changed:" in text_in(drops[0])
    site.config.write_text(
        site.config.read_text("utf-8").replace("[models.price]", '[models.price]\nlanguage = "ja"')
    )
    daemon._read_again()
    for _ in range(3):
        sweep(daemon)
    assert "Last changed:" in text_in(drops[0])
    assert "最終更新：" in text_in(drops[1])
    assert "このフォルダーは、モデル「price」のデータの投入フォルダーです。" in text_in(drops[1])


@pytest.mark.parametrize("how", ["while nothing ran", "by a reload"])
def test_of_a_model_that_went_its_folder_says_so_once_and_not_that_retraind_was_stopped(site, drops, how):
    def start():
        with by_hand(site.config, ManualClock()) as daemon:
            sweep(daemon)
            yield daemon
            daemon.publisher.publish_all_ends(daemon.folders.all(), problem("retraind_stopped"))

    def once():
        for _ in start():
            pass

    once()
    assert "retraind was stopped" in text_in(drops[0])
    with_it = site._text
    without = with_it[: with_it.index("[models.churn]")] + with_it[with_it.index("[models.price]") :]
    if how == "by a reload":
        for daemon in start():
            site._text = without
            site.write()
            daemon._read_again()
    else:
        site._text = without
        site.write()
        once()
    said = " ".join(text_in(drops[0]).split())
    assert "The model was removed from retraind's configuration." in said
    assert "retraind was stopped" not in said
    before = (drops[0] / "STATUS.txt").stat()
    once()
    after = (drops[0] / "STATUS.txt").stat()
    assert (before.st_mtime_ns, before.st_ino) == (after.st_mtime_ns, after.st_ino), "it is said once"
    site._text = with_it
    site.write()
    once()
    assert "retraind was stopped" in text_in(drops[0])
    site._text = without
    site.write()
    once()
    assert "The model was removed" in text_in(drops[0]), "and again when it goes again"


def test_whoever_has_removed_the_status_of_a_model_that_went_gets_no_other(site, drops):
    with by_hand(site.config, ManualClock()) as daemon:
        sweep(daemon)
    (drops[0] / "STATUS.txt").unlink()
    site._text = (
        site._text[: site._text.index("[models.churn]")] + site._text[site._text.index("[models.price]") :]
    )
    site.write()
    with by_hand(site.config, ManualClock()) as daemon:
        sweep(daemon)
    assert not (drops[0] / "STATUS.txt").exists()


def test_what_is_known_of_a_new_folder_is_written_once(site, drops, monkeypatch):
    kept = []
    keep = Memory.keep
    monkeypatch.setattr(
        Memory, "keep", lambda self, name, known: (kept.append(name), keep(self, name, known))
    )
    with by_hand(site.config, ManualClock()) as daemon:
        sweep(daemon)
    assert all((drop / "STATUS.txt").exists() for drop in drops)
    assert sorted(kept) == sorted(drop.name for drop in drops), "each write is synced, and so is its folder"


def test_of_a_model_that_went_its_folder_says_so_in_the_language_of_its_readers(site, drops):
    with_it = site._text.replace("[models.churn]", '[models.churn]\nlanguage = "ja"')
    site._text = with_it
    site.write()
    with by_hand(site.config, ManualClock()) as daemon:
        sweep(daemon)
    site._text = with_it[: with_it.index("[models.churn]")] + with_it[with_it.index("[models.price]") :]
    site.write()
    with by_hand(site.config, ManualClock()) as daemon:
        sweep(daemon)
    assert "このモデルは、retraindの設定から削除されました。" in text_in(drops[0])
    assert "This folder takes in data" in text_in(drops[1])
