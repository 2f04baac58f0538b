"""Taking deliveries out of reach of their writers, and giving them back."""

import dataclasses
import os
import tempfile
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path

import pytest

from retraind.config.settings import WORK, ModelSettings
from retraind.domain.job import Job, Role, SealedFile, State
from retraind.intake.listing import signature_of
from retraind.jobs import seal as sealing
from retraind.jobs.seal import give_back, remove_folder, untouched
from retraind.store.copies.sidecar import NAME, JobFiles
from retraind.system import moving
from retraind.system.files import PRIVATE, held_or_made
from support.killing import at_every_point

NOW = datetime(2026, 1, 1, tzinfo=UTC)
MEMORY = Path("/dev/shm")
LAYOUT_A = {"train_1.csv": b"a,b\n1,2\n", "eval_1.csv": b"a,b\n3,4\n", "1.done": b""}
LAYOUT_B = {"train/1.csv": b"a,b\n1,2\n", "eval/1.csv": b"a,b\n3,4\n"}
COPIES = JobFiles(b"k" * 32)
ROLES = {"train": Role.TRAIN, "eval": Role.EVAL}


class Delivery:
    """Files in a drop folder, and the job that is to take them."""

    def __init__(self, drop, files):
        self.drop = drop
        self.files = files
        self.model = ModelSettings.model_validate({"drop": drop, "api_key": "k"})
        self.put()

    @property
    def folder(self):
        return self.model.work_folder / self.job.id

    def put(self):
        for name, content in self.files.items():
            path = self.drop / name
            path.parent.mkdir(exist_ok=True)
            path.write_bytes(content)
        self.job = Job(
            id="2026-01-01T000000Z_1_abcdef", model="churn", key="1", state=State.SEALING,
            created_at=NOW, updated_at=NOW, files=tuple(self._seen(name) for name in self.files),
        )  # fmt: skip

    def _seen(self, name):
        role = next((role for word, role in ROLES.items() if name.startswith(word)), Role.MARKER)
        return SealedFile(role=role, name=name, signature=signature_of((self.drop / name).lstat()))

    def found(self):
        """Collect every file of the delivery wherever it is: name to contents."""
        found = {}
        for place in (self.drop, self.folder):
            for name in self.files:
                if os.path.lexists(place / name):
                    found.setdefault(name, []).append((place / name).read_bytes())
        return found

    def whole(self):
        return self.found() == {name: [content] for name, content in self.files.items()}

    def left(self):
        """List what is in the drop folder, retraind's own folder included."""
        return sorted(
            str(path.relative_to(self.drop))
            for path in self.drop.rglob("*")
            if path.is_symlink() or not path.is_dir()
        )

    def restore(self):
        """Put everything back to how it was before anything was sealed."""
        give_back(self.job, self.drop)
        self.put()


def seal(job, drop):
    with held_or_made(drop, WORK, PRIVATE) as work:
        return sealing.seal(job, drop, work, COPIES)


@contextmanager
def folder_in_memory():
    if not MEMORY.is_dir():
        pytest.skip("this machine has no /dev/shm")
    with tempfile.TemporaryDirectory(dir=MEMORY) as folder:
        yield Path(folder)


@pytest.fixture(params=["disk", "memory"])
def drop(request, disk):
    """A drop folder, on each of the two real file systems that a machine usually has."""
    if request.param == "disk":
        (disk / "drop").mkdir()
        yield disk / "drop"
    else:
        with folder_in_memory() as folder:
            yield folder


@pytest.fixture(params=[LAYOUT_A, LAYOUT_B], ids=["layout A", "layout B"])
def delivery(request, drop):
    return Delivery(drop, request.param)


@pytest.fixture(params=[LAYOUT_A, LAYOUT_B], ids=["layout A", "layout B"])
def quick(request):
    """A delivery where syncing costs nothing, for tests that do all of it dozens of times."""
    with folder_in_memory() as folder:
        yield Delivery(folder, request.param)


def test_a_sealed_delivery_is_in_the_jobs_folder_untouched(delivery):
    assert seal(delivery.job, delivery.drop)
    assert delivery.whole()
    assert untouched(delivery.job, delivery.folder)
    expected = [f".retraind/{delivery.job.id}/{name}" for name in (*delivery.files, NAME)]
    assert delivery.left() == sorted(expected)
    copy = COPIES.read(delivery.folder, delivery.job.id)
    assert copy == delivery.job, "a journal that is lost just now can be rebuilt from it"


def test_sealing_again_changes_nothing(delivery):
    assert seal(delivery.job, delivery.drop)
    before = delivery.left()
    assert seal(delivery.job, delivery.drop)
    assert delivery.left() == before


def rewrite(path):
    path.write_bytes(path.read_bytes() + b"5,6\n")


def touch(path):
    os.utime(path, ns=(1, 1))


def replace(path):
    status = path.stat()
    twin = path.with_name("twin")
    twin.write_bytes(path.read_bytes())
    os.utime(twin, ns=(status.st_atime_ns, status.st_mtime_ns))
    twin.replace(path)


@pytest.mark.parametrize("change", [rewrite, touch, replace, Path.unlink])
@pytest.mark.parametrize("which", [0, 1])
def test_a_file_changed_just_before_stops_the_sealing_and_everything_goes_back(delivery, change, which):
    path = delivery.drop / list(delivery.files)[which]
    change(path)
    now = {
        name: (delivery.drop / name).read_bytes()
        for name in delivery.files
        if (delivery.drop / name).exists()
    }
    assert not seal(delivery.job, delivery.drop)
    assert not give_back(delivery.job, delivery.drop)
    assert delivery.left() == sorted(now)
    assert {name: (delivery.drop / name).read_bytes() for name in now} == now
    assert not delivery.folder.exists()


def test_a_writer_that_goes_on_through_the_rename_is_noticed(delivery):
    with (delivery.drop / next(iter(delivery.files))).open("ab") as writer:
        assert seal(delivery.job, delivery.drop)
        writer.write(b"5,6\n")
        writer.flush()
        assert not untouched(delivery.job, delivery.folder)
        assert not seal(delivery.job, delivery.drop)
    assert not give_back(delivery.job, delivery.drop)
    assert (delivery.drop / next(iter(delivery.files))).read_bytes().endswith(b"5,6\n")


def test_a_file_replaced_between_the_check_and_the_rename_is_given_back(delivery, monkeypatch):
    plain = moving.rename_free
    name = next(iter(delivery.files))

    def move(source, target):
        if source.resolve() == (delivery.drop / name).resolve():
            replace(source)
        plain(source, target)

    monkeypatch.setattr(moving, "rename_free", move)
    assert not seal(delivery.job, delivery.drop)
    monkeypatch.undo()
    assert not give_back(delivery.job, delivery.drop)
    assert delivery.whole()


def test_a_file_that_vanishes_between_the_check_and_the_rename_is_no_trouble(delivery, monkeypatch):
    def gone(source, _target):
        source.unlink()
        raise FileNotFoundError

    monkeypatch.setattr(moving, "rename_free", gone)
    assert not seal(delivery.job, delivery.drop)


def test_sealing_killed_anywhere_loses_and_doubles_nothing_and_can_be_repeated(quick):
    for where in at_every_point(lambda: seal(quick.job, quick.drop), quick.restore):
        assert quick.whole(), where
        assert seal(quick.job, quick.drop), where
        assert quick.whole(), where
        assert untouched(quick.job, quick.folder), where


def test_giving_back_killed_anywhere_loses_and_doubles_nothing_and_can_be_repeated(quick):
    def sealed():
        quick.restore()
        assert seal(quick.job, quick.drop)

    for where in at_every_point(lambda: give_back(quick.job, quick.drop), sealed):
        assert quick.whole(), where
        assert not give_back(quick.job, quick.drop), where
        assert quick.whole(), where
        assert quick.left() == sorted(quick.files), where


def test_a_job_is_sealed_anew_after_a_kill_in_mid_return(quick):
    """The journal still says sealing, so the next start begins with the sealing."""
    changed = quick.drop / list(quick.files)[-1]

    def returning():
        quick.restore()
        touch(changed)
        assert not seal(quick.job, quick.drop)

    for where in at_every_point(lambda: give_back(quick.job, quick.drop), returning):
        assert not seal(quick.job, quick.drop), where
        assert not give_back(quick.job, quick.drop), where
        assert quick.whole(), where
        assert quick.left() == sorted(quick.files), where


def test_a_file_whose_name_was_taken_meanwhile_stays_in_the_jobs_folder(delivery):
    name = next(iter(delivery.files))
    assert seal(delivery.job, delivery.drop)
    newer = delivery.drop / name
    newer.parent.mkdir(exist_ok=True)
    newer.write_bytes(b"newer")
    assert give_back(delivery.job, delivery.drop)
    assert newer.read_bytes() == b"newer"
    assert (delivery.folder / name).read_bytes() == delivery.files[name]
    for other in list(delivery.files)[1:]:
        assert (delivery.drop / other).read_bytes() == delivery.files[other]


def test_a_folder_whose_name_was_taken_by_a_file_keeps_the_rest_from_going_back(drop):
    delivery = Delivery(drop, LAYOUT_B)
    assert seal(delivery.job, delivery.drop)
    (drop / "train").rmdir()
    (drop / "train").write_text("a file now")
    assert not seal(dataclasses.replace(delivery.job, id="another"), delivery.drop)
    assert give_back(delivery.job, delivery.drop)
    assert (delivery.folder / "train" / "1.csv").read_bytes() == LAYOUT_B["train/1.csv"]
    assert (drop / "eval" / "1.csv").read_bytes() == LAYOUT_B["eval/1.csv"]


def test_a_sub_folder_removed_meanwhile_is_made_again_for_what_goes_back(drop):
    delivery = Delivery(drop, LAYOUT_B)
    assert seal(delivery.job, delivery.drop)
    (drop / "train").rmdir()
    (drop / "eval").rmdir()
    assert not give_back(delivery.job, delivery.drop)
    assert delivery.whole()


@pytest.mark.parametrize(
    "name",
    [
        "train_顧客　データ.csv",
        "train '&%+$(x)`.csv",
        'train_"<|>?.csv',
        "train_-.csv",
        f"train{'n' * 246}.csv",
    ],
)
def test_strange_names_come_and_go_unchanged(drop, name):
    delivery = Delivery(drop, {name: b"a,b\n"})
    assert seal(delivery.job, delivery.drop)
    assert (delivery.folder / name).read_bytes() == b"a,b\n"
    assert not give_back(delivery.job, delivery.drop)
    assert delivery.left() == [name]


def test_what_somebody_put_into_the_jobs_folder_stays_there(delivery, tmp_path):
    """It must not keep a delivery from going back either."""
    assert seal(delivery.job, delivery.drop)
    (delivery.folder / "notes.txt").write_text("mine")
    (delivery.folder / "link").symlink_to(tmp_path)
    (delivery.folder / "more").mkdir()
    (delivery.folder / "more" / "notes.txt").write_text("mine too")
    assert not give_back(delivery.job, delivery.drop)
    kept = f".retraind/{delivery.job.id}"
    assert delivery.left() == sorted(
        [*delivery.files, f"{kept}/notes.txt", f"{kept}/link", f"{kept}/more/notes.txt"]
    )
    assert tmp_path.is_dir()


def test_half_written_files_of_retrainds_own_do_not_keep_the_folder(delivery):
    assert seal(delivery.job, delivery.drop)
    (delivery.folder / f".{NAME}.tmp").write_bytes(b'{"id')
    assert not give_back(delivery.job, delivery.drop)
    assert not delivery.folder.exists()


def test_a_folder_that_is_gone_is_gone(tmp_path):
    remove_folder(tmp_path / "never")
