"""The steps in work that take long, as the daemon notes them, each with its pace; and the line for one."""

from collections.abc import Mapping
from pathlib import Path
from typing import NamedTuple

from rich.text import Text

from retraind.bundle.progress import Noted, under_way
from retraind.cli.live.drawing import Amount, Glyphs, progress_line
from retraind.cli.live.pace import Pace, Paces
from retraind.report.wording import Voice


class Step(NamedTuple):
    """A job's step that takes long."""

    noted: Noted
    pace: Pace


class Steps:
    """Looks at them again and again."""

    def __init__(self) -> None:
        self._paces = Paces()

    def now(self, spool: Path, at: float) -> Mapping[str, Step]:
        """Return those under way, by job; `at` is the moment (seconds of a clock that never jumps)."""
        found = under_way(spool)
        paces = self._paces.of({(job, noted.doing): noted.done for job, noted in found.items()}, at)
        return {job: Step(noted, paces[job, noted.doing]) for job, noted in found.items()}


def step_line(width: int, key: str, step: Step, glyphs: Glyphs, *, model: str = "") -> Text:
    """Return a line with a bar for a job's step; `model` is named where it is not known otherwise."""
    noted, pace = step
    label = Voice().label("progress_of_step", key=key, model=model, doing=noted.doing)
    return progress_line(width, label, Amount(noted.done, noted.total), pace, glyphs)
