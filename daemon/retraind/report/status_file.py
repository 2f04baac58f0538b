"""STATUS.txt in the drop folder: what retraind sees there and what it waits for. Rewritten only when it changes.

It therefore holds no clock that ticks: only moments at which something happened, the last of them that of its own last
change. Nothing is ever read from it, and
each start brings it up to date; so it is not synced, which would take more time than all else of a start.
"""

import codecs
import errno
import re
from collections.abc import Callable, Container, Iterator, Mapping, Sequence
from datetime import datetime
from pathlib import Path

from retraind.config.settings import ModelSettings
from retraind.domain.job import Job, Outcome, State
from retraind.domain.problems import Problem
from retraind.domain.records import ModelHold, Outage
from retraind.domain.turns import in_turn, next_in_turn
from retraind.intake.drop_folder import View
from retraind.intake.pairing import SUCCESS_MARKER, Waiting, manifest_name
from retraind.report.notes import OPERATOR, as_bytes, bullets, fill
from retraind.report.wording import Voice
from retraind.system.clock import for_people, with_offset
from retraind.system.escape import display
from retraind.system.files import open_regular, remove_part, write_atomically

STATUS = "STATUS.txt"
MOST_LINES = 50
"""Of one kind, for one model."""
_KEY = "2026-11"
"""Of a delivery that is made up, to show how names are formed."""
_CHANGED = "Last changed: "
_CHANGED_LINE = re.compile(rf"\r\n{_CHANGED}[^\r\n]+\r\n".encode())
_LONGEST_CHANGED = 200
"""Bytes."""

_DOING = {
    State.SEALING: "is being taken in",
    State.SEALED: "has been taken in and will be checked as soon as deliveries of other models leave room",
    State.CHECKED: "has passed the check and is being bundled",
    State.BUNDLED: "is bundled and will be sent to the service",
    State.REGISTERED: "is being sent to the service",
    State.UPLOADED: "has been sent; the service is training",
    State.TRAINED: "has been trained; the results are being looked at",
    State.SWITCHING: "has been trained and is being made the published model",
    State.FILING: "is finished and is being filed",
    State.RESTORING: "is being brought back for another try",
}
_ENDED = {
    Outcome.TRAINED: "trained, not published",
    Outcome.SWITCHED: "trained and published",
    Outcome.SUPERSEDED: "not used, a newer one followed",
    Outcome.DUPLICATE: "not used, the same files as before",
    Outcome.FAILED: "failed",
}


def _ended(job: Job) -> str:
    assert job.outcome is not None
    if job.outcome is Outcome.TRAINED and job.switch_open:
        return "trained; it is not certain whether it was published"
    return _ENDED[job.outcome]


def doing(job: Job, first: Job | None) -> str:
    """Say in half a sentence what is going on with an active job; `first` is the one of its model that others wait for."""
    if job.state is State.SEALED and first is not None and first.id != job.id:
        return f"has been taken in and waits for {display(first.key) or first.id} to finish"
    return _DOING.get(job.state, str(job.state))


def status_text(
    model: str,
    view: View,
    jobs: Sequence[Job],
    hold: ModelHold | None,
    last: Job | None,
    *,
    expected: str = "",
    warning: Problem | None = None,
    published: Job | None = None,
    outages: Sequence[Outage] = (),
    service: str = "",
    plain: Callable[[str], str] = str,
    voice: Voice = OPERATOR,
    left: Sequence[str] = (),
) -> str:
    """Word STATUS.txt from what the last look saw, the model's active jobs, its hold and its last finished job.

    `expected` says which names the folder waits for, `warning` is what is soon to be done about its key, `published` is
    the job whose result was published last, `outages` are the hosts that jobs wait for and that are down, `service` is the
    service's own, `plain` takes the paths of retraind's machine out of sentences (see `paths.for_the_share`), `left` are
    sentences on deliveries that were taken in here and that nobody works on.
    """
    parts = [f"This folder takes in data for the model {model}. retraind keeps this file up to date."]
    if hold:
        parts.append(
            fill(
                f"ON HOLD: {_of_a_key(hold.problem) if hold.credential else voice.on(model).tell(hold.problem)}"
            )
            + "\nNew files are still taken in; nothing is lost."
        )
    if warning:
        parts.append(fill(f"SOON TO DO: {_of_a_key(warning)}"))
    if view.trouble:
        parts.append(fill(f"TROUBLE: {voice.on(model).tell(view.trouble)}"))
    parts += [
        fill(f"WAITING: {_outage(outage, service)}") + "\nNew files are still taken in; nothing is lost."
        for outage in outages
    ]
    if jobs:
        held = {model} if hold else set()
        down: dict[str | None, str] = {
            outage.host: _whose(outage.host, service).lower() for outage in outages
        }
        first = next_in_turn(jobs)
        lines = [plain(_in_work(job, first, down, held, voice)) for job in in_turn(jobs)[:MOST_LINES]]
        parts.append("In work:\n" + bullets(some(lines, len(jobs))))
    if left:
        parts.append("Taken in, but not worked on:\n" + bullets(some([*left[:MOST_LINES]], len(left))))
    if view.waiting:
        parts.append(
            "Not complete yet:\n"
            + bullets(some([_incomplete(wait) for wait in view.waiting[:MOST_LINES]], len(view.waiting)))
        )
    if view.strangers:
        parts.append("Not touched:\n" + bullets(view.strangers))
    if not jobs and not view.waiting and not view.trouble and not left:
        parts.append(fill(f"Nothing is waiting and nothing is in work. {expected}".rstrip()))
    elif view.strangers and expected:
        parts.append(fill(expected))
    parts += _outcomes(published, last)
    return "\n\n".join(parts) + "\n"


def _outcomes(published: Job | None, last: Job | None) -> Iterator[str]:
    if published and published.switched_at:
        yield (
            f"Published: the model trained with delivery {display(published.key) or '(without a key)'}, "
            f"since {for_people(published.switched_at)}{', by hand' * published.switched_by_hand} ({published.id})"
        )
    if last and last.outcome:
        filed = "failed" if last.state is State.FAILED else "done"
        yield (
            f"Last finished: {display(last.key) or '(without a key)'} ({_ended(last)}), "
            f"{for_people(last.updated_at)}. See {filed}/{last.id}/"
        )


def _of_a_key(problem: Problem) -> str:
    """Say what is the matter with a key. The remedy names files of retraind's machine, and is for its operator alone."""
    return f"{OPERATOR.say(problem).what} The operator of retraind has to see to it; the command retraind status says how."


def outage_sentence(outage: Outage, service: str) -> str:
    """Say that a host is down; `service` is the service's own."""
    return (
        f"{host_for_people(outage.host, service)} has been failing since {for_people(outage.since)}. The last error: "
        f"{OPERATOR.tell(outage.reason)} retraind tries again by itself and goes on where it was."
    )


def host_for_people(host: str, service: str) -> str:
    """Say what a host is, as the beginning of a sentence; `service` is the service's own."""
    return f"{_whose(host, service)} ({host})"


def _whose(host: str, service: str) -> str:
    return "The service" if host == service else "The object store"


def _outage(outage: Outage, service: str) -> str:
    """Say to people on the share that a host is down: its port is of no use to them."""
    return (
        f"{_whose(outage.host, service)} ({re.sub(r':[0-9]+$', '', outage.host)}) does not answer as it should. This has been "
        f"so since {for_people(outage.since)}. The last error: {_without(outage.host, OPERATOR.tell(outage.reason))} retraind tries again "
        "by itself and goes on where it was."
    )


def _without(host: str | None, text: str) -> str:
    """Return what was told of a host without its name and port, where it is plain which is meant."""
    return text.replace(f" ({host})", "") if host else text


def stopped_text(model: str, when: datetime, why: str, unfinished: int | None = None) -> str:
    """Word STATUS.txt for when nobody keeps it up to date; `unfinished` counts the deliveries in work, where that is known."""
    counted = (
        "" if unfinished is None else f"\nDeliveries that were taken in and are not finished: {unfinished}.\n"
    )
    return (
        f"This folder takes in data for the model {model}.\n\n{why} ({for_people(when)}). Files may be dropped; they\n"
        f"are taken in when it is back. What was in work goes on then.\n{counted}"
    )


def moved_text(model: str, when: datetime) -> str:
    """Word STATUS.txt for a folder that is its model's drop folder no longer."""
    return (
        f"This folder took in data for the model {model} until {for_people(when)}.\n\nThe model has another drop folder "
        "now. Files that are dropped here are not taken in.\n"
    )


def expected_names(model: ModelSettings) -> str:
    """Say which files a drop folder waits for."""
    names = [model.train] if model.mode == "train-only" else [model.train, model.eval]
    examples = [_example(name) for name in names]
    folders = sorted({name.partition("/")[0] + "/" for name in names if "/" in name})
    made = f" The folders {' and '.join(folders)} have to be there." if folders else ""
    key = _KEY if "{key}" in model.train else ""
    proof = {
        "settle": "",
        "marker": f", and after them the marker {f'{key}.done or ' * bool(key)}{SUCCESS_MARKER}",
        "manifest": f", and their manifest {manifest_name(key)}",
    }[model.ready]
    return f"Expected are files such as {' and '.join(examples)}{proof}.{made}"


def _example(pattern: str) -> str:
    text = pattern.replace("*{key}*", f"_{_KEY}").replace("{key}", _KEY).replace("*", "…")
    return text if text.lower().endswith((".csv", ".tsv")) else f"{text}.csv"


def some(lines: list[str], count: int) -> list[str]:
    """Say how many more there are than the screenful of `lines`."""
    more = count - len(lines)
    return [*lines, f"And {more} more."] if more > 0 else lines


def unknown_folder(name: str) -> str:
    """Say of a job's folder that retraind does not know the job."""
    return (
        f"{display(name)} is in work, as its folder in .retraind shows, but retraind does not know it: its state folder was "
        "lost or replaced, and nothing is sent for it meanwhile. The operator of retraind has to stop it and run: retraind "
        "rebuild"
    )


def without_model(job: Job, heir: str) -> str:
    """Say of a job that its model has no table any more; `heir` is the model that has its drop folder."""
    return (
        f"{display(job.key) or job.id} was taken in for the model {job.model}, which retraind's configuration does not have any "
        f"more. If the model is called {heir} now, the operator of retraind runs: retraind adopt {job.model} {heir}"
    )


def said_of(job: Job) -> str:
    """Say what the service reports of a training, after a space; nothing where there is none, or no report yet."""
    if job.state is not State.UPLOADED or not job.status:
        return ""
    since = f" since {for_people(job.status_seen_at)}" if job.status_seen_at else ""
    message = f', and says "{display(job.status_message)}"' if job.status_message else ""
    return f' The service reports "{display(job.status)}"{since}{message}.'


def _in_work(
    job: Job, first: Job | None, down: Mapping[str | None, str], held: Container[str], voice: Voice
) -> str:
    line = f"{display(job.key) or '(without a key)'} {doing(job, first)}.{said_of(job)}"
    if job.hold:
        return f"{line} ON HOLD: {voice.on(job.model, job.id).tell(job.hold)}"
    if job.waits_for_hold(held):
        return f"{line} It goes on when the hold ends."
    if job.waits_for in down:
        return f"{line} It waits for {down[job.waits_for]}."
    if not job.trouble:
        return line
    trouble = _without(job.waits_for, voice.on(job.model, job.id).tell(job.trouble))
    # Without a try that failed, it is what the job waits for in the ordinary course of things.
    return f"{line} Last try: {trouble} It is tried again by itself." if job.attempts else f"{line} {trouble}"


def _incomplete(wait: Waiting) -> str:
    names = ", ".join(display(seen.name) for seen in wait.files)
    return f"{display(wait.key) or '(without a key)'} ({names}): {' '.join(wait.reasons)}"


def write_status(drop: Path, text: str, now: datetime) -> bool:
    """Write STATUS.txt, with the moment of it, unless it already says so; returns whether it was written. Raises OSError."""
    path = drop / STATUS
    content = as_bytes(text)
    if _reads(path, content):
        remove_part(path)
        return False
    changed = as_bytes(f"\n{_CHANGED}{with_offset(now)}\n").removeprefix(codecs.BOM_UTF8)
    write_atomically(path, content + changed, durable=False)
    return True


def _reads(path: Path, content: bytes) -> bool:
    """Tell whether `path` is a file with just that content and its moment.

    What else people put there is neither followed nor read.
    """
    try:
        with open_regular(path) as file:
            there = file.read(len(content) + _LONGEST_CHANGED + 1)
    except OSError as error:
        if error.errno in {errno.ENOENT, errno.ELOOP, errno.EINVAL, errno.ENXIO}:
            return False
        raise
    return there.startswith(content) and _CHANGED_LINE.fullmatch(there, len(content)) is not None
