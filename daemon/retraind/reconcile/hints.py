"""Where hints come from: sweeps, and inotify on the folders that the present settings name.

A hint only asks the queue; what follows from it is decided by a pass.
"""

import threading
from collections.abc import Callable, Collection, Container, Mapping
from functools import partial
from pathlib import Path
from types import MappingProxyType

from retraind.config.settings import ModelSettings, Settings
from retraind.domain.problems import file_problem, problem
from retraind.intake.inotify import Watcher
from retraind.intake.share_identity import Left, Shares
from retraind.reconcile.folders import Folder, Folders, glances
from retraind.reconcile.lanes import Lanes, guarded
from retraind.reconcile.loop import Loop
from retraind.reconcile.publishing import Publisher
from retraind.reconcile.work_queue import WorkQueue
from retraind.store.journal import Journal
from retraind.system import log
from retraind.system.clock import Clock
from retraind.system.probe import Question, ask_each

_LOG = log.get(__name__)

_AT_A_GLANCE = 50
"""Folders at rest that a helper is asked for in one call."""
_FIRST_SWEEP_PATIENCE = 15.0
"""Seconds that a start waits for shares that do not answer."""


class Sweeps:
    """Scans every folder at intervals, each file system separately: one that hangs delays no other."""

    def __init__(
        self,
        loop: Loop,
        lanes: Lanes,
        folders: Folders,
        watcher: Watcher,
        *,
        clock: Clock,
        stopping: threading.Event,
    ) -> None:
        self._loop = loop
        self._lanes = lanes
        self._folders = folders
        self._watcher = watcher
        self._clock = clock
        self._stopping = stopping
        self._swept: dict[str, float | None] = {}
        """When the last sweep of each file system ended (`Clock.elapsed` seconds)."""
        self._answered: dict[str, float] = {}
        """The same of the last sweep in which every folder of a file system answered."""
        self._silent: set[str] = set()
        """File systems that have not answered yet."""
        self._under_way: set[str] = set()
        """File systems that are being swept; one that hangs is not swept by another thread too."""
        self._lock = threading.Lock()
        """For these three."""

    def begin(self) -> None:
        """Take note of which file systems there are now."""
        present = self._folders.file_systems()
        with self._lock:
            self._swept = {name: self._swept.get(name) for name in present}
            self._silent = {each.file_system for each in self._folders.all() if not each.reachable}
        self._lanes.retire(present)

    def sweep_soon(self) -> None:
        """Sweep all file systems now, each on its lane, and have all jobs in work considered."""
        for name in self._folders.file_systems():
            self._lanes.share(name).submit("sweep", partial(self.sweep, name))
        guarded("jobs in work", self._loop.ask_for_all)

    def sweep(self, file_system: str) -> None:
        """Scan the folders of one file system in which something may have changed, on this thread."""
        with self._lock:
            if file_system in self._under_way:
                return
            self._under_way.add(file_system)
        try:
            self._sweep(file_system)
        finally:
            with self._lock:
                self._under_way.discard(file_system)

    def _sweep(self, file_system: str) -> None:
        now = self._clock.elapsed()
        folders = self._folders.on(file_system)
        with self._loop.gathering() as passes:
            for start in range(0, len(folders), _AT_A_GLANCE):
                some = folders[start : start + _AT_A_GLANCE]
                seen = glances(some, now)
                for folder in some:
                    if self._stopping.is_set():
                        return
                    if not folder.is_unchanged(now, seen.get(folder.name)):
                        self._loop.scan(folder, passes)
        self._watcher.complete(partial(self._answers, file_system))
        answered = not any(folder.view.silent or folder.hangs for folder in self._folders.on(file_system))
        with self._lock:
            self._silent.discard(file_system)
            if file_system in self._swept:
                self._swept[file_system] = self._clock.elapsed()
                if answered:
                    self._answered[file_system] = self._clock.elapsed()

    def _answers(self, file_system: str, name: str) -> bool:
        """Return whether a model's folder was just scanned; touching another one may never return."""
        folder = self._folders.get(name)
        return folder is not None and folder.file_system == file_system and not folder.view.trouble

    def all_swept(self, begun: float) -> bool:
        """Return whether every folder has been scanned once, as far as its share answers at all.

        `begun` is when the sweeps began (`Clock.elapsed` seconds).
        """
        patient = self._clock.elapsed() < begun + _FIRST_SWEEP_PATIENCE
        with self._lock:
            done = [moment is not None for name, moment in self._swept.items() if name not in self._silent]
        return all(done) if patient else any(done) or not done

    @property
    def last_ended(self) -> float:
        """When a sweep last ended (`Clock.elapsed` seconds); 0 before that."""
        with self._lock:
            return max((moment or 0.0 for moment in self._swept.values()), default=0.0)

    @property
    def all_ended(self) -> float:
        """Since when every file system has been swept, and has answered (`Clock.elapsed` seconds); or 0."""
        with self._lock:
            return min((self._answered.get(name, 0.0) for name in self._swept), default=self._clock.elapsed())


class Reload:
    """Watches what the present settings name, instead of what earlier ones named."""

    def __init__(
        self,
        queue: WorkQueue,
        folders: Folders,
        watcher: Watcher,
        *,
        publisher: Publisher,
        shares: Shares,
        journal: Journal,
    ) -> None:
        self._queue = queue
        self._folders = folders
        self._watcher = watcher
        self._publisher = publisher
        self._shares = shares
        self._journal = journal

    def begin(self, settings: Settings, refused: Collection[str] = ()) -> None:
        """Watch all folders, at the start. The models `refused` are missing for mistakes in their tables."""
        if settings.sweep.observer != "none":
            self._watcher.start()
        models = settings.models
        moved = {
            name: old for name, model in models.items() if (old := self._shares.before(name, model.drop))
        }
        left = self._shares.memory.left_behind({*models, *refused})
        self._report_left({}, moved, settings, (), left)
        self._note_reassigned(moved, moved | {name: each.folder for name, each in left.items()}, settings)
        self._watch(settings, models)

    def take_over(self, before: Settings, settings: Settings, refused: Container[str] = ()) -> set[str]:
        """Watch what `settings` name; returns the models whose folders were replaced.

        The models `refused` are missing there for mistakes in their tables.
        """
        removed: dict[str, Folder] = {}
        for name in before.models.keys() - settings.models.keys():
            self._watcher.forget(name)
            self._queue.forget(name)
            if (folder := self._folders.get(name)) is not None:
                removed[name] = folder
            if name not in refused:
                _LOG.info("model_removed", model=name)
        moved = {
            name: before.models[name].drop
            for name, model in settings.models.items()
            if name in before.models and before.models[name].drop != model.drop
        }
        self._report_left(removed, moved, settings, refused)
        self._note_reassigned(moved, {name: model.drop for name, model in before.models.items()}, settings)
        same = (before.sweep, before.bundle) == (settings.sweep, settings.bundle)
        fresh = {
            name: model
            for name, model in settings.models.items()
            if not same or before.models.get(name) != model
        }
        self._watch(settings, fresh)
        for name in fresh:
            if (folder := self._folders.get(name)) is not None and folder.reachable:
                self._queue.ask(name, scan=True)
        return set(fresh)

    def regroup(self, settings: Settings, sweeps: Sweeps) -> None:
        """Watch again the folders over which something was mounted, or unmounted.

        Left in the lane of its former file system, a folder would delay what is there once its own hangs.
        """
        moved = [name for name in self._folders.moved() if name in settings.models]
        for name in moved:
            _LOG.info("folder_elsewhere", model=name, folder=str(settings.models[name].drop))
        if moved:
            self._watch(settings, {name: settings.models[name] for name in moved})
            sweeps.begin()
        for name in moved:
            self._queue.ask(name, scan=True)

    def _watch(self, settings: Settings, fresh: Mapping[str, ModelSettings]) -> None:
        for name in fresh:
            self._watcher.forget(name)
        for name, reports in self._folders.watch(settings, fresh).items():
            folder = self._folders.get(name)
            assert folder is not None
            wanted = {"auto": reports, "inotify": True, "none": False}[settings.sweep.observer]
            hint = partial(self._folders.ask_for_scan, name)
            heard = wanted and self._watcher.watch(
                name, folder.drop_folder.folders, hint, now=folder.reachable
            )
            by = "inotify and sweep" if heard else "sweep"
            _LOG.info("watching", model=name, drop=str(folder.model.drop), by=by)

    def _note_reassigned(
        self, moved: Collection[str], before: Mapping[str, Path], settings: Settings
    ) -> None:
        """Report of models that have another drop folder now that it was another model's `before`.

        What arrives there is from now on trained for them, as may be intended.
        """
        owners = {folder: name for name, folder in before.items()}
        for name in moved:
            drop = settings.models[name].drop
            if other := owners.get(drop):
                why = problem("drop_folder_reassigned", path=drop, other=other)
                _LOG.warning("folder_reassigned", model=name, reason=why)
                self._journal.events.note("folder_reassigned", model=name, what=why)

    def _report_left(
        self,
        removed: Mapping[str, Folder],
        moved: Mapping[str, Path],
        settings: Settings,
        refused: Container[str],
        left: Mapping[str, Left] = MappingProxyType({}),
    ) -> None:
        """Report in folders no longer under watch that their model is gone, or has another folder.

        `left` are drop folders of models that went while retraind did not run.
        """
        standings = self._publisher.standings_of(removed)
        hanging, drops = self._folders.hanging(), {model.drop for model in settings.models.values()}

        def end(folder: Folder) -> None:
            is_refused = folder.name in refused
            why = problem("table_refused" if is_refused else "model_removed")
            written = self._publisher.publish_end(folder, why, standings.get(folder.name))
            if written and not is_refused:
                self._shares.leave(folder.name)

        def question(folder: Path, report: Callable[[], None]) -> Question[None]:
            return folder, lambda _: report()

        questions: dict[str, Question[None]] = {}
        for name, before in moved.items():
            report = partial(self._publisher.publish_move, name, before, self._folders.get(name))
            questions[name] = question(before, report)
        for name, each in left.items():
            questions[name] = question(each.folder, partial(self._publisher.publish_removal, name, each))
        questions = {name: asked for name, asked in questions.items() if asked[0] not in drops}
        for name, gone in removed.items():
            questions[name] = question(gone.model.drop, partial(end, gone))
        questions = {name: asked for name, asked in questions.items() if asked[0] not in hanging}
        for name, answer in zip(questions, ask_each([*questions.values()]), strict=True):
            if isinstance(answer, OSError):
                _LOG.warning("status_not_written", model=name, reason=file_problem(answer))
