"""`retraind check`: whether folders can be written, moves stay on one file system, and keys are at hand."""

import os
import shlex
import shutil
import stat
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from typing import NamedTuple

from retraind import log
from retraind.api.client import ApiClient
from retraind.api.credentials import Credentials, explained
from retraind.clock import Clock
from retraind.errors import ConfigError, Hold, JobFailed, Retry, Setback, disk_remedy
from retraind.report.notify import Recipient, Refused, recipients_of, test_message
from retraind.settings import ModelSettings, Settings

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
        _parent_writable("state.url", settings.state.journal_file),
        _parent_writable("state.spool", settings.state.spool / "x"),
    ]
    findings += _recipients(settings)
    client = ApiClient(settings.api)
    credentials = Credentials(client)
    try:
        for name, model in settings.models.items():
            findings += _model(name, model, client, credentials, online=online)
    finally:
        client.close()
    return findings


def try_recipients(settings: Settings) -> list[Finding]:
    """Send a test message to everybody in [notify]. Raises ConfigError for an address that cannot be used."""
    log.set_up(level="CRITICAL")
    return [_try(recipient) for recipient in recipients_of(settings)]


def _try(recipient: Recipient) -> Finding:
    try:
        recipient.tell(test_message(Clock()))
    except (Retry, Refused) as trouble:
        return Finding(recipient.name, False, str(trouble).removeprefix(f"{recipient.name} "))
    return Finding(recipient.name, True, "a test message was sent; see whether it has arrived")


def _recipients(settings: Settings) -> Iterator[Finding]:
    try:
        recipients = recipients_of(settings)
    except ConfigError as error:
        for problem in error.problems:
            subject, _, text = problem.partition(": ")
            yield Finding(subject, False, text)
    else:
        for recipient in recipients:
            yield Finding(recipient.name, True, "to try it, run: retraind notify")


def _parent_writable(subject: str, path: Path) -> Finding:
    folder = _existing(path.parent)
    good = os.access(folder, os.W_OK | os.X_OK)
    return Finding(subject, good, str(path.parent) if good else f"this user may not write in {folder}")


def _model(
    name: str, model: ModelSettings, client: ApiClient, credentials: Credentials, *, online: bool
) -> Iterator[Finding]:
    try:
        yield from _folders(name, model)
    except OSError as error:
        text = f"{os.fsdecode(error.filename)} cannot be looked at: {error.strerror}. {disk_remedy(error)}"
        yield Finding(f"models.{name}.drop", False, text.strip())
    yield from _gate(name, model)
    yield _credential(name, model, client, credentials, online=online)


def _folders(name: str, model: ModelSettings) -> Iterator[Finding]:
    """Look at a model's folders. Raises OSError when one is out of reach."""
    subject = f"models.{name}.drop"
    model.drop.stat()
    if os.access(model.drop, os.R_OK | os.W_OK | os.X_OK):
        yield Finding(subject, True, f"{model.drop} can be read and written")
    else:
        yield Finding(
            subject, False, f"this user may not read and write {model.drop}; files are moved out of it"
        )
    for word, folder in (("done", model.done_folder), ("failed", model.failed_folder)):
        if _existing(folder).stat().st_dev != _existing(model.drop).stat().st_dev:
            yield Finding(
                f"models.{name}.{word}",
                True,
                f"{folder} is on another file system: files are copied, verified, then deleted",
            )


def _existing(folder: Path) -> Path:
    """Return a folder, or what it will be made in."""
    while not folder.exists():
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
        if path.is_file() and path.stat().st_mode & stat.S_IWOTH:
            text = f"everybody on this machine may change {path}, and it is run with the service's rights"
            yield Finding(subject, False, f"{text}; run: chmod o-w {shlex.quote(str(path))}")
            return
    yield Finding(subject, True, f"{found} is there")


def _credential(
    name: str, model: ModelSettings, client: ApiClient, credentials: Credentials, *, online: bool
) -> Finding:
    subject = f"models.{name} credential"
    try:
        if credentials.secret(name, model) is not None and not online:
            return Finding(subject, True, "the secret key is there; the API key is fetched when needed")
        key = credentials.key(name, model)
        if not online:
            return Finding(subject, True, "the API key is there")
        # "Not found retrain job." is what a good key gets.
        with suppress(JobFailed):
            client.status(_NO_JOB, key)
    except Hold as hold:
        return Finding(subject, False, explained(hold, name, model).told())
    except Setback as trouble:
        return Finding(subject, False, f"the service could not be asked: {trouble}")
    return Finding(subject, True, "the service accepts the API key")
