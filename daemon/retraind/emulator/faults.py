"""The catalogue of faults the emulator can commit, and the dice that decide when.

How each fault looks on the wire is told where it is committed: `api_faults`, `store` and `trainings`.
"""

import random
import threading
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from types import MappingProxyType

FAULTS: Mapping[str, str] = MappingProxyType(
    {
        "api_429": "429 with Retry-After in seconds",
        "api_429_date": "429 with Retry-After as an HTTP date",
        "api_429_bare": "429 without Retry-After",
        "api_500": "500 with an empty body",
        "api_503": "503 with an HTML body, as a load balancer sends it",
        "api_html": "200 with the HTML of a captive portal",
        "api_redirect": "302 to a captive portal on the same host",
        "api_slow": "the right answer, but late",
        "api_huge": "200 with JSON of a hundred megabytes",
        "api_wrong_json": "200 with a JSON list",
        "api_empty": "200 with an empty body",
        "api_truncated": "the call takes effect, but its JSON is cut off",
        "api_extra_fields": "the right answer with fields nobody documented",
        "upload_500": "the store answers 500 and keeps nothing",
        "upload_503": "the store answers 503 SlowDown and keeps nothing",
        "upload_403": "the store says the address has expired",
        "upload_reset": "the connection is reset in the middle of the body",
        "upload_stall": "the store stops reading for a while in the middle of the body",
        "upload_lost_answer": "the object is stored and training starts, but no answer comes",
        "results_403": "the store says the address has expired",
        "results_reset": "the connection is reset in the middle of the results",
        "results_truncated": "the connection is closed in the middle of the results",
        "results_cut": "half of the results, announced as if it were all",
        "train_fails": "the training fails for reasons of the service's own",
    }
)


@dataclass(frozen=True, slots=True)
class Fault:
    """How often a fault happens. Raises ValueError unless 0 <= probability <= 1 and times >= 0."""

    probability: float = 1.0
    times: int | None = None
    """It happens at most so many times, then never again; None means no limit."""

    def __post_init__(self) -> None:
        if not 0 <= self.probability <= 1:
            raise ValueError(f"A probability lies between 0 and 1; {self.probability} does not.")
        if self.times is not None and self.times < 0:
            raise ValueError(f"A fault cannot happen {self.times} times.")


def as_faults(wanted: Mapping[str, float | Fault]) -> dict[str, Fault]:
    """Return `wanted` with bare probabilities made faults. Raises ValueError for an unknown name."""
    unknown = sorted(set(wanted) - set(FAULTS))
    if unknown:
        raise ValueError(
            f"There is no fault named {unknown[0]!r}; `retraind emulate --list-faults` lists them."
        )
    return {name: fault if isinstance(fault, Fault) else Fault(fault) for name, fault in wanted.items()}


class Dice:
    """Decides at each opportunity whether a fault strikes. Safe to share between threads."""

    def __init__(
        self, faults: Mapping[str, float | Fault], seed: int | None, on_strike: Callable[[str], None]
    ) -> None:
        self._lock = threading.Lock()
        self._faults = as_faults(faults)
        self._random = random.Random(seed)  # noqa: S311  - no secret depends on it
        self._on_strike = on_strike

    def set(self, faults: Mapping[str, float | Fault]) -> None:
        """Replace all faults, effective at once. Raises ValueError for an unknown name."""
        wanted = as_faults(faults)
        with self._lock:
            self._faults = wanted

    def current(self) -> dict[str, Fault]:
        """Return the faults that may still strike, with what is left of their `times`."""
        with self._lock:
            return dict(self._faults)

    def strikes(self, name: str) -> bool:
        """Return whether fault `name` happens now; tells `on_strike` if so."""
        with self._lock:
            fault = self._faults.get(name)
            if fault is None or self._random.random() >= fault.probability:
                return False
            if fault.times is not None:
                if fault.times == 0:
                    return False
                self._faults[name] = replace(fault, times=fault.times - 1)
        self._on_strike(name)
        return True
