"""Which facts of a retrain job go on record, and how."""

from datetime import datetime
from typing import Any

from retraind.emulator.ledger import RetrainJob
from retraind.emulator.records import Records


def put_on_record(records: Records, job: RetrainJob) -> None:
    """Record what has happened to the job and is not on record yet, also what a kill kept from it."""

    def add(event: str, moment: datetime, **facts: Any) -> None:
        records.add(event, model=job.model, retrain_job_id=job.retrain_job_id, at=moment, once=True, **facts)

    add("registered", job.registered_at, file_name=job.file_name)
    for upload in job.uploads:
        add(
            "put_received",
            upload.received_at,
            upload=upload.number,
            complete=True,
            size=upload.size,
            sha256=upload.sha256,
            file_name=job.file_name,
        )
    for training in job.trainings:
        number = training.number
        if training.started_at is not None:
            add("training_started", training.started_at, training=number, of_upload=training.upload)
        if training.ended_at is not None:
            event = "training_finished" if training.failure is None else "training_failed"
            add(event, training.ended_at, training=number, message=training.failure)
