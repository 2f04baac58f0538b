"""One function for each state of a job: the only place that orders side effects.

A step does its work and returns `Go` (the next state, with what became known) or `Wait`; or it raises a Setback.
`Pipeline.advance` writes the journal between steps. Every step can be repeated after a kill at any instruction:
it first looks at what an earlier try has left.
"""

import codecs
import os
import random
import threading
from collections.abc import Callable, Mapping
from contextlib import ExitStack, suppress
from dataclasses import replace
from datetime import datetime, timedelta
from functools import partial, wraps
from pathlib import Path
from types import MappingProxyType
from typing import Any, BinaryIO, assert_never

import structlog
from sqlalchemy.exc import SQLAlchemyError

from retraind.api.backoff import backoff
from retraind.api.circuit_breaker import FAILURES
from retraind.api.client import Service, TrainingStatus, Unreadable
from retraind.api.credentials import Credentials, explained, lock_address, unlock_address
from retraind.api.error_table import NotKnown
from retraind.api.object_store import AddressExpired, Fetched, InDoubt, NotSent, NotStored, ObjectStore
from retraind.api.redaction import fingerprint
from retraind.bundle import deflate
from retraind.bundle.deflate import Compressor
from retraind.bundle.spool import bundle_name, has_bundle
from retraind.bundle.zip_writer import Archive, Bundle, Member, SizeChanged, build, discard, entry_name
from retraind.config.settings import WORK, ModelSettings, Settings
from retraind.dataset.preflight import PreviousDelivery, SourceFile, preflight
from retraind.dataset.reader.stream import Packer
from retraind.dataset.rules.service_messages import DATA_MESSAGES
from retraind.domain.failures import Hold, JobFailed, Retry, Scope, Setback, Stopped, disk_remedy
from retraind.domain.job import LIFE, TALKS, Job, Outcome, Problem, Role, SealedFile, State, filled
from retraind.intake.share_identity import Shares
from retraind.jobs import evidence
from retraind.jobs import seal as sealing
from retraind.jobs.clock_jumps import ClockJumps
from retraind.jobs.evidence import Evidence, Unproven
from retraind.jobs.folders import Places, is_not_configured, not_configured
from retraind.jobs.gate import Environment, ask_gate
from retraind.jobs.outcomes import (
    CALM,
    NO_BUNDLE,
    OF_A_TRAINING,
    UNREGISTERED,
    UNTRAINED,
    Go,
    Wait,
    failed,
    nothing_to_retry,
    register_anew,
    results_fetched,
    switch_open,
)
from retraind.jobs.policies import enough_registrations, over_budget, until_window, upload_in_trouble
from retraind.jobs.retries import are_sealed, as_they_are, flaws_of, missing
from retraind.report import notes, report_json
from retraind.report.wording import Voice
from retraind.store.jobs import Conflict, Write
from retraind.store.journal import Journal
from retraind.store.rows import content_of
from retraind.store.sidecar import JobFiles
from retraind.system import log
from retraind.system.clock import Clock, for_people, span_for_people
from retraind.system.escape import display
from retraind.system.files import (
    clear,
    copy_in_place,
    exists,
    held,
    is_folder,
    sha256_of_open,
    write_atomically,
)

_LOG = log.get(__name__)

_FINISHED = "job_finished"
"""The one documented status: Retrain Status Check."""
_LONGEST_COLUMNS = 1 << 16
"""Characters of all columns' names that are remembered."""
_REWRITING = timedelta(seconds=10)
"""How long a key file without a usable key may just be being written."""
_FRESH_ADDRESS = timedelta(minutes=1)
_UNKNOWN_TRIES = 5
"""So often at least, and for as many times `upload_doubt`, a retrain job that has its upload may be unknown."""
_UNCLEAR_SWITCHES = 3
"""After so many tries, a switch that is answered with a success of which nothing can be read is called open."""


_Step = Callable[["Pipeline", Job, Path], Go | Wait]


def _in_its_folder(step: _Step) -> Callable[["Pipeline", Job], Go | Wait]:
    """Let a step work in the job's folder, held: it waits while the share is away, and no link leads it elsewhere."""

    @wraps(step)
    def run(pipeline: "Pipeline", job: Job) -> Go | Wait:
        with pipeline.places.holding(job) as folder:
            return step(pipeline, job, folder)

    return run


class Pipeline:
    """Runs the steps of jobs. Safe to use from several threads, for different jobs."""

    def __init__(
        self,
        settings: Settings,
        journal: Journal,
        service: Service,
        store: ObjectStore,
        credentials: Credentials,
        *,
        clock: Clock | None = None,
        stopping: threading.Event | None = None,
        chance: random.Random | None = None,
        changed: Callable[[Job], None] = lambda _job: None,
    ) -> None:
        """Take the parts to work with; `changed` is shown a job after each of its steps."""
        self.settings = settings
        self.refused: dict[str, str | None] = {}
        """Fingerprints of the keys that brought a hold, by model; None where no key could be had."""
        self._keyless: dict[str, float] = {}
        """Since when no key of a model can be had (`Clock.elapsed` seconds)."""
        self._journal = journal
        self._service = service
        self._store = store
        self._credentials = credentials
        self._clock = clock or Clock()
        self._copies = JobFiles.beside(settings.state.journal_file)
        self.shares = Shares.beside(settings.state.journal_file)
        self.places = Places(lambda: self.settings, self.shares, self._pause)
        self._evidence = settings.state.journal_file.with_name("gate")
        self._environment = Environment()
        self.jumps = ClockJumps(journal, self._clock)
        self._stopping = stopping or threading.Event()
        self._changed = changed
        self._chance = chance or random.Random()  # noqa: S311 - spreads retries, guards nothing

    # ------------------------------------------------------------------ the driver

    def advance(self, job: Job, within: frozenset[State] = frozenset(State)) -> Job:
        """Run the job's steps until it rests, has to wait or leaves the states `within`.

        Returns it as the journal then has it.
        """
        with structlog.contextvars.bound_contextvars(job=job.id, model=job.model):
            while (step := LIFE[job.state].step) is not None and not self._stopping.is_set():
                if (
                    job.state not in within
                    or job.hold
                    or (job.state in TALKS and self._journal.holds.is_held(job.model))
                ):
                    break
                if job.due(now := self._clock.now()) > now:
                    break
                try:
                    job = self._take(job, getattr(self, step))
                    self._changed(job)
                except Stopped:
                    _LOG.info("step_interrupted", step=step)
                    break
                except Conflict:
                    # A command wrote to the job meanwhile. Its word counts; the step is repeated if still due.
                    job = self._journal.jobs.get(job.id) or job
        return job

    def advance_one(self, job: Job) -> Job:
        """Run just the present step, for a caller that must not be kept by the following ones."""
        with structlog.contextvars.bound_contextvars(job=job.id, model=job.model):
            step = LIFE[job.state].step
            return self._take(job, getattr(self, step)) if step else job

    def _take(self, job: Job, step: Callable[[Job], Go | Wait]) -> Job:
        try:
            done = step(job)
            self._trust(job, done)
            outcome: Go | Wait | Setback = done
        except Setback as setback:
            outcome = setback
        except OSError as error:
            outcome = _disk_trouble(error)
        except (Stopped, Conflict, SQLAlchemyError):
            raise
        except Exception as error:  # noqa: BLE001 - logged with its trace, told, and tried again
            _LOG.exception("step_crashed", step=job.state.value)
            outcome = Retry(
                f"retraind met an error of its own ({type(error).__name__}).", "Please report it."
            )
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
            self._tell_of_end(job)
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
            self._tell_of_end(job)
        changes = cleared | dict(go.changes)
        after = self._journal.jobs.write(job, go.event, detail=go.detail, also=go.also, **changes)
        if go.also is not None:
            _LOG.info("job_continued", job=go.also.job.id, by=after.id)
        if go.to is State.FILING and after.problem and after.outcome is Outcome.FAILED:
            _LOG.error(go.event, state=job.state.value, reason=after.problem.what)
        else:
            _LOG.info(go.event, state=go.to.value, **go.detail)
        self._keep_copy(after)
        return after

    def _retry_later(self, job: Job, trouble: Retry) -> Job:
        work = self.settings.work
        wait = backoff(job.attempts, work.retry_first, work.retry_longest, trouble.after, self._chance)
        again = job.attempts + 1
        seconds = round(wait.total_seconds(), 1)
        met = str(trouble)
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
        stuck = job.stuck or (not of_host and now - since >= self.settings.notify.patience)
        if trouble.credential and stuck and not job.stuck:
            # Perhaps it is the key after all; one that retraind fetches itself is fetched anew.
            self._credentials.forget(job.model)
        news = stuck != job.stuck or job.trouble != met
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

    def _tell_of_end(self, job: Job) -> None:
        """Note that trouble is over of which somebody was notified."""
        if job.stuck:
            self._journal.events.note("job_moves", job, since=job.troubled_since)

    def _hold(self, job: Job, hold: Hold) -> Job:
        if hold.credential and self._has_another_key(job, hold):
            return self._retry_later(job, Retry(hold.what))
        model = self.settings.models.get(job.model)
        problem = explained(hold, job.model, model) if model else Problem(what=hold.what, remedy=hold.remedy)
        match hold.scope:
            case Scope.MODEL:
                if self._journal.holds.hold(job.model, problem, credential=hold.credential):
                    _LOG.error("model_held", reason=problem.what, remedy=problem.remedy)
                return self._journal.jobs.write(job, waits_for=None)
            case Scope.JOB:
                _LOG.error("job_held", reason=hold.what, remedy=hold.remedy)
                if job.state is State.BUNDLED:
                    # It may be held for weeks, and others need the disk. The bundle is made again from the same files.
                    discard(self._spooled(job))
                goes_on = hold.uploads and job.upload_held
                job = self._journal.jobs.write(
                    job, "hold_goes_on" if goes_on else "held", hold=problem, held_until=hold.until, waits_for=None,
                    upload_held=hold.uploads,
                    detail={"reason": problem.what, "remedy": filled(problem.remedy, JOB=job.id)},
                )  # fmt: skip
                # A reload may have put the model's table back after the step had missed it, and found nothing on hold.
                return self._reconsider(job) if is_not_configured(job) else job
            case _:
                assert_never(hold.scope)

    def _has_another_key(self, job: Job, hold: Hold) -> bool:
        """Tell whether another key is there by now, or will soon be, so that nobody has to be troubled.

        What is noted for the caretaker is the key that was refused: whatever else is there, then or later, is worth a try.
        """
        if self._credentials.refuse(job.model, hold.shown):
            return True
        if hold.shown is None:
            # Its file may just be being written.
            since = self._keyless.setdefault(job.model, self._clock.elapsed())
            if self._clock.elapsed() - since < _REWRITING.total_seconds():
                return True
        self.refused[job.model] = refused = self._credentials.origin(job.model, hold.shown)
        return self.present_fingerprint(job.model) not in {None, refused}

    def _fail(self, job: Job, failure: JobFailed, details: tuple[str, ...] = ()) -> Job:
        problem = Problem(what=failure.what, remedy=failure.remedy, details=details)
        _LOG.error("job_failed", state=job.state.value, reason=failure.what)
        go = failed(job, problem, restart=failure.restart)
        cleared = {"state": go.to, "wake_at": None, **CALM}
        return self._journal.jobs.write(
            job, go.event, detail={"reason": failure.what}, **(cleared | dict(go.changes))
        )

    def reconsider(self) -> None:
        """Look under the present configuration at what waits for a window, a budget or a model's table.

        Meant for a start and for a reload: the moment until which a job waits was told by the earlier configuration.
        """
        for job in self._journal.jobs.active():
            with suppress(Conflict), structlog.contextvars.bound_contextvars(job=job.id, model=job.model):
                self._reconsider(job)

    def _reconsider(self, job: Job) -> Job:
        model = self.settings.models.get(job.model)
        if model is None:
            gone = not_configured(job, self.settings)
            if job.hold is None:
                return self._hold(job, gone)
            if is_not_configured(job) and job.hold.remedy != gone.remedy:
                # Another model may have its drop folder by now.
                return self._journal.jobs.write(job, hold=Problem(what=gone.what, remedy=gone.remedy))
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
            if over.what != job.hold.what:
                problem = Problem(what=over.what, remedy=over.remedy)
                return self._journal.jobs.write(job, hold=problem, held_until=over.until)
        return job

    def _keep_copy(self, job: Job) -> None:
        """Let the job's folder know as much as the journal, as long as it is in work."""
        model = self.settings.models.get(job.model)
        if model is None:
            return  # A reload has just taken it out of the configuration; the next step says so.
        try:
            with (
                self.shares.held(job.model, model.drop) as drop,
                held(drop, WORK) as work,
                held(work, job.id) as folder,
            ):
                self.shares.guard(work, model.work_folder, model.drop, drop)
                self._copies.write(folder, job)
        except FileNotFoundError:
            pass  # It is filed.
        except (OSError, Retry) as error:
            reason = error.strerror if isinstance(error, OSError) else str(error)
            _LOG.warning("copy_not_written", folder=str(model.work_folder / job.id), reason=reason)

    def clear_gate(self) -> None:
        """Remove the copies for gates that a kill has left. Meant for a start, when no gate is asked. Raises OSError."""
        for folder in evidence.clear(self._evidence):
            _LOG.info("gate_copies_removed", folder=str(folder))

    def _pause(self) -> None:
        """Give long reads and writes a place to end when the daemon stops."""
        if self._stopping.is_set():
            raise Stopped

    # ------------------------------------------------------------------ the steps, in the order of a job's life

    def seal(self, job: Job) -> Go:
        """sealing -> sealed: move the files out of their writers' reach."""
        self.places.bring_over(job)
        model = self.places.model(job)
        with self.shares.held(job.model, model.drop) as drop:
            guard = partial(self.shares.guard, plain=model.work_folder, folder=model.drop, drop=drop)
            taken = sealing.seal(job, drop, self._copies, guard)
        if not taken:
            return self._give_back(job)
        if job.problem is not None:
            return failed(job, job.problem, restart=True)
        return Go(State.SEALED, "delivery_sealed")

    @_in_its_folder
    def check(self, job: Job, folder: Path) -> Go | Wait:
        """sealed -> checked: hold the data against the service's rules, and make the zip in the same pass over it."""
        if not sealing.untouched(job, folder):
            return self._give_back(job)
        with ExitStack() as leaving:
            archive = None
            if len(job.data_files) > 1:
                keep_free = self.settings.state.keep_free
                archive = leaving.enter_context(Archive(self._spooled(job), self._compressor(job), keep_free))
            try:
                go = self._checked(job, folder, archive)
            except (sealing.Touched, SizeChanged):
                return self._give_back(job)
        if isinstance(go, Wait) or go.to is not State.CHECKED:
            discard(self._spooled(job))
        return go

    def _checked(self, job: Job, folder: Path, archive: Archive | None) -> Go | Wait:
        model = self.places.model(job)
        fix = "bom" in model.fix
        packers = [
            Packer(archive, _inside(file), file.signature.size, mark=fix)
            for file in job.data_files
            if archive
        ]
        train, evaluation = (self._source(job, folder, role) for role in (Role.TRAIN, Role.EVAL))
        assert train is not None
        result = preflight(
            train,
            evaluation,
            sinks=packers,
            adds_bom=fix,
            previous=last_good(self._journal, job.model),
            time_series=model.time_series,
            target=model.target,
        )
        if not sealing.untouched(job, folder):
            raise sealing.Touched
        facts = {Role.TRAIN: result.train, Role.EVAL: result.evaluation}
        files = tuple(
            file.model_copy(update={"sha256": fact.sha256, "marked": fix and fact.encoding == "utf-8"})
            if (fact := facts.get(file.role))
            else file
            for file in job.files
        )
        changes: dict[str, Any] = {
            "files": files,
            "rows": {role.value: fact.rows for role, fact in facts.items() if fact},
            "columns": _worth_keeping(result.train.columns if result.train else ()),
            "warnings": tuple(map(Voice().finding, result.warnings)),
        }
        if not result.ok:
            problem = Problem(
                what="The data does not keep the service's rules, so nothing was sent.",
                details=tuple(map(Voice().finding, result.errors)),
                remedy="Correct the data where it comes from, and deliver both files again.",
            )
            end = failed(job, problem, restart=True)
            return Go(end.to, end.event, changes | dict(end.changes))
        checked = job.changed(**changes)
        known = self._known_bytes(checked, changes)
        if known is not None:
            return known
        changes |= {**NO_BUNDLE, "warnings": (*checked.warnings, *self._sent_before(checked))}
        # Whether a mark was needed is certain only now. Where it came out otherwise, the next step makes the zip.
        if archive and [packer.marked for packer in packers] == [file.marked for file in checked.data_files]:
            changes |= _made(job, archive.finish())
        return Go(State.CHECKED, "data_checked", changes)

    @_in_its_folder
    def bundle(self, job: Job, folder: Path) -> Go:
        """checked -> bundled: see to it that what is to be sent is there; a training file alone is sent as it is."""
        if not sealing.untouched(job, folder):
            # Perhaps they were being given back when an earlier try was killed.
            return self._give_back(job)
        if len(job.data_files) == 1:
            return self._bundle_alone(job, folder)
        if job.bundle_bytes is not None and self._has_bundle(job, folder):
            return Go(State.BUNDLED, "bundle_built")
        members = [
            Member(
                _inside(file),
                file.signature.size,
                partial(sealing.open_watched, folder, file, self._pause),
                _mark_of(file),
            )
            for file in job.data_files
        ]
        try:
            keep_free = self.settings.state.keep_free
            bundle, hashes = build(self._spooled(job), members, self._compressor(job), keep_free)
        except (sealing.Touched, SizeChanged):
            return self._give_back(job)
        if hashes != tuple(file.sha256 for file in job.data_files) or not sealing.untouched(job, folder):
            return self._give_back(job)
        return Go(State.BUNDLED, "bundle_built", _made(job, bundle))

    def _bundle_alone(self, job: Job, folder: Path) -> Go:
        """Say what will be sent of a training file without a zip around it."""
        (file,) = job.data_files
        try:
            with sealing.open_watched(folder, file, self._pause) as opened:
                digest = sha256_of_open(opened)
        except sealing.Touched:
            return self._give_back(job)
        if digest != file.sha256 or not sealing.untouched(job, folder):
            return self._give_back(job)
        made = {"bundle_name": file.base_name, "bundle_bytes": len(_mark_of(file)) + file.signature.size}
        return Go(State.BUNDLED, "bundle_built", made)

    def _compressor(self, job: Job) -> Compressor:
        match self.settings.bundle.compression:
            case "fast":
                return deflate.fast()
            case "small":
                return deflate.small()
            case "auto":
                return deflate.fitting(self._journal.events.line_speed(job.model))
            case unknown:
                assert_never(unknown)

    @_in_its_folder
    def register(self, job: Job, folder: Path) -> Go | Wait:
        """bundled -> registered: have the service open a retrain job and give an address to upload to."""
        model = self.places.model(job)
        now = self._clock.now()
        if enough := enough_registrations(job, now):
            raise enough
        opens_in = until_window(model, now)
        if opens_in and not job.window_waived:
            window = f"its window ({model.upload_window}), which opens on {for_people(now + opens_in)}"
            waits = {"attempts": 0, "waits_for": None, "trouble": f"The upload waits for {window}."}
            return Wait(opens_in, waits, calm=not job.registrations)
        if not self._has_bundle(job, folder):
            return Go(State.CHECKED, "bundle_missing")
        assert job.bundle_name is not None
        if over := over_budget(job, model, self._journal, self._clock.now()):
            raise over
        key = self._key(job)
        given = self._service.register(job.bundle_name, key)
        return Go(
            State.REGISTERED,
            "retrain_job_registered",
            {
                "retrain_job_id": given.retrain_job_id,
                "upload_ticket": lock_address(given.upload_url, key),
                "registered_at": self._clock.now(),
                "registrations": job.registrations + 1,
                "untouched_status": None,
                "address_refused": None,
                "put_started_at": None,
                "put_ended_at": None,
            },
        )

    @_in_its_folder
    def upload(self, job: Job, folder: Path) -> Go | Wait:
        """registered -> uploaded: send the bytes, to this retrain job and no other, and never twice knowingly."""
        assert job.retrain_job_id is not None
        key = self._key(job)
        if job.untouched_status is None:
            # What "nothing has arrived yet" is called is undocumented, so it is asked while it is surely true.
            job = self._journal.jobs.write(job, untouched_status=self._word(job.retrain_job_id, key))
        elif job.put_started_at is not None:
            doubt = self._in_doubt(job, key)
            if doubt is not None:
                return doubt
        if job.address_refused:
            return register_anew(job.address_refused)
        address = unlock_address(job.upload_ticket or "", key)
        if address is None:
            return register_anew(
                "The API key was replaced, and the upload address was locked under the old one."
            )
        if not self._has_bundle(job, folder):
            return Go(State.CHECKED, "bundle_missing", UNREGISTERED)
        # A try of which it is certain that it failed leaves the doubt of an earlier one, if there was one.
        before: dict[str, Any] = {"put_started_at": job.put_started_at, "put_ended_at": job.put_ended_at}
        job = self._journal.jobs.write(
            job, "upload_started", put_started_at=self._clock.now(), put_ended_at=None
        )
        # Should the journal be lost now, the folder has to know that this retrain job may already run.
        self._copies.write(folder, job)
        alone = job.data_files[0] if len(job.data_files) == 1 else None
        opener = partial(_open_alone, folder, alone) if alone else None
        began = self._clock.elapsed()
        try:
            self._store.put(
                address, self._spooled(job), self._pause, opener, _mark_of(alone) if alone else b""
            )
        except (NotStored, Hold):
            self._journal.jobs.write(job, **before)
            raise
        except InDoubt as doubtful:
            # Whatever was answered: the next try asks whether the bytes arrived, before it sends or registers anything.
            refused = doubtful.what if doubtful.address_refused else None
            self._journal.jobs.write(job, put_ended_at=self._clock.now(), address_refused=refused)
            raise self._worded(job, doubtful) from None
        took = {"bytes": job.bundle_bytes, "seconds": round(self._clock.elapsed() - began, 3)}
        return self._uploaded(job, "upload_complete", took)

    @_in_its_folder
    def poll(self, job: Job, folder: Path) -> Go | Wait:
        """uploaded -> trained: ask how the training does; when it has finished, fetch the results."""
        assert job.retrain_job_id is not None
        assert job.uploaded_at is not None
        # It has been sent, and a thousand trainings at a time would fill the disk for as long as they take.
        discard(self._spooled(job))
        now = self._clock.now()
        answer = self._status_of_trained(job, now)
        said: dict[str, Any] = {
            "status": answer.status,
            "status_message": answer.message,
            "unknown_since": None,
        }
        if answer.status != job.status or job.unknown_since:
            # At once: should the results not be had for days, the word is not to be news with every try.
            seen = {"status": answer.status, "message": answer.message}
            job = self._journal.jobs.write(job, "status_seen", detail=seen, **said, status_seen_at=now)
            _LOG.info("status_seen", status=answer.status, message=answer.message)
        if answer.status == _FINISHED:
            if not answer.download_url:
                raise Retry("The service has finished the training but names no results yet.")
            try:
                fetched = self._store.get(answer.download_url, folder / notes.RESULTS_FILE, self._pause)
            except AddressExpired as expired:
                raise Retry(expired.what) from None
            found = {"trained_model_id": answer.model_id, "trained_at": now, **results_fetched(fetched)}
            return Go(State.TRAINED, "training_finished", said | found)
        word = answer.status.casefold()
        if any(bad.casefold() in word for bad in self.settings.poll.failure_words):
            self._journal.jobs.write(job, **said)
            reason = f' and says "{answer.message}"' if answer.message else ""
            of_the_data = (answer.message or "").casefold().strip(" .") in DATA_MESSAGES
            raise JobFailed(
                f'The service could not train with this data: it reports "{answer.status}"{reason}.',
                "Correct the data and deliver it again, or run: retraind retry JOB"
                if of_the_data
                else "This may be the service's own trouble, so try again first: retraind retry JOB. If it fails again, "
                "look into the data, and ask the service's support.",
            )
        deadline = job.train_deadline
        if deadline:
            # Never more than a whole time-out from now, should the clock have been set back.
            said["train_deadline"] = deadline = min(deadline, now + self._poll_timeout(job))
        if deadline and now >= deadline:
            if self.jumps.mind():
                return Wait(timedelta(seconds=1))
            if job.attempts:
                # The service was away until now, and its trainings with it. That is nobody's fault here.
                said["train_deadline"] = now + self._poll_timeout(job)
                return Wait(self._poll_interval(job), said)
            self._journal.jobs.write(job, **said)
            raise JobFailed(
                f"The training has not finished within {span_for_people(self._poll_timeout(job))}; "
                f'the service still reports "{answer.status}".',
                "Run: retraind retry JOB, to go on waiting for the same training; nothing is sent again. Delivering the "
                "same files again does the same.",
                restart=False,
            )
        return Wait(self._poll_wait(job, now), said)

    @_in_its_folder
    def decide(self, job: Job, folder: Path) -> Go:
        """trained -> switching or filing: apply the owner's policy."""
        model = self.places.model(job)
        match model.switch:
            case "manual":
                note = "The policy is to switch by hand (switch = manual)."
                return Go(
                    State.FILING, "switch_left_to_owner", {"outcome": Outcome.TRAINED, "switch_note": note}
                )
            case "always":
                return Go(State.SWITCHING, "switch_decided")
            case "gate":
                return self._judge(job, folder, model)
            case _:
                assert_never(model.switch)

    def _judge(self, job: Job, folder: Path, model: ModelSettings) -> Go:
        """Ask the gate about what nobody who may write to the share can have changed."""
        place, keep_free = self._evidence, self.settings.state.keep_free
        with ExitStack() as leaving:
            shown = leaving.enter_context(evidence.evidence(place, job, folder, keep_free, self._pause))
            try:
                job = self._show_results(job, folder, shown)
                shown.add_data(job, folder, leaving, copied=model.gate_data)
            except Unproven as unproven:
                note = f"{unproven} So the gate was not asked, and the model was not switched."
                changes = {"outcome": Outcome.TRAINED, "switch_note": note}
                return Go(State.FILING, "gate_not_asked", changes, {"why": note})
            shown.describe(job)
            environment = self._environment.of_gate(model.gate_environment)
            verdict = ask_gate(model.gate or (), shown, model.gate_timeout, self._stopping, environment)
            changed = shown.changed() if verdict.passed else None
        said = {
            "gate_exit": verdict.exit_code, "gate_output": verdict.output, "gate_shown": tuple(shown.shown),
        }  # fmt: skip
        seen = {"shown": [file.model_dump() for file in shown.shown]}
        if verdict.passed and changed is None:
            return Go(State.SWITCHING, "gate_passed", said, seen)
        why = verdict.sentence or (
            f"{display(changed or '')} was changed while the gate looked at it, so its answer does not count and the model "
            "was not switched."
        )
        outcome = {"outcome": Outcome.TRAINED, "switch_note": why}
        return Go(State.FILING, "gate_refused", said | outcome, {"why": why, **seen})

    def _show_results(self, job: Job, folder: Path, shown: Evidence) -> Job:
        """Let the gate see what the service sent; where the job's folder holds anything else, that is fetched again.

        Raises Unproven where it cannot be had.
        """
        why = "it is not known what the service sent"  # a job from before that was noted
        if job.results_name and job.results_sha256 and job.results_bytes is not None:
            if shown.copy_results(folder / job.results_name, job.results_bytes, job.results_sha256):
                return job
            why = "they are not what the service sent"
        _LOG.warning("results_not_trusted", reason=why)
        fetched = self._fetch_again(job, shown.results)
        shown.add_results(fetched.bytes, fetched.sha256)
        copy_in_place(shown.results, folder / notes.RESULTS_FILE, fetched.bytes)
        return self._journal.jobs.write(
            job, "results_fetched_again", detail={"reason": why}, **results_fetched(fetched)
        )

    def _fetch_again(self, job: Job, target: Path) -> Fetched:
        assert job.retrain_job_id is not None
        sentence = (
            "The results in the job's folder are not known to be the service's, and cannot be fetched again: "
        )
        try:
            answer = self._service.status(job.retrain_job_id, self._key(job))
            if answer.status != _FINISHED or not answer.download_url:
                raise Unproven(f'{sentence}it reports "{answer.status}" and names no results.')
            keep_free = self.settings.state.keep_free
            return self._store.get(answer.download_url, target, self._pause, keep_free=keep_free)
        except (Hold, JobFailed, AddressExpired) as setback:
            raise Unproven(sentence + setback.what) from setback
        except Retry as trouble:
            longest = self._poll_timeout(job)
            if job.troubled_since and self._clock.now() - job.troubled_since >= longest:
                raise Unproven(sentence + trouble.what) from trouble
            raise

    def switch(self, job: Job) -> Go:
        """switching -> filing: make the retrained model the published one."""
        retrain_job_id = job.retrain_job_id
        assert retrain_job_id is not None
        key = self._key(job)
        earlier = job.switch_open
        if not earlier:
            # Should the answer never be known, the switch may have happened all the same.
            job = self._journal.jobs.write(job, switch_open=True)
        try:
            self._service.switch(retrain_job_id, key)
        except Unreadable as unclear:
            if job.attempts < _UNCLEAR_SWITCHES:
                raise
            return switch_open(job, unclear.what)
        except JobFailed as failure:
            if earlier:
                return switch_open(job, f"An earlier try had no clear answer; the last one: {failure.what}")
            job = self._journal.jobs.write(job, switch_open=False)
            if job.outcome is None:
                raise
            # A person asked for it after the job had been filed: the job stays done, the answer goes on its note. What is
            # done cannot be retried; where a retry would have repeated the switch alone, it can be asked for again.
            again = "" if failure.restart else failure.remedy.replace("retraind retry", "retraind switch")
            note = f"A later switch failed: {failure.what} {filled(again, JOB=job.id)}".rstrip()
            return Go(State.FILING, "switch_failed", {"switch_note": note})
        except Hold:
            self._journal.jobs.write(job, switch_open=earlier)
            raise
        except Retry as trouble:
            if not trouble.effect:
                self._journal.jobs.write(job, switch_open=earlier)
            raise
        changes = {
            "outcome": Outcome.SWITCHED,
            "switched_at": self._clock.now(),
            "switched_by_hand": job.outcome is not None,
            "first_switched_at": job.first_switched_at or job.switched_at,
            "switch_note": None,
            "switch_open": False,
        }
        return Go(State.FILING, "model_switched", changes)

    @_in_its_folder
    def file(self, job: Job, folder: Path) -> Go:
        """filing -> done or failed: write the notes beside the files and move the folder."""
        failed = job.outcome is Outcome.FAILED
        work, filed = self.places.model(job).work_folder, self.places.filed(job, failed=failed)
        # Perhaps an earlier try has copied it, and was killed while it deleted the original.
        kept = (folder, filed / job.id)
        place = self.places.place_of(job)
        if job.results_name and not any(exists(place / job.results_name) for place in kept):
            # Somebody has deleted the folder that it was in.
            job = self._journal.jobs.write(job, results_name=None)
        note = notes.note(job, policy=self.places.model(job).switch)
        write_atomically(folder / notes.note_name(job), notes.as_bytes(note))
        write_atomically(folder / notes.REPORT, report_json.as_bytes(job))
        self._copies.write(folder, job)
        if place == work:
            self.places.move(job, work, filed)
        else:
            filed = place
            self.places.sync(filed, work, job=job)
        discard(self._spooled(job))
        said: dict[str, Any] = {"outcome": job.outcome}
        if failed and job.problem:
            said |= {"reason": job.problem.what}
        if failed and job.continued_in:
            return Go(
                State.FAILED, "note_renewed", {"filed_in": str(filed)}
            )  # It was filed, and that was told, when it failed.
        return Go(
            State.FAILED if failed else State.DONE,
            "job_filed",
            {"upload_ticket": None, "filed_in": str(filed)},
            said,
        )

    def restore(self, job: Job) -> Go:
        """restoring -> where it failed: bring a failed delivery back into work, as its files are now."""
        model = self.places.model(job)
        self.places.bring_over(job)
        filed = self.places.filed_in(job, failed=True)
        if flaws := flaws_of(job, self.places, filed, self.settings.bundle.largest):
            return nothing_to_retry(flaws)
        self.places.bring_back(job, filed)
        with self.places.place(job, model.work_folder) as work:
            files, flaws = as_they_are(job, work / job.id, self.settings.bundle.largest)
            flaws += missing(job, model)
            if flaws:
                # Half a delivery, or somebody tidied up failed/ or took a file out of it. There is nothing to try with.
                if is_folder(work / job.id):
                    self.places.move(job, model.work_folder, model.failed_folder)
                return nothing_to_retry(flaws)
            with held(work, job.id) as target:
                for stale in (notes.ERROR, notes.REPORT):
                    clear(target / stale)
                to = job.resume_in or State.SEALED
                if to is State.REGISTERED and not are_sealed(job, files, target, self._pause):
                    # A person has corrected them, so they are checked and registered like others.
                    to = State.SEALED
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
            changes["train_deadline"] = self._clock.now() + self._poll_timeout(job)
        return Go(to, "job_restored", changes)

    # ------------------------------------------------------------------ parts of steps

    def _poll_interval(self, job: Job) -> timedelta:
        """Return how often the job's training is asked after at first."""
        return self.places.model(job).poll_interval or self.settings.poll.interval

    def _poll_timeout(self, job: Job) -> timedelta:
        """Return how long the job's training may take."""
        return self.places.model(job).poll_timeout or self.settings.poll.timeout

    def _key(self, job: Job) -> str:
        key = self._credentials.key(job.model, self.places.model(job))
        self._keyless.pop(job.model, None)
        return key

    def present_fingerprint(self, name: str) -> str | None:
        """Return the fingerprint of a model's present API or secret key, or None when there is none to be had."""
        try:
            model = self.settings.models[name]
            # Of a self-fetched key its origin counts; asking for the key itself would have one more issued.
            return fingerprint(self._credentials.secret(name, model) or self._credentials.key(name, model))
        except (Setback, KeyError):
            return None

    def _spooled(self, job: Job) -> Path:
        return self.settings.state.spool / bundle_name(job.id)

    def _has_bundle(self, job: Job, folder: Path) -> bool:
        """Tell whether what is to be uploaded is there, as it was made."""
        if len(job.data_files) == 1:
            return sealing.untouched(job, folder)
        return has_bundle(self._spooled(job), job.bundle_bytes)

    def _source(self, job: Job, folder: Path, role: Role) -> SourceFile | None:
        file = job.file(role)
        if file is None:
            return None
        return SourceFile(file.name, partial(sealing.open_watched, folder, file, self._pause))

    def _give_back(self, job: Job) -> Go:
        """Return files that changed while they were being taken; they are waited for anew."""
        discard(self._spooled(job))
        with self.shares.held(job.model, self.places.model(job).drop) as drop:
            stayed = sealing.give_back(job, drop)
        if not stayed:
            return Go(State.RETURNED, "delivery_returned")
        back = " What else belongs to it is back there." if len(stayed) < len(job.files) else ""
        problem = Problem(
            what="A file of this delivery was still being written when it was taken, and meanwhile a newer file of "
            f"the same name has arrived in the drop folder.{back}",
            remedy="Nothing, if the newer files are the ones that count; they are taken in by themselves. Have the "
            "export write under a temporary name and rename at the end, or raise settle.",
        )
        end = failed(job, problem, restart=True)
        return Go(end.to, end.event, {**end.changes, "files": stayed})

    def _known_bytes(self, job: Job, changes: Mapping[str, Any]) -> Go | Wait | None:
        """Return what becomes of a delivery whose bytes were sent before; None where it is to be sent."""
        content = content_of(job)
        if content is None or self.places.model(job).on_duplicate == "retrain":
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
            return Go(
                State.FILING,
                "duplicate_found",
                {**duplicate, "earlier_job": old.id, "switch_note": notes.unpublished(old)},
            )
        return self._take_over(old, job, changes) if old.resume_in is State.UPLOADED else None

    def _sent_before(self, job: Job) -> list[str]:
        """Say that the same bytes are sent once more, where a job that failed had sent them."""
        content = content_of(job)
        old = self._journal.contents.sent_and_failed(job.model, content, besides=job.id) if content else None
        return [notes.sent_before(old)] if old else []

    def _take_over(self, old: Job, job: Job, changes: Mapping[str, Any]) -> Go:
        """Go on waiting for the training that a failed job with the same bytes has started; nothing is sent."""
        taken: dict[str, Any] = {name: getattr(old, name) for name in OF_A_TRAINING}
        taken |= {
            "continues": old.id,
            "train_deadline": self._clock.now() + self._poll_timeout(job),
        }
        with self.places.place(old, self.places.filed_in(old, failed=True)) as failed:
            there = is_folder(failed / old.id)
        # Its note has to say where it continues; where somebody has cleared its folder away, there is none to write.
        refiled = {"state": State.FILING} if there else {}
        also = Write(old, "job_continued", {"by": job.id}, {"continued_in": job.id, **refiled})
        detail = {"of": old.id, "retrain_job_id": old.retrain_job_id}
        return Go(State.UPLOADED, "training_taken_over", {**changes, **NO_BUNDLE, **taken}, detail, also)

    def _in_doubt(self, job: Job, key: str) -> Go | Wait | None:
        """Find out whether an upload that was cut off arrived after all; None when it is safe to send again."""
        assert job.retrain_job_id is not None
        if self._word(job.retrain_job_id, key) not in {job.untouched_status, ""}:
            return self._uploaded(job, "upload_found_complete")
        now = self._clock.now()
        if job.put_ended_at is None or job.put_ended_at > now:
            job = self._journal.jobs.write(job, put_ended_at=now)
        assert job.put_ended_at is not None
        left = job.put_ended_at + self.settings.poll.upload_doubt - now
        if left > timedelta(0):
            return Wait(min(left, timedelta(seconds=5)), calm=False)
        return None

    def _word(self, retrain_job_id: str, key: str) -> str:
        """Return the service's word for a retrain job whose upload is not known to be complete; "" where it knows none."""
        try:
            return self._service.status(retrain_job_id, key).status
        except NotKnown:
            return ""

    def _status_of_trained(self, job: Job, now: datetime) -> TrainingStatus:
        """Ask for the status of a retrain job whose upload is complete."""
        assert job.retrain_job_id is not None
        try:
            return self._service.status(job.retrain_job_id, self._key(job))
        except NotKnown as unknown:
            raise self._unknown(job, unknown, now) from None

    def _unknown(self, job: Job, unknown: NotKnown, now: datetime) -> Setback:
        """Return what to do about a service that does not know a retrain job whose upload is complete."""
        since = job.unknown_since
        if since is None or since > now:
            since = now
            self._journal.jobs.write(job, unknown_since=now)
        lasting = now - since >= _UNKNOWN_TRIES * self.settings.poll.upload_doubt
        if lasting and job.attempts >= _UNKNOWN_TRIES:
            return unknown
        return Retry("The service does not know the retrain job, though its upload is complete.")

    def _worded(self, job: Job, doubtful: InDoubt) -> NotSent:
        """Add to an address that is refused a moment after it was given that time may not be what is wrong with it."""
        age = self._clock.now() - job.registered_at if job.registered_at else _FRESH_ADDRESS
        if doubtful.address_refused and timedelta(0) <= age < _FRESH_ADDRESS:
            remedy = "The address is only a moment old; check the machine's clock, and whether a proxy changes requests."
            return replace(doubtful, remedy=remedy)
        return doubtful

    def _uploaded(self, job: Job, event: str, detail: Mapping[str, Any] = MappingProxyType({})) -> Go:
        now = self._clock.now()
        known = {"uploaded_at": now, "train_deadline": now + self._poll_timeout(job)}
        if job.upload_held:
            self._journal.events.note("released", job)
        done = {"upload_ticket": None, "put_started_at": None, "address_refused": None, "upload_held": False}
        return Go(State.UPLOADED, event, {**known, **done}, detail)

    def _poll_wait(self, job: Job, now: datetime) -> timedelta:
        """Return how long to leave the service alone: a tenth of the time it has had, within bounds."""
        assert job.uploaded_at is not None
        shortest = self._poll_interval(job)
        wait = max(shortest, min((now - job.uploaded_at) / 10, self.settings.poll.slowest))
        return min(wait, job.train_deadline - now) if job.train_deadline else wait


def last_good(journal: Journal, model: str) -> PreviousDelivery | None:
    """Return the training data of the model's last delivery that the service could train with."""
    last = journal.last_trained(model)
    if last is None or Role.TRAIN not in last.rows:
        return None
    return PreviousDelivery(last.id, last.columns, last.rows[Role.TRAIN])


_BETWEEN_STATES = timedelta(seconds=5)


def _made(job: Job, bundle: Bundle) -> dict[str, Any]:
    return {"bundle_name": bundle_name(job.id), "bundle_bytes": bundle.bytes}


def _inside(file: SealedFile) -> str:
    """Return the path of a file in the zip."""
    return entry_name({Role.TRAIN: "train_src", Role.EVAL: "eval_src"}[file.role], file.base_name)


def _mark_of(file: SealedFile) -> bytes:
    """Return what is put before a file on its way to the service."""
    return codecs.BOM_UTF8 if file.marked else b""


def _worth_keeping(columns: tuple[str, ...]) -> tuple[str, ...]:
    """Return the names of the columns, unless they are megabytes: they are kept for good, also of what failed."""
    return columns if sum(map(len, columns)) <= _LONGEST_COLUMNS else ()


def _open_alone(folder: Path, file: SealedFile) -> BinaryIO:
    """Open a training file that is sent as it is. The next try finds out what to do when it is another by now."""
    try:
        return sealing.open_sealed(folder, file)
    except sealing.Touched:
        raise NotStored(f"{display(file.name)} was changed when it was about to be sent.") from None


def _disk_trouble(error: OSError) -> Retry:
    where = f"{display(os.fsdecode(error.filename))}: " if isinstance(error.filename, str | bytes) else ""
    return Retry(f"{where}{error.strerror or error}.", disk_remedy(error))
