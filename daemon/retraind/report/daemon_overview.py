"""What `retraind status` shows of the daemon itself: whether it works, and what it sees around it."""

import hashlib
from datetime import datetime
from pathlib import Path
from typing import Any

from pydantic import BaseModel

from retraind.domain.problems import Problem
from retraind.report.daemon_condition import Condition, condition_of, condition_problem, kernel_state
from retraind.report.wording import Voice
from retraind.store.instance import DaemonState, Unreachable, instance_since, read_state

_LARGEST_CONFIGURATION = 16 << 20


class Code(BaseModel):
    """A problem, for programs."""

    code: str
    facts: dict[str, Any]


def code_of(problem: Problem | None, voice: Voice) -> Code | None:
    """Return a problem for programs."""
    return Code(**voice.coded(problem)) if problem else None


class ConfigurationOverview(BaseModel):
    """The configuration in force."""

    path: str
    sha256: str | None
    read_at: datetime
    changed: bool | None
    """Whether the file is another by now; None where it cannot be read."""


class UnreachableOverview(BaseModel):
    """Something that the daemon needs and cannot reach."""

    model: str | None
    setting: str
    directive: str | None
    """The unit's directive that takes it away."""
    sentence: str
    problem: Code


class DaemonOverview(BaseModel):
    """The daemon. All but `condition` and `trouble` is what it wrote last; null where it wrote nothing."""

    condition: Condition
    trouble: str | None = None
    trouble_problem: Code | None = None
    version: str | None = None
    started_at: datetime | None = None
    ready_at: datetime | None = None
    stopped_at: datetime | None = None
    written_at: datetime | None = None
    last_sweep_at: datetime | None = None
    configuration: ConfigurationOverview | None = None
    upload_rate: str | None = None
    refused_reload_at: datetime | None = None
    refused_reload: list[str] = []
    refused_reload_problems: list[Code] = []
    sandbox: dict[str, str] = {}
    unreachable: list[UnreachableOverview] = []
    unreachable_more: int = 0

    @property
    def is_well(self) -> bool:
        """Whether nobody has to act."""
        return self.condition.is_good and not self.unreachable and self.refused_reload_at is None


def daemon_overview(journal: Path, process: int | None, now: datetime, voice: Voice) -> DaemonOverview:
    """Return what is known of the daemon whose journal this is; `process` has the journal's lock."""
    state = read_state(journal)
    condition = condition_of(process, state, now, kernel_state(process), instance_since(journal))
    trouble = condition_problem(condition, process, state)
    told = DaemonOverview(
        condition=condition,
        trouble=voice.tell(trouble) if trouble else None,
        trouble_problem=code_of(trouble, voice),
    )
    if state is None or (process is not None and state.pid != process):
        return told
    refused = state.refused_reload if process else None
    return told.model_copy(
        update={
            "version": state.version,
            "started_at": state.started_at,
            "ready_at": state.ready_at,
            "stopped_at": state.stopped_at,
            "written_at": state.written_at,
            "last_sweep_at": state.last_sweep_at,
            "configuration": _configuration(state),
            "upload_rate": state.upload_rate,
            "refused_reload_at": refused and refused.at,
            "refused_reload": [voice.tell(each) for each in refused.problems] if refused else [],
            "refused_reload_problems": [code_of(each, voice) for each in refused.problems] if refused else [],
            "sandbox": state.sandbox,
            "unreachable": [_unreachable(each, voice) for each in state.unreachable] if process else [],
            "unreachable_more": state.unreachable_more if process else 0,
        }
    )


def _unreachable(each: Unreachable, voice: Voice) -> UnreachableOverview:
    return UnreachableOverview(
        model=each.model,
        setting=each.setting,
        directive=each.directive,
        sentence=voice.tell(each.problem),
        problem=Code(**voice.coded(each.problem)),
    )


def _configuration(state: DaemonState) -> ConfigurationOverview:
    known = state.configuration
    changed: bool | None = None
    try:
        with Path(known.path).open("rb") as file:
            digest = hashlib.sha256(file.read(_LARGEST_CONFIGURATION)).hexdigest()
        changed = None if known.sha256 is None else digest != known.sha256
    except OSError:
        pass
    return ConfigurationOverview(path=known.path, sha256=known.sha256, read_at=known.read_at, changed=changed)
