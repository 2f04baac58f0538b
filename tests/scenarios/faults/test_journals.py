"""Journals that are locked, damaged, deleted or not ours: told in words, and nothing is lost or trained
twice."""

import json
import os
import shutil
import sqlite3
import threading
from contextlib import closing, contextmanager

import pytest
from sqlalchemy.exc import OperationalError

from retraind.cli import main
from retraind.config.load import load
from retraind.daemon import Daemon
from retraind.domain.failures import JournalDamagedError, JournalError
from retraind.domain.job import Outcome, State
from retraind.domain.problems import problem
from retraind.store.copies.recovery import rebuild
from retraind.store.copies.sidecar import JobFiles
from retraind.store.database import reason_of
from retraind.store.journal import Journal
from support.words import legacy, told
from support.world import a_site, a_world, table

pytestmark = pytest.mark.quick


@contextmanager
def locked(file, how="IMMEDIATE"):
    """Have another program hold the journal, as an operator's sqlite3 shell with an open transaction does."""
    other = sqlite3.connect(file, isolation_level=None)
    try:
        other.execute(f"BEGIN {how}")
        yield
    finally:
        other.close()


@pytest.fixture
def impatient(monkeypatch):
    """Wait for locks for a moment only."""
    monkeypatch.setattr("retraind.store.database._LOCK_PATIENCE", 0.05)


@pytest.fixture
def site(tmp_path):
    """A configuration of one model, with its drop folder and nobody who answers."""
    return a_site(tmp_path)


def journal_of(config):
    return config.parent / "state" / "journal.db"


def logged(monkeypatch):
    """Collect what the daemon logs as errors."""
    lines = []
    for module in ("daemon", "reconcile.lanes", "store.opening"):
        monkeypatch.setattr(
            f"retraind.{module}._LOG.error", lambda event, **more: lines.append((event, more))
        )
    return lines


# Locked


def test_a_journal_that_another_program_only_writes_to_is_opened_all_the_same(tmp_path, impatient):
    Journal.open(tmp_path / "journal.db").close()
    with locked(tmp_path / "journal.db"):
        journal = Journal.open(tmp_path / "journal.db")
        assert journal.jobs.active() == []
        journal.close()


@pytest.mark.parametrize("when", ["before the upload", "during the upload"])
def test_a_lock_that_lasts_delays_a_job_and_uploads_nothing_twice(tmp_path, impatient, monkeypatch, when):
    with a_world(tmp_path) as world:
        job = world.run(world.sealing(), until=State.REGISTERED)
        file = tmp_path / "state" / "journal.db"
        put = world.pipeline.store.put
        with monkeypatch.context() as patch, locked_later() as lock:
            if when == "before the upload":
                lock(file)
            else:
                patch.setattr(
                    world.pipeline.store, "put", lambda *sent, **more: (put(*sent, **more), lock(file))
                )
            with pytest.raises(Exception, match="database is locked"):
                world.step(job)
        job = world.run(world.journal.jobs.get(job.id))
        assert job.outcome is Outcome.TRAINED
        assert len(world.records("put_received")) == 1
        assert len(world.records("training_started")) == 1


@contextmanager
def locked_later():
    """Yield a function that takes the lock, which is held to the end of the block."""
    held = []

    def lock(file):
        manager = locked(file)
        manager.__enter__()
        held.append(manager)

    try:
        yield lock
    finally:
        for manager in held:
            manager.__exit__(None, None, None)


def test_the_daemon_says_that_the_journal_is_locked_and_goes_on_once_it_is_free(site, impatient, monkeypatch):
    lines = logged(monkeypatch)
    with Daemon(*load(site)) as daemon:
        daemon.folders.allow_writing()
        daemon.begin()
        daemon.loop.scan(daemon.folders.get("churn"))
        for name in ("train_1.csv", "eval_1.csv"):
            (site.parent / "drop" / name).write_bytes(table())
        with locked(journal_of(site)):
            daemon.loop.start()
            daemon._schedule()
            daemon.timetable.start()
            wait_for(lambda: len(lines) > 1)
            assert {event for event, _ in lines} == {"journal_unusable"}
            assert lines[0][1]["reason"] == problem("journal_locked", reason="database is locked")
            assert len(list((site.parent / "drop").glob("*.csv"))) == 2
        wait_for(
            lambda: (
                daemon.journal.jobs.newest() and daemon.journal.jobs.newest()[0].state is not State.SEALING
            )
        )


def wait_for(condition, patience=20.0):
    tick = threading.Event()
    for _ in range(int(patience / 0.02)):
        if condition():
            return
        tick.wait(0.02)
    raise AssertionError("it never came true")


def test_commands_say_that_the_journal_is_locked(site, impatient, capsys):
    with Daemon(*load(site)) as daemon:
        daemon.journal.holds.hold("churn", a_problem(), credential=False)
    with locked(journal_of(site)):
        assert main(["release", "churn", "-c", str(site)]) == 1
    assert "locked" in capsys.readouterr().err


def a_problem():
    return legacy("x", "y")


def test_a_rebuild_does_not_set_a_good_journal_aside_because_it_is_locked(site, impatient, capsys):
    Journal.open(journal_of(site)).close()
    with sqlite3.connect(journal_of(site)) as old:
        old.execute("PRAGMA journal_mode = DELETE")
    with locked(journal_of(site), "EXCLUSIVE"):
        assert main(["rebuild", "-c", str(site)]) == 1
    assert "Another program has locked it" in capsys.readouterr().err
    assert not list(journal_of(site).parent.glob("*.bad-*"))


# Not ours, or not for us


@pytest.mark.parametrize("command", ["run", "rebuild", "status"])
def test_a_journal_from_a_newer_version_is_refused_by_every_command_and_left_as_it_is(site, capsys, command):
    Journal.open(journal_of(site)).close()
    with sqlite3.connect(journal_of(site)) as connection:
        connection.execute("UPDATE alembic_version SET version_num = '9999'")
    connection.close()
    before = journal_of(site).read_bytes()
    assert main([command, "-c", str(site)]) == 1
    assert "newer retraind (schema 9999). Install that version again" in capsys.readouterr().err
    assert journal_of(site).read_bytes() == before


@pytest.mark.parametrize("table_name", ["customers", "alembic_version"])
def test_another_programs_database_is_refused_and_left_as_it_is(site, table_name):
    journal_of(site).parent.mkdir()
    with sqlite3.connect(journal_of(site)) as connection:
        connection.execute(f"CREATE TABLE {table_name} (version_num TEXT)")
        connection.execute(f"INSERT INTO {table_name} VALUES ('0001')")
    connection.close()
    before = journal_of(site).read_bytes()
    with pytest.raises(JournalError, match="journal_of_another_program") as refused:
        Journal.open(journal_of(site))
    assert not isinstance(refused.value, JournalDamagedError), "it must not be set aside"
    assert journal_of(site).read_bytes() == before


# Damaged


def overwrite(file, at, length=4096):
    with file.open("r+b") as opened:
        opened.seek(at)
        opened.write(os.urandom(length))


def truncate(file):
    os.truncate(file, file.stat().st_size // 2 + 100)


DAMAGES = {
    "the header": lambda file: overwrite(file, 0, 100),
    "the schema": lambda file: overwrite(file, 100, 3900),
    "everything": lambda file: file.write_bytes(b"\0garbage" * 1000),
    "the middle": lambda file: overwrite(file, 4096, file.stat().st_size - 4096),
    "cut off": truncate,
}


@pytest.fixture
def history(tmp_path):
    """A world with one job that is done and one whose training runs."""
    with a_world(tmp_path) as world:
        done = world.run(world.sealing())
        running = world.run(world.sealing(key="2", train=table(offset=2)), until=State.UPLOADED)
        world.journal.close()
        yield world, done, running


def daemon_for(world):
    return Daemon(world.settings, world.root / "config.toml", world.clock)


def settle(world):
    """Start the daemon until one start ends well; returns how many starts it took."""
    for starts in range(1, 5):
        try:
            with daemon_for(world) as daemon:
                rebuild(
                    world.settings,
                    daemon.journal,
                    JobFiles.beside(world.settings.state.journal_file),
                    believe=False,
                )
                daemon.journal.database.examine()
                if daemon.journal.database.damage is None:
                    return starts
        except JournalError:
            continue
    raise AssertionError("it never starts again")


@pytest.mark.parametrize("damage", DAMAGES.values(), ids=DAMAGES)
@pytest.mark.system
def test_a_damaged_journal_is_set_aside_and_made_anew_without_a_person(history, damage):
    world, done, running = history
    file = world.root / "state" / "journal.db"
    damage(file)
    spoilt = file.read_bytes()
    assert settle(world) <= 2
    (aside,) = file.parent.glob("journal.db.bad-?")
    assert aside.read_bytes()[4096:] == spoilt[4096:], "nothing is deleted"
    world.journal = Journal.open(file, world.clock)
    world.configure()
    assert world.journal.jobs.get(done.id).outcome is Outcome.TRAINED
    assert world.run(world.journal.jobs.get(running.id)).outcome is Outcome.TRAINED
    assert len(world.records("training_started")) == 2


def test_garbage_in_the_write_ahead_log_is_passed_over(history):
    world, done, running = history
    file = world.root / "state" / "journal.db"
    file.with_name("journal.db-wal").write_bytes(os.urandom(100_000))
    assert settle(world) == 1
    assert not list(file.parent.glob("*.bad-*"))
    world.journal = Journal.open(file, world.clock)
    assert world.journal.jobs.get(done.id).state is State.DONE
    assert world.journal.jobs.get(running.id).state is State.UPLOADED


def test_a_file_that_may_be_somebody_elses_is_not_set_aside(site, capsys):
    """Without the key beside it nothing tells that a journal was ever here: state.url may be mistyped."""
    journal_of(site).parent.mkdir()
    journal_of(site).write_bytes(b"my holiday pictures" * 1000)
    assert main(["run", "--once", "-c", str(site)]) == 1
    assert "If it is retraind's own journal, run: retraind rebuild" in capsys.readouterr().err
    assert journal_of(site).read_bytes() == b"my holiday pictures" * 1000


def test_damage_that_shows_only_while_the_daemon_runs_ends_it_for_a_new_start(site, monkeypatch):
    lines = logged(monkeypatch)
    with closing(Journal.open(journal_of(site))) as journal:
        for number in range(400):
            journal.events.note("key_warning", reason=f"{number} " + 400 * "x")
    overwrite(journal_of(site), journal_of(site).stat().st_size // 2, 20_000)
    with Daemon(*load(site)) as daemon:
        daemon._wait = lambda _patience: True
        assert daemon.run() == 1, "so systemd starts it again"
    assert [event for event, _ in lines] == ["journal_lost", "journal_damaged"]
    assert journal_of(site).with_name("journal.db.bad-1").exists()
    assert not journal_of(site).exists()


def test_commands_say_that_the_journal_is_damaged(site, capsys):
    Journal.open(journal_of(site)).close()
    overwrite(journal_of(site), 8192, journal_of(site).stat().st_size - 8192)
    assert main(["status", "-c", str(site)]) == 1
    assert "retraind rebuild" in capsys.readouterr().err


# Deleted or replaced while the daemon runs


def lose(file):
    for path in file.parent.glob("journal.db*"):
        path.unlink()


LOSSES = {
    "the file": lambda file: file.unlink(),
    "the file and its companions": lose,
    "the whole folder": lambda file: shutil.rmtree(file.parent),
}


def started(world):
    """Return a daemon whose clock goes on by itself."""
    return Daemon(world.settings, world.root / "config.toml")


def run_to_its_end(daemon):
    """Run the daemon, which nobody stops; returns its exit code."""
    daemon._wait = lambda _patience: True
    return daemon.run()


@pytest.mark.parametrize("loss", ["the file", "the file and its companions"])
@pytest.mark.system
def test_a_journal_deleted_under_the_daemon_is_made_anew_by_the_next_start(tmp_path, monkeypatch, loss):
    with a_world(tmp_path, settle=0) as world:
        done = world.run(world.sealing())
        at_work = world.run(world.sealing(key="2", train=table(offset=2)), until=State.UPLOADED)
        world.journal.close()
        file = world.settings.state.journal_file
        lines = logged(monkeypatch)
        with started(world) as daemon:
            LOSSES[loss](file)
            assert run_to_its_end(daemon) == 1, "so systemd starts it again"
            assert "journal_lost" in {event for event, _ in lines}
            assert all(more["reason"] == problem("journal_gone") for _, more in lines)
        assert not file.exists(), "nothing is put back that somebody deleted"
        # What it could be trained with twice is delivered again while nothing is known of it.
        world.drop("train_2026-11.csv", table())
        world.drop("eval_2026-11.csv", table(20))
        with started(world) as daemon:
            assert daemon.run(once=True) == 0
        with closing(Journal.open(file)) as journal:
            assert journal.jobs.get(done.id).outcome is Outcome.TRAINED
            assert journal.jobs.get(at_work.id).outcome is Outcome.TRAINED
            assert {job.outcome for job in journal.jobs.newest()} == {Outcome.TRAINED, Outcome.DUPLICATE}
        assert len(world.records("training_started")) == 2


def test_what_is_in_work_waits_for_a_person_if_the_state_folder_is_deleted_under_the_daemon(tmp_path, capsys):
    """The key that the copies of the jobs are signed with was in it: they might be forged."""
    with a_world(tmp_path) as world:
        config = tmp_path / "config.toml"
        config.write_text(
            f'[api]\nbase_url = "{world.emulator.url}"\n[state]\nurl = "{world.settings.state.url}"\n'
            f'[models.churn]\ndrop = "{world.share}"\napi_key_file = "{world.key_file}"\n'
        )
        job = world.run(world.sealing(), until=State.UPLOADED)
        world.journal.close()
        with started(world) as daemon:
            LOSSES["the whole folder"](world.settings.state.journal_file)
            assert run_to_its_end(daemon) == 1
        with started(world) as daemon:
            daemon.run(once=True)
        capsys.readouterr()
        main(["status", "--json", "-c", str(config)])
        (model,) = json.loads(capsys.readouterr().out)["models"]
        unknown = told(problem("job_folder_unknown", folder=job.id))
        assert f"{unknown} -c {config}" in model["sentences"]
        assert len(world.records("put_received")) == 1
        assert main(["rebuild", "-c", str(config)]) == 0
        assert f"{job.id} (uploaded)" in capsys.readouterr().out
        with started(world) as daemon:
            daemon.run(once=True)
            assert daemon.journal.jobs.get(job.id).outcome is Outcome.TRAINED
        assert len(world.records("put_received")) == len(world.records("training_started")) == 1


def test_no_new_journal_is_begun_beside_the_deleted_one(site):
    """A connection that is opened later would make an empty one."""
    with Daemon(*load(site)) as daemon:
        daemon.journal.database.engine.dispose()
        lose(journal_of(site))
        with pytest.raises(OperationalError) as failed:
            daemon.journal.jobs.active()
        assert reason_of(failed.value) == problem("journal_gone")
        assert not journal_of(site).exists()


def test_a_backup_put_in_place_under_the_daemon_counts_and_is_brought_up_to_date(tmp_path):
    with a_world(tmp_path) as world:
        job = world.run(world.sealing(), until=State.SEALED)
        file, backup = world.settings.state.journal_file, tmp_path / "backup.db"
        with sqlite3.connect(file) as live, sqlite3.connect(backup) as kept:
            live.backup(kept)
        kept.close()
        live.close()
        job = world.run(job)
        world.journal.close()
        with started(world) as daemon:
            lose(file)
            shutil.copy(backup, file)
            assert run_to_its_end(daemon) == 1
        assert not list(file.parent.glob("*.replaced-*"))
        with started(world) as daemon:
            assert daemon.journal.jobs.get(job.id).state is State.SEALED, "it is the backup"
            assert daemon.run(once=True) == 0
            assert daemon.journal.jobs.get(job.id).outcome is Outcome.TRAINED
        assert len(world.records("training_started")) == 1


# Lost


def test_a_journal_lost_in_mid_filing_across_file_systems_keeps_one_folder_of_the_job(tmp_path, memory):
    """The copy in done/ was whole and the original not deleted yet."""
    done = tmp_path / "elsewhere"
    memory(done, 512)
    with a_world(tmp_path, done=done) as world:
        job = world.run(world.sealing(), until=State.FILING)
        folder = world.folder(job)
        shutil.copytree(folder, done / job.id)
        lose_the_journal(world, done=done)
        job = world.journal.jobs.get(rebuilt(world)[-1].id)
        assert job.state is State.FILING
        assert world.run(job).state is State.DONE
        assert not folder.exists()
        assert (done / job.id / "train_2026-11.csv").read_bytes() == table()


def lose_the_journal(world, **model):
    world.journal.close()
    lose(world.root / "state" / "journal.db")
    world.journal = Journal.open(world.root / "state" / "journal.db", world.clock)
    world.configure(**model)


def rebuilt(world):
    files = JobFiles.beside(world.settings.state.journal_file)
    return rebuild(world.settings, world.journal, files, believe=False).adopted
