"""What all pages read: the configuration without keys, the journal, the daemon's state, the steps under way.

Thread-safe.
"""

import hashlib
import math
import threading
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import datetime
from pathlib import Path
from typing import NamedTuple

from sqlalchemy.exc import DatabaseError

from retraind.bundle.progress import Noted, under_way
from retraind.config.load import WithoutKeys, load_without_keys
from retraind.config.settings import Settings
from retraind.domain.failures import ConfigError, JournalError
from retraind.domain.problems import Problem
from retraind.domain.records import Outage
from retraind.report.daemon_condition import Condition, condition_of, kernel_state
from retraind.store.instance import DaemonState, instance_since, read_state, running_instance
from retraind.store.journal import Journal
from retraind.store.views.glances import Glance, Glances, glances, pulse
from retraind.store.views.read_only import ReadOnlyJournal
from retraind.system import log
from retraind.system.clock import Clock

_LOG = log.get(__name__)

_WHOLE = 600.0
"""Seconds after which everything is read again: what is deleted from the history leaves no entry."""
_FRESH = 1.0
"""Seconds for which all pages share what was read."""


class Snapshot(NamedTuple):
    """Everything at one moment, without what only one page shows."""

    at: datetime
    settings: Settings
    refused: frozenset[str]
    """Models whose tables have a mistake."""
    condition: Condition
    state: DaemonState | None
    glances: Mapping[str, Glance]
    outages: Mapping[str, Outage]
    steps: Mapping[str, Noted]
    """The steps under way that take long, by job."""
    seen: str
    """Another text whenever there is something new to show."""

    @property
    def unreachable(self) -> dict[str, Problem]:
        """Return why the daemon cannot use what a model needs, by model."""
        found = self.state.unreachable if self.state and self.condition.is_good else ()
        return {each.model: each.problem for each in reversed(found) if each.model is not None}


class Reader:
    """Reads for all pages."""

    def __init__(self, loaded: WithoutKeys, clock: Clock) -> None:
        self.clock = clock
        self._loaded = loaded
        self._stamp = _stamp(loaded.file)
        self._journal = ReadOnlyJournal(loaded.settings.state.journal_file, clock)
        self._lock = threading.Lock()
        self._snapshot: Snapshot | None = None
        self._read_at = 0.0
        self._glanced: Glances | None = None
        self._read_of: Journal | None = None
        self._whole_at = 0.0
        self._failure: JournalError | DatabaseError | None = None
        """Why the journal could not be read last, if it could not."""
        self._failed_at = 0.0
        self.steps: Mapping[str, Noted] = {}
        """The steps under way that take long, by job, as they were last."""

    @property
    def file(self) -> Path:
        """The journal's."""
        return self._journal.file

    def close(self) -> None:
        """Close the journal."""
        with self._lock:
            self._journal.close()

    def journal(self) -> Journal:
        """Return the journal. Raises JournalError while it cannot be read."""
        with self._lock:
            return self._journal.get()

    def rest(self) -> None:
        """Close the connections that are not in use."""
        with self._lock:
            self._journal.rest()

    def settings(self) -> Settings:
        """Return the configuration as it is now."""
        with self._lock:
            self._reload()
            return self._loaded.settings

    def snapshot(self) -> Snapshot:
        """Return what is known now. Raises JournalError, and DatabaseError."""
        with self._reading():
            now = self.clock.elapsed()
            if self._snapshot is None or now - self._read_at > _FRESH:
                self._snapshot, self._read_at = self._read(), now
            return self._snapshot

    def seen(self) -> str:
        """Return what changes when there is something new to show; the next snapshot then has it.

        Raises JournalError, and DatabaseError.
        """
        with self._reading():
            seen = self._seen(self._journal.get(), *self._daemon())
            if self._snapshot is not None and self._snapshot.seen != seen:
                self._read_at = -math.inf
            self._journal.rest()
            return seen

    @contextmanager
    def _reading(self) -> Iterator[None]:
        """Keep others from reading; whoever has waited need not find out again that the journal is locked."""
        with self._lock:
            if self._failure is not None and self.clock.elapsed() - self._failed_at <= _FRESH:
                raise self._failure.with_traceback(None)
            try:
                yield
            except (JournalError, DatabaseError) as error:
                self._failure, self._failed_at = error, self.clock.elapsed()
                raise
            self._failure = None

    def _daemon(self) -> tuple[Condition, DaemonState | None]:
        file = self._journal.file
        process, state = running_instance(file), read_state(file)
        seen = kernel_state(process), instance_since(file)
        return condition_of(process, state, self.clock.now(), *seen), state

    def _read(self) -> Snapshot:
        self._reload()
        journal, settings = self._journal.get(), self._loaded.settings
        condition, state = self._daemon()
        seen = self._seen(journal, condition, state)
        before = self._snapshot
        if before is not None and before.seen == seen:
            return before._replace(at=self.clock.now(), condition=condition, state=state, steps=self.steps)
        found = self._glances(journal, [*settings.models, *sorted(self._loaded.refused)])
        return Snapshot(
            self.clock.now(),
            settings,
            self._loaded.refused,
            condition,
            state,
            found,
            journal.hosts.all(),
            self.steps,
            seen,
        )

    def _glances(self, journal: Journal, models: Sequence[str]) -> Mapping[str, Glance]:
        """Return all models; now and then, and of another journal, nothing that was read before counts."""
        now = self.clock.elapsed()
        if journal is not self._read_of or now - self._whole_at > _WHOLE:
            self._glanced, self._read_of, self._whole_at = None, journal, now
        self._glanced = glances(journal, models, self._glanced)
        return self._glanced.by_name

    def _seen(self, journal: Journal, condition: Condition, state: DaemonState | None) -> str:
        troubles = [(each.setting, each.problem.code) for each in state.unreachable] if state else []
        self.steps = under_way(self._loaded.settings.state.spool)
        doing = sorted((job, noted.doing.value) for job, noted in self.steps.items())
        told = repr(
            (pulse(journal), condition, troubles, state and state.configuration.sha256, self._stamp, doing)
        )
        return hashlib.sha256(told.encode()).hexdigest()[:16]

    def _reload(self) -> None:
        """Read the configuration again if its file has changed. What serves the page itself stays."""
        stamp = _stamp(self._loaded.file)
        if stamp == self._stamp:
            return
        self._stamp = stamp
        try:
            fresh = load_without_keys(self._loaded.file)
        except ConfigError as error:
            _LOG.warning("page_reload_refused", reason=error.problems[0])
            return
        own = {"page": self._loaded.settings.page, "state": self._loaded.settings.state}
        self._loaded = fresh._replace(settings=fresh.settings.model_copy(update=own))


def _stamp(file: Path) -> tuple[int, int, int] | None:
    try:
        status = file.stat()
    except OSError:
        return None
    return status.st_mtime_ns, status.st_size, status.st_ino
