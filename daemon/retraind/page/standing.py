"""How each model is, decided from a glance at it. Pure."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from types import MappingProxyType
from typing import NamedTuple

from retraind.domain.job import Outcome, State
from retraind.domain.problems import Problem
from retraind.page.reading import Snapshot
from retraind.report.wording import Health, Voice
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
    since: datetime | None = None

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


def standings(snapshot: Snapshot, voice: Voice) -> list[Standing]:
    """Return all models: first those that need somebody, then those in work, then the others, by name."""
    unreachable = snapshot.unreachable
    found = [
        standing(glance, snapshot, unreachable.get(name), voice.on(name))
        for name, glance in snapshot.glances.items()
    ]
    return sorted(found, key=lambda each: (_order(each.health), each.name))


def _order(health: Health) -> int:
    if health.needs_somebody:
        return 0
    return 1 if health in {Health.TRAINING, Health.WORKING} else 2


def standing(glance: Glance, snapshot: Snapshot, trouble: Problem | None, voice: Voice) -> Standing:
    """Return one model. `trouble` is why the daemon cannot use its drop folder."""
    health, line, since = _told(glance, snapshot, trouble, voice)
    filed = glance.filed
    last = (
        voice.label("page_last_delivery", outcome=filed.outcome, lasted=snapshot.at - filed.at)
        if filed
        else voice.label("page_no_delivery")
    )
    return Standing(glance.name, health, voice.label("page_health", health=health), line, last, since)


_Told = tuple[Health, str, datetime | None]


def _told(glance: Glance, snapshot: Snapshot, trouble: Problem | None, voice: Voice) -> _Told:
    needs = _needs_somebody(glance, snapshot, trouble, voice)
    if needs is not None:
        return needs
    if glance.active:
        return _in_work(glance.active, snapshot.at, voice)
    if glance.filed is None:
        return Health.NEW, voice.label("page_is_new"), None
    since = glance.filed.at
    if glance.filed.outcome is Outcome.FAILED:
        name, reason = _key_of(glance.filed.id), glance.filed.reason
        line = voice.on(glance.name, glance.filed.id).label("page_has_failed", key=name, at=since, why=reason)
        return Health.FAILED, line, since
    line = voice.label("page_is_waiting", since=since, lasted=snapshot.at - since)
    return Health.WAITING, line, since


def _needs_somebody(
    glance: Glance, snapshot: Snapshot, trouble: Problem | None, voice: Voice
) -> _Told | None:
    """Return what keeps a model from working."""
    if glance.name in snapshot.refused:
        return Health.REFUSED, voice.label("page_is_refused"), None
    if glance.hold:
        since, why = glance.hold.since, glance.hold.problem
        return Health.HELD, voice.label("page_is_held", since=since, why=why), since
    if trouble:
        return Health.UNREACHABLE, voice.label("page_is_unreachable", why=trouble), None
    stopped = next((job for job in glance.active if job.hold or job.stuck), None)
    if stopped is not None:
        return _stopped(stopped, voice.on(glance.name, stopped.id))
    if glance.name not in snapshot.settings.models:
        return Health.REMOVED, voice.label("page_is_removed"), None
    return None


def _stopped(job: Active, voice: Voice) -> _Told:
    if job.hold:
        return Health.HELD, voice.label("page_is_held", since=None, why=job.hold), job.updated_at
    line = voice.label("page_is_stuck", key=job.key, why=job.trouble)
    return Health.STUCK, line, job.updated_at


def _in_work(jobs: Sequence[Active], now: datetime, voice: Voice) -> _Told:
    """Tell of the job that the others wait for."""
    first = next((job for job in jobs if job.state not in _FIRST_STEPS), jobs[0])
    behind = len(jobs) - 1
    more = f" {voice.label('page_behind', jobs=behind)}" if behind else ""
    if first.state is State.UPLOADED and first.uploaded_at:
        line = voice.label("page_is_training", key=first.key, lasted=now - first.uploaded_at)
        return Health.TRAINING, line + more, first.uploaded_at
    line = voice.label("page_is_working", key=first.key, state=first.state)
    return Health.WORKING, line + more, first.updated_at


def _key_of(job_id: str) -> str:
    """Return the key in a job's id, or else the id."""
    return "_".join(job_id.split("_")[1:-1]) or job_id
