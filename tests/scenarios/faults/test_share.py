"""A share that goes away leaves an empty folder behind, which must not be taken for the share."""

import os
from datetime import timedelta

import pytest

from retraind.cli import main
from retraind.config.load import load
from retraind.config.settings import ModelSettings, SweepSettings
from retraind.domain.failures import ConfigError
from retraind.domain.job import Outcome, State
from retraind.intake.drop_folder import DropFolder
from retraind.intake.share_identity import MARKER, Away, Shares
from retraind.report.wording import Voice
from retraind.system import declared_mounts
from retraind.system.files import held
from support.clock import ManualClock
from support.process import Site
from support.words import told
from support.world import a_world, table

pytestmark = pytest.mark.quick


def tree(folder):
    return sorted(str(path.relative_to(folder)) for path in folder.rglob("*"))


@pytest.fixture
def shares(tmp_path):
    return Shares(tmp_path / "memory")


@pytest.fixture
def folder(tmp_path):
    made = tmp_path / "drop"
    made.mkdir()
    return made


def use(shares, folder, name="churn"):
    with shares.held(name, folder) as path:
        return tree(path)


def replaced(folder):
    """Put another folder in a folder's place, as an unmount does."""
    folder.rename(folder.with_name("away"))
    folder.mkdir()


def test_a_folder_that_was_never_used_is_marked_without_ceremony(shares, folder):
    assert shares.trouble("churn", folder) is None
    assert tree(folder) == [], "asking changes nothing"
    assert use(shares, folder) == [MARKER]
    assert use(shares, folder) == [MARKER]
    assert shares.trouble("churn", folder) is None


def test_the_empty_folder_under_a_share_that_was_not_mounted_in_time_is_not_marked(
    shares, folder, monkeypatch, tmp_path
):
    (tmp_path / "fstab").write_text(f"//server/share {folder} cifs defaults 0 0\n")
    monkeypatch.setattr(declared_mounts, "FSTAB", tmp_path / "fstab")
    monkeypatch.setattr(declared_mounts, "_TRUSTED_FOR", 1e-9)  # Here it changes faster than anybody can.
    with pytest.raises(Away, match="folder_not_mounted") as refused:
        use(shares, folder)
    assert str(folder) in told(refused.value.problem)
    assert shares.trouble("churn", folder) == refused.value.problem
    assert tree(folder) == []
    (tmp_path / "fstab").write_text("")
    assert use(shares, folder) == [MARKER]
    (tmp_path / "fstab").write_text(f"//server/share {folder} cifs defaults 0 0\n")
    assert use(shares, folder) == [MARKER], "a folder with its marker is the right one"


def test_an_empty_folder_in_the_place_of_the_known_one_is_refused_and_left_empty(shares, folder):
    use(shares, folder)
    replaced(folder)
    for memory in (shares, Shares(shares.memory.folder)):
        with pytest.raises(Away, match="folder_marker_missing") as refused:
            use(memory, folder)
        assert "retraind release churn" in told(refused.value.problem)
        assert refused.value.problem == memory.trouble("churn", folder)
    assert tree(folder) == []


def test_the_known_folder_is_used_again_once_it_is_back_whatever_its_device(shares, folder, memory):
    use(shares, folder)
    marker = (folder / MARKER).read_bytes()
    memory(folder, 64)
    with pytest.raises(Away):
        use(shares, folder)
    (folder / MARKER).write_bytes(marker)
    assert use(shares, folder) == [MARKER]


def test_a_share_mounted_in_the_place_of_another_is_refused(shares, folder, tmp_path):
    other = tmp_path / "other"
    other.mkdir()
    use(shares, folder)
    use(shares, other, "prices")
    folder.rename(tmp_path / "third")
    other.rename(folder)
    with pytest.raises(Away, match="folder_replaced"):
        use(shares, folder)


def test_a_marker_that_somebody_deleted_is_put_back_where_the_folder_is_surely_the_same(shares, folder):
    if not os.statvfs(folder).f_fsid:
        pytest.skip("this file system has no id of its own")
    use(shares, folder)
    (folder / MARKER).unlink()
    assert use(shares, folder) == [MARKER]
    replaced(folder)
    (folder.with_name("away") / MARKER).unlink()
    with pytest.raises(Away):
        use(shares, folder)


def test_a_person_can_let_a_new_folder_take_the_place(shares, folder):
    use(shares, folder)
    replaced(folder)
    assert Shares(shares.memory.folder).forget("churn"), "as a command in another process does"
    assert use(shares, folder) == [MARKER]
    assert not Shares(shares.memory.folder).forget("prices")


def test_a_lost_memory_takes_a_marked_folder_for_what_it_is(shares, folder, tmp_path):
    use(shares, folder)
    fresh = Shares(tmp_path / "memory anew")
    assert use(fresh, folder) == [MARKER]
    assert use(shares, folder) == [MARKER]


def test_another_folder_in_the_configuration_is_a_first_use(shares, folder, tmp_path):
    use(shares, folder)
    (tmp_path / "new").mkdir()
    assert use(shares, tmp_path / "new") == [MARKER]


@pytest.mark.parametrize("content", [b"", b"{", b"\xff" * 100, b"\0"])
def test_a_spoilt_memory_is_begun_anew(shares, folder, content):
    use(shares, folder)
    (shares.memory.folder / "churn.json").write_bytes(content)
    assert use(Shares(shares.memory.folder), folder) == [MARKER]


def test_a_look_at_an_unmounted_share_sees_no_folder_and_forgets_nothing(shares, folder):
    clock = ManualClock()
    model = ModelSettings.model_validate({"drop": folder, "api_key": "k"})
    look = DropFolder(
        model, SweepSettings().ignore, clock, None, lambda: None, hold=lambda: shares.held("churn", folder)
    ).look
    for name in ("train_1.csv", "eval_1.csv"):
        (folder / name).write_bytes(b"a,b\n")
    look()
    replaced(folder)
    (folder / "train_2.csv").write_bytes(b"a,b\n")
    view = look()
    assert view.away
    assert view.trouble.code == "folder_marker_missing"
    assert not view.complete
    assert not view.waiting
    (folder / "train_2.csv").unlink()
    folder.rmdir()
    folder.with_name("away").rename(folder)
    clock.pass_time(timedelta(seconds=10))
    assert [delivery.key for delivery in look().complete] == ["1"]


STATES = [
    State.SEALING, State.SEALED, State.CHECKED, State.BUNDLED, State.REGISTERED, State.UPLOADED, State.TRAINED,
    State.FILING,
]  # fmt: skip


@pytest.mark.parametrize("state", STATES)
@pytest.mark.system
def test_jobs_wait_while_their_share_is_unmounted_and_go_on_by_themselves(tmp_path, mount, state):
    """A bind mount has the same device number as the folder below it, so the number alone would tell nothing."""
    drop = tmp_path / "share" / "churn"
    (tmp_path / "disk").mkdir()
    share = mount(drop, "--bind", tmp_path / "disk")
    with a_world(tmp_path) as world:
        job = world.run(world.sealing(), until=state)
        with world.pipeline.shares.held("churn", drop):
            pass
        share.off()
        for _ in range(2):
            job = world.step(job)
        assert job.state is state
        assert "share is probably not mounted" in told(job.wait.trouble)
        assert tree(drop) == [], "nothing is written on the bare mount point"
        share.on()
        job = world.run(job)
        assert job.outcome is Outcome.TRAINED
        assert len(world.records("training_started")) == 1
        assert (drop / "done" / job.id / "train_2026-11.csv").read_bytes() == table()


def test_filing_waits_while_the_archive_is_unmounted(tmp_path, mount):
    archive = tmp_path / "archive"
    (tmp_path / "disk").mkdir()
    share = mount(archive, "--bind", tmp_path / "disk")
    with a_world(tmp_path, done=archive) as world:
        first = world.run(world.sealing())
        assert (archive / first.id).is_dir()
        share.off()
        job = world.run(world.sealing(key="2", train=table(40, 2)), until=State.FILING)
        job = world.step(job)
        assert "share is probably not mounted" in told(job.wait.trouble)
        assert tree(archive) == []
        share.on()
        job = world.run(job)
        assert (archive / job.id / "train_2.csv").read_bytes() == table(40, 2)


def test_a_job_that_is_filed_in_an_archive_that_is_unmounted_is_not_taken_for_gone(tmp_path, mount):
    archive = tmp_path / "archive"
    (tmp_path / "disk").mkdir()
    share = mount(archive, "--bind", tmp_path / "disk")
    with a_world(tmp_path, done=archive) as world:
        job = world.run(world.sealing())
        job = world.run(world.asked_to_switch(job), until=State.FILING)
        before = tree(archive)
        share.off()
        job = world.step(job)
        assert "share is probably not mounted" in told(job.wait.trouble)
        assert not (world.model.work_folder / job.id).exists()
        share.on()
        job = world.run(job)
        assert (job.outcome, job.training.results_name) == (Outcome.SWITCHED, "results.zip")
        assert tree(archive) == before


def test_a_share_that_vanishes_while_a_file_is_read_is_read_again_once_it_is_back(
    tmp_path, mount, monkeypatch
):
    drop = tmp_path / "share" / "churn"
    (tmp_path / "disk").mkdir()
    share = mount(drop, "--bind", tmp_path / "disk")
    with a_world(tmp_path) as world:
        job = world.run(world.sealing(), until=State.SEALED)
        pause = world.pipeline._pause

        def vanish():
            world.pipeline._pause = pause
            os.system(f"umount -l {drop}")
            share.here = False
            raise OSError(116, "Stale file handle")

        world.pipeline._pause = vanish
        job = world.step(job)
        assert (job.state, job.wait.attempts) == (State.SEALED, 1)
        assert "mount it again" in told(job.wait.trouble)
        job = world.step(job)
        assert "not mounted" in told(job.wait.trouble)
        assert tree(drop) == []
        share.on()
        assert world.run(job).outcome is Outcome.TRAINED


def test_status_and_release_speak_of_a_share_that_is_away(tmp_path, mount, capsys):
    drop = tmp_path / "drop"
    (tmp_path / "disk").mkdir()
    share = mount(drop, "--bind", tmp_path / "disk")
    config = tmp_path / "config.toml"
    key = tmp_path / "key"
    key.touch(0o600)
    key.write_text("k")
    config.write_text(
        f'[state]\nurl = "sqlite:///{tmp_path}/state/journal.db"\nspool = "{tmp_path}/spool"\n'
        f'[models.churn]\ndrop = "{drop}"\napi_key_file = "{key}"\n'
    )
    with a_world(tmp_path):
        pass  # makes the journal
    shares = Shares.beside(tmp_path / "state" / "journal.db")
    use(shares, drop)
    share.off()
    main(["status", "-c", str(config), "--json"])
    assert "its share is probably not mounted" in capsys.readouterr().out
    assert main(["release", "churn", "-c", str(config)]) == 0
    assert f"retraind now accepts the present folder {drop}." in capsys.readouterr().out
    assert use(shares, drop) == [MARKER]
    assert main(["release", "churn", "-c", str(config)]) == 1
    assert "not on hold" in capsys.readouterr().err


def test_a_held_folder_stays_the_same_whatever_takes_its_place(folder):
    with held(folder) as path:
        replaced(folder)
        (path / "file").touch()
        assert tree(folder) == []
    assert tree(folder.with_name("away")) == ["file"]


def test_one_folder_that_is_mounted_in_two_places_cannot_be_that_of_two_models(tmp_path, mount):
    site = Site(tmp_path, "http://127.0.0.1:1")
    first, second = (site.add_model(name, "k") for name in ("first", "second"))
    load(site.config)
    mount(second, "--bind", first)
    with pytest.raises(ConfigError) as caught:
        load(site.config)
    (problem,) = caught.value.problems
    told = Voice().tell(problem)
    assert 'models.second.drop = "' in told
    assert "This is the same folder as models.first.drop." in told


def test_check_tells_of_an_archive_in_which_nothing_can_be_filed(tmp_path, mount):
    site = Site(tmp_path, "http://127.0.0.1:1")
    archive = tmp_path / "archive"
    mount(archive, "-t", "tmpfs", "-o", "ro", "retraind-tests")
    site.add_model("churn", "k", f'done = "{archive}"')
    checked = site.command("check")
    assert checked.returncode == 1
    assert f"WRONG  models.churn.done: This user cannot read and write in {archive}." in checked.stdout
