"""The settings of an emulator: its models, lifetimes, status words and faults.

Everything here is a plain value; nothing touches the disk or the network.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from functools import partial
from pathlib import Path
from typing import Literal

from retraind.emulator.faults import Fault, as_faults

_utc_now = partial(datetime.now, UTC)


class EmulatorError(Exception):
    """The emulator cannot start or cannot do what was asked; the message is for people."""


PredictionType = Literal["binary", "multiclass", "regression"]


@dataclass(frozen=True, slots=True)
class EmulatedModel:
    """One published prediction model of the emulated account.

    Raises ValueError if a field cannot be used.
    """

    name: str
    """For people, file names and the control paths; the API itself never shows it."""
    model_id: int
    api_key: str = field(repr=False)
    target: str | None = None
    """The column to predict; None means the last column of the training data."""
    secret_key: str | None = field(default=None, repr=False)
    """The account's secret key, for Get API Key; models may share it, None means the call is not
    available."""
    time_series: bool = False
    """In time-series mode the service takes fewer columns and rows, and no evaluation data."""
    prediction_type: PredictionType | None = None
    """What the model predicts; None means what the data looks like."""

    def __post_init__(self) -> None:
        if not self.name or self.name.startswith(".") or set(self.name) & set("/\\\0"):
            raise ValueError(f"{self.name!r} cannot name a model: the name is used as a file name.")
        if not self.api_key.isascii() or not self.api_key.isprintable() or not self.api_key.strip():
            raise ValueError(f"The API key of model {self.name!r} cannot be sent in an HTTP header.")


@dataclass(frozen=True, slots=True)
class StatusWords:
    """The values of the status check; the vendor documents only the one for success."""

    waiting_for_upload: str = "waiting_for_upload"
    waiting: str = "job_waiting"
    running: str = "job_running"
    finished: str = "job_finished"
    failed: str = "job_failed"


@dataclass(frozen=True, slots=True)
class RequestSeen:
    """One request that was served, to be logged or counted."""

    method: str
    path: str
    """Without the query, which may hold a signature."""
    status: int | None
    """None when the connection ended without an answer."""
    seconds: float


@dataclass(frozen=True, slots=True)
class EmulatorConfig:
    """All settings of one emulator.

    Raises ValueError if two models share a name, id or key, or a fault is unknown.
    """

    state_dir: Path
    """Where everything is that must outlive the process; created with mode 0700. One emulator at a time uses
    it."""
    host: str = "127.0.0.1"
    port: int = 0
    """0 lets the system choose; read `Emulator.port` afterwards."""
    any_address: bool = False
    """True allows addresses other than loopback."""
    models: tuple[EmulatedModel, ...] = ()
    url_lifetime: timedelta = timedelta(hours=1)
    """How long pre-signed addresses are valid, from the call that returned them."""
    results_lifetime: timedelta | None = None
    """The same for addresses of results, where it differs."""
    store_url: Callable[[], str] | None = None
    """The start of upload and download addresses, such as https://store.example:8443; by default the client's
    own."""
    key_lifetime: timedelta = timedelta(days=30)
    queue_time: timedelta = timedelta(0)
    """The least time between a complete upload and the start of its training."""
    train_time: timedelta = timedelta(0)
    """The least time between the start of a training and its end."""
    trainer: Literal["sklearn", "instant"] = "sklearn"
    """`instant` checks the data as `sklearn` does, but returns a baseline instead of a model."""
    repeated_upload: Literal["again-once-started", "again-always", "ignored"] = "again-once-started"
    """What a second complete PUT to one address does, which the vendor leaves open. By default it replaces
    the data while the training waits, and starts another training once the first has started."""
    accept_plain_utf8: bool = True
    """False refuses UTF-8 without byte order mark unless its first 1,000 bytes are ASCII."""
    words: StatusWords = StatusWords()
    end_date_format: str = "%Y-%m-%dT%H:%M:%SZ"
    """strftime format (UTC) of `end_date` in Get API Key, which the vendor leaves open."""
    faults: Mapping[str, float | Fault] = field(default_factory=dict)
    """Fault name to probability; `retraind.emulator.FAULTS` lists them."""
    facts: Mapping[str, float | Fault] = field(default_factory=dict)
    """The same for lasting traits of the service, such as `WORST_CASE`: `set_faults` does not change them."""
    seed: int | None = None
    """Seed of the random choice of faults."""
    stall_time: timedelta = timedelta(seconds=30)
    """How long `upload_stall` stops reading."""
    slow_time: timedelta = timedelta(seconds=5)
    """How long `api_slow` waits before it answers."""
    hidden_time: timedelta = timedelta(seconds=10)
    """How long after an upload `status_hidden` keeps the status as it was before."""
    retry_after: timedelta = timedelta(seconds=2)
    """The Retry-After of `api_429` and `api_429_date`, in seconds without a fraction."""
    huge_bytes: int = 100_000_000
    """The size of the response of `api_huge`."""
    idle_timeout: timedelta = timedelta(seconds=120)
    """A connection on which nothing arrives for this long is closed."""
    certificate: Path | None = None
    """PEM file; with it the emulator uses TLS."""
    certificate_key: Path | None = None
    """PEM file of the private key, if it is not in `certificate`."""
    on_request: Callable[[RequestSeen], None] | None = None
    """Called after each request, from the thread that served it."""
    now: Callable[[], datetime] = _utc_now
    """The wall clock (aware, UTC); tests replace it to let keys and addresses expire."""

    def __post_init__(self) -> None:
        for what, values in (
            ("name", [model.name for model in self.models]),
            ("id", [model.model_id for model in self.models]),
            ("API key", [model.api_key for model in self.models]),
        ):
            if len(set(values)) < len(values):
                raise ValueError(f"Two models of the emulator have the same {what}.")
        as_faults(self.faults)
        as_faults(self.facts)
