"""report.json: what RESULT.txt and ERROR.txt say, for programs. Its schema is docs/report.schema.json."""

from collections.abc import Iterable
from dataclasses import replace
from datetime import datetime
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field

from retraind.domain.job import Data, Job, Outcome, Publication, Role, Shown, present
from retraind.domain.problems import Finding, Overruled, Severity
from retraind.report.notes import headline, remedy_of
from retraind.report.wording import Voice
from retraind.system.escape import json_escaped


class _Part(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid", defer_build=True)


class ReportFile(_Part):
    """A file of the delivery."""

    role: Role
    name: str = Field(description="Path below the job's folder.")
    bytes: int
    sha256: str | None = Field(description="Null when the job ended before the file was read.")
    rows: int | None = Field(description="Data rows, the header not counted.")


class ReportFinding(_Part):
    """One thing found in a data file, for programs."""

    rule: str = Field(description="A rule of docs/data-rules.md, or a notice of retraind's own.")
    severity: Severity
    file: str
    line: int | None = Field(description="From 1.")
    column: str | int | None = Field(description="The column's name, or its place from 1.")
    facts: dict[str, Any]
    service_message: str | None = Field(
        description="The service's own words for a broken rule of this kind, in English."
    )
    service_message_ja: str | None = Field(default=None, description="The same in Japanese.")
    service_number: str | None = Field(
        default=None, description="The page of the service's manual about it, such as e17."
    )
    overruled: Overruled | None = Field(
        default=None,
        description="Who has made an error a warning, or the reverse: the model's `rules`, or a person.",
    )


class ReportProblem(_Part):
    """Why the job failed."""

    what: str
    details: tuple[str, ...]
    remedy: str
    code: str = Field(description="What happened, for programs.")
    facts: dict[str, Any] = Field(description="The values that the code goes with.")
    findings: tuple[ReportFinding, ...] = Field(description="The details, for programs.")
    step: str | None = Field(description="The state in which the job failed.")


class ReportRequest(_Part):
    """What a person asked for; the history of `retraind show` has who else did, and from where."""

    what: Literal["retry", "switch", "release"]
    by: str = Field(description="The user's name; behind sudo, that of whoever called it.")
    at: datetime


class ReportService(_Part):
    """What the service said."""

    retrain_job_id: str | None
    status: str | None
    message: str | None
    model_id: int | None


class Report(_Part):
    """The outcome of one delivery. Times are ISO 8601 in UTC."""

    schema_version: Literal[2] = 2
    job: str
    model: str
    key: str
    outcome: Outcome
    summary: str
    files: tuple[ReportFile, ...]
    columns: tuple[str, ...]
    warnings: tuple[str, ...]
    warning_findings: tuple[ReportFinding, ...] = Field(description="The warnings, for programs.")
    ignored_rules: tuple[str, ...] = Field(
        default=(), description="Rules with findings that the model's `rules` ignore."
    )
    problem: ReportProblem | None
    service: ReportService
    results: str | None = Field(description="The results file's name in the job's folder.")
    results_sha256: str | None = Field(
        default=None, description="Of what the service sent, taken while it was received."
    )
    switched: bool
    switch_open: bool = Field(
        default=False,
        description="True when the service gave no clear answer to whether it was published.",
    )
    switch_note: str | None
    switch_code: str | None = Field(description="The switch note, for programs.")
    switch_facts: dict[str, Any] | None
    gate_exit: int | None
    gate_shown: tuple[Shown, ...] = Field(default=(), description="The files that the gate was shown.")
    related_job: str | None = Field(
        description="The newer job (superseded), the earlier one (duplicate), or that with the same training."
    )
    duplicate_times: int = Field(
        default=1, description="How many duplicates in a row had the same bytes; only the last one is kept."
    )
    taken_at: datetime
    uploaded_at: datetime | None
    trained_at: datetime | None
    switched_at: datetime | None = Field(description="When it was published last.")
    switched_by_hand: bool = Field(description="True when that was done by a person.")
    first_switched_at: datetime | None = Field(
        description="When it was published first, if that was earlier."
    )
    asked: ReportRequest | None = Field(
        default=None, description="What a person asked for last, if anybody did."
    )
    closed_at: datetime


def findings_of(findings: Iterable[Finding], voice: Voice) -> tuple[ReportFinding, ...]:
    """Return findings for programs."""
    return tuple(
        ReportFinding(**(finding.as_plain() | {"facts": voice.facts(finding.rule, finding.facts)}))
        for finding in findings
    )


def report(job: Job, voice: Voice) -> Report:
    """Return the report of a job whose outcome is decided."""
    end, training, gate = present(job.end), job.training, job.gate
    data, publication = job.data or Data(), job.publication or Publication()
    voice = replace(voice.on(job.model, job.id), codes=False)  # They have fields of their own here.
    problem = None
    if job.problem and end.outcome is Outcome.FAILED:
        problem = ReportProblem(
            what=voice.say(job.problem).what,
            details=tuple(map(voice.finding, job.problem.details)),
            remedy=remedy_of(job, voice),
            **voice.coded(job.problem),
            findings=findings_of(job.problem.details, voice),
            step=end.failed_in,
        )
    note = publication.note
    switch = voice.coded(note) if note else {"code": None, "facts": None}
    return Report(
        job=job.id,
        model=job.model,
        key=job.key,
        outcome=end.outcome,
        summary=voice.tell(headline(job)),
        files=tuple(
            ReportFile(
                role=file.role,
                name=file.name,
                bytes=file.signature.size,
                sha256=file.sha256,
                rows=data.rows.get(file.role),
            )
            for file in job.files
        ),
        columns=data.columns,
        warnings=tuple(map(voice.finding, data.warnings)),
        warning_findings=findings_of(data.warnings, voice),
        ignored_rules=data.ignored,
        problem=problem,
        service=ReportService(
            retrain_job_id=job.retrain_job_id,
            status=training.status if training else None,
            message=training.message if training else None,
            model_id=training.model_id if training else None,
        ),
        results=training.results_name if training else None,
        results_sha256=training.results_sha256 if training else None,
        switched=end.outcome is Outcome.SWITCHED,
        switch_open=publication.open,
        switch_note=voice.tell(note) if note else None,
        switch_code=switch["code"],
        switch_facts=switch["facts"],
        gate_exit=gate.exit if gate else None,
        gate_shown=gate.shown if gate else (),
        related_job=end.earlier_job or end.continued_in or (training.continues if training else None),
        duplicate_times=end.times,
        taken_at=job.created_at,
        uploaded_at=training.uploaded_at if training else None,
        trained_at=job.trained_at,
        switched_at=publication.at,
        switched_by_hand=publication.by_hand,
        first_switched_at=publication.first_at,
        asked=job.asked and ReportRequest(what=job.asked.what, by=job.asked.by, at=job.asked.at),
        closed_at=job.updated_at,
    )


def as_bytes(job: Job, voice: Voice) -> bytes:
    """Return report.json's content."""
    return json_escaped(report(job, voice).model_dump_json(indent=2)).encode() + b"\n"
