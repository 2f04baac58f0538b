"""A job for programs, as `jobs --json` and `show --json` print it. Fields are added, never changed."""

from typing import Any

from pydantic_core import to_jsonable_python

from retraind.domain.job import Job
from retraind.domain.problems import Problem
from retraind.report.report_json import findings_of
from retraind.report.wording import Voice


def job_json(job: Job, voice: Voice) -> dict[str, Any]:
    """Return a job's public fields: all but the address to upload to. Problems are in words and as codes."""
    voice = voice.on(job.model, job.id)
    fields = {
        "id": job.id,
        "model": job.model,
        "key": job.key,
        "state": job.state,
        "files": job.files,
        "created_at": job.created_at,
        "updated_at": job.updated_at,
        "drop": job.drop,
        "version": job.version,
        "wake_at": job.wake_at,
        "attempts": job.attempts,
        **_sentence("trouble", job.trouble, voice),
        "waits_for": job.waits_for,
        "troubled_since": job.troubled_since,
        "stuck": job.stuck,
        "hold": _whole(job.hold, voice),
        "held_until": job.held_until,
        "upload_held": job.upload_held,
        "budget_waived": job.budget_waived,
        "window_waived": job.window_waived,
        "rows": job.rows,
        "columns": job.columns,
        "warnings": list(map(voice.finding, job.warnings)),
        "warning_findings": findings_of(job.warnings, voice),
        "bundle_name": job.bundle_name,
        "bundle_bytes": job.bundle_bytes,
        "retrain_job_id": job.retrain_job_id,
        "registered_at": job.registered_at,
        "registrations": job.registrations,
        "untouched_status": job.untouched_status,
        **_sentence("address_refused", job.address_refused, voice),
        "put_started_at": job.put_started_at,
        "put_ended_at": job.put_ended_at,
        "uploaded_at": job.uploaded_at,
        "train_deadline": job.train_deadline,
        "status": job.status,
        "unknown_since": job.unknown_since,
        "status_seen_at": job.status_seen_at,
        "status_message": job.status_message,
        "trained_model_id": job.trained_model_id,
        "trained_at": job.trained_at,
        "results_name": job.results_name,
        "results_bytes": job.results_bytes,
        "results_sha256": job.results_sha256,
        "gate_exit": job.gate_exit,
        "gate_output": job.gate_output,
        "gate_shown": job.gate_shown,
        "switched_at": job.switched_at,
        "switched_by_hand": job.switched_by_hand,
        "first_switched_at": job.first_switched_at,
        "switch_open": job.switch_open,
        **_sentence("switch_note", job.switch_note, voice),
        "outcome": job.outcome,
        "problem": _whole(job.problem, voice),
        "filed_in": job.filed_in,
        "failed_in": job.failed_in,
        "resume_in": job.resume_in,
        "earlier_job": job.earlier_job,
        "continues": job.continues,
        "continued_in": job.continued_in,
    }
    made: dict[str, Any] = to_jsonable_python(fields)
    return made


def _sentence(name: str, problem: Problem | None, voice: Voice) -> dict[str, Any]:
    """Return a problem as a text, and beside it as a code."""
    text, code = (voice.tell(problem), voice.coded(problem)) if problem else (None, None)
    return {name: text, f"{name}_problem": code}


def _whole(problem: Problem | None, voice: Voice) -> dict[str, Any] | None:
    if problem is None:
        return None
    said = voice.say(problem)
    return {
        "what": said.what,
        "remedy": said.remedy,
        "details": list(map(voice.finding, problem.details)),
        **voice.coded(problem),
        "findings": findings_of(problem.details, voice),
    }
