"""The API key that a job uses, and what is known of keys that were refused."""

from dataclasses import dataclass, field
from datetime import timedelta

from retraind.api.credentials import Credentials
from retraind.api.redaction import fingerprint
from retraind.config.current import Current
from retraind.domain.failures import Hold, Setback
from retraind.domain.job import Job
from retraind.jobs.folders import Places
from retraind.system import log
from retraind.system.clock import Clock

_LOG = log.get(__name__)

_REWRITING = timedelta(seconds=10)
"""How long a key file without a usable key may just be being written."""


@dataclass(frozen=True)
class Keys:
    """The models' API keys, as jobs use them. Safe to use from several threads."""

    credentials: Credentials
    current: Current
    places: Places
    clock: Clock
    refused: dict[str, str | None] = field(default_factory=dict)
    """Fingerprints of the keys that brought a hold, by model; None where no key could be had."""
    _keyless: dict[str, float] = field(default_factory=dict)
    """Since when no key of a model can be had (`Clock.elapsed` seconds)."""

    def key(self, job: Job) -> str:
        """Return the API key for a job's model. Raises Hold or Retry where there is none."""
        key = self.credentials.key(job.model, self.places.model(job))
        self.note_usable(job.model)
        return key

    def note_usable(self, name: str) -> None:
        """Note that a usable key of a model was read, or that another is to be."""
        self._keyless.pop(name, None)

    def may_be_written(self, name: str) -> bool:
        """Return whether a model's key, which cannot be used, may just be being written: for a moment."""
        since = self._keyless.setdefault(name, self.clock.elapsed())
        return self.clock.elapsed() - since < _REWRITING.total_seconds()

    def present_fingerprint(self, name: str) -> str | None:
        """Return the fingerprint of a model's present API or secret key; None when there is none."""
        try:
            model = self.current.settings.models[name]
            # Of a self-fetched key its origin counts; asking for the key itself would have one more issued.
            return fingerprint(self.credentials.secret(name, model) or self.credentials.key(name, model))
        except (Setback, KeyError):
            return None

    def has_another(self, job: Job, hold: Hold) -> bool:
        """Return whether another key is there by now, or will soon be, so that nobody has to act.

        The key that was refused is noted for the caretaker: any other, then or later, is worth a try.
        """
        if self.credentials.refuse(job.model, hold.shown):
            return True
        if hold.shown is None and self.may_be_written(job.model):
            return True
        self.refused[job.model] = refused = self.credentials.origin(job.model, hold.shown)
        return self.present_fingerprint(job.model) not in {None, refused}
