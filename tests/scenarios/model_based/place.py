"""A daemon without threads: every look, every step and every tick happens when the state machine says so."""

import hashlib
import threading
import zipfile
from collections import Counter, defaultdict
from datetime import UTC, datetime, timedelta
from pathlib import Path

from retraind.config.load import load
from retraind.daemon import Daemon
from retraind.domain.job import LIFE, Job, State
from retraind.emulator import EmulatedModel, Emulator, EmulatorConfig
from retraind.reconcile.lanes import LANE_OF
from support.clock import ManualClock
from support.lanes import ManualLanes, know_jobs

MODELS = {"churn": "pair", "price": "train-only"}
_EMPTY = hashlib.sha256(b"").hexdigest()
"""Of markers, which have no content here."""
_OWN = {"STATUS.txt", "RESULT.txt", "ERROR.txt", "report.json", "job.json", "results.zip"}


def digest_of(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()


class Place:
    """Service, share, journal and daemon below one folder, and what ought to be there."""

    def __init__(self, root: Path) -> None:
        self.root = root
        start = datetime(2026, 11, 23, 12, tzinfo=UTC)
        self.clock = ManualClock(start)
        models = tuple(
            EmulatedModel(name, 1000 + number, f"key-of-{name}-0123456789", target="churned")
            for number, name in enumerate(MODELS)
        )
        self.emulator = Emulator(
            EmulatorConfig(
                root / "service",
                models=models,
                trainer="instant",
                # The service's own clock does not jump with the daemon's.
                now=lambda: start + timedelta(seconds=self.clock.elapsed()),
                repeated_upload="again-always",
                huge_bytes=3_000_000,
            )
        )
        self.emulator.start()
        self.policies: dict[str, tuple[str, ...]] = dict.fromkeys(MODELS, ())
        self.retrains_duplicates: set[str] = set()
        self.there: dict[str, Counter[str]] = {name: Counter() for name in MODELS}
        """By content, what people dropped and did not take away again."""
        self.retries: Counter[tuple[str, ...]] = Counter()
        """By content, how often a person asked for another try."""
        self._contents: dict[tuple[str, int], tuple[str, ...]] = {}
        for name in MODELS:
            self.drop(name).mkdir(parents=True)
            key_file = self.key_file(name)
            key_file.touch(0o600)
            key_file.write_text(f"key-of-{name}-0123456789")
        self.configure()
        self.open()

    # The daemon

    def configure(self) -> None:
        lines = [
            f'[api]\nbase_url = "{self.emulator.url}"\ntimeout = 5',
            f'[state]\nurl = "sqlite:///{self.root}/state/journal.db"\nspool = "{self.root}/state/spool"',
            '[sweep]\nobserver = "none"',
        ]
        for name, mode in MODELS.items():
            lines += [
                f'[models.{name}]\ndrop = "{self.drop(name)}"\napi_key_file = "{self.key_file(name)}"',
                f'mode = "{mode}"',
                *self.policies[name],
            ]
        self.config.write_text("\n".join(lines) + "\n")

    def open(self) -> None:
        """Start the daemon: what `run` does, but for its threads."""
        settings, file = load(self.config)
        self.daemon = Daemon(settings, file, self.clock, lanes=ManualLanes())
        self.daemon.__enter__()
        self.journal = self.daemon.journal
        self.daemon.folders.allow_writing()
        self.daemon.begin()
        know_jobs(self.daemon)

    def close(self) -> None:
        """Let go of what a dead process holds no more: connections and locks."""
        self.daemon._exit.close()

    def end(self) -> None:
        self.close()
        self.emulator.stop()

    def look(self, name: str) -> None:
        """Scan a folder, take in what is complete and seal it; no job goes further."""
        self.daemon.queue.ask(name, scan=True)
        self._work_off("scan", "publish", State.SEALING)

    def _work_off(self, *kinds: str) -> None:
        """Let the loop do what is asked for, and the lanes run tasks of these kinds alone."""
        while self.daemon.loop.work_off_due() or self._run_one(kinds):
            pass

    def _run_one(self, kinds: tuple[str, ...]) -> bool:
        for lane in [*self.daemon.lanes.lanes.values()]:
            for key in lane.tasks:
                job = self.journal.jobs.get(key)
                if (job.state if job else key.partition(" ")[0]) in kinds:
                    lane.run(key)
                    return True
        return False

    def due(self, name: str) -> list[str]:
        now = self.clock.now()
        return sorted(job.id for job in self.journal.jobs.active(name) if job.due(now) <= now)

    def step(self, name: str, which: int, *, one: bool) -> None:
        """Do for one of the jobs what a lane's thread does: run it as far as it goes, or through one state."""
        loop = self.daemon.loop
        self.daemon.queue.ask(name)
        self._work_off("publish")
        due = self.due(name)
        if not due:
            return
        planned = due[which % len(due)]
        lane = LANE_OF[self.journal.jobs.get(planned).state]
        if not one:
            loop._advance(name, planned, lane)
        elif (job := loop._claim(name, planned, lane)) is not None:
            try:
                self.daemon.pipeline.advance(job, frozenset({job.state}))
            finally:
                loop._claims.release(job.id)
        self._work_off("publish")
        self.wait_for_the_service()

    def wait_for_the_service(self) -> None:
        """The emulator trains on threads of its own; what they have to do takes moments."""
        while any(each["ended_at"] is None for job in self.emulator.jobs() for each in job["trainings"]):
            threading.Event().wait(0.001)

    # Where things are

    @property
    def config(self) -> Path:
        return self.root / "config.toml"

    def key_file(self, name: str) -> Path:
        return self.root / f"{name}.key"

    def drop(self, name: str) -> Path:
        return self.root / "share" / name

    def jobs(self, name: str, state: State) -> list[Job]:
        return self.journal.jobs.newest(name, frozenset({state}))

    # What people do

    def put(self, name: str, file: str, content: bytes) -> None:
        """Hand a file over under a hidden name and rename it, over what may be there."""
        target = self.drop(name) / file
        self.take_away(name, target)
        hidden = target.with_name(f".{file}")
        hidden.write_bytes(content)
        hidden.rename(target)
        self.there[name][digest_of(target)] += 1

    def take_away(self, name: str, path: Path) -> None:
        if path.is_file():
            self.there[name][digest_of(path)] -= 1
            path.unlink()

    def content_of(self, job: Job) -> tuple[str, ...]:
        """Return what a failed job's data files hold now."""
        folder = self.drop(job.model) / "failed" / job.id
        paths = [folder / file.name for file in job.data_files]
        return tuple(digest_of(path) for path in paths if path.is_file())

    # What must be true at any moment

    def check(self) -> None:
        self._every_byte_is_there_once()
        self._nothing_is_trained_twice()
        for name in MODELS:
            working = [job.id for job in self.journal.jobs.active(name) if job.occupies_model]
            assert len(working) <= 1, f"two jobs of {name} are in work: {working}"

    def _every_byte_is_there_once(self) -> None:
        for name in MODELS:
            found = Counter(
                digest_of(path)
                for path in self.drop(name).rglob("*")
                if path.is_file() and path.name not in _OWN and not path.name.startswith(".")
            )
            wanted = +self.there[name]
            lost, extra = wanted - found - self._counted(name), found - wanted
            assert not lost, f"{name}: lost {lost}, too many {extra}"
            assert not extra, f"{name}: too many {extra}"
            assert found.keys() | {_EMPTY} >= wanted.keys(), f"{name}: nothing is left of a content"

    def _counted(self, name: str) -> Counter[str]:
        """Return what may be gone: of duplicates in a row, the last one is kept and counts the others."""
        counted: Counter[str] = Counter()
        for job in (*self.jobs(name, State.DONE), *self.jobs(name, State.FILING)):
            if job.end is not None and job.end.times > 1:
                for file in job.files:
                    counted[file.sha256 or _EMPTY] += job.end.times - 1
        return counted

    def _nothing_is_trained_twice(self) -> None:
        trained: dict[tuple[str, ...], int] = defaultdict(int)
        allowed: Counter[tuple[str, ...]] = Counter()
        for job in self.emulator.jobs():
            assert len(job["trainings"]) <= 1, f"two uploads went to {job['retrain_job_id']}"
            for training in job["trainings"]:
                content = (job["model"], *self._uploaded(job["retrain_job_id"], training["upload"]))
                trained[content] += 1
                allowed[content] += training["failure"] is not None
        for content, count in trained.items():
            if content[0] not in self.retrains_duplicates:
                most = 1 + allowed[content] + self.retries[content]
                assert count <= most, f"{content} was trained {count} times"

    def _uploaded(self, retrain_job_id: str, number: int) -> tuple[str, ...]:
        which = (retrain_job_id, number)
        if which not in self._contents:
            path = self.root / "service" / "objects" / retrain_job_id / f"upload-{number}"
            if zipfile.is_zipfile(path):
                with zipfile.ZipFile(path) as bundle:
                    members = sorted(bundle.namelist(), reverse=True)  # train_src before eval_src
                    self._contents[which] = tuple(
                        hashlib.sha256(bundle.read(member)).hexdigest() for member in members
                    )
            else:
                self._contents[which] = (digest_of(path),)
        return self._contents[which]

    def check_histories(self) -> None:
        """Each job's history is a walk through the table of a job's life, without a jump."""
        states: dict[str, State] = {}
        for event in self.journal.events.history():
            if event.event == "delivery_complete":
                states[event.job] = State.SEALING
            elif "to" in event.detail:
                before, after = State(event.detail["from"]), State(event.detail["to"])
                assert states[event.job] is before, f"{event.job} jumped from {states[event.job]} to {before}"
                assert after in LIFE[before].next, f"{event.job} went from {before} to {after}"
                states[event.job] = after
        assert states == {job.id: job.state for job in self.journal.jobs.newest()}

    def check_rest(self) -> None:
        """Nothing is left over anywhere once all has come to rest."""
        for name, mode in MODELS.items():
            drop = self.drop(name)
            assert not list((drop / ".retraind").glob("*")), "something is left in the work folder"
            for state, place, note in (
                (State.DONE, "done", "RESULT.txt"),
                (State.FAILED, "failed", "ERROR.txt"),
            ):
                filed = {path.name for path in (drop / place).glob("*")}
                known = {job.id for job in self.jobs(name, state)}
                assert filed <= known, f"{place}/ has {filed - known}, which the journal has not"
                for path in (drop / place).glob("*"):
                    assert (path / note).is_file(), f"no {note} in {path}"
            left = {path.name for path in drop.glob("train_*")}
            if mode == "pair":
                left = {name for name in left if (drop / f"eval{name[5:]}").exists()}
            assert not left, f"{left} was never taken in"
        spool = self.root / "state" / "spool"
        assert not spool.is_dir() or not list(spool.iterdir()), "something is left on the spool disk"
