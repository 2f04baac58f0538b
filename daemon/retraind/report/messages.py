"""What an operator is told of an entry in the history, wherever he is: short, whole sentences, free of secrets.

Pure: an entry goes in, with what is known of its job, and a message or nothing comes out.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import cached_property
from types import MappingProxyType
from typing import Any, NamedTuple

from retraind.config.settings import Kind, Settings
from retraind.domain.job import Job, Outcome
from retraind.domain.problems import Problem
from retraind.domain.records import Event
from retraind.report.notes import ERROR, OPERATOR, headline
from retraind.report.status_file import host_for_people
from retraind.report.wording import Voice
from retraind.system import log
from retraind.system.clock import for_people
from retraind.system.escape import display


@dataclass(frozen=True)
class Message:
    """What somebody is told."""

    event: str
    at: datetime
    """When it happened, which may be hours before it could be told."""
    model: str | None
    job: str | None
    good: bool
    """False when somebody may have to act."""
    title: str
    text: str
    """Complete sentences."""


_MOST_NAMED = 10
TEST_TITLE = "A test"
TEST_TEXT = "This is a test of retraind's notifications. Nothing has happened."


def message_of(event: Event, job: Job | None, settings: Settings) -> Message | None:
    """Word an entry of the history; None when nobody asked for it. `job` is its job, where that is still known."""
    row = _TABLE.get(event.event)
    if row is None or not row.kinds & set(settings.notify.on):
        return None
    words = row.words(_About(event, job, settings))
    if words is None:
        return None
    text = " ".join(log.mask(words.text).split())
    return Message(event.event, event.at, event.model, event.job, words.good, log.mask(words.title), text)


def summary_of(messages: Sequence[Message]) -> Message:
    """Say in one message what there would be too many of, the latest first."""
    titles = [message.title for message in reversed(messages[-_MOST_NAMED:])]
    more = len(messages) - len(titles)
    rest = f"; and {more} more" if more else ""
    return Message(
        "summary",
        messages[-1].at,
        model=None,
        job=None,
        good=all(message.good for message in messages),
        title=f"{len(messages)} things happened",
        text=f"{'; '.join(titles)}{rest}. See: retraind status, and retraind jobs",
    )


def detail_in_words(event: Event, voice: Voice = OPERATOR) -> dict[str, Any]:
    """Return what an event tells, with its problem in words, besides `code` and `facts`."""
    told: dict[str, Any] = {}
    for name, value in event.detail.items():
        if not isinstance(value, Problem):
            told[name] = value
            continue
        said = voice.on(event.model or "", event.job or "").say(value)
        told |= {
            name: said.what,
            "remedy": said.remedy,
            **value.model_dump(mode="json", include={"code", "facts"}),
        }
    return told


class _Words(NamedTuple):
    title: str
    text: str
    good: bool = False


@dataclass(frozen=True)
class _About:
    """What is known of an entry."""

    event: Event
    job: Job | None
    settings: Settings

    @property
    def model(self) -> str:
        return self.event.model or ""

    @property
    def whose(self) -> str:
        """The model and the delivery."""
        key = display(self.job.key) if self.job else ""
        return f"{self.model}, delivery {key or self.event.job}"

    def said(self, name: str) -> str:
        return str(self._detail.get(name) or "")

    @cached_property
    def _detail(self) -> Mapping[str, Any]:
        return detail_in_words(self.event)

    @property
    def host(self) -> str:
        return host_for_people(self.said("host"), self.settings.api.host)

    @property
    def since(self) -> str:
        return for_people(datetime.fromisoformat(self.said("since")))


def _filed(about: _About) -> _Words | None:
    failed = about.said("outcome") == Outcome.FAILED
    if ("failed" if failed else "done") not in about.settings.notify.on:
        return None
    model, job = about.settings.models.get(about.model), about.job
    place = (
        (model.failed_folder if failed else model.done_folder) / (about.event.job or "") if model else None
    )
    where = f" See {place / ERROR if failed else place}" if place else ""
    if failed:
        remedy = OPERATOR.on(job.model, job.id).say(job.problem).remedy if job and job.problem else ""
        return _Words(f"{about.whose} failed", f"{about.said('reason')}{where}. {remedy}")
    outcome = headline(job) if job and job.outcome else f"The outcome: {about.said('outcome')}."
    return _Words(f"{about.whose} is done", f"{outcome}{where}.", good=True)


def _model_held(about: _About) -> _Words:
    remedy = about.said("remedy")
    text = f"{about.said('what')} New files are still taken in; nothing is lost. {remedy}"
    return _Words(f"{about.model} is on hold", text)


def _model_released(about: _About) -> _Words:
    return _Words(f"{about.model} is no longer on hold", f"It goes on: {about.said('why')}.", good=True)


def _job_held(about: _About) -> _Words:
    text = f"{about.said('reason')} Nothing is lost. {about.said('remedy')}"
    return _Words(f"{about.whose} is on hold", text)


def _job_released(about: _About) -> _Words:
    return _Words(f"{about.whose} is no longer on hold", "It goes on.", good=True)


def _stuck(about: _About) -> _Words:
    text = (
        f"It has been trying since {about.since}. The last try: {about.said('reason')} It is tried again by itself; "
        "nothing is lost."
    )
    return _Words(f"{about.whose} cannot go on", text)


def _moves(about: _About) -> _Words:
    return _Words(f"{about.whose} goes on", f"It had been trying since {about.since}.", good=True)


def _key(about: _About) -> _Words | None:
    if not about.said("what"):
        return None
    return _Words(f"{about.model}: its key ends soon", f"{about.said('what')} {about.said('remedy')}")


def _down(about: _About) -> _Words:
    text = (
        f"It has been failing since {about.since}. The last error: {about.said('reason')} retraind tries again by "
        "itself and goes on where it was; nothing is lost."
    )
    return _Words(f"{about.host} is failing", text)


def _back(about: _About) -> _Words | None:
    if not about.event.detail.get("lasting"):
        return None
    text = f"It had been failing since {about.since}. What waited for it goes on."
    return _Words(f"{about.host} works again", text, good=True)


def _folder(about: _About) -> _Words:
    if not about.said("what"):
        return _Words(f"{about.model}: its drop folder is back", "Its files are taken in again.", good=True)
    text = f"{about.said('what')} The other models go on; this one does so by itself when the folder is back."
    return _Words(f"{about.model}: its drop folder is out of reach", text)


def _gate(about: _About) -> _Words:
    model = about.settings.models.get(about.model)
    where = f" The results are filed in {model.done_folder}." if model else ""
    text = f"{about.said('why')} The published model was not changed.{where}"
    return _Words(f"{about.whose}: the gate did not let the new model pass", text)


def _journal(about: _About) -> _Words:
    text = (
        f"It was damaged, lost or out of date. Jobs taken over from their folders: {about.said('jobs')}. "
        "Nothing is trained again. Look after the disk it is on."
    )
    return _Words("The journal was mended", text)


class _Row(NamedTuple):
    kinds: frozenset[Kind]
    """What one asks for in `notify.on` to be told."""
    words: Callable[[_About], _Words | None]


_TABLE: Mapping[str, _Row] = MappingProxyType(
    {
        "job_filed": _Row(frozenset({"failed", "done"}), _filed),
        "model_held": _Row(frozenset({"held"}), _model_held),
        "model_released": _Row(frozenset({"held"}), _model_released),
        "held": _Row(frozenset({"held"}), _job_held),
        "released": _Row(frozenset({"held"}), _job_released),
        "job_stuck": _Row(frozenset({"stuck"}), _stuck),
        "job_moves": _Row(frozenset({"stuck"}), _moves),
        "key_warning": _Row(frozenset({"key"}), _key),
        "host_still_down": _Row(frozenset({"outage"}), _down),
        "host_back": _Row(frozenset({"outage"}), _back),
        "folder_away": _Row(frozenset({"folder"}), _folder),
        "gate_not_asked": _Row(frozenset({"gate"}), _gate),
        "gate_refused": _Row(frozenset({"gate"}), _gate),
        "journal_mended": _Row(frozenset({"journal"}), _journal),
    }
)
KINDS: Mapping[str, frozenset[Kind]] = MappingProxyType({event: row.kinds for event, row in _TABLE.items()})
"""The events that may be worth a message, each with what one asks for in `notify.on` to get it."""
