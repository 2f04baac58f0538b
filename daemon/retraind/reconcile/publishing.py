"""STATUS.txt of each folder under watch: brought up to date when what it tells has changed."""

import os
import threading
from collections import deque
from collections.abc import Collection
from dataclasses import dataclass, field, replace
from functools import partial
from pathlib import Path

from retraind.config.settings import WORK, ModelSettings, Settings
from retraind.domain.job import FOLDER_NAME
from retraind.intake.drop_folder import DropFolder, View
from retraind.intake.share_identity import Away, Shares
from retraind.jobs.folders import heir_of
from retraind.jobs.pipeline import Pipeline
from retraind.reconcile.scheduler import Scheduler
from retraind.report.paths import for_the_share
from retraind.report.status_file import (
    STATUS,
    expected_names,
    moved_text,
    status_text,
    stopped_text,
    unknown_folder,
    without_model,
    write_status,
)
from retraind.store.journal import Journal, Outage, Standing
from retraind.system import log
from retraind.system.clock import Clock
from retraind.system.files import held
from retraind.system.probe import Question, ask_each

_LOG = log.get(__name__)

MOST_ACTIVE = 1_000
"""Deliveries of one model that are taken in and not finished; further ones wait in the drop folder."""
_BACKLOG_FULL = f"{MOST_ACTIVE:,} deliveries have been taken in and are not finished. Further ones are taken in as these are."
MOST_AN_HOUR = 1_000
"""Deliveries of one model that are taken in within an hour; each leaves some 10 KB in the journal for good."""
_HOUR_FULL = (
    f"{MOST_AN_HOUR:,} deliveries have been taken in within the hour. Further ones are taken in later."
)


@dataclass
class Watched:
    """A model under watch and what was last told about it."""

    folder: DropFolder
    sweep: str
    """The name of the sweep that looks at it: one for each file system, as at the start."""
    view: View = field(default_factory=View)
    begun: deque[float] = field(default_factory=deque)
    """When each delivery of the last hour was taken in (`Clock.elapsed` seconds)."""
    told: tuple[object, ...] = ()
    """Empty while there is something to tell."""
    tellings: int = 0
    """How often it was told."""
    out_since: float | None = None
    """Since when the folder is out of reach (`Clock.elapsed` seconds)."""
    noted: bool | None = None
    """Whether the history has it that the folder is out of reach; None while that was not looked up."""
    telling: threading.Lock = field(default_factory=threading.Lock)

    @property
    def has_status(self) -> bool:
        """Whether there is a STATUS.txt; a person may have deleted it."""
        path = f"{self.folder.model.drop}/{STATUS}"
        return os.path.lexists(path)  # noqa: TID251 - one more try to write it does no harm


@dataclass
class _Untold:
    """Models of one file system whose STATUS.txt is to be brought up to date."""

    names: set[str] = field(default_factory=set)
    """A share that hangs keeps them, however often each is to be told of."""
    telling: threading.Lock = field(default_factory=threading.Lock)


class Teller:
    """Tells of all models under watch."""

    def __init__(self, pipeline: Pipeline, journal: Journal, scheduler: Scheduler, clock: Clock) -> None:
        self._pipeline = pipeline
        self._journal = journal
        self._scheduler = scheduler
        self._clock = clock
        self._untold: dict[str, _Untold] = {}
        """By sweep."""
        self._lock = threading.Lock()
        """For the names in it."""
        self.watched: dict[str, Watched] = {}
        """By model; filled by who watches the folders."""
        self.outages: tuple[Outage, ...] = ()
        """The hosts that are down."""
        self.unknown: tuple[Path, ...] = ()
        """Folders of jobs of which the journal knows nothing, and no copy tells."""
        self._left: dict[str, tuple[str, ...]] = {}
        """Sentences on deliveries in the folder of each model that nobody works on."""

    def tell(self, models: Collection[str]) -> None:
        """Bring STATUS.txt up to date where what it tells has changed."""
        folders = {name: watched for name in models if (watched := self.watched.get(name)) is not None}
        if not folders:
            return
        before = {name: watched.tellings for name, watched in folders.items()}
        standings = self._journal.standings(folders)
        for name, watched in folders.items():
            with watched.telling:
                if watched.tellings != before[name]:
                    # Another thread was faster, and perhaps told of what has happened since.
                    standings |= self._journal.standings([name])
                self._tell(name, watched, standings[name])
                watched.tellings += 1

    def mind_left(self) -> None:
        """Find out what lies in the folders for work that nobody works on, and have it told where that has changed."""
        settings = self._pipeline.settings
        left: dict[str, list[str]] = {}
        if self.unknown:
            by_folder = {model.work_folder: name for name, model in settings.models.items()}
            for folder in self.unknown:
                if (name := by_folder.get(folder.parent)) and self._journal.get(folder.name) is None:
                    left.setdefault(name, []).append(unknown_folder(folder.name))
        for gone in self._journal.active_models() - settings.models.keys():
            for job in self._journal.active(gone):
                if heir := heir_of(job, settings):
                    left.setdefault(heir, []).append(without_model(job, heir))
        fresh = {name: tuple(sentences) for name, sentences in left.items()}
        before, self._left = self._left, fresh
        self.tell_soon([name for name in before.keys() | fresh.keys() if before.get(name) != fresh.get(name)])

    def tell_soon(self, models: Collection[str]) -> None:
        """Bring STATUS.txt up to date from other threads: a share that hangs must not keep the one that calls."""
        sweeps = set()
        with self._lock:
            for name in models:
                if (watched := self.watched.get(name)) is not None:
                    self._untold.setdefault(watched.sweep, _Untold()).names.add(name)
                    sweeps.add(watched.sweep)
        for sweep in sweeps:
            self._scheduler.soon(f"tell {sweep}", partial(self._tell_rest, sweep), pool="look")

    def _tell_rest(self, sweep: str) -> None:
        """Tell what is to be told on one file system, on a single thread: it may hang."""
        untold = self._untold[sweep]
        while untold.names and untold.telling.acquire(blocking=False):
            try:
                with self._lock:
                    names, untold.names = untold.names, set()
                self.tell(names)
            finally:
                untold.telling.release()

    def _tell(self, name: str, watched: Watched, standing: Standing) -> None:
        jobs, hold, last, published, warning = standing
        view = watched.view
        if view.complete:
            limits = (
                (_BACKLOG_FULL, len(jobs) >= MOST_ACTIVE),
                (_HOUR_FULL, len(watched.begun) >= MOST_AN_HOUR),
            )
            full = tuple(sentence for sentence, reached in limits if reached)
            view = replace(view, strangers=(*full, *view.strangers))
        left = self._left.get(name, ())
        awaited = {job.waits_for for job in jobs}
        outages = [outage for outage in self.outages if outage.host in awaited]
        told = (
            view.waiting, view.strangers, view.trouble,
            tuple((job.id, job.state, job.hold, job.trouble, job.status, job.status_message) for job in jobs),
            hold, not hold and warning, last and (last.id, last.version), published and (published.id, published.switched_at),
            [(outage.host, outage.since, outage.reason) for outage in outages], left,
        )  # fmt: skip
        if view.away or (told == watched.told and watched.has_status):
            return
        model, settings = watched.folder.model, self._pipeline.settings
        plain = for_the_share(
            model, settings.state, filter(None, (place for job in jobs for place in (job.drop, job.filed_in)))
        )
        text = status_text(
            name, view, jobs, hold, last, expected=expected_names(model), warning=None if hold else warning,
            published=published, outages=outages, service=settings.api.host, plain=plain, left=left,
        )  # fmt: skip
        if self._write(name, watched.folder.model.drop, text):
            watched.told = told

    def tell_end(self, name: str, watched: Watched, why: str) -> None:
        """Say on the share that nobody looks after the folder now."""
        if not watched.view.trouble:
            self._write(name, watched.folder.model.drop, stopped_text(name, self._clock.now(), why))

    def tell_move(self, name: str, before: Path) -> None:
        """Say in the folder that was a model's drop folder that it is no longer."""
        self._write(name, before, moved_text(name, self._clock.now()))

    def _write(self, name: str, folder: Path, text: str) -> bool:
        try:
            with self._pipeline.shares.held(name, folder) as drop:
                write_status(drop, text, self._clock.now())
        except OSError as error:
            _LOG.warning("status_not_written", model=name, reason=error.strerror)
        except Away as away:
            _LOG.warning("status_not_written", model=name, reason=away.what)
        else:
            return True
        return False


def tell_no_start(settings: Settings, clock: Clock) -> None:
    """Say in all drop folders that retraind could not start, and how many deliveries are in work there, as far as they answer.

    Nothing is known then but what the folders themselves show.
    """
    shares, now = Shares.beside(settings.state.journal_file), clock.now()

    def question(name: str, model: ModelSettings) -> Question[None]:
        def tell(_place: Path) -> None:
            try:
                with shares.held(name, model.drop, claim=False) as drop:
                    why = "retraind could not start: its journal cannot be used"
                    write_status(drop, stopped_text(name, now, why, _count_jobs(drop)), now)
            except Away as away:
                _LOG.warning("status_not_written", model=name, reason=away.what)

        return model.drop, tell

    models = settings.models
    answers = ask_each([question(name, model) for name, model in models.items()])
    for name, answer in zip(models, answers, strict=True):
        if isinstance(answer, OSError):
            _LOG.warning("status_not_written", model=name, reason=answer.strerror)


def _count_jobs(drop: Path) -> int | None:
    """Count the folders of jobs in work; None where that cannot be told."""
    try:
        with held(drop, WORK) as work, os.scandir(work) as entries:
            return sum(
                FOLDER_NAME.fullmatch(entry.name) is not None and entry.is_dir(follow_symlinks=False)
                for entry in entries
            )
    except FileNotFoundError:
        return 0
    except OSError:
        return None
