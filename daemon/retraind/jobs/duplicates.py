"""What becomes of a delivery whose bytes were sent before."""

from dataclasses import replace
from datetime import datetime, timedelta

from retraind.domain.job import End, Job, Outcome, Registration, State, Training, present
from retraind.domain.problems import Finding, Severity, problem
from retraind.jobs.folders import Places
from retraind.jobs.outcomes import Change, Go, Wait, noted
from retraind.jobs.trainings import Trainings
from retraind.store.jobs import Write
from retraind.store.journal import Journal
from retraind.store.rows import content_of
from retraind.system import log
from retraind.system.clock import Clock
from retraind.system.files import is_folder

_LOG = log.get(__name__)

_BETWEEN_STATES = timedelta(seconds=5)


class Duplicates:
    """Finds earlier jobs with the same bytes."""

    def __init__(
        self,
        *,
        journal: Journal,
        places: Places,
        trainings: Trainings,
        clock: Clock,
    ) -> None:
        self._journal = journal
        self._places = places
        self._trainings = trainings
        self._clock = clock

    def find(self, job: Job) -> Go | Wait | None:
        """Return what becomes of a delivery whose bytes were sent before; None where it is to be sent."""
        content = content_of(job)
        if content is None or self._places.model(job).on_duplicate == "retrain":
            return None
        twin = self._journal.contents.trained(job.model, content, besides=job.id)
        if twin is not None:
            return _duplicate_of(twin)
        old = self._journal.contents.sent_and_failed(job.model, content, besides=job.id)
        if old is None:
            return None
        resume_in = present(old.end).resume_in
        if old.state is not State.FAILED and resume_in not in {None, State.SEALED}:
            return Wait(_BETWEEN_STATES)  # It is being filed, or comes back into work: soon it is known.
        if old.trained_at:
            good = resume_in in {State.TRAINED, State.SWITCHING}
            note = problem("earlier_not_published", earlier=old.id, why=old.problem, training_is_good=good)
            return _duplicate_of(old).after(noted(note))
        return self._take_over(old, job) if resume_in is State.UPLOADED else None

    def sent_before(self, job: Job) -> list[Finding]:
        """Return a warning where a job that failed had sent the same bytes."""
        content = content_of(job)
        old = self._journal.contents.sent_and_failed(job.model, content, besides=job.id) if content else None
        if old is None:
            return []
        facts = {"earlier": old.id, "why": old.problem}
        return [Finding(rule="sent-before", severity=Severity.WARNING, facts=facts)]

    def _take_over(self, old: Job, job: Job) -> Go:
        """Continue to wait for the training that a failed job with the same bytes has started."""
        with self._places.place(old, self._places.filed_in(old, failed=True)) as failed:
            there = is_folder(failed / old.id)
        # Its note has to say where it continues; where somebody has deleted its folder, there is none.
        after = replace(
            old,
            state=State.FILING if there else old.state,
            end=replace(present(old.end), continued_in=job.id),
        )
        also = Write(old, after, "job_continued", {"by": job.id})
        detail = {"of": old.id, "retrain_job_id": old.retrain_job_id}
        deadline = self._clock.now() + self._trainings.timeout(job)
        return Go(State.UPLOADED, "training_taken_over", _with_training_of(old, deadline), detail, also)


def _duplicate_of(earlier: Job) -> Go:
    end = End(outcome=Outcome.DUPLICATE, earlier_job=earlier.id)
    return Go(State.FILING, "duplicate_found", lambda job: replace(job, end=end))


def _with_training_of(old: Job, deadline: datetime) -> Change:
    """Return what a job knows that continues the training of another."""
    registration, known = present(old.registration), present(old.training)
    training = Training(
        uploaded_at=known.uploaded_at,
        deadline=deadline,
        continues=old.id,
        status=known.status,
        status_seen_at=known.status_seen_at,
        message=known.message,
    )
    return lambda job: replace(
        job,
        bundle=None,
        tries=replace(job.tries, registered_at=old.tries.registered_at),
        registration=Registration(
            retrain_job_id=registration.retrain_job_id, untouched_status=registration.untouched_status
        ),
        training=training,
    )
