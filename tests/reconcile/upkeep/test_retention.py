"""What `retention` deletes, and what it leaves: by default everything."""

import shutil
import threading
from datetime import timedelta

import pytest

from retraind.domain.job import Outcome, State
from retraind.jobs.expiry import expire, size_of
from retraind.reconcile.upkeep import retention
from retraind.reconcile.upkeep.retention import LONGEST_GRACE, Tidier
from support.killing import at_every_point
from support.world import a_world, table

KEPT = timedelta(days=90)
OWN_CLOCK = {"key_lifetime": timedelta(days=4000)}


@pytest.fixture
def world(tmp_path):
    with a_world(tmp_path, service=OWN_CLOCK, retention=KEPT) as made:
        yield made


def tidier_of(world):
    return Tidier(world.pipeline, world.journal, world.clock, threading.Event())


def pass_and_tidy(world, span):
    tidier = tidier_of(world)
    world.clock.pass_time(span)
    tidier.tidy()
    world.clock.pass_time(LONGEST_GRACE)
    tidier.tidy()


def test_a_finished_job_is_deleted_with_its_history_once_it_has_been_kept_long_enough(world):
    job = world.run(world.sealing())
    folder = world.folder(job)
    pass_and_tidy(world, KEPT - timedelta(hours=2))
    assert folder.is_dir()
    assert world.journal.events.history(job.id)
    pass_and_tidy(world, timedelta(hours=3))
    assert not list(folder.parent.iterdir())
    assert world.journal.jobs.get(job.id) is None
    assert not world.journal.events.history(job.id)


def test_runs_that_end_before_an_hour_has_passed_delete_what_an_earlier_one_has_found_due(world):
    job, there = world.run(world.sealing()), []

    def run():
        tidier = tidier_of(world)
        tidier.keeps = True
        tidier.tidy()
        there.append(world.journal.jobs.get(job.id) is not None and world.folder(job).is_dir())

    run()
    world.clock.pass_time(KEPT + timedelta(minutes=1))
    run()
    run()
    world.clock.pass_time(LONGEST_GRACE / 2)
    run()
    world.clock.pass_time(LONGEST_GRACE / 2)
    run()
    assert there == [True, True, True, True, False]
    run()
    noted = world.journal.events.of_model("churn", ["waits_for_deletion"], 10)
    assert [len(event.detail["jobs"]) for event in noted] == [0, 1], "what is not news is not noted"


def test_what_runs_found_due_counts_no_longer_once_it_is_not(world):
    job = world.run(world.sealing())
    models = world.pipeline.settings.models

    def run():
        tidier = tidier_of(world)
        tidier.keeps = True
        tidier.tidy()
        world.clock.pass_time(LONGEST_GRACE)

    world.clock.pass_time(KEPT / 2)
    wrong = models["churn"].model_copy(update={"retention": KEPT / 3})
    right, models["churn"] = models["churn"], wrong
    run()
    models["churn"] = right
    run()
    models["churn"] = wrong
    run()
    assert world.folder(job).is_dir()


def test_without_retention_nothing_is_ever_deleted(tmp_path):
    with a_world(tmp_path, service=OWN_CLOCK) as world:
        job = world.run(world.sealing())
        pass_and_tidy(world, timedelta(days=3650))
        assert world.folder(job).is_dir()
        assert world.journal.jobs.get(job.id) == job


def test_a_failed_delivery_stays_until_a_person_has_cleared_it_away(world):
    job = world.run(world.sealing(train=b"age\n1\n"))
    assert job.outcome is Outcome.FAILED
    pass_and_tidy(world, 2 * KEPT)
    assert (world.share / "failed" / job.id / "ERROR.txt").is_file()
    shutil.rmtree(world.share / "failed" / job.id)
    pass_and_tidy(world, timedelta(0))
    assert world.journal.jobs.get(job.id) is None


def test_failed_deliveries_that_stay_keep_no_other_job(world, monkeypatch):
    monkeypatch.setattr(retention, "_MOST_AT_ONCE", 2)
    kept = [world.run(world.sealing(key=str(key), train=b"age\n1\n")) for key in range(3)]
    done = [world.run(world.sealing(key=str(key), train=table(40, key))) for key in range(3, 6)]
    pass_and_tidy(world, 2 * KEPT)
    assert [world.journal.jobs.get(job.id) for job in kept] == kept
    assert not any(world.journal.jobs.get(job.id) for job in done)


def test_the_published_job_and_the_one_to_go_back_to_stay_whatever_their_age(tmp_path):
    with a_world(tmp_path, service=OWN_CLOCK, retention=KEPT, switch="always") as world:
        oldest, before, published = (
            world.run(world.sealing(key=str(key), train=table(40, key))) for key in (1, 2, 3)
        )
        pass_and_tidy(world, 2 * KEPT)
        assert world.journal.jobs.get(oldest.id) is None
        assert world.folder(before).is_dir()
        assert world.folder(published).is_dir()
        assert world.journal.published("churn") == published.id


def left(world, place):
    """Return the keys of the jobs in a place, oldest first; their folders and their records agree."""
    known = world.journal.jobs.all_in("churn", State.FAILED if place == "failed" else State.DONE)
    assert {job.id for job in known} == {folder.name for folder in (world.share / place).iterdir()}
    return [job.key for job in reversed(known)]


def run_some(world, number, **delivery):
    """Make jobs of the keys 1, 2, …, an hour one after the other."""
    made = []
    for key in range(1, number + 1):
        made.append(world.run(world.sealing(key=str(key), **(delivery or {"train": table(40, key)}))))
        world.clock.pass_time(timedelta(hours=1))
    return made


@pytest.mark.parametrize(("place", "prefix"), [("done", "retention"), ("failed", "retention_failed")])
def test_beyond_a_number_the_oldest_go_first(tmp_path, place, prefix):
    with a_world(tmp_path, service=OWN_CLOCK, **{f"{prefix}_count": 2}) as world:
        run_some(world, 4, **({"train": b"age\n1\n"} if place == "failed" else {}))
        tidier_of(world).tidy()
        assert left(world, place) == ["1", "2", "3", "4"], "not before they have been too many for a while"
        pass_and_tidy(world, timedelta(0))
        assert left(world, place) == ["3", "4"]


@pytest.mark.parametrize(("place", "prefix"), [("done", "retention"), ("failed", "retention_failed")])
def test_beyond_a_size_the_oldest_go_first_and_the_newest_stays_however_large(tmp_path, place, prefix):
    with a_world(tmp_path, service=OWN_CLOCK) as world:
        jobs = run_some(world, 4, **({"train": b"age\n1\n"} if place == "failed" else {}))
        for room, kept in ((sum(map(size_of, jobs)), 4), (sum(map(size_of, jobs[1:])), 3), (1, 1)):
            world.configure(**{f"{prefix}_size": room})
            pass_and_tidy(world, timedelta(0))
            assert left(world, place) == ["1", "2", "3", "4"][-kept:]


def test_the_size_is_that_of_data_and_results(world):
    job = world.run(world.sealing())
    files = [*world.folder(job).glob("*.csv"), *world.folder(job).glob("results*")]
    assert len(files) == 3
    assert size_of(job) == sum(file.stat().st_size for file in files)


def test_what_failed_is_deleted_by_its_own_age_alone(tmp_path):
    with a_world(tmp_path, service=OWN_CLOCK, retention=KEPT, retention_failed=2 * KEPT) as world:
        failed = world.run(world.sealing(train=b"age\n1\n"))
        folder = world.folder(failed)
        pass_and_tidy(world, KEPT + timedelta(days=1))
        assert folder.is_dir()
        pass_and_tidy(world, KEPT)
        assert not folder.exists()
        assert world.journal.jobs.get(failed.id) is None


def test_a_number_for_what_failed_makes_no_age_for_it(tmp_path):
    with a_world(tmp_path, service=OWN_CLOCK, retention=KEPT, retention_failed_count=1) as world:
        run_some(world, 2, train=b"age\n1\n")
        pass_and_tidy(world, 3 * KEPT)
        assert left(world, "failed") == ["2"]


def test_folders_that_a_person_has_cleared_away_do_not_count(tmp_path):
    with a_world(tmp_path, service=OWN_CLOCK, retention_failed_count=2) as world:
        jobs = run_some(world, 4, train=b"age\n1\n")
        for job in jobs[2:]:
            shutil.rmtree(world.share / "failed" / job.id)
        pass_and_tidy(world, timedelta(0))
        assert {path.name for path in (world.share / "failed").iterdir()} == {job.id for job in jobs[:2]}


def test_the_published_job_and_the_one_before_stay_though_they_are_too_many(tmp_path):
    with a_world(tmp_path, service=OWN_CLOCK, retention_count=1, retention_size=1) as world:
        jobs = run_some(world, 5)
        for job in jobs[:2]:
            world.run(world.asked_to_switch(job))
            world.clock.pass_time(timedelta(hours=1))
        pass_and_tidy(world, timedelta(0))
        assert left(world, "done") == ["1", "2", "5"]


def test_what_the_budget_counts_stays_though_it_is_too_much(tmp_path):
    with a_world(tmp_path, service=OWN_CLOCK, retention_count=1, budget="9/week") as world:
        run_some(world, 3)
        pass_and_tidy(world, timedelta(days=6))
        assert left(world, "done") == ["1", "2", "3"]
        pass_and_tidy(world, timedelta(days=1, hours=3))
        assert left(world, "done") == ["3"]


def test_a_share_that_is_away_is_no_empty_one(tmp_path):
    with a_world(tmp_path, service=OWN_CLOCK, retention_count=1) as world:
        jobs = run_some(world, 3)
        world.share.rename(tmp_path / "unmounted")
        world.share.mkdir()
        pass_and_tidy(world, timedelta(0))
        assert len(list((tmp_path / "unmounted" / "done").iterdir())) == 3
        assert all(world.journal.jobs.get(job.id) for job in jobs)


def test_a_job_that_a_restored_share_has_in_work_is_not_forgotten(world):
    """The next start would take its folder for that of a job in work, and train with it again."""
    job = world.run(world.sealing())
    shutil.move(world.folder(job), world.model.work_folder / job.id)
    pass_and_tidy(world, 2 * KEPT)
    assert world.journal.jobs.get(job.id) == job
    assert (world.model.work_folder / job.id / "train_2026-11.csv").is_file()


def test_a_clock_that_is_wrong_for_a_while_deletes_nothing(world):
    job = world.run(world.sealing())
    tidier = tidier_of(world)
    for _ in range(3):
        world.clock.jump(10 * KEPT)
        tidier.tidy()
        world.clock.jump(-10 * KEPT)
        world.clock.pass_time(LONGEST_GRACE)
        tidier.tidy()
    assert world.folder(job).is_dir()


def test_a_job_that_somebody_wants_meanwhile_stays(world):
    job = world.run(world.sealing())
    world.clock.pass_time(KEPT + LONGEST_GRACE)
    wanted = world.asked_to_switch(job)
    tidier = tidier_of(world)
    assert not tidier._expire(job)
    assert world.folder(wanted).is_dir()
    assert world.run(wanted).outcome is Outcome.SWITCHED


def test_nothing_is_deleted_from_a_share_that_is_away(world, tmp_path):
    job = world.run(world.sealing())
    world.clock.pass_time(KEPT)
    world.share.rename(tmp_path / "unmounted")
    world.share.mkdir()
    assert not tidier_of(world)._expire(job)
    assert world.journal.jobs.get(job.id) == job
    assert (tmp_path / "unmounted" / "done" / job.id).is_dir()


def test_a_link_in_the_place_of_a_finished_job_leads_the_deletion_nowhere(world, tmp_path):
    job = world.run(world.sealing())
    other = tmp_path / "somebody-else"
    other.mkdir()
    (other / "precious").write_text("x")
    folder = world.folder(job)
    shutil.rmtree(folder)
    folder.symlink_to(other)
    pass_and_tidy(world, 2 * KEPT)
    assert (other / "precious").read_text() == "x"


def test_a_kill_at_any_operation_is_made_up_for_by_the_next_time(world, tmp_path):
    job = world.run(world.sealing())
    done = world.folder(job).parent
    shutil.copytree(world.folder(job), tmp_path / "as-filed")

    def file_again():
        shutil.rmtree(done)
        shutil.copytree(tmp_path / "as-filed", done / job.id)
        world.journal.jobs.adopt(job)

    for point in at_every_point(lambda: expire(job, world.pipeline.places, world.journal), file_again):
        names = {path.name for path in done.iterdir()}
        assert names in ({job.id}, {f".{job.id}.expired"}, set()), point
        if names:
            assert world.journal.jobs.get(job.id) == job, point
        expire(job, world.pipeline.places, world.journal)
        assert not list(done.iterdir()), point
        assert world.journal.jobs.get(job.id) is None, point


LEFT_BEHIND = [
    "2026-01-01T000000Z_1_abcdef.zip",
    ".2026-01-01T000000Z_1_abcdef.zip.part",
    "2026-01-01T000000Z_abcdef.zip",  # of a delivery without a key
]


@pytest.mark.parametrize("name", LEFT_BEHIND)
def test_what_crashed_or_forgotten_jobs_left_on_the_spool_is_removed(world, name):
    world.run(world.sealing())
    spool = world.settings.state.spool
    (spool / name).touch()
    tidier_of(world).tidy()
    assert list(spool.iterdir()) == []


def test_bundles_of_jobs_in_work_and_what_is_not_retrainds_stay_on_the_spool(world):
    job = world.run(world.sealing(), until=State.BUNDLED)
    spool = world.settings.state.spool
    (spool / f".{job.id}.zip.part").touch()
    (spool / "backup.zip").touch()
    (spool / "2026-01-01T000000Z_1_abcdef.zip.old").touch()
    before = sorted(spool.iterdir())
    tidier_of(world).tidy()
    assert sorted(spool.iterdir()) == before
    assert world.run(job).outcome is Outcome.TRAINED


def test_a_finished_and_a_failed_job_leave_nothing_on_the_spool(world):
    for train in (table(), b"age\n1\n"):
        world.run(world.sealing(key=str(len(train)), train=train))
    assert list(world.settings.state.spool.iterdir()) == []


@pytest.mark.parametrize("kind", ["folder", "full folder", "file", "link", "link to the job"])
def test_what_is_planted_under_the_name_of_a_deletion_keeps_no_folder(world, tmp_path, kind):
    """Forgotten with its folder still there, a job would be in no list, and its data for ever on the share."""
    job = world.run(world.sealing())
    folder = world.folder(job)
    planted = folder.with_name(f".{job.id}.expired")
    (tmp_path / "other").mkdir()
    (tmp_path / "other" / "precious").touch()
    match kind:
        case "folder":
            planted.mkdir()
        case "full folder":
            (planted / "a" / "b").mkdir(parents=True)
        case "file":
            planted.touch()
        case "link":
            planted.symlink_to(tmp_path / "other")
        case _:
            planted.symlink_to(folder)
    pass_and_tidy(world, 2 * KEPT)
    assert world.journal.jobs.get(job.id) is None
    assert list(folder.parent.iterdir()) == []
    assert (tmp_path / "other" / "precious").exists()
