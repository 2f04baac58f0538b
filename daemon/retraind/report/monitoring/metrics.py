"""The metrics, as Prometheus and OpenMetrics have them: names, units, help. Made from what others have read.

Moments are metrics of their own, as seconds since 1970, rather than ages: an age in a file that nobody writes
any more stays young.
"""

from collections.abc import Collection, Iterable, Iterator, Mapping
from datetime import datetime
from itertools import accumulate
from typing import NamedTuple

from prometheus_client.core import (
    CounterMetricFamily,
    GaugeMetricFamily,
    HistogramMetricFamily,
    InfoMetricFamily,
    Metric,
)
from prometheus_client.exposition import choose_encoder
from prometheus_client.registry import Collector, CollectorRegistry

from retraind import __version__
from retraind.domain.counts import BOUNDS, Counts
from retraind.domain.job import Outcome, State
from retraind.report.daemon_condition import Condition
from retraind.report.monitoring.health import Health
from retraind.store.views.gauges import Gauges

_ALWAYS = (State.DONE, State.FAILED)
"""States whose number is shown also where it is none: what is missing cannot be compared with."""


class Observed(NamedTuple):
    """Everything at one moment."""

    health: Health
    models: Collection[str]
    """All that are configured."""
    service: str
    """The service's host."""
    gauges: Gauges | None
    """None while the journal cannot be read."""


def exposition(observed: Observed, accept: str = "") -> tuple[bytes, str]:
    """Return all metrics as text, in the format that an Accept header asks for, and its media type."""
    registry = CollectorRegistry(auto_describe=False)
    registry.register(_Once(observed))
    encode, media = choose_encoder(accept)
    return encode(registry), media


class _Once(Collector):
    def __init__(self, observed: Observed) -> None:
        self._observed = observed

    def collect(self) -> Iterator[Metric]:
        observed = self._observed
        yield from _of_daemon(observed.health)
        yield from _of_folders(observed)
        yield from _counted(observed)
        if observed.gauges is not None:
            yield from _of_journal(observed.gauges, observed.models, observed.service)


def _gauge(name: str, text: str, value: float) -> Metric:
    return GaugeMetricFamily(f"retraind_{name}", text, value=value)


def _by(label: str, name: str, text: str, values: Iterable[tuple[str, float]]) -> Metric:
    family = GaugeMetricFamily(f"retraind_{name}", text, labels=[label])
    for key, value in values:
        family.add_metric([key], value)
    return family


def _seconds(moments: Mapping[str, datetime], models: Collection[str]) -> Iterator[tuple[str, float]]:
    return ((model, moments[model].timestamp()) for model in models if model in moments)


def _of_daemon(health: Health) -> Iterator[Metric]:
    state = health.state
    yield InfoMetricFamily(
        "retraind_build", "The version that runs.", value={"version": state.version if state else __version__}
    )
    yield _gauge("healthy", "Whether the daemon works: sweeps, and can write its journal.", not health.wrong)
    yield _gauge("ready", "Whether the daemon takes deliveries in.", not health.unready)
    yield _by(
        "condition",
        "condition",
        "How the daemon is: 1 for the one that is so.",
        ((each.value, each is health.condition) for each in Condition),
    )
    if state is None:
        return
    yield _gauge("journal_writable", "Whether the journal can be written.", state.journal_trouble is None)
    for name, text, moment in (
        ("start_timestamp_seconds", "When the daemon started.", state.started_at),
        ("last_sweep_timestamp_seconds", "When a sweep of any file system last ended.", state.last_sweep_at),
        (
            "last_complete_sweep_timestamp_seconds",
            "Since when every file system has been swept.",
            state.whole_sweep_at,
        ),
        ("sweep_deadline_timestamp_seconds", "When the next sweep must have ended.", state.sweep_due_at),
    ):
        if moment is not None:
            yield _gauge(name, text, moment.timestamp())


def _of_folders(observed: Observed) -> Iterator[Metric]:
    """Yield what the daemon knows of models, from the state that it wrote last."""
    state, models = observed.health.state, observed.models
    yield _gauge("models", "Models in the configuration.", len(models))
    if state is None:
        return
    away = {each.model for each in state.unreachable if each.setting.endswith(".drop")}
    yield _by(
        "model",
        "drop_folder_reachable",
        "Whether the daemon reaches a model's drop folder.",
        ((model, model not in away) for model in models),
    )
    yield _by(
        "model",
        "oldest_waiting_file_timestamp_seconds",
        "Since when the oldest file that waits in a drop folder has been as it is. Missing where none waits.",
        _seconds(state.waiting_since, models),
    )
    yield _by(
        "model",
        "key_expiry_timestamp_seconds",
        "When a model's API key ends, as far as that is known.",
        _seconds(state.keys_end, models),
    )


def _counted(observed: Observed) -> Iterator[Metric]:
    """Yield what the daemon has counted since it started."""
    state, models = observed.health.state, observed.models
    if state is None:
        return
    counts: Counts = state.counts
    retries = CounterMetricFamily(
        "retraind_retries", "Tries of a step that met a transient failure.", labels=["model"]
    )
    uploaded = CounterMetricFamily("retraind_uploaded_bytes", "Bytes of completed uploads.", labels=["model"])
    filed = CounterMetricFamily(
        "retraind_deliveries", "Deliveries that have ended.", labels=["model", "outcome"]
    )
    for model in models:
        retries.add_metric([model], counts.retries.get(model, 0))
        uploaded.add_metric([model], counts.uploaded.get(model, 0))
        for outcome, count in ({Outcome.FAILED.value: 0} | dict(counts.filed.get(model, {}))).items():
            filed.add_metric([model, outcome], count)
    yield from (retries, uploaded, filed)
    steps = HistogramMetricFamily(
        "retraind_step_duration_seconds",
        "How long steps of jobs took that were completed; that of poll is the training.",
        labels=["step"],
    )
    bounds = [*map(str, BOUNDS), "+Inf"]
    for step, took in sorted(counts.steps.items()):
        steps.add_metric([step], list(zip(bounds, accumulate(took.counts), strict=True)), took.seconds)
    yield steps


def _of_journal(found: Gauges, models: Collection[str], service: str) -> Iterator[Metric]:
    jobs = GaugeMetricFamily("retraind_jobs", "Jobs by state.", labels=["model", "state"])
    for model in dict.fromkeys([*models, *found.jobs]):
        for state, count in (dict.fromkeys(_ALWAYS, 0) | dict(found.jobs.get(model, {}))).items():
            jobs.add_metric([model, state.value], count)
    yield jobs
    for name, text, numbers in (
        ("jobs_on_hold", "Jobs that wait for a person.", found.on_hold),
        ("jobs_stuck", "Jobs that have met failures for longer than notify.patience.", found.stuck),
    ):
        yield _by("model", name, text, ((model, numbers.get(model, 0)) for model in models))
    for name, text, those in (
        ("model_on_hold", "Whether a model is on hold.", found.held),
        ("delivery_late", "Whether a delivery of a model is late or missing.", found.late),
    ):
        yield _by("model", name, text, ((model, model in those) for model in models))
    yield _by(
        "model",
        "last_success_timestamp_seconds",
        "When a delivery of a model was last trained. Missing where none was.",
        _seconds(found.succeeded, models),
    )
    yield _by(
        "host",
        "host_down",
        "Whether the circuit breaker of a host is open.",
        ((host, host in found.down) for host in sorted({service, *found.down})),
    )
