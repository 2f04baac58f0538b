"""The lists of `status` and `jobs`: as wide as the terminal, with names that are never broken."""

from collections.abc import Collection, Mapping, Sequence

from rich.console import Console
from rich.table import Table

from retraind.cli.output import new_table, print_text
from retraind.domain.job import Job
from retraind.domain.names import SHORT_ID
from retraind.domain.records import ModelHold
from retraind.report.model_status import ModelOverview
from retraind.report.wording import Voice
from retraind.system.clock import for_people
from retraind.system.escape import display

_COUNTS = ("in_work", "done", "failed")
_NONE = "-"
_ANY_WIDTH = 10_000


def _fits(out: Console, table: Table) -> bool:
    """Return whether a table is as wide as it would like to be; in a pipe, each is."""
    wanted = out.measure(table, options=out.options.update(max_width=_ANY_WIDTH)).maximum
    return not out.is_terminal or wanted <= out.width


def print_models(out: Console, models: Sequence[ModelOverview], voice: Voice) -> None:
    """Print a row for each model and, below it, what is to be known now."""
    table = _models_table(models, with_folders=True)
    folders_fit = _fits(out, table)
    if not folders_fit:
        table = _models_table(models, with_folders=False)
    with out.capture() as captured:
        out.print(table, width=_ANY_WIDTH, crop=False)
    # In pipes, trailing blanks are of no use.
    heading, *rows = [line.rstrip() for line in captured.get().rstrip("\n").split("\n")]
    out.file.write(f"{heading}\n")
    for row, model in zip(rows, models, strict=True):
        out.file.write(f"{row}\n")
        below = [] if folders_fit else [voice.label("status_folder", path=model.drop)]
        for line in (*below, *(model.sentences or [voice.label("status_idle")])):
            print_text(f"  {display(line)}")


def _models_table(models: Sequence[ModelOverview], *, with_folders: bool) -> Table:
    folders = ("drop_folder",) if with_folders else ()
    table = new_table("model", *_COUNTS, "published", *folders, numbers=_COUNTS)
    for model in models:
        table.add_row(
            model.name,
            *map(str, (len(model.jobs), model.done, model.failed)),
            model.published[-SHORT_ID:] if model.published else _NONE,
            *([display(model.drop)] if with_folders else []),
        )
    return table


def print_jobs(
    out: Console, jobs: Sequence[Job], holds: Mapping[str, ModelHold], published: Collection[str | None]
) -> None:
    """Print a row for each job; where there is no room for the ids, with the short ones."""
    table = _jobs_table(jobs, holds, published, short=False)
    if not _fits(out, table):
        table = _jobs_table(jobs, holds, published, short=True)
    out.print(table, width=None if out.is_terminal else _ANY_WIDTH, crop=False)


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
