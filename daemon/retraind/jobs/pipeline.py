"""The pipeline: the parts that carry jobs through their life, put together."""

import random
import threading
from collections.abc import Callable, Container

from retraind.api.client import Service
from retraind.api.credentials import Credentials
from retraind.api.object_store import ObjectStore
from retraind.config.calendars import ClosedDays
from retraind.config.current import Current
from retraind.config.settings import Settings
from retraind.domain.counts import Tally
from retraind.domain.failures import Retry, Stopped
from retraind.domain.job import LIFE, Job, State, present
from retraind.intake.share_identity import Shares
from retraind.jobs.bundles import Bundles
from retraind.jobs.clock_jumps import ClockJumps
from retraind.jobs.duplicates import Duplicates
from retraind.jobs.folders import Places
from retraind.jobs.gate.judging import Judging
from retraind.jobs.keys import Keys
from retraind.jobs.outcomes import Go, Wait
from retraind.jobs.preflight import Preflight
from retraind.jobs.runner import Runner
from retraind.jobs.steps import DataSteps, ServiceSteps, Step, table_of
from retraind.jobs.trainings import Trainings
from retraind.store.copies.sidecar import JobFiles
from retraind.store.journal import Journal
from retraind.system.clock import Clock


class Pipeline:
    """Carries jobs through their life. Safe to use from several threads, for different jobs."""

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
        clock, stopping = clock or Clock(), stopping or threading.Event()
        self.store, self._stopping = store, stopping
        self._current = current = Current(settings)
        journal_file = settings.state.journal_file
        copies = JobFiles.beside(journal_file)
        pause = lambda: self._pause()  # noqa: E731, PLW0108 - tests put another one in its place
        self.shares = shares = Shares.beside(journal_file)
        self.places = places = Places(lambda: current.settings, shares, pause)
        self.jumps = jumps = ClockJumps(journal, clock)
        self.keys = keys = Keys(credentials, current, places, clock)
        bundles = Bundles(current, journal)
        trainings = Trainings(current, journal, service, keys, places, clock)
        self.judging = judging = Judging(
            journal_file.with_name("gate"), current, journal, service, store, keys, trainings, clock, pause,
            stopping,
        )  # fmt: skip
        duplicates = Duplicates(journal, places, trainings, clock, pause)
        preflight = Preflight(journal, places, duplicates, pause)
        data = DataSteps(
            current, journal, places, shares, copies, bundles, duplicates, preflight, trainings, clock, pause
        )
        talk = ServiceSteps(
            journal, service, store, places, copies, keys, bundles, trainings, judging, ClosedDays(), jumps,
            clock, pause,
        )  # fmt: skip
        self.steps, self.tally = table_of(data, talk), Tally()
        steps = {state: counted(step, self.tally, clock) for state, step in self.steps.items()}
        chance = chance or random.Random()  # noqa: S311 - spreads retries, guards nothing
        self._runner = Runner(
            steps, current, journal, credentials, keys, shares, copies, bundles, clock, stopping, chance,
            changed,
        )  # fmt: skip
        self.reconsider = self._runner.reconsider

    @property
    def settings(self) -> Settings:
        """The settings that are in force."""
        return self._current.settings

    def configure(self, settings: Settings, refused: Container[str] = ()) -> Settings:
        """Let other settings be in force from now on; returns them.

        The jobs of models that were `refused` for mistakes in their tables wait as they are.
        """
        self._current.replace(settings, refused)
        return settings

    def is_refused(self, model: str) -> bool:
        """Return whether a model's table was refused."""
        return model in self._current.refused

    def advance(self, job: Job, within: frozenset[State] = frozenset(State)) -> Job:
        """Run a job's steps until it rests, has to wait or leaves the states `within`."""
        return self._runner.advance(job, within)

    def _pause(self) -> None:
        """Give long reads and writes a place to end when the daemon stops."""
        if self._stopping.is_set():
            raise Stopped


def counted(step: Step, tally: Tally, clock: Clock) -> Step:
    """Return a step that also counts what comes of it."""

    def run(job: Job) -> Go | Wait:
        began = clock.elapsed()
        try:
            outcome = step(job)
        except Retry as retry:
            if retry.host is None or retry.of_host:  # Else nothing was tried: the host is down.
                tally.retry(job.model)
            raise
        except OSError:
            tally.retry(job.model)
            raise
        if isinstance(outcome, Go):
            _count(job, outcome, clock.elapsed() - began, tally, clock)
        return outcome

    return run


def _count(job: Job, done: Go, seconds: float, tally: Tally, clock: Clock) -> None:
    if job.state is State.UPLOADED:
        # Each call takes a moment; what takes long is the training.
        seconds = max(0.0, (clock.now() - present(job.training).uploaded_at).total_seconds())
    tally.step(present(LIFE[job.state].step), seconds)
    if done.event == "upload_complete":
        tally.upload(job.model, present(job.bundle).bytes)
    if job.state is State.FILING and done.to in {State.DONE, State.FAILED}:
        tally.end(job.model, present(job.outcome))
