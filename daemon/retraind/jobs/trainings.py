"""What the service reports of a retrain job, before and after its upload is known to be complete."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from types import MappingProxyType

from retraind.api.client import Service, TrainingStatus
from retraind.api.failures import InDoubt, NoResults, NotKnown, NotSent
from retraind.config.current import Current
from retraind.dataset.rules.service_messages import Concern, account_limit, recognised
from retraind.domain.failures import Hold, JobFailed, Retry, Setback
from retraind.domain.job import Job, State, Training, present
from retraind.domain.problems import problem
from retraind.jobs.folders import Places
from retraind.jobs.keys import Keys
from retraind.jobs.outcomes import Go, Wait
from retraind.store.journal import Journal
from retraind.system import log
from retraind.system.clock import Clock

_LOG = log.get(__name__)

_FRESH_ADDRESS = timedelta(minutes=1)
_UNKNOWN_TRIES = 5
"""So often, and for so many times `upload_doubt`, the service may not know a complete retrain job."""


@dataclass(frozen=True)
class Trainings:
    """Asks the service for retrain jobs. Safe to use from several threads."""

    current: Current
    journal: Journal
    service: Service
    keys: Keys
    places: Places
    clock: Clock

    def interval(self, job: Job) -> timedelta:
        """Return how often the status of the job's training is asked for at first."""
        return self.places.model(job).poll_interval or self.current.settings.poll.interval

    def timeout(self, job: Job) -> timedelta:
        """Return how long the job's training may take."""
        return self.places.model(job).poll_timeout or self.current.settings.poll.timeout

    def is_shared(self, job: Job) -> bool:
        """Return whether another job in work, of whichever model, has the same retrain job."""
        return any(
            other.retrain_job_id == job.retrain_job_id and other.id != job.id
            for other in self.journal.jobs.active()
        )

    def in_doubt(self, job: Job, key: str) -> Go | Wait | None:
        """Return what follows from an upload that was cut off; None when it is safe to send again."""
        registration = present(job.registration)
        if self.early_status(registration.retrain_job_id, key) not in {registration.untouched_status, ""}:
            return self.uploaded(job, "upload_found_complete")
        now, ended = self.clock.now(), registration.put_ended_at
        if ended is None or ended > now:
            ended = now
            over = replace(registration, put_ended_at=now)
            self.journal.jobs.write(job, replace(job, registration=over))
        left = ended + self.current.settings.poll.upload_doubt - now
        if left > timedelta(0):
            return Wait(min(left, timedelta(seconds=5)), calm=False)
        return None

    def early_status(self, retrain_job_id: str, key: str) -> str:
        """Return the status of a retrain job whose upload may be incomplete; "" where there is none."""
        try:
            return self.service.status(retrain_job_id, key).status
        except NotKnown:
            return ""

    def status(self, job: Job, now: datetime) -> TrainingStatus:
        """Ask for the status of a retrain job whose upload is complete."""
        try:
            return self.service.status(present(job.registration).retrain_job_id, self.keys.key(job))
        except NotKnown as unknown:
            raise self._unknown(job, unknown, now) from None

    def _unknown(self, job: Job, unknown: NotKnown, now: datetime) -> Setback:
        """Return what to do about a service that does not know a retrain job whose upload is complete."""
        training = present(job.training)
        since = training.unknown_since
        if since is None or since > now:
            since = now
            self.journal.jobs.write(job, replace(job, training=replace(training, unknown_since=now)))
        lasting = now - since >= _UNKNOWN_TRIES * self.current.settings.poll.upload_doubt
        if lasting and job.wait.attempts >= _UNKNOWN_TRIES:
            return unknown
        return Retry(problem("retrain_job_forgotten"))

    def explained(self, job: Job, doubtful: InDoubt) -> NotSent:
        """Return a refusal of a fresh address with its own remedy: that address has not expired."""
        registered_at = job.tries.registered_at
        age = self.clock.now() - registered_at if registered_at else _FRESH_ADDRESS
        if doubtful.address_refused and timedelta(0) <= age < _FRESH_ADDRESS:
            return replace(doubtful, problem=problem("fresh_address_refused", why=doubtful.problem))
        return doubtful

    def uploaded(self, job: Job, event: str, detail: Mapping[str, object] = MappingProxyType({})) -> Go:
        """Continue with the training: the service has every byte; `event` says how that is known."""
        now = self.clock.now()
        training = Training(uploaded_at=now, deadline=now + self.timeout(job))
        if job.tries.upload_held:
            self.journal.events.note("released", job)

        def complete(job: Job) -> Job:
            registration = replace(
                present(job.registration), ticket=None, put_started_at=None, address_refused=None
            )
            tries = replace(job.tries, upload_held=False)
            return replace(job, registration=registration, tries=tries, training=training)

        return Go(State.UPLOADED, event, complete, detail)

    def wait(self, job: Job, now: datetime) -> timedelta:
        """Return how long to leave the service alone: a tenth of the time it has had, within bounds."""
        training = present(job.training)
        shortest = self.interval(job)
        wait = max(shortest, min((now - training.uploaded_at) / 10, self.current.settings.poll.slowest))
        return min(wait, training.deadline - now) if training.deadline else wait

    def failure(self, answer: TrainingStatus) -> JobFailed | Hold | None:
        """Return what a status means that says that the training failed; None for any other.

        For a limit of the account, nothing is wrong with the data.
        """
        word = answer.status.casefold()
        if not any(bad.casefold() in word for bad in self.current.settings.poll.failure_words):
            return None
        if code := account_limit(answer.message):
            return Hold(problem(code, message=answer.message), registers_again=True)
        known = recognised(answer.message)
        of_the_data = known is not None and known.concern is Concern.DATA
        return JobFailed(
            problem("training_failed", status=answer.status, message=answer.message, of_the_data=of_the_data)
        )

    def unfinished(self, job: Job, answer: TrainingStatus) -> JobFailed:
        """Return what becomes of a job whose training takes longer than it may."""
        return JobFailed(
            problem("training_unfinished", timeout=self.timeout(job), status=answer.status), restart=False
        )

    def without_results(self, job: Job, missing: NoResults, now: datetime) -> Setback:
        """Return what to do about results that do not come: ask again, for as long as a training may take."""
        timeout, since = self.timeout(job), present(job.training).status_seen_at
        again = job.wait.trouble is not None and job.wait.trouble.code == missing.problem.code
        if not again or since is None or now - since < timeout:
            return missing
        return JobFailed(problem("results_never_came", timeout=timeout, why=missing.problem), restart=False)
