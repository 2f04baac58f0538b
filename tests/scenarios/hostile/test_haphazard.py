"""Somebody does at random whatever can be done in a folder, before each step: nothing leads out, nothing
breaks."""

import os
import random
import shutil
from contextlib import suppress

import pytest

from retraind.domain.failures import Retry
from retraind.domain.job import RESTING, Outcome, State
from retraind.intake.drop_folder import DropFolder
from retraind.intake.share_identity import Away
from retraind.jobs import runner
from retraind.report.status_file import status_text, write_status
from retraind.report.wording import Voice
from retraind.store.copies.recovery import rebuild
from retraind.store.copies.sidecar import JobFiles
from retraind.store.journal import Standing
from support.world import a_world, table

pytestmark = pytest.mark.quick

SEEDS = range(int(os.environ.get("RETRAIND_TESTS_SEEDS", "8")))
OWN = (
    "STATUS.txt",
    ".STATUS.txt.tmp",
    ".retraind-id",
    ".retraind",
    "done",
    "failed",
    "train_x.csv",
    "eval_x.csv",
)
INSIDE = (
    "job.json", ".job.json.tmp", "results.zip", ".results.zip.part", "RESULT.txt", "ERROR.txt", "report.json",
    "train_2026-11.csv", "eval_2026-11.csv", "job.json.foreign-1", "train", "x",
)  # fmt: skip


class Somebody:
    """Plants, moves and deletes; returns what was done, for whoever has to understand a failure."""

    def __init__(self, world, victim, chance):
        self.world = world
        self.victim = victim
        self.chance = chance
        self.done = []

    def place(self, job):
        share = self.world.share
        folders = [share / ".retraind" / job.id, share / "done" / job.id, share / "failed" / job.id]
        match self.chance.randrange(4):
            case 0:
                return share / self.chance.choice(OWN)
            case 1:
                return self.chance.choice(folders)
            case _:
                return self.chance.choice(folders) / self.chance.choice(INSIDE)

    def act(self, job):
        path = self.place(job)
        if not path.parent.is_dir() or path.parent.is_symlink() or path.parent.parent.is_symlink():
            return
        deed = self.chance.choice(
            [
                self.remove,
                self.move,
                self.link,
                self.hard_link,
                self.fifo,
                self.folder,
                self.file,
                self.grow,
                self.forbid,
            ]
        )
        with suppress(OSError):
            deed(path)
            self.done.append((deed.__name__, str(path.relative_to(self.world.share))))

    def remove(self, path):
        if path.is_dir() and not path.is_symlink():
            shutil.rmtree(path)
        else:
            path.unlink()

    def move(self, path):
        path.rename(path.with_name(f"moved-{self.chance.randrange(1000)}"))

    def link(self, path):
        if os.path.lexists(path):
            self.move(path)
        path.symlink_to(
            self.chance.choice([self.victim.folder, self.victim.file, "/dev/zero", path.name, "nothing"])
        )

    def hard_link(self, path):
        if os.path.lexists(path):
            self.move(path)
        path.hardlink_to(self.victim.file)

    def fifo(self, path):
        if os.path.lexists(path):
            self.move(path)
        os.mkfifo(path)

    def folder(self, path):
        if os.path.lexists(path):
            self.move(path)
        (path / "deep" / "er").mkdir(parents=True)

    def file(self, path):
        if path.is_symlink() or not path.is_dir():
            path.unlink(missing_ok=True)
            path.write_bytes(self.chance.choice([b"", b"[" * 5000, b"{}", table(30, 3), b"\xff" * 99]))

    def grow(self, path):
        if path.is_file() and not path.is_symlink() and path.stat().st_nlink == 1:
            with path.open("ab") as file:
                file.write(b"1,2,3\n")

    def forbid(self, path):
        if not path.is_symlink() and path.lstat().st_nlink == 1:
            path.chmod(0)


@pytest.mark.timeout(60)
@pytest.mark.parametrize("seed", SEEDS)
def test_whatever_somebody_does_at_random_nothing_leads_out_and_nothing_breaks(
    tmp_path, victim, sent, monkeypatch, seed
):
    chance = random.Random(seed)
    crashes = []
    monkeypatch.setattr(runner._LOG, "exception", lambda *what, **more: crashes.append((what, more)))
    mode = chance.choice(["pair", "train-only"])
    with a_world(tmp_path, mode=mode, switch=chance.choice(["manual", "always"])) as world:
        somebody = Somebody(world, victim, chance)
        hold = lambda: world.pipeline.shares.held("churn", world.share)  # noqa: E731
        folder = DropFolder(world.model, (), world.clock, None, lambda: None, hold=hold)
        train = chance.choice([table(), b"one\n1\n"])
        job = world.sealing(train=train, evaluation=b"" if mode == "pair" else None)
        for _ in range(25):
            for _ in range(chance.choice([0, 1, 2, 6])):
                somebody.act(job)
            view = folder.look()
            with suppress(OSError, Away, Retry), hold() as drop:
                standing, voice = Standing([job], None, None, None, None), Voice()
                write_status(drop, status_text("churn", view, standing, voice), world.clock.now(), voice)
            rebuild(
                world.settings,
                world.journal,
                JobFiles.beside(world.settings.state.journal_file),
                believe=False,
            )
            job = world.journal.jobs.get(job.id)
            if job.state is State.FAILED and chance.randrange(2):
                job = world.asked_to_retry(job)
            elif job.state in RESTING:
                break
            if job.wait.wake_at and job.wait.wake_at > world.clock.now():
                world.wait_until(job.wait.wake_at)
            job = world.step(job)
            assert crashes == [], somebody.done
            victim.assert_unharmed()
        assert b"salary" not in sent(), somebody.done
        assert len(world.records("training_started")) <= 1, somebody.done
        if job.outcome is Outcome.TRAINED:
            assert world.records("training_started")
