"""Journals and job folders that the first version wrote, before jobs had parts and problems had facts, are
still read.

data/first/ was written by that version: journal.sql is a dump of its journal, copies/ has its job.json files,
and seal.key is the key beside its journal.
"""

import json
import shutil
import sqlite3
from pathlib import Path

import pytest

from retraind.domain.flat import flattened, in_facts
from retraind.domain.job import Outcome, State
from retraind.domain.problems import LEGACY, Finding, Problem, Severity
from retraind.store.copies.sidecar import JobFiles
from retraind.store.journal import Journal

FIRST = Path(__file__).parent / "data" / "first"
STATES = {
    "01": (State.DONE, Outcome.TRAINED),
    "02": (State.DONE, Outcome.SWITCHED),
    "03": (State.FAILED, Outcome.FAILED),
    "04": (State.DONE, Outcome.DUPLICATE),
    "05": (State.DONE, Outcome.TRAINED),
    "06": (State.DONE, Outcome.SWITCHED),
    "07": (State.UPLOADED, None),
    "08": (State.REGISTERED, None),
    "09": (State.BUNDLED, None),
    "10": (State.BUNDLED, None),
    "11": (State.SEALED, None),
    "12": (State.SEALING, None),
    "13": (State.CHECKED, None),
    "14": (State.TRAINED, None),
    "15": (State.SWITCHING, None),
    "16": (State.FILING, Outcome.FAILED),
    "17": (State.RESTORING, Outcome.FAILED),
    "18": (State.RETURNED, None),
}
SENTENCES = {"trouble", "hold", "problem", "switch_note"}
"""Fields that were finished sentences then, or pairs of them."""


def as_facts(written: dict) -> dict:
    """Return a job as it was written, its sentences as the facts that they are kept as."""
    facts = written | {
        name: Problem.from_plain(in_facts(written[name])).as_plain()
        for name in SENTENCES & {name for name, value in written.items() if value is not None}
    }
    warnings = [
        Finding(LEGACY, severity=Severity.WARNING, facts={"text": each}).as_plain()
        for each in written["warnings"]
    ]
    return facts | {"warnings": warnings}


@pytest.fixture
def journal(tmp_path):
    file = tmp_path / "state" / "journal.db"
    file.parent.mkdir(mode=0o700)
    database = sqlite3.connect(file)
    database.executescript((FIRST / "journal.sql").read_text("utf-8"))
    database.close()
    file.chmod(0o600)
    shutil.copy(FIRST / "seal.key", file.parent)
    made = Journal.open(file)
    yield made
    made.close()


def test_every_job_of_its_journal_is_read(journal):
    assert {job.key: (job.state, job.outcome) for job in journal.jobs.newest()} == STATES
    assert {state for state, _ in STATES.values()} == set(State)


def test_no_fact_of_a_job_is_lost_when_it_gets_parts(journal):
    before = sqlite3.connect(":memory:")
    before.executescript((FIRST / "journal.sql").read_text("utf-8"))
    for (body,) in before.execute("SELECT body FROM jobs"):
        written = json.loads(body)
        job = journal.jobs.get(written["id"])
        known = flattened(json.loads(job.to_json()))
        assert {name: known[name] for name in written} == as_facts(written)


def test_every_job_was_written_again_with_parts(journal):
    with journal.database.reader.connect() as connection:
        bodies = connection.exec_driver_sql("SELECT body FROM jobs").scalars().all()
    assert len(bodies) == len(STATES)
    assert {frozenset(json.loads(body)) for body in bodies} == {frozenset(vars(journal.jobs.newest()[0]))}


def test_a_hold_in_its_words_ends_when_the_model_gets_another_name(journal):
    held = next(job for job in journal.jobs.newest() if job.hold)
    journal.rename_model("churn", "customers", "model_not_configured")
    renamed = journal.jobs.get(held.id)
    assert (renamed.model, renamed.hold, renamed.wait.wake_at) == ("customers", None, None)


def test_every_copy_in_its_job_folders_is_believed(tmp_path, journal):
    copies = JobFiles.beside(tmp_path / "state" / "journal.db")
    for path in (FIRST / "copies").rglob("job.json"):
        job = copies.read(path.parent, path.parent.name)
        assert job is not None, path
        assert journal.jobs.get(job.id).files == job.files
        written = json.loads(json.loads(path.read_text("utf-8"))["job"])
        known = flattened(json.loads(job.to_json()))
        assert {name: known[name] for name in written} == as_facts(written)
