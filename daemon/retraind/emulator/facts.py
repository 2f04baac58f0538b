"""Which facts of a retrain job go on record, and how: each at most once, however often the emulator restarts."""

from retraind.emulator.ledger import RetrainJob, Training, Upload
from retraind.emulator.records import Records


def tell_registered(records: Records, job: RetrainJob) -> None:
    """Record that the job was registered."""
    records.tell_once(
        "registered",
        model=job.model,
        retrain_job_id=job.retrain_job_id,
        at=job.registered_at,
        file_name=job.file_name,
    )


def tell_upload(records: Records, job: RetrainJob, upload: Upload) -> None:
    """Record a complete upload."""
    records.tell_once(
        "put_received",
        model=job.model,
        retrain_job_id=job.retrain_job_id,
        at=upload.received_at,
        upload=upload.number,
        complete=True,
        size=upload.size,
        sha256=upload.sha256,
        file_name=job.file_name,
    )


def tell_start(records: Records, job: RetrainJob, training: Training) -> None:
    """Record that a training started, if it did."""
    if training.started_at is not None:
        records.tell_once(
            "training_started",
            model=job.model,
            retrain_job_id=job.retrain_job_id,
            at=training.started_at,
            training=training.number,
            of_upload=training.upload,
        )


def tell_end(records: Records, job: RetrainJob, training: Training) -> None:
    """Record that a training finished or failed, if it did."""
    if training.ended_at is not None:
        records.tell_once(
            "training_finished" if training.failure is None else "training_failed",
            model=job.model,
            retrain_job_id=job.retrain_job_id,
            at=training.ended_at,
            training=training.number,
            message=training.failure,
        )


def catch_up(records: Records, job: RetrainJob) -> None:
    """Record what a kill kept an earlier emulator from recording."""
    tell_registered(records, job)
    for upload in job.uploads:
        tell_upload(records, job, upload)
    for training in job.trainings:
        tell_start(records, job, training)
        tell_end(records, job, training)
