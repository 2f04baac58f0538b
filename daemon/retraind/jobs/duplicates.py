"""What happens to a delivery whose bytes were sent before."""

from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from pathlib import Path

from retraind.domain.failures import Retry, reason_in
from retraind.domain.job import End, Job, Outcome, Registration, SealedFile, State, Training, present
from retraind.domain.problems import Finding, Severity, problem
from retraind.jobs.expiry import expire
from retraind.jobs.folders import Places
from retraind.jobs.outcomes import Change, Go, Wait, noted
from retraind.jobs.trainings import Trainings
from retraind.report import notes
from retraind.store.copies.sidecar import NAME
from retraind.store.jobs import Conflict, Write
from retraind.store.journal import Journal
from retraind.store.rows import content_of
from retraind.system import log
from retraind.system.clock import Clock
from retraind.system.files import beside, held, is_folder, sha256_of

_LOG = log.get(__name__)

_MOST_CLEARED = 50
"""Earlier duplicates that are removed with one; further ones with the next."""
_BETWEEN_STATES = timedelta(seconds=5)


@dataclass(frozen=True)
class Duplicates:
    """Finds earlier jobs with the same bytes."""

    journal: Journal
    places: Places
    trainings: Trainings
    clock: Clock
    pause: Callable[[], None]

    def find(self, job: Job) -> Go | Wait | None:
        """Return what becomes of a delivery whose bytes were sent before; None where it is to be sent."""
        content = content_of(job)
        if content is None or self.places.model(job).on_duplicate == "retrain":
            return None
        twin = self.journal.contents.trained(job.model, content, besides=job.id)
        if twin is not None:
            return self._duplicate_of(twin, job, content)
        old = self.journal.contents.sent_and_failed(job.model, content, besides=job.id)
        if old is None:
            return None
        resume_in = present(old.end).resume_in
        if old.state is not State.FAILED and resume_in not in {None, State.SEALED}:
            return Wait(_BETWEEN_STATES)  # It is being filed, or comes back into work: soon it is known.
        if old.trained_at:
            good = resume_in in {State.TRAINED, State.SWITCHING}
            note = problem("earlier_not_published", earlier=old.id, why=old.problem, training_is_good=good)
            return self._duplicate_of(old, job, content).after(noted(note))
        return self._take_over(old, job) if resume_in is State.UPLOADED else None

    def sent_before(self, job: Job) -> list[Finding]:
        """Return a warning where a job that failed had sent the same bytes."""
        content = content_of(job)
        old = self.journal.contents.sent_and_failed(job.model, content, besides=job.id) if content else None
        if old is None:
            return []
        facts = {"earlier": old.id, "why": old.problem}
        return [Finding(rule="sent-before", severity=Severity.WARNING, facts=facts)]

    def _duplicate_of(self, earlier: Job, job: Job, content: str) -> Go:
        before = next(iter(self.journal.contents.duplicates(job.model, content, besides=job.id)), None)
        end = End(outcome=Outcome.DUPLICATE, earlier_job=earlier.id)
        if before is not None:
            last = present(before.end)
            end = replace(end, times=last.times + 1, since=last.since or before.created_at)
        return Go(State.FILING, "duplicate_found", lambda job: replace(job, end=end), {"times": end.times})

    def clear_earlier(self, job: Job) -> None:
        """Remove earlier duplicates with the same bytes, once `job`, which counts them, is filed.

        An export that has stopped may deliver the same files every few minutes for weeks. What a person has
        put into such a folder, or changed there, stays.
        """
        content = content_of(job)
        if content is None:
            return
        found = self.journal.contents.duplicates(job.model, content, besides=job.id)
        older = [each for each in found if each.state is State.DONE and each.created_at <= job.created_at]
        for old in older[:_MOST_CLEARED]:
            try:
                if self._is_nothing_but_a_copy(old, job) and expire(old, self.places, self.journal):
                    _LOG.info("duplicate_removed", job=old.id, model=old.model, by=job.id)
            except Conflict:
                continue  # A person wants something of it.
            except (OSError, Retry) as error:
                _LOG.warning("duplicate_not_removed", job=old.id, model=old.model, reason=reason_in(error))

    def _is_nothing_but_a_copy(self, old: Job, job: Job) -> bool:
        """Return whether all that an earlier duplicate's folder has is in the folder of `job`, too."""
        own = {NAME, notes.RESULT, notes.REPORT, *(file.name for file in old.files)}
        own |= {file.name.partition("/")[0] for file in old.files}
        with self.places.place(old, self.places.filed_in(old, failed=False)) as place:
            if not is_folder(place / old.id):
                return True  # Somebody has deleted it.
            with held(place, old.id) as folder:
                names = {str(path.relative_to(folder)) for path in folder.rglob("*")}
                return names <= own and all(self._is_the_same(file, job, folder) for file in old.data_files)

    def _is_the_same(self, file: SealedFile, job: Job, folder: Path) -> bool:
        other = job.file(file.role)
        try:
            with beside(folder, file.name) as path:
                return other is not None and sha256_of(path, self.pause) == other.sha256
        except FileNotFoundError:
            return True

    def _take_over(self, old: Job, job: Job) -> Go:
        """Continue to wait for the training that a failed job with the same bytes has started."""
        with self.places.place(old, self.places.filed_in(old, failed=True)) as failed:
            there = is_folder(failed / old.id)
        # Its note has to say where it continues; where somebody has deleted its folder, there is none.
        after = replace(
            old,
            state=State.FILING if there else old.state,
            end=replace(present(old.end), continued_in=job.id),
        )
        also = Write(old, after, "job_continued", {"by": job.id})
        detail = {"of": old.id, "retrain_job_id": old.retrain_job_id}
        deadline = self.clock.now() + self.trainings.timeout(job)
        return Go(State.UPLOADED, "training_taken_over", _with_training_of(old, deadline), detail, also)


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
