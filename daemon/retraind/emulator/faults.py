"""The catalogue of faults that the emulator can produce, and the dice that decide when.

How each fault looks on the wire is in `api_faults`, `store` and `trainings`. Any HTTP status can be had in
two ways: instead of what was requested, and after it was done (`…_after`).
"""

import random
import threading
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from types import MappingProxyType

from pydantic import ConfigDict

STATUSES = (
    301, 307, 400, 401, 403, 404, 405, 408, 409, 410, 411, 412, 413, 422, 429, 500, 501, 502, 503, 504,
)  # fmt: skip
"""What a service, a store, a proxy or a firewall may return other than success."""
_AFTER = "_after"


def _every_answer() -> dict[str, str]:
    """Return the faults that answer with a status, instead of what was requested and after it was done."""
    made = {"api_204": "204, a success without a body, though nothing was done"}
    made["api_204_after"] = "the call takes effect, and is answered with 204 and no body"
    for status in STATUSES:
        made[f"api_{status}"] = f"{status}, as a proxy or a gateway sends it; nothing is done"
        made[f"api_{status}_after"] = f"the call takes effect, and is answered with {status}"
        made[f"upload_{status}"] = f"the store answers {status} and stores nothing"
        made[f"upload_{status}_after"] = (
            f"the object is stored and training starts, but the answer is {status}"
        )
    return made


def status_of(name: str) -> int:
    """Return the status of a fault such as `upload_503_after`."""
    return int(name.removesuffix(_AFTER).rpartition("_")[2])


UPLOAD_ANSWERS = tuple(f"upload_{status}" for status in STATUSES)
UPLOAD_ANSWERS_AFTER = tuple(f"{name}{_AFTER}" for name in UPLOAD_ANSWERS)
API_ANSWERS = tuple(f"api_{status}" for status in (204, *STATUSES))
API_ANSWERS_AFTER = tuple(f"{name}{_AFTER}" for name in API_ANSWERS)

_NAMED = {
    "status_unknown": "the status of a retrain job without an upload is refused: Not found retrain job.",
    "status_hidden": "the status check does not show an upload until `hidden_time` after it",
    "api_error_shape": "the body of an error has another shape than the documented one",
    "api_end_date": "`end_date` comes in another format, or in none",
    "api_429_day": "429 with a Retry-After of a day",
    "api_429": "429 with Retry-After in seconds",
    "api_429_date": "429 with Retry-After as an HTTP date",
    "api_429_bare": "429 without Retry-After",
    "api_500": "500 with an empty body",
    "api_503": "503 with an HTML body, as a load balancer sends it",
    "api_html": "200 with the HTML of a captive portal",
    "api_redirect": "302 to a captive portal on the same host",
    "api_slow": "the right answer, but late",
    "api_huge": "200 with 100 MB of JSON",
    "api_wrong_json": "200 with a JSON list",
    "api_empty": "200 with an empty body",
    "api_empty_after": "the call takes effect, and is answered with 200 and an empty body",
    "api_html_after": "the call takes effect, and a portal answers it with 200 and a page",
    "api_truncated": "the call takes effect, but its JSON is cut off",
    "api_extra_fields": "the right answer with undocumented fields",
    "upload_500": "the store answers 500 and stores nothing",
    "upload_503": "the store answers 503 SlowDown and stores nothing",
    "upload_403": "the store answers that the address has expired",
    "upload_503_day": "the store answers 503 with a Retry-After of a day and stores nothing",
    "upload_html": "a portal answers with 200 and a page; nothing is stored",
    "upload_html_after": "the object is stored and training starts, but a portal answers with a page",
    "upload_reset": "the connection is reset in the middle of the body",
    "upload_stall": "the store stops reading for a while in the middle of the body",
    "upload_lost_answer": "the object is stored and training starts, but no answer comes",
    "results_403": "the store answers that the address has expired",
    "results_reset": "the connection is reset in the middle of the results",
    "results_truncated": "the connection is closed in the middle of the results",
    "results_empty": "the results are an empty file",
    "results_cut": "half of the results, with a Content-Length to match",
    "train_fails": "the training fails because of an error in the service",
    "data_strict": "the training fails where the manual leaves open whether data suffices",
    "account_storage": "the training fails because the account's data storage is full",
    "account_models": "the training fails because the account has too many models",
    "account_time": "the training fails because the account's computation time is used up",
}
FAULTS: Mapping[str, str] = MappingProxyType(
    _NAMED | {name: what for name, what in _every_answer().items() if name not in _NAMED}
)
"""All faults by name, with what happens."""


WORST_CASE: Mapping[str, float] = MappingProxyType(
    {
        "status_unknown": 1.0,
        "status_hidden": 1.0,
        "api_error_shape": 0.5,
        "api_end_date": 0.5,
        "data_strict": 1.0,
    }
)
"""What the vendor leaves open, in the way that is worst for a client; with `repeated_upload = "again-always"`
and short `url_lifetime` and `results_lifetime` besides."""


@dataclass(frozen=True, slots=True)
class Fault:
    """How often a fault happens. Raises ValueError unless 0 <= probability <= 1 and times >= 0."""

    __pydantic_config__ = ConfigDict(extra="forbid")

    probability: float = 1.0
    times: int | None = None
    """It happens at most this many times, then never again; None means no limit."""

    def __post_init__(self) -> None:
        if not 0 <= self.probability <= 1:
            raise ValueError(f"A probability is between 0 and 1; {self.probability} is not.")
        if self.times is not None and self.times < 0:
            raise ValueError(f"A fault cannot happen {self.times} times.")


def as_faults(wanted: Mapping[str, float | Fault]) -> dict[str, Fault]:
    """Return `wanted` with probabilities turned into faults. Raises ValueError for an unknown name."""
    unknown = sorted(set(wanted) - set(FAULTS))
    if unknown:
        raise ValueError(
            f"There is no fault named {unknown[0]!r}; `retraind emulate --list-faults` lists all."
        )
    return {name: fault if isinstance(fault, Fault) else Fault(fault) for name, fault in wanted.items()}


class Dice:
    """Decides at each opportunity whether a fault strikes. Safe to share between threads."""

    def __init__(
        self,
        faults: Mapping[str, float | Fault],
        seed: int | None,
        on_strike: Callable[[str], None],
        facts: Mapping[str, float | Fault] = MappingProxyType({}),
    ) -> None:
        self._lock = threading.Lock()
        self._facts = as_faults(facts)
        self._faults = self._facts | as_faults(faults)
        self._random = random.Random(seed)  # noqa: S311  - no secret depends on it
        self._on_strike = on_strike

    def set(self, faults: Mapping[str, float | Fault]) -> None:
        """Replace all faults but the lasting ones. Raises ValueError for an unknown name."""
        wanted = self._facts | as_faults(faults)
        with self._lock:
            self._faults = wanted

    def current(self) -> dict[str, Fault]:
        """Return the faults that may still strike, with what is left of their `times`."""
        with self._lock:
            return dict(self._faults)

    def strikes(self, name: str) -> bool:
        """Return whether fault `name` happens now; reports it to `on_strike` if so."""
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
