"""Where jobs' folders are, in work or filed: pinned while they are used, and moved as a whole."""

import errno
import threading
from collections.abc import Callable, Collection, Iterator, Mapping
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import replace
from functools import partial
from pathlib import Path

from retraind.config.settings import WORK, ModelSettings, Settings
from retraind.domain.failures import Hold, Retry, Scope
from retraind.domain.job import Job, State
from retraind.domain.problems import problem
from retraind.intake.share_identity import Shares
from retraind.store.journal import Journal
from retraind.system import log
from retraind.system.copying import Sealed, copy_folder_verified, partial_of
from retraind.system.files import (
    exists,
    held,
    is_folder,
    is_folder_below,
    make_folder,
    move,
    put_aside,
    sync_folder,
)
from retraind.system.moving import move_contents, remove, remove_emptied, remove_tree
from retraind.system.probe import ask_each

_LOG = log.get(__name__)

_BETWEEN_FOLDERS = frozenset({State.SEALING, State.RESTORING, State.FILING})
"""States in which a job need not have a folder in the place for work."""


class Places:
    """The places of every job. Safe to use from several threads, for different jobs."""

    def __init__(self, settings: Callable[[], Settings], shares: Shares, pause: Callable[[], None]) -> None:
        """Take the settings as they are at each moment; `pause` gives a long copy a place to end."""
        self.shares = shares
        self._settings = settings
        self._pause = pause
        self._begun: dict[tuple[str, Path], Job] = {}
        """Copies to other file systems of which a part may be left, by the copy's job and its place."""
        self._lock = threading.Lock()

    def model(self, job: Job) -> ModelSettings:
        """Return the model's table. Raises Hold where the configuration has none any more."""
        model = self._settings().models.get(job.model)
        if model is None:
            raise not_configured(job, self._settings())
        return model

    def place_of(self, job: Job) -> Path:
        """Return the place in which the job's folder is; the one for work where there is none."""
        model = self.model(job)
        places = (model.work_folder, model.done_folder, model.failed_folder)
        found = next((place for place in places if self.has(job, place)), None)
        return found or self._earlier_place(job) or model.work_folder

    def filed_in(self, job: Job, *, failed: bool) -> Path:
        """Return the place in which a job that ended like this was filed, or is to be."""
        place = self.filed(job, failed=failed)
        if self.has(job, place):
            return place
        return self._earlier_place(job) or place

    def _earlier_place(self, job: Job) -> Path | None:
        """Return the place in which the job's folder is though its model files elsewhere by now.

        None where it is in none. A share that does not answer has none.
        """
        answers = ask_each([(place, partial(self.has, job)) for place in self._earlier(job)])
        found = zip(self._earlier(job), answers, strict=True)
        return next((place for place, answer in found if answer is True), None)

    def has(self, job: Job, place: Path, name: str | None = None) -> bool:
        """Return whether the job's folder is in a place, or has something called `name` there.

        No link below a drop folder is followed. Raises OSError where the file system cannot tell.
        """
        drops = (self.model(job).drop, Path(job.drop) if job.drop else None)
        drop = next((drop for drop in drops if drop and place.is_relative_to(drop)), place)
        below = place.relative_to(drop).parts
        if name is None:
            return is_folder_below(drop, *below, job.id)
        try:
            with held(drop, *below, job.id) as folder:
                return exists(folder / name)
        except (FileNotFoundError, NotADirectoryError):
            return False

    def _earlier(self, job: Job) -> list[Path]:
        """Return where the job may have been filed, besides the places that its model has now.

        Jobs of an earlier retraind do not say where; most often it was the usual place.
        """
        model = self.model(job)
        drops = dict.fromkeys((model.drop, *([Path(job.drop)] if job.drop else [])))
        places = dict.fromkeys(drop / name for drop in drops for name in ("done", "failed"))
        if job.filed_in:
            places = {Path(job.filed_in): None} | places
        return [place for place in places if place not in {model.done_folder, model.failed_folder}]

    def filed(self, job: Job, *, failed: bool) -> Path:
        """Return the place for a job that ends like this."""
        model = self.model(job)
        return model.failed_folder if failed else model.done_folder

    @contextmanager
    def holding(self, job: Job) -> Iterator[Path]:
        """Pin the job's folder, created again in the place for work where somebody has deleted it.

        Raises Retry while the share is away, and OSError.
        """
        with ExitStack() as holding:
            model = self.model(job)
            drop = holding.enter_context(self.shares.held(job.model, model.drop))
            plain = self.place_of(job)
            place = holding.enter_context(self.place(job, plain, drop))
            if plain == model.work_folder:
                self._bring(job, place)
            if not exists(place / job.id):
                self._see_archives(job)
                _LOG.warning("job_folder_gone", folder=str(plain / job.id))
                make_folder(place / job.id)
            folder = holding.enter_context(held(place, job.id))
            if plain == model.work_folder:
                self.shares.guard(folder, plain / job.id, model.drop, drop)
            yield folder

    def _see_archives(self, job: Job) -> None:
        """Raise Retry or OSError where a share is away on which the job may be filed."""
        model = self.model(job)
        for filed in (model.done_folder, model.failed_folder):
            if not filed.is_relative_to(model.drop):
                with self.place(job, filed):
                    pass
        earlier = Path(job.filed_in) if job.filed_in else None
        if earlier is None or earlier not in self._earlier(job):
            return
        if earlier.is_relative_to(model.drop) or (job.drop and earlier.is_relative_to(job.drop)):
            return
        (found,) = ask_each([(earlier, partial(is_folder, follow=True))])
        if isinstance(found, OSError) or not found:
            raise Retry(problem("filing_folder_missing", path=earlier))
        with self.place(job, earlier):
            pass

    @contextmanager
    def place(self, job: Job, place: Path, drop: Path | None = None) -> Iterator[Path]:
        """Pin one of the folders in which jobs' folders are; it is created where it is missing."""
        model = self.model(job)
        with ExitStack() as holding:
            if not place.is_relative_to(model.drop):
                kinds = {model.done_folder: "done", model.failed_folder: "failed"}
                if kind := kinds.get(place):
                    yield holding.enter_context(self.shares.held(f"{job.model}.{kind}", place))
                else:
                    names = [f"{job.model}.{each}" for each in kinds.values()]
                    yield holding.enter_context(self.shares.held_earlier(names, place))
                return
            if drop is None:
                drop = holding.enter_context(self.shares.held(job.model, model.drop))
            below = place.relative_to(model.drop).parts
            if below[0] == WORK:
                yield holding.enter_context(self.shares.work(model.drop, drop))
                return
            make_folder(drop / below[0])
            yield holding.enter_context(held(drop, *below))

    def sync(self, *places: Path, job: Job) -> None:
        """Make the names in these places durable, after a move that was cut off before it could do so."""
        for place in places:
            with self.place(job, place) as folder:
                sync_folder(folder)

    def bring_over(self, job: Job) -> None:
        """Bring the job's folder to the place for work if its model had another drop folder before.

        Raises Retry while one of them is away, and OSError.
        """
        if _drops_before(job, self.model(job)):
            with self.place(job, self.model(job).work_folder) as work:
                self._bring(job, work)

    def _bring(self, job: Job, work: Path) -> None:
        """Bring what earlier drop folders have of the job's folder, unless all of it is in `work`."""
        before = _drops_before(job, self.model(job))
        if not before or _is_complete(job, work):
            return

        # One may have been given up because its share hangs.
        answers = ask_each([(drop, partial(_has_work, job)) for drop in before])
        away: list[tuple[Path, OSError]] = []
        for drop, found in zip(before, answers, strict=True):
            if isinstance(found, OSError):
                if not (isinstance(found, FileNotFoundError) and job.state in _BETWEEN_FOLDERS):
                    away.append((drop, found))
            elif found:
                with held(drop, WORK) as here:
                    self._take_in(job, here, work, self.model(job).work_folder, _sealed(job))
                _LOG.info("job_brought_over", of=str(drop))
        if away and not _is_complete(job, work):
            drop, error = away[0]
            raise Retry(
                problem(
                    "earlier_drop_unreachable",
                    path=drop,
                    reason=error.strerror or str(error),
                    folder=f"{WORK}/{job.id}",
                    drop=self.model(job).drop,
                )
            )

    def move(self, job: Job, source: Path, target: Path) -> None:
        """Move a job's folder from place to place; across file systems by a verified copy, deleted last."""
        with self.place(job, source) as here, self.place(job, target) as there:
            for _ in range(2):
                try:
                    move(here / job.id, there / job.id)
                except FileExistsError:
                    # Not the copy of an earlier try, which only another file system gets: somebody made it.
                    aside = put_aside(there / job.id)
                    _LOG.warning("name_taken", folder=str(target / job.id), moved_to=aside.name)
                except OSError as error:
                    if error.errno != errno.EXDEV:
                        raise
                    break
                else:
                    return
            self._copy(job, here, there, target, _sealed(job))

    def bring_back(self, job: Job, filed: Path) -> None:
        """Bring a job's folder from where it is filed into work, in a new folder, unless that has been done.

        Whoever could write where it was filed may still be in the old folder. Raises Retry while a share is
        away, and OSError.
        """
        with self.place(job, filed) as here:
            # Of this folder alone: an earlier try may have been killed between the copy and the deletion.
            if is_folder(here / job.id):
                work = self.model(job).work_folder
                with self.place(job, work) as there:
                    # A person may have corrected what was sealed.
                    self._take_in(job, here, there, work, {})

    def _take_in(self, job: Job, here: Path, there: Path, target: Path, sealed: Mapping[str, Sealed]) -> None:
        """Move a job's files, one by one, from its folder in the place `here` into a new one in `there`."""
        if exists(there / job.id) and not is_folder(there / job.id):
            put_aside(there / job.id)
        made = not exists(there / job.id)
        make_folder(there / job.id)
        renewed = frozenset(file.name.partition("/")[0] for file in job.files if "/" in file.name)
        try:
            with held(here, job.id) as old, held(there, job.id) as fresh:
                move_contents(old, fresh, renewed, self._pause)
        except OSError as error:
            if error.errno != errno.EXDEV:
                raise
            if made:
                remove_tree(there / job.id)
            self._copy(job, here, there, target, sealed)
        else:
            aside = remove_emptied(here / job.id)
            if aside is not None:
                _LOG.warning("name_taken", folder=str(target / job.id), moved_to=aside.name)

    def _copy(self, job: Job, here: Path, there: Path, target: Path, sealed: Mapping[str, Sealed]) -> None:
        """Move a job's folder to another file system: by a verified copy, deleted last."""
        if exists(there / job.id) and not is_folder(there / job.id):
            put_aside(there / job.id)
        with self._lock:
            self._begun[job.id, target] = job
        # Also after an earlier try was killed while it deleted the original: the copy has what that lacks.
        keep_free = self._settings().state.keep_free
        for name in copy_folder_verified(here / job.id, there / job.id, self._pause, sealed, keep_free):
            _LOG.warning("file_changed", folder=str(target / job.id), name=name)
        with self._lock:
            del self._begun[job.id, target]
        delete(here / job.id)

    def clear(self, active: Collection[str]) -> list[Path]:
        """Remove parts of copies that could not be removed when they failed, but for those of `active` jobs.

        Returns what was removed. An active job's next try does it, and the start does it for all (see
        `rebuild`). Raises OSError and Retry.
        """
        with self._lock:
            begun = [(place, job) for (name, place), job in self._begun.items() if name not in active]
        removed = []
        for place, job in begun:
            with suppress(Hold), self.place(job, place) as here:
                part = partial_of(here / job.id)
                if exists(part):
                    remove(part)
                    removed.append(place / part.name)
            with self._lock:
                self._begun.pop((job.id, place), None)
        return removed


def _drops_before(job: Job, model: ModelSettings) -> list[Path]:
    return [before for before in map(Path, dict.fromkeys(job.drops)) if before != model.drop]


def _has_work(job: Job, drop: Path) -> bool:
    """Return whether a drop folder has the job's folder for work. Raises OSError where it cannot tell."""
    try:
        with held(drop, WORK) as there:
            return is_folder(there / job.id)
    except NotADirectoryError:
        return False


def _is_complete(job: Job, work: Path) -> bool:
    """Return whether all files of the job are in its folder: a kill may have left some where it was."""
    try:
        with held(work, job.id) as folder:
            return all(exists(folder / file.name) for file in job.files)
    except (FileNotFoundError, NotADirectoryError):
        return False


def move_noted(job: Job, model: ModelSettings, journal: Journal) -> Job:
    """Note where the job's folder is brought next, if its model has another drop folder now.

    It may have another one again before all of it was brought, and then it is searched for.
    """
    drop = str(model.drop)
    if not job.drops or job.drops[0] == drop:
        return job
    return journal.jobs.write(job, replace(job, moved_to=(*job.moved_to, drop)))


def _sealed(job: Job) -> Mapping[str, Sealed]:
    return {file.name: Sealed(file.signature.size, file.sha256) for file in job.files}


NOT_CONFIGURED = "model_not_configured"
"""The code of a hold of a job whose model is not in the configuration."""


def heir_of(job: Job, settings: Settings) -> str | None:
    """Return the model that has the drop folder in which the job was taken in."""
    return next((name for name, model in settings.models.items() if str(model.drop) == job.drop), None)


def not_configured(job: Job, settings: Settings) -> Hold:
    """Return the hold of a job whose model is not in the configuration."""
    return Hold(problem(NOT_CONFIGURED, model=job.model, heir=heir_of(job, settings)), scope=Scope.JOB)


def is_not_configured(job: Job) -> bool:
    """Return whether that is what a job is on hold for."""
    return job.hold is not None and job.hold.problem.code == NOT_CONFIGURED


def delete(folder: Path) -> None:
    """Delete a folder whose verified copy is elsewhere, or that has been kept long enough."""
    remove_tree(folder)
    sync_folder(folder.parent)
