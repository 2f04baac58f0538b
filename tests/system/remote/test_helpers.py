"""Helper processes: what they do, what becomes of them when their file system hangs, and how many there are."""

import hashlib
import os
import signal
import subprocess
import sys
import threading
import time
from contextlib import suppress
from functools import partial
from pathlib import Path
from types import SimpleNamespace

import pytest

from retraind.config.settings import ModelSettings
from retraind.intake.drop_folder import DropFolder
from retraind.intake.listing import ASKS_FIRST
from retraind.intake.share_identity import Shares
from retraind.system import copying, files, moving, reading
from retraind.system.clock import Clock
from retraind.system.mounts import TABLE
from retraind.system.remote import helper, helpers
from retraind.system.remote.errors import NoAnswer, Refused
from retraind.system.remote.helpers import HELPERS
from retraind.system.remote.verbs import ahead, file_system_of, is_far, where
from support.faulty import Rule
from support.process import until

ALL_CALLS = (
    "getattr",
    "opendir",
    "readdir",
    "open",
    "read",
    "write",
    "create",
    "mkdir",
    "rename",
    "readlink",
    "fsync",
    "statfs",
)
HANGS = Rule(ALL_CALLS, answer="hang")


def helper_of(path):
    return where(path)[0]


def open_here(point):
    """Return what this process has open below a mount."""
    return [target for target in handles_of("self") if target.startswith(str(point))]


def handles_of(process):
    """Return what a process has open."""
    found = set()
    for handle in list(Path(f"/proc/{process}/fd").iterdir()):
        with suppress(OSError):
            found.add(str(handle.readlink()))
    return found


def test_a_helper_imports_nothing_that_a_log_or_a_network_needs():
    """There is one for each share, and one more whenever a share has hung."""
    program = "import sys, retraind.system.file_server; print(*sys.modules)"
    done = subprocess.run([sys.executable, "-I", "-c", program], capture_output=True, text=True, check=True)
    assert not {"asyncio", "rich", "ssl", "structlog"} & {*done.stdout.split()}


def test_all_is_done_in_the_other_process_and_nothing_is_open_in_this_one(share):
    content = os.urandom(600_000)
    with files.held(share.point) as place:
        assert is_far(place)
        files.make_folder(place / "a" / "b")
        files.write_atomically(place / "a" / "x", content)
        with files.held(place, "a") as inner, reading.open_regular(inner / "x") as file:
            assert reading.status_of_open(file).st_size == len(content)
            assert file.read(10) == content[:10]
            assert open_here(share.point) == []
            file.seek(5)
            assert file.read(10) == content[5:15]
        files.move(place / "a" / "x", place / "y")
        assert sorted(files.names_in(place)) == ["a", "y"]
        assert files.sha256_of(place / "y") == hashlib.sha256(content).hexdigest()
        with reading.listed(place, wanted=lambda name: name == "y") as (status, entries):
            seen = {entry.name: entry for entry in entries}
            assert status.st_ino == files.status(place, follow=True).st_ino
            assert seen["y"].is_file(follow_symlinks=False)
            assert seen["a"].is_dir(follow_symlinks=False)
            assert seen["y"].stat(follow_symlinks=False).st_size == len(content)
        moving.remove_tree(place / "a")
        assert files.put_aside(place / "y").name == "y.foreign-1"
    assert [path.name for path in share.folder.iterdir()] == ["y.foreign-1"]
    until(lambda: helper_of(share.point).is_idle, "nothing stays open")


def test_no_system_call_takes_the_path_of_what_is_pinned_there(share):
    """So nothing can touch it in this process by mistake."""
    with files.held(share.point) as place, pytest.raises(ValueError, match="null byte"):
        place.lstat()


def test_errors_are_those_of_the_file_system_and_name_the_plain_path(share):
    with pytest.raises(FileNotFoundError) as raised, files.held(share.point) as place:
        files.status(place / "none")
    assert raised.value.filename == str(share.point / "none")
    (share.folder / "link").symlink_to("/etc")
    (share.folder / "folder").mkdir()
    with pytest.raises(NotADirectoryError) as raised, files.held(share.point, "link"):
        pass
    assert raised.value.filename == str(share.point / "link")
    with pytest.raises(Refused), files.held(share.point) as place:
        reading.open_regular(place / "folder")
    with pytest.raises(OSError, match="cross-device"):
        files.move(share.point / "link", share.point.parent / "link")
    (share.folder / "x").write_bytes(b"x" * 10)
    with (
        share.failing(Rule(("read",), answer="EIO")),
        pytest.raises(OSError, match="Input/output") as raised,
        reading.open_regular(share.point / "x") as file,
    ):
        file.read(10)
    assert raised.value.filename == str(share.point / "x")


@pytest.mark.parametrize("way", ["from there", "to there", "there"])
def test_folders_are_copied_between_file_systems_and_compared(share, tmp_path, way):
    source = (tmp_path if way == "to there" else share.folder) / "source"
    (source / "train").mkdir(parents=True)
    (source / "train" / "1.csv").write_bytes(os.urandom(2_500_000))
    seen = share.point / "source" if way != "to there" else source
    target = (tmp_path if way == "from there" else share.point) / "target"
    assert copying.copy_folder_verified(seen, target) == []
    assert (target / "train" / "1.csv").read_bytes() == (source / "train" / "1.csv").read_bytes()


def test_what_hangs_costs_one_wait_and_no_thread(share, monkeypatch):
    # Until the file system has taken the call: before that, a kill would end the process.
    monkeypatch.setattr("retraind.system.remote.helper.PATIENCE", 60.0)
    others = set(threading.enumerate())
    with files.held(share.point) as place:
        share.tell(HANGS)
        process, started = helper_of(share.point), HELPERS._count
        waiter = threading.Thread(target=exists_again, args=(place / "x",))
        waiter.start()
        until(share.struck, "it hangs")
        HELPERS.hurry()
        waiter.join()
        for _ in range(20):
            with pytest.raises(NoAnswer) as raised:
                files.status(place / "x")
            with pytest.raises(NoAnswer):
                files.exists(share.point / "x")
        assert raised.value.mount == share.point
        assert HELPERS._count == started, "nobody has waited for another one"
    assert process.given_up
    assert not process.has_ended, "not even a kill ends it"
    assert {thread.name for thread in set(threading.enumerate()) - others} <= {"helpers"}
    share.tell()
    until(lambda: process.has_ended, "it ends when the file system answers")
    until(lambda: exists_again(share.point), "it is asked again")


def test_a_share_whose_processes_can_be_killed_is_not_waited_for_again_at_once(share, monkeypatch):
    """As with an sshfs that was stopped: a start asks it ten times, and waits once."""
    now = SimpleNamespace(at=0.0)
    files.exists(share.point)
    with monkeypatch.context() as frozen:
        frozen.setattr(helpers, "_FIRST_WAIT", 0.0)
        frozen.setattr(TABLE, "_has_changed", lambda: False)  # other tests mount as well
        for module in (helper, helpers):
            frozen.setattr(module, "time", SimpleNamespace(monotonic=lambda: now.at))
        share.stop()
        for _ in range(3):
            with pytest.raises(NoAnswer):
                files.exists(share.point / "x")
            until(nothing_is_stuck, "the process has ended")
        started = HELPERS._count
        share.go_on()
        now.at = 0.4
        with pytest.raises(NoAnswer):
            files.exists(share.point / "x")
        assert HELPERS._count == started, "nobody has waited for another one"
        until(nothing_is_stuck, "the last process has ended, too")
        now.at = 100.0
        assert not files.exists(share.point / "x")


def test_another_file_system_of_the_same_name_is_asked_at_once(share, monkeypatch):
    """The kernel gives its number to the next one; who hung before nobody had noted yet."""
    monkeypatch.setattr(helpers, "_FIRST_WAIT", 3600.0)
    share.tell(HANGS)
    with pytest.raises(NoAnswer):
        files.exists(share.point / "x")
    process = helper_of_last()
    share.tell()
    until(lambda: process.has_ended, "it ends when the file system answers")
    monkeypatch.setattr(TABLE, "version", TABLE.version + 1)
    assert not files.exists(share.point / "x")


def nothing_is_stuck():
    HELPERS._see_off()
    return not HELPERS._stuck()


def helper_of_last():
    """Return the helper that was started last; asking for that of a path would note that it was given up."""
    return HELPERS._numbered[max(HELPERS._numbered)]


def exists_again(path):
    try:
        return files.exists(path)
    except NoAnswer:
        return False


@pytest.mark.parametrize("call", ["open", "read"])
def test_a_file_whose_bytes_do_not_come_is_given_up(share, call):
    (share.folder / "x").write_bytes(b"x" * 100)
    share.tell(Rule((call,), answer="hang"))
    with pytest.raises(NoAnswer) as raised, reading.open_regular(share.point / "x") as file:
        file.read(100)
    assert raised.value.filename == str(share.point / "x")


class Enough(Exception):
    pass


def test_whoever_waits_for_bytes_can_be_ended_meanwhile(share, monkeypatch):
    """A stop does not wait for the patience of a share."""
    monkeypatch.setattr("retraind.system.remote.helper.PATIENCE", 60.0)
    (share.folder / "x").write_bytes(b"x" * 100)
    pauses = []

    def pause():
        pauses.append(1)
        if len(pauses) > 2:
            raise Enough

    share.tell(Rule(("read",), answer="hang"))
    with pytest.raises(Enough), reading.open_regular(share.point / "x", pause) as file:
        file.read(100)


@pytest.mark.system
def test_one_that_works_for_long_is_waited_for(share, monkeypatch):
    """Many files on a slow share: each takes a moment, and all of them far longer than the patience."""
    monkeypatch.setattr("retraind.system.remote.helper.PATIENCE", 0.3)
    for number in range(4_000):
        (share.folder / f"{number}").touch()
    began = time.monotonic()
    for _ in range(50):
        reading.glance(share.point, (), tuple(map(str, range(4_000))))
        if time.monotonic() - began > 0.7:
            break
    assert helper_of(share.point).answered


def test_one_call_glances_at_many_folders_and_shows_those_that_it_can(share, tmp_path):
    for name in ("one", "two"):
        (share.folder / name / "train").mkdir(parents=True)
        (share.folder / name / "train" / "a.csv").write_bytes(b"abc")
    (tmp_path / "near").mkdir()
    (share.folder / "link").symlink_to(tmp_path / "near")
    helper = helper_of(share.point)
    asked = [(share.point / name, ("train",), ("train/a.csv",)) for name in ("one", "gone", "two")]
    files.exists(share.point)
    before = helper.answered
    one, gone, two, near = reading.far_glances([*asked, (tmp_path / "near", (), ())])
    assert helper.answered == before + 1
    assert gone is None
    assert near is None, "whoever wants to know asks the disk itself"
    for name, found in (("one", one), ("two", two)):
        paths = [share.folder / name, share.folder / name / "train", share.folder / name / "train" / "a.csv"]
        assert [each.st_ino for each in found] == [path.stat().st_ino for path in paths]


@pytest.mark.parametrize(("files_", "answers"), [(2, 1), (70, 2)])
def test_of_what_is_in_a_folder_only_files_are_touched_and_few_come_in_one_answer(share, files_, answers):
    """What else is there may be where another file system is mounted, or lead to one."""
    expected = {f"{number}.csv" for number in range(files_)}
    for name in expected:
        (share.folder / name).write_bytes(b"abc")
    (share.folder / "link").symlink_to("0.csv")
    (share.folder / "folder").mkdir()
    with files.held(share.point) as place:
        before = helper_of(share.point).answered
        share.tell(*(Rule(("getattr", "readlink"), f"/{name}", answer="hang") for name in ("link", "folder")))
        with reading.listed(place, wanted=expected.__contains__) as (_, entries):
            seen = {entry.name: entry for entry in entries}
        assert share.struck() == []
        assert helper_of(share.point).answered == before + answers
        assert set(seen) == expected | {"link", "folder"}
        assert {seen[name].stat(follow_symlinks=False).st_size for name in expected} == {3}


def test_a_share_that_hangs_shows_nothing_at_a_glance(share):
    files.exists(share.point)
    share.tell(HANGS)
    assert reading.far_glances([(share.point, (), ())] * 2) == [None, None]


def test_in_a_hurry_nobody_waits_long(share, monkeypatch):
    monkeypatch.setattr("retraind.system.remote.helper.PATIENCE", 60.0)
    files.exists(share.point)
    share.tell(HANGS)
    HELPERS.hurry()
    began = time.monotonic()
    with pytest.raises(NoAnswer):
        files.exists(share.point / "x")
    assert time.monotonic() - began < 10


def test_what_hangs_keeps_no_other_file_system_waiting(tmp_path, faulty, monkeypatch):
    monkeypatch.setattr("retraind.system.remote.helper.PATIENCE", 60.0)
    first, second = (faulty(tmp_path / f"{n}", tmp_path / f"{n}-seen") for n in ("first", "second"))
    assert helper_of(first.point) is not helper_of(second.point)
    first.tell(HANGS)
    waiter = threading.Thread(target=exists_again, args=(first.point / "x",))
    waiter.start()
    assert files.names_in(second.point) == []
    assert waiter.is_alive()
    HELPERS.hurry()
    waiter.join()


def test_a_helper_that_was_killed_is_replaced(share):
    killed = helper_of(share.point)
    files.exists(share.point)
    os.kill(killed.pid, signal.SIGKILL)
    with pytest.raises(NoAnswer):
        files.names_in(share.point)
    until(lambda: exists_again(share.point), "another one is started")
    assert helper_of(share.point) is not killed


def test_one_process_serves_all_mounts_of_a_file_system_and_links_lead_to_it(share, tmp_path):
    (share.folder / "inner").mkdir()
    (tmp_path / "link").symlink_to(share.point / "inner")
    process = helper_of(share.point)
    assert helper_of(tmp_path / "link") is process
    assert where(tmp_path / "link")[1] == share.point / "inner"
    assert (
        file_system_of(tmp_path / "link")[0] == file_system_of(share.point)[0] != file_system_of(tmp_path)[0]
    )
    assert helper_of(tmp_path) is None


def test_which_file_system_a_path_is_on_is_found_out_without_touching_it(share, tmp_path):
    (tmp_path / "link").symlink_to(share.point / "a" / "b")
    share.tell(HANGS)
    assert file_system_of(tmp_path / "link" / "c")[1].point == share.point
    assert TABLE.now().followed(str(tmp_path / "link" / "c")) == (
        f"{share.point}/a/b/c",
        TABLE.now().mount_of(str(share.point)),
    )
    assert share.struck() == []


def test_a_process_that_nobody_asks_is_ended(share, monkeypatch):
    monkeypatch.setattr(helpers, "_TICK", 0.05)
    monkeypatch.setattr(helpers, "IDLE", 0.2)
    HELPERS.end_all()
    with files.held(share.point) as place:
        kept = helper_of(share.point)
        time.sleep(0.6)
        assert files.exists(place), "one that has something open is kept"
    until(lambda: kept.has_ended, "it is ended")
    assert files.exists(share.point), "another one is started"


def test_one_that_somebody_is_about_to_ask_is_not_ended(share):
    files.exists(share.point)
    asked = helper_of(share.point)
    asked.used_at -= 2 * helpers.IDLE
    assert helper_of(share.point) is asked
    assert time.monotonic() - asked.used_at < helpers.IDLE


def test_no_more_processes_are_started_than_allowed(tmp_path, faulty, monkeypatch):
    monkeypatch.setattr(helpers, "MOST", 1)
    first, second = (faulty(tmp_path / f"{n}", tmp_path / f"{n}-seen") for n in ("first", "second"))
    with files.held(first.point), pytest.raises(NoAnswer):
        files.exists(second.point)
    before = helper_of(first.point)
    until(lambda: before.is_idle, "nothing is open")
    assert files.exists(second.point), "the idle one makes room"
    assert before.given_up


def test_the_other_process_has_nothing_of_this_one(share, tmp_path, monkeypatch):
    monkeypatch.setenv("RETRAIND_SECRET", "s3cret")
    lock = os.open(tmp_path / "lock", os.O_RDWR | os.O_CREAT)
    os.set_inheritable(lock, True)
    try:
        files.exists(share.point)
        pid = helper_of(share.point).pid
        assert not [name for name in handles_of(pid) if "lock" in name]
        assert b"s3cret" not in Path(f"/proc/{pid}/environ").read_bytes()
    finally:
        os.close(lock)


def test_it_ends_with_the_process_that_started_it(share):
    files.exists(share.point)
    process = helper_of(share.point)
    process._control.plain.shutdown(2)
    until(lambda: process.has_ended, "it has ended")


def test_a_delivery_is_taken_in_by_one_request_in_the_order_that_survives_a_power_loss(share):
    seen = []
    for name in ("train_1.csv", "eval/1.csv"):
        path = share.folder / name
        path.parent.mkdir(exist_ok=True)
        path.write_bytes(b"a,b\n1,2\n")
        status = path.stat()
        seen.append((name, status.st_size, status.st_mtime_ns, status.st_ino))
    (share.folder / "work").mkdir()
    with files.held(share.point) as drop, files.held(drop, "work") as work:
        share.tell(Rule(("fsync", "fsyncdir", "mkdir", "rename"), answer="note"))
        before = helper_of(share.point).answered
        assert moving.take_in(drop, work, "job", tuple(seen), note="job.json", content=b"{}")
        assert helper_of(share.point).answered == before + 1
        assert moving.are_as_seen(work / "job", tuple(seen))
        assert moving.take_in(drop, work, "job", tuple(seen), note="job.json", content=b"{}"), (
            "it can be repeated"
        )
    assert (share.folder / "work" / "job" / "job.json").read_bytes() == b"{}"
    calls = [line.split(" ", 1)[1] for line in share.struck()]
    moved = calls.index("rename /train_1.csv")
    assert {
        "fsync /train_1.csv", "fsync /eval/1.csv", "fsyncdir /work", "fsync /work/job/.job.json.tmp",
    } <= set(calls[:moved])  # fmt: skip
    ended = calls.index("fsyncdir /eval")
    assert calls[moved : ended + 1] == [
        "rename /train_1.csv", "mkdir /work/job/eval", "fsyncdir /work/job", "rename /eval/1.csv",
        "fsyncdir /work/job", "fsyncdir /work/job/eval", "fsyncdir /", "fsyncdir /eval",
    ]  # fmt: skip


def test_what_is_asked_of_a_folder_first_is_answered_with_its_pinning_and_counts_once(share):
    (share.folder / "x").write_bytes(b"1")
    first = (ahead(reading.read_start, "x", size=5), ahead(files.status, "none"), reading.listed_ahead())
    with files.held(share.point, ahead=first) as place:
        helper = helper_of(share.point)
        before = helper.answered
        (share.folder / "x").write_bytes(b"2")
        assert reading.read_start(place / "x", 5) == b"1"
        with pytest.raises(FileNotFoundError):
            files.status(place / "none")
        with reading.listed(place) as (_, entries):
            assert [entry.name for entry in entries] == ["x"]
        assert helper.answered == before
        assert reading.read_start(place / "x", 5) == b"2"
        assert helper.answered == before + 1
    with files.held(share.point, ahead=first) as place:
        assert reading.read_start(place / "x", 1) == b"2", "another question"
    assert not helper._early


def test_a_folder_that_hangs_behind_its_marker_is_not_waited_for_as_long_as_bytes_are(share, tmp_path):
    shares = Shares(tmp_path / "memory")
    with shares.drop("churn", share.point, ahead=ASKS_FIRST):
        pass
    share.tell(Rule(("opendir",), answer="hang"))
    with pytest.raises(NoAnswer), shares.drop("churn", share.point, ahead=ASKS_FIRST):
        pass
    waited = helper_of_last().waited
    share.tell()
    assert helper.PATIENCE <= waited < 2 * helper.PATIENCE


def test_a_folder_with_another_mount_in_it_is_asked_nothing_when_it_is_pinned(share, faulty):
    """What is mounted there may hang, and has a process of its own."""
    (share.folder / "inner").mkdir()
    inner = faulty(share.folder.with_name("other"), share.point / "inner")
    inner.tell(HANGS)
    with files.held(share.point, ahead=(ahead(files.status, "inner"),)):
        assert not helper_of(share.point)._early
    assert inner.struck() == []


@pytest.mark.parametrize("answer", ["EIO", "hang"])
@pytest.mark.parametrize("call", ["read", "readdir"])
def test_what_fails_of_that_fails_where_it_is_asked(share, call, answer):
    (share.folder / "x").write_bytes(b"1")
    share.tell(Rule((call,), answer=answer))

    def ask():
        first = (ahead(reading.read_start, "x", size=5), reading.listed_ahead())
        with files.held(share.point, ahead=first) as place:
            files.kind_of(place / "x")
            reading.read_start(place / "x", 5)
            with reading.listed(place):
                pass

    with pytest.raises(OSError, match="timed out" if answer == "hang" else "Input/output error"):
        ask()


def test_a_scan_is_one_request(share, tmp_path):
    drop = share.point / "churn"
    (share.folder / "churn" / ".retraind").mkdir(parents=True)
    shares = Shares(tmp_path / "memory")
    model = ModelSettings.model_validate({"drop": drop, "api_key": "k"})
    hold = partial(shares.drop, "churn", drop, ahead=ASKS_FIRST)
    folder = DropFolder(model, (), Clock(), None, lambda: None, hold=hold)
    assert folder.look().trouble is None
    (share.folder / "churn" / "train_1.csv").write_bytes(b"a")
    before = helper_of(share.point).answered
    (waiting,) = folder.look().waiting
    assert waiting.key == "1"
    assert helper_of(share.point).answered == before + 1
