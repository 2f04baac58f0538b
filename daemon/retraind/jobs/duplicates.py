"""What becomes of a delivery whose bytes were sent before."""

from collections.abc import Mapping
from datetime import timedelta
from typing import Any

from retraind.domain.job import Job, Outcome, State
from retraind.domain.problems import Finding, Severity, problem
from retraind.jobs.folders import Places
from retraind.jobs.outcomes import NO_BUNDLE, OF_A_TRAINING, Go, Wait
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

    def find(self, job: Job, changes: Mapping[str, Any]) -> Go | Wait | None:
        """Return what becomes of a delivery whose bytes were sent before; None where it is to be sent."""
        content = content_of(job)
        if content is None or self._places.model(job).on_duplicate == "retrain":
            return None
        duplicate = {**changes, "outcome": Outcome.DUPLICATE}
        twin = self._journal.contents.trained(job.model, content, besides=job.id)
        if twin is not None:
            return Go(State.FILING, "duplicate_found", {**duplicate, "earlier_job": twin.id})
        old = self._journal.contents.sent_and_failed(job.model, content, besides=job.id)
        if old is None or old.resume_in in {None, State.SEALED}:
            if old is None or not old.trained_at:
                return None
        elif old.state is not State.FAILED:
            return Wait(_BETWEEN_STATES)  # Soon it can be told: it is being filed, or comes back into work.
        if old.trained_at:
            good = old.resume_in in {State.TRAINED, State.SWITCHING}
            note = problem("earlier_not_published", earlier=old.id, why=old.problem, training_is_good=good)
            return Go(
                State.FILING, "duplicate_found", {**duplicate, "earlier_job": old.id, "switch_note": note}
            )
        return self._take_over(old, job, changes) if old.resume_in is State.UPLOADED else None

    def sent_before(self, job: Job) -> list[Finding]:
        """Say that the same bytes are sent once more, where a job that failed had sent them."""
        content = content_of(job)
        old = self._journal.contents.sent_and_failed(job.model, content, besides=job.id) if content else None
        if old is None:
            return []
        facts = {"earlier": old.id, "why": old.problem}
        return [Finding(rule="sent-before", severity=Severity.WARNING, facts=facts)]

    def _take_over(self, old: Job, job: Job, changes: Mapping[str, Any]) -> Go:
        """Go on waiting for the training that a failed job with the same bytes has started; nothing is sent."""
        taken: dict[str, Any] = {name: getattr(old, name) for name in OF_A_TRAINING}
        taken |= {
            "continues": old.id,
            "train_deadline": self._clock.now() + self._trainings.timeout(job),
        }
        with self._places.place(old, self._places.filed_in(old, failed=True)) as failed:
            there = is_folder(failed / old.id)
        # Its note has to say where it continues; where somebody has cleared its folder away, there is none to write.
        refiled = {"state": State.FILING} if there else {}
        also = Write(old, "job_continued", {"by": job.id}, {"continued_in": job.id, **refiled})
        detail = {"of": old.id, "retrain_job_id": old.retrain_job_id}
        return Go(State.UPLOADED, "training_taken_over", {**changes, **NO_BUNDLE, **taken}, detail, also)
