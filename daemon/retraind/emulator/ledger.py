"""The emulator's memory on disk: the account with its models, and one JSON file per retrain job.

Each file is replaced atomically, so a killed emulator continues from its last complete write. Files are not
synced: the emulator survives a kill of its process, not a power failure.
"""

import fcntl
import os
import secrets
import threading
from collections.abc import Callable, Iterable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import IO, Self

from pydantic import BaseModel, ConfigDict

from retraind.emulator.config import EmulatedModel, EmulatorError, PredictionType

ACCOUNT_FILE = "account.json"
_LONG_AGO = datetime.min.replace(tzinfo=UTC)


class Kept(BaseModel):
    """An immutable value that is kept on disk."""

    model_config = ConfigDict(frozen=True)

    def but(self, **changes: object) -> Self:
        """Return a copy with `changes`."""
        return self.model_copy(update=changes)


class Key(Kept):
    """One API key of a model."""

    key: str
    issued_at: datetime
    ends_at: datetime
    """The key is inactive from this moment on."""


class Model(Kept):
    """One published model, as the service sees it."""

    name: str
    model_id: int
    target: str | None
    secret_key: str | None
    time_series: bool
    prediction_type: PredictionType | None = None
    keys: tuple[Key, ...]
    """Oldest first; old keys remain valid until they expire."""
    deleted: bool = False
    classifier_deleted: bool = False
    configuration_deleted: bool = False
    original_job_deleted: bool = False
    published: str | None = None
    """The retrain job whose model is published; None is the model from before any retraining."""

    def without_keys(self, moment: datetime) -> "Model":
        """Return the model with all its keys ended at `moment`."""
        return self.but(keys=tuple(key.but(ends_at=min(key.ends_at, moment)) for key in self.keys))


class Account(Kept):
    """The account, its models and the secret that signs addresses."""

    signing_secret: str
    user_deleted: bool = False
    addresses_void_before: datetime = _LONG_AGO
    models: dict[str, Model] = {}


class Upload(Kept):
    """One complete PUT."""

    number: int
    """1 for the first PUT of the retrain job."""
    size: int
    sha256: str
    received_at: datetime


class Training(Kept):
    """One training of a retrain job; more than one means the upload was repeated."""

    number: int
    upload: int
    due_at: datetime
    started_at: datetime | None = None
    computed: bool = False
    """The outcome is known; `train_time` may not be over yet."""
    failure: str | None = None
    """The service's message, once computed; None means success."""
    ended_at: datetime | None = None


class RetrainJob(Kept):
    """One retrain job."""

    retrain_job_id: str
    model: str
    file_name: str
    upload_token: str
    results_token: str
    registered_at: datetime
    deleted: bool = False
    uploads: tuple[Upload, ...] = ()
    trainings: tuple[Training, ...] = ()
    switched_at: tuple[datetime, ...] = ()

    def with_training(self, training: Training) -> "RetrainJob":
        """Return the job with `training` added, or in place of the one with its number."""
        others = self.trainings[: training.number - 1]
        return self.but(trainings=(*others, training, *self.trainings[training.number :]))


class Ledger:
    """Everything the emulator remembers. Threads can share it.

    Raises EmulatorError if the folder cannot be used or another emulator uses it.
    """

    def __init__(self, state_dir: Path) -> None:
        self._dir = state_dir
        self._lock = threading.RLock()
        try:
            state_dir.mkdir(mode=0o700, parents=True, exist_ok=True)
            (state_dir / "jobs").mkdir(exist_ok=True)
            (state_dir / "objects").mkdir(exist_ok=True)
            self._claim = _claim(state_dir)
            for unfinished in state_dir.glob("objects/*/arriving-*"):
                unfinished.unlink()
            self._account = read_account(state_dir) or Account(signing_secret=secrets.token_hex(32))
            kept = (path.read_bytes() for path in (state_dir / "jobs").glob("*.json"))
            self._jobs = {job.retrain_job_id: job for job in map(RetrainJob.model_validate_json, kept)}
        except OSError as error:
            raise EmulatorError(f"The state folder {state_dir} cannot be used: {error.strerror}.") from error

    def close(self) -> None:
        """Release the folder to other emulators."""
        self._claim.close()

    @property
    def account(self) -> Account:
        """The account as it is now."""
        return self._account

    def change_account(self, change: Callable[[Account], Account]) -> Account:
        """Replace the account by `change` of it, on disk first."""
        with self._lock:
            account = change(self._account)
            write_private(self._dir / ACCOUNT_FILE, account.model_dump_json(indent=1))
            self._account = account
            return account

    def change_model(self, name: str, change: Callable[[Model], Model]) -> Model:
        """Replace one model by `change` of it. Raises EmulatorError if no model has that name."""

        def change_one(account: Account) -> Account:
            try:
                model = account.models[name]
            except KeyError:
                raise EmulatorError(f"The emulator has no model named {name!r}.") from None
            return account.but(models={**account.models, name: change(model)})

        return self.change_account(change_one).models[name]

    def take_in(self, models: Iterable[EmulatedModel], moment: datetime, key_lifetime: timedelta) -> None:
        """Add the configured models; keys and other state that they have already are kept."""

        def add(account: Account) -> Account:
            known = dict(account.models)
            for wanted in models:
                before = known.get(wanted.name)
                keys = before.keys if before else ()
                if all(key.key != wanted.api_key for key in keys):
                    new = Key(key=wanted.api_key, issued_at=moment, ends_at=moment + key_lifetime)
                    keys = (*keys, new)
                fields = {
                    "model_id": wanted.model_id,
                    "target": wanted.target,
                    "secret_key": wanted.secret_key,
                    "time_series": wanted.time_series,
                    "prediction_type": wanted.prediction_type,
                    "keys": keys,
                }
                known[wanted.name] = before.but(**fields) if before else Model(name=wanted.name, **fields)
            return account.but(models=known)

        self.change_account(add)

    def jobs(self) -> list[RetrainJob]:
        """Return all retrain jobs, oldest first."""
        with self._lock:
            return sorted(self._jobs.values(), key=lambda job: job.registered_at)

    def job(self, retrain_job_id: str) -> RetrainJob | None:
        """Return one retrain job, or None."""
        return self._jobs.get(retrain_job_id)

    def job_of_token(self, token: str) -> RetrainJob | None:
        """Return the retrain job that an object-store token belongs to, or None."""
        with self._lock:
            jobs = self._jobs.values()
            return next((job for job in jobs if token in {job.upload_token, job.results_token}), None)

    def add_job(self, job: RetrainJob) -> None:
        """Add a new retrain job."""
        with self._lock:
            self.objects_of(job).mkdir(exist_ok=True)
            self._keep(job)

    def change_job(self, retrain_job_id: str, change: Callable[[RetrainJob], RetrainJob]) -> RetrainJob:
        """Replace a job by `change` of it, on disk first. Raises EmulatorError if it is unknown."""
        with self._lock:
            job = self._jobs.get(retrain_job_id)
            if job is None:
                raise EmulatorError(f"The emulator has no retrain job {retrain_job_id!r}.")
            job = change(job)
            self._keep(job)
            return job

    def objects_of(self, job: RetrainJob) -> Path:
        """Return the folder of a job's objects."""
        return self._dir / "objects" / job.retrain_job_id

    def upload_path(self, job: RetrainJob, number: int) -> Path:
        """Return where the bytes of PUT `number` are."""
        return self.objects_of(job) / f"upload-{number}"

    def results_path(self, job: RetrainJob, training: int) -> Path:
        """Return where the results of a training are."""
        return self.objects_of(job) / f"results-{training}.zip"

    def _keep(self, job: RetrainJob) -> None:
        write_private(self._dir / "jobs" / f"{job.retrain_job_id}.json", job.model_dump_json(indent=1))
        self._jobs[job.retrain_job_id] = job


def read_account(state_dir: Path) -> Account | None:
    """Return the account kept in `state_dir`, or None if there is none yet. Raises OSError."""
    try:
        return Account.model_validate_json((state_dir / ACCOUNT_FILE).read_bytes())
    except FileNotFoundError:
        return None


def write_private(path: Path, text: str) -> None:
    """Replace a file by one that only its owner can read, atomically."""
    new = path.with_name(f"{path.name}.new")
    descriptor = os.open(new, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_CLOEXEC, 0o600)
    with os.fdopen(descriptor, "w", encoding="utf-8") as file:
        file.write(text)
    new.replace(path)


def _claim(state_dir: Path) -> IO[bytes]:
    claim = (state_dir / "in-use").open("wb")
    try:
        fcntl.flock(claim, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        claim.close()
        raise EmulatorError(f"Another emulator is running on the state folder {state_dir}.") from None
    return claim
