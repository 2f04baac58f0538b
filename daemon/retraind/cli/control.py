"""`retry`, `switch`, `release`, `adopt`, `rebuild`: requests in the journal, which the daemon carries out."""

import argparse
import time
from dataclasses import replace
from pathlib import Path

from retraind.cli.jobs import hold_of, opened_journal, policy_of, the_job
from retraind.cli.output import BAD, GOOD, USAGE, Refused, complain, say, tell
from retraind.config.load import load
from retraind.config.settings import Settings
from retraind.domain.failures import JournalDamagedError
from retraind.domain.job import RESTING, Job, Outcome, State
from retraind.domain.problems import Problem, file_problem, problem
from retraind.intake.share_identity import Shares
from retraind.jobs.folders import NOT_CONFIGURED
from retraind.jobs.outcomes import released
from retraind.report.notes import headline, next_delivery
from retraind.report.wording import Voice, in_words
from retraind.store.database import running_instance, set_aside, sole_instance
from retraind.store.jobs import Conflict
from retraind.store.journal import Journal
from retraind.store.opening import needed
from retraind.store.recovery import rebuild as rebuild_journal
from retraind.store.sidecar import JobFiles
from retraind.system import log
from retraind.system.probe import Question, ask_each

_UNPUBLISHED = frozenset({State.TRAINED, State.SWITCHING})
"""Where failed jobs would continue whose training is good."""
_PATIENCE = 30
"""Seconds that a command waits for the daemon to carry out its request."""


def retry(options: argparse.Namespace) -> int:
    """Give a failed job another try."""
    return _ask_for(options, State.RESTORING, "retry_asked")


def switch(options: argparse.Namespace) -> int:
    """Make a finished job's model the published one."""
    return _ask_for(options, State.SWITCHING, "switch_asked")


def _ask_for(options: argparse.Namespace, to: State, event: str) -> int:
    """Write a request into the journal and, if a daemon is running, wait until it is carried out."""
    with opened_journal(options) as (settings, journal):
        job, switching = the_job(journal, options.job), to is State.SWITCHING
        if job.state is to:
            raise Refused(problem("request_pending", job=job.id, switch=switching))
        asked = _asked_to_switch(job) if switching else _asked_to_retry(journal, job)
        job, hold = _written(journal, job, asked, event), ""
        wish, running = job.state, _is_running(settings)
        tell("request_sent" if running else "request_noted", job=job.id, switch=switching)
        if switching and (warning := next_delivery(job.model, policy_of(settings, job))):
            say(Voice().tell(warning))
        if not running:
            return GOOD
        deadline = time.monotonic() + _PATIENCE
        while time.monotonic() < deadline and job.state is wish and not (hold := hold_of(journal, job)):
            time.sleep(0.1)
            job = journal.jobs.get(job.id) or job
        if job.state is wish and hold:
            tell("request_on_hold", hold=hold)
            return BAD
        while time.monotonic() < deadline and switching and job.state not in RESTING:
            time.sleep(0.1)
            job = journal.jobs.get(job.id) or job
        return _tell_result(job, to, begun=job.state is not wish)


def _asked_to_retry(journal: Journal, job: Job) -> Job:
    """Return a failed job that is to come back into work. Raises Refused."""
    other = journal.jobs.get(job.end.continued_in) if job.end and job.end.continued_in else None
    if other is not None and other.has_training_of(job):
        failed = other.state is State.FAILED
        raise Refused(problem("job_continued", job=job.id, other=other.id, failed=failed))
    if job.state is not State.FAILED:
        active = job.state not in RESTING
        raise Refused(problem("job_not_failed", job=job.id, state=job.state, active=active))
    return replace(job, state=State.RESTORING)


def _asked_to_switch(job: Job) -> Job:
    """Return a job that is to come back into work to publish its model. Raises Refused."""
    if job.state is State.FAILED and job.end and job.end.resume_in in _UNPUBLISHED:
        # Its training is good: it comes back into work for the switch alone.
        return replace(job, state=State.RESTORING, end=replace(job.end, resume_in=State.SWITCHING))
    if job.state is not State.DONE:
        active = job.state not in RESTING
        raise Refused(problem("job_not_done", job=job.id, state=job.state, active=active))
    if not job.trained_at:
        trained_by = job.end.earlier_job if job.end and job.outcome is Outcome.DUPLICATE else None
        raise Refused(problem("job_not_trained", job=job.id, outcome=job.outcome, trained_by=trained_by))
    return replace(job, state=State.SWITCHING)


def _written(journal: Journal, job: Job, after: Job, event: str) -> Job:
    """Write a request into the journal. Raises Refused when another process was faster."""
    try:
        return journal.jobs.write(job, after, event)
    except Conflict:
        raise Refused(problem("job_changed", job=job.id)) from None


def _is_running(settings: Settings) -> bool:
    return running_instance(settings.state.journal_file) is not None


def _tell_result(job: Job, to: State, *, begun: bool) -> int:
    """Print what has become of a request; returns the exit code."""
    voice = Voice().on(job.model, job.id)
    if not begun:
        say(voice.label("request_unfinished", job=job.id, seconds=_PATIENCE, trouble=job.wait.trouble))
        return BAD
    if to is State.SWITCHING and job.outcome is not Outcome.FAILED:
        result = voice.tell(job.switch_note or headline(job))
        tell("request_result", job=job.id, result=result)
        return GOOD if job.outcome is Outcome.SWITCHED and not job.switch_note else BAD
    if job.state is State.FAILED and job.problem:
        tell("request_result", job=job.id, result=voice.tell(job.problem))
        return BAD
    tell("retry_begun", job=job.id)
    return GOOD


def release(options: argparse.Namespace) -> int:
    """End the hold of a model or a job."""
    name = options.name
    with opened_journal(options) as (settings, journal):
        if name in settings.models:
            return _release_model(settings, journal, name)
        if not journal.jobs.find(name):
            raise Refused(problem("model_or_job_unknown", name=name, known=sorted(settings.models)))
        job = the_job(journal, name)
        _written(journal, job, _released(journal, job), "released")
        tell("release_done", name=job.id, running=_is_running(settings))
        return GOOD


def _release_model(settings: Settings, journal: Journal, name: str) -> int:
    if journal.holds.release(name, problem("released_by_person")):
        tell("release_done", name=name, running=_is_running(settings))
        return GOOD
    taken, silent = _take_folders(settings, name)
    if taken:
        tell("release_folders", model=name, folders=taken)
    for each in silent:
        complain(each)
    if not taken and not silent:
        held = [job.id for job in journal.jobs.active(name) if job.hold]
        raise Refused(problem("not_on_hold", name=name, held=held))
    return GOOD if taken and not silent else BAD


def _take_folders(settings: Settings, name: str) -> tuple[list[Path], list[Problem]]:
    """Accept a model's folders as its own though they are not the ones that were known.

    Returns which, and a problem for each that does not answer: which folder is there is unknown then.
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
            silent.append(file_problem(trouble, folder))
        elif trouble and shares.forget(use):
            taken.append(folder)
    return taken, silent


def _released(journal: Journal, job: Job) -> Job:
    """Return a job whose hold a person ends. Raises Refused when there is none."""
    after = released(job)
    if job.waits_for_window:
        return replace(after, waived=replace(job.waived, window=True))
    if job.hold is None:
        held = [job.model] if journal.holds.is_held(job.model) else []
        raise Refused(problem("not_on_hold", name=job.id, held=held))
    if job.tries.upload_held:
        return replace(after, tries=replace(job.tries, upload_held=False, registrations=0))
    # Only a budget holds a job until a date. Whoever ends another hold has said nothing of money.
    return replace(after, waived=replace(job.waived, budget=True)) if job.hold.until else after


def adopt(options: argparse.Namespace) -> int:
    """Move the jobs of a model that has another name now: those in work, the history and the holds."""
    old, new = options.old, options.new
    with opened_journal(options) as (settings, journal):
        configured, with_jobs = settings.models.keys(), journal.jobs.counts().keys()
        if old in configured:
            raise Refused(problem("model_still_configured", name=old), USAGE)
        if new not in configured:
            raise Refused(problem("model_unknown", name=new, known=sorted(configured)), USAGE)
        if old not in with_jobs:
            raise Refused(problem("model_without_jobs", name=old, known=sorted(with_jobs - configured)))
        count = journal.rename_model(old, new, NOT_CONFIGURED)
        tell("adopt_done", before=old, model=new, jobs=count, running=_is_running(settings))
        return GOOD


def rebuild(options: argparse.Namespace) -> int:
    """Rebuild a lost or damaged journal from the job folders."""
    settings, _ = load(options.config)
    log.set_up(level="ERROR", words=in_words)
    file = settings.state.journal_file
    with needed(file), sole_instance(file):
        try:
            journal = Journal.open(file)
        except JournalDamagedError as error:
            tell("rebuild_set_aside", why=error.problem, path=set_aside(file))
            journal = Journal.open(file)
        try:
            found = rebuild_journal(settings, journal, JobFiles.beside(file), believe=True)
        finally:
            journal.close()
    for folder in found.foreign:
        tell("rebuild_foreign", path=folder)
    for job in found.believed:
        tell("rebuild_accepted", job=job.id, state=job.state)
    tell("rebuild_done", jobs=len(found.adopted))
    return GOOD
