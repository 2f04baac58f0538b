"""Bringing the journal back in line with the job folders after it was lost, or restored from an older backup.

A folder's copy counts when the journal does not know the job, or knows an older version of it. Where a folder
stands decides over what its copy says: what is in done/ is done and is never trained again.
"""

import errno
import itertools
import os
from collections.abc import Callable, Collection, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field, replace
from pathlib import Path

from retraind.config.settings import ModelSettings, Settings
from retraind.domain.job import LIFE, End, Job, Outcome, State
from retraind.domain.problems import problem
from retraind.domain.progress import Watcher, Work, unwatched
from retraind.store.copies.job_folders import Copy, Names, Part, Place, copies_in, names_in, places_of
from retraind.store.copies.sidecar import JobFiles
from retraind.store.jobs import Version
from retraind.store.journal import Journal
from retraind.system import log
from retraind.system.files import is_folder_below
from retraind.system.probe import Question, ask_each
from retraind.system.reading import never, statuses

_LOG = log.get(__name__)

_MOST_FOREIGN = 10_000
"""Folders without a valid copy that are remembered; of a million, the others are counted."""
_MOST_LOGGED = 20
_AT_ONCE = 200
"""Copies that are read at a time, and then compared with the journal."""
_NO_FOLDER = frozenset({errno.ENOTDIR, errno.ELOOP})


@dataclass
class Rebuilt:
    """What was found in job folders."""

    adopted: list[Job] = field(default_factory=list)
    """Jobs that the journal did not know, or knew an older version of."""
    believed: list[Job] = field(default_factory=list)
    """Those of them whose copy has no valid signature, so that anybody may have written it."""
    foreign: list[Path] = field(default_factory=list)
    """Folders among the job folders without a valid copy of a job; they are left alone."""
    parts: list[Part] = field(default_factory=list)
    """What is to be removed."""


def rebuild(
    settings: Settings,
    journal: Journal,
    files: JobFiles,
    *,
    believe: bool,
    watcher: Watcher = unwatched,
) -> Rebuilt:
    """Adopt what the folders of all models know better than the journal, on this thread.

    With `believe`, copies without a valid signature count too: for an operator whose state folder was lost.
    Folders that cannot be read now are left for the next time. `watcher` is shown how far it is.
    """
    recovery, found = Recovery(settings, journal, files, believe=believe), Rebuilt()
    places = places_of(settings.models)
    listed = recovery.names(places)
    counts = [len(names.jobs) if isinstance(names, Names) else 0 for names in listed]
    total = sum(counts)
    begins = itertools.accumulate(counts, initial=0)
    for place, names, begin in zip(places, listed, begins, strict=False):
        try:
            each = recovery.read(place, _shown_to(watcher, begin, total), names)
        except OSError as error:
            _LOG.warning("folder_unreadable", folder=str(place.folder), reason=error.strerror)
            continue
        found.adopted += each.adopted
        found.believed += each.believed
        found.foreign += each.foreign
        found.parts += each.parts
    return found


def _shown_to(watcher: Watcher, begin: int, total: int) -> Callable[[], None]:
    """Return what shows that so many more folders are read, each time before it is done."""
    done = itertools.count(begin, _AT_ONCE)
    return lambda: watcher(Work.RECOVERY, next(done), total)


class Recovery:
    """Reads places, those of a model in the order of `places_of`, each on one thread at a time."""

    def __init__(
        self, settings: Settings, journal: Journal, files: JobFiles, *, believe: bool = False
    ) -> None:
        """`believe` is as for `rebuild`."""
        self._configured = settings.models.keys()
        self._journal = journal
        self._files = files
        self._believe = believe
        self._owners = frozenset({0, os.geteuid()})
        with suppress(OSError):  # Then it is the one that this process makes.
            self._owners |= {settings.state.journal_file.parent.stat().st_uid}
        self._filed: set[str] = set()
        """Jobs that have a folder in done/."""
        self._versions: dict[str, dict[str, Version]] = {}
        """What the journal knew of each model's jobs."""
        # A model that has another name now may have left jobs in the folders of its heir.
        self._former: dict[str, Version] = {}
        self._with_jobs = journal.jobs.counts().keys()
        """Of a thousand models most have no jobs, and each query takes time."""
        for name in self._with_jobs - self._configured:
            self._former |= journal.jobs.versions(name)

    def names(self, places: Sequence[Place]) -> list[Names | OSError]:
        """Return the names in each of these places, or why they cannot be read now."""
        wanted: dict[Path, list[str]] = {}
        for place in places:
            drop, below = place.way
            wanted.setdefault(drop, []).extend(below[:1])
        there: dict[Path, Collection[str]] = {}

        def answer(place: Place) -> Names:
            drop, below = place.way
            if below and drop not in there:
                # Of a thousand models most have no job folders.
                names = tuple(wanted[drop])
                found = zip(names, statuses(drop, names), strict=True)
                there[drop] = {name for name, status in found if status is not None}
            return names_in(place) if not below or below[0] in there[drop] else Names()

        def question(place: Place) -> Question[Names]:
            return place.way[0], lambda _: answer(place)

        return ask_each([question(place) for place in places])

    def read(
        self, place: Place, pause: Callable[[], None] = never, names: Names | OSError | None = None
    ) -> Rebuilt:
        """Adopt what the folders in one place know better than the journal.

        `names` are those in it, if they are known already. `pause` is called now and then and may raise.
        Raises OSError where the place cannot be read now: NoAnswer where its share hangs.
        """
        found = Rebuilt()
        names = self._checked(place, names or self.names([place])[0])
        found.parts = names.parts
        known = dict(self._former)
        for model in place.models:
            # As it was before the first of its places: a job may have folders in two.
            if model not in self._versions:
                known_jobs = self._journal.jobs.versions(model) if model in self._with_jobs else {}
                self._versions[model] = known_jobs
            known |= self._versions[model]
        fresh = [name for name in names.jobs if not (name in known and known[name].state is place.state)]
        foreign = 0
        for start in range(0, len(fresh), _AT_ONCE):
            pause()
            for copy in self._copies(place, fresh[start : start + _AT_ONCE]):
                if not self._adopt(copy, place, known, found):
                    foreign += 1
                    if len(found.foreign) < _MOST_FOREIGN:
                        found.foreign.append(place.folder / copy.name)
        _log_foreign(found.foreign, foreign, place.folder, cut=names.cut)
        return found

    @staticmethod
    def _checked(place: Place, names: Names | OSError) -> Names:
        if isinstance(names, Names):
            return names
        if isinstance(names, FileNotFoundError):
            return Names()
        if names.errno not in _NO_FOLDER:
            raise names
        # Somebody has put something else there, such as a link. Nothing that is behind it is ours.
        _LOG.warning("folder_unreadable", folder=str(place.folder), reason=names.strerror)
        return Names()

    def _copies(self, place: Place, names: Sequence[str]) -> list[Copy]:
        """Return the copies in these folders of a place, whose share may hang. Raises OSError."""

        def answer(_: Path) -> list[Copy]:
            return copies_in(place, names, self._files, self._owners, believe=self._believe)

        (found,) = ask_each([(place.way[0], answer)])
        if isinstance(found, OSError):
            raise found
        return found

    def _adopt(self, found: Copy, place: Place, known: Mapping[str, Version], rebuilt: Rebuilt) -> bool:
        """Adopt a copy if it knows something better; returns False for a folder that is not retraind's.

        A copy that names a model that is not configured is of one that was renamed or removed: it is that
        model's.
        """
        job_id, told, signed = found
        version = known.get(job_id)
        renamed = told is not None and told.model not in self._configured and version is not None
        # Its model may have another name since.
        record = self._journal.jobs.get(job_id) if renamed else None
        copy = replace(told, model=record.model) if told and record else told
        if copy is None or (copy.model in self._configured and copy.model not in place.models):
            return version is not None
        model = place.models.get(copy.model) or next(iter(place.models.values()))
        if place.state is State.DONE:
            self._filed.add(job_id)
        news = version is None or version.version < copy.version
        job = (
            _standing(copy, place.state, filed=job_id in self._filed)
            if news
            else _put_back(self._journal, model, job_id, place.state)
        )
        if job is None:
            return not news
        present = self._journal.jobs.get(job_id) if version else None
        if present and present.version > job.version:
            return True  # A command has written to it since.
        # Its folder is here, whichever drop folder the model had when the job was taken in.
        if place.state is None or copy.model in place.models:
            job = replace(job, drop=str(model.drop))
        if place.state is not None:
            job = replace(job, filed_in=str(place.folder))
        self._journal.jobs.adopt(job)
        rebuilt.adopted.append(job)
        rebuilt.believed += [] if signed else [job]
        _LOG.warning("job_adopted", job=job.id, model=job.model, state=job.state.value)
        return True


def _log_foreign(foreign: list[Path], count: int, place: Path, *, cut: bool) -> None:
    for folder in foreign[:_MOST_LOGGED]:
        _LOG.warning("folder_not_ours", folder=str(folder))
    if count > _MOST_LOGGED or cut:
        why = problem("folders_not_ours", path=place, folders=count, stopped=cut)
        _LOG.warning("folders_not_ours", place=str(place), count=count, reason=why)


def _put_back(journal: Journal, model: ModelSettings, job_id: str, state: State | None) -> Job | None:
    """Return a finished job, to be filed again, whose folder is in work again, as after a restored backup.

    None where it is filed as well, or where that is not known.
    """
    job = journal.jobs.get(job_id) if state is None else None
    if job is None or job.state not in {State.DONE, State.FAILED}:
        return None
    places = [model.done_folder, model.failed_folder, *([Path(job.filed_in)] if job.filed_in else [])]
    try:
        if any(_is_in(model.drop, place, job_id) for place in places):
            return None
    except OSError:
        return None
    return replace(job, state=State.FILING, version=job.version + 1)


def _is_in(drop: Path, place: Path, job_id: str) -> bool:
    """Return whether a job's folder is in a place; no link below the drop folder is followed."""
    if place.is_relative_to(drop):
        return is_folder_below(drop, *place.relative_to(drop).parts, job_id)
    return is_folder_below(place, job_id)


def _standing(job: Job, state: State | None, *, filed: bool) -> Job | None:
    """Return the job as its place says it stands; None where copy and place cannot both be true.

    `filed` says that its folder is in done/, perhaps in addition: a filing across file systems was cut off
    then.
    """
    if filed and state is not State.DONE and (state is State.FAILED or job.state is not State.FILING):
        return None
    if state is None:
        return job if LIFE[job.state].step is not None else None
    # Filed under done/ before its copy could say more than "filing".
    end = job.end or End(outcome=Outcome.TRAINED)
    if state is State.FAILED:
        end = replace(end, outcome=Outcome.FAILED)
    return replace(job, state=state, end=end, hold=None, wait=replace(job.wait, wake_at=None))
