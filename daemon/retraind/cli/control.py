"""`retry`, `switch`, `release`, `adopt` and `rebuild`: wishes written into the journal, which the daemon makes come true."""

import argparse
import time
from pathlib import Path
from typing import Any

from retraind.cli.jobs import hold_of, opened_journal, policy_of, the_job
from retraind.cli.output import BAD, GOOD, complain, say
from retraind.config.load import load
from retraind.config.settings import Settings
from retraind.domain.failures import ConfigError, JournalDamagedError, JournalError
from retraind.domain.job import RESTING, Job, Outcome, State
from retraind.domain.problems import Problem, file_problem, legacy, problem
from retraind.intake.share_identity import Shares
from retraind.jobs.folders import NOT_CONFIGURED
from retraind.report.notes import headline, next_delivery
from retraind.report.wording import Voice, in_words
from retraind.store.database import running_instance, set_aside, sole_instance
from retraind.store.jobs import Conflict
from retraind.store.journal import Journal
from retraind.store.recovery import rebuild as rebuild_journal
from retraind.store.sidecar import JobFiles
from retraind.system import log
from retraind.system.probe import Question, ask_each

_UNPUBLISHED = frozenset({State.TRAINED, State.SWITCHING})
"""Where failed jobs would go on whose training is good."""
_PATIENCE = 30.0
"""Seconds that a command waits for the daemon to do what it asked for."""


def retry(options: argparse.Namespace) -> int:
    """Give a failed job another try."""
    return _ask_for(options, State.FAILED, State.RESTORING, "retry_asked", "has not failed")


def switch(options: argparse.Namespace) -> int:
    """Make a finished job's model the published one."""
    return _ask_for(options, State.DONE, State.SWITCHING, "switch_asked", "is not done")


def _ask_for(options: argparse.Namespace, needed: State, to: State, event: str, complaint: str) -> int:
    """Write a wish into the journal and, if a daemon is running, wait until it has come true."""
    with opened_journal(options) as (settings, journal):
        job = the_job(journal, options.job)
        wish, changes = to, {}
        if to is State.SWITCHING and job.state is State.FAILED and job.resume_in in _UNPUBLISHED:
            # Its training is good: it comes back into work for the switch alone.
            needed, wish, changes = State.FAILED, State.RESTORING, {"resume_in": State.SWITCHING}
        elif wish is State.RESTORING and (elsewhere := _continued(journal, job)):
            complain(elsewhere)
            return BAD
        if job.state is not needed:
            complain(f"{job.id} {complaint}; it is {job.state}{f' ({job.outcome})' if job.outcome else ''}.")
            return BAD
        if to is State.SWITCHING and not job.trained_at:
            complain(f"{job.id} was never trained ({job.outcome}), so there is no model to switch to.")
            return BAD
        job, hold = _written(journal, job, event, state=wish, **changes), ""
        running = running_instance(settings.state.journal_file) is not None
        say(
            f"{job.id}: asked for; waiting for the running retraind (it will be done even if you do not wait)."
            if running
            else f"{job.id}: noted. No retraind is running; it will be done when it starts."
        )
        if to is State.SWITCHING and (warning := next_delivery(job.model, policy_of(settings, job))):
            say(warning)
        if not running:
            return GOOD
        deadline = time.monotonic() + _PATIENCE
        while time.monotonic() < deadline and job.state is wish and not (hold := hold_of(journal, job)):
            time.sleep(0.1)
            job = journal.jobs.get(job.id) or job
        if job.state is wish and hold:
            say(f"{hold} What was asked for is done when the hold ends.")
            return BAD
        while time.monotonic() < deadline and to is State.SWITCHING and job.state not in RESTING:
            time.sleep(0.1)
            job = journal.jobs.get(job.id) or job
        return _tell_wish(job, to, begun=job.state is not wish)


def _written(journal: Journal, job: Job, event: str, **changes: Any) -> Job:
    """Write a wish into the journal. Raises JournalError in words when somebody else was faster."""
    try:
        return journal.jobs.write(job, event, **changes)
    except Conflict:
        raise JournalError(
            legacy(
                f"{job.id} has been changed by somebody else at this moment, so nothing was done. See: retraind show {job.id}"
            )
        ) from None


def _continued(journal: Journal, job: Job) -> str:
    """Say that a failed job's training is another job's by now; nothing where it is not."""
    other = journal.jobs.get(job.continued_in) if job.continued_in else None
    if other is None or not other.has_training_of(job):
        return ""
    how = f"retraind retry {other.id}" if other.state is State.FAILED else f"retraind show {other.id}"
    return f"The same files were delivered again, and {other.id} waits for the training that {job.id} has started. Run: {how}"


def _tell_wish(job: Job, to: State, *, begun: bool) -> int:
    """Say what has become of a wish; returns the exit code."""
    voice = Voice().on(job.model, job.id)
    if not begun:
        say(f"{job.id}: not yet done. {voice.tell(job.trouble) if job.trouble else 'See: retraind status'}")
        return BAD
    if to is State.SWITCHING and job.outcome is not Outcome.FAILED:
        say(f"{job.id}: {voice.tell(job.switch_note) if job.switch_note else headline(job)}")
        return GOOD if job.outcome is Outcome.SWITCHED and not job.switch_note else BAD
    if job.state is State.FAILED and job.problem:
        say(f"{job.id}: {voice.tell(job.problem)}")
        return BAD
    say(f"{job.id}: taken up again. See: retraind show {job.id}")
    return GOOD


def release(options: argparse.Namespace) -> int:
    """End the hold of a model or a job."""
    with opened_journal(options) as (settings, journal):
        if options.name in settings.models:
            return _release_model(settings, journal, options.name)
        return _release_job(journal, the_job(journal, options.name))


def _release_model(settings: Settings, journal: Journal, name: str) -> int:
    if journal.holds.release(name, "a person released it"):
        say(f"{name}: released.")
        return GOOD
    taken, silent = _take_folders(settings, name)
    if taken:
        say(f"{name}: {' and '.join(taken)} will be used as it is now.")
    for trouble in silent:
        complain(trouble)
    if not taken and not silent:
        complain(f"{name} is not on hold.")
    return GOOD if taken and not silent else BAD


def _take_folders(settings: Settings, name: str) -> tuple[list[str], list[str]]:
    """Let a model's folders count as its own though they are not the ones that were known.

    Returns which, and sentences on those that do not answer: which folder is there cannot be told then.
    """
    shares = Shares.beside(settings.state.journal_file)
    model = settings.models[name]
    uses = {name: model.drop, f"{name}.done": model.done_folder, f"{name}.failed": model.failed_folder}

    def question(use: str, folder: Path) -> Question[Problem | None]:
        return folder, lambda _: shares.trouble(use, folder)

    answers = ask_each([question(use, folder) for use, folder in uses.items()])
    taken, silent = [], []
    for (use, folder), trouble in zip(uses.items(), answers, strict=True):
        if isinstance(trouble, OSError):
            silent.append(Voice().tell(file_problem(trouble, folder)))
        elif trouble and shares.forget(use):
            taken.append(str(folder))
    return taken, silent


def _release_job(journal: Journal, job: Job) -> int:
    if job.hold is None and not job.waits_for_window:
        complain(f"{job.id} is not on hold.")
        return BAD
    changes: dict[str, Any] = {"hold": None, "held_until": None, "wake_at": None, "trouble": None}
    if job.waits_for_window:
        changes["window_waived"] = True
    elif job.upload_held:
        changes |= {"upload_held": False, "registrations": 0}
    elif job.held_until is not None:
        # Only a budget holds a job until a date. Whoever ends another hold has said nothing of money.
        changes["budget_waived"] = True
    _written(journal, job, "released", **changes)
    say(f"{job.id}: released.")
    return GOOD


def adopt(options: argparse.Namespace) -> int:
    """Bring the jobs of a model that has another name now over to it: those in work, the history and the holds."""
    old, new = options.old, options.new
    with opened_journal(options) as (settings, journal):
        if old in settings.models:
            raise ConfigError([problem("model_still_configured", name=old)])
        if new not in settings.models:
            raise ConfigError([problem("model_unknown", name=new, known=sorted(settings.models))])
        if old not in journal.jobs.counts():
            complain(f"There are no jobs of a model {old!r}.")
            return BAD
        count = journal.rename_model(old, new, NOT_CONFIGURED)
        say(f"{new}: has the jobs of {old} now ({count}), with their history.")
        if running_instance(settings.state.journal_file) is None:
            say("No retraind is running; what is in work goes on when it starts.")
        return GOOD


def rebuild(options: argparse.Namespace) -> int:
    """Rebuild a lost or damaged journal from the job folders."""
    settings, _ = load(options.config)
    log.set_up(level="ERROR", words=in_words)
    file = settings.state.journal_file
    with sole_instance(file):
        try:
            journal = Journal.open(file)
        except JournalDamagedError as error:
            say(
                f"{Voice().tell(error.problem)}\nIt is set aside as {set_aside(file)}, and a new one is begun."
            )
            journal = Journal.open(file)
        try:
            found = rebuild_journal(settings, journal, JobFiles.beside(file), believe=True)
        finally:
            journal.close()
    for folder in found.foreign:
        say(f"{folder}: there is no usable job.json in it; it is left alone.")
    for job in found.believed:
        say(f"{job.id} ({job.state}): its job.json has no good seal; it was believed as it is.")
    say(f"Jobs taken over from their folders: {len(found.adopted)}.")
    return GOOD
