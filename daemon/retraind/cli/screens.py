"""The lists of `status` and `jobs`: as wide as the terminal, with names that are never broken."""

from collections.abc import Collection, Mapping, Sequence

from rich.cells import cell_len
from rich.console import Console
from rich.table import Table

from retraind.cli.output import print_text
from retraind.cli.tables import new_table
from retraind.domain.job import Job
from retraind.domain.names import SHORT_ID
from retraind.domain.records import ModelHold
from retraind.report.model_status import ModelOverview
from retraind.report.wording import Voice
from retraind.system.clock import for_people
from retraind.system.escape import display

_NONE = "-"
_ANY_WIDTH = 10_000
_GAP = "  "
_WORDS = frozenset({"model", "published", "drop_folder"})
"""Columns that are aligned on the left."""


def print_models(out: Console, models: Sequence[ModelOverview], voice: Voice) -> None:
    """Print a row for each model and, below it, what is to be known now."""
    heading, *rows = _aligned([_columns(model) for model in models], voice, out)
    out.print(heading, style="bold", soft_wrap=True)
    for row, model in zip(rows, models, strict=True):
        out.print(row, soft_wrap=True)
        below = [] if row.endswith(display(model.drop)) else [voice.label("status_folder", path=model.drop)]
        for line in (*below, *(model.sentences or [voice.label("status_idle")])):
            print_text(f"{_GAP}{display(line)}")


def _columns(model: ModelOverview) -> dict[str, str]:
    return {
        "model": model.name,
        "in_work": str(len(model.jobs)),
        "done": str(model.done),
        "failed": str(model.failed),
        "published": model.published[-SHORT_ID:] if model.published else _NONE,
        "drop_folder": display(model.drop),
    }


def _aligned(rows: Sequence[Mapping[str, str]], voice: Voice, out: Console) -> list[str]:
    """Return a heading and the rows, of equal columns; without the folders if they do not fit."""
    names = list(rows[0]) if rows else ["model"]
    table = [{name: voice.label("column", name=name) for name in names}, *rows]
    widths = {name: max(cell_len(row[name]) for row in table) for name in names}
    if out.is_terminal and sum(widths.values()) + len(_GAP) * (len(names) - 1) > out.width:
        names = [name for name in names if name != "drop_folder"]

    def cell(name: str, text: str) -> str:
        blanks = " " * (widths[name] - cell_len(text))
        return text + blanks if name in _WORDS else blanks + text

    return [_GAP.join(cell(name, row[name]) for name in names).rstrip() for row in table]


def print_jobs(
    out: Console, jobs: Sequence[Job], holds: Mapping[str, ModelHold], published: Collection[str | None]
) -> None:
    """Print a row for each job; where there is no room for the ids, with the short ones."""
    table = _jobs_table(jobs, holds, published, short=False)
    wanted = out.measure(table, options=out.options.update(max_width=_ANY_WIDTH)).maximum
    if wanted > out.width:
        table = _jobs_table(jobs, holds, published, short=True)
    out.print(table)


def _jobs_table(
    jobs: Sequence[Job], holds: Mapping[str, ModelHold], published: Collection[str | None], *, short: bool
) -> Table:
    voice, names = Voice(), ("job", "key") if short else ("job",)
    table = new_table(*names, "model", "state", "outcome", "taken_in")
    table.columns[0].no_wrap = True
    for job in jobs:
        table.add_row(
            *((job.id[-SHORT_ID:], display(job.key)) if short else (display(job.id),)),
            job.model,
            voice.label("jobs_state", state=job.state, held=job.waits_for_hold(holds)),
            voice.label("jobs_outcome", outcome=job.outcome, published=job.id in published),
            for_people(job.created_at),
        )
    return table
