"""`status`, `jobs` and `show`: what the journal and the folders tell."""

import argparse
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from sqlalchemy.exc import DatabaseError

from retraind import __version__
from retraind.cli.output import BAD, GOOD, complain_of, console, new_table, print_json, say
from retraind.config.load import load_to_look
from retraind.config.settings import Settings
from retraind.domain.failures import ConfigError, JournalError
from retraind.domain.job import SHORT_ID, Job, State
from retraind.domain.problems import legacy, problem
from retraind.domain.turns import next_in_turn
from retraind.report import notes
from retraind.report.messages import detail_in_words
from retraind.report.model_status import overview
from retraind.report.status_file import doing
from retraind.report.wording import Voice
from retraind.store.database import is_there, unusable
from retraind.store.journal import Journal
from retraind.system.clock import for_people
from retraind.system.escape import display


@contextmanager
def opened_journal(options: argparse.Namespace) -> Iterator[tuple[Settings, Journal]]:
    """Open the journal that is there already. Raises ConfigError, JournalError."""
    settings, _, problems = load_to_look(options.config)
    for each in problems:
        complain_of(each)
    file = settings.state.journal_file
    if not is_there(file):
        raise JournalError(
            legacy(f"There is no journal at {file} yet: retraind has not run with this configuration.")
        )
    journal = Journal.open(file)
    try:
        yield settings, journal
    except DatabaseError as error:
        raise unusable(file, error) from error
    finally:
        journal.close()


def status(options: argparse.Namespace) -> int:
    """Show models, what is in work and what is on hold."""
    with opened_journal(options) as (settings, journal):
        found = overview(settings, journal)
    if options.json:
        print_json(found.model_dump(mode="json"))
    else:
        running = f"running (process {found.process})" if found.process else "NOT RUNNING"
        out = console()
        out.print(f"retraind {__version__}: {running}", highlight=False)
        counts = ("in work", "done", "failed")
        table = new_table("model", "drop folder", *counts, "published", "what now", numbers=counts)
        for model in found.models:
            table.add_row(
                model.name, display(model.drop), str(len(model.jobs)), str(model.done), str(model.failed),
                model.published[-SHORT_ID:] if model.published else "-",
                "\n".join(map(display, model.sentences)) or "waiting for files",
            )  # fmt: skip
        out.print(table)
        for host in found.hosts:
            out.print(display(f"WAITING: {host.sentence}"), soft_wrap=True)
    bad = any(model.hold or model.trouble or any(job.stuck for job in model.jobs) for model in found.models)
    well = found.process and not found.hosts and not bad
    return GOOD if well else BAD


def jobs(options: argparse.Namespace) -> int:
    """List jobs, newest first."""
    if options.state is not None and options.state not in set(State):
        raise ConfigError([problem("state_unknown", name=options.state, known=list(State))])
    if options.limit < 1:
        raise ConfigError([problem("limit_too_low", limit=options.limit)])
    states = frozenset({State(options.state)}) if options.state else None
    with opened_journal(options) as (settings, journal):
        if options.model is not None and options.model not in settings.models:
            # The jobs of a model that was taken out of the configuration can still be listed.
            known = {*settings.models, *journal.jobs.counts()}
            if options.model not in known:
                raise ConfigError([problem("model_unknown", name=options.model, known=sorted(known))])
        before = the_job(journal, options.before) if options.before else None
        found = journal.jobs.newest(
            options.model, states, limit=min(options.limit, sys.maxsize), before=before
        )
        holds = journal.holds.all()
        published = {journal.published(model) for model in {job.model for job in found}}
    if options.json:
        print_json([_job_as_json(job) for job in found])
        return GOOD
    table = new_table("job", "model", "state", "outcome", "taken in")
    for job in found:
        state = f"{job.state} (on hold)" if job.waits_for_hold(holds) else str(job.state)
        outcome = f"{job.outcome or ''}{' (published now)' * (job.id in published)}"
        table.add_row(display(job.id), job.model, state, outcome, for_people(job.created_at))
    console().print(table if found else "No jobs.")
    if found and len(found) == options.limit:
        console().print(f"For those before: --before {found[-1].id[-SHORT_ID:]}", style="dim")
    return GOOD


def show(options: argparse.Namespace) -> int:
    """Show one job and its history."""
    with opened_journal(options) as (settings, journal):
        job = the_job(journal, options.job)
        events = journal.events.history(job.id)
        active, hold = journal.jobs.active(job.model), hold_of(journal, job)
    if options.json:
        history = [
            event._asdict() | {"at": event.at.isoformat(), "detail": detail_in_words(event)}
            for event in events
        ]
        print_json(_job_as_json(job) | {"history": history})
        return GOOD
    if job.outcome:
        say(notes.note(job, policy=policy_of(settings, job)))
    else:
        say(
            f"{job.id} ({job.state}): it {doing(job, next_in_turn(active))}. {Voice().on(job.model, job.id).tell(job.trouble) if job.trouble else ''}".rstrip()
            + "\n"
        )
    if hold:
        say(f"{hold}\n")
    say("History:")
    for event in events:
        detail = "  ".join(
            f"{name}={', '.join(map(str, value)) if isinstance(value, list) else value}"
            for name, value in detail_in_words(event).items()
            if value and name not in {"code", "facts"}
        )
        say(f"  {for_people(event.at)}  {event.event:<24} {detail}".rstrip())
    return GOOD


def the_job(journal: Journal, name: str) -> Job:
    """Return the job that a person named. Raises JournalError in words when there is none, or are several."""
    found = journal.jobs.find(name)
    if not found:
        raise JournalError(legacy(f"There is no job {name!r}. See: retraind jobs"))
    if len(found) > 1:
        raise JournalError(
            legacy(f"{name!r} could be {', '.join(job.id for job in found)}, or more. Write more of it.")
        )
    return found[0]


def _job_as_json(job: Job) -> dict[str, Any]:
    made: dict[str, Any] = job.model_dump(mode="json", exclude={"upload_ticket"})
    return made


def hold_of(journal: Journal, job: Job) -> str:
    """Say for what hold a job waits; nothing if it waits for none."""
    holds = journal.holds.all()
    if not job.waits_for_hold(holds):
        return ""
    if job.hold:
        return f"{job.id} is on hold: {Voice().on(job.model, job.id).tell(job.hold)}"
    return f"{job.model} is on hold: {Voice().on(job.model).tell(holds[job.model].problem)}"


def policy_of(settings: Settings, job: Job) -> str | None:
    """Return what `switch` says of a job's model; None when it is no longer in the configuration."""
    model = settings.models.get(job.model)
    return model.switch if model else None
