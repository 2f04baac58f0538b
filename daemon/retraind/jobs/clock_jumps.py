"""Detects that the wall clock was set, and shifts the deadlines of trainings."""

import threading
from contextlib import suppress
from dataclasses import replace
from datetime import timedelta

from retraind.domain.job import State
from retraind.store.jobs import Conflict
from retraind.store.journal import Journal
from retraind.system import log
from retraind.system.clock import Clock

_LOG = log.get(__name__)

_CLOCK_JUMP = timedelta(minutes=1)
"""How far the wall clock has to move against the other one to have been set."""


class ClockJumps:
    """Compares the wall clock with the one that never jumps."""

    def __init__(self, journal: Journal, clock: Clock) -> None:
        self._journal = journal
        self._clock = clock
        self._minding = threading.Lock()
        self._offset = self._clock_offset()

    def mind(self) -> bool:
        """Shift the deadlines of trainings when the wall clock was set; returns whether it was.

        Meant to be called now and then: only a running process can compare the two clocks.
        """
        with self._minding:
            offset = self._clock_offset()
            jump = offset - self._offset
            if abs(jump) < _CLOCK_JUMP:
                return False
            self._offset = offset
            _LOG.warning("clock_jumped", seconds=round(jump.total_seconds()))
            for job in self._journal.jobs.active():
                training = job.training
                if training and training.deadline and job.state is State.UPLOADED:
                    with suppress(Conflict, OverflowError):
                        shifted = replace(training, deadline=training.deadline + jump)
                        self._journal.jobs.write(job, replace(job, training=shifted))
        return True

    def _clock_offset(self) -> timedelta:
        return timedelta(seconds=self._clock.now().timestamp() - self._clock.elapsed())
