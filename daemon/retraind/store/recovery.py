"""Bringing the journal back in line with the job folders after it was lost, or restored from an older backup.

A folder's copy counts when the journal does not know the job, or knows an older version of it. Where a folder
stands decides over what its copy says: what is in done/ is done and is never trained again.
"""

import os
import re
from collections.abc import Container, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from operator import itemgetter
from pathlib import Path
from typing import NamedTuple

from retraind.config.settings import ModelSettings, Settings
from retraind.domain.job import LIFE, End, Job, Outcome, State
from retraind.domain.names import FOLDER_NAME
from retraind.domain.problems import problem
from retraind.store.jobs import Version
from retraind.store.journal import Journal
from retraind.store.sidecar import JobFiles
from retraind.system import log
from retraind.system.files import exists, held, is_folder, remove
from retraind.system.probe import NoAnswer, ask_each

_LOG = log.get(__name__)

_MOST_FOREIGN = 10_000
"""Folders without a valid copy after which a place is left: somebody who makes a million must not delay the
start."""
_MOST_LOGGED = 20
_MOST_PARTS = 1_000
_PART = re.compile(rf"\.({FOLDER_NAME.pattern})\.(partial|expired)")
"""What a job's folder is called while it is copied to another file system, and while it is deleted."""


class Part(NamedTuple):
    """What a kill left of a job's folder that was being copied or deleted."""

    drop: Path
    below: tuple[str, ...]
    """The names from there to the place that it is in."""
    name: str

    @property
    def job(self) -> str:
        """The job whose folder it was to become, or had been."""
        found = _PART.fullmatch(self.name)
        return found[1] if found else ""

    def remove(self) -> None:
        """Delete it; no link is followed. Raises OSError."""
        with held(self.drop, *self.below) as place:
            remove(place / self.name)


@dataclass
class Rebuilt:
    """What was found in the job folders."""

    adopted: list[Job] = field(default_factory=list)
    """Jobs that the journal did not know, or knew an older version of."""
    believed: list[Job] = field(default_factory=list)
    """Those of them whose copy has no valid signature, so that anybody may have written it."""
    foreign: list[Path] = field(default_factory=list)
    """Folders among the job folders without a valid copy of a job; they are left alone."""
    parts: list[Part] = field(default_factory=list)
    """What is to be removed."""


class _Place(NamedTuple):
    """A folder of job folders."""

    folder: Path
    state: State | None
    """The state of a job in it; None where only its copy has it."""
    models: dict[str, ModelSettings]
    """Whose jobs are there: several models may file theirs in one place."""


def rebuild(
    settings: Settings,
    journal: Journal,
    files: JobFiles,
    *,
    believe: bool,
    besides: Container[str] = (),
) -> Rebuilt:
    """Adopt what the folders know better than the journal.

    With `believe`, copies without a valid signature count too: for an operator whose state folder was lost.
    Folders that cannot be read now, and those of the models `besides`, are left for the next start.
    """
    found = Rebuilt()
    places = _places({name: model for name, model in settings.models.items() if name not in besides})
    readable = _readable([place.folder for place in places])
    versions: dict[str, dict[str, Version]] = {}
    # A model that has another name now may have left jobs in the folders of its heir.
    former = {
        name: journal.jobs.versions(name) for name in journal.jobs.counts().keys() - settings.models.keys()
    }
    filed: set[str] = set()
    for place in places:
        if place.folder not in readable:
            continue
        known: dict[str, Version] = {
            job_id: version for jobs in former.values() for job_id, version in jobs.items()
        }
        for name in place.models:
            # Of a thousand models most have no jobs, and each query takes time.
            if name not in versions:
                versions[name] = journal.jobs.versions(name)
            known |= versions[name]
        _adopt_from(
            place, known, journal, files,
            found=found, filed=filed, believe=believe, configured=settings.models.keys(),
        )  # fmt: skip
    return found


def _adopt_from(
    place: _Place,
    known: Mapping[str, Version],
    journal: Journal,
    files: JobFiles,
    *,
    found: Rebuilt,
    filed: set[str],
    believe: bool,
    configured: Container[str],
) -> None:
    """Adopt what the folders in one place know better; `filed` has the jobs that have a folder in done/.

    A copy that names a model that is not configured is of one that was renamed or removed: it is that
    model's.
    """
    foreign: list[Path] = []
    settled = _settled(known, place.state)
    for job_id, told, sealed in _copies(place, files, settled, found.parts, believe=believe):
        version = known.get(job_id)
        renamed = told is not None and told.model not in configured and version is not None
        # Its model may have another name since.
        record = journal.jobs.get(job_id) if renamed else None
        copy = replace(told, model=record.model) if told and record else told
        if copy is None or (copy.model in configured and copy.model not in place.models):
            if version is None:
                foreign.append(place.folder / job_id)
                if len(foreign) >= _MOST_FOREIGN and not believe:
                    break
            continue
        model = place.models.get(copy.model) or next(iter(place.models.values()))
        if place.state is State.DONE:
            filed.add(job_id)
        news = version is None or version.version < copy.version
        job = (
            _standing(copy, place.state, filed=job_id in filed)
            if news
            else _put_back(journal, model, job_id, place.state)
        )
        if job is None:
            foreign += [place.folder / job_id] if news else []
            continue
        # Its folder is here, whichever drop folder the model had when the job was taken in.
        if place.state is None or copy.model in place.models:
            job = replace(job, drop=str(model.drop))
        if place.state is not None:
            job = replace(job, filed_in=str(place.folder))
        journal.jobs.adopt(job)
        found.adopted.append(job)
        found.believed += [] if sealed else [job]
        _LOG.warning("job_adopted", job=job.id, model=job.model, state=job.state.value)
    _log_foreign(foreign, place.folder)
    found.foreign += foreign


def _readable(folders: Sequence[Path]) -> frozenset[Path]:
    """Return the folders that are there, or may be; those on a share that hangs are left out."""
    found = ask_each([(folder, exists) for folder in folders])
    for folder, answer in zip(folders, found, strict=True):
        if isinstance(answer, NoAnswer):
            _LOG.warning("folder_unreadable", folder=str(folder), reason=answer.strerror)
    return frozenset(
        folder
        for folder, answer in zip(folders, found, strict=True)
        if answer and not isinstance(answer, NoAnswer)
    )


def _log_foreign(foreign: list[Path], place: Path) -> None:
    for folder in foreign[:_MOST_LOGGED]:
        _LOG.warning("folder_not_ours", folder=str(folder))
    if (count := len(foreign)) > _MOST_LOGGED:
        why = problem("folders_not_ours", path=place, folders=count, stopped=count >= _MOST_FOREIGN)
        _LOG.warning("folders_not_ours", place=str(place), count=count, reason=why)


def _settled(known: Mapping[str, Version], state: State | None) -> frozenset[str]:
    """Return the jobs of which a folder in the place for `state` has nothing new."""
    return frozenset(job_id for job_id, version in known.items() if version.state is state)


def _places(models: Mapping[str, ModelSettings]) -> list[_Place]:
    """Return where these models' jobs are; first the places that decide most about a job in them."""
    places: dict[tuple[int, Path], _Place] = {}
    for name, model in models.items():
        folders = (
            (model.done_folder, State.DONE), (model.failed_folder, State.FAILED), (model.work_folder, None),
        )  # fmt: skip
        for rank, (folder, state) in enumerate(folders):
            places.setdefault((rank, folder), _Place(folder, state, {})).models[name] = model
    return [places[which] for which in sorted(places, key=itemgetter(0))]


def _copies(
    place: _Place, files: JobFiles, besides: frozenset[str], parts: list[Part], *, believe: bool
) -> Iterator[tuple[str, Job | None, bool]]:
    """Yield the names of the job folders in `place`, each with the copy in it; no link leads anywhere else.

    What a kill left there is added to `parts`.
    """
    drops = (model.drop for model in place.models.values())
    drop = next((drop for drop in drops if place.folder.is_relative_to(drop)), place.folder)
    try:
        below = place.folder.relative_to(drop).parts
        with held(drop, *below) as here:
            for name in _names(here):
                if _PART.fullmatch(name):
                    if len(parts) < _MOST_PARTS:
                        parts.append(Part(drop, below, name))
                elif name not in besides:
                    yield name, *_copy(here, name, files, believe=believe)
    except FileNotFoundError:
        return
    except OSError as error:
        _LOG.warning("folder_unreadable", folder=str(place.folder), reason=error.strerror)


def _copy(place: Path, name: str, files: JobFiles, *, believe: bool) -> tuple[Job | None, bool]:
    """Return the copy in a job's folder, and whether its signature is valid."""
    try:
        with held(place, name) as folder:
            sealed = files.read(folder, name)
            if sealed is not None or not believe:
                return sealed, True
            return files.read(folder, name, believe=True), False
    except OSError:
        # It was replaced since it was listed; the others still count.
        return None, True


def _names(place: Path) -> Iterator[str]:
    with os.scandir(place) as entries:
        for entry in entries:
            if _PART.fullmatch(entry.name) or (
                FOLDER_NAME.fullmatch(entry.name) and entry.is_dir(follow_symlinks=False)
            ):
                yield entry.name


def _put_back(journal: Journal, model: ModelSettings, job_id: str, state: State | None) -> Job | None:
    """Return a finished job, to be filed again, whose folder is in work again, as after a restored backup.

    None where it is filed as well, or where that is not known.
    """
    job = journal.jobs.get(job_id) if state is None else None
    if job is None or job.state not in {State.DONE, State.FAILED}:
        return None
    places = [model.done_folder, model.failed_folder, *([Path(job.filed_in)] if job.filed_in else [])]
    try:
        if any(is_folder(place / job_id) for place in places):
            return None
    except OSError:
        return None
    return replace(job, state=State.FILING, version=job.version + 1)


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
