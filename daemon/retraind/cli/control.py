"""`retry`, `switch`, `release`, `adopt`, `rebuild`: requests in the journal, which the daemon carries out."""

import argparse
import time
from contextlib import closing
from dataclasses import replace
from pathlib import Path

from retraind.cli.jobs import hold_of, opened_journal, policy_of, the_job
from retraind.cli.output import BAD, GOOD, USAGE, Refused, print_problem, print_text, print_words
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
        running = _is_running(settings)
        print_words("request_sent" if running else "request_noted", job=job.id, switch=switching)
        if switching and (warning := next_delivery(job.model, policy_of(settings, job))):
            print_text(Voice().tell(warning))
        if not running:
            return GOOD
        deadline = time.monotonic() + _PATIENCE
        while (
            time.monotonic() < deadline and job.state is asked.state and not (hold := hold_of(journal, job))
        ):
            time.sleep(0.1)
            job = journal.jobs.get(job.id) or job
        if job.state is asked.state and hold:
            print_words("request_on_hold", hold=hold)
            return BAD
        while time.monotonic() < deadline and switching and job.state not in RESTING:
            time.sleep(0.1)
            job = journal.jobs.get(job.id) or job
        return _print_result(job, to, begun=job.state is not asked.state)


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
    if job.state is State.FAILED and job.end and job.end.resume_in in {State.TRAINED, State.SWITCHING}:
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


def _print_result(job: Job, to: State, *, begun: bool) -> int:
    """Print what has become of a request; returns the exit code."""
    voice = Voice().on(job.model, job.id)
    if not begun:
        print_text(voice.label("request_unfinished", job=job.id, seconds=_PATIENCE, trouble=job.wait.trouble))
        return BAD
    if to is State.SWITCHING and job.outcome is not Outcome.FAILED:
        result = voice.tell(job.switch_note or headline(job))
        print_words("request_result", job=job.id, result=result)
        return GOOD if job.outcome is Outcome.SWITCHED and not job.switch_note else BAD
    if job.state is State.FAILED and job.problem:
        print_words("request_result", job=job.id, result=voice.tell(job.problem))
        return BAD
    print_words("retry_begun", job=job.id)
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
        print_words("release_done", name=job.id, running=_is_running(settings))
        return GOOD


def _release_model(settings: Settings, journal: Journal, name: str) -> int:
    if journal.holds.release(name, problem("released_by_person")):
        print_words("release_done", name=name, running=_is_running(settings))
        return GOOD
    codes = _accept_folders(settings, name)
    if not codes:
        held = [job.id for job in journal.jobs.active(name) if job.hold]
        raise Refused(problem("not_on_hold", name=name, held=held))
    return max(codes)


def _accept_folders(settings: Settings, name: str) -> list[int]:
    """Accept a model's folders as its own though they are not the ones that were known.

    Returns an exit code for each; which folder one is that does not answer, nobody can know.
    """
    shares, model = Shares.beside(settings.state.journal_file), settings.models[name]
    uses = {name: model.drop, f"{name}.done": model.done_folder, f"{name}.failed": model.failed_folder}

    def question(use: str, folder: Path) -> Question[Problem | None]:
        return folder, lambda _: shares.trouble(use, folder)

    codes = []
    answers = ask_each([question(use, folder) for use, folder in uses.items()])
    for (use, folder), trouble in zip(uses.items(), answers, strict=True):
        if isinstance(trouble, OSError):
            print_problem(file_problem(trouble, folder))
            codes.append(BAD)
        elif trouble and shares.forget(use):
            print_words("release_folder", model=name, path=folder)
            codes.append(GOOD)
    return codes


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
        print_words("adopt_done", before=old, model=new, jobs=count, running=_is_running(settings))
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
            print_words("rebuild_set_aside", why=error.problem, path=set_aside(file))
            journal = Journal.open(file)
        with closing(journal):
            found = rebuild_journal(settings, journal, JobFiles.beside(file), believe=True)
    for folder in found.foreign:
        print_words("rebuild_foreign", path=folder)
    for job in found.believed:
        print_words("rebuild_accepted", job=job.id, state=job.state)
    print_words("rebuild_done", jobs=len(found.adopted))
    return GOOD
