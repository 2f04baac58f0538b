"""Counters of a running retraind since its start, for monitoring. Nothing is decided by them."""

import threading
from bisect import bisect_left
from collections import Counter
from collections.abc import Mapping

from pydantic import BaseModel, ConfigDict

BOUNDS = (0.1, 0.5, 1.0, 5.0, 15.0, 60.0, 300.0, 900.0, 3_600.0, 14_400.0, 86_400.0)
"""Seconds. How long something took is counted by the first of these that it does not exceed."""


class _Part(BaseModel):
    model_config = ConfigDict(frozen=True, extra="ignore", defer_build=True)


class Durations(_Part):
    """How long something took, each time."""

    counts: tuple[int, ...]
    """One for each of BOUNDS, and one for what took longer."""
    seconds: float
    """All of them together."""


class Counts(_Part):
    """Everything that was counted, without zeros."""

    steps: Mapping[str, Durations] = {}
    """Steps that were completed, by their names. That of `poll` is the training itself."""
    retries: Mapping[str, int] = {}
    """Tries of a step that met a transient failure, by model."""
    uploaded: Mapping[str, int] = {}
    """Bytes of completed uploads, by model."""
    filed: Mapping[str, Mapping[str, int]] = {}
    """Deliveries that have ended, by model and outcome."""


class Tally:
    """Counts. Safe to use from several threads."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._steps: dict[str, list[int]] = {}
        self._seconds: dict[str, float] = {}
        self._retries: Counter[str] = Counter()
        self._uploaded: Counter[str] = Counter()
        self._filed: dict[str, Counter[str]] = {}

    def step(self, name: str, seconds: float) -> None:
        """Count a step that was completed."""
        with self._lock:
            counts = self._steps.setdefault(name, [0] * (len(BOUNDS) + 1))
            counts[bisect_left(BOUNDS, seconds)] += 1
            self._seconds[name] = self._seconds.get(name, 0.0) + seconds

    def retry(self, model: str) -> None:
        """Count a try that met a transient failure."""
        with self._lock:
            self._retries[model] += 1

    def upload(self, model: str, size: int) -> None:
        """Count a completed upload of so many bytes."""
        with self._lock:
            self._uploaded[model] += size

    def end(self, model: str, outcome: str) -> None:
        """Count a delivery that has ended."""
        with self._lock:
            self._filed.setdefault(model, Counter())[outcome] += 1

    def counts(self) -> Counts:
        """Return what was counted so far."""
        with self._lock:
            return Counts(
                steps={
                    name: Durations(counts=tuple(counts), seconds=self._seconds[name])
                    for name, counts in self._steps.items()
                },
                retries=dict(self._retries),
                uploaded=dict(self._uploaded),
                filed={model: dict(outcomes) for model, outcomes in self._filed.items()},
            )
