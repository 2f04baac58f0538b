"""Which entries of the history are worth a notification, and what it says: short and free of secrets.

Pure: an entry goes in, with what is known of its job, and a message or nothing comes out. The phrases are in
`wording/`.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from operator import itemgetter
from types import MappingProxyType
from typing import Any, NamedTuple

from retraind.config.settings import Kind, Settings
from retraind.domain.job import Job, Outcome
from retraind.domain.problems import Problem, problem
from retraind.domain.records import Event
from retraind.report.notes import ERROR, headline
from retraind.report.wording import Voice, code_of
from retraind.system import log


@dataclass(frozen=True)
class Message:
    """A notification."""

    event: str
    at: datetime
    """When it happened, which may be hours before it can be sent."""
    model: str | None
    job: str | None
    good: bool
    """False when somebody may have to act."""
    title: str
    text: str
    """Complete sentences."""
    language: str
    """Of the title and the text."""


_MOST_NAMED = 10


def message_of(event: Event, job: Job | None, settings: Settings) -> Message | None:
    """Return what is sent about an entry of the history, if anything. `job` is its job, if known."""
    row = next((row for row in _TABLE.get(event.event, ()) if row.when(event.detail)), None)
    if row is None or row.kind not in settings.notify_of(event.model).on:
        return None
    language = settings.language_of(settings.models.get(event.model or ""))
    voice = Voice(language=language).on(event.model or "", event.job or "")
    notice = voice.notice(row.code, _facts(event, job, settings))
    title, text = log.mask(notice.title), " ".join(log.mask(notice.text).split())
    text += voice.named(*_codes(event.detail.values()))
    return Message(event.event, event.at, event.model, event.job, row.good, title, text, language)


def summary_of(messages: Sequence[Message], voice: Voice) -> Message:
    """Sum up in one message what would be too many, the latest first."""
    titles = tuple(message.title for message in reversed(messages[-_MOST_NAMED:]))
    notice = voice.notice("notice_summary", {"number": len(messages), "titles": titles})
    good = all(message.good for message in messages)
    return Message("summary", messages[-1].at, None, None, good, notice.title, notice.text, voice.language)


def together(messages: Sequence[tuple[int, Message]], voice: Voice) -> list[tuple[int, Message]]:
    """Make one message of those on what is not taken in, each with its place in the history.

    It has the place of the first: should the rest not be sent, nothing of it is left out later.
    """
    same = [(place, message) for place, message in messages if message.event == "not_taken_in"]
    if len(same) < 2:  # noqa: PLR2004 - there is nothing to join
        return list(messages)
    titles = tuple(message.title for _, message in same[:_MOST_NAMED])
    notice = voice.notice("notice_not_taken_in_anywhere", {"number": len(same), "titles": titles})
    place, first = same[0]
    joined = Message(first.event, first.at, None, None, False, notice.title, notice.text, voice.language)
    others = [each for each in messages if each[1].event != "not_taken_in"]
    return sorted([*others, (place, joined)], key=itemgetter(0))


def test_message(at: datetime, voice: Voice) -> Message:
    """Return a message that asks for nothing."""
    notice = voice.notice("notice_test", {})
    return Message("test", at, None, None, True, notice.title, notice.text, voice.language)


def journal_message(at: datetime, why: Problem | None, voice: Voice) -> Message:
    """Return that the journal cannot be written, or with None that it can again: its history cannot."""
    notice = voice.notice("notice_journal_fails", {"why": why, "since": at}) if why else None
    notice = notice or voice.notice("notice_journal_works", {})
    text = log.mask(notice.text) + (voice.named(why.code) if why else "")
    event = "journal_not_written" if why else "journal_writable_again"
    return Message(event, at, None, None, why is None, notice.title, text, voice.language)


def _codes(values: Iterable[Any]) -> list[str]:
    """Return the codes of the problems among an entry's values, of what is in them, and of their findings."""
    found: dict[str, None] = {}
    for each in values:
        if isinstance(each, Problem):
            found |= dict.fromkeys([code_of(each), *_codes(each.facts.values())])
            found |= dict.fromkeys(finding.rule for finding in each.details)
        elif isinstance(each, tuple):
            found |= dict.fromkeys(_codes(each))
    return list(found)[:_MOST_NAMED]


def _facts(event: Event, job: Job | None, settings: Settings) -> dict[str, Any]:
    """Return what is known of an entry, for any wording."""
    model, job_id = settings.models.get(event.model or ""), event.job or ""
    ended = event.detail.get("outcome")
    return {
        **event.detail,
        "key": job.key if job else "",
        "is_service": event.detail.get("host") == settings.api.host,
        "note": model and model.failed_folder / job_id / ERROR,
        "folder": model and model.done_folder / job_id,
        "drop": model and model.drop,
        "rules": sorted({each.rule for each in job.warnings})[:_MOST_NAMED] if job else [],
        "headline": headline(job) if job and job.outcome else problem("headline", outcome=ended),
    }


def detail_in_words(event: Event, voice: Voice) -> dict[str, Any]:
    """Return an event's detail, with its problem in words and as `code` and `facts`."""
    voice = voice.on(event.model or "", event.job or "")
    told: dict[str, Any] = {}
    for name, value in event.detail.items():
        if isinstance(value, Problem):
            said = voice.say(value)
            told |= {name: said.what, "remedy": said.remedy, **voice.coded(value)}
        else:
            told[name] = value
    return told


_Told = Mapping[str, Any]


def _has(name: str) -> Callable[[_Told], bool]:
    """Select the events whose detail says this; that all is well again, an event says with nothing there."""
    return lambda told: bool(told.get(name))


_is_wrong = _has("what")


class _Row(NamedTuple):
    code: str
    """Its wording."""
    kind: Kind
    """What `notify.on` has to name."""
    good: bool = False
    """True when nobody has to act."""
    when: Callable[[_Told], bool] = lambda _: True
    """Which events it is for, by their detail; the first row that fits counts."""


_TABLE: Mapping[str, tuple[_Row, ...]] = MappingProxyType(
    {
        "job_filed": (
            _Row("notice_failed", "failed", when=lambda told: told.get("outcome") == Outcome.FAILED),
            _Row("notice_done", "done", good=True),
        ),
        "model_held": (_Row("notice_model_held", "held"),),
        "model_released": (_Row("notice_model_released", "held", good=True),),
        "held": (_Row("notice_job_held", "held"),),
        "released": (_Row("notice_job_released", "held", good=True),),
        "job_stuck": (_Row("notice_stuck", "stuck"),),
        "job_moves": (_Row("notice_continues", "stuck", good=True),),
        "key_warning": (_Row("notice_key_ends", "key", when=_is_wrong),),
        "host_still_down": (_Row("notice_host_fails", "outage"),),
        "host_back": (_Row("notice_host_works", "outage", good=True, when=_has("lasting")),),
        "folder_away": (
            _Row("notice_folder_away", "folder", when=_is_wrong),
            _Row("notice_folder_back", "folder", good=True),
        ),
        "folder_reassigned": (_Row("notice_folder_reassigned", "folder"),),
        "expectation": (
            _Row("notice_late", "late", when=lambda told: _is_wrong(told) and not told.get("again")),
            _Row("notice_arrived", "late", good=True, when=_has("arrived")),
        ),
        "not_taken_in": (_Row("notice_not_taken_in", "waiting", when=_is_wrong),),
        "data_checked": (_Row("notice_warnings", "files", good=True, when=_has("warnings")),),
        "gate_not_asked": (_Row("notice_gate", "gate"),),
        "gate_refused": (_Row("notice_gate", "gate"),),
        "model_refused": (
            _Row("notice_model_refused", "held", when=_is_wrong),
            _Row("notice_model_runs", "held", good=True),
        ),
        "journal_mended": (_Row("notice_journal_repaired", "journal"),),
    }
)
KINDS: Mapping[str, frozenset[Kind]] = MappingProxyType(
    {event: frozenset(row.kind for row in rows) for event, rows in _TABLE.items()}
)
"""The events that may be worth a message, each with what `notify.on` has to name."""
