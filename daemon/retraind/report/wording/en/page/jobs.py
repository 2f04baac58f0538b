"""The list of jobs, and one job."""

from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Literal

from retraind.domain.job import Role, State
from retraind.domain.problems import Severity
from retraind.report.wording.en._parts import moment, span
from retraind.report.wording.en.page._parts import when
from retraind.report.wording.words import Name

_STATES: Mapping[State, str] = {
    State.SEALING: "Taking in",
    State.SEALED: "Taken in",
    State.CHECKED: "Checked",
    State.BUNDLED: "Bundled",
    State.REGISTERED: "Uploading",
    State.UPLOADED: "Training",
    State.TRAINED: "Trained",
    State.SWITCHING: "Publishing",
    State.FILING: "Filing",
    State.DONE: "Done",
    State.FAILED: "Failed",
    State.RESTORING: "Returning to work",
    State.RETURNED: "Returned",
}
_STEPS = {
    "sealed": "Taken in",
    "checked": "Checked",
    "bundled": "Bundled",
    "uploaded": "Uploaded",
    "trained": "Trained",
    "published": "Published",
    "filed": "Filed",
}
_ROLES: Mapping[Role, str] = {
    Role.TRAIN: "training",
    Role.EVAL: "evaluation",
    Role.MARKER: "marker",
    Role.MANIFEST: "manifest",
}
_KINDS = {"all": "All", "active": "In work", "done": "Done", "failed": "Failed"}


def page_state(state: State) -> str:
    return _STATES[state]


def page_held() -> str:
    return "On hold"


# The list


def page_search_jobs() -> str:
    return "Search by delivery, date or id"


def page_of_model() -> str:
    return "Model"


def page_all_models() -> str:
    return "All models"


def page_jobs_kind(kind: Literal["all", "active", "done", "failed"]) -> str:
    return _KINDS[kind]


def page_jobs_kinds() -> str:
    return "Which jobs"


def page_no_jobs(text: Name) -> str:
    """`text` is what was searched for; empty where nothing was."""
    return f"No job matches {text}." if text else "No job."


def page_without_key() -> str:
    return "Without a key"


# One job


def page_job_title(key: Name, model: str) -> str:
    return f"{key or 'A delivery without a key'} of {model}"


def page_progress() -> str:
    return "Progress"


def page_step(
    step: Literal["sealed", "checked", "bundled", "uploaded", "trained", "published", "filed"],
) -> str:
    return _STEPS[step]


def page_step_took(lasted: timedelta) -> str:
    return f"+ {span(lasted)}"


def page_step_now() -> str:
    return "in progress"


def page_doing(doing: Literal["preflight", "bundle", "upload"]) -> str:
    """The step under way that takes long."""
    return {"preflight": "Checking", "bundle": "Bundling", "upload": "Uploading"}[doing]


def page_percent(percent: int) -> str:
    return f"{percent} %"


def page_step_open() -> str:
    return "not yet"


def page_what_to_do() -> str:
    return "What to do"


def page_facts() -> str:
    return "Facts"


def page_files() -> str:
    return "Files"


def page_file_column(name: Literal["name", "role", "size", "rows", "sha256"]) -> str:
    return {"name": "Name", "role": "Role", "size": "Size", "rows": "Rows", "sha256": "SHA-256"}[name]


def page_role(role: Role) -> str:
    return _ROLES[role]


def page_findings() -> str:
    return "Findings"


def page_no_findings() -> str:
    return "The check found nothing to report."


def page_severity(severity: Severity) -> str:
    return {Severity.ERROR: "Error", Severity.WARNING: "Warning"}[severity]


def page_finding_place(file: Name, line: int | None) -> str:
    return file if line is None else f"{file}, line {line:,}"


def page_history() -> str:
    return "History"


def page_history_cut(shown: int) -> str:
    return f"The last {shown:,} entries."


def page_note() -> str:
    return "The note beside the files"


def page_downloads() -> str:
    return "For programs:"


def page_scores() -> str:
    return "Figures of the model"


def page_gate() -> str:
    return "The gate"


def page_when(at: datetime) -> str:
    return when(at)


def page_moment(at: datetime) -> str:
    return moment(at)
