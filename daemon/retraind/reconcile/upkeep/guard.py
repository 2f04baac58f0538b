"""Holds the models whose keys, gates or configuration others can reach, until they cannot."""

from collections.abc import Callable
from pathlib import Path

from retraind.config.exposure import HOLDS, exposures
from retraind.domain.problems import problem
from retraind.jobs.pipeline import Pipeline
from retraind.store.journal import Journal
from retraind.system import log
from retraind.system.clock import Clock

_LOG = log.get(__name__)

_INTERVAL = 60.0
"""Seconds. Each use of a key file, and each run of a gate, looks at its rights as well."""


class Guard:
    """Watches the rights of what the present settings name."""

    def __init__(
        self,
        pipeline: Pipeline,
        journal: Journal,
        config: Path | None,
        *,
        clock: Clock,
        changed: Callable[[str], None],
    ) -> None:
        """`config` is the configuration's file; `changed` is called with a model whose hold changes."""
        self._pipeline = pipeline
        self._journal = journal
        self._config = config
        self._clock = clock
        self._changed = changed
        self._due = 0.0
        """When to look again while no model is held for rights (`Clock.elapsed` seconds)."""

    def mind_now_and_then(self) -> None:
        """Do so each minute; each time while a model is held, since somebody waits for its end."""
        held = any(hold.problem.code in HOLDS for hold in self._journal.holds.all().values())
        if held or self._clock.elapsed() >= self._due:
            self.mind()

    def mind(self) -> None:
        """Hold models, and end holds whose reason is gone.

        A share that hangs is waited for no longer than `helper.PATIENCE`; what is not known then stays as it
        was.
        """
        self._due = self._clock.elapsed() + _INTERVAL
        settings = self._pipeline.settings
        answers = exposures(settings, self._config)
        holds = self._journal.holds.all()
        for name in settings.models:
            why, hold = answers.of(name), holds.get(name)
            if why is not None:
                known = hold is not None and why.is_same(hold.problem)
                if not known and self._journal.holds.hold(name, why, credential=False):
                    _LOG.error("model_held", model=name, reason=why)
                    self._changed(name)
            elif hold is not None and hold.problem.code in HOLDS and not answers.unknown & {name, None}:
                over = problem("rights_corrected")
                self._journal.holds.release(name, over)
                _LOG.info("model_released", model=name, why=over)
                self._changed(name)
