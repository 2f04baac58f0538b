"""`status`, `jobs` and `show`: what is in the journal and the folders."""

import argparse
import sys

from retraind.cli.daemon_screen import print_daemon
from retraind.cli.journals import look, opened_journal
from retraind.cli.naming import the_job
from retraind.cli.output import (
    BAD,
    GOOD,
    USAGE,
    Refused,
    print_json,
    print_laid_out,
    print_text,
    print_words,
    text_width,
)
from retraind.cli.screens import console, print_jobs, print_models
from retraind.config.settings import Settings
from retraind.domain.job import Job, State
from retraind.domain.names import SHORT_ID
from retraind.domain.problems import Problem, problem
from retraind.domain.turns import next_in_turn
from retraind.report.job_json import job_json
from retraind.report.job_screen import event_line, job_text, whereabouts
from retraind.report.messages import detail_in_words
from retraind.report.model_status import overview
from retraind.report.standing import job_standing
from retraind.report.wording import Voice
from retraind.store.instance import running_instance
from retraind.store.journal import Journal


def status(options: argparse.Namespace) -> int:
    """Show models, what is in work and what is on hold."""
    loaded = look(options)
    with opened_journal(loaded) as (settings, journal):
        found = overview(settings, journal, Voice(), loaded.refused)
    if options.json:
        print_json(found.model_dump(mode="json"))
    else:
        voice, out = Voice(), console()
        print_daemon(out, found.process, found.daemon, settings.state.journal_file, voice)
        print_models(out, found.models, voice)
        for host in found.hosts:
            print_words("waiting_for", outage=host.sentence)
        if found.journal_trouble:
            print_words("journal_trouble", why=found.journal_trouble)
    bad = any(model.hold or model.trouble or any(job.stuck for job in model.jobs) for model in found.models)
    bad = bad or bool(loaded.problems or found.journal_trouble)
    return GOOD if found.daemon.is_well and not found.hosts and not bad else BAD


def jobs(options: argparse.Namespace) -> int:
    """List jobs, newest first."""
    if options.state is not None and options.state not in set(State):
        raise Refused(problem("state_unknown", name=options.state, known=list(State)), USAGE)
    states = frozenset({State(options.state)}) if options.state else None
    with opened_journal(look(options)) as (settings, journal):
        if options.model is not None and options.model not in settings.models:
            # The jobs of a model that was removed from the configuration can still be listed.
            known = {*settings.models, *journal.jobs.counts()}
            if options.model not in known:
                raise Refused(problem("model_unknown", name=options.model, known=sorted(known)), USAGE)
        before = the_job(journal, options.before) if options.before else None
        found = journal.jobs.newest(
            options.model, states, limit=min(options.limit, sys.maxsize), before=before
        )
        holds = journal.holds.all()
        published = {journal.published(model) for model in {job.model for job in found}}
    if options.json:
        print_json([job_json(job, Voice()) for job in found])
        return GOOD
    voice, out = Voice(), console()
    if found:
        print_jobs(out, found, holds, published)
    else:
        out.print(voice.label("jobs_none"))
    if found and len(found) == options.limit:
        out.print(voice.label("jobs_older", before=found[-1].id[-SHORT_ID:]), style="dim")
    return GOOD


def show(options: argparse.Namespace) -> int:
    """Show one job and its history."""
    with opened_journal(look(options)) as (settings, journal):
        job = the_job(journal, options.job)
        events = journal.events.history(job.id)
        active, hold = journal.jobs.active(job.model), hold_of(journal, job)
        found = whereabouts(job, settings)
    if options.json:
        history = [
            event._asdict() | {"at": event.at.isoformat(), "detail": detail_in_words(event, Voice())}
            for event in events
        ]
        known = {
            "folder": found.folder and str(found.folder),
            "sent_bytes": found.sent,
            "progress": found.step and found.step._asdict(),
            "in_doubt": found.doubt,
        }
        print_json(job_json(job, Voice()) | known | {"history": history})
        return GOOD
    running = running_instance(settings.state.journal_file) is not None
    now = job_standing(job, next_in_turn(active), settings.api.host, running=running, step=found.step)
    print_laid_out(job_text(job, now, hold, found, policy=policy_of(settings, job), width=text_width()))
    print_words("history_heading")
    for event in events:
        print_text(f"  {event_line(event, Voice())}")
    return GOOD


def hold_of(journal: Journal, job: Job) -> Problem | None:
    """Return what hold a job waits for; None if it waits for none."""
    holds = journal.holds.all()
    if not job.waits_for_hold(holds):
        return None
    if job.hold:
        return problem("job_on_hold", job=job.id, why=job.hold.problem)
    return problem("model_on_hold", model=job.model, why=holds[job.model].problem)


def policy_of(settings: Settings, job: Job) -> str | None:
    """Return what `switch` says of a job's model; None when it is no longer in the configuration."""
    model = settings.models.get(job.model)
    return model.switch if model else None
