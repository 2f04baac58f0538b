"""The folders of jobs in one place, and the copies in them: the part of a recovery that touches shares.

Nothing is adopted here. No link below a drop folder is followed.
"""

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import NamedTuple

from retraind.config.settings import WORK, ModelSettings
from retraind.domain.job import Job, State
from retraind.domain.names import FOLDER_NAME
from retraind.store.copies.sidecar import JobFiles
from retraind.system.files import held, status
from retraind.system.moving import remove
from retraind.system.reading import listed
from retraind.system.remote.errors import NoAnswer

_MOST_NAMES = 1_000_000
"""Job folders of one place whose names are read."""
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


class Place(NamedTuple):
    """A folder of job folders."""

    folder: Path
    state: State | None
    """The state of a job in it; None where only its copy has it."""
    models: Mapping[str, ModelSettings]
    """Whose jobs are there: several models may file theirs in one place."""
    way: tuple[Path, tuple[str, ...]]
    """The drop folder that the place is in and the names from there; a place elsewhere is its own."""


def places_of(models: Mapping[str, ModelSettings]) -> list[Place]:
    """Return where these models' jobs are; first the places that decide most about a job in them."""
    # Strings: for three folders of each of a thousand models.
    whose: list[dict[str, dict[str, ModelSettings]]] = [{}, {}, {}]
    drops: dict[str, str] = {}
    for name, model in models.items():
        drops[name] = drop = str(model.drop)
        inside = drop.rstrip("/")
        folders = (
            str(model.done or f"{inside}/done"),
            str(model.failed or f"{inside}/failed"),
            f"{inside}/{WORK}",
        )
        for folder, models_of in zip(folders, whose, strict=True):
            models_of.setdefault(folder, {})[name] = model
    return [
        Place(Path(folder), state, theirs, _way(folder, theirs, drops))
        for state, places in zip((State.DONE, State.FAILED, None), whose, strict=True)
        for folder, theirs in places.items()
    ]


def _way(
    folder: str, models: Mapping[str, ModelSettings], drops: Mapping[str, str]
) -> tuple[Path, tuple[str, ...]]:
    for name, model in models.items():
        drop = drops[name]
        if folder == drop or folder.startswith(f"{drop.rstrip('/')}/"):
            return model.drop, tuple(folder[len(drop) :].strip("/").split("/")) if folder != drop else ()
    return Path(folder), ()


@dataclass
class Names:
    """What is in a place, by name."""

    jobs: list[str] = field(default_factory=list)
    parts: list[Part] = field(default_factory=list)
    cut: bool = False
    """True where there is more than was read."""


class Copy(NamedTuple):
    """What is in a job's folder."""

    name: str
    job: Job | None
    """None where there is no copy that counts."""
    signed: bool


def names_in(place: Place) -> Names:
    """Return the names in a place, none where it does not exist. Raises OSError; its share may hang."""
    found = Names()
    drop, below = place.way
    try:
        with held(drop, *below) as here:
            for name in _names(here):
                if not _PART.fullmatch(name):
                    found.jobs.append(name)
                elif len(found.parts) < _MOST_PARTS:
                    found.parts.append(Part(drop, below, name))
                if len(found.jobs) >= _MOST_NAMES:
                    found.cut = True
                    break
    except FileNotFoundError:
        return Names()
    return found


def _names(place: Path) -> Iterator[str]:
    with listed(place) as (_, entries):
        for entry in entries:
            if _PART.fullmatch(entry.name) or (
                FOLDER_NAME.fullmatch(entry.name) and entry.is_dir(follow_symlinks=False)
            ):
                yield entry.name


def copies_in(
    place: Place, names: Sequence[str], files: JobFiles, owners: frozenset[int], *, believe: bool
) -> list[Copy]:
    """Return the copies in these folders of a place. Raises OSError; its share may hang.

    Besides `owners`, the owner of the place may own them: a server may show retraind's own files as
    somebody's. With `believe`, whoever owns them.
    """
    drop, below = place.way
    with held(drop, *below) as here:
        own = None if believe else owners | {status(here, follow=True).st_uid}
        return [Copy(name, *_copy(here, name, files, own, believe=believe)) for name in names]


def _copy(
    place: Path, name: str, files: JobFiles, owners: frozenset[int] | None, *, believe: bool
) -> tuple[Job | None, bool]:
    """Return the copy in a job's folder, and whether its signature is valid."""
    try:
        with held(place, name) as folder:
            signed = files.read(folder, name, owners=owners)
            if signed is not None or not believe:
                return signed, True
            return files.read(folder, name, believe=True), False
    except NoAnswer:
        raise
    except OSError:
        # It was replaced since it was listed; the others still count.
        return None, True
