"""Deliveries in work that nobody processes: of unknown jobs, and of models that are not configured."""

import threading
from collections.abc import Callable, Sequence
from pathlib import Path

from retraind.config.settings import Settings
from retraind.domain.problems import Problem, problem
from retraind.jobs.folders import heir_of
from retraind.reconcile.work_queue import WorkQueue
from retraind.store.journal import Journal


class Orphans:
    """Finds them, and requests a pass for the models in whose folders they are others than before."""

    def __init__(self, queue: WorkQueue, journal: Journal, settings: Callable[[], Settings]) -> None:
        self._queue = queue
        self._journal = journal
        self._settings = settings
        self._unknown: tuple[Path, ...] = ()
        """Folders of jobs that neither the journal nor a copy knows."""
        self._found: dict[str, tuple[Problem, ...]] = {}
        """By model."""
        self._lock = threading.Lock()

    def note_unknown(self, folders: Sequence[Path]) -> None:
        """Take note of further folders of jobs that nobody knows."""
        if folders:
            with self._lock:
                self._unknown = (*self._unknown, *folders)
            self.mind()

    def of(self, model: str) -> tuple[Problem, ...]:
        """Return what is to be reported in a model's folder."""
        return self._found.get(model, ())

    def mind(self) -> None:
        """Search the journal for them again."""
        settings = self._settings()
        found: dict[str, list[Problem]] = {}
        if self._unknown:
            by_folder = {model.work_folder: name for name, model in settings.models.items()}
            for folder in self._unknown:
                if (name := by_folder.get(folder.parent)) and self._journal.jobs.get(folder.name) is None:
                    found.setdefault(name, []).append(problem("job_folder_unknown", folder=folder.name))
        for gone in self._journal.jobs.models_in_work() - settings.models.keys():
            for job in self._journal.jobs.active(gone):
                if heir := heir_of(job, settings):
                    orphan = problem("model_of_job_gone", delivery=job.key or job.id, before=gone, heir=heir)
                    found.setdefault(heir, []).append(orphan)
        with self._lock:
            before, self._found = self._found, {name: tuple(each) for name, each in found.items()}
        for name in before.keys() | self._found.keys():
            if before.get(name) != self._found.get(name):
                self._queue.ask(name)
