"""What moves on a terminal: `watch`, and the bars of commands that take long."""

from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Literal

from retraind.domain.job import State
from retraind.domain.progress import Work
from retraind.report.wording.en._parts import command, count, moment
from retraind.report.wording.words import Host, Name, Words

_KIB = 1_024
_UNITS = ("KiB", "MiB", "GiB", "TiB")
_WHOLE = 100
"""From here on, sizes have no decimals."""
_WORK: Mapping[Work, str] = {
    Work.PREFLIGHT: "Checking the data",
    Work.COPY: "Copying the journal",
    Work.READ_BACK: "Reading the journal back",
    Work.RECOVERY: "Reading job folders",
}
_STEPS: Mapping[State, str] = {
    State.SEALING: "being taken in",
    State.SEALED: "taken in",
    State.CHECKED: "checked",
    State.BUNDLED: "bundled",
    State.REGISTERED: "being sent",
    State.UPLOADED: "in training at the service",
    State.TRAINED: "trained",
    State.SWITCHING: "being published",
    State.FILING: "being filed",
    State.RESTORING: "being brought back",
}
"""How far a delivery was when retraind ended."""


def _size(bytes_: int) -> str:
    if bytes_ < _KIB:
        return f"{bytes_} B"
    power = min(len(_UNITS), (bytes_.bit_length() - 1) // 10)
    size = bytes_ / _KIB**power
    return f"{size:,.1f} {_UNITS[power - 1]}" if size < _WHOLE else f"{size:,.0f} {_UNITS[power - 1]}"


def _number(number: int, size: bool) -> str:
    return _size(number) if size else f"{number:,}"


def _clock(at: datetime) -> str:
    return at.astimezone().strftime("%H:%M:%S")


# Bars


def progress_of_work(work: Work) -> str:
    return _WORK[work]


def progress_of_step(key: Name, model: Name, doing: Literal["preflight", "bundle", "upload"]) -> str:
    """The step of a job that takes long, before its bar. `model` is empty where it is known."""
    return f"{' '.join(filter(None, (model, key)))}: {doing}"


def progress_share(percent: int) -> str:
    return f"{percent:3} %"


def progress_amount(done: int, total: int, size: bool) -> str:
    """`size`: these are bytes."""
    return f"{_number(done, size)} of {_number(total, size)}"


def progress_rate(rate: int, size: bool) -> str:
    return f"{_number(rate, size)}/s"


def progress_left(span: timedelta) -> str:
    seconds = round(span.total_seconds())
    hours, minutes = divmod(seconds // 60, 60)
    return f"{hours}:{minutes:02}:{seconds % 60:02} left" if hours else f"{minutes}:{seconds % 60:02} left"


def progress_elapsed(span: timedelta) -> str:
    return f"{round(span.total_seconds())} s"


# watch


def watch_needs_terminal() -> Words:
    return Words(
        "retraind watch requires a terminal, and its output is not one.",
        f"In a pipe or a file (for programs, with --json), run: {command('status')}",
    )


def watch_running(version: str, process: int, starting: bool) -> str:
    doing = "is starting" if starting else "is running"
    return f"retraind {version} {doing} (process {process})"


def watch_swept(at: datetime) -> str:
    return f"last sweep {_clock(at)}"


def watch_counts(total: int, attention: int, work: int, idle: int) -> str:
    needs = "needs attention" if attention == 1 else "need attention"
    return f"{count(total, 'model')}: {attention:,} {needs}, {work:,} in work, {idle:,} waiting for files"


def watch_more(attention: int, work: int, idle: int) -> str:
    """What there was no room for."""
    needs = "needs attention" if attention == 1 else "need attention"
    parts = {needs: attention, "in work": work, "waiting for files": idle}
    more = ", ".join(f"{number:,} {what}" for what, number in parts.items() if number)
    return f"and {more}"


def watch_file_waits(since: datetime) -> str:
    return f"A file in the drop folder has waited since {moment(since)}."


def watch_stands(key: Name, state: State) -> str:
    """A delivery in work while retraind does not run."""
    named, stood = key or "A delivery without a key", _STEPS.get(state, state)
    return f"{named} was {stood}; it continues once retraind runs."


def watch_host(host: Host, since: datetime) -> str:
    return f"{host} has been failing since {moment(since)}."


def watch_refused_reload(at: datetime) -> str:
    return f"The configuration was read again at {moment(at)} and refused: retraind status says why."


def watch_unreadable(why: str) -> str:
    return f"Nothing can be shown now: {why}"


def watch_events() -> str:
    return "Last events"


def watch_event(at: datetime, today: bool) -> str:
    """When it was: the time of a day that is not over, else the day."""
    return _clock(at) if today else at.astimezone().strftime("%b %d %H:%M")
