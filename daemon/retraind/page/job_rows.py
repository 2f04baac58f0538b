"""Jobs as lines of a list."""

from collections.abc import Container, Iterable
from datetime import datetime
from typing import NamedTuple

from retraind.domain.job import RESTING, Job, Outcome, State
from retraind.page.look import Look
from retraind.system.escape import display_name


class JobRow(NamedTuple):
    """One job."""

    id: str
    key: str
    model: str
    link: str
    tone: str
    """good, bad, busy, held or quiet: its colour; the label says the same in a word."""
    label: str
    at: datetime
    taken_in: str
    numbers: tuple[str, str, str]
    """How long until the training had finished, or it was filed without one; rows; size."""


_TONES = {
    Outcome.TRAINED: "good",
    Outcome.SWITCHED: "good",
    Outcome.SUPERSEDED: "quiet",
    Outcome.DUPLICATE: "quiet",
    Outcome.FAILED: "bad",
}


def tone_and_label(job: Job, held: Container[str], look: Look) -> tuple[str, str]:
    """Return the colour and the word for how a job is."""
    if job.waits_for_hold(held):
        return "held", look.voice.label("page_held")
    if job.state in RESTING and job.outcome:
        return _TONES[job.outcome], look.voice.label("page_outcome", outcome=job.outcome)
    tone = "quiet" if job.state in {State.RETURNED, State.SEALED} else "busy"
    return tone, look.voice.label("page_state", state=job.state)


def job_rows(jobs: Iterable[Job], held: Container[str], look: Look) -> list[JobRow]:
    """Return a line for each job. `held` are the models on hold."""
    return [_row(job, held, look) for job in jobs]


def _row(job: Job, held: Container[str], look: Look) -> JobRow:
    voice = look.voice
    tone, label = tone_and_label(job, held, look)
    ended = job.trained_at or (job.updated_at if job.state in RESTING else None)
    rows = job.data.rows.get("train") if job.data else None
    size = sum(file.signature.size for file in job.data_files)
    numbers = (
        voice.label("page_duration", lasted=ended - job.created_at) if ended else "",
        voice.label("page_rows", rows=rows) if rows else "",
        voice.label("page_size", bytes=size),
    )
    return JobRow(
        job.id,
        display_name(job.key) or voice.label("page_without_key"),
        job.model,
        look.link("jobs", job.id),
        tone,
        label,
        job.created_at,
        voice.label("page_when", at=job.created_at),
        numbers,
    )
