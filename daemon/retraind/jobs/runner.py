"""What follows from a step's outcome: the next state, another try, a hold, a failure."""

import random
import threading
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass, replace
from datetime import UTC
from typing import assert_never

import structlog
from sqlalchemy.exc import SQLAlchemyError

from retraind.api.backoff import backoff
from retraind.api.circuit_breaker import FAILURES
from retraind.api.credentials import Credentials, explained
from retraind.config.current import Current
from retraind.config.settings import WORK
from retraind.domain.failures import Hold, JobFailed, Retry, Scope, Setback, Stopped, reason_in
from retraind.domain.job import LIFE, TALKS, Job, JobHold, Outcome, State, Waiting, present
from retraind.domain.problems import Problem, file_problem, problem
from retraind.intake.share_identity import Shares
from retraind.jobs.bundles import Bundles
from retraind.jobs.folders import NOT_CONFIGURED, is_not_configured, not_configured
from retraind.jobs.keys import Keys
from retraind.jobs.outcomes import Go, Wait, failed, prevented, released
from retraind.jobs.policies import over_budget, upload_in_trouble
from retraind.jobs.steps import Step
from retraind.store.copies.sidecar import JobFiles
from retraind.store.jobs import Conflict
from retraind.store.journal import Journal
from retraind.system import log
from retraind.system.clock import Clock
from retraind.system.files import held

_LOG = log.get(__name__)


@dataclass(frozen=True)
class Runner:
    """Runs the steps of jobs. Safe to use from several threads, for different jobs."""

    steps: Mapping[State, Step]
    current: Current
    journal: Journal
    credentials: Credentials
    keys: Keys
    shares: Shares
    copies: JobFiles
    bundles: Bundles
    clock: Clock
    stopping: threading.Event
    chance: random.Random
    changed: Callable[[Job], None]
    """Is shown a job after each of its steps."""

    def advance(self, job: Job, within: frozenset[State] = frozenset(State)) -> Job:
        """Run the job's steps until it rests, has to wait or leaves the states `within`.

        Returns it as the journal then has it. Its folder gets a copy of that once, at the end: what a step
        must know after the journal was lost, it writes into the folder itself.
        """
        begun, moved = job.state, False
        with structlog.contextvars.bound_contextvars(job=job.id, model=job.model):
            try:
                while (step := self.steps.get(job.state)) is not None and not self.stopping.is_set():
                    if (
                        job.state not in within
                        or job.hold
                        or (job.state in TALKS and self.journal.holds.is_held(job.model))
                    ):
                        break
                    if job.due(now := self.clock.now()) > now:
                        break
                    try:
                        before, job = job.state, self._take(job, step)
                        moved = moved or job.state is not before
                        self.changed(job)
                    except Stopped:
                        _LOG.info("step_interrupted", step=LIFE[job.state].step)
                        break
                    except Conflict:
                        # A command wrote to the job meanwhile, and counts; the step is repeated if still due.
                        job = self.journal.jobs.get(job.id) or job
            finally:
                # Of one that was just sealed, the copy that was written before the first rename says enough.
                if moved and not (begun is State.SEALING and job.state is State.SEALED):
                    self._keep_copy(job)
        return job

    def _take(self, job: Job, step: Callable[[Job], Go | Wait]) -> Job:
        try:
            done = step(job)
            self._trust(job, done)
            outcome: Go | Wait | Setback = done
        except Setback as setback:
            outcome = setback
        except OSError as error:
            outcome = Retry(file_problem(error))
        except (Stopped, Conflict, SQLAlchemyError):
            raise
        except Exception as error:  # noqa: BLE001 - logged with its trace, and tried again
            _LOG.exception("step_crashed", step=job.state.value)
            outcome = Retry(problem("internal_error", kind=type(error).__name__))
        job = self.journal.jobs.get(job.id) or job  # a step may have noted something on its way
        match outcome:
            case Go():
                return self._go(job, outcome)
            case Wait():
                return self._wait(job, outcome)
            case Retry():
                return self._retry_later(job, outcome)
            case Hold():
                return self._hold(job, outcome)
            case JobFailed():
                return self._fail(job, outcome)
            case _:
                raise AssertionError(
                    f"{type(outcome).__name__} is handled by the steps themselves"
                ) from outcome

    def _wait(self, job: Job, wait: Wait) -> Job:
        wake_at = self.clock.now() + wait.after
        if wait.calm:
            self._report_end(job)
        after = wait.change(replace(job, wait=Waiting()) if wait.calm else job)
        return self.journal.jobs.write(job, replace(after, wait=replace(after.wait, wake_at=wake_at)))

    def _trust(self, job: Job, outcome: Go | Wait) -> None:
        """Note that the service accepts the model's key again, should a hold be on trial."""
        onward = {State.REGISTERED, State.UPLOADED, State.FILING}
        polled = job.state is State.UPLOADED
        if polled or (job.state in TALKS and isinstance(outcome, Go) and outcome.to in onward):
            self.credentials.trust(job.model)
            trained = isinstance(outcome, Go) and outcome.to is State.TRAINED
            self.journal.holds.end_trial(job.model, trained=trained)

    def _go(self, job: Job, go: Go) -> Job:
        if upload_in_trouble(job, go.to):
            wait = replace(job.wait, wake_at=None)
        else:
            wait = Waiting()
            self._report_end(job)
        after = go.change(replace(job, state=go.to, wait=wait))
        after = self.journal.jobs.write(job, after, go.event, go.detail, go.also)
        if go.also is not None:
            _LOG.info("job_continued", job=go.also.job.id, by=after.id)
        if go.to is State.FILING and after.problem and after.outcome is Outcome.FAILED:
            _LOG.error(go.event, state=job.state.value, reason=after.problem)
        else:
            _LOG.info(go.event, state=go.to.value, **go.detail)
        return after

    def _retry_later(self, job: Job, trouble: Retry) -> Job:
        work = self.current.settings.work
        before = job.wait
        wait = backoff(before.attempts, work.retry_first, work.retry_longest, trouble.after, self.chance)
        again = before.attempts + 1
        seconds = round(wait.total_seconds(), 1)
        met = trouble.problem
        if trouble.host is not None and not trouble.of_host:
            # Nothing was tried, and `host_down` was reported. What this job itself met counts on.
            _LOG.debug("step_waits", state=job.state.value, host=trouble.host, wait_s=seconds)
            met = before.trouble if before.trouble and before.host == trouble.host else met
        else:
            _LOG.warning("step_retried", state=job.state.value, attempt=again, wait_s=seconds, reason=met)
        now = self.clock.now()
        since = before.since or now
        # An outage of a host is reported once, not by each of the jobs that wait for it. Where a host fails
        # one job repeatedly and answers others, its circuit stays closed, and the job is reported.
        of_host = trouble.outage or (trouble.of_host and again <= FAILURES)
        stuck = before.stuck or (not of_host and now - since >= self.current.settings.notify.patience)
        if trouble.credential and stuck and not before.stuck:
            # Perhaps it is the key after all; one that retraind fetches itself is fetched again.
            self.credentials.forget(job.model)
        news = stuck != before.stuck or not met.is_same(before.trouble)
        waiting = Waiting(
            wake_at=now + wait, attempts=again, trouble=met, host=trouble.host, since=since, stuck=stuck
        )
        return self.journal.jobs.write(
            job,
            replace(job, wait=waiting),
            ("job_stuck" if stuck and not before.stuck else "retry") if news else None,
            {"reason": met, **({"since": since} if stuck else {})},
        )

    def _hold(self, job: Job, hold: Hold) -> Job:
        if hold.credential and self.keys.has_another(job, hold):
            return self._retry_later(job, Retry(hold.problem))
        if hold.problem.code == NOT_CONFIGURED and job.model in self.current.refused:
            return self._retry_later(job, Retry(problem("table_refused")))
        model = self.current.settings.models.get(job.model)
        why = explained(hold, job.model, model) if model else hold.problem
        after = replace(job, wait=replace(job.wait, host=None))
        match hold.scope:
            case Scope.MODEL if hold.registers_again:
                return self._register_after(job, why)
            case Scope.MODEL:
                if self.journal.holds.hold(job.model, why, credential=hold.credential):
                    _LOG.error("model_held", reason=why)
                return self.journal.jobs.write(job, after)
            case Scope.JOB:
                _LOG.error("job_held", reason=why)
                if job.state is State.BUNDLED:
                    # It may be held for weeks, and others need the disk. The bundle is made again.
                    self.bundles.discard(job)
                event = "hold_goes_on" if hold.uploads and job.tries.upload_held else "held"
                tries = replace(job.tries, upload_held=hold.uploads)
                after = replace(after, hold=JobHold(problem=why, until=hold.until), tries=tries)
                job = self.journal.jobs.write(job, after, event, {"reason": why})
                # A reload may have restored the model's table since, and found nothing on hold.
                return self._reconsider(job) if is_not_configured(job) else job
            case _:
                assert_never(hold.scope)

    def _register_after(self, job: Job, why: Problem) -> Job:
        """Hold the model, and let the job go back to before its registration, in one transaction."""
        _LOG.error("training_prevented", reason=why)
        training = present(job.training)
        detail = {
            "reason": why,
            "retrain_job_id": job.retrain_job_id,
            "uploaded_at": training.uploaded_at.astimezone(UTC).isoformat(),
        }
        after = self.journal.jobs.write(job, prevented(job), "training_prevented", detail, hold=why)
        self._keep_copy(after)
        return after

    def _fail(self, job: Job, failure: JobFailed) -> Job:
        if job.state is State.UPLOADED:
            # Whatever it was, the account let the service try.
            self.journal.holds.end_trial(job.model)
        _LOG.error("job_failed", state=job.state.value, reason=failure.problem)
        go = failed(job, failure.problem, restart=failure.restart)
        after = go.change(replace(job, state=go.to, wait=Waiting()))
        return self.journal.jobs.write(job, after, go.event, {"reason": failure.problem})

    def reconsider(self) -> None:
        """Apply the present configuration to what waits for a window, a budget or a model's table.

        Meant for a start and for a reload: a job waits until a moment that the earlier configuration gave.
        """
        for job in self.journal.jobs.active():
            if job.model in self.current.refused:
                continue  # Its table is there, and waits to be corrected.
            with suppress(Conflict), structlog.contextvars.bound_contextvars(job=job.id, model=job.model):
                self._reconsider(job)

    def _reconsider(self, job: Job) -> Job:
        model = self.current.settings.models.get(job.model)
        if model is None:
            gone = not_configured(job, self.current.settings)
            if job.hold is None or (job.hold.until and not job.tries.upload_held):
                # What ends by itself may hold it again once the table is back.
                return self._hold(job, gone)
            if is_not_configured(job) and job.hold.problem != gone.problem:
                # Another model may have its drop folder by now.
                return self.journal.jobs.write(job, replace(job, hold=JobHold(problem=gone.problem)))
        elif job.waits_for_window:
            return self.journal.jobs.write(job, released(job))
        elif job.hold and not job.tries.upload_held and (job.hold.until or is_not_configured(job)):
            over = over_budget(job, model, self.journal, self.clock.now()) if job.hold.until else None
            if over is None:
                # What it waited for before, such as a window, may have changed as well.
                return self.journal.jobs.write(job, released(job), "released")
            if over.problem != job.hold.problem:
                hold = JobHold(problem=over.problem, until=over.until)
                return self.journal.jobs.write(job, replace(job, hold=hold))
        return job

    def _keep_copy(self, job: Job) -> None:
        """Let the job's folder know as much as the journal, as long as it is in work."""
        model = self.current.settings.models.get(job.model)
        if model is None:
            return  # A reload has just taken it out of the configuration; the next step says so.
        try:
            with (
                self.shares.held(job.model, model.drop) as drop,
                held(drop, WORK) as work,
                held(work, job.id) as folder,
            ):
                self.shares.guard(work, model.work_folder, model.drop, drop)
                self.copies.write(folder, job)
        except FileNotFoundError:
            pass  # It is filed.
        except (OSError, Retry) as error:
            _LOG.warning("copy_not_written", folder=str(model.work_folder / job.id), reason=reason_in(error))

    def _report_end(self, job: Job) -> None:
        """Note that trouble is over of which somebody was notified."""
        if job.wait.stuck:
            self.journal.events.note("job_moves", job, since=job.wait.since)
