import itertools
import os
import signal
import sqlite3
from contextlib import closing
from datetime import UTC, datetime, timedelta

import pytest

from retraind.config.settings import Settings, StateSettings
from retraind.domain.failures import JournalDamagedError, JournalError
from retraind.domain.progress import Work
from retraind.store import backup
from retraind.store.copies.sidecar import JobFiles
from retraind.store.database import KEY_NAME
from retraind.store.instance import sole_instance
from retraind.store.journal import Journal
from retraind.store.opening import opened
from retraind.system.clock import Clock
from support.jobs import job_of

WHEN = datetime(2026, 11, 30, 2, tzinfo=UTC)


def put_back(path, journal, **options):
    with backup.opened(path) as (found, source):
        return backup.restore(found, source, journal, **options)


def add(file, number):
    with closing(Journal.open(file)) as journal:
        journal.jobs.add(
            job_of(id=f"2026-11-01T000000Z_{number}_c8c21{number}", model="churn", key=str(number), state="failed",
                   files=(), created_at=WHEN, updated_at=WHEN),
            "sealed",
        )  # fmt: skip


def keys(file):
    with closing(Journal.open(file)) as journal:
        return {job.key for job in journal.jobs.newest()}


@pytest.fixture
def file(tmp_path):
    made = tmp_path / "state" / "journal.db"
    JobFiles.beside(made)
    add(made, 1)
    return made


def test_a_backup_made_while_a_writer_is_at_work_holds_what_was_committed(file, tmp_path):
    with closing(sqlite3.connect(file, isolation_level=None)) as writer:
        writer.execute("BEGIN IMMEDIATE")
        writer.execute("UPDATE jobs SET model = 'other'")
        made = backup.make(file, tmp_path / "backups", WHEN)
        writer.execute("COMMIT")
    assert (made.jobs, made.made_at) == (1, WHEN)
    assert made.key == (file.with_name(KEY_NAME)).read_bytes()
    assert (made.path.stat().st_mode & 0o777, made.path.parent.stat().st_mode & 0o777) == (0o600, 0o700)
    assert list(made.path.parent.iterdir()) == [made.path]
    put_back(made.path, file)
    with closing(Journal.open(file)) as journal:
        assert [job.model for job in journal.jobs.newest()] == ["churn"]


def test_a_backup_is_restored_in_place_of_a_journal_that_is_kept(file, tmp_path):
    made = backup.make(file, tmp_path / "backups", WHEN)
    add(file, 2)
    with sole_instance(file):
        aside = put_back(made.path, file)
    assert keys(file) == {"1"}
    assert keys(aside) == {"1", "2"}


def test_a_backup_is_restored_on_a_machine_that_has_nothing(file, tmp_path):
    made = backup.make(file, tmp_path / "backups", WHEN)
    elsewhere = tmp_path / "elsewhere" / "journal.db"
    elsewhere.parent.mkdir()
    assert put_back(made.path, elsewhere) is None
    assert keys(elsewhere) == {"1"}
    assert elsewhere.with_name(KEY_NAME).read_bytes() == file.with_name(KEY_NAME).read_bytes()
    assert elsewhere.with_name(KEY_NAME).stat().st_mode & 0o777 == 0o600


def test_another_signing_key_is_replaced_only_when_asked_for_and_is_kept(file, tmp_path):
    made = backup.make(file, tmp_path / "backups", WHEN)
    file.with_name(KEY_NAME).unlink()
    JobFiles.beside(file)
    other = file.with_name(KEY_NAME).read_bytes()
    with pytest.raises(JournalError) as refused:
        put_back(made.path, file)
    assert refused.value.problem.code == "backup_key_differs"
    assert file.with_name(KEY_NAME).read_bytes() == other
    put_back(made.path, file, replace_key=True)
    assert file.with_name(KEY_NAME).read_bytes() == made.key
    assert file.with_name(KEY_NAME + ".replaced-1").read_bytes() == other


@pytest.mark.parametrize("share", [0.0, 0.3, 0.6, 0.99])
def test_a_cut_or_damaged_backup_is_refused(file, tmp_path, share):
    for number in range(2, 9):
        add(file, number)
    made = backup.make(file, tmp_path / "backups", WHEN)
    content = made.path.read_bytes()
    at = int(share * len(content))
    for damaged in (content[:at], content[:at] + bytes(len(content) - at)):
        made.path.write_bytes(damaged)
        with pytest.raises((JournalDamagedError, JournalError)):
            backup.verify(made.path)


def test_the_journal_itself_another_database_and_a_newer_backup_are_no_backups_to_restore(file, tmp_path):
    made = backup.make(file, tmp_path / "backups", WHEN)
    with closing(sqlite3.connect(made.path)) as connection, connection:
        connection.execute("UPDATE alembic_version SET version_num = '9999'")
    other = tmp_path / "other.db"
    with closing(sqlite3.connect(other)) as connection, connection:
        connection.execute("CREATE TABLE things (name)")
    codes = []
    for path in (made.path, other, file):
        with pytest.raises(JournalError) as refused:
            backup.verify(path)
        codes.append(refused.value.problem.code)
    assert codes == ["journal_too_new", "backup_of_another_program", "backup_of_another_program"]


def test_only_the_newest_backups_are_kept_and_other_files_are_left_alone(file, tmp_path):
    folder = tmp_path / "backups"
    made = [backup.make(file, folder, WHEN + timedelta(days=day)).path for day in range(4)]
    (folder / "journal-notes.db").touch()
    assert backup.prune(folder, 2) == made[:2]
    assert sorted(folder.iterdir()) == sorted([*made[2:], folder / "journal-notes.db"])


def test_a_restore_killed_at_any_call_leaves_a_journal_or_none_and_can_be_repeated(tmp_path):
    for number in itertools.count():
        file = tmp_path / str(number) / "journal.db"
        JobFiles.beside(file)
        add(file, 1)
        made = backup.make(file, tmp_path / f"backups-{number}", WHEN)
        add(file, 2)
        child = os.fork()
        if not child:
            kill_at(number)
            put_back(made.path, file)
            os._exit(0)
        _, ended = os.waitpid(child, 0)
        if file.exists():
            assert keys(file) in ({"1"}, {"1", "2"})
        put_back(made.path, file)
        assert keys(file) == {"1"}
        assert {"1", "2"} in [keys(path) for path in file.parent.glob("*.replaced-?")]
        if not os.WIFSIGNALED(ended):
            break
    assert number > 5


@pytest.mark.parametrize("again", ["a backup", "a start"])
@pytest.mark.parametrize("on_a_share", [False, True])
def test_what_killed_backups_leave_is_removed_by_the_next_one_and_by_a_start(
    file, tmp_path, monkeypatch, on_a_share, again
):
    folder = tmp_path / "share" if on_a_share else file.with_name(backup.FOLDER)
    monkeypatch.setattr(backup, "_is_local", lambda path: not on_a_share or path != folder)
    left = 0
    for number in itertools.count():
        child = os.fork()
        if not child:
            kill_at(number)
            backup.make(file, folder, WHEN)
            os._exit(0)
        _, ended = os.waitpid(child, 0)
        left += len(parts(file.parent))
        if again == "a start":
            state = StateSettings(url=f"sqlite:///{file}", spool=tmp_path)
            with opened(Settings.model_construct(state=state), Clock()):
                pass
        else:
            # What is left on a share may be another machine's work for a day.
            backup.make(file, folder, datetime.now(UTC) + timedelta(days=2))
            assert not parts(folder)
        assert not parts(file.parent)
        if not os.WIFSIGNALED(ended):
            break
    assert left


def parts(folder):
    """Return what only a backup under way has."""
    return [path for path in folder.rglob(".*") if folder.is_dir()]


def test_a_backup_under_way_is_no_leftover(file, tmp_path):
    """Neither for another one nor for a start."""
    with backup._part(tmp_path, "journal-2026-11-30T020000Z.db") as part:
        backup.make(file, tmp_path, WHEN)
        assert part.exists()
    assert not part.exists()


def kill_at(number):
    """End this process at the `number`-th call that changes a name or syncs."""
    left = [number]

    def counted(real):
        def call(*arguments, **options):
            if not left[0]:
                os.kill(os.getpid(), signal.SIGKILL)
            left[0] -= 1
            return real(*arguments, **options)

        return call

    for name in ("rename", "unlink", "fsync", "chmod", "replace"):
        setattr(os, name, counted(getattr(os, name)))


def test_how_far_a_backup_and_a_restore_are_is_shown_to_whoever_watches(file, tmp_path):
    with closing(sqlite3.connect(file)) as grown, grown:
        grown.execute(
            "INSERT INTO events (at, event, detail) WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n"
            " WHERE i < 20000) SELECT i, 'status_seen', hex(randomblob(200)) FROM n"
        )
    seen = []

    def watch(work, done, total):
        seen.append((work, done, total))

    made = backup.make(file, tmp_path / "backups", WHEN, watcher=watch)
    assert list(dict.fromkeys(work for work, _, _ in seen)) == [Work.COPY, Work.READ_BACK]
    copied = [done for work, done, _ in seen if work is Work.COPY]
    assert copied == sorted(copied)
    assert copied[-1] > made.size / 2
    assert {total for work, _, total in seen if work is Work.COPY} == {file.stat().st_size}
    seen.clear()
    with backup.opened(made.path) as (found, source):
        backup.restore(found, source, file, watcher=watch)
    assert seen[-1] == (Work.COPY, made.size, made.size)
    assert len(seen) > 1
    seen.clear()
    assert backup.check(file, watch) == 1
    assert {(work, total) for work, _, total in seen} == {(Work.READ_BACK, None)}
