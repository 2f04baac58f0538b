"""What the harness has found once, as tests of their own that need no luck."""

import errno
import os
import threading
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime

import pytest

from retraind.domain.job import Outcome, State
from retraind.intake.share_identity import Shares
from retraind.jobs import folders
from retraind.reconcile.lanes import Shared
from retraind.report.status_file import write_status
from retraind.report.wording import Voice
from retraind.system import files
from scenarios.crash.installation import Installation, Model
from scenarios.crash.invariants import violations_after_kill, violations_at_rest
from scenarios.crash.test_transitions import good, retry
from support.lanes import ManualLanes, parts_of
from support.variants import variants
from support.world import a_world

pytestmark = pytest.mark.quick


@pytest.fixture
def world(tmp_path):
    with a_world(tmp_path) as made:
        yield made


def test_the_same_bytes_are_a_duplicate_also_while_the_first_job_is_being_filed(world):
    first = world.run(world.sealing("1"), until=State.FILING)
    second = world.run(world.sealing("2"))
    assert (second.outcome, second.end.earlier_job) == (Outcome.DUPLICATE, first.id)
    assert len(world.records("training_started")) == 1


def test_the_same_bytes_are_no_duplicate_of_a_job_that_failed(world):
    world.emulator.set_faults({"train_fails": 1.0})
    first = world.run(world.sealing("1"), until=State.FILING)
    assert first.outcome is Outcome.FAILED
    world.emulator.set_faults({})
    assert world.run(world.sealing("2")).outcome is Outcome.TRAINED


def test_an_older_key_that_arrives_while_a_job_is_being_checked_waits_for_it(world):
    newer = world.run(world.sealing("2"), until=State.SEALED)
    advanced = []

    def advance(job, *_):
        advanced.append(job.key)
        if job.key == "2":
            older = world.run(world.sealing("1"), until=State.SEALED)
            parts.queue.ask("churn")
            while parts.loop.work_off_due():
                pass
            assert not parts.lanes.shared(Shared.SEND).tasks
            parts.loop._advance("churn", older.id, Shared.SEND)
        return job

    parts = parts_of(world, ManualLanes())
    world.pipeline.advance = advance
    parts.loop._advance("churn", newer.id, Shared.SEND)
    assert advanced == ["2"]


def test_no_other_thread_takes_a_job_while_it_is_worked_on(world):
    job, advanced = world.sealing(), []

    def advance(taken, _states):
        advanced.append(taken)
        parts.queue.ask("churn")
        while parts.loop.work_off_due():
            pass
        other = threading.Thread(target=parts.loop._advance, args=("churn", job.id, None))
        other.start()
        other.join()
        return taken

    parts = parts_of(world, ManualLanes())
    world.pipeline.advance = advance
    parts.loop._advance("churn", job.id, None)
    assert advanced == [job]


def test_what_a_kill_left_of_status_txt_goes_even_if_there_is_nothing_new_to_tell(tmp_path):
    now = datetime.now(UTC)
    assert write_status(tmp_path, "All is well.\n", now, Voice())
    (tmp_path / ".STATUS.txt.tmp").write_text("half a")
    assert not write_status(tmp_path, "All is well.\n", now, Voice())
    assert [path.name for path in tmp_path.iterdir()] == ["STATUS.txt"]


def test_two_jobs_that_are_the_first_to_be_filed_agree_on_the_folders_marker(tmp_path):
    for number in range(30):
        folder = tmp_path / str(number)
        folder.mkdir()
        shares = Shares(tmp_path / "memory" / str(number))
        together = threading.Barrier(4)

        def hold(shares=shares, folder=folder, together=together):
            together.wait()
            with shares.held("churn.failed", folder):
                pass

        with ThreadPoolExecutor(4) as pool:
            for done in [pool.submit(hold) for _ in range(4)]:
                done.result()
        assert Shares(tmp_path / "memory" / str(number)).trouble("churn.failed", folder) is None


def test_a_filing_killed_while_it_deletes_the_original_goes_on_though_both_folders_are_on_one_device(
    world, monkeypatch
):
    """As with two bind mounts of one file system, which systemd makes of ReadWritePaths, and containers of
    volumes."""
    plain = files._rename_no_replace

    def refuse(source, target):
        if source.parent.resolve().name == ".retraind":
            raise OSError(errno.EXDEV, os.strerror(errno.EXDEV), str(source))
        plain(source, target)

    def remove_a_part(folder):
        (folder / "train_2026-11.csv").unlink()
        raise KeyboardInterrupt

    monkeypatch.setattr(files, "_rename_no_replace", refuse)
    job = world.run(world.sealing(), until=State.FILING)
    before = world.files()
    with monkeypatch.context() as patch:
        patch.setattr(folders, "delete", remove_a_part)
        with pytest.raises(KeyboardInterrupt):
            world.step(job)
    job = world.run(job)
    assert job.state is State.DONE
    after = {name: content for name, content in world.files().items() if name.endswith(".csv")}
    assert after == {
        name.replace(".retraind", "done"): content
        for name, content in before.items()
        if name.endswith(".csv")
    }


@pytest.mark.parametrize(
    "point",
    variants(
        ["in copy", "after unlink train.csv", "before rmdir failed/JOB", "after rmdir failed/JOB"],
        default=["in copy", "after unlink train.csv"],
    ),
)
@pytest.mark.system
def test_a_retry_killed_in_the_middle_of_bringing_the_folder_back(root, other, point):
    if other is None:
        pytest.skip("this machine has no second file system at hand")
    with Installation(root, (Model("churn", elsewhere=True),), other) as here:
        good(here)
        here.run(plan={"fail": {"bundle": True}})
        retry(here)
        assert here.run(plan={"point": point, "pass": 1}).struck == point, here.log.read_text()
        assert not violations_after_kill(here)
        assert here.run().exit_code == 0
        assert not violations_at_rest(here), here.log.read_text()


@pytest.mark.system
def test_status_txt_is_right_after_a_kill_that_left_nothing_to_do(root):
    with Installation(root, (Model("churn"),)) as here:
        good(here)
        assert here.run(plan={"point": "after commit filing->done", "pass": 1}).killed
        assert here.run().exit_code == 0
        assert not violations_at_rest(here)
