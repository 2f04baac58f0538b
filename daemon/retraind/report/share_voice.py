"""The voice for people who see only a model's drop folder: paths are called what they are called there."""

from collections.abc import Iterable
from dataclasses import replace
from functools import cache
from pathlib import Path
from typing import NamedTuple

from retraind.config.settings import ModelSettings, StateSettings
from retraind.domain.job import Job
from retraind.report.wording import Audience, Voice
from retraind.system.escape import display


class _Folder(NamedTuple):
    path: Path
    words: str
    """For the folder itself, and for what is in it where nobody on the share can see into it."""
    before: str | None
    """What the paths of what is in it begin with."""


def share_voice(
    model: ModelSettings,
    state: StateSettings,
    jobs: Iterable[Job] = (),
    *,
    language: str,
    in_a_note: bool = False,
) -> Voice:
    """Return the voice for STATUS.txt, or with `in_a_note` for the notes in a job's folder.

    `jobs` are those that it may speak of: the model may have had other folders when these came or were filed.
    """
    voice, spoken_of = Voice(Audience.SHARE, language, codes=True), tuple(jobs)

    @cache
    def known() -> dict[Path, _Folder]:
        # Hardly a sentence names a path, and thousands of folders are published at a start.
        before = voice.label("earlier_drop_folder")
        earlier = (place for job in spoken_of for place in (*job.drops, job.filed_in) if place)
        folders = [
            *(_Folder(Path(each), before, None) for each in earlier),
            _Folder(state.journal_file.parent, voice.label("state_folder"), None),
            _Folder(state.spool, voice.label("spool_folder"), None),
            _Folder(model.failed_folder, "failed/", "failed/"),
            _Folder(model.done_folder, "done/", "done/"),
            _Folder(model.drop, voice.label("drop_folder", inside=not in_a_note), ""),
        ]
        return {folder.path: folder for folder in folders}

    return replace(voice, place=lambda path: _name(known(), voice, path))


def _name(known: dict[Path, _Folder], voice: Voice, path: Path) -> str:
    """Return what a path is called on the share. Of folders in one another, the inner one is meant."""
    folder = next((known[each] for each in (path, *path.parents) if each in known), None)
    if folder is None:
        return voice.show(path)
    if path == folder.path or folder.before is None:
        return folder.words
    return folder.before + display(str(path.relative_to(folder.path)))
