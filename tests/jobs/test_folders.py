"""Where jobs' folders are when a model is given another drop folder while they are in work."""

import shutil
from dataclasses import replace
from itertools import cycle

import pytest

from retraind.domain.job import Outcome, State
from retraind.jobs.folders import move_noted
from support.killing import at_every_point
from support.variants import long
from support.world import a_world, table

FILES = {"train_2026-11.csv", "eval_2026-11.csv"}


@pytest.fixture
def world(tmp_path):
    with a_world(tmp_path) as made:
        yield made


def give_another(world, drop) -> None:
    drop.mkdir(exist_ok=True)
    world.share = drop
    world.configure(drop=drop)


def data_in(*folders) -> list[tuple[str, bytes]]:
    paths = (path for folder in folders for path in folder.rglob("*.csv"))
    return sorted((path.name, path.read_bytes()) for path in paths)


@pytest.mark.parametrize("state", [State.SEALED, State.CHECKED, State.BUNDLED, State.UPLOADED, State.FILING])
def test_what_is_in_work_goes_on_in_the_new_folder(world, tmp_path, state):
    job = world.run(world.sealing(), until=state)
    before = data_in(world.share)
    give_another(world, tmp_path / "new")
    job = world.run(job)
    assert job.outcome is Outcome.TRAINED
    assert data_in(tmp_path / "new" / "done" / job.id) == before == data_in(tmp_path)
    assert len(world.records("training_started")) == 1


@pytest.mark.parametrize("last", ["share/churn", "third"], ids=["back", "to a third"])
@pytest.mark.parametrize("state", [State.SEALED, State.UPLOADED])
def test_it_is_found_when_the_drop_folder_changes_again(world, tmp_path, state, last):
    job = world.run(world.sealing(), until=state)
    before = data_in(world.share)
    give_another(world, tmp_path / "second")
    job = world.step(job)
    give_another(world, tmp_path / last)
    job = world.run(job)
    assert job.outcome is Outcome.TRAINED
    assert data_in(tmp_path / last / "done" / job.id) == before == data_in(tmp_path)


LAST = ("second", "share/churn", "third")


@pytest.mark.parametrize(
    "lasts", [LAST, *(long((last,), id=last) for last in LAST)], ids=["in turn"] + [None] * 3
)
def test_a_kill_while_it_is_brought_leaves_nothing_behind(world, tmp_path, lasts):
    """By default the folder that the model has afterwards is another one from kill to kill."""
    job = world.run(world.sealing(), until=State.UPLOADED)
    before = data_in(world.share)
    world.save(tmp_path / "kept")

    def prepare():
        shutil.rmtree(tmp_path / "second", ignore_errors=True)
        shutil.rmtree(tmp_path / "third", ignore_errors=True)
        world.share = tmp_path / "share" / "churn"
        world.restore(tmp_path / "kept")
        give_another(world, tmp_path / "second")

    def bring():
        noted = move_noted(job, world.model, world.journal)
        with world.pipeline.places.holding(noted):
            pass

    for where, last in zip(at_every_point(bring, prepare), cycle(lasts), strict=False):
        give_another(world, tmp_path / last)
        present = world.journal.jobs.get(job.id)
        noted = move_noted(present, world.model, world.journal)
        with world.pipeline.places.holding(noted) as folder:
            assert data_in(folder) == before, where
        assert data_in(tmp_path / "share", tmp_path / "second", tmp_path / "third") == before, where


@pytest.mark.parametrize(("state", "end"), [(State.SEALED, State.RETURNED), (State.UPLOADED, State.DONE)])
def test_on_another_file_system_it_is_copied_and_what_was_not_sent_settles_anew(world, elsewhere, state, end):
    job = world.run(world.sealing(), until=state)
    old, before = world.share, data_in(world.share)
    give_another(world, elsewhere)
    job = world.run(job)
    assert job.state is end
    assert data_in(elsewhere if end is State.RETURNED else elsewhere / "done" / job.id) == before
    assert not data_in(old)


def test_files_that_were_about_to_be_sealed_are_not_left_in_a_hidden_folder(world, tmp_path):
    job = world.sealing()
    before = data_in(world.share)
    hidden = world.model.work_folder / job.id
    hidden.mkdir(parents=True)
    (world.share / "train_2026-11.csv").rename(hidden / "train_2026-11.csv")
    old = world.share
    give_another(world, tmp_path / "new")
    assert world.run(job).state is State.RETURNED
    assert sorted(data_in(tmp_path / "new") + data_in(old)) == before
    assert {path.name for folder in (tmp_path / "new", old) for path in folder.glob("*.csv")} == FILES


def test_it_waits_for_the_old_folder_as_long_as_that_is_away(world, tmp_path):
    job = world.run(world.sealing(), until=State.SEALED)
    old = world.share.rename(tmp_path / "away")
    mount_point = world.share
    give_another(world, tmp_path / "new")
    job = world.step(job)
    assert job.state is State.SEALED
    assert f"taken in from {mount_point}, which is no longer the model's drop folder" in world.tell(
        job, job.wait.trouble
    )
    old.rename(mount_point)
    assert world.run(job).outcome is Outcome.TRAINED


def test_a_job_whose_folder_somebody_deleted_is_not_waited_for(world, tmp_path):
    job = world.run(world.sealing(), until=State.SEALED)
    shutil.rmtree(world.folder(job))
    give_another(world, tmp_path / "new")
    assert world.run(job).state is State.RETURNED


def test_a_model_that_is_published_again_later_does_not_wait_for_the_old_folder(world, tmp_path):
    job = world.run(world.sealing())
    shutil.rmtree(world.share)
    give_another(world, tmp_path / "new")
    job = world.run(world.asked_to_switch(job))
    assert (job.state, job.outcome) == (State.DONE, Outcome.SWITCHED)


@pytest.mark.parametrize("used", [True, False], ids=["the new place was used", "not yet"])
def test_a_job_filed_in_an_archive_that_is_away_waits_for_it_though_its_model_files_elsewhere_now(
    tmp_path, used
):
    old, new = tmp_path / "old", tmp_path / "new"
    for folder in (old, new):
        folder.mkdir()
    with a_world(tmp_path, done=old) as world:
        job = world.run(world.sealing())
        world.configure(done=new)
        if used:
            world.run(world.sealing("2", table(50)))
        away = old.rename(tmp_path / "away")
        job = world.run(world.asked_to_switch(job), until=State.FILING)
        job = world.step(job)
        assert job.state is State.FILING
        assert f"The job was filed in {old}" in world.tell(job, job.wait.trouble)
        old.mkdir()  # The bare mount point.
        job = world.step(job)
        assert (
            f"{old} is not the folder that retraind knows; its share is probably not mounted."
            in world.tell(job, job.wait.trouble)
        )
        assert not list(old.iterdir())
        old.rmdir()
        away.rename(old)
        job = world.run(job)
        assert (job.state, job.outcome) == (State.DONE, Outcome.SWITCHED)
        assert world.folder(job) == old / job.id
        assert not (new / job.id).exists()


def test_a_job_of_an_earlier_retraind_is_found_in_the_usual_place(world, tmp_path):
    job = world.run(world.sealing())
    job = world.journal.jobs.write(job, replace(job, filed_in=None))
    (tmp_path / "archive").mkdir()
    usual = world.folder(job)
    world.configure(done=tmp_path / "archive")
    job = world.run(world.asked_to_switch(job))
    assert (job.state, world.folder(job)) == (State.DONE, usual)
    assert not list((tmp_path / "archive").iterdir())
