"""The lists of `status` and `jobs`: as wide as the terminal, with names that are never broken."""

import sys
from collections.abc import Collection, Iterable, Mapping, Sequence
from itertools import zip_longest

from rich.cells import cell_len
from rich.console import Console

from retraind.cli.output import print_text
from retraind.domain.job import Job
from retraind.domain.names import SHORT_ID
from retraind.domain.records import ModelHold
from retraind.report.model_status import ModelOverview
from retraind.report.wording import Voice
from retraind.system.clock import for_people
from retraind.system.escape import display

_NONE = "-"
_GAP = "  "
_NUMBERS = frozenset({"in_work", "done", "failed"})
"""Columns that are aligned on the right."""
_ANY_WIDTH = 10_000


class _Console(Console):
    def on_broken_pipe(self) -> None:
        """Leave it to `main`, as all other output does."""
        raise BrokenPipeError


def console() -> Console:
    """Return where lists are printed: as wide as the terminal, and as they like for programs."""
    return _Console(
        width=None if sys.stdout.isatty() else _ANY_WIDTH, highlight=False, markup=False, emoji=False
    )


def print_models(out: Console, models: Sequence[ModelOverview], voice: Voice) -> None:
    """Print a row for each model and, below it, what is to be known now."""
    rows = [_model_row(model) for model in models] or [{"model": ""}]
    lines = _aligned(rows, voice)
    if narrow := not _fit(lines, out):
        lines = _aligned([{name: row[name] for name in row if name != "drop_folder"} for row in rows], voice)
    below = [
        [
            *([voice.label("status_folder", path=model.drop)] if narrow else []),
            *(model.sentences or [voice.label("status_idle")]),
        ]
        for model in models
    ]
    _print_rows(lines, below, out)


def _model_row(model: ModelOverview) -> dict[str, str]:
    return {
        "model": model.name,
        "in_work": str(len(model.jobs)),
        "done": str(model.done),
        "failed": str(model.failed),
        "published": model.published[-SHORT_ID:] if model.published else _NONE,
        "drop_folder": display(model.drop),
    }


def print_jobs(
    out: Console, jobs: Sequence[Job], holds: Mapping[str, ModelHold], published: Collection[str | None]
) -> None:
    """Print a row for each job; where there is no room for the ids, with the short ones."""
    voice = Voice()
    rows = [_job_row(job, holds, published, voice) for job in jobs]
    short = [{**row, "job": row["job"][-SHORT_ID:]} for row in rows]
    for names, shown in (_WITH_IDS, rows), (_WITH_KEYS, short):
        lines = _aligned([{name: row[name] for name in names} for row in shown], voice)
        if _fit(lines, out):
            _print_rows(lines, [], out)
            return
    lines = _aligned([{name: row[name] for name in _NARROW} for row in short], voice)
    _print_rows(lines, [filter(None, (row["key"], row["taken_in"])) for row in short], out)


_WITH_IDS = ("job", "model", "state", "outcome", "taken_in")
_WITH_KEYS = ("job", "key", "model", "state", "outcome", "taken_in")
_NARROW = ("job", "model", "state", "outcome")


def _job_row(
    job: Job, holds: Mapping[str, ModelHold], published: Collection[str | None], voice: Voice
) -> dict[str, str]:
    return {
        "job": display(job.id),
        "key": display(job.key),
        "model": job.model,
        "state": voice.label("jobs_state", state=job.state, held=job.waits_for_hold(holds)),
        "outcome": voice.label("jobs_outcome", outcome=job.outcome, published=job.id in published),
        "taken_in": for_people(job.created_at),
    }


def _aligned(rows: Sequence[Mapping[str, str]], voice: Voice) -> list[str]:
    """Return a heading and the rows, of equal columns."""
    names = list(rows[0])
    table = [{name: voice.label("column", name=name) for name in names}, *rows]
    widths = {name: max(cell_len(row[name]) for row in table) for name in names}

    def cell(name: str, text: str) -> str:
        blanks = " " * (widths[name] - cell_len(text))
        return blanks + text if name in _NUMBERS else text + blanks

    return [_GAP.join(cell(name, row[name]) for name in names).rstrip() for row in table]


def _fit(lines: Sequence[str], out: Console) -> bool:
    return not out.is_terminal or max(map(cell_len, lines)) <= out.width


def _print_rows(lines: Sequence[str], below: Iterable[Iterable[str]], out: Console) -> None:
    """Print a heading and rows, and below each row what belongs to it."""
    heading, *rows = lines
    out.print(heading, style="bold", soft_wrap=True)
    for row, more in zip_longest(rows, below, fillvalue=()):
        out.print(row, soft_wrap=True)
        for line in more:
            print_text(f"{_GAP}{display(line)}")
