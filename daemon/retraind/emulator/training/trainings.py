"""From complete upload to finished or failed: when each training starts and ends, and who computes it.

One thread keeps the time, one computes. `stop` ends both; the next start continues what they were doing.
"""

import sched
import threading
import traceback
from collections.abc import Callable, Mapping
from datetime import datetime
from pathlib import Path
from queue import SimpleQueue
from types import MappingProxyType
from typing import Protocol

from pydantic import BaseModel

from retraind.emulator.config import EmulatorConfig
from retraind.emulator.facts import put_on_record
from retraind.emulator.faults import Dice
from retraind.emulator.ledger import Ledger, RetrainJob, Training
from retraind.emulator.records import Records
from retraind.emulator.training.rules import Limits

INTERNAL_ERROR = "An internal error occurred."
_STRIKES: Mapping[str, str] = MappingProxyType(
    {
        "train_fails": INTERNAL_ERROR,
        "account_storage": "データ保存容量が上限に達しています",
        "account_models": "モデル数の上限に達したため、新しいモデルを作成できません",
        "account_time": "実行時間の上限に達したため、新しいモデルを作成できません",
    }
)
"""Faults with which a training fails before it begins, with what the service says then."""
"""The message of a job that failed though its data is valid; the vendor has none for it."""
_CLOCK_CHECK = 0.02
"""Seconds between checks of the clock while something is due later."""


class Task(BaseModel):
    """What a trainer needs; it can be sent to another process."""

    upload: Path
    file_name: str
    target: str | None
    results: Path
    """Where the trainer writes the results zip."""
    limits: Limits


class TrainerStopped(Exception):
    """`Trainer.stop` ended the training."""


class Trainer(Protocol):
    """Checks data and trains. Used by one thread, stopped by another."""

    def train(self, task: Task) -> str | None:
        """Write the results of one training; returns None, or the service's message if it failed.

        Can be repeated. Raises TrainerStopped if `stop` was called.
        """

    def stop(self) -> None:
        """End the current training soon, and refuse others."""


class Trainings:
    """The trainings of all retrain jobs."""

    def __init__(
        self, config: EmulatorConfig, ledger: Ledger, records: Records, dice: Dice, trainer: Trainer
    ) -> None:
        self._config = config
        self._ledger = ledger
        self._records = records
        self._dice = dice
        self._trainer = trainer
        self._stopping = False
        self._changed = threading.Event()
        self._agenda = sched.scheduler(lambda: config.now().timestamp())
        self._to_compute: SimpleQueue[tuple[str, int] | None] = SimpleQueue()
        self._threads = (
            threading.Thread(target=self._keep_time, name="emulator-trainings", daemon=True),
            threading.Thread(target=self._compute_all, name="emulator-trainer", daemon=True),
        )

    def start(self) -> None:
        """Start both threads, and continue what an earlier emulator left unfinished."""
        for job in self._ledger.jobs():
            self._resume(job)
        for thread in self._threads:
            thread.start()

    def stop(self) -> None:
        """Join both threads; a training in progress is aborted."""
        self._stopping = True
        self._changed.set()
        self._trainer.stop()
        self._to_compute.put(None)
        for thread in self._threads:
            if thread.ident is not None:
                thread.join()

    def with_upload(self, job: RetrainJob) -> RetrainJob:
        """Return the job with the training that its newest upload starts, if it starts one."""
        upload = job.uploads[-1].number
        waiting = next((training for training in job.trainings if training.started_at is None), None)
        if job.trainings and self._config.repeated_upload == "ignored":
            return job
        if waiting is not None and self._config.repeated_upload == "again-once-started":
            return job.with_training(waiting.but(upload=upload))
        due_at = job.uploads[-1].received_at + self._config.queue_time
        return job.with_training(Training(number=len(job.trainings) + 1, upload=upload, due_at=due_at))

    def attend(self, job: RetrainJob) -> None:
        """Plan the start of the trainings of `job` that wait."""
        for training in job.trainings:
            if training.started_at is None:
                self._plan(training.due_at, self._begin, job, training.number)

    def check_clock(self) -> None:
        """Start and end what is due by now: for a simulated clock that has jumped."""
        self._changed.set()

    # -- the thread that keeps the time --------------------------------------------------------------------

    def _plan(self, due: datetime, action: Callable[[str, int], None], job: RetrainJob, number: int) -> None:
        self._agenda.enterabs(due.timestamp(), 0, action, (job.retrain_job_id, number))
        self._changed.set()

    def _keep_time(self) -> None:
        while not self._stopping:
            self._changed.clear()
            wait = self._agenda.run(blocking=False)
            # The configured clock may be a simulated one that jumps, so it is checked again and again.
            self._changed.wait(wait and min(wait, _CLOCK_CHECK))

    def _begin(self, retrain_job_id: str, number: int) -> None:
        # Each upload while a training waits plans its start again; only this thread starts any.
        if self._job(retrain_job_id).trainings[number - 1].started_at is None:
            job = self._change(retrain_job_id, number, started_at=self._config.now())
            put_on_record(self._records, job)
            self._to_compute.put((retrain_job_id, number))

    def _end(self, retrain_job_id: str, number: int) -> None:
        put_on_record(self._records, self._change(retrain_job_id, number, ended_at=self._config.now()))

    def _job(self, retrain_job_id: str) -> RetrainJob:
        job = self._ledger.job(retrain_job_id)
        assert job is not None, "jobs are never removed"
        return job

    def _change(self, retrain_job_id: str, number: int, **changes: object) -> RetrainJob:
        """Change one training; returns the job."""
        return self._ledger.change_job(
            retrain_job_id, lambda job: job.with_training(job.trainings[number - 1].but(**changes))
        )

    # -- the thread that computes --------------------------------------------------------------------------

    def _compute_all(self) -> None:
        while (task := self._to_compute.get()) is not None:
            try:
                self._compute(*task)
            except TrainerStopped:
                return

    def _compute(self, retrain_job_id: str, number: int) -> None:
        try:
            struck = next((message for fault, message in _STRIKES.items() if self._dice.strikes(fault)), None)
            failure = struck or self._train(self._job(retrain_job_id), number)
        except TrainerStopped:
            raise
        except Exception:  # noqa: BLE001  - the service, too, reports its own errors as a failed job
            traceback.print_exc()
            failure = INTERNAL_ERROR
        job = self._change(retrain_job_id, number, computed=True, failure=failure)
        self._plan_end(job, number)

    def _train(self, job: RetrainJob, number: int) -> str | None:
        model = self._ledger.account.models[job.model]
        results = self._ledger.results_path(job, number)
        new = results.with_suffix(".new")
        task = Task(
            upload=self._ledger.upload_path(job, job.trainings[number - 1].upload),
            file_name=job.file_name,
            target=model.target,
            results=new,
            limits=Limits(
                accept_plain_utf8=self._config.accept_plain_utf8,
                time_series=model.time_series,
                prediction_type=model.prediction_type,
                strict=self._dice.strikes("data_strict"),
            ),
        )
        failure = self._trainer.train(task)
        if failure is None:
            new.replace(results)
        return failure

    def _plan_end(self, job: RetrainJob, number: int) -> None:
        started_at = job.trainings[number - 1].started_at
        assert started_at is not None, "only a training that started is computed"
        self._plan(started_at + self._config.train_time, self._end, job, number)

    # -- after a restart -----------------------------------------------------------------------------------

    def _resume(self, job: RetrainJob) -> None:
        put_on_record(self._records, job)
        self.attend(job)
        for training in job.trainings:
            if training.started_at is None or training.ended_at is not None:
                continue
            self._records.add(
                "training_resumed",
                model=job.model,
                retrain_job_id=job.retrain_job_id,
                training=training.number,
            )
            if training.computed:
                self._plan_end(job, training.number)
            else:
                self._to_compute.put((job.retrain_job_id, training.number))
