import errno
import json
import os
import shutil
import sqlite3
from contextlib import contextmanager
from dataclasses import replace

import pytest

from retraind.domain.job import LIFE, Job, Outcome, State
from retraind.domain.progress import Work
from retraind.emulator import read_records
from retraind.store.copies import job_folders, sidecar
from retraind.store.copies.recovery import rebuild
from retraind.store.copies.sidecar import NAME, JobFiles
from retraind.store.journal import Journal
from retraind.system import moving
from support.process import Site, deliver, filed
from support.world import KEY, World, a_world, an_account, table

AT_WORK = [
    state for state, stage in LIFE.items() if stage.step and state not in {State.SEALING, State.RESTORING}
]
"""A lost wish for another try has to be given again; deliveries that are being sealed have a test of their
own."""


def lose_the_journal(world: World) -> None:
    world.journal.close()
    for path in (world.root / "state").glob("journal.db*"):
        path.unlink()
    world.journal = Journal.open(world.root / "state" / "journal.db", world.clock)
    world.configure(switch="always", poll={"upload_doubt": 1})


def rebuilt(world: World, *, believe: bool = False) -> list[Job]:
    files = JobFiles.beside(world.settings.state.journal_file)
    return rebuild(world.settings, world.journal, files, believe=believe).adopted


@pytest.mark.parametrize("state", AT_WORK)
def test_a_journal_lost_in_any_state_loses_no_job_and_trains_nothing_twice(tmp_path, state):
    with a_world(tmp_path, switch="always") as world:
        world.run(world.sealing(), until=state)
        lose_the_journal(world)
        (job,) = rebuilt(world)
        assert job.state is state
        job = world.run(job)
        assert (job.state, job.outcome) == (State.DONE, Outcome.SWITCHED)
        assert len(world.records("training_started")) == 1
        assert world.files() == {
            f"done/{job.id}/train_2026-11.csv": table(),
            f"done/{job.id}/eval_2026-11.csv": table(20),
        }


def test_a_journal_lost_while_files_are_being_sealed_leaves_none_behind(tmp_path, monkeypatch):
    """The second of two could not be moved yet."""
    with a_world(tmp_path, switch="always") as world:
        job = world.sealing()
        plain = moving.rename_free

        def move(source, target):
            if source.name.startswith("eval"):
                raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
            plain(source, target)

        with monkeypatch.context() as patch:
            patch.setattr(moving, "rename_free", move)
            assert world.step(job).wait.trouble
        lose_the_journal(world)
        (job,) = rebuilt(world)
        assert job.state is State.SEALING
        assert world.run(job).outcome is Outcome.SWITCHED
        assert set(world.files()) == {f"done/{job.id}/train_2026-11.csv", f"done/{job.id}/eval_2026-11.csv"}


def test_a_job_belongs_to_the_drop_folder_in_which_it_is_found(tmp_path):
    """Whatever its copy says, nothing is fetched from anywhere else."""
    with a_world(tmp_path) as world:
        world.run(world.sealing(), until=State.SEALED)
        world.share = world.share.rename(tmp_path / "moved")
        lose_the_journal(world)
        (job,) = rebuilt(world)
        assert job.drop == str(world.share)


def test_a_wish_for_another_try_that_was_lost_with_the_journal_can_be_given_again(world_with_history):
    world, _, bad = world_with_history
    bad = world.asked_to_retry(bad)
    (world.model.failed_folder / bad.id).rename(world.model.work_folder / bad.id)
    lose_the_journal(world)
    (back,) = (job for job in rebuilt(world) if job.id == bad.id)
    back = world.run(back)
    assert back.state is State.FAILED
    assert (world.model.failed_folder / bad.id / "train_bad.csv").read_bytes() == b"one\n1\n"


def test_the_budget_is_not_spent_again_after_the_journal_was_lost(tmp_path):
    with a_world(tmp_path, budget="1/month") as world:
        assert world.run(world.sealing()).outcome is Outcome.TRAINED
        lose_the_journal(world)
        world.configure(budget="1/month")
        rebuilt(world)
        job = world.run(world.sealing(key="2", train=table(offset=2)))
        assert job.hold is not None
        assert len(world.records("training_started")) == 1


def test_the_published_model_and_the_last_good_data_are_known_after_the_journal_was_lost(tmp_path):
    with a_world(tmp_path, switch="always") as world:
        job = world.run(world.sealing())
        filed_at = world.journal.events.history(job.id)[-1].at
        lose_the_journal(world)
        rebuilt(world)
        assert world.journal.published("churn") == job.id
        assert world.journal.last_trained("churn").id == job.id
        assert world.journal.standings(["churn"])["churn"].last.id == job.id
        assert all(
            event.at <= filed_at
            for event in world.journal.events.history(job.id)
            if event.event != "job_adopted"
        )


def test_what_is_in_done_is_never_trained_again_whatever_older_copy_of_it_lies_in_the_work_folder(tmp_path):
    """Somebody kept a good copy from before the upload and puts it back once the journal is lost."""
    with a_world(tmp_path) as world:
        job = world.run(world.sealing(), until=State.BUNDLED)
        kept = tmp_path / "kept"
        shutil.copytree(world.folder(job), kept)
        job = world.run(job)
        assert job.state is State.DONE
        shutil.copytree(kept, world.model.work_folder / job.id)
        lose_the_journal(world)
        rebuilt(world)
        assert world.journal.jobs.get(job.id).state is State.DONE
        assert world.journal.jobs.active() == []


@pytest.mark.parametrize(("train", "end"), [(table(), State.DONE), (b"age\n1\n", State.FAILED)])
def test_a_finished_job_that_a_restored_share_has_in_work_is_filed_again(tmp_path, train, end):
    with a_world(tmp_path) as world:
        job = world.run(world.sealing(train=train), until=State.SEALED)
        backup = shutil.copytree(world.folder(job), tmp_path / "backup")
        job = world.run(job)
        shutil.rmtree(world.folder(job))
        shutil.copytree(backup, world.model.work_folder / job.id)
        (again,) = rebuilt(world)
        again = world.run(again)
        assert (again.state, again.outcome) == (end, job.outcome)
        assert set(world.files()) == {f"{end}/{job.id}/train_2026-11.csv", f"{end}/{job.id}/eval_2026-11.csv"}
        assert len(world.records("training_started")) == (end is State.DONE)
        assert rebuilt(world) == []


def test_a_failed_job_of_the_backup_that_was_retried_with_success_since_is_known_as_done(tmp_path):
    with a_world(tmp_path, switch="gate", gate="false") as world:
        bad = world.run(world.sealing(train=b"one\n1\n"))
        backup = tmp_path / "backup.db"
        with sqlite3.connect(tmp_path / "state" / "journal.db") as live, sqlite3.connect(backup) as kept:
            live.backup(kept)
        (world.model.failed_folder / bad.id / "train_2026-11.csv").write_bytes(table())
        assert world.run(world.asked_to_retry(bad)).outcome is Outcome.TRAINED
        lose_the_journal(world)
        world.journal.close()
        shutil.copy(backup, tmp_path / "state" / "journal.db")
        world.journal = Journal.open(tmp_path / "state" / "journal.db", world.clock)
        world.configure()
        (job,) = rebuilt(world)
        assert (job.id, job.state) == (bad.id, State.DONE)
        assert world.run(world.sealing(key="again")).outcome is Outcome.DUPLICATE


def test_links_among_the_job_folders_lead_nowhere_even_for_an_operator(world_with_history, tmp_path):
    world, good, _ = world_with_history
    elsewhere = tmp_path / "elsewhere"
    world.model.done_folder.rename(elsewhere)
    world.model.done_folder.symlink_to(elsewhere)
    lose_the_journal(world)
    assert good.id not in {job.id for job in rebuilt(world, believe=True)}


def test_a_journal_lost_right_after_the_upload_does_not_upload_again(tmp_path, monkeypatch):
    with a_world(tmp_path) as world:
        job = world.run(world.sealing(), until=State.REGISTERED)
        put = world.pipeline.store.put

        def put_and_die(*arguments, **named) -> None:
            put(*arguments, **named)
            raise SystemExit

        monkeypatch.setattr(world.pipeline.store, "put", put_and_die)
        with pytest.raises(SystemExit):
            world.step(job)
        lose_the_journal(world)
        (job,) = rebuilt(world)
        assert job.state is State.REGISTERED
        assert world.run(job).outcome is Outcome.SWITCHED
        assert len(world.records("put_received")) == 1


def test_what_is_filed_is_known_again_and_not_trained_when_it_is_delivered_again(world_with_history):
    world, good, bad = world_with_history
    lose_the_journal(world)
    adopted = {job.id: job for job in rebuilt(world)}
    assert adopted[good.id].state is State.DONE
    assert adopted[bad.id].state is State.FAILED
    assert world.run(world.sealing(key="again")).outcome is Outcome.DUPLICATE
    assert rebuilt(world) == []


@contextmanager
def with_history(root):
    with a_world(root) as world:
        good = world.run(world.sealing())
        bad = world.run(world.sealing(key="bad", train=b"one\n1\n"))
        yield world, good, bad


@pytest.fixture
def world_with_history(tmp_path):
    with with_history(tmp_path) as made:
        yield made


@pytest.fixture(scope="module")
def common_history(tmp_path_factory):
    with with_history(tmp_path_factory.mktemp("history")) as made:
        yield made


@pytest.fixture
def same_history(common_history):
    """One for all tests of what is not adopted, which put into the work folder only."""
    world, *jobs = common_history
    shutil.rmtree(world.model.work_folder, ignore_errors=True)
    assert rebuilt(world) == []
    yield common_history
    assert {job.id for job in world.journal.jobs.newest()} == {job.id for job in jobs}


def test_a_journal_from_last_weeks_backup_is_brought_up_to_date(tmp_path):
    with a_world(tmp_path, switch="always") as world:
        job = world.run(world.sealing(), until=State.SEALED)
        world.journal.close()
        backup = tmp_path / "backup.db"
        with sqlite3.connect(tmp_path / "state" / "journal.db") as live, sqlite3.connect(backup) as kept:
            live.backup(kept)
        world.journal = Journal.open(tmp_path / "state" / "journal.db", world.clock)
        world.configure(switch="always")
        job = world.run(job)
        later = world.run(world.sealing(key="later", train=table(offset=5)))
        lose_the_journal(world)
        world.journal.close()
        shutil.copy(backup, tmp_path / "state" / "journal.db")
        world.journal = Journal.open(tmp_path / "state" / "journal.db", world.clock)
        world.configure(switch="always")
        assert world.journal.jobs.get(job.id).state is State.SEALED
        assert {each.id for each in rebuilt(world)} == {job.id, later.id}
        assert world.journal.jobs.active() == []
        assert len(world.records("training_started")) == 2


def test_an_up_to_date_journal_is_left_as_it_is(world_with_history):
    world, *_ = world_with_history
    world.run(world.sealing(key="3", train=table(offset=3)), until=State.UPLOADED)
    before = world.journal.jobs.newest()
    assert rebuilt(world) == []
    assert world.journal.jobs.newest() == before


def forged(world: World, job: Job, seal: str = "0" * 64) -> None:
    """Put a copy into the work folder, as somebody could who may write to the share."""
    folder = world.model.work_folder / job.id
    folder.mkdir(parents=True)
    document = {"seal": seal, "job": job.portable().decode()}
    (folder / NAME).write_text(json.dumps(document))


def test_models_that_file_in_one_place_know_each_others_jobs_there(tmp_path):
    (tmp_path / "archive").mkdir()
    with a_world(tmp_path, done=tmp_path / "archive") as world:
        job = world.run(world.sealing())
        (tmp_path / "share" / "price").mkdir()
        other = world.model.model_copy(update={"drop": tmp_path / "share" / "price"})
        both = world.settings.model_copy(update={"models": {"price": other, "churn": world.model}})
        files = JobFiles.beside(world.settings.state.journal_file)
        assert rebuild(both, world.journal, files, believe=False).foreign == []
        lose_the_journal(world)
        found = rebuild(both, world.journal, files, believe=False)
        assert [(each.id, each.model, each.state) for each in found.adopted] == [
            (job.id, "churn", State.DONE)
        ]
        assert found.foreign == []


def test_a_forged_copy_is_not_believed_unless_an_operator_says_so(world_with_history):
    world, good, _ = world_with_history
    fake = replace(good, id=good.id.replace("_2026-11_", "_forged_"), state=State.SWITCHING, version=99)
    forged(world, fake)
    assert rebuilt(world) == []
    assert world.journal.jobs.get(fake.id) is None
    files = JobFiles.beside(world.settings.state.journal_file)
    found = rebuild(world.settings, world.journal, files, believe=True)
    assert [job.id for job in found.adopted] == [fake.id]
    assert found.believed == found.adopted, "and it is told which"


@pytest.mark.parametrize("name", ["../../../etc/passwd", "/etc/passwd", "a/b/c", "..", "train/../x", ""])
def test_not_even_an_operator_can_be_made_to_adopt_files_outside_the_folder(same_history, name):
    world, good, _ = same_history
    folder = world.model.work_folder / "2026-11-23T000000Z_x_abcdef"
    folder.mkdir(parents=True)
    document = json.loads(good.portable())
    document["files"][0]["name"] = name
    document["id"] = folder.name
    (folder / NAME).write_text(json.dumps({"seal": "", "job": json.dumps(document)}))
    assert rebuilt(world, believe=True) == []


FOREIGN = [
    "", "{", "[]", '{"seal": 1}', '{"seal": "", "job": 5}', '{"seal": "", "job": "{}"}', "\0" * 100,
    "[" * 200_000, '{"seal":' * 100_000, '{"seal": "é", "job": "{}"}', '{"seal": "\\ud800", "job": "{}"}',
    '{"seal": "", "job": "' + "[" * 100_000 + '"}', '{"seal": "", "job": ' + "9" * 5_000 + "}",
]  # fmt: skip


@pytest.mark.parametrize("text", FOREIGN, ids=lambda text: text[:24])
def test_foreign_things_among_the_job_folders_are_left_alone(same_history, text):
    world, *_ = same_history
    folder = world.model.work_folder / "2026-11-23T000000Z_x_abcdef"
    folder.mkdir(parents=True)
    (folder / NAME).write_text(text)
    (world.model.work_folder / "notes.txt").write_text("mine")
    (world.model.work_folder / "2026-11-23T000000Z_link_abcdef").symlink_to("/etc")
    assert rebuilt(world, believe=True) == []
    assert (folder / NAME).read_text() == text


@pytest.mark.parametrize("seal", ["é", "", "0" * 64, "0" * 63])
def test_no_seal_but_the_right_one_makes_a_copy_believed(same_history, seal):
    world, good, _ = same_history
    fake = replace(good, id=good.id.replace("_2026-11_", "_forged_"), state=State.SWITCHING, version=99)
    forged(world, fake, seal=seal)
    assert rebuilt(world) == []


def test_countless_forged_folders_hide_no_job_and_are_told_in_one_line(world_with_history, monkeypatch):
    world, *_ = world_with_history
    monkeypatch.setattr("retraind.store.copies.recovery._MOST_FOREIGN", 100)
    told = []
    monkeypatch.setattr(
        "retraind.store.copies.recovery._LOG.warning", lambda event, **fields: told.append((event, fields))
    )
    for number in range(300):
        (world.model.work_folder / f"2026-01-01T000000Z_{number}_abcdef").mkdir(parents=True)
    looked = []
    read = JobFiles.read
    monkeypatch.setattr(
        JobFiles,
        "read",
        lambda self, folder, name, **how: looked.append(name) or read(self, folder, name, **how),
    )
    lose_the_journal(world)
    assert {job.state for job in rebuilt(world)} == {State.DONE, State.FAILED}, "other places are looked at"
    assert len(looked) == 302
    counted = [fields["count"] for event, fields in told if event == "folders_not_ours"]
    assert counted == [300]
    assert len(told) < 30


UNREAD = ["a second name", "another owner", "more than a megabyte"]


@pytest.mark.parametrize("what", UNREAD)
def test_nothing_is_read_of_a_copy_that_the_service_cannot_have_written(
    world_with_history, what, monkeypatch
):
    """Its signature is good: only what can be seen from outside says that it may be one of thousands."""
    world, good, _ = world_with_history
    copy = world.model.done_folder / good.id / NAME
    match what:
        case "a second name":
            (world.share / "second").hardlink_to(copy)
        case "another owner" if os.geteuid():
            pytest.skip("only root can give files away")
        case "another owner":
            os.chown(copy, 12_345, -1)
        case _:
            copy.write_bytes(copy.read_bytes() + b" " * (1 << 20))
    read = []
    plain = sidecar.open_regular

    @contextmanager
    def watched(path):
        with plain(path) as file:
            place = file.tell()
            yield file
            if path.name == NAME and file.tell() > place:
                read.append(path)

    monkeypatch.setattr(sidecar, "open_regular", watched)
    lose_the_journal(world)
    assert good.id not in {job.id for job in rebuilt(world)}
    assert len(read) == 1, "the other job's"


def test_a_copy_that_a_server_shows_as_somebody_elses_with_all_of_the_folder_counts(world_with_history):
    """NFS may map all users to one, SMB shows the one that the mount names."""
    if os.geteuid():
        pytest.skip("only root can give files away")
    world, good, _ = world_with_history
    for path in (world.model.done_folder, world.model.done_folder / good.id / NAME):
        os.chown(path, 12_345, -1)
    lose_the_journal(world)
    assert good.id in {job.id for job in rebuilt(world)}


def test_a_folder_that_cannot_be_entered_hides_no_other(world_with_history, monkeypatch):
    """Somebody exchanges it for a link once it has been listed."""
    world, good, _ = world_with_history
    planted = world.model.done_folder / "2000-01-01T000000Z_x_abcdef"
    planted.symlink_to("/etc")
    names = job_folders._names
    monkeypatch.setattr(job_folders, "_names", lambda place: [planted.name, *names(place)])
    lose_the_journal(world)
    assert good.id in {job.id for job in rebuilt(world)}


@pytest.mark.parametrize("loss", ["deleted", "damaged, and the key is lost"])
def test_the_daemon_goes_on_after_its_journal_was_lost(tmp_path, loss):
    with an_account(tmp_path) as emulator:
        site = Site(tmp_path, emulator.url)
        drop = site.add_model("churn", KEY, 'settle = "0s"')
        deliver(drop, "train_1.csv", table())
        deliver(drop, "eval_1.csv", table(20))
        site.start("--once", wait=False)
        assert site.process.wait(60) == 0
        journal = tmp_path / "state" / "journal.db"
        if loss == "deleted":
            journal.unlink()
        else:
            journal.write_bytes(b"\0garbage" * 1000)
            (tmp_path / "state" / "seal.key").unlink()
            refused = site.command("run", "--once")
            assert refused.returncode == 1
            assert "retraind rebuild" in refused.stderr
            mended = site.command("rebuild")
            assert mended.returncode == 0, mended.stderr
            assert "Jobs taken over from their folders: 1." in mended.stdout
            assert "its job.json has no valid signature" in mended.stdout
            assert (tmp_path / "state" / "journal.db.bad-1").read_bytes().startswith(b"\0garbage")
        deliver(drop, "train_again.csv", table())
        deliver(drop, "eval_again.csv", table(20))
        site.start("--once", wait=False)
        assert site.process.wait(60) == 0
        assert sorted(job["outcome"] for job in site.jobs()) == ["duplicate", "trained"]
        assert len(filed(drop)) == 2
    started = [
        record for record in read_records(tmp_path / "service") if record["event"] == "training_started"
    ]
    assert len(started) == 1


def test_jobs_of_a_model_that_was_renamed_are_known_again_after_the_journal_was_lost(tmp_path):
    """Their copies have the old name. They wait under it for a person, and nothing of them is foreign."""
    with a_world(tmp_path) as world:
        finished = world.run(world.sealing("1"))
        running = world.run(world.sealing("2", table(50)), until=State.UPLOADED)
        settings = world.settings.model_copy(update={"models": {"customers": world.model}})
        lose_the_journal(world)
        files = JobFiles.beside(world.settings.state.journal_file)
        found = rebuild(settings, world.journal, files, believe=False)
        assert not found.foreign
        assert {(job.id, job.model, job.state) for job in found.adopted} == {
            (finished.id, "churn", State.DONE), (running.id, "churn", State.UPLOADED),
        }  # fmt: skip
        assert not rebuild(settings, world.journal, files, believe=False).adopted
        assert world.journal.rename_model("churn", "customers", "") == 2
        assert not rebuild(settings, world.journal, files, believe=False).adopted
        assert {job.model for job in world.journal.jobs.newest()} == {"customers"}


def test_a_folder_of_another_configured_model_is_foreign_all_the_same(tmp_path):
    with a_world(tmp_path) as world:
        running = world.run(world.sealing(), until=State.UPLOADED)
        elsewhere = world.share.with_name("customers")
        other = world.model.model_copy(update={"drop": elsewhere})
        elsewhere.mkdir()
        (elsewhere / ".retraind").mkdir()
        (world.model.work_folder / running.id).rename(elsewhere / ".retraind" / running.id)
        settings = world.settings.model_copy(update={"models": {"churn": world.model, "customers": other}})
        lose_the_journal(world)
        found = rebuild(
            settings, world.journal, JobFiles.beside(world.settings.state.journal_file), believe=False
        )
        assert (found.adopted, found.foreign) == ([], [elsewhere / ".retraind" / running.id])


def test_how_far_a_rebuild_is_is_shown_to_whoever_watches(tmp_path, monkeypatch):
    monkeypatch.setattr("retraind.store.copies.recovery._AT_ONCE", 2)
    with a_world(tmp_path) as world:
        for number, key in enumerate("abc"):
            world.run(world.sealing(key, table(100 + number)))
        world.run(world.sealing("d", table(200)), until=State.BUNDLED)
        lose_the_journal(world)
        seen = []
        files = JobFiles.beside(world.settings.state.journal_file)
        rebuild(
            world.settings, world.journal, files, believe=False,
            watcher=lambda work, done, total: seen.append((work, done, total)),
        )  # fmt: skip
    assert seen == [(Work.RECOVERY, 0, 4), (Work.RECOVERY, 2, 4), (Work.RECOVERY, 3, 4)]
