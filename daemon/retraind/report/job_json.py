"""A job for programs, as `jobs --json` and `show --json` print it. Fields are added, never changed."""

import json
from typing import Any

from pydantic_core import to_jsonable_python

from retraind.domain.flat import flattened
from retraind.domain.job import Job
from retraind.domain.problems import Problem
from retraind.report.report_json import findings_of
from retraind.report.wording import Voice


def job_json(job: Job, voice: Voice) -> dict[str, Any]:
    """Return a job's public fields: all but the address to upload to. Problems are in words and as codes."""
    voice = voice.on(job.model, job.id)
    fields = flattened(json.loads(job.to_json()))
    del fields["upload_ticket"]
    address_refused = job.registration.address_refused if job.registration else None
    told = {
        **_sentence("trouble", job.wait.trouble, voice),
        "hold": _whole(job.hold.problem, voice) if job.hold else None,
        "warnings": list(map(voice.finding, job.warnings)),
        "warning_findings": findings_of(job.warnings, voice),
        **_sentence("address_refused", address_refused, voice),
        **_sentence("switch_note", job.switch_note, voice),
        "problem": _whole(job.problem, voice) if job.problem else None,
    }
    made: dict[str, Any] = fields | to_jsonable_python(told)
    return made


def _sentence(name: str, problem: Problem | None, voice: Voice) -> dict[str, Any]:
    """Return a problem as a text, and beside it as a code."""
    text, code = (voice.tell(problem), voice.coded(problem)) if problem else (None, None)
    return {name: text, f"{name}_problem": code}


def _whole(problem: Problem, voice: Voice) -> dict[str, Any]:
    said = voice.say(problem)
    return {
        "what": said.what,
        "remedy": said.remedy,
        "details": list(map(voice.finding, problem.details)),
        **voice.coded(problem),
        "findings": findings_of(problem.details, voice),
    }
