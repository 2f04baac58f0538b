"""`adopt`, `snooze`, `rebuild`: another name for a model, a pause, the journal from the job folders."""

import argparse
from contextlib import closing
from datetime import timedelta

from pydantic import TypeAdapter, ValidationError

from retraind.cli.journals import look, opened_journal
from retraind.cli.live.onlooker import progress_bar
from retraind.cli.output import GOOD, USAGE, Refused, print_words
from retraind.cli.ownership import act_as_owner, whoever_asks
from retraind.cli.requests import is_running
from retraind.config.types import SpanWithUnit
from retraind.domain.failures import JournalDamagedError
from retraind.domain.problems import problem
from retraind.jobs.folders import NOT_CONFIGURED
from retraind.report.wording import in_words
from retraind.store.copies.recovery import rebuild as rebuild_journal
from retraind.store.copies.sidecar import JobFiles
from retraind.store.database import set_aside
from retraind.store.instance import sole_instance
from retraind.store.journal import Journal
from retraind.store.opening import needed
from retraind.system import log
from retraind.system.clock import Clock


def adopt(options: argparse.Namespace) -> int:
    """Move the jobs of a model that has another name now: those in work, the history and the holds."""
    old, new, by = options.old, options.new, whoever_asks()
    with opened_journal(look(options), write=True) as (settings, journal):
        configured, with_jobs = settings.models.keys(), journal.jobs.counts().keys()
        if old in configured:
            raise Refused(problem("model_still_configured", name=old), USAGE)
        if new not in configured:
            raise Refused(problem("model_unknown", name=new, known=sorted(configured)), USAGE)
        if old not in with_jobs:
            raise Refused(problem("model_without_jobs", name=old, known=sorted(with_jobs - configured)))
        count = journal.rename_model(old, new, NOT_CONFIGURED, by)
        print_words("adopt_done", before=old, model=new, jobs=count, running=is_running(settings))
        return GOOD


def snooze(options: argparse.Namespace) -> int:
    """Report no late deliveries of a model for a while."""
    by = whoever_asks()
    if (options.time is None) is not options.end:
        raise Refused(problem("snooze_how_long", model=options.model), USAGE)
    with opened_journal(look(options), write=True) as (settings, journal):
        model = settings.models.get(options.model)
        if model is None:
            raise Refused(problem("model_unknown", name=options.model, known=sorted(settings.models)), USAGE)
        if model.expect is None:
            raise Refused(problem("nothing_expected", name=options.model), USAGE)
        until = Clock().now() + (timedelta(0) if options.end else _span(options.time))
        journal.arrivals.snooze(options.model, until, by)
        print_words("snooze_ended" if options.end else "snooze_done", model=options.model, until=until)
        return GOOD


def _span(text: str) -> timedelta:
    try:
        return TypeAdapter(SpanWithUnit).validate_python(text)
    except ValidationError:
        raise Refused(problem("snooze_time_unreadable", text=text), USAGE) from None


def rebuild(options: argparse.Namespace) -> int:
    """Rebuild a lost or damaged journal from the job folders."""
    by = whoever_asks()
    loaded = look(options)
    log.set_up(level="ERROR", words=in_words)
    act_as_owner(loaded.settings)
    file = loaded.settings.state.journal_file
    with needed(file), sole_instance(file):
        try:
            journal = Journal.open(file)
        except JournalDamagedError as error:
            print_words("rebuild_set_aside", why=error.problem, path=set_aside(file))
            journal = Journal.open(file)
        with closing(journal):
            journal.events.note("rebuild_asked", **by.as_detail())
            with progress_bar() as watcher:
                found = rebuild_journal(
                    loaded.settings, journal, JobFiles.beside(file), believe=True, watcher=watcher
                )
    for folder in found.foreign:
        print_words("rebuild_foreign", path=folder)
    for job in found.believed:
        print_words("rebuild_accepted", job=job.id, state=job.state)
    print_words("rebuild_done", jobs=len(found.adopted))
    return GOOD
