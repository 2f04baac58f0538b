"""One job as `retraind show` prints it: what becomes of it, its data, its folder, its history."""

from pathlib import Path
from typing import NamedTuple

from retraind.bundle.progress import Doing, Noted, progress_of
from retraind.config.settings import WORK, Settings
from retraind.domain.job import RESTING, Job, Outcome, State
from retraind.domain.people import Person, person_in
from retraind.domain.problems import Problem
from retraind.domain.records import Event
from retraind.report.layout import WIDTH, paragraphs
from retraind.report.messages import detail_in_words
from retraind.report.notes import note, story
from retraind.report.wording import Line, Voice
from retraind.system.clock import for_people
from retraind.system.escape import display


class Whereabouts(NamedTuple):
    """What is known of a job besides the journal's record."""

    folder: Path | None
    """Where its files are; None where the configuration says nothing of its model, nor the job."""
    step: Noted | None
    """How far the step in work has come; None while none is under way that takes long."""
    doubt: bool
    """Whether it is uncertain that the service has received the upload."""

    @property
    def sent(self) -> int | None:
        """Bytes of its upload that were sent; None while none is under way."""
        return self.step.done if self.step and self.step.doing is Doing.UPLOAD else None


def whereabouts(job: Job, settings: Settings) -> Whereabouts:
    """Look for a job; no share is touched."""
    step = None if job.state in RESTING else progress_of(settings.state.spool, job.id)
    found = Whereabouts(_folder(job, settings), step, doubt=False)
    begun = job.registration is not None and job.registration.put_started_at is not None
    return found._replace(doubt=job.state is State.REGISTERED and begun and found.sent is None)


def progress_lines(job: Job, found: Whereabouts, voice: Voice) -> list[tuple[Line, str]]:
    """Return how far the step in work has come, and how much there is to send."""
    if job.state is State.REGISTERED and job.bundle:
        return [(Line.UPLOAD, voice.label("upload_line", sent=found.sent, total=job.bundle.bytes))]
    if found.step is None:
        return []
    doing, done, total = found.step
    return [(Line.PROGRESS, voice.label("progress_line", doing=doing, done=done, total=total))]


def _folder(job: Job, settings: Settings) -> Path | None:
    model = settings.models.get(job.model)
    if job.state in RESTING and job.state is not State.RETURNED:
        if job.filed_in:
            return Path(job.filed_in) / job.id
        if model:
            return (model.failed_folder if job.outcome is Outcome.FAILED else model.done_folder) / job.id
        return None
    drop = model.drop if model else Path(job.drop) if job.drop else None
    if drop is None or job.state is State.RETURNED:
        return drop
    return drop / WORK / job.id


def job_text(
    job: Job,
    now: Problem,
    hold: Problem | None,
    found: Whereabouts,
    *,
    policy: str | None,
    width: int = WIDTH,
) -> str:
    """Return the text. `now` is what becomes of a job in work, `hold` what it waits for if it is on hold."""
    voice = Voice(codes=True).on(job.model, job.id)
    more = [(Line.FOLDER, display(str(found.folder)))] if found.folder else []
    if job.outcome:
        if job.state is State.FAILED and job.end and not job.end.continued_in:
            more.append((Line.RETRY, voice.label("retry_line")))
        text = note(job, voice, policy=policy, more=more, width=width)
        return f"{text}\n{paragraphs([voice.tell(hold)], width)}" if hold else text
    more = [*progress_lines(job, found, voice), *more]
    parts = [f"{job.id} ({job.state}): {voice.tell(now)}"]
    if found.doubt and job.registration:
        parts.append(voice.label("upload_in_doubt", since=job.registration.put_started_at))
    parts += [voice.tell(hold)] if hold and not job.hold else []
    return paragraphs([*parts, story(job, voice, more, width)], width)


def event_line(event: Event, voice: Voice) -> str:
    """Return a line of the history."""
    told = detail_in_words(event, voice)
    if by := person_in(event.detail):
        told["by"] = who(by, voice)
    detail = "  ".join(
        f"{name}={', '.join(map(str, value)) if isinstance(value, list) else value}"
        for name, value in told.items()
        if value and name != "facts"
    )
    return f"{for_people(event.at)}  {event.event:<24} {detail}".rstrip()


def who(by: Person, voice: Voice) -> str:
    """Return who asked for something."""
    return voice.label("person", name=by.name, uid=by.uid, sudo_user=by.sudo_user, host=by.host)
