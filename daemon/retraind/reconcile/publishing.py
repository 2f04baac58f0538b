"""STATUS.txt of each folder under watch: the last act of a pass, where what it says has changed.

Once an hour it says that the folder was checked, also where nothing has changed. Only a pass does that: where
the loop or the journal fails, STATUS.txt grows old.
"""

import threading
import zlib
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import nullcontext, suppress
from dataclasses import replace
from functools import partial
from pathlib import Path

from sqlalchemy.exc import SQLAlchemyError

from retraind.config.settings import WORK, ModelSettings, Settings
from retraind.domain.job import Job
from retraind.domain.names import FOLDER_NAME
from retraind.domain.problems import Problem, file_problem, problem
from retraind.domain.records import ModelHold, Outage
from retraind.intake.drop_folder import View
from retraind.intake.share_identity import Away, Left, Shares
from retraind.reconcile.decide import MOST_ACTIVE, MOST_AN_HOUR
from retraind.reconcile.folders import Folder
from retraind.reconcile.lanes import Lanes, report_journal
from retraind.report.share_voice import share_voice
from retraind.report.status_file import (
    STATUS,
    expected_files,
    moved_text,
    status_text,
    stopped_text,
    write_status,
)
from retraind.report.wording import Audience, Voice
from retraind.store.journal import Journal, Standing
from retraind.system import log
from retraind.system.clock import Clock
from retraind.system.files import exists, held
from retraind.system.probe import Question, ask_each
from retraind.system.reading import listed

_LOG = log.get(__name__)

_CONSIDERED_FOR = 300.0
"""Seconds after which a pass has STATUS.txt compared with the journal though it knows of no change."""
_CHECK_STEP = 300.0
"""Passes for that are due in multiples of it, so that many of them read the journal once."""
_CHECK_STEPS = (9, 10, 11)
"""After how many of these a folder says again that it was checked: not all of them at once."""
_ENDERS = 16
"""Threads that report in all folders, perhaps thousands, that retraind has stopped: within eight seconds."""


class Publisher:
    """Writes STATUS.txt on the lane of each file system, where one task publishes all that is due."""

    def __init__(
        self,
        lanes: Lanes,
        journal: Journal,
        shares: Shares,
        clock: Clock,
        *,
        settings: Callable[[], Settings],
        outages: Callable[[], Sequence[Outage]],
        orphans: Callable[[str], tuple[Problem, ...]],
    ) -> None:
        """`settings` and `outages`, the hosts that are down, return the present ones.

        `orphans` returns the deliveries in a model's folder that nobody works on.
        """
        self._lanes = lanes
        self._journal = journal
        self._shares = shares
        self._clock = clock
        self._settings = settings
        self._outages = outages
        self._orphans = orphans
        self._due: dict[str, dict[str, Folder]] = {}
        """By file system and name. A share that hangs keeps them, however often each is to be published."""
        self._publishing: set[str] = set()
        """The file systems on which a thread publishes. A second one might write what it read earlier."""
        self._standings: Mapping[str, Standing] = {}
        """What the journal said at the end."""
        self._unwritten: dict[str, Problem] = {}
        """By model, why its STATUS.txt could not be written at the last try."""
        self._lock = threading.Lock()

    def publish_changes(self, folder: Folder, jobs: Sequence[Job], hold: ModelHold | None) -> None:
        """Have STATUS.txt brought up to date if it may have changed by what a pass knows. Touches no share.

        What was filed and published changes with the jobs; what is said of a key, with `reconsider`.
        """
        now, view = self._clock.elapsed(), _view_of(folder)
        known = (
            view.waiting, view.strangers, view.trouble, self._limits(folder, view, jobs), hold,
            tuple((job.id, job.state, job.hold, job.wait.trouble, job.training) for job in jobs),
            [(outage.host, outage.since, outage.reason) for outage in self._outages_of(jobs)],
            self._orphans(folder.name), self._settings().language_of(folder.model),
        )  # fmt: skip
        rests = folder.published and folder.considered == known
        if rests and now < folder.considered_until and now < folder.check_due:
            return
        folder.considered, folder.considered_until = known, now + _CONSIDERED_FOR
        self.publish_soon(folder)

    @staticmethod
    def expect_all(folders: Iterable[Folder]) -> None:
        """Note that a pass of each was requested, which publishes: sweeps need not scan them for that."""
        for folder in folders:
            folder.is_publish_due = True

    def checked_in(self, folder: Folder) -> float:
        """Return the seconds until a pass is due that publishes whether or not there is news."""
        now = self._clock.elapsed()
        # What is due now is being written; should that fail, the next sweep asks for a pass.
        return (folder.check_due if folder.check_due > now else _next_check(folder.name, now)) - now

    @staticmethod
    def reconsider(folder: Folder | None) -> None:
        """Have the next pass publish whatever it knows."""
        if folder is not None:
            folder.considered_until = 0.0

    @staticmethod
    def _limits(folder: Folder, view: View, jobs: Sequence[Job]) -> list[Problem]:
        limits = []
        if view.complete and len(jobs) >= MOST_ACTIVE:
            limits.append(problem("backlog_full", most=MOST_ACTIVE))
        if view.complete and len(folder.taken_in) >= MOST_AN_HOUR:
            limits.append(problem("hour_full", most=MOST_AN_HOUR))
        return limits

    def _outages_of(self, jobs: Sequence[Job]) -> list[Outage]:
        awaited = {job.wait.host for job in jobs}
        return [outage for outage in self._outages() if outage.host in awaited]

    def publish_soon(self, folder: Folder) -> None:
        """Bring a folder's STATUS.txt up to date on the lane of its share, which may hang."""
        with self._lock:
            self._due.setdefault(folder.file_system, {})[folder.name] = folder
        task = partial(self._publish_due, folder.file_system)
        self._lanes.share(folder.file_system).submit("publish", task)

    def _publish_due(self, file_system: str) -> None:
        with self._lock:
            if file_system in self._publishing:
                return  # The other thread takes what has become due meanwhile.
            self._publishing.add(file_system)
        due: Mapping[str, Folder] = {}
        try:
            while due := self._take_due(file_system):
                self.publish(due.values())
        except Exception:
            with self._lock:
                self._publishing.discard(file_system)
            for folder in due.values():
                folder.published, folder.is_publish_due = "", False  # So the next sweep does not skip it.
            raise

    def _take_due(self, file_system: str) -> dict[str, Folder]:
        """Return what is due on a file system; when nothing is, this thread is done there."""
        with self._lock:
            due = self._due.pop(file_system, {})
            if not due:
                self._publishing.discard(file_system)
            return due

    def publish(self, folders: Collection[Folder]) -> None:
        """Bring STATUS.txt up to date where what it says has changed, on this thread."""
        standings = self._journal.standings([folder.name for folder in folders]) if folders else {}
        for folder in folders:
            with folder.publishing:
                if not (folder.view.away or folder.retired):
                    self._publish(folder, standings[folder.name])
                folder.is_publish_due = False

    def _publish(self, folder: Folder, standing: Standing) -> None:
        jobs, view, model, settings = standing.active, _view_of(folder), folder.model, self._settings()
        voice = share_voice(model, settings.state, jobs, language=settings.language_of(model))
        text = status_text(
            folder.name, view, standing, voice, service=settings.api.host, outages=self._outages_of(jobs),
            expected=expected_files(model), left=self._orphans(folder.name),
            limits=self._limits(folder, view, jobs),
        )  # fmt: skip
        now = self._clock.elapsed()
        renew = now >= folder.check_due
        if text == folder.published and folder.has_status and not renew:
            return
        if self._write(folder.name, model.drop, text, voice, watched=True, renew=renew):
            folder.published, folder.has_status = text, True
            folder.check_due = _next_check(folder.name, now) if renew else folder.check_due
        else:
            folder.published = ""  # Even its old text is uncertain: the next sweep does not skip it.

    def publish_end(self, folder: Folder, why: Problem, standing: Standing | None) -> bool:
        """Report on the share that nobody watches the folder any more, and how its model is doing.

        Returns whether that was written.
        """
        with folder.publishing:
            folder.retired = True
            if not folder.view.trouble:
                settings = self._settings()
                jobs = standing.active if standing else ()
                language = settings.language_of(folder.model)
                voice = share_voice(folder.model, settings.state, jobs, language=language)
                text = stopped_text(
                    folder.name,
                    self._clock.now(),
                    why,
                    voice,
                    standing=standing,
                    service=settings.api.host,
                )
                return self._write(folder.name, folder.model.drop, text, voice)
        return False

    def note_standings(self, folders: Collection[Folder]) -> None:
        """Keep what the journal says of all models, for `publish_all_ends`: it is closed by then."""
        self._standings = self.standings_of([folder.name for folder in folders])

    def standings_of(self, models: Collection[str]) -> Mapping[str, Standing]:
        """Return what the journal says of models; nothing where it cannot be read."""
        try:
            return self._journal.standings(models) if models else {}
        except SQLAlchemyError as error:
            report_journal(error)
            return {}

    def publish_all_ends(self, folders: Collection[Folder], why: Problem) -> None:
        """Report it in all folders, many at a time: shares are slow, and one may hang."""

        def end(folder: Folder) -> None:
            self.publish_end(folder, why, self._standings.get(folder.name))

        with ThreadPoolExecutor(_ENDERS, thread_name_prefix="end") as enders:
            for each in [enders.submit(end, folder) for folder in folders]:
                each.result()

    def publish_removal(self, name: str, left: Left) -> None:
        """Report in a drop folder that its model went from the configuration while retraind did not run."""
        settings, drop = self._settings(), left.folder
        voice = Voice(Audience.SHARE, left.language or settings.language)
        text = stopped_text(
            name,
            self._clock.now(),
            problem("model_removed"),
            voice,
            standing=self.standings_of([name]).get(name),
            service=settings.api.host,
        )
        wanted = False  # Whoever has removed STATUS.txt may use the folder for something else.
        try:
            with suppress(FileNotFoundError), self._shares.held(name, drop, claim=False) as place:
                wanted = exists(place / STATUS)
        except (Away, OSError):
            return  # Its share is away: the next start tries again.
        if not wanted or self._write(name, drop, text, voice):
            self._shares.leave(name)

    def publish_move(self, name: str, before: Path, folder: Folder | None) -> None:
        """Report in a model's earlier drop folder that it has another; `folder` was under watch until now."""
        with folder.publishing if folder else nullcontext():
            if folder:
                folder.retired = True
            settings = self._settings()
            voice = Voice(Audience.SHARE, settings.language_of(settings.models.get(name)))
            self._write(name, before, moved_text(name, self._clock.now(), voice), voice)

    def _write(
        self, name: str, folder: Path, text: str, voice: Voice, *, watched: bool = False, renew: bool = False
    ) -> bool:
        try:
            with self._shares.held(name, folder) as drop:
                write_status(drop, text, self._clock.now(), voice, watched=watched, renew=renew)
        except OSError as error:
            why = file_problem(error)
        except Away as away:
            why = away.problem
        else:
            self._unwritten.pop(name, None)
            if model := self._settings().models.get(name):
                self._shares.note_language(name, model.language)
            return True
        # Each pass tries again: as long as a client of the share keeps the file open, many times a second.
        if self._unwritten.get(name) != why:
            self._unwritten[name] = why
            _LOG.warning("status_not_written", model=name, reason=why)
        return False


def _view_of(folder: Folder) -> View:
    return replace(folder.view, trouble=folder.trouble)


def _next_check(name: str, now: float) -> float:
    """Return when a folder is to say again that it was checked, within the hour."""
    steps = _CHECK_STEPS[zlib.crc32(name.encode()) % len(_CHECK_STEPS)]
    return (now // _CHECK_STEP + steps) * _CHECK_STEP


def publish_no_start(settings: Settings, clock: Clock) -> None:
    """Report in all drop folders that answer that retraind could not start.

    How many deliveries are in work there is all that is known then.
    """
    shares, now = Shares.beside(settings.state.journal_file), clock.now()

    def question(name: str, model: ModelSettings) -> Question[None]:
        def tell(_place: Path) -> None:
            voice = share_voice(model, settings.state, language=settings.language_of(model))
            try:
                with shares.held(name, model.drop, claim=False) as drop:
                    text = stopped_text(
                        name, now, problem("start_failed"), voice, unfinished=_count_jobs(drop)
                    )
                    write_status(drop, text, now, voice)
            except Away as away:
                _LOG.warning("status_not_written", model=name, reason=away.problem)

        return model.drop, tell

    models = settings.models
    answers = ask_each([question(name, model) for name, model in models.items()])
    for name, answer in zip(models, answers, strict=True):
        if isinstance(answer, OSError):
            _LOG.warning("status_not_written", model=name, reason=file_problem(answer))


def _count_jobs(drop: Path) -> int | None:
    """Count the folders of jobs in work; None where that is not known."""
    try:
        with held(drop, WORK) as work, listed(work) as (_, entries):
            return sum(
                FOLDER_NAME.fullmatch(entry.name) is not None and entry.is_dir(follow_symlinks=False)
                for entry in entries
            )
    except FileNotFoundError:
        return 0
    except OSError:
        return None
