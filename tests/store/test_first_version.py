"""Journals and job folders that the first version wrote, before jobs had parts and problems had facts, are still read.

data/first/ was written by that version: journal.sql is a dump of its journal, copies/ has its job.json files, and
seal.key is the key beside its journal.
"""

import shutil
import sqlite3
from pathlib import Path

import pytest

from retraind.domain.job import Outcome, State
from retraind.store.journal import Journal
from retraind.store.sidecar import JobFiles

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
}


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


def test_every_copy_in_its_job_folders_is_believed(tmp_path, journal):
    copies = JobFiles.beside(tmp_path / "state" / "journal.db")
    for path in (FIRST / "copies").rglob("job.json"):
        job = copies.read(path.parent, path.parent.name)
        assert job is not None, path
        assert journal.jobs.get(job.id).files == job.files
