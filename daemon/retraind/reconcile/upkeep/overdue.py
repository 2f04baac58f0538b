"""What has needed attention in a drop folder for longer than `notify.patience`: recorded once."""

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from itertools import islice

from retraind.domain.problems import problem
from retraind.intake.drop_folder import View
from retraind.intake.stranded import Stranded, stranded
from retraind.store.journal import Journal
from retraind.system import log
from retraind.system.clock import Clock

_LOG = log.get(__name__)

DAY = timedelta(days=1)
PAUSES = (timedelta(hours=1), timedelta(hours=6))
"""After the second and the third note of one model within a day, until the next; after the first, it is the
patience. There is no fifth, however many files arrive."""
_STEPS = 5
"""Parts of the patience at whose ends notes are made, so that many models have theirs together."""
_MOST_LINES = 10
"""Of one note."""
_MOST_KEPT = 200
"""Of one model, for the next `run --once`."""
_MOST_KNOWN = 1_000
"""Of one model. What is more is counted with the first of them."""


_Kept = tuple[str, str]
"""Since when something has been as it is, and its content then."""


@dataclass
class _Known:
    """What is remembered of one model's folder."""

    noted: set[str]
    """What was noted and is still there, by its identity."""
    kept: Mapping[str, _Kept]
    """What the journal has of what is not noted yet."""
    moments: list[datetime] = field(default_factory=list)
    """When the notes of the last day were made."""
    since: dict[str, float] = field(default_factory=dict)
    """Since when each has been as it is (`Clock.elapsed` seconds)."""


def _as_texts(moments: list[datetime]) -> list[str]:
    return [moment.isoformat() for moment in moments]


class Overdue:
    """Watches what is stranded in all drop folders. For one thread."""

    def __init__(self, journal: Journal, clock: Clock, patience: Callable[[], timedelta]) -> None:
        """`patience` returns how long it takes until somebody is to be notified."""
        self._journal = journal
        self._clock = clock
        self._patience = patience
        self._known: dict[str, _Known] = {}
        self.keeps = False
        """Whether what waits is kept in the journal: for processes that live shorter than the patience."""

    def mind(self, name: str, view: View, models: Callable[[], Sequence[str]]) -> float | None:
        """Note what has needed somebody for long enough; returns in how many seconds to ask again, if ever.

        `models` returns those that are watched: the history is read for all of them at once.
        """
        if view.trouble:
            return None  # Nothing is known of its files now.
        now = self._clock.elapsed()
        present = {each.identity: each for each in islice(stranded(view), _MOST_KNOWN)}
        known = self._known.get(name) or self._recall(name, models)
        known.since = {
            identity: max(known.since.get(identity, now), each.changed)
            if identity in known.since
            else self._since(each, known.kept.get(identity), now)
            for identity, each in present.items()
        }
        if known.noted and not known.noted & present.keys():
            self._journal.events.note(
                "not_taken_in", model=name, what=None, items=[], moments=_as_texts(known.moments)
            )
        known.noted &= present.keys()
        due = {identity: self._due(known.since[identity]) for identity in present.keys() - known.noted}
        if any(moment <= now for moment in due.values()):
            if left := self._pause_left(known):
                return left
            # What came a moment later is to be in the same note.
            soon = now + self._patience().total_seconds() / _STEPS
            fresh = [present[each] for each in present if due.get(each, math.inf) <= soon]
            first = not known.noted and len(present) == _MOST_KNOWN
            more = sum(1 for _ in stranded(view)) - _MOST_KNOWN if first else 0
            self._note(name, known, fresh, more)
        if self.keeps:
            self._keep(name, known, present)
        later = [moment - now for identity, moment in due.items() if identity not in known.noted]
        return max(0.0, min(later)) if later else None

    def _recall(self, name: str, models: Callable[[], Sequence[str]]) -> _Known:
        fresh = {name, *models()} - self._known.keys()
        noted = self._journal.events.last_details("not_taken_in", fresh)
        kept = self._journal.events.last_details("waits_in_folder", fresh)
        for model in fresh:
            detail = noted.get(model, {})
            moments = [datetime.fromisoformat(moment) for moment in detail.get("moments", ())]
            waits = {
                identity: (at, content) for identity, at, content in kept.get(model, {}).get("items", ())
            }
            self._known[model] = _Known(set(detail.get("items", ())), waits, moments)
        return self._known[name]

    def _since(self, seen: Stranded, kept: _Kept | None, now: float) -> float:
        """Return since when what is seen for the first time here has been as it is."""
        if kept is None or kept[1] != seen.content:
            return max(now, seen.changed)
        age = self._clock.now() - datetime.fromisoformat(kept[0])
        return now - max(0.0, age.total_seconds())

    def _keep(self, name: str, known: _Known, present: Mapping[str, Stranded]) -> None:
        """Keep since when things wait, where that is news."""
        now, clock = self._clock.elapsed(), self._clock.now()
        waits = {
            identity: (
                known.kept[identity][0]
                if known.kept.get(identity, ("", None))[1] == each.content
                else (clock - timedelta(seconds=now - known.since[identity])).isoformat(),
                each.content,
            )
            for identity, each in islice(present.items(), _MOST_KEPT)
            if identity not in known.noted
        }
        if waits != known.kept:
            known.kept = waits
            items = [[identity, *each] for identity, each in waits.items()]
            self._journal.events.note("waits_in_folder", model=name, items=items)

    def _due(self, since: float) -> float:
        patience = self._patience().total_seconds()
        step = patience / _STEPS
        return math.ceil((since + patience) / step) * step if step else since

    def _pause_left(self, known: _Known) -> float:
        """Return the seconds until another note may be made.

        Notes from the future, of a clock that was set back, do not count.
        """
        now = self._clock.now()
        known.moments = [moment for moment in known.moments if timedelta(0) <= now - moment < DAY]
        if not known.moments:
            return 0.0
        pauses = (self._patience(), *PAUSES)
        number = len(known.moments)
        until = known.moments[-1] + pauses[number - 1] if number <= len(pauses) else known.moments[0] + DAY
        return max(0.0, (until - now).total_seconds())

    def _note(self, name: str, known: _Known, fresh: list[Stranded], more: int) -> None:
        """Note what is new, and how much `more` there is that is not remembered one by one."""
        lines = [each.problem for each in fresh[:_MOST_LINES]]
        what = problem("not_taken_in", lines=lines, number=len(fresh) + more, waited=self._patience())
        known.noted |= {each.identity for each in fresh}
        known.moments.append(self._clock.now())
        self._journal.events.note(
            "not_taken_in",
            model=name,
            what=what,
            number=len(fresh) + more,
            items=sorted(known.noted),
            moments=_as_texts(known.moments),
        )
        _LOG.warning("not_taken_in", model=name, reason=what)
