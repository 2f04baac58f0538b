"""Digests: what has become of the deliveries since the last one, in one message at a set time.

Pure but for the state of one that is under way. The history is read, and messages are sent, by
`notifications`.
"""

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta

from retraind.api.redaction import fingerprint
from retraind.config.digests import DigestTimes, digest_of
from retraind.config.settings import Settings
from retraind.domain.job import Outcome
from retraind.domain.problems import Problem, problem
from retraind.domain.records import Event
from retraind.report.messages import Message
from retraind.report.wording import Voice

EVENTS = ("training_finished", "model_switched", "job_filed", "expectation")
_MOST_MODELS = 30
_BEGINNING = datetime(1970, 1, 1, tzinfo=UTC)
_CLOCK_SLACK = timedelta(minutes=1)
_WRONG_CLOCK = timedelta(days=1)


@dataclass(frozen=True)
class Routes:
    """Who gets which messages, by the fingerprints of addresses."""

    everybody: frozenset[str]
    """Those of [notify]: they also get what concerns no model."""
    own: Mapping[str, frozenset[str]]
    """Those of models that name their own."""

    def reach(self, key: str, model: str | None) -> bool:
        """Return whether a recipient gets what concerns a model, or with None no model."""
        return key in self.own.get(model or "", self.everybody)


def routes_of(settings: Settings) -> Routes:
    """Return who gets which messages."""
    own = {
        name: _keys(settings, name)
        for name, model in settings.models.items()
        if model.notify and model.notify.urls is not None
    }
    return Routes(_keys(settings, None), own)


def _keys(settings: Settings, model: str | None) -> frozenset[str]:
    return frozenset(fingerprint(url.get_secret_value()) for url in settings.notify_of(model).urls)


@dataclass
class Digest:
    """The digests of one recipient that are due at the same times."""

    key: str
    """The recipient's."""
    text: str
    """When they are due, as it is configured."""
    times: DigestTimes
    models: set[str]
    place: int = 0
    """Up to where in the history the last one went."""
    since: datetime = _BEGINNING
    """When that was."""
    message: Message | None = None
    """The one that is under way …"""
    end: int = 0
    """… and up to where it goes."""
    made_at: datetime = _BEGINNING

    @property
    def name(self) -> str:
        """What the journal calls it."""
        return f"{self.key}/{self.text}"

    def resume(self, known: Mapping[str, int], stale: Collection[str], now: datetime, end: int) -> bool:
        """Continue where the journal says, or where one of this recipient was that is no more.

        Returns False for a new one, which tells of nothing before `now` and the place `end`.
        """
        former = [self.name, *sorted(name for name in stale if name.startswith(f"{self.key}/"))]
        for name in former:
            if name in known and _moment_of(name) in known:
                self.place, self.since = known[name], datetime.fromtimestamp(known[_moment_of(name)], UTC)
                return name == self.name
        self.place, self.since = end, now
        return False

    def due(self, now: datetime) -> datetime:
        """Return when the next one is due. A clock that was wrong does not silence it."""
        if self.since > now + _WRONG_CLOCK:
            self.since = now
        return self.times.next_after(self.since)

    def sent(self) -> None:
        """Note that the one under way was sent."""
        self.place, self.since, self.message = self.end, self.made_at, None

    def as_cursors(self) -> dict[str, int]:
        """Return what the journal has to remember."""
        return {self.name: self.place, _moment_of(self.name): int(self.since.timestamp())}

    def make(self, events: Iterable[Event], end: int, now: datetime, voice: Voice) -> Message:
        """Make the message of what has happened up to the place `end` of the history."""
        tallies = tally(each for each in events if each.at >= self.since - _CLOCK_SLACK)
        mine = {name: told for name, told in tallies.items() if name in self.models and told.is_any}
        self.message, self.end, self.made_at = self._told(mine, now, voice), end, now
        return self.message

    def _told(self, tallies: Mapping[str, "Tally"], now: datetime, voice: Voice) -> Message:
        # Those that need somebody first.
        names = sorted(tallies, key=lambda name: (not tallies[name].is_bad, name))
        notice = voice.notice(
            "notice_digest",
            {
                "since": self.since,
                "lines": tuple(tallies[name].line(name) for name in names[:_MOST_MODELS]),
                "more": max(0, len(names) - _MOST_MODELS),
                "quiet": len(self.models) - len(names),
                "trained": sum(len(each.trained) for each in tallies.values()),
                "failed": sum(len(each.failed) for each in tallies.values()),
            },
        )
        only = next(iter(self.models)) if len(self.models) == 1 else None
        good = not any(each.is_bad for each in tallies.values())
        return Message("digest", now, only, None, good, notice.title, notice.text, voice.language)


@dataclass
class Tally:
    """What has become of a model's deliveries: jobs by what has happened to them."""

    trained: set[str] = field(default_factory=set)
    published: set[str] = field(default_factory=set)
    failed: set[str] = field(default_factory=set)
    """Those of which that was the last word."""
    late: int = 0

    @property
    def is_bad(self) -> bool:
        """Whether somebody may have to act."""
        return bool(self.failed or self.late)

    @property
    def is_any(self) -> bool:
        """Whether there is anything to tell."""
        return bool(self.trained or self.published) or self.is_bad

    def line(self, model: str) -> Problem:
        """Return it as a line."""
        return problem(
            "digest_line",
            model=model,
            trained=len(self.trained),
            published=len(self.published),
            failed=len(self.failed),
            late=self.late,
        )


def tally(events: Iterable[Event]) -> dict[str, Tally]:
    """Count by model what events say."""
    found: dict[str, Tally] = {}
    for at, job, model, event, detail in events:
        mine = found.setdefault(model or "", Tally())
        match event:
            case "training_finished":
                mine.trained.add(job or str(at))
            case "model_switched":
                mine.published.add(job or str(at))
            case "job_filed" if detail.get("outcome") == Outcome.FAILED:
                mine.failed.add(job or str(at))
            case "job_filed":
                mine.failed.discard(job or str(at))
            case "expectation" if isinstance(what := detail.get("what"), Problem):
                mine.late += what.code == "delivery_late"
            case _:
                pass
    return found


def digests_of(settings: Settings) -> list[Digest]:
    """Return the digests that recipients get."""
    found: dict[str, Digest] = {}
    for name in settings.models:
        notify = settings.notify_of(name)
        times = digest_of(notify.digest)
        if times is not None:
            for url in notify.urls:
                digest = Digest(fingerprint(url.get_secret_value()), notify.digest, times, set())
                found.setdefault(digest.name, digest).models.add(name)
    return list(found.values())


def _moment_of(name: str) -> str:
    return f"{name}@"
