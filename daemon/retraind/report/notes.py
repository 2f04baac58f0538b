"""The notes that are filed with the data: RESULT.txt and ERROR.txt, for someone who sees only the share.

All wording for people on the share is here and in `status.py`. Pure: a job goes in, a text comes out.
"""

import re
import textwrap
from collections.abc import Iterable

from retraind.domain.job import Job, Outcome, Role, State
from retraind.report.wording import Voice
from retraind.system.clock import for_people, span_for_people
from retraind.system.escape import display, printable

RESULT = "RESULT.txt"
ERROR = "ERROR.txt"
REPORT = "report.json"
RESULTS_FILE = "results.zip"
_WIDTH = 100

_HEADLINES = {
    Outcome.SWITCHED: "The model was retrained with this data, and the new model was published.",
    Outcome.TRAINED: "The model was retrained with this data. The published model has not been changed.",
    Outcome.SUPERSEDED: "This data was not used: a newer delivery for the same model was waiting behind it.",
    Outcome.DUPLICATE: "This data was not used again: the model has already been trained with exactly these files.",
    Outcome.FAILED: "The model was NOT retrained with this data.",
}
_NEXT = {
    "always": "is published by itself",
    "gate": "is published if the gate lets it pass",
}
OPERATOR = Voice()
_ROLES = {Role.TRAIN: "training", Role.EVAL: "evaluation", Role.MARKER: "marker", Role.MANIFEST: "manifest"}


def headline(job: Job) -> str:
    """Say in one sentence how the job ended."""
    if job.outcome is None:
        return f"The job is not finished yet ({job.state})."
    if job.outcome is Outcome.FAILED and job.continued_in:
        return (
            "The same files were delivered again, and the new delivery waits for the training that this one has started. See "
            f"{job.continued_in}."
        )
    if job.outcome is Outcome.FAILED and job.trained_at:
        return "The model was retrained with this data, but a later step failed."
    if job.outcome is Outcome.SWITCHED and job.switched_by_hand:
        again = " again" if job.first_switched_at else ""
        return f"The model was retrained with this data, and the new model was published{again}, by hand."
    if job.outcome is Outcome.TRAINED and job.switch_open:
        return (
            "The model was retrained with this data. It is not certain whether the new model was published."
        )
    return _HEADLINES[job.outcome]


def remedy_of(job: Job, voice: Voice = OPERATOR) -> str:
    """Say what is to be done about a failed job; nothing where there is nothing."""
    if job.continued_in:
        return f"Nothing here. What comes of the training is told in the folder of {job.continued_in}."
    return voice.on(job.model, job.id).say(job.problem).remedy if job.problem else ""


def next_delivery(model: str, policy: str | None) -> str | None:
    """Warn whoever publishes a job's result by hand that the model's `policy` goes on; None where it publishes nothing."""
    if policy not in _NEXT:
        return None
    return (
        f'Mind the next delivery: what it trains {_NEXT[policy]} (switch = "{policy}"), in place of this. To prevent that, '
        f'the operator of retraind sets switch = "manual" for {model} in the configuration and reloads it.'
    )


def note_name(job: Job) -> str:
    """Return which of the two notes the job gets."""
    return ERROR if job.outcome is Outcome.FAILED else RESULT


def note(job: Job, *, policy: str | None = None, voice: Voice = OPERATOR) -> str:
    """Word the note of a job whose outcome is decided; `policy` is its model's `switch`, where it has one."""
    return (
        error_note(job, voice)
        if job.outcome is Outcome.FAILED
        else result_note(job, policy=policy, voice=voice)
    )


def result_note(job: Job, *, policy: str | None = None, voice: Voice = OPERATOR) -> str:
    """Word RESULT.txt."""
    voice = voice.on(job.model, job.id)
    parts = [headline(job), *_taken_over(job), *_story(job)]
    if job.switch_note:
        parts.append(voice.tell(job.switch_note))
    if job.outcome is Outcome.TRAINED:
        look = f"look at {RESULTS_FILE}" if job.results_name else f"{RESULTS_FILE} is no longer here"
        purpose = "make sure that the new model is published" if job.switch_open else "publish the new model"
        parts.append(
            f"What to do next: {look}. To {purpose}, the operator of retraind runs\n"
            f"    retraind switch {job.id}"
        )
    elif job.outcome is Outcome.SWITCHED:
        warning = next_delivery(job.model, policy) if job.switched_by_hand else None
        if warning:
            parts.append(warning)
        parts.append(
            "What to do next: nothing. STATUS.txt in the drop folder says which model is published now.\n"
            "To go back to an earlier model, the operator of retraind runs\n"
            "    retraind switch JOB\n"
            "with the name of an earlier folder in done/."
        )
    elif job.outcome is Outcome.SUPERSEDED:
        parts.append(f"The newer delivery is {job.earlier_job}. What to do next: nothing.")
    elif job.outcome is Outcome.DUPLICATE and not job.switch_note:
        parts.append(
            f"The earlier delivery is {job.earlier_job}. What to do next: nothing, unless new data was meant to "
            "arrive; then please check the export."
        )
    if job.gate_output:
        parts.append(
            "The gate said:\n" + textwrap.indent(printable(job.gate_output.strip().expandtabs()), "    ")
        )
    if job.warnings:
        parts.append("Worth knowing about the data:\n" + bullets(map(voice.finding, job.warnings)))
    return _text(parts)


def error_note(job: Job, voice: Voice = OPERATOR) -> str:
    """Word ERROR.txt: what happened, where, and what to do."""
    voice = voice.on(job.model, job.id)
    parts = [headline(job)]
    if job.problem:
        parts.append("What happened: " + voice.say(job.problem).what)
        if job.problem.details:
            parts.append(bullets(map(voice.finding, job.problem.details)))
        if remedy := remedy_of(job, voice):
            parts.append("What to do next: " + remedy)
    parts += [*_taken_over(job), *_story(job)]
    if job.warnings:
        parts.append("Also worth knowing about the data:\n" + bullets(map(voice.finding, job.warnings)))
    if job.continued_in:
        parts.append("The files are here, as they were delivered. The folder is no longer needed.")
        return _text(parts)
    goes_on = job.trained_at or job.resume_in is State.UPLOADED
    if job.failed_in in {None, State.SEALING, State.SEALED, State.UPLOADED} and not goes_on:
        parts.append(
            "The files are here, as they were delivered. After correcting them, deliver them again in the drop folder "
            "under their old names; this folder can then be deleted."
        )
    else:
        parts.append(
            "The files are here, as they were delivered. Keep the folder as long as a retry may be wanted."
        )
    return _text(parts)


def _taken_over(job: Job) -> list[str]:
    if not job.continues:
        return []
    return [
        f"The training was started by an earlier delivery of the same files, {job.continues}, which had stopped waiting for it. "
        "This delivery waited for the same training; nothing was sent again."
    ]


def _story(job: Job) -> list[str]:
    lines = [
        f"Model:      {job.model}",
        f"Delivery:   {display(job.key) or '(without a key)'}",
        f"Job:        {job.id}",
    ]
    for file in job.files:
        rows = job.rows.get(file.role)
        counted = f", {rows:,} row{'s' * (rows != 1)}" if rows is not None else ""
        lines.append(
            f"{'File:':<12}{display(file.name)} ({_ROLES[file.role]}, {file.signature.size:,} bytes{counted})"
        )
    times = (
        ("Taken in:", job.created_at),
        ("Uploaded:", job.uploaded_at),
        ("Trained:", job.trained_at),
        ("Published:", job.first_switched_at or job.switched_at),
        ("Again:", job.switched_at if job.first_switched_at else None),
        ("Closed:", job.updated_at),
    )
    lines += [f"{label:<12}{for_people(moment)}" for label, moment in times if moment]
    # Earlier than it began, a training ended only by a clock that was set back.
    if job.uploaded_at and job.trained_at and job.trained_at >= job.uploaded_at:
        lines.append(f"Training:   took {span_for_people(job.trained_at - job.uploaded_at)}")
    if job.retrain_job_id:
        lines.append(f"Retrain job at the service: {display(job.retrain_job_id)}")
    if job.trained_model_id is not None:
        lines.append(f"Model id at the service:    {job.trained_model_id}")
    if job.status_message:
        lines.append(f"The service says: {display(job.status_message)}")
    return ["\n".join(lines)]


_COMMAND = re.compile(r"\bretraind (?:adopt \S+|release|retry|switch|rebuild|show)(?: \S+)?")
_NO_BREAK = "\x00"


def fill(text: str, first: str = "", following: str = "") -> str:
    """Wrap a paragraph; names are not cut, and commands stay on one line, so that they can be copied."""
    held = _COMMAND.sub(lambda found: found[0].replace(" ", _NO_BREAK), text)
    wrapped = textwrap.fill(
        held,
        _WIDTH,
        initial_indent=first,
        subsequent_indent=following,
        break_long_words=False,
        break_on_hyphens=False,
    )
    return wrapped.replace(_NO_BREAK, " ")


def bullets(sentences: Iterable[str]) -> str:
    """List sentences, wrapped."""
    return "\n".join(fill(sentence, "  - ", "    ") for sentence in sentences)


def _text(parts: Iterable[str]) -> str:
    wrapped = (
        "\n".join(
            line if len(line) <= _WIDTH or line.startswith(" ") else fill(line) for line in part.splitlines()
        )
        for part in parts
    )
    return "\n\n".join(wrapped) + "\n"


def as_bytes(text: str) -> bytes:
    """Encode a note for the share: with a BOM and CRLF, so that Windows' own editor shows any language right.

    Whatever came from outside and cannot be printed is escaped.
    """
    return b"\xef\xbb\xbf" + printable(text).replace("\n", "\r\n").encode("utf-8", "backslashreplace")
