"""The health of each model, derived from a glance at it. Pure."""

from collections.abc import Mapping
from datetime import datetime
from types import MappingProxyType
from typing import Any, NamedTuple

from retraind.domain.job import Outcome, State
from retraind.domain.names import key_in
from retraind.domain.problems import Problem
from retraind.page.reading import Snapshot
from retraind.report.wording import Health, Voice, joined
from retraind.store.views.glances import Active, Glance

_FIRST_STEPS = frozenset({State.SEALING, State.SEALED})
"""Of a delivery that waits for others."""


class Standing(NamedTuple):
    """How one model is, in words."""

    name: str
    health: Health
    label: str
    line: str
    last: str
    """How its last delivery ended."""
    job: str
    """The job that the line is about, if it is about one."""

    @property
    def tone(self) -> str:
        """Its colour; the label says the same in a word."""
        return _TONES[self.health]

    @property
    def needs_somebody(self) -> bool:
        """Whether somebody may have to act."""
        return self.health.needs_somebody


_TONES: Mapping[Health, str] = MappingProxyType(
    {
        Health.REFUSED: "bad",
        Health.HELD: "held",
        Health.UNREACHABLE: "bad",
        Health.STUCK: "bad",
        Health.LATE: "held",
        Health.FAILED: "bad",
        Health.TRAINING: "busy",
        Health.WORKING: "busy",
        Health.WAITING: "good",
        Health.NEW: "quiet",
        Health.REMOVED: "quiet",
    }
)


class Judged(NamedTuple):
    """How one model is, as facts: a list of a thousand is sorted before any of it is put into words."""

    glance: Glance
    health: Health
    code: str
    facts: Mapping[str, Any]
    job: str = ""
    """The job that it is about, if it is about one."""


def judged(snapshot: Snapshot) -> list[Judged]:
    """Return all models: first those that need somebody, then those in work, then the others, by name."""
    unreachable = snapshot.unreachable
    found = [judge(glance, snapshot, unreachable.get(name)) for name, glance in snapshot.glances.items()]
    return sorted(found, key=lambda each: (_order(each.health), each.glance.name))


def _order(health: Health) -> int:
    if health.needs_somebody:
        return 0
    return 1 if health in {Health.TRAINING, Health.WORKING} else 2


def in_words(found: Judged, now: datetime, voice: Voice) -> Standing:
    """Put one model into words."""
    about, filed = voice.on(found.glance.name, found.job), found.glance.filed
    line = about.label(found.code, **found.facts)
    if len(found.glance.active) > 1 and found.health in {Health.TRAINING, Health.WORKING}:
        line = joined([line, voice.label("page_behind", jobs=len(found.glance.active) - 1)])
    last = (
        voice.label("page_last_delivery", outcome=filed.outcome, lasted=now - filed.at)
        if filed
        else voice.label("page_no_delivery")
    )
    label = voice.label("page_health", health=found.health)
    return Standing(found.glance.name, found.health, label, line, last, found.job)


def judge(glance: Glance, snapshot: Snapshot, trouble: Problem | None) -> Judged:
    """Return how a model is. `trouble` is why the daemon cannot use its drop folder."""
    needs = _needs_somebody(glance, snapshot, trouble)
    if needs is not None:
        return needs
    if glance.late:
        return Judged(glance, Health.LATE, "page_is_late", {"why": glance.late})
    if glance.active:
        return _in_work(glance, snapshot)
    filed = glance.filed
    if filed is None:
        return Judged(glance, Health.NEW, "page_is_new", {})
    if filed.outcome is Outcome.FAILED:
        facts = {"key": key_in(filed.id), "at": filed.at, "why": filed.reason}
        return Judged(glance, Health.FAILED, "page_has_failed", facts, filed.id)
    facts = {"since": filed.at, "lasted": snapshot.at - filed.at}
    return Judged(glance, Health.WAITING, "page_is_waiting", facts)


def _needs_somebody(glance: Glance, snapshot: Snapshot, trouble: Problem | None) -> Judged | None:
    """Return what keeps a model from working."""
    if glance.name in snapshot.refused:
        return Judged(glance, Health.REFUSED, "page_is_refused", {})
    if glance.hold:
        facts = {"since": glance.hold.since, "why": glance.hold.problem}
        return Judged(glance, Health.HELD, "page_is_held", facts)
    if trouble:
        return Judged(glance, Health.UNREACHABLE, "page_is_unreachable", {"why": trouble})
    stopped = next((job for job in glance.active if job.hold or job.stuck), None)
    if stopped is not None:
        return _stopped(glance, stopped)
    if glance.name not in snapshot.settings.models:
        return Judged(glance, Health.REMOVED, "page_is_removed", {})
    return None


def _stopped(glance: Glance, job: Active) -> Judged:
    if job.hold:
        return Judged(glance, Health.HELD, "page_is_held", {"since": None, "why": job.hold}, job.id)
    return Judged(glance, Health.STUCK, "page_is_stuck", {"key": job.key, "why": job.trouble}, job.id)


def _in_work(glance: Glance, snapshot: Snapshot) -> Judged:
    """Tell of the job that the others wait for."""
    first = next((job for job in glance.active if job.state not in _FIRST_STEPS), glance.active[0])
    if first.state is State.UPLOADED and first.uploaded_at:
        training = {"key": first.key, "lasted": snapshot.at - first.uploaded_at}
        return Judged(glance, Health.TRAINING, "page_is_training", training, first.id)
    step = snapshot.steps.get(first.id)
    if step is None and first.trouble and not first.attempts:
        # Without a try that failed, it is what the job waits for in the ordinary course of things.
        waits = {"key": first.key, "state": first.state, "why": first.trouble}
        return Judged(glance, Health.WORKING, "page_waits", waits, first.id)
    doing = step.doing.value if step else None
    facts = {"key": first.key, "state": first.state, "doing": doing}
    return Judged(glance, Health.WORKING, "page_is_working", facts, first.id)
