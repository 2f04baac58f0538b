"""What becomes of a step's outcome: the next state, another try, a hold, a failure."""

import random
import threading
from collections.abc import Callable, Mapping
from contextlib import suppress
from typing import Any, assert_never

import structlog
from sqlalchemy.exc import SQLAlchemyError

from retraind.api.backoff import backoff
from retraind.api.circuit_breaker import FAILURES
from retraind.api.credentials import Credentials, explained
from retraind.bundle.zip_writer import discard
from retraind.config.current import Current
from retraind.config.settings import WORK
from retraind.domain.failures import Hold, JobFailed, Retry, Scope, Setback, Stopped
from retraind.domain.job import LIFE, TALKS, Job, Outcome, State
from retraind.domain.problems import file_problem, problem
from retraind.intake.share_identity import Shares
from retraind.jobs.bundles import Bundles
from retraind.jobs.folders import is_not_configured, not_configured
from retraind.jobs.keys import Keys
from retraind.jobs.outcomes import CALM, Go, Wait, failed
from retraind.jobs.policies import over_budget, upload_in_trouble
from retraind.jobs.steps import Step
from retraind.store.jobs import Conflict
from retraind.store.journal import Journal
from retraind.store.sidecar import JobFiles
from retraind.system import log
from retraind.system.clock import Clock
from retraind.system.files import held

_LOG = log.get(__name__)


class Runner:
    """Runs the steps of jobs. Safe to use from several threads, for different jobs."""

    def __init__(
        self,
        *,
        steps: Mapping[State, Step],
        current: Current,
        journal: Journal,
        credentials: Credentials,
        keys: Keys,
        shares: Shares,
        copies: JobFiles,
        bundles: Bundles,
        clock: Clock,
        stopping: threading.Event,
        chance: random.Random,
        changed: Callable[[Job], None],
    ) -> None:
        self._steps = steps
        self._current = current
        self._journal = journal
        self._credentials = credentials
        self._keys = keys
        self._shares = shares
        self._copies = copies
        self._bundles = bundles
        self._clock = clock
        self._stopping = stopping
        self._chance = chance
        self._changed = changed

    def advance(self, job: Job, within: frozenset[State] = frozenset(State)) -> Job:
        """Run the job's steps until it rests, has to wait or leaves the states `within`.

        Returns it as the journal then has it.
        """
        with structlog.contextvars.bound_contextvars(job=job.id, model=job.model):
            while (step := self._steps.get(job.state)) is not None and not self._stopping.is_set():
                if (
                    job.state not in within
                    or job.hold
                    or (job.state in TALKS and self._journal.holds.is_held(job.model))
                ):
                    break
                if job.due(now := self._clock.now()) > now:
                    break
                try:
                    job = self._take(job, step)
                    self._changed(job)
                except Stopped:
                    _LOG.info("step_interrupted", step=LIFE[job.state].step)
                    break
                except Conflict:
                    # A command wrote to the job meanwhile. Its word counts; the step is repeated if still due.
                    job = self._journal.jobs.get(job.id) or job
        return job

    def advance_one(self, job: Job) -> Job:
        """Run just the present step, for a caller that must not be kept by the following ones."""
        with structlog.contextvars.bound_contextvars(job=job.id, model=job.model):
            step = self._steps.get(job.state)
            return self._take(job, step) if step else job

    def _take(self, job: Job, step: Callable[[Job], Go | Wait]) -> Job:
        try:
            done = step(job)
            self._trust(job, done)
            outcome: Go | Wait | Setback = done
        except Setback as setback:
            outcome = setback
        except OSError as error:
            outcome = disk_trouble(error)
        except (Stopped, Conflict, SQLAlchemyError):
            raise
        except Exception as error:  # noqa: BLE001 - logged with its trace, told, and tried again
            _LOG.exception("step_crashed", step=job.state.value)
            outcome = Retry(problem("internal_error", kind=type(error).__name__))
        job = self._journal.jobs.get(job.id) or job  # a step may have noted something on its way
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
        wake_at = self._clock.now() + wait.after
        if wait.calm:
            self._report_end(job)
        return self._journal.jobs.write(
            job, **{**(CALM if wait.calm else {}), **wait.changes}, wake_at=wake_at
        )

    def _trust(self, job: Job, outcome: Go | Wait) -> None:
        """Note that the service takes the model's key again, should a hold be on trial."""
        onward = {State.REGISTERED, State.UPLOADED, State.FILING}
        polled = job.state is State.UPLOADED
        if polled or (job.state in TALKS and isinstance(outcome, Go) and outcome.to in onward):
            self._credentials.trust(job.model)
            self._journal.holds.end_trial(job.model)

    def _go(self, job: Job, go: Go) -> Job:
        cleared: dict[str, Any] = {"state": go.to, "wake_at": None}
        if not upload_in_trouble(job, go.to):
            cleared |= CALM
            self._report_end(job)
        changes = cleared | dict(go.changes)
        after = self._journal.jobs.write(job, go.event, detail=go.detail, also=go.also, **changes)
        if go.also is not None:
            _LOG.info("job_continued", job=go.also.job.id, by=after.id)
        if go.to is State.FILING and after.problem and after.outcome is Outcome.FAILED:
            _LOG.error(go.event, state=job.state.value, reason=after.problem)
        else:
            _LOG.info(go.event, state=go.to.value, **go.detail)
        self._keep_copy(after)
        return after

    def _retry_later(self, job: Job, trouble: Retry) -> Job:
        work = self._current.settings.work
        wait = backoff(job.attempts, work.retry_first, work.retry_longest, trouble.after, self._chance)
        again = job.attempts + 1
        seconds = round(wait.total_seconds(), 1)
        met = trouble.problem
        if trouble.host is not None and not trouble.of_host:
            # Nothing was tried, and `host_down` has told of it, once for all. What this job itself met counts on.
            _LOG.debug("step_waits", state=job.state.value, host=trouble.host, wait_s=seconds)
            met = job.trouble if job.trouble and job.waits_for == trouble.host else met
        else:
            _LOG.warning("step_retried", state=job.state.value, attempt=again, wait_s=seconds, reason=met)
        now = self._clock.now()
        since = job.troubled_since or now
        # An outage of a host is told of once, not by each of the jobs that wait for it. Where a host fails one job again
        # and again and answers others, its circuit stays closed, and the job speaks for itself.
        of_host = trouble.outage or (trouble.of_host and again <= FAILURES)
        stuck = job.stuck or (not of_host and now - since >= self._current.settings.notify.patience)
        if trouble.credential and stuck and not job.stuck:
            # Perhaps it is the key after all; one that retraind fetches itself is fetched anew.
            self._credentials.forget(job.model)
        news = stuck != job.stuck or not met.is_same(job.trouble)
        return self._journal.jobs.write(
            job,
            ("job_stuck" if stuck and not job.stuck else "retry") if news else None,
            detail={"reason": met, **({"since": since} if stuck else {})},
            wake_at=now + wait,
            attempts=again,
            trouble=met,
            waits_for=trouble.host,
            troubled_since=since,
            stuck=stuck,
        )

    def _hold(self, job: Job, hold: Hold) -> Job:
        if hold.credential and self._keys.has_another(job, hold):
            return self._retry_later(job, Retry(hold.problem))
        model = self._current.settings.models.get(job.model)
        why = explained(hold, job.model, model) if model else hold.problem
        match hold.scope:
            case Scope.MODEL:
                if self._journal.holds.hold(job.model, why, credential=hold.credential):
                    _LOG.error("model_held", reason=why)
                return self._journal.jobs.write(job, waits_for=None)
            case Scope.JOB:
                _LOG.error("job_held", reason=why)
                if job.state is State.BUNDLED:
                    # It may be held for weeks, and others need the disk. The bundle is made again from the same files.
                    discard(self._bundles.path(job))
                goes_on = hold.uploads and job.upload_held
                job = self._journal.jobs.write(
                    job, "hold_goes_on" if goes_on else "held", hold=why, held_until=hold.until, waits_for=None,
                    upload_held=hold.uploads,
                    detail={"reason": why},
                )  # fmt: skip
                # A reload may have put the model's table back after the step had missed it, and found nothing on hold.
                return self._reconsider(job) if is_not_configured(job) else job
            case _:
                assert_never(hold.scope)

    def _fail(self, job: Job, failure: JobFailed) -> Job:
        _LOG.error("job_failed", state=job.state.value, reason=failure.problem)
        go = failed(job, failure.problem, restart=failure.restart)
        cleared = {"state": go.to, "wake_at": None, **CALM}
        return self._journal.jobs.write(
            job, go.event, detail={"reason": failure.problem}, **(cleared | dict(go.changes))
        )

    def reconsider(self) -> None:
        """Look under the present configuration at what waits for a window, a budget or a model's table.

        Meant for a start and for a reload: the moment until which a job waits was told by the earlier configuration.
        """
        for job in self._journal.jobs.active():
            with suppress(Conflict), structlog.contextvars.bound_contextvars(job=job.id, model=job.model):
                self._reconsider(job)

    def _reconsider(self, job: Job) -> Job:
        model = self._current.settings.models.get(job.model)
        if model is None:
            gone = not_configured(job, self._current.settings)
            if job.hold is None:
                return self._hold(job, gone)
            if is_not_configured(job) and job.hold != gone.problem:
                # Another model may have its drop folder by now.
                return self._journal.jobs.write(job, hold=gone.problem)
        elif job.waits_for_window:
            return self._journal.jobs.write(job, wake_at=None, trouble=None)
        elif job.hold is not None and not job.upload_held and (job.held_until or is_not_configured(job)):
            over = (
                over_budget(job, model, self._journal, self._clock.now())
                if job.held_until is not None
                else None
            )
            if over is None:
                # What it waited for before, such as a window, may have changed as well.
                cleared = {"hold": None, "held_until": None, "wake_at": None, "trouble": None}
                return self._journal.jobs.write(job, "released", **cleared)
            if over.problem != job.hold:
                return self._journal.jobs.write(job, hold=over.problem, held_until=over.until)
        return job

    def _keep_copy(self, job: Job) -> None:
        """Let the job's folder know as much as the journal, as long as it is in work."""
        model = self._current.settings.models.get(job.model)
        if model is None:
            return  # A reload has just taken it out of the configuration; the next step says so.
        try:
            with (
                self._shares.held(job.model, model.drop) as drop,
                held(drop, WORK) as work,
                held(work, job.id) as folder,
            ):
                self._shares.guard(work, model.work_folder, model.drop, drop)
                self._copies.write(folder, job)
        except FileNotFoundError:
            pass  # It is filed.
        except (OSError, Retry) as error:
            reason = error.strerror if isinstance(error, OSError) else error.problem
            _LOG.warning("copy_not_written", folder=str(model.work_folder / job.id), reason=reason)

    def _report_end(self, job: Job) -> None:
        """Note that trouble is over of which somebody was notified."""
        if job.stuck:
            self._journal.events.note("job_moves", job, since=job.troubled_since)


def disk_trouble(error: OSError) -> Retry:
    """Return the Retry for what a file system answers."""
    return Retry(file_problem(error))
