"""One function for each state of a job: the only place that orders side effects.

A step does its work and returns `Go` (the next state, with what became known) or `Wait`; or it raises a Setback. The
runner writes the journal between steps. Every step can be repeated after a kill at any instruction: it first looks at
what an earlier try has left.
"""

from collections.abc import Callable, Mapping
from contextlib import ExitStack
from dataclasses import dataclass
from datetime import timedelta
from functools import partial, wraps
from pathlib import Path
from typing import Any, TypeVar, assert_never

from retraind.api.client import Service
from retraind.api.credentials import lock_address, unlock_address
from retraind.api.failures import AddressExpired, InDoubt, NotStored, Unreadable
from retraind.api.object_store import ObjectStore
from retraind.bundle.zip_writer import Archive, SizeChanged, discard
from retraind.config.current import Current
from retraind.domain.failures import Hold, JobFailed, Retry
from retraind.domain.job import Job, Outcome, State
from retraind.domain.problems import problem
from retraind.intake.share_identity import Shares
from retraind.jobs import seal as sealing
from retraind.jobs.bundles import Bundles, mark_of, open_alone
from retraind.jobs.clock_jumps import ClockJumps
from retraind.jobs.folders import Places
from retraind.jobs.gate.judging import Judging
from retraind.jobs.keys import Keys
from retraind.jobs.outcomes import (
    UNREGISTERED,
    Go,
    Wait,
    failed,
    not_given_back,
    nothing_to_retry,
    register_anew,
    restored,
    results_fetched,
    switch_open,
)
from retraind.jobs.policies import enough_registrations, over_budget, until_window
from retraind.jobs.preflight import Preflight
from retraind.jobs.retries import are_sealed, as_they_are, flaws_of, missing
from retraind.jobs.trainings import FINISHED, Trainings
from retraind.report import notes, report_json
from retraind.report.layout import as_bytes
from retraind.report.share_voice import share_voice
from retraind.store.journal import Journal
from retraind.store.sidecar import JobFiles
from retraind.system import log
from retraind.system.clock import Clock
from retraind.system.files import clear, exists, held, is_folder, write_atomically

_LOG = log.get(__name__)

_UNCLEAR_SWITCHES = 3
"""After so many tries, a switch that is answered with a success of which nothing can be read is called open."""


Step = Callable[[Job], Go | Wait]
_Steps = TypeVar("_Steps", "DataSteps", "ServiceSteps")


def _in_its_folder(step: Callable[[_Steps, Job, Path], Go | Wait]) -> Callable[[_Steps, Job], Go | Wait]:
    """Let a step work in the job's folder, pinned: it waits while the share is away, and no link leads it elsewhere."""

    @wraps(step)
    def run(steps: _Steps, job: Job) -> Go | Wait:
        with steps.places.holding(job) as folder:
            return step(steps, job, folder)

    return run


@dataclass(frozen=True)
class DataSteps:
    """The steps that work with a delivery's files."""

    current: Current
    journal: Journal
    places: Places
    shares: Shares
    copies: JobFiles
    bundles: Bundles
    preflighting: Preflight
    trainings: Trainings
    clock: Clock
    pause: Callable[[], None]

    def seal(self, job: Job) -> Go:
        """sealing -> sealed: move the files out of their writers' reach."""
        self.places.bring_over(job)
        model = self.places.model(job)
        with self.shares.held(job.model, model.drop) as drop:
            guard = partial(self.shares.guard, plain=model.work_folder, folder=model.drop, drop=drop)
            taken = sealing.seal(job, drop, self.copies, guard)
        if not taken:
            return self._give_back(job)
        if job.problem is not None:
            return failed(job, job.problem, restart=True)
        return Go(State.SEALED, "delivery_sealed")

    @_in_its_folder
    def preflight(self, job: Job, folder: Path) -> Go | Wait:
        """sealed -> checked: hold the data against the service's rules, and make the zip in the same pass over it."""
        if not sealing.untouched(job, folder):
            return self._give_back(job)
        with ExitStack() as leaving:
            archive = None
            if len(job.data_files) > 1:
                keep_free = self.current.settings.state.keep_free
                archive = leaving.enter_context(
                    Archive(self.bundles.path(job), self.bundles.compressor(job), keep_free)
                )
            try:
                go = self.preflighting.run(job, folder, archive)
            except (sealing.Touched, SizeChanged):
                return self._give_back(job)
        if isinstance(go, Wait) or go.to is not State.CHECKED:
            discard(self.bundles.path(job))
        return go

    @_in_its_folder
    def bundle(self, job: Job, folder: Path) -> Go:
        """checked -> bundled: see to it that what is to be sent is there; a training file alone is sent as it is."""
        if not sealing.untouched(job, folder):
            # Perhaps they were being given back when an earlier try was killed.
            return self._give_back(job)
        if len(job.data_files) > 1 and job.bundle_bytes is not None and self.bundles.has(job, folder):
            return Go(State.BUNDLED, "bundle_built")
        try:
            changes = self.bundles.make(job, folder, self.pause)
        except (sealing.Touched, SizeChanged):
            return self._give_back(job)
        if not sealing.untouched(job, folder):
            return self._give_back(job)
        return Go(State.BUNDLED, "bundle_built", changes)

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
            job = self.journal.jobs.write(job, results_name=None)
        model = self.places.model(job)
        voice = share_voice(model, self.current.settings.state, (job.drop, job.filed_in), in_a_note=True)
        note = as_bytes(notes.note(job, voice, policy=model.switch))
        write_atomically(folder / notes.note_name(job), note)
        write_atomically(folder / notes.REPORT, report_json.as_bytes(job, voice))
        self.copies.write(folder, job)
        if place == work:
            self.places.move(job, work, filed)
        else:
            filed = place
            self.places.sync(filed, work, job=job)
        discard(self.bundles.path(job))
        said: dict[str, Any] = {"outcome": job.outcome}
        if failed and job.problem:
            said |= {"reason": job.problem}
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
        if flaws := flaws_of(job, self.places, filed, self.current.settings.bundle.largest):
            return nothing_to_retry(flaws)
        self.places.bring_back(job, filed)
        with self.places.place(job, model.work_folder) as work:
            files, flaws = as_they_are(job, work / job.id, self.current.settings.bundle.largest)
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
                if to is State.REGISTERED and not are_sealed(job, files, target, self.pause):
                    # A person has corrected them, so they are checked and registered like others.
                    to = State.SEALED
        deadline = self.clock.now() + self.trainings.timeout(job)
        return restored(job, to, files, deadline)

    def _give_back(self, job: Job) -> Go:
        """Return files that changed while they were being taken; they are waited for anew."""
        discard(self.bundles.path(job))
        with self.shares.held(job.model, self.places.model(job).drop) as drop:
            stayed = sealing.give_back(job, drop)
        if not stayed:
            return Go(State.RETURNED, "delivery_returned")
        return not_given_back(job, stayed)


@dataclass(frozen=True)
class ServiceSteps:
    """The steps that talk to the service, and the gate's."""

    current: Current
    journal: Journal
    service: Service
    store: ObjectStore
    places: Places
    copies: JobFiles
    keys: Keys
    bundles: Bundles
    trainings: Trainings
    judging: Judging
    jumps: ClockJumps
    clock: Clock
    pause: Callable[[], None]

    @_in_its_folder
    def register(self, job: Job, folder: Path) -> Go | Wait:
        """bundled -> registered: have the service open a retrain job and give an address to upload to."""
        model = self.places.model(job)
        now = self.clock.now()
        if enough := enough_registrations(job, now):
            raise enough
        opens_in = until_window(model, now)
        if opens_in and not job.window_waived:
            window = problem("upload_waits_for_window", window=model.upload_window, opens=now + opens_in)
            waits = {"attempts": 0, "waits_for": None, "trouble": window}
            return Wait(opens_in, waits, calm=not job.registrations)
        if not self.bundles.has(job, folder):
            return Go(State.CHECKED, "bundle_missing")
        assert job.bundle_name is not None
        if over := over_budget(job, model, self.journal, self.clock.now()):
            raise over
        key = self.keys.key(job)
        given = self.service.register(job.bundle_name, key)
        return Go(
            State.REGISTERED,
            "retrain_job_registered",
            {
                "retrain_job_id": given.retrain_job_id,
                "upload_ticket": lock_address(given.upload_url, key),
                "registered_at": self.clock.now(),
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
        key = self.keys.key(job)
        if job.untouched_status is None:
            # What "nothing has arrived yet" is called is undocumented, so it is asked while it is surely true.
            job = self.journal.jobs.write(job, untouched_status=self.trainings.word(job.retrain_job_id, key))
        elif job.put_started_at is not None:
            doubt = self.trainings.in_doubt(job, key)
            if doubt is not None:
                return doubt
        if job.address_refused:
            return register_anew(job.address_refused)
        address = unlock_address(job.upload_ticket or "", key)
        if address is None:
            return register_anew(problem("address_locked_under_old_key"))
        if not self.bundles.has(job, folder):
            return Go(State.CHECKED, "bundle_missing", UNREGISTERED)
        # A try of which it is certain that it failed leaves the doubt of an earlier one, if there was one.
        before: dict[str, Any] = {"put_started_at": job.put_started_at, "put_ended_at": job.put_ended_at}
        job = self.journal.jobs.write(
            job, "upload_started", put_started_at=self.clock.now(), put_ended_at=None
        )
        # Should the journal be lost now, the folder has to know that this retrain job may already run.
        self.copies.write(folder, job)
        alone = job.data_files[0] if len(job.data_files) == 1 else None
        opener = partial(open_alone, folder, alone) if alone else None
        began = self.clock.elapsed()
        try:
            self.store.put(
                address, self.bundles.path(job), self.pause, opener, mark_of(alone) if alone else b""
            )
        except (NotStored, Hold):
            self.journal.jobs.write(job, **before)
            raise
        except InDoubt as doubtful:
            # Whatever was answered: the next try asks whether the bytes arrived, before it sends or registers anything.
            refused = doubtful.problem if doubtful.address_refused else None
            self.journal.jobs.write(job, put_ended_at=self.clock.now(), address_refused=refused)
            raise self.trainings.phrased(job, doubtful) from None
        took = {"bytes": job.bundle_bytes, "seconds": round(self.clock.elapsed() - began, 3)}
        return self.trainings.uploaded(job, "upload_complete", took)

    @_in_its_folder
    def poll(self, job: Job, folder: Path) -> Go | Wait:
        """uploaded -> trained: ask how the training does; when it has finished, fetch the results."""
        assert job.retrain_job_id is not None
        assert job.uploaded_at is not None
        # It has been sent, and a thousand trainings at a time would fill the disk for as long as they take.
        discard(self.bundles.path(job))
        now = self.clock.now()
        answer = self.trainings.status(job, now)
        said: dict[str, Any] = {
            "status": answer.status,
            "status_message": answer.message,
            "unknown_since": None,
        }
        if answer.status != job.status or job.unknown_since:
            # At once: should the results not be had for days, the word is not to be news with every try.
            seen = {"status": answer.status, "message": answer.message}
            job = self.journal.jobs.write(job, "status_seen", detail=seen, **said, status_seen_at=now)
            _LOG.info("status_seen", status=answer.status, message=answer.message)
        if answer.status == FINISHED:
            if not answer.download_url:
                raise Retry(problem("results_not_named", status=answer.status))
            try:
                fetched = self.store.get(answer.download_url, folder / notes.RESULTS_FILE, self.pause)
            except AddressExpired as expired:
                raise Retry(expired.problem) from None
            found = {"trained_model_id": answer.model_id, "trained_at": now, **results_fetched(fetched)}
            return Go(State.TRAINED, "training_finished", said | found)
        if failure := self.trainings.failure(answer):
            self.journal.jobs.write(job, **said)
            raise failure
        deadline = job.train_deadline
        if deadline:
            # Never more than a whole time-out from now, should the clock have been set back.
            said["train_deadline"] = deadline = min(deadline, now + self.trainings.timeout(job))
        if deadline and now >= deadline:
            if self.jumps.mind():
                return Wait(timedelta(seconds=1))
            if job.attempts:
                # The service was away until now, and its trainings with it. That is nobody's fault here.
                said["train_deadline"] = now + self.trainings.timeout(job)
                return Wait(self.trainings.interval(job), said)
            self.journal.jobs.write(job, **said)
            raise self.trainings.unfinished(job, answer)
        return Wait(self.trainings.wait(job, now), said)

    @_in_its_folder
    def decide(self, job: Job, folder: Path) -> Go:
        """trained -> switching or filing: apply the owner's policy."""
        model = self.places.model(job)
        match model.switch:
            case "manual":
                note = problem("switch_by_hand")
                return Go(
                    State.FILING, "switch_left_to_owner", {"outcome": Outcome.TRAINED, "switch_note": note}
                )
            case "always":
                return Go(State.SWITCHING, "switch_decided")
            case "gate":
                return self.judging.judge(job, folder, model)
            case _:
                assert_never(model.switch)

    def switch(self, job: Job) -> Go:
        """switching -> filing: make the retrained model the published one."""
        retrain_job_id = job.retrain_job_id
        assert retrain_job_id is not None
        key = self.keys.key(job)
        earlier = job.switch_open
        if not earlier:
            # Should the answer never be known, the switch may have happened all the same.
            job = self.journal.jobs.write(job, switch_open=True)
        try:
            self.service.switch(retrain_job_id, key)
        except Unreadable as unclear:
            if job.attempts < _UNCLEAR_SWITCHES:
                raise
            return switch_open(job, unclear.problem)
        except JobFailed as failure:
            if earlier:
                return switch_open(job, problem("earlier_switch_unclear", last=failure.problem))
            job = self.journal.jobs.write(job, switch_open=False)
            if job.outcome is None:
                raise
            # A person asked for it after the job had been filed: the job stays done, the answer goes on its note. What is
            # done cannot be retried; where a retry would have repeated the switch alone, it can be asked for again.
            note = problem("later_switch_failed", why=failure.problem, again=not failure.restart)
            return Go(State.FILING, "switch_failed", {"switch_note": note})
        except Hold:
            self.journal.jobs.write(job, switch_open=earlier)
            raise
        except Retry as trouble:
            if not trouble.effect:
                self.journal.jobs.write(job, switch_open=earlier)
            raise
        changes = {
            "outcome": Outcome.SWITCHED,
            "switched_at": self.clock.now(),
            "switched_by_hand": job.outcome is not None,
            "first_switched_at": job.first_switched_at or job.switched_at,
            "switch_note": None,
            "switch_open": False,
        }
        return Go(State.FILING, "model_switched", changes)


def table_of(data: DataSteps, service: ServiceSteps) -> Mapping[State, Step]:
    """Return the step of each state: beside `domain.job.LIFE`, with which a test compares it."""
    return {
        State.SEALING: data.seal,
        State.SEALED: data.preflight,
        State.CHECKED: data.bundle,
        State.BUNDLED: service.register,
        State.REGISTERED: service.upload,
        State.UPLOADED: service.poll,
        State.TRAINED: service.decide,
        State.SWITCHING: service.switch,
        State.FILING: data.file,
        State.RESTORING: data.restore,
    }
