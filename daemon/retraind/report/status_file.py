"""STATUS.txt in the drop folder: what retraind sees there and waits for, since when, and that it is running.

It is rewritten when its content changes, and otherwise once an hour, for the line that says when retraind
last checked. Only the line with its last change is ever read back, and each start brings it up to date; so it
is not synced, which would take more time than the rest of a start.
"""

import codecs
import errno
import re
from collections.abc import Iterator, Sequence
from datetime import datetime
from pathlib import Path

from retraind.config.settings import WORK, ModelSettings
from retraind.domain.job import Outcome
from retraind.domain.problems import Problem, problem
from retraind.domain.records import Outage
from retraind.intake.drop_folder import View
from retraind.intake.names.proof_names import SUCCESS_MARKER
from retraind.intake.pairing import manifest_name
from retraind.report.layout import LaidOut, as_bytes, bullets, fill, paragraphs
from retraind.report.standing import MOST_LINES, alerts, incomplete, job_lines, order_notes, outage_of, some
from retraind.report.wording import Section, Voice, joined
from retraind.store.journal import Standing
from retraind.system.files import remove_part, write_atomically
from retraind.system.reading import read_start

STATUS = "STATUS.txt"
_KEY = "2026-11"
"""Of a delivery that is made up, to show how names are formed."""
_END = re.compile(rb"\r\n(?P<changed>[^\r\n]+\r\n)(?P<checked>(?:[^\r\n]+\r\n){0,4})")
"""When what the file says last changed, and when the folder was last checked."""
_LONGEST_END = 800
"""Bytes."""


def status_text(
    model: str,
    view: View,
    standing: Standing,
    voice: Voice,
    *,
    service: str = "",
    outages: Sequence[Outage] = (),
    expected: Problem | None = None,
    left: Sequence[Problem] = (),
    limits: Sequence[Problem] = (),
) -> str:
    """Return STATUS.txt's text, from what the last scan saw and the journal knows.

    `service` is the service's host, `outages` are of the hosts that jobs wait for, `expected` says which
    names the folder waits for, `left` are deliveries that were taken in here and that nobody works on,
    `limits` say why complete deliveries are not taken in yet.
    """
    voice = voice.on(model)
    jobs = standing.active
    safe = voice.label("still_taken_in")

    def filled(text: str) -> str:
        return fill(text, language=voice.language)

    parts = [filled(voice.label("status_intro")), *map(filled, alerts(standing, view, voice))]
    if standing.hold:
        parts[1] += f"\n{safe}"
    parts += [
        f"{filled(voice.label('waiting_for', outage=voice.tell(outage_of(each, service))))}\n{safe}"
        for each in outages
    ]
    down = {outage.host for outage in outages}
    held = {model} if standing.hold else set()
    sections = {
        Section.IN_WORK: job_lines(jobs, voice, service, down=down, held=held),
        Section.NOT_WORKED_ON: some([voice.tell(each) for each in left[:MOST_LINES]], len(left), voice),
        Section.INCOMPLETE: incomplete(view.waiting, voice),
        Section.LEFT_ALONE: [voice.tell(each) for each in view.strangers],
    }
    parts += [filled(voice.tell(each)) for each in (*limits, *order_notes(jobs))]
    parts += [
        f"{voice.label('section', which=which)}\n{bullets(lines, language=voice.language)}"
        for which, lines in sections.items()
        if lines
    ]
    expects = [voice.tell(expected)] if expected else []
    if not (jobs or view.waiting or view.trouble or left):
        parts.append(filled(joined([voice.label("nothing_to_do"), *expects])))
    elif view.strangers:
        parts += map(filled, expects)
    parts += _outcomes(standing, voice)
    return "\n\n".join(parts) + "\n"


def _outcomes(standing: Standing, voice: Voice) -> Iterator[str]:
    published, last = standing.published, standing.last
    if published and published.publication and published.publication.at:
        yield voice.label(
            "published_model",
            key=published.key,
            since=published.publication.at,
            by_hand=published.publication.by_hand,
            job=published.id,
        )
    if last and last.outcome:
        unclear = last.outcome is Outcome.TRAINED and bool(last.publication and last.publication.open)
        yield voice.label(
            "last_finished",
            key=last.key,
            outcome=last.outcome,
            unclear=unclear,
            ended=last.updated_at,
            job=last.id,
            times=last.end.times if last.end else 1,
            since=last.end.since if last.end else None,
        )


def stopped_text(
    model: str,
    at: datetime,
    why: Problem,
    voice: Voice,
    *,
    unfinished: int | None = None,
    standing: Standing | None = None,
    service: str = "",
) -> str:
    """Return STATUS.txt's text for when nobody keeps it up to date.

    `standing` is what the journal knows. Where it cannot be read, `unfinished` counts the deliveries in work,
    if that is known.
    """
    parts = [voice.label("status_stopped", model=model, at=at, why=why)]
    parts += [] if unfinished is None else [voice.label("deliveries_unfinished", number=unfinished)]
    if standing is None:
        return paragraphs(parts, language=voice.language)
    voice = voice.on(model)
    if standing.hold:
        parts.append(voice.label("on_hold", why=standing.hold.problem))
    if standing.active:
        parts.append(_unfinished(model, standing, voice, service))
    return paragraphs([*parts, *map(LaidOut, _outcomes(standing, voice))], language=voice.language)


def removed_text(
    model: str, at: datetime, machine: str, voice: Voice, *, standing: Standing | None, service: str
) -> str:
    """Return STATUS.txt's text for when retraind was removed from its machine.

    `standing` is what the journal knew; None where it cannot be read.
    """
    voice = voice.on(model)
    parts = [voice.label("status_removed", model=model, at=at, machine=machine)]
    if standing is None:
        return paragraphs(parts, language=voice.language)
    if standing.active:
        parts += [voice.label("left_in_work", folder=WORK), _unfinished(model, standing, voice, service)]
    return paragraphs([*parts, *map(LaidOut, _outcomes(standing, voice))], language=voice.language)


def _unfinished(model: str, standing: Standing, voice: Voice, service: str) -> str:
    lines = job_lines(
        standing.active, voice, service, held={model} if standing.hold else set(), running=False
    )
    heading = voice.label("section", which=Section.UNFINISHED)
    return f"{heading}\n{bullets(lines, language=voice.language)}"


def moved_text(model: str, at: datetime, voice: Voice) -> str:
    """Return STATUS.txt's text for a folder that is its model's drop folder no longer."""
    return paragraphs([voice.label("status_moved", model=model, at=at)], language=voice.language)


def expected_files(model: ModelSettings) -> Problem:
    """Return which files a drop folder waits for."""
    names = [model.train] if model.mode == "train-only" else [model.train, model.eval]
    key = _KEY if "{key}" in model.train else ""
    proofs = {
        "settle": [],
        "marker": [f"{key}.done", SUCCESS_MARKER] if key else [SUCCESS_MARKER],
        "manifest": [manifest_name(key)],
    }[model.ready]
    folders = sorted({name.partition("/")[0] + "/" for name in names if "/" in name})
    return problem(
        "expected_files", names=list(map(_example, names)), folders=folders, ready=model.ready, proofs=proofs
    )


def _example(pattern: str) -> str:
    text = pattern.replace("*{key}*", f"_{_KEY}").replace("{key}", _KEY).replace("*", "…")
    return text if text.lower().endswith((".csv", ".tsv")) else f"{text}.csv"


def write_status(
    drop: Path, text: str, now: datetime, voice: Voice, *, watched: bool = False, renew: bool = False
) -> bool:
    """Write STATUS.txt, unless it already has the text; returns whether it was written. Raises OSError.

    While a folder is `watched`, it also says when retraind last checked, which `renew` writes again.
    """
    path, content = drop / STATUS, as_bytes(text)
    end = _end(path, content)
    if end and bool(end["checked"]) is watched and not renew:
        remove_part(path)
        return False
    changed = end["changed"] if end else _line(voice.label("last_changed", at=now))
    checked = _line(fill(voice.label("last_checked", at=now), language=voice.language)) if watched else b""
    write_atomically(path, content + b"\r\n" + changed + checked, durable=False)
    return True


def _line(text: str) -> bytes:
    return as_bytes(f"{text}\n").removeprefix(codecs.BOM_UTF8)


def _end(path: Path, content: bytes) -> re.Match[bytes] | None:
    """Return how a file with just that content ends; None where there is no such file.

    What else people put there is neither followed nor read.
    """
    try:
        there = read_start(path, len(content) + _LONGEST_END + 1)
    except OSError as error:
        if error.errno in {errno.ENOENT, errno.ELOOP, errno.EINVAL, errno.ENXIO}:
            return None
        raise
    return _END.fullmatch(there, len(content)) if there.startswith(content) else None
