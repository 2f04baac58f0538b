"""`watch`: all models, live on the terminal, until somebody quits.

Reads what the status page reads: the journal, without writing to it, and the daemon's own state. It touches
no share.
"""

import argparse
import os
import sys
from collections.abc import Sequence
from contextlib import closing

from rich.text import Text
from sqlalchemy.exc import DatabaseError

from retraind.cli.live.drawing import glyphs_of
from retraind.cli.live.frame import Scene, Size, frame, trouble
from retraind.cli.live.onlooker import is_watched
from retraind.cli.live.terminal import Screen, size_of
from retraind.cli.live.under_way import Steps
from retraind.cli.output import GOOD, USAGE, Refused
from retraind.cli.ownership import act_as_owner_for_long
from retraind.config.load import load_without_keys
from retraind.domain.failures import JournalError
from retraind.domain.problems import problem
from retraind.domain.records import Event
from retraind.page.reading import Reader
from retraind.page.standing import Judged, judged
from retraind.report.wording import Voice
from retraind.store.views.read_only import trouble_of
from retraind.system import log
from retraind.system.clock import Clock

_INTERVAL = 0.5
"""Seconds between two questions to the journal, and to a terminal for its size."""
_SPANS = 10.0
"""Seconds after which how long something lasts is counted again."""
_MOST_EVENTS = 200
"""More than a terminal has lines."""
_QUIT = "q"


def watch(options: argparse.Namespace) -> int:
    """Show what happens until q or Ctrl-C."""
    if not is_watched(sys.stdout):
        raise Refused(problem("watch_needs_terminal"), USAGE)
    loaded = load_without_keys(options.config)
    known = {*loaded.settings.models, *loaded.refused}
    if options.model is not None and options.model not in known:
        raise Refused(problem("model_unknown", name=options.model, known=sorted(known)), USAGE)
    # It would be written over what is drawn.
    log.set_up(level="CRITICAL")
    if not os.geteuid():
        act_as_owner_for_long(loaded.settings)
    try:
        with closing(Reader(loaded, Clock())) as reader, Screen() as screen:
            scenes = SceneReader(reader, options.model)
            while True:
                screen.draw(scenes.lines(Size(*size_of(sys.stdout))))
                if _QUIT in screen.key(_INTERVAL).lower():
                    return GOOD
    except KeyboardInterrupt:
        return GOOD


class SceneReader:
    """Reads what there is to draw; only what has changed is read and judged again."""

    def __init__(self, reader: Reader, model: str | None = None) -> None:
        self._reader = reader
        self._model = model
        self._known: tuple[str, int] | None = None
        self._models: Sequence[Judged] = ()
        self._events: Sequence[Event] = ()
        self._steps = Steps()

    def lines(self, size: Size) -> list[Text]:
        """Return what there is to draw now."""
        glyphs = glyphs_of(sys.stdout)
        try:
            scene = self.scene()
        except JournalError as error:
            return trouble(self._unreadable(error), size, glyphs)
        except DatabaseError as error:
            return trouble(self._unreadable(JournalError(trouble_of(self._reader.file, error))), size, glyphs)
        finally:
            self._reader.rest()
        return frame(scene, size, glyphs)

    @staticmethod
    def _unreadable(error: JournalError) -> str:
        return Voice().label("watch_unreadable", why=Voice().tell(error.problem))

    def scene(self) -> Scene:
        """Read what has changed. Raises JournalError, and DatabaseError."""
        snapshot = self._reader.snapshot()
        known = snapshot.seen, int(self._reader.clock.elapsed() // _SPANS)
        if known != self._known:
            self._models = [found for found in judged(snapshot) if self._model in {None, found.glance.name}]
            self._events = self._reader.journal().events.history(limit=_MOST_EVENTS, model=self._model)
            self._known = known
        steps = self._steps.now(snapshot.settings.state.spool, self._reader.clock.elapsed())
        return Scene(snapshot, self._models, steps, self._events, alone=self._model is not None)
