"""What a step returns, and what it changes in a job: values, no side effects."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta

from retraind.api.object_store import Fetched
from retraind.domain.job import (
    End,
    Job,
    Outcome,
    Publication,
    SealedFile,
    State,
    Training,
    Tries,
    Waiting,
    Waivers,
    present,
)
from retraind.domain.problems import Problem, problem
from retraind.report import notes
from retraind.store.jobs import Write

Change = Callable[[Job], Job]
"""What a step changes, applied to the job as the journal has it by then: others may have written to it."""


def _unchanged(job: Job) -> Job:
    return job


@dataclass(frozen=True)
class Go:
    """The step is complete."""

    to: State
    event: str
    change: Change = _unchanged
    detail: Mapping[str, object] = field(default_factory=dict)
    """What the event reports besides."""
    also: Write | None = None
    """What is written to another job with it, in one transaction."""

    def after(self, change: Change) -> "Go":
        """Return the same with another change before its own."""
        return replace(self, change=lambda job: self.change(change(job)))


@dataclass(frozen=True)
class Wait:
    """The step is not complete, in the ordinary course of things; it is run again later."""

    after: timedelta
    change: Change = _unchanged
    calm: bool = True
    """False when the trouble that the job has met is not over by this, and counts on."""


def failed(job: Job, why: Problem, *, restart: bool) -> Go:
    """File a job as failed; with `restart`, a retry begins again, else it repeats the step that failed."""
    resume = State.SEALED if restart else job.state
    end = End(outcome=Outcome.FAILED, problem=why, failed_in=job.state, resume_in=resume)
    return Go(State.FILING, "job_failed", lambda job: replace(job, end=end))


def superseded(job: Job, newer: Job) -> Job:
    """File a job that is not sent, since a newer one takes its place."""
    end = End(outcome=Outcome.SUPERSEDED, earlier_job=newer.id)
    return replace(job, state=State.FILING, end=end)


def released(job: Job) -> Job:
    """Let the job's step be tried at once: what it was on hold or waited for is over."""
    return replace(job, hold=None, wait=replace(job.wait, wake_at=None, trouble=None))


def unregistered(job: Job) -> Job:
    """Drop the job's retrain job, which nothing is sent to any more; how many there were counts on."""
    return replace(job, registration=None)


def register_again(why: Problem) -> Go:
    """Go back for another retrain job: the old one can no longer start, since its address is of no use."""
    return Go(
        State.BUNDLED,
        "registration_dropped",
        lambda job: replace(unregistered(job), wait=replace(job.wait, trouble=why)),
    )


def prevented(job: Job) -> Job:
    """Go back to before the registration: the retrain job has ended without a training."""
    return replace(unregistered(job), state=State.BUNDLED, training=None, wait=Waiting(), tries=Tries())


def trained(training: Training) -> Change:
    """Return what a job knows of its training."""
    return lambda job: replace(job, training=training)


def with_results(training: Training, results: Fetched, scores: Mapping[str, float]) -> Training:
    """Return a training whose results have been fetched, and the figures in them."""
    return replace(
        training,
        results_name=notes.RESULTS_FILE,
        results_bytes=results.bytes,
        results_sha256=results.sha256,
        scores=scores,
    )


def noted(note: Problem) -> Change:
    """Return what a job knows of why the published model was or was not switched."""
    return lambda job: replace(job, publication=replace(job.publication or Publication(), note=note))


def not_switched(event: str, why: Problem, detail: Mapping[str, object] | None = None) -> Go:
    """File a trained job, and leave the published model as it is."""
    done = Go(State.FILING, event, lambda job: replace(job, end=End(outcome=Outcome.TRAINED)), detail or {})
    return done.after(noted(why))


def switch_open(why: Problem) -> Go:
    """File a job of which it is not certain whether its model was published."""
    ended = Go(
        State.FILING,
        "switch_unclear",
        lambda job: replace(job, end=job.end or End(outcome=Outcome.TRAINED)),
    )
    return ended.after(noted(problem("switch_unclear", why=why)))


def nothing_to_retry(flaws: list[Problem]) -> Go:
    """Leave a failed job where it is: its files are not there, or cannot be taken."""
    why = problem("nothing_to_retry", flaws=flaws)
    return Go(
        State.FAILED,
        "restore_impossible",
        lambda job: replace(job, end=replace(present(job.end), problem=why)),
    )


def restored(to: State, files: tuple[SealedFile, ...], deadline: datetime) -> Go:
    """Bring a failed job back to the state `to`, with its files as they are now.

    `deadline` is when a training is no longer waited for.
    """

    def back(job: Job) -> Job:
        job = replace(job, files=files, end=None, flaw=None)
        if to is State.SEALED:
            return _begun_again(job)
        if to is State.UPLOADED:
            return replace(job, training=replace(present(job.training), deadline=deadline))
        return job

    return Go(to, "job_restored", back)


def _begun_again(job: Job) -> Job:
    """Return a job of which nothing has been sent; where it was filed and published once stays known."""
    return replace(
        job,
        registration=None,
        training=None,
        gate=None,
        publication=job.publication and replace(job.publication, open=False),
        data=job.data and replace(job.data, warnings=(), ignored=()),
        tries=replace(job.tries, registrations=0, upload_held=False),
        # A person let one training through; another one is asked for again.
        waived=Waivers() if job.training else job.waived,
    )


def not_given_back(job: Job, stayed: tuple[SealedFile, ...]) -> Go:
    """File a delivery as failed whose files cannot all go back to the drop folder: newer ones are there."""
    others_returned = len(stayed) < len(job.files)
    end = failed(job, problem("not_given_back", others_returned=others_returned), restart=True)
    return end.after(lambda job: replace(job, files=stayed))
