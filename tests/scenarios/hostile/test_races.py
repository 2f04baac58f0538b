"""Files exchanged between the look at them and their use: what is used is what was looked at, or nothing."""

import os
from dataclasses import replace

import pytest

from retraind.domain.job import State
from retraind.system import moving
from support.world import a_world, table

pytestmark = pytest.mark.quick

KINDS = ["link to a file", "hard link", "fifo", "folder", "another file", "the same file with other bytes"]
NEWER = table(40, 9)


def exchange(path, kind, victim):
    """Put something else in the place of a file that was looked at."""
    if kind == "the same file with other bytes":
        # Its owner can even give it back its old times.
        status = path.stat()
        path.write_bytes(NEWER[: status.st_size].ljust(status.st_size))
        os.utime(path, ns=(status.st_atime_ns, status.st_mtime_ns))
        return
    path.rename(path.with_name(".old"))
    match kind:
        case "folder":
            path.mkdir()
        case "another file":
            path.write_bytes(NEWER)
        case _:
            victim.plant(kind, path)


def put_right(world):
    """Take away what cannot be used, so that the job can come to its end."""
    for path in world.share.rglob("train_2026-11.csv"):
        if path.is_dir() and not path.is_symlink():
            path.rmdir()


@pytest.mark.timeout(30)
@pytest.mark.parametrize("mode", ["pair", "train-only"])
@pytest.mark.parametrize("state", [State.SEALING, State.SEALED, State.CHECKED, State.REGISTERED])
def test_a_file_exchanged_between_two_steps_is_not_sent_in_the_others_place(
    tmp_path, victim, sent, state, mode
):
    with a_world(tmp_path, mode=mode) as world:
        for number, kind in enumerate(KINDS[:-1]):
            train = table(40, number)
            job = world.sealing(train=train, evaluation=b"" if mode == "pair" else None)
            job = world.run(job, until=state)
            place = world.share if state is State.SEALING else world.folder(job)
            exchange(place / "train_2026-11.csv", kind, victim)
            job = world.run(job)
            put_right(world)
            assert b"salary" not in sent(), kind
            assert NEWER not in sent(), kind
            victim.assert_unharmed()
            if mode == "pair" and state is State.REGISTERED:
                assert train in sent(), "the zip was made before"
            else:
                assert job.state in {State.RETURNED, State.FAILED} or job.wait.trouble, kind
            for left in world.share.glob("*.csv"):
                left.unlink()
        assert world.records("put_received") == [] or (mode, state) == ("pair", State.REGISTERED)


@pytest.mark.timeout(30)
@pytest.mark.parametrize("kind", [kind for kind in KINDS if kind != "the same file with other bytes"])
def test_a_file_exchanged_in_the_moment_between_check_and_rename_is_given_back(
    world, victim, sent, monkeypatch, kind
):
    job = world.sealing()
    plain = moving.rename_free

    def exchange_and_move(source, target):
        if source.name == "train_2026-11.csv" and ".retraind" not in str(source.resolve().parent):
            monkeypatch.setattr(moving, "rename_free", plain)
            exchange(source, kind, victim)
        plain(source, target)

    monkeypatch.setattr(moving, "rename_free", exchange_and_move)
    job = world.run(job)
    assert job.state is State.RETURNED
    assert os.path.lexists(world.share / "train_2026-11.csv")
    victim.assert_unharmed()
    assert sent() == b""


def test_bytes_that_their_owner_changed_under_the_same_times_make_no_bundle(world, victim, sent):
    """Size, time and inode say nothing then; the hash of what is read does."""
    job = world.run(world.sealing(), until=State.CHECKED)
    exchange(world.folder(job) / "train_2026-11.csv", KINDS[-1], victim)
    (world.root / "state" / "spool" / f"{job.id}.zip").unlink()
    assert world.run(job).state is State.RETURNED
    assert sent() == b""


@pytest.mark.parametrize("what", ["the job's folder", "the work folder", "the drop folder"])
def test_a_folder_exchanged_for_a_link_while_its_files_are_sealed_leads_nowhere(
    world, victim, monkeypatch, what
):
    """It is held from the first file to the last."""
    job = world.sealing()
    plain = moving._take
    folder = {
        "the job's folder": world.share / ".retraind" / job.id,
        "the work folder": world.share / ".retraind",
        "the drop folder": world.share,
    }[what]

    def exchange_and_take(*arguments):
        if not folder.is_symlink():
            folder.rename(folder.with_name("moved away"))
            folder.symlink_to(victim.folder)
        return plain(*arguments)

    monkeypatch.setattr(moving, "_take", exchange_and_take)
    world.step(job)
    victim.assert_unharmed()
    moved = sorted(path.name for path in folder.with_name("moved away").rglob("*.csv"))
    assert moved == ["eval_2026-11.csv", "train_2026-11.csv"]


def test_a_sub_folder_exchanged_for_a_link_after_the_look_leads_nowhere(tmp_path, victim, sent):
    with a_world(tmp_path, train="train_2026-11", mode="train-only") as world:
        job = world.sealing(evaluation=None)
        file = replace(job.files[0], name="train/train_2026-11.csv")
        (world.share / "train").mkdir()
        (world.share / "train_2026-11.csv").rename(world.share / "train" / "train_2026-11.csv")
        job = world.journal.jobs.write(job, replace(job, files=(file,)))
        (world.share / "train").rename(world.share / "old")
        (world.share / "train").symlink_to(victim.folder)
        job = world.run(job)
        victim.assert_unharmed()
        assert job.state is State.RETURNED
        assert sent() == b""
