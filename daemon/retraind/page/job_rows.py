"""Lines of lists: jobs, and the events of a history."""

from collections.abc import Container, Iterable, Mapping
from datetime import datetime
from typing import NamedTuple

from retraind.bundle.progress import Noted
from retraind.domain.job import RESTING, Job, Outcome, State
from retraind.domain.people import person_in
from retraind.domain.problems import Problem
from retraind.domain.records import Event
from retraind.page.look import Look
from retraind.report.job_screen import who
from retraind.report.wording import Voice
from retraind.system.escape import display, display_name

OF_ALL_MODELS = frozenset(
    {"host_down", "host_still_down", "host_back", "host_try_asked", "rebuild_asked", "journal_mended"}
)
"""What is about hosts and the journal."""
OF_A_MODEL = frozenset(
    {
        "model_held", "model_released", "hold_tried", "key_warning", "snoozed", "expectation",
        "model_adopted", "folder_accepted", "folder_away", "folder_reassigned", "model_refused",
        "expectation_began",
    }
)  # fmt: skip
"""What is worth knowing of a model besides its jobs, and stays so few that it can be looked up at once."""


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


class Bar(NamedTuple):
    """How far the step under way of a job has come."""

    job: str
    label: str
    percent: int
    told: str


def bars(steps: Mapping[str, Noted], voice: Voice) -> dict[str, Bar]:
    """Return the bars of the steps under way, by job."""
    return {
        job: Bar(
            job,
            voice.label("page_doing", doing=noted.doing.value),
            noted.percent,
            voice.label("page_percent", percent=noted.percent),
        )
        for job, noted in steps.items()
    }


def tone_and_label(job: Job, held: Container[str], bar: Bar | None, look: Look) -> tuple[str, str]:
    """Return the colour and the word for how a job is."""
    if job.waits_for_hold(held):
        return "held", look.voice.label("page_held")
    if bar is not None:
        return "busy", bar.label
    if job.state in RESTING and job.outcome:
        return _TONES[job.outcome], look.voice.label("page_outcome", outcome=job.outcome)
    tone = "quiet" if job.state in {State.RETURNED, State.SEALED} else "busy"
    return tone, look.voice.label("page_state", state=job.state)


def job_rows(jobs: Iterable[Job], held: Container[str], steps: Mapping[str, Bar], look: Look) -> list[JobRow]:
    """Return a line for each job. `held` are the models on hold, `steps` the bars of those under way."""
    return [_row(job, held, steps.get(job.id), look) for job in jobs]


def _row(job: Job, held: Container[str], bar: Bar | None, look: Look) -> JobRow:
    voice = look.voice
    tone, label = tone_and_label(job, held, bar, look)
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


class Entry(NamedTuple):
    """A line of the history."""

    at: datetime
    moment: str
    label: str
    event: str
    told: str
    remedy: str
    details: tuple[tuple[str, str], ...]


def entry(event: Event, voice: Voice, *, is_operator: bool) -> Entry:
    """Return an event as it is shown."""
    problem = next((each for each in event.detail.values() if isinstance(each, Problem)), None)
    said, by = voice.say(problem) if problem else None, person_in(event.detail)
    # Plain values may be paths of the machine: they are for those who have access to it.
    details = tuple(
        (display_name(name), display(", ".join(map(str, value)) if isinstance(value, list) else str(value)))
        for name, value in {**event.detail, **({"by": who(by, voice)} if by else {})}.items()
        if is_operator and not isinstance(value, Problem) and value not in (None, "")
    )
    return Entry(
        event.at,
        voice.label("page_moment", at=event.at),
        voice.label("page_event", event=event.event, host=event.detail.get("host"), over=event.over),
        event.event,
        said.what if said else "",
        said.remedy if said else "",
        details,
    )
