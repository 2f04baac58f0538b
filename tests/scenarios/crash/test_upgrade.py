"""The first version is killed with a job in each state, and today's completes the job: once, never twice.

And the way back: an older retraind refuses the journal in words, and works with the backup that the upgrade
has made.
"""

import os
import random
import sqlite3
from collections.abc import Callable
from contextlib import closing
from dataclasses import dataclass, replace
from datetime import timedelta

import pytest

from domain.test_job import EVERY_PART
from retraind.domain.job import State
from retraind.store import backup
from scenarios.crash.earlier import FIRST, earlier
from scenarios.crash.installation import Dropped, Installation, Model, table
from scenarios.crash.invariants import violations_after_kill, violations_at_rest
from support.ledger import history
from support.variants import variants

ROW = "7,b,1\n"


@pytest.fixture(scope="module")
def first(tmp_path_factory):
    base = tmp_path_factory.getbasetemp()
    return earlier(FIRST, base.parent if "PYTEST_XDIST_WORKER" in os.environ else base)


def installed(root):
    """The first version gives a job up that the service does not know for a moment, so it is known here."""
    manners = {"hidden_time": timedelta(0)}
    return Installation(root, (Model("churn", switch="always"),), facts={}, manners=manners)


def good(here):
    here.deliver("churn", "1", table(random.Random(1)), table(random.Random(2)))


def bad(here):
    here.deliver("churn", "1", table(random.Random(1), good=False), table(random.Random(2)))


def still_written(here):
    """Expect what a slow writer makes of the training file."""
    good(here)
    here.dropped[-1] = Dropped("churn", "train_1.csv", here.dropped[-1].content + ROW.encode())


def write_on(here):
    where = str(here.drop("churn"))
    at = "after commit new->sealing"
    return {"tamper": [{"at": at, "do": "append", "in": where, "files": "train*.csv", "text": ROW}]}


@dataclass(frozen=True)
class Way:
    """How the first version's job comes to a state."""

    point: str
    """Where it is killed."""
    deliver: Callable = good
    plan: Callable = lambda _here: {}
    retried: bool = False
    """The job has failed, and a person asks for a retry: the command is killed."""
    trainings: int = 1
    """How often the service trains in all."""


WAYS = {
    "sealing": Way("after commit new->sealing"),
    "sealed": Way("after commit sealing->sealed"),
    "checked": Way("after commit sealed->checked"),
    "bundled": Way("after commit checked->bundled"),
    "registered": Way("after commit bundled->registered"),
    "registered, and half sent": Way("in upload"),
    "registered, and all sent": Way("after response upload"),
    "uploaded": Way("after commit registered->uploaded"),
    "trained": Way("after commit uploaded->trained"),
    "switching": Way("after commit trained->switching"),
    "switching, and switched": Way("after response switch"),
    "filing": Way("after commit switching->filing"),
    "filing, as failed": Way("after commit sealed->filing", bad, trainings=0),
    "done": Way("after commit filing->done"),
    "failed": Way("after commit filing->failed", bad, trainings=0),
    "restoring": Way("after commit failed->restoring", bad, retried=True, trainings=0),
    "returned": Way("after commit sealing->returned", still_written, write_on),
}
FILED = {"done", "failed"}
"""Their notes are the first version's, and stay as they are."""


@pytest.mark.quick
def test_every_state_of_a_job_is_upgraded():
    assert {name.partition(",")[0] for name in WAYS} == set(State)


def leave(first, here, way):
    """Let the first version be killed, and return what its journal has of the job."""
    way.deliver(here)
    if way.retried:
        assert first.run(here).exit_code == 1
        here.retries += 1
        (folder,) = here.filed("failed")
        ended = first.run(here, "retry", folder.name, plan={"point": way.point, "pass": 1})
    else:
        ended = first.run(here, plan=way.plan(here) | {"point": way.point, "pass": 1})
    assert ended.struck == way.point, here.log.read_text()
    return jobs_of(here.journal)


def jobs_of(file):
    """Return id and state of the jobs in a journal that is still the first version's."""
    with closing(sqlite3.connect(file)) as journal:
        assert journal.execute("SELECT version_num FROM alembic_version").fetchone() == ("0005",)
        return journal.execute("SELECT id, state FROM jobs").fetchall()


def backups(here):
    return sorted((here.root / "state" / backup.FOLDER).iterdir())


@pytest.mark.parametrize("name", variants(WAYS, default=["registered, and half sent", "restoring"]))
def test_a_job_that_the_first_version_has_left_is_completed_once_and_never_twice(first, root, name):
    way = WAYS[name]
    with installed(root) as here:
        left = leave(first, here, way)
        assert [state for _, state in left] == [name.partition(",")[0]]
        assert not violations_after_kill(here)
        assert here.run().exit_code in {0, 1}
        assert here.run().exit_code in {0, 1}, "there is nothing left to do"
        wrong = violations_after_kill if name in FILED else violations_at_rest
        assert not wrong(here), here.log.read_text()
        assert sum(map(len, history(here.service.state_dir).started.values())) == way.trainings
        (kept,) = backups(here)
        assert jobs_of(kept) == left


BACK = ["sealed", "bundled", "registered", "uploaded", "switching"]
"""Where the first version has left the job; today's completes it, and the backup knows nothing of that."""


@pytest.mark.parametrize("name", variants(BACK, default=["bundled"]))
def test_the_first_version_refuses_the_upgraded_journal_and_trains_nothing_again_with_the_backup(
    first, root, name
):
    with installed(root) as here:
        leave(first, here, WAYS[name])
        assert here.run().exit_code == 0
        journal = here.journal.read_bytes()
        assert first.run(here).exit_code == 1
        assert "was written by a newer retraind" in here.log.read_text()
        assert here.journal.read_bytes() == journal
        (kept,) = backups(here)
        assert here.run("journal", "restore", str(kept)).exit_code == 0
        assert first.run(here).exit_code == 0
        assert not violations_after_kill(here)
        ((_, state),) = jobs_of(here.journal)
        assert state == "done", here.log.read_text()
        assert sum(map(len, history(here.service.state_dir).started.values())) == 1


BETWEEN = [
    "after commit new->sealing",
    "in upload",
    "after commit uploaded->trained",
    "after commit filing->done",
]


@pytest.mark.parametrize("point", variants(BETWEEN, default=["in upload"]))
def test_the_first_version_takes_over_what_came_between_the_upgrade_and_the_way_back(first, root, point):
    with installed(root) as here:
        leave(first, here, WAYS["bundled"])
        assert here.run().exit_code == 0
        here.deliver("churn", "2", table(random.Random(3)), table(random.Random(4)))
        assert here.run(plan={"point": point, "pass": 1}).struck == point
        (kept,) = backups(here)
        assert here.run("journal", "restore", str(kept)).exit_code == 0
        assert first.run(here).exit_code == 0, here.log.read_text()
        assert not violations_after_kill(here)
        assert here.run().exit_code == 0, "and today's again"
        assert not violations_after_kill(here)
        started = history(here.service.state_dir).started
        assert sorted(map(len, started.values())) == [1, 1], here.log.read_text()
        assert len(here.filed("done")) == 2


READ = """
import sys
from retraind.job import Job
for file in sys.argv[1:]:
    job = Job.from_json(open(file, "rb").read())
    print(job.id, job.state, job.retrain_job_id, job.hold.what, job.trouble, job.problem.what, job.outcome)
"""


@pytest.mark.quick
def test_the_first_version_reads_every_part_of_a_copy_that_today_s_writes(first, tmp_path):
    files = []
    for state in State:
        files.append(tmp_path / state)
        files[-1].write_bytes(replace(EVERY_PART, state=state).portable())
    told = [line.split() for line in first.ask(READ, *files).splitlines()]
    assert told == [[EVERY_PART.id, state, "r", *(["file_problem"] * 3), "trained"] for state in State]
