"""One function for each state of a job: the only place that orders side effects.

A step does its work and returns `Go` (the next state, with what became known) or `Wait`; or it raises a
Setback. The runner writes the journal between steps. Every step can be repeated after a kill at any
instruction: it first checks what an earlier try has left.
"""

from collections.abc import Callable, Mapping
from contextlib import ExitStack
from dataclasses import dataclass, replace
from datetime import timedelta
from functools import partial, wraps
from pathlib import Path
from typing import TypeVar, assert_never

from retraind.api.client import Service, TrainingStatus
from retraind.api.credentials import lock_address, unlock_address
from retraind.api.failures import AddressExpired, InDoubt, NoResults, NotStored, Unreadable
from retraind.api.object_store import Fetched, ObjectStore
from retraind.bundle.progress import Doing
from retraind.bundle.zip_writer import Archive, SizeChanged
from retraind.config.calendars import ClosedDays
from retraind.config.current import Current
from retraind.dataset.scores import scores_in
from retraind.domain.failures import Hold, JobFailed, Retry
from retraind.domain.job import End, Job, Outcome, Publication, Registration, State, present
from retraind.domain.prediction import FINISHED
from retraind.domain.problems import problem
from retraind.intake.share_identity import Shares
from retraind.jobs import seal as sealing
from retraind.jobs.bundles import Bundles, mark_of, open_alone
from retraind.jobs.clock_jumps import ClockJumps
from retraind.jobs.duplicates import Duplicates
from retraind.jobs.folders import Places, move_noted
from retraind.jobs.gate.judging import Judging
from retraind.jobs.keys import Keys
from retraind.jobs.outcomes import (
    Go,
    Wait,
    failed,
    not_given_back,
    not_switched,
    noted,
    nothing_to_retry,
    register_again,
    restored,
    switch_open,
    trained,
    unregistered,
    with_results,
)
from retraind.jobs.policies import enough_registrations, over_budget, until_window
from retraind.jobs.preflight import Preflight
from retraind.jobs.retries import are_sealed, as_they_are, flaws_of, missing
from retraind.jobs.trainings import Trainings
from retraind.report import notes, report_json
from retraind.report.layout import as_bytes
from retraind.report.share_voice import share_voice
from retraind.store.copies.sidecar import JobFiles
from retraind.store.journal import Journal
from retraind.system import log
from retraind.system.clock import Clock
from retraind.system.files import clear, exists, held, is_folder, write_atomically

_LOG = log.get(__name__)

_UNCLEAR_SWITCHES = 3
"""After so many tries, a switch whose answers are successes that cannot be read is left open."""


Step = Callable[[Job], Go | Wait]
_Steps = TypeVar("_Steps", "DataSteps", "ServiceSteps")


def _in_its_folder(step: Callable[[_Steps, Job, Path], Go | Wait]) -> Callable[[_Steps, Job], Go | Wait]:
    """Run a step in the job's folder, pinned: it waits while the share is away, and follows no link."""

    @wraps(step)
    def run(steps: _Steps, job: Job) -> Go | Wait:
        job = move_noted(job, steps.places.model(job), steps.journal)
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
    duplicates: Duplicates
    preflighting: Preflight
    trainings: Trainings
    clock: Clock
    pause: Callable[[], None]

    def seal(self, job: Job) -> Go:
        """sealing -> sealed: move the files out of their writers' reach."""
        job, model = self._brought_over(job), self.places.model(job)
        with self.shares.held(job.model, model.drop) as drop, self.shares.work(model.drop, drop) as work:
            taken = sealing.seal(job, drop, work, self.copies)
        if not taken:
            return self._give_back(job)
        if job.flaw is not None:
            return failed(job, job.flaw, restart=True)
        return Go(State.SEALED, "delivery_sealed")

    @_in_its_folder
    def preflight(self, job: Job, folder: Path) -> Go | Wait:
        """sealed -> checked: preflight the data, and make the zip in the same pass over it."""
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
                with self.bundles.reading(job, Doing.PREFLIGHT) as read:
                    go = self.preflighting.run(job, folder, archive, read)
            except (sealing.Touched, SizeChanged):
                return self._give_back(job)
        if isinstance(go, Wait) or go.to is not State.CHECKED:
            self.bundles.discard(job)
        return go

    @_in_its_folder
    def bundle(self, job: Job, folder: Path) -> Go:
        """checked -> bundled: make what is to be sent, unless it is there; a file alone is sent as it is."""
        if not sealing.untouched(job, folder):
            # Perhaps they were being returned when an earlier try was killed.
            return self._give_back(job)
        if len(job.data_files) > 1 and self.bundles.has(job, folder):
            return Go(State.BUNDLED, "bundle_built")
        try:
            bundle = self.bundles.make(job, folder, self.pause)
        except (sealing.Touched, SizeChanged):
            return self._give_back(job)
        if not sealing.untouched(job, folder):
            return self._give_back(job)
        return Go(State.BUNDLED, "bundle_built", lambda job: replace(job, bundle=bundle))

    @_in_its_folder
    def file(self, job: Job, folder: Path) -> Go:
        """filing -> done or failed: write the notes beside the files and move the folder."""
        has_failed = job.outcome is Outcome.FAILED
        work, filed = self.places.model(job).work_folder, self.places.filed(job, failed=has_failed)
        place = self.places.place_of(job)
        training = job.training
        # Perhaps an earlier try has copied it, and was killed while it deleted the original.
        if (
            training
            and (name := training.results_name)
            and not (exists(folder / name) or self.places.has(job, filed, name))
        ):
            # Somebody has deleted the folder that it was in.
            job = self.journal.jobs.write(job, replace(job, training=replace(training, results_name=None)))
        self._write_notes(job, folder)
        if place == work:
            self.places.move(job, work, filed)
        else:
            filed = place
            self.places.sync(filed, work, job=job)
        self.bundles.discard(job)
        if job.outcome is Outcome.DUPLICATE:
            self.duplicates.clear_earlier(job)
        done = Go(
            State.FAILED if has_failed else State.DONE,
            "job_filed",
            lambda job: replace(
                job,
                filed_in=str(filed),
                registration=job.registration and replace(job.registration, ticket=None),
            ),
            {"outcome": job.outcome, **({"reason": job.problem} if has_failed and job.problem else {})},
        )
        if has_failed and job.end and job.end.continued_in:
            # It was filed, and that was reported, when it failed.
            return replace(done, event="note_renewed", detail={})
        return done

    def _write_notes(self, job: Job, folder: Path) -> None:
        model, settings = self.places.model(job), self.current.settings
        language = settings.language_of(model)
        voice = share_voice(model, settings.state, (job,), in_a_note=True, language=language)
        grown = sealing.grown(job, folder, model.settle)
        note = as_bytes(notes.note(job, voice, policy=model.switch, grown=grown))
        write_atomically(folder / notes.note_name(job), note)
        write_atomically(folder / notes.REPORT, report_json.as_bytes(job, voice))
        self.copies.write(folder, job)

    def restore(self, job: Job) -> Go:
        """restoring -> where it failed: bring a failed delivery back into work, as its files are now."""
        job, model = self._brought_over(job), self.places.model(job)
        filed = self.places.filed_in(job, failed=True)
        if flaws := flaws_of(job, self.places, filed, self.current.settings.bundle.largest):
            return nothing_to_retry(flaws)
        self.places.bring_back(job, filed)
        with self.places.place(job, model.work_folder) as work:
            files, flaws = as_they_are(job, work / job.id, self.current.settings.bundle.largest)
            flaws += missing(job, model)
            if flaws:
                # Half a delivery, or somebody deleted a file in failed/: there is nothing to try with.
                if is_folder(work / job.id):
                    self.places.move(job, model.work_folder, model.failed_folder)
                return nothing_to_retry(flaws)
            with held(work, job.id) as target:
                for stale in (notes.ERROR, notes.REPORT):
                    clear(target / stale)
                to = (job.end and job.end.resume_in) or State.SEALED
                if to is State.REGISTERED and not are_sealed(job, files, target, self.pause):
                    # A person has corrected them, so they are checked and registered like others.
                    to = State.SEALED
        deadline = self.clock.now() + self.trainings.timeout(job)
        return restored(to, files, deadline)

    def _brought_over(self, job: Job) -> Job:
        """Bring the job's folder to where its model works now, which is noted before."""
        job = move_noted(job, self.places.model(job), self.journal)
        self.places.bring_over(job)
        return job

    def _give_back(self, job: Job) -> Go:
        """Return files that changed while they were being taken; they have to settle again."""
        self.bundles.discard(job)
        with self.shares.held(job.model, self.places.model(job).drop) as drop:
            stayed = sealing.give_back(job, drop)
        if not stayed:
            return Go(State.RETURNED, "delivery_returned")
        return not_given_back(job, stayed)


@dataclass(frozen=True)
class ServiceSteps:
    """The steps that talk to the service, and the gate's."""

    journal: Journal
    service: Service
    store: ObjectStore
    places: Places
    copies: JobFiles
    keys: Keys
    bundles: Bundles
    trainings: Trainings
    judging: Judging
    closed: ClosedDays
    jumps: ClockJumps
    clock: Clock
    pause: Callable[[], None]

    @_in_its_folder
    def register(self, job: Job, folder: Path) -> Go | Wait:
        """bundled -> registered: register a retrain job, which has an address to upload to."""
        model = self.places.model(job)
        now = self.clock.now()
        if enough := enough_registrations(job, now):
            raise enough
        if wait := until_window(job, model, self.closed.of(model.upload_holidays), now):
            return wait
        if not self.bundles.has(job, folder):
            return Go(State.CHECKED, "bundle_missing")
        if over := over_budget(job, model, self.journal, self.clock.now()):
            raise over
        key = self.keys.key(job)
        given = self.service.register(present(job.bundle).name, key)
        registration = Registration(
            retrain_job_id=given.retrain_job_id, ticket=lock_address(given.upload_url, key)
        )
        tries = replace(job.tries, registrations=job.tries.registrations + 1, registered_at=self.clock.now())
        return Go(
            State.REGISTERED,
            "retrain_job_registered",
            lambda job: replace(job, registration=registration, tries=tries),
        )

    @_in_its_folder
    def upload(self, job: Job, folder: Path) -> Go | Wait:
        """registered -> uploaded: send the bytes to this retrain job, and never twice knowingly."""
        registration, key = present(job.registration), self.keys.key(job)
        if registration.untouched_status is None:
            # What the status says later of one that is not new, and a switch, would be about other data. To
            # this key the service may even refuse the status of another model's.
            is_shared = self.trainings.is_shared(job)
            # The status of a retrain job that nothing was sent to is undocumented, so it is asked for now.
            word = None if is_shared else self.trainings.early_status(registration.retrain_job_id, key)
            if is_shared or word == FINISHED:
                return register_again(problem("retrain_job_not_new", finished=not is_shared))
            registration = replace(registration, untouched_status=word)
        elif registration.put_started_at is not None:
            doubt = self.trainings.in_doubt(job, key)
            if doubt is not None:
                return doubt
        if registration.address_refused:
            return register_again(registration.address_refused)
        address = unlock_address(registration.ticket or "", key)
        if address is None:
            return register_again(problem("address_locked_under_old_key"))
        if not self.bundles.has(job, folder):
            return Go(State.CHECKED, "bundle_missing", unregistered)
        begun = replace(registration, put_started_at=self.clock.now(), put_ended_at=None)
        job = self.journal.jobs.write(job, replace(job, registration=begun), "upload_started")
        # Should the journal be lost now, the folder has to know that this retrain job may already run.
        self.copies.write(folder, job)
        alone = job.data_files[0] if len(job.data_files) == 1 else None
        opener = partial(open_alone, folder, alone) if alone else None
        began = self.clock.elapsed()
        try:
            with self.bundles.uploading(job) as sent:
                mark = mark_of(alone) if alone else b""
                self.store.put(address, self.bundles.path(job), self.pause, opener, mark, sent=sent)
        except (NotStored, Hold):
            # It is certain that this try failed. The doubt of an earlier one stays, if there was one.
            self.journal.jobs.write(job, replace(job, registration=registration))
            raise
        except InDoubt as doubtful:
            # The next try asks whether the bytes arrived, before it sends or registers anything.
            refused = doubtful.problem if doubtful.address_refused else None
            doubted = replace(begun, put_ended_at=self.clock.now(), address_refused=refused)
            self.journal.jobs.write(job, replace(job, registration=doubted))
            raise self.trainings.explained(job, doubtful) from None
        took = {"bytes": present(job.bundle).bytes, "seconds": round(self.clock.elapsed() - began, 3)}
        return self.trainings.uploaded(job, "upload_complete", took)

    @_in_its_folder
    def poll(self, job: Job, folder: Path) -> Go | Wait:
        """uploaded -> trained: ask how the training does; when it has finished, fetch the results."""
        # It has been sent, and a thousand trainings at a time would fill the disk for as long as they take.
        self.bundles.discard(job)
        now = self.clock.now()
        answer = self.trainings.status(job, now)
        before = present(job.training)
        training = replace(before, status=answer.status, message=answer.message, unknown_since=None)
        if answer.status != before.status or before.unknown_since:
            # At once: should the results stay away for days, the status is not news with every try.
            training = replace(training, status_seen_at=now)
            seen = {"status": answer.status, "message": answer.message}
            job = self.journal.jobs.write(job, replace(job, training=training), "status_seen", seen)
            _LOG.info("status_seen", status=answer.status, message=answer.message)
        if answer.status == FINISHED:
            try:
                fetched = self._fetch(answer, folder)
            except NoResults as missing:
                raise self.trainings.without_results(job, missing, now) from None
            scores = scores_in(folder / notes.RESULTS_FILE, fetched.sha256)
            training = replace(training, model_id=answer.model_id, trained_at=now)
            training = with_results(training, fetched, scores)
            return Go(State.TRAINED, "training_finished", trained(training))
        if failure := self.trainings.failure(answer):
            self.journal.jobs.write(job, replace(job, training=training))
            raise failure
        latest = now + self.trainings.timeout(job)
        if training.deadline:
            # Never more than a whole time-out from now, should the clock have been set back.
            training = replace(training, deadline=min(training.deadline, latest))
        if training.deadline and now >= training.deadline:
            if self.jumps.mind():
                return Wait(timedelta(seconds=1))
            if job.wait.attempts:
                # The service was away until now, and its trainings with it.
                return Wait(self.trainings.interval(job), trained(replace(training, deadline=latest)))
            self.journal.jobs.write(job, replace(job, training=training))
            raise self.trainings.unfinished(job, answer)
        return Wait(self.trainings.wait(job, now), trained(training))

    def _fetch(self, answer: TrainingStatus, folder: Path) -> Fetched:
        if not answer.download_url:
            raise NoResults(problem("results_not_named", status=answer.status))
        try:
            return self.store.get(answer.download_url, folder / notes.RESULTS_FILE, self.pause)
        except AddressExpired as expired:
            raise Retry(expired.problem) from None

    @_in_its_folder
    def decide(self, job: Job, folder: Path) -> Go:
        """trained -> switching or filing: apply the owner's policy."""
        model = self.places.model(job)
        match model.switch:
            case "manual":
                return not_switched("switch_left_to_owner", problem("switch_by_hand"))
            case "always":
                return Go(State.SWITCHING, "switch_decided")
            case "gate":
                return self.judging.judge(job, folder, model)
            case _:
                assert_never(model.switch)

    def switch(self, job: Job) -> Go:
        """switching -> filing: make the retrained model the published one."""
        key = self.keys.key(job)
        before = job.publication
        publication = before or Publication()
        if not publication.open:
            # Should the answer never be known, the switch may have happened all the same.
            job = self.journal.jobs.write(job, replace(job, publication=replace(publication, open=True)))
        try:
            self.service.switch(present(job.registration).retrain_job_id, key)
        except Unreadable as unclear:
            if job.wait.attempts < _UNCLEAR_SWITCHES:
                raise
            return switch_open(unclear.problem)
        except JobFailed as failure:
            if publication.open:
                return switch_open(problem("earlier_switch_unclear", last=failure.problem))
            self.journal.jobs.write(job, replace(job, publication=before))
            if job.end is None:
                raise
            # A person asked for it after the job had been filed: the job stays done, its note has the answer.
            # What is done cannot be retried; where a retry would switch alone, it can be asked for again.
            note = problem("later_switch_failed", why=failure.problem, again=not failure.restart)
            return Go(State.FILING, "switch_failed", noted(note))
        except (Hold, Retry) as trouble:
            if isinstance(trouble, Hold) or not trouble.effect:
                self.journal.jobs.write(job, replace(job, publication=before))
            raise
        switched = Publication(
            at=self.clock.now(),
            by_hand=job.end is not None,
            first_at=publication.first_at or publication.at,
        )
        return Go(
            State.FILING,
            "model_switched",
            lambda job: replace(job, publication=switched, end=End(outcome=Outcome.SWITCHED)),
        )


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
