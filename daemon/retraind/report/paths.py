"""What the paths of retraind's machine are called on a share, where they are of no use and would tell how it is laid out."""

import re
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import NamedTuple

from retraind.config.settings import ModelSettings, StateSettings
from retraind.system.escape import display


class _Place(NamedTuple):
    path: Path
    words: str
    """For the folder itself."""
    before: str | None
    """What the paths of what is in it begin with; None where nobody on the share can see into it."""


def for_the_share(
    model: ModelSettings, state: StateSettings, earlier: Iterable[str] = ()
) -> Callable[[str], str]:
    """Return what rewrites sentences for people who see only the model's drop folder.

    `earlier` are the drop folders that its jobs were taken in from.
    """
    places = [
        _Place(model.drop, "this folder", ""),
        _Place(model.done_folder, "done/", "done/"),
        _Place(model.failed_folder, "failed/", "failed/"),
        _Place(state.spool, "the spool on retraind's machine", None),
        _Place(state.journal_file.parent, "the state folder on retraind's machine", None),
        *(_Place(Path(drop), "the earlier drop folder", None) for drop in {*earlier} - {str(model.drop)}),
    ]
    # Of folders in one another, the inner one is meant.
    known = {display(str(place.path)): place for place in sorted(places, reverse=True)}
    names = "|".join(map(re.escape, known))
    pattern = rf"(?<![\w./-])({names})(?:/([^\s:]*[^\s:.,;])|(?![\w-]|\.\w))"

    def word(found: re.Match[str]) -> str:
        place, below = known[found[1]], found[2]
        return place.words if below is None or place.before is None else place.before + below

    def plain(text: str) -> str:
        # Hardly a sentence has a path in it, and a thousand folders are told of at the start.
        return re.sub(pattern, word, text) if any(name in text for name in known) else text

    return plain
