"""`retraind check`: whether folders are writable, moves stay on one file system, and keys are there."""

import os
import shlex
import shutil
import stat
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import closing, suppress
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import Any, NamedTuple

from retraind.api import proxies
from retraind.api.client import ApiClient
from retraind.api.credentials import CREDENTIALS_VARIABLE, Credentials, explained, origin_of
from retraind.api.reach import in_the_clear
from retraind.cli.setup.expiring import expiring
from retraind.config.calendars import closed_days_or_trouble
from retraind.config.exposure import exposures, of_key, service_account
from retraind.config.load import unknown_variables
from retraind.config.settings import WORK, ModelSettings, Settings
from retraind.dataset.reader.automaton import Engine, best_engine
from retraind.domain.failures import ConfigError, Hold, JobFailed, JournalError, Retry, Setback
from retraind.domain.problems import Problem, file_problem, problem
from retraind.intake.listing import Names
from retraind.intake.share_identity import Shares
from retraind.jobs.gate.program import flaw_of
from retraind.report.messages import test_message
from retraind.report.notifications import Calls, Recipient, Refused, recipients_of
from retraind.report.wording import Voice, in_words
from retraind.store.instance import read_state, running_instance
from retraind.system import log
from retraind.system.clock import Clock
from retraind.system.files import exists, held, is_allowed, real_path, status
from retraind.system.mounts import Mount, makes_rights_up, present_mounts
from retraind.system.probe import Question, ask_each
from retraind.system.remote.verbs import is_mounted_in
from retraind.system.rights import Account, program_named
from retraind.system.service.units import UNIT, Unit, read_unit

_NO_JOB = "retraind-check"
"""A retrain_job_id that no service knows: asking for it tests the key and changes nothing."""
_WARNINGS = frozenset(
    {
        *("drop_folder_unguarded", "drop_folder_not_sticky", "variable_unknown"),
        *("credential_inside", "credentials_out_of_sight", "data_checked_slower", "key_shared"),
    }
)


@dataclass(frozen=True)
class Checked:
    """One thing that was checked."""

    subject: str
    """The setting that names it."""
    good: bool
    problem: Problem
    """What was found; also where all is well."""
    model: str = ""

    @property
    def warning(self) -> bool:
        """Whether somebody should know of it, though all is well."""
        return self.problem.code in _WARNINGS

    @property
    def text(self) -> str:
        """What was found, in words."""
        return Voice().on(self.model).tell(self.problem)

    def for_programs(self) -> dict[str, Any]:
        """Return it as `check --json` prints it."""
        told = {"subject": self.subject, "good": self.good, "warning": self.warning, "text": self.text}
        return told | Voice().on(self.model).coded(self.problem)


def checkup(settings: Settings, *, online: bool, config: Path | None = None) -> list[Checked]:
    """Check what the configuration names; with `online`, also ask the service about every key.

    `config` is the configuration's file, for commands that can be copied.
    """
    checked = [
        _journal(settings.state.journal_file),
        _writable("state.spool", settings.state.spool),
    ]
    checked += [Checked(str(found.facts["variable"]), True, found) for found in unknown_variables()]
    checked += [Checked(setting, False, found) for setting, found in in_the_clear(settings.api)]
    if best_engine() is not Engine.RE2:
        checked.append(Checked("google-re2", True, problem("data_checked_slower")))
    if found := proxies.unusable(settings.api):
        checked.append(Checked("api.proxy", False, found))
    checked += _recipients(settings)
    if settings.work.upload_rate:
        checked.append(
            Checked("work.upload_rate", True, problem("rate_shows", rate=settings.work.upload_rate))
        )
    places = _places(settings, Shares.beside(settings.state.journal_file))
    exposed = {str(each.facts["setting"]): each for each in exposures(settings).problems}
    checked += _certificates(settings.api.ca_bundle, exposed.get("api.ca_bundle"))
    account, unit = service_account(settings.state.journal_file.parent), read_unit()
    with closing(ApiClient(settings.api)) as client:
        credentials = Credentials(client, account=account)
        for name, model in settings.models.items():
            checked += _folders(name, model, places)
            checked += _calendars(name, model)
            checked += _gate(name, model, exposed.get(f"models.{name}.gate"))
            passed = origin_of(name, model).credential
            if passed is not None and CREDENTIALS_VARIABLE not in os.environ:
                checked.append(_from_outside(name, passed, unit, account))
            else:
                checked.append(_credential(name, model, client, credentials, online=online))
        checked += _shared_keys(settings, credentials)
    checked += [Checked(setting, True, found, name) for setting, name, found in expiring(settings)]
    wrong = {each.subject for each in checked if not each.good}
    checked += [each for each in _as_the_daemon_sees(settings) if each.subject not in wrong]
    if inside := [each for each in checked if each.problem.code == "credential_inside"]:
        names = [str(each.problem.facts["credential"]) for each in inside]
        command = _command_inside(dict.fromkeys(names), unit, config)
        checked.append(Checked("credentials", True, problem("credentials_out_of_sight", command=command)))
    return checked


def _calendars(name: str, model: ModelSettings) -> Iterator[Checked]:
    """Check the company's own holidays, and return when uploads may begin."""
    closed = frozenset[date]()
    named = {"expect.closed": model.expect and model.expect.closed, "upload_holidays": model.upload_holidays}
    for key, file in named.items():
        found = closed_days_or_trouble(file) if file else closed
        if isinstance(found, Problem):
            why = problem("closed_days_unreadable", path=file, why=found)
            yield Checked(f"models.{name}.{key}", False, why, name)
        elif key == "upload_holidays":
            closed = found
    if (window := model.window(closed)) is None:
        return
    subject, now = f"models.{name}.upload_window", Clock().now()
    opening = window.opens(now)
    if opening is None:
        shown = "; ".join(model.upload_window or ())
        yield Checked(subject, False, problem("upload_window_stays_closed", window=shown), name)
    else:
        opens, zone = opening.at if opening.at > now else None, opening.zone_name
        yield Checked(subject, True, problem("window_shows", opens=opens, zone=zone), name)


def _certificates(file: Path | None, exposed: Problem | None) -> Iterator[Checked]:
    if file is not None:
        try:
            status(file, follow=True)
        except OSError as error:
            yield Checked("api.ca_bundle", False, file_problem(error, file))
            return
    if exposed is not None:
        yield Checked("api.ca_bundle", False, exposed.but(setting=""))


def _as_the_daemon_sees(settings: Settings) -> Iterator[Checked]:
    """Return what a running daemon cannot reach: its unit may hide what this process sees."""
    try:
        process = running_instance(settings.state.journal_file)
    except JournalError:
        return  # The check of the journal says that this user cannot read it.
    state = read_state(settings.state.journal_file)
    if process is not None and state is not None and state.pid == process:
        for each in state.unreachable:
            # Whether the unit passes a key is checked without it.
            if each.directive != "LoadCredential" and {each.model} <= {None, *settings.models}:
                yield Checked(each.setting, False, each.problem.but(setting=""), each.model or "")


def _from_outside(name: str, credential: str, unit: Unit, account: Account) -> Checked:
    """Check what can be seen from outside the service of a key that systemd passes."""
    subject, source = f"models.{name} credential", unit.source(credential)
    if unit.there and source is None:
        found = problem("credential_not_in_unit", credential=credential, unit=UNIT)
        return Checked(subject, False, found)
    if source is not None and not os.geteuid():
        # Only root sees the file that systemd reads.
        try:
            if not exists(source, follow=True):
                return Checked(subject, False, problem("credential_file_missing", path=source))
            if exposed := of_key(account, f"LoadCredential={credential}", source):
                return Checked(subject, False, exposed)
        except OSError as error:
            return Checked(subject, False, file_problem(error, source))
    return Checked(subject, True, problem("credential_inside", credential=credential))


def _command_inside(names: Iterable[str], unit: Unit, config: Path | None) -> str:
    """Return the command that checks the keys that systemd passes, as the service sees them."""
    command = ["sudo", "systemd-run", "--pipe", "--wait", "-p", f"User={unit.user or 'retraind'}"]
    for name in names:
        directive = "LoadCredentialEncrypted" if name in unit.encrypted else "LoadCredential"
        command += ["-p", f"{directive}={name}:{unit.source(name) or f'/etc/retraind/keys/{name}'}"]
    program = shutil.which("retraind") or "/opt/retraind/bin/retraind"
    named = ["-c", str(config.absolute())] if config else []
    return shlex.join([*command, program, "check", "--online", *named])


def try_recipients(settings: Settings) -> list[Checked]:
    """Send a test message to everybody in [notify]. Raises ConfigError for an address that cannot be used."""
    log.set_up(level="CRITICAL", words=in_words)
    return [_try(recipient, Voice(language=settings.language)) for recipient in recipients_of(settings)]


def _try(recipient: Recipient, voice: Voice) -> Checked:
    try:
        Calls().send(recipient, test_message(Clock().now(), voice))
    except (Retry, Refused) as trouble:
        return Checked(recipient.name, False, trouble.problem)
    return Checked(recipient.name, True, problem("test_message_sent"))


def _recipients(settings: Settings) -> Iterator[Checked]:
    try:
        recipients = recipients_of(settings)
    except ConfigError as error:
        for each in error.problems:
            mistake = Problem.from_plain(each.facts["mistake"])
            yield Checked(str(each.facts["setting"]), False, mistake)
    else:
        for recipient in recipients:
            yield Checked(recipient.name, True, problem("recipient_configured"))


def _journal(file: Path) -> Checked:
    """Check that the journal can be written, and what belongs to it: root may once have created it."""
    found = _writable("state.url", file.parent)
    if found.good:
        for path in (file.with_name(file.name + ending) for ending in ("", "-wal", "-shm", ".lock")):
            if exists(path, follow=True) and not os.access(path, os.R_OK | os.W_OK, effective_ids=True):
                return Checked("state.url", False, problem("state_file_closed", path=path))
    return found


def _writable(subject: str, folder: Path) -> Checked:
    try:
        found = _existing(folder)
    except OSError as error:
        return Checked(subject, False, file_problem(error, folder))
    if os.access(found, os.W_OK | os.X_OK, effective_ids=True):
        return Checked(subject, True, problem("folder_writable", path=folder))
    return Checked(subject, False, problem("folder_closed", path=found))


class _Place(NamedTuple):
    """What a folder is."""

    path: Path
    """The way there without links."""
    device: int
    usable: bool
    """Whether this user may read and write there."""
    flaw: Problem | None = None
    """How the writers of a drop folder could get at deliveries in work."""
    elsewhere: tuple[Path, ...] = ()
    """The folders in a drop folder from which nothing can be sealed."""


def _places(settings: Settings, shares: Shares) -> dict[Path, _Place | OSError]:
    """Return what the folders of all models are; a share that hangs is given up after a while."""
    table = present_mounts()

    def drop_place(model: ModelSettings) -> Callable[[Path], _Place]:
        def look(folder: Path) -> _Place:
            place = _place(folder)
            with held(folder) as drop:
                flaw, elsewhere = _flaw(folder, drop, shares, table), _elsewhere(model, folder, place)
            return place._replace(flaw=flaw, elsewhere=elsewhere)

        return look

    asked: list[Question[_Place]] = []
    for model in settings.models.values():
        asked += [(model.drop, drop_place(model))]
        asked += [(folder, _place_for) for folder in (model.done_folder, model.failed_folder)]
    return {folder: found for (folder, _), found in zip(asked, ask_each(asked), strict=True)}


def _elsewhere(model: ModelSettings, drop: Path, place: _Place) -> tuple[Path, ...]:
    """Return the folders for arriving files that are mounts, or file systems, of their own."""
    found = []
    for name in sorted(Names(model, ()).below.values()):
        try:
            with held(drop, name) as inside:
                other = status(inside, follow=True).st_dev != place.device
        except (FileNotFoundError, NotADirectoryError):
            continue
        if other or is_mounted_in(drop, name):
            found.append(drop / name)
    return tuple(found)


def _flaw(folder: Path, drop: Path, shares: Shares, table: Sequence[Mount]) -> Problem | None:
    """Return how those who may write in a drop folder could change what is in work there."""
    if exposure := shares.exposure(folder, drop):
        return exposure
    seen = status(drop, follow=True)
    own, shared = shares.is_own(seen), seen.st_mode & (stat.S_IWGRP | stat.S_IWOTH)
    sticky = seen.st_mode & stat.S_ISVTX
    if file_system := makes_rights_up(folder, table):
        found = problem("drop_folder_unguarded", path=folder, file_system=file_system, work=WORK)
        return found if shared else None
    if sticky and not own and os.geteuid():
        return problem("drop_folder_sticky", path=folder)
    if shared and own and not sticky:
        return problem("drop_folder_not_sticky", path=folder, work=WORK)
    return None


def _place_for(folder: Path) -> _Place:
    return _place(_existing(folder))._replace(path=real_path(folder))


def _place(folder: Path) -> _Place:
    usable = is_allowed(folder, os.R_OK | os.W_OK | os.X_OK)
    return _Place(real_path(folder), status(folder, follow=True).st_dev, usable)


def _folders(name: str, model: ModelSettings, places: Mapping[Path, _Place | OSError]) -> Iterator[Checked]:
    """Check a model's folders."""
    subject = f"models.{name}.drop"
    drop = places[model.drop]
    if isinstance(drop, FileNotFoundError):
        return  # The check of the configuration has found that.
    if isinstance(drop, OSError):
        yield Checked(subject, False, file_problem(drop, model.drop))
        return
    found = problem("drop_folder_usable" if drop.usable else "folder_closed", path=model.drop)
    yield Checked(subject, drop.usable, found)
    if drop.flaw:
        yield Checked(subject, drop.flaw.code in _WARNINGS, drop.flaw, name)
    for path in drop.elsewhere:
        yield Checked(subject, False, problem("arrival_folder_elsewhere", path=path))
    for key, folder in (("done", model.done_folder), ("failed", model.failed_folder)):
        place = places[folder]
        subject = f"models.{name}.{key}"
        if isinstance(place, OSError):
            yield Checked(subject, False, file_problem(place, folder))
        elif _leads_over_link(model.drop, drop, folder, place):
            found = problem("filing_folder_linked", path=folder, target=place.path, key=key)
            yield Checked(subject, False, found)
        elif drop.usable and not place.usable:
            yield Checked(subject, False, problem("folder_closed", path=folder))
        elif place.device != drop.device:
            yield Checked(subject, True, problem("filing_folder_elsewhere", path=folder))


def _leads_over_link(drop: Path, found: _Place, folder: Path, place: _Place) -> bool:
    """Return whether there is a link on the way from the drop folder to one in it."""
    return folder.is_relative_to(drop) and str(place.path) != os.path.normpath(
        found.path / folder.relative_to(drop)
    )


def _existing(folder: Path) -> Path:
    """Return a folder, or what it will be created in."""
    while not exists(folder, follow=True):
        folder = folder.parent
    return folder


def _gate(name: str, model: ModelSettings, exposed: Problem | None) -> Iterator[Checked]:
    """Check that the gate's program can be run, and that nobody else can change it."""
    if not model.gate:
        return
    if exposed:
        yield Checked(f"models.{name}.gate", False, exposed.but(setting=""))
        return
    subject, flaw = f"models.{name}.gate", flaw_of(model.gate)
    if flaw is not None:
        yield Checked(subject, False, flaw)
        return
    yield Checked(subject, True, problem("gate_program_found", path=program_named(model.gate[0])))


def _credential(
    name: str, model: ModelSettings, client: ApiClient, credentials: Credentials, *, online: bool
) -> Checked:
    subject, failed = f"models.{name} credential", "key_unavailable"
    try:
        if credentials.secret(name, model) is not None and not online:
            return Checked(subject, True, problem("secret_key_found"))
        key = credentials.key(name, model)
        if online:
            failed = "service_not_asked"
            # "Not found retrain job." is what a good key gets.
            with suppress(JobFailed):
                client.status(_NO_JOB, key)
    except Hold as hold:
        return Checked(subject, False, explained(hold, name, model), name)
    except Setback as trouble:
        return Checked(subject, False, problem(failed, why=trouble.problem), name)
    return Checked(subject, True, problem("api_key_accepted" if online else "api_key_found"))


def _shared_keys(settings: Settings, credentials: Credentials) -> Iterator[Checked]:
    """Find the models that have the same key: the service takes the data of all for that of one model."""
    first: dict[tuple[str, int | None], str] = {}
    for name, model in settings.models.items():
        passed = None if CREDENTIALS_VARIABLE in os.environ else origin_of(name, model).credential
        try:
            key = passed or credentials.configured(name, model)
        except (Hold, Setback):
            continue  # The check of the credential says so.
        if (other := first.setdefault((key, model.model_id), name)) != name:
            yield Checked(f"models.{name} credential", True, problem("key_shared", model=name, other=other))
