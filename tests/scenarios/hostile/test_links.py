"""Links and other things planted wherever retraind reads or writes: nothing leads it out of the share."""

import os
import shutil

import pytest

from retraind.cli import main
from retraind.domain.job import Outcome, State
from retraind.intake.drop_folder import DropFolder
from retraind.intake.listing import flaw_of
from retraind.report.status_file import STATUS, write_status
from retraind.report.wording import Voice
from support.variants import system
from support.words import told
from support.world import table

pytestmark = pytest.mark.quick

AS_FOLDER = ["link to a folder", "link to a file", "fifo"]
AS_FILE = ["link to a file", "link to nothing", "hard link", "fifo"]
PLACES = [
    # state, what is planted there, as what
    (State.SEALING, ".retraind", AS_FOLDER),
    (State.SEALING, ".retraind/{job}", AS_FOLDER),
    (State.SEALED, ".retraind/{job}", AS_FOLDER),
    (State.CHECKED, ".retraind", AS_FOLDER),
    (State.FILING, "done", AS_FOLDER),
    (State.FILING, "done/{job}", AS_FOLDER),
    (State.SEALING, ".retraind/{job}/job.json", AS_FILE),
    (State.UPLOADED, ".retraind/{job}/results.zip", AS_FILE),
    (State.UPLOADED, ".retraind/{job}/.results.zip.part", AS_FILE),
    (State.FILING, ".retraind/{job}/RESULT.txt", AS_FILE),
    (State.FILING, ".retraind/{job}/.RESULT.txt.tmp", AS_FILE),
]
CASES = [
    (state, place, kind) if which == number % len(kinds) else system((state, place, kind))
    for number, (state, place, kinds) in enumerate(PLACES)
    for which, kind in enumerate(kinds)
]
"""One in each place by default, and each kind in turn."""


def plant(kind, path, victim):
    """Put something in a place; what is there is moved aside, as somebody who may write to the share can do."""
    path.parent.mkdir(parents=True, exist_ok=True)
    if os.path.lexists(path):
        path.rename(path.with_name("kept"))
    if kind == "folder":
        path.mkdir()
        (path / "mine.txt").write_text("somebody's")
    else:
        victim.plant(kind, path)


def take_away(path):
    """Let a person move away what was planted, and put back what was there."""
    if path.is_symlink() or not path.is_dir():
        path.unlink()
    else:
        shutil.rmtree(path)
    if os.path.lexists(path.with_name("kept")):
        path.with_name("kept").rename(path)


@pytest.mark.timeout(30)
@pytest.mark.parametrize("case", CASES, ids=lambda case: f"{case[0]}-{case[2]}-{case[1]}")
def test_whatever_is_planted_nothing_outside_is_read_or_written_and_the_job_goes_on(
    world, victim, sent, case
):
    state, place, kind = case
    job = world.run(world.sealing(), until=state)
    world.wait_for_trainings()
    planted = world.share / place.format(job=job.id)
    plant(kind, planted, victim)
    for _ in range(2):
        job = world.step(job)
    victim.assert_unharmed()
    if job.wait.trouble:
        assert "/proc/" not in world.tell(job, job.wait.trouble), "it says where, in a person's words"
        assert str(planted) in world.tell(job, job.wait.trouble)
        take_away(planted)
    job = world.run(job)
    victim.assert_unharmed()
    assert job.outcome is Outcome.TRAINED
    assert (world.share / "done" / job.id / "train_2026-11.csv").read_bytes() == table()
    assert b"salary" not in sent()


FILES = [(state, place) for state, place, kinds in PLACES if kinds is AS_FILE]


@pytest.mark.parametrize(("state", "place"), FILES)
def test_a_folder_that_has_the_name_of_a_file_of_retrainds_is_put_aside_and_nothing_waits(
    world, victim, state, place
):
    job = world.run(world.sealing(), until=state)
    plant("folder", world.share / place.format(job=job.id), victim)
    job = world.run(job)
    assert job.outcome is Outcome.TRAINED
    (aside,) = world.folder(job).glob("*.foreign-1")
    assert (aside / "mine.txt").read_text() == "somebody's"


@pytest.mark.parametrize("kind", ["link to a folder", "link to a file", "fifo"])
def test_a_failed_delivery_is_filed_through_no_link(world, victim, kind):
    job = world.run(world.sealing(train=b"one\n1\n"), until=State.FILING)
    plant(kind, world.share / "failed", victim)
    job = world.step(job)
    assert "move it away" in world.tell(job, job.wait.trouble)
    victim.assert_unharmed()
    take_away(world.share / "failed")
    assert world.run(job).state is State.FAILED


@pytest.mark.parametrize(
    "kind", ["link to a folder", "link to a file", "link to nothing", "hard link", "fifo", "folder"]
)
@pytest.mark.parametrize("name", [STATUS, f".{STATUS}.tmp"])
def test_the_status_is_written_through_nothing(world, victim, kind, name):
    plant(kind, world.share / name, victim)
    assert write_status(world.share, "All is well.\n", world.clock.now(), Voice())
    assert (world.share / STATUS).read_text("utf-8-sig").startswith("All is well.")
    victim.assert_unharmed()


@pytest.mark.parametrize(
    "kind", ["link to a folder", "link to a file", "link to nothing", "hard link", "fifo"]
)
def test_the_marker_of_a_folder_is_read_and_written_through_nothing(world, victim, kind):
    plant(kind, world.share / ".retraind-id", victim)
    job = world.step(world.sealing())
    victim.assert_unharmed()
    assert job.state in {State.SEALING, State.SEALED}
    assert (world.share / "train_2026-11.csv").exists() == (job.state is State.SEALING)


@pytest.mark.parametrize("kind", ["link to a file", "hard link", "fifo"])
@pytest.mark.parametrize("ready", ["settle", "marker", "manifest"])
def test_what_is_planted_among_the_deliveries_is_not_taken_whatever_vouches_for_it(
    world, victim, kind, ready
):
    plant(kind, world.share / "train_2026-11.csv", victim)
    world.drop("eval_2026-11.csv", table(20))
    world.drop("2026-11.done", b"")
    world.configure(ready=ready, settle=0)
    view = DropFolder(world.model, (), world.clock, None, lambda: None).look()
    assert view.complete == ()
    assert "train_2026-11.csv: It " in told(view.strangers)


def test_a_retry_takes_no_link_that_was_put_in_the_place_of_a_file(world, victim, sent):
    job = world.run(world.sealing(train=b"one\n1\n"))
    path = world.folder(job) / "train_2026-11.csv"
    path.unlink()
    path.hardlink_to(victim.file)
    job = world.run(world.asked_to_retry(job))
    assert job.state is State.FAILED
    assert "hard link" in world.tell(job, job.problem)
    assert b"salary" not in sent()


def test_a_retry_takes_nothing_that_is_put_there_while_the_files_are_judged(world, victim, sent, monkeypatch):
    job = world.run(world.sealing(train=b"one\n1\n"))
    (world.folder(job) / "train_2026-11.csv").write_bytes(table())
    judge = flaw_of

    exchanged = []

    def exchange(status):
        path = world.share / ".retraind" / job.id / "train_2026-11.csv"
        verdict = judge(status)
        if path.exists() and path.stat().st_ino == status.st_ino:
            path.unlink()
            path.hardlink_to(victim.file)
            exchanged.append(path)
        return verdict

    monkeypatch.setattr("retraind.jobs.retries.flaw_of", exchange)
    world.run(world.asked_to_retry(job))
    assert exchanged
    assert b"salary" not in sent()
    victim.assert_unharmed()


def test_commands_follow_no_link_either(world, victim, capsys, monkeypatch):
    world.journal.close()
    config = world.root / "config.toml"
    config.write_text(
        f'[state]\nurl = "sqlite:///{world.root}/state/journal.db"\nspool = "{world.root}/spool"\n'
        f'[models.churn]\ndrop = "{world.share}"\napi_key_file = "{world.key_file}"\n'
    )
    for place in ("done", "failed", ".retraind"):
        plant("link to a folder", world.share / place, victim)
    for command in (["status"], ["rebuild"], ["check"], ["status", "--json"]):
        main([*command, "-c", str(config)])
    victim.assert_unharmed()
    assert "salary" not in capsys.readouterr().out
