"""Writers that go on after their file was taken in."""

import os
import threading
from datetime import timedelta

import pytest

from retraind.domain.job import Outcome, State
from retraind.reconcile.upkeep.growth import Growth
from support.world import a_world, table

MORE = b"9999,1,1\n" * 10


@pytest.fixture
def world(tmp_path):
    with a_world(tmp_path) as made:
        yield made


@pytest.fixture
def growth(world):
    return Growth(world.pipeline, world.journal, world.clock, threading.Event())


def note_of(world, job, name):
    return " ".join(world.read(job, name).split())


def test_a_failed_file_that_its_writer_goes_on_with_is_told_in_its_note(world, growth):
    job = world.sealing(train=b"a,b\n1,2\n")
    with (world.share / "train_2026-11.csv").open("ab") as writer:
        job = world.run(job)
        assert (job.state, job.outcome) == (State.FAILED, Outcome.FAILED)
        growth.mind()
        assert "has grown" not in note_of(world, job, "ERROR.txt")
        writer.write(MORE)
        writer.flush()
        growth.mind()
    note = note_of(world, job, "ERROR.txt")
    assert "train_2026-11.csv has grown since it was taken in: it had 8 bytes then and has 98 now." in note
    assert "write under a temporary name and rename the file at the end, or raise settle (now " in note
    assert "The data violates the service's rules" in note, "the rest is still told"


def test_what_was_trained_with_a_part_says_so(world, growth):
    job = world.sealing()
    with (world.share / "train_2026-11.csv").open("ab") as writer:
        job = world.run(job)
        assert job.outcome is Outcome.TRAINED
        writer.write(MORE)
        writer.flush()
        growth.mind()
        assert "The model was trained with what had arrived by then." in note_of(world, job, "RESULT.txt")
        writer.write(MORE)
        writer.flush()
        growth.mind()
    assert f"and has {len(table()) + 2 * len(MORE):,} now" in note_of(world, job, "RESULT.txt")


def test_what_has_grown_while_it_was_trained_is_told_when_it_is_filed(world):
    job = world.sealing()
    with (world.share / "train_2026-11.csv").open("ab") as writer:
        job = world.run(job, until=State.UPLOADED)
        writer.write(MORE)
        writer.flush()
        job = world.run(job)
    assert "train_2026-11.csv has grown since it was taken in" in note_of(world, job, "RESULT.txt")


def test_a_note_is_renewed_only_when_something_has_changed(world, growth):
    job = world.sealing(train=b"a,b\n1,2\n")
    with (world.share / "train_2026-11.csv").open("ab") as writer:
        job = world.run(job)
        writer.write(MORE)
    growth.mind()
    path = world.share / "failed" / job.id / "ERROR.txt"
    before = path.stat().st_ino
    growth.mind()
    assert path.stat().st_ino == before


@pytest.mark.parametrize("what", ["replaced by a person", "deleted", "hours later", "folder gone"])
def test_what_is_not_a_writer_s_doing_is_left_alone(world, growth, what):
    job = world.run(world.sealing(train=b"a,b\n1,2\n"))
    folder = world.share / "failed" / job.id
    path = folder / "train_2026-11.csv"
    if what == "replaced by a person":
        (folder / "new").write_bytes(table())
        (folder / "new").rename(path)
    elif what == "deleted":
        path.unlink()
    elif what == "folder gone":
        folder.rename(world.share / "elsewhere")
    else:
        world.clock.pass_time(timedelta(hours=2))
        with path.open("ab") as writer:
            writer.write(MORE)
    growth.mind()
    assert what == "folder gone" or "has grown" not in note_of(world, job, "ERROR.txt")
    assert os.path.lexists(folder) == (what != "folder gone")
