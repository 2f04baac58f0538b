"""The list of models, and one model."""

from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Literal

from retraind.domain.job import Outcome, State
from retraind.report.wording.en._parts import count, span
from retraind.report.wording.en.page._parts import when
from retraind.report.wording.words import Health, Name, Place, Said

_HEALTH: Mapping[Health, str] = {
    Health.REFUSED: "Not running",
    Health.HELD: "On hold",
    Health.UNREACHABLE: "Out of reach",
    Health.STUCK: "Stuck",
    Health.LATE: "Late",
    Health.FAILED: "Failed",
    Health.TRAINING: "Training",
    Health.WORKING: "In work",
    Health.WAITING: "Waiting",
    Health.NEW: "New",
    Health.REMOVED: "Removed",
}
_STEPS: Mapping[State, str] = {
    State.SEALING: "is being taken in",
    State.SEALED: "waits for its turn",
    State.CHECKED: "is being bundled",
    State.BUNDLED: "waits for its upload",
    State.REGISTERED: "is being uploaded",
    State.UPLOADED: "is being trained",
    State.TRAINED: "is being judged",
    State.SWITCHING: "is being published",
    State.FILING: "is being filed",
    State.RESTORING: "is being brought back",
    State.DONE: "is done",
    State.FAILED: "has failed",
    State.RETURNED: "was returned",
}
_UNDER_WAY = {"preflight": "is being checked", "bundle": "is being bundled", "upload": "is being uploaded"}
_OUTCOMES: Mapping[Outcome, str] = {
    Outcome.TRAINED: "Trained",
    Outcome.SWITCHED: "Published",
    Outcome.SUPERSEDED: "Skipped",
    Outcome.DUPLICATE: "Duplicate",
    Outcome.FAILED: "Failed",
}
_KIB = 1_024
_UNITS = ("KiB", "MiB", "GiB")
_WHOLE = 100
"""From here on, sizes have no decimals."""
_KINDS = {"all": "All", "attention": "Need attention", "work": "In work", "waiting": "Waiting"}


def _named(key: str) -> str:
    return key or "A delivery without a key"


def page_health(health: Health) -> str:
    return _HEALTH[health]


def page_outcome(outcome: Outcome) -> str:
    return _OUTCOMES[outcome]


# What a model does


def page_is_waiting(since: datetime, lasted: timedelta) -> str:
    return f"Waiting for a file since {when(since)} ({span(lasted)})."


def page_is_new() -> str:
    return "Waiting for its first file."


def page_is_training(key: Name, lasted: timedelta) -> str:
    return f"{_named(key)} has been training for {span(lasted)}."


def page_is_working(
    key: Name, state: State, doing: Literal["preflight", "bundle", "upload"] | None = None
) -> str:
    """`doing` is the step that is under way, where that is known."""
    return f"{_named(key)} {_UNDER_WAY[doing] if doing else _STEPS[state]}."


def page_waits(key: Name, why: Said) -> str:
    """It waits in the ordinary course of things."""
    return f"{_named(key)}: {why}"


def page_is_held(since: datetime | None, why: Said) -> str:
    begun = f"On hold since {when(since)}" if since else "On hold"
    return f"{begun}: {why.what}"


def page_is_stuck(key: Name, why: Said | None) -> str:
    return f"{_named(key)} cannot continue{f': {why.what}' if why else '.'}"


def page_has_failed(key: Name, at: datetime, why: Said | None) -> str:
    """`key` is the job's name where the key is not known."""
    return f"{key} failed on {when(at)}{f': {why.what}' if why else '.'}"


def page_is_late(why: Said) -> str:
    return why.what


def page_is_unreachable(why: Said) -> str:
    return f"Nothing is taken in: {why.what}"


def page_is_refused() -> str:
    return "Its settings have a mistake. The operator of retraind has to correct the configuration."


def page_is_removed() -> str:
    return "It is no longer in the configuration, and has deliveries in work."


def page_behind(jobs: int) -> str:
    """Deliveries that wait behind the one that is named."""
    return f"{count(jobs, 'more delivery', 'more deliveries')} after it."


def page_last_delivery(outcome: Outcome | None, lasted: timedelta) -> str:
    """How the last delivery ended, and how long ago."""
    how = _OUTCOMES[outcome] if outcome else "Ended"
    return f"{how} {span(lasted)} ago"


def page_no_delivery() -> str:
    return "No delivery yet"


# The list


def page_kind(kind: Literal["all", "attention", "work", "waiting"]) -> str:
    return _KINDS[kind]


def page_kinds() -> str:
    return "Which models"


def page_search() -> str:
    return "Search"


def page_search_models() -> str:
    return "Search by name"


def page_no_models(text: Name) -> str:
    """`text` is what was searched for; empty where nothing was."""
    return f"No model matches {text}." if text else "There are no such models at the moment."


def page_range(first: int, last: int, total: int) -> str:
    return f"{first:,} to {last:,} of {count(total, 'model')}"


def page_pages() -> str:
    return "More of the list"


def page_previous() -> str:
    return "Previous"


def page_next() -> str:
    return "Next"


def page_outage_heading() -> str:
    return "Failing hosts"


def page_common_history() -> str:
    """What happened to all models at once."""
    return "Hosts and journal"


# One model


def page_now() -> str:
    return "Now"


def page_deliveries() -> str:
    return "Deliveries"


def page_no_deliveries() -> str:
    return "No delivery has been taken in yet."


def page_runs() -> str:
    return "Runs"


def page_drop_folder(path: Place) -> str:
    return f"Drop folder: {path}"


def page_key_warning(why: Said) -> str:
    return f"Action needed soon: {why}"


def page_published() -> str:
    return "Published now"


def page_published_job(key: Name, at: datetime | None) -> str:
    return f"{key}, on {when(at)}" if at else key


def page_older() -> str:
    return "Older"


def page_newest() -> str:
    return "Newest"


def page_counted(done: int, failed: int) -> str:
    return f"{done:,} done, {failed:,} failed"


# Charts

_CHARTS = {"duration": "Duration", "rows": "Rows", "size": "Size"}


def page_chart(name: Literal["duration", "rows", "size"]) -> str:
    return _CHARTS[name]


def page_chart_hint(name: Literal["duration", "rows", "size"]) -> str:
    return {
        "duration": "from the seal to the end of the training",
        "rows": "in the training file",
        "size": "of the data files",
    }[name]


def page_score_hint() -> str:
    """Below the service's own name of a figure."""
    return "of the trained model"


def page_score(value: float) -> str:
    return f"{value:.3f}" if abs(value) < _WHOLE else f"{value:,.0f}"


def page_chart_least(least: str) -> str:
    return f"lowest {least}"


def page_chart_most(most: str) -> str:
    return f"highest {most}"


def page_chart_told(name: str, runs: int, last: str, least: str, most: str) -> str:
    """A chart in words."""
    if runs == 1:
        return f"{name} of the only run: {last}."
    return f"{name} of the last {count(runs, 'run')}: {last} in the last one, between {least} and {most}."


def page_point(key: Name, at: datetime, value: str, failed: bool) -> str:
    return f"{key}, {when(at)}: {value}{', failed' if failed else ''}"


def page_duration(lasted: timedelta) -> str:
    return span(lasted)


def page_rows(rows: int) -> str:
    return count(rows, "row")


def page_number(number: int) -> str:
    return f"{number:,}"


def page_size(bytes: int) -> str:  # noqa: A002 - a fact
    if bytes < _KIB:
        return count(bytes, "byte")
    power = min(len(_UNITS), (bytes.bit_length() - 1) // 10)
    size = bytes / _KIB**power
    return f"{size:,.1f} {_UNITS[power - 1]}" if size < _WHOLE else f"{size:,.0f} {_UNITS[power - 1]}"
