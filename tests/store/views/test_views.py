"""What pages read of a journal, and that they cannot write to it, whoever has it open."""

import os
import sqlite3
import tempfile
from contextlib import closing
from datetime import timedelta
from pathlib import Path

import pytest
import sqlalchemy as sa
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy.exc import OperationalError

from retraind.domain.failures import JournalError
from retraind.domain.job import Outcome, State
from retraind.domain.problems import problem
from retraind.store.journal import Journal
from retraind.store.views import read_only
from retraind.store.views.glances import glances, pulse
from retraind.store.views.read_only import ReadOnlyJournal
from retraind.store.views.runs import last_runs
from retraind.store.views.search import Wanted, search
from retraind.system.clock import Clock
from support.pages import NOW, Seeder
from support.process import somebody


@pytest.fixture
def seeder(tmp_path):
    made = Seeder(tmp_path / "state" / "journal.db")
    yield made
    made.journal.close()


@pytest.fixture(autouse=True)
def impatient(monkeypatch):
    monkeypatch.setattr(read_only, "_PATIENCE", 0.2)


@pytest.fixture
def reader(tmp_path, seeder):
    made = ReadOnlyJournal(tmp_path / "state" / "journal.db", Clock())
    yield made
    made.close()


def test_it_can_be_read_and_not_written(seeder, reader):
    seeder.done("churn", "1", NOW)
    assert [job.key for job in reader.get().jobs.newest()] == ["1"]
    with pytest.raises(OperationalError, match=r"readonly|read-only"):
        reader.get().events.note("made")


def test_what_is_written_meanwhile_is_read(seeder, reader):
    seeder.done("churn", "1", NOW)
    first = pulse(reader.get())
    seeder.done("churn", "2", NOW)
    assert pulse(reader.get()) != first
    assert len(reader.get().jobs.newest()) == 2


@pytest.mark.skipif(os.geteuid() != 0, reason="root alone can take rights away from itself and get them back")
@pytest.mark.parametrize("open_elsewhere", [True, False])
@pytest.mark.parametrize("killed", [True, False])
def test_it_is_read_where_nothing_can_be_created_whether_the_daemon_runs_or_not(
    tmp_path, open_elsewhere, killed
):
    seeder = Seeder(tmp_path / "state" / "journal.db")
    seeder.done("churn", "1", NOW)
    file = tmp_path / "state" / "journal.db"
    if not open_elsewhere and not killed:
        seeder.journal.close()
        assert not file.with_name("journal.db-wal").exists()
    if killed and not open_elsewhere:
        # What a kill leaves: both companions, and nobody who has them open.
        kept = {each.name: each.read_bytes() for each in file.parent.iterdir()}
        seeder.journal.close()
        for name, content in kept.items():
            (file.parent / name).write_bytes(content)
    for each in file.parent.iterdir():
        each.chmod(0o444)
    file.parent.chmod(0o555)
    for folder in (tmp_path, *tmp_path.parents):
        if folder.stat().st_mode & 0o005 != 0o005:
            folder.chmod(folder.stat().st_mode | 0o055)
    before = {each.name for each in file.parent.iterdir()}
    with somebody():
        reader = ReadOnlyJournal(file, Clock())
        assert [job.key for job in reader.get().jobs.newest()] == ["1"]
        reader.close()
    assert {each.name for each in file.parent.iterdir()} == before
    seeder.journal.close()


def test_a_file_of_another_program_is_no_journal(tmp_path):
    with closing(sqlite3.connect(tmp_path / "other.db")) as other:
        other.execute("CREATE TABLE things (a)")
        other.commit()
    with pytest.raises(JournalError, match="journal_of_another_program"):
        ReadOnlyJournal(tmp_path / "other.db", Clock()).get()
    (tmp_path / "none.db").write_bytes(b"not a database, whatever it is called" * 100)
    with pytest.raises(JournalError, match="page_journal_unreadable"):
        ReadOnlyJournal(tmp_path / "none.db", Clock()).get()


def test_nothing_is_created_where_there_is_no_journal(tmp_path):
    with pytest.raises(JournalError, match="page_journal_missing"):
        ReadOnlyJournal(tmp_path / "journal.db", Clock()).get()
    assert list(tmp_path.iterdir()) == []


def test_a_glance_has_what_is_in_work_and_how_the_last_delivery_ended(seeder, reader):
    seeder.done("churn", "1", NOW - timedelta(days=2))
    failed = seeder.failed("churn", "2", NOW - timedelta(days=1))
    training = seeder.job("churn", "3", NOW, State.UPLOADED)
    seeder.job("gone", "4", NOW, State.SEALED)
    found = glances(reader.get(), ["churn", "idle"]).by_name
    assert set(found) == {"churn", "idle", "gone"}
    assert found["idle"].active == []
    assert found["idle"].filed is None
    churn = found["churn"]
    assert (churn.filed.id, churn.filed.outcome, churn.filed.reason) == (
        failed.id,
        Outcome.FAILED,
        failed.problem,
    )
    assert [(job.id, job.state, job.uploaded_at) for job in churn.active] == [
        (training.id, State.UPLOADED, training.training.uploaded_at)
    ]


def test_pages_of_a_search_have_every_job_once(seeder, reader):
    for number in range(23):
        seeder.done(
            "churn" if number % 2 else "leads", f"Key_{number:02}%", NOW + timedelta(minutes=number % 7)
        )
    everything = [job.id for job in reader.get().jobs.newest()]
    wanted, found = Wanted(), []
    while True:
        page = search(reader.get(), wanted, 5)
        found += [job.id for job in page.jobs]
        if page.more is None:
            break
        wanted = wanted._replace(before=page.more)
    assert found == sorted(everything, reverse=True)


@pytest.mark.parametrize(
    ("wanted", "keys"),
    [
        (Wanted(text="key_2"), {"Key_2"}),
        (Wanted(text="KEY_2"), {"Key_2"}),
        (Wanted(text="a b"), {"a b"}),
        (Wanted(text="%"), set()),
        (Wanted(text="_"), {"Key_2", "a b", "x"}),
        (Wanted(text="e\u0301"), set()),
        (Wanted(model="leads"), {"x"}),
        (Wanted(states=[State.FAILED]), {"x"}),
        (Wanted(text="2026-11-30T0900"), {"Key_2", "a b", "x"}),
        (Wanted(text="'; DROP TABLE jobs; --"), set()),
        (Wanted(before="2026"), set()),
    ],
)
def test_a_search_finds_what_ids_have(seeder, reader, wanted, keys):
    seeder.done("churn", "Key_2", NOW)
    seeder.done("churn", "a b", NOW)
    seeder.failed("leads", "x", NOW)
    assert {job.key for job in search(reader.get(), wanted, 10).jobs} == keys


@pytest.mark.parametrize(
    ("wanted", "keys"),
    [
        (Wanted(text="00000B"), {"10"}),
        (Wanted("churn", text="00000b"), {"10"}),
        (Wanted("leads", text="00000b"), {"like-00000b"}),
        (Wanted(states=[State.FAILED], text="00000b"), set()),
        # A number may be a part of a date.
        (Wanted(text="000003"), {"2", "at-000003"}),
        (Wanted(text="0000ff"), {"like-0000ff"}),
    ],
)
def test_a_short_id_finds_its_job_alone(seeder, reader, wanted, keys):
    for key in (*map(str, range(11)), "at-000003"):
        seeder.done("churn", key, NOW)
    seeder.done("leads", "like-00000b", NOW)
    seeder.done("leads", "like-0000ff", NOW)
    assert {job.key for job in search(reader.get(), wanted, 10).jobs} == keys


@pytest.mark.parametrize(
    ("wanted", "plan"),
    [
        (Wanted(), "SCAN jobs USING INDEX jobs_by_time"),
        (Wanted(model="churn"), "SEARCH jobs USING INDEX jobs_by_model (model=?)"),
        (Wanted(text="x"), "SCAN jobs USING COVERING INDEX sqlite_autoindex_jobs_1"),
        (Wanted(text="00000b"), "SCAN jobs USING COVERING INDEX sqlite_autoindex_jobs_1"),
        (Wanted(text="x", before="2026"), "SEARCH jobs USING COVERING INDEX sqlite_autoindex_jobs_1 (id<?)"),
        (Wanted("churn", text="x"), "SEARCH jobs USING COVERING INDEX jobs_known (model=?)"),
        (Wanted("churn", [State.DONE], "x", "2026"), "SEARCH jobs USING COVERING INDEX jobs_known (model=? AND id<?)"),
    ],
)  # fmt: skip
def test_a_search_reads_an_index_in_its_order_and_of_one_model_no_other(seeder, reader, wanted, plan):
    asked = []
    engine = reader.get().database.engine

    @sa.event.listens_for(engine, "before_cursor_execute")
    def note(_connection, _cursor, statement, given, *_rest):
        asked.append((statement, given))

    search(reader.get(), wanted, 10)
    statement, given = next(each for each in asked if "LIMIT" in each[0])
    with closing(sqlite3.connect(reader.file)) as journal:
        steps = [row[3] for row in journal.execute(f"EXPLAIN QUERY PLAN {statement}", given)]
    assert [step for step in steps if "OF ORDER BY" not in step] == [plan]


def test_runs_are_the_last_ones_oldest_first_with_their_numbers(seeder, reader):
    for number in range(4):
        seeder.done("churn", str(number), NOW + timedelta(days=number))
    seeder.failed("churn", "failed", NOW + timedelta(days=5))
    seeder.job("churn", "in work", NOW + timedelta(days=6), State.UPLOADED)
    runs = last_runs(reader.get(), "churn", 3)
    assert [(run.key, run.failed) for run in runs] == [("2", False), ("3", False), ("failed", True)]
    jobs = {job.key: job for job in reader.get().jobs.newest()}
    assert [run.ended for run in runs[:2]] == [jobs[key].trained_at for key in "23"]
    assert runs[0].rows == jobs["2"].data.rows["train"]
    assert runs[0].bytes == sum(file.signature.size for file in jobs["2"].files)
    assert runs[2].rows is None
    assert runs[0].scores == jobs["2"].training.scores != {}
    assert runs[2].scores == {}


def test_a_journal_that_nobody_has_open_is_the_same(tmp_path, seeder):
    seeder.done("churn", "1", NOW)
    seeder.journal.close()
    again = Journal.open(tmp_path / "state" / "journal.db")
    reader = ReadOnlyJournal(tmp_path / "state" / "journal.db", Clock())
    assert glances(reader.get(), ["churn"]) == glances(again, ["churn"])
    reader.close()
    again.close()


@given(
    st.lists(
        st.sampled_from(["done", "failed", "upload", "hold", "release", "warn", "late", "other model"]),
        max_size=12,
    )
)
@settings(max_examples=15, suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow])
def test_what_is_read_again_of_changed_models_alone_is_what_reading_all_would_give(tmp_path, steps):
    folder = Path(tempfile.mkdtemp(dir=tmp_path))
    seeder = Seeder(folder / "journal.db")
    journal, models, before = seeder.journal, ("a", "b", "c"), None
    for number, step in enumerate(steps):
        model, at = models[number % 2], NOW + timedelta(hours=number)
        match step:
            case "done":
                seeder.done(model, str(number), at)
            case "failed":
                seeder.failed(model, str(number), at)
            case "upload":
                seeder.job(model, str(number), at, State.UPLOADED)
            case "hold":
                journal.holds.hold(model, problem("key_unusable"), credential=True)
            case "release":
                journal.holds.release(model, problem("hold_reason_gone"))
            case "warn":
                journal.events.note_change("key_warning", model, problem("key_unusable"))
            case "late":
                late = problem("delivery_late", due=at) if number % 3 else None
                journal.events.note_change("expectation", model, late)
            case _:
                seeder.job("gone", str(number), at, State.SEALED)
        before = glances(journal, models, before)
        assert before == glances(journal, models)
    journal.close()
