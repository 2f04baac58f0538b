"""What `watch` draws at one moment, as lines that fit the terminal. Pure.

The daemon comes first, then the models: those that need attention and those in work are shown first, the
others get the remaining lines. The last events are at the bottom.
"""

from collections.abc import Container, Iterator, Mapping, Sequence
from datetime import datetime, timedelta
from functools import cached_property
from types import MappingProxyType
from typing import NamedTuple

from rich.text import Text

from retraind.cli.live.drawing import GAP, Glyphs, column, cut, printable
from retraind.cli.live.under_way import Step, step_line
from retraind.domain.names import key_in
from retraind.domain.records import Event
from retraind.page.reading import Snapshot
from retraind.page.standing import Judged, Standing, in_words
from retraind.report.daemon_condition import Condition, condition_problem
from retraind.report.layout import cells, fill
from retraind.report.wording import Health, Voice
from retraind.store.views.glances import Active

_BAD = "bold red"
_TONES: Mapping[str, str] = MappingProxyType(
    {"bad": _BAD, "held": "yellow", "busy": "cyan", "good": "green", "quiet": "dim"}
)
_MOST_TROUBLES = 3
"""Lines on one trouble of the daemon's, and troubles of one kind."""
_WIDEST_NAME = 24
_NARROW = 60
"""Columns below which names have less room, and there is no room for the health beside the sentence."""
_LEAST_ROWS = 6
"""Of models, before events get any room."""
_MINUTE = timedelta(minutes=1)
_BUSY = frozenset({Health.TRAINING, Health.WORKING})


class Size(NamedTuple):
    """Of the terminal."""

    columns: int
    rows: int


class Scene(NamedTuple):
    """What is drawn."""

    snapshot: Snapshot
    models: Sequence[Judged]
    """In the order in which they matter; with `alone`, one."""
    steps: Mapping[str, Step]
    """By job."""
    events: Sequence[Event]
    """Oldest first."""
    alone: bool = False
    """Whether one model is to be shown, with all that is known of it."""


def frame(scene: Scene, size: Size, glyphs: Glyphs) -> list[Text]:
    """Return the lines, never more and never longer than fit."""
    lines = _Frame(scene, size, glyphs).lines()[: size.rows]
    for line in lines:
        line.truncate(size.columns)  # Nothing is left of some parts on a terminal of a few columns.
    return lines


def trouble(text: str, size: Size, glyphs: Glyphs) -> list[Text]:
    """Return the lines that are drawn while nothing can be read."""
    return [Text(line, _BAD) for line in _wrapped(text, size.columns, glyphs)][: size.rows]


def _wrapped(text: str, columns: int, glyphs: Glyphs) -> list[str]:
    return [cut(line, columns, glyphs) for line in fill(printable(text, glyphs), width=columns).split("\n")]


class _Frame:
    def __init__(self, scene: Scene, size: Size, glyphs: Glyphs) -> None:
        self._scene, self._size, self._glyphs = scene, size, glyphs
        self._voice = Voice()

    def lines(self) -> list[Text]:
        head = [*self._daemon(), *self._general_trouble(), Text()]
        room = self._size.rows - len(head)
        if self._scene.alone:
            body = [line for found in self._scene.models for line in self._alone(found)][: max(1, room)]
            events = room - len(body) - 2
        else:
            models = len(self._scene.models)
            events = min(len(self._scene.events), max(room - models - 2, room // 3 - 2))
            events = events if room - events - 2 >= min(_LEAST_ROWS, models) else 0
            body = self._table(room - (events + 2 if events > 0 else 0))
        return [*head, *body, *(self._events(events) if events > 0 else [])]

    # The daemon

    def _daemon(self) -> Iterator[Text]:
        snapshot, state = self._scene.snapshot, self._scene.snapshot.state
        process = state.pid if state else None
        if snapshot.condition is Condition.NOT_RUNNING:
            journal, version = snapshot.settings.state.journal_file, state.version if state else ""
            yield from self._bad(
                self._voice.label("status_process", version=version, process=None, journal=journal)
            )
            if state is not None:
                yield from self._bad(
                    self._voice.label("daemon_ended", stopped=state.stopped_at, seen=state.written_at)
                )
        elif wrong := condition_problem(snapshot.condition, process, state):
            yield from self._bad(self._voice.tell(wrong))
        elif state is not None:
            starting = snapshot.condition is Condition.STARTING
            parts = [
                self._voice.label("watch_running", version=state.version, process=process, starting=starting)
            ]
            if state.last_sweep_at is not None:
                parts.append(self._voice.label("watch_swept", at=state.last_sweep_at))
            yield self._plain(", ".join(parts))
        if not self._scene.alone:
            attention, work, idle = self._counts(self._scene.models)
            total = len(self._scene.models)
            label = self._voice.label("watch_counts", total=total, attention=attention, work=work, idle=idle)
            yield self._plain(label, "bold")

    def _general_trouble(self) -> Iterator[Text]:
        """Yield what keeps all models from working."""
        snapshot, state = self._scene.snapshot, self._scene.snapshot.state
        for outage in [*snapshot.outages.values()][:_MOST_TROUBLES]:
            yield self._plain(self._voice.label("watch_host", host=outage.host, since=outage.since), _BAD)
        if state is None or not snapshot.condition.is_good:
            return
        if state.journal_trouble:
            yield from self._bad(self._voice.tell(state.journal_trouble))
        if state.refused_reload:
            yield self._plain(self._voice.label("watch_refused_reload", at=state.refused_reload.at), _BAD)
        general = [each.problem for each in state.unreachable if each.model is None]
        for each in general[:_MOST_TROUBLES]:
            yield self._plain(self._voice.tell(each), _BAD)

    def _plain(self, text: str, style: str = "") -> Text:
        return Text(cut(text, self._size.columns, self._glyphs), style)

    def _bad(self, text: str) -> list[Text]:
        wrapped = _wrapped(text, self._size.columns, self._glyphs)
        return [Text(line, _BAD) for line in wrapped[:_MOST_TROUBLES]]

    # The models

    def _table(self, room: int) -> list[Text]:
        chosen = choose(self._scene.models, room, self._scene.steps)
        names = self._width_of_names([found.glance.name for found in chosen])
        rows = [self._row(found, names) for found in chosen]
        if len(chosen) < len(self._scene.models):
            kept = {found.glance.name for found in chosen}
            left = [found for found in self._scene.models if found.glance.name not in kept]
            attention, work, idle = self._counts(left)
            rows.append(
                self._plain(self._voice.label("watch_more", attention=attention, work=work, idle=idle), "dim")
            )
        return rows

    @staticmethod
    def _counts(models: Sequence[Judged]) -> tuple[int, int, int]:
        attention = sum(found.health.needs_somebody for found in models)
        work = sum(found.health in _BUSY for found in models)
        return attention, work, len(models) - attention - work

    def _width_of_names(self, names: Sequence[str]) -> int:
        widest = _WIDEST_NAME if self._size.columns >= _NARROW else self._size.columns // 3
        return min(widest, max((cells(printable(name, self._glyphs)) for name in names), default=0))

    def _row(self, found: Judged, names: int) -> Text:
        words = self._words(found)
        row = Text(column(words.name, names, self._glyphs) + GAP)
        if self._size.columns >= _NARROW:
            row.append(column(words.label, self._width_of_health, self._glyphs), _TONES[words.tone]).append(
                GAP
            )
        row.append(self._doing(found, words.line, self._size.columns - row.cell_len))
        return row

    def _words(self, found: Judged) -> Standing:
        """Put a model into words that need not change each second."""
        lasted = found.facts.get("lasted")
        if isinstance(lasted, timedelta) and lasted >= _MINUTE:
            found = found._replace(facts={**found.facts, "lasted": lasted - lasted % _MINUTE})
        return in_words(found, self._scene.snapshot.at, self._voice)

    @cached_property
    def _width_of_health(self) -> int:
        return max(cells(self._voice.label("page_health", health=health)) for health in Health)

    def _doing(self, found: Judged, line: str, width: int) -> Text:
        """Return how far the model's job is in a step that takes long, or else how the model is."""
        for job in found.glance.active:
            if job.id in self._scene.steps and not found.health.needs_somebody:
                return self._progress(job, width)
        snapshot = self._scene.snapshot
        if found.health is Health.WORKING and snapshot.condition is Condition.NOT_RUNNING:
            line = self._voice.label("watch_stands", key=found.facts["key"], state=found.facts["state"])
        state = snapshot.state
        since = state.waiting_since.get(found.glance.name) if state else None
        if since and found.health in {Health.WAITING, Health.NEW}:
            line = self._voice.label("watch_file_waits", since=since)
        return Text(cut(line, width, self._glyphs))

    def _progress(self, job: Active, width: int) -> Text:
        return step_line(width, job.key or key_in(job.id), self._scene.steps[job.id], self._glyphs)

    def _alone(self, found: Judged) -> Iterator[Text]:
        """Yield all that is known of a model."""
        words = self._words(found)
        name = cut(words.name, self._size.columns, self._glyphs)
        yield Text(name + GAP, "bold").append(words.label, _TONES[words.tone])
        yield from map(Text, _wrapped(words.line, self._size.columns, self._glyphs))
        for job in found.glance.active:
            if job.id in self._scene.steps:
                yield self._progress(job, self._size.columns)
            elif job.id != found.job:
                line = self._voice.label("page_is_working", key=job.key, state=job.state)
                yield self._plain(line)

    # What has happened

    def _events(self, number: int) -> list[Text]:
        events = self._scene.events[-number:]
        names = self._width_of_names([event.model or "" for event in events])
        heading = Text(cut(self._voice.label("watch_events"), self._size.columns, self._glyphs), "bold")
        moments = [self._moment(event.at) for event in events]
        widest = max(map(len, moments))
        return [
            Text(),
            heading,
            *(
                self._event(event, f"{when:{widest}}", names)
                for event, when in zip(reversed(events), reversed(moments), strict=True)
            ),
        ]

    def _moment(self, at: datetime) -> str:
        today = self._scene.snapshot.at.astimezone().date()
        return self._voice.label("watch_event", at=at, today=at.astimezone().date() == today)

    def _event(self, event: Event, when: str, names: int) -> Text:
        row = Text(when + GAP, "dim")
        if not self._scene.alone:
            row.append(column(event.model or "", names, self._glyphs) + GAP, "not dim")
        told = self._voice.label("page_event", event=event.event, over=event.over)
        told = f"{key_in(event.job)}: {told}" if event.job else told
        row.append(cut(told, max(0, self._size.columns - row.cell_len), self._glyphs), "not dim")
        row.truncate(self._size.columns)
        return row


def choose(models: Sequence[Judged], room: int, steps: Container[str] = ()) -> list[Judged]:
    """Return the models for so many lines, in their order; one line less if that is not all of them.

    Those that need somebody and those in work leave each other half of the room. Of those in work, the ones
    with a job among `steps` come first.
    """
    if len(models) > room:
        room = max(1, room - 1)
    attention = [found for found in models if found.health.needs_somebody]
    work = [found for found in models if found.health in _BUSY]
    work.sort(key=lambda found: all(job.id not in steps for job in found.glance.active))
    idle = [found for found in models if not found.health.needs_somebody and found.health not in _BUSY]
    first = attention[: max(room - len(work), room // 2)]
    second = work[: room - len(first)]
    return [*first, *second, *idle[: room - len(first) - len(second)]]
