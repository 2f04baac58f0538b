"""Deliveries that are late: each model's stage by its rule, noted in the history when it changes."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta

from retraind.config.calendars import ClosedDays
from retraind.config.expectation import AUTO, ExpectSettings
from retraind.config.settings import Settings
from retraind.domain.expecting.dues import Dues, Interval
from retraind.domain.expecting.learning import MOST, rhythm
from retraind.domain.expecting.stages import Expectation, Stage, expectation
from retraind.domain.problems import Problem, problem
from retraind.reconcile.folders import Folders
from retraind.store.journal import Journal
from retraind.system import log
from retraind.system.clock import Clock

_LOG = log.get(__name__)

INTERVAL = timedelta(minutes=1)
_LONGEST_DOUBT = 3_600.0
"""Seconds for which something that is about to be taken in keeps a delivery from being late."""


@dataclass
class _Known:
    """What was read of a model, for as long as nothing newer has arrived."""

    newest: tuple[str, int] | None
    settings: ExpectSettings
    last: datetime | None
    dues: Dues | None
    """None while a rhythm is still to be learnt."""


class Expecting:
    """Watches when deliveries arrive. For one thread."""

    def __init__(
        self,
        journal: Journal,
        clock: Clock,
        *,
        settings: Callable[[], Settings],
        folders: Folders,
        changed: Callable[[str], None],
    ) -> None:
        """`changed` is called with a model of which something new is to be said."""
        self._journal = journal
        self._clock = clock
        self._settings = settings
        self._folders = folders
        self._changed = changed
        self._known: dict[str, _Known] = {}
        self._closed = ClosedDays()
        self._doubted: dict[str, float] = {}
        """Since when something is about to be taken in at models that are late (`Clock.elapsed` seconds)."""

    def mind(self) -> None:
        """Note each model whose stage has changed."""
        now = self._clock.now()
        expects = {name: model.expect for name, model in self._settings().models.items() if model.expect}
        self._end_others(expects)
        newest = self._journal.arrivals.newest(expects)
        since = self._journal.arrivals.expected_since(expects, dict(map(_as_text, expects.items())), now)
        snoozed = self._journal.arrivals.snoozed(expects)
        noted = self._journal.events.last_problems("expectation", expects)
        for name, expect in expects.items():
            known = self._known.get(name)
            if known is None or known.newest != newest.get(name) or known.settings != expect:
                known = self._known[name] = self._read(name, expect, newest.get(name), since[name])
            if known.dues is None:
                continue
            begin = max(since[name], snoozed.get(name, since[name]))
            stands = expectation(known.dues, known.last, begin, now)
            self._note(name, stands, known, noted[name])

    def _read(
        self, name: str, expect: ExpectSettings, newest: tuple[str, int] | None, since: datetime
    ) -> _Known:
        arrivals = self._journal.arrivals.of(name, MOST if expect.every == AUTO else 1)
        last = arrivals[-1] if arrivals else None
        closed = self._closed.of(expect.closed)
        dues: Dues | None
        if expect.every == AUTO:
            dues = rhythm(arrivals, expect.zone, expect.business_days(closed))
        elif expect.interval is not None:
            dues = Interval(expect.interval, last or since)
        else:
            dues = expect.rule(closed)
        return _Known(newest, expect, last, dues)

    def _note(self, name: str, stands: Expectation, known: _Known, before: Problem | None) -> None:
        """Note how a model stands, if it is new; `before` is what was noted last."""
        if stands.stage is Stage.FINE:
            self._doubted.pop(name, None)
            if before is not None:
                # A pause, or another rule, ends it as well.
                arrived = known.last is not None and known.last > _moment(before.facts["due"])
                self._journal.events.note("expectation", None, name, what=None, arrived=arrived)
                self._changed(name)
            return
        folder = self._folders.get(name)
        coming = folder.about_to_arrive(self._clock.elapsed()) if folder else None
        if folder is None or coming is None or (coming and self._doubts(name)):
            return
        code = "delivery_late" if stands.stage is Stage.LATE else "delivery_missing"
        what = problem(code, due=stands.due, halves=folder.halves, zone=known.settings.tz)
        # Which part is there may change; it is late all the same, and nobody is notified again.
        again = before is not None and before.code == code and _moment(before.facts["due"]) == stands.due
        if again and before is not None and before.facts.get("halves") == what.facts["halves"]:
            return
        self._journal.events.note("expectation", None, name, what=what, again=again)
        if not again:
            _LOG.warning("delivery_late", model=name, reason=what)
        self._changed(name)

    def _doubts(self, name: str) -> bool:
        """Return whether to wait for what is about to be taken in: some writers never end."""
        begun = self._doubted.setdefault(name, self._clock.elapsed())
        return self._clock.elapsed() - begun < _LONGEST_DOUBT

    def _end_others(self, expects: Mapping[str, ExpectSettings]) -> None:
        """Nothing is late at a model of which nothing is expected any more."""
        for name in self._known.keys() - expects.keys():
            del self._known[name]
            if self._journal.events.note_change("expectation", name, None, arrived=False):
                self._changed(name)


def _moment(fact: object) -> datetime:
    return fact if isinstance(fact, datetime) else datetime.fromisoformat(str(fact))


def _as_text(named: tuple[str, ExpectSettings]) -> tuple[str, str]:
    name, expect = named
    return name, expect.model_dump_json(exclude_defaults=True)
