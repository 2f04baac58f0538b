"""Disks that are full, read-only, forbidden or broken: said in words, waited for, and nothing lost."""

import errno
import itertools
import os
import shutil
import socket
import tempfile
import zipfile
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from retraind.api.object_store import ObjectStore
from retraind.config.load import load
from retraind.config.settings import ApiSettings, ModelSettings, SweepSettings
from retraind.daemon import Daemon
from retraind.domain.failures import JournalError
from retraind.domain.job import Outcome, State
from retraind.intake.drop_folder import DropFolder
from retraind.report.monitoring.health import health_of
from retraind.report.status_file import STATUS, write_status
from retraind.report.wording import Voice
from retraind.store.journal import Journal
from retraind.system.files import held
from support.clock import ManualClock
from support.lanes import by_hand, scan
from support.peers import Peer, answer
from support.process import somebody
from support.words import told
from support.world import a_site, a_world, table


def fill(folder):
    """Leave no byte free in the file system of `folder`; deleting the file that is returned ends that."""
    filler = folder / ".filler"
    with filler.open("wb", buffering=0) as file:
        for piece in (1 << 16, 1 << 10, 1):
            try:
                while True:
                    file.write(b"x" * piece)
            except OSError as error:
                if error.errno not in {errno.ENOSPC, errno.EDQUOT}:
                    raise
    return filler


def use_up_names(folder):
    """Make files until the file system has no inode left; returns them."""
    made = []
    for number in itertools.count():
        try:
            (folder / f"filler-{number}").touch()
        except OSError as error:
            if error.errno != errno.ENOSPC:
                raise
            return made
        made.append(folder / f"filler-{number}")
    raise AssertionError("numbers do not end")


def stuck(world, job, state, words):
    """The job stays where it is and says why."""
    for attempt in (1, 2):
        job = world.step(job)
        assert (job.state, job.wait.attempts) == (state, attempt)
    assert words in told(job.wait.trouble)
    return job


def test_a_full_spool_disk_is_waited_for(tmp_path, memory):
    memory(tmp_path / "state" / "spool", 64)
    with a_world(tmp_path) as world:
        job = world.run(world.sealing(), until=State.SEALED)
        filler = fill(tmp_path / "state" / "spool")
        job = stuck(world, job, State.SEALED, "No space left on device. Free some space there.")
        filler.unlink()
        assert world.run(job).outcome is Outcome.TRAINED


@pytest.mark.parametrize("state", [State.SEALED, State.CHECKED])
def test_a_bundle_never_takes_the_space_that_is_kept_free_for_the_journal(tmp_path, memory, state):
    """Both are on one disk by default."""
    memory(tmp_path / "state", 40 << 10)
    with a_world(tmp_path) as world:
        noise = [os.urandom(400).hex().encode() for _ in range(12_000)]
        train = table() + b"".join(b"30,%s,%d\n" % (value, n % 2) for n, value in enumerate(noise))
        job = world.run(world.sealing(train=train), until=state)
        world.settings = world.pipeline.configure(
            world.settings.model_copy(
                update={"state": world.settings.state.model_copy(update={"keep_free": 37 << 20})}
            )
        )
        for made in (tmp_path / "state" / "spool").glob("*"):
            made.unlink()
        job = stuck(world, job, state, "are kept free for the journal")
        assert shutil.disk_usage(tmp_path / "state").free > 36 << 20
        assert list((tmp_path / "state" / "spool").iterdir()) == [], "what was begun is removed"
        world.pipeline.configure(
            world.settings.model_copy(
                update={"state": world.settings.state.model_copy(update={"keep_free": 1 << 20})}
            )
        )
        assert world.run(job).outcome is Outcome.TRAINED


@pytest.mark.parametrize("state", [State.SEALING, State.UPLOADED, State.FILING])
@pytest.mark.quick
def test_a_full_share_is_waited_for(tmp_path, memory, state):
    memory(tmp_path / "share", 512)
    with a_world(tmp_path) as world:
        job = world.run(world.sealing(), until=state)
        world.wait_for_trainings()
        filler = fill(tmp_path / "share")
        job = stuck(world, job, state, "No space left on device. Free some space there.")
        filler.unlink()
        job = world.run(job)
        assert job.outcome is Outcome.TRAINED
        assert (world.folder(job) / "train_2026-11.csv").read_bytes() == table()


@pytest.mark.parametrize("state", [State.SEALING, State.UPLOADED, State.FILING])
def test_a_share_whose_quota_is_used_up_is_waited_for(tmp_path, quota, state):
    limit = quota(tmp_path / "disk" / "quota", 2 << 20)
    (tmp_path / "share").symlink_to(limit.folder)
    with a_world(tmp_path) as world:
        job = world.run(world.sealing(), until=state)
        world.wait_for_trainings()
        fill(limit.folder)
        job = stuck(world, job, state, "Disk quota exceeded. Free some space there, or raise the quota.")
        limit.allow("none")
        job = world.run(job)
        assert job.outcome is Outcome.TRAINED
        assert (world.folder(job) / "train_2026-11.csv").read_bytes() == table()


@pytest.mark.quick
def test_results_for_which_there_is_no_room_are_not_begun(tmp_path, memory):
    """The share is other people's too."""
    memory(tmp_path / "share", 512)

    def play(visit):
        visit.connection.sendall(answer(200, b"x" * (1 << 20))[: 256 << 10])  # what would still fit
        visit.connection.recv(1)

    peer = Peer([play])
    try:
        store = ObjectStore(ApiSettings(base_url=peer.url, timeout=5, connect_timeout=5))
        with pytest.raises(OSError, match="No space left") as refused:
            store.get(peer.url, tmp_path / "share" / "results.zip", lambda: None)
    finally:
        peer.stop()
    assert refused.value.errno == errno.ENOSPC
    assert list((tmp_path / "share").iterdir()) == []


@pytest.mark.parametrize("state", [State.SEALING, State.FILING])
def test_a_share_that_can_hold_no_more_names_is_waited_for(tmp_path, mount, state):
    """Bytes are free, inodes are not."""
    mount(tmp_path / "share", "-t", "tmpfs", "-o", "size=4m,nr_inodes=40", "retraind-tests")
    with a_world(tmp_path) as world:
        job = world.run(world.sealing(), until=state)
        fillers = use_up_names(tmp_path / "share")
        job = stuck(world, job, state, "No space left on device. Free some space there.")
        for filler in fillers:
            filler.unlink()
        assert world.run(job).outcome is Outcome.TRAINED


def test_a_full_archive_is_waited_for_and_keeps_the_original(tmp_path, memory):
    done = tmp_path / "elsewhere"
    memory(done, 64)
    with a_world(tmp_path, done=done) as world:
        job = world.run(world.sealing(), until=State.FILING)
        original = world.folder(job)
        filler = fill(done)
        job = stuck(world, job, State.FILING, "No space left on device. Free some space there.")
        assert (original / "train_2026-11.csv").read_bytes() == table()
        filler.unlink()
        job = world.run(job)
        assert job.outcome is Outcome.TRAINED
        assert not original.exists()
        assert (done / job.id / "train_2026-11.csv").read_bytes() == table()


def test_a_copy_for_which_an_archive_has_no_room_is_not_begun(tmp_path, memory):
    """Others use the disk as well: it is left as it is, however often it is tried."""
    done = tmp_path / "elsewhere"
    memory(done, 1 << 10)
    with a_world(tmp_path, done=done) as world:
        job = world.run(world.sealing(train=table(40) + b"30,a,1\n" * 200_000), until=State.FILING)
        before = shutil.disk_usage(done).free
        least = before
        plain = os.fsync

        def fsync(handle):
            nonlocal least
            plain(handle)
            least = min(least, shutil.disk_usage(done).free)

        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(os, "fsync", fsync)
            job = stuck(world, job, State.FILING, "No space left on device. Free some space there.")
        assert least > before - (64 << 10)
        assert [path.name for path in done.iterdir()] in ([], [".retraind-id"])


def test_a_copy_keeps_free_on_an_archive_what_is_to_be_kept_free(tmp_path, memory):
    done = tmp_path / "elsewhere"
    memory(done, 4 << 10)
    with a_world(tmp_path, done=done) as world:
        job = world.run(world.sealing(), until=State.FILING)
        state = world.settings.state
        world.pipeline.configure(
            world.settings.model_copy(update={"state": state.model_copy(update={"keep_free": 8 << 20})})
        )
        job = stuck(world, job, State.FILING, "No space left on device. Free some space there.")
        world.pipeline.configure(world.settings)
        assert world.run(job).outcome is Outcome.TRAINED


def test_a_copy_that_an_error_ends_leaves_no_part(tmp_path, memory, monkeypatch):
    done = tmp_path / "elsewhere"
    memory(done, 4 << 10)
    with a_world(tmp_path, done=done) as world:
        job = world.run(world.sealing(), until=State.FILING)

        def refuse(*_, **__):
            raise OSError(errno.EIO, os.strerror(errno.EIO))

        with monkeypatch.context() as patch:
            patch.setattr("retraind.system.writing.finish_here", refuse)
            job = world.step(job)
        assert job.state is State.FILING
        assert [path.name for path in done.iterdir()] == [".retraind-id"]
        assert world.run(job).outcome is Outcome.TRAINED


@pytest.mark.parametrize("state", [State.SEALING, State.UPLOADED, State.FILING])
def test_a_share_that_turned_read_only_is_waited_for(tmp_path, memory, state):
    share = memory(tmp_path / "share", 512)
    with a_world(tmp_path) as world:
        job = world.run(world.sealing(), until=state)
        world.wait_for_trainings()
        share.change("ro")
        job = stuck(
            world, job, state, "Read-only file system. The file system is read-only; mount it writable."
        )
        share.change("rw")
        assert world.run(job).outcome is Outcome.TRAINED


@pytest.fixture
def open_folder():
    """A folder that everybody can get to; pytest's own are private."""
    with tempfile.TemporaryDirectory() as folder:
        Path(folder).chmod(0o755)
        yield Path(folder)


@pytest.mark.quick
def test_a_file_that_may_not_be_read_is_told_and_not_taken_until_it_may_be(open_folder):
    drop = open_folder
    clock = ManualClock()
    model = ModelSettings.model_validate({"drop": drop, "api_key": "k", "settle": 1})
    folder = DropFolder(model, SweepSettings().ignore, clock, None, lambda: None)
    for name in ("train_1.csv", "eval_1.csv"):
        (drop / name).write_bytes(b"a,b\n")
    (drop / "eval_1.csv").chmod(0o200)
    with somebody():
        folder.look()
        clock.pass_time(timedelta(seconds=1))
        view = folder.look()
        assert not view.complete
        assert told(view.waiting[0].reasons) == (
            "eval_1.csv cannot be read by retraind's user nobody: Permission denied. It belongs to root. Its "
            "mode is 200. Run: chmod g+r eval_1.csv. For later files, use umask 027 in the program that writes them."
        )
    (drop / "eval_1.csv").chmod(0o644)
    with somebody():
        assert folder.look().complete


# Notes and names


@pytest.mark.parametrize("there", [b"", b"\xef\xbb\xbfThis fol", b"x" * 100_000])
@pytest.mark.quick
def test_a_half_written_status_is_written_anew(tmp_path, there):
    (tmp_path / STATUS).write_bytes(there)
    (tmp_path / f".{STATUS}.tmp").write_bytes(there)
    now = datetime.now(UTC)
    assert write_status(tmp_path, "All is well.\n", now, Voice())
    assert not write_status(tmp_path, "All is well.\n", now, Voice())
    assert [path.name for path in tmp_path.iterdir()] == [STATUS]


def plant_file(path):
    path.write_text("somebody's")


def plant_folder(path):
    path.mkdir()
    (path / "train_2026-11.csv").write_text("somebody's")


def plant_link(path):
    path.symlink_to(path.parent.parent)


@pytest.mark.parametrize("plant", [plant_file, plant_folder, plant_link])
@pytest.mark.parametrize("across", [False, True], ids=["same file system", "another file system"])
def test_a_name_that_is_taken_in_done_is_made_free_and_nothing_is_lost(tmp_path, memory, plant, across):
    done = tmp_path / "elsewhere"
    done.mkdir()
    if across:
        memory(done, 512)
    with a_world(tmp_path, done=done) as world:
        job = world.run(world.sealing(), until=State.FILING)
        plant(done / job.id)
        job = world.run(job)
        assert job.state is State.DONE
        assert not (done / job.id).is_symlink()
        assert (done / job.id / "train_2026-11.csv").read_bytes() == table()
        if plant is not plant_folder or not across:
            (planted,) = done.glob("*.foreign-1")
            if plant is plant_link:
                assert planted.is_symlink()
            else:
                text = planted if plant is plant_file else planted / "train_2026-11.csv"
                assert text.read_text() == "somebody's"


def test_foreign_things_among_the_job_folders_are_left_alone_and_stop_nothing(world):
    work = world.share / ".retraind"
    work.mkdir()
    (work / "notes.txt").write_text("mine")
    (work / "2026-01-01T000000Z_1_abcdef").mkdir()
    job = world.run(world.sealing(), until=State.CHECKED)
    (work / job.id / "more").mkdir()
    (work / job.id / "more" / "notes.txt").write_text("mine")
    (work / job.id / "link").symlink_to("/etc")
    job = world.run(job)
    assert job.outcome is Outcome.TRAINED
    assert (world.folder(job) / "more" / "notes.txt").read_text() == "mine"
    assert sorted(path.name for path in work.iterdir()) == ["2026-01-01T000000Z_1_abcdef", "notes.txt"]


def test_what_has_no_bytes_of_its_own_does_not_stop_a_copy_to_another_file_system(tmp_path, memory):
    done = tmp_path / "elsewhere"
    memory(done, 512)
    with a_world(tmp_path, done=done) as world:
        job = world.run(world.sealing(), until=State.FILING)
        folder = world.folder(job)
        (folder / "link").symlink_to("/etc/passwd")
        os.mkfifo(folder / "fifo")
        with held(folder) as path, socket.socket(socket.AF_UNIX) as server:
            server.bind(str(path / "socket"))
        job = world.run(job)
        assert job.state is State.DONE
        assert not os.path.lexists(done / job.id / "link")
        assert (done / job.id / "train_2026-11.csv").read_bytes() == table()


@pytest.mark.parametrize("mode", ["pair", "train-only"])
@pytest.mark.parametrize("state", [State.CHECKED, State.REGISTERED])
def test_files_replaced_while_they_are_in_work_are_never_sent_in_their_place(tmp_path, state, mode):
    with a_world(tmp_path, mode=mode) as world:
        job = world.run(world.sealing(evaluation=b"" if mode == "pair" else None), until=state)
        path = world.folder(job) / "train_2026-11.csv"
        newer = path.with_name("newer")
        newer.write_bytes(table(40, 9))
        newer.replace(path)
        job = world.run(job)
        for upload in (tmp_path / "service" / "objects").glob("*/upload-*"):
            with zipfile.ZipFile(upload) as bundle:
                assert bundle.read("train_src/train_2026-11.csv") == table()
        if job.state is State.RETURNED:
            assert (world.share / "train_2026-11.csv").read_bytes() == table(40, 9)
        else:
            assert (mode, state) == ("pair", State.REGISTERED), "only a bundle that was made before is sent"


# The journal


def configured(tmp_path):
    return load(a_site(tmp_path))


@pytest.mark.quick
def test_a_full_journal_disk_takes_nothing_in_and_goes_on_once_there_is_space(tmp_path, memory, monkeypatch):
    memory(tmp_path / "state", 512)
    settings, config = configured(tmp_path)
    lines = []
    monkeypatch.setattr(
        "retraind.reconcile.lanes._LOG.error", lambda event, **more: lines.append((event, more))
    )
    with Daemon(settings, config) as daemon:
        daemon.folders.allow_writing()
        daemon.begin()
        daemon.loop.scan(daemon.folders.get("churn"))
        for name in ("train_1.csv", "eval_1.csv"):
            (tmp_path / "drop" / name).write_bytes(table())
        filler = fill(tmp_path / "state")
        daemon.loop.start()
        daemon._schedule()
        daemon.timetable.start()
        wait_for(lambda: len(lines) > 1)
        assert unwell(daemon) == "daemon_cannot_write"
        assert not daemon.journal.database.try_to_write(), "the heartbeat would report a failure"
        assert {event for event, _ in lines} == {"journal_unusable"}
        assert "full. Free space" in told(lines[0][1]["reason"])
        assert sorted(path.name for path in (tmp_path / "drop").glob("*.csv")) == [
            "eval_1.csv",
            "train_1.csv",
        ]
        filler.unlink()
        wait_for(
            lambda: (
                daemon.journal.jobs.newest() and daemon.journal.jobs.newest()[0].state is not State.SEALING
            )
        )
        assert daemon.journal.database.try_to_write()
    assert not list((tmp_path / "drop").glob("*.csv"))


def unwell(daemon):
    """Return what `health` would say."""
    daemon.parts.journal_watch.mind()
    wrong = health_of(os.getpid(), daemon.view.state(), datetime.now(UTC)).wrong
    return wrong and wrong.code


def wait_for(condition, patience=20.0):
    import time  # noqa: PLC0415 - real threads work here

    deadline = time.monotonic() + patience
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.02)


@pytest.mark.parametrize("when", ["the first start", "a later start"])
def test_a_start_on_a_full_disk_ends_with_a_sentence(tmp_path, memory, when):
    memory(tmp_path / "state", 512)
    settings, config = configured(tmp_path)
    if when == "a later start":
        Journal.open(settings.state.journal_file).close()
    filler = fill(tmp_path / "state")
    with pytest.raises(JournalError) as ended, Daemon(settings, config) as daemon:
        daemon.run(once=True)
    assert told(ended.value.problem).endswith("No space left on device. Free some space there.")
    filler.unlink()
    with Daemon(settings, config) as daemon:
        assert daemon.run(once=True) == 0


@pytest.mark.quick
def test_a_state_folder_that_may_not_be_written_is_said_at_the_start(tmp_path, memory):
    state = memory(tmp_path / "state", 512)
    settings, config = configured(tmp_path)
    state.change("ro")
    with pytest.raises(JournalError) as ended, Daemon(settings, config):
        pass
    assert "read-only" in told(ended.value.problem)


def test_the_daemon_leaves_a_bare_mount_point_alone_and_goes_on_when_the_share_is_back(tmp_path, mount):
    _, config = configured(tmp_path)
    drop, disk = tmp_path / "drop", tmp_path / "disk"
    disk.mkdir()
    share = mount(drop, "--bind", disk)
    with by_hand(config) as daemon:
        scan(daemon, "churn")
        assert (disk / STATUS).exists()
        share.off()
        scan(daemon, "churn")
        daemon.publisher.publish(daemon.folders.all())
        assert list(drop.iterdir()) == []
        assert daemon.folders.get("churn").view.away
        share.on()
        for name in ("train_1.csv", "eval_1.csv"):
            (drop / name).write_bytes(table())
        scan(daemon, "churn")
        assert [job.key for job in daemon.journal.jobs.newest()] == ["1"]
    shutil.rmtree(disk)
    assert isinstance(config, Path)
