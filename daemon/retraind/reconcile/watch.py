"""The drop folders under watch: events and sweeps, looks, and the deliveries that are found complete."""

import secrets
import threading
from collections.abc import Mapping
from concurrent.futures import Executor
from contextlib import AbstractContextManager
from functools import partial
from pathlib import Path
from typing import NamedTuple

from sqlalchemy.exc import SQLAlchemyError

from retraind.config.settings import ModelSettings, Settings
from retraind.domain.failures import unseen
from retraind.domain.job import SHORT_ID, Job, State, job_id
from retraind.intake.drop_folder import DropFolder, View
from retraind.intake.inotify import Watcher
from retraind.intake.pairing import Delivery
from retraind.jobs.pipeline import Pipeline
from retraind.reconcile.publishing import MOST_ACTIVE, MOST_AN_HOUR, Teller, Watched
from retraind.reconcile.scheduler import Scheduler
from retraind.store.journal import Journal
from retraind.store.sightings import JournalMemory
from retraind.system import log
from retraind.system.clock import Clock
from retraind.system.mounts import present_mounts, tells_of_changes
from retraind.system.probe import NoAnswer, Question, ask_each

_LOG = log.get(__name__)

_SWEEP = "sweep"
_HINT_DELAY = 0.05
"""Seconds that a burst of events has to gather into one look."""
_HOUR = 3600.0
_FIRST_SWEEP_PATIENCE = 15.0
"""Seconds that a start waits for shares that do not answer."""
_TOLD_TOGETHER = 200
"""Folders of a sweep that are told in one go, so that the journal is asked for all of them at once."""
_MOST_AT_ONCE = 50
"""Deliveries that one look takes in."""


class Watch:
    """Watches the folders of all models in the pipeline's settings, once it is told to.

    Looks and sweeps are run by the scheduler, on its threads.
    """

    def __init__(
        self,
        pipeline: Pipeline,
        journal: Journal,
        scheduler: Scheduler,
        teller: Teller,
        *,
        clock: Clock,
        stopping: threading.Event,
        hashing: Executor,
    ) -> None:
        """`hashing` is where files are compared with what manifests say of them."""
        self._pipeline = pipeline
        self._journal = journal
        self._scheduler = scheduler
        self._teller = teller
        self._clock = clock
        self._stopping = stopping
        self._hashing = hashing
        self._watcher = Watcher()
        self.writing = threading.Event()
        """Set when folders may be written to without a delivery: to mark them, and to tell people."""
        self.writing.set()
        self._swept: dict[str, float | None] = {}
        """When each sweep was last seen at work (`Clock.elapsed` seconds); None before its first end."""
        self._silent: set[str] = set()
        """The sweeps of file systems that have not answered yet."""

    @property
    def _settings(self) -> Settings:
        return self._pipeline.settings

    # Which folders

    def start(self) -> None:
        """Begin to hear of events. Sweeps begin with `schedule`."""
        if self._settings.sweep.observer != "none":
            self._watcher.start()
        shares, models = self._pipeline.shares, self._settings.models
        self._tell_left(
            {},
            {name: before for name, model in models.items() if (before := shares.before(name, model.drop))},
        )
        self._add_all(self._settings.models)

    def stop(self) -> None:
        """Hear of no more events."""
        self._watcher.stop()

    def take_over(self, before: Settings) -> set[str]:
        """Watch what the present settings name; returns the models whose folders are watched anew."""
        removed = {}
        for name in before.models.keys() - self._settings.models.keys():
            self._watcher.forget(name)
            self._scheduler.unreachable.discard(name)
            removed[name] = self._teller.watched.pop(name)
            _LOG.info("model_removed", model=name)
        moved = {
            name: before.models[name].drop
            for name, model in self._settings.models.items()
            if name in before.models and before.models[name].drop != model.drop
        }
        self._tell_left(removed, moved)
        same = (before.sweep, before.bundle) == (self._settings.sweep, self._settings.bundle)
        fresh = {
            name: model
            for name, model in self._settings.models.items()
            if not same or before.models.get(name) != model
        }
        self._add_all(fresh)
        for name in fresh.keys() - self._scheduler.unreachable:
            self._scheduler.look_in(name, 0)  # A sweep that is on its way may have begun without it.
        self.schedule()
        return set(fresh)

    def _tell_left(self, removed: Mapping[str, Watched], moved: Mapping[str, Path]) -> None:
        """Say in folders that are under watch no longer why that is: of models that are gone, or have another one."""
        why = "The model was taken out of retraind's configuration"
        drops = {model.drop for model in self._settings.models.values()}

        def of_removed(name: str, watched: Watched) -> Question[None]:
            return watched.folder.model.drop, lambda _: self._teller.tell_end(name, watched, why)

        def of_moved(name: str, before: Path) -> Question[None]:
            return before, lambda _: self._teller.tell_move(name, before)

        questions = {name: of_removed(name, watched) for name, watched in removed.items()}
        questions |= {name: of_moved(name, before) for name, before in moved.items() if before not in drops}
        for name, answer in zip(questions, ask_each([*questions.values()]), strict=True):
            if isinstance(answer, OSError):
                _LOG.warning("status_not_written", model=name, reason=answer.strerror)

    def _add_all(self, models: Mapping[str, ModelSettings]) -> None:
        """Watch these models' folders; no longer than its patience lasts, this waits for shares that hang."""
        file_systems = _FileSystems()
        answers = ask_each([(model.drop, file_systems.of) for model in models.values()])
        for (name, model), found in zip(models.items(), answers, strict=True):
            self._watcher.forget(name)
            self._scheduler.unreachable.discard(name)
            if not isinstance(found, OSError):
                self._add(name, model, found)
                continue
            # Nothing can be told of it, so it counts as a network share, swept apart from what answers.
            mount = found.mount if isinstance(found, NoAnswer) else model.drop
            file_system = _FileSystem(f"{_SWEEP} {mount}", tells=False)
            trouble = unseen(model.drop, found)
            self._silent.add(file_system.sweep)
            self._scheduler.unreachable.add(name)
            _LOG.error("folder_unreadable", model=name, reason=trouble)
            self._add(name, model, file_system, trouble)

    def _add(
        self, name: str, model: ModelSettings, file_system: "_FileSystem", trouble: str | None = None
    ) -> None:
        """Watch a model's folder; with `trouble`, it is not touched before its sweep has got through."""

        def hint() -> None:
            self._scheduler.look_in(name, _HINT_DELAY)

        def hold() -> AbstractContextManager[Path]:
            return self._pipeline.shares.drop(name, model.drop, claim=self.writing.is_set())

        folder = DropFolder(
            model,
            self._settings.sweep.ignore,
            self._clock,
            self._hashing,
            hint,
            hold=hold,
            largest=self._settings.bundle.largest,
            remote=not file_system.tells,
            memory=JournalMemory(self._journal, model.drop),
        )
        self._teller.watched[name] = Watched(folder, file_system.sweep, View(trouble=trouble))
        wanted = {"auto": file_system.tells, "inotify": True, "none": False}[self._settings.sweep.observer]
        heard = wanted and self._watcher.watch(name, folder.folders, hint, now=not trouble)
        _LOG.info("watching", model=name, drop=str(model.drop), by="inotify and sweep" if heard else "sweep")

    # Sweeps

    def schedule(self) -> None:
        """Sweep each file system on its own, so that a share that hangs keeps no other waiting."""
        fresh = {watched.sweep for watched in self._teller.watched.values()}
        for gone in self._swept.keys() - fresh:
            self._scheduler.cancel(gone)
            del self._swept[gone]
        self._silent &= fresh
        for name in fresh:
            self._swept.setdefault(name, None)
            self._scheduler.every(self._settings.sweep.interval, name, partial(self.sweep, name), pool="look")

    def sweep_soon(self) -> None:
        """Sweep all now, besides the usual times."""
        for sweep in self._swept.keys() - self._silent:
            self._scheduler.soon(f"first {sweep}", partial(self.sweep, sweep), pool="look")

    def all_swept(self, begun: float) -> bool:
        """Tell whether every folder has been looked at once, as far as its share answers at all.

        `begun` is when the sweeps began (`Clock.elapsed` seconds).
        """
        patient = self._clock.elapsed() < begun + _FIRST_SWEEP_PATIENCE
        done = [moment is not None for sweep, moment in self._swept.items() if sweep not in self._silent]
        return all(done) if patient else any(done) or not done

    @property
    def last_swept(self) -> float:
        """When a sweep was last seen at work (`Clock.elapsed` seconds); 0 before that."""
        return max((moment or 0.0 for moment in self._swept.values()), default=0.0)

    def sweep(self, sweep: str) -> None:
        """Look at every folder of one file system, then let everything go on that may."""
        now = self._clock.elapsed()
        news: list[str] = []
        for name, watched in list(self._teller.watched.items()):
            if self._stopping.is_set():
                return
            if watched.sweep == sweep and not (watched.told and watched.folder.is_unchanged(now)):
                self._look_for_sweep(name, news)
                if len(news) == _TOLD_TOGETHER:
                    self._teller.tell(news)
                    news.clear()
        self._teller.tell(news)
        self._watcher.mend(partial(self._answers, sweep))
        self._scheduler.dispatch()
        self._silent.discard(sweep)
        self._swept[sweep] = self._clock.elapsed()

    def _answers(self, sweep: str, name: str) -> bool:
        """Tell whether a model's folder has just been looked at; to touch another one may take for ever."""
        watched = self._teller.watched.get(name)
        return watched is not None and watched.sweep == sweep and not watched.view.trouble

    def _look_for_sweep(self, name: str, news: list[str]) -> None:
        try:
            self._scheduler.look_now(name, partial(self.look, news=news))
        except SQLAlchemyError:
            raise
        except Exception:  # noqa: BLE001 - logged with its trace; the other folders still have to be looked at
            _LOG.exception("look_crashed", model=name)

    # Looks

    def look(self, name: str, news: list[str] | None = None) -> float | None:
        """Look at one folder and seal what is complete; returns the seconds until the next look is due.

        What there is to tell is told, or left to the caller by adding the model to `news`.
        """
        watched = self._teller.watched.get(name)
        if watched is None:
            return None
        view = watched.folder.look()
        self._scheduler.unreachable.discard(name)
        if view.trouble and view.trouble != watched.view.trouble:
            _LOG.error("folder_unreadable", model=name, reason=view.trouble)
        elif watched.view.trouble and not view.trouble:
            _LOG.info("folder_readable_again", model=name)
        if view != watched.view:
            watched.told = ()
        watched.view = view
        writing = self.writing.is_set()
        if writing:
            self._mind_folder(name, watched)
        begun = self._begin_all(name, watched) if view.complete else False
        if begun:
            self._scheduler.dispatch([name])
        # The first look always tells: what STATUS.txt says may be from before a kill.
        known = not begun and watched.told and watched.has_status
        if writing and not known and not view.away:
            if news is None:
                self._teller.tell([name])
            else:
                news.append(name)
        if begun:
            return 0.0
        return max(0.0, view.due - self._clock.elapsed()) if view.due is not None else None

    def _mind_folder(self, name: str, watched: Watched) -> None:
        """Note that a folder has been out of reach for long, or is back."""
        trouble = watched.view.trouble
        if not trouble:
            watched.out_since = None
        elif watched.out_since is None:
            watched.out_since = self._clock.elapsed()
        patience = self._settings.notify.patience.total_seconds()
        if watched.out_since is not None and self._clock.elapsed() - watched.out_since < patience:
            return
        if watched.noted is None:
            watched.noted = self._journal.last_word("folder_away", name) is not None
        if watched.noted != bool(trouble):
            self._journal.note_change("folder_away", name, trouble or None)
            watched.noted = bool(trouble)

    def _begin_all(self, name: str, watched: Watched) -> bool:
        # A job that could not be sealed yet owns its files, though they are still in the drop folder.
        active = self._journal.active(name)
        owned = {file.name for job in active if job.state is State.SEALING for file in job.files}
        # A part at a time, so that the other folders of the same share are looked at as well.
        now = self._clock.elapsed()
        while watched.begun and watched.begun[0] <= now - _HOUR:
            watched.begun.popleft()
        most = min(MOST_ACTIVE - len(active), MOST_AN_HOUR - len(watched.begun), _MOST_AT_ONCE)
        begun = 0
        for delivery in watched.view.complete:
            names = {file.name for file in delivery.files}
            if names & owned or self._stopping.is_set() or begun >= most:
                continue
            begun += 1
            watched.begun.append(now)
            if self._begin(name, watched.folder.model, delivery).state is State.RETURNED:
                watched.folder.distrust(names)
        return begun > 0

    def _begin(self, name: str, model: ModelSettings, delivery: Delivery) -> Job:
        """Record a delivery as a job and seal it at once, so that writers cannot reach it while it waits."""
        now = self._clock.now()
        job = Job(
            id=job_id(now, delivery.key, secrets.token_hex(SHORT_ID // 2)),
            model=name,
            key=delivery.key,
            state=State.SEALING,
            files=delivery.files,
            created_at=now,
            updated_at=now,
            drop=str(model.drop),
            problem=delivery.problem,
        )
        # The journal's change makes others dispatch; none of them may seal the same files at the same time.
        with self._scheduler.working_on(job.id):
            self._journal.add(
                job, "delivery_complete", files=[file.name for file in job.files], drop=str(model.drop)
            )
            return self._pipeline.advance_one(job)

    def heed(self, job: Job) -> None:
        """Hear of a job's step."""
        if job.state is State.RETURNED and (watched := self._teller.watched.get(job.model)) is not None:
            watched.folder.distrust({file.name for file in job.files})
        self._teller.tell_soon([job.model])


class _FileSystem(NamedTuple):
    """What there is to know of a file system that folders are on."""

    sweep: str
    """The name of the sweep that looks at them."""
    tells: bool
    """Whether inotify hears of every change."""


class _FileSystems:
    """Tells on which file systems folders are, and looks only once at what each is."""

    def __init__(self) -> None:
        self._table = present_mounts()
        self._tells: dict[int, bool] = {}

    def of(self, folder: Path) -> _FileSystem:
        """Return what `folder` is on. Its share may hang."""
        try:
            device = folder.stat().st_dev
        except OSError:
            device = 0  # That cannot be told now.
        if not device or device not in self._tells:
            self._tells[device] = tells_of_changes(folder, self._table)
        return _FileSystem(f"{_SWEEP} {device}", self._tells[device])
