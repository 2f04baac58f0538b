"""A whole small world for tests: an emulated service over real HTTP, a share, a journal, and time that obeys."""

import secrets
import shutil
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import replace
from datetime import datetime, timedelta
from pathlib import Path

import structlog

from retraind.api.client import ApiClient
from retraind.api.credentials import Credentials
from retraind.api.object_store import ObjectStore
from retraind.config.settings import Settings
from retraind.domain.job import LIFE, Job, Role, SealedFile, State
from retraind.domain.names import job_id
from retraind.domain.problems import Problem
from retraind.emulator import EmulatedModel, Emulator, EmulatorConfig, EmulatorError, read_records
from retraind.intake.listing import signature_of
from retraind.jobs.pipeline import Pipeline
from retraind.report.wording import Voice
from retraind.store.journal import Journal
from retraind.system.clock import Clock
from support.clock import ManualClock

HEADER = "age,plan,churned\n"


def key_of(name: str) -> str:
    """Return the API key of the model with this name."""
    return f"key-of-{name}-0123456789abcdef"


KEY = key_of("churn")


def an_account(root: Path, *names: str, **settings: object) -> Emulator:
    """Return a service, not started yet, with models of these names (churn by default) that are trained in an
    instant."""
    models = tuple(
        EmulatedModel(name, 1001 + number, key_of(name), "churned", "account-secret-0123456789")
        for number, name in enumerate(names or ("churn",))
    )
    return Emulator(EmulatorConfig(root / "service", models=models, **{"trainer": "instant", **settings}))


def table(rows: int = 40, offset: int = 0, header: str = HEADER) -> bytes:
    """Make a small data set that the service accepts; `offset` makes it another one."""
    lines = [f"{20 + (row + offset) % 50},{'abc'[row % 3]},{(row + offset) % 2}\n" for row in range(rows)]
    return (header + "".join(lines)).encode("utf-8-sig") + f"{offset},x,1\n".encode()


def step(pipeline: Pipeline, job: Job) -> Job:
    """Run just the present step of a job, due or not."""
    runner = pipeline._runner
    if job.state not in runner.steps:
        return job
    with structlog.contextvars.bound_contextvars(job=job.id, model=job.model):
        after = runner._take(job, runner.steps[job.state])
        if after.state is not job.state:
            runner._keep_copy(after)
        return after


class World:
    """One model named churn. Files are dropped with `drop`, jobs made with `seal` and driven with `run`."""

    def __init__(self, root: Path, emulator: Emulator, clock: Clock, **model: object) -> None:
        self.root = root
        self.emulator = emulator
        self.clock = clock
        self.share = root / "share" / "churn"
        self.share.mkdir(parents=True, exist_ok=True)
        self.key_file = root / "churn.key"
        self.key_file.touch(0o600)
        self.key_file.write_text(KEY)
        self.stopping = threading.Event()
        self.journal = Journal.open(root / "state" / "journal.db", clock)
        self.client = ApiClient(self.settings_of(**model).api, clock)
        self.configure(**model)

    def settings_of(self, **model: object) -> Settings:
        poll = model.pop("poll", {})
        return Settings(
            api={"base_url": self.emulator.url, "timeout": 5, "connect_timeout": 2},
            state={
                "url": f"sqlite:///{self.root}/state/journal.db",
                "spool": self.root / "state" / "spool",
                "keep_free": 0,
            },
            poll={"interval": 1, **poll},
            models={"churn": {"drop": self.share, "api_key_file": self.key_file, **model}},
        )

    def configure(self, **model: object) -> None:
        """Begin anew with another configuration of the model, as after a restart of the daemon."""
        self.settings = self.settings_of(**model)
        self.model = self.settings.models["churn"]
        self.credentials = Credentials(self.client, self.clock)
        self.pipeline = Pipeline(
            self.settings,
            self.journal,
            self.client,
            ObjectStore(self.settings.api, self.clock),
            self.credentials,
            clock=self.clock,
            stopping=self.stopping,
        )

    def close(self) -> None:
        self.client.close()
        self.journal.close()

    def save(self, kept: Path) -> None:
        """Keep the share and the state as they are, for `restore`; far cheaper than another world."""
        self.journal.close()
        for place in (self.share, self.root / "state"):
            shutil.copytree(place, kept / place.name)
        self._reopen()

    def restore(self, kept: Path) -> None:
        """Put back what was kept. The service has seen what it has seen."""
        self.journal.close()
        for place in (self.share, self.root / "state"):
            for path in place.iterdir():
                shutil.rmtree(path) if path.is_dir() else path.unlink()
            shutil.copytree(kept / place.name, place, dirs_exist_ok=True)
        self._reopen()

    def _reopen(self) -> None:
        self.journal = Journal.open(self.root / "state" / "journal.db", self.clock)
        self.configure()

    # Deliveries and jobs

    def drop(self, name: str, content: bytes) -> Path:
        path = self.share / name
        path.parent.mkdir(exist_ok=True)
        path.write_bytes(content)
        return path

    def sealing(
        self, key: str = "2026-11", train: bytes | None = None, evaluation: bytes | None = b""
    ) -> Job:
        """Drop a delivery and record the job that is about to seal it.

        `evaluation=None` makes it train-only.
        """
        files = {Role.TRAIN: (f"train_{key}.csv", table() if train is None else train)}
        if evaluation is not None:
            files[Role.EVAL] = (f"eval_{key}.csv", evaluation or table(20))
        sealed = tuple(
            SealedFile(role=role, name=name, signature=signature_of(self.drop(name, content).lstat()))
            for role, (name, content) in files.items()
        )
        now = self.clock.now()
        job = Job(
            id=job_id(now, key, secrets.token_hex(3)), model="churn", key=key, state=State.SEALING,
            files=sealed, created_at=now, updated_at=now, drop=str(self.share),
        )  # fmt: skip
        return self.journal.jobs.add(job, "delivery_complete")

    def asked_to_retry(self, job: Job) -> Job:
        """Return a failed job that a person has asked to retry."""
        return self.journal.jobs.write(job, replace(job, state=State.RESTORING), "retry_asked")

    def asked_to_switch(self, job: Job) -> Job:
        """Return a job that is done, and that a person has asked to publish."""
        return self.journal.jobs.write(job, replace(job, state=State.SWITCHING), "switch_asked")

    def step(self, job: Job) -> Job:
        return step(self.pipeline, job)

    def run(self, job: Job, until: State | None = None, most: timedelta = timedelta(days=2)) -> Job:
        """Drive a job, passing the time it waits for, until it rests, is held or reaches `until`."""
        end = self.clock.now() + most
        while (
            LIFE[job.state].step
            and job.state is not until
            and not job.hold
            and "churn" not in self.journal.holds.all()
        ):
            if job.wait.wake_at and job.wait.wake_at > self.clock.now():
                if job.wait.wake_at > end:
                    return job
                self.wait_until(job.wait.wake_at)
            job = self.step(job)
        return job

    def wait_until(self, moment: datetime) -> None:
        assert isinstance(self.clock, ManualClock)
        self._let_service_catch_up()
        self.clock.pass_time(moment - self.clock.now())
        self._let_service_catch_up()

    def _let_service_catch_up(self) -> None:
        """The emulator's threads do in real time what is due by the clock that jumps."""
        with suppress(EmulatorError):  # It may have been stopped.
            while any(self._is_due(each) for job in self.emulator.jobs() for each in job["trainings"]):
                self.emulator.check_clock()
                threading.Event().wait(0.001)

    def _is_due(self, training: dict) -> bool:
        if training["ended_at"] is not None:
            return False
        now = self.emulator.config.now()
        if training["started_at"] is None:
            return datetime.fromisoformat(training["due_at"]) <= now
        began = datetime.fromisoformat(training["started_at"])
        return not training["computed"] or began + self.emulator.config.train_time <= now

    def wait_for_trainings(self) -> None:
        """The emulator trains on threads of its own; what they have to do takes moments."""
        while any(each["ended_at"] is None for job in self.emulator.jobs() for each in job["trainings"]):
            threading.Event().wait(0.005)

    # What can be seen from outside

    def folder(self, job: Job) -> Path:
        return self.pipeline.places.place_of(job) / job.id

    def tell(self, job: Job, problem: Problem | None) -> str:
        """Word what a job has met as its operator reads it."""
        assert problem is not None
        return Voice().on(job.model, job.id).tell(problem)

    def read(self, job: Job, name: str) -> str:
        return (self.folder(job) / name).read_bytes().decode("utf-8-sig").replace("\r\n", "\n")

    def records(self, event: str) -> list[dict]:
        return [record for record in read_records(self.root / "service") if record["event"] == event]

    def files(self) -> dict[str, bytes]:
        """All files on the share by path, but for retraind's own."""
        own = {
            ".retraind-id",
            "STATUS.txt",
            "RESULT.txt",
            "ERROR.txt",
            "report.json",
            "job.json",
            "results.zip",
        }
        return {
            str(path.relative_to(self.share)): path.read_bytes()
            for path in self.share.rglob("*")
            if path.is_file() and path.name not in own
        }


@contextmanager
def a_world(
    root: Path, *, clock: Clock | None = None, service: dict | None = None, **model: object
) -> Iterator[World]:
    clock = clock or ManualClock(datetime.now().astimezone())
    with an_account(root, **{"now": clock.now, **(service or {})}) as emulator:
        world = World(root, emulator, clock, **model)
        try:
            yield world
        finally:
            world.close()


def a_site(tmp_path: Path) -> Path:
    """Write a configuration of one model, with its drop folder and nobody who answers; returns its path."""
    (tmp_path / "drop").mkdir()
    key = tmp_path / "key"
    key.touch(0o600)
    key.write_text("k")
    config = tmp_path / "config.toml"
    config.write_text(
        '[api]\nbase_url = "http://127.0.0.1:9"\n'
        f'[state]\nurl = "sqlite:///{tmp_path}/state/journal.db"\nspool = "{tmp_path}/spool"\n'
        f'[sweep]\ninterval = "100ms"\n[models.churn]\ndrop = "{tmp_path}/drop"\napi_key_file = "{key}"\nsettle = "0s"\n'
    )
    return config
