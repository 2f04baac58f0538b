"""The list of jobs, and one job with what programs read of it."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from datetime import datetime
from types import MappingProxyType
from typing import Any, NamedTuple

from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response

from retraind.domain.job import RESTING, Job, Outcome, State
from retraind.domain.problems import Finding, Problem
from retraind.domain.records import Event
from retraind.domain.turns import next_in_turn
from retraind.page.job_rows import bars, entry, job_rows, tone_and_label
from retraind.page.look import Look
from retraind.page.model_pages import JOBS_ON_A_PAGE, Kind, frame
from retraind.page.reading import Reader, Snapshot
from retraind.report import notes, report_json
from retraind.report.job_screen import progress_lines, whereabouts
from retraind.report.standing import job_standing
from retraind.report.wording import Audience, Line, Voice
from retraind.store.journal import Journal
from retraind.store.rows import ACTIVE
from retraind.store.views.search import Wanted, search
from retraind.system.escape import display, display_name, printable

_EVENTS = 300
"""Entries of a history that are shown, the last ones."""
_LONGEST_TEXT = 200

STATES: Mapping[str, frozenset[State]] = MappingProxyType(
    {
        "all": frozenset(),
        "active": frozenset(map(State, ACTIVE)),
        "done": frozenset({State.DONE}),
        "failed": frozenset({State.FAILED}),
    }
)
"""What can be chosen of the list."""


def jobs_page(reader: Reader, request: Request, look: Look) -> Response:
    """Return the list of jobs."""
    snapshot, journal = reader.snapshot(), reader.journal()
    asked = request.query_params
    text = asked.get("q", "").strip()[:_LONGEST_TEXT]
    kind = asked.get("show", "all")
    kind = kind if kind in STATES else "all"
    model = asked.get("model") or None
    wanted = Wanted(model, STATES[kind], text, asked.get("before"))
    found = search(journal, wanted, JOBS_ON_A_PAGE)
    chosen = {"q": text, "model": model or "", "show": kind if kind != "all" else ""}
    held = {glance.name for glance in snapshot.glances.values() if glance.hold}
    steps = bars(snapshot.steps, look.voice)
    return look.page(
        "jobs.html",
        bars=steps,
        frame=frame(snapshot, look),
        kinds=[
            Kind(
                name,
                look.voice.label("page_jobs_kind", kind=name),
                look.link("jobs", **{**chosen, "show": name if name != "all" else ""}),
                name == kind,
            )
            for name in STATES
        ],
        kind=kind,
        model=model,
        all_models=look.link("jobs", **{**chosen, "model": ""}),
        jobs=job_rows(found.jobs, held, steps, look),
        text=display_name(text),
        searched=text,
        older=look.link("jobs", **chosen, before=found.more) if found.more else "",
        newest=look.link("jobs", **chosen) if wanted.before else "",
    )


class Step(NamedTuple):
    """One of the steps of a job."""

    name: str
    at: datetime | None
    told: str
    is_now: bool


class Shown(NamedTuple):
    """A finding."""

    severity: str
    label: str
    rule: str
    place: str
    what: str
    remedy: str
    service: str


_STEPS: Mapping[str, frozenset[str]] = MappingProxyType(
    {
        "sealed": frozenset({"delivery_sealed"}),
        "checked": frozenset({"data_checked"}),
        "bundled": frozenset({"bundle_built"}),
        "uploaded": frozenset({"upload_complete", "upload_found_complete"}),
        "trained": frozenset({"training_finished"}),
        "published": frozenset({"model_switched"}),
        "filed": frozenset({"job_filed"}),
    }
)
"""The steps that people know, and the events that end them."""
_NOW = {
    State.SEALING: "sealed", State.SEALED: "checked", State.CHECKED: "bundled", State.BUNDLED: "uploaded",
    State.REGISTERED: "uploaded", State.UPLOADED: "trained", State.TRAINED: "published",
    State.SWITCHING: "published", State.FILING: "filed", State.RESTORING: "sealed",
}  # fmt: skip


def job_page(reader: Reader, request: Request, look: Look) -> Response | None:
    """Return one job; None where there is none with this id."""
    snapshot, journal = reader.snapshot(), reader.journal()
    job = journal.jobs.get(request.path_params["job"])
    if job is None:
        return None
    voice = look.voice.on(job.model, job.id)
    held = journal.holds.all()
    history = journal.events.history(job.id, limit=_EVENTS)
    steps = bars(snapshot.steps, voice)
    tone, label = tone_and_label(job, held, steps.get(job.id), look)
    findings = [*(job.problem.details if job.problem else ()), *job.warnings]
    return look.page(
        "job.html",
        bars=steps,
        frame=frame(snapshot, look),
        job=job,
        key=display_name(job.key) or voice.label("page_without_key"),
        title=voice.label("page_job_title", key=job.key, model=job.model),
        tone=tone,
        label=label,
        **_told(job, journal, snapshot, voice),
        steps=list(_steps(job, history, voice)),
        facts=_facts(job, snapshot, look, voice),
        files=_files(job, voice),
        findings=[_finding(each, voice) for each in findings],
        was_checked=job.data is not None or bool(findings),
        entries=[entry(event, voice, is_operator=look.is_operator) for event in reversed(history)],
        cut=voice.label("page_history_cut", shown=_EVENTS) if len(history) == _EVENTS else "",
        scores=[
            (display_name(name), voice.label("page_score", value=value))
            for name, value in (job.training.scores if job.training else {}).items()
        ],
        gate=printable(job.gate.output.strip()) if job.gate and job.gate.output else "",
        note=notes.note(job, voice) if _is_noted(job) else "",
        note_name=notes.note_name(job) if _is_noted(job) else "",
        report=look.link("jobs", job.id, "report.json") if _is_noted(job) else "",
        others=look.link("jobs", model=job.model),
    )


def _is_noted(job: Job) -> bool:
    return job.outcome is not None and job.state in RESTING


def _told(job: Job, journal: Journal, snapshot: Snapshot, voice: Voice) -> dict[str, Any]:
    """Return how the job is, and what is to be done."""
    problem: Problem | None = None
    if job.outcome and job.state in RESTING:
        told = voice.tell(notes.headline(job))
        problem = job.problem if job.outcome is Outcome.FAILED else job.switch_note
        remedy = notes.remedy_of(job, voice) if job.outcome is Outcome.FAILED else ""
    else:
        active = journal.jobs.active(job.model)
        hold = snapshot.glances[job.model].hold if job.model in snapshot.glances else None
        problem = job.hold.problem if job.hold else hold.problem if hold else None
        now = job_standing(
            replace(job, hold=None),  # Why it is on hold, and what helps, has a place of its own.
            next_in_turn(active),
            snapshot.settings.api.host,
            down=snapshot.outages,
            held={job.model} if hold else (),
            running=snapshot.condition.is_good,
            step=snapshot.steps.get(job.id),
        )
        told = voice.tell(now)
        remedy = voice.say(problem).remedy if problem else ""
    return {"told": told, "why": voice.say(problem).what if problem else "", "remedy": remedy}


def _steps(job: Job, history: Sequence[Event], voice: Voice) -> Iterator[Step]:
    """Yield the steps that the job has taken, and those to come if it is in work."""
    reached = {
        step: max((event.at for event in history if event.event in events), default=None)
        for step, events in _STEPS.items()
    }
    now, before = _NOW.get(job.state), job.created_at
    for step, at in reached.items():
        told = voice.label("page_step", step=step)
        is_now = step == now
        if is_now:
            yield Step(told, None, voice.label("page_step_now"), is_now=True)
        elif at is not None:
            yield Step(
                told, at, voice.label("page_step_took", lasted=max(at - before, at - at)), is_now=False
            )
            before = at
        elif now is not None:
            yield Step(told, None, voice.label("page_step_open"), is_now=False)


def _facts(job: Job, snapshot: Snapshot, look: Look, voice: Voice) -> list[tuple[str, str]]:
    """Return the data of the job, but its files."""
    found = whereabouts(job, snapshot.settings)
    # While there is a bar, that says it, and moves.
    more = [] if found.step else progress_lines(job, found, voice)
    if look.is_operator:
        if found.folder:
            more.append((Line.FOLDER, display(str(found.folder))))
        if job.state is State.FAILED and job.end and not job.end.continued_in:
            more.append((Line.RETRY, voice.label("retry_line")))
    lines = notes.story_lines(job, voice, more)
    return [(voice.label("line_of", line=line), told) for line, told in lines if line is not Line.FILE]


def _files(job: Job, voice: Voice) -> list[dict[str, str]]:
    rows = job.data.rows if job.data else {}
    return [
        {
            "name": display_name(file.name),
            "role": voice.label("page_role", role=file.role),
            "size": voice.label("page_size", bytes=file.signature.size),
            "rows": voice.label("page_number", number=rows[file.role]) if file.role in rows else "",
            "sha256": file.sha256 or "",
        }
        for file in job.files
    ]


def _finding(finding: Finding, voice: Voice) -> Shown:
    words = voice.finding_words(finding)
    return Shown(
        finding.severity.value,
        voice.label("page_severity", severity=finding.severity),
        finding.rule,
        voice.label("page_finding_place", file=finding.file, line=finding.line) if finding.file else "",
        words.what,
        words.remedy,
        display(finding.service_said(voice.language) or ""),
    )


def job_report(reader: Reader, request: Request, look: Look) -> Response | None:
    """Return report.json as it is beside the job's files; None where there is none."""
    job = reader.journal().jobs.get(request.path_params["job"])
    if job is None or not _is_noted(job):
        return None
    return Response(
        report_json.as_bytes(job, Voice(Audience.SHARE, look.language)), media_type="application/json"
    )


def job_note(reader: Reader, request: Request, look: Look) -> Response | None:
    """Return RESULT.txt or ERROR.txt as it is beside the job's files; None where there is none."""
    job = reader.journal().jobs.get(request.path_params["job"])
    if job is None or not _is_noted(job):
        return None
    return PlainTextResponse(notes.note(job, Voice(Audience.SHARE, look.language)))
