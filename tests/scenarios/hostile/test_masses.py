"""More than anybody would deliver: looks, memory and the other models' turns stay bounded, and people are
told."""

import json
import os

import pytest

from retraind.config.settings import ModelSettings, SweepSettings
from retraind.domain.job import State
from retraind.intake.drop_folder import DropFolder
from retraind.intake.listing import MOST_FILES
from retraind.reconcile import decide, publishing
from retraind.report.status_file import STATUS
from support.clock import ManualClock
from support.lanes import by_hand, sweep
from support.words import told
from support.world import a_world, table

pytestmark = pytest.mark.quick


@pytest.fixture
def daemon(tmp_path):
    """A daemon with two models, `attacked` and `other`, that nothing but the test drives."""
    lines = [
        '[api]\nbase_url = "http://127.0.0.1:9"',
        f'[state]\nurl = "sqlite:///{tmp_path}/state/journal.db"\nspool = "{tmp_path}/spool"',
    ]
    (tmp_path / "key").touch(0o600)
    for name in ("attacked", "other"):
        (tmp_path / name).mkdir()
        lines.append(
            f'[models.{name}]\ndrop = "{tmp_path}/{name}"\napi_key_file = "{tmp_path}/key"\nsettle = 0\n'
            'mode = "train-only"'
        )
    config = tmp_path / "config.toml"
    config.write_text("\n".join(lines))
    with by_hand(config) as made:
        yield made


@pytest.mark.system
def test_countless_files_are_a_bounded_look_that_is_told_and_keeps_no_other_model_waiting(daemon, tmp_path):
    for number in range(MOST_FILES + 5_000):
        os.mknod(tmp_path / "attacked" / f"train_{number}.csv")
    (tmp_path / "other" / "train_1.csv").write_bytes(table())
    sweep(daemon)
    remembered = daemon.folders.get("attacked").drop_folder._seen
    assert len(remembered) <= MOST_FILES + 1
    assert "more files than one scan reads" in (tmp_path / "attacked" / STATUS).read_text("utf-8-sig")
    assert len((tmp_path / "attacked" / STATUS).read_text("utf-8-sig")) < 20_000
    assert [job.model for job in daemon.journal.jobs.newest()] == ["other"]


def test_an_error_of_retrainds_own_while_looking_stops_no_other_model(daemon, tmp_path, monkeypatch):
    def broken():
        raise RuntimeError("a bug that some name has brought to light")

    monkeypatch.setattr(daemon.folders.get("attacked").drop_folder, "look", broken)
    lines = []
    monkeypatch.setattr(
        "retraind.reconcile.loop._LOG.exception", lambda event, **more: lines.append((event, more["model"]))
    )
    (tmp_path / "other" / "train_1.csv").write_bytes(table())
    sweep(daemon)
    assert lines == [("look_crashed", "attacked")]
    assert [job.model for job in daemon.journal.jobs.newest()] == ["other"]


class Waiting:
    """Takes steps and runs none; tells whose they are."""

    def __init__(self):
        self.owners = []

    def __call__(self, step):
        self.owners.append(step.__self__._drop.name)


def with_manifests(drop, count, hashing, padding=b""):
    drop.mkdir()
    for number in range(count):
        (drop / f"train_{number}.csv").write_bytes(b"a,b\n")
        entry = {"name": f"train_{number}.csv", "size": 4, "sha256": "0" * 64}
        manifest = json.dumps({"files": [entry]}).encode() + padding
        (drop / f"{number}.manifest.json").write_bytes(manifest)
    model = {"drop": drop, "api_key": "k", "ready": "manifest", "mode": "train-only"}
    return DropFolder(
        ModelSettings.model_validate(model), SweepSettings().ignore, ManualClock(), hashing, lambda: None
    )


def test_a_folder_of_countless_manifests_is_not_in_front_of_every_other(tmp_path):
    """One thread reads the files for all models."""
    queue = Waiting()
    attacked = with_manifests(tmp_path / "attacked", 50, queue)
    other = with_manifests(tmp_path / "other", 1, queue)
    for _ in range(3):
        attacked.look()
        other.look()
    assert queue.owners.index("other") == 2
    assert len(queue.owners) == 3


def test_long_manifests_are_read_a_few_at_a_time(tmp_path, monkeypatch):
    monkeypatch.setattr("retraind.intake.manifests.claims._MOST_MANIFEST_BYTES", 1 << 20)
    folder = with_manifests(tmp_path / "attacked", 50, Waiting(), padding=b" " * 100_000)
    reasons = [told(wait.reasons) for wait in folder.look().waiting]
    assert sum("is read once those before it have been taken in" in each for each in reasons) == 39
    assert len(reasons) == 50


@pytest.mark.parametrize("size", ["9" * 4_299, "9" * 5_000, "-1", "1e400", '"x"', "[[1]]", "true"])
def test_a_manifest_of_monstrous_numbers_is_told_in_a_sentence(tmp_path, size):
    folder = with_manifests(tmp_path / "attacked", 1, Waiting())
    entry = f'{{"name": "train_0.csv", "size": {size}, "sha256": "{"0" * 64}"}}'
    (tmp_path / "attacked" / "0.manifest.json").write_text(f'{{"files": [{entry}]}}')
    (wait,) = folder.look().waiting
    assert all(len(told(reason)) < 300 for reason in wait.reasons)


HUGE = 1 << 42
"""Bytes that a sparse file says it has: four tebibytes, on no block of the disk.

To read them would take hours.
"""


def huge(path, start=b"a,b\n"):
    path.write_bytes(start)
    os.truncate(path, HUGE)


@pytest.mark.timeout(60)
@pytest.mark.parametrize("ready", ["settle", "marker", "manifest"])
def test_a_file_of_tebibytes_that_are_not_there_is_told_and_never_read(tmp_path, ready):
    drop = tmp_path / "drop"
    drop.mkdir()
    huge(drop / "train_1.csv")
    (drop / "1.done").touch()
    entry = {"name": "train_1.csv", "size": HUGE, "sha256": "0" * 64}
    (drop / "1.manifest.json").write_text(json.dumps({"files": [entry]}))
    model = {"drop": drop, "api_key": "k", "ready": ready, "mode": "train-only", "settle": 0}
    queue = Waiting()
    folder = DropFolder(
        ModelSettings.model_validate(model), (), ManualClock(), queue, lambda: None, largest=20 << 30
    )
    for _ in range(2):
        view = folder.look()
    assert view.complete == ()
    assert queue.owners == []
    (wait,) = view.waiting
    assert "has 4,398,046,511,104 bytes; the limit is 21,474,836,480" in told(wait.reasons[0])
    assert (wait.due, wait.arriving) == (None, False)


@pytest.mark.timeout(60)
def test_a_file_that_was_made_huge_in_failed_is_not_tried_again(world):
    job = world.run(world.sealing(train=b"one\n1\n"))
    huge(world.folder(job) / "train_2026-11.csv", table())
    job = world.run(world.asked_to_retry(job))
    assert job.state is State.FAILED
    assert "has 4,398,046,511,104 bytes" in world.tell(job, job.problem)


@pytest.mark.timeout(60)
@pytest.mark.parametrize("mode", ["pair", "train-only"])
@pytest.mark.parametrize("state", [State.SEALED, State.CHECKED])
def test_a_file_that_is_made_longer_while_it_is_read_is_read_no_further(tmp_path, mode, state):
    """Its owner still has it open, and could go on for ever."""
    with a_world(tmp_path, mode=mode) as world:
        job = world.run(world.sealing(evaluation=b"" if mode == "pair" else None), until=state)
        (tmp_path / "state" / "spool" / f"{job.id}.zip").unlink(missing_ok=True)
        path = world.folder(job) / "train_2026-11.csv"
        world.pipeline._pause = lambda: os.truncate(path, path.stat().st_size + (64 << 20))
        job = world.step(job)
        assert job.state is State.RETURNED
        assert (world.share / "train_2026-11.csv").stat().st_size < 1 << 30


def test_deliveries_beyond_what_an_hour_may_bring_wait_and_are_told(daemon, tmp_path, monkeypatch):
    """Each leaves something in the journal for good, if it fails at once."""
    for module in (publishing, decide):
        monkeypatch.setattr(module, "MOST_AN_HOUR", 3)
    for number in range(5):
        (tmp_path / "attacked" / f"train_{number}.csv").write_bytes(b"one\n1\n")
    (tmp_path / "other" / "train_1.csv").write_bytes(table())
    for _ in range(3):
        sweep(daemon)
    assert len(daemon.journal.jobs.newest("attacked")) == 3
    assert len(daemon.journal.jobs.newest("other")) == 1
    status = (tmp_path / "attacked" / STATUS).read_text("utf-8-sig").replace("\n", " ")
    assert "were taken in within the last hour" in status
    daemon.folders.get("attacked").taken_in[0] -= 3601
    sweep(daemon)
    assert len(daemon.journal.jobs.newest("attacked")) == 4


def test_a_header_of_megabytes_does_not_stay_in_the_journal(world):
    names = ",".join(f"{number}{'x' * 3_000}" for number in range(1_000))
    job = world.run(world.sealing(train=f"{names}\n1\n".encode("utf-8-sig")))
    assert job.state is State.FAILED
    assert len(job.to_json()) < 20_000
    assert sum(path.stat().st_size for path in world.folder(job).glob("*.json")) < 60_000
    assert len(world.read(job, "ERROR.txt")) < 20_000
