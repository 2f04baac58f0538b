"""Asks the owner's gate, with evidence that nobody with write access to the share can have changed."""

import threading
from collections.abc import Callable
from contextlib import ExitStack
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path

from retraind.api.client import Service
from retraind.api.failures import AddressExpired
from retraind.api.object_store import Fetched, ObjectStore
from retraind.config import exposure
from retraind.config.current import Current
from retraind.config.settings import ModelSettings
from retraind.dataset.scores import scores_in
from retraind.domain.failures import Hold, JobFailed, Retry
from retraind.domain.job import Gate, Job, State, present
from retraind.domain.prediction import FINISHED
from retraind.domain.problems import Problem, problem
from retraind.jobs.gate import evidence
from retraind.jobs.gate.command import Environment, ask_gate
from retraind.jobs.gate.evidence import Evidence, Unproven
from retraind.jobs.keys import Keys
from retraind.jobs.outcomes import Go, not_switched, with_results
from retraind.jobs.trainings import Trainings
from retraind.report import notes
from retraind.store.journal import Journal
from retraind.system import log
from retraind.system.clock import Clock
from retraind.system.copying import copy_in_place

_LOG = log.get(__name__)


@dataclass(frozen=True)
class Judging:
    """Has gates judge trained jobs."""

    evidence_folder: Path
    current: Current
    journal: Journal
    service: Service
    store: ObjectStore
    keys: Keys
    trainings: Trainings
    clock: Clock
    pause: Callable[[], None]
    stopping: threading.Event
    _environment: Environment = field(default_factory=Environment)

    def judge(self, job: Job, folder: Path, model: ModelSettings) -> Go:
        """Ask the gate about what nobody who may write to the share can have changed.

        Raises Retry while somebody else could have changed the gate itself, or the configuration.
        """
        self._guard(job, model)
        place, keep_free = self.evidence_folder, self.current.settings.state.keep_free
        with ExitStack() as leaving:
            shown = leaving.enter_context(evidence.evidence(place, job, folder, keep_free, self.pause))
            try:
                job = self._show_results(job, folder, shown)
                shown.add_data(job, folder, leaving, copied=model.gate_data)
            except Unproven as unproven:
                note = problem("gate_not_asked", why=unproven.problem)
                return not_switched("gate_not_asked", note, {"why": note})
            shown.describe(job)
            environment = self._environment.of_gate(model.gate_environment)
            verdict = ask_gate(model.gate or (), shown, model.gate_timeout, self.stopping, environment)
            # First, since a share that hangs is no verdict: the gate is asked again.
            changed = shown.changed()
            why = verdict.problem
            if why is None and changed:
                why = problem("file_changed_at_gate", file=changed)
        gate = Gate(exit=verdict.exit_code, output=verdict.output, shown=tuple(shown.shown))
        seen = {"shown": [asdict(file) for file in shown.shown]}
        if why is None:
            go = Go(State.SWITCHING, "gate_passed", detail=seen)
        else:
            go = not_switched("gate_refused", why, {"why": why, **seen})
        return go.after(lambda job: replace(job, gate=gate))

    def _guard(self, job: Job, model: ModelSettings) -> None:
        hold = self.journal.holds.all().get(job.model)
        if hold is not None and hold.problem.code in exposure.HOLDS:
            raise Retry(hold.problem)
        if exposed := exposure.of_gate(f"models.{job.model}.gate", model):
            raise Retry(exposed)

    def _show_results(self, job: Job, folder: Path, shown: Evidence) -> Job:
        """Let the gate see what the service sent, fetched again where the job's folder has anything else.

        Raises Unproven where it cannot be had.
        """
        why = problem("results_not_recorded")  # by an earlier retraind
        known = present(job.training)
        if known.results_name and known.results_sha256 and known.results_bytes is not None:
            if shown.copy_results(folder / known.results_name, known.results_bytes, known.results_sha256):
                return job
            why = problem("results_changed")
        _LOG.warning("results_not_trusted", reason=why)
        fetched = self._fetch_again(job, shown.results)
        shown.add_results(fetched.bytes, fetched.sha256)
        copy_in_place(shown.results, folder / notes.RESULTS_FILE, fetched.bytes)
        scores = scores_in(folder / notes.RESULTS_FILE, fetched.sha256)
        after = replace(job, training=with_results(known, fetched, scores))
        return self.journal.jobs.write(job, after, "results_fetched_again", {"reason": why})

    def _fetch_again(self, job: Job, target: Path) -> Fetched:
        try:
            answer = self.service.status(present(job.registration).retrain_job_id, self.keys.key(job))
            if answer.status != FINISHED or not answer.download_url:
                raise _no_results(problem("results_not_named", status=answer.status))
            keep_free = self.current.settings.state.keep_free
            return self.store.get(answer.download_url, target, self.pause, keep_free=keep_free)
        except (Hold, JobFailed, AddressExpired) as setback:
            raise _no_results(setback.problem) from setback
        except Retry as trouble:
            longest = self.trainings.timeout(job)
            if job.wait.since and self.clock.now() - job.wait.since >= longest:
                raise _no_results(trouble.problem) from trouble
            raise

    def clear(self) -> None:
        """Remove the copies for gates that a kill has left. Meant for a start. Raises OSError."""
        for folder in evidence.clear(self.evidence_folder):
            _LOG.info("gate_copies_removed", folder=str(folder))


def _no_results(why: Problem) -> Unproven:
    return Unproven(problem("results_not_fetched", why=why))
