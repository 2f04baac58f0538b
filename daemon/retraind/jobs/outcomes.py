"""What a step returns, and what it changes in a job: values, no side effects."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

from retraind.api.object_store import Fetched
from retraind.domain.job import Job, Outcome, SealedFile, State
from retraind.domain.problems import Problem, problem
from retraind.report import notes
from retraind.store.jobs import Write


@dataclass(frozen=True)
class Go:
    """The step is complete."""

    to: State
    event: str
    changes: Mapping[str, Any] = field(default_factory=dict)
    detail: Mapping[str, Any] = field(default_factory=dict)
    """What the event tells besides."""
    also: Write | None = None
    """What is written to another job with it, in one transaction."""


@dataclass(frozen=True)
class Wait:
    """The step is not complete, in the ordinary course of things; it is run again later."""

    after: timedelta
    changes: Mapping[str, Any] = field(default_factory=dict)
    calm: bool = True
    """False when the trouble that the job has met is not over by this, and counts on."""


CALM: Mapping[str, Any] = {
    "attempts": 0,
    "trouble": None,
    "waits_for": None,
    "troubled_since": None,
    "stuck": False,
}


NO_BUNDLE: Mapping[str, Any] = {"bundle_name": None, "bundle_bytes": None}


UNREGISTERED: Mapping[str, Any] = {
    "retrain_job_id": None,
    "upload_ticket": None,
    "untouched_status": None,
    "address_refused": None,
    "put_started_at": None,
    "put_ended_at": None,
}


UNTRAINED: Mapping[str, Any] = {
    "uploaded_at": None,
    "train_deadline": None,
    "unknown_since": None,
    "status": None,
    "status_seen_at": None,
    "status_message": None,
    "trained_model_id": None,
    "trained_at": None,
    "results_name": None,
    "results_bytes": None,
    "results_sha256": None,
    "gate_exit": None,
    "gate_output": None,
    "gate_shown": (),
    "switch_open": False,
}


OF_A_TRAINING = (
    "retrain_job_id",
    "registered_at",
    "untouched_status",
    "uploaded_at",
    "status",
    "status_seen_at",
    "status_message",
)
"""What a job takes over with a training."""


def failed(job: Job, why: Problem, *, restart: bool) -> Go:
    """File a job as failed; with `restart`, a retry begins again, else it repeats the step that failed."""
    resume = State.SEALED if restart else job.state
    changes = {"outcome": Outcome.FAILED, "problem": why, "failed_in": job.state, "resume_in": resume}
    return Go(State.FILING, "job_failed", changes)


def register_anew(why: Problem) -> Go:
    """Go back for another retrain job: the old one can no longer start, since its address is of no use."""
    return Go(State.BUNDLED, "registration_dropped", {**UNREGISTERED, "trouble": why})


def nothing_to_retry(flaws: list[Problem]) -> Go:
    """Leave a failed job where it is: its files are not there, or cannot be taken."""
    return Go(State.FAILED, "restore_impossible", {"problem": problem("nothing_to_retry", flaws=flaws)})


def switch_open(job: Job, why: Problem) -> Go:
    """File a job of which nobody can say whether its model was published: neither that it was, nor that it was not."""
    changes = {
        "outcome": job.outcome or Outcome.TRAINED,
        "switch_note": problem("switch_unclear", why=why),
        "switch_open": True,
    }
    return Go(State.FILING, "switch_unclear", changes)


def results_fetched(results: Fetched) -> dict[str, Any]:
    """Return what a job knows of its results once they have been fetched."""
    return {
        "results_name": notes.RESULTS_FILE,
        "results_bytes": results.bytes,
        "results_sha256": results.sha256,
    }


def restored(job: Job, to: State, files: tuple[SealedFile, ...], deadline: datetime) -> Go:
    """Bring a failed job back to the state `to`, with its files as they are now; `deadline` is for a training."""
    changes: dict[str, Any] = {
        "files": files,
        "outcome": None,
        "problem": None,
        "failed_in": None,
        "resume_in": None,
        "continued_in": None,
    }
    if to is State.SEALED:
        changes |= {
            **UNREGISTERED,
            **UNTRAINED,
            "warnings": (),
            "registrations": 0,
            "upload_held": False,
            "continues": None,
        }
        if job.uploaded_at:
            # A person let one training through; another one is asked for anew.
            changes |= {"budget_waived": False, "window_waived": False}
    if to is State.UPLOADED:
        changes["train_deadline"] = deadline
    return Go(to, "job_restored", changes)


def not_given_back(job: Job, stayed: tuple[SealedFile, ...]) -> Go:
    """File a delivery as failed whose files cannot all go back to the drop folder: newer ones are there."""
    others_returned = len(stayed) < len(job.files)
    end = failed(job, problem("not_given_back", others_returned=others_returned), restart=True)
    return Go(end.to, end.event, {**end.changes, "files": stayed})
