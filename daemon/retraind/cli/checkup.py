"""`retraind check`: whether folders can be written, moves stay on one file system, and keys are at hand."""

import os
import shlex
import shutil
import stat
from collections.abc import Iterator, Mapping
from contextlib import suppress
from pathlib import Path
from typing import NamedTuple

from retraind.api.client import ApiClient
from retraind.api.credentials import Credentials, explained
from retraind.api.http import is_proxy_usable
from retraind.api.reach import in_the_clear
from retraind.config.settings import WORK, ModelSettings, Settings
from retraind.domain.failures import ConfigError, Hold, JobFailed, Retry, Setback
from retraind.domain.problems import Problem, file_problem
from retraind.intake.share_identity import Shares
from retraind.report.notifications import Calls, Recipient, Refused, recipients_of, test_message
from retraind.report.wording import Voice, in_words
from retraind.system import log
from retraind.system.clock import Clock
from retraind.system.files import exists, held, is_file
from retraind.system.mounts import makes_rights_up, present_mounts
from retraind.system.probe import Question, ask_each

_NO_JOB = "retraind-check"
"""A retrain_job_id that no service knows: asking for it tests the key and changes nothing."""


class Finding(NamedTuple):
    """One thing that was checked."""

    subject: str
    good: bool
    text: str


def checkup(settings: Settings, *, online: bool) -> list[Finding]:
    """Check what the configuration names; with `online`, also ask the service about every key."""
    findings = [
        _journal(settings.state.journal_file),
        _parent_writable("state.spool", settings.state.spool / "x"),
    ]
    findings += [Finding(subject, False, Voice().tell(why)) for subject, why in in_the_clear(settings.api)]
    if not is_proxy_usable(settings.api):
        text = (
            "the proxy that a variable such as HTTPS_PROXY names cannot be used; write it as http://host:port"
        )
        findings.append(Finding("api.proxy", False, text))
    findings += _recipients(settings)
    shares = Shares.beside(settings.state.journal_file)
    client = ApiClient(settings.api)
    credentials = Credentials(client)
    places = _places(settings, shares)
    try:
        for name, model in settings.models.items():
            findings += _folders(name, model, places)
            findings += _writers(name, model, places[model.drop])
            findings += _gate(name, model)
            findings.append(_credential(name, model, client, credentials, online=online))
    finally:
        client.close()
    return findings


def try_recipients(settings: Settings) -> list[Finding]:
    """Send a test message to everybody in [notify]. Raises ConfigError for an address that cannot be used."""
    log.set_up(level="CRITICAL", words=in_words)
    return [_try(recipient) for recipient in recipients_of(settings)]


def _try(recipient: Recipient) -> Finding:
    try:
        Calls().tell(recipient, test_message(Clock()))
    except (Retry, Refused) as trouble:
        return Finding(recipient.name, False, str(trouble).removeprefix(f"{recipient.name} "))
    return Finding(recipient.name, True, "a test message was sent; see whether it has arrived")


def _recipients(settings: Settings) -> Iterator[Finding]:
    try:
        recipients = recipients_of(settings)
    except ConfigError as error:
        for problem in error.problems:
            mistake = Problem.model_validate(problem.facts["mistake"])
            yield Finding(str(problem.facts["setting"]), False, Voice().tell(mistake))
    else:
        for recipient in recipients:
            yield Finding(recipient.name, True, "to try it, run: retraind notify")


def _journal(file: Path) -> Finding:
    """Look whether the journal can be written, and what belongs to it: root may once have begun it."""
    found = _parent_writable("state.url", file)
    if found.good:
        for path in (file.with_name(file.name + ending) for ending in ("", "-wal", "-shm", ".lock")):
            if exists(path, follow=True) and not os.access(path, os.R_OK | os.W_OK, effective_ids=True):
                text = f"this user may not read and write {path}; it has to belong to the service's user"
                return Finding("state.url", False, text)
    return found


def _parent_writable(subject: str, path: Path) -> Finding:
    try:
        folder = _existing(path.parent)
    except OSError as error:
        return Finding(subject, False, Voice().tell(file_problem(error, path.parent)))
    good = os.access(folder, os.W_OK | os.X_OK, effective_ids=True)
    return Finding(subject, good, str(path.parent) if good else f"this user may not write in {folder}")


class _Work(NamedTuple):
    """What keeps the writers of a drop folder from what is in work."""

    trouble: Problem | None
    """Why the model would wait."""
    made_up: str | None
    """The type of a file system on which owners and rights may be those of the mount."""
    mode: int
    """That of the drop folder."""
    own: bool
    """Whether the drop folder belongs to the service's user."""


class _Place(NamedTuple):
    """What a folder is made of."""

    path: Path
    """The way there without links."""
    device: int
    usable: bool
    """Whether this user may read and write there."""
    work: _Work | None = None
    """Of a drop folder."""


def _places(settings: Settings, shares: Shares) -> dict[Path, _Place | OSError]:
    """Look at the folders of all models, with patience."""
    table = present_mounts()

    def drop_place(folder: Path) -> _Place:
        place = _place(folder)
        with held(folder) as drop:
            status = drop.stat()
            work = _Work(
                shares.exposure(folder, drop),
                makes_rights_up(folder, table),
                status.st_mode,
                shares.is_own(status),
            )
        return place._replace(work=work)

    asked: list[Question[_Place]] = []
    for model in settings.models.values():
        asked += [
            (model.drop, drop_place),
            (model.done_folder, _place_for),
            (model.failed_folder, _place_for),
        ]
    return {folder: found for (folder, _), found in zip(asked, ask_each(asked), strict=True)}


def _place_for(folder: Path) -> _Place:
    return _place(_existing(folder))._replace(path=folder)


def _place(folder: Path) -> _Place:
    return _Place(folder, folder.stat().st_dev, os.access(folder, os.R_OK | os.W_OK | os.X_OK))


def _folders(name: str, model: ModelSettings, places: Mapping[Path, _Place | OSError]) -> Iterator[Finding]:
    """Tell of a model's folders."""
    subject = f"models.{name}.drop"
    drop = places[model.drop]
    if isinstance(drop, OSError):
        yield Finding(subject, False, Voice().tell(file_problem(drop, model.drop)))
        return
    yield Finding(
        subject,
        drop.usable,
        f"{model.drop} can be read and written"
        if drop.usable
        else f"this user may not read and write {model.drop}; files are moved out of it",
    )
    for word, folder in (("done", model.done_folder), ("failed", model.failed_folder)):
        place = places[folder]
        where = f"models.{name}.{word}"
        if isinstance(place, OSError):
            yield Finding(where, False, Voice().tell(file_problem(place, folder)))
        elif _leads_over_link(model.drop, drop, folder, place):
            text = f"{folder} leads over a link to {place.path}, and below the drop folder none is followed"
            yield Finding(where, False, f'{text}; remove it and write {word} = "{place.path}"')
        elif drop.usable and not place.usable:
            yield Finding(where, False, f"this user may not read and write {folder}; jobs are filed there")
        elif place.device != drop.device:
            yield Finding(
                where, True, f"{folder} is on another file system: files are copied, verified, then deleted"
            )


def _writers(name: str, model: ModelSettings, place: _Place | OSError) -> Iterator[Finding]:
    """Tell whether those who may write in a drop folder are kept away from what is in work there."""
    if isinstance(place, OSError) or place.work is None:
        return  # That the folder is out of reach is told already.
    work, subject, drop, mode = place.work, f"models.{name}.drop", model.drop, place.work.mode
    shared = bool(mode & (stat.S_IWGRP | stat.S_IWOTH))
    if work.trouble:
        yield Finding(subject, False, Voice().tell(work.trouble))
    elif work.made_up and shared:
        yield Finding(
            subject,
            True,
            f"warning: {drop} is on a file system ({work.made_up}) where the mount says who may write, so whoever may write "
            f"there may also write in {WORK}; see docs/security.md",
        )
    elif not work.made_up and mode & stat.S_ISVTX and not work.own and os.geteuid():
        yield Finding(
            subject,
            False,
            f"{drop} has the sticky bit and belongs to another user, so others' files cannot be moved out of it; let it "
            "belong to the service's user",
        )
    elif not work.made_up and shared and work.own and not mode & stat.S_ISVTX:
        yield Finding(
            subject,
            True,
            f"warning: whoever may write in {drop} may also rename {WORK} there, and make the model wait; run: chmod +t "
            f"{shlex.quote(str(drop))}",
        )


def _leads_over_link(drop: Path, found: _Place, folder: Path, place: _Place) -> bool:
    """Tell whether there is a link on the way from the drop folder to one in it."""
    if not folder.is_relative_to(drop):
        return False
    return str(place.path) != os.path.normpath(found.path / folder.relative_to(drop))


def _existing(folder: Path) -> Path:
    """Return a folder, or what it will be made in."""
    while not exists(folder, follow=True):
        folder = folder.parent
    return folder


def _gate(name: str, model: ModelSettings) -> Iterator[Finding]:
    """Look whether the gate's program is there, and is its owner's to change alone."""
    if not model.gate:
        return
    subject = f"models.{name}.gate"
    found = shutil.which(model.gate[0])
    if found is None:
        yield Finding(subject, False, f"there is no program {model.gate[0]} that this user may run")
        return
    for path in (Path(found), *(Path(word) for word in model.gate[1:] if Path(word).is_absolute())):
        if is_file(path, follow=True) and path.stat().st_mode & stat.S_IWOTH:
            text = f"everybody on this machine may change {path}, and it is run with the service's rights"
            yield Finding(subject, False, f"{text}; run: chmod o-w {shlex.quote(str(path))}")
            return
    yield Finding(subject, True, f"{found} is there")


def _credential(
    name: str, model: ModelSettings, client: ApiClient, credentials: Credentials, *, online: bool
) -> Finding:
    subject = f"models.{name} credential"
    trying = "the key could not be had"
    try:
        if credentials.secret(name, model) is not None and not online:
            return Finding(subject, True, "the secret key is there; the API key is fetched when needed")
        key = credentials.key(name, model)
        if online:
            trying = "the service could not be asked"
            # "Not found retrain job." is what a good key gets.
            with suppress(JobFailed):
                client.status(_NO_JOB, key)
    except Hold as hold:
        return Finding(subject, False, Voice().on(name).tell(explained(hold, name, model)))
    except Setback as trouble:
        return Finding(subject, False, f"{trying}: {Voice().on(name).tell(trouble.problem)}")
    return Finding(subject, True, "the service accepts the API key" if online else "the API key is there")
