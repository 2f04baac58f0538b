"""What the gate is shown when somebody has changed what lies in the job's folder, before the gate or
meanwhile."""

import hashlib
import json
import os
import sys
from dataclasses import replace
from datetime import timedelta

import pytest

from retraind.domain.job import End, Outcome, Role, State
from support.world import a_world, table

GATE = """
import hashlib, json, pathlib, sys
job = json.load(sys.stdin)
with open({asked!r}, "a") as asked:
    asked.write("asked ")
{more}
paths = [job["results"], *job["files"].values()]
print(json.dumps([hashlib.sha256(pathlib.Path(path).read_bytes()).hexdigest() for path in paths]))
"""


@pytest.fixture
def judged(tmp_path):
    """Make a world whose gate says yes, and prints the hashes of what it could read."""

    def made(more="", **model):
        code = GATE.format(asked=str(tmp_path / "asked"), more=more)
        return a_world(tmp_path, switch="gate", gate=[sys.executable, "-c", code], **model)

    return made


def was_asked(tmp_path):
    return (tmp_path / "asked").exists()


def other_bytes(path):
    """Change a file as its owner can: its size and times are as before."""
    status = path.stat()
    path.write_bytes(path.read_bytes()[:-2][::-1].ljust(status.st_size))
    os.utime(path, ns=(status.st_atime_ns, status.st_mtime_ns))


def replaced(path):
    path.unlink()
    path.write_bytes(b"a writer's")


def longer(path):
    with path.open("ab") as file:
        file.write(b"x" * 1000)


def link(path):
    path.unlink()
    path.symlink_to("/etc/hostname")


def fifo(path):
    path.unlink()
    os.mkfifo(path)


def folder(path):
    path.unlink()
    path.mkdir()


DEEDS = [other_bytes, replaced, link, fifo, folder, lambda path: path.unlink()]
IDS = ["other bytes", "replaced", "link", "fifo", "folder", "deleted"]


@pytest.mark.parametrize("deed", DEEDS, ids=IDS)
def test_results_that_were_exchanged_are_fetched_again_and_put_right(tmp_path, judged, deed):
    with judged() as world:
        job = world.run(world.sealing(), until=State.TRAINED)
        results = world.folder(job) / "results.zip"
        sent = results.read_bytes()
        deed(results)
        job = world.run(job)
        assert job.outcome is Outcome.SWITCHED
        digests = [hashlib.sha256(each).hexdigest() for each in (sent, table(), table(20))]
        assert json.loads(job.gate.output) == digests
        report = json.loads(world.read(job, "report.json"))
        assert [shown["sha256"] for shown in report["gate_shown"]] == digests
        assert report["results_sha256"] == digests[0]
        assert (world.folder(job) / "results.zip").read_bytes() == sent
        assert not list((tmp_path / "state" / "gate").iterdir())


def test_results_that_somebody_made_longer_are_shown_as_they_were_sent(judged):
    with judged() as world:
        job = world.run(world.sealing(), until=State.TRAINED)
        results = world.folder(job) / "results.zip"
        digest = hashlib.sha256(results.read_bytes()).hexdigest()
        longer(results)
        job = world.run(job)
        assert json.loads(job.gate.output)[0] == digest


def test_a_job_of_which_an_earlier_retraind_noted_no_hash_has_its_results_fetched_again(judged):
    with judged() as world:
        job = world.run(world.sealing(), until=State.TRAINED)
        replaced(world.folder(job) / "results.zip")
        job = world.journal.jobs.write(
            job, replace(job, training=replace(job.training, results_sha256=None, results_bytes=None))
        )
        job = world.run(job)
        assert job.outcome is Outcome.SWITCHED
        assert "results_fetched_again" in {event.event for event in world.journal.events.history(job.id)}
        assert job.training.results_sha256 == json.loads(job.gate.output)[0]


@pytest.mark.quick
def test_where_the_results_cannot_be_had_the_gate_is_not_asked_and_the_model_not_switched(tmp_path, judged):
    with judged() as world:
        job = world.run(world.sealing(), until=State.TRAINED)
        replaced(world.folder(job) / "results.zip")
        job = world.run(
            world.journal.jobs.write(
                job, replace(job, registration=replace(job.registration, retrain_job_id="somebody-elses"))
            )
        )
        assert (job.state, job.outcome) == (State.DONE, Outcome.TRAINED)
        assert not was_asked(tmp_path)
        note = " ".join(world.read(job, "RESULT.txt").split())
        assert "may not be those of the service, and cannot be fetched again" in note
        assert "Therefore the gate was not run, and the model was not switched." in note


def test_a_service_that_is_away_is_waited_for_but_not_for_ever(tmp_path, judged):
    with judged(poll={"timeout": 3600}) as world:
        job = world.run(world.sealing(), until=State.TRAINED)
        replaced(world.folder(job) / "results.zip")
        world.emulator.set_faults({"api_503": 1.0})
        job = world.step(job)
        assert (job.state, job.wait.attempts) == (State.TRAINED, 1)
        world.clock.pass_time(timedelta(hours=2))
        job = world.run(world.step(job))
        assert (job.outcome, was_asked(tmp_path)) == (Outcome.TRAINED, False)


@pytest.mark.parametrize("gate_data", [False, True])
@pytest.mark.parametrize("deed", DEEDS, ids=IDS)
def test_data_that_is_not_what_was_trained_with_is_not_shown_and_the_model_not_switched(
    tmp_path, judged, deed, gate_data
):
    with judged(gate_data=gate_data) as world:
        job = world.run(world.sealing(), until=State.TRAINED)
        deed(world.folder(job) / "eval_2026-11.csv")
        job = world.run(job)
        assert (job.state, job.outcome) == (State.DONE, Outcome.TRAINED)
        assert not was_asked(tmp_path)
        assert (
            "eval_2026-11.csv in the job's folder is no longer the file that the model was trained with"
            in world.tell(job, job.switch_note)
        )


CHANGE = """
import os
path = pathlib.Path(job["files"]["train"])
status = path.stat()
with path.open("r+b") as file:
    file.write(b"x")
os.utime(path, ns=(status.st_atime_ns, status.st_mtime_ns))
"""


@pytest.mark.quick
def test_a_file_that_is_changed_while_the_gate_looks_at_it_makes_its_yes_void(judged):
    """The gate stands for a writer who still has the file open."""
    with judged(CHANGE) as world:
        job = world.run(world.sealing())
        assert job.outcome is Outcome.TRAINED
        assert job.gate.exit == 0
        assert "train_2026-11.csv changed while the gate was reading it" in world.tell(job, job.switch_note)


def test_a_gate_that_changes_its_own_copies_changes_nothing_else(judged):
    with judged(CHANGE, gate_data=True) as world:
        job = world.run(world.sealing())
        assert job.outcome is Outcome.SWITCHED
        assert (world.folder(job) / "train_2026-11.csv").read_bytes() == table()


def test_a_retried_jobs_data_that_somebody_still_has_open_is_not_shown_for_what_was_trained(tmp_path, judged):
    with judged() as world:
        job = world.run(world.sealing(train=b"one\n1\n"))
        path = world.folder(job) / "train_2026-11.csv"
        path.write_bytes(table(40))
        with path.open("r+b") as still_open:
            job = world.run(world.asked_to_retry(job), State.TRAINED)
            status = os.fstat(still_open.fileno())
            still_open.write(b"x" * 20)
            still_open.flush()
            os.utime(still_open.fileno(), ns=(status.st_atime_ns, status.st_mtime_ns))
            job = world.run(job)
        assert (job.outcome, was_asked(tmp_path)) == (Outcome.TRAINED, False)


def test_copies_of_the_data_wait_for_room(judged):
    with judged(gate_data=True) as world:
        job = world.run(world.sealing(), until=State.TRAINED)
        state = world.settings.state
        world.pipeline.configure(
            world.settings.model_copy(update={"state": state.model_copy(update={"keep_free": 1 << 60})})
        )
        job = world.step(job)
        assert job.state is State.TRAINED
        assert "No space left on device" in world.tell(job, job.wait.trouble)
        world.pipeline.configure(world.settings)
        assert world.run(job).outcome is Outcome.SWITCHED


@pytest.mark.quick
def test_two_files_of_one_name_are_shown_apart(judged):
    with judged(gate_data=True, train="train/{key}", eval="eval/{key}") as world:
        job = world.sealing()
        files = []
        for file in job.files:
            below = world.share / file.role
            below.mkdir()
            (world.share / file.name).rename(below / "2026-11.csv")
            files.append(replace(file, name=f"{file.role}/2026-11.csv"))
        job = world.run(world.journal.jobs.write(job, replace(job, files=tuple(files))))
        assert json.loads(job.gate.output)[1:] == [
            hashlib.sha256(each).hexdigest() for each in (table(), table(20))
        ]
        assert job.outcome is Outcome.SWITCHED


@pytest.mark.parametrize("below", ["", "train/"])
@pytest.mark.quick
def test_a_retry_leaves_nothing_that_was_put_into_the_failed_folder(tmp_path, below):
    """The old folder is another than the new one, also where the pattern has sub-folders; all that was in it
    comes along."""
    with a_world(tmp_path, mode="train-only") as world:
        job = world.sealing(train=b"one\n1\n", evaluation=None)
        name = f"{below}train_2026-11.csv"
        if below:
            (world.share / "train").mkdir()
            (world.share / "train_2026-11.csv").rename(world.share / name)
            job = world.journal.jobs.write(job, replace(job, files=(replace(job.files[0], name=name),)))
        job = world.run(job)
        failed = world.folder(job)
        assert failed.parent.name == "failed"
        (failed / name).write_bytes(table())
        (failed / "notes").mkdir()
        (failed / "notes" / "why.txt").write_text("a person's")
        identities = {path.stat().st_ino for path in (failed, (failed / name).parent)}
        job = world.run(world.asked_to_retry(job))
        assert job.outcome is Outcome.TRAINED
        done = world.folder(job)
        assert identities.isdisjoint({path.stat().st_ino for path in (done, (done / name).parent)})
        assert (done / "notes" / "why.txt").read_text() == "a person's"
        assert list(failed.parent.iterdir()) == []


def test_what_a_person_corrected_is_checked_again_whatever_step_failed(tmp_path):
    """A step that failed after the registration would send the corrected file to the retrain job of the other
    one."""
    with a_world(tmp_path, mode="train-only") as world:
        job = world.run(world.sealing(evaluation=None), until=State.REGISTERED)
        end = End(outcome=Outcome.FAILED, failed_in=State.REGISTERED, resume_in=State.REGISTERED)
        job = world.run(world.journal.jobs.write(job, replace(job, state=State.FILING, end=end)))
        assert job.state is State.FAILED
        (world.folder(job) / "train_2026-11.csv").write_bytes(table(50, 7))
        job = world.step(world.asked_to_retry(job))
        assert job.state is State.SEALED
        job = world.run(job)
        assert job.outcome is Outcome.TRAINED
        assert job.file(Role.TRAIN).sha256 == hashlib.sha256(table(50, 7)).hexdigest()
