"""Looks at real drop folders."""

import errno
import hashlib
import json
import os
import socket
import time
import unicodedata
from datetime import timedelta
from pathlib import Path
from unittest.mock import Mock

import pytest

from retraind.config.settings import SweepSettings
from retraind.domain.job import Role
from retraind.intake.drop_folder import DropFolder
from retraind.intake.manifests import claims as manifest_claims
from retraind.intake.manifests import hashing
from support.words import told

PAIR = ("train_1.csv", "eval_1.csv")
SECOND = timedelta(seconds=1)
SETTLE = timedelta(seconds=10)
LONG_AGO, FAR_AHEAD = 1_000_000_000, 4_000_000_000
MANY = 2_000
HANDLES = Path("/proc/self/fd")
LONGEST_NAME_BYTES = 255


def names(view):
    return [[file.name for file in delivery.files] for delivery in view.complete]


def reasons(view):
    return " ".join(told(wait.reasons) for wait in view.waiting)


def left_alone(view):
    return [told(each) for each in view.strangers]


def put_pair(share):
    for name in PAIR:
        share.put(name)


# Settling


@pytest.mark.parametrize("mtime", [LONG_AGO, FAR_AHEAD], ids=["old", "future"])
def test_a_file_settles_by_our_own_clock_whatever_its_own_time_says(share, mtime):
    share = share()
    for name in PAIR:
        os.utime(share.put(name), (mtime, mtime))
    first = share.look()
    assert first.complete == ()
    assert first.due == 10
    assert share.look(SETTLE - SECOND).complete == ()
    assert names(share.look(SECOND)) == [[*PAIR]]


def test_a_growing_file_is_waited_for(share):
    share = share()
    put_pair(share)
    growing = share.drop / "train_1.csv"
    for _ in range(3):
        share.look(SETTLE - SECOND)
        with growing.open("ab") as file:
            file.write(b"3,4\n")
    assert "train_1.csv is still arriving" in reasons(share.look(SETTLE))
    [delivery] = share.look(SETTLE).complete
    assert delivery.files[0].signature.size == growing.stat().st_size


def test_a_file_replaced_by_one_of_equal_size_and_time_settles_anew(share):
    share = share()
    put_pair(share)
    share.look()
    old = share.drop / "train_1.csv"
    stamp = old.stat().st_mtime_ns
    new = share.put("upload.tmp")
    os.utime(new, ns=(stamp, stamp))
    new.replace(old)
    assert share.look(SETTLE).complete == ()
    assert names(share.look(SETTLE)) == [[*PAIR]]


def test_a_change_of_content_alone_in_place_is_seen_by_its_time(share):
    share = share()
    put_pair(share)
    share.look()
    os.utime(share.drop / "train_1.csv", ns=(5, 5))
    assert share.look(SETTLE).complete == ()


def test_a_file_that_was_away_between_two_looks_settles_anew(share):
    share = share()
    put_pair(share)
    share.look()
    hidden = (share.drop / "train_1.csv").rename(share.drop / ".hidden")
    share.look(SETTLE)
    hidden.rename(share.drop / "train_1.csv")
    assert share.look().complete == ()
    assert names(share.look(SETTLE)) == [[*PAIR]]


def test_time_on_the_wall_makes_nothing_older(share):
    share = share()
    put_pair(share)
    share.look()
    share.clock.jump(timedelta(days=9))
    assert share.look(SECOND).complete == ()


def test_deliveries_found_together_whose_keys_say_nothing_of_time_come_as_they_arrived(share):
    share = share()
    for key in ("31.10.2026", "01.11.2026", "02.11.2026"):
        for word in ("train", "eval"):
            share.put(f"{word}_{key}.csv")
    found = [delivery.key for delivery in share.settled().complete]
    assert found == ["31.10.2026", "01.11.2026", "02.11.2026"]


def test_complete_deliveries_come_oldest_key_first(share):
    share = share()
    for key in ("2026-10", "2026-9", "", "2026-11"):
        for word in ("train", "eval"):
            share.put(f"{word}_{key}.csv")
    assert [delivery.key for delivery in share.settled().complete] == ["", "2026-9", "2026-10", "2026-11"]


def test_files_whose_names_differ_in_unicode_form_are_a_pair(share):
    share = share()
    share.put("train_" + unicodedata.normalize("NFD", "がぎ_é") + ".csv")
    share.put("EVAL_" + unicodedata.normalize("NFC", "がぎ_É") + ".CSV")
    [delivery] = share.settled().complete
    assert delivery.key == "がぎ_é"


def test_a_file_deleted_between_its_listing_and_a_closer_look_is_just_not_there(share, monkeypatch):
    share = share()
    put_pair(share)
    share.look()
    plain = os.scandir

    class Deleting:
        def __init__(self, handle):
            self._entries = plain(handle)

        def __enter__(self):
            return self

        def __exit__(self, *_):
            self._entries.close()

        def __iter__(self):
            for entry in self._entries:
                if entry.name == "eval_1.csv":
                    (share.drop / entry.name).unlink()
                yield entry

    monkeypatch.setattr(os, "scandir", Deleting)
    view = share.look(SETTLE)
    assert view.trouble is None
    assert "The evaluation file has not arrived" in reasons(view)


# What is never touched

TEMPORARY = [
    ".train_1.csv", ".~train_1.csv", "~$train_1.csv", "train_1.csv~", "train_1.csv.part", "train_1.csv.partial",
    "train_1.csv.tmp", "train_1.csv.TMP", "train_1.csv.filepart", "train_1.csv.crdownload", "train_1.csv.swp",
    "Thumbs.db", "THUMBS.DB", "desktop.ini", ".DS_Store", "STATUS.txt", ".STATUS.txt.tmp", "._train_1.csv",
    ".nfs000001", "train_1.csv.lock",
]  # fmt: skip


@pytest.mark.parametrize("name", TEMPORARY)
def test_hidden_and_temporary_names_are_neither_taken_nor_told(share, name):
    share = share(mode="train-only", train="*{key}*")
    share.put(name)
    view = share.settled()
    assert view.complete == view.waiting == view.strangers == ()


def test_what_is_not_an_ordinary_file_is_left_alone_and_told(share, tmp_path):
    share = share()
    outside = tmp_path / "secret.csv"
    outside.write_text("a,b\n")
    (share.drop / "train_link.csv").symlink_to(outside)
    (share.drop / "train_dangling.csv").symlink_to("nowhere")
    os.mkfifo(share.drop / "train_fifo.csv")
    (share.drop / "train_folder.csv").mkdir()
    (share.drop / "train_folder.csv" / "train_x.csv").write_text("a,b\n")
    for name in ("archive", "done", "lost+found", "System Volume Information"):
        (share.drop / name).mkdir()
    (share.drop / "2026-11-23T224005Z_2026-11_c8c212").mkdir()
    with socket.socket(socket.AF_UNIX) as server:
        server.bind(os.path.relpath(share.drop / "train_socket.csv"))
        view = share.settled()
    assert view.complete == view.waiting == ()
    ordinary = "It is not a regular file (links are not followed)."
    assert left_alone(view) == [
        "2026-11-23T224005Z_2026-11_c8c212: It is the folder of a job. To have its files "
        "taken in, move them out of it into this folder.",
        "archive: It is a folder. To have its files taken in, move them out of it into this folder.",
        f"train_dangling.csv: {ordinary}",
        f"train_fifo.csv: {ordinary}",
        "train_folder.csv: It is a folder; this folder expects a file under this name.",
        f"train_link.csv: {ordinary}",
        f"train_socket.csv: {ordinary}",
    ]


def test_a_file_whose_names_are_all_in_the_folder_is_taken(share):
    """Uploaders link a finished file to its name, and tools that save space link equal files."""
    share = share()
    put_pair(share)
    os.link(share.drop / "train_1.csv", share.drop / ".train_1.csv.upload")
    os.link(share.drop / "eval_1.csv", share.drop / "copy of eval.csv")
    os.link(share.drop / "eval_1.csv", share.drop / "third")
    assert names(share.settled()) == [[*PAIR]]


@pytest.mark.parametrize("here", [1, 2])
def test_a_file_with_a_name_elsewhere_is_not_taken_however_many_names_it_has_here(share, tmp_path, here):
    share = share(mode="train-only")
    (tmp_path / "secret.csv").write_text("a,b\n")
    for number in range(here):
        (share.drop / f"train_{number}.csv").hardlink_to(tmp_path / "secret.csv")
    view = share.settled()
    assert view.complete == ()
    assert len(view.strangers) == here
    assert "second name outside this folder" in told(view.strangers)
    (tmp_path / "secret.csv").unlink()
    assert len(share.settled().complete) == here


def test_a_name_in_another_folder_of_the_delivery_is_elsewhere(share):
    share = share(train="train/{key}", eval="eval/{key}")
    share.put("train/1.csv")
    (share.drop / "eval").mkdir()
    os.link(share.drop / "train" / "1.csv", share.drop / "eval" / "1.csv")
    view = share.settled()
    assert view.complete == ()
    assert len(view.strangers) == 2


def test_sweeps_skip_a_folder_with_a_file_of_two_names_until_one_of_them_goes(share):
    share = share()
    share.put("train_1.csv")
    os.link(share.drop / "train_1.csv", share.drop / "second")
    for _ in range(3):
        assert share.look(SETTLE).strangers[0].facts["file"] == "second"
    assert share.folder.is_unchanged()
    (share.drop / "second").unlink()
    assert not share.folder.is_unchanged()


@pytest.mark.parametrize("ready", ["settle", "marker", "manifest"])
def test_folders_of_retraind_are_not_told_of_however_a_delivery_is_proved_complete(share, ready):
    share = share(ready=ready)
    for name in ("done", "failed"):
        (share.drop / name).mkdir()
    assert left_alone(share.settled()) == []


CONFLICTS = [
    "train_1.sync-conflict-20261130-101010-ABCDEFG.csv", "train_1 (Kenji's conflicted copy 2026-11-30).csv",
    "train_1 (conflicted copy 2026-11-30 101010).csv", "train_1 (Conflicted Copy).csv",
    "train_1 (ケンジの競合コピー 2026-11-30).csv",
]  # fmt: skip


@pytest.mark.parametrize("name", CONFLICTS)
@pytest.mark.parametrize("alone", [True, False])
def test_conflict_copies_of_sync_clients_are_left_alone_and_told(share, name, alone):
    share = share()
    if not alone:
        put_pair(share)
    share.put(name)
    view = share.settled()
    assert names(view) == ([] if alone else [[*PAIR]])
    assert view.waiting == ()
    (told_of,) = left_alone(view)
    assert told_of.startswith(f"{unicodedata.normalize('NFC', name)}: A program that synchronizes")


def test_a_conflict_copy_of_a_marker_vouches_for_nothing(share):
    share = share(ready="marker")
    put_pair(share)
    share.put("1.sync-conflict-20261130-101010-ABCDEFG.done", b"")
    view = share.settled()
    assert view.complete == ()
    assert len(view.strangers) == 1


@pytest.mark.parametrize(
    "copy",
    [
        "train_1 (1).csv", "train_1(1).csv", "TRAIN_1 (12).csv", "train_1 - Copy.csv", "train_1 - Copy (2).csv",
        "train_1 - コピー.csv", "train_1 copy.csv", "train_1 copy 2.csv", "train_1のコピー.csv",
    ],
)  # fmt: skip
def test_a_numbered_copy_is_left_alone_where_the_plain_name_is_there(share, copy):
    share = share()
    put_pair(share)
    share.put(copy)
    view = share.settled()
    assert names(view) == [[*PAIR]]
    assert view.waiting == ()
    assert left_alone(view) == [
        f"{copy}: Its name marks it as a copy of {copy[:7]}.csv, which is here "
        "or was taken in before. If it is another delivery, rename it; otherwise, delete it."
    ]


def test_a_numbered_copy_is_left_alone_where_the_plain_name_was_delivered(share):
    share = share()
    memory = Remembering()
    memory.was_delivered = {"train_1.csv"}.__contains__
    start_over(share, memory)
    share.put("train_1 (1).csv")
    share.put("eval_1 (1).csv")
    view = share.settled()
    assert view.complete == ()
    assert len(view.strangers) == 1
    assert "The training file has not arrived" in reasons(view)


def test_numbers_in_parentheses_are_keys_like_others_where_there_is_no_plain_name(share):
    share = share()
    for number in (1, 2):
        share.put(f"train ({number}).csv")
        share.put(f"eval ({number}).csv")
    assert len(share.settled().complete) == 2


def test_many_copies_are_counted(share):
    share = share()
    put_pair(share)
    for number in range(1, 31):
        share.put(f"train_1 ({number}).csv")
    view = share.settled()
    assert names(view) == [[*PAIR]]
    assert len(view.strangers) == 21
    assert "10 more" in told(view.strangers)


@pytest.mark.parametrize(
    ("name", "shown"),
    [
        ("train_1.csv ", r"train_1.csv\x20"), (" train_1.csv", r"\x20train_1.csv"),
        ("train_1.csv\u3000", r"train_1.csv\u3000"), ("train_1.csv\u00a0", r"train_1.csv\xa0"),
        ("train_1.csv  ", r"train_1.csv\x20\x20"),
    ],
)  # fmt: skip
def test_a_space_at_the_end_of_a_name_is_made_visible(share, name, shown):
    share = share()
    share.put(name)
    (told_of,) = left_alone(share.settled())
    assert told_of == (f"{shown}: Its name begins or ends with a space. Rename it without the space.")


def test_names_that_nothing_expects_are_told(share):
    share = share()
    share.put("readme.md")
    share.put("test_1.csv")
    share.put("1.done")
    assert left_alone(share.settled()) == [
        "1.done: This folder does not expect a file with this name.",
        "readme.md: This folder does not expect a file with this name.",
        "test_1.csv: This folder does not expect a file with this name.",
    ]


def test_of_a_name_that_only_ends_wrong_it_is_told_which_endings_are_taken(share):
    share = share()
    for name in ("train_1.xlsx", "eval_1.csv.gz", "Train 1", "notes.xlsx"):
        share.put(name)
    wrong_ending = "Only files that end in .csv or .tsv are taken in."
    assert left_alone(share.settled()) == [
        f"Train 1: {wrong_ending}",
        f"eval_1.csv.gz: {wrong_ending}",
        "notes.xlsx: This folder does not expect a file with this name.",
        f"train_1.xlsx: {wrong_ending}",
    ]


@pytest.mark.parametrize("raw", [b"train_\xff.csv", b"train_\x8b\xe6.csv", b"\xff\xfe"])
def test_names_that_are_not_utf8_are_told_and_left_alone(share, raw):
    share = share()
    share.put_raw(raw)
    view = share.settled()
    assert view.complete == view.waiting == ()
    [sentence] = left_alone(view)
    assert sentence.endswith(": Its name is not UTF-8. Rename it.")
    sentence.encode()
    view.strangers[0].as_json()


def test_the_longest_names_that_a_file_system_takes_are_taken(share):
    share = share()
    key = "あ" * 81 + "xxxx"
    assert len(f"eval{key}.csv".encode()) == LONGEST_NAME_BYTES
    share.put(f"train{key[:-1]}.csv")
    share.put(f"eval{key[:-1]}.csv")
    share.put(f"eval{key}.csv")
    view = share.settled()
    assert [delivery.key for delivery in view.complete] == [key[:-1]]
    assert [wait.key for wait in view.waiting] == [key]


def test_strangers_are_told_on_one_screen_in_order(share):
    share = share()
    for number in range(50):
        share.put(f"note {number:02}.txt")
    view = share.look()
    assert len(view.strangers) == 21
    assert left_alone(view)[0].startswith("note 00.txt")
    assert left_alone(view)[-1] == "30 more files are left alone."
    assert share.look().strangers == view.strangers


# Layout B


def layout_b(share, **more):
    return share(train="train/{key}", eval="eval/{key}", **more)


def test_sub_folders_pair_files_by_equal_names_and_may_appear_later(share):
    share = layout_b(share)
    assert share.look().trouble is None
    share.put("train/2026-11.csv")
    assert "expected: a name like eval/2026-11.csv" in reasons(share.settled())
    share.put("eval/2026-11.csv")
    assert names(share.settled()) == [["train/2026-11.csv", "eval/2026-11.csv"]]
    assert share.folder.folders == (share.drop, share.drop / "eval", share.drop / "train")


def test_files_beside_the_sub_folders_are_strangers(share):
    share = layout_b(share)
    share.put("2026-11.csv")
    assert left_alone(share.look()) == ["2026-11.csv: This folder does not expect a file with this name."]


def test_a_sub_folder_that_is_a_link_is_not_entered(share, tmp_path):
    """Whoever may write to the share could otherwise have files taken from anywhere."""
    share = layout_b(share)
    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir()
    (elsewhere / "1.csv").write_text("a,b\n")
    (share.drop / "train").symlink_to(elsewhere)
    share.put("eval/1.csv")
    view = share.settled()
    assert view.trouble is None
    assert left_alone(view) == ["train: This folder expects a folder under this name, not a file."]
    assert "The training file has not arrived" in reasons(view)


def test_a_file_in_place_of_a_sub_folder_does_not_stop_the_rest(share):
    share = layout_b(share)
    share.put("train", b"x")
    share.put("eval/1.csv")
    view = share.settled()
    assert view.trouble is None
    assert len(view.waiting) == 1


def test_a_sub_folder_is_found_in_whatever_unicode_form_and_case_it_was_made(share):
    share = share(train="データ/{key}", eval="eval/{key}")
    share.put(unicodedata.normalize("NFD", "データ") + "/1.csv")
    share.put("Eval/1.csv")
    [delivery] = share.settled().complete
    assert delivery.files[1].name == "Eval/1.csv"


def test_a_sub_folder_that_vanishes_during_the_look_is_just_not_there(share, monkeypatch):
    share = layout_b(share)
    share.put("train/1.csv")
    share.put("eval/1.csv")
    plain = os.open

    def opening(path, *rest, **more):
        if str(path).endswith("/train"):
            raise FileNotFoundError(errno.ENOENT, "No such file or directory", str(path))
        return plain(path, *rest, **more)

    monkeypatch.setattr(os, "open", opening)
    view = share.settled()
    assert view.trouble is None
    assert "The training file has not arrived" in reasons(view)


# Trouble


def test_a_folder_that_went_away_is_told_and_nothing_is_forgotten_when_it_comes_back(share):
    share = share()
    put_pair(share)
    share.look()
    away = share.drop.rename(share.drop.with_name("away"))
    view = share.look(SECOND)
    assert told(view.trouble) == (
        f"{share.drop}: No such file or directory. Nothing is taken in from the folder until it can be read."
    )
    assert view.complete == view.waiting == ()
    away.rename(share.drop)
    view = share.look(SETTLE)
    assert view.trouble is None
    assert names(view) == [[*PAIR]]


def test_a_folder_that_may_not_be_read_is_told_until_it_may_be(share, somebody):
    share = share()
    put_pair(share)
    share.drop.chmod(0o300)
    with somebody():
        view = share.look()
    assert "Permission denied." in told(view.trouble)
    assert "Nothing is taken in from the folder until it can be read." in told(view.trouble)
    share.drop.chmod(0o755)
    assert share.look().trouble is None


def test_no_handle_is_left_open_by_looks(share):
    share = layout_b(share)
    share.put("train/1.csv")
    share.look()
    before = len(list(HANDLES.iterdir()))
    for _ in range(20):
        share.look()
    (share.drop / "eval").write_text("not a folder")
    share.look()
    assert len(list(HANDLES.iterdir())) == before


def test_thousands_of_files_are_one_look(share):
    share = share()
    for number in range(MANY // 2):
        share.put(f"train_{number}.csv")
        share.put(f"eval_{number}.csv")
    view = share.settled()
    assert len(view.complete) == MANY // 2
    assert [delivery.key for delivery in view.complete[:3]] == ["0", "1", "2"]


# Markers


def test_a_marker_ends_the_wait_at_once(share):
    share = share(ready="marker")
    put_pair(share)
    assert "The marker file 1.done or _SUCCESS has not arrived." in reasons(share.look())
    share.put("1.DONE", b"")
    [delivery] = share.look().complete
    assert [file.role for file in delivery.files] == [Role.TRAIN, Role.EVAL, Role.MARKER]


def put_later(share, name):
    """Put a file there whose time of change is later than that of all others, whatever the clock's grain."""
    latest = max(path.stat().st_ctime_ns for path in share.drop.iterdir())
    while share.put(name, b"").stat().st_ctime_ns <= latest:
        time.sleep(0.001)


def test_a_marker_that_comes_into_view_together_with_older_files_vouches_for_them(share, monkeypatch):
    """The clock goes on during a look; in which order the folder lists its files must not matter."""
    share = share(ready="marker")
    share.look()
    put_pair(share)
    put_later(share, "_SUCCESS")
    ticks = iter(range(100))
    monkeypatch.setattr(share.clock, "elapsed", lambda: float(next(ticks)))
    assert len(share.folder.look().complete) == 1


def test_a_file_that_was_begun_after_its_marker_between_two_looks_settles(share):
    share = share(ready="marker")
    share.look()
    share.put("train_1.csv")
    put_later(share, "_SUCCESS")
    put_later(share, "eval_1.csv")
    share.put("eval_1.csv", b"half")
    assert "eval_1.csv may be newer than its marker" in reasons(share.look())
    assert share.look(SETTLE).complete


class Remembering:
    """A memory that outlives the eye on the share."""

    def __init__(self):
        self.known = {}
        self.notes = 0

    def recall(self):
        return self.known.copy()

    def note(self, fresh, gone):
        self.notes += 1
        for name in gone:
            del self.known[name]
        self.known |= {each.name: each for each in fresh}


def start_over(share, memory):
    share.folder = DropFolder(
        share.model, SweepSettings().ignore, share.clock, share.hashing, share.hint, memory=memory
    )


@pytest.mark.parametrize("marker", ["1.done", "_SUCCESS"])
def test_after_a_start_everything_settles_that_nobody_saw_before_its_marker(share, marker):
    """The file system's times prove nothing of what happened while nobody looked."""
    share = share(ready="marker")
    put_pair(share)
    put_later(share, marker)
    assert "train_1.csv may be newer than its marker" in reasons(share.look())
    assert share.look(SETTLE).complete


@pytest.mark.parametrize("when", ["before the marker", "after the marker"])
def test_what_was_seen_before_its_marker_needs_no_proof_after_a_start(share, when):
    share, memory = share(ready="marker"), Remembering()
    start_over(share, memory)
    put_pair(share)
    share.look()
    if when == "before the marker":
        start_over(share, memory)
        share.put("1.done", b"")
    else:
        share.put("1.done", b"")
        share.look()
        start_over(share, memory)
    assert share.look().complete


def test_what_changed_since_it_was_noted_settles_after_a_start(share):
    share, memory = share(ready="marker"), Remembering()
    start_over(share, memory)
    put_pair(share)
    share.look()
    share.put("1.done", b"")
    share.look()
    share.put("eval_1.csv", b"more\n")
    start_over(share, memory)
    assert "eval_1.csv changed after its marker arrived" in reasons(share.look())
    assert share.look(SETTLE).complete


def test_that_a_file_came_after_its_marker_is_known_after_two_starts_and_a_new_marker_ends_it(share):
    share, memory = share(ready="marker"), Remembering()
    start_over(share, memory)
    share.put("train_1.csv")
    share.look()
    share.put("1.done", b"")
    share.look()
    share.put("eval_1.csv")
    for _ in range(2):
        start_over(share, memory)
        assert "eval_1.csv arrived after the marker" in reasons(share.look(SETTLE))
    start_over(share, memory)
    share.put("1.done", b"again")
    assert "arrived after" not in reasons(share.look())
    assert share.look(SETTLE).complete


def test_a_file_that_grows_is_not_noted_with_each_write_and_all_is_forgotten_that_is_gone(share):
    share, memory = share(ready="marker"), Remembering()
    start_over(share, memory)
    share.put("_SUCCESS")
    for size in range(50):
        share.put("train_1.csv", b"x" * size)
        share.look()
    assert memory.notes <= 3
    share.look(SETTLE)
    assert memory.known["train_1.csv"].signature.size == 49
    for path in share.drop.iterdir():
        path.unlink()
    share.look()
    assert not memory.known


def test_a_memory_that_fails_is_told_with_the_next_look(share, monkeypatch):
    share, memory = share(ready="marker"), Remembering()
    start_over(share, memory)
    put_pair(share)
    with monkeypatch.context() as failing:
        failing.setattr(memory, "note", Mock(side_effect=RuntimeError))
        with pytest.raises(RuntimeError):
            share.look()
    share.look()
    assert memory.known.keys() == {"train_1.csv", "eval_1.csv"}


@pytest.mark.parametrize("ready", ["settle", "manifest"])
def test_where_markers_do_not_count_nothing_is_noted(share, ready):
    share, memory = share(ready=ready), Remembering()
    start_over(share, memory)
    put_pair(share)
    share.settled()
    assert not memory.notes


def test_the_common_marker_leaves_with_the_last_delivery_and_half_a_pair_does_not_keep_it(share):
    share = share(ready="marker")
    for name in ("train_1.csv", "eval_1.csv", "train_2.csv", "eval_2.csv", "_SUCCESS"):
        share.put(name)
    view = share.settled()
    assert ["_SUCCESS" in delivery for delivery in names(view)] == [False, True]
    share.put("train_3.csv")
    assert ["_SUCCESS" in delivery for delivery in names(share.look())] == [False, True]


def test_what_comes_after_the_common_marker_waits_for_another(share):
    share = share(ready="marker")
    share.put("_SUCCESS")
    share.look()
    put_pair(share)
    assert "train_1.csv arrived after the marker." in reasons(share.look(SETTLE))
    assert share.look(SETTLE).complete == ()
    share.put("_SUCCESS", b"again")
    assert share.look().complete


def test_files_that_changed_while_they_were_taken_settle_though_marked(share):
    share = share(ready="marker")
    put_pair(share)
    share.look()
    share.put("1.done")
    assert share.look().complete
    share.folder.distrust({"train_1.csv"})
    view = share.look(SECOND)
    assert view.complete == ()
    assert view.due == 10
    assert share.look(SETTLE).complete


def test_files_that_changed_while_they_were_taken_settle_again_though_they_look_as_before(share):
    """A mounted SMB share can show a file's first size and time for as long as its writer has it open."""
    share = share()
    put_pair(share)
    assert share.settled().complete
    share.folder.distrust({"train_1.csv"})
    assert share.look().complete == ()
    assert share.look(SETTLE - SECOND).complete == ()
    assert share.look(SECOND).complete


# Manifests


def test_wide_digits_join_and_two_names_that_look_alike_are_left_to_people(share):
    share = share()
    share.put("train_２０２６.csv")
    share.put("eval_2026.csv")
    [delivery] = share.settled().complete
    assert delivery.key == "2026"
    assert [file.name for file in delivery.files] == ["train_２０２６.csv", "eval_2026.csv"]
    share.put("train_2026.csv", b"another\n")
    view = share.settled()
    assert not view.complete
    assert (
        "train_2026.csv and train_２０２６.csv both match the name pattern of the training file."
        in reasons(view)
    )


def manifest(share, name="1.manifest.json", **changes):
    """Write a true manifest of the pair; `changes` replace entries by file name, or drop them with None."""
    entries = []
    for path in sorted(share.drop.glob("*.csv")):
        data = path.read_bytes()
        entry = {"name": path.name, "size": len(data), "sha256": hashlib.sha256(data).hexdigest()}
        change = changes.get(path.stem, {})
        if change is not None:
            entries.append(entry | change)
    return share.put(name, json.dumps({"files": entries}).encode())


@pytest.fixture
def listed(share):
    """A share whose deliveries come with a manifest."""
    share = share(ready="manifest")
    put_pair(share)
    return share


def test_a_delivery_is_complete_when_every_byte_is_what_the_manifest_says(listed):
    assert "The manifest 1.manifest.json has not arrived." in reasons(listed.look())
    manifest(listed)
    assert "train_1.csv is being compared with 1.manifest.json." in reasons(listed.look())
    assert listed.hashing.work() == 2
    assert listed.hints == 2
    [delivery] = listed.look().complete
    assert [file.role for file in delivery.files] == [Role.TRAIN, Role.EVAL, Role.MANIFEST]
    assert listed.look(SETTLE).complete
    assert listed.hashing.work() == 0, "what is known is not computed again"


def test_a_wrong_content_is_told_and_a_right_one_taken(listed):
    manifest(listed, train_1={"sha256": "0" * 64})
    listed.look()
    listed.hashing.work()
    assert "The content of train_1.csv is not what 1.manifest.json lists" in reasons(listed.look())
    manifest(listed)
    assert listed.look().complete


def test_a_file_that_is_not_whole_yet_is_not_even_read(listed):
    manifest(listed, train_1={"size": 9_999})
    assert "train_1.csv has 8 bytes so far; 1.manifest.json lists it with 9,999." in reasons(listed.look())
    assert listed.hashing.work() == 1


BROKEN = [
    # content, what is listed, why
    (
        b'{"files": [{"name": "tra',
        "ends too early at line 1, column 24; it may still be arriving",
        "still being written",
    ),
    (b"", "1.manifest.json is still empty.", "just created"),
    (b" " * (1 << 20) + b"{}", "is too long for a manifest", "huge"),
]


@pytest.mark.parametrize(("content", "sentence", "why"), BROKEN, ids=[row[-1] for row in BROKEN])
def test_a_manifest_that_makes_no_sense_is_told_and_waited_for(listed, content, sentence, why):
    listed.put("1.manifest.json", content)
    view = listed.look()
    assert view.trouble is None
    assert sentence in reasons(view), why
    manifest(listed)
    listed.look()
    listed.hashing.work()
    assert listed.look().complete


def test_a_manifest_with_a_byte_order_mark_is_read(listed):
    """PowerShell writes one."""
    path = manifest(listed)
    path.write_bytes(b"\xef\xbb\xbf" + path.read_bytes())
    listed.look()
    listed.hashing.work()
    assert listed.look().complete


@pytest.mark.parametrize("name", ["../secret.csv", "/etc/passwd", "train_1.csv/../../secret.csv", "a\nb"])
def test_a_manifest_cannot_make_anything_else_be_opened(listed, name, monkeypatch):
    manifest(listed, train_1={"name": name})
    opened = []
    plain = manifest_claims.read_start
    monkeypatch.setattr(
        manifest_claims, "read_start", lambda path, size: opened.append(path.name) or plain(path, size)
    )
    assert "which has not arrived." in reasons(listed.look())
    assert "\n" not in reasons(listed.look())
    listed.hashing.work()
    assert set(opened) == {"1.manifest.json"}


@pytest.mark.parametrize("kind", ["fifo", "link"])
def test_a_manifest_that_is_no_ordinary_file_neither_blocks_nor_leads_elsewhere(listed, kind, tmp_path):
    path = listed.drop / "1.manifest.json"
    if kind == "fifo":
        os.mkfifo(path)
    else:
        path.symlink_to(tmp_path / "elsewhere.json")
    view = listed.look()
    assert "The manifest 1.manifest.json has not arrived." in reasons(view)
    assert "1.manifest.json: It is not" in left_alone(view)[0]


def test_a_manifest_swapped_for_something_else_just_now_stops_only_its_own_delivery(listed, monkeypatch):
    for name in ("train_2.csv", "eval_2.csv"):
        listed.put(name)
    path = manifest(listed)
    plain = manifest_claims.read_start

    def opening(path, size):
        path.unlink()
        os.mkfifo(path)
        return plain(path, size)

    monkeypatch.setattr(manifest_claims, "read_start", opening)
    view = listed.look()
    assert view.trouble is None
    assert "1.manifest.json cannot be read: It is not a regular file." in reasons(view)
    assert len(view.waiting) == 2
    path.unlink()


@pytest.mark.parametrize("files", [["train_1.csv", "train_1.csv"], ["train_1.csv", "TRAIN_1.csv"]])
def test_a_manifest_that_names_a_file_twice_is_told(listed, files):
    entries = [{"name": name, "size": 8, "sha256": "0" * 64} for name in files]
    listed.put("1.manifest.json", json.dumps({"files": entries}).encode())
    assert "1.manifest.json lists a file twice." in reasons(listed.look())


def test_a_manifest_has_to_name_everything_that_is_there(listed):
    manifest(listed, eval_1=None)
    assert "1.manifest.json does not list eval_1.csv." in reasons(listed.look())


def test_a_manifest_with_a_mistyped_name_is_told_the_right_one(listed):
    manifest(listed, "11.manifest.json")
    view = listed.look()
    assert [wait.key for wait in view.waiting] == ["1", "11"]
    assert "11.manifest.json lists train_1.csv, whose manifest must be called 1.manifest.json." in reasons(
        view
    )


def test_a_manifest_that_came_first_says_what_it_waits_for(share):
    listed = share(ready="manifest")
    put_pair(listed)
    manifest(listed)
    for path in listed.drop.glob("*.csv"):
        path.unlink()
    assert "1.manifest.json lists eval_1.csv, which has not arrived." in reasons(listed.look())


def test_two_manifests_for_one_delivery_are_left_to_people(share):
    share = share(ready="manifest")
    share.put("train_a.csv")
    manifest(share, "a.manifest.json")
    manifest(share, "A.manifest.json")
    assert "There are two manifests for this delivery. Remove one." in reasons(share.look())


def test_only_the_exact_name_makes_a_manifest(share):
    share = share(ready="manifest")
    share.put("mymanifest.json")
    share.put("manifest.json")
    assert [sentence.split()[0] for sentence in left_alone(share.look())] == ["mymanifest.json:"]


def test_a_file_that_cannot_be_read_is_told_and_tried_again_no_more_often_than_somebody_looks(listed):
    """A hint after each failure would otherwise make a loop of looks and failures."""
    manifest(listed)
    listed.look()
    path = listed.drop / "train_1.csv"
    content = path.read_bytes()
    stamp = path.stat()
    kept = path.rename(listed.drop / ".kept")
    listed.hashing.work()
    kept.rename(path)
    assert path.stat().st_ino == stamp.st_ino
    assert path.read_bytes() == content
    assert "train_1.csv cannot be read: No such file or directory." in reasons(listed.look())
    assert listed.hashing.work() == 0, "the look that was hinted at asks for nothing new"
    assert "train_1.csv cannot be read" in reasons(listed.look()), (
        "the next sweep tries again, and tells no other story"
    )
    assert listed.hashing.work() == 1
    assert listed.look().complete


def test_a_failure_known_at_once_does_not_make_a_loop_either(listed, monkeypatch):
    manifest(listed)

    def at_once(_, step):
        while step():
            pass

    def unreadable(path):
        raise PermissionError(13, "Permission denied", str(path))

    monkeypatch.setattr(type(listed.hashing), "__call__", at_once)
    monkeypatch.setattr(hashing, "open_regular", unreadable)
    listed.look()
    while listed.hints and listed.hints < 50:
        seen = listed.hints
        listed.look()
        if listed.hints == seen:
            break
    assert listed.hints <= 2


def test_work_on_files_that_are_gone_is_given_up(listed):
    manifest(listed)
    listed.look()
    (listed.drop / "train_1.csv").unlink()
    listed.look()
    listed.hashing.work()
    assert listed.hints == 1


def test_sub_folders_are_named_in_the_manifest_with_their_files(share):
    share = share(train="train/{key}", eval="eval/{key}", ready="manifest")
    share.put("train/1.csv")
    share.put("eval/1.csv")
    data = b"a,b\n1,2\n"
    entries = [
        {"name": name, "size": len(data), "sha256": hashlib.sha256(data).hexdigest().upper()}
        for name in ("train/1.csv", "eval/1.csv")
    ]
    share.put("1.manifest.json", json.dumps({"files": entries}).encode())
    share.look()
    share.hashing.work()
    assert share.look().complete
