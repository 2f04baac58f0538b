"""Hints from real inotify."""

import errno
import os
import threading
import time
import warnings

import pytest
import structlog
from structlog.testing import capture_logs
from watchdog.observers.inotify_c import InotifyConstants, InotifyEvent, InotifyFD

from retraind.intake import inotify as watcher_module
from retraind.intake.inotify import Watcher
from support.words import told

PATIENCE_SECONDS = 5
QUIET_SECONDS = 0.15


class Hints:
    """Counts hints."""

    def __init__(self):
        self.count = 0
        self._came = threading.Condition()

    def __call__(self):
        with self._came:
            self.count += 1
            self._came.notify_all()

    def after(self, doing):
        """Tell whether a hint comes after `doing`."""
        self.quiet()
        before = self.count
        doing()
        with self._came:
            return self._came.wait_for(lambda: self.count > before, PATIENCE_SECONDS)

    def none_after(self, doing):
        """Tell whether no hint comes after `doing`, for as long as a test can wait."""
        self.quiet()
        before = self.count
        doing()
        time.sleep(QUIET_SECONDS)
        return self.count == before

    def quiet(self):
        """Let hints of earlier events come in."""
        seen = -1
        while seen != self.count:
            seen = self.count
            time.sleep(0.06)


@pytest.fixture
def watcher():
    watcher = Watcher()
    assert watcher.start()
    yield watcher
    watcher.stop()


@pytest.fixture
def drop(tmp_path):
    drop = tmp_path / "drop"
    drop.mkdir()
    return drop


@pytest.fixture
def hints(watcher, drop):
    hints = Hints()
    assert watcher.watch("churn", [drop], hints)
    return hints


def test_arrivals_and_departures_give_hints(hints, drop, tmp_path):
    path = drop / "train_1.csv"
    assert hints.after(path.touch)
    assert hints.after(lambda: path.write_text("a,b\n"))
    assert hints.after(lambda: path.rename(tmp_path / "elsewhere.csv"))
    assert hints.after(lambda: (tmp_path / "elsewhere.csv").rename(path))
    assert hints.after(path.unlink)


def test_a_file_that_is_being_written_gives_a_hint_when_it_is_closed_not_at_every_write(hints, drop):
    """A look at each write would list a large folder all the time, and find out nothing."""
    path = drop / "train_1.csv"
    assert hints.after(path.touch)
    with path.open("r+b", buffering=0) as file:

        def write():
            for _ in range(200):
                file.write(b"1,2\n")

        assert hints.none_after(write)
        assert hints.after(file.close)


def test_what_retraind_itself_writes_gives_no_hint(hints, drop):
    def write():
        temporary = drop / ".STATUS.txt.tmp"
        temporary.write_text("Nothing is waiting.")
        temporary.rename(drop / "STATUS.txt")
        (drop / ".retraind").mkdir()
        (drop / ".retraind" / "job").mkdir()
        (drop / ".hidden").touch()

    assert hints.none_after(write)


def test_a_sub_folder_made_later_is_watched_from_then_on(watcher, drop):
    hints = Hints()
    assert not watcher.watch("churn", [drop, drop / "train"], hints)
    assert hints.after((drop / "train").mkdir)
    assert hints.after((drop / "train" / "1.csv").touch)


def test_a_sub_folder_that_was_replaced_is_watched_again(watcher, drop):
    (drop / "train").mkdir()
    hints = Hints()
    assert watcher.watch("churn", [drop, drop / "train"], hints)
    assert hints.after((drop / "train").rmdir)
    assert hints.after((drop / "train").mkdir)
    assert hints.after((drop / "train" / "1.csv").touch)
    assert hints.after(lambda: (drop / "train").rename(drop / "old"))
    assert hints.after((drop / "train").mkdir)
    assert hints.after((drop / "train" / "2.csv").touch)
    assert hints.none_after((drop / "old" / "3.csv").touch)


def test_a_sub_folder_that_takes_the_name_of_another_is_watched_under_that_one(watcher, drop):
    """And watchdog has nothing to warn of, on a line that is no line of the log."""
    hints, train, evaluation = Hints(), drop / "train", drop / "eval"
    train.mkdir()
    evaluation.mkdir()
    assert watcher.watch("churn", [drop, train, evaluation], hints)
    with warnings.catch_warnings(record=True) as warned:
        warnings.simplefilter("always")
        assert hints.after(lambda: train.rename(drop / "old"))
        assert hints.after(lambda: evaluation.rename(train))
        assert hints.after(evaluation.mkdir)
        for folder in (train, evaluation):
            assert hints.after((folder / "1.csv").touch)
        watcher.forget("churn")
    assert not warned


def test_a_drop_folder_that_went_and_came_back_is_watched_again_once_completed(watcher, hints, drop):
    assert hints.after(drop.rmdir)
    drop.mkdir()
    assert hints.after(watcher.complete), "something may have arrived before the folder was watched again"
    assert hints.after((drop / "train_1.csv").touch)


def test_a_drop_folder_renamed_away_is_not_taken_for_the_new_one(watcher, hints, drop, tmp_path):
    assert hints.after(lambda: drop.rename(tmp_path / "old"))
    drop.mkdir()
    watcher.complete()
    assert hints.after((drop / "train_1.csv").touch)
    assert hints.none_after((tmp_path / "old" / "train_1.csv").touch)


def test_completing_what_is_complete_changes_nothing(watcher, hints):
    assert hints.none_after(watcher.complete)


def test_a_forgotten_model_is_heard_of_no_more_and_can_be_watched_anew(watcher, hints, drop):
    watcher.forget("churn")
    watcher.forget("churn")
    assert hints.none_after((drop / "train_1.csv").touch)
    assert watcher.watch("churn", [drop], hints)
    assert hints.after((drop / "train_2.csv").touch)


def test_watching_a_model_anew_replaces_the_old_watch(watcher, hints, drop):
    others = Hints()
    assert watcher.watch("churn", [drop], others)
    assert hints.none_after((drop / "train_1.csv").touch)
    assert others.count


def test_two_models_hear_of_their_own_folders_only(watcher, tmp_path):
    hints = {}
    for name in ("churn", "price"):
        (tmp_path / name).mkdir()
        hints[name] = Hints()
        assert watcher.watch(name, [tmp_path / name], hints[name])
    assert hints["churn"].after((tmp_path / "churn" / "train_1.csv").touch)
    assert hints["price"].count == 0


def test_hundreds_of_folders_take_one_thread(tmp_path):
    before = threading.active_count()
    watcher = Watcher()
    watcher.start()
    hints = Hints()
    for number in range(300):
        folder = tmp_path / str(number)
        folder.mkdir()
        assert watcher.watch(f"model-{number}", [folder], hints)
    assert threading.active_count() - before <= 1
    assert hints.after((tmp_path / "299" / "train_1.csv").touch)
    watcher.stop()
    assert threading.active_count() == before


def test_stopping_joins_the_thread_and_gives_no_more_hints(tmp_path):
    """The folders' own "watch ended" events would otherwise ask for a look at every one of them."""
    watcher = Watcher()
    watcher.start()
    hints = Hints()
    for number in range(10):
        (tmp_path / str(number)).mkdir()
        watcher.watch(f"model-{number}", [tmp_path / str(number)], hints)
    assert hints.none_after(watcher.stop)
    watcher.stop()
    assert not watcher.watch("late", [tmp_path], hints)
    watcher.complete()
    watcher.forget("late")


def test_a_folder_that_may_not_be_read_is_not_said_to_be_watched(watcher, drop, somebody):
    """watchdog passes over this error."""
    drop.chmod(0o300)
    hints = Hints()
    with somebody():
        assert not watcher.watch("churn", [drop], hints)
    drop.chmod(0o755)
    watcher.complete()
    assert hints.after((drop / "train_1.csv").touch)


def test_a_link_to_the_drop_folder_is_followed_since_the_owner_configured_it(watcher, drop, tmp_path):
    link = tmp_path / "link"
    link.symlink_to(drop)
    hints = Hints()
    assert watcher.watch("churn", [link], hints)
    assert hints.after((drop / "train_1.csv").touch)


@pytest.mark.parametrize(
    ("code", "advice"),
    [(errno.ENOSPC, "max_user_watches"), (errno.EIO, "sweeps find new files")],
)
def test_a_folder_that_cannot_be_watched_is_left_to_the_sweep_and_told_once(watcher, drop, code, advice):
    def refuse(*_):
        raise OSError(code, os.strerror(code))

    hints = Hints()
    with pytest.MonkeyPatch.context() as patch, capture_logs() as lines:
        patch.setattr(watcher_module, "_LOG", structlog.get_logger())
        patch.setattr(InotifyFD, "add_callback", refuse)
        assert not watcher.watch("churn", [drop], hints)
        watcher.complete()
    [line] = lines
    assert line["event"] == "folder_not_watched"
    assert advice in told(line["reason"])
    watcher.complete()
    assert hints.after((drop / "train_1.csv").touch)


def test_without_an_inotify_instance_the_sweep_does_alone(monkeypatch, drop):
    def refuse():
        raise OSError(errno.EMFILE, "inotify instance limit reached")

    monkeypatch.setattr(InotifyFD, "_create_inotify_fd", staticmethod(refuse))
    watcher = Watcher()
    assert not watcher.start()
    assert not watcher.watch("churn", [drop], Hints())
    watcher.complete()
    watcher.stop()


def test_lost_events_are_made_up_for_by_a_look(watcher, drop):
    hints = Hints()
    watcher.watch("churn", [drop], hints)
    overflow = InotifyEvent(-1, InotifyConstants.IN_Q_OVERFLOW, 0, b"")
    assert hints.after(lambda: watcher._reader.handle_event(overflow))


def test_a_link_in_the_drop_folder_is_not_watched(watcher, tmp_path):
    """Whoever can write there could otherwise have any folder of the system watched."""
    drop, other = tmp_path / "drop", tmp_path / "other"
    drop.mkdir()
    other.mkdir()
    (drop / "train").symlink_to(other)
    hints = Hints()
    with capture_logs() as logs:
        assert not watcher.watch("churn", [drop, drop / "train"], hints)
    assert [entry["folder"] for entry in logs if entry["event"] == "folder_not_watched"] == [
        str(drop / "train")
    ]
    assert hints.none_after((other / "x.csv").touch)
    (drop / "train").unlink()
    (drop / "train").mkdir()
    watcher.complete()
    assert hints.after((drop / "train" / "x.csv").touch)
