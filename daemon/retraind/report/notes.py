"""The notes that are filed with the data: RESULT.txt and ERROR.txt, for someone who sees only the share.

Pure: a job goes in, a text comes out. The phrases are in `wording/`.
"""

import textwrap
from collections.abc import Sequence

from retraind.domain.job import Job, Outcome, Publication, State, present
from retraind.domain.problems import Problem, problem
from retraind.report.layout import WIDTH, LaidOut, bullets, cells, fill, paragraphs
from retraind.report.wording import Line, Voice
from retraind.system.escape import display, printable

RESULT = "RESULT.txt"
ERROR = "ERROR.txt"
REPORT = "report.json"
RESULTS_FILE = "results.zip"


def headline(job: Job) -> Problem:
    """Return in one sentence how the job ended."""
    end, publication = job.end, job.publication or Publication()
    if end is None:
        return problem("headline_unfinished", state=job.state)
    match end.outcome:
        case Outcome.FAILED if end.continued_in:
            return problem("headline_continued", continued_in=end.continued_in)
        case Outcome.FAILED if job.trained_at:
            return problem("headline_failed_later")
        case Outcome.SWITCHED if publication.by_hand:
            return problem("headline_by_hand", again=publication.first_at is not None)
        case Outcome.TRAINED if publication.open:
            return problem("headline_unclear")
    return problem("headline", outcome=end.outcome)


def remedy_of(job: Job, voice: Voice) -> str:
    """Return what is to be done about a failed job; nothing where there is nothing."""
    if job.end and job.end.continued_in:
        return voice.label("result_is_elsewhere", continued_in=job.end.continued_in)
    return voice.on(job.model, job.id).say(job.problem).remedy if job.problem else ""


def next_delivery(model: str, policy: str | None) -> Problem | None:
    """Return a warning for whoever publishes a job by hand, if the model's `policy` publishes others."""
    if policy not in {"always", "gate"}:
        return None
    return problem("next_delivery_publishes", policy=policy, model=model)


def note_name(job: Job) -> str:
    """Return which of the two notes the job gets."""
    return ERROR if job.outcome is Outcome.FAILED else RESULT


def note(
    job: Job,
    voice: Voice,
    *,
    policy: str | None = None,
    grown: Sequence[Problem] = (),
    more: Sequence[tuple[Line, str]] = (),
    width: int = WIDTH,
) -> str:
    """Return the note of a job whose outcome is decided.

    `policy` is its model's `switch`, if known; `grown` says which of its files have grown since; `more` are
    further lines of its data, for operators.
    """
    voice = voice.on(job.model, job.id)
    parts = [voice.tell(headline(job))]
    failed = job.outcome is Outcome.FAILED
    if failed and job.problem:
        parts.append(voice.label("what_happened", why=job.problem))
        if job.problem.details:
            parts.append(bullets(map(voice.finding, job.problem.details), width, voice.language))
        if remedy := remedy_of(job, voice):
            parts.append(voice.label("what_to_do", remedy=remedy))
    parts += map(voice.tell, grown)
    if job.training and job.training.continues:
        parts.append(voice.label("training_continued", continues=job.training.continues))
    parts.append(story(job, voice, more, width))
    parts += [] if failed else _result(job, voice, policy)
    if job.warnings:
        found = bullets(map(voice.finding, job.warnings), width, voice.language)
        parts.append(f"{voice.label('about_the_data')}\n{found}")
    if job.data and job.data.ignored:
        parts.append(voice.label("rules_ignored", rules=job.data.ignored))
    if failed:
        parts.append(_advice(job, voice))
    return paragraphs(parts, width, voice.language)


def _result(job: Job, voice: Voice, policy: str | None) -> list[str]:
    """Return what has become of the model, and what to do next."""
    end, publication = present(job.end), job.publication or Publication()
    parts = [voice.tell(publication.note)] if publication.note else []
    match end.outcome:
        case Outcome.TRAINED:
            there = job.training is not None and job.training.results_name is not None
            parts.append(
                voice.label(
                    "next_after_training", results=RESULTS_FILE, there=there, unclear=publication.open
                )
            )
        case Outcome.SWITCHED:
            if publication.by_hand and (warning := next_delivery(job.model, policy)):
                parts.append(voice.tell(warning))
            parts.append(voice.label("next_after_switch"))
        case Outcome.SUPERSEDED:
            parts.append(voice.label("next_after_superseded", newer=end.earlier_job))
        case Outcome.DUPLICATE:
            if end.times > 1:
                parts.append(voice.label("delivered_again", times=end.times, since=end.since))
            if not publication.note:
                parts.append(voice.label("next_after_duplicate", earlier=end.earlier_job))
        case Outcome.FAILED:
            pass  # That is not a result.
    if job.gate and job.gate.output:
        said = textwrap.indent(printable(job.gate.output.strip().expandtabs()), "    ")
        parts.append(f"{voice.label('gate_said')}\n{said}")
    return parts


def _advice(job: Job, voice: Voice) -> str:
    """Return what to do with the files of a failed job."""
    end = present(job.end)
    if end.continued_in:
        return voice.label("files_of_no_more_use")
    is_training = job.trained_at or end.resume_in is State.UPLOADED
    of_the_data = end.failed_in in {None, State.SEALING, State.SEALED, State.UPLOADED}
    return voice.label("files_to_deliver_again" if of_the_data and not is_training else "files_to_retry")


def story(job: Job, voice: Voice, more: Sequence[tuple[Line, str]], width: int) -> LaidOut:
    """Return the data of the job, a line for each, and `more` of them."""
    named = [
        (voice.label("line_begins", name=voice.label("line_of", line=line)), told)
        for line, told in story_lines(job, voice, more)
    ]
    indent = max(cells(name) for name, _ in named) + 2
    laid_out = (
        fill(told, name + " " * (indent - cells(name)), " " * indent, width, voice.language)
        for name, told in named
    )
    return LaidOut("\n".join(laid_out))


def story_lines(job: Job, voice: Voice, more: Sequence[tuple[Line, str]]) -> list[tuple[Line, str]]:
    """Return the data of the job, and `more`, without what is empty."""
    files = [
        voice.label(
            "file_line",
            name=file.name,
            role=file.role,
            size=file.signature.size,
            rows=job.data.rows.get(file.role) if job.data else None,
        )
        for file in job.files
    ]
    training, publication = job.training, job.publication or Publication()
    moments = {
        Line.TAKEN_IN: job.created_at,
        Line.UPLOADED: training.uploaded_at if training else None,
        Line.TRAINED: job.trained_at,
        Line.PUBLISHED: publication.first_at or publication.at,
        Line.PUBLISHED_AGAIN: publication.at if publication.first_at else None,
        Line.CLOSED: job.updated_at if job.end else None,
    }
    took = ""
    # Earlier than it began, a training ended only by a clock that was set back.
    if training and training.trained_at and training.trained_at >= training.uploaded_at:
        took = voice.label("training_took", time=training.trained_at - training.uploaded_at)
    lines = [
        (Line.MODEL, job.model),
        (Line.DELIVERY, display(job.key) or voice.label("without_key")),
        (Line.JOB, job.id),
        *((Line.FILE, file) for file in files),
        *((line, voice.label("moment_of_line", at=moment)) for line, moment in moments.items() if moment),
        (Line.TRAINING, took),
        (Line.RETRAIN_JOB, display(job.retrain_job_id or "")),
        (Line.MODEL_ID, "" if training is None or training.model_id is None else str(training.model_id)),
        (Line.SERVICE_SAYS, display((training and training.message) or "")),
        *more,
    ]
    return [(line, told) for line, told in lines if told]
