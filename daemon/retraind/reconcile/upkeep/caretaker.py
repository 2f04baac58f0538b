"""Time-based upkeep: ends holds, renews the models' keys, warns before keys expire."""

import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import replace
from datetime import datetime, timedelta
from pathlib import Path

from sqlalchemy.exc import SQLAlchemyError

from retraind.api.credentials import (
    KEY_LIFETIME,
    Credentials,
    explained,
    origin_of,
    presumed_issue,
    warning_of,
)
from retraind.config.exposure import HOLDS
from retraind.config.settings import ModelSettings
from retraind.domain.failures import Hold, Setback
from retraind.domain.problems import Problem, problem
from retraind.domain.records import ModelHold
from retraind.jobs.pipeline import Pipeline
from retraind.reconcile.upkeep.guard import Guard
from retraind.store.events import is_news
from retraind.store.jobs import Conflict
from retraind.store.journal import Journal
from retraind.system import log
from retraind.system.clock import Clock

_LOG = log.get(__name__)

INTERVAL = timedelta(seconds=15)
"""How often to do that."""
_HOLD_RETRY = timedelta(hours=6)
"""How often a refused key, or whatever else holds a model, is tried again: the vendor may have fixed
something."""
_ACCOUNT_RETRY = timedelta(days=1)
"""How often a training that a limit of the account prevented is tried again: each try uploads all data."""
_AGE_INTERVAL = timedelta(hours=1)
"""How often to check the age of a key that people replace."""
_END_INTERVAL = timedelta(minutes=1)
"""How often to check other keys, and those with a warning, which ends when they are replaced."""
_RENEWAL_RETRY = timedelta(minutes=10)


@contextmanager
def _isolated(model: str) -> Iterator[None]:
    """Keep an internal error at one model from the others, which are handled on the same thread."""
    try:
        yield
    except SQLAlchemyError:
        raise
    except Exception:  # noqa: BLE001 - logged with its trace, and tried again
        _LOG.exception("key_check_crashed", model=model)


class Caretaker:
    """Ends holds, and maintains the keys of all models in the pipeline's settings."""

    def __init__(
        self,
        pipeline: Pipeline,
        journal: Journal,
        credentials: Credentials,
        *,
        clock: Clock,
        stopping: threading.Event,
        changed: Callable[[str], None],
        config: Path | None = None,
    ) -> None:
        """`config` is the configuration's file.

        `changed` is called with a model for whose jobs, or readers, something has changed.
        """
        self._pipeline = pipeline
        self._journal = journal
        self._credentials = credentials
        self._clock = clock
        self._stopping = stopping
        self._changed = changed
        self.guard = Guard(pipeline, journal, config, clock=clock, changed=changed)
        self._due: dict[str, float] = {}
        """When to check again how long a model's key will last (`Clock.elapsed` seconds)."""
        self._known_keys: set[str] = set()
        """The models whose key was looked for since the start, or since a reload that concerns them."""
        self.key_ends: dict[str, datetime] = {}
        """When each model's key ends, as far as that is known."""

    def _hold_without_key(self, name: str, model: ModelSettings) -> bool:
        """Hold a model that has no usable key at a start or a reload, rather than with its first delivery.

        Returns False where that is not certain yet: its file may just be being written.
        """
        try:
            self._credentials.configured(name, model)
        except Hold as hold:
            if hold.problem.code == "key_unusable" and self._pipeline.keys.may_be_written(name):
                return False
            self._pipeline.keys.refused.setdefault(name, None)
            if self._journal.holds.hold(name, explained(hold, name, model), credential=True):
                _LOG.error("model_held", model=name, reason=hold.problem)
                self._changed(name)
        except Setback as trouble:
            _LOG.warning("key_not_read", model=name, reason=trouble.problem)
        else:
            self._pipeline.keys.note_usable(name)
        return True

    def end_holds_of_last_time(self) -> None:
        """End the holds for credentials after a start, for a try: keys may have been replaced meanwhile.

        Models whose keys or programs others can reach are held.
        """
        for name, hold in self._journal.holds.all().items():
            if hold.credential:
                self._journal.holds.release(name, problem("retraind_started"), trial=True)
        self.guard.mind()

    def forget(self, name: str) -> None:
        """Read a model's key again: its source may have changed."""
        self._credentials.forget(name)
        self._due.pop(name, None)
        self._known_keys.discard(name)
        self._pipeline.keys.note_usable(name)
        self.key_ends.pop(name, None)

    def mind(self) -> None:
        """End the holds whose reason is gone, renew fetched keys, and warn before others expire."""
        self.guard.mind_now_and_then()
        self._end_holds_for_keys()
        self._end_dated_holds()
        now, models = self._clock.elapsed(), self._pipeline.settings.models
        if not (due := [name for name in models if now >= self._due.get(name, 0.0)]):
            return
        # Asked for each of a thousand models on its own, it would take seconds.
        warnings = self._journal.events.last_problems("key_warning", due)
        seen = self._journal.events.keys_seen(due)
        for name in due:
            if self._stopping.is_set():
                return  # The service may be slow, and there may be a thousand keys to fetch.
            again = _END_INTERVAL
            with _isolated(name):
                again = self._mind_end(name, models[name], warnings[name], seen)
            self._due[name] = self._clock.elapsed() + again.total_seconds()

    def _end_holds_for_keys(self) -> None:
        for name, hold in self._journal.holds.all().items():
            if name not in self._pipeline.settings.models or hold.problem.code in HOLDS:
                continue
            with _isolated(name):
                self._end_hold(name, hold)

    def _end_hold(self, name: str, hold: ModelHold) -> None:
        present = self._pipeline.keys.present_fingerprint(name) if hold.credential else None
        replaced = present is not None and present != self._pipeline.keys.refused.get(name)
        after = _ACCOUNT_RETRY if hold.of_account else _HOLD_RETRY
        if replaced or abs(self._clock.now() - hold.since) > after:
            same = "key_tried_again" if hold.credential else "hold_reason_maybe_gone"
            why = problem("key_replaced" if replaced else same)
            self._journal.holds.release(name, why, trial=not replaced)
            self._due.pop(name, None)
            _LOG.info("model_released", model=name, why=why)
            self._changed(name)

    def _end_dated_holds(self) -> None:
        now = self._clock.now()
        for job in self._journal.jobs.active():
            until = job.hold.until if job.hold else None
            if until and (until <= now or job.clock_was_set_back(now)):
                with suppress(Conflict):  # A command was faster.
                    event = "hold_tried" if job.tries.upload_held else "released"
                    self._journal.jobs.write(job, replace(job, hold=None), event)
                self._changed(job.model)

    def _mind_end(
        self,
        name: str,
        model: ModelSettings,
        before: Problem | None,
        seen: Mapping[tuple[str, str], datetime],
    ) -> timedelta:
        """Renew a key that retraind fetches, or warn before one expires that people replace.

        `before` is the last warning; `seen` is when keys were first seen, by model and fingerprint. Returns
        when to check again.
        """
        warning, again = None, _END_INTERVAL
        if name not in self._known_keys:
            if not self._hold_without_key(name, model):
                return INTERVAL
            self._known_keys.add(name)
        try:
            if self._credentials.renew(name, model):
                _LOG.info("key_renewed", model=name, ends_at=str(self._credentials.ends_at(name)))
        except Setback as trouble:
            ends = self._credentials.ends_at(name)
            why = explained(trouble, name, model) if isinstance(trouble, Hold) else trouble.problem
            warning, again = problem("key_not_renewed", why=why, ends=ends), _RENEWAL_RETRY
            _LOG.warning("key_not_renewed", model=name, reason=why)
        if model.model_id is None and (key := self._pipeline.keys.present_fingerprint(name)) is not None:
            since = seen.get((name, key)) or self._journal.events.note_key(name, key)
            issued = presumed_issue(since, self._credentials.arrived_at(model))
            self.key_ends[name] = issued + KEY_LIFETIME
            warning = warning_of(issued, self._clock.now(), origin_of(name, model))
            again = _END_INTERVAL if warning else _AGE_INTERVAL
        elif model.model_id is not None and (end := self._credentials.ends_at(name)) is not None:
            self.key_ends[name] = end
        if is_news(warning, before):
            self._journal.events.note("key_warning", model=name, what=warning)
            if warning:
                _LOG.warning("key_ends_soon", model=name, reason=warning)
            self._changed(name)
        return again
