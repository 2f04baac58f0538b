"""What the harness has found once, as tests of their own that need no luck."""

import threading
from types import SimpleNamespace

import pytest

from crash.installation import Installation, Model
from crash.invariants import violations_after_kill, violations_at_rest
from crash.test_transitions import good, retry
from retraind.job import Outcome, State
from retraind.report.status import write_status
from retraind.scheduler import Scheduler
from world import a_world


@pytest.fixture
def world(tmp_path):
    with a_world(tmp_path) as made:
        yield made


def scheduler_of(world, advance):
    pipeline = SimpleNamespace(settings=world.settings, advance=advance)
    return Scheduler(pipeline, world.journal, world.clock, lambda _model: None)


def test_the_same_bytes_are_a_duplicate_also_while_the_first_job_is_being_filed(world):
    first = world.run(world.sealing("1"), until=State.FILING)
    second = world.run(world.sealing("2"))
    assert (second.outcome, second.earlier_job) == (Outcome.DUPLICATE, first.id)
    assert len(world.records("training_started")) == 1


def test_the_same_bytes_are_no_duplicate_of_a_job_that_failed(world):
    world.emulator.set_faults({"train_fails": 1.0})
    first = world.run(world.sealing("1"), until=State.FILING)
    assert first.outcome is Outcome.FAILED
    world.emulator.set_faults({})
    assert world.run(world.sealing("2")).outcome is Outcome.TRAINED


def test_an_older_key_that_arrives_while_a_job_is_being_checked_waits_for_it(world):
    newer = world.run(world.sealing("2"), until=State.SEALED)
    advanced = []

    def advance(job, *_):
        advanced.append(job.key)
        if job.key == "2":
            older = world.run(world.sealing("1"), until=State.SEALED)
            scheduler.dispatch()
            assert scheduler._timetable.get_job(older.id) is None
            scheduler._run(older.id, "churn")
        return job

    scheduler = scheduler_of(world, advance)
    scheduler._run(newer.id, "churn")
    assert advanced == ["2"]


def test_no_other_thread_takes_a_job_while_it_is_worked_on(world):
    job = world.sealing()
    advanced = []
    scheduler = scheduler_of(world, lambda job, *_: advanced.append(job) or job)
    with scheduler.working_on(job.id):
        scheduler.dispatch()
        other = threading.Thread(target=scheduler._run, args=(job.id, "churn"))
        other.start()
        other.join()
    assert not advanced
    scheduler._run(job.id, "churn")
    assert advanced == [job]


def test_hints_may_come_before_the_timetable_starts(world):
    scheduler = scheduler_of(world, lambda job, *_: job)
    for seconds in (1.0, 0.5, 2.0):
        scheduler.look_in("churn", seconds)


def test_what_a_kill_left_of_status_txt_goes_even_if_there_is_nothing_new_to_tell(tmp_path):
    assert write_status(tmp_path, "All is well.\n")
    (tmp_path / ".STATUS.txt.tmp").write_text("half a")
    assert not write_status(tmp_path, "All is well.\n")
    assert [path.name for path in tmp_path.iterdir()] == ["STATUS.txt"]


@pytest.mark.process
@pytest.mark.parametrize("point", ["in copy", "after unlink train.csv", "before rmdir failed/JOB", "after rmdir failed/JOB"])
def test_a_retry_killed_in_the_middle_of_bringing_the_folder_back(root, other, zygote, point):
    if other is None:
        pytest.skip("this machine has no second file system at hand")
    with Installation(root, zygote, (Model("churn", elsewhere=True),), other) as here:
        good(here)
        here.run(plan={"fail": {"bundle": True}})
        retry(here)
        assert here.run(plan={"point": point, "pass": 1}).struck == point, here.log.read_text()
        assert not violations_after_kill(here)
        assert here.run().exit_code == 0
        assert not violations_at_rest(here), here.log.read_text()


@pytest.mark.process
def test_status_txt_is_right_after_a_kill_that_left_nothing_to_do(root, zygote):
    with Installation(root, zygote, (Model("churn"),)) as here:
        good(here)
        assert here.run(plan={"point": "after commit filing->done", "pass": 1}).killed
        assert here.run().exit_code == 0
        assert not violations_at_rest(here)
