"""An upgrade of the schema leaves the journal as it was in a backup, and an older retraind says where it is."""

import sqlite3
from contextlib import closing
from datetime import UTC, datetime

import pytest

from retraind.domain.failures import JournalDamagedError, JournalError
from retraind.report.wording.voice import Voice
from retraind.store import backup, schema
from retraind.store.journal import Journal
from store.test_backup import put_back
from store.test_schema import migrated

WHEN = datetime(2026, 11, 30, 2, tzinfo=UTC)


def old_journal(folder, *, jobs=1):
    folder.mkdir(exist_ok=True)
    file = folder / "journal.db"
    with closing(migrated(file, "0001")) as old, old:
        old.executemany(
            "INSERT INTO jobs VALUES (?, 'churn', 'done', 0, NULL, 1, '{}')",
            [(str(each),) for each in range(jobs)],
        )
    return file


def kept(file):
    return sorted((file.parent / backup.FOLDER).iterdir())


def revision(file):
    with closing(sqlite3.connect(file)) as found:
        return found.execute("SELECT version_num FROM alembic_version").fetchone()[0]


def refusal(file):
    with pytest.raises(JournalError) as refused:
        Journal.open(file)
    assert refused.value.problem.code == "journal_too_new"
    return Voice().tell(refused.value.problem)


def test_the_backup_is_the_journal_as_it_was_and_can_be_restored(tmp_path):
    file = old_journal(tmp_path)
    with closing(Journal.open(file)) as journal:
        upgrade = journal.database.upgrade
    (path,) = kept(file)
    assert (upgrade.before, upgrade.backup) == ("0001", path)
    assert (revision(file), revision(path)) == (schema.SCHEMA, "0001")
    put_back(path, file)
    assert revision(file) == "0001"


def test_a_new_journal_and_one_of_the_present_schema_need_no_backup(tmp_path):
    file = tmp_path / "journal.db"
    for _ in range(2):
        with closing(Journal.open(file)) as journal:
            assert journal.database.upgrade is None
    assert not (tmp_path / backup.FOLDER).exists()


def test_the_last_two_are_kept_and_none_of_them_counts_as_a_nightly_one(tmp_path):
    file = old_journal(tmp_path)
    made = [backup.before_upgrade(file, WHEN.replace(day=day)) for day in (1, 2, 3)]
    nightly = [backup.make(file, file.parent / backup.FOLDER, WHEN.replace(day=day)).path for day in (4, 5)]
    assert backup.prune(file.parent / backup.FOLDER, 1) == nightly[:1]
    assert kept(file) == sorted([*made[1:], nightly[1]])


def test_an_older_retraind_names_the_version_and_the_way_back(tmp_path, monkeypatch):
    file = old_journal(tmp_path)
    Journal.open(file).close()
    with closing(sqlite3.connect(file)) as newer, newer:
        newer.execute("UPDATE alembic_version SET version_num = '9999'")
        newer.execute("INSERT INTO upgrades VALUES ('9999', '7.8.9', NULL)")
    monkeypatch.setattr(schema, "SCHEMA", "0001")
    said = refusal(file)
    assert "retraind (7.8.9, schema 9999)" in said
    (path,) = kept(file)
    assert f"retraind journal restore {path}" in said


def test_a_backup_of_a_later_upgrade_or_one_that_is_gone_is_not_offered(tmp_path):
    file = old_journal(tmp_path)
    Journal.open(file).close()
    (path,) = kept(file)
    path.unlink()
    with closing(sqlite3.connect(file)) as newer, newer:
        newer.execute("UPDATE alembic_version SET version_num = '9999'")
        newer.execute("INSERT INTO upgrades VALUES ('9998', '7.8.8', ?)", [str(tmp_path / "gone.db")])
        newer.execute("INSERT INTO upgrades VALUES ('9999', '7.8.9', ?)", [str(file)])
    said = refusal(file)
    assert "retraind (7.8.9, schema 9999)" in said
    assert "retraind journal restore BACKUP" in said


def test_a_journal_without_such_notes_is_refused_as_well(tmp_path):
    file = tmp_path / "journal.db"
    Journal.open(file).close()
    with closing(sqlite3.connect(file)) as newer, newer:
        newer.execute("UPDATE alembic_version SET version_num = '9999'")
        newer.execute("DROP TABLE upgrades")
    assert "retraind (schema 9999)" in refusal(file)


def test_without_a_backup_nothing_is_upgraded(tmp_path):
    file = old_journal(tmp_path)
    (tmp_path / backup.FOLDER).touch()
    with pytest.raises(JournalError) as refused:
        Journal.open(file)
    assert refused.value.problem.code == "journal_not_backed_up"
    assert Voice().tell(refused.value.problem)
    assert revision(file) == "0001"


def test_a_damaged_journal_of_an_earlier_schema_is_known_as_damaged(tmp_path):
    file = old_journal(tmp_path, jobs=2000)
    content = bytearray(file.read_bytes())
    content[-40_000:] = bytes(40_000)
    file.write_bytes(content)
    with pytest.raises(JournalDamagedError):
        Journal.open(file)
