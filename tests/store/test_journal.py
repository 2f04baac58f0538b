import re
import threading
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
import sqlalchemy as sa

from retraind.domain.job import (
    LIFE,
    Data,
    End,
    Job,
    JobHold,
    Outcome,
    Registration,
    Role,
    SealedFile,
    Signature,
    State,
    Waiting,
)
from retraind.domain.people import Person, person_in
from retraind.domain.problems import problem
from retraind.domain.records import HostTry, Outage
from retraind.store.jobs import Conflict, Write
from retraind.store.journal import Journal
from retraind.store.sightings import JournalMemory
from support.clock import ManualClock
from support.words import legacy

NOW = datetime(2026, 11, 23, tzinfo=UTC)
SENT = Registration(retrain_job_id="r")


@pytest.fixture
def journal(tmp_path):
    opened = Journal.open(tmp_path / "journal.db", ManualClock())
    yield opened
    opened.close()


def a_job(
    number: int = 1, *, model: str = "churn", state: State = State.SEALING, sha: str | None = None, **more
) -> Job:
    moment = NOW + timedelta(seconds=number)
    file = SealedFile(
        role=Role.TRAIN,
        name=f"train_{number}.csv",
        signature=Signature(size=1, mtime_ns=2, inode=3),
        sha256=sha,
    )
    return Job(
        id=f"2026-11-23T{number:06}Z_{number}_{number:06x}", model=model, key=str(number), state=state,
        files=(file,), created_at=moment, updated_at=moment, **more,
    )  # fmt: skip


def tried(job: Job, attempts: int) -> Job:
    return replace(job, wait=Waiting(attempts=attempts))


def test_the_journal_knows_which_files_of_a_model_were_taken_in(journal, tmp_path):
    journal.jobs.add(a_job(1), "sealing")
    journal.jobs.add(a_job(2, model="price", state=State.DONE), "sealing")
    churn, price = (JournalMemory(journal.database, tmp_path, model) for model in ("churn", "price"))
    assert churn.was_delivered("train_1.csv")
    assert not churn.was_delivered("train_2.csv")
    assert price.was_delivered("train_2.csv")
    assert not price.was_delivered("train_%.csv")


def test_a_job_comes_back_as_it_was_written_even_after_reopening(journal, tmp_path):
    job = journal.jobs.add(
        a_job(data=Data(rows={"train": 1}, columns=("a \n b", "日本語")), flaw=legacy("x", "y")), "sealing"
    )
    journal.close()
    again = Journal.open(tmp_path / "journal.db")
    assert again.jobs.get(job.id) == job
    assert again.jobs.get("nothing") is None
    again.close()


def test_every_transition_is_an_event_in_the_same_transaction(journal):
    job = journal.jobs.add(a_job(), "delivery_complete", drop="/share")
    job = journal.jobs.write(job, replace(job, state=State.SEALED), "delivery_sealed")
    journal.jobs.write(job, replace(job, state=State.CHECKED, data=Data(rows={"train": 5})), "data_checked")
    events = [(event.event, event.detail) for event in journal.events.history(job.id)]
    assert events == [
        ("delivery_complete", {"drop": "/share"}),
        ("delivery_sealed", {"from": "sealing", "to": "sealed"}),
        ("data_checked", {"from": "sealed", "to": "checked"}),
    ]


def test_how_many_jobs_are_active_and_whether_a_model_is_held_can_be_asked_without_reading_all(journal):
    for number, state in enumerate(State):
        journal.jobs.add(a_job(number, state=state), "made")
    assert journal.jobs.count_active() == len(journal.jobs.active()) > 0
    journal.holds.hold("churn", legacy("x", "y"), credential=True)
    assert [journal.holds.is_held(model) for model in ("churn", "price")] == [True, False]
    journal.holds.release("churn", problem("released_by_person"))
    assert not journal.holds.is_held("churn")


@pytest.mark.parametrize("state", State)
def test_only_transitions_of_the_table_are_written(journal, state):
    job = journal.jobs.add(a_job(state=state), "made")
    for to in set(State) - LIFE[state].next - {state}:
        with pytest.raises(ValueError, match=f"from {state} to {to}"):
            journal.jobs.write(job, replace(job, state=to), "jump")
    assert journal.jobs.get(job.id) == job


def test_a_writer_that_read_an_older_version_is_refused(journal):
    read = journal.jobs.add(a_job(), "made")
    journal.jobs.write(read, replace(read, state=State.SEALED), "sealed")
    with pytest.raises(Conflict):
        journal.jobs.write(read, replace(read, state=State.SEALED), "sealed")
    assert len(journal.events.history(read.id)) == 2


def test_of_many_threads_writing_at_once_exactly_one_wins(journal):
    job = journal.jobs.add(a_job(), "made")
    wins: list[Job] = []

    def write() -> None:
        try:
            wins.append(journal.jobs.write(job, replace(job, state=State.SEALED), "sealed"))
        except Conflict:
            return

    threads = [threading.Thread(target=write) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(wins) == 1


def test_of_many_jobs_that_are_changed_together_those_that_somebody_else_was_faster_with_are_left_as_they_are(
    journal,
):
    jobs = [journal.jobs.add(a_job(number, state=State.SEALED), "x") for number in range(3)]
    faster = journal.jobs.write(jobs[1], tried(jobs[1], 1))
    written = journal.jobs.write_each(
        Write(job, replace(job, state=State.FILING), "delivery_superseded", {}) for job in jobs
    )
    assert written == [journal.jobs.get(jobs[0].id), journal.jobs.get(jobs[2].id)]
    assert {job.state for job in written} == {State.FILING}
    assert journal.jobs.get(faster.id) == faster
    assert [event.job for event in journal.events.history() if event.event == "delivery_superseded"] == [
        job.id for job in written
    ]


def test_two_jobs_are_written_in_one_transaction_or_neither_is(journal):
    job, other = (journal.jobs.add(a_job(number, state=State.SEALED), "x") for number in range(2))
    faster = journal.jobs.write(other, tried(other, 1))
    with pytest.raises(Conflict):
        journal.jobs.write(
            job,
            tried(job, 2),
            "y",
            also=Write(other, tried(other, 2), "z", {}),
        )
    assert [journal.jobs.get(each.id) for each in (job, other)] == [job, faster]
    after = journal.jobs.write(
        job,
        tried(job, 2),
        "y",
        also=Write(faster, tried(faster, 2), "z", {"by": job.id}),
    )
    assert [journal.jobs.get(each.id).wait.attempts for each in (after, faster)] == [2, 2]
    assert [(event.event, event.job) for event in journal.events.history()[2:]] == [
        ("z", other.id),
        ("y", job.id),
    ]


def test_many_jobs_are_changed_together_or_not_at_all(journal):
    jobs = [journal.jobs.add(a_job(number, state=State.SEALED), "x") for number in range(2)]
    with pytest.raises(ValueError, match="cannot go"):
        journal.jobs.write_each(
            Write(job, replace(job, state=to), "y", {})
            for job, to in zip(jobs, (State.FILING, State.TRAINED), strict=True)
        )
    assert [journal.jobs.get(job.id) for job in jobs] == jobs
    assert {event.event for event in journal.events.history()} == {"x"}


def test_of_a_long_backlog_only_what_has_changed_is_read_again(journal):
    jobs = [journal.jobs.add(a_job(number, state=State.SEALED), "x") for number in range(60)]
    before = journal.jobs.active("churn")
    changed = journal.jobs.write(jobs[7], tried(jobs[7], 1))
    for after in (journal.jobs.active("churn"), journal.standings(["churn"])["churn"].active):
        assert after == [*jobs[:7], changed, *jobs[8:]]
        assert all(now is then for now, then in zip(after, before, strict=True) if now != changed)


def test_active_jobs_are_those_to_which_something_can_still_happen(journal):
    for number, state in enumerate(State):
        journal.jobs.add(a_job(number, state=state), "made")
    active = journal.jobs.active("churn")
    assert {job.state for job in active} == {state for state in State if LIFE[state].step}
    assert [job.created_at for job in active] == sorted(job.created_at for job in active)
    assert journal.jobs.active("other") == []
    assert sum(journal.jobs.counts()["churn"].values()) == len(State)


def test_jobs_come_newest_first_and_in_pages(journal):
    for number in range(7):
        journal.jobs.add(a_job(number, model="churn" if number % 2 else "other"), "made")
    page = journal.jobs.newest(limit=3)
    assert [job.key for job in page] == ["6", "5", "4"]
    assert [job.key for job in journal.jobs.newest(limit=3, before=page[-1])] == ["3", "2", "1"]
    assert [job.key for job in journal.jobs.newest("churn", before=page[-1])] == ["3", "1"]
    assert [job.key for job in journal.jobs.newest("churn")] == ["5", "3", "1"]


def test_a_job_is_found_by_the_beginning_or_the_end_of_its_name(journal):
    first, second = (journal.jobs.add(a_job(number), "made") for number in (1, 2))
    assert journal.jobs.find(first.id) == [first]
    assert journal.jobs.find("000002") == [second]
    assert journal.jobs.find("2026-11-23T") == [second, first], "the newest first"
    assert journal.jobs.find("2") == [second], "a key counts before the beginning of an id"
    dated = journal.jobs.add(replace(a_job(3), key="2026-11"), "made")
    assert journal.jobs.find("2026-11") == [dated]
    assert journal.jobs.find("2026-11-23T", 2) == [dated, second]
    composed = journal.jobs.add(replace(a_job(4), key="cafe\u0301"), "made")
    assert journal.jobs.find("caf\u00e9") == [composed], "however it is written"
    assert journal.jobs.find("%") == []
    assert journal.jobs.find("nothing") == []


def test_the_same_bytes_are_recognised_once_they_were_trained_or_are_about_to_be(journal):
    def twin() -> Job | None:
        return journal.contents.trained("churn", f"train:{'a' * 64}", besides="other")

    sha = "a" * 64
    journal.jobs.add(
        a_job(1, state=State.FAILED, sha=sha, registration=SENT, end=End(outcome=Outcome.FAILED)), "made"
    )
    journal.jobs.add(a_job(2, state=State.DONE, sha=sha, end=End(outcome=Outcome.SUPERSEDED)), "made")
    assert twin() is None
    third = journal.jobs.add(a_job(3, state=State.CHECKED, sha=sha), "made")
    assert twin() == third
    fourth = journal.jobs.add(a_job(4, state=State.DONE, sha=sha, registration=SENT), "made")
    assert twin() == fourth
    assert journal.contents.trained("other", f"train:{sha}", besides="x") is None


def test_a_model_is_held_once_per_reason_and_released_once(journal):
    refused, gone = legacy("no key", "get one"), legacy("gone")
    assert journal.holds.hold("churn", refused, credential=True)
    assert not journal.holds.hold("churn", refused, credential=True)
    assert journal.holds.hold("churn", gone, credential=False)
    assert journal.holds.all()["churn"].problem == gone
    assert journal.holds.release("churn", problem("key_replaced"))
    assert not journal.holds.release("churn", problem("key_replaced"))
    assert journal.holds.all() == {}
    assert [event.event for event in journal.events.history()] == [
        "model_held",
        "model_held",
        "model_released",
    ]
    assert journal.events.history()[-1].detail == {"why": problem("key_replaced")}


def test_a_renamed_model_keeps_its_jobs_and_all_holds_but_those_for_having_no_table(journal):
    holds = {
        "1": problem("model_not_configured", model="churn", heir="customers"),
        "2": legacy("The configuration has no model 'churn' any more."),
        "3": problem("budget_used_up"),
        "4": None,
    }
    for key, hold in holds.items():
        held = JobHold(problem=hold) if hold else None
        journal.jobs.add(a_job(int(key), hold=held, wait=Waiting(wake_at=NOW)), "made")
    journal.holds.hold("churn", problem("key_refused"), credential=True)
    assert journal.rename_model("churn", "customers", "model_not_configured") == 4
    jobs = journal.jobs.active("customers")
    assert [job.hold for job in jobs] == [None, None, JobHold(problem=holds["3"]), None]
    assert [job.wait.wake_at for job in jobs] == [None, None, NOW, NOW]
    assert {job.version for job in jobs} == {1}
    assert journal.jobs.active("churn") == []
    assert journal.holds.all().keys() == {"customers"}


def test_hosts_that_are_down_are_kept_as_long_as_they_are_and_begin_and_end_in_the_history(journal, tmp_path):
    api = Outage("api.example", NOW, 5, legacy("It was refused."), NOW + timedelta(seconds=5))
    store = Outage("store.example:9000", NOW, 7, legacy("It stayed silent."), NOW + timedelta(seconds=20))
    journal.hosts.replace([store, api])
    assert list(journal.hosts.all().values()) == [api, store]
    later = api._replace(failures=6, next_try=NOW + timedelta(minutes=1))
    journal.hosts.replace([later])
    again = Journal.open(tmp_path / "journal.db")
    assert again.hosts.all() == {"api.example": later}
    again.close()
    journal.hosts.replace([])
    assert journal.hosts.all() == {}
    told = [(event.event, event.detail["host"]) for event in journal.events.history()]
    assert sorted(told[:2]) == [("host_down", "api.example"), ("host_down", "store.example:9000")]
    assert told[2:] == [("host_back", "store.example:9000"), ("host_back", "api.example")]


def test_who_asked_to_try_a_host_is_known_for_as_long_as_it_is_down(tmp_path):
    clock = ManualClock(NOW)
    journal = Journal.open(tmp_path / "journal.db", clock)
    anna, bob = (Person(uid=number, name=name, host="ml-1") for number, name in enumerate(("anna", "bob"), 1))
    outages = {
        name: Outage(name, NOW, 5, legacy("It was refused."), NOW) for name in ("api:443", "store:443")
    }
    assert journal.hosts.last_asked(outages) == {}
    journal.hosts.ask("api:443", anna)
    assert journal.hosts.last_asked({}) == {}
    clock.pass_time(timedelta(hours=1))
    journal.hosts.ask("api:443", bob)
    assert journal.hosts.last_asked(outages) == {"api:443": HostTry(NOW + timedelta(hours=1), bob)}
    later = {"api:443": outages["api:443"]._replace(since=NOW + timedelta(hours=2))}
    assert journal.hosts.last_asked(later) == {}
    told = journal.events.of_model(None, ["host_try_asked"], 1)
    assert [person_in(event.detail) for event in told] == [bob]
    journal.close()


def test_what_there_is_to_tell_is_looked_up_for_many_models_at_once(journal):
    old, new, active, newer = (
        journal.jobs.add(a_job(number, state=state), "made")
        for number, state in enumerate((State.DONE, State.FAILED, State.SEALED, State.SEALED), 1)
    )
    journal.jobs.add(a_job(5, model="other", state=State.SEALED), "made")
    for job in (old, new):
        journal.events.note("job_filed", job)
    journal.events.note("model_switched", old)
    warning = legacy("The key ends soon.", "Replace it.")
    journal.events.note_change("key_warning", "price", warning)
    journal.events.note_change("key_warning", "other", warning)
    journal.events.note_change("key_warning", "other", None)
    journal.holds.hold("price", warning, credential=True)
    found = journal.standings(["price", "churn", "other", "new"])
    assert found["churn"] == ([active, newer], None, new, old, None, None)
    assert found["price"] == ([], journal.holds.all()["price"], None, None, warning, None)
    assert [job.key for job in found["other"].active] == ["5"]
    assert found["other"].warning is None
    assert found["new"] == ([], None, None, None, None, None)


LOOKUPS = {
    "jobs": lambda journal: journal.jobs.newest(limit=20),
    "jobs after another": lambda journal: journal.jobs.newest(limit=20, before=a_job()),
    "jobs of a model": lambda journal: journal.jobs.newest("churn", limit=20),
    "jobs in a state": lambda journal: journal.jobs.newest(None, frozenset({State.FAILED}), limit=20),
    "active": lambda journal: journal.jobs.active(),
    "active of a model": lambda journal: journal.jobs.active("churn"),
    "find": lambda journal: journal.jobs.find("000002"),
    "begun_before": lambda journal: journal.jobs.begun_before("churn", frozenset({State.DONE}), NOW, 5),
    "begun_before, after another": lambda journal: journal.jobs.begun_before(
        "churn", frozenset({State.DONE}), NOW, 5, after=a_job()
    ),
    "same_content": lambda journal: journal.contents.trained("churn", "x", "y"),
    "events": lambda journal: journal.events.history("x"),
    "warning": lambda journal: journal.events.last_problem("key_warning", "churn"),
    "standings": lambda journal: journal.standings(["churn", "price"]),
    "published": lambda journal: journal.published("churn"),
    "entries_after": lambda journal: journal.events.entries_after(5, {"job_filed", "model_held"}, 20),
    "last_entry": lambda journal: journal.events.last_entry(),
    "last_word": lambda journal: journal.events.last_problem("folder_away", "churn"),
    "trainings_since": lambda journal: journal.events.trainings_since("churn", NOW),
    "line_speed": lambda journal: journal.events.line_speed("churn"),
    "versions": lambda journal: journal.jobs.versions("churn"),
    "counts": lambda journal: journal.jobs.counts(),
}


@pytest.mark.parametrize("name", LOOKUPS)
def test_no_lookup_reads_the_whole_history(journal, name):
    asked = []
    sa.event.listen(
        journal.database.engine,
        "before_cursor_execute",
        lambda *told: asked.append((told[2], told[3])),
        named=False,
    )
    LOOKUPS[name](journal)
    with journal.database.engine.connect() as connection:
        plans = [
            line[3]
            for statement, values in asked
            if statement.startswith("SELECT")
            for line in connection.exec_driver_sql(f"EXPLAIN QUERY PLAN {statement}", values)
        ]
    assert plans
    # By an index alone, or in the order of one as far as the limit.
    assert not [
        plan for plan in plans if re.match("SCAN (?!CONSTANT ROW|.* USING |.* VIRTUAL TABLE )", plan)
    ], plans
    assert not [
        plan for plan in plans if plan == "USE TEMP B-TREE FOR ORDER BY" and name.startswith("jobs")
    ], plans
